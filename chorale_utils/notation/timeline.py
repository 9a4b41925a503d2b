"""The bars of a music21 score as the common timeline of its parts, with keys, tempos, repeats and
jumps.

`reading` puts the notes on this timeline. This file reads no pitches and no words.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

from ..chorale import (
    STEPS_PER_QUARTER,
    steps_per_bar,
    voice_named,
)
from ..keys import (
    MODES,
)
from .musicxml import SIGN, TEMPO
from .page import BARLINES, JUMPS, SIGNS, Bar, KeySignature, Tempo, regular_bars

# names of voices besides the four, which a reader would miss if they were left out
_SUNG = re.compile(
    r"quint|sext|sept|vagans|mezzo|treble|descant|solo|voice|voix|vox|voce|choir|chor(?!d)|cantor|"
    r"sing|vocal|melody|gemeinde|congregation|cantus|canto|d[ie]s[ck]ant|stimme",
    re.IGNORECASE,
)
MOST_SIGNS = 12  # sharps or flats in a key signature
LONGEST = 100_000  # steps; a longer file is damaged, or not a chorale

_JUMP = re.compile(
    r"(?P<from>d\W*c\b|da\W+capo|d\W*s\b|d[ae]l\W+segno|from the beginning|from the sign)"
    r"(?P<to>.*\b(?:fine|end|coda)\b)?",
    re.IGNORECASE,
)
_PLAIN_SIGNS = {
    "fine": "fine",
    "segno": "segno",
    "coda": "coda",
    "tocoda": "to coda",
    "alcoda": "to coda",
}
_BARLINES = {"double": "double", "final": "final", "dashed": "dashed", "dotted": "dashed"}
_TEMPO_WORDS = re.compile(  # besides those for which music21 knows a number
    r"\b(rit|ritard|ritardando|rall|rallentando|accel|accelerando|a tempo|tempo|slower|faster|"
    r"slow|slowly|fast|lively|langsam|mäßig|schnell|bewegt|ruhig|breit|lent|vite|modéré|"
    r"allegro|andante|adagio|largo|moderato|presto|vivace|maestoso|allegretto|andantino)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Timeline:
    """When each measure of a score begins, and what the page says about its bars.

    Args:
        starts: step at which each measure begins; a fraction if the music is off the grid.
        steps: total length.
        bars, keys, tempos: as in `Notation`; no bars if the score has neither a metre nor bar
            lines.
    """

    starts: tuple[Fraction, ...]
    steps: int
    bars: tuple[Bar, ...]
    keys: tuple[KeySignature, ...]
    tempos: tuple[Tempo, ...]


def read_timeline(parts: Sequence[Any], others: Iterable[Any], name: str) -> Timeline:
    """The `Timeline` of the parts to read.

    A measure is as long as in the part where it is longest. A part with fewer notes is silent for
    the rest of the measure, so that the parts stay together afterwards; a warning names it.

    Args:
        parts: music21 Parts to read.
        others: the other music21 Parts; tempos and repeats that only they have apply to all.
        name: name of the piece, for messages.

    Raises:
        ValueError: a metre that does not fit the grid, or a piece that is too long.
    """
    lines = [measures_of(part) for part in parts]
    count = max((len(line) for line in lines), default=0)
    lengths = _lengths(lines, count, name)
    starts = [Fraction(0)]
    for length in lengths:
        starts.append(starts[-1] + length)
    steps = ceil(starts[-1])
    if steps > LONGEST:
        raise ValueError(
            f"{name}: {steps:,} sixteenths long: expected at most {LONGEST:,}. Is the file damaged?"
        )
    beside = [line for line in map(measures_of, others) if len(line) == count]
    metres = _metres(lines, name)
    if not any(line and line[0].isMeasure for line in lines):
        metre = next(iter(metres.values()), None)
        bars = regular_bars(steps, metre) if metre else ()
    else:
        metres = metres or _metres_of(starts)
        bars = _bars(lines, beside, starts, metres, name) if metres else ()
    return Timeline(
        tuple(starts),
        steps,
        bars,
        _keys(lines, starts),
        _tempos(lines, starts) or _tempos(beside, starts),
    )


def is_sung(name: str | None) -> bool:
    """Whether a part or track is named for a voice, one of the four or another.

    Examples:
        >>> is_sung("Quinto"), is_sung("Organ")
        (True, False)
    """
    return voice_named(name) is not None or bool(_SUNG.search(name or ""))


def measures_of(part: Any) -> list[Any]:
    """The music21 Measures of a part; the part itself if it has none."""
    return list(part.getElementsByClass("Measure")) or [part]


def _lengths(lines: list[list[Any]], count: int, name: str) -> list[Fraction]:
    """The length of each measure in steps."""
    lengths: list[Fraction] = []
    for place in range(count):
        here = [line[place] if place < len(line) else None for line in lines]
        sung = [Fraction(0) if measure is None else _content(measure) for measure in here]
        metre = next((m for m in here if m is not None and m.isMeasure), None)
        full = _full(metre) if metre is not None else None
        within = [length for length in sung if full is None or length <= full]
        length = max(within, default=Fraction(0)) or max(sung)
        lengths.append(length)
        for line, measure, own in zip(lines, here, sung):
            if 0 < own < length or (measure is None and length):
                part = (measure or line[-1]).activeSite
                called = getattr(part, "partName", None) or f"part {lines.index(line) + 1}"
                number = metre.number if metre is not None else place + 1
                warnings.warn(
                    f"{name}: bar {number}, {called}: {_quarters(own)} of {_quarters(length)} "
                    "quarters are written: the rest of the bar is silent",
                    stacklevel=5,
                )
    return lengths


def _quarters(steps: Fraction) -> str:
    return f"{float(steps) / STEPS_PER_QUARTER:g}"


def _content(measure: Any) -> Fraction:
    """Steps from the beginning of a measure to the end of its last note or rest."""
    ends = [
        Fraction(element.getOffsetInHierarchy(measure)) + Fraction(element.quarterLength)
        for element in measure.recurse().notesAndRests
        if "ChordSymbol" not in element.classes
    ]
    return STEPS_PER_QUARTER * max(ends, default=Fraction(0))


def _full(measure: Any) -> Fraction | None:
    """Steps in a full bar of a measure's metre, or None if it is unknown."""
    metre = measure.timeSignature or measure.getContextByClass("TimeSignature")
    return None if metre is None else STEPS_PER_QUARTER * Fraction(metre.barDuration.quarterLength)


