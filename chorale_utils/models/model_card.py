"""Model card: takes trained weights into the package, and documents their origin and scores.

``python -m chorale_utils.models.model_card FOLDER --name chord_gru`` reads the results of notebook
03 in a run's folder (the model, and the checkpoints of its training loops) and evaluates the model
on the jsb edition, or phrase_gru, which needs fermatas and keys, on the music21 edition. It writes
the weights, the history of each loop and a card in Markdown into
``chorale_utils/models/pretrained/``. With ``--tried LABEL=FOLDER`` the card also compares other
trainings, from their own checkpoints.

Notebook: 04_evaluation
"""

import argparse
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..corpus.editions import JSB_SHA256, PARTITIONS, Corpus, corpus_fingerprint, load_corpus
from ..corpus.unsplit import unsplit_chorales
from ..files import write_atomically
from .checkpoint import CHECKPOINT, HISTORY, outcome_fingerprint
from .evaluation import end_negative_log_likelihood, negative_log_likelihood, score_notes
from .model import ChoraleModel
from .saving import COMPOSER, PRETRAINED, load_model, save_model

LOOPS = {
    "note_gru": ("first", "second"),
    "chord_gru": ("cycle", "second"),
    "phrase_gru": ("first", "second"),
}
# what a card calls them: two loops on the same weights, two cycles, two members of a mixture
_CALLED = {
    "note_gru": ("first loop", "second loop"),
    "chord_gru": ("first cycle", "second cycle"),
    "phrase_gru": ("first member", "second member"),
}
EDITIONS = {"note_gru": "jsb", "chord_gru": "jsb", "phrase_gru": "music21"}
AVERAGED_OVER = range(-2, 3)  # semitones: the transpositions for the averaged score
FIGURES = ["epochs", "minutes", "nats", "val_nats"]  # in a comparison of trainings
DECIDED_BY_VALIDATION = {
    "note_gru": "The validation pieces decided where a plateau was, when to stop and which weights "
    "were best. The test pieces decided nothing.",
    "chord_gru": "Within a training the validation pieces decided nothing. Between trainings they "
    "decided much: features, decay, dropout, when to stop a training that was getting nowhere, and "
    "which weights to ship. So the validation figures below are the best of several, and a little "
    "flattering.",
    "phrase_gru": "Within the training the validation pieces decided nothing; they decided between "
    "three designs. The model is the mixture of two trainings that differ only in their seeds.",
}


def ship(
    folder: str | os.PathLike[str],
    name: str = "note_gru",
    destination: str | os.PathLike[str] = PRETRAINED,
    tried: Mapping[str, str | os.PathLike[str]] | None = None,
    keep: Iterable[str] = (),
    remark: str = "",
) -> Path:
    """Writes weights, histories and card of a trained model; returns the path of the card.

    Args:
        folder: a run's folder with `name`.keras and, in `name`/, the folders of its training loops:
            first and second for note_gru and phrase_gru; cycle and possibly second for chord_gru.
        name: name of the model.
        destination: folder to write into.
        tried: dict of label -> folder of another training of a chord_gru, with its checkpoint. They
            are compared in a table, with this training as 'shipped', which is also written to
            `name`_tried.csv.
        keep: labels of rows to keep from the existing `name`_tried.csv.
        remark: anything else that readers of the card must know about the training.

    Raises:
        FileNotFoundError: no such model or checkpoint, or no JSB archive.
        ValueError: a model that is not shipped; or JSB_CHORALES names a folder, or an archive other
            than the expected one.
    """
    if name not in LOOPS:
        raise ValueError(f"model {name!r}: expected one of {', '.join(LOOPS)}")
    fingerprint = corpus_fingerprint(EDITIONS[name])
    if EDITIONS[name] == "jsb" and fingerprint != {"sha256": JSB_SHA256}:
        found = ", ".join(f"{what} {value}" for what, value in fingerprint.items())
        raise ValueError(
            f"JSB_CHORALES={os.environ['JSB_CHORALES']!r}: {found}: expected the exact archive, "
            f"sha256 {JSB_SHA256}, because the card states scores on it"
        )
    folder, destination, keep = Path(folder), Path(destination), list(keep)
    model = load_model(folder / f"{name}.keras")
    loops = {
        loop: folder / name / loop
        for loop in LOOPS[name]
        if loop == LOOPS[name][0] or (folder / name / loop).exists()
    }
    tried_file, table = destination / f"{name}_tried.csv", None
    if tried:
        earlier = pd.read_csv(tried_file, index_col="training").loc[keep] if keep else None
        table = compare_trainings({"shipped": list(loops.values())[-1], **tried}, earlier)
    card = _card(name, model, loops, load_corpus(EDITIONS[name]), table, remark)
    save_model(model, destination / f"{name}.keras", half_precision=name == COMPOSER)
    for loop, place in loops.items():
        history = pd.read_csv(place / HISTORY, index_col="epoch").round(6)
        write_atomically(destination / f"{name}_{loop}.csv", history.to_csv)
    if table is not None:
        write_atomically(tried_file, table.to_csv)
    return write_atomically(
        destination / f"{name}.md", lambda path: path.write_text(card, encoding="utf-8")
    )


