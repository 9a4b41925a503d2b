"""The strong model: attention, places in the bar, voice motion and dropout."""

import numpy as np
import pytest

from chorale_utils import VOICE_PAIRS, note_probs
from chorale_utils.encoding import notes_to_tokens
from chorale_utils.models.backend import keras


@pytest.fixture(scope="module")
def pitches(music21_corpus):
    return music21_corpus.valid[0].pitches[:24].copy()


def test_attention_is_shared_out_whole_and_looks_at_nothing_later(small_chord_gru, pitches):
    tokens = notes_to_tokens(np.stack([pitches, pitches[::-1]])).astype(np.int32)
    weights = keras.ops.convert_to_numpy(small_chord_gru.attention(tokens))
    assert weights.shape == (2, 2, 24, 24)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_array_equal(weights, np.tril(weights))
    np.testing.assert_array_equal(weights[:, :, 0, 0], 1)
    assert (weights[:, :, 5:, 1:5] > 0).all(), "earlier steps are looked at, each by some weight"


def test_chord_gru_counts_places_in_bars_of_sixteen(small_chord_gru, pitches):
    chords = np.repeat(notes_to_tokens(pitches[None, :9]).astype(np.int32), 4, axis=0)
    logits = keras.ops.convert_to_numpy(
        small_chord_gru((chords, np.array([3, 3 + 16, 3 + 160, 4], np.int32)))
    )
    assert logits.shape == (4, 8, 4, 59)
    np.testing.assert_allclose(logits[1:3], logits[[0, 0]], atol=1e-5)
    assert not np.allclose(logits[3], logits[0], atol=1e-3)


def test_motion_table_tells_what_is_added_for_each_motion_of_each_pair_of_voices(new_chord_gru):
    model, random = new_chord_gru(), np.random.default_rng(4)
    chords = np.where(
        random.random((2, 15, 4)) < 0.2, 1, random.integers(2, 59, (2, 15, 4))
    ).astype(np.int32)
    chords[0, 0] = 0  # one passage from the beginning of a piece
    inputs = chords, np.array([0, 5], np.int32)
    assert model.motion_table().shape == (6, 3, 3, 13, 13)

    with_motion, table = keras.ops.convert_to_numpy(model(inputs)), model.motion_table().copy()
    model.motion.assign(keras.ops.zeros_like(model.motion))
    added = with_motion - keras.ops.convert_to_numpy(model(inputs))
    expected = np.zeros_like(added)
    for piece, step, candidate in np.ndindex(2, 14, 59):
        before, now = chords[piece, step].astype(int), chords[piece, step + 1].astype(int)
        for pair, (upper, lower) in enumerate(VOICE_PAIRS):
            expected[piece, step, lower, candidate] += table[
                pair,
                direction(before[upper], now[upper]),
                direction(before[lower], candidate),
                interval(before[upper], before[lower]),
                interval(now[upper], candidate),
            ]
    np.testing.assert_allclose(added, expected, atol=1e-4)


def direction(token, next_token):
    """0 down, 1 same or from or into silence, 2 up."""
    if min(token, next_token) < 2 or token == next_token:
        return 1
    return 2 if next_token > token else 0


def interval(upper, lower):
    """Semitones modulo 12; 12 where one of the two is silent."""
    return 12 if min(upper, lower) < 2 else (upper - lower) % 12


def test_without_voice_motion_its_table_has_no_say_and_does_not_learn(new_chord_gru):
    model = new_chord_gru(voice_motion=False)
    inputs = [np.array([[[30, 25, 20, 10], [32, 27, 22, 12], [30, 25, 20, 10]]]), np.zeros(1, int)]
    before = keras.ops.convert_to_numpy(model(inputs))
    model.motion.assign(
        keras.ops.ones_like(model.motion) * 5 * np.sin(np.arange(6 * 1521).reshape(6, 1521))
    )
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(inputs)), before)
    assert not model.motion.trainable and new_chord_gru().motion.trainable


def test_one_cell_of_the_motion_table_can_forbid_parallel_fifths_and_nothing_else(new_chord_gru):
    model = new_chord_gru()
    pitches = np.array(
        [[67, 64, 60, 48], [69, 64, 60, 50]]
    )  # soprano and bass: fifth, then fifth, both upwards
    before = note_probs(model, pitches)
    table = model.motion_table().copy()
    table[VOICE_PAIRS.index((0, 3)), 2, 2, 7, 7] -= 50
    model.motion.assign(table.reshape(6, -1))
    after = note_probs(model, pitches)
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1, :3], before[1, :3])
    parallel = notes_to_tokens(
        [50, 62, 74, 86]
    )  # upwards from 48, to a fifth (or a twelfth ...) below
    assert (after[1, 3, parallel] < 1e-9).all() and (before[1, 3, parallel] > 1e-9).all()
    others = np.delete(before[1, 3], parallel)
    np.testing.assert_allclose(np.delete(after[1, 3], parallel), others / others.sum(), rtol=1e-4)


NO_DROPOUT = {
    "input_dropout": 0,
    "state_dropout": 0,
    "hidden_dropout": 0,
    "voice_dropout": 0,
    "weight_drop": 0,
}


@pytest.mark.parametrize("kind", [*NO_DROPOUT, None])
def test_each_kind_of_dropout_is_at_work_in_training_anew_each_time_and_only_there(
    new_chord_gru, pitches, kind
):
    model = new_chord_gru(**NO_DROPOUT | ({kind: 0.5} if kind else {}))
    tokens = notes_to_tokens(pitches)[None]
    plain, first, second = (
        np.array(model.log_probs(tokens, training=training)) for training in (False, True, True)
    )
    assert np.allclose(first, second) == np.allclose(first, plain) == (kind is None)
    np.testing.assert_array_equal(model.log_probs(tokens), plain)


@pytest.mark.parametrize("memory", [2, 7, 24])
def test_note_by_note_and_whole_a_piece_that_outgrows_the_memory_is_read_alike(
    new_chord_gru, pitches, monkeypatch, memory
):
    model, longer = new_chord_gru(), np.concatenate([pitches, pitches + 1])
    unlimited = note_probs(model, longer)
    monkeypatch.setattr("chorale_utils.models.chord_reader.MEMORY", memory)
    weights, model = model.get_weights(), new_chord_gru()  # one that is compiled anew
    model.set_weights(weights)
    whole, state = note_probs(model, longer), model.begin(1, len(longer))
    assert state["keys"].shape[2] == memory
    tokens, previous, rows = notes_to_tokens(longer), keras.ops.zeros(1, "int32"), []
    for step in range(len(longer)):
        for voice in range(4):
            logits, state = model.next_note(state, voice, previous)
            rows.append(keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0])
            previous = keras.ops.convert_to_tensor(tokens[step, voice : voice + 1].astype(np.int32))
    np.testing.assert_allclose(np.reshape(rows, whole.shape), whole, atol=1e-5)
    np.testing.assert_allclose(whole[: memory - 1], unlimited[: memory - 1], atol=1e-6)
    assert not np.allclose(whole, unlimited, atol=1e-4), "or the memory would have no limit"
