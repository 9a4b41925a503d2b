"""The record of a run: ``run.json`` in its folder, which says how the results were made; its
``metrics.json``; and the lock that keeps two processes from working in the folder at once.

`pipeline` decides what is executed.

Notebook: 03_model_training
"""

import json
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..files import write_atomically

RECORD = "run.json"
METRICS = "metrics.json"
LOCK = "run.lock"
LOCK_TIMEOUT = 10  # seconds; enough for the kernel of a killed run to notice and exit

# The packages whose versions may change a result, or how it is computed.
PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "matplotlib",
    "music21",
    "mido",
    "verovio",
    "soundfile",
    "papermill",
    "nbclient",
    "ipykernel",
    "distributed",
    "pyarrow",
)


class FolderInUse(OSError):
    """Another process is using the folder of a run."""


@contextmanager
def folder_lock(folder: str | os.PathLike[str], timeout: float = LOCK_TIMEOUT) -> Iterator[int]:
    """Locks a run's folder against other processes, and yields the lock's file descriptor.

    The lock lasts until the context, the process, and all child processes that inherit the
    descriptor have ended. The system then releases it, even if they were killed.

    Args:
        folder: an existing folder.
        timeout: seconds to wait for another process to release the lock.

    Raises:
        FolderInUse: another process is still using the folder.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, folder_lock(folder):
        ...     is_locked(folder)
        True
    """
    import fcntl

    with open(Path(folder) / LOCK, "a+", encoding="utf-8") as file:
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    file.seek(0)
                    holder = f" by process {pid}" if (pid := file.read().strip()) else ""
                    raise FolderInUse(
                        f"{display_path(folder)} is in use{holder}: wait for the process to end, "
                        f"or choose another folder"
                    ) from None
            time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def is_locked(folder: str | os.PathLike[str]) -> bool:
    """Whether a process is using a run's folder, which need not be writable.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     is_locked(folder)
        False
    """
    import fcntl

    try:
        with open(Path(folder) / LOCK, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def read_record(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of ``run.json`` in a run's folder.

    If its state is ``running`` but no process is using the folder, the run was killed, and the
    state returned is ``interrupted``.

    Raises:
        FileNotFoundError: there is no run in this folder.
        ValueError: ``run.json`` is not the record of a run.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_record(folder, {"state": "running"})
        ...     read_record(folder)
        {'state': 'interrupted'}
    """
    path = Path(folder) / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        running = record["state"] == "running"
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{display_path(folder)}: no run here; expected a folder with {RECORD}, such as those "
            f"that `chorale list` shows"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{display_path(path)} is not the record of a run ({error})") from error
    if running and not is_locked(folder):
        record["state"] = "interrupted"
    return record


def write_record(folder: str | os.PathLike[str], record: dict[str, Any]) -> None:
    """Writes ``run.json`` into a run's folder, completely or not at all.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_record(folder, {"state": "complete"})
        ...     read_record(folder)["state"]
        'complete'
    """
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_atomically(
        Path(folder) / RECORD, lambda unfinished: unfinished.write_text(text, encoding="utf-8")
    )


def utc_now() -> str:
    """The time in UTC, such as ``'2026-01-31T12:00:00+00:00'``.

    Examples:
        >>> utc_now().endswith("+00:00")
        True
    """
    return datetime.now(UTC).isoformat(timespec="seconds")


def provenance() -> dict[str, Any]:
    """Everything that a result may depend on besides parameters and corpus: versions, commit,
    whether the checkout was clean, processor, number of cores.

    Examples:
        >>> list(provenance())
        ['versions', 'commit', 'checkout_clean', 'processor', 'cores']
    """
    commit, clean = _commit()
    return {
        "versions": _versions(),
        "commit": commit,
        "checkout_clean": clean,
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def _versions() -> dict[str, str | None]:
    """Versions by name: Python, the system, this package, and every package in `PACKAGES`; None if
    it is not installed."""
    from .. import __version__

    found: dict[str, str | None] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "chorale_utils": __version__,
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _commit() -> tuple[str | None, bool | None]:
    """(commit of the checkout that contains this package, whether the checkout is clean); (None,
    None) outside a checkout."""
    checkout = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        top, commit = git("rev-parse", "--show-toplevel"), git("rev-parse", "HEAD")
        changes = git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return (commit, not changes) if Path(top).resolve() == checkout else (None, None)


def _processor() -> str:
    try:
        found = re.search(
            r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
        )
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def display_path(path: str | os.PathLike[str]) -> str:
    """A path for messages: relative if it lies below the current folder.

    Examples:
        >>> display_path(Path.cwd() / "outputs" / "runs")
        'outputs/runs'
        >>> display_path("/elsewhere")
        '/elsewhere'
    """
    path, here = Path(path).resolve(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def record_metrics(
    folder: str | os.PathLike[str], section: str, **figures: Any
) -> dict[str, dict[str, Any]]:
    """Writes figures into a section of a run's ``metrics.json``, and returns the whole content of
    the file.

    Args:
        folder: the run's folder; created if missing.
        section: name of the section, such as ``'training'``; an older section of that name is
            replaced, others stay.
        figures: names with numbers, texts, or dicts of these.

    Raises:
        ValueError: ``metrics.json`` exists and is not a JSON object; or a figure is infinite or
            NaN, which JSON cannot hold.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = record_metrics(folder, "training", epochs=3)
        ...     record_metrics(folder, "evaluation", nats=0.55)
        {'training': {'epochs': 3}, 'evaluation': {'nats': 0.55}}

    Notebook: 03_model_training
    """
    path = Path(folder) / METRICS
    try:
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        metrics[section] = figures
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is not a JSON object ({error}): remove it, or choose another run folder"
        ) from error
    text = json.dumps(metrics, indent=2, allow_nan=False)
    write_atomically(path, lambda unfinished: unfinished.write_text(text + "\n", encoding="utf-8"))
    return metrics


def read_metrics(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The figures of ``metrics.json`` in a run's folder, nested names joined by dots; an empty dict
    if there is no such file.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = record_metrics(folder, "training", note_gru={"epochs": 3})
        ...     read_metrics(folder)
        {'training.note_gru.epochs': 3}
    """
    try:
        return flatten(json.loads((Path(folder) / METRICS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one dict, names joined by dots.

    Examples:
        >>> flatten({"valid": {"nats": 0.5}, "notes": 7})
        {'valid.nats': 0.5, 'notes': 7}
    """
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= (
            flatten(value, f"{prefix}{name}.")
            if isinstance(value, dict)
            else {f"{prefix}{name}": value}
        )
    return flat
