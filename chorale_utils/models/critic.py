"""The critic: a classifier that tells Bach's passages from a writer's, and so steers the writer.

A model trained to predict Bach is slightly wrong everywhere. The critic learns where: it is trained
to tell Bach's passages from the writer's. Its logit for a passage, the log-odds that Bach wrote it,
estimates log p(passage) - log q(passage), where p is Bach's probability and q the writer's
(noise-contrastive estimation). The logit is a sum over steps, and each term depends only on that
step and those before it. So a term can be added to a candidate's log-weight as soon as the step is
written, and candidates weighted in this way follow the product of writer and critic.

There are only about 230 real pieces to learn from. So the network is small, dropout is heavy, and
notes enter only as degrees above the tonic, as melodic motion and as intervals between the voices,
never as pitches.

References:
    Gutmann and Hyvärinen (2010), "Noise-Contrastive Estimation": a classifier learns the ratio of
    two densities.
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
MOVES = 2 * WIDEST + 4  # every step from -12 to 12, and: held, rest, entry after a rest
GOES_ON_MOVE, REST_MOVE, ENTRY_MOVE = MOVES - 3, MOVES - 2, MOVES - 1
LONGEST_LASTED = LONGEST_HELD + 1  # length of the note before, in steps; 0: no note before
CHORDS = 2**12  # chord types: sets of intervals above the lowest note
# the features of the form that it sees: all but the tonic, from which degrees are counted
HEARD_OF_FORM = [name for name in FEATURES if name != "tonic"]
PASSAGE = 128  # steps in a training passage


@keras.saving.register_keras_serializable("chorale_utils")
class Critic(keras.Model):
    """Scores every step: how much more it sounds like Bach than like the writer.

    Called on (chords, form), like a `PhraseGRU`, it returns float (B, steps): what each step adds
    to the log-odds that the piece is Bach's.

    Args:
        width: number of units of the GRU.
        embedding: width of the embeddings of each voice and each pair of voices.
        dropout: share of the inputs and of the GRU's state that is dropped in training.

    Notebook: 03_model_training
    """

    def __init__(
        self, width: int = 96, embedding: int = 12, dropout: float = 0.4, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = {"width": width, "embedding": embedding, "dropout": dropout}
        layers = keras.layers
        small = keras.initializers.RandomUniform(-0.01, 0.01)  # most chords hardly ever occur
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
        """Creates the weights; the shape of the input does not matter."""
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
        """Log-odds (B, steps) that each step adds, for chords (B, steps + 1, 4) and their form
        (B, steps, 8)."""
        chords, form = (keras.ops.cast(given, "int32") for given in inputs)
        before, now = chords[:, :-1], chords[:, 1:]
        heard = self._hear(before, now, _memory(before, now, form), form, training)
        return self._share(self.gru(heard, training=training), heard, training)

    def begin(self, count: int) -> dict[str, Any]:
        """The state before the first step of `count` pieces: a nested dict of tensors whose first
        axis is the piece."""
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
        """(log-odds (B,) that the next step adds, new state), for its chord (B, 4) and form
        (B, 8)."""
        before, memory = state["before"], state["memory"]
        heard = self._hear(before, chord, _with_held(memory, before, chord), form, False)
        hidden, _ = self.gru.cell(heard, [state["state"]], training=False)
        share = self._share(hidden, heard, False)
        memory = _remembered(memory, before, chord, form)
        return share, {"before": chord, "state": hidden, "memory": memory}

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to rebuild the critic: its sizes."""
        return {**super().get_config(), **self.sizes}

    def _hear(
        self, before: Tensor, now: Tensor, memory: dict[str, Tensor], form: Tensor, training: bool
    ) -> Tensor:
        """The GRU's input for chords `now` (..., 4), given the chords `before` and the memory of
        earlier ones (see `_memory`): float tensor (..., width)."""
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
    """The memory at each step of chords `now` (B, steps, 4), besides the chord before.

    Returns:
        dict of int tensors: held (B, steps, 4), for how many steps each voice has held its note;
        move and lasted (B, steps, 4), how the voice reached the note before this one (or this one,
        if no note begins here), and how many steps that note has lasted; chord and lowest
        (B, steps), the chord type and the lowest note on the beat before.
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
    """The memory before a step, with the time for which the notes of its chord (B, 4) have been
    held."""
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
    """For each step, the last earlier step where `happens` (B, steps, ...) is true, or -1: int
    tensor of the same shape."""
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
    """How each voice reaches its note: int tensor (..., 4), semitones plus 12 (so that -12 is 0),
    or one of the other moves."""
    ops = keras.ops
    last, sounding = sounding_tokens(before), sounding_tokens(now)
    step = ops.clip(sounding - last, -WIDEST, WIDEST) + WIDEST
    step = ops.where(is_note(last), step, ENTRY_MOVE)
    step = ops.where(is_note(sounding), step, REST_MOVE)
    return ops.where(now >= VOCABULARY, GOES_ON_MOVE, step)


def _on_beat(form: Tensor) -> Tensor:
    """Whether each step begins a quarter, bool tensor (...); false where the metre is unknown."""
    place = form[..., list(FEATURES).index("place")]
    return keras.ops.logical_and(place > 0, keras.ops.mod(place - 1, STEPS_PER_QUARTER) == 0)


def _lowest(sounding: Tensor) -> Tensor:
    """The lowest note (...) of chords (..., 4), 0 for silence."""
    ops = keras.ops
    lowest = ops.min(ops.where(is_note(sounding), sounding, VOCABULARY), axis=-1)
    return ops.where(lowest == VOCABULARY, 0, lowest)


def _chord_type(sounding: Tensor) -> Tensor:
    """The intervals above the lowest note that sound in chords (..., 4): int tensor (...), one bit
    for each of 0 to 11 semitones."""
    ops = keras.ops
    above = ops.mod(sounding - _lowest(sounding)[..., None], 12)
    above = ops.where(is_note(sounding), above, 12)
    heard = ops.max(ops.one_hot(above, 13, dtype="int32"), axis=-2)  # (..., 13)
    return ops.sum(heard[..., :12] * (1 << np.arange(12)).astype(np.int32), axis=-1)


def _pair(last: Tensor, sounding: Tensor, upper: int, lower: int) -> Tensor:
    """How a pair of voices moves: int tensor (...), an index into a table (3, 3, 13, 13), as in
    `ChordGRU.motion_table`."""
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
    """A critic, built and ready to train; the sizes are those of `Critic`.

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
    """Trains a critic to tell Bach's passages from a writer's, and returns the history: a pandas
    DataFrame with one row per epoch and the column loss (nats per prefix of a passage; a coin toss
    scores ln 2).

    Every epoch draws new passages, as many by Bach as by the writer. The critic learns from every
    prefix of a passage, because it will have to judge unfinished pieces.

    Args:
        model: a `Critic`, built.
        bach, written: lists of Chorale, with their forms.
        epochs: in each, the critic reads as many steps as Bach's pieces have, from either side.
        learning_rate: AdamW's peak rate; it rises over the first tenth, then falls along a cosine.
        weight_decay: AdamW's, on all weights but biases.
        steps, batch_size, seed: see `phrase_crops`; a batch takes this many passages from each
            side.
        verbose: as in Keras.

    Raises:
        ValueError: `bach` or `written` is empty.

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
    """-ln of the probability that the critic gave to the truth, for each prefix of a passage."""

    def call(self, is_bach: Any, shares: Any) -> Any:
        """The loss of each prefix, float tensor (B, steps), from the log-odds of single steps."""
        odds = keras.ops.cumsum(shares, axis=1)
        return keras.ops.softplus(keras.ops.where(is_bach > 0.5, -odds, odds))


def critic_log_odds(
    model: Critic, chorales: Sequence[Chorale], steps: int | None = None
) -> list[np.ndarray]:
    """For each chorale, a float array with the log-odds that each of its passages is Bach's.

    Args:
        model: a `Critic`.
        chorales: list of Chorale.
        steps: length of the passages, which follow one another from the first bar line on; each is
            judged on its own. None takes the whole piece as one passage.

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
