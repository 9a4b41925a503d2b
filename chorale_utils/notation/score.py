"""A Chorale as a score of music21.

This file decides how a chorale and its page are notated: bars, note values, ties, beams, words,
fermatas, which accidentals are printed, which notes are coloured. `spelling` names the notes,
`musicxml_writing` writes repeats and tempos, and `score_files` writes and draws scores.

Notebook: 05_generation
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    as_chorale,
    steps_per_bar,
)
from ..deprecation import public_name
from ..keys import (
    MODES,
    key_signature,
)
from .chord_marks import KINDS, ChordMark, add_chord_marks
from .fault_marks import Marks
from .key import find_key
from .metre import find_metre
from .musicxml_writing import add_barlines, add_signs, lyric
from .page import Notation, bars_of
from .spelling import named, spelled

if TYPE_CHECKING:
    from music21.stream import Score
    from numpy.typing import ArrayLike

_STAVES = (2, 4)
# composers of settings that Bach adopted unchanged, by BWV number
_OTHER_COMPOSERS = {"27.6": "Johann Rosenmüller"}


def to_score(
    chorale: Chorale,
    staves: int = 4,
    colours: ArrayLike | None = None,
    about: Mapping[str, Any] | None = None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Marks | None = None,
) -> Score:
    """The chorale as a music21 Score, with its notation (`Chorale.notation`): bars with changes of
    metre and key, repeats, endings and jumps, tempos, words of all verses, authors.

    Notes keep the spelling of the page; others are spelled by key and harmony. If the key is
    unknown it is estimated (`find_key`), and so are metre and pickup (`find_metre`). A piece
    without a title gets no placeholder. If the page names no composer but the chorale has a BWV
    number, the composer is Bach, except for settings known to be by someone else.

    Args:
        chorale: Chorale, at least one step.
        staves: 4, a staff for each voice with the tenor in an octave treble clef; or 2, as in a
            hymnal, soprano and alto above tenor and bass, stems up and down. Words are below the
            voice that sings them; on two staves, above it if the lower voice has its own words.
        colours: str array (steps, 4) of CSS colours, such as ``'#D55E00'`` or ``'crimson'``, and
            ``''`` for black; a note has the colour of the step on which it begins. None: all black.
        about: dict of facts about how the piece was made, such as ``{'seed': 7}``, kept as
            metadata; not printed.
        analysis: the harmonic analysis to print: ``'numerals'`` (or True), Roman numerals with the
            local keys, or ``'figures'``, a figured bass, both below the lowest staff; or
            ``'symbols'``, chord symbols above the highest staff; or a list from `chord_marks`.
            False: none.
        marks: marked notes, such as from `mark_faults`: each in its colour and with its numbers;
            the first of each kind also with the name of its meaning. None: none.

    Raises:
        ValueError: the chorale is empty, `staves` is neither 2 nor 4, `colours` has the wrong shape
            or an unknown colour, or `analysis` is invalid.
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> score = to_score(Chorale([[72, 67, 64, 48]] * 16, key="C major"), staves=2)
        >>> [part.partAbbreviation.split() for part in score.parts]
        [['S', 'A'], ['T', 'B']]

    Notebook: 05_generation
    """
    return build_score(chorale, staves, colours, about, analysis, marks)


def build_score(
    chorale: Chorale,
    staves: int,
    colours: ArrayLike | None,
    about: Mapping[str, Any] | None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Marks | None = None,
    marked: bool = False,
    drawn: bool = False,
) -> Score:
    """The music21 Score of `to_score`, as files need it.

    Args:
        chorale, staves, colours, about, analysis, marks: see `to_score`.
        marked: whether it has the marks that `musicxml_writing` turns into signs that music21
            cannot write.
        drawn: whether two voices on a staff that sing the same words share them.

    Raises:
        ValueError, TypeError: as in `to_score`.

    Examples:
        >>> len(build_score(Chorale([[72, 67, 64, 48]] * 16), 2, None, None, drawn=True).parts)
        2
    """
    from music21 import layout, metadata, stream

    as_chorale(chorale)
    if staves not in _STAVES:
        raise ValueError(
            f"staves {staves!r}: expected 2 (soprano and alto above tenor and bass), or 4, one per "
            "voice"
        )
    if not len(chorale):
        raise ValueError(f"{chorale.name}: no steps: expected a chorale of at least one sixteenth")
    colours = _checked_colours(colours, chorale)
    if marks:
        marked_in = _checked_colours(marks.colours(chorale), chorale)
        colours = np.where(marked_in != "", marked_in, colours)
    if chorale.time_signature is None:
        time_signature, pickup = find_metre(chorale)
        chorale = replace(chorale, time_signature=time_signature, pickup=pickup)
    words = chorale.notation.words if chorale.notation else ()
    if drawn and staves == 2:
        words = _shared_words(words)
    page = _Page(chorale, words, marked)
    score = stream.Score()
    score.metadata = metadata.Metadata()
    _name_authors(score.metadata, chorale)
    for fact, value in (about or {}).items():
        score.metadata.addCustom(fact, str(value))
    voices_of = [(0, 1), (2, 3)] if staves == 2 else [(voice,) for voice in range(len(VOICES))]
    parts = [_part(page, voices, colours) for voices in voices_of]
    for part in parts:
        score.insert(0, part)
    if marks:
        _write_marks(parts, page.bars, voices_of, marks, drawn)
    add_signs(parts[0], page.bars, page.notation.tempos, marked)
    add_chord_marks(parts, page.bars, _chord_marks(chorale, analysis), drawn, marked)
    score.insert(
        0,
        layout.StaffGroup(
            parts, symbol="brace" if staves == 2 else "bracket", barTogether=staves == 2
        ),
    )
    return score


def _chord_marks(chorale, analysis):
    """The requested chord marks, see `to_score`."""
    if not isinstance(analysis, (bool, str)):
        return list(analysis)
    if isinstance(analysis, str) and analysis not in KINDS:
        raise ValueError(
            f"analysis {analysis!r}: expected True, one of {', '.join(map(repr, KINDS))}, or "
            "the result of chord_marks(chorale)"
        )
    if not analysis:
        return []
    from .. import chord_marks  # from the harmony wing, which is above this one

    return chord_marks(chorale, "numerals" if analysis is True else analysis)


def _write_marks(parts, bars, voices_of, marks, drawn):
    """Writes the marks beside the notes: above the staff, or below it for the lower of two voices.
    Unless a drawing has a legend, the first mark of each kind says what it means."""
    from music21 import expressions

    names = {} if drawn else {entry.number: entry.name for entry in marks.legend}
    for part, voices in zip(parts, voices_of):
        measures = list(part.getElementsByClass("Measure"))
        for mark in sorted(marks.notes):
            if mark.voice not in voices:
                continue
            number = next(at for at, bar in enumerate(bars) if bar.start <= mark.step < bar.stop)
            told = [f"{one} {names.pop(one, '')}".rstrip() for one in mark.numbers]
            words = expressions.TextExpression(", ".join(told))
            words.placement = "above" if mark.voice == voices[0] else "below"
            words.style.color = mark.colour
            words.style.fontWeight = "bold"
            at = (mark.step - bars[number].start) / STEPS_PER_QUARTER
            measures[number].insert(at, words)


def _name_authors(metadata, chorale):
    """Enters title and authors into music21's metadata, as far as they are known."""
    page = chorale.notation or Notation()
    bach = _OTHER_COMPOSERS.get(chorale.bwv, "Johann Sebastian Bach") if chorale.bwv else None
    metadata.composer = page.composer or bach
    for field in ("lyricist", "arranger", "copyright"):
        if getattr(page, field):
            setattr(metadata, field, getattr(page, field))
    if chorale.title:
        metadata.title = chorale.title


