"""A checkpoint with the whole state of a training, so that an interrupted training ends with
exactly the same numbers as an uninterrupted one: weights, optimizer, random seeds, best weights so
far, the patience already used up, history.

Notebook: 03_model_training
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..files import write_atomically
from .backend import Tensor, keras

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINT, HISTORY = "checkpoint.npz", "history.csv"  # in the folder of a training


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole state of a training after every epoch, and restores it.

    One file, written under a temporary name and then renamed, holds the variables of the model
    (including random seeds) and the optimizer, the best weights so far, the counters of other
    callbacks, and the history.

    Args:
        path: path of the `.npz` file.
        settings: settings of the training (a dict for JSON); a checkpoint with other settings is
            refused.
        followed: callbacks that come before this one, whose counters are saved.
        outcome: function (model) -> list of arrays: the weights that the training would return if
            it ended now.
    """

    COUNTERS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
    FIGURES = ("nats", "val_nats", "accuracy", "val_accuracy", "gradient_norm", "learning_rate")

    def __init__(
        self,
        path: str | os.PathLike[str],
        settings: dict[str, Any],
        followed: Sequence[keras.callbacks.Callback],
        outcome: Callable[[keras.Model], list[np.ndarray]],
    ) -> None:
        super().__init__()
        self.path, self.settings = Path(path), settings
        self.followed, self.outcome = followed, outcome
        self.rows: list[dict[str, float]] = []  # of the history, one per epoch
        self.finished = False
        self._counters: list[dict[str, float]] | None = None  # to be restored
        self._best: list[np.ndarray] = []

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs in the file."""
        return len(self.rows)

    def history(self) -> pd.DataFrame:
        """A table with one row per epoch, counted from 1, and the columns that `fit` returns."""
        import pandas as pd

        return pd.DataFrame(
            self.rows,
            columns=[*self.FIGURES, "seconds"],
            dtype=float,
            index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"),
        )

    def begin_or_restore(self, model: keras.Model) -> None:
        """Restores the state in the file; if there is no file, writes the initial state.

        Args:
            model: compiled, with its optimizer.

        Raises:
            ValueError: the file belongs to another training, or is not a checkpoint.
        """
        model.optimizer.build(model.trainable_variables)
        if not self.path.exists():
            self._best = model.get_weights()
            self._write(model)
            return
        state, arrays = self._read(self.path)
        if state["settings"] != self.settings:
            differ = {
                name: (state["settings"].get(name), self.settings.get(name))
                for name in {*state["settings"], *self.settings}
                if state["settings"].get(name) != self.settings.get(name)
            }
            raise ValueError(
                f"{self.path} belongs to a training with other settings {differ} (there, here): "
                f"choose another folder, or remove the file to train from the beginning"
            )
        for kind, variables in self._variables(model).items():
            for number, variable in enumerate(variables):
                variable.assign(arrays[f"{kind}/{number}"])
        self._counters = state["counters"]
        self._best = [arrays[f"best/{number}"] for number in range(len(model.weights))]
        self.rows, self.finished = state["rows"], state["finished"]

    def restore_outcome(self, model: keras.Model) -> None:
        """Gives the model the final weights of the training."""
        model.set_weights(self._best)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restores the counters of the callbacks, which have just been reset."""
        if self._counters is None:
            return
        for callback, counters in zip(self.followed, self._counters):
            for name, value in counters.items():
                setattr(callback, name, value)
            if isinstance(callback, keras.callbacks.EarlyStopping):
                callback.best_weights = self._best if self.rows else None

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Starts the clock."""
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Adds the epoch to the history, and writes the file."""
        unseen = float("nan")  # for an epoch without validation
        figures = {"val_nats": unseen, "val_accuracy": unseen} | (logs or {})
        self.rows.append(
            {name: float(figures[name]) for name in self.FIGURES}
            | {"seconds": round(time.perf_counter() - self._began, 2)}
        )
        self.finished = bool(self.model.stop_training)
        self._best = self.outcome(self.model)
        self._write(self.model)

    @classmethod
    def best_weights(cls, path: str | os.PathLike[str]) -> list[np.ndarray]:
        """The best weights in the checkpoint at `path`.

        Raises:
            FileNotFoundError: there is no checkpoint.
            ValueError: it cannot be read.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: no checkpoint here; run the earlier training first")
        _, arrays = cls._read(path)
        count = sum(name.startswith("best/") for name in arrays)
        return [arrays[f"best/{number}"] for number in range(count)]

    def _write(self, model: keras.Model) -> None:
        arrays = {
            f"{kind}/{number}": np.array(variable)
            for kind, variables in self._variables(model).items()
            for number, variable in enumerate(variables)
        }
        arrays |= {f"best/{number}": np.array(weight) for number, weight in enumerate(self._best)}
        counters = [
            {
                name: float(getattr(callback, name))
                for name in self.COUNTERS
                if getattr(callback, name, None) is not None
            }
            for callback in self.followed
        ]
        state = {
            "settings": self.settings,
            "counters": counters,
            "rows": self.rows,
            "finished": self.finished,
        }
        arrays["state"] = np.array(json.dumps(state))
        write_atomically(self.path, lambda path: np.savez(path, allow_pickle=False, **arrays))
        write_atomically(self.path.with_name(HISTORY), lambda path: self.history().to_csv(path))

    @staticmethod
    def _read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(state, arrays by name) in the checkpoint at `path`; raises if it is unreadable."""
        try:
            with open(path, "rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = dict(file)
            return json.loads(str(arrays.pop("state"))), arrays
        except Exception as error:  # a damaged file makes numpy, zipfile, json fail in many ways
            raise ValueError(
                f"{path} is not a readable checkpoint ({error}): remove it to train from the "
                f"beginning, or choose another folder"
            ) from error

    @staticmethod
    def _variables(model: keras.Model) -> dict[str, list[Tensor]]:
        return {"model": model.variables, "optimizer": model.optimizer.variables}


def outcome_fingerprint(folder: str | os.PathLike[str]) -> str:
    """A hash of the final weights of the training in a folder. A later training's checkpoint stores
    it as the setting `after`, to detect a change of the earlier training.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it cannot be read.
    """
    return hash_arrays(Checkpoint.best_weights(Path(folder) / CHECKPOINT))


def hash_arrays(arrays: Iterable[np.ndarray]) -> str:
    """The first 16 digits of the SHA-256 of arrays and their shapes, in order.

    Examples:
        >>> hash_arrays([np.zeros(2)]) == hash_arrays([np.zeros(1), np.zeros(1)])
        False
    """
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
