"""A MIDI file of four voices, or of a melody, as a Chorale.

MIDI knows ticks, tracks and channels, and says little of the page: metre, key, tempo, and words as
lyric events. Players and programs let go of notes a little early, or hold them a little into the
next one; this file lays them onto the grid all the same.

Notebook: 05_generation
"""

from __future__ import annotations

import json
import os
import re
import warnings
import zlib
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import mido
import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    described,
    key_signature,
    place_in_bars,
    steps_per_bar,
    voice_named,
)
from ..files import as_path
from .midi_page import with_told_page
from .page import Bar, KeySignature, Notation, Syllable, Tempo, regular_bars
from .reading import solo
from .timeline import LONGEST, is_sung

ON_THE_GRID = 1 / 8  # how far from the grid a note may be, in sixteenths: a human hand is forgiven
# 7D: the maker's number for what is nobody's product; then JSON, which others do not show
PRIVATE = b"\x7dchorale"
DRUMS = 9  # the channel of drums; people count it as the tenth

# of the way to the next note: what a note must last to be held, in a file that shortens its notes
_HELD = 3 / 4
_OVERLAP = 3 / 4  # sixteenths by which a note may be held into the next one

_Note = tuple[float, float, int]  # start and stop in steps, MIDI number


@dataclass
class _Voice:
    """The notes and the words of one voice, as the file has them."""

    label: str
    notes: list[_Note]
    words: list[tuple[float, str]] = field(default_factory=list)
    track: int = 0


def read_midi(path: str | os.PathLike[str], strict: bool = True, part: Any = None) -> Chorale:
    """The chorale in a MIDI file with four voices of one note at a time, on a grid of sixteenths.

    The voices are the tracks named Soprano, Alto, Tenor and Bass, whatever else there is, or else
    the only four tracks or channels, told apart by how high they lie. Drums are left out. Notes may
    stand up to an eighth of a sixteenth off the grid. Where a file lets go of its notes a little
    early, as players and some programs do, a note that lasts at least three quarters of the way to
    the next one is held up to it; where it holds them a little into the next, they are cut.

    Changes of metre, key and tempo, and the words of lyric events, are in `Chorale.notation`. A
    first bar in a shorter metre of its own is the pickup. What is left out is named in a warning.

    Args:
        path: a MIDI file of type 0 or 1.
        strict: whether a note off the grid, and a fifth voice, is an error. Otherwise each step has
            what sounds at its beginning.
        part: the four tracks to read, each by its name or its number from 1, such as ``(2, 3, 4,
            5)``.

    Raises:
        ValueError: no MIDI file or a damaged one, not four voices, two notes at once in a voice, a
            note off the grid or outside 1..127; the message says which, and where.
        OSError: the file cannot be opened.

    Examples:
        >>> from tempfile import mkdtemp
        >>> from chorale_utils import write_midi
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4")
        >>> read_midi(write_midi(chorale, f"{mkdtemp()}/mine.mid")).pitches[0].tolist()
        [72, 67, 64, 48]

    Notebook: 05_generation
    """
    return _read(path, lambda file: _four_voices(file, strict, part), strict)


def read_midi_melody(
    path: str | os.PathLike[str], strict: bool = True, part: str | int | None = None
) -> Chorale:
    """The melody in a MIDI file, as a chorale whose soprano sings alone; on a grid of sixteenths,
    see `read_midi`.

    Args:
        path: a MIDI file of type 0 or 1, one note at a time.
        strict: see `read_midi`.
        part: which track has the melody, by its name or its number from 1; not needed where notes
            are in one track and channel only, drums apart.

    Raises:
        ValueError: there are notes in several tracks or channels or in none, two at once, or what
            `read_midi` raises.
        OSError: the file cannot be opened.

    Examples:
        >>> from tempfile import mkdtemp
        >>> from chorale_utils import write_midi
        >>> tune = Chorale([[67, 0, 0, 0]] * 4)
        >>> read_midi_melody(write_midi(tune, f"{mkdtemp()}/tune.mid")).pitches[:, 0].tolist()
        [67, 67, 67, 67]

    Notebook: 05_generation
    """
    return _read(path, lambda file: _one_melody(file, part), strict)