class _Page:
    """Everything that the staves share: bars, key signatures, note names, and words."""

    def __init__(self, chorale, words, marked):
        self.chorale, self.marked = chorale, marked
        self.notation = chorale.notation or Notation()
        self.bars = _closed(bars_of(chorale))
        self.keys = _keys(chorale)
        starts = [step for step, _ in self.keys]
        lengths = np.diff([*starts, len(chorale)])
        self.fifths = spelled(chorale, np.repeat([key.sharps for _, key in self.keys], lengths))
        self.fermatas = _fermata_signs(chorale)
        self.words = defaultdict(list)
        for syllable in words:
            self.words[syllable.voice, syllable.step].append(syllable)
        self._warn_of_unsung_words()

    def _warn_of_unsung_words(self):
        """Warns about words where nothing is sung."""
        pitches = self.chorale.pitches
        unsung = [
            word
            for word in self.notation.words
            if word.step >= len(pitches) or pitches[word.step, word.voice] == SILENCE
        ]
        if unsung:
            first = unsung[0]
            warnings.warn(
                f"{self.chorale.name}: {len(unsung)} of {len(self.notation.words)} syllables are "
                f"not written, because nothing is sung there; the first is {first.text!r}, "
                f"{VOICES[first.voice]}, step {first.step}",
                stacklevel=5,
            )


