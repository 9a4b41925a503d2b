"""What every model must do: probabilities, what they may depend on, and writing note by note."""

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from chorale_utils import note_log_probs, note_probs
from chorale_utils.encoding import notes_to_tokens
from chorale_utils.models.backend import keras


@pytest.fixture(scope="module")
def pitches(music21_corpus):
    return music21_corpus.valid[0].pitches[:24].copy()


def test_probabilities_sum_to_one_for_every_note(each_model, pitches):
    probs = note_probs(each_model, pitches)
    assert probs.shape == (24, 4, 59) and (probs >= 0).all()
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("transpositions", [(0,), range(-2, 3)])
@settings(max_examples=15, deadline=None)
@given(step=st.integers(0, 23), voice=st.integers(0, 3), note=st.sampled_from([0, 40, 59, 80]))
@example(step=0, voice=3, note=0)
@example(step=0, voice=3, note=50)
def test_a_changed_note_changes_no_earlier_row_nor_its_own_but_later_ones(
    each_model, pitches, transpositions, step, voice, note
):
    changed = pitches.copy()
    changed[step, voice] = note if pitches[step, voice] != note else 50
    before, after = (
        note_probs(each_model, piece, transpositions=transpositions).reshape(-1, 59)
        for piece in (pitches, changed)
    )
    place = 4 * step + voice
    np.testing.assert_array_equal(after[: place + 1], before[: place + 1])
    if place + 1 < len(before):
        assert not np.allclose(after[place + 1], before[place + 1], atol=1e-9)


@pytest.mark.parametrize("steps", [1, 3, 24])
def test_note_by_note_gives_what_reading_the_whole_piece_gives(each_model, pitches, steps):
    rows = note_by_note(each_model, pitches[None, :steps], steps)
    np.testing.assert_allclose(rows[0], note_probs(each_model, pitches[:steps]), atol=1e-5)


def test_note_by_note_is_the_same_for_pieces_side_by_side_with_silences_long_notes_and_spare_room(
    each_model, pitches
):
    with_silences, silent_at_first, held = (
        np.concatenate([pitches, pitches[:16] + 2]) for _ in range(3)
    )
    with_silences[np.random.default_rng(0).random((40, 4)) < 0.2] = 0
    silent_at_first[0, 3] = 0
    held[:36] = held[0]  # a chord that lasts for longer than a model counts
    held[:, 3] = held[0, 3]
    pieces = np.stack([with_silences, silent_at_first, held])
    expected = [note_probs(each_model, piece) for piece in pieces]
    np.testing.assert_allclose(note_by_note(each_model, pieces, room=50), expected, atol=1e-5)


def test_beginnings_read_at_once_are_gone_on_from_as_if_read_note_by_note(each_model, pitches):
    held = pitches.copy()
    held[:, 3] = held[0, 3]
    pieces = np.stack([pitches, held])
    tokens = notes_to_tokens(pieces).astype(np.int32)
    for steps in (1, 2, 20):
        state = each_model.read(each_model.begin(2, 30), tokens[:, :steps])
        goes_on = note_by_note(each_model, pieces[:, steps:], 30, state, tokens[:, steps - 1, 3])
        expected = [note_probs(each_model, piece)[steps:] for piece in pieces]
        np.testing.assert_allclose(goes_on, expected, atol=1e-5)


def note_by_note(model, pieces, room, state=None, previous=None):
    """Probabilities (pieces, steps, 4, 59) of pitches (pieces, steps, 4), one note after the other,
    in a state made for `room` steps, or in another one after the token that was the previous."""
    tokens = notes_to_tokens(pieces).astype(np.int32)
    rows = []
    if state is None:
        state, previous = model.begin(len(pieces), room), np.zeros(len(pieces), np.int32)
    for step in range(tokens.shape[1]):
        for voice in range(4):
            logits, state = model.next_note(state, voice, previous)
            rows.append(keras.ops.convert_to_numpy(keras.ops.softmax(logits)))
            previous = tokens[:, step, voice]
    return np.stack(rows, axis=1).reshape(*tokens.shape, 59)


def test_shapes_of_the_state_stay_as_they_are(each_model):
    before = each_model.begin(2, 5)
    _, after = each_model.next_note(before, 0, np.zeros(2, np.int32))
    for one, other in zip(keras.tree.flatten(before), keras.tree.flatten(after)):
        assert tuple(one.shape) == tuple(other.shape) and one.dtype == other.dtype


def test_unusual_pieces_get_probabilities_too(each_model, unusual_pieces):
    for name, piece in unusual_pieces.items():
        probs = note_probs(each_model, piece)
        assert probs.shape == (len(piece), 4, 59) and np.isfinite(probs).all(), name
        np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5, err_msg=name)


def test_log_probs_are_the_logarithms_of_the_notes_that_came(each_model, pitches):
    probs, tokens = note_probs(each_model, pitches), notes_to_tokens(pitches)
    expected = [
        [np.log(probs[step, voice, tokens[step, voice]]) for voice in range(4)]
        for step in range(24)
    ]
    np.testing.assert_allclose(note_log_probs(each_model, pitches), expected, rtol=1e-5)
