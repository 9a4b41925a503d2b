"""Particles: several candidates for each piece, written side by side, of which those live on that
foresaw what is fixed.

A model that writes from left to right does not see what is coming. Where a note is fixed, each
candidate is therefore weighed by the probability that the model gave to this note; where a rule
forbids notes, by the probability of those that are left, from which it draws. When the weights of a
piece have become so unequal that fewer than half of its candidates count, they are drawn anew, each
as often as its weight says, and go on with equal weights. Weighed so, the candidates follow the
model's distribution of pieces, given what is fixed and what is allowed, the better the more there
are; and the product of their mean weights is, in expectation, the probability of what is fixed.

This file knows tensors only; what a user may ask for is told, and checked, in generation.py.

References:
    Gordon, Salmond and Smith (1993), "Novel approach to nonlinear/non-Gaussian Bayesian state estimation": weigh and
        draw anew.
    Kong, Liu and Wong (1994), "Sequential Imputations and Bayesian Missing Data Problems": the effective sample size.
    Douc, Cappé and Moulines (2005), "Comparison of Resampling Schemes for Particle Filtering": systematic resampling.

Notebook: 05_generation
"""

import weakref

import numpy as np

from ..chorale import VOICES
from ..encoding import END_TOKEN, FIRST_NOTE_TOKEN, SILENCE_TOKEN, VOCABULARY
from ..models.backend import compiled, keras

FREE = -1  # where the model writes; elsewhere what is asked for is a token
CHUNK = 32  # steps written between two looks at which pieces have ended
_NEVER = -1e9  # logit of what is not drawn

_COMPILED = (
    weakref.WeakKeyDictionary()
)  # model -> {how it is to write: compiled function that writes a chunk of steps}


def initial_particles(model, count, particles, transpositions, steps):
    """What `writer`'s function carries on, before the first note: a nest of tensors, for count *
    particles candidates.

    Args:
        model: a `ChoraleModel`.
        count, particles: number of pieces, and of candidates for each.
        transpositions: number of transpositions in which the model hears each candidate.
        steps: length of the longest piece that may come of it.
    """
    candidates = count * particles
    return {
        "state": model.begin(candidates * transpositions, steps),
        "own": {
            "before": np.full(
                (candidates, len(VOICES)), END_TOKEN, np.int32
            ),  # the chord of the step before
            "previous": np.full(candidates, END_TOKEN, np.int32),
            "ended": np.zeros(candidates, bool),
        },
        "weights": np.zeros((count, particles), np.float32),  # natural logarithms
        "evidence": np.zeros(count, np.float32),
        "effective": np.full(count, particles, np.float32),
        "resamplings": np.zeros(count, np.int32),
    }


def select_pieces(carried, pieces, transpositions):
    """What `writer`'s function carries on, of some of its pieces only.

    Args:
        carried: see `initial_particles`.
        pieces: bool array (pieces,), those that go on.
        transpositions: as there.
    """
    pieces = np.flatnonzero(pieces)
    candidates = _rows(pieces, carried["weights"].shape[1])
    numbers = {"state": _rows(candidates, transpositions), "own": candidates}
    return {
        name: keras.tree.map_structure(lambda rows: _chosen(rows, numbers.get(name, pieces)), part)
        for name, part in carried.items()
    }


def writer(model, shifts, crossing, parallels, particles):
    """The compiled function that writes up to `CHUNK` steps of all candidates, made once for each
    way of writing.

    Args:
        model: a `ChoraleModel`.
        shifts: tuple of int, the transpositions in which it hears each candidate.
        crossing, parallels: whether voices may cross, and move in parallel fifths and octaves.
        particles: number of candidates for each piece; one is never drawn anew.

    Returns:
        A function of what it carries on (see `initial_particles`), asked (`CHUNK`, 4) of tokens or `FREE`, the number of
        steps to write of it, in_range (4, 59) of bool, chances (`CHUNK`, 4, candidates) and lots (`CHUNK`, 4, pieces) of
        uniform numbers of 0..1, temperature, and whether a piece may end. It returns what it carries on, the tokens
        (candidates, `CHUNK`, 4), and for each candidate the number of the one that it was when the chunk began.
        A candidate that has ended goes on in silence of its own: its tokens are the end.
    """
    functions = _COMPILED.setdefault(model, {})
    how = (shifts, crossing, parallels, particles > 1)
    if how not in functions:
        weak = weakref.ref(model)  # the compiled function must not keep its own key alive
        functions[how] = compiled(lambda *chunk: _write_chunk(weak(), *how, *chunk))
    return functions[how]


def playable_tokens(shifts):
    """bool array (59,): whether a token can be heard in all the transpositions `shifts`."""
    return _in_transpositions(shifts)[1].all(axis=0)


