"""Sweeps: notebooks executed once for each point of a grid or random search, in parallel on Dask
workers.

``chorale sweep SWEEP.yml`` leaves in ``outputs/sweeps/<name of the file>/`` a run for each point,
``results.parquet`` with one row per point, and ``summary.ipynb`` with a table and a plot. A point
is a run like any other (see `pipeline`), with its own kernel, process, record and lock. So a sweep
that is started again repeats no finished point, and a point whose worker was lost resumes.
"""

import json
import os
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import write_atomically
from ..story.notebooks import NotebookFailed, execute
from ..story.pipeline import NOTEBOOKS, resume, run
from ..story.progress import is_shown
from ..story.record import RECORD, folder_lock, read_metrics, read_record
from .cluster import dask_client, run_tasks
from .sweep_file import Sweep, read_sweep

if TYPE_CHECKING:
    import pandas as pd

RESULTS = "results.parquet"
SUMMARY = "summary.ipynb"
_ROWS = 20  # of the live table


def run_sweep(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str] = "outputs/sweeps",
    scheduler: str | None = None,
    workers: int | None = None,
    notebooks: str | os.PathLike[str] = NOTEBOOKS,
    progress: bool | None = None,
) -> Path:
    """Executes a sweep, or completes one, and returns its folder. Points that fail are kept with
    their error and do not stop the others.

    Args:
        path: the sweep's YAML file, see `read_sweep`.
        output: the folder in which the sweep's folder is created; all workers must be able to
            access it.
        scheduler: see `cluster.dask_client`.
        workers: see `cluster.dask_client`.
        notebooks: the folder of the notebooks.
        progress: whether to show a live table instead of one line per point; None shows the table
            on a terminal.

    Raises:
        MissingExtra: the packages that sweeps need are not installed.
        ValueError: the file is invalid, or has a parameter that no notebook accepts; nothing was
            started.
        FolderInUse: another sweep with this name is running.
    """
    sweep = read_sweep(path, notebooks)
    folder = Path(output).resolve() / Path(path).stem
    folder.mkdir(parents=True, exist_ok=True)
    with folder_lock(folder):
        write_atomically(
            folder / "sweep.yml", lambda unfinished: unfinished.write_bytes(Path(path).read_bytes())
        )
        waiting = {
            name: (str(folder / name), given, sweep["profile"], str(notebooks), sweep["notebooks"])
            for name, given in sweep["points"].items()
            if _state(folder / name) != "complete"
        }
        errors = {}
        if waiting:
            with (
                dask_client(scheduler, workers) as client,
                _LiveTable(folder, sweep, waiting, progress, client.dashboard_link) as table,
            ):
                for name, error in run_tasks(client, run_point, waiting):
                    if error is not None:
                        errors[name] = error
                    table.point_ended(name, error)
                    _write_results(folder, sweep, errors)
        _write_results(folder, sweep, errors)
        _write_summary(folder, sweep)
    return folder


def run_point(
    folder: str, given: dict[str, Any], profile: str, notebooks: str, names: list[str]
) -> None:
    """Executes one point in its folder, or completes it.

    The outcome, even a failed notebook, is in the folder's record. Only errors that prevent the
    point from becoming a run are raised.

    Args:
        folder: the point's folder.
        given: name -> value of the parameters set in this point.
        profile: see `pipeline.run`.
        notebooks: the folder of the notebooks.
        names: names of the notebooks to execute.
    """
    place = Path(folder)
    try:
        if (place / RECORD).exists():
            resume(place, progress=False)
        else:
            run(
                profile,
                parameters=given,
                output=place.parent,
                run_id=place.name,
                notebooks=notebooks,
                names=names,
                progress=False,
            )
    except NotebookFailed:
        pass  # the record has the error


def _state(folder: Path) -> str:
    """The state of a point; ``'waiting'`` if it has not started."""
    return read_record(folder)["state"] if (folder / RECORD).exists() else "waiting"


def collect_results(
    folder: Path, sweep: Sweep, errors: Mapping[str, BaseException] | None = None
) -> "pd.DataFrame":
    """A sweep's results as a table.

    Args:
        folder: the sweep's folder.
        sweep: from `read_sweep`.
        errors: point's name -> the exception that prevented it from becoming a run.

    Returns:
        DataFrame with one row per point and the columns point, state, error, minutes,
        peak_memory_mib, commit, the parameters set in the points, and the figures of their
        metrics.json, nested names joined by dots.
    """
    import pandas as pd

    rows = []
    for name, given in sweep["points"].items():
        row: dict[str, Any] = {
            "point": name,
            "state": _state(folder / name),
            "error": None,
            "minutes": None,
            "peak_memory_mib": None,
            "commit": None,
        }
        if (folder / name / RECORD).exists():
            record = read_record(folder / name)
            row |= {
                "minutes": sum(entry["seconds"] or 0 for entry in record["notebooks"]) / 60,
                "peak_memory_mib": record["peak_memory_mib"],
                "commit": record["commit"],
            }
            if error := record["error"]:
                place = f"{error['place']} " if "place" in error else ""
                row["error"] = f"{place}{error['ename']}: {error['evalue']}"
        if row["state"] != "complete" and errors and name in errors:
            row["error"] = f"{type(errors[name]).__name__}: {errors[name]}"
            row["state"] = "failed"
        figures = read_metrics(folder / name) if row["state"] == "complete" else {}
        rows.append(row | {key: _cell(value) for key, value in (given | figures).items()})
    return pd.DataFrame(rows)


