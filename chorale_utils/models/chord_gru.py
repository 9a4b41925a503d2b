"""chord_gru, the benchmark: a GRU that reads whole chords, attends to similar moments of the piece,
and writes four voices in turn.

References:
    Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
        Machine Translation": the gated recurrent unit (GRU).
    Vaswani et al. (2017), "Attention Is All You Need": attention by scaled products of queries and
        keys.
    Grave et al. (2017), "Improving Neural Language Models with a Continuous Cache": attention whose
        values are what came next.
    Boulanger-Lewandowski et al. (2012), "Modeling Temporal Dependencies in High-Dimensional
        Sequences": the JSB chorales as a task.

Notebook: 03_model_training
"""

from typing import Any, TypedDict, Unpack

import numpy as np

from ..chorale import VOICES
from ..encoding import END_TOKEN, VOCABULARY
from .backend import Tensor, keras, ordered_sum
from .layers import NoteEmbedding, NoteWriter, WeightDropGRU, is_note
from .model import ChoraleModel

PLACES = 16  # sixteenths in a bar of four beats, counted from a piece's first step
# Steps that attention looks back over, one less: the longest piece of the corpus. With it, the cost
# of a step does not grow with the length of a piece.
MEMORY = 640
LONGEST_HELD = 31  # steps; a voice that has not changed its note for longer counts as this
HELD_WIDTH, PLACE_WIDTH = 8, 16  # of their embeddings
DISTANCE_SCALE = 0.1  # attention begins with hardly any penalty on what is far away
VOICE_PAIRS = [(upper, lower) for lower in range(len(VOICES)) for upper in range(lower)]
NO_INTERVAL = 12  # interval class where one of the two is silent
MOTIONS = (3, 3, 13, 13)  # directions of two voices, interval classes before and after
NEVER = -1e9  # what is added to the attention's score of a step that is yet to come


class ChordGRUSizes(TypedDict, total=False):
    """What a `ChordGRU` may be asked for; it says what each means."""

    width: int
    embedding: int
    heads: int
    head_width: int
    hidden: int
    input_dropout: float
    state_dropout: float
    hidden_dropout: float
    voice_dropout: float
    weight_drop: float
    voice_motion: bool


def chord_gru(**sizes: Unpack[ChordGRUSizes]) -> "ChordGRU":
    """The strong model, built and ready to train: a `ChordGRU` of the sizes given (see there).

    Examples:
        >>> chord_gru().count_params()
        1765822

    Notebook: 03_model_training
    """
    model = ChordGRU(**sizes)
    model.build()
    return model


