"""What a MusicXML file says besides its notes is read: words, repeats, jumps, tempos, authors."""

import zipfile

import numpy as np
import pytest

from chorale_utils import Syllable, Tempo, expand_repeats, load_chorale, load_melody
from chorale_utils.notation.musicxml import parse_musicxml

ATTRIBUTES = (
    "<attributes><divisions>4</divisions><key><fifths>0</fifths></key>"
    "<time><beats>4</beats><beat-type>4</beat-type></time></attributes>"
)


def note(pitch="C5", steps=16, inside="", before="", voice=1, chord=False):
    """One <note>; pitch None is a rest."""
    sounds = "<rest/>" if pitch is None else f"<pitch>{pitched(pitch)}</pitch>"
    return (
        f"<note>{before}{'<chord/>' * chord}{sounds}<duration>{steps}</duration>"
        f"<voice>{voice}</voice>{inside}</note>"
    )


def pitched(pitch):
    alter = {"#": 1, "b": -1}.get(pitch[1:-1], 0)
    altered = f"<alter>{alter}</alter>" if alter else ""
    return f"<step>{pitch[0]}</step>{altered}<octave>{pitch[-1]}</octave>"


def lyric(text, syllabic="single", number="1", extra=""):
    inside = f"<syllabic>{syllabic}</syllabic><text>{text}</text>{extra}"
    return f'<lyric number="{number}">{inside}</lyric>'


def words(text, sound=""):
    return f"<direction><direction-type><words>{text}</words></direction-type>{sound}</direction>"


def implicit(number):
    """How a measure says that it is not counted."""
    return ' implicit="yes"' if str(number)[0] in "0X" else ""


def measures(*contents):
    """Measures of one part, numbered from 1; a pair is a number and its content."""
    numbered = [
        content if isinstance(content, tuple) else (number, content)
        for number, content in enumerate(contents, 1)
    ]
    attributes = [ATTRIBUTES] + [""] * len(numbered)
    return "".join(
        f'<measure number="{number}"{implicit(number)}>{first}{content}</measure>'
        for (number, content), first in zip(numbered, attributes)
    )


def score(parts, head="", before_parts=""):
    """A whole score of {name of a part: its measures}."""
    listed = "".join(
        f'<score-part id="P{number}"><part-name>{name}</part-name></score-part>'
        for number, name in enumerate(parts)
    )
    written = "".join(
        f'<part id="P{number}">{content}</part>' for number, content in enumerate(parts.values())
    )
    return (
        f'<?xml version="1.0"?><score-partwise version="3.1">{head}{before_parts}'
        f"<part-list>{listed}</part-list>{written}</score-partwise>"
    )


@pytest.fixture
def melody(tmp_path):
    """A function of the measures of a melody (and more of `score`) that reads them."""

    def read(*contents, head="", **options):
        path = tmp_path / "tune.musicxml"
        path.write_text(score({"Melody": measures(*contents)}, head), encoding="utf-8")
        return load_melody(path, **options)

    return read


# Words


def test_words_of_all_verses_are_kept_with_hyphens_and_melismas(melody):
    read = melody(
        note(steps=8, inside=lyric("glo", "begin") + lyric("Lord", number="2"))
        + note(steps=8, inside=lyric("ri", "middle", extra="<extend/>")),
        note(steps=8)
        + note(steps=8, inside=lyric("a,", "end") + lyric("our", number="2", extra="<extend/>")),
    )
    assert read.notation.words == (
        Syllable(0, 0, 1, "glo", "begin"),
        Syllable(0, 0, 2, "Lord"),
        Syllable(8, 0, 1, "ri", "middle", melisma=True),
        Syllable(24, 0, 1, "a,", "end"),
        Syllable(24, 0, 2, "our", melisma=True),
    )


@pytest.mark.parametrize("elision", ["<elision>_</elision>", "<elision> </elision>", "<elision/>"])
def test_syllables_that_share_a_note_stay_together(melody, elision):
    shared = (
        "<lyric><syllabic>end</syllabic><text>co</text>"
        f"{elision}<syllabic>begin</syllabic><text>e</text></lyric>"
    )
    [syllable] = melody(note(inside=shared)).notation.words
    assert (syllable.text, syllable.syllabic) == ("co‿e", "middle")


