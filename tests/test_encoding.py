"""Notes, tokens, one-hot vectors and transposition."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import (
    Chorale,
    decode,
    encode,
    from_one_hot,
    to_one_hot,
    transpose_probs,
    transpose_tokens,
)
from chorale_utils.encoding import VOCABULARY, notes_to_tokens, tokens_to_notes

notes = st.sampled_from([0, *range(31, 88)])
pieces = st.integers(1, 30).flatmap(lambda steps: arrays(np.int16, (steps, 4), elements=notes))
tokens = arrays(np.uint8, st.integers(1, 60), elements=st.integers(0, VOCABULARY - 1))


def test_the_vocabulary_is_the_end_silence_and_57_notes():
    assert VOCABULARY == 59
    assert notes_to_tokens([-1, 0, 31, 36, 81, 87]).tolist() == [0, 1, 2, 7, 52, 58]


def test_a_piece_is_written_soprano_alto_tenor_bass_step_by_step_then_four_ends():
    assert tokens_to_notes(encode([[72, 67, 64, 48], [74, 67, 65, 47]])).tolist() == [
        72,
        67,
        64,
        48,
        74,
        67,
        65,
        47,
        -1,
        -1,
        -1,
        -1,
    ]


@given(pieces)
def test_decoding_an_encoded_piece_is_identity(pitches):
    np.testing.assert_array_equal(decode(encode(pitches)), pitches)
    np.testing.assert_array_equal(decode(encode(pitches, end=False)), pitches)


@given(tokens)
def test_tokens_survive_notes_and_one_hot(row):
    np.testing.assert_array_equal(notes_to_tokens(tokens_to_notes(row)), row)
    np.testing.assert_array_equal(from_one_hot(to_one_hot(row)), row)


@given(pieces, st.integers(0, 3))
def test_decoding_cuts_to_whole_chords(pitches, extra):
    row = np.concatenate(
        [encode(pitches, end=False), encode(pitches[:1], end=False)[:extra], [0, 5, 6, 7, 8]]
    )
    np.testing.assert_array_equal(decode(row), pitches)


@given(arrays(np.int16, (12, 4), elements=st.sampled_from([0, *range(36, 82)])), st.integers(-5, 6))
def test_transposing_there_and_back_is_identity_and_keeps_silence_and_end(pitches, semitones):
    row = encode(pitches)
    there = transpose_tokens(row, semitones)
    np.testing.assert_array_equal(transpose_tokens(there, -semitones), row)
    moved = tokens_to_notes(there).astype(int) - tokens_to_notes(row)
    np.testing.assert_array_equal(moved, np.where(row > 1, semitones, 0))


def test_real_pieces_survive_in_every_transposition(music21_corpus):
    for chorale in music21_corpus.valid[:10]:
        for semitones in range(-5, 7):
            there = transpose_tokens(encode(chorale.pitches), semitones)
            np.testing.assert_array_equal(
                decode(transpose_tokens(there, -semitones)), chorale.pitches
            )


@given(
    arrays(np.int16, (12, 4), elements=st.sampled_from([0, *range(43, 76)])), st.integers(-12, 12)
)
def test_transposing_probabilities_is_transposing_the_notes_they_are_of(pitches, semitones):
    row = encode(pitches)
    np.testing.assert_array_equal(
        transpose_probs(to_one_hot(row), semitones), to_one_hot(transpose_tokens(row, semitones))
    )


@given(st.integers(-70, 70))
def test_transposed_probabilities_lose_what_leaves_the_vocabulary_and_gain_nothing(semitones):
    probs = np.arange(1.0, VOCABULARY + 1)
    moved = transpose_probs(probs, semitones)
    expected = np.zeros(VOCABULARY)
    expected[:2] = probs[:2]
    for token in range(2, VOCABULARY):
        if 2 <= token + semitones < VOCABULARY:
            expected[token + semitones] = probs[token]
    np.testing.assert_array_equal(moved, expected)


@pytest.mark.parametrize(
    "broken, complaint",
    [
        (
            lambda: encode([[60, 57, 52, 45], [60, 30, 52, 45]]),
            r"note 30 at step 1, alto: expected 0 \(silence\) or 31..87$",
        ),
        (lambda: encode([[60, 57, 52]]), r"expected \(steps, 4\)"),
        (
            lambda: encode([[60, -1, 52, 45]]),
            r"note -1 at step 0, alto: expected 0 \(silence\) or 31..87$",
        ),
        (
            lambda: notes_to_tokens([60, 88]),
            r"note 88 at position 1: expected -1 \(the end\), 0 \(silence\) or 31..87$",
        ),
        (lambda: notes_to_tokens([60.5]), "expected whole numbers"),
        (lambda: tokens_to_notes([3, 59]), "token 59 at position 1: expected 0..58"),
        (lambda: to_one_hot([-1]), "token -1"),
        (lambda: from_one_hot(np.zeros((2, 59))), r"vector at \(0,\): expected a single 1"),
        (lambda: from_one_hot(np.zeros((2, 58))), "expected a last axis of 59"),
        (
            lambda: transpose_tokens(encode([[85, 57, 52, 45]]), 3),
            r"note 85 at position 0, moved by \+3",
        ),
        (
            lambda: transpose_tokens(encode([[60, 57, 52, 33]]), -3),
            r"note 33 at position 3, moved by -3",
        ),
    ],
)
def test_what_cannot_be_encoded_is_refused_in_words(broken, complaint):
    with pytest.raises(ValueError, match=complaint):
        broken()


def test_a_chorale_is_encoded_as_its_pitches_are():
    pitches = [[72, 67, 64, 48], [72, 0, 64, 48]]
    np.testing.assert_array_equal(encode(Chorale(pitches)), encode(pitches))


@pytest.mark.parametrize(
    "probs, semitones, complaint",
    [
        (np.zeros((2, 58)), 1, r"probs of shape \(2, 58\): expected a last axis of 59"),
        (0.5, 1, r"probs of shape \(\)"),
        (np.zeros(59), 1.5, "semitones of type float64: expected whole numbers"),
    ],
)
def test_probabilities_that_cannot_be_moved_are_refused_in_words(probs, semitones, complaint):
    with pytest.raises(ValueError, match=complaint):
        transpose_probs(probs, semitones)
