"""Rules that are kept while notes are written."""

import numpy as np

from chorale_utils import generate
from chorale_utils.form import Form


def augmented_seconds(piece, tonic):
    """How many voices go between the sixth degree and the raised seventh."""
    pitches = piece.pitches.astype(int)
    before, after = pitches[:-1], pitches[1:]
    both = (before > 0) & (after > 0)
    low, high = np.minimum(before, after), np.maximum(before, after)
    return int((both & (high - low == 3) & ((low - tonic) % 12 == 8)).sum())


def leaping_sevenths(piece):
    """How often the seventh of a dominant seventh chord in root position leaps or rises."""
    count = 0
    for before, after in zip(piece.pitches[:-1].astype(int), piece.pitches[1:].astype(int)):
        above = (before - before[before > 0].min()) % 12 if before.any() else before
        chord = set(above[before > 0])
        if {4, 10} <= chord <= {0, 4, 7, 10}:
            falls = (before - after)[(before > 0) & (above == 10) & (after > 0)]
            count += int(((falls < 0) | (falls > 2)).sum())
    return count


def test_sevenths_fall_and_minor_has_no_augmented_seconds_where_that_is_asked(small_phrase_gru):
    form = Form((128,) * 4, (8,) * 4, "g minor", "4/4")
    how = {"count": 12, "form": form, "seed": 1, "progress": False}
    free = generate(small_phrase_gru, **how)
    kept = generate(small_phrase_gru, sevenths=False, augmented=False, **how)
    assert sum(augmented_seconds(piece, 7) for piece in free) > 20
    assert sum(leaping_sevenths(piece) for piece in free) > 3
    assert sum(augmented_seconds(piece, 7) for piece in kept) == 0
    assert sum(leaping_sevenths(piece) for piece in kept) == 0
