"""Fitting: learning the weights of the analysis from analyses by people.

The weights maximise the conditional likelihood of the analysts' paths among all paths, with Adam
(Kingma and Ba 2015) and an L2 penalty that pulls each weight towards its initial value. Nothing
here is needed to analyse a chorale.

Notebook: 04_evaluation
"""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from ..chorale import Chorale
from .agreement import Aligned
from .chords import MODES, QUALITIES, numerals, parse_key, tables
from .evidence import Frames
from .romantext import canonical, sounding
from .search import STAY, Scores, blank, maps, pair_table

EPOCHS = 10
BATCH = 4  # pieces
RATE = 0.03  # Adam's learning rate; it falls to a tenth of this
RIDGE = 0.1
SEED = 0
_MOMENTA = (0.9, 0.99)


class Example:
    """A chorale to learn from.

    Args:
        chorale: Chorale, as written.
        heard: a person's analysis of it.

    Attributes:
        frames: Frames of the analysed part.
        truth: int (T,), the state in each frame, see `search.Scores`.

    Notebook: 04_evaluation
    """

    def __init__(self, chorale: Chorale, heard: Aligned) -> None:
        covered = np.flatnonzero(heard.which >= 0)
        begin, end = covered[0], covered[-1] + 1
        self.frames = Frames(chorale.excerpt(begin, end))
        states = np.array([_state(each.figure, each.key) for each in heard.readings])
        tonics, figures = np.divmod(states, len(numerals()))
        states = (tonics + heard.transposed) % 12 * len(numerals()) + figures
        self.truth = states[heard.which[begin:end][self.frames.starts]]


@cache
def _state(figure, key):
    """The state of a figure in a key; the one that sounds most similar if `numerals` lacks it."""
    fifths, minor = parse_key(key)
    tonic = fifths * 7 % 12
    notes, root, bass = sounding(figure, key)
    chord, distances = tables(), []
    for number, each in enumerate(numerals()):
        if (each.mode, each.figure) == (MODES[minor], canonical(figure)):
            return tonic * len(numerals()) + number
        own = {(tonic + each.root + above) % 12 for above in QUALITIES[each.quality]}
        distances.append(
            len(own ^ notes)
            + 2 * ((tonic + each.root) % 12 != root)
            + 1.5 * ((tonic + chord.bass[number]) % 12 != bass)
            + 9 * (each.mode != MODES[minor])
            + 0.1 * ("/" in each.figure)
        )
    return tonic * len(numerals()) + int(np.argmin(distances))


def fitted(
    examples: Sequence[Example],
    epochs: int = EPOCHS,
    ridge: float = RIDGE,
    seed: int = SEED,
    report: Callable[[str], None] | None = None,
) -> dict[str, np.ndarray]:
    """Weights (by name, see `search.blank`) fitted to the examples: the mean over the second half
    of the epochs.

    Args:
        examples: the training examples.
        epochs: number of passes over the examples.
        ridge: strength of the L2 penalty on the distance from the initial weights.
        seed: for the order of the examples.
        report: called with a line of text after each epoch.

    Notebook: 04_evaluation
    """
    random, pairs = np.random.default_rng(seed), maps().pairs
    weights, origin = blank(), blank()
    first, second, mean = (
        {name: np.zeros_like(value) for name, value in weights.items()} for _ in range(3)
    )
    step = averaged = 0
    for epoch in range(epochs):
        order, likelihood = random.permutation(len(examples)), 0.0
        rate = RATE * min(1.0, 2.1 - 2 * epoch / epochs)
        for begin in range(0, len(order), BATCH):
            chosen = order[begin : begin + BATCH]
            slopes = {name: np.zeros_like(value) for name, value in weights.items()}
            table = pair_table(weights)
            in_table = np.zeros(table.size)
            for number in chosen:
                likelihood += _climb(examples[number], weights, table, slopes, in_table)
            touched = np.flatnonzero(in_table)
            for name, of_pair in pairs.items():
                slopes[f"pair_{name}"] += np.bincount(
                    of_pair.ravel()[touched], in_table[touched], len(slopes[f"pair_{name}"])
                )
            step += 1
            for name, value in weights.items():
                slope = slopes[name] / len(chosen) - ridge * (value - origin[name])
                first[name] += (1 - _MOMENTA[0]) * (slope - first[name])
                second[name] += (1 - _MOMENTA[1]) * (slope**2 - second[name])
                size = np.sqrt(second[name] / (1 - _MOMENTA[1] ** step)) + 1e-6
                value += rate * first[name] / (1 - _MOMENTA[0] ** step) / size
            if epoch >= epochs // 2:
                averaged += 1
                for name, value in weights.items():
                    mean[name] += (value - mean[name]) / averaged
        if report:
            frames = sum(len(example.truth) for example in examples)
            report(f"epoch {epoch + 1}: log-likelihood {likelihood / frames:.4f} per frame")
    return mean


