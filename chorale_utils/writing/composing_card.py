"""Composing card: how well phrase_gru predicts Bach, and whether a machine can tell its pieces from
Bach's, with and without the critic.

``python -m chorale_utils.writing.composing_card`` writes ``composing.md`` beside this file. It
takes some minutes on two cores.

Notebook: 04_evaluation
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..chorale import Chorale
from ..corpus.editions import Corpus, load_corpus
from ..corpus.forms import draw_form
from ..corpus.passages import copied
from ..files import write_atomically
from ..judging.discriminability import PASSAGE, Discriminability, discriminability
from ..judging.grading import grade, report_card
from ..judging.phrasing import phrasing
from ..models.evaluation import negative_log_likelihood
from ..models.saving import COMPOSER, load_model
from .composing import RULES, compose
from .generation import CANDIDATES, generate

CARD = Path(__file__).with_name("composing.md")
PIECES, SIDE_BY_SIDE, SEED = 128, 32, 0
SHORTEST = 32  # steps; the classic ends some pieces almost at once
GIVEAWAYS = 6  # patterns that are told of each writer
MEASURES = (  # of the report card
    "parallel fifths",
    "parallel octaves",
    "hidden octaves",
    "range",
    "leap",
    "augmented second",
    "seventh",
    "dissonance",
)
WITHOUT_FORM = {name: RULES[name] for name in ("ranges", "crossing", "parallels")}


def ship(
    destination: Path = CARD.parent, pieces: int = PIECES, particles: int = CANDIDATES
) -> Path:
    """Writes composing.md; returns its path.

    Args:
        destination: folder to write into.
        pieces: number of pieces by each writer.
        particles: number of candidates among which the critic chooses.
    """
    corpus = load_corpus("music21")
    forms = [draw_form(SEED + number) for number in range(pieces)]
    # pieces of similar length in one batch do not wait for each other
    forms.sort(key=lambda form: len(form.written()))
    lengths = [len(form.written()) for form in forms]
    ways: dict[str, tuple[Any, dict[str, Any]]] = {
        "note_gru, under the rules": (generate, {"model": "note_gru", **WITHOUT_FORM}),
        "chord_gru, under the rules": (generate, {"model": "chord_gru", **WITHOUT_FORM}),
        "phrase_gru, under the rules": (generate, {"model": "phrase_gru", "particles": 1, **RULES}),
        f"`compose`: critic, {particles} candidates": (compose, {"particles": particles}),
    }
    writers: dict[str, list[Chorale]] = {}
    for label, (write, how) in ways.items():
        writers[label] = []
        for at in tqdm(range(0, pieces, SIDE_BY_SIDE), label, file=sys.stdout, unit="batch"):
            part = forms[at : at + SIDE_BY_SIDE]
            told = {"form": part} if write is compose or how["model"] == COMPOSER else {}
            pieces_now = write(count=len(part), seed=SEED + at, progress=False, **told, **how)
            writers[label] += [piece for piece in pieces_now if len(piece) >= SHORTEST]
    card = _card(corpus, writers, lengths)
    return write_atomically(
        destination / CARD.name, lambda path: path.write_text(card, encoding="utf-8")
    )


def _card(corpus: Corpus, writers: Mapping[str, Sequence[Chorale]], lengths: list[int]) -> str:
    """The card's text, in Markdown."""
    lines = [
        "# Composing",
        "",
        "How the models write, by themselves and as `compose` lets the composer write, next to "
        "Bach. `python -m chorale_utils.writing.composing_card` writes this card.",
        "",
        "## How well it predicts the next note",
        "",
        "Nats per note on the music21 edition, pitches only (`negative_log_likelihood`). "
        "phrase_gru is given the form of each piece, with its sounding key (`heard_key`).",
        "",
        "| model | validation | test |",
        "|---|---|---|",
    ]
    for name in ("chord_gru", "phrase_gru"):
        model = load_model(name)
        nats = [negative_log_likelihood(model, part) for part in (corpus.valid, corpus.test)]
        lines.append(f"| {name} | {nats[0]:.4f} | {nats[1]:.4f} |")
    lines += [
        "",
        "## Can a machine tell?",
        "",
        f"{len(lengths)} pieces by each writer, of {min(lengths)} to {max(lengths)} sixteenths "
        "where a form sets the length. A classifier trained afresh for each writer tells its "
        "pieces from Bach's (`discriminability`); an AUC of 0.5 is chance, and at 1 it never errs. "
        "In brackets, the 95% interval over pieces (bootstrap). The control is Bach against Bach: "
        "half of his training pieces take the place of a writer's. *Grade* is the mean, and "
        "*copied share* the mean share of passages that occur in a training piece (`copied`). "
        "*Under the rules*: voices keep to a choir's ranges, and avoid crossings and parallels; "
        "those of phrase_gru also avoid augmented seconds and sevenths that do not resolve.",
        "",
        "| writer | AUC, four bars | AUC, whole pieces | grade | copied share |",
        "|---|---|---|---|---|",
    ]
    random = np.random.default_rng(SEED)
    order = [corpus.train[number] for number in random.permutation(len(corpus.train))]
    half, held_out = len(order) // 2, corpus.valid + corpus.test
    apart = [
        discriminability(order[:half], order[half:], held_out, steps) for steps in (PASSAGE, None)
    ]
    lines.append(_row("Bach", order[:half], order[half:], apart))
    told = {
        label: [
            discriminability(pieces, corpus.train, held_out, steps) for steps in (PASSAGE, None)
        ]
        for label, pieces in writers.items()
    }
    for label, pieces in writers.items():
        lines.append(_row(label, pieces, corpus.train, told[label]))
    lines += ["", "## What gives them away", "", *_giveaways(told)]
    figures = phrasing({"Bach": held_out, **writers})
    lines += [
        "",
        "## Phrasing",
        "",
        "*Notes*: how many notes alto, tenor and bass strike for each one of the soprano. *Ties*: "
        "the share of bar lines over which a voice holds its note. *Tonic*: the share of pieces "
        "that end on the tonic in root position. *Consonant* and *cadence*: the share of fermatas "
        "with a consonant chord, and with a bass that moves as in a cadence (`phrasing`). Bach's "
        "are the validation and test pieces. note_gru and chord_gru write neither bars nor "
        "fermatas.",
        "",
        f"| | {' | '.join(name.replace('_', ' ') for name in figures.columns)} |",
        "|" + "---|" * (len(figures.columns) + 1),
    ]
    for writer, row in figures.iterrows():
        cells = ["" if pd.isna(value) else f"{value:.2f}" for value in row]
        lines.append(f"| {writer} | {' | '.join(cells)} |")
    value = report_card({"Bach": held_out, **writers}, corpus.train)["value"][list(MEASURES)]
    lines += [
        "",
        "## By the rules",
        "",
        "Faults, and dissonances, per thousand chances, as in the report card (`report_card`); in "
        "brackets, how many times as often as Bach.",
        "",
        f"| | {' | '.join(MEASURES)} |",
        "|" + "---|" * (len(MEASURES) + 1),
    ]
    for writer, row in value.iterrows():
        times = row / value.loc["Bach"]
        cells = [f"{row[name]:.2f} ({times[name]:.1f})" for name in MEASURES]
        lines.append(f"| {writer} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _row(
    label: str,
    pieces: Sequence[Chorale],
    train: Sequence[Chorale],
    told: Sequence[Discriminability],
) -> str:
    """A row of the table of writers."""
    cells = [f"{each.auc:.3f} ({each.low:.3f} to {each.high:.3f})" for each in told]
    share = copied(list(pieces), train)["share"].mean()
    return f"| {label} | {' | '.join(cells)} | {np.mean(grade(list(pieces))):.2f} | {share:.3f} |"


