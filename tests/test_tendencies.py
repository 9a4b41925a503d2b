"""Tendencies: leading tones and sevenths, resolved or not."""

from exercises import assert_marked_in_every_key, marked

from chorale_utils.part_writing.examples import read_voices


def test_exercises_are_marked_as_a_class_marks_them_in_every_key():
    assert_marked_in_every_key("tendencies")


def test_church_modes_have_no_leading_tone():
    voices = ("G4 A4", "E4 E4", "B3 C4", "E3 A2")
    assert marked(read_voices(voices, "a minor")) == {("unraised leading tone", 4, (0,))}
    assert not marked(read_voices(voices, "a aeolian"), ["unraised leading tone"])


def test_after_a_fermata_nothing_is_left_to_be_resolved():
    voices = ("B4! G4", "F4! E4", "D4! C4", "G3! C4")
    assert not marked(read_voices(voices, "C major"), ["leading tone", "seventh"])
