"""Positions: ranges, spacing, crossing and overlap, as a class marks them."""

from exercises import assert_marked_in_every_key, marked

from chorale_utils.part_writing.examples import read_voices


def test_exercises_are_marked_as_a_class_marks_them_in_every_key():
    assert_marked_in_every_key("positions")


def test_a_gap_is_marked_anew_once_it_has_closed():
    voices = ("E5 G4 E5", "C4 C4 C4", "G3 G3 G3", "C3 C3 C3")
    assert marked(read_voices(voices, "C major"), ["spacing"]) == {
        ("spacing", 0, (0, 1)),
        ("spacing", 8, (0, 1)),
    }


def test_voices_cross_where_the_one_between_rests():
    voices = ("E4/8", "r/8", "C4/4 G4/4", "C3/8")
    assert marked(read_voices(voices, "C major"), ["crossing"]) == {("crossing", 4, (0, 2))}
