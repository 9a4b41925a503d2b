"""Analysis: the harmony of a chorale, chord by chord, with keys, Roman numerals and cadences.

`search` finds the path through keys and chords; this file turns it into a table, and names the
cadences and the main key. Numerals, qualities and inversions are as in music21's RomanText.

Notebook: 04_evaluation
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import (
    SILENCE,
    Chorale,
    as_chorale,
)
from ..form import CADENCES as CADENCES
from ..keys import (
    key_signature as signature_of,
    tonic_and_mode,
)
from ..notation.page import bars_of
from .chords import key_spelt, numeral, numerals, parse_key
from .evidence import Frames, frame_starts, with_metre
from .phrases import phrase_ends
from .search import best_path

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "start",
    "steps",
    "bar",
    "beat",
    "key",
    "numeral",
    "root",
    "quality",
    "inversion",
    "cadence",
)


def analyse(chorale: Chorale, key: str | None = None) -> pd.DataFrame:
    """The harmony of a chorale, one row per chord in order of time; the rows cover the piece
    without gaps.

    A phrase ends with a fermata, or, in a piece without fermatas, at an estimated place (see
    `phrase_ends`). There a chord ends, too, and the last two chords determine the cadence: perfect
    authentic (V-I, roots in the bass, the tonic in the soprano), imperfect authentic (any other
    dominant before I), half (on V), Phrygian (iv6-V in minor), plagal (IV-I), deceptive (V-vi).

    Args:
        chorale: Chorale with at least one note. Its metre is used if known, or else estimated
            (`find_metre`); its key is only used to spell the local keys.
        key: the key in which it begins and ends, such as ``'g minor'``, if that is known, as for an
            exercise too short to establish a key. None decides from the notes.

    Returns:
        pandas DataFrame: start (the chord's first step) and steps (its length, both in sixteenths),
        bar (number on the page; 0 is a pickup, and several bars may have the same number if endings
        are renumbered) and beat (1 is the bar line; in units of the metre), key (the local key,
        such as ``'g minor'``), numeral (such as ``'V65/V'``), root (pitch class, 0 to 11), quality
        (``'major'``, ``'minor'``, ``'diminished'``, ``'augmented'``, ``'dominant-seventh'`` and so
        on, as named in MusicXML), inversion (0 to 3), cadence (one of `CADENCES`, or None).

    Raises:
        ValueError: no note sounds, or `key` is not a key.
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> chords = [[72, 64, 55, 48]] * 4 + [[72, 65, 57, 53]] * 4
        >>> chords += [[71, 62, 55, 43]] * 4 + [[72, 64, 55, 48]] * 4
        >>> analysis = analyse(Chorale(np.array(chords), time_signature="4/4"))
        >>> analysis["numeral"].tolist(), analysis["cadence"].tolist()[-1]
        (['I', 'IV', 'V', 'I'], 'perfect authentic')

    Notebook: 04_evaluation
    """
    if not (as_chorale(chorale).pitches != SILENCE).any():
        raise ValueError(f"{chorale.name}: no notes: expected a chorale in which a voice sings")
    asked = None
    if key is not None:
        chorale = replace(chorale, key=key)
        asked = tonic_and_mode(key)
    return tabulate(chorale, best_path(Frames(chorale), asked))


def tabulate(chorale: Chorale, path: np.ndarray) -> pd.DataFrame:
    """The table that `analyse` returns, from a path found by `search.best_path`.

    Args:
        chorale: Chorale.
        path: int (T,), a state for each of its `evidence.Frames`.

    Notebook: 04_evaluation
    """
    import pandas as pd

    chorale = with_metre(chorale)
    begins, ends = frame_starts(chorale), phrase_ends(chorale)
    changes = np.flatnonzero(np.append(True, path[1:] != path[:-1]))
    starts = np.union1d(begins[changes], ends[ends < len(chorale)])
    states = path[np.searchsorted(begins, starts, side="right") - 1]
    lengths = np.diff(np.append(starts, len(chorale)))
    tonics, figures = _home_at_last(*np.divmod(states, len(numerals())), lengths)
    chosen = [numerals()[figure] for figure in figures]
    bars = bars_of(chorale)
    places = [bars[place] for place in np.searchsorted([bar.stop for bar in bars], starts, "right")]
    analysis = pd.DataFrame(
        {
            "start": starts,
            "steps": lengths,
            "bar": [bar.number for bar in places],
            "beat": [_beat(bar, start) for bar, start in zip(places, starts.tolist())],
            "key": _keys_spelt(tonics, [each.mode == "minor" for each in chosen], chorale.key),
            "numeral": [each.figure for each in chosen],
            "root": (tonics + [each.root for each in chosen]) % 12,
            "quality": [each.quality for each in chosen],
            "inversion": [each.inversion for each in chosen],
        }
    )
    analysis["cadence"] = pd.Series(_cadences(analysis, chorale, ends), dtype=object)
    return analysis


def main_key(chorale: Chorale, analysis: pd.DataFrame | None = None) -> str:
    """The main key of a chorale (such as ``'f# minor'``): the local key in which it ends.

    Args:
        chorale: Chorale with at least one note; its own `key` only decides the spelling, such as F
            sharp or G flat.
        analysis: the result of `analyse`; None computes it.

    Raises:
        ValueError, TypeError: as in `analyse`.

    Examples:
        >>> main_key(Chorale(np.tile([72, 67, 64, 48], (16, 1))))
        'C major'

    Notebook: 04_evaluation
    """
    analysis = analyse(chorale) if analysis is None else analysis
    return str(analysis["key"].iloc[-1])


def _beat(bar, step):
    """The beat (float) of a step in its bar, in units of the metre."""
    return 1 + (bar.offset + step - bar.start) * int(bar.time_signature.split("/")[1]) / 16


def _home_at_last(tonics, figures, lengths):
    """Tonics and numerals of the chords. If the last chord is a dominant, but more of the piece is
    in the key of its root, it becomes the tonic of that key: a piece in F sharp minor that has just
    touched on B minor ends on its own tonic with a raised third."""
    listed = numerals()
    last, root = listed[figures[-1]], (tonics[-1] + 7) % 12
    if (last.degree, last.quality, last.inversion) != ("V", "major", 0):
        return tonics, figures
    minor = np.array([listed[figure].mode == "minor" for figure in figures])
    there = lengths[(tonics == tonics[-1]) & (minor == minor[-1])].sum()
    home = [lengths[(tonics == root) & (minor == mode)].sum() for mode in (False, True)]
    if sum(home) <= there:
        return tonics, figures
    tonic = numeral("I", "minor" if home[1] > home[0] else "major")
    return np.append(tonics[:-1], root), np.append(figures[:-1], listed.index(tonic))


def _keys_spelt(tonics, minor, key):
    """Names of local keys, spelled close to the signature of the piece's key, or of the last
    one."""
    home = key_spelt(int(tonics[-1]), bool(minor[-1])) if key is None else key
    near = signature_of(home)
    return [key_spelt(int(tonic), bool(mode), near) for tonic, mode in zip(tonics, minor)]


def _cadences(analysis, chorale, ends):
    """For each row, the cadence that ends there, or None."""
    named = [None] * len(analysis)
    stops = (analysis["start"] + analysis["steps"]).to_numpy()
    begin = 0
    for end in ends:
        last = int(np.searchsorted(stops, end))
        phrase = analysis.iloc[begin : last + 1]
        begin = last + 1
        if len(phrase) > 1:
            named[last] = _cadence(phrase, chorale)
    return named


def _cadence(phrase, chorale):
    """The cadence of a phrase's rows, or None."""
    key = phrase["key"].iloc[-1]
    final = numeral(phrase["numeral"].iloc[-1], key.split()[1])
    before = None
    for figure, its_key, root in zip(
        phrase["numeral"][-2::-1], phrase["key"][-2::-1], phrase["root"][-2::-1]
    ):
        if root != phrase["root"].iloc[-1]:
            before = _in_key(figure, its_key, key)
            break
    if before is None:
        return None
    degree, arrived = before.degree, final.degree
    target = ""
    if "/" in degree and degree.split("/")[1] != "V":  # a cadence in a key only touched on
        degree, target = degree.split("/")
        if target != arrived:
            return None
        arrived = "I"
    stable = final.quality in ("major", "minor")
    dominant = degree in ("V", "vii") and before.quality != "minor"
    if arrived in ("I", "i") and dominant and stable:
        start = int(phrase["start"].iloc[-1])
        stop = start + int(phrase["steps"].iloc[-1])
        soprano = chorale.pitches[start:stop, 0]
        tonic = (parse_key(key)[0] * 7 + final.root) % 12
        rooted = degree == "V" and before.inversion == 0 and final.inversion == 0
        on_top = soprano[-1] != SILENCE and soprano[-1] % 12 == tonic
        return "perfect authentic" if rooted and on_top else "imperfect authentic"
    if target:
        return None
    if arrived == "V" and final.inversion == 0:
        phrygian = final.mode == "minor" and degree == "iv" and before.inversion == 1
        return "Phrygian" if phrygian else "half"
    if arrived in ("I", "i") and degree in ("IV", "iv") and stable and final.inversion == 0:
        return "plagal"
    if degree == "V" and (
        arrived in ("vi", "VI", "bVI") or (arrived in ("IV", "iv") and final.inversion == 1)
    ):
        return "deceptive"
    return None


def _in_key(figure, its_key, key):
    """The numeral in another key; unchanged if it has none there."""
    own = numeral(figure, its_key.split()[1])
    if its_key == key:
        return own
    tonic, mode = parse_key(key)[0] * 7, key.split()[1]
    root = (parse_key(its_key)[0] * 7 + own.root - tonic) % 12
    for each in numerals():
        if (each.mode, each.root, each.quality, each.inversion) == (
            mode,
            root,
            own.quality,
            own.inversion,
        ):
            return each
    return own
