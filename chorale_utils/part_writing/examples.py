"""Examples: for each rule, two or more chords that break it, and a corrected version.

docs/counterpoint.md shows them, and the tests check `faults` against them.

Conventions: a voice is written as in ``'C5 D5/2 r/2 E5'``: a note's name with its octave, then a
slash and its length in sixteenths unless it is a quarter, ``r`` for a rest; ``b`` is flat, ``#``
sharp, and ``!`` at the end a fermata.

Notebook: 04_evaluation
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, Chorale
from ..notation.page import UNSPELLED, Notation

_NOTE = re.compile(r"([A-G])(#*|b*)(\d)(?:/(\d+))?(!?)")
_REST = re.compile(r"r(?:/(\d+))?")
_LETTERS = "FCGDAEB"  # along the line of fifths
_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


class Example(NamedTuple):
    """A rule broken and kept: four voices from the soprano down in `key` (such as ``'g minor'``)
    with the fault, and four without."""

    rule: str
    key: str
    broken: tuple[str, str, str, str]
    mended: tuple[str, str, str, str]


def read_voices(voices: Sequence[str], key: str, name: str = "example") -> Chorale:
    """A chorale from four voices in letters, with its notes spelled as they are written.

    Args:
        voices: four str, soprano to bass, all of the same length.
        key: such as ``'g minor'``.
        name: name of the chorale.

    Raises:
        ValueError: the voices differ in length, or a note cannot be read.

    Examples:
        >>> chorale = read_voices(["B4 C5", "D4 E4", "G3 G3", "G2 C3"], "C major")
        >>> chorale.pitches[::4].tolist()
        [[71, 62, 55, 43], [72, 64, 55, 48]]

    Notebook: 04_evaluation
    """
    read = [_voice(text) for text in voices]
    lengths = {len(pitches) for pitches, *_ in read}
    if len(lengths) != 1 or len(read) != 4:
        raise ValueError(f"{name}: voices of {sorted(lengths)} steps: expected four equally long")
    pitches, spelling, onsets, fermatas = (np.array(each).T for each in zip(*read))
    under = fermatas.any(axis=1)
    return Chorale(
        pitches,
        name,
        key=key,
        time_signature="4/4",
        onsets=onsets,
        fermatas=under if under.any() else None,
        notation=Notation(spelling=spelling),
    )


def _voice(text):
    """Pitches, names, onsets and fermatas of a voice, one of each per step."""
    pitches, names, onsets, fermatas = [], [], [], []
    for word in text.split():
        rest, note = _REST.fullmatch(word), _NOTE.fullmatch(word)
        if rest:
            pitch, name, length, held = SILENCE, UNSPELLED, rest.group(1), ""
        elif note:
            letter, signs, octave, length, held = note.groups()
            sharps = signs.count("#") - signs.count("b")
            pitch = 12 * (int(octave) + 1) + _SEMITONES[letter] + sharps
            name = _LETTERS.index(letter) - 1 + 7 * sharps
        else:
            raise ValueError(f"{word!r} in {text!r}: expected a note such as 'F#4/2', or 'r'")
        steps = int(length or STEPS_PER_QUARTER)
        pitches += [pitch] * steps
        names += [name] * steps
        onsets += [pitch != SILENCE] + [False] * (steps - 1)
        fermatas += [bool(held)] * steps
    return pitches, names, onsets, fermatas


EXAMPLES = (
    Example(
        "parallel fifths",
        "G major",
        ("B4 C5", "G4 E4", "D4 E4", "G3 A3"),
        ("B4 A4", "G4 E4", "D4 C4", "G3 A3"),
    ),
    Example(
        "parallel octaves",
        "F major",
        ("F4 G4", "C4 Bb3", "A3 G3", "F3 G3"),
        ("F4 D4", "C4 Bb3", "A3 G3", "F3 G3"),
    ),
    Example(
        "contrary fifths",
        "D major",
        ("A4 D5", "F#4 G4", "D4 B3", "D3 G2"),
        ("A4 G4", "F#4 D4", "D4 B3", "D3 G2"),
    ),
    Example(
        "contrary octaves",
        "E- major",
        ("Bb4 Eb5", "F4 G4", "D4 Eb4", "Bb3 Eb3"),
        ("Bb4 Bb4", "F4 G4", "D4 Eb4", "Bb3 Eb3"),
    ),
    Example(
        "parallel fifths across a rest",
        "B- major",
        ("F4/2 r/2 G4/4", "D4 Eb4", "Bb3 G3", "Bb2/2 r/2 C3/4"),
        ("F4/2 r/2 Eb4/4", "D4 Eb4", "Bb3 G3", "Bb2/2 r/2 C3/4"),
    ),
    Example(
        "parallel octaves across a rest",
        "D major",
        ("D5/2 r/2 E5/4", "F#4 E4", "A3 G3", "D3/2 r/2 E3/4"),
        ("D5/2 r/2 B4/4", "F#4 E4", "A3 G3", "D3/2 r/2 E3/4"),
    ),
    Example(
        "parallel fifths from beat to beat",
        "G major",
        ("D5 E5", "B4 C5", "G4 E4", "G3/2 B3/2 A3/4"),
        ("D5 C5", "B4 C5", "G4 E4", "G3/2 B3/2 A3/4"),
    ),
    Example(
        "parallel octaves from beat to beat",
        "g minor",
        ("G4/2 D5/2 C5/4", "D4 Eb4", "Bb3 G3", "G2 C3"),
        ("G4/2 Bb4/2 G4/4", "D4 Eb4", "Bb3 C4", "G2 C3"),
    ),
    Example(
        "parallel fifths by anticipation",
        "D major",
        ("E5/2 D5/2 D5/4", "A4/2 G4/2 F#4/4", "C#4 D4", "A3 D3"),
        ("E5/2 D5/2 D5/4", "A4 F#4", "C#4 D4", "A3 D3"),
    ),
    Example(
        "parallel octaves by anticipation",
        "D major",
        ("E5/2 D5/2 D5/4", "C#5 A4", "E4/2 D4/2 F#4/4", "A3 D3"),
        ("E5/2 D5/2 D5/4", "C#5 A4", "E4 F#4", "A3 D3"),
    ),
    Example(
        "parallel fifths across a fermata",
        "G major",
        ("D5! E5", "B4! C5", "G4! E4", "G3! A3"),
        ("D5! C5", "B4! A4", "G4! E4", "G3! A3"),
    ),
    Example(
        "parallel octaves across a fermata",
        "G major",
        ("G4! A4", "D4! C4", "B3! A3", "G3! A3"),
        ("G4! E4", "D4! C4", "B3! A3", "G3! A3"),
    ),
    Example(
        "parallel fifths from a German sixth",
        "d minor",
        ("D5 C#5", "G#4 A4", "F4 E4", "Bb3 A3"),
        ("D5 C#5", "G#4 A4", "D4 E4", "Bb3 A3"),
    ),
    Example(
        "unequal fifths",
        "A major",
        ("D5 E5", "B4 A4", "D4 C#4", "G#3 A3"),
        ("D5 C#5", "B4 A4", "E4 E4", "G#3 A3"),
    ),
    Example(
        "hidden fifths",
        "E- major",
        ("G4 C5", "Eb4 Eb4", "Bb3 Ab3", "Eb3 F3"),
        ("G4 F4", "Eb4 C4", "Bb3 Ab3", "Eb3 F3"),
    ),
    Example(
        "hidden octaves",
        "g minor",
        ("Bb4 Eb5", "G4 G4", "D4 Eb4", "G2 Eb3"),
        ("Bb4 Bb4", "G4 G4", "D4 Eb4", "G2 Eb3"),
    ),
    Example(
        "crossing",
        "e minor",
        ("B4 B4", "G4 D#4", "E4 F#4", "E3 B2"),
        ("B4 B4", "G4 F#4", "E4 D#4", "E3 B2"),
    ),
    Example(
        "overlap",
        "G major",
        ("G4 G4", "B3 B3", "D3 G3", "G2 E3"),
        ("G4 G4", "B3 B3", "D3 E3", "G2 E2"),
    ),
    Example(
        "spacing",
        "F major",
        ("C5 D5", "F4 A3", "A3 F3", "F3 D3"),
        ("C5 D5", "F4 F4", "A3 A3", "F3 D3"),
    ),
    Example(
        "range",
        "B- major",
        ("F5 A5", "D5 C5", "F4 F4", "Bb3 F3"),
        ("F4 F4", "D4 C4", "Bb3 A3", "Bb2 F3"),
    ),
    Example(
        "leap",
        "G major",
        ("B4 A4", "G4 D4", "D4 D4", "G3 F#2"),
        ("B4 A4", "G4 D4", "D4 D4", "G3 F#3"),
    ),
    Example(
        "tritone",
        "G major",
        ("C5 D5 B4", "G4 A4 G4", "E4 D4 D4", "C3 F#3 G3"),
        ("C5 D5 B4", "G4 A4 G4", "E4 D4 D4", "C3 F#2 G2"),
    ),
    Example(
        "augmented second",
        "d minor",
        ("Bb4 C#5", "G4 E4", "D4 A3", "G3 A3"),
        ("Bb4 A4", "G4 E4", "D4 C#4", "G3 A3"),
    ),
    Example(
        "augmented fifth",
        "g minor",
        ("Bb4 F#5 G5", "G4 A4 Bb4", "D4 D4 D4", "G3 D3 G3"),
        ("Bb4 A4 Bb4", "G4 F#4 G4", "D4 D4 D4", "G3 D3 G3"),
    ),
    Example(
        "outlined seventh",
        "D major",
        ("D4 A4 C#5", "D4 D4 E4", "F#3 F#3 A3", "D3 D3 A2"),
        ("D4 A4 A4", "D4 D4 E4", "F#3 F#3 C#4", "D3 D3 A2"),
    ),
    Example(
        "leading tone",
        "F major",
        ("E5 C5", "C5 A4", "G4 F4", "C3 F3"),
        ("E5 F5", "C5 A4", "G4 F4", "C3 F3"),
    ),
    Example(
        "unraised leading tone",
        "e minor",
        ("G4 F#4 G4", "E4 D4 E4", "B3 B3 B3", "E3 B2 E3"),
        ("G4 F#4 G4", "E4 D#4 E4", "B3 B3 B3", "E3 B2 E3"),
    ),
    Example(
        "doubled leading tone",
        "D major",
        ("C#5 D5", "E4 F#4", "C#4 A3", "A3 D3"),
        ("C#5 D5", "E4 F#4", "A3 A3", "A3 D3"),
    ),
    Example(
        "seventh",
        "G major",
        ("C5 D5", "F#4 G4", "A3 B3", "D3 G2"),
        ("C5 B4", "F#4 G4", "A3 G3", "D3 G2"),
    ),
    Example(
        "suspension",
        "F major",
        ("F4/6 G4/2", "C4/4 C4/4", "A3/4 G3/4", "F3/4 C3/4"),
        ("F4/6 E4/2", "C4/4 C4/4", "A3/4 G3/4", "F3/4 C3/4"),
    ),
    Example(
        "dissonance",
        "D major",
        ("F#4/2 C#5/2 F#4/4", "D4/8", "A3/8", "D3/8"),
        ("F#4/2 G4/2 F#4/4", "D4/8", "A3/8", "D3/8"),
    ),
    Example(
        "six-four",
        "F major",
        ("G4 A4 Bb4", "D4 F4 F4", "Bb3 C4 D4", "G3 C3 Bb2"),
        ("G4 F4 F4", "D4 C4 D4", "Bb3 C4 Bb3", "G3 A3 Bb3"),
    ),
    Example(
        "missing third",
        "E major",
        ("D#5 E5", "F#4 E4", "B3 B3", "B2 E3"),
        ("D#5 E5", "F#4 G#4", "B3 B3", "B2 E3"),
    ),
    Example(
        "open fifth",
        "a minor",
        ("E5 D5 C5", "E4 F4 E4", "A3 A3 A3", "A2 D3 A2"),
        ("C5 D5 C5", "E4 F4 E4", "A3 A3 A3", "A2 D3 A2"),
    ),
    Example(
        "missing root",
        "D major",
        ("C#5 A4", "E4 F#4", "A3 A3", "A2 F#3"),
        ("C#5 D5", "E4 F#4", "A3 A3", "A2 D3"),
    ),
    Example(
        "final chord",
        "G major",
        ("B4 C5 A4 B4", "G4 G4 F#4 G4", "D4 E4 D4 D4", "G3 C3 D3 D3"),
        ("B4 C5 A4 B4", "G4 G4 F#4 G4", "D4 E4 D4 D4", "G3 C3 D3 G2"),
    ),
    Example(
        "cross relation",
        "F major",
        ("D5 B4", "Bb4 G4", "F4 D4", "D3 G3"),
        ("D5 D5", "Bb4 B4", "F4 D4", "D3 G3"),
    ),
    Example(
        "spelling",
        "a minor",
        ("E4 E4", "B3 C4", "Ab3 A3", "E3 A2"),
        ("E4 E4", "B3 C4", "G#3 A3", "E3 A2"),
    ),
)
