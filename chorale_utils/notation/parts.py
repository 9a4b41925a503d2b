"""Which parts of a music21 score to read: the four voices, two staves, or the one with the tune.

A part is chosen by its name or number, or because it is the only one that fits; a warning names the
parts left out. `staves` reads the notes of a part.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from ..chorale import VOICES, described, voice_named
from .staves import is_passed_over
from .timeline import is_sung

Part = str | int | Sequence[str | int] | None  # a choice of parts, by name or number from 1


def vocal_parts(score: Any, chosen: Part, name: str, strict: bool) -> list[Any]:
    """The music21 Parts with the four voices: four of them, or two staves.

    Args:
        score: music21 Score.
        chosen: names or numbers of parts; None takes those named for the voices, or else all.
        name: name of the piece, for messages.
        strict: whether a fifth voice is an error.

    Raises:
        ValueError: there are neither four parts nor two.
    """
    parts = list(getattr(score, "parts", []))
    if chosen is not None:
        wanted = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
        taken: list[Any] = []
        for one in wanted:
            found = _named_parts(parts, one, name)
            if not found:
                raise _no_part(parts, one, name, found)
            taken += _except(found, taken)
        parts = taken
    elif len(parts) > len(VOICES) or {voice_named(part.partName) for part in parts} == set(
        range(len(VOICES))
    ):
        parts = _parts_named_for_voices(parts, name, strict)
    if len(parts) not in (2, len(VOICES)):
        raise ValueError(
            f"{name}: {counted(parts)}: expected four (soprano, alto, tenor and bass) with one "
            "voice each, or two staves with two voices each; part= chooses four parts or two"
            f"{'; load_melody reads one voice' * (len(parts) == 1)}"
        )
    return parts


def melody_part(score: Any, chosen: str | int | None, name: str) -> Any:
    """The music21 Part with the melody; or the number of a voice (0..3), if `chosen` names a voice
    without its own part.

    Args:
        score: music21 Score, or a stream with one melody.
        chosen: name of the part, or its number from 1; None if only one has notes.
        name: name of the piece, for messages.

    Raises:
        ValueError: several parts have notes and none is chosen, or no part has notes.
    """
    parts = list(getattr(score, "parts", None) or [score])
    if chosen is None:
        sung = [one for one in parts if has_notes(one)]
        if len(sung) != 1:
            raise ValueError(
                f"{name}: {counted(sung)} with notes: expected one melody; choose one of "
                f"{_numbered(parts)} with part=, such as part={_first_choice(parts)!r}"
                if sung
                else f"{name}: {counted(sung)} with notes: expected one melody"
            )
        return sung[0]
    found = _named_parts(parts, chosen, name)
    if len(found) == 1:
        return found[0]
    voice = voice_named(chosen) if isinstance(chosen, str) else None
    if voice is None:
        raise _no_part(parts, chosen, name, found)
    return voice


def others_than(score: Any, parts: Sequence[Any]) -> list[Any]:
    """The parts of a score other than these."""
    return _except(getattr(score, "parts", []), parts)


def as_sounding(part: Any) -> Any:
    """The part at sounding pitch, if it is written for a transposing instrument."""
    transposing = any(
        instrument.transposition for instrument in part.getElementsByClass("Instrument")
    )
    return part.toSoundingPitch() if transposing else part


def has_notes(part: Any) -> bool:
    """Whether a part has anything to sing, not just drum strokes, slashes, cues or chord
    symbols."""
    return any(element.pitches and not is_passed_over(element) for element in part.recurse().notes)


def counted(parts: Sequence[Any]) -> str:
    """The number of parts and their names, for messages."""
    names = ", ".join(part.partName or "unnamed" for part in parts)
    return f"{len(parts)} part{'' if len(parts) == 1 else 's'} ({names})" if parts else "no parts"


def _parts_named_for_voices(parts, name, strict):
    """The parts named soprano, alto, tenor and bass; raises a ValueError unless there is exactly
    one of each (at least one, if not strict), or if another sung part would be left out."""
    chosen = []
    for number, voice in enumerate(VOICES):
        called = [part for part in parts if voice_named(part.partName) == number]
        if not called or (strict and len(called) > 1):
            raise ValueError(
                f"{name}: {counted(parts)}, of which {len(called)} named {voice}: expected four "
                f"voices, or exactly one part named for each of {', '.join(VOICES)}; delete or "
                "rename parts, or choose four with part="
            )
        chosen.append(called[0])
    left_out = [part for part in _except(parts, chosen) if part.recurse().notes]
    sung = [part for part in left_out if _is_sung(part)]
    if strict and sung:
        raise ValueError(
            f"{name}: {counted(parts)}, and {_names(sung)} is sung, too: expected four voices; "
            "choose four parts with part=, or leave it out with strict=False"
        )
    if left_out:
        warnings.warn(f"{name}: left out: {_names(left_out)}", stacklevel=4)
    return chosen


def _is_sung(part):
    """Whether a part other than the four voices is for a singer."""
    return is_sung(part.partName) or any(element.lyrics for element in part.recurse().notes)


def _named_parts(parts, chosen, name):
    """The parts with this name, or this number from 1; or else those whose names begin like this.
    The name of a voice selects the part named for it, in any language."""
    if isinstance(chosen, bool) or not isinstance(chosen, (str, int)):
        raise TypeError(
            f"{name}: part: got {described(chosen)}: expected the name of a part, or its number "
            "from 1"
        )
    if isinstance(chosen, int):
        return parts[chosen - 1 : chosen] if chosen > 0 else []
    wanted = chosen.strip().casefold()
    called = [(_called(part).casefold(), part) for part in parts]
    found = [part for own, part in called if own == wanted]
    if not found and wanted in VOICES:
        found = [part for part in parts if voice_named(part.partName) == VOICES.index(wanted)]
        return [] if len(parts) == 2 else found  # a staff bears the name of only its first voice
    found = found or [part for own, part in called if wanted and own.startswith(wanted)]
    if not found and wanted.isdigit():
        return _named_parts(parts, int(wanted), name)
    return found


def _no_part(parts, chosen, name, found):
    count = f"{len(found)} parts have this name" if found else "no part has this name"
    return ValueError(
        f"{name}: part {chosen!r}: {count}: expected one of {_numbered(parts)}, by name or number"
    )


def _called(part):
    return " ".join((part.partName or "").split())


def _numbered(parts):
    return ", ".join(f"{number} ({_called(p) or 'unnamed'})" for number, p in enumerate(parts, 1))


def _first_choice(parts):
    """The name, or else the number, of the first part with notes."""
    number, first = next((number, part) for number, part in enumerate(parts, 1) if has_notes(part))
    names = [_called(part) for part in parts]
    return _called(first) if _called(first) and names.count(_called(first)) == 1 else number


def _names(parts):
    names = dict.fromkeys(_called(part) or "an unnamed part" for part in parts)
    return ", ".join(names)  # without duplicates, such as the two staves of a piano


def _except(parts, chosen):
    """The parts that are not chosen, by identity; music21's equality would compare contents."""
    return [part for part in parts if all(part is not one for one in chosen)]
