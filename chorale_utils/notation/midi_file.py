"""The raw content of a MIDI file: notes and words of its tracks, with times in sixteenths, and its
bars.

MIDI has ticks, tracks and channels, and says little about the page. `midi_tracks` decides which
tracks are voices, `midi_reading` puts their notes on the grid.

Notebook: 05_generation
"""

from __future__ import annotations

import json
import warnings
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import mido

from ..chorale import STEPS_PER_QUARTER, place_in_bars, steps_per_bar
from .page import Bar, regular_bars
from .timeline import LONGEST

ON_THE_GRID = 1 / 8  # tolerance around the grid in sixteenths, since players are not exact
OVERLAP = 3 / 4  # sixteenths by which a note may overlap the next one
# 7D: the manufacturer number for non-commercial use; then JSON, which other programs ignore
PRIVATE = b"\x7dchorale"
DRUMS = 9  # the drum channel; channel 10, counted from one

_Note = tuple[float, float, int]  # start and stop in steps, MIDI number


@dataclass
class TrackVoice:
    """The notes and words of one voice, as in the file."""

    label: str
    notes: list[_Note]
    words: list[tuple[float, str]] = field(default_factory=list)
    track: int = 0


class MidiSource:
    """A parsed MIDI file, with times in steps."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.midi = _parsed(path)
        self.steps_per_tick = STEPS_PER_QUARTER / self.midi.ticks_per_beat
        self.sounding = self._sounding_notes()
        self.metas = sorted(
            (
                (tick * self.steps_per_tick, track, message)
                for track, messages in enumerate(self.midi.tracks)
                for tick, message in _timed(messages)
                if message.is_meta
            ),
            key=lambda meta: meta[:2],
        )
        self.about, self.told = _about(path, self.midi)
        self.is_ours = bool(self.told)
        self.told_steps, self.told_pickup = self.told.get("steps", 0), self.told.get("pickup")
        last = max([0.0, *(stop for notes in self.sounding.values() for _, stop, _ in notes)])
        self.end = max(last, self.told_steps)
        if self.end > LONGEST:
            raise ValueError(
                f"{path}: {self.end:,.0f} sixteenths long: expected at most {LONGEST:,}. Is the "
                "file damaged?"
            )
        self.bars = self._bars()

    def place(self, step: float, label: str) -> str:
        """A place for messages, such as 'song.mid: bar 3, beat 2.5, alto'. A pickup is bar 0."""
        if not self.bars:
            return f"{self.path}: {place_in_bars(step, None, 0)}, {label}"
        number = max(0, bisect_right([bar.start for bar in self.bars], step) - 1)
        bar = self.bars[number]
        beat = 16 / int(bar.time_signature.split("/")[1])
        at = round((bar.offset + step - bar.start) / beat + 1, 2)
        return f"{self.path}: bar {bar.number}, beat {at:g}, {label}"

    def label(self, track: int) -> str:
        """A track for messages, such as ``"track 2 ('Soprano')"``."""
        name = self.name(track)
        return f"track {track + 1} ({name!r})" if name else f"track {track + 1}"

    def name(self, track: int) -> str:
        """The name of a track."""
        return decoded(self.midi.tracks[track].name).strip()

    def voice(self, label: str, keys: Iterable[tuple[int, int]]) -> TrackVoice:
        """The voice with the notes of these tracks and channels."""
        keys = list(keys)
        tracks = {track for track, _ in keys}
        words = [
            (step, decoded(meta.text))
            for step, track, meta in self.metas
            if meta.type == "lyrics" and track in tracks
        ]
        notes = sorted(note for key in keys for note in self.sounding[key])
        return TrackVoice(label, notes, words, min(tracks, default=0))

    def report(self, left_out: Iterable[str]) -> None:
        """Warns about tracks that are not read."""
        named = ", ".join(left_out)
        if named:
            warnings.warn(f"{self.path}: left out: {named}", stacklevel=5)

    def _sounding_notes(self) -> dict[tuple[int, int], list[_Note]]:
        """{(track, channel): notes}, each list sorted by time."""
        found: dict[tuple[int, int], list[_Note]] = defaultdict(list)
        for track, messages in enumerate(self.midi.tracks):
            # of two equal notes, the first struck is the first released
            struck: dict[tuple[int, int], deque[int]] = defaultdict(deque)
            for tick, message in _timed(messages):
                if message.type == "note_on" and message.velocity > 0:
                    struck[message.channel, message.note].append(tick)
                elif message.type in ("note_on", "note_off"):
                    ticks = struck[message.channel, message.note]
                    if ticks:
                        times = (ticks.popleft() * self.steps_per_tick, tick * self.steps_per_tick)
                        found[track, message.channel].append((*times, message.note))
            for (channel, pitch), ticks in struck.items():
                if ticks:
                    quarter = ticks[0] / self.midi.ticks_per_beat + 1
                    raise ValueError(
                        f"{self.path}: note {pitch} in {self.label(track)}, channel {channel + 1}, "
                        f"struck at quarter {quarter:g}, is never released: expected a note-off"
                    )
        return {key: sorted(notes) for key, notes in found.items()}

    def _bars(self) -> tuple[Bar, ...]:
        """The bars given by the time signatures; empty without time signatures."""
        metres: dict[int, str] = {}
        for step, _, meta in self.metas:
            if meta.type == "time_signature" and (step < self.end or self.is_ours or not metres):
                metres[round(step)] = f"{meta.numerator}/{meta.denominator}"
        if not metres:
            return ()
        first = min(metres)
        metres = {0 if step == first else step: metre for step, metre in metres.items()}
        end = max(1, ceil(self.end - ON_THE_GRID))
        bars: list[Bar] = []
        try:
            pickup = self._pickup(metres, end)
            starts = list(metres)
            for start, stop in pairwise([*starts, max(end, starts[-1] + 1)]):
                metre = metres[start]
                if start == 0 and pickup:
                    full = steps_per_bar(metres[starts[1]])
                    bars.append(Bar(0, pickup, metres[starts[1]], full - pickup, 0))
                    continue
                number = bars[-1].number if bars else 0
                bars += [
                    replace(bar, start=bar.start + start, number=bar.number + number)
                    for bar in regular_bars(stop - start, metre)
                ]
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error
        return tuple(_with_divided_bars(bars))

    def _pickup(self, metres: dict[int, str], end: int) -> int:
        """Length of the pickup: the first bar, if its time signature is shorter than the next.

        A first bar longer than half of the next is a pickup only if the last bar is short by the
        same amount, or if this package wrote the file; otherwise the metre changes there.
        """
        starts = list(metres)
        if len(starts) < 2:
            return 0
        length, full = steps_per_bar(metres[0]), steps_per_bar(metres[starts[1]])
        if length != starts[1] or length >= full or self.told_pickup not in (None, length):
            return 0
        comes_again = metres[0] in {metres[start] for start in starts[2:]}
        last = steps_per_bar(metres[starts[-1]])
        completes = (end - starts[-1] + length) % last == 0
        short = 2 * length < full or (2 * length == full and not comes_again)
        return length if self.is_ours or short or completes else 0


def _with_divided_bars(bars: list[Bar]) -> list[Bar]:
    """The bars with two corrections: two short bars with their own time signatures that together
    make a bar of the surrounding metre become one divided bar; a last bar that completes the pickup
    becomes a short bar of that metre."""
    bars = list(bars)
    for place in range(1, len(bars) - 1):
        before, first, second = bars[place - 1 : place + 2]
        around = before.time_signature
        full, metres = steps_per_bar(around), {around, first.time_signature, second.time_signature}
        goes_on = place + 2 == len(bars) or bars[place + 2].time_signature == around
        if len(metres) == 3 and goes_on and first.steps + second.steps == full:
            for half, offset in ((0, 0), (1, first.steps)):
                bars[place + half] = replace(
                    bars[place + half], time_signature=around, offset=offset, number=first.number
                )
            bars[place + 2 :] = [replace(bar, number=bar.number - 1) for bar in bars[place + 2 :]]
    if len(bars) > 2 and bars[0].offset:
        around = bars[-2].time_signature
        if bars[-1].steps + bars[0].steps == steps_per_bar(around):
            bars[-1] = replace(bars[-1], time_signature=around)
    return bars


def _parsed(path: Path) -> mido.MidiFile:
    content = path.read_bytes()
    try:
        midi = mido.MidiFile(file=BytesIO(content), charset="latin-1")  # latin-1 decodes any bytes
    except Exception as error:  # mido raises errors of many kinds
        reason = f"{type(error).__name__} {error}".strip()
        raise ValueError(f"{path}: not a MIDI file, or a damaged one ({reason})") from error
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


def _timed(messages: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """(tick, message) for each message of a track, with ticks from its beginning."""
    tick = 0
    for message in messages:
        tick += message.time
        yield tick, message


def _about(path: Path, midi: mido.MidiFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """({'name', 'bwv', 'title'}, all data) that `write_midi` stored in the first track; in other
    files, the title from the first track's name, if it has no notes, and no data."""
    first = midi.tracks[0] if midi.tracks else []
    for message in first:
        if message.type == "sequencer_specific" and bytes(message.data).startswith(PRIVATE):
            try:
                told = json.loads(bytes(message.data)[len(PRIVATE) :])
                about = {
                    name: told[name] if told[name] is None else str(told[name])
                    for name in ("bwv", "title")
                }
                told["steps"] = int(told["steps"])
                if told.get("pickup") is not None:
                    told["pickup"] = int(told["pickup"])
                return {"name": str(told["name"]), **about}, told
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise ValueError(
                    f"{path}: damaged: the data about the piece in the first track cannot be read "
                    f"({error})"
                ) from error
    conducts = not any(message.type == "note_on" for message in first)
    title = next(
        (decoded(message.name).strip() for message in first if message.type == "track_name"), ""
    )
    about = {"name": path.stem, **({"title": title} if title and conducts else {})}
    return about, {}


def decoded(text: str) -> str:
    """Text that was read as latin-1, decoded as UTF-8 if it is valid UTF-8.

    Examples:
        >>> decoded("fÃ¼r")
        'für'
    """
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text