def _cell(value: Any) -> Any:
    """A value for a table, with lists and dicts as JSON."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _write_results(folder: Path, sweep: Sweep, errors: Mapping[str, BaseException]) -> None:
    table = collect_results(folder, sweep, errors)
    write_atomically(folder / RESULTS, lambda unfinished: table.to_parquet(unfinished, index=False))


def _write_summary(folder: Path, sweep: Sweep) -> None:
    """Writes and executes the notebook that shows the results."""
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    heading = (
        f"# {folder.name}\n\n{len(sweep['points'])} points of the notebooks "
        f"{', '.join(sweep['notebooks'])}, written by `chorale sweep`; `{RESULTS}` has all figures."
    )
    cells = [
        "import pandas as pd\n\nfrom chorale_utils import plot_sweep",
        f"varied = {sweep['varied']!r}\n"
        f"score = {sweep['score']!r}\n"
        f"results = pd.read_parquet({RESULTS!r})\n"
        f"results['state'].value_counts().to_frame('points')",
        "columns = [*varied, score, 'minutes', 'peak_memory_mib']\n"
        "shown = [column for column in columns if column in results]\n"
        "complete = results[results['state'] == 'complete'].set_index('point')\n"
        "complete[shown].sort_values(score if score in results else shown[0])",
        "if score in complete and varied:\n    plot_sweep(complete, varied, score)",
        "columns = ['point', *varied, 'state', 'error']\n"
        "results.loc[results['state'] != 'complete', columns]",
    ]
    book = new_notebook(cells=[new_markdown_cell(heading), *map(new_code_cell, cells)])
    source = folder / f".{SUMMARY}"
    nbformat.write(book, source)
    try:
        execute(source, folder / SUMMARY, {})
    finally:
        source.unlink()


class _LiveTable:
    """A live table of a sweep's progress on a terminal; elsewhere one line for each point that
    ends."""

    def __init__(
        self,
        folder: Path,
        sweep: Sweep,
        waiting: Collection[str],
        progress: bool | None,
        dashboard: str,
    ) -> None:
        self.folder, self.sweep, self.waiting, self.dashboard = folder, sweep, waiting, dashboard
        self.live = is_shown(progress)
        self.quiet = progress is False
        self.done: list[str] = []
        self.failed, self.began = 0, time.monotonic()

    def __enter__(self) -> "_LiveTable":
        if self.live:
            from rich.console import Console
            from rich.live import Live

            console = Console(stderr=True)
            self.display = Live(
                get_renderable=self._rendered, console=console, refresh_per_second=1
            )
            self.display.start()
        elif not self.quiet:
            print(
                f"{len(self.waiting)} of {len(self.sweep['points'])} points to do; dashboard "
                f"{self.dashboard}",
                file=sys.stderr,
            )
        return self

    def __exit__(self, *error: object) -> None:
        if self.live:
            self.display.stop()

    def point_ended(self, name: str, error: BaseException | None) -> None:
        """Records that a point has ended, and the error that prevented it from becoming a run, if
        any."""
        self.done.append(name)
        cells = self._cells(name)
        self.failed += cells[0] != "complete"
        if not self.live and not self.quiet:
            about = f": {type(error).__name__}: {error}" if error is not None else ""
            print(
                f"{len(self.done)} of {len(self.waiting)}  {name}  {'  '.join(cells)}{about}",
                file=sys.stderr,
            )

    def _cells(self, name: str) -> list[str]:
        """State, values of the varied parameters, score."""
        given = self.sweep["points"][name]
        score = read_metrics(self.folder / name).get(self.sweep["score"])
        return [
            _state(self.folder / name),
            *(f"{parameter} {given.get(parameter, '')}" for parameter in self.sweep["varied"]),
            f"{score:.4g}" if isinstance(score, (int, float)) else "",
        ]

    def _rendered(self) -> Any:
        """The table as rich's Table."""
        from rich.table import Table

        left = len(self.waiting) - len(self.done)
        minutes = (time.monotonic() - self.began) / 60
        about = ""
        if self.done and left:
            about = f", about {minutes / len(self.done) * left:.0f} minutes left"
        table = Table(
            title=f"{len(self.done)} of {len(self.waiting)} points done, {self.failed} failed, "
            f"{minutes:.0f} minutes so far{about}\n{self.dashboard}",
            title_justify="left",
        )
        for column in ("point", "state", *self.sweep["varied"], self.sweep["score"]):
            table.add_column(column)
        busy = [
            name
            for name in self.waiting
            if name not in self.done and (self.folder / name / RECORD).exists()
        ]
        for name in (self.done + busy)[-_ROWS:]:
            table.add_row(name, *[cell.split(" ", 1)[-1] for cell in self._cells(name)])
        return table
