"""Intervals: parallels and what stands near them, by kind."""

import pytest
from exercises import assert_marked_in_every_key, marked

from chorale_utils import faults
from chorale_utils.judging.counterpoint import _apply_rules
from chorale_utils.judging.grid import Grid
from chorale_utils.part_writing.examples import read_voices

PARALLELS = [
    f"parallel {interval}{how}"
    for interval in ("fifths", "octaves")
    for how in ("", " by anticipation", " across a fermata")
]


def test_exercises_are_marked_as_a_class_marks_them_in_every_key():
    assert_marked_in_every_key("intervals")


@pytest.mark.parametrize("name", ["bwv227.3", "bwv268", "bwv263", "bwv66.6", "bwv347"])
@pytest.mark.parametrize("interval", ["fifths", "octaves"])
def test_every_kind_of_parallels_together_is_what_is_counted_on_the_grid(
    music21_corpus, name, interval
):
    """Whose parallels are those that music21 finds (test_counterpoint)."""
    chorale = music21_corpus[name]
    kinds = [rule for rule in PARALLELS if interval in rule]
    ours = {(step, voices) for _, step, voices in marked(chorale, kinds)}
    if interval == "fifths":
        ours |= {place[1:] for place in marked(chorale, ["parallel fifths from a German sixth"])}
    verdict = _apply_rules(Grid(chorale))[f"parallel {interval}"]
    counted = {
        (step, verdict.voices[pair])
        for step, pair in zip(*(where.tolist() for where in verdict.faults.nonzero()))
        if any(
            (chorale.pitches[step, voice] - chorale.pitches[step - 1, voice]) % 12
            for voice in verdict.voices[pair]
        )
    }
    assert ours == counted


def test_voices_that_leap_by_octaves_within_a_chord_make_no_parallels():
    voices = ("B4/8", "G4/8", "G3 G4", "G2 G3")
    assert not marked(read_voices(voices, "C major"), PARALLELS)


def test_a_long_rest_makes_the_ear_forget():
    rule = ["parallel fifths across a rest"]
    short, long = (
        (f"G4/2 r/{rest} A4", f"E4/{rest + 2} D4", f"G3/{rest + 2} F3", f"C3/2 r/{rest} D3")
        for rest in (6, 10)
    )
    assert marked(read_voices(short, "C major"), rule)
    assert not marked(read_voices(long, "C major"), rule)


def test_a_lowered_second_degree_does_not_clash_with_the_dominants_fifth():
    voices = ("Bb4 G#4 A4", "F4 E4 E4", "D4 B3 C4", "D3 E3 A2")
    assert not marked(read_voices(voices, "a minor"), ["cross relation"])


def test_the_sentence_names_the_notes():
    voices = ("Bb4 Ab4", "G4 F4", "Eb4 C4", "Eb3 F3")
    found = faults(read_voices(voices, "E- major"))
    assert found["explanation"].tolist() == []
    voices = ("Bb4 C5", "G4 Ab4", "Eb4 C4", "Eb3 F3")
    assert faults(read_voices(voices, "E- major"))["explanation"].tolist() == [
        "Soprano and bass move from the fifth E\u266d\u2013B\u266d to the fifth F\u2013C."
    ]
