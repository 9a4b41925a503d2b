"""phrase_gru, the composer: writes scores, in which notes are struck, go on, or rest, into a form
that is given: bars, phrases with fermatas, tonic and mode.

It is built like chord_gru (a GRU that reads chords, attention to what followed similar moments, a
head for each voice in turn, voice motion), and differs in what it hears and what it writes. It
hears for how long each note has really sounded, and of each step that is to be written its place in
the bar, how far it is to the fermata and from the last one, how many phrases are to come, and the
mode. It hears and writes notes by their degree above the tonic, too.

Notebook: 03_model_training
"""

import numpy as np

from ..chorale import VOICES
from ..encoding import END_TOKEN, SCORE_VOCABULARY, VOCABULARY
from ..form import FEATURES, TONIC
from .backend import keras
from .chord_gru import DISTANCE_SCALE, HELD_WIDTH, LONGEST_HELD, VOICE_PAIRS, _voice_motion
from .layers import (
    ScoreEmbedding,
    ScoreWriter,
    WeightDropGRU,
    as_score_logits,
    is_note,
    sounding_tokens,
    steps_since,
)
from .model import ChoraleModel

FORM_WIDTHS = {  # of the embeddings of what a form says
    "place": 16,
    "before_fermata": 12,
    "left": 8,
    "since": 8,
    "phrases_left": 4,
    "phrase": 4,
    "mode": 4,
}


