"""Models: note_gru, the classic; what a model must be able to do; and saving and loading.

Evaluation and generation know nothing of a model but the three methods of `ChoraleModel`. Whoever adds a
model writes these three, and everything else in the package works with it.

Written with Keras layers and keras.ops only, so that the backend is a switch; TensorFlow is what is tested.

References:
    Cho et al. (2014), "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
        Translation": the gated recurrent unit (GRU).
    Gal and Ghahramani (2016), "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks":
        one dropout mask for a whole sequence, on inputs and on the state.
    Boulanger-Lewandowski et al. (2012), "Modeling Temporal Dependencies in High-Dimensional Sequences":
        the JSB chorales as a task.

Notebook: 03_model_training
"""

from pathlib import Path

from .backend import keras
from .encoding import END_TOKEN, PRIMING, VOCABULARY
from .files import write_whole

PRETRAINED = Path(__file__).parent / "pretrained"


class ChoraleModel(keras.Model):
    """What evaluation and generation ask of a model. B is the number of pieces, side by side."""

    def log_probs(self, tokens, training=False):
        """Natural logarithms of p(note | all earlier notes), from the first note of each piece on.

        Args:
            tokens: int tensor (B, steps, 4) of tokens, whole pieces from their first step.
            training: true draws dropout anew (Monte Carlo dropout), false leaves it out.

        Returns:
            float tensor (B, steps, 4, 59); each row's exponentials sum to 1.
        """
        raise NotImplementedError

    def begin(self, count):
        """The state (a nest of tensors with first axis `count`) before the first note of `count` pieces."""
        raise NotImplementedError

    def next_note(self, state, voice, previous):
        """Logits of the next note, one note at a time, in the order S, A, T, B, step by step.

        Args:
            state: what `begin` or the last call returned.
            voice: 0..3, a Python int: the voice whose note is asked for.
            previous: int tensor (B,), token of the note before: of the voice above in this step, or for the
                soprano the bass of the step before. Before the first note it is the end, 0.

        Returns:
            (float tensor (B, 59), new state).
        """
        raise NotImplementedError


@keras.saving.register_keras_serializable("chorale_utils")
class NoteGRU(ChoraleModel):
    """The classic: three GRUs read the notes of a piece one by one and foretell the next.

    Called on int tokens (B, notes) it returns float probabilities (B, notes, 59) of the note after each.
    With the default sizes it has 238,891 parameters.

    Args:
        width: width of each GRU.
        layers: number of GRUs, one on the other.
        dropout: share of each GRU's inputs left out in training.
        recurrent_dropout: share of each GRU's state left out in training, the same for a whole window.
        output_dropout: share of the last GRU's output left out in training.
        l2: weight of the L2 penalty on the GRUs' kernels, 0 for none.
        layer_norm: whether to normalise each GRU's output (Ba et al. 2016, "Layer Normalization").

    Notebook: 03_model_training
    """

    def __init__(self, width=118, layers=3, dropout=0.3, recurrent_dropout=0.3, output_dropout=0.2, l2=0.0,
                 layer_norm=False, **kwargs):
        super().__init__(**kwargs)
        self.sizes = dict(width=width, layers=layers, dropout=dropout, recurrent_dropout=recurrent_dropout,
                          output_dropout=output_dropout, l2=l2, layer_norm=layer_norm)
        penalty = keras.regularizers.L2(l2) if l2 else None
        self.grus = [
            keras.layers.GRU(width, return_sequences=True, dropout=dropout, recurrent_dropout=recurrent_dropout,
                             kernel_regularizer=penalty, recurrent_regularizer=penalty, name=f"gru_{layer + 1}")
            for layer in range(layers)]
        self.norms = [keras.layers.LayerNormalization(name=f"norm_{layer + 1}") if layer_norm
                      else keras.layers.Identity(name=f"no_norm_{layer + 1}") for layer in range(layers)]
        self.output_dropout = keras.layers.Dropout(output_dropout, name="output_dropout")
        self.note_logits = keras.layers.Dense(VOCABULARY, name="note_logits")

    def build(self, input_shape):
        features = VOCABULARY
        for gru, norm in zip(self.grus, self.norms):
            gru.build((None, None, features))
            features = gru.units
            norm.build((None, None, features))
        self.note_logits.build((None, None, features))
        self.built = True

    def logits(self, tokens, training=False):
        """Float tensor (B, notes, 59): logits of the note after each of `tokens` (B, notes)."""
        x = keras.ops.one_hot(tokens, VOCABULARY)          # (B, notes, 59)
        for gru, norm in zip(self.grus, self.norms):
            x = norm(gru(x, training=training))            # (B, notes, width)
        x = self.output_dropout(x, training=training)
        return self.note_logits(x)                         # (B, notes, 59)

    def call(self, tokens, training=False):
        return keras.ops.softmax(self.logits(tokens, training=training))

    def log_probs(self, tokens, training=False):
        ops = keras.ops
        count, steps, voices = ops.shape(tokens)
        notes = ops.reshape(ops.cast(tokens, "int32"), (count, steps * voices))
        ends = ops.full((count, PRIMING), END_TOKEN, "int32")
        heard = ops.concatenate([ends, notes[:, :-1]], axis=1)                 # (B, 15 + 4 * steps)
        logits = self.logits(heard, training=training)[:, PRIMING - 1:]        # (B, 4 * steps, 59)
        return ops.reshape(ops.log_softmax(logits), (count, steps, voices, VOCABULARY))

    def begin(self, count):
        state = [keras.ops.zeros((count, gru.units)) for gru in self.grus]
        for _ in range(PRIMING - 1):  # the last of the ends arrives as the first `previous`
            _, state = self.next_note(state, 0, keras.ops.full((count,), END_TOKEN, "int32"))
        return state

    def next_note(self, state, voice, previous):
        x = keras.ops.one_hot(previous, VOCABULARY)        # (B, 59)
        new_state = []
        for gru, norm, h in zip(self.grus, self.norms, state):
            x, (h,) = gru.cell(x, [h], training=False)     # (B, width)
            x = norm(x)
            new_state.append(h)
        return self.note_logits(x), new_state

    def get_config(self):
        return {**super().get_config(), **self.sizes}


def note_gru(**sizes):
    """The classic model, built and ready to train: a `NoteGRU` of the sizes given (see there).

    Notebook: 03_model_training
    """
    model = NoteGRU(**sizes)
    model.build((None, None))
    return model


def save_model(model, path):
    """Saves a model as a `.keras` file: its sizes and weights (a training's own state is in its checkpoint).

    Written to a temporary name beside `path` and renamed, so that `path` is whole or absent.

    Raises:
        ValueError: `path` does not end in `.keras`.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"model file {path}: expected a name that ends in .keras")
    bare = model.__class__.from_config(model.get_config())  # without optimizer and metrics
    bare.build((None, None))
    bare.set_weights(model.get_weights())
    write_whole(path, bare.save)


def load_model(name_or_path):
    """A trained model: one that is shipped with the package, by its name, or one that was saved, by its path.

    Args:
        name_or_path: `'note_gru'`, or the path of a `.keras` file.

    Raises:
        FileNotFoundError: no such name and no such file; the message lists the names there are.

    Notebook: 04_evaluation
    """
    shipped = PRETRAINED / f"{name_or_path}.keras"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        names = sorted(file.stem for file in PRETRAINED.glob("*.keras"))
        raise FileNotFoundError(f"model {str(name_or_path)!r}: expected one of the shipped models {names} or the "
                                f"path of a .keras file; training one is told in notebook 03")
    return keras.saving.load_model(path, compile=False, safe_mode=True)