def _metres(lines: list[list[Any]], name: str) -> dict[int, str]:
    """{place of a measure: time signature from there on}, from the first part that has one."""
    metres: dict[int, str] = {}
    for line in lines:
        for place, measure in enumerate(line):
            for at, metre in _metres_in(measure, place):
                named = f"{metre.numerator}/{metre.denominator}"
                try:
                    steps_per_bar(named)
                except ValueError as error:
                    raise ValueError(f"{name}: bar {measure.number}: {error}") from None
                metres.setdefault(at, named)
    return dict(sorted(metres.items()))


def _metres_in(measure: Any, place: int) -> Iterator[tuple[int, Any]]:
    """(place of the first measure that it applies to, time signature) for each in a measure; one at
    the end of a measure applies from the next measure on."""
    found = list(measure.getElementsByClass("TimeSignature"))
    if not found and measure.voices:
        found = list(measure.voices[0].getElementsByClass("TimeSignature"))
    if not found and place == 0 and measure.activeSite is not None:
        found = list(measure.activeSite.getElementsByClass("TimeSignature"))[:1]
        yield from ((0, metre) for metre in found)
        return
    length = _content(measure) / STEPS_PER_QUARTER
    for metre in found:
        at = Fraction(metre.getOffsetInHierarchy(measure))
        yield (place + 1 if 0 < length <= at else place), metre


def _metres_of(starts: list[Fraction]) -> dict[int, str]:
    """Metres for measures without time signatures: one for their usual length, with a possibly
    short first and last measure, and others for measures of another length. Empty for a single
    measure."""
    lengths = {
        place: ceil(stop) - ceil(start)
        for place, (start, stop) in enumerate(pairwise(starts))
        if ceil(stop) > ceil(start)
    }
    if len(lengths) < 2:
        return {}
    usual = max(lengths.values(), key=list(lengths.values()).count)
    edges = min(lengths), max(lengths)
    metres: dict[int, str] = {}
    for place, length in lengths.items():
        length = usual if place in edges and length < usual else length
        metre = _metre_of(length, "4/4")
        if not metres or metre != metres[max(metres)]:
            metres[place] = metre
    return metres


