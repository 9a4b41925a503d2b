"""Where phrases end.

A fermata ends a phrase. If a chorale has no fermatas, as in a MIDI file, the ends are estimated.
Evidence is weighed at each beat, such as a long soprano note over a root-position triad with
nothing moving below. Dynamic programming then finds the best of all ways to divide the piece, given
that phrases of two bars are the most common.

Notebook: 04_evaluation
"""

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, Chorale, as_chorale

# Logistic regression on the fermatas of the 225 training pieces of the music21 edition, each with
# and without its struck notes. In validation pieces, 93 % of the phrase ends are found with struck
# notes and 87 % without; of those found, 91 % and 85 % are correct (tests/test_phrases.py).
_WEIGHTS = {
    "always": -10.2,
    "soprano held a half note": 1.0,
    "soprano held a dotted half note": 1.1,
    "soprano held a whole note": -1.1,
    "no other voice moves in the last beat": 3.3,
    "one note moves in the last beat": 0.3,
    "three voices begin after it": 1.7,
    "soprano begins after it": 0.5,
    "triad in root position": 1.9,
    "triad after a leap of a fourth or fifth in the bass": 3.2,
    "triad after a step in the bass": 1.8,
    "bass stays": 0.8,
    "silence follows": 3.6,
}
# length in quarters -> number of phrases in those pieces, of 1514; other lengths are rare
_LENGTHS = {4: 53, 5: 14, 6: 36, 7: 47, 8: 945, 9: 52, 10: 98, 11: 31, 12: 167, 13: 18, 14: 8}
_LENGTHS |= {15: 10, 16: 14, 24: 8}
_RARE, _ALL = 0.3, 1514
_LENGTH_WEIGHT, _PHRASE_BONUS = 0.5, 3.5  # chosen on the validation pieces


def phrase_ends(chorale: Chorale) -> np.ndarray:
    """The steps at which phrases end (int array): the first step after each phrase; the last is the
    length of the piece.

    Args:
        chorale: Chorale; if it has fermatas, only they are used.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> from chorale_utils import load_corpus
        >>> phrase_ends(load_corpus("music21", progress=False)["bwv66.6"]).tolist()
        [16, 32, 48, 80, 116, 144]

    Notebook: 04_evaluation
    """
    if not len(as_chorale(chorale)):
        return np.zeros(0, int)
    if chorale.fermatas is None or not chorale.fermatas.any():
        return _found_ends(chorale)
    under = np.append(chorale.fermatas, False)
    return np.union1d(np.flatnonzero(under[:-1] & ~under[1:]) + 1, [len(chorale)])


def phrase_closings(chorale: Chorale) -> np.ndarray:
    """bool (steps,): the steps under a fermata, or, without fermatas, those of the soprano's last
    note in each phrase.

    Notebook: 04_evaluation
    """
    if chorale.fermatas is not None and chorale.fermatas.any():
        return chorale.fermatas
    closing, begins = np.zeros(len(chorale), bool), chorale.struck[:, 0]
    for end in phrase_ends(chorale):
        struck = np.flatnonzero(begins[:end])
        closing[struck[-1] if len(struck) else 0 : end] = True
    return closing


def _found_ends(chorale):
    steps, pitches = len(chorale), chorale.pitches.astype(int)
    sounding = pitches != SILENCE
    begins = chorale.struck.copy()
    begins[1:] |= pitches[1:] != pitches[:-1]
    begins[0] = True
    begun = np.maximum.accumulate(np.where(begins, np.arange(steps)[:, None], 0), axis=0)
    beats = np.arange(chorale.pickup % STEPS_PER_QUARTER, steps, STEPS_PER_QUARTER)
    ends = np.append(beats[beats > 0], steps)
    last = ends - 1
    held = ends - begun[last, 0]
    moves = np.append(0, np.cumsum(begins[:, 1:].any(axis=1)))
    moved = moves[ends] - moves[ends - np.minimum(held, STEPS_PER_QUARTER) + 1]
    after = np.vstack([begins, np.ones((1, 4), bool)])[ends]
    lowest = np.where(sounding, pitches, 999).min(axis=1)
    above = np.where(sounding, 1 << (pitches - lowest[:, None]) % 12, 0)
    chord = np.bitwise_or.reduce(above, axis=1)[last]
    triad = ((chord & ~0b10001001) == 0) | ((chord & ~0b10010001) == 0)
    came = np.abs(lowest[last] - lowest[np.maximum(begun[last, 3] - 1, 0)])
    silence = np.append(~sounding.any(axis=1), True)[ends] & (ends < steps)
    seen = np.column_stack(
        [
            np.ones(len(ends)),
            held >= 8,
            held >= 12,
            held >= 16,
            moved == 0,
            moved == 1,
            after.sum(axis=1) >= 3,
            after[:, 0],
            triad,
            triad & np.isin(came % 12, (5, 7)),
            triad & np.isin(came, (1, 2)),
            came == 0,
            silence,
        ]
    )
    possible = (held >= STEPS_PER_QUARTER) & (after[:, 0] | (chorale.onsets is None))
    possible |= silence | (ends == steps)
    ends, worth = ends[possible], (seen @ list(_WEIGHTS.values()))[possible]
    return best_cut(ends, worth, _LENGTH_WEIGHT, _PHRASE_BONUS)


def best_cut(
    ends: np.ndarray, worth: np.ndarray, length_weight: float, phrase_bonus: float
) -> np.ndarray:
    """The ends (int array) of the phrases in the best division of a piece.

    Args:
        ends: int array, the steps at which a phrase may end; a phrase always ends at the last.
        worth: float array, the evidence that a phrase ends at each of them.
        length_weight: weight of the logarithm of a phrase length's frequency.
        phrase_bonus: added to that logarithm.
    """
    lengths = np.log([_LENGTHS.get(quarters, _RARE) / _ALL for quarters in range(25)])
    places, best, came_from = np.append(0, ends), [0.0], [0]
    for place in range(1, len(places)):
        quarters = np.minimum((places[place] - places[:place]) // STEPS_PER_QUARTER, 24)
        value = best + length_weight * (lengths[quarters] + phrase_bonus)
        came_from.append(int(value.argmax()))
        best.append(value.max() + worth[place - 1])
    found, place = [], len(places) - 1
    while place:
        found.append(int(places[place]))
        place = came_from[place]
    return np.array(found[::-1])
