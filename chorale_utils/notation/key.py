"""The key of a chorale, estimated from its notes: `find_key`.

Where there are chords the harmony decides, which `harmony.analysis` reads; a tune by itself is
compared with profiles of the keys.

Notebook: 05_generation
"""

from __future__ import annotations

from dataclasses import replace

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, as_chorale

_VOICES_OF_A_CHORD = 3


def find_key(chorale: Chorale) -> str:
    """The estimated key of a chorale, such as ``'f# minor'``; ``'C major'`` if it has no notes.

    It is the key in which the harmony ends (`main_key`); or, if fewer than three voices sing, so
    that there are no chords, the key that best fits the notes and their lengths
    (Krumhansl-Schmuckler algorithm with the Aarden-Essen weights, music21's default).

    Args:
        chorale: Chorale; its own `key` is ignored.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> import numpy as np
        >>> chords = [[71, 62, 55, 43], [69, 62, 54, 50], [67, 62, 59, 43]]
        >>> find_key(Chorale(np.repeat(chords, 4, axis=0)))
        'G major'

    Notebook: 05_generation
    """
    if (as_chorale(chorale).pitches != SILENCE).any(axis=0).sum() < _VOICES_OF_A_CHORD:
        return key_of_notes(chorale)
    from .. import main_key  # from the harmony wing, which is above this one

    return str(main_key(replace(chorale, key=None)))


def key_of_notes(chorale: Chorale) -> str:
    """The key that best fits the notes and their lengths, such as ``'f# minor'``; ``'C major'`` if
    there are no notes.

    This is music21's default: the Krumhansl-Schmuckler algorithm with the Aarden-Essen weights.

    Args:
        chorale: Chorale; its own `key` is ignored.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> tune = [67, 69, 71, 72, 74, 72, 71, 69, 67, 66, 67, 67]
        >>> key_of_notes(Chorale([[pitch, 0, 0, 0] for pitch in tune]))
        'G major'

    Notebook: 05_generation
    """
    from music21 import note, stream

    as_chorale(chorale)
    notes: stream.Stream = stream.Stream()
    for voice in range(len(VOICES)):
        for start, length, pitch in chorale.notes(voice).tolist():
            notes.insert(
                start / STEPS_PER_QUARTER,
                note.Note(pitch, quarterLength=length / STEPS_PER_QUARTER),
            )
    return str(notes.analyze("key")) if len(notes) else "C major"
