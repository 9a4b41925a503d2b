"""Dissonances: unexplained notes outside their chord, and suspensions that do not step down.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..chorale import VOICES
from ..harmony.chords import QUALITIES
from .fault import Fault, fault_at
from .setting import Note, Setting, spoken

if TYPE_CHECKING:
    import pandas as pd

_STEP, _THIRD = 2, 4  # semitones
_DISSONANT = (1, 2, 6, 10, 11)
_FOURTH = 5  # a dissonance above the bass
_SEVENTH_CHORDS = (
    "dominant-seventh",
    "minor-seventh",
    "half-diminished-seventh",
    "diminished-seventh",
)


def dissonances(setting: Setting, nonchord: pd.DataFrame) -> Iterator[Fault]:
    """Leapt dissonances and suspensions that do not fall.

    Args:
        setting: Setting.
        nonchord: the result of `nonchord_tones` for it.
    """
    for start, steps, voice, kind in zip(
        nonchord["start"].tolist(),
        nonchord["steps"].tolist(),
        nonchord["voice"].tolist(),
        nonchord["kind"],
    ):
        if kind not in ("leapt", "escape", "suspension"):
            continue
        note = setting.note(start, voice)
        if start + steps < note.stop or _is_tendency(setting, note, start):
            continue
        if not _is_dissonant(setting, note, start) or setting.is_phrase_end(start, note.stop):
            continue
        if note.start < start:
            yield from _suspended(setting, note, start)
        elif kind != "suspension":
            yield from _unexplained(setting, note)


def _is_tendency(setting, note, start):
    """Whether a note is the seventh of its chord, or the delayed seventh or leading tone of the
    chord before, which `tendencies` judges."""
    chord = setting.chord_of(start)
    if note.pitch_class == chord.seventh:
        return True
    if note.start >= start or not start:
        return False
    before = setting.chord_of(start - 1)
    return note.pitch_class in (before.seventh, before.leading)


def _is_dissonant(setting, note, start):
    """Whether a note is dissonant with a note of the chord."""
    members = setting.chord_of(start).members
    others = [
        setting.note(start, voice)
        for voice in range(len(VOICES))
        if voice != note.voice and setting.sings(start, voice)
    ]
    if _is_below_seventh(note, others):
        return False
    lowest = min((one.pitch for one in others), default=0)
    for other in others:
        interval = abs(note.pitch - other.pitch) % 12
        if other.pitch_class in members:
            fourth = interval == _FOURTH and other.pitch == lowest < note.pitch
            if interval in _DISSONANT or fourth:
                return True
    return False


def _is_below_seventh(note, others):
    """Whether a note is root, third or fifth of a seventh chord made of all the notes."""
    sounding = {one.pitch_class for one in (note, *others)}
    return any(
        {(root + above) % 12 for above in QUALITIES[quality]} == sounding
        and (note.pitch_class - root) % 12 != QUALITIES[quality][3]
        for quality in _SEVENTH_CHORDS
        for root in sounding
    )


def _suspended(setting: Setting, note: Note, start: int) -> Iterator[Fault]:
    after = setting.after(note)
    if after is None or not setting.on_beat[start]:
        return
    interval = after.pitch - note.pitch
    if interval in (-1, -_STEP):
        return
    chord = setting.chord_of(start)
    if interval == 1 and after.pitch_class in (chord.root, chord.tonic):
        return
    later = setting.after(after)
    if later is not None and note.pitch - later.pitch in (1, _STEP):
        return  # it falls after an ornament
    verb = "rises" if 0 < interval <= _STEP else "leaps"
    told = (
        f"the {VOICES[note.voice]}'s {spoken(note.name)}, suspended from the chord before, {verb} "
        f"to {spoken(after.name)} instead of falling by a step"
    )
    yield fault_at("suspension", after.start, [after], told)


def _unexplained(setting: Setting, note: Note) -> Iterator[Fault]:
    before, after = setting.before(note), setting.after(note)
    if before is None and after is None:
        return
    came = 0 if before is None else note.pitch - before.pitch
    goes = 0 if after is None else after.pitch - note.pitch
    stepped = 0 < abs(came) <= _STEP
    if stepped and 0 < abs(goes) <= _THIRD and not setting.on_beat[note.start]:
        if came * goes < 0 or _turns_back(setting, after, goes):
            return  # an escape tone, or a cambiata
    reached = "by step" if stepped else "by leap" if came else "after a rest"
    left = "left by leap" if goes else "not resolved"
    told = (
        f"the {VOICES[note.voice]}'s {spoken(note.name)} is not in the chord: it is reached "
        f"{reached} and {left}"
    )
    yield fault_at("dissonance", note.start, [note], told)


def _turns_back(setting, after, goes):
    """Whether the note after a leap of a third goes back by step."""
    later = setting.after(after)
    return later is not None and 0 < (later.pitch - after.pitch) * (-1 if goes > 0 else 1) <= _STEP
