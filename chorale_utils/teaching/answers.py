"""Answers: what an exercise expects, how a student's answer is read, and how it is judged.

Each exercise has its own judging function, in the module of its notebooks. The function takes the
parts of the answer, raises `NotYet` with a hint if one is wrong, and returns a comment if all are
right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chorale import VOICES, Chorale, Pieces, described
from ..corpus.editions import load_corpus

if TYPE_CHECKING:
    import pandas as pd


class NotYet(Exception):
    """An answer that is not right yet; its text is the hint."""


class WrongKind(TypeError):
    """A part of an answer has the wrong type."""


@dataclass(frozen=True)
class Exercise:
    """An exercise of the notebooks.

    Args:
        number: such as ``'1.2'``: notebook 1, second exercise.
        form: the form of an answer, as Python code.
        looked_at: a phrase that says what was checked.
        judge: takes the answer; raises NotYet or WrongKind, or returns a comment on a right answer.
    """

    number: str
    form: str
    looked_at: str
    judge: Callable[[Any], str]


def parts(answer: Any, *names: str) -> list[Any]:
    """The parts of an answer, a dict, in the order of `names`.

    Raises:
        WrongKind: the answer is not a dict.
        NotYet: a part is missing or unknown.

    Examples:
        >>> parts({"b": 2, "a": 1}, "a", "b")
        [1, 2]
    """
    if not isinstance(answer, Mapping):
        raise WrongKind(f"got {described(answer)}")
    missing = [name for name in names if name not in answer]
    unknown = [name for name in answer if name not in names]
    if missing or unknown:
        what = [f"the part {name!r} is missing" for name in missing]
        what += [f"there is no part {name!r}" for name in unknown]
        raise NotYet(f"{'; '.join(what)}. Expected the parts {', '.join(map(repr, names))}.")
    return [answer[name] for name in names]


def whole(value: Any, what: str) -> int:
    """A whole number.

    Raises:
        WrongKind: it is none.

    Examples:
        >>> whole(np.int64(3), "steps")
        3
    """
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise WrongKind(f"{what}: got {described(value)}: expected a whole number")
    return int(value)


def number(value: Any, what: str) -> float:
    """A finite number.

    Raises:
        WrongKind: it is none.

    Examples:
        >>> number(np.float32(0.5), "nats")
        0.5
    """
    real = isinstance(value, (int, float, np.integer, np.floating))
    if isinstance(value, (bool, np.bool_)) or not real or not math.isfinite(value):
        raise WrongKind(f"{what}: got {described(value)}: expected a number")
    return float(value)


def text(value: Any, what: str, words: int = 5) -> str:
    """A text of at least this many words.

    Raises:
        WrongKind: it is not a text.
        NotYet: it has fewer words.

    Examples:
        >>> text("because it is so indeed", "why")
        'because it is so indeed'
    """
    if not isinstance(value, str):
        raise WrongKind(f"{what}: got {described(value)}: expected a text (str)")
    if len(value.split()) < words:
        raise NotYet(f"{what}: write a few sentences: {words} words or more.")
    return value


def voices(value: Any, what: str) -> set[str]:
    """Names of voices: one, or several.

    Raises:
        WrongKind: something else.
        NotYet: a name that is not a voice.

    Examples:
        >>> sorted(voices(("Alto", "tenor"), "most")), voices("bass", "lowest")
        (['alto', 'tenor'], {'bass'})
    """
    names = [value] if isinstance(value, str) else value
    names = list(names) if isinstance(names, Iterable) else [None]
    if not all(isinstance(name, str) for name in names):
        raise WrongKind(f"{what}: got {described(value)}: expected names of voices")
    found = {name.strip().lower() for name in names}
    if not found or not found <= set(VOICES):
        raise NotYet(f"{what}: got {described(value)}: the voices are {', '.join(VOICES)}.")
    return found


def piece_named(value: Any, what: str) -> Chorale:
    """The piece of the corpus that has this name or number.

    Raises:
        WrongKind: it is not a text.
        NotYet: no piece has this name.

    Examples:
        >>> piece_named("BWV 66.6", "nearest").name
        'bwv66.6'
    """
    if not isinstance(value, str):
        raise WrongKind(f"{what}: got {described(value)}: expected a piece's name")
    corpus = load_corpus(progress=False)
    if value not in corpus:
        raise NotYet(f"{what}: {value!r} is not a piece of the corpus; piece.name has its name.")
    return corpus[value]


def chorale(value: Any, what: str) -> Chorale:
    """A chorale of at least one step; a list of one is accepted, too.

    Raises:
        WrongKind: something else.
    """
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, Chorale) or not len(value):
        raise WrongKind(f"{what}: got {described(value)}: expected a Chorale with notes")
    return value


def chorales(value: Any, what: str, count: int = 1) -> list[Chorale]:
    """A list of chorales, at least `count` of them.

    Raises:
        WrongKind: something else.
        NotYet: fewer.
    """
    if isinstance(value, Chorale):
        value = [value]
    listed = isinstance(value, (list, tuple))
    if not listed or not all(isinstance(one, Chorale) and len(one) for one in value):
        raise WrongKind(f"{what}: got {described(value)}: expected a list of Chorale")
    if len(value) < count:
        raise NotYet(f"{what}: {len(value)} chorales: expected at least {count}.")
    return list(value)


def reported(value: Any, what: str, count: int = 1) -> tuple[list[Chorale], float]:
    """The result of `harmonize`: the settings, and the mean of their log_likelihood.

    Raises:
        WrongKind: something else.
        NotYet: fewer than `count` pieces.
    """
    if not isinstance(value, Pieces) or value.report is None:
        raise WrongKind(
            f"{what}: got {described(value)}: expected all that harmonize returned, with its report"
        )
    if len(value) < count:
        raise NotYet(
            f"{what}: {len(value)} settings: chance decides between so few. Use count={count}, or "
            "more, and compare the means."
        )
    return list(value), float(value.report["log_likelihood"].mean())


def history(value: Any, what: str) -> pd.DataFrame:
    """The history of a training, as from `fit` or `fit_chords`.

    Raises:
        WrongKind: something else.
    """
    columns = getattr(value, "columns", ())
    if not {"nats", "val_nats"} <= set(columns) or not len(value):
        raise WrongKind(f"{what}: got {described(value)}: expected the table that fit returns")
    return value


def tokens(value: Any, what: str = "tokens") -> np.ndarray:
    """Tokens, as an array of numbers.

    Raises:
        WrongKind: something else.

    Examples:
        >>> tokens([43, 38]).tolist()
        [43, 38]
    """
    found = np.empty(0) if isinstance(value, Chorale) else np.atleast_1d(np.asarray(value))
    if not np.issubdtype(found.dtype, np.number) or not found.size:
        raise WrongKind(f"{what}: got {described(value)}: expected what encode returns")
    return found


def array(value: Any, what: str) -> np.ndarray:
    """Numbers, as a float array.

    Raises:
        WrongKind: something else.
    """
    try:
        found = np.asarray(value, float)
    except (TypeError, ValueError):
        found = np.empty(0)
    if not found.size or not np.isfinite(found).all():
        raise WrongKind(f"{what}: got {described(value)}: expected numbers")
    return found
