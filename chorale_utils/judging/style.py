"""Style: how Bach's chorales are made, as a few distributions, and how far other pieces are from
them.

A distribution is over values (intervals, chords, note lengths, ...) in contexts (a voice, a mode, a
place in the beat). `distributions` shows them; `divergence` says how far apart those of two groups
of pieces are; `surprise` says of single pieces how unlikely their values are under Bach's, which
are shipped in bach.csv, counted in his training pieces.

Notebook: 04_evaluation
"""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..chorale import VOICES
from ..files import write_atomically
from .grid import Grid

BACH = Path(__file__).with_name("bach.csv")
WIDEST = 13  # semitones: intervals beyond an octave are taken together
LONGEST = 17  # steps: notes longer than a whole note are taken together
PRIOR = 0.5  # how often every value counts as heard besides, so that nothing is impossible


class Distribution(NamedTuple):
    """What a distribution is over (`what`), its `contexts`, and its `values`, in a musician's
    words."""

    what: str
    contexts: tuple
    values: tuple


def _chord_name(chord):
    """The intervals above the bass of a chord, a number of twelve bits: such as '0 4 7'."""
    return " ".join(str(interval) for interval in range(12) if chord >> interval & 1)


def _voices_named(pattern):
    """The voices of a pattern, a number of four bits: such as 'SB'; '-' for none."""
    return (
        "".join(voice[0].upper() for number, voice in enumerate(VOICES) if pattern >> number & 1)
        or "-"
    )


DISTRIBUTIONS = {
    "intervals": Distribution(
        "semitones from note to note, 13 for more than an octave",
        VOICES,
        tuple(range(-WIDEST, WIDEST + 1)),
    ),
    "rhythm": Distribution(
        "length of a note in sixteenths, 17 for more than 16; repeated notes are one",
        VOICES,
        tuple(range(1, LONGEST + 1)),
    ),
    "degrees": Distribution(
        "semitones of a note above the tonic", ("major", "minor"), tuple(range(12))
    ),
    "chords": Distribution(
        "what stands above the lowest note, in semitones within the octave",
        ("on the beat", "off the beat"),
        tuple(_chord_name(chord) for chord in range(1, 4096, 2)),
    ),
    "changes": Distribution(
        "which voices begin a note, by sixteenth of the quarter",
        ("1st", "2nd", "3rd", "4th"),
        tuple(_voices_named(pattern) for pattern in range(16)),
    ),
    "basses": Distribution(
        "semitones upwards from the lowest note of one beat to that of the next, by what stood above it",
        tuple(_chord_name(chord) for chord in range(1, 4096, 2)),
        tuple(range(12)),
    ),
}


def distributions(chorales):
    """The distributions of some chorales taken together: dict of name (see `DISTRIBUTIONS`) -> pandas DataFrame, a row
    for each context, a column for each value that occurs, each row summing to 1.

    Args:
        chorales: list of Chorale.

    Notebook: 04_evaluation
    """
    import pandas as pd

    tables = {}
    for name, (_, context, value) in _events(Grid(chorales)).items():
        about = DISTRIBUTIONS[name]
        counts = np.bincount(
            context * len(about.values) + value, minlength=len(about.contexts) * len(about.values)
        )
        table = pd.DataFrame(counts.reshape(len(about.contexts), -1), about.contexts, about.values)
        table = table.loc[table.sum(axis=1) > 0, table.sum(axis=0) > 0]
        tables[name] = table.div(table.sum(axis=1), axis=0)
    return tables


def divergence(chorales, reference, resamples=200, seed=0):
    """How far the distributions of some chorales are from those of others: pandas DataFrame, a row for each
    distribution, columns divergence, low and high.

    The Jensen-Shannon divergence, in bits, of contexts and values together: 0 where they are the same, 1 where they
    have nothing in common (Lin 1991, "Divergence measures based on the Shannon entropy"). low and high are the 2.5 and
    97.5 percentiles over bootstrap resamples of the pieces of `chorales`, less what resampling adds on the average. Fewer
    pieces are further away by chance alone, so compare groups of about the same size, with Bach's own among them.

    Args:
        chorales, reference: lists of Chorale.
        resamples: number of bootstrap resamples.
        seed: int, of the resamples.

    Raises:
        ValueError: one of the groups has no chorales.

    Notebook: 04_evaluation
    """
    import pandas as pd

    if not chorales or not reference:
        raise ValueError(
            f"{len(chorales)} chorales against {len(reference)}: expected at least one in each group"
        )
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


