"""The judge that is trained afresh: what it can tell, and what it must not."""

import numpy as np
import pytest

from chorale_utils import Chorale, shuffled
from chorale_utils.judging.discriminability import _patterns, auc, discriminability
from chorale_utils.judging.grid import Grid


@pytest.fixture(scope="module")
def bach(music21_corpus):
    held_out = [*music21_corpus.valid, *music21_corpus.test]
    return music21_corpus.train[:90], held_out[:60]


@pytest.mark.parametrize("steps", [64, None])
def test_shuffled_chorales_are_told_from_bachs(bach, steps):
    train, test = bach
    writer = [shuffled(chorale, seed=number) for number, chorale in enumerate(train)]
    assert discriminability(writer, train, test, steps, resamples=0).auc > 0.97


@pytest.mark.parametrize("steps", [64, None])
def test_other_pieces_by_bach_are_hardly_told_from_his(music21_corpus, bach, steps):
    found = discriminability(music21_corpus.train[90:180], *bach, steps, resamples=50)
    assert 0.4 < found.auc < 0.65
    assert found.low <= found.auc <= found.high


def test_transposed_pieces_are_not_told_by_their_keys(music21_corpus, bach):
    others = music21_corpus.train[90:150]
    moved = [chorale.transpose(1) for chorale in others]
    same, other = (discriminability(each, *bach, resamples=0).auc for each in (others, moved))
    assert same == pytest.approx(other, abs=1e-6)


def test_struck_notes_bars_and_fermatas_are_not_looked_at(music21_corpus, bach):
    others = music21_corpus.train[90:150]
    bare = [Chorale(each.pitches[each.pickup :], name=each.name) for each in others]
    full = [
        Chorale(each.pitches, name=each.name).excerpt(each.pickup, len(each)) for each in others
    ]
    assert (
        discriminability(bare, *bach, resamples=0).auc
        == discriminability(full, *bach, resamples=0).auc
    )


def test_the_giveaway_is_named(bach):
    train, test = bach
    writer = [
        Chorale(np.where(np.arange(4) == 3, each.pitches - 12 * (each.pitches > 60), each.pitches))
        for each in train
    ]
    for each in writer:
        each.pitches.flags.writeable = True
        each.pitches[::8, 1] = each.pitches[::8, 0]  # the alto doubles the soprano
    features = discriminability(writer, train, test, resamples=0).features
    assert features.iloc[:40]["pattern"].str.contains("alto").any()
    assert (features["weight"].abs().diff().dropna() <= 0).all()


def patterns(pitches, kind):
    """The patterns of one kind, in words, of a piece in the order in which they come."""
    _, codes, label = _patterns(Grid(Chorale(pitches)))[kind]
    return [label(int(code)) for code in codes]


def test_a_short_rest_does_not_widen_the_range_of_a_voice():
    pitches = np.tile([72, 67, 64, 48], (20, 1))
    pitches[8:, 1] = 69
    pitches[[3, 7], 1] = 0
    (alto,) = (name for name in patterns(pitches, "range") if name.startswith("alto"))
    assert alto == "alto, 2 semitones, 3 notes"


def test_a_long_note_is_long_on_all_of_its_beats():
    pitches = np.tile([72, 67, 64, 48], (24, 1))
    pitches[20:, 0] = 74
    assert patterns(pitches, "lengths") == ["16/16, 16/16, 16/16, 16/16"] * 5 + [
        "4/16, 16/16, 16/16, 16/16"
    ]


def test_auc_is_the_share_of_ordered_pairs():
    random = np.random.default_rng(0)
    higher, lower = random.integers(0, 5, 30), random.integers(0, 4, 20)
    pairs = np.sign(higher[:, None] - lower) / 2 + 0.5
    assert auc(higher, lower) == pytest.approx(pairs.mean())


def test_too_little_to_judge_is_said(bach):
    train, test = bach
    with pytest.raises(ValueError, match="at least two"):
        discriminability(train[:1], train, test)
    with pytest.raises(ValueError, match="no piece has 2000 steps"):
        discriminability(train, train, test, steps=2000)
