"""Counterpoint: faults that can be counted in thousands of pieces at once, for the grade.

Conventions: each rule counts faults per thousand chances: parallel fifths among the pairs of voices
that move together, leaps among the notes that move. So a piece in which little happens gains no
advantage. Bach breaks every one of these rules, seldom and for a reason; how often he does is
always the control.

The rules use only the grid (see grid.py) and no harmonic analysis: a cadence is any place where a
triad in root position follows a major triad or dominant seventh in root position a fourth below.
The end of a phrase, on a fermata, and the beginning of the next count as consecutive, because
generated pieces may have no fermatas; some of Bach's own parallels are there. Intervals are counted
in semitones, so a diminished sixth, which sounds like a fifth, counts as one.

To find what a teacher would mark in a single piece, use `part_writing`, which considers harmony.

Notebook: 04_evaluation
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..chorale import VOICES, Chorale
from ..deprecation import public_name
from .grid import Grid

if TYPE_CHECKING:
    import pandas as pd

# The range of each voice in a choir: C4-G5, G3-D5, C3-G4, E2-D4 (MIDI numbers).
RANGES = ((60, 79), (55, 74), (48, 67), (40, 62))

_UPPER, _LOWER = np.triu_indices(len(VOICES), 1)  # the six pairs of voices, the higher one first
_PAIRS: list[tuple[int, ...]] = list(zip(_UPPER.tolist(), _LOWER.tolist()))
_NEIGHBOURS: list[tuple[int, ...]] = [(0, 1), (1, 2), (2, 3)]
_OUTER: list[tuple[int, ...]] = [(0, 3)]
_SINGLE: list[tuple[int, ...]] = [(voice,) for voice in range(len(VOICES))]


class Counted(NamedTuple):
    """A rule whose faults are counted: what it forbids (`what`), what counts as a chance for a
    fault (`chances`), and where it is taught (`source`).

    Examples:
        >>> COUNTED["leap"].what, COUNTED["leap"].chances
        ('a voice leaps a seventh, or more than an octave', 'notes that move')

    Notebook: 04_evaluation
    """

    what: str
    chances: str
    source: str


_TEXTBOOK = "Aldwell and Schachter, Harmony and Voice Leading"
_HURON = "Huron 2001, Tone and Voice"
COUNTED = {
    "parallel fifths": Counted(
        "two voices move in the same direction from a perfect fifth or twelfth to another",
        "pairs of voices that move together",
        f"Fux 1725, Gradus ad Parnassum; {_HURON}",
    ),
    "parallel octaves": Counted(
        "two voices move in the same direction from an octave or unison to an octave or unison",
        "pairs of voices that move together",
        f"Fux 1725, Gradus ad Parnassum; {_HURON}",
    ),
    "contrary fifths": Counted(
        "like parallel fifths, but in contrary motion (from a fifth to a twelfth)",
        "pairs of voices that move together",
        _TEXTBOOK,
    ),
    "contrary octaves": Counted(
        "like parallel octaves, but in contrary motion (from an octave to a unison or two octaves)",
        "pairs of voices that move together",
        _TEXTBOOK,
    ),
    "hidden fifths": Counted(
        "soprano and bass move in the same direction into a perfect fifth from another interval, "
        "the soprano by a leap",
        "steps at which soprano and bass move together",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "hidden octaves": Counted(
        "soprano and bass move in the same direction into an octave or unison from another "
        "interval, the soprano by a leap",
        "steps at which soprano and bass move together",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "crossing": Counted(
        "a voice arrives below the next lower voice, or above the next higher voice",
        "arrivals of one or both of two neighbouring voices",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "overlap": Counted(
        "without crossing, a voice moves below the note that the next lower voice has just left, "
        "or above the note that the next higher voice has just left",
        "arrivals of one or both of two neighbouring voices, with notes before",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "spacing": Counted(
        "soprano and alto, or alto and tenor, arrive more than an octave apart",
        "arrivals of one or both of these voices",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "range": Counted(
        "a note outside the range of its voice: C4-G5, G3-D5, C3-G4, E2-D4",
        "notes",
        "the ranges commonly taught for a choir, as in the AP Music Theory course",
    ),
    "leap": Counted(
        "a voice leaps a seventh, or more than an octave",
        "notes that move",
        f"Fux 1725, Gradus ad Parnassum; {_TEXTBOOK}",
    ),
    "tritone": Counted(
        "a voice leaps six semitones, and does not step back afterwards (as a diminished fifth "
        "may)",
        "notes that move",
        f"{_TEXTBOOK}; Piston, Harmony",
    ),
    "augmented second": Counted(
        "in minor, a voice goes from the sixth degree to the raised seventh or back, three "
        "semitones",
        "notes that move, in minor",
        f"{_TEXTBOOK}; Piston, Harmony",
    ),
    "leading tone": Counted(
        "at a cadence, the third of the dominant does not rise to the tonic; an inner voice may "
        "also fall a third, to the tonic's fifth, as Bach's do",
        "leading tones at cadences",
        _TEXTBOOK,
    ),
    "seventh": Counted(
        "at a cadence, the seventh of the dominant does not fall by a step",
        "sevenths at cadences",
        _TEXTBOOK,
    ),
    "doubled leading tone": Counted(
        "at a cadence, two voices have the third of the dominant",
        "cadences",
        f"{_TEXTBOOK}; Piston, Harmony",
    ),
}


class _Verdict(NamedTuple):
    """Where a rule is broken, and where it could be broken, in N steps.

    Attributes:
        voices: the voices to which each column of `faults` refers.
        faults: bool array (N, len(voices)).
        chances: bool array (N, any number of columns).
    """

    voices: list[tuple[int, ...]]
    faults: np.ndarray
    chances: np.ndarray


def count_faults(grid: Grid) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often each piece breaks each rule, and how often it could: (faults, chances), two pandas
    DataFrames with one row per piece (index: its number) and one column for each rule of `COUNTED`.

    Args:
        grid: `Grid` of the pieces.

    Examples:
        >>> from chorale_utils import Chorale
        >>> fifths = Chorale([[67, 60, 55, 48], [69, 62, 53, 45]], key="a minor")
        >>> [table["parallel fifths"].tolist() for table in count_faults(Grid(fifths))]
        [[1.0], [6.0]]

    Notebook: 04_evaluation
    """
    import pandas as pd

    verdicts = _apply_rules(grid)
    return (
        pd.DataFrame({rule: _count(grid, verdicts[rule].faults) for rule in COUNTED}),
        pd.DataFrame({rule: _count(grid, verdicts[rule].chances) for rule in COUNTED}),
    )


