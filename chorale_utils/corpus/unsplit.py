"""Chorales by Bach that are in music21 but not in the split: more training data.

A piece is used if it is a chorale with fermatas and without interludes, and not a near-copy: not of
a validation or test piece, because the model would then be tested on its own training data; not of
a training piece, or of another one already used, because it would count twice.

Notebook: 01_data_exploration
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import Chorale
from ..notation.archive import load_chorales, save_chorales
from .editions import CACHE_FORMAT, Corpus, cache_folder, parse_music21, read_manifest
from .passages import pairwise_containment

if TYPE_CHECKING:
    import pandas as pd

NOT_CHORALES = ("bach/bwv846.mxl",)  # for keyboard
HELD_OUT_SHARE = 0.1  # largest share of passages in common with a validation or test piece
TRAINING_SHARE = 0.5  # the same for training pieces and others already used
SOUNDING = 0.9  # smallest share of steps in which each voice must sing: no interludes
PASSAGE = 16  # steps


def unsplit_chorales(corpus: Corpus, progress: bool = True) -> list[Chorale]:
    """The chorales by Bach outside the split that are not near-copies of its pieces.

    Args:
        corpus: the music21 edition.
        progress: whether to show a progress bar while files are parsed for the first time.

    Examples:
        >>> from chorale_utils import load_corpus
        >>> more = unsplit_chorales(load_corpus(progress=False), progress=False)
        >>> len(more), more[0]
        (14, Chorale('bwv140.7', 272 steps, E- major, 4/4))

    Notebook: 01_data_exploration
    """
    chorales = _parsed(progress)
    taken = unsplit_report(corpus, chorales)["taken"]
    return [chorale for chorale, wanted in zip(chorales, taken) if wanted]


def unsplit_report(corpus: Corpus, chorales: list[Chorale] | None = None) -> pd.DataFrame:
    """The pieces found outside the split, and whether each is used and why: pandas DataFrame with
    one row per file (index: its name).

    Args:
        corpus: the music21 edition.
        chorales: the chorales in the files; None parses them.

    Returns:
        DataFrame with the columns held_out and training (the largest share of passages of four
        voices and 16 steps, in any transposition, in common with one validation or test piece, and
        with one training piece; a share of the file's passages or of the other piece's, whichever
        is greater), nearest (name of that validation or test piece, or None), before (the same
        share with a file above that is used), sounding (smallest share of steps in which one of the
        four voices sings), fermatas (whether it has any), and taken (whether it is used).

    Examples:
        >>> scale = Chorale([[60 + step, 55, 52, 48] for step in range(20)], name="scale")
        >>> held = Chorale([[72, 67, 64, 48]] * 20, name="held")
        >>> corpus = Corpus(train=[held], valid=[scale], test=[])
        >>> unsplit_report(corpus, [scale])[["held_out", "nearest", "training", "taken"]]
               held_out nearest  training  taken
        scale       1.0   scale       0.0  False

    Notebook: 01_data_exploration
    """
    import pandas as pd

    chorales = _parsed(True) if chorales is None else chorales
    held_out = [*corpus.valid, *corpus.test]
    shares = _in_common(chorales, held_out)
    own = _in_common(chorales, chorales)
    table = pd.DataFrame(
        {
            "held_out": shares.max(axis=1),
            "nearest": [held_out[place].name for place in shares.argmax(axis=1)],
            "training": _in_common(chorales, corpus.train).max(axis=1),
            "before": 0.0,
            "sounding": [(chorale.pitches > 0).mean(axis=0).min() for chorale in chorales],
            "fermatas": [
                chorale.fermatas is not None and bool(chorale.fermatas.any())
                for chorale in chorales
            ],
        },
        index=[chorale.name for chorale in chorales],
    )
    table["nearest"] = table["nearest"].where(table["held_out"] > 0)
    wanted = (
        (table["held_out"] <= HELD_OUT_SHARE)
        & (table["training"] <= TRAINING_SHARE)
        & (table["sounding"] >= SOUNDING)
        & table["fermatas"]
    ).to_numpy(copy=True)
    for number in range(len(chorales)):
        before = own[number, :number][wanted[:number]].max(initial=0.0)
        table.loc[table.index[number], "before"] = before
        wanted[number] &= before <= TRAINING_SHARE
    return table.assign(taken=wanted)


def _in_common(chorales, others):
    return np.maximum(
        pairwise_containment(chorales, others, PASSAGE),
        pairwise_containment(others, chorales, PASSAGE).T,
    )


def _parsed(progress):
    """The chorales in the files outside the manifest, from their cache."""
    from importlib.metadata import version

    from music21.common import getCorpusFilePath

    folder = Path(getCorpusFilePath()) / "bach"
    files = {f"bach/{file.name}" for file in folder.iterdir() if file.suffix == ".mxl"}
    files -= {*read_manifest()["file"].dropna(), *NOT_CHORALES}
    cache = cache_folder() / f"unsplit-{version('music21')}-{len(files)}-{CACHE_FORMAT}.npz"
    if cache.exists():
        return load_chorales(cache)
    tasks = [
        {"file": file, "name": PurePosixPath(file).stem, "repeats": "written"}
        for file in sorted(files)
    ]
    chorales = parse_music21(tasks, progress)
    cache.parent.mkdir(parents=True, exist_ok=True)
    save_chorales(chorales, cache)
    return chorales
