"""Model card: takes trained weights into the package, and writes down where they come from and what they score.

``python -m chorale_utils.model_card FOLDER`` reads what notebook 03 left in a run's folder (the model, and the
checkpoints of its training loops), judges the model on the exact JSB edition, and writes into
``chorale_utils/pretrained/`` the weights, the history of each loop, and a card in Markdown.

Notebook: 04_evaluation
"""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from .corpus import JSB_SHA256, PARTITIONS, corpus_fingerprint, load_corpus
from .evaluation import end_negative_log_likelihood, negative_log_likelihood, score_notes
from .files import write_whole
from .models import PRETRAINED, load_model, save_model
from .training import CHECKPOINT, HISTORY

LOOPS = ("first", "second")


def ship(folder, name="note_gru", destination=PRETRAINED):
    """Writes weights, histories and card of a trained model; returns the path of the card.

    Args:
        folder: a run's folder that holds `name`.keras and `name`/first, `name`/second with their checkpoints.
        name: of the model.
        destination: folder to write into.

    Raises:
        FileNotFoundError: no such model or checkpoint, or no JSB archive.
        ValueError: JSB_CHORALES names a folder, or another archive than the exact one.
    """
    fingerprint = corpus_fingerprint("jsb")
    if fingerprint != {"sha256": JSB_SHA256}:
        found = ", ".join(f"{what} {value}" for what, value in fingerprint.items())
        raise ValueError(f"JSB_CHORALES={os.environ['JSB_CHORALES']!r}: {found}: expected the exact archive, sha256 "
                         f"{JSB_SHA256}, because the card states scores on it")
    folder, destination = Path(folder), Path(destination)
    model = load_model(folder / f"{name}.keras")
    loops = {loop: folder / name / loop for loop in LOOPS}
    card = _card(name, model, loops, load_corpus("jsb"), fingerprint["sha256"])
    save_model(model, destination / f"{name}.keras")
    for loop, place in loops.items():
        history = pd.read_csv(place / HISTORY, index_col="epoch")
        write_whole(destination / f"{name}_{loop}.csv", lambda path: history.round(6).to_csv(path))
    return write_whole(destination / f"{name}.md", lambda path: path.write_text(card, encoding="utf-8"))


def _card(name, model, loops, corpus, sha256):
    """The card's text (str, Markdown)."""
    histories = {loop: pd.read_csv(place / HISTORY, index_col="epoch") for loop, place in loops.items()}
    settings = {loop: _settings(place) for loop, place in loops.items()}
    shared = {key: value for key, value in settings["first"].items() if settings["second"][key] == value}
    lines = [f"# {name}", "", f"{model.count_params():,} parameters. Architecture: "
             + ", ".join(f"{key} {value}" for key, value in model.sizes.items()) + ".", "",
             "## Data", "", f"The training pieces of the exact JSB edition (`jsb_chorales.tgz`, SHA-256 `{sha256}`), "
             "each freshly transposed in every epoch. The validation pieces decided on plateaus, the end and the best "
             "weights; the test pieces decided nothing.", "",
             "## Training", "", "Both loops: " + ", ".join(f"{key} {value}" for key, value in shared.items()) + ".", ""]
    for loop, history in histories.items():
        own = ", ".join(f"{key} {value}" for key, value in settings[loop].items() if key not in shared)
        lines += [f"* {loop} loop: {own}; {len(history)} epochs in {history['seconds'].sum() / 60:.0f} minutes on "
                  f"{os.cpu_count()} cores shared with other work; best validation figure "
                  f"{history['val_nats'].min():.4f} at epoch {history['val_nats'].idxmin()}."]
    packages = ", ".join(f"{package} {version(package)}" for package in ("tensorflow", "keras", "numpy"))
    lines += ["", f"Python {platform.python_version()}, {packages}.", "", "## Scores", "",
              "Nats per note on the exact edition (whole pieces, own key, from the first note on; "
              "`negative_log_likelihood`); accuracy; nats for the end of a piece.", "",
              "| pieces | nats per note | accuracy | end | number |", "|---|---|---|---|---|"]
    clean = corpus.without_near_copies("soprano")
    groups = {partition: getattr(corpus, partition) for partition in PARTITIONS}
    groups |= {f"{partition}, soprano not in training": getattr(clean, partition) for partition in PARTITIONS[1:]}
    for label, pieces in groups.items():
        lines.append(f"| {label} | {negative_log_likelihood(model, pieces):.4f} | "
                     f"{score_notes(model, pieces)['correct'].mean():.4f} | "
                     f"{end_negative_log_likelihood(model, pieces):.2f} | {len(pieces)} |")
    return "\n".join(lines) + "\n"


def _settings(place):
    """The settings (dict) of the training whose checkpoint is in a folder."""
    with np.load(place / CHECKPOINT, allow_pickle=False) as file:
        return json.loads(str(file["state"]))["settings"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="a run's folder")
    parser.add_argument("--name", default="note_gru", help="of the model (default: note_gru)")
    arguments = parser.parse_args()
    print(ship(arguments.folder, arguments.name))
