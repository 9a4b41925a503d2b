"""A checkpoint that holds all of a training's state, so that a training that was interrupted ends
with the very same numbers as one that was not: weights, optimizer, random seeds, best weights so
far, the patience already used up, history.

Notebook: 03_model_training
"""

import hashlib
import json
import time
from pathlib import Path

import numpy as np

from ..files import write_atomically
from .backend import keras

CHECKPOINT = "checkpoint.npz"


HISTORY = "history.csv"


class Checkpoint(keras.callbacks.Callback):
    """Writes all of a training's state after every epoch, and takes it up again.

    One file, written to a temporary name and renamed: the variables of model (random seeds included) and
    optimizer, the best weights so far, the counters of the callbacks that it follows, and the history.

    Args:
        path: of the `.npz` file.
        settings: what the training was asked for (a dict for JSON); a checkpoint with other settings is refused.
        followed: callbacks that come before this one, whose counters are kept.
        outcome: function (model) -> list of arrays, the weights that the training would leave, ended now.
    """

    COUNTERS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
    FIGURES = ("nats", "val_nats", "accuracy", "val_accuracy", "gradient_norm", "learning_rate")

    def __init__(self, path, settings, followed, outcome):
        super().__init__()
        self.path, self.settings, self.followed, self.outcome = (
            Path(path),
            settings,
            followed,
            outcome,
        )
        self.rows, self.finished, self._counters = [], False, None

    @property
    def epochs_done(self):
        return len(self.rows)

    def history(self):
        """A pandas DataFrame with a row an epoch, counted from 1."""
        import pandas as pd

        return pd.DataFrame(
            self.rows,
            columns=[*self.FIGURES, "seconds"],
            dtype=float,
            index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"),
        )

    def begin_or_restore(self, model):
        """Takes up the state in the file; where there is none, writes the state from which this
        training begins.

        Raises:
            ValueError: the file is another training's, or no checkpoint at all.
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
                f"{self.path} was left by a training with other settings {differ} (there, here): "
                f"give another folder, or remove it to train from the beginning"
            )
        for kind, variables in self._variables(model).items():
            for number, variable in enumerate(variables):
                variable.assign(arrays[f"{kind}/{number}"])
        self._counters = state["counters"]
        self._best = [arrays[f"best/{number}"] for number in range(len(model.weights))]
        self.rows, self.finished = state["rows"], state["finished"]

    def restore_outcome(self, model):
        """Gives the model the weights that the training leaves."""
        model.set_weights(self._best)

    def on_train_begin(self, logs=None):
        if self._counters is not None:  # the others have just set theirs to zero
            for callback, counters in zip(self.followed, self._counters):
                for name, value in counters.items():
                    setattr(callback, name, value)
                if isinstance(callback, keras.callbacks.EarlyStopping):
                    callback.best_weights = self._best if self.rows else None

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        logs = {
            "val_nats": float("nan"),
            "val_accuracy": float("nan"),
        } | logs  # where they were not looked at
        self.rows.append(
            {name: float(logs[name]) for name in self.FIGURES}
            | {"seconds": round(time.perf_counter() - self._began, 2)}
        )
        self.finished = bool(self.model.stop_training)
        self._best = self.outcome(self.model)
        self._write(self.model)

    def _write(self, model):
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
        state = json.dumps(
            dict(settings=self.settings, counters=counters, rows=self.rows, finished=self.finished)
        )
        write_atomically(self.path, lambda path: np.savez(path, state=np.array(state), **arrays))
        write_atomically(self.path.with_name(HISTORY), lambda path: self.history().to_csv(path))

    @classmethod
    def best_weights(cls, path):
        """The best weights (list of arrays) in the checkpoint at `path`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it cannot be read.
        """
        if not Path(path).exists():
            raise FileNotFoundError(
                f"{path}: no checkpoint there; run the training that is to come before first"
            )
        _, arrays = cls._read(path)
        return [
            arrays[f"best/{number}"]
            for number in range(sum(name.startswith("best/") for name in arrays))
        ]

    @staticmethod
    def _read(path):
        """(state, arrays by name) in the checkpoint at `path`, or a ValueError."""
        try:
            with open(path, "rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = dict(file)
            return json.loads(str(arrays.pop("state"))), arrays
        except Exception as error:  # a torn file makes numpy, zipfile and json fail in many ways
            raise ValueError(
                f"{path} is no readable checkpoint ({error}): remove it to train from the beginning, "
                f"or give another folder"
            ) from error

    @staticmethod
    def _variables(model):
        return {"model": model.variables, "optimizer": model.optimizer.variables}


def outcome_fingerprint(folder):
    """What tells the outcome of the training in a folder from any other's (str); a checkpoint's
    setting `after` holds it.

    Raises:
        FileNotFoundError: there is no checkpoint.
        ValueError: it cannot be read.
    """
    return hash_arrays(Checkpoint.best_weights(Path(folder) / CHECKPOINT))


def hash_arrays(arrays):
    """SHA-256 of arrays, one after the other, with their shapes (str, its first 16 digits)."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
