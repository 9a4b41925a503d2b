"""A cached result comes back as it was, only for the same call, and is never computed twice."""

import os

import numpy as np
import pandas as pd
import pytest

from chorale_utils import (
    Chorale,
    cached,
    find_metre,
    generate,
    negative_log_likelihood,
    note_gru,
    save_model,
    score_notes,
)
from chorale_utils.models.backend import keras
from chorale_utils.notation.page import Notation

PIECES = [
    Chorale(np.tile([[67, 60, 55, 48]], (5, 1)), name="bare"),
    Chorale(
        np.tile([[67, 60, 55, 0]], (3, 1)),
        name="full",
        bwv="66.6",
        title="Ö",
        key="f# minor",
        time_signature="3/4",
        pickup=4,
        onsets=np.eye(3, 4, dtype=bool),
        fermatas=np.array([False, False, True]),
    ),
    Chorale(np.zeros((0, 4), int), name="empty"),
]


@pytest.fixture
def counted(tmp_path):
    """A function whose results are cached, and the list of the calls that it really received."""
    asked = []

    def answer(*args, **options):
        asked.append((args, options))
        return float(len(asked))

    answer.__module__ = "chorale_utils.answering"
    return cached(answer, tmp_path / "cache"), asked


def test_same_call_is_computed_once(counted, tmp_path):
    answer, asked = counted
    assert (
        answer(1, "a", [PIECES[0]], over=range(3))
        == answer(1, "a", [PIECES[0]], over=range(3))
        == 1.0
    )
    assert len(asked) == 1 and len(list((tmp_path / "cache").iterdir())) == 1


@pytest.mark.parametrize(
    "question, other",
    [
        ((1,), (1.0,)),
        ((1,), ("1",)),
        ((True,), (1,)),
        (([1, 2], 3), ([1], 2, 3)),
        ((None,), ("None",)),
        (((),), ([],)),
        ((PIECES[0],), (PIECES[0].transpose(1),)),
        ((PIECES[0],), (Chorale(PIECES[0].pitches, name="other"),)),
        ((np.zeros(4),), (np.zeros((2, 2)),)),
        ((np.zeros(4),), (np.zeros(4, np.float32),)),
        (("ab", "c"), ("a", "bc")),
        ((Notation(composer="Bach"),), (Notation(composer="Bonn"),)),
    ],
)
def test_other_arguments_have_results_of_their_own(counted, question, other):
    answer, asked = counted
    assert [answer(*question), answer(*other), answer(*question), answer(*other)] == [1, 2, 1, 2]
    assert len(asked) == 2


def test_options_are_part_of_the_call(counted):
    answer, _ = counted
    assert [answer(), answer(seed=1), answer(seed=2), answer(count=1), answer(1)] == [1, 2, 3, 4, 5]


def test_model_is_known_by_its_weights(counted, new_chord_gru):
    answer, _ = counted
    one, same, other, deaf = (
        new_chord_gru(),
        new_chord_gru(),
        new_chord_gru(),
        new_chord_gru(hidden_dropout=0.1),
    )
    for model in (same, other, deaf):
        model.set_weights(one.get_weights())
    other.motion.assign_add(other.motion * 0 + 1e-3)
    assert [answer(one), answer(same), answer(other), answer(deaf)] == [1, 1, 2, 3]


def test_argument_that_cannot_be_hashed_is_refused(counted):
    with pytest.raises(TypeError, match="expected a plain value"):
        counted[0](object())


def test_result_that_cannot_be_saved_is_refused(tmp_path):
    with pytest.raises(
        TypeError, match="result of type tuple: expected a list of Chorale, a DataFrame or a float"
    ):
        cached(find_metre, tmp_path)(PIECES[0])
    assert not list(tmp_path.iterdir())


def test_function_whose_source_is_not_known_is_refused(tmp_path):
    with pytest.raises(TypeError, match="builtins.len: expected a function of chorale_utils"):
        cached(len, tmp_path)


@pytest.mark.parametrize(
    "function, ask, left",
    [
        (generate, lambda writes, model: writes(model, steps=4, seed=1), 200),
        (generate, lambda writes, model: writes(model, steps=4, seed=1), 0),
        (score_notes, lambda scores, model: scores(model, PIECES[:1]), 200),
        (negative_log_likelihood, lambda nats, model: nats(model, PIECES[:1]), 0),
    ],
    ids=["pieces", "none", "table", "number"],
)
def test_damaged_result_is_computed_again_with_a_warning(
    small_chord_gru, tmp_path, function, ask, left
):
    asked = cached(function, tmp_path)
    first = ask(asked, small_chord_gru)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:left])
    with pytest.warns(UserWarning, match=f"{path.name} is damaged .*: computing it again"):
        again = ask(asked, small_chord_gru)
    assert str(first) == str(again) and [one.name for one in tmp_path.iterdir()] == [path.name]
    assert str(ask(asked, small_chord_gru)) == str(first), "and now it is whole again"


def test_pieces_and_tables_of_the_package_are_the_same_when_they_come_back(
    small_chord_gru, tmp_path
):
    writes, scores = cached(generate, tmp_path), cached(score_notes, tmp_path)
    first, again = (writes(small_chord_gru, count=3, steps=8, seed=1) for _ in range(2))
    assert first is not again and list(first) == list(again) == list(
        generate(small_chord_gru, count=3, steps=8, seed=1)
    )
    pd.testing.assert_frame_equal(first.report, again.report)
    pd.testing.assert_frame_equal(scores(small_chord_gru, first), scores(small_chord_gru, again))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".npz", ".parquet"]


def test_model_by_its_path_is_that_of_the_weights_in_the_file(tmp_path):
    scores, path = cached(negative_log_likelihood, tmp_path / "cache"), tmp_path / "own.keras"
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        model = note_gru(width=4, layers=1)
        save_model(model, path)
        assert scores(path, PIECES[0]) == negative_log_likelihood(model, PIECES[0])
    assert scores(model, chorales=PIECES[0]) == scores(str(path), PIECES[0])
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_oldest_results_are_removed_and_other_files_stay(counted, tmp_path, monkeypatch):
    monkeypatch.setattr("chorale_utils.story.cache.MAX_RESULTS", 3)
    answer, asked = counted
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "my-own.npz").touch()
    for number in range(5):
        answer(number)
        for path in (tmp_path / "cache").iterdir():
            os.utime(
                path, ns=(0, path.stat().st_mtime_ns - 10**9)
            )  # however fast this machine is, one is the oldest
    assert (
        len(list((tmp_path / "cache").glob("answer-*"))) == 3
        and (tmp_path / "cache" / "my-own.npz").exists()
    )
    assert answer(4) == 5 and answer(0) == 6


def test_result_of_other_code_is_computed_again(counted, monkeypatch):
    answer, asked = counted
    answer(1)
    monkeypatch.setattr("chorale_utils.story.cache._source_digest", lambda: b"other code")
    assert answer(1) == 2 and len(asked) == 2
