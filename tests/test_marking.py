"""Marking: the notes at fault, and no others, in colour, with numbers and a legend."""

import numpy as np
import pandas as pd
import pytest

from chorale_utils import RULES, Chorale, fault_colours, faults, mark_faults
from chorale_utils.part_writing.examples import read_voices

CHORDS = np.repeat([[67, 60, 55, 48], [69, 62, 53, 45]], 4, axis=0)
FIFTHS = Chorale(CHORDS, key="C major", time_signature="4/4")


def test_only_the_notes_at_fault_are_marked_not_those_before():
    colours = fault_colours(FIFTHS, faults(FIFTHS))
    assert colours[4, :2].tolist() == [RULES["parallel fifths"].colour] * 2
    assert (colours == "").sum() == colours.size - 2


def test_a_note_with_several_faults_has_the_colour_of_the_gravest_and_all_numbers():
    chorale = read_voices(("D4 E4 A5", "C4 C4 A4", "G3 G3 F4", "C3 C3 D3"), "C major")
    marks = mark_faults(chorale, faults(chorale, ["hidden fifths", "leap", "range"]))
    top = next(mark for mark in marks.notes if mark.voice == 0)
    numbers = sorted(RULES[name].number for name in ("hidden fifths", "leap", "range"))
    assert top.numbers == tuple(numbers) and top.colour == RULES["range"].colour


def test_the_legend_tells_rule_place_and_sentence():
    entry = mark_faults(FIFTHS, faults(FIFTHS)).legend[0]
    assert (entry.number, entry.colour, entry.name) == (1, "#C00000", "parallel fifths")
    assert entry.meaning.startswith("bar 1, beat 2: Soprano and alto move from the fifth")


def test_no_fault_no_mark():
    marks = mark_faults(FIFTHS, faults(FIFTHS, ["range"]))
    assert marks.notes == marks.legend == ()
    assert not fault_colours(FIFTHS, faults(FIFTHS, ["range"])).any()


def test_a_fault_outside_of_the_piece_is_refused():
    found = faults(FIFTHS)
    found["notes"] = pd.Series([((48, 0),)])
    with pytest.raises(ValueError, match="mark at step 48, voice 0: expected steps 0..7"):
        mark_faults(FIFTHS, found)


def test_a_note_that_is_struck_again_is_marked_where_it_is_at_fault():
    chords = ("B4 C5 A4 B4", "G4 G4 F#4 G4", "D4 E4 D4 D4", "G3 C3 D3 D3")
    found = faults(read_voices(chords, "G major"), ["final chord"])
    assert found["notes"].tolist() == [((12, 3),)]  # the second D of the bass, not the first
    held = read_voices((*chords[:3], "G3 C3 D3/8"), "G major")
    assert faults(held, ["final chord"])["notes"].tolist() == [((8, 3),)]


def test_an_overlap_is_marked_on_the_note_left_and_on_the_one_beyond_it():
    bass_above = read_voices(("G4 G4", "B3 B3", "D3 G3", "G2 E3"), "G major")
    assert faults(bass_above, ["overlap"])["notes"].tolist() == [((0, 2), (4, 3))]
