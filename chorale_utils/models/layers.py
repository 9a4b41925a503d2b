"""Layers of the chord models: reading four notes, writing one, and a GRU with dropout on its
recurrent weights.

Keras stores weights under the names of classes and attributes: the shipped files depend on the
names in this file.

References:
    Merity et al. (2018), "Regularizing and Optimizing LSTM Language Models": dropout on recurrent
        weights.

Notebook: 03_model_training
"""

from typing import Any

import numpy as np

from ..chorale import VOICES
from ..encoding import FIRST_NOTE_TOKEN, GOES_ON, LOWEST_NOTE, VOCABULARY
from .backend import Tensor, keras, ordered_sum

IMPOSSIBLE = -1e9  # logit of an impossible token
LONGEST_LEAP = 12  # semitones; a wider melodic interval counts as this

# One row for each token: its pitch class as one-hot vector, the 13th for end and silence.
_PITCH_CLASS = np.eye(13, dtype=np.float32)[
    [12] * FIRST_NOTE_TOKEN
    + [(LOWEST_NOTE + note) % 12 for note in range(VOCABULARY - FIRST_NOTE_TOKEN)]
]


class NoteEmbedding(keras.layers.Layer):
    """Embeds the notes of a chord: for each voice, the sum of a vector for the note in this voice,
    one for the note in any voice, and one for its pitch class.

    Args:
        width: width of a note's embedding.

    Examples:
        >>> NoteEmbedding(width=8)(np.array([[43, 38, 35, 19]])).shape  # C5 G4 E4 C3
        TensorShape([1, 32])
    """

    def __init__(self, width: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width = width

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights; the shape of the input does not matter."""
        initializer = keras.initializers.RandomNormal(stddev=0.5)
        self.own = self.add_weight(
            shape=(len(VOICES), VOCABULARY, self.width), initializer=initializer, name="own"
        )
        self.any = self.add_weight(
            shape=(VOCABULARY, self.width), initializer=initializer, name="any"
        )
        self.pitch_class = self.add_weight(
            shape=(13, self.width), initializer=initializer, name="pitch_class"
        )
        self.built = True

    def call(self, chords: Tensor) -> Tensor:
        """Float tensor (..., 4 * width) of chords (..., 4)."""
        ops = keras.ops
        in_any_voice = self.any + ops.matmul(_PITCH_CLASS, self.pitch_class)  # (59, width)
        table = ops.reshape(self.own + in_any_voice, (-1, self.width))  # (4 * 59, width)
        rows = ops.cast(chords, "int32") + VOCABULARY * ops.arange(len(VOICES))
        notes = ops.take(table, rows, axis=0)  # (..., 4, width)
        return ops.reshape(notes, (*ops.shape(chords)[:-1], len(VOICES) * self.width))


class NoteWriter(keras.layers.Layer):
    """Logits of the next note of a voice, from its hidden layer: the sum of logits for the note,
    its pitch class, and the melodic interval from the voice's last note.

    Examples:
        >>> hidden, last = np.zeros((1, 8), np.float32), np.array([43], np.int32)
        >>> NoteWriter()(hidden, last).shape
        TensorShape([1, 59])
    """

    INTERVALS = 2 * LONGEST_LEAP + 2  # the last one: from or to silence

    def build(self, input_shape: Any) -> None:
        """Creates the weights for a hidden layer of shape (..., width)."""
        width = input_shape[-1]
        self.note = self.add_weight(
            shape=(width, VOCABULARY), initializer="glorot_uniform", name="note"
        )
        self.pitch_class = self.add_weight(
            shape=(width, 13), initializer="zeros", name="pitch_class"
        )
        self.interval = self.add_weight(
            shape=(width, self.INTERVALS), initializer="zeros", name="interval"
        )
        self.bias = self.add_weight(
            shape=(VOCABULARY + self.INTERVALS,), initializer="zeros", name="bias"
        )
        self.built = True

    def call(self, hidden: Tensor, last: Tensor) -> Tensor:
        """Logits (..., 59), from hidden (..., width) and the tokens (...) of the voice's last
        note."""
        ops = keras.ops
        by_note = self.note + ops.matmul(self.pitch_class, _PITCH_CLASS.T)  # (width, 59)
        logits = ops.matmul(hidden, ops.concatenate([by_note, self.interval], axis=1)) + self.bias
        # logits are (..., 59 + INTERVALS): those of the notes, then those of the intervals
        tokens, last = ops.arange(VOCABULARY), last[..., None]
        leaps = ops.clip(tokens - last, -LONGEST_LEAP, LONGEST_LEAP) + LONGEST_LEAP
        leaps = ops.where(
            ops.logical_and(is_note(tokens), is_note(last)), leaps, self.INTERVALS - 1
        )
        return logits[..., :VOCABULARY] + ops.take_along_axis(
            logits[..., VOCABULARY:], leaps, axis=-1
        )


class WeightDropGRU(keras.layers.GRU):
    """A GRU that drops a random share of its recurrent weights in every training batch.

    (Keras' own `recurrent_dropout` drops parts of the state instead, and takes three times as
    long.)

    Args:
        units: number of units.
        weight_drop: the share, 0..1.

    Examples:
        >>> gru = WeightDropGRU(4, 0.5, return_sequences=True)
        >>> gru.build((None, None, 2))
        >>> gru(np.ones((1, 3, 2), np.float32), training=True).shape
        TensorShape([1, 3, 4])
    """

    def __init__(self, units: int, weight_drop: float, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.weight_drop = keras.layers.Dropout(weight_drop, name="weight_drop")

    def call(self, sequences: Tensor, training: bool = False) -> Tensor:
        """Float tensor (B, steps, units), or (B, units) without `return_sequences`."""
        whole = self.cell.recurrent_kernel
        self.cell.recurrent_kernel = self.weight_drop(whole, training=training)
        try:
            return super().call(sequences, training=training)
        finally:
            self.cell.recurrent_kernel = whole


def is_note(tokens: Tensor) -> Tensor:
    """Whether each token is a note rather than the end or silence (bool, the shape of `tokens`).

    Examples:
        >>> is_note(np.array([0, 1, 2, 58]))
        array([False, False,  True,  True])
    """
    return tokens >= FIRST_NOTE_TOKEN


class ScoreEmbedding(NoteEmbedding):
    """Embeds the notes of a chord in a score: like `NoteEmbedding`, plus, for each voice, a vector
    for the note's degree above the tonic and one for held notes.

    Args:
        width: width of a note's embedding.
    """

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights; the shape of the input does not matter."""
        super().build()
        initializer = keras.initializers.RandomNormal(stddev=0.5)
        shape = (len(VOICES), 13, self.width)
        self.degree = self.add_weight(shape=shape, initializer=initializer, name="degree")
        self.going_on = self.add_weight(
            shape=(len(VOICES), self.width), initializer=initializer, name="going_on"
        )

    def call(self, chords: Tensor) -> Tensor:
        """Float tensor (..., 4 * width) of a score's tokens (..., 4), without their degrees."""
        ops = keras.ops
        going_on = ops.cast(chords >= VOCABULARY, "float32")[..., None] * self.going_on
        going_on = ops.reshape(going_on, (*ops.shape(chords)[:-1], len(VOICES) * self.width))
        return super().call(sounding_tokens(chords)) + going_on

    def embed_degrees(self, chords: Tensor, tonic: Tensor) -> Tensor:
        """Float tensor (..., 4 * width) of the degrees of a score's tokens (..., 4) above the tonic
        (...): 1 to 12 for C to B, 0 if unknown."""
        ops = keras.ops
        degree = ops.one_hot(degrees(sounding_tokens(chords), tonic[..., None]), 13)
        degree = ops.einsum("...vd,vdw->...vw", degree, self.degree)  # (..., 4, width)
        return ops.reshape(degree, (*ops.shape(chords)[:-1], len(VOICES) * self.width))


class ScoreWriter(NoteWriter):
    """Logits of what a voice does next in a score, from its hidden layer: strike a note, or hold
    the last one.

    The logit of striking a note is the sum of logits for the note, its pitch class, its degree
    above the tonic, and the melodic interval. The logit of holding the last note is the sum of
    that note's logit and one for holding.
    """

    INTERVALS = NoteWriter.INTERVALS + 1  # the last one: the note is held

    def build(self, input_shape: Any) -> None:
        """Creates the weights for a hidden layer of shape (..., width)."""
        super().build(input_shape)
        self.degree = self.add_weight(
            shape=(input_shape[-1], 13), initializer="zeros", name="degree"
        )

    def call(  # type: ignore[override]  # takes more arguments
        self, hidden: Tensor, last: Tensor, tonic: Tensor, motion: list[Tensor]
    ) -> Tensor:
        """Logits (..., 60); the last one is for holding the note.

        Args:
            hidden: float tensor (..., width).
            last: int tensor (...), the voice's last note, a token 0..58.
            tonic: int tensor (...), 1 to 12 for C to B, 0 if unknown.
            motion: list of float tensors (..., 59) to add to the notes' logits.
        """
        ops, intervals = keras.ops, self.INTERVALS
        by_note = self.note + ops.matmul(self.pitch_class, _PITCH_CLASS.T)
        weights = ops.concatenate([by_note, self.interval, self.degree], axis=1)
        logits = ops.matmul(hidden, weights)
        logits, by_degree = logits[..., :-13] + self.bias, logits[..., -13:]
        tokens, last = ops.arange(VOCABULARY), last[..., None]
        leaps = ops.clip(tokens - last, -LONGEST_LEAP, LONGEST_LEAP) + LONGEST_LEAP
        leaps = ops.where(ops.logical_and(is_note(tokens), is_note(last)), leaps, intervals - 2)
        steps = degrees(tokens, tonic[..., None])
        notes = ordered_sum(
            [
                logits[..., :VOCABULARY],
                ops.take_along_axis(by_degree, steps, axis=-1),
                *motion,
            ]
        )
        struck = notes + ops.take_along_axis(logits[..., VOCABULARY:], leaps, axis=-1)
        goes_on = ops.take_along_axis(notes, last, axis=-1) + logits[..., -1:]
        goes_on = ops.where(is_note(last), goes_on, IMPOSSIBLE)
        return ops.concatenate([struck, goes_on], axis=-1)


def degrees(tokens: Tensor, tonic: Tensor) -> Tensor:
    """Semitones above the tonic, 0..11, of tokens 0..58 (int tensor); 12 if the token is not a
    note, or the tonic is unknown (0)."""
    ops = keras.ops
    known = ops.logical_and(is_note(tokens), tonic > 0)
    pitch = tokens - FIRST_NOTE_TOKEN + LOWEST_NOTE
    return ops.where(known, ops.mod(pitch - (tonic - 1), 12), 12)


def sounding_tokens(tokens: Tensor) -> Tensor:
    """Tokens 0..58 of the sounding notes, struck or held, from a score's tokens 0..115."""
    return keras.ops.where(tokens >= VOCABULARY, tokens - GOES_ON, tokens)


def as_score_logits(logits: Tensor, last: Tensor) -> Tensor:
    """Logits (..., 116) by a score's tokens, from those of `ScoreWriter` (..., 60) and the voice's
    last note (...), a token 0..58."""
    ops = keras.ops
    tokens = ops.arange(FIRST_NOTE_TOKEN, VOCABULARY)
    goes_on = ops.where(tokens == last[..., None], logits[..., VOCABULARY:], IMPOSSIBLE)
    return ops.concatenate([logits[..., :VOCABULARY], goes_on], axis=-1)
