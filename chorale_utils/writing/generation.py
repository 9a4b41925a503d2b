"""Generation: a model writes chorales, note by note, in the order soprano, alto, tenor, bass.

Each note is sampled from the model's distribution, given all the notes before it. The model's state
is carried from note to note, so that nothing is read twice: a piece twice as long takes twice as
long to write (with chord_gru a little more, since its attention looks back over the whole piece).
Many pieces are written side by side in one compiled loop; a piece that ends leaves the loop.

If later notes are fixed, such as a melody to harmonise or bars to keep, several candidates are
written for each piece, and those that lead naturally to the fixed notes survive; particles.py
explains how. melody.py lists what may be given as a melody.

Random numbers come from numpy, one stream per piece: the same seed gives the same piece, however
many others are written beside it.

Notebook: 05_generation
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
    Pieces,
    tonic_and_mode,
)
from ..corpus.forms import draw_form
from ..encoding import (
    END,
    END_TOKEN,
    FIRST_NOTE_TOKEN,
    GOES_ON,
    SCORE_VOCABULARY,
    SILENCE_TOKEN,
    VOCABULARY,
    checked_transpositions,
    decode,
    notes_to_tokens,
    tokens_to_notes,
    tokens_to_score,
    transpose_tokens,
)
from ..form import Form
from ..judging.counterpoint import RANGES
from ..models.backend import keras
from ..models.checks import check_whole_numbers
from ..models.critic import Critic
from ..models.model import ChoraleModel
from ..models.saving import COMPOSER, ModelLike, as_model, critic_of
from ..notation.page import Bar, Notation, Syllable, regular_bars
from .melody import (
    as_melody,
    ending_on_tonic,
    melody_form,
    note_number,
    shift_into_range,
    syllables_of,
)
from .particles import (
    ALLOWED,
    AVOIDED,
    CHUNK,
    FORBIDDEN,
    FREE,
    Rules,
    chunk_writer,
    initial_state,
    known_notes,
    narrowed,
    playable_tokens,
    read_given,
    select_pieces,
    widened,
)
from .requests import Request, allowed_notes, held_classes, plan_voicings, requested_chords

if TYPE_CHECKING:
    from .melody import MelodyLike
    from .requests import Asked

COLDEST = 1e-4  # lowest temperature: only the likeliest note is ever sampled
CANDIDATES = 64  # particles where a critic steers
SETTLES = 32  # steps of given notes after which one candidate is as good as many
SIDE_BY_SIDE = 1024  # candidates that are written at a time: with phrase_gru, some 3 GiB
PATIENCE = 3  # seconds after which a progress bar appears by default
PHRASE = 32  # steps of a phrase, if only the length of the piece is known
LONGEST = 640  # steps after which an endless piece is cut: the length of the longest in the corpus
# by a score's tokens: whether a note is struck
_STRUCK = (np.arange(SCORE_VOCABULARY) >= FIRST_NOTE_TOKEN) & (
    np.arange(SCORE_VOCABULARY) < VOCABULARY
)

Judge: TypeAlias = Callable[[list[Chorale]], ArrayLike]
Ranges: TypeAlias = ArrayLike | Mapping[str, Sequence[int | str]]
Progress: TypeAlias = bool | Callable[[int, int], object]


def generate(
    model: ModelLike = COMPOSER,
    count: int = 1,
    steps: int | None = None,
    temperature: float = 1.0,
    seed: int | None = None,
    given: ArrayLike | Chorale | None = None,
    particles: int | None = None,
    transpositions: Iterable[int] = (0,),
    ranges: Ranges | None = None,
    crossing: bool | None = None,
    parallels: bool | None = None,
    sevenths: bool | None = None,
    augmented: bool | None = None,
    best_of: int = 1,
    judge: Judge | None = None,
    progress: Progress | None = None,
    pitch_classes: np.ndarray | None = None,
    form: Form | Sequence[Form] | None = None,
    onsets: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
    critic: Critic | Literal[False] | None = None,
    rests: bool = True,
    tonic_ending: bool | None = None,
    movement: float = 1.0,
) -> Pieces:
    """New chorales (named generated-0000 and so on), written by a model.

    A note that breaks a rule (ranges, crossing, parallels, sevenths, augmented seconds, pitch
    classes, rests, the tonic at the end) is sampled only if no other note is left; given notes are
    always kept. With several particles, a candidate loses weight for every note that a rule takes
    from it, so that rules choose among pieces, not only among notes.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`. The default is the
            composer, ``'phrase_gru'``, steered by its critic.
        count: number of pieces; they are written side by side.
        steps: length in sixteenths; the model may not end sooner. None: until the model writes the
            end, but at most 640 steps.
        temperature: the logits are divided by it before sampling: below 1 is more cautious, above
            1 more daring; at least 0.0001. Fixed notes are always weighted by the model's own
            probabilities.
        seed: int from 0 up; the same seed gives the same pieces. None draws one.
        given: int array (given steps, 4): a MIDI number or 0 (silence) where the note is fixed, -1
            where the model writes. If every note is fixed, this is a beginning, which the model
            continues (up to `steps`, or to the end); otherwise its length is that of the piece.
            Fixed notes are kept exactly. Or a Chorale: a beginning whose title, key, metre, pickup,
            fermatas and repeated notes are kept as well.
        particles: number of candidates for each piece. A single candidate is written without
            knowledge of later fixed notes. With several, those that lead to the fixed notes
            survive, and one of them is drawn at the end by its weight: the more there are, the
            closer the result is to the model's own distribution of the free notes given the fixed
            ones. The length then counts as fixed, too: the piece ends there, mostly on a cadence
            from about 64 candidates on. None: 64 if a critic steers, and otherwise 1, which is as
            good as many if nothing is fixed later.
        transpositions: whole numbers of semitones. The model reads the piece in each of these
            transpositions, and notes are sampled from its mean prediction (see `note_probs`); the
            cost grows with their number. Notes that leave 31..87 in any of them are never sampled.
        ranges: what each voice may sing: array (4, 2) of the lowest and the highest note, MIDI
            numbers or names such as ``'C4'``, for example `VOICE_RANGES`; or a dict from voice
            names to such pairs. None sets no limit, or, if a critic steers, the usual
            ranges of a choir: C4-G5, G3-D5, C3-G4, E2-D4.
        crossing: whether a voice may go above the one above it. None here and in the next three:
            yes, unless a critic steers.
        parallels: whether two voices may move, both up or both down, from a fifth to a fifth, or
            from an octave or unison to an octave or unison.
        sevenths: whether the seventh of a dominant seventh chord in root position may leap or rise;
            otherwise it stays or falls by a step.
        augmented: whether a voice may move by an augmented second; the rule holds where the form
            is in minor, between the sixth degree and the raised seventh.
        best_of: number of pieces written for each one returned; the one that `judge` likes best
            is kept.
        judge: function that takes a list of Chorale and returns their grades, a float array; higher
            is better. None: the critic's log-odds of the whole piece, or, without a critic,
            `grade`.
        progress: whether to show a progress bar; None shows one on a terminal if the work takes
            more than a few seconds. Or a function of two int, the steps written so far and the
            total, which is called as the work goes on; an exception that it raises ends the work.
        pitch_classes: bool array (steps, 4, 12): the pitch classes, C to B, that each voice may
            sing on each step, such as those of a chord. Later steps are free; None frees all.
        form: a `Form`, or a list with one for each piece, for a model that takes one; it also sets
            the length. If it has a Stollen (`Form.stollen`), that is written once, and the notation
            has a repeat sign at its end and the words of both as two verses. Other phrases that
            repeat are written out; so is the Stollen if something is given by step (`given`,
            `onsets`, `allowed` or `pitch_classes`). None: a form is drawn for each piece (see
            `draw_form`), or, if `steps` or `given` sets the length, phrases of eight quarters.
        onsets: bool array, the shape of `given`: whether a given note is struck or held, for a
            model that writes scores. None leaves this to the model, or to the Chorale given.
        allowed: bool array (steps, 4, tokens): which of the model's tokens (see `notes_to_tokens`
            and `score_to_tokens`) are allowed in each voice on each step; others never occur. Later
            steps are free; None frees all.
        critic: `Critic` whose log-odds steer the particles, for a model that takes a form. None:
            the one shipped for the model, if there is one, and several particles; False: none.
        rests: whether a voice may rest where no rest is given.
        tonic_ending: whether a piece whose form has a key must end on the tonic in root position,
            in minor with either third, but not with both. None: if a critic steers.
        movement: how busy the lower voices are while the soprano holds a note: the odds that one
            of them moves then are multiplied by it. 1 leaves them as the model learnt them from
            Bach; 0 moves all voices together, note against note.

    Returns:
        `Pieces`, a list of Chorale with a report.

    Raises:
        ValueError: a number that is not whole or not positive; a temperature that is too low or
            infinite; no transpositions; invalid ranges; a judge that does not return one number per
            piece; or a `given` of the wrong shape, longer than `steps`, or with a note outside
            31..87, in any of the transpositions.
        FileNotFoundError: no such model.

    Examples:
        >>> from chorale_utils import note_gru
        >>> untrained = note_gru(width=4, layers=1)  # or "chord_gru", which has learnt from Bach
        >>> generate(untrained, steps=8, seed=1)[0]
        Chorale('generated-0000', 8 steps)

    Notebook: 05_generation
    """
    model, shifts = as_model(model), tuple(checked_transpositions(transpositions))
    steering = _steering(critic, model, particles)
    steered = steering is not None
    if particles is None:
        particles = CANDIDATES if steered else 1
    ranges = RANGES if ranges is None and steered else ranges
    tonic_ending = steered if tonic_ending is None else tonic_ending
    no_crossing, no_parallels, sevenths_fall, no_augmented_seconds = (
        steered if allowed_to is None else not allowed_to
        for allowed_to in (crossing, parallels, sevenths, augmented)
    )
    rules = Rules(
        no_crossing,
        no_parallels,
        sevenths_fall,
        no_augmented_seconds,
        one_third=tonic_ending or pitch_classes is not None,
    )
    if judge is None and steering is not None:
        judge = steering.opinions
    check_whole_numbers(1, count=count, particles=particles, best_of=best_of)
    _check_movement(movement)
    _check_temperature(temperature)
    _check_judge(judge)
    if not playable_tokens(shifts)[FIRST_NOTE_TOKEN:].any():
        raise ValueError(
            f"transpositions {list(shifts)}: no note stays within 31..87 in all of them; expected "
            f"a few semitones up or down, such as range(-2, 3)"
        )
    singable = _singable(_in_range(ranges), pitch_classes, rests)
    if isinstance(given, list) and len(given) == 1 and isinstance(given[0], Chorale):
        given = given[0]
    beginning = given if isinstance(given, Chorale) else None
    if beginning is not None and onsets is None and model.tokens == SCORE_VOCABULARY:
        onsets = beginning.struck
    if steering is not None and not (model.takes_form and particles > 1):
        raise ValueError(
            f"a critic with {particles} particles and {model.name}: expected several particles to "
            f"choose from, and a model that takes a form, such as phrase_gru"
        )
    fixed, length = _fixed_tokens(
        given if beginning is None else beginning.pitches, steps, shifts, form is not None
    )
    sequences = list(_seeds(seed, count, best_of))
    forms = sung = _forms(form, length, model, sequences, best_of, beginning)
    by_step = (given, onsets, allowed, pitch_classes)
    if forms is not None and all(each is None for each in by_step):
        forms = [each.written() for each in forms]
    beside = max(1, SIDE_BY_SIDE // (particles * len(shifts)))  # pieces that are written at a time
    groups = [slice(at, at + beside) for at in range(0, len(sequences), beside)]
    wishes = [
        _Wishes(
            model,
            fixed,
            length,
            forms and forms[group],
            onsets,
            allowed,
            singable,
            particles > 1,
            tonic_ending,
        )
        for group in groups
    ]

    def writer(particles: int) -> Callable[..., Any]:
        return chunk_writer(model, shifts, rules, particles, steering)

    written: list[_Written] = []
    with _Progress(sum(map(len, wishes)), progress) as written_so_far:
        for group, wish in zip(groups, wishes):
            told = None
            if forms is not None:
                told = np.stack([each.features(len(wish)) for each in forms[group]])
            streams = [_RandomStreams(sequence) for sequence in sequences[group]]
            first = particles if wish.several[0] else 1
            state = initial_state(model, len(streams), first, shifts, len(wish), told, steering)
            state["effective_sample_size"] = np.full(len(streams), particles, np.float32)
            written += _write_all(
                writer,
                state,
                wish,
                streams,
                particles,
                len(shifts),
                temperature,
                movement,
                written_so_far,
                partial(read_given, model, transpositions=shifts, critic=steering)
                if steered
                else None,
            )
    pieces = [
        _chorale(
            piece.tokens,
            model,
            number // best_of,
            forms[number] if forms else None,
            sung[number] if sung else None,
        )
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
    form: Form | None = None,
    critic: Critic | Literal[False] | None = None,
    numerals: Asked | None = None,
    symbols: Asked | None = None,
    key: str | None = None,
    allowed: ArrayLike | None = None,
    movement: float = 1.0,
    sevenths: bool | None = None,
    augmented: bool | None = None,
) -> Pieces:
    """A melody with three more voices (named harmonised-0000 and so on), written by a model.

    The melody is kept exactly, with its key, metre, pickup, fermatas, repeated notes, words,
    repeats and spelling. The other voices are struck where they move, and wherever the melody has a
    new syllable, so that they can sing the words, too. (A model that writes scores also decides
    itself where else to strike.) All voices rest where the melody rests, and nowhere else: the
    choir breathes together.

    Args:
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        melody: a list of notes, MIDI numbers or names such as ``'C5'``, ``'F#5'``, ``'B-4'`` or
            ``'Bb4'``, 0 or ``'R'`` being silence, with `quarters`; an int array (steps,) of MIDI
            numbers, a sixteenth each; a music21 stream (see `from_melody`); the path of a MIDI,
            MusicXML or kern file (see `load_melody`); or a Chorale, from which `voice` is taken, or
            its only voice.
        count: number of settings.
        voice: which voice has the melody: soprano, alto, tenor or bass.
        transpose: whether to move a melody that exceeds the range of its voice (`VOICE_RANGES`)
            into it, by as few semitones as possible; the column transposed of the report says by
            how many.
        particles: number of candidates for each setting.
        parallels: as in `generate`, but not allowed by default: left to itself, chord_gru writes
            some eight times as many as Bach, with one candidate or with many
            (writing/harmonising.md).
        judge: as in `generate`.
        part, strict, repeats: for a file or a stream, see `load_melody`.
        tonic_ending: whether the last chord must be the tonic in root position. This applies only
            if the melody ends on a note of that chord, in its own key or the one that `find_key`
            finds.
        quarters: lengths of the notes of a list, in quarters: one number for all, or one for each;
            all multiples of a sixteenth.
        temperature, seed, transpositions, ranges, crossing, sevenths, augmented: as in `generate`.
        best_of, progress, critic, movement: as in `generate`.
        form: as in `generate`, and as long as the melody; None takes the form of the melody, for a
            model that takes one.
        numerals: chords to use, as Roman numerals, one for each quarter from the first, such as
            ``"I V6 . V65/V"`` or ``"G: I V6 e: V i"``. A full stop or a hyphen holds the chord
            before, and bar lines may be written. Or pairs (step in sixteenths, numeral), or a dict.
            On its step all voices sing notes of the chord; the bass sings that of its inversion,
            and the third and any seventh are present. The notes in between are free.
        symbols: chord symbols instead, such as ``"C G/B Am"``, in the same forms.
        key: the key of the first numerals, such as ``'g minor'``; None takes that of the melody, or
            the one that `find_key` finds.
        allowed: as in `generate`.

    Returns:
        `Pieces`, a list of Chorale with a report.

    Raises:
        ValueError: an unknown voice; a melody without notes, with several at a time, or with notes
            off the grid or outside the range of its voice; a list without `quarters`; a requested
            chord that does not contain the melody's note. The message says which, where, and what
            to do. Also as in `generate`.
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
    requests = []
    if numerals is not None or symbols is not None:
        requests = [each.moved(shift) for each in requested_chords(tune, numerals, symbols, key)]
    tune = tune.transpose(shift)
    given = np.full(tune.pitches.shape, FREE)
    given[:, number] = tune.pitches[:, number]
    model = as_model(model)
    writes_scores = model.tokens == SCORE_VOCABULARY
    if form is None and model.takes_form:
        form = melody_form(tune, number)
    elif form is not None and len(form) != len(tune):
        raise ValueError(
            f"a form of {len(form)} steps and a melody of {len(tune)}: expected the same length"
        )
    syllables = syllables_of(tune, number)
    if syllables is None and not writes_scores:
        syllables = tune.struck[:, number]
    given[given[:, number] == SILENCE] = SILENCE

    def setting(piece: Chorale) -> Chorale:
        """The piece with the metadata of its melody, except BWV: it is no longer Bach's."""
        struck = piece.struck.copy()
        if syllables is not None:
            struck |= syllables[:, None] & (piece.pitches != SILENCE)
        struck[:, number] = tune.struck[:, number]
        name = piece.name.replace("generated", "harmonised")
        return replace(tune, pitches=piece.pitches, name=name, onsets=struck, bwv=None)

    steered = _steering(critic, model, particles) is not None

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
        sevenths=sevenths,
        augmented=augmented,
        best_of=best_of,
        judge=None if judge is None and steered else judge_settings,
        progress=progress,
        pitch_classes=_classes(tune, number, tonic_ending, requests, model.takes_form),
        form=form,
        onsets=tune.struck if writes_scores else None,
        allowed=_all_allowed(
            allowed,
            _struck_on(syllables, number) if writes_scores else None,
            _heard(requests, tune, number, model.tokens, seed) if requests else None,
        ),
        critic=critic,
        rests=False,
        tonic_ending=False,
        movement=movement,
    )
    settings = [setting(piece) for piece in pieces]
    names = [chorale.name for chorale in settings]
    assert pieces.report is not None, "generate always returns one"
    report = pieces.report.set_axis(names).rename_axis("piece").assign(transposed=shift)
    return Pieces(settings, report)


def _struck_on(syllables: np.ndarray | None, voice: int) -> np.ndarray | None:
    """`allowed` for `generate`, in a score's tokens: where a syllable (bool array (steps,)) begins,
    the other voices strike a note or rest. None without syllables."""
    if syllables is None:
        return None
    allowed = np.ones((len(syllables), len(VOICES), SCORE_VOCABULARY), bool)
    goes_on = np.arange(SCORE_VOCABULARY) >= VOCABULARY
    others = np.arange(len(VOICES)) != voice
    allowed[syllables[:, None, None] & others[:, None] & goes_on] = False
    return allowed


def _heard(
    requests: Sequence[Request], tune: Chorale, voice: int, tokens: int, seed: int | None
) -> np.ndarray:
    """`allowed` for `generate`, such that the requested chords sound."""
    plan = plan_voicings(requests, tune, voice, np.random.default_rng(seed))
    return allowed_notes(requests, plan, tune, voice, tokens)


def _all_allowed(*masks: ArrayLike | None) -> np.ndarray | None:
    """What all masks allow, which have the same length; None without any."""
    given = [np.asarray(mask) for mask in masks if mask is not None]
    return np.logical_and.reduce(given) if given else None


def _classes(
    tune: Chorale,
    voice: int,
    tonic_ending: bool,
    requests: Sequence[Request],
    takes_form: bool,
) -> np.ndarray | None:
    """`pitch_classes` for `generate`: those of the final tonic, unless a chord is requested under
    the last note, and of requested chords that are held."""
    last_note = tune.notes(voice)[-1][0]
    asked_for = any(max((each.step, *each.held)) >= last_note for each in requests)
    ending = None
    if tonic_ending and not asked_for:
        ending = ending_on_tonic(tune, voice, either_third=takes_form)
    return _all_allowed(ending, held_classes(requests, len(tune)) if requests else None)


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


def phrases_of(form: Form, steps: int) -> Form:
    """The form with phrases of eight quarters and no fermatas, for a piece of which only the length
    in steps is known; the last phrase takes any steps left over.

    Examples:
        >>> phrases_of(Form(), 80).phrases
        (32, 48)

    Notebook: 05_generation
    """
    whole, rest = divmod(steps, PHRASE)
    phrases = (PHRASE,) * (whole - 1) + (PHRASE + rest,) if whole else (steps,)
    return replace(form, phrases=phrases, fermatas=(0,) * len(phrases), repeats=None)


def notes_per_second(model: ModelLike, count: int = 1, steps: int = 200, seed: int = 0) -> float:
    """How many notes per second `generate` writes on this machine, compilation excluded.

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


def _steering(critic: Any, model: ChoraleModel, particles: int | None) -> Critic | None:
    """The critic that steers: the one given, or that of the model if there is a choice to make."""
    if critic is None:
        return None if particles == 1 else critic_of(model)
    if critic is False:
        return None
    if not isinstance(critic, Critic):
        raise TypeError(f"critic {critic!r}: expected a Critic, None for the shipped one, or False")
    return critic


def _check_movement(movement: Any) -> None:
    number = isinstance(movement, Real) and not isinstance(movement, bool)
    if not number or not 0 <= movement < float("inf"):
        raise ValueError(f"movement {movement!r}: expected a number from 0 up; 1 is as in Bach")


def _check_judge(judge: Any) -> None:
    if judge is not None and not callable(judge):
        raise ValueError(f"judge {judge!r}: expected a function of a list of Chorale, or None")


def _fixed_tokens(
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


def _forms(
    form: Form | Sequence[Form] | None,
    length: int | None,
    model: ChoraleModel,
    sequences: Sequence[np.random.SeedSequence],
    best_of: int,
    beginning: Chorale | None,
) -> list[Form] | None:
    """A form for each piece to be written; None for a model that takes none."""
    if not model.takes_form:
        if form is not None:
            raise ValueError(f"{model.name} takes no form: expected a model such as phrase_gru")
        return None
    count = len(sequences) // best_of
    if form is None and length is None:
        seeds = [int(sequence.generate_state(1)[0]) for sequence in sequences[::best_of]]
        forms = [draw_form(seed=seed) for seed in seeds]
        if beginning is not None:  # keep its key and metre, and leave room for at least one phrase
            longer = [max(len(each.written()), len(beginning) + PHRASE) for each in forms]
            forms = [phrases_of(_key_and_metre(beginning), steps) for steps in longer]
    elif form is None and length is not None:
        forms = [phrases_of(_key_and_metre(beginning), length)] * count
    else:
        forms = [form] * count if isinstance(form, Form) else list(form or ())
    if len(forms) != count:
        raise ValueError(f"{len(forms)} forms: expected one, or one for each of {count} pieces")
    for each in forms:
        if not len(each):
            raise ValueError(f"{each}: expected a form whose phrases are known")
    return [each for each in forms for _ in range(best_of)]


def _key_and_metre(beginning: Chorale | None) -> Form:
    """The form of a piece with this beginning, as far as it is known: its phrases are not."""
    if beginning is None:
        return Form()
    return Form(
        key=beginning.key,
        time_signature=beginning.time_signature,
        pickup=beginning.pickup,
    )


class _Wishes:
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


def _chorale(
    tokens: np.ndarray, model: ChoraleModel, number: int, form: Form | None, sung: Form | None
) -> Chorale:
    """The Chorale of a piece's tokens (4 * steps,), up to the end token; `form` is that which was
    written, and `sung` the same with what repeat signs repeat."""
    name = f"generated-{number:04d}"
    if model.tokens == VOCABULARY:
        return Chorale(decode(tokens), name=name)
    pitches, struck = tokens_to_score(tokens.reshape(-1, len(VOICES)))
    over = np.flatnonzero((pitches == END).any(axis=1))
    steps = over[0] if len(over) else len(pitches)
    piece = Chorale(pitches[:steps], name=name, onsets=struck[:steps])
    if form is None or sung is None:
        return piece
    return replace(
        piece,
        key=form.key,
        time_signature=form.time_signature,
        pickup=form.pickup,
        fermatas=form.under_fermata(),
        notation=_notation(form, sung),
    )


def _notation(form: Form, sung: Form) -> Notation | None:
    """The words, and bars with a repeat sign if the form was written without the second Stollen;
    None if there is neither."""
    words = list(_words(form))
    bars: tuple[Bar, ...] = ()
    if len(form) < len(sung):
        stollen = sung.stollen
        bars = _repeated_bars(form, stollen)
        if sung.words is not None:
            words += _words(form, sung.words[stollen : 2 * stollen], verse=2)
    if not words and not bars:
        return None
    words.sort(key=lambda syllable: (syllable.step, syllable.verse))
    return Notation(bars, words=tuple(words))


def _repeated_bars(form: Form, stollen: int) -> tuple[Bar, ...]:
    """The bars of a form with a repeat sign after so many phrases, which divides a bar if there is
    an upbeat. The repetition is from the beginning, where no sign is needed."""
    assert form.time_signature is not None, "a Stollen is whole bars"
    end = sum((form.phrases or ())[:stollen])
    bars = []
    for bar in regular_bars(len(form), form.time_signature, form.pickup):
        if bar.start < end <= bar.stop:
            before, after = end - bar.start, bar.stop - end
            bars.append(replace(bar, steps=before, repeat_end=2))
            if after:
                bars.append(replace(bar, start=end, steps=after, offset=bar.offset + before))
        else:
            bars.append(bar)
    return tuple(bars)


def _words(
    form: Form, lines: Sequence[Sequence[str]] | None = None, verse: int = 1
) -> Iterator[Syllable]:
    """Lines of words, those of the form if None, under the soprano's notes from the beginning."""
    struck = form.onsets()
    if struck is None:
        return
    texts = [syllable for line in lines or form.words or () for syllable in line]
    begins = True
    for step, text in zip(np.flatnonzero(struck), texts):
        ends = not text.endswith("-")
        place = ("middle", "end", "begin", "single")[2 * begins + ends]
        yield Syllable(int(step), 0, verse, text.removesuffix("-"), place)
        begins = ends


def _in_range(ranges: Any) -> np.ndarray:
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


def _singable(in_range: np.ndarray, pitch_classes: Any, rests: bool) -> np.ndarray:
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


def _seeds(seed: Any, count: int, best_of: int) -> Iterator[np.random.SeedSequence]:
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


class _RandomStreams:
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


class _Progress:
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

    def __enter__(self) -> _Progress:
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


class _Written(NamedTuple):
    """A finished piece."""

    tokens: np.ndarray  # (4 * steps,)
    report: dict[str, float]


def _write_all(
    writer: Callable[[int], Callable[..., Any]],
    state: dict[str, Any],
    wishes: _Wishes,
    streams: Sequence[_RandomStreams],
    particles: int,
    transpositions: int,
    temperature: float,
    movement: float,
    progress: _Progress,
    read: Callable[[dict[str, Any], np.ndarray], dict[str, Any]] | None,
) -> list[_Written]:
    """Writes one piece for each random stream, side by side, up to `CHUNK` steps at a time; pieces
    that have ended drop out. Where all notes are settled, one candidate is as good as many. If they
    can be `read`, their weights, the same for all, do not count: what is given before the first
    free note is read at once, and what follows the last candidates is not read at all."""
    now = state["log_weights"].shape[1]  # candidates of each piece
    written = np.zeros((len(streams) * now, 0, len(VOICES)), np.int32)
    going_on = dict(enumerate(streams))
    finished = {}  # number of the piece -> _Written
    start = 0
    while going_on and start < len(wishes):
        several, alike = wishes.several[start], wishes.alike(start)
        last, known = start + alike == len(wishes), None
        if read is not None and not several and (last or 0 == start < alike <= LONGEST):
            known = wishes.known(start, start + alike, list(going_on))
        if known is not None and last:
            written = np.concatenate([written, np.repeat(known, now, axis=0)], axis=1)
            for (place, (number, stream)), by_particle in zip(
                enumerate(going_on.items()), written.reshape(len(going_on), now, -1)
            ):
                finished[number] = _finished(stream, by_particle, state, place)
            start += alike
            progress.add(alike)
            break
        if known is not None and read is not None:
            state, written = read(state, known), known
            for stream in going_on.values():
                stream.skip(alike, particles)
            start += alike
            progress.add(alike)
            continue
        if not several and now > 1:
            log_weights = keras.ops.convert_to_numpy(state["log_weights"])
            chosen = [
                stream.choose(log_weights[place].astype(float))
                for place, stream in enumerate(going_on.values())
            ]
            state = narrowed(state, np.array(chosen), transpositions)
            written = written[np.arange(len(going_on)) * now + chosen]
            now = 1
        elif several and now < particles:
            state, now = widened(state, particles, transpositions), particles
            written = np.repeat(written, particles, axis=0)
        weights = {name: state[name] for name in ("log_weights", "log_evidence")}
        mask, source = wishes.chunk(start, list(going_on))
        # A phrase can be copied only once it is written, so the chunk stops before such a copy.
        # Random numbers are drawn only for the steps that are written: so they do not depend on
        # where other pieces copy their phrases.
        steps = next(
            (step for step in range(1, len(source)) if (source[step] >= start).any()), len(source)
        )
        steps = min(steps, alike)
        drawn = CHUNK if steps == len(source) else steps
        uniforms = [stream.for_notes(drawn, particles)[..., :now] for stream in going_on.values()]
        resampling_uniforms = [stream.for_resampling(drawn) for stream in going_on.values()]
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
        tokens, origin = keras.ops.convert_to_numpy(tokens), keras.ops.convert_to_numpy(origin)
        written = np.concatenate([written[origin], tokens[:, :steps]], axis=1)
        start += steps
        progress.add(steps)
        by_piece = written.reshape(len(going_on), now, -1)
        ended = keras.ops.convert_to_numpy(state["particle"]["ended"])
        ended = ended.reshape(len(going_on), now).all(axis=1)
        ended |= start >= len(wishes)
        for place, number in enumerate(list(going_on)):
            if ended[place]:
                stream = going_on.pop(number)
                finished[number] = _finished(stream, by_piece[place], state, place)
        if going_on and ended.any():
            state = select_pieces(state, ~ended, transpositions)
            written = by_piece[~ended].reshape(-1, *written.shape[1:])
    progress.add(len(wishes) - start)
    return [finished[number] for number in sorted(finished)]


def _filled_up(numbers: np.ndarray) -> np.ndarray:
    """The numbers of some steps, followed by zeros up to `CHUNK` steps."""
    return np.pad(numbers, [(0, CHUNK - len(numbers))] + [(0, 0)] * (numbers.ndim - 1))


def _finished(
    stream: _RandomStreams, by_particle: np.ndarray, state: dict[str, Any], place: int
) -> _Written:
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
    return _Written(tokens, report)


def _going_on_from(beginning: Chorale, piece: Chorale) -> Chorale:
    """The piece with the title, key, metre and pickup of its beginning, and the beginning's
    fermatas, repeated notes and words at their steps. It is no longer Bach's: no BWV."""
    steps, notation = len(beginning), beginning.notation
    onsets = fermatas = None
    if beginning.onsets is not None or piece.onsets is not None:
        onsets = piece.struck.copy()
        onsets[:steps] = beginning.struck
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
    """The best-graded of every `best_of` consecutive pieces, with its report."""
    import pandas as pd

    names = [chorale.name for chorale in chorales]
    report = pd.DataFrame(reports, index=pd.Index(names, name="piece"))
    if best_of > 1:
        grades = np.asarray(_judge_or_grade(judge)(chorales), float)
        if grades.shape != (len(chorales),):
            raise ValueError(
                f"grades of shape {grades.shape}: expected the judge to return one number for each "
                f"of {len(chorales)} pieces"
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