def _shared_words(words):
    """The words, without a lower voice's if they are all the same as the upper voice's."""
    sung = defaultdict(set)
    for word in words:
        sung[word.voice].add((word.step, word.verse, word.text))
    shared = {lower for lower in (1, 3) if sung[lower] <= sung[lower - 1]}
    return [word for word in words if word.voice not in shared]


def _closed(bars):
    """The bars, with a final bar line at the end unless the page has another."""
    return (*bars[:-1], replace(bars[-1], barline=bars[-1].barline or "final"))


def _keys(chorale):
    """[(step, music21 KeySignature or Key)], the first at step 0."""
    from music21.key import Key

    changes = list(chorale.notation.keys) if chorale.notation else []
    if not changes or changes[0].step > 0:
        tonic, mode = (chorale.key or find_key(chorale)).split()
        return [(0, Key(tonic, mode))] + [(c.step, _signature(c)) for c in changes]
    if chorale.key is not None and key_signature(chorale.key) != changes[0].fifths:
        tonic, mode = chorale.key.split()
        return [(0, Key(tonic, mode))] + [(c.step, _signature(c)) for c in changes[1:]]
    return [(change.step, _signature(change)) for change in changes]


def _signature(change):
    """music21's Key for a `KeySignature`, or its KeySignature if the mode is unknown."""
    from music21.key import KeySignature

    signature = KeySignature(change.fifths)
    return signature.asKey(change.mode) if change.mode in MODES else signature


def _part(page, voices, colours):
    """A music21 Part: one staff with one or two voices."""
    from music21 import instrument, meter, stream
    from music21.stream.enums import ShowNumber

    part = stream.Part()
    sings = instrument.Choir()
    sings.partName = part.partName = "\n".join(VOICES[voice].capitalize() for voice in voices)
    sings.partAbbreviation = part.partAbbreviation = "\n".join(
        VOICES[voice][0].upper() for voice in voices
    )
    sings.partId, sings.instrumentId = (
        f"P{voices[0] + 1}",
        f"I{voices[0] + 1}",
    )  # music21 would draw random ids
    part.insert(0, sings)
    lines = [_Line(page, voice, colours, alone=len(voices) == 1) for voice in voices]
    metre, before = None, None
    for bar in page.bars:
        measure = stream.Measure(number=bar.number)
        measure.paddingLeft = bar.offset / STEPS_PER_QUARTER
        full = steps_per_bar(bar.time_signature)
        measure.paddingRight = (full - bar.offset - bar.steps) / STEPS_PER_QUARTER
        if bar.start == 0:
            measure.insert(0, _clef(voices))
        if bar.time_signature != metre:
            metre = bar.time_signature
            measure.insert(0, meter.TimeSignature(metre))
        if not _is_counted(bar, before):
            measure.showNumber = ShowNumber.NEVER
        before = bar
        written = [line.written(bar) for line in lines]
        if len(lines) == 1 or not page.chorale.pitches[bar.start : bar.stop, list(voices)].any():
            measure.append(written[0])
        else:
            for number, elements in enumerate(written, 1):
                voice = stream.Voice(id=str(number))
                voice.append(elements)
                measure.insert(0, voice)
        for step, key in page.keys:
            if bar.start <= step < bar.stop:
                within = step > bar.start and measure.voices  # music21 only writes it in a voice
                place = measure.voices[0] if within else measure
                place.insert((step - bar.start) / STEPS_PER_QUARTER, deepcopy(key))
        add_barlines(measure, bar)
        part.append(measure)
    _print_accidentals(part)
    part.makeBeams(inPlace=True, setStemDirections=False)
    return part


def _is_counted(bar, before):
    """Whether a bar has its own number, unlike a pickup or the second half of a divided bar."""
    if before is None or not bar.offset:
        return bar.number > 0
    goes_on = before.offset + before.steps == bar.offset
    return goes_on and bar.number != before.number


