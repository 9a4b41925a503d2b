"""Windows for training, whole pieces for judging."""

import weakref
from itertools import islice

import numpy as np
import pytest

from chorale_utils import (
    Chorale,
    chord_batches_per_epoch,
    chord_crops,
    encode,
    note_windows,
    transpose_tokens,
    whole_chords,
    whole_pieces,
)
from chorale_utils.encoding import PRIMING, notes_to_tokens
from chorale_utils.models import datasets
from chorale_utils.models.backend import keras
from chorale_utils.models.datasets import batches_per_epoch


def epoch_of(chorales, epoch=0, **options):
    """(inputs, targets) of one epoch, arrays (windows, window)."""
    options = {"window": 32, "batch_size": 4} | options
    batches = batches_per_epoch(chorales, options["window"], options["batch_size"])
    rows = islice(
        note_windows(chorales, **options).as_numpy_iterator(),
        epoch * batches,
        (epoch + 1) * batches,
    )
    inputs, targets = zip(*rows)
    return np.concatenate(inputs), np.concatenate(targets)


def landmark(number, steps=25):
    """A piece that can be recognised, and its transposition read off: a soprano that begins at 60 +
    number."""
    return Chorale(np.tile([60 + number, 55, 52, 40], (steps, 1)), name=f"landmark {number}")


def test_targets_are_the_inputs_one_note_later(music21_corpus):
    inputs, targets = epoch_of(music21_corpus.train[:8])
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])


def test_unshuffled_and_untransposed_windows_are_the_pieces_laid_end_to_end(music21_corpus):
    pieces = music21_corpus.train[:5]
    inputs, _ = epoch_of(pieces, shuffle=False, transpositions=[0])
    laid = np.concatenate([encode(piece.pitches) for piece in pieces])
    np.testing.assert_array_equal(inputs.ravel(), laid[: inputs.size])
    assert (inputs == 0).sum() >= 4, "the ends are there too"


def test_an_epoch_holds_all_notes_but_what_fills_no_batch(music21_corpus):
    pieces = music21_corpus.train[:40]
    inputs, _ = epoch_of(pieces, window=256, batch_size=2)
    assert 0 <= sum(4 * len(piece) + 4 for piece in pieces) - inputs.size <= 256 * 2


def test_each_window_stands_somewhere_in_a_transposition_of_the_pieces(music21_corpus):
    piece = music21_corpus.train[0]
    inputs, _ = epoch_of([piece] * 2, window=16, batch_size=1)
    keys = [
        np.lib.stride_tricks.sliding_window_view(transpose_tokens(encode(piece.pitches), shift), 16)
        for shift in range(-5, 7)
    ]
    inside = [window for window in inputs if 0 not in window]
    assert len(inside) > 10
    for window in inside:
        assert any((key == window).all(axis=1).any() for key in keys)


def test_two_epochs_differ_and_the_same_epoch_of_a_seed_is_the_same(music21_corpus):
    pieces = music21_corpus.train[:8]
    first, second = epoch_of(pieces, 0, seed=3), epoch_of(pieces, 1, seed=3)
    assert not np.array_equal(np.sort(first[0].ravel()), np.sort(second[0].ravel())), (
        "transposed anew"
    )
    np.testing.assert_array_equal(epoch_of(pieces, 0, seed=3, first_epoch=1)[0], second[0])
    assert not np.array_equal(epoch_of(pieces, 0, seed=4)[0], first[0])


def test_transpositions_are_drawn_uniformly_from_minus_5_to_6():
    pieces = [landmark(0) for _ in range(240)]
    shifts = []
    for epoch in range(10):
        inputs, _ = epoch_of(pieces, first_epoch=epoch, shuffle=False, window=104, batch_size=1)
        shifts += (inputs[:, 0].astype(int) - encode(pieces[0].pitches)[0]).tolist()
    values, counts = np.unique(shifts, return_counts=True)
    assert values.tolist() == list(range(-5, 7))
    expected = len(shifts) / 12
    assert ((counts - expected) ** 2 / expected).sum() < 31.3, (
        "chi-square of 11 degrees, one in a thousand"
    )


