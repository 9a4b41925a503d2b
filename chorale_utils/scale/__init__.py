"""Many runs at once: Dask workers for sweeps and for data sets of generated chorales."""