def _write_chunk(
    model,
    shifts,
    crossing,
    parallels,
    many,
    carried,
    asked,
    steps,
    in_range,
    chances,
    lots,
    temperature,
    may_end,
):
    ops = keras.ops
    heard_as, stays = _in_transpositions(shifts)  # (K, 59)
    is_note, is_end = np.arange(VOCABULARY) >= FIRST_NOTE_TOKEN, np.arange(VOCABULARY) == END_TOKEN
    count = ops.shape(chances)[-1]

    def write_step(step, carried):
        own, chord = carried["own"], []
        for voice in range(len(VOICES)):
            heard = ops.reshape(ops.take(heard_as.T, own["previous"], axis=0), (-1,))  # (B * K,)
            logits, state = model.next_note(carried["state"], voice, heard)
            logits = ops.where(
                stays.all(axis=0), _mean_over_transpositions(logits, heard_as), _NEVER
            )
            fits = in_range[voice]
            known = [*chord, None, *(asked[step, below] for below in range(voice + 1, len(VOICES)))]
            if not crossing:
                fits = ops.logical_and(fits, _without_crossing(known))
            if not parallels:
                fits = ops.logical_and(fits, _without_parallels(known, own["before"]))
            note, weight = _draw_and_weigh(
                logits,
                ops.logical_or(may_end, ~is_end),
                ops.logical_or(fits, ~is_note),
                asked[step, voice],
                chances[step, voice],
                temperature,
            )
            weight = ops.where(own["ended"], 0.0, weight)
            ended = ops.logical_or(own["ended"], note == END_TOKEN)
            previous = ops.where(ended, END_TOKEN, note)
            weights = carried["weights"] + ops.reshape(weight, ops.shape(carried["weights"]))
            carried = {**carried, "state": state, "weights": weights}
            own = {**own, "previous": previous, "ended": ended, "chord": [*chord, previous]}
            if many:
                carried, own = _drawn_anew(carried, own, lots[step, voice], len(shifts))
            chord = own.pop("chord")
        chord = ops.stack(chord, axis=1)  # (B, 4)
        own = {
            **own,
            "before": chord,
            "tokens": ops.slice_update(own["tokens"], (0, step, 0), chord[:, None]),
        }
        return step + 1, {**carried, "own": own}

    own = {
        **carried["own"],
        "tokens": ops.zeros((count, *asked.shape), "int32"),
        "origin": ops.arange(count),
    }
    _, carried = ops.while_loop(
        lambda step, _: step < steps, write_step, (0, {**carried, "own": own})
    )
    own = dict(carried["own"])
    tokens, origin = own.pop("tokens"), own.pop("origin")
    return {**carried, "own": own}, tokens, origin


def _draw_and_weigh(logits, may_come, fits, asked, chance, temperature):
    """(tokens (B,) of the next note, natural logarithm (B,) of the weight that it brings), from
    logits (B, 59).

    A note that is `asked` for weighs what the model gave to it. Otherwise one is drawn, with the logits divided by the
    temperature, from what may come and fits; it weighs what these together had before the others were taken away. Where
    no note fits, one is drawn that does not; the weight is that of a candidate which has found none.
    """
    ops = keras.ops
    some_fit = ops.any(
        ops.logical_and(may_come, fits)[..., FIRST_NOTE_TOKEN:], axis=-1, keepdims=True
    )
    offered = ops.where(ops.logical_and(may_come, ops.logical_or(fits, ~some_fit)), logits, _NEVER)
    highest = ops.max(offered, axis=-1, keepdims=True)
    drawn = _draw(ops.softmax((offered - highest) / temperature), chance)
    fitting = ops.where(ops.logical_and(may_come, fits), logits, _NEVER)
    kept = ops.logsumexp((fitting - highest) / temperature, axis=-1) - ops.logsumexp(
        (logits - highest) / temperature, axis=-1
    )
    foreseen = ops.take(ops.log_softmax(logits), ops.maximum(asked, 0), axis=-1)
    return ops.where(asked == FREE, drawn, asked), ops.where(asked == FREE, kept, foreseen)


def _without_crossing(known):
    """Which notes cross none of the other voices' in this step: bool tensor (B or 1, 59).

    `known` has for each voice its tokens (B,) or token, `FREE` where it is not known yet, and None for the voice itself.
    """
    ops, candidates, fits, above = keras.ops, np.arange(VOCABULARY), True, True
    for note in known:
        if note is None:
            above = False
            continue
        note = ops.reshape(note, (-1, 1))
        crosses = candidates > note if above else candidates < note
        fits = ops.logical_and(fits, ops.logical_or(note < FIRST_NOTE_TOKEN, ~crosses))
    return fits


def _without_parallels(known, before):
    """Which notes make no parallel fifths, octaves or unisons with the other voices: bool tensor
    (B, 59).

    Parallel are two voices that both move, up or down alike, from one such interval to another of its kind. `known` is
    that of `_without_crossing`, `before` (B, 4) the chord of the step before.
    """
    ops, candidates, voice, fits = keras.ops, np.arange(VOCABULARY), known.index(None), True
    mine = before[:, voice, None]
    for other, note in enumerate(known):
        if other == voice:
            continue
        note, was = ops.reshape(note, (-1, 1)), before[:, other, None]
        together = ops.logical_and(
            ops.sign(note - was) * ops.sign(candidates - mine) > 0, note >= FIRST_NOTE_TOKEN
        )
        for each in (mine, was):
            together = ops.logical_and(together, each >= FIRST_NOTE_TOKEN)
        first, second = ops.mod(ops.abs(was - mine), 12), ops.mod(ops.abs(note - candidates), 12)
        alike = ops.logical_and(first == second, ops.logical_or(first == 0, first == 7))
        fits = ops.logical_and(fits, ~ops.logical_and(together, alike))
    return fits


