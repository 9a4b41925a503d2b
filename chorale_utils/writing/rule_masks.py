"""The rules that generation keeps while it writes: which notes a voice may sing, given what has
been written and what is known of the voices below.

Notebook: 05_generation
"""

from typing import Any, NamedTuple

import numpy as np

from ..encoding import FIRST_NOTE_TOKEN, VOCABULARY
from ..form import FEATURES, MINOR
from ..models.backend import Tensor, keras
from ..models.layers import degrees


class Rules(NamedTuple):
    """Which rules are to be kept: no voice crosses another; no two voices move in parallel fifths
    or octaves; the seventh of a dominant seventh chord stays or falls by a step; and where the form
    says that it is minor, no augmented seconds, and no chord with both thirds above the tonic."""

    no_crossing: bool = False
    no_parallels: bool = False
    sevenths_fall: bool = False
    no_augmented_seconds: bool = False
    one_third: bool = False


def notes_that_keep(
    rules: Rules, known: list[Any], chord_before: Tensor, form: Tensor | None
) -> Tensor:
    """Which tokens keep the rules: bool tensor (59,) or (B, 59). Silence and the end always do.

    Args:
        rules: which rules are to be kept.
        known: for each voice its tokens (B,) or token, `FREE` if not known yet, and None for the
            voice whose note is sought.
        chord_before: int tensor (B, 4), the tokens 0..58 of the step before.
        form: int tensor (B, 8), the form of the step (see `FEATURES`), or None.

    Examples:
        >>> rules, before = Rules(no_crossing=True), np.zeros((1, 4))
        >>> keeps = notes_that_keep(rules, [43, None, -1, -1], before, None)
        >>> keras.ops.convert_to_numpy(keeps)[0, [42, 43, 44]]  # below C5, C5, above it
        array([ True,  True, False])
    """
    ops, voice = keras.ops, known.index(None)
    each: list[Tensor] = []
    if rules.no_crossing:
        each.append(_without_crossing(known))
    if rules.no_parallels:
        each.append(_without_parallels(known, chord_before))
    if rules.sevenths_fall:
        each.append(_resolving(voice, chord_before))
    if form is not None and rules.no_augmented_seconds:
        each.append(_without_augmented_seconds(chord_before[:, voice], form))
    if form is not None and rules.one_third:
        each.append(_with_one_third(known, form))
    if not each:
        return np.ones(VOCABULARY, bool)
    keeps_all = each[0]
    for keeps in each[1:]:
        keeps_all = ops.logical_and(keeps_all, keeps)
    return ops.logical_or(keeps_all, np.arange(VOCABULARY) < FIRST_NOTE_TOKEN)


def _without_crossing(known: list[Any]) -> Tensor:
    """Which notes do not cross another voice in this step: bool tensor (B or 1, 59).

    `known` has each voice's tokens (B,) or token, `FREE` if not known yet, and None for the voice
    itself.
    """
    ops, candidates, above = keras.ops, np.arange(VOCABULARY), True
    crosses_none: Tensor = True
    for note in known:
        if note is None:
            above = False
            continue
        note = ops.reshape(note, (-1, 1))
        crosses = candidates > note if above else candidates < note
        crosses_none = ops.logical_and(
            crosses_none, ops.logical_or(note < FIRST_NOTE_TOKEN, ~crosses)
        )
    return crosses_none


