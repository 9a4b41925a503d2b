"""Datasets: chorales -> tf.data batches, freshly transposed in every epoch.

Two kinds. `note_windows` is what the classic trains on: windows of 256 notes cut from all pieces laid end
to end. `whole_pieces` is what models are judged on: complete, in their own key, from the first note.

A whole epoch is made by a handful of numpy calls on one array of a byte a note, so that a new
transposition of everything costs a few milliseconds; nothing is ever stored but that array.

Notebook: 02_encoding_and_transposition
"""

import numpy as np

from .backend import tf
from .encoding import END_TOKEN, PRIMING, TRANSPOSITIONS, encode, transpose_tokens


def note_windows(chorales, window=256, batch_size=16, transpositions=TRANSPOSITIONS, shuffle=True, seed=0,
                 first_epoch=0):
    """Endless batches of windows of notes: each epoch lays the pieces end to end in a new order, each in a
    new transposition, and cuts the row of tokens into windows at a new place.

    Args:
        chorales: list of Chorale.
        window: notes in a window.
        batch_size: windows in a batch.
        transpositions: whole numbers of semitones from which each piece draws one, uniformly, in every epoch.
        shuffle: whether the order of pieces and windows, and the place of the first cut, are drawn too;
            without it the pieces keep their order and the first window begins with the first piece.
        seed: int; epoch `e` of a seed is always the same, so that an interrupted training can go on.
        first_epoch: number of the epoch to begin with.

    Returns:
        tf.data.Dataset of (inputs, targets), both int32 (batch_size, window); targets are the inputs one
        note later. It has no end: an epoch is `batches_per_epoch` of them.

    Raises:
        ValueError: no chorales, too few notes for one batch, a transposition that leaves 31..87, or no seed.

    Notebook: 02_encoding_and_transposition
    """
    batches = batches_per_epoch(chorales, window, batch_size)
    pieces = [encode(chorale.pitches) for chorale in chorales]
    shifts = np.array(list(transpositions))
    if not len(shifts):
        raise ValueError("no transpositions: expected at least one, such as [0] for none")
    if seed is None or seed < 0:
        raise ValueError(f"seed {seed}: expected a whole number from 0 up, so that an epoch can be made again")
    for shift in (shifts.min(), shifts.max()):
        for chorale, piece in zip(chorales, pieces):
            try:
                transpose_tokens(piece, shift)
            except ValueError as error:
                raise ValueError(f"{chorale.name}: {error}") from None

    def epochs():
        epoch = first_epoch
        while True:
            windows = _one_epoch(pieces, window, batches * batch_size, shifts, shuffle, (seed, epoch))
            yield from windows.reshape(batches, batch_size, window + 1)
            epoch += 1

    rows = tf.data.Dataset.from_generator(
        epochs, output_signature=tf.TensorSpec((batch_size, window + 1), tf.int32))
    return rows.map(lambda row: (row[:, :-1], row[:, 1:]))


def batches_per_epoch(chorales, window=256, batch_size=16):
    """Number of batches (int) that `note_windows` makes of all notes once.

    Raises:
        ValueError: no chorales, or too few notes for one batch.
    """
    notes = sum(4 * len(chorale) + 4 for chorale in chorales)
    batches = (notes - 1) // (window * batch_size)
    if batches < 1:
        raise ValueError(f"{len(chorales)} chorales with {notes} tokens in all: expected at least "
                         f"{window * batch_size + 1}, one batch of {batch_size} windows of {window}; "
                         f"use more chorales, a shorter window or a smaller batch")
    return int(batches)


def whole_pieces(chorales, batch_size=32):
    """Complete pieces in their own key, padded to the longest of their batch; shorter pieces come first.

    Args:
        chorales: list of Chorale.
        batch_size: pieces in a batch (the last may hold fewer).

    Returns:
        tf.data.Dataset of (inputs, targets, weights): int32, int32 and float32 (batch, 15 + longest), where
        the inputs are 16 ends and then all notes but the last, the targets the same one note later, and
        the weights 1 on the notes of the piece, 0 on the ends and the padding.

    Raises:
        ValueError: no chorales.

    Notebook: 04_evaluation
    """
    if not chorales:
        raise ValueError("no chorales: expected at least one")
    ordered = sorted(chorales, key=len)

    def batches():
        for start in range(0, len(ordered), batch_size):
            yield _padded([encode(chorale.pitches, end=False) for chorale in ordered[start:start + batch_size]])

    grid = tf.TensorSpec((None, None), tf.int32)
    dataset = tf.data.Dataset.from_generator(
        batches, output_signature=(grid, grid, tf.TensorSpec((None, None), tf.float32)))
    return dataset.apply(tf.data.experimental.assert_cardinality(-(-len(ordered) // batch_size)))


def _one_epoch(pieces, window, count, shifts, shuffle, seed):
    """`count` windows of an epoch as int32 array (count, window + 1): inputs, and one more note at the end."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(pieces)) if shuffle else np.arange(len(pieces))
    lengths = [len(pieces[piece]) for piece in order]
    row = transpose_tokens(np.concatenate([pieces[piece] for piece in order]),
                           np.repeat(random.choice(shifts, len(order)), lengths))
    spare = len(row) - (count * window + 1)
    first = random.integers(spare + 1) if shuffle else 0
    starts = first + window * np.arange(count)
    if shuffle:
        starts = random.permutation(starts)
    return row[starts[:, None] + np.arange(window + 1)].astype(np.int32)


def _padded(pieces):
    """(inputs, targets, weights) of whole pieces, as `whole_pieces` says."""
    longest = max(map(len, pieces))
    tokens = np.full((len(pieces), PRIMING + longest), END_TOKEN, np.int32)
    weights = np.zeros((len(pieces), PRIMING + longest), np.float32)
    for tokens_row, weights_row, piece in zip(tokens, weights, pieces):
        tokens_row[PRIMING:PRIMING + len(piece)] = piece
        weights_row[PRIMING:PRIMING + len(piece)] = 1
    return tokens[:, :-1], tokens[:, 1:], weights[:, 1:]
