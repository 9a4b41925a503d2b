"""A cache on disk for the results of costly calls, so that an interrupted run does not compute them
twice.

Its files hold numbers and text, no pickles: reading them executes no code. Training has its own
checkpoints, see `models.checkpoint`.

Notebook: 04_evaluation
"""

import dataclasses
import functools
import hashlib
import inspect
import json
import os
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..chorale import Chorale
from ..files import read_table, write_atomically
from ..notation.archive import load_chorales, save_chorales

MAX_RESULTS = 100  # in a folder
PACKAGE = __name__.partition(".")[0]

P = ParamSpec("P")
R = TypeVar("R")


def cached(function: Callable[P, R], folder: str | os.PathLike[str]) -> Callable[P, R]:
    """The same function, which now saves its results in a folder and computes none twice.

    The key of a result covers everything that it depends on: the function, its arguments (for a
    model the weights, for a chorale all fields), the source code and tables of this package, and
    the versions of the packages that compute. A damaged result is computed again, with a warning.
    Beyond a hundred results, the oldest are removed.

    Args:
        function: a function of this package whose arguments are plain values, arrays, chorales and
            models, and lists of them, and whose result is a list of Chorale, a DataFrame or a
            float. A result that depends on chance or on the speed of the machine keeps its first
            value.
        folder: where the results are kept; created if missing.

    Raises:
        TypeError: the function is not one of this package, so that its source code is unknown; or,
            when it is called, an argument or the result is of another type than those above.

    Examples:
        >>> import tempfile
        >>> from chorale_utils import Chorale, faults
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = cached(faults, folder)(chorale)
        ...     again = cached(faults, folder)(chorale)  # read from the folder
        >>> first.equals(again)
        True

    Notebook: 04_evaluation
    """
    module, name = function.__module__, function.__qualname__
    if module.partition(".")[0] != PACKAGE:
        raise TypeError(f"{module}.{name}: expected a function of {PACKAGE}")

    @functools.wraps(function)
    def from_cache(*args: P.args, **options: P.kwargs) -> R:
        call = inspect.signature(function).bind(*args, **options)
        if isinstance(call.arguments.get("model"), (str, os.PathLike)):  # the key needs its weights
            from ..models.saving import as_model

            call.arguments["model"] = as_model(call.arguments["model"])
        digest = hashlib.sha256(_source_digest())
        _update(digest, [module, name, list(call.args), sorted(call.kwargs.items())])
        path = Path(folder) / f"{function.__name__}-{digest.hexdigest()[:24]}"
        for suffix, read in _READERS.items():
            try:
                return read(path.with_suffix(suffix))
            except FileNotFoundError:
                continue
            except (ValueError, OSError) as error:
                warnings.warn(
                    f"{path.with_suffix(suffix)} is damaged ({error}): computing it again",
                    stacklevel=2,
                )
        result = function(*args, **options)
        _save(result, path)
        _remove_oldest(Path(folder))
        return result

    return from_cache


def _save(result: Any, path: Path) -> None:
    """Writes a result in the format for its type; `path` has no suffix yet."""
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        write_atomically(path.with_suffix(".parquet"), result.to_parquet)
    elif isinstance(result, list) and all(isinstance(one, Chorale) for one in result):
        save_chorales(result, path.with_suffix(".npz"))
    elif isinstance(result, float):
        text = json.dumps(result)
        write_atomically(
            path.with_suffix(".json"),
            lambda unfinished: unfinished.write_text(text, encoding="utf-8"),
        )
    else:
        raise TypeError(
            f"{path.name}: result of type {type(result).__name__}: expected a list of Chorale, a "
            f"DataFrame or a float"
        )


def _read_number(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


_READERS: dict[str, Callable[[Path], Any]] = {
    ".npz": load_chorales,
    ".parquet": read_table,
    ".json": _read_number,
}


def _remove_oldest(folder: Path) -> None:
    suffixes = "|".join(map(re.escape, _READERS))
    ours = re.compile(rf"\w+-[0-9a-f]{{24}}({suffixes})")
    dated = []
    for path in folder.iterdir():
        if ours.fullmatch(path.name):
            with suppress(FileNotFoundError):  # another process has removed it
                dated.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(dated)[:-MAX_RESULTS]:
        path.unlink(missing_ok=True)


def _update(digest: Any, value: Any) -> None:
    """Updates a hash with a value, such that different values give different hashes."""
    digest.update(type(value).__name__.encode())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):  # such as a Chorale
        value = list(vars(value).values())
    elif hasattr(value, "get_weights"):
        # not the name, which Keras numbers, nor the state of seeds, which is not a weight
        config = {key: said for key, said in value.get_config().items() if key != "name"}
        weights = [weight for weight in value.get_weights() if weight.dtype.kind == "f"]
        value = [str(config), *weights]
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype} {value.shape} ".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)} ".encode())
        for part in value:
            _update(digest, part)
    elif isinstance(value, (type(None), bool, int, float, str, range, np.number)):
        digest.update(f"{value!r} ".encode())
    else:
        raise TypeError(
            f"argument {value!r}: expected a plain value, an array, a chorale, a model, or a list "
            f"of these"
        )


@functools.cache
def _source_digest() -> bytes:
    """A hash of this package's source code and tables, and of the versions of the packages that
    compute, at the time of the first call."""
    versions = [version(package) for package in ("tensorflow", "keras", "numpy")]
    digest = hashlib.sha256(" ".join(versions).encode())
    package = Path(__file__).parents[1]
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.csv")]):
        digest.update(path.read_bytes())
    return digest.digest()