def _bars(
    lines: list[list[Any]],
    beside: list[list[Any]],
    starts: list[Fraction],
    metres: dict[int, str],
    name: str,
) -> tuple[Bar, ...]:
    longest = max(lines, key=len)
    signs = _Signs([*lines, *beside], starts)
    numbered = any(measure.number for measure in longest)
    metre = next(iter(metres.values()))
    bars: list[Bar] = []
    begin_next = False
    for place, measure in enumerate(longest):
        metre = metres.get(place, metre)
        start, stop = ceil(starts[place]), ceil(starts[place + 1])
        begin_next |= signs.begins[place]
        if start == stop:  # such as the empty measure after the last bar line in kern
            if bars and signs.ends[place]:
                bars[-1] = replace(bars[-1], repeat_end=signs.ends[place])
            continue
        own = metre
        if stop - start > steps_per_bar(metre):
            own = _metre_of(stop - start, metre)
            warnings.warn(
                f"{name}: bar {measure.number}: {_quarters(Fraction(stop - start))} quarters in "
                f"{metre}: read as a bar of {own}",
                stacklevel=4,
            )
        last = all(starts[-1] == later for later in starts[place + 1 :])
        offset, goes_on = _phase(bars, measure, stop - start, own, begin_next, last)
        before = bars[-1].number if bars else 0
        if not numbered:
            number = before + (not goes_on and not (offset and not bars))
        elif bars and (not measure.number or (goes_on and _unnumbered(measure))):
            number = before
        else:
            number = measure.number
        bar = Bar(
            start,
            stop - start,
            own,
            offset,
            int(number),
            repeat_begin=begin_next,
            repeat_end=signs.ends[place],
            endings=signs.endings[place],
            marks=signs.marks[place],
            barline=signs.barlines[place],
        )
        bars += _divided(bar, signs.middles[place])
        begin_next = False
    return tuple(_with_al_fine(bars))


def _metre_of(steps: int, metre: str) -> str:
    """A time signature for a bar with this number of steps, with the beats of `metre` if they
    fit."""
    unit = int(metre.split("/")[1])
    while steps * unit % 16:
        unit *= 2
    return f"{steps * unit // 16}/{unit}"


def _unnumbered(measure: Any) -> bool:
    """Whether a measure has no number on the page."""
    from music21.stream.enums import ShowNumber

    return measure.showNumber == ShowNumber.NEVER or bool(measure.numberSuffix)


def _phase(
    bars: list[Bar], measure: Any, steps: int, metre: str, begins: bool, last: bool
) -> tuple[int, bool]:
    """(sixteenths of the metre missing at a bar's beginning, whether it is the second half of the
    bar before)."""
    full = steps_per_bar(metre)
    if steps == full:
        return 0, False
    if not bars:
        return full - steps, False
    before = bars[-1]
    passed = before.offset + before.steps
    first_is_short = len(bars) == 1 and before.offset > 0
    if before.time_signature == metre and passed < full and not first_is_short:
        if passed + steps == full or (passed + steps < full and _unnumbered(measure)):
            return passed, True
    if not last and (_unnumbered(measure) or (begins and not measure.number)):
        return full - steps, False  # a pickup to what follows
    return 0, False


def _divided(bar: Bar, middles: list[tuple[int, str]]) -> list[Bar]:
    """A bar divided at the repeat signs inside it, each (steps from the bar's beginning, sign)."""
    bars = [bar]
    for at, sign in sorted(middles):
        whole = bars[-1]
        cut = bar.start + at
        if not whole.start < cut < whole.stop:
            if cut == whole.start and bars[:-1]:
                bars[-2:] = [*_signed(bars[-2], whole, sign)]
            continue
        first = replace(whole, steps=cut - whole.start, repeat_end=0, barline=None, marks=())
        second = replace(
            whole,
            start=cut,
            steps=whole.stop - cut,
            offset=whole.offset + cut - whole.start,
            repeat_begin=False,
        )
        bars[-1:] = [*_signed(first, second, sign)]
    return bars


def _signed(first: Bar, second: Bar, sign: str) -> tuple[Bar, Bar]:
    """Two bars with a repeat sign between them."""
    _, which, *times = sign.split()
    if which == "begin":
        return first, replace(second, repeat_begin=True)
    return replace(first, repeat_end=max(2, int(times[0]))), second


def _with_al_fine(bars: list[Bar]) -> list[Bar]:
    """The bars with plain jumps changed to jumps al fine or al coda, if there is such a sign."""
    signs = {mark for bar in bars for mark in bar.marks}
    goal = " al fine" if "fine" in signs else " al coda" if "to coda" in signs else ""
    plain = {"da capo", "dal segno"}
    return [
        replace(bar, marks=tuple(mark + goal if mark in plain else mark for mark in bar.marks))
        for bar in bars
    ]


