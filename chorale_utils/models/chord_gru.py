"""chord_gru, the benchmark: a GRU that reads whole chords, attends to similar moments in the piece,
and writes four voices in turn.

References:
    Boulanger-Lewandowski et al. (2012), "Modeling Temporal Dependencies in High-Dimensional
        Sequences": the JSB chorales as a task.

Notebook: 03_model_training
"""

from typing import Any, TypedDict, Unpack

from ..encoding import END_TOKEN
from .backend import Tensor, keras, ordered_sum
from .chord_reader import ChordReader
from .layers import NoteEmbedding, NoteWriter

PLACES = 16  # sixteenths in a bar of four beats, counted from a piece's first step
PLACE_WIDTH = 16  # width of their embedding


class ChordGRUSizes(TypedDict, total=False):
    """The keyword arguments of `ChordGRU`, which explains them."""

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
    """The strong model, built and ready to train.

    Args:
        sizes: arguments of `ChordGRU`, to change its sizes.

    Examples:
        >>> chord_gru().count_params()
        1765822

    Notebook: 03_model_training
    """
    model = ChordGRU(**sizes)
    model.build()
    return model


@keras.saving.register_keras_serializable("chorale_utils")
class ChordGRU(ChordReader):
    """The strong model: a GRU reads whole chords, attention recalls how similar moments of the
    piece continued, and an output head for each voice writes soprano, alto, tenor and bass in turn,
    each knowing the voices above it.

    At step t, given the notes up to step t - 1:

    * *Input:* the four notes, the number of steps since each voice last changed its note, and the
      place in a cycle of sixteen sixteenths from the piece's first step on. (In a metre of four
      beats this is the place in the bar, shifted by the pickup; in three beats, only the place in
      the beat. The jsb edition does not say where bars begin.)
    * *Memory:* the state of a GRU; and attention from this state to those at earlier steps. The
      values are the chords that came at those steps, so that a passage can continue as before. A
      first slot, "nothing similar", is always available, and a learnt penalty grows with the
      logarithm of the distance. (Attention: Vaswani et al. 2017, "Attention Is All You Need";
      values that are what came next: Grave et al. 2017, "Improving Neural Language Models with a
      Continuous Cache".)
    * *Output:* for each voice, logits by note, by pitch class and by melodic interval; and for each
      pair of voices, a table of *voice motion*, which scores the direction of the upper voice, the
      direction of the lower, and the interval classes before and after, independently of everything
      else (`motion_table`).

    Called on (chords, place) it returns float logits (B, steps, 4, 59). ``chords`` is int (B,
    steps + 1, 4): the chord before (end tokens at the beginning of a piece), then the chords to
    predict; ``place`` is int (B,): the step of the first of these in its piece.

    Args:
        width: number of units of the GRU.
        embedding: width of a note's embedding.
        heads, head_width: number of attention heads, and width of each.
        hidden: width of each voice's hidden layer.
        input_dropout, state_dropout, hidden_dropout: shares of the GRU's input, of its state with
            the attention's output, and of each hidden layer that are dropped in training.
        voice_dropout: share of the notes that are hidden from the GRU in training.
        weight_drop: share of the GRU's recurrent weights that is dropped in training (Merity et al.
            2018, "Regularizing and Optimizing LSTM Language Models").
        voice_motion: whether to use the tables of voice motion; False is for comparison.

    Examples:
        >>> import numpy as np
        >>> model = ChordGRU(width=8, embedding=2, heads=1, head_width=2, hidden=4)
        >>> ends, chord = [0, 0, 0, 0], [43, 38, 35, 19]  # C5 G4 E4 C3
        >>> model((np.array([[ends, chord, chord]]), np.array([0]))).shape
        TensorShape([1, 2, 4, 59])

    Notebook: 03_model_training
    """

    told_width = PLACE_WIDTH

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
        sizes: dict[str, Any] = {
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
        super().__init__(sizes, NoteEmbedding, NoteWriter, **kwargs)

    def call(self, inputs: tuple[Tensor, Tensor], training: bool = False) -> Tensor:
        """Logits (B, steps, 4, 59) of all chords but the first, see above."""
        chords, place = (keras.ops.cast(given, "int32") for given in inputs)
        return self._write_passage(chords, _places(chords, place), training)

    def log_probs(self, tokens: Tensor, training: bool = False) -> Tensor:
        """See `ChoraleModel.log_probs`."""
        return keras.ops.log_softmax(self(_inputs(tokens), training=training))

    def attention(self, tokens: Tensor) -> Tensor:
        """The attention weights: float tensor (B, heads, steps, steps); rows sum to 1.

        Column 0 is "nothing similar"; column s, for s > 0, is the chord at step s - 1.

        Args:
            tokens: int tensor (B, steps, 4), whole pieces from their first step.

        Examples:
            >>> import numpy as np
            >>> model = chord_gru(width=8, embedding=2, heads=1, head_width=2, hidden=4)
            >>> weights = model.attention(np.full((1, 3, 4), 40))
            >>> weights.shape
            TensorShape([1, 1, 3, 3])
            >>> weights[0, 0, 0].numpy().tolist()  # at first there is nothing to look at
            [1.0, 0.0, 0.0]

        Notebook: 04_evaluation
        """
        chords, place = _inputs(tokens)
        before, told = chords[:, :-1], self.tell(_places(chords, place))
        return self._read_piece(before, self.notes(before), told, False)[2]

    def make_told_layers(self) -> None:
        """See `ChordReader`."""
        self.place = keras.layers.Embedding(PLACES, PLACE_WIDTH, name="place")

    def told_layers(self) -> list[keras.layers.Layer]:
        """See `ChordReader`."""
        return [self.place]

    def tell(self, about: Tensor) -> Tensor:
        """See `ChordReader`: only the place of a step in a cycle is known."""
        return self.place(about)

    def embed(self, chords: Tensor, about: Tensor) -> Tensor:
        """See `ChordReader`."""
        return self.notes(chords)

    def begins(self, chords: Tensor, before: Tensor) -> Tensor:
        """See `ChordReader`: a note begins where it differs from the one before."""
        return chords != before

    def about_step(self, state: dict[str, Tensor]) -> Tensor:
        """See `ChordReader`: the place (B,) of the step."""
        ops = keras.ops
        return ops.broadcast_to(ops.mod(state["step"], PLACES), ops.shape(state["chord"])[:1])

    def write(
        self, voice: int, hidden: Tensor, before: Tensor, now: Tensor, about: Tensor
    ) -> Tensor:
        """See `ChordReader`: logits (..., 59)."""
        logits = [self.writers[voice](hidden, before[..., voice])]
        if self.sizes["voice_motion"]:
            logits += self._motion_logits(voice, before, now)
        return ordered_sum(logits)


def _places(chords: Tensor, place: Tensor) -> Tensor:
    """The places (B, steps) of all chords (B, steps + 1, 4) but the first, from the first place."""
    ops = keras.ops
    return ops.mod(place[:, None] + ops.arange(ops.shape(chords)[1] - 1), PLACES)


def _inputs(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The inputs (chords, place) of a `ChordGRU` for whole pieces (B, steps, 4)."""
    ops = keras.ops
    tokens = ops.cast(tokens, "int32")
    chords = ops.concatenate([ops.full_like(tokens[:, :1], END_TOKEN), tokens], axis=1)
    return chords, ops.zeros_like(tokens[:, 0, 0])
