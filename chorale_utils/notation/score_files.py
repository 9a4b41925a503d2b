"""Scores in files, as MusicXML, PDF, SVG and PNG, and as pictures in a notebook.

`score` decides how a chorale is notated, `musicxml_writing` makes MusicXML of it, and `engraving`
draws that.

Notebook: 05_generation
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chorale import Chorale, as_chorale
from ..files import as_path, write_atomically
from .chord_marks import ChordMark
from .engraving import Engraving, System, engrave, engrave_pages, pdf, png, with_legend
from .fault_marks import Marks
from .musicxml_writing import musicxml_of, packed
from .picture import small_png
from .score import build_score

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PAGE_WIDTH = 900  # pixels

_SUFFIXES = (".musicxml", ".xml", ".mxl", ".svg", ".pdf", ".png")


def write_score(
    chorale: Chorale,
    path: str | os.PathLike[str],
    staves: int = 4,
    colours: ArrayLike | None = None,
    about: Mapping[str, Any] | None = None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Marks | None = None,
) -> Path:
    """Writes a chorale as a score, in the format of the suffix.

    Args:
        chorale: Chorale, at least one step.
        path: file to write, ``.musicxml`` or ``.xml``, ``.mxl`` (the same, compressed), ``.pdf``
            (pages of A4), ``.svg`` or ``.png`` (one page as long as the music, 900 pixels wide, or
            1800 in PNG). It is written completely or not at all; its folder is created if missing.
        staves: 4 or 2, see `to_score`.
        colours: see `to_score`.
        about: dict of facts, see `to_score`; only MusicXML can hold them.
        analysis: see `to_score`.
        marks: see `to_score`; a drawing has a legend below the music.

    Returns:
        Path: `path`.

    Raises:
        ValueError, TypeError: another suffix, `path` is not a file name, or as in `to_score`.

    Examples:
        >>> from tempfile import mkdtemp
        >>> write_score(Chorale([[72, 67, 64, 48]] * 16), f"{mkdtemp()}/mine.musicxml").name
        'mine.musicxml'

    Notebook: 05_generation
    """
    as_chorale(chorale)
    path = as_path(path)
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ValueError(
            f"{path}: a score cannot be written as {suffix or 'a file without suffix'!r}: expected "
            f"one of {', '.join(_SUFFIXES)}"
        )
    drawn = suffix in (".pdf", ".png", ".svg")
    xml = musicxml_of(
        build_score(chorale, staves, colours, about, analysis, marks, marked=True, drawn=drawn)
    )
    legend = marks.legend if marks else ()
    if suffix == ".pdf":
        content = pdf(engrave_pages(xml), title=chorale.title or "", legend=legend)
    elif suffix == ".png":
        content = png(with_legend(engrave(xml, PAGE_WIDTH), legend).svg)
    elif suffix == ".svg":
        content = with_legend(engrave(xml, PAGE_WIDTH), legend).svg.encode()
    else:
        content = packed(xml) if suffix == ".mxl" else xml
    return write_atomically(path, lambda unfinished: unfinished.write_bytes(content))


def score_svg(
    chorale: Chorale,
    staves: int = 2,
    width: int = PAGE_WIDTH,
    title: bool = True,
    colours: ArrayLike | None = None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Marks | None = None,
) -> str:
    """The chorale as a drawing (str, SVG) on one page; the same chorale always gives the same text.

    Args:
        chorale: Chorale, at least one step.
        staves: 2 or 4, see `to_score`.
        width: width of the page in pixels, 200..4000.
        title: whether to print title and composer above the music.
        colours, analysis: see `to_score`.
        marks: see `write_score`.

    Raises:
        ValueError, TypeError: the width is outside 200..4000, or as in `to_score`.

    Examples:
        >>> score_svg(Chorale([[72, 67, 64, 48]] * 16))[:4]
        '<svg'

    Notebook: 05_generation
    """
    return _engraving(chorale, staves, width, title, colours, analysis, marks).svg


def show_score(
    chorale: Chorale,
    staves: int = 2,
    width: int = PAGE_WIDTH,
    title: bool = False,
    colours: ArrayLike | None = None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Marks | None = None,
) -> ScorePicture:
    """The chorale as a picture, which any notebook shows, trusted or not.

    Args:
        chorale: Chorale, at least one step.
        staves: 2, as in a hymnal, or 4, a staff for each voice.
        width: width of the page in pixels, 200..4000; a narrower window shrinks the picture.
        title: whether to print title and composer above the music.
        colours, analysis: see `to_score`.
        marks: see `write_score`.

    Raises:
        ValueError, TypeError: the width is outside 200..4000, or as in `to_score`.

    Examples:
        >>> show_score(Chorale([[72, 67, 64, 48]] * 16, name="mine"))
        ScorePicture('mine')

    Notebook: 05_generation
    """
    drawn = _engraving(chorale, staves, width, title, colours, analysis, marks)
    return ScorePicture(drawn.svg, drawn.systems, chorale.title or chorale.name, drawn.notes)


def _engraving(
    chorale: Chorale,
    staves: int,
    width: int,
    title: bool,
    colours: ArrayLike | None,
    analysis: bool | str | Sequence[ChordMark],
    marks: Marks | None,
) -> Engraving:
    if not isinstance(width, Real) or not 200 <= width <= 4000:
        raise ValueError(f"width {width!r}: expected pixels, 200..4000")
    xml = musicxml_of(
        build_score(chorale, staves, colours, None, analysis, marks, marked=True, drawn=True)
    )
    return with_legend(engrave(xml, int(width), header=title), marks.legend if marks else ())


class ScorePicture:
    """A drawn score that displays itself in a notebook.

    `svg` (str) is the drawing, `systems` (list of `engraving.System`) says where each step is in
    it, `notes` (dict) at which step the note of each element begins, `about` what it shows. A
    notebook stores it as PNG (`png`, bytes), which is smaller and which every viewer shows:
    JupyterLab, trusted or not, and GitHub. `caption` (str) is what `show` was asked to say of it.

    Notebook: 05_generation
    """

    def __init__(self, svg: str, systems: list[System], about: str, notes: dict[str, int]) -> None:
        self.svg, self.systems, self.about, self.notes = svg, systems, about, notes
        self.caption = ""

    def __repr__(self) -> str:
        return f"ScorePicture({self.about!r})"

    @cached_property
    def png(self) -> bytes:
        """The drawing as PNG, see `small_png`."""
        return small_png(self.svg)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the PNG in pixels (int); it is displayed at half this size."""
        width, height = struct.unpack(">II", self.png[16:24])
        return width, height

    @property
    def alt(self) -> str:
        """The alternative text for readers who cannot see the picture."""
        return f"Score of {self.about}" + (f": {self.caption}" if self.caption else "")

    def _repr_png_(self) -> tuple[bytes, dict[str, Any]]:
        return self.png, {"width": self.size[0] // 2, "alt": self.alt}
