"""Grade card: fits the points of each measure, and reports how well the grade tells Bach from
others.

``python -m chorale_utils.writing.grade_card`` counts Bach's distributions in the training pieces of
the music21 edition (bach.csv), fits the points (grade.csv), and writes a card in Markdown
(grade.md) that says how well the grade separates pieces that had no part in the fit.

The points come from a logistic regression that tells Bach's training pieces from three other
groups of equal weight: the same pieces with shuffled voices, the same with random notes, and pieces
by note_gru. The surprise of a training piece is measured with the distributions of the other four
fifths, because its own notes would make it too small.

Notebook: 04_evaluation
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from tqdm import tqdm

from ..chorale import SILENCE, VOICES, Chorale
from ..corpus.editions import load_corpus
from ..files import write_atomically
from ..judging.grading import POINTS, contributions, reflect_and_clip, shuffled, tally
from ..judging.style import BACH, count_values, write_bach
from ..models.saving import load_model
from .generation import generate

FOLDS = 5
RIDGE = 1.0
LOW = 0.1  # quantile of Bach's training pieces below which a measure is reflected
HIGHEST = 0.99  # quantile of Bach's training pieces: a measure is clipped...
BEYOND = 2  # ...at this many times the quantile's distance from the usual value
SHORTEST = 32  # steps: shorter generated pieces are not used for fitting
FITTED_SEED, JUDGED_SEED = 0, 1
JUDGED = (
    ("note_gru", 1.0),
    ("chord_gru", 1.0),
    ("chord_gru", 0.8),
)  # models and temperatures in the card


def ship(destination: Path = POINTS.parent, count: int = 256) -> Path:
    """Writes bach.csv, grade.csv and grade.md; returns the path of the card.

    Args:
        destination: folder to write into.
        count: number of pieces by each model at each temperature.
    """
    destination, corpus = Path(destination), load_corpus("music21")
    bach = count_values(corpus.train)
    model = load_model("note_gru")
    written = [
        piece for piece in generate(model, count, seed=FITTED_SEED) if len(piece) >= SHORTEST
    ]
    others = [
        [shuffled(chorale, seed) for seed, chorale in enumerate(corpus.train)],
        [with_random_notes(chorale, seed) for seed, chorale in enumerate(corpus.train)],
        written,
    ]
    points = fit_points(
        measured_in_folds(corpus.train), [_measured(group, bach) for group in others]
    )
    judged = {}
    for name, temperature in tqdm(JUDGED, "Writing pieces to be judged", file=sys.stdout):
        pieces = generate(load_model(name), count, temperature=temperature, seed=JUDGED_SEED)
        judged[f"{name}, temperature {temperature}"] = [
            piece for piece in pieces if len(piece) >= SHORTEST
        ]
    for partition in ("valid", "test"):
        for what, spoilt in (("shuffled", shuffled), ("with random notes", with_random_notes)):
            judged[f"{partition} pieces {what}"] = [
                spoilt(chorale, seed) for seed, chorale in enumerate(getattr(corpus, partition))
            ]
    grades = {
        name: contributions(_measured(pieces, bach), points).sum(axis=1).to_numpy()
        for name, pieces in {
            "training": corpus.train,
            "valid": corpus.valid,
            "test": corpus.test,
            **judged,
        }.items()
    }
    write_bach(corpus.train, destination / BACH.name)
    write_atomically(
        destination / POINTS.name, lambda path: points.to_csv(path, float_format="%.6g")
    )
    card = _card(points, grades, {"training": corpus.train, "fitted": written}, count)
    return write_atomically(
        destination / "grade.md", lambda path: path.write_text(card, encoding="utf-8")
    )


def fit_points(bach: pd.DataFrame, others: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The points of each measure: a table with one row for each measure that helps to tell Bach
    from the others (index: its name), and the columns low, high, usual and points_per_unit, see
    `grading.explain_grade`.

    A measure that would reward distance from Bach's usual value is left out, and the rest is fitted
    again.

    Args:
        bach: measures of Bach's pieces, as from `grading.compute_measures`.
        others: list of such DataFrames, one for each other group.
    """
    low = bach.quantile(LOW)
    usual = reflect_and_clip(bach, low, np.inf).median()
    high = usual + BEYOND * (reflect_and_clip(bach, low, np.inf).quantile(HIGHEST) - usual)
    rows = reflect_and_clip(pd.concat([bach, *others]), low, high)
    spread = rows.std()  # so that the penalty affects all measures equally
    kept = spread.index[spread > 0]
    scaled = ((rows - usual) / spread)[kept]
    is_bach = np.repeat([1.0, 0.0], [len(bach), len(rows) - len(bach)])
    weights = np.concatenate(
        [
            np.ones(len(bach)),
            *(np.full(len(group), len(bach) / len(others) / len(group)) for group in others),
        ]
    )
    while True:
        slopes = pd.Series(_logistic(scaled[kept].to_numpy(), is_bach, weights)[1:], kept)
        if (slopes <= 0).all():
            break
        kept = kept[slopes <= 0]
    return (
        pd.DataFrame(
            {"low": low, "high": high, "usual": usual, "points_per_unit": slopes / spread[kept]}
        )
        .loc[kept]
        .rename_axis("measure")
    )


