"""A MIDI file with four voices, or with a melody, as a Chorale.

Players and programs release notes a little early, or hold them a little into the next; this file
puts them on the grid all the same. `midi_file` reads the file, `midi_tracks` finds the voices.

Notebook: 05_generation
"""

from __future__ import annotations

import os
import re
import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import ceil
from typing import Any

import mido
import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    steps_per_bar,
)
from ..files import as_path
from ..keys import (
    key_signature,
)
from .midi_file import ON_THE_GRID, OVERLAP, MidiSource, TrackVoice, decoded
from .midi_page import with_told_page
from .midi_tracks import four_voices, one_melody
from .page import Bar, KeySignature, Notation, Syllable, Tempo, regular_bars
from .reading import solo

# share of the way to the next note that a shortened note must last to count as held until then
_HELD = 3 / 4


def read_midi(path: str | os.PathLike[str], strict: bool = True, part: Any = None) -> Chorale:
    """The chorale in a MIDI file with four voices of one note at a time, on a grid of sixteenths.

    The voices are the tracks named Soprano, Alto, Tenor and Bass, or else the only four tracks or
    channels, sorted by pitch; or there are two tracks with two voices each, where a note that
    sounds alone is sung by both. Drums are left out. Notes may be up to an eighth of a sixteenth
    off the grid. If a file releases its notes a little early, as players and some programs do, a
    note that lasts at least three quarters of the way to the next is held until then; if it holds
    notes a little into the next, they are cut.

    Changes of metre, key and tempo, and the words of lyric events, are in `Chorale.notation`. A
    first bar with a shorter time signature is the pickup. A warning names whatever is left out.

    Args:
        path: a MIDI file of type 0 or 1.
        strict: whether a note off the grid, or a fifth voice, is an error. Otherwise each step has
            what sounds at its beginning.
        part: the four tracks to read, or the two, each by its name or its number from 1, such as
            ``(2, 3, 4, 5)``.

    Raises:
        ValueError: not a MIDI file, or a damaged one; not four voices; two notes at once in a
            voice; a note off the grid or outside 1..127. The message says which, and where.
        OSError: the file cannot be opened.
        TypeError: `path` is not a file name.

    Examples:
        >>> from tempfile import mkdtemp
        >>> from chorale_utils import write_midi
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16, time_signature="4/4")
        >>> read_midi(write_midi(chorale, f"{mkdtemp()}/mine.mid")).pitches[0].tolist()
        [72, 67, 64, 48]

    Notebook: 05_generation
    """
    return _read(path, lambda file: four_voices(file, strict, part), strict)


def read_midi_melody(
    path: str | os.PathLike[str], strict: bool = True, part: str | int | None = None
) -> Chorale:
    """The melody in a MIDI file, as a chorale whose soprano sings alone; on a grid of sixteenths,
    see `read_midi`.

    Args:
        path: a MIDI file of type 0 or 1, one note at a time.
        strict: see `read_midi`.
        part: the track with the melody, by its name or its number from 1; not needed if only one
            track and channel has notes, apart from drums.

    Raises:
        ValueError: no notes, notes in several tracks or channels, two notes at once, or as in
            `read_midi`.
        OSError: the file cannot be opened.

    Examples:
        >>> from tempfile import mkdtemp
        >>> from chorale_utils import write_midi
        >>> tune = Chorale([[67, 0, 0, 0]] * 4)
        >>> read_midi_melody(write_midi(tune, f"{mkdtemp()}/tune.mid")).pitches[:, 0].tolist()
        [67, 67, 67, 67]

    Notebook: 05_generation
    """
    return _read(path, lambda file: one_melody(file, part), strict)


def _midi_keys() -> dict[str, str]:
    """{'f# minor': 'F#m', 'B- major': 'Bb', ...}: the thirty keys of a MIDI key signature."""
    from_mido = {}
    for accidental in ("", "#", "b"):
        for tonic in "CDEFGAB":
            ours = tonic + accidental.replace("b", "-")
            from_mido[tonic + accidental] = f"{ours} major"
            from_mido[f"{tonic}{accidental}m"] = f"{ours.lower()} minor"
    writable = set(mido.midifiles.meta._key_signature_encode)
    return {ours: theirs for theirs, ours in from_mido.items() if theirs in writable}


MIDI_KEYS = _midi_keys()
KEYS = {theirs: ours for ours, theirs in MIDI_KEYS.items()}


# Onto the grid