@pytest.mark.parametrize(
    "numbers", [("1", "2"), ("verse1", "verse2"), ("part1verse1", "part1verse2")]
)
def test_verses_are_told_apart_however_they_are_numbered(melody, numbers):
    read = melody(note(inside="".join(lyric(f"t{number}", number=number) for number in numbers)))
    assert [(word.verse, word.text) for word in read.notation.words] == [
        (1, f"t{numbers[0]}"),
        (2, f"t{numbers[1]}"),
    ]


def test_words_under_one_staff_of_two_are_the_upper_voices(tmp_path):
    upper = note("C5", inside=lyric("Lord")) + note("G4", chord=True)
    lower = note("E4") + note("C3", chord=True, inside=lyric("Herr", number="2"))
    path = tmp_path / "hymn.musicxml"
    path.write_text(score({"Women": measures(upper), "Men": measures(lower)}))
    read = load_chorale(path)
    assert read.pitches[0].tolist() == [72, 67, 64, 48]
    assert [(word.voice, word.verse, word.text) for word in read.notation.words] == [
        (0, 1, "Lord"),
        (2, 2, "Herr"),
    ]


# Repeats and jumps

BEGIN = '<barline location="left"><repeat direction="forward"/></barline>'
END = '<barline location="right"><repeat direction="backward"/></barline>'


def ending(number, kind, repeat=""):
    side = "left" if kind == "start" else "right"
    return f'<barline location="{side}"><ending number="{number}" type="{kind}"/>{repeat}</barline>'


def test_repeats_and_endings_are_kept_and_played_out_on_request(melody):
    contents = (
        BEGIN + note("C5"),
        ending("1,2", "start") + note("D5"),
        note("E5") + ending("1,2", "stop", '<repeat direction="backward" times="3"/>'),
        ending("3", "start") + note("F5") + ending("3", "discontinue"),
        note("G5"),
    )
    read = melody(*contents)
    assert read.pitches[::16, 0].tolist() == [72, 74, 76, 77, 79]
    assert [bar.endings for bar in read.notation.bars] == [(), (1, 2), (1, 2), (3,), ()]
    played = melody(*contents, repeats="played")
    assert played.pitches[::16, 0].tolist() == [72, 74, 76, 72, 74, 76, 72, 77, 79]
    assert played == expand_repeats(read)
    assert not played.notation.has_repeats


def test_three_endings_are_sung_in_turn_and_the_last_closes_with_the_usual_line(melody):
    again = '<repeat direction="backward"/>'
    contents = (
        BEGIN + note("C5"),
        ending("1", "start") + note("D5") + ending("1", "stop", again),
        ending("2", "start") + note("E5") + ending("2", "stop", again),
        ending("3", "start") + note("F5") + ending("3", "discontinue"),
    )
    page = melody(*contents).notation
    assert [bar.barline for bar in page.bars] == [None] * 4
    played = melody(*contents, repeats="played")
    assert played.pitches[::16, 0].tolist() == [72, 74, 72, 76, 72, 77]


@pytest.mark.parametrize("style, expected", [("regular", "regular"), ("light-heavy", None)])
def test_style_of_the_last_bar_line_is_kept_where_the_page_says_it(melody, style, expected):
    line = f'<barline location="right"><bar-style>{style}</bar-style></barline>'
    assert melody(note("C5"), note("D5") + line).notation.bars[-1].barline == expected


@pytest.mark.parametrize(
    "jump, mark",
    [
        (words("D.C. al Fine"), "da capo al fine"),
        (words("D. C. al Fine."), "da capo al fine"),
        (words("Da Capo al Fine"), "da capo al fine"),
        (words("D.C."), "da capo al fine"),
        (words("D.C.", '<sound dacapo="yes"/>'), "da capo al fine"),
        ('<sound dacapo="yes"/>', "da capo al fine"),
        (words("Back to the start", '<sound dacapo="yes"/>'), "da capo al fine"),
    ],
)
@pytest.mark.parametrize("fine", [words("Fine"), words("FINE", '<sound fine="yes"/>')])
def test_da_capo_al_fine_is_kept_and_played(melody, jump, mark, fine):
    contents = (note("C5") + fine, note("D5"), note("E5") + jump)
    read = melody(*contents)
    assert [bar.marks for bar in read.notation.bars] == [("fine",), (), (mark,)]
    assert melody(*contents, repeats="played").pitches[::16, 0].tolist() == [72, 74, 76, 72]


