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
from .moments import Choices, Moment, Request, Settings, Variant


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
    """A moment as JSON (str); `moments_from_json` restores it."""
    told = {
        "chorale": chorale_to_json(moment.chorale),
        "locks": _packed(moment.locks),
        "what": moment.what,
        "request": moment.request and _request_to_json(moment.request),
        "settings": vars(moment.settings),
        "choices": vars(moment.choices),
        "seeds": moment.seeds,
        "variants": [
            {
                "chorale": chorale_to_json(variant.chorale),
                "request": _request_to_json(variant.request),
            }
            for variant in moment.variants
        ],
    }
    return json.dumps(told)


def _request_to_json(request: Request) -> dict[str, Any]:
    return {
        "work": request.work,
        "given": _packed(request.given.astype("<i2")),
        "seed": request.seed,
        "settings": vars(request.settings),
        "form": vars(request.form),
        "onsets": _packed(request.onsets),
        "pitch_classes": _packed(request.pitch_classes),
        "syllables": _packed(request.syllables),
    }


def moments_from_json(
    told: list[dict[str, Any]], settings: dict[str, Any] | None = None
) -> list[Moment]:
    """Moments (list of Moment) from the results of `moment_to_json`, as read by `json.loads`.
    Those that stem from one request hold the same one again.

    Args:
        told: the moments in the order of time.
        settings: those of all moments, if they have none of their own, as in an earlier release.

    Raises:
        ValueError: one is not a moment.
    """
    requests, variants = dict[str, Request](), dict[str, Variant]()

    def request_of(one: dict[str, Any] | None) -> Request | None:
        if one is None or "form" not in one:  # from an earlier release
            return None
        text = json.dumps(one)
        if text not in requests:
            requests[text] = _request_from_json(one)
        return requests[text]

    def variant_of(one: dict[str, Any]) -> Variant:
        text, request = json.dumps(one), request_of(one["request"])
        if request is None:
            raise ValueError("a variant without a request: expected one")
        if text not in variants:
            variants[text] = Variant(chorale_from_json(one["chorale"]), request)
        return variants[text]

    moments = []
    for each in told:
        chorale = chorale_from_json(each["chorale"])
        locks = _unpacked(each["locks"], "?").reshape(chorale.pitches.shape)
        moment = Moment(
            chorale,
            locks,
            request_of(each["request"]),
            each["what"],
            Settings(**each.get("settings", settings or {})),
            Choices(**each.get("choices", {})),
            tuple(each["seeds"]) if each.get("seeds") else None,
            tuple(variant_of(one) for one in each.get("variants", ())),
        )
        moments.append(moment)
    return moments


def _request_from_json(told: dict[str, Any]) -> Request:
    given = _unpacked(told["given"], "<i2").reshape(-1, len(VOICES)).astype(int)
    masks = {
        name: told[name] and _unpacked(told[name], "?").reshape(shape)
        for name, shape in (
            ("onsets", given.shape),
            ("pitch_classes", (-1, len(VOICES), 12)),
            ("syllables", (-1,)),
        )
    }
    settings, form = Settings(**told["settings"]), Form(**told["form"])
    return Request(told["work"], given, told["seed"], settings, form, **masks)


def _packed(array: np.ndarray | None) -> str | None:
    if array is None:
        return None
    stored = array.astype("?" if array.dtype == bool else "<i2")
    return base64.b64encode(zlib.compress(stored.tobytes())).decode()


def _unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind)