def _climb(example, weights, table, slopes, in_table):
    """The log-likelihood of an example's true path. Adds its derivatives with respect to the
    weights to `slopes`, by name, and those with respect to the flat pair table to `in_table`."""
    frames, truth, index, chord = example.frames, example.truth, maps(), tables()
    count, numbers, steps = len(truth), len(chord.root), np.arange(len(truth))
    scores = Scores(frames, weights, table, truth)
    true = (scores.states == truth[:, None]).argmax(axis=1)
    likelihood = scores.fits[steps, true].sum(dtype=float)
    likelihood += scores.moves[steps[:-1], true[:-1], true[1:]].sum(dtype=float)
    single, both, normaliser = _marginals(scores.fits.astype(float), scores.moves.astype(float))
    single, both = -single, -both  # true minus expected
    single[steps, true] += 1
    both[steps[:-1], true[:-1], true[1:]] += 1
    in_table += np.bincount(scores.cells.ravel(), both.ravel(), in_table.size)
    changes = weights["changes"].shape[1]
    cells = steps[:-1, None, None] * changes + scores.changes
    shifts = np.bincount(cells.ravel(), both.ravel(), (count - 1) * changes)
    slopes["changes"] += frames.changes[1:].T @ shifts.reshape(-1, changes)
    states = np.zeros((count, 12 * numbers))
    np.put_along_axis(states, scores.states, single, axis=1)
    states = states.reshape(count, 12, numbers)
    arrivals = np.vstack([single[:1], (both * (scores.changes != STAY)).sum(axis=1)])
    cells = steps[:, None] * numbers + scores.figures
    entering = np.bincount(cells.ravel(), arrivals.ravel(), count * numbers)
    for verb, by_numeral in (
        ("stand", states.sum(axis=1)),
        ("enter", entering.reshape(count, numbers)),
    ):
        for name, of_numeral in index.classes.items():
            of_places = frames.places.T @ by_numeral  # (F, G)
            _add_columns(slopes[f"{verb}_{name}"], of_places, of_numeral)
    roots = (np.arange(12)[:, None] + chord.root) % 12
    cells = (steps[:, None, None] * 12 + roots) * len(chord.role) + chord.sonority
    sounds = np.bincount(cells.ravel(), states.ravel(), count * 12 * len(chord.role))
    for name, role in index.roles.items():
        per_note = _from_roots(getattr(frames, name), sounds.reshape(count, 12, -1))
        _add_columns(slopes[name], per_note.reshape(len(per_note), -1), role.ravel())
    modes = np.stack([states[:, :, chord.minor == mode].sum(axis=2) for mode in (False, True)], 2)
    slopes["keys"] += _from_roots(frames.keys, modes).reshape(-1, 24)
    return likelihood - normaliser


def _marginals(fits, moves):
    """Probabilities of each state (T, N) and each pair of states (T - 1, N, N) among all paths, and
    the logarithm of the sum over all paths: the scaled forward-backward algorithm (Rabiner
    1989)."""
    count = len(fits)
    peaks = fits.max(axis=1, keepdims=True)
    tops = moves.max(axis=(1, 2), keepdims=True, initial=-np.inf)
    emit, move = np.exp(fits - peaks), np.exp(moves - tops)
    forward, backward, scale = np.empty_like(emit), np.ones_like(emit), np.empty(count)
    for place in range(count):
        reached = forward[place - 1] @ move[place - 1] if place else 1.0
        forward[place] = reached * emit[place]
        scale[place] = forward[place].sum()
        forward[place] /= scale[place]
    for place in range(count - 2, -1, -1):
        ahead = emit[place + 1] * backward[place + 1] / scale[place + 1]
        backward[place] = move[place] @ ahead
    ahead = emit[1:] * backward[1:] / scale[1:, None]
    both = move * forward[:-1, :, None] * ahead[:, None, :]
    return forward * backward, both, np.log(scale).sum() + peaks.sum() + tops.sum()


def _from_roots(seen, slopes):
    """float (F, S, 12): derivatives with respect to the weights, from those with respect to the
    result of `search._by_root`."""
    above = (np.arange(12) - np.arange(12)[:, None]) % 12  # [root, pitch class]
    flat = seen.reshape(len(seen), -1).T @ slopes.reshape(len(slopes), -1)
    flat = flat.reshape(seen.shape[1], 12, 12, -1)  # (F, pitch class, root, S)
    turned = np.zeros((seen.shape[1], slopes.shape[2], 12))
    for root in range(12):
        turned[:, :, above[root]] += flat[:, :, root].transpose(0, 2, 1)
    return turned


def _add_columns(slopes, values, columns):
    """Adds each column of the values (F, C) to its column of `slopes` (F, R)."""
    features, size = slopes.shape
    cells = np.arange(features)[:, None] * size + columns
    slopes += np.bincount(cells.ravel(), values.ravel(), features * size).reshape(slopes.shape)
