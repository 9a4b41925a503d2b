"""A Chorale as a MIDI file.

This file deals with ticks, tracks and channels. It draws no score and makes no sound;
`midi_reading` reads the files back.

MIDI has no notion of a pickup or any other short bar. As notation programs do, this file gives such
a bar its own time signature (a quarter before 4/4 is a bar of 1/4), so that all later bar lines are
in the right place. Whatever MIDI cannot express is stored in a private event (see `midi_page`), so
that this package reads back everything that it wrote.

Notebook: 05_generation
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mido
import numpy as np

from ..chorale import (
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    as_chorale,
)
from ..files import as_path, write_atomically
from ..keys import (
    key_signature,
)
from .midi_file import PRIVATE
from .midi_page import told_page
from .midi_reading import (
    MIDI_KEYS,
    read_midi as read_midi,
    read_midi_melody as read_midi_melody,
)
from .page import bars_of
from .performance import FERMATA, TEMPO as TEMPO, check_tempo as check_tempo, in_order, step_seconds

TICKS_PER_QUARTER = 480
CHOIR_AAHS = 52  # General MIDI programme 53, counted from one
VELOCITIES = (92, 76, 80, 88)  # soprano, alto, tenor, bass: the outer voices lead
SUFFIXES = (".mid", ".midi")

_TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
# gap in ticks before a repeated note: a ninth of a sixteenth, which readers ignore
_GAP = 14
_SLOWEST = 0xFFFFFF  # microseconds per quarter: MIDI's maximum


def write_midi(
    chorale: Chorale,
    path: str | os.PathLike[str],
    tempo: float | None = None,
    about: Mapping[str, Any] | None = None,
    fermata: float = FERMATA,
    repeats: str = "written",
) -> Path:
    """Writes a chorale as a MIDI file of type 1: a conductor track, and a track for each voice.

    Notes begin and end as in `Chorale.notes`, except that a note ends a moment earlier if it is
    struck again at once. Changes of metre, key and tempo, and each voice's first verse as lyrics,
    are written if they are known; fermatas slow down the tempo. `read_midi` reads the same chorale
    back, including its notation.

    Args:
        chorale: Chorale.
        path: file to write, ``.mid`` or ``.midi``. It is written completely or not at all; its
            folder is created if missing.
        tempo: quarter notes per minute throughout, 4..1000; None follows the page's tempo marks, or
            takes 80 if it has none.
        about: dict of facts about how the piece was made, such as ``{'seed': 7}``; each becomes a
            text event.
        fermata: how many times longer a step lasts under a fermata, at least 1 (not held at all).
        repeats: ``'written'``: each bar sounds once, and the repeat signs are kept for `read_midi`;
            ``'played'``: repeats, endings and jumps are played.

    Returns:
        Path: `path`.

    Raises:
        ValueError: another suffix, or `tempo` or `fermata` is out of range, or `repeats` unknown.
        TypeError: `chorale` is not a Chorale, or `path` is not a file name.

    Examples:
        >>> from tempfile import mkdtemp
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16, name="mine")
        >>> read_midi(write_midi(chorale, f"{mkdtemp()}/mine.mid"))
        Chorale('mine', 16 steps)

    Notebook: 05_generation
    """
    chorale = in_order(as_chorale(chorale), repeats)
    seconds = step_seconds(chorale, tempo, fermata)
    path = as_path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise ValueError(
            f"{path}: {path.suffix or 'no suffix'}: expected one of {', '.join(SUFFIXES)}"
        )
    midi = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, charset="utf-8")
    midi.tracks.append(_conductor_track(chorale, seconds, about or {}))
    for voice in range(len(VOICES)):
        midi.tracks.append(_voice_track(chorale, voice))
    return write_atomically(path, midi.save)


# Writing


def _conductor_track(chorale, seconds, facts):
    meta = mido.MetaMessage
    events = [(0, meta("track_name", name=chorale.title))] if chorale.title else []
    about = {
        "name": chorale.name,
        "bwv": chorale.bwv,
        "title": chorale.title,
        "steps": len(chorale),
        **told_page(chorale),
    }
    events.append((0, meta("sequencer_specific", data=PRIVATE + json.dumps(about).encode())))
    events += [(0, meta("text", text=f"{fact}: {value}")) for fact, value in facts.items()]
    if chorale.notation is not None and chorale.notation.copyright:
        events.append((0, meta("copyright", text=chorale.notation.copyright)))
    quarters = np.minimum(np.round(seconds * STEPS_PER_QUARTER * 1e6), _SLOWEST).astype(int)
    for step in np.flatnonzero(np.diff(quarters, prepend=0)).tolist():
        events.append((step, meta("set_tempo", tempo=int(quarters[step]))))
    metre, bars = None, bars_of(chorale)
    for bar in bars:
        ends_early = bar is bars[-1] and not bar.offset
        its_own = bar.time_signature if bar.is_full or ends_early else _short_bar(bar.steps)
        if its_own != metre:
            metre = its_own
            events.append((bar.start, _time_signature(its_own)))
    events += [(step, meta("key_signature", key=key)) for step, key in _keys(chorale)]
    return _track([(step * _TICKS_PER_STEP, event) for step, event in events], len(chorale))


def _voice_track(chorale, voice):
    events = [
        (0, mido.MetaMessage("track_name", name=VOICES[voice].capitalize())),
        (0, mido.Message("program_change", channel=voice, program=CHOIR_AAHS)),
    ]
    words = chorale.notation.words if chorale.notation is not None else ()
    for syllable in words:
        if syllable.voice == voice and syllable.verse == 1:
            goes_on = "-" if syllable.syllabic in ("begin", "middle") else ""
            text = syllable.text + "_" * syllable.melisma + goes_on
            events.append((syllable.step * _TICKS_PER_STEP, mido.MetaMessage("lyrics", text=text)))
    notes = chorale.notes(voice).tolist()
    for (start, length, pitch), following in zip(notes, [*notes[1:], (None, 0, 0)]):
        note = {"channel": voice, "note": pitch}
        stop = (start + length) * _TICKS_PER_STEP
        if (start + length, pitch) == (following[0], following[2]):
            stop -= _GAP
        events.append(
            (start * _TICKS_PER_STEP, mido.Message("note_on", velocity=VELOCITIES[voice], **note))
        )
        events.append((stop, mido.Message("note_off", velocity=0, **note)))
    return _track(events, len(chorale))


def _keys(chorale):
    """[(step, key in mido's spelling)]. A church mode becomes the major key with its signature."""
    page = chorale.notation
    if page is not None and page.keys:
        return [
            (change.step, _SIGNATURES[change.fifths, _mode(change.mode)]) for change in page.keys
        ]
    if chorale.key is None:
        return []
    fifths, mode = key_signature(chorale.key), _mode(chorale.key.split()[1])
    return [(0, _SIGNATURES[fifths, mode])] if (fifths, mode) in _SIGNATURES else []


def _mode(mode):
    return "minor" if mode in ("minor", "aeolian") else "major"


_SIGNATURES = {(key_signature(ours), ours.split()[1]): its for ours, its in MIDI_KEYS.items()}


def _track(events, steps):
    """A mido track from (tick, message) pairs; it lasts as long as the piece, including a final
    silence."""
    track, now = mido.MidiTrack(), 0
    for tick, message in sorted(
        events, key=lambda event: event[0]
    ):  # a stable sort: note off before the next note on
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=max(0, steps * _TICKS_PER_STEP - now)))
    return track


def _time_signature(time_signature):
    count, unit = (int(part) for part in time_signature.split("/"))
    return mido.MetaMessage("time_signature", numerator=count, denominator=unit)


def _short_bar(steps):
    """The time signature (str) of a bar with this number of sixteenths: '1/4' for 4, '3/8' for
    6."""
    unit = next(unit for unit in (4, 8, 16) if steps % (16 // unit) == 0)
    return f"{steps * unit // 16}/{unit}"
