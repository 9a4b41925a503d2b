"""The models: their size, what they may know, what they remember, and that they survive the
disk."""

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chorale_utils import (
    VOICE_PAIRS,
    load_model,
    note_gru,
    note_log_probs,
    note_probs,
    save_model,
    weights_hash,
)
from chorale_utils.encoding import FIRST_NOTE_TOKEN, LOWEST_NOTE, notes_to_tokens
from chorale_utils.models.backend import keras
from chorale_utils.models.chord_gru import _held
from chorale_utils.models.layers import NoteEmbedding, WeightDropGRU
from chorale_utils.models.saving import PRETRAINED


@pytest.fixture(scope="module", params=["note_gru", "chord_gru"])
def small(request, small_chord_gru):
    """Each model in turn, small and untrained."""
    if request.param == "chord_gru":
        return small_chord_gru
    keras.utils.set_random_seed(1)
    return note_gru(width=10, layers=2, layer_norm=True)


@pytest.fixture(scope="module")
def pitches(music21_corpus):
    return music21_corpus.valid[0].pitches[:24].copy()


def test_the_classic_has_238891_parameters():
    assert note_gru().count_params() == 238_891


def test_layer_normalisation_and_l2_are_options():
    assert note_gru(layer_norm=True).count_params() == 238_891 + 3 * 2 * 118
    penalised = note_gru(width=8, l2=0.01)
    penalised(np.zeros((1, 4), np.int32))
    assert len(penalised.losses) == 6 and float(sum(penalised.losses)) > 0


def test_probabilities_sum_to_one_for_every_note(small, pitches):
    probs = note_probs(small, pitches)
    assert probs.shape == (24, 4, 59) and (probs >= 0).all()
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("transpositions", [(0,), range(-2, 3)])
@settings(max_examples=15, deadline=None)
@given(step=st.integers(0, 23), voice=st.integers(0, 3), note=st.sampled_from([0, 40, 59, 80]))
@example(step=0, voice=3, note=0)
@example(step=0, voice=3, note=50)
def test_a_changed_note_changes_no_earlier_row_nor_its_own_but_later_ones(
    small, pitches, transpositions, step, voice, note
):
    changed = pitches.copy()
    changed[step, voice] = note if pitches[step, voice] != note else 50
    before, after = (
        note_probs(small, piece, transpositions=transpositions).reshape(-1, 59)
        for piece in (pitches, changed)
    )
    place = 4 * step + voice
    np.testing.assert_array_equal(after[: place + 1], before[: place + 1])
    if place + 1 < len(before):
        assert not np.allclose(after[place + 1], before[place + 1], atol=1e-9)


@pytest.mark.parametrize("steps", [1, 3, 24])
def test_note_by_note_gives_what_reading_the_whole_piece_gives(small, pitches, steps):
    rows = note_by_note(small, pitches[None, :steps], steps)
    np.testing.assert_allclose(rows[0], note_probs(small, pitches[:steps]), atol=1e-5)


def test_note_by_note_is_the_same_for_pieces_side_by_side_with_silences_long_notes_and_room_to_spare(
    small, pitches
):
    with_silences, silent_at_first, held = (
        np.concatenate([pitches, pitches[:16] + 2]) for _ in range(3)
    )
    with_silences[np.random.default_rng(0).random((40, 4)) < 0.2] = 0
    silent_at_first[0, 3] = 0
    held[:36] = held[0]  # a chord that lasts for longer than a model counts
    held[:, 3] = held[0, 3]
    pieces = np.stack([with_silences, silent_at_first, held])
    expected = [note_probs(small, piece) for piece in pieces]
    np.testing.assert_allclose(note_by_note(small, pieces, room=50), expected, atol=1e-5)


def note_by_note(model, pieces, room):
    """Probabilities (pieces, steps, 4, 59) of pitches (pieces, steps, 4), one note after the other, in a state made
    for so many steps."""
    tokens = notes_to_tokens(pieces).astype(np.int32)
    state, previous, rows = model.begin(len(pieces), room), np.zeros(len(pieces), np.int32), []
    for step in range(tokens.shape[1]):
        for voice in range(4):
            logits, state = model.next_note(state, voice, previous)
            rows.append(keras.ops.convert_to_numpy(keras.ops.softmax(logits)))
            previous = tokens[:, step, voice]
    return np.stack(rows, axis=1).reshape(*tokens.shape, 59)


def test_shapes_of_the_state_stay_as_they_are(small):
    before = small.begin(2, 5)
    _, after = small.next_note(before, 0, np.zeros(2, np.int32))
    for one, other in zip(keras.tree.flatten(before), keras.tree.flatten(after)):
        assert tuple(one.shape) == tuple(other.shape) and one.dtype == other.dtype