def _without_parallels(known: list[Any], chord_before: Tensor) -> Tensor:
    """Which notes make no parallel fifths, octaves or unisons with another voice: bool tensor
    (B, 59).

    Two voices are parallel if both move, in the same direction, from one such interval to another
    of its kind. `known` is as in `_without_crossing`; `chord_before` (B, 4) is the step before.
    """
    ops, candidates, voice = keras.ops, np.arange(VOCABULARY), known.index(None)
    makes_none: Tensor = True
    own_before = chord_before[:, voice, None]  # (B, 1)
    for other, note in enumerate(known):
        if other == voice:
            continue
        note, note_before = ops.reshape(note, (-1, 1)), chord_before[:, other, None]
        together = ops.logical_and(
            ops.sign(note - note_before) * ops.sign(candidates - own_before) > 0,
            note >= FIRST_NOTE_TOKEN,
        )  # (B, 59)
        for each in (own_before, note_before):
            together = ops.logical_and(together, each >= FIRST_NOTE_TOKEN)
        first = ops.mod(ops.abs(note_before - own_before), 12)
        second = ops.mod(ops.abs(note - candidates), 12)
        same = ops.logical_and(first == second, ops.logical_or(first == 0, first == 7))
        makes_none = ops.logical_and(makes_none, ~ops.logical_and(together, same))
    return makes_none


def _resolving(voice: int, chord_before: Tensor) -> Tensor:
    """Which notes a voice may sing after a dominant seventh chord in root position, (B, 4), of
    which it has the seventh: bool tensor (B, 59). It stays, or falls by a step."""
    ops, candidates = keras.ops, np.arange(VOCABULARY, dtype=np.int32)
    sings = chord_before >= FIRST_NOTE_TOKEN
    lowest = ops.min(ops.where(sings, chord_before, VOCABULARY), axis=1)
    above = ops.mod(chord_before - lowest[:, None], 12)

    def heard(interval: int) -> Tensor:
        return ops.any(ops.logical_and(sings, above == interval), axis=1)

    chord = sings & (above == 0)
    for interval in (4, 7, 10):
        chord = ops.logical_or(chord, ops.logical_and(sings, above == interval))
    dominant = ops.all(ops.logical_or(chord, ~sings), axis=1) & heard(4) & heard(10)
    mine = ops.logical_and(dominant, ops.logical_and(above[:, voice] == 10, sings[:, voice]))
    falls = chord_before[:, voice, None] - candidates  # (B, 59)
    return ops.logical_or(~mine[:, None], ops.logical_and(falls >= 0, falls <= 2))


def _without_augmented_seconds(own_before: Tensor, form: Tensor) -> Tensor:
    """Which notes a voice reaches from its last one, (B,), without going between the sixth degree
    of minor and the raised seventh, three semitones apart: bool tensor (B, 59)."""
    ops, candidates = keras.ops, np.arange(VOCABULARY, dtype=np.int32)
    tonic, in_minor = _tonic_if_minor(form)
    sixth = degrees(ops.minimum(own_before[:, None], candidates), tonic) == 8
    wide = ops.abs(own_before[:, None] - candidates) == 3
    return ~ops.logical_and(in_minor, ops.logical_and(sixth, wide))


def _with_one_third(known: list[Any], form: Tensor) -> Tensor:
    """Which notes are not the third above the tonic, minor or major, of which another voice sings
    the other: bool tensor (B, 59). `known` is as in `_without_crossing`. Bach's training pieces in
    minor have no such chord."""
    ops, candidates = keras.ops, np.arange(VOCABULARY, dtype=np.int32)
    tonic, in_minor = _tonic_if_minor(form)
    own, clashes = degrees(candidates[None], tonic), False
    for note in known:
        if note is not None:
            others = degrees(ops.reshape(note, (-1, 1)), tonic)
            both = ops.logical_and(ops.minimum(own, others) == 3, ops.maximum(own, others) == 4)
            clashes = ops.logical_or(clashes, both)
    return ~ops.logical_and(in_minor, clashes)


def _tonic_if_minor(form: Tensor) -> tuple[Tensor, Tensor]:
    """The tonic of a form's step (B, 8), as in `FEATURES`, and whether the mode has a minor third:
    two tensors (B, 1)."""
    names = list(FEATURES)
    tonic, mode = (form[:, names.index(name), None] for name in ("tonic", "mode"))
    return tonic, mode >= MINOR
