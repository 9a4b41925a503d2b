"""Grading: how well a chorale keeps to Bach's practice, measure by measure, and as one figure that
is their sum.

Every measure is so much out of so many: faults out of chances (see counterpoint.py), the surprise
that Bach's own distributions feel at a piece (see style.py), dissonance on the beat. The grade adds
them up: for each measure that stands apart from what is usual for Bach, points are added or taken
off. How many was learnt by setting Bach's training pieces against shuffled, random and generated
ones (see grade_card.py, and grade.md beside it), and is shipped in grade.csv.

No measure knows what is beautiful. The control comes first: Bach's own pieces go through the same
    code.

Notebook: 04_evaluation
"""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..chorale import VOICES
from ..corpus.passages import copied
from .counterpoint import RULES, count_faults
from .grid import Grid
from .style import DISTRIBUTIONS, surprise

POINTS = Path(__file__).with_name("grade.csv")

# Chords that are consonant, as semitones above the lowest note: major and minor triads in root
# position and first inversion, the diminished triad in first inversion, and what is left of them
# without some of their notes.
_CONSONANCES = ((0, 4, 7), (0, 3, 7), (0, 3, 8), (0, 4, 9), (0, 3, 9))
_ROOT_POSITIONS = ((0, 4, 7), (0, 3, 7))


def describe_measures():
    """What every measure is: pandas DataFrame, a row for each (index: its name), columns what, unit
    and source.

    Notebook: 04_evaluation
    """
    import pandas as pd

    rows = {
        name: (rule.what, f"per thousand {rule.of}", rule.source) for name, rule in RULES.items()
    }
    rows["dissonance"] = (
        "a chord on the beat that is no triad in root position or first inversion, nor part of one (of "
        "diminished triads, the first inversion alone)",
        "per thousand beats",
        "Aldwell and Schachter, Harmony and Voice Leading; Fux 1725, Gradus ad Parnassum",
    )
    rows["open end"] = (
        "the last chord that sounds is no major or minor triad in root position, nor part of one",
        "per thousand pieces",
        "Aldwell and Schachter, Harmony and Voice Leading",
    )
    for name, about in DISTRIBUTIONS.items():
        rows[f"surprise of {name}"] = (
            f"how unlikely this is in Bach's training pieces: {about.what}, given "
            f"{_CONTEXTS[name]}",
            "nats a value, the mean of -ln p",
            "bach.csv",
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=["what", "unit", "source"])


_CONTEXTS = {
    "intervals": "the voice",
    "rhythm": "the voice",
    "degrees": "the mode",
    "chords": "whether it is on the beat",
    "changes": "the place in the beat",
    "basses": "the chord of the beat before",
}


def compute_measures(chorales):
    """All measures of each chorale: pandas DataFrame, a row a piece (index: its name), a column a measure (see
    `describe_measures`). Where there was no chance for a fault, or nothing to be surprised at, it is 0.

    Args:
        chorales: list of Chorale.

    Notebook: 04_evaluation
    """
    amounts, chances = tally(chorales)
    return (amounts / chances.clip(lower=1)).set_axis([chorale.name for chorale in chorales])


def tally(chorales, bach=None):
    """(amounts, chances): two pandas DataFrames, a row a piece, a column a measure, whose ratio is the measure: of one
    piece, or, summed up, of many.

    Args:
        chorales: list of Chorale.
        bach: see `style.surprise`.
    """
    import pandas as pd

    grid = Grid(chorales)
    broken, chances = count_faults(grid)
    nats, events = (table.add_prefix("surprise of ") for table in surprise(grid, bach))
    beats = np.flatnonzero((grid.place == 0) & (grid.lowest > 0))
    sounding = np.flatnonzero(grid.lowest > 0)
    last = sounding[
        np.append(
            grid.piece[sounding][1:] != grid.piece[sounding][:-1],
            np.ones(min(1, len(sounding)), bool),
        )
    ]
    for name, where, good in (
        ("dissonance", beats, _CONSONANCES),
        ("open end", last, _ROOT_POSITIONS),
    ):
        chances[name] = grid.per_piece(where)
        broken[name] = grid.per_piece(where[~_are_parts_of(good)[grid.chord[where]]])
    return pd.concat([1000 * broken, nats], axis=1), pd.concat([chances, events], axis=1)


def _are_parts_of(chords):
    """bool array (4096,): whether each chord, a number of twelve bits, has no other notes than one
    of `chords` has."""
    numbers = np.arange(4096)
    return np.any(
        [numbers & ~sum(1 << interval for interval in chord) == 0 for chord in chords], axis=0
    )


def grade(chorales):
    """The grade of each chorale: float array (n,), the sum of its parts (see `explain_grade`).

    0 is a piece that is in every measure as the middle one of Bach's training pieces. Points are natural logarithms of
    odds: a point less, and the odds that the piece is Bach's are 2.7 times smaller. Bach's own pieces lie a little under 0,
    because none is usual in all things; grade.md has the figures.

    Args:
        chorales: list of Chorale.

    Notebook: 04_evaluation
    """
    return explain_grade(chorales).sum(axis=1).to_numpy()


