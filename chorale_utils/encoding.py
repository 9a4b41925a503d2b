"""Encoding: notes <-> tokens <-> one-hot vectors, the order of the notes, and transposition.

A token is a small whole number that a model reads and writes. There are 59 of them: 0 is the end of
a piece, 1 is silence, and 2 to 58 stand for the MIDI numbers 31 to 87, that is the corpus' own
range (36 to 81) widened by the transpositions (five semitones down, six up). A chorale is written
down in the order in which one would arpeggiate its chords: soprano, alto, tenor, bass of the first
step, then of the second, and so on, then four ends.

This file knows numbers only: it builds no batches (see datasets.py) and no models.

Notebook: 02_encoding_and_transposition
"""

import numpy as np

from .chorale import HIGHEST_PITCH, LOWEST_PITCH, SILENCE, VOICES

END_TOKEN = 0
SILENCE_TOKEN = 1
END = -1  # the end of a piece, where it stands among MIDI numbers
PRIMING = 16  # ends that a model hears before a piece: "something is over, begin"
TRANSPOSITIONS = range(-5, 7)  # semitones: every key once, none further than needed
LOWEST_NOTE = LOWEST_PITCH + TRANSPOSITIONS[0]  # 31
HIGHEST_NOTE = HIGHEST_PITCH + TRANSPOSITIONS[-1]  # 87
FIRST_NOTE_TOKEN = 2
VOCABULARY = FIRST_NOTE_TOKEN + HIGHEST_NOTE - LOWEST_NOTE + 1  # 59


def notes_to_tokens(notes):
    """Tokens (uint8 array, the shape of `notes`) of MIDI numbers.

    Args:
        notes: int array of any shape: -1 is the end, 0 is silence, 31..87 are notes.

    Raises:
        ValueError: a note is none of these; the message says which, where, and what is allowed.

    Notebook: 02_encoding_and_transposition
    """
    notes = _checked_notes(notes, {END: "the end", SILENCE: "silence"})
    special = np.where(notes == END, END_TOKEN, SILENCE_TOKEN)
    return np.where(notes >= LOWEST_NOTE, notes - LOWEST_NOTE + FIRST_NOTE_TOKEN, special).astype(
        np.uint8
    )


def tokens_to_notes(tokens):
    """MIDI numbers (int16 array, the shape of `tokens`) of tokens: -1 is the end, 0 is silence.

    Raises:
        ValueError: a token outside 0..58; the message says which and where.

    Notebook: 02_encoding_and_transposition
    """
    tokens = _checked_tokens(tokens)
    special = np.where(tokens == END_TOKEN, END, SILENCE)
    return np.where(
        tokens >= FIRST_NOTE_TOKEN, tokens - FIRST_NOTE_TOKEN + LOWEST_NOTE, special
    ).astype(np.int16)


def encode(pitches, end=True):
    """A piece as one row of tokens: S, A, T, B of each step in turn, then four ends.

    Args:
        pitches: int array (steps, 4) of MIDI numbers, 0 is silence.
        end: whether to write the four ends.

    Returns:
        uint8 array (4 * steps + 4,), or (4 * steps,) without the ends.

    Raises:
        ValueError: not of shape (steps, 4), or a note outside 31..87 that is not silence.

    Notebook: 02_encoding_and_transposition
    """
    pitches = np.asarray(pitches)
    if pitches.ndim != 2 or pitches.shape[1] != len(VOICES):
        raise ValueError(
            f"pitches of shape {pitches.shape}: expected (steps, 4), the columns being {', '.join(VOICES)}"
        )
    tokens = notes_to_tokens(
        _checked_notes(pitches, {SILENCE: "silence"})
    )  # the end is added here, not given
    ends = np.full(len(VOICES) if end else 0, END_TOKEN, np.uint8)
    return np.concatenate([tokens.ravel(), ends])


def decode(tokens):
    """The notes of a row of tokens, up to the first end and cut to whole chords.

    Args:
        tokens: int array (tokens,) in the order S, A, T, B, step by step.

    Returns:
        int16 array (steps, 4) of MIDI numbers, 0 is silence.

    Raises:
        ValueError: a token outside 0..58.

    Notebook: 02_encoding_and_transposition
    """
    tokens = _checked_tokens(tokens)
    if tokens.ndim != 1:
        raise ValueError(f"tokens of shape {tokens.shape}: expected one row (tokens,)")
    ends = np.flatnonzero(tokens == END_TOKEN)
    sounding = tokens[: ends[0]] if len(ends) else tokens
    whole = len(sounding) - len(sounding) % len(VOICES)
    return tokens_to_notes(sounding[:whole]).reshape(-1, len(VOICES))


def to_one_hot(tokens):
    """One-hot vectors of tokens: float32 array of the shape of `tokens` with a last axis of 59.

    Raises:
        ValueError: a token outside 0..58.

    Notebook: 02_encoding_and_transposition
    """
    return np.eye(VOCABULARY, dtype=np.float32)[_checked_tokens(tokens)]


