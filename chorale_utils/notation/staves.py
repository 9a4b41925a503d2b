"""The notes of a music21 part, or of a staff with two voices, as sounds of one voice each.

Grace notes, cue notes, slashes and chord symbols are ignored. `parts` decides which parts to read,
`reading` puts the sounds on the grid.

Notebook: 01_data_exploration
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from ..chorale import STEPS_PER_QUARTER
from .page import UNSPELLED
from .timeline import Timeline, measures_of


class Sound(NamedTuple):
    """A note as in the score, before it is put on the grid."""

    start: Fraction  # steps from the beginning of the piece
    end: Fraction
    pitches: tuple[int, ...]  # MIDI numbers, one unless the part has a chord here
    fifths: tuple[int, ...]  # the place of each on the line of fifths
    element: Any  # music21's Note or Chord
    measure: Any  # music21's Measure, or the part if it has none
    sings: bool  # whether the element's words belong to this sound


def sounds_of(part: Any, timeline: Timeline) -> list[Sound]:
    """All sounds of a part.

    Args:
        part: music21 Part.
        timeline: the times of its measures.
    """
    return [
        sound
        for place, measure in enumerate(measures_of(part))
        for sound in _sounds_within(measure, measure.flatten(), timeline.starts[place])
    ]


def open_staves(
    staves: Sequence[Any], timeline: Timeline, name: str, told: str
) -> list[list[Sound]]:
    """Soprano and alto from the upper of two staves, tenor and bass from the lower.

    If a staff has two music21 Voices, the one that is higher in the whole piece is the upper voice.
    Where only one is notated, its chords are divided, and a single note belongs to both voices.

    Args:
        staves: two music21 Parts.
        timeline: the times of their measures.
        name: name of the piece, for messages.
        told: its number of parts in words, for messages.

    Raises:
        ValueError: a staff has only one voice, or three.
    """
    opened: list[list[Sound]] = []
    for which, staff in zip(("upper", "lower"), staves):
        upper: list[Sound] = []
        lower: list[Sound] = []
        pairs = []
        for place, measure in enumerate(measures_of(staff)):
            begins = timeline.starts[place]
            voices = [voice for voice in measure.voices if _has_content(voice)]
            if len(voices) > 2:
                raise ValueError(
                    f"{name}: {told}, bar {measure.number} of the {which} has "
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
                f"{name}: {told}, and the {which} has one voice: expected four parts, or "
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


def one_at_a_time(sounds: Iterable[Sound], where: str, strict: bool) -> list[Sound]:
    """The sounds of one voice in order.

    Args:
        sounds: the sounds of one voice.
        where: the beginning of messages.
        strict: whether a sound off the grid is an error.

    Raises:
        ValueError: two sounds overlap, one is a drum stroke, or, if strict, one is off the grid.
    """
    ordered: list[Sound] = []
    for sound in sorted(sounds, key=lambda sound: sound[:3]):
        if ordered and sound[:3] == ordered[-1][:3]:
            # a unison, written in both voices of one part
            if sound.element.lyrics and not ordered[-1].element.lyrics:
                ordered[-1] = sound
            continue
        if not sound.pitches:
            raise ValueError(
                f"{where}, {_place(sound)}: a drum stroke without a pitch: expected notes to sing; "
                "choose other parts with part="
            )
        if len(sound.pitches) != 1 or (ordered and sound.start < ordered[-1].end):
            raise ValueError(
                f"{where}, {_place(sound)}: {max(2, len(sound.pitches))} notes at a time: expected "
                "one; give each voice its own part"
            )
        if strict and not (sound.start.denominator == sound.end.denominator == 1):
            raise ValueError(
                f"{where}, {_place(sound)}: a note of {Fraction(sound.element.quarterLength)} "
                "quarters begins or ends between two sixteenths: expected whole sixteenths; with "
                "strict=False each step has what sounds at its beginning"
            )
        ordered.append(sound)
    return ordered


def is_passed_over(element: Any) -> bool:
    """Whether to ignore an element that is not sung: a chord symbol, grace note, cue note or
    slash."""
    return (
        "ChordSymbol" in element.classes
        or element.duration.isGrace
        or any(
            one.style.noteSize == "cue" or getattr(one, "notehead", None) == "slash"
            for one in (element, *getattr(element, "notes", ()))
        )
    )


def _sounds_within(measure, stream, begins):
    """The `Sound`s of one stream inside a measure that begins at this step."""
    sounds = []
    for element in stream.notes:
        if is_passed_over(element):
            continue
        start = begins + STEPS_PER_QUARTER * Fraction(element.offset)
        end = start + STEPS_PER_QUARTER * Fraction(element.quarterLength)
        spelled = dict(sorted((pitch.midi, _fifths(pitch)) for pitch in element.pitches))
        sounds.append(
            Sound(start, end, tuple(spelled), tuple(spelled.values()), element, measure, True)
        )
    return sounds


def _fifths(pitch):
    """The place (int) of a music21 Pitch on the line of fifths; `UNSPELLED` for a quarter-tone."""
    if pitch.alter != int(pitch.alter):
        return UNSPELLED
    return "FCGDAEB".index(pitch.step) - 1 + 7 * int(pitch.alter)


def _has_content(voice):
    """Whether a music21 Voice has notes or visible rests."""
    return any(not is_passed_over(element) for element in voice.notes) or any(
        not _is_hidden(rest) for rest in voice.getElementsByClass("Rest")
    )


def _is_hidden(rest):
    return rest.style.hideObjectOnPrint


def _voice_number(voice):
    """The sort key of a staff's voices: their numbers, if they have any."""
    return (not str(voice.id).isdigit(), int(voice.id) if str(voice.id).isdigit() else 0)


def _swapped(pairs):
    """The pairs of voice numbers of which the second voice is higher."""
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
    """A function that tells whether a voice has nothing, not even a rest, while a sound lasts."""
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
    """Two sounds: the upper and lower note of a chord, or the same note twice."""
    if len(sound.pitches) > 2:
        raise ValueError(
            f"{where}, {_place(sound)}: {len(sound.pitches)} notes at a time: expected two, one "
            "for each voice of the staff"
        )
    high = sound._replace(pitches=sound.pitches[-1:], fifths=sound.fifths[-1:])
    low = sound._replace(pitches=sound.pitches[:1], fifths=sound.fifths[:1], sings=False)
    return high, low


def _place(sound):
    if not sound.measure.isMeasure:
        return f"quarter {float(sound.start / STEPS_PER_QUARTER):g}"
    return f"bar {sound.measure.number}, beat {float(sound.element.beat):g}"