def _drawn_anew(carried, own, lot, transpositions):
    """(carried, own), with the candidates of those pieces drawn anew of which fewer than half
    count."""
    ops = keras.ops
    weights, particles = carried["weights"], ops.shape(carried["weights"])[1]
    total = ops.logsumexp(weights, axis=1)  # (pieces,)
    effective = ops.exp(2 * total - ops.logsumexp(2 * weights, axis=1))
    poor = effective < 0.5 * ops.cast(particles, "float32")

    def drawn():
        chosen = ops.where(
            poor[:, None], _systematic(ops.softmax(weights, axis=1), lot), ops.arange(particles)
        )
        chosen = ops.reshape(chosen + particles * ops.arange(ops.shape(weights)[0])[:, None], (-1,))
        heard = _rows(chosen, transpositions)
        mean = total - ops.log(ops.cast(particles, "float32"))
        return (
            {
                "state": keras.tree.map_structure(
                    lambda rows: _chosen(rows, heard), carried["state"]
                ),
                "weights": ops.where(poor[:, None], 0.0, weights),
                "evidence": carried["evidence"] + ops.where(poor, mean, 0.0),
                "resamplings": carried["resamplings"] + ops.cast(poor, "int32"),
            },
            keras.tree.map_structure(lambda rows: _chosen(rows, chosen), own),
        )

    def kept():
        return {
            name: carried[name] for name in ("state", "weights", "evidence", "resamplings")
        }, own

    changed, own = ops.cond(ops.any(poor), drawn, kept)
    return {**carried, **changed, "effective": ops.minimum(carried["effective"], effective)}, own


def _rows(numbers, each):
    """The rows (int tensor) of what has the numbers (n,), where everything has `each` rows."""
    return keras.ops.reshape(numbers[:, None] * each + keras.ops.arange(each), (-1,))


def _chosen(rows, numbers):
    """The rows with these numbers of a tensor; one without rows, such as the number of the step, as
    it is."""
    return keras.ops.take(rows, numbers, axis=0) if len(rows.shape) else rows


def _systematic(shares, lot):
    """Systematic resampling: int tensor (pieces, particles), the numbers of the candidates that go on, each as often as
    its share (pieces, particles; rows sum to 1) says, rounded up or down by one lot (pieces,), uniform in 0..1."""
    ops = keras.ops
    particles = ops.shape(shares)[1]
    reached = ops.cumsum(shares, axis=1)
    marks = (
        (lot[:, None] + ops.arange(particles, dtype="float32"))
        / ops.cast(particles, "float32")
        * reached[:, -1:]
    )
    passed = ops.sum(ops.cast(reached[:, None, :] <= marks[:, :, None], "int32"), axis=-1)
    return ops.minimum(passed, particles - 1)


def _in_transpositions(shifts):
    """(int32 array (K, 59), how each token is heard in each transposition; bool array (K, 59), whether it can be: a
    note that would leave the vocabulary is heard as silence)."""
    tokens, shifts = np.arange(VOCABULARY), np.array(shifts)[:, None]
    is_note = tokens >= FIRST_NOTE_TOKEN
    stays = ~is_note | ((tokens + shifts >= FIRST_NOTE_TOKEN) & (tokens + shifts < VOCABULARY))
    return np.where(stays, tokens + shifts * is_note, SILENCE_TOKEN).astype(np.int32), stays


def _mean_over_transpositions(logits, heard_as):
    """Logits (B, 59) of the mean of the probabilities that the logits (B * K, 59) give to each token, as it is heard
    in each transposition, `heard_as` (K, 59)."""
    ops = keras.ops
    if len(heard_as) == 1:
        return ops.take(logits, heard_as[0], axis=-1)
    logits = ops.reshape(ops.log_softmax(logits), (-1, *heard_as.shape))  # (B, K, 59)
    return ops.logsumexp(
        ops.stack(
            [
                ops.take(logits[:, number], tokens, axis=-1)
                for number, tokens in enumerate(heard_as)
            ],
            axis=1,
        ),
        axis=1,
    )


def _draw(probs, chance):
    """The token (B,) at which the running sum of `probs` (B, 59) passes `chance` (B,), uniform in
    0..1."""
    ops = keras.ops
    running = ops.cumsum(probs, axis=-1)
    passed = ops.sum(ops.cast(running <= (chance * running[:, -1])[:, None], "int32"), axis=-1)
    return ops.minimum(passed, VOCABULARY - 1)