def test_order_of_pieces_and_place_of_the_cuts_change_between_epochs():
    pieces = [landmark(number) for number in range(12)]
    orders = [
        tuple(epoch_of(pieces, first_epoch=epoch, transpositions=[0])[0][0]) for epoch in range(5)
    ]
    assert len(set(orders)) > 1


def test_memory_is_constant_because_no_epoch_outlives_the_next(music21_corpus, monkeypatch):
    made = []

    def one_epoch_that_is_watched(*arguments):
        windows = one_epoch(*arguments)
        made.append(weakref.ref(windows))
        return windows

    one_epoch = datasets._one_epoch
    monkeypatch.setattr(datasets, "_one_epoch", one_epoch_that_is_watched)
    pieces = music21_corpus.train[:20]
    rows = note_windows(pieces, window=64, batch_size=4).as_numpy_iterator()
    for _ in islice(rows, 10 * batches_per_epoch(pieces, 64, 4)):
        pass
    assert len(made) in (10, 11), "TensorFlow may be at the next one already"
    assert sum(windows() is not None for windows in made) <= 2


@pytest.mark.parametrize(
    "broken, complaint",
    [
        (lambda: note_windows([]), "0 chorales"),
        (
            lambda: note_windows([landmark(0)]),
            "expected at least 4097, one batch of 16 windows of 256",
        ),
        (lambda: whole_pieces([]), "no chorales"),
        (
            lambda: note_windows([landmark(0)], window=8, batch_size=1, transpositions=[0, 30]),
            r"landmark 0: .*\+30 semitones",
        ),
        (
            lambda: note_windows([landmark(0)], window=8, batch_size=1, transpositions=[]),
            "no transpositions",
        ),
        (lambda: note_windows([landmark(0)], window=8, batch_size=1, seed=None), "seed None"),
        (lambda: chord_crops([]), "no chorales"),
        (
            lambda: chord_crops([landmark(0)], transpositions=[0, 30]),
            r"landmark 0: .*\+30 semitones",
        ),
        (lambda: chord_crops([landmark(0)], transpositions=[-20]), r"landmark 0: .*-20 semitones"),
        (lambda: chord_crops([landmark(0)], transpositions=[]), "no transpositions"),
        (lambda: chord_crops([landmark(0)], seed=None), "seed None"),
        (lambda: chord_crops([landmark(0)], seed=-1), "seed -1"),
        (lambda: chord_batches_per_epoch([]), "no chorales"),
        (lambda: whole_chords([]), "no chorales"),
    ],
)
def test_what_no_batch_can_be_made_of_is_refused_in_words(broken, complaint):
    with pytest.raises(ValueError, match=complaint):
        broken()


def test_whole_pieces_are_whole_in_their_own_key_and_padded_with_weight_zero(music21_corpus):
    pieces = music21_corpus.valid[:7]
    seen = []
    for inputs, targets, weights in whole_pieces(pieces, batch_size=3).as_numpy_iterator():
        np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])
        assert (inputs[:, :PRIMING] == 0).all()
        seen += [tuple(row[weight == 1]) for row, weight in zip(targets, weights)]
    assert sorted(seen) == sorted(tuple(encode(piece.pitches, end=False)) for piece in pieces)


LENGTHS = [1, 2, 20, 30, 31, 45, 160]


def signed(number, steps):
    """A piece each of whose chords says where it stands: the alto the piece, tenor and bass the
    step."""
    step = np.arange(steps)
    return Chorale(
        np.stack(
            [
                60 + step % 3,
                np.full(steps, 40 + number),
                40 + step // 40,
                36 + (step + number) % 40,
            ],
            axis=1,
        ),
        name=f"signed {number}",
    )


def signature(tokens, number):
    """Steps (int array) of tokens (steps, 4) of the `signed` piece of that number."""
    pitches = tokens.astype(int) - 2 + 31
    assert (pitches[:, 1] == 40 + number).all()
    return 40 * (pitches[:, 2] - 40) + (pitches[:, 3] - 36 - number) % 40


def crops_of(chorales, epochs=1, **options):
    """(chords, place, targets, weights) of so many epochs in the pieces' own key, each an array of
    all passages."""
    options = {"steps": 32, "batch_size": 4, "transpositions": [0]} | options
    batches = chord_batches_per_epoch(chorales, options["steps"], options["batch_size"])
    seen = [
        (*inputs, targets, weights)
        for inputs, targets, weights in islice(
            chord_crops(chorales, **options).as_numpy_iterator(), epochs * batches
        )
    ]
    return [np.concatenate(parts) for parts in zip(*seen)]


