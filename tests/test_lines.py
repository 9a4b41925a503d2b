"""Lines: what a voice may not sing, told by the names of its notes."""

import pytest
from exercises import assert_marked_in_every_key, marked

from chorale_utils.part_writing.examples import read_voices


def test_exercises_are_marked_as_a_class_marks_them_in_every_key():
    assert_marked_in_every_key("lines")


@pytest.mark.parametrize(
    "soprano, key, rules",
    [
        ("F4 G#4 A4", "a minor", {"augmented second"}),
        ("F4 Ab4 G4", "f minor", set()),  # a minor third
        ("C4 E4 G#4", "a minor", set()),
        ("F4 B4 A4", "C major", {"tritone"}),  # augmented, although it steps back
        ("B4 F4 G4", "C major", {"tritone"}),
        ("F5 B4 C5", "C major", set()),  # diminished, and steps back
        ("F5 B4 G4", "C major", {"tritone", "outlined seventh"}),
        ("C4 G4 B4", "C major", {"outlined seventh"}),
        ("C4 C5 D5", "C major", set()),
        ("C4! B4 C5", "C major", set()),  # a new phrase
    ],
)
def test_a_line_is_judged_by_its_names(soprano, key, rules):
    names = ["leap", "tritone", "augmented second", "augmented fifth", "outlined seventh"]
    chorale = read_voices((soprano, *["r r r"] * 3), key)
    assert {rule for rule, *_ in marked(chorale, names)} == rules
