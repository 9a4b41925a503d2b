"""The exercises of notebooks 1 and 2: the corpus, and chorales as tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..chorale import VOICE_RANGES, VOICES, described
from ..corpus.editions import load_corpus
from ..encoding import END_TOKEN, encode
from ..part_writing.checking import faults
from .answers import (
    Exercise,
    NotYet,
    WrongKind,
    chorale,
    number,
    parts,
    piece_named,
    text,
    tokens,
    voices,
    whole,
)
from .sealing import recognise

MANY = 5  # pieces to look at in 1.1


def last_moves(answer: Any) -> str:
    """1.1: which voices move last in some pieces."""
    if not isinstance(answer, Mapping):
        raise WrongKind(f"got {described(answer)}")
    if len(answer) < MANY:
        raise NotYet(f"{len(answer)} pieces: look at {MANY} or more.")
    major = 0
    for name, told in answer.items():
        chosen = piece_named(name, "pieces")
        moves = np.diff(chosen.pitches, axis=0) != 0
        last = int(np.flatnonzero(moves.any(axis=1))[-1])
        moving = {VOICES[voice] for voice in np.flatnonzero(moves[last])}
        still = voices(told, name) - moving
        if still:
            voice = sorted(still)[0]
            strikes = chosen.struck[last + 1, VOICES.index(voice)]
            why = "strikes the same pitch again" if strikes else "already holds its note"
            raise NotYet(
                f"{name}: when the last change comes, at step {last + 1}, the {voice} {why}."
            )
        if len(voices(told, name)) not in (1, len(moving)):
            raise NotYet(f"{name}: more voices move together at step {last + 1}; name one, or all.")
        major += 4 in (chosen.pitches[-1] - chosen.pitches[-1, 3]) % 12
    return (
        f"{major} of your {len(answer)} pieces end with a major third above the bass. Look at "
        "their keys: what does Bach do at the end of a piece in minor?"
    )


def crossings(answer: Any) -> str:
    """1.2: how often soprano and alto cross, and which voices cross most."""
    steps, most = parts(answer, "steps", "most")
    _exact("1.2", "steps", whole(steps, "steps"))
    pair = voices(most, "most")
    if len(pair) != 2:
        raise NotYet("most: two voices cross; name both.")
    _exact("1.2", "most", pair)
    return (
        "The upper two seldom cross: the congregation sings with the soprano. Where do the two "
        "that cross most do it, and what does each gain by it?"
    )


def chord_sets(answer: Any) -> str:
    """1.3: the ten most frequent sets of intervals above the bass, and their names."""
    if isinstance(answer, str) or not isinstance(answer, Iterable):
        raise WrongKind(f"got {described(answer)}")
    try:
        sets = [frozenset(int(one) for one in each) for each in answer]
    except (TypeError, ValueError):
        raise WrongKind("expected sets of whole numbers, such as {0, 4, 7}") from None
    if len(set(sets)) != 10:
        raise NotYet(f"{len(set(sets))} different sets: expected ten.")
    if not all(0 <= one < 12 for each in sets for one in each):
        raise NotYet("Pitch classes are 0 to 11: what is left when you divide by 12.")
    if not all(0 in each for each in sets):
        raise NotYet("The bass itself is 0, so every set has a 0. Is a set relative to its bass?")
    words = ["+".join(f"{one:02d}" for one in sorted(each)) for each in sets]
    hint = recognise("1.3", "sets", words)
    if hint is None:
        strange = [each for each, word in zip(sets, words) if recognise("1.3", "one", word) is None]
        if strange:
            raise NotYet(
                f"Not among the ten: {', '.join(str(sorted(each)) for each in strange[:3])}. "
                "Leave out silent voices: silence is 0, which is not a pitch."
            )
    if hint:
        raise NotYet(hint)
    _exact("1.3", "order", " ".join(words))
    if isinstance(answer, Mapping):
        _named(dict(zip(sets, answer.values())))
        return (
            "Triads, their inversions, sevenths, and one that is not a real chord: listen "
            "for the suspension."
        )
    return (
        "Now give each its name: check a dict of set and name, such as {(0, 4, 7): '...'}; "
        "tuples can be keys, sets cannot."
    )


def _named(names):
    """Makes sure that no name contradicts the quality of its set."""
    from music21.chord import Chord

    for each, name in names.items():
        text(name, str(sorted(each)), words=1)
        common = Chord(sorted(each)).commonName.lower()
        for quality, other in (("major", "minor"), ("minor", "major")):
            if (
                f"{quality} triad" in common
                and other in name.lower()
                and quality not in name.lower()
            ):
                raise NotYet(
                    f"{sorted(each)} is not {other}. Put the notes in thirds first: the bass need "
                    "not be the root."
                )


def near_copy(answer: Any) -> str:
    """1.4: the training piece behind the first near-copy, and the student's own threshold."""
    nearest, threshold = parts(answer, "nearest", "threshold")
    _exact("1.4", "nearest", piece_named(nearest, "nearest").name)
    threshold = number(threshold, "threshold")
    if not 0 < threshold <= 1:
        raise NotYet(f"threshold: got {threshold:g}: a share lies between 0 and 1.")
    share = load_corpus(progress=False).near_copies()["share"]
    many = int((share > threshold).sum())
    if not many:
        raise NotYet("With this threshold, not even this pair is a copy. Listen to both again.")
    return (
        f"With {threshold:g}, {many} of {len(share)} pieces count as copies. The right number is a "
        "matter of judgement; what counts is that you listened to pairs on both sides of it."
    )