def _midi_keys() -> dict[str, str]:
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


MIDI_KEYS = _midi_keys()
_KEYS = {theirs: ours for ours, theirs in MIDI_KEYS.items()}


# The file


class _File:
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
        """Such as 'song.mid: bar 3, beat 2.5, alto'. A pickup is bar 0."""
        if not self.bars:
            return f"{self.path}: {place_in_bars(step, None, 0)}, {label}"
        number = max(0, bisect_right([bar.start for bar in self.bars], step) - 1)
        bar = self.bars[number]
        beat = 16 / int(bar.time_signature.split("/")[1])
        at = round((bar.offset + step - bar.start) / beat + 1, 2)
        return f"{self.path}: bar {bar.number}, beat {at:g}, {label}"

    def label(self, track: int) -> str:
        """Such as ``"track 2 ('Soprano')"``."""
        name = self.name(track)
        return f"track {track + 1} ({name!r})" if name else f"track {track + 1}"

    def name(self, track: int) -> str:
        """What a track is called."""
        return _decoded(self.midi.tracks[track].name).strip()

    def voice(self, label: str, keys: Iterable[tuple[int, int]]) -> _Voice:
        """The voice whose notes are in some tracks and channels."""
        keys = list(keys)
        tracks = {track for track, _ in keys}
        words = [
            (step, _decoded(meta.text))
            for step, track, meta in self.metas
            if meta.type == "lyrics" and track in tracks
        ]
        notes = sorted(note for key in keys for note in self.sounding[key])
        return _Voice(label, notes, words, min(tracks, default=0))

    def report(self, left_out: Iterable[str]) -> None:
        """Warns of what is not read."""
        named = ", ".join(left_out)
        if named:
            warnings.warn(f"{self.path}: left out: {named}", stacklevel=5)

    def _sounding_notes(self) -> dict[tuple[int, int], list[_Note]]:
        """{(track, channel): notes}, each list in order of time."""
        found: dict[tuple[int, int], list[_Note]] = defaultdict(list)
        for track, messages in enumerate(self.midi.tracks):
            # the first note struck is the first let go
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
                        f"struck at quarter {quarter:g}, is never let go"
                    )
        return {key: sorted(notes) for key, notes in found.items()}

    def _bars(self) -> tuple[Bar, ...]:
        """The bars that the time signatures ask for; none where there is none."""
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
        """Length of the pickup: the first bar, where it has a shorter metre of its own.

        A bar that is more than half of the next is a pickup only if the last bar lacks as much, or
        if this package wrote the file; otherwise the metre changes there.
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
    """Bars in which two short ones in metres of their own, as long together as a bar of what is
    around them, are one that is divided; and a last one that completes the pickup, a short one."""
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


def _timed(messages: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """(tick, message) for each message of a track, ticks counted from its beginning."""
    tick = 0
    for message in messages:
        tick += message.time
        yield tick, message


def _about(path: Path, midi: mido.MidiFile) -> tuple[dict[str, Any], dict[str, Any]]:
    """({'name', 'bwv', 'title'}, all that is told) as `write_midi` puts them into the first track;
    otherwise what a program calls the track, where it holds no notes, and nothing."""
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
                    f"{path}: damaged: the first track tells of the piece in a way that cannot be "
                    f"read ({error})"
                ) from error
    conducts = not any(message.type == "note_on" for message in first)
    title = next(
        (_decoded(message.name).strip() for message in first if message.type == "track_name"), ""
    )
    about = {"name": path.stem, **({"title": title} if title and conducts else {})}
    return about, {}


def _decoded(text: str) -> str:
    """Text that `_parsed` read as latin-1, as UTF-8 where it is that."""
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return text


# Which tracks


def _four_voices(file: _File, strict: bool, part: Any) -> list[_Voice]:
    """Soprano, alto, tenor, bass."""
    if part is not None:
        wanted = [part] if isinstance(part, (str, int)) else list(part)
        tracks = [_chosen_track(file, one) for one in wanted]
        sounding = {key: notes for key, notes in file.sounding.items() if key[0] in tracks}
    else:
        named = _named_tracks(file, strict)
        if named is not None:
            return named
        sounding = {key: notes for key, notes in file.sounding.items() if key[1] != DRUMS}
    tracks = sorted({track for track, _ in sounding})
    channels = sorted({channel for _, channel in sounding})
    if len(tracks) == len(VOICES):
        groups = [
            (file.label(track), [key for key in sounding if key[0] == track]) for track in tracks
        ]
    elif len(channels) == len(VOICES):
        groups = [
            (f"channel {channel + 1}", [key for key in sounding if key[1] == channel])
            for channel in channels
        ]
    elif len(sounding) == len(VOICES):
        groups = [
            (f"{file.label(key[0])}, channel {key[1] + 1}", [key]) for key in sorted(sounding)
        ]
    else:
        where = ", ".join(file.label(track) for track in tracks) or "no track"
        raise ValueError(
            f"{file.path}: notes in {len(tracks)} tracks ({where}) and {len(channels)} channels"
            f"{_besides_drums(file)}: expected four voices, each in a track or a channel of its "
            "own with one note at a time; part= chooses four tracks"
        )
    if part is None:
        file.report(_drums(file))
    voices = [file.voice(label, keys) for label, keys in groups]
    return sorted(voices, key=lambda voice: -np.mean([pitch for _, _, pitch in voice.notes]))


def _named_tracks(file: _File, strict: bool) -> list[_Voice] | None:
    """The four voices in tracks that are named for them; None where one of them is not, or where
    all tracks are silent."""
    tracks = sorted({track for track, _ in file.sounding})
    named = defaultdict(list)
    for track, messages in enumerate(file.midi.tracks):
        voice = voice_named(_decoded(messages.name))
        if voice is not None and (track in tracks or not _names_other(file, voice, track)):
            named[voice].append(track)
    if set(named) != set(range(len(VOICES))):
        return None
    chosen = [named[voice][0] for voice in range(len(VOICES))]
    others = [track for track in tracks if track not in chosen]
    sung = [track for track in others if is_sung(file.name(track))]
    if strict and sung:
        raise ValueError(
            f"{file.path}: {', '.join(map(file.label, sung))} beside four named voices: expected "
            "four; part= chooses four tracks, and strict=False leaves out the fifth"
        )
    file.report(_with_channel(file, track) for track in others)
    keys = [[key for key in file.sounding if key[0] == track] for track in chosen]
    labels = [f"track {track + 1} ({voice})" for track, voice in zip(chosen, VOICES)]
    return [file.voice(label, own) for label, own in zip(labels, keys)]


def _names_other(file: _File, voice: int, silent: int) -> bool:
    """Whether a track with notes is named for the same voice as a silent one."""
    return any(
        track != silent and voice_named(file.name(track)) == voice for track, _ in file.sounding
    )


def _one_melody(file: _File, part: str | int | None) -> list[_Voice]:
    """The only voice there is, or the one that is chosen."""
    if part is not None:
        track = _chosen_track(file, part)
        keys = [key for key in file.sounding if key[0] == track]
        if not keys:
            raise ValueError(f"{file.path}: part {part!r}: {file.label(track)} has no notes")
        return [file.voice(file.label(track), keys)]
    keys = [key for key in file.sounding if key[1] != DRUMS]
    if len(keys) != 1:
        where = ", ".join(
            f"{file.label(track)}, channel {channel + 1}" for track, channel in sorted(keys)
        )
        advice = f"; part= chooses a track, such as part={keys[0][0] + 1}" if keys else ""
        raise ValueError(
            f"{file.path}: notes in {where or 'no track'}{_besides_drums(file)}: expected a "
            f"melody, notes in one track and channel{advice}"
        )
    file.report(_drums(file))
    voice = file.voice("melody", keys)
    if not voice.words:  # karaoke files keep the words in a track of their own
        voice.words = [
            (step, _decoded(meta.text)) for step, _, meta in file.metas if meta.type == "lyrics"
        ]
    return [voice]


def _chosen_track(file: _File, part: str | int) -> int:
    """The track that a name or a number from 1 means."""
    if isinstance(part, bool) or not isinstance(part, (str, int)):
        raise TypeError(
            f"{file.path}: part: got {described(part)}: expected the name of a track, or its "
            "number from 1"
        )
    tracks = range(len(file.midi.tracks))
    sounding = {track for track, _ in file.sounding}
    if isinstance(part, str) and not part.strip().isdigit():
        wanted = part.strip().casefold()
        found = [track for track in tracks if file.name(track).casefold() == wanted]
        found = found or [
            track for track in tracks if wanted and file.name(track).casefold().startswith(wanted)
        ]
        if not found and wanted in VOICES:
            voice = VOICES.index(wanted)
            found = [track for track in tracks if voice_named(file.name(track)) == voice]
        found = [track for track in found if track in sounding] or found
    else:
        found = [track for track in tracks if track + 1 == int(part)]
    if len(found) != 1:
        there = ", ".join(file.label(track) for track in sorted(sounding)) or "no track"
        raise ValueError(
            f"{file.path}: part {part!r}: expected one of the tracks with notes, by name or "
            f"number: {there}"
        )
    return found[0]


def _drums(file: _File) -> list[str]:
    """What is played on the channel of drums, in words."""
    return [
        f"{file.label(track)}, drums on channel {DRUMS + 1}"
        for track, channel in sorted(file.sounding)
        if channel == DRUMS
    ]


def _besides_drums(file: _File) -> str:
    drums = _drums(file)
    return f", besides {', '.join(drums)}" if drums else ""


def _with_channel(file: _File, track: int) -> str:
    drums = (track, DRUMS) in file.sounding
    return file.label(track) + (f", drums on channel {DRUMS + 1}" if drums else "")


# Onto the grid


def _read(
    path: str | os.PathLike[str], find_voices: Callable[[_File], list[_Voice]], strict: bool
) -> Chorale:
    """The chorale in a MIDI file, whose voices are found by a function of the file."""
    file = _File(as_path(path, "the name of a MIDI file"))
    voices = find_voices(file)
    last_note = max([0.0, *(stop for voice in voices for _, stop, _ in voice.notes)])
    end = max(last_note, file.told_steps)
    late = _lateness(voices)
    shortened = (
        not late
        and not file.is_ours
        and any(_off_grid(stop) > ON_THE_GRID for voice in voices for _, stop, _ in voice.notes)
    )
    if shortened:  # then the last notes are short as well: the piece ends on a quarter
        end = np.ceil(end / STEPS_PER_QUARTER) * STEPS_PER_QUARTER
    grid = [_on_grid(file, voice, end, shortened, late, strict) for voice in voices]
    steps = max([file.told_steps, *(stop for notes in grid for _, stop, _ in notes)])
    pitches = np.full((steps, len(VOICES)), SILENCE)
    onsets = np.zeros((steps, len(VOICES)), bool)
    words: list[Syllable] = []
    for number, (voice, notes) in enumerate(zip(voices, grid)):
        for start, stop, pitch in notes:
            pitches[start:stop, number] = pitch
            onsets[start, number] = True
        words += _syllables(voice.words, number, [start for start, _, _ in notes])
    bars = _fitted(file.bars, steps)
    keys = _keys(file)
    notation = Notation(
        bars,
        keys,
        _tempos(file, bars),
        tuple(sorted(words, key=lambda word: (word.step, word.voice, word.verse))),
        copyright=next(
            (_decoded(meta.text).strip() for _, _, meta in file.metas if meta.type == "copyright"),
            None,
        ),
    )
    first = next((meta.key for _, _, meta in file.metas if meta.type == "key_signature"), None)
    chorale = Chorale(
        pitches,
        key=_KEYS.get(first) if first is not None else None,
        time_signature=file.bars[0].time_signature if file.bars else None,
        pickup=file.bars[0].steps if file.bars and file.bars[0].offset else 0,
        onsets=onsets,
        notation=notation if notation != Notation() else None,
        **file.about,
    )
    # a program that made another piece of it may have kept what we told of the first
    if "page" not in file.told or steps != file.told_steps:
        return chorale
    try:
        if len(voices) == len(VOICES):
            return with_told_page(chorale, file.told)
        track = voices[0].track - 1  # the first track is the conductor's
        alone = replace(chorale, pitches=np.roll(chorale.pitches, track, axis=1), onsets=None)
        return replace(solo(with_told_page(alone, file.told), track), onsets=chorale.onsets)
    except (ValueError, TypeError, KeyError, zlib.error) as error:
        raise ValueError(
            f"{file.path}: damaged: the first track tells of the piece in a way that cannot be "
            f"read ({error})"
        ) from error


def _lateness(voices: list[_Voice]) -> float:
    """Steps by which notes are held into the next ones, where that is how the file is played; else
    0."""
    overlaps, early = [], 0
    for voice in voices:
        for (start, stop, _), (following, _, _) in pairwise(voice.notes):
            over = stop - following
            if ON_THE_GRID < over <= _OVERLAP and start < following:
                overlaps.append(over)
            elif over < 0 and _off_grid(stop) > ON_THE_GRID:
                early += 1
    return float(np.median(overlaps)) if len(overlaps) > early else 0.0


def _on_grid(
    file: _File, voice: _Voice, end: float, shortened: bool, late: float, strict: bool
) -> list[tuple[int, int, int]]:
    """The notes of one voice as (start, stop, pitch) in whole steps, or a ValueError that says
    where it fails."""
    nexts = [start for start, _, _ in voice.notes[1:]] + [end]
    grid: list[tuple[int, int, int]] = []
    for (start, stop, pitch), following in zip(voice.notes, nexts):
        place = file.place(start, voice.label)
        if not 1 <= pitch <= 127:
            raise ValueError(f"{place}: note {pitch}: expected 1..127 (0 stands for silence here)")
        if strict and _off_grid(start) > ON_THE_GRID:
            raise ValueError(
                f"{place}: note {pitch} begins {start - np.floor(start):.2f} of a sixteenth after "
                "the grid: expected whole sixteenths. Quantize the file first, or read with "
                "strict=False what sounds at the beginning of each step"
            )
        if shortened and stop < following and stop - start >= _HELD * (following - start):
            stop = following
        over = stop - following
        if 0 < over <= _OVERLAP and following - start > over and voice.notes[-1][0] >= following:
            stop = following
        elif late and _off_grid(stop) > ON_THE_GRID and stop - late > start:
            stop -= late
        if strict:
            first, last = round(start), round(stop)
        else:
            first, last = ceil(start - ON_THE_GRID), ceil(stop - ON_THE_GRID)
        if grid and first < grid[-1][1]:
            if strict or start == voice.notes[len(grid) - 1][0]:
                raise ValueError(
                    f"{place}: note {pitch} begins while note {grid[-1][2]} sounds: expected one "
                    "note at a time in each voice"
                )
            grid[-1] = (grid[-1][0], first, grid[-1][2])
        if last <= first:
            if not strict:
                continue
            raise ValueError(
                f"{place}: note {pitch} lasts {stop - start:.2f} sixteenths: expected whole "
                "sixteenths, one at least. Take out grace notes, quantize the file, or read with "
                "strict=False what sounds at the beginning of each step"
            )
        grid.append((first, last, pitch))
    return [(first, last, pitch) for first, last, pitch in grid if first < last]


def _off_grid(step: float) -> float:
    return abs(step - round(step))


def _fitted(bars: tuple[Bar, ...], steps: int) -> tuple[Bar, ...]:
    """The bars, the last one as long as the piece leaves it; as many more as it needs."""
    kept = [bar for bar in bars if bar.start < steps]
    if not kept:
        return ()
    last = kept.pop()
    full = steps_per_bar(last.time_signature) - last.offset
    kept.append(replace(last, steps=min(full, steps - last.start)))
    if kept[-1].stop < steps:
        kept += [
            replace(bar, start=bar.start + kept[-1].stop, number=bar.number + kept[-1].number)
            for bar in regular_bars(steps - kept[-1].stop, last.time_signature)
        ]
    return tuple(kept)


# What else is written


def _keys(file: _File) -> tuple[KeySignature, ...]:
    keys: dict[int, KeySignature] = {}
    for step, _, meta in file.metas:
        name = _KEYS.get(meta.key) if meta.type == "key_signature" else None
        if name is not None and (step < file.end or not keys):
            at = round(step) if keys else 0
            keys.setdefault(at, KeySignature(at, key_signature(name), name.split()[1]))
    changes: list[KeySignature] = []
    for key in keys.values():
        if not changes or replace(key, step=0) != replace(changes[-1], step=0):
            changes.append(key)
    return tuple(changes)


def _tempos(file: _File, bars: tuple[Bar, ...]) -> tuple[Tempo, ...]:
    """The first tempo, and each later one that begins with a bar and lasts for one at least: what
    changes within a bar is how it is played, not what is written."""
    told: dict[int, float] = {}
    for step, _, meta in file.metas:
        if meta.type == "set_tempo" and (step < file.end or not told):
            told[round(step) if told else 0] = round(mido.tempo2bpm(meta.tempo), 3)
    lengths = {bar.start: bar.steps for bar in bars}
    tempos: list[Tempo] = []
    for step, following in pairwise([*told, max([round(file.end), *told])]):
        lasts = step in lengths and following - step >= lengths[step]
        if (not tempos or lasts) and (not tempos or told[step] != tempos[-1].quarters_per_minute):
            tempos.append(Tempo(step, told[step]))
    return tuple(tempos)


def _syllables(words: list[tuple[float, str]], voice: int, starts: list[int]) -> list[Syllable]:
    """The words of lyric events as syllables under the notes that begin with them; several at one
    time are verses.

    A word goes on where its text ends in a hyphen; or, in karaoke files, where neither it ends nor
    the next one begins with a space or a new line.
    """
    verses: dict[int, dict[int, str]] = defaultdict(dict)
    for time, text in words:
        step = round(time)
        if step in starts and re.sub(r"[\W_]", "", text):
            verse = 1 + sum(step in verse for verse in verses.values())
            verses[verse][step] = text
    found = []
    for verse, texts in verses.items():
        steps = sorted(texts)
        spaced = any(re.search(r"^[\s/\\]|\s$", texts[step]) for step in steps)
        goes_on = False
        for step, following in zip(steps, [*steps[1:], None]):
            text, before = texts[step], goes_on
            if spaced:
                after = "" if following is None else texts[following]
                ends = re.search(r"\s$", text) or re.search(r"^[\s/\\]|^$", after)
                goes_on = not ends or text.rstrip().endswith("-")
            else:
                goes_on = text.endswith("-")
            before = before or text.strip().startswith("-")
            syllabic = ("single", "begin", "end", "middle")[2 * before + goes_on]
            plain = text.strip().strip("/\\").strip("-").strip()
            melisma = plain.endswith("_")
            plain = plain.rstrip("_")
            found.append(Syllable(step, voice, verse, plain, syllabic, melisma))
    return found
