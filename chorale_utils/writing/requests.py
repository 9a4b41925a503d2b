"""Requests: requested chords (Roman numerals, chord symbols, figures over a bass), and what each
voice may then sing.

A requested chord is complete on its step: every voice sings one of its tones, the bass sings that
of the inversion, and its third and seventh, or the notes named by figures, are present. A mask over
single voices cannot express this, so it starts from a plan: a voicing for each chord, on the
cheapest path without parallels (dynamic programming). The plan only fixes which voice has the third
and which the seventh; the model chooses the notes.

Notebook: 05_generation
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

from ..chorale import (
    SILENCE,
    STEPS_PER_QUARTER,
    VOICE_RANGES,
    VOICES,
    Chorale,
    place_in_bars,
)
from ..encoding import GOES_ON, VOCABULARY, tokens_to_notes
from ..harmony.chords import note_spelt
from ..keys import (
    key_signature,
)
from ..notation.key import find_key
from ..notation.spelling import spelled

if TYPE_CHECKING:
    from music21.pitch import Pitch

Asked: TypeAlias = str | Mapping[int, str] | Iterable[tuple[int, str]]

HOLD = (".", "-")  # no new chord on this quarter
_KEY = re.compile(r"([A-Ga-g])([#b-]*):(.*)")
_DEGREE = re.compile(r"[#b-]*(?:vii|VII|iii|III|iv|IV|vi|VI|ii|II|i|I|v|V|N|It|Ger|Fr)(?![ivIV])")
_FIGURE = re.compile(r"([#bn]*)(\d)|([#bn]+)")
_FLAT = re.compile(r"(^|/)([A-G])b")  # music21 writes flats as minus signs
_OCTAVE = 12
_PARALLEL, _OVERLAP, _SEVENTH_DOUBLED, _THIRD_DOUBLED = 1000.0, 20.0, 50.0, 3.0  # in semitones
_VARIETY = 4.0  # semitones of random cost, so that plans differ


class Request(NamedTuple):
    """A requested chord.

    Attributes:
        step: in sixteenths.
        name: as requested, such as ``'V6'``.
        tones: pitch classes of the chord.
        bass: pitch class of the lowest voice.
        needed: pitch classes that must be present.
        third, seventh: pitch classes, or None if the chord has none.
        held: steps of later quarters through which the chord lasts.

    Notebook: 05_generation
    """

    step: int
    name: str
    tones: frozenset[int]
    bass: int
    needed: frozenset[int]
    third: int | None = None
    seventh: int | None = None
    held: tuple[int, ...] = ()

    def moved(self, semitones: int) -> Request:
        """The same chord, this many semitones higher."""
        return self._replace(
            tones=frozenset((tone + semitones) % _OCTAVE for tone in self.tones),
            bass=(self.bass + semitones) % _OCTAVE,
            needed=frozenset((tone + semitones) % _OCTAVE for tone in self.needed),
            third=None if self.third is None else (self.third + semitones) % _OCTAVE,
            seventh=None if self.seventh is None else (self.seventh + semitones) % _OCTAVE,
        )


def requested_chords(
    tune: Chorale,
    numerals: Asked | None = None,
    symbols: Asked | None = None,
    key: str | None = None,
) -> list[Request]:
    """The requested chords over a tune, in order of time.

    Args:
        tune: Chorale.
        numerals: Roman numerals as in RomanText, one for each quarter from the first, such as
            ``'I V6 . V65/V'``; a full stop or a hyphen holds the chord before, bar lines are
            optional, and keys may change as in ``'G: I V6 e: V i'``. Or pairs (step in sixteenths,
            numeral), or a dict.
        symbols: chord symbols in the same forms, such as ``'C G/B Am'``.
        key: key of the first numerals, such as ``'g minor'``; None takes that of the tune, or the
            one that `find_key` finds.

    Raises:
        ValueError: both or neither are given, there are more chords than quarters, or one is not a
            chord.

    Examples:
        >>> tune = Chorale([[72, 0, 0, 0]] * 8, key="C major")
        >>> [sorted(each.tones) for each in requested_chords(tune, "I V65/V")]
        [[0, 4, 7], [0, 2, 6, 9]]

    Notebook: 05_generation
    """
    if (numerals is None) == (symbols is None):
        raise ValueError("numerals and symbols: expected one or the other")
    asked = numerals if symbols is None else symbols
    assert asked is not None
    found: list[Request] = []
    local = None if symbols is not None else key or tune.key or find_key(tune)
    for step, text in _placed(asked, tune):
        where = place_in_bars(step, tune.time_signature, tune.pickup)
        if not 0 <= step < len(tune):
            raise ValueError(
                f"{text} on step {step}: expected steps 0..{len(tune) - 1}, sixteenths of the tune"
            )
        change = _KEY.match(text)
        if change is not None and local is not None:
            tonic, signs, text = change.groups()
            mode = "minor" if tonic.islower() else "major"
            local = f"{tonic}{signs.replace('b', '-')} {mode}"
        if text in HOLD:
            if not found:
                raise ValueError(f"{where}: {text} has no chord to hold: expected a chord first")
            found[-1] = found[-1]._replace(held=(*found[-1].held, step))
        elif local is None:
            found.append(_symbol(text.strip(), step, where))
        else:
            found.append(_numeral(text.strip(), local, step, where))
    return found


def figured_chords(bass: Chorale, figures: Iterable[tuple[int, str]], key: str) -> list[Request]:
    """The chords of the figures over a bass, in order of time.

    Args:
        bass: Chorale whose bass has notes.
        figures: pairs (step in sixteenths, figures), such as ``'6'``, ``'65'`` or ``'6,5'``,
            ``'#'``, ``'#4,2'``; ``''`` for a plain triad. Accidentals come before their number.
        key: key of the signature.

    Raises:
        ValueError: there is no bass note, the figures cannot be read, or they name more notes than
            three voices can sing.

    Examples:
        >>> bass = Chorale([[0, 0, 0, 50]] * 4)
        >>> sorted(figured_chords(bass, [(0, "#")], "d minor")[0].tones)
        [2, 6, 9]

    Notebook: 05_generation
    """
    from music21.chord import Chord
    from music21.figuredBass.realizerScale import FiguredBassScale
    from music21.key import KeySignature
    from music21.pitch import Pitch

    sharps = key_signature(key)
    scale = FiguredBassScale(KeySignature(sharps).asKey("major").tonic, "major")
    names = spelled(bass, np.full(len(bass), sharps))
    found = []
    for step, text in sorted(figures):
        where = place_in_bars(step, bass.time_signature, bass.pickup)
        if not 0 <= step < len(bass) or bass.pitches[step, -1] == SILENCE:
            raise ValueError(
                f"figures {text!r} on step {step} ({where}): expected a bass note there"
            )
        parts = _FIGURE.findall(text)
        if "".join(map("".join, parts)) != re.sub(r"[,\s]", "", text):
            raise ValueError(
                f"{where}: figures {text!r}: expected figures such as '6', '65', '#', '#4,2' or ''"
            )
        numbers = {int(number or 3) for _, number, _ in parts}
        written = [sign + number or bare for sign, number, bare in parts]
        written += _filled_in(numbers)
        lowest = Pitch(note_spelt(int(names[step, -1])))
        lowest.octave = 3
        pitches = [Pitch(name) for name in scale.getPitchNames(lowest, ",".join(written) or "5")]
        above = {
            (pitch.diatonicNoteNum - pitches[0].diatonicNoteNum) % 7 + 1: pitch.pitchClass
            for pitch in pitches[1:]
        }
        chord = Chord(pitches)
        third, seventh = _class_of(chord.third), _class_of(chord.seventh)
        named = {above[(number - 1) % 7 + 1] for number in numbers if (number - 1) % 7}
        needed = named | _known(third, seventh)
        if not numbers:
            needed.add(above[3])
        bass_class = pitches[0].pitchClass
        if len(needed - {bass_class}) > len(VOICES) - 1:
            raise ValueError(
                f"{where}: figures {text!r}: expected at most three notes above a bass"
            )
        found.append(
            Request(
                int(step),
                text or "5",
                frozenset(pitch.pitchClass for pitch in pitches),
                bass_class,
                frozenset(needed),
                third,
                seventh,
            )
        )
    return found


def plan_voicings(
    requests: Sequence[Request], tune: Chorale, voice: int, rng: np.random.Generator
) -> np.ndarray:
    """int array (requests, 4): a complete voicing of each chord, with small steps, and without
    parallels from one chord to the next if possible.

    Args:
        requests: chords, in order of time.
        tune: Chorale, one of whose voices is given.
        voice: the given voice, 0..3.
        rng: random generator, by which plans differ.

    Raises:
        ValueError: the given voice rests at a requested chord, has a note outside the chord, or, in
            the bass, does not fit the inversion; the message says where.

    Examples:
        >>> tune = Chorale([[72, 0, 0, 0]] * 4, key="C major")
        >>> plan = plan_voicings(requested_chords(tune, "I"), tune, 0, np.random.default_rng(0))
        >>> sorted(set((plan[0] % 12).tolist()))
        [0, 4, 7]

    Notebook: 05_generation
    """
    line = tune.pitches[:, voice].astype(int)
    cost = np.zeros(1)
    before = np.zeros((1, len(VOICES)), int)
    choices: list[np.ndarray] = []
    origins: list[np.ndarray] = []
    for number, request in enumerate(requests):
        voicings = _voicings(request, tune, voice)
        own = rng.uniform(0, _VARIETY, len(voicings)) + _doublings(request, voicings)
        if number:
            before = choices[-1].copy()
            if line[request.step - 1] != SILENCE:
                before[:, voice] = line[request.step - 1]
            steps = _transition(before, voicings) + cost[:, None]
        else:
            steps = np.zeros((1, len(voicings)))
        origins.append(steps.argmin(axis=0))
        cost = steps.min(axis=0) + own
        choices.append(voicings)
    plan = np.zeros((len(requests), len(VOICES)), int)
    place = int(cost.argmin())
    for number in range(len(requests) - 1, -1, -1):
        plan[number] = choices[number][place]
        place = int(origins[number][place])
    return plan


def allowed_notes(
    requests: Sequence[Request],
    plan: np.ndarray,
    tune: Chorale,
    voice: int,
    tokens: int = VOCABULARY,
    exact: bool = False,
) -> np.ndarray:
    """`allowed` for `generate`: bool array (steps, 4, tokens), such that the requested chords
    sound.

    Args:
        requests, tune, voice: as in `plan_voicings`.
        plan: the result of `plan_voicings`; it says which voices sing the required notes.
        tokens: number of tokens in the model's vocabulary.
        exact: whether the voices sing exactly the notes of the plan, held until the next chord.

    Examples:
        >>> tune = Chorale([[72, 0, 0, 0]] * 4, key="C major")
        >>> requests = requested_chords(tune, "I")
        >>> plan = plan_voicings(requests, tune, 0, np.random.default_rng(0))
        >>> notes = tokens_to_notes(np.arange(VOCABULARY))
        >>> {int(note) % 12 for note in notes[allowed_notes(requests, plan, tune, 0)[0, 3]]}
        {0}

    Notebook: 05_generation
    """
    token = np.arange(tokens)
    note = tokens_to_notes(np.where(token < VOCABULARY, token, token - GOES_ON))
    sung = note > SILENCE
    allowed = np.ones((len(tune), len(VOICES), tokens), bool)
    stops = [request.step for request in requests[1:]] + [len(tune)]
    others = [other for other in range(len(VOICES)) if other != voice]
    for request, voicing, stop in zip(requests, plan.tolist(), stops):
        span = np.arange(request.step, stop if exact else request.step + 1)
        span = span[tune.pitches[span, voice] != SILENCE]
        missing = set(request.needed) - {voicing[voice] % 12, request.bass}
        for other in others:
            if exact:
                may = note == voicing[other]
            elif other == len(VOICES) - 1:
                may = sung & (note % 12 == request.bass)
            elif voicing[other] % 12 in missing:
                missing.remove(voicing[other] % 12)
                may = sung & (note % 12 == voicing[other] % 12)
            else:
                may = sung & np.isin(note % 12, sorted(request.tones))
            allowed[span, other] = may
    return allowed


def held_classes(requests: Sequence[Request], steps: int) -> np.ndarray:
    """`pitch_classes` for `generate`: bool array (steps, 4, 12), such that a held chord still
    sounds on the later quarters through which it lasts.

    Examples:
        >>> tune = Chorale([[72, 0, 0, 0]] * 8, key="C major")
        >>> np.flatnonzero(held_classes(requested_chords(tune, "I ."), 8)[4, 0]).tolist()
        [0, 4, 7]

    Notebook: 05_generation
    """
    classes = np.ones((steps, len(VOICES), 12), bool)
    for request in requests:
        classes[list(request.held)] = np.isin(np.arange(12), sorted(request.tones))
    return classes


def _placed(asked: Asked, tune: Chorale) -> list[tuple[int, str]]:
    """Pairs (step, text) in order of time, with keys before the text as in ``'G:I'``."""
    if not isinstance(asked, str):
        pairs = asked.items() if isinstance(asked, Mapping) else asked
        placed = sorted((int(step), re.sub(r":\s+", ":", str(text))) for step, text in pairs)
        doubled = [step for (step, _), (after, _) in zip(placed, placed[1:]) if step == after]
        if doubled:
            raise ValueError(f"step {doubled[0]}: two chords: expected one per step")
        return placed
    texts = re.sub(r":\s+", ":", asked.replace("|", " ")).split()
    first = tune.pickup % STEPS_PER_QUARTER
    quarters = len(range(first, len(tune), STEPS_PER_QUARTER))
    if not texts or len(texts) > quarters:
        raise ValueError(
            f"{len(texts)} chords for {quarters} quarters: expected one for each quarter from the "
            f"first, '.' to hold a chord, or pairs of step and chord"
        )
    return [(first + STEPS_PER_QUARTER * number, text) for number, text in enumerate(texts)]


def _numeral(text: str, key: str, step: int, where: str) -> Request:
    from music21.key import Key
    from music21.roman import RomanNumeral

    tonic, _, mode = key.partition(" ")
    try:
        if not _DEGREE.match(text):
            raise ValueError("it begins with no degree")
        chord = RomanNumeral(text, Key(tonic, mode))
        return _request(chord, text, step)
    except Exception as error:  # music21 refuses with classes of its own
        raise ValueError(
            f"{where}: {text!r} in {key}: expected a Roman numeral such as I, V6, ii65 or V65/V "
            f"({error})"
        ) from error


def _symbol(text: str, step: int, where: str) -> Request:
    from music21.harmony import ChordSymbol

    try:
        return _request(ChordSymbol(_FLAT.sub(r"\1\2-", text)), text, step)
    except Exception as error:  # music21 refuses with classes of its own
        raise ValueError(
            f"{where}: {text!r}: expected a chord symbol such as C, Am, G/B or F#m7b5 ({error})"
        ) from error


def _filled_in(numbers: set[int]) -> list[str]:
    """The figures that a player adds by convention, in cases where music21 adds none, or adds an
    unwanted seventh (to a ninth)."""
    if numbers <= {6} or numbers in ({5}, {7}, {6, 5}):  # usual figures, which music21 knows
        return []
    third = [] if numbers & {2, 3, 4} else ["3"]
    fifth = ["5"] if numbers & {4, 7, 9} and not numbers & {2, 5, 6} else []
    return fifth + third if numbers != {4, 3} else []


def _request(chord, text: str, step: int) -> Request:
    """The request for a music21 chord."""
    third, seventh = _class_of(chord.third), _class_of(chord.seventh)
    tones = frozenset(pitch.pitchClass for pitch in chord.pitches)
    needed = frozenset(_known(third, seventh))
    if third is None:  # a suspended fourth or second
        needed = tones
    return Request(step, text, tones, chord.bass().pitchClass, needed, third, seventh)


def _known(*classes: int | None) -> set[int]:
    return {each for each in classes if each is not None}


def _class_of(pitch: Pitch | None) -> int | None:
    return None if pitch is None else int(pitch.pitchClass)


def _voicings(request: Request, tune: Chorale, voice: int) -> np.ndarray:
    """int array (voicings, 4): all complete voicings with the given note, only close ones if there
    are any."""
    given = int(tune.pitches[request.step, voice])
    where = place_in_bars(request.step, tune.time_signature, tune.pickup)
    expected = {request.bass} if voice == len(VOICES) - 1 else request.tones
    if given % 12 not in expected or given == SILENCE:
        from music21.pitch import Pitch

        signs = str.maketrans("-#", "♭♯")
        note = "silence" if given == SILENCE else Pitch(given).nameWithOctave.translate(signs)
        names = " ".join(Pitch(tone).name for tone in sorted(expected)).translate(signs)
        raise ValueError(
            f"{where}: the {VOICES[voice]} has {note}, but {request.name} needs {names}: "
            f"expected a chord with this note, or no chord on this beat"
        )
    for slack, widest in ((0, _OCTAVE), (0, 127), (_OCTAVE, 127)):
        choices: list[list[int]] = []
        for number, (low, high) in enumerate(VOICE_RANGES):
            tones = {request.bass} if number == len(VOICES) - 1 else request.tones
            notes = range(max(31, low - slack), min(87, high + slack) + 1)
            one = [given] if number == voice else [note for note in notes if note % 12 in tones]
            choices.append(one)
        whole = [
            chord
            for chord in product(*choices)
            if chord[0] >= chord[1] >= chord[2] >= chord[3]
            and chord[0] - chord[1] <= widest
            and chord[1] - chord[2] <= widest
            and request.needed <= {note % 12 for note in chord}
        ]
        if whole:
            return np.array(whole)
    raise ValueError(
        f"{where}: no voicing of {request.name} fits the {VOICES[voice]}'s note: expected another "
        f"chord, or a note in the middle of the voice's range"
    )


def _doublings(request: Request, voicings: np.ndarray) -> np.ndarray:
    """float array (voicings,): the cost of doubling the third or the seventh."""
    cost = np.zeros(len(voicings))
    for tone, price in ((request.third, _THIRD_DOUBLED), (request.seventh, _SEVENTH_DOUBLED)):
        if tone is not None:
            cost += price * ((voicings % 12 == tone).sum(axis=1) > 1)
    return cost


def _transition(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """float array (before, after): semitones moved, plus high costs of parallels and overlaps."""
    move = after[None] - before[:, None]  # (before, after, 4)
    cost = np.abs(move).sum(axis=2) + (np.abs(move) > 7).sum(axis=2) * 6.0
    for upper in range(len(VOICES)):
        for lower in range(upper + 1, len(VOICES)):
            first = (before[:, upper] - before[:, lower])[:, None] % _OCTAVE
            second = (after[:, upper] - after[:, lower])[None] % _OCTAVE
            perfect = (first == second) & ((first == 0) | (first == 7))
            both = (move[..., upper] != 0) & (move[..., lower] != 0)
            cost += _PARALLEL * (perfect & both)
            if lower == upper + 1:
                over = after[None, :, lower] > before[:, None, upper]
                under = after[None, :, upper] < before[:, None, lower]
                cost += _OVERLAP * (over | under)
    return cost
