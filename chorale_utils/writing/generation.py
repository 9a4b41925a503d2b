"""Generation: a model writes chorales, note by note, in the order soprano, alto, tenor, bass.

Each note is sampled from the probabilities that the model gives to it, knowing all notes before.
The model's state is carried from note to note, so that nothing is read twice: a piece twice as long
takes twice as long to write (with chord_gru a little longer, since its attention looks back over
all the piece), and many pieces are written side by side in one compiled loop, which those that have
ended leave.

Where notes to come are fixed, a melody to be harmonised or bars that are to stay, several
candidates are written for each piece, and those that foresaw them survive; particles.py tells how.
What may be given as a melody is told in melody.py.

Chance comes from numpy, a stream of random numbers for each piece: the same seed gives the same
piece, however many others are written beside it.

Notebook: 05_generation
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ..chorale import SILENCE, VOICES, Chorale, Pieces
from ..encoding import (
    END_TOKEN,
    FIRST_NOTE_TOKEN,
    SILENCE_TOKEN,
    VOCABULARY,
    checked_transpositions,
    decode,
    notes_to_tokens,
    tokens_to_notes,
    transpose_tokens,
)
from ..models.backend import keras
from ..models.checks import check_whole_numbers
from ..models.model import ChoraleModel
from ..models.saving import ModelLike, as_model
from .melody import (
    as_melody,
    ending_on_tonic,
    note_number,
    shift_into_range,
    syllables,
)
from .particles import CHUNK, FREE, chunk_writer, initial_state, playable_tokens, select_pieces

if TYPE_CHECKING:
    from .melody import MelodyLike

COLDEST = 1e-4  # temperature at which only the likeliest note is left
PATIENCE = 3  # seconds after which a progress bar is shown where nobody has asked for one
LONGEST = 640  # steps after which a piece that finds no end is cut: the longest in the corpus

Judge: TypeAlias = Callable[[list[Chorale]], ArrayLike]
Ranges: TypeAlias = ArrayLike | Mapping[str, Sequence[int | str]]
Progress: TypeAlias = bool | Callable[[int, int], object]


def generate(
    model: ModelLike,
    count: int = 1,
    steps: int | None = None,
    temperature: float = 1.0,
    seed: int | None = None,
    given: ArrayLike | Chorale | None = None,
    particles: int = 1,
    transpositions: Iterable[int] = (0,),
    ranges: Ranges | None = None,
    crossing: bool = True,
    parallels: bool = True,
    best_of: int = 1,
    judge: Judge | None = None,
    progress: Progress | None = None,
    pitch_classes: np.ndarray | None = None,
    rests: bool = True,
) -> Pieces:
    """New chorales (named generated-0000 and so on), written by a model.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        count: number of pieces; they are written side by side.
        steps: length in sixteenths; the model may not end before. None: until the model writes the
            end, or 640 steps.
        temperature: the logits of what is sampled are divided by it: below 1 is more cautious,
            above 1 more daring; at least 0.0001. What is fixed is always weighted with the model's
            own probabilities.
        seed: int from 0 up; the same seed gives the same pieces. None draws one.
        given: int array (given steps, 4): a MIDI number or 0 (silence) where the note is fixed, -1
            where the model writes. Where it is fixed throughout, it is a beginning that the model
            goes on from (up to `steps`, or to the end); otherwise its length is that of the piece.
            A fixed note is kept exactly. Or a Chorale, a beginning whose title, key, metre, pickup,
            fermatas and repeated notes are kept, too.
        particles: number of candidates for each piece. With 1 a note is written without knowing of
            what is fixed later. With more, those candidates survive that foresaw it, and one of
            them is drawn at the end by its weight: the more there are, the nearer to the model's
            own distribution of the free notes given the fixed ones. A length is then fixed, too:
            the piece ends there, which it does on a cadence, mostly, from some 64 candidates on.
            Without anything fixed later, 1 is as good as many.
        transpositions: whole numbers of semitones; notes are sampled from the mean of what the
            model says when it reads the piece in each of these transpositions (see `note_probs`),
            at as many times the cost. Notes that leave 31..87 in one of them are never sampled.
        ranges: what each voice may sing: array (4, 2) of the lowest and the highest note, MIDI
            numbers or names such as ``'C4'``, for example `VOICE_RANGES`; or a dict by the names of
            some voices. None is no limit.
        crossing: whether a voice may go above the one above it.
        parallels: whether two voices may move, both up or both down, from a fifth to a fifth, or
            from an octave or unison to an octave or unison.
        best_of: number of pieces written for each one that is kept, the one with the best grade.
        judge: function of a list of Chorale that returns their grades, a float array, more being
            better; None is `grade`.
        progress: whether to show a progress bar; None for yes on a terminal, where it takes more
            than some seconds; or a function of two int, the steps that are written and all steps,
            which is called as the work goes on. What it raises ends the work.
        pitch_classes: bool array (steps, 4, 12), which pitch classes, C to B, each voice may sing
            on each step, such as those of a chord; later steps, and None, have no limit.
        rests: whether a voice may be silent, where that is not given.

        What breaks a rule (ranges, crossing, parallels, pitch classes, rests) is never sampled,
        unless no other is left; given ones are kept. With several particles a candidate pays for
        what a rule forbids it with its weight, so that rules choose among pieces, not only among
        notes.

    Returns:
        `Pieces`, a list of Chorale with a report.

    Raises:
        ValueError: a number that is not whole or not positive, a temperature too low or infinite,
            no transpositions, ranges that are none, grades that are not one number a piece, or a
            `given` of the wrong shape, longer than `steps`, or with a note outside 31..87, even if
            only in one of the transpositions.
        FileNotFoundError: no such model.

    Examples:
        >>> from chorale_utils import note_gru
        >>> untrained = note_gru(width=4, layers=1)  # or "chord_gru", which has learnt from Bach
        >>> generate(untrained, steps=8, seed=1)[0]
        Chorale('generated-0000', 8 steps)

    Notebook: 05_generation
    """
    model, shifts = as_model(model), tuple(checked_transpositions(transpositions))
    check_whole_numbers(1, count=count, particles=particles, best_of=best_of)
    _check_temperature(temperature)
    _check_judge(judge)
    if not playable_tokens(shifts)[FIRST_NOTE_TOKEN:].any():
        raise ValueError(
            f"transpositions {list(shifts)}: no note stays within 31..87 in all of them; expected "
            f"a few semitones up or down, such as range(-2, 3)"
        )
    allowed = _allowed(_in_range(ranges), pitch_classes, rests)
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], Chorale):
        given = given[0]
    beginning = given if isinstance(given, Chorale) else None
    fixed, may_end = _fixed_tokens(
        given if beginning is None else beginning.pitches, steps, shifts, particles
    )
    streams = [_RandomStreams(sequence) for sequence in _seeds(seed, count, best_of)]
    writer = chunk_writer(model, shifts, bool(crossing), bool(parallels), particles)
    written = _write_all(
        model,
        writer,
        fixed,
        may_end,
        streams,
        particles,
        len(shifts),
        allowed,
        temperature,
        progress,
    )
    pieces = [
        Chorale(decode(piece.tokens), name=f"generated-{number // best_of:04d}")
        for number, piece in enumerate(written)
    ]
    if beginning is not None:
        pieces = [_going_on_from(beginning, piece) for piece in pieces]
    return _best(pieces, [piece.report for piece in written], best_of, judge)


def harmonize(
    model: ModelLike,
    melody: MelodyLike,
    count: int = 1,
    voice: str = "soprano",
    transpose: bool = False,
    particles: int = 32,
    parallels: bool = False,
    judge: Judge | None = None,
    *,
    part: str | int | None = None,
    strict: bool = True,
    repeats: str = "written",
    tonic_ending: bool = True,
    quarters: float | Sequence[float] | None = None,
    temperature: float = 1.0,
    seed: int | None = None,
    transpositions: Iterable[int] = (0,),
    ranges: Ranges | None = None,
    crossing: bool = False,
    best_of: int = 1,
    progress: Progress | None = None,
) -> Pieces:
    """A melody with three more voices (named harmonised-0000 and so on), written by a model.

    The melody is kept exactly, with its key, metre, pickup, fermatas, repeated notes, and whatever
    else the page says of it: words, repeats, spelling. The other voices are struck where they move,
    and wherever the melody has a new syllable, so that they can sing the words, too. Where the
    melody rests, all rest, and nowhere else: the choir breathes together.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        melody: a list of notes, MIDI numbers or names such as ``'C5'``, ``'F#5'``, ``'B-4'`` or
            ``'Bb4'``, 0 or ``'R'`` being silence, with `quarters`; an int array (steps,) of MIDI
            numbers, a sixteenth each; a music21 stream (see `from_melody`); the path of a MIDI,
            MusicXML or kern file (see `load_melody`); or a Chorale, of which `voice` is taken, or
            the only one that sings.
        count: number of settings.
        voice: which voice has the melody: soprano, alto, tenor or bass.
        transpose: whether a melody that does not lie in the range of its voice (`VOICE_RANGES`) is
            moved there, by as few semitones as will do; the report says by how many, in the column
            transposed.
        particles: number of candidates for each setting.
        parallels: as in `generate`, but not allowed unless asked for: left to itself, chord_gru
            makes eight to eleven times as many as Bach, with one candidate or with many
            (writing/harmonising.md).
        judge: as in `generate`.
        part, strict, repeats: of a file or a stream, see `load_melody`.
        tonic_ending: whether the last chord is the tonic in root position. That is asked only of a
            melody that ends on a note of this chord, in the key that it says or `find_key` finds.
        quarters: how long the notes of a list are, in quarters: one number for all, or one for
            each; each a whole number of sixteenths.
        temperature, seed, transpositions, ranges, crossing, best_of, progress: as in `generate`.

    Returns:
        `Pieces`, a list of Chorale with a report.

    Raises:
        ValueError: an unknown voice; a melody without notes, with several at a time, or with some
            off the grid or outside the range of its voice; a list without `quarters`. The message
            says which, where, and what to do. Also as in `generate`.
        FileNotFoundError: no such model, or no such file.

    Examples:
        >>> from chorale_utils import note_gru
        >>> untrained = note_gru(width=4, layers=1)  # or "chord_gru", which has learnt from Bach
        >>> tune = ["G4", "A4", "B4", "C5"]
        >>> harmonize(untrained, tune, quarters=[1, 1, 0.5, 1.5], particles=1)[0].notes(0)
        array([[ 0,  4, 67],
               [ 4,  4, 69],
               [ 8,  2, 71],
               [10,  6, 72]])

    Notebook: 05_generation
    """
    if voice not in VOICES:
        raise ValueError(f"voice {voice!r}: expected one of {', '.join(VOICES)}")
    _check_judge(judge)
    number = VOICES.index(voice)
    tune = as_melody(melody, number, quarters, part=part, strict=strict, repeats=repeats)
    shift = shift_into_range(tune, number, transpose)
    tune = tune.transpose(shift)
    given = np.full(tune.pitches.shape, FREE)
    given[:, number] = tune.pitches[:, number]
    given[given[:, number] == SILENCE] = SILENCE

    def setting(piece: Chorale) -> Chorale:
        """The piece with what is known of its melody. It is not Bach's any more: no BWV."""
        struck = piece.struck | (syllables(tune, number)[:, None] & (piece.pitches != SILENCE))
        struck[:, number] = tune.struck[:, number]
        name = piece.name.replace("generated", "harmonised")
        return replace(tune, pitches=piece.pitches, name=name, onsets=struck, bwv=None)

    def judge_settings(pieces: list[Chorale]) -> ArrayLike:
        return _judge_or_grade(judge)([setting(piece) for piece in pieces])

    pieces = generate(
        model,
        count,
        temperature=temperature,
        seed=seed,
        given=given,
        particles=particles,
        transpositions=transpositions,
        ranges=ranges,
        crossing=crossing,
        parallels=parallels,
        best_of=best_of,
        judge=judge_settings,
        progress=progress,
        pitch_classes=ending_on_tonic(tune, number) if tonic_ending else None,
        rests=False,
    )
    settings = [setting(piece) for piece in pieces]
    names = [chorale.name for chorale in settings]
    assert pieces.report is not None, "generate gives one"
    report = pieces.report.set_axis(names).rename_axis("piece").assign(transposed=shift)
    return Pieces(settings, report)


