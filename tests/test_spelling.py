"""The names of notes that are new stand well beside those that the page gives."""

from dataclasses import replace

import numpy as np

from chorale_utils import Chorale, Notation
from chorale_utils.notation.page import UNSPELLED
from chorale_utils.notation.spelling import named, spelled


def test_new_voices_are_named_as_bach_names_them_below_his_melody(music21_corpus):
    wrong = total = 0
    for chorale in music21_corpus.test[:20]:
        page = chorale.notation
        sharps = np.zeros(len(chorale), int)
        for key in page.keys:
            sharps[key.step :] = key.fifths
        melody = replace(chorale, notation=page.of_voice(0))
        known = (page.spelling != UNSPELLED) & (np.arange(4) > 0)
        wrong += (spelled(melody, sharps) != page.spelling)[known].sum()
        total += known.sum()
    assert wrong < total / 1000


def test_new_voices_follow_a_melody_that_does_not_keep_to_its_key_signature():
    """A tune without sharps in a signature of four, as old song books print it."""
    pitches = np.repeat([[67, 60, 52, 48], [65, 60, 57, 41], [64, 60, 55, 48]], 8, axis=0)
    spelling = np.full(pitches.shape, UNSPELLED)
    spelling[:, 0] = np.repeat([1, -1, 4], 8)
    tune = Chorale(pitches, notation=Notation(spelling=spelling))
    fifths = spelled(tune, np.full(len(tune), 4))
    letters = {named(pitch, place).name for pitch, place in zip(pitches.flat, fifths.flat)}
    assert letters == {"C", "E", "F", "G", "A"}
