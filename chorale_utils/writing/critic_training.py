"""Trains the critic that is shipped for phrase_gru.

``python -m chorale_utils.writing.critic_training`` has phrase_gru fill the forms of Bach's training
pieces, under the rules of `compose` and without a critic, and trains a critic to tell the results
from Bach's own. It takes about ten minutes on two cores and reads neither validation nor test
pieces.

Notebook: 03_model_training
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..chorale import Chorale
from ..corpus.editions import load_corpus
from ..files import write_atomically
from ..form import Form
from ..models.backend import keras
from ..models.critic import critic, fit_critic
from ..models.saving import PRETRAINED, load_model
from .composing import RULES
from .generation import generate

TIMES, EPOCHS, SEED = 6, 10, 0  # pieces per form; epochs and seed of the critic's training
SIDE_BY_SIDE = 56  # pieces written at a time


def ship(
    path: Path = PRETRAINED / "phrase_gru_critic.keras",
    times: int = TIMES,
    epochs: int = EPOCHS,
    pieces: int | None = None,
    **sizes: Any,
) -> Path:
    """Writes the pieces, trains the critic and saves it; returns its path.

    Args:
        path: path of the critic's ``.keras`` file, which is replaced only once the new one is
            complete.
        times: number of pieces written for each form.
        epochs: see `fit_critic`.
        pieces: number of Bach's training pieces to use; None for all.
        sizes: sizes of the `Critic`.
    """
    bach = [each for each in load_corpus("music21").train if ends_under_a_fermata(each)][:pieces]
    written = imitations(bach, times)
    keras.utils.set_random_seed(SEED)
    model = critic(**sizes)
    history = fit_critic(model, bach, written, epochs, seed=SEED, verbose=2)
    print(f"{len(written)} pieces; loss {history['loss'].iloc[-1]:.3f}", file=sys.stderr)
    return write_atomically(path, model.save)


def ends_under_a_fermata(chorale: Chorale) -> bool:
    """Whether a chorale's last step is under a fermata, so that its form is known to the end."""
    return chorale.fermatas is not None and bool(chorale.fermatas[-1])


def imitations(bach: list[Chorale], times: int) -> list[Chorale]:
    """The pieces that phrase_gru writes to the forms of these chorales, `times` for each."""
    model = load_model("phrase_gru")
    forms = sorted((Form.of(chorale) for chorale in bach), key=len)
    batches = [forms[at : at + SIDE_BY_SIDE] for at in range(0, len(forms), SIDE_BY_SIDE)] * times
    return [
        piece
        for number, batch in enumerate(tqdm(batches, unit="batch", file=sys.stderr))
        for piece in generate(
            model,
            len(batch),
            form=batch,
            seed=number,
            progress=False,
            **RULES,
        )
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    print(ship(epochs=parser.parse_args().epochs))
