"""`check`: tells a student whether the answer to an exercise is right, and gives a hint if it is
not.

It works offline and contains no answers in plain text: exact answers are recognised by their hashes
(see `sealing`), all others by properties that are computed from the answer itself. If only a person
can judge an answer, it says what it has checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..chorale import described
from . import corpus_exercises, evaluation_exercises, training_exercises, writing_exercises
from .answers import Exercise, NotYet, WrongKind

EXERCISES: dict[str, Exercise] = {
    exercise.number: exercise
    for module in (corpus_exercises, training_exercises, evaluation_exercises, writing_exercises)
    for exercise in module.EXERCISES
}


@dataclass(frozen=True)
class Verdict:
    """The verdict of `check` on an answer; true if the answer is right.

    Args:
        exercise: number of the exercise.
        right: whether everything that was checked is right.
        says: a comment on a right answer, or a hint on a wrong one.
        looked_at: what was checked.

    Examples:
        >>> verdict = Verdict("1.2", False, "count again", "the number")
        >>> verdict
        1.2: not yet.
        count again
        >>> bool(verdict)
        False
    """

    exercise: str
    right: bool
    says: str
    looked_at: str

    def __bool__(self) -> bool:
        """Whether it is right."""
        return self.right

    def __repr__(self) -> str:
        if self.right:
            return f"{self.exercise}: right.\n{self.says}\n(Looked at: {self.looked_at}.)"
        return f"{self.exercise}: not yet.\n{self.says}"


def check(exercise: str, answer: Any) -> Verdict:
    """Whether the answer to an exercise of the notebooks is right, with a hint if it is not.

    Exact answers are those of the default edition of the corpus and of the shipped weights.

    Args:
        exercise: its number, such as ``'1.2'``: notebook 1, second exercise.
        answer: in the form that the last line of the exercise shows.

    Raises:
        ValueError: there is no such exercise; the message lists them.
        TypeError: `exercise` is not a text, or the answer does not have the form of the exercise,
            which the message shows.

    Examples:
        >>> check("2.4", "I do not know")
        2.4: not yet.
        answer: write a few sentences: 20 words or more.
        >>> check("1.9", 12)
        Traceback (most recent call last):
        ValueError: exercise '1.9': expected one of 1.1, 1.2, 1.3, 1.4, 2.1, ...

    Notebook: 01_data_exploration
    """
    listed = ", ".join(EXERCISES)
    if not isinstance(exercise, str):
        raise TypeError(
            f"exercise {described(exercise)}: expected its number as text, one of {listed}"
        )
    if exercise not in EXERCISES:
        raise ValueError(f"exercise {exercise!r}: expected one of {listed}")
    asked = EXERCISES[exercise]
    try:
        said, right = asked.judge(answer), True
    except NotYet as hint:
        said, right = str(hint), False
    except WrongKind as error:
        raise TypeError(
            f'exercise {exercise}: {error}; expected check("{exercise}", {asked.form}); '
            f"the exercises are {listed}"
        ) from None
    return Verdict(exercise, right, said, asked.looked_at)
