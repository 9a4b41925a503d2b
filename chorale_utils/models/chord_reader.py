"""The common part of `ChordGRU` and `PhraseGRU`: a GRU that reads chords, attention to what
followed similar moments, and an output head for each voice in turn, with tables of voice motion.

The two differ in how notes are embedded, what else is known about a step, and how a voice writes.

References:
    Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
        Machine Translation": the gated recurrent unit (GRU).
    Vaswani et al. (2017), "Attention Is All You Need": attention by scaled products of queries and
        keys.
    Grave et al. (2017), "Improving Neural Language Models with a Continuous Cache": attention whose
        values are what came next.

Notebook: 03_model_training
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..chorale import VOICES
from ..encoding import END_TOKEN, VOCABULARY
from .backend import Tensor, keras
from .layers import NoteEmbedding, NoteWriter, WeightDropGRU, is_note
from .model import ChoraleModel

# One more than the number of steps that attention can look back, the longest piece in the corpus.
# With this limit, the cost of a step does not grow with the length of a piece.
MEMORY = 640
LONGEST_HELD = 31  # steps; a note held for longer counts as this
HELD_WIDTH = 8  # width of its embedding
DISTANCE_SCALE = 0.1  # initially, there is hardly any penalty on distance
VOICE_PAIRS = [(upper, lower) for lower in range(len(VOICES)) for upper in range(lower)]
NO_INTERVAL = 12  # interval class if one of the two voices is silent
MOTIONS = (3, 3, 13, 13)  # directions of two voices, interval classes before and after
NEVER = -1e9  # added to the attention score of a future step


class ChordReader(ChoraleModel):
    """A model that reads chords and writes four voices in turn; `ChordGRU` explains how.

    In the methods below, `about` is what is known about a step besides its notes, an int tensor
    (...) or (..., columns), and `told` are the embedded features of `about` (..., `told_width`).

    Args:
        sizes: dict of width, embedding, heads, head_width, hidden, input_dropout, state_dropout,
            hidden_dropout, voice_dropout and weight_drop, see `ChordGRU`; other entries are kept
            for the configuration.
        embedding: class of the layer that embeds notes.
        writer: class of the layers that write notes.
    """

    memory = ("keys", "values")
    told_width = 0  # width of the features of what else is known about a step
    # whether the output heads get these features directly, not only through the GRU
    tells_voices = False

    def __init__(
        self,
        sizes: Mapping[str, Any],
        embedding: type[NoteEmbedding],
        writer: type[NoteWriter],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes = dict(sizes)
        layers, attended = keras.layers, sizes["heads"] * sizes["head_width"]
        self.notes = embedding(sizes["embedding"], name="notes")
        self.held = [
            layers.Embedding(LONGEST_HELD + 1, HELD_WIDTH, name=f"held_{voice}") for voice in VOICES
        ]
        self.make_told_layers()
        self.gru = WeightDropGRU(
            sizes["width"], sizes["weight_drop"], return_sequences=True, name="gru"
        )
        self.query, self.key, self.value = (
            layers.Dense(attended, use_bias=False, name=name) for name in ("query", "key", "value")
        )
        self.context = layers.Dense(len(VOICES) * sizes["hidden"], name="context")
        self.above = [
            layers.Dense(sizes["hidden"], use_bias=False, name=f"above_{voice}")
            for voice in VOICES[1:]
        ]
        self.writers = [writer(name=f"write_{voice}") for voice in VOICES]
        self.voice_dropout, self.input_dropout, self.state_dropout, self.hidden_dropout = (
            layers.Dropout(sizes[name], name=name)
            for name in ("voice_dropout", "input_dropout", "state_dropout", "hidden_dropout")
        )

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights; the shape of the input does not matter."""
        width, embedding, heads, head_width, hidden = (
            self.sizes[name] for name in ("width", "embedding", "heads", "head_width", "hidden")
        )
        chord = len(VOICES) * embedding
        self.notes.build()
        for layer in (*self.held, *self.told_layers()):
            layer.build(None)
        self.gru.build((None, None, chord + len(VOICES) * HELD_WIDTH + self.told_width))
        self.query.build((None, None, width))
        self.key.build((None, None, width))
        self.value.build((None, None, chord))
        self.nothing = self.add_weight(  # key and value of the first slot
            shape=(2, heads * head_width), initializer="zeros", name="nothing"
        )
        self.distance = self.add_weight(shape=(heads,), initializer="zeros", name="distance")
        known = width + heads * head_width + chord + self.tells_voices * self.told_width
        self.context.build((None, None, known))
        for voices_above, layer in enumerate(self.above, start=1):
            layer.build((None, None, voices_above * embedding))
        for writer in self.writers:
            writer.build((None, None, hidden))
        self.motion = self.add_weight(
            shape=(len(VOICE_PAIRS), int(np.prod(MOTIONS))),
            initializer="zeros",
            name="motion",
            trainable=self.sizes.get("voice_motion", True),
        )
        self.built = True

    def make_told_layers(self) -> None:
        """Creates the layers that embed what is known about a step, as attributes."""
        raise NotImplementedError

    def told_layers(self) -> list[keras.layers.Layer]:
        """The layers that embed what is known about a step."""
        raise NotImplementedError

    def tell(self, about: Tensor) -> Tensor:
        """What is known about steps, embedded: float tensor (..., `told_width`)."""
        raise NotImplementedError

    def embed(self, chords: Tensor, about: Tensor) -> Tensor:
        """The notes of chords (..., 4), embedded: float tensor (..., 4 * embedding)."""
        raise NotImplementedError

    def heard(self, chords: Tensor, notes: Tensor) -> Tensor:
        """The input of the GRU and the attention for chords (..., 4) with embedded notes (..., 4 *
        embedding): just these, unless a subclass overrides it."""
        return notes

    def begins(self, chords: Tensor, before: Tensor) -> Tensor:
        """Whether each note of chords (..., 4) begins there, given the chords before: bool tensor
        (..., 4)."""
        raise NotImplementedError

    def about_step(self, state: dict[str, Tensor]) -> Tensor:
        """What is known about the step of a state (see `begin`) besides its notes."""
        raise NotImplementedError

    def write(
        self, voice: int, hidden: Tensor, before: Tensor, now: Tensor, about: Tensor
    ) -> Tensor:
        """Logits of a voice's note, from its hidden layer (..., hidden), the chord before, and the
        chord being written, of which only the voices above are read."""
        raise NotImplementedError

    def motion_table(self) -> np.ndarray:
        """What voice motion adds to the logits: float array (6, 3, 3, 13, 13), one table for each
        of `VOICE_PAIRS`.

        Axes: direction of the upper and of the lower voice (down, same, up; from or to silence is
        "same"), interval class of the pair before and after (semitones modulo 12, so 0 is unison
        and octave; the 13th means that one voice is silent).

        Examples:
            >>> from chorale_utils import chord_gru
            >>> chord_gru(width=8).motion_table().shape
            (6, 3, 3, 13, 13)

        Notebook: 04_evaluation
        """
        return keras.ops.convert_to_numpy(self.motion).reshape(-1, *MOTIONS)

    def begin(self, count: int, steps: int) -> dict[str, Tensor]:
        """See `ChoraleModel.begin`. The attention's keys and values have a slot for each step, up
        to `MEMORY`; in a longer piece the oldest slot is reused."""
        ops, slots = keras.ops, min(steps, MEMORY)
        attended = (count, self.sizes["heads"], slots, self.sizes["head_width"])
        ends = ops.full((count, len(VOICES)), END_TOKEN, "int32")
        return {
            "step": ops.zeros((), "int32"),
            "chord": ends,  # the notes written so far in this step, then those of the step before
            "before": ends,
            "held": ends,
            "state": ops.zeros((count, self.sizes["width"])),
            "keys": ops.zeros(attended),
            "values": ops.zeros(attended),
            "context": ops.zeros((count, len(VOICES) * self.sizes["hidden"])),
        }

    def next_note(
        self, state: dict[str, Tensor], voice: int, previous: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `ChoraleModel.next_note`."""
        ops = keras.ops
        last = (voice - 1) % len(VOICES)
        chord = ops.concatenate(
            [state["chord"][:, :last], previous[:, None], state["chord"][:, last + 1 :]], axis=1
        )  # (B, 4)
        state = {**state, "chord": chord}
        if voice == 0:
            state = self._read_step(state)
        about = self.about_step({**state, "step": state["step"] - 1})
        notes = self.embed(chord, about)  # (B, 4 * embedding)
        logits = self._voice_logits(
            voice, state["context"], state["before"], chord, notes, about, False
        )
        return logits, state

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to rebuild the model: its sizes."""
        return {**super().get_config(), **self.sizes}

    def _write_passage(self, chords: Tensor, about: Tensor, training: bool) -> Tensor:
        """Logits (B, steps, 4, tokens) of all chords (B, steps + 1, 4) but the first; `about`
        (B, steps, ...) is what is known about each of them."""
        ops = keras.ops
        about_all = ops.concatenate([about[:, :1], about], axis=1)  # (B, steps + 1, ...)
        notes = self.embed(chords, about_all)  # (B, steps + 1, 4 * embedding)
        before, now = chords[:, :-1], chords[:, 1:]  # (B, steps, 4)
        notes_before, notes_now = notes[:, :-1], notes[:, 1:]
        told = self.tell(about)
        heard = self.heard(before, notes_before)
        state, recalled, _ = self._read_piece(before, heard, told, training)
        context = self._context(state, recalled, notes_before, told, training)
        return ops.stack(
            [
                self._voice_logits(voice, context, before, now, notes_now, about, training)
                for voice in range(len(VOICES))
            ],
            axis=2,
        )

    def _read_piece(
        self, before: Tensor, notes: Tensor, told: Tensor, training: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The GRU's state (B, steps, width), the attention's output (B, steps, heads * head_width)
        and weights (B, heads, steps, steps), from chords (B, steps, 4), their embedded notes, and
        the features of the steps that follow them."""
        state, _, keys, values = self._hear_piece(before, notes, told, training)
        number = keras.ops.arange(keras.ops.shape(before)[1])
        penalty = self._distance_penalty(number, number)
        recalled, weights = self._attend(state, keys, values, penalty)
        return state, recalled, weights

    def _hear_piece(
        self, before: Tensor, notes: Tensor, told: Tensor, training: bool
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The GRU's state (B, steps, width), how long each note has been held (B, steps, 4), and
        the attention's keys and values (B, heads, steps, head_width), from what `_read_piece`
        takes."""
        ops = keras.ops
        earlier = ops.concatenate([before[:, :1], before[:, :-1]], axis=1)
        held = steps_since(self.begins(before, earlier), LONGEST_HELD)
        features = self._features(notes, held, told, training)
        state = self.gru(self.input_dropout(features, training=training), training=training)
        # Slot s, for s > 0, holds the state at step s - 1 and the chord that came next; slot 0 is
        # "nothing similar".
        nothing = ops.broadcast_to(
            self.nothing[:, None, None], (2, ops.shape(before)[0], 1, self.nothing.shape[-1])
        )
        keys = self._by_head(ops.concatenate([nothing[0], self.key(state)[:, :-1]], axis=1))
        values = self._by_head(ops.concatenate([nothing[1], self.value(notes)[:, 1:]], axis=1))
        return state, held, keys, values

    def _read_step(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state after the chord before has been read, when the next can be written: one step of
        `_read_piece`, and its context."""
        ops = keras.ops
        step, chord, before = state["step"], state["chord"], state["before"]
        goes_on = ops.logical_and(step > 0, ~self.begins(chord, before))
        held = ops.where(goes_on, ops.minimum(state["held"] + 1, LONGEST_HELD), 0)  # (B, 4)
        about_before = self.about_step({**state, "step": ops.maximum(step - 1, 0)})
        notes = self.embed(chord, about_before)  # (B, 4 * embedding)
        told = self.tell(self.about_step(state))
        heard = self.heard(chord, notes)
        features = self._features(heard, held, told, False)
        key = ops.where(
            step == 0, self.nothing[0], self.key(state["state"])
        )  # (B, heads * head_width)
        value = ops.where(step == 0, self.nothing[1], self.value(heard))
        slots = ops.shape(state["keys"])[2]
        recent = ops.maximum(slots - 1, 1)  # slots are reused in turn, except slot 0
        slot = ops.where(step < slots, step, 1 + ops.mod(step - 1, recent))
        keys = ops.slice_update(state["keys"], (0, 0, slot, 0), self._by_head(key[:, None]))
        values = ops.slice_update(state["values"], (0, 0, slot, 0), self._by_head(value[:, None]))
        hidden, _ = self.gru.cell(features, [state["state"]], training=False)  # (B, width)
        number = ops.arange(slots)
        filled_at = step - ops.mod(step - number, recent)  # the last step that used each slot
        filled_at = ops.where(number == 0, 0, ops.where(filled_at < 1, step + 1, filled_at))
        penalty = self._distance_penalty(step[None], filled_at)
        recalled, _ = self._attend(hidden[:, None], keys, values, penalty)
        return {
            **state,
            "step": step + 1,
            "before": chord,
            "held": held,
            "state": hidden,
            "keys": keys,
            "values": values,
            "context": self._context(hidden, recalled[:, 0], notes, told, False),
        }

    def _features(self, notes: Tensor, held: Tensor, told: Tensor, training: bool) -> Tensor:
        """The GRU's input: float tensor (..., features), from embedded notes (..., 4 * embedding),
        held (..., 4) and the features of the step."""
        ops = keras.ops
        mask = self.voice_dropout(ops.ones_like(held, "float32"), training=training)  # (..., 4)
        lengths = [layer(held[..., voice]) for voice, layer in enumerate(self.held)]
        return ops.concatenate(
            [
                notes * ops.repeat(mask, self.sizes["embedding"], axis=-1),
                *lengths,
                told,
            ],
            axis=-1,
        )

    def _distance_penalty(self, steps: Tensor, slots: Tensor) -> Tensor:
        """Terms added to the attention scores: float tensor (heads, steps, slots), for slots with
        the numbers of the steps that filled them; future steps, and those too long ago, are
        masked."""
        ops = keras.ops
        gap = ops.cast(steps[:, None] - slots + 1, "float32")  # (steps, slots)
        far = ops.where(slots == 0, 0.0, ops.log(ops.maximum(gap, 1.0)))
        known = ops.logical_and(gap > 0, ops.logical_or(slots == 0, gap < MEMORY))
        return ops.where(
            known, -DISTANCE_SCALE * ops.softplus(self.distance)[:, None, None] * far, NEVER
        )

    def _attend(
        self, state: Tensor, keys: Tensor, values: Tensor, penalty: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(output (B, steps, heads * head_width), weights (B, heads, steps, slots)) of the
        attention, for states (B, steps, width), keys and values (B, heads, slots, head_width)."""
        ops = keras.ops
        query = (
            self._by_head(self.query(state)) / self.sizes["head_width"] ** 0.5
        )  # (B, heads, steps, head_width)
        scores = ops.einsum("bhtd,bhsd->bhts", query, keys) + penalty  # (B, heads, steps, slots)
        # ops.softmax warns if a piece of one step has only one slot.
        weights = ops.exp(ops.log_softmax(scores))
        recalled = ops.swapaxes(ops.matmul(weights, values), 1, 2)  # (B, steps, heads, head_width)
        return ops.reshape(recalled, (*ops.shape(recalled)[:2], -1)), weights

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, heads, steps, head_width) from (B, steps, heads * head_width)."""
        count, steps, _ = keras.ops.shape(x)
        by_step = (count, steps, self.sizes["heads"], self.sizes["head_width"])
        return keras.ops.swapaxes(keras.ops.reshape(x, by_step), 1, 2)

    def _context(
        self, state: Tensor, recalled: Tensor, notes: Tensor, told: Tensor, training: bool
    ) -> Tensor:
        """The context of the four output heads: float tensor (..., 4 * hidden), a quarter for
        each."""
        ops = keras.ops
        known = self.state_dropout(ops.concatenate([state, recalled], axis=-1), training=training)
        more = [told] if self.tells_voices else []
        return self.context(ops.concatenate([known, notes, *more], axis=-1))

    def _voice_logits(
        self,
        voice: int,
        context: Tensor,
        before: Tensor,
        now: Tensor,
        notes: Tensor,
        about: Tensor,
        training: bool,
    ) -> Tensor:
        """Logits (..., tokens) of a voice's note. Of the chord being written, `now` (..., 4), and
        its embedded notes (..., 4 * embedding), only the voices above are read."""
        ops, size = keras.ops, self.sizes["hidden"]
        hidden = context[..., voice * size : (voice + 1) * size]  # (..., hidden)
        if voice > 0:
            hidden = hidden + self.above[voice - 1](notes[..., : voice * self.sizes["embedding"]])
        hidden = self.hidden_dropout(ops.gelu(hidden), training=training)
        return self.write(voice, hidden, before, now, about)

    def _motion_logits(self, voice: int, before: Tensor, now: Tensor) -> list[Tensor]:
        """What each pair of this voice and one above it adds to the logits of its notes: tensors
        (..., 59), from the sounding notes before and now (..., 4)."""
        return [
            keras.ops.take(
                self.motion[pair],
                voice_motion(before[..., upper], now[..., upper], before[..., lower]),
            )
            for pair, (upper, lower) in enumerate(VOICE_PAIRS)
            if lower == voice
        ]


def steps_since(begins: Tensor, most: int) -> Tensor:
    """The number of steps since `begins` (B, steps, 4) was last true: int tensor of its shape, at
    most `most` (31 or less); the first step always counts as true."""
    ops = keras.ops
    number = ops.arange(ops.shape(begins)[1])[:, None]
    began = ops.where(ops.logical_or(begins, number == 0), number, -1 - most)
    for reach in (1, 2, 4, 8, 16):  # the last one within 31 steps, by doubling
        earlier = ops.pad(began, [[0, 0], [reach, 0], [0, 0]], constant_values=-1 - most)
        began = ops.maximum(began, earlier[:, :-reach])
    return ops.minimum(number - began, most)


def voice_motion(upper_before: Tensor, upper: Tensor, lower_before: Tensor) -> Tensor:
    """The cell of a pair's motion table for each candidate in the lower voice: int tensor
    (..., 59).

    All arguments are int tensors (...) of tokens; the candidates are all tokens.
    """
    ops = keras.ops
    candidates = ops.arange(VOCABULARY)
    upper_before, upper, lower_before = (
        upper_before[..., None],
        upper[..., None],
        lower_before[..., None],
    )

    def interval(above: Tensor, below: Tensor) -> Tensor:
        return ops.where(
            ops.logical_and(is_note(above), is_note(below)), ops.mod(above - below, 12), NO_INTERVAL
        )

    def direction(first: Tensor, second: Tensor) -> Tensor:
        moved = ops.cast(ops.sign(second - first), "int32") + 1
        return ops.where(ops.logical_and(is_note(first), is_note(second)), moved, 1)

    known = (
        direction(upper_before, upper) * 3 * 13 * 13 + interval(upper_before, lower_before) * 13
    )  # (..., 1)
    return known + direction(lower_before, candidates) * 13 * 13 + interval(upper, candidates)
