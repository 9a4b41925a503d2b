"""Sealed answers: exact answers to exercises, stored as salted hashes, so that a right answer can
be recognised without being revealed.

`sealed.csv` has one row for each known answer: the right ones, without a hint, and typical wrong
ones, each with its hint. The hash is scrypt (RFC 7914) of the answer in a canonical form, salted
with the exercise and the part of the answer. It takes some hundredths of a second: nothing for one
answer, but a lot for trying all numbers.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

SEALED = Path(__file__).with_name("sealed.csv")


def canonical(answer: int | float | str | Iterable[int] | Iterable[str]) -> str:
    """The canonical form (str) of an answer for hashing: numbers unchanged, words in lower case,
    sets sorted.

    Args:
        answer: a whole number, a number that has been rounded, a word, or a set of them.

    Examples:
        >>> canonical({"tenor", "Alto"}), canonical(12), canonical(0.5)
        ('alto,tenor', '12', '0.5')
    """
    if isinstance(answer, str):
        return " ".join(answer.lower().split())
    if isinstance(answer, Iterable):
        return ",".join(sorted(canonical(one) for one in answer))
    return f"{answer:g}" if isinstance(answer, float) else str(int(answer))


def seal(
    exercise: str, part: str, answer: int | float | str | Iterable[int] | Iterable[str]
) -> str:
    """The hash (hexadecimal) of an answer, as in `sealed.csv`.

    Args:
        exercise: its number, such as ``'1.2'``.
        part: the part of the answer.
        answer: as in `canonical`.

    Examples:
        >>> seal("0.0", "steps", 3) == seal("0.0", "steps", 3), len(seal("0.0", "steps", 3))
        (True, 32)
        >>> seal("0.0", "steps", 3) == seal("0.1", "steps", 3)
        False
    """
    salt = f"chorale exercise {exercise}, {part}".encode()
    return hashlib.scrypt(canonical(answer).encode(), salt=salt, n=2**13, r=8, p=1, dklen=16).hex()


def recognise(
    exercise: str, part: str, *answers: int | float | str | Iterable[int] | Iterable[str]
) -> str | None:
    """The hint for the first known answer: ``''`` if it is right, None if no answer is known.

    Args:
        exercise, part: as in `seal`.
        answers: forms of one answer, such as a number and its neighbours after rounding.

    Examples:
        >>> recognise("1.2", "steps", -1) is None
        True
    """
    known = {digest: hint for at, of, digest, hint in _rows() if (at, of) == (exercise, part)}
    for answer in answers:
        hint = known.get(seal(exercise, part, answer))
        if hint is not None:
            return hint
    return None


@cache
def _rows() -> list[tuple[str, str, str, str]]:
    with SEALED.open(encoding="utf-8", newline="") as file:
        return [
            (row["exercise"], row["part"], row["hash"], row["hint"]) for row in csv.DictReader(file)
        ]
