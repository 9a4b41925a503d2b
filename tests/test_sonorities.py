"""Sonorities: thirds, roots, six-four chords, last chords, spelling."""

import pytest
from exercises import assert_marked_in_every_key, marked

from chorale_utils.part_writing.examples import read_voices


def test_exercises_are_marked_as_a_class_marks_them_in_every_key():
    assert_marked_in_every_key("sonorities")


@pytest.mark.parametrize(
    "key, voices, wrong",
    [
        ("a minor", ("Ab4 A4", "D4 C4", "B3 A3", "E3 A2"), {(0, (0,))}),
        ("a minor", ("A4/2 Ab4/2 A4", "E4 E4", "C4 C4", "A3 A3"), {(2, (0,))}),
        ("C major", ("E5 F5", "A#4 A4", "G4 F4", "C3 F2"), {(0, (1,))}),  # no augmented sixth
        ("c minor", ("C5 B4", "F#4 G4", "Eb4 D4", "Ab3 G3"), set()),  # one that is
        ("C major", ("C5/2 C#5/2 D5", "G4 F4", "E4 D4", "C3 B2"), set()),
        ("D- major", ("F4 Ab4", "Db4 C4", "Ab3 Ab3", "C#3 Ab2"), {(0, (3,))}),
        ("C major", ("C5 B4 B4", "A4 A4 G#4", "F4 F4 E4", "F3 D3 E3"), set()),
    ],
)
def test_a_note_under_another_name_than_its_chord_gives_it_is_found(key, voices, wrong):
    found = marked(read_voices(voices, key), ["spelling"])
    assert {(step, voices) for _, step, voices in found} == wrong


def test_one_error_gets_one_mark_where_a_seventh_goes_astray_and_takes_the_third_away():
    voices = ("B4 C5", "D4 C4", "F4 G4", "G3 C3")
    marks = {rule for rule, *_ in marked(read_voices(voices, "C major"))}
    assert "seventh" in marks and "missing third" not in marks