def piece_of(chords):
    """Number of the `signed` piece that a passage (steps + 1, 4) is of."""
    return int(chords[1, 1]) + 29 - 40


def test_each_crop_is_a_passage_of_a_piece_after_the_chord_before_it():
    pieces = [signed(number, steps) for number, steps in enumerate(LENGTHS)]
    chords, place, targets, weights = crops_of(pieces, epochs=30)
    assert chords.dtype == place.dtype == targets.dtype == np.int32 and weights.dtype == np.float32
    assert chords.shape[1:] == (33, 4) and targets.shape == weights.shape == (len(chords), 32, 4)
    numbers = [piece_of(crop) for crop in chords]
    assert set(numbers) >= {2, 3, 4, 5, 6}
    for number, crop, first in zip(numbers, chords, place):
        tokens = notes_to_tokens(pieces[number].pitches)
        with_ends = np.zeros((1 + 200 + 33, 4), int)
        with_ends[1 : 1 + len(tokens)] = tokens
        np.testing.assert_array_equal(crop, with_ends[first : first + 33])
        assert first == 0 or first + 32 <= len(tokens) + 1, "no further than the end"
    np.testing.assert_array_equal(targets, chords[:, 1:])
    assert (place == 0).any() and (place > 0).any() and (place > 100).any()


def test_weights_of_crops_are_one_on_notes_and_on_the_sopranos_end_alone():
    pieces = [signed(number, steps) for number, steps in enumerate(LENGTHS)]
    *_, targets, weights = crops_of(pieces, epochs=30)
    expected = np.zeros_like(weights)
    for targets_row, row in zip(targets, expected):
        notes = (targets_row != 0).all(axis=1)
        row[notes] = 1
        if not notes.all():
            row[notes.sum(), 0] = 1
    np.testing.assert_array_equal(weights, expected)
    assert (weights.sum(axis=(1, 2)) == 4 * 32).any() and (weights.sum(axis=(1, 2)) % 4 == 1).any()


def test_silences_in_a_crop_count_as_notes():
    *_, targets, weights = crops_of([Chorale(np.zeros((40, 4), int))])
    np.testing.assert_array_equal(weights[:, :, 1:], targets[:, :, 1:] == 1)


@pytest.mark.parametrize("transpositions", [range(-5, 7), [-2, 3]])
def test_each_crop_is_in_a_transposition_of_its_own_each_as_often(transpositions):
    piece = Chorale(
        np.vstack([np.tile([60, 55, 52, 40], (20, 1)), [[60, 55, 0, 0]]]), name="ends in silence"
    )
    in_its_own_key = notes_to_tokens(piece.pitches)
    chords = crops_of([piece] * 240, epochs=16, transpositions=transpositions)[0]
    drawn = chords[:, 1, 0] - int(in_its_own_key[0, 0])
    for crop, semitones in zip(chords, drawn):
        np.testing.assert_array_equal(crop[1:22], transpose_tokens(in_its_own_key, semitones))
        assert (crop[0] == 0).all() and (crop[22:] == 0).all(), "ends stay ends"
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == list(transpositions)
    expected = len(drawn) / len(transpositions)
    assert ((counts - expected) ** 2 / expected).sum() < {12: 31.3, 2: 10.8}[len(transpositions)], (
        "chi-square, 0.001"
    )


def test_two_epochs_of_crops_differ_and_the_same_epoch_of_a_seed_is_the_same(music21_corpus):
    pieces = music21_corpus.train[:6]
    options = {"transpositions": range(-5, 7)}
    both = crops_of(pieces, epochs=2, seed=3, **options)
    half = len(both[0]) // 2
    for first_of_all, second, again in zip(
        both,
        crops_of(pieces, seed=3, first_epoch=1, **options),
        crops_of(pieces, seed=3, **options),
    ):
        np.testing.assert_array_equal(second, first_of_all[half:])
        np.testing.assert_array_equal(again, first_of_all[:half])
    assert not np.array_equal(both[0][:half], both[0][half:])
    assert not np.array_equal(both[0][:half], crops_of(pieces, seed=4, **options)[0])


