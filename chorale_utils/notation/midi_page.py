"""The page of a chorale as JSON, for a private event in a MIDI file: MIDI cannot express repeats,
fermatas, spelling, modes or a second verse. Other programs ignore the event.

Notebook: 05_generation
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale
from .page import Bar, KeySignature, Notation, Syllable, Tempo

_KINDS = {"bars": Bar, "keys": KeySignature, "tempos": Tempo, "words": Syllable}


def told_page(chorale: Chorale) -> dict[str, Any]:
    """Everything in a chorale that MIDI cannot express, as values for JSON.

    Examples:
        >>> told_page(Chorale([[72, 67, 64, 48]] * 2, key="d dorian"))["key"]
        'd dorian'
    """
    page = chorale.notation
    told: dict[str, Any] = {"key": chorale.key, "time_signature": chorale.time_signature}
    told["pickup"] = chorale.pickup
    told["fermatas"] = None if chorale.fermatas is None else _packed(chorale.fermatas)
    told["page"] = None
    if page is not None:
        told["page"] = {
            name: [_without_defaults(one) for one in getattr(page, name)] for name in _KINDS
        }
        told["page"] |= {
            name: getattr(page, name)
            for name in ("composer", "lyricist", "arranger", "copyright")
            if getattr(page, name) is not None
        }
        if page.spelling is not None:
            told["page"]["spelling"] = _packed(page.spelling)
    return told


def with_told_page(chorale: Chorale, told: Mapping[str, Any]) -> Chorale:
    """A chorale read from the notes of a MIDI file, completed with the data of `told_page`.

    Args:
        chorale: Chorale.
        told: the result of `told_page`.

    Raises:
        ValueError, TypeError, KeyError: the data are damaged, or belong to another piece.

    Examples:
        >>> mine = Chorale([[72, 67, 64, 48]] * 2, key="d dorian")
        >>> with_told_page(Chorale(mine.pitches), told_page(mine)).key
        'd dorian'
    """
    steps = len(chorale)
    page, flags = told["page"], told["fermatas"]
    if page is not None:
        about: dict[str, Any] = {name: page[name] for name in page}
        for name, kind in _KINDS.items():
            about[name] = tuple(_made(kind, one) for one in page[name])
        if "spelling" in page:
            about["spelling"] = _unpacked(page["spelling"], np.int8).reshape(steps, len(VOICES))
        page = Notation(**about)
    return replace(
        chorale,
        key=told["key"],
        time_signature=told["time_signature"],
        pickup=told["pickup"],
        fermatas=None if flags is None else _unpacked(flags, bool),
        notation=page,
    )


def _without_defaults(one: Any) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(one)}
    return {
        name: float(value) if isinstance(value, np.floating) else value
        for name, value in asdict(one).items()
        if value != defaults[name]
    }


def _made(kind: Any, told: Mapping[str, Any]) -> Any:
    return kind(**{n: tuple(v) if isinstance(v, list) else v for n, v in told.items()})


def _packed(array: np.ndarray) -> str:
    return base64.b64encode(zlib.compress(array.tobytes())).decode()


def _unpacked(text: str, kind: Any) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)