@keras.saving.register_keras_serializable("chorale_utils")
class ChordGRU(ChoraleModel):
    """The strong model: a GRU reads whole chords, attention recalls how similar moments of the
    piece went on, and a head for each voice writes soprano, alto, tenor, bass in turn, each knowing
    the voices above it.

    What it does at step t, from the notes of step t - 1 and before:

    * *What it reads:* the four notes, how many steps ago each voice last changed its note, and the
      place in a cycle of sixteen sixteenths from the piece's first step on. (That is the place in a
      bar of four beats, shifted by the pickup; in three beats, the place in the beat. The exact
      edition does not say where bars begin.)
    * *What it remembers:* the state of a GRU; and attention from this state to those at earlier
      steps, whose values are the chords that came there, so that a passage can go on as it did
      before. A first slot, "nothing of the kind", is always there, and a learnt penalty grows with
      the logarithm of the distance.
    * *What it writes:* for each voice logits by note, by pitch class and by melodic interval
      (`NoteWriter`), and for each pair of voices a table of *voice motion*, which scores direction
      of the upper voice, direction of the lower, interval class before and interval class after,
      whatever else is going on (`motion_table`).

    Called on (chords, place) it returns float logits (B, steps, 4, 59). `chords` is int (B,
    steps + 1, 4): the chord before (ends, where the piece begins), then those to be predicted;
    `place` is int (B,): the step at which the first of these stands in its piece.

    Args:
        width: of the GRU.
        embedding: width of a note's embedding.
        heads, head_width: number of attention heads, and width of each.
        hidden: width of each voice's hidden layer.
        input_dropout, state_dropout, hidden_dropout: share that is left out in training of what the
            GRU reads, of its state with what attention recalls, and of each hidden layer.
        voice_dropout: share of the notes that the GRU does not read in training.
        weight_drop: share of the GRU's recurrent weights that is left out in training.
        voice_motion: whether the tables of voice motion are used; without them the model is for
            comparison.

    Examples:
        >>> model = ChordGRU(width=8, embedding=2, heads=1, head_width=2, hidden=4)
        >>> ends, chord = [0, 0, 0, 0], [43, 38, 35, 19]  # C5 G4 E4 C3
        >>> model((np.array([[ends, chord, chord]]), np.array([0]))).shape
        TensorShape([1, 2, 4, 59])

    Notebook: 03_model_training
    """

    memory = ("keys", "values")

    def __init__(
        self,
        width: int = 384,
        embedding: int = 48,
        heads: int = 4,
        head_width: int = 32,
        hidden: int = 256,
        input_dropout: float = 0.3,
        state_dropout: float = 0.35,
        hidden_dropout: float = 0.4,
        voice_dropout: float = 0.0,
        weight_drop: float = 0.0,
        voice_motion: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes: dict[str, Any] = {
            "width": width,
            "embedding": embedding,
            "heads": heads,
            "head_width": head_width,
            "hidden": hidden,
            "input_dropout": input_dropout,
            "state_dropout": state_dropout,
            "hidden_dropout": hidden_dropout,
            "voice_dropout": voice_dropout,
            "weight_drop": weight_drop,
            "voice_motion": voice_motion,
        }
        layers = keras.layers
        self.notes = NoteEmbedding(embedding, name="notes")
        self.held = [
            layers.Embedding(LONGEST_HELD + 1, HELD_WIDTH, name=f"held_{voice}") for voice in VOICES
        ]
        self.place = layers.Embedding(PLACES, PLACE_WIDTH, name="place")
        self.gru = WeightDropGRU(width, weight_drop, return_sequences=True, name="gru")
        self.query, self.key, self.value = (
            layers.Dense(heads * head_width, use_bias=False, name=name)
            for name in ("query", "key", "value")
        )
        self.context = layers.Dense(len(VOICES) * hidden, name="context")
        self.above = [
            layers.Dense(hidden, use_bias=False, name=f"above_{voice}") for voice in VOICES[1:]
        ]
        self.writers = [NoteWriter(name=f"write_{voice}") for voice in VOICES]
        self.voice_dropout = layers.Dropout(voice_dropout, name="voice_dropout")
        self.input_dropout = layers.Dropout(input_dropout, name="input_dropout")
        self.state_dropout = layers.Dropout(state_dropout, name="state_dropout")
        self.hidden_dropout = layers.Dropout(hidden_dropout, name="hidden_dropout")

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights; the shape of the input does not matter."""
        width, embedding, heads, head_width, hidden = (
            self.sizes[name] for name in ("width", "embedding", "heads", "head_width", "hidden")
        )
        chord = len(VOICES) * embedding
        self.notes.build()
        for layer in (*self.held, self.place):
            layer.build(None)
        self.gru.build((None, None, chord + len(VOICES) * HELD_WIDTH + PLACE_WIDTH))
        self.query.build((None, None, width))
        self.key.build((None, None, width))
        self.value.build((None, None, chord))
        self.nothing = self.add_weight(  # key and value of the first slot
            shape=(2, heads * head_width), initializer="zeros", name="nothing"
        )
        self.distance = self.add_weight(shape=(heads,), initializer="zeros", name="distance")
        self.context.build((None, None, width + heads * head_width + chord))
        for voices_above, layer in enumerate(self.above, start=1):
            layer.build((None, None, voices_above * embedding))
        for writer in self.writers:
            writer.build((None, None, hidden))
        self.motion = self.add_weight(
            shape=(len(VOICE_PAIRS), int(np.prod(MOTIONS))),
            initializer="zeros",
            name="motion",
            trainable=self.sizes["voice_motion"],
        )
        self.built = True

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """Float tensor (B, steps, 4, 59): logits of the chords but the first, see above."""
        ops = keras.ops
        chords, place = (ops.cast(given, "int32") for given in inputs)
        notes = self.notes(chords)  # (B, steps + 1, 4 * embedding)
        before, now = chords[:, :-1], chords[:, 1:]  # (B, steps, 4)
        notes_before, notes_now = notes[:, :-1], notes[:, 1:]
        state, recalled, _ = self._read_piece(before, notes_before, place, training)
        context = self._context(state, recalled, notes_before, training)  # (B, steps, 4 * hidden)
        return ops.stack(
            [
                self._voice_logits(voice, context, before, now, notes_now, training)
                for voice in range(len(VOICES))
            ],
            axis=2,
        )  # (B, steps, 4, 59)

    def log_probs(self, tokens: Tensor, training: bool = False) -> Tensor:
        """See `ChoraleModel.log_probs`."""
        return keras.ops.log_softmax(self(_inputs(tokens), training=training))

    def attention(self, tokens: Tensor) -> Tensor:
        """Where the model looks: float tensor (B, heads, steps, steps) for tokens (B, steps, 4),
        rows sum to 1.

        Column 0 is "nothing of the kind"; column s, for s > 0, is the chord that came at step
        s - 1.

        Examples:
            >>> model = chord_gru(width=8, embedding=2, heads=1, head_width=2, hidden=4)
            >>> weights = model.attention(np.full((1, 3, 4), 40))
            >>> weights.shape
            TensorShape([1, 1, 3, 3])
            >>> weights[0, 0, 0].numpy().tolist()  # at first there is nothing to look at
            [1.0, 0.0, 0.0]

        Notebook: 04_evaluation
        """
        chords, place = _inputs(tokens)
        before = chords[:, :-1]
        return self._read_piece(before, self.notes(before), place, False)[2]

    def motion_table(self) -> np.ndarray:
        """What voice motion adds to the logits: float array (6, 3, 3, 13, 13), one table for each
        of `VOICE_PAIRS`.

        Axes: direction of the upper voice and of the lower (down, same, up; from or into silence is
        "same"), interval class of the pair before and after (semitones modulo 12, so 0 is unison
        and octave; the 13th: one of them is silent).

        Examples:
            >>> chord_gru(width=8).motion_table().shape
            (6, 3, 3, 13, 13)

        Notebook: 04_evaluation
        """
        return keras.ops.convert_to_numpy(self.motion).reshape(-1, *MOTIONS)

    def begin(self, count: int, steps: int) -> dict[str, Tensor]:
        """See `ChoraleModel.begin`. Keys and values of the attention have a slot for each step, up
        to `MEMORY`; in a longer piece the oldest slot is used again."""
        ops, slots = keras.ops, min(steps, MEMORY)
        attended = (count, self.sizes["heads"], slots, self.sizes["head_width"])
        ends = ops.full((count, len(VOICES)), END_TOKEN, "int32")
        return {
            "step": ops.zeros((), "int32"),
            "chord": ends,  # the notes of this step as far as they are written, then those before
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
        notes = self.notes(chord)  # (B, 4 * embedding)
        logits = self._voice_logits(voice, state["context"], state["before"], chord, notes, False)
        return logits, state

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the model anew: its sizes."""
        return {**super().get_config(), **self.sizes}

    def _read_piece(
        self, before: Tensor, notes: Tensor, place: Tensor, training: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The GRU's state (B, steps, width), what attention recalls (B, steps, heads * head_width)
        and its weights (B, heads, steps, steps), from chords (B, steps, 4) and their embedded
        notes."""
        ops = keras.ops
        steps = ops.shape(before)[1]
        number = ops.arange(steps)
        places = ops.mod(place[:, None] + number, PLACES)  # (B, steps)
        features = self._features(notes, _held(before), places, training)
        state = self.gru(self.input_dropout(features, training=training), training=training)
        # Slot s, for s > 0, holds the state at step s - 1 and the chord that came then; slot 0 is
        # "nothing".
        nothing = ops.broadcast_to(
            self.nothing[:, None, None], (2, ops.shape(before)[0], 1, self.nothing.shape[-1])
        )
        keys = self._by_head(ops.concatenate([nothing[0], self.key(state)[:, :-1]], axis=1))
        values = self._by_head(ops.concatenate([nothing[1], self.value(notes)[:, 1:]], axis=1))
        penalty = self._distance_penalty(number, number)
        recalled, weights = self._attend(state, keys, values, penalty)
        return state, recalled, weights

    def _read_step(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """The state when the chord before has been read and the next one can be written: one step
        of `_read_piece`, and its context."""
        ops = keras.ops
        step, chord, before = state["step"], state["chord"], state["before"]
        held = ops.where(
            ops.logical_and(step > 0, chord == before),
            ops.minimum(state["held"] + 1, LONGEST_HELD),
            0,
        )  # (B, 4)
        place = ops.broadcast_to(ops.mod(step, PLACES), ops.shape(chord)[:1])  # (B,)
        notes = self.notes(chord)  # (B, 4 * embedding)
        features = self._features(notes, held, place, False)
        key = ops.where(
            step == 0, self.nothing[0], self.key(state["state"])
        )  # (B, heads * head_width)
        value = ops.where(step == 0, self.nothing[1], self.value(notes))
        slots = ops.shape(state["keys"])[2]
        recent = ops.maximum(
            slots - 1, 1
        )  # slots that are used again and again; slot 0 stays as it is
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
            "step": step + 1,
            "chord": chord,
            "before": chord,
            "held": held,
            "state": hidden,
            "keys": keys,
            "values": values,
            "context": self._context(hidden, recalled[:, 0], notes, False),
        }

    def _features(self, notes: Tensor, held: Tensor, place: Tensor, training: bool) -> Tensor:
        """What the GRU reads: float tensor (..., features), from embedded notes (..., 4 *
        embedding), held (..., 4) and place (...)."""
        ops = keras.ops
        mask = self.voice_dropout(ops.ones_like(held, "float32"), training=training)  # (..., 4)
        lengths = [layer(held[..., voice]) for voice, layer in enumerate(self.held)]
        return ops.concatenate(
            [
                notes * ops.repeat(mask, self.sizes["embedding"], axis=-1),
                *lengths,
                self.place(place),
            ],
            axis=-1,
        )

    def _distance_penalty(self, steps: Tensor, slots: Tensor) -> Tensor:
        """What is added to the attention's scores: float tensor (heads, steps, slots), for slots
        with the numbers of the steps that filled them; those that are yet to come, or too long
        ago, are shut."""
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
        """(what is recalled (B, steps, heads * head_width), weights (B, heads, steps, slots)), for
        states (B, steps, width), keys and values (B, heads, slots, head_width)."""
        ops = keras.ops
        query = (
            self._by_head(self.query(state)) / self.sizes["head_width"] ** 0.5
        )  # (B, heads, steps, head_width)
        scores = ops.einsum("bhtd,bhsd->bhts", query, keys) + penalty  # (B, heads, steps, slots)
        # ops.softmax warns where a piece of one step has only one slot.
        weights = ops.exp(ops.log_softmax(scores))
        recalled = ops.swapaxes(ops.matmul(weights, values), 1, 2)  # (B, steps, heads, head_width)
        return ops.reshape(recalled, (*ops.shape(recalled)[:2], -1)), weights

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, heads, steps, head_width) from (B, steps, heads * head_width)."""
        count, steps, _ = keras.ops.shape(x)
        by_step = (count, steps, self.sizes["heads"], self.sizes["head_width"])
        return keras.ops.swapaxes(keras.ops.reshape(x, by_step), 1, 2)

    def _context(self, state: Tensor, recalled: Tensor, notes: Tensor, training: bool) -> Tensor:
        """What the four voices know of the past: float tensor (..., 4 * hidden), a quarter for
        each."""
        ops = keras.ops
        known = self.state_dropout(ops.concatenate([state, recalled], axis=-1), training=training)
        return self.context(ops.concatenate([known, notes], axis=-1))

    def _voice_logits(
        self,
        voice: int,
        context: Tensor,
        before: Tensor,
        now: Tensor,
        notes: Tensor,
        training: bool,
    ) -> Tensor:
        """Logits (..., 59) of a voice's note. Of the chord that is being written, `now` (..., 4),
        and its embedded notes (..., 4 * embedding), only the voices above are looked at."""
        ops, size = keras.ops, self.sizes["hidden"]
        hidden = context[..., voice * size : (voice + 1) * size]  # (..., hidden)
        if voice > 0:
            hidden = hidden + self.above[voice - 1](notes[..., : voice * self.sizes["embedding"]])
        hidden = self.hidden_dropout(ops.gelu(hidden), training=training)
        logits = [self.writers[voice](hidden, before[..., voice])]
        for pair, (upper, lower) in enumerate(VOICE_PAIRS):
            if lower == voice and self.sizes["voice_motion"]:
                cells = _voice_motion(before[..., upper], now[..., upper], before[..., lower])
                logits.append(ops.take(self.motion[pair], cells))
        return ordered_sum(logits)


def _inputs(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """(chords, place), as a `ChordGRU` is called on them, of whole pieces (B, steps, 4)."""
    ops = keras.ops
    tokens = ops.cast(tokens, "int32")
    chords = ops.concatenate([ops.full_like(tokens[:, :1], END_TOKEN), tokens], axis=1)
    return chords, ops.zeros_like(tokens[:, 0, 0])


def _held(chords: Tensor) -> Tensor:
    """How many steps ago each voice changed to the note it has: int tensor, the shape of `chords`
    (B, steps, 4), at most 31; counted from the first step given."""
    ops = keras.ops
    number = ops.arange(ops.shape(chords)[1])[:, None]
    changed = ops.pad(
        chords[:, 1:] != chords[:, :-1], [[0, 0], [1, 0], [0, 0]], constant_values=True
    )
    began = ops.where(changed, number, -1 - LONGEST_HELD)
    for reach in (1, 2, 4, 8, 16):  # the latest change within 31 steps, by doubling
        earlier = ops.pad(began, [[0, 0], [reach, 0], [0, 0]], constant_values=-1 - LONGEST_HELD)
        began = ops.maximum(began, earlier[:, :-reach])
    return ops.minimum(number - began, LONGEST_HELD)


def _voice_motion(upper_before: Tensor, upper: Tensor, lower_before: Tensor) -> Tensor:
    """Which cell of a pair's motion table each candidate for the lower voice falls into: int tensor
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
