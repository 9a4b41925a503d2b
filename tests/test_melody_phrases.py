"""The phrases of a melody that stands alone end where a singer would breathe."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.harmony.melody_phrases import melody_phrase_ends


def melody(notes, quarters, **known):
    pitches = np.zeros((int(4 * sum(quarters)), 4), int)
    steps = [int(4 * length) for length in quarters]
    pitches[:, 0] = np.repeat(notes, steps)
    onsets = np.zeros(pitches.shape, bool)
    onsets[np.cumsum([0, *steps[:-1]]), 0] = True
    return Chorale(pitches, onsets=onsets, time_signature="4/4", **known)


@pytest.mark.parametrize(("words", "found", "right"), [(True, 0.75, 0.65), (False, 0.62, 0.60)])
def test_most_phrases_of_bachs_validation_melodies_are_found(music21_corpus, words, found, right):
    hits = ends = claimed = 0
    for chorale in music21_corpus.valid:
        if chorale.fermatas is None or not chorale.fermatas.any():
            continue
        if words and not (chorale.notation and chorale.notation.words):
            continue
        bare = replace(chorale, fermatas=None, notation=chorale.notation if words else None)
        true = set(melody_phrase_ends(chorale)[:-1].tolist())
        guessed = set(melody_phrase_ends(bare)[:-1].tolist())
        hits += len(true & guessed)
        ends, claimed = ends + len(true), claimed + len(guessed)
    assert hits / ends > found
    assert hits / claimed > right


def test_a_long_note_after_an_even_number_of_bars_ends_a_phrase():
    line = [67, 69, 71, 72, 71, 69, 67]
    lengths = [1, 1, 1, 1, 1, 1, 2]
    tune = melody(line + line, lengths + lengths, key="G major")
    assert melody_phrase_ends(tune).tolist() == [32, 64]


def test_fermatas_are_believed():
    fermatas = np.zeros(48, bool)
    fermatas[12:16] = fermatas[44:] = True
    tune = replace(melody([67, 69, 71] * 4, [1] * 12), fermatas=fermatas)
    assert melody_phrase_ends(tune).tolist() == [16, 48]


def test_any_voice_may_have_the_melody_and_silence_is_one_phrase():
    tune = melody([67, 69, 71, 72, 71, 69, 67] * 2, [1, 1, 1, 1, 1, 1, 2] * 2, key="G major")
    order = [3, 1, 2, 0]
    bass = replace(tune, pitches=tune.pitches[:, order], onsets=tune.onsets[:, order])
    assert melody_phrase_ends(bass, voice=3).tolist() == [32, 64]
    assert melody_phrase_ends(Chorale(np.zeros((16, 4), int))).tolist() == [16]
    assert melody_phrase_ends(Chorale(np.zeros((0, 4), int))).tolist() == []
