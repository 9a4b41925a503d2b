"""Rules page: docs/counterpoint.md, with a picture of each rule broken and kept.

``python -m chorale_utils.part_writing.rules_page`` (or ``make rules``) writes the page and its
pictures into docs/, from `RULES`, `EXAMPLES` and the Bach card, so that they match the code.

Notebook: 04_evaluation
"""

from __future__ import annotations

from pathlib import Path

from ..files import write_atomically
from ..harmony.analysis import analyse
from ..notation.score_files import score_svg
from .bach_card import CARD
from .checking import faults
from .examples import EXAMPLES, Example, read_voices
from .marking import mark_faults
from .rules import RULE_SETS, RULES, Rule
from .setting import told_key

DOCS = Path(__file__).parents[2] / "docs"
_WIDTH = 520  # pixels
_SECTIONS = {
    "Parallels": ("parallel", "contrary"),
    "Other intervals between voices": ("unequal", "hidden", "cross relation"),
    "Positions": ("crossing", "overlap", "spacing", "range"),
    "Lines": ("leap", "tritone", "augmented", "outlined"),
    "Leading tones and sevenths": ("leading", "unraised", "doubled", "seventh"),
    "Dissonances": ("suspension", "dissonance"),
    "Chords and spelling": ("six-four", "missing", "open", "final", "spelling"),
}
# remarks on rules that Bach breaks more often than a class would accept (bach.md)
_WHY_BACH = {
    "crossing": "Bach's tenor and bass cross where each has a line of its own to sing, and the "
    "instruments that double the bass an octave lower keep the harmony right.",
    "overlap": "Bach's basses leap by fourths and fifths under a tenor that stays low; the line "
    "matters more to him than the overlap.",
    "spacing": "Alto and tenor part where the tune lies high and the tenor has a line of its own.",
    "range": "Bach's trebles and tenors were asked for A5 and A4, a step more than a class asks "
    "for.",
    "leading tone": "In Bach's inner voices the leading tone may leap away, even up to the third "
    "or fifth of the tonic, so that the last chord is complete; and many tunes fall from the "
    "seventh degree where a phrase goes on.",
    "seventh": "In eighths Bach passes through sevenths and lets another voice resolve them. "
    "Where the analysis mistakes a passing note for a seventh, that is marked too.",
    "parallel fifths from beat to beat": "Bach lets the note between hide them, above all in "
    "inner voices and after contrary motion.",
    "tritone": "Bach's tenors leap a diminished fifth up into the leading tone and go on to its "
    "tonic, away from the leap.",
    "leap": "Bach's basses leap a seventh instead of a step, to stay within their range.",
    "doubled leading tone": "In most of them the tune has the third of a dominant and a lower "
    "voice takes it too, in passing.",
    "contrary fifths": "Bach does not mind them between upper voices at cadences.",
    "outlined seventh": "Most are in the tenor, which fills in the chords.",
    "missing third": "In most of them a suspension resolves only in the next chord, or the third "
    "is in a part that the edition leaves out, such as an instrument's.",
}


def write_rules_page(folder: Path = DOCS) -> Path:
    """Writes counterpoint.md and the pictures of rules/ into a folder; returns the page's path.

    Args:
        folder: folder of the documentation.

    Notebook: 04_evaluation
    """
    for example in EXAMPLES:
        _write(folder / "rules" / f"{picture_name(example.rule)}.svg", picture(example))
    return _write(folder / "counterpoint.md", _page())


def _write(path: Path, text: str) -> Path:
    return write_atomically(path, lambda unfinished: unfinished.write_text(text, "utf-8"))


def picture(example: Example) -> str:
    """The example as a drawing (str, SVG): first the fault with its marks, then corrected.

    Args:
        example: Example.

    Notebook: 04_evaluation
    """
    broken = read_voices(example.broken, example.key, example.rule)
    halves = zip(_filled(example.broken), _filled(example.mended))
    both = [" ".join(voice) for voice in halves]
    whole = read_voices(both, example.key, example.rule)
    found = faults(broken, "strict", analyse(broken, key=told_key(broken)))
    marks = mark_faults(broken, found)
    drawn = score_svg(whole, staves=2, width=_WIDTH, title=False, marks=marks._replace(legend=()))
    paper = '<rect width="100%" height="100%" fill="white" style="stroke:none"/>'
    return drawn.replace(">", f">{paper}", 1)


