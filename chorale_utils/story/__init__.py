"""The notebooks: plots, execution, records of runs, and cached results."""
