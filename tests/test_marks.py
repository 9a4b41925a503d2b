"""Marks say what the analysis says, as musicians write it."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import Chorale, analyse, chord_marks, chord_symbols, load_corpus
from chorale_utils.harmony.marks import numeral_of_mark
from chorale_utils.harmony.romantext import canonical

I_CHORD, V_CHORD, V7_CHORD = [72, 64, 55, 48], [71, 62, 55, 43], [71, 65, 55, 43]


@pytest.fixture(scope="module")
def bach():
    return load_corpus("music21", progress=False).valid[:4]


def test_numerals_are_those_of_the_analysis_with_the_key_where_it_changes(bach):
    for chorale in bach:
        analysis, key = analyse(chorale), None
        marks = chord_marks(chorale, analysis=analysis)
        assert [numeral_of_mark(mark.text) for mark in marks] == [
            canonical(figure) for figure in analysis["numeral"]
        ]
        for mark, its_key in zip(marks, analysis["key"]):
            assert (": " in mark.text) == (its_key != key)
            key = its_key


def test_symbols_are_those_of_the_analysis(bach):
    analysis = analyse(bach[0])
    marks = chord_marks(bach[0], "symbols", analysis)
    assert [mark.text for mark in marks] == chord_symbols(analysis)


def test_a_triad_beside_other_figures_over_the_same_bass_has_a_five():
    chords = np.repeat([I_CHORD, V_CHORD, V7_CHORD, I_CHORD], [4, 4, 4, 8], axis=0)
    chorale = Chorale(chords, time_signature="4/4", key="C major")
    assert [(mark.step, mark.text) for mark in chord_marks(chorale, "figures")] == [
        (4, "5"),
        (8, "7"),
    ]


def test_a_mark_stands_where_something_sounds():
    chords = np.repeat([I_CHORD, V_CHORD, I_CHORD], [4, 4, 8], axis=0)
    fermatas = np.zeros(36, bool)
    fermatas[12:16] = fermatas[32:] = True
    pitches = np.vstack([chords, np.zeros((4, 4), int), chords])
    chorale = Chorale(pitches, time_signature="4/4", fermatas=fermatas)
    sounding = (chorale.pitches > 0).any(axis=1)
    assert all(sounding[mark.step] for mark in chord_marks(chorale))


def test_a_church_mode_is_a_key_like_another(bach):
    chorale = replace(bach[0].transpose(0), key="d dorian", notation=None)
    for kind in ("numerals", "figures", "symbols"):
        assert chord_marks(chorale, kind)


def test_another_kind_is_refused(bach):
    with pytest.raises(ValueError, match="kind 'roman': expected one of 'numerals'"):
        chord_marks(bach[0], "roman")