def _print_accidentals(part):
    """Decides which accidentals of a staff are printed.

    An accidental is printed if it differs from the key, or from the last accidental on that line in
    this bar, in the same voice or the other. A note tied over from the last bar needs none. A
    cautionary accidental is printed at the first return to the key after a bar with an altered
    note.
    """
    from music21 import pitch

    last_bar, keys = {}, []
    for measure in part.getElementsByClass("Measure"):
        changes = measure.recurse().getElementsByClass("KeySignature")
        keys = [(0, key) for _, key in keys[-1:]] + [(key.offset, key) for key in changes]
        notes = [
            (element.offset, number, element)
            for number, voice in enumerate(list(measure.voices) or [measure])
            for element in voice.notes
        ]
        staff, own, since, tied, tied_over = {}, {}, {}, {}, {}
        for offset, number, element in sorted(notes, key=lambda entry: entry[:2]):
            line = element.pitch.nameWithOctave.replace("#", "").replace("-", "")
            sharps = int(element.pitch.alter)
            key = next(one for at, one in reversed(keys) if at <= offset)
            in_key = key.accidentalByStep(element.pitch.step)
            in_key = int(in_key.alter) if in_key else 0
            shown = sharps != staff.get(line, in_key) or sharps != own.get((number, line), in_key)
            shown |= line not in staff and sharps != last_bar.get(line, in_key)
            continues = element.tie is not None and element.tie.type != "start"
            if continues or staff.get(line) == sharps and since[line] == offset:
                shown = False  # one sign for tied notes, and one if both voices sing the same note
            if shown and element.pitch.accidental is None:
                element.pitch.accidental = pitch.Accidental("natural")
            if element.pitch.accidental is not None:
                element.pitch.accidental.displayStatus = shown
            if continues and tied.get(number, offset == 0):
                tied[number], tied_over[line] = (
                    True,
                    sharps,
                )  # signs of the last bar no longer apply
                continue
            tied[number] = False
            if staff.get(line) != sharps:
                since[line] = offset
            staff[line] = own[number, line] = sharps
        last_bar = {**tied_over, **staff}


def _clef(voices):
    from music21 import clef

    if voices == (2,):
        return clef.Treble8vbClef()
    return clef.BassClef() if voices[0] >= 2 else clef.TrebleClef()


class _Line:
    """One voice, to be notated bar by bar."""

    def __init__(self, page, voice, colours, alone):
        self.page, self.voice, self.alone = page, voice, alone
        self.colours = colours[:, voice]
        self.fifths = page.fifths[:, voice]
        self.sounds = _sounds_and_silences(page.chorale, voice)
        self.fermatas = page.fermatas[:, voice]
        below = {voice for voice, _ in page.words} if not alone else set()
        self.sings_above = voice in (0, 2) and voice + 1 in below
        self.shows_fermatas = alone or voice in (0, 3) or not page.fermatas[:, 0].any()

    def written(self, bar):
        """The music21 notes and rests of a bar, with ties where a note is held."""
        from music21 import note

        elements = []
        for begins, ends, pitch in self.sounds:
            first, last = max(begins, bar.start), min(ends, bar.stop)
            if first >= last:
                continue
            if pitch == SILENCE and last - first == bar.steps and bar.is_full:
                elements.append(note.Rest(quarterLength=(last - first) / STEPS_PER_QUARTER))
                elements[0].fullMeasure = True
                continue
            at = first
            for value in self._values(first, last, pitch, bar):
                element = (
                    note.Rest()
                    if pitch == SILENCE
                    else note.Note(named(pitch, self.fifths[begins]))
                )
                element.quarterLength = value / STEPS_PER_QUARTER
                if pitch != SILENCE:
                    self._mark(element, begins, ends, at, at + value)
                elements.append(element)
                at += value
        return elements

    def _values(self, first, last, pitch, bar):
        """The note values (list of int) of the steps from `first` to `last`, also divided where a
        syllable begins within a held note."""
        words = self.page.words
        sung = [step for step in range(first + 1, last) if (self.voice, step) in words]
        cuts = [first, *(sung if pitch != SILENCE else []), last]
        return [
            value
            for start, stop in pairwise(cuts)
            for value in _note_values(
                start - bar.start + bar.offset, stop - start, bar.time_signature
            )
        ]

    def _mark(self, element, begins, ends, at, until):
        """Sets colour, tie, stem, words and fermata of the part from `at` to `until` of a note that
        lasts from `begins` to `ends`."""
        from music21 import expressions, tie

        if (at, until) != (begins, ends):
            element.tie = tie.Tie(
                "start" if at == begins else "stop" if until == ends else "continue"
            )
        for syllable in self.page.words.get((self.voice, at), ()):
            element.lyrics.append(lyric(syllable, self.sings_above, self.page.marked))
        if self.colours[begins]:
            element.style.color = self.colours[begins]
        if not self.alone:
            element.stemDirection = "down" if self.voice % 2 else "up"
        if self.fermatas[at:until].any() and self.shows_fermatas:
            fermata = expressions.Fermata()
            fermata.type = "upright" if self.alone or self.voice % 2 == 0 else "inverted"
            element.expressions.append(fermata)


