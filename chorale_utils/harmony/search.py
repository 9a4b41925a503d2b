"""The search: the best path through local keys and chords, frame by frame.

The score of a path is a weighted sum of features: how well the notes fit each chord and key, where
in bar and phrase a chord begins and lasts, which chord follows which, and which keys follow each
other, through which pivot chord. Dynamic programming finds the best path (Viterbi 1967). The
weights were learnt from analyses by people, see `fitting`; the model is a conditional random field
(Lafferty, McCallum and Pereira 2001). Keys and chords are found together, as in Raphael and
Stoddard 2004, "Functional Harmonic Analysis Using Probabilistic Models".

Nothing depends on absolute pitch: a transposed chorale has the same path, transposed.

Notebook: 04_evaluation
"""

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..chorale import SILENCE, Chorale
from .chords import numerals, tables
from .evidence import MOTIONS, ONSETS, PLACES, Frames

WEIGHTS = Path(__file__).with_name("weights.csv")
# states kept for each frame; with 200, the best path is the same in 99.97 % of the frames
CANDIDATES = 60

# kinds of change from one frame to the next, see `Maps`
STAY, TURN, VARY, MOVE, REREAD, MODULATE = range(6)
_NEAR = 0.4  # weight of neighbouring frames in the choice of a frame's candidates
_ELSEWHERE = 100.0  # penalty for beginning or ending in another key than the requested one
_NOT = 4  # the role of a note that is not in the chord


class Maps(NamedTuple):
    """The weights that apply to each numeral and each pair of numerals, as index arrays; G
    numerals, S sonorities.

    Attributes:
        roles: name of a kind of evidence -> int (S, 12), the column of its weights for a note this
            many semitones above the root.
        classes: name -> int (G,), the column of the weights for a numeral's place.
        pairs: name -> int32 (G, G, 12), the weight for a numeral, the next numeral, and the
            semitones from the tonic of the first to that of the second; 0 if none applies.
        change: int8 (G, G, 12): `STAY` (the same), `TURN` (another inversion), `VARY` (another
            chord on the same root), `MOVE` (another chord), `REREAD` (the same chord in another
            key), `MODULATE` (another chord in another key).

    Notebook: 04_evaluation
    """

    roles: dict[str, np.ndarray]
    classes: dict[str, np.ndarray]
    pairs: dict[str, np.ndarray]
    change: np.ndarray


@cache
def maps() -> Maps:
    """The index arrays, see `Maps`.

    Notebook: 04_evaluation
    """
    chord, listed = tables(), numerals()
    degrees = sorted({(each.mode, each.degree) for each in listed})
    degree = np.array([degrees.index((each.mode, each.degree)) for each in listed])
    qualities = sorted({each.quality for each in listed})
    quality = np.array([qualities.index(each.quality) for each in listed])
    of_sonority = np.zeros(len(chord.role), int)
    of_sonority[chord.sonority] = quality
    seventh = chord.notes[chord.sonority] == 4
    minor = chord.minor.astype(int)
    classes = {
        "degree": degree,
        "sort": minor * 8 + chord.inversion * 2 + seventh,
        "sonority": chord.sonority,
    }
    roles = {
        "notes": chord.role,
        "absent": chord.role + 5 * of_sonority[:, None],
        "bass": chord.bass_role,
    }

    def first(of_numeral):
        return of_numeral[:, None, None]

    def then(of_numeral):
        return of_numeral[None, :, None]

    up = np.arange(12)
    same_key = (first(minor) == then(minor)) & (up == 0)
    root_step = (then(chord.root) + up - first(chord.root)) % 12
    bass_step = (then(chord.bass) + up - first(chord.bass)) % 12
    same_root = root_step == 0
    change = np.select(
        [
            same_key & np.eye(len(listed), dtype=bool)[:, :, None],
            same_key & same_root & (first(quality) == then(quality)),
            same_key & same_root,
            same_key,
            same_root & (first(chord.sonority) == then(chord.sonority)),
        ],
        [STAY, TURN, VARY, MOVE, REREAD],
        MODULATE,
    ).astype(np.int8)
    # the degree of a sonority, by mode and semitones above the tonic; the last if it has none
    none, size = len(degrees), len(degrees) + 1
    degree_of = np.full((2, 12, len(chord.role)), none)
    degree_of[minor[::-1], chord.root[::-1], chord.sonority[::-1]] = degree[::-1]
    in_old_key = degree_of[first(minor), (then(chord.root) + up) % 12, then(chord.sonority)]
    in_new_key = degree_of[then(minor), (first(chord.root) - up) % 12, first(chord.sonority)]
    figure = degree * 8 + chord.inversion * 2 + seventh

    def where(condition, index):
        return np.where(condition, 1 + index, 0).astype(np.int32)

    begins, leaves = change != STAY, ~same_key
    pairs = {
        "degrees": where(begins & same_key, first(degree) * size + then(degree)),
        "figures": where(begins & same_key, first(figure) * 8 * size + then(figure)),
        "qualities": where(
            begins, (first(quality) * len(qualities) + then(quality)) * 12 + root_step
        ),
        "root_steps": where(begins, then(minor) * 12 + root_step),
        "bass_steps": where(
            begins, np.select([change == TURN, change == VARY], [24, 12]) + bass_step
        ),
        "keys": where(leaves, (first(minor) * 2 + then(minor)) * 12 + up),
        "leaving": where(leaves, first(degree)),
        "arriving": where(leaves, then(degree)),
        "old_reading": where(leaves, in_old_key),
        "new_reading": where(leaves, in_new_key),
        "in_old_key": where(leaves, first(degree) * size + in_old_key),
        "in_new_key": where(leaves, in_new_key * size + then(degree)),
    }
    return Maps(roles, classes, pairs, change)


