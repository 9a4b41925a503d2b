"""Bars are the common time line of all parts: changes of metre and key, short bars, parts that do
not fill theirs."""

import numpy as np
import pytest
from music21 import bar, expressions, key, meter, note, repeat, spanner, stream, tempo

from chorale_utils import Bar, KeySignature, Tempo, from_melody, from_score


def measure(number, *quarters, pitch="C5", **marks):
    """A music21 Measure of notes of some lengths; marks are what stands at its beginning."""
    made = stream.Measure(number=number)
    for mark in marks.values():
        made.insert(0, mark)
    for length in quarters:
        made.append(note.Note(pitch, quarterLength=length))
    return made


def melody(*made):
    return from_melody(stream.Part(made), name="mine")


def four(*parts):
    """A score of four parts, each a list of lists of quarters, in 4/4."""
    score = stream.Score()
    for name, pitch, bars in zip(
        ("Soprano", "Alto", "Tenor", "Bass"), ("C5", "G4", "E4", "C3"), parts
    ):
        made = stream.Part(
            [measure(number, *quarters, pitch=pitch) for number, quarters in enumerate(bars, 1)]
        )
        made.measure(1).insert(0, meter.TimeSignature("4/4"))
        made.partName = name
        score.insert(0, made)
    return score


def test_metre_changes_where_the_page_says_so():
    read = melody(
        measure(1, 4, metre=meter.TimeSignature("4/4")),
        measure(2, 3, metre=meter.TimeSignature("3/4")),
        measure(3, 3),
        measure(4, 2.5, metre=meter.TimeSignature("5/8")),
    )
    assert [(b.start, b.steps, b.time_signature) for b in read.notation.bars] == [
        (0, 16, "4/4"),
        (16, 12, "3/4"),
        (28, 12, "3/4"),
        (40, 10, "5/8"),
    ]
    assert (read.time_signature, read.pickup) == ("4/4", 0)


def test_short_bar_inside_stays_short_and_later_ones_where_they_were():
    read = melody(measure(1, 4, metre=meter.TimeSignature("4/4")), measure(2, 3), measure(3, 4))
    assert [(b.number, b.start, b.steps, b.offset) for b in read.notation.bars] == [
        (1, 0, 16, 0),
        (2, 16, 12, 0),
        (3, 28, 16, 0),
    ]


def test_two_halves_of_a_bar_at_the_end_of_a_line_are_one_bar_in_two_pieces():
    read = melody(
        measure(0, 1, metre=meter.TimeSignature("4/4")),
        measure(1, 3),
        measure(2, 1),
        measure(3, 4),
        measure(4, 3),
    )
    assert [(b.steps, b.offset) for b in read.notation.bars] == [
        (4, 12),
        (12, 0),
        (4, 12),
        (16, 0),
        (12, 0),
    ]


def test_part_with_an_incomplete_bar_is_silent_for_the_rest_and_named():
    parts = [[[4], [4], [4]] for _ in range(4)]
    parts[1] = [[4], [1, 1], [4]]
    with pytest.warns(UserWarning, match="mine: bar 2, Alto: 2 of 4 quarters are written"):
        read = from_score(four(*parts), name="mine")
    assert read.notes(1).tolist() == [[0, 16, 67], [16, 4, 67], [20, 4, 67], [32, 16, 67]]
    assert [b.start for b in read.notation.bars] == [0, 16, 32]


def test_part_that_ends_before_the_others_is_silent_and_named():
    parts = [[[4], [4]] for _ in range(4)]
    parts[3] = [[4]]
    with pytest.warns(UserWarning, match="mine: bar 2, Bass: 0 of 4 quarters are written"):
        read = from_score(four(*parts), name="mine")
    assert read.notes(3).tolist() == [[0, 16, 48]] and len(read) == 32


def test_bar_that_all_parts_leave_short_is_no_fault():
    read = from_score(four(*[[[4], [3], [4]] for _ in range(4)]))
    assert [b.steps for b in read.notation.bars] == [16, 12, 16]


def test_bar_that_holds_more_than_its_metre_is_read_and_named():
    with pytest.warns(UserWarning, match="mine: bar 2: 5 quarters in 4/4: read as a bar of 5/4"):
        read = melody(measure(1, 4, metre=meter.TimeSignature("4/4")), measure(2, 5), measure(3, 4))
    assert [(b.steps, b.time_signature) for b in read.notation.bars] == [
        (16, "4/4"),
        (20, "5/4"),
        (16, "4/4"),
    ]


