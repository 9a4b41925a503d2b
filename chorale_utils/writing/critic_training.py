"""Trains the critic that is shipped for phrase_gru.

``python -m chorale_utils.writing.critic_training FOLDER`` has phrase_gru write into the forms of
Bach's training pieces, under the rules of `compose`, and fits a critic that tells the results from
Bach's own pieces. Then phrase_gru writes again, steered by this critic, and a second critic learns
what the first one missed; and so on for a few rounds. The critic of each round is kept in the
folder: if the training is interrupted, the same command carries on with the next round. It takes a
quarter of an hour on two cores and reads neither validation nor test pieces.

Notebook: 03_model_training
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from ..chorale import Chorale
from ..corpus.editions import load_corpus
from ..files import write_atomically
from ..form import Form
from ..models.backend import keras
from ..models.critic import Critic, fit_critic
from ..models.saving import PRETRAINED, ModelLike, as_model
from ..notation.page import expand_repeats
from .composing import RULES
from .generation import generate

SIDE_BY_SIDE = 75  # pieces written at a time


class Round(NamedTuple):
    """What one critic is fitted to.

    Attributes:
        times: number of pieces written to each form.
        particles: number of candidates for each piece.
        penalty: see `fit_critic`.
    """

    times: int
    particles: int
    penalty: float


ROUNDS = (Round(4, 1, 0.01), *[Round(2, 16, 0.03)] * 3)


def train(
    folder: str | os.PathLike[str],
    model: ModelLike = "phrase_gru",
    rounds: Sequence[Round] = ROUNDS,
    pieces: int | None = None,
) -> Path:
    """Trains the critic and returns the path of its ``.keras`` file.

    Args:
        folder: where the critics of all rounds are kept; created if missing.
        model: the writer, a model that takes a form.
        rounds: what is done, in this order.
        pieces: number of Bach's training pieces to use; None for all.
    """
    bach = [each for each in load_corpus("music21").train if ends_under_a_fermata(each)][:pieces]
    critic: Critic | None = None
    for number, each in enumerate(rounds, start=1):
        path = Path(folder) / f"critic_{number}.keras"
        if not path.is_file():
            written = imitations(model, bach, each.times, critic, each.particles, seed=number)
            found = fit_critic(bach, written, each.penalty)
            write_atomically(path, (found if critic is None else critic.plus(found)).save)
        critic = keras.saving.load_model(path, compile=False)
    return path


def ends_under_a_fermata(chorale: Chorale) -> bool:
    """Whether a chorale's last step is under a fermata, so that its form is known to the end."""
    return chorale.fermatas is not None and bool(chorale.fermatas[-1])


def imitations(
    model: ModelLike,
    bach: Sequence[Chorale],
    times: int,
    critic: Critic | None = None,
    particles: int = 1,
    seed: int = 0,
) -> list[Chorale]:
    """The pieces that a model writes to the forms of these chorales, `times` for each. Like Bach's,
    they are as long as their forms: what is repeated is written out."""
    model = as_model(model)
    forms = sorted((Form.of(chorale) for chorale in bach), key=len)
    batches = [forms[at : at + SIDE_BY_SIDE] for at in range(0, len(forms), SIDE_BY_SIDE)] * times
    how = RULES if critic is None else {**RULES, "critic": critic, "tonic_ending": True}
    return [
        expand_repeats(piece)
        for number, batch in enumerate(tqdm(batches, unit="batch", file=sys.stderr))
        for piece in generate(
            model,
            len(batch),
            form=batch,
            particles=particles,
            seed=1000 * seed + number,
            progress=False,
            **how,
        )
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder")
    trained = train(parser.parse_args().folder)
    shipped = PRETRAINED / "phrase_gru_critic.keras"
    print(write_atomically(shipped, lambda path: path.write_bytes(trained.read_bytes())))
