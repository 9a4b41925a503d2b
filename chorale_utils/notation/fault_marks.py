"""Marks: coloured, numbered notes in a score, and a legend that explains the numbers.

They serve as a teacher's red pencil, or for anything else to show about single notes. This file
decides neither what is marked nor how a score is drawn.

Notebook: 04_evaluation
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..chorale import VOICES, Chorale


class Mark(NamedTuple):
    """A marked note: the step on which it begins, its voice, the numbers written beside it, and its
    colour (CSS)."""

    step: int
    voice: int
    numbers: tuple[int, ...]
    colour: str


class Entry(NamedTuple):
    """A line of the legend: the number in the score, its colour, its name, and its meaning."""

    number: int
    colour: str
    name: str
    meaning: str


class Marks(NamedTuple):
    """The marks of a score: `notes` (tuple of Mark, at most one per note) and `legend` (tuple of
    Entry).

    Examples:
        >>> entry = Entry(1, "#C00000", "range", "bar 1, beat 2: too high")
        >>> marks = Marks((Mark(4, 0, (1,), "#C00000"),), (entry,))
        >>> marks.colours(Chorale([[72, 67, 64, 48]] * 8))[4, :2].tolist()
        ['#C00000', '']
    """

    notes: tuple[Mark, ...] = ()
    legend: tuple[Entry, ...] = ()

    def colours(self, chorale: Chorale) -> np.ndarray:
        """The colours as `to_score` takes them: str array (steps, 4), ``''`` for black.

        Args:
            chorale: Chorale.

        Raises:
            ValueError: a mark lies outside the chorale.
        """
        widest = max((len(mark.colour) for mark in self.notes), default=1)
        colours = np.full(chorale.pitches.shape, "", f"<U{widest}")
        for mark in self.notes:
            if not (0 <= mark.step < len(chorale) and 0 <= mark.voice < len(VOICES)):
                raise ValueError(
                    f"{chorale.name}: mark at step {mark.step}, voice {mark.voice}: expected steps "
                    f"0..{len(chorale) - 1} and voices 0..{len(VOICES) - 1}"
                )
            colours[mark.step, mark.voice] = mark.colour
        return colours
