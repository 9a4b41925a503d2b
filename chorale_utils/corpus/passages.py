"""Passages: music that two pieces share, in any key.

A passage is a run of n steps in some voices, represented by one number that is the same in every
transposition. Pieces that share many passages are the same music. This answers three questions:
which file holds which chorale, which chorales are near-copies of others, and how much of a
generated chorale was learnt by heart.

Notebook: 01_data_exploration
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import SILENCE, VOICES, Chorale, as_chorale, as_chorales

if TYPE_CHECKING:
    import pandas as pd

# Length in sixteenths of the passages that reveal near-copies: one bar of 4/4 if all four voices
# must agree, a bar and a half if only one must.
PASSAGE_STEPS_ALL_VOICES = 16
PASSAGE_STEPS_ONE_VOICE = 24

# A passage counts as copied only if notes change on at least this many steps after its first.
MINIMUM_CHANGES = 4

_REST = 1 << 20  # stands for silence among intervals, which are never that large


def passages(chorale: Chorale, steps: int, voices: str = "all") -> np.ndarray:
    """uint64 array (len(chorale) - steps + 1,): one number for each passage, ordered by its first
    step. Two numbers are equal if one passage is a transposition of the other (different passages
    collide with a probability of about 2**-60).

    Args:
        chorale: Chorale.
        steps: length of a passage in sixteenths, at least 1. A shorter piece has no passages.
        voices: ``'all'``, or one of ``'soprano'``, ``'alto'``, ``'tenor'``, ``'bass'``.

    Raises:
        ValueError: `voices` or `steps` is invalid.

    Examples:
        >>> chorale = Chorale([[72, 67, 64, 48], [71, 67, 62, 55], [72, 67, 64, 48]])
        >>> numbers = passages(chorale, 1)
        >>> bool(numbers[0] == numbers[2]), bool(numbers[0] == numbers[1])
        (True, False)
        >>> bool((passages(chorale.transpose(5), 1) == numbers).all())
        True

    Notebook: 01_data_exploration
    """
    chorale, steps = as_chorale(chorale), _checked_steps(steps)
    if voices != "all" and voices not in VOICES:
        raise ValueError(f"voices {voices!r}: expected 'all' or one of {', '.join(VOICES)}")
    pitches = chorale.pitches if voices == "all" else chorale.pitches[:, [VOICES.index(voices)]]
    if len(pitches) < steps:
        return np.zeros(0, np.uint64)
    runs = np.lib.stride_tricks.sliding_window_view(
        pitches.astype(np.int64), steps, axis=0
    )  # (passages, voices, steps)
    runs = runs.transpose(0, 2, 1).reshape(len(runs), -1)  # (passages, steps * voices)
    sounding = runs != SILENCE
    # intervals are counted from the first note that sounds
    first = runs[np.arange(len(runs)), sounding.argmax(axis=1)]
    intervals = np.where(sounding, runs - first[:, None], _REST)
    weights = np.random.default_rng(0).integers(2**64, size=runs.shape[1], dtype=np.uint64)
    # a multilinear hash, modulo 2**64
    return (intervals.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)


def passage_containment(
    chorale: Chorale,
    others: Chorale | Iterable[Chorale],
    steps: int | None = None,
    voices: str = "all",
) -> float:
    """Share (0 to 1) of a chorale's passages that occur anywhere in `others`, in any transposition.

    Args:
        chorale: Chorale. If it is shorter than a passage, the share is 0.
        others: list of Chorale, or one Chorale.
        steps: length of a passage in sixteenths; if None, 16 for all voices and 24 for one.
        voices: ``'all'``, or one of ``'soprano'``, ``'alto'``, ``'tenor'``, ``'bass'``.

    Raises:
        ValueError: `voices` or `steps` is invalid.
        TypeError: something other than chorales.

    Examples:
        >>> scale = Chorale([[60 + step, 55, 52, 48] for step in range(12)])
        >>> passage_containment(scale, scale.transpose(3), steps=4)
        1.0
        >>> passage_containment(scale, [scale.excerpt(0, 6)], steps=4)  # 3 of 9 passages
        0.3333333333333333

    Notebook: 01_data_exploration
    """
    steps = _steps_or_default(steps, voices)
    mine = passages(chorale, steps, voices)
    theirs = [passages(other, steps, voices) for other in as_chorales(others)]
    return float(np.isin(mine, np.concatenate(theirs)).mean()) if len(mine) and theirs else 0.0


def pairwise_containment(
    chorales: Chorale | Iterable[Chorale],
    others: Chorale | Iterable[Chorale],
    steps: int | None = None,
    voices: str = "all",
) -> np.ndarray:
    """float array (len(chorales), len(others)): the share (0 to 1) of each chorale's passages that
    occur in each of the others, in any transposition; 0 if the chorale is shorter than a passage.

    Args:
        chorales, others: lists of Chorale, or one Chorale.
        steps, voices: as in `passage_containment`.

    Raises:
        ValueError: `voices` or `steps` is invalid.
        TypeError: something other than chorales.

    Examples:
        >>> scale = Chorale([[60 + step, 55, 52, 48] for step in range(12)])
        >>> held = Chorale([[72, 67, 64, 48]] * 12)
        >>> pairwise_containment([scale, held], [scale.transpose(2), held], steps=4)
        array([[1., 0.],
               [0., 1.]])

    Notebook: 01_data_exploration
    """
    chorales, others = as_chorales(chorales), as_chorales(others)
    steps = _steps_or_default(steps, voices)
    known = [np.unique(passages(other, steps, voices)) for other in others]
    owners = np.repeat(np.arange(len(others)), [len(numbers) for numbers in known])
    numbers = np.concatenate([np.zeros(0, np.uint64), *known])
    order = np.argsort(numbers, kind="stable")
    numbers, owners = numbers[order], owners[order]
    shares = np.zeros((len(chorales), len(others)))
    for row, chorale in enumerate(chorales):
        mine = passages(chorale, steps, voices)
        begins = np.searchsorted(numbers, mine, "left")
        ends = np.searchsorted(numbers, mine, "right")
        if (ends > begins).any():
            found = np.concatenate([owners[begin:end] for begin, end in zip(begins, ends)])
            shares[row] = np.bincount(found, minlength=len(others)) / len(mine)
    return shares


def copied(
    chorales: Chorale | Iterable[Chorale],
    training: Chorale | Iterable[Chorale],
    steps: int = PASSAGE_STEPS_ALL_VOICES,
) -> pd.DataFrame:
    """How much of each chorale is copied from others or repeated within itself: pandas DataFrame
    with one row per piece (index: its name).

    Held chords and the last two chords of a cadence occur everywhere. So a passage counts only if
    notes change on at least four of its steps after the first. Bach's own validation
    and test pieces are the control: they share more with his training pieces than one might think.

    Args:
        chorales: list of Chorale, or one Chorale.
        training: list of Chorale, or one: the pieces that may have been learnt by heart.
        steps: length in sixteenths of the passages for share and repeated.

    Returns:
        DataFrame with the columns

        * longest: steps of the longest passage of four voices that occurs in a training piece, in
          any transposition, or 0;
        * source: name of that training piece, or None;
        * share: share (0 to 1) of the piece's passages of `steps` that occur in a training piece,
          in any transposition;
        * repeated: share (0 to 1) of the same passages that occurred earlier in the piece itself,
          in any transposition.

    Raises:
        ValueError: `steps` is not a whole number of at least 1.
        TypeError: something other than chorales.

    Examples:
        >>> bach = Chorale([[60 + step, 55, 52, 48] for step in range(20)], name="a scale")
        >>> copied(bach.transpose(3), bach)[["longest", "source", "share"]].values.tolist()
        [[20, 'a scale', 1.0]]

    Notebook: 05_generation
    """
    import pandas as pd

    chorales, training = as_chorales(chorales), as_chorales(training)
    steps = _checked_steps(steps)
    longest_shared, sources = _longest_shared(chorales, training)
    ends = np.cumsum([len(chorale) for chorale in chorales], dtype=int)[:-1]
    rows: dict[str, list] = {"longest": [], "source": [], "share": [], "repeated": []}
    for chorale, longest, source in zip(
        chorales, np.split(longest_shared, ends), np.split(sources, ends)
    ):
        changed = (chorale.pitches[1:] != chorale.pitches[:-1]).any(axis=1)
        changes = np.append(0, np.cumsum(changed))  # up to and including each step
        starts = np.arange(len(chorale))
        shared = starts[longest > 0]
        moving = shared[changes[shared + longest[shared] - 1] - changes[shared] >= MINIMUM_CHANGES]
        best = moving[longest[moving].argmax()] if len(moving) else None
        rows["longest"].append(0 if best is None else int(longest[best]))
        rows["source"].append(None if best is None else training[source[best]].name)
        whole = starts[: max(0, len(chorale) - steps + 1)]
        whole = whole[changes[whole + steps - 1] - changes[whole] >= MINIMUM_CHANGES]
        rows["share"].append(float((longest[whole] >= steps).mean()) if len(whole) else 0.0)
        different = len(np.unique(passages(chorale, steps)[whole])) if len(whole) else 0
        rows["repeated"].append(1 - different / len(whole) if len(whole) else 0.0)
    return pd.DataFrame(rows, [chorale.name for chorale in chorales])


def _steps_or_default(steps: int | None, voices: str) -> int:
    if steps is None:
        return PASSAGE_STEPS_ALL_VOICES if voices == "all" else PASSAGE_STEPS_ONE_VOICE
    return _checked_steps(steps)


def _checked_steps(steps: int) -> int:
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 1:
        raise ValueError(f"passages of {steps!r} steps: expected a whole number of at least 1")
    return int(steps)


def _longest_shared(
    chorales: list[Chorale], training: list[Chorale]
) -> tuple[np.ndarray, np.ndarray]:
    """Two int arrays (steps of all chorales, end to end): the length of the longest passage that
    begins at each step and occurs in a training piece, in any transposition; and the number of that
    training piece.

    The number of a passage is computed from that of the passage one step shorter. Passages that are
    not shared are dropped at once, so that few remain after some steps.
    """
    mine, theirs = _GrowingPassages(chorales), _GrowingPassages(training)
    longest, sources = np.zeros((2, len(mine.pitches)), int)
    random = np.random.default_rng(0)
    while len(mine.starts) and len(theirs.starts):
        weights = random.integers(2**64, size=len(VOICES), dtype=np.uint64)
        mine.grow(weights)
        theirs.grow(weights)
        theirs.keep(np.isin(theirs.numbers, mine.numbers))
        if not len(theirs.numbers):
            break
        order = np.argsort(theirs.numbers)
        places = np.searchsorted(theirs.numbers, mine.numbers, sorter=order)
        places = order[np.minimum(places, len(order) - 1)]
        shared = theirs.numbers[places] == mine.numbers
        mine.keep(shared)
        longest[mine.starts] = mine.steps
        sources[mine.starts] = theirs.piece[theirs.starts[places[shared]]]
    return longest, sources


class _GrowingPassages:
    """Passages of pieces laid end to end, which grow step by step. Each has a number, which is the
    same for all its transpositions."""

    def __init__(self, chorales: list[Chorale]) -> None:
        lengths = [len(chorale) for chorale in chorales]
        self.pitches = np.concatenate(
            [np.zeros((0, len(VOICES)), np.int64), *(chorale.pitches for chorale in chorales)]
        )
        self.piece = np.repeat(np.arange(len(chorales)), lengths)
        self.ends = np.repeat(np.cumsum(lengths, dtype=int), lengths)  # of each step's piece
        self.starts = np.arange(len(self.pitches))
        self.numbers = np.zeros(len(self.pitches), np.uint64)
        self.first = np.zeros(len(self.pitches), np.int64)  # first sounding note, 0 before it
        self.steps = 0

    def grow(self, weights: np.ndarray) -> None:
        """Extends every passage by one step; those that would leave their piece are dropped."""
        self.keep(self.starts + self.steps < self.ends[self.starts])
        notes = self.pitches[self.starts + self.steps]
        sounding = notes != SILENCE
        opening = notes[np.arange(len(notes)), sounding.argmax(axis=1)]
        self.first = np.where(self.first == SILENCE, opening, self.first)
        intervals = np.where(sounding, notes - self.first[:, None], _REST)
        self.numbers = self.numbers + (intervals.astype(np.uint64) * weights).sum(
            axis=1, dtype=np.uint64
        )
        self.steps += 1

    def keep(self, which: np.ndarray) -> None:
        """Keeps only the passages where `which` (bool) is true."""
        self.starts, self.numbers = self.starts[which], self.numbers[which]
        self.first = self.first[which]
