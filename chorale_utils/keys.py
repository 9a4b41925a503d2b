"""Keys by name: their signatures, tonics and modes, and their names in transposition.

A key is a str in music21's spelling, such as ``'f# minor'`` or ``'B- major'``: ``-`` is flat, and
keys with a minor third have a small letter. `notation.key` finds the key of a chorale.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import re

# How many more sharps each mode's signature has than that of the major key on the same tonic.
MODES = {
    "major": 0,
    "ionian": 0,
    "lydian": 1,
    "mixolydian": -1,
    "dorian": -2,
    "minor": -3,
    "aeolian": -3,
    "phrygian": -4,
    "locrian": -5,
}
_KEY = re.compile(rf"([A-Ga-g])([#-]?) ({'|'.join(MODES)})")


def checked_key(key: object, name: str) -> str:
    """`key` in music21's spelling; raises a ValueError that begins with `name` if it is not a key.

    Examples:
        >>> checked_key("B- minor", "prelude")
        'b- minor'
    """
    parts = _KEY.fullmatch(key) if isinstance(key, str) else None
    if parts is None:
        raise ValueError(
            f"{name}: key {key!r}: expected tonic and mode, such as 'f# minor' or 'B- major' "
            f"('-' is flat; the mode is one of {', '.join(MODES)})"
        )
    tonic, sign, mode = parts.groups()
    return f"{tonic.lower() if MODES[mode] <= MODES['dorian'] else tonic.upper()}{sign} {mode}"


def key_signature(key: str) -> int:
    """The number of sharps in a key's signature; flats count as negative.

    Args:
        key: as in `Chorale`, such as ``'f# minor'`` or ``'d dorian'``.

    Examples:
        >>> key_signature("f# minor"), key_signature("E- major"), key_signature("d dorian")
        (3, -3, 0)
    """
    return _tonic_fifths(key) + MODES[key.split()[1]]


def tonic_and_mode(key: str) -> tuple[int, bool]:
    """(pitch class of a key's tonic, 0 for C to 11; whether the third above it is minor).

    Args:
        key: as in `Chorale`, such as ``'f# minor'`` or ``'d dorian'``.

    Examples:
        >>> tonic_and_mode("B- major"), tonic_and_mode("d dorian")
        ((10, False), (2, True))
    """
    return 7 * _tonic_fifths(key) % 12, MODES[key.split()[1]] <= MODES["dorian"]


def key_moved(key: str, fifths: int) -> str:
    """The name of a key whose tonic is moved along the line of fifths.

    Args:
        key: as in `Chorale`.
        fifths: number of fifths up, such as 2 for a major second up; negative for down. The new
            tonic must have at most one sharp or flat.

    Raises:
        ValueError: it has more.

    Examples:
        >>> key_moved("f# minor", -1)
        'b minor'
    """
    sharps, letter = divmod(_tonic_fifths(key) + fifths + 1, 7)
    tonic = "FCGDAEB"[letter] + ("#" * sharps if sharps > 0 else "-" * -sharps)
    return checked_key(f"{tonic} {key.split()[1]}", "transposed")


def _tonic_fifths(key: str) -> int:
    """The place of a key's tonic on the line of fifths: C 0, G 1, F -1, B flat -2."""
    tonic = key.split()[0]
    return "FCGDAEB".index(tonic[0].upper()) - 1 + 7 * (tonic.count("#") - tonic.count("-"))