def _giveaways(told: Mapping[str, Sequence[Discriminability]]) -> list[str]:
    """A table of the patterns by which the judge of passages knows each writer."""
    lines = [
        "The patterns that weigh most with the judge of four bars, and how often each comes in a "
        "thousand steps. Intervals are in semitones. *Rhythm*: the eight sixteenths from a beat "
        "on; x is a note that begins. *Skeleton*: the moves of a voice over four beats. *Two "
        "voices*: the interval between them on a beat, less any octaves, and how far each has "
        "moved over the last two beats. *Spacing*: the intervals between neighbouring voices on a "
        "beat, from the top down. *Range*: how far a voice ranges within four beats, and in how "
        "many notes. *Lengths*: how long the notes are that sound on a beat, from the top down. "
        "*Chords two beats apart*: two chords, each as intervals above its lowest note, and "
        "between them how far up that note has moved, less any octaves.",
        "",
        "| writer | kind | pattern | the writer | Bach |",
        "|---|---|---|---|---|",
    ]
    for label, (passages, _) in told.items():
        lines += [
            f"| {label} | {row.kind} | {row.pattern} | {row.writer:.2f} | {row.bach:.2f} |"
            for row in passages.features.head(GIVEAWAYS).itertuples()
        ]
    return lines


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--pieces", type=int, default=PIECES)
    print(ship(pieces=parser.parse_args().pieces))
