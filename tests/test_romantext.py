"""RomanText is written so that music21 reads it, and read as music21 reads it."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings, strategies as st
from music21 import converter
from music21.common import getCorpusFilePath

from chorale_utils import (
    Bar,
    Chorale,
    Notation,
    analyse,
    load_corpus,
    to_romantext,
    write_romantext,
)
from chorale_utils.chorale import steps_per_bar
from chorale_utils.harmony.romantext import canonical, read_romantext, sounding

ANALYSES = Path(getCorpusFilePath(), "bach", "choraleAnalyses")


@pytest.fixture
def page():
    """A Chorale of four bars of 4/4 after a pickup of a quarter."""
    return Chorale(np.tile([72, 67, 64, 48], (68, 1)), time_signature="4/4", pickup=4)


def written(tmp_path, *lines):
    path = tmp_path / "analysis.rntxt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def places(readings):
    return [(each.step, each.key, each.figure) for each in readings]


def test_what_is_written_is_read_again(tmp_path):
    bach = load_corpus("music21", progress=False)
    for chorale in [*bach.valid[:8], bach["bwv382"]]:
        analysis = analyse(chorale)
        path = write_romantext(chorale, tmp_path / "new" / "piece.rntxt", analysis)
        readings = read_romantext(path, chorale)
        assert [each.step for each in readings] == analysis["start"].tolist()
        assert [each.key for each in readings] == analysis["key"].tolist()
        assert [canonical(each.figure) for each in readings] == analysis["numeral"].tolist()


def read_by_music21(text):
    """(step from the first chord, key, numeral, root, inversion) of each chord."""
    read = converter.parse(text, format="romantext")
    chords = list(read.recurse().getElementsByClass("RomanNumeral"))
    heard = [chord for chord in chords if chord.tie is None or chord.tie.type == "start"]
    steps = [4 * chord.getOffsetInHierarchy(read) for chord in heard]
    return [
        (step - steps[0], str(each.key), canonical(each.figure), each.root().pitchClass)
        for step, each in zip(steps, heard)
    ]


def as_rows(analysis):
    columns = analysis[["start", "key", "numeral", "root"]]
    return [tuple(row) for row in columns.itertuples(index=False)]


def changes(rows):
    """The rows without those that say again what the one before says."""
    return [row for row, before in zip(rows, [None, *rows]) if not before or row[1:] != before[1:]]


@pytest.mark.parametrize(
    "name",
    [
        "bwv66.6",  # with a pickup
        "bwv10.7",
        "bwv327",  # 3/4, with a divided bar
        "bwv41.6",  # 4/4, then 3/4, then 4/4 again
        "bwv276",  # with a bar of one beat
        "bwv261",  # and one of two
        "bwv382",  # its page numbers bars 10, 11, 10, 11
        "bwv113.8",  # whose pickup is bar 1
    ],
)
def test_music21_reads_each_numeral_at_its_place(name):
    chorale = load_corpus("music21", progress=False)[name]
    analysis = analyse(chorale)
    assert changes(read_by_music21(to_romantext(chorale, analysis))) == changes(as_rows(analysis))


@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(data=st.data())
def test_music21_reads_each_numeral_at_its_place_in_any_metre(data):
    metres = st.sampled_from(["4/4", "3/4", "2/2", "3/2", "6/8", "9/8", "3/8", "6/4", "5/4", "2/4"])
    whole = load_corpus("music21", progress=False).valid[data.draw(st.integers(0, 4))]
    metre = data.draw(metres)
    beats = st.integers(0, steps_per_bar(metre) // 2 - 1)
    bars, at = [], 0
    if pickup := 2 * data.draw(beats):
        bars, at = [Bar(0, pickup, metre, steps_per_bar(metre) - pickup, 0)], pickup
    while at < 160:
        number = len(bars) + (not pickup)
        bars.append(Bar(at, steps_per_bar(metre), metre, 0, number))
        at = bars[-1].stop
        if data.draw(st.integers(0, 3)) == 0:
            metre = data.draw(metres)
    first = bars[0].time_signature
    chorale = Chorale(
        np.resize(whole.pitches, (at, 4)),
        time_signature=first,
        pickup=pickup,
        notation=Notation(tuple(bars)),
    )
    analysis = analyse(chorale)
    text = to_romantext(chorale, analysis)
    assert changes(read_by_music21(text)) == changes(as_rows(analysis))


def test_keys_beats_pivots_and_variants_are_read(tmp_path, page):
    path = written(
        tmp_path,
        "Composer: nobody",
        "Time Signature: 4/4",
        "Note: m1 is no bar",
        "m0 b4 Bb: I",
        "m1 vi b2.5 V6/5/V || b3 I F: IV b4 f#: viio7/V",
        "m1var1 I b2 I",
        "m3 bb: i b3 It6",
    )
    assert places(read_romantext(path, page)) == [
        (0, "B- major", "I"),
        (4, "B- major", "vi"),
        (10, "B- major", "V6/5/V"),
        (12, "F major", "IV"),
        (16, "f# minor", "viio7/V"),
        (36, "b- minor", "i"),
        (44, "b- minor", "It6"),
    ]


def test_bars_are_copied_and_metres_change(tmp_path, page):
    path = written(
        tmp_path, "m1 C: I b3 V", "m2 = m1", "m3-3 = m1-1", "Time signature: 3/4", "m4 IV", "m5 I"
    )
    with pytest.raises(ValueError, match="expected bars to copy"):
        read_romantext(written(tmp_path, "m1 C: I", "m2-3 = m7-8"), page)
    path = written(
        tmp_path, "m1 C: I b3 V", "m2-2 = m1-1", "Time signature: 3/4", "m3 IV b3 V", "m4 I"
    )
    assert [each.step for each in read_romantext(path, page)] == [4, 12, 20, 28, 36, 44, 48]
    with pytest.raises(ValueError, match="no bars"):
        read_romantext(written(tmp_path, "Time Signature: 4/4"), page)


def test_music21s_own_analyses_are_read_as_music21_reads_them():
    path = ANALYSES / "riemenschneider004.rntxt"
    pickup = Chorale(np.tile([72, 67, 64, 48], (164, 1)), time_signature="4/4", pickup=4)
    readings = read_romantext(path, pickup)
    read = converter.parse(path, format="romantext").recurse().getElementsByClass("RomanNumeral")
    sounds = [chord.root().pitchClass for chord in read if chord.quarterLength]
    ours = [sounding(each.figure, each.key)[1] for each in readings]
    assert len(set(ours)) == len(set(sounds))
    assert ours[:20] == sounds[:20]


def test_a_figure_has_one_spelling():
    for figure, spelt in (
        ("V6/5/V", "V65/V"),
        ("V2", "V42"),
        ("vii/o4/3", "viiø43"),
        ("viio6/4", "viio64"),
        ("IVmaj6/5", "IV65"),
        ("III+maj7", "III+7"),
        ("V5/3", "V"),
        ("bVII7[maj7]", "bVII7"),
        ("V6/5/V/III", "V65/V/III"),
        ("Ger6/5", "Ger65"),
    ):
        assert canonical(figure) == spelt
        assert canonical(spelt) == spelt
    with pytest.raises(ValueError, match="expected a Roman numeral"):
        canonical("H7")
