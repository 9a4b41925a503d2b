"""From a music21 score to the grid of sixteenths: `from_score` is the one way in for everything
engraved, `from_melody` for a tune that has no other voices yet.

A score says more than the grid holds (beams, slurs, instruments) and sometimes less (which four of
nine parts are the voices). This module decides which notes are which voice's, and what else of the
page is kept; `timeline` reads its bars. It finds no files and keeps no cache.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..chorale import (
    MODES,
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    described,
    steps_per_bar,
    voice_named,
)
from ..deprecation import renamed
from . import page
from .musicxml import ELISION, MELISMA
from .page import UNSPELLED, Bar, Notation, Syllable
from .timeline import Timeline, is_sung, measures_of, read_timeline

if TYPE_CHECKING:
    from music21.stream import Stream

REPEATS = ("written", "played")
Part = str | int | Sequence[str | int] | None  # what chooses parts, by name or number from 1

# what programs write where they know no title or author
_PLACEHOLDERS = (
    "Music21 Fragment",
    "Music21",
    "Title",
    "Untitled",
    "Untitled score",
    "Composer",
    "Composer / arranger",
    "Lyricist",
)
_FILE_NAME = re.compile(r"\.(mxl|xml|musicxml|krn|midi?|abc|msc[xz]|sib|mus|capx?|mei|ly)$", re.I)


class _Sound(NamedTuple):
    """A note as the score has it, before it is laid onto the grid."""

    start: Fraction  # steps from the beginning of the piece
    end: Fraction
    pitches: tuple  # MIDI numbers, one unless the part has a chord here
    fifths: tuple  # of each its place on the line of fifths
    element: Any  # music21's Note or Chord
    measure: Any  # music21's Measure, or the part where it has none
    sings: bool  # whether the words of the element are this sound's


def from_score(
    score: Stream,
    name: str = "untitled",
    bwv: str | None = None,
    title: str | None = None,
    strict: bool = True,
    repeats: str = "written",
    part: Part = None,
    *,
    expand_repeats: bool | None = None,
) -> Chorale:
    """The `Chorale` in a music21 score: four voices on the grid of sixteenths, and what it says.

    Of four parts or more, those named soprano, alto, tenor and bass are taken, in whatever order
    they stand; four parts with other names are taken from the top down. Two staves with two voices
    each are opened into four; on each, the voice that lies higher is the soprano or the tenor.
    Grace notes, cue notes, slashes and chord symbols are left out. Tied notes are struck once. A
    step is under a fermata where the soprano has one, or any voice where the soprano has none in
    the whole piece.

    `Chorale.notation` has the bars with changes of metre, repeats, endings and jumps, changes of
    key, tempos, the words of all verses, the spelling of every note, and the authors. Metre and key
    of the chorale itself are the first ones. A signature without a mode counts as the relative
    minor where the bass ends on its tonic, otherwise as the major. What is left out or filled in is
    named in a warning.

    Args:
        score: music21 Score.
        name: what to call the piece.
        bwv: number in the Bach-Werke-Verzeichnis, or None.
        title: title of the chorale; None for that of the score.
        strict: whether music that does not fit the grid is an error, and a fifth voice. Otherwise
            each step has what sounds at its beginning, so that the odd 32nd note goes; of two
            sopranos the first is taken; and whole bars in which no voice sings, interludes of
            instruments, are left out.
        repeats: ``'written'``: each bar stands once, and `notation` has the signs; ``'played'``:
            all repeats, endings and jumps are played out.
        part: the four parts to read, or the two staves, each by its name or its number from 1, such
            as ``('Choir 1', 'Choir 2')``; one name for all parts that bear it.
        expand_repeats: the old name of ``repeats='played'``.

    Raises:
        ValueError: there are not four voices, a voice has two notes at a time, or a note is off the
            grid; the message names part, bar and beat.
        TypeError: `score` is nothing of music21's.

    Examples:
        >>> from music21 import corpus
        >>> from_score(corpus.parse("bach/bwv66.6"), name="bwv66.6")
        Chorale('bwv66.6', 144 steps, f# minor, 4/4)

    Notebook: 01_data_exploration
    """
    if expand_repeats is not None:
        renamed("expand_repeats", "repeats='played' (or 'written')")
        repeats = REPEATS[expand_repeats]
    check_repeats(repeats)
    _check_stream(score, name, "load_chorale reads a file")
    parts = _vocal_parts(score, name, strict, part)
    sounding = [_sounding(one) for one in parts]
    timeline = read_timeline(sounding, _others(score, parts), name)
    if len(sounding) == 2:
        voices = _open_staves(sounding, timeline, name)
    else:
        voices = [_sounds_of(one, timeline) for one in sounding]
    labels = [f"{name}: {voice}" for voice in VOICES]
    return _laid_out(
        score,
        sounding[0],
        timeline,
        [_one_at_a_time(sounds, label, strict) for sounds, label in zip(voices, labels)],
        name,
        bwv,
        title,
        repeats,
        without_interludes=not strict,
    )


def from_melody(
    score: Stream,
    name: str = "untitled",
    title: str | None = None,
    strict: bool = True,
    repeats: str = "written",
    part: str | int | None = None,
    *,
    expand_repeats: bool | None = None,
) -> Chorale:
    """The melody in a music21 stream, as a `Chorale` whose soprano sings alone.

    Everything is read as in `from_score`, the key of a signature without a mode by the note on
    which the melody ends.

    Args:
        score: music21 Score with one part that has notes, or a Part, or another stream of notes.
        name: what to call the piece.
        title: title; None for that of the score.
        strict, repeats, expand_repeats: as in `from_score`.
        part: which part has the melody, by its name or its number from 1; or the name of a voice
            (``'soprano'``, ``'tenor'``) of a score that `from_score` reads.

    Raises:
        ValueError: there are several parts with notes and `part` chooses none, or there is none;
            two notes at a time, or a note is off the grid; the message names part, bar and beat.
        TypeError: `score` is nothing of music21's.

    Examples:
        >>> from music21 import converter
        >>> from_melody(converter.parse("tinynotation: 3/4 c4 d e f2."), name="tune")
        Chorale('tune', 24 steps, 3/4)

    Notebook: 05_generation
    """
    if expand_repeats is not None:
        renamed("expand_repeats", "repeats='played' (or 'written')")
        repeats = REPEATS[expand_repeats]
    check_repeats(repeats)
    _check_stream(
        score, name, "load_melody reads a file, harmonize takes note names and numbers as they are"
    )
    parts = list(getattr(score, "parts", None) or [score])
    if part is None:
        chosen = [one for one in parts if _has_notes(one)]
        if len(chosen) != 1:
            raise ValueError(
                f"{name}: {_count(chosen)} with notes: expected one melody; choose one of "
                f"{_numbered(parts)} with part=, such as part={_first_choice(parts)!r}"
                if chosen
                else f"{name}: {_count(chosen)} with notes: expected one melody"
            )
    else:
        chosen = _named_parts(parts, part, name)
        if not chosen or len(chosen) > 1:
            voice = voice_named(part) if isinstance(part, str) else None
            if voice is None:
                raise _no_part(parts, part, name, chosen)
            whole = from_score(score, name, None, title, strict, repeats)
            return solo(whole, voice)
    sounding = _sounding(chosen[0])
    timeline = read_timeline([sounding], _others(score, chosen), name)
    sounds = _one_at_a_time(_sounds_of(sounding, timeline), f"{name}: melody", strict)
    return _laid_out(score, sounding, timeline, [sounds], name, None, title, repeats)


def solo(chorale: Chorale, voice: int) -> Chorale:
    """One voice of a chorale, sung alone by the soprano, with the words of that voice.

    Args:
        chorale: Chorale.
        voice: 0..3, soprano to bass.

    Examples:
        >>> solo(Chorale([[72, 67, 64, 48]]), 3).pitches.tolist()
        [[48, 0, 0, 0]]
    """

    def alone(columns: np.ndarray, empty: int) -> np.ndarray:
        moved = np.full_like(columns, empty)
        moved[:, 0] = columns[:, voice]
        return moved

    notation = chorale.notation
    if notation is not None:
        words = [
            replace(syllable, voice=0) for syllable in notation.words if syllable.voice == voice
        ]
        spelling = notation.spelling
        notation = replace(
            notation,
            words=tuple(words),
            spelling=None if spelling is None else alone(spelling, UNSPELLED),
        )
    return replace(
        chorale,
        pitches=alone(chorale.pitches, SILENCE),
        onsets=alone(chorale.struck, 0),
        notation=notation,
    )


def check_repeats(repeats: str) -> None:
    """Raises ValueError where `repeats` says neither that they are written nor played.

    Examples:
        >>> check_repeats("always")
        Traceback (most recent call last):
        ValueError: repeats 'always': expected one of 'written', 'played'
    """
    if repeats not in REPEATS:
        raise ValueError(f"repeats {repeats!r}: expected one of {', '.join(map(repr, REPEATS))}")


def _check_stream(score, name, advice):
    """A TypeError where `score` is no music21 stream."""
    from music21.stream import Stream

    if not isinstance(score, Stream):
        raise TypeError(f"{name}: got {described(score)}: expected a music21 stream; {advice}")


# Which parts


def _vocal_parts(score, name, strict, chosen):
    """The music21 Parts to read: four, or two staves."""
    parts = list(getattr(score, "parts", []))
    if chosen is not None:
        wanted = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
        taken = []
        for one in wanted:
            found = _named_parts(parts, one, name)
            if not found:
                raise _no_part(parts, one, name, found)
            taken += _except(found, taken)
        parts = taken
    elif len(parts) > len(VOICES) or {voice_named(part.partName) for part in parts} == set(
        range(len(VOICES))
    ):
        parts = _parts_named_for_voices(parts, name, strict)
    if len(parts) not in (2, len(VOICES)):
        raise ValueError(
            f"{name}: {_count(parts)}: expected four, soprano, alto, tenor and bass, one voice "
            "each, or two staves with two voices each; part= chooses four parts of a file, or two"
        )
    return parts


def _parts_named_for_voices(parts, name, strict):
    """The parts named soprano, alto, tenor and bass; a ValueError unless there is one of each (at
    least one, where that is not strict), or where another voice would be left out."""
    chosen = []
    for number, voice in enumerate(VOICES):
        called = [part for part in parts if voice_named(part.partName) == number]
        if not called or (strict and len(called) > 1):
            raise ValueError(
                f"{name}: {_count(parts)}, of which {len(called)} named {voice}: expected four "
                f"voices, or one part named for each of {', '.join(VOICES)} among others; delete "
                "or rename parts, or choose four with part="
            )
        chosen.append(called[0])
    left_out = [part for part in _except(parts, chosen) if _has_notes(part)]
    sung = [part for part in left_out if _is_sung(part)]
    if strict and sung:
        raise ValueError(
            f"{name}: {_count(parts)}, and {_names(sung)} is sung too: expected four voices; "
            "choose four parts with part=, or leave it out with strict=False"
        )
    if left_out:
        warnings.warn(f"{name}: left out: {_names(left_out)}", stacklevel=4)
    return chosen


def _is_sung(part):
    """Whether a part that is none of the four voices is one for a singer."""
    return is_sung(part.partName) or any(element.lyrics for element in part.recurse().notes)


def _named_parts(parts, chosen, name):
    """The parts that a name or a number from 1 means: those called so, or else those whose name
    begins so. The name of a voice means the part that is named for it, in whatever language."""
    if isinstance(chosen, bool) or not isinstance(chosen, (str, int)):
        raise TypeError(
            f"{name}: part: got {described(chosen)}: expected the name of a part, or its number "
            "from 1"
        )
    if isinstance(chosen, int):
        return parts[chosen - 1 : chosen] if chosen > 0 else []
    wanted = chosen.strip().casefold()
    called = [(_called(part).casefold(), part) for part in parts]
    found = [part for own, part in called if own == wanted]
    if not found and wanted in VOICES:
        found = [part for part in parts if voice_named(part.partName) == VOICES.index(wanted)]
        return [] if len(parts) == 2 else found  # a staff is named for the first of its two voices
    found = found or [part for own, part in called if wanted and own.startswith(wanted)]
    if not found and wanted.isdigit():
        return _named_parts(parts, int(wanted), name)
    return found


def _no_part(parts, chosen, name, found):
    count = f"{len(found)} parts are called so" if found else "no part is called so"
    return ValueError(
        f"{name}: part {chosen!r}: {count}: expected one of {_numbered(parts)}, by name or number"
    )


def _called(part):
    return " ".join((part.partName or "").split())


def _numbered(parts):
    return ", ".join(f"{number} ({_called(p) or 'unnamed'})" for number, p in enumerate(parts, 1))


def _first_choice(parts):
    """The name, or else the number, of the first part that has notes."""
    number, first = next((number, part) for number, part in enumerate(parts, 1) if _has_notes(part))
    names = [_called(part) for part in parts]
    return _called(first) if _called(first) and names.count(_called(first)) == 1 else number


def _names(parts):
    names = dict.fromkeys(_called(part) or "an unnamed part" for part in parts)
    return ", ".join(names)  # the two staves of a piano once


def _count(parts):
    names = ", ".join(part.partName or "unnamed" for part in parts)
    return f"{len(parts)} part{'' if len(parts) == 1 else 's'} ({names})" if parts else "no parts"


def _has_notes(part):
    """Whether anything in a part can be sung: not where it has drum strokes, slashes, cues or chord
    symbols alone."""
    return any(element.pitches and not _is_passed_over(element) for element in part.recurse().notes)


def _others(score, parts):
    """The parts of a score that are not read."""
    return _except(getattr(score, "parts", []), parts)


def _except(parts, chosen):
    """The parts that are not among the chosen ones; music21 would compare what they hold."""
    return [part for part in parts if all(part is not one for one in chosen)]


def _sounding(part):
    """The part as it sounds, where it is written for a transposing instrument."""
    transposing = any(
        instrument.transposition for instrument in part.getElementsByClass("Instrument")
    )
    return part.toSoundingPitch() if transposing else part


# Which notes


def _sounds_of(part, timeline):
    """All `_Sound`s of a part."""
    return [
        sound
        for place, measure in enumerate(measures_of(part))
        for sound in _sounds_within(measure, measure.flatten(), timeline.starts[place])
    ]


def _sounds_within(measure, stream, begins):
    """The `_Sound`s of one stream inside a measure, which begins at a step of the piece."""
    sounds = []
    for element in stream.notes:
        if _is_passed_over(element):
            continue
        start = begins + STEPS_PER_QUARTER * Fraction(element.offset)
        end = start + STEPS_PER_QUARTER * Fraction(element.quarterLength)
        spelled = dict(sorted((pitch.midi, _fifths(pitch)) for pitch in element.pitches))
        sounds.append(
            _Sound(start, end, tuple(spelled), tuple(spelled.values()), element, measure, True)
        )
    return sounds


def _is_passed_over(element):
    """Whether an element is none of the notes that are sung: a chord symbol, a grace note, a cue
    note, a slash."""
    return (
        "ChordSymbol" in element.classes
        or element.duration.isGrace
        or any(
            one.style.noteSize == "cue" or getattr(one, "notehead", None) == "slash"
            for one in (element, *getattr(element, "notes", ()))
        )
    )


def _fifths(pitch):
    """The place (int) of a music21 Pitch on the line of fifths; `UNSPELLED` for a quarter-tone."""
    if pitch.alter != int(pitch.alter):
        return UNSPELLED
    return "FCGDAEB".index(pitch.step) - 1 + 7 * int(pitch.alter)


def _open_staves(staves, timeline, name):
    """Soprano and alto from the upper of two staves, tenor and bass from the lower.

    Where a staff has two music21 Voices, the one that lies higher in the whole piece is the upper.
    Where one voice sings alone, its chords are divided, and a single note is both voices'."""
    opened = []
    for which, staff in zip(("upper", "lower"), staves):
        upper, lower = [], []
        pairs = []
        for place, measure in enumerate(measures_of(staff)):
            begins = timeline.starts[place]
            voices = [voice for voice in measure.voices if _has_content(voice)]
            if len(voices) > 2:
                raise ValueError(
                    f"{name}: {_count(staves)}, bar {measure.number} of the {which} has "
                    f"{len(voices)} voices: expected two voices on each of two staves, or four "
                    "parts"
                )
            if len(voices) == 2:
                pairs.append((measure, begins, sorted(voices, key=_voice_number)))
            else:
                for sound in _sounds_within(measure, measure.flatten(), begins):
                    high, low = _divided(sound, f"{name}: {which} staff")
                    upper.append(high)
                    lower.append(low)
        if not pairs and 2 * sum(a[:3] == b[:3] for a, b in zip(upper, lower)) > len(upper):
            raise ValueError(
                f"{name}: {_count(staves)}, and the {which} has one voice: expected four parts, or "
                "two staves with two voices each"
            )
        swapped = _swapped(pairs)
        for measure, begins, voices in pairs:
            first, second = [_sounds_within(measure, voice, begins) for voice in voices]
            gaps = [_gap_finder(voice, begins) for voice in voices]
            if tuple(voice.id for voice in voices) in swapped:
                first, second, gaps = second, first, gaps[::-1]
            for own, mine, is_gap in ((first, upper, gaps[1]), (second, lower, gaps[0])):
                for sound in own:
                    if is_gap(sound):
                        high, low = _divided(sound, f"{name}: {which} staff")
                        upper.append(high)
                        lower.append(low)
                    else:
                        mine.append(sound)
        opened += [upper, lower]
    return opened


def _has_content(voice):
    """Whether a music21 Voice has notes, or rests that are seen."""
    return any(not _is_passed_over(element) for element in voice.notes) or any(
        not _is_hidden(rest) for rest in voice.getElementsByClass("Rest")
    )


def _is_hidden(rest):
    return rest.style.hideObjectOnPrint


def _voice_number(voice):
    """How a staff's voices are counted: by their numbers, as far as they have any."""
    return (not str(voice.id).isdigit(), int(voice.id) if str(voice.id).isdigit() else 0)


def _swapped(pairs):
    """The pairs of voice numbers of which the second lies higher."""
    heights = defaultdict(list)
    for _, _, voices in pairs:
        pitches = [
            [pitch.midi for element in voice.notes for pitch in element.pitches] for voice in voices
        ]
        if all(pitches):
            heights[tuple(voice.id for voice in voices)].append(
                np.mean(pitches[0]) - np.mean(pitches[1])
            )
    return {pair for pair, differences in heights.items() if np.mean(differences) < 0}


def _gap_finder(voice, begins):
    """A function that says whether a voice has nothing, not even a rest, while a sound lasts."""
    filled = [
        (
            begins + STEPS_PER_QUARTER * Fraction(element.offset),
            begins + STEPS_PER_QUARTER * Fraction(element.offset + element.quarterLength),
        )
        for element in voice.notesAndRests
        if element.quarterLength and not (element.isRest and _is_hidden(element))
    ]
    return lambda sound: all(stop <= sound.start or start >= sound.end for start, stop in filled)


def _divided(sound, where):
    """Two sounds, the upper and the lower note of a chord, or one note for both."""
    if len(sound.pitches) > 2:
        raise ValueError(
            f"{where}, {_place(sound)}: {len(sound.pitches)} notes at a time: expected two, one "
            "for each voice of the staff"
        )
    high = sound._replace(pitches=sound.pitches[-1:], fifths=sound.fifths[-1:])
    low = sound._replace(pitches=sound.pitches[:1], fifths=sound.fifths[:1], sings=False)
    return high, low


def _one_at_a_time(sounds, where, strict):
    """The sounds of one voice in order; a ValueError where two overlap, or, if strict, one is off
    the grid."""
    ordered = []
    for sound in sorted(sounds, key=lambda sound: sound[:3]):
        if ordered and sound[:3] == ordered[-1][:3]:
            # a unison that two voices of one part have written twice
            if sound.element.lyrics and not ordered[-1].element.lyrics:
                ordered[-1] = sound
            continue
        if not sound.pitches:
            raise ValueError(
                f"{where}, {_place(sound)}: a drum stroke without a pitch: expected notes that are "
                "sung; choose other parts with part="
            )
        if len(sound.pitches) != 1 or (ordered and sound.start < ordered[-1].end):
            raise ValueError(
                f"{where}, {_place(sound)}: {max(2, len(sound.pitches))} notes at a time: expected "
                "one; give each voice a part of its own"
            )
        if strict and not (sound.start.denominator == sound.end.denominator == 1):
            raise ValueError(
                f"{where}, {_place(sound)}: a note of {Fraction(sound.element.quarterLength)} "
                "quarters begins or ends between two sixteenths: expected whole sixteenths; with "
                "strict=False each step has what sounds at its beginning"
            )
        ordered.append(sound)
    return ordered


def _place(sound):
    if not sound.measure.isMeasure:
        return f"quarter {float(sound.start / STEPS_PER_QUARTER):g}"
    return f"bar {sound.measure.number}, beat {float(sound.element.beat):g}"


# Onto the grid


def _laid_out(
    score: Any,
    first: Any,
    timeline: Timeline,
    voices: list[list[_Sound]],
    name: str,
    bwv: str | None,
    title: str | None,
    repeats: str,
    without_interludes: bool = False,
) -> Chorale:
    """The `Chorale` of the sounds of each voice; the soprano sings alone where there is one."""
    steps = max([timeline.steps, *(ceil(sounds[-1].end) for sounds in voices if sounds)])
    if not steps:
        raise ValueError(f"{name}: no notes: expected four voices that sing, or a melody")
    bars = _lasting(timeline.bars, steps)
    pitches = np.full((steps, len(VOICES)), SILENCE)
    spelling = np.full((steps, len(VOICES)), UNSPELLED, np.int8)
    onsets, held = np.zeros((2, steps, len(VOICES)), bool)
    words: list[Syllable] = []
    for voice, sounds in enumerate(voices):
        _lay_onto_grid(
            sounds, pitches[:, voice], spelling[:, voice], onsets[:, voice], held[:, voice]
        )
        words += [syllable for sound in sounds for syllable in _syllables(sound, voice)]
    notation = Notation(
        bars,
        timeline.keys,
        timeline.tempos,
        tuple(sorted(words, key=lambda word: (word.step, word.voice, word.verse))),
        None if (spelling == UNSPELLED).all() else spelling,
        **_authors(score),
    )
    chorale = Chorale(
        pitches,
        name=name,
        bwv=bwv,
        title=title if title is not None else title_of(score),
        key=_key(timeline, pitches[:, : len(voices)]),
        time_signature=bars[0].time_signature if bars else None,
        pickup=bars[0].steps if bars and bars[0].offset else 0,
        onsets=onsets,
        fermatas=held[:, 0] if held[:, 0].any() else np.any(held, axis=1),
        notation=notation,
    )
    if without_interludes:
        chorale = _without_interludes(chorale)
    return page.expand_repeats(chorale) if repeats == "played" else chorale


def _lasting(bars: tuple[Bar, ...], steps: int) -> tuple[Bar, ...]:
    """The bars, and one more where a note lasts beyond their end."""
    if not bars or bars[-1].stop == steps:
        return bars
    more = page.regular_bars(steps - bars[-1].stop, bars[-1].time_signature)
    return bars + tuple(
        replace(bar, start=bar.start + bars[-1].stop, number=bar.number + bars[-1].number)
        for bar in more
    )


def _lay_onto_grid(sounds, pitches, spelling, onsets, fermatas):
    """Writes one voice into its columns. A step has what sounds at its beginning."""
    note, before = [], None  # the steps of the note so far, tied pieces together
    for sound in sounds:
        steps = slice(ceil(sound.start), ceil(sound.end))
        tie = sound.element.tie
        tied = (
            tie is not None
            and tie.type in ("stop", "continue")
            and before is not None
            and before.element.tie is not None
            and before.end == sound.start
            and before.pitches == sound.pitches
        )
        pitches[steps] = sound.pitches[0]
        spelling[steps] = sound.fifths[0]
        onsets[steps.start : steps.stop][:1] |= not tied
        note = note + [steps] if tied else [steps]
        if any("Fermata" in mark.classes for mark in sound.element.expressions) or (
            tied and fermatas[note[0]].any()
        ):
            fermatas[note[0].start : steps.stop] = True
        before = sound


def _without_interludes(chorale):
    """The chorale without whole bars of rest in all voices, between, before or after the
    singing."""
    if chorale.time_signature is None:
        sung = np.ones(len(chorale), bool)
    else:
        sung = _outside_interludes(chorale.pitches, steps_per_bar(chorale.time_signature))
    if not sung.any():
        raise ValueError(f"{chorale.name}: no notes: expected four voices that sing")
    if sung.all():
        return chorale
    notation = chorale.notation.keep(sung)
    first = notation.bars[0]
    return replace(
        chorale,
        pitches=chorale.pitches[sung],
        onsets=chorale.onsets[sung],
        fermatas=chorale.fermatas[sung],
        time_signature=first.time_signature,
        pickup=first.steps if first.offset else 0,
        notation=notation,
    )


def _outside_interludes(pitches, bar):
    """bool array (steps,): false for whole bars of rest in all voices, between, before or after the
    singing."""
    sung = np.ones(len(pitches), bool)
    silent = np.concatenate([[False], (pitches == SILENCE).all(axis=1), [False]])
    edges = np.flatnonzero(np.diff(silent.astype(int)))
    for start, stop in zip(edges[::2], edges[1::2]):
        sung[start : start + (stop - start) // bar * bar] = False
    return sung


# What else is written


def _key(timeline, pitches):
    """Such as ``'f# minor'`` or ``'d dorian'``: the first key; None without a signature.

    A signature without a mode is that of the relative minor where the bass ends on its tonic,
    otherwise of the major."""
    from music21.key import KeySignature

    if not timeline.keys:
        return None
    first = timeline.keys[0]
    signature = KeySignature(first.fifths)
    if first.mode in MODES:
        return str(signature.asKey(first.mode))
    sung = pitches[pitches[:, -1] != SILENCE, -1]
    minor = signature.asKey("minor")
    ends_on_its_tonic = len(sung) and sung[-1] % 12 == minor.tonic.pitchClass
    return str(minor if ends_on_its_tonic else signature.asKey("major"))


def _syllables(sound, voice):
    """The syllables (list of Syllable) that are sung on a sound."""
    if not sound.sings or ceil(sound.start) == ceil(sound.end):
        return []
    sung, verses = [], set()
    for place, lyric in enumerate(sound.element.lyrics, 1):
        text, syllabic = _text_of(lyric)
        if not text.strip(MELISMA):
            continue
        numbers = re.findall(r"\d+", str(lyric.identifier or ""))
        verse = lyric.number or (int(numbers[-1]) if numbers else place) or place
        while verse in verses:
            verse += 1
        verses.add(verse)
        sung.append(
            Syllable(
                ceil(sound.start),
                voice,
                verse,
                text.removesuffix(MELISMA),
                syllabic,
                melisma=text.endswith(MELISMA),
            )
        )
    return sung


def _text_of(lyric):
    """(text, place in the word) of a music21 Lyric; of one with elisions all its texts."""
    if not lyric.isComposite:
        syllabic = lyric.syllabic if lyric.syllabic in page.SYLLABICS else "single"
        return (lyric.text or "").strip(), syllabic
    pieces = [_text_of(component) for component in lyric.components]
    goes_on_from = pieces[0][1] in ("middle", "end")
    goes_on_to = pieces[-1][1] in ("begin", "middle")
    syllabic = {
        (False, False): "single",
        (False, True): "begin",
        (True, True): "middle",
        (True, False): "end",
    }[goes_on_from, goes_on_to]
    return ELISION.join(text for text, _ in pieces), syllabic


def _authors(score):
    """{'composer': ..., 'lyricist': ..., ...} as the score names them; music21 names itself where
    a score names nobody."""
    about = _metadata(score)
    found = {}
    for role in ("composer", "lyricist", "arranger", "copyright"):
        told = str(getattr(about, role, None) or "").strip() if about else ""
        found[role] = told if told and told not in _PLACEHOLDERS else None
    return found


def title_of(score: Any) -> str | None:
    """The title of a music21 score, of the work or else of the movement; None where it has none.

    A name that only stands for a missing title counts as none: a file's, or music21's own words.

    Examples:
        >>> from music21 import corpus
        >>> title_of(corpus.parse("bach/bwv66.6")) is None
        True
    """
    from music21 import defaults

    about = _metadata(score)
    titles = [about.title, about.movementName] if about else []
    stem = Path(str(about.filePath)).stem if about and about.filePath else None
    for title in (str(title).strip() for title in titles if title):
        stands_for_none = title in (defaults.title, *_PLACEHOLDERS)
        if title and not stands_for_none and not _is_file_name(title, stem):
            return title
    return None


def _is_file_name(title, stem):
    """Whether a title is a file's name: one with a suffix, or that of its own file where it is
    written as people write names of files and not titles."""
    if _FILE_NAME.search(title):
        return True
    return (
        title == stem
        and not re.search(r"\s", title)
        and (title.islower() or bool(re.search(r"[\d_.]", title)))
    )


def _metadata(score):
    about = getattr(score, "metadata", None)
    if about is None and score.activeSite is not None:
        about = score.activeSite.metadata
    return about