def compare_trainings(
    folders: Mapping[str, str | os.PathLike[str]], earlier: pd.DataFrame | None = None
) -> pd.DataFrame:
    """A table with one row for each of several trainings, the best last.

    Columns: the settings in which the trainings differ (empty if a training does not have them),
    `after` (the training from which it started), epochs, minutes, and nats per note in the last
    epoch on the training passages (with dropout on) and on the validation pieces. The index is the
    label.

    Args:
        folders: dict of label -> folder of a finished training.
        earlier: rows of such a table to include, for trainings whose folders no longer exist; or
            None.

    Raises:
        FileNotFoundError: no checkpoint in one of the folders.
        ValueError: an unfinished training.
    """
    rows, outcomes = {}, {outcome_fingerprint(folder): label for label, folder in folders.items()}
    for label, place in folders.items():
        folder = Path(place)
        history, settings = pd.read_csv(folder / HISTORY, index_col="epoch"), _settings(folder)
        if "after" in settings:
            settings["after"] = outcomes.get(settings["after"], "another")
        if len(history) < settings.get("epochs", 0):
            raise ValueError(
                f"{folder}: {len(history)} of {settings['epochs']} epochs done; finish this "
                f"training first"
            )
        rows[label] = settings | {
            "epochs": len(history),
            "minutes": round(history["seconds"].sum() / 60, 1),
            "nats": round(history["nats"].iloc[-1], 4),
            "val_nats": round(history["val_nats"].dropna().iloc[-1], 4),
        }
    new = pd.DataFrame.from_dict(rows, orient="index")
    table = (new if earlier is None else pd.concat([earlier, new])).rename_axis("training")
    varied = [
        column
        for column in table.columns.drop(FIGURES)
        if table[column].nunique() > 1 or column == "after"
    ]
    return table[varied + FIGURES].sort_values("val_nats", ascending=False)


def _card(
    name: str,
    model: ChoraleModel,
    loops: Mapping[str, Path],
    corpus: Corpus,
    tried: pd.DataFrame | None,
    remark: str,
) -> str:
    """The card's text, in Markdown."""
    lines = [f"# {name}", "", _architecture(model), "", "## Data", "", _data(name, corpus), ""]
    lines += ["## Training", "", *_training(name, model, loops)]
    if remark:
        lines += ["", remark]
    packages = ", ".join(
        f"{package} {version(package)}" for package in ("tensorflow", "keras", "numpy")
    )
    lines += ["", f"Python {platform.python_version()}, {packages}.", ""]
    lines += ["## Scores", "", *_scores(name, model, corpus)]
    if tried is not None:
        lines += [
            "",
            "## What was tried",
            "",
            "Each row is a training of its own, read from its checkpoint: the settings in which it "
            "differs from most of the others, and nats per note at the end, in training (dropout "
            "on) and on the validation pieces (one pass).",
            "",
            *_markdown(_with_differences(tried)),
        ]
    return "\n".join(lines) + "\n"


def _architecture(model: ChoraleModel) -> str:
    sizes = ", ".join(f"{key} {value}" for key, value in model.sizes.items())
    return f"{model.count_params():,} parameters. Architecture: {sizes}."


def _data(name: str, corpus: Corpus) -> str:
    pieces = (
        f"the training pieces of the exact JSB edition (`jsb_chorales.tgz`, SHA-256 `{JSB_SHA256}`)"
    )
    if EDITIONS[name] == "music21":
        more = len(unsplit_chorales(corpus))
        pieces = (
            f"the {len(corpus.train)} training pieces of the music21 edition and {more} more "
            "chorales by Bach that music21 has, none of them a near-copy of a piece of the split "
            "(`unsplit_chorales`)"
        )
    return (
        f"Trained on {pieces}, each newly transposed in every epoch. {DECIDED_BY_VALIDATION[name]}"
    )


