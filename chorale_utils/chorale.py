"""Chorale: the one value that the whole package passes around.

This file defines a chorale: a grid of sixteenth notes for four voices, with its name, key and metre
if they are known. It reads no files, plays no sound and knows no model.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

import numpy as np

from .keys import checked_key, key_moved, key_signature

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

    from .notation.page import Notation

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
)  # lowest and highest note of each voice in the jsb edition

_AT_ONCE = 8  # pieces that a cell displays by default: each takes a second and 100 kB

_PART_NAMES = (  # beginnings of part names in scores and MIDI files, for each voice; case ignored
    r"s\b|sop|discant|cantus|canto|superius",
    r"a\b|alt|contralto",
    r"t\b|ten",
    r"b\b|bass(?!oon|o con)|bariton",
)


@dataclass(frozen=True, eq=False, init=False)
class Chorale:
    """A four-part chorale on a grid of sixteenth notes. Immutable: its arrays are read-only copies.

    In a notebook, a chorale at the end of a cell is displayed as by `show`, with score and player.
    ``len(chorale)`` is the number of steps, and ``chorale[start:stop]`` an excerpt.

    Args:
        pitches: int array (steps, 4), MIDI note numbers 1..127, columns soprano, alto, tenor, bass;
            0 is silence. Any integer type; kept as int16.
        name: name of the piece, such as ``bwv66.6``, ``jsb/test/chorale_305``, ``generated-0007``.
        bwv: number in the Bach-Werke-Verzeichnis, such as ``'66.6'``, or None.
        title: title of the chorale, or None.
        key: tonic and mode, such as ``'f# minor'``, ``'B- major'`` or ``'d dorian'`` (music21's
            spelling: ``-`` is flat; keys with a minor third are written with a small letter, and a
            capital is changed to one), or None.
        time_signature: such as ``'4/4'``, or None.
        pickup: sixteenths before the first bar line, 0 if the piece begins with a full bar.
        onsets: bool array (steps, 4), true where a note is struck; None if the source does not say
            (then a note counts as struck where the pitch changes, see `struck`).
        fermatas: bool array (steps,), true on the steps under a fermata, or None.
        notation: a `Notation` with everything else on the page (bars with changes of metre and key,
            repeats, spelling, words, tempo, composer), or None.

    Raises:
        ValueError: an array has the wrong shape, a pitch is outside 0..127, the key, time signature
            or pickup is invalid, or the notation belongs to another piece; the message says which.
        TypeError: the name, BWV number or title is not a str.

    Examples:
        >>> import numpy as np
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)), name="mine", key="C major")
        >>> chorale
        Chorale('mine', 16 steps, C major)
        >>> chorale[:4].quarters
        1.0

    Notebook: 01_data_exploration
    """

    pitches: np.ndarray
    name: str = "untitled"
    bwv: str | None = None
    title: str | None = None
    key: str | None = None
    time_signature: str | None = None
    pickup: int = 0
    onsets: np.ndarray | None = None
    fermatas: np.ndarray | None = None
    notation: Notation | None = None

    def __init__(
        self,
        pitches: ArrayLike,
        name: str = "untitled",
        bwv: str | None = None,
        title: str | None = None,
        key: str | None = None,
        time_signature: str | None = None,
        pickup: int = 0,
        onsets: ArrayLike | None = None,
        fermatas: ArrayLike | None = None,
        notation: Notation | None = None,
    ) -> None:
        # Written out because the arguments may be anything array-like, unlike the fields.
        checked: dict[str, Any] = {
            "name": _checked_text(name, "name", name),
            "bwv": None if bwv is None else _checked_text(bwv, "bwv", name),
            "title": None if title is None else _checked_text(title, "title", name),
            "key": None if key is None else checked_key(key, name),
            "time_signature": time_signature,
            "pitches": _checked_pitches(pitches, name),
        }
        steps = len(checked["pitches"])
        checked["onsets"] = _checked_flags(onsets, (steps, len(VOICES)), "onsets", name)
        checked["fermatas"] = _checked_flags(fermatas, (steps,), "fermatas", name)
        bar = None if time_signature is None else steps_per_bar(time_signature)
        if not _is_whole(pickup) or pickup < 0 or (bar and pickup >= bar):
            raise ValueError(
                f"{name}: pickup {pickup!r}: expected a number of sixteenths from 0 up to one less "
                f"than a bar ({bar} in {time_signature})"
            )
        checked["notation"] = _checked_notation(notation, steps, time_signature, name)
        checked["pickup"] = int(pickup)  # equality compares types, too, and numpy's differ
        for field in self.__dataclass_fields__:
            object.__setattr__(self, field, checked[field])

    def __len__(self) -> int:
        """Number of steps (sixteenth notes)."""
        return len(self.pitches)

    def __eq__(self, other: object) -> bool:
        """True if all fields are equal, arrays element by element.

        Python makes a class with its own equality unhashable, which is right here, since a chorale
        holds arrays.
        """
        if not isinstance(other, Chorale):
            return NotImplemented
        return all(_same(mine, getattr(other, field)) for field, mine in vars(self).items())

    def __repr__(self) -> str:
        about = [repr(self.name), f"{len(self)} steps"]
        about += [str(known) for known in (self.key, self.time_signature) if known]
        return f"Chorale({', '.join(about)})"

    def __getitem__(self, steps: slice) -> Chorale:
        """The excerpt ``chorale[start:stop]``, in steps (see `excerpt`)."""
        if not isinstance(steps, slice):
            raise TypeError(
                f"{self.name}: chorale[{steps!r}]: expected steps from start to stop, such as "
                "chorale[0:16]; chorale.pitches[step] gives the notes of one step"
            )
        if steps.step not in (None, 1):
            raise ValueError(
                f"{self.name}: chorale[::{steps.step!r}]: expected every step from start to stop, "
                "such as chorale[0:16]; chorale.pitches[::n] gives the notes of every nth step"
            )
        return self.excerpt(steps.start, steps.stop)

    def _ipython_display_(self) -> None:
        """Displays the chorale at the end of a cell: score and player, as `show` does."""
        leave_terminals_alone()
        if not len(self):
            print(f"{self.name}: a chorale of 0 steps")
            return
        from . import show

        show(self)._ipython_display_()

    @property
    def quarters(self) -> float:
        """Length in quarter notes (float).

        Examples:
            >>> Chorale([[72, 67, 64, 48]] * 6).quarters
            1.5
        """
        return len(self) / STEPS_PER_QUARTER

    @property
    def steps_per_bar(self) -> int | None:
        """Sixteenths in a full bar (int), or None if the time signature is unknown.

        Examples:
            >>> Chorale([[72, 67, 64, 48]], time_signature="3/4").steps_per_bar
            12
        """
        return None if self.time_signature is None else steps_per_bar(self.time_signature)

    @property
    def struck(self) -> np.ndarray:
        """Where a note begins, as a bool array (steps, 4).

        This is `onsets` if the source gives them; otherwise a note begins where the pitch differs
        from the step before. Silence is never struck.

        Examples:
            >>> Chorale([[72, 67, 64, 0], [72, 65, 64, 0]]).struck.tolist()
            [[True, True, True, False], [False, True, False, False]]
        """
        if self.onsets is not None:
            return self.onsets & (self.pitches != SILENCE)
        before = np.vstack([np.full((1, len(VOICES)), SILENCE), self.pitches[:-1]])
        return (self.pitches != before) & (self.pitches != SILENCE)

    def notes(self, voice: int) -> np.ndarray:
        """The notes of one voice as int array (notes, 3): start and length in steps, MIDI number.

        Args:
            voice: 0..3 for soprano, alto, tenor, bass.

        Raises:
            ValueError: `voice` is not 0..3.

        Examples:
            >>> Chorale([[72, 67, 64, 48], [72, 65, 64, 48]]).notes(1).tolist()
            [[0, 1, 67], [1, 1, 65]]
        """
        if not _is_whole(voice) or not 0 <= voice < len(VOICES):
            numbered = ", ".join(f"{number} ({name})" for number, name in enumerate(VOICES))
            raise ValueError(f"voice {voice!r}: expected one of {numbered}")
        pitch, struck = self.pitches[:, voice], self.struck[:, voice]
        begins = struck.copy()
        begins[1:] |= pitch[1:] != pitch[:-1]  # also where silence begins
        begins[:1] = True
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.append(starts, len(pitch)))
        sounding = pitch[starts] != SILENCE
        return np.stack([starts, lengths, pitch[starts]], axis=1)[sounding].astype(int)

    def transpose(self, semitones: int) -> Chorale:
        """The same chorale with every note moved by a whole number of semitones; silence stays.

        If the new key can be spelled in two ways, the one with fewer sharps or flats is chosen. The
        notation, including the spelling of the notes, is transposed as well.

        Args:
            semitones: a whole number, negative for down.

        Raises:
            ValueError: `semitones` is not a whole number, or a note would leave 1..127.

        Examples:
            >>> lower = Chorale([[72, 67, 64, 0]], key="C major").transpose(-2)
            >>> lower.pitches.tolist(), lower.key
            ([[70, 65, 62, 0]], 'B- major')
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
                f"{self.name}: transposing by {semitones} semitones takes a note below MIDI "
                "number 1"
            )
        fifths = self._fifths_of(int(semitones))
        return replace(
            self,
            pitches=moved,
            key=None if self.key is None else key_moved(self.key, fifths),
            notation=None if self.notation is None else self.notation.transpose(fifths),
        )

    def _fifths_of(self, semitones: int) -> int:
        """The transposition as a number of steps on the line of fifths, such that the key gets the
        fewest sharps or flats; 0 for no transposition or whole octaves."""
        if self.key is not None:
            signature = key_signature(self.key)
        elif self.notation is not None and self.notation.keys:
            signature = self.notation.keys[0].fifths
        else:
            signature = 0
        if semitones % 12 == 0:
            return 0
        return (signature + 7 * semitones + 5) % 12 - 5 - signature

    def excerpt(self, start: int | None, stop: int | None) -> Chorale:
        """Steps `start` up to (not including) `stop`; the same as ``chorale[start:stop]``.

        A note held across `start` begins there; the pickup is adjusted so that bar lines stay where
        they were.

        Args:
            start, stop: steps (sixteenths). As with any slice, a negative number counts from the
                end, None means the beginning or the end, and steps beyond the end are ignored.

        Examples:
            >>> chorale = Chorale([[72, 67, 64, 48]] * 32, time_signature="4/4")
            >>> excerpt = chorale.excerpt(12, 32)
            >>> len(excerpt), excerpt.pickup
            (20, 4)
        """
        start, stop, _ = slice(start, stop).indices(len(self))
        onsets = None if self.onsets is None else self.onsets[start:stop].copy()
        if onsets is not None and len(onsets):
            onsets[0] = self.pitches[start] != SILENCE
        metre, bar = self.time_signature, self.steps_per_bar
        pickup = (self.pickup - start) % bar if bar else max(0, self.pickup - start)
        notation = None if self.notation is None else self.notation.excerpt(start, stop)
        if self.notation is not None and self.notation.bars and start < stop:
            first = self.notation.bar_at(start)
            metre = first.time_signature
            pickup = first.stop - start if first.offset or first.start < start else 0
        return replace(
            self,
            pitches=self.pitches[start:stop],
            onsets=onsets,
            time_signature=metre,
            pickup=pickup,
            fermatas=None if self.fermatas is None else self.fermatas[start:stop],
            notation=notation,
        )


