"""Judging a finished chorale: counts of faults, style, phrasing, discriminability, and a grade."""
