"""Engraving: MusicXML drawn by Verovio, on one long page or on pages of paper, as SVG, PNG or PDF.

This file deals with pages and fonts, not with music: `score` decides what is in the score. It needs
no other program, no network and no installed fonts. PNG and PDF are typeset by Typst, each letter
in the first of three fonts that has it: STIX, DejaVu Sans (both come with matplotlib), and
IPAexGothic for Japanese and Chinese characters (6 MB, from the package matplotlib-fontja). SVG
leaves the choice of font to the viewer."""

from __future__ import annotations

import json
import re
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from functools import cache, lru_cache
from html import escape, unescape
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from ..chorale import STEPS_PER_QUARTER
from .fault_marks import Entry
from .musicxml import ELISION

_SCALE = 40  # percent: staves 29 pixels high on the long page
_PIXELS_AS_DRAWN = 96  # per inch; the PNG has twice as many
# the plain, bold and italic faces of each font: if one lacked a letter, the letters beside it would
# be set in another font, too
_FONTS = (
    (
        "STIXGeneral",
        ("STIXGeneral.ttf", "STIXGeneralBol.ttf", "STIXGeneralItalic.ttf", "STIXGeneralBolIta.ttf"),
    ),
    (
        "DejaVu Sans",
        (
            "DejaVuSans.ttf",
            "DejaVuSans-Bold.ttf",
            "DejaVuSans-Oblique.ttf",
            "DejaVuSans-BoldOblique.ttf",
        ),
    ),
)
_UPRIGHT = frozenset(map(ord, "♭♮♯"))  # only needed in the plain face
_WIDE = r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]"  # lines may break between any two
_TEXT = 45  # size of Verovio's letters, in tenths of its unit
_TITLE = 150  # percent of that
_PLAIN_SIZE = 0.7  # relative to the size in Verovio's music font
# in that font: a quarter, an eighth, a half note, and a dot
_PLAIN_NOTES = {0xECA5: "\u2669", 0xECA7: "\u266a", 0xECA3: "\U0001d15e", 0xECB7: "."}
# and its accidentals beside letters, which are smaller
_PLAIN_ACCIDENTALS = {0xEA63: "♭♭", 0xEA64: "♭", 0xEA65: "♮", 0xEA66: "♯", 0xEA67: "♯♯"}
_ACCIDENTAL_SIZE = 0.5625
_SUPERSCRIPTS = str.maketrans("⁴⁶⁷₂₃₄₅", "4672345")
_SMALL, _RAISED, _LOWERED = 0.62, 0.38, 0.12  # figures of a numeral, relative to its letters
# A4 in tenths of a millimetre, with staves 6.4 mm high
_PAPER = {"pageWidth": 2100, "pageHeight": 2970, "scale": 100, "unit": 8}
_LONG = {"pageHeight": 60000, "scale": _SCALE, "unit": 9}
_PLAIN_TIE = "\u00a0\u035c"  # a space with a combining tie below it, which every font has
_SVG = "{http://www.w3.org/2000/svg}"


# the legend of marks: on the long page in pixels, on paper in millimetres
_LEGEND_TEXT, _LEGEND_LINE, _LEGEND_INDENT, _LEGEND_MARGIN = 14, 20, 26, 30
_PAPER_MARGIN, _BELOW_MUSIC = 15, 10
_HUNDREDTHS = 100  # of a millimetre, in which Verovio draws on paper


class System(NamedTuple):
    """The place of a system on the page.

    `top` and `height` are shares of the page's height. `points` are pairs (step, x as share of the
    page's width): one for each step at which a note begins, tied or not, and one for the right end
    of the system.
    """

    top: float
    height: float
    points: list[tuple[int, float]]


class Engraving(NamedTuple):
    """A drawing: `svg` (str), its `systems` from the top down, and `notes`, a dict from the id of a
    note's element to the step at which the note begins."""

    svg: str
    systems: list[System]
    notes: dict[str, int]


