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

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale
from ..encoding import END_TOKEN, VOCABULARY
from ..form import FEATURES, TONIC
from .backend import Tensor, keras, tf
from .chord_reader import LONGEST_HELD, VOICE_PAIRS, steps_since
from .datasets import chord_batches_per_epoch, form_rows, phrase_crops, score_with_ends
from .layers import degrees, is_note, sounding_tokens
from .phrase_gru import begins_in_score

if TYPE_CHECKING:
    import pandas as pd

WIDEST = 12  # semitones; a wider step of a voice counts as this
MOVES = 2 * WIDEST + 4  # struck again, goes on, rests or begins after a rest
GOES_ON_MOVE, REST_MOVE, ENTRY_MOVE = MOVES - 3, MOVES - 2, MOVES - 1
LONGEST_LASTED = LONGEST_HELD + 1  # steps that the note before has lasted; 0: there was none
CHORDS = 2**12  # chord types: sets of intervals above the lowest note
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
        self, width: int = 96, embedding: int = 12, dropout: float = 0.4, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = {"width": width, "embedding": embedding, "dropout": dropout}
        layers = keras.layers
        small = keras.initializers.RandomUniform(-0.01, 0.01)  # most chords hardly ever come
        self.degree, self.move, self.held, self.figure, self.lasted = (
            [layers.Embedding(size, embedding, name=f"{name}_{voice}") for voice in VOICES]
            for name, size in (
                ("degree", 13),
                ("move", MOVES),
                ("held", LONGEST_HELD + 1),
                ("figure", MOVES * MOVES + 1),  # the last one: no note begins
                ("lasted", LONGEST_LASTED + 1),
            )
        )
        self.pairs = [
            layers.Embedding(3 * 3 * 13 * 13, embedding, name=f"pair_{number}")
            for number in range(len(VOICE_PAIRS))
        ]
        self.chord, self.chord_before = (
            layers.Embedding(CHORDS + 1, 2 * embedding, embeddings_initializer=small, name=name)
            for name in ("chord", "chord_before")
        )
        self.bass_motion = layers.Embedding(13, embedding, name="bass_motion")
        self.form = [layers.Embedding(FEATURES[name], 4, name=name) for name in HEARD_OF_FORM]
        self.mix = layers.Dense(width, activation="gelu", name="mix")
        self.gru = layers.GRU(width, return_sequences=True, name="gru")
        self.dropout = layers.Dropout(dropout, name="dropout")
        self.hidden = layers.Dense(width, activation="gelu", name="hidden")
        self.share = layers.Dense(1, kernel_initializer="zeros", name="share")

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights; the shape of the input does not matter."""
        width, embedding = self.sizes["width"], self.sizes["embedding"]
        by_voice = (self.degree, self.move, self.held, self.figure, self.lasted)
        alone = (self.chord, self.chord_before, self.bass_motion)
        for layer in (*sum(by_voice, []), *self.pairs, *alone, *self.form):
            layer.build(None)
        voices = len(by_voice) * len(VOICES) + len(VOICE_PAIRS)
        heard = (voices + 2 + 2 + 1) * embedding + 4 * len(HEARD_OF_FORM)
        self.mix.build((None, None, heard))
        self.gru.build((None, None, width))
        self.hidden.build((None, None, 2 * width))
        self.share.build((None, None, width))
        self.built = True

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """The shares (B, steps) of the steps of (chords (B, steps + 1, 4), form (B, steps, 8))."""
        chords, form = (keras.ops.cast(given, "int32") for given in inputs)
        before, now = chords[:, :-1], chords[:, 1:]
        heard = self._hear(before, now, _memory(before, now, form), form, training)
        return self._share(self.gru(heard, training=training), heard, training)

    def begin(self, count: int) -> dict[str, Any]:
        """The state before the first step of `count` pieces: a nest of tensors, the first axis of
        each being the piece."""
        ops, by_voice = keras.ops, (count, len(VOICES))
        return {
            "before": ops.full(by_voice, END_TOKEN, "int32"),
            "state": ops.zeros((count, self.sizes["width"])),
            "memory": {
                "held": ops.zeros(by_voice, "int32"),
                "move": ops.full(by_voice, GOES_ON_MOVE, "int32"),
                "lasted": ops.zeros(by_voice, "int32"),
                "chord": ops.full((count,), CHORDS, "int32"),
                "lowest": ops.zeros((count,), "int32"),
            },
        }

    def next_step(
        self, state: dict[str, Any], chord: Tensor, form: Tensor
    ) -> tuple[Tensor, dict[str, Any]]:
        """(share (B,) of the next step, new state), of its chord (B, 4) and form (B, 8)."""
        before, memory = state["before"], state["memory"]
        heard = self._hear(before, chord, _with_held(memory, before, chord), form, False)
        hidden, _ = self.gru.cell(heard, [state["state"]], training=False)
        share = self._share(hidden, heard, False)
        memory = _remembered(memory, before, chord, form)
        return share, {"before": chord, "state": hidden, "memory": memory}

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the critic anew: its sizes."""
        return {**super().get_config(), **self.sizes}

    def _hear(
        self, before: Tensor, now: Tensor, memory: dict[str, Tensor], form: Tensor, training: bool
    ) -> Tensor:
        """What the GRU is told of chords `now` (..., 4) after those `before`, with what is
        remembered of earlier ones (see `_memory`): float tensor (..., width)."""
        ops, names = keras.ops, list(FEATURES)
        last, sounding, move = sounding_tokens(before), sounding_tokens(now), _moves(before, now)
        begins = move != GOES_ON_MOVE
        by_voice = (
            (self.degree, degrees(sounding, form[..., TONIC][..., None])),
            (self.move, move),
            (self.held, memory["held"]),
            (self.figure, ops.where(begins, memory["move"] * MOVES + move, MOVES * MOVES)),
            (self.lasted, ops.where(begins, memory["lasted"], 0)),
        )
        lowest = _lowest(sounding)
        both = ops.logical_and(lowest > 0, memory["lowest"] > 0)
        told = [
            layer(values[..., voice])
            for layers, values in by_voice
            for voice, layer in enumerate(layers)
        ]
        told += [
            layer(_pair(last, sounding, upper, lower))
            for layer, (upper, lower) in zip(self.pairs, VOICE_PAIRS)
        ]
        told += [self.chord(_chord_type(sounding)), self.chord_before(memory["chord"])]
        told += [self.bass_motion(ops.where(both, ops.mod(lowest - memory["lowest"], 12), 12))]
        told += [
            layer(form[..., names.index(name)]) for name, layer in zip(HEARD_OF_FORM, self.form)
        ]
        return self.mix(self.dropout(ops.concatenate(told, axis=-1), training=training))

    def _share(self, state: Tensor, heard: Tensor, training: bool) -> Tensor:
        both = keras.ops.concatenate([state, heard], axis=-1)
        return self.share(self.hidden(self.dropout(both, training=training)))[..., 0]


