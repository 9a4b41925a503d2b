"""Dissonances: which notes outside of the chord a class marks."""

from exercises import assert_marked_in_every_key


def test_exercises_are_marked_as_a_class_marks_them_in_every_key():
    assert_marked_in_every_key("dissonances")
