"""RomanText is written so that music21 reads it, and read as music21 reads it."""

from pathlib import Path

import numpy as np
import pytest
from music21 import converter
from music21.common import getCorpusFilePath

from chorale_utils import Chorale, analyse, load_corpus, to_romantext, write_romantext
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
    for chorale in load_corpus("music21", progress=False).valid[:10]:
        analysis = analyse(chorale)
        path = write_romantext(chorale, tmp_path / "new" / "piece.rntxt", analysis)
        readings = read_romantext(path, chorale)
        assert [each.step for each in readings] == analysis["start"].tolist()
        assert [each.key for each in readings] == analysis["key"].tolist()
        assert [canonical(each.figure) for each in readings] == analysis["numeral"].tolist()


def test_music21_reads_what_is_written():
    chorale = load_corpus("music21", progress=False)["bwv66.6"]
    analysis = analyse(chorale)
    read = converter.parse(to_romantext(chorale, analysis), format="romantext")
    chords = list(read.recurse().getElementsByClass("RomanNumeral"))
    heard = [chord for chord in chords if chord.tie is None or chord.tie.type == "start"]
    assert [chord.root().pitchClass for chord in heard] == analysis["root"].tolist()
    assert [chord.inversion() for chord in heard] == analysis["inversion"].tolist()
    assert [str(chord.key) for chord in heard] == analysis["key"].tolist()
    starts = [4 * chord.getOffsetInHierarchy(read) + chorale.pickup - 4 for chord in heard]
    assert np.diff(starts).tolist() == np.diff(analysis["start"]).tolist()


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