def engrave(xml: bytes, width: int, header: bool = True) -> Engraving:
    """MusicXML on one page as long as the music (Engraving).

    Args:
        xml: bytes, MusicXML.
        width: width of the page in pixels.
        header: whether to print title and composer above the music.
    """
    drawn = _loaded(
        xml,
        header,
        {
            **_LONG,
            "pageWidth": width * 100 // _SCALE,
            "adjustPageHeight": True,
            "pageMargins": 50,
            "justifyVertically": False,
        },
    )
    svg = _with_plain_figures(_with_plain_notes(drawn.renderToSVG(1)))
    timemap = drawn.renderToTimemap({})
    step_of = {
        note: round(moment["qstamp"] * STEPS_PER_QUARTER)
        for moment in timemap
        for note in moment.get("on", ())
    }
    steps = round(timemap[-1]["qstamp"] * STEPS_PER_QUARTER)
    return Engraving(svg, _systems(svg, step_of, steps), step_of)


def engrave_pages(xml: bytes) -> list[str]:
    """MusicXML on pages of A4, title and composer above the first: list of SVG (str)."""
    drawn = _loaded(
        xml,
        True,
        {**_PAPER, "adjustPageHeight": False, "pageMargins": 150, "justifyVertically": True},
    )
    pages = range(1, drawn.getPageCount() + 1)
    return [_with_plain_figures(_with_plain_notes(drawn.renderToSVG(page))) for page in pages]


def with_legend(engraving: Engraving, legend: Sequence[Entry]) -> Engraving:
    """The drawing with a legend of its marks added below.

    Args:
        engraving: Engraving on one long page.
        legend: entries, each printed with its number in its colour; if empty, the drawing is
            returned unchanged.
    """
    if not legend:
        return engraving
    root = ET.fromstring(engraving.svg)
    width, height = (float(root.get(side, "").removesuffix("px")) for side in ("width", "height"))
    ems = (width - 2 * _LEGEND_MARGIN - _LEGEND_INDENT) / _LEGEND_TEXT
    drawn, y = "", height + _LEGEND_LINE / 2
    for entry in legend:
        lines = _wrapped(f"{entry.name}, {entry.meaning}", ems)
        drawn += _legend_text(
            _LEGEND_MARGIN, y, str(entry.number), entry.colour, ' font-weight="bold"'
        )
        for line in lines:
            drawn += _legend_text(_LEGEND_MARGIN + _LEGEND_INDENT, y, line, entry.colour)
            y += _LEGEND_LINE
    longer = round(y)
    share = height / longer
    systems = [
        system._replace(top=system.top * share, height=system.height * share)
        for system in engraving.systems
    ]
    whole = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}px" height="{longer}px" '
        f'version="1.1">{engraving.svg}{drawn}</svg>'
    )
    return Engraving(whole, systems, engraving.notes)


def _legend_text(x, y, text, colour, style=""):
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="Times, serif" font-size="{_LEGEND_TEXT}px" '
        f'fill="{escape(colour)}"{style}>{escape(text, quote=False)}</text>'
    )


def _with_plain_notes(svg):
    """The drawing with the notes in tempo marks, the accidentals in text, and the ties between
    syllables that share a note, in characters of ordinary fonts; a music font would have to be
    embedded in every drawing."""
    svg = svg.replace(ELISION, _PLAIN_TIE)

    def plain(match):
        size, notes = match.groups()
        if all(ord(sign) in _PLAIN_ACCIDENTALS for sign in notes):
            size = round(float(size) * _ACCIDENTAL_SIZE)
            return f'<tspan font-size="{size}px">{notes.translate(_PLAIN_ACCIDENTALS)}</tspan>'
        size = round(float(size) * _PLAIN_SIZE)
        plain_notes = re.sub(r"\s+(?=\.)", "", notes.translate(_PLAIN_NOTES))  # no space before dot
        return f'<tspan font-size="{size}px">\u00a0{plain_notes}</tspan>'

    leipzig = r'<tspan font-family="Leipzig" font-size="([\d.]+)px">([^<]*)</tspan>'
    return re.sub(leipzig, plain, svg)


