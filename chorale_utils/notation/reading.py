"""From a music21 score to the grid of sixteenths: `from_score` is the one way in for everything
engraved, `from_melody` for a tune that has no other voices yet.

A score says more than the grid holds (beams, slurs, words, instruments) and sometimes less (which
four of nine parts are the voices). This module decides; it finds no files and keeps no cache.

Notebook: 01_data_exploration
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    described,
    steps_per_bar,
    voice_named,
)

if TYPE_CHECKING:
    from music21.stream import Stream

LONGEST = 100_000  # steps; a longer piece is damaged, or no chorale


class _Sound(NamedTuple):
    """A note as the score has it, before it is laid onto the grid."""

    start: Fraction  # steps from the beginning of the piece
    end: Fraction
    pitches: tuple  # MIDI numbers, one unless the part has a chord here
    element: object  # music21's Note or Chord
    measure: object  # music21's Measure, or the part where it has none


def from_score(
    score: Stream,
    name: str = "untitled",
    bwv: str | None = None,
    title: str | None = None,
    strict: bool = True,
    expand_repeats: bool = False,
) -> Chorale:
    """The `Chorale` in a music21 score: four voices on the grid of sixteenths, and what it says.

    It has key, metre, pickup, struck notes and fermatas. Of four parts or more, those named
    soprano, alto, tenor and bass are taken, in whatever order they stand; four parts with other
    names are taken from the top down. Two staves with two voices each are opened into four. Grace
    notes, cue notes and chord symbols are left out. Metre and key are the first ones. A signature
    that is neither major nor minor counts as the relative minor where the bass ends on its tonic,
    otherwise as the major. Tied notes are struck once. A step is under a fermata where the soprano
    has one, or any voice where the soprano has none in the whole piece.

    Args:
        score: music21 Score.
        name: what to call the piece.
        bwv: number in the Bach-Werke-Verzeichnis, or None.
        title: title of the chorale, or None.
        strict: whether music that does not fit the grid is an error. Otherwise each step has what
            sounds at its beginning, so that the odd 32nd note goes; of two sopranos the first is
            taken; and whole bars in which no voice sings, interludes of instruments, are left out.
        expand_repeats: whether repeated sections are written out. They are read once unless asked.

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
    _check_stream(score, name, "load_chorale reads a file")
    parts = _four_parts(score, name, strict, expand_repeats)
    voices = [
        _one_at_a_time(sounds, f"{name}: {voice}", strict)
        for voice, (_, sounds) in zip(VOICES, parts)
    ]
    first_part = parts[0][0]
    steps = max(_steps_of(part, name) for part, _ in parts)

    pitches = np.zeros((steps, len(VOICES)), int)
    onsets = np.zeros((steps, len(VOICES)), bool)
    held = np.zeros((steps, len(VOICES)), bool)
    for voice, sounds in enumerate(voices):
        _lay_onto_grid(sounds, pitches[:, voice], onsets[:, voice], held[:, voice])
    fermatas = held[:, 0] if held[:, 0].any() else np.any(held, axis=1)
    metre = _time_signature(first_part)
    sung = (
        np.ones(steps, bool)
        if strict or metre is None
        else _outside_interludes(pitches, steps_per_bar(metre))
    )
    if not sung.any():
        raise ValueError(f"{name}: no notes: expected four voices that sing")
    return Chorale(
        pitches[sung],
        name=name,
        bwv=bwv,
        title=title,
        key=_key(first_part, pitches),
        time_signature=metre,
        pickup=_pickup(first_part),
        onsets=onsets[sung],
        fermatas=fermatas[sung],
    )