def notes_per_second(model: ModelLike, count: int = 1, steps: int = 200, seed: int = 0) -> float:
    """How many notes `generate` writes in a second here, once it has been compiled.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        count, steps, seed: as in `generate`.

    Raises:
        ValueError, FileNotFoundError: as in `generate`.

    Examples:
        >>> from chorale_utils import note_gru
        >>> notes_per_second(note_gru(width=4, layers=1), steps=4) > 0
        True

    Notebook: 05_generation
    """
    generate(model, count, steps, seed=seed, progress=False)
    begin = time.perf_counter()
    generate(model, count, steps, seed=seed, progress=False)
    return len(VOICES) * count * steps / (time.perf_counter() - begin)


def _check_temperature(temperature: Any) -> None:
    number = isinstance(temperature, Real) and not isinstance(temperature, bool)
    if not number or not COLDEST <= temperature < float("inf"):
        raise ValueError(
            f"temperature {temperature!r}: expected a number from {COLDEST} up, such as 0.8 "
            f"(cautious) or 1"
        )


def _check_judge(judge: Any) -> None:
    if judge is not None and not callable(judge):
        raise ValueError(f"judge {judge!r}: expected a function of a list of Chorale, or None")


def _fixed_tokens(
    given: Any, steps: int | None, shifts: Sequence[int], particles: int
) -> tuple[np.ndarray, bool]:
    """(int array (longest, 4) of tokens with `FREE` where the model writes, whether the model may
    end)."""
    if steps is not None:
        check_whole_numbers(1, steps=steps)
    if given is None:
        fixed, whole = np.zeros((0, len(VOICES)), np.int32), True
    else:
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
        for shift in shifts:  # a note that the model could not read there is refused
            transpose_tokens(np.where(free, SILENCE_TOKEN, fixed), shift)
        whole = not free.any()
    length = (steps or LONGEST) if whole else (steps or len(fixed))
    if len(fixed) > length:
        raise ValueError(
            f"given has {len(fixed)} steps: expected no more than the length of the piece, {length}"
        )
    tokens = np.full((length, len(VOICES)), FREE, np.int32)
    tokens[: len(fixed)] = fixed
    may_end = steps is None and whole
    if particles > 1 and not may_end:  # the end is fixed like a note
        end = np.array([[END_TOKEN, FREE, FREE, FREE]], np.int32)
        tokens = np.concatenate([tokens, end])
    return tokens, may_end


