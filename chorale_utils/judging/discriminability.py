"""Discriminability: can a machine tell a writer's chorales from Bach's, and which features give the
writer away?

Conventions:
    A judge is trained afresh for each writer. It is linear (logistic regression with a penalty on
    the squares of its weights), and looks at a passage from some distance: the skeletons of the
    voices from beat to beat, chords two beats apart, the spacing and the lengths of what sounds on
    a beat, the rhythm of a voice over two beats, how far it ranges in four, and how outer voices
    move over two beats. The critic that steers phrase_gru counts patterns of neighbouring notes and
    chords; none of them is among these, so that the judge does not merely repeat what the critic
    was told. All of it is read from the sounding notes and the place in the quarter, as `Grid`
    tells them. Keys, bar lines, fermatas and struck repetitions are not looked at, so that a writer
    who writes none is not found out by that.

    It learns from Bach's pieces for training and half of the writer's, and is tested on Bach's
    other pieces and the other half; then the halves change places.

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

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, as_chorales
from .grid import Grid
from .logistic import LogisticRegression

if TYPE_CHECKING:
    import pandas as pd

PASSAGE = 64  # steps: four bars of four quarters
RARE = 3  # patterns found in fewer pieces or passages than this are ignored
PENALTY = 1.0  # on the squared weights, relative to the loss of one piece or passage
_LEAP = 13  # semitones; a voice that goes further counts as this
_WIDE = 19  # semitones; voices further apart count as this
_LONG = 16  # steps; longer notes count as this
_PAIRS = [(upper, lower) for lower in range(len(VOICES)) for upper in range(lower)]


class Discriminability(NamedTuple):
    """How well a judge tells a writer from Bach.

    Attributes:
        auc: the share of pairs, one passage by each, that the judge orders correctly; mean of both
            halves.
        low: 2.5th percentile of the AUC over bootstrap resamples of pieces.
        high: 97.5th percentile.
        features: pandas DataFrame with one row for each pattern that the judge used, the largest
            weights first: kind, pattern, writer and bach (occurrences in a thousand steps), weight
            (by how much one more standard deviation raises the log-odds that the writer wrote the
            passage).

    Examples:
        >>> import pandas as pd
        >>> Discriminability(0.5, 0.4, 0.6, pd.DataFrame()).auc  # cannot tell them apart
        0.5

    Notebook: 04_evaluation
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

    The judge is a logistic regression on patterns seen from some distance, such as the outline of a
    voice from beat to beat. An AUC of 0.5 means that it cannot tell the two apart, 1 that it always
    can; by chance the figure may fall below 0.5 (Lopez-Paz and Oquab 2017, "Revisiting Classifier
    Two-Sample Tests"). Do not tune a writer to this measure; it is for judging only.

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
        TypeError: something other than chorales.

    Examples:
        >>> held = Chorale([[72, 67, 64, 48]] * 64)
        >>> moving = Chorale([[72, 67, 64, 48], [74, 67, 65, 47]] * 32)
        >>> discriminability([moving] * 2, [held] * 3, [held], resamples=10).auc
        1.0

    Notebook: 04_evaluation
    """
    import pandas as pd

    chorales, train, test = as_chorales(chorales), as_chorales(train), as_chorales(test)
    if len(chorales) < 2 or not train or not test:
        raise ValueError(
            f"{len(chorales)} pieces by the writer, and {len(train)} and {len(test)} by Bach: "
            f"expected at least two by the writer, and one of Bach's to learn from and one to test "
            f"on"
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
            raise ValueError(
                f"{whose}: no piece has {steps} steps or more: expected one, or fewer steps"
            )
    counts = _Counts(excerpts)
    aucs, again, weights = [], [], 0.0
    for mine, other in ((2, 3), (3, 2)):
        learnt = np.flatnonzero(np.isin(group[owner], (0, mine)))
        tested = np.flatnonzero(np.isin(group[owner], (1, other)))
        chosen = counts.common(learnt)
        rows = counts.matrix(learnt, chosen)
        judge = LogisticRegression(rows, group[owner[learnt]] == mine, PENALTY)
        scores = judge.log_odds(counts.matrix(tested, chosen))
        writers = group[owner[tested]] == other
        aucs.append(auc(scores[writers], scores[~writers]))
        again.append(_resampled(scores, writers, owner[tested], resamples, random))
        weights = weights + counts.spread(judge.weights * rows.std(axis=0), chosen) / 2
    again = np.mean(again, axis=0)
    low, high = np.percentile(again, [2.5, 97.5]) if resamples else (np.nan, np.nan)
    by_writer = group[owner] >= 2
    features = pd.DataFrame(
        {
            "kind": counts.kinds(),
            "pattern": counts.labels(),
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


class _Counts:
    """How often each pattern occurs in each excerpt."""

    def __init__(self, excerpts):
        self.lengths = np.array([len(excerpt) for excerpt in excerpts])
        self.events = _patterns(Grid(list(excerpts)))
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
        """Numbers of the patterns (int array) that occur in at least `RARE` of these excerpts."""
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
        """The values (columns,) at their places among all patterns; 0 at all others."""
        spread = np.zeros(self.width)
        spread[columns] = values
        return spread

    def rate(self, which):
        """float array (patterns,): occurrences in a thousand steps of the chosen excerpts."""
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


def _patterns(grid):
    """kind -> (number of the piece and code of each pattern, two int arrays, and a function that
    says in words what a code means)."""
    beats = np.flatnonzero((grid.place == 0) & (grid.pitches > 0).all(axis=1))
    events = {"spacing": _spacing(grid, beats), "lengths": _lengths(grid, beats)}
    events["skeleton"] = _skeletons(grid, _in_a_row(grid, beats, 4))
    three = _in_a_row(grid, beats, 3)
    events["chords two beats apart"] = _packed(
        grid.piece[three[:, 0]],
        [
            (grid.chord[three[:, 0]], 4096, _chord_name),
            ((grid.lowest[three[:, 2]] - grid.lowest[three[:, 0]]) % 12, 12, "+{}".format),
            (grid.chord[three[:, 2]], 4096, _chord_name),
        ],
    )
    events["two voices"] = _two_voices(grid, three)
    events["rhythm"] = _rhythms(grid, three)
    events["range"] = _ranges(grid, _in_a_row(grid, beats, 5))
    return events


def _in_a_row(grid, beats, order):
    """int array (n, order) of steps: beats that follow each other at once in one piece."""
    many = max(0, len(beats) - order + 1)
    rows = np.stack([beats[first : first + many] for first in range(order)], 1)
    together = (np.diff(rows, axis=1) == STEPS_PER_QUARTER).all(axis=1)
    return rows[together & (grid.piece[rows[:, 0]] == grid.piece[rows[:, -1]])]


def _spacing(grid, beats):
    """Intervals between neighbouring voices on a beat."""
    apart = np.clip(-np.diff(grid.pitches[beats], axis=1), -1, _WIDE) + 1
    return _packed(grid.piece[beats], [(column, _WIDE + 2, _semitones_name) for column in apart.T])


def _lengths(grid, beats):
    """How long the notes are, from beginning to end, that sound on a beat."""
    length, notes = np.zeros_like(grid.pitches), grid.notes
    start, voice, lasts = (notes[name] for name in ("start", "voice", "length"))
    since = np.arange(lasts.sum()) - np.repeat(np.cumsum(lasts) - lasts, lasts)
    length[np.repeat(start, lasts) + since, np.repeat(voice, lasts)] = np.repeat(
        np.minimum(lasts, _LONG), lasts
    )
    return _packed(
        grid.piece[beats], [(column, _LONG + 1, "{}/16".format) for column in length[beats].T]
    )


def _skeletons(grid, rows):
    """The notes of one voice on four beats in a row, as intervals."""
    steps = np.clip(np.diff(grid.pitches[rows], axis=1), -_LEAP, _LEAP) + _LEAP  # (n, 3, 4)
    parts = [(steps[:, place], 2 * _LEAP + 1, _interval_name) for place in range(3)]
    return _by_voice(grid, rows, parts)


def _rhythms(grid, rows):
    """On which of eight sixteenths, from a beat on, one voice begins a note."""
    begins = sum(grid.arrives[rows[:, 0] + later] << later for later in range(8))
    return _by_voice(grid, rows, [(begins, 256, _rhythm_name)])


def _ranges(grid, rows):
    """How far one voice ranges within four beats, and how many notes it sings. It sings on each
    beat, and may rest between them."""
    steps = rows[:, 0][:, None] + np.arange(4 * STEPS_PER_QUARTER)
    sung = grid.pitches[steps]  # (n, 16, 4)
    lowest = np.where(sung == SILENCE, sung.max(axis=1, keepdims=True), sung).min(axis=1)
    wide = np.minimum(sung.max(axis=1) - lowest, _WIDE)
    many = np.minimum(grid.arrives[steps].sum(axis=1), 16)
    return _by_voice(
        grid, rows, [(wide, _WIDE + 1, "{} semitones".format), (many, 17, "{} notes".format)]
    )


def _by_voice(grid, rows, parts):
    """Patterns of each voice for itself, of parts (values (n, 4), how many there are, their
    names)."""
    voice = np.tile(np.arange(len(VOICES)), (len(rows), 1))
    return _packed(
        np.repeat(grid.piece[rows[:, 0]], len(VOICES)),
        [(voice.ravel(), 4, VOICES.__getitem__)]
        + [(np.asarray(values).ravel(), size, name) for values, size, name in parts],
    )


def _two_voices(grid, rows):
    """Where each pair of voices moves over two beats, and the interval to which it comes."""
    pieces, parts = [], [[], [], [], []]
    for number, (upper, lower) in enumerate(_PAIRS):
        first, last = grid.pitches[rows[:, 0]], grid.pitches[rows[:, 2]]
        steps = np.clip(last - first, -_LEAP, _LEAP) + _LEAP
        pieces.append(grid.piece[rows[:, 0]])
        for part, values in zip(
            parts,
            (
                np.full(len(rows), number),
                (last[:, upper] - last[:, lower]) % 12,
                steps[:, upper],
                steps[:, lower],
            ),
        ):
            part.append(values)
    pair, interval, upper, lower = (np.concatenate(part) for part in parts)
    names = [f"{VOICES[upper]} and {VOICES[lower]}" for upper, lower in _PAIRS]
    return _packed(
        np.concatenate(pieces),
        [
            (pair, len(_PAIRS), names.__getitem__),
            (interval, 12, "{} apart".format),
            (upper, 2 * _LEAP + 1, _interval_name),
            (lower, 2 * _LEAP + 1, _interval_name),
        ],
    )


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


def _semitones_name(clipped):
    return f"{clipped - 1} semitones" if clipped else "crossed"


def _rhythm_name(begins):
    return "".join("x" if begins >> later & 1 else "." for later in range(8))


def _interval_name(clipped):
    return f"{clipped - _LEAP:+d}"
