"""Style: Bach's chorales as a few distributions, and how far other pieces are from them.

A distribution is over values (intervals, chords, note lengths...) in contexts (a voice, a mode, a
place in the beat).

Measures: `distributions` are the shares of the values; `divergence` is the distance between the
distributions of two groups of pieces; `surprise` says how unlikely the values of a single piece are
under Bach's distributions. The counts of his training pieces are shipped in bach.csv.

Notebook: 04_evaluation
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import VOICES, Chorale, as_chorales
from ..files import write_atomically
from .grid import Grid

if TYPE_CHECKING:
    import pandas as pd

BACH = Path(__file__).with_name("bach.csv")
WIDEST_INTERVAL = 13  # semitones: stands for all intervals beyond an octave
LONGEST_NOTE = 17  # steps: stands for all notes longer than a whole note
PSEUDOCOUNT = 0.5  # added to the count of each value, so that nothing is impossible


class Distribution(NamedTuple):
    """A distribution: what it is over (`what`), its `contexts`, and its `values`, in a musician's
    words.

    Examples:
        >>> DISTRIBUTIONS["degrees"].what, DISTRIBUTIONS["degrees"].contexts
        ('semitones of a note above the tonic', ('major', 'minor'))

    Notebook: 04_evaluation
    """

    what: str
    contexts: tuple[str, ...]
    values: tuple[int, ...] | tuple[str, ...]


def _chord_name(chord: int) -> str:
    """The intervals of a chord (a twelve-bit number) above the bass, such as '0 4 7'."""
    return " ".join(str(interval) for interval in range(12) if chord >> interval & 1)


def _voice_initials(pattern: int) -> str:
    """The initials of the voices in a pattern (a four-bit number), such as 'SB'; '-' for none."""
    initials = [voice[0].upper() for number, voice in enumerate(VOICES) if pattern >> number & 1]
    return "".join(initials) or "-"


DISTRIBUTIONS = {
    "intervals": Distribution(
        "semitones from note to note, 13 for more than an octave",
        VOICES,
        tuple(range(-WIDEST_INTERVAL, WIDEST_INTERVAL + 1)),
    ),
    "rhythm": Distribution(
        "length of a note in sixteenths, 17 for more than 16; repeated notes count as one",
        VOICES,
        tuple(range(1, LONGEST_NOTE + 1)),
    ),
    "degrees": Distribution(
        "semitones of a note above the tonic", ("major", "minor"), tuple(range(12))
    ),
    "chords": Distribution(
        "intervals above the lowest note, in semitones within the octave",
        ("on the beat", "off the beat"),
        tuple(_chord_name(chord) for chord in range(1, 4096, 2)),
    ),
    "changes": Distribution(
        "which voices begin a note, by sixteenth of the quarter",
        ("1st", "2nd", "3rd", "4th"),
        tuple(_voice_initials(pattern) for pattern in range(16)),
    ),
    "basses": Distribution(
        "semitones upwards from the lowest note of one beat to that of the next, by the chord "
        "above it",
        tuple(_chord_name(chord) for chord in range(1, 4096, 2)),
        tuple(range(12)),
    ),
}


def distributions(chorales: Chorale | Iterable[Chorale]) -> dict[str, pd.DataFrame]:
    """The distributions of some chorales together: dict of name (see `DISTRIBUTIONS`) -> pandas
    DataFrame with one row per context and one column per value that occurs. Each row sums to 1.

    Args:
        chorales: list of Chorale, or one Chorale.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> cadence = Chorale([[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4, key="C major")
        >>> distributions(cadence)["intervals"]
                  -7    1    2
        soprano  0.0  1.0  0.0
        tenor    0.0  0.0  1.0
        bass     1.0  0.0  0.0

    Notebook: 04_evaluation
    """
    import pandas as pd

    tables = {}
    for name, counts in count_values(chorales).items():
        about = DISTRIBUTIONS[name]
        table = pd.DataFrame(counts, about.contexts, about.values)
        table = table.loc[table.sum(axis=1) > 0, table.sum(axis=0) > 0]
        tables[name] = table.div(table.sum(axis=1), axis=0)
    return tables


def divergence(
    chorales: Chorale | Iterable[Chorale],
    reference: Chorale | Iterable[Chorale],
    resamples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """How far the distributions of some chorales are from those of others: pandas DataFrame with
    one row per distribution and columns divergence, low and high.

    The measure is the Jensen-Shannon divergence, in bits, of contexts and values together: 0 if
    they are the same, 1 if they have nothing in common (Lin 1991, "Divergence measures based on the
    Shannon entropy"). low and high are the 2.5th and 97.5th percentiles over bootstrap resamples of
    the pieces in `chorales`, minus the bias that resampling adds. A smaller group is further away
    by chance alone, so compare groups of about the same size, with Bach's own among them.

    Args:
        chorales, reference: lists of Chorale, or one Chorale.
        resamples: number of bootstrap resamples.
        seed: int, for the resamples.

    Raises:
        ValueError: one of the groups has no chorales, or `resamples` is below 1.
        TypeError: something other than chorales.

    Examples:
        >>> cadence = Chorale([[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4, key="C major")
        >>> faster = Chorale([[71, 67, 62, 55]] * 2 + [[72, 67, 64, 48]] * 2, key="C major")
        >>> divergence(cadence, faster)["divergence"].round(3)[["intervals", "rhythm"]].tolist()
        [0.0, 1.0]

    Notebook: 04_evaluation
    """
    import pandas as pd

    chorales, reference = as_chorales(chorales), as_chorales(reference)
    if not chorales or not reference:
        raise ValueError(
            f"{len(chorales)} chorales and {len(reference)} for reference: expected at least one "
            f"in each group"
        )
    if resamples < 1:
        raise ValueError(f"resamples={resamples!r}: expected at least 1")
    random = np.random.default_rng(seed)
    weights = np.vstack(
        [
            np.ones(len(chorales)),
            random.multinomial(
                len(chorales), np.full(len(chorales), 1 / len(chorales)), size=resamples
            ),
        ]
    )
    theirs, rows = _events(Grid(reference)), {}
    for name, (piece, context, value) in _events(Grid(chorales)).items():
        width = len(DISTRIBUTIONS[name].values)
        mine, others = context * width + value, theirs[name][1] * width + theirs[name][2]
        codes = np.unique(np.concatenate([mine, others]))
        counts = np.bincount(
            piece * len(codes) + np.searchsorted(codes, mine), minlength=len(chorales) * len(codes)
        )
        other = np.bincount(np.searchsorted(codes, others), minlength=len(codes))
        first, *again = _jensen_shannon(weights @ counts.reshape(len(chorales), -1), other)
        rows[name] = (first, *(np.percentile(again, [2.5, 97.5]) + first - np.mean(again)).clip(0))
    return pd.DataFrame.from_dict(rows, orient="index", columns=["divergence", "low", "high"])


def surprise(
    grid: Grid, bach: dict[str, np.ndarray] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How unlikely the values of each piece are under Bach's distributions: (nats, events), two
    pandas DataFrames with one row per piece (index: its number) and one column for each of
    `DISTRIBUTIONS`: the surprisal -ln p, summed over the piece's values, and the number of values.

    Args:
        grid: `Grid` of the pieces.
        bach: counts by name, as from `count_values`; None takes those of bach.csv.

    Examples:
        >>> cadence = Chorale([[71, 67, 62, 55]] * 4 + [[72, 67, 64, 48]] * 4, key="C major")
        >>> leaping = Chorale([[60, 67, 62, 55]] * 4 + [[81, 67, 64, 48]] * 4, key="C major")
        >>> nats, events = surprise(Grid([cadence, leaping]))
        >>> events["intervals"].tolist()
        [3.0, 3.0]
        >>> bool(nats.loc[0, "intervals"] < nats.loc[1, "intervals"])
        True

    Notebook: 04_evaluation
    """
    import pandas as pd

    bach = _bach_counts() if bach is None else bach
    nats, events = {}, {}
    for name, (piece, context, value) in _events(grid).items():
        events[name] = np.bincount(piece, minlength=grid.count).astype(float)
        nats[name] = np.bincount(
            piece, _nats(bach[name])[context, value], minlength=grid.count
        ).astype(float)
    return pd.DataFrame(nats), pd.DataFrame(events)


def count_values(chorales: Chorale | Iterable[Chorale]) -> dict[str, np.ndarray]:
    """How often each value occurs in each context: dict of name (see `DISTRIBUTIONS`) -> int array
    (contexts, values).

    Args:
        chorales: list of Chorale, or one Chorale.

    Examples:
        >>> chord = Chorale([[72, 67, 64, 48]] * 4, key="C major")
        >>> count_values(chord)["degrees"]
        array([[2, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0],
               [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]])
    """
    counts = {}
    for name, (_, context, value) in _events(Grid(chorales)).items():
        shape = len(DISTRIBUTIONS[name].contexts), len(DISTRIBUTIONS[name].values)
        counts[name] = np.bincount(
            context * shape[1] + value, minlength=shape[0] * shape[1]
        ).reshape(shape)
    return counts


def write_bach(chorales: Chorale | Iterable[Chorale], path: str | os.PathLike[str] = BACH) -> Path:
    """Counts the distributions of Bach's training pieces and writes them into a CSV with columns
    distribution, context, value and count, one row per value that occurs; returns its path.

    Args:
        chorales: list of Chorale, or one Chorale.
        path: file to write. It is written completely or not at all.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     file = write_bach(Chorale([[72, 67, 64, 48]] * 4), Path(folder, "counts.csv"))
        ...     print(file.read_text().splitlines()[:2])
        ['distribution,context,value,count', 'rhythm,soprano,4,1']
    """
    import pandas as pd

    rows = []
    for name, counts in count_values(chorales).items():
        about = DISTRIBUTIONS[name]
        rows += [
            (name, about.contexts[context], about.values[value], counts[context, value])
            for context, value in np.argwhere(counts)
        ]
    table = pd.DataFrame(rows, columns=["distribution", "context", "value", "count"])
    return write_atomically(path, lambda unfinished: table.to_csv(unfinished, index=False))


@lru_cache(maxsize=1)
def _bach_counts() -> dict[str, np.ndarray]:
    """The counts of bach.csv, as `count_values` returns them."""
    import pandas as pd

    counts = {}
    table = pd.read_csv(BACH, dtype={"context": "str", "value": "str"})
    for name, about in DISTRIBUTIONS.items():
        rows = table[table["distribution"] == name]
        contexts, values = (
            {str(word): number for number, word in enumerate(words)}
            for words in (about.contexts, about.values)
        )
        counts[name] = np.zeros((len(contexts), len(values)), int)
        counts[name][rows["context"].map(contexts), rows["value"].map(values)] = rows["count"]
    return counts


def _nats(counts: np.ndarray) -> np.ndarray:
    """-ln p of every value in every context, from counts (contexts, values) and `PSEUDOCOUNT`."""
    counts = counts + PSEUDOCOUNT
    return -np.log(counts / counts.sum(axis=1, keepdims=True))


def _events(grid: Grid) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The values that the distributions count: name -> three int arrays (events,), the numbers of
    piece, context and value."""
    notes = grid.notes
    piece_of_note = grid.piece[notes["start"]]
    moving = np.flatnonzero(notes["approached"])
    tonics, minor = grid.keys
    struck = np.flatnonzero(grid.arrives.any(axis=1))
    patterns = grid.arrives @ (1 << np.arange(len(VOICES)))
    beats = np.flatnonzero(grid.place == 0)
    here, there = beats[:-1], beats[1:]
    follow = (
        (grid.piece[here] == grid.piece[there]) & (grid.lowest[here] > 0) & (grid.lowest[there] > 0)
    )
    here, there = here[follow], there[follow]
    return {
        "intervals": (
            piece_of_note[moving],
            notes["voice"][moving],
            np.clip(notes["approached"][moving], -WIDEST_INTERVAL, WIDEST_INTERVAL)
            + WIDEST_INTERVAL,
        ),
        "rhythm": (piece_of_note, notes["voice"], np.minimum(notes["length"], LONGEST_NOTE) - 1),
        "degrees": (
            piece_of_note,
            minor[piece_of_note].astype(int),
            (notes["pitch"] - tonics[piece_of_note]) % 12,
        ),
        "chords": (
            grid.piece[struck],
            (grid.place[struck] > 0).astype(int),
            grid.chord[struck] >> 1,
        ),
        "changes": (grid.piece, grid.place, patterns),
        "basses": (
            grid.piece[here],
            grid.chord[here] >> 1,
            (grid.lowest[there] - grid.lowest[here]) % 12,
        ),
    }


def _jensen_shannon(counts: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float array (groups,): the Jensen-Shannon divergence in bits between each row of `counts`
    (groups, values) and `other` (values,)."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    one, other = counts / total, np.broadcast_to(other / max(other.sum(), 1), counts.shape)
    return _entropy((one + other) / 2) - (_entropy(one) + _entropy(other)) / 2


def _entropy(shares: np.ndarray) -> np.ndarray:
    """Entropy in bits of each row."""
    return -np.sum(shares * np.log2(np.where(shares > 0, shares, 1)), axis=1)
