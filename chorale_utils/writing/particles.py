"""A particle filter (sequential Monte Carlo): several candidates for each piece, the particles, are
written side by side, and those that foresaw what is fixed survive.

A model that writes from left to right does not see what is coming. Where a note is fixed, each
particle is therefore weighted by the probability that the model gave to this note; where a rule
forbids notes, by the probability of those that are left, from which it is sampled. When the weights
of a piece have become so unequal that fewer than half of its particles count, they are resampled,
each as often as its weight says, and go on with equal weights. Weighted so, the particles follow
the model's distribution of pieces, given what is fixed and what is allowed, the better the more
there are; and the product of their mean weights is, in expectation, the probability of what is
fixed.

This file knows tensors only; what a user may ask for is told, and checked, in generation.py. In the
shapes below B is the number of particles of all pieces together, and K that of the transpositions
in which the model reads each of them.

References:
    Gordon, Salmond and Smith (1993), "Novel approach to nonlinear/non-Gaussian Bayesian state
        estimation": weight and resample.
    Kong, Liu and Wong (1994), "Sequential Imputations and Bayesian Missing Data Problems": the
        effective sample size.
    Douc, Cappé and Moulines (2005), "Comparison of Resampling Schemes for Particle Filtering":
        systematic resampling.

Notebook: 05_generation
"""

import weakref
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from ..chorale import VOICES
from ..encoding import END_TOKEN, FIRST_NOTE_TOKEN, SILENCE_TOKEN, VOCABULARY
from ..models.backend import Tensor, compiled, keras
from ..models.model import ChoraleModel

FREE = -1  # where the model writes; elsewhere a token is fixed
CHUNK = 32  # steps written between two looks at which pieces have ended
_NEVER = -1e9  # logit of what is not sampled

FilterState: TypeAlias = dict[str, Any]  # what is carried from step to step, see initial_state
ChunkWriter: TypeAlias = Callable[..., tuple[FilterState, Tensor, Tensor]]

# model -> {how it is to write: compiled function that writes a chunk of steps}
_COMPILED: weakref.WeakKeyDictionary[ChoraleModel, dict[tuple[Any, ...], ChunkWriter]] = (
    weakref.WeakKeyDictionary()
)


def initial_state(
    model: ChoraleModel, count: int, particles: int, transpositions: int, steps: int
) -> FilterState:
    """The state of the filter before the first note: a nest of tensors, for B = count * particles
    particles.

    Args:
        model: `ChoraleModel`.
        count, particles: number of pieces, and of particles for each.
        transpositions: number of transpositions in which the model reads each particle.
        steps: length of the longest piece that may come of it.

    Returns:
        dict of the model's own state; of what is known of each particle (the chord of the step
        before, the note before, whether it has ended); and for each piece, or each of its
        particles, natural logarithms of the weights since the last resampling and of the evidence
        before it, the smallest effective sample size so far, and the number of resamplings.

    Examples:
        >>> from chorale_utils import note_gru
        >>> state = initial_state(note_gru(width=4, layers=1), 2, 8, 1, steps=16)
        >>> state["log_weights"].shape, state["particle"]["chord_before"].shape
        ((2, 8), (16, 4))
    """
    total = count * particles
    return {
        "model": model.begin(total * transpositions, steps),
        "particle": {
            "chord_before": np.full((total, len(VOICES)), END_TOKEN, np.int32),
            "previous": np.full(total, END_TOKEN, np.int32),
            "ended": np.zeros(total, bool),
        },
        "log_weights": np.zeros((count, particles), np.float32),
        "log_evidence": np.zeros(count, np.float32),
        "effective_sample_size": np.full(count, particles, np.float32),
        "resamplings": np.zeros(count, np.int32),
    }


def select_pieces(state: FilterState, going_on: np.ndarray, transpositions: int) -> FilterState:
    """The state of the filter, of some of its pieces only.

    Args:
        state: see `initial_state`.
        going_on: bool array (pieces,), true for those that go on.
        transpositions: as there.

    Examples:
        >>> from chorale_utils import note_gru
        >>> state = initial_state(note_gru(width=4, layers=1), 2, 8, 1, steps=16)
        >>> state = select_pieces(state, np.array([False, True]), 1)
        >>> tuple(state["log_weights"].shape), tuple(state["particle"]["chord_before"].shape)
        ((1, 8), (8, 4))
    """
    pieces = np.flatnonzero(going_on)
    particles = _row_numbers(pieces, state["log_weights"].shape[1])
    numbers = {"model": _row_numbers(particles, transpositions), "particle": particles}

    def selected(name: str) -> Any:
        return keras.tree.map_structure(
            lambda rows: _take_rows(rows, numbers.get(name, pieces)), state[name]
        )

    return {name: selected(name) for name in state}


