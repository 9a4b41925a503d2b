"""Generation: a model writes chorales, note by note, in the order soprano, alto, tenor, bass.

Each note is drawn from the probabilities that the model gives to it, knowing all notes before. The
model's state is carried from note to note, so that nothing is read twice: a piece twice as long
takes twice as long to write (with chord_gru a little longer, since its attention looks back over
all the piece), and many pieces are written side by side in one compiled loop, which those that have
ended leave.

Where notes to come are fixed, a melody to be harmonised or bars that are to stay, several
candidates are written for each piece, and those live on that foresaw them; how, is told in
particles.py.

Chance comes from numpy, a stream of its own for each piece: the same seed gives the same piece,
however many others are written beside it.

Notebook: 05_generation
"""

import sys
import time
from dataclasses import replace
from os import PathLike

import numpy as np
from tqdm import tqdm

from ..chorale import SILENCE, VOICE_RANGES, VOICES, Chorale, Pieces, place_in_bars
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
from ..notation.loading import load_melody
from ..notation.reading import from_melody
from .particles import CHUNK, FREE, initial_particles, playable_tokens, select_pieces, writer

COLDEST = 1e-4  # temperature at which only the likeliest note is left
PATIENCE = 3  # seconds after which a progress bar is shown where nobody has asked for one
LONGEST = 640  # steps after which a piece that finds no end is cut: the longest in the corpus


def generate(
    model,
    count=1,
    steps=None,
    temperature=1.0,
    seed=None,
    given=None,
    particles=1,
    transpositions=(0,),
    ranges=None,
    crossing=True,
    parallels=True,
    best_of=1,
    judge=None,
    progress=None,
):
    """New chorales (`Pieces`, named generated-0000 and so on), written by a model.

    Args:
        model: a `ChoraleModel`.
        count: number of pieces; they are written side by side.
        steps: length in sixteenths; the model may not end before. None: until the model writes the end, or
            640 steps.
        temperature: the logits of what is drawn are divided by it: below 1 is more cautious, above 1 more daring; at
            least 0.0001. What is fixed is always weighed with the model's own probabilities.
        seed: int; the same seed gives the same pieces. None draws one.
        given: int array (given steps, 4): a MIDI number or 0 (silence) where the note is fixed, -1 where the
            model writes. Where it is fixed throughout, it is a beginning that the model goes on from (up to
            `steps`, or to the end); otherwise its length is that of the piece. A fixed note is kept exactly.
        particles: number of candidates for each piece. With 1 a note is written without knowing of what is fixed
            later. With more, those candidates live on that foresaw it, and one of them is drawn at the end by its
            weight: the more there are, the nearer to the model's own distribution of the free notes given the fixed
            ones. A length is then fixed, too: the piece ends there, which it does on a cadence, mostly, from some 64
            candidates on. Without anything fixed later, 1 is as good as many.
        transpositions: whole numbers of semitones; notes are drawn from the mean of what the model says when it
            hears the piece in each of these transpositions (see `note_probs`), at as many times the cost. Notes
            that leave 31..87 in one of them are never drawn.
        ranges: what each voice may sing: int array (4, 2) of the lowest and the highest MIDI number, such as
            `VOICE_RANGES`, or a dict by the names of some voices. None is no limit.
        crossing: whether a voice may go above the one above it.
        parallels: whether two voices may move, both up or both down, from a fifth to a fifth, or from an octave or unison
            to an octave or unison.
        best_of: number of pieces written for each one that is kept, the one with the best grade.
        judge: function of a list of Chorale that returns their grades, a float array, more being better; None is
            `grading.grade`.
        progress: bool, whether to show a progress bar; None for yes on a terminal, where it takes
            more than some seconds.

        Notes that break a rule (ranges, crossing, parallels) are never drawn, unless no other is left; given ones are
        kept. With several particles a candidate pays for what a rule forbids it by its weight, so that rules choose
        among pieces, not among notes only.

    Raises:
        ValueError: a number that is not positive, a temperature too low or infinite, no transpositions, ranges that are
            none, grades that are not one number a piece, or a `given` of the wrong shape, longer than `steps`, or with
            a note outside 31..87, be it only in one of the transpositions.

    Notebook: 05_generation
    """
    for name, number in dict(count=count, particles=particles, best_of=best_of).items():
        if number < 1:
            raise ValueError(f"{name} {number}: expected 1 or more")
    if not COLDEST <= temperature < float("inf"):
        raise ValueError(
            f"temperature {temperature}: expected a number from {COLDEST} up, such as 0.8 (cautious) or 1"
        )
    shifts = tuple(checked_transpositions(transpositions))
    if not playable_tokens(shifts)[FIRST_NOTE_TOKEN:].any():
        raise ValueError(
            f"transpositions {list(shifts)}: no note stays within 31..87 in all of them; expected a few "
            f"semitones up or down, such as range(-2, 3)"
        )
    in_range = _in_range(ranges)
    wishes, may_end = _wishes(given, steps, shifts, particles)  # (longest, 4) tokens, FREE
    chances = dict(
        enumerate(_Chance(sequence) for sequence in _seeds(seed, count, best_of))
    )  # of the pieces still going
    write = writer(model, shifts, bool(crossing), bool(parallels), particles)
    carried = initial_particles(model, len(chances), particles, len(shifts), len(wishes))
    written = np.zeros((len(chances) * particles, 0, len(VOICES)), np.int32)  # of each candidate
    finished = {}  # number of the piece -> what came of it
    bar = tqdm(
        total=len(wishes),
        unit="step",
        file=sys.stdout,
        disable=None if progress is None else not progress,
        delay=0 if progress else PATIENCE,
    )
    for start in range(0, len(wishes), CHUNK):
        asked = np.full((CHUNK, len(VOICES)), FREE, np.int32)
        steps_here = len(wishes[start : start + CHUNK])
        asked[:steps_here] = wishes[start : start + CHUNK]
        carried, tokens, origin = write(
            carried,
            asked,
            np.int32(steps_here),
            in_range,
            np.concatenate(
                [
                    chance.of_notes.random((CHUNK, len(VOICES), particles), np.float32)
                    for chance in chances.values()
                ],
                axis=-1,
            ),
            np.stack(
                [
                    chance.of_candidates.random((CHUNK, len(VOICES)), np.float32)
                    for chance in chances.values()
                ],
                axis=-1,
            ),
            np.float32(temperature),
            np.bool_(may_end),
        )
        tokens, origin = keras.ops.convert_to_numpy(tokens), keras.ops.convert_to_numpy(origin)
        written = np.concatenate([written[origin], tokens[:, :steps_here]], axis=1)
        bar.update(steps_here)
        of_candidates = written.reshape(len(chances), particles, -1)
        ended = (
            keras.ops.convert_to_numpy(carried["own"]["ended"])
            .reshape(len(chances), particles)
            .all(axis=1)
        )
        ended |= start + CHUNK >= len(wishes)
        for place, number in enumerate(list(chances)):
            if ended[place]:
                finished[number] = _finished(
                    chances.pop(number), of_candidates[place], carried, place
                )
        if not chances:
            break
        if ended.any():
            carried = select_pieces(carried, ~ended, len(shifts))
            written = of_candidates[~ended].reshape(-1, *written.shape[1:])
    bar.close()
    return _reported([finished[number] for number in sorted(finished)], best_of, judge)


