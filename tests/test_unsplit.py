"""Chorales outside the split: no near-copy of a held-out piece is among them."""

import pytest

from chorale_utils.corpus.editions import read_manifest
from chorale_utils.corpus.passages import pairwise_containment
from chorale_utils.corpus.unsplit import (
    HELD_OUT_SHARE,
    TRAINING_SHARE,
    unsplit_chorales,
    unsplit_report,
)


@pytest.fixture(scope="module")
def taken(music21_corpus):
    return unsplit_chorales(music21_corpus, progress=False)


def test_none_is_in_the_split_and_all_have_fermatas(taken):
    names = {f"bach/{chorale.name}.mxl" for chorale in taken}
    assert len(names) == len(taken) == 14 and not names & set(read_manifest()["file"].dropna())
    assert all(chorale.fermatas.any() for chorale in taken)


def test_none_is_a_near_copy_of_a_held_out_or_a_training_piece_or_of_another(taken, music21_corpus):
    held_out = [*music21_corpus.valid, *music21_corpus.test]
    for others, most in ((held_out, HELD_OUT_SHARE), (music21_corpus.train, TRAINING_SHARE)):
        assert pairwise_containment(taken, others, 16).max() <= most
        assert pairwise_containment(others, taken, 16).max() <= most
    shares = pairwise_containment(taken, taken, 16)
    assert all(shares[one, :one].max(initial=0) <= TRAINING_SHARE for one in range(len(taken)))


def test_the_report_says_why_a_file_is_left_out(music21_corpus):
    report = unsplit_report(music21_corpus)
    assert report.loc["bwv366", "nearest"] == "bwv366" if "bwv366" in report.index else True
    copies = report[report["held_out"] > HELD_OUT_SHARE]
    assert len(copies) and not copies["taken"].any() and copies["nearest"].notna().all()
