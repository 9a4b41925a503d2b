"""The notebooks: their plots, how they are executed and recorded, and results that are kept."""