def surprise(grid, bach=None):
    """(nats, events): two pandas DataFrames, a row a piece (index: its number), a column for each of `DISTRIBUTIONS`:
    how unlikely the piece's values are under Bach's distributions, -ln p summed, and how many values there are.

    Args:
        grid: `Grid` of the pieces.
        bach: dict of name -> counts (contexts, values), see `counted`; those of bach.csv unless given.

    Notebook: 04_evaluation
    """
    import pandas as pd

    bach = _shipped() if bach is None else bach
    nats, events = {}, {}
    for name, (piece, context, value) in _events(grid).items():
        events[name] = np.bincount(piece, minlength=grid.count).astype(float)
        nats[name] = np.bincount(
            piece, _nats(bach[name])[context, value], minlength=grid.count
        ).astype(float)
    return pd.DataFrame(nats), pd.DataFrame(events)


def counted(chorales):
    """How often each value occurs in each context: dict of name (see `DISTRIBUTIONS`) -> int array
    (contexts, values).

    Args:
        chorales: list of Chorale.
    """
    return {
        name: np.bincount(
            context * len(DISTRIBUTIONS[name].values) + value,
            minlength=len(DISTRIBUTIONS[name].contexts) * len(DISTRIBUTIONS[name].values),
        ).reshape(len(DISTRIBUTIONS[name].contexts), -1)
        for name, (_, context, value) in _events(Grid(chorales)).items()
    }


def write_bach(chorales, path=BACH):
    """Counts the distributions of Bach's training pieces and writes them into a CSV with columns distribution, context,
    value and count, a row for each value that occurs; returns its path.

    Args:
        chorales: list of Chorale.
        path: file to write; there whole or not at all.
    """
    import pandas as pd

    rows = []
    for name, counts in counted(chorales).items():
        about = DISTRIBUTIONS[name]
        rows += [
            (name, about.contexts[context], about.values[value], counts[context, value])
            for context, value in np.argwhere(counts)
        ]
    table = pd.DataFrame(rows, columns=["distribution", "context", "value", "count"])
    return write_atomically(path, lambda unfinished: table.to_csv(unfinished, index=False))


@lru_cache(maxsize=1)
def _shipped():
    """The counts of bach.csv, as `counted` returns them."""
    import pandas as pd

    counts = {}
    for name, rows in pd.read_csv(BACH, dtype={"context": str, "value": str}).groupby(
        "distribution"
    ):
        about = DISTRIBUTIONS[name]
        contexts, values = (
            {str(word): number for number, word in enumerate(words)}
            for words in (about.contexts, about.values)
        )
        counts[name] = np.zeros((len(contexts), len(values)), int)
        counts[name][rows["context"].map(contexts), rows["value"].map(values)] = rows["count"]
    return counts


def _nats(counts):
    """-ln p of every value in every context, by counts (contexts, values) and `PRIOR`."""
    counts = counts + PRIOR
    return -np.log(counts / counts.sum(axis=1, keepdims=True))


def _events(grid):
    """name of a distribution -> three int arrays (events,): number of the piece, of the context,
    and of the value."""
    notes = grid.notes
    piece_of_note = grid.piece[notes["start"]]
    moving = np.flatnonzero(notes["came"])
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
            np.clip(notes["came"][moving], -WIDEST, WIDEST) + WIDEST,
        ),
        "rhythm": (piece_of_note, notes["voice"], np.minimum(notes["length"], LONGEST) - 1),
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


def _jensen_shannon(counts, other):
    """float array (groups,): Jensen-Shannon divergence in bits of each row of `counts` (groups, values) and `other`
    (values,)."""
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    one, other = counts / total, np.broadcast_to(other / max(other.sum(), 1), counts.shape)
    return _entropy((one + other) / 2) - (_entropy(one) + _entropy(other)) / 2


def _entropy(shares):
    """Entropy in bits of each row."""
    return -np.sum(shares * np.log2(np.where(shares > 0, shares, 1)), axis=1)
