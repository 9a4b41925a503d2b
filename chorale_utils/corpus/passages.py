"""Passages: what two pieces have in common, whatever key each is in.

A passage is a run of n steps in some voices, written down so that its transpositions look alike.
Pieces that share many passages are the same music. This serves three questions: which file holds
which chorale, which chorales are near-copies of another, and how much of a generated chorale was
learnt by heart.

Notebook: 01_data_exploration
"""

import numpy as np

from ..chorale import SILENCE, VOICES

MOVING = 4  # steps at which a note must begin or end within a passage, for it to count as copied

_REST = 1 << 20  # stands for silence among intervals, which are never that large


def passages(chorale, steps, voices="all"):
    """uint64 array (len(chorale) - steps + 1,): one number for each passage, the passages that begin at step
    0, 1, 2... Two are equal where one is a transposition of the other (up to a chance of some 2**-60).

    Args:
        chorale: Chorale.
        steps: length of a passage in sixteenths, at least 1. A shorter piece has no passages.
        voices: ``'all'``, or one of ``'soprano'``, ``'alto'``, ``'tenor'``, ``'bass'``.

    Raises:
        ValueError: voices or steps are none of these.

    Notebook: 01_data_exploration
    """
    if voices != "all" and voices not in VOICES:
        raise ValueError(f"voices {voices!r}: expected 'all' or one of {', '.join(VOICES)}")
    if steps < 1:
        raise ValueError(f"passages of {steps} steps: expected at least 1")
    pitches = chorale.pitches if voices == "all" else chorale.pitches[:, [VOICES.index(voices)]]
    if len(pitches) < steps:
        return np.zeros(0, np.uint64)
    notes = pitches.astype(np.int64)
    runs = np.lib.stride_tricks.sliding_window_view(
        notes, steps, axis=0
    )  # (passages, voices, steps)
    runs = runs.transpose(0, 2, 1).reshape(len(runs), -1)  # (passages, steps * voices)
    sounding = runs != SILENCE
    first = runs[
        np.arange(len(runs)), sounding.argmax(axis=1)
    ]  # the first note, from which the others are counted
    intervals = np.where(sounding, runs - first[:, None], _REST)
    weights = np.random.default_rng(0).integers(2**64, size=runs.shape[1], dtype=np.uint64)
    return (intervals.astype(np.uint64) * weights).sum(
        axis=1, dtype=np.uint64
    )  # a multilinear hash, modulo 2**64


def passage_containment(chorale, others, steps, voices="all"):
    """Share (0 to 1) of a chorale's passages that stand anywhere in `others`, in any transposition.

    Args:
        chorale: Chorale; 0 comes back where it is shorter than a passage.
        others: list of Chorale.
        steps, voices: as in `passages`.

    Notebook: 01_data_exploration
    """
    mine = passages(chorale, steps, voices)
    theirs = [passages(other, steps, voices) for other in others]
    return float(np.isin(mine, np.concatenate(theirs)).mean()) if len(mine) and theirs else 0.0


def pairwise_containment(chorales, others, steps, voices="all"):
    """float array (len(chorales), len(others)): the share (0 to 1) of each chorale's passages that stand in
    each of the others, in any transposition; 0 where the chorale is shorter than a passage.

    Args:
        chorales, others: lists of Chorale.
        steps, voices: as in `passages`.

    Notebook: 01_data_exploration
    """
    known = [np.unique(passages(other, steps, voices)) for other in others]
    owners = np.repeat(np.arange(len(others)), [len(numbers) for numbers in known])
    numbers = np.concatenate([np.zeros(0, np.uint64), *known])
    order = np.argsort(numbers, kind="stable")
    numbers, owners = numbers[order], owners[order]
    shares = np.zeros((len(chorales), len(others)))
    for row, chorale in enumerate(chorales):
        mine = passages(chorale, steps, voices)
        begins, ends = (np.searchsorted(numbers, mine, side) for side in ("left", "right"))
        if (ends > begins).any():
            holders = np.concatenate([owners[begin:end] for begin, end in zip(begins, ends)])
            shares[row] = np.bincount(holders, minlength=len(others)) / len(mine)
    return shares