def _with_plain_figures(svg):
    """The drawing with the figures of numerals, such as ``V⁶₅``, as small ordinary digits, one
    above the other."""

    def plain(match):
        size, text = float(match[1]), match[2]
        shown = f'<tspan font-size="{round(size * _SMALL)}px"'
        written, height = "", 0.0
        for part in re.split("([⁴⁶⁷]|[₂₃₄₅])", text):
            new = _RAISED if part in "⁴⁶⁷" else -_LOWERED if part in "₂₃₄₅" else 0.0
            if not part:
                continue
            move = f' dy="{round((height - new) * size)}"'
            if new < 0:
                move += f' dx="{-round(size * _SMALL / 2)}"'
            digit = part.translate(_SUPERSCRIPTS)
            written += f"{shown}{move}>{digit}</tspan>" if new else f"<tspan{move}>{part}</tspan>"
            height = new
        return f'<tspan font-size="{match[1]}px">{written}</tspan>'

    text = r'<tspan font-size="([\d.]+)px">([^<]*[⁴⁶⁷][^<]*)</tspan>'
    harm = r'<g id="[^"]*" class="harm">.*?</g>'
    return re.sub(harm, lambda drawn: re.sub(text, plain, drawn[0]), svg, flags=re.DOTALL)


def png(svg: str) -> bytes:
    """A drawing as PNG (bytes) on white, at twice its stated width and height.

    Examples:
        >>> png('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')[1:4]
        b'PNG'
    """
    return _typeset(
        "#set page(width: auto, height: auto, margin: 0pt, fill: white)",
        [svg],
        format="png",
        ppi=2 * _PIXELS_AS_DRAWN,
    )


def pdf(pages: Sequence[str], title: str = "", legend: Sequence[Entry] = ()) -> bytes:
    """Drawings (list of SVG) as a PDF (bytes), each on a page of A4; the `legend` of the marks
    follows below the music, on as many pages as it takes.

    Examples:
        >>> pdf(['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'])[:5]
        b'%PDF-'
    """
    page = '#set page(paper: "a4", margin: 0pt)'
    if not legend:
        return _typeset(page, pages, title, format="pdf", timestamp=0)
    page = f'#set page(paper: "a4", margin: {_PAPER_MARGIN}mm)'
    below = f"#v({_music_ends(pages[-1]) - _PAPER_MARGIN + _BELOW_MUSIC:.1f}mm)"
    return _typeset(page, pages, title, [below, _LEGEND], legend, format="pdf", timestamp=0)


# Each entry is kept on one page, its number in a separate column.
_LEGEND = """
#set text(font: json(bytes(sys.inputs.fonts)), size: 10pt)
#for (number, colour, name, meaning) in json(bytes(sys.inputs.legend)) [
  #block(breakable: false, above: 0.8em, below: 0.8em)[
    #set text(fill: rgb(colour))
    #grid(columns: (8mm, 1fr), strong(str(number)), [#name, #meaning])
  ]
]"""


def _music_ends(svg):
    """The distance in millimetres from the top of a page of A4 to the end of its music."""
    top = _translation(
        next(
            group
            for group in ET.fromstring(svg).iter(f"{_SVG}g")
            if group.get("class") == "page-margin"
        )
    )[1]
    lines = re.findall(r'<path d="M[-\d.]+ ([-\d.]+) L[-\d.]+ \1"', svg)
    words = re.findall(r'<text x="[-\d.]+" y="([-\d.]+)"', svg)
    return (top + max(map(float, lines + words))) / _HUNDREDTHS


def _typeset(page, drawings, title="", more=(), legend=(), **how):
    """The drawings one after another, set by Typst on pages as in `page`; if there is a legend,
    each drawing is placed on its page and `more` follows on the last one."""
    import typst

    told = {"title": title} | {
        f"drawing-{number}": _with_fonts(svg) for number, svg in enumerate(drawings)
    }
    images = [
        f'#image(bytes(sys.inputs.at("drawing-{number}")), format: "svg")'
        for number in range(len(drawings))
    ]
    if legend:
        told["legend"] = json.dumps([list(entry) for entry in legend])
        told["fonts"] = json.dumps([font.family for font in _fonts()])
        margin = f"dx: -{_PAPER_MARGIN}mm, dy: -{_PAPER_MARGIN}mm"
        images = [f"#place(top + left, {margin}, {image[1:]})" for image in images]
        images = ["\n#pagebreak()\n".join(images)]
    setting = ["#set document(title: sys.inputs.title, date: none)", page, *images, *more]
    text = "\n".join(setting)
    return typst.compile(
        text.encode(),
        sys_inputs=told,
        font_paths=list({font.file.parent for font in _fonts()}),
        ignore_system_fonts=True,
        **how,
    )


