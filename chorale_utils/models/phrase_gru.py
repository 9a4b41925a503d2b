"""phrase_gru, the composer: writes scores, in which notes are struck, go on, or rest, into a form
that is given: bars, phrases with fermatas, tonic and mode.

It is built like chord_gru (a GRU that reads chords, attention to what followed similar moments, a
head for each voice in turn, voice motion), and differs in what it hears and what it writes. It
hears for how long each note has really sounded, and of each step that is to be written its place in
the bar, how far it is to the fermata and from the last one, how many phrases are to come, and the
mode. It hears and writes notes by their degree above the tonic, too.

Notebook: 03_model_training
"""

from typing import Any

import numpy as np

from ..encoding import END_TOKEN, SCORE_VOCABULARY, VOCABULARY
from ..form import FEATURES, TONIC
from .backend import Tensor, keras
from .chord_reader import ChordReader
from .layers import ScoreEmbedding, ScoreWriter, as_score_logits, is_note, sounding_tokens

FORM_WIDTHS = {  # of the embeddings of what a form says
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
        }
        super().__init__(sizes, ScoreEmbedding, ScoreWriter, **kwargs)

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """Float tensor (B, steps, 4, 60): logits of the chords but the first, see above."""
        chords, form = (keras.ops.cast(given, "int32") for given in inputs)
        return self._write_passage(chords, form, training)

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
        return {**super().begin(count, steps), "form": keras.ops.cast(form, "int32")}

    def next_note(
        self, state: dict[str, Tensor], voice: int, previous: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `ChoraleModel.next_note`."""
        logits, state = super().next_note(state, voice, previous)
        return as_score_logits(logits, sounding_tokens(state["before"][:, voice])), state

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
        """See `ChordReader`: of a step the features of the form are known, the tonic apart, to
        which the notes are related."""
        names = list(FEATURES)
        return keras.ops.concatenate(
            [layer(about[..., names.index(name)]) for name, layer in zip(FORM_WIDTHS, self.form)],
            axis=-1,
        )

    def embed(self, chords: Tensor, about: Tensor) -> Tensor:
        """See `ChordReader`."""
        return self.notes(chords) + self.notes.embed_degrees(chords, about[..., TONIC])

    def heard(self, chords: Tensor, notes: Tensor) -> Tensor:
        """See `ChordReader`: pitches without their degrees. Degrees are the same in every
        transposition, so a memory of them would learn the pieces by heart."""
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
    """Which notes or rests begin, in chords (..., 4) of a score's tokens after those before them:
    bool tensor (..., 4).

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
    """The composer, built and ready to train: a `PhraseGRU` of the sizes given (see there).

    Examples:
        >>> phrase_gru().count_params()
        1905110

    Notebook: 03_model_training
    """
    model = PhraseGRU(**sizes)
    model.build()
    return model
