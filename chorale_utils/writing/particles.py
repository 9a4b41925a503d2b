"""A particle filter (sequential Monte Carlo): several candidates for each piece, the particles, are
written side by side, and those that make the fixed notes likely survive.

A model that writes from left to right does not see what is coming. So each particle is weighted:
where a note is fixed, by the probability that the model gives to this note; where a mask or a rule
leaves only some notes, by their total probability, and one of them is sampled. A critic may add its
log-odds for each step to the log-weights. When the weights of a piece have become so unequal that
its effective sample size falls below half the number of particles, the particles are resampled in
proportion to their weights and carry on with equal weights. The weighted particles approximate the
model's distribution of pieces given what is fixed and allowed, and more particles approximate it
better; the product of their mean weights is an unbiased estimate of the probability of what is
fixed.

All requirements on a piece are one mask over steps, voices and tokens, in which each token is
`FORBIDDEN`, `AVOIDED` (sampled only if no other note is left) or `ALLOWED`. Only the `Rules`
(crossing, parallels, sevenths, augmented seconds, thirds) depend on what has been written; notes
that break them are avoided, too.

This file deals only in tensors; generation.py documents and checks what a user may ask for. In the
shapes below, B is the number of particles of all pieces together, and K the number of
transpositions in which the model reads each of them.

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
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ..chorale import VOICES
from ..encoding import END_TOKEN, FIRST_NOTE_TOKEN, GOES_ON, SILENCE_TOKEN, VOCABULARY
from ..form import FEATURES, transpose_features
from ..models.backend import Tensor, compiled, keras
from ..models.critic import Critic
from ..models.model import ChoraleModel
from .rule_masks import Rules, notes_that_keep

FREE = -1  # the model writes this note; other numbers are fixed tokens or known notes
FORBIDDEN, AVOIDED, ALLOWED = 0, 1, 2  # values of the mask
CHUNK = 32  # steps written before the next check whether pieces have ended
_FOUND_NONE = -1e4  # log-weight of a particle that had to break a rule; float32 adds to it exactly
_STILL = 1e-6  # the least movement: its logarithm is finite
_NEVER = -1e12  # logit of forbidden tokens: lower still than a model's -1e9 for allowed ones


FilterState: TypeAlias = dict[str, Any]  # what is carried from step to step, see initial_state
ChunkWriter: TypeAlias = Callable[..., tuple[FilterState, Tensor, Tensor]]

# model -> critic -> {settings: compiled function that writes a chunk of steps}; what is written
# without a critic is found under the model itself
_COMPILED: weakref.WeakKeyDictionary[
    ChoraleModel, weakref.WeakKeyDictionary[ChoraleModel | Critic, dict[Any, ChunkWriter]]
] = weakref.WeakKeyDictionary()
# model -> its compiled `read`
_READERS: weakref.WeakKeyDictionary[ChoraleModel, Callable[..., Any]] = weakref.WeakKeyDictionary()


def initial_state(
    model: ChoraleModel,
    count: int,
    particles: int,
    transpositions: tuple[int, ...],
    steps: int,
    forms: np.ndarray | None = None,
    critic: Critic | None = None,
) -> FilterState:
    """The state of the filter before the first note: a nested dict of tensors, for
    B = count * particles particles.

    Args:
        model: `ChoraleModel`.
        count, particles: number of pieces, and of particles for each.
        transpositions: those in which the model reads each particle.
        steps: maximum length of a piece.
        forms: int array (count, steps, 8), the features of each piece's form; None for a model that
            takes none, or if nothing is known.
        critic: `Critic`, or None.

    Returns:
        dict of the model's own state; for each particle, the chord that sounded in the step before,
        the token before, whether it has ended, the tokens to copy in the next chunk, and the
        critic's input; for each piece or particle, natural logarithms of the weights since the last
        resampling and of the evidence before it, the smallest effective sample size so far, and the
        number of resamplings.

    Examples:
        >>> from chorale_utils import note_gru
        >>> state = initial_state(note_gru(width=4, layers=1), 2, 8, (0,), steps=16)
        >>> state["log_weights"].shape, state["particle"]["chord_before"].shape
        ((2, 8), (16, 4))
    """
    total = count * particles
    told: dict[str, Any] = {}
    judged: dict[str, Any] = {}
    if forms is not None:
        told["form"] = _forms_as_read(forms, particles, transpositions)
        judged = {
            "form": np.repeat(np.asarray(forms, np.int32), particles, axis=0),
            "step": np.zeros((), np.int32),
        }
    if critic is not None:
        judged["critic"] = critic.begin(total)
    return {
        "model": model.begin(total * len(transpositions), steps, **told),
        "particle": {
            "chord_before": np.full((total, len(VOICES)), END_TOKEN, np.int32),
            "previous": np.full(total, END_TOKEN, np.int32),
            "ended": np.zeros(total, bool),
            "copies": np.full((total, CHUNK, len(VOICES)), FREE, np.int32),
            **judged,
        },
        "log_weights": np.zeros((count, particles), np.float32),
        "log_evidence": np.zeros(count, np.float32),
        "effective_sample_size": np.full(count, particles, np.float32),
        "resamplings": np.zeros(count, np.int32),
    }


def select_pieces(state: FilterState, going_on: np.ndarray, transpositions: int) -> FilterState:
    """The state of the filter for some of its pieces only.

    Args:
        state: see `initial_state`.
        going_on: bool array (pieces,), true for the pieces to keep.
        transpositions: number of transpositions.

    Examples:
        >>> from chorale_utils import note_gru
        >>> state = initial_state(note_gru(width=4, layers=1), 2, 8, (0,), steps=16)
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