def copied(chorales, training, steps=16):
    """How much of each chorale stands in others, and in itself: pandas DataFrame, a row a piece
    (index: its name).

    A chord that is held, or a cadence's last two, stand everywhere. So a passage counts only where, after its first step,
    there are at least `MOVING` steps at which some voice changes. Bach's own validation and test pieces are the control:
    they share more with his training pieces than most would think.

    Args:
        chorales: list of Chorale.
        training: list of Chorale, the pieces that may have been learnt by heart.
        steps: length in sixteenths of the passages that are counted for the shares.

    Returns:
        DataFrame with the columns longest (steps of the longest passage of four voices that stands in a training piece, in
        any transposition; 0 where none does), source (name of that training piece, None where none), share (0 to 1, of the
        piece's passages of `steps` that stand in a training piece, in any transposition) and repeated (0 to 1, of the
        same passages those that stood earlier in the piece itself, in any transposition).

    Raises:
        ValueError: `steps` is under 1.

    Notebook: 04_evaluation
    """
    import pandas as pd

    if steps < 1:
        raise ValueError(f"passages of {steps} steps: expected at least 1")
    lengths = [len(chorale) for chorale in chorales]
    shared, sources = _longest_shared(chorales, training)
    rows, end = {"longest": [], "source": [], "share": [], "repeated": []}, 0
    for chorale, length in zip(chorales, lengths):
        longest, source = shared[end : end + length], sources[end : end + length]
        end += length
        changes = np.append(
            0, np.cumsum((chorale.pitches[1:] != chorale.pitches[:-1]).any(axis=1))
        )  # up to each step
        starts = np.arange(length)
        counts = (
            longest * (changes[starts + np.maximum(longest, 1) - 1] - changes[starts] >= MOVING)
            if length
            else longest
        )
        best = counts.argmax() if length and counts.any() else None
        whole = starts[: max(0, length - steps + 1)]
        whole = whole[changes[whole + steps - 1] - changes[whole] >= MOVING]
        rows["longest"].append(0 if best is None else int(counts[best]))
        rows["source"].append(None if best is None else training[source[best]].name)
        rows["share"].append(float((longest[whole] >= steps).mean()) if len(whole) else 0.0)
        different = len(np.unique(passages(chorale, steps)[whole])) if len(whole) else 0
        rows["repeated"].append(1 - different / len(whole) if len(whole) else 0.0)
    return pd.DataFrame(rows, [chorale.name for chorale in chorales])


def _longest_shared(chorales, training):
    """For each step of all chorales, end to end: how long the longest passage is that begins there and stands in a
    training piece, in any transposition, and the number of that piece. Two int arrays (steps of all chorales,).

    The passages of 1, 2, 3... steps that begin at each step are written down as one number each, by adding to the number
    one step shorter; those that are not shared are left out from then on, so that soon there are few.
    """
    mine, theirs = _Growing(chorales), _Growing(training)
    longest, sources = np.zeros((2, len(mine.pitches)), int)
    random = np.random.default_rng(0)
    while len(mine.starts) and len(theirs.starts):
        weights = random.integers(2**64, size=len(VOICES), dtype=np.uint64)
        mine.grow(weights)
        theirs.grow(weights)
        theirs.keep(np.isin(theirs.numbers, mine.numbers))
        order = np.argsort(theirs.numbers)
        places = np.searchsorted(theirs.numbers, mine.numbers, sorter=order)
        places = order[np.minimum(places, len(order) - 1)] if len(order) else np.zeros(0, int)
        found = (
            theirs.numbers[places] == mine.numbers
            if len(order)
            else np.zeros(len(mine.numbers), bool)
        )
        mine.keep(found)
        longest[mine.starts] = mine.steps
        sources[mine.starts] = theirs.piece[theirs.starts[places[found]]] if len(order) else 0
    return longest, sources


class _Growing:
    """Passages that begin at some steps of pieces laid end to end, and grow step by step: a number for each, equal where
    one is a transposition of the other."""

    def __init__(self, chorales):
        lengths = [len(chorale) for chorale in chorales]
        self.pitches = np.concatenate(
            [np.zeros((0, len(VOICES)), np.int64), *(chorale.pitches for chorale in chorales)]
        )
        self.piece = np.repeat(np.arange(len(chorales)), lengths)
        self.ends = np.repeat(np.cumsum(lengths), lengths)  # where each step's piece ends
        self.starts = np.arange(len(self.pitches))
        self.numbers = np.zeros(len(self.pitches), np.uint64)
        self.first = np.zeros(
            len(self.pitches), np.int64
        )  # the first note that sounds, 0 until one does
        self.steps = 0

    def grow(self, weights):
        """One step more; passages that would leave their piece are dropped."""
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

    def keep(self, which):
        self.starts, self.numbers, self.first = (
            self.starts[which],
            self.numbers[which],
            self.first[which],
        )
