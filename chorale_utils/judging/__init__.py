"""What can be said about a finished chorale: faults counted, style, and one grade."""
