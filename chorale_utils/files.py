"""Files: written whole or not at all; and the one file in which a run collects its figures."""

import json
import os
from pathlib import Path


def write_whole(path, write):
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
            os.fsync(file.fileno())  # otherwise the new name may be on the disk before what it names
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def record_metrics(folder, section, **figures):
    """Writes figures into `folder`/metrics.json under the name of a section, beside those that are there.

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
        raise ValueError(f"{path} is no JSON object ({error}): remove it, or give another run folder") from error
    text = json.dumps(metrics, indent=2, allow_nan=False)
    write_whole(path, lambda unfinished: unfinished.write_text(text + "\n", encoding="utf-8"))
    return metrics
