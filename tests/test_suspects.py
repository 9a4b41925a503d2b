"""Errors that are made on purpose come first among the suspects."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import Chorale, load_corpus, suspicious_places
from chorale_utils.harmony.suspects import COLUMNS


@pytest.fixture(scope="module")
def few():
    """Twelve of the pieces as they are in their files, BWV 268 among them."""
    corpus = load_corpus("music21", progress=False, errata=False)
    return [*corpus.test[:6], corpus["bwv268"], corpus["bwv397"], *corpus.valid[:4]]


def test_bwv_268_ranks_first(few):
    table = suspicious_places(few)
    assert tuple(table.columns) == COLUMNS
    first = table.iloc[0]
    assert (first["rank"], first["piece"], first["bar"]) == (1, "bwv268", 4)
    assert "parallel fifths (tenor and bass)" in first["why"]
    assert 3 in first["voices"]
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert (table["weight"].diff().dropna() <= 0).all()


def test_what_was_corrected_is_a_suspect_no_more(few):
    right = load_corpus("music21", progress=False)
    table = suspicious_places([right["bwv268"], right["bwv253"]])
    assert not table["why"].str.contains("parallel").any()


def test_a_voice_that_has_lost_its_octave_is_found(few):
    piece = few[0]
    pitches = piece.pitches.copy()
    start, length, pitch = piece.notes(3)[6]
    pitches[start : start + length, 3] = pitch - 12
    table = suspicious_places(replace(piece, pitches=pitches))
    known = suspicious_places(piece)
    new = table[~table["why"].isin(known["why"])]
    assert new["why"].str.contains(r"leap \(bass\)").any()


def test_exchanged_voices_are_found(few):
    found = 0
    for piece in few[:4]:
        pitches = piece.pitches.copy()
        start = piece.pickup + piece.steps_per_bar
        pitches[start : start + 8, [1, 2]] = pitches[start : start + 8, [2, 1]]
        why = suspicious_places(replace(piece, pitches=pitches, notation=None))
        found += why["why"].str.contains("alto and tenor exchanged").any()
    assert found >= 2


def test_a_piece_without_notes_or_faults_has_no_suspects():
    silent = Chorale(np.zeros((8, 4), int))
    held = Chorale([[72, 67, 64, 48]] * 16)
    assert len(suspicious_places([silent, held])) == 0
