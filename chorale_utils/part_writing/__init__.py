"""What a harmony teacher marks in four-part writing, where, and the marked score."""