class Pieces(list[Chorale]):
    """A list of Chorale with a report on how they were made.

    A slice is a `Pieces`, too, with its rows of the report. In a notebook, `Pieces` at the end of a
    cell are displayed as by `show`, up to the first eight.

    Args:
        chorales: Chorale, or an iterable of them.
        report: pandas DataFrame indexed by name, with one row per piece, or None. Its columns:
            log_likelihood, the candidates' estimate of the natural logarithm of the probability of
            everything fixed (notes, end, rules), where a critic steers from the first free note on
            until two bars after the last; effective_sample_size, the smallest effective
            number of candidates at any note; resamplings, how often the candidates were resampled;
            and possibly others, such as the grade.

    Raises:
        TypeError: an element is not a Chorale.

    Examples:
        >>> pieces = Pieces(Chorale([[72, 67, 64, 48]], name=name) for name in "abc")
        >>> pieces[1:]
        [Chorale('b', 1 steps), Chorale('c', 1 steps)]
        >>> type(pieces[1:]).__name__
        'Pieces'

    Notebook: 05_generation
    """

    def __init__(
        self, chorales: Chorale | Iterable[Chorale] = (), report: pd.DataFrame | None = None
    ) -> None:
        super().__init__(as_chorales(chorales))
        self.report = report

    @overload
    def __getitem__(self, place: SupportsIndex) -> Chorale: ...
    @overload
    def __getitem__(self, place: slice) -> Pieces: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Chorale | Pieces:
        """One piece, or several with their rows of the report."""
        if not isinstance(place, slice):
            return super().__getitem__(place)
        if self.report is not None and len(self.report) != len(self):
            raise ValueError(
                f"{len(self)} pieces and a report of {len(self.report)} rows: expected as many "
                "rows as pieces; slice list(pieces) for pieces without their report"
            )
        rows = None if self.report is None else self.report.iloc[place]
        return Pieces(super().__getitem__(place), rows)

    def _ipython_display_(self) -> None:
        """Displays the pieces at the end of a cell: scores and players (see `show`)."""
        leave_terminals_alone()
        if not self:
            print("no chorales")
        for piece in list(self)[:_AT_ONCE]:
            piece._ipython_display_()
        if len(self) > _AT_ONCE:
            print(f"and {len(self) - _AT_ONCE} more: show(pieces[{_AT_ONCE}:]) displays them")


