"""The key is found as a musician would: by the harmony, or by the notes of a tune."""

import numpy as np
import pytest
from made_scores import real

from chorale_utils import Chorale, main_key
from chorale_utils.notation.key import find_key, key_of_notes
from chorale_utils.notation.score import to_score


@pytest.mark.parametrize(
    "name, found, by_krumhansl",
    [("bwv393", "A major", "E major"), ("bwv311", "b minor", "f# minor")],
)
def test_the_key_is_found_by_the_weights_of_aarden_and_essen_and_not_by_those_of_krumhansl(
    name, found, by_krumhansl
):
    score = to_score(real(name))
    assert str(score.analyze("Krumhansl")) == by_krumhansl
    assert key_of_notes(real(name)) == str(score.analyze("AardenEssen")) == found


def test_the_key_is_that_in_which_the_harmony_ends_and_of_a_tune_that_of_its_notes():
    dorian = real("bwv40.3")  # in g minor, with the signature of d minor
    assert find_key(dorian) == main_key(dorian) == "g minor"
    short = real("bwv123.6")[-32:]
    assert find_key(short) == "b minor" != key_of_notes(short)
    tune = real("bwv66.6").pitches.copy()
    tune[:, 1:] = 0
    assert find_key(Chorale(tune)) == key_of_notes(Chorale(tune))
    assert find_key(Chorale(np.zeros((4, 4), int))) == "C major"
