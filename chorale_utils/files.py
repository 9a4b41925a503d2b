"""Files: written whole or not at all; and chorales in a file of the package's own."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .chorale import Chorale, Pieces, as_chorales, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

GRIDS = ("pitches", "onsets", "fermatas")
ABOUT = ("name", "bwv", "title", "key", "time_signature", "pickup")


def as_path(path: str | os.PathLike[str], what: str = "the name of a file") -> Path:
    """`path` as a Path.

    Args:
        path: str or path-like.
        what: what is expected, for the error message.

    Raises:
        TypeError: it is something else; the message says what.

    Examples:
        >>> as_path("music/tune.mid").name
        'tune.mid'
        >>> as_path(None)
        Traceback (most recent call last):
        TypeError: got a NoneType (None): expected the name of a file
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"got {described(path)}: expected {what}")
    return Path(path)


def write_atomically(path: str | os.PathLike[str], write: Callable[[Path], object]) -> Path:
    """Writes a file whole or not at all, whatever happens in between, a power cut included.

    `write` gets a temporary path beside `path`; what it wrote is then renamed. The folder is made
    where it is missing.

    Args:
        path: where the file is to be (str or Path).
        write: function of one Path that writes the file there; the suffix is that of `path`.

    Returns:
        Path: `path`.

    Examples:
        >>> from tempfile import mkdtemp
        >>> file = write_atomically(f"{mkdtemp()}/new/x.txt", lambda path: path.write_text("all"))
        >>> file.read_text()
        'all'
    """
    path = as_path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(unfinished)
        with open(unfinished, "r+b") as file:
            os.fsync(
                file.fileno()
            )  # otherwise the new name may be on the disk before what it names
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def save_chorales(chorales: Chorale | Iterable[Chorale], path: str | os.PathLike[str]) -> Path:
    """Writes chorales into one ``.npz`` file, whole or not at all; a `Pieces` with its report.

    Args:
        chorales: Chorale, or an iterable of them.
        path: str or Path.

    Returns:
        Path: `path`.

    Raises:
        TypeError: something else than chorales.

    Examples:
        >>> from tempfile import mkdtemp
        >>> file = save_chorales(Chorale([[72, 67, 64, 48]], name="mine"), f"{mkdtemp()}/mine.npz")
        >>> load_chorales(file)
        [Chorale('mine', 1 steps)]
    """
    report = getattr(chorales, "report", None)
    chorales = as_chorales(chorales)
    about = [
        {name: getattr(chorale, name) for name in ABOUT}
        | {
            "steps": len(chorale),
            "known": [name for name in GRIDS if getattr(chorale, name) is not None],
        }
        for chorale in chorales
    ]
    grids: dict[str, Any] = {
        name: np.concatenate(
            [getattr(chorale, name) for chorale in chorales if getattr(chorale, name) is not None]
        )
        for name in GRIDS
        if any(name in one["known"] for one in about)
    }
    if report is not None:
        grids["report"] = np.frombuffer(report.to_parquet(), np.uint8)

    def write(unfinished: Path) -> None:
        with open(unfinished, "wb") as file:  # numpy would add a suffix to a name
            np.savez_compressed(file, about=np.array(json.dumps(about)), **grids)

    return write_atomically(path, write)


def load_chorales(path: str | os.PathLike[str]) -> list[Chorale]:
    """What `save_chorales` wrote: a `Pieces` where there was a report, otherwise a list of Chorale.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is torn, or was written by something else.

    Examples:
        >>> from tempfile import mkdtemp
        >>> chorales = [Chorale([[72, 67, 64, 48]], name=name) for name in "ab"]
        >>> load_chorales(save_chorales(chorales, f"{mkdtemp()}/two.npz")) == chorales
        True
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
            chorales.append(Chorale(**known, **{name: one[name] for name in ABOUT}))
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # a wrong byte makes zipfile, numpy and json fail in many ways
        raise ValueError(
            f"{path} holds no chorales, or is torn ({error}): expected a file that save_chorales "
            "wrote; load_chorale reads MIDI and scores"
        ) from error
    return chorales if report is None else Pieces(chorales, report)


def read_table(file: str | os.PathLike[str] | IO[bytes]) -> pd.DataFrame:
    """The table (pandas DataFrame) in a Parquet file."""
    import pandas as pd

    return pd.read_parquet(file)
