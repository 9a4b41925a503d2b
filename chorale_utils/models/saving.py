"""Saving and loading models: the shipped ones by name, a user's own by path.

Notebook: 03_model_training
"""

import hashlib
import os
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np

from ..files import write_atomically
from . import (  # noqa: F401  whose classes Keras knows once they are imported
    chord_gru,
    note_gru,
    phrase_gru,
)
from .backend import keras
from .critic import Critic
from .mixture import Mixture
from .model import ChoraleModel

PRETRAINED = Path(__file__).parent / "pretrained"
COMPOSER = "phrase_gru"  # the default, and the best
_CRITIC = "_critic"  # a critic's file is named after its writer, with this at the end
_LOADED_AT_ONCE = 4  # models that `as_model` keeps in memory, about 10 MB each

ModelLike: TypeAlias = ChoraleModel | str | os.PathLike[str]  # a model, its name, or its file


def save_model(
    model: ModelLike, path: str | os.PathLike[str], half_precision: bool = False
) -> None:
    """Saves a model's sizes and weights as a ``.keras`` file. (The state of a training is in its
    checkpoint.)

    The file is written under a temporary name beside `path` and then renamed, so that `path` never
    holds half a file.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        path: path of the file, ending in ``.keras``; its folder is created if missing.
        half_precision: whether weights are rounded to the precision of float16, which halves the
            file. They are float32 again when the model is loaded.

    Raises:
        ValueError: `path` does not end in ``.keras``.
        TypeError: `model` is not a model.

    Examples:
        >>> import tempfile
        >>> from chorale_utils import note_gru
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_model(note_gru(width=4, layers=1), f"{folder}/mine.keras")
        ...     load_model(f"{folder}/mine.keras").count_params()
        1075

    Notebook: 03_model_training
    """
    model, path = as_model(model), Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"model file {path}: expected a name that ends in .keras")
    bare = model.__class__.from_config(model.get_config())  # without optimizer and metrics
    bare.build((None, None))
    weights = model.get_weights()
    if half_precision:
        weights = [weight.astype(np.float16).astype(weight.dtype) for weight in weights]
    bare.set_weights(weights)
    write_atomically(path, lambda whole: _save_packed(bare, whole))


def _save_packed(model: keras.Model, path: Path) -> None:
    """Saves a model with its parts compressed; Keras stores them as they are."""
    loose = path.with_stem(f"{path.stem}.loose")
    try:
        model.save(loose)
        with zipfile.ZipFile(loose) as parts, zipfile.ZipFile(path, "w") as packed:
            for part in parts.infolist():
                packed.writestr(part, parts.read(part), zipfile.ZIP_DEFLATED)
    finally:
        loose.unlink(missing_ok=True)


def load_model(name_or_path: str | os.PathLike[str] = COMPOSER) -> ChoraleModel:
    """A trained model: a shipped one by its name, or a saved one by its path. Each call loads a new
    copy, which may be trained further.

    Args:
        name_or_path: ``'note_gru'``, ``'chord_gru'`` or ``'phrase_gru'``, or the path of a
            ``.keras`` file.

    Raises:
        FileNotFoundError: no shipped model has this name, and there is no such file; the message
            lists the shipped names.
        ValueError: the file is damaged, or holds something other than a `ChoraleModel`.

    Examples:
        >>> load_model("note_gru").count_params()
        238891

    Notebook: 04_evaluation
    """
    path = _existing_file(name_or_path)
    model = _read(path)
    if not isinstance(model, ChoraleModel):
        raise ValueError(
            f"{path} holds a {type(model).__name__}: expected a ChoraleModel, such as note_gru or "
            f"chord_gru"
        )
    return model


@lru_cache(maxsize=_LOADED_AT_ONCE)
def load_critic(writer: str = COMPOSER) -> Critic:
    """The critic shipped for one of the package's models. All callers share one copy.

    Args:
        writer: name of the model that the critic steers.

    Raises:
        FileNotFoundError: no critic is shipped for this model.

    Examples:
        >>> load_critic("phrase_gru").patterns > 10_000
        True

    Notebook: 03_model_training
    """
    path = PRETRAINED / f"{writer}{_CRITIC}.keras"
    if not path.is_file():
        critics = [file.stem.removesuffix(_CRITIC) for file in PRETRAINED.glob(f"*{_CRITIC}.keras")]
        raise FileNotFoundError(
            f"no critic is shipped for {writer!r}: expected one of {', '.join(sorted(critics))}"
        )
    loaded = _read(path)
    assert isinstance(loaded, Critic), "the package's own file"
    return loaded


def critic_of(model: ChoraleModel) -> Critic | None:
    """The critic that is shipped for this model; None if there is none.

    Examples:
        >>> critic_of(as_model("chord_gru")) is None
        True

    Notebook: 05_generation
    """
    shipped = isinstance(model, Mixture) and model.name == COMPOSER
    return load_critic(COMPOSER) if shipped else None


def _read(path: Path) -> keras.Model:
    """The model that Keras reads from a file.

    Raises:
        ValueError: the file cannot be read.
    """
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # a damaged file makes zipfile, h5py and Keras fail in many ways
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"{path}: cannot read a model from this file ({type(error).__name__}: {reason}): "
            f"expected a file written by save_model"
        ) from error


def as_model(model: ModelLike) -> ChoraleModel:
    """The model itself, or the model of this name or path, which is loaded only once.

    Every function that takes a model calls this first, so that a name will do. All callers share
    the loaded model: to train one further, get a new copy from `load_model`.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.

    Raises:
        FileNotFoundError, ValueError: as in `load_model`.
        TypeError: neither a model nor a name or path; the message says what is expected.

    Examples:
        >>> as_model("note_gru") is as_model("note_gru")
        True
        >>> as_model(as_model("note_gru")) is as_model("note_gru")
        True
    """
    if isinstance(model, ChoraleModel):
        return model
    if isinstance(model, (str, os.PathLike)):
        path = _existing_file(model).resolve()
        return _loaded_once(path, path.stat().st_mtime_ns)
    raise TypeError(
        f"model {model!r}: expected a ChoraleModel, the name of a shipped one "
        f"({', '.join(_shipped_names())}), or the path of a .keras file"
    )


def weights_hash(name_or_path: str | os.PathLike[str]) -> str:
    """The first twelve digits of the SHA-256 of a model's file, which identify its weights.

    Args:
        name_or_path: as in `load_model`.

    Raises:
        FileNotFoundError: as in `load_model`.

    Examples:
        >>> weights_hash("note_gru")
        'b346578b0f49'

    Notebook: 05_generation
    """
    return hashlib.sha256(_existing_file(name_or_path).read_bytes()).hexdigest()[:12]


def _existing_file(name_or_path: str | os.PathLike[str]) -> Path:
    """The file of a shipped model, or the one at a path."""
    shipped = PRETRAINED / f"{os.fspath(name_or_path)}.keras"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        raise FileNotFoundError(
            f"model {os.fspath(name_or_path)!r}: expected one of the shipped models "
            f"{_shipped_names()} or the path of a .keras file; notebook 03 trains one"
        )
    return path


def _shipped_names() -> list[str]:
    names = (file.stem for file in PRETRAINED.glob("*.keras"))
    return sorted(name for name in names if not name.endswith(_CRITIC))


@lru_cache(maxsize=_LOADED_AT_ONCE)
def _loaded_once(path: Path, changed: int) -> ChoraleModel:
    """The model in a file. The time of its last change (nanoseconds) is part of the cache's key, so
    that a changed file is loaded again."""
    return load_model(path)