def read_given(
    model: ChoraleModel,
    state: FilterState,
    tokens: np.ndarray,
    transpositions: tuple[int, ...],
    critic: Critic | None = None,
) -> FilterState:
    """The state after the first steps of the pieces, which are given, without their weights: all
    candidates would have the same.

    Args:
        model: `ChoraleModel`.
        state: see `initial_state`, with one particle for each piece and nothing written yet.
        tokens: int array (pieces, steps, 4) of what is given, in the model's tokens.
        transpositions: those in which the model reads each piece.
        critic: `Critic` that steers, or None.
    """
    pieces, steps, _ = tokens.shape
    tokens = tokens.astype(np.int32)
    transposed, _ = _in_transpositions(transpositions, model.tokens)  # (K, tokens)
    read = transposed[:, tokens].swapaxes(0, 1).reshape(-1, steps, len(VOICES))  # (B * K, ...)
    particle = {
        **state["particle"],
        "chord_before": _sounding(model.tokens)[tokens[:, -1]],
        "previous": tokens[:, -1, -1],
    }
    if "form" in particle:
        particle["step"] = particle["step"] + np.int32(steps)
    if critic is not None:
        particle["critic"] = critic.read(particle["critic"], tokens, particle["form"][:, :steps])
    return {**state, "model": _reader(model)(state["model"], read), "particle": particle}


def _reader(model: ChoraleModel) -> Callable[..., Any]:
    """The compiled `model.read`."""
    if model not in _READERS:
        its_model = weakref.ref(model)  # as in chunk_writer

        def read(model_state: Any, chords: Tensor) -> Any:
            alive = its_model()
            assert alive is not None, "the caller holds a reference to the model"
            return alive.read(model_state, chords)

        examples = (
            [model.begin(size, steps=size), np.zeros((size, size - 1, len(VOICES)), np.int32)]
            for size in (2, 3)
        )
        _READERS[model] = compiled(read, *examples)
    return _READERS[model]


def widened(state: FilterState, particles: int, transpositions: int) -> FilterState:
    """The state in which each piece's only particle has become several, all alike.

    Args:
        state: see `initial_state`, with one particle for each piece.
        particles: number of particles for each piece.
        transpositions: number of transpositions.
    """
    pieces = len(state["log_weights"])
    state = _rows_taken(state, np.repeat(np.arange(pieces), particles), transpositions)
    return state | {
        "log_weights": np.zeros((pieces, particles), np.float32),
        "log_evidence": state["log_evidence"] + state["log_weights"][:, 0],
    }


def narrowed(state: FilterState, chosen: np.ndarray, transpositions: int) -> FilterState:
    """The state in which one particle of each piece is left, as after a resampling.

    Args:
        state: see `initial_state`.
        chosen: int array (pieces,), the number of the one that is left, drawn by the weights.
        transpositions: number of transpositions.
    """
    ops, (pieces, particles) = keras.ops, state["log_weights"].shape
    state = _rows_taken(state, np.arange(pieces) * particles + chosen, transpositions)
    mean = ops.logsumexp(state["log_weights"], axis=1) - ops.log(float(particles))
    return state | {
        "log_weights": np.zeros((pieces, 1), np.float32),
        "log_evidence": state["log_evidence"] + mean,
    }


