"""Marks: in colour, with numbers and a legend, in every format of a score."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from chorale_utils import Chorale, load_chorale, show, show_score, write_score
from chorale_utils.notation.fault_marks import Entry, Mark, Marks

PIECE = Chorale(
    np.repeat([[72, 67, 64, 48], [74, 67, 65, 50]] * 4, 4, axis=0), "piece", time_signature="4/4"
)
MARKS = Marks(
    (Mark(4, 0, (3,), "#C00000"), Mark(20, 3, (3, 7), "#0B5394")),
    (
        Entry(3, "#C00000", "range", "bar 1, beat 2: C\u266f is too high."),
        Entry(7, "#0B5394", "leap", "bar 2, beat 2: " + "much too far, " * 20),
    ),
)


def notes_in(colour, xml):
    return [
        note.findtext("pitch/step")
        for note in ElementTree.fromstring(xml).iter("note")
        if note.get("color") == colour
    ]


def test_a_marked_score_colours_single_notes_and_names_each_number_once(tmp_path):
    xml = write_score(PIECE, tmp_path / "marked.musicxml", marks=MARKS).read_text()
    words = [each.text for each in ElementTree.fromstring(xml).iter("words")]
    assert words == ["3 range", "3, 7 leap"]
    assert notes_in("#C00000", xml) == ["D"] and notes_in("#0B5394", xml) == ["D"]
    assert (load_chorale(tmp_path / "marked.musicxml").pitches == PIECE.pitches).all()


@pytest.mark.parametrize("staves", [2, 4])
def test_a_drawing_has_the_numbers_beside_the_notes_and_the_legend_below(staves):
    plain = show_score(PIECE, staves=staves)
    marked = show_score(PIECE, staves=staves, marks=MARKS)
    texts = "".join(ElementTree.fromstring(marked.svg).itertext())
    assert "range, bar 1, beat 2: C\u266f is too high." in texts and "3, 7" in texts
    heights = [
        float(re.match(r'<svg[^>]*? height="([\d.]+)px"', one.svg)[1]) for one in (plain, marked)
    ]
    assert heights[1] > heights[0] + 60, "a long line is broken into several"
    tops = [one.systems[0].top * height for one, height in zip((plain, marked), heights)]
    assert tops[1] == pytest.approx(tops[0], abs=60), "the cursor still finds the systems"


def test_marks_override_other_colours_and_leave_them_elsewhere(tmp_path):
    colours = np.full(PIECE.pitches.shape, "#00695C")
    path = write_score(PIECE, tmp_path / "both.musicxml", colours=colours, marks=MARKS)
    assert notes_in("#C00000", path.read_text()) == ["D"]
    assert len(notes_in("#00695C", path.read_text())) > 20


def test_pdf_png_and_svg_are_written_with_a_legend(tmp_path):
    sizes = {}
    for marks in (None, MARKS):
        for suffix in (".pdf", ".png", ".svg"):
            path = write_score(PIECE, tmp_path / f"score{suffix}", marks=marks)
            sizes[suffix, marks] = path.stat().st_size
    for suffix in (".pdf", ".png", ".svg"):
        assert sizes[suffix, MARKS] > sizes[suffix, None]


def test_a_mark_outside_of_the_piece_is_refused():
    with pytest.raises(ValueError, match=r"mark at step 32, voice 0: expected steps 0\.\.31"):
        show_score(PIECE, marks=Marks((Mark(32, 0, (1,), "#C00000"),)))


def test_several_chorales_are_shown_each_with_its_marks():
    shown = show([PIECE[:16], PIECE[:16]], marks=[None, Marks(MARKS.notes[:1], MARKS.legend[:1])])
    assert ["#C00000" in one.score.svg.upper() for one in shown] == [False, True]
    with pytest.raises(ValueError, match="marks of 2 chorales"):
        show([PIECE[:16], PIECE[:16]], marks=[None])
