"""Grading: how closely a chorale follows Bach's practice, as single measures and as one number, the
grade.

Measures: the rates of faults in counterpoint (see counterpoint.py); dissonance on the beat; how
unlikely a piece is under Bach's own distributions (see style.py). The grade combines them: each
measure costs points, the more the further it is from Bach's usual value. The weights were fitted to
separate Bach's training pieces from shuffled, random and generated ones (see `writing.grade_card`,
and grade.md beside this file), and are shipped in grade.csv.

Conventions: a measure is a rate, so that pieces of any length are comparable. No measure says what
is beautiful. Bach's own pieces always go through the same code, as the control.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import VOICES, Chorale, as_chorale, as_chorales, as_groups
from ..corpus.passages import copied
from .counterpoint import COUNTED, count_faults
from .grid import Grid
from .style import DISTRIBUTIONS, surprise

if TYPE_CHECKING:
    import pandas as pd

POINTS = Path(__file__).with_name("grade.csv")

# Consonant chords, as semitones above the lowest note: major and minor triads in root position and
# first inversion, and the diminished triad in first inversion. Their subsets are consonant, too.
_CONSONANCES = ((0, 4, 7), (0, 3, 7), (0, 3, 8), (0, 4, 9), (0, 3, 9))
_ROOT_POSITIONS = ((0, 4, 7), (0, 3, 7))


def describe_measures() -> pd.DataFrame:
    """A description of every measure: pandas DataFrame with one row per measure (index: its name)
    and columns what, unit and source.

    Examples:
        >>> describe_measures().loc["leap", ["what", "unit"]].tolist()
        ['a voice leaps a seventh, or more than an octave', 'per thousand notes that move']

    Notebook: 04_evaluation
    """
    import pandas as pd

    rows = {
        name: (rule.what, f"per thousand {rule.chances}", rule.source)
        for name, rule in COUNTED.items()
    }
    rows["dissonance"] = (
        "a chord on the beat that is neither a triad in root position or first inversion nor part "
        "of one (for diminished triads, only the first inversion)",
        "per thousand beats",
        "Aldwell and Schachter, Harmony and Voice Leading; Fux 1725, Gradus ad Parnassum",
    )
    rows["open end"] = (
        "the last chord is neither a major or minor triad in root position nor part of one",
        "per thousand pieces",
        "Aldwell and Schachter, Harmony and Voice Leading",
    )
    for name, about in DISTRIBUTIONS.items():
        rows[f"surprise of {name}"] = (
            f"how unlikely this is in Bach's training pieces: {about.what}, given "
            f"{_CONTEXTS[name]}",
            "nats per value, the mean of -ln p",
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


def compute_measures(chorales: Chorale | Iterable[Chorale]) -> pd.DataFrame:
    """All measures of each chorale: pandas DataFrame with one row per piece (index: its name) and
    one column per measure (see `describe_measures`). A measure is 0 if there was no chance for a
    fault, or no value to predict.

    Args:
        chorales: list of Chorale, or one Chorale.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> fifths = Chorale([[67, 60, 55, 48], [69, 62, 53, 45]], name="fifths", key="a minor")
        >>> compute_measures(fifths)["parallel fifths"].round(1)  # one of six pairs of voices
        fifths    166.7
        Name: parallel fifths, dtype: float64

    Notebook: 04_evaluation
    """
    chorales = as_chorales(chorales)
    amounts, chances = tally(chorales)
    return (amounts / chances.clip(lower=1)).set_axis([chorale.name for chorale in chorales])


def tally(
    chorales: Chorale | Iterable[Chorale], bach: dict[str, np.ndarray] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Numerators and denominators of the measures: (amounts, chances), two pandas DataFrames with
    one row per piece and one column per measure. Their ratio is the measure of one piece, or, if
    both are summed, of many.

    Args:
        chorales: list of Chorale, or one Chorale.
        bach: as in `style.surprise`.

    Examples:
        >>> fifths = Chorale([[67, 60, 55, 48], [69, 62, 53, 45]], key="a minor")
        >>> [table["parallel fifths"].tolist() for table in tally(fifths)]
        [[1000.0], [6.0]]
    """
    import pandas as pd

    grid = Grid(chorales)
    broken, chances = count_faults(grid)
    nats, events = (table.add_prefix("surprise of ") for table in surprise(grid, bach))
    beats = np.flatnonzero((grid.place == 0) & (grid.lowest > 0))
    sounding = np.flatnonzero(grid.lowest > 0)
    last = sounding[np.diff(grid.piece[sounding], append=grid.count) > 0]  # last chord of each
    for name, where, good in (
        ("dissonance", beats, _CONSONANCES),
        ("open end", last, _ROOT_POSITIONS),
    ):
        chances[name] = grid.per_piece(where)
        broken[name] = grid.per_piece(where[~_are_parts_of(good)[grid.chord[where]]])
    return pd.concat([1000 * broken, nats], axis=1), pd.concat([chances, events], axis=1)


