"""Intervals: how two voices move together: parallel, hidden and unequal intervals, cross relations.

Conventions: intervals are counted in semitones modulo octaves, so a diminished sixth, which sounds
like a fifth, counts as one. A pair of notes is given with its lower voice first.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from ..chorale import VOICES
from .fault import Fault, fault_at, pair_said, voices_said
from .setting import Note, Setting, spoken

_PAIRS = list(combinations(range(len(VOICES)), 2))  # the higher voice first
_FIFTH, _OCTAVE, _TRITONE = 7, 0, 6
# names by the number of extra octaves; a choir spans less than five octaves
_FIFTHS = ("fifth", "twelfth", "nineteenth", "twenty-sixth", "thirty-third")
_OCTAVES = ("unison", "octave", "double octave", "triple octave", "fourfold octave")
_LONGEST_REST = 8  # steps over which the ear remembers an interval
_STEP = 2  # semitones
_NAMES = {_FIFTH: "fifths", _OCTAVE: "octaves"}


def parallels(setting: Setting) -> Iterator[Fault]:
    """Parallel and contrary fifths and octaves, also across a rest and from beat to beat."""
    for upper, lower in _PAIRS:
        together = _together(setting, upper, lower)
        for step in together:
            yield from _at_once(setting, step, upper, lower)
        yield from _across_rests(setting, upper, lower)
        yield from _from_beat_to_beat(setting, upper, lower, together)


def _together(setting, upper, lower):
    """The steps at which both voices move from one note to another."""
    pitches = setting.pitches
    moved = np.zeros(pitches.shape, bool)
    moved[1:] = (pitches[1:] != pitches[:-1]) & (pitches[1:] > 0) & (pitches[:-1] > 0)
    return np.flatnonzero(moved[:, upper] & moved[:, lower]).tolist()


def _at_once(setting, step, upper, lower):
    before = [setting.note(step - 1, voice) for voice in (lower, upper)]
    now = [setting.note(step, voice) for voice in (lower, upper)]
    interval = _perfect(before, now)
    if interval is None or _only_octaves_apart(before, now):
        return
    name, similar = _NAMES[interval], _similar(before, now)
    told = f"{voices_said((upper, lower))} move {_from_to(interval, before, now)}"
    if setting.phrase_begins[step]:
        if similar:
            told += ", the one under a fermata, the other after it"
            yield fault_at(f"parallel {name} across a fermata", step, now, told)
    elif not similar:
        told = f"{voices_said((upper, lower))} move {_from_to(interval, before, now, wide=True)}"
        yield fault_at(f"contrary {name}", step, now, f"{told}, in contrary motion")
    elif interval == _FIFTH and _from_german_sixth(setting, step):
        yield fault_at("parallel fifths from a German sixth", step, now, told)
    elif anticipating := [note for note in now if _anticipates(setting, note)]:
        told += (
            f", where the {VOICES[anticipating[0].voice]} anticipates the "
            f"{spoken(anticipating[0].name)} of the next chord"
        )
        yield fault_at(f"parallel {name} by anticipation", step, now, told)
    else:
        yield fault_at(f"parallel {name}", step, now, told)


def _perfect(before, now):
    """7 if both pairs of notes are fifths, 0 if both are octaves or unisons, else None."""
    was, interval = (abs(pair[1].pitch - pair[0].pitch) % 12 for pair in (before, now))
    return interval if was == interval and interval in _NAMES else None


def _only_octaves_apart(before, now):
    """Whether both voices leap by octaves, as when a chord is respaced."""
    return all(one.pitch_class == other.pitch_class for one, other in zip(before, now))


def _similar(before, now):
    up = [other.pitch > one.pitch for one, other in zip(before, now)]
    return up[0] == up[1]


def _from_to(interval, before, now, wide=False):
    """Text such as 'from the fifth C-G to the fifth D-A'; `wide` distinguishes fifths and
    twelfths."""
    was, then = (_interval_said(interval, pair, wide) for pair in (before, now))
    return f"from the {was} {pair_said(*before)} to the {then} {pair_said(*now)}"


def _interval_said(interval, pair, wide=False):
    octaves = abs(pair[1].pitch - pair[0].pitch) // 12
    if interval == _FIFTH:
        return _FIFTHS[octaves] if wide else "fifth"
    return _OCTAVES[octaves] if wide or not octaves else "octave"


def _from_german_sixth(setting, step):
    """Whether the bass falls by a semitone from a chord with an augmented sixth, which resolves
    outwards."""
    bass = setting.pitches[[step - 1, step], 3]
    if not bass.all() or bass[1] - bass[0] != -1:
        return False
    was, now = setting.pitches[step - 1, :3], setting.pitches[step, :3]
    return bool(((was > 0) & ((was - bass[0]) % 12 == 10) & (now - was == 1)).any())


def _anticipates(setting, note):
    """Whether a short note off the beat belongs not to its own chord but to the next, where it is
    sung again or held."""
    chord = setting.chord_of(note.start)
    if setting.on_beat[note.start] or note.pitch_class in chord.members:
        return False
    if chord.stop >= len(setting.pitches) or note.stop <= chord.stop:
        return False
    return note.pitch_class in setting.chord_of(chord.stop).members


def _across_rests(setting, upper, lower):
    both = (setting.pitches[:, [upper, lower]] > 0).all(axis=1)
    sung = np.flatnonzero(both)
    for last, step in zip(sung[:-1].tolist(), sung[1:].tolist()):
        if not 1 < step - last <= _LONGEST_REST + 1 or setting.is_phrase_end(last, step):
            continue
        before = [setting.note(last, voice) for voice in (lower, upper)]
        now = [setting.note(step, voice) for voice in (lower, upper)]
        interval = _perfect(before, now)
        moved = all(one.pitch != other.pitch for one, other in zip(before, now))
        if interval is not None and moved and _similar(before, now):
            if not _only_octaves_apart(before, now):
                told = (
                    f"{voices_said((upper, lower))} move {_from_to(interval, before, now)}, with a "
                    "rest between"
                )
                yield fault_at(f"parallel {_NAMES[interval]} across a rest", step, now, told)


def _from_beat_to_beat(setting, upper, lower, together):
    beats = np.flatnonzero(setting.on_beat).tolist()
    together = set(together)
    for last, step in zip(beats[:-1], beats[1:]):
        if not (setting.pitches[last : step + 1][:, [upper, lower]] > 0).all():
            continue
        before = [setting.note(last, voice) for voice in (lower, upper)]
        now = [setting.note(step, voice) for voice in (lower, upper)]
        interval = _perfect(before, now)
        if interval is None or any(one.pitch == other.pitch for one, other in zip(before, now)):
            continue
        direct = any(
            _perfect(
                [setting.note(at - 1, voice) for voice in (lower, upper)],
                [setting.note(at, voice) for voice in (lower, upper)],
            )
            == interval
            for at in range(last + 1, step + 1)
            if at in together
        )
        if (
            direct
            or not _similar(before, now)
            or _only_octaves_apart(before, now)
            or setting.is_phrase_end(last, step)
            or setting.same_harmony(last, step)
            or not any(note.start == step for note in now)
            or not all(_in_chord(setting, note, at) for note, at in zip(before, (last, last)))
            or not all(_in_chord(setting, note, at) for note, at in zip(now, (step, step)))
            or (interval == _FIFTH and _by_sixth(setting, before, now))
        ):
            continue
        told = (
            f"{voices_said((upper, lower))} move {_from_to(interval, before, now)} from one beat "
            "to the next, with a note between"
        )
        yield fault_at(f"parallel {_NAMES[interval]} from beat to beat", step, now, told)


def _in_chord(setting, note, step):
    chord = setting.chord_of(step)
    return note.pitch_class in chord.members or note.pitch_class == chord.seventh


def _by_sixth(setting, before, now):
    """Whether one voice steps to a sixth while the other stays, in the pattern fifth, sixth,
    fifth."""
    for held, moving in ((0, 1), (1, 0)):
        between = setting.after(before[moving])
        if (
            between is not None
            and between in (now[moving], setting.before(now[moving]))
            and before[held].stop == now[held].start > between.start
            and abs(between.pitch - before[moving].pitch) <= _STEP
        ):
            return abs(between.pitch - before[held].pitch) % 12 in (8, 9)
    return False


def unequal_fifths(setting: Setting) -> Iterator[Fault]:
    """Diminished fifths above the bass that move to perfect fifths."""
    for upper in range(3):
        for step in _together(setting, upper, 3):
            before = [setting.note(step - 1, voice) for voice in (3, upper)]
            now = [setting.note(step, voice) for voice in (3, upper)]
            if (
                (before[1].pitch - before[0].pitch) % 12 == _TRITONE
                and before[1].name - before[0].name == -6
                and (now[1].pitch - now[0].pitch) % 12 == _FIFTH
                and _similar(before, now)
                and not setting.phrase_begins[step]
                and not setting.same_harmony(step - 1, step)
            ):
                told = (
                    f"{voices_said((upper, 3))} move from the diminished fifth {pair_said(*before)}"
                    f" to the perfect fifth {pair_said(*now)}"
                )
                yield fault_at("unequal fifths", step, now, told)


def hidden(setting: Setting) -> Iterator[Fault]:
    """Hidden fifths and octaves between the outer voices."""
    for step in _together(setting, 0, 3):
        before = [setting.note(step - 1, voice) for voice in (3, 0)]
        now = [setting.note(step, voice) for voice in (3, 0)]
        was, interval = (abs(pair[1].pitch - pair[0].pitch) % 12 for pair in (before, now))
        if (
            interval in _NAMES
            and was != interval
            and _similar(before, now)
            and abs(now[1].pitch - before[1].pitch) > _STEP
            and not setting.phrase_begins[step]
            and not setting.same_harmony(step - 1, step)
        ):
            told = (
                f"soprano and bass move in the same direction into the "
                f"{_interval_said(interval, now)} {pair_said(*now)}, and the soprano leaps"
            )
            yield fault_at(f"hidden {_NAMES[interval]}", step, now, told)


def cross_relations(setting: Setting) -> Iterator[Fault]:
    """Chromatic alterations of a note that another voice has just sung."""
    for line in setting.lines:
        for note in line:
            step = note.start
            if not step or setting.phrase_begins[step] or not _in_chord(setting, note, step):
                continue
            if setting.chord_of(step - 1).degree == "N":
                continue  # the lowered second degree may be followed by the dominant's fifth
            sung = [
                setting.note(step - 1, voice)
                for voice in range(len(VOICES))
                if setting.sings(step - 1, voice)
            ]
            others = [
                one
                for one in sung
                if one.voice != note.voice
                and one.name != note.name
                and (one.name - note.name) % 7 == 0
                and _in_chord(setting, one, step - 1)
            ]
            if others and not _steps_chromatically(setting, sung, step):
                first = others[0]
                told = (
                    f"the {VOICES[note.voice]} has {spoken(note.name)} just after the "
                    f"{VOICES[first.voice]} had {spoken(first.name)}"
                )
                yield fault_at("cross relation", step, [first, note], told)


def _steps_chromatically(setting, sung, step):
    """Whether one of the voices moves chromatically to another form of its own note."""
    for one in sung:
        if setting.sings(step, one.voice):
            now: Note = setting.note(step, one.voice)
            if now.name != one.name and (now.name - one.name) % 7 == 0:
                return True
    return False
