"""Form: the plan of a chorale before it has notes, with metre and upbeat, key, and phrases with
their fermatas.

A `Form` is a value, like a `Chorale`, but without notes. A model reads it as a table of small
numbers with one row per sixteenth (`Form.features`) and the columns in `FEATURES`. Unknown values
are 0, so that a form may be known in part.

Notebook: 05_generation
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .chorale import (
    STEPS_PER_QUARTER,
    Chorale,
    as_chorale,
    steps_per_bar,
)
from .keys import (
    checked_key,
    tonic_and_mode,
)

FINE = 24  # distances up to this are given in sixteenths, longer ones in quarters
FARTHEST = FINE + 10  # stands for every distance of 64 sixteenths or more
MODES = ("major", "minor", "phrygian")  # those that a model distinguishes
_UNSTRESSED = frozenset(  # unstressed syllables with which a line often begins
    "der die das des dem den ein in im an am auf aus bei mit nach von vom zu zum zur für durch "
    "ich du er sie es wir ihr mein dein sein und o ach so wie wer was wo da daß wenn ob als ge "
    "be er ver zer ent emp mich dich uns nun the a and to of in on by for with from at i my thy "
    "thine our his her he she we ye you it o that "
    "this when where who as so be a but shall".split()
)
_NAMES = (  # names of tonics by pitch class: in minor and Phrygian, and in major
    "c c# d e- e f f# g g# a b- b".split(),
    "C D- D E- E F F# G A- A B- B".split(),
)

# name of a column -> its number of values; 0 is always "unknown"
FEATURES = {
    "place": 1 + 4 + 16 + 12,  # in the quarter, in a bar of four quarters, in a bar of three
    "before_fermata": 1 + 1 + FARTHEST,  # steps until the fermata begins; 1: under the fermata
    "left": 1 + FARTHEST,  # steps until the phrase is over, including this one
    "since": 1 + 1 + FARTHEST,  # steps since the phrase began; 1: its first step
    "phrases_left": 5,  # 1: the last phrase; 2: the last but one; 3: earlier; 4: the piece is over
    "phrase": 4,  # 1: the first phrase; 2: the second; 3: later
    "tonic": 13,  # 1 + pitch class
    "mode": 4,  # 1: major; 2: minor; 3: Phrygian
}
GROUPS = {  # columns that are known together or not at all
    "metre": ("place",),
    "phrases": ("before_fermata", "left", "since", "phrases_left", "phrase"),
    "key": ("tonic", "mode"),
}
TONIC = list(FEATURES).index("tonic")
MINOR = 2  # in the column mode; the greater number, Phrygian, has a minor third, too
CADENCES = (
    "perfect authentic",
    "imperfect authentic",
    "half",
    "Phrygian",
    "plagal",
    "deceptive",
)
# For each cadence, the last chord but one and the last chord: the degrees that may sound, that of
# the bass, and those of the soprano (None: any). In semitones above the tonic; 3, 8 and 9 stand for
# the third and the sixth of the mode.
_DOMINANT, _TONIC_CHORD = (7, 11, 2, 5), (0, 3, 7)
_CHORDS: dict[str, tuple[tuple[Sequence[int], int, Sequence[int] | None] | None, ...]] = {
    "perfect authentic": ((_DOMINANT, 7, None), (_TONIC_CHORD, 0, (0,))),
    "imperfect authentic": ((_DOMINANT, 7, None), (_TONIC_CHORD, 0, (3, 7))),
    "half": (None, ((7, 11, 2), 7, None)),
    "Phrygian": (((5, 8, 0), 8, None), ((7, 11, 2), 7, None)),
    "plagal": (((5, 8, 0), 5, None), (_TONIC_CHORD, 0, None)),
    "deceptive": ((_DOMINANT, 7, None), ((8, 0, 3), 8, None)),
}
_APPROACH = 2  # steps before the last chord on which the last chord but one must sound


@dataclass(frozen=True)
class Form:
    """The plan of a chorale before it has notes.

    Args:
        phrases: length of each phrase in sixteenths; the first one includes the upbeat. None if
            they are unknown.
        fermatas: for each phrase, the number of sixteenths at its end that are under a fermata; 0
            for a phrase that ends without one.
        key: such as ``'g minor'``, ``'B- major'`` or ``'e phrygian'`` (``-`` is flat), or None.
        time_signature: such as ``'4/4'``, or None.
        pickup: sixteenths before the first bar line.
        repeats: for each phrase, the number (from 0) of the phrase whose notes it takes, its own or
            an earlier one: ``(0, 1, 0, 1, 4)`` is a bar form, whose Stollen are the first two
            phrases and the next two. None for no repeats.
        cadences: for each phrase, the cadence with which it must end, one of `CADENCES`, or None
            for any. None leaves all cadences free.
        words: for each phrase, its syllables, or None. A syllable that ends in a hyphen is followed
            by another of the same word.

    Raises:
        ValueError: the arguments do not fit each other; the message says which.

    Examples:
        >>> form = Form(phrases=(32, 32), fermatas=(4, 8), key="g minor", time_signature="4/4")
        >>> len(form), form.tonic
        (64, 7)

    Notebook: 05_generation
    """

    phrases: tuple[int, ...] | None = None
    fermatas: tuple[int, ...] | None = None
    key: str | None = None
    time_signature: str | None = None
    pickup: int = 0
    repeats: tuple[int, ...] | None = None
    words: tuple[tuple[str, ...], ...] | None = None
    cadences: tuple[str | None, ...] | None = None

    def __post_init__(self) -> None:
        count = len(self.phrases or ())
        for name in ("phrases", "fermatas", "repeats", "words", "cadences"):
            value = getattr(self, name)
            if value is None:
                continue
            object.__setattr__(self, name, tuple(value))
            if len(value) != count:
                raise ValueError(f"{name} {value}: expected one for each of {count} phrases")
        if self.phrases is not None and (not count or min(self.phrases) < 1):
            raise ValueError(f"phrases {self.phrases}: expected lengths in sixteenths, 1 or more")
        for length, held in zip(self.phrases or (), self.fermatas or ()):
            if not 0 <= held <= length:
                raise ValueError(
                    f"a fermata of {held} sixteenths in a phrase of {length}: expected at most the "
                    f"length of the phrase"
                )
        lengths = self.phrases or ()
        for number, first in enumerate(self.repeats or ()):
            if not 0 <= first <= number or lengths[first] != lengths[number]:
                raise ValueError(
                    f"repeats {self.repeats}: phrase {number} repeats phrase {first}: expected "
                    f"itself, or an earlier phrase of the same length"
                )
        if self.key is not None:
            object.__setattr__(self, "key", checked_key(self.key, "form"))
        for cadence in set(self.cadences or ()) - {None}:
            if cadence not in CADENCES:
                raise ValueError(f"cadence {cadence!r}: expected one of {', '.join(CADENCES)}")
            if self.key is None:
                raise ValueError(f"a {cadence} cadence without a key: expected the form's key")
            if cadence == "Phrygian" and self.mode == "major":
                raise ValueError(f"a Phrygian cadence in {self.key}: expected a minor key")
        if self.time_signature is not None and not 0 <= self.pickup < steps_per_bar(
            self.time_signature
        ):
            raise ValueError(
                f"pickup {self.pickup} in {self.time_signature}: expected 0 to "
                f"{steps_per_bar(self.time_signature) - 1} sixteenths, less than a bar"
            )

    @classmethod
    def of(cls, chorale: Chorale) -> Form:
        """The form of a chorale: phrases end where fermatas end, and the key is the sounding one,
        see `heard_key`.

        Args:
            chorale: Chorale. Without fermatas, the phrases are unknown.

        Raises:
            TypeError: `chorale` is not a Chorale.

        Examples:
            >>> held = np.arange(48) % 16 >= 12  # the last quarter of every four
            >>> form = Form.of(Chorale([[72, 67, 64, 48]] * 48, fermatas=held))
            >>> form.phrases, form.fermatas, form.key
            ((16, 16, 16), (4, 4, 4), 'C major')

        Notebook: 05_generation
        """
        phrases, fermatas, repeats = None, None, None
        chorale = as_chorale(chorale)
        if chorale.fermatas is not None and chorale.fermatas.any():
            edges = np.diff(np.r_[0, chorale.fermatas.astype(int), 0])
            begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
            held = [int(length) for length in ends - begins]
            if ends[-1] < len(chorale):
                ends, held = np.append(ends, len(chorale)), [*held, 0]
            phrases = tuple(int(length) for length in np.diff(np.r_[0, ends]))
            fermatas = tuple(held)
            repeats = _repeats(chorale, np.r_[0, ends])
        return cls(
            phrases,
            fermatas,
            heard_key(chorale),
            chorale.time_signature,
            chorale.pickup,
            repeats,
        )

    @classmethod
    def from_words(
        cls,
        text: str,
        key: str | None = None,
        time_signature: str = "4/4",
        upbeat: bool | None = None,
        language: str | None = None,
    ) -> Form:
        """The form of a hymn: each line is a phrase, each syllable a quarter, and the last syllable
        of a line is held under a fermata to the end of the bar (less the upbeat of the next line).

        Lines are taken to begin with an upbeat if at least half of them begin with a syllable that
        is seldom stressed: an article, pronoun, preposition, conjunction or prefix, in German or
        English.

        Args:
            text: the words, one phrase per line; lines without letters are ignored. Hyphens
                separate syllables: ``'Wa-chet auf, ruft uns die Stim-me'``.
            key: as in `Form`.
            time_signature: a metre whose bar is two or more whole quarters.
            upbeat: whether lines begin a quarter before the bar line; None decides from the words.
            language: such as ``'de_DE'`` or ``'en_GB'``, for words without hyphens, which pyphen
                then hyphenates.

        Raises:
            ValueError: no words, a metre whose bar is not whole quarters, or an unknown language.

        Examples:
            >>> form = Form.from_words("Nun dan-ket al-le Gott\\nmit Her-zen, Mund und Hän-den")
            >>> form.pickup, form.phrases, form.fermatas
            (4, (32, 32), (12, 8))
            >>> form.onsets()[:33].nonzero()[0].tolist()
            [0, 4, 8, 12, 16, 20, 32]

        Notebook: 05_generation
        """
        lines = [parted for line in text.splitlines() if (parted := syllables(line, language))]
        bar = steps_per_bar(time_signature)
        if not lines:
            raise ValueError("no words: expected lines with syllables")
        if bar % STEPS_PER_QUARTER or bar < 2 * STEPS_PER_QUARTER:
            raise ValueError(
                f"time signature {time_signature!r}: expected a bar of two or more whole quarters, "
                f"such as '4/4'"
            )
        if upbeat is None:
            upbeat = 2 * sum(_unstressed(line[0]) for line in lines) >= len(lines)
        sung = [STEPS_PER_QUARTER * len(line) for line in lines]
        phrases = [-(-length // bar) * bar for length in sung]
        last = [length - (quarters - STEPS_PER_QUARTER) for length, quarters in zip(phrases, sung)]
        return cls(
            tuple(phrases),
            tuple(last),
            key,
            time_signature,
            STEPS_PER_QUARTER if upbeat else 0,
            words=tuple(map(tuple, lines)),
        )

    @property
    def stollen(self) -> int:
        """Number of phrases at the beginning that a repeat sign can repeat (int), the first Stollen
        of a bar form (A in A A B); 0 if there is none.

        The phrases that follow must repeat them in this order, with the same fermatas, the same
        cadences and lines of as many syllables; and they must be whole bars, so that the upbeat, if
        there is one, is that of the repetition, too.

        Examples:
            >>> Form((32, 32, 32), time_signature="4/4", repeats=(0, 0, 2)).stollen
            1
        """
        if self.time_signature is None or self.phrases is None or self.repeats is None:
            return 0
        sung = None if self.words is None else tuple(len(line) for line in self.words)
        same = [each for each in (self.repeats, self.fermatas, self.cadences, sung) if each]
        bar = steps_per_bar(self.time_signature)
        for count in range(len(self.phrases) // 2, 0, -1):
            if sum(self.phrases[:count]) % bar == 0 and all(
                each[:count] == each[count : 2 * count] for each in same
            ):
                return count
        return 0

    def written(self) -> Form:
        """The form as it is written on a page: without the second Stollen, for which there is a
        repeat sign at the end of the first one; unchanged if there is no `stollen`.

        Examples:
            >>> sung = Form((32, 16, 32, 16, 64), time_signature="4/4", repeats=(0, 1, 0, 1, 4))
            >>> written = sung.written()
            >>> written.phrases, written.repeats
            ((32, 16, 64), (0, 1, 2))
        """
        count = self.stollen
        if not count or self.phrases is None or self.repeats is None:
            return self

        def once(each: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
            return each and each[:count] + each[2 * count :]

        later = [first if first < count else first - count for first in self.repeats[2 * count :]]
        return replace(
            self,
            phrases=once(self.phrases),
            fermatas=once(self.fermatas),
            repeats=self.repeats[:count] + tuple(later),
            words=once(self.words),
            cadences=once(self.cadences),
        )

    def onsets(self) -> np.ndarray | None:
        """bool array (steps,): where the soprano strikes a note for a syllable; None without
        words.

        Examples:
            >>> form = Form.from_words("Ach Gott")
            >>> form.onsets().nonzero()[0].tolist()
            [0, 4]
        """
        if self.words is None:
            return None
        struck = np.zeros(len(self), bool)
        for begin, line in zip(np.cumsum((0, *(self.phrases or ()))), self.words):
            struck[begin + STEPS_PER_QUARTER * np.arange(len(line))] = True
        return struck

    def under_fermata(self) -> np.ndarray:
        """bool array (steps,): whether each step is under a fermata, as in `Chorale`.

        Examples:
            >>> Form(phrases=(4, 4), fermatas=(1, 2)).under_fermata().nonzero()[0].tolist()
            [3, 6, 7]
        """
        flags = np.zeros(len(self), bool)
        for end, held in zip(np.cumsum(self.phrases or ()), self.fermatas or ()):
            flags[end - held : end] = True
        return flags

    def cadence_classes(self) -> np.ndarray | None:
        """bool array (steps, 4, 12): the pitch classes that each voice may sing, such that phrases
        end with their `cadences`: the final chord in the last quarter of a phrase, and the chord
        before it for an eighth before the fermata. None without cadences.

        Examples:
            >>> form = Form((8,), key="C major", cadences=("perfect authentic",))
            >>> allowed = form.cadence_classes()
            >>> [np.flatnonzero(allowed[step, 3]).tolist() for step in (3, 4)]  # G, then C
            [[7], [0]]
        """
        if self.cadences is None or self.key is None or not any(self.cadences):
            return None
        tonic, minor = tonic_and_mode(self.key)
        of_mode = {} if minor else {3: 4, 8: 9}
        classes = np.ones((len(self), 4, 12), bool)
        fermatas = self.fermatas or (0,) * len(self.phrases or ())
        for end, held, cadence in zip(np.cumsum(self.phrases or ()), fermatas, self.cadences):
            before, last = _CHORDS[cadence] if cadence else (None, None)
            arrival = end - max(held, STEPS_PER_QUARTER)
            asked = (
                (max(0, arrival - _APPROACH), arrival, before),
                (end - STEPS_PER_QUARTER, end, last),
            )
            for begin, stop, chord in asked:
                if chord is None:
                    continue
                degrees, bass, soprano = chord
                voices = [soprano or degrees, degrees, degrees, (bass,)]
                for voice, allowed in enumerate(voices):
                    sung = [(tonic + of_mode.get(degree, degree)) % 12 for degree in allowed]
                    classes[max(0, begin) : stop, voice] = np.isin(np.arange(12), sung)
        return classes

    def copied_from(self) -> np.ndarray:
        """int array (steps,): for each step, the earlier step whose notes it repeats, or -1.

        Examples:
            >>> Form(phrases=(3, 3), repeats=(0, 0)).copied_from().tolist()
            [-1, -1, -1, 0, 1, 2]
        """
        source = np.full(len(self), -1)
        phrases = self.phrases or ()
        begins = np.cumsum((0, *phrases))
        for number, first in enumerate(self.repeats or ()):
            if first != number:
                steps = np.arange(phrases[number])
                source[begins[number] + steps] = begins[first] + steps
        return source

    def __len__(self) -> int:
        """Number of steps (sixteenth notes); 0 if the phrases are unknown."""
        return sum(self.phrases or ())

    @property
    def tonic(self) -> int | None:
        """Pitch class of the tonic (int), 0 for C to 11 for B, or None without a key.

        Examples:
            >>> Form(key="B- major").tonic
            10
        """
        return None if self.key is None else tonic_and_mode(self.key)[0]

    @property
    def mode(self) -> str | None:
        """The mode, ``'major'``, ``'minor'`` or ``'phrygian'``; others count as major or minor by
        their third. None without a key.

        Examples:
            >>> Form(key="d dorian").mode
            'minor'
        """
        if self.key is None or self.key.endswith(MODES[-1]):
            return self.key and MODES[-1]
        return MODES[tonic_and_mode(self.key)[1]]

    def features(self, steps: int) -> np.ndarray:
        """The form as a model reads it: uint8 array (steps, 8). For each step: its place in the
        bar, the distances to the fermata and to both ends of the phrase, how many phrases are left
        and which one this is, tonic and mode; 0 is unknown.
        ``chorale_utils.form.FEATURES`` explains the values.

        Args:
            steps: number of rows; rows beyond the form's length say that the piece is over.

        Examples:
            >>> form = Form(phrases=(32, 32), key="g minor", time_signature="4/4")
            >>> form.features(65).shape
            (65, 8)
            >>> dict(zip(FEATURES, form.features(1)[0].tolist()))["tonic"]  # 1 + pitch class
            8
        """
        columns = {name: np.zeros(steps, int) for name in FEATURES}
        number = np.arange(steps)
        if self.time_signature is not None:
            columns["place"] = _place(number - self.pickup, self.time_signature)
        if self.phrases is not None:
            columns |= self._phrase_columns(number)
        if self.tonic is not None and self.mode is not None:
            columns["tonic"][:] = 1 + self.tonic
            columns["mode"][:] = 1 + MODES.index(self.mode)
        return np.stack([columns[name] for name in FEATURES], axis=1).astype(np.uint8)

    def _phrase_columns(self, number):
        ends = np.cumsum(self.phrases)
        fermatas = self.fermatas or (0,) * len(self.phrases)
        over = number >= ends[-1]
        phrase = np.minimum(np.searchsorted(ends, number, side="right"), len(ends) - 1)
        left = ends[phrase] - number
        since = number - (ends - self.phrases)[phrase]
        held = np.array(fermatas)[phrase]
        # for a phrase without a fermata, only the distance to its end is given
        before = np.where(held > 0, 1 + _rounded(np.maximum(left - held, 0)), 0)
        return {
            "before_fermata": np.where(over, 0, before),
            "left": np.where(over, 0, _rounded(left)),
            "since": np.where(over, 0, 1 + _rounded(since)),
            "phrases_left": np.where(over, 4, np.minimum(len(ends) - phrase, 3)),
            "phrase": np.where(over, 0, 1 + np.minimum(phrase, 2)),
        }


def heard_key(chorale: Chorale) -> str | None:
    """The sounding key of a chorale: its tonic is the bass of the last chord, if that is a triad in
    root position; otherwise the key is the stated one. None if there is neither.

    Editions give the key that the signature suggests. But a fifth of Bach's chorales are in one of
    the old modes and end on another note: a piece labelled A minor may end on D (Dorian) or on E
    (Phrygian). The mode is major or minor, whichever third sounds for longer. It is Phrygian if the
    third is minor and the second mostly lowered, or if the third is major and both sixth and
    seventh are mostly lowered.

    Args:
        chorale: Chorale.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> import numpy as np
        >>> heard_key(Chorale(np.tile([74, 71, 67, 43], (16, 1)), key="C major"))
        'G major'

    Notebook: 05_generation
    """
    pitches = as_chorale(chorale).pitches.astype(int)
    sounding = np.flatnonzero(pitches.any(axis=1))
    if not len(sounding):
        return chorale.key
    chord = pitches[sounding[-1]]
    chord = chord[chord > 0]
    above = {int(interval) for interval in (chord - chord.min()) % 12}
    if len(chord) < 3 or above not in ({0, 7}, {0, 3}, {0, 4}, {0, 3, 7}, {0, 4, 7}):
        return chorale.key
    tonic = int(chord.min() % 12)
    heard = np.bincount((pitches[pitches > 0] - tonic) % 12, minlength=12)
    mode = "minor" if heard[3] > heard[4] else "major"
    flat_second = mode == "minor" and heard[1] > heard[2]
    if flat_second or (mode == "major" and heard[8] > heard[9] and heard[10] > heard[11]):
        mode = "phrygian"
    return f"{_NAMES[mode == 'major'][tonic]} {mode}"


def syllables(line: str, language: str | None = None) -> list[str]:
    """The syllables of a line of words; each but the last of a word ends in a hyphen.

    Args:
        line: words, with hyphens between the syllables.
        language: such as ``'de_DE'``, for pyphen to hyphenate words without hyphens; None for words
            that are hyphenated already.

    Raises:
        ValueError: pyphen does not know the language.

    Examples:
        >>> syllables("Wa-chet auf")
        ['Wa-', 'chet', 'auf']

    Notebook: 05_generation
    """
    words = [word for word in line.split() if any(letter.isalpha() for letter in word)]
    if language is not None:
        import pyphen

        if language not in pyphen.LANGUAGES:
            raise ValueError(
                f"language {language!r}: expected one that pyphen knows, such as 'de_DE' or "
                f"'en_GB'; or None, if the words have hyphens between syllables"
            )
        dictionary = pyphen.Pyphen(lang=language, left=1, right=1)
        words = [word if "-" in word else _parted(dictionary.inserted(word)) for word in words]
    parted = []
    for word in words:
        parts = [part for part in word.split("-") if part]
        parted += [f"{part}-" for part in parts[:-1]] + parts[-1:]
    return parted


def _parted(hyphenated: str) -> str:
    """The word with only those hyphens that leave a vowel in each part, so that it can be sung."""
    parts: list[str] = []
    for part in hyphenated.split("-"):
        if parts and not (_has_vowel(part) and _has_vowel(parts[-1])):
            parts[-1] += part
        else:
            parts.append(part)
    return "-".join(parts)


def _has_vowel(part: str) -> bool:
    return any(letter in "aeiouyæœ" for letter in unicodedata.normalize("NFD", part.lower()))


def _unstressed(syllable):
    return syllable.strip("-,.;:!?\"'()").lower() in _UNSTRESSED


def _repeats(chorale, edges):
    """For each phrase, the number of the first phrase with the same notes."""
    heard, repeats = {}, []
    for number, (begin, end) in enumerate(zip(edges, edges[1:])):
        notes = (
            chorale.pitches[begin:end].tobytes()
            + chorale.struck[begin:end].tobytes()
            + b"|"
            + chorale.fermatas[begin:end].tobytes()
        )
        repeats.append(heard.setdefault(notes, number))
    return tuple(repeats)


def transpose_features(features: np.ndarray, semitones: int | np.ndarray) -> np.ndarray:
    """A form's features (int array (..., 8)) with the tonic moved by `semitones`, which broadcast
    against the steps (...).

    Examples:
        >>> int(transpose_features(Form(key="c minor").features(1), 2)[0, TONIC])
        3

    Notebook: 05_generation
    """
    moved = np.array(features, int)
    tonic = moved[..., TONIC]
    moved[..., TONIC] = np.where(tonic > 0, 1 + (tonic - 1 + semitones) % 12, 0)
    return moved


def _rounded(distance):
    coarse = FINE + (distance - FINE + 3) // 4
    return np.minimum(np.where(distance <= FINE, distance, coarse), FARTHEST)


def _place(number, time_signature):
    bar = steps_per_bar(time_signature)
    if bar in (8, 16):
        return 5 + number % bar
    if bar == 12 and time_signature.endswith("/4"):
        return 21 + number % bar
    return 1 + number % 4
