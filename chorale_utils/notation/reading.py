"""From a music21 score to the grid of sixteenths: `from_score` reads every kind of score,
`from_melody` a tune without other voices.

A score says more than the grid can hold (beams, slurs, instruments) and sometimes less (which four
of nine parts are the voices). `parts` chooses them, `staves` finds the notes of each voice,
`timeline` reads the bars; this module puts everything on the grid. It finds no files and keeps no
cache.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import re
from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chorale import (
    SILENCE,
    VOICES,
    Chorale,
    described,
    steps_per_bar,
)
from ..deprecation import renamed
from ..keys import (
    MODES,
)
from . import page
from .authors import authors, title_of
from .musicxml import ELISION, MELISMA
from .page import REPEATS, UNSPELLED, Bar, Notation, Syllable, check_repeats
from .parts import Part, as_sounding, counted, melody_part, others_than, vocal_parts
from .staves import Sound, one_at_a_time, open_staves, sounds_of
from .timeline import Timeline, read_timeline

if TYPE_CHECKING:
    from music21.stream import Stream


def from_score(
    score: Stream,
    name: str = "untitled",
    bwv: str | None = None,
    title: str | None = None,
    strict: bool = True,
    repeats: str = "written",
    part: Part = None,
    *,
    expand_repeats: bool | None = None,
) -> Chorale:
    """The `Chorale` in a music21 score: four voices on the grid of sixteenths, with their notation.

    If there are parts named soprano, alto, tenor and bass, these are read, in any order; four parts
    with other names are read from the top down. Two staves with two voices each become four parts;
    the higher voice of a staff is the soprano or the tenor. Grace notes, cue notes, slashes and
    chord symbols are left out. Tied notes are struck once. A step is under a fermata if the soprano
    has one there, or, if the soprano has none in the whole piece, if any voice has one.

    `Chorale.notation` has the bars with changes of metre, repeats, endings and jumps, changes of
    key, tempos, the words of all verses, the spelling of every note, and the authors. Metre and key
    of the chorale itself are the first ones. A signature without a mode is taken for the relative
    minor if the bass ends on its tonic, otherwise for the major. A warning names whatever is left
    out or filled in.

    Args:
        score: music21 Score.
        name: name of the piece.
        bwv: number in the Bach-Werke-Verzeichnis, or None.
        title: title of the chorale; None takes that of the score.
        strict: whether music that does not fit the grid, or a fifth voice, is an error. Otherwise
            each step has what sounds at its beginning, so that an occasional 32nd note is lost; of
            two sopranos the first is read; and whole bars without singing, such as instrumental
            interludes, are left out.
        repeats: ``'written'``: each bar appears once, and `notation` has the repeat signs;
            ``'played'``: all repeats, endings and jumps are written out.
        part: the four parts to read, or the two staves, each by its name or its number from 1, such
            as ``('Choir 1', 'Choir 2')``; a single name selects all parts with this name.
        expand_repeats: the old name of ``repeats='played'``.

    Raises:
        ValueError: there are not four voices, a voice has two notes at a time, or a note is off the
            grid; the message names part, bar and beat.
        TypeError: `score` is not a music21 stream.

    Examples:
        >>> from music21 import corpus
        >>> from_score(corpus.parse("bach/bwv66.6"), name="bwv66.6")
        Chorale('bwv66.6', 144 steps, f# minor, 4/4)

    Notebook: 01_data_exploration
    """
    if expand_repeats is not None:
        renamed("expand_repeats", "repeats='played' (or 'written')")
        repeats = REPEATS[expand_repeats]
    check_repeats(repeats)
    _check_stream(score, name, "load_chorale reads a file")
    parts = vocal_parts(score, part, name, strict)
    sounding = [as_sounding(one) for one in parts]
    timeline = read_timeline(sounding, others_than(score, parts), name)
    if len(sounding) == 2:
        voices = open_staves(sounding, timeline, name, counted(parts))
    else:
        voices = [sounds_of(one, timeline) for one in sounding]
    labels = [f"{name}: {voice}" for voice in VOICES]
    return _laid_out(
        score,
        sounding[0],
        timeline,
        [one_at_a_time(sounds, label, strict) for sounds, label in zip(voices, labels)],
        name,
        bwv,
        title,
        repeats,
        without_interludes=not strict,
    )


def from_melody(
    score: Stream,
    name: str = "untitled",
    title: str | None = None,
    strict: bool = True,
    repeats: str = "written",
    part: str | int | None = None,
    *,
    expand_repeats: bool | None = None,
) -> Chorale:
    """The melody in a music21 stream, as a `Chorale` whose soprano sings alone.

    Everything is read as in `from_score`; the last note of the melody decides the key of a
    signature without a mode.

    Args:
        score: music21 Score with one part that has notes, or a Part, or another stream of notes.
        name: name of the piece.
        title: title; None takes that of the score.
        strict, repeats, expand_repeats: as in `from_score`.
        part: the part with the melody, by its name or its number from 1; or the name of a voice
            (``'soprano'``, ``'tenor'``) in a score that `from_score` reads.

    Raises:
        ValueError: several parts have notes and `part` chooses none, or no part has notes; two
            notes at a time; or a note off the grid. The message names part, bar and beat.
        TypeError: `score` is not a music21 stream.

    Examples:
        >>> from music21 import converter
        >>> from_melody(converter.parse("tinynotation: 3/4 c4 d e f2."), name="tune")
        Chorale('tune', 24 steps, 3/4)

    Notebook: 05_generation
    """
    if expand_repeats is not None:
        renamed("expand_repeats", "repeats='played' (or 'written')")
        repeats = REPEATS[expand_repeats]
    check_repeats(repeats)
    _check_stream(
        score, name, "load_melody reads a file, harmonize takes note names and numbers directly"
    )
    chosen = melody_part(score, part, name)
    if isinstance(chosen, int):
        return solo(from_score(score, name, None, title, strict, repeats), chosen)
    sounding = as_sounding(chosen)
    timeline = read_timeline([sounding], others_than(score, [chosen]), name)
    sounds = one_at_a_time(sounds_of(sounding, timeline), f"{name}: melody", strict)
    return _laid_out(score, sounding, timeline, [sounds], name, None, title, repeats)


def solo(chorale: Chorale, voice: int) -> Chorale:
    """One voice of a chorale, sung alone by the soprano, with the words of that voice.

    Args:
        chorale: Chorale.
        voice: 0..3, soprano to bass.

    Examples:
        >>> solo(Chorale([[72, 67, 64, 48]]), 3).pitches.tolist()
        [[48, 0, 0, 0]]
    """

    def alone(columns: np.ndarray, empty: int) -> np.ndarray:
        moved = np.full_like(columns, empty)
        moved[:, 0] = columns[:, voice]
        return moved

    notation = chorale.notation
    if notation is not None:
        words = [
            replace(syllable, voice=0) for syllable in notation.words if syllable.voice == voice
        ]
        spelling = notation.spelling
        notation = replace(
            notation,
            words=tuple(words),
            spelling=None if spelling is None else alone(spelling, UNSPELLED),
        )
    return replace(
        chorale,
        pitches=alone(chorale.pitches, SILENCE),
        onsets=alone(chorale.struck, 0),
        notation=notation,
    )


def _check_stream(score, name, advice):
    """Raises a TypeError if `score` is not a music21 stream."""
    from music21.stream import Stream

    if not isinstance(score, Stream):
        raise TypeError(f"{name}: got {described(score)}: expected a music21 stream; {advice}")


# Onto the grid


def _laid_out(
    score: Any,
    first: Any,
    timeline: Timeline,
    voices: list[list[Sound]],
    name: str,
    bwv: str | None,
    title: str | None,
    repeats: str,
    without_interludes: bool = False,
) -> Chorale:
    """The `Chorale` made from the sounds of each voice; a single voice becomes the soprano."""
    steps = max([timeline.steps, *(ceil(sounds[-1].end) for sounds in voices if sounds)])
    if not steps:
        raise ValueError(f"{name}: no notes: expected four voices that sing, or a melody")
    bars = _lasting(timeline.bars, steps)
    pitches = np.full((steps, len(VOICES)), SILENCE)
    spelling = np.full((steps, len(VOICES)), UNSPELLED, np.int8)
    onsets, held = np.zeros((2, steps, len(VOICES)), bool)
    words: list[Syllable] = []
    for voice, sounds in enumerate(voices):
        _lay_onto_grid(
            sounds, pitches[:, voice], spelling[:, voice], onsets[:, voice], held[:, voice]
        )
        words += [syllable for sound in sounds for syllable in _syllables(sound, voice)]
    notation = Notation(
        bars,
        timeline.keys,
        timeline.tempos,
        tuple(sorted(words, key=lambda word: (word.step, word.voice, word.verse))),
        None if (spelling == UNSPELLED).all() else spelling,
        **authors(score),
    )
    chorale = Chorale(
        pitches,
        name=name,
        bwv=bwv,
        title=title if title is not None else title_of(score),
        key=_key(timeline, pitches[:, : len(voices)]),
        time_signature=bars[0].time_signature if bars else None,
        pickup=bars[0].steps if bars and bars[0].offset else 0,
        onsets=onsets,
        fermatas=held[:, 0] if held[:, 0].any() else np.any(held, axis=1),
        notation=notation,
    )
    if without_interludes:
        chorale = _without_interludes(chorale)
    return page.expand_repeats(chorale) if repeats == "played" else chorale


def _lasting(bars: tuple[Bar, ...], steps: int) -> tuple[Bar, ...]:
    """The bars, and one more if a note lasts beyond their end."""
    if not bars or bars[-1].stop == steps:
        return bars
    more = page.regular_bars(steps - bars[-1].stop, bars[-1].time_signature)
    return bars + tuple(
        replace(bar, start=bar.start + bars[-1].stop, number=bar.number + bars[-1].number)
        for bar in more
    )


def _lay_onto_grid(sounds, pitches, spelling, onsets, fermatas):
    """Writes one voice into its columns. A step has what sounds at its beginning."""
    note, before = [], None  # the steps of the current note, including those tied to it
    for sound in sounds:
        steps = slice(ceil(sound.start), ceil(sound.end))
        tie = sound.element.tie
        tied = (
            tie is not None
            and tie.type in ("stop", "continue")
            and before is not None
            and before.element.tie is not None
            and before.end == sound.start
            and before.pitches == sound.pitches
        )
        pitches[steps] = sound.pitches[0]
        spelling[steps] = sound.fifths[0]
        onsets[steps.start : steps.stop][:1] |= not tied
        note = note + [steps] if tied else [steps]
        if any("Fermata" in mark.classes for mark in sound.element.expressions) or (
            tied and fermatas[note[0]].any()
        ):
            fermatas[note[0].start : steps.stop] = True
        before = sound


def _without_interludes(chorale):
    """The chorale without bars in which all voices rest, before, between and after the singing."""
    if chorale.time_signature is None:
        sung = np.ones(len(chorale), bool)
    else:
        sung = _outside_interludes(chorale.pitches, steps_per_bar(chorale.time_signature))
    if not sung.any():
        raise ValueError(f"{chorale.name}: no notes: expected four voices that sing")
    if sung.all():
        return chorale
    notation = chorale.notation.keep(sung)
    first = notation.bars[0]
    return replace(
        chorale,
        pitches=chorale.pitches[sung],
        onsets=chorale.onsets[sung],
        fermatas=chorale.fermatas[sung],
        time_signature=first.time_signature,
        pickup=first.steps if first.offset else 0,
        notation=notation,
    )


def _outside_interludes(pitches, bar):
    """bool array (steps,): false in bars in which all voices rest, before, between and after the
    singing."""
    sung = np.ones(len(pitches), bool)
    silent = np.concatenate([[False], (pitches == SILENCE).all(axis=1), [False]])
    edges = np.flatnonzero(np.diff(silent.astype(int)))
    for start, stop in zip(edges[::2], edges[1::2]):
        sung[start : start + (stop - start) // bar * bar] = False
    return sung


# What else is written


def _key(timeline, pitches):
    """The first key, such as ``'f# minor'`` or ``'d dorian'``; None without a signature.

    A signature without a mode is taken for the relative minor if the bass ends on its tonic,
    otherwise for the major."""
    from music21.key import KeySignature

    if not timeline.keys:
        return None
    first = timeline.keys[0]
    signature = KeySignature(first.fifths)
    if first.mode in MODES:
        return str(signature.asKey(first.mode))
    sung = pitches[pitches[:, -1] != SILENCE, -1]
    minor = signature.asKey("minor")
    ends_on_its_tonic = len(sung) and sung[-1] % 12 == minor.tonic.pitchClass
    return str(minor if ends_on_its_tonic else signature.asKey("major"))


def _syllables(sound, voice):
    """The syllables (list of Syllable) that are sung on a sound."""
    if not sound.sings or ceil(sound.start) == ceil(sound.end):
        return []
    sung, verses = [], set()
    for place, lyric in enumerate(sound.element.lyrics, 1):
        text, syllabic = _text_of(lyric)
        if not text.strip(MELISMA):
            continue
        numbers = re.findall(r"\d+", str(lyric.identifier or ""))
        verse = lyric.number or (int(numbers[-1]) if numbers else place) or place
        while verse in verses:
            verse += 1
        verses.add(verse)
        sung.append(
            Syllable(
                ceil(sound.start),
                voice,
                verse,
                text.removesuffix(MELISMA),
                syllabic,
                melisma=text.endswith(MELISMA),
            )
        )
    return sung


def _text_of(lyric):
    """(text, place in the word) of a music21 Lyric; with elisions, all its texts together."""
    if not lyric.isComposite:
        syllabic = lyric.syllabic if lyric.syllabic in page.SYLLABICS else "single"
        return (lyric.text or "").strip(), syllabic
    pieces = [_text_of(component) for component in lyric.components]
    goes_on_from = pieces[0][1] in ("middle", "end")
    goes_on_to = pieces[-1][1] in ("begin", "middle")
    syllabic = {
        (False, False): "single",
        (False, True): "begin",
        (True, True): "middle",
        (True, False): "end",
    }[goes_on_from, goes_on_to]
    return ELISION.join(text for text, _ in pieces), syllabic
