"""Wishes: what each voice may sing on each step."""

import numpy as np
import pytest

from chorale_utils import generate
from chorale_utils.encoding import END
from chorale_utils.form import Form


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 200])
def test_a_length_asked_for_is_the_length(die, steps):
    assert [len(piece) for piece in generate(die(t10=0.5, t0=0.5), 2, steps=steps)] == [
        steps,
        steps,
    ]


def test_minus_one_in_given_is_free_and_not_the_end(small_note_gru):
    assert END == -1
    assert len(generate(small_note_gru, given=np.full((8, 4), -1), seed=0)[0]) == 8


def test_ranges_may_be_named(small_note_gru):
    numbers = {"soprano": (60, 81), "bass": (38, 58)}
    names = {"soprano": ("C4", "A5"), "bass": ("D2", "B♭3")}
    by_number, by_name = (
        generate(small_note_gru, steps=16, seed=1, ranges=ranges)[0] for ranges in (numbers, names)
    )
    assert by_number == by_name


def test_a_piece_in_minor_ends_with_either_third_but_never_with_both(small_phrase_gru):
    form = Form((16,), (4,), "a minor", "4/4")
    pieces = generate(small_phrase_gru, 40, form=form, seed=1, particles=1, tonic_ending=True)
    chords = [{int(pitch) % 12 for pitch in piece.pitches[-1] if pitch} for piece in pieces]
    assert all(chord <= {9, 0, 1, 4} for chord in chords)
    assert any(0 in chord for chord in chords) and any(1 in chord for chord in chords)
    assert not any({0, 1} <= chord for chord in chords)


def test_pitch_classes_hold_where_they_are_asked_for_and_nowhere_else(small_note_gru):
    classes = np.ones((40, 4, 12), bool)
    classes[8:12] = np.isin(np.arange(12), [2, 9])
    pieces = generate(small_note_gru, 4, steps=48, seed=3, pitch_classes=classes)
    heard = np.stack([piece.pitches for piece in pieces])
    within = heard[:, 8:12]
    assert np.isin(within[within > 0] % 12, [2, 9]).all()
    assert not np.isin(heard[:, 12:][heard[:, 12:] > 0] % 12, [2, 9]).all()
    for wrong in (classes[:, :3], classes.astype(int)):
        with pytest.raises(ValueError, match=r"pitch_classes of shape .*: expected bool"):
            generate(small_note_gru, steps=48, pitch_classes=wrong)
