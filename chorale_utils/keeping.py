"""Keeping: chorales in one file, and the results of costly calls, so that a run that was interrupted pays for none twice.

What is kept holds numbers and text alone, no pickle: reading it executes nothing. What belongs to a training is kept by
`training`, in its checkpoints.

Notebook: 04_evaluation
"""

import functools
import hashlib
import json
import re
import warnings
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np

from .chorale import Chorale, Pieces
from .files import write_whole

GRIDS = ("pitches", "onsets", "fermatas")
ABOUT = ("name", "bwv", "title", "key", "time_signature", "pickup")
MOST = 100  # results in a folder


def save_chorales(chorales, path):
    """Writes a list of Chorale into one ``.npz`` file, whole or not at all; a `Pieces` with its report.

    Args:
        chorales: list of Chorale.
        path: str or Path.
    """
    about = [{name: getattr(chorale, name) for name in ABOUT}
             | {"steps": len(chorale), "known": [name for name in GRIDS if getattr(chorale, name) is not None]}
             for chorale in chorales]
    grids = {name: np.concatenate([getattr(chorale, name) for chorale in chorales if getattr(chorale, name) is not None])
             for name in GRIDS if any(name in one["known"] for one in about)}
    if getattr(chorales, "report", None) is not None:
        grids["report"] = np.frombuffer(chorales.report.to_parquet(), np.uint8)

    def write(unfinished):
        with open(unfinished, "wb") as file:  # numpy would add a suffix to a name
            np.savez_compressed(file, about=np.array(json.dumps(about)), **grids)
    write_whole(path, write)


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
            report = _read_table(BytesIO(arrays["report"].tobytes())) if "report" in arrays else None
        chorales = [Chorale(**{name: one[name] for name in ABOUT}, **{name: grids[name].get(number) for name in GRIDS})
                    for number, one in enumerate(about)]
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # a wrong byte makes zipfile, numpy and json fail in any way there is
        raise ValueError(f"{path} holds no chorales, or is torn ({error}): remove it") from error
    return chorales if report is None else Pieces(chorales, report)


def kept(function, folder):
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
    if function.__module__.partition(".")[0] != __package__:
        raise TypeError(f"{function.__module__}.{function.__qualname__}: expected a function of {__package__}")

    @functools.wraps(function)
    def called(*args, **options):
        digest = hashlib.sha256(_source())
        _tell(digest, [function.__module__, function.__qualname__, list(args), sorted(options.items())])
        place = Path(folder) / f"{function.__name__}-{digest.hexdigest()[:24]}"
        for suffix, read in _READERS.items():
            try:
                return read(place.with_suffix(suffix))
            except FileNotFoundError:
                continue
            except (ValueError, OSError) as error:
                warnings.warn(f"{place.with_suffix(suffix)} is torn ({error}): computing it again", stacklevel=2)
        result = function(*args, **options)
        _keep(result, place)
        _remove_the_oldest(Path(folder))
        return result
    return called


def _keep(result, place):
    """Writes a result under a name (Path without suffix), in the form that fits it."""
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        write_whole(place.with_suffix(".parquet"), result.to_parquet)
    elif isinstance(result, list) and all(isinstance(one, Chorale) for one in result):
        save_chorales(result, place.with_suffix(".npz"))
    elif isinstance(result, float):
        text = json.dumps(result)
        write_whole(place.with_suffix(".json"), lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
    else:
        raise TypeError(f"{place.name}: a {type(result).__name__} came back: expected a list of Chorale, a DataFrame or a float")


def _read_table(file):
    import pandas as pd

    return pd.read_parquet(file)


def _read_number(path):
    return json.loads(path.read_text(encoding="utf-8"))


_READERS = {".npz": load_chorales, ".parquet": _read_table, ".json": _read_number}


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
        about = {name: said for name, said in value.get_config().items() if name != "name"}  # which counts models
        value = [str(about), *(weight for weight in value.get_weights() if weight.dtype.kind == "f")]  # but for seeds
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype} {value.shape} ".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, (list, tuple)):
        digest.update(f"{len(value)} ".encode())
        for part in value:
            _tell(digest, part)
    elif isinstance(value, (type(None), bool, int, float, str, range, np.number)):
        digest.update(f"{value!r} ".encode())
    else:
        raise TypeError(f"argument {value!r}: expected a plain value, an array, a chorale, a model, or a list of them")


@functools.cache
def _source():
    """The source and tables of this package and the versions of what it computes with (bytes, a hash), as they are when
    first asked for."""
    digest = hashlib.sha256(" ".join(version(package) for package in ("tensorflow", "keras", "numpy")).encode())
    for path in sorted([*Path(__file__).parent.glob("*.py"), *Path(__file__).parent.glob("*.csv")]):
        digest.update(path.read_bytes())
    return digest.digest()
