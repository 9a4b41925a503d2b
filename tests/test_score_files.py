"""Scores in files: complete, small, always the same; and what a notebook shows of them."""

import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from io import BytesIO

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from made_scores import read_again, real
from PIL import Image

from chorale_utils.chorale import Chorale
from chorale_utils.notation.key import find_key
from chorale_utils.notation.score import to_score
from chorale_utils.notation.score_files import score_svg, show_score, write_score


@pytest.mark.parametrize(
    "write, complaint",
    [
        (
            lambda path: write_score(real("bwv66.6"), path / "piece.docx"),
            r"expected one of \.musicxml, .* \.pdf, \.png",
        ),
        (lambda path: write_score(real("bwv66.6"), path / "piece"), "a file without suffix"),
        (
            lambda path: write_score(real("bwv66.6"), path / "piece.svg", staves=3),
            "expected 2 .* or 4",
        ),
        (
            lambda path: write_score(
                Chorale(np.zeros((0, 4), int), name="nothing"), path / "piece.svg"
            ),
            "nothing: no steps",
        ),
        (lambda path: show_score(real("bwv66.6"), width=10), "expected pixels"),
        (lambda path: show_score(real("bwv66.6"), width="wide"), "width 'wide': expected pixels"),
        (
            lambda path: write_score(
                Chorale(np.full((4, 4), 60)), path / "piece.pdf", colours=[["crimson"] * 4] * 3
            ),
            r"shape \(3, 4\)",
        ),
        (
            lambda path: write_score(
                Chorale([[60] * 4]), path / "piece.png", colours=[["", "", "crimsonish", ""]]
            ),
            "'crimsonish'",
        ),
        (
            lambda path: write_score(
                Chorale([[60] * 4]), path / "piece.png", colours=[["", "#12", "", ""]]
            ),
            "colour '#12'",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(write, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_packed_file_holds_the_same_music(tmp_path):
    write_score(real("bwv66.6"), tmp_path / "piece.mxl")
    write_score(real("bwv66.6"), tmp_path / "piece.musicxml")
    with zipfile.ZipFile(tmp_path / "piece.mxl") as packed:
        assert packed.read("score.musicxml") == (tmp_path / "piece.musicxml").read_bytes()
    assert np.array_equal(read_again(tmp_path / "piece.mxl").pitches, real("bwv66.6").pitches)


def test_the_same_chorale_gives_the_same_files_in_another_process(tmp_path):
    program = (
        "import sys; from music21 import corpus; "
        "from chorale_utils.notation.reading import from_score; "
        "from chorale_utils.notation.score_files import write_score; "
        "chorale = from_score(corpus.parse('bach/bwv66.6'), 'bwv66.6', bwv='66.6', title='Ach, wie "
        "schön'); "
        "[write_score(chorale, sys.argv[1] + suffix) for suffix in ('.musicxml', '.mxl', '.svg', "
        "'.pdf', '.png')]"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "there")], check=True)
    score_svg(real("bwv57.8"))  # another drawing before must not matter
    for suffix in (".musicxml", ".mxl", ".svg", ".pdf", ".png"):
        write_score(real("bwv66.6"), tmp_path / f"here{suffix}")
        assert (tmp_path / f"here{suffix}").read_bytes() == (
            tmp_path / f"there{suffix}"
        ).read_bytes(), suffix


@pytest.mark.parametrize("staves", [2, 4])
def test_the_drawing_has_every_note_and_is_as_wide_as_asked(staves):
    chorale = real("bwv66.6")
    drawing = ET.fromstring(score_svg(chorale, staves=staves, width=700))
    assert drawing.get("width") == "700px"
    drawn = sum(
        element.get("class") == "note" for element in drawing.iter("{http://www.w3.org/2000/svg}g")
    )
    assert drawn == len(list(to_score(chorale, staves).recurse().notes))


def test_drawings_are_small():
    excerpt, whole = real("bwv245.40").excerpt(0, 4 + 8 * 16), real("bwv245.40")
    assert len(show_score(excerpt).svg) < 75_000
    assert len(show_score(excerpt).png) < 40_000
    assert len(show_score(whole, staves=4).svg) < 250_000


def test_a_notebook_stores_the_drawing_as_a_png_that_every_page_shows():
    shown = show_score(real("bwv66.6"), width=700)
    data, metadata = DisplayFormatter().format(shown)
    assert set(data) == {"image/png", "text/plain"}  # GitHub would prefer HTML, and show nothing
    assert metadata == {"image/png": {"width": 700, "alt": "Score of Ach, wie schön"}}
    picture = Image.open(BytesIO(shown.png))
    height = float(ET.fromstring(shown.svg).get("height").removesuffix("px"))
    assert picture.width == 1400 and abs(picture.height - 2 * height) <= 1
    assert "<script" not in shown.svg and "<foreignObject" not in shown.svg


def test_colours_are_in_the_drawing_and_in_musicxml(tmp_path):
    chorale = real("bwv66.6")
    colours = np.full(chorale.pitches.shape, "", "<U7")
    colours[:, 3] = "#0072B2"
    assert score_svg(chorale, colours=colours).count('class="note" color="#0072B2"') == len(
        list(to_score(chorale).parts[3].recurse().notes)
    )
    write_score(chorale, tmp_path / "piece.musicxml", colours=colours)
    assert (tmp_path / "piece.musicxml").read_text().count('<note color="#0072B2"') == len(
        chorale.notes(3)
    )


def test_facts_are_metadata_of_musicxml_and_leave_the_music_as_it_is(tmp_path):
    write_score(
        real("bwv66.6"), tmp_path / "piece.musicxml", about={"model": "chord_gru <1>", "seed": 7}
    )
    fields = ET.parse(tmp_path / "piece.musicxml").getroot().iter("miscellaneous-field")
    assert {field.get("name"): field.text for field in fields} == {
        "model": "chord_gru <1>",
        "seed": "7",
    }
    assert np.array_equal(read_again(tmp_path / "piece.musicxml").pitches, real("bwv66.6").pitches)


@pytest.mark.parametrize(
    "given, complaint",
    [
        ("bwv66.6", r"got a str \('bwv66.6'\): expected a Chorale; load_chorale reads one"),
        (None, "got a NoneType"),
        ([Chorale([[60] * 4])] * 2, r"got a list of 2 Chorale: expected one; .*chorales\[0\]"),
        (np.full((4, 4), 60), r"got an array of shape \(4, 4\): .*Chorale\(pitches\)"),
    ],
)
def test_what_is_no_chorale_is_refused_in_words_and_leaves_no_file(given, complaint, tmp_path):
    for write in (
        to_score,
        show_score,
        score_svg,
        find_key,
        lambda given: write_score(given, tmp_path / "piece.svg"),
    ):
        with pytest.raises(TypeError, match=complaint):
            write(given)
    assert list(tmp_path.iterdir()) == []