@pytest.mark.parametrize(
    "leave",
    [
        words("To Coda", '<sound tocoda="coda"/>'),
        words("al Coda"),
        '<direction><direction-type><coda/></direction-type><sound tocoda="c"/></direction>',
        "<direction><direction-type><coda/></direction-type></direction>",
    ],
)
@pytest.mark.parametrize(
    "segno", ["<direction><direction-type><segno/></direction-type></direction>"]
)
def test_dal_segno_al_coda_is_kept_and_played(melody, segno, leave):
    coda = "<direction><direction-type><coda/></direction-type></direction>"
    contents = (
        note("C5"),
        segno + note("D5"),
        note("E5") + leave,
        note("F5") + words("D.S. al Coda", '<sound dalsegno="segno"/>'),
        coda + note("G5"),
    )
    read = melody(*contents)
    marks = [bar.marks for bar in read.notation.bars]
    assert marks == [(), ("segno",), ("to coda",), ("dal segno al coda",), ("coda",)]
    played = melody(*contents, repeats="played").pitches[::16, 0]
    assert played.tolist() == [72, 74, 76, 77, 74, 76, 79]


def test_repeat_inside_a_bar_divides_it(melody):
    middle = '<barline location="middle"><repeat direction="backward"/></barline>'
    begin = '<barline location="middle"><repeat direction="forward"/></barline>'
    read = melody(
        (0, note("G4", 4)),
        (1, note("C5", 16)),
        (2, note("D5", 12) + middle + begin + note("E5", 4)),
        (3, note("F5", 12) + END),
    )
    assert [
        (bar.number, bar.start, bar.steps, bar.offset, bar.repeat_begin, bar.repeat_end)
        for bar in read.notation.bars
    ] == [
        (0, 0, 4, 12, False, 0),
        (1, 4, 16, 0, False, 0),
        (2, 20, 12, 0, False, 2),
        (2, 32, 4, 12, True, 0),
        (3, 36, 12, 0, False, 2),
    ]


def test_divided_bar_is_counted_once(melody):
    read = melody(
        (0, note(steps=4)), (1, note(steps=12) + END), ("X1", BEGIN + note(steps=4)), (2, note())
    )
    assert [(bar.number, bar.steps, bar.offset) for bar in read.notation.bars] == [
        (0, 4, 12),
        (1, 12, 0),
        (1, 4, 12),
        (2, 16, 0),
    ]
    assert read.pickup == 4


# Tempo and authors


@pytest.mark.parametrize(
    "written, expected",
    [
        (
            "<direction><direction-type><metronome><beat-unit>half</beat-unit>"
            "<per-minute>50</per-minute></metronome></direction-type></direction>",
            Tempo(0, 100.0),
        ),
        (words("Andante"), Tempo(0, None, "Andante")),
        (words("With dignity", '<sound tempo="72"/>'), Tempo(0, 72.0, "With dignity")),
        (
            "<direction><direction-type><words>Ruhig</words></direction-type><direction-type>"
            "<metronome><beat-unit>quarter</beat-unit><per-minute>66</per-minute></metronome>"
            "</direction-type></direction>",
            Tempo(0, 66.0, "Ruhig"),
        ),
        (words("(All)"), None),
    ],
)
def test_tempo_is_read_as_number_and_words(melody, written, expected):
    assert melody(written + note()).notation.tempos == ((expected,) if expected else ())