@keras.saving.register_keras_serializable("chorale_utils")
class PhraseGRU(ChoraleModel):
    """The composer: chord_gru, given a form, writing scores.

    Called on (chords, form) it returns float logits (B, steps, 4, 60): strike a note (0 to 58), or
    let the last one go on (59). `chords` is int (B, steps + 1, 4), a score's tokens 0..115: the
    chord before (ends, where the piece begins), then those to be foretold; `form` int (B, steps,
    8), the form's features (see `chorale_utils.form`) of those to be foretold.

    Args:
        width: of the GRU. embedding: width of a note's embedding. heads, head_width: number of
        attention heads, and width of each. hidden: width of each voice's hidden layer.
        input_dropout, state_dropout, hidden_dropout: share of what is heard, of state and memory,
        and
            of each hidden layer that is left out in training.
        voice_dropout: share of the notes that are not heard at all in training.
        weight_drop: share of the GRU's recurrent weights that is left out in training.

    Notebook: 03_model_training
    """

    tokens = SCORE_VOCABULARY
    takes_form = True

    def __init__(
        self,
        width=384,
        embedding=48,
        heads=4,
        head_width=32,
        hidden=256,
        input_dropout=0.3,
        state_dropout=0.4,
        hidden_dropout=0.4,
        voice_dropout=0.05,
        weight_drop=0.15,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.sizes = dict(
            width=width,
            embedding=embedding,
            heads=heads,
            head_width=head_width,
            hidden=hidden,
            input_dropout=input_dropout,
            state_dropout=state_dropout,
            hidden_dropout=hidden_dropout,
            voice_dropout=voice_dropout,
            weight_drop=weight_drop,
        )
        layers = keras.layers
        self.notes = ScoreEmbedding(embedding, name="notes")
        self.held = [
            layers.Embedding(LONGEST_HELD + 1, HELD_WIDTH, name=f"held_{voice}") for voice in VOICES
        ]
        self.form = [
            layers.Embedding(FEATURES[name], width, name=name)
            for name, width in FORM_WIDTHS.items()
        ]
        self.gru = WeightDropGRU(width, weight_drop, return_sequences=True, name="gru")
        self.query, self.key, self.value = (
            layers.Dense(heads * head_width, use_bias=False, name=name)
            for name in ("query", "key", "value")
        )
        self.context = layers.Dense(len(VOICES) * hidden, name="context")
        self.above = [
            layers.Dense(hidden, use_bias=False, name=f"above_{voice}") for voice in VOICES[1:]
        ]
        self.writers = [ScoreWriter(name=f"write_{voice}") for voice in VOICES]
        self.voice_dropout = layers.Dropout(voice_dropout, name="voice_dropout")
        self.input_dropout = layers.Dropout(input_dropout, name="input_dropout")
        self.state_dropout = layers.Dropout(state_dropout, name="state_dropout")
        self.hidden_dropout = layers.Dropout(hidden_dropout, name="hidden_dropout")

    def build(self, input_shape=None):
        width, embedding, heads, head_width, hidden = (
            self.sizes[name] for name in ("width", "embedding", "heads", "head_width", "hidden")
        )
        chord, form = len(VOICES) * embedding, sum(FORM_WIDTHS.values())
        self.notes.build()
        for layer in (*self.held, *self.form):
            layer.build(None)
        self.gru.build((None, None, chord + len(VOICES) * HELD_WIDTH + form))
        self.query.build((None, None, width))
        self.key.build((None, None, width))
        self.value.build((None, None, chord))
        self.nothing = self.add_weight(
            shape=(2, heads * head_width), initializer="zeros", name="nothing"
        )
        self.distance = self.add_weight(shape=(heads,), initializer="zeros", name="distance")
        self.context.build((None, None, width + heads * head_width + chord + form))
        for voices_above, layer in enumerate(self.above, start=1):
            layer.build((None, None, voices_above * embedding))
        for writer in self.writers:
            writer.build((None, None, hidden))
        self.motion = self.add_weight(
            shape=(len(VOICE_PAIRS), 3 * 3 * 13 * 13), initializer="zeros", name="motion"
        )
        self.built = True

    def call(self, inputs, training=False):
        ops = keras.ops
        chords, form = (ops.cast(given, "int32") for given in inputs)
        tonic = form[..., TONIC]
        before, now = chords[:, :-1], chords[:, 1:]  # (B, steps, 4)
        notes_before, notes_now = self.notes(before, tonic), self.notes(now, tonic)
        told = self._tell(form)
        state, recalled, _ = self._understand(before, notes_before, told, training)
        context = self._context(state, recalled, notes_before, told, training)
        last, sounding = sounding_tokens(before), sounding_tokens(now)
        return ops.stack(
            [
                self._write(voice, context, last, sounding, notes_now, tonic, training)
                for voice in range(len(VOICES))
            ],
            axis=2,
        )  # (B, steps, 4, 60)

    def log_probs(self, tokens, form=None, training=False):
        ops = keras.ops
        tokens = ops.cast(tokens, "int32")
        chords = ops.concatenate([ops.full_like(tokens[:, :1], END_TOKEN), tokens], axis=1)
        if form is None:
            form = ops.zeros((*ops.shape(tokens)[:2], len(FEATURES)), "int32")
        logits = self((chords, form), training=training)
        return as_score_logits(ops.log_softmax(logits), sounding_tokens(chords[:, :-1]))

    def begin(self, count, steps, form=None):
        ops, looked_up = keras.ops, (count, self.sizes["heads"], steps, self.sizes["head_width"])
        ends = ops.full((count, len(VOICES)), END_TOKEN, "int32")
        if form is None:
            form = np.zeros((count, steps, len(FEATURES)), np.int32)
        return {
            "step": ops.zeros((), "int32"),
            "chord": ends,
            "before": ends,
            "held": ends,
            "form": ops.cast(form, "int32"),
            "state": ops.zeros((count, self.sizes["width"])),
            "keys": ops.zeros(looked_up),
            "values": ops.zeros(looked_up),
            "context": ops.zeros((count, len(VOICES) * self.sizes["hidden"])),
        }

    def next_note(self, state, voice, previous):
        ops = keras.ops
        last = (voice - 1) % len(VOICES)
        chord = ops.concatenate(
            [state["chord"][:, :last], previous[:, None], state["chord"][:, last + 1 :]], axis=1
        )
        state = {**state, "chord": chord}
        if voice == 0:
            state = self._next_step(state)
        tonic = ops.take(state["form"], state["step"] - 1, axis=1)[:, TONIC]
        before = sounding_tokens(state["before"])
        logits = self._write(
            voice,
            state["context"],
            before,
            sounding_tokens(chord),
            self.notes(chord, tonic),
            tonic,
            False,
        )
        return as_score_logits(logits, before[:, voice]), state

    def get_config(self):
        return {**super().get_config(), **self.sizes}

    def _tell(self, form):
        """Features (..., n) of the form (..., 8)."""
        names = list(FEATURES)
        return keras.ops.concatenate(
            [layer(form[..., names.index(name)]) for name, layer in zip(FORM_WIDTHS, self.form)],
            axis=-1,
        )

    def _understand(self, before, notes, told, training):
        ops = keras.ops
        steps = ops.shape(before)[1]
        number = ops.arange(steps)
        heard = self._hear(notes, _held(before), told, training)
        state = self.gru(self.input_dropout(heard, training=training), training=training)
        nothing = ops.broadcast_to(
            self.nothing[:, None, None], (2, ops.shape(before)[0], 1, self.nothing.shape[-1])
        )
        keys = self._by_head(ops.concatenate([nothing[0], self.key(state)[:, :-1]], axis=1))
        values = self._by_head(ops.concatenate([nothing[1], self.value(notes)[:, 1:]], axis=1))
        recalled, weights = self._recall(state, keys, values, self._penalty(number, number))
        return state, recalled, weights

    def _next_step(self, state):
        ops = keras.ops
        step, chord, before = state["step"], state["chord"], state["before"]
        goes_on = ops.logical_and(step > 0, ~_begins(chord, before))
        held = ops.where(goes_on, ops.minimum(state["held"] + 1, LONGEST_HELD), 0)
        form = ops.take(state["form"], step, axis=1)
        told, notes = self._tell(form), self.notes(chord, form[:, TONIC])
        heard = self._hear(notes, held, told, False)
        key = ops.where(step == 0, self.nothing[0], self.key(state["state"]))
        value = ops.where(step == 0, self.nothing[1], self.value(notes))
        keys = ops.slice_update(state["keys"], (0, 0, step, 0), self._by_head(key[:, None]))
        values = ops.slice_update(state["values"], (0, 0, step, 0), self._by_head(value[:, None]))
        hidden, _ = self.gru.cell(heard, [state["state"]], training=False)
        slots = ops.arange(ops.shape(keys)[2])
        recalled, _ = self._recall(hidden[:, None], keys, values, self._penalty(step[None], slots))
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

    def _hear(self, notes, held, told, training):
        ops = keras.ops
        heard = self.voice_dropout(ops.ones_like(held, "float32"), training=training)  # (..., 4)
        lengths = [layer(held[..., voice]) for voice, layer in enumerate(self.held)]
        return ops.concatenate(
            [notes * ops.repeat(heard, self.sizes["embedding"], axis=-1), *lengths, told], axis=-1
        )

    def _penalty(self, steps, slots):
        ops = keras.ops
        gap = ops.cast(steps[:, None] - slots + 1, "float32")
        far = ops.where(slots == 0, 0.0, ops.log(ops.maximum(gap, 1.0)))
        return ops.where(
            gap > 0, -DISTANCE_SCALE * ops.softplus(self.distance)[:, None, None] * far, -1e9
        )

    def _recall(self, state, keys, values, penalty):
        ops = keras.ops
        query = self._by_head(self.query(state)) / self.sizes["head_width"] ** 0.5
        scores = ops.einsum("bhtd,bhsd->bhts", query, keys) + penalty
        weights = ops.exp(ops.log_softmax(scores))
        recalled = ops.swapaxes(ops.matmul(weights, values), 1, 2)  # (B, steps, heads, head_width)
        return ops.reshape(recalled, (*ops.shape(recalled)[:2], -1)), weights

    def _by_head(self, x):
        count, steps, _ = keras.ops.shape(x)
        return keras.ops.swapaxes(
            keras.ops.reshape(x, (count, steps, self.sizes["heads"], self.sizes["head_width"])),
            1,
            2,
        )

    def _context(self, state, recalled, notes, told, training):
        ops = keras.ops
        known = self.state_dropout(ops.concatenate([state, recalled], axis=-1), training=training)
        return self.context(ops.concatenate([known, notes, told], axis=-1))

    def _write(self, voice, context, before, now, notes, tonic, training):
        ops, size = keras.ops, self.sizes["hidden"]
        hidden = context[..., voice * size : (voice + 1) * size]
        if voice > 0:
            hidden = hidden + self.above[voice - 1](notes[..., : voice * self.sizes["embedding"]])
        hidden = self.hidden_dropout(ops.gelu(hidden), training=training)
        motion = [
            ops.take(
                self.motion[pair],
                _voice_motion(before[..., upper], now[..., upper], before[..., lower]),
            )
            for pair, (upper, lower) in enumerate(VOICE_PAIRS)
            if lower == voice
        ]
        return self.writers[voice](hidden, before[..., voice], tonic, motion)


def _begins(chords, before):
    """Which notes or rests begin, in chords (..., 4) of a score's tokens after those before
    them."""
    ops = keras.ops
    struck = ops.logical_and(is_note(chords), chords < VOCABULARY)
    return ops.logical_or(struck, sounding_tokens(chords) != sounding_tokens(before))


def _held(chords):
    """How many steps ago each voice's note, or rest, began: int tensor, the shape of `chords`
    (B, steps, 4); counted from the first step given."""
    before = keras.ops.concatenate([chords[:, :1], chords[:, :-1]], axis=1)
    return steps_since(_begins(chords, before), LONGEST_HELD)


def phrase_gru(**sizes):
    """The composer, built and ready to train: a `PhraseGRU` of the sizes given (see there).

    Notebook: 03_model_training
    """
    model = PhraseGRU(**sizes)
    model.build()
    return model
