"""Spelling: how the notes of a chorale are named, G sharp or A flat.

A note keeps the name that its page gives it. Every other note is named after key and harmony on the
line of fifths (Temperley, The Cognition of Basic Musical Structures, 2001, chapter 5): it takes the
name that lies nearest to the notes around it.

Notebook: 05_generation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..chorale import SILENCE, Chorale
from .page import UNSPELLED

if TYPE_CHECKING:
    from music21.pitch import Pitch

_WINDOW = 8  # steps to either side that a note's name is chosen by
_TRUST = 8.0  # notes that the key counts for, against those in the window
_DOUBT = 8  # the power of the share of given notes in the key by which the key then counts less


def spelled(chorale: Chorale, sharps: np.ndarray) -> np.ndarray:
    """int array (steps, 4): each note's place on the line of fifths (F -1, C 0, G 1, B flat -2).

    A note may be called by names twelve fifths apart. Where the page says which, that one stands.
    Of the others, the first guess depends on the key signature and on the names that are given
    around; without any, it reaches from the lowered seventh to the raised second (in C: B flat to D
    sharp). Then, twice, each note takes the name nearest to the notes around it, with which the key
    is counted as eight notes more, or as fewer where given notes do not belong to it. Where a
    melody sings alone, chromatic passing notes are sharp where they rise and flat where they fall.

    Args:
        chorale: Chorale.
        sharps: int array (steps,), the number of sharps (or of flats, negative) in force.

    Examples:
        >>> spelled(Chorale([[69, 64, 60, 56]]), np.array([0])).tolist()
        [[3, 4, 0, 8]]
    """
    octave_free = chorale.pitches.astype(int) * 7 % 12
    sung = chorale.pitches != SILENCE
    given = _given(chorale, octave_free)
    told = given != UNSPELLED
    key_centre = sharps + 2  # of the seven notes of the scale
    in_key = np.abs(given - key_centre[:, None])[told] <= 3
    trust = _TRUST * (max(0.1, in_key.mean() ** _DOUBT) if told.any() else 1)
    around = np.exp(-np.abs(np.arange(-_WINDOW, _WINDOW + 1)) / (_WINDOW / 2))

    def centre(fifths, counted):
        """The place on the line of fifths of the notes around each step that are counted, and of
        the key."""
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
    """The spelling with chromatic passing notes sharp where they rise and flat where they fall, in
    a melody that sings alone. Where others sing, harmony decides: with Bach, of 100 such notes it
    names 95 as he does, and this rule 83."""
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
    """The spelling (int array (steps, 4)) that the page gives, `UNSPELLED` where it gives none, or
    one of another note than is sung there."""
    page = chorale.notation
    if page is None or page.spelling is None:
        return np.full(chorale.pitches.shape, UNSPELLED)
    given = page.spelling.astype(int)
    right = (given % 12 == octave_free) & (chorale.pitches != SILENCE) & (given != UNSPELLED)
    return np.where(right, given, UNSPELLED)


def named(pitch: int, fifths: int) -> Pitch:
    """The music21 Pitch of a MIDI number with its place on the line of fifths.

    Examples:
        >>> named(66, 6).nameWithOctave, named(66, -6).nameWithOctave
        ('F#4', 'G-4')
    """
    from music21.pitch import Pitch

    sharps, letter = divmod(int(fifths) + 1, 7)
    name = Pitch("FCGDAEB"[letter] + ("#" * sharps if sharps > 0 else "-" * -sharps))
    name.octave = (int(pitch) - sharps) // 12 - 1
    return name
