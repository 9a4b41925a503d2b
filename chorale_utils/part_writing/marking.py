"""Marking: faults in a score, coloured and numbered by rule, with explanations below.

Only the notes at fault are marked, not the notes before them.

Notebook: 04_evaluation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..chorale import Chorale, as_chorale
from ..notation.fault_marks import Entry, Mark, Marks
from .rules import RULES, SEVERITIES

if TYPE_CHECKING:
    import pandas as pd


def mark_faults(chorale: Chorale, found: pd.DataFrame) -> Marks:
    """Marks for `show` and `write_score`: each note at fault in the colour of its rule, with the
    rule's number, and a legend that explains every fault.

    A note with several faults gets the colour of the most serious, and all numbers.

    Args:
        chorale: Chorale.
        found: the result of `faults` for it.

    Raises:
        ValueError: a fault lies outside the chorale.
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> from chorale_utils import faults
        >>> fifths = np.repeat([[67, 60, 55, 48], [69, 62, 53, 45]], 4, axis=0)
        >>> marks = mark_faults(Chorale(fifths), faults(Chorale(fifths)))
        >>> [(mark.step, mark.voice, mark.numbers) for mark in marks.notes]
        [(4, 0, (1,)), (4, 1, (1,))]

    Notebook: 04_evaluation
    """
    chorale = as_chorale(chorale)
    on_note: dict[tuple[int, int], list[str]] = {}
    legend = []
    for notes, name, bar, beat, explanation in zip(
        found["notes"], found["fault"], found["bar"], found["beat"], found["explanation"]
    ):
        for place in notes:
            if name not in on_note.setdefault(place, []):
                on_note[place].append(name)
        rule = RULES[name]
        meaning = f"bar {bar}, beat {beat:g}: {explanation}"
        legend.append(Entry(rule.number, rule.colour, name, meaning))
    marks = Marks(
        tuple(_mark(*place, names) for place, names in sorted(on_note.items())), tuple(legend)
    )
    marks.colours(chorale)  # raises if a mark lies outside
    return marks


def _mark(step, voice, names):
    rules = [RULES[name] for name in names]
    gravest = min(rules, key=lambda rule: (SEVERITIES.index(rule.severity), rule.number))
    return Mark(step, voice, tuple(sorted(rule.number for rule in rules)), gravest.colour)


def fault_colours(chorale: Chorale, faults: pd.DataFrame) -> np.ndarray:
    """Colours for `show_score` that mark faults, without numbers and legend (for these, see
    `mark_faults`).

    Args:
        chorale: the piece with the faults.
        faults: the table that the function `faults` made of it.

    Returns:
        str array (steps, 4): the colour of the rule where a note at fault begins; ``''`` (black)
        elsewhere.

    Raises:
        TypeError: `chorale` is not a Chorale.
        ValueError: a fault lies outside the chorale.

    Examples:
        >>> from chorale_utils import faults
        >>> chords = np.repeat([[72, 67, 64, 48], [74, 69, 65, 50]], 4, axis=0)  # octaves
        >>> chorale = Chorale(chords)
        >>> fault_colours(chorale, faults(chorale))[[0, 4], 0].tolist()
        ['', '#0B5394']

    Notebook: 04_evaluation
    """
    return mark_faults(chorale, faults).colours(chorale)
