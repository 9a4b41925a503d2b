"""What the page shows: the score of a session, and information about its notes.

All values here can be written as JSON. Times are steps (sixteenths), voices 0..3 from soprano to
bass. Verovio engraves the score in Python, as in notebooks and files: 16 bars take about 100
milliseconds, and nobody has to download its seven megabytes.

Notebook: 06_studio
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from ..chorale import (
    SILENCE,
    VOICES,
    Chorale,
)
from ..keys import (
    key_signature,
)
from ..notation.page import Bar, Notation, bars_of
from ..notation.score_files import show_score
from .session import Session

NARROWEST, WIDEST = 280, 2400  # pixels
ENGRAVING = threading.Lock()  # Verovio's toolkit does only one thing at a time


def score(chorale: Chorale, width: int, staves: int = 2) -> dict[str, Any]:
    """A chorale as a drawing for the page (dict): `svg`; `notes`, the step at which each note
    begins, by the id of its element; `staves`.

    Args:
        chorale: Chorale, at least one step.
        width: width of the drawing in pixels.
        staves: 2 or 4.
    """
    with ENGRAVING:
        drawn = show_score(chorale, staves, min(max(int(width), NARROWEST), WIDEST))
    return {"svg": drawn.svg, "notes": drawn.notes, "staves": staves}


def piece(session: Session) -> dict[str, Any]:
    """What the page knows about the piece besides its drawing (dict): its name, its metre and bars,
    the notes of each voice as (start, length, pitch, locked), fermatas, words, and what can be
    undone."""
    chorale = session.chorale
    return {
        "title": chorale.title or "",
        "name": chorale.name,
        "key": chorale.key or "",
        "sharps": key_signature(chorale.key or "C major"),
        "metre": chorale.time_signature or "4/4",
        "pickup": chorale.pickup,
        "steps": len(chorale),
        "bars": [_bar(bar) for bar in session.bars],
        "voices": _voices(chorale, session.locks),
        "fermatas": _fermatas(chorale),
        **_played(chorale),
        "words": [
            (each.step, each.voice, each.verse, each.text, each.syllabic) for each in session.words
        ],
        "tune": session.tune,
        "undo": session.moment.what if session.past else "",
        "redo": session.future[-1].what if session.future else "",
        "seed": session.seed,
        "settings": session.moment.values,
        "written": session.moment.request is not None,
    }


def variants(session: Session, width: int) -> list[dict[str, Any]]:
    """The variants to choose from (list of dict), each from the bar before the request to the bar
    after it: its drawing, bars and notes, with steps counted from there; `written`, the numbers of
    the first and last bar that were asked for; its seed, its number of faults, and `differs`, the
    notes (voice, start) that are not the same in all variants."""
    chorales = [variant.chorale for variant in session.variants]
    told = []
    for variant in session.variants:
        start, stop = _around(variant.chorale, variant.request.free)
        shown = variant.chorale.excerpt(start, stop)
        others = [chorale.excerpt(start, stop) for chorale in chorales]
        bars, free = bars_of(variant.chorale), variant.request.free
        numbers = [bar.number for bar in bars if free[bar.start : bar.stop].any()]
        told.append(
            score(shown, width)
            | {
                "seed": variant.request.seed,
                "written": (numbers[0], numbers[-1]),
                "bars": [_bar(bar) for bar in bars_of(shown)],
                "voices": _voices(shown, np.zeros(shown.pitches.shape, bool)),
                "fermatas": _fermatas(shown),
                "differs": _differing(shown, others),
                "faults": len(closer_look(variant.chorale)["faults"]),
            }
        )
    return told


def closer_look(chorale: Chorale) -> dict[str, list[dict[str, Any]]]:
    """An analysis of a piece, which takes a moment (dict): `harmony`, its chords with `start`,
    `numeral`, `key` and `cadence`; `faults` of part-writing with `step`, `voices`, `fault`, the
    `notes` at fault as (step, voice), and what is wrong (`what`). Empty if fewer than three voices
    sing."""
    if np.count_nonzero((chorale.pitches != SILENCE).any(axis=0)) < 3:
        return {"harmony": [], "faults": []}
    from ..harmony.analysis import analyse
    from ..part_writing.checking import faults

    analysis = analyse(chorale)
    chords = analysis[["start", "numeral", "key", "cadence"]]
    found = faults(chorale, analysis=analysis)[["step", "voices", "fault", "notes", "explanation"]]
    return {
        "harmony": [
            {"start": int(start), "numeral": numeral, "key": key, "cadence": cadence or ""}
            for start, numeral, key, cadence in chords.itertuples(index=False)
        ],
        "faults": [
            {
                "step": int(step),
                "voices": [int(voice) for voice in voices],
                "fault": fault,
                "notes": [(int(begins), int(voice)) for begins, voice in notes],
                "what": explanation,
            }
            for step, voices, fault, notes, explanation in found.itertuples(index=False)
        ],
    }


def opinion(chorale: Chorale) -> dict[str, Any]:
    """The grade of a piece of four voices (dict): its `grade` in points, 0 being typical of Bach,
    and the `reasons` that cost most, as (measure, points); empty for other pieces."""
    if len(chorale) < 16 or not (chorale.pitches != SILENCE).any(axis=0).all():
        return {}
    from ..judging.grading import explain_grade, grade

    parts = explain_grade([chorale]).iloc[0].sort_values()
    reasons = [(str(name), round(float(points), 1)) for name, points in parts.head(3).items()]
    return {"grade": round(float(grade([chorale])[0]), 1), "reasons": reasons}


def _bar(bar: Bar) -> tuple[int, int, int, int, int]:
    """(start, stop, number, sixteenths of the metre missing at the beginning, sixteenths in a
    beat)."""
    return bar.start, bar.stop, bar.number, bar.offset, 16 // int(bar.time_signature.split("/")[1])


def _played(chorale: Chorale) -> dict[str, Any]:
    """How the piece is sung (dict): `order`, spans of steps in order, with all repeats, endings and
    jumps; `astray`, the reason if they cannot be followed; `tempo`, its first tempo mark, or
    None."""
    bars, astray = bars_of(chorale), ""
    try:
        numbers = Notation(bars).playing_order()
    except ValueError as error:
        numbers, astray = [*range(len(bars))], f"{error}: played as it is written"
    order = list[list[int]]()
    for bar in (bars[number] for number in numbers):
        if order and order[-1][1] == bar.start:
            order[-1][1] = bar.stop
        else:
            order.append([bar.start, bar.stop])
    marks = () if chorale.notation is None else chorale.notation.tempos
    tempo = next((mark.quarters_per_minute for mark in marks if mark.quarters_per_minute), None)
    return {"order": order, "astray": astray, "tempo": tempo}


def _around(chorale: Chorale, free: np.ndarray) -> tuple[int, int]:
    """The span of steps of the bars in which the model has written, with one more bar on either
    side."""
    bars, written = bars_of(chorale), np.flatnonzero(free.any(axis=1))
    first = next(place for place, bar in enumerate(bars) if bar.stop > written[0])
    last = next(place for place, bar in enumerate(bars) if bar.stop > written[-1])
    return bars[max(0, first - 1)].start, bars[min(last + 1, len(bars) - 1)].stop


def _fermatas(chorale: Chorale) -> list[int]:
    return [] if chorale.fermatas is None else np.flatnonzero(chorale.fermatas).tolist()


def _voices(chorale: Chorale, locks: np.ndarray) -> list[list[tuple[int, int, int, bool]]]:
    return [
        [
            (start, length, pitch, bool(locks[start, voice]))
            for start, length, pitch in chorale.notes(voice).tolist()
        ]
        for voice in range(len(VOICES))
    ]


def _differing(chorale: Chorale, others: list[Chorale]) -> list[tuple[int, int]]:
    """The notes (voice, start) of a chorale that are not the same in all the others."""
    steps = min(len(other) for other in others)
    same = np.ones((steps, len(VOICES)), bool)
    for other in others:
        same &= other.pitches[:steps] == chorale.pitches[:steps]
    return [
        (voice, start)
        for voice in range(len(VOICES))
        for start, length, _ in chorale.notes(voice).tolist()
        if not same[start : min(start + length, steps), voice].all()
    ]
