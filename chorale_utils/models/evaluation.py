"""Evaluation: how well a model predicts real chorales, in nats per note, and what surprises it.

The measure is the one reported in the literature on this corpus: the negative natural logarithm of
the probability that the model gives to the true note, averaged over all notes of all pieces (a
micro average), with whole pieces in their own keys, from the first step on. A perfect prediction
scores 0; a model that has learnt nothing scores ln 59 = 4.08. The end of a piece is reported
separately.

Notebook: 04_evaluation
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..chorale import SILENCE, VOICES, Chorale, as_chorales
from ..encoding import (
    END_TOKEN,
    FIRST_NOTE_TOKEN,
    GOES_ON,
    SCORE_VOCABULARY,
    SILENCE_TOKEN,
    VOCABULARY,
    checked_transpositions,
    notes_to_tokens,
    score_to_tokens,
    tokens_to_notes,
    transpose_probs,
    transpose_tokens,
)
from ..form import FEATURES, Form, transpose_features
from .backend import Tensor, compiled, keras
from .checks import check_whole_numbers
from .datasets import check_transpositions_of
from .model import ChoraleModel
from .saving import ModelLike, as_model

if TYPE_CHECKING:
    import pandas as pd

# model -> {(whether dropout is on, whether a form is given): compiled log_probs}
_COMPILED: weakref.WeakKeyDictionary[
    ChoraleModel, dict[tuple[bool, bool], Callable[..., Tensor]]
] = weakref.WeakKeyDictionary()


def note_probs(
    model: ModelLike,
    pitches: ArrayLike | Chorale,
    mc_samples: int = 0,
    transpositions: Iterable[int] = (0,),
) -> np.ndarray:
    """p(note | all earlier steps, and the earlier voices of this step) for every note of a piece.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        pitches: int array (steps, 4) of MIDI numbers, 0 is silence; or a Chorale, which also tells
            a model that reads scores and forms which notes are struck, and the form.
        mc_samples: 0 for the plain model; otherwise the mean over this number of passes with
            dropout left on (Gal and Ghahramani 2016, "Dropout as a Bayesian Approximation"), which
            differ from call to call.
        transpositions: whole numbers of semitones; the result is the mean of the model's
            predictions in each of these transpositions, shifted back. (0,) is the plain model,
            range(-2, 3) a good average.

    Returns:
        float32 array (steps, 4, 59) of probabilities by token (see encoding.py); each row sums to
        1, and row (t, v) does not depend on pitches[t, v:] or pitches[t+1:].

    Raises:
        ValueError: a note that is neither silence nor 31..87 in any of the transpositions; no
            transpositions; or `pitches` is not of shape (steps, 4).
        FileNotFoundError: no such model.

    Examples:
        >>> probs = note_probs("note_gru", np.tile([72, 67, 64, 48], (16, 1)))
        >>> probs.shape
        (16, 4, 59)
        >>> expected = tokens_to_notes(probs[15, 0].argmax())  # the likeliest note to come next
        >>> int(expected)
        72

    Notebook: 04_evaluation
    """
    model, forms = as_model(model), None
    if isinstance(pitches, Chorale):
        tokens, forms = _read(model, [pitches], silent_steps=0)
    else:
        tokens = _tokens([np.asarray(pitches)])
    return _predict(model, tokens, mc_samples, transpositions, forms)[0]


def note_log_probs(
    model: ModelLike,
    pitches: ArrayLike | Chorale,
    mc_samples: int = 0,
    transpositions: Iterable[int] = (0,),
) -> np.ndarray:
    """Natural logarithm of the probability of every note of a piece, float32 array (steps, 4).

    Args:
        model, pitches, mc_samples, transpositions: see `note_probs`.

    Raises:
        ValueError, FileNotFoundError: as in `note_probs`.

    Examples:
        >>> log_probs = note_log_probs("note_gru", np.tile([72, 67, 64, 48], (16, 1)))
        >>> log_probs.shape
        (16, 4)
        >>> bool(log_probs[15].mean() > log_probs[0].mean())  # a chord that stays surprises less
        True

    Notebook: 04_evaluation
    """
    notes = pitches.pitches if isinstance(pitches, Chorale) else np.asarray(pitches)
    return _log_probs_of(
        note_probs(model, pitches, mc_samples, transpositions), notes_to_tokens(notes)
    )


def negative_log_likelihood(
    model: ModelLike,
    chorales: Chorale | Iterable[Chorale],
    mc_samples: int = 0,
    batch_size: int = 16,
    transpositions: Iterable[int] = (0,),
) -> float:
    """Nats per note: micro average over all notes of all pieces, whole and in their own keys.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        chorales: list of Chorale, or one.
        mc_samples, transpositions: see `note_probs`.
        batch_size: number of pieces to process side by side.

    Raises:
        ValueError: no chorales, or a note outside 31..87 in any of the transpositions.
        FileNotFoundError: no such model.
        TypeError: something other than chorales.

    Examples:
        >>> held = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> 0 < negative_log_likelihood("note_gru", held) < float(np.log(59))
        True

    Notebook: 04_evaluation
    """
    total, notes = 0.0, 0
    for chorale, probs in _probs_of_pieces(model, chorales, mc_samples, batch_size, transpositions):
        log_probs = _log_probs_of(probs[:-1], notes_to_tokens(chorale.pitches))
        total, notes = total - log_probs.sum(dtype=float), notes + log_probs.size
    return float(total / notes)


def score_negative_log_likelihood(
    model: ModelLike, chorales: Chorale | Iterable[Chorale], batch_size: int = 16
) -> float:
    """Nats per note of scores: the sounding note and whether it is struck, together.

    The difference from `negative_log_likelihood` is the cost of striking, given the notes.

    Args:
        model: `ChoraleModel` that writes scores, such as `PhraseGRU`; or the name or path of one.
        chorales, batch_size: see `negative_log_likelihood`.

    Raises:
        ValueError: the model writes no scores, or there are no chorales.
        FileNotFoundError: no such model.
        TypeError: something other than chorales.

    Examples:
        >>> from chorale_utils import phrase_gru
        >>> model = phrase_gru(width=8, embedding=2, heads=1, head_width=2, hidden=4)
        >>> held = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> score_negative_log_likelihood(model, held) > 0
        True

    Notebook: 04_evaluation
    """
    model, ordered = as_model(model), sorted(as_chorales(chorales), key=len)
    check_whole_numbers(1, batch_size=batch_size)
    if model.tokens != SCORE_VOCABULARY:
        raise ValueError(f"{model.name} writes no scores: expected a model such as phrase_gru")
    if not any(map(len, ordered)):
        raise ValueError("no chorales, or only empty ones: expected at least one note to judge")
    total, notes = 0.0, 0
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        tokens, forms = _read(model, batch, silent_steps=0)
        log_probs = _log_probs_of(_predict_in_one_key(model, tokens, 0, forms), tokens)
        for chorale, piece in zip(batch, log_probs):
            total -= piece[: len(chorale)].sum(dtype=float)
            notes += piece[: len(chorale)].size
    return float(total / notes)


def notes_of_scores(probs: np.ndarray) -> np.ndarray:
    """Probabilities by note, float array (..., 59), from those by a score's tokens (..., 116), in
    which a note is struck or held. Probabilities by note are returned unchanged.

    Examples:
        >>> probs = np.zeros(116)
        >>> probs[[43, 100]] = 0.25, 0.75  # C5 is struck, or goes on
        >>> float(notes_of_scores(probs)[43])
        1.0

    Notebook: 04_evaluation
    """
    notes = probs[..., :VOCABULARY].copy()
    if probs.shape[-1] > VOCABULARY:
        notes[..., FIRST_NOTE_TOKEN:] += probs[..., VOCABULARY:]
    return notes


def end_negative_log_likelihood(
    model: ModelLike,
    chorales: Chorale | Iterable[Chorale],
    batch_size: int = 16,
    transpositions: Iterable[int] = (0,),
) -> float:
    """Nats per piece: the mean over pieces of -ln p(the piece ends | the whole piece).

    Args:
        model, chorales, batch_size, transpositions: see `negative_log_likelihood`.

    Raises:
        ValueError, FileNotFoundError: as in `negative_log_likelihood`.

    Examples:
        >>> held = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> end_negative_log_likelihood("note_gru", held) > 0
        True

    Notebook: 04_evaluation
    """
    ends = [
        probs[-1, 0, END_TOKEN]
        for _, probs in _probs_of_pieces(model, chorales, 0, batch_size, transpositions)
    ]
    return float(-np.mean(np.log(ends, dtype=float)))


def score_notes(
    model: ModelLike,
    chorales: Chorale | Iterable[Chorale],
    mc_samples: int = 0,
    batch_size: int = 16,
    transpositions: Iterable[int] = (0,),
) -> pd.DataFrame:
    """A table with one row for every note of every piece, ready for grouping.

    Args:
        model, chorales, mc_samples, batch_size, transpositions: see `negative_log_likelihood`.

    Returns:
        pandas DataFrame with the columns piece (name), step, voice (soprano..bass), pitch (MIDI
        number), moved (true if the pitch differs from the step before; the first step counts as
        moved), place (sixteenth within the quarter, 0..3), nats (-ln p of the note), guess (MIDI
        number of the likeliest note, -1 for the end), confidence (its probability) and correct
        (guess == pitch).

    Raises:
        ValueError, FileNotFoundError: as in `negative_log_likelihood`.

    Examples:
        >>> scores = score_notes("note_gru", Chorale(np.tile([72, 67, 64, 48], (16, 1))))
        >>> scores.loc[60:63, ["step", "voice", "pitch", "guess"]]
            step    voice  pitch  guess
        60    15  soprano     72     72
        61    15     alto     67     67
        62    15    tenor     64     64
        63    15     bass     48     48

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
                    "nats": -_log_probs_of(probs, notes_to_tokens(pitches)).ravel(),
                    "guess": guess.ravel(),
                    "confidence": probs.max(axis=-1).ravel(),
                    "correct": (guess == pitches).ravel(),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def calibration(scores: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """How often a guess is right, by the model's confidence.

    A calibrated model is right as often as it expects (Guo et al. 2017, "On Calibration of Modern
    Neural Networks").

    Args:
        scores: the result of `score_notes`.
        bins: number of equal ranges of confidence between 0 and 1.

    Returns:
        pandas DataFrame with one row for each range that occurs: confidence (mean), accuracy (share
        of correct guesses), notes (number).

    Raises:
        ValueError: `bins` is below 1.

    Examples:
        >>> import pandas as pd
        >>> sure, right = [0.25, 0.75, 0.75], [False, True, True]
        >>> table = calibration(pd.DataFrame({"confidence": sure, "correct": right}), bins=2)
        >>> print(table.to_string(index=False))
         confidence  accuracy  notes
               0.25       0.0      1
               0.75       1.0      2

    Notebook: 04_evaluation
    """
    check_whole_numbers(1, bins=bins)
    step = (scores["confidence"] * bins).astype(int).clip(upper=bins - 1).rename("bin")
    return scores.groupby(step).agg(
        confidence=("confidence", "mean"), accuracy=("correct", "mean"), notes=("correct", "size")
    )


def _probs_of_pieces(
    model: ModelLike,
    chorales: Chorale | Iterable[Chorale],
    mc_samples: int,
    batch_size: int,
    transpositions: Iterable[int],
) -> Iterator[tuple[Chorale, np.ndarray]]:
    """Yields (chorale, float32 array (steps + 1, 4, 59)) for each piece, the shortest first; the
    last row is the step after the piece."""
    model, shifts = as_model(model), checked_transpositions(transpositions)
    check_whole_numbers(1, batch_size=batch_size)
    ordered = sorted(as_chorales(chorales), key=len)
    if not any(map(len, ordered)):
        raise ValueError("no chorales, or only empty ones: expected at least one note to judge")
    for chorale in ordered:
        check_transpositions_of(chorale, notes_to_tokens(chorale.pitches), shifts)
    for start in range(0, len(ordered), batch_size):
        batch = ordered[start : start + batch_size]
        tokens, forms = _read(model, batch, silent_steps=1)
        probs = _predict(model, tokens, mc_samples, shifts, forms)
        for chorale, piece in zip(batch, probs):
            yield chorale, piece[: len(chorale) + 1]


def _read(
    model: ChoraleModel, chorales: Sequence[Chorale], silent_steps: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """A model's inputs for chorales and some silent steps after them: (tokens, see `_tokens`;
    forms, int32 array (pieces, steps, 8), or None)."""
    silence = np.full((silent_steps, len(VOICES)), SILENCE)
    tokens = _tokens([np.vstack([chorale.pitches, silence]) for chorale in chorales])
    if model.tokens == SCORE_VOCABULARY:
        for row, chorale in zip(tokens, chorales):
            row[: len(chorale)] = score_to_tokens(chorale.pitches, chorale.struck)
    if not model.takes_form:
        return tokens, None
    forms = [Form.of(chorale).features(tokens.shape[1]) for chorale in chorales]
    return tokens, np.stack(forms).astype(np.int32)


def _tokens(pieces: Sequence[np.ndarray]) -> np.ndarray:
    """int32 array (pieces, longest, 4) of tokens; shorter pieces are padded with silence."""
    for pitches in pieces:
        if pitches.ndim != 2 or pitches.shape[1] != len(VOICES) or not len(pitches):
            raise ValueError(
                f"pitches of shape {pitches.shape}: expected (steps, 4) with at least one step"
            )
    tokens = np.full((len(pieces), max(map(len, pieces)), len(VOICES)), SILENCE_TOKEN, np.int32)
    for row, pitches in zip(tokens, pieces):
        row[: len(pitches)] = notes_to_tokens(pitches)
    if np.any(tokens == END_TOKEN):
        raise ValueError(
            "note -1 among the pitches: expected 0 (silence) or 31..87; the end is not part of a "
            "piece"
        )
    return tokens


def _predict(
    model: ChoraleModel,
    tokens: np.ndarray,
    mc_samples: int,
    transpositions: Iterable[int],
    forms: np.ndarray | None = None,
) -> np.ndarray:
    """float32 array (pieces, steps, 4, 59) of probabilities by note, the mean over the
    transpositions."""
    total: Any = 0
    for semitones in checked_transpositions(transpositions):
        goes_on = tokens >= VOCABULARY
        heard = transpose_tokens(np.where(goes_on, tokens - GOES_ON, tokens), semitones)
        told = None if forms is None else transpose_features(forms, semitones)
        probs = _predict_in_one_key(model, heard + GOES_ON * goes_on, mc_samples, told)
        total = total + transpose_probs(notes_of_scores(probs), -semitones)
    return total / total.sum(axis=-1, keepdims=True)


def _predict_in_one_key(
    model: ChoraleModel, tokens: np.ndarray, mc_samples: int, forms: np.ndarray | None = None
) -> np.ndarray:
    """float32 array (pieces, steps, 4, tokens): the model's prediction, or its mean over passes
    with dropout on."""
    if not isinstance(mc_samples, (int, np.integer)) or mc_samples < 0:
        raise ValueError(
            f"mc_samples {mc_samples!r}: expected 0 (no dropout) or the number of passes with "
            f"dropout"
        )
    functions = _COMPILED.setdefault(model, {})
    options = (mc_samples > 0, forms is not None)
    if options not in functions:
        functions[options] = _compiled_log_probs(model, *options)
    inputs = [tokens] if forms is None else [tokens, forms]
    total: Any = 0
    for _ in range(max(mc_samples, 1)):
        tensors = [keras.ops.convert_to_tensor(given, "int32") for given in inputs]
        total = total + np.exp(keras.ops.convert_to_numpy(functions[options](*tensors)))
    return total / max(mc_samples, 1)


def _compiled_log_probs(model: ChoraleModel, dropout: bool, told: bool) -> Callable[..., Tensor]:
    """The model's `log_probs`, compiled for any number of pieces and steps, which are `told` a form
    or not; it must not keep the model, its cache key, alive."""
    weak = weakref.ref(model)

    def log_probs(*inputs: Tensor) -> Tensor:
        alive: Any = weak()  # its `log_probs` may or may not take a form
        assert alive is not None, "the caller holds a reference to the model"
        return alive.log_probs(*inputs, training=dropout)

    widths = [len(VOICES), len(FEATURES)][: 1 + told]
    examples = ([np.zeros((size, size, each), np.int32) for each in widths] for size in (2, 3))
    return compiled(log_probs, *examples)


def _log_probs_of(probs: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """ln of the probability of each token: float array of the shape of `tokens`."""
    chosen = np.take_along_axis(probs, tokens[..., None].astype(int), axis=-1)[..., 0]
    return np.log(np.maximum(chosen, np.finfo(np.float32).tiny))
