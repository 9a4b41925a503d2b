"""Engraving: pages of paper, whole systems on them, and letters that depend on no machine's
fonts."""

import re
import xml.etree.ElementTree as ET
from io import BytesIO
from xml.sax.saxutils import unescape

import numpy as np
import pytest
from matplotlib.image import imread
from music21 import corpus

from chorale_utils.chorale import Chorale
from chorale_utils.notation.engraving import engrave_pages, pdf, png
from chorale_utils.notation.musicxml_writing import musicxml_of
from chorale_utils.notation.reading import from_score
from chorale_utils.notation.score import PAGE_WIDTH, score_svg, to_score, write_score

LONG = from_score(
    corpus.parse("bach/bwv245.40"),
    "bwv245.40",
    bwv="245.40",
    title="Herzlich lieb <hab> ich dich, o Herr",
)


@pytest.fixture(scope="module")
def pages():
    """The pages of a long piece on four staves."""
    return engrave_pages(musicxml_of(to_score(LONG, staves=4)))


def groups(page, kind):
    return [group for group in ET.fromstring(page).findall(".//{*}g") if group.get("class") == kind]


def test_pages_hold_every_bar_once_in_whole_systems(pages):
    assert len(pages) > 1
    assert sum(len(groups(page, "measure")) for page in pages) == len(
        to_score(LONG).parts[0].getElementsByClass("Measure")
    )
    for page in pages:
        for system in groups(page, "system"):
            bars = [bar for bar in system.findall(".//{*}g") if bar.get("class") == "measure"]
            assert bars and all(
                sum(staff.get("class") == "staff" for staff in bar.findall(".//{*}g")) == 4
                for bar in bars
            )


def test_nothing_stands_outside_the_paper(pages):
    for page in pages:
        height = float(ET.fromstring(page).find("{*}svg").get("viewBox").split()[3])
        lines = [
            float(number)
            for staff in groups(page, "staff")
            for path in staff.findall("{*}path")
            for number in re.findall(r"-?[\d.]+", path.get("d"))[1::2]
        ]
        assert (
            0 < min(lines) and max(lines) < height - 1500 - 600
        )  # both margins, and the fermatas below the bass


def test_title_and_composer_stand_above_the_first_page_only(pages):
    text = [
        "".join(element.text or "" for element in ET.fromstring(page).findall(".//{*}tspan"))
        for page in pages
    ]
    assert LONG.title in text[0] and "Johann Sebastian Bach" in text[0]
    assert all(LONG.title not in page and "Bach" not in page for page in text[1:])


def test_a_pdf_has_a_page_of_a4_for_each_drawing_and_its_letters_with_it(pages):
    content = pdf(pages, title=LONG.title)
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/MediaBox ?\[ ?0 0 595\.\d+ 841\.\d+ ?\]", content)) == len(pages)
    assert b"STIXGeneral" in content and b"/FontFile" in content
    assert not re.search(rb"D:20\d\d|CreationDate", content)
    assert content == pdf(pages, title=LONG.title)


def test_a_png_is_twice_as_wide_as_the_drawing_and_black_on_white(tmp_path):
    chorale = LONG.excerpt(0, 68)
    write_score(chorale, tmp_path / "piece.png")
    image = imread(tmp_path / "piece.png")
    assert image.shape[1] == 2 * PAGE_WIDTH
    assert np.all(image[[0, -1]] == 1) and np.all(image[..., 3] == 1)
    darkness = 1 - image[..., :3].mean(axis=2)
    assert 0.02 < darkness.mean() < 0.3 and darkness.max() > 0.99


def test_letters_and_colours_are_seen_in_a_png():
    chorale = Chorale(np.full((16, 4), 60), title="Wie schön", time_signature="4/4")
    plain, titled = (
        imread(BytesIO(png(score_svg(chorale, title=title)))) for title in (False, True)
    )
    assert (titled[..., 0] < 0.5).sum() - (plain[..., 0] < 0.5).sum() > 500
    red = imread(BytesIO(png(score_svg(chorale, colours=[["#FF0000", "", "", ""]] * 16))))
    assert not np.any((plain[..., 0] > 0.9) & (plain[..., 1] < 0.1))
    assert np.sum((red[..., 0] > 0.9) & (red[..., 1] < 0.1)) > 100


def test_whoever_has_no_composer_has_no_composer_printed():
    drawing = score_svg(Chorale(np.full((16, 4), 60), title="a & b"))
    assert "a & b" in unescape(drawing) and "Bach" not in drawing and "Music21" not in drawing