def _rows_taken(state: FilterState, particles: np.ndarray, transpositions: int) -> FilterState:
    """The state with these particles, by their numbers among those of all pieces."""
    numbers = {"model": _row_numbers(particles, transpositions), "particle": particles}
    return state | {
        name: keras.tree.map_structure(partial(_take_rows, numbers=of), state[name])
        for name, of in numbers.items()
    }


def chunk_writer(
    model: ChoraleModel,
    transpositions: tuple[int, ...],
    rules: Rules,
    particles: int,
    critic: Critic | None = None,
) -> ChunkWriter:
    """The compiled function that writes up to `CHUNK` steps of all particles, compiled once for
    each combination of arguments: for one particle or several, and any number of pieces and steps.

    Args:
        model: `ChoraleModel`.
        transpositions: the K transpositions in which it reads each particle.
        rules: which rules are to be kept.
        particles: number of particles for each piece; a single one is never resampled.
        critic: `Critic` whose log-odds are added to the log-weights, step by step, or None.

    Returns:
        A function that takes the filter's state (see `initial_state`); `mask` (pieces or 1,
        `CHUNK`, 4, tokens), int8; `known` (pieces or 1, `CHUNK`, 4), see `known_notes`; the number
        of these steps to write; `uniforms` (`CHUNK`, 4, B) and `resampling_uniforms` (`CHUNK`, 4,
        pieces), uniform random numbers in 0..1; the temperature; and the movement (see `generate`).
        It returns the filter's new state, the tokens (B, `CHUNK`, 4), and for each particle the
        number of its ancestor at the start of the chunk. A particle that has ended writes end
        tokens. Tokens to copy are written whatever the model says, and change no weight.
    """
    by_critic = _COMPILED.setdefault(model, weakref.WeakKeyDictionary())
    writers = by_critic.setdefault(model if critic is None else critic, {})
    options = (transpositions, rules, particles > 1)
    if options not in writers:
        # the compiled function must not keep its own keys alive
        its_model = weakref.ref(model)
        its_critic = None if critic is None else weakref.ref(critic)

        def write_chunk(*chunk: Any) -> tuple[FilterState, Tensor, Tensor]:
            alive, heard = its_model(), None if its_critic is None else its_critic()
            assert alive is not None, "the caller holds a reference to the model"
            assert heard is not None or its_critic is None, "and one to the critic"
            return _write_chunk(alive, heard, *options, *chunk)

        several = particles > 1
        sizes = ((2, 1 + several, 2), (3, 1 + 2 * several, 3))  # none of them alike
        examples = [_arguments(model, critic, transpositions, *each) for each in sizes]
        writers[options] = compiled(write_chunk, *examples)
    return writers[options]


def _arguments(
    model: ChoraleModel,
    critic: Critic | None,
    transpositions: tuple[int, ...],
    count: int,
    particles: int,
    steps: int,
) -> list[Any]:
    """Arguments of a `ChunkWriter`, of the right shapes and types."""
    forms = np.zeros((count, steps, len(FEATURES)), np.int32) if model.takes_form else None
    mask = np.zeros((count, CHUNK, len(VOICES), model.tokens), np.int8)
    return [
        initial_state(model, count, particles, transpositions, steps, forms, critic),
        mask,
        known_notes(mask),
        np.int32(steps),
        np.zeros((CHUNK, len(VOICES), count * particles), np.float32),
        np.zeros((CHUNK, len(VOICES), count), np.float32),
        np.float32(1),
        np.float32(1),
    ]


def known_notes(mask: np.ndarray) -> np.ndarray:
    """The notes that the mask leaves no choice about: int32 array (..., 4) of tokens 0..58, `FREE`
    where several notes are possible. A note that may be either struck or held counts as known.

    Args:
        mask: int8 array (..., 4, tokens) of `FORBIDDEN`, `AVOIDED` and `ALLOWED`.

    Examples:
        >>> mask = np.full((1, 4, 116), FORBIDDEN, np.int8)
        >>> mask[0, 0, [43, 43 + 57]] = ALLOWED  # C5, struck or going on
        >>> mask[0, 1, [38, 40]] = ALLOWED, AVOIDED  # G4, or if need be A4
        >>> known_notes(mask).tolist()
        [[43, -1, -1, -1]]

    Notebook: 05_generation
    """
    may_come = mask != FORBIDDEN
    notes = may_come[..., :VOCABULARY].copy()
    if mask.shape[-1] > VOCABULARY:
        notes[..., FIRST_NOTE_TOKEN:] |= may_come[..., VOCABULARY:]
    return np.where(notes.sum(axis=-1) == 1, notes.argmax(axis=-1), FREE).astype(np.int32)


