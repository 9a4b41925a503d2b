"""note_gru, the classic: three GRUs that read a chorale note by note.

References:
    Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
        Machine Translation": the gated recurrent unit (GRU).
    Gal and Ghahramani (2016), "A Theoretically Grounded Application of Dropout in Recurrent Neural
        Networks": one dropout mask for a whole sequence, on inputs and on the state.
    Boulanger-Lewandowski et al. (2012), "Modeling Temporal Dependencies in High-Dimensional
        Sequences": the JSB chorales as a task.

Notebook: 03_model_training
"""

from typing import Any, TypedDict, Unpack

from ..encoding import END_TOKEN, PRIMING, VOCABULARY
from .backend import Tensor, keras
from .model import ChoraleModel


class NoteGRUSizes(TypedDict, total=False):
    """The keyword arguments of `NoteGRU`, which explains them."""

    width: int
    layers: int
    dropout: float
    recurrent_dropout: float
    output_dropout: float
    l2: float
    layer_norm: bool


def note_gru(**sizes: Unpack[NoteGRUSizes]) -> "NoteGRU":
    """The classic model, built and ready to train.

    Args:
        sizes: arguments of `NoteGRU`, to change its sizes.

    Examples:
        >>> note_gru().count_params()
        238891

    Notebook: 03_model_training
    """
    model = NoteGRU(**sizes)
    model.build((None, None))
    return model


@keras.saving.register_keras_serializable("chorale_utils")
class NoteGRU(ChoraleModel):
    """The classic: three GRUs read the notes of a piece one by one and predict the next.

    Called on int tokens (B, notes) it returns float probabilities (B, notes, 59) of the note after
    each. With the default sizes it has 238,891 parameters. The gated recurrent unit (GRU) is by Cho
    et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical
    Machine Translation".

    Args:
        width: width of each GRU.
        layers: number of stacked GRUs.
        dropout: share of each GRU's inputs dropped in training.
        recurrent_dropout: share of each GRU's state dropped in training, with one mask for a whole
            window (Gal and Ghahramani 2016, "A Theoretically Grounded Application of Dropout in
            Recurrent Neural Networks").
        output_dropout: share of the last GRU's output dropped in training.
        l2: weight of the L2 penalty on the GRUs' kernels, 0 for none.
        layer_norm: whether to normalise each GRU's output (Ba et al. 2016, "Layer Normalization").

    Examples:
        >>> import numpy as np
        >>> NoteGRU(width=4, layers=1)(np.array([[43, 38, 35, 19]])).shape  # C5 G4 E4 C3
        TensorShape([1, 4, 59])

    Notebook: 03_model_training
    """

    def __init__(
        self,
        width: int = 118,
        layers: int = 3,
        dropout: float = 0.3,
        recurrent_dropout: float = 0.3,
        output_dropout: float = 0.2,
        l2: float = 0.0,
        layer_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sizes: dict[str, Any] = {
            "width": width,
            "layers": layers,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "output_dropout": output_dropout,
            "l2": l2,
            "layer_norm": layer_norm,
        }
        penalty = keras.regularizers.L2(l2) if l2 else None
        self.grus = [
            keras.layers.GRU(
                width,
                return_sequences=True,
                dropout=dropout,
                recurrent_dropout=recurrent_dropout,
                kernel_regularizer=penalty,
                recurrent_regularizer=penalty,
                name=f"gru_{layer + 1}",
            )
            for layer in range(layers)
        ]
        self.norms = [
            keras.layers.LayerNormalization(name=f"norm_{layer + 1}")
            if layer_norm
            else keras.layers.Identity(name=f"no_norm_{layer + 1}")
            for layer in range(layers)
        ]
        self.output_dropout = keras.layers.Dropout(output_dropout, name="output_dropout")
        self.note_logits = keras.layers.Dense(VOCABULARY, name="note_logits")

    def build(self, input_shape: Any) -> None:
        """Creates the weights; the shape of the input does not matter."""
        features = VOCABULARY
        for gru, norm in zip(self.grus, self.norms):
            gru.build((None, None, features))
            features = gru.units
            norm.build((None, None, features))
        self.note_logits.build((None, None, features))
        self.built = True

    def call(self, tokens: Tensor, training: bool = False) -> Tensor:
        """Probabilities (B, notes, 59) of the note after each of `tokens` (B, notes)."""
        return keras.ops.softmax(self.logits(tokens, training=training))

    def logits(self, tokens: Tensor, training: bool = False) -> Tensor:
        """Logits of the note after each: float tensor (B, notes, 59).

        Args:
            tokens: int tensor (B, notes), in the order soprano, alto, tenor, bass, step by step.
            training: true applies random dropout.

        Examples:
            >>> import numpy as np
            >>> NoteGRU(width=4, layers=1).logits(np.array([[43, 38, 35, 19]])).shape
            TensorShape([1, 4, 59])
        """
        x = keras.ops.one_hot(tokens, VOCABULARY)  # (B, notes, 59)
        for gru, norm in zip(self.grus, self.norms):
            x = norm(gru(x, training=training))  # (B, notes, width)
        x = self.output_dropout(x, training=training)
        return self.note_logits(x)  # (B, notes, 59)

    def log_probs(self, tokens: Tensor, training: bool = False) -> Tensor:
        """See `ChoraleModel.log_probs`."""
        ops = keras.ops
        count, steps, voices = ops.shape(tokens)
        notes = ops.reshape(ops.cast(tokens, "int32"), (count, steps * voices))
        ends = ops.full((count, PRIMING), END_TOKEN, "int32")
        heard = ops.concatenate([ends, notes[:, :-1]], axis=1)  # (B, 15 + 4 * steps)
        logits = self.logits(heard, training=training)[:, PRIMING - 1 :]  # (B, 4 * steps, 59)
        return ops.reshape(ops.log_softmax(logits), (count, steps, voices, VOCABULARY))

    def begin(self, count: int, steps: int) -> list[Tensor]:
        """See `ChoraleModel.begin`: the GRUs' states, each (count, width), after all end tokens but
        the last, which is the first `previous`."""
        state = [keras.ops.zeros((count, gru.units)) for gru in self.grus]
        for _ in range(PRIMING - 1):
            _, state = self.next_note(state, 0, keras.ops.full((count,), END_TOKEN, "int32"))
        return state

    def next_note(
        self, state: list[Tensor], voice: int, previous: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """See `ChoraleModel.next_note`."""
        x = keras.ops.one_hot(previous, VOCABULARY)  # (B, 59)
        new_state = []
        for gru, norm, h in zip(self.grus, self.norms, state):
            x, (h,) = gru.cell(x, [h], training=False)  # (B, width)
            x = norm(x)
            new_state.append(h)
        return self.note_logits(x), new_state

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to rebuild the model: its sizes."""
        return {**super().get_config(), **self.sizes}