class _Signs:
    """The repeat signs, jumps and bar lines of a score, in lists by the place of the measure."""

    def __init__(self, lines: list[list[Any]], starts: list[Fraction]) -> None:
        lengths = [(stop - start) / STEPS_PER_QUARTER for start, stop in zip(starts, starts[1:])]
        count = len(lengths)
        self.begins = [False] * count
        self.ends = [0] * count
        self.barlines: list[str | None] = [None] * count
        self.endings: list[tuple[int, ...]] = [()] * count
        self.middles: list[list[tuple[int, str]]] = [[] for _ in range(count)]
        found: dict[int, list[tuple[Fraction, str]]] = defaultdict(list)
        for line in lines:
            for place, measure in enumerate(line):
                if measure.isMeasure:
                    self._read_barlines(place, measure)
                for at, sign in _signs_in(measure):
                    if sign.startswith("repeat"):
                        self.middles[place].append((ceil(STEPS_PER_QUARTER * at), sign))
                    elif (at, sign) not in found[place]:
                        found[place].append((at, sign))
            self._read_endings(line)
        self.middles = [sorted(set(middle)) for middle in self.middles]
        self.marks = _placed(found, lengths)

    def _read_barlines(self, place: int, measure: Any) -> None:
        left, right = measure.leftBarline, measure.rightBarline
        if left is not None and "Repeat" in left.classes:
            if left.direction == "start":
                self.begins[place] = True
            elif place:
                self.ends[place - 1] = max(2, left.times or 2)
        if right is not None and "Repeat" in right.classes:
            if right.direction == "end":
                self.ends[place] = max(2, right.times or 2)
            elif place + 1 < len(self.begins):
                self.begins[place + 1] = True
        elif right is not None:
            kind = _BARLINES.get(right.type, right.type)
            self.barlines[place] = kind if kind in BARLINES else None

    def _read_endings(self, line: list[Any]) -> None:
        places = {id(measure): place for place, measure in enumerate(line)}
        part = line[0].activeSite if line[0].isMeasure else None
        sites = [site for site in (part, getattr(part, "activeSite", None)) if site is not None]
        for site in sites:
            for bracket in site.getElementsByClass("RepeatBracket"):
                spanned = [
                    places[id(measure)]
                    for measure in bracket.getSpannedElements()
                    if id(measure) in places
                ]
                if spanned:
                    for place in range(min(spanned), max(spanned) + 1):
                        self.endings[place] = tuple(bracket.numberRange)


def _signs_in(measure: Any) -> Iterator[tuple[Fraction, str]]:
    """(quarters from the beginning of a measure, sign) for each repeat sign or jump in it."""
    for element in measure.recurse().getElementsByClass(["RepeatExpression", "TextExpression"]):
        at = Fraction(element.getOffsetInHierarchy(measure))
        is_sign = "RepeatExpression" in element.classes
        sign = _sign_in((element.getText() if is_sign else element.content) or "")
        if sign:
            yield at, sign


def _sign_in(text: str) -> str:
    """The sign or jump, from `SIGNS` and `JUMPS`, that the words stand for; empty if none."""
    if text.startswith(SIGN):
        return text[len(SIGN) :]
    plain = _PLAIN_SIGNS.get(re.sub(r"\W", "", text).lower())
    if plain:
        return plain
    jump = _JUMP.match(text.strip())
    if jump is None:
        return ""
    start = "da capo" if re.match(r"d\W*c\b|da|from the b", jump["from"], re.I) else "dal segno"
    goal = (jump["to"] or "").lower()
    goal = " al coda" if "coda" in goal else " al fine" if goal else ""
    return start + goal


def _placed(
    found: dict[int, list[tuple[Fraction, str]]], lengths: list[Fraction]
) -> list[tuple[str, ...]]:
    """The marks of each measure, whose lengths are given in quarters. Of two coda signs, the first
    is where one jumps to the other."""
    count = len(lengths)
    codas = [(place, at) for place in sorted(found) for at, sign in found[place] if sign == "coda"]
    leaves = any(sign == "to coda" for signs in found.values() for _, sign in signs)
    marks: list[list[str]] = [[] for _ in range(count)]
    for place in sorted(found):
        for at, sign in found[place]:
            to = place
            if sign == "coda" and not leaves and len(codas) > 1 and (place, at) == codas[0]:
                sign, to = "to coda", place if at > 0 else max(0, place - 1)
            elif sign in ("segno", "coda") and place + 1 < count and at >= lengths[place]:
                to = place + 1
            marks[to].append(sign)
    order = (*SIGNS, *JUMPS)
    return [tuple(sorted(dict.fromkeys(own), key=order.index)) for own in marks]


