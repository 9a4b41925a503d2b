"""Notation: everything on a page besides the sounding notes: bars, keys, repeats, spelling, words,
tempo.

A `Chorale` is sound on a grid of sixteenths. Its `notation` holds what a singer also reads: the
bars and their repeats, changes of metre and key, the spelling of notes, the words, tempo marks, and
the authors of tune and text. Readers fill it in and writers write it out. This file deals with no
file format.

Conventions:
    Times are steps (sixteenths) of the chorale's own grid, on which each bar appears once, as it is
    written; `playing_order` gives the order in which the bars are sung.
    Bars are the common timeline of all voices. They follow each other without gaps from step 0.
    A note's spelling is its place on the line of fifths: ... B flat -2, F -1, C 0, G 1, D 2 ...

Notebook: 05_generation
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..chorale import SILENCE, VOICES, Chorale, as_chorale, steps_per_bar

UNSPELLED = -128  # stands for a note whose spelling is unknown, and for silence
JUMPS = (
    "da capo",
    "da capo al fine",
    "da capo al coda",
    "dal segno",
    "dal segno al fine",
    "dal segno al coda",
)
SIGNS = (
    "segno",
    "coda",
    "to coda",
    "fine",
)  # where jumps lead, where they leave, where they end
BARLINES = ("regular", "double", "final", "dashed", "none")
SYLLABICS = ("single", "begin", "middle", "end")
REPEATS = ("written", "played")  # the ways to read or perform them
LONGEST_PLAYED = 10_000  # bars; more mean that the repeats never end


@dataclass(frozen=True)
class Bar:
    """One bar of the page, in all voices.

    Args:
        start: step at which the bar begins.
        steps: its length. It is shorter than the time signature if it is a pickup, or if a repeat
            sign or the end of a line divides the bar in two.
        time_signature: the metre in force, such as ``'3/4'``.
        offset: sixteenths of the metre that are missing at the beginning: 0 for most bars; 12 for a
            pickup of a quarter in 4/4.
        number: number of the bar on the page; 0 for a pickup; the second half of a divided bar has
            the number of the first.
        repeat_begin: whether a repeated section begins with this bar.
        repeat_end: how often the section that ends with this bar is sung; 0 if none ends here.
        endings: the numbers of the ending (volta) that the bar belongs to, such as ``(1,)`` or
            ``(1, 2)``.
        marks: signs for the order of the bars: ``'segno'``, ``'coda'``, ``'to coda'``, ``'fine'``,
            or a jump: ``'da capo'`` or ``'dal segno'``, alone or with ``' al fine'`` or
            ``' al coda'``. A segno or a coda is at the beginning of the bar, everything else at its
            end.
        barline: the line at its end, ``'regular'``, ``'double'``, ``'final'``, ``'dashed'`` or
            ``'none'``; None for the usual one, which is final at the end of the piece and plain
            elsewhere.

    Raises:
        ValueError: an invalid length, bar line or mark; the message says which.

    Examples:
        >>> pickup = Bar(0, 4, "4/4", offset=12, number=0)
        >>> pickup.is_full
        False

    Notebook: 05_generation
    """

    start: int
    steps: int
    time_signature: str
    offset: int = 0
    number: int = 1
    repeat_begin: bool = False
    repeat_end: int = 0
    endings: tuple[int, ...] = ()
    marks: tuple[str, ...] = ()
    barline: str | None = None

    def __post_init__(self) -> None:
        full = steps_per_bar(self.time_signature)
        if self.start < 0 or self.steps < 1 or self.offset < 0 or self.offset + self.steps > full:
            raise ValueError(
                f"bar {self.number} at step {self.start}: {self.steps} sixteenths from sixteenth "
                f"{self.offset} on: expected at most the {full} of a bar of {self.time_signature}"
            )
        if self.repeat_end == 1 or self.repeat_end < 0:
            raise ValueError(
                f"bar {self.number}: sung {self.repeat_end} times: expected 2 or more, or 0 for no "
                "repeat"
            )
        for mark in self.marks:
            if mark not in (*SIGNS, *JUMPS):
                raise ValueError(
                    f"bar {self.number}: mark {mark!r}: expected one of "
                    f"{', '.join((*SIGNS, *JUMPS))}"
                )
        if self.barline is not None and self.barline not in BARLINES:
            raise ValueError(
                f"bar {self.number}: bar line {self.barline!r}: expected one of "
                f"{', '.join(BARLINES)}"
            )

    @property
    def stop(self) -> int:
        """The step after the bar's last step (int).

        Examples:
            >>> Bar(4, 16, "4/4").stop
            20
        """
        return self.start + self.steps

    @property
    def is_full(self) -> bool:
        """Whether the bar is as long as its time signature says (bool).

        Examples:
            >>> Bar(0, 12, "3/4").is_full, Bar(0, 4, "3/4", offset=8, number=0).is_full
            (True, False)
        """
        return self.steps == steps_per_bar(self.time_signature)


@dataclass(frozen=True)
class KeySignature:
    """A key signature, from a step on.

    Args:
        step: where it takes effect.
        fifths: number of sharps, -7 to 7; flats count as negative.
        mode: such as ``'major'`` or ``'dorian'``; None if the page does not say.

    Examples:
        >>> KeySignature(0, -2, "minor")  # g minor, from the beginning
        KeySignature(step=0, fifths=-2, mode='minor')

    Notebook: 05_generation
    """

    step: int
    fifths: int
    mode: str | None = None


@dataclass(frozen=True)
class Tempo:
    """A tempo, from a step on.

    Args:
        step: where it takes effect.
        quarters_per_minute: None if the page only has words.
        text: the words, such as ``'Andante'``; empty for a metronome mark alone.

    Examples:
        >>> Tempo(0, 80, "Andante")
        Tempo(step=0, quarters_per_minute=80, text='Andante')

    Notebook: 05_generation
    """

    step: int
    quarters_per_minute: float | None = None
    text: str = ""


@dataclass(frozen=True)
class Syllable:
    """A syllable of a verse, under the note that begins at a step.

    Args:
        step: where its note begins.
        voice: 0..3, soprano to bass.
        verse: 1, 2, 3...
        text: the syllable, without hyphens.
        syllabic: its place in the word: ``'single'``, ``'begin'``, ``'middle'`` or ``'end'``.
        melisma: whether an extension line says that the following notes are sung on it.

    Raises:
        ValueError: an invalid voice, verse or place in the word.

    Examples:
        >>> Syllable(0, 0, 1, "dan", "begin")  # of dan-ket, under the soprano's first note
        Syllable(step=0, voice=0, verse=1, text='dan', syllabic='begin', melisma=False)

    Notebook: 05_generation
    """

    step: int
    voice: int
    verse: int
    text: str
    syllabic: str = "single"
    melisma: bool = False

    def __post_init__(self) -> None:
        if self.voice not in range(len(VOICES)) or self.verse < 1 or self.syllabic not in SYLLABICS:
            raise ValueError(
                f"syllable {self.text!r}, voice {self.voice}, verse {self.verse}, {self.syllabic}: "
                f"expected a voice 0..3, a verse from 1 on, and one of {', '.join(SYLLABICS)}"
            )


@dataclass(frozen=True, eq=False)
class Notation:
    """Everything on a page besides the sounding notes. Immutable.

    Args:
        bars: the bars, in order and without gaps, from step 0.
        keys: key signatures, sorted by step.
        tempos: tempo marks, sorted by step.
        words: syllables, sorted by step, voice and verse.
        spelling: int8 array (steps, 4), each note's place on the line of fifths (C is 0, G 1,
            F -1), -128 if unknown; None if all are unknown.
        composer, lyricist, arranger, copyright: text on the page, or None.

    Raises:
        ValueError: gaps between bars, or an array whose length differs from that of the bars.

    Examples:
        >>> page = Notation((Bar(0, 4, "4/4", offset=12, number=0), Bar(4, 16, "4/4")))
        >>> page.steps, page.bar_at(7).number
        (20, 1)

    Notebook: 05_generation
    """

    bars: tuple[Bar, ...] = ()
    keys: tuple[KeySignature, ...] = ()
    tempos: tuple[Tempo, ...] = ()
    words: tuple[Syllable, ...] = ()
    spelling: np.ndarray | None = None
    composer: str | None = None
    lyricist: str | None = None
    arranger: str | None = None
    copyright: str | None = None

    def __post_init__(self) -> None:
        for name in ("bars", "keys", "tempos", "words"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        at = 0
        for bar in self.bars:
            if bar.start != at:
                raise ValueError(
                    f"bar {bar.number} begins at step {bar.start}: expected {at}, where the bar "
                    "before ends"
                )
            at = bar.stop
        object.__setattr__(self, "bars", _without_usual_lines(self.bars))
        if self.spelling is not None:
            spelling = np.array(self.spelling, np.int8)
            if spelling.ndim != 2 or spelling.shape[1] != len(VOICES):
                raise ValueError(f"spelling of shape {spelling.shape}: expected (steps, 4)")
            if self.bars and len(spelling) != at:
                raise ValueError(
                    f"spelling of {len(spelling)} steps: expected {at}, as many as the bars"
                )
            spelling.flags.writeable = False
            object.__setattr__(self, "spelling", spelling)

    def __eq__(self, other: object) -> bool:
        """True if all fields are equal, the array element by element."""
        if not isinstance(other, Notation):
            return NotImplemented
        return all(
            _equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self)
        )

    __hash__ = None  # type: ignore[assignment]  # as in Chorale: it holds an array

    def __repr__(self) -> str:
        verses = len({syllable.verse for syllable in self.words})
        told = [f"{len(self.bars)} bars"]
        told += [f"{verses} verse{'s' if verses > 1 else ''}"] if verses else []
        told += [repr(name) for name in (self.composer, self.lyricist) if name]
        return f"Notation({', '.join(told)})"

    @property
    def steps(self) -> int:
        """Length of all bars together, in steps (int).

        Examples:
            >>> Notation((Bar(0, 4, "4/4", offset=12, number=0), Bar(4, 16, "4/4"))).steps
            20
        """
        return self.bars[-1].stop if self.bars else 0

    @property
    def has_repeats(self) -> bool:
        """Whether any sign on the page repeats bars (bool).

        Examples:
            >>> Notation((Bar(0, 16, "4/4", repeat_end=2),)).has_repeats
            True
        """
        return any(bar.repeat_end or set(bar.marks) & set(JUMPS) for bar in self.bars)

    def bar_at(self, step: int) -> Bar:
        """The bar that contains a step.

        Args:
            step: 0 up to, not including, the length of the page in steps.

        Raises:
            ValueError: no bar contains it.

        Examples:
            >>> page = Notation((Bar(0, 16, "4/4"), Bar(16, 16, "4/4", number=2)))
            >>> page.bar_at(20).number
            2
        """
        for bar in self.bars:
            if bar.start <= step < bar.stop:
                return bar
        raise ValueError(f"step {step}: expected 0..{self.steps - 1}, the steps of the bars")

    def transpose(self, fifths: int) -> Notation:
        """The same page with its spelling and signatures moved along the line of fifths.

        Args:
            fifths: the interval on the line of fifths, such as 2 for a major second up. Signatures
                beyond seven sharps or flats are respelled enharmonically.

        Examples:
            >>> Notation(keys=(KeySignature(0, 0, "major"),)).transpose(2).keys[0].fifths
            2
        """
        keys = [replace(key, fifths=key.fifths + fifths) for key in self.keys]
        keys = [
            replace(key, fifths=key.fifths - 12 * np.sign(key.fifths))
            if abs(key.fifths) > 7
            else key
            for key in keys
        ]
        spelling = self.spelling
        if spelling is not None:
            known = spelling != UNSPELLED
            spelling = np.where(known, spelling.astype(int) + fifths, UNSPELLED)
        return replace(self, keys=tuple(keys), spelling=spelling)

    def excerpt(self, start: int, stop: int) -> Notation:
        """The part of the page from one step up to another (not included).

        A bar that is cut becomes shorter, but keeps its place in the metre. Repeat signs, endings
        and jumps are kept only if all the bars that they refer to are kept, so that no sign leads
        out of the excerpt.

        Args:
            start, stop: the first step, and the one after the last.

        Examples:
            >>> page = Notation((Bar(0, 16, "4/4"), Bar(16, 16, "4/4", number=2)))
            >>> [(bar.number, bar.offset, bar.steps) for bar in page.excerpt(12, 32).bars]
            [(1, 12, 4), (2, 0, 16)]
        """
        cut = []
        for bar in self.bars:
            first, last = max(bar.start, start), min(bar.stop, stop)
            if first < last:
                cut.append(
                    replace(
                        bar,
                        start=first - start,
                        steps=last - first,
                        offset=bar.offset + first - bar.start,
                        repeat_begin=bar.repeat_begin and first == bar.start,
                        repeat_end=bar.repeat_end if last == bar.stop else 0,
                        barline=bar.barline if last == bar.stop else None,
                    )
                )
        if cut and stop < self.steps and cut[-1].barline is None:
            cut[-1] = replace(cut[-1], barline="regular")  # not the end of the piece
        if start > 0 or stop < self.steps:
            cut = _without_broken_repeats(cut)
        return replace(
            self,
            bars=tuple(cut),
            keys=_in_force(self.keys, start, stop),
            tempos=_in_force(self.tempos, start, stop),
            words=tuple(
                replace(syllable, step=syllable.step - start)
                for syllable in self.words
                if start <= syllable.step < stop
            ),
            spelling=None if self.spelling is None else self.spelling[start:stop],
        )

    def extended(self, steps: int) -> Notation:
        """The page of a longer piece: the last bar is filled up, bars of the same metre follow, and
        the new notes have no spelling.

        Args:
            steps: length of the longer piece.

        Examples:
            >>> page = Notation((Bar(0, 4, "4/4", offset=12, number=0), Bar(4, 12, "4/4")))
            >>> [(bar.number, bar.steps) for bar in page.extended(30).bars]
            [(0, 4), (1, 16), (2, 10)]
        """
        bars, spelling = list(self.bars), self.spelling
        if bars and steps > self.steps:
            last = bars[-1]
            full = steps_per_bar(last.time_signature)
            if not last.repeat_end and not last.marks:  # there is no sign at its end
                length = min(full - last.offset, steps - last.start)
                barline = None if last.barline == "regular" else last.barline
                last = bars[-1] = replace(last, steps=length, barline=barline)
            pickup = (full - last.offset - last.steps) % full  # the rest of a divided bar
            for bar in regular_bars(steps - last.stop, last.time_signature, pickup):
                number = bar.number + last.number
                bars.append(replace(bar, start=bar.start + last.stop, number=number))
        if spelling is not None:
            new = max(0, steps - len(spelling))
            spelling = np.pad(spelling, [[0, new], [0, 0]], constant_values=UNSPELLED)
        return replace(self, bars=tuple(bars), spelling=spelling)

    def of_voice(self, voice: int) -> Notation:
        """The page with the words and spelling of one voice only, for a piece whose other voices
        are new.

        Args:
            voice: 0..3.

        Examples:
            >>> page = Notation(words=(Syllable(0, 0, 1, "Ach"), Syllable(0, 3, 1, "Ach")))
            >>> [syllable.voice for syllable in page.of_voice(0).words]
            [0]
        """
        spelling = self.spelling
        if spelling is not None:
            spelling = np.where(np.arange(len(VOICES)) == voice, spelling, UNSPELLED)
        words = tuple(syllable for syllable in self.words if syllable.voice == voice)
        return replace(self, words=words, spelling=spelling)

    def keep(self, kept: np.ndarray) -> Notation:
        """The page with some steps cut out and the rest joined.

        Two bars, one without its end and the next without its beginning, become one if they fit
        together. Repeat signs and jumps move to the nearest remaining bar.

        Args:
            kept: bool array (steps,).

        Examples:
            >>> page = Notation((Bar(0, 16, "4/4"), Bar(16, 16, "4/4", number=2)))
            >>> [bar.steps for bar in page.keep(np.arange(32) % 16 >= 8).bars]
            [8, 8]
        """
        moved = np.concatenate([[0], np.cumsum(kept)])  # the new place of each step
        bars: list[Bar] = []
        begins, lost_end = False, False
        for bar in self.bars:
            left = np.flatnonzero(kept[bar.start : bar.stop])
            begins |= bar.repeat_begin
            if not len(left):
                if bars and bar.repeat_end:
                    bars[-1] = replace(bars[-1], repeat_end=bar.repeat_end)
                continue
            cut = replace(
                bar,
                start=int(moved[bar.start + left[0]]),
                steps=len(left),
                offset=bar.offset + int(left[0]),
                repeat_begin=begins,
            )
            before = bars[-1] if bars else None
            if before is not None and lost_end and left[0] and not begins:
                fits = before.offset + before.steps == cut.offset
                if fits and before.time_signature == cut.time_signature:
                    steps = before.steps + cut.steps
                    cut = replace(cut, start=before.start, steps=steps, offset=before.offset)
                    cut = replace(cut, number=before.number, repeat_begin=before.repeat_begin)
                    bars.pop()
            bars.append(cut)
            begins, lost_end = False, bool(left[-1] + 1 < bar.steps)

        def kept_marks(marks: tuple[Any, ...]) -> tuple[Any, ...]:
            at = {int(moved[mark.step]): mark for mark in marks if mark.step < len(kept)}
            return _changes(replace(mark, step=step) for step, mark in at.items())

        return replace(
            self,
            bars=tuple(bars),
            keys=kept_marks(self.keys),
            tempos=kept_marks(self.tempos),
            words=tuple(
                replace(syllable, step=int(moved[syllable.step]))
                for syllable in self.words
                if kept[syllable.step]
            ),
            spelling=None if self.spelling is None else self.spelling[kept],
        )

    def playing_order(self) -> list[int]:
        """The numbers (0, 1, ...) of the bars in the order in which they are sung, with all
        repeats, endings and jumps. After a jump, repeats are not taken again, and only the last
        ending is sung.

        Raises:
            ValueError: a jump to a missing sign, or repeats that never end.

        Examples:
            >>> first = Bar(0, 16, "4/4", repeat_begin=True)
            >>> ending = Bar(16, 16, "4/4", number=2, endings=(1,), repeat_end=2)
            >>> other = Bar(32, 16, "4/4", number=3, endings=(2,))
            >>> Notation((first, ending, other)).playing_order()
            [0, 1, 0, 2]
        """
        order: list[int] = []
        at, section, turn, leap = 0, 0, 1, ""
        groups = _ending_groups(self.bars)
        while at < len(self.bars):
            bar = self.bars[at]
            if len(order) > LONGEST_PLAYED:
                raise ValueError(
                    f"bar {bar.number}: the repeats never end: check the repeat signs, endings and "
                    "jumps of the page"
                )
            if bar.repeat_begin and section != at:
                section, turn = at, 1
            last_ending = max(groups.get(at, {0}))
            if bar.endings and (last_ending if leap else turn) not in bar.endings:
                at += 1
                continue
            order.append(at)
            if leap.endswith("al fine") and "fine" in bar.marks:
                break
            if leap.endswith("al coda") and "to coda" in bar.marks:
                at, leap = self._sign("coda", at), "taken"
                continue
            if bar.repeat_end and not leap:
                if turn < max(bar.repeat_end, last_ending):
                    at, turn = section, turn + 1
                    continue
                section, turn = at + 1, 1
            jump = next((mark for mark in bar.marks if mark in JUMPS), "")
            if jump and not leap:
                at, leap = (0 if jump.startswith("da capo") else self._sign("segno", at)), jump
                continue
            at += 1
        return order

    def played(self, order: Iterable[int]) -> Notation:
        """The page with its bars in the order in which they are sung, without repeat signs and with
        new bar numbers.

        Args:
            order: numbers (0, 1, ...) of bars, as from `playing_order`.

        Examples:
            >>> page = Notation((Bar(0, 16, "4/4", repeat_end=2), Bar(16, 16, "4/4", number=2)))
            >>> [bar.number for bar in page.played(page.playing_order()).bars]
            [1, 2, 3]
        """
        parts: list[tuple[int, Notation]] = []
        played: list[Bar] = []
        at = 0
        for place in order:
            bar = self.bars[place]
            parts.append((at, self.excerpt(bar.start, bar.stop)))
            begins_anew = bar.offset == 0 or not played
            number = (played[-1].number if played else 0) + (begins_anew and bar.number > 0)
            barline = None if bar.barline == "final" else bar.barline
            plain = replace(bar, repeat_begin=False, repeat_end=0, endings=(), marks=())
            plain = replace(plain, barline=barline)
            played.append(replace(plain, start=at, number=number))
            at += bar.steps
        spelled = [part.spelling for _, part in parts if part.spelling is not None]

        def gathered(name: str) -> list[Any]:
            marks = [(at, mark) for at, part in parts for mark in getattr(part, name)]
            return [replace(mark, step=mark.step + at) for at, mark in marks]

        return replace(
            self,
            bars=tuple(played),
            keys=_changes(gathered("keys")),
            tempos=_changes(gathered("tempos")),
            words=tuple(gathered("words")),
            spelling=np.concatenate(spelled) if spelled else None,
        )

    def _sign(self, sign: str, at: int) -> int:
        """The number of the bar with a sign."""
        for number, bar in enumerate(self.bars):
            if sign in bar.marks:
                return number
        raise ValueError(f"bar {self.bars[at].number} jumps to a {sign}: expected one on the page")


def regular_bars(steps: int, time_signature: str, pickup: int = 0) -> tuple[Bar, ...]:
    """The bars of a piece in one metre throughout; the last one may be incomplete.

    Args:
        steps: length of the piece in sixteenths.
        time_signature: such as ``'4/4'``.
        pickup: sixteenths before the first bar line.

    Examples:
        >>> [(bar.number, bar.start, bar.steps) for bar in regular_bars(40, "4/4", pickup=4)]
        [(0, 0, 4), (1, 4, 16), (2, 20, 16), (3, 36, 4)]
    """
    full = steps_per_bar(time_signature)
    bars = (
        [Bar(0, min(pickup, steps), time_signature, full - pickup, 0)] if pickup and steps else []
    )
    starts = range(pickup, steps, full)
    return tuple(bars) + tuple(
        Bar(start, min(full, steps - start), time_signature, 0, number)
        for number, start in enumerate(starts, start=1)
    )


def bars_of(chorale: Chorale) -> tuple[Bar, ...]:
    """The bars of a chorale: those of its notation, or else regular ones in its metre; empty if it
    is unknown.

    Args:
        chorale: Chorale.

    Examples:
        >>> [bar.steps for bar in bars_of(Chorale([[72, 67, 64, 48]] * 30, time_signature="3/4"))]
        [12, 12, 6]
    """
    if chorale.notation is not None and chorale.notation.bars:
        return chorale.notation.bars
    if chorale.time_signature is None:
        return ()
    return regular_bars(len(chorale), chorale.time_signature, chorale.pickup)


def expand_repeats(chorale: Chorale) -> Chorale:
    """The chorale as it is sung, with every repeat, ending and jump written out; unchanged if
    nothing is repeated.

    Args:
        chorale: Chorale.

    Raises:
        ValueError: see `Notation.playing_order`.
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> bars = (Bar(0, 16, "4/4", repeat_end=2),)
        >>> twice = Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4", notation=Notation(bars))
        >>> len(expand_repeats(twice))
        32

    Notebook: 05_generation
    """
    page = as_chorale(chorale).notation
    if page is None or not page.has_repeats:
        return chorale
    order = page.playing_order()
    steps = np.concatenate([np.arange(page.bars[at].start, page.bars[at].stop) for at in order])
    onsets = chorale.struck[steps]
    begins = np.cumsum([0, *(page.bars[at].steps for at in order)])[:-1]
    leaps = begins[1:][np.diff(steps)[begins[1:] - 1] != 1]  # no note is held across a jump
    onsets[leaps] = chorale.pitches[steps[leaps]] != SILENCE
    return replace(
        chorale,
        pitches=chorale.pitches[steps],
        onsets=onsets,
        fermatas=None if chorale.fermatas is None else chorale.fermatas[steps],
        notation=page.played(order),
    )


def check_repeats(repeats: str) -> None:
    """Raises a ValueError unless `repeats` is ``'written'`` or ``'played'``.

    Examples:
        >>> check_repeats("always")
        Traceback (most recent call last):
        ValueError: repeats 'always': expected one of 'written', 'played'
    """
    if repeats not in REPEATS:
        raise ValueError(f"repeats {repeats!r}: expected one of {', '.join(map(repr, REPEATS))}")


def _without_usual_lines(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
    """The bars with None in place of the bar lines that are usual where they are."""
    usual = ["regular"] * (len(bars) - 1) + ["final"]
    return tuple(
        replace(bar, barline=None) if bar.barline == line else bar for bar, line in zip(bars, usual)
    )


def _ending_groups(bars: tuple[Bar, ...]) -> dict[int, set[int]]:
    """For each bar within an ending (by its place), the numbers of all endings in its group."""
    groups: dict[int, set[int]] = {}
    numbers: set[int] = set()
    for place, bar in enumerate(bars):
        if not bar.endings:
            numbers = set()
            continue
        numbers |= set(bar.endings)
        groups[place] = numbers
    return groups


def _in_force(marks: tuple[Any, ...], start: int, stop: int) -> tuple[Any, ...]:
    """The marks (each with a `step`) from `start` up to `stop`, with steps counted from `start`;
    the last earlier one takes effect at `start`."""
    before = [mark for mark in marks if mark.step <= start]
    within = [mark for mark in marks if start < mark.step < stop]
    return tuple(replace(mark, step=max(0, mark.step - start)) for mark in before[-1:] + within)


def _changes(marks: Iterable[Any]) -> tuple[Any, ...]:
    """The marks without those that change nothing."""
    kept: list[Any] = []
    for mark in marks:
        if not kept or replace(mark, step=0) != replace(kept[-1], step=0):
            kept.append(mark)
    return tuple(kept)


def _without_broken_repeats(bars: list[Bar]) -> list[Bar]:
    """Bars cut out of a page, without signs that refer to other bars."""
    bars = [
        replace(bar, marks=tuple(mark for mark in bar.marks if mark not in (*SIGNS, *JUMPS)))
        for bar in bars
    ]
    begins = [number for number, bar in enumerate(bars) if bar.repeat_begin]
    ends = [number for number, bar in enumerate(bars) if bar.repeat_end]
    whole = set()
    for end in ends:
        begin = max((number for number in begins if number <= end), default=None)
        if begin is not None:
            last = end
            while last + 1 < len(bars) and bars[last + 1].endings:
                last += 1
            whole |= set(range(begin, last + 1))
    return [
        bar if number in whole else replace(bar, repeat_begin=False, repeat_end=0, endings=())
        for number, bar in enumerate(bars)
    ]


def _equal(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return type(one) is type(other) and one == other
