"""Chorale: the one value that everything in the package passes around.

This file says what a chorale *is*: a grid of sixteenth notes for four voices, with what is known
about its name, key and metre. It reads no files, plays no sound and knows no model.

Notebook: 01_data_exploration
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

VOICES = ("soprano", "alto", "tenor", "bass")
STEPS_PER_QUARTER = 4  # one step of the grid is a sixteenth note
SILENCE = 0  # the pitch that stands for "this voice rests"
LOWEST_PITCH = 36  # C2, the lowest bass note in the corpus (MIDI number)
HIGHEST_PITCH = 81  # A5, the highest soprano note in the corpus (MIDI number)
VOICE_RANGES = (
    (60, 81),
    (52, 74),
    (46, 69),
    (36, 66),
)  # of each voice, lowest and highest note in the exact edition

_PART_NAMES = (  # how the name of a voice's part begins, in scores and MIDI files, in any case
    r"s\b|sop|discant|cantus|canto|superius",
    r"a\b|alt|contralto",
    r"t\b|ten",
    r"b\b|bass(?!oon|o con)|bariton",
)


@dataclass(frozen=True, eq=False)
class Chorale:
    """A four-part chorale on a grid of sixteenth notes. Immutable: its arrays are read-only copies.

    Args:
        pitches: int array (steps, 4), MIDI note numbers 1..127, columns soprano, alto, tenor, bass;
            0 is silence. Any integer type; kept as int16.
        name: what to call the piece, such as ``bwv66.6``, ``jsb/test/chorale_305``,
            ``generated-0007``.
        bwv: number in the Bach-Werke-Verzeichnis, such as ``'66.6'``, or None.
        title: title of the chorale, or None.
        key: such as ``'f# minor'`` or ``'B- major'`` (music21's spelling, ``-`` is flat), or None.
        time_signature: such as ``'4/4'``, or None.
        pickup: sixteenths before the first bar line, 0 where the piece begins with a full bar.
        onsets: bool array (steps, 4), true where a note is struck; None where the source does not say
            (then a note counts as struck where the pitch changes, see `struck`).
        fermatas: bool array (steps,), true on the steps under a fermata, or None.

    Raises:
        ValueError: an array has the wrong shape, a pitch is outside 0..127, or the time signature or
            the pickup makes no sense; the message says which.

    Notebook: 01_data_exploration
    """

    pitches: np.ndarray
    name: str = "untitled"
    bwv: Optional[str] = None
    title: Optional[str] = None
    key: Optional[str] = None
    time_signature: Optional[str] = None
    pickup: int = 0
    onsets: Optional[np.ndarray] = None
    fermatas: Optional[np.ndarray] = None

    def __post_init__(self):
        pitches = _checked_pitches(self.pitches, self.name)
        steps = len(pitches)
        object.__setattr__(self, "pitches", pitches)
        for field, shape in (("onsets", (steps, len(VOICES))), ("fermatas", (steps,))):
            flags = getattr(self, field)
            if flags is not None:
                object.__setattr__(self, field, _checked_flags(flags, shape, field, self.name))
        bar = self.steps_per_bar
        if not _is_whole(self.pickup) or self.pickup < 0 or (bar and self.pickup >= bar):
            raise ValueError(
                f"{self.name}: pickup {self.pickup!r}: expected a number of sixteenths from 0 up to "
                f"one less than a bar ({bar} in {self.time_signature})"
            )
        object.__setattr__(
            self, "pickup", int(self.pickup)
        )  # numpy's integers are no int, and would not be equal

    def __len__(self):
        """Number of steps (sixteenth notes)."""
        return len(self.pitches)

    def __eq__(self, other):
        """True where every field is equal, arrays element by element."""
        if not isinstance(other, Chorale):
            return NotImplemented
        return all(_same(mine, getattr(other, field)) for field, mine in vars(self).items())

    __hash__ = None  # two equal chorales hold different arrays: not for use as a dictionary key

    def __repr__(self):
        about = [repr(self.name), f"{len(self)} steps"]
        about += [str(known) for known in (self.key, self.time_signature) if known]
        return f"Chorale({', '.join(about)})"

    @property
    def quarters(self):
        """Length in quarter notes (float)."""
        return len(self) / STEPS_PER_QUARTER

    @property
    def steps_per_bar(self):
        """Sixteenths in a full bar (int), or None where the time signature is not known."""
        return None if self.time_signature is None else steps_per_bar(self.time_signature)

    @property
    def struck(self):
        """bool array (steps, 4): true where a note begins. `onsets` where the source says; otherwise a
        note begins where the pitch differs from the step before. Silence is never struck."""
        if self.onsets is not None:
            return self.onsets & (self.pitches != SILENCE)
        before = np.vstack([np.full((1, len(VOICES)), SILENCE), self.pitches[:-1]])
        return (self.pitches != before) & (self.pitches != SILENCE)

    def notes(self, voice):
        """The notes of one voice as int array (notes, 3): start and length in steps, MIDI number.

        Args:
            voice: 0..3 for soprano, alto, tenor, bass.
        """
        pitch, struck = self.pitches[:, voice], self.struck[:, voice]
        begins = struck.copy()
        begins[1:] |= pitch[1:] != pitch[:-1]  # also where silence begins
        begins[:1] = True
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.append(starts, len(pitch)))
        sounding = pitch[starts] != SILENCE
        return np.stack([starts, lengths, pitch[starts]], axis=1)[sounding].astype(int)

    def transpose(self, semitones):
        """The same chorale, every note moved by a whole number of semitones; silence stays. The key is
        dropped (None) unless semitones is 0, because its new spelling is a question for music21.

        Raises:
            ValueError: not a whole number, or a note would leave 1..127.
        """
        if not _is_whole(semitones):
            raise ValueError(
                f"{self.name}: transposing by {semitones!r}: expected a whole number of semitones"
            )
        moved = np.where(
            self.pitches == SILENCE, SILENCE, self.pitches.astype(int) + int(semitones)
        )
        if np.any(moved[self.pitches != SILENCE] < 1):
            raise ValueError(
                f"{self.name}: transposing by {semitones} semitones takes a note below MIDI number 1"
            )
        return replace(self, pitches=moved, key=self.key if semitones == 0 else None)

    def excerpt(self, start, stop):
        """Steps `start` up to (not including) `stop` as a chorale of their own. A note held across `start`
        begins there; the pickup is moved so that bar lines stay where they were."""
        start, stop, _ = slice(start, stop).indices(len(self))
        onsets = None if self.onsets is None else self.onsets[start:stop].copy()
        if onsets is not None and len(onsets):
            onsets[0] = self.pitches[start] != SILENCE
        bar = self.steps_per_bar
        pickup = (self.pickup - start) % bar if bar else max(0, self.pickup - start)
        return replace(
            self,
            pitches=self.pitches[start:stop],
            onsets=onsets,
            pickup=pickup,
            fermatas=None if self.fermatas is None else self.fermatas[start:stop],
        )


class Pieces(list):
    """A list of Chorale that says how they came about.

    `report` is a pandas DataFrame with a row for each piece, by name: log_likelihood, the natural logarithm of the
    probability of all that was fixed (notes, end, rules), as the candidates estimate it; effective_sample_size, the
    smallest number of candidates that counted at any note; resamplings, how often they were drawn anew; and what else
    there is to say, such as the grade.

    Notebook: 05_generation
    """

    def __init__(self, chorales=(), report=None):
        super().__init__(chorales)
        self.report = report


def as_chorales(chorales: "Chorale | Iterable[Chorale]") -> "list[Chorale]":
    """The chorales as a list: one chorale becomes a list of one, an iterable is read to its end.

    Every function that takes several chorales calls this first, so that one is never an error.

    Args:
        chorales: Chorale, or an iterable of Chorale.

    Raises:
        TypeError: something else; the message says what was given, and where in the list.

    Examples:
        >>> as_chorales(Chorale([[72, 67, 64, 48]], name="mine"))
        [Chorale('mine', 1 steps)]
        >>> as_chorales("bwv66.6")
        Traceback (most recent call last):
        TypeError: got a str ('bwv66.6'): expected a Chorale, or a list of them
    """
    if isinstance(chorales, Chorale):
        return [chorales]
    if isinstance(chorales, (str, bytes, np.ndarray)) or not isinstance(chorales, Iterable):
        raise TypeError(f"got {_described(chorales)}: expected a Chorale, or a list of them")
    found = list(chorales)
    for place, one in enumerate(found):
        if not isinstance(one, Chorale):
            raise TypeError(f"got {_described(one)} at place {place}: expected a list of Chorale")
    return found


def voice_named(part_name):
    """The voice (0..3) that the name of a part or track means, such as 3 for ``'Bass'`` or ``'B.'``; None where
    it means none of the four."""
    name = (part_name or "").strip().lower()
    return next(
        (voice for voice, beginning in enumerate(_PART_NAMES) if re.match(beginning, name)), None
    )


def steps_per_bar(time_signature):
    """Sixteenths in a full bar (int) of a time signature such as ``'4/4'`` (16) or ``'3/8'`` (6).

    Raises:
        ValueError: not of the form count/unit, a unit that is no power of two, or a bar that is no whole number of
            sixteenths.
    """
    try:
        count, unit = (int(part) for part in time_signature.split("/"))
        whole, rest = divmod(16 * count, unit)
        if count < 1 or whole < 1 or rest or unit & (unit - 1):
            raise ValueError
    except (AttributeError, ValueError, ZeroDivisionError):
        raise ValueError(
            f"time signature {time_signature!r}: expected count/unit, such as '4/4' or '6/8', the "
            f"unit a power of two and the bar a whole number of sixteenths"
        ) from None
    return whole


def place_in_bars(step, time_signature, pickup):
    """Such as ``'bar 3, beat 2.5'``, for error messages: where a step (a float between two) is. A pickup is bar 0; bars
    are those of 4/4 where the time signature is None."""
    time_signature = time_signature or "4/4"
    full, beat = steps_per_bar(time_signature), 16 / int(time_signature.split("/")[1])
    bar, within = divmod(step + (full - pickup if pickup else 0), full)
    return f"bar {int(bar) + (not pickup)}, beat {round(within / beat + 1, 2):g}"


def _described(value: object) -> str:
    """What somebody gave, for error messages, such as ``"a str ('bwv66.6')"``."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    kind, shown = type(value).__name__, repr(value)
    article = "an" if kind[0] in "aeiouAEIOU" else "a"
    return f"{article} {kind} ({shown if len(shown) <= 40 else shown[:40] + '...'})"


def _is_whole(number):
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _checked_pitches(pitches, name):
    """A read-only int16 copy of `pitches`, or a ValueError that says what is wrong with it."""
    pitches = np.asarray(pitches)
    if pitches.ndim != 2 or pitches.shape[1] != len(VOICES):
        raise ValueError(
            f"{name}: pitches of shape {pitches.shape}: expected (steps, 4), the columns being "
            f"{', '.join(VOICES)}"
        )
    if not np.issubdtype(pitches.dtype, np.integer):
        raise ValueError(
            f"{name}: pitches of type {pitches.dtype}: expected whole MIDI note numbers"
        )
    wrong = np.argwhere((pitches < 0) | (pitches > 127))
    if len(wrong):
        step, voice = wrong[0]
        raise ValueError(
            f"{name}: note {pitches[step, voice]} at step {step}, {VOICES[voice]}: expected "
            f"0 (silence) or a MIDI number 1..127"
        )
    return _frozen(pitches.astype(np.int16))


def _checked_flags(flags, shape, field, name):
    """A read-only bool copy of `flags`, or a ValueError where its shape does not fit the
    pitches."""
    flags = np.asarray(flags)
    if flags.shape != shape:
        raise ValueError(
            f"{name}: {field} of shape {flags.shape}: expected {shape}, to fit the pitches"
        )
    return _frozen(flags.astype(bool))


def _frozen(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


def _same(one, other):
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return type(one) is type(other) and one == other
