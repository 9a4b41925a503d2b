"""Harmonising card: sets twenty test melodies in several ways, and compares the settings with
Bach's own.

``python -m chorale_utils.writing.harmonising_card`` writes ``harmonising.md`` beside this file. The
melodies are the first of the music21 edition's test pieces whose soprano is in no training piece;
the shipped `chord_gru` and `phrase_gru` set each of them once in each way.

Notebook: 05_generation
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..corpus.editions import load_corpus
from ..files import write_atomically
from ..judging.grading import report_card
from ..judging.phrasing import ends_on_tonic
from ..models.saving import COMPOSER
from .harmonising import harmonize

CARD = Path(__file__).with_name("harmonising.md")
MELODIES, SEED = 20, 0
COOL_AND_CHOSEN = {"temperature": 0.8, "best_of": 8}
LEFT_TO_ITSELF = {"parallels": True, "crossing": True, "tonic_ending": False}
NO_PARALLELS = {"crossing": True, "tonic_ending": False}
BENCHMARK = {"model": "chord_gru"}
WAYS: dict[str, dict[str, Any]] = {
    "chord_gru, 1 candidate, left to itself": {**BENCHMARK, "particles": 1, **LEFT_TO_ITSELF},
    "32 candidates, left to itself": {**BENCHMARK, **LEFT_TO_ITSELF},
    "the same, mean over five keys": {
        **BENCHMARK,
        "transpositions": range(-2, 3),
        **LEFT_TO_ITSELF,
    },
    "the same, temperature 0.8": {**BENCHMARK, "temperature": 0.8, **LEFT_TO_ITSELF},
    "the same, best of 8 by the grade": {**BENCHMARK, "best_of": 8, **LEFT_TO_ITSELF},
    "the same, temperature 0.8 and best of 8": {**BENCHMARK, **LEFT_TO_ITSELF, **COOL_AND_CHOSEN},
    "32 candidates, no parallels": {**BENCHMARK, **NO_PARALLELS},
    "the same, no crossing, the tonic at the end": BENCHMARK,
    "the same, temperature 0.8 and best of 8 by the grade": {**BENCHMARK, **COOL_AND_CHOSEN},
    "phrase_gru, 32 candidates, without its critic": {"critic": False},
    "phrase_gru with its critic, the default of `harmonize`": {},
    "the same, best of 2 by the critic": {"best_of": 2},
}
FIGURES = ("parallel fifths", "parallel octaves", "crossing", "dissonance", "grade")


def ship(
    destination: Path = CARD.parent,
    melodies: int = MELODIES,
    ways: Mapping[str, Mapping[str, Any]] = WAYS,
) -> Path:
    """Writes harmonising.md; returns its path.

    Args:
        destination: folder to write into.
        melodies: number of melodies.
        ways: dict of label -> arguments of `harmonize`.

    Raises:
        ValueError: there are fewer melodies than that.
    """
    originals = load_corpus("music21").without_near_copies("soprano").test[:melodies]
    if len(originals) < melodies:
        raise ValueError(
            f"melodies {melodies}: expected at most {len(originals)}, the number of test pieces "
            f"with a new soprano"
        )
    groups = {"Bach": originals}
    kept = 0
    for label, options in ways.items():
        groups[label] = [
            harmonize(melody=original, seed=SEED + number, **{"model": COMPOSER, **options})[0]
            for number, original in enumerate(
                tqdm(originals, label, file=sys.stdout, unit=" melodies")
            )
        ]
        kept += sum(
            np.array_equal(setting.pitches[:, 0], original.pitches[:, 0])
            for setting, original in zip(groups[label], originals)
        )
    tonic = {label: float(ends_on_tonic(pieces).mean()) for label, pieces in groups.items()}
    card = _card(report_card(groups), tonic, kept, len(ways) * melodies, melodies)
    return write_atomically(
        destination / CARD.name, lambda path: path.write_text(card, encoding="utf-8")
    )


def _card(
    card: pd.DataFrame, tonic: Mapping[str, float], kept: int, settings: int, melodies: int
) -> str:
    """The card's text, in Markdown."""
    value, low, high = (card[block] for block in ("value", "low", "high"))
    both = value["parallel fifths"] + value["parallel octaves"]
    times_bachs = both / both["Bach"]
    lines = [
        "# Harmonising",
        "",
        f"{melodies} melodies, from test pieces whose soprano is in no training piece, were each "
        "set once in every way: by the shipped `phrase_gru` in the last three rows, by `chord_gru` "
        "in the others (`python -m chorale_utils.writing.harmonising_card`; seeds "
        f"{SEED} to {SEED + melodies - 1}). The melody is kept exactly in {kept} of {settings} "
        "settings.",
        "",
        "## Table",
        "",
        "Parallel fifths and octaves are counted per thousand pairs of voices that move together "
        "(and both together as a multiple of Bach's), crossings per thousand arrivals of a note, "
        "dissonances per thousand beats; the grade is the mean. In brackets, the 95% interval "
        "over pieces (bootstrap). The last column is the share of settings that end on the tonic "
        "in root position.",
        "",
        f"| setting | {' | '.join(FIGURES)} | parallels, times Bach's | tonic |",
        "|" + "---|" * (len(FIGURES) + 3),
    ]
    for label in card.index:
        cells = [
            f"{value.loc[label, figure]:.2f} "
            f"({low.loc[label, figure]:.2f} to {high.loc[label, figure]:.2f})"
            for figure in FIGURES
        ]
        lines.append(
            f"| {label} | {' | '.join(cells)} | {times_bachs[label]:.1f} | {tonic[label]:.2f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    assert __doc__ is not None
    argparse.ArgumentParser(description=__doc__.partition("\n\n")[0]).parse_args()
    print(ship())
