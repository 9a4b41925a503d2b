"""What a model must offer, so that evaluation and generation can work with it: `ChoraleModel`.

Evaluation and generation know nothing of a model but the three methods of this class. Whoever adds
a model writes these three, and everything else in the package works with it. The models that are
there are in `note_gru` and `chord_gru`.

A model is written with Keras layers and keras.ops only, so that the backend is a switch; TensorFlow
is what is tested.

Notebook: 03_model_training
"""

from typing import Any

from ..encoding import VOCABULARY
from .backend import Tensor, keras


class ChoraleModel(keras.Model):
    """A model that gives every note of a chorale a probability, knowing all notes before it.

    The notes come in the order soprano, alto, tenor, bass, step by step. In the shapes below, B is
    the number of pieces, side by side, and 59 the number of tokens.

    Attributes:
        tokens: how many tokens the model knows: 59, or 116 where it tells notes that are struck
            from notes that go on (see `score_to_tokens`). What is said of 59 holds for 116 then.
        takes_form: whether `log_probs` and `begin` take a form, too: int tensor (B, steps, 8), the
            features of a `Form`; None where nothing is known of it.

    Examples:
        The simplest model there is gives every note the same probability. It has learnt nothing:

        >>> from chorale_utils import Chorale, negative_log_likelihood
        >>> class Uniform(ChoraleModel):
        ...     def log_probs(self, tokens, training=False):
        ...         return keras.ops.zeros((*tokens.shape, 59)) - keras.ops.log(59.0)
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16)
        >>> round(negative_log_likelihood(Uniform(), [chorale]), 3)  # ln 59
        4.078
    """

    tokens = VOCABULARY
    takes_form = False
    # Parts of the state, which is a dict then, that `next_note` reads and writes only when it is
    # asked for the soprano's note: they follow resampled particles once a step, not once a note.
    memory: tuple[str, ...] = ()

    def log_probs(self, tokens: Tensor, training: bool = False) -> Tensor:
        """Natural logarithms of p(note | all earlier notes), from the first note of each piece on.

        Args:
            tokens: int tensor (B, steps, 4) of tokens, whole pieces from their first step.
            training: true draws dropout anew (Monte Carlo dropout), false leaves it out.

        Returns:
            float tensor (B, steps, 4, 59); each row's exponentials sum to 1.
        """
        raise NotImplementedError

    def begin(self, count: int, steps: int) -> Any:
        """The state before the first note of `count` pieces of at most `steps` steps.

        Returns:
            A nest of tensors (dicts and lists), whose shapes stay as they are while the pieces
            grow. The first axis of each tensor is the piece, unless it is a scalar: pieces are left
            out when they have ended, and particles are resampled.
        """
        raise NotImplementedError

    def next_note(self, state: Any, voice: int, previous: Tensor) -> tuple[Tensor, Any]:
        """Logits of the next note, one note at a time, in the order S, A, T, B, step by step.

        Args:
            state: what `begin` or the last call returned.
            voice: 0..3, a Python int: the voice whose note is asked for.
            previous: int tensor (B,), token of the note before: of the voice above in this step, or
                for the soprano the bass of the step before. Before the first note it is the end, 0.

        Returns:
            (float tensor (B, 59), new state).
        """
        raise NotImplementedError
