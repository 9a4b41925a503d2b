"""Tendencies: how leading tones and sevenths resolve when the chord changes.

A note must resolve even if ornaments delay it: a passing note, an anticipation, or a suspension
into the next chord. So the note that counts in a chord is the voice's last note there that is
neither passing nor an anticipation; and in the next chord, the first note that belongs to it.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..chorale import VOICES
from .fault import Fault, fault_at, voices_said
from .setting import Chord, Note, Setting, spoken

_STEP = 2  # semitones
_THIRD = 4
_BEAT = 4  # steps


def leading_tones(setting: Setting) -> Iterator[Fault]:
    """Leading tones that do not rise."""
    for chord, goal in _changes(setting):
        if not _resolves(chord, goal):
            continue
        for voice, name in enumerate(VOICES):
            note = _last_note(setting, chord, goal, voice, chord.leading)
            arrival = None if note is None else _arrival(setting, goal, note, _rises)
            if note is None or arrival is None or _may_go(setting, chord, goal, note, arrival):
                continue
            verb = "falls" if arrival.pitch < note.pitch else "leaps up"
            tonic = spoken(note.name - 5)
            told = (
                f"the {name}'s leading tone {spoken(note.name)} {verb} to {spoken(arrival.name)} "
                f"instead of rising to {tonic}"
            )
            yield fault_at("leading tone", max(goal.start, arrival.start), [arrival], told)


def _changes(setting):
    """Each chord with the next one, unless a phrase ends between them. Consecutive inversions of a
    chord count as one chord."""
    begins = 0
    for chord, goal in pairwise(setting.chords):
        if chord.start and not setting.same_harmony(chord.start - 1, chord.start):
            begins = chord.start
        chord = chord._replace(start=begins)
        if not setting.phrase_begins[goal.start] and chord.cadence not in ("half", "Phrygian"):
            yield chord, goal


def _resolves(chord, goal):
    """Whether a dominant goes to its tonic, to the sixth degree, or to IV6."""
    if chord.leading is None or chord.leading in goal.members:
        return False
    tonic = (chord.leading + 1) % 12
    if goal.root == tonic:
        return True
    if not chord.degree.startswith("V"):
        return False
    sixth = goal.root in ((tonic + 8) % 12, (tonic + 9) % 12) and tonic == goal.third
    return sixth or (goal.root == (tonic + 5) % 12 and goal.inversion == 1)


def _last_note(setting, chord, goal, voice, wanted) -> Note | None:
    """The voice's note in a chord, if it has this pitch class and only ornaments follow there."""
    if wanted is None or not setting.sings(chord.stop - 1, voice):
        return None
    note = setting.note(chord.stop - 1, voice)
    while note.pitch_class != wanted:
        passing = note.pitch_class not in chord.members
        anticipates = (
            note.stop > goal.start
            and note.pitch_class in goal.members
            and not setting.on_beat[note.start]
        )
        before = setting.before(note)
        if not (passing or anticipates) or before is None or before.stop <= chord.start:
            return None
        note = before
    return None if _is_ornament(setting, chord, note) else note


def _is_ornament(setting, chord: Chord, note: Note) -> bool:
    """Whether a note in a chord is only passing or neighbouring: downwards within the chord, or
    upwards off the beat."""
    before, after = setting.before(note), setting.after(note)
    if before is None or after is None or before.start < chord.start:
        return False
    came, goes = note.pitch - before.pitch, after.pitch - note.pitch
    if after.start < chord.stop and (came == -goes or -_STEP <= came < 0 and -_STEP <= goes < 0):
        return True
    off_beat = not setting.on_beat[note.start] and note.stop <= chord.stop
    return off_beat and 0 < came <= _STEP and 0 < goes <= _STEP


def _arrival(setting, goal, note, may_come_early) -> Note | None:
    """The first note of a voice in the next chord that belongs to it, or its last one there; or an
    earlier note that already resolves it (`may_come_early`, a function of the interval)."""
    found = setting.after(note)
    if found is not None and found.start < goal.start and may_come_early(found.pitch - note.pitch):
        return found
    found = None
    for step in range(goal.start, goal.stop):
        if not setting.sings(step, note.voice):
            return found
        now = setting.note(step, note.voice)
        if now != note:
            found = now
            if now.pitch_class in goal.members:
                break
    if found is None and goal.stop < len(setting.pitches):
        return setting.after(note)
    return found


def _rises(interval):
    return interval == 1


def _falls(interval):
    return interval in (-1, -_STEP)


