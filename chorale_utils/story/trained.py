"""Trained models: those that notebook 3 leaves in a run's folder, for use in later notebooks.

Notebook: 04_evaluation
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..models.model import ChoraleModel


def trained_model(name: str, run_folder: str | os.PathLike[str]) -> ChoraleModel:
    """The model that notebook 3 trained in a run's folder, or, if it has not been run, the shipped
    one. Prints a line that says which.

    Args:
        name: ``'note_gru'``, ``'chord_gru'`` or ``'phrase_gru'``.
        run_folder: the run's folder.

    Raises:
        FileNotFoundError: neither the run nor the package has such a model.
        ValueError: the file is damaged.

    Examples:
        >>> trained_model("note_gru", "no_run_yet").count_params()
        note_gru: not trained in this run, so the shipped weights stand in
        238891

    Notebook: 04_evaluation
    """
    from ..models.saving import load_model

    file = Path(run_folder) / f"{name}.keras"
    if file.exists():
        model = load_model(file)
        print(f"{name}: as notebook 3 trained it")
    else:
        model = load_model(name)
        print(f"{name}: not trained in this run, so the shipped weights stand in")
    return model