def blank() -> dict[str, np.ndarray]:
    """Initial weights by name: 0, except that notes should be in the chord, the chord complete, the
    lowest note its bass, and changes rare.

    Notebook: 04_evaluation
    """
    frames = Frames(Chorale(np.full((1, 4), SILENCE), time_signature="4/4"))
    index = maps()
    weights = {
        name: np.zeros((getattr(frames, name).shape[1], int(role.max()) + 1))
        for name, role in index.roles.items()
    }
    weights["keys"] = np.zeros((frames.keys.shape[1], 24))
    for name, of_numeral in index.classes.items():
        for verb in ("stand", "enter"):
            weights[f"{verb}_{name}"] = np.zeros(
                (frames.places.shape[1], int(of_numeral.max()) + 1)
            )
    for name, of_pair in index.pairs.items():
        weights[f"pair_{name}"] = np.zeros(int(of_pair.max()) + 1)
    weights["changes"] = np.zeros((frames.changes.shape[1], MODULATE + 1))
    weights["notes"][: MOTIONS * ONSETS, _NOT] = -1.0
    weights["absent"][PLACES] = -0.3
    weights["bass"][: MOTIONS * ONSETS, 0] = 1.0
    weights["changes"][:, TURN:] = -0.3
    weights["changes"][:, REREAD:] = -0.6
    return weights


def pair_table(weights: dict[str, np.ndarray]) -> np.ndarray:
    """float32 (G, G, 12): the score of one numeral following another, see `Maps`.

    Notebook: 04_evaluation
    """
    table = np.zeros(maps().change.shape, np.float32)
    for name, of_pair in maps().pairs.items():
        worth = weights[f"pair_{name}"].astype(np.float32)
        worth[0] = 0
        table += worth[of_pair]
    return table


