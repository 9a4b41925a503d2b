"""What models of chords have in common: for how long notes have been held."""

import numpy as np
from hypothesis import given, settings, strategies as st

from chorale_utils.models.backend import keras
from chorale_utils.models.chord_reader import LONGEST_HELD, steps_since

runs = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(runs, runs, runs, runs), min_size=1, max_size=2))
def test_held_notes_are_counted_from_the_step_they_began_up_to_31(pieces):
    voices = [[np.repeat(*zip(*run)) for run in piece] for piece in pieces]
    steps = min(len(voice) for piece in voices for voice in piece)
    chords = np.stack(
        [np.stack([voice[:steps] for voice in piece], axis=-1) for piece in voices]
    ).astype(np.int32)
    expected = np.zeros_like(chords)
    for piece, step, voice in np.ndindex(*chords.shape):
        if step and chords[piece, step, voice] == chords[piece, step - 1, voice]:
            expected[piece, step, voice] = min(expected[piece, step - 1, voice] + 1, 31)
    before = np.concatenate([chords[:, :1], chords[:, :-1]], axis=1)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(steps_since(chords != before, LONGEST_HELD)), expected
    )