def test_unusual_pieces_get_probabilities_too(small, unusual_pieces):
    for name, piece in unusual_pieces.items():
        probs = note_probs(small, piece)
        assert probs.shape == (len(piece), 4, 59) and np.isfinite(probs).all(), name
        np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5, err_msg=name)


def test_log_probs_are_the_logarithms_of_the_notes_that_came(small, pitches):
    probs, tokens = note_probs(small, pitches), notes_to_tokens(pitches)
    expected = [
        [np.log(probs[step, voice, tokens[step, voice]]) for voice in range(4)]
        for step in range(24)
    ]
    np.testing.assert_allclose(note_log_probs(small, pitches), expected, rtol=1e-5)


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


def test_embedding_of_a_chord_has_for_each_voice_its_own_vector_and_those_of_note_and_pitch_class():
    layer = NoteEmbedding(3)
    layer.build()
    own, any_voice, pitch_class = layer.get_weights()
    chords = np.array([[[50, 43, 38, 0], [1, 50, 50, 13]]])
    classes = [
        [
            [
                (LOWEST_NOTE + note - FIRST_NOTE_TOKEN) % 12 if note >= FIRST_NOTE_TOKEN else 12
                for note in chord
            ]
            for chord in chords[0]
        ]
    ]
    expected = own[np.arange(4), chords] + any_voice[chords] + pitch_class[classes]
    np.testing.assert_allclose(np.array(layer(chords)).reshape(1, 2, 4, 3), expected, rtol=1e-5)


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


runs = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40)), min_size=1, max_size=6)


NO_DROPOUT = dict(
    input_dropout=0, state_dropout=0, hidden_dropout=0, voice_dropout=0, weight_drop=0
)


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


def test_weight_drop_leaves_out_its_share_of_the_recurrent_weights_and_gives_them_back():
    gru = WeightDropGRU(64, 0.3, return_sequences=True)
    gru.build((None, None, 8))
    whole, used = gru.cell.recurrent_kernel, []
    gru.weight_drop.call = lambda weights, training: (
        used.append(keras.layers.Dropout.call(gru.weight_drop, weights, training=training))
        or used[-1]
    )
    gru(np.zeros((2, 3, 8), np.float32), training=True)
    gone = np.array(used[0]) == 0
    assert gone.mean() == pytest.approx(0.3, abs=0.02) and gru.cell.recurrent_kernel is whole
    np.testing.assert_allclose(np.array(used[0])[~gone], np.array(whole)[~gone] / 0.7, rtol=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(runs, runs, runs, runs), min_size=1, max_size=2))
def test_held_notes_are_counted_from_the_step_they_began_up_to_31(pieces):
    voices = [[np.repeat(*zip(*run)) for run in piece] for piece in pieces]
    steps = min(len(voice) for piece in voices for voice in piece)
    chords = np.stack(
        [np.stack([voice[:steps] for voice in piece], axis=-1) for piece in voices]
    ).astype(np.int32)
    expected = np.zeros_like(chords)
    for piece, step, voice in np.ndindex(*chords.shape):
        if step and chords[piece, step, voice] == chords[piece, step - 1, voice]:
            expected[piece, step, voice] = min(expected[piece, step - 1, voice] + 1, 31)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(_held(keras.ops.convert_to_tensor(chords))), expected
    )


def test_a_saved_model_comes_back_the_same_without_optimizer(small, pitches, tmp_path):
    small.compile("adam", "sparse_categorical_crossentropy")
    save_model(small, tmp_path / "new folder" / "model.keras")
    loaded = load_model(tmp_path / "new folder" / "model.keras")
    assert loaded.get_config() == small.get_config() and not loaded.compiled
    np.testing.assert_allclose(note_probs(loaded, pitches), note_probs(small, pitches), atol=1e-6)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["model.keras"], (
        "nothing left beside it"
    )


def test_a_model_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(FileNotFoundError, match=r"'bach_himself'.*note_gru"):
        load_model("bach_himself")
    with pytest.raises(ValueError, match="ends in .keras"):
        save_model(note_gru(width=2), "model.h5")


def test_shipped_weights_are_the_classic_with_a_card():
    assert load_model("note_gru").count_params() == 238_891
    assert (PRETRAINED / "note_gru.md").is_file()
    assert (PRETRAINED / "note_gru.keras").stat().st_size < 10e6


def test_weights_are_told_apart_by_their_file(tmp_path):
    (tmp_path / "own.keras").write_bytes(b"weights")
    assert weights_hash(tmp_path / "own.keras") == "9a129038d9a0"
    assert re.fullmatch("[0-9a-f]{12}", weights_hash("chord_gru"))
