"""Marks: an analysis as text above or below a score, chord by chord.

Notebook: 04_evaluation
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from ..chorale import SILENCE, Chorale
from ..notation.chord_marks import KINDS, ChordMark
from .analysis import analyse
from .chords import numeral, spelt_notes
from .figures import chord_symbols, figured_bass

if TYPE_CHECKING:
    import pandas as pd

_FIGURES = re.compile(r"(65|43|42|64|6|7)(?=/|$)")
_SET = {"7": "⁷", "6": "⁶", "64": "⁶₄", "65": "⁶₅", "43": "⁴₃", "42": "⁴₂"}
_READ = str.maketrans("⁴⁶⁷₂₃₄₅°♭♯", "4672345ob#")


def chord_marks(
    chorale: Chorale, kind: str = "numerals", analysis: pd.DataFrame | None = None
) -> list[ChordMark]:
    """A chorale's harmony as marks for a score, one per chord, for `write_score` and `show`.

    Args:
        chorale: Chorale with at least one note.
        kind: ``'numerals'``, Roman numerals with the local key where it begins; ``'figures'``,
            figured bass, without figures for a plain triad; or ``'symbols'``, chord symbols.
        analysis: the result of `analyse`; None computes it.

    Raises:
        ValueError: another kind, or as in `analyse`.
        TypeError: as in `analyse`.

    Examples:
        >>> import numpy as np
        >>> chords = [[69, 64, 60, 45]] * 4 + [[71, 64, 56, 44]] * 4 + [[69, 64, 60, 45]] * 8
        >>> chorale = Chorale(np.array(chords), time_signature="4/4")
        >>> [mark.text for mark in chord_marks(chorale)]
        ['a: i', 'V⁶', 'i']

    Notebook: 04_evaluation
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r}: expected one of {', '.join(map(repr, KINDS))}")
    analysis = analyse(chorale) if analysis is None else analysis
    if kind == "numerals":
        texts = _numerals(analysis)
    elif kind == "figures":
        texts = _figures(analysis, chorale.key)
    else:
        texts = chord_symbols(analysis)
    sung = (chorale.pitches != SILENCE).any(axis=1)
    marks = []
    for start, steps, text in zip(analysis["start"], analysis["steps"], texts):
        silent = int(sung[start : start + steps].argmax())  # steps before its first note
        if text:
            marks.append(ChordMark(int(start) + silent, kind, text))
    return marks


def numeral_of_mark(text: str) -> str:
    """The RomanText figure of a numeral mark, without its key.

    Examples:
        >>> numeral_of_mark("f♯: vii°⁶₅/V")
        'viio65/V'

    Notebook: 04_evaluation
    """
    return text.split(": ")[-1].translate(_READ)


def _numerals(analysis):
    """The numerals as printed, with each local key before its first numeral."""
    texts, key = [], None
    for figure, its_key in zip(analysis["numeral"], analysis["key"]):
        text = _FIGURES.sub(lambda found: _SET[found[0]], figure).replace("o", "°")
        text = text.replace("b", "♭").replace("#", "♯")
        if its_key != key:
            tonic = its_key.split()[0]
            text = f"{tonic.replace('-', '♭').replace('#', '♯')}: {text}"
            key = its_key
        texts.append(text)
    return texts


def _figures(analysis, key):
    """The figures of a figured bass; a plain triad gets a 5 next to other figures over the same
    bass note."""
    texts = figured_bass(analysis, key)
    basses = [
        spelt_notes(figure, its_key)[numeral(figure, its_key.split()[1]).inversion]
        for figure, its_key in zip(analysis["numeral"], analysis["key"])
    ]
    same = [one == other for one, other in pairwise(basses)]
    before = [held and text for held, text in zip([False, *same], ["", *texts])]
    after = [held and text for held, text in zip([*same, False], [*texts[1:], ""])]
    return [text or ("5" if one or other else "") for text, one, other in zip(texts, before, after)]
