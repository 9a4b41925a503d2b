"""Which notes are sung, and by which of two voices on a staff."""

import numpy as np
import pytest
from made_scores import four_parts, hymn, part
from music21 import (
    chord,
    harmony,
    note,
    stream,
)

from chorale_utils.notation.reading import from_melody, from_score

MEN = [[("E4", 4)], [("C3", 4)]]


def test_grace_notes_cue_notes_and_chord_symbols_are_no_notes():
    soprano = part("Soprano", ("C5", 2), ("D5", 2))
    grace, cue = note.Note("E5").getGrace(), note.Note("A5", quarterLength=2)
    cue.style.noteSize = "cue"
    for offset, element in ((2, grace), (0, cue), (0, harmony.ChordSymbol("C"))):
        soprano.getElementsByClass("Measure")[0].insert(offset, element)
    chorale = from_score(four_parts(soprano=soprano))
    assert chorale.notes(0).tolist() == [[0, 8, 72], [8, 8, 74]]


def test_two_staves_with_two_voices_each_are_opened():
    upper, lower = part("Upper"), part("Lower")
    for staff, pitches in ((upper, ("C5", "G4")), (lower, ("E4", "C3"))):
        first = stream.Measure(number=1)
        for name, pitch in zip("12", pitches):
            first.insert(0, stream.Voice([note.Note(pitch, quarterLength=4)], id=name))
        second = stream.Measure(number=2)
        second.append(
            [chord.Chord(pitches, quarterLength=2), note.Note(pitches[0], quarterLength=2)]
        )
        staff.append([first, second])
    chorale = from_score(stream.Score([upper, lower]))
    np.testing.assert_array_equal(
        chorale.pitches[[0, 16, 24]], [[72, 67, 64, 48], [72, 67, 64, 48], [72, 72, 64, 64]]
    )


@pytest.mark.filterwarnings("ignore:.*the bar is silent")
def test_a_voice_with_two_notes_at_a_time_is_an_error_that_says_where():
    two = part("Alto", ("G4", 1), ("A4", 1), ("G4", 2))
    two.getElementsByClass("Measure")[0].insert(1, note.Note("E4", quarterLength=1))
    with pytest.raises(
        ValueError, match="mine: alto, bar 1, beat 2: 2 notes at a time: expected one"
    ):
        from_score(four_parts(alto=two), name="mine")
    chords = part("Tenor", ("E4", 4), ("E4", 2))
    chords.getElementsByClass("Measure")[1].insert(
        2, chord.Chord(["C4", "E4", "G4"], quarterLength=2)
    )
    with pytest.raises(ValueError, match="tenor, bar 2, beat 3: 3 notes at a time"):
        from_score(four_parts(tenor=chords))


def test_a_unison_written_twice_in_a_part_is_one_note():
    twice = part("Alto", ("G4", 4))
    twice.getElementsByClass("Measure")[0].insert(0, note.Note("G4", quarterLength=4))
    assert from_score(four_parts(alto=twice)).notes(1).tolist() == [[0, 16, 67]]


def test_chords_and_voices_may_alternate_within_a_bar():
    upper = [[(("G4", "C5"), 1), (("G4", "B4"), 1), ("D5", 2)], [("F4", 1), ("E4", 1)]]
    score = hymn((upper, MEN))
    second = score.parts[0].measure(1).voices[1]
    for place, one in enumerate(list(second.notes)):
        second.setElementOffset(one, 2 + place)
    read = from_score(score)
    assert read.notes(0).tolist() == [[0, 4, 72], [4, 4, 71], [8, 8, 74]]
    assert read.notes(1).tolist() == [[0, 4, 67], [4, 4, 67], [8, 4, 65], [12, 4, 64]]


def test_rest_of_one_voice_is_no_chord_of_the_other():
    read = from_score(hymn(([[("C5", 2), ("D5", 2)], [(None, 2), ("G4", 2)]], MEN)))
    assert read.notes(0).tolist() == [[0, 8, 72], [8, 8, 74]]
    assert read.notes(1).tolist() == [[8, 8, 67]]


def test_soprano_is_the_higher_voice_however_they_are_numbered():
    bars = [
        ([[("G4", 4)], [("C5", 4)]], [[("C3", 4)], [("E4", 4)]]),
        (
            [[("F4", 2), ("A4", 2)], [("D5", 2), ("G4", 2)]],
            [[("D3", 4)], [("F4", 4)]],
        ),  # they cross
    ]
    read = from_score(hymn(*bars))
    assert read.pitches[[0, 16, 24]].tolist() == [
        [72, 67, 64, 48],
        [74, 65, 65, 50],
        [67, 69, 65, 50],
    ]


def test_chord_of_three_notes_on_a_staff_of_two_voices_is_refused_with_its_place():
    three = [[(("E4", "G4", "C5"), 4)]]
    with pytest.raises(ValueError, match="mine: upper staff, bar 1, beat 1: 3 notes at a time"):
        from_score(hymn((three, MEN)), name="mine")


def test_drum_stroke_is_called_one():
    drums = part("Drums", (None, 4))
    bar = drums.getElementsByClass("Measure")[0]
    bar.remove(bar.notesAndRests[0])
    bar.append(note.Unpitched(quarterLength=4))
    score = stream.Score([drums, part("Melody", ("C5", 4))])
    assert from_melody(score).pitches[0, 0] == 72
    with pytest.raises(
        ValueError, match="mine: melody, bar 1, beat 1: a drum stroke without a pitch"
    ):
        from_melody(score, name="mine", part="Drums")
