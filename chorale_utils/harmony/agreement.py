"""Agreement: how far an analysis agrees with one by a person.

Conventions: agreement is a share of time, 0 to 1, over the steps that the person analysed. Keys
    agree if tonic and mode do, whatever their spelling; roots if their pitch classes do (as in
    music21, also for augmented sixths); whole readings if key, numeral and inversion do, once both
    figures have the same spelling (`romantext.canonical`). If a person gives two keys to a pivot
    chord, the second counts.

Notebook: 04_evaluation
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import (
    SILENCE,
    Chorale,
)
from ..keys import (
    tonic_and_mode,
)
from .romantext import Reading, canonical, sounding

if TYPE_CHECKING:
    import pandas as pd

_SHIFTS = np.arange(-256, 257, 2)  # steps by which a bar may be displaced
_WRONG = 2.0  # weight of a note outside the chord relative to one inside
_SHIFTED, _JUMP = (
    8.0,
    80.0,
)  # notes that a shift at the beginning, and one within the piece, must gain


class Aligned(NamedTuple):
    """A person's analysis aligned with a chorale.

    Attributes:
        readings: the person's chords.
        which: int (steps,): the number of the reading at each step, or -1.
        transposed: semitones by which the chorale is above the analysis, 0 to 11.
        fit: share (0 to 1) of the notes that belong to the chords of the analysis.

    Notebook: 04_evaluation
    """

    readings: list[Reading]
    which: np.ndarray
    transposed: int
    fit: float


def align(readings: list[Reading], chorale: Chorale) -> Aligned:
    """Aligns a person's analysis with a chorale by its bars; or, if an edition writes out a repeat
    or is in another key, such that most notes belong to the chords.

    Args:
        readings: as from `romantext.read_romantext`, at least one.
        chorale: Chorale, as written.

    Notebook: 04_evaluation
    """
    steps = len(chorale)
    classes = np.where(chorale.pitches == SILENCE, 12, chorale.pitches % 12)
    heard = (classes[:, :, None] == np.arange(12)).sum(axis=1)  # (steps, 12)
    begins = np.array([each.step for each in readings])
    ends = np.append(begins[1:], max(steps, begins[-1] + 1))
    bars, bar = np.unique([each.bar for each in readings], return_inverse=True)
    best, transposed, shifts = -np.inf, 0, _SHIFTS
    for semitones in range(12):
        notes = _chord_notes(readings, semitones)
        worth = heard @ np.where(notes, 1.0, -_WRONG).T  # (steps, readings)
        total = np.vstack([np.zeros((1, len(readings))), np.cumsum(worth, axis=0)])
        each = np.arange(len(readings))[:, None]
        low, high = (np.clip(edge[:, None] + _SHIFTS, 0, steps) for edge in (begins, ends))
        fits = np.zeros((len(bars), len(_SHIFTS)))
        np.add.at(fits, bar, total[high, each] - total[low, each])
        value, came_from = fits[0] - _SHIFTED * (_SHIFTS != 0), []
        for fit in fits[1:]:
            jump = value.max() - _JUMP
            came_from.append(np.where(value >= jump, np.arange(len(_SHIFTS)), value.argmax()))
            value = np.maximum(value, jump) + fit
        if value.max() > best:
            path = [int(value.argmax())]
            for came in reversed(came_from):
                path.append(int(came[path[-1]]))
            best, transposed, shifts = value.max(), semitones, _SHIFTS[path[::-1]]
    which = np.full(steps, -1)
    for number, (begin, end) in enumerate(zip(begins + shifts[bar], ends + shifts[bar])):
        which[max(begin, 0) : max(end, 0)] = number
    covered = which >= 0
    inside = (heard * _chord_notes(readings, transposed)[which])[covered].sum()
    return Aligned(readings, which, transposed, float(inside / max(heard[covered].sum(), 1)))


def _chord_notes(readings, transposed):
    """bool (readings, 12): the pitch classes of each chord, transposed."""
    notes = np.zeros((len(readings), 12), bool)
    for number, each in enumerate(readings):
        classes = sounding(each.figure, each.key)[0]
        notes[number, [(pitch + transposed) % 12 for pitch in classes]] = True
    return notes


def agreement(analysis: pd.DataFrame, heard: Aligned) -> dict[str, float]:
    """The number of steps at which an analysis agrees with a person's: key, root, reading (key,
    numeral and inversion), and steps, their total number.

    Args:
        analysis: the result of `analyse` for the chorale.
        heard: the person's analysis of the same chorale.

    Notebook: 04_evaluation
    """
    covered = heard.which >= 0
    row = np.repeat(np.arange(len(analysis)), analysis["steps"])[covered]
    which = heard.which[covered]
    keys = np.array([key_number(each.key, heard.transposed) for each in heard.readings])[which]
    roots = np.array([sounding(each.figure, each.key)[1] for each in heard.readings])[which]
    figures = np.array([canonical(each.figure) for each in heard.readings])[which]
    same_key = keys == np.array([key_number(key) for key in analysis["key"]])[row]
    same_root = (roots + heard.transposed) % 12 == analysis["root"].to_numpy()[row]
    same_figure = figures == np.array([canonical(each) for each in analysis["numeral"]])[row]
    return {
        "key": int(same_key.sum()),
        "root": int(same_root.sum()),
        "reading": int((same_key & same_figure).sum()),
        "steps": len(row),
    }


def key_number(key: str, transposed: int = 0) -> int:
    """A key as a number from 0 to 23, equal for enharmonic keys: twice the pitch class of its
    tonic, plus 1 in minor or a church mode with a minor third.

    Examples:
        >>> key_number("c# minor"), key_number("d- dorian"), key_number("c minor", 1)
        (3, 3, 3)

    Notebook: 04_evaluation
    """
    tonic, minor = tonic_and_mode(key)
    return (tonic + transposed) % 12 * 2 + minor
