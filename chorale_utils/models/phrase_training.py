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
from pathlib import Path

from ..corpus.editions import load_corpus
from ..corpus.unsplit import unsplit_chorales
from .backend import keras
from .mixture import Mixture
from .phrase_gru import phrase_gru
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
    members = []
    for loop, seed in MEMBERS.items():
        keras.utils.set_random_seed(seed)
        members.append(phrase_gru())
        fit_phrases(
            members[-1],
            corpus.train + unsplit_chorales(corpus),
            corpus.valid,
            epochs,
            Path(folder) / "phrase_gru" / loop,
            unknown=UNKNOWN,
            seed=seed,
            validate_every=10,
            tensorboard=False,
        )
    path = Path(folder) / "phrase_gru.keras"
    save_model(Mixture(members, name=COMPOSER), path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    print(train(options.folder, options.epochs))