def chunk_writer(
    model: ChoraleModel,
    transpositions: tuple[int, ...],
    crossing: bool,
    parallels: bool,
    particles: int,
) -> ChunkWriter:
    """The compiled function that writes up to `CHUNK` steps of all particles, made once for each
    way of writing.

    Args:
        model: `ChoraleModel`.
        transpositions: of the K transpositions in which it reads each particle.
        crossing, parallels: whether voices may cross, and move in parallel fifths and octaves.
        particles: number of particles for each piece; a single one is never resampled.

    Returns:
        A function of the filter's state (see `initial_state`); `fixed` (`CHUNK`, 4), tokens or
        `FREE`; the number of steps to write of these; `allowed` (`CHUNK`, 4, 59), bool, the end
        and silence included; `uniforms`
        (`CHUNK`, 4, B) and `resampling_uniforms` (`CHUNK`, 4, pieces), uniform random numbers of
        0..1; the temperature; and whether a piece may end. It returns the filter's new state, the
        tokens (B, `CHUNK`, 4), and for each particle the number of the one that it was when the
        chunk began. A particle that has ended goes on in silence of its own: its tokens are the
        end.
    """
    writers = _COMPILED.setdefault(model, {})
    options = (transpositions, crossing, parallels, particles > 1)
    if options not in writers:
        weak = weakref.ref(model)  # the compiled function must not keep its own key alive

        def write_chunk(*chunk: Any) -> tuple[FilterState, Tensor, Tensor]:
            alive = weak()
            assert alive is not None, "called by somebody who holds the model"
            return _write_chunk(alive, *options, *chunk)

        writers[options] = compiled(write_chunk)
    return writers[options]


def playable_tokens(transpositions: tuple[int, ...]) -> np.ndarray:
    """bool array (59,): whether a token stays in the vocabulary in all the transpositions.

    Examples:
        >>> np.flatnonzero(~playable_tokens((-2, 0)))  # a tone below the lowest notes
        array([2, 3])
    """
    return np.logical_and.reduce(_in_transpositions(transpositions)[1])


def _write_chunk(
    model: ChoraleModel,
    transpositions: tuple[int, ...],
    crossing: bool,
    parallels: bool,
    resampling: bool,
    state: FilterState,
    fixed: Tensor,
    steps: Tensor,
    allowed: Tensor,
    uniforms: Tensor,
    resampling_uniforms: Tensor,
    temperature: Tensor,
    may_end: Tensor,
) -> tuple[FilterState, Tensor, Tensor]:
    ops = keras.ops
    transposed, stays = _in_transpositions(transpositions)  # (K, 59)
    is_note, is_end = np.arange(VOCABULARY) >= FIRST_NOTE_TOKEN, np.arange(VOCABULARY) == END_TOKEN
    total = ops.shape(uniforms)[-1]  # B

    def write_step(step: Tensor, state: FilterState) -> tuple[Tensor, FilterState]:
        particle = {**state["particle"], "ancestor": ops.arange(total)}
        chord: list[Tensor] = []  # the notes of this step so far, each (B,)
        for voice in range(len(VOICES)):
            read = ops.reshape(ops.take(transposed.T, particle["previous"], axis=0), (-1,))
            logits, model_state = model.next_note(state["model"], voice, read)  # (B * K, 59)
            logits = ops.where(
                stays.all(axis=0), _mean_over_transpositions(logits, transposed), _NEVER
            )  # (B, 59)
            keeps_rules = allowed[step, voice]
            known = [*chord, None, *(fixed[step, below] for below in range(voice + 1, len(VOICES)))]
            if not crossing:
                keeps_rules = ops.logical_and(keeps_rules, _without_crossing(known))
            if not parallels:
                keeps_rules = ops.logical_and(
                    keeps_rules, _without_parallels(known, particle["chord_before"])
                )
            note, log_weight = _sample_and_weigh(
                logits,
                ops.logical_or(may_end, ~is_end),
                ops.where(is_note, keeps_rules, allowed[step, voice]),
                fixed[step, voice],
                uniforms[step, voice],
                temperature,
            )  # both (B,)
            log_weight = ops.where(particle["ended"], 0.0, log_weight)
            ended = ops.logical_or(particle["ended"], note == END_TOKEN)
            previous = ops.where(ended, END_TOKEN, note)
            by_piece = ops.reshape(log_weight, ops.shape(state["log_weights"]))
            state = {
                **state,
                "model": model_state,
                "log_weights": state["log_weights"] + by_piece,
            }
            particle = {
                **particle,
                "previous": previous,
                "ended": ended,
                "chord": [*chord, previous],
            }
            if resampling:
                state, particle = _resample_where_needed(
                    state,
                    particle,
                    resampling_uniforms[step, voice],
                    len(transpositions),
                    model.memory,
                )
            chord = particle.pop("chord")
        ancestor = particle.pop("ancestor")
        if resampling and model.memory:
            state = _remember(state, ancestor, len(transpositions), model.memory)
        whole = ops.stack(chord, axis=1)  # (B, 4)
        particle = {
            **particle,
            "chord_before": whole,
            "tokens": ops.slice_update(particle["tokens"], (0, step, 0), whole[:, None]),
        }
        return step + 1, {**state, "particle": particle}

    particle = {
        **state["particle"],
        "tokens": ops.zeros((total, *fixed.shape), "int32"),
        "origin": ops.arange(total),
    }
    _, state = ops.while_loop(
        lambda step, _: step < steps, write_step, (0, {**state, "particle": particle})
    )
    particle = dict(state["particle"])
    tokens, origin = particle.pop("tokens"), particle.pop("origin")
    return {**state, "particle": particle}, tokens, origin


