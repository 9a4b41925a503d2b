"""Existing runs: a table of all, and a summary of one.

`pipeline` makes a run, `record` keeps its data.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .record import LOCK, RECORD, display_path, read_metrics, read_record

if TYPE_CHECKING:
    import pandas as pd

# The figures of metrics.json that the list of runs shows: column -> figure.
SCORES = {"note_gru": "training.note_gru.val_nats", "chord_gru": "training.chord_gru.val_nats"}


def runs_in(output: str | os.PathLike[str]) -> "pd.DataFrame":
    """The runs in a folder, the latest first.

    Returns:
        DataFrame with one row per run and the columns run, state, started, minutes, profile, given
        (the parameters that were set, as text) and the scores of `SCORES` (nats per note on the
        validation pieces).

    Args:
        output: the folder that holds the runs' folders.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     list(runs_in(folder).columns)
        ['run', 'state', 'started', 'minutes', 'profile', 'given', 'note_gru', 'chord_gru']
    """
    import pandas as pd

    rows = []
    for path in Path(output).glob(f"*/{RECORD}"):
        record, metrics = read_record(path.parent), read_metrics(path.parent)
        seconds = [entry["seconds"] or 0 for entry in record["notebooks"]]
        rows.append(
            {
                "run": path.parent.name,
                "state": record["state"],
                "started": record["started"],
                "minutes": round(sum(seconds) / 60, 1),
                "profile": record["profile"],
                "given": " ".join(f"{name}={value}" for name, value in record["given"].items()),
                **{column: metrics.get(figure) for column, figure in SCORES.items()},
            }
        )
    columns = ["run", "state", "started", "minutes", "profile", "given", *SCORES]
    return pd.DataFrame(rows, columns=columns).sort_values(
        "started", ascending=False, ignore_index=True
    )


def summary(folder: str | os.PathLike[str]) -> str:
    """A summary of a run as text: its state, its notebooks, the files in its folder, and the
    figures of ``metrics.json``.

    Raises:
        FileNotFoundError: there is no run in this folder.
        ValueError: its ``run.json`` is not the record of a run.
    """
    folder = Path(folder)
    record = read_record(folder)
    lines = [*_about(record), "", *_files(folder, record)]
    if figures := read_metrics(folder):
        width = max(map(len, figures)) + 2
        lines += ["", "metrics.json:"]
        lines += [
            f"  {name:{width}}{value:.4g}"
            if isinstance(value, float)
            else f"  {name:{width}}{value}"
            for name, value in figures.items()
        ]
    return "\n".join(lines)


def _about(record: dict[str, Any]) -> list[str]:
    """Lines on state, parameters and notebooks."""
    commit = ""
    if record["commit"]:
        changes = "" if record["checkout_clean"] else " and changes"
        commit = f", commit {record['commit'][:12]}{changes}"
    lines = [
        f"Run {record['run_id']}: {record['state']}",
        f"  started {record['started']}, profile {record['profile']}, "
        f"seed {record['seed']}{commit}",
    ]
    lines += [f"  {name} = {value!r}" for name, value in record["given"].items()]
    lines += [f"  resumed {again['at']}" for again in record["resumed"]]
    for entry in record["notebooks"]:
        seconds = "" if entry["seconds"] is None else f"{entry['seconds']:8.0f} s"
        memory = "" if entry["peak_memory_mib"] is None else f"{entry['peak_memory_mib']:8,} MiB"
        lines.append(f"  {entry['name']:34}{entry['state']:12}{seconds}{memory}")
    if error := record["error"]:
        place = f"{error['place']}: " if "place" in error else ""
        lines.append(f"  {place}{error['ename']}: {error['evalue']}")
    return lines


def _files(folder: Path, record: dict[str, Any]) -> list[str]:
    """Lines on the files in the run's folder."""
    mirror = record.get("mirror")
    copy = f", and a copy of it in {mirror}/{record['run_id']}" if mirror else ""
    lines = [f"Everything is in {display_path(folder)}{copy}:"]
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            files = sum(path.is_file() for path in entry.rglob("*"))
            lines.append(f"  {entry.name + '/':40}{files} file{'s' * (files != 1)}")
        elif entry.name != LOCK:
            lines.append(f"  {entry.name}")
    return lines
