"""phrase_gru, the composer: given a form (bars, phrases with fermatas, tonic and mode), it writes a
score, in which each voice strikes a note, holds it, or rests.

It is built like chord_gru: a GRU that reads chords, attention to what followed similar moments, an
output head for each voice in turn, and features of voice motion. Its inputs and outputs differ. It
knows for how long each note has really been held, and for each step to be written: the place in the
bar, the distance to the next fermata and from the last one, the number of phrases to come, and the
mode. It also reads and writes notes by their degree above the tonic.

Notebook: 03_model_training
"""

from typing import Any

import numpy as np

from ..encoding import END_TOKEN, SCORE_VOCABULARY, VOCABULARY
from ..form import FEATURES, TONIC
from .backend import Tensor, keras
from .chord_reader import ChordReader
from .layers import ScoreEmbedding, ScoreWriter, as_score_logits, is_note, sounding_tokens

FORM_WIDTHS = {  # widths of the embeddings of the form's features
    "place": 16,
    "before_fermata": 12,
    "left": 8,
    "since": 8,
    "phrases_left": 4,
    "phrase": 4,
    "tonic": 8,
    "mode": 4,
}


@keras.saving.register_keras_serializable("chorale_utils")
class PhraseGRU(ChordReader):
    """The composer: like chord_gru, but it is given a form and writes scores.

    Called on (chords, form) it returns float logits (B, steps, 4, 60): strike a note (0 to 58), or
    hold the last one (59). ``chords`` is int (B, steps + 1, 4), a score's tokens 0..115: the chord
    before (end tokens at the beginning of a piece), then the chords to predict. ``form`` is int
    (B, steps, 8), the form's features (see `Form.features`) at the steps to predict.

    Args:
        width: number of units of the GRU.
        embedding: width of a note's embedding.
        heads, head_width: number of attention heads, and width of each.
        hidden: width of each voice's hidden layer.
        input_dropout, state_dropout, hidden_dropout: shares of the inputs, of state and memory, and
            of each hidden layer that are dropped in training.
        voice_dropout: share of the notes that are hidden from the network in training.
        weight_drop: share of the GRU's recurrent weights that is dropped in training.
        reads_form: whether it reads the form; if not, it treats every form as unknown.

    Examples:
        >>> from chorale_utils import Form
        >>> model = PhraseGRU(width=8, embedding=2, heads=1, head_width=2, hidden=4)
        >>> ends, chord, held = [0, 0, 0, 0], [43, 38, 35, 19], [100, 95, 92, 76]  # C5 G4 E4 C3
        >>> form = Form(phrases=(2,), key="C major").features(2)
        >>> model((np.array([[ends, chord, held]]), form[None])).shape
        TensorShape([1, 2, 4, 60])

    Notebook: 03_model_training
    """

    tokens = SCORE_VOCABULARY
    takes_form = True
    tells_voices = True
    told_width = sum(FORM_WIDTHS.values())

    def __init__(
        self,
        width: int = 384,
        embedding: int = 48,
        heads: int = 4,
        head_width: int = 32,
        hidden: int = 256,
        input_dropout: float = 0.3,
        state_dropout: float = 0.4,
        hidden_dropout: float = 0.4,
        voice_dropout: float = 0.05,
        weight_drop: float = 0.15,
        reads_form: bool = True,
        **kwargs: Any,
    ) -> None:
        sizes = {
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
            "reads_form": reads_form,
        }
        self.reads_form = reads_form
        super().__init__(sizes, ScoreEmbedding, ScoreWriter, **kwargs)

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """Logits (B, steps, 4, 60) of all chords but the first, see above."""
        chords, form = (keras.ops.cast(given, "int32") for given in inputs)
        return self._write_passage(chords, self._as_read(form), training)

    def log_probs(  # type: ignore[override]  # takes a form, see ChoraleModel.takes_form
        self, tokens: Tensor, form: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """See `ChoraleModel.log_probs`."""
        ops = keras.ops
        tokens = ops.cast(tokens, "int32")
        chords = ops.concatenate([ops.full_like(tokens[:, :1], END_TOKEN), tokens], axis=1)
        if form is None:
            form = ops.zeros((*ops.shape(tokens)[:2], len(FEATURES)), "int32")
        logits = self((chords, form), training=training)
        return as_score_logits(ops.log_softmax(logits), sounding_tokens(chords[:, :-1]))

    def begin(self, count: int, steps: int, form: Any = None) -> dict[str, Tensor]:
        """See `ChoraleModel.begin`."""
        if form is None:
            form = np.zeros((count, steps, len(FEATURES)), np.int32)
        return {**super().begin(count, steps), "form": self._as_read(keras.ops.cast(form, "int32"))}

    def next_note(
        self, state: dict[str, Tensor], voice: int, previous: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `ChoraleModel.next_note`."""
        logits, state = super().next_note(state, voice, previous)
        return as_score_logits(logits, sounding_tokens(state["before"][:, voice])), state

    def _as_read(self, form: Tensor) -> Tensor:
        return form if self.reads_form else keras.ops.zeros_like(form)

    def read(self, state: dict[str, Tensor], chords: Tensor) -> dict[str, Tensor]:
        """See `ChoraleModel.read`: in one pass, as in training; at most as many steps as the
        attention looks back."""
        ops = keras.ops
        chords, steps = ops.cast(chords, "int32"), ops.shape(chords)[1]
        before = ops.concatenate(
            [ops.full_like(chords[:, :1], END_TOKEN), chords[:, :-1]], axis=1
        )  # (B, steps, 4)
        told = self.tell(state["form"][:, :steps])
        hidden, held, keys, values = self._hear_piece(before, self.notes(before), told, False)
        later = [[0, 0], [0, 0], [0, ops.shape(state["keys"])[2] - steps], [0, 0]]
        return {
            **state,
            "step": state["step"] + steps,
            "chord": chords[:, -1],
            "before": before[:, -1],
            "held": held[:, -1],
            "state": hidden[:, -1],
            "keys": ops.pad(keys, later),
            "values": ops.pad(values, later),
        }

    def make_told_layers(self) -> None:
        """See `ChordReader`."""
        self.form = [
            keras.layers.Embedding(FEATURES[column], size, name=column)
            for column, size in FORM_WIDTHS.items()
        ]

    def told_layers(self) -> list[keras.layers.Layer]:
        """See `ChordReader`."""
        return self.form

    def tell(self, about: Tensor) -> Tensor:
        """See `ChordReader`: the form's features at a step, except the tonic, from which the notes'
        degrees are counted."""
        names = list(FEATURES)
        return keras.ops.concatenate(
            [layer(about[..., names.index(name)]) for name, layer in zip(FORM_WIDTHS, self.form)],
            axis=-1,
        )

    def embed(self, chords: Tensor, about: Tensor) -> Tensor:
        """See `ChordReader`."""
        return self.notes(chords) + self.notes.embed_degrees(chords, about[..., TONIC])

    def heard(self, chords: Tensor, notes: Tensor) -> Tensor:
        """See `ChordReader`: pitches without degrees. Degrees are the same in every transposition,
        so that a memory of them would learn the pieces by heart."""
        return self.notes(chords)

    def begins(self, chords: Tensor, before: Tensor) -> Tensor:
        """See `ChordReader`: a note begins where it is struck, a rest where a note ends."""
        return begins_in_score(chords, before)

    def about_step(self, state: dict[str, Tensor]) -> Tensor:
        """See `ChordReader`: the form (B, 8) of the step."""
        return keras.ops.take(state["form"], state["step"], axis=1)

    def write(
        self, voice: int, hidden: Tensor, before: Tensor, now: Tensor, about: Tensor
    ) -> Tensor:
        """See `ChordReader`: logits (..., 60)."""
        last, sounding = sounding_tokens(before), sounding_tokens(now)
        motion = self._motion_logits(voice, last, sounding)
        return self.writers[voice](hidden, last[..., voice], about[..., TONIC], motion)


def begins_in_score(chords: Tensor, before: Tensor) -> Tensor:
    """Whether a note or rest begins in each voice: bool tensor (..., 4), for chords (..., 4) of a
    score's tokens and the chords before them.

    Examples:
        >>> chords, before = np.array([43, 100, 1, 1]), np.array([43, 43, 43, 1])
        >>> begins_in_score(chords, before).numpy().tolist()
        [True, False, True, False]

    Notebook: 03_model_training
    """
    ops = keras.ops
    struck = ops.logical_and(is_note(chords), chords < VOCABULARY)
    return ops.logical_or(struck, sounding_tokens(chords) != sounding_tokens(before))


def phrase_gru(**sizes: Any) -> PhraseGRU:
    """The composer, built and ready to train.

    Args:
        sizes: arguments of `PhraseGRU`, to change its sizes.

    Examples:
        >>> phrase_gru().count_params()
        1905110

    Notebook: 03_model_training
    """
    model = PhraseGRU(**sizes)
    model.build()
    return model