def own_chords(answer: Any) -> str:
    """2.1: the student's own chords, and their tokens."""
    given, encoded = parts(answer, "chorale", "tokens")
    own = chorale(given, "chorale")
    if len(np.unique(own.pitches, axis=0)) < 2:
        raise NotYet("One chord is not a progression: write at least two different ones.")
    if not (own.pitches > 0).any(axis=0).all():
        raise NotYet("A voice is silent throughout: each row has four numbers, soprano first.")
    if (np.diff(own.pitches, axis=1) > 0).all():
        raise NotYet("Your lowest number comes first: the columns are soprano, alto, tenor, bass.")
    expected = encode(own.pitches)
    found = tokens(encoded)
    if np.array_equal(found, own.pitches.ravel()) or np.array_equal(found, own.pitches):
        raise NotYet("These are still MIDI numbers. What does encode return?")
    if not np.array_equal(found, expected):
        ended = np.array_equal(np.append(found, [END_TOKEN] * 4), expected)
        more = " The four ends belong to it." if ended else " Is it the same piece?"
        raise NotYet(f"encode returns something else for this chorale.{more}")
    outside = [
        voice
        for voice, (low, high), line in zip(VOICES, VOICE_RANGES, own.pitches.T)
        if ((line > 0) & ((line < low) | (line > high))).any()
    ]
    marked = len(faults(own))
    said = f"{len(expected)} tokens: four per step, and four ends."
    said += f" Outside its usual range: {', '.join(outside)}." if outside else ""
    return said + f" A harmony class would mark {marked or 'nothing'}{' places' * (marked > 1)}."


def voice_order(answer: Any) -> str:
    """2.2: the first training piece with the voices in another order, and the best order."""
    encoded, order, why = parts(answer, "tokens", "order", "why")
    first = load_corpus(progress=False).train[0].pitches
    found, expected = tokens(encoded), encode(first[:, ::-1])
    if np.array_equal(found, encode(first)):
        raise NotYet("The soprano still comes first: tokens[:4] are the first chord.")
    if np.array_equal(found, encode(first[::-1, ::-1])) or np.array_equal(
        found, encode(first)[::-1]
    ):
        raise NotYet("You have reversed time as well: only the columns change places.")
    if not np.array_equal(found, expected):
        if len(found) == len(expected) - 4 and np.array_equal(found, expected[:-4]):
            raise NotYet("The four ends are missing.")
        raise NotYet(
            f"Expected {len(expected)} tokens of chorales.train[0], the bass of each step first."
        )
    named = voices(order, "order")
    if isinstance(order, str) or len(list(order)) != 4 or named != set(VOICES):
        raise NotYet(
            "order: expected each of the four voices once, in the order that you would choose."
        )
    text(why, "why")
    return (
        "There is no right order: by the chain rule, each gives a proper likelihood. Does your "
        "reason say what is easy to predict once something else is known?"
    )


