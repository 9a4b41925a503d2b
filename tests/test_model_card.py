"""What is shipped tells where it comes from."""

import shutil

import numpy as np
import pandas as pd
import pytest

from chorale_utils import (
    Corpus,
    chord_gru,
    fit,
    fit_chords,
    load_model,
    negative_log_likelihood,
    note_gru,
    note_probs,
    save_model,
)
from chorale_utils.corpus.editions import JSB_SHA256
from chorale_utils.models import model_card
from chorale_utils.models.backend import keras

SHORT = {"steps": 64, "batch_size": 4, "tensorboard": False, "verbose": 0}


@pytest.fixture(scope="module")
def corpus(music21_corpus):
    """A few pieces that call themselves the exact edition (Corpus)."""
    parts = music21_corpus.train[:4], music21_corpus.valid[:4], music21_corpus.test[:3]
    return Corpus(*parts, "jsb")


@pytest.fixture(scope="module")
def cycle(corpus, tmp_path_factory):
    """(model, history, folder) of a strong model's training of three epochs."""
    folder = tmp_path_factory.mktemp("cycle")
    return *one_cycle(corpus, folder, learning_rate=0.01), folder


def one_cycle(corpus, folder, learning_rate):
    """(model, history) of a training of three epochs that is kept in a folder."""
    keras.utils.set_random_seed(3)
    model = chord_gru(width=8, embedding=4, heads=1, head_width=4, hidden=8)
    how = dict(validate_every=2, learning_rate=learning_rate, **SHORT)
    return model, fit_chords(model, corpus.train, corpus.valid, 3, folder, **how)


def test_card_holds_the_figures_and_settings_of_the_training_that_left_them(
    corpus, tmp_path, monkeypatch
):
    monkeypatch.setattr(model_card, "load_corpus", {"jsb": corpus}.get)
    monkeypatch.setattr(model_card, "corpus_fingerprint", {"jsb": {"sha256": JSB_SHA256}}.get)
    keras.utils.set_random_seed(3)
    model = note_gru(width=8, layers=1)
    options = {"window": 64, "batch_size": 4, "tensorboard": False, "verbose": 0}
    fit(model, corpus.train, corpus.valid, 2, tmp_path / "note_gru" / "first", **options)
    fit(
        model,
        corpus.train,
        corpus.valid,
        1,
        tmp_path / "note_gru" / "second",
        learning_rate=0.001,
        seed=1,
        **options,
    )
    save_model(model, tmp_path / "note_gru.keras")

    card = model_card.ship(tmp_path, destination=tmp_path / "shipped").read_text()
    assert f"{negative_log_likelihood(model, corpus.test):.4f}" in card
    assert (
        "learning_rate 0.01, seed 0; 2 epochs" in card
        and "learning_rate 0.001, seed 1; 1 epochs" in card
    )
    assert f"SHA-256 `{JSB_SHA256}`" in card
    assert "window 64" in card and f"{model.count_params():,} parameters" in card
    assert len(pd.read_csv(tmp_path / "shipped" / "note_gru_first.csv")) == 2
    pitches = corpus.test[0].pitches
    np.testing.assert_allclose(
        note_probs(load_model(tmp_path / "shipped" / "note_gru.keras"), pitches),
        note_probs(model, pitches),
        atol=1e-6,
    )


def test_card_of_the_strong_model_holds_both_figures_and_what_was_tried(
    corpus, cycle, tmp_path, monkeypatch
):
    monkeypatch.setattr(model_card, "load_corpus", {"jsb": corpus}.get)
    monkeypatch.setattr(model_card, "corpus_fingerprint", {"jsb": {"sha256": JSB_SHA256}}.get)
    folders = {"cycle": tmp_path / "chord_gru" / "cycle", "slower": tmp_path / "slower"}
    shipped, history, folder = cycle
    shutil.copytree(folder, folders["cycle"])
    best = history["val_nats"].iloc[-1]
    save_model(shipped, tmp_path / "chord_gru.keras")
    one_cycle(corpus, folders["slower"], learning_rate=0.001)

    card = model_card.ship(
        tmp_path,
        "chord_gru",
        tmp_path / "shipped",
        tried={"slower": folders["slower"]},
        remark="In the rain.",
    ).read_text()
    one_pass, averaged = (
        f"{negative_log_likelihood(shipped, corpus.test, transpositions=transpositions):.4f}"
        for transpositions in ([0], range(-2, 3))
    )
    assert "In the rain." in card
    assert f"| test | {one_pass} | {averaged} |" in card and one_pass != averaged
    table = pd.read_csv(tmp_path / "shipped" / "chord_gru_tried.csv", index_col="training")
    assert list(table.index) == ["slower", "shipped"], "the best last"
    assert list(table.columns) == ["learning_rate", "epochs", "minutes", "nats", "val_nats"], (
        "only what was varied"
    )
    assert table.loc["shipped", "val_nats"] == pytest.approx(best, abs=1e-4)
    assert f"| shipped | learning_rate 0.01 | 3 | {table.loc['shipped', 'minutes']:g} |" in card

    second = chord_gru(**shipped.sizes)
    fit_chords(
        second,
        corpus.train,
        corpus.valid,
        2,
        tmp_path / "chord_gru" / "second",
        after=folders["cycle"],
        **SHORT,
    )
    save_model(second, tmp_path / "chord_gru.keras")
    card = model_card.ship(
        tmp_path,
        "chord_gru",
        tmp_path / "shipped",
        tried={"first": folders["cycle"]},
        keep=["slower"],
    ).read_text()
    assert "* first cycle: epochs 3, " in card and "* second cycle: epochs 2, " in card
    assert len(pd.read_csv(tmp_path / "shipped" / "chord_gru_second.csv")) == 2
    again = pd.read_csv(tmp_path / "shipped" / "chord_gru_tried.csv", index_col="training")
    assert (
        set(again.index) == {"slower", "first", "shipped"}
        and again.loc["slower", "nats"] == table.loc["slower", "nats"]
    )
    assert again["after"].fillna("").to_dict() == {"slower": "", "first": "", "shipped": "first"}


def test_an_unfinished_training_is_not_told_as_tried(cycle, tmp_path):
    unfinished = shutil.copytree(cycle[2], tmp_path / "unfinished")
    history = pd.read_csv(unfinished / "history.csv", index_col="epoch")
    history.iloc[:1].to_csv(unfinished / "history.csv")
    with pytest.raises(ValueError, match="1 of 3 epochs done"):
        model_card.compare_trainings({"unfinished": unfinished})


def test_only_models_that_are_shipped_have_cards(tmp_path):
    with pytest.raises(ValueError, match="'lstm': expected one of note_gru, chord_gru"):
        model_card.ship(tmp_path, "lstm", tmp_path / "shipped")


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_card_on_anything_but_the_exact_archive_is_refused(kind, tmp_path, monkeypatch):
    own = tmp_path / "own"
    own.mkdir() if kind == "folder" else own.write_bytes(b"another")
    monkeypatch.setenv("JSB_CHORALES", str(own))
    with pytest.raises(
        ValueError,
        match=rf"own': (folder_)?sha256 \w{{64}}: expected the exact archive, sha256 {JSB_SHA256}",
    ):
        model_card.ship(tmp_path, destination=tmp_path / "shipped")
    assert not (tmp_path / "shipped").exists()
