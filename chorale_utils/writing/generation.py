"""Generation: a model writes chorales, note by note, in the order soprano, alto, tenor, bass.

Each note is sampled from the model's distribution, given all the notes before it. `generate` checks
what a user asks for and hands it on: wishes.py turns it into what each voice may sing on each step,
sampling.py writes the pieces side by side, notating.py makes chorales of them.

If later notes are fixed, such as a melody to harmonise or bars to keep, several candidates are
written for each piece, and those that lead naturally to the fixed notes survive; particles.py
explains how.

A piece twice as long takes twice as long to write (with chord_gru a little more, since its
attention looks back over the whole piece).

Notebook: 05_generation
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..chorale import VOICES, Chorale, Pieces
from ..corpus.forms import draw_form
from ..encoding import FIRST_NOTE_TOKEN, SCORE_VOCABULARY, checked_transpositions
from ..form import Form
from ..judging.counterpoint import RANGES
from ..models.checks import check_whole_numbers
from ..models.critic import Critic
from ..models.model import ChoraleModel
from ..models.saving import COMPOSER, ModelLike, as_model, critic_of
from .notating import as_chorale, going_on_from
from .particles import chunk_writer, initial_state, playable_tokens, read_given
from .rule_masks import Rules
from .sampling import Progress, ProgressBar, RandomStreams, Written, seed_sequences, write_all
from .wishes import Ranges, Wishes, fixed_tokens, notes_in_range, singable_tokens

COLDEST = 1e-4  # lowest temperature: only the likeliest note is ever sampled
CANDIDATES = 64  # particles where a critic steers
SIDE_BY_SIDE = 1024  # candidates that are written at a time: with phrase_gru, some 3 GiB
PHRASE = 32  # steps of a phrase, if only the length of the piece is known

Judge: TypeAlias = Callable[[list[Chorale]], ArrayLike]


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
    always kept. With several particles (sequential Monte Carlo: Gordon, Salmond and Smith 1993), a
    candidate loses weight for every note that a rule takes from it, so that rules choose among
    pieces, not only among notes.

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
    steering = steering_critic(critic, model, particles)
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
    check_judge(judge)
    if not playable_tokens(shifts)[FIRST_NOTE_TOKEN:].any():
        raise ValueError(
            f"transpositions {list(shifts)}: no note stays within 31..87 in all of them; expected "
            f"a few semitones up or down, such as range(-2, 3)"
        )
    singable = singable_tokens(notes_in_range(ranges), pitch_classes, rests)
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
    fixed, length = fixed_tokens(
        given if beginning is None else beginning.pitches, steps, shifts, form is not None
    )
    sequences = list(seed_sequences(seed, count, best_of))
    forms = sung = _forms(form, length, model, sequences, best_of, beginning)
    by_step = (given, onsets, allowed, pitch_classes)
    if forms is not None and all(each is None for each in by_step):
        forms = [each.written() for each in forms]
    beside = max(1, SIDE_BY_SIDE // (particles * len(shifts)))  # pieces that are written at a time
    groups = [slice(at, at + beside) for at in range(0, len(sequences), beside)]
    wishes = [
        Wishes(
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

    written: list[Written] = []
    with ProgressBar(sum(map(len, wishes)), progress) as written_so_far:
        for group, wish in zip(groups, wishes):
            told = None
            if forms is not None:
                told = np.stack([each.features(len(wish)) for each in forms[group]])
            streams = [RandomStreams(sequence) for sequence in sequences[group]]
            first = particles if wish.several[0] else 1
            state = initial_state(model, len(streams), first, shifts, len(wish), told, steering)
            state["effective_sample_size"] = np.full(len(streams), particles, np.float32)
            written += write_all(
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
        as_chorale(
            piece.tokens,
            model,
            number // best_of,
            forms[number] if forms else None,
            sung[number] if sung else None,
        )
        for number, piece in enumerate(written)
    ]
    if beginning is not None:
        pieces = [going_on_from(beginning, piece) for piece in pieces]
    return _best(pieces, [piece.report for piece in written], best_of, judge)


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


def steering_critic(critic: Any, model: ChoraleModel, particles: int | None) -> Critic | None:
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


def check_judge(judge: Any) -> None:
    """Raises ValueError if the judge is neither a function nor None."""
    if judge is not None and not callable(judge):
        raise ValueError(f"judge {judge!r}: expected a function of a list of Chorale, or None")


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


def _best(
    chorales: list[Chorale], reports: list[dict[str, float]], best_of: int, judge: Judge | None
) -> Pieces:
    """The best-graded of every `best_of` consecutive pieces, with its report."""
    import pandas as pd

    names = [chorale.name for chorale in chorales]
    report = pd.DataFrame(reports, index=pd.Index(names, name="piece"))
    if best_of > 1:
        grades = np.asarray(judge_or_grade(judge)(chorales), float)
        if grades.shape != (len(chorales),):
            raise ValueError(
                f"grades of shape {grades.shape}: expected the judge to return one number for each "
                f"of {len(chorales)} pieces"
            )
        best = np.arange(0, len(chorales), best_of) + grades.reshape(-1, best_of).argmax(axis=1)
        chorales = [chorales[number] for number in best]
        report = report.assign(grade=grades).iloc[best]
    return Pieces(chorales, report)


def judge_or_grade(judge: Judge | None) -> Judge:
    """The judge, or `grade` in place of None."""
    if judge is None:
        from ..judging.grading import grade

        return grade
    return judge
