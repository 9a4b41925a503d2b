"""The classic model: its size, what it may know, and that it survives the disk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chorale_utils import load_model, note_gru, note_log_probs, note_probs, save_model
from chorale_utils.backend import keras
from chorale_utils.encoding import notes_to_tokens
from chorale_utils.models import PRETRAINED


@pytest.fixture(scope="module")
def small():
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


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 23), st.integers(0, 3), st.sampled_from([0, 40, 59, 80]))
def test_a_changed_note_changes_no_earlier_row_nor_its_own_but_later_ones(small, pitches, step, voice, note):
    changed = pitches.copy()
    changed[step, voice] = note if pitches[step, voice] != note else 50
    before, after = (note_probs(small, piece).reshape(-1, 59) for piece in (pitches, changed))
    place = 4 * step + voice
    np.testing.assert_array_equal(after[:place + 1], before[:place + 1])
    if place + 1 < len(before):
        assert not np.allclose(after[place + 1], before[place + 1], atol=1e-9)


@pytest.mark.parametrize("steps", [1, 3, 24])
def test_note_by_note_gives_what_reading_the_whole_piece_gives(small, pitches, steps):
    tokens = notes_to_tokens(pitches[:steps]).astype(np.int32)
    state, previous, rows = small.begin(1, steps), np.zeros(1, np.int32), []
    for step in range(steps):
        for voice in range(4):
            logits, state = small.next_note(state, voice, previous)
            rows.append(keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0])
            previous = tokens[step, voice:voice + 1]
    np.testing.assert_allclose(np.reshape(rows, (steps, 4, 59)), note_probs(small, pitches[:steps]), atol=1e-5)


def test_log_probs_are_the_logarithms_of_the_notes_that_came(small, pitches):
    probs, tokens = note_probs(small, pitches), notes_to_tokens(pitches)
    expected = [[np.log(probs[step, voice, tokens[step, voice]]) for voice in range(4)] for step in range(24)]
    np.testing.assert_allclose(note_log_probs(small, pitches), expected, rtol=1e-5)


def test_a_saved_model_comes_back_the_same_without_optimizer(small, pitches, tmp_path):
    small.compile("adam", "sparse_categorical_crossentropy")
    save_model(small, tmp_path / "new folder" / "model.keras")
    loaded = load_model(tmp_path / "new folder" / "model.keras")
    assert loaded.get_config() == small.get_config() and not loaded.compiled
    np.testing.assert_allclose(note_probs(loaded, pitches), note_probs(small, pitches), atol=1e-6)
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["model.keras"], "nothing left beside it"


def test_a_model_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(FileNotFoundError, match=r"'bach_himself'.*note_gru"):
        load_model("bach_himself")
    with pytest.raises(ValueError, match="ends in .keras"):
        save_model(note_gru(width=2), "model.h5")


def test_shipped_weights_are_the_classic_with_a_card():
    assert load_model("note_gru").count_params() == 238_891
    assert (PRETRAINED / "note_gru.md").is_file()
    assert (PRETRAINED / "note_gru.keras").stat().st_size < 10e6
