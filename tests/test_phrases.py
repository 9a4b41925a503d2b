"""Phrases end at fermatas, and are found where there are none."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.harmony.phrases import phrase_closings, phrase_ends

I_CHORD, V_CHORD, VI_CHORD = [72, 64, 55, 48], [71, 62, 55, 43], [72, 64, 57, 45]


@pytest.mark.parametrize(("struck", "found", "right"), [(True, 0.92, 0.90), (False, 0.86, 0.84)])
def test_most_fermatas_of_bachs_validation_pieces_are_found_from_the_notes(
    music21_corpus, struck, found, right
):
    hits = ends = claimed = 0
    for chorale in music21_corpus.valid:
        if chorale.fermatas is None or not chorale.fermatas.any():
            continue
        true = phrase_ends(chorale)
        onsets = chorale.onsets if struck else None
        guessed = phrase_ends(replace(chorale, fermatas=None, onsets=onsets))
        hits += np.isin(guessed, true).sum()
        ends, claimed = ends + len(true), claimed + len(guessed)
    assert hits / ends > found
    assert hits / claimed > right


def test_fermatas_are_believed():
    fermatas = np.zeros(32, bool)
    fermatas[8:12] = fermatas[28:] = True
    chorale = Chorale(np.tile(I_CHORD, (32, 1)), fermatas=fermatas)
    assert phrase_ends(chorale).tolist() == [12, 32]
    assert (phrase_closings(chorale) == fermatas).all()


def test_two_phrases_made_by_hand_are_told_apart_and_closed_by_their_last_notes():
    phrase = [I_CHORD, VI_CHORD, I_CHORD, VI_CHORD, I_CHORD, V_CHORD, I_CHORD]
    pitches = np.repeat(phrase, [4, 4, 4, 4, 4, 4, 8], axis=0)
    lower = np.repeat(phrase, [4, 4, 4, 4, 4, 4, 8], axis=0) + 2
    chorale = Chorale(np.vstack([pitches, lower]), time_signature="4/4")
    assert phrase_ends(chorale).tolist() == [32, 64]
    assert np.flatnonzero(phrase_closings(chorale)).tolist() == [*range(24, 32), *range(56, 64)]


def test_silence_ends_a_phrase_and_the_end_ends_the_last():
    silent = np.zeros((4, 4), int)
    pitches = np.vstack([np.repeat([I_CHORD, V_CHORD, I_CHORD], 8, axis=0), silent])
    chorale = Chorale(np.vstack([pitches, pitches[:24]]), time_signature="4/4")
    assert phrase_ends(chorale).tolist()[-1] == len(chorale)
    assert 24 in phrase_ends(chorale)
    assert phrase_ends(Chorale(np.zeros((0, 4), int))).tolist() == []
    assert phrase_ends(Chorale(np.array([I_CHORD]))).tolist() == [1]