def measured_in_folds(chorales: Sequence[Chorale]) -> pd.DataFrame:
    """Measures of each chorale, as from `grading.compute_measures`, but with the surprise under the
    distributions of the other folds.

    Args:
        chorales: list of Chorale, more than `FOLDS`.
    """
    tables = []
    for fold in range(FOLDS):
        others = [chorale for number, chorale in enumerate(chorales) if number % FOLDS != fold]
        tables.append(_measured(chorales[fold::FOLDS], count_values(others)))
    return pd.concat(tables)


def with_random_notes(chorale: Chorale, seed: int) -> Chorale:
    """The chorale with each note replaced by a random one, uniform between the lowest and highest
    note of its voice.

    Examples:
        >>> chorale = Chorale([[72, 67, 64, 48], [74, 67, 64, 43]])
        >>> with_random_notes(chorale, 0).pitches[:, 1]  # an alto of one note
        array([67, 67], dtype=int16)
    """
    random, pitches = np.random.default_rng(seed), chorale.pitches.copy()
    for voice in range(len(VOICES)):
        column = pitches[:, voice]
        number = np.append(0, np.cumsum(column[1:] != column[:-1]))  # number of each step's note
        sung = column[column != SILENCE]
        if len(sung):
            column[:] = np.where(
                column == SILENCE,
                SILENCE,
                random.integers(sung.min(), sung.max() + 1, number[-1] + 1)[number],
            )
    return replace(
        chorale, pitches=pitches, name=f"{chorale.name} random", onsets=None, fermatas=None
    )


def auc(better: ArrayLike, worse: ArrayLike) -> float:
    """How often one of the `better` grades is higher than one of the `worse` (0 to 1, ties count
    half): the area under the receiver operating characteristic curve (AUC).

    Examples:
        >>> auc([3, 1], [2, 0])
        0.75
    """
    better, worse = np.asarray(better)[:, None], np.asarray(worse)[None]
    return float(np.mean((better > worse) + 0.5 * (better == worse)))


def _measured(chorales: Sequence[Chorale], bach: dict[str, np.ndarray]) -> pd.DataFrame:
    amounts, chances = tally(chorales, bach)
    return amounts / chances.clip(lower=1)


