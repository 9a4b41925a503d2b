"""Saving and loading models: those that are shipped with the package, by name, and a user's own, by
path.

Notebook: 03_model_training
"""

import hashlib
from pathlib import Path

from ..files import write_atomically
from .backend import keras

PRETRAINED = Path(__file__).parent / "pretrained"


def save_model(model, path):
    """Saves a model as a `.keras` file: its sizes and weights (a training's own state is in its
    checkpoint).

    Written to a temporary name beside `path` and renamed, so that `path` is whole or absent.

    Raises:
        ValueError: `path` does not end in `.keras`.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"model file {path}: expected a name that ends in .keras")
    bare = model.__class__.from_config(model.get_config())  # without optimizer and metrics
    bare.build((None, None))
    bare.set_weights(model.get_weights())
    write_atomically(path, bare.save)


def load_model(name_or_path):
    """A trained model: one that is shipped with the package, by its name, or one that was saved, by
    its path.

    Args:
        name_or_path: `'note_gru'` or `'chord_gru'`, or the path of a `.keras` file.

    Raises:
        FileNotFoundError: no such name and no such file; the message lists the names there are.

    Notebook: 04_evaluation
    """
    from . import chord_gru, note_gru  # noqa: F401  whose classes Keras knows once imported

    path = _file_of(name_or_path)
    if not path.is_file():
        names = sorted(file.stem for file in PRETRAINED.glob("*.keras"))
        raise FileNotFoundError(
            f"model {str(name_or_path)!r}: expected one of the shipped models {names} or the "
            f"path of a .keras file; training one is told in notebook 03"
        )
    return keras.saving.load_model(path, compile=False, safe_mode=True)


def weights_hash(name_or_path):
    """The first twelve digits (str) of the SHA-256 of a model's file, which tell its weights from
    any other's.

    Args:
        name_or_path: as in `load_model`.
    """
    return hashlib.sha256(_file_of(name_or_path).read_bytes()).hexdigest()[:12]


def _file_of(name_or_path):
    shipped = PRETRAINED / f"{name_or_path}.keras"
    return shipped if shipped.is_file() else Path(name_or_path)