def harmonize(
    model,
    melody,
    count=1,
    voice="soprano",
    transpose=False,
    particles=32,
    parallels=False,
    judge=None,
    **how,
):
    """A melody with three voices more (`Pieces`, named harmonised-0000 and so on), written by a
    model.

    The melody is kept exactly, with its key, metre, pickup, fermatas and repeated notes. The other voices are struck where
    they move.

    Args:
        model: a `ChoraleModel`.
        melody: int array (steps,) of MIDI numbers, a sixteenth each, 0 being silence; a music21 stream (see
            `from_melody`); the path of a MIDI, MusicXML or kern file (see `load_melody`); or a Chorale, of which `voice`
            is taken, or the only one that sings.
        count: number of settings.
        voice: which voice has the melody.
        transpose: whether a melody that does not lie in the range of its voice (`VOICE_RANGES`) is moved there, by as few
            semitones as will do; the report says by how many, in the column transposed.
        particles: number of candidates for each setting.
        parallels: as in `generate`, but not allowed unless asked for: left to itself, chord_gru makes eight to eleven times
            as many as Bach, with one candidate or with many (pretrained/harmonising.md).
        judge, how: as in `generate`: temperature, seed, ranges and so on.

    Raises:
        ValueError: a voice that there is none of, a melody without notes, with several at a time, or with some off the
            grid or outside the range of its voice; the message says which, where, and what to do.

    Notebook: 05_generation
    """
    if voice not in VOICES:
        raise ValueError(f"voice {voice!r}: expected one of {', '.join(VOICES)}")
    tune = _tune(melody, VOICES.index(voice))
    shift = _shift_into_range(tune, VOICES.index(voice), transpose)
    tune = replace(tune.transpose(shift), key=_transposed_key(tune.key, shift))
    given = np.full(tune.pitches.shape, FREE)
    given[:, VOICES.index(voice)] = tune.pitches[:, VOICES.index(voice)]

    def with_what_is_known(setting):
        struck = setting.struck.copy()
        struck[:, VOICES.index(voice)] = tune.struck[:, VOICES.index(voice)]
        name = setting.name.replace("generated", "harmonised")
        return replace(
            tune, pitches=setting.pitches, name=name, onsets=struck, bwv=None
        )  # it is not Bach any more

    def judged(settings):
        return _judge_or_grade(judge)([with_what_is_known(setting) for setting in settings])

    settings = generate(
        model, count, given=given, particles=particles, parallels=parallels, judge=judged, **how
    )
    report = settings.report.rename(
        index=lambda name: name.replace("generated", "harmonised")
    ).assign(transposed=shift)
    return Pieces(map(with_what_is_known, settings), report)


