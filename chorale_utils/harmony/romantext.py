"""RomanText: harmonic analyses as files, written and read.

A line of RomanText is a bar, such as ``m4 I6 b2 V b2.5 V7 b3 I || b4 A: iii``: beats, keys, Roman
numerals (Tymoczko, Gotham, Cuthbert and Ariza 2019, "The RomanText Format"). Bars are those of the
written page, counted from 1, with a pickup as bar 0; a bar divided by a repeat sign is one bar.
Bars are counted continuously here, even if a page renumbers them after endings. A bar that is
shorter than its metre gets its own time signature; and in a piece whose metre changes, a bar in
which no chord begins repeats the chord that is held.

Notebook: 04_evaluation
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..chorale import STEPS_PER_QUARTER, Chorale, steps_per_bar
from ..files import write_atomically
from ..notation.page import bars_of
from .analysis import analyse
from .evidence import with_metre
from .phrases import phrase_ends

if TYPE_CHECKING:
    import pandas as pd

_BAR = re.compile(
    r"\s*m(?P<first>\d+)(?:-(?P<last>\d+))?(?P<variant>[a-z]\w*)?\s+(?P<rest>.*)", re.IGNORECASE
)
_COPY = re.compile(r"=\s*m(\d+)")
_METRE = re.compile(r"\s*time signature\s*:\s*(\d+/\d+)", re.IGNORECASE)
_KEY = re.compile(r"([A-Ga-g])([#b-]*):")
_BEAT = re.compile(r"b(\d+(?:\.\d+)?)$")
_NUMERAL = re.compile(r"[#b]*([ivIV]|N|It|Ger|Fr)")
_FIGURE = re.compile(
    r"(?P<degree>[#b]*(?:[ivIV]+|N|It|Ger|Fr))(?P<mark>/?o|ø|%|\+)?(?:maj)?(?P<digits>[0-9/]*?)"
    r"(?:\[.*\])?(?P<applied>(?:/[#b]*[ivIV]+)*)$"
)
_MARKS = {"/o": "ø", "%": "ø"}
_INVERSIONS = {"5": "", "53": "", "63": "6", "2": "42", "9": "7"}


def to_romantext(chorale: Chorale, analysis: pd.DataFrame | None = None) -> str:
    """The analysis as RomanText: a line for each bar, such as ``m4 I6 b2 V b2.5 V7 b3 I || b4 A:
    iii``; ``||`` ends a phrase. music21 reads it.

    Args:
        chorale: Chorale with at least one note.
        analysis: the result of `analyse`; None computes it.

    Raises:
        ValueError, TypeError: as in `analyse`.

    Examples:
        >>> import numpy as np
        >>> print(to_romantext(Chorale(np.tile([72, 67, 64, 48], (16, 1)), time_signature="4/4")))
        Title: untitled
        Analyst: chorale_utils
        <BLANKLINE>
        Time Signature: 4/4
        <BLANKLINE>
        m1 C: I ||

    Notebook: 04_evaluation
    """
    analysis = analyse(chorale) if analysis is None else analysis
    chorale = with_metre(chorale)
    lines = ["Composer: J. S. Bach", f"BWV: {chorale.bwv}"] if chorale.bwv else []
    lines += [f"Title: {chorale.title or chorale.name}", "Analyst: chorale_utils", ""]
    lines += [f"Time Signature: {chorale.time_signature}", ""]
    ends, key = set(phrase_ends(chorale).tolist()), None
    rows = list(analysis[["start", "steps", "key", "numeral"]].itertuples(index=False))
    metre, sounding_on = chorale.time_signature, ""
    bars = list(_whole_bars(bars_of(chorale)))
    metre_changes = len({its_metre for _, (_, _, its_metre, _) in bars}) > 1
    for number, (start, stop, its_metre, beat_one) in bars:
        if its_metre != metre:
            metre = its_metre
            lines += ["", f"Time Signature: {metre}", ""]
        words = [f"m{number}"]
        for begin, steps, its_key, figure in rows:
            if not start <= begin < stop:
                continue
            if begin != beat_one:
                words.append(f"b{_beat(begin - beat_one, metre)}")
            if its_key != key:
                words.append(its_key.split()[0].replace("-", "b") + ":")
                key = its_key
            sounding_on = figure.replace("ø", "/o")
            words.append(sounding_on)
            if begin + steps in ends:
                words.append("||")
        if len(words) == 1 and metre_changes:  # else a reader would not know the bar's length
            words.append(sounding_on)
        if len(words) > 1:
            lines.append(" ".join(words))
    return "\n".join(lines)


def _whole_bars(bars):
    """The bars as RomanText counts them, with divided bars joined: pairs of a number and (first
    step, step after the last, metre, step of the first beat)."""
    whole = []
    for bar in bars:
        last = whole[-1][-1] if whole else None
        goes_on = last is not None and bar.offset and bar.offset == last.offset + last.steps
        if goes_on and bar.time_signature == last.time_signature:
            whole[-1].append(bar)
        else:
            whole.append([bar])
    number = 0 if whole and whole[0][0].offset else 1
    for place, parts in enumerate(whole):
        start, stop, metre = parts[0].start, parts[-1].stop, parts[0].time_signature
        begins = start - parts[0].offset
        is_pickup, is_last = place == 0, place == len(whole) - 1
        if stop - begins < steps_per_bar(metre) and not is_last or begins < start and not is_pickup:
            metre, begins = _metre_of(stop - start), start
        yield number + place, (start, stop, metre, begins)


def _metre_of(steps):
    """A metre whose bar has this number of sixteenths, such as 3/4 for 12."""
    unit = next(unit for unit in (4, 8, 16) if steps * unit % 16 == 0)
    return f"{steps * unit // 16}/{unit}"


def _beat(steps, metre):
    """The beat this many sixteenths into a bar in RomanText's notation, such as ``'2.5'``; thirds
    and sixths of dotted beats are written as in ``'1.33'`` and ``'1.17'``."""
    unit = _beat_steps(metre)
    return f"{1 + steps / unit:g}" if unit % 3 else f"{1 + steps / unit:.2f}".removesuffix(".00")


def write_romantext(
    chorale: Chorale, path: str | os.PathLike[str], analysis: pd.DataFrame | None = None
) -> Path:
    """Writes the analysis as RomanText, see `to_romantext`, completely or not at all.

    Args:
        chorale: Chorale with at least one note.
        path: file to write, usually ``.rntxt``; its folder is created if missing.
        analysis: the result of `analyse`; None computes it.

    Returns:
        Path: `path`.

    Raises:
        ValueError, TypeError: as in `analyse`.

    Examples:
        >>> from tempfile import mkdtemp
        >>> held = Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4")
        >>> write_romantext(held, f"{mkdtemp()}/mine.rntxt").read_text().splitlines()[-1]
        'm1 C: I ||'

    Notebook: 04_evaluation
    """
    text = to_romantext(chorale, analysis) + "\n"
    return write_atomically(
        Path(path), lambda unfinished: unfinished.write_text(text, encoding="utf-8")
    )


@dataclass(frozen=True)
class Reading:
    """A chord in a person's analysis.

    Args:
        bar: number of the bar.
        step: where it begins, in sixteenths from the beginning of the page.
        key: such as ``'f# minor'``.
        figure: Roman numeral as written, such as ``'V6/5/V'``.

    Notebook: 04_evaluation
    """

    bar: int
    step: int
    key: str
    figure: str


def read_romantext(path: str | os.PathLike[str], chorale: Chorale) -> list[Reading]:
    """The chords of an analysis in RomanText, in order of time. Variants (``m4var1``) are left out;
    if a pivot chord has two keys, the second is taken.

    Args:
        path: file.
        chorale: the analysed chorale, as written, for metre and pickup.

    Raises:
        ValueError: there are no bars, or a line copies missing bars; the message says which.

    Notebook: 04_evaluation
    """
    metre, key = chorale.time_signature or "4/4", "C major"
    start, number = chorale.pickup, None  # the first step of bar `number`
    readings: list[Reading] = []
    bars: dict[int, list[Reading]] = {}  # by number, steps counted from the bar line
    for line in Path(path).read_text(encoding="utf-8-sig", errors="replace").splitlines():
        if found := _METRE.match(line):
            if number is not None:
                start, number = start + steps_per_bar(metre), number + 1
            metre = found[1]
            continue
        found = _BAR.match(line)
        if not found or found["variant"]:
            continue
        bar, last = int(found["first"]), int(found["last"] or found["first"])
        start += (bar - (1 if number is None else number)) * steps_per_bar(metre)
        number = bar
        if found["last"]:
            copied = _COPY.match(found["rest"])
            source = int(copied[1]) if copied else -1
            if any(source + place not in bars for place in range(last - bar + 1)):
                raise ValueError(f"{path}: {line!r}: expected bars to copy, such as 'm5-6 = m1-2'")
            for place in range(last - bar + 1):
                bars[bar + place] = bars[source + place]
        else:
            bars[bar], key = _bar_read(found["rest"], bar, key, _beat_steps(metre))
        for place in range(bar, last + 1):
            shift = start + (place - bar) * steps_per_bar(metre)
            readings += [replace(each, bar=place, step=each.step + shift) for each in bars[place]]
    if not readings:
        raise ValueError(f"{path}: no bars: expected RomanText, lines such as 'm1 C: I b3 V'")
    return readings


def _bar_read(text, bar, key, unit):
    """(the readings of a line, the key at its end)."""
    readings, beat = [], 0
    for word in text.split():
        if found := _BEAT.match(word):
            beat = round((float(found[1]) - 1) * unit)
        elif found := _KEY.fullmatch(word):
            mode = "major" if found[1].isupper() else "minor"
            key = f"{found[1]}{found[2].replace('b', '-')} {mode}"
        elif _NUMERAL.match(word):
            readings = [each for each in readings if each.step != beat]
            readings.append(Reading(bar, beat, key, word))
    return readings, key


@cache
def _beat_steps(metre):
    """Sixteenths in a beat as music21 counts beats: in 6/8 and similar metres they are dotted."""
    from music21.meter import TimeSignature

    return round(TimeSignature(metre).beatDuration.quarterLength * STEPS_PER_QUARTER)


def canonical(figure: str) -> str:
    """A figure in the spelling of `analyse`: ``'V65/V'`` for ``'V6/5/V'``, ``'viiø7'`` for
    ``'vii/o7'``, ``'IV7'`` for ``'IVmaj7'``.

    Raises:
        ValueError: `figure` is not a Roman numeral.

    Examples:
        >>> canonical("V6/5/V"), canonical("vii/o7"), canonical("IVmaj2")
        ('V65/V', 'viiø7', 'IV42')

    Notebook: 04_evaluation
    """
    found = _FIGURE.match(figure)
    if not found:
        raise ValueError(f"figure {figure!r}: expected a Roman numeral, such as 'V6/5/V'")
    mark, digits = found["mark"] or "", found["digits"].replace("/", "")
    mark, digits = _MARKS.get(mark, mark), _INVERSIONS.get(digits, digits)
    return found["degree"] + mark + digits + found["applied"]


@cache
def sounding(figure: str, key: str) -> tuple[frozenset[int], int, int]:
    """Pitch classes, root and bass of a figure in a key, as in music21.

    Examples:
        >>> notes, root, bass = sounding("V6", "a minor")
        >>> sorted(notes), root, bass
        ([4, 8, 11], 4, 8)

    Notebook: 04_evaluation
    """
    from music21 import roman

    chord = roman.RomanNumeral(canonical(figure), key.split()[0])
    classes = frozenset(pitch.pitchClass for pitch in chord.pitches)
    return classes, chord.root().pitchClass, chord.bass().pitchClass
