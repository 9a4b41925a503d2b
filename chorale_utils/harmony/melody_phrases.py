"""Where the phrases of an unaccompanied melody end.

A hymn book prints no fermatas. So this file weighs, at the end of each note, the signs that tell a
singer where to breathe: the length of the note relative to its neighbours, whether whole bars have
passed, whether the rhythm of the beginning returns, a comma in the words. Dynamic programming then
finds the best of all ways to divide the melody, given that phrases of two bars are the most common.

Notebook: 05_generation
"""

from __future__ import annotations

import numpy as np

from ..chorale import (
    SILENCE,
    Chorale,
    as_chorale,
)
from ..keys import (
    tonic_and_mode,
)
from .phrases import best_cut, phrase_ends

# Logistic regression on the sopranos of the 224 training pieces of the music21 edition with
# fermatas, each with and without its words. Of the phrase ends within validation pieces, 78 % are
# found with words and 65 % without (recall); of those found, 69 % and 63 % are correct (precision).
# Phrases of eight quarters throughout would reach a recall of 58 % and a precision of 24 %
# (tests/test_melody_phrases.py).
_WEIGHTS = {
    "always": -7.6,
    "as long as any note around it": 1.7,
    "longer than the note after it": 0.8,
    "a half note or longer": -0.2,
    "a dotted half note or longer": -1.4,
    "a whole number of bars have passed": 1.1,
    "an even number of bars have passed": 3.4,
    "begins on a strong beat": 2.0,
    "the rhythm of the beginning follows": 1.0,
    "the tonic or its second, third or fifth": 0.9,
    "reached by a step down": 0.6,
    "a leap upwards follows": 1.8,
    "a punctuation mark in the words": 2.4,
}
_LENGTH_WEIGHT, _PHRASE_BONUS = 0.25, 7.0  # chosen on the training pieces
_AROUND = 4  # notes before and after
_PUNCTUATION = (",", ".", ";", ":", "!", "?")


def melody_phrase_ends(melody: Chorale, voice: int = 0) -> np.ndarray:
    """The steps at which the phrases of a melody end (int array): the first step after each phrase;
    the last is the length of the piece.

    Args:
        melody: Chorale; if it has fermatas, only they are used.
        voice: the voice with the melody, 0..3, soprano to bass.

    Raises:
        TypeError: `melody` is not a Chorale.

    Examples:
        >>> tune = np.repeat([67, 69, 71, 67, 69, 71, 72, 74, 71, 67, 69, 67], 4)
        >>> pitches = np.zeros((64, 4), int)
        >>> pitches[:, 0] = np.concatenate([tune[:28], [72] * 4, tune[28:], [67] * 12])
        >>> melody_phrase_ends(Chorale(pitches, time_signature="4/4")).tolist()
        [32, 64]

    Notebook: 05_generation
    """
    if not len(as_chorale(melody)) or (melody.fermatas is not None and melody.fermatas.any()):
        return phrase_ends(melody)
    pitches = melody.pitches[:, voice].astype(int)
    begins = melody.struck[:, voice] & (pitches != SILENCE)
    at = np.flatnonzero(begins)  # the first step of every note
    if not len(at):
        return np.array([len(melody)])
    ends = np.append(at[1:], len(melody))  # a rest belongs to the phrase before it
    worth = _evidence(melody, voice, pitches, at, ends) @ list(_WEIGHTS.values())
    return best_cut(ends, worth, _LENGTH_WEIGHT, _PHRASE_BONUS)


def _evidence(
    melody: Chorale, voice: int, pitches: np.ndarray, at: np.ndarray, ends: np.ndarray
) -> np.ndarray:
    """float array (notes, weights): the evidence at the end of each note."""
    lasts, passed = ends - at, ends - at[0]
    bar = melody.steps_per_bar or 16
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(lasts, _AROUND), 2 * _AROUND + 1
    )  # (notes, 9)
    degree = np.zeros(len(at), bool)
    if melody.key is not None:
        degree = np.isin((pitches[at] - tonic_and_mode(melody.key)[0]) % 12, (0, 2, 3, 4, 7))
    moves = np.diff(pitches[at])
    rhythm = np.zeros(len(at), bool)
    for note in range(len(at) - _AROUND):
        rhythm[note] = np.array_equal(lasts[note + 1 : note + 1 + _AROUND], lasts[:_AROUND])
    return np.column_stack(
        [
            np.ones(len(at)),
            (lasts >= around.max(axis=1)) & (lasts > np.median(lasts)),
            lasts > np.append(lasts[1:], 0),
            lasts >= 8,
            lasts >= 12,
            passed % bar == 0,
            passed % (2 * bar) == 0,
            (at - melody.pickup) % 8 == 0,
            rhythm,
            degree,
            np.isin(np.append(0, moves), (-1, -2)),
            np.append(moves, 0) > 2,
            _punctuated(melody, voice, at),
        ]
    )


def _punctuated(melody: Chorale, voice: int, at: np.ndarray) -> np.ndarray:
    """bool array (notes,): whether each note is the last of a syllable with a punctuation mark."""
    marked = np.zeros(len(at), bool)
    words = () if melody.notation is None else melody.notation.words
    for verse in {word.verse for word in words}:
        sung = sorted(
            (word for word in words if word.voice == voice and word.verse == verse),
            key=lambda word: word.step,
        )
        later = [word.step for word in sung[1:]] + [len(melody)]
        for word, until in zip(sung, later):
            if word.text.rstrip("\"'”’»)").endswith(_PUNCTUATION):
                marked[np.searchsorted(at, until) - 1] = True
    return marked