def notes_per_second(model, count=1, steps=200, seed=0):
    """How many notes `generate` writes in a second here (float), once it has been compiled.

    Args:
        model: a `ChoraleModel`.
        count, steps, seed: as in `generate`.

    Raises:
        ValueError: as in `generate`.

    Notebook: 05_generation
    """
    generate(model, count, steps, seed=seed, progress=False)
    begin = time.perf_counter()
    generate(model, count, steps, seed=seed, progress=False)
    return len(VOICES) * count * steps / (time.perf_counter() - begin)


def _wishes(given, steps, shifts, particles):
    """(int array (longest, 4) of tokens with -1 where the model writes, whether the model may
    end)."""
    if steps is not None and steps < 1:
        raise ValueError(f"steps {steps}: expected 1 or more, or None to let the model end")
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
                f"given of shape {given.shape} and type {given.dtype}: expected whole numbers "
                f"(steps, 4), the columns being {', '.join(VOICES)}"
            )
        free = given == FREE
        fixed = np.where(free, FREE, notes_to_tokens(given).astype(np.int32))
        for shift in shifts:
            transpose_tokens(
                np.where(free, SILENCE_TOKEN, fixed), shift
            )  # a note that cannot be heard is refused
        whole = not free.any()
    length = (steps or LONGEST) if whole else (steps or len(fixed))
    if len(fixed) > length:
        raise ValueError(
            f"given has {len(fixed)} steps: expected no more than the length of the piece, {length}"
        )
    wishes = np.full((length, len(VOICES)), FREE, np.int32)
    wishes[: len(fixed)] = fixed
    may_end = steps is None and whole
    if particles > 1 and not may_end:
        wishes = np.vstack([wishes, [END_TOKEN, FREE, FREE, FREE]]).astype(
            np.int32
        )  # the end is asked for like a note
    return wishes, may_end


def _in_range(ranges):
    """bool array (4, 59): which notes each voice may sing."""
    bounds = np.tile([[0, 127]], (len(VOICES), 1))
    if isinstance(ranges, dict):
        for voice, bound in ranges.items():
            if voice not in VOICES or np.shape(bound) != (2,):
                raise ValueError(
                    f"ranges[{voice!r}] {bound}: expected names among {', '.join(VOICES)}, each with its "
                    f"lowest and highest MIDI number"
                )
            bounds[VOICES.index(voice)] = bound
    elif ranges is not None:
        if np.shape(ranges) != bounds.shape:
            raise ValueError(
                f"ranges of shape {np.shape(ranges)}: expected (4, 2), lowest and highest MIDI number of "
                f"{', '.join(VOICES)}, or a dict by voice"
            )
        bounds = np.asarray(ranges)
    notes = tokens_to_notes(np.arange(VOCABULARY))
    in_range = (notes >= bounds[:, :1]) & (notes <= bounds[:, 1:])
    for voice, (name, fits) in enumerate(zip(VOICES, in_range[:, FIRST_NOTE_TOKEN:])):
        if not fits.any():
            raise ValueError(
                f"range {bounds[voice, 0]}..{bounds[voice, 1]} of the {name}: expected the lowest note "
                f"first, and some of the notes 31..87"
            )
    return in_range


def _seeds(seed, count, best_of):
    """One numpy SeedSequence for each piece that is written; the first of those for a piece that is kept is the same
    whatever `best_of` is."""
    for sequence in np.random.SeedSequence(seed).spawn(count):
        yield sequence
        yield from np.random.SeedSequence(
            sequence.entropy, spawn_key=(*sequence.spawn_key, 1)
        ).spawn(best_of - 1)


class _Chance:
    """A piece's own chance: for the notes of its candidates, and for which of them go on."""

    def __init__(self, sequence):
        self.of_notes = np.random.default_rng(sequence)
        self.of_candidates = np.random.default_rng(sequence.spawn(1)[0])

    def draw(self, weights):
        """The number (int) of a candidate, drawn by natural logarithms (candidates,) of weights."""
        shares = np.exp(weights - weights.max())
        return self.of_candidates.choice(len(weights), p=shares / shares.sum())


