"""Sonorities: the notes of a chord: missing root and third, six-four chords, last chord, spelling.

Conventions: a chord counts if it begins on a beat and lasts at least one; shorter ones are taken as
passing.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..chorale import STEPS_PER_QUARTER, VOICES
from ..harmony.chords import parse_key
from ..notation.page import UNSPELLED
from .fault import Fault, fault_at
from .setting import Chord, Note, Setting, spoken

_STEP = 2  # semitones
_FEWEST_VOICES = 3  # fewer do not make a chord
_SIXTH_CHORDS = ("Italian", "German", "French")
_SHORTEST_PIECE = 16  # steps: anything shorter is an excerpt, which may end anywhere
# intervals of a third, fifth or seventh above a root, on the line of fifths, and those of augmented
# sixths above their lowest note: third, fourth or fifth, sixth
_STACKS = ({0}, {4, -3}, {1, -6, 8}, {-2, 5, -9})
_SIXTHS = ({0, 4, 10}, {0, 4, 1, 10}, {0, 4, 6, 10})
# allowed notes outside their chord, as places on the line of fifths above the tonic
_LOWEST_NAME, _HIGHEST_NAME = -6, 10


def incomplete_chords(setting: Setting) -> Iterator[Fault]:
    """Chords without third, and triads without root."""
    for number, chord in enumerate(setting.chords):
        sounding = _sounding(setting, chord.start)
        if not _is_weighty(setting, chord) or len(sounding) < _FEWEST_VOICES:
            continue
        span = setting.pitches[chord.start : chord.stop]
        classes = set((span[span > 0] % 12).tolist())
        thirds = {(chord.root + 3) % 12, (chord.root + 4) % 12}
        suspended = {(chord.root + 2) % 12, (chord.root + 5) % 12} & classes
        if chord.quality not in _SIXTH_CHORDS and not (thirds | suspended) & classes:
            rule = "missing third" if _needs_third(setting, number) else "open fifth"
            told = f"{_heard(sounding)}: the chord {chord.figure} of {_key(chord)} has no third"
            yield fault_at(rule, chord.start, sounding, told)
        elif chord.root not in classes and len(chord.members) == 3:
            told = f"{_heard(sounding)}: the chord {chord.figure} of {_key(chord)} has no root"
            yield fault_at("missing root", chord.start, sounding, told)
        elif _is_rootless_tonic(setting, number, classes):
            told = (
                f"{_heard(sounding)}: the tonic of {_key(chord)}, after its dominant, has no root"
            )
            yield fault_at("missing root", chord.start, sounding, told)


def _is_rootless_tonic(setting, number, classes):
    """Whether the last chord, after a dominant, consists only of third and fifth of its tonic."""
    before = setting.chords[number - 1] if number else None
    if before is None or before.leading is None or number < len(setting.chords) - 1:
        return False
    above = {(one - before.leading - 1) % 12 for one in classes}
    return above in ({3, 7}, {4, 7})


def _is_weighty(setting, chord):
    return setting.on_beat[chord.start] and chord.steps >= STEPS_PER_QUARTER


def _needs_third(setting, number):
    """Whether a chord is neither the first nor the last, or follows a dominant."""
    chord = setting.chords[number]
    if number and setting.chords[number - 1].leading is not None:
        return True
    return chord.leading is not None or 0 < number < len(setting.chords) - 1


def _sounding(setting, step):
    return [setting.note(step, voice) for voice in range(len(VOICES)) if setting.sings(step, voice)]


def _heard(notes):
    """The notes from the bass up, separated by dashes, such as 'C-G-C-C'."""
    return "\u2013".join(
        spoken(note.name) for note in sorted(notes, key=lambda note: note.voice)[::-1]
    )


def _key(chord):
    tonic, mode = chord.key.split()
    return (
        f"{tonic[0].upper()}{tonic[1:].replace('-', chr(0x266D)).replace('#', chr(0x266F))} {mode}"
    )


def six_fours(setting: Setting) -> Iterator[Fault]:
    """Unresolved six-four chords."""
    chords = setting.chords
    for number, chord in enumerate(chords):
        if (
            chord.inversion != 2
            or len(chord.members) != 3
            or not _is_weighty(setting, chord)
            or number == len(chords) - 1
        ):
            continue
        sounding = _sounding(setting, chord.start)
        bass = min(sounding, key=lambda note: note.pitch, default=None)
        if bass is None or bass.pitch_class != chord.members[2]:
            continue
        before = chords[number - 1] if number else None
        if not _is_usual(setting, before, chord, chords[number + 1], bass):
            told = (
                f"the six-four chord over {spoken(bass.name)} is not cadential, passing, "
                "neighbouring or pedal"
            )
            yield fault_at("six-four", chord.start, [bass], told)


def _is_usual(setting, before: Chord | None, chord: Chord, after: Chord, bass: Note) -> bool:
    """Whether a six-four chord is used in one of the accepted ways."""
    if after.root == bass.pitch_class:  # cadential: the bass becomes the root
        return True
    if any(one is not None and one.root == chord.root for one in (before, after)):
        return True
    came, goes = setting.before(bass), setting.after(bass)
    if bass.start < chord.start and bass.stop > chord.stop:  # pedal: the bass stays
        return True
    if came is None or goes is None or setting.phrase_begins[bass.start]:
        return False
    by_octave = came.pitch_class == bass.pitch_class == goes.pitch_class
    by_step = abs(bass.pitch - came.pitch) <= _STEP and abs(goes.pitch - bass.pitch) <= _STEP
    return by_octave or by_step


def final_chords(setting: Setting) -> Iterator[Fault]:
    """A last chord on which a piece cannot end."""
    chord = setting.chords[-1]
    while chord.start and not (setting.pitches[chord.start : chord.stop] > 0).any():
        chord = setting.chords[setting.chords.index(chord) - 1]
    before = [one for one in setting.chords if one.stop <= chord.start]
    span = setting.pitches[chord.start : chord.stop]
    last = chord.start + int(np.flatnonzero((span > 0).any(axis=1))[-1])
    sounding = _sounding(setting, last)
    bass = max(sounding, key=lambda note: note.voice)
    wrong = ""
    is_whole = len(setting.pitches) >= _SHORTEST_PIECE
    cadence = bool(before) and before[-1].leading is not None
    if len(chord.members) == 3 and chord.inversion == 2 and (is_whole or cadence):
        wrong = "is a six-four chord"
    elif is_whole:
        if chord.quality not in ("major", "minor"):
            wrong = "is a dissonance"
        elif chord.inversion:
            wrong = "is not in root position"
        elif not _may_end(setting, before, chord):
            wrong = "is neither the tonic nor its dominant"
    if wrong:
        told = f"the last chord, {chord.figure} of {_key(chord)}, {wrong}"
        at_fault = [bass] if chord.inversion else sounding
        yield fault_at("final chord", chord.start, at_fault, told)


def _may_end(setting, before, chord):
    """Whether a triad in root position may end a piece or an exercise."""
    tonics = {chord.tonic, setting.chords[0].tonic}
    if chord.root in {(tonic + above) % 12 for tonic in tonics for above in (0, 7)}:
        return True
    deceptive = chord.degree in ("vi", "VI") and before and before[-1].degree == "V"
    return bool(deceptive)


def misspelt(setting: Setting) -> Iterator[Fault]:
    """Notes whose spelling on the page differs from that of chord and key."""
    named = setting.stated != UNSPELLED
    for voice, line in enumerate(setting.lines):
        for note in line:
            if not named[note.start, voice]:
                continue
            stated = int(setting.stated[note.start, voice])
            right = int(setting.chord_names[note.start, voice])
            chord = setting.chord_of(note.start)
            if right != UNSPELLED:
                wrong = stated != right and not _makes_sense(setting, note)
                why = f"in the chord {chord.figure} of {_key(chord)}"
            else:
                above = stated - _tonic_name(setting, chord)
                wrong = not _LOWEST_NAME <= above <= _HIGHEST_NAME
                right = stated + 12 if above < 0 else stated - 12
                why = f"in {_key(chord)}"
            if wrong:
                told = f"the {VOICES[voice]}'s {spoken(stated)} should be {spoken(right)} {why}"
                yield fault_at("spelling", note.start, [note], told)


def _tonic_name(setting, chord):
    """The tonic's place on the line of fifths, on the enharmonic side of the page."""
    name = parse_key(chord.key)[0]
    signature = setting.chorale.notation.keys[0].fifths if setting.chorale.notation.keys else None
    if signature is None:
        return name
    return min((name - 12, name, name + 12), key=lambda one: abs(one - signature))


def _makes_sense(setting, note):
    """Whether the chord notes sounding with a note, as spelled on the page, make a chord of thirds
    or an augmented sixth."""
    names = {
        int(setting.stated[note.start, voice])
        for voice in range(len(VOICES))
        if setting.stated[note.start, voice] != UNSPELLED
        and setting.chord_names[note.start, voice] != UNSPELLED
    }
    stacked = any(
        all(any(name - root in place for place in _STACKS) for name in names) for root in names
    )
    after = setting.after(note)
    opens = after is not None and after.pitch == note.pitch + 1
    sixths = any({name - lowest for name in names} in _SIXTHS for lowest in names)
    return stacked or opens and sixths
