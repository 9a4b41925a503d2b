"""What is known of a run: ``run.json`` in its folder, which says how all of it came about, and the
lock that keeps two from working there at once. What is executed is decided elsewhere."""

import json
import os
import platform
import re
import subprocess
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..files import write_atomically

RECORD = "run.json"
LOCK = "run.lock"
PATIENCE = 10  # seconds in which the kernel of a run that was killed has noticed and gone

# The packages whose versions may change a result, or how it was reached.
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
    """The folder of a run in which another process is at work."""


@contextmanager
def folder_lock(folder, patience=PATIENCE):
    """Keeps all others out of a run's folder as long as the context lasts, or the process, or a child that has
    inherited the descriptor (int) that it gives: the system lets go of the lock when the last of them is gone,
    however it went.

    Args:
        folder: Path, there.
        patience: seconds to wait for another to go.

    Raises:
        InUse: another is at work there.
    """
    import fcntl

    with open(Path(folder) / LOCK, "a+", encoding="utf-8") as file:
        until = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    file.seek(0)
                    holder = f" by process {pid}" if (pid := file.read().strip()) else ""
                    raise FolderInUse(
                        f"{display_path(folder)} is in use{holder}: wait until it has ended, or choose another "
                        f"folder"
                    ) from None
            time.sleep(0.1)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def is_locked(folder):
    """Whether a process is at work in a run's folder, which may be one that cannot be written;
    bool."""
    import fcntl

    try:
        with open(Path(folder) / LOCK, encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def read_record(folder):
    """What ``run.json`` in a run's folder says (dict). Where it says ``running`` and nobody is at work there, the run
    was killed, and its state is ``interrupted``.

    Raises:
        FileNotFoundError: there is no run.
        ValueError: it is no record.
    """
    path = Path(folder) / RECORD
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        running = record["state"] == "running"
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{display_path(folder)}: no run is there; expected a folder with {RECORD}, such as those that "
            f"`chorale list` names"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{display_path(path)} is no record of a run ({error})") from error
    if running and not is_locked(folder):
        record["state"] = "interrupted"
    return record


def write_record(folder, record):
    """Writes `record` (dict) as ``run.json``, whole or not at all."""
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_atomically(
        Path(folder) / RECORD, lambda unfinished: unfinished.write_text(text, encoding="utf-8")
    )


def utc_now():
    """The time in Greenwich, such as ``'2026-01-31T12:00:00+00:00'``."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def provenance():
    """What a result may depend on besides parameters and corpus: versions, commit and whether the checkout was clean,
    processor, cores; dict."""
    commit, clean = _commit()
    return {
        "versions": _versions(),
        "commit": commit,
        "checkout_clean": clean,
        "processor": _processor(),
        "cores": os.cpu_count(),
    }


def display_path(path):
    """A path as it is shown: relative where it is below the current folder."""
    path, here = Path(path).resolve(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def flatten(values, prefix=""):
    """Nested dicts as one, names joined by dots."""
    flat = {}
    for name, value in values.items():
        flat |= (
            flatten(value, f"{prefix}{name}.")
            if isinstance(value, dict)
            else {f"{prefix}{name}": value}
        )
    return flat


def read_metrics(folder):
    """The figures of ``metrics.json`` in a run's folder, as one dict, names joined by dots; empty
    where there are none."""
    try:
        return flatten(json.loads((Path(folder) / "metrics.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def _versions():
    """Versions by name: Python, the system, this package, and every package of `PACKAGES` that is
    installed."""
    from .. import __version__

    found = {
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


def _commit():
    """The commit of the checkout that this package is in (str) and whether nothing in it was changed (bool);
    None and None where it is in no checkout."""
    checkout = Path(__file__).resolve().parents[2]

    def git(*arguments):
        command = ["git", "-C", checkout, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        top, commit = git("rev-parse", "--show-toplevel"), git("rev-parse", "HEAD")
        changes = git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return (commit, not changes) if Path(top).resolve() == checkout else (None, None)


def _processor():
    try:
        found = re.search(
            r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
        )
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def record_metrics(folder, section, **figures):
    """Writes figures into `folder`/metrics.json under the name of a section, beside those that are
    there.

    Args:
        folder: a run's folder (str or Path), made where it is missing.
        section: what the figures belong to, such as ``'training'``; an older section of that name is replaced.
        figures: name -> number or text.

    Returns:
        dict: all that metrics.json holds now.

    Raises:
        ValueError: metrics.json is there and is no JSON object; or a figure is no finite number, which JSON cannot hold.
    """
    path = Path(folder) / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        metrics[section] = figures
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path} is no JSON object ({error}): remove it, or give another run folder"
        ) from error
    text = json.dumps(metrics, indent=2, allow_nan=False)
    write_atomically(path, lambda unfinished: unfinished.write_text(text + "\n", encoding="utf-8"))
    return metrics
