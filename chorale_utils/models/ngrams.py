"""N-grams of a score: the small patterns that a critic counts, read step by step.

A pattern belongs to the step that completes it, and knows only what came before: so a writer can be
judged while it writes. There are patterns of chords, by their intervals and by the degree of their
bass; of melodies, by intervals, by degrees and with their rhythm; of how each note is reached and
left over the bass; of how two voices move; and of the rhythm of all voices together.

References:
    Conklin and Witten (1995), "Multiple Viewpoint Systems for Music Prediction": many kinds of
        patterns of the same notes, each telling something of its own.

Notebook: 03_model_training
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale
from ..encoding import FIRST_NOTE_TOKEN, VOCABULARY
from ..form import FEATURES
from .backend import Tensor, compiled, keras
from .chord_reader import VOICE_PAIRS
from .datasets import form_rows, score_with_ends
from .layers import sounding_tokens

PLACES = STEPS_PER_QUARTER + 1  # in the quarter; the last one: the metre is not known
FAR = 13  # semitones; wider intervals count as this
INTERVALS = 2 * FAR + 1
LONG = 17  # steps; longer notes count as this
DEGREES = 13  # pitch classes, counted from a fourth above the tonic; the last: no key is known
CHORDS = 2**12  # chord types: sets of intervals above the lowest note
NEAR = 20  # steps from either end of a phrase that are told apart
REMEMBERED = 3  # notes of each voice, and chords on the beat
NONE = -1  # where a step completes no pattern of a kind
SIDE_BY_SIDE, CHUNK = 128, 32  # pieces, and steps, that are read at a time


class Patterns(NamedTuple):
    """The patterns of some pieces, in no particular order.

    Attributes:
        piece, step: int arrays (n,), where each was completed.
        code: int64 array (n,), which pattern it is.
        lengths: int array (pieces,), in steps.
    """

    piece: np.ndarray
    step: np.ndarray
    code: np.ndarray
    lengths: np.ndarray


def begin_reading(count: int) -> dict[str, Tensor]:
    """What is remembered before the first step of `count` pieces: a dict of int64 tensors, the
    first axis of each being the piece."""

    def nothing(*shape: int) -> Tensor:
        return keras.ops.zeros((count, *shape), "int64")

    notes = (len(VOICES), REMEMBERED)
    return {
        "step": nothing(),
        "sounding": nothing(len(VOICES)),
        "note": nothing(*notes),  # of each voice the last notes, the latest at the end:
        "onset": nothing(*notes),  # their steps,
        "place": nothing(*notes),  # places in the quarter,
        "above": nothing(*notes),  # and intervals above the lowest note when they began
        "beat": nothing(REMEMBERED) - 100,  # the last beats: their steps,
        "chord": nothing(REMEMBERED),  # chord types,
        "bass": nothing(REMEMBERED),  # degrees of the lowest notes, and these themselves
        "lowest": nothing(REMEMBERED),
        "struck": nothing(REMEMBERED),  # which voices struck a note on the last steps
    }


def read_step(
    memory: dict[str, Tensor], chord: Tensor, form: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """The patterns that a step completes, and what is remembered after it.

    Args:
        memory: what `begin_reading` or the last call returned.
        chord: int tensor (B, 4) of a score's tokens, 0 to 115.
        form: int tensor (B, 8), the features of the form of this step.

    Returns:
        (int64 tensor (B, kinds), the code of the pattern of each kind, `NONE` where there is none;
        new memory).

    Notebook: 03_model_training
    """
    ops = keras.ops
    chord, form = ops.cast(chord, "int64"), ops.cast(form, "int64")
    told = {name: form[:, column] for column, name in enumerate(FEATURES)}
    step, before = memory["step"], memory["sounding"]
    sounding = ops.cast(sounding_tokens(chord), "int64")
    sings, sang = sounding >= FIRST_NOTE_TOKEN, before >= FIRST_NOTE_TOKEN
    begins = ops.logical_and(sings, ops.logical_or(chord < VOCABULARY, step[:, None] == 0))
    lowest = ops.min(ops.where(sings, sounding, VOCABULARY), axis=1)
    lowest = ops.where(lowest == VOCABULARY, 0, lowest)
    above = ops.where(sings, ops.mod(sounding - lowest[:, None], 12), 12)
    heard = ops.max(ops.one_hot(above, 13, dtype="int64"), axis=1)[:, :12]
    kind_of_chord = ops.sum(heard * (1 << np.arange(12)), axis=1)
    place = ops.where(
        told["place"] > 0, ops.mod(told["place"] - 1, STEPS_PER_QUARTER), STEPS_PER_QUARTER
    )
    has_key = told["tonic"] > 0

    def degree(note: Tensor) -> Tensor:
        """Of notes (B, ...)."""
        tonic = ops.reshape(told["tonic"], (-1, *(1,) * (len(note.shape) - 1)))
        return ops.where(tonic > 0, ops.mod(note - (tonic - 1), 12), DEGREES - 1)

    codes: list[Tensor] = []

    def pattern(where: Tensor, *parts: tuple[Tensor | int, int]) -> None:
        """Adds the pattern of the next kind: parts (value, how many values there are)."""
        code: Tensor | int = 0
        for value, size in parts:
            code = code * size + value
        codes.append(ops.where(where, code * KINDS + len(codes), NONE))

    bass = degree(lowest)
    struck = ops.sum(ops.cast(begins, "int64") * (1 << np.arange(len(VOICES))), axis=1)
    something = struck > 0
    on_beat = ops.logical_and(place == 0, lowest > 0)
    in_key = ops.logical_and(on_beat, has_key)
    mode = (told["mode"], 3)  # 1 to 3 where the key is known
    fermata = ops.minimum(told["before_fermata"], NEAR)
    now, last = (kind_of_chord, CHORDS), memory["bass"]
    follows = [step - memory["beat"][:, -back] == STEPS_PER_QUARTER * back for back in (1, 2)]
    second, third = ops.logical_and(in_key, follows[0]), ops.logical_and(in_key, follows[1])
    third = ops.logical_and(second, third)
    rises = [
        (ops.mod(later - earlier, 12), 12)
        for later, earlier in (
            (lowest, memory["lowest"][:, -1]),
            (memory["lowest"][:, -1], memory["lowest"][:, -2]),
        )
    ]
    chords = [(memory["chord"][:, -back], CHORDS) for back in (1, 2)]
    two = ops.logical_and(on_beat, follows[0])
    pattern(something, (place, PLACES), now)
    pattern(two, chords[0], rises[0], now)
    pattern(ops.logical_and(two, follows[1]), chords[1], rises[1], chords[0], rises[0], now)
    pattern(
        place == STEPS_PER_QUARTER - 1,
        *((memory["struck"][:, number], 16) for number in range(REMEMBERED)),
        (struck, 16),
    )
    pattern(place >= 0, (struck, 16), (place, PLACES))
    pattern(something, (told["place"], FEATURES["place"]), (struck, 16))
    pattern(on_beat, (told["place"], FEATURES["place"]), now)
    pattern(in_key, (bass, DEGREES), now, mode)
    pattern(second, (last[:, -1], DEGREES), (bass, DEGREES), now, mode)
    pattern(second, chords[0], (last[:, -1], DEGREES), (bass, DEGREES))
    pattern(third, (last[:, -2], DEGREES), (last[:, -1], DEGREES), (bass, DEGREES), now)
    pattern(ops.logical_and(something, has_key), (fermata, NEAR + 1), (bass, DEGREES), now)
    for voice in range(len(VOICES)):
        note, onset, places, over = (
            memory[name][:, voice] for name in ("note", "onset", "place", "above")
        )
        own = (voice, len(VOICES))
        some = [ops.logical_and(begins[:, voice], note[:, -back] > 0) for back in (1, 2, 3)]
        notes, onsets = [sounding[:, voice]], [step]
        for back in (1, 2, 3):
            notes.append(note[:, -back])
            onsets.append(onset[:, -back])
        went = [(_clipped(later - earlier), INTERVALS) for later, earlier in zip(notes, notes[1:])]
        lasted = [
            (ops.minimum(later - earlier, LONG), LONG + 1)
            for later, earlier in zip(onsets, onsets[1:])
        ]
        known = [ops.logical_and(there, has_key) for there in some]
        pattern(known[0], own, (degree(notes[1]), DEGREES), went[0])
        pattern(known[1], own, (degree(notes[2]), DEGREES), went[1], went[0])
        pattern(known[1], own, (degree(notes[2]), DEGREES), lasted[1], (degree(notes[1]), DEGREES))
        for back in (1, 2, 3):  # notes before this one
            heard = [
                part for note in range(back, 0, -1) for part in (lasted[note - 1], went[note - 1])
            ]
            pattern(some[back - 1], own, (places[:, -back], PLACES), *heard)
        pattern(some[1], own, went[1], went[0])
        pattern(some[2], own, went[2], went[1], went[0])
        pattern(some[1], own, (places[:, -2], PLACES), lasted[1], lasted[0])
        reached = (own, (places[:, -1], PLACES), (over[:, -1], 13), went[1], went[0])
        pattern(some[1], *reached)
        pattern(some[1], *reached, lasted[0])
        pattern(begins[:, voice], own, (above[:, voice], 13), (fermata, NEAR + 1))
    moves = ops.logical_and(begins, sounding != before)
    for pair, (upper, lower) in enumerate(VOICE_PAIRS):
        both = [upper, lower]
        where = ops.logical_or(moves[:, upper], moves[:, lower])
        for voices in (sings, sang):
            for voice in both:
                where = ops.logical_and(where, voices[:, voice])
        own = (pair, len(VOICE_PAIRS))
        apart = sounding[:, upper] - sounding[:, lower]
        was = [(degree(before[:, voice]), DEGREES) for voice in both]
        go = [(_clipped(sounding[:, voice] - before[:, voice]), INTERVALS) for voice in both]
        was_apart = ops.mod(before[:, upper] - before[:, lower], 12)
        pattern(where, own, (was_apart, 12), *go)
        pattern(where, own, (ops.mod(apart, 12), 12), (place, PLACES))
        pattern(where, own, (ops.clip(apart, -5, 30) + 5, 36))
        pattern(ops.logical_and(where, has_key), own, *was, *go)
    left, since = (ops.minimum(told[name], NEAR) for name in ("left", "since"))
    pattern(something, (fermata, NEAR + 1), now)
    pattern(something, (left, NEAR + 1), (struck, 16))
    pattern(something, (since, NEAR + 1), (struck, 16))
    pattern(in_key, (since, NEAR + 1), (bass, DEGREES), now)
    assert len(codes) == KINDS, f"{len(codes)} kinds"

    def later(name: str, values: Tensor, where: Tensor) -> Tensor:
        """What is remembered, with the values (B, ...) at the end where something is new."""
        kept = memory[name]
        added = ops.concatenate([kept[..., 1:], values[..., None]], axis=-1)
        return ops.where(where[..., None], added, kept)

    def by_voice(values: Tensor) -> Tensor:
        return ops.broadcast_to(values[:, None], ops.shape(sounding))

    return ops.stack(codes, axis=1), {
        "step": step + 1,
        "sounding": sounding,
        "note": later("note", sounding, begins),
        "onset": later("onset", by_voice(step), begins),
        "place": later("place", by_voice(place), begins),
        "above": later("above", above, begins),
        "beat": later("beat", step, on_beat),
        "chord": later("chord", kind_of_chord, on_beat),
        "bass": later("bass", bass, on_beat),
        "lowest": later("lowest", lowest, on_beat),
        "struck": later("struck", struck, place >= 0),
    }


def read_steps(memory: dict[str, Tensor], chords: Tensor, forms: Tensor) -> dict[str, Tensor]:
    """What is remembered after several steps, without their patterns.

    Args:
        memory: as in `read_step`.
        chords: int tensor (B, steps, 4), a score's tokens.
        forms: int tensor (B, steps, 8), the features of the form of these steps.

    Notebook: 03_model_training
    """
    return _compiled(_read_steps)(memory, chords, forms)


def _read_steps(memory: dict[str, Tensor], chords: Tensor, forms: Tensor) -> dict[str, Tensor]:
    ops = keras.ops

    def read(step: Tensor, memory: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        now = (ops.take(each, step, axis=1) for each in (chords, forms))
        return step + 1, read_step(memory, *now)[1]

    steps = ops.shape(chords)[1]
    return ops.while_loop(lambda step, _: step < steps, read, (0, memory))[1]


KINDS = 16 + 12 * len(VOICES) + 4 * len(VOICE_PAIRS)  # of patterns


def read_pieces(chorales: Sequence[Chorale]) -> Patterns:
    """The patterns of chorales, with their forms.

    Examples:
        >>> chord = [72, 67, 64, 48]
        >>> patterns = read_pieces([Chorale([chord] * 4, key="C major", time_signature="4/4")])
        >>> patterns.lengths.tolist(), int(patterns.step.max())
        ([4], 3)

    Notebook: 03_model_training
    """
    order = sorted(range(len(chorales)), key=lambda number: len(chorales[number]))
    lengths = np.array([len(chorale) for chorale in chorales], int)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for at in range(0, len(order), SIDE_BY_SIDE):
        numbers = np.array(order[at : at + SIDE_BY_SIDE])
        longest = CHUNK * -(-int(lengths[numbers].max()) // CHUNK)
        chords = np.zeros((len(numbers), longest, len(VOICES)), np.int32)
        forms = np.zeros((len(numbers), longest, len(FEATURES)), np.int32)
        for place, number in enumerate(numbers):
            piece = chorales[number]
            chords[place, : len(piece)] = score_with_ends(piece)[1:-1]
            forms[place, : len(piece)] = form_rows(piece)[1:-1]
        memory, read = begin_reading(len(numbers)), []
        for first in range(0, longest, CHUNK):
            part = slice(first, first + CHUNK)
            codes, memory = _compiled(_read_chunk)(memory, chords[:, part], forms[:, part])
            read.append(keras.ops.convert_to_numpy(codes))
        codes = np.concatenate(read, axis=1)  # (B, steps, kinds)
        row, step, kind = np.nonzero(codes != NONE)
        inside = step < lengths[numbers[row]]
        row, step, kind = row[inside], step[inside], kind[inside]
        found.append((numbers[row], step, codes[row, step, kind]))
    piece, step, code = (
        np.concatenate([part[column] for part in found]) if found else np.zeros(0, np.int64)
        for column in range(3)
    )
    return Patterns(piece, step, code, lengths)


def _clipped(interval: Tensor) -> Tensor:
    """Intervals in semitones, from the widest downwards as 0."""
    return keras.ops.clip(interval, -FAR, FAR) + FAR


def _read_chunk(
    memory: dict[str, Tensor], chords: Tensor, forms: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """(int64 tensor (B, `CHUNK`, kinds), what is remembered), of chords (B, `CHUNK`, 4) and forms
    (B, `CHUNK`, 8)."""
    ops = keras.ops

    def read(
        step: Tensor, codes: Tensor, memory: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        now = (ops.take(each, step, axis=1) for each in (chords, forms))
        code, memory = read_step(memory, *now)
        return step + 1, ops.slice_update(codes, (0, step, 0), code[:, None]), memory

    codes = ops.full((ops.shape(chords)[0], CHUNK, KINDS), NONE, "int64")
    _, codes, memory = ops.while_loop(lambda step, *_: step < CHUNK, read, (0, codes, memory))
    return codes, memory


@cache
def _compiled(read: Callable[..., Any]) -> Callable[..., Any]:
    """The function, compiled for any number of pieces and steps."""
    return compiled(
        read,
        *(
            [
                begin_reading(size),
                np.zeros((size, size, len(VOICES)), np.int32),
                np.zeros((size, size, len(FEATURES)), np.int32),
            ]
            for size in (2, 3)
        ),
    )
