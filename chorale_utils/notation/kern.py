"""A kern file as a music21 Score that keeps what music21 would lose: the words of all verses, and
church modes.

Kern has a line for each moment and a column (spine) for each part; columns of words stand to the
right of the part that sings them. music21 keeps the number of its line with each note.

Notebook: 05_generation
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..chorale import MODES
from .musicxml import ELISION

if TYPE_CHECKING:
    from music21.stream import Score

_WORDS = ("**text", "**lyrics", "**silbe", "**lyric")
_MODE = re.compile(r"\*([A-Ga-g])([#-]?):([a-z]{3})")
_MODES = {mode[:3]: mode for mode in MODES}
# a text on which the note before is held
_HELD = ("_", "|", "")


def parse_kern(path: Path) -> Score:
    """The music21 Score in a kern file.

    Args:
        path: file.

    Raises:
        Exception: whatever music21 stumbles on in a damaged file.

    Examples:
        >>> from tempfile import mkdtemp
        >>> file = Path(mkdtemp(), "tune.krn")
        >>> _ = file.write_text("**kern\\t**text\\n*M4/4\\t*\\n2c\\tlo-\\n2d\\t-be\\n*-\\t*-\\n")
        >>> [note.lyric for note in parse_kern(file).recurse().notes]
        ['lo', 'be']
    """
    from music21.converter import Converter

    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    converter = Converter()
    converter.parseData(text, format="humdrum")
    score = cast("Score", converter.stream)  # never None after parsing
    if score.metadata is not None:
        score.metadata.filePath = str(path)
    rows = list(_rows(text))
    for part in score.parts:
        spine = re.fullmatch(r"spine_(\d+)", str(part.id))
        if spine is not None:
            _complete(part, rows, int(spine[1]))
    return score


def _rows(text: str) -> Iterator[tuple[int, list[tuple[int, str, str]]]]:
    """(number of the line, its cells) for each line that has cells; of each cell the spine in which
    it began, what that spine holds, and the text."""
    spines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("!!"):
            continue
        cells = line.split("\t")
        if not spines:
            spines = list(enumerate(cells))
        if len(cells) != len(spines):
            return  # damaged; what music21 made of it stands
        yield number, [(*spine, cell) for spine, cell in zip(spines, cells)]
        after: list[tuple[int, str]] = []
        for spine, cell in zip(spines, cells):
            if cell == "*v" and after and after[-1][0] == spine[0]:
                continue
            after += [spine] * (2 if cell == "*^" else 0 if cell == "*-" else 1)
        spines = after


def _complete(part: Any, rows: list[tuple[int, list[tuple[int, str, str]]]], spine: int) -> None:
    """Writes the words beside one spine under the notes of its part, and its modes as keys."""
    from music21.key import Key
    from music21.note import Lyric

    notes = {note.priority: note for note in part.recurse().notes if not note.duration.isGrace}
    waiting: list[Key] = []
    last: dict[int, Lyric] = {}  # of each verse
    for number, cells in rows:
        for column, _, cell in cells:
            mode = _MODE.fullmatch(cell) if column == spine else None
            if mode and mode[3] in _MODES:
                waiting = [Key(mode[1] + mode[2], _MODES[mode[3]])]
        note = notes.get(number)
        if note is None:
            continue
        for key in waiting:
            measure = note.activeSite
            measure.insert(note.offset, key)
        waiting = []
        for verse, text in enumerate(_words_beside(cells, spine), 1):
            if text in _HELD:
                continue
            begins, ends = not text.startswith("-"), not text.endswith("-")
            syllabic: Any = {
                (True, True): "single",
                (True, False): "begin",
                (False, False): "middle",
                (False, True): "end",
            }[begins, ends]
            plain = text.strip("-").replace("|", ELISION).replace("\u00a0", " ")
            last[verse] = Lyric(plain, number=verse, applyRaw=True, syllabic=syllabic)
            note.lyrics.append(last[verse])


def _words_beside(cells: list[tuple[int, str, str]], spine: int) -> Iterator[str]:
    """The texts of one line in the spines to the right of a part, up to the next part."""
    for column, kind, cell in cells:
        if column > spine and kind.startswith("**kern"):
            return
        if column > spine and kind in _WORDS:
            yield "" if cell == "." else cell.strip()
