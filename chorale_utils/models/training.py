"""Training: `fit` for the classic note_gru, `fit_chords` for chord_gru and `fit_phrases` for
phrase_gru. All can be interrupted and resumed.

The recipes use Keras' own parts wherever Keras has them. note_gru's: Adam, a power schedule and
reduce-on-plateau that act on the same learning rate, early stopping on the validation pieces,
TensorBoard. The other two: AdamW, one cycle of the learning rate, and a moving average of the
weights, which is what training returns. What Keras lacks is in `optimizers` (a logged gradient
norm, an average that warms up), in `checkpoint` (the whole state of a training in one file), and at
the end of this file (means over all notes).

References:
    Loshchilov and Hutter (2019), "Decoupled Weight Decay Regularization": AdamW.
    Smith and Topin (2018), "Super-Convergence": one cycle of the learning rate.
    Polyak and Juditsky (1992), "Acceleration of Stochastic Approximation by Averaging": averaged
        weights.

Notebook: 03_model_training
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chorale import Chorale, as_chorales
from ..encoding import TRANSPOSITIONS, score_to_tokens
from ..form import Form
from .backend import Tensor, keras, tf
from .checkpoint import CHECKPOINT, Checkpoint, hash_arrays, outcome_fingerprint
from .checks import check_whole_numbers
from .chord_gru import ChordGRU
from .datasets import (
    UNKNOWN,
    batches_per_epoch,
    chord_batches_per_epoch,
    chord_crops,
    note_windows,
    phrase_crops,
    whole_chords,
    whole_pieces,
    whole_scores,
)
from .note_gru import NoteGRU
from .optimizers import AveragedWeights, AveragingAdamW, LogNormAndRate, NormAdam
from .phrase_gru import PhraseGRU

if TYPE_CHECKING:
    import pandas as pd


def fit(
    model: NoteGRU,
    train: Chorale | Iterable[Chorale],
    valid: Chorale | Iterable[Chorale],
    epochs: int,
    folder: str | os.PathLike[str],
    after: str | os.PathLike[str] | None = None,
    learning_rate: float = 0.01,
    decay_epochs: float = 40,
    plateau_factor: float = 0.3,
    plateau_patience: int = 9,
    stop_patience: int = 30,
    clip_norm: float = 1.0,
    window: int = 256,
    batch_size: int = 16,
    transpositions: Iterable[int] = TRANSPOSITIONS,
    seed: int = 0,
    tensorboard: bool = True,
    verbose: str | int = "auto",
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> pd.DataFrame:
    """Trains a model on windows of notes and leaves it with the weights that predicted the
    validation pieces best.

    The optimizer is Adam (Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization").

    `folder` holds the state of the training, saved at the beginning and after every epoch. Called
    again with the same folder, `fit` resumes an interrupted training: at most one epoch is
    repeated, and on the same machine the result is the same to the last bit. If the training had
    finished, `fit` only restores its result.

    Args:
        model: a `NoteGRU`, built.
        train: list of Chorale, or one; every epoch draws new transpositions.
        valid: list of Chorale, or one; read whole and in their own keys. They decide when the rate
            drops, when training stops, and which weights are best.
        epochs: maximum number of epochs; early stopping may end sooner.
        folder: where ``checkpoint.npz``, ``history.csv`` and TensorBoard's logs are kept; created
            if missing.
        after: folder of an earlier training; this one starts from its best weights. None starts
            from the model's own weights.
        learning_rate: Adam's rate in the first epoch.
        decay_epochs: epochs after which the power schedule has halved the rate.
        plateau_factor, plateau_patience: the rate is multiplied by the factor after this many
            epochs without a better validation score, down to a hundredth of `learning_rate`.
        stop_patience: training stops after this many epochs without a better validation score.
        clip_norm: gradients whose global norm is larger are scaled down to it.
        window, batch_size, transpositions, seed: see `note_windows`.
        tensorboard: whether to write TensorBoard's logs into `folder`/tensorboard.
        verbose: as in Keras: 'auto' or 1 for a progress bar, 2 for one line per epoch, 0 for
            silence.
        callbacks: more Keras callbacks; they run after the checkpoint has been written.

    Returns:
        pandas DataFrame with one row per epoch: nats and val_nats (per note), accuracy and
        val_accuracy, gradient_norm (before clipping, mean over the epoch), learning_rate, seconds.
        val_nats is what `negative_log_likelihood` returns for the validation pieces.

    Raises:
        ValueError: `folder` holds the checkpoint of another training (other settings, another
            model, other pieces, or a changed `after`), or a file that is not a checkpoint; `model`
            is not a `NoteGRU`; there are no chorales.
        FileNotFoundError: there is no checkpoint in `after`.

    Examples:
        >>> from tempfile import TemporaryDirectory
        >>> from chorale_utils import note_gru
        >>> held, quiet = Chorale([[72, 67, 64, 48]] * 16), {"tensorboard": False, "verbose": 0}
        >>> with TemporaryDirectory() as folder:
        ...     model = note_gru(width=4, layers=1)
        ...     history = fit(model, [held], [held], 1, folder, window=16, batch_size=1, **quiet)
        >>> list(history)[:4], len(history)
        (['nats', 'val_nats', 'accuracy', 'val_accuracy'], 1)

    Notebook: 03_model_training
    """
    _check_kind(model, NoteGRU, "fit trains a NoteGRU; a ChordGRU is trained by fit_chords")
    check_whole_numbers(0, epochs=epochs)
    train, valid, transpositions = as_chorales(train), as_chorales(valid), list(transpositions)
    folder = Path(folder)
    settings: dict[str, Any] = {
        "learning_rate": learning_rate,
        "decay_epochs": decay_epochs,
        "plateau_factor": plateau_factor,
        "plateau_patience": plateau_patience,
        "stop_patience": stop_patience,
        "clip_norm": clip_norm,
        "window": window,
        "batch_size": batch_size,
        "transpositions": transpositions,
        "seed": seed,
        "model": model.sizes,
        "train": _fingerprint(train),
        "valid": _fingerprint(valid),
    }
    if after is not None:
        settings["after"] = _go_on_from(after, model)
    model.compile(
        optimizer=NormAdam(learning_rate, global_clipnorm=clip_norm),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        weighted_metrics=[NatsPerNote(), NoteAccuracy()],
        jit_compile=False,
    )  # on a CPU as fast as XLA for this model, and it starts seconds sooner
    early_stopping = keras.callbacks.EarlyStopping(
        "val_nats", patience=stop_patience, mode="min", restore_best_weights=True
    )
    followed = [
        keras.callbacks.LearningRateScheduler(power_schedule(decay_epochs)),
        keras.callbacks.ReduceLROnPlateau(
            "val_nats",
            factor=plateau_factor,
            patience=plateau_patience,
            mode="min",
            min_lr=learning_rate / 100,
        ),
        early_stopping,
    ]
    checkpoint = Checkpoint(
        folder / CHECKPOINT, settings, followed, lambda model: early_stopping.best_weights
    )
    return _train(
        model,
        checkpoint,
        epochs,
        tensorboard,
        verbose,
        callbacks,
        batches=lambda epoch: note_windows(
            train, window, batch_size, transpositions, seed=seed, first_epoch=epoch
        ),
        steps_per_epoch=batches_per_epoch(train, window, batch_size),
        validation_data=whole_pieces(valid),
    )


def fit_chords(
    model: ChordGRU,
    train: Chorale | Iterable[Chorale],
    valid: Chorale | Iterable[Chorale],
    epochs: int,
    folder: str | os.PathLike[str],
    after: str | os.PathLike[str] | None = None,
    learning_rate: float = 0.003,
    rise: float = 0.15,
    weight_decay: float = 0.5,
    average: float = 0.998,
    clip_norm: float = 1.0,
    steps: int = 256,
    batch_size: int = 16,
    transpositions: Iterable[int] = TRANSPOSITIONS,
    validate_every: int = 1,
    seed: int = 0,
    tensorboard: bool = True,
    verbose: str | int = "auto",
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> pd.DataFrame:
    """Trains a `ChordGRU` on passages for one cycle of the learning rate, and leaves it with the
    moving average of its weights.

    The optimizer is AdamW (Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization").
    One cycle is an idea of Smith and Topin (2018, "Super-Convergence"), averaging one of Polyak and
    Juditsky (1992, "Acceleration of Stochastic Approximation by Averaging").

    The validation pieces decide nothing here; they are only measured. `folder` is used as in `fit`:
    called again with the same folder, `fit_chords` resumes an interrupted training, and on the same
    machine the result is the same to the last bit.

    Args:
        model: a `ChordGRU`, built.
        train: list of Chorale, or one.
        valid: list of Chorale, or one; read whole and in their own keys.
        epochs: length of the cycle; each epoch reads as many steps as the pieces have.
        folder: where ``checkpoint.npz``, ``history.csv`` and TensorBoard's logs are kept; created
            if missing.
        after: folder of an earlier cycle; this one starts from its result. None starts from the
            model's own weights.
        learning_rate: AdamW's peak rate; the rate then falls to a thousandth of it along a cosine.
        rise: share of the cycle, 0..1, in which the rate rises.
        weight_decay: AdamW's, on all weights but biases.
        average: momentum of the moving average; it starts smaller, so that the average keeps up.
        clip_norm: gradients whose global norm is larger are scaled down to it.
        steps, batch_size, transpositions, seed: see `chord_crops`.
        validate_every: measure the validation pieces every so many epochs, and after the last.
        tensorboard: whether to write TensorBoard's logs into `folder`/tensorboard.
        verbose: as in Keras: 'auto' or 1 for a progress bar, 2 for one line per epoch, 0 for
            silence.
        callbacks: more Keras callbacks; they run after the checkpoint has been written.

    Returns:
        pandas DataFrame with one row per epoch and the columns that `fit` returns. nats and
        accuracy are measured on the passages, with dropout on; val_nats and val_accuracy with the
        averaged weights (NaN in epochs without validation).

    Raises:
        ValueError: `folder` holds the checkpoint of another training (perhaps `after` has changed),
            or a file that is not a checkpoint; `model` is not a `ChordGRU`; `rise` or
            `validate_every` is out of range; there are no chorales.
        FileNotFoundError: there is no checkpoint in `after`.

    Examples:
        Such a training takes many minutes, so this example is not run:

        >>> from chorale_utils import chord_gru, load_corpus
        >>> model, corpus = chord_gru(), load_corpus()
        >>> folder = "outputs/runs/mine"
        >>> fit_chords(model, corpus.train, corpus.valid, 110, folder)  # doctest: +SKIP

    Notebook: 03_model_training
    """
    _check_kind(model, ChordGRU, "fit_chords trains a ChordGRU; a NoteGRU is trained by fit")
    return _fit_cycle(
        model,
        as_chorales(train),
        as_chorales(valid),
        epochs,
        folder,
        after,
        learning_rate,
        rise,
        weight_decay,
        average,
        clip_norm,
        validate_every,
        tensorboard,
        verbose,
        callbacks,
        drawn={
            "steps": steps,
            "batch_size": batch_size,
            "transpositions": list(transpositions),
            "seed": seed,
        },
        crops=chord_crops,
        whole=whole_chords,
        fingerprint=_fingerprint,
    )


def fit_phrases(
    model: PhraseGRU,
    train: Chorale | Iterable[Chorale],
    valid: Chorale | Iterable[Chorale],
    epochs: int,
    folder: str | os.PathLike[str],
    after: str | os.PathLike[str] | None = None,
    learning_rate: float = 0.003,
    rise: float = 0.15,
    weight_decay: float = 0.5,
    average: float = 0.998,
    clip_norm: float = 1.0,
    steps: int = 256,
    batch_size: int = 16,
    transpositions: Iterable[int] = TRANSPOSITIONS,
    unknown: Mapping[str, float] = UNKNOWN,
    validate_every: int = 1,
    seed: int = 0,
    tensorboard: bool = True,
    verbose: str | int = "auto",
    callbacks: Iterable[keras.callbacks.Callback] = (),
) -> pd.DataFrame:
    """Trains a `PhraseGRU` as `fit_chords` trains a `ChordGRU`, on passages with their forms.

    Args:
        model: a `PhraseGRU`, built.
        train, valid: lists of Chorale, or one, with struck notes, fermatas, key and metre as far as
            they are known.
        unknown: see `phrase_crops`.
        epochs, folder, after, learning_rate, rise, weight_decay, average: see `fit_chords`.
        clip_norm, steps, batch_size, transpositions, validate_every, seed: see `fit_chords`.
        tensorboard, verbose, callbacks: see `fit_chords`.

    Returns:
        pandas DataFrame, as in `fit_chords`; nats count notes, rests and strikes together, given
        the form.

    Raises:
        ValueError: as in `fit_chords`; `model` is not a `PhraseGRU`.
        FileNotFoundError: there is no checkpoint in `after`.

    Examples:
        Such a training takes many minutes, so this example is not run:

        >>> from chorale_utils import load_corpus, phrase_gru
        >>> model, corpus = phrase_gru(), load_corpus()
        >>> folder = "outputs/runs/mine"
        >>> fit_phrases(model, corpus.train, corpus.valid, 110, folder)  # doctest: +SKIP

    Notebook: 03_model_training
    """
    _check_kind(
        model, PhraseGRU, "fit_phrases trains a PhraseGRU; a ChordGRU is trained by fit_chords"
    )
    return _fit_cycle(
        model,
        as_chorales(train),
        as_chorales(valid),
        epochs,
        folder,
        after,
        learning_rate,
        rise,
        weight_decay,
        average,
        clip_norm,
        validate_every,
        tensorboard,
        verbose,
        callbacks,
        drawn={
            "steps": steps,
            "batch_size": batch_size,
            "transpositions": list(transpositions),
            "seed": seed,
            "unknown": dict(unknown),
        },
        crops=phrase_crops,
        whole=whole_scores,
        fingerprint=_fingerprint_of_scores,
    )


def power_schedule(decay_epochs: float) -> Callable[[int, float], float]:
    """The power schedule lr(e) = lr(0) / (1 + e / decay_epochs), as a function (epoch, rate) ->
    rate for Keras' ``LearningRateScheduler``. It multiplies the current rate by lr(e) / lr(e - 1),
    so that other changes of the rate, such as a drop on a plateau, stay in force.

    Args:
        decay_epochs: epochs after which the rate has halved.

    Examples:
        >>> schedule, rate = power_schedule(2), 0.01
        >>> for epoch in range(5):
        ...     rate = schedule(epoch, rate)
        ...     print(f"{rate:.5f}")
        0.01000
        0.00667
        0.00500
        0.00400
        0.00333

    Notebook: 03_model_training
    """

    def next_rate(epoch: int, rate: float) -> float:
        return rate if epoch == 0 else rate * (decay_epochs + epoch - 1) / (decay_epochs + epoch)

    return next_rate


def _fit_cycle(
    model: ChordGRU | PhraseGRU,
    train: list[Chorale],
    valid: list[Chorale],
    epochs: int,
    folder: str | os.PathLike[str],
    after: str | os.PathLike[str] | None,
    learning_rate: float,
    rise: float,
    weight_decay: float,
    average: float,
    clip_norm: float,
    validate_every: int,
    tensorboard: bool,
    verbose: str | int,
    callbacks: Iterable[keras.callbacks.Callback],
    drawn: dict[str, Any],
    crops: Callable[..., tf.data.Dataset],
    whole: Callable[[list[Chorale]], tf.data.Dataset],
    fingerprint: Callable[[list[Chorale]], str],
) -> pd.DataFrame:
    """The common part of `fit_chords` and `fit_phrases`. `drawn` are the settings of `crops`, which
    makes the passages; `whole` makes the validation data; `fingerprint` hashes the pieces."""
    if not 0 <= rise <= 1:
        raise ValueError(f"rise {rise}: expected a share of the cycle, from 0 to 1")
    if validate_every < 1:
        raise ValueError(f"validate_every {validate_every}: expected a number of epochs, 1 or more")
    check_whole_numbers(0, epochs=epochs)
    folder = Path(folder)
    settings: dict[str, Any] = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "rise": rise,
        "weight_decay": weight_decay,
        "average": average,
        "clip_norm": clip_norm,
        "validate_every": validate_every,
        **drawn,
        "model": model.sizes,
        "train": fingerprint(train),
        "valid": fingerprint(valid),
    }
    if after is not None:
        settings["after"] = _go_on_from(after, model)
    batches = chord_batches_per_epoch(train, drawn["steps"], drawn["batch_size"])
    rising = max(1, round(rise * epochs * batches))
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(1, epochs * batches - rising),
        alpha=0.001,
        warmup_target=learning_rate,
        warmup_steps=rising,
    )
    optimizer = AveragingAdamW(
        rate, weight_decay=weight_decay, beta_2=0.99, global_clipnorm=clip_norm, average=average
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[NatsPerNote(from_logits=True), NoteAccuracy()],
        jit_compile=False,
    )  # XLA makes this model two to three times slower on a CPU
    averaged = AveragedWeights()
    checkpoint = Checkpoint(folder / CHECKPOINT, settings, [averaged], averaged.averaged_weights)
    return _train(
        model,
        checkpoint,
        epochs,
        tensorboard,
        verbose,
        callbacks,
        batches=lambda epoch: crops(train, **drawn, first_epoch=epoch),
        steps_per_epoch=batches,
        validation_data=whole(valid),
        validation_freq=[
            epoch
            for epoch in range(1, epochs + 1)
            if epoch % validate_every == 0 or epoch == epochs
        ],
    )


def _check_kind(model: Any, kind: type, expected: str) -> None:
    if isinstance(model, (str, os.PathLike)):
        raise ValueError(
            f"model {model!r}: expected the model itself, since training changes it: "
            f"load_model({os.fspath(model)!r})"
        )
    if not isinstance(model, kind):
        raise ValueError(f"model {type(model).__name__}: {expected}")


def _go_on_from(folder: str | os.PathLike[str], model: keras.Model) -> str:
    """Gives the model the final weights of the training in a folder; returns their fingerprint."""
    model.set_weights(Checkpoint.best_weights(Path(folder) / CHECKPOINT))
    return outcome_fingerprint(folder)


def _train(
    model: keras.Model,
    checkpoint: Checkpoint,
    epochs: int,
    tensorboard: bool,
    verbose: str | int,
    callbacks: Iterable[keras.callbacks.Callback],
    batches: Callable[[int], tf.data.Dataset],
    steps_per_epoch: int,
    **options: Any,
) -> pd.DataFrame:
    """Trains a compiled model from its last checkpoint on and leaves it with the final weights;
    returns the history.

    `batches` makes the dataset that begins with a given epoch; `options` go to Keras' `fit`.
    """
    folder = checkpoint.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.begin_or_restore(model)
    if not checkpoint.finished and checkpoint.epochs_done < epochs:
        logs = [keras.callbacks.TensorBoard(folder / "tensorboard")] if tensorboard else []
        # Take no more batches than needed: closing a dataset before its end may take half a
        # minute.
        wanted = batches(checkpoint.epochs_done).take(
            (epochs - checkpoint.epochs_done) * steps_per_epoch
        )
        model.fit(
            wanted,
            initial_epoch=checkpoint.epochs_done,
            epochs=epochs,
            steps_per_epoch=steps_per_epoch,
            shuffle=False,
            verbose=verbose,
            callbacks=[LogNormAndRate(), *checkpoint.followed, checkpoint, *logs, *callbacks],
            **options,
        )
    checkpoint.restore_outcome(model)
    return checkpoint.history()


class NoteMean(keras.metrics.Metric):
    """A weighted mean over all notes of all batches.

    (Keras' own metrics first average each batch over its padded length, which favours short
    pieces.)
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.notes = self.add_variable((), initializer="zeros", name="notes")

    def values(self, tokens: Tensor, probs: Tensor) -> Tensor:
        """The value of each note: float tensor of the shape of `tokens`."""
        raise NotImplementedError

    def update_state(
        self, tokens: Tensor, probs: Tensor, sample_weight: Tensor | None = None
    ) -> None:
        """Adds the notes of a batch."""
        values = keras.ops.cast(self.values(tokens, probs), "float32")
        weights = keras.ops.ones_like(values) if sample_weight is None else sample_weight
        self.total.assign_add(keras.ops.sum(weights * values))
        self.notes.assign_add(keras.ops.sum(weights))

    def result(self) -> Tensor:
        """The mean so far."""
        return self.total / self.notes


class NatsPerNote(NoteMean):
    """Mean -ln p of the true notes, in nats per note.

    Args:
        from_logits: whether the model returns logits instead of probabilities.

    Examples:
        >>> metric = NatsPerNote()
        >>> probs = keras.ops.array([[[0.5, 0.5], [0.75, 0.25]]])
        >>> metric.update_state(keras.ops.array([[0, 1]]), probs)
        >>> round(float(metric.result()), 3)  # the mean of ln 2 and ln 4
        1.04
    """

    def __init__(self, from_logits: bool = False) -> None:
        super().__init__("nats")
        self.from_logits = from_logits

    def values(self, tokens: Tensor, probs: Tensor) -> Tensor:
        """See `NoteMean.values`."""
        return keras.losses.sparse_categorical_crossentropy(
            tokens, probs, from_logits=self.from_logits
        )


class NoteAccuracy(NoteMean):
    """Share of notes, 0 to 1, for which the model's likeliest note is the true one.

    Examples:
        >>> metric = NoteAccuracy()
        >>> probs = keras.ops.array([[[0.9, 0.1], [0.75, 0.25]]])
        >>> metric.update_state(keras.ops.array([[0, 1]]), probs)
        >>> float(metric.result())
        0.5
    """

    def __init__(self) -> None:
        super().__init__("accuracy")

    def values(self, tokens: Tensor, probs: Tensor) -> Tensor:
        """See `NoteMean.values`."""
        return keras.ops.equal(
            tokens, keras.ops.cast(keras.ops.argmax(probs, axis=-1), tokens.dtype)
        )


def _fingerprint(chorales: Iterable[Chorale]) -> str:
    """A hash of the notes of these pieces, in this order."""
    return hash_arrays(chorale.pitches for chorale in chorales)


def _fingerprint_of_scores(chorales: list[Chorale]) -> str:
    """A hash of the scores and forms of these pieces, in this order."""
    return hash_arrays(
        [
            array
            for chorale in chorales
            for array in (
                score_to_tokens(chorale.pitches, chorale.struck),
                Form.of(chorale).features(len(chorale)),
            )
        ]
    )
