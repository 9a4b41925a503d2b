"""Spelling: the names of a chorale's notes, such as G sharp or A flat.

A note keeps the name that its page gives it. All other notes are named by key and harmony on the
line of fifths (Temperley, The Cognition of Basic Musical Structures, 2001, chapter 5): a note takes
the name closest to the notes around it.

Notebook: 05_generation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..chorale import SILENCE, Chorale
from .page import UNSPELLED

if TYPE_CHECKING:
    from music21.pitch import Pitch

_WINDOW = 8  # steps on either side of a note that influence its name
_TRUST = 8.0  # weight of the key, as a number of notes in the window
_DOUBT = 8  # exponent of the share of given notes in the key, which scales the key's weight


def spelled(chorale: Chorale, sharps: np.ndarray) -> np.ndarray:
    """int array (steps, 4): each note's place on the line of fifths (F -1, C 0, G 1, B flat -2).

    The possible names of a note are twelve fifths apart. A name given on the page is kept. For the
    other notes, the first guess depends on the key signature and on given names nearby; without
    any, it ranges from the lowered seventh to the raised second (in C: B flat to D sharp). Then,
    twice, each note takes the name closest to the notes around it, among which the key counts as
    eight more notes, or as fewer if given notes do not belong to it. In a melody without other
    voices, chromatic passing notes are sharp when they rise and flat when they fall.

    Args:
        chorale: Chorale.
        sharps: int array (steps,), the number of sharps in force; flats count as negative.

    Examples:
        >>> spelled(Chorale([[69, 64, 60, 56]]), np.array([0])).tolist()
        [[3, 4, 0, 8]]
    """
    octave_free = chorale.pitches.astype(int) * 7 % 12
    sung = chorale.pitches != SILENCE
    given = _given(chorale, octave_free)
    told = given != UNSPELLED
    key_centre = sharps + 2  # centre of the seven notes of the scale
    in_key = np.abs(given - key_centre[:, None])[told] <= 3
    trust = _TRUST * (max(0.1, in_key.mean() ** _DOUBT) if told.any() else 1)
    around = np.exp(-np.abs(np.arange(-_WINDOW, _WINDOW + 1)) / (_WINDOW / 2))

    def centre(fifths, counted):
        """The mean place on the line of fifths of the key and the counted notes around each
        step."""
        sums = np.sum(fifths * counted, axis=1), np.sum(counted, axis=1)
        notes, count = (np.convolve(each, around)[_WINDOW:-_WINDOW] for each in sums)
        return (notes + trust * key_centre) / (count + trust)

    def nearest(lowest):
        lowest = np.ceil(lowest).astype(int)[:, None]
        return np.where(told, given, lowest + (octave_free - lowest) % 12)

    fifths = nearest(centre(given, told) - 4)
    for _ in range(2):
        fifths = nearest(centre(fifths, sung) - 6)
    return np.where(given == UNSPELLED, _passing(chorale, fifths, sharps), given)


def _passing(chorale, fifths, sharps):
    """The spelling with chromatic passing notes sharp when they rise and flat when they fall, in a
    melody without other voices. With other voices, harmony decides: in Bach's chorales it names 95
    % of such notes as he does, and this rule 83 %."""
    fifths = fifths.copy()
    alone = (chorale.pitches != SILENCE).sum(axis=1) == 1
    for voice in range(fifths.shape[1]):
        notes = chorale.notes(voice).tolist()
        for (_, _, before), (start, length, pitch), (after, _, following) in zip(
            notes, notes[1:], notes[2:]
        ):
            note = slice(start, start + length)
            passes = pitch - before == following - pitch and start + length == after
            if passes and alone[note].all():
                if pitch == before + 1 and fifths[start, voice] < sharps[start] - 1:
                    fifths[note, voice] += 12
                if pitch == before - 1 and fifths[start, voice] > sharps[start] + 5:
                    fifths[note, voice] -= 12
    return fifths


def _given(chorale, octave_free):
    """The spelling on the page (int array (steps, 4)), `UNSPELLED` where there is none or it does
    not fit the note."""
    page = chorale.notation
    if page is None or page.spelling is None:
        return np.full(chorale.pitches.shape, UNSPELLED)
    given = page.spelling.astype(int)
    right = (given % 12 == octave_free) & (chorale.pitches != SILENCE) & (given != UNSPELLED)
    return np.where(right, given, UNSPELLED)


def named(pitch: int, fifths: int) -> Pitch:
    """The music21 Pitch for a MIDI number and a place on the line of fifths.

    Examples:
        >>> named(66, 6).nameWithOctave, named(66, -6).nameWithOctave
        ('F#4', 'G-4')
    """
    from music21.pitch import Pitch

    sharps, letter = divmod(int(fifths) + 1, 7)
    name = Pitch("FCGDAEB"[letter] + ("#" * sharps if sharps > 0 else "-" * -sharps))
    name.octave = (int(pitch) - sharps) // 12 - 1
    return name
