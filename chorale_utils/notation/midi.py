"""A Chorale as a MIDI file, and a MIDI file of four voices as a Chorale.

This file knows ticks, tracks and channels. It draws no score and makes no sound.

MIDI has no word for a pickup. As notation programs do, the pickup is written as a first bar of its
own length (a quarter before 4/4 is a bar of 1/4), so that all later bar lines fall where they
should.

Notebook: 05_generation
"""

from __future__ import annotations

import json
import os
from collections import defaultdict, deque
from collections.abc import Mapping
from io import BytesIO
from numbers import Real
from pathlib import Path
from typing import Any

import mido
import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    as_chorale,
    place_in_bars,
    steps_per_bar,
    voice_named,
)
from ..files import as_path, write_atomically

TEMPO = 80  # quarter notes a minute, where nothing else is asked for
TICKS_PER_QUARTER = 480
CHOIR_AAHS = 52  # General MIDI programme 53 where one counts from one
VELOCITIES = (92, 76, 80, 88)  # soprano, alto, tenor, bass: the outer voices lead
ON_THE_GRID = 1 / 8  # how far from the grid a note may be, in sixteenths: a human hand is forgiven
SUFFIXES = (".mid", ".midi")
LONGEST_FILE = 100_000  # steps; a longer file is damaged, or no chorale

_TICKS_PER_STEP = TICKS_PER_QUARTER // STEPS_PER_QUARTER
# 7D: the maker's number for what is nobody's product; then JSON, which others do not show
_PRIVATE = b"\x7dchorale"
# of the way to the next note: what a note must last to be held, in a file that shortens its notes
_HELD = 3 / 4


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
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)), name="mine")
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


def read_midi(path: str | os.PathLike[str]) -> Chorale:
    """The chorale in a MIDI file with four voices of one note at a time, on a grid of sixteenths.

    The voices are four tracks, or four channels. They are told apart by their names (Soprano, Alto,
    Tenor, Bass) where they bear them, otherwise by how high they lie. Notes may stand up to an
    eighth of a sixteenth off the grid. Where a file lets go of its notes a little early, as players
    and some programs do, a note that lasts at least three quarters of the way to the next one is
    held up to it.

    Args:
        path: a MIDI file of type 0 or 1.

    Raises:
        ValueError: no MIDI file or a damaged one, not four voices, two notes at once in a voice, a
            note off the grid or outside 1..127; the message says which, and where.
        OSError: the file cannot be opened.

    Examples:
        >>> from tempfile import mkdtemp
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4")
        >>> read_midi(write_midi(chorale, f"{mkdtemp()}/mine.mid")).pitches[0].tolist()
        [72, 67, 64, 48]

    Notebook: 05_generation
    """
    return _read(path, _four_voices)


def read_midi_melody(path: str | os.PathLike[str]) -> Chorale:
    """The melody in a MIDI file, as a chorale whose soprano sings alone; on a grid of sixteenths,
    see `read_midi`.

    Args:
        path: a MIDI file of type 0 or 1, with notes in one track and channel only, one note at a
            time.

    Raises:
        ValueError: there are notes in several tracks or channels or in none, two at once, or what
            `read_midi` raises.
        OSError: the file cannot be opened.

    Examples:
        >>> from tempfile import mkdtemp
        >>> tune = Chorale([[67, 0, 0, 0]] * 4)
        >>> read_midi_melody(write_midi(tune, f"{mkdtemp()}/tune.mid")).pitches[:, 0].tolist()
        [67, 67, 67, 67]

    Notebook: 05_generation
    """
    return _read(path, _one_melody)


def _read(path, find_voices):
    """The chorale in a MIDI file, whose voices are found by a function of path, file and notes."""
    path = as_path(path, "the name of a MIDI file")
    midi = _parsed(path)
    steps_per_tick = STEPS_PER_QUARTER / midi.ticks_per_beat
    metas = sorted(
        (
            (tick * steps_per_tick, track, message)
            for track, messages in enumerate(midi.tracks)
            for tick, message in _timed(messages)
            if message.is_meta
        ),
        key=lambda meta: meta[:2],
    )
    sounding = _sounding_notes(path, midi, steps_per_tick)
    last_note = max([0, *(stop for notes in sounding.values() for _, stop, _ in notes)])
    about, end = _about(path, midi)
    end = max(last_note, end)
    time_signature, pickup = _metre(path, metas, end)
    bars = _Bars(path, time_signature, pickup)
    if end > LONGEST_FILE:
        raise ValueError(
            f"{path}: {end:,.0f} sixteenths long: expected at most {LONGEST_FILE:,}. Is the file "
            "damaged?"
        )
    voices = find_voices(path, midi, sounding)
    shortened = any(_off_grid(stop) > ON_THE_GRID for _, notes in voices for _, stop, _ in notes)
    if shortened:  # then the last notes are short as well: the piece ends on a quarter
        end = np.ceil(end / STEPS_PER_QUARTER) * STEPS_PER_QUARTER
    grid = [_on_grid(notes, label, bars, end, shortened) for label, notes in voices]
    steps = max([0 if shortened else round(end), *(stop for notes in grid for _, stop, _ in notes)])
    pitches = np.full((steps, len(VOICES)), SILENCE)
    onsets = np.zeros((steps, len(VOICES)), bool)
    for voice, notes in enumerate(grid):
        for start, stop, pitch in notes:
            pitches[start:stop, voice] = pitch
            onsets[start, voice] = True
    return Chorale(
        pitches,
        key=_key(metas),
        time_signature=time_signature,
        pickup=pickup,
        onsets=onsets,
        **about,
    )


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
    }
    events.append((0, meta("sequencer_specific", data=_PRIVATE + json.dumps(about).encode())))
    events += [(0, meta("text", text=f"{fact}: {value}")) for fact, value in facts.items()]
    events.append((0, meta("set_tempo", tempo=mido.bpm2tempo(tempo))))
    if chorale.time_signature is not None:
        if chorale.pickup:
            events.append((0, _time_signature(_short_bar(chorale.pickup))))
        events.append((chorale.pickup * _TICKS_PER_STEP, _time_signature(chorale.time_signature)))
    if chorale.key in _MIDI_KEYS:
        events.append((0, meta("key_signature", key=_MIDI_KEYS[chorale.key])))
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


