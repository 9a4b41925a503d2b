"""Distributions: what is count_values, how far apart, and how surprising."""

import numpy as np
import pandas as pd
import pytest

from chorale_utils import DISTRIBUTIONS, distributions, divergence, shuffled
from chorale_utils.chorale import Chorale
from chorale_utils.judging.grid import Grid
from chorale_utils.judging.style import (
    PSEUDOCOUNT,
    _bach_counts,
    count_values,
    surprise,
    write_bach,
)


def test_distributions_of_a_small_piece_are_those_counted_by_hand():
    rows = np.repeat([[72, 67, 64, 48], [71, 67, 62, 43], [72, 67, 64, 48]], 4, axis=0)
    tables = distributions([Chorale(rows, key="C major")])
    assert tables["intervals"].loc["soprano"].to_dict() == {
        -5: 0,
        -2: 0,
        -1: 0.5,
        1: 0.5,
        2: 0,
        5: 0,
    }
    assert list(tables["intervals"].index) == ["soprano", "tenor", "bass"], "the alto does not move"
    assert tables["rhythm"].loc["alto"].to_dict() == {4: 0, 12: 1}
    assert tables["chords"].loc["on the beat"].to_dict() == {"0 4 7": 1}
    assert tables["basses"].loc["0 4 7"].to_dict() == {5: 0.5, 7: 0.5}
    assert tables["degrees"].loc["major"].to_dict() == {0: 0.4, 2: 0.1, 4: 0.2, 7: 0.2, 11: 0.1}
    assert (
        tables["changes"].loc["1st", "STB"] == pytest.approx(2 / 3)
        and tables["changes"].loc["2nd", "-"] == 1
    )


def test_divergence_is_0_from_oneself_1_from_what_has_nothing_in_common_else_between(
    music21_corpus,
):
    pieces = music21_corpus.valid[:20]
    np.testing.assert_allclose(divergence(pieces, pieces[::-1])["divergence"], 0, atol=1e-12)
    low, high = (
        Chorale(np.full((8, 4), 60), key="C major"),
        Chorale(np.full((20, 4), 66), key="c minor"),
    )
    assert divergence([low], [high]).loc[["rhythm", "degrees"], "divergence"].tolist() == [1, 1]
    apart = divergence([shuffled(piece, 1) for piece in pieces], pieces)
    assert ((0 < apart["divergence"]) & (apart["divergence"] < 1)).all()


def test_held_out_bach_is_nearer_to_bach_than_shuffled_bach_by_more_than_their_intervals(
    music21_corpus,
):
    bach = divergence(music21_corpus.valid, music21_corpus.train)
    chance = divergence(
        [shuffled(piece, 1) for piece in music21_corpus.valid], music21_corpus.train
    )
    touched = ["intervals", "chords", "changes", "basses"]
    assert (bach["high"] < chance["low"])[touched].all()
    for table in (bach, chance):
        assert (
            (table["low"] <= table["divergence"]) & (table["divergence"] <= table["high"])
        ).all()
    pd.testing.assert_frame_equal(bach, divergence(music21_corpus.valid, music21_corpus.train))


def test_surprise_is_the_mean_of_minus_log_p_under_the_counts(music21_corpus):
    bach = count_values(music21_corpus.train[:20])
    chorale = music21_corpus.valid[3]
    nats, events = surprise(Grid([chorale]), bach)
    counts = bach["rhythm"] + PSEUDOCOUNT
    expected = [
        -np.log(counts[voice, min(length, 17) - 1] / counts[voice].sum())
        for voice in range(4)
        for _, length, _ in Chorale(chorale.pitches).notes(voice)
    ]
    assert nats.loc[0, "rhythm"] == pytest.approx(sum(expected)) and events.loc[0, "rhythm"] == len(
        expected
    )


def test_what_is_bach_counts_is_what_is_counted_in_the_training_pieces(music21_corpus, tmp_path):
    assert set(_bach_counts()) == set(DISTRIBUTIONS)
    for name, counts in count_values(music21_corpus.train).items():
        np.testing.assert_array_equal(counts, _bach_counts()[name], name)
    assert (
        write_bach(music21_corpus.train, tmp_path / "bach.csv")
        .read_text()
        .startswith("distribution,context,value,count\nintervals,soprano,")
    )


def test_no_chorales_have_no_divergence():
    with pytest.raises(ValueError, match="0 chorales and 1 for reference"):
        divergence([], [Chorale(np.full((8, 4), 60))])


def test_one_chorale_is_a_list_of_one(music21_corpus):
    one, other = music21_corpus.valid[:2]
    for table, alone in zip(distributions([one]).values(), distributions(one).values()):
        pd.testing.assert_frame_equal(table, alone)
    for name, counts in count_values([one]).items():
        np.testing.assert_array_equal(counts, count_values(one)[name])
    pd.testing.assert_frame_equal(
        divergence([one], [other], resamples=5), divergence(one, other, resamples=5)
    )


def test_what_cannot_be_compared_is_refused_in_words():
    chorale = Chorale(np.full((8, 4), 60))
    with pytest.raises(TypeError, match=r"got a str \('bwv66.6'\): expected a Chorale"):
        distributions("bwv66.6")
    with pytest.raises(TypeError, match=r"got a NoneType \(None\): expected a Chorale"):
        divergence(chorale, None)
    with pytest.raises(ValueError, match="resamples=0: expected at least 1"):
        divergence(chorale, chorale, resamples=0)