def _sample_and_weigh(
    logits: Tensor,
    may_come: Tensor,
    keeps_rules: Tensor,
    fixed: Tensor,
    uniform: Tensor,
    temperature: Tensor,
) -> tuple[Tensor, Tensor]:
    """(tokens (B,) of the next note, natural logarithm (B,) of the weight that it brings), from
    logits (B, 59).

    A note that is `fixed` has the weight that the model gave to it. Otherwise one is sampled, with
    the logits divided by the temperature, from what may come and keeps the rules; its weight is
    what these together had before the others were taken away. Where no note keeps the rules, one is
    sampled that does not; the weight is that of a particle which has found none.
    """
    ops = keras.ops
    some_keep = ops.any(
        ops.logical_and(may_come, keeps_rules)[..., FIRST_NOTE_TOKEN:], axis=-1, keepdims=True
    )
    offered = ops.where(
        ops.logical_and(may_come, ops.logical_or(keeps_rules, ~some_keep)), logits, _NEVER
    )
    highest = ops.max(offered, axis=-1, keepdims=True)
    sampled = _sample(ops.softmax((offered - highest) / temperature), uniform)
    keeping = ops.where(ops.logical_and(may_come, keeps_rules), logits, _NEVER)
    kept = ops.logsumexp((keeping - highest) / temperature, axis=-1) - ops.logsumexp(
        (logits - highest) / temperature, axis=-1
    )
    foreseen = ops.take(ops.log_softmax(logits), ops.maximum(fixed, 0), axis=-1)
    return ops.where(fixed == FREE, sampled, fixed), ops.where(fixed == FREE, kept, foreseen)


def _without_crossing(known: list[Any]) -> Tensor:
    """Which notes cross none of the other voices' in this step: bool tensor (B or 1, 59).

    `known` has for each voice its tokens (B,) or token, `FREE` where it is not known yet, and None
    for the voice itself.
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
    """Which notes make no parallel fifths, octaves or unisons with the other voices: bool tensor
    (B, 59).

    Parallel are two voices that both move, up or down alike, from one such interval to another of
    its kind. `known` is that of `_without_crossing`, `chord_before` (B, 4) the step before.
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


def _resample_where_needed(
    state: FilterState,
    particle: dict[str, Any],
    uniform: Tensor,
    transpositions: int,
    memory: tuple[str, ...],
) -> tuple[FilterState, dict[str, Any]]:
    """(state, particle), with the particles of those pieces resampled of which fewer than half
    count. The parts of the model's state that `memory` names stay as they are (see `_remember`)."""
    ops = keras.ops
    log_weights = state["log_weights"]  # (pieces, particles)
    particles = ops.shape(log_weights)[1]
    total = ops.logsumexp(log_weights, axis=1)  # (pieces,)
    effective = ops.exp(2 * total - ops.logsumexp(2 * log_weights, axis=1))
    poor = effective < 0.5 * ops.cast(particles, "float32")

    def resampled() -> tuple[FilterState, dict[str, Any]]:
        chosen = ops.where(
            poor[:, None],
            _systematic_resampling(ops.softmax(log_weights, axis=1), uniform),
            ops.arange(particles),
        )  # (pieces, particles)
        first = particles * ops.arange(ops.shape(log_weights)[0])[:, None]  # of each piece
        chosen = ops.reshape(chosen + first, (-1,))  # (B,)
        rows = _row_numbers(chosen, transpositions)  # (B * K,)
        log_mean = total - ops.log(ops.cast(particles, "float32"))
        return (
            {
                "model": keras.tree.map_structure(lambda tensor: _take_rows(tensor, rows), quick),
                "log_weights": ops.where(poor[:, None], 0.0, log_weights),
                "log_evidence": state["log_evidence"] + ops.where(poor, log_mean, 0.0),
                "resamplings": state["resamplings"] + ops.cast(poor, "int32"),
            },
            keras.tree.map_structure(lambda tensor: _take_rows(tensor, chosen), particle),
        )

    def unchanged() -> tuple[FilterState, dict[str, Any]]:
        names = ("log_weights", "log_evidence", "resamplings")
        return {"model": quick, **{name: state[name] for name in names}}, particle

    quick = _without(state["model"], memory)
    changed, particle = ops.cond(ops.any(poor), resampled, unchanged)
    if memory:
        changed["model"] = {**state["model"], **changed["model"]}
    smallest = ops.minimum(state["effective_sample_size"], effective)
    return {**state, **changed, "effective_sample_size": smallest}, particle