def _may_go(setting, chord, goal, note, arrival):
    """Whether a leading tone may go to this note."""
    interval = arrival.pitch - note.pitch
    if _rises(interval):
        return True
    if (note.name - arrival.name) % 7 == 0:
        return interval in (-1, 0)  # by a chromatic semitone, to the seventh of the next dominant
    tonic = (chord.leading + 1) % 12
    inner = note.voice in (1, 2)
    if inner and goal.root == tonic and interval == -_THIRD:
        return True
    if inner and goal.root == (tonic + 9) % 12 and interval == -_STEP:
        return True
    before = setting.before(note)
    from_above = before is not None and before.pitch == note.pitch + 1
    return note.voice == 3 and from_above and interval in (-1, -_STEP)


def doubled_leading_tones(setting: Setting) -> Iterator[Fault]:
    """Leading tones that two voices sing together."""
    for number, chord in enumerate(setting.chords):
        if chord.leading is None:
            continue
        held = setting.pitches[chord.start : chord.stop]
        sung = (held > 0) & (held % 12 == chord.leading)
        together = (sung.sum(axis=1) > 1).nonzero()[0]
        if len(together) < min(_BEAT, chord.steps):
            continue
        first = chord.start + int(together[0])
        notes = [setting.note(first, voice) for voice in range(4) if sung[together[0], voice]]
        if number and any(one == chord.leading for one in [setting.chords[number - 1].leading]):
            if all(note.start < chord.start for note in notes):
                continue  # already reported for the dominant before
        goal = next((one for one in setting.chords[number + 1 :] if _other(chord, one)), None)
        step = goal.start if goal is not None and _resolves(chord, goal) else first
        voices = [note.voice for note in notes]
        told = (
            f"{voices_said(voices)} {'both' if len(notes) == 2 else 'all'} have the leading tone "
            f"{spoken(notes[0].name)}"
        )
        yield fault_at("doubled leading tone", step, notes, told)


def _other(chord, later):
    return later.leading != chord.leading


def unraised_leading_tones(setting: Setting) -> Iterator[Fault]:
    """Minor dominants that go to their tonic."""
    key = setting.chorale.key
    if key is not None and key.split()[1] not in ("major", "minor"):
        return  # not a fault in the church modes
    for chord, goal in _changes(setting):
        if chord.degree == "v" and chord.key.endswith("minor") and goal.degree in ("i", "I"):
            if chord.tonic != goal.root:
                continue
            for voice, name in enumerate(VOICES):
                note = _last_note(setting, chord, goal, voice, chord.third)
                if note is not None:
                    told = (
                        f"the {name} has {spoken(note.name)}, not the raised leading tone "
                        f"{spoken(note.name + 7)}, before the tonic of {_key_said(chord.key)}"
                    )
                    yield fault_at("unraised leading tone", goal.start, [note], told)


def _key_said(key):
    tonic, mode = key.split()
    name = tonic[0].upper() + tonic[1:].replace("-", "\u266d").replace("#", "\u266f")
    return f"{name} {mode}"


def sevenths(setting: Setting) -> Iterator[Fault]:
    """Sevenths that do not fall."""
    for chord, goal in _changes(setting):
        seventh = chord.seventh
        if seventh is None or _keeps(chord, goal):
            continue
        for voice, name in enumerate(VOICES):
            note = _last_note(setting, chord, goal, voice, seventh)
            if note is None:
                continue
            stays = seventh in goal.members and setting.sings(goal.start, voice)
            if stays and setting.note(goal.start, voice).pitch == note.pitch:
                continue
            arrival = _arrival(setting, goal, note, _falls)
            if arrival is None or _seventh_may_go(setting, chord, goal, note, arrival):
                continue
            interval = arrival.pitch - note.pitch
            verb = "leaps" if abs(interval) > _STEP else "rises"
            told = (
                f"the {name}'s {spoken(note.name)}, the seventh of {chord.figure}, {verb} to "
                f"{spoken(arrival.name)} instead of falling by a step"
            )
            yield fault_at("seventh", max(goal.start, arrival.start), [arrival], told)


def _keeps(chord, goal):
    """Whether the next chord is an inversion of the same chord, or resolves in the same way."""
    if goal.root == chord.root and goal.third == chord.third:
        return True
    return chord.leading is not None and goal.leading == chord.leading


def _seventh_may_go(setting, chord, goal, note, arrival):
    """Whether a seventh may go to this note."""
    interval = arrival.pitch - note.pitch
    if _falls(interval):
        return True
    augmented_sixth = (chord.root - 1) % 12 == arrival.pitch_class
    if interval == 1 and (augmented_sixth or arrival.name - note.name == 7):
        return True
    if not (chord.inversion == 2 and goal.inversion == 1 and 0 < interval <= _STEP):
        return False
    bass = setting.pitches[[chord.stop - 1, goal.start], 3]
    return bool(bass.all() and 0 < bass[1] - bass[0] <= _STEP)