# Letters


class _Font(NamedTuple):
    """A font: its family name, its file, and the characters (code points) that it has."""

    family: str
    file: Path
    characters: frozenset[int]


@lru_cache(maxsize=1)
def _fonts():
    """The fonts for letters, the preferred one first."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    folders = {family: (Path(get_data_path(), "fonts", "ttf"), faces) for family, faces in _FONTS}
    japanese = find_spec("matplotlib_fontja")  # importing it would change matplotlib
    if japanese is not None and japanese.submodule_search_locations:
        folder = Path(japanese.submodule_search_locations[0], "fonts")
        folders["IPAexGothic"] = (folder, ("ipaexg.ttf",))
    fonts = []
    for family, (folder, faces) in folders.items():
        if all((folder / face).is_file() for face in faces):
            has = [set(FT2Font(str(folder / face)).get_charmap()) for face in faces]
            characters = set.intersection(*has) | (has[0] & _UPRIGHT)
            fonts.append(_Font(family, folder / faces[0], frozenset(characters)))
    return fonts


def _with_fonts(svg):
    """The drawing with a font assigned to each of its letters; a warning lists letters that no font
    has."""
    first = _fonts()[0]
    missing = set()

    def set_in_fonts(match):
        text = unescape(match.group(1))
        runs = [
            (family, "".join(letters))
            for family, letters in groupby(text, key=lambda letter: _family(letter, missing))
        ]
        return f">{''.join(_run(letters, family, first.family) for family, letters in runs)}<"

    svg = svg.replace('font-family="Times, serif"', f'font-family="{first.family}"')
    svg = re.sub(r">([^<>]*[^\x00-\x7f<>][^<>]*)<", set_in_fonts, svg)
    if missing:
        told = " ".join(sorted(missing))
        advice = "" if find_spec("matplotlib_fontja") else "; matplotlib-fontja has Japanese ones"
        warnings.warn(
            f"no font for {told}: printed as boxes in PDF and PNG{advice}. Write the score as "
            ".svg or .musicxml, which leave the font to the viewer",
            stacklevel=5,
        )
    return svg


def _run(letters, family, first):
    text = escape(letters, quote=False)
    return text if family == first else f'<tspan font-family="{family}">{text}</tspan>'


def _family(letter, missing):
    """The name of the first font that has a letter; a letter that none has is added to
    `missing`."""
    for font in _fonts():
        if ord(letter) in font.characters:
            return font.family
    missing.add(letter)
    return _fonts()[0].family


def _wrapped(text, ems):
    """A text as lines (list of str) of similar length, none wider than this number of ems (heights
    of a letter)."""
    words = re.findall(rf"{_WIDE}|(?:(?!{_WIDE})\S)+\s*|\s+", text.strip())
    pieces = [part for word in words for part in ([word] if _width(word) <= ems else word)]
    count = len(_filled(pieces, ems))
    evenly = [_width(text) / count * (1 + share / 20) for share in range(20)]
    return next(
        found
        for found in (_filled(pieces, limit) for limit in (*evenly, ems) if limit <= ems)
        if len(found) <= count
    )


def _filled(pieces, ems):
    lines = [""]
    for piece in pieces:
        if lines[-1] and _width((lines[-1] + piece).rstrip()) > ems:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def _width(text):
    """The approximate width of a text, as a multiple of the height of its letters."""
    return sum(_advance(letter) for letter in text)


@cache
def _advance(letter):
    from matplotlib.ft2font import FT2Font

    if ord(letter) not in _fonts()[0].characters:
        return 1.0
    font = FT2Font(str(_fonts()[0].file))
    font.set_size(100, 72)
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / 100


# Verovio


@lru_cache(maxsize=1)
def _verovio():
    import verovio

    verovio.enableLog(verovio.LOG_ERROR)
    return verovio.toolkit()


def _loaded(xml, header, page):
    """Verovio's toolkit with the MusicXML laid out on such pages."""
    drawn = _verovio()
    margins = page.pop("pageMargins")
    drawn.setOptions(
        {
            "inputFrom": "xml",
            "breaks": "auto",
            "header": "auto" if header else "none",
            "footer": "none",
            "svgViewBox": False,
            "svgFormatRaw": True,
            "svgRemoveXlink": False,
            "smuflTextFont": "none",
            "expandNever": True,
            "xmlIdSeed": 1,
            "mnumInterval": 0,
            **{f"pageMargin{side}": margins for side in ("Top", "Right", "Bottom", "Left")},
            **page,
        }
    )
    if not drawn.loadData(xml.decode()):
        raise RuntimeError(
            "Verovio could not read the MusicXML that this package made: " + drawn.getLog()
        )
    if header:
        ems = (page["pageWidth"] * 10 - 20 * margins) / (_TEXT * page["unit"])
        mei = re.sub(r"<pgHead.*?</pgHead>|<pgHead[^>]*/>", "", drawn.getMEI(), flags=re.DOTALL)
        drawn.setOptions({"inputFrom": "mei"})
        drawn.loadData(re.sub(r"(<scoreDef[^>]*>)", rf"\1{_heading(xml, ems)}", mei, count=1))
    return drawn


