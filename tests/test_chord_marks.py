"""Chord marks are written where they belong, and are read again by music21."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from music21 import converter, expressions, harmony

from chorale_utils import (
    Chorale,
    analyse,
    chord_marks,
    load_chorale,
    load_corpus,
    show,
    show_score,
    to_score,
    write_score,
)
from chorale_utils.harmony.marks import numeral_of_mark
from chorale_utils.notation.chord_marks import ChordMark
from chorale_utils.notation.score_files import score_svg


@pytest.fixture(scope="module")
def real():
    """A Chorale of four bars and a pickup, with modulations and words."""
    corpus = load_corpus("music21", progress=False)
    return next(piece for piece in corpus.valid if piece.notation.words and piece.pickup)[:68]


def placed(score, kind, words=True):
    """(quarters from the beginning, text) of the chord marks in a music21 Score."""
    found = [
        (element.getOffsetInHierarchy(score), element.content if words else element.figure)
        for element in score.recurse().getElementsByClass(kind)
    ]
    return sorted(found, key=lambda each: each[0])


@pytest.mark.parametrize("staves", [2, 4])
def test_numerals_are_written_at_their_places_and_read_again(real, staves, tmp_path):
    marks = chord_marks(real)
    expected = [(mark.step / 4, mark.text) for mark in marks]
    written = write_score(real, tmp_path / "a.musicxml", staves, analysis=True)
    read = placed(converter.parse(written), expressions.TextExpression)
    assert read == expected
    assert [numeral_of_mark(text) for _, text in read] == analyse(real)["numeral"].tolist()
    assert placed(to_score(real, staves, analysis=True), expressions.TextExpression) == expected


@pytest.mark.parametrize("staves", [2, 4])
@pytest.mark.parametrize("analysis", [True, "figures", "symbols"])
def test_marks_change_nothing_in_what_is_read_again(real, staves, analysis, tmp_path):
    plain = load_chorale(write_score(real, tmp_path / "plain.musicxml", staves))
    marked = load_chorale(write_score(real, tmp_path / "marked.mxl", staves, analysis=analysis))
    assert marked == plain.__class__(**{**vars(plain), "name": marked.name})


def test_symbols_are_harmony_that_music21_reads(real, tmp_path):
    written = write_score(real, tmp_path / "a.musicxml", analysis="symbols")
    chords = placed(converter.parse(written), harmony.ChordSymbol, words=False)
    assert [at for at, _ in chords] == [mark.step / 4 for mark in chord_marks(real, "symbols")]
    rows = analyse(real)
    read = list(converter.parse(written).recurse().getElementsByClass(harmony.ChordSymbol))
    assert [symbol.root().pitchClass for symbol in read] == rows["root"].tolist()


@pytest.mark.parametrize("staves", [2, 4])
def test_figures_stand_before_their_bass_notes_and_last_as_long_as_they_hold(
    real, staves, tmp_path
):
    written = write_score(real, tmp_path / "a.musicxml", staves, analysis="figures")
    part = ElementTree.fromstring(written.read_bytes()).findall("part")[-1]
    read, bar = [], 0
    for measure in part.findall("measure"):
        now, ahead = bar, 0  # ahead: what the figures before a note have told of it
        for element in measure:
            length = int(element.findtext("duration") or 0)
            if element.tag == "figured-bass":
                figures = [
                    (figure.findtext("prefix") or "", figure.findtext("figure-number") or "")
                    for figure in element.findall("figure")
                ]
                read.append((now + ahead, figures))
                ahead += length
            elif element.tag in ("note", "forward"):
                now, ahead = now + length, 0
            elif element.tag == "backup":
                now -= length
        bar = now
    divisions = int(part.findtext(".//divisions"))
    named = {"sharp": "#", "flat": "b", "natural": "n"}
    told = [
        (at * 4 / divisions, ",".join(named.get(prefix, "") + number for prefix, number in figures))
        for at, figures in read
        if any(prefix or number for prefix, number in figures)
    ]
    assert told == [(mark.step, mark.text) for mark in chord_marks(real, "figures")]


def test_several_figures_over_one_note_share_its_length(tmp_path):
    chords = [[72, 64, 55, 48]] * 4 + [[71, 62, 55, 43]] * 4 + [[71, 65, 55, 43]] * 4
    pitches = np.array(chords + [[72, 64, 55, 48]] * 4)
    onsets = np.zeros(pitches.shape, bool)
    onsets[[0, 4, 8, 12]] = True
    onsets[8, 3] = False
    chorale = Chorale(pitches, time_signature="4/4", key="C major", onsets=onsets)
    written = write_score(chorale, tmp_path / "a.musicxml", analysis="figures")
    root = ElementTree.fromstring(written.read_bytes())
    divisions = int(root.findtext(".//divisions"))
    figured = root.findall(".//figured-bass")
    assert [figure.findtext("figure/figure-number") for figure in figured] == ["5", "7"]
    assert [int(figure.findtext("duration")) for figure in figured] == [divisions, divisions]


def text_of(svg):
    """What is printed of the harmony, in the order of the drawing."""
    drawn = [each for each in ElementTree.fromstring(svg).iter() if each.get("class") == "harm"]
    return ["".join("".join(each.itertext()).split("\n")).strip() for each in drawn]


def test_numerals_are_drawn_on_one_line_a_system(real):
    svg = score_svg(real, analysis=True)
    flat = str.maketrans("⁴⁶⁷₂₃₄₅", "4672345")
    assert text_of(svg) == [mark.text.translate(flat) for mark in chord_marks(real)]
    assert not re.search("[\ue000-\uf8ff]", svg)  # a font for music would have to come with it
    heights = re.findall(r'class="harm"><text x="\d+" y="(\d+)"', svg)
    systems = svg.count('class="system"')
    assert len(heights) > 10 and len(set(heights)) == systems
    assert text_of(score_svg(real)) == []


def test_symbols_and_figures_are_drawn(real):
    symbols = text_of(score_svg(real, analysis="symbols"))
    assert symbols == [
        mark.text.replace("#", "♯").replace("b", "♭") for mark in chord_marks(real, "symbols")
    ]
    figures = text_of(score_svg(real, analysis="figures"))
    signs = str.maketrans("#bn", "♯♭♮")
    assert figures == [
        mark.text.replace(",", "").translate(signs) for mark in chord_marks(real, "figures")
    ]


def test_pdf_and_png_have_letters_for_all_marks(real, tmp_path):
    for kind in ("numerals", "figures", "symbols"):
        for suffix in (".pdf", ".png", ".svg"):
            assert write_score(real, tmp_path / f"{kind}{suffix}", 2, analysis=kind).stat().st_size


def test_marks_of_ones_own_are_written(real):
    own = [ChordMark(0, "numerals", "here"), ChordMark(8, "symbols", "Bbm7/Db")]
    assert sorted(text_of(score_svg(real, analysis=own))) == ["B♭m7/D♭", "here"]


def test_show_takes_an_analysis(real):
    assert "harm" in show(real, analysis=True).score.svg
    assert "harm" in show([real, real], analysis="symbols")[1].score.svg
    assert "harm" not in show_score(real).svg
    with pytest.raises(ValueError, match="chord marks with 2 chorales"):
        show([real, real], analysis=chord_marks(real))


def test_an_unknown_analysis_is_refused(real):
    with pytest.raises(ValueError, match="analysis 'roman': expected True, one of 'numerals'"):
        to_score(real, analysis="roman")
