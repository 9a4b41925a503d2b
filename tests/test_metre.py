"""Metre: bar lines are found where Bach put them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils.chorale import Chorale
from chorale_utils.notation.metre import find_metre


def test_metre_and_pickup_of_bachs_chorales_are_found(music21_corpus):
    held_out = [*music21_corpus.valid, *music21_corpus.test]
    found = [
        find_metre(chorale) == (chorale.time_signature, chorale.pickup) for chorale in held_out
    ]
    assert len(found) == 150
    assert np.mean(found) > 0.94


def test_a_chorale_in_three_is_told_from_one_in_four(music21_corpus):
    in_three = [chorale for chorale in music21_corpus.train if chorale.time_signature == "3/4"]
    assert len(in_three) > 20
    assert np.mean([find_metre(chorale)[0] == "3/4" for chorale in in_three]) > 0.8


def test_only_the_pitches_are_looked_at(music21_corpus):
    for chorale in music21_corpus.test[:20]:
        bare = Chorale(chorale.pitches)
        told = replace(
            bare, time_signature="3/2", pickup=2, onsets=np.ones(chorale.pitches.shape, bool)
        )
        assert find_metre(bare) == find_metre(told) == find_metre(chorale.transpose(1))


@settings(max_examples=100, deadline=None)
@given(
    arrays(
        int, st.tuples(st.integers(0, 40), st.just(4)), elements=st.sampled_from([0, 50, 60, 61])
    )
)
def test_any_chorale_has_a_metre_that_a_chorale_can_have(pitches):
    time_signature, pickup = find_metre(Chorale(pitches))
    assert Chorale(pitches, time_signature=time_signature, pickup=pickup).pickup in (0, 4)


@pytest.mark.parametrize("given", ["bwv66.6", None, [Chorale([[60] * 4])]])
def test_what_is_no_chorale_is_refused_in_words(given):
    with pytest.raises(TypeError, match="got a .*: expected (a Chorale|one)"):
        find_metre(given)