def playable_tokens(transpositions: tuple[int, ...]) -> np.ndarray:
    """bool array (59,): whether each token stays in the vocabulary in all the transpositions.

    Examples:
        >>> np.flatnonzero(~playable_tokens((-2, 0)))  # a tone below the lowest notes
        array([2, 3])
    """
    return np.logical_and.reduce(_in_transpositions(transpositions, VOCABULARY)[1])


def _write_chunk(
    model: ChoraleModel,
    critic: Critic | None,
    transpositions: tuple[int, ...],
    rules: Rules,
    resampling: bool,
    state: FilterState,
    mask: Tensor,
    known: Tensor,
    steps: Tensor,
    uniforms: Tensor,
    resampling_uniforms: Tensor,
    temperature: Tensor,
    movement: Tensor,
) -> tuple[FilterState, Tensor, Tensor]:
    ops = keras.ops
    transposed, stays = _in_transpositions(transpositions, model.tokens)  # (K, tokens)
    sounding = _sounding(model.tokens)
    total, pieces = ops.shape(uniforms)[-1], ops.shape(resampling_uniforms)[-1]  # B

    def by_particle(by_piece: Tensor) -> Tensor:
        """Repeats what is given per piece, or once for all pieces, for each particle: (B, ...)."""
        rest = ops.shape(by_piece)[1:]
        wide = ops.broadcast_to(by_piece[:, None], (pieces, total // pieces, *rest))
        return ops.reshape(wide, (total, *rest))

    def write_step(step: Tensor, state: FilterState) -> tuple[Tensor, FilterState]:
        particle = {**state["particle"], "ancestor": ops.arange(total)}
        fixed = by_particle(known[:, step])  # (B, 4)
        form = None
        if "form" in particle:
            form = ops.take(particle["form"], particle["step"], axis=1)  # (B, 8)
        chord: list[Tensor] = []  # the tokens of this step so far, each (B,)
        for voice in range(len(VOICES)):
            read = ops.reshape(ops.take(transposed.T, particle["previous"], axis=0), (-1,))
            logits, model_state = model.next_note(state["model"], voice, read)  # (B * K, tokens)
            logits = ops.where(
                stays.all(axis=0), _mean_over_transpositions(logits, transposed), _NEVER
            )  # (B, tokens)
            if voice > 0:
                logits = logits + _busier(
                    movement, chord[0], particle["chord_before"], voice, sounding
                )
            heard = [ops.take(sounding, note, axis=0) for note in chord]
            voices = [*heard, None, *(fixed[:, below] for below in range(voice + 1, len(VOICES)))]
            keeps_rules = notes_that_keep(rules, voices, particle["chord_before"], form)
            note, log_weight = _sample_and_weigh(
                logits,
                by_particle(mask[:, step, voice]),
                ops.take(keeps_rules, sounding, axis=-1),
                fixed[:, voice] != FREE,
                uniforms[step, voice],
                temperature,
            )  # both (B,)
            copy = _struck_where_new(
                particle["copies"][:, step, voice], particle["chord_before"][:, voice], sounding
            )
            note = ops.where(copy == FREE, note, copy)
            log_weight = ops.where(ops.logical_or(particle["ended"], copy != FREE), 0.0, log_weight)
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
            if critic is not None and voice == len(VOICES) - 1:
                state, particle = _judged(critic, state, particle)
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
        if "step" in particle:
            particle["step"] = particle["step"] + 1
        whole = ops.stack(chord, axis=1)  # (B, 4)
        particle = {
            **particle,
            "chord_before": ops.take(sounding, whole, axis=0),
            "tokens": ops.slice_update(particle["tokens"], (0, step, 0), whole[:, None]),
        }
        return step + 1, {**state, "particle": particle}

    particle = {
        **state["particle"],
        "tokens": ops.zeros((total, CHUNK, len(VOICES)), "int32"),
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
    mask: Tensor,
    keeps_rules: Tensor,
    fixed: Tensor,
    uniform: Tensor,
    temperature: Tensor,
) -> tuple[Tensor, Tensor]:
    """(tokens (B,) of the next note, natural logarithm (B,) of its weight), from logits
    (B, tokens).

    The token is sampled, with the logits divided by the temperature, from those that the mask
    (B, tokens) allows and the rules permit; the weight is their total probability. If no note is
    left, a token that is avoided or breaks a rule is sampled, and the log-weight is `_FOUND_NONE`.
    If the note is `fixed`, bool (B,), rules do not apply, and the weight is the probability that
    the model gave to it at temperature 1.
    """
    ops = keras.ops
    fits = ops.logical_and(mask == ALLOWED, ops.logical_or(keeps_rules, fixed[:, None]))
    some_fit = ops.any(fits[..., FIRST_NOTE_TOKEN:], axis=-1, keepdims=True)
    may_come = ops.logical_and(mask != FORBIDDEN, ops.logical_or(fits, ~some_fit))
    offered = ops.where(may_come, logits, _NEVER)
    highest = ops.max(offered, axis=-1, keepdims=True)
    sampled = _sample(ops.softmax((offered - highest) / temperature), uniform)
    warmth = ops.where(fixed, 1.0, temperature)[:, None]
    fitting = ops.where(fits, logits, _NEVER)
    kept = ops.logsumexp((fitting - highest) / warmth, axis=-1) - ops.logsumexp(
        (logits - highest) / warmth, axis=-1
    )
    return sampled, ops.maximum(kept, _FOUND_NONE)


def _busier(
    movement: Tensor, soprano: Tensor, before: Tensor, voice: int, sounding: np.ndarray
) -> Tensor:
    """What is added to a voice's logits: float tensor (B, tokens), log `movement` for tokens that
    begin a note while the soprano, a token (B,), goes on from the notes before, (B, 4)."""
    ops, tokens = keras.ops, np.arange(len(sounding))
    goes_on = soprano >= VOCABULARY
    if len(sounding) == VOCABULARY:  # whether a note is struck again is not known
        goes_on = ops.logical_and(soprano == before[:, 0], soprano >= FIRST_NOTE_TOKEN)
    begins = ops.logical_and(
        sounding >= FIRST_NOTE_TOKEN,
        ops.logical_and(tokens < VOCABULARY, sounding != before[:, voice, None]),
    )
    some = ops.logical_and(goes_on[:, None], begins)
    return ops.where(some, ops.log(ops.maximum(movement, _STILL)), 0.0)


def _struck_where_new(copy: Tensor, before: Tensor, sounding: np.ndarray) -> Tensor:
    """Tokens (B,) to copy: a held note becomes a struck one if another note sounded `before`."""
    ops = keras.ops
    new = ops.take(sounding, ops.maximum(copy, 0), axis=0) != before
    return ops.where(ops.logical_and(copy >= VOCABULARY, new), copy - GOES_ON, copy)


def _judged(
    critic: Critic, state: FilterState, particle: dict[str, Any]
) -> tuple[FilterState, dict[str, Any]]:
    """(state, particle), with the critic's log-odds of the step just written in the log-weights."""
    ops = keras.ops
    chord = ops.stack(particle["chord"], axis=1)  # (B, 4)
    form = ops.take(particle["form"], particle["step"], axis=1)  # (B, 8)
    share, critic_state = critic.next_step(particle["critic"], chord, form)
    share = ops.where(particle["ended"], 0.0, share)
    by_piece = ops.reshape(share, ops.shape(state["log_weights"]))
    particle = {**particle, "critic": critic_state}
    return {**state, "log_weights": state["log_weights"] + by_piece}, particle


def _forms_as_read(
    forms: np.ndarray, particles: int, transpositions: tuple[int, ...]
) -> np.ndarray:
    """int32 array (B * K, steps, 8): the form of each particle in each transposition."""
    told = np.repeat(np.asarray(forms, np.int32), particles * len(transpositions), axis=0)
    shifts = np.tile(transpositions, len(told) // len(transpositions))
    return transpose_features(told, shifts[:, None]).astype(np.int32)


def _resample_where_needed(
    state: FilterState,
    particle: dict[str, Any],
    uniform: Tensor,
    transpositions: int,
    memory: tuple[str, ...],
) -> tuple[FilterState, dict[str, Any]]:
    """(state, particle), with the particles of each piece resampled whose effective sample size is
    below half their number. The parts of the model's state named in `memory` stay as they are (see
    `_remember`)."""
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
        first = particles * ops.arange(ops.shape(log_weights)[0])[:, None]  # per piece
        # The length is told, not left to be found: a loop that was compiled for any number of
        # pieces and of particles may know their product, and wants it to stay known.
        chosen = ops.reshape(chosen + first, ops.shape(particle["ended"]))  # (B,)
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
    """A model's state without the parts with these names."""
    if not names:
        return model_state
    return {name: part for name, part in model_state.items() if name not in names}


def _remember(
    state: FilterState, ancestor: Tensor, transpositions: int, memory: tuple[str, ...]
) -> FilterState:
    """The state after a step, with the model's memory taken from each particle's `ancestor` (B,) at
    the beginning of the step. Moving the memory once per step, not once per voice, saves most of
    the time of resampling, since it is the largest part of the state."""
    ops, model_state = keras.ops, state["model"]
    rows = _row_numbers(ancestor, transpositions)
    moved = ops.cond(
        ops.any(ancestor != ops.arange(ops.shape(ancestor)[0])),
        lambda: [_take_rows(model_state[name], rows) for name in memory],
        lambda: [model_state[name] for name in memory],
    )
    return {**state, "model": {**model_state, **dict(zip(memory, moved, strict=True))}}


def _row_numbers(numbers: Tensor, each: int) -> Tensor:
    """The rows (int tensor) that belong to the items with these numbers (n,), at `each` rows per
    item."""
    return keras.ops.reshape(numbers[:, None] * each + keras.ops.arange(each), (-1,))


def _take_rows(tensor: Tensor, numbers: Tensor) -> Tensor:
    """The rows of a tensor with these numbers; a scalar, such as the number of the step, is
    returned as it is."""
    return keras.ops.take(tensor, numbers, axis=0) if len(tensor.shape) else tensor


def _systematic_resampling(shares: Tensor, uniform: Tensor) -> Tensor:
    """int tensor (pieces, particles) with the numbers of the surviving particles. Each survives in
    proportion to its share (pieces, particles; rows sum to 1), rounded up or down by one uniform
    random number in 0..1 for each piece, (pieces,)."""
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


def _sounding(tokens: int) -> np.ndarray:
    """int32 array (tokens,): the token 0..58 of the sounding note, struck or held."""
    number = np.arange(tokens)
    return np.where(number < VOCABULARY, number, number - GOES_ON).astype(np.int32)


def _in_transpositions(
    transpositions: tuple[int, ...], tokens: int
) -> tuple[np.ndarray, np.ndarray]:
    """(int32 array (K, tokens): each token in each transposition; bool array (K, tokens): whether
    it stays in the vocabulary; a note that would leave it becomes silence)."""
    sounding, shifts = _sounding(tokens), np.array(transpositions)[:, None]
    is_note, moved = sounding >= FIRST_NOTE_TOKEN, sounding + shifts
    stays = ~is_note | ((moved >= FIRST_NOTE_TOKEN) & (moved < VOCABULARY))
    transposed = np.arange(tokens) + shifts * is_note
    return np.where(stays, transposed, SILENCE_TOKEN).astype(np.int32), stays


def _mean_over_transpositions(logits: Tensor, transposed: np.ndarray) -> Tensor:
    """Logits (B, tokens) of the mean probability of each token over the transpositions, from
    logits (B * K, tokens); `transposed` (K, tokens) is each token in each transposition."""
    ops = keras.ops
    if len(transposed) == 1:
        return ops.take(logits, transposed[0], axis=-1)
    logits = ops.reshape(ops.log_softmax(logits), (-1, *transposed.shape))  # (B, K, 59)
    by_token = [
        ops.take(logits[:, number], tokens, axis=-1) for number, tokens in enumerate(transposed)
    ]
    return ops.logsumexp(ops.stack(by_token, axis=1), axis=1)


def _sample(probs: Tensor, uniform: Tensor) -> Tensor:
    """The token (B,) at which the cumulative sum of `probs` (B, tokens) passes `uniform` (B,), a
    random number in 0..1."""
    ops = keras.ops
    running = ops.cumsum(probs, axis=-1)
    passed = ops.sum(ops.cast(running <= (uniform * running[:, -1])[:, None], "int32"), axis=-1)
    return ops.minimum(passed, probs.shape[-1] - 1)
