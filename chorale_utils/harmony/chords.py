"""Chords: the Roman numerals that the analysis can choose from, as tables of numbers.

A numeral is a name within a key; it stands for a chord, which is a set of notes. This file lists
the numerals of major and minor with their chords, and spells keys. The figures are those of
RomanText (Tymoczko, Gotham, Cuthbert and Ariza 2019, "The RomanText Format"), interpreted as in
music21: in minor, ``VI`` and ``VII`` are on the lowered degrees, ``vi`` and ``vii`` on the raised
ones. This file reads no chorale.

Notebook: 04_evaluation
"""

from functools import cache
from typing import NamedTuple

import numpy as np

# each quality and its notes in semitones above the root: root, third, fifth, seventh. The root of
# an augmented sixth is as in music21: the note an augmented sixth above the bass, in the French
# sixth the second note.
QUALITIES: dict[str, tuple[int, ...]] = {
    "major": (0, 4, 7),
    "minor": (0, 3, 7),
    "diminished": (0, 3, 6),
    "augmented": (0, 4, 8),
    "dominant-seventh": (0, 4, 7, 10),
    "major-seventh": (0, 4, 7, 11),
    "minor-seventh": (0, 3, 7, 10),
    "half-diminished-seventh": (0, 3, 6, 10),
    "diminished-seventh": (0, 3, 6, 9),
    "augmented-seventh": (0, 4, 8, 11),
    "Italian": (0, 2, 6),
    "German": (0, 2, 6, 9),
    "French": (0, 4, 6, 10),
}
MODES = ("major", "minor")

_MARKS = {
    "diminished": "o",
    "augmented": "+",
    "half-diminished-seventh": "ø",
    "diminished-seventh": "o",
    "augmented-seventh": "+",
}
_TRIAD_FIGURES = ("", "6", "64")
_SEVENTH_FIGURES = ("7", "65", "43", "42")
_SHORT = {
    "M": "major",
    "m": "minor",
    "d": "diminished",
    "A": "augmented",
    "7": "dominant-seventh",
    "M7": "major-seventh",
    "m7": "minor-seventh",
    "h7": "half-diminished-seventh",
    "d7": "diminished-seventh",
    "A7": "augmented-seventh",
}
# degree, semitones above the tonic, qualities
_DEGREES = {
    "major": (
        "I 0 M M7, i 0 m, ii 2 m m7, ii 2 d h7, iii 4 m m7, bIII 3 M, IV 5 M M7, iv 5 m m7, "
        "V 7 M 7, V 7 A, v 7 m m7, vi 9 m m7, bVI 8 M, vii 11 d h7 d7, bVII 10 M M7"
    ),
    "minor": (
        "i 0 m m7, I 0 M, ii 2 d h7, ii 2 m m7, III 3 M M7, III 3 A A7, iv 5 m m7, IV 5 M 7, "
        "V 7 M 7, v 7 m m7, VI 8 M M7, vi 9 d h7, VII 10 M 7, vii 11 d d7"
    ),
}
# targets of applied dominants and leading-tone chords: degree, semitones, whether a major triad
_APPLIED_TO = {
    "major": (
        ("ii", 2, False),
        ("iii", 4, False),
        ("IV", 5, True),
        ("V", 7, True),
        ("vi", 9, False),
    ),
    "minor": (
        ("III", 3, True),
        ("iv", 5, False),
        ("V", 7, True),
        ("VI", 8, True),
        ("VII", 10, True),
    ),
}
_SIXTHS = (
    ("N6", 1, "major", 1),
    ("It6", 6, "Italian", 1),
    ("Ger65", 6, "German", 1),
    ("Fr43", 2, "French", 2),
)
_LETTERS = "FCGDAEB"  # along the line of fifths, C being 0
# the places of a key's notes on the line of fifths, by semitones above the tonic
_FIFTHS_ABOVE = (0, -5, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5)
# and those of a chord's notes, by their number in the chord and semitones above the root
_FIFTHS_IN_CHORD = (
    {0: 0},
    {4: 4, 3: -3, 2: -10},
    {7: 1, 6: -6, 8: 8},
    {10: -2, 11: 5, 9: -9},
)
_MOST_ACCIDENTALS = 7  # in a key signature


