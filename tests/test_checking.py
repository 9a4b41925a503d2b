"""Checking: the table of faults."""

import time
from pathlib import Path

import numpy as np
import pytest
from exercises import assert_marked_in_every_key, marked
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import RULES, analyse, faults
from chorale_utils.chorale import Chorale
from chorale_utils.part_writing.checking import COLUMNS
from chorale_utils.part_writing.rules import SEVERITIES

CHORDS = np.repeat([[67, 60, 55, 48], [69, 62, 53, 45]], 4, axis=0)
FIFTHS = Chorale(CHORDS, key="C major", time_signature="4/4")


@st.composite
def chorales(draw, longest=16):
    steps = draw(st.integers(0, longest))
    return Chorale(
        draw(arrays(np.int64, (steps, 4), elements=st.one_of(st.just(0), st.integers(48, 72))))
    )


def test_clean_exercises_raise_no_alarm():
    assert_marked_in_every_key("clean")


def test_a_fault_has_place_voices_severity_notes_and_a_sentence():
    found = faults(FIFTHS)
    assert tuple(found.columns) == COLUMNS
    assert found.iloc[0].to_dict() == {
        "step": 4,
        "voices": (0, 1),
        "fault": "parallel fifths",
        "severity": "error",
        "bar": 1,
        "beat": 2.0,
        "notes": ((4, 0), (4, 1)),
        "explanation": "Soprano and alto move from the fifth C\u2013G to the fifth D\u2013A.",
    }


def test_rules_can_be_chosen():
    assert faults(FIFTHS, rules=["leap"]).empty
    assert len(faults(FIFTHS, rules=["parallel fifths"])) == 1
    with pytest.raises(ValueError, match="rules 'all'"):
        faults(FIFTHS, rules="all")


def test_an_analysis_that_is_at_hand_is_used():
    assert faults(FIFTHS, analysis=analyse(FIFTHS, key="C major")).equals(faults(FIFTHS))


def test_bach_is_marked_in_order_of_time_within_the_piece(music21_corpus):
    for chorale in music21_corpus.test[:4]:
        found = faults(chorale, rules="strict")
        assert found["step"].is_monotonic_increasing
        assert set(found["fault"]) <= set(RULES) and set(found["severity"]) <= set(SEVERITIES)
        for step, voices, notes in zip(found["step"], found["voices"], found["notes"]):
            assert 0 <= step < len(chorale) and voices == tuple(sorted(set(voices)))
            for at, voice in notes:
                assert chorale.struck[at, voice], "a mark stands where its note begins"


def test_a_whole_chorale_is_checked_in_a_fraction_of_a_second(music21_corpus):
    chorale = music21_corpus.valid[0]
    faults(chorale)
    begin = time.process_time()
    faults(chorale, rules="strict")
    assert time.process_time() - begin < 2, "0.1 s on a machine that does nothing else"


@settings(max_examples=25, deadline=None)
@given(chorales(), st.integers(-5, 5))
def test_any_notes_can_be_checked_and_what_is_counted_in_semitones_moves_along(chorale, semitones):
    rules = ["parallel fifths", "parallel octaves", "crossing", "spacing", "leap"]
    one, other = (marked(piece, rules) for piece in (chorale, chorale.transpose(semitones)))
    assert {mark for mark in one if mark[0] in ("crossing", "leap")} == {
        mark for mark in other if mark[0] in ("crossing", "leap")
    }


def test_silence_has_no_faults():
    assert faults(Chorale(np.zeros((8, 4), int))).empty
    assert faults(Chorale(np.zeros((0, 4), int))).empty


def test_a_list_of_chorales_is_refused_with_what_to_do():
    chorale = Chorale(np.full((8, 4), 60))
    with pytest.raises(TypeError, match=r"got a list of 2 Chorale: expected one; .*chorales\[0\]"):
        faults([chorale, chorale])


@pytest.mark.parametrize("wrong", ["bwv66.6", Path("mine.mid"), None])
def test_what_is_no_chorale_is_refused_in_words(wrong):
    with pytest.raises(TypeError, match=rf"got .*{type(wrong).__name__}.*: expected a Chorale"):
        faults(wrong)
