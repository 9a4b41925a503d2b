"""Melodies: anything that can be read as a melody (MIDI numbers, note names, a music21 stream, a
file, a chorale) -> a `Chorale` in which one voice sings.

Notebook: 05_generation
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICE_RANGES,
    VOICES,
    Chorale,
    described,
    place_in_bars,
)
from ..form import Form
from ..harmony.melody_phrases import melody_phrase_ends
from ..keys import (
    tonic_and_mode,
)
from ..notation.key import find_key
from ..notation.loading import load_melody
from ..notation.reading import from_melody

if TYPE_CHECKING:
    from music21 import stream

    MelodyLike: TypeAlias = (
        Chorale | str | os.PathLike[str] | stream.Stream | np.ndarray | Sequence[int | str]
    )

RESTS = ("r", "rest")  # names of silence among note names; case is ignored


def as_melody(
    melody: MelodyLike,
    voice: int = 0,
    quarters: float | Sequence[float] | None = None,
    part: str | int | None = None,
    strict: bool = True,
    repeats: str = "written",
) -> Chorale:
    """The melody as a `Chorale` in which this voice sings; the other voices do not matter.

    Args:
        melody: int array (steps,) of MIDI numbers, a sixteenth each; a list of notes, which are
            MIDI numbers or names (see `note_number`), 0 or ``'R'`` being silence; a music21 stream
            (see `from_melody`); the path of a MIDI, MusicXML or kern file (see `load_melody`); or a
            Chorale, from which `voice` is taken, or its only voice.
        voice: 0..3, the voice with the melody.
        quarters: lengths of the notes in quarters, one number for all or one for each. A list needs
            it; an array is then read note by note, too.
        part, strict, repeats: for a file or a stream, see `load_melody`.

    Raises:
        ValueError: a melody without notes, with several at a time, or with notes off the grid; a
            list without `quarters`; `quarters` that are not whole sixteenths, or for a melody with
            its own lengths. The message says which, where, and what to do.
        FileNotFoundError: no such file.
        TypeError: anything else.

    Examples:
        >>> as_melody(["G4", "A4", "R", "C5"], quarters=[1, 1, 0.5, 1.5]).notes(0)
        array([[ 0,  4, 67],
               [ 4,  4, 69],
               [10,  6, 72]])
        >>> as_melody([67, 69])
        Traceback (most recent call last):
        ValueError: melody: how long are its 2 notes? Expected quarters=1 for quarter notes, \
