"""Phrasing: struck notes, ties, endings, fermatas."""

import numpy as np
import pytest

from chorale_utils import Chorale, heard_key
from chorale_utils.judging.phrasing import ends_on_tonic, phrasing
from chorale_utils.keys import (
    tonic_and_mode,
)


def held(steps=32, **about):
    onsets = np.zeros((steps, 4), bool)
    onsets[0] = True
    return Chorale(np.tile([72, 67, 64, 48], (steps, 1)), onsets=onsets, **about)


def test_a_note_that_is_held_is_tied_over_every_bar_line_and_a_struck_one_over_none():
    piece = held(time_signature="4/4", key="C major")
    struck = np.zeros((32, 4), bool)
    struck[[0, 16]] = True
    again = Chorale(piece.pitches, onsets=struck, time_signature="4/4", key="C major")
    table = phrasing({"held": [piece], "struck": [again], "no bars": [held(key="C major")]})
    assert table["ties_bass"].tolist()[:2] == [1, 0] and np.isnan(table["ties_bass"].iloc[2])


def test_notes_are_counted_for_each_one_of_the_soprano():
    onsets = np.zeros((8, 4), bool)
    onsets[0] = True
    onsets[4, 3] = True
    piece = Chorale(np.tile([72, 67, 64, 48], (8, 1)), onsets=onsets, key="C major")
    row = phrasing({"piece": [piece]}).iloc[0]
    assert (row["notes_alto"], row["notes_bass"]) == (1, 2)


@pytest.mark.parametrize(
    "chord, key, expected",
    [
        ([72, 67, 64, 48], "C major", True),
        ([72, 67, 64, 52], "C major", False),  # first inversion
        ([72, 67, 63, 48], "c minor", True),
        ([72, 67, 64, 48], "c minor", True),  # the major third that ends pieces in minor
        ([72, 67, 63, 48], "C major", False),
        ([72, 70, 64, 48], "C major", False),
        ([71, 67, 62, 43], "C major", False),
        ([72, 72, 60, 48], "C major", True),
    ],
)
def test_ends_on_the_tonic_in_root_position(chord, key, expected):
    assert ends_on_tonic([Chorale([chord] * 4, key=key)]).tolist() == [expected]


def test_the_last_chord_that_sounds_is_the_end_and_silence_is_none():
    rest = [[0] * 4] * 4
    ends = Chorale([[72, 67, 64, 48]] * 4 + rest, key="C major")
    assert ends_on_tonic([ends, Chorale(rest, key="C major")]).tolist() == [True, False]


def test_a_fermata_is_consonant_once_its_suspension_has_resolved():
    chords = [[71, 67, 62, 43]] * 4 + [[72, 65, 64, 48]] * 2 + [[72, 64, 64, 48]] * 2
    fermatas = np.arange(8) >= 4
    row = phrasing({"piece": [Chorale(chords, fermatas=fermatas, key="C major")]}).iloc[0]
    assert row["consonant"] == 1 and row["cadence"] == 1
    clash = [[71, 67, 62, 43]] * 4 + [[72, 71, 64, 48]] * 4
    row = phrasing({"piece": [Chorale(clash, fermatas=fermatas, key="C major")]}).iloc[0]
    assert row["consonant"] == 0


def test_bachs_own_phrases_are_as_the_theory_books_say(music21_corpus):
    row = phrasing({"Bach": music21_corpus.valid}).iloc[0]
    assert row["consonant"] > 0.97 and row["cadence"] > 0.93
    assert 1.1 < row["notes_alto"] < row["notes_tenor"] < row["notes_bass"] < 1.3
    assert row[["ties_alto", "ties_tenor", "ties_bass"]].max() < 0.1


def test_bach_ends_nine_in_ten_pieces_in_minor_with_the_major_third(music21_corpus):
    thirds = []
    for piece in music21_corpus.train:
        tonic, minor = tonic_and_mode(heard_key(piece))
        degrees = np.where(piece.pitches > 0, (piece.pitches.astype(int) - tonic) % 12, -1)
        if minor:
            assert not ((degrees == 3).any(axis=1) & (degrees == 4).any(axis=1)).any(), piece.name
            last = set(degrees[piece.pitches.any(axis=1)][-1])
            thirds += [4 in last] * bool({3, 4} & last)
    assert len(thirds) > 80 and 0.88 < np.mean(thirds) < 0.96
