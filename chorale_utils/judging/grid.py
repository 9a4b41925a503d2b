"""Grid: many chorales laid end to end, so that things can be counted in all of them at once.

All judges of a chorale need the same few features: which notes move, which chord is above the
lowest note, how long the notes are, which note is the tonic. This file computes them with numpy for
thousands of pieces together; it judges nothing.

Conventions: written, sung and generated pieces are treated alike. A note begins where the pitch
changes, so a repeated note counts as held, even if the source says that it is struck again.
Fermatas and bar lines are ignored. If a piece does not state its key, the key is estimated.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    as_chorales,
)
from ..keys import (
    tonic_and_mode,
)

# How often each of the twelve notes above the tonic occurs in music in major and in minor: the
# weights of Aarden 2003, "Dynamic Melodic Expectancy", as given at
# https://extras.humdrum.org/man/keycor; also used by music21 and `key_of_notes`.
MAJOR_PROFILE = (
    17.7661,
    0.145624,
    14.9265,
    0.160186,
    19.8049,
    11.3587,
    0.291248,
    22.062,
    0.145624,
    8.15494,
    0.232998,
    4.95122,
)
MINOR_PROFILE = (
    18.2648,
    0.737619,
    14.0499,
    16.8599,
    0.702494,
    14.4362,
    0.702494,
    18.6161,
    4.56621,
    1.93186,
    7.37619,
    1.75623,
)


class Grid:
    """Chorales end to end: N steps of `count` pieces. Every array is int64 or bool.

    Args:
        chorales: list of Chorale of any length, or one Chorale; the list may be empty.

    Attributes:
        chorales: list of Chorale.
        pitches, before: (N, 4): MIDI numbers of each step, and of the step before it in the same
            piece; 0 is silence, and stands before a piece's first step.
        piece, step, place: (N,): number of the piece, of the step in it, and of the sixteenth
            within the quarter: 0 to 3, 0 being the beat (counted from the first bar line).
        arrives: (N, 4): whether a note begins, after another note or after silence.
        moved: (N, 4): whether the voice moves from one note to another at this step.
        lowest: (N,): the lowest sounding note, in whichever voice; 0 in silence.
        chord: (N,): the chord above the lowest note as a twelve-bit number: bit k is set if a note
            is k semitones above it, modulo octaves. 0 in silence.

    Examples:
        >>> grid = Grid(Chorale([[72, 67, 64, 48], [71, 67, 62, 55]]))
        >>> grid.moved.tolist()
        [[False, False, False, False], [True, False, True, True]]
        >>> grid.lowest.tolist(), [bin(chord) for chord in grid.chord.tolist()]  # intervals 0 4 7
        ([48, 55], ['0b10010001', '0b10010001'])

    Notebook: 04_evaluation
    """

    def __init__(self, chorales: Chorale | Iterable[Chorale]) -> None:
        self.chorales = as_chorales(chorales)
        self.count = len(self.chorales)
        lengths = [len(chorale) for chorale in self.chorales]
        self.pitches = np.concatenate(
            [np.zeros((0, len(VOICES)), int), *(chorale.pitches for chorale in self.chorales)]
        )
        self.piece = np.repeat(np.arange(self.count), lengths)
        starts = np.cumsum([0, *lengths])[:-1]
        self.step = np.arange(len(self.pitches)) - np.repeat(starts, lengths)
        pickups = np.repeat(np.array([chorale.pickup for chorale in self.chorales], int), lengths)
        self.place = (self.step - pickups) % STEPS_PER_QUARTER
        self.before = np.where(self.step[:, None] > 0, np.roll(self.pitches, 1, axis=0), SILENCE)
        sounding = self.pitches != SILENCE
        self.arrives = sounding & (self.pitches != self.before)
        self.moved = self.arrives & (self.before != SILENCE)
        self.lowest = np.where(sounding, self.pitches, 128).min(axis=1, initial=128) % 128
        above = (self.pitches - self.lowest[:, None]) % 12
        self.chord = np.bitwise_or.reduce(np.where(sounding, 1 << above, 0), axis=1)

    def per_piece(self, where: np.ndarray) -> np.ndarray:
        """float array (count,): how many of the steps `where` lie in each piece.

        Args:
            where: int array of indices into the N steps; an index that occurs twice counts twice.

        Examples:
            >>> grid = Grid([Chorale([[72, 67, 64, 48]] * 2), Chorale([[72, 67, 64, 48]] * 3)])
            >>> grid.per_piece(np.array([0, 2, 3]))
            array([1., 2.])
        """
        return np.bincount(self.piece[where], minlength=self.count).astype(float)

    @cached_property
    def notes(self) -> dict[str, np.ndarray]:
        """All notes, as a dict of int arrays (notes,), voice by voice and in order of time: start
        (index into the N steps), voice, pitch, length (in steps), and approached and left, the
        intervals in semitones upwards from the note before and to the note after; 0 if there is no
        note directly before or after."""
        flat = self.pitches.T.ravel()  # (4 * N,)
        begins = ((self.pitches != self.before) | (self.step[:, None] == 0)).T.ravel()
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.append(starts, len(flat)))
        voice, start = np.divmod(starts, max(len(self.pitches), 1))
        sounding = flat[starts] != SILENCE
        approached = np.where(
            self.moved.T.ravel()[starts], flat[starts] - self.before.T.ravel()[starts], 0
        )
        # the first note of a piece, and of a voice, is approached by 0
        left = np.append(approached[1:], np.zeros(min(1, len(approached)), int))
        return {
            "start": start[sounding],
            "voice": voice[sounding],
            "pitch": flat[starts][sounding],
            "length": lengths[sounding],
            "approached": approached[sounding],
            "left": left[sounding],
        }

    @cached_property
    def keys(self) -> tuple[np.ndarray, np.ndarray]:
        """(int array (count,), the tonics, 0 (C) to 11; bool array (count,), whether minor, or a
        church mode with a minor third): each piece's own `key`, or else the estimated one, see
        `found_keys`."""
        tonics, minor = (keys.copy() for keys in self.found_keys)
        for number, chorale in enumerate(self.chorales):
            if chorale.key is not None:
                tonics[number], minor[number] = tonic_and_mode(chorale.key)
        return tonics, minor

    @cached_property
    def found_keys(self) -> tuple[np.ndarray, np.ndarray]:
        """Like `keys`, but always estimated from the notes: the key whose profile correlates best
        with the durations of the pitch classes (Krumhansl 1990, "Cognitive Foundations of Musical
        Pitch", chapter 4). Of equally good keys, the first one upwards from the last bass note is
        chosen, so that a transposed piece gets the transposed key."""
        last = np.zeros(self.count, int)
        sounding = np.flatnonzero(self.lowest)
        last[self.piece[sounding]] = self.lowest[sounding]  # numpy keeps the last of several
        relative = (self.pitches - last[self.piece][:, None]) % 12
        index = self.piece[:, None] * 12 + relative
        heard = np.bincount(index[self.pitches != SILENCE], minlength=12 * self.count).reshape(
            -1, 12
        )  # (count, 12): steps of each pitch class
        profiles = np.array(
            [
                np.roll(profile, tonic)
                for tonic in range(12)
                for profile in (MAJOR_PROFILE, MINOR_PROFILE)
            ]
        )
        mean, deviation = (of(profiles, axis=1, keepdims=True) for of in (np.mean, np.std))
        profiles = (profiles - mean) / deviation
        # the largest product is the largest correlation: the norm of `heard` is the same for all
        best = (heard @ profiles.T).round(9).argmax(axis=1)
        return (best // 2 + last) % 12, best % 2 == 1
