"""The interface of a model for evaluation and generation: `ChoraleModel`.

Evaluation and generation use only the methods of this class. To add a model, implement the first
three, and everything else in the package works with it. The package's own models are in `note_gru`,
`chord_gru` and `phrase_gru`.

Models use only Keras layers and keras.ops, so that the backend can be switched; only TensorFlow is
tested.

Notebook: 03_model_training
"""

from typing import Any

from ..chorale import VOICES
from ..encoding import END_TOKEN, VOCABULARY
from .backend import Tensor, keras


class ChoraleModel(keras.Model):
    """A model that gives every note of a chorale a probability, given all notes before it.

    The notes come in the order soprano, alto, tenor, bass, step by step. In the shapes below, B is
    the number of pieces processed side by side, and 59 the number of tokens.

    Attributes:
        tokens: number of tokens in the model's vocabulary: 59, or 116 if it distinguishes struck
            and held notes (see `score_to_tokens`); in the latter case, read 116 for 59 below.
        takes_form: whether `log_probs` and `begin` also take a form: int tensor (B, steps, 8), the
            features of a `Form`, or None if it is unknown.

    Examples:
        The simplest possible model gives every note the same probability. It has learnt nothing:

        >>> from chorale_utils import Chorale, negative_log_likelihood
        >>> class Uniform(ChoraleModel):
        ...     def log_probs(self, tokens, training=False):
        ...         shape = (*keras.ops.shape(tokens), 59)  # known only when the model is used
        ...         return keras.ops.zeros(shape) - keras.ops.log(59.0)
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16)
        >>> round(negative_log_likelihood(Uniform(), [chorale]), 3)  # ln 59
        4.078

    Notebook: 03_model_training
    """

    tokens = VOCABULARY
    takes_form = False
    # Names of parts of the state (then a dict) that `next_note` uses only for the soprano's note:
    # they are moved with resampled particles once per step, not once per note.
    memory: tuple[str, ...] = ()

    def log_probs(self, tokens: Tensor, training: bool = False) -> Tensor:
        """Natural logarithms of p(note | all earlier notes), from the first note of each piece on.

        Args:
            tokens: int tensor (B, steps, 4) of tokens, whole pieces from their first step. The
                method is compiled for any number of pieces and steps: ask ``keras.ops.shape`` for
                them, since ``tokens.shape`` may have None in their place.
            training: true applies random dropout (Monte Carlo dropout), false turns it off.

        Returns:
            float tensor (B, steps, 4, 59); each row's exponentials sum to 1.

        Raises:
            NotImplementedError: the class has no `log_probs` of its own.

        Examples:
            >>> import numpy as np
            >>> from chorale_utils import note_gru
            >>> note_gru(width=4, layers=1).log_probs(np.full((1, 3, 4), 43)).shape
            TensorShape([1, 3, 4, 59])
        """
        raise NotImplementedError

    def begin(self, count: int, steps: int) -> Any:
        """The state before the first note of `count` pieces of at most `steps` steps.

        Args:
            count: number of pieces that are written side by side.
            steps: largest length of a piece in sixteenths.

        Returns:
            Nested dicts and lists of tensors, whose shapes do not change while the pieces grow. The
            first axis of each tensor is the piece, unless it is a scalar: pieces are removed when
            they have ended, and particles are resampled.

        Raises:
            NotImplementedError: the class has no `begin` of its own.

        Examples:
            >>> from chorale_utils import note_gru
            >>> state = note_gru(width=4, layers=1).begin(count=2, steps=8)
            >>> [part.shape for part in state]
            [TensorShape([2, 4])]
        """
        raise NotImplementedError

    def next_note(self, state: Any, voice: int, previous: Tensor) -> tuple[Tensor, Any]:
        """Logits of the next note, one note at a time, in the order S, A, T, B, step by step.

        Args:
            state: the result of `begin` or the last call.
            voice: 0..3, a Python int: the voice of the next note.
            previous: int tensor (B,), token of the note before: the voice above in this step, or,
                for the soprano, the bass in the step before. Before the first note it is 0, the
                end token.

        Returns:
            (float tensor (B, 59), new state).

        Raises:
            NotImplementedError: the class has no `next_note` of its own.

        Examples:
            >>> import numpy as np
            >>> from chorale_utils import note_gru
            >>> model = note_gru(width=4, layers=1)
            >>> state = model.begin(count=2, steps=8)
            >>> logits, state = model.next_note(state, voice=0, previous=np.zeros(2, int))
            >>> logits.shape
            TensorShape([2, 59])
        """
        raise NotImplementedError

    def read(self, state: Any, chords: Tensor) -> Any:
        """The state after the first steps of pieces, whose notes are known, as after `next_note`
        for each of them. The next note is then the soprano's, and its ``previous`` the last bass.

        Args:
            state: the result of `begin`.
            chords: int tensor (B, steps, 4) of tokens, at least one step.

        Examples:
            >>> import numpy as np
            >>> from chorale_utils import note_gru
            >>> model = note_gru(width=4, layers=1)
            >>> state = model.read(model.begin(count=1, steps=8), np.full((1, 4, 4), 43))
            >>> logits, state = model.next_note(state, voice=0, previous=np.full(1, 43))
            >>> logits.shape
            TensorShape([1, 59])
        """
        ops = keras.ops
        notes = ops.reshape(ops.cast(chords, "int32"), (ops.shape(chords)[0], -1))
        previous = ops.concatenate([ops.full_like(notes[:, :1], END_TOKEN), notes[:, :-1]], axis=1)
        steps = ops.shape(chords)[1]

        def read_step(step: Tensor, state: Any) -> tuple[Tensor, Any]:
            for voice in range(len(VOICES)):
                before = ops.take(previous, step * len(VOICES) + voice, axis=1)
                _, state = self.next_note(state, voice, before)
            return step + 1, state

        return ops.while_loop(lambda step, _: step < steps, read_step, (0, state))[1]
