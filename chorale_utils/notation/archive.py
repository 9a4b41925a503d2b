"""Chorales in the package's own file format, with all their fields.

It is a numpy file: arrays of all pieces end to end, and the rest as JSON. Reading it executes no
code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..chorale import Chorale, Pieces, as_chorales
from ..files import as_path, read_table, write_atomically
from .page import Bar, KeySignature, Notation, Syllable, Tempo

GRIDS = ("pitches", "onsets", "fermatas", "spelling")
ABOUT = ("name", "bwv", "title", "key", "time_signature", "pickup")
_LISTS: dict[str, Any] = {"bars": Bar, "keys": KeySignature, "tempos": Tempo, "words": Syllable}


def save_chorales(chorales: Chorale | Iterable[Chorale], path: str | os.PathLike[str]) -> Path:
    """Writes chorales into one ``.npz`` file, completely or not at all; a `Pieces` with its report.

    Args:
        chorales: Chorale, or an iterable of them.
        path: str or Path.

    Returns:
        Path: `path`.

    Raises:
        TypeError: something other than chorales.

    Examples:
        >>> from tempfile import mkdtemp
        >>> file = save_chorales(Chorale([[72, 67, 64, 48]], name="mine"), f"{mkdtemp()}/mine.npz")
        >>> load_chorales(file)
        [Chorale('mine', 1 steps)]

    Notebook: 05_generation
    """
    report = getattr(chorales, "report", None)
    chorales = as_chorales(chorales)
    about = [
        {name: getattr(chorale, name) for name in ABOUT}
        | {
            "steps": len(chorale),
            "known": [name for name in GRIDS if _grid(chorale, name) is not None],
            "notation": None if chorale.notation is None else _described(chorale.notation),
        }
        for chorale in chorales
    ]
    grids: dict[str, Any] = {
        name: np.concatenate(
            [grid for chorale in chorales if (grid := _grid(chorale, name)) is not None]
        )
        for name in GRIDS
        if any(name in one["known"] for one in about)
    }
    if report is not None:
        grids["report"] = np.frombuffer(report.to_parquet(), np.uint8)

    def write(unfinished: Path) -> None:
        with open(unfinished, "wb") as file:  # numpy would add a suffix to a name
            np.savez_compressed(file, about=np.array(json.dumps(about, default=_plain)), **grids)

    return write_atomically(path, write)


def load_chorales(path: str | os.PathLike[str]) -> list[Chorale]:
    """The chorales that `save_chorales` wrote: a `Pieces` if it had a report, otherwise a list of
    Chorale.

    Args:
        path: name of the file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is damaged, or was not written by `save_chorales`.
        TypeError: `path` is not a file name.

    Examples:
        >>> from tempfile import mkdtemp
        >>> chorales = [Chorale([[72, 67, 64, 48]], name=name) for name in "ab"]
        >>> load_chorales(save_chorales(chorales, f"{mkdtemp()}/two.npz")) == chorales
        True

    Notebook: 05_generation
    """
    path = as_path(path)
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            about, grids = json.loads(str(arrays["about"])), dict[str, Any]()
            for name in GRIDS:
                those = [number for number, one in enumerate(about) if name in one["known"]]
                ends = np.cumsum([about[number]["steps"] for number in those])
                grids[name] = dict(zip(those, np.split(arrays[name], ends[:-1]))) if those else {}
            report = read_table(BytesIO(arrays["report"].tobytes())) if "report" in arrays else None
        chorales = []
        for number, one in enumerate(about):
            known: dict[str, Any] = {name: grids[name].get(number) for name in GRIDS}
            notation = _notation(one.get("notation"), known.pop("spelling"))
            about_it = {name: one[name] for name in ABOUT}
            chorales.append(Chorale(**known, **about_it, notation=notation))
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # one wrong byte makes zipfile, numpy and json fail in many ways
        raise ValueError(
            f"{path} holds no chorales, or is damaged ({error}): expected a file written by "
            "save_chorales; load_chorale reads MIDI and scores"
        ) from error
    return chorales if report is None else Pieces(chorales, report)


def _grid(chorale: Chorale, name: str) -> np.ndarray | None:
    """One of the arrays with a row per step in a chorale or its notation, or None."""
    holder = chorale.notation if name == "spelling" else chorale
    return getattr(holder, name, None)


def _described(notation: Notation) -> dict[str, Any]:
    """A notation without its spelling, for JSON; default values are left out."""
    told: dict[str, Any] = {}
    for field in fields(notation):
        value = getattr(notation, field.name)
        if field.name in _LISTS:
            value = [_unusual(one) for one in value]
        if field.name != "spelling" and value:
            told[field.name] = value
    return told


def _unusual(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    return {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if getattr(value, field.name) != field.default
    }


def _plain(number: np.generic) -> Any:
    """A numpy number as a Python number, for JSON."""
    return number.item()


def _notation(told: dict[str, Any] | None, spelling: np.ndarray | None) -> Notation | None:
    """The notation that `_described` turned into JSON; None if the file has none."""
    if told is None:
        return None
    for name, kind in _LISTS.items():
        told[name] = tuple(
            kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in one.items()})
            for one in told.get(name, ())
        )
    return Notation(**told, spelling=spelling)
