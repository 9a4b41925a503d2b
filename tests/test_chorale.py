"""The value that everything passes around."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import Chorale, Pieces
from chorale_utils.chorale import as_chorale, as_chorales, steps_per_bar, voice_named
from chorale_utils.notation.page import (
    KeySignature,
    Notation,
    Syllable,
    expand_repeats,
    regular_bars,
)

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


@given(grids, st.none() | st.integers(-50, 50), st.none() | st.integers(-50, 50))
def test_a_slice_is_an_excerpt(pitches, start, stop):
    chorale = Chorale(pitches, time_signature="3/4", pickup=4)
    assert chorale[start:stop] == chorale.excerpt(start, stop)
    np.testing.assert_array_equal(chorale[start:stop].pitches, pitches[start:stop])
    assert chorale[start:stop:1] == chorale[start:stop]


@pytest.mark.parametrize("place", [0, -1, "a", (slice(0, 1), 0), None])
def test_what_is_no_slice_is_refused_with_what_to_do(place):
    with pytest.raises(TypeError, match=r"chorale\[0:16\]; chorale.pitches\[step\]"):
        Chorale([[72, 67, 64, 48]])[place]
    with pytest.raises(TypeError, match="mine: .*chorale.pitches"):
        list(Chorale([[72, 67, 64, 48]], name="mine"))


@pytest.mark.parametrize("step", [2, -1, 0])
def test_steps_cannot_be_left_out_or_turned_round(step):
    with pytest.raises(ValueError, match=r"expected every step from start to stop, such as"):
        Chorale([[72, 67, 64, 48]])[::step]


def test_a_slice_of_pieces_is_pieces_with_its_rows_of_the_report():
    report = pd.DataFrame({"grade": [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    pieces = Pieces((Chorale([[72, 67, 64, 48]], name=name) for name in "abc"), report)
    for part, names in ((pieces[1:], "bc"), (pieces[::-1], "cba"), (pieces[:0], "")):
        assert isinstance(part, Pieces)
        assert [piece.name for piece in part] == list(part.report.index) == list(names)
    assert pieces[1].name == "b" and pieces[-1].name == "c"
    assert Pieces(list(pieces))[:2].report is None
    pieces.append(pieces[0])
    with pytest.raises(ValueError, match="4 pieces and a report of 3 rows"):
        pieces[:2]


@pytest.mark.parametrize("given", ["abc", [1], None])
def test_pieces_hold_chorales_only(given):
    with pytest.raises(TypeError, match="expected a"):
        Pieces(given)


@pytest.mark.parametrize("voice", [4, -1, "soprano", 1.0, True])
def test_another_voice_is_refused_with_those_that_there_are(voice):
    with pytest.raises(ValueError, match=r"voice .*: expected one of 0 \(soprano\), .*3 \(bass\)"):
        Chorale([[72, 67, 64, 48]]).notes(voice)


@pytest.mark.parametrize(
    "key, kept",
    [
        ("C major", "C major"),
        ("f# minor", "f# minor"),
        ("F# minor", "f# minor"),
        ("b- major", "B- major"),
        ("e- minor", "e- minor"),
    ],
)
def test_a_key_is_kept_in_music21s_spelling(key, kept):
    assert Chorale([[72, 67, 64, 48]], key=key).key == kept


@pytest.mark.parametrize(
    "key", ["H dur", "Bb major", "C", "C Major", "d doric", "f## minor", "", " C major", 5]
)
def test_what_is_no_key_is_refused_at_once(key):
    with pytest.raises(
        ValueError, match="mine: key .*: expected tonic and mode, such as 'f# minor'"
    ):
        Chorale([[72, 67, 64, 48]], name="mine", key=key)


@pytest.mark.parametrize("field", ["name", "bwv", "title"])
def test_what_should_be_text_and_is_not_is_refused(field):
    with pytest.raises(TypeError, match=rf"{field}: got a float \(66.6\): expected text"):
        Chorale([[72, 67, 64, 48]], **{field: 66.6})


@pytest.mark.parametrize(
    "pitches, complaint",
    [
        ("bwv66.6", r"got a str \('bwv66.6'\): expected pitches.*load_chorale reads one"),
        (None, "got a NoneType .*: expected pitches, an int array"),
        (Chorale([[72, 67, 64, 48]]), "got a Chorale .*: expected pitches"),
    ],
)
def test_what_are_no_pitches_is_refused_in_words(pitches, complaint):
    with pytest.raises(TypeError, match=complaint):
        Chorale(pitches)


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
        ({"pitches": [[72, 67, 64, 48], [72, 67]]}, "rows differ in length: expected four"),
        ({"pitches": np.zeros((3, 3), int)}, r"shape \(3, 3\): expected \(steps, 4\)"),
        ({"pitches": np.full((3, 4), 60.5)}, "expected whole MIDI note numbers"),
        ({"pitches": [[60, 128, 55, 48]]}, "note 128 at step 0, alto"),
        (
            {"pitches": [[60, 55, 55, 48]], "fermatas": [True, False]},
            r"fermatas of shape \(2,\): expected \(1,\)",
        ),
        ({"pitches": [[60, 55, 55, 48]], "time_signature": "waltz"}, "time signature 'waltz'"),
        (
            {"pitches": [[60, 55, 55, 48]], "time_signature": "3/12"},
            "time signature '3/12': .*power of two",
        ),
        ({"pitches": [[60, 55, 55, 48]], "time_signature": "3/4", "pickup": 12}, "pickup 12"),
        ({"pitches": [[60, 55, 55, 48]], "time_signature": "3/4", "pickup": True}, "pickup True"),
        (
            {"pitches": [[60, 55, 55, 48]], "time_signature": "3/4", "pickup": np.True_},
            "pickup np.True_",
        ),
        ({"pitches": [[60, 55, 55, 48]], "pickup": 4.0}, "pickup 4.0"),
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
        ([Chorale([[72, 67, 64, 48]]), "x"], "at place 1 of the list: expected a list of Chorale"),
        (
            {"Bach": Chorale([[72, 67, 64, 48]])},
            r"a str \('Bach'\) at place 0 of the dict: expected",
        ),
    ],
)
def test_what_are_no_chorales_is_refused_in_words(given, complaint):
    with pytest.raises(TypeError, match=complaint):
        as_chorales(given)


def test_one_chorale_is_itself_and_several_are_refused_with_what_to_do():
    one = Chorale([[72, 67, 64, 48]])
    assert as_chorale(one) is one
    with pytest.raises(TypeError, match=r"got a list of 2 Chorale: .* such as chorales\[0\]"):
        as_chorale([one, one])
    with pytest.raises(TypeError, match="got a Pieces of 1 Chorale"):
        as_chorale(Pieces(one))
    with pytest.raises(TypeError, match=r"got a str \('x'\): expected a Chorale; load_chorale"):
        as_chorale("x")


# Keys and what stands on the page


@pytest.mark.parametrize(
    "key, semitones, moved",
    [
        ("C major", 6, "F# major"),
        ("C major", -1, "B major"),
        ("f# minor", 1, "g minor"),
        ("d dorian", 2, "e dorian"),
        ("B- major", 12, "B- major"),
        ("G- major", 12, "G- major"),
        ("e phrygian", 3, "g phrygian"),
    ],
)
def test_a_transposed_key_has_as_few_signs_as_can_be(key, semitones, moved):
    assert Chorale([[72, 67, 64, 48]], key=key).transpose(semitones).key == moved


@pytest.mark.parametrize("key", ["D dorian", "d mixolydian"])
def test_a_church_mode_has_the_letter_of_its_third(key):
    tonic, mode = key.split()
    assert Chorale([[72, 67, 64, 48]], key=key).key == f"{tonic.swapcase()} {mode}"


def written_out():
    """Three bars of 4/4 with a pickup and a repeat, words under the soprano, all in C."""
    bars = regular_bars(52, "4/4", pickup=4)
    bars = (bars[0], replace(bars[1], repeat_end=2), *bars[2:])
    page = Notation(
        bars,
        keys=(KeySignature(0, 0, "major"),),
        words=tuple(Syllable(step, 0, 1, "la") for step in range(0, 52, 4)),
        spelling=np.tile([0, 1, 4, 0], (52, 1)),
    )
    return Chorale(
        [[72, 67, 64, 48]] * 52, key="C major", time_signature="4/4", pickup=4, notation=page
    )


def test_notation_follows_excerpt_and_transposition():
    moved = written_out()[12:].transpose(2)
    assert (moved.pickup, moved.key, moved.time_signature) == (8, "D major", "4/4")
    assert [(bar.start, bar.steps, bar.offset) for bar in moved.notation.bars] == [
        (0, 8, 8),
        (8, 16, 0),
        (24, 16, 0),
    ]
    assert moved.notation.keys == (KeySignature(0, 2, "major"),)
    assert moved.notation.spelling[0].tolist() == [2, 3, 6, 2]
    assert [syllable.step for syllable in moved.notation.words] == list(range(0, 40, 4))


def test_repeats_are_played_out_and_each_bar_is_struck_anew():
    played = expand_repeats(written_out())
    assert len(played) == 72 and not played.notation.has_repeats
    assert [bar.start for bar in played.notation.bars] == [0, 4, 20, 24, 40, 56]
    assert played.struck[:, 0].nonzero()[0].tolist() == [0, 20]
    assert len(played.notation.words) == 18


@pytest.mark.parametrize(
    "notation, error, message",
    [
        (Notation(regular_bars(20, "4/4")), ValueError, "16 steps, and a notation of 20"),
        (Notation(spelling=np.zeros((3, 4))), ValueError, "16 steps, and a notation of 3"),
        (Notation(regular_bars(16, "3/4")), ValueError, "a notation that begins in 3/4"),
        ("4/4", TypeError, "expected a Notation"),
    ],
)
def test_notation_of_another_piece_is_refused(notation, error, message):
    with pytest.raises(error, match=message):
        Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4", notation=notation)