def leave_terminals_alone() -> None:
    """Makes IPython print the usual single line in a terminal, where nothing else could be shown.

    Every `_ipython_display_` method calls this first.

    Raises:
        NotImplementedError: this is a terminal; IPython then falls back on the repr.
    """
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and "image/png" not in shell.display_formatter.active_types:
        raise NotImplementedError


def as_chorales(chorales: Chorale | Iterable[Chorale]) -> list[Chorale]:
    """The chorales as a list: a single chorale becomes a list of one, an iterable is read to the
    end.

    Every function that takes several chorales calls this first, so that a single one is no error.

    Args:
        chorales: Chorale, or an iterable of Chorale.

    Raises:
        TypeError: anything else; the message says what was given, and where in the list.

    Examples:
        >>> as_chorales(Chorale([[72, 67, 64, 48]], name="mine"))
        [Chorale('mine', 1 steps)]
        >>> as_chorales(7)
        Traceback (most recent call last):
        TypeError: got an int (7): expected a Chorale, or a list of them
    """
    if isinstance(chorales, Chorale):
        return [chorales]
    if isinstance(chorales, (str, bytes, np.ndarray)) or not isinstance(chorales, Iterable):
        raise TypeError(
            f"got {described(chorales)}: expected a Chorale, or a list of them{_advice(chorales)}"
        )
    found = list(chorales)
    for place, one in enumerate(found):
        if not isinstance(one, Chorale):
            raise TypeError(
                f"got {described(one)} at place {place} of the {type(chorales).__name__}: expected "
                f"a list of Chorale{_advice(one)}"
            )
    return found


