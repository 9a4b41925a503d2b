"""A mixture of models: the mean of their probabilities, step by step too, saved and loaded."""

import numpy as np
import pytest
from conftest import SMALL_CHORD_GRU, shaken

from chorale_utils import generate, load_model, note_gru, note_probs, save_model
from chorale_utils.form import Form
from chorale_utils.models.backend import keras
from chorale_utils.models.mixture import Mixture
from chorale_utils.models.phrase_gru import phrase_gru

FORM = Form((16, 24), (4, 8), "g minor", "4/4", 4)


@pytest.fixture(scope="module")
def members():
    return [shaken(phrase_gru(**SMALL_CHORD_GRU), seed=seed) for seed in (1, 2)]


def test_it_gives_every_note_the_mean_of_its_members_probabilities(members, music21_corpus):
    piece = music21_corpus.valid[0]
    tokens, form = piece.pitches[None, :24] % 50 + 2, FORM.features(24)[None]
    told = [np.exp(each.log_probs(tokens, form)) for each in (*members, Mixture(members))]
    np.testing.assert_allclose(told[2], (told[0] + told[1]) / 2, atol=1e-6)
    assert not np.allclose(told[0], told[1], atol=1e-3)


def test_step_by_step_it_says_what_it_says_of_whole_passages(members):
    mixture, random = Mixture(members), np.random.default_rng(0)
    tokens = random.integers(2, 59, (2, 8, 4)).astype(np.int32)
    form = np.repeat(FORM.features(8)[None], 2, axis=0)
    whole = np.array(mixture.log_probs(tokens, form))
    state, before = mixture.begin(2, 8, form), np.zeros(2, np.int32)
    for step in range(8):
        for voice in range(4):
            logits, state = mixture.next_note(state, voice, before)
            said = np.array(keras.ops.log_softmax(logits))
            np.testing.assert_allclose(said, whole[:, step, voice], atol=1e-4)
            before = tokens[:, step, voice]
    state = mixture.read(mixture.begin(2, 8, form), tokens[:, :5])
    logits, _ = mixture.next_note(state, 0, tokens[:, 4, 3])
    np.testing.assert_allclose(np.array(logits), whole[:, 5, 0], atol=1e-4)


def test_it_writes_with_many_candidates_and_comes_back_from_a_file(members, tmp_path):
    mixture = Mixture(members)
    save_model(mixture, tmp_path / "both.keras")
    loaded = load_model(tmp_path / "both.keras")
    assert loaded.count_params() == sum(member.count_params() for member in members)
    mine, theirs = (
        generate(each, form=FORM, particles=4, seed=1, crossing=False, progress=False)[0]
        for each in (mixture, loaded)
    )
    np.testing.assert_array_equal(mine.pitches, theirs.pitches)
    assert set(mixture.memory) < set(mixture.begin(1, 4))


def test_models_whose_state_is_a_list_can_be_mixed():
    both = Mixture([shaken(note_gru(width=4, layers=1), seed=seed) for seed in (1, 2)])
    pitches = np.array([[72, 67, 64, 48]] * 6)
    probs = note_probs(both, pitches)
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5)
    assert len(generate(both, steps=6, seed=1, progress=False)[0]) == 6


def test_members_of_different_kinds_are_refused(members):
    with pytest.raises(ValueError, match=r"2 members .*expected one or more models of one kind"):
        Mixture([members[0], note_gru(width=4, layers=1)])
    with pytest.raises(ValueError, match="0 members"):
        Mixture([])