def test_every_step_is_read_as_often_as_any_other_whatever_the_length_of_its_piece():
    pieces, epochs = [signed(number, steps) for number, steps in enumerate(LENGTHS)], 400
    heard, drawn = [np.zeros(steps) for steps in LENGTHS], np.zeros(len(LENGTHS))
    chords, _, targets, _ = crops_of(pieces, epochs=epochs)
    for crop, row in zip(chords, targets):
        number = piece_of(crop)
        drawn[number] += 1
        heard[number][signature(row[(row != 0).all(axis=1)], number)] += 1
    shares = np.array([max(steps + 2, 33) for steps in LENGTHS])
    np.testing.assert_allclose(
        drawn, len(chords) * shares / shares.sum(), atol=6 * np.sqrt(epochs / 4)
    )
    means = [counts.mean() for counts in heard]
    np.testing.assert_allclose(means, np.mean(means), rtol=0.15)
    for steps, counts in zip(LENGTHS, heard):
        assert counts.min() > counts.max() / 5, f"the rarest step of {steps}, to the most frequent"
        inner = counts[32:-32]
        if len(inner):
            np.testing.assert_allclose(inner, inner.mean(), rtol=0.25)


def test_an_epoch_of_crops_has_about_as_many_passages_as_the_pieces_fill_and_at_least_one_batch():
    pieces = [signed(number, steps) for number, steps in enumerate(LENGTHS)]
    filled = sum(max(steps + 1, 10) for steps in LENGTHS)
    assert chord_batches_per_epoch(pieces, steps=10, batch_size=4) == round(filled / 40)
    assert chord_batches_per_epoch(pieces) == 1


def test_whole_chords_are_whole_in_their_own_key_with_weight_on_every_note_and_on_nothing_else(
    music21_corpus,
):
    pieces = [*music21_corpus.valid[:5], Chorale(np.zeros((3, 4), int), name="silence")]
    dataset, seen = whole_chords(pieces, batch_size=4), []
    for (chords, place), targets, weights in dataset.as_numpy_iterator():
        np.testing.assert_array_equal(targets, chords[:, 1:])
        assert (chords[:, 0] == 0).all() and (place == 0).all()
        np.testing.assert_array_equal(weights, targets != 0)
        seen += [row[weight[:, 0] == 1] for row, weight in zip(targets, weights)]
    assert int(dataset.cardinality()) == 2
    for row, piece in zip(seen, sorted(pieces, key=len), strict=True):
        np.testing.assert_array_equal(row, notes_to_tokens(piece.pitches))


def test_one_chorale_is_a_list_of_one():
    piece = landmark(0, steps=40)
    for make in (
        lambda some: note_windows(some, window=8, batch_size=2).take(3),
        lambda some: chord_crops(some, steps=8, batch_size=2).take(3),
        whole_pieces,
        whole_chords,
    ):
        one, many = (
            [keras.tree.flatten(batch) for batch in make(some).as_numpy_iterator()]
            for some in (piece, [piece])
        )
        keras.tree.map_structure(np.testing.assert_array_equal, one, many)
    assert batches_per_epoch(piece, 8, 2) == batches_per_epoch([piece], 8, 2)
    assert chord_batches_per_epoch(piece, 8, 2) == chord_batches_per_epoch([piece], 8, 2)


@pytest.mark.parametrize(
    "broken, complaint",
    [
        (lambda: note_windows(landmark(0), window=0), "window 0: expected 1 or more"),
        (lambda: batches_per_epoch(landmark(0), batch_size=1.5), "batch_size 1.5: expected 1"),
        (lambda: whole_pieces(landmark(0), batch_size=0), "batch_size 0: expected 1 or more"),
        (lambda: whole_chords(landmark(0), batch_size="8"), "batch_size '8': expected 1 or more"),
        (lambda: chord_crops(landmark(0), steps=0), "steps 0: expected 1 or more"),
        (lambda: chord_crops(landmark(0), seed=1.5), "seed 1.5: expected a whole number"),
    ],
)
def test_sizes_that_are_none_are_refused_in_words(broken, complaint):
    with pytest.raises(ValueError, match=complaint):
        broken()
