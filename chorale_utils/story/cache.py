"""Keeping: chorales in one file, and the results of costly calls, so that a run that was
interrupted pays for none twice.

What is kept holds numbers and text alone, no pickle: reading it executes nothing. What belongs to a
training is kept by `training`, in its checkpoints.

Notebook: 04_evaluation
"""

import functools
import hashlib
import json
import re
import warnings
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from ..chorale import Chorale
from ..files import load_chorales, read_table, save_chorales, write_atomically

MOST = 100  # results in a folder
PACKAGE = __package__.partition(".")[0]


def cached(function, folder):
    """The same function, which keeps its results in a folder and computes none of them twice.

    A result is found again by all that it depends on: the function, its arguments (of a model its weights, of a chorale all
    that it holds), the source and tables of this package, and the versions of what it computes with. One that is torn is
    computed again, with a warning. Of more than `MOST`, the oldest are removed.

    Args:
        function: one of this package's, of plain values, arrays, chorales and models, and lists of them; what it gives is a
            list of Chorale, a pandas DataFrame or a float. What depends on chance, or on how fast a machine
            is, stays as it came the first time.
        folder: str or Path, made where it is missing.

    Raises:
        TypeError: a function of somebody else, whose source is not known; or, when called, an argument or a result that is
            none of these.

    Notebook: 04_evaluation
    """
    if function.__module__.partition(".")[0] != PACKAGE:
        raise TypeError(
            f"{function.__module__}.{function.__qualname__}: expected a function of {PACKAGE}"
        )

    @functools.wraps(function)
    def called(*args, **options):
        digest = hashlib.sha256(_source())
        _tell(
            digest,
            [function.__module__, function.__qualname__, list(args), sorted(options.items())],
        )
        place = Path(folder) / f"{function.__name__}-{digest.hexdigest()[:24]}"
        for suffix, read in _READERS.items():
            try:
                return read(place.with_suffix(suffix))
            except FileNotFoundError:
                continue
            except (ValueError, OSError) as error:
                warnings.warn(
                    f"{place.with_suffix(suffix)} is torn ({error}): computing it again",
                    stacklevel=2,
                )
        result = function(*args, **options)
        _keep(result, place)
        _remove_the_oldest(Path(folder))
        return result

    return called


def _keep(result, place):
    """Writes a result under a name (Path without suffix), in the form that fits it."""
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        write_atomically(place.with_suffix(".parquet"), result.to_parquet)
    elif isinstance(result, list) and all(isinstance(one, Chorale) for one in result):
        save_chorales(result, place.with_suffix(".npz"))
    elif isinstance(result, float):
        text = json.dumps(result)
        write_atomically(
            place.with_suffix(".json"),
            lambda unfinished: unfinished.write_text(text, encoding="utf-8"),
        )
    else:
        raise TypeError(
            f"{place.name}: a {type(result).__name__} came back: expected a list of Chorale, a DataFrame or a float"
        )


def _read_number(path):
    return json.loads(path.read_text(encoding="utf-8"))


_READERS = {".npz": load_chorales, ".parquet": read_table, ".json": _read_number}


def _remove_the_oldest(folder):
    ours = re.compile(rf"\w+-[0-9a-f]{{24}}({'|'.join(map(re.escape, _READERS))})")
    dated = []
    for path in folder.iterdir():
        if ours.fullmatch(path.name):
            with suppress(FileNotFoundError):  # another process has removed it
                dated.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(dated)[:-MOST]:
        path.unlink(missing_ok=True)


def _tell(digest, value):
    """Tells a hash what a value is, so that no two that differ look alike."""
    digest.update(type(value).__name__.encode())
    if isinstance(value, Chorale):
        value = list(vars(value).values())
    elif hasattr(value, "get_weights"):
        about = {
            name: said for name, said in value.get_config().items() if name != "name"
        }  # which counts models
        value = [
            str(about),
            *(weight for weight in value.get_weights() if weight.dtype.kind == "f"),
        ]  # but for seeds
    if isinstance(value, np.ndarray):
        digest.update(
            f"{value.dtype} {value.shape} ".encode() + np.ascontiguousarray(value).tobytes()
        )
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)} ".encode())
        for part in value:
            _tell(digest, part)
    elif isinstance(value, (type(None), bool, int, float, str, range, np.number)):
        digest.update(f"{value!r} ".encode())
    else:
        raise TypeError(
            f"argument {value!r}: expected a plain value, an array, a chorale, a model, or a list of them"
        )


@functools.cache
def _source():
    """The source and tables of this package and the versions of what it computes with (bytes, a hash), as they are when
    first asked for."""
    digest = hashlib.sha256(
        " ".join(version(package) for package in ("tensorflow", "keras", "numpy")).encode()
    )
    package = Path(__file__).parents[1]
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.csv")]):
        digest.update(path.read_bytes())
    return digest.digest()