def _filled(voices):
    """The voices, each filled up with rests to the end of its bar."""
    steps = len(read_voices(voices, "C major"))
    rest = -steps % 16
    return [f"{voice} r/{rest}" if rest else voice for voice in voices]


def picture_name(rule: str) -> str:
    """A rule's name for a file, such as ``'parallel-fifths'``.

    Examples:
        >>> picture_name("parallel fifths")
        'parallel-fifths'
    """
    return rule.replace(" ", "-")


def _page():
    shown = dict(zip(RULES, EXAMPLES))
    lines = [
        "# What a harmony teacher marks",
        "",
        "`faults(chorale)` and `chorale check` look for these faults in a setting for four voices. "
        "Each picture shows a fault, marked as in a checked score, then the same passage mended. "
        "`make rules` writes this page, and the tests check every rule against its example.",
        "",
        "**Severity.** *error*: every class marks it. *weak*: better avoided. *style*: teachers "
        "disagree.",
        "",
        f"**Sets of rules.** `class` is the default: all {len(RULE_SETS['class'])} that a class "
        f"marks. `strict` has all {len(RULE_SETS['strict'])}. `bach` has the "
        f"{len(RULE_SETS['bach'])} of `class` that Bach himself breaks in fewer than one chorale "
        "in ten; the figures are on the [Bach card](../chorale_utils/part_writing/bach.md). "
        "You can also name single rules. Each rule keeps its number, which stands beside its marks "
        "in a score.",
        "",
        "**Where.** A fault is reported where the second chord arrives; for a leading tone or a "
        "seventh, where it should resolve. Only the notes at fault are marked.",
        "",
        "**How sure.** The rules look at the harmony that `analyse` finds. An exercise of up "
        "to two bars of 4/4 is taken to be in the key that it states; for a longer one, `chorale "
        "check --key` sets the key. Fermatas end phrases, and nothing has to be resolved from one "
        "phrase to the next.",
        "",
    ]
    figures = _bachs_figures()
    for heading, beginnings in _SECTIONS.items():
        lines += [f"## {heading}", ""]
        for name, rule in RULES.items():
            if name.startswith(beginnings):
                lines += _section(name, rule, shown[name], figures)
    return "\n".join(lines).rstrip() + "\n"


def _section(name: str, rule: Rule, example: Example, figures: dict[str, tuple[str, str]]):
    broken = read_voices(example.broken, example.key)
    sentence = faults(broken, [name])["explanation"].iloc[0]
    per_hundred, chorales = figures[name]
    sets = ", ".join(f"`{chosen}`" for chosen, names in RULE_SETS.items() if name in names)
    bach = f"Bach: {per_hundred} in a hundred chorales; {chorales}% of them have one or more."
    if float(per_hundred) == 0:
        bach = "Bach: none."
    return [
        f"### {rule.number}. {name[0].upper()}{name[1:]}",
        "",
        f"*{rule.severity}*, in {sets}",
        "",
        f"{rule.what[0].upper()}{rule.what[1:]}.",
        "",
        f"Why: {rule.why}. ({rule.source})",
        "",
        f"![{name}, broken and mended](rules/{picture_name(name)}.svg)",
        "",
        f"> {sentence}",
        "",
        f"{bach} {_WHY_BACH.get(name, '')}".rstrip(),
        "",
    ]


def _bachs_figures() -> dict[str, tuple[str, str]]:
    """For each rule, the faults in a hundred chorales and how many of a hundred have any, from the
    Bach card."""
    figures = {}
    for line in CARD.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 6 and cells[1] in RULES:
            figures[cells[1]] = (cells[4], cells[5])
    return figures


if __name__ == "__main__":
    print(write_rules_page())
