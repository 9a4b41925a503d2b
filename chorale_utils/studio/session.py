"""A session: the piece in progress, its locked notes, and its history.

This file deals with neither page nor model nor score. Commands are methods of `Session`; each makes
a new `Moment`, and undo returns to the one before. Requests to the model are `Request`s (see
`asking`); `Session.accept` accepts the answer. A session can be saved as JSON.

A locked note never changes: neither the model nor an edit touches it until it is unlocked.

Undo and redo cover everything: the piece, its locks and words, all settings, and the variants that
the model has offered. A command that changes nothing is no step.

Notebook: 06_studio
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, steps_per_bar
from ..notation.page import Bar, Notation, Syllable, bars_of
from .asking import answered, asked, fits
from .keeping import moment_to_json, moments_from_json
from .moments import (
    SETTINGS,
    Choices,
    Moment,
    Request,
    Selection,
    Settings,
    Variant,
    with_values,
)
from .pieces import (
    bars_up_to,
    check_length,
    empty_piece,
    fitted,
    fitted_page,
    in_words,
    opened,
    readable,
    tune_of,
    without_empty_end,
)

MOMENTS = 200  # of the past to which undo can return
VERSES = 9
WRITTEN, ERASED = ("a note", "a rest"), "taking a note away"  # what the last step may have been
FORMATS = (2, 3, 4)  # of the JSON: in 2, requests had no form; before 4, moments no settings
MOST_KEPT = 20_000_000  # characters of JSON: of a longer past, only the latest moments are saved

_GRADUAL = ("temperature", "bars", "seed")  # several changes in a row are one step
_DESCRIBED = {"title": "title", "key": "key", "time_signature": "metre", "pickup": "pickup"}
_DONE = {
    "harmonise": "harmonising",
    "rewrite": "rewriting",
    "continue": "going on",
    "write": "a chorale that was written",
}


@dataclass
class Session:
    """A piece in progress. Every command either succeeds or raises a ValueError and changes
    nothing.

    Args:
        chorale: the piece to begin with; None for four empty bars of 4/4 in C major.

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
    seed: int = 1
    past: list[Moment] = field(default_factory=list)
    future: list[Moment] = field(default_factory=list)

    def __init__(self, chorale: Chorale | None = None) -> None:
        self.seed, self.past, self.future = 1, [], []
        self.moment = opened(empty_piece() if chorale is None else chorale)

    @property
    def chorale(self) -> Chorale:
        """The current piece (Chorale).

        Examples:
            >>> Session().chorale
            Chorale('my-chorale', 64 steps, C major, 4/4)
        """
        return self.moment.chorale

    @property
    def locks(self) -> np.ndarray:
        """Where a note must not change, as a bool array (steps, 4).

        Examples:
            >>> Session().locks.any()
            np.False_
        """
        return self.moment.locks

    @property
    def settings(self) -> Settings:
        """How the model writes.

        Examples:
            >>> Session().settings.temperature
            1.0
        """
        return self.moment.settings

    @property
    def choices(self) -> Choices:
        """What else is asked of the model.

        Examples:
            >>> Session().choices.bars
            4
        """
        return self.moment.choices

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The answers of the model to choose from.

        Examples:
            >>> Session().variants
            ()
        """
        return self.moment.variants

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The bars of the piece.

        Examples:
            >>> [bar.start for bar in Session().bars]
            [0, 16, 32, 48]
        """
        return bars_of(self.chorale)

    @property
    def words(self) -> tuple[Syllable, ...]:
        """The syllables under the notes.

        Examples:
            >>> Session().words
            ()
        """
        return () if self.chorale.notation is None else self.chorale.notation.words

    @property
    def tune(self) -> int:
        """Number of the voice that has the tune (int), which is the only voice that sings, or else
        the soprano.

        Examples:
            >>> Session(Chorale([[0, 0, 64, 0]] * 16, time_signature="4/4")).tune
            2
        """
        return tune_of(self.chorale)

    # Beginning

    def new(self, time_signature: str = "4/4", pickup: int = 0, key: str = "C major") -> None:
        """Begins an empty piece.

        Args:
            time_signature: such as ``'3/4'``.
            pickup: sixteenths before the first bar line.
            key: such as ``'g minor'``.

        Raises:
            ValueError: an invalid time signature, pickup or key.

        Examples:
            >>> session = Session()
            >>> session.new("3/4", pickup=4, key="g minor")
            >>> session.chorale
            Chorale('my-chorale', 52 steps, g minor, 3/4)
        """
        self._begin(empty_piece(time_signature, pickup, key), "a new piece")

    def open(self, chorale: Chorale) -> None:
        """Opens a piece, such as a hymn or a file.

        Args:
            chorale: Chorale of 1 to 640 steps.

        Raises:
            ValueError: it is empty or too long.

        Examples:
            >>> session = Session()
            >>> session.open(Chorale([[72, 67, 64, 48]] * 16, name="mine", time_signature="4/4"))
            >>> session.chorale.name
            'mine'
        """
        self._begin(chorale, f"opening {chorale.title or chorale.name}")

    def describe(
        self,
        title: str | None = None,
        key: str | None = None,
        time_signature: str | None = None,
        pickup: int | None = None,
    ) -> None:
        """Changes the information about the piece; None leaves a value unchanged.

        Args:
            title: the title; an empty one removes it.
            key: such as ``'g minor'``.
            time_signature: such as ``'3/4'``.
            pickup: sixteenths before the first bar line.

        Raises:
            ValueError: an invalid key, time signature or pickup.

        Examples:
            >>> session = Session()
            >>> session.describe(title="Evening hymn", key="F major")
            >>> session.chorale.title, session.chorale.key
            ('Evening hymn', 'F major')
        """
        told = {"title": title, "key": key, "time_signature": time_signature, "pickup": pickup}
        told = {name: value for name, value in told.items() if value is not None}
        if title is not None:
            told["title"] = readable(title) or None
        if time_signature is not None and pickup is None:
            told["pickup"] = min(self.chorale.pickup, steps_per_bar(time_signature) - 1)
        told = {name: new for name, new in told.items() if new != getattr(self.chorale, name)}
        if not told:
            return
        notation = self.chorale.notation
        if notation is not None and {"key", "time_signature", "pickup"} & set(told):
            notation = replace(notation, bars=(), keys=())
        chorale = replace(self.chorale, notation=notation, **told)  # type: ignore[arg-type]
        self._become(replace(self.moment, chorale=chorale, what=_DESCRIBED[next(iter(told))]))

    # Writing by hand

    def put(self, voice: int, step: int, length: int, pitch: int) -> None:
        """Writes a note over existing ones; the piece grows if necessary.

        Args:
            voice: 0..3, soprano to bass.
            step: where it begins.
            length: in sixteenths.
            pitch: MIDI number, or 0 for a rest.

        Raises:
            ValueError: a number out of range, a locked note, or a piece that would be too long.

        Examples:
            >>> session = Session()
            >>> session.put(voice=0, step=0, length=8, pitch=67)
            >>> session.put(voice=0, step=4, length=4, pitch=69)
            >>> session.chorale.notes(0).tolist()
            [[0, 4, 67], [4, 4, 69]]
        """
        whole = all(isinstance(number, int) for number in (voice, step, length, pitch))
        stop = step + length if whole else 0
        if (
            not whole
            or voice not in range(len(VOICES))
            or step < 0
            or length < 1
            or not 0 <= pitch <= 127
        ):
            raise ValueError(
                f"note {pitch} of {length} sixteenths at step {step} of voice {voice}: expected a "
                "voice 0..3, a step from 0 on, a length of 1 or more and a note 0..127"
            )
        stop = step + length
        moment = self._grown(stop)
        pitches, struck = moment.chorale.pitches.copy(), moment.chorale.struck
        touched = np.zeros(pitches.shape, bool)
        touched[step:stop, voice] = True
        rest = stop  # the rest of an overwritten note becomes silence
        while rest < len(pitches) and pitches[rest, voice] and not struck[rest, voice]:
            touched[rest, voice] = True
            rest += 1
        self._check_unlocked(moment, touched)
        pitches[step:rest, voice] = SILENCE
        struck[step:rest, voice] = False
        pitches[step:stop, voice] = pitch
        struck[step, voice] = pitch != SILENCE
        self._edit(moment, pitches, struck, WRITTEN[pitch == SILENCE])

    def erase(self, voice: int, step: int) -> int:
        """Deletes the last note or rest before a step, as the backspace key does, and returns where
        it began (int). Empty steps at the end of the piece are removed, down to one bar.

        Args:
            voice: 0..3, soprano to bass.
            step: the step before which to delete.

        Raises:
            ValueError: the note is locked, or there is no such voice.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 4, 67)
            >>> session.erase(voice=0, step=4)
            0
            >>> session.chorale.notes(0).tolist()
            []
        """
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
        self._edit(self.moment, pitches, struck, ERASED)
        return start

    def last_note(self, voice: int, step: int) -> Selection:
        """The last note of a voice that begins before a step, as a `Selection`.

        Args:
            voice: 0..3, soprano to bass.
            step: the step before which it begins.

        Raises:
            ValueError: there is no such note or voice.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 4, 67)
            >>> session.last_note(voice=0, step=16)
            Selection(start=0, stop=4, voices=(0,))
        """
        notes = self.chorale.notes(voice) if voice in range(len(VOICES)) else np.zeros((0, 3), int)
        before = notes[notes[:, 0] < step]
        if not len(before):
            raise ValueError("there is no note here: expected one that can be changed")
        start, length, _ = before[-1].tolist()
        return Selection(start, start + length, (voice,))

    def move(self, selection: Selection, semitones: int) -> None:
        """Moves the selected notes up or down.

        Args:
            selection: the notes; one that is selected in part moves as a whole.
            semitones: a whole number, negative for down.

        Raises:
            ValueError: a locked note, or one that would leave 1..127.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 4, 67)
            >>> session.move(Selection(0, 4), semitones=-2)
            >>> session.chorale.notes(0).tolist()
            [[0, 4, 65]]
        """
        mask = self._whole_notes(selection)
        self._check_unlocked(self.moment, mask)
        pitches = self.chorale.pitches.astype(int)
        mask &= pitches != SILENCE
        pitches[mask] += semitones
        if mask.any() and not (1 <= pitches[mask]).all() & (pitches[mask] <= 127).all():
            raise ValueError("notes outside 1..127: they cannot be moved that far")
        self._edit(self.moment, pitches, self.chorale.struck, "moving notes")

    def clear(self, selection: Selection) -> None:
        """Makes the selected notes silent.

        Args:
            selection: the notes; one that is selected in part becomes silent as a whole.

        Raises:
            ValueError: a locked note.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 4, 67)
            >>> session.clear(Selection(0, 4))
            >>> bool(session.chorale.pitches.any())
            False
        """
        mask = self._whole_notes(selection)
        self._check_unlocked(self.moment, mask)
        pitches, struck = self.chorale.pitches.copy(), self.chorale.struck
        pitches[mask], struck[mask] = SILENCE, False
        self._edit(self.moment, pitches, struck, "clearing notes")

    def hold(self, selection: Selection) -> None:
        """Sets fermatas on the selected steps, or removes them if all have them.

        Args:
            selection: the steps; its voices do not matter.

        Raises:
            ValueError: the selection begins after the end of the piece.

        Examples:
            >>> session = Session()
            >>> session.hold(Selection(12, 16))
            >>> session.chorale.fermatas.nonzero()[0].tolist()
            [12, 13, 14, 15]
        """
        selection, fermatas = selection.within(len(self.chorale)), self.chorale.fermatas
        fermatas = np.zeros(len(self.chorale), bool) if fermatas is None else fermatas.copy()
        steps = slice(selection.start, selection.stop)
        fermatas[steps] = not fermatas[steps].all()
        chorale = replace(self.chorale, fermatas=fermatas)
        self._become(replace(self.moment, chorale=chorale, what="a fermata"))

    def say(self, step: int, text: str, voice: int = 0, verse: int = 1) -> None:
        """Writes a syllable under the note that begins at a step; an empty one removes it.

        Args:
            step: where the note begins.
            text: the syllable; a hyphen at its end says that the word continues.
            voice: 0..3.
            verse: 1 to 9.

        Raises:
            ValueError: no note of this voice begins at this step, or there is no such verse.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 4, 67)
            >>> session.say(step=0, text="Ach")
            >>> [syllable.text for syllable in session.words]
            ['Ach']
        """
        if voice not in range(len(VOICES)) or step not in self.chorale.notes(voice)[:, 0]:
            raise ValueError(f"step {step}: expected the beginning of a note, to sing {text!r} on")
        if verse not in range(1, VERSES + 1):
            raise ValueError(f"verse {verse}: expected 1 to {VERSES}")
        text = readable(text)
        others = [
            each
            for each in self.words
            if (each.step, each.voice, each.verse) != (step, voice, verse)
        ]
        if text.strip("-"):
            others.append(Syllable(step, voice, verse, text))
        words = in_words(others)
        if words == self.words:
            return
        notation = replace(self.chorale.notation or Notation(), words=words)
        chorale = replace(self.chorale, notation=notation)
        self._become(replace(self.moment, chorale=chorale, what="words"))

    # Keeping

    def lock(self, selection: Selection, locked: bool = True) -> None:
        """Locks the selected notes, or unlocks them. A note is locked as a whole.

        Args:
            selection: the notes.
            locked: false unlocks them.

        Raises:
            ValueError: the selection begins after the end of the piece.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 4, 67)
            >>> session.lock(Selection(0, 1, voices=(0,)))
            >>> session.locks[:, 0].nonzero()[0].tolist()
            [0, 1, 2, 3]
        """
        mask, locks = self._whole_notes(selection), self.locks.copy()
        locks[mask] = locked
        self._become(replace(self.moment, locks=locks, what="locking" if locked else "unlocking"))

    def undo(self) -> None:
        """Returns to the moment before. The seed that the model has drawn last stays the last, so
        that asking again gives another answer; a seed set by hand is undone like any setting.

        Raises:
            ValueError: there is none.

        Examples:
            >>> session = Session()
            >>> session.describe(key="F major")
            >>> session.undo()
            >>> session.chorale.key
            'C major'
        """
        if not self.past:
            raise ValueError("nothing to undo")
        if self.moment.seeds is not None:
            self.seed = self.moment.seeds[0]
        self.future, self.past, self.moment = (
            [*self.future, self.moment],
            self.past[:-1],
            self.past[-1],
        )

    def redo(self) -> None:
        """Repeats what was undone.

        Raises:
            ValueError: nothing was undone.

        Examples:
            >>> session = Session()
            >>> session.describe(key="F major")
            >>> session.undo()
            >>> session.redo()
            >>> session.chorale.key
            'F major'
        """
        if not self.future:
            raise ValueError("nothing to redo")
        self.past, self.future, self.moment = (
            [*self.past, self.moment],
            self.future[:-1],
            self.future[-1],
        )
        if self.moment.seeds is not None:
            self.seed = self.moment.seeds[1]

    # Asking

    def set(self, **settings: Any) -> None:
        """Changes how the model writes, what else is asked of it, or the seed of its random
        numbers. Changes of one number in a row are one step to undo. What was undone before can
        still be redone, with the new setting.

        Args:
            settings: ``temperature`` (0.1 to 2; below 1 is more cautious), ``particles`` (number of
                candidates: 8, 32, 64 or 128), ``parallels`` and ``crossing`` (whether parallel
                fifths and octaves, and crossing voices, are allowed), ``ranges`` (whether voices
                keep to a choir's ranges), ``movement`` (``'calm'``, ``'lively'`` or ``''``),
                ``form`` (of a new chorale: phrases of its own, ``'new'``, or of this ``'piece'``),
                ``bars`` (how many to write, 1 to 40), ``several`` (whether there are several
                answers to choose from), ``keep_seed`` (whether the next request has the same seed),
                ``seed`` (a whole number from 0 on).

        Raises:
            ValueError: an unknown setting, or a value outside its range.

        Examples:
            >>> session = Session()
            >>> session.set(temperature=0.8, seed=7)
            >>> session.settings.temperature, session.seed
            (0.8, 7)
        """
        seed, values = settings.pop("seed", self.seed), self.moment.values
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**31:
            raise ValueError(f"seed {seed!r}: expected a whole number from 0 to {2**31 - 1}")
        for name, value in settings.items():
            if name not in values:
                raise ValueError(f"setting {name!r}: expected one of {', '.join(SETTINGS)}")
            settings[name] = type(values[name])(value)
        changed = {name: new for name, new in settings.items() if new != values[name]}
        moment = self.moment.with_values(changed)
        names = [*changed, *(["seed"] if seed != self.seed else [])]
        if not names:
            return
        seeds = (self.seed, seed) if seed != self.seed else None
        moment = replace(moment, what=" and ".join(map(SETTINGS.__getitem__, names)), seeds=seeds)
        self.future, self.seed = with_values(self.future, values, changed), seed
        if names[0] not in _GRADUAL or not self._goes_on(moment):
            self.past, self.moment = [*self.past, self.moment][-MOMENTS:], moment
            return
        if seeds is not None and self.moment.seeds is not None:
            moment = replace(moment, seeds=(self.moment.seeds[0], seed))
        if moment.same_as(self.past[-1]) and (not seeds or moment.seeds == (seed, seed)):
            moment, self.past = self.past[-1], self.past[:-1]  # back to where it was
        self.moment = moment

    def _goes_on(self, moment: Moment) -> bool:
        """Whether the last step has changed the same setting as this one, and nothing else."""
        same = bool(self.past) and self.moment.chorale is self.past[-1].chorale
        return same and self.moment.what == moment.what

    def ask(
        self,
        work: str,
        selection: Selection | None = None,
        bars: int | None = 4,
        seed: int | None = None,
    ) -> Request:
        """A request to the model.

        Args:
            work: ``'harmonise'`` (all but the tune), ``'rewrite'`` (the selection), ``'continue'``
                (more bars at the end), ``'write'`` (a whole chorale in this metre and key). Locked
                notes stay, except with ``'write'``, which begins a new piece.
            selection: the steps and voices to rewrite.
            bars: number of bars for ``'continue'`` and ``'write'``; None lets ``'write'`` keep the
                form of the current piece, with its phrases and fermatas.
            seed: None for that of the session.

        Raises:
            ValueError: there is no tune, or nothing to write.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 16, 67)
            >>> request = session.ask("harmonise")
            >>> request.given[0].tolist()  # G4 is given, and the model writes the rest
            [67, -1, -1, -1]
        """
        seed = self.seed if seed is None else seed
        return asked(self.moment, work, self.settings, seed, selection, bars)

    def fits(self, request: Request) -> bool:
        """Whether an answer to the request can still be accepted (bool): the notes given to the
        model are unchanged, and none of those that it writes has been locked in the meantime.

        Args:
            request: a result of `ask`.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 16, 67)
            >>> request = session.ask("harmonise")
            >>> session.move(Selection(0, 16), semitones=2)
            >>> session.fits(request)
            False
        """
        return fits(self.moment, request)

    def accept(self, request: Request, written: Chorale) -> None:
        """Accepts an answer of the model.

        Args:
            request: the request to the model.
            written: its answer: notes, which of them are struck, fermatas.

        Raises:
            ValueError: the model has changed a fixed note.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 16, 67)
            >>> answer = Chorale([[67, 64, 60, 48]] * 16, time_signature="4/4")
            >>> session.accept(session.ask("harmonise"), answer)
            >>> session.chorale.pitches[0].tolist()
            [67, 64, 60, 48]
        """
        self._take_up(request, answered(self.chorale, request, written))

    def offer(self, answers: Sequence[tuple[Request, Chorale]]) -> None:
        """Offers several answers of the model, to choose from with `take`.

        Args:
            answers: pairs of a request and the model's answer to it.

        Raises:
            ValueError: an answer changes a fixed note.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 16, 67)
            >>> request = session.ask("harmonise")
            >>> minor, major = (
            ...     Chorale([[67, 63 + major, 60, 48]] * 16, time_signature="4/4")
            ...     for major in (0, 1)
            ... )
            >>> session.offer([(request, minor), (request, major)])
            >>> len(session.variants)
            2
        """
        variants = tuple(
            Variant(answered(self.chorale, request, written), request)
            for request, written in answers
        )
        self._become(replace(self.moment, what=f"{len(variants)} variants"), variants)

    def decline(self) -> None:
        """Puts the variants away and leaves the piece as it is.

        Examples:
            >>> session = Session()
            >>> session.decline()
            >>> session.variants
            ()
        """
        self._become(replace(self.moment, what="putting variants away"), ())

    def take(self, number: int) -> None:
        """Accepts one of the variants that were offered.

        Args:
            number: 0, 1, 2...

        Raises:
            ValueError: there is no such variant.

        Examples:
            >>> session = Session()
            >>> session.put(0, 0, 16, 67)
            >>> answer = Chorale([[67, 64, 60, 48]] * 16, time_signature="4/4")
            >>> session.offer([(session.ask("harmonise"), answer)])
            >>> session.take(0)
            >>> session.chorale.pitches[0].tolist()
            [67, 64, 60, 48]
        """
        if not 0 <= number < len(self.variants):
            raise ValueError(f"variant {number}: expected 0..{len(self.variants) - 1}")
        variant = self.variants[number]
        self._take_up(variant.request, variant.chorale)

    # Keeping it as JSON

    def to_json(self) -> str:
        """The session as JSON (str); `from_json` restores it. Of a very long past, only the latest
        moments are saved.

        Examples:
            >>> Session.from_json(Session().to_json()).chorale == Session().chorale
            True
        """
        about = {"format": FORMATS[-1], "seed": self.seed}
        past, future = ([*map(moment_to_json, line)] for line in (self.past, self.future))
        while sum(map(len, past)) > MOST_KEPT:
            del past[0]
        return (
            f'{json.dumps(about)[:-1]}, "moment": {moment_to_json(self.moment)}, '
            f'"past": [{", ".join(past)}], "future": [{", ".join(future)}]}}'
        )

    @classmethod
    def from_json(cls, text: str) -> Session:
        """The session from the result of `to_json`.

        Args:
            text: JSON.

        Raises:
            ValueError: the text is damaged, or not a session.

        Examples:
            >>> session = Session()
            >>> session.describe(key="F major")
            >>> again = Session.from_json(session.to_json())
            >>> again.undo()
            >>> again.chorale.key
            'C major'
        """
        try:
            kept = json.loads(text)
            if kept["format"] not in FORMATS:
                raise ValueError(f"format {kept['format']}: expected one of {FORMATS}")
            session = cls()
            told = [*kept["past"], kept["moment"], *reversed(kept["future"])]
            now, moments = len(kept["past"]), moments_from_json(told, kept.get("settings"))
            session.past, session.moment = moments[:now], moments[now]
            session.future, session.seed = moments[:now:-1], int(kept["seed"])
        except (KeyError, TypeError, AttributeError, zlib.error) as error:
            raise ValueError(f"not a session, or a damaged one ({error!r})") from error
        return session

    # What the commands share

    def _take_up(self, request: Request, chorale: Chorale) -> None:
        locks, steps = self.locks, len(chorale)
        if request.work == "write":
            locks = np.zeros((0, len(VOICES)), bool)
        grown = np.zeros((steps, len(VOICES)), bool)
        grown[: len(locks)] = locks[:steps]
        moment = replace(self.moment, chorale=chorale, locks=grown, request=request)
        self._become(replace(moment, what=_DONE[request.work]))

    def _begin(self, chorale: Chorale, what: str) -> None:
        """Begins another piece; settings stay as they are."""
        begun = opened(chorale)
        self._become(replace(begun, what=what, settings=self.settings, choices=self.choices))

    def _become(self, moment: Moment, variants: tuple[Variant, ...] | None = None) -> None:
        """Takes a step, if it changes anything. Without `variants` of its own it puts away those
        that are there."""
        kept = self.variants if variants is None else variants
        if not replace(moment, variants=kept).same_as(self.moment):
            self.past = [*self.past, self.moment][-MOMENTS:]
            self.moment, self.future = replace(moment, variants=variants or (), seeds=None), []

    def _edit(self, moment: Moment, pitches: np.ndarray, struck: np.ndarray, what: str) -> None:
        changed = pitches != moment.chorale.pitches
        if moment is self.moment and not (changed | (struck != self.chorale.struck)).any():
            return
        notation = fitted_page(moment.chorale.notation, struck, changed)
        chorale = replace(
            moment.chorale, pitches=pitches, onsets=struck, bwv=None, notation=notation
        )
        self._become(replace(moment, chorale=chorale, request=None, what=what))

    def _check_unlocked(self, moment: Moment, touched: np.ndarray) -> None:
        if (moment.locks & touched).any():
            raise ValueError("locked notes never change: unlock them first")

    def _grown(self, steps: int) -> Moment:
        """The moment, with empty bars added at its end if a note reaches up to a step beyond it."""
        if steps <= len(self.chorale):
            return self.moment
        check_length(steps)
        return fitted(self.moment, bars_up_to(self.chorale, steps)[-1].stop)

    def _trim(self, step: int) -> None:
        """Removes empty bars from the end, down to the bar of a step and to one bar."""
        sung = len(without_empty_end(self.chorale.pitches))
        kept = next(bar for bar in self.bars if bar.stop >= max(step, sung, 1))
        full = next((bar for bar in self.bars if bar.number), kept)
        steps = max(kept.stop, full.stop)
        if steps < len(self.chorale):
            self._become(replace(fitted(self.moment, steps), what="taking empty bars away"))

    def _whole_notes(self, selection: Selection) -> np.ndarray:
        """bool array (steps, 4): the whole of every note that has a step in the selection."""
        mask = selection.within(len(self.chorale)).mask(len(self.chorale))
        for voice in selection.voices:
            for start, length, _ in self.chorale.notes(voice).tolist():
                if mask[start : start + length, voice].any():
                    mask[start : start + length, voice] = True
        return mask
