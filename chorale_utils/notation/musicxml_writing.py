"""Writing everything on a page besides the notes, in music21 and MusicXML: repeats, endings, jumps,
tempos, words; and MusicXML files.

music21 cannot write the extension lines after syllables, and it writes jumps as mere text that
other programs do not recognise. This file completes the XML tree that music21 has written.
`musicxml` does the reading.

Notebook: 05_generation
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..chorale import STEPS_PER_QUARTER
from .chord_marks import place_chord_marks
from .musicxml import MELISMA, TEMPO
from .page import JUMPS, Bar, Syllable, Tempo

if TYPE_CHECKING:
    from music21.base import Music21Object
    from music21.note import Lyric
    from music21.stream import Measure, Part, Score

_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
# The words of each sign, and the attribute by which other programs recognise it.
_WORDS = {
    "fine": "Fine",
    "to coda": "To Coda",
    "da capo": "D.C.",
    "da capo al fine": "D.C. al Fine",
    "da capo al coda": "D.C. al Coda",
    "dal segno": "D.S.",
    "dal segno al fine": "D.S. al Fine",
    "dal segno al coda": "D.S. al Coda",
}
_SOUNDS = {
    "fine": ("fine", "yes"),
    "to coda": ("tocoda", "coda"),
    **{jump: ("dacapo", "yes") for jump in JUMPS if jump.startswith("da capo")},
    **{jump: ("dalsegno", "segno") for jump in JUMPS if jump.startswith("dal segno")},
}
_SIGN_OF = {words: sign for sign, words in _WORDS.items()}


def lyric(syllable: Syllable, above: bool, marked: bool) -> Lyric:
    """A syllable as music21's Lyric, above or below the staff; if `marked`, with the mark for an
    extension line, where one follows."""
    from music21.note import Lyric

    text = syllable.text + MELISMA if marked and syllable.melisma else syllable.text
    written = Lyric(text, syllable.verse, applyRaw=True)
    setattr(written, "syllabic", syllable.syllabic)  # noqa: B010  # checked by Syllable
    if above:
        setattr(written.style, "placement", "above")  # noqa: B010  # as a Lyric's style has it
    return written


def add_barlines(measure: Measure, bar: Bar) -> None:
    """Gives a music21 Measure the bar lines and repeat signs of its bar."""
    from music21.bar import Barline, Repeat

    if bar.repeat_begin:
        measure.leftBarline = Repeat("start")
    if bar.repeat_end:
        measure.rightBarline = Repeat("end", times=bar.repeat_end)
    elif bar.barline is not None:
        measure.rightBarline = Barline(bar.barline)


def add_signs(part: Part, bars: Sequence[Bar], tempos: Sequence[Tempo], marked: bool) -> None:
    """Writes endings, jumps and tempos above a music21 Part, whose measures are these bars.

    Args:
        part: music21 Part.
        bars: its bars.
        tempos: tempo marks.
        marked: whether words that set a tempo are marked as such.
    """
    from music21.spanner import RepeatBracket

    measures = list(part.getElementsByClass("Measure"))
    pairs = list(zip(bars, measures))
    for numbers, run in groupby(pairs, key=lambda pair: pair[0].endings):
        if numbers:
            spanned = [measure for _, measure in run]
            part.insert(0, RepeatBracket(spanned, number=",".join(map(str, numbers))))
    for bar, measure in pairs:
        for mark in bar.marks:
            begins = mark in ("segno", "coda")
            measure.insert(0 if begins else bar.steps / STEPS_PER_QUARTER, _sign(mark))
        for tempo in tempos:
            if bar.start <= tempo.step < bar.stop:
                at = (tempo.step - bar.start) / STEPS_PER_QUARTER
                measure.insert(at, _tempo(tempo, bar, marked))


def _sign(mark: str) -> Music21Object:
    """music21's object for one of `page.SIGNS` or `page.JUMPS`."""
    from music21 import expressions, repeat

    if mark == "segno":
        return repeat.Segno()
    if mark == "coda":
        return repeat.Coda()
    if mark == "fine":
        fine = repeat.Fine()
        fine.setText(_WORDS[mark])
        return fine
    if mark == "to coda":  # music21 has no such sign
        words = expressions.TextExpression(_WORDS[mark])
        words.placement = "above"
        return words
    kind = "".join(word.capitalize() for word in mark.split())
    return getattr(repeat, kind)(_WORDS[mark])


