"""Datasets: chorales -> tf.data batches, newly transposed in every epoch.

For training: `note_windows`, windows of 256 notes from all pieces laid end to end, for note_gru;
`chord_crops`, passages of 256 steps from single pieces, for chord_gru; `phrase_crops`, the same
with forms, for phrase_gru. For evaluation: `whole_pieces`, `whole_chords` and `whole_scores`,
complete pieces in their own keys, from the first note.

A few numpy calls make a whole epoch from one array with a byte per note, so that transposing
everything takes a few milliseconds; only that array is stored.

Notebook: 02_encoding_and_transposition
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale, as_chorales
from ..encoding import (
    END_TOKEN,
    FIRST_NOTE_TOKEN,
    PRIMING,
    TRANSPOSITIONS,
    VOCABULARY,
    checked_transpositions,
    encode,
    notes_to_tokens,
    score_to_tokens,
    transpose_tokens,
)
from ..form import FEATURES, GROUPS, Form, transpose_features
from .backend import Tensor, tf
from .checks import check_whole_numbers

UNKNOWN = {"metre": 0.1, "phrases": 0.15, "key": 0.2}  # shares of passages where this is hidden


def note_windows(
    chorales: Chorale | Iterable[Chorale],
    window: int = 256,
    batch_size: int = 16,
    transpositions: Iterable[int] = TRANSPOSITIONS,
    shuffle: bool = True,
    seed: int = 0,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Endless batches of windows of notes: every epoch lays the pieces end to end in a new order
    and in new transpositions, and cuts the sequence of tokens into windows at new places.

    Args:
        chorales: list of Chorale, or one.
        window: notes in a window.
        batch_size: windows in a batch.
        transpositions: whole numbers of semitones; one is drawn uniformly for each piece in every
            epoch.
        shuffle: whether to also draw the order of pieces and windows and the place of the first
            cut; otherwise the pieces keep their order and the first window begins with the first
            piece.
        seed: int; epoch e of a seed is always the same, so that an interrupted training can
            resume.
        first_epoch: number of the first epoch.

    Returns:
        tf.data.Dataset of (inputs, targets), both int32 (batch_size, window); targets are the
        inputs one note later. It never ends: an epoch has `batches_per_epoch` batches.

    Raises:
        ValueError: no chorales, too few notes for one batch, a size below 1, a transposition that
            leaves 31..87, or no seed.
        TypeError: something other than chorales.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> windows = note_windows(chorale, 4, 2, transpositions=[0], shuffle=False)
        >>> for inputs, targets in windows.take(1):
        ...     print(inputs.numpy()[0], targets.numpy()[0])
        [43 38 35 19] [38 35 19 43]

    Notebook: 02_encoding_and_transposition
    """
    chorales = as_chorales(chorales)
    batches = batches_per_epoch(chorales, window, batch_size)
    pieces = [encode(chorale.pitches) for chorale in chorales]
    shifts = _checked_shifts(transpositions, chorales, pieces)
    _check_seed(seed)

    def epochs() -> Iterator[np.ndarray]:
        epoch = first_epoch
        while True:
            windows = _one_epoch(
                pieces, window, batches * batch_size, shifts, shuffle, (seed, epoch)
            )
            yield from windows.reshape(batches, batch_size, window + 1)
            epoch += 1

    rows = tf.data.Dataset.from_generator(
        epochs, output_signature=tf.TensorSpec((batch_size, window + 1), tf.int32)
    )
    return rows.map(lambda row: (row[:, :-1], row[:, 1:]))


def batches_per_epoch(
    chorales: Chorale | Iterable[Chorale], window: int = 256, batch_size: int = 16
) -> int:
    """Number of batches with which `note_windows` covers all notes once.

    Args:
        chorales, window, batch_size: as in `note_windows`.

    Raises:
        ValueError: no chorales, too few notes for one batch, or a size below 1.
        TypeError: something other than chorales.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> batches_per_epoch([chorale] * 10, window=32, batch_size=4)
        5

    Notebook: 02_encoding_and_transposition
    """
    check_whole_numbers(1, window=window, batch_size=batch_size)
    chorales = as_chorales(chorales)
    notes = sum(4 * len(chorale) + 4 for chorale in chorales)
    batches = (notes - 1) // (window * batch_size)
    if batches < 1:
        raise ValueError(
            f"{len(chorales)} chorale{'s' * (len(chorales) != 1)} with {notes} tokens in all: "
            f"expected at least {window * batch_size + 1}, one batch of {batch_size} windows of "
            f"{window}; use more chorales, a shorter window or a smaller batch"
        )
    return int(batches)


