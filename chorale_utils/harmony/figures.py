"""Figures: an analysis in musicians' notation, as figured bass and as chord symbols.

Notebook: 04_evaluation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..chorale import (
    Chorale,
    described,
)
from ..keys import (
    key_signature,
)
from .chords import note_spelt, numeral, spelt_notes

if TYPE_CHECKING:
    import pandas as pd

_SYMBOLS = {
    "major": "",
    "minor": "m",
    "diminished": "dim",
    "augmented": "+",
    "dominant-seventh": "7",
    "major-seventh": "maj7",
    "minor-seventh": "m7",
    "half-diminished-seventh": "m7b5",
    "diminished-seventh": "dim7",
    "augmented-seventh": "augmaj7",
    "Italian": "7",
    "German": "7",
    "French": "7b5",
}
_FIGURES = {3: ((), (6,), (6, 4)), 4: ((7,), (6, 5), (4, 3), (4, 2))}


def figured_bass(analysis: pd.DataFrame, key: str | None = None) -> list[str]:
    """The figures of each chord for a figured bass, such as ``'6'``, ``'6,5'``, ``'#'`` (a raised
    third) or ``''`` (a plain triad); music21 reads them.

    Args:
        analysis: the result of `analyse`.
        key: key of the signature, such as ``'f# minor'``; None takes the last local key.

    Raises:
        TypeError: a Chorale, or something else that is not an analysis.

    Examples:
        >>> import numpy as np
        >>> from chorale_utils import Chorale, analyse
        >>> chords = [[69, 64, 60, 45]] * 4 + [[71, 64, 56, 44]] * 4 + [[69, 64, 60, 45]] * 8
        >>> figured_bass(analyse(Chorale(np.array(chords), time_signature="4/4")))
        ['', '6', '']

    Notebook: 04_evaluation
    """
    _check(analysis)
    signature = key_signature(analysis["key"].iloc[-1] if key is None else key)
    return [
        _figures(figure, its_key, signature)
        for figure, its_key in zip(analysis["numeral"], analysis["key"])
    ]


def _check(analysis):
    if isinstance(analysis, (Chorale, str)) or not hasattr(analysis, "columns"):
        raise TypeError(
            f"got {described(analysis)}: expected the result of analyse, such as analyse(chorale)"
        )


def _figures(figure, key, signature):
    inversion = numeral(figure, key.split()[1]).inversion
    notes = spelt_notes(figure, key)
    bass, figures = notes[inversion], _FIGURES[len(notes)][inversion]
    written = []
    for note in notes:
        number = (4 * (note - bass)) % 7 + 1  # the interval above the bass, 1 the unison
        if number == 1:
            continue
        sign = _accidental(note, signature)
        if number in figures or sign:
            written.append(
                (-number, sign if number == 3 and 3 not in figures else f"{sign}{number}")
            )
    return ",".join(text for _, text in sorted(written))


def _accidental(note, signature):
    """The accidental that a note needs under a signature; none if it is in the scale."""
    usual = next(place for place in range(signature - 1, signature + 6) if (place - note) % 7 == 0)
    if note == usual:
        return ""
    name = note_spelt(note)[1:]
    return name.replace("-", "b") or "n"


def chord_symbols(analysis: pd.DataFrame) -> list[str]:
    """Each chord as a symbol, such as ``'D7/F#'`` or ``'Bbm'``.

    Args:
        analysis: the result of `analyse`.

    Raises:
        TypeError: a Chorale, or something else that is not an analysis.

    Examples:
        >>> import numpy as np
        >>> from chorale_utils import Chorale, analyse
        >>> chords = [[69, 64, 60, 45]] * 4 + [[71, 64, 56, 44]] * 4 + [[69, 64, 60, 45]] * 8
        >>> chord_symbols(analyse(Chorale(np.array(chords), time_signature="4/4")))
        ['Am', 'E/G#', 'Am']

    Notebook: 04_evaluation
    """
    _check(analysis)
    symbols = []
    for figure, key in zip(analysis["numeral"], analysis["key"]):
        found = numeral(figure, key.split()[1])
        notes = spelt_notes(figure, key)
        root, bass = notes[0], notes[found.inversion]
        if found.quality in (
            "Italian",
            "German",
        ):  # as a jazz musician would write it: a seventh chord on its bass
            root = bass
        slash = "" if bass == root else f"/{note_spelt(bass)}"
        symbols.append(f"{note_spelt(root)}{_SYMBOLS[found.quality]}{slash}".replace("-", "b"))
    return symbols