def _memory(before: Tensor, now: Tensor, form: Tensor) -> dict[str, Tensor]:
    """What is remembered at each step of chords `now` (B, steps, 4), besides the chord before.

    Returns:
        dict of int tensors: held (B, steps, 4), for how many steps each voice's note has gone on;
        move and lasted, its shape, how the voice came to the note before this one (or, where none
        begins, to this one), and for how long that has lasted; chord and lowest (B, steps), chord
        type and lowest note on the beat before.
    """
    ops = keras.ops
    sounding, move = sounding_tokens(now), _moves(before, now)
    number = ops.arange(ops.shape(now)[1])
    began = _latest(move != GOES_ON_MOVE)  # (B, steps, 4)
    beat = _latest(_on_beat(form))  # (B, steps)

    def there(values: Tensor, step: Tensor, otherwise: int) -> Tensor:
        found = ops.take_along_axis(values, ops.maximum(step, 0), axis=1)
        return ops.where(step >= 0, found, otherwise)

    lasted = ops.minimum(number[:, None] - began, LONGEST_LASTED)
    return {
        "held": steps_since(begins_in_score(now, before), LONGEST_HELD),
        "move": there(move, began, GOES_ON_MOVE),
        "lasted": ops.where(began >= 0, lasted, 0),
        "chord": there(_chord_type(sounding), beat, CHORDS),
        "lowest": there(_lowest(sounding), beat, 0),
    }


