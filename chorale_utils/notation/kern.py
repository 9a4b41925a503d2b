"""A kern file as a music21 Score, including what music21 would lose: the words of all verses,
church modes, cue notes, and the order in which sections are sung.

Kern has a line for each moment and a column (spine) for each part; columns of words follow to the
right of the part that sings them. music21 stores the line number with each note.

Notebook: 05_generation
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from ..keys import (
    MODES,
)
from .musicxml import ELISION, MELISMA

if TYPE_CHECKING:
    from music21.stream import Score

_WORDS = ("**text", "**lyrics", "**silbe", "**lyric")
_MODE = re.compile(r"\*([A-Ga-g])([#-]?):([a-z]{3})")
_MODES = {mode[:3]: mode for mode in MODES}
# a text cell that means the last syllable is held
_HELD = ("_", "|", "")


def parse_kern(path: Path) -> Score:
    """The music21 Score in a kern file.

    Args:
        path: file.

    Raises:
        Exception: any error that music21 raises for a damaged file.

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
        last = part.getElementsByClass("Measure").last()
        if (
            last is not None
            and last.rightBarline is not None
            and "Repeat" not in (last.rightBarline.classes)
        ):
            last.rightBarline = None  # "==" and "=" mean the same at the end of a piece
    if score.parts:
        _sign_sections(score.parts[0], rows)
    return score


def _rows(text: str) -> Iterator[tuple[int, list[tuple[int, str, str]]]]:
    """(line number, cells) for each line that has cells; each cell is (spine in which it began,
    type of that spine, text)."""
    spines: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("!!"):
            continue
        cells = line.split("\t")
        if not spines:
            spines = list(enumerate(cells))
        if len(cells) != len(spines):
            return  # damaged: keep music21's reading
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
    is_cue = False
    for number, cells in rows:
        for column, _, cell in cells:
            if column == spine and cell in ("*cue", "*Xcue"):
                is_cue = cell == "*cue"
            mode = _MODE.fullmatch(cell) if column == spine else None
            if mode and mode[3] in _MODES:
                waiting = [Key(mode[1] + mode[2], _MODES[mode[3]])]
        note = notes.get(number)
        if note is None:
            continue
        if is_cue:
            note.style.noteSize = "cue"
        for key in waiting:
            measure = note.activeSite
            measure.insert(note.offset, key)
        waiting = []
        for verse, text in enumerate(_words_beside(cells, spine), 1):
            if text in _HELD:
                if text and verse in last and last[verse].syllabic in ("single", "end"):
                    last[verse].text = (last[verse].text or "").removesuffix(MELISMA) + MELISMA
                continue
            line = MELISMA if text.endswith("_") else ""
            text = text.rstrip("_")
            begins, ends = not text.startswith("-"), not text.endswith("-")
            syllabic: Any = {
                (True, True): "single",
                (True, False): "begin",
                (False, False): "middle",
                (False, True): "end",
            }[begins, ends]
            plain = text.strip("-").replace("|", ELISION).replace("\u00a0", " ")
            last[verse] = Lyric(plain + line, number=verse, applyRaw=True, syllabic=syllabic)
            note.lyrics.append(last[verse])


def _words_beside(cells: list[tuple[int, str, str]], spine: int) -> Iterator[str]:
    """The texts of one line in the spines to the right of a part, up to the next part."""
    for column, kind, cell in cells:
        if column > spine and kind.startswith("**kern"):
            return
        if column > spine and kind in _WORDS:
            yield "" if cell == "." else cell.strip()


def _sign_sections(part: Any, rows: list[tuple[int, list[tuple[int, str, str]]]]) -> None:
    """Writes repeat signs, endings and jumps for the order of sections in a kern file, such as
    ``*>[A,A,B]``, if it has no such signs; a warning names an order that signs cannot express."""
    from music21.bar import Repeat
    from music21.repeat import DaCapoAlFine, Fine
    from music21.spanner import RepeatBracket

    order: list[str] = []
    begins: dict[str, int] = {}  # line number at which each section begins
    for number, cells in rows:
        told = cells[0][2]
        if re.fullmatch(r"\*>\[.*\]", told):
            order = [name.strip() for name in told[3:-1].split(",")]
        elif told.startswith("*>") and not told.endswith("]"):
            begins.setdefault(told[2:], number)
    if order == list(begins) or not order or part.recurse().getElementsByClass(Repeat):
        return
    measures = list(part.getElementsByClass("Measure"))
    signs = _signs_of(order, list(begins))
    sections = _measures_of(measures, begins)
    if signs is None or sections is None:
        warnings.warn(
            f"the order of the sections, {','.join(order)}, cannot be written with repeat signs: "
            "each section is read once, as written",
            stacklevel=4,
        )
        return
    for name, sign, number in signs:
        inside = sections[name]
        if sign == "begin" and inside[0] is not measures[0]:
            inside[0].leftBarline = Repeat("start")
        elif sign == "end":
            inside[-1].rightBarline = Repeat("end", times=number)
        elif sign == "ending":
            part.insert(0, RepeatBracket(inside, number=number))
        elif sign == "fine":
            inside[-1].append(Fine())
        elif sign == "da capo":
            inside[-1].append(DaCapoAlFine())


def _signs_of(order: list[str], written: list[str]) -> list[tuple[str, str, int]] | None:
    """(section, sign, number) for each sign with which sections, written one after another, are
    sung in this order; None if no signs can express it.

    Examples:
        >>> _signs_of(["A", "A", "B"], ["A", "B"])
        [('A', 'begin', 0), ('A', 'end', 2)]
    """
    signs: list[tuple[str, str, int]] = []
    at = 0
    while at < len(written):
        ahead = written[at:]
        for size in range(len(ahead), 0, -1):
            block = ahead[:size]
            times = 1
            while order[: size * (times + 1)] == block * (times + 1):
                times += 1
            if times > 1:
                signs += [(block[0], "begin", 0), (block[-1], "end", times)]
                order, at = order[size * times :], at + size
                break
            turns: list[str] = []
            endings = 0
            for ending in ahead[size:]:
                turns += [*block, ending]
                if order[: len(turns)] != turns:
                    break
                endings += 1
            if endings > 1:
                signs.append((block[0], "begin", 0))
                for turn, name in enumerate(ahead[size : size + endings], 1):
                    signs.append((name, "ending", turn))
                    if turn < endings:
                        signs.append((name, "end", 2))
                order, at = order[(size + 1) * endings :], at + size + endings
                break
        else:
            if order[:1] != ahead[:1]:
                return None
            order, at = order[1:], at + 1
    if order and order == written[: len(order)]:
        return [*signs, (order[-1], "fine", 0), (written[-1], "da capo", 0)]
    return None if order else signs


def _measures_of(measures: list[Any], begins: dict[str, int]) -> dict[str, list[Any]] | None:
    """The measures of each section; None if one begins within a bar."""
    starts: list[int] = []
    for line in begins.values():
        for place, measure in enumerate(measures):
            after = [one for one in measure.notesAndRests if one.priority > line]
            if after:
                if len(after) < len(measure.notesAndRests):
                    return None
                starts.append(place)
                break
    stops = [*starts[1:], len(measures)]
    names = list(begins)[: len(starts)]
    return {name: measures[start:stop] for name, start, stop in zip(names, starts, stops)}
