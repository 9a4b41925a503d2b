"""A session: the piece that somebody works on, what of it is locked, and how it came to be so.

Nothing here knows a page, a model or a score. A command is a method of `Session`; each leaves a new
`Moment`, which is what undo returns to. What the model is to write is a `Request`, made here and
answered by `Session.accept`. A session can be kept as JSON.

A locked note never changes: neither the model nor an edit touches it until it is unlocked.

Notebook: 06_studio
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICE_RANGES,
    VOICES,
    Chorale,
    steps_per_bar,
    tonic_and_mode,
)
from ..notation.metre import find_metre
from ..notation.page import (
    UNSPELLED,
    Bar,
    KeySignature,
    Notation,
    Syllable,
    Tempo,
    bars_of,
)
from ..notation.score import find_key

LONGEST = 640  # steps: the longest chorale in the corpus
MOMENTS = 200  # of the past, that undo can return to
FREE = -1  # in `given`: where the model writes
WORKS = ("harmonise", "rewrite", "continue", "write")
FORMAT = 1  # of the JSON


@dataclass(frozen=True)
class Settings:
    """How the model writes.

    Args:
        temperature: below 1 is more cautious, above 1 more daring; 0.1 to 2.
        particles: candidates for each piece, 1 to 256.
        parallels, crossing: whether parallel fifths and octaves, and crossing voices, are allowed.
        ranges: whether each voice keeps within what Bach's voices sing (`VOICE_RANGES`).
        movement: ``'calm'``, ``'lively'``, or ``''`` as it comes.

    Raises:
        ValueError: a number outside its range, or another word.
    """

    temperature: float = 0.8
    particles: int = 32
    parallels: bool = False
    crossing: bool = True
    ranges: bool = False
    movement: str = ""

    def __post_init__(self) -> None:
        if not 0.1 <= self.temperature <= 2:
            raise ValueError(f"temperature {self.temperature}: expected 0.1 to 2")
        if not 1 <= self.particles <= 256:
            raise ValueError(f"candidates {self.particles}: expected 1 to 256")
        if self.movement not in ("", "calm", "lively"):
            raise ValueError(f"movement {self.movement!r}: expected 'calm', 'lively' or ''")


@dataclass(frozen=True, eq=False)
class Request:
    """What the model is asked to do.

    Args:
        work: one of `WORKS`.
        given: int array (steps, 4), a MIDI number or 0 where the note is fixed, -1 where the model
            writes.
        seed: of its chance.
        settings: how it writes.
    """

    work: str
    given: np.ndarray
    seed: int
    settings: Settings

    @property
    def free(self) -> np.ndarray:
        """bool array (steps, 4): where the model writes."""
        return self.given == FREE


@dataclass(frozen=True, eq=False)
class Moment:
    """The piece at one moment of the work.

    Args:
        chorale: as it stands, with the words under it in its notation.
        locks: bool array (steps, 4), true where a note must not change.
        request: what the model was asked, where it has written this; otherwise None.
        what: what was done, for the buttons undo and redo.
    """

    chorale: Chorale
    locks: np.ndarray
    request: Request | None = None
    what: str = ""


@dataclass(frozen=True, eq=False)
class Variant:
    """One of several answers to a request, to choose from."""

    chorale: Chorale
    request: Request


@dataclass(frozen=True)
class Selection:
    """Some steps of some voices: `start` up to (not including) `stop`, and the numbers of voices.

    Raises:
        ValueError: steps in the wrong order, or a voice that there is none of.
    """

    start: int
    stop: int
    voices: tuple[int, ...] = (0, 1, 2, 3)

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ValueError(f"steps {self.start} to {self.stop}: expected at least one step")
        if not self.voices or not set(self.voices) <= set(range(len(VOICES))):
            raise ValueError(f"voices {self.voices}: expected some of 0, 1, 2, 3")

    def mask(self, steps: int) -> np.ndarray:
        """bool array (steps, 4): true where it is selected."""
        mask = np.zeros((steps, len(VOICES)), bool)
        mask[self.start : self.stop, list(self.voices)] = True
        return mask


@dataclass
class Session:
    """A piece in work. Every command either does what it says or raises a ValueError and changes
    nothing.

    Args:
        chorale: to begin with; None for four empty bars of 4/4 in C major.

    Examples:
        >>> session = Session()
        >>> session.put(0, 0, 4, 67)
        >>> session.put(0, 4, 4, 69)
        >>> session.undo()
        >>> session.chorale.notes(0).tolist()
        [[0, 4, 67]]

    Notebook: 06_studio
    """

    moment: Moment
    settings: Settings = Settings()
    seed: int = 1
    past: list[Moment] = field(default_factory=list)
    future: list[Moment] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)

    def __init__(self, chorale: Chorale | None = None) -> None:
        self.settings, self.seed = Settings(), 1
        self.past, self.future, self.variants = [], [], []
        self.moment = _opened(_empty() if chorale is None else chorale)

    @property
    def chorale(self) -> Chorale:
        """The piece as it stands."""
        return self.moment.chorale

    @property
    def locks(self) -> np.ndarray:
        """bool array (steps, 4): true where a note must not change."""
        return self.moment.locks

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The bars of the piece."""
        return bars_of(self.chorale)

    @property
    def words(self) -> tuple[Syllable, ...]:
        """The syllables under the notes."""
        return () if self.chorale.notation is None else self.chorale.notation.words

    @property
    def tune(self) -> int:
        """The voice that has the tune: the only one that sings, or else the soprano."""
        sings = np.flatnonzero(self.chorale.pitches.any(axis=0))
        return int(sings[0]) if len(sings) == 1 else 0

    # Beginning

    def new(self, time_signature: str = "4/4", pickup: int = 0, key: str = "C major") -> None:
        """Begins an empty piece.

        Args:
            time_signature: such as ``'3/4'``.
            pickup: sixteenths before the first bar line.
            key: such as ``'g minor'``.
        """
        self._become(replace(_opened(_empty(time_signature, pickup, key)), what="a new piece"))

    def open(self, chorale: Chorale) -> None:
        """Takes up a piece, such as a hymn or a file."""
        self._become(replace(_opened(chorale), what=f"opening {chorale.title or chorale.name}"))

    def describe(
        self,
        title: str | None = None,
        key: str | None = None,
        time_signature: str | None = None,
        pickup: int | None = None,
    ) -> None:
        """Changes what is known about the piece; None leaves it."""
        told = {"title": title, "key": key, "time_signature": time_signature, "pickup": pickup}
        told = {name: value for name, value in told.items() if value is not None}
        if title is not None:
            told["title"] = _readable(title) or None
        if time_signature is not None and pickup is None:
            told["pickup"] = min(self.chorale.pickup, steps_per_bar(time_signature) - 1)
        notation = self.chorale.notation
        if notation is not None and {"key", "time_signature", "pickup"} & set(told):
            notation = replace(notation, bars=(), keys=())
        chorale = replace(self.chorale, notation=notation, **told)  # type: ignore[arg-type]
        self._become(replace(self.moment, chorale=chorale, what="the title page"))

    # Writing by hand

    def put(self, voice: int, step: int, length: int, pitch: int) -> None:
        """Writes a note over what is there; the piece grows where it has to.

        Args:
            voice: 0..3, soprano to bass.
            step: where it begins.
            length: in sixteenths.
            pitch: MIDI number, or 0 for a rest.
        """
        whole = all(isinstance(number, int) for number in (voice, step, length, pitch))
        stop = step + length if whole else 0
        if not whole or voice not in range(len(VOICES)) or step < 0 or length < 1 or not 0 <= pitch <= 127:
            raise ValueError(
                f"note {pitch} of {length} sixteenths at step {step} of voice {voice}: expected a "
                "voice 0..3, a step from 0 on, a length of 1 or more and a note 0..127"
            )
        moment = self._grown(stop)
        pitches, struck = moment.chorale.pitches.copy(), moment.chorale.struck
        touched = np.zeros(pitches.shape, bool)
        touched[step:stop, voice] = True
        rest = stop  # what is left of a note that is overwritten falls silent
        while rest < len(pitches) and pitches[rest, voice] and not struck[rest, voice]:
            touched[rest, voice] = True
            rest += 1
        self._check_unlocked(moment, touched)
        pitches[step:rest, voice] = SILENCE
        struck[step:rest, voice] = False
        pitches[step:stop, voice] = pitch
        struck[step, voice] = pitch != SILENCE
        self._edit(moment, pitches, struck, "a rest" if pitch == SILENCE else "a note")

    def erase(self, voice: int, step: int) -> int:
        """Takes the last note or rest before a step away, as the backspace key does, and returns
        where it began (int). Empty steps at the end of the piece go, down to one bar."""
        notes = self.chorale.notes(voice)
        before = notes[notes[:, 0] < step]
        start, end = (0, 0) if not len(before) else (int(before[-1, 0]), int(before[-1, :2].sum()))
        if end < step:  # a rest
            self._trim(max(end, step - STEPS_PER_QUARTER))
            return max(end, step - STEPS_PER_QUARTER)
        pitches, struck = self.chorale.pitches.copy(), self.chorale.struck
        touched = np.zeros(pitches.shape, bool)
        touched[start:end, voice] = True
        self._check_unlocked(self.moment, touched)
        pitches[start:end, voice], struck[start:end, voice] = SILENCE, False
        self._edit(self.moment, pitches, struck, "a note that goes")
        return start

    def move(self, selection: Selection, semitones: int) -> None:
        """Moves the selected notes up or down."""
        mask = self._whole_notes(selection)
        self._check_unlocked(self.moment, mask)
        pitches = self.chorale.pitches.astype(int)
        mask &= pitches != SILENCE
        pitches[mask] += semitones
        if mask.any() and not (1 <= pitches[mask]).all() & (pitches[mask] <= 127).all():
            raise ValueError("notes outside 1..127: they cannot be moved that far")
        self._edit(self.moment, pitches, self.chorale.struck, "moving notes")

    def clear(self, selection: Selection) -> None:
        """Makes the selected notes silent."""
        mask = self._whole_notes(selection)
        self._check_unlocked(self.moment, mask)
        pitches, struck = self.chorale.pitches.copy(), self.chorale.struck
        pitches[mask], struck[mask] = SILENCE, False
        self._edit(self.moment, pitches, struck, "clearing notes")

    def hold(self, selection: Selection) -> None:
        """Sets fermatas over the selected steps, or takes them away where all have them."""
        fermatas = self.chorale.fermatas
        fermatas = np.zeros(len(self.chorale), bool) if fermatas is None else fermatas.copy()
        steps = slice(selection.start, selection.stop)
        fermatas[steps] = not fermatas[steps].all()
        chorale = replace(self.chorale, fermatas=fermatas)
        self._become(replace(self.moment, chorale=chorale, what="a fermata"))

    def say(self, step: int, text: str, voice: int = 0, verse: int = 1) -> None:
        """Writes a syllable under the note that begins at a step; an empty one takes it away.

        Args:
            step: where the note begins.
            text: the syllable; a hyphen at its end says that the word goes on.
            voice: 0..3.
            verse: 1, 2, 3...
        """
        if step not in self.chorale.notes(voice)[:, 0]:
            raise ValueError(f"step {step}: expected the beginning of a note, to sing {text!r} on")
        text = _readable(text)
        others = [
            each
            for each in self.words
            if (each.step, each.voice, each.verse) != (step, voice, verse)
        ]
        if text.strip("-"):
            others.append(Syllable(step, voice, verse, text))
        notation = replace(self.chorale.notation or Notation(), words=_in_words(others))
        chorale = replace(self.chorale, notation=notation)
        self._become(replace(self.moment, chorale=chorale, what="words"))

    # Keeping

    def lock(self, selection: Selection, locked: bool = True) -> None:
        """Locks the selected notes, or unlocks them. A note is locked as a whole."""
        mask, locks = self._whole_notes(selection), self.locks.copy()
        locks[mask] = locked
        self._become(replace(self.moment, locks=locks, what="locking" if locked else "unlocking"))

    def undo(self) -> None:
        """Returns to the moment before."""
        if not self.past:
            raise ValueError("nothing to undo")
        self.future.append(self.moment)
        self.moment = self.past.pop()
        self.variants = []

    def redo(self) -> None:
        """Does again what was undone."""
        if not self.future:
            raise ValueError("nothing to redo")
        self.past.append(self.moment)
        self.moment = self.future.pop()
        self.variants = []

    # Asking

    def set(self, **settings: Any) -> None:
        """Changes how the model writes (see `Settings`), or the seed."""
        seed = settings.pop("seed", self.seed)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
            raise ValueError(f"seed {seed!r}: expected a whole number from 0 to {2**31 - 1}")
        known = {name: type(value) for name, value in vars(Settings()).items()}
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"setting {name!r}: expected one of {', '.join(known)}, seed")
            settings[name] = known[name](value)
        self.settings, self.seed = replace(self.settings, **settings), seed

    def ask(
        self, work: str, selection: Selection | None = None, bars: int = 4, seed: int | None = None
    ) -> Request:
        """What the model is to write.

        Args:
            work: ``'harmonise'`` (all but the tune), ``'rewrite'`` (what is selected),
                ``'continue'`` (more bars at the end), ``'write'`` (a whole chorale, in this metre
                and key). Locked notes stay, but for ``'write'``, which begins a new piece.
            selection: what is to be rewritten.
            bars: how many are written by ``'continue'`` and ``'write'``.
            seed: None for that of the session.

        Raises:
            ValueError: there is no tune, or nothing to be written.
        """
        given = self.chorale.pitches.astype(int)
        if work == "harmonise":
            if not given[:, self.tune].any():
                raise ValueError("there is no tune yet: enter some notes, or open a hymn or a file")
            given = _without_empty_end(given)
            given[:, [voice for voice in range(len(VOICES)) if voice != self.tune]] = FREE
        elif work == "rewrite":
            if selection is None:
                raise ValueError("nothing is selected: select the bars or voices to be rewritten")
            given[self._within(selection).mask(len(given))] = FREE
        elif work == "continue":
            if not given.any():
                raise ValueError("there is nothing to go on from: expected some notes")
            more = np.full((self._bar_steps(bars), len(VOICES)), FREE)
            given = np.vstack([_without_empty_end(given), more])
        elif work == "write":
            steps = self.chorale.pickup + self._bar_steps(bars, whole=True)
            given = np.full((steps, len(VOICES)), FREE)
            _fix_frame(given, self.chorale.key or "C major", self.chorale.pickup)
        else:
            raise ValueError(f"{work!r}: expected one of {', '.join(WORKS)}")
        if work != "write":
            kept = self.locks[: len(given)]
            given[: len(kept)][kept] = self.chorale.pitches[: len(kept)][kept]
        if len(given) > LONGEST:
            raise ValueError(f"{len(given)} sixteenths: expected at most {LONGEST}, 40 bars of 4/4")
        if not (given == FREE).any():
            raise ValueError("nothing to write: everything selected is locked")
        return Request(work, given, self.seed if seed is None else seed, self.settings)

    def accept(self, request: Request, pitches: np.ndarray) -> None:
        """Takes up what the model has written.

        Args:
            request: what it was asked.
            pitches: int array (steps, 4).

        Raises:
            ValueError: it has changed a note that was fixed.
        """
        chorale = self.answered(request, pitches)
        locks, steps = self.locks, len(chorale)
        if request.work == "write":
            locks = np.zeros((0, len(VOICES)), bool)
        grown = np.zeros((steps, len(VOICES)), bool)
        grown[: len(locks)] = locks[:steps]
        self._become(Moment(chorale, grown, request, _DONE[request.work]))

    def answered(self, request: Request, pitches: np.ndarray) -> Chorale:
        """The chorale that an answer of the model makes of the piece, which stays as it is."""
        pitches, free = np.asarray(pitches), request.free
        if pitches.shape != free.shape or not (pitches == request.given)[~free].all():
            raise ValueError("the model has changed notes that were fixed")
        steps = len(pitches)
        struck = np.zeros(free.shape, bool)
        if request.work != "write":
            struck[: len(self.chorale)] = self.chorale.struck[:steps]
        before = np.vstack([np.zeros((1, len(VOICES)), int), pitches[:-1]])
        moves = (pitches != before) & (pitches != SILENCE)
        struck = np.where(free, moves, struck | moves)
        fermatas = self.chorale.fermatas
        if fermatas is not None:
            held = np.zeros(steps, bool)
            held[: len(fermatas)] = fermatas[:steps] & (request.work != "write")
            fermatas = held
        about = {"title": None, "bwv": None, "name": "written"} if request.work == "write" else {}
        notation = None
        if request.work != "write":
            notation = _fitted_notation(self.chorale.notation, struck, free)
        arrays = {"pitches": pitches, "onsets": struck, "fermatas": fermatas, "notation": notation}
        return replace(self.chorale, **{"bwv": None, **about, **arrays})

    def offer(self, answers: Sequence[tuple[Request, np.ndarray]]) -> None:
        """Lays several answers of the model out, to choose from."""
        self.variants = [
            Variant(self.answered(request, pitches), request) for request, pitches in answers
        ]

    def take(self, number: int) -> None:
        """Takes up one of the variants (0, 1, 2...)."""
        if not 0 <= number < len(self.variants):
            raise ValueError(f"variant {number}: expected 0..{len(self.variants) - 1}")
        variant = self.variants[number]
        self.accept(variant.request, variant.chorale.pitches)

    # Keeping it as JSON

    def to_json(self) -> str:
        """The session as text (str); `from_json` makes it again."""
        return json.dumps(
            {
                "format": FORMAT,
                "moment": _moment_to_json(self.moment),
                "past": [_moment_to_json(moment) for moment in self.past],
                "future": [_moment_to_json(moment) for moment in self.future],
                "settings": vars(self.settings),
                "seed": self.seed,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Session:
        """The session that `to_json` wrote.

        Raises:
            ValueError: the text is torn, or something else.
        """
        try:
            kept = json.loads(text)
            if kept["format"] != FORMAT:
                raise ValueError(f"format {kept['format']}: expected {FORMAT}")
            session = cls()
            session.moment = _moment_from_json(kept["moment"])
            session.past = [_moment_from_json(moment) for moment in kept["past"]]
            session.future = [_moment_from_json(moment) for moment in kept["future"]]
            session.settings, session.seed = Settings(**kept["settings"]), int(kept["seed"])
        except (KeyError, TypeError, AttributeError, zlib.error) as error:
            raise ValueError(f"no session, or a torn one ({error!r})") from error
        return session

    # What the commands share

    def _become(self, moment: Moment) -> None:
        self.past = [*self.past, self.moment][-MOMENTS:]
        self.moment, self.future, self.variants = moment, [], []

    def _edit(self, moment: Moment, pitches: np.ndarray, struck: np.ndarray, what: str) -> None:
        changed = pitches != moment.chorale.pitches
        notation = _fitted_notation(moment.chorale.notation, struck, changed)
        chorale = replace(
            moment.chorale, pitches=pitches, onsets=struck, bwv=None, notation=notation
        )
        self._become(replace(moment, chorale=chorale, request=None, what=what))

    def _check_unlocked(self, moment: Moment, touched: np.ndarray) -> None:
        if (moment.locks & touched).any():
            raise ValueError("locked notes never change: unlock them first")

    def _grown(self, steps: int) -> Moment:
        """The moment, with empty bars at its end where a note is to reach up to a step."""
        chorale, bar = self.chorale, self.chorale.steps_per_bar or 16
        if steps <= len(chorale):
            return self.moment
        steps = chorale.pickup + -(-(steps - chorale.pickup) // bar) * bar
        if steps > LONGEST:
            raise ValueError(f"{steps} sixteenths: expected at most {LONGEST}, 40 bars of 4/4")
        return _cut(self.moment, steps)

    def _trim(self, step: int) -> None:
        """Takes empty bars away from the end, down to where a step lies and to one bar."""
        bar = self.chorale.steps_per_bar or 16
        sung = np.flatnonzero(self.chorale.pitches.any(axis=1))
        steps = max(step, 1, int(sung[-1]) + 1 if len(sung) else 0)
        steps = self.chorale.pickup + max(1, -(-(steps - self.chorale.pickup) // bar)) * bar
        if steps < len(self.chorale):
            self._become(replace(_cut(self.moment, steps), what="empty bars that go"))

    def _whole_notes(self, selection: Selection) -> np.ndarray:
        """bool array (steps, 4): all notes that have a step in the selection, from end to end."""
        mask = self._within(selection).mask(len(self.chorale))
        for voice in selection.voices:
            for start, length, _ in self.chorale.notes(voice).tolist():
                if mask[start : start + length, voice].any():
                    mask[start : start + length, voice] = True
        return mask

    def _within(self, selection: Selection) -> Selection:
        if selection.start >= len(self.chorale):
            raise ValueError(f"step {selection.start}: expected 0..{len(self.chorale) - 1}")
        return replace(selection, stop=min(selection.stop, len(self.chorale)))

    def _bar_steps(self, bars: int, whole: bool = False) -> int:
        """How many steps so many bars have, with what it takes to fill up the last bar."""
        if not 1 <= bars <= 40:
            raise ValueError(f"{bars} bars: expected 1 to 40")
        bar = self.chorale.steps_per_bar or 16
        ends = len(_without_empty_end(self.chorale.pitches)) - self.chorale.pickup
        return bars * bar + (0 if whole else -ends % bar)


_DONE = {
    "harmonise": "harmonising",
    "rewrite": "rewriting",
    "continue": "going on",
    "write": "a chorale that was written",
}


def _empty(time_signature: str = "4/4", pickup: int = 0, key: str = "C major") -> Chorale:
    bar = steps_per_bar(time_signature)
    if pickup not in range(bar) or pickup + 4 * bar > LONGEST:
        raise ValueError(
            f"pickup {pickup!r} in {time_signature}: expected 0 to {bar - 1} sixteenths, and four "
            f"bars that are no longer than {LONGEST}"
        )
    steps = pickup + 4 * bar
    return Chorale(
        np.zeros((steps, len(VOICES)), int), "my-chorale", None, None, key, time_signature, pickup
    )


def _opened(chorale: Chorale) -> Moment:
    """The first moment of a chorale: with a key, a metre and struck notes."""
    if not 1 <= len(chorale) <= LONGEST:
        raise ValueError(
            f"{chorale.name}: {len(chorale)} sixteenths: expected 1 to {LONGEST}, 40 bars of 4/4"
        )
    told: dict[str, Any] = {"onsets": chorale.struck, "key": chorale.key or find_key(chorale)}
    told |= {"name": _readable(chorale.name) or "untitled"}
    told |= {"title": _readable(chorale.title or "") or None}
    if chorale.time_signature is None:
        told["time_signature"], told["pickup"] = find_metre(chorale)
    return Moment(replace(chorale, **told), np.zeros(chorale.pitches.shape, bool))


def _readable(text: str) -> str:
    """A line of text that can be printed, at most 200 letters long."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200].strip()


def _cut(moment: Moment, steps: int) -> Moment:
    """The moment, made longer or shorter at its end."""
    chorale = moment.chorale

    def fitted(array: np.ndarray) -> np.ndarray:
        cut = np.zeros((steps, *array.shape[1:]), array.dtype)
        cut[: len(array)] = array[:steps]
        return cut

    fermatas = None if chorale.fermatas is None else fitted(chorale.fermatas)
    pitches, struck = fitted(chorale.pitches), fitted(chorale.struck)
    notation = _fitted_notation(chorale.notation, struck, np.zeros(struck.shape, bool))
    cut = replace(chorale, pitches=pitches, onsets=struck, fermatas=fermatas, notation=notation)
    return replace(moment, chorale=cut, locks=fitted(moment.locks))


def _fitted_notation(
    notation: Notation | None, struck: np.ndarray, changed: np.ndarray
) -> Notation | None:
    """What the page says of a piece, for notes of which some have changed: their spelling is open
    again, words stay where their note still begins, and bars stay where they are as long as the
    piece."""
    if notation is None:
        return None
    steps = len(struck)
    if notation.steps > steps:
        notation = notation.excerpt(0, steps)
    elif notation.steps < steps:
        notation = replace(notation, bars=())
    spelling = notation.spelling
    if spelling is not None:
        fitted = np.full(struck.shape, UNSPELLED, np.int8)
        fitted[: len(spelling)] = spelling[:steps]
        fitted[changed] = UNSPELLED
        spelling = fitted
    words = tuple(
        each for each in notation.words if each.step < steps and struck[each.step, each.voice]
    )
    return replace(notation, spelling=spelling, words=words)


def _without_empty_end(pitches: np.ndarray) -> np.ndarray:
    sung = np.flatnonzero(pitches.any(axis=1))
    return pitches[: int(sung[-1]) + 1] if len(sung) else pitches[:0]


def _fix_frame(given: np.ndarray, key: str, pickup: int) -> None:
    """Fixes what says the key to the model: the tonic in the bass where the first bar begins, and
    at the end the tonic in bass and soprano and the third above it in the tenor."""
    tonic, minor = tonic_and_mode(key)

    def nearest(voice: int, degree: int) -> int:
        middle = sum(VOICE_RANGES[voice]) // 2
        return middle + (degree - middle + 6) % 12 - 6

    given[pickup : pickup + STEPS_PER_QUARTER, 3] = nearest(3, tonic)
    for voice, degree in ((0, tonic), (2, tonic + 4 - minor), (3, tonic)):
        given[-2 * STEPS_PER_QUARTER :, voice] = nearest(voice, degree)


def _in_words(syllables: list[Syllable]) -> tuple[Syllable, ...]:
    """Syllables in order; from a hyphen at its end each knows its place in the word."""
    ordered = sorted(syllables, key=lambda each: (each.voice, each.verse, each.step))
    placed, goes_on, line = [], False, (-1, -1)
    for each in ordered:
        goes_on &= line == (each.voice, each.verse)
        line = each.voice, each.verse
        open_end = each.text.endswith("-") or (each.syllabic in ("begin", "middle"))
        syllabic = (
            ("middle" if open_end else "end") if goes_on else ("begin" if open_end else "single")
        )
        text = each.text[:-1] if each.text.endswith("-") else each.text
        placed.append(replace(each, text=text, syllabic=syllabic))
        goes_on = open_end
    return tuple(sorted(placed, key=lambda each: (each.step, each.voice, each.verse)))


# JSON


def chorale_to_json(chorale: Chorale) -> dict[str, Any]:
    """A chorale as what JSON knows (dict); `chorale_from_json` makes it again."""
    about = ("name", "bwv", "title", "key", "time_signature", "pickup")
    arrays = ("pitches", "onsets", "fermatas")
    return (
        {name: getattr(chorale, name) for name in about}
        | {name: _packed(getattr(chorale, name)) for name in arrays}
        | {"notation": chorale.notation and _notation_to_json(chorale.notation)}
    )


def chorale_from_json(told: dict[str, Any]) -> Chorale:
    """The chorale that `chorale_to_json` told of.

    Raises:
        ValueError: it is none.
    """
    steps = len(_unpacked(told["pitches"], "<i2")) // len(VOICES)
    told_of: dict[str, Any] = {
        name: None if told[name] is None else _unpacked(told[name], "?").reshape(shape)
        for name, shape in (("onsets", (steps, len(VOICES))), ("fermatas", (steps,)))
    }
    about = ("name", "bwv", "title", "key", "time_signature", "pickup")
    told_of |= {name: told[name] for name in about}
    pitches = _unpacked(told["pitches"], "<i2").reshape(steps, len(VOICES))
    notation = told["notation"] and _notation_from_json(told["notation"])
    return Chorale(pitches, **told_of, notation=notation)


_MARKS = {"bars": Bar, "keys": KeySignature, "tempos": Tempo, "words": Syllable}
_NAMES = ("composer", "lyricist", "arranger", "copyright")


def _notation_to_json(notation: Notation) -> dict[str, Any]:
    return (
        {name: [vars(mark) for mark in getattr(notation, name)] for name in _MARKS}
        | {name: getattr(notation, name) for name in _NAMES}
        | {"spelling": _packed(notation.spelling)}
    )


def _notation_from_json(told: dict[str, Any]) -> Notation:
    marks: dict[str, Any] = {
        name: tuple(kind(**mark) for mark in told[name]) for name, kind in _MARKS.items()
    }
    for bar in marks["bars"]:  # JSON knows no tuples
        object.__setattr__(bar, "endings", tuple(bar.endings))
        object.__setattr__(bar, "marks", tuple(bar.marks))
    spelling = told["spelling"]
    if spelling is not None:
        spelling = _unpacked(spelling, "<i2").reshape(-1, len(VOICES))
    return Notation(**marks, spelling=spelling, **{name: told[name] for name in _NAMES})


def _moment_to_json(moment: Moment) -> dict[str, Any]:
    request = moment.request
    return {
        "chorale": chorale_to_json(moment.chorale),
        "locks": _packed(moment.locks),
        "what": moment.what,
        "request": request
        and {
            "work": request.work,
            "given": _packed(request.given.astype("<i2")),
            "seed": request.seed,
            "settings": vars(request.settings),
        },
    }


def _moment_from_json(told: dict[str, Any]) -> Moment:
    chorale, request = chorale_from_json(told["chorale"]), told["request"]
    if request is not None:
        given = _unpacked(request["given"], "<i2").reshape(-1, len(VOICES)).astype(int)
        request = Request(request["work"], given, request["seed"], Settings(**request["settings"]))
    locks = _unpacked(told["locks"], "?").reshape(chorale.pitches.shape)
    return Moment(chorale, locks, request, told["what"])


def _packed(array: np.ndarray | None) -> str | None:
    if array is None:
        return None
    stored = array.astype("?" if array.dtype == bool else "<i2")
    return base64.b64encode(zlib.compress(stored.tobytes())).decode()


def _unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)
