"""Training: `fit` for the classic, `fit_chords` for the strong model; both can be interrupted and
taken up again.

What the recipes ask for, in Keras' own parts where Keras has them. The classic's: Adam, a power
schedule and reduce-on-plateau that work on the same learning rate, early stopping on the validation
pieces, TensorBoard. The strong model's: AdamW, one cycle of the learning rate, and a moving average
of the weights, which is the outcome. What Keras lacks is in `optimizers` (a logged gradient norm,
an average that warms up), in `checkpoint` (all of a training's state in one file), and at the end
of this file (means over all notes).

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

    `folder` holds the training's state from the beginning and after every epoch. Called again with
    the same folder, `fit` goes on where the last call was interrupted (at most the epoch under way
    is done again, and the outcome is the same to the last bit on one machine), or only restores the
    outcome where it had finished.

    Args:
        model: a `NoteGRU`, built.
        train: list of Chorale, or one; transposed anew in every epoch.
        valid: list of Chorale, or one; whole and in their own key; decides on plateau, stop and
            best weights.
        epochs: most epochs to train; early stopping may end sooner.
        folder: where `checkpoint.npz`, `history.csv` and TensorBoard's logs are kept; made where
            missing.
        after: folder of an earlier training whose best weights this one begins with; None for the
            model's own.
        learning_rate: Adam's rate in the first epoch.
        decay_epochs: epochs after which the power schedule has halved the rate.
        plateau_factor, plateau_patience: the rate is multiplied by the factor after that many
            epochs without a better validation figure, as long as it is above a hundredth of
            `learning_rate`.
        stop_patience: epochs without a better validation figure after which training stops.
        clip_norm: gradients longer than this (global norm) are shortened to it.
        window, batch_size, transpositions, seed: see `note_windows`.
        tensorboard: whether to write TensorBoard's logs into `folder`/tensorboard.
        verbose: Keras' own: 'auto' or 1 a progress bar, 2 a line an epoch, 0 silence.
        callbacks: more Keras callbacks; they come after the checkpoint has been written.

    Returns:
        pandas DataFrame, a row an epoch: nats and val_nats (per note), accuracy and val_accuracy,
        gradient_norm (before clipping, mean of the epoch), learning_rate, seconds. val_nats is what
        `negative_log_likelihood` gives for the validation pieces.

    Raises:
        ValueError: `folder` holds the checkpoint of another training (other settings, another
            model, other pieces, or `after` has changed since), or a file that is no checkpoint;
            `model` is no `NoteGRU`; no chorales.
        FileNotFoundError: there is no checkpoint in `after`.

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
    )  # as fast as XLA for this model on a processor, and at work seconds sooner
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
    moving average of its weights at the end of it.

    The validation pieces decide nothing here; they are only looked at. `folder` is used as in
    `fit`: called again with it, `fit_chords` goes on where it was interrupted, with the same
    outcome to the last bit on one machine.

    Args:
        model: a `ChordGRU`, built.
        train: list of Chorale, or one.
        valid: list of Chorale, or one; whole and in their own key.
        epochs: length of the cycle; each epoch reads as many steps as the pieces have.
        folder: where `checkpoint.npz`, `history.csv` and TensorBoard's logs are kept; made where
            missing.
        after: folder of an earlier cycle whose outcome this one begins with; None for the model's
            own weights.
        learning_rate: AdamW's highest rate; it rises to it and falls to a thousandth of it along a
            cosine.
        rise: share of the cycle, 0..1, in which the rate rises.
        weight_decay: AdamW's, on all weights but biases.
        average: momentum of the moving average; in the beginning it is smaller, so that the average
            keeps up.
        clip_norm: gradients longer than this (global norm) are shortened to it.
        steps, batch_size, transpositions, seed: see `chord_crops`.
        validate_every: epochs from one look at the validation pieces to the next; the last epoch
            has one, too.
        tensorboard: whether to write TensorBoard's logs into `folder`/tensorboard.
        verbose: Keras' own: 'auto' or 1 a progress bar, 2 a line an epoch, 0 silence.
        callbacks: more Keras callbacks; they come after the checkpoint has been written.

    Returns:
        pandas DataFrame, a row an epoch, with the columns that `fit` returns. nats and accuracy are
        those of the passages, with dropout on; val_nats and val_accuracy those of the averaged
        weights (NaN where an epoch had no look at the validation pieces). gradient_norm,
        learning_rate and seconds are as there.

    Raises:
        ValueError: `folder` holds the checkpoint of another training (`after` may have changed
            since), or a file that is no checkpoint; `model` is no `ChordGRU`; `rise` or
            `validate_every` is out of range; no chorales.
        FileNotFoundError: there is no checkpoint in `after`.

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
        model: a `PhraseGRU`, built. train, valid: lists of Chorale, or one, with what is known of
        struck notes, fermatas, key and
            metre.
        unknown: see `phrase_crops`.
        epochs, folder, after, learning_rate, rise, weight_decay, average, clip_norm, steps,
            batch_size, transpositions, validate_every, seed, tensorboard, verbose, callbacks: see
            `fit_chords`.

    Returns:
        pandas DataFrame, as `fit_chords` returns it; nats are those of notes, rests and strikes
        together, given the form.

    Raises:
        ValueError: as in `fit_chords`; `model` is no `PhraseGRU`.
        FileNotFoundError: there is no checkpoint in `after`.

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
    """The power schedule lr(e) = lr(0) / (1 + e / decay_epochs), as Keras' `LearningRateScheduler`
    takes it: a function (epoch, rate) -> rate. It multiplies the rate there is by lr(e) /
    lr(e - 1), so that whatever else has changed the rate stays in force.

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
    """What `fit_chords` and `fit_phrases` have in common. `drawn` are the settings of `crops`,
    which makes the passages; `whole` makes the validation pieces; `fingerprint` tells pieces from
    others."""
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
    )  # XLA makes this model two to three times slower on a processor
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
    """Gives the model the outcome of the training in a folder; returns its fingerprint."""
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
    """Trains a compiled model from where its checkpoint stands; returns the history, leaves the
    checkpoint's outcome.

    `batches` makes the dataset that begins with a given epoch; `options` go to Keras' `fit`.
    """
    folder = checkpoint.path.parent
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.begin_or_restore(model)
    if not checkpoint.finished and checkpoint.epochs_done < epochs:
        logs = [keras.callbacks.TensorBoard(folder / "tensorboard")] if tensorboard else []
        # No more batches than are wanted: to give up a dataset that has not come to its end may
        # take half a minute.
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
    """A mean over notes: sum of weight times value, by sum of weights, over all notes of all
    batches.

    (Keras' own metrics average each batch over its padded length first, which favours short
    pieces.)
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name)
        self.total = self.add_variable((), initializer="zeros", name="total")
        self.notes = self.add_variable((), initializer="zeros", name="notes")

    def values(self, tokens: Tensor, probs: Tensor) -> Tensor:
        """What is averaged, for each note: float tensor of the shape of `tokens`."""
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
    """-ln p of the notes that came, in nats per note.

    Args:
        from_logits: whether the model gives logits instead of probabilities.

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
    """Share of notes that were the likeliest one, 0 to 1.

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
    """A hash that tells the notes of these pieces, in this order, from any others."""
    return hash_arrays(chorale.pitches for chorale in chorales)


def _fingerprint_of_scores(chorales: list[Chorale]) -> str:
    """What tells the scores and forms of these pieces, in this order, from any others."""
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