def test_key_changes_and_modes_are_kept():
    read = melody(
        measure(1, 4, metre=meter.TimeSignature("4/4"), key=key.Key("d", "dorian")),
        measure(2, 4, key=key.Key("d", "dorian")),
        measure(3, 4, key=key.KeySignature(-2)),
    )
    assert read.notation.keys == (KeySignature(0, 0, "dorian"), KeySignature(32, -2, None))
    assert read.key == "d dorian"


def test_signs_of_a_score_made_in_music21_are_kept():
    bars = [measure(number, 4) for number in range(1, 6)]
    bars[0].insert(0, meter.TimeSignature("4/4"))
    bars[0].insert(0, tempo.MetronomeMark("Lento", 60))
    bars[0].rightBarline = bar.Repeat(direction="end", times=3)
    bars[1].leftBarline = bar.Repeat(direction="start")
    bars[2].rightBarline = bar.Repeat(direction="end")
    bars[3].append(repeat.DaCapoAlFine())
    bars[1].append(repeat.Fine())
    bars[4].rightBarline = bar.Barline("final")
    part = stream.Part(bars)
    part.insert(0, spanner.RepeatBracket(bars[2], number=1))
    part.insert(0, spanner.RepeatBracket(bars[3], number=2))
    read = from_melody(part).notation
    assert read.bars == (
        Bar(0, 16, "4/4", repeat_end=3),
        Bar(16, 16, "4/4", number=2, repeat_begin=True, marks=("fine",)),
        Bar(32, 16, "4/4", number=3, repeat_end=2, endings=(1,)),
        Bar(48, 16, "4/4", number=4, endings=(2,), marks=("da capo al fine",)),
        Bar(64, 16, "4/4", number=5),
    )
    assert read.tempos == (Tempo(0, 60.0, "Lento"),)
    assert read.playing_order() == [0, 0, 0, 1, 2, 1, 3, 0, 1]


def test_tempo_of_a_part_that_is_not_sung_holds_for_all():
    score = four(*[[[4]] for _ in range(4)])
    organ = stream.Part([measure(1, 4, tempo=tempo.MetronomeMark(number=90))])
    organ.partName = "Organ"
    score.insert(0, organ)
    with pytest.warns(UserWarning, match="left out: Organ"):
        assert from_score(score, name="mine").notation.tempos == (Tempo(0, 90.0),)


def test_bars_without_numbers_are_counted():
    read = melody(measure(0, 1, metre=meter.TimeSignature("3/4")), measure(0, 3), measure(0, 2))
    assert [b.number for b in read.notation.bars] == [0, 1, 2]


def test_music_without_bars_is_divided_by_its_metre():
    part = stream.Part([meter.TimeSignature("3/4"), *(note.Note("C5") for _ in range(7))])
    read = from_melody(part)
    assert [(b.start, b.steps) for b in read.notation.bars] == [(0, 12), (12, 12), (24, 4)]


@pytest.mark.parametrize(
    "lengths, expected",
    [
        ([1, 3, 3, 3, 2], [("3/4", 4), ("3/4", 12), ("3/4", 12), ("3/4", 12), ("3/4", 8)]),
        ([4, 4, 6, 4], [("4/4", 16), ("4/4", 16), ("6/4", 24), ("4/4", 16)]),
        ([4, 2.5, 4, 4], [("4/4", 16), ("5/8", 10), ("4/4", 16), ("4/4", 16)]),
    ],
)
def test_bar_lines_without_a_metre_are_kept(lengths, expected):
    bars = [measure(number, length) for number, length in enumerate(lengths, 1)]
    bars[1].rightBarline = bar.Repeat(direction="end")
    read = from_melody(stream.Part(bars))
    assert [(b.time_signature, b.steps) for b in read.notation.bars] == expected
    assert read.notation.bars[1].repeat_end == 2


def test_piece_without_a_metre_or_bar_lines_has_no_bars():
    read = from_melody(stream.Part([measure(1, 4, 3, 2)]))
    assert (read.notation.bars, read.time_signature, len(read)) == ((), None, 36)


def test_fermatas_and_words_come_with_steps_of_the_time_line():
    bars = [measure(1, 4, metre=meter.TimeSignature("4/4")), measure(2, 3), measure(3, 4)]
    last = bars[2].notes[0]
    last.lyric = "end"
    last.expressions.append(expressions.Fermata())
    read = melody(*bars)
    assert np.flatnonzero(read.fermatas).tolist() == list(range(28, 44))
    assert [(word.step, word.text) for word in read.notation.words] == [(28, "end")]
