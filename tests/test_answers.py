"""How a student's answer is read."""

import numpy as np
import pandas as pd
import pytest

from chorale_utils import Chorale, Pieces
from chorale_utils.teaching.answers import (
    NotYet,
    WrongKind,
    array,
    chorale,
    chorales,
    history,
    number,
    parts,
    reported,
    text,
    voices,
    whole,
)


def test_missing_and_unknown_parts_are_named():
    with pytest.raises(NotYet, match="'pair' is missing; there is no part 'pairs'"):
        parts({"steps": 1, "pairs": 2}, "steps", "pair")
    with pytest.raises(WrongKind, match="got an int"):
        parts(3, "steps")


@pytest.mark.parametrize("wrong", ["206", 206.0, True, None])
def test_what_is_no_whole_number_is_refused(wrong):
    with pytest.raises(WrongKind, match="steps: got .*expected a whole number"):
        whole(wrong, "steps")


@pytest.mark.parametrize("wrong", ["1", None, float("nan"), True, [1.0]])
def test_what_is_no_number_is_refused(wrong):
    with pytest.raises(WrongKind, match="nats: got"):
        number(wrong, "nats")


def test_numbers_of_numpy_are_numbers():
    assert whole(np.int16(3), "steps") == 3 and number(np.float32(0.5), "nats") == 0.5


def test_voices_are_one_name_or_several_and_nothing_else():
    assert voices("Bass ", "most") == {"bass"} and voices({"alto", "tenor"}, "most") == {
        "alto",
        "tenor",
    }
    with pytest.raises(NotYet, match="the voices are soprano"):
        voices("baritone", "most")
    with pytest.raises(WrongKind, match="names of voices"):
        voices(3, "most")


def test_a_text_has_words():
    with pytest.raises(NotYet, match="20 words or more"):
        text("too short", "answer", words=20)
    with pytest.raises(WrongKind, match="expected a text"):
        text(["a", "b"], "answer")


def test_chorales_are_chorales():
    one = Chorale([[72, 67, 64, 48]] * 4)
    assert chorale([one], "piece") is one and chorales(one, "pieces") == [one]
    with pytest.raises(WrongKind, match="expected a Chorale"):
        chorale(one.pitches, "piece")
    with pytest.raises(NotYet, match="1 chorales: expected at least 2"):
        chorales([one], "pieces", 2)
    with pytest.raises(WrongKind, match="with its report"):
        reported([one], "settings")
    settings = Pieces([one, one], pd.DataFrame({"log_likelihood": [-1.0, -3.0]}))
    assert reported(settings, "settings") == ([one, one], -2.0)


def test_a_history_is_the_table_that_fit_returns():
    table = pd.DataFrame({"nats": [2.0], "val_nats": [2.1]})
    assert history(table, "plain") is table
    with pytest.raises(WrongKind, match="the table that fit returns"):
        history(table[["nats"]], "plain")


def test_an_array_has_finite_numbers():
    assert array([1, 2], "nats").tolist() == [1.0, 2.0]
    for wrong in ("a", [], [float("inf")], [[1], [1, 2]]):
        with pytest.raises(WrongKind, match="expected numbers"):
            array(wrong, "nats")