def _read(
    path: str | os.PathLike[str],
    find_voices: Callable[[MidiSource], list[TrackVoice]],
    strict: bool,
) -> Chorale:
    """The chorale in a MIDI file; a function of the file finds its voices."""
    file = MidiSource(as_path(path, "the name of a MIDI file"))
    voices = find_voices(file)
    last_note = max([0.0, *(stop for voice in voices for _, stop, _ in voice.notes)])
    end = max(last_note, file.told_steps)
    late = _lateness(voices)
    shortened = (
        not late
        and not file.is_ours
        and any(_off_grid(stop) > ON_THE_GRID for voice in voices for _, stop, _ in voice.notes)
    )
    if shortened:  # the last notes are short, too: let the piece end on a quarter
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
            (decoded(meta.text).strip() for _, _, meta in file.metas if meta.type == "copyright"),
            None,
        ),
    )
    first = next((meta.key for _, _, meta in file.metas if meta.type == "key_signature"), None)
    chorale = Chorale(
        pitches,
        key=KEYS.get(first) if first is not None else None,
        time_signature=file.bars[0].time_signature if file.bars else None,
        pickup=file.bars[0].steps if file.bars and file.bars[0].offset else 0,
        onsets=onsets,
        notation=notation if notation != Notation() else None,
        **file.about,
    )
    # a program that changed the notes may have kept our data about the original piece
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
            f"{file.path}: damaged: the data about the piece in the first track cannot be read "
            f"({error})"
        ) from error


def _lateness(voices: list[TrackVoice]) -> float:
    """Steps by which notes overlap the next ones, if the whole file is played like that; else
    0."""
    overlaps, early = [], 0
    for voice in voices:
        for (start, stop, _), (following, _, _) in pairwise(voice.notes):
            over = stop - following
            if ON_THE_GRID < over <= OVERLAP and start < following:
                overlaps.append(over)
            elif over < 0 and _off_grid(stop) > ON_THE_GRID:
                early += 1
    return float(np.median(overlaps)) if len(overlaps) > early else 0.0


def _on_grid(
    file: MidiSource, voice: TrackVoice, end: float, shortened: bool, late: float, strict: bool
) -> list[tuple[int, int, int]]:
    """The notes of one voice as (start, stop, pitch) in whole steps; raises a ValueError that names
    the place if they do not fit the grid."""
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
        if 0 < over <= OVERLAP and following - start > over and voice.notes[-1][0] >= following:
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
                "sixteenths, at least one. Remove grace notes, quantize the file, or read with "
                "strict=False what sounds at the beginning of each step"
            )
        grid.append((first, last, pitch))
    return [(first, last, pitch) for first, last, pitch in grid if first < last]


def _off_grid(step: float) -> float:
    return abs(step - round(step))


def _fitted(bars: tuple[Bar, ...], steps: int) -> tuple[Bar, ...]:
    """The bars of a piece of this length: the last one shortened, or as many more as needed."""
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


def _keys(file: MidiSource) -> tuple[KeySignature, ...]:
    keys: dict[int, KeySignature] = {}
    for step, _, meta in file.metas:
        name = KEYS.get(meta.key) if meta.type == "key_signature" else None
        if name is not None and (step < file.end or not keys):
            at = round(step) if keys else 0
            keys.setdefault(at, KeySignature(at, key_signature(name), name.split()[1]))
    changes: list[KeySignature] = []
    for key in keys.values():
        if not changes or replace(key, step=0) != replace(changes[-1], step=0):
            changes.append(key)
    return tuple(changes)


def _tempos(file: MidiSource, bars: tuple[Bar, ...]) -> tuple[Tempo, ...]:
    """The first tempo, and each later one that begins with a bar and lasts for at least one: a
    change within a bar belongs to the performance, not to the page."""
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
    """The words of lyric events as syllables under the notes that begin with them; several at the
    same time are verses.

    A word continues if its text ends in a hyphen; or, in karaoke files, which have more spaces than
    hyphens, if there is no space or new line between it and the next text.
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
        spaces = sum(bool(re.search(r"^[\s/\\]|\s$", texts[step])) for step in steps)
        spaced = spaces > sum(texts[step].strip().endswith("-") for step in steps)
        goes_on = False
        for step, following in zip(steps, [*steps[1:], None]):
            text, before = texts[step], goes_on
            if spaced:
                after = "" if following is None else texts[following]
                ends = re.search(r"\s$", text) or re.search(r"^[\s/\\]|^$", after)
                goes_on = not ends or text.rstrip().endswith("-")
            else:
                goes_on = text.rstrip().endswith("-")
            before = before or text.strip().startswith("-")
            syllabic = ("single", "begin", "end", "middle")[2 * before + goes_on]
            plain = text.strip().strip("/\\").strip("-").strip()
            melisma = plain.endswith("_")
            plain = plain.rstrip("_")
            found.append(Syllable(step, voice, verse, plain, syllabic, melisma))
    return found
