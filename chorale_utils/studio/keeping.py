"""Keeping: a session's moments as JSON, and back.

Notebook: 06_studio
"""

from __future__ import annotations

import base64
import json
import zlib
from functools import lru_cache
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale
from ..form import Form
from ..notation.page import Bar, KeySignature, Notation, Syllable, Tempo
from .moments import Moment, Request, Settings


def chorale_to_json(chorale: Chorale) -> dict[str, Any]:
    """A chorale as a dict for JSON; `chorale_from_json` restores it."""
    about = ("name", "bwv", "title", "key", "time_signature", "pickup")
    arrays = ("pitches", "onsets", "fermatas")
    return (
        {name: getattr(chorale, name) for name in about}
        | {name: _packed(getattr(chorale, name)) for name in arrays}
        | {"notation": chorale.notation and _notation_to_json(chorale.notation)}
    )


def chorale_from_json(told: dict[str, Any]) -> Chorale:
    """The chorale from the result of `chorale_to_json`.

    Raises:
        ValueError: it is not a chorale.
    """
    steps = len(_unpacked(told["pitches"], "<i2")) // len(VOICES)
    told_of: dict[str, Any] = {
        name: None if told[name] is None else _unpacked(told[name], "?").reshape(shape)
        for name, shape in (("onsets", (steps, len(VOICES))), ("fermatas", (steps,)))
    }
    about = ("name", "bwv", "title", "key", "time_signature", "pickup")
    told_of |= {name: told[name] for name in about}
    pitches = _unpacked(told["pitches"], "<i2").reshape(steps, len(VOICES))
    notation = told["notation"] and _notation_from_json(told["notation"])
    return Chorale(pitches, **told_of, notation=notation)


_MARKS = {"bars": Bar, "keys": KeySignature, "tempos": Tempo, "words": Syllable}
_NAMES = ("composer", "lyricist", "arranger", "copyright")


def _notation_to_json(notation: Notation) -> dict[str, Any]:
    return (
        {name: [vars(mark) for mark in getattr(notation, name)] for name in _MARKS}
        | {name: getattr(notation, name) for name in _NAMES}
        | {"spelling": _packed(notation.spelling)}
    )


def _notation_from_json(told: dict[str, Any]) -> Notation:
    marks: dict[str, Any] = {
        name: tuple(kind(**mark) for mark in told[name]) for name, kind in _MARKS.items()
    }
    for bar in marks["bars"]:  # JSON has no tuples
        object.__setattr__(bar, "endings", tuple(bar.endings))
        object.__setattr__(bar, "marks", tuple(bar.marks))
    spelling = told["spelling"]
    if spelling is not None:
        spelling = _unpacked(spelling, "<i2").reshape(-1, len(VOICES))
    return Notation(**marks, spelling=spelling, **{name: told[name] for name in _NAMES})


@lru_cache(maxsize=512)  # a session is saved after each command, and most of it is the past
def moment_to_json(moment: Moment) -> str:
    """A moment as JSON (str); `moment_from_json` restores it."""
    request = moment.request
    told = {
        "chorale": chorale_to_json(moment.chorale),
        "locks": _packed(moment.locks),
        "what": moment.what,
        "request": request
        and {
            "work": request.work,
            "given": _packed(request.given.astype("<i2")),
            "seed": request.seed,
            "settings": vars(request.settings),
            "form": vars(request.form),
            "onsets": _packed(request.onsets),
            "pitch_classes": _packed(request.pitch_classes),
            "syllables": _packed(request.syllables),
        },
    }
    return json.dumps(told)


def moment_from_json(told: dict[str, Any]) -> Moment:
    """The moment from the result of `moment_to_json`, as read by `json.loads`.

    Raises:
        ValueError: it is not a moment.
    """
    chorale, request = chorale_from_json(told["chorale"]), told["request"]
    if request is not None and "form" not in request:  # from an earlier release
        request = None
    if request is not None:
        given = _unpacked(request["given"], "<i2").reshape(-1, len(VOICES)).astype(int)
        masks = {
            name: request[name] and _unpacked(request[name], "?").reshape(shape)
            for name, shape in (
                ("onsets", given.shape),
                ("pitch_classes", (-1, len(VOICES), 12)),
                ("syllables", (-1,)),
            )
        }
        settings, form = Settings(**request["settings"]), Form(**request["form"])
        request = Request(request["work"], given, request["seed"], settings, form, **masks)
    locks = _unpacked(told["locks"], "?").reshape(chorale.pitches.shape)
    return Moment(chorale, locks, request, told["what"])


def _packed(array: np.ndarray | None) -> str | None:
    if array is None:
        return None
    stored = array.astype("?" if array.dtype == bool else "<i2")
    return base64.b64encode(zlib.compress(stored.tobytes())).decode()


def _unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)