class Numeral(NamedTuple):
    """A Roman numeral in major or in minor.

    Attributes:
        figure: such as ``'V65/V'``.
        mode: ``'major'`` or ``'minor'``, the mode of the key in which it is read.
        degree: the figure without inversion, seventh and quality mark, such as ``'V/V'``.
        root: semitones above the tonic, 0..11.
        quality: one of `QUALITIES`.
        inversion: 0 (root in the bass) to 3.
        fifths: place of the root on the line of fifths relative to the tonic, for spelling: 1 for
            the dominant, -1 for the subdominant, 7 for the raised tonic.

    Notebook: 04_evaluation
    """

    figure: str
    mode: str
    degree: str
    root: int
    quality: str
    inversion: int
    fifths: int


@cache
def numerals() -> tuple[Numeral, ...]:
    """All numerals that the analysis knows, those of major first.

    Notebook: 04_evaluation
    """
    return tuple(each for mode in MODES for each in _of_mode(mode))


def _of_mode(mode):
    for entry in _DEGREES[mode].split(", "):
        degree, root, *qualities = entry.split()
        for quality in qualities:
            yield from _inversions(mode, degree, int(root), _SHORT[quality])
    for figure, root, quality, inversion in _SIXTHS:
        yield Numeral(
            figure, mode, figure.rstrip("6543"), root, quality, inversion, _FIFTHS_ABOVE[root]
        )
    for target, above, major in _APPLIED_TO[mode]:
        for degree, root, quality in (
            ("V", 7, "major"),
            ("V", 7, "dominant-seventh"),
            ("vii", 11, "diminished"),
            ("vii", 11, "diminished-seventh"),
            ("vii", 11, "half-diminished-seventh"),
        ):
            if (degree, target, quality) != ("V", "IV", "major") and (
                major or quality != "half-diminished-seventh"
            ):
                yield from _inversions(mode, degree, root, quality, above, f"/{target}")


def _inversions(mode, degree, root, quality, above=0, applied=""):
    fifths = _FIFTHS_ABOVE[root] + _FIFTHS_ABOVE[above]
    figures = _TRIAD_FIGURES if len(QUALITIES[quality]) == 3 else _SEVENTH_FIGURES
    for inversion, figure in enumerate(figures):
        name = f"{degree}{_MARKS.get(quality, '')}{figure}{applied}"
        yield Numeral(name, mode, degree + applied, (root + above) % 12, quality, inversion, fifths)


@cache
def numeral(figure: str, mode: str) -> Numeral:
    """The numeral with this figure in major or minor.

    Raises:
        ValueError: the analysis has no such numeral.

    Examples:
        >>> numeral("V65/V", "major").quality
        'dominant-seventh'

    Notebook: 04_evaluation
    """
    for each in numerals():
        if (each.figure, each.mode) == (figure, mode):
            return each
    raise ValueError(
        f"numeral {figure!r} in {mode!r}: expected one of chords.numerals(), such as 'V65/V' in "
        f"'major'"
    )


def spelt_notes(figure: str, key: str) -> tuple[int, ...]:
    """The notes of a numeral in a key, from the root up, as places on the line of fifths (C is 0, G
    1, F -1).

    Args:
        figure: such as ``'V65/V'``.
        key: such as ``'f# minor'``.

    Raises:
        ValueError: no such numeral or key.

    Examples:
        >>> [note_spelt(place) for place in spelt_notes("V7", "c minor")]
        ['G', 'B', 'D', 'F']

    Notebook: 04_evaluation
    """
    tonic, minor = parse_key(key)
    found = numeral(figure, MODES[minor])
    return tuple(
        tonic + found.fifths + _FIFTHS_IN_CHORD[place][semitones]
        for place, semitones in enumerate(QUALITIES[found.quality])
    )


