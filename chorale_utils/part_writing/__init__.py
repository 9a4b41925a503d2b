"""Part-writing: the faults that a harmony teacher would mark, and the marked score."""
