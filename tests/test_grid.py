"""The grid: what it finds in each step, counted by hand, whatever pieces stand side by side."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils.chorale import Chorale
from chorale_utils.judging.grid import Grid
from chorale_utils.notation.key import key_of_notes


@st.composite
def chorales(draw, longest=16):
    steps = draw(st.integers(0, longest))
    pitches = arrays(np.int64, (steps, 4), elements=st.one_of(st.just(0), st.integers(48, 72)))
    return Chorale(draw(pitches), pickup=draw(st.integers(0, 3)))


@settings(deadline=None)
@given(chorales())
def test_each_step_has_the_chord_and_the_moves_that_are_counted_by_hand(chorale):
    grid, before = Grid(chorale), [0] * 4
    for step, row in enumerate(chorale.pitches.tolist()):
        notes = [note for note in row if note]
        lowest = min(notes, default=0)
        assert grid.lowest[step] == lowest
        assert grid.chord[step] == sum(1 << above for above in {(n - lowest) % 12 for n in notes})
        assert grid.arrives[step].tolist() == [n > 0 and n != b for n, b in zip(row, before)]
        assert grid.moved[step].tolist() == [0 < n != b > 0 for n, b in zip(row, before)]
        assert grid.place[step] == (step - chorale.pickup) % 4
        before = row


@settings(deadline=None)
@given(chorales())
def test_notes_are_those_of_the_chorale_with_the_intervals_by_which_they_are_reached_and_left(
    chorale,
):
    notes = Grid(chorale).notes
    for voice in range(4):
        mine = notes["voice"] == voice
        found = np.stack([notes[name][mine] for name in ("start", "length", "pitch")], axis=1)
        expected = chorale.notes(voice)
        np.testing.assert_array_equal(found, expected)
        intervals = [
            after[2] - note[2] if note[0] + note[1] == after[0] else 0
            for note, after in zip(expected, expected[1:])
        ]
        if len(expected):
            assert notes["approached"][mine].tolist() == [0, *intervals]
            assert notes["left"][mine].tolist() == [*intervals, 0]


@settings(deadline=None)
@given(st.lists(chorales(), max_size=4))
def test_pieces_change_nothing_in_each_other(pieces):
    together, alone = Grid(pieces), [Grid(piece) for piece in pieces]
    assert together.count == len(pieces)
    for name in ("pitches", "before", "step", "place", "moved", "arrives", "lowest", "chord"):
        for number, one in enumerate(alone):
            whole = getattr(together, name)[together.piece == number]
            np.testing.assert_array_equal(whole, getattr(one, name))
    tonics, minor = together.keys
    assert list(zip(tonics, minor)) == [(one.keys[0][0], one.keys[1][0]) for one in alone]


def test_steps_are_counted_by_piece():
    grid = Grid([Chorale(np.full((steps, 4), 60)) for steps in (2, 0, 3)])
    assert grid.per_piece(np.array([0, 2, 2, 4])).tolist() == [1, 0, 3]
    assert Grid([]).per_piece(np.zeros(0, int)).tolist() == []


def test_keys_are_found_as_music21_finds_them(music21_corpus):
    pieces = music21_corpus.valid[:6]
    tonics, minor = Grid(pieces).found_keys
    numbers = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
    for chorale, tonic, is_minor in zip(pieces, tonics, minor):
        name, mode = key_of_notes(chorale).split()
        number = numbers[name[0].lower()] + name.count("#") - name.count("-")
        assert (number % 12, mode == "minor") == (tonic, is_minor), chorale.name


def test_a_key_that_is_known_is_believed(music21_corpus):
    pitches = music21_corpus.valid[0].pitches
    keys = {"f# minor": (6, True), "B- major": (10, False), "d dorian": (2, True)}
    tonics, minor = Grid([Chorale(pitches, key=key) for key in keys]).keys
    assert list(zip(tonics, minor)) == list(keys.values())


def test_what_is_no_chorale_is_refused_in_words():
    with pytest.raises(TypeError, match=r"got an array of shape \(8, 4\): expected a Chorale"):
        Grid(np.zeros((8, 4), int))
