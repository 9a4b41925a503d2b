"""Rules: the rules of four-part writing in a harmony class, and sets of rules.

This file is data. Each rule has a number and a colour, which identify it in a marked score, a
severity and a source. `checking` finds where rules are broken; `examples` illustrates them, and
docs/counterpoint.md is made from both.

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
        number: its number in a marked score, from 1 on.
        what: what it forbids.
        why: the reason given in class.
        severity: ``'error'`` (every class marks it), ``'weak'`` (to be avoided), ``'style'``
            (teachers differ).
        colour: colour of its marks, with a contrast of at least 4.5:1 on white, such as
            ``'#C00000'``.
        chances: what counts as a chance for a fault.
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
        """The name of `chances` in 0.1."""
        renamed("Rule.of", "Rule.chances")
        return self.chances


_TOGETHER = "pairs of voices that move together"
_OUTER = "steps at which soprano and bass move together"
_ARRIVALS = "arrivals of one or both of two neighbouring voices"
_MOVES = "notes that move"
_CHORDS = "chords of a beat or more"
_INDEPENDENT = (
    "two voices in parallel perfect intervals sound like one, and four voices become three"
)

# name: (what, why, severity, colour, chances, source). A name that begins with another rule's name
# is a special case of that rule, which teachers judge separately.
_RULES: dict[str, tuple[str, str, str, str, str, str]] = {
    "parallel fifths": (
        "two voices move in the same direction from a perfect fifth, or a twelfth, to another",
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
        "like parallel fifths, but in contrary motion (from a fifth to a twelfth)",
        "moving one of the voices by an octave does not hide the fifths",
        "error",
        "#D01C1F",
        _TOGETHER,
        f"{_AS}; {_KP}",
    ),
    "contrary octaves": (
        "like parallel octaves, but in contrary motion (from an octave to a unison or two octaves)",
        "moving one of the voices by an octave does not hide the octaves",
        "error",
        "#1565C0",
        _TOGETHER,
        f"{_AS}; {_KP}",
    ),
    "parallel fifths across a rest": (
        "like parallel fifths, with a rest of at most a half note in between, in one voice or both",
        "a short rest does not make the ear forget the fifth before it",
        "error",
        "#9C1C1C",
        "rests of at most a half note",
        _AS,
    ),
    "parallel octaves across a rest": (
        "like parallel octaves, with a rest of at most a half note in between, in one voice or "
        "both",
        "a short rest does not make the ear forget the octave before it",
        "error",
        "#0A4A7A",
        "rests of at most a half note",
        _AS,
    ),
    "parallel fifths from beat to beat": (
        "two voices move in the same direction from a perfect fifth on one beat to another on the "
        "next, with a note in between; 5-6-5 by step is allowed",
        "the beats carry the harmony: a note in between does not hide the intervals on them",
        "weak",
        "#A8324A",
        "pairs of voices that both change from beat to beat",
        f"{_AS}; {_KP}",
    ),
    "parallel octaves from beat to beat": (
        "two voices move in the same direction from an octave or unison on one beat to another on "
        "the next, with a note in between",
        "the beats carry the harmony: a note in between does not hide the intervals on them",
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
        "known as Mozart fifths: both voices resolve by a semitone, so most teachers accept them",
        "style",
        "#8C4A6B",
        _TOGETHER,
        _PISTON,
    ),
    "unequal fifths": (
        "bass and another voice move in the same direction from a diminished fifth to a perfect "
        "one",
        "a diminished fifth should resolve inwards to a third; above the bass, the perfect fifth "
        "is exposed",
        "weak",
        "#B23A00",
        "pairs of a voice and the bass that move together",
        f"{_AS}; {_KP}",
    ),
    "hidden fifths": (
        "soprano and bass move in the same direction into a perfect fifth from another interval, "
        "the soprano by a leap, while the chord changes",
        "the outer voices are heard best, and the ear fills in the leap and hears parallel fifths",
        "weak",
        "#9A5B00",
        _OUTER,
        f"{_AS}; {_HURON}",
    ),
    "hidden octaves": (
        "soprano and bass move in the same direction into an octave or unison from another "
        "interval, the soprano by a leap, while the chord changes",
        "the outer voices are heard best, and the ear fills in the leap and hears parallel octaves",
        "weak",
        "#006A8E",
        _OUTER,
        f"{_AS}; {_HURON}",
    ),
    "crossing": (
        "a voice is below the next lower voice that sings, or above the next higher one",
        "the listener can no longer tell which voice is which",
        "error",
        "#6A1B9A",
        _ARRIVALS,
        f"{_AS}; {_HURON}",
    ),
    "overlap": (
        "without crossing, a voice moves below the note that the next lower voice has just left, "
        "or above the note that the next higher voice has just left, while the chord changes",
        "the ear hears the two notes as the movement of one voice",
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
        "a note is outside the range of its voice: soprano C4 to G5, alto G3 to D5, tenor C3 to "
        "G4, bass E2 to D4",
        "the singers cannot sing it well",
        "error",
        "#4E6E00",
        "notes",
        "Ranges commonly taught for a choir, as in the AP Music Theory course",
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
        "the augmented fourth is hard to sing; the diminished fifth is a dissonance that needs to "
        "resolve",
        "error",
        "#2E7D32",
        _MOVES,
        f"{_AS}; {_PISTON}",
    ),
    "augmented second": (
        "a voice moves an augmented second, as from F to G♯",
        "it is hard to sing, and foreign to the style; use the other form of the sixth or seventh "
        "degree, or move in the other direction",
        "error",
        "#00796B",
        _MOVES,
        f"{_AS}; {_PISTON}",
    ),
    "augmented fifth": (
        "a voice leaps an augmented fifth, as from C to G♯",
        "it is hard to sing; a diminished fourth down reaches the same note an octave lower",
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
        "does not rise to the tonic. An inner voice may fall to the tonic's fifth, or by step in "
        "V–vi in major; the bass may pass through it, stepping down from the tonic",
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
        "the seventh of a chord neither falls by step nor is held until it can. In V43–I6 it may "
        "rise with the bass; and it may always rise by a chromatic semitone",
        "the seventh is a dissonance that resolves downwards",
        "error",
        "#BF360C",
        "sevenths",
        f"{_AS}; {_KP}",
    ),
    "suspension": (
        "a suspended note rises or leaps instead of falling by a step; a leading tone may rise to "
        "its tonic",
        "a suspension is a delayed step down",
        "error",
        "#C43E00",
        "suspensions",
        f"{_AS}; {_KP}",
    ),
    "dissonance": (
        "a note outside the chord is not a passing note, neighbour note, suspension, anticipation, "
        "appoggiatura or escape tone: it is left by leap, or not resolved",
        "a dissonance makes sense through the steps that lead into it and out of it",
        "error",
        "#8D3B1F",
        "notes outside their chord",
        f"{_AS}; {_KP}",
    ),
    "six-four": (
        "a six-four chord is not cadential (before V on the same bass note), passing or "
        "neighbouring (the bass moves by step), pedal (the bass stays), or next to the same chord "
        "in another position",
        "the fourth above the bass is a dissonance, and only these uses resolve it",
        "error",
        "#6D4C41",
        "six-four chords",
        f"{_AS}; {_KP}; {_PISTON}",
    ),
    "missing third": (
        "a chord of a beat or more has no third, and is a dominant, follows one, or is in the "
        "middle of the piece",
        "the third decides between major and minor; bare fifths sound hollow",
        "error",
        "#455A64",
        _CHORDS,
        f"{_KP}; {_PISTON}",
    ),
    "open fifth": (
        "the first chord of a piece has no third, or the last one has none and does not follow a "
        "dominant",
        "the first and last chords of an exercise may belong to music that is not shown; but a "
        "chorale ends on a complete triad",
        "style",
        "#546E7A",
        "pieces",
        _PISTON,
    ),
    "missing root": (
        "a triad of a beat or more has no root",
        "without the root nobody can tell which chord it is; only the fifth may be left out",
        "error",
        "#37474F",
        _CHORDS,
        f"{_KP}; {_PISTON}",
    ),
    "final chord": (
        "the last chord is neither the tonic in root position nor the dominant of a half cadence "
        "or the sixth degree of a deceptive one. An excerpt of fewer than four quarters may end on "
        "any chord, except a six-four chord after a dominant",
        "only a triad in root position is at rest",
        "error",
        "#1B5E20",
        "pieces",
        f"{_AS}; {_PISTON}",
    ),
    "cross relation": (
        "a note that one voice has just sung is altered chromatically in another, and no voice "
        "makes the chromatic step",
        "the ear still remembers the first form of the note, and the second sounds wrong after it",
        "weak",
        "#6B4E9B",
        "changes from a note to its chromatic alteration",
        f"{_AS}; {_PISTON}",
    ),
    "spelling": (
        "a note is spelled differently from its chord or its key, such as A♭ for G♯",
        "the spelling tells singers where the note comes from and where it goes",
        "error",
        "#7A4100",
        "notes whose spelling is stated",
        _KP,
    ),
}

RULES = {name: Rule(number, *about) for number, (name, about) in enumerate(_RULES.items(), start=1)}

# Only the strict set has what teachers differ on. Bach's own set is the class set without the
# faults that he commits in one chorale of ten or more (bach.md).
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
    """The names of the chosen rules.

    Args:
        rules: name of one of `RULE_SETS`, or a list of names from `RULES`.

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