def _in_range(ranges: Any) -> np.ndarray:
    """bool array (4, 59): which notes each voice may sing."""
    bounds = np.tile([[0, 127]], (len(VOICES), 1))
    if isinstance(ranges, Mapping):
        for voice, bound in ranges.items():
            if voice not in VOICES or np.shape(bound) != (2,):
                raise ValueError(
                    f"ranges[{voice!r}] {bound}: expected names among {', '.join(VOICES)}, each "
                    f"with its lowest and highest note"
                )
            bounds[VOICES.index(voice)] = [note_number(note) for note in bound]
    elif ranges is not None:
        if np.shape(ranges) != bounds.shape:
            raise ValueError(
                f"ranges of shape {np.shape(ranges)}: expected (4, 2), lowest and highest note of "
                f"{', '.join(VOICES)}, or a dict by voice"
            )
        bounds = np.array([[note_number(note) for note in bound] for bound in ranges])
    notes = tokens_to_notes(np.arange(VOCABULARY))
    in_range = (notes >= bounds[:, :1]) & (notes <= bounds[:, 1:]) | (notes <= SILENCE)
    for voice, (name, fits) in enumerate(zip(VOICES, in_range[:, FIRST_NOTE_TOKEN:])):
        if not fits.any():
            raise ValueError(
                f"range {bounds[voice, 0]}..{bounds[voice, 1]} of the {name}: expected the lowest "
                f"note first, and some of the notes 31..87"
            )
    return in_range


