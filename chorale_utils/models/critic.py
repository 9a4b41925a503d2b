"""The critic: tells Bach's passages from those of a writer, step by step, and so steers the writer.

A model that is trained to foretell Bach is slightly wrong everywhere. A critic learns where: it is
trained to tell his passages from the writer's. What it then says of a passage, the logarithm of the
odds that it is Bach's, is an estimate of log p(passage) - log q(passage), Bach's probability less
the writer's (noise-contrastive estimation). The critic says it as a sum over steps, each of which
knows what came before. So a step's share can be added to the weight of a candidate as soon as the
step is written; candidates that are weighted so follow the product of writer and critic.

It sees only some 230 real pieces. So it is small, hears notes by their degree above the tonic, by
how they move and by the intervals between the voices, never by their pitch, and much is left out in
training.

References:
    Gutmann and Hyvärinen (2010), "Noise-Contrastive Estimation": learning a ratio by telling apart.
    Deng et al. (2020), "Residual Energy-Based Models for Text Generation": the product of both.
    Whiteley and Lee (2014), "Twisted Particle Filters": weights that look further than the next
    step.

Notebook: 03_model_training
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chorale import VOICES, Chorale
from ..encoding import END_TOKEN, VOCABULARY
from ..form import FEATURES, TONIC
from .backend import keras, tf
from .chord_reader import LONGEST_HELD, VOICE_PAIRS, steps_since
from .datasets import chord_batches_per_epoch, form_rows, phrase_crops, score_with_ends
from .layers import degrees, is_note, sounding_tokens
from .phrase_gru import begins_in_score

if TYPE_CHECKING:
    import pandas as pd

WIDEST = 12  # semitones; a wider step of a voice counts as this
MOVES = 2 * WIDEST + 4  # struck again, goes on, rests or begins after a rest
GOES_ON_MOVE, REST_MOVE, ENTRY_MOVE = MOVES - 3, MOVES - 2, MOVES - 1
# what it hears of the form: everything but the tonic, to which the notes are related
HEARD_OF_FORM = [name for name in FEATURES if name != "tonic"]
PASSAGE = 128  # steps that the critic is trained on at a time


@keras.saving.register_keras_serializable("chorale_utils")
class Critic(keras.Model):
    """Says of every step how much more it is like Bach than like the writer.

    Called on (chords, form), as a `PhraseGRU` is, it returns float (B, steps): each step's share in
    the log-odds.

    Args:
        width: of its GRU.
        embedding: width of what is heard of each voice, and of each pair.
        dropout: share of what is heard, and of the GRU's state, that is left out in training.

    Notebook: 03_model_training
    """

    def __init__(
        self, width: int = 64, embedding: int = 12, dropout: float = 0.4, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = {"width": width, "embedding": embedding, "dropout": dropout}
        layers = keras.layers
        self.degree, self.move, self.held = (
            [layers.Embedding(size, embedding, name=f"{name}_{voice}") for voice in VOICES]
            for name, size in (("degree", 13), ("move", MOVES), ("held", LONGEST_HELD + 1))
        )
        self.pairs = [
            layers.Embedding(3 * 3 * 13 * 13, embedding, name=f"pair_{number}")
            for number in range(len(VOICE_PAIRS))
        ]
        self.form = [layers.Embedding(FEATURES[name], 4, name=name) for name in HEARD_OF_FORM]
        self.mix = layers.Dense(width, activation="gelu", name="mix")
        self.gru = layers.GRU(width, return_sequences=True, name="gru")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.hidden = layers.Dense(width, activation="gelu", name="hidden")
        self.share = layers.Dense(1, kernel_initializer="zeros", name="share")

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights; the shape of the input does not matter."""
        width, embedding = self.sizes["width"], self.sizes["embedding"]
        for layer in (*self.degree, *self.move, *self.held, *self.pairs, *self.form):
            layer.build(None)
        heard = (3 * len(VOICES) + len(VOICE_PAIRS)) * embedding + 4 * len(HEARD_OF_FORM)
        self.mix.build((None, None, heard))
        self.gru.build((None, None, width))
        self.hidden.build((None, None, 2 * width))
        self.share.build((None, None, width))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        """The shares (B, steps) of the steps of (chords (B, steps + 1, 4), form (B, steps, 8))."""
        ops = keras.ops
        chords, form = (ops.cast(given, "int32") for given in inputs)
        before, now = chords[:, :-1], chords[:, 1:]
        held = steps_since(begins_in_score(now, before), LONGEST_HELD)
        heard = self._hear(before, now, held, form, training)
        state = self.gru(heard, training=training)
        return self._share(state, heard, training)

    def begin(self, count: int) -> dict[str, Any]:
        """The state before the first step of `count` pieces: a nest of tensors, the first axis of
        each being the piece."""
        ops = keras.ops
        return {
            "before": ops.full((count, len(VOICES)), END_TOKEN, "int32"),
            "held": ops.zeros((count, len(VOICES)), "int32"),
            "state": ops.zeros((count, self.sizes["width"])),
        }

    def next_step(self, state: dict[str, Any], chord: Any, form: Any) -> tuple[Any, dict[str, Any]]:
        """(share (B,) of the next step, new state), of its chord (B, 4) and form (B, 8)."""
        ops = keras.ops
        held = ops.where(
            begins_in_score(chord, state["before"]), 0, ops.minimum(state["held"] + 1, LONGEST_HELD)
        )
        heard = self._hear(state["before"], chord, held, form, False)
        hidden, _ = self.gru.cell(heard, [state["state"]], training=False)
        share = self._share(hidden, heard, False)
        return share, {"before": chord, "held": held, "state": hidden}

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the critic anew: its sizes."""
        return {**super().get_config(), **self.sizes}

    def _hear(self, before, now, held, form, training):
        """What the GRU is told: float tensor (..., width)."""
        ops, names = keras.ops, list(FEATURES)
        last, sounding = sounding_tokens(before), sounding_tokens(now)
        degree = degrees(sounding, form[..., TONIC][..., None])
        move = _moves(last, sounding, now)
        told = [layer(degree[..., voice]) for voice, layer in enumerate(self.degree)]
        told += [layer(move[..., voice]) for voice, layer in enumerate(self.move)]
        told += [layer(held[..., voice]) for voice, layer in enumerate(self.held)]
        for layer, (upper, lower) in zip(self.pairs, VOICE_PAIRS):
            told.append(layer(_pair(last, sounding, upper, lower)))
        told += [
            layer(form[..., names.index(name)]) for name, layer in zip(HEARD_OF_FORM, self.form)
        ]
        return self.mix(self.dropout(ops.concatenate(told, axis=-1), training=training))

    def _share(self, state, heard, training):
        both = keras.ops.concatenate([state, heard], axis=-1)
        return self.share(self.hidden(self.dropout(both, training=training)))[..., 0]


def _moves(last, sounding, now):
    """How each voice comes to its note: int tensor (..., 4), semitones upwards from -12 as 0, or
    one of the others."""
    ops = keras.ops
    step = ops.clip(sounding - last, -WIDEST, WIDEST) + WIDEST
    step = ops.where(is_note(last), step, ENTRY_MOVE)
    step = ops.where(is_note(sounding), step, REST_MOVE)
    return ops.where(now >= VOCABULARY, GOES_ON_MOVE, step)


def _pair(last, sounding, upper, lower):
    """Which motion a pair of voices makes: int tensor (...), a place in a table (3, 3, 13, 13), as
    in `ChordGRU.motion_table`."""
    ops = keras.ops

    def interval(notes):
        above, below = notes[..., upper], notes[..., lower]
        both = ops.logical_and(is_note(above), is_note(below))
        return ops.where(both, ops.mod(above - below, 12), 12)

    def direction(voice):
        first, second = last[..., voice], sounding[..., voice]
        both = ops.logical_and(is_note(first), is_note(second))
        return ops.where(both, ops.cast(ops.sign(second - first), "int32") + 1, 1)

    return ((direction(upper) * 3 + direction(lower)) * 13 + interval(last)) * 13 + interval(
        sounding
    )


def critic(**sizes: Any) -> Critic:
    """A critic, built and ready to train: a `Critic` of the sizes given (see there).

    Notebook: 03_model_training
    """
    model = Critic(**sizes)
    model.build()
    return model


def fit_critic(
    model: Critic,
    bach: Sequence[Chorale],
    written: Sequence[Chorale],
    epochs: int,
    learning_rate: float = 0.002,
    weight_decay: float = 0.3,
    steps: int = PASSAGE,
    batch_size: int = 16,
    seed: int = 0,
    verbose: str | int = "auto",
) -> pd.DataFrame:
    """Trains a critic to tell passages by Bach from those of a writer, and returns its history, a
    pandas DataFrame with a row an epoch: loss (nats for each prefix of a passage; ln 2 knows
    nothing).

    Passages are drawn anew in every epoch, as many of either side. The critic learns from every
    prefix of a passage, because it will meet pieces that have got no further.

    Args:
        model: a `Critic`, built.
        bach, written: lists of Chorale, with their forms.
        epochs: each reads as many steps as Bach's pieces have, of either side.
        learning_rate: AdamW's highest; it rises in the first tenth, and falls along a cosine.
        weight_decay: AdamW's, on all weights but biases.
        steps, batch_size, seed: see `phrase_crops`; a batch has as many passages of either side.
        verbose: Keras' own.

    Raises:
        ValueError: no chorales on one of the sides.

    Notebook: 03_model_training
    """
    import pandas as pd

    batches = chord_batches_per_epoch(bach, steps, batch_size)
    sides = [
        phrase_crops(chorales, steps, batch_size, unknown={}, seed=2 * seed + number)
        for number, chorales in enumerate((bach, written))
    ]

    def both(real, made):
        inputs = tuple(tf.concat(pair, axis=0) for pair in zip(real[0], made[0]))
        counts = tf.concat([real[2], made[2]], axis=0)[..., -1]  # 1 until the piece is over
        is_bach = tf.repeat([1.0, 0.0], batch_size)[:, None] * tf.ones_like(counts)
        return inputs, is_bach, counts

    total = epochs * batches
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / 25,
        decay_steps=max(1, total - total // 10),
        alpha=0.01,
        warmup_target=learning_rate,
        warmup_steps=max(1, total // 10),
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=weight_decay, global_clipnorm=1.0)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer=optimizer, loss=PrefixLoss(), jit_compile=False)
    history = model.fit(
        tf.data.Dataset.zip(*sides).map(both).take(total),
        epochs=epochs,
        steps_per_epoch=batches,
        shuffle=False,
        verbose=verbose,
    )
    return pd.DataFrame(
        {"loss": history.history["loss"]}, index=pd.RangeIndex(1, epochs + 1, name="epoch")
    )


class PrefixLoss(keras.losses.Loss):
    """-ln of the odds that the critic gave to the truth, for each prefix of a passage, from the
    shares of its steps."""

    def call(self, is_bach: Any, shares: Any) -> Any:
        """Float tensor (B, steps)."""
        odds = keras.ops.cumsum(shares, axis=1)
        return keras.ops.softplus(keras.ops.where(is_bach > 0.5, -odds, odds))


def critic_log_odds(
    model: Critic, chorales: Sequence[Chorale], steps: int | None = None
) -> list[np.ndarray]:
    """For each chorale the log-odds (float array) that its passages are Bach's, or that it is as a
    whole.

    Args:
        model: a `Critic`.
        chorales: list of Chorale.
        steps: length of the passages, which follow each other from the first bar line on; each is
            judged without what came before it. None for whole pieces.

    Notebook: 03_model_training
    """
    odds = []
    for chorale in chorales:
        chords = score_with_ends(chorale)[:-1].astype(np.int32)
        form = form_rows(chorale)[1:-1].astype(np.int32)
        starts = [0] if steps is None else range(chorale.pickup, len(chorale) - steps + 1, steps)
        length = len(chorale) if steps is None else steps
        if not len(starts):
            odds.append(np.zeros(0))
            continue
        passages = np.stack([chords[start : start + length + 1] for start in starts])
        told = np.stack([form[start : start + length] for start in starts])
        shares = keras.ops.convert_to_numpy(model((passages, told)))
        odds.append(shares.sum(axis=1))
    return odds
