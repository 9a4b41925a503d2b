"""Rules: what a harmony class asks of four-part writing, and which sets of rules there are.

This file is data. Each rule has a number and a colour, by which a marked score names it, a severity
and a source. `checking` finds where rules are broken; `examples` shows each of them, and
docs/counterpoint.md is made of both.

Notebook: 04_evaluation
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from ..deprecation import renamed

SEVERITIES = ("error", "weak", "style")

_AS = "Aldwell and Schachter, Harmony and Voice Leading"
_KP = "Kostka and Payne, Tonal Harmony"
_PISTON = "Piston, Harmony"
_HURON = "Huron 2001, Tone and Voice"


class Rule(NamedTuple):
    """A rule of four-part writing.

    Attributes:
        number: by which a marked score names it, from 1 on.
        what: what it forbids.
        why: the reason that is taught.
        severity: ``'error'`` (every class marks it), ``'weak'`` (to be avoided), ``'style'``
            (teachers differ).
        colour: of its marks, at least 4.5:1 on white, such as ``'#C00000'``.
        chances: what its faults are counted against.
        source: where it is taught.

    Examples:
        >>> RULES["leap"].what, RULES["leap"].severity
        ('a voice leaps a seventh, or more than an octave', 'error')

    Notebook: 04_evaluation
    """

    number: int
    what: str
    why: str
    severity: str
    colour: str
    chances: str
    source: str

    @property
    def of(self) -> str:
        """`chances`, as it was called in 0.1."""
        renamed("Rule.of", "Rule.chances")
        return self.chances


_TOGETHER = "pairs of voices that move together"
_OUTER = "steps at which soprano and bass move together"
_ARRIVALS = "arrivals of one or both of two neighbouring voices"
_MOVES = "notes that move"
_CHORDS = "chords of a beat or more"
_INDEPENDENT = (
    "two voices that move in perfect intervals sound as one, and four voices become three"
)

# name: (what, why, severity, colour, chances, source). A name that begins with that of another rule
# is a case of it which teachers judge by itself.
_RULES: dict[str, tuple[str, str, str, str, str, str]] = {
    "parallel fifths": (
        "two voices move in the same direction from a perfect fifth to a perfect fifth, octaves "
        "apart or not",
        _INDEPENDENT,
        "error",
        "#C00000",
        _TOGETHER,
        f"Fux 1725, Gradus ad Parnassum; {_HURON}",
    ),
    "parallel octaves": (
        "two voices move in the same direction from an octave or unison to an octave or unison",
        _INDEPENDENT,
        "error",
        "#0B5394",
        _TOGETHER,
        f"Fux 1725, Gradus ad Parnassum; {_HURON}",
    ),
    "contrary fifths": (
        "as parallel fifths, in contrary motion (from a fifth to a twelfth)",
        "moving one of the voices by an octave does not hide the fifths",
        "error",
        "#D01C1F",
        _TOGETHER,
        f"{_AS}; {_KP}",
    ),
    "contrary octaves": (
        "as parallel octaves, in contrary motion (from an octave to a unison or to two octaves)",
        "moving one of the voices by an octave does not hide the octaves",
        "error",
        "#1565C0",
        _TOGETHER,
        f"{_AS}; {_KP}",
    ),
    "parallel fifths across a rest": (
        "as parallel fifths, with a rest of at most a half note between, in one voice or in both",
        "a short rest does not make the ear forget the fifth before it",
        "error",
        "#9C1C1C",
        "rests of at most a half note",
        _AS,
    ),
    "parallel octaves across a rest": (
        "as parallel octaves, with a rest of at most a half note between, in one voice or in both",
        "a short rest does not make the ear forget the octave before it",
        "error",
        "#0A4A7A",
        "rests of at most a half note",
        _AS,
    ),
    "parallel fifths from beat to beat": (
        "two voices have a perfect fifth on one beat and another one, in the same direction, on "
        "the next, with a note between; fifth, sixth, fifth by step is allowed",
        "the beats carry the harmony: a note between does not hide what sounds on them",
        "weak",
        "#A8324A",
        "pairs of voices that both change from beat to beat",
        f"{_AS}; {_KP}",
    ),
    "parallel octaves from beat to beat": (
        "two voices have an octave or unison on one beat and another one, in the same direction, "
        "on the next, with a note between",
        "the beats carry the harmony: a note between does not hide what sounds on them",
        "weak",
        "#2F6690",
        "pairs of voices that both change from beat to beat",
        f"{_AS}; {_KP}",
    ),
    "parallel fifths by anticipation": (
        "parallel fifths, one note of which anticipates the next chord",
        "an anticipation is an ornament, and the fifths beneath it are not those of the harmony; "
        "Bach writes them at cadences",
        "style",
        "#8A5A44",
        _TOGETHER,
        _AS,
    ),
    "parallel octaves by anticipation": (
        "parallel octaves, one note of which anticipates the next chord",
        "an anticipation is an ornament, and the octaves beneath it are not those of the harmony",
        "style",
        "#7A6A4F",
        _TOGETHER,
        _AS,
    ),
    "parallel fifths across a fermata": (
        "parallel fifths from the last chord of a phrase, under a fermata, to the first of the "
        "next",
        "after a breath a new phrase begins: Bach does not mind, many teachers do",
        "style",
        "#7B5EA7",
        _TOGETHER,
        _AS,
    ),
    "parallel octaves across a fermata": (
        "parallel octaves from the last chord of a phrase, under a fermata, to the first of the "
        "next",
        "after a breath a new phrase begins: Bach does not mind, many teachers do",
        "style",
        "#5E60A8",
        _TOGETHER,
        _AS,
    ),
    "parallel fifths from a German sixth": (
        "the fifth above the bass of a German sixth goes to the fifth of the dominant",
        "called Mozart's fifths: both steps are semitones that lead, so most teachers let them be",
        "style",
        "#8C4A6B",
        _TOGETHER,
        _PISTON,
    ),
    "unequal fifths": (
        "bass and another voice move in the same direction from a diminished fifth to a perfect "
        "one",
        "the diminished fifth wants to close into a third; with the bass the fifth is heard openly",
        "weak",
        "#B23A00",
        "pairs of a voice and the bass that move together",
        f"{_AS}; {_KP}",
    ),
    "hidden fifths": (
        "soprano and bass move in the same direction into a perfect fifth from another interval, "
        "the soprano by a leap, while the chord changes",
        "the outer voices are heard most, and the ear fills the leap with a fifth",
        "weak",
        "#9A5B00",
        _OUTER,
        f"{_AS}; {_HURON}",
    ),
    "hidden octaves": (
        "soprano and bass move in the same direction into an octave or unison from another "
        "interval, the soprano by a leap, while the chord changes",
        "the outer voices are heard most, and the ear fills the leap with an octave",
        "weak",
        "#006A8E",
        _OUTER,
        f"{_AS}; {_HURON}",
    ),
    "crossing": (
        "a voice is below the next voice that sings under it, or above the one over it",
        "the listener can no longer tell which voice is which",
        "error",
        "#6A1B9A",
        _ARRIVALS,
        f"{_AS}; {_HURON}",
    ),
    "overlap": (
        "without crossing, a voice arrives below where the voice under it was a step before, or "
        "above where the voice over it was, while the chord changes",
        "the ear takes the two notes for a step of one voice",
        "weak",
        "#8E24AA",
        f"{_ARRIVALS}, with notes before",
        f"{_AS}; {_HURON}",
    ),
    "spacing": (
        "soprano and alto, or alto and tenor, are more than an octave apart",
        "the upper voices no longer blend; only tenor and bass may be further apart",
        "error",
        "#00695C",
        "arrivals of one or both of these voices",
        f"{_AS}; {_HURON}",
    ),
    "range": (
        "a note outside of what its voice is asked for: C4-G5, G3-D5, C3-G4, E2-D4",
        "the singers cannot sing it well",
        "error",
        "#4E6E00",
        "notes",
        "the ranges that are commonly taught for a choir, as in the AP Music Theory course",
    ),
    "leap": (
        "a voice leaps a seventh, or more than an octave",
        "it is hard to sing, and the line falls apart",
        "error",
        "#3F6B2A",
        _MOVES,
        f"Fux 1725, Gradus ad Parnassum; {_AS}",
    ),
    "tritone": (
        "a voice leaps an augmented fourth; or a diminished fifth, without stepping back inside it "
        "afterwards",
        "the augmented fourth is hard to sing; the diminished fifth is a dissonance that wants to "
        "be resolved",
        "error",
        "#2E7D32",
        _MOVES,
        f"{_AS}; {_PISTON}",
    ),
    "augmented second": (
        "a voice moves an augmented second, as from F to G sharp",
        "it is hard to sing, and foreign to the style; take the other sixth or seventh degree, or "
        "move the other way",
        "error",
        "#00796B",
        _MOVES,
        f"{_AS}; {_PISTON}",
    ),
    "augmented fifth": (
        "a voice leaps an augmented fifth, as from C to G sharp",
        "it is hard to sing; a diminished fourth down reaches the same note",
        "error",
        "#33691E",
        _MOVES,
        f"{_AS}; {_PISTON}",
    ),
    "outlined seventh": (
        "one of the upper voices makes two leaps in the same direction that add up to a seventh, "
        "or to more than an octave",
        "the ear adds up the two leaps",
        "style",
        "#5D6D00",
        "notes that move, of the upper voices",
        _AS,
    ),
    "leading tone": (
        "in a dominant that goes to its tonic, to the sixth degree or to IV6, the leading tone "
        "does not rise to the tonic. An inner voice may fall to the tonic's fifth, and in V-vi in "
        "major by a step; the bass may step down from the tonic through it",
        "the leading tone leads: the ear expects the tonic in the same voice, most of all in an "
        "outer one",
        "error",
        "#AD1457",
        "leading tones",
        f"{_AS}; {_KP}",
    ),
    "unraised leading tone": (
        "in minor, a dominant with the unraised seventh degree goes to its tonic",
        "without the semitone there is no leading tone, and no cadence",
        "error",
        "#C2185B",
        "minor dominants before their tonic",
        f"{_AS}; {_KP}",
    ),
    "doubled leading tone": (
        "two voices sing the leading tone of a dominant together",
        "both want to rise to the tonic, which makes octaves; and the most striking note of the "
        "chord becomes too loud",
        "error",
        "#880E4F",
        "dominants",
        f"{_AS}; {_PISTON}",
    ),
    "seventh": (
        "the seventh of a chord does not fall by a step, nor stay until it can. In V43-I6 it may "
        "rise with the bass; and it may rise by a chromatic semitone",
        "the seventh is a dissonance that is resolved downwards",
        "error",
        "#BF360C",
        "sevenths",
        f"{_AS}; {_KP}",
    ),
    "suspension": (
        "a suspended note rises or leaps instead of falling by a step; a leading tone may rise to "
        "its tonic",
        "a suspension is a step down that comes late",
        "error",
        "#C43E00",
        "suspensions",
        f"{_AS}; {_KP}",
    ),
    "dissonance": (
        "a note outside of the chord is neither passing, neighbour, suspension, anticipation, "
        "appoggiatura nor escape tone: it is left by a leap, or not at all",
        "a dissonance is understood by the steps that lead into it and out of it",
        "error",
        "#8D3B1F",
        "notes outside of their chord",
        f"{_AS}; {_KP}",
    ),
    "six-four": (
        "a six-four chord that is neither cadential (before V on the same bass note), nor passing "
        "or neighbouring (bass by step), nor pedal (bass stays), nor beside the same chord in "
        "another position",
        "the fourth above the bass is a dissonance, and only these uses of it resolve it",
        "error",
        "#6D4C41",
        "six-four chords",
        f"{_AS}; {_KP}; {_PISTON}",
    ),
    "missing third": (
        "a chord of a beat or more has no third, and is a dominant, follows one, or stands within "
        "the piece",
        "the third tells major from minor; bare fifths sound hollow",
        "error",
        "#455A64",
        _CHORDS,
        f"{_KP}; {_PISTON}",
    ),
    "open fifth": (
        "the first chord of a piece has no third, or the last one, which follows no dominant",
        "the first and the last chord of an exercise may come from what is not shown; as a chorale "
        "ends, it has its third",
        "style",
        "#546E7A",
        "pieces",
        _PISTON,
    ),
    "missing root": (
        "a triad of a beat or more has no root",
        "without its root nobody can tell which chord it is; only the fifth may be left out",
        "error",
        "#37474F",
        _CHORDS,
        f"{_KP}; {_PISTON}",
    ),
    "final chord": (
        "the last chord is not the tonic in root position, nor the dominant of a half cadence or "
        "the sixth degree of a deceptive one. An excerpt of less than four quarters may end on any "
        "chord, but on no six-four chord after a dominant",
        "only a triad in root position is at rest",
        "error",
        "#1B5E20",
        "pieces",
        f"{_AS}; {_PISTON}",
    ),
    "cross relation": (
        "a note is altered chromatically in another voice than the one that has just had it, and "
        "no voice makes the chromatic step",
        "the ear still has the first form of the note, and the second sounds wrong beside it",
        "weak",
        "#6B4E9B",
        "changes from a note to its chromatic alteration",
        f"{_AS}; {_PISTON}",
    ),
    "spelling": (
        "a note is written under another name than its chord or its key gives it, as A flat for G "
        "sharp",
        "the name tells singers where the note comes from and where it goes",
        "error",
        "#7A4100",
        "notes whose spelling is stated",
        _KP,
    ),
}

RULES = {name: Rule(number, *about) for number, (name, about) in enumerate(_RULES.items(), start=1)}

# What teachers differ on is marked by the strict alone. Bach's own set is what a class marks and he
# does in fewer than one chorale of ten (bach.md).
_DIFFER = tuple(
    name for name, rule in RULES.items() if rule.severity == "style" and name != "outlined seventh"
)
_BACH_DOES = (
    "parallel fifths from beat to beat",
    "parallel octaves from beat to beat",
    "crossing",
    "overlap",
    "spacing",
    "range",
    "leap",
    "tritone",
    "outlined seventh",
    "leading tone",
    "doubled leading tone",
    "seventh",
    "dissonance",
)
RULE_SETS = {
    "class": tuple(name for name in RULES if name not in _DIFFER),
    "strict": tuple(RULES),
    "bach": tuple(name for name in RULES if name not in (*_DIFFER, *_BACH_DOES)),
}


def chosen_rules(rules: str | Iterable[str]) -> tuple[str, ...]:
    """The names of the rules that are asked for.

    Args:
        rules: name of one of `RULE_SETS`, or names of `RULES`.

    Raises:
        ValueError: there is no such set, or no such rule.

    Examples:
        >>> len(chosen_rules("strict")) == len(RULES)
        True

    Notebook: 04_evaluation
    """
    if isinstance(rules, str):
        if rules not in RULE_SETS:
            raise ValueError(
                f"rules {rules!r}: expected one of {', '.join(map(repr, RULE_SETS))}, or a list of "
                "names from RULES, such as ['parallel fifths']"
            )
        return RULE_SETS[rules]
    names = tuple(rules)
    for name in names:
        if name not in RULES:
            near = get_close_matches(str(name), RULES, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"rule {name!r}: expected names from RULES{hint}")
    return names
