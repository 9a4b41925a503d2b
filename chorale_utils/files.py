"""Files: checking their names, writing them atomically, and reading tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING

from .chorale import described

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


def as_path(path: str | os.PathLike[str], what: str = "the name of a file") -> Path:
    """`path` as a Path.

    Args:
        path: str or path-like.
        what: what was expected, for the error message.

    Raises:
        TypeError: anything else; the message says what.

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
    """Writes a file completely or not at all, whatever happens in between, even a power cut.

    `write` gets a temporary path beside `path`, and the file is then renamed. The folder is created
    if missing.

    Args:
        path: path of the file (str or Path).
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
            os.fsync(file.fileno())  # otherwise the new name may reach the disk before the content
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def read_table(file: str | os.PathLike[str] | IO[bytes]) -> pd.DataFrame:
    """The table (pandas DataFrame) in a Parquet file."""
    import pandas as pd

    return pd.read_parquet(file)
