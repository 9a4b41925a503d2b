"""A chorale as sound: synthesised, encoded, and played in a notebook with a cursor in the score."""