def _keys(lines: list[list[Any]], starts: list[Fraction]) -> tuple[KeySignature, ...]:
    """The changes of key signature in the first part that has any."""
    for line in lines:
        # kern writes both a signature and a key
        printed: dict[int, int] = {}
        told: dict[int, Any] = {}
        for step, element in _elements(line, starts, ["KeySignature"]):
            if "Key" in element.classes:
                told.setdefault(step, element)
            elif element.sharps is not None:  # None: a non-traditional signature
                printed.setdefault(step, element.sharps)
            if abs(element.sharps or 0) > MOST_SIGNS:
                raise ValueError(
                    f"a key signature of {element.sharps} sharps: expected at most {MOST_SIGNS}"
                )
        if printed or told:
            changes: list[KeySignature] = []
            for step in sorted({*printed, *told}):
                fifths = printed[step] if step in printed else told[step].sharps
                key = KeySignature(step, fifths, _mode(told.get(step), fifths))
                if not changes or (key.fifths, key.mode) != (changes[-1].fifths, changes[-1].mode):
                    changes.append(key)
            return tuple(changes)
    return ()


def _mode(key: Any, fifths: int) -> str | None:
    """The mode of a music21 Key; if the printed signature differs, the mode with that signature and
    the same third: D minor without a flat is Dorian."""
    if key is None or key.sharps == fifths:
        return None if key is None else key.mode
    is_minor = MODES.get(key.mode, 0) <= MODES["dorian"]
    tonic = key.sharps - MODES.get(key.mode, 0)
    fitting = [
        mode
        for mode, sharps in MODES.items()
        if tonic + sharps == fifths and (sharps <= MODES["dorian"]) == is_minor
    ]
    return fitting[0] if fitting else None


def _tempos(lines: list[list[Any]], starts: list[Fraction]) -> tuple[Tempo, ...]:
    """The tempo marks of the first part that has any."""
    for line in lines:
        tempos: dict[int, Tempo] = {}
        for step, element in _elements(
            line, starts, ["MetronomeMark", "TextExpression", "TempoText"]
        ):
            quarters, text = _tempo(element)
            if quarters is None and not text:
                continue
            before = tempos.get(step, Tempo(step))
            if text and before.text and text != before.text:
                text = f"{before.text} {text}"
            known = before.quarters_per_minute if quarters is None else quarters
            tempos[step] = Tempo(step, known, text or before.text)
        if tempos:
            return tuple(tempos[step] for step in sorted(tempos))
    return ()


def _elements(
    line: list[Any], starts: list[Fraction], classes: list[str]
) -> Iterator[tuple[int, Any]]:
    """(step, element) for each element of some of music21's classes, in the measures of a part,
    beside them, and beside the parts of the score."""
    for place, measure in enumerate(line):
        for element in measure.recurse().getElementsByClass(classes):
            at = Fraction(element.getOffsetInHierarchy(measure))
            yield ceil(starts[place] + STEPS_PER_QUARTER * at), element
    site = line[0].activeSite
    while site is not None:
        for element in site.getElementsByClass(classes):
            yield ceil(STEPS_PER_QUARTER * Fraction(element.offset)), element
        site = site.activeSite


def _tempo(element: Any) -> tuple[float | None, str]:
    """(quarters per minute or None, words) of a music21 element that may set a tempo."""
    from music21.tempo import defaultTempoValues

    if "MetronomeMark" in element.classes:
        implicit = element.numberImplicit and element.numberSounding is None
        quarters = None if implicit else element.getQuarterBPM()
        text = "" if element.textImplicit or not element.text else element.text
        return None if quarters is None else round(float(quarters), 6), text
    text = (getattr(element, "content", None) or getattr(element, "text", "") or "").strip()
    if text.startswith(TEMPO):
        return None, text[len(TEMPO) :]
    if text.startswith(SIGN) or _sign_in(text):
        return None, ""
    known = text.lower() in defaultTempoValues or _TEMPO_WORDS.search(text)
    return None, text if known or "TempoText" in element.classes else ""
