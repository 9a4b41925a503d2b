"""Operations of a session on a whole piece: beginning it, making it longer or shorter, and fitting
its notation to its notes.

Notebook: 06_studio
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale, steps_per_bar
from ..notation.key import find_key
from ..notation.metre import find_metre
from ..notation.page import UNSPELLED, Bar, Notation, Syllable, bars_of
from .moments import Moment

LONGEST = 640  # steps: the longest chorale in the corpus


def empty_piece(time_signature: str = "4/4", pickup: int = 0, key: str = "C major") -> Chorale:
    """Four empty bars.

    Args:
        time_signature: such as ``'3/4'``.
        pickup: sixteenths before the first bar line.
        key: such as ``'g minor'``.

    Raises:
        ValueError: an invalid metre or key, or a pickup as long as a bar.

    Examples:
        >>> empty_piece("3/4", pickup=4)
        Chorale('my-chorale', 52 steps, C major, 3/4)
    """
    bar = steps_per_bar(time_signature)
    if pickup not in range(bar) or pickup + 4 * bar > LONGEST:
        raise ValueError(
            f"pickup {pickup!r} in {time_signature}: expected 0 to {bar - 1} sixteenths, and four "
            f"bars that are no longer than {LONGEST}"
        )
    steps = pickup + 4 * bar
    return Chorale(
        np.zeros((steps, len(VOICES)), int), "my-chorale", None, None, key, time_signature, pickup
    )


def opened(chorale: Chorale) -> Moment:
    """The first moment of a chorale, with key, metre and struck notes filled in."""
    if not 1 <= len(chorale) <= LONGEST:
        raise ValueError(
            f"{chorale.name}: {len(chorale)} sixteenths: expected 1 to {LONGEST}, 40 bars of 4/4"
        )
    told: dict[str, Any] = {"onsets": chorale.struck, "key": chorale.key or find_key(chorale)}
    told |= {"name": readable(chorale.name) or "untitled"}
    told |= {"title": readable(chorale.title or "") or None}
    if chorale.time_signature is None:
        told["time_signature"], told["pickup"] = find_metre(chorale)
    return Moment(replace(chorale, **told), np.zeros(chorale.pitches.shape, bool))


def readable(text: str) -> str:
    """A printable line of text, at most 200 characters long."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()


def tune_of(chorale: Chorale) -> int:
    """The voice (0..3) with the tune: the only one that sings, or else the soprano."""
    sings = np.flatnonzero(chorale.pitches.any(axis=0))
    return int(sings[0]) if len(sings) == 1 else 0


def bars_up_to(chorale: Chorale, steps: int) -> tuple[Bar, ...]:
    """The bars of a piece extended to this number of steps, with a complete last bar.

    Args:
        chorale: Chorale with a metre.
        steps: at least 1; if the piece is longer, it is not changed.

    Examples:
        >>> [bar.stop for bar in bars_up_to(empty_piece(), 65)]
        [16, 32, 48, 64, 80]
    """
    bars = bars_of(chorale)
    if steps > len(chorale) or not bars[-1].is_full:
        longest = steps_per_bar(bars[-1].time_signature)
        page = Notation(bars).extended(max(steps, len(chorale)) + 2 * longest)
        bars = tuple(bar for bar in page.bars if bar.start < max(steps, len(chorale)))
    return bars


def fitted(moment: Moment, steps: int) -> Moment:
    """The moment, made longer or shorter at its end."""
    chorale = moment.chorale

    def cut(array: np.ndarray) -> np.ndarray:
        made = np.zeros((steps, *array.shape[1:]), array.dtype)
        made[: len(array)] = array[:steps]
        return made

    fermatas = None if chorale.fermatas is None else cut(chorale.fermatas)
    pitches, struck = cut(chorale.pitches), cut(chorale.struck)
    page = fitted_page(chorale.notation, struck, np.zeros(struck.shape, bool))
    made = replace(chorale, pitches=pitches, onsets=struck, fermatas=fermatas, notation=page)
    return replace(moment, chorale=made, locks=cut(moment.locks))


def fitted_page(page: Notation | None, struck: np.ndarray, changed: np.ndarray) -> Notation | None:
    """The notation of a piece after some of its notes have changed: these lose their spelling,
    words stay where a note still begins, and there are as many bars as the piece needs.

    Args:
        page: Notation of the piece before, or None.
        struck: bool array (steps, 4), where a note begins now.
        changed: bool array (steps, 4), the notes that have changed.
    """
    if page is None:
        return None
    steps = len(struck)
    if page.steps > steps:
        page = page.excerpt(0, steps)
    else:
        page = page.extended(steps)
    spelling = page.spelling
    if spelling is not None:
        spelling = np.where(changed, UNSPELLED, spelling[:steps])
    words = (word for word in page.words if word.step < steps and struck[word.step, word.voice])
    return replace(page, spelling=spelling, words=tuple(words))


def check_length(steps: int) -> None:
    """Raises a ValueError if a piece with this number of steps is too long for the studio."""
    if steps > LONGEST:
        raise ValueError(f"{steps} sixteenths: expected at most {LONGEST}, 40 bars of 4/4")


def without_empty_end(pitches: np.ndarray) -> np.ndarray:
    """The steps (int array (steps, 4)) up to the last one on which a voice sings."""
    sung = np.flatnonzero(pitches.any(axis=1))
    return pitches[: int(sung[-1]) + 1] if len(sung) else pitches[:0]


def in_words(syllables: Iterable[Syllable]) -> tuple[Syllable, ...]:
    """Syllables in order, each with its place in the word, derived from hyphens at the end."""
    ordered = sorted(syllables, key=lambda each: (each.voice, each.verse, each.step))
    placed, goes_on, line = [], False, (-1, -1)
    for each in ordered:
        goes_on &= line == (each.voice, each.verse)
        line = each.voice, each.verse
        open_end = each.text.endswith("-") or (each.syllabic in ("begin", "middle"))
        syllabic = (
            ("middle" if open_end else "end") if goes_on else ("begin" if open_end else "single")
        )
        text = each.text[:-1] if each.text.endswith("-") else each.text
        placed.append(replace(each, text=text, syllabic=syllabic))
        goes_on = open_end
    return tuple(sorted(placed, key=lambda each: (each.step, each.voice, each.verse)))
