"""Lines: how a single voice moves.

Intervals are judged by the names of the notes, so a minor third is never taken for an augmented
second. A leap across the end of a phrase is not judged.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterator

from ..chorale import VOICES
from .fault import Fault, fault_at
from .setting import Note, Setting, spoken

_STEP, _OCTAVE = 2, 12  # semitones
_SEVENTHS = (10, 11)
# intervals to avoid: (semitones, places on the line of fifths), counted upwards
_AUGMENTED = {
    (3, 9): ("augmented second", "an augmented second"),
    (6, 6): ("tritone", "an augmented fourth"),
    (8, 8): ("augmented fifth", "an augmented fifth"),
}


def melodic_intervals(setting: Setting) -> Iterator[Fault]:
    """Sevenths, leaps of more than an octave, augmented intervals, and unresolved diminished
    fifths."""
    for before, note in _moves(setting):
        size = abs(note.pitch - before.pitch)
        direction = 1 if note.pitch > before.pitch else -1
        moves = f"the {VOICES[note.voice]} moves from {spoken(before.name)} to {spoken(note.name)}"
        if size in _SEVENTHS or size > _OCTAVE:
            by = "a seventh" if size in _SEVENTHS else "more than an octave"
            yield fault_at("leap", note.start, [note], f"{moves}, {by}")
            continue
        augmented = _AUGMENTED.get((size, direction * (note.name - before.name)))
        if augmented is not None:
            rule, named = augmented
            yield fault_at(rule, note.start, [note], f"{moves}, {named}")
        elif size == 6 and _goes_on_otherwise(setting, note, -direction):
            told = f"{moves}, a diminished fifth, and does not step back inside it"
            yield fault_at("tritone", note.start, [note], told)


def _moves(setting):
    """Pairs of consecutive notes of a voice within a phrase."""
    for line in setting.lines:
        for before, note in zip(line, line[1:]):
            if before.stop == note.start and not setting.phrase_begins[note.start]:
                yield before, note


def _goes_on_otherwise(setting: Setting, note: Note, back: int) -> bool:
    """Whether another note follows, but not by step in the direction `back`."""
    after = setting.after(note)
    return after is not None and not 0 < back * (after.pitch - note.pitch) <= _STEP


def outlined_sevenths(setting: Setting) -> Iterator[Fault]:
    """Two leaps of an upper voice in the same direction that add up to a seventh, or to more than
    an octave."""
    moves = [move for move in _moves(setting) if move[1].voice < 3]
    for (first, middle), (again, last) in zip(moves, moves[1:]):
        if middle != again:
            continue
        leaps = (middle.pitch - first.pitch, last.pitch - middle.pitch)
        whole = abs(sum(leaps))
        same = leaps[0] * leaps[1] > 0 and min(map(abs, leaps)) > _STEP
        if same and (whole in _SEVENTHS or whole > _OCTAVE):
            if max(map(abs, leaps)) not in _SEVENTHS and max(map(abs, leaps)) <= _OCTAVE:
                by = "a seventh" if whole in _SEVENTHS else "more than an octave"
                told = (
                    f"the {VOICES[last.voice]} leaps twice in the same direction, from "
                    f"{spoken(first.name)} through {spoken(middle.name)} to {spoken(last.name)}, "
                    f"together {by}"
                )
                yield fault_at("outlined seventh", last.start, [last], told)
