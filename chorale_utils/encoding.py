"""Encoding: notes <-> tokens <-> one-hot vectors, the order of the notes, and transposition.

A token is a small whole number that a model reads and writes. There are 59: 0 is the end of a
piece, 1 is silence, and 2 to 58 stand for the MIDI numbers 31 to 87, the corpus's own range (36 to
81) widened by the transpositions (five semitones down, six up). The sequence of a chorale is like
arpeggiating its chords: soprano, alto, tenor and bass of the first step, then of the second, and so
on, then four end tokens.

This file deals only in numbers: it builds no batches (see datasets.py) and no models.

Notebook: 02_encoding_and_transposition
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from .chorale import HIGHEST_PITCH, LOWEST_PITCH, SILENCE, VOICES, Chorale

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

END_TOKEN = 0
SILENCE_TOKEN = 1
END = -1  # the end of a piece, in arrays of MIDI numbers
PRIMING = 16  # end tokens that a model reads before a piece, meaning "a piece is over, begin"
TRANSPOSITIONS = range(-5, 7)  # semitones: every key once, by the shortest way
LOWEST_NOTE = LOWEST_PITCH + TRANSPOSITIONS[0]  # 31
HIGHEST_NOTE = HIGHEST_PITCH + TRANSPOSITIONS[-1]  # 87
FIRST_NOTE_TOKEN = 2
VOCABULARY = FIRST_NOTE_TOKEN + HIGHEST_NOTE - LOWEST_NOTE + 1  # 59
# In a score's tokens, 2 to 58 are struck notes, and 59 to 115 the same notes held.
GOES_ON = VOCABULARY - FIRST_NOTE_TOKEN  # 57: a held note's token minus that of the struck note
SCORE_VOCABULARY = VOCABULARY + GOES_ON  # 116


def notes_to_tokens(notes: ArrayLike) -> np.ndarray:
    """Tokens (uint8 array, the shape of `notes`) of MIDI numbers.

    Args:
        notes: int array of any shape: -1 is the end, 0 is silence, 31..87 are notes.

    Raises:
        ValueError: any other number; the message says which, where, and what is allowed.

    Examples:
        >>> notes_to_tokens([72, 0, -1]).tolist()
        [43, 1, 0]

    Notebook: 02_encoding_and_transposition
    """
    checked = _checked_notes(notes, {END: "the end", SILENCE: "silence"})
    special = np.where(checked == END, END_TOKEN, SILENCE_TOKEN)
    sounding = checked - LOWEST_NOTE + FIRST_NOTE_TOKEN
    return np.where(checked >= LOWEST_NOTE, sounding, special).astype(np.uint8)


def tokens_to_notes(tokens: ArrayLike) -> np.ndarray:
    """MIDI numbers (int16 array, the shape of `tokens`) of tokens: -1 is the end, 0 is silence.

    Args:
        tokens: int array of any shape.

    Raises:
        ValueError: a token outside 0..58; the message says which and where.

    Examples:
        >>> tokens_to_notes([43, 1, 0]).tolist()
        [72, 0, -1]

    Notebook: 02_encoding_and_transposition
    """
    checked = _checked_tokens(tokens)
    special = np.where(checked == END_TOKEN, END, SILENCE)
    sounding = checked - FIRST_NOTE_TOKEN + LOWEST_NOTE
    return np.where(checked >= FIRST_NOTE_TOKEN, sounding, special).astype(np.int16)


def score_to_tokens(pitches: ArrayLike, struck: ArrayLike) -> np.ndarray:
    """A score's tokens 0..115 (uint8 array, the shape of `pitches`), which say whether a note is
    struck: 2 to 58 are struck notes, 59 to 115 the same notes held from the step before.

    Args:
        pitches: int array (steps, 4) of MIDI numbers, 0 is silence.
        struck: bool array (steps, 4), such as `Chorale.struck`. A note whose pitch differs from the
            step before counts as struck in any case.

    Raises:
        ValueError: a note outside 31..87.

    Examples:
        >>> score_to_tokens([[60, 55, 0, 48]] * 2, [[True] * 4, [True, False, False, False]])
        array([[31, 26,  1, 19],
               [31, 83,  1, 76]], dtype=uint8)

    Notebook: 02_encoding_and_transposition
    """
    tokens = notes_to_tokens(np.asarray(pitches))
    goes_on = (tokens >= FIRST_NOTE_TOKEN) & ~np.asarray(struck, bool)
    goes_on[:1] = False
    goes_on[1:] &= tokens[1:] == tokens[:-1]
    return (tokens + np.where(goes_on, GOES_ON, 0)).astype(np.uint8)


def tokens_to_score(tokens: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of the shape of `tokens`, from a score's tokens 0..115: MIDI numbers (int16; -1 is
    the end, 0 is silence), and whether each is struck (bool).

    Args:
        tokens: int array of any shape.

    Raises:
        ValueError: a token outside 0..115.

    Examples:
        >>> pitches, struck = tokens_to_score([[31, 26, 1, 19], [31, 83, 1, 76]])
        >>> pitches[1].tolist(), struck[1].tolist()
        ([60, 55, 0, 48], [True, False, False, False])

    Notebook: 02_encoding_and_transposition
    """
    given = np.asarray(tokens).astype(int)
    goes_on = given >= VOCABULARY
    if np.any(given >= SCORE_VOCABULARY):
        raise ValueError(f"token {given.max()}: expected 0..{SCORE_VOCABULARY - 1}")
    notes = tokens_to_notes(np.where(goes_on, given - GOES_ON, given))
    return notes, (notes > SILENCE) & ~goes_on