def as_groups(groups: Mapping[str, Chorale | Iterable[Chorale]]) -> dict[str, list[Chorale]]:
    """The groups of chorales as lists, each with at least one.

    Args:
        groups: dict of name -> chorales.

    Raises:
        TypeError: `groups` is not a dict, or a group holds something other than chorales.
        ValueError: a group has no chorales.

    Examples:
        >>> as_groups({"mine": Chorale([[72, 67, 64, 48]], name="one")})
        {'mine': [Chorale('one', 1 steps)]}
    """
    if not isinstance(groups, Mapping):
        raise TypeError(
            f"groups of type {type(groups).__name__}: expected a dict of name -> chorales, such as "
            f"{{'Bach': corpus.test}}"
        )
    found = {}
    for name, group in groups.items():
        try:
            found[name] = as_chorales(group)
        except TypeError as error:
            raise TypeError(f"group {name!r}: {error}") from None
        if not found[name]:
            raise ValueError(f"group {name!r} has no chorales: expected at least one")
    return found


def as_chorale(chorale: Chorale) -> Chorale:
    """The chorale itself. Every function that takes exactly one chorale calls this first.

    Raises:
        TypeError: anything else; the message says what was given and what to do.

    Examples:
        >>> as_chorale([Chorale([[72, 67, 64, 48]])])
        Traceback (most recent call last):
        TypeError: got a list of 1 Chorale: expected one; give one of them, such as chorales[0]
    """
    if not isinstance(chorale, Chorale):
        several = isinstance(chorale, (list, tuple)) and chorale
        if several and all(isinstance(one, Chorale) for one in chorale):
            raise TypeError(
                f"got a {type(chorale).__name__} of {len(chorale)} Chorale: expected one; give one "
                "of them, such as chorales[0]"
            )
        raise TypeError(f"got {described(chorale)}: expected a Chorale{_advice(chorale)}")
    return chorale


