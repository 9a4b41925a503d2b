"""Trains the critic that is shipped for phrase_gru.

``python -m chorale_utils.writing.critic_training`` lets phrase_gru write, without a critic and
under the rules of `compose`, into the forms of Bach's training pieces, and trains a critic to tell
these pieces from Bach's training pieces. It takes some ten minutes on two cores. Neither validation
nor test pieces are looked at.

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

TIMES, EPOCHS, SEED = 6, 10, 0  # pieces for each form; of the critic's training
SIDE_BY_SIDE = 56  # pieces that are written at a time


def ship(
    path: Path = PRETRAINED / "phrase_gru_critic.keras",
    times: int = TIMES,
    epochs: int = EPOCHS,
    pieces: int | None = None,
    **sizes: Any,
) -> Path:
    """Writes, trains, and saves the critic; returns its path.

    Args:
        path: of the critic's ``.keras`` file; it is there whole or as it was before.
        times: how many pieces are written into each form.
        epochs: see `fit_critic`.
        pieces: how many of Bach's training pieces are taken; None for all.
        sizes: of the `Critic`.
    """
    bach = [each for each in load_corpus("music21").train if ends_under_a_fermata(each)][:pieces]
    written = imitations(bach, times)
    keras.utils.set_random_seed(SEED)
    model = critic(**sizes)
    history = fit_critic(model, bach, written, epochs, seed=SEED, verbose=2)
    print(f"{len(written)} pieces; loss {history['loss'].iloc[-1]:.3f}", file=sys.stderr)
    return write_atomically(path, model.save)


def ends_under_a_fermata(chorale: Chorale) -> bool:
    """Whether a chorale's form is known to its end."""
    return chorale.fermatas is not None and bool(chorale.fermatas[-1])


def imitations(bach: list[Chorale], times: int) -> list[Chorale]:
    """What phrase_gru writes into the forms of these chorales, so many times into each."""
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