def transpositions(answer: Any) -> str:
    """2.3: which transpositions suit every piece, and how many pieces allow all twelve."""
    moves, pieces = parts(answer, "transpositions", "pieces")
    if isinstance(moves, (str, int)) or not isinstance(moves, Iterable):
        raise WrongKind(f"transpositions: got {described(moves)}: expected a set of whole numbers")
    found = {whole(one, "transpositions") for one in moves}
    if 0 not in found:
        raise NotYet("transpositions: does not moving at all keep a piece within its range?")
    _exact("2.3", "transpositions", found)
    _exact("2.3", "pieces", whole(pieces, "pieces"))
    return (
        "That is why the vocabulary goes from 31 to 87, and why the gain is not free: some "
        "notes occur only in transpositions."
    )


def windows(answer: Any) -> str:
    """2.4: what a window across two pieces teaches."""
    words = text(answer, "answer", words=20).lower()
    for needed, hint in (
        (("end", "over"), "What comes between two pieces, and when does the model see it?"),
        (
            ("begin", "start", "first", "open"),
            "What does a piece's first note look like in such a window?",
        ),
        (
            ("lose", "lost", "loss", "short", "waste", "fewer", "never", "drop", "pad"),
            "And the second question: what would be lost if windows never crossed from piece to "
            "piece?",
        ),
    ):
        if not any(word in words for word in needed):
            raise NotYet(hint)
    return (
        "Your answer mentions the end, the beginning and what would be lost; compare it with the "
        "solution to see whether it is right."
    )


def _exact(exercise, part, *forms):
    """A part of an answer that must be one of the sealed ones."""
    hint = recognise(exercise, part, *forms)
    if hint is None:
        raise NotYet(f"{part}: {OTHERWISE[f'{exercise} {part}']}")
    if hint:
        raise NotYet(f"{part}: {hint}")


OTHERWISE = {
    "1.2 steps": (
        "another number. Count the steps, in all 375 pieces of the default corpus, in which "
        "both voices sing and the alto is the higher one."
    ),
    "1.2 most": "another pair crosses more often. There are six pairs; count them all.",
    "1.3 order": "the right ten, in another order: the most frequent comes first.",
    "1.4 nearest": (
        "another piece. copies.iloc[0] has a column for it; give its name as it stands there."
    ),
    "2.3 transpositions": (
        "not these. Which are the lowest and the highest note of all pieces, and how far are they "
        "from 36 and 81?"
    ),
    "2.3 pieces": (
        "another number. A piece counts if its lowest note, five semitones lower, and its "
        "highest, six higher, stay within 36 to 81; of all 375 pieces."
    ),
}

EXERCISES = (
    Exercise(
        "1.1",
        '{"bwv360": "bass", ...}',
        "for five pieces or more, whether the voices that you name move at the last change of "
        "pitch",
        last_moves,
    ),
    Exercise(
        "1.2",
        '{"steps": 0, "most": ("soprano", "alto")}',
        "the number of steps in all pieces, and the pair",
        crossings,
    ),
    Exercise(
        "1.3",
        '{(0, 4, 7): "...", ...}, or a list of sets',
        "the ten sets, the most frequent first, and that no name contradicts its set",
        chord_sets,
    ),
    Exercise(
        "1.4",
        '{"nearest": "bwv...", "threshold": 0.5}',
        "the piece; the threshold is yours",
        near_copy,
    ),
    Exercise(
        "2.1",
        '{"chorale": chorale, "tokens": encode(chorale.pitches)}',
        "that there are four voices and two chords, and that the tokens match",
        own_chords,
    ),
    Exercise(
        "2.2",
        '{"tokens": tokens, "order": ("bass", ...), "why": "..."}',
        "the tokens of chorales.train[0]; the order and its reason are yours",
        voice_order,
    ),
    Exercise(
        "2.3",
        '{"transpositions": {0, ...}, "pieces": 0}',
        "both, for all 375 pieces of the default corpus",
        transpositions,
    ),
    Exercise(
        "2.4",
        '"..."',
        "whether you mention the end, the beginning and what would be lost; no program can judge "
        "an argument",
        windows,
    ),
)
