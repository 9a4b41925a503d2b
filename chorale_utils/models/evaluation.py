"""Evaluation: how well a model foretells real chorales, in nats per note, and where it is
surprised.

The figure is the one that the literature reports on this corpus: the negative natural logarithm of
the probability that the model gave to the note that really came, averaged over all notes of all
pieces (a micro average), whole pieces, in their own key, from the first step on. 0 is perfect
foresight, ln 59 = 4.08 knows nothing. The end of a piece is reported apart.

Notebook: 04_evaluation
"""

import weakref

import numpy as np

from ..chorale import SILENCE, VOICES
from ..encoding import (
    END_TOKEN,
    SILENCE_TOKEN,
    checked_transpositions,
    notes_to_tokens,
    tokens_to_notes,
    transpose_probs,
    transpose_tokens,
)
from .backend import compiled, keras
from .datasets import check_transpositions_of

_COMPILED = weakref.WeakKeyDictionary()  # model -> {training: compiled log_probs}


def note_probs(model, pitches, mc_samples=0, transpositions=(0,)):
    """p(note | all earlier steps, and the earlier voices of this step) for every note of a piece.

    Args:
        model: a `ChoraleModel`.
        pitches: int array (steps, 4) of MIDI numbers, 0 is silence.
        mc_samples: 0 for the model as it is; otherwise the mean over so many passes with dropout left on
            (Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation"), drawn anew at every
            call.
        transpositions: whole numbers of semitones; the answer is the mean of what the model says of the piece in
            each of these transpositions, shifted back. (0,) is the model as it is, range(-2, 3) a good average.

    Returns:
        float32 array (steps, 4, 59) of probabilities by token (see encoding.py); each row sums to 1, and row
        (t, v) does not depend on pitches[t, v:] or pitches[t+1:].

    Raises:
        ValueError: a note that is neither silence nor 31..87, be it only in one of the transpositions, no
            transpositions, or `pitches` not of shape (steps, 4).

    Notebook: 04_evaluation
    """
    return _probs(model, _tokens([pitches]), mc_samples, transpositions)[0, : len(pitches)]


def note_log_probs(model, pitches, mc_samples=0, transpositions=(0,)):
    """Natural logarithm of the probability of every note of a piece, float32 array (steps, 4).

    Args:
        model, pitches, mc_samples, transpositions: see `note_probs`.

    Notebook: 04_evaluation
    """
    return _log_of_chosen(
        note_probs(model, pitches, mc_samples, transpositions), notes_to_tokens(np.asarray(pitches))
    )


def negative_log_likelihood(model, chorales, mc_samples=0, batch_size=16, transpositions=(0,)):
    """Nats per note (float): micro average over all notes of all pieces, whole, in their own key.

    Args:
        model: a `ChoraleModel`.
        chorales: list of Chorale.
        mc_samples, transpositions: see `note_probs`.
        batch_size: pieces to look at side by side.

    Raises:
        ValueError: no chorales, or a note outside 31..87, be it only in one of the transpositions.

    Notebook: 04_evaluation
    """
    total = notes = 0
    for chorale, probs in _probs_of_pieces(model, chorales, mc_samples, batch_size, transpositions):
        log_probs = _log_of_chosen(probs[:-1], notes_to_tokens(chorale.pitches))
        total, notes = total - log_probs.sum(dtype=float), notes + log_probs.size
    return float(total / notes)


def end_negative_log_likelihood(model, chorales, batch_size=16, transpositions=(0,)):
    """Nats per piece (float): the mean over pieces of -ln p(the piece ends | the whole piece).

    Args:
        model, chorales, batch_size, transpositions: see `negative_log_likelihood`.

    Notebook: 04_evaluation
    """
    ends = [
        probs[-1, 0, END_TOKEN]
        for _, probs in _probs_of_pieces(model, chorales, 0, batch_size, transpositions)
    ]
    return float(-np.mean(np.log(ends, dtype=float)))