def _allowed(in_range: np.ndarray, pitch_classes: Any, rests: bool) -> np.ndarray:
    """bool array (steps, 4, 59): which notes each voice may sing on each step; the last row holds
    for all later steps."""
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


def _seeds(seed: Any, count: int, best_of: int) -> Iterator[np.random.SeedSequence]:
    """One numpy SeedSequence for each piece that is written; the first of those for a piece that is
    kept is the same whatever `best_of` is."""
    if seed is not None and (
        isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0
    ):
        raise ValueError(f"seed {seed!r}: expected a whole number from 0 up, or None to draw one")
    for sequence in np.random.SeedSequence(seed).spawn(count):
        yield sequence
        yield from np.random.SeedSequence(
            sequence.entropy, spawn_key=(*sequence.spawn_key, 1)
        ).spawn(best_of - 1)


class _RandomStreams:
    """A piece's own random numbers: for the notes of its particles, and for the resampling."""

    def __init__(self, sequence: np.random.SeedSequence) -> None:
        self.notes = np.random.default_rng(sequence)
        self.resampling = np.random.default_rng(sequence.spawn(1)[0])

    def choose(self, log_weights: np.ndarray) -> int:
        """The number of a particle, drawn by natural logarithms (particles,) of weights."""
        shares = np.exp(log_weights - log_weights.max())
        return int(self.resampling.choice(len(log_weights), p=shares / shares.sum()))


class _Written(NamedTuple):
    """What has become of a piece."""

    tokens: np.ndarray  # (4 * steps,)
    report: dict[str, float]


