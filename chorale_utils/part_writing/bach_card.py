"""Bach card: how often Bach himself breaks the rules of part-writing.

``python -m chorale_utils.part_writing.bach_card`` checks all chorales of the music21 edition
against every rule and writes ``bach.md``. docs/counterpoint.md shows the figures with the rules.

Notebook: 04_evaluation
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from ..chorale import Chorale
from ..corpus.editions import PARTITIONS, load_corpus
from ..files import write_atomically
from .checking import faults
from .rules import RULE_SETS, RULES

CARD = Path(__file__).with_name("bach.md")


def count_by_rule(chorales: Iterable[Chorale]) -> pd.DataFrame:
    """How often each rule is broken: pandas DataFrame with one row per rule (index: its name) and
    columns faults (per 100 chorales) and chorales (how many of 100 have at least one).

    Args:
        chorales: iterable of Chorale.

    Examples:
        >>> import numpy as np
        >>> fifths = Chorale(np.repeat([[67, 60, 55, 48], [69, 62, 53, 45]], 4, axis=0))
        >>> count_by_rule([fifths, fifths]).loc["parallel fifths"].tolist()
        [100.0, 100.0]

    Notebook: 04_evaluation
    """
    counted = pd.DataFrame(
        [faults(chorale, rules="strict")["fault"].value_counts() for chorale in chorales]
    )
    counted = counted.reindex(columns=list(RULES)).fillna(0)
    return pd.DataFrame({"faults": 100 * counted.mean(), "chorales": 100 * (counted > 0).mean()})


def ship(destination: Path = CARD) -> Path:
    """Measures, writes the card, and returns its path.

    Args:
        destination: file to write.

    Notebook: 04_evaluation
    """
    corpus = load_corpus("music21")
    chorales = [piece for part in PARTITIONS for piece in getattr(corpus, part)]
    begin = time.process_time()
    counted = count_by_rule(chorales)
    seconds = (time.process_time() - begin) / len(chorales)
    lines = [
        "# Bach by the rules of part-writing",
        "",
        "Written by `python -m chorale_utils.part_writing.bach_card`.",
        "",
        "## How often Bach does it",
        "",
        f"All {len(chorales)} chorales of the music21 edition were checked by every rule. "
        "*Faults*: how many there are in a hundred chorales. *Chorales*: how many of a hundred "
        f"have any. Some are errors of the edition. Checking a chorale takes {seconds:.2f} s of "
        "processor time, its analysis included.",
        "",
        "| | rule | severity | sets | faults | chorales |",
        "|---|---|---|---|---|---|",
    ]
    for name, rule in RULES.items():
        sets = ", ".join(chosen for chosen, names in RULE_SETS.items() if name in names)
        figures = " | ".join(f"{figure:.1f}" for figure in counted.loc[name])
        lines.append(f"| {rule.number} | {name} | {rule.severity} | {sets} | {figures} |")
    text = "\n".join(lines) + "\n"
    return write_atomically(destination, lambda unfinished: unfinished.write_text(text, "utf-8"))


if __name__ == "__main__":
    print(ship())