def _training(name: str, model: ChoraleModel, loops: Mapping[str, Path]) -> list[str]:
    """The settings that all loops share, and a line for each loop."""
    settings = {loop: _settings(place) for loop, place in loops.items()}
    first, *others = settings.values()
    shared = {
        key: value
        for key, value in first.items()
        if key not in model.sizes and all(other.get(key) == value for other in others)
    }
    lines = ["Settings: " + ", ".join(f"{key} {value}" for key, value in shared.items()) + ".", ""]
    for called, (loop, place) in zip(_CALLED[name], loops.items()):
        history = pd.read_csv(place / HISTORY, index_col="epoch")
        own = "".join(
            "after the first, " if key == "after" else f"{key} {value}, "
            for key, value in settings[loop].items()
            if key not in {**shared, **model.sizes}
        )
        best = history["val_nats"].dropna()
        lines += [
            f"* {called}: {own.removesuffix(', ')}{'; ' if own else ''}{len(history)} epochs in "
            f"{history['seconds'].sum() / 60:.0f} minutes on {os.cpu_count()} cores shared with "
            f"other work; best validation figure {best.min():.4f} at epoch {best.idxmin()}, last "
            f"{best.iloc[-1]:.4f}."
        ]
    return lines


def _scores(name: str, model: ChoraleModel, corpus: Corpus) -> list[str]:
    """An explanation of the scores, and a table with one row for each group of pieces."""
    lines = [
        f"Nats per note on the {'exact' if EDITIONS[name] == 'jsb' else 'music21'} edition: whole "
        "pieces, in their own key, from the first note on (`negative_log_likelihood`). *One pass* "
        f"is the model as it is; *averaged* is the mean over transpositions by {AVERAGED_OVER[0]} "
        f"to {AVERAGED_OVER[-1]} semitones. *Accuracy* is that of one pass, and *end* is what the "
        "end of a piece costs, in nats.",
        "",
        "| pieces | one pass | averaged | accuracy | end | number |",
        "|---|---|---|---|---|---|",
    ]
    clean = corpus.without_near_copies("soprano")
    groups = {partition: getattr(corpus, partition) for partition in PARTITIONS}
    groups |= {
        f"{partition}, soprano not in training": getattr(clean, partition)
        for partition in PARTITIONS[1:]
    }
    for label, pieces in groups.items():
        lines.append(
            f"| {label} | {negative_log_likelihood(model, pieces):.4f} | "
            f"{negative_log_likelihood(model, pieces, transpositions=AVERAGED_OVER):.4f} | "
            f"{score_notes(model, pieces)['correct'].mean():.4f} | "
            f"{end_negative_log_likelihood(model, pieces):.2f} | {len(pieces)} |"
        )
    return lines


def _with_differences(tried: pd.DataFrame) -> pd.DataFrame:
    """The table of trainings with one column for all the settings in which they differ, such as
    ``seed 1, voice_dropout 0.1``; what most trainings have is not said."""
    settings = tried.columns.drop(FIGURES)
    shares = {name: tried[name].value_counts(normalize=True, dropna=False) for name in settings}
    usual = {name: share.index[0] for name, share in shares.items() if share.iloc[0] > 0.5}
    told = [
        ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in zip(settings, row)
            if not pd.isna(value) and value != usual.get(name)
        )
        for row in tried[settings].itertuples(index=False)
    ]
    return tried[FIGURES].assign(settings=told)[["settings", *FIGURES]]


def _markdown(table: pd.DataFrame) -> list[str]:
    """The lines of a DataFrame as a Markdown table."""
    rows = [[table.index.name, *table.columns], ["---"] * (1 + len(table.columns))]
    rows += [
        [
            label,
            *(
                "" if pd.isna(value) else f"{value:g}" if isinstance(value, float) else value
                for value in row
            ),
        ]
        for label, row in zip(table.index, table.itertuples(index=False))
    ]
    return ["| " + " | ".join(map(str, row)) + " |" for row in rows]


def _settings(place: Path) -> dict[str, Any]:
    """The settings of the training whose checkpoint is in a folder, including the model's
    sizes."""
    with np.load(place / CHECKPOINT, allow_pickle=False) as file:
        settings = json.loads(str(file["state"]))["settings"]
    sizes = settings.pop("model")
    return {
        key: f"{value[0]} to {value[-1]}" if key == "transpositions" else value
        for key, value in (settings | sizes).items()
        if key not in ("train", "valid")
    }


def _main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("folder", help="a run's folder")
    parser.add_argument(
        "--name", default="note_gru", choices=sorted(LOOPS), help="model name (default: note_gru)"
    )
    parser.add_argument(
        "--tried",
        nargs="*",
        default=(),
        metavar="LABEL=FOLDER",
        help="other trainings of a chord_gru, to compare in a table",
    )
    parser.add_argument(
        "--keep",
        nargs="*",
        default=(),
        metavar="LABEL",
        help="rows to keep from the existing table",
    )
    parser.add_argument("--remark", default="", help="further remarks on the training")
    arguments = parser.parse_args()
    print(
        ship(
            arguments.folder,
            arguments.name,
            tried=dict(label.split("=", 1) for label in arguments.tried),
            keep=arguments.keep,
            remark=arguments.remark,
        )
    )


if __name__ == "__main__":
    _main()