@pytest.mark.parametrize(
    "head, title, composer, lyricist",
    [
        ("<work><work-title>Ach Gott</work-title></work>", "Ach Gott", None, None),
        ("<movement-title>Ach Gott</movement-title>", "Ach Gott", None, None),
        ("<movement-title>tune.musicxml</movement-title>", None, None, None),
        ("<work><work-title>tune</work-title></work>", None, None, None),
        (
            '<credit page="1"><credit-type>title</credit-type><credit-words>Ein feste'
            "</credit-words></credit><credit><credit-type>composer</credit-type>"
            "<credit-words>Luther</credit-words></credit>",
            "Ein feste",
            "Luther",
            None,
        ),
        (
            '<identification><creator type="composer">C</creator><creator type="poet">P</creator>'
            "</identification>",
            None,
            "C",
            "P",
        ),
        ('<identification><creator type="composer">Music21</creator></identification>',)
        + (None,) * 3,
    ],
)
def test_title_and_authors_are_the_pages_own(melody, head, title, composer, lyricist):
    read = melody(note(), head=head)
    assert (read.title, read.notation.composer, read.notation.lyricist) == (
        title,
        composer,
        lyricist,
    )


# Notes


def test_slashes_are_no_notes(melody):
    slash = '<attributes><measure-style><slash type="{}"/></measure-style></attributes>'
    read = melody(
        note("C5"),
        slash.format("start") + note("B4", 4) * 4,
        slash.format("stop") + note("D5", 8) + note("E5", 8, "<notehead>slash</notehead>"),
    )
    assert read.notes(0).tolist() == [[0, 16, 72], [32, 8, 74]]


def test_spelling_is_the_pages_own(melody):
    read = melody(note("F#5", 4) + note("Gb5", 4) + note("C5", 4) + note("B#4", 4))
    assert read.notation.spelling[::4, 0].tolist() == [6, -6, 0, 12]
    assert (read.notation.spelling[:, 1:] == -128).all()
    np.testing.assert_array_equal(read.pitches[::4, 0], [78, 78, 72, 72])


def test_packed_and_timewise_scores_are_read_like_plain_ones(tmp_path):
    parts = {name: measures(note(pitch)) for name, pitch in zip("SATB", ("C5", "G4", "E4", "C3"))}
    plain = score(parts)
    timewise = (
        plain.replace("score-partwise", "score-timewise").split("<part id")[0]
        + '<measure number="1">'
        + "".join(
            f'<part id="P{number}">{ATTRIBUTES}{note(pitch)}</part>'
            for number, pitch in enumerate(("C5", "G4", "E4", "C3"))
        )
        + "</measure></score-timewise>"
    )
    (tmp_path / "x.xml").write_text(timewise)
    with zipfile.ZipFile(tmp_path / "x.mxl", "w") as archive:
        archive.writestr("inside.xml", plain)
    for name in ("x.xml", "x.mxl"):
        read = load_chorale(tmp_path / name)
        assert read.pitches.tolist() == [[72, 67, 64, 48]] * 16


def test_what_is_no_musicxml_is_refused(tmp_path):
    (tmp_path / "x.xml").write_text("<opus/>")
    with pytest.raises(ValueError, match="its root is <opus>: expected <score-partwise>"):
        parse_musicxml(tmp_path / "x.xml")


def test_bar_that_only_has_the_sign_for_a_bar_once_more_is_written_out(melody):
    sign = (
        '<attributes><measure-style><measure-repeat type="{}">{}</measure-repeat></measure-style>'
        "</attributes>"
    )
    read = melody(
        note("C5", 8) + note("D5", 8),
        sign.format("start", 1) + note(None, 16),
        "",
        sign.format("stop", "") + note("E5", 16),
    )
    assert read.notes(0)[:, 2].tolist() == [72, 74, 72, 74, 72, 74, 76]


@pytest.mark.parametrize("fifths", [13, -40, 1000])
def test_key_signature_that_nobody_can_read_is_refused(tmp_path, fifths):
    text = score({"Melody": measures(note())}).replace("<fifths>0<", f"<fifths>{fifths}<")
    (tmp_path / "x.xml").write_text(text)
    with pytest.raises(
        ValueError, match=f"a key signature of {fifths} sharps: expected at most 12"
    ):
        load_melody(tmp_path / "x.xml")
