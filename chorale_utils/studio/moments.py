"""The values of a session: the piece at one moment, requests to the model, and its answers.

All values are immutable; `session` works with them.

Notebook: 06_studio
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale
from ..form import Form

FREE = -1  # in `given`: where the model writes
WORKS = ("harmonise", "rewrite", "continue", "write")
CANDIDATES = (8, 32, 64, 128)
MOST_BARS = 40  # written at once
FORMS = ("new", "piece")

MOVEMENTS = {"": 1.0, "calm": 0.4, "lively": 2.5}  # `movement` of `generate`


@dataclass(frozen=True)
class Settings:
    """How the model writes.

    Args:
        temperature: below 1 is more cautious, above 1 more daring; 0.1 to 2.
        particles: candidates for each piece, one of `CANDIDATES`.
        parallels, crossing: whether parallel fifths and octaves, and crossing voices, are allowed.
        ranges: whether each voice keeps to a choir's range (`judging.counterpoint.RANGES`).
        movement: ``'calm'``, ``'lively'``, or ``''`` for no preference.

    Raises:
        ValueError: a number outside its range, or another word.
    """

    temperature: float = 1.0
    particles: int = 32
    parallels: bool = False
    crossing: bool = False
    ranges: bool = True
    movement: str = ""

    def __post_init__(self) -> None:
        if not 0.1 <= self.temperature <= 2:
            raise ValueError(f"temperature {self.temperature}: expected 0.1 to 2")
        if self.particles not in CANDIDATES:
            known = ", ".join(map(str, CANDIDATES))
            raise ValueError(f"{self.particles} candidates: expected one of {known}")
        if self.movement not in MOVEMENTS:
            raise ValueError(f"movement {self.movement!r}: expected 'calm', 'lively' or ''")


@dataclass(frozen=True)
class Choices:
    """What else the page's fields say when the model is asked.

    Args:
        form: whether a new chorale has phrases of its own (``'new'``) or those of the current piece
            (``'piece'``).
        bars: how many bars are written at the end of the piece, or in a new one.
        several: whether there are several answers to choose from.
        keep_seed: whether the next request has the same seed.

    Raises:
        ValueError: a number outside its range, or another word.
    """

    form: str = "new"
    bars: int = 4
    several: bool = False
    keep_seed: bool = False

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form {self.form!r}: expected 'new' or 'piece'")
        if not 1 <= self.bars <= MOST_BARS:
            raise ValueError(f"{self.bars} bars: expected 1 to {MOST_BARS}")


SETTINGS = {  # what can be set, as the undo button calls it
    "temperature": "temperature",
    "particles": "number of candidates",
    "parallels": "allowing parallels",
    "crossing": "allowing crossing",
    "ranges": "ranges of a choir",
    "movement": "movement",
    "form": "form of a new chorale",
    "bars": "number of new bars",
    "several": "three variants or one",
    "keep_seed": "keeping the seed",
    "seed": "seed",
}


@dataclass(frozen=True, eq=False)
class Request:
    """A request to the model.

    Args:
        work: one of `WORKS`.
        given: int array (steps, 4), a MIDI number or 0 where the note is fixed, -1 where the model
            writes.
        seed: seed of its random numbers.
        settings: how it writes.
        form: bars, phrases, fermatas and key of the piece to write.
        onsets: bool array (steps, 4), whether a fixed note is struck or held.
        pitch_classes: bool array (steps, 4, 12), those that each voice may sing, as in `generate`;
            None for all.
        syllables: bool array (steps,), where the voices that the model writes sing a new syllable
            (or rest); None without words.
    """

    work: str
    given: np.ndarray
    seed: int
    settings: Settings
    form: Form
    onsets: np.ndarray
    pitch_classes: np.ndarray | None = None
    syllables: np.ndarray | None = None

    @property
    def free(self) -> np.ndarray:
        """bool array (steps, 4): where the model writes."""
        return self.given == FREE


@dataclass(frozen=True, eq=False)
class Variant:
    """One of several answers to a request, to choose from."""

    chorale: Chorale
    request: Request


@dataclass(frozen=True, eq=False)
class Moment:
    """The piece and all settings at one moment of the work.

    Args:
        chorale: the piece, with its words in its notation.
        locks: bool array (steps, 4), true where a note must not change.
        request: the request to the model, if it has written this; otherwise None.
        what: what was done, for the undo and redo buttons.
        settings: how the model writes.
        choices: what else is asked for.
        seeds: the seed before and after, if it was set by hand in this step; otherwise None.
        variants: the model's answers to choose from, if several were asked for.
    """

    chorale: Chorale
    locks: np.ndarray
    request: Request | None = None
    what: str = ""
    settings: Settings = Settings()
    choices: Choices = Choices()
    seeds: tuple[int, int] | None = None
    variants: tuple[Variant, ...] = ()

    @property
    def values(self) -> dict[str, Any]:
        """All settings and choices by their names."""
        return vars(self.settings) | vars(self.choices)

    def with_values(self, values: dict[str, Any]) -> Moment:
        """The moment with other settings or choices, by their names."""
        own, others = (
            {name: value for name, value in values.items() if name in vars(kind)}
            for kind in (self.settings, self.choices)
        )
        settings, choices = replace(self.settings, **own), replace(self.choices, **others)
        return replace(self, settings=settings, choices=choices)

    def same_as(self, other: Moment) -> bool:
        """Whether two moments show the same to whoever looks at the page."""
        return (
            self.chorale == other.chorale
            and np.array_equal(self.locks, other.locks)
            and (self.settings, self.choices) == (other.settings, other.choices)
            and len(self.variants) == len(other.variants)
            and all(one is two for one, two in zip(self.variants, other.variants))
        )


def with_values(
    moments: list[Moment], before: dict[str, Any], changed: dict[str, Any]
) -> list[Moment]:
    """Moments that can be redone, the next one last, with settings that were changed since: each
    up to the moment that has changed it, too."""
    carried = list[Moment]()
    for moment in reversed(moments):
        values = moment.values
        changed = {name: new for name, new in changed.items() if values[name] == before[name]}
        carried.insert(0, moment.with_values(changed))
    return carried


@dataclass(frozen=True)
class Selection:
    """A selection of notes: some steps, in some voices.

    Args:
        start, stop: the first step, and the one after the last.
        voices: numbers of the voices, 0..3, soprano to bass.

    Raises:
        ValueError: steps in the wrong order, or no such voice.

    Examples:
        >>> inner = Selection(0, 4, voices=(1, 2))
        >>> inner.mask(steps=8).sum(axis=0).tolist()
        [0, 4, 4, 0]

    Notebook: 06_studio
    """

    start: int
    stop: int
    voices: tuple[int, ...] = (0, 1, 2, 3)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"steps {self.start} to {self.stop}: expected at least one step")
        if not self.voices or not set(self.voices) <= set(range(len(VOICES))):
            raise ValueError(f"voices {self.voices}: expected some of 0, 1, 2, 3")

    def within(self, steps: int) -> Selection:
        """The selection, cut to the length of a piece.

        Args:
            steps: number of steps of the piece.

        Raises:
            ValueError: it begins after the end.

        Examples:
            >>> Selection(4, 100).within(16)
            Selection(start=4, stop=16, voices=(0, 1, 2, 3))
        """
        if self.start >= steps:
            raise ValueError(f"step {self.start}: expected 0..{steps - 1}")
        return replace(self, stop=min(self.stop, steps))

    def mask(self, steps: int) -> np.ndarray:
        """bool array (steps, 4): true where it is selected.

        Args:
            steps: number of steps of the piece.

        Examples:
            >>> Selection(1, 2, voices=(0, 3)).mask(steps=2).tolist()
            [[False, False, False, False], [True, False, False, True]]
        """
        mask = np.zeros((steps, len(VOICES)), bool)
        mask[self.start : self.stop, list(self.voices)] = True
        return mask