def _heading(xml, ems):
    """The heading above the music, as MEI: the title, and below it the poet on the left, composer
    and arranger on the right.

    Verovio would print a title itself, but without line breaks and without a composer.

    Args:
        ems: width of the page, as a multiple of the height of letters.
    """
    root = ET.fromstring(xml)

    def told(role):
        return root.findtext(f"identification/creator[@type='{role}']") or ""

    heading = ""
    composers = [line for role in ("composer", "arranger") if (line := told(role))]
    for lines, place, size, share in (
        ([root.findtext("work/work-title") or ""], 'halign="center" valign="top"', _TITLE, 0.96),
        ([told("lyricist")], 'halign="left" valign="middle"', 100, 0.46),
        (composers, 'halign="right" valign="middle"', 100, 0.46),
    ):
        wrapped = [
            escape(part)
            for line in lines
            if line.strip()
            for part in _wrapped(line, share * ems * 100 / size)
        ]
        if wrapped:
            heading += f'<rend {place} fontsize="{size}%">{"<lb/>".join(wrapped)}</rend>'
    return f'<pgHead func="first">{heading}</pgHead>' if heading else ""


def _systems(svg, step_of, steps):
    """The systems of a drawing (list of System), from the step of each note and the length of the
    piece."""
    root = ET.fromstring(svg)
    scale = root.find(f"{_SVG}svg")
    left, top = _translation(scale.find(f"{_SVG}g"))
    width, height = (float(size) for size in scale.get("viewBox").split()[2:])
    systems, ends = [], []
    for drawn in root.iter(f"{_SVG}g"):
        if drawn.get("class") == "system":
            lines = [
                [float(number) for number in re.findall(r"-?[\d.]+", path.get("d"))]
                for staff in drawn.iter(f"{_SVG}g")
                if staff.get("class") == "staff"
                for path in staff.findall(f"{_SVG}path")
            ]
            space = lines[1][1] - lines[0][1]
            middle = 0.59 * space  # from the left edge of a note head to its centre
            heads = sorted(
                (
                    step_of[note.get("id")],
                    (_translation(next(note.iter(f"{_SVG}use")))[0] + middle + left) / width,
                )
                for note in drawn.iter(f"{_SVG}g")
                if note.get("id") in step_of
            )
            upper, lower = (
                min(line[1] for line in lines) - 2 * space,
                max(line[1] for line in lines) + 2 * space,
            )
            points = [*dict(reversed(heads)).items()][::-1]  # the leftmost head of each step
            if points:
                systems.append(System((upper + top) / height, (lower - upper) / height, points))
                ends.append((max(line[2] for line in lines) + left) / width)
    next_starts = [system.points[0][0] for system in systems[1:]] + [steps]
    for system, step, end in zip(systems, next_starts, ends):
        system.points.append((step, end))
    return systems


def _translation(element):
    return [
        float(number)
        for number in re.search(r"translate\(([^)]*)\)", element.get("transform"))
        .group(1)
        .split(",")
    ]
