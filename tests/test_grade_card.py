"""The grade's card: what is fitted to Bach's pieces, and against what."""

import numpy as np
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import Chorale, compute_measures, shuffled
from chorale_utils.judging.grading import contributions
from chorale_utils.writing.grade_card import auc, fit_points, measured_in_folds, with_random_notes


@st.composite
def chorales(draw, longest=30):
    steps = draw(st.integers(0, longest))
    return Chorale(
        draw(arrays(np.int64, (steps, 4), elements=st.one_of(st.just(0), st.integers(48, 72))))
    )


def test_points_fitted_to_some_pieces_tell_others_apart(music21_corpus):
    pieces = music21_corpus.train[:60]
    points = fit_points(
        measured_in_folds(pieces),
        [
            compute_measures([spoilt(piece, seed) for seed, piece in enumerate(pieces)])
            for spoilt in (with_random_notes, shuffled)
        ],
    )
    assert (points["points_per_unit"] <= 0).all()
    bach, others = (
        contributions(compute_measures(group), points).sum(axis=1)
        for group in (music21_corpus.valid, [shuffled(piece, 7) for piece in music21_corpus.valid])
    )
    assert auc(bach, others) > 0.99 and abs(bach.median()) < 2


def test_auc_is_the_share_of_pairs_in_the_right_order():
    assert auc([3, 1], [2, 0]) == 0.75 and auc([1], [1]) == 0.5


@given(chorales(), st.integers(0, 5))
def test_random_notes_keep_rhythm_rests_and_range(chorale, seed):
    mixed = with_random_notes(chorale, seed).pitches
    np.testing.assert_array_equal(mixed == 0, chorale.pitches == 0)
    held = chorale.pitches[1:] == chorale.pitches[:-1]
    assert (mixed[1:] == mixed[:-1])[held].all()
    if len(mixed):
        assert (mixed.max(axis=0) <= chorale.pitches.max(axis=0)).all()