quarters=0.25 for sixteenths, or a list of quarters, one for each note

    Notebook: 05_generation
    """
    if isinstance(melody, list) and len(melody) == 1 and isinstance(melody[0], Chorale):
        melody = melody[0]
    if isinstance(melody, Chorale) or _is_file(melody) or hasattr(melody, "recurse"):
        if quarters is not None:
            raise ValueError(
                f"quarters {quarters!r}: this melody has its own note lengths: expected no "
                f"quarters, or a list of notes"
            )
        return _sung_by(_read(melody, part, strict, repeats), voice)
    return _sung_by(_from_notes(melody, quarters), voice)


def note_number(note: int | str) -> int:
    """The MIDI number of a note given by number or name.

    Args:
        note: such as 70, or, with its octave, ``'B-4'`` (music21's spelling), ``'Bb4'`` or
            ``'B♭4'``; ``'C4'`` is middle C, 60.

    Raises:
        ValueError: neither a number nor a name.

    Examples:
        >>> [note_number(note) for note in ("C4", "F#5", "B-4", "Bb4", "B♭4", 70)]
        [60, 78, 70, 70, 70, 70]
    """
    if isinstance(note, (int, np.integer)) and not isinstance(note, bool):
        return int(note)
    if isinstance(note, str):
        from music21 import exceptions21, pitch

        try:
            found = pitch.Pitch(note.strip().replace("♭", "-").replace("♯", "#"))
        except (exceptions21.Music21Exception, ValueError):
            found = None
        if found is not None and found.octave is not None:
            return int(found.midi)
    raise ValueError(
        f"note {note!r}: expected a MIDI number, or a name with its octave, such as 'C5', 'F#5' or "
        f"'B-4'"
    )


def shift_into_range(melody: Chorale, voice: int, transpose: bool) -> int:
    """The number of semitones by which a melody must be moved to fit the range of its voice.

    Args:
        melody: a Chorale in which the voice sings.
        voice: 0..3.
        transpose: whether it may be moved.

    Raises:
        ValueError: the melody does not fit and may not be moved, or its range is too wide.

    Examples:
        >>> shift_into_range(as_melody([55, 60], quarters=1), 0, transpose=True)
        5
    """
    line, (low, high) = melody.pitches[:, voice].astype(int), VOICE_RANGES[voice]
    sung = line[line != SILENCE]
    outside = np.flatnonzero((line != SILENCE) & ((line < low) | (line > high)))
    if not len(outside):
        return 0
    where = place_in_bars(outside[0], melody.time_signature, melody.pickup)
    if sung.max() - sung.min() > high - low:
        raise ValueError(
            f"{melody.name}: notes from {sung.min()} to {sung.max()}: expected a range of at most "
            f"{high - low} semitones, as wide as that of a {VOICES[voice]}, {low}..{high}"
        )
    if not transpose:
        raise ValueError(
            f"{melody.name}: {where}: note {line[outside[0]]}: expected {low}..{high}, the range "
            f"of the {VOICES[voice]}; transpose=True moves the melody there"
        )
    return int(max(low - sung.min(), 0) + min(high - sung.max(), 0))


def syllables_of(tune: Chorale, voice: int) -> np.ndarray | None:
    """Where a new syllable begins in a melody, bool array (steps,); None if it has no words.

    Args:
        tune: Chorale.
        voice: 0..3, the voice with the melody.

    Examples:
        >>> syllables_of(as_melody([67, 69], quarters=1), 0) is None
        True
    """
    words = () if tune.notation is None else tune.notation.words
    begins = np.zeros(len(tune), bool)
    begins[[word.step for word in words if word.voice == voice]] = True
    return begins if begins.any() else None


def melody_form(melody: Chorale, voice: int = 0) -> Form:
    """The form of a melody: its metre, its key, and its phrases, which end at its fermatas. Without
    fermatas, `melody_phrase_ends` finds the phrases, and the last note of each is treated as if it
    had one. If the key is not stated, it is estimated as well.

    Args:
        melody: Chorale.
        voice: the voice with the melody, 0..3, soprano to bass.

    Examples:
        >>> melody = Chorale(np.repeat([[72, 0, 0, 0], [74, 0, 0, 0]], [28, 4], axis=0))
        >>> melody_form(melody).phrases
        (32,)

    Notebook: 05_generation
    """
    form = Form.of(melody)
    if melody.key is None:
        form = replace(form, key=find_key(melody))
    if form.phrases is not None:
        return form
    ends = melody_phrase_ends(melody, voice)
    begins = np.flatnonzero(melody.struck[:, voice])
    lasts = [end - begins[begins < end].max(initial=0) for end in ends]
    phrases = np.diff(np.append(0, ends))
    return replace(form, phrases=phrases.tolist(), fermatas=np.minimum(lasts, phrases).tolist())


def ending_on_tonic(tune: Chorale, voice: int, either_third: bool = False) -> np.ndarray | None:
    """`pitch_classes` for `generate`, bool array (steps, 4, 12), that put the last quarter of a
    melody's last note over the tonic in root position; None if the note is not in this chord. In
    minor, the third is that of the melody, or else the major one, with which nine in ten of Bach's
    chorales in minor end.

    Args:
        tune: Chorale; an unknown key is estimated (`find_key`).
        voice: 0..3, the voice with the melody.
        either_third: whether to allow both thirds in minor, for a writer who will not mix them.

    Examples:
        >>> tune = replace(as_melody([65, 64], quarters=1), key="C major")
        >>> ending_on_tonic(tune, 0)[-1].astype(int).sum(axis=1)  # C, E or G, and C in the bass
        array([3, 3, 3, 1])
    """
    start, length, pitch = tune.notes(voice)[-1]
    tonic, minor = tonic_and_mode(tune.key or find_key(tune))
    thirds = {(tonic + 4) % 12} | ({(tonic + 3) % 12} if minor else set())
    triad = {tonic, (tonic + 7) % 12} | thirds
    if pitch % 12 not in triad:
        return None
    if pitch % 12 in thirds:
        triad -= thirds - {pitch % 12}
    elif minor and not either_third:
        triad.remove((tonic + 3) % 12)
    last = slice(max(start, start + length - STEPS_PER_QUARTER), len(tune))
    classes = np.ones((len(tune), len(VOICES), 12), bool)
    classes[last] = np.isin(np.arange(12), list(triad))
    classes[last, -1] = np.arange(12) == tonic
    return classes


def _is_file(melody: Any) -> bool:
    """Whether the melody is a path; raises a ValueError for a string of note names."""
    if isinstance(melody, str) and not os.path.exists(melody):
        names = melody.replace(",", " ").split()
        try:
            [_note_or_rest(number, name) for number, name in enumerate(names, start=1)]
        except ValueError:
            return True
        if names:
            raise ValueError(
                f"melody {melody!r}: no such file: expected note names in a list, {names}, with "
                f"their lengths in quarters="
            )
    return isinstance(melody, (str, os.PathLike))


def _read(melody: Any, part: str | int | None, strict: bool, repeats: str) -> Chorale:
    """The melody of a chorale, a file or a music21 stream, in any voice."""
    if isinstance(melody, Chorale):
        return melody
    if isinstance(melody, (str, os.PathLike)):
        return load_melody(melody, strict=strict, part=part, repeats=repeats)
    return from_melody(melody, name="melody", strict=strict, part=part, repeats=repeats)


def _from_notes(melody: Any, quarters: Any) -> Chorale:
    """The melody from MIDI numbers or note names, in the soprano."""
    is_array = hasattr(melody, "__array__")
    if is_array and np.ndim(melody) != 1:
        raise ValueError(
            f"melody of shape {np.shape(melody)}: expected (steps,), MIDI numbers of one voice, or "
            f"a list of notes, a music21 stream, a path, or a Chorale"
        )
    if not isinstance(melody, Iterable):
        raise TypeError(
            f"melody: got {described(melody)}: expected MIDI numbers or note names, a music21 "
            f"stream, a path, or a Chorale"
        )
    notes = list(melody)
    if not notes:
        raise ValueError("melody: no notes: expected at least one")
    if is_array and quarters is None and np.asarray(melody).dtype.kind not in "OSU":
        line, onsets = np.asarray(melody), None
    else:
        numbers = [_note_or_rest(number, note) for number, note in enumerate(notes, start=1)]
        steps = _steps(quarters, len(notes))
        line = np.repeat(numbers, steps)
        onsets = np.zeros((len(line), len(VOICES)), bool)
        onsets[np.cumsum(steps) - steps, 0] = True
    pitches = np.where(np.arange(len(VOICES)) == 0, line[:, None], SILENCE)
    return Chorale(pitches, name="melody", onsets=onsets)


def _note_or_rest(number: int, note: Any) -> int:
    """The MIDI number of a note in a list, whose place is counted from 1; 0 is silence."""
    if isinstance(note, str) and note.strip().lower() in RESTS:
        return SILENCE
    try:
        return note_number(note)
    except ValueError as error:
        raise ValueError(f"melody, number {number}: {error}, or 0 or 'R' for silence") from None


def _steps(quarters: Any, count: int) -> np.ndarray:
    """Lengths in steps, int array (count,), from lengths in quarters."""
    if quarters is None:
        raise ValueError(
            f"melody: how long are its {count} notes? Expected quarters=1 for quarter notes, "
            f"quarters=0.25 for sixteenths, or a list of quarters, one for each note"
        )
    if isinstance(quarters, (str, bytes)) or not isinstance(quarters, Iterable):
        quarters = [quarters] * count
    lengths = list(quarters)
    if len(lengths) != count:
        raise ValueError(
            f"quarters: {len(lengths)} lengths for {count} notes: expected one for each, or one "
            f"number for all"
        )
    for number, length in enumerate(lengths, start=1):
        in_steps = STEPS_PER_QUARTER * float(length) if isinstance(length, Real) else 0.5
        if isinstance(length, bool) or in_steps <= 0 or not in_steps.is_integer():
            raise ValueError(
                f"quarters {length!r} of note {number}: expected a positive whole number of "
                f"sixteenths, such as 0.25, 1 or 1.5"
            )
    return np.array([int(STEPS_PER_QUARTER * length) for length in lengths])


def _sung_by(melody: Chorale, voice: int) -> Chorale:
    """The melody, moved to this voice if only another one sings, with the words and spelling of
    that voice; raises a ValueError if it has no notes."""
    sing = np.flatnonzero(melody.pitches.any(axis=0))
    source = int(sing[0]) if len(sing) == 1 else voice
    if not melody.pitches[:, source].any():
        raise ValueError(f"{melody.name}: the {VOICES[source]} has no notes: expected a melody")
    order = np.where(np.arange(len(VOICES)) == voice, source, np.arange(len(VOICES)))
    notation = melody.notation
    if notation is not None:
        spelling = None if notation.spelling is None else notation.spelling[:, order]
        words = [replace(word, voice=voice) for word in notation.words if word.voice == source]
        notation = replace(notation, words=tuple(words), spelling=spelling).of_voice(voice)
    return replace(
        melody,
        pitches=melody.pitches[:, order],
        onsets=None if melody.onsets is None else melody.onsets[:, order],
        notation=notation,
    )
