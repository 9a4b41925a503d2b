"""Trains phrase_gru, the shipped version.

``python -m chorale_utils.models.phrase_training FOLDER`` trains it on Bach's training pieces and on
the chorales that the split does not use, twice, from different seeds, and leaves the mixture of the
two and their checkpoints in the folder.
``python -m chorale_utils.models.model_card FOLDER --name phrase_gru`` then takes the model into the
package. If the training is interrupted, the same command carries on from the last checkpoint. It
takes half an hour on two idle cores.

Notebook: 03_model_training
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ..chorale import Chorale, as_chorales
from ..corpus.editions import Corpus, load_corpus
from ..corpus.unsplit import unsplit_chorales
from .backend import keras
from .mixture import Mixture
from .phrase_gru import PhraseGRU, phrase_gru
from .saving import COMPOSER, save_model
from .training import fit_phrases

EPOCHS = 110
MEMBERS = {"first": 1, "second": 2}  # of the mixture: folder of each training, and its seed
UNKNOWN = {"metre": 0.1, "phrases": 0.2, "key": 0.25}


def train(folder: str | os.PathLike[str], epochs: int = EPOCHS) -> Path:
    """Trains the model and returns the path of its ``.keras`` file.

    Args:
        folder: where phrase_gru.keras, phrase_gru/first and phrase_gru/second are kept; created if
            missing.
        epochs: length of each member's learning-rate cycle.
    """
    corpus = load_corpus("music21")
    members = [
        train_member(corpus, Path(folder) / "phrase_gru" / loop, epochs, seed)
        for loop, seed in MEMBERS.items()
    ]
    path = Path(folder) / "phrase_gru.keras"
    save_model(Mixture(members, name=COMPOSER), path)
    return path


def train_member(
    corpus: Corpus,
    folder: str | os.PathLike[str],
    epochs: int = EPOCHS,
    seed: int = 0,
    form: bool = True,
    struck_notes: bool = True,
    extra_chorales: bool = True,
) -> PhraseGRU:
    """One trained `PhraseGRU`, a member of the shipped mixture; the last three arguments can each
    take something away from it.

    Args:
        corpus: the music21 edition.
        folder: where the checkpoints and the history are kept.
        epochs: length of the learning-rate cycle.
        seed: of weights, dropout, passages and transpositions.
        form: whether the model reads the form.
        struck_notes: whether it learns from the struck notes of the page; otherwise a note is
            struck only where the pitch changes (see `without_struck_notes`).
        extra_chorales: whether to add the chorales outside the split (see `unsplit_chorales`) to
            the training pieces.

    Raises:
        ValueError: as in `fit_phrases`.

    Examples:
        Such a training takes many minutes, so this example is not run:

        >>> train_member(load_corpus(), "outputs/runs/mine", seed=1)  # doctest: +SKIP

    Notebook: 03_model_training
    """
    train, valid = list(corpus.train), list(corpus.valid)
    if extra_chorales:
        train += unsplit_chorales(corpus)
    if not struck_notes:
        train, valid = without_struck_notes(train), without_struck_notes(valid)
    keras.utils.set_random_seed(seed)
    model = phrase_gru(reads_form=form)
    fit_phrases(
        model,
        train,
        valid,
        epochs,
        folder,
        unknown=UNKNOWN,
        seed=seed,
        validate_every=10,
        tensorboard=False,
    )
    return model


def without_struck_notes(chorales: Chorale | Iterable[Chorale]) -> list[Chorale]:
    """The chorales without repeated notes, as in a table of sixteenths: a note is struck only where
    the pitch changes.

    Args:
        chorales: list of Chorale, or one Chorale.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> import numpy as np
        >>> struck = np.repeat(np.arange(8) % 4 == 0, 4).reshape(8, 4)
        >>> twice = Chorale(np.full((8, 4), 60), onsets=struck)
        >>> [len(piece.notes(0)) for piece in [twice, *without_struck_notes([twice])]]
        [2, 1]

    Notebook: 03_model_training
    """
    return [replace(chorale, onsets=None) for chorale in as_chorales(chorales)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    print(train(options.folder, options.epochs))
