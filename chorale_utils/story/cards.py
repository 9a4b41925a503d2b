"""Cards: Markdown pages that describe the shipped weights, the grade, harmonising, composing, the
harmonic analysis, and Bach's use of the rules of part-writing.

The scripts that write them are `models.model_card`, `writing.grade_card`,
`writing.harmonising_card`, `writing.composing_card`, `harmony.harmony_card` and
`part_writing.bach_card`.

Notebook: 04_evaluation
"""

from pathlib import Path

from ..judging.grading import POINTS

_PACKAGE = Path(__file__).parents[1]
CARDS = {
    "note_gru": _PACKAGE / "models" / "pretrained" / "note_gru.md",
    "chord_gru": _PACKAGE / "models" / "pretrained" / "chord_gru.md",
    "phrase_gru": _PACKAGE / "models" / "pretrained" / "phrase_gru.md",
    "grade": POINTS.with_name("grade.md"),
    "harmonising": _PACKAGE / "writing" / "harmonising.md",
    "composing": _PACKAGE / "writing" / "composing.md",
    "harmony": _PACKAGE / "harmony" / "harmony.md",
    "bach": _PACKAGE / "part_writing" / "bach.md",
}


def read_card(name: str, section: str | None = None) -> str:
    """A card, or one section of it, as Markdown (str).

    Args:
        name: ``'note_gru'``, ``'chord_gru'``, ``'phrase_gru'``, ``'grade'``, ``'harmonising'``,
            ``'composing'``, ``'harmony'`` or ``'bach'``.
        section: the section's heading, such as ``'Scores'``; None for the whole card.

    Raises:
        ValueError: there is no such card, or no such section in it.

    Examples:
        >>> read_card("chord_gru").splitlines()[0]
        '# chord_gru'

    Notebook: 04_evaluation
    """
    if name not in CARDS:
        raise ValueError(f"card {name!r}: expected one of {', '.join(CARDS)}")
    text = CARDS[name].read_text(encoding="utf-8")
    if section is None:
        return text
    _, *sections = text.split("\n## ")
    found = {
        heading.strip(): body for heading, _, body in (part.partition("\n") for part in sections)
    }
    if section not in found:
        raise ValueError(f"card {name!r}, section {section!r}: expected one of {', '.join(found)}")
    return found[section].strip()