def encode(pitches: ArrayLike | Chorale, end: bool = True) -> np.ndarray:
    """A piece as one row of tokens: S, A, T, B of each step in turn, then four end tokens.

    Args:
        pitches: int array (steps, 4) of MIDI numbers, 0 is silence; or a Chorale.
        end: whether to add the four end tokens.

    Returns:
        uint8 array (4 * steps + 4,), or (4 * steps,) without end tokens.

    Raises:
        ValueError: not of shape (steps, 4), or a note outside 31..87 that is not silence.

    Examples:
        >>> encode([[72, 67, 64, 48]]).tolist()
        [43, 38, 35, 19, 0, 0, 0, 0]

    Notebook: 02_encoding_and_transposition
    """
    notes = np.asarray(pitches.pitches if isinstance(pitches, Chorale) else pitches)
    if notes.ndim != 2 or notes.shape[1] != len(VOICES):
        raise ValueError(
            f"pitches of shape {notes.shape}: expected (steps, 4), the columns being "
            f"{', '.join(VOICES)}"
        )
    tokens = notes_to_tokens(
        _checked_notes(notes, {SILENCE: "silence"})
    )  # the end is added here; the input must not contain it
    ends = np.full(len(VOICES) if end else 0, END_TOKEN, np.uint8)
    return np.concatenate([tokens.ravel(), ends])


def decode(tokens: ArrayLike) -> np.ndarray:
    """The notes of a row of tokens, up to the first end token and cut to whole chords.

    Args:
        tokens: int array (tokens,) in the order S, A, T, B, step by step.

    Returns:
        int16 array (steps, 4) of MIDI numbers, 0 is silence.

    Raises:
        ValueError: a token outside 0..58.

    Examples:
        >>> decode([43, 38, 35, 19, 0, 0, 0, 0]).tolist()
        [[72, 67, 64, 48]]

    Notebook: 02_encoding_and_transposition
    """
    row = _checked_tokens(tokens)
    if row.ndim != 1:
        raise ValueError(f"tokens of shape {row.shape}: expected one row (tokens,)")
    ends = np.flatnonzero(row == END_TOKEN)
    sounding = row[: ends[0]] if len(ends) else row
    whole = len(sounding) - len(sounding) % len(VOICES)
    return tokens_to_notes(sounding[:whole]).reshape(-1, len(VOICES))


def to_one_hot(tokens: ArrayLike) -> np.ndarray:
    """One-hot vectors of tokens: float32 array of the shape of `tokens` with a last axis of 59.

    Args:
        tokens: int array of any shape.

    Raises:
        ValueError: a token outside 0..58.

    Examples:
        >>> to_one_hot([43, 1]).shape
        (2, 59)

    Notebook: 02_encoding_and_transposition
    """
    return np.eye(VOCABULARY, dtype=np.float32)[_checked_tokens(tokens)]


def from_one_hot(vectors: ArrayLike) -> np.ndarray:
    """Tokens (uint8 array) of one-hot vectors: the index of the single 1 along the last axis.

    Args:
        vectors: array (..., 59) of zeros, with a single 1 in each vector.

    Raises:
        ValueError: the last axis is not 59 long, or a vector is not a single 1 among zeros.

    Examples:
        >>> from_one_hot(to_one_hot([43, 1])).tolist()
        [43, 1]

    Notebook: 02_encoding_and_transposition
    """
    checked = np.asarray(vectors)
    if checked.ndim == 0 or checked.shape[-1] != VOCABULARY:
        raise ValueError(f"vectors of shape {checked.shape}: expected a last axis of {VOCABULARY}")
    wrong = np.argwhere((np.count_nonzero(checked, axis=-1) != 1) | (checked.max(axis=-1) != 1))
    if len(wrong):
        raise ValueError(
            f"vector at {tuple(int(i) for i in wrong[0])}: expected a single 1 among zeros"
        )
    return checked.argmax(axis=-1).astype(np.uint8)


