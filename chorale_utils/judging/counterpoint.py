"""Counterpoint: what the textbooks of four-part writing forbid, and where a chorale does it.

Each rule counts its faults against the chances that there were for it, and says how many faults
there are in a thousand chances: parallel fifths among the pairs of voices that move together, leaps
among the notes that move. So a piece in which little happens is not the better for it. Bach breaks
every one of these rules, seldom and for a reason, so the control is always how often he does.

The rules look at the grid alone (see grid.py). A phrase that ends on a fermata and the next one's
beginning are neighbours like any others, because written pieces have no fermatas; some of Bach's
own parallels lie there. An interval is counted in semitones, so a diminished sixth, which sounds
like a fifth, is one.

Notebook: 04_evaluation
"""

from typing import NamedTuple

import numpy as np

from ..chorale import VOICES
from .grid import Grid

RANGES = (
    (60, 79),
    (55, 74),
    (48, 67),
    (40, 62),
)  # C4-G5, G3-D5, C3-G4, E2-D4: what a choir's voices are asked for

_UPPER, _LOWER = np.triu_indices(len(VOICES), 1)  # the six pairs of voices, the higher one first
_PAIRS = [tuple(pair) for pair in zip(_UPPER.tolist(), _LOWER.tolist())]
_NEIGHBOURS = [(0, 1), (1, 2), (2, 3)]
_SINGLE = [(voice,) for voice in range(len(VOICES))]


class Rule(NamedTuple):
    """What one rule forbids (`what`), what the chances are that its faults are counted against (`of`), and where the
    rule is taught (`source`)."""

    what: str
    of: str
    source: str


