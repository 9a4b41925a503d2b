"""Harmonising: a melody is kept, and a model writes the other three voices.

`harmonize` turns what is known of a melody (its form, its words, where it ends, which chords are
requested) into what `generate` is asked for, and gives the settings the melody's notation back.
melody.py lists what may be given as a melody.

Notebook: 05_generation
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from ..chorale import SILENCE, VOICES, Chorale, Pieces
from ..encoding import SCORE_VOCABULARY, VOCABULARY
from ..form import Form
from ..models.critic import Critic
from ..models.saving import ModelLike, as_model
from .generation import Judge, check_judge, generate, judge_or_grade, steering_critic
from .melody import as_melody, ending_on_tonic, melody_form, shift_into_range, syllables_of
from .particles import FREE
from .requests import Request, allowed_notes, held_classes, plan_voicings, requested_chords
from .sampling import Progress
from .wishes import Ranges

if TYPE_CHECKING:
    from .melody import MelodyLike
    from .requests import Asked


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
    check_judge(judge)
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

    steered = steering_critic(critic, model, particles) is not None

    def judge_settings(pieces: list[Chorale]) -> ArrayLike:
        return judge_or_grade(judge)([setting(piece) for piece in pieces])

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