def voice_named(part_name: str | None) -> int | None:
    """The voice (0..3) that the name of a part or track stands for, or None if it is no voice.

    Examples:
        >>> voice_named("Bass"), voice_named("A."), voice_named("Oboe")
        (3, 1, None)
    """
    name = (part_name or "").strip().lower()
    return next(
        (voice for voice, beginning in enumerate(_PART_NAMES) if re.match(beginning, name)), None
    )


def steps_per_bar(time_signature: str) -> int:
    """Sixteenths in a full bar (int) of a time signature.

    Raises:
        ValueError: not of the form count/unit, or the unit is not a power of two, or the bar is not
            a whole number of sixteenths.

    Examples:
        >>> steps_per_bar("4/4"), steps_per_bar("3/8")
        (16, 6)
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


def place_in_bars(step: float, time_signature: str | None, pickup: int) -> str:
    """The place of a step for error messages, such as ``'bar 3, beat 2.5'``.

    Args:
        step: in sixteenths from the beginning; it need not be whole.
        time_signature: such as ``'3/4'``; None means 4/4.
        pickup: sixteenths before the first bar line; a pickup is bar 0.

    Examples:
        >>> place_in_bars(14, "3/4", pickup=4)
        'bar 1, beat 3.5'
    """
    time_signature = time_signature or "4/4"
    full, beat = steps_per_bar(time_signature), 16 / int(time_signature.split("/")[1])
    bar, within = divmod(step + (full - pickup if pickup else 0), full)
    return f"bar {int(bar) + (not pickup)}, beat {round(within / beat + 1, 2):g}"


def described(value: object) -> str:
    """A description of a value for error messages, such as ``"a str ('bwv66.6')"``."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    kind, shown = type(value).__name__, " ".join(repr(value).split())  # on one line
    article = "an" if kind[0] in "aeiouAEIOU" else "a"
    return f"{article} {kind} ({shown if len(shown) <= 40 else shown[:40] + '...'})"


def _advice(value):
    """How to make a Chorale from a value given by mistake, as the end of an error message."""
    if isinstance(value, (str, PathLike)):
        return "; load_chorale reads one from a file, load_corpus()[name] finds one of Bach's"
    if isinstance(value, np.ndarray) and value.ndim == 2:
        return "; Chorale(pitches) makes one of an array (steps, 4)"
    return ""


def _is_whole(number):
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _checked_text(text, field, name):
    """`text` itself; raises a TypeError that says what it is if it is not a str."""
    if not isinstance(text, str):
        raise TypeError(f"{name}: {field}: got {described(text)}: expected text (a str)")
    return str(text)


def _checked_notation(notation, steps, time_signature, name):
    """The notation itself; raises if it cannot belong to a piece with this number of steps."""
    if notation is None:
        return None
    if not hasattr(notation, "bars"):
        raise TypeError(f"{name}: notation {described(notation)}: expected a Notation, or None")
    spelled = steps if notation.spelling is None else len(notation.spelling)
    if (notation.bars and notation.steps != steps) or spelled != steps:
        raise ValueError(
            f"{name}: {steps} steps, and a notation of "
            f"{notation.steps if notation.bars else spelled}: expected the same number; "
            "notation=None leaves it out"
        )
    if notation.bars and notation.bars[0].time_signature != time_signature:
        raise ValueError(
            f"{name}: time signature {time_signature!r}, and a notation that begins in "
            f"{notation.bars[0].time_signature}: expected the same; notation=None leaves it out"
        )
    return notation


def _checked_pitches(pitches, name):
    """A read-only int16 copy of `pitches`; raises an error that says what is wrong with it."""
    if pitches is None or isinstance(pitches, (str, PathLike, Chorale)):
        raise TypeError(
            f"{name}: got {described(pitches)}: expected pitches, an int array (steps, 4)"
            f"{_advice(pitches)}"
        )
    try:
        pitches = np.asarray(pitches)
    except ValueError:  # numpy calls this an inhomogeneous shape
        raise ValueError(
            f"{name}: pitches whose rows differ in length: expected four notes on each step, "
            f"{', '.join(VOICES)}"
        ) from None
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
    """A read-only bool copy of `flags`; raises a ValueError if they do not fit the pitches."""
    if flags is None:
        return None
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
