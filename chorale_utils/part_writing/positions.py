"""Positions: ranges, crossing, spacing and overlap of the voices.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterator

from ..chorale import VOICES
from ..judging.counterpoint import RANGES
from .fault import Fault, fault_at
from .setting import Note, Setting, spoken

_OCTAVE = 12


def ranges(setting: Setting) -> Iterator[Fault]:
    """Notes outside the range of their voice."""
    for line, (lowest, highest) in zip(setting.lines, RANGES):
        for note in line:
            if not lowest <= note.pitch <= highest:
                where = "above" if note.pitch > highest else "below"
                told = (
                    f"the {VOICES[note.voice]}'s {_with_octave(note)} is {where} its range, "
                    f"{_octave_named(lowest)} to {_octave_named(highest)}"
                )
                yield fault_at("range", note.start, [note], told)


def _with_octave(note):
    sharps = (note.name + 1) // 7
    return f"{spoken(note.name)}{(note.pitch - sharps) // 12 - 1}"


def _octave_named(pitch):
    """The name of a white key of the piano."""
    return f"{'C D EF G A B'[pitch % 12]}{pitch // 12 - 1}"


def crossings(setting: Setting) -> Iterator[Fault]:
    """Voices above the next higher voice that sings; one fault for as long as it lasts."""
    for high, low in _arrivals(setting):
        if high.pitch < low.pitch and not _goes_on(setting, high, low, _crosses):
            told = (
                f"the {VOICES[low.voice]}'s {spoken(low.name)} is above the "
                f"{VOICES[high.voice]}'s {spoken(high.name)}"
            )
            yield fault_at("crossing", max(high.start, low.start), [high, low], told)


def spacings(setting: Setting) -> Iterator[Fault]:
    """Neighbouring upper voices more than an octave apart; one fault for as long as it lasts."""
    for high, low in _arrivals(setting):
        if low.voice == high.voice + 1 < 3 and high.pitch - low.pitch > _OCTAVE:
            if not _goes_on(setting, high, low, _is_wide):
                told = (
                    f"the {VOICES[high.voice]}'s {spoken(high.name)} is more than an octave above "
                    f"the {VOICES[low.voice]}'s {spoken(low.name)}"
                )
                yield fault_at("spacing", max(high.start, low.start), [high, low], told)


def overlaps(setting: Setting) -> Iterator[Fault]:
    """Voices that move past the note that their neighbour has just left."""
    for high, low in _arrivals(setting):
        step = max(high.start, low.start)
        if low.voice != high.voice + 1 or not step or high.pitch < low.pitch:
            continue
        if not (setting.sings(step - 1, high.voice) and setting.sings(step - 1, low.voice)):
            continue
        high_before = setting.note(step - 1, high.voice)
        low_before = setting.note(step - 1, low.voice)
        if (
            high_before.pitch < low_before.pitch
            or setting.phrase_begins[step]
            or setting.same_harmony(step - 1, step)
        ):
            continue
        if high.pitch < low_before.pitch:
            told = (
                f"the {VOICES[high.voice]} goes to {spoken(high.name)}, below the "
                f"{spoken(low_before.name)} that the {VOICES[low.voice]} has just left"
            )
            yield fault_at("overlap", step, [high, low_before], told)
        elif low.pitch > high_before.pitch:
            told = (
                f"the {VOICES[low.voice]} goes to {spoken(low.name)}, above the "
                f"{spoken(high_before.name)} that the {VOICES[high.voice]} has just left"
            )
            yield fault_at("overlap", step, [high_before, low], told)


def _arrivals(setting):
    """Pairs (higher, lower) of notes in neighbouring voices, wherever one of them begins."""
    pitches = setting.pitches
    begins = pitches > 0
    begins[1:] &= pitches[1:] != pitches[:-1]
    for step in begins.any(axis=1).nonzero()[0].tolist():
        singing = pitches[step].nonzero()[0].tolist()
        for upper, lower in zip(singing, singing[1:]):
            if begins[step, upper] or begins[step, lower]:
                yield setting.note(step, upper), setting.note(step, lower)


def _crosses(high, low):
    return high.pitch < low.pitch


def _is_wide(high, low):
    return high.pitch - low.pitch > _OCTAVE


def _goes_on(setting: Setting, high: Note, low: Note, wrong) -> bool:
    """Whether the same fault was there a step before, and one of the notes, or the chord, is still
    the same."""
    step = max(high.start, low.start)
    if not step or not all(setting.sings(step - 1, one.voice) for one in (high, low)):
        return False
    high_before, low_before = (setting.note(step - 1, one.voice) for one in (high, low))
    if any(setting.sings(step - 1, voice) for voice in range(high.voice + 1, low.voice)):
        return False
    held = high_before == high or low_before == low
    return wrong(high_before, low_before) and (held or setting.same_harmony(step - 1, step))
