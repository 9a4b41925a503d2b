"""Training: the schedule, the callbacks, and one `fit` that can be interrupted and taken up again.

What the classic's recipe asks for, in Keras' own parts where Keras has them: Adam, a power schedule and
reduce-on-plateau that work on the same learning rate, early stopping on the validation pieces, TensorBoard.
What Keras has not: a logged gradient norm, and a checkpoint that holds *all* of a training's state (weights,
optimizer, random seeds, best weights so far, the patience already used up, history), so that a training that
was interrupted ends with the very same numbers as one that was not.

Notebook: 03_model_training
"""

import hashlib
import json
import time
from pathlib import Path

import numpy as np

from .backend import keras
from .datasets import batches_per_epoch, note_windows, whole_pieces
from .encoding import TRANSPOSITIONS
from .files import write_whole

CHECKPOINT = "checkpoint.npz"
HISTORY = "history.csv"


def fit(model, train, valid, epochs, folder, after=None, learning_rate=0.01, decay_epochs=40, plateau_factor=0.3,
        plateau_patience=9, stop_patience=30, clip_norm=1.0, window=256, batch_size=16,
        transpositions=TRANSPOSITIONS, seed=0, tensorboard=True, verbose="auto"):
    """Trains a model on windows of notes and leaves it with the weights that foretold the validation pieces best.

    `folder` holds the training's state from the beginning and after every epoch. Called again with the same
    folder, `fit` goes on where the last call was interrupted (at most the epoch under way is done again, and
    the outcome is the same to the last bit on one machine), or only restores the outcome where it had finished.

    Args:
        model: a `NoteGRU`, built.
        train: list of Chorale, transposed anew in every epoch.
        valid: list of Chorale, whole and in their own key; decides on plateau, stop and best weights.
        epochs: most epochs to train; early stopping may end sooner.
        folder: where `checkpoint.npz`, `history.csv` and TensorBoard's logs are kept; made where missing.
        after: folder of an earlier loop whose best weights this one begins with; None for the model's own.
        learning_rate: Adam's rate in the first epoch.
        decay_epochs: epochs after which the power schedule has halved the rate.
        plateau_factor, plateau_patience: the rate is multiplied by the factor after so many epochs without a
            better validation figure, as long as it is above a hundredth of `learning_rate`.
        stop_patience: epochs without a better validation figure after which training stops.
        clip_norm: gradients longer than this (global norm) are shortened to it.
        window, batch_size, transpositions, seed: see `note_windows`.
        tensorboard: whether to write TensorBoard's logs into `folder`/tensorboard.
        verbose: Keras' own: 'auto' or 1 a progress bar, 2 a line an epoch, 0 silence.

    Returns:
        pandas DataFrame, a row an epoch: nats and val_nats (per note), accuracy and val_accuracy,
        gradient_norm (before clipping, mean of the epoch), learning_rate, seconds. val_nats is what
        `negative_log_likelihood` gives for the validation pieces.

    Raises:
        ValueError: `folder` holds the checkpoint of another training (other settings, another model, other pieces,
            or `after` has changed since), or a file that is no checkpoint.
        FileNotFoundError: there is no checkpoint in `after`.

    Notebook: 03_model_training
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    settings = dict(learning_rate=learning_rate, decay_epochs=decay_epochs, plateau_factor=plateau_factor,
                    plateau_patience=plateau_patience, stop_patience=stop_patience, clip_norm=clip_norm,
                    window=window, batch_size=batch_size, transpositions=list(transpositions), seed=seed,
                    model=model.sizes, train=_fingerprint(train), valid=_fingerprint(valid))
    if after is not None:
        earlier = Checkpoint.best_weights(Path(after) / CHECKPOINT)
        model.set_weights(earlier)
        settings["after"] = _hash(earlier)
    model.compile(
        optimizer=NormAdam(learning_rate, global_clipnorm=clip_norm),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        weighted_metrics=[NatsPerNote(), NoteAccuracy()],
        jit_compile=False)  # as fast as XLA for this model on a processor, and at work seconds sooner
    checkpoint = Checkpoint(folder / CHECKPOINT, settings, [
        keras.callbacks.LearningRateScheduler(power_schedule(decay_epochs)),
        keras.callbacks.ReduceLROnPlateau("val_nats", factor=plateau_factor, patience=plateau_patience,
                                          mode="min", min_lr=learning_rate / 100),
        keras.callbacks.EarlyStopping("val_nats", patience=stop_patience, mode="min",
                                      restore_best_weights=True)])
    checkpoint.begin_or_restore(model)
    if not checkpoint.finished and checkpoint.epochs_done < epochs:
        model.fit(
            note_windows(train, window, batch_size, transpositions, seed=seed, first_epoch=checkpoint.epochs_done),
            steps_per_epoch=batches_per_epoch(train, window, batch_size),
            validation_data=whole_pieces(valid),
            initial_epoch=checkpoint.epochs_done, epochs=epochs, shuffle=False, verbose=verbose,
            callbacks=[GradientNorm(), *checkpoint.followed, checkpoint,
                       *([keras.callbacks.TensorBoard(folder / "tensorboard")] if tensorboard else [])])
    checkpoint.restore_best(model)
    return checkpoint.history()


def power_schedule(decay_epochs):
    """The power schedule lr(e) = lr(0) / (1 + e / decay_epochs) as a function (epoch, rate) -> rate that
    multiplies the rate there is by lr(e) / lr(e - 1), so that whatever else has changed it stays in force.

    Args:
        decay_epochs: epochs after which the rate has halved.

    Notebook: 03_model_training
    """
    def next_rate(epoch, rate):
        return rate if epoch == 0 else rate * (decay_epochs + epoch - 1) / (decay_epochs + epoch)
    return next_rate


class NoteMean(keras.metrics.Metric):
    """A mean over notes: sum of weight times value, by sum of weights, over all notes of all batches.

    (Keras' own metrics average each batch over its padded length first, which favours short pieces.)
    """

    def __init__(self, name):
        super().__init__(name=name)
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.notes = self.add_variable((), initializer="zeros", name="notes")

    def values(self, tokens, probs):
        """Float tensor (B, notes): what is averaged, for each note."""
        raise NotImplementedError

    def update_state(self, tokens, probs, sample_weight=None):
        values = keras.ops.cast(self.values(tokens, probs), "float32")
        weights = keras.ops.ones_like(values) if sample_weight is None else sample_weight
        self.total.assign_add(keras.ops.sum(weights * values))
        self.notes.assign_add(keras.ops.sum(weights))

    def result(self):
        return self.total / self.notes


class NatsPerNote(NoteMean):
    """-ln p of the notes that came, in nats per note."""

    def __init__(self):
        super().__init__("nats")

    def values(self, tokens, probs):
        return keras.losses.sparse_categorical_crossentropy(tokens, probs)


class NoteAccuracy(NoteMean):
    """Share of notes that were the likeliest one, 0 to 1."""

    def __init__(self):
        super().__init__("accuracy")

    def values(self, tokens, probs):
        return keras.ops.equal(tokens, keras.ops.cast(keras.ops.argmax(probs, axis=-1), tokens.dtype))


@keras.saving.register_keras_serializable("chorale_utils")
class NormAdam(keras.optimizers.Adam):
    """Adam that adds up the global norm of its gradients, as they come, before clipping (Kingma and Ba 2015).

    `norm_sum` and `norm_count` are variables; `GradientNorm` reads and empties them.

    Notebook: 03_model_training
    """

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.norm_sum = self.add_variable((), initializer="zeros", name="norm_sum")
            self.norm_count = self.add_variable((), initializer="zeros", name="norm_count")

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        ops = keras.ops
        norm = ops.sqrt(sum(ops.sum(ops.square(ops.convert_to_tensor(grad))) for grad in grads if grad is not None))
        self.norm_sum.assign_add(norm)
        self.norm_count.assign_add(1.0)
        return super().apply(grads, trainable_variables)


class GradientNorm(keras.callbacks.Callback):
    """Logs the epoch's mean gradient norm as `gradient_norm`. First among callbacks, so that all see it."""

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        logs["gradient_norm"] = float(optimizer.norm_sum) / max(float(optimizer.norm_count), 1.0)
        optimizer.norm_sum.assign(0.0)
        optimizer.norm_count.assign(0.0)


class Checkpoint(keras.callbacks.Callback):
    """Writes all of a training's state after every epoch, and takes it up again.

    One file, written to a temporary name and renamed: the variables of model (random seeds included) and
    optimizer, the best weights so far, the counters of the callbacks that it follows, and the history.

    Args:
        path: of the `.npz` file.
        settings: what the training was asked for (a dict for JSON); a checkpoint with other settings is refused.
        followed: callbacks that come before this one, whose counters are kept.
    """

    COUNTERS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")

    def __init__(self, path, settings, followed):
        super().__init__()
        self.path, self.settings, self.followed = Path(path), settings, followed
        self.rows, self.finished, self._counters = [], False, None

    @property
    def epochs_done(self):
        return len(self.rows)

    def history(self):
        """A pandas DataFrame with a row an epoch, counted from 1."""
        import pandas as pd
        return pd.DataFrame(self.rows, index=pd.RangeIndex(1, len(self.rows) + 1, name="epoch"))

    def begin_or_restore(self, model):
        """Takes up the state in the file; where there is none, writes the state from which this training begins.

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
            differ = {name: (state["settings"].get(name), self.settings.get(name))
                      for name in {*state["settings"], *self.settings}
                      if state["settings"].get(name) != self.settings.get(name)}
            raise ValueError(f"{self.path} was left by a training with other settings {differ} (there, here): "
                             f"give another folder, or remove it to train from the beginning")
        for kind, variables in self._variables(model).items():
            for number, variable in enumerate(variables):
                variable.assign(arrays[f"{kind}/{number}"])
        self._counters = state["counters"]
        self._best = [arrays[f"best/{number}"] for number in range(len(model.weights))]
        self.rows, self.finished = state["rows"], state["finished"]

    def restore_best(self, model):
        """Gives the model the weights of its best epoch."""
        model.set_weights(self._best)

    def on_train_begin(self, logs=None):
        if self._counters is not None:  # the others have just set theirs to zero
            for callback, counters in zip(self.followed, self._counters):
                for name, value in counters.items():
                    setattr(callback, name, value)
            self._early_stopping.best_weights = self._best if self.rows else None

    def on_epoch_begin(self, epoch, logs=None):
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({name: float(logs[name]) for name in
                          ("nats", "val_nats", "accuracy", "val_accuracy", "gradient_norm", "learning_rate")}
                         | {"seconds": round(time.perf_counter() - self._began, 2)})
        self.finished = bool(self.model.stop_training)
        self._best = self._early_stopping.best_weights
        self._write(self.model)

    def _write(self, model):
        arrays = {f"{kind}/{number}": np.array(variable)
                  for kind, variables in self._variables(model).items()
                  for number, variable in enumerate(variables)}
        arrays |= {f"best/{number}": np.array(weight) for number, weight in enumerate(self._best)}
        counters = [{name: float(getattr(callback, name)) for name in self.COUNTERS
                     if getattr(callback, name, None) is not None} for callback in self.followed]
        state = json.dumps(dict(settings=self.settings, counters=counters, rows=self.rows, finished=self.finished))
        write_whole(self.path, lambda path: np.savez(path, state=np.array(state), **arrays))
        write_whole(self.path.with_name(HISTORY), lambda path: self.history().to_csv(path))

    @classmethod
    def best_weights(cls, path):
        """The best weights (list of arrays) in the checkpoint at `path`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it cannot be read.
        """
        if not Path(path).exists():
            raise FileNotFoundError(f"{path}: no checkpoint there; run the training that is to come before first")
        _, arrays = cls._read(path)
        return [arrays[f"best/{number}"] for number in range(sum(name.startswith("best/") for name in arrays))]

    @staticmethod
    def _read(path):
        """(state, arrays by name) in the checkpoint at `path`, or a ValueError."""
        try:
            with open(path, "rb") as whole, np.load(whole, allow_pickle=False) as file:
                arrays = dict(file)
            return json.loads(str(arrays.pop("state"))), arrays
        except Exception as error:  # a torn file makes numpy, zipfile and json fail in many ways
            raise ValueError(f"{path} is no readable checkpoint ({error}): remove it to train from the beginning, "
                             f"or give another folder") from error

    @property
    def _early_stopping(self):
        return next(callback for callback in self.followed if isinstance(callback, keras.callbacks.EarlyStopping))

    @staticmethod
    def _variables(model):
        return {"model": model.variables, "optimizer": model.optimizer.variables}


def _fingerprint(chorales):
    """What tells the notes of these pieces, in this order, from any others (str)."""
    return _hash([chorale.pitches for chorale in chorales])


def _hash(arrays):
    """SHA-256 of arrays, one after the other, with their shapes (str, its first 16 digits)."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