def _sounds_and_silences(chorale, voice):
    """(start, stop, pitch) in order and without gaps, with pitch 0 for silence."""
    sounds, now = [], 0
    for start, length, pitch in chorale.notes(voice).tolist():
        if start > now:
            sounds.append((now, start, SILENCE))
        now = start + length
        sounds.append((start, now, pitch))
    return sounds + ([(now, len(chorale), SILENCE)] if now < len(chorale) else [])


def _fermata_signs(chorale):
    """bool array (steps, 4): true on the steps whose notes have a fermata sign.

    If all fermatas are the soprano's, every voice has the sign on the last step of each. If the
    soprano has none, the other voices have signs on their own notes only. Any other stretch under a
    fermata (a model may write such) has a sign at its end.
    """
    under = np.zeros(len(chorale), bool) if chorale.fermatas is None else chorale.fermatas
    ends = np.zeros(chorale.pitches.shape, bool)  # ends of notes entirely under a fermata
    reach = np.zeros(chorale.pitches.shape, bool)
    for voice in range(len(VOICES)):
        for start, length, _ in chorale.notes(voice).tolist():
            if under[start : start + length].all():
                ends[start + length - 1, voice] = True
                reach[start : start + length, voice] = True
    if np.array_equal(reach[:, 0], under):
        return np.repeat(ends[:, :1], len(VOICES), axis=1)
    if np.array_equal(reach[:, 1:].any(axis=1), under):
        return np.where(np.arange(len(VOICES)) == 0, False, ends)
    last = under & ~np.append(under[1:], False)
    return np.repeat(last[:, None], len(VOICES), axis=1)


def _note_values(at, length, metre):
    """The steps (list of int) of the note values that write a note of `length` steps.

    The note begins `at` steps into a bar. It is one value if that shows the beat, and otherwise
    several tied values, divided at the strongest place. Bars of five and seven are 2 + 3 and 4 + 3,
    so that a whole bar of 5/4 is a half and a dotted half."""
    count, unit = (int(part) for part in metre.split("/"))
    beat = max(1, 16 * (3 if _is_compound(count) else 1) // unit)
    groups = _group_starts(count, 16 // unit)
    parted = at in (0, *groups) and any(at < start < at + length for start in groups)
    if not parted and _is_one_value(at, length, beat, _is_compound(count)):
        return [length]
    places = range(at + 1, at + length)
    cut = max(
        places,
        key=lambda place: (place in groups, _strength(place, beat, two_fold=count in (2, 4))),
    )
    return _note_values(at, cut - at, metre) + _note_values(cut, at + length - cut, metre)


def _group_starts(count, beat):
    """Where the second group of a bar of five or seven begins (list of int, in steps): after two
    beats of five or four of seven, like music21's beams."""
    return [beat * first for first in {5: (2,), 7: (4,)}.get(count, ())]


def _is_compound(count):
    return count > 3 and count % 3 == 0


def _is_one_value(at, length, beat, compound):
    plain = length & -length  # 4 in 12: a dotted half is three quarters
    if length not in (plain, 3 * plain):
        return False
    if compound and at // beat != (at + length - 1) // beat:
        return at % beat == 0 and length % beat == 0
    if length == plain:
        return length == 1 or at % (length // 2) == 0
    return at % beat == 0 or at % (4 * plain) == plain


def _strength(place, beat, two_fold):
    """How strong a place in the bar is: the larger the power of two that divides it, the stronger;
    all beats of a bar of three are equal."""
    if place % beat == 0:
        return 1000 + (place & -place if two_fold else 0)
    return place & -place


def _checked_colours(colours, chorale):
    """The colours as a str array (steps, 4) of ``#RRGGBB`` and ``''``; raises a ValueError that
    says what is wrong."""
    from music21.musicxml.m21ToXml import normalizeColor

    if colours is None:
        return np.full(chorale.pitches.shape, "")
    colours = np.asarray(colours, dtype=str)
    if colours.shape != chorale.pitches.shape:
        raise ValueError(
            f"{chorale.name}: colours of shape {colours.shape}: expected {chorale.pitches.shape}, "
            "to fit the pitches"
        )
    checked = {}
    for colour in np.unique(colours).tolist():
        try:
            checked[colour] = normalizeColor(colour)  # music21 accepts anything with a '#' in it
        except ValueError:
            checked[colour] = None
        if checked[colour] is None or not re.fullmatch("(#[0-9A-F]{6})?", checked[colour]):
            raise ValueError(
                f"{chorale.name}: colour {colour!r}: expected the name of a CSS colour, '#RRGGBB', "
                "or '' for black"
            )
    return np.vectorize(checked.get, otypes=[str])(colours)


def __getattr__(name: str) -> Any:
    """Public names that were in the module `score` in 0.1."""
    try:
        return public_name(name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
