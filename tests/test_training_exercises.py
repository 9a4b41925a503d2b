"""The exercises of notebook 3: tables that can be compared, and what they say."""

import pandas as pd
import pytest

from chorale_utils import check


def table(nats, val_nats):
    rows = {"nats": nats, "val_nats": val_nats, "seconds": 1.0}
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(nats) + 1, name="epoch"))


PLAIN = table([3.0, 2.5, 2.2, 2.0], [3.0, 2.6, 2.4, 2.3])
TURNED = table([2.8, 2.0, 1.5, 1.0], [2.9, 2.4, 2.5, 2.6])  # learns by heart


def hint(exercise, answer):
    verdict = check(exercise, answer)
    assert not verdict.right, verdict
    return verdict.says


def test_without_dropout():
    answer = {"with": PLAIN, "without": TURNED, "from": 3}
    assert check("3.1", answer)
    assert "got epoch 2" in hint("3.1", answer | {"from": 2})
    assert "got None" in hint("3.1", answer | {"from": None})
    assert "other way round" in hint("3.1", {"with": TURNED, "without": PLAIN, "from": 3})
    better = table([2.8, 2.0, 1.9, 1.8], [2.9, 2.4, 2.3, 2.2])
    verdict = check("3.1", {"with": PLAIN, "without": better, "from": None})
    assert verdict and "only slows learning down" in verdict.says and "show little" in verdict.says
    assert "does not happen" in hint("3.1", {"with": PLAIN, "without": better, "from": 2})


@pytest.mark.parametrize("exercise", ["3.1", "3.5"])
def test_trainings_of_unequal_length_and_twice_the_same_are_no_comparison(exercise):
    one, other, at = (
        ("with", "without", "from")
        if exercise == "3.1"
        else (
            "all keys",
            "own key",
            "overfits",
        )
    )
    assert "same chance" in hint(exercise, {one: PLAIN, other: TURNED[:3], at: None})
    assert "its own folder" in hint(exercise, {one: PLAIN, other: PLAIN.copy(), at: None})


def test_regularisers():
    l2, norm = table([2.9, 2.4, 2.1, 1.9], [3.0, 2.7, 2.6, 2.5]), table([3, 2, 2, 2], [3, 2, 2, 2])
    tables = {"plain": PLAIN, "l2": l2, "layer_norm": norm}
    assert check("3.2", tables | {"best": "layer_norm"})
    assert "look at the other two" in hint("3.2", tables | {"best": "plain"})
    assert "learns from" in hint("3.2", tables | {"best": "l2"})
    assert "expected one of plain" in hint("3.2", tables | {"best": "both"})


def test_window_sizes():
    answer = {"short": PLAIN, "long": TURNED, "batch sizes": {64: 64, 1024: 4}}
    why = {"why": "a phrase has eight beats, and a window four"}
    assert check("3.3", answer | why)
    assert "two things at once" in hint("3.3", answer | why | {"batch sizes": {64: 16, 1024: 16}})
    assert "5 words" in hint("3.3", answer | {"why": "memory"})
    with pytest.raises(TypeError, match="two windows and their batch sizes"):
        check("3.3", answer | why | {"batch sizes": {64: 64}})


def test_taken_away():
    tables = {"as it is": PLAIN, "changed": TURNED}
    assert check("3.4", tables | {"cost": 0.3})
    assert "the sign" in hint("3.4", tables | {"cost": -0.3})
    assert "minimum" in hint("3.4", tables | {"cost": 0.1})
    assert "between the last" in hint("3.4", tables | {"cost": 2.6})


def test_own_keys():
    tables = {"all keys": PLAIN, "own key": TURNED}
    assert check("3.5", tables | {"overfits": 3}) and check("3.5", tables | {"overfits": 2})
    assert "never gets lower" in hint("3.5", tables | {"overfits": 4})
    assert "other way round" in hint("3.5", {"all keys": TURNED, "own key": PLAIN, "overfits": 3})
    falling = table([2.0, 1.8, 1.6, 1.4], [2.8, 2.5, 2.3, 2.2])
    assert check("3.5", {"all keys": PLAIN, "own key": falling, "overfits": None})
    assert "does not happen" in hint("3.5", {"all keys": PLAIN, "own key": falling, "overfits": 4})
