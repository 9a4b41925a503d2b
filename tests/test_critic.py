"""The critic: the same step by step as on whole pieces, able to learn, to be added to another, and
heard by the particles."""

import gc
import weakref

import numpy as np
import pytest
from conftest import SMALL_CHORD_GRU, shaken

from chorale_utils import generate, shuffled
from chorale_utils.form import Form
from chorale_utils.judging.discriminability import auc
from chorale_utils.models.backend import keras
from chorale_utils.models.critic import Critic, critic_log_odds, fit_critic
from chorale_utils.models.datasets import form_rows, score_with_ends
from chorale_utils.models.layers import sounding_tokens
from chorale_utils.models.phrase_gru import phrase_gru
from chorale_utils.writing.particles import chunk_writer
from chorale_utils.writing.rule_masks import Rules

FORM = Form((16, 24), (4, 8), "g minor", "4/4", 4)


@pytest.fixture(scope="module")
def learnt(music21_corpus):
    bach = music21_corpus.train[:40]
    written = [shuffled(chorale, seed=number) for number, chorale in enumerate(bach)]
    return fit_critic(bach, written)


def test_it_learns_to_tell_shuffled_pieces_it_has_not_seen(learnt, music21_corpus):
    others = music21_corpus.train[40:60]
    real = np.concatenate(critic_log_odds(learnt, others, 64))
    made = [shuffled(chorale, seed=number) for number, chorale in enumerate(others)]
    assert auc(real, np.concatenate(critic_log_odds(learnt, made, 64))) > 0.95
    assert learnt.opinions(others).min() > learnt.opinions(made).max()


def test_one_step_at_a_time_is_the_same_as_all_at_once(learnt, music21_corpus):
    chorale = music21_corpus.valid[0]
    chords = score_with_ends(chorale)[1:41].astype(np.int32)
    form = form_rows(chorale)[1:41].astype(np.int32)
    state, shares = learnt.begin(1), []
    for step in range(40):
        share, state = learnt.next_step(state, chords[step : step + 1], form[step : step + 1])
        shares.append(float(share[0]))
    np.testing.assert_allclose(shares, learnt.step_shares([chorale])[0][:40], atol=1e-4)
    assert np.ptp(shares) > 0.1
    state = learnt.read(learnt.begin(1), chords[None, :30], form[None, :30])
    share, _ = learnt.next_step(state, chords[30:31], form[30:31])
    assert float(share[0]) == pytest.approx(shares[30], abs=1e-4)


def test_the_log_odds_of_passages_are_sums_of_steps_from_the_first_bar_line_on(
    learnt, music21_corpus
):
    chorale = music21_corpus.valid[0]
    shares = learnt.step_shares([chorale])[0]
    whole, passages = (critic_log_odds(learnt, [chorale], steps)[0] for steps in (None, 32))
    assert whole.shape == (1,) and whole[0] == pytest.approx(shares.sum())
    first = shares[chorale.pickup : chorale.pickup + 32].sum()
    assert passages[0] == pytest.approx(first)
    assert len(passages) == (len(chorale) - chorale.pickup) // 32
    assert len(critic_log_odds(learnt, [chorale.excerpt(0, 20)], 64)[0]) == 0


def test_of_no_chorales_there_is_nothing_to_say():
    critic = Critic.of(np.array([7]), np.array([1.0]), 0.25)
    assert critic.step_shares([]) == [] and critic_log_odds(critic, [], 64) == []
    assert critic.opinions([]).shape == (0,)


def test_the_log_odds_of_two_critics_add_up(learnt, music21_corpus):
    other = Critic.of(np.array([5, 10**12]), np.array([1.0, 2.0]), 0.25)
    piece = music21_corpus.valid[:1]
    both = learnt.plus(other).opinions(piece)
    assert both == pytest.approx(learnt.opinions(piece) + other.opinions(piece), rel=1e-4)
    assert learnt.plus(learnt).patterns == learnt.patterns


def test_it_comes_back_from_a_file(learnt, music21_corpus, tmp_path):
    learnt.save(tmp_path / "c.keras")
    again = keras.saving.load_model(tmp_path / "c.keras", compile=False)
    np.testing.assert_array_equal(
        again.opinions(music21_corpus.valid[:3]), learnt.opinions(music21_corpus.valid[:3])
    )


def test_too_little_to_learn_from_is_refused(music21_corpus):
    short = [music21_corpus.train[0].excerpt(0, 32)]
    with pytest.raises(ValueError, match="1 pieces by the writer: expected at least one of 64"):
        fit_critic(music21_corpus.train[:4], short)
    with pytest.raises(ValueError, match="no pattern occurs in 9 pieces"):
        fit_critic(music21_corpus.train[:2], music21_corpus.train[2:4], rare=9)


class Likes(Critic):
    """Finds every step the better, the lower its bass."""

    def next_step(self, state, chord, form):
        return -2.0 * keras.ops.cast(sounding_tokens(chord[:, 3]), "float32"), state


def test_particles_follow_what_the_critic_likes():
    keras.utils.set_random_seed(1)
    writer, likes = shaken(phrase_gru(**SMALL_CHORD_GRU)), Likes(1)

    def mean_bass(**how):
        pieces = generate(writer, 4, form=FORM, particles=24, seed=1, progress=False, **how)
        return np.mean([piece.pitches[:, 3][piece.pitches[:, 3] > 0].mean() for piece in pieces])

    free = {"ranges": {}, "crossing": True, "parallels": True, "tonic_ending": False}
    assert mean_bass(critic=likes, **free) < mean_bass() - 3


def test_a_critic_without_opinion_changes_nothing(small_chord_gru):
    writer, silent = shaken(phrase_gru(**SMALL_CHORD_GRU)), Critic.of(np.array([7]), [0.0], 0.0)
    rules = ("crossing", "parallels", "sevenths", "augmented", "tonic_ending")
    how = {"ranges": {}, **dict.fromkeys(rules, False)}
    with_it, without = (
        generate(writer, form=FORM, particles=4, seed=1, progress=False, critic=each, **how)[0]
        for each in (silent, None)
    )
    np.testing.assert_array_equal(with_it.pitches, without.pitches)
    with pytest.raises(ValueError, match="several particles"):
        generate(writer, form=FORM, critic=silent, particles=1, progress=False)
    with pytest.raises(TypeError, match="critic True: expected a Critic, None"):
        generate(writer, form=FORM, critic=True, particles=4, progress=False)
    with pytest.raises(ValueError, match="a model that takes a form"):
        generate(small_chord_gru, critic=silent, particles=4, progress=False)


def test_a_critic_that_nobody_needs_is_let_go_and_others_keep_what_was_compiled_for_them():
    writer, kept = shaken(phrase_gru(**SMALL_CHORD_GRU)), Critic.of(np.array([7]), [1.0], 0.0)
    how = ((0,), Rules(no_crossing=True), 2)
    compiled_for_it = chunk_writer(writer, *how, kept)
    another = Critic.of(np.array([7]), [1.0], 0.0)
    generate(writer, form=FORM, particles=2, critic=another, seed=1, progress=False)
    forgotten = weakref.ref(another)
    del another
    gc.collect()
    assert forgotten() is None
    assert chunk_writer(writer, *how, kept) is compiled_for_it
    assert chunk_writer(writer, *how) is not compiled_for_it
