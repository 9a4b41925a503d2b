"""What can be said about a finished chorale: counterpoint, style, and one grade."""
