"""The value that everything passes around."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import Chorale
from chorale_utils.chorale import as_chorales, steps_per_bar, voice_named

grids = st.integers(1, 40).flatmap(
    lambda steps: arrays(
        np.int16, (steps, 4), elements=st.sampled_from([0, 48, 55, 60, 62, 67, 72])
    )
)


@given(grids)
def test_notes_of_all_voices_paint_the_grid_again(pitches):
    chorale = Chorale(pitches)
    painted = np.zeros_like(pitches)
    for voice in range(4):
        for start, length, pitch in chorale.notes(voice):
            painted[start : start + length, voice] = pitch
    np.testing.assert_array_equal(painted, pitches)


@given(grids, st.integers(-12, 12))
def test_transposing_there_and_back_is_identity(pitches, semitones):
    chorale = Chorale(pitches)
    assert chorale.transpose(semitones).transpose(-semitones) == chorale


def test_silence_is_neither_struck_nor_transposed():
    chorale = Chorale([[72, 0, 0, 48], [72, 0, 55, 48]])
    assert chorale.struck.tolist() == [[True, False, False, True], [False, False, True, False]]
    assert chorale.transpose(2).pitches.tolist() == [[74, 0, 0, 50], [74, 0, 57, 50]]


@pytest.mark.parametrize("semitones", [1.7, 2.0, True, "2", None])
def test_transposing_by_other_than_a_whole_number_is_refused_in_words(semitones):
    with pytest.raises(
        ValueError,
        match=f"mine: transposing by {semitones!r}: expected a whole number of semitones",
    ):
        Chorale([[72, 67, 64, 48]], name="mine").transpose(semitones)


@pytest.mark.parametrize("semitones", [100, -100, 40_000])
def test_transposing_out_of_the_midi_numbers_is_refused_in_words(semitones):
    with pytest.raises(ValueError, match="mine: .*1"):
        Chorale([[72, 67, 64, 48]], name="mine").transpose(semitones)


@given(st.integers(0, 15), st.sampled_from([np.int8, np.int64, np.uint16]))
def test_a_pickup_of_any_integer_type_is_kept_as_int(pickup, kind):
    chorale = Chorale([[72, 67, 64, 48]], time_signature="4/4", pickup=kind(pickup))
    assert type(chorale.pickup) is int
    assert chorale == Chorale([[72, 67, 64, 48]], time_signature="4/4", pickup=pickup)


def test_onsets_tell_a_repeated_note_from_a_held_one():
    pitches = np.full((4, 4), 60)
    onsets = np.zeros((4, 4), bool)
    onsets[[0, 2], 0] = True
    assert [note[:2].tolist() for note in Chorale(pitches, onsets=onsets).notes(0)] == [
        [0, 2],
        [2, 2],
    ]
    assert [note[:2].tolist() for note in Chorale(pitches).notes(0)] == [[0, 4]]


def test_an_excerpt_keeps_its_bar_lines_and_strikes_what_was_held():
    onsets = np.zeros((40, 4), bool)
    onsets[0] = True
    chorale = Chorale(np.full((40, 4), 60), onsets=onsets, time_signature="4/4", pickup=4)
    excerpt = chorale.excerpt(10, 30)
    assert (
        len(excerpt) == 20 and excerpt.pickup == 10
    )  # the bar line after step 4 stands at 20 = 10 + 10
    assert excerpt.struck[0].all() and not excerpt.struck[1:].any()


def test_its_arrays_cannot_be_changed_and_are_not_the_callers():
    mine = np.full((2, 4), 60)
    chorale = Chorale(mine)
    mine[0, 0] = 61
    assert chorale.pitches[0, 0] == 60
    with pytest.raises(ValueError, match="read-only"):
        chorale.pitches[0, 0] = 61


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        (dict(pitches=np.zeros((3, 3), int)), r"shape \(3, 3\): expected \(steps, 4\)"),
        (dict(pitches=np.full((3, 4), 60.5)), "expected whole MIDI note numbers"),
        (dict(pitches=[[60, 128, 55, 48]]), "note 128 at step 0, alto"),
        (
            dict(pitches=[[60, 55, 55, 48]], fermatas=[True, False]),
            r"fermatas of shape \(2,\): expected \(1,\)",
        ),
        (dict(pitches=[[60, 55, 55, 48]], time_signature="waltz"), "time signature 'waltz'"),
        (
            dict(pitches=[[60, 55, 55, 48]], time_signature="3/12"),
            "time signature '3/12': .*power of two",
        ),
        (dict(pitches=[[60, 55, 55, 48]], time_signature="3/4", pickup=12), "pickup 12"),
        (dict(pitches=[[60, 55, 55, 48]], time_signature="3/4", pickup=True), "pickup True"),
        (
            dict(pitches=[[60, 55, 55, 48]], time_signature="3/4", pickup=np.True_),
            "pickup np.True_",
        ),
        (dict(pitches=[[60, 55, 55, 48]], pickup=4.0), "pickup 4.0"),
    ],
)
def test_what_is_no_chorale_is_refused_in_words(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        Chorale(**arguments)


def test_a_bar_is_counted_in_sixteenths():
    assert [steps_per_bar(metre) for metre in ("4/4", "3/4", "6/8", "2/2")] == [16, 12, 12, 16]


def test_parts_are_known_by_their_names():
    assert [
        voice_named(name) for name in ("Soprano", "S.", "Alto 1", "tenore", "Basso", " B ")
    ] == [0, 0, 1, 2, 3, 3]
    assert [
        voice_named(name) for name in ("Bassoon", "Basso continuo", "Oboe", "Strings", "", None)
    ] == [None] * 6


def test_one_chorale_is_a_list_of_one_and_any_iterable_is_a_list():
    one, other = Chorale([[72, 67, 64, 48]]), Chorale([[71, 67, 62, 55]])
    assert as_chorales(one) == [one]
    assert as_chorales(chorale for chorale in (one, other)) == [one, other]
    assert as_chorales([]) == []


@pytest.mark.parametrize(
    "given, complaint",
    [
        ("bwv66.6", r"got a str \('bwv66.6'\): expected a Chorale, or a list of them"),
        (None, r"got a NoneType \(None\): expected a Chorale"),
        (7, r"got an int \(7\)"),
        (np.zeros((16, 4), int), r"got an array of shape \(16, 4\): expected a Chorale"),
        ([[[72, 67, 64, 48]]], r"got a list \(\[\[72, 67, 64, 48\]\]\) at place 0"),
        ([Chorale([[72, 67, 64, 48]]), "x"], "at place 1: expected a list of Chorale"),
    ],
)
def test_what_are_no_chorales_is_refused_in_words(given, complaint):
    with pytest.raises(TypeError, match=complaint):
        as_chorales(given)