def _logistic(rows: np.ndarray, is_bach: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Intercept and slopes of a weighted logistic regression with `RIDGE` on the slopes, by
    iteratively reweighted least squares (Hastie, Tibshirani and Friedman 2009, "The Elements of
    Statistical Learning", 4.4.1)."""
    rows = np.column_stack([np.ones(len(rows)), rows])
    ridge, slopes = RIDGE * np.diag([0.0] + [1.0] * (rows.shape[1] - 1)), np.zeros(rows.shape[1])
    for _ in range(100):
        chance = 1 / (1 + np.exp(-rows @ slopes))
        gradient = rows.T @ (weights * (is_bach - chance)) - ridge @ slopes
        curvature = (rows.T * (weights * chance * (1 - chance))) @ rows + ridge
        step = np.linalg.solve(curvature, gradient)
        slopes += step
        if np.abs(step).max() < 1e-9:
            return slopes
    raise RuntimeError(
        f"the fit did not converge: after 100 rounds a slope still moves by "
        f"{np.abs(step).max():.2g}"
    )


def _card(
    points: pd.DataFrame,
    grades: Mapping[str, np.ndarray],
    fitted: Mapping[str, Sequence[Chorale]],
    count: int,
) -> str:
    """The card's text, in Markdown."""
    lines = [
        "# The grade",
        "",
        "The points that each measure is worth (`grade.csv`) were fitted so as to tell the "
        f"{len(fitted['training'])} training pieces of the music21 edition from the same pieces "
        f"with each voice shuffled, the same pieces with random notes, and {len(fitted['fitted'])} "
        f"pieces by `note_gru` (temperature 1, seed {FITTED_SEED}; {count} were written, those "
        f"under {SHORTEST} steps left out). The fit is a logistic regression with a ridge penalty "
        f"of {RIDGE:g}; the surprise of training pieces is measured in {FOLDS} folds, under the "
        "distributions of the others. `chord_gru` had no part in the fit, nor had the validation "
        "and test pieces. How measures are reflected and clipped, and the ridge, were chosen by "
        "how well the grade told the validation pieces from pieces by all models; by then the test "
        "figures of an earlier choice had been seen.",
        "",
        "`python -m chorale_utils.writing.grade_card` repeats all this. A piece in which every "
        "measure is at the median of Bach's training pieces has the grade 0.",
        "",
        "## How well it separates",
        "",
        "The AUC is the share of pairs, one of Bach's validation or test pieces and one of the "
        "group, in which Bach's has the higher grade: 0.5 is guessing, 1 is always right. It is "
        "left empty for the training pieces, to which the grade was fitted, and for a group "
        "against itself. The models' pieces were newly written for this table (seed "
        f"{JUDGED_SEED}).",
        "",
        "| group | pieces | median grade | 10th percentile | 90th percentile | AUC, valid | "
        "AUC, test |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, of_group in grades.items():
        low, middle, high = np.quantile(of_group, [0.1, 0.5, 0.9])
        areas = [
            ""
            if name == partition or name == "training"
            else f"{auc(grades[partition], of_group):.4f}"
            for partition in ("valid", "test")
        ]
        lines.append(
            f"| {name} | {len(of_group)} | {middle:.2f} | {low:.2f} | {high:.2f} | "
            f"{' | '.join(areas)} |"
        )
    lines += [
        "",
        "## What it is made of",
        "",
        "Points for each unit of a measure (see `describe_measures`) above what is usual. A "
        "value below `low` counts as if it were as far above `low`, and a value above `high` "
        "counts as `high` (twice the distance from the usual within which 99 of 100 of Bach's "
        "pieces stay). Measures that are not listed added nothing to these.",
        "",
        "| measure | low | usual | high | points per unit | most it can cost |",
        "|---|---|---|---|---|---|",
    ]
    for measure, row in points.iterrows():
        lines.append(
            f"| {measure} | {row.low:.4g} | {row.usual:.4g} | {row.high:.4g} | "
            f"{row.points_per_unit:.4g} | {row.points_per_unit * (row.high - row.usual):.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    assert __doc__ is not None
    argparse.ArgumentParser(description=__doc__.partition("\n\n")[0]).parse_args()
    print(ship())
