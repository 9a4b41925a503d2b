"""How fast a chorale is sung, step by step, from its tempo marks and fermatas. Sound and MIDI files
use it for their timing.

Notebook: 05_generation
"""

from __future__ import annotations

from numbers import Real

import numpy as np

from ..chorale import STEPS_PER_QUARTER, Chorale
from .page import check_repeats, expand_repeats

TEMPO = 80  # quarter notes per minute, if neither page nor caller sets a tempo
FERMATA = 1.5  # how many times longer a step lasts under a fermata
SLOWEST, FASTEST = 4, 1000  # quarter notes per minute


def step_seconds(
    chorale: Chorale, tempo: float | None = None, fermata: float = FERMATA
) -> np.ndarray:
    """How long each step lasts, in seconds: float array (steps,).

    Args:
        chorale: Chorale.
        tempo: quarter notes per minute throughout, 4..1000; None follows the page's tempo marks,
            with 80 before the first. A mark of words alone counts if music21 knows the words
            (andante 72, allegro 132); otherwise it does not change the tempo.
        fermata: how many times longer a step lasts under a fermata, at least 1.

    Raises:
        ValueError: `tempo` or `fermata` is outside its range.

    Examples:
        >>> step_seconds(Chorale([[72, 67, 64, 48]] * 2), tempo=60).tolist()
        [0.25, 0.25]
    """
    check_tempo(tempo)
    if not isinstance(fermata, Real) or not 1 <= fermata < np.inf:
        raise ValueError(
            f"fermata {fermata!r}: expected a factor of 1 or more, by which steps under a fermata "
            f"are longer"
        )
    per_minute = np.full(len(chorale), float(TEMPO if tempo is None else tempo))
    if tempo is None and chorale.notation is not None:
        for mark in chorale.notation.tempos:
            known = mark.quarters_per_minute
            if known is None:
                known = _meant_by(mark.text)
            if known is not None:
                per_minute[mark.step :] = min(max(known, SLOWEST), FASTEST)
    seconds = 60 / per_minute / STEPS_PER_QUARTER
    if chorale.fermatas is not None:
        seconds[chorale.fermatas] *= fermata
    return seconds


def check_tempo(tempo: float | None) -> None:
    """Raises a ValueError if `tempo` is neither None nor 4 to 1000 quarter notes per minute.

    Examples:
        >>> check_tempo("fast")
        Traceback (most recent call last):
        ValueError: tempo 'fast': expected quarter notes per minute, 4..1000, such as 80
    """
    if tempo is None:
        return
    if not isinstance(tempo, Real) or not SLOWEST <= tempo <= FASTEST:
        raise ValueError(
            f"tempo {tempo!r}: expected quarter notes per minute, {SLOWEST}..{FASTEST}, such as "
            f"{TEMPO}"
        )


def in_order(chorale: Chorale, repeats: str) -> Chorale:
    """The chorale as it is written, or with its repeats written out.

    Args:
        chorale: Chorale.
        repeats: ``'written'`` or ``'played'``.

    Raises:
        ValueError: `repeats` is something else, or as in `expand_repeats`.

    Examples:
        >>> in_order(Chorale([[72, 67, 64, 48]]), "twice")
        Traceback (most recent call last):
        ValueError: repeats 'twice': expected one of 'written', 'played'
    """
    check_repeats(repeats)
    return expand_repeats(chorale) if repeats == "played" else chorale


def _meant_by(words: str) -> float | None:
    """The quarters per minute that music21 assigns to the words, or None."""
    from music21.tempo import defaultTempoValues

    known = defaultTempoValues.get(words.strip().lower())
    return None if known is None else float(known)