def _write_all(
    model: ChoraleModel,
    writer: Callable[..., Any],
    fixed: np.ndarray,
    may_end: bool,
    streams: Sequence[_RandomStreams],
    particles: int,
    transpositions: int,
    allowed: np.ndarray,
    temperature: float,
    progress: Progress | None,
) -> list[_Written]:
    """Writes a piece for each of the random streams, side by side, `CHUNK` steps at a time; those
    that have ended leave the others."""
    state = initial_state(model, len(streams), particles, transpositions, len(fixed))
    written = np.zeros((len(streams) * particles, 0, len(VOICES)), np.int32)  # by each particle
    going_on = dict(enumerate(streams))
    finished = {}  # number of the piece -> what has become of it
    bar = tqdm(
        total=len(fixed),
        unit="step",
        file=sys.stdout,
        disable=None if progress is None else callable(progress) or not progress,
        delay=0 if progress else PATIENCE,
    )
    for start in range(0, len(fixed), CHUNK):
        chunk = np.full((CHUNK, len(VOICES)), FREE, np.int32)
        steps = len(fixed[start : start + CHUNK])
        chunk[:steps] = fixed[start : start + CHUNK]
        shape = (CHUNK, len(VOICES))
        uniforms = [
            stream.notes.random((*shape, particles), np.float32) for stream in going_on.values()
        ]
        resampling_uniforms = [
            stream.resampling.random(shape, np.float32) for stream in going_on.values()
        ]
        state, tokens, origin = writer(
            state,
            chunk,
            np.int32(steps),
            allowed[np.minimum(np.arange(start, start + CHUNK), len(allowed) - 1)],
            np.concatenate(uniforms, axis=-1),  # (CHUNK, 4, pieces * particles)
            np.stack(resampling_uniforms, axis=-1),  # (CHUNK, 4, pieces)
            np.float32(temperature),
            np.bool_(may_end),
        )
        tokens, origin = keras.ops.convert_to_numpy(tokens), keras.ops.convert_to_numpy(origin)
        written = np.concatenate([written[origin], tokens[:, :steps]], axis=1)
        bar.update(steps)
        if callable(progress):
            progress(start + steps, len(fixed))
        by_piece = written.reshape(len(going_on), particles, -1)
        ended = keras.ops.convert_to_numpy(state["particle"]["ended"])
        ended = ended.reshape(len(going_on), particles).all(axis=1)
        ended |= start + CHUNK >= len(fixed)
        for place, number in enumerate(list(going_on)):
            if ended[place]:
                stream = going_on.pop(number)
                finished[number] = _finished(stream, by_piece[place], state, place)
        if not going_on:
            break
        if ended.any():
            state = select_pieces(state, ~ended, transpositions)
            written = by_piece[~ended].reshape(-1, *written.shape[1:])
    bar.close()
    return [finished[number] for number in sorted(finished)]


def _finished(
    stream: _RandomStreams, by_particle: np.ndarray, state: dict[str, Any], place: int
) -> _Written:
    """One of the particles, drawn by its weight, of the piece at a place among those that are
    written; `by_particle` (particles, 4 * steps) has the tokens of all of them."""
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
    return _Written(tokens, report)


def _going_on_from(beginning: Chorale, piece: Chorale) -> Chorale:
    """The piece with what is known of its beginning: title, key, metre and pickup, and of its own
    steps fermatas, repeated notes and words. It is not Bach's any more: no BWV."""
    steps, notation = len(beginning), beginning.notation
    onsets = fermatas = None
    if beginning.onsets is not None:
        onsets = piece.struck.copy()
        onsets[:steps] = beginning.onsets
    if beginning.fermatas is not None:
        fermatas = np.zeros(len(piece), bool)
        fermatas[:steps] = beginning.fermatas
    return replace(
        beginning,
        pitches=piece.pitches,
        name=piece.name,
        bwv=None,
        onsets=onsets,
        fermatas=fermatas,
        notation=None if notation is None else notation.extended(len(piece)),
    )


def _best(
    chorales: list[Chorale], reports: list[dict[str, float]], best_of: int, judge: Judge | None
) -> Pieces:
    """Of each `best_of` pieces in a row the one with the best grade, with its report."""
    import pandas as pd

    names = [chorale.name for chorale in chorales]
    report = pd.DataFrame(reports, index=pd.Index(names, name="piece"))
    if best_of > 1:
        grades = np.asarray(_judge_or_grade(judge)(chorales), float)
        if grades.shape != (len(chorales),):
            raise ValueError(
                f"grades of shape {grades.shape}: expected one number for each of {len(chorales)} "
                f"pieces from the judge"
            )
        best = np.arange(0, len(chorales), best_of) + grades.reshape(-1, best_of).argmax(axis=1)
        chorales = [chorales[number] for number in best]
        report = report.assign(grade=grades).iloc[best]
    return Pieces(chorales, report)


def _judge_or_grade(judge: Judge | None) -> Judge:
    if judge is None:
        from ..judging.grading import grade

        return grade
    return judge
