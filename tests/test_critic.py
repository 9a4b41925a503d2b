"""The critic: the same step by step as on whole passages, deaf to keys, able to learn, and heard by
the particles."""

import numpy as np
import pytest
from conftest import SMALL_CHORD_GRU, shaken

from chorale_utils import generate, shuffled
from chorale_utils.form import Form, transpose_features
from chorale_utils.judging.discriminability import auc
from chorale_utils.models.backend import keras
from chorale_utils.models.critic import Critic, critic, critic_log_odds, fit_critic
from chorale_utils.models.datasets import form_rows, score_with_ends
from chorale_utils.models.layers import sounding_tokens
from chorale_utils.models.phrase_gru import phrase_gru

FORM = Form((16, 24), (4, 8), "g minor", "4/4", 4)


@pytest.fixture(scope="module")
def small():
    return shaken(critic(width=8, embedding=4))


@pytest.fixture(scope="module")
def passage(music21_corpus):
    chorale = music21_corpus.valid[0]
    chords = score_with_ends(chorale)[:41].astype(np.int32)
    return chords[None], form_rows(chorale)[None, 1:41].astype(np.int32)


def test_one_step_at_a_time_is_the_same_as_all_at_once(small, passage):
    chords, form = passage
    whole = np.array(small((chords, form)))[0]
    state, shares = small.begin(1), []
    for step in range(40):
        share, state = small.next_step(state, chords[:, step + 1], form[:, step])
        shares.append(float(share[0]))
    np.testing.assert_allclose(shares, whole, atol=1e-5)


def test_no_step_knows_what_comes_later(small, passage):
    chords, form = passage
    changed = chords.copy()
    changed[0, 21] = 30
    first, second = (np.array(small((each, form)))[0] for each in (chords, changed))
    np.testing.assert_allclose(first[:20], second[:20], atol=1e-6)
    assert not np.allclose(first[20:], second[20:], atol=1e-4)


def test_a_transposed_passage_is_the_same_to_it(small, passage):
    chords, form = passage
    moved = chords + 3 * (chords > 1)
    np.testing.assert_allclose(
        np.array(small((moved, transpose_features(form, 3)))),
        np.array(small((chords, form))),
        atol=1e-5,
    )


def test_a_new_critic_has_no_opinion(passage):
    assert not np.array(critic(width=8)(passage)).any()


def test_it_learns_to_tell_shuffled_pieces_it_has_not_seen(music21_corpus):
    bach, others = music21_corpus.train[:40], music21_corpus.train[40:60]
    keras.utils.set_random_seed(1)
    model = critic(width=16, embedding=6, dropout=0.1)
    written = [shuffled(chorale, seed=number) for number, chorale in enumerate(bach)]
    history = fit_critic(model, bach, written, 6, 0.01, steps=64, batch_size=8, verbose=0)
    assert history["loss"].iloc[-1] < 0.75 * history["loss"].iloc[0] < 0.75 * 0.7
    real = np.concatenate(critic_log_odds(model, others, 64))
    made = [shuffled(chorale, seed=number) for number, chorale in enumerate(others)]
    assert auc(real, np.concatenate(critic_log_odds(model, made, 64))) > 0.95


def test_log_odds_of_a_piece_are_the_sum_of_its_passages_where_nothing_is_remembered(
    small, music21_corpus
):
    chorale = music21_corpus.valid[0]
    whole, passages = (critic_log_odds(small, [chorale], steps)[0] for steps in (None, 32))
    assert whole.shape == (1,) and len(passages) == (len(chorale) - chorale.pickup) // 32
    assert len(critic_log_odds(small, [chorale.excerpt(0, 20)], 64)[0]) == 0


class Likes(Critic):
    """Finds every step the better, the lower its bass."""

    def next_step(self, state, chord, form):
        return -2.0 * keras.ops.cast(sounding_tokens(chord[:, 3]), "float32"), state


def test_particles_follow_what_the_critic_likes():
    keras.utils.set_random_seed(1)
    writer = shaken(phrase_gru(**SMALL_CHORD_GRU))
    likes = Likes(width=8, embedding=4)
    likes.build()

    def mean_bass(**how):
        pieces = generate(writer, 4, form=FORM, particles=24, seed=1, progress=False, **how)
        return np.mean([piece.pitches[:, 3][piece.pitches[:, 3] > 0].mean() for piece in pieces])

    assert mean_bass(critic=likes) < mean_bass() - 3


def test_a_critic_without_opinion_changes_nothing(small_chord_gru):
    writer, silent = shaken(phrase_gru(**SMALL_CHORD_GRU)), critic(width=8)
    with_it, without = (
        generate(writer, form=FORM, particles=4, seed=1, progress=False, critic=each)[0]
        for each in (silent, None)
    )
    np.testing.assert_array_equal(with_it.pitches, without.pitches)
    with pytest.raises(ValueError, match="several particles"):
        generate(writer, form=FORM, critic=silent, progress=False)
    with pytest.raises(ValueError, match="a model that takes a form"):
        generate(small_chord_gru, critic=silent, particles=4, progress=False)
