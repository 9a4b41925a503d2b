"""Title and authors of a music21 score, without the placeholders that programs write when they do
not know them.

Notebook: 05_generation
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# placeholders that programs write for an unknown title or author
_PLACEHOLDERS = (
    "Music21 Fragment",
    "Music21",
    "Title",
    "Untitled",
    "Untitled score",
    "Composer",
    "Composer / arranger",
    "Lyricist",
)
_FILE_NAME = re.compile(r"\.(mxl|xml|musicxml|krn|midi?|abc|msc[xz]|sib|mus|capx?|mei|ly)$", re.I)


def title_of(score: Any) -> str | None:
    """The title of a music21 score, of the work or else of the movement, or None.

    A placeholder, such as a file name or music21's own words, does not count as a title.

    Examples:
        >>> from music21 import corpus
        >>> title_of(corpus.parse("bach/bwv66.6")) is None
        True
    """
    from music21 import defaults

    about = _metadata(score)
    titles = [about.title, about.movementName] if about else []
    stem = Path(str(about.filePath)).stem if about and about.filePath else None
    for title in (str(title).strip() for title in titles if title):
        stands_for_none = title in (defaults.title, *_PLACEHOLDERS)
        if title and not stands_for_none and not _is_file_name(title, stem):
            return title
    return None


def authors(score: Any) -> dict[str, str | None]:
    """{'composer': ..., 'lyricist': ..., ...} from a music21 score, None where it names nobody.

    Examples:
        >>> from music21 import corpus
        >>> authors(corpus.parse("bach/bwv66.6"))["lyricist"] is None
        True
    """
    about = _metadata(score)
    found: dict[str, str | None] = {}
    for role in ("composer", "lyricist", "arranger", "copyright"):
        told = str(getattr(about, role, None) or "").strip() if about else ""
        found[role] = told if told and told not in _PLACEHOLDERS else None
    return found


def _is_file_name(title, stem):
    """Whether a title is a file name: it has a suffix, or it equals the name of its own file and
    looks like a file name rather than a title."""
    if _FILE_NAME.search(title):
        return True
    return (
        title == stem
        and not re.search(r"\s", title)
        and (title.islower() or bool(re.search(r"[\d_.]", title)))
    )


def _metadata(score):
    about = getattr(score, "metadata", None)
    if about is None and score.activeSite is not None:
        about = score.activeSite.metadata
    return about