def _midi_keys():
    """{'f# minor': 'F#m', 'B- major': 'Bb', ...}: the thirty keys that a MIDI key signature can
    name."""
    from_mido = {}
    for accidental in ("", "#", "b"):
        for tonic in "CDEFGAB":
            ours = tonic + accidental.replace("b", "-")
            from_mido[tonic + accidental] = f"{ours} major"
            from_mido[f"{tonic}{accidental}m"] = f"{ours.lower()} minor"
    writable = set(mido.midifiles.meta._key_signature_encode)
    return {ours: theirs for theirs, ours in from_mido.items() if theirs in writable}


_MIDI_KEYS = _midi_keys()
_KEYS = {theirs: ours for ours, theirs in _MIDI_KEYS.items()}


# Reading


class _Bars:
    """Tells where in the music a step is, for error messages."""

    def __init__(self, path, time_signature, pickup):
        self.path, self.time_signature, self.pickup = path, time_signature, pickup

    def place(self, step, label):
        """Such as 'song.mid: bar 3, beat 2.5, alto'. A pickup is bar 0."""
        return f"{self.path}: {place_in_bars(step, self.time_signature, self.pickup)}, {label}"


def _parsed(path):
    content = path.read_bytes()
    try:
        midi = mido.MidiFile(
            file=BytesIO(content), charset="latin-1"
        )  # latin-1 can be read whatever it is
    except Exception as error:  # mido lets through whatever its parser stumbles on
        reason = f"{type(error).__name__} {error}".strip()
        raise ValueError(f"{path}: no MIDI file, or a damaged one ({reason})") from error
    if midi.type not in (0, 1):
        raise ValueError(
            f"{path}: MIDI file of type {midi.type}: expected type 0 or 1, whose tracks sound "
            "together"
        )
    if not 0 < midi.ticks_per_beat < 0x8000:
        raise ValueError(
            f"{path}: the file counts time in film frames, not in beats: export it again with "
            f"ticks per quarter note"
        )
    return midi


def _timed(messages):
    """(tick, message) for each message of a track, ticks counted from its beginning."""
    tick = 0
    for message in messages:
        tick += message.time
        yield tick, message


def _sounding_notes(path, midi, steps_per_tick):
    """{(track, channel): [(start, stop, pitch), ...]}, times in steps (float), each list in order
    of time."""
    found = defaultdict(list)
    for track, messages in enumerate(midi.tracks):
        struck = defaultdict(deque)  # the first note struck is the first let go
        for tick, message in _timed(messages):
            if message.type == "note_on" and message.velocity > 0:
                struck[message.channel, message.note].append(tick)
            elif message.type in ("note_on", "note_off") and struck[message.channel, message.note]:
                start = struck[message.channel, message.note].popleft()
                found[track, message.channel].append(
                    (start * steps_per_tick, tick * steps_per_tick, message.note)
                )
        for (channel, pitch), ticks in struck.items():
            if ticks:
                raise ValueError(
                    f"{path}: note {pitch} in {_label(midi, track)}, channel {channel + 1}, struck "
                    f"at quarter {ticks[0] / midi.ticks_per_beat + 1:g}, is never let go"
                )
    return {key: sorted(notes) for key, notes in found.items()}


def _label(midi, track):
    name = midi.tracks[track].name.strip()
    return f"track {track + 1} ({name!r})" if name else f"track {track + 1}"


