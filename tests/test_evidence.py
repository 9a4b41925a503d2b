"""What the search sees of a chorale."""

import numpy as np
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import Chorale
from chorale_utils.harmony.evidence import MOTIONS, ONSETS, Frames, frame_starts

BY_PITCH_CLASS = ("notes", "absent", "bass", "keys")
WITHOUT = ("places", "changes")


@settings(max_examples=20, deadline=None)
@given(
    arrays(np.int64, st.tuples(st.integers(1, 20), st.just(4)), elements=st.integers(45, 75)),
    st.integers(1, 11),
    st.integers(0, 15),
)
def test_a_transposed_chorale_looks_the_same_transposed(pitches, semitones, pickup):
    one = Chorale(pitches, time_signature="4/4", pickup=pickup)
    here, there = Frames(one), Frames(one.transpose(semitones))
    for name in BY_PITCH_CLASS:
        moved = np.roll(getattr(here, name), semitones, axis=2)
        assert np.allclose(moved, getattr(there, name)), name
    for name in WITHOUT:
        assert np.allclose(getattr(here, name), getattr(there, name)), name


def test_frames_are_eighths_that_begin_on_bar_lines():
    chorale = Chorale(np.tile([72, 67, 64, 48], (22, 1)), time_signature="4/4", pickup=5)
    starts = frame_starts(chorale)
    assert starts.tolist() == [0, *range(1, 22, 2)]
    frames = Frames(chorale)
    assert frames.starts.tolist() == starts.tolist()
    assert (frames.ends - frames.starts).tolist() == [1, *[2] * 10, 1]
    assert frames.places[starts == 5, 1] == 1  # the first beat of a bar


def test_every_note_counts_once_in_the_frame_where_it_sounds():
    pitches = np.array([[72, 67, 64, 48]] * 2 + [[74, 67, 0, 48]] * 2)
    frames = Frames(Chorale(pitches, time_signature="4/4"))
    sorted_notes = frames.notes[:, : MOTIONS * ONSETS].sum(axis=1)
    assert sorted_notes[0, [0, 4, 7]].tolist() == [2, 1, 1]
    assert sorted_notes[1].sum() == 3
    assert frames.bass[0, : MOTIONS * ONSETS].sum(axis=0).argmax() == 0


def test_a_suspension_and_a_passing_note_do_different_things():
    suspended = [[72, 67, 64, 48]] * 4 + [[72, 67, 62, 43]] * 2 + [[71, 67, 62, 43]] * 2
    passing = [[72, 67, 64, 48]] * 2 + [[71, 67, 64, 48]] * 2 + [[69, 67, 64, 48]] * 4
    seen = []
    for pitches, frame, pitch_class in ((suspended, 2, 0), (passing, 1, 11)):
        frames = Frames(Chorale(np.array(pitches), time_signature="4/4"))
        seen.append(int(frames.notes[frame, : MOTIONS * ONSETS, pitch_class].argmax()))
    held_then_down = (0 * 4 + 2) * ONSETS + 2  # from nothing, down; held into a beat
    down_and_down = (2 * 4 + 2) * ONSETS + 1  # down, down; struck off the beat
    assert seen == [held_then_down, down_and_down]
