"""Engraving: MusicXML drawn by Verovio, on one long page or on pages of paper, as SVG, PNG or PDF.

This file knows pages, fonts and places on them, and nothing of music: what stands in the score is
decided in `score`. Nothing here needs another program or the network, nor a font of the machine:
what is not SVG is set by Typst, in the STIX font that comes with matplotlib (SVG leaves the font to
whatever shows it)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from ..chorale import STEPS_PER_QUARTER

_SCALE = 40  # percent: staves 29 pixels high on the long page
_PIXELS_AS_DRAWN = 96  # an inch; the PNG has twice as many
_FONT = "STIXGeneral"
# A4 in tenths of a millimetre, staves 6.4 mm high
_PAPER = {"pageWidth": 2100, "pageHeight": 2970, "scale": 100, "unit": 8}
_LONG = {"pageHeight": 60000, "scale": _SCALE, "unit": 9}
_SVG = "{http://www.w3.org/2000/svg}"


class System(NamedTuple):
    """Where a system stands on the page.

    `top` and `height` are shares of the page's height. `points` are pairs (step, x as share of the
    page's width): one for each step at which a note begins, tied or not, and the right end, where
    the next system takes over.
    """

    top: float
    height: float
    points: list[tuple[int, float]]


class Engraving(NamedTuple):
    """A drawing: `svg` (str) and its `systems`, from the top down."""

    svg: str
    systems: list[System]


def engrave(xml: bytes, width: int, header: bool = True) -> Engraving:
    """MusicXML on one page as long as the music (Engraving).

    Args:
        xml: bytes, MusicXML.
        width: of the page, in pixels.
        header: whether title and composer stand above the music.
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
    svg = drawn.renderToSVG(1)
    return Engraving(svg, _systems(svg, drawn.renderToTimemap({})))


def engrave_pages(xml: bytes) -> list[str]:
    """MusicXML on pages of A4, title and composer above the first: list of SVG (str)."""
    drawn = _loaded(
        xml,
        True,
        {**_PAPER, "adjustPageHeight": False, "pageMargins": 150, "justifyVertically": True},
    )
    return [drawn.renderToSVG(page) for page in range(1, drawn.getPageCount() + 1)]


def png(svg: str) -> bytes:
    """A drawing as PNG (bytes) on white, with twice the width and height that it states.

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


def pdf(pages: Sequence[str], title: str = "") -> bytes:
    """Drawings (list of SVG) as a PDF (bytes), each on a page of A4.

    Examples:
        >>> pdf(['<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'])[:5]
        b'%PDF-'
    """
    return _typeset('#set page(paper: "a4", margin: 0pt)', pages, title, format="pdf", timestamp=0)


def _typeset(page, drawings, title="", **how):
    """The drawings one after the other, as Typst sets them on pages such as `page` tells."""
    import typst
    from matplotlib import get_data_path

    told = {"title": title} | {
        f"drawing-{number}": svg.replace('font-family="Times, serif"', f'font-family="{_FONT}"')
        for number, svg in enumerate(drawings)
    }
    images = [
        f'#image(bytes(sys.inputs.at("drawing-{number}")), format: "svg")'
        for number in range(len(drawings))
    ]
    text = "\n".join(["#set document(title: sys.inputs.title, date: none)", page, *images])
    return typst.compile(
        text.encode(),
        sys_inputs=told,
        font_paths=[Path(get_data_path(), "fonts", "ttf")],
        ignore_system_fonts=True,
        **how,
    )


@lru_cache(maxsize=1)
def _verovio():
    import verovio

    verovio.enableLog(verovio.LOG_ERROR)
    return verovio.toolkit()


def _loaded(xml, header, page):
    """Verovio's toolkit, which has laid the MusicXML out on such pages."""
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
            "xmlIdSeed": 1,
            "mnumInterval": 0,
            **{f"pageMargin{side}": margins for side in ("Top", "Right", "Bottom", "Left")},
            **page,
        }
    )
    if not drawn.loadData(_with_credits(xml.decode()) if header else xml.decode()):
        raise RuntimeError("Verovio could not read its own package's MusicXML: " + drawn.getLog())
    return drawn


def _with_credits(xml):
    """The MusicXML with its title and composer to be printed: Verovio prints no composer of its own
    accord."""
    root = ET.fromstring(xml)
    credits = ""
    for element, kind, side, size in (
        ("work/work-title", "title", "center", 24),
        ("identification/creator[@type='composer']", "composer", "right", 12),
    ):
        if root.findtext(element):
            credits += (
                f'<credit page="1"><credit-type>{kind}</credit-type>'
                f'<credit-words justify="{side}" halign="{side}" valign="top" font-size="{size}">'
                f"{escape(root.findtext(element))}</credit-words></credit>"
            )
    return xml.replace("<part-list>", credits + "<part-list>", 1)


def _systems(svg, timemap):
    """The systems of a drawing (list of System); `timemap` is Verovio's: which notes begin at which
    quarter."""
    root = ET.fromstring(svg)
    scale = root.find(f"{_SVG}svg")
    left, top = _translation(scale.find(f"{_SVG}g"))
    width, height = (float(size) for size in scale.get("viewBox").split()[2:])
    step_of = {
        note: round(moment["qstamp"] * STEPS_PER_QUARTER)
        for moment in timemap
        for note in moment.get("on", ())
    }
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
            middle = 0.59 * space  # of a note head, from its left
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
    next_starts = [system.points[0][0] for system in systems[1:]] + [
        round(timemap[-1]["qstamp"] * STEPS_PER_QUARTER)
    ]
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