def _four_voices(path, midi, sounding):
    """[(label, notes)] of soprano, alto, tenor, bass."""
    tracks = sorted({track for track, _ in sounding})
    named = {voice_named(messages.name): track for track, messages in enumerate(midi.tracks)}
    named.pop(None, None)
    if len(named) == len(VOICES) and set(tracks) <= set(named.values()):
        groups = [
            [key for key in sounding if key[0] == named[voice]] for voice in range(len(VOICES))
        ]
        return [
            (f"track {named[voice] + 1} ({VOICES[voice]})", _merged(sounding, keys))
            for voice, keys in enumerate(groups)
        ]
    channels = sorted({channel for _, channel in sounding})
    if len(tracks) == len(VOICES):
        voices = [
            (_label(midi, track), [key for key in sounding if key[0] == track]) for track in tracks
        ]
    elif len(channels) == len(VOICES):
        voices = [
            (f"channel {channel + 1}", [key for key in sounding if key[1] == channel])
            for channel in channels
        ]
    elif len(sounding) == len(VOICES):
        voices = [
            (f"{_label(midi, key[0])}, channel {key[1] + 1}", [key]) for key in sorted(sounding)
        ]
    else:
        where = ", ".join(_label(midi, track) for track in tracks) or "no track"
        raise ValueError(
            f"{path}: notes in {len(tracks)} tracks ({where}) and {len(channels)} channels: "
            "expected four voices, each in a track or a channel of its own with one note at a time"
        )
    voices = [(label, _merged(sounding, keys)) for label, keys in voices]
    return sorted(voices, key=lambda voice: -np.mean([pitch for _, _, pitch in voice[1]]))


def _one_melody(path, midi, sounding):
    """[(label, notes)] of the only voice there is."""
    if len(sounding) != 1:
        where = ", ".join(
            f"{_label(midi, track)}, channel {channel + 1}" for track, channel in sorted(sounding)
        )
        raise ValueError(
            f"{path}: notes in {where or 'no track'}: expected a melody, notes in one track and "
            "channel"
        )
    return [("melody", notes) for notes in sounding.values()]


def _merged(sounding, keys):
    return sorted(note for key in keys for note in sounding[key])


def _on_grid(notes, label, bars, end, shortened):
    """The notes of one voice as (start, stop, pitch) in whole steps, or a ValueError that says
    where it fails."""
    nexts = [start for start, _, _ in notes[1:]] + [end]
    grid = []
    for (start, stop, pitch), following in zip(notes, nexts):
        if not 1 <= pitch <= 127:
            raise ValueError(
                f"{bars.place(start, label)}: note {pitch}: expected 1..127 (0 stands for silence "
                "here)"
            )
        if _off_grid(start) > ON_THE_GRID:
            raise ValueError(
                f"{bars.place(start, label)}: note {pitch} begins {start - np.floor(start):.2f} of "
                "a sixteenth after the grid: expected whole sixteenths. Quantize the file first."
            )
        if shortened and stop < following and stop - start >= _HELD * (following - start):
            stop = following
        first, last = round(start), round(stop)
        if grid and first < grid[-1][1]:
            raise ValueError(
                f"{bars.place(start, label)}: note {pitch} begins while note {grid[-1][2]} sounds: "
                f"expected one note at a time in each voice"
            )
        if last <= first:
            raise ValueError(
                f"{bars.place(start, label)}: note {pitch} lasts {stop - start:.2f} sixteenths: "
                "expected whole sixteenths, one at least. Take out grace notes, or quantize the "
                "file."
            )
        grid.append((first, last, pitch))
    return grid


def _off_grid(step):
    return abs(step - round(step))


def _metre(path, metas, end):
    """(time signature or None, pickup in steps): the metre that rules the longest part of the
    piece.

    A first bar that is shorter than the bars after it is the pickup.
    """
    starts = {}
    for step, _, meta in metas:
        if meta.type == "time_signature":
            starts[round(step)] = f"{meta.numerator}/{meta.denominator}"
    if not starts:
        return None, 0
    try:
        regions = [
            (start, stop, steps_per_bar(signature), signature)
            for (start, signature), stop in zip(starts.items(), [*list(starts)[1:], end])
        ]
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if len(regions) > 1 and regions[0][1] - regions[0][0] == regions[0][2] < regions[1][2]:
        regions = regions[1:]
    start, _, bar, signature = max(regions, key=lambda region: region[1] - region[0])
    return signature, start % bar


def _key(metas):
    return next((_KEYS.get(meta.key) for _, _, meta in metas if meta.type == "key_signature"), None)


def _about(path, midi):
    """({'name', 'bwv', 'title'}, length in steps) as `write_midi` puts them into the first track;
    otherwise what a program calls the track, where it holds no notes, and length 0."""
    first = midi.tracks[0] if midi.tracks else []
    for message in first:
        if message.type == "sequencer_specific" and bytes(message.data).startswith(_PRIVATE):
            try:
                told = json.loads(bytes(message.data)[len(_PRIVATE) :])
                about = {
                    field: told[field] if told[field] is None else str(told[field])
                    for field in ("bwv", "title")
                }
                return {"name": str(told["name"]), **about}, int(told["steps"])
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"{path}: damaged: the first track tells of the piece in a way that cannot be "
                    f"read ({error})"
                ) from error
    conducts = not any(message.type == "note_on" for message in first)
    title = next(
        (_decoded(message.name).strip() for message in first if message.type == "track_name"), ""
    )
    return {"name": path.stem, **({"title": title} if title and conducts else {})}, 0


def _decoded(text):
    """Text that `_parsed` read as latin-1, as UTF-8 where it is that."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text
