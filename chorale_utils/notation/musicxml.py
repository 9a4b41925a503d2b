"""A MusicXML file as a music21 Score, including what music21 would lose.

music21 reads notes, bars and most signs, but not the extension lines after syllables, jumps that
only a `sound` element names, repeats in the middle of a bar, slash notation, or titles that are
only printed as credits. Before music21 sees the file, these are rewritten in its tree as lyrics and
directions, which music21 does read, marked with characters that never occur on a page. `reading`
interprets the marks.

Notebook: 05_generation
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from music21.stream import Score

# Private-use characters of Unicode, which never occur in the text of a page:
MELISMA = "\ue000"  # after a syllable: the following notes are sung on it
SIGN = "\ue001"  # before a direction: a repeat sign or jump, named as in `page`
TEMPO = "\ue002"  # before a direction: these words are a tempo
ELISION = "\u203f"  # between syllables that share a note

_ALTERATIONS = {  # MusicXML's names for accidentals in a figured bass
    "": "",
    "sharp": "#",
    "flat": "b",
    "natural": "n",
    "double-sharp": "##",
    "sharp-sharp": "##",
    "flat-flat": "bb",
    "cross": "#",
    "slash": "#",
    "back-slash": "#",
    "vertical": "#",
}
_CREDITS = {"composer": "composer", "lyricist": "lyricist", "arranger": "arranger"}
_IN_TIME = ("note", "backup", "forward")
_LYRICISTS = ("poet", "librettist", "text")


def parse_musicxml(path: Path) -> Score:
    """The music21 Score in a MusicXML file, packed (.mxl) or not.

    Args:
        path: file.

    Raises:
        Exception: any error that zipfile, the XML parser or music21 raises for a damaged file.

    Examples:
        >>> from tempfile import mkdtemp
        >>> from chorale_utils import Chorale, write_score
        >>> file = write_score(Chorale([[72, 67, 64, 48]] * 16), f"{mkdtemp()}/mine.musicxml")
        >>> len(parse_musicxml(file).parts)
        4
    """
    from music21.musicxml.xmlToM21 import MusicXMLImporter

    root = ElementTree.fromstring(_content(path))
    if root.tag == "score-timewise":
        root = _partwise(root)
    if root.tag != "score-partwise":
        raise ValueError(f"its root is <{root.tag}>: expected <score-partwise>")
    _complete_credits(root)
    for part in root.iter("part"):
        _write_out_repeated_bars(part)
    for measure in root.iter("measure"):
        _keep_what_music21_loses(measure)
    for part in root.iter("part"):
        _mark_slashes(part)
        _name_last_line(part)
    importer = MusicXMLImporter()
    importer.xmlRootToScore(root, importer.stream)
    if importer.stream.metadata is not None:
        importer.stream.metadata.filePath = str(path)
    return importer.stream


def figured_basses(path: Path) -> list[tuple[int, str]]:
    """The figured bass in a MusicXML file, which music21 does not read: pairs (step in sixteenths,
    figures such as ``'6,5'`` or ``'#'``), with each bar once; empty if there are no figures.

    Raises:
        ValueError: several parts have figures, or a figure is not on a sixteenth or has an unknown
            sign; the message says which.
    """
    root = _partwise(ElementTree.fromstring(_content(path)))
    figured = [
        part
        for part in root
        if _is(part, "part") and any(_is(one, "figure") for one in part.iter())
    ]
    if len(figured) > 1:
        raise ValueError(f"{path.name}: figures in {len(figured)} parts: expected them in one")
    return [pair for part in figured for pair in _figures_of(part, path.name)]


def _figures_of(part: ElementTree.Element, name: str) -> Iterator[tuple[int, str]]:
    """The figures of a part, with their steps."""
    at, divisions = Fraction(0), 1
    for measure in part:
        later = Fraction(0)  # offset of a figure after others over the same note
        for element in measure:
            tag = element.tag.rpartition("}")[2]
            divisions = int(element.findtext("{*}divisions") or divisions)
            quarters = Fraction(element.findtext("{*}duration") or "0") / divisions
            if tag == "figured-bass":
                step = 4 * (at + later)
                if step.denominator != 1:
                    raise ValueError(
                        f"{name}: figures {float(step / 4):g} quarters after the beginning: "
                        "expected them on a sixteenth"
                    )
                yield (
                    int(step),
                    ",".join(_figure(one, name) for one in element.iter() if _is(one, "figure")),
                )
                later += quarters
            elif tag == "backup":
                at -= quarters
            elif tag == "forward" or (
                tag == "note"
                and not any(element.findall(f"{{*}}{kind}") for kind in ("chord", "grace"))
            ):
                at, later = at + quarters, Fraction(0)


def _figure(element: ElementTree.Element, name: str) -> str:
    """A figure, such as ``'#6'``: a stroke through the number, or a cross, means raised."""
    number = element.findtext("{*}figure-number") or ""
    signs = [element.findtext(f"{{*}}{where}") or "" for where in ("prefix", "suffix")]
    unknown = [sign for sign in signs if sign not in _ALTERATIONS]
    if unknown or all(signs):
        raise ValueError(
            f"{name}: figure {number!r} with {' and '.join(filter(None, signs))}: expected one of "
            f"{', '.join(filter(None, _ALTERATIONS))}"
        )
    return "".join(_ALTERATIONS[sign] for sign in signs) + number


def _content(path: Path) -> bytes:
    """The uncompressed MusicXML in a file."""
    if path.suffix.lower() != ".mxl":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = [
            name
            for name in archive.namelist()
            if not name.startswith(("META-INF", "__MACOSX")) and name.endswith(("xml",))
        ]
        if "META-INF/container.xml" in archive.namelist():
            container = ElementTree.fromstring(archive.read("META-INF/container.xml"))
            roots = [
                file.get("full-path", "") for file in container.iter() if _is(file, "rootfile")
            ]
            names = [name for name in roots if name in archive.namelist()] or names
        if not names:
            raise ValueError("there is no MusicXML in the archive")
        return archive.read(names[0])


def _is(element: ElementTree.Element, tag: str) -> bool:
    """Whether an element has this tag, in any namespace."""
    return element.tag.rpartition("}")[2] == tag


def _partwise(root: ElementTree.Element) -> ElementTree.Element:
    """Turns a score whose measures contain parts into one whose parts contain measures."""
    parts: dict[str, ElementTree.Element] = {}
    for measure in root.findall("measure"):
        root.remove(measure)
        for piece in measure.findall("part"):
            name = piece.get("id", "")
            if name not in parts:
                parts[name] = ElementTree.SubElement(root, "part", id=name)
            own = ElementTree.SubElement(parts[name], "measure", measure.attrib)
            own.extend(list(piece))
    root.tag = "score-partwise"
    return root


def _complete_credits(root: ElementTree.Element) -> None:
    """Adds the title and authors if they are only printed as credits; a poet becomes lyricist."""
    identification = root.find("identification")
    if identification is None:
        identification = ElementTree.Element("identification")
        root.insert(0, identification)
    for creator in identification.findall("creator"):
        if creator.get("type") in _LYRICISTS:
            creator.set("type", "lyricist")
    printed: dict[str, str] = {}
    for credit in root.findall("credit"):
        kind = (credit.findtext("credit-type") or "").strip()
        words = " ".join((text.text or "").strip() for text in credit.findall("credit-words"))
        if words.strip():
            printed.setdefault(kind, words.strip())
    titled = any(
        (root.findtext(place) or "").strip() for place in ("work/work-title", "movement-title")
    )
    if not titled and "title" in printed:
        title = ElementTree.Element("movement-title")
        title.text = printed["title"]
        root.insert(0, title)
    told = {creator.get("type") for creator in identification.findall("creator")}
    for kind, role in _CREDITS.items():
        if kind in printed and role not in told:
            creator = ElementTree.Element("creator", type=role)
            creator.text = printed[kind]
            identification.insert(0, creator)


def _write_out_repeated_bars(part: ElementTree.Element) -> None:
    """Fills in bars that only have the sign to repeat the last bar (or two, or four)."""
    measures, back = part.findall("measure"), 0
    for place, measure in enumerate(measures):
        for sign in measure.iter("measure-repeat"):
            count = (sign.text or "").strip()
            back = int(count) if sign.get("type") == "start" and count.isdigit() else 0
        sung = any(note.find("rest") is None for note in measure.findall("note"))
        if 0 < back <= place and not sung:
            for element in measure.findall("*"):
                if element.tag in _IN_TIME:
                    measure.remove(element)
            source = measures[place - back]
            measure.extend(deepcopy(one) for one in source if one.tag in _IN_TIME)


def _name_last_line(part: ElementTree.Element) -> None:
    """Makes the last bar line final if an ending closes there and no style is given."""
    for line in part.findall("measure[last()]/barline[@location='right']"):
        if line.find("bar-style") is None and line.find("repeat") is None:
            style = ElementTree.Element("bar-style")
            style.text = "light-heavy"
            line.insert(0, style)


def _keep_what_music21_loses(measure: ElementTree.Element) -> None:
    for lyric in measure.iter("lyric"):
        texts, extend = lyric.findall("text"), lyric.find("extend")
        if texts and extend is not None and extend.get("type") != "stop":
            texts[-1].text = (texts[-1].text or "").strip() + MELISMA
    for place, element in reversed(list(enumerate(measure))):
        if element.tag == "direction":
            _mark_tempo(element)
        marks = list(_signs(element))
        if element.tag == "barline" and element.get("location") == "middle":
            repeat = element.find("repeat")
            if repeat is not None and repeat.get("direction") == "backward":
                marks.append(f"repeat end {repeat.get('times') or 2}")
            if repeat is not None and repeat.get("direction") == "forward":
                marks.append("repeat begin")
        for mark in marks:
            measure.insert(place + 1, _direction(SIGN + mark))


def _signs(element: ElementTree.Element) -> Iterator[str]:
    """The repeat signs and jumps of an element that music21 would not read."""
    if element.tag == "barline":
        for sign in ("segno", "coda"):
            if element.find(sign) is not None:
                yield sign
        return
    sounds = [element] if element.tag == "sound" else element.findall("sound")
    if element.tag not in ("direction", "sound"):
        return
    written = " ".join(words.text or "" for words in element.iter("words"))
    for sound in sounds:
        if sound.get("tocoda"):
            for kind in element.findall("direction-type"):  # a coda sign from which one jumps
                for symbol in kind.findall("coda"):
                    kind.remove(symbol)
                if not len(kind):
                    element.remove(kind)
            yield "to coda"
        if sound.get("fine"):
            yield "fine"
        if sound.get("segno") and element.find(".//segno") is None:
            yield "segno"
        if sound.get("coda") and element.find(".//coda") is None:
            yield "coda"
        for attribute, jump in (("dacapo", "da capo"), ("dalsegno", "dal segno")):
            if sound.get(attribute) not in (None, "no") and not re.search(
                r"d\. ?[cs]|da capo|[dl] segno", written, re.IGNORECASE
            ):
                yield jump


def _mark_tempo(direction: ElementTree.Element) -> None:
    """Marks the words of a direction that sets a tempo."""
    sets_tempo = (
        direction.get("directive") == "yes"
        or direction.find(".//metronome") is not None
        or any(sound.get("tempo") for sound in direction.findall("sound"))
    )
    if sets_tempo:
        for words in direction.iter("words"):
            if (words.text or "").strip():
                words.text = TEMPO + (words.text or "").strip()


def _direction(words: str) -> ElementTree.Element:
    direction = ElementTree.Element("direction")
    kind = ElementTree.SubElement(direction, "direction-type")
    ElementTree.SubElement(kind, "words").text = words
    return direction


def _mark_slashes(part: ElementTree.Element) -> None:
    """Gives every note in slash notation a slash as its note head."""
    inside = False
    for element in part.iter():
        if element.tag == "slash" and element.get("type"):
            inside = element.get("type") == "start"
        if element.tag == "note" and inside:
            for head in element.findall("notehead"):
                element.remove(head)
            ElementTree.SubElement(element, "notehead").text = "slash"
