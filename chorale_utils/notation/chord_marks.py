"""Chord marks: a harmonic analysis written into a score, with Roman numerals and figured bass below
the lowest staff, and chord symbols above the highest.

`harmony.marks` decides what the harmony is; this file puts it into music21's score and into
MusicXML. In files, numerals are written as text, which every program shows. MusicXML has an element
for numerals, but MuseScore 3 ignores it; it is used only for drawing, since Verovio sets it on one
line. Figures and chord symbols are MusicXML's figured bass and harmony.

Notebook: 04_evaluation
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple
from xml.etree import ElementTree

from ..chorale import STEPS_PER_QUARTER
from .page import Bar

if TYPE_CHECKING:
    from music21.base import Music21Object
    from music21.stream import Measure, Part

KINDS = ("numerals", "figures", "symbols")
# marks before the words of a direction: a numeral to draw, a numeral for a file, figures
DRAWN, KEPT, FIGURES = "\ue003", "\ue004", "\ue005"

# what follows the root in a chord symbol -> music21's name for the kind of chord
_SYMBOL = re.compile(r"([A-G][#b]*)([^/]*)(?:/([A-G][#b]*))?")
_KINDS = {
    "": "major",
    "m": "minor",
    "dim": "diminished",
    "+": "augmented",
    "7": "dominant-seventh",
    "maj7": "major-seventh",
    "m7": "minor-seventh",
    "m7b5": "half-diminished-seventh",
    "dim7": "diminished-seventh",
    "augmaj7": "augmented-major-seventh",
    "7b5": "dominant-seventh",
}
_PREFIXES = {"#": "sharp", "b": "flat", "n": "natural", "##": "double-sharp", "bb": "flat-flat"}
_FIGURE = re.compile(r"([#bn]*)(\d*)")


class ChordMark(NamedTuple):
    """The text written at one chord.

    Attributes:
        step: where the chord begins.
        kind: one of `KINDS`.
        text: a numeral as printed, such as ``'G: V⁶₅/V'``; figures from the top down, such as
            ``'6,#'``; or a symbol, such as ``'F#m7b5/A'``.

    Notebook: 04_evaluation
    """

    step: int
    kind: str
    text: str


def add_chord_marks(
    parts: Sequence[Part],
    bars: Sequence[Bar],
    marks: Iterable[ChordMark],
    drawn: bool,
    marked: bool,
) -> None:
    """Writes chord marks into a music21 score: symbols above its first part, everything else below
    the last.

    Args:
        parts: music21 Parts, whose measures are these bars.
        bars: Bars.
        marks: the chord marks.
        drawn: whether the score will be drawn rather than saved as a file.
        marked: whether `place_chord_marks` will process the resulting MusicXML.
    """
    measures = [list(part.getElementsByClass("Measure")) for part in parts]
    for mark in marks:
        number = next(place for place, bar in enumerate(bars) if mark.step < bar.stop)
        measure: Measure = measures[0 if mark.kind == "symbols" else -1][number]
        offset = (mark.step - bars[number].start) / STEPS_PER_QUARTER
        measure.insert(offset, _written(mark, drawn, marked))


def _written(mark: ChordMark, drawn: bool, marked: bool) -> Music21Object:
    from music21 import expressions

    if mark.kind == "symbols" and not (drawn and marked):
        return _symbol(mark.text)
    text = mark.text.replace("#", "♯").replace("b", "♭") if mark.kind == "symbols" else mark.text
    if marked:
        text = (FIGURES if mark.kind == "figures" else DRAWN if drawn else KEPT) + text
    words = expressions.TextExpression(text)
    words.placement = "above" if mark.kind == "symbols" else "below"
    setattr(words.style, "fontStyle", "normal")  # noqa: B010  # as the style of a text has it
    return words


def _symbol(text: str) -> Music21Object:
    from music21 import harmony

    found = _SYMBOL.fullmatch(text)
    assert found is not None  # as `harmony.figures` writes them
    root, suffix, bass = (part and part.replace("b", "-") for part in found.groups())
    suffix = found[2]
    symbol = harmony.ChordSymbol(root=root, bass=bass or root, kind=_KINDS[suffix], kindStr=suffix)
    if suffix == "7b5":
        symbol.addChordStepModification(harmony.ChordStepModification("alter", 5, -1))
    return symbol


def place_chord_marks(measure: ElementTree.Element) -> None:
    """Turns the marked words in a measure of MusicXML into numerals that Verovio draws on one line,
    numerals that every program finds at their place, or figured bass."""
    begins = _begins(measure)
    kept, figures = [], []
    for direction in measure.findall("direction"):
        words = direction.find("direction-type/words")
        text = "" if words is None else words.text or ""
        if words is None or text[:1] not in (DRAWN, KEPT, FIGURES):
            continue
        sign, words.text = text[0], text[1:]
        if sign == DRAWN:
            _make_harmony(direction, text[1:])
            continue
        at = begins[direction] + int(direction.findtext("offset") or 0)
        measure.remove(direction)
        if sign == KEPT:
            kept.append((at, direction))
        else:
            figures.append((at, text[1:]))
    notes = [note for note in measure.findall("note") if note.find("duration") is not None]
    for note in notes:
        if note.findtext("voice") == notes[-1].findtext("voice"):  # the bass
            end = begins[note] + _length(note)
            own = [each for each in figures if begins[note] <= each[0] < end]
            place = list(measure).index(note)
            measure[place:place] = _figured_basses(own, begins[note], end)
    if kept:
        _append_at_their_times(measure, kept, max(begins[note] + _length(note) for note in notes))


def _append_at_their_times(
    measure: ElementTree.Element, directions: list[tuple[int, ElementTree.Element]], end: int
) -> None:
    """Adds directions to a measure, each after the notes that precede it in time, since MuseScore
    ignores their offsets."""
    barline = measure[-1] if measure[-1].tag == "barline" else None
    if barline is not None:
        measure.remove(barline)
    now = end
    for at, direction in directions:
        if (offset := direction.find("offset")) is not None:
            direction.remove(offset)
        if at != now:
            move = ElementTree.SubElement(measure, "backup" if at < now else "forward")
            ElementTree.SubElement(move, "duration").text = str(abs(at - now))
        measure.append(direction)
        now = at
    if now != end:
        ElementTree.SubElement(ElementTree.SubElement(measure, "forward"), "duration").text = str(
            end - now
        )
    if barline is not None:
        measure.append(barline)


def _make_harmony(direction: ElementTree.Element, text: str) -> None:
    words = direction.find("direction-type")
    assert words is not None  # its mark was found there
    direction.remove(words)
    direction.tag = "harmony"
    numeral, kind = ElementTree.Element("numeral"), ElementTree.Element("kind")
    ElementTree.SubElement(numeral, "numeral-root", text=f"{text}\u00a0").text = "1"
    kind.text = "none"
    direction[:0] = [numeral, kind]


def _begins(measure: ElementTree.Element) -> dict[ElementTree.Element, int]:
    """Where each element of a measure begins, in MusicXML's divisions."""
    begins, now = {}, 0
    for element in measure:
        begins[element] = now
        if element.tag in ("note", "forward"):
            now += _length(element)
        elif element.tag == "backup":
            now -= _length(element)
    return begins


def _length(element: ElementTree.Element) -> int:
    return int(element.findtext("duration") or 0)


def _figured_basses(
    figures: list[tuple[int, str]], begin: int, end: int
) -> list[ElementTree.Element]:
    """The figured-bass elements of a note, each with its duration if there are several."""
    if not figures:
        return []
    if figures[0][0] > begin:
        figures = [(begin, ""), *figures]
    elements = []
    for (at, text), stop in zip(figures, [*(at for at, _ in figures[1:]), end]):
        element = ElementTree.Element("figured-bass")
        for written in text.split(","):
            found = _FIGURE.fullmatch(written)
            assert found is not None  # as `harmony.figures` writes them
            figure = ElementTree.SubElement(element, "figure")
            if found[1]:
                ElementTree.SubElement(figure, "prefix").text = _PREFIXES[found[1]]
            if found[2]:
                ElementTree.SubElement(figure, "figure-number").text = found[2]
        if len(figures) > 1:
            ElementTree.SubElement(element, "duration").text = str(stop - at)
        elements.append(element)
    return elements
