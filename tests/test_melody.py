"""Melodies: the forms in which one may come, and where it is moved."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn, settings, strategies as st
from music21 import corpus

from chorale_utils import VOICES, Chorale, harmonize, write_midi, write_score
from chorale_utils.notation.page import UNSPELLED, Notation, Syllable, regular_bars
from chorale_utils.writing.melody import as_melody, note_number


@pytest.mark.parametrize("form", ["pitches", "score", "part", "mid", "musicxml", "chorale"])
def test_a_melody_may_come_in_many_forms(small_note_gru, tune, form, tmp_path):
    from chorale_utils import to_score

    alone = to_score(tune).parts[0]
    source = {
        "pitches": tune.pitches[:, 0],
        "part": alone,
        "score": to_score(tune),
        "chorale": tune,
    }.get(form)
    if form == "mid":
        source = write_midi(tune, tmp_path / "tune.mid")
    elif form == "musicxml":
        source = write_score(tune, tmp_path / "tune.musicxml")
    setting = harmonize(small_note_gru, source, particles=2, seed=1)[0]
    np.testing.assert_array_equal(setting.pitches[:, 0], tune.pitches[:, 0])
    if form != "pitches":
        assert setting.notes(0).tolist() == tune.notes(0).tolist()
        assert (setting.key, setting.time_signature, setting.pickup) == ("C major", "3/4", 4)


def test_any_voice_may_have_the_melody(small_note_gru, music21_corpus):
    bach = music21_corpus.valid[0].excerpt(0, 32)
    for number, voice in enumerate(VOICES):
        setting = harmonize(small_note_gru, bach, voice=voice, particles=2, seed=1)[0]
        np.testing.assert_array_equal(setting.pitches[:, number], bach.pitches[:, number])
    bass_alone = Chorale(bach.pitches * np.array([0, 0, 0, 1]))
    setting = harmonize(
        small_note_gru,
        bass_alone.pitches[:, 3] + 12 * 2,
        voice="soprano",
        transpose=True,
        particles=2,
        seed=1,
    )
    assert setting[0].pitches[:, 0].min() >= 60


@settings(max_examples=8, deadline=None)
@drawn(st.integers(-30, 8))
def test_a_melody_out_of_range_is_moved_there_only_where_asked(small_note_gru, by):
    line = np.repeat([67, 72, 74, 81], 4) + by
    if by in range(-7, 1):
        assert harmonize(small_note_gru, line, particles=2, seed=1).report["transposed"].item() == 0
        return
    with pytest.raises(
        ValueError,
        match="melody: bar 1, beat .: note .*: expected 60..81, the range of the soprano; "
        "transpose=True",
    ):
        harmonize(small_note_gru, line, particles=2)
    moved = harmonize(small_note_gru, line, transpose=True, particles=2, seed=1)
    shift = moved.report["transposed"].item()
    assert shift in (-by, -7 - by) and abs(shift) == min(abs(by), abs(7 + by))
    np.testing.assert_array_equal(moved[0].pitches[:, 0], line + shift)


def test_a_key_is_moved_with_its_melody(small_note_gru, tune):
    low = Chorale(
        np.where(tune.pitches > 0, tune.pitches - 10, 0), key="C major", time_signature="3/4"
    )
    setting = harmonize(small_note_gru, low, transpose=True, particles=1, seed=1)
    assert (setting.report["transposed"].item(), setting[0].key) == (3, "E- major")


@pytest.mark.parametrize(
    "melody, complaint",
    [
        (np.zeros((8, 2), int), r"melody of shape \(8, 2\): expected \(steps,\)"),
        (np.zeros(8, int), "melody: the soprano has no notes"),
        (
            np.repeat([60, 90, 50], 4),
            "notes from 50 to 90: expected a range of at most 21 semitones, as wide as that",
        ),
        (
            corpus.parse("bach/bwv66.6"),
            r"melody: 4 parts \(Soprano, Alto, Tenor, Bass\) with notes: expected one melody",
        ),
        ("no such tune.mid", "no such file"),
    ],
)
def test_what_is_no_melody_is_refused_in_words(small_note_gru, melody, complaint):
    with pytest.raises((ValueError, FileNotFoundError), match=complaint):
        harmonize(small_note_gru, melody)


NAMES = ["G4", "B-4", "Bb4", "B♭4", "F#5", "F♯5", "R", "rest", 0]
NUMBERS = [67, 70, 70, 70, 78, 78, 0, 0, 0]


def test_names_of_notes_stand_for_their_numbers_and_each_is_struck():
    melody = as_melody(NAMES, quarters=0.5)
    np.testing.assert_array_equal(melody.pitches[:, 0], np.repeat(NUMBERS, 2))
    assert not melody.pitches[:, 1:].any()
    np.testing.assert_array_equal(melody.notes(0)[:, 0], [0, 2, 4, 6, 8, 10])


@drawn(
    st.lists(
        st.tuples(st.sampled_from([0, 60, 67, 67, 81]), st.integers(1, 32)), min_size=1, max_size=9
    ).filter(lambda notes: any(note for note, _ in notes))
)
def test_lengths_in_quarters_come_to_whole_sixteenths(notes):
    numbers, steps = zip(*notes)
    expected = [
        [start, length, note]
        for start, length, note in zip(np.cumsum(steps) - steps, steps, numbers)
        if note
    ]
    for melody in (list(numbers), np.array(numbers), tuple(numbers)):
        read = as_melody(melody, quarters=[length / 4 for length in steps])
        assert read.notes(0).tolist() == expected


def test_an_array_without_quarters_has_a_number_a_sixteenth():
    line = np.array([67, 67, 69, 0])
    assert as_melody(line).notes(0).tolist() == [[0, 2, 67], [2, 1, 69]]


def test_a_list_is_harmonised_in_the_lengths_asked_for(small_note_gru):
    setting = harmonize(
        small_note_gru, ["C5", "D5"], quarters=[1, 2], voice="alto", particles=2, seed=1
    )[0]
    assert setting.notes(1).tolist() == [[0, 4, 72], [4, 8, 74]] and len(setting) == 12


def test_a_list_of_one_chorale_is_that_chorale(tune):
    assert as_melody([tune]) == as_melody(tune) == tune


@pytest.mark.parametrize("name", ["C4", "c4", " C4 ", "B#3", "D--4", 60, np.int64(60)])
def test_middle_c_has_many_names(name):
    assert note_number(name) == 60


@pytest.mark.parametrize("name", ["C", "H4", "", "C4 D4", "vier", 60.0, None, True, [60]])
def test_what_is_no_note_is_refused_in_words(name):
    with pytest.raises(
        ValueError, match=r"note .*: expected a MIDI number, or a name with its oct"
    ):
        note_number(name)


@pytest.mark.parametrize(
    "melody, quarters, complaint",
    [
        ([], None, "melody: no notes: expected at least one"),
        ([], 1, "melody: no notes: expected at least one"),
        (np.array([]), None, "melody: no notes: expected at least one"),
        ([67, 69, 71, 72], None, "how long are its 4 notes\\? Expected quarters=1"),
        (["C5"], None, "how long are its 1 notes"),
        (np.array(["C5", "D5"]), None, "how long are its 2 notes"),
        (["C5", "X5"], 1, "melody, number 2: note 'X5': expected a MIDI number, or a name"),
        ([67, 68.5], 1, "melody, number 2: note 68.5: expected a MIDI number"),
        ([[67, 60], [69, 62]], 1, r"melody, number 1: note \[67, 60\]: expected a MIDI number"),
        ([67, 69], [1], "quarters: 1 lengths for 2 notes: expected one for each"),
        ([67, 69], [1, 0.3], "quarters 0.3 of note 2: expected a positive whole number of sixt"),
        ([67, 69], 0, "quarters 0 of note 1: expected a positive"),
        ([67, 69], -1, "quarters -1 of note 1: expected a positive"),
        ([67, 69], "1", "quarters '1' of note 1: expected a positive"),
        ([67, 69], float("inf"), "quarters inf of note 1"),
        ([67, 69], float("nan"), "quarters nan of note 1"),
        ([-1, 69], 1, "note -1 at step 0, soprano: expected 0 .silence."),
        (
            "C5 D5",
            None,
            r"'C5 D5': no such file: expected note names in a list, \['C5', 'D5'\]",
        ),
        (["R", 0], 1, "the soprano has no notes"),
        (Chorale(np.full((4, 4), 60)), 1, "quarters 1: this melody has its own note lengths"),
    ],
)
def test_notes_that_are_no_melody_are_refused_in_words(melody, quarters, complaint):
    with pytest.raises(ValueError, match=complaint):
        as_melody(melody, quarters=quarters)


def test_what_is_nothing_of_the_kind_is_refused_in_words():
    with pytest.raises(
        TypeError, match=r"melody: got an int \(67\): expected MIDI numbers or note names"
    ):
        as_melody(67, quarters=1)


def test_a_melody_keeps_its_own_words_and_spelling_in_whichever_voice_it_comes(tune):
    words = [Syllable(0, voice, 1, f"voice {voice}") for voice in range(4)]
    page = Notation(
        regular_bars(28, "3/4", 4), words=words, spelling=np.tile([1, 2, 3, 4], (28, 1))
    )
    for voice in (0, 2):
        melody = as_melody(replace(tune, notation=page), voice)
        assert [(syllable.voice, syllable.text) for syllable in melody.notation.words] == [
            (voice, "voice 0")
        ]
        own = np.arange(4) == voice
        assert (melody.notation.spelling == np.where(own, 1, UNSPELLED)).all()
        assert melody.notation.bars == page.bars


def test_a_setting_keeps_the_page_of_its_melody(small_note_gru, tune):
    page = Notation(regular_bars(28, "3/4", 4), words=(Syllable(0, 0, 1, "Ach"),))
    setting = harmonize(small_note_gru, replace(tune, notation=page), particles=2, seed=1)[0]
    assert setting.notation == page
