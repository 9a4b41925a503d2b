"""Trains phrase_gru, the shipped version.

``python -m chorale_utils.models.phrase_training FOLDER`` trains it on Bach's training pieces and on
the chorales that the split does not use, and leaves the model and its checkpoint in the folder.
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
from .phrase_gru import phrase_gru
from .saving import save_model
from .training import fit_phrases

EPOCHS, SEED = 130, 1
UNKNOWN = {"metre": 0.1, "phrases": 0.2, "key": 0.25}


def train(folder: str | os.PathLike[str], epochs: int = EPOCHS) -> Path:
    """Trains the model and returns the path of its ``.keras`` file.

    Args:
        folder: where phrase_gru.keras and phrase_gru/cycle are kept; created if missing.
        epochs: length of the learning-rate cycle.
    """
    corpus = load_corpus("music21")
    keras.utils.set_random_seed(SEED)
    model = phrase_gru()
    fit_phrases(
        model,
        corpus.train + unsplit_chorales(corpus),
        corpus.valid,
        epochs,
        Path(folder) / "phrase_gru" / "cycle",
        unknown=UNKNOWN,
        seed=SEED,
        validate_every=10,
        tensorboard=False,
    )
    path = Path(folder) / "phrase_gru.keras"
    save_model(model, path)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    options = parser.parse_args()
    print(train(options.folder, options.epochs))