def _without(model_state: Any, names: tuple[str, ...]) -> Any:
    """A model's state without the parts of these names."""
    if not names:
        return model_state
    return {name: part for name, part in model_state.items() if name not in names}


def _remember(
    state: FilterState, ancestor: Tensor, transpositions: int, memory: tuple[str, ...]
) -> FilterState:
    """The state after a step, the model's memory being that of each particle's `ancestor` (B,), the
    one that it was when the step began. To move it once a step, and not for each voice, saves most
    of the time that resampling takes: the memory is the largest part of the state."""
    ops, model_state = keras.ops, state["model"]
    rows = _row_numbers(ancestor, transpositions)
    moved = ops.cond(
        ops.any(ancestor != ops.arange(ops.shape(ancestor)[0])),
        lambda: [_take_rows(model_state[name], rows) for name in memory],
        lambda: [model_state[name] for name in memory],
    )
    return {**state, "model": {**model_state, **dict(zip(memory, moved, strict=True))}}


def _row_numbers(numbers: Tensor, each: int) -> Tensor:
    """The rows (int tensor) of what has the numbers (n,), where everything has `each` rows."""
    return keras.ops.reshape(numbers[:, None] * each + keras.ops.arange(each), (-1,))


def _take_rows(tensor: Tensor, numbers: Tensor) -> Tensor:
    """The rows with these numbers of a tensor; one without rows, such as the number of the step, as
    it is."""
    return keras.ops.take(tensor, numbers, axis=0) if len(tensor.shape) else tensor


def _systematic_resampling(shares: Tensor, uniform: Tensor) -> Tensor:
    """int tensor (pieces, particles), the numbers of the particles that go on, each as often as its
    share (pieces, particles; rows sum to 1) says, rounded up or down by one uniform random number
    of 0..1 for each piece, (pieces,)."""
    ops = keras.ops
    particles = ops.shape(shares)[1]
    reached = ops.cumsum(shares, axis=1)
    marks = (
        (uniform[:, None] + ops.arange(particles, dtype="float32"))
        / ops.cast(particles, "float32")
        * reached[:, -1:]
    )
    passed = ops.sum(ops.cast(reached[:, None, :] <= marks[:, :, None], "int32"), axis=-1)
    return ops.minimum(passed, particles - 1)


def _in_transpositions(transpositions: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(int32 array (K, 59), each token in each transposition; bool array (K, 59), whether it can be
    so transposed: a note that would leave the vocabulary is read as silence)."""
    tokens, shifts = np.arange(VOCABULARY), np.array(transpositions)[:, None]
    is_note = tokens >= FIRST_NOTE_TOKEN
    stays = ~is_note | ((tokens + shifts >= FIRST_NOTE_TOKEN) & (tokens + shifts < VOCABULARY))
    return np.where(stays, tokens + shifts * is_note, SILENCE_TOKEN).astype(np.int32), stays


def _mean_over_transpositions(logits: Tensor, transposed: np.ndarray) -> Tensor:
    """Logits (B, 59) of the mean of the probabilities that the logits (B * K, 59) give to each
    token as it is in each transposition, `transposed` (K, 59)."""
    ops = keras.ops
    if len(transposed) == 1:
        return ops.take(logits, transposed[0], axis=-1)
    logits = ops.reshape(ops.log_softmax(logits), (-1, *transposed.shape))  # (B, K, 59)
    by_token = [
        ops.take(logits[:, number], tokens, axis=-1) for number, tokens in enumerate(transposed)
    ]
    return ops.logsumexp(ops.stack(by_token, axis=1), axis=1)


def _sample(probs: Tensor, uniform: Tensor) -> Tensor:
    """The token (B,) at which the running sum of `probs` (B, 59) passes `uniform` (B,), a random
    number of 0..1."""
    ops = keras.ops
    running = ops.cumsum(probs, axis=-1)
    passed = ops.sum(ops.cast(running <= (uniform * running[:, -1])[:, None], "int32"), axis=-1)
    return ops.minimum(passed, VOCABULARY - 1)
