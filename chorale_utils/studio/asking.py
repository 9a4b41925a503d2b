"""Asking: requests to the model for a piece, and how its answer changes the piece.

This file deals in values only, without a model. `session` decides when to ask.

Notebook: 06_studio
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, steps_per_bar
from ..form import Form
from ..notation.page import bars_of
from ..writing.melody import as_melody, ending_on_tonic, melody_form, syllables_of
from .moments import FREE, MOST_BARS, WORKS, Moment, Request, Selection, Settings
from .pieces import bars_up_to, check_length, fitted_page, tune_of, without_empty_end

_FERMATA = 2 * STEPS_PER_QUARTER  # the longest fermata at the end of a phrase


def asked(
    moment: Moment,
    work: str,
    settings: Settings,
    seed: int,
    selection: Selection | None = None,
    bars: int | None = 4,
) -> Request:
    """The request to the model for the piece of a moment; see `Session.ask`.

    Raises:
        ValueError: there is no tune, or nothing to write.
    """
    chorale, locks, tune = moment.chorale, moment.locks, tune_of(moment.chorale)
    given, classes, syllables = chorale.pitches.astype(int), None, None
    if work == "harmonise":
        if not given[:, tune].any():
            raise ValueError("there is no tune yet: enter some notes, or open a hymn or a file")
        given = without_empty_end(given)
        sung = chorale[: len(given)]
        sings = given[:, tune] != SILENCE  # where the tune rests, all voices rest
        others = np.arange(len(VOICES)) != tune
        given[:, others] = np.where(sings, FREE, SILENCE)[:, None]
        form, syllables = melody_form(as_melody(sung, tune), tune), syllables_of(sung, tune)
        if not locks[len(given) - STEPS_PER_QUARTER : len(given), others].any():
            classes = ending_on_tonic(sung, tune, either_third=True)
    elif work == "rewrite":
        if selection is None:
            raise ValueError("nothing is selected: select the bars or voices to rewrite")
        given[selection.within(len(given)).mask(len(given))] = FREE
        form = _form_of_whole(chorale, tune, given == FREE)
        syllables = syllables_of(chorale, tune)
    elif work == "continue":
        if not given.any():
            raise ValueError("there is nothing to go on from: expected some notes")
        given = without_empty_end(given)
        begun, stop = len(given), _end_after(chorale, len(given), _counted(bars))
        more = np.full((stop - begun, len(VOICES)), FREE)
        given, form = np.vstack([given, more]), _form_going_on(chorale, tune, begun, stop)
    elif work == "write":
        form = _form_of_piece(chorale, tune) if bars is None else _new_form(chorale, bars)
        given = np.full((len(form), len(VOICES)), FREE)
    else:
        raise ValueError(f"{work!r}: expected one of {', '.join(WORKS)}")
    onsets = np.zeros(given.shape, bool)
    if work != "write":
        steps = min(len(given), len(chorale))
        kept = locks[:steps]
        given[:steps][kept] = chorale.pitches[:steps][kept]
        onsets[:steps] = chorale.struck[:steps]
        after_free = np.vstack([np.zeros((1, len(VOICES)), bool), given[:-1] == FREE])
        onsets = (given > SILENCE) & (onsets | after_free)  # the rest of a cut note is struck
    check_length(len(given))
    if not (given == FREE).any():
        raise ValueError("nothing to write: everything selected is locked")
    return Request(work, given, seed, settings, form, onsets, classes, syllables)


def fits(moment: Moment, request: Request) -> bool:
    """Whether an answer to the request can still be accepted: the notes given to the model are
    unchanged, and none of those that it writes has been locked in the meantime."""
    if request.work == "write":
        return True
    given, pitches, locks = request.given, moment.chorale.pitches, moment.locks
    if len(pitches) < len(given):
        more = [[0, len(given) - len(pitches)], [0, 0]]
        pitches, locks = np.pad(pitches, more), np.pad(locks, more)
    free, steps = request.free, len(given)
    if request.work == "continue":  # there was nothing to change
        given, free = np.where(free, SILENCE, given), np.zeros_like(free)
    same = (pitches[:steps] == given) | free
    return bool(same.all() and not pitches[steps:].any() and not (locks[:steps] & free).any())


def answered(chorale: Chorale, request: Request, written: Chorale) -> Chorale:
    """A new chorale: the piece with an answer of the model.

    Args:
        chorale: the piece, which is not changed.
        request: the request to the model.
        written: the model's answer: notes, which of them are struck, fermatas.

    Raises:
        ValueError: the model has changed a fixed note.
    """
    pitches, free = written.pitches, request.free
    if pitches.shape != free.shape or not (pitches == request.given)[~free].all():
        raise ValueError("the model has changed notes that were fixed")
    if request.work == "write":
        return replace(written, key=chorale.key, name="written")
    steps = len(pitches)
    shared = min(steps, len(chorale))
    struck = np.where(free, written.struck, request.onsets)
    if request.work == "continue":
        notation = fitted_page(chorale.notation, struck, free)
        held = np.zeros(steps, bool)
        if written.fermatas is not None:
            held = written.fermatas & free.any(axis=1)
        if chorale.fermatas is not None:
            held[:shared] |= chorale.fermatas[:shared]
        fermatas: np.ndarray | None = held
    else:
        sung = struck & ~free if request.work == "harmonise" else struck
        notation = fitted_page(chorale.notation, sung, free)
        fermatas = None if chorale.fermatas is None else chorale.fermatas[:steps]
    return replace(
        chorale, bwv=None, pitches=pitches, onsets=struck, fermatas=fermatas, notation=notation
    )


def _form_of_whole(chorale: Chorale, tune: int, free: np.ndarray) -> Form:
    """The form of a piece, some notes of which will be rewritten. Its key is the sounding one at
    its end, or, if the end will be rewritten, the stated one."""
    form = replace(melody_form(chorale, tune), repeats=None)
    last = len(without_empty_end(chorale.pitches)) - 1
    return replace(form, key=chorale.key) if free[last].any() else form


def _form_of_piece(chorale: Chorale, tune: int) -> Form:
    """The form of a piece, for another piece, which need not have the same repeats."""
    if not chorale.pitches.any():
        raise ValueError(
            "this piece has no form yet: enter or open one, or choose a number of bars"
        )
    chorale = chorale[: len(without_empty_end(chorale.pitches))]
    return replace(melody_form(chorale, tune), key=chorale.key, repeats=None)


def _new_form(chorale: Chorale, bars: int) -> Form:
    """A form with this number of bars in the metre and key of a piece: phrases of eight quarters,
    or of four short bars, which end under a fermata."""
    metre, pickup = chorale.time_signature or "4/4", chorale.pickup
    steps = pickup + _counted(bars) * steps_per_bar(metre)
    ends = _phrase_ends(0, range(pickup, steps + 1, steps_per_bar(metre)), metre, pickup)
    held = [_fermata(metre, pickup)] * (len(ends) - 1) + [_fermata(metre, 0)]
    return _form(chorale, ends, held)


def _form_going_on(chorale: Chorale, tune: int, begun: int, stop: int) -> Form:
    """The form of a piece that is continued: its own phrases, the last of which may be incomplete,
    and more like those of `_new_form`."""
    so_far = chorale[:begun]
    form = melody_form(so_far, tune)
    lengths, held = list(form.phrases or ()), list(form.fermatas or ())
    closed = so_far.fermatas is not None and so_far.fermatas[-1]
    if not closed and lengths[-1] < 6 * STEPS_PER_QUARTER:
        lengths, held = lengths[:-1], held[:-1]
    ends = np.cumsum(lengths, dtype=int).tolist()
    bars = bars_up_to(chorale, stop)
    metre = bars[-1].time_signature
    lines = [bar.stop for bar in bars if begun < bar.stop <= stop]
    more = _phrase_ends(sum(lengths), lines, metre, chorale.pickup)
    held += [_fermata(metre, chorale.pickup)] * (len(more) - 1) + [_fermata(metre, 0)]
    return _form(chorale, [*ends, *more], held)


def _form(chorale: Chorale, ends: Sequence[int], fermatas: Sequence[int]) -> Form:
    lengths = [stop - start for start, stop in pairwise((0, *ends))]
    held = [min(one, length) for one, length in zip(fermatas, lengths)]
    metre = chorale.time_signature or "4/4"
    return Form(tuple(lengths), tuple(held), chorale.key, metre, chorale.pickup)


def _phrase_ends(start: int, lines: Sequence[int], metre: str, pickup: int) -> list[int]:
    """The ends of phrases that begin at a step: before the upbeat to a bar line, and the last one
    on the last bar line."""
    bar = steps_per_bar(metre)
    usual = bar * (2 if bar >= 4 * STEPS_PER_QUARTER else 4)
    ends = list[int]()
    for line in lines:
        end = line - pickup
        before = ends[-1] if ends else start
        if end - before >= usual and lines[-1] - end >= usual:
            ends.append(end)
    return [*ends, lines[-1]]


def _fermata(metre: str, upbeat: int) -> int:
    """The length of the last note of a phrase: a bar of three beats, or half of a longer bar, minus
    the upbeat to the next phrase."""
    bar = steps_per_bar(metre)
    arrives = bar - _FERMATA if bar % _FERMATA == 0 and upbeat < _FERMATA else 0
    return bar - arrives - upbeat


def _end_after(chorale: Chorale, step: int, bars: int) -> int:
    """The end of the given number of bars after the bar in which a step ends."""
    longest = max(steps_per_bar(bar.time_signature) for bar in bars_of(chorale))
    ahead = bars_up_to(chorale, step + (bars + 1) * longest)
    begun = next(number for number, bar in enumerate(ahead) if bar.stop >= step)
    return ahead[begun + bars].stop


def _counted(bars: int | None) -> int:
    if bars is None or not 1 <= bars <= MOST_BARS:
        raise ValueError(f"{bars} bars: expected 1 to {MOST_BARS}")
    return bars
