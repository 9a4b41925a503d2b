"""Non-chord tones: notes outside the chord, and their kinds.

Each kind is defined by how the note is reached and left (Aldwell, Schachter and Cadwallader,
Harmony and Voice Leading, 2011, units 20 to 22).

Notebook: 04_evaluation
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..chorale import VOICES, Chorale, as_chorale
from .analysis import analyse
from .chords import QUALITIES

if TYPE_CHECKING:
    import pandas as pd

KINDS = (
    "passing",
    "neighbour",
    "suspension",
    "anticipation",
    "appoggiatura",
    "escape",
    "pedal",
    "leapt",
)
_STEP = 2  # semitones


def nonchord_tones(chorale: Chorale, analysis: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every note outside its chord, and its kind: passing (by step in one direction), neighbour (by
    step and back), suspension (held or repeated from the chord before, left by step), anticipation
    (of a note of the next chord), appoggiatura (reached by leap, left by step), escape (reached by
    step, left by leap), pedal (held while the chord changes and changes back), leapt (none of
    these: a leap or silence on both sides).

    A note that lasts through several chords is listed once for each chord that lacks it.

    Args:
        chorale: Chorale.
        analysis: the result of `analyse`; None computes it.

    Returns:
        pandas DataFrame: start and steps (sixteenths) of the part of the note that is outside the
        chord, bar and beat of the chord, voice (0 to 3, soprano to bass), pitch (MIDI number),
        kind.

    Raises:
        ValueError, TypeError: as in `analyse`.

    Examples:
        >>> chords = [[72, 64, 55, 48]] * 4 + [[72, 62, 55, 43]] * 2 + [[71, 62, 55, 43]] * 2
        >>> chorale = Chorale(np.array(chords + [[72, 64, 55, 48]] * 4), time_signature="3/4")
        >>> nonchord_tones(chorale)[["start", "steps", "voice", "kind"]].values.tolist()
        [[4, 2, 0, 'suspension']]

    Notebook: 04_evaluation
    """
    import pandas as pd

    analysis = analyse(as_chorale(chorale)) if analysis is None else analysis
    edges = np.append(analysis["start"].to_numpy(), len(chorale))
    members = np.zeros((len(analysis), 12), bool)
    for row, (root, quality) in enumerate(zip(analysis["root"], analysis["quality"])):
        members[row, [(root + above) % 12 for above in QUALITIES[quality]]] = True
    listed = []
    for voice in range(len(VOICES)):
        notes = chorale.notes(voice)
        for number, (start, length, pitch) in enumerate(notes.tolist()):
            first = int(np.searchsorted(edges, start, side="right")) - 1
            last = int(np.searchsorted(edges, start + length)) - 1
            inside = members[first : last + 1, pitch % 12]
            for row in range(first, last + 1):
                if inside[row - first]:
                    continue
                low, high = max(start, edges[row]), min(start + length, edges[row + 1])
                listed.append(
                    {
                        "start": int(low),
                        "steps": int(high - low),
                        "bar": int(analysis["bar"].iloc[row]),
                        "beat": float(analysis["beat"].iloc[row]),
                        "voice": voice,
                        "pitch": pitch,
                        "kind": _kind(notes, number, inside, row - first),
                    }
                )
    columns = ["start", "steps", "bar", "beat", "voice", "pitch", "kind"]
    table = pd.DataFrame(listed, columns=columns)
    return table.sort_values(["start", "voice"], ignore_index=True)


def _kind(notes, number, inside, part):
    """The kind of one part of a note (`part` is its number among the parts that the chords divide
    the note into).

    Args:
        notes: int array (notes, 3) of the voice, see `Chorale.notes`.
        number: number of the note.
        inside: bool for each part of the note, whether it is in the chord.
    """
    start, length, pitch = notes[number].tolist()
    came = left = None  # semitones from the note before, and to the note after
    if number and notes[number - 1, :2].sum() == start:
        came = pitch - int(notes[number - 1, 2])
    if number + 1 < len(notes) and notes[number + 1, 0] == start + length:
        left = int(notes[number + 1, 2]) - pitch
    prepared = inside[:part].any() or came == 0
    goes_on = inside[part + 1 :].any() or left == 0
    stepped_to = came is not None and 0 < abs(came) <= _STEP
    stepped_from = left is not None and 0 < abs(left) <= _STEP
    if prepared and goes_on:
        return "pedal"
    if prepared and stepped_from:
        return "suspension"
    if goes_on:
        return "anticipation"
    if stepped_to and stepped_from:
        return "passing" if (came > 0) == (left > 0) else "neighbour"
    if stepped_from:
        return "appoggiatura"
    if stepped_to:
        return "escape"
    return "leapt"
