"""Fault: one place at which a rule is broken, and functions that put voices and notes into words.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..chorale import VOICES
from .setting import Note, spoken


class Fault(NamedTuple):
    """A place at which a rule is broken.

    Attributes:
        step: where the second chord arrives; for a leading tone or a seventh, where it should
            resolve.
        voices: the voices involved, 0..3 for soprano to bass.
        rule: name of the rule.
        explanation: a sentence that names the notes and says what is wrong.
        notes: (step, voice) of the notes at fault; the step is where each begins.
    """

    step: int
    voices: tuple[int, ...]
    rule: str
    explanation: str
    notes: tuple[tuple[int, int], ...]


def fault_at(rule: str, step: int, notes: Sequence[Note], explanation: str) -> Fault:
    """A Fault of some notes, sorted from the highest voice down; the sentence gets a capital and a
    full stop.

    Args:
        rule: name of the rule.
        step: step of the fault.
        notes: the notes at fault, at most one of each voice.
        explanation: the sentence, without capital and full stop.
    """
    ordered = sorted(notes, key=lambda note: note.voice)
    return Fault(
        step,
        tuple(note.voice for note in ordered),
        rule,
        explanation[0].upper() + explanation[1:] + ".",
        tuple((note.start, note.voice) for note in ordered),
    )


def voices_said(voices: Sequence[int]) -> str:
    """Names of voices, such as ``'soprano, alto and bass'``.

    Examples:
        >>> voices_said((0, 1, 3))
        'soprano, alto and bass'
    """
    names = [VOICES[voice] for voice in sorted(voices)]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def pair_said(lower: Note, upper: Note) -> str:
    """Two notes, the lower one first, such as ``'C-G'`` with a dash.

    Examples:
        >>> pair_said(Note(0, 4, 3, 48, 0), Note(0, 4, 0, 67, 1))
        'C\u2013G'
    """
    low, high = sorted((lower, upper), key=lambda note: note.pitch)
    return f"{spoken(low.name)}\u2013{spoken(high.name)}"
