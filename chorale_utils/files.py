"""Files: written whole or not at all; and the one file in which a run collects its figures."""

import json
import os
from io import BytesIO
from pathlib import Path

import numpy as np

from .chorale import Chorale, Pieces


def write_atomically(path, write):
    """Calls `write` with a temporary path beside `path` and then renames it, so that `path` is either whole or
    as it was before, whatever happens in between, a power cut included. The folder is made where it is missing.

    Args:
        path: where the file is to be (str or Path).
        write: function of one Path that writes the file there; the suffix is that of `path`.

    Returns:
        Path: `path`.
    """
    path = Path(path)
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


GRIDS = ("pitches", "onsets", "fermatas")
ABOUT = ("name", "bwv", "title", "key", "time_signature", "pickup")


def save_chorales(chorales, path):
    """Writes a list of Chorale into one ``.npz`` file, whole or not at all; a `Pieces` with its
    report.

    Args:
        chorales: list of Chorale.
        path: str or Path.
    """
    about = [
        {name: getattr(chorale, name) for name in ABOUT}
        | {
            "steps": len(chorale),
            "known": [name for name in GRIDS if getattr(chorale, name) is not None],
        }
        for chorale in chorales
    ]
    grids = {
        name: np.concatenate(
            [getattr(chorale, name) for chorale in chorales if getattr(chorale, name) is not None]
        )
        for name in GRIDS
        if any(name in one["known"] for one in about)
    }
    if getattr(chorales, "report", None) is not None:
        grids["report"] = np.frombuffer(chorales.report.to_parquet(), np.uint8)

    def write(unfinished):
        with open(unfinished, "wb") as file:  # numpy would add a suffix to a name
            np.savez_compressed(file, about=np.array(json.dumps(about)), **grids)

    write_atomically(path, write)


def load_chorales(path):
    """What `save_chorales` wrote: a `Pieces` where there was a report, otherwise a list of Chorale.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is torn, or was written by something else.
    """
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            about, grids = json.loads(str(arrays["about"])), {}
            for name in GRIDS:
                those = [number for number, one in enumerate(about) if name in one["known"]]
                ends = np.cumsum([about[number]["steps"] for number in those])
                grids[name] = dict(zip(those, np.split(arrays[name], ends[:-1]))) if those else {}
            report = read_table(BytesIO(arrays["report"].tobytes())) if "report" in arrays else None
        chorales = [
            Chorale(
                **{name: one[name] for name in ABOUT},
                **{name: grids[name].get(number) for name in GRIDS},
            )
            for number, one in enumerate(about)
        ]
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except (
        Exception
    ) as error:  # a wrong byte makes zipfile, numpy and json fail in any way there is
        raise ValueError(f"{path} holds no chorales, or is torn ({error}): remove it") from error
    return chorales if report is None else Pieces(chorales, report)


def read_table(file):
    import pandas as pd

    return pd.read_parquet(file)