def transpose_tokens(tokens: ArrayLike, semitones: ArrayLike) -> np.ndarray:
    """Tokens (uint8 array) with every note moved by `semitones`; silence and the end stay.

    Args:
        tokens: int array of any shape.
        semitones: whole number, or an int array that broadcasts against `tokens`, such as one
            number per note for a stream of several pieces.

    Raises:
        ValueError: a token outside 0..58, or a note that would leave MIDI 31..87; the message says
            which.

    Examples:
        >>> transpose_tokens([43, 1, 0], 2).tolist()
        [45, 1, 0]

    Notebook: 02_encoding_and_transposition
    """
    checked = _checked_tokens(tokens)
    by = np.broadcast_to(_whole_numbers(semitones, "semitones"), checked.shape)
    notes = checked >= FIRST_NOTE_TOKEN
    moved = np.where(notes, checked + by, checked)
    wrong = np.argwhere(notes & ((moved < FIRST_NOTE_TOKEN) | (moved >= VOCABULARY)))
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        note = checked[where] - FIRST_NOTE_TOKEN + LOWEST_NOTE
        raise ValueError(
            f"note {note} at {_place(where, checked.ndim)}, moved by {by[where]:+d} semitones: "
            f"expected to stay within {LOWEST_NOTE}..{HIGHEST_NOTE}; choose a transposition closer "
            "to 0"
        )
    return moved.astype(np.uint8)


def transpose_probs(probs: ArrayLike, semitones: int) -> np.ndarray:
    """Probabilities of tokens, float array (..., 59), with those of notes moved by `semitones`.

    Notes that would leave MIDI 31..87 are dropped, and notes that move in get probability 0, so
    that rows may no longer sum to 1.

    Args:
        probs: float array (..., 59).
        semitones: whole number.

    Raises:
        ValueError: the last axis is not 59 long, or `semitones` is not a whole number.

    Examples:
        >>> probs = to_one_hot([43])
        >>> transpose_probs(probs, 2).argmax(axis=-1).tolist()
        [45]

    Notebook: 04_evaluation
    """
    before = np.asarray(probs)
    if before.ndim == 0 or before.shape[-1] != VOCABULARY:
        raise ValueError(f"probs of shape {before.shape}: expected a last axis of {VOCABULARY}")
    by = int(_whole_numbers(semitones, "semitones"))
    moved = np.zeros_like(before)
    moved[..., :FIRST_NOTE_TOKEN] = before[..., :FIRST_NOTE_TOKEN]
    low, high = FIRST_NOTE_TOKEN + max(by, 0), VOCABULARY + min(by, 0)
    if low < high:
        moved[..., low:high] = before[..., low - by : high - by]
    return moved


def checked_transpositions(transpositions: Iterable[int]) -> list[int]:
    """`transpositions` as a list of ints.

    Raises:
        ValueError: `transpositions` is empty, not a list, or contains something other than whole
            numbers.

    Examples:
        >>> checked_transpositions(range(-1, 2))
        [-1, 0, 1]
    """
    if not isinstance(transpositions, Iterable) or isinstance(transpositions, str):
        raise ValueError(
            f"transpositions {transpositions!r}: expected a list of whole numbers of semitones, "
            f"such as [0] or range(-2, 3)"
        )
    shifts = _whole_numbers(list(transpositions), "transpositions")
    if not shifts.size:
        raise ValueError("no transpositions: expected at least one; [0] leaves pieces as they are")
    return shifts.tolist()


def _checked_notes(notes: ArrayLike, special: dict[int, str]) -> np.ndarray:
    """`notes` as int64 array; raises a ValueError that names a note which is neither in the range
    nor in `special`, a dict from other allowed numbers to their meanings."""
    checked = _whole_numbers(notes, "notes")
    sounding = (checked >= LOWEST_NOTE) & (checked <= HIGHEST_NOTE)
    wrong = np.argwhere(~sounding & ~np.isin(checked, list(special)))
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        others = ", ".join(f"{number} ({meaning})" for number, meaning in special.items())
        raise ValueError(
            f"note {checked[where]} at {_place(where, checked.ndim)}: expected {others} or "
            f"{LOWEST_NOTE}..{HIGHEST_NOTE}"
        )
    return checked


def _checked_tokens(tokens: ArrayLike) -> np.ndarray:
    """`tokens` as int64 array; raises a ValueError that names a token outside the vocabulary."""
    checked = _whole_numbers(tokens, "tokens")
    wrong = np.argwhere((checked < 0) | (checked >= VOCABULARY))
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        raise ValueError(
            f"token {checked[where]} at {_place(where, checked.ndim)}: expected 0..{VOCABULARY - 1}"
        )
    return checked


def _whole_numbers(values: ArrayLike, what: str) -> np.ndarray:
    array = np.asarray(values)
    if array.size and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"{what} of type {array.dtype}: expected whole numbers")
    return array.astype(np.int64)


def _place(where, dimensions):
    """An index in words: as step and voice if it has two dimensions."""
    if dimensions == 2 and where[1] < len(VOICES):
        return f"step {where[0]}, {VOICES[where[1]]}"
    return f"position {', '.join(map(str, where))}"
