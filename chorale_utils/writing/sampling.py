"""The loop that writes pieces side by side, chunk by chunk, until each has ended.

The model's state is carried from note to note, so that nothing is read twice. What is written next
to each other shares one compiled loop (particles.py), and a piece that ends leaves it. Where every
note is given, nothing needs to be sampled: such bars are read at once.

Random numbers come from numpy, one stream per piece: the same seed gives the same piece, however
many others are written beside it.

Notebook: 05_generation
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from tqdm import tqdm

from ..chorale import VOICES
from ..models.backend import keras
from .particles import CHUNK, known_notes, narrowed, select_pieces, widened
from .wishes import LONGEST, Wishes

PATIENCE = 3  # seconds after which a progress bar appears by default

Progress: TypeAlias = bool | Callable[[int, int], object]


def seed_sequences(seed: Any, count: int, best_of: int) -> Iterator[np.random.SeedSequence]:
    """One numpy SeedSequence for each piece to be written; the first of the `best_of` for a result
    does not depend on `best_of`."""
    if seed is not None and (
        isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0
    ):
        raise ValueError(f"seed {seed!r}: expected a whole number from 0 up, or None to draw one")
    for sequence in np.random.SeedSequence(seed).spawn(count):
        yield sequence
        yield from np.random.SeedSequence(
            sequence.entropy, spawn_key=(*sequence.spawn_key, 1)
        ).spawn(best_of - 1)


class RandomStreams:
    """The random numbers of one piece: for the notes of its particles, and for resampling."""

    def __init__(self, sequence: np.random.SeedSequence) -> None:
        self.notes = np.random.default_rng(sequence)
        self.resampling = np.random.default_rng(sequence.spawn(1)[0])

    def for_notes(self, steps: int, particles: int) -> np.ndarray:
        """float32 array (`CHUNK`, 4, particles), uniform in 0..1 for these steps, then zeros."""
        return _filled_up(self.notes.random((steps, len(VOICES), particles), np.float32))

    def for_resampling(self, steps: int) -> np.ndarray:
        """float32 array (`CHUNK`, 4), uniform in 0..1 for these steps, then zeros."""
        return _filled_up(self.resampling.random((steps, len(VOICES)), np.float32))

    def skip(self, steps: int, particles: int) -> None:
        """Drops the numbers of steps that are read at once, so that the notes after them are the
        same as if they had been read one by one."""
        self.notes.random((steps, len(VOICES), particles), np.float32)
        self.resampling.random((steps, len(VOICES)), np.float32)

    def choose(self, log_weights: np.ndarray) -> int:
        """The number of a particle, drawn by its weight; given natural logarithms (particles,)."""
        shares = np.exp(log_weights - log_weights.max())
        return int(self.resampling.choice(len(log_weights), p=shares / shares.sum()))


class ProgressBar:
    """How far the work has come, in steps, shown as `progress` asks for (see `generate`)."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.told = progress if callable(progress) else None
        self.done = 0
        self.bar = tqdm(
            total=total,
            unit="step",
            file=sys.stdout,
            disable=None if progress is None else callable(progress) or not progress,
            delay=0 if progress else PATIENCE,
        )

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()

    def add(self, steps: int) -> None:
        """Tells that so many more steps are written, or need not be."""
        if not steps:
            return
        self.done += steps
        self.bar.update(steps)
        if self.told is not None:
            self.told(self.done, self.bar.total)


class Written(NamedTuple):
    """A finished piece."""

    tokens: np.ndarray  # (4 * steps,)
    report: dict[str, float]