def _tempo(mark: Tempo, bar: Bar, marked: bool) -> Music21Object:
    """A tempo in the beats of its bar: dotted quarters in 6/8, otherwise quarters."""
    from music21 import duration, tempo

    text = TEMPO + mark.text if marked and mark.text else mark.text
    if mark.quarters_per_minute is None:
        return tempo.TempoText(text)
    number, beat = float(mark.quarters_per_minute), 1.0
    count, unit = (int(part) for part in bar.time_signature.split("/"))
    if unit == 8 and count > 3 and count % 3 == 0 and (number / 1.5).is_integer():
        number, beat = number / 1.5, 1.5
    written = int(number) if number.is_integer() else number
    return tempo.MetronomeMark(text or None, written, referent=duration.Duration(beat))


def musicxml_of(score: Score) -> bytes:
    """The MusicXML of a music21 score whose words may be marked (see `lyric`, `add_signs`,
    `chord_marks`).

    It has no date, so that the same chorale always gives the same file, and no placeholders for a
    missing composer or title.
    """
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    exporter = GeneralObjectExporter(score)
    exporter.makeNotation = False
    root = ElementTree.fromstring(exporter.parse())
    _take_back_what_music21_adds(root)
    for lyric in root.iter("lyric"):
        text = lyric.find("text")
        if text is not None and (text.text or "").endswith(MELISMA):
            text.text = (text.text or "").removesuffix(MELISMA)
            ElementTree.SubElement(lyric, "extend")
    for measure in root.iter("measure"):
        place_chord_marks(measure)
        _complete_directions(measure)
    ElementTree.indent(root)
    return (_DOCTYPE + ElementTree.tostring(root, encoding="unicode")).encode()


def _take_back_what_music21_adds(root: ElementTree.Element) -> None:
    for title in root.findall("movement-title"):
        root.remove(title)  # music21 fills it with the work's title, or "Music21 Fragment"
    for identification in root.findall("identification"):
        for creator in identification.findall("creator"):
            if creator.get("type") == "composer" and creator.text == "Music21":
                identification.remove(creator)
        for encoding in identification.findall("encoding"):
            for date in encoding.findall("encoding-date"):
                encoding.remove(date)


def _complete_directions(measure: ElementTree.Element) -> None:
    """Marks jumps and tempos above a measure for other programs, and joins the words of a tempo
    with its number."""
    directions = measure.findall("direction")
    for direction, following in zip(directions, [*directions[1:], None]):
        words = direction.find("direction-type/words")
        if direction.find("direction-type/metronome") is not None:
            direction.set("placement", "above")
            joined = None if following is None else following.find("direction-type/words")
            if following is not None and joined is not None and _sets_tempo(joined):
                joined.text = f"{joined.text} "
                direction.insert(0, following[0])
                measure.remove(following)
        elif words is not None and _sets_tempo(words):
            direction.set("directive", "yes")
            direction.set("placement", "above")
        for attribute, value in list(_sounds(direction)):
            direction.set("placement", "above")
            ElementTree.SubElement(direction, "sound", {attribute: value})
    for words in measure.iter("words"):
        if _sets_tempo(words):
            words.text = (words.text or "").removeprefix(TEMPO)
            words.set("font-style", "normal")


def _sets_tempo(words: ElementTree.Element) -> bool:
    return (words.text or "").startswith(TEMPO)


def _sounds(direction: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """(attribute of MusicXML's `sound` element, its value) for each sign in a direction."""
    for kind in direction.findall("direction-type"):
        for element in kind:
            if element.tag in ("segno", "coda"):
                yield element.tag, element.tag
            elif element.tag == "words" and element.text in _SIGN_OF:
                yield _SOUNDS[_SIGN_OF[element.text]]


def packed(xml: bytes) -> bytes:
    """MusicXML as the content of an .mxl file.

    Examples:
        >>> packed(b"<score-partwise/>")[:2]
        b'PK'
    """
    container = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<container><rootfiles><rootfile full-path="score.musicxml" '
        'media-type="application/vnd.recordare.musicxml+xml"/></rootfiles></container>\n'
    )
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("META-INF/container.xml", container), ("score.musicxml", xml)):
            archive.writestr(
                zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED
            )  # ZipInfo's date is fixed
    return content.getvalue()