def counted_faults(chorale: Chorale) -> list[tuple[int, tuple[int, ...], str]]:
    """Where a chorale breaks the counted rules: (step of arrival, voices, name of the rule), in
    order of time.

    Args:
        chorale: Chorale.

    Examples:
        >>> from chorale_utils import Chorale
        >>> counted_faults(Chorale([[67, 60, 55, 48], [69, 62, 53, 45]], key="a minor"))
        [(1, (0, 1), 'parallel fifths')]

    Notebook: 04_evaluation
    """
    found = [
        (int(step), verdict.voices[column], rule)
        for rule, verdict in _apply_rules(Grid(chorale)).items()
        for step, column in np.argwhere(verdict.faults)
    ]
    return sorted(found, key=lambda fault: fault[:2])


def _count(grid: Grid, flags: np.ndarray) -> np.ndarray:
    """float array (pieces,): the number of flags, bool array (N, any), set in each piece."""
    return grid.per_piece(np.nonzero(flags)[0])


def _apply_rules(grid: Grid) -> dict[str, _Verdict]:
    """The verdict on every rule, by its name."""
    return {**_motion(grid), **_positions(grid), **_melody(grid), **_cadences(grid)}


def _motion(grid: Grid) -> dict[str, _Verdict]:
    """How two voices move together: parallel, contrary and hidden intervals."""
    together = grid.moved[:, _UPPER] & grid.moved[:, _LOWER]  # (N, 6)
    direction = np.sign(grid.pitches - grid.before)
    similar = together & (direction[:, _UPPER] == direction[:, _LOWER])
    was, now = (
        np.abs(pitches[:, _UPPER] - pitches[:, _LOWER]) % 12
        for pitches in (grid.before, grid.pitches)
    )
    outer = [_PAIRS.index(pair) for pair in _OUTER]
    leaping = np.abs(grid.pitches[:, :1] - grid.before[:, :1]) > 2  # the soprano
    verdicts: dict[str, _Verdict] = {}
    for name, interval in (("fifths", 7), ("octaves", 0)):
        again = together & (was == interval) & (now == interval)
        hidden = similar & (was != interval) & (now == interval)
        verdicts |= {
            f"parallel {name}": _Verdict(_PAIRS, again & similar, together),
            f"contrary {name}": _Verdict(_PAIRS, again & ~similar, together),
            f"hidden {name}": _Verdict(_OUTER, hidden[:, outer] & leaping, together[:, outer]),
        }
    return verdicts


