"""Many runs in parallel: Dask workers for sweeps and for data sets of generated chorales."""
