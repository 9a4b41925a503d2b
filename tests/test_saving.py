"""Saving and loading: what comes back, what is refused, and a model by its name or path."""

import re
import subprocess
import sys

import numpy as np
import pytest

from chorale_utils import load_model, note_gru, note_probs, save_model, weights_hash
from chorale_utils.models.backend import keras
from chorale_utils.models.saving import PRETRAINED, as_model


@pytest.fixture(scope="module")
def pitches(music21_corpus):
    return music21_corpus.valid[0].pitches[:24].copy()


def test_a_saved_model_comes_back_the_same_without_optimizer(each_model, pitches, tmp_path):
    each_model.compile("adam", "sparse_categorical_crossentropy")
    save_model(each_model, tmp_path / "new folder" / "model.keras")
    loaded = load_model(tmp_path / "new folder" / "model.keras")
    assert loaded.get_config() == each_model.get_config() and not loaded.compiled
    np.testing.assert_allclose(
        note_probs(loaded, pitches), note_probs(each_model, pitches), atol=1e-6
    )
    assert [path.name for path in (tmp_path / "new folder").iterdir()] == ["model.keras"], (
        "nothing left beside it"
    )


def test_a_model_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(FileNotFoundError, match=r"'bach_himself'.*note_gru"):
        load_model("bach_himself")
    with pytest.raises(ValueError, match="ends in .keras"):
        save_model(note_gru(width=2), "model.h5")


def test_shipped_weights_are_the_classic_with_a_card():
    assert load_model("note_gru").count_params() == 238_891
    assert (PRETRAINED / "note_gru.md").is_file()
    assert (PRETRAINED / "note_gru.keras").stat().st_size < 10e6


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
def test_a_model_is_found_by_its_name_in_a_new_process(name):
    code = f"from chorale_utils import load_model; print(load_model({name!r}).name)"
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert ended.stdout.strip() == name, ended.stderr


def test_weights_are_told_apart_by_their_file(tmp_path):
    (tmp_path / "own.keras").write_bytes(b"weights")
    assert weights_hash(tmp_path / "own.keras") == "9a129038d9a0"
    assert re.fullmatch("[0-9a-f]{12}", weights_hash("chord_gru"))


def test_a_model_is_itself_and_one_of_a_name_or_path_is_loaded_once(tmp_path):
    own = note_gru(width=3, layers=1)
    path = tmp_path / "own.keras"
    save_model(own, path)
    assert as_model(own) is own
    assert as_model("note_gru") is as_model(PRETRAINED / "note_gru.keras")
    assert as_model("note_gru") is not load_model("note_gru"), "which may be trained further"
    assert as_model(path) is as_model(str(path))
    for one, other in zip(as_model(path).get_weights(), own.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_a_file_that_has_changed_is_loaded_again(tmp_path):
    path = tmp_path / "own.keras"
    save_model(note_gru(width=3, layers=1), path)
    before = as_model(path)
    save_model(note_gru(width=4, layers=1), path)
    assert (before.sizes["width"], as_model(path).sizes["width"]) == (3, 4)


def test_a_shipped_model_is_saved_by_its_name(tmp_path):
    save_model("note_gru", tmp_path / "copy.keras")
    assert load_model(tmp_path / "copy.keras").count_params() == 238_891


@pytest.mark.parametrize("wrong", [3, None, note_gru, keras.Sequential()], ids=type)
def test_what_is_no_model_is_refused_with_what_would_be_one(wrong):
    with pytest.raises(
        TypeError, match=r"model .*: expected a ChoraleModel, .*chord_gru, note_gru"
    ):
        as_model(wrong)


@pytest.mark.parametrize("load", [load_model, as_model, weights_hash])
def test_a_name_or_path_without_a_file_is_refused_alike(load):
    with pytest.raises(FileNotFoundError, match=r"'no/such.keras': expected .*'chord_gru'"):
        load("no/such.keras")


def test_a_damaged_file_and_one_of_another_model_are_refused_in_words(tmp_path):
    shipped = (PRETRAINED / "note_gru.keras").read_bytes()
    for content in (b"", b"notes", shipped[: len(shipped) // 2]):
        (tmp_path / "torn.keras").write_bytes(content)
        with pytest.raises(ValueError, match=r"torn.keras: cannot read a model from this file \("):
            load_model(tmp_path / "torn.keras")
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "other.keras")
    with pytest.raises(ValueError, match="other.keras holds a Sequential: expected a ChoraleModel"):
        load_model(tmp_path / "other.keras")