def explain_grade(chorales):
    """What each measure contributes to the grade: pandas DataFrame, a row a piece (index: its name), a column a measure;
    a row sums to the piece's grade.

    A contribution is points_per_unit * (m - usual), all from grade.csv, where m is the measure with two things done to it. Under
    `low`, which nine in ten of Bach's training pieces exceed, it is counted upwards again: a piece that is much smoother
    than Bach's is as unlike them as one that is much rougher. And above `high` it is cut, so that no measure decides alone.

    Args:
        chorales: list of Chorale.

    Notebook: 05_generation
    """
    return contributions(compute_measures(chorales), _points())


def contributions(measured, points):
    """As `explain_grade`, of pieces whose measures are known, by other points than those of
    grade.csv.

    Args:
        measured: what `compute_measures` returned.
        points: DataFrame with the columns of grade.csv, the index being names of measures.
    """
    return (
        folded(measured[points.index], points["low"], points["high"]) - points["usual"]
    ) * points["points_per_unit"]


def folded(measured, low, high):
    """Measures counted upwards again under `low`, and cut above `high` (pandas Series by
    measure)."""
    return (low + (measured - low).abs()).clip(upper=high, axis=1)


@lru_cache(maxsize=1)
def _points():
    import pandas as pd

    return pd.read_csv(POINTS, index_col="measure")


def report_card(groups, training=None, resamples=200, seed=0):
    """The table of how groups of chorales do: pandas DataFrame, a row a group, with columns in three blocks, each with a
    column for every figure: ``card["value"]``, and ``card["low"]`` and ``card["high"]``, the 2.5 and 97.5 percentiles over
    bootstrap resamples of the group's pieces.

    The figures are grade (mean), pieces (number), all measures (of all pieces of the group together: faults in all of them
    in a thousand of all chances), and, where training pieces are given, the means of longest, share and repeated, see
    `copied`.

    Args:
        groups: dict of name -> list of Chorale, Bach's own first.
        training: list of Chorale, or None.
        resamples: number of bootstrap resamples.
        seed: int, of the resamples.

    Raises:
        ValueError: a group without chorales.

    Notebook: 04_evaluation
    """
    import pandas as pd

    rows = {}
    for name, chorales in groups.items():
        if not chorales:
            raise ValueError(f"group {name!r} has no chorales: expected at least one")
        amounts, chances = (table.reset_index(drop=True) for table in tally(chorales))
        means = pd.DataFrame({"grade": grade(chorales)})
        if training is not None:
            means = means.join(
                copied(chorales, training)[["longest", "share", "repeated"]].reset_index(drop=True)
            )
        amounts = pd.concat([means, amounts], axis=1)
        chances = pd.concat([pd.DataFrame(1.0, means.index, means.columns), chances], axis=1)
        shares = np.full(len(chorales), 1 / len(chorales))
        weights = np.random.default_rng(seed).multinomial(len(chorales), shares, size=resamples)
        again = (weights @ amounts) / np.maximum(weights @ chances, 1)
        value = amounts.sum() / chances.sum().clip(lower=1)
        blocks = {"value": value, "low": again.quantile(0.025), "high": again.quantile(0.975)}
        rows[name] = pd.concat(
            {
                block: pd.concat([pd.Series({"pieces": len(chorales)}), figures])
                for block, figures in blocks.items()
            }
        )
    return pd.DataFrame.from_dict(rows, orient="index")


def format_report_card(card, digits=2):
    """A `report_card` to be read: pandas DataFrame of str, such as ``'0.78 (0.61 to 0.95)'``, a row a figure, a column a
    group.

    Args:
        card: what `report_card` returned.
        digits: number of decimals.

    Notebook: 04_evaluation
    """
    text = card.map(lambda figure: f"{figure:.{digits}f}")
    text = text["value"] + " (" + text["low"] + " to " + text["high"] + ")"
    return text.assign(pieces=card["value"]["pieces"].astype(int).astype(str)).T


def shuffled(chorale, seed=None):
    """A baseline that anyone can beat: each voice sings its own notes, with their lengths, and its rests, but in random
    order.

    Args:
        chorale: Chorale.
        seed: int; the same seed gives the same order. None draws one.

    Returns:
        Chorale, named after the other, of the same length, without onsets and fermatas.

    Notebook: 04_evaluation
    """
    random, pitches = np.random.default_rng(seed), chorale.pitches.copy()
    for voice in range(len(VOICES)):
        cuts = 1 + np.flatnonzero(np.diff(chorale.pitches[:, voice]))
        notes = np.split(chorale.pitches[:, voice], cuts)
        pitches[:, voice] = np.concatenate(
            [notes[place] for place in random.permutation(len(notes))]
        )
    return replace(
        chorale, pitches=pitches, name=f"{chorale.name} shuffled", onsets=None, fermatas=None
    )
