"""Grades: made of their parts, the same in every key, and better for Bach than for what is not by
him."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils import (
    compute_measures,
    describe_measures,
    explain_grade,
    format_report_card,
    grade,
    report_card,
    shuffled,
)
from chorale_utils.chorale import Chorale
from chorale_utils.judging.grading import POINTS, contributions
from chorale_utils.writing.grade_card import auc, with_random_notes


@st.composite
def chorales(draw, longest=30):
    steps = draw(st.integers(0, longest))
    return Chorale(
        draw(arrays(np.int64, (steps, 4), elements=st.one_of(st.just(0), st.integers(48, 72))))
    )


@pytest.fixture(scope="module")
def points():
    return pd.read_csv(POINTS, index_col="measure")


@settings(max_examples=40, deadline=None)
@given(chorales(), st.integers(-12, 12))
def test_transposing_changes_no_measure_but_range(chorale, semitones):
    one, other = (
        compute_measures([piece]).drop(columns="range")
        for piece in (chorale, chorale.transpose(semitones))
    )
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.lists(chorales(), max_size=3))
def test_measures_and_grades_are_finite_and_those_of_each_piece_alone(pieces):
    together = compute_measures(pieces)
    assert together.shape == (len(pieces), len(describe_measures())) and np.isfinite(together).all(
        axis=None
    )
    assert list(together.columns) == list(describe_measures().index)
    for number, piece in enumerate(pieces):
        np.testing.assert_allclose(
            together.iloc[[number]], compute_measures([piece]), rtol=1e-12, atol=1e-9
        )
    assert np.isfinite(grade(pieces)).all()


def test_unusual_pieces_are_measured_without_a_warning(unusual_pieces):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = compute_measures(
            [Chorale(pitches, name=name) for name, pitches in unusual_pieces.items()]
        )
    assert np.isfinite(table).all(axis=None) and list(table.index) == list(unusual_pieces)


def test_dissonance_and_open_ends_are_those_counted_by_hand():
    triad, six_four, suspended = [72, 67, 64, 48], [72, 64, 60, 43], [72, 65, 55, 48]
    first, second = (
        Chorale(np.repeat(rows, 4, axis=0))
        for rows in ([triad, six_four, suspended, triad], [triad, triad, six_four, [0, 0, 0, 0]])
    )
    table = compute_measures([first, second])
    assert table["dissonance"].tolist() == pytest.approx([500, 1000 / 3])
    assert table["open end"].tolist() == [0, 1000], "the last chord that sounds"


def test_the_grade_is_the_sum_of_its_parts(music21_corpus, points):
    pieces = music21_corpus.valid[:10]
    parts = explain_grade(pieces)
    assert list(parts.index) == [piece.name for piece in pieces] and list(parts.columns) == list(
        points.index
    )
    np.testing.assert_allclose(parts.sum(axis=1), grade(pieces))


def test_a_piece_usual_in_every_measure_has_grade_0_and_each_way_off_takes_points(points):
    usual = pd.DataFrame([points["usual"]])
    assert contributions(usual, points).abs().max(axis=None) < 1e-12
    assert (contributions(usual + 1e-3, points) <= 1e-12).all(axis=None), "rougher"
    dull = contributions(pd.DataFrame([points["low"] - 1e4]), points)
    assert np.allclose(dull, (points["high"] - points["usual"]) * points["points_per_unit"]), (
        "much smoother, cut"
    )


def test_shipped_points_belong_to_measures_and_none_rewards_faults(points):
    assert set(points.index) <= set(describe_measures().index) and list(points) == [
        "low",
        "high",
        "usual",
        "points_per_unit",
    ]
    assert (points["points_per_unit"] <= 0).all() and (
        (points["low"] <= points["usual"]) & (points["usual"] < points["high"])
    ).all()


def test_the_card_says_what_the_grade_does(music21_corpus):
    lines = POINTS.with_name("grade.md").read_text(encoding="utf-8").splitlines()
    rows = {
        cells[1]: cells
        for cells in (
            [cell.strip() for cell in line.split("|")] for line in lines if line.startswith("| ")
        )
    }
    bach = grade(music21_corpus.valid)
    assert np.median(bach) == pytest.approx(float(rows["valid"][3]), abs=0.02)
    for name, spoilt in (
        ("valid pieces shuffled", shuffled),
        ("valid pieces with random notes", with_random_notes),
    ):
        grades = grade([spoilt(piece, seed) for seed, piece in enumerate(music21_corpus.valid)])
        assert auc(bach, grades) == pytest.approx(float(rows[name][6]), abs=0.002)
        assert np.median(grades) == pytest.approx(float(rows[name][3]), abs=0.1)


@given(chorales(), st.integers(0, 5))
def test_shuffling_keeps_every_voice_its_pitches_and_the_length(chorale, seed):
    mixed = shuffled(chorale, seed)
    np.testing.assert_array_equal(np.sort(mixed.pitches, axis=0), np.sort(chorale.pitches, axis=0))
    np.testing.assert_array_equal(mixed.pitches, shuffled(chorale, seed).pitches)


def test_report_card_has_a_row_a_group_with_intervals_around_the_figures(music21_corpus):
    bach = music21_corpus.valid[:30]
    card = report_card(
        {"Bach": bach, "shuffled": [shuffled(piece, 0) for piece in bach]}, music21_corpus.train
    )
    assert list(card.index) == ["Bach", "shuffled"] and list(card["value"]["pieces"]) == [30, 30]
    assert set(describe_measures().index) | {"grade", "longest", "share", "repeated"} < set(
        card["value"].columns
    )
    assert (card["low"] <= card["value"] + 1e-9).all(axis=None) and (
        card["value"] <= card["high"] + 1e-9
    ).all(axis=None)
    assert card["low"].loc["Bach", "grade"] > card["high"].loc["shuffled", "grade"]
    assert card["value"].loc["Bach", "grade"] == pytest.approx(grade(bach).mean())
    text = format_report_card(card)
    assert text.loc["pieces", "Bach"] == "30" and text.loc["grade", "Bach"].count(" to ") == 1


def test_report_card_refuses_a_group_without_pieces():
    with pytest.raises(ValueError, match="group 'mine' has no chorales"):
        report_card({"mine": []})


def test_one_chorale_is_a_list_of_one(music21_corpus):
    chorale = music21_corpus["bwv66.6"]
    assert grade(chorale).tolist() == grade([chorale]).tolist()
    pd.testing.assert_frame_equal(explain_grade(chorale), explain_grade([chorale]))
    pd.testing.assert_frame_equal(compute_measures(chorale), compute_measures([chorale]))
    pd.testing.assert_frame_equal(
        report_card({"mine": chorale}, music21_corpus["bwv269"], resamples=5),
        report_card({"mine": [chorale]}, [music21_corpus["bwv269"]], resamples=5),
    )


def test_any_iterable_of_chorales_is_graded(music21_corpus):
    pieces = music21_corpus.valid[:3]
    expected = grade(pieces).tolist()
    assert grade(piece for piece in pieces).tolist() == expected
    assert grade({piece.name: piece for piece in pieces}.values()).tolist() == expected


@pytest.mark.parametrize("wrong", ["bwv66.6", Path("mine.mid"), None, np.zeros((16, 4), int)])
def test_what_is_no_chorale_is_refused_in_words(wrong):
    for ask in (grade, explain_grade, compute_measures, shuffled):
        with pytest.raises(TypeError, match="got a.*: expected a Chorale"):
            ask(wrong)
    with pytest.raises(TypeError, match="group 'mine': got a.*: expected a Chorale"):
        report_card({"mine": wrong})


def test_report_card_says_that_it_wants_a_dict_and_some_resamples():
    chorale = Chorale(np.full((8, 4), 60))
    for wrong in (chorale, [chorale], "mine"):
        with pytest.raises(TypeError, match="expected a dict of name -> chorales, such as {'Bach'"):
            report_card(wrong)
    with pytest.raises(ValueError, match="resamples=0: expected at least 1"):
        report_card({"mine": chorale}, resamples=0)
    with pytest.raises(TypeError, match=r"a str \('pitch'\) at place 0 of the DataFrame"):
        grade(pd.DataFrame({"pitch": [60]}))