def _with_held(memory: dict[str, Tensor], before: Tensor, chord: Tensor) -> dict[str, Tensor]:
    """The memory before a step, with how long the notes of its chord (B, 4) have gone on."""
    ops = keras.ops
    longer = ops.minimum(memory["held"] + 1, LONGEST_HELD)
    return {**memory, "held": ops.where(begins_in_score(chord, before), 0, longer)}


def _remembered(
    memory: dict[str, Tensor], before: Tensor, chord: Tensor, form: Tensor
) -> dict[str, Tensor]:
    """The memory after a step with this chord (B, 4) and form (B, 8)."""
    ops = keras.ops
    sounding, move, on_beat = sounding_tokens(chord), _moves(before, chord), _on_beat(form)
    begins = move != GOES_ON_MOVE
    longer = ops.where(memory["lasted"] > 0, ops.minimum(memory["lasted"] + 1, LONGEST_LASTED), 0)
    return {
        **_with_held(memory, before, chord),
        "move": ops.where(begins, move, memory["move"]),
        "lasted": ops.where(begins, 1, longer),
        "chord": ops.where(on_beat, _chord_type(sounding), memory["chord"]),
        "lowest": ops.where(on_beat, _lowest(sounding), memory["lowest"]),
    }


def _latest(happens: Tensor) -> Tensor:
    """For each step the latest one before it at which something happened, or -1: int tensor, the
    shape of `happens` (B, steps, ...)."""
    ops = keras.ops
    steps = ops.shape(happens)[1]
    number = ops.reshape(ops.arange(steps), (1, steps, *(1,) * (len(happens.shape) - 2)))
    rest = [[0, 0]] * (len(happens.shape) - 2)

    def later(values: Tensor, by: int) -> Tensor:
        return ops.pad(values, [[0, 0], [by, 0], *rest], constant_values=-1)[:, :steps]

    latest = later(ops.where(happens, number, -1), 1)
    for reach in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):  # by doubling
        latest = ops.maximum(latest, later(latest, reach))
    return latest


def _moves(before: Tensor, now: Tensor) -> Tensor:
    """How each voice comes to its note: int tensor (..., 4), semitones upwards from -12 as 0, or
    one of the other moves."""
    ops = keras.ops
    last, sounding = sounding_tokens(before), sounding_tokens(now)
    step = ops.clip(sounding - last, -WIDEST, WIDEST) + WIDEST
    step = ops.where(is_note(last), step, ENTRY_MOVE)
    step = ops.where(is_note(sounding), step, REST_MOVE)
    return ops.where(now >= VOCABULARY, GOES_ON_MOVE, step)


def _on_beat(form: Tensor) -> Tensor:
    """Whether steps begin a quarter, bool tensor (...); none does where the metre is not known."""
    place = form[..., list(FEATURES).index("place")]
    return keras.ops.logical_and(place > 0, keras.ops.mod(place - 1, STEPS_PER_QUARTER) == 0)


def _lowest(sounding: Tensor) -> Tensor:
    """The lowest note (...) of chords (..., 4), 0 for silence."""
    ops = keras.ops
    lowest = ops.min(ops.where(is_note(sounding), sounding, VOCABULARY), axis=-1)
    return ops.where(lowest == VOCABULARY, 0, lowest)


def _chord_type(sounding: Tensor) -> Tensor:
    """Which intervals above the lowest note sound in chords (..., 4): int tensor (...), a bit for
    each of 0 to 11 semitones."""
    ops = keras.ops
    above = ops.mod(sounding - _lowest(sounding)[..., None], 12)
    above = ops.where(is_note(sounding), above, 12)
    heard = ops.max(ops.one_hot(above, 13, dtype="int32"), axis=-2)  # (..., 13)
    return ops.sum(heard[..., :12] * (1 << np.arange(12)).astype(np.int32), axis=-1)


def _pair(last: Tensor, sounding: Tensor, upper: int, lower: int) -> Tensor:
    """Which motion a pair of voices makes: int tensor (...), a place in a table (3, 3, 13, 13), as
    in `ChordGRU.motion_table`."""
    ops = keras.ops

    def interval(notes: Tensor) -> Tensor:
        above, below = notes[..., upper], notes[..., lower]
        both = ops.logical_and(is_note(above), is_note(below))
        return ops.where(both, ops.mod(above - below, 12), 12)

    def direction(voice: int) -> Tensor:
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
