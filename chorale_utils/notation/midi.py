"""A Chorale as a MIDI file.

This file knows ticks, tracks and channels. It draws no score and makes no sound; `midi_reading`
reads what it writes.

MIDI has no word for a pickup. As notation programs do, the pickup is written as a first bar of its
own length (a quarter before 4/4 is a bar of 1/4), so that all later bar lines fall where they
should.

Notebook: 05_generation
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any

import mido

from ..chorale import (
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    as_chorale,
)
from ..files import as_path, write_atomically
from .midi_reading import (
    MIDI_KEYS,
    PRIVATE,
    read_midi as read_midi,
    read_midi_melody as read_midi_melody,
)

TEMPO = 80  # quarter notes a minute, where nothing else is asked for
TICKS_PER_QUARTER = 480
CHOIR_AAHS = 52  # General MIDI programme 53 where one counts from one
VELOCITIES = (92, 76, 80, 88)  # soprano, alto, tenor, bass: the outer voices lead
SUFFIXES = (".mid", ".midi")

_TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER


def write_midi(
    chorale: Chorale,
    path: str | os.PathLike[str],
    tempo: float = TEMPO,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a chorale as a MIDI file of type 1: a conductor track, and a track for each voice.

    A note is struck where `Chorale.notes` says that one begins, and released where it ends; silence
    is no note. Metre, pickup, key and title are written where they are known. Fermatas have no
    place in MIDI.

    Args:
        chorale: Chorale.
        path: file to write, ``.mid`` or ``.midi``; there whole or not at all, its folder made where
            missing.
        tempo: quarter notes a minute, 4..1000.
        about: dict of facts on how the piece came about, such as ``{'seed': 7}``; each is written
            as a text event.

    Returns:
        Path: `path`.

    Raises:
        ValueError: another suffix, or a tempo outside 4..1000.
        TypeError: `chorale` is no Chorale, or `path` no file name.

    Examples:
        >>> from tempfile import mkdtemp
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16, name="mine")
        >>> read_midi(write_midi(chorale, f"{mkdtemp()}/mine.mid"))
        Chorale('mine', 16 steps)

    Notebook: 05_generation
    """
    as_chorale(chorale)
    check_tempo(tempo)
    path = as_path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path}: {path.suffix or 'no suffix'}: expected one of {', '.join(SUFFIXES)}"
        )
    midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, charset="utf-8")
    midi.tracks.append(_conductor_track(chorale, tempo, about or {}))
    for voice in range(len(VOICES)):
        midi.tracks.append(_voice_track(chorale, voice))
    return write_atomically(path, midi.save)


def check_tempo(tempo: float) -> None:
    """Raises ValueError where `tempo` is no number of quarter notes a minute from 4 to 1000.

    Examples:
        >>> check_tempo("fast")
        Traceback (most recent call last):
        ValueError: tempo 'fast': expected quarter notes a minute, 4..1000, such as 80
    """
    if not isinstance(tempo, Real) or not 4 <= tempo <= 1000:
        raise ValueError(
            f"tempo {tempo!r}: expected quarter notes a minute, 4..1000, such as {TEMPO}"
        )


# Writing


def _conductor_track(chorale, tempo, facts):
    meta = mido.MetaMessage
    events = [(0, meta("track_name", name=chorale.title or chorale.name))]
    about = {
        "name": chorale.name,
        "bwv": chorale.bwv,
        "title": chorale.title,
        "steps": len(chorale),
        "pickup": chorale.pickup,
    }
    events.append((0, meta("sequencer_specific", data=PRIVATE + json.dumps(about).encode())))
    events += [(0, meta("text", text=f"{fact}: {value}")) for fact, value in facts.items()]
    events.append((0, meta("set_tempo", tempo=mido.bpm2tempo(tempo))))
    if chorale.time_signature is not None:
        if chorale.pickup:
            events.append((0, _time_signature(_short_bar(chorale.pickup))))
        events.append((chorale.pickup * _TICKS_PER_STEP, _time_signature(chorale.time_signature)))
    if chorale.key in MIDI_KEYS:
        events.append((0, meta("key_signature", key=MIDI_KEYS[chorale.key])))
    return _track(events, len(chorale))


def _voice_track(chorale, voice):
    events = [
        (0, mido.MetaMessage("track_name", name=VOICES[voice].capitalize())),
        (0, mido.Message("program_change", channel=voice, program=CHOIR_AAHS)),
    ]
    for start, length, pitch in chorale.notes(voice).tolist():
        note = {"channel": voice, "note": pitch}
        events.append(
            (start * _TICKS_PER_STEP, mido.Message("note_on", velocity=VELOCITIES[voice], **note))
        )
        events.append(
            ((start + length) * _TICKS_PER_STEP, mido.Message("note_off", velocity=0, **note))
        )
    return _track(events, len(chorale))


def _track(events, steps):
    """A mido track from (tick, message) pairs; it lasts as long as the piece, a final silence
    included."""
    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(
        events, key=lambda event: event[0]
    ):  # stable: let go before the next is struck
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, steps * _TICKS_PER_STEP - now)))
    return track


def _time_signature(time_signature):
    count, unit = (int(part) for part in time_signature.split("/"))
    return mido.MetaMessage("time_signature", numerator=count, denominator=unit)


def _short_bar(steps):
    """The time signature (str) of a bar of so many sixteenths: 4 is '1/4', 6 is '3/8'."""
    unit = next(unit for unit in (4, 8, 16) if steps % (16 // unit) == 0)
    return f"{steps * unit // 16}/{unit}"
