"""Passages: what two pieces have in common, whatever key each is in.

A passage is a run of n steps in some voices, written down so that its transpositions look alike. Pieces
that share many passages are the same music. This serves three questions: which file holds which chorale,
which chorales are near-copies of another, and how much of a generated chorale was learnt by heart.

Notebook: 01_data_exploration
"""

import numpy as np

from .chorale import SILENCE, VOICES

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
    runs = np.lib.stride_tricks.sliding_window_view(notes, steps, axis=0)  # (passages, voices, steps)
    runs = runs.transpose(0, 2, 1).reshape(len(runs), -1)                  # (passages, steps * voices)
    sounding = runs != SILENCE
    first = runs[np.arange(len(runs)), sounding.argmax(axis=1)]  # the first note, from which the others are counted
    intervals = np.where(sounding, runs - first[:, None], _REST)
    weights = np.random.default_rng(0).integers(2**64, size=runs.shape[1], dtype=np.uint64)
    return (intervals.astype(np.uint64) * weights).sum(axis=1, dtype=np.uint64)  # a multilinear hash, modulo 2**64


def share_found(chorale, others, steps, voices="all"):
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


def shares_found(chorales, others, steps, voices="all"):
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
