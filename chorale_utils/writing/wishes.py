"""What is asked of the pieces to be written: which tokens each voice may sing on each step.

`Wishes` brings together all that a user may ask for (given notes, a form with its end, words and
cadences, ranges, pitch classes, the tonic at the end) in the mask that particles.py reads, in which
each token is forbidden, avoided or allowed; and it says where there is something to choose, so that
several candidates are of use.

Notebook: 05_generation
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
)
from ..encoding import (
    END_TOKEN,
    FIRST_NOTE_TOKEN,
    GOES_ON,
    SCORE_VOCABULARY,
    SILENCE_TOKEN,
    VOCABULARY,
    notes_to_tokens,
    tokens_to_notes,
    transpose_tokens,
)
from ..form import Form
from ..keys import (
    tonic_and_mode,
)
from ..models.checks import check_whole_numbers
from ..models.model import ChoraleModel
from .melody import note_number
from .particles import ALLOWED, AVOIDED, CHUNK, FORBIDDEN, FREE, known_notes

SETTLES = 32  # steps of given notes after which one candidate is as good as many
LONGEST = 640  # steps after which an endless piece is cut: the length of the longest in the corpus
# by a score's tokens: whether a note is struck
_STRUCK = (np.arange(SCORE_VOCABULARY) >= FIRST_NOTE_TOKEN) & (
    np.arange(SCORE_VOCABULARY) < VOCABULARY
)

Ranges: TypeAlias = ArrayLike | Mapping[str, Sequence[int | str]]


class Wishes:
    """What is allowed on each step of each piece to be written: the mask of particles.py."""

    def __init__(
        self,
        model: ChoraleModel,
        fixed: np.ndarray,
        length: int | None,
        forms: list[Form] | None,
        onsets: ArrayLike | None,
        allowed: ArrayLike | None,
        singable: np.ndarray,
        many: bool,
        tonic_ending: bool,
    ) -> None:
        self.fixed, self.forms, self.tokens = fixed, forms, model.tokens
        self.ends = [length] if forms is None else [len(form) for form in forms]
        self.may_end = self.ends[0] is None
        shortest = min(end or LONGEST for end in self.ends)
        if len(fixed) > shortest:
            raise ValueError(
                f"given has {len(fixed)} steps: expected no more than the length of the piece, "
                f"{shortest}"
            )
        self.length = max(end or LONGEST for end in self.ends)
        if not self.may_end and (many or forms is not None):
            self.length += 1  # the end token is fixed like a note
        self.struck = None if onsets is None else np.asarray(onsets, bool)
        self.allowed = None if allowed is None else np.asarray(allowed, bool)
        note = np.arange(self.tokens)
        note = np.where(note < VOCABULARY, note, note - GOES_ON)
        self.singable = singable[..., note] | (note == END_TOKEN)  # (steps, 4, tokens)
        self.several = self._several() if many else np.ones(self.length, bool)
        self.endings: list[np.ndarray | None] = [None] * len(forms or ())
        if tonic_ending:
            self.endings = [_tonic_triad(each, note) for each in forms or ()]
        self.cadences = [_cadence_tokens(each, note) for each in forms or ()]
        if self.struck is not None and self.struck.shape != fixed.shape:
            raise ValueError(
                f"onsets of shape {self.struck.shape}: expected that of given, {fixed.shape}"
            )
        if self.allowed is not None and self.allowed.shape[1:] != (len(VOICES), self.tokens):
            raise ValueError(
                f"allowed of shape {self.allowed.shape}: expected (steps, 4, {self.tokens})"
            )
        for step, voice in np.argwhere(~self._in_all_pieces(0, self.length).any(axis=-1))[:1]:
            raise ValueError(
                f"step {step}, {VOICES[voice]}: no token is allowed there; expected at least one: "
                f"check given, onsets and allowed"
            )

    def __len__(self) -> int:
        return self.length

    def chunk(self, start: int, pieces: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """(mask (pieces or 1, `CHUNK`, 4, tokens) from the step `start` on; int array (remaining
        steps, at most `CHUNK`; pieces) with the earlier step to copy, or -1)."""
        steps = min(CHUNK, self.length - start)
        may_come = self._in_all_pieces(start, CHUNK)[None]
        source = np.full((steps, len(pieces)), -1)
        is_end = np.arange(self.tokens) == END_TOKEN
        if self.forms is None:
            if self.ends[0] is not None and start <= self.ends[0] < start + CHUNK:
                may_come[0, self.ends[0] - start, 0] = is_end
            return self._mask(may_come, start, [None]), source
        may_come = np.repeat(may_come, len(pieces), axis=0)
        for place, number in enumerate(pieces):
            form = self.forms[number]
            sung, end = form.onsets(), len(form) - start
            if sung is not None and self.tokens == SCORE_VOCABULARY:
                sung = sung[start : start + CHUNK, None]
                may_come[place, : len(sung), 0] &= np.where(sung, _STRUCK, ~_STRUCK)
            cadences = self.cadences[number]
            if cadences is not None:
                asked = cadences[start : start + CHUNK]
                may_come[place, : len(asked)] &= asked
                for step, voice in np.argwhere(~may_come[place, : len(asked)].any(axis=-1))[:1]:
                    raise ValueError(
                        f"step {start + step}, {VOICES[voice]}: the note given there does not fit "
                        f"the cadence that the form asks for; change one or the other"
                    )
            if 0 <= end < CHUNK:
                may_come[place, end, 0] = is_end
            copied = form.copied_from()[start : start + steps]
            source[: len(copied), place] = copied
        return self._mask(may_come, start, pieces), source

    def _mask(self, may_come: np.ndarray, start: int, pieces: Sequence[int | None]) -> np.ndarray:
        """The mask (pieces or 1, `CHUNK`, 4, tokens) from the step `start` on: tokens that may come
        but should not be sung are avoided, unless they are given."""
        number = np.minimum(np.arange(start, start + CHUNK), len(self.singable) - 1)
        known = known_notes(np.where(may_come, np.int8(ALLOWED), np.int8(FORBIDDEN))) != FREE
        singable = np.repeat(self.singable[number][None], len(may_come), axis=0)
        for place, piece in enumerate(pieces):
            ending = None if piece is None else self.endings[piece]
            if ending is not None:
                end = len(self.forms[piece]) - start  # type: ignore[index]  # it has an ending
                singable[place, max(0, end - STEPS_PER_QUARTER) : max(0, end)] &= ending
        welcome = singable | known[..., None]
        wanted = np.where(welcome, np.int8(ALLOWED), np.int8(AVOIDED))
        return np.where(may_come, wanted, np.int8(FORBIDDEN))

    def _several(self) -> np.ndarray:
        """bool array (steps,): where several candidates are needed, from a free note on until
        `SETTLES` given steps have followed; not worth interrupting for less than a chunk."""
        free = np.arange(self.length) < max(end or self.length for end in self.ends)
        free[: len(self.fixed)] = (self.fixed == FREE).any(axis=1)
        step, never = np.arange(self.length), -SETTLES - 1
        several = step - np.maximum.accumulate(np.where(free, step, never)) <= SETTLES
        found = np.flatnonzero(several)
        for before, after in pairwise(found):
            several[before:after] |= after - before <= CHUNK
        return several

    def alike(self, start: int) -> int:
        """The number of steps from `start` on for which `several` stays the same."""
        other = np.flatnonzero(self.several[start:] != self.several[start])
        return int(other[0]) if len(other) else self.length - start

    def known(self, start: int, stop: int, pieces: Sequence[int]) -> np.ndarray | None:
        """int array (pieces, steps, 4) of the tokens from `start` up to `stop`, if nothing is left
        to choose there (not even whether notes are struck), and otherwise None."""
        masks = [self.chunk(at, pieces)[0] for at in range(start, stop, CHUNK)]
        may_come = np.concatenate(masks, axis=1)[:, : stop - start] != FORBIDDEN
        tokens = may_come.argmax(axis=-1)
        is_only = may_come.sum(axis=-1) == 1
        over = np.logical_or.accumulate((tokens[..., 0] == END_TOKEN) & is_only[..., 0], axis=1)
        if not (is_only.all(axis=-1) | over).all():
            return None
        tokens = np.where(over[..., None], END_TOKEN, tokens).astype(np.int32)
        return np.broadcast_to(tokens, (len(pieces), *tokens.shape[1:]))

    def copies(
        self, written: np.ndarray, mask: np.ndarray, source: np.ndarray, start: int, particles: int
    ) -> np.ndarray:
        """int array (particles of all pieces, `CHUNK`, 4) of tokens to copy, `FREE` where there is
        nothing to copy or the mask does not allow it."""
        copies = np.full((len(written), CHUNK, len(VOICES)), FREE, np.int32)
        by_particle = np.repeat(source, particles, axis=1)
        step, particle = np.nonzero((by_particle >= 0) & (by_particle < start))
        tokens = written[particle, by_particle[step, particle]]  # (copied steps, 4)
        piece = particle // particles if len(mask) > 1 else 0 * particle
        voice = np.arange(len(VOICES))
        fits = mask[piece[:, None], step[:, None], voice, tokens] == ALLOWED
        copies[particle, step] = np.where(fits, tokens, FREE)
        given = self.fixed[start : start + CHUNK]
        copies[:, : len(given)] = np.where(given == FREE, copies[:, : len(given)], FREE)
        return copies

    def _in_all_pieces(self, start: int, steps: int) -> np.ndarray:
        """bool array (steps, 4, tokens): what is allowed in all pieces."""
        may_come = np.ones((steps, len(VOICES), self.tokens), bool)
        may_come[..., END_TOKEN] = self.may_end
        given = self.fixed[start : start + steps]
        step, voice = np.nonzero(given != FREE)
        token = given[step, voice]
        is_note = token >= FIRST_NOTE_TOKEN
        may_come[step, voice] = False
        if self.struck is None:
            strikes = goes_on = np.ones(len(token), bool)
        else:
            strikes = self.struck[start + step, voice]
            goes_on = ~strikes
        may_come[step, voice, token] = strikes | ~is_note
        if self.tokens == SCORE_VOCABULARY:
            may_come[step, voice, token + GOES_ON * is_note] |= goes_on
        if self.allowed is not None:
            part = self.allowed[start : start + steps]
            may_come[: len(part)] &= part
        return may_come


def fixed_tokens(
    given: Any, steps: int | None, shifts: Sequence[int], has_form: bool
) -> tuple[np.ndarray, int | None]:
    """(int array (given steps, 4) of tokens 0..58, with `FREE` where the model writes; the length
    of the piece, or None if the form or the model decides)."""
    if steps is not None:
        check_whole_numbers(1, steps=steps)
        if has_form:
            raise ValueError(
                f"steps {steps} and a form: expected one or the other, since a form sets the length"
            )
    if given is None:
        return np.zeros((0, len(VOICES)), np.int32), steps
    given = np.asarray(given)
    if (
        given.ndim != 2
        or given.shape[1] != len(VOICES)
        or not np.issubdtype(given.dtype, np.integer)
    ):
        raise ValueError(
            f"given of shape {given.shape} and type {given.dtype}: expected a Chorale, or "
            f"whole numbers (steps, 4), the columns being {', '.join(VOICES)}"
        )
    free = given == FREE
    fixed = np.where(free, FREE, notes_to_tokens(given).astype(np.int32))
    for shift in shifts:  # raises where a note would leave the vocabulary
        transpose_tokens(np.where(free, SILENCE_TOKEN, fixed), shift)
    return fixed, steps or (len(fixed) if free.any() and not has_form else None)


def notes_in_range(ranges: Any) -> np.ndarray:
    """bool array (4, 59): which notes each voice may sing."""
    bounds = np.tile([[0, 127]], (len(VOICES), 1))
    if isinstance(ranges, Mapping):
        for voice, bound in ranges.items():
            if voice not in VOICES or np.shape(bound) != (2,):
                raise ValueError(
                    f"ranges[{voice!r}] {bound}: expected keys among {', '.join(VOICES)}, each "
                    f"with its lowest and highest note"
                )
            bounds[VOICES.index(voice)] = [note_number(note) for note in bound]
    elif ranges is not None:
        if np.shape(ranges) != bounds.shape:
            raise ValueError(
                f"ranges of shape {np.shape(ranges)}: expected (4, 2), the lowest and highest note "
                f"of {', '.join(VOICES)}, or a dict by voice"
            )
        bounds = np.array([[note_number(note) for note in bound] for bound in ranges])
    notes = tokens_to_notes(np.arange(VOCABULARY))
    in_range = (notes >= bounds[:, :1]) & (notes <= bounds[:, 1:]) | (notes <= SILENCE)
    for voice, (name, fits) in enumerate(zip(VOICES, in_range[:, FIRST_NOTE_TOKEN:])):
        if not fits.any():
            raise ValueError(
                f"range {bounds[voice, 0]}..{bounds[voice, 1]} of the {name}: expected the lowest "
                f"note first, and at least one of the notes 31..87"
            )
    return in_range


def singable_tokens(in_range: np.ndarray, pitch_classes: Any, rests: bool) -> np.ndarray:
    """bool array (steps, 4, 59): which notes each voice may sing on each step; the last row applies
    to all later steps."""
    in_range[:, SILENCE_TOKEN] = rests
    if pitch_classes is None:
        return in_range[None]
    classes = np.asarray(pitch_classes)
    if classes.ndim != 3 or classes.shape[1:] != (len(VOICES), 12) or classes.dtype != bool:
        raise ValueError(
            f"pitch_classes of shape {classes.shape} and type {classes.dtype}: expected bool "
            f"(steps, 4, 12), the voices being {', '.join(VOICES)}"
        )
    notes = tokens_to_notes(np.arange(VOCABULARY))
    fits = classes[:, :, notes % 12] | (notes <= SILENCE)
    return np.concatenate([in_range & fits, in_range[None]])


def _cadence_tokens(form: Form, note: np.ndarray) -> np.ndarray | None:
    """bool array (steps, 4, tokens): the tokens that fit the form's cadences; None if it asks for
    none. `note` has the sounding token 0..58 of each token."""
    classes = form.cadence_classes()
    if classes is None:
        return None
    may_come = classes[..., tokens_to_notes(note) % 12]
    may_come[..., note < FIRST_NOTE_TOKEN] = classes.all(axis=-1, keepdims=True)
    return may_come


def _tonic_triad(form: Form, note: np.ndarray) -> np.ndarray | None:
    """bool array (4, tokens): the tokens of the tonic triad in root position in the form's key, in
    minor with either third; None if it has none. No voice rests. `note` has the sounding token
    0..58 of each token."""
    if form.key is None:
        return None
    tonic, minor = tonic_and_mode(form.key)
    degree = (tokens_to_notes(note) - tonic) % 12
    triad = np.tile(np.isin(degree, [0, 4, 7] + minor * [3]), (len(VOICES), 1))
    triad[-1] = degree == 0
    return triad & (note >= FIRST_NOTE_TOKEN) | (note == END_TOKEN)
