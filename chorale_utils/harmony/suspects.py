"""Suspects: places in a corpus where a note may be wrong.

An error in an edition shows as something that the composer would not do: voices move in parallel, a
note clashes with its chord without resolving, two voices leap where each could continue by step in
the other's part, a voice leaps a seventh as if it were in the wrong octave. Each sign has a weight,
which is larger for signs that are rarer in Bach's chorales, and signs close together in the same
voice add up. Most places on the list are right: it only says where to look.

Notebook: 01_data_exploration
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, as_chorales
from ..judging.counterpoint import counted_faults
from ..notation.page import bars_of
from .analysis import analyse
from .evidence import with_metre
from .nonchord import nonchord_tones
from .phrases import phrase_ends

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("rank", "piece", "bar", "beat", "voices", "why", "weight")

# weights of faults from `counted_faults`
_WEIGHTS = {"parallel octaves": 3.0, "parallel fifths": 2.0, "leap": 1.5}
_OUTER = 1.5  # factor for soprano and bass, which everybody hears
_BETWEEN_PHRASES = 0.3  # factor if a phrase ends in between: there Bach does it, too
_LEAPT = 0.75  # weight per quarter of a note outside the chord, reached and left by leap
_EXCHANGE = 9  # semitones of leaping that exchanging two voices must save
_LONGEST_EXCHANGE = 16  # steps
_NEAR = 6  # steps within which signs belong together


class _Sign(NamedTuple):
    step: int
    voices: tuple[int, ...]
    why: str
    weight: float


def suspicious_places(chorales: Chorale | Iterable[Chorale]) -> pd.DataFrame:
    """Places at which a note may be wrong, the most suspicious first: pandas DataFrame with columns
    rank (1, 2, ...), piece (its name), bar and beat, voices (tuple of 0 to 3, soprano to bass),
    why, and weight.

    The signs are parallel fifths and octaves, leaps of a seventh or more than an octave, notes
    outside the chord that are reached and left by leap, and inner voices that seem to be exchanged.
    See `read_errata` for the errors found in this way in the music21 edition.

    Args:
        chorales: Chorale, a list of them, or a `Corpus`; a tenth of a second per piece.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> chords = [[67, 60, 55, 48]] * 4 + [[69, 62, 57, 50]] * 4
        >>> fifths = Chorale(chords, name="mine", time_signature="4/4")
        >>> suspicious_places(fifths)[["rank", "piece", "bar", "beat", "voices"]].values.tolist()
        [[1, 'mine', 1, 2.0, (0, 1, 2, 3)]]

    Notebook: 01_data_exploration
    """
    import pandas as pd

    rows = []
    for chorale in as_chorales(chorales):
        chorale = with_metre(chorale)
        if (chorale.pitches != SILENCE).any():
            rows += [
                (chorale.name, *_bar_and_beat(chorale, place[0].step), *_told(place))
                for place in _places(
                    [*_faults(chorale), *_strangers(chorale), *_exchanges(chorale)]
                )
            ]
    rows.sort(key=lambda row: -row[-1])
    ranked = [(rank, *row) for rank, row in enumerate(rows, start=1)]
    return pd.DataFrame(ranked, columns=list(COLUMNS))


def _faults(chorale: Chorale) -> Iterable[_Sign]:
    """Parallels and odd leaps."""
    ends = set(phrase_ends(chorale).tolist())
    for step, voices, rule in counted_faults(chorale):
        if rule in _WEIGHTS:
            weight = _WEIGHTS[rule] * (_OUTER if voices == (0, 3) else 1)
            weight *= _BETWEEN_PHRASES if step in ends else 1
            yield _Sign(step, voices, f"{rule} ({_named(voices)})", weight)


def _strangers(chorale: Chorale) -> Iterable[_Sign]:
    """Notes of at least an eighth that are outside the chord and reached and left by leap."""
    tones = nonchord_tones(chorale, analyse(chorale))
    for start, steps, voice in tones[tones["kind"] == "leapt"][
        ["start", "steps", "voice"]
    ].itertuples(index=False):
        if steps > 1:
            weight = _LEAPT * steps / STEPS_PER_QUARTER
            yield _Sign(start, (voice,), f"outside the chord ({VOICES[voice]})", weight)


def _exchanges(chorale: Chorale) -> Iterable[_Sign]:
    """Stretches in which alto and tenor would leap less if they were exchanged."""
    pitches = chorale.pitches.astype(int)
    alto, tenor = pitches[:, 1], pitches[:, 2]
    both = (alto != SILENCE) & (tenor != SILENCE)
    straight = np.abs(np.diff(alto)) + np.abs(np.diff(tenor))
    crossed = np.abs(tenor[1:] - alto[:-1]) + np.abs(alto[1:] - tenor[:-1])
    saved = np.where(both[1:] & both[:-1], straight - crossed, -99)
    begin = 0
    while begin < len(saved):
        ends = range(begin + 1, min(begin + 1 + _LONGEST_EXCHANGE, len(saved)))
        best = max(ends, key=lambda end: saved[end], default=begin)
        if saved[begin] > 0 and best > begin and saved[best] > 0:
            total = int(saved[begin] + saved[best])
            if total >= _EXCHANGE:
                yield _Sign(begin + 1, (1, 2), "alto and tenor exchanged", total / _EXCHANGE)
                begin = best
        begin += 1


def _places(signs: list[_Sign]) -> list[list[_Sign]]:
    """The signs, grouped if they are close together and share a voice."""
    places: list[list[_Sign]] = []
    for sign in sorted(signs, key=lambda sign: sign.step):
        for place in reversed(places):
            if sign.step - place[-1].step > _NEAR:
                continue
            if any(set(sign.voices) & set(other.voices) for other in place):
                place.append(sign)
                break
        else:
            places.append([sign])
    return places


def _told(place: list[_Sign]) -> tuple[tuple[int, ...], str, float]:
    """(voices, reasons, weight) of a place."""
    voices = tuple(sorted({voice for sign in place for voice in sign.voices}))
    reasons = [sign.why for sign in place]
    why = "; ".join(
        f"{reason}, {reasons.count(reason)} times" if reasons.count(reason) > 1 else reason
        for reason in dict.fromkeys(reasons)
    )
    return voices, why, round(sum(sign.weight for sign in place), 2)


def _named(voices: Iterable[int]) -> str:
    return " and ".join(VOICES[voice] for voice in voices)


def _bar_and_beat(chorale: Chorale, step: int) -> tuple[int, float]:
    bar = next(bar for bar in bars_of(chorale) if bar.start <= step < bar.stop)
    unit = int(bar.time_signature.split("/")[1])
    return bar.number, 1 + (bar.offset + step - bar.start) * unit / 16