def whole_pieces(chorales: Chorale | Iterable[Chorale], batch_size: int = 32) -> tf.data.Dataset:
    """Complete pieces in their own keys, padded to the longest of their batch; shorter pieces come
    first.

    Args:
        chorales: list of Chorale, or one.
        batch_size: pieces in a batch (the last may have fewer).

    Returns:
        tf.data.Dataset of (inputs, targets, weights): int32, int32 and float32 (batch, 15 +
        longest). The inputs are 16 end tokens and then all notes but the last, the targets the same
        one note later; the weights are 1 on the notes of the piece, 0 on end tokens and padding.

    Raises:
        ValueError: no chorales.
        TypeError: something other than chorales.

    Examples:
        >>> chorale = Chorale([[72, 67, 64, 48]])
        >>> for inputs, targets, weights in whole_pieces(chorale):
        ...     print(targets.numpy()[0, -5:], weights.numpy()[0, -5:])
        [ 0 43 38 35 19] [0. 1. 1. 1. 1.]

    Notebook: 04_evaluation
    """
    ordered = _shortest_first(chorales, batch_size)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for start in range(0, len(ordered), batch_size):
            batch = ordered[start : start + batch_size]
            yield _padded([encode(chorale.pitches, end=False) for chorale in batch])

    grid = tf.TensorSpec((None, None), tf.int32)
    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=(grid, grid, tf.TensorSpec((None, None), tf.float32))
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(ordered) // batch_size)))


