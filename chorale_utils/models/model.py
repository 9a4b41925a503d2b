"""What a model must be able to do, for evaluation and generation to work with it.

They know nothing of a model but the three methods of `ChoraleModel`. Whoever adds a model writes
these three, and everything else in the package works with it. The models themselves are in
`note_gru` and `chord_gru`.

Written with Keras layers and keras.ops only, so that the backend is a switch; TensorFlow is what is
tested.

Notebook: 03_model_training
"""

from .backend import keras


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

    def begin(self, count, steps):
        """The state before the first note of `count` pieces of at most `steps` steps: a nest of tensors, whose shapes stay
        as they are while the pieces grow. The first axis of each is the piece, unless it is a scalar: pieces are left out
        when they have ended, and candidates drawn anew."""
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