_TEXTBOOK = "Aldwell and Schachter, Harmony and Voice Leading"
_HURON = "Huron 2001, Tone and Voice"
RULES = {
    "parallel fifths": Rule(
        "two voices move in the same direction from a perfect fifth to a perfect fifth, octaves apart or not",
        "pairs of voices that move together",
        f"Fux 1725, Gradus ad Parnassum; {_HURON}",
    ),
    "parallel octaves": Rule(
        "two voices move in the same direction from an octave or unison to an octave or unison",
        "pairs of voices that move together",
        f"Fux 1725, Gradus ad Parnassum; {_HURON}",
    ),
    "contrary fifths": Rule(
        "as parallel fifths, in contrary motion (from a fifth to a twelfth)",
        "pairs of voices that move together",
        _TEXTBOOK,
    ),
    "contrary octaves": Rule(
        "as parallel octaves, in contrary motion (from an octave to a unison or to two octaves)",
        "pairs of voices that move together",
        _TEXTBOOK,
    ),
    "hidden fifths": Rule(
        "soprano and bass move in the same direction into a perfect fifth from another interval, the soprano by a leap",
        "steps at which soprano and bass move together",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "hidden octaves": Rule(
        "soprano and bass move in the same direction into an octave or unison from another interval, the soprano by a leap",
        "steps at which soprano and bass move together",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "crossing": Rule(
        "a voice arrives below the voice under it, or above the voice over it",
        "arrivals of one or both of two neighbouring voices",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "overlap": Rule(
        "without crossing, a voice arrives below where the voice under it was a step before, or above where the voice "
        "over it was",
        "arrivals of one or both of two neighbouring voices, with notes before",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "spacing": Rule(
        "soprano and alto, or alto and tenor, arrive more than an octave apart",
        "arrivals of one or both of these voices",
        f"{_TEXTBOOK}; {_HURON}",
    ),
    "range": Rule(
        "a note outside of what its voice is asked for: C4-G5, G3-D5, C3-G4, E2-D4",
        "notes",
        "the ranges that are commonly taught for a choir, as in the AP Music Theory course",
    ),
    "leap": Rule(
        "a voice leaps a seventh, or more than an octave",
        "notes that move",
        f"Fux 1725, Gradus ad Parnassum; {_TEXTBOOK}",
    ),
    "tritone": Rule(
        "a voice leaps six semitones, and does not step back afterwards (as a diminished fifth may)",
        "notes that move",
        f"{_TEXTBOOK}; Piston, Harmony",
    ),
    "augmented second": Rule(
        "in minor, a voice goes from the sixth degree to the raised seventh or back, three semitones",
        "notes that move, in minor",
        f"{_TEXTBOOK}; Piston, Harmony",
    ),
    "leading tone": Rule(
        "at a cadence, the third of the dominant does not rise to the tonic; an inner voice may also fall a third, to the "
        "tonic's fifth, as Bach's do",
        "leading tones at cadences",
        _TEXTBOOK,
    ),
    "seventh": Rule(
        "at a cadence, the seventh of the dominant does not fall by a step",
        "sevenths at cadences",
        _TEXTBOOK,
    ),
    "doubled leading tone": Rule(
        "at a cadence, two voices have the third of the dominant",
        "cadences",
        f"{_TEXTBOOK}; Piston, Harmony",
    ),
    # a cadence is wherever a major triad or dominant seventh is followed by a triad a fourth higher,
    # both in root position
}


def faults(chorale):
    """Where a chorale breaks which of `RULES`: pandas DataFrame with columns step (the step of arrival, at cadences that
    of the tonic), voices (tuple of voices, 0..3 for soprano to bass) and fault (name of the rule), in the order of time.

    Args:
        chorale: Chorale.

    Notebook: 05_generation
    """
    import pandas as pd

    rows = [
        (int(step), groups[column], rule)
        for rule, (groups, broken, _) in _judged(Grid([chorale])).items()
        for step, column in np.argwhere(broken)
    ]
    return pd.DataFrame(sorted(rows, key=lambda row: row[:2]), columns=["step", "voices", "fault"])


def count_faults(grid):
    """(faults, chances): two pandas DataFrames, a row a piece (index: its number), a column for each of `RULES`: how
    often the piece breaks the rule, and how often it could have.

    Args:
        grid: `Grid` of the pieces.

    Notebook: 04_evaluation
    """
    import pandas as pd

    judged = _judged(grid)
    return tuple(
        pd.DataFrame({rule: grid.per_piece(np.nonzero(judged[rule][which])[0]) for rule in RULES})
        for which in (1, 2)
    )


def _judged(grid):
    """rule -> (groups of voices, bool array (N, groups) where it is broken, bool array (N, any) of
    its chances)."""
    return {**_motion(grid), **_positions(grid), **_melody(grid), **_cadences(grid)}


def _motion(grid):
    """How two voices move at once: parallel and hidden intervals."""
    together = grid.moved[:, _UPPER] & grid.moved[:, _LOWER]  # (N, 6)
    went = np.sign(grid.pitches - grid.before)
    similar = together & (went[:, _UPPER] == went[:, _LOWER])
    was, now = (
        np.abs(pitches[:, _UPPER] - pitches[:, _LOWER]) % 12
        for pitches in (grid.before, grid.pitches)
    )
    outer = [_PAIRS.index((0, 3))]
    leaping = np.abs(grid.pitches[:, :1] - grid.before[:, :1]) > 2  # the soprano
    judged = {}
    for name, interval in (("fifths", 7), ("octaves", 0)):
        again = together & (was == interval) & (now == interval)
        hidden = similar & (was != interval) & (now == interval)
        judged |= {
            f"parallel {name}": (_PAIRS, again & similar, together),
            f"contrary {name}": (_PAIRS, again & ~similar, together),
            f"hidden {name}": ([(0, 3)], hidden[:, outer] & leaping, together[:, outer]),
        }
    return judged


def _positions(grid):
    """Where the voices stand to each other, and each in its range."""
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
    lowest, highest = np.array(RANGES).T
    outside = grid.arrives & ((grid.pitches < lowest) | (grid.pitches > highest))
    return {
        "crossing": (_NEIGHBOURS, crossed, arrive),
        "overlap": (_NEIGHBOURS, overlapping, also_before),
        "spacing": (_NEIGHBOURS[:2], (arrive & (high - low > 12))[:, :2], arrive[:, :2]),
        "range": (_SINGLE, outside, grid.arrives),
    }


def _melody(grid):
    """How a single voice moves."""
    went = grid.pitches - grid.before
    far = np.abs(went)
    leaping = grid.moved & ((far == 10) | (far == 11) | (far > 12))
    notes = grid.notes
    back = (notes["goes"] * notes["came"] < 0) & (np.abs(notes["goes"]) <= 2)
    stuck = np.flatnonzero((np.abs(notes["came"]) == 6) & ~back)
    tritone = np.zeros_like(grid.moved)
    tritone[notes["start"][stuck], notes["voice"][stuck]] = True
    tonics, minor = (of_pieces[grid.piece][:, None] for of_pieces in grid.keys)
    degree, degree_before = (grid.pitches - tonics) % 12, (grid.before - tonics) % 12
    in_minor = grid.moved & minor
    augmented = (
        in_minor
        & (far == 3)
        & (np.minimum(degree, degree_before) == 8)
        & (np.maximum(degree, degree_before) == 11)
    )
    return {
        "leap": (_SINGLE, leaping, grid.moved),
        "tritone": (_SINGLE, tritone, grid.moved),
        "augmented second": (_SINGLE, augmented, in_minor),
    }


def _cadences(grid):
    """What becomes of leading tone and seventh where a dominant goes to its tonic."""
    inside = grid.step > 0
    lowest_before, chord_before = (
        np.where(inside, np.roll(what, 1), 0) for what in (grid.lowest, grid.chord)
    )
    dominant = _holds(chord_before, 4) & _within(chord_before, 0, 4, 7, 10)
    tonic = _within(grid.chord, 0, 4, 7) | _within(grid.chord, 0, 3, 7)
    cadence = (dominant & tonic & ((grid.lowest - lowest_before) % 12 == 5))[:, None]
    above = (grid.before - lowest_before[:, None]) % 12
    leading, seventh = (
        cadence & (grid.before > 0) & (grid.pitches > 0) & (above == interval)
        for interval in (4, 10)
    )
    went = grid.pitches - grid.before
    inner = np.array([False, True, True, False])
    resolved = (went == 1) | (inner & (went == -4))
    falls = (went == -1) | (went == -2)
    return {
        "leading tone": (_SINGLE, leading & ~resolved, leading),
        "seventh": (_SINGLE, seventh & ~falls, seventh),
        "doubled leading tone": (_PAIRS, leading[:, _UPPER] & leading[:, _LOWER], cadence),
    }


def _holds(chords, interval):
    return chords & (1 << interval) > 0


def _within(chords, *intervals):
    """Whether chords (numbers of twelve bits) sound, and only at these intervals above their lowest
    note."""
    return (chords > 0) & (chords & ~sum(1 << interval for interval in intervals) == 0)
