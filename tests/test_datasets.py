"""Windows for training, whole pieces for judging."""

import weakref
from itertools import islice

import numpy as np
import pytest

from chorale_utils import Chorale, datasets, encode, note_windows, transpose_tokens, whole_pieces
from chorale_utils.datasets import batches_per_epoch
from chorale_utils.encoding import PRIMING


def epoch_of(chorales, epoch=0, **options):
    """(inputs, targets) of one epoch, arrays (windows, window)."""
    options = dict(window=32, batch_size=4) | options
    batches = batches_per_epoch(chorales, options["window"], options["batch_size"])
    rows = islice(note_windows(chorales, **options).as_numpy_iterator(), epoch * batches, (epoch + 1) * batches)
    inputs, targets = zip(*rows)
    return np.concatenate(inputs), np.concatenate(targets)


def landmark(number, steps=25):
    """A piece that can be recognised, and its transposition read off: a soprano that begins at 60 + number."""
    return Chorale(np.tile([60 + number, 55, 52, 40], (steps, 1)), name=f"landmark {number}")


def test_targets_are_the_inputs_one_note_later(music21_corpus):
    inputs, targets = epoch_of(music21_corpus.train[:8])
    np.testing.assert_array_equal(inputs[:, 1:], targets[:, :-1])


def test_unshuffled_and_untransposed_windows_are_the_pieces_laid_end_to_end(music21_corpus):
    pieces = music21_corpus.train[:5]
    inputs, _ = epoch_of(pieces, shuffle=False, transpositions=[0])
    laid = np.concatenate([encode(piece.pitches) for piece in pieces])
    np.testing.assert_array_equal(inputs.ravel(), laid[:inputs.size])
    assert (inputs == 0).sum() >= 4, "the ends are there too"


def test_an_epoch_holds_all_notes_but_what_fills_no_batch(music21_corpus):
    pieces = music21_corpus.train[:40]
    inputs, _ = epoch_of(pieces, window=256, batch_size=2)
    assert 0 <= sum(4 * len(piece) + 4 for piece in pieces) - inputs.size <= 256 * 2


def test_each_window_stands_somewhere_in_a_transposition_of_the_pieces(music21_corpus):
    piece = music21_corpus.train[0]
    inputs, _ = epoch_of([piece] * 2, window=16, batch_size=1)
    keys = [np.lib.stride_tricks.sliding_window_view(transpose_tokens(encode(piece.pitches), shift), 16)
            for shift in range(-5, 7)]
    inside = [window for window in inputs if 0 not in window]
    assert len(inside) > 10
    for window in inside:
        assert any((key == window).all(axis=1).any() for key in keys)


def test_two_epochs_differ_and_the_same_epoch_of_a_seed_is_the_same(music21_corpus):
    pieces = music21_corpus.train[:8]
    first, second = epoch_of(pieces, 0, seed=3), epoch_of(pieces, 1, seed=3)
    assert not np.array_equal(np.sort(first[0].ravel()), np.sort(second[0].ravel())), "transposed anew"
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
    assert ((counts - expected) ** 2 / expected).sum() < 31.3, "chi-square of 11 degrees, one in a thousand"


def test_order_of_pieces_and_place_of_the_cuts_change_between_epochs():
    pieces = [landmark(number) for number in range(12)]
    orders = [tuple(epoch_of(pieces, first_epoch=epoch, transpositions=[0])[0][0]) for epoch in range(5)]
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
    assert len(made) == 10
    assert sum(windows() is not None for windows in made) <= 2


@pytest.mark.parametrize("broken, complaint", [
    (lambda: note_windows([]), "0 chorales"),
    (lambda: note_windows([landmark(0)]), "expected at least 4097, one batch of 16 windows of 256"),
    (lambda: whole_pieces([]), "no chorales"),
    (lambda: note_windows([landmark(0)], window=8, batch_size=1, transpositions=[0, 30]), r"landmark 0: .*\+30 semitones"),
    (lambda: note_windows([landmark(0)], window=8, batch_size=1, transpositions=[]), "no transpositions"),
    (lambda: note_windows([landmark(0)], window=8, batch_size=1, seed=None), "seed None"),
])
def test_too_little_for_a_batch_is_refused_in_words(broken, complaint):
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