def chord_crops(
    chorales: Chorale | Iterable[Chorale],
    steps: int = 256,
    batch_size: int = 16,
    transpositions: Iterable[int] = TRANSPOSITIONS,
    seed: int = 0,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Endless batches of random passages to train a `ChordGRU`. Each piece is drawn in proportion
    to its length, so that all steps are read equally often; each passage is from anywhere in the
    piece, in a random transposition.

    Args:
        chorales: list of Chorale, or one.
        steps: steps to predict in a passage; a shorter piece is padded.
        batch_size: passages in a batch.
        transpositions: whole numbers of semitones; one is drawn uniformly for each passage.
        seed: int; epoch e of a seed is always the same, so that an interrupted training can
            resume.
        first_epoch: number of the first epoch.

    Returns:
        tf.data.Dataset of ((chords, place), targets, weights): int32 (batch_size, steps + 1, 4),
        tokens of the chord before the passage (end tokens at the beginning of a piece) and of the
        passage; int32 (batch_size,), the number of the passage's first step in its piece; int32
        (batch_size, steps, 4), the chords without the first; float32, the same shape, 1 where a
        note is to be predicted, and where the soprano should write the end. It never ends: an epoch
        has `chord_batches_per_epoch` batches. (A passage does not say how long the notes at its
        beginning have been held: the model counts from the passage's first step.)

    Raises:
        ValueError: no chorales, a size below 1, a transposition that leaves 31..87, or no seed.
        TypeError: something other than chorales.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> crops = chord_crops(chorale, steps=8, batch_size=2)
        >>> for (chords, place), targets, weights in crops.take(1):
        ...     print(chords.shape, place.shape, targets.shape, weights.shape)
        (2, 9, 4) (2,) (2, 8, 4) (2, 8, 4)

    Notebook: 02_encoding_and_transposition
    """
    chorales = as_chorales(chorales)
    batches = chord_batches_per_epoch(chorales, steps, batch_size)
    pieces = [_with_ends(chorale) for chorale in chorales]
    shifts = _checked_shifts(transpositions, chorales, pieces)
    _check_seed(seed)
    rows, lengths = np.concatenate(pieces), np.array([len(piece) for piece in pieces])
    begins = np.cumsum(lengths) - lengths

    def epochs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for piece, start, shift, _ in _drawn_crops(
            lengths, steps, batches, batch_size, shifts, seed, first_epoch
        ):
            chords = _crops(rows, begins[piece] + start, lengths[piece] - start, steps)
            yield transpose_tokens(chords, shift[:, None, None]).astype(np.int32), start

    crops = tf.data.Dataset.from_generator(
        epochs,
        output_signature=(
            tf.TensorSpec((batch_size, steps + 1, len(VOICES)), tf.int32),
            tf.TensorSpec((batch_size,), tf.int32),
        ),
    )
    return crops.map(lambda chords, place: _inputs_targets_weights(chords, place, end_counts=True))


def chord_batches_per_epoch(
    chorales: Chorale | Iterable[Chorale], steps: int = 256, batch_size: int = 16
) -> int:
    """Number of batches with which `chord_crops` covers all steps once, at least one. A piece that
    is shorter than a passage takes up a whole one.

    Args:
        chorales, steps, batch_size: as in `chord_crops`.

    Raises:
        ValueError: no chorales, or a size below 1.
        TypeError: something other than chorales.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (160, 1)))
        >>> chord_batches_per_epoch([chorale] * 10, steps=32, batch_size=4)
        13

    Notebook: 02_encoding_and_transposition
    """
    check_whole_numbers(1, steps=steps, batch_size=batch_size)
    chorales = _some(chorales)
    return max(
        1, round(sum(max(len(chorale) + 1, steps) for chorale in chorales) / (steps * batch_size))
    )


def whole_chords(chorales: Chorale | Iterable[Chorale], batch_size: int = 8) -> tf.data.Dataset:
    """Complete pieces in their own keys for a `ChordGRU`, padded to the longest of their batch, the
    shortest first.

    Args:
        chorales: list of Chorale, or one.
        batch_size: pieces in a batch (the last may have fewer).

    Returns:
        tf.data.Dataset of ((chords, place), targets, weights), as in `chord_crops`, with weights 1
        on the notes and 0 on end and padding.

    Raises:
        ValueError: no chorales.
        TypeError: something other than chorales.

    Examples:
        >>> for (chords, place), targets, weights in whole_chords(Chorale([[72, 67, 64, 48]])):
        ...     print(chords.numpy().tolist())
        ...     print(weights.numpy().tolist())
        [[[0, 0, 0, 0], [43, 38, 35, 19], [0, 0, 0, 0]]]
        [[[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]]

    Notebook: 04_evaluation
    """
    ordered = _shortest_first(chorales, batch_size)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first in range(0, len(ordered), batch_size):
            pieces = [_with_ends(chorale) for chorale in ordered[first : first + batch_size]]
            chords = np.full((len(pieces), max(map(len, pieces)), len(VOICES)), END_TOKEN, np.int32)
            for row, piece in zip(chords, pieces):
                row[: len(piece)] = piece
            yield chords, np.zeros(len(pieces), np.int32)

    dataset = tf.data.Dataset.from_generator(
        batches,
        output_signature=(
            tf.TensorSpec((None, None, len(VOICES)), tf.int32),
            tf.TensorSpec((None,), tf.int32),
        ),
    )
    dataset = dataset.map(
        lambda chords, place: _inputs_targets_weights(chords, place, end_counts=False)
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(ordered) // batch_size)))


def phrase_crops(
    chorales: Chorale | Iterable[Chorale],
    steps: int = 256,
    batch_size: int = 16,
    transpositions: Iterable[int] = TRANSPOSITIONS,
    unknown: Mapping[str, float] = UNKNOWN,
    seed: int = 0,
    first_epoch: int = 0,
) -> tf.data.Dataset:
    """Endless batches of random passages to train a `PhraseGRU`, drawn as in `chord_crops`, with
    the forms of their pieces.

    Args:
        chorales: list of Chorale, or one, with onsets, fermatas, key and time signature as far as
            they are known.
        steps, batch_size, transpositions, seed, first_epoch: as in `chord_crops`.
        unknown: dict from groups in ``chorale_utils.form.GROUPS`` to the share of passages in which
            this part of the form is hidden.

    Returns:
        tf.data.Dataset of ((chords, form), targets, weights): int32 (batch_size, steps + 1, 4), a
        score's tokens of the chord before the passage (end tokens at the beginning of a piece) and
        of the passage; int32 (batch_size, steps, 8), the features of the form; int32 (batch_size,
        steps, 4), the targets, where 59 stands for a held note; float32, the same shape, 1 where
        the target counts.

    Raises:
        ValueError: as in `chord_crops`; `unknown` has another group.
        TypeError: something other than chorales.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> for (chords, form), targets, weights in phrase_crops(chorale, 8, 2).take(1):
        ...     print(chords.shape, form.shape, targets.shape, weights.shape)
        (2, 9, 4) (2, 8, 8) (2, 8, 4) (2, 8, 4)

    Notebook: 02_encoding_and_transposition
    """
    chorales = as_chorales(chorales)
    batches = chord_batches_per_epoch(chorales, steps, batch_size)
    pieces = [score_with_ends(chorale) for chorale in chorales]
    shifts = _checked_shifts(transpositions, chorales, [_with_ends(each) for each in chorales])
    _check_seed(seed)
    lengths = np.array([len(piece) for piece in pieces])
    rows, forms = np.concatenate(pieces), np.concatenate([form_rows(each) for each in chorales])
    begins = np.cumsum(lengths) - lengths
    columns = {
        group: np.array([list(FEATURES).index(name) for name in names])
        for group, names in GROUPS.items()
    }
    if not set(unknown) <= set(columns):
        raise ValueError(
            f"unknown {unknown}: expected a dict from some of {', '.join(columns)} to shares"
        )

    def epochs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for piece, start, drawn, random in _drawn_crops(
            lengths, steps, batches, batch_size, shifts, seed, first_epoch
        ):
            where, left = begins[piece] + start, lengths[piece] - start
            chords = _score_transposed(_crops(rows, where, left, steps), drawn[:, None, None])
            form = transpose_features(_crops(forms, where, left, steps)[:, 1:], drawn[:, None])
            for group, share in unknown.items():
                untold = np.flatnonzero(random.random(batch_size) < share)
                form[np.ix_(untold, np.arange(steps), columns[group])] = 0
            yield chords.astype(np.int32), form.astype(np.int32)

    crops = tf.data.Dataset.from_generator(
        epochs,
        output_signature=(
            tf.TensorSpec((batch_size, steps + 1, len(VOICES)), tf.int32),
            tf.TensorSpec((batch_size, steps, len(FEATURES)), tf.int32),
        ),
    )
    return crops.map(lambda chords, form: _score_targets_weights(chords, form, end_counts=True))


def whole_scores(chorales: Chorale | Iterable[Chorale], batch_size: int = 8) -> tf.data.Dataset:
    """Complete pieces in their own keys, with their forms, for a `PhraseGRU`, padded to the longest
    of their batch, the shortest first.

    Args:
        chorales: list of Chorale, or one.
        batch_size: pieces in a batch (the last may have fewer).

    Returns:
        tf.data.Dataset as in `phrase_crops`, with weights 1 on the notes and 0 on end and padding.

    Raises:
        ValueError: no chorales.
        TypeError: something other than chorales.

    Examples:
        >>> for (chords, form), targets, weights in whole_scores(Chorale([[72, 67, 64, 48]] * 2)):
        ...     print(targets.numpy()[0, :2].tolist(), form.shape)
        [[43, 38, 35, 19], [59, 59, 59, 59]] (1, 3, 8)

    Notebook: 04_evaluation
    """
    ordered = _shortest_first(chorales, batch_size)

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first in range(0, len(ordered), batch_size):
            batch = ordered[first : first + batch_size]
            longest = max(map(len, batch))
            chords = np.full((len(batch), longest + 2, len(VOICES)), END_TOKEN, np.int32)
            form = np.zeros((len(batch), longest + 1, len(FEATURES)), np.int32)
            for number, chorale in enumerate(batch):
                chords[number, : len(chorale) + 2] = score_with_ends(chorale)
                form[number] = Form.of(chorale).features(longest + 1)
            yield chords, form

    dataset = tf.data.Dataset.from_generator(
        batches,
        output_signature=(
            tf.TensorSpec((None, None, len(VOICES)), tf.int32),
            tf.TensorSpec((None, None, len(FEATURES)), tf.int32),
        ),
    )
    dataset = dataset.map(
        lambda chords, form: _score_targets_weights(chords, form, end_counts=False)
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(ordered) // batch_size)))


def score_with_ends(chorale: Chorale) -> np.ndarray:
    """A piece's tokens as a score, uint8 (2 + steps, 4): a row of end tokens, the chords, a row of
    end tokens."""
    ends = np.full((1, len(VOICES)), END_TOKEN, np.uint8)
    return np.concatenate([ends, score_to_tokens(chorale.pitches, chorale.struck), ends])


def form_rows(chorale: Chorale) -> np.ndarray:
    """The form's features for `score_with_ends`, uint8 (2 + steps, 8); the row before the piece is
    unknown."""
    return np.pad(Form.of(chorale).features(len(chorale) + 1), [[1, 0], [0, 0]])


def check_transpositions_of(chorale: Chorale, tokens: np.ndarray, shifts: Sequence[int]) -> None:
    """Makes sure that all notes of a chorale stay within MIDI 31..87 in all transpositions.

    Args:
        chorale: a Chorale.
        tokens: its tokens, an int array.
        shifts: list of ints.

    Raises:
        ValueError: a note leaves the range; the message names the chorale.

    Examples:
        >>> chorale = Chorale([[72, 67, 64, 48]], name="mine")
        >>> check_transpositions_of(chorale, notes_to_tokens(chorale.pitches), range(-5, 7))
    """
    for shift in (min(shifts), max(shifts)):
        try:
            transpose_tokens(tokens, shift)
        except ValueError as error:
            raise ValueError(f"{chorale.name}: {error}") from None


def _some(chorales: Chorale | Iterable[Chorale]) -> list[Chorale]:
    """The chorales as a list of at least one."""
    chorales = as_chorales(chorales)
    if not chorales:
        raise ValueError("no chorales: expected at least one")
    return chorales


def _shortest_first(chorales: Chorale | Iterable[Chorale], batch_size: int) -> list[Chorale]:
    """The chorales in the order of the batches of whole pieces."""
    check_whole_numbers(1, batch_size=batch_size)
    return sorted(_some(chorales), key=len)


def _inputs_targets_weights(chords: Tensor, place: Tensor, end_counts: bool) -> tuple[Any, ...]:
    """Keras' training data. A piece is followed by end tokens: the soprano's first one may count,
    all later ones do not."""
    targets = chords[:, 1:]
    is_note = tf.cast(targets != END_TOKEN, tf.float32)
    if end_counts:
        just_over = tf.logical_and(chords[:, :-1, 0] != END_TOKEN, targets[:, :, 0] == END_TOKEN)
        is_note += tf.cast(just_over, tf.float32)[..., None] * tf.one_hot(0, len(VOICES))
    return (chords, place), targets, is_note


def _score_targets_weights(chords: Tensor, form: Tensor, end_counts: bool) -> tuple[Any, ...]:
    """`_inputs_targets_weights` for a score's tokens."""
    inputs, targets, weights = _inputs_targets_weights(chords, form, end_counts)
    return inputs, tf.minimum(targets, VOCABULARY), weights  # any held note becomes 59


def _score_transposed(tokens: np.ndarray, semitones: np.ndarray) -> np.ndarray:
    """A score's tokens (int array), moved by semitones that have been checked."""
    return tokens + np.where(tokens >= FIRST_NOTE_TOKEN, semitones, 0)


def _checked_shifts(
    transpositions: Iterable[int], chorales: Sequence[Chorale], pieces: Sequence[np.ndarray]
) -> np.ndarray:
    """`transpositions` as an int array, after checking that they fit all pieces, which are also
    given as tokens."""
    shifts = checked_transpositions(transpositions)
    for chorale, piece in zip(chorales, pieces):
        check_transpositions_of(chorale, piece, shifts)
    return np.array(shifts)


def _check_seed(seed: Any) -> None:
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(
            f"seed {seed!r}: expected a whole number from 0 up, so that an epoch can be repeated"
        )


def _with_ends(chorale: Chorale) -> np.ndarray:
    """A piece's tokens, uint8 (2 + steps, 4): a row of end tokens, the chords, a row of end
    tokens."""
    ends = np.full((1, len(VOICES)), END_TOKEN, np.uint8)
    return np.concatenate([ends, notes_to_tokens(chorale.pitches), ends])


def _drawn_crops(
    lengths: np.ndarray,
    steps: int,
    batches: int,
    batch_size: int,
    shifts: np.ndarray,
    seed: int,
    first_epoch: int,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.random.Generator]]:
    """Yields endlessly, batch by batch: the numbers of the pieces of the passages, their first
    steps, and their transpositions, int arrays (batch_size,); and the epoch's numpy Generator, for
    further draws."""
    epoch = first_epoch
    while True:
        random = np.random.default_rng((seed, epoch))
        picks = random.permutation(
            _in_proportion(np.maximum(lengths, steps + 1), batches * batch_size, random)
        )
        spare = np.maximum(lengths[picks] - (steps + 1), 0)
        # Starts are also drawn beyond the edges and then clipped: otherwise beginnings and ends
        # would hardly ever occur.
        starts = np.clip(random.integers(-(steps // 4), spare + steps // 4 + 1), 0, spare)
        drawn = random.choice(shifts, len(picks))
        for batch in np.arange(len(picks)).reshape(batches, batch_size):
            yield picks[batch], starts[batch], drawn[batch], random
        epoch += 1


def _in_proportion(shares: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """`count` numbers of pieces (int array), each in proportion to its share, rounded up or
    down."""
    edges = np.cumsum(shares) / np.sum(shares) * count + random.random()
    edges = np.concatenate([[0], np.floor(edges[:-1]), [count]]).astype(int)
    return np.repeat(np.arange(len(shares)), np.diff(np.minimum(edges, count)))


def _crops(rows: np.ndarray, starts: np.ndarray, left: np.ndarray, steps: int) -> np.ndarray:
    """int32 array (len(starts), steps + 1, 4): the rows from each start on, at most `left`, then
    end tokens."""
    offsets = np.arange(steps + 1)
    inside = offsets < left[:, None]
    chords = rows[np.where(inside, starts[:, None] + offsets, 0)].astype(np.int32)
    chords[~inside] = END_TOKEN
    return chords


def _one_epoch(
    pieces: Sequence[np.ndarray],
    window: int,
    count: int,
    shifts: np.ndarray,
    shuffle: bool,
    seed: tuple[int, int],
) -> np.ndarray:
    """`count` windows of an epoch as int32 array (count, window + 1): the inputs and one more
    note."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(pieces)) if shuffle else np.arange(len(pieces))
    lengths = [len(pieces[piece]) for piece in order]
    row = transpose_tokens(
        np.concatenate([pieces[piece] for piece in order]),
        np.repeat(random.choice(shifts, len(order)), lengths),
    )
    spare = len(row) - (count * window + 1)
    first = random.integers(spare + 1) if shuffle else 0
    starts = first + window * np.arange(count)
    if shuffle:
        starts = random.permutation(starts)
    return row[starts[:, None] + np.arange(window + 1)].astype(np.int32)


def _padded(pieces: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(inputs, targets, weights) of whole pieces, see `whole_pieces`."""
    longest = max(map(len, pieces))
    tokens = np.full((len(pieces), PRIMING + longest), END_TOKEN, np.int32)
    weights = np.zeros((len(pieces), PRIMING + longest), np.float32)
    for tokens_row, weights_row, piece in zip(tokens, weights, pieces):
        tokens_row[PRIMING : PRIMING + len(piece)] = piece
        weights_row[PRIMING : PRIMING + len(piece)] = 1
    return tokens[:, :-1], tokens[:, 1:], weights[:, 1:]