def _positions(grid: Grid) -> dict[str, _Verdict]:
    """Spacing, crossing and overlapping of voices, and their ranges."""
    upper, lower = (list(voices) for voices in zip(*_NEIGHBOURS))
    high, low = grid.pitches[:, upper], grid.pitches[:, lower]
    high_before, low_before = grid.before[:, upper], grid.before[:, lower]
    arrive = (grid.arrives[:, upper] | grid.arrives[:, lower]) & (high > 0) & (low > 0)
    also_before = arrive & (high_before > 0) & (low_before > 0)
    crossed = arrive & (high < low)
    overlapping = (
        also_before
        & ((high < low_before) | (low > high_before))
        & (high >= low)
        & (high_before >= low_before)
    )
    wide = arrive & (high - low > 12)
    lowest, highest = np.array(RANGES).T
    outside = grid.arrives & ((grid.pitches < lowest) | (grid.pitches > highest))
    return {
        "crossing": _Verdict(_NEIGHBOURS, crossed, arrive),
        "overlap": _Verdict(_NEIGHBOURS, overlapping, also_before),
        "spacing": _Verdict(_NEIGHBOURS[:2], wide[:, :2], arrive[:, :2]),
        "range": _Verdict(_SINGLE, outside, grid.arrives),
    }


def _melody(grid: Grid) -> dict[str, _Verdict]:
    """How a single voice moves."""
    interval = np.abs(grid.pitches - grid.before)
    leaping = grid.moved & ((interval == 10) | (interval == 11) | (interval > 12))
    notes = grid.notes
    steps_back = (notes["left"] * notes["approached"] < 0) & (np.abs(notes["left"]) <= 2)
    unresolved = np.flatnonzero((np.abs(notes["approached"]) == 6) & ~steps_back)
    tritone = np.zeros_like(grid.moved)
    tritone[notes["start"][unresolved], notes["voice"][unresolved]] = True
    tonics, minor = (by_piece[grid.piece][:, None] for by_piece in grid.keys)
    degree, degree_before = (grid.pitches - tonics) % 12, (grid.before - tonics) % 12
    in_minor = grid.moved & minor
    augmented = (
        in_minor
        & (interval == 3)
        & (np.minimum(degree, degree_before) == 8)
        & (np.maximum(degree, degree_before) == 11)
    )
    return {
        "leap": _Verdict(_SINGLE, leaping, grid.moved),
        "tritone": _Verdict(_SINGLE, tritone, grid.moved),
        "augmented second": _Verdict(_SINGLE, augmented, in_minor),
    }


def _cadences(grid: Grid) -> dict[str, _Verdict]:
    """How leading tone and seventh resolve where a dominant goes to its tonic."""
    inside = grid.step > 0
    lowest_before, chord_before = (
        np.where(inside, np.roll(what, 1), 0) for what in (grid.lowest, grid.chord)
    )
    dominant = _has(chord_before, 4) & _has_only(chord_before, 0, 4, 7, 10)
    tonic = _has_only(grid.chord, 0, 4, 7) | _has_only(grid.chord, 0, 3, 7)
    cadence = (dominant & tonic & ((grid.lowest - lowest_before) % 12 == 5))[:, None]
    above = (grid.before - lowest_before[:, None]) % 12
    leading, seventh = (
        cadence & (grid.before > 0) & (grid.pitches > 0) & (above == interval)
        for interval in (4, 10)
    )
    motion = grid.pitches - grid.before
    inner = np.array([False, True, True, False])
    resolved = (motion == 1) | (inner & (motion == -4))
    falls = (motion == -1) | (motion == -2)
    return {
        "leading tone": _Verdict(_SINGLE, leading & ~resolved, leading),
        "seventh": _Verdict(_SINGLE, seventh & ~falls, seventh),
        "doubled leading tone": _Verdict(_PAIRS, leading[:, _UPPER] & leading[:, _LOWER], cadence),
    }


def _has(chords: np.ndarray, interval: int) -> np.ndarray:
    """Whether chords (twelve-bit numbers) have this interval above their lowest note."""
    return chords & (1 << interval) > 0


def _has_only(chords: np.ndarray, *intervals: int) -> np.ndarray:
    """Whether chords are not silent and have only these intervals above their lowest note."""
    return (chords > 0) & (chords & ~sum(1 << interval for interval in intervals) == 0)


def __getattr__(name: str) -> Any:
    """`faults` and `RULES`, which were here in 0.1."""
    if name in ("faults", "RULES"):
        return public_name(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
