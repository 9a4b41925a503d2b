"""Fault: places and notes in words."""

from chorale_utils.part_writing.fault import fault_at, pair_said, voices_said
from chorale_utils.part_writing.setting import Note


def test_a_fault_names_voices_from_the_highest_and_notes_where_they_begin():
    low, high = Note(4, 8, 3, 48, 0), Note(2, 8, 0, 67, 1)
    fault = fault_at("spacing", 4, [low, high], "too far")
    assert fault.voices == (0, 3) and fault.notes == ((2, 0), (4, 3))
    assert fault.explanation == "Too far." and fault.step == 4


def test_the_lower_note_is_said_first_also_where_voices_cross():
    tenor, bass = Note(0, 4, 2, 48, 0), Note(0, 4, 3, 55, 1)
    assert pair_said(bass, tenor) == pair_said(tenor, bass) == "C\u2013G"


def test_voices_are_said_as_one_says_them():
    assert voices_said([3]) == "bass"
    assert voices_said([3, 0, 2]) == "soprano, tenor and bass"
