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
from chorale_utils.notation import engraving
from chorale_utils.notation.engraving import engrave_pages, pdf, png
from chorale_utils.notation.musicxml_writing import musicxml_of
from chorale_utils.notation.page import Notation, Syllable, Tempo, regular_bars
from chorale_utils.notation.reading import from_score
from chorale_utils.notation.score import to_score
from chorale_utils.notation.score_files import PAGE_WIDTH, score_svg, write_score

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


def titled(title, **about):
    return Chorale(
        np.full((16, 4), 60), title=title, time_signature="4/4", notation=Notation(**about)
    )


def lines_of(drawing, words):
    """The lines above the music, of which the first begins with some words."""
    heading = next(group for group in groups(drawing, "pgHead"))
    told = [(text.text, text) for text in heading.iter("{http://www.w3.org/2000/svg}tspan")]
    lines = [text.strip() for text, _ in told if text and text.strip()]
    return lines[next(n for n, line in enumerate(lines) if line.startswith(words)) :]


@pytest.mark.parametrize(
    "title, font",
    [
        ("主よ、人の望みの喜びよ", b"IPAexGothic"),
        ("Слава в вышних Богу", b"STIXGeneral"),
        ("Δόξα ἐν ὑψίστοις", b"DejaVuSans"),
        ("הללויה", b"DejaVuSans"),
    ],
)
def test_titles_in_other_scripts_have_a_font_that_covers_them(title, font, tmp_path):
    content = write_score(titled(title), tmp_path / "piece.pdf").read_bytes()
    assert font in content and b"LastResort" not in content


def test_letters_that_no_font_has_are_named(tmp_path):
    with pytest.warns(UserWarning, match="no font for 바 흐: printed as boxes .* as .svg or"):
        write_score(titled("바흐"), tmp_path / "piece.pdf")


def test_without_the_japanese_font_the_warning_says_which_package_has_it(tmp_path, monkeypatch):
    monkeypatch.setattr(engraving, "find_spec", lambda name: None)
    engraving._fonts.cache_clear()
    try:
        with pytest.warns(UserWarning, match="no font for 主: .*matplotlib-fontja"):
            write_score(titled("主"), tmp_path / "piece.png")
    finally:
        engraving._fonts.cache_clear()


@pytest.mark.parametrize(
    "title", ["O Haupt voll Blut und Wunden, " * 7, "主よ、人の望みの喜びよ" * 9]
)
def test_long_titles_wrap_and_stay_on_the_page(title, tmp_path):
    chorale = titled(title.strip(" ,"), composer="Johann Sebastian Bach " * 6)
    lines = lines_of(score_svg(chorale), title[:2])
    assert len(lines) > 2
    image = imread(write_score(chorale, tmp_path / "piece.png"))[..., 0]
    left, right = (np.flatnonzero((image < 0.5).any(axis=0))[[0, -1]]).tolist()
    assert left > 20 and right < image.shape[1] - 20


def test_poet_composer_and_arranger_stand_below_the_title():
    chorale = titled(
        "Wie schön", composer="J. S. Bach", lyricist="Ph. Nicolai", arranger="arr. X. Y."
    )
    lines = lines_of(score_svg(chorale), "Wie")
    assert sorted(lines) == sorted(["Wie schön", "Ph. Nicolai", "J. S. Bach", "arr. X. Y."])


def test_a_tempo_mark_has_a_note_that_ordinary_fonts_have_and_keeps_drawings_small(tmp_path):
    drawing = score_svg(titled(None, tempos=(Tempo(0, 104, "Andante"),)))
    assert "\u2669" in drawing and "104" in drawing and "font-face" not in drawing
    write_score(titled(None, tempos=(Tempo(0, 104),)), tmp_path / "piece.pdf")  # warns of no letter


def test_dot_of_a_tempo_in_dotted_quarters_stands_close_to_its_note():
    page = Notation(regular_bars(24, "6/8"), tempos=(Tempo(0, 180),))
    drawing = score_svg(Chorale([[72, 67, 64, 48]] * 24, time_signature="6/8", notation=page))
    assert "\u2669.<" in drawing and "120" in drawing


def test_without_a_title_nothing_stands_in_its_place():
    drawing = score_svg(Chorale(np.full((16, 4), 60), name="tune_07.mid"))
    assert "tune_07" not in drawing and "untitled" not in drawing and not groups(drawing, "pgHead")


def test_syllables_that_share_a_note_are_tied_in_the_font_of_the_others(tmp_path):
    page = Notation(words=(Syllable(0, 0, 1, "sei\u203fer"),))
    chorale = Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4", notation=page)
    assert "sei\u00a0\u035cer" in score_svg(chorale)
    write_score(chorale, tmp_path / "piece.pdf")  # warns of no letter
