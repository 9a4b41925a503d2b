"""Harmony card: fits the analysis to the twenty analyses of Bach chorales in music21's corpus, and
reports how far it agrees with people.

``python -m chorale_utils.harmony.harmony_card`` writes ``weights.csv``, which the search reads, and
``harmony.md``, the results, from cross-validation on the twenty. ``--against FOLDER`` adds results
for the RomanText files in a folder, which are named by Riemenschneider's numbers, such as
``021.rntxt``; they are not used for fitting, and the twenty are left out. ``--keep`` keeps the
weights and only updates the results.

Notebook: 04_evaluation
"""

import argparse
import csv
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..chorale import Chorale
from ..corpus.editions import PARTITIONS, load_corpus, parse_music21
from ..files import write_atomically
from ..notation.key import key_of_notes
from .agreement import Aligned, agreement, align, key_number
from .analysis import analyse, main_key, tabulate
from .evidence import Frames
from .fitting import EPOCHS, RIDGE, Example, fitted
from .romantext import read_romantext
from .search import WEIGHTS, best_path, pair_table

CARD = Path(__file__).with_name("harmony.md")
TWENTY = range(1, 21)  # Riemenschneider's numbers of the analyses in music21's corpus
FOLDS = 5
# with a smaller share of notes in its chords, or less of the chorale covered, an analysis is of
# another edition
LEAST_FIT, LEAST_COVERED = 0.8, 0.5


def ship(against: Path | None = None, keep: bool = False, destination: Path = CARD.parent) -> Path:
    """Fits and measures; writes weights.csv and harmony.md, and returns the path of the card.

    Args:
        against: folder of more analyses to measure against, or None.
        keep: whether to keep the weights.
        destination: folder to write into.

    Notebook: 04_evaluation
    """
    twenty = read_analyses(_shipped_analyses(), TWENTY)
    rows = {f"the twenty, in {FOLDS} folds": measured_in_folds(twenty)}
    if not keep:
        weights = fitted([Example(*piece) for piece in twenty], report=print)
        write_atomically(
            destination / WEIGHTS.name, lambda unfinished: save_weights(unfinished, weights)
        )
    if against is not None:
        numbers = [int(path.stem) for path in sorted(against.glob("*.rntxt"))]
        others = read_analyses(against, [each for each in numbers if each not in TWENTY])
        rows["others"] = measured(others)
    card = _card(rows, _keys_of_files())
    return write_atomically(
        destination / CARD.name, lambda unfinished: unfinished.write_text(card, encoding="utf-8")
    )


def read_analyses(folder: Path, numbers: Iterable[int]) -> list[tuple[Chorale, Aligned]]:
    """The chorales (from music21's corpus, as written) with Riemenschneider's numbers and their
    analyses in a folder. A piece is left out if the share of its notes in the analyst's chords is
    below `LEAST_FIT`, because the analysis is then of another edition.

    Args:
        folder: folder with files such as ``riemenschneider004.rntxt`` or ``004.rntxt``.
        numbers: 1 to 371.

    Notebook: 04_evaluation
    """
    from music21 import corpus

    files = list(
        corpus.chorales.Iterator(1, 371, numberingSystem="riemenschneider", returnType="filename")
    )
    numbers = list(numbers)
    tasks = [
        {"file": f"{files[number - 1]}.mxl", "name": f"Riemenschneider {number}"}
        for number in numbers
    ]
    pieces = []
    for number, chorale in zip(numbers, parse_music21(tasks)):
        (path,) = folder.glob(f"*{number:03d}.rntxt")
        heard = align(read_romantext(path, chorale), chorale)
        covered = np.mean(heard.which >= 0)
        if heard.fit >= LEAST_FIT and covered >= LEAST_COVERED:
            pieces.append((chorale, heard))
        else:
            print(
                f"{chorale.name}: left out, {heard.fit:.0%} of the notes in {covered:.0%} of it "
                f"fit the analysis"
            )
    return pieces


def measured(
    pieces: Sequence[tuple[Chorale, Aligned]], weights: dict[str, np.ndarray] | None = None
) -> pd.DataFrame:
    """How far the analysis agrees with people's, one row per piece: the counts of `agreement`;
    main_key and key_of_notes (whether the estimated main key is the analyst's last key),
    main_key_first and key_of_notes_first (whether it is the first); seconds that `analyse` takes.

    Args:
        pieces: chorales with analyses by people.
        weights: see `search.blank`; None takes the shipped ones.

    Notebook: 04_evaluation
    """
    table = None if weights is None else pair_table(weights)
    rows = []
    for chorale, heard in pieces:
        begin = time.perf_counter()
        analysis = tabulate(chorale, best_path(Frames(chorale), None, weights, table))
        seconds = time.perf_counter() - begin
        first, last = (key_number(heard.readings[at].key, heard.transposed) for at in (0, -1))
        keys = {"main_key": main_key(chorale, analysis), "key_of_notes": key_of_notes(chorale)}
        rows.append(
            {
                **agreement(analysis, heard),
                **{name: key_number(key) == last for name, key in keys.items()},
                **{f"{name}_first": key_number(key) == first for name, key in keys.items()},
                "seconds": seconds,
            }
        )
    return pd.DataFrame(rows)