def score_notes(model, chorales, mc_samples=0, batch_size=16, transpositions=(0,)):
    """A pandas DataFrame with a row for every note of every piece, to be grouped as one likes.

    Args:
        model, chorales, mc_samples, batch_size, transpositions: see `negative_log_likelihood`.

    Returns:
        DataFrame with the columns piece (name), step, voice (soprano..bass), pitch (MIDI number), moved (true
        where the pitch differs from the step before; the first step counts as moved), place (sixteenth within
        the quarter, 0..3), nats (-ln p of the note), guess (MIDI number of the likeliest note, -1 for the
        end), confidence (its probability) and correct (guess == pitch).

    Notebook: 04_evaluation
    """
    import pandas as pd

    frames = []
    for chorale, probs in _probs_of_pieces(model, chorales, mc_samples, batch_size, transpositions):
        probs, pitches = probs[:-1], chorale.pitches
        steps = np.arange(len(pitches))
        moved = np.vstack([np.ones((1, len(VOICES)), bool), pitches[1:] != pitches[:-1]])
        guess = tokens_to_notes(probs.argmax(axis=-1))
        frames.append(
            pd.DataFrame(
                {
                    "piece": chorale.name,
                    "step": np.repeat(steps, len(VOICES)),
                    "voice": np.tile(VOICES, len(pitches)),
                    "pitch": pitches.ravel(),
                    "moved": moved.ravel(),
                    "place": np.repeat((steps - chorale.pickup) % 4, len(VOICES)),
                    "nats": -_log_of_chosen(probs, notes_to_tokens(pitches)).ravel(),
                    "guess": guess.ravel(),
                    "confidence": probs.max(axis=-1).ravel(),
                    "correct": (guess == pitches).ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def calibration(scores, bins=10):
    """How often a guess is right when the model is so sure of it.

    Args:
        scores: what `score_notes` returned.
        bins: number of equal steps of confidence between 0 and 1.

    Returns:
        pandas DataFrame, a row for each step of confidence that occurs: confidence (mean), accuracy (share of
        correct guesses), notes (number).

    Notebook: 04_evaluation
    """
    step = np.minimum((scores["confidence"] * bins).astype(int), bins - 1).rename("bin")
    return scores.groupby(step).agg(
        confidence=("confidence", "mean"), accuracy=("correct", "mean"), notes=("correct", "size")
    )


def _probs_of_pieces(model, chorales, mc_samples, batch_size, transpositions):
    """Yields (chorale, float32 array (steps + 1, 4, 59)) for each piece, the shortest first; the last row
    stands for the step after the piece."""
    if not any(map(len, chorales)):
        raise ValueError("no chorales, or only empty ones: expected at least one note to judge")
    ordered = sorted(chorales, key=len)
    for chorale in ordered:
        check_transpositions_of(
            chorale, notes_to_tokens(chorale.pitches), checked_transpositions(transpositions)
        )
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        silent_step = np.full((1, len(VOICES)), SILENCE)
        tokens = _tokens([np.vstack([chorale.pitches, silent_step]) for chorale in batch])
        probs = _probs(model, tokens, mc_samples, transpositions)
        for chorale, piece in zip(batch, probs):
            yield chorale, piece[: len(chorale) + 1]


def _tokens(pieces):
    """int32 array (pieces, longest, 4) of tokens, shorter pieces filled up with silence."""
    tokens = np.full((len(pieces), max(map(len, pieces)), len(VOICES)), SILENCE_TOKEN, np.int32)
    for row, pitches in zip(tokens, pieces):
        pitches = np.asarray(pitches)
        if pitches.ndim != 2 or pitches.shape[1] != len(VOICES) or not len(pitches):
            raise ValueError(
                f"pitches of shape {pitches.shape}: expected (steps, 4) with at least one step"
            )
        row[: len(pitches)] = notes_to_tokens(pitches)
    if np.any(tokens == END_TOKEN):
        raise ValueError(
            "note -1 among the pitches: expected 0 (silence) or 31..87; the end is no note of a piece"
        )
    return tokens


def _probs(model, tokens, mc_samples, transpositions):
    """float32 array (pieces, steps, 4, 59) of probabilities, the mean over the transpositions."""
    total = 0
    for semitones in checked_transpositions(transpositions):
        heard = transpose_tokens(tokens, semitones)
        total = total + transpose_probs(_probs_as_heard(model, heard, mc_samples), -semitones)
    return total / total.sum(axis=-1, keepdims=True)


def _probs_as_heard(model, tokens, mc_samples):
    """float32 array (pieces, steps, 4, 59): what the model says, or the mean of what it says with
    dropout on."""
    if mc_samples < 0:
        raise ValueError(
            f"mc_samples {mc_samples}: expected 0 (no dropout) or the number of passes with dropout"
        )
    functions = _COMPILED.setdefault(model, {})
    dropout = mc_samples > 0
    if dropout not in functions:
        weak = weakref.ref(model)  # the compiled function must not keep its own key alive
        functions[dropout] = compiled(lambda tokens: weak().log_probs(tokens, training=dropout))
    total = 0
    for _ in range(max(mc_samples, 1)):
        tensor = keras.ops.convert_to_tensor(tokens, "int32")
        total = total + np.exp(keras.ops.convert_to_numpy(functions[dropout](tensor)))
    return total / max(mc_samples, 1)


def _log_of_chosen(probs, tokens):
    """ln of the probability of each token: float array of the shape of `tokens`."""
    chosen = np.take_along_axis(probs, tokens[..., None].astype(int), axis=-1)[..., 0]
    return np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
