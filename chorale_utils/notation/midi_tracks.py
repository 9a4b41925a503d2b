"""Which tracks of a MIDI file to read: the four voices, or the one with the melody.

A track is chosen by its name or number, or because it is the only one that fits; a warning names
the tracks left out.

Notebook: 05_generation
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from typing import Any

import numpy as np

from ..chorale import VOICES, described, voice_named
from .midi_file import DRUMS, OVERLAP, MidiSource, TrackVoice, decoded
from .timeline import is_sung


def four_voices(file: MidiSource, strict: bool, part: Any) -> list[TrackVoice]:
    """Soprano, alto, tenor and bass of a file.

    Args:
        file: parsed MIDI file.
        strict: whether a fifth voice is an error.
        part: names or numbers of tracks; None takes those named for the voices, or else all.

    Raises:
        ValueError: there are not four voices; the message lists the tracks.
    """
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
    elif len(tracks) == 2:
        groups = [
            (file.label(track), [key for key in sounding if key[0] == track]) for track in tracks
        ]
    else:
        where = ", ".join(file.label(track) for track in tracks) or "no track"
        raise ValueError(
            f"{file.path}: notes in {len(tracks)} tracks ({where}) and {len(channels)} channels"
            f"{_besides_drums(file)}: expected four voices, each in its own track or channel with "
            "one note at a time, or two tracks with two voices each; part= chooses tracks"
            f"{'; load_melody reads one voice' * (len(sounding) == 1)}"
        )
    if part is None:
        file.report(_drums(file))
    voices = [file.voice(label, keys) for label, keys in groups]
    voices.sort(key=lambda voice: -np.mean([pitch for _, _, pitch in voice.notes]))
    if len(voices) == 2:
        return [one for voice in voices for one in _two_voices(file, voice)]
    return voices


def _two_voices(file: MidiSource, both: TrackVoice) -> list[TrackVoice]:
    """The upper and lower voice of a track with the notes and words of both, like one hand at the
    piano: of two notes that begin together, the upper voice has the higher; a note that begins
    while another sounds belongs to the other voice; a note that sounds alone is sung by both.

    Raises:
        ValueError: three notes at a time, or never two.
    """
    upper = TrackVoice(f"{both.label}, upper voice", [], both.words, both.track)
    lower = TrackVoice(f"{both.label}, lower voice", [], [], both.track)
    notes = sorted(both.notes, key=lambda note: (round(note[0]), -note[2]))
    starts = [round(start) for start, _, _ in notes]
    longest = max(stop - start for start, stop, _ in notes)
    voice_of: dict[int, TrackVoice] = {}
    for number, note in enumerate(notes):
        start, stop, pitch = note
        near = range(bisect_left(starts, start - longest - 1), bisect_right(starts, stop + 1))
        together = [
            other
            for other in near
            if other != number
            and min(stop, notes[other][1]) - max(start, notes[other][0]) > OVERLAP
        ]
        sounding = [other for other in together if notes[other][0] <= start + OVERLAP]
        if len(sounding) > 1:
            raise ValueError(
                f"{file.place(start, both.label)}: {len(sounding) + 1} notes at a time: expected "
                "one for each of two voices; give each voice its own track"
            )
        if not together:
            upper.notes.append(note)
            lower.notes.append(note)
            continue
        (other,) = sounding or together[:1]
        if other in voice_of:
            own = lower if voice_of[other] is upper else upper
        else:
            own = upper if pitch >= notes[other][2] else lower
        voice_of[number] = own
        own.notes.append(note)
    if upper.notes == lower.notes:
        raise ValueError(
            f"{file.path}: {both.label} has one voice: expected four tracks with a voice each, or "
            "two with two voices each"
        )
    return [upper, lower]


def _named_tracks(file: MidiSource, strict: bool) -> list[TrackVoice] | None:
    """The four voices in tracks that are named for them; None if a voice has no such track, or all
    of them are silent."""
    tracks = sorted({track for track, _ in file.sounding})
    named = defaultdict(list)
    for track, messages in enumerate(file.midi.tracks):
        voice = voice_named(decoded(messages.name))
        if voice is not None and (track in tracks or not _names_other(file, voice, track)):
            named[voice].append(track)
    if set(named) != set(range(len(VOICES))):
        return None
    chosen = [named[voice][0] for voice in range(len(VOICES))]
    others = [track for track in tracks if track not in chosen]
    sung = [track for track in others if is_sung(file.name(track))]
    if strict and sung:
        raise ValueError(
            f"{file.path}: {', '.join(map(file.label, sung))} besides four named voices: expected "
            "four; part= chooses four tracks, and strict=False leaves out the fifth"
        )
    file.report(_with_channel(file, track) for track in others)
    keys = [[key for key in file.sounding if key[0] == track] for track in chosen]
    labels = [f"track {track + 1} ({voice})" for track, voice in zip(chosen, VOICES)]
    return [file.voice(label, own) for label, own in zip(labels, keys)]


def _names_other(file: MidiSource, voice: int, silent: int) -> bool:
    """Whether a track with notes is named for the same voice as a silent one."""
    return any(
        track != silent and voice_named(file.name(track)) == voice for track, _ in file.sounding
    )


def one_melody(file: MidiSource, part: str | int | None) -> list[TrackVoice]:
    """The only voice in a file, or the chosen one, in a list.

    Args:
        file: parsed MIDI file.
        part: name or number of a track; None if only one track and channel has notes.

    Raises:
        ValueError: there are several voices, or none.
    """
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
    if not voice.words:  # karaoke files keep the words in a separate track
        voice.words = [
            (step, decoded(meta.text)) for step, _, meta in file.metas if meta.type == "lyrics"
        ]
    return [voice]


def _chosen_track(file: MidiSource, part: str | int) -> int:
    """The track with this name, or this number from 1."""
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


def _drums(file: MidiSource) -> list[str]:
    """The tracks on the drum channel, for messages."""
    return [
        f"{file.label(track)}, drums on channel {DRUMS + 1}"
        for track, channel in sorted(file.sounding)
        if channel == DRUMS
    ]


def _besides_drums(file: MidiSource) -> str:
    drums = _drums(file)
    return f", besides {', '.join(drums)}" if drums else ""


def _with_channel(file: MidiSource, track: int) -> str:
    drums = (track, DRUMS) in file.sounding
    return file.label(track) + (f", drums on channel {DRUMS + 1}" if drums else "")