def write_all(
    writer: Callable[[int], Callable[..., Any]],
    state: dict[str, Any],
    wishes: Wishes,
    streams: Sequence[RandomStreams],
    particles: int,
    transpositions: int,
    temperature: float,
    movement: float,
    progress: ProgressBar,
    read: Callable[[dict[str, Any], np.ndarray], dict[str, Any]] | None,
) -> list[Written]:
    """Writes one piece for each random stream, side by side, up to `CHUNK` steps at a time; pieces
    that have ended drop out. Where all notes are settled, one candidate is as good as many. If they
    can be `read`, their weights, the same for all, do not count: what is given before the first
    free note is read at once, and what follows the last candidates is not read at all."""
    now = state["log_weights"].shape[1]  # candidates of each piece
    written = np.zeros((len(streams) * now, 0, len(VOICES)), np.int32)
    going_on = dict(enumerate(streams))
    finished = {}  # number of the piece -> Written
    start = 0
    while going_on and start < len(wishes):
        several, alike = wishes.several[start], wishes.alike(start)
        known = None
        is_last = start + alike == len(wishes)
        if read is not None and not several and (is_last or start == 0 and alike <= LONGEST):
            known = wishes.known(start, start + alike, list(going_on))
        if read is not None and known is not None:
            written = np.concatenate([written, np.repeat(known, now, axis=0)], axis=1)
            if not is_last:
                state = read(state, known)
                for stream in going_on.values():
                    stream.skip(alike, particles)
            steps, ended = alike, np.full(len(going_on), is_last)
        else:
            state, written = _with_candidates(
                particles if several else 1, state, written, list(going_on.values()), transpositions
            )
            now = state["log_weights"].shape[1]
            weights = {name: state[name] for name in ("log_weights", "log_evidence")}
            mask, source = wishes.chunk(start, list(going_on))
            # A phrase can be copied only once it is written, so the chunk stops before such a copy.
            # Random numbers are drawn only for the steps that are written: so they do not depend
            # on where other pieces copy their phrases.
            too_early = (step for step in range(1, len(source)) if (source[step] >= start).any())
            steps = min(next(too_early, len(source)), alike)
            drawn = CHUNK if steps == len(source) else steps
            uniforms = [each.for_notes(drawn, particles)[..., :now] for each in going_on.values()]
            resampling_uniforms = [each.for_resampling(drawn) for each in going_on.values()]
            state["particle"]["copies"] = wishes.copies(written, mask, source, start, now)
            state, tokens, origin = writer(now)(
                state,
                mask,
                known_notes(mask),
                np.int32(steps),
                np.concatenate(uniforms, axis=-1),  # (CHUNK, 4, pieces * particles)
                np.stack(resampling_uniforms, axis=-1),  # (CHUNK, 4, pieces)
                np.float32(temperature),
                np.float32(movement),
            )
            if read is not None and not several:
                state |= weights
            tokens, origin = map(keras.ops.convert_to_numpy, (tokens, origin))
            written = np.concatenate([written[origin], tokens[:, :steps]], axis=1)
            ended = keras.ops.convert_to_numpy(state["particle"]["ended"])
            ended = ended.reshape(len(going_on), now).all(axis=1)
            ended |= start + steps >= len(wishes)
        start += steps
        progress.add(steps)
        by_piece = written.reshape(len(going_on), now, -1)
        for place, number in enumerate(list(going_on)):
            if ended[place]:
                stream = going_on.pop(number)
                finished[number] = _finished(stream, by_piece[place], state, place)
        if going_on and ended.any():
            state = select_pieces(state, ~ended, transpositions)
            written = by_piece[~ended].reshape(-1, *written.shape[1:])
    progress.add(len(wishes) - start)
    return [finished[number] for number in sorted(finished)]


def _with_candidates(
    wanted: int,
    state: dict[str, Any],
    written: np.ndarray,
    streams: Sequence[RandomStreams],
    transpositions: int,
) -> tuple[dict[str, Any], np.ndarray]:
    """(state, written), with so many candidates for each piece: one drawn by the weights, or each
    several times."""
    now = state["log_weights"].shape[1]
    if wanted < now:
        log_weights = keras.ops.convert_to_numpy(state["log_weights"]).astype(float)
        chosen = np.array([stream.choose(each) for stream, each in zip(streams, log_weights)])
        written = written[np.arange(len(streams)) * now + chosen]
        return narrowed(state, chosen, transpositions), written
    if wanted > now:
        return widened(state, wanted, transpositions), np.repeat(written, wanted, axis=0)
    return state, written


def _filled_up(numbers: np.ndarray) -> np.ndarray:
    """The numbers of some steps, followed by zeros up to `CHUNK` steps."""
    return np.pad(numbers, [(0, CHUNK - len(numbers))] + [(0, 0)] * (numbers.ndim - 1))


def _finished(
    stream: RandomStreams, by_particle: np.ndarray, state: dict[str, Any], place: int
) -> Written:
    """One particle, drawn by its weight, of the piece at `place` among those still being written;
    `by_particle` (particles, 4 * steps) has the tokens of all its particles."""
    log_weights, log_evidence, effective, resamplings = (
        keras.ops.convert_to_numpy(state[name])[place]
        for name in ("log_weights", "log_evidence", "effective_sample_size", "resamplings")
    )
    log_weights = log_weights.astype(float)  # (particles,)
    tokens = by_particle[stream.choose(log_weights)].copy()
    log_mean = np.logaddexp.reduce(log_weights) - np.log(len(log_weights))
    report = {
        "log_likelihood": log_evidence + log_mean,
        "effective_sample_size": float(effective),
        "resamplings": int(resamplings),
    }
    return Written(tokens, report)
