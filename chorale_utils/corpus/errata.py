"""Errata: errors in the files of the music21 edition, and their corrections.

``errata.csv`` has one row for each corrected place, with the reason. It lists only undoubted
errors: the reading breaks a rule that Bach keeps (parallel octaves between outer voices, a cadence
without its leading tone), a single change removes the problem, and another voice, another setting
of the tune or the independent edition of the archive confirms that change. `harmony.suspects` finds
other places that look wrong; most of them are by Bach.

    name            name of the piece, such as ``bwv268``
    bar, beat       where the change begins, counted as on the page; empty for a key
    voice           one of `VOICES`, or ``key``
    has             the notes in the file, in order, each with its length in sixteenths, such as
                    ``E3:2 D3:2``; or its key
    right           the correct notes, or the correct key
    reason          why the file is wrong, and why this is right

Notebook: 01_data_exploration
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import VOICES, Chorale
from ..notation.page import bars_of

if TYPE_CHECKING:
    import pandas as pd

ERRATA = Path(__file__).with_name("errata.csv")

_NOTE = re.compile(r"([A-G])([#-]*)(\d):(\d+)")
_LETTERS = "FCGDAEB"  # along the line of fifths
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Erratum(NamedTuple):
    """A row of ``errata.csv``, see the module.

    Notebook: 01_data_exploration
    """

    name: str
    bar: str
    beat: str
    voice: str
    has: str
    right: str
    reason: str


class _Note(NamedTuple):
    pitch: int  # MIDI number
    steps: int
    fifths: int  # its place on the line of fifths


@cache
def errata() -> tuple[Erratum, ...]:
    """All rows of ``errata.csv``.

    Examples:
        >>> next(each.right for each in errata() if each.name == "bwv268")
        'G3:2 F#3:2 E3:4'

    Notebook: 01_data_exploration
    """
    with open(ERRATA, newline="", encoding="utf-8") as file:
        return tuple(Erratum(**row) for row in csv.DictReader(file))


def read_errata() -> pd.DataFrame:
    """The errata of the music21 edition as a pandas DataFrame: one row for each place that
    `load_corpus` corrects, with columns name, bar, beat, voice, has, right, reason.

    Examples:
        >>> read_errata().query("name == 'bwv253'")[["bar", "beat", "voice", "has", "right"]].values
        array([['7', '1', 'soprano', 'B4:4', 'G#4:4']], dtype=object)

    Notebook: 01_data_exploration
    """
    import pandas as pd

    return pd.DataFrame(errata(), columns=list(Erratum._fields))


def corrected(chorale: Chorale, rows: Iterable[Erratum] | None = None) -> Chorale:
    """The chorale with the errors of its file corrected; unchanged if it has none.

    If a file has neither the wrong nor the right notes at a place, as may happen with another
    version of music21, that place is left unchanged, with a warning.

    Args:
        chorale: Chorale, with the name of its file.
        rows: corrections; None takes those of ``errata.csv`` for its name.

    Raises:
        ValueError: a row is invalid; the message says which.

    Examples:
        >>> held = Chorale([[72, 67, 64, 48]] * 4, name="mine", time_signature="4/4")
        >>> row = Erratum("mine", "1", "1", "alto", "G4:4", "F4:4", "an example")
        >>> corrected(held, [row]).pitches[0].tolist()
        [72, 65, 64, 48]

    Notebook: 01_data_exploration
    """
    rows = [each for each in errata() if each.name == chorale.name] if rows is None else rows
    for row in rows:
        if row.voice == "key":
            chorale = replace(chorale, key=row.right)
        else:
            chorale = _with_notes(chorale, row)
    return chorale


def _with_notes(chorale: Chorale, row: Erratum) -> Chorale:
    """The chorale with the correction of one row."""
    if row.voice not in VOICES:
        raise ValueError(f"{row}: voice {row.voice!r}: expected one of {', '.join(VOICES)}, or key")
    voice, start = VOICES.index(row.voice), _step(chorale, row)
    has, right = _notes(row.has), _notes(row.right)
    stop = start + sum(note.steps for note in has)
    if stop - start != sum(note.steps for note in right) or stop > len(chorale):
        raise ValueError(f"{row}: expected equal lengths of has and right, within the piece")
    found = chorale.pitches[start:stop, voice]
    if np.array_equal(found, _sung(right)):
        return chorale
    if not np.array_equal(found, _sung(has)):
        warnings.warn(
            f"{chorale.name}, bar {row.bar}, beat {row.beat}, {row.voice}: not corrected, because "
            f"the file does not have {row.has}, unlike that of music21 10.5",
            stacklevel=2,
        )
        return chorale
    pitches, onsets = chorale.pitches.copy(), None
    pitches[start:stop, voice] = _sung(right)
    if chorale.onsets is not None:
        onsets = chorale.onsets.copy()
        begins = np.cumsum([0, *(note.steps for note in right[:-1])])
        onsets[start + 1 : stop, voice] = False
        onsets[start + begins, voice] = True
    page = chorale.notation
    if page is not None and page.spelling is not None:
        spelling = page.spelling.copy()
        spelling[start:stop, voice] = np.repeat(
            [note.fifths for note in right], [note.steps for note in right]
        )
        page = replace(page, spelling=spelling)
    return replace(chorale, pitches=pitches, onsets=onsets, notation=page)


def _step(chorale: Chorale, row: Erratum) -> int:
    """The step at which a row's change begins."""
    for bar in bars_of(chorale):
        unit = 16 // int(bar.time_signature.split("/")[1])
        step = bar.start - bar.offset + (float(row.beat) - 1) * unit
        if bar.number == int(row.bar) and bar.start <= step < bar.stop:
            return int(step)
    raise ValueError(f"{row}: {chorale.name} has no bar {row.bar} with a beat {row.beat}")


def _notes(text: str) -> list[_Note]:
    notes = []
    for word in text.split():
        found = _NOTE.fullmatch(word)
        if not found:
            raise ValueError(
                f"note {word!r}: expected name, octave and sixteenths, such as 'F#3:2' or 'B-4:4'"
            )
        letter, signs, octave, steps = found.groups()
        alter = signs.count("#") - signs.count("-")
        pitch = 12 * (int(octave) + 1) + _NATURAL[letter] + alter
        fifths = _LETTERS.index(letter) - 1 + 7 * alter
        notes.append(_Note(pitch, int(steps), fifths))
    return notes


def _sung(notes: list[_Note]) -> np.ndarray:
    """int array: the pitch at each step of the notes."""
    return np.repeat([note.pitch for note in notes], [note.steps for note in notes])
