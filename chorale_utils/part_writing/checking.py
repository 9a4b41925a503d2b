"""Checking: which rules of part-writing a chorale breaks, and where.

Conventions: the rules consider the notes and their harmonic analysis (`analyse`), and are only as
reliable as that. From the last chord of a phrase, under a fermata, to the first chord of the next,
only the rules about fermatas apply. Bach breaks almost every one of these rules, seldom and for a
reason; how often he does is the control (bach.md).

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import SILENCE, Chorale, as_chorale
from ..harmony.analysis import analyse
from ..harmony.evidence import with_metre
from ..harmony.nonchord import nonchord_tones
from ..notation.page import bars_of
from . import dissonances, intervals, lines, positions, sonorities, tendencies
from .fault import Fault
from .rules import RULES, chosen_rules
from .setting import Setting, told_key

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("step", "voices", "fault", "severity", "bar", "beat", "notes", "explanation")

_FINDERS = (
    intervals.parallels,
    intervals.unequal_fifths,
    intervals.hidden,
    intervals.cross_relations,
    positions.ranges,
    positions.crossings,
    positions.spacings,
    positions.overlaps,
    lines.melodic_intervals,
    lines.outlined_sevenths,
    tendencies.leading_tones,
    tendencies.doubled_leading_tones,
    tendencies.unraised_leading_tones,
    tendencies.sevenths,
    sonorities.incomplete_chords,
    sonorities.six_fours,
    sonorities.final_chords,
    sonorities.misspelt,
)


def faults(
    chorale: Chorale,
    rules: str | Iterable[str] = "class",
    analysis: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The places at which a chorale breaks rules of part-writing, in order of time.

    Args:
        chorale: Chorale. Its metre and fermatas are used if known; if its page gives the spelling
            of notes, that is judged, too. A short exercise (at most 32 steps) is taken to be in its
            `key`; in longer pieces the notes decide.
        rules: ``'class'``, what every harmony class marks; ``'strict'``, also what teachers differ
            on; ``'bach'``, what Bach himself hardly ever does; or a list of names from `RULES`.
        analysis: the result of `analyse` for the chorale; None computes it.

    Returns:
        pandas DataFrame: step (where the second chord arrives; for leading tones and sevenths,
        where they should resolve), voices (tuple of 0..3, soprano to bass), fault (name of the
        rule), severity (``'error'``, ``'weak'`` or ``'style'``), bar and beat of that step, notes
        (tuple of (step, voice), where the notes at fault begin), explanation (a sentence).

    Raises:
        TypeError: `chorale` is not a Chorale.
        ValueError: there is no such set of rules, or no such rule.

    Examples:
        >>> fifths = np.repeat([[67, 60, 55, 48], [69, 62, 53, 45]], 4, axis=0)
        >>> found = faults(Chorale(fifths, key="C major"))
        >>> found[["step", "voices", "fault"]].values.tolist()
        [[4, (0, 1), 'parallel fifths']]
        >>> found["explanation"][0]
        'Soprano and alto move from the fifth C\u2013G to the fifth D\u2013A.'

    Notebook: 04_evaluation
    """
    import pandas as pd

    chorale = as_chorale(chorale)
    wanted = chosen_rules(rules)
    found = [fault for fault in _all_faults(chorale, analysis) if fault.rule in wanted]
    places, struck = _places(chorale) if found else [], chorale.struck
    rows = [
        (
            fault.step,
            fault.voices,
            fault.rule,
            RULES[fault.rule].severity,
            *places[fault.step],
            tuple(_last_struck(chorale, struck, *note, fault.step) for note in fault.notes),
            fault.explanation,
        )
        for fault in found
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _all_faults(chorale: Chorale, analysis: pd.DataFrame | None) -> list[Fault]:
    if not (chorale.pitches != SILENCE).any():
        return []
    chorale = with_metre(chorale)
    if analysis is None:
        analysis = analyse(chorale, key=told_key(chorale))
    setting = Setting(chorale, analysis)
    found = list(
        chain(
            *(find(setting) for find in _FINDERS),
            dissonances.dissonances(setting, nonchord_tones(chorale, analysis)),
        )
    )
    astray = {fault.step for fault in found if fault.rule == "seventh"}
    told = [  # had the seventh fallen, the chord would have its third
        fault for fault in found if fault.rule != "missing third" or fault.step not in astray
    ]
    return sorted(told, key=lambda fault: (fault.step, RULES[fault.rule].number, fault.voices))


def _last_struck(chorale, struck, start, voice, step):
    """(step, voice) at which a note is struck for the last time up to a step. The rules take a note
    that is struck again at once for the same note; a mark belongs on the one that is heard."""
    line = chorale.pitches[start : step + 1, voice]
    sounds = np.cumprod(line == line[:1]).astype(bool)
    again = np.flatnonzero(struck[start : step + 1, voice] & sounds)
    return start + int(again[-1]) if len(again) else start, voice


def _places(chorale: Chorale) -> list[tuple[int, float]]:
    """(number of the bar, beat) of every step, counted as on the page."""
    places: list[tuple[int, float]] = []
    for bar in bars_of(with_metre(chorale)):
        beat = 16 / int(bar.time_signature.split("/")[1])
        within = np.arange(bar.steps) + bar.offset
        places += [(bar.number, float(round(at / beat + 1, 2))) for at in within]
    return places