def from_melody(
    score: Stream,
    name: str = "untitled",
    title: str | None = None,
    strict: bool = True,
    expand_repeats: bool = False,
) -> Chorale:
    """The melody in a music21 stream, as a `Chorale` whose soprano sings alone.

    Key, metre, pickup, struck notes and fermatas are read as in `from_score`, the key of a
    signature that is neither major nor minor by the note on which the melody ends.

    Args:
        score: music21 Score with one part that has notes, or a Part, or another stream of notes.
        name: what to call the piece.
        title: title, or None.
        strict, expand_repeats: as in `from_score`.

    Raises:
        ValueError: there are several parts with notes, or none, two notes at a time, or a note is
            off the grid; the message names part, bar and beat.
        TypeError: `score` is nothing of music21's.

    Examples:
        >>> from music21 import converter
        >>> from_melody(converter.parse("tinynotation: 3/4 c4 d e f2."), name="tune")
        Chorale('tune', 24 steps, 3/4)

    Notebook: 05_generation
    """
    _check_stream(
        score, name, "load_melody reads a file, harmonize takes note names and numbers as they are"
    )
    parts = [part for part in getattr(score, "parts", None) or [score] if part.recurse().notes]
    if len(parts) != 1:
        raise ValueError(
            f"{name}: {_count(parts)} with notes: expected one melody; give the part that has it, "
            "such as score.parts[0]"
        )
    part = _sounding(_expanded(parts[0]) if expand_repeats else parts[0])
    sounds = [
        sound for measure in _measures(part) for sound in _sounds_within(measure, measure.flatten())
    ]
    steps = _steps_of(part, name)
    pitches, onsets = np.zeros((steps, len(VOICES)), int), np.zeros((steps, len(VOICES)), bool)
    fermatas = np.zeros(steps, bool)
    _lay_onto_grid(
        _one_at_a_time(sounds, f"{name}: melody", strict), pitches[:, 0], onsets[:, 0], fermatas
    )
    return Chorale(
        pitches,
        name=name,
        title=title,
        key=_key(part, pitches[:, :1]),
        time_signature=_time_signature(part),
        pickup=_pickup(part),
        onsets=onsets,
        fermatas=fermatas,
    )


def _check_stream(score, name, advice):
    """A TypeError where `score` is no music21 stream."""
    from music21.stream import Stream

    if not isinstance(score, Stream):
        raise TypeError(f"{name}: got {described(score)}: expected a music21 stream; {advice}")


def _steps_of(part, name):
    """Length (int) of a music21 Part in steps; a ValueError where that is none of music."""
    steps = ceil(STEPS_PER_QUARTER * Fraction(part.highestTime))
    if steps > LONGEST:
        raise ValueError(
            f"{name}: {steps:,} sixteenths long: expected at most {LONGEST:,}. Is the file damaged?"
        )
    return steps


def _four_parts(score, name, strict, expand_repeats):
    """Four pairs of a music21 Part and its list of `_Sound`, from soprano to bass."""
    parts = list(getattr(score, "parts", []))
    if len(parts) > len(VOICES) or {voice_named(part.partName) for part in parts} == set(
        range(len(VOICES))
    ):
        parts = _vocal_parts(parts, name, strict)
    parts = [_sounding(_expanded(part) if expand_repeats else part) for part in parts]
    if len(parts) == 2:
        return _open_staves(parts, name)
    if len(parts) != len(VOICES):
        raise ValueError(
            f"{name}: {_count(parts)}: expected four, soprano, alto, tenor and bass, one voice "
            "each, or two staves with two voices each"
        )
    return [
        (
            part,
            [
                sound
                for measure in _measures(part)
                for sound in _sounds_within(measure, measure.flatten())
            ],
        )
        for part in parts
    ]


def _vocal_parts(parts, name, strict):
    """The parts named soprano, alto, tenor and bass; a ValueError unless there is one of each (at
    least one, where that is not strict)."""
    chosen = []
    for number, voice in enumerate(VOICES):
        called = [part for part in parts if voice_named(part.partName) == number]
        if not called or (strict and len(called) > 1):
            raise ValueError(
                f"{name}: {_count(parts)}, of which {len(called)} named {voice}: expected four "
                f"voices, or one part named for each of {', '.join(VOICES)} among others; delete "
                "or rename parts"
            )
        chosen.append(called[0])
    return chosen


def _open_staves(staves, name):
    """Soprano and alto from the upper of two staves, tenor and bass from the lower: a staff's first
    and second music21 Voice, or where a measure has none, the upper and lower note of its chords
    (one note for both)."""
    opened = []
    for which, staff in zip(("upper", "lower"), staves):
        upper, lower = [], []
        for measure in _measures(staff):
            voices = list(measure.voices)
            if len(voices) > 2:
                raise ValueError(
                    f"{name}: {_count(staves)}, bar {measure.number} of the {which} has "
                    f"{len(voices)} voices: expected two voices on each of two staves, or four "
                    "parts"
                )
            if len(voices) == 2:
                upper += _sounds_within(measure, voices[0])
                lower += _sounds_within(measure, voices[1])
            else:
                together = _sounds_within(measure, measure.flatten())
                upper += [sound._replace(pitches=sound.pitches[-1:]) for sound in together]
                lower += [sound._replace(pitches=sound.pitches[:1]) for sound in together]
        if 2 * sum(high[:3] == low[:3] for high, low in zip(upper, lower)) > len(upper):
            raise ValueError(
                f"{name}: {_count(staves)}, and the {which} has one voice: expected four parts, or "
                "two staves with two voices each"
            )
        opened += [(staff, upper), (staff, lower)]
    return opened


