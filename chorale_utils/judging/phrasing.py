"""Phrasing: measures of a chorale's phrases, bars and struck notes.

Conventions:
    Notes are counted where they are struck (`Chorale.struck`). Bar lines follow from the time
    signature and the pickup; a piece without a time signature has none. A phrase ends where a
    fermata ends. Chords are read at the first step of the soprano's fermata, and a piece's ending
    at its last step.

Measures:
    notes: struck notes of alto, tenor and bass for each struck note of the soprano. ties: share of
    bar lines over which a voice holds its note. tonic: share of pieces that end on the tonic triad
    in root position (the third may be missing; in minor it may be major). consonant: share of
    fermatas whose chord, once all voices have arrived, is a triad in root position or first
    inversion, possibly without its fifth. cadence: share of fermatas whose bass is reached as in a
    cadence: by a fourth or fifth, or by step.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale, as_chorales, as_groups
from .grid import Grid

if TYPE_CHECKING:
    import pandas as pd

# Intervals above the bass: triads in root position and first inversion, with or without the fifth
_CONSONANT = [{0, 4, 7}, {0, 3, 7}, {0, 3, 8}, {0, 4, 9}, {0, 4}, {0, 3}, {0, 7}, {0, 8}, {0, 9}]
_CONSONANT += [{0}, {0, 3, 9}]  # a unison or octave; a diminished triad in first inversion


def phrasing(groups: Mapping[str, Chorale | Iterable[Chorale]]) -> pd.DataFrame:
    """How groups of chorales treat phrases, bars and struck notes: pandas DataFrame with one row
    per group.

    Args:
        groups: dict of name -> list of Chorale, or one Chorale.

    Returns:
        DataFrame with the columns notes_alto to notes_bass (struck notes for each one of the
        soprano), ties_soprano to ties_bass (share of bar lines over which the voice holds its
        note), tonic (share of pieces that end on the tonic triad in root position), consonant
        (share of fermatas with a consonant chord) and cadence (share of fermatas whose bass is
        reached as in a cadence). NaN where there is nothing to measure, such as no bar lines.

    Raises:
        TypeError: `groups` is not a dict, or a group holds something other than chorales.
        ValueError: a group has no chorales.

    Examples:
        >>> import numpy as np
        >>> piece = Chorale(np.tile([72, 67, 64, 48], (16, 1)), key="C major")
        >>> float(phrasing({"one chord": [piece]})["tonic"].iloc[0])
        1.0

    Notebook: 04_evaluation
    """
    import pandas as pd

    rows = {}
    for name, chorales in as_groups(groups).items():
        struck = np.sum([chorale.struck.sum(axis=0) for chorale in chorales], axis=0)
        ties = np.sum([_ties(chorale) for chorale in chorales], axis=0)
        fermatas = np.concatenate([_fermatas(chorale) for chorale in chorales])
        rows[name] = (
            {f"notes_{voice}": struck[number] / struck[0] for number, voice in enumerate(VOICES)}
            | {f"ties_{voice}": _share(*ties[:, number]) for number, voice in enumerate(VOICES)}
            | {
                "tonic": float(np.mean(ends_on_tonic(chorales))),
                "consonant": _share(fermatas[:, 0].sum(), len(fermatas)),
                "cadence": _share(fermatas[:, 1].sum(), len(fermatas)),
            }
        )
    return pd.DataFrame.from_dict(rows, orient="index").drop(columns="notes_soprano")


def ends_on_tonic(chorales: Chorale | Iterable[Chorale]) -> np.ndarray:
    """Whether the last chord that sounds in each chorale is the tonic triad in root position: bool
    array (chorales,). The key is the piece's own, or else estimated. The third may be missing; in
    minor it may be major.

    Args:
        chorales: list of Chorale, or one Chorale.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> ends_on_tonic([Chorale([[72, 67, 64, 48]] * 16, key="C major")]).tolist()
        [True]

    Notebook: 05_generation
    """
    ends, chorales = [], as_chorales(chorales)
    for chorale, tonic, minor in zip(chorales, *Grid(chorales).keys):
        sounding = chorale.pitches[chorale.pitches.any(axis=1)].astype(int)
        notes = sounding[-1][sounding[-1] > 0] if len(sounding) else np.zeros(0, int)
        above = set((notes - tonic) % 12)
        triad = {0, 7, 4, 3} if minor else {0, 7, 4}
        ends.append(
            len(notes) > 0 and notes.min() % 12 == tonic and above <= triad and not {3, 4} <= above
        )
    return np.array(ends)


def _ties(chorale):
    """(bar lines over which each voice holds its note, bar lines at which it sings), int array
    (2, 4)."""
    bar = chorale.steps_per_bar
    if bar is None:
        return np.zeros((2, len(VOICES)), int)
    lines = np.arange(chorale.pickup or bar, len(chorale), bar)
    sings = chorale.pitches[lines] > 0
    return np.stack([(sings & ~chorale.struck[lines]).sum(axis=0), sings.sum(axis=0)])


def _fermatas(chorale):
    """bool array (fermatas, 2): whether the chord is consonant, and whether the bass moves as in a
    cadence."""
    if chorale.fermatas is None:
        return np.zeros((0, 2), bool)
    edges = np.diff(np.r_[0, chorale.fermatas.astype(int), 0])
    found = []
    for begin, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)):
        # a suspension may resolve under the fermata
        chords = chorale.pitches[begin:end:2]
        consonant = any(
            (chord > 0).all() and set((chord.astype(int) - chord.min()) % 12) in _CONSONANT
            for chord in chords
        )
        bass = chorale.pitches[max(0, begin - 2 * STEPS_PER_QUARTER) : begin + 1, -1].astype(int)
        moves = np.flatnonzero(np.diff(bass))
        leap = (bass[-1] - bass[moves[-1]]) % 12 if len(moves) else 0
        found.append((consonant, leap in (1, 2, 5, 7, 10, 11)))
    return np.array(found, bool).reshape(-1, 2)


def _share(count, of):
    return float(count / of) if of else np.nan