def from_one_hot(vectors):
    """Tokens (uint8 array) of one-hot vectors: the place of the single 1 along the last axis.

    Raises:
        ValueError: the last axis is not 59 long, or a vector is not a single 1 among zeros.

    Notebook: 02_encoding_and_transposition
    """
    vectors = np.asarray(vectors)
    if vectors.ndim == 0 or vectors.shape[-1] != VOCABULARY:
        raise ValueError(f"vectors of shape {vectors.shape}: expected a last axis of {VOCABULARY}")
    wrong = np.argwhere((np.count_nonzero(vectors, axis=-1) != 1) | (vectors.max(axis=-1) != 1))
    if len(wrong):
        raise ValueError(
            f"vector at {tuple(int(i) for i in wrong[0])}: expected a single 1 among zeros"
        )
    return vectors.argmax(axis=-1).astype(np.uint8)


def transpose_tokens(tokens, semitones):
    """Tokens (uint8 array) with every note moved by `semitones`; silence and the end stay.

    Args:
        tokens: int array of any shape.
        semitones: whole number, or an int array that broadcasts against `tokens`, such as one number for
            each note of a stream of several pieces.

    Raises:
        ValueError: a token outside 0..58, or a note that would leave MIDI 31..87; the message says which.

    Notebook: 02_encoding_and_transposition
    """
    tokens = _checked_tokens(tokens)
    semitones = np.broadcast_to(_whole_numbers(semitones, "semitones"), tokens.shape)
    moved = np.where(tokens >= FIRST_NOTE_TOKEN, tokens + semitones, tokens)
    wrong = np.argwhere(
        (tokens >= FIRST_NOTE_TOKEN) & ((moved < FIRST_NOTE_TOKEN) | (moved >= VOCABULARY))
    )
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        note = tokens[where] - FIRST_NOTE_TOKEN + LOWEST_NOTE
        raise ValueError(
            f"note {note} at {_place(where, tokens.ndim)}, moved by {semitones[where]:+d} semitones: "
            f"expected to stay within {LOWEST_NOTE}..{HIGHEST_NOTE}; choose a transposition nearer to 0"
        )
    return moved.astype(np.uint8)


def transpose_probs(probs, semitones):
    """Probabilities of tokens, float array (..., 59), with those of the notes moved by `semitones`.

    What would leave MIDI 31..87 is lost, and the notes that move in have probability 0: rows need
        not sum to 1.

    Args:
        probs: float array (..., 59).
        semitones: whole number.

    Notebook: 04_evaluation
    """
    moved = np.zeros_like(probs)
    moved[..., :FIRST_NOTE_TOKEN] = probs[..., :FIRST_NOTE_TOKEN]
    low, high = FIRST_NOTE_TOKEN + max(semitones, 0), VOCABULARY + min(semitones, 0)
    if low < high:
        moved[..., low:high] = probs[..., low - semitones : high - semitones]
    return moved


def checked_transpositions(transpositions):
    """`transpositions` as a list of ints; a ValueError where there is none, or one is no whole
    number."""
    shifts = _whole_numbers(list(transpositions), "transpositions")
    if not shifts.size:
        raise ValueError("no transpositions: expected at least one, such as [0] for none")
    return shifts.tolist()


def _checked_notes(notes, special):
    """`notes` as int64 array, or a ValueError that says which is neither in the range nor in `special`, a dict of
    what other numbers stand for."""
    notes = _whole_numbers(notes, "notes")
    sounding = (notes >= LOWEST_NOTE) & (notes <= HIGHEST_NOTE)
    wrong = np.argwhere(~sounding & ~np.isin(notes, list(special)))
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        others = ", ".join(f"{number} ({meaning})" for number, meaning in special.items())
        raise ValueError(
            f"note {notes[where]} at {_place(where, notes.ndim)}: expected {others} or "
            f"{LOWEST_NOTE}..{HIGHEST_NOTE}"
        )
    return notes


def _checked_tokens(tokens):
    """`tokens` as int64 array, or a ValueError that says which is outside the vocabulary."""
    tokens = _whole_numbers(tokens, "tokens")
    wrong = np.argwhere((tokens < 0) | (tokens >= VOCABULARY))
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        raise ValueError(
            f"token {tokens[where]} at {_place(where, tokens.ndim)}: expected 0..{VOCABULARY - 1}"
        )
    return tokens


def _whole_numbers(values, what):
    values = np.asarray(values)
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{what} of type {values.dtype}: expected whole numbers")
    return values.astype(np.int64)


def _place(where, dimensions):
    """`where`, an index, in the words of a musician where it is a step and a voice."""
    if dimensions == 2 and where[1] < len(VOICES):
        return f"step {where[0]}, {VOICES[where[1]]}"
    return f"position {', '.join(map(str, where))}"