def _count(parts):
    names = ", ".join(part.partName or "unnamed" for part in parts)
    return f"{len(parts)} part{'' if len(parts) == 1 else 's'} ({names})" if parts else "no parts"


def _expanded(part):
    """The part with its repeats written out."""
    return (
        part.expandRepeats()
        if part.recurse().getElementsByClass(["Repeat", "RepeatMark"]).first()
        else part
    )


def _sounding(part):
    """The part as it sounds, where it is written for a transposing instrument."""
    transposing = any(
        instrument.transposition for instrument in part.getElementsByClass("Instrument")
    )
    return part.toSoundingPitch() if transposing else part


def _measures(part):
    return list(part.getElementsByClass("Measure")) or [part]


def _sounds_within(measure, stream):
    """The `_Sound`s of one stream inside a measure, which begins where the measure does."""
    begins = measure.offset if measure.isMeasure else 0
    sounds = []
    for element in stream.notes:
        if (
            "ChordSymbol" in element.classes
            or element.duration.isGrace
            or element.style.noteSize == "cue"
        ):
            continue
        start = STEPS_PER_QUARTER * (Fraction(begins) + Fraction(element.offset))
        end = start + STEPS_PER_QUARTER * Fraction(element.quarterLength)
        sounds.append(
            _Sound(
                start,
                end,
                tuple(sorted({pitch.midi for pitch in element.pitches})),
                element,
                measure,
            )
        )
    return sounds


def _one_at_a_time(sounds, where, strict):
    """The sounds of one voice in order; a ValueError where two overlap, or, if strict, one is off
    the grid."""
    ordered = []
    for sound in sorted(sounds, key=lambda sound: sound[:3]):
        if ordered and sound[:3] == ordered[-1][:3]:
            continue  # a unison that two voices of one part have written twice
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


def _lay_onto_grid(sounds, pitches, onsets, fermatas):
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
        onsets[steps.start : steps.stop][:1] |= not tied
        note = note + [steps] if tied else [steps]
        if any("Fermata" in mark.classes for mark in sound.element.expressions) or (
            tied and fermatas[note[0]].any()
        ):
            fermatas[note[0].start : steps.stop] = True
        before = sound


def _outside_interludes(pitches, bar):
    """bool array (steps,): false for whole bars of rest in all voices, between, before or after the
    singing."""
    sung = np.ones(len(pitches), bool)
    silent = np.concatenate([[False], (pitches == SILENCE).all(axis=1), [False]])
    edges = np.flatnonzero(np.diff(silent.astype(int)))
    for start, stop in zip(edges[::2], edges[1::2]):
        sung[start : start + (stop - start) // bar * bar] = False
    return sung


def _key(part, pitches):
    """Such as ``'f# minor'``: the first key that is major or minor; None without a signature.

    Any other signature, a Dorian one too, is that of the relative minor where the bass ends on its
    tonic, otherwise of the major."""
    keys = list(part.recurse().getElementsByClass("KeySignature"))
    if not keys:
        return None
    named = [
        key
        for key in keys
        if "Key" in key.classes
        and key.mode in ("major", "minor")
        and key.activeSite.offset == keys[0].activeSite.offset
    ]
    if named:
        return str(named[0])
    sung = pitches[pitches[:, -1] != SILENCE, -1]
    minor = keys[0].asKey("minor")
    return str(
        minor if len(sung) and sung[-1] % 12 == minor.tonic.pitchClass else keys[0].asKey("major")
    )


def _time_signature(part):
    metre = part.recurse().getElementsByClass("TimeSignature").first()
    return metre.ratioString if metre else None


def _pickup(part):
    """Sixteenths before the first bar line, where the first measure is shorter than its metre
    says."""
    first = _measures(part)[0]
    if not first.isMeasure or _time_signature(part) is None:
        return 0
    length = ceil(STEPS_PER_QUARTER * Fraction(first.highestTime))
    return length if length < STEPS_PER_QUARTER * first.barDuration.quarterLength else 0
