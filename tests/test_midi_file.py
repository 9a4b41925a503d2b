"""Bars, places and names as a MIDI file tells them."""

import mido
import numpy as np
import pytest
from made_midi import QUARTERS, bars_of, metre, midi

from chorale_utils import load_melody


@pytest.mark.parametrize(
    "metas, expected",
    [
        ([(0, "4/4"), (16, "3/4"), (40, "4/4")], [(1, 16, "4/4", 0), (2, 12, "3/4", 0)]),
        ([(0, "1/4"), (4, "4/4")], [(0, 4, "4/4", 12), (1, 16, "4/4", 0)]),
        ([(0, "3/4"), (24, "4/4")], [(1, 12, "3/4", 0), (2, 12, "3/4", 0), (3, 16, "4/4", 0)]),
        ([(0, "2/4"), (8, "4/4"), (24, "2/4"), (32, "4/4")], [(1, 8, "2/4", 0), (2, 16, "4/4", 0)]),
    ],
)
def test_metre_changes_where_the_file_says_so_and_no_pickup_is_invented(tmp_path, metas, expected):
    path = midi(tmp_path / "x.mid", [("", 0, QUARTERS)], [metre(*meta) for meta in metas])
    read = load_melody(path)
    assert bars_of(read)[: len(expected)] == expected
    assert read.pickup == (expected[0][1] if expected[0][3] else 0)
    assert sum(bar[1] for bar in bars_of(read)) == 64


def test_three_beats_before_the_first_bar_line_are_a_pickup_where_the_last_bar_completes_them(
    tmp_path,
):
    path = midi(tmp_path / "x.mid", [("", 0, QUARTERS)], [metre(0, "3/4"), metre(12, "4/4")])
    assert load_melody(path).pickup == 12
    path = midi(tmp_path / "y.mid", [("", 0, QUARTERS[:15])], [metre(0, "3/4"), metre(12, "4/4")])
    read = load_melody(path)
    assert bars_of(read)[:2] == [(1, 12, "3/4", 0), (2, 16, "4/4", 0)] and read.pickup == 0


def test_bar_in_two_halves_and_a_last_one_that_completes_the_pickup_are_no_new_metres(tmp_path):
    metres = [(0, "1/4"), (4, "4/4"), (20, "3/4"), (32, "1/4"), (36, "4/4"), (52, "3/4")]
    path = midi(tmp_path / "x.mid", [("", 0, QUARTERS)], [metre(*one) for one in metres])
    assert bars_of(load_melody(path)) == [
        (0, 4, "4/4", 12),
        (1, 16, "4/4", 0),
        (2, 12, "4/4", 0),
        (2, 4, "4/4", 12),
        (3, 16, "4/4", 0),
        (4, 12, "4/4", 0),
    ]


def test_places_are_told_by_the_bars_of_the_file(tmp_path):
    tune = [(0, 16, 60), (16, 28, 62), (28, 30.5, 64), (30.5, 44, 65)]
    metas = [metre(0, "4/4"), metre(16, "3/4"), metre(28, "4/4")]
    with pytest.raises(ValueError, match="bar 3, beat 1.62, melody"):
        load_melody(midi(tmp_path / "x.mid", [("", 0, tune)], metas))


def test_copyright_and_title_are_read(tmp_path):
    metas = [
        (0, mido.MetaMessage("track_name", name="Grüß Gott")),
        (0, mido.MetaMessage("copyright", text="© me")),
    ]
    read = load_melody(midi(tmp_path / "x.mid", [("", 0, QUARTERS)], metas))
    assert (read.title, read.notation.copyright) == ("Grüß Gott", "© me")
    assert read.notation.spelling is None and np.all(read.pitches[:4, 0] == 60)