def note_spelt(fifths: int) -> str:
    """The name of a note by its place on the line of fifths, such as ``'F#'`` for 6 and ``'B-'``
    for -2.

    Examples:
        >>> note_spelt(6), note_spelt(-2)
        ('F#', 'B-')

    Notebook: 04_evaluation
    """
    accidentals, place = divmod(fifths + 1, 7)
    return _LETTERS[place] + ("#" * accidentals if accidentals > 0 else "-" * -accidentals)


def parse_key(key: str) -> tuple[int, bool]:
    """(the place of a key's tonic on the line of fifths, whether the key is minor).

    Args:
        key: such as ``'f# minor'`` or ``'B- major'``.

    Raises:
        ValueError: `key` does not have this form.

    Examples:
        >>> parse_key("f# minor")
        (6, True)

    Notebook: 04_evaluation
    """
    tonic, _, mode = key.partition(" ")
    letter, signs = tonic[:1].upper(), tonic[1:]
    if not letter or letter not in _LETTERS or signs.strip("#-") or mode not in MODES:
        raise ValueError(f"key {key!r}: expected tonic and mode, such as 'f# minor' or 'B- major'")
    fifths = _LETTERS.index(letter) - 1 + 7 * (signs.count("#") - signs.count("-"))
    return fifths, mode == "minor"


def key_spelt(tonic: int, minor: bool, near: int = 0) -> str:
    """The name of a key.

    Args:
        tonic: pitch class, 0..11.
        minor: whether it is minor.
        near: number of sharps that the key's signature should be close to; of two equally close
            keys, the one with fewer accidentals is chosen, and of two such, the one with sharps.

    Examples:
        >>> key_spelt(6, minor=False, near=4), key_spelt(6, minor=False, near=-4)
        ('F# major', 'G- major')

    Notebook: 04_evaluation
    """
    least = (tonic * 7 - 3 * minor) % 12
    signatures = [sharps for sharps in (least - 12, least) if abs(sharps) <= _MOST_ACCIDENTALS]
    sharps = min(signatures, key=lambda sharps: (abs(sharps - near), abs(sharps), -sharps))
    name = note_spelt(sharps + 3 * minor)
    return f"{name.lower() if minor else name} {MODES[minor]}"


class Tables(NamedTuple):
    """The numerals as arrays for arithmetic: G numerals, S sonorities.

    A sonority is a quality with an inversion, such as a dominant seventh on its third.

    Attributes:
        minor: bool (G,).
        root, bass, inversion: int (G,), root and bass in semitones above the tonic.
        sonority: int (G,), index of the numeral's sonority.
        role: int (S, 12): the role of a note this many semitones above the root: 0 root, 1 third, 2
            fifth, 3 seventh, 4 not in the chord.
        bass_role: int (S, 12): 0 the sonority's own bass, 1 another chord tone, 2 neither.
        notes: int (S,), number of notes in the chord, 3 or 4.

    Notebook: 04_evaluation
    """

    minor: np.ndarray
    root: np.ndarray
    bass: np.ndarray
    inversion: np.ndarray
    sonority: np.ndarray
    role: np.ndarray
    bass_role: np.ndarray
    notes: np.ndarray


@cache
def tables() -> Tables:
    """The numerals as arrays, see `Tables`.

    Notebook: 04_evaluation
    """
    listed = numerals()
    kinds = sorted({(numeral.quality, numeral.inversion) for numeral in listed})
    role = np.full((len(kinds), 12), 4)
    bass_role = np.full((len(kinds), 12), 2)
    for number, (quality, inversion) in enumerate(kinds):
        for place, semitones in enumerate(QUALITIES[quality]):
            role[number, semitones] = place
            bass_role[number, semitones] = int(place != inversion)
    root = np.array([numeral.root for numeral in listed])
    above = np.array([QUALITIES[numeral.quality][numeral.inversion] for numeral in listed])
    return Tables(
        minor=np.array([numeral.mode == "minor" for numeral in listed]),
        root=root,
        bass=(root + above) % 12,
        inversion=np.array([numeral.inversion for numeral in listed]),
        sonority=np.array([kinds.index((each.quality, each.inversion)) for each in listed]),
        role=role,
        bass_role=bass_role,
        notes=np.array([len(QUALITIES[quality]) for quality, _ in kinds]),
    )
