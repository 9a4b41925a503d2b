"""Setting: a chorale as a teacher sees it: lines of named notes over a sequence of chords.

Everything that the rules need is computed here once: the notes of each voice, each with a name and
its chord; what each chord is and whether it has a leading tone; where phrases and beats begin.
Nothing is judged here.

Conventions: a note that is struck again at once is the same note. A name is a place on the line of
fifths (C 0, G 1, F -1). If the page spells a note differently from its chord, lines are judged by
the chord's spelling (see `sonorities.misspelt`).

Notebook: 04_evaluation
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICES,
    Chorale,
)
from ..harmony.chords import MODES, QUALITIES, numeral, parse_key, spelt_notes
from ..harmony.evidence import with_metre
from ..keys import (
    key_signature,
)
from ..notation.page import UNSPELLED, bars_of
from ..notation.spelling import spelled

if TYPE_CHECKING:
    import pandas as pd

_EXERCISE = 32  # steps: a piece no longer than this begins and ends in its stated key
_LETTERS = "FCGDAEB"  # along the line of fifths
_SIGNS = {-2: "\u266d\u266d", -1: "\u266d", 0: "", 1: "\u266f", 2: "\U0001d12a"}


class Note(NamedTuple):
    """A note of one voice: from step `start` up to `stop`, MIDI number and name."""

    start: int
    stop: int
    voice: int
    pitch: int
    name: int

    @property
    def pitch_class(self) -> int:
        """0 (C) to 11."""
        return self.pitch % 12


class Chord(NamedTuple):
    """A chord: from step `start` up to `stop`.

    Attributes:
        key: local key, such as ``'g minor'``.
        figure, degree, quality, inversion: see `harmony.chords.Numeral`.
        root, tonic: pitch classes, of the chord and of its key.
        members: its pitch classes, from the root up.
        leading: pitch class of its leading tone if it is a dominant, or None.
        seventh: pitch class of its seventh, or None; for a dominant triad the seventh that it could
            have, for another triad a seventh that sounds throughout the chord.
        cadence: the cadence that ends on it, or None.
    """

    start: int
    stop: int
    key: str
    figure: str
    degree: str
    quality: str
    inversion: int
    root: int
    tonic: int
    members: tuple[int, ...]
    leading: int | None
    seventh: int | None
    cadence: str | None

    @property
    def steps(self) -> int:
        """Its length."""
        return self.stop - self.start

    @property
    def third(self) -> int:
        """Pitch class of its third."""
        return self.members[1]


class Setting:
    """A chorale with its harmony, as the rules need it.

    Args:
        chorale: Chorale with at least one note.
        analysis: the result of `analyse`.

    Attributes:
        chorale: the same, with a metre.
        pitches: int (steps, 4), 0 where a voice rests.
        names: int (steps, 4), places on the line of fifths.
        stated: int (steps, 4), names given on the page, or `UNSPELLED`.
        chords: list of Chord, in order.
        chord_at: int (steps,), number of the chord at each step.
        phrase_begins: bool (steps,), the first steps after a fermata.
        on_beat: bool (steps,).
    """

    def __init__(self, chorale: Chorale, analysis: pd.DataFrame) -> None:
        self.chorale = with_metre(chorale)
        self.pitches = chorale.pitches.astype(int)
        steps = len(chorale)
        self.chords = [
            _chord(*row)
            for row in zip(
                analysis["start"].tolist(),
                analysis["steps"].tolist(),
                analysis["key"],
                analysis["numeral"],
                analysis["cadence"],
            )
        ]
        self.chords = [
            self._as_it_stands(self._with_seventh(self._with_root(chord))) for chord in self.chords
        ]
        starts = [chord.start for chord in self.chords]
        self.chord_at = np.searchsorted(starts, np.arange(steps), side="right") - 1
        under = chorale.fermatas if chorale.fermatas is not None else np.zeros(steps, bool)
        self.phrase_begins = np.append(False, under[:-1] & ~under[1:])[:steps]
        self.on_beat = self._beats()
        page = chorale.notation
        told = page.spelling if page is not None and page.spelling is not None else None
        self.stated = np.full(self.pitches.shape, UNSPELLED) if told is None else told.astype(int)
        wrong = (self.stated % 12 != self.pitches * 7 % 12) | (self.pitches == SILENCE)
        self.stated = np.where(wrong, UNSPELLED, self.stated)
        self.chord_names = self._names_in_chords()
        sharps = np.array([key_signature(chord.key) for chord in self.chords])[self.chord_at]
        known = np.where(self.chord_names != UNSPELLED, self.chord_names, self.stated)
        self.names = np.where(known != UNSPELLED, known, spelled(self.chorale, sharps))

    def _with_root(self, chord):
        """A diminished triad on the leading tone, if the dominant's root sounds with it, as a
        dominant seventh."""
        dominant = (chord.root + 8) % 12
        span = self.pitches[chord.start : chord.stop]
        sung = ((span > 0) & (span % 12 == dominant)).any(axis=1)
        if chord.figure[:4] != "viio" or len(chord.members) != 3 or 2 * sung.sum() < chord.steps:
            return chord
        members = (dominant, *chord.members)
        lowest = np.where(span > 0, span, 999).min(axis=1)[int(sung.argmax())]
        inversion = members.index(lowest % 12) if lowest % 12 in members else 0
        degree = chord.degree.replace("vii", "V")
        applied = degree[1:]
        figure = f"V{('7', '65', '43', '42')[inversion]}{applied}"
        return chord._replace(
            figure=figure,
            degree=degree,
            quality="dominant-seventh",
            inversion=inversion,
            root=dominant,
            members=members,
            seventh=members[3],
        )

    def _with_seventh(self, chord):
        """A triad of a beat or more, with a seventh if one sounds from beginning to end."""
        if chord.seventh is not None or len(chord.members) != 3 or chord.steps < STEPS_PER_QUARTER:
            return chord
        span = self.pitches[chord.start : chord.stop]
        for above in (10, 11):
            seventh = (chord.root + above) % 12
            if ((span > 0) & (span % 12 == seventh)).any(axis=1).all():
                dominant = chord.quality == "major" and above == 10
                leading = chord.third if dominant else chord.leading
                return chord._replace(seventh=seventh, leading=leading)
        return chord

    def _as_it_stands(self, chord):
        """The chord in the inversion that its lowest notes form for most of the time."""
        span = self.pitches[chord.start : chord.stop]
        lowest = np.where(span > 0, span, 999).min(axis=1)
        steps = [(lowest[lowest < 999] % 12 == member).sum() for member in chord.members]
        longest = int(np.argmax(steps))
        if steps[longest] > steps[chord.inversion]:
            return chord._replace(inversion=longest)
        return chord

    def _beats(self):
        on_beat = np.zeros(len(self.chorale), bool)
        for bar in bars_of(self.chorale):
            count, unit = (int(part) for part in bar.time_signature.split("/"))
            compound = unit == 8 and count > 3 and count % 3 == 0
            beat = 6 if compound else STEPS_PER_QUARTER
            within = np.arange(bar.start, bar.stop)
            on_beat[within] = (within - bar.start + bar.offset) % beat == 0
        return on_beat

    def _names_in_chords(self):
        """The name of each chord note in its chord; `UNSPELLED` for the others."""
        names = np.full(self.pitches.shape, UNSPELLED)
        for chord in self.chords:
            part = slice(chord.start, chord.stop)
            spelt = list(spelt_notes(chord.figure, chord.key))
            if chord.seventh is not None and chord.seventh not in chord.members:
                spelt.append(spelt[0] + (-2 if chord.seventh == (chord.root + 10) % 12 else 5))
            for name in spelt:
                here = (self.pitches[part] * 7 - name) % 12 == 0
                names[part][here & (self.pitches[part] != SILENCE)] = name
            names[part] = _on_the_side_of(self.stated[part], names[part])
        return names

    @cached_property
    def lines(self) -> list[list[Note]]:
        """The notes of each voice, soprano to bass, in order of time."""
        return [self._line(voice) for voice in range(len(VOICES))]

    def _line(self, voice):
        pitch = self.pitches[:, voice]
        starts = np.flatnonzero(np.append(True, pitch[1:] != pitch[:-1]))
        stops = np.append(starts[1:], len(pitch))
        return [
            Note(start, stop, voice, int(pitch[start]), int(self.names[start, voice]))
            for start, stop in zip(starts.tolist(), stops.tolist())
            if pitch[start] != SILENCE
        ]

    @cached_property
    def _numbers(self):
        """For each step and voice, the number of the sounding note in its line, or -1."""
        numbers = np.full(self.pitches.shape, -1)
        for voice, line in enumerate(self.lines):
            for number, note in enumerate(line):
                numbers[note.start : note.stop, voice] = number
        return numbers

    def note(self, step: int, voice: int) -> Note:
        """The note that a voice sings at a step, where it must not rest."""
        return self.lines[voice][self._numbers[step, voice]]

    def sings(self, step: int, voice: int) -> bool:
        """Whether a voice sings at a step."""
        return bool(self.pitches[step, voice] != SILENCE)

    def before(self, note: Note) -> Note | None:
        """The note directly before another, without a rest in between, or None."""
        if note.start and self.sings(note.start - 1, note.voice):
            return self.note(note.start - 1, note.voice)
        return None

    def after(self, note: Note) -> Note | None:
        """The note directly after another, without a rest in between, or None."""
        if note.stop < len(self.pitches) and self.sings(note.stop, note.voice):
            return self.note(note.stop, note.voice)
        return None

    def chord_of(self, step: int) -> Chord:
        """The chord that sounds at a step."""
        return self.chords[self.chord_at[step]]

    def same_harmony(self, step: int, other: int) -> bool:
        """Whether the chords at two steps are the same, or inversions of each other."""
        one, two = self.chord_of(step), self.chord_of(other)
        return one == two or (one.root == two.root and one.third == two.third)

    def is_phrase_end(self, start: int, stop: int) -> bool:
        """Whether a phrase begins after step `start`, up to step `stop`."""
        return bool(self.phrase_begins[start + 1 : stop + 1].any())


def spoken(name: int) -> str:
    """A place on the line of fifths as a printed note name, such as ``'B\u266d'``.

    Examples:
        >>> spoken(-2), spoken(6)
        ('B\u266d', 'F\u266f')
    """
    sharps, letter = divmod(name + 1, 7)
    return _LETTERS[letter] + _SIGNS.get(sharps, "#" * sharps if sharps > 0 else "b" * -sharps)


def _chord(start, steps, key, figure, cadence):
    tonic, minor = parse_key(key)
    tonic = tonic * 7 % 12
    read = numeral(figure, "minor" if minor else "major")
    root = (tonic + read.root) % 12
    members = tuple((root + above) % 12 for above in QUALITIES[read.quality])
    leading = None
    function = read.degree.split("/")[0]
    if function == "V" and members[1] == (root + 4) % 12:
        leading = members[1]
    elif function == "vii":
        leading = root
    seventh = None
    if len(members) == 4 and read.quality not in ("German", "French"):
        seventh = members[3]
    elif leading is not None and read.quality == "major":
        seventh = (root + 10) % 12
    return Chord(
        start,
        start + steps,
        key,
        figure,
        read.degree,
        read.quality,
        read.inversion,
        root,
        tonic,
        members,
        leading,
        seventh,
        cadence,
    )


def told_key(chorale: Chorale) -> str | None:
    """The stated key of a short exercise, whose few notes may not establish it; None for any other
    piece.

    Args:
        chorale: Chorale.
    """
    if chorale.key is None or len(chorale) > _EXERCISE:
        return None
    mode = chorale.key.split()[1]
    return chorale.key if mode in MODES else None


def _on_the_side_of(stated, names):
    """The names of a chord, moved to the enharmonic side of the page: what the analysis calls G
    flat may be written as F sharp."""
    known = (names != UNSPELLED) & (stated != UNSPELLED)
    side = int(np.median((stated - names)[known])) if known.any() else 0
    return np.where(names != UNSPELLED, names + side, names) if side % 12 == 0 else names