def _are_parts_of(chords: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """bool array (4096,): for every twelve-bit number, whether that chord is a subset of one of
    `chords`."""
    numbers = np.arange(4096)
    return np.any(
        [numbers & ~sum(1 << interval for interval in chord) == 0 for chord in chords], axis=0
    )


def grade(chorales: Chorale | Iterable[Chorale]) -> np.ndarray:
    """The grade of each chorale: float array (n,), the sums of their parts (see `explain_grade`).

    A piece has grade 0 if every measure equals the median of Bach's training pieces. A point is one
    natural logarithm of odds: each point lost makes the odds that the piece is Bach's 2.7 times
    smaller. Bach's own pieces are a little below 0, because none is typical in every respect;
    grade.md has the figures.

    Args:
        chorales: list of Chorale, or one Chorale; the grade of one is ``grade(chorale)[0]``.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> good = Chorale([[72, 67, 64, 48]] * 8 + [[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4)
        >>> bad = Chorale([[72, 67, 64, 48]] * 8 + [[79, 74, 71, 55]] * 4 + [[72, 67, 64, 48]] * 4)
        >>> better, worse = grade([good, bad])
        >>> bool(better > worse)
        True

    Notebook: 04_evaluation
    """
    return explain_grade(chorales).sum(axis=1).to_numpy()


def explain_grade(chorales: Chorale | Iterable[Chorale]) -> pd.DataFrame:
    """The contribution of each measure to the grade: pandas DataFrame with one row per piece
    (index: its name) and one column per measure; each row sums to the piece's grade.

    A contribution is points_per_unit * (m - usual), with numbers from grade.csv, where m is the
    measure after two adjustments. Below ``low``, which nine in ten of Bach's training pieces
    exceed, it is reflected, because a piece that is much smoother than Bach's is as unlike them as
    one that is much rougher. Above ``high`` it is clipped, so that no single measure decides.

    Args:
        chorales: list of Chorale, or one Chorale.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> fifths = Chorale([[67, 60, 55, 48], [69, 62, 53, 45]], name="fifths", key="a minor")
        >>> explain_grade(fifths)["parallel fifths"].round(1)
        fifths   -3.0
        Name: parallel fifths, dtype: float64

    Notebook: 05_generation
    """
    return contributions(compute_measures(chorales), _points())


def contributions(measures: pd.DataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Like `explain_grade`, but from given measures, and with other points than those of grade.csv.

    Args:
        measures: as from `compute_measures`.
        points: DataFrame with the columns of grade.csv, indexed by the names of measures.

    Examples:
        >>> import pandas as pd
        >>> points = pd.DataFrame(
        ...     {"low": 0, "high": 9, "usual": 2, "points_per_unit": -0.5}, index=["leap"]
        ... )
        >>> contributions(pd.DataFrame({"leap": [2, 4, 100]}), points)["leap"].tolist()
        [-0.0, -1.0, -3.5]
    """
    adjusted = reflect_and_clip(measures[points.index], points["low"], points["high"])
    return (adjusted - points["usual"]) * points["points_per_unit"]


def reflect_and_clip(
    measures: pd.DataFrame, low: pd.Series, high: pd.Series | float
) -> pd.DataFrame:
    """Measures reflected at `low`, so that values below it lie as far above it, and clipped at
    `high`.

    Args:
        measures: as from `compute_measures`.
        low, high: pandas Series by measure; `high` may also be one float for all.

    Examples:
        >>> import pandas as pd
        >>> low, high = pd.Series({"leap": 2}), pd.Series({"leap": 9})
        >>> reflect_and_clip(pd.DataFrame({"leap": [1, 4, 100]}), low, high)["leap"].tolist()
        [3, 4, 9]
    """
    return (low + (measures - low).abs()).clip(upper=high, axis=1)


@lru_cache(maxsize=1)
def _points() -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(POINTS, index_col="measure")


def report_card(
    groups: Mapping[str, Chorale | Iterable[Chorale]],
    training: Chorale | Iterable[Chorale] | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """A table that compares groups of chorales: pandas DataFrame with one row per group and three
    blocks of columns: ``card["value"]``, and ``card["low"]`` and ``card["high"]``, the 2.5th and
    97.5th percentiles over bootstrap resamples of the group's pieces.

    Each block has the columns grade (mean), pieces (number), all measures (of the whole group:
    faults in all its pieces per thousand chances), and, if training pieces are given, the means of
    longest, share and repeated, see `copied`.

    Args:
        groups: dict of name -> list of Chorale, or one Chorale; Bach's own first.
        training: list of Chorale, one Chorale, or None.
        resamples: number of bootstrap resamples.
        seed: int, for the resamples.

    Raises:
        TypeError: `groups` is not a dict, or a group holds something other than chorales.
        ValueError: a group has no chorales, or `resamples` is below 1.

    Examples:
        >>> chords = [[72, 67, 64, 48]] * 8 + [[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4
        >>> card = report_card({"mine": Chorale(chords)}, resamples=10)
        >>> card["value"][["pieces", "parallel fifths"]].values.tolist()
        [[1.0, 0.0]]

    Notebook: 04_evaluation
    """
    import pandas as pd

    checked = as_groups(groups)
    if resamples < 1:
        raise ValueError(f"resamples={resamples!r}: expected at least 1")
    training = None if training is None else as_chorales(training)
    rows = {}
    for name, chorales in checked.items():
        amounts, chances = (table.reset_index(drop=True) for table in tally(chorales))
        means = pd.DataFrame({"grade": grade(chorales)})
        if training is not None:
            means = means.join(
                copied(chorales, training)[["longest", "share", "repeated"]].reset_index(drop=True)
            )
        amounts = pd.concat([means, amounts], axis=1)
        chances = pd.concat([pd.DataFrame(1.0, means.index, means.columns), chances], axis=1)
        shares = np.full(len(chorales), 1 / len(chorales))
        weights = pd.DataFrame(
            np.random.default_rng(seed).multinomial(len(chorales), shares, size=resamples)
        )  # (resamples, pieces): how often each piece is drawn
        resampled = weights.dot(amounts) / weights.dot(chances).clip(lower=1)
        value = amounts.sum() / chances.sum().clip(lower=1)
        low, high = resampled.quantile(0.025), resampled.quantile(0.975)
        blocks = {"value": value, "low": low, "high": high}
        rows[name] = pd.concat(
            {
                block: pd.concat([pd.Series({"pieces": len(chorales)}), figures])
                for block, figures in blocks.items()
            }
        )
    return pd.DataFrame.from_dict(rows, orient="index")


def format_report_card(card: pd.DataFrame, digits: int = 2) -> pd.DataFrame:
    """A `report_card` for reading: pandas DataFrame of str, such as ``'0.78 (0.61 to 0.95)'``, with
    one row per figure and one column per group.

    Args:
        card: the result of `report_card`.
        digits: number of decimals.

    Examples:
        >>> chords = [[72, 67, 64, 48]] * 8 + [[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4
        >>> card = report_card({"mine": Chorale(chords)}, resamples=10)
        >>> format_report_card(card, digits=1).loc[["pieces", "parallel fifths"], "mine"].tolist()
        ['1', '0.0 (0.0 to 0.0)']

    Notebook: 04_evaluation
    """
    import pandas as pd

    text = card.map(lambda figure: f"{figure:.{digits}f}")
    value, low, high = (text.xs(block, axis="columns") for block in ("value", "low", "high"))
    table = pd.DataFrame(value + " (" + low + " to " + high + ")")
    return table.assign(pieces=card["value"]["pieces"].astype(int).astype(str)).T


def shuffled(chorale: Chorale, seed: int | None = None) -> Chorale:
    """A baseline that is easy to beat: each voice sings its own notes and rests, with their
    lengths, in random order.

    Args:
        chorale: Chorale.
        seed: int; the same seed gives the same order. None draws one.

    Returns:
        Chorale of the same length, named after the original, without onsets and fermatas.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> scale = Chorale([[60 + step, 55, 52, 48] for step in range(4)], name="scale")
        >>> mixed = shuffled(scale, seed=0)
        >>> mixed.name, sorted(mixed.pitches[:, 0].tolist())
        ('scale shuffled', [60, 61, 62, 63])

    Notebook: 04_evaluation
    """
    chorale = as_chorale(chorale)
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
