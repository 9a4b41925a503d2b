"""Discriminability: can a machine tell a writer's chorales from Bach's, and which features give the
writer away?

Conventions:
    A new judge is trained for each writer. It is linear (logistic regression with an L2 penalty),
    and its features are counts of musical n-grams in a piece or passage: chords and their
    progressions from beat to beat, the rhythm within a beat, melodic figures of each voice with
    their rhythm, and the motion of pairs of voices. They are all read from the sounding notes and
    their place in the quarter, see `Grid`. Keys, bar lines, fermatas and repeated notes are
    ignored, so that writers who write none are not given away by that.

    The judge learns from Bach's training pieces and half of the writer's, and is tested on Bach's
    test pieces and the other half; then the halves are swapped.

Measures:
    AUC: of all pairs of one passage by Bach and one by the writer, the share in which the judge
    finds Bach's the more Bach-like. 0.5: it cannot tell them apart; 1: it always can. By chance the
    figure may fall below 0.5.

    Do not tune a writer to this measure; it is for judging only.

References:
    Lopez-Paz and Oquab (2017), "Revisiting Classifier Two-Sample Tests".

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import VOICES, Chorale
from .grid import Grid

if TYPE_CHECKING:
    import pandas as pd

PASSAGE = 64  # steps: four bars of four quarters
RARE = 3  # n-grams found in fewer pieces or passages than this are ignored
PENALTY = 1.0  # on the squared weights, relative to the loss of one piece
NEWTON_STEPS = 12
_LEAP = 13  # semitones; wider intervals count as this
_LONG = 17  # steps; longer notes count as this
_PAIRS = [(upper, lower) for lower in range(len(VOICES)) for upper in range(lower)]


class Discriminability(NamedTuple):
    """How well a judge tells a writer from Bach.

    Attributes:
        auc: the share of pairs that the judge orders correctly, mean of both halves.
        low, high: 2.5th and 97.5th percentiles over bootstrap resamples of pieces.
        features: pandas DataFrame with one row for each n-gram that the judge used, the largest
            weights first: kind, n-gram, writer and bach (occurrences in a thousand steps), weight
            (by how much one more standard deviation raises the log-odds that the writer wrote the
            passage).
    """

    auc: float
    low: float
    high: float
    features: pd.DataFrame


def discriminability(
    chorales: Sequence[Chorale],
    train: Sequence[Chorale],
    test: Sequence[Chorale],
    steps: int | None = PASSAGE,
    resamples: int = 200,
    seed: int = 0,
) -> Discriminability:
    """How well a judge, newly trained, tells a writer's chorales from Bach's.

    Args:
        chorales: the writer's pieces; the judge learns from one half and is tested on the other.
        train, test: Bach's pieces, to learn from and to be tested on.
        steps: length in sixteenths of the passages to judge, which do not overlap; None for whole
            pieces.
        resamples: number of bootstrap resamples.
        seed: int; it draws the halves and the resamples.

    Raises:
        ValueError: fewer than two pieces by the writer, or none by Bach; no piece as long as a
            passage.

    Notebook: 04_evaluation
    """
    import pandas as pd

    if len(chorales) < 2 or not train or not test:
        raise ValueError(
            f"{len(chorales)} chorales against {len(train)} and {len(test)}: expected at least two "
            f"by the writer, and one of Bach's to learn from and one to test on"
        )
    random = np.random.default_rng(seed)
    half = np.arange(len(chorales)) < (len(chorales) + 1) // 2
    half = half[random.permutation(len(chorales))]
    pieces = [*train, *test, *chorales]
    group = np.repeat([0, 1, 2], [len(train), len(test), len(chorales)])
    group[group == 2] += (~half).astype(int)  # 0 and 1: Bach's; 2 and 3: the writer's halves
    owner, excerpts = _cut(pieces, steps)
    for number, whose in enumerate(("train", "test", "writer", "writer's other half")):
        if not np.any(group[owner] == number):
            raise ValueError(f"{whose}: no piece has {steps} steps: expected at least one")
    counts = _Counts(excerpts)
    aucs, again, weights = [], [], 0.0
    for mine, other in ((2, 3), (3, 2)):
        learnt = np.flatnonzero(np.isin(group[owner], (0, mine)))
        tested = np.flatnonzero(np.isin(group[owner], (1, other)))
        chosen = counts.common(learnt)
        judge = _Judge(counts.matrix(learnt, chosen), group[owner[learnt]] == mine)
        scores = judge.scores(counts.matrix(tested, chosen))
        writers = group[owner[tested]] == other
        aucs.append(auc(scores[writers], scores[~writers]))
        again.append(_resampled(scores, writers, owner[tested], resamples, random))
        weights = weights + counts.spread(judge.weights, chosen) / 2
    again = np.mean(again, axis=0)
    low, high = np.percentile(again, [2.5, 97.5]) if resamples else (np.nan, np.nan)
    by_writer = group[owner] >= 2
    features = pd.DataFrame(
        {
            "kind": counts.kinds(),
            "n-gram": counts.labels(),
            "writer": counts.rate(by_writer),
            "bach": counts.rate(~by_writer),
            "weight": weights,
        }
    )
    order = np.argsort(-np.abs(weights), kind="stable")[: np.count_nonzero(weights)]
    return Discriminability(
        float(np.mean(aucs)), float(low), float(high), features.iloc[order].reset_index(drop=True)
    )


def auc(higher: np.ndarray, lower: np.ndarray) -> float:
    """The share (0 to 1) of pairs of one value from each array in which the first is greater; ties
    count half.

    Args:
        higher, lower: float arrays, not empty.

    Examples:
        >>> auc([3, 1], [2, 0])
        0.75

    Notebook: 04_evaluation
    """
    ordered = np.sort(lower)
    below = np.searchsorted(ordered, higher, "left") + np.searchsorted(ordered, higher, "right")
    return float(below.mean() / (2 * len(ordered)))


def _cut(pieces, steps):
    """(int array with the number of each excerpt's piece, list of excerpts): passages from the
    first bar line on, or whole pieces."""
    if steps is None:
        return np.arange(len(pieces)), list(pieces)
    owner, excerpts = [], []
    for number, piece in enumerate(pieces):
        for start in range(piece.pickup, len(piece) - steps + 1, steps):
            owner.append(number)
            excerpts.append(piece.excerpt(start, start + steps))
    return np.array(owner, int), excerpts


def _resampled(scores, writers, owner, resamples, random):
    """AUCs (resamples,) when the pieces of each side, with all their passages, are resampled."""
    values = np.zeros(resamples)
    names, place = np.unique(owner, return_inverse=True)
    is_writers = np.zeros(len(names), bool)
    is_writers[place] = writers
    for number in range(resamples):
        times = np.zeros(len(names))
        for side in (is_writers, ~is_writers):
            times[side] = random.multinomial(side.sum(), np.full(side.sum(), 1 / side.sum()))
        values[number] = _weighted_auc(scores, writers, times[place])
    return values


def _weighted_auc(scores, writers, times):
    values, place = np.unique(scores, return_inverse=True)
    theirs = np.bincount(place, times * writers, len(values))
    bachs = np.bincount(place, times * ~writers, len(values))
    below = np.cumsum(bachs) - bachs / 2
    return (theirs * below).sum() / (theirs.sum() * bachs.sum())


class _Judge:
    """Logistic regression on rows of features; both classes have the same total weight.

    Args:
        rows: float array (examples, features).
        positive: bool array (examples,).
    """

    def __init__(self, rows, positive):
        self.mean, spread = rows.mean(axis=0), rows.std(axis=0)
        self.scale = 1 / np.maximum(spread, 1e-6) / np.sqrt(rows.shape[1])
        rows = (rows - self.mean) * self.scale
        kernel = (rows @ rows.T).astype(float) + 1.0
        target = np.where(positive, 1.0, -1.0)
        share = np.where(positive, 1 / positive.sum(), 1 / (~positive).sum()) * len(target) / 2
        dual = np.zeros(len(target))
        for _ in range(NEWTON_STEPS):  # iteratively reweighted least squares, in the dual
            margin = kernel @ dual
            p = 1 / (1 + np.exp(-margin))
            curvature = share * np.maximum(p * (1 - p), 1e-9)
            working = margin - share * (p - (target + 1) / 2) / curvature
            dual = np.linalg.solve(kernel + np.diag(PENALTY / curvature), working)
        self.weights = rows.T @ dual
        self.bias = dual.sum()

    def scores(self, rows):
        """Log-odds (examples,) that these rows are positive."""
        return (rows - self.mean) * self.scale @ self.weights + self.bias


class _Counts:
    """How often each n-gram occurs in each excerpt."""

    def __init__(self, excerpts):
        self.lengths = np.array([len(excerpt) for excerpt in excerpts])
        self.events = _ngrams(Grid(list(excerpts)))
        excerpt, self.codes, column, self.owners = [], [], [], []
        width = 0
        for kind, (piece, code, _) in self.events.items():
            codes, place = np.unique(code, return_inverse=True)
            excerpt.append(piece)
            column.append(place + width)
            self.codes.append(codes)
            self.owners += [kind] * len(codes)
            width += len(codes)
        cell = np.concatenate(excerpt) * width + np.concatenate(column)
        cells, times = np.unique(cell, return_counts=True)
        self.width, (self.row, self.column), self.times = width, np.divmod(cells, width), times

    def common(self, rows):
        """Numbers of the n-grams (int array) that occur in at least `RARE` of these excerpts."""
        inside = np.isin(self.row, rows)
        return np.flatnonzero(np.bincount(self.column[inside], minlength=self.width) >= RARE)

    def matrix(self, rows, columns):
        """float32 array (rows, columns): the logarithm of 1 + count."""
        row_place, column_place = np.full(len(self.lengths), -1), np.full(self.width, -1)
        row_place[rows], column_place[columns] = np.arange(len(rows)), np.arange(len(columns))
        row, column = row_place[self.row], column_place[self.column]
        inside = (row >= 0) & (column >= 0)
        matrix = np.zeros((len(rows), len(columns)), np.float32)
        matrix[row[inside], column[inside]] = np.log1p(self.times[inside])
        return matrix

    def spread(self, values, columns):
        """The values (columns,) at their places among all n-grams; 0 at all others."""
        spread = np.zeros(self.width)
        spread[columns] = values
        return spread

    def rate(self, which):
        """float array (n-grams,): occurrences in a thousand steps of the chosen excerpts."""
        inside = which[self.row]
        total = np.bincount(self.column[inside], self.times[inside], minlength=self.width)
        return 1000 * total / max(self.lengths[which].sum(), 1)

    def kinds(self):
        return self.owners

    def labels(self):
        return [
            label(int(code))
            for (_, _, label), codes in zip(self.events.values(), self.codes)
            for code in codes
        ]


def _ngrams(grid):
    """kind -> (int array with the piece of each n-gram, int array with its code, function that puts
    a code into words)."""
    patterns = grid.arrives @ (1 << np.arange(len(VOICES)))
    struck = np.flatnonzero(patterns)
    beats = np.flatnonzero(grid.place == 0)
    beats = beats[grid.lowest[beats] > 0]
    events = {
        "chord": _packed(
            grid.piece[struck],
            [(grid.place[struck], 4, _place_name), (grid.chord[struck], 4096, _chord_name)],
        )
    }
    for name, order in (("two chords", 2), ("three chords", 3)):
        rows = _in_a_row(grid, beats, order)
        parts = [(grid.chord[rows[:, 0]], 4096, _chord_name)]
        for before, after in zip(rows.T, rows.T[1:]):
            rise = (grid.lowest[after] - grid.lowest[before]) % 12
            parts += [(rise, 12, "+{}".format), (grid.chord[after], 4096, _chord_name)]
        events[name] = _packed(grid.piece[rows[:, 0]], parts)
    whole = np.flatnonzero(grid.place == 0)
    whole = whole[whole + 3 < len(grid.piece)]
    whole = whole[grid.piece[whole] == grid.piece[whole + 3]]
    events["beat"] = _packed(
        grid.piece[whole], [(patterns[whole + later], 16, _voices_name) for later in range(4)]
    )
    return events | _figures(grid) | _motions(grid)


def _in_a_row(grid, beats, order):
    """int array (n, order) of steps: consecutive beats of one piece."""
    rows = np.stack([beats[first : len(beats) - order + 1 + first] for first in range(order)], 1)
    together = (np.diff(rows, axis=1) == 4).all(axis=1)
    return rows[together & (grid.piece[rows[:, 0]] == grid.piece[rows[:, -1]])]


def _figures(grid):
    """Consecutive notes of one voice: their lengths and the intervals between them."""
    notes = grid.notes
    start, voice = notes["start"], notes["voice"]
    length, goes = np.minimum(notes["length"], _LONG), np.clip(notes["left"], -_LEAP, _LEAP) + _LEAP
    events = {}
    for name, order in (("two notes", 2), ("three notes", 3), ("four notes", 4)):
        first = np.arange(max(len(start) - order + 1, 0))
        for later in range(order - 1):
            first = first[notes["left"][first + later] != 0]
        parts = [(voice[first], 4, VOICES.__getitem__), (grid.place[start[first]], 4, _place_name)]
        for later in range(order):
            # the last note's length says more about what follows than about the figure
            if later < order - 1 or order == 2:
                parts.append((length[first + later], _LONG + 1, "{}/16".format))
            if later < order - 1:
                parts.append((goes[first + later], 2 * _LEAP + 1, _interval_name))
        events[name] = _packed(grid.piece[start[first]], parts)
    return events


def _motions(grid):
    """How pairs of voices move, wherever at least one of them moves."""
    pieces, parts = [], [[], [], [], []]
    for number, (upper, lower) in enumerate(_PAIRS):
        pair = [upper, lower]
        where = np.flatnonzero(grid.moved[:, pair].any(axis=1))
        where = where[(grid.pitches[where][:, pair] > 0).all(axis=1)]
        where = where[(grid.before[where][:, pair] > 0).all(axis=1)]
        now, before = grid.pitches[where][:, pair], grid.before[where][:, pair]
        steps = np.clip(now - before, -_LEAP, _LEAP) + _LEAP
        pieces.append(grid.piece[where])
        for part, values in zip(
            parts,
            (
                np.full(len(where), number),
                (before[:, 0] - before[:, 1]) % 12,
                steps[:, 0],
                steps[:, 1],
            ),
        ):
            part.append(values)
    pair, interval, upper, lower = (np.concatenate(part) for part in parts)
    names = [f"{VOICES[upper]} and {VOICES[lower]}" for upper, lower in _PAIRS]
    return {
        "motion": _packed(
            np.concatenate(pieces),
            [
                (pair, len(_PAIRS), names.__getitem__),
                (interval, 12, "{} apart".format),
                (upper, 2 * _LEAP + 1, _interval_name),
                (lower, 2 * _LEAP + 1, _interval_name),
            ],
        )
    }


def _packed(piece, parts):
    """(pieces, codes, function that names a code), from parts (values, number of possible values,
    function that names a value)."""
    code = np.zeros(len(piece), np.int64)
    for values, size, _ in parts:
        code = code * size + values
    about = [(size, name) for _, size, name in parts]

    def label(code):
        words = []
        for size, name in reversed(about):
            code, value = divmod(code, size)
            words.append(name(value))
        return ", ".join(reversed(words))

    return piece, code, label


def _chord_name(chord):
    return " ".join(str(interval) for interval in range(12) if chord >> interval & 1) or "silence"


def _place_name(place):
    return f"{('1st', '2nd', '3rd', '4th')[place]} sixteenth"


def _voices_name(pattern):
    return (
        "".join(voice[0].upper() for number, voice in enumerate(VOICES) if pattern >> number & 1)
        or "-"
    )


def _interval_name(clipped):
    return f"{clipped - _LEAP:+d}"