def measured_in_folds(pieces: Sequence[tuple[Chorale, Aligned]]) -> pd.DataFrame:
    """Like `measured`, but with the weights for each piece fitted on the other folds.

    Notebook: 04_evaluation
    """
    examples, tables = [Example(*piece) for piece in pieces], []
    for fold in range(FOLDS):
        others = [each for number, each in enumerate(examples) if number % FOLDS != fold]
        print(f"fold {fold + 1} of {FOLDS}")
        tables.append(measured(pieces[fold::FOLDS], fitted(others, report=print)))
    return pd.concat(tables)


def save_weights(path: Path, weights: dict[str, np.ndarray]) -> None:
    """Writes weights for `load_weights`, with three decimals and without zeros.

    Notebook: 04_evaluation
    """
    with open(path, "w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["weights", "place", "value"])
        for name, values in weights.items():
            rounded = values.reshape(-1).round(3)
            rows.writerows([name, at, f"{rounded[at]:g}"] for at in np.flatnonzero(rounded))


def _shipped_analyses():
    from music21.common import getCorpusFilePath

    return Path(getCorpusFilePath(), "bach", "choraleAnalyses")


def _keys_of_files():
    """DataFrame with one row for each piece of the music21 edition whose file states a key: whether
    main_key agrees with it, and whether key_of_notes does."""
    corpus = load_corpus("music21")
    rows = []
    for partition in PARTITIONS:
        for chorale in getattr(corpus, partition):
            if chorale.key is not None:
                stated = key_number(chorale.key)
                rows.append(
                    {
                        "main_key": key_number(main_key(chorale, analyse(chorale))) == stated,
                        "key_of_notes": key_number(key_of_notes(chorale)) == stated,
                    }
                )
    return pd.DataFrame(rows)


def _card(rows, files):
    """The card's text (str, Markdown)."""
    lines = [
        "# The harmonic analysis",
        "",
        "`weights.csv` was learnt from the twenty analyses of Bach chorales in music21's corpus "
        "(Andrew Jones and Dmitri Tymoczko; `bach/choraleAnalyses`, Riemenschneider 1 to 20) and "
        f"from nothing else: {EPOCHS} epochs, ridge {RIDGE:g}. "
        "`python -m chorale_utils.harmony.harmony_card` repeats this.",
        "",
        "## Agreement with people",
        "",
        "The share of time in which the analysis says what a person wrote: the local key, the "
        "root, and key, numeral and inversion together. Where a person gives a pivot chord "
        "two keys, the second counts. The twenty are analysed in folds, each fold with what was "
        "learnt from the others; *others* are analyses of further chorales (`--against`). *Time* "
        "is the median for a piece.",
        "",
        "| analyses | pieces | local key | root | key, numeral, inversion | worst piece | time |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, table in rows.items():
        shares = table[["key", "root", "reading"]].sum() / table["steps"].sum()
        cells = [name, str(len(table)), *(f"{share:.1%}" for share in shares)]
        cells.append(f"{(table['reading'] / table['steps']).min():.0%}")
        cells.append(f"{table['seconds'].median():.3f} s")
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "## The key of the whole",
        "",
        "How often `main_key`, the local key at the end, and `key_of_notes`, which knows only how "
        "long each note sounds, name the last or first key of a person's analysis, or the key that "
        "the corrected edition states. `find_key` uses the former where chords sound, the latter "
        "where a single voice does.",
        "",
        "| | pieces | `main_key` | `key_of_notes` |",
        "|---|---|---|---|",
    ]
    keys = {}
    for name, table in rows.items():
        keys[f"{name}: last key"] = table[["main_key", "key_of_notes"]]
        keys[f"{name}: first key"] = table[["main_key_first", "key_of_notes_first"]]
    for name, table in {**keys, "the music21 edition": files}.items():
        shares = " | ".join(f"{share:.1%}" for share in table.mean())
        lines.append(f"| {name} | {len(table)} | {shares} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="folder of RomanText files to measure against")
    parser.add_argument("--keep", action="store_true", help="keep the weights")
    given = parser.parse_args()
    print(ship(given.against, given.keep))