class Scores:
    """The scores of the frames under the weights: T frames with N candidates each.

    Args:
        frames: Frames.
        weights: see `blank`.
        table: see `pair_table`.
        truth: int (T,), states that must be among the candidates, or None.
        key: (tonic, 0..11; whether minor) of the key in which the piece begins and ends, or None if
            unknown.
        candidates: N.

    Attributes:
        states: int (T, N): tonic (0..11) * G + number of the numeral.
        tonics, figures: int (T, N), the two parts of a state.
        fits: float32 (T, N): the score of each state in its frame.
        moves: float32 (T - 1, N, N): the score of going from state to state.
        cells: int (T - 1, N, N), the place of the pair in the flat `pair_table`.
        changes: int8 (T - 1, N, N), see `Maps`.

    Notebook: 04_evaluation
    """

    def __init__(
        self,
        frames: Frames,
        weights: dict[str, np.ndarray],
        table: np.ndarray,
        truth: np.ndarray | None = None,
        key: tuple[int, bool] | None = None,
        candidates: int = CANDIDATES,
    ) -> None:
        index, chord = maps(), tables()
        count, numbers = len(frames.starts), len(chord.root)
        sounds = sum(
            _by_root(getattr(frames, name), weights[name][:, role])
            for name, role in index.roles.items()
        )  # (T, 12, S)
        keys = _by_root(frames.keys, weights["keys"].reshape(-1, 2, 12))  # (T, 12, 2)
        stand, enter = (
            sum(
                (frames.places @ weights[f"{verb}_{name}"])[:, of_numeral]
                for name, of_numeral in index.classes.items()
            ).astype(np.float32)
            for verb in ("stand", "enter")
        )  # (T, G)
        roots = (np.arange(12)[:, None] + chord.root) % 12  # (12, G)
        fits = sounds[:, roots, chord.sonority] + keys[:, :, chord.minor.astype(int)]
        fits += stand[:, None]
        if key is not None:
            tonic, minor = key
            elsewhere = (np.arange(12)[:, None] != tonic) | (chord.minor != minor)
            fits[[0, -1]] -= _ELSEWHERE * elsewhere
        fits = fits.reshape(count, -1)
        around = fits.copy()
        around[1:] += _NEAR * fits[:-1]
        around[:-1] += _NEAR * fits[1:]
        if truth is not None:
            around[np.arange(count), truth] = np.inf
        self.states = np.argpartition(around, -candidates, axis=1)[:, -candidates:]
        self.tonics, self.figures = np.divmod(self.states, numbers)
        self.fits = np.take_along_axis(fits, self.states, axis=1)
        entering = np.take_along_axis(enter, self.figures, axis=1)
        self.fits[0] += entering[0]
        up = (self.tonics[1:, None, :] - self.tonics[:-1, :, None]) % 12
        self.cells = (self.figures[:-1, :, None] * numbers + self.figures[1:, None, :]) * 12 + up
        self.changes = index.change.ravel()[self.cells]
        shifts = (frames.changes @ weights["changes"]).astype(np.float32)
        self.moves = table.ravel()[self.cells]
        self.moves += shifts[np.arange(1, count)[:, None, None], self.changes]
        self.moves += entering[1:, None, :] * (self.changes != STAY)


def best_path(
    frames: Frames,
    key: tuple[int, bool] | None = None,
    weights: dict[str, np.ndarray] | None = None,
    table: np.ndarray | None = None,
) -> np.ndarray:
    """int (T,): the state of each frame, tonic (0..11) * G + number of the numeral, on the best
    path.

    Args:
        frames: Frames.
        key: see `Scores`.
        weights, table: see `Scores`; None takes the shipped ones.

    Notebook: 04_evaluation
    """
    if weights is None or table is None:
        weights, table = _shipped()
    scores = Scores(frames, weights, table, key=key)
    value, came_from = scores.fits[0], []
    places = np.arange(len(value))
    for fits, moves in zip(scores.fits[1:], scores.moves):
        reached = value[:, None] + moves
        came_from.append(reached.argmax(axis=0))
        value = reached[came_from[-1], places] + fits
    path = [int(value.argmax())]
    for best in reversed(came_from):
        path.append(int(best[path[-1]]))
    return scores.states[np.arange(len(scores.states)), path[::-1]]


def load_weights(path: Path = WEIGHTS) -> dict[str, np.ndarray]:
    """Learnt weights: float32 arrays with the names and shapes of `blank`.

    Args:
        path: CSV file with the columns weights (a name), place (flat index in the array) and value;
            weights that are not listed are 0.

    Raises:
        KeyError, IndexError: the file belongs to other weights.

    Notebook: 04_evaluation
    """
    weights = {name: np.zeros(value.shape, np.float32) for name, value in blank().items()}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            weights[row["weights"]].reshape(-1)[int(row["place"])] = float(row["value"])
    return weights


@cache
def _shipped():
    weights = load_weights()
    return weights, pair_table(weights)


def _by_root(seen, weights):
    """float32 (T, 12, S): evidence (T, F, 12) by pitch class, weighted relative to each root.

    Args:
        weights: float (F, S, 12), the pitch classes counted upwards from the root.
    """
    above = (np.arange(12) - np.arange(12)[:, None]) % 12  # [root, pitch class]
    turned = weights.astype(np.float32)[:, :, above].transpose(0, 3, 2, 1)  # (F, class, root, S)
    weighed = seen.reshape(len(seen), -1).astype(np.float32) @ turned.reshape(seen[0].size, -1)
    return weighed.reshape(len(seen), 12, -1)