def _finished(chance, of_candidates, carried, place):
    """(tokens (4 * steps,) of the candidate that is drawn, a dict for the report) of the piece at a place among those that
    are written."""
    weights, evidence, effective, resamplings = (
        keras.ops.convert_to_numpy(carried[name])[place]
        for name in ("weights", "evidence", "effective", "resamplings")
    )
    weights = weights.astype(float)  # (particles,)
    return of_candidates[chance.draw(weights)].copy(), {
        "log_likelihood": evidence + np.logaddexp.reduce(weights) - np.log(len(weights)),
        "effective_sample_size": float(effective),
        "resamplings": int(resamplings),
    }


def _reported(finished, best_of, judge):
    """The `Pieces` that are kept, with their report, of what `_finished` gave of all."""
    import pandas as pd

    chorales = [
        Chorale(decode(tokens), name=f"generated-{number // best_of:04d}")
        for number, (tokens, _) in enumerate(finished)
    ]
    report = pd.DataFrame(
        [about for _, about in finished],
        index=pd.Index([chorale.name for chorale in chorales], name="piece"),
    )
    if best_of > 1:
        grades = np.asarray(_judge_or_grade(judge)(chorales), float)
        if grades.shape != (len(chorales),):
            raise ValueError(
                f"grades of shape {grades.shape}: expected one number for each of {len(chorales)} pieces "
                f"from the judge"
            )
        best = np.arange(0, len(chorales), best_of) + grades.reshape(-1, best_of).argmax(axis=1)
        chorales, report = (
            [chorales[number] for number in best],
            report.assign(grade=grades).iloc[best],
        )
    return Pieces(chorales, report)


def _judge_or_grade(judge):
    if judge is None:
        from ..judging.grading import grade

        return grade
    return judge


def _tune(melody, voice):
    """The melody as a Chorale in which that voice sings, whatever the others do."""
    if isinstance(melody, (str, PathLike)):
        melody = load_melody(melody)
    elif hasattr(melody, "recurse"):  # a music21 stream
        melody = from_melody(melody, name="melody")
    elif not isinstance(melody, Chorale):
        line = np.asarray(melody)
        if line.ndim != 1:
            raise ValueError(
                f"melody of shape {line.shape}: expected (steps,), MIDI numbers of one voice, or a music21 "
                f"stream, a path, or a Chorale"
            )
        melody = Chorale(
            np.where(np.arange(len(VOICES)) == 0, line[:, None], SILENCE), name="melody"
        )
    sing = np.flatnonzero(melody.pitches.any(axis=0))
    source = sing[0] if len(sing) == 1 else voice
    if not melody.pitches[:, source].any():
        raise ValueError(f"{melody.name}: the {VOICES[source]} has no notes: expected a melody")
    order = np.where(np.arange(len(VOICES)) == voice, source, np.arange(len(VOICES)))
    return replace(
        melody,
        pitches=melody.pitches[:, order],
        onsets=None if melody.onsets is None else melody.onsets[:, order],
    )


def _shift_into_range(tune, voice, transpose):
    """By how many semitones (int) the tune has to be moved to lie in the range of its voice; a ValueError where that is
    not 0 and it may not be moved, or nothing will do."""
    line, (low, high) = tune.pitches[:, voice].astype(int), VOICE_RANGES[voice]
    sung = line[line != SILENCE]
    outside = np.flatnonzero((line != SILENCE) & ((line < low) | (line > high)))
    if not len(outside):
        return 0
    where = place_in_bars(outside[0], tune.time_signature, tune.pickup)
    if sung.max() - sung.min() > high - low:
        raise ValueError(
            f"{tune.name}: notes from {sung.min()} to {sung.max()}: expected no more than the "
            f"{high - low} semitones of a {VOICES[voice]}, {low}..{high}, wherever they lie"
        )
    if not transpose:
        raise ValueError(
            f"{tune.name}: {where}: note {line[outside[0]]}: expected {low}..{high}, the range of the "
            f"{VOICES[voice]}; with transpose=True the melody is moved there"
        )
    return int(max(low - sung.min(), 0) + min(high - sung.max(), 0))


def _transposed_key(name, semitones):
    """The name of a key moved by semitones, spelled with as few accidentals as can be; None where
    it is not known."""
    if name is None or not semitones:
        return name
    from music21 import key

    tonic, mode = name.split()
    sharps = (key.Key(tonic, mode).sharps + 7 * semitones + 5) % 12 - 5
    return str(key.KeySignature(sharps).asKey(mode))
