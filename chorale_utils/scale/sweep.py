"""Sweeps: notebooks executed once for each point of a grid or of a random search, side by side on
Dask workers.

``chorale sweep SWEEP.yml`` leaves in ``outputs/sweeps/<name of the file>/`` a run for each point,
``results.parquet`` with a row for each, and ``summary.ipynb`` with what came out. A point is a run
like any other (see `pipeline`): a kernel of its own in a process of its own, a record, and a lock.
So a sweep that is started again repeats nothing that is finished, and a point whose worker was lost
goes on where it was."""

import hashlib
import itertools
import json
import math
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from ..files import write_atomically
from ..story.notebooks import (
    NotebookFailed,
    declared_parameters,
    execute,
    is_shown,
    notebooks_in,
    value_from_text,
)
from ..story.pipeline import NOTEBOOKS, overrides, plan_parameters, resume, run
from ..story.record import RECORD, folder_lock, read_metrics, read_record
from .cluster import dask_client, run_tasks

KEYS = ("notebooks", "profile", "corpus", "parameters", "grid", "random", "seeds", "score")
TRAINED = ["03_model_training", "04_evaluation"]
SCORE = "training.chord_gru.val_nats"
RESULTS = "results.parquet"
SUMMARY = "summary.ipynb"
_ROWS = 20  # of the live table


def run_sweep(
    path, output="outputs/sweeps", scheduler=None, workers=None, notebooks=NOTEBOOKS, progress=None
):
    """The folder (Path) of a sweep all of whose points have been tried; those that failed are kept
    with their error.

    Args:
        path: str or Path of a YAML file; `read_sweep` tells what stands in it.
        output: str or Path, the folder in which the sweep's own folder is made. All workers must see it.
        scheduler, workers: see `cluster.connected`.
        notebooks: str or Path, the folder of the notebooks.
        progress: bool, whether a live table is shown; None for yes on a terminal. Without it, a line a point.

    Raises:
        ValueError: the file says something that is not understood, or a notebook does not know; nothing was started.
        InUse: another sweep of that name is at work.
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
                _Table(folder, sweep, waiting, progress, client) as table,
            ):
                for name, error in run_tasks(client, run_point, waiting):
                    if error is not None:
                        errors[name] = error
                    table.ended(name, error)
                    _write_results(folder, sweep, errors)
        _write_results(folder, sweep, errors)
        _write_summary(folder, sweep)
    return folder


def read_sweep(path, notebooks=NOTEBOOKS):
    """What a sweep's YAML file says, checked: dict of notebooks (list of str), profile, score, varied (names of what
    differs between points) and points (dict of a point's name to what is set in it).

    ``notebooks``: names, 03_model_training and 04_evaluation unless said. ``profile``, ``corpus`` and ``parameters``: as
    for a run, the same for all points. ``grid``: for each parameter a list of values; all combinations are points. A list
    of such tables stands for the points of each (as in scikit-learn's ParameterGrid; `{}` is one point as it is). Or
    ``random``: ``points``, ``seed``, and in ``draw`` for each parameter a list to choose from, or ``low``, ``high`` and
    ``scale`` (linear or log). ``seeds``: each point once with each. ``score``: a figure of metrics.json, smaller being
    better, by which the summary orders.

    A point is named after what is set in it, so that points can be added to the file later.

    Args:
        path: str or Path.
        notebooks: str or Path, the folder of the notebooks.

    Raises:
        ValueError: no YAML, an unknown key, or something that a notebook does not know.
        FileNotFoundError: no such file, or no notebooks.
    """
    try:
        said = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: no YAML ({error})") from error
    if not isinstance(said, dict) or not set(said) <= set(KEYS):
        wrong = sorted(map(str, set(said) - set(KEYS))) if isinstance(said, dict) else [repr(said)]
        raise ValueError(f"{path}: {', '.join(wrong)}: expected some of the keys {', '.join(KEYS)}")
    if ("grid" in said) == ("random" in said) and "seeds" not in said:
        raise ValueError(f"{path}: expected a grid or a random search (one of them), or seeds")
    for key, kind in (("parameters", dict), ("random", dict), ("seeds", list), ("notebooks", list)):
        if not isinstance(said.get(key, kind()), kind):
            raise ValueError(
                f"{path}: {key}: {said[key]!r}: expected a {'list' if kind is list else 'table of names'}"
            )
    names = said.get("notebooks", TRAINED)
    books = notebooks_in(notebooks, names)
    defaults = {}
    for book in books:
        defaults = declared_parameters(book) | defaults
    if "grid" in said:
        grids = said["grid"] if isinstance(said["grid"], list) else [said["grid"]]
        drawn = [values for grid in grids for values in _combinations(path, grid)]
    else:
        drawn = _draws(path, said["random"]) if "random" in said else [{}]
    points = {}
    for values, seed in itertools.product(drawn, said.get("seeds") or [None]):
        values = {
            name: value_from_text(value, defaults.get(name)) if isinstance(value, str) else value
            for name, value in (said.get("parameters", {}) | values).items()
        }
        given = overrides(said.get("profile", "demo"), said.get("corpus"), seed, values)
        plan_parameters(books, given)
        points[_point_name(names, given)] = given
    if not points:
        raise ValueError(f"{path}: grid: {said['grid']!r}: expected at least one table")
    named = dict.fromkeys(name for given in points.values() for name in given)
    varied = [
        name for name in named if len({repr(given.get(name)) for given in points.values()}) > 1
    ]
    return {
        "notebooks": names,
        "profile": said.get("profile", "demo"),
        "score": said.get("score", SCORE),
        "varied": varied,
        "points": points,
    }


def results_of(folder, sweep, errors=None):
    """A sweep's results, a pandas DataFrame with a row a point: point, state, error, minutes, peak_memory_mib, commit,
    what was set, and the figures of the point's metrics.json, names joined by dots.

    Args:
        folder: Path of the sweep.
        sweep: dict, from `read_sweep`.
        errors: dict of a point's name to the exception that kept it from being a run at all.
    """
    import pandas as pd

    rows = []
    for name, given in sweep["points"].items():
        row = {
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
            if record["error"]:
                row["error"] = (
                    f"{record['error'].get('place', '')} {record['error']['ename']}: {record['error']['evalue']}".strip()
                )
        if row["state"] != "complete" and name in (errors or {}):
            row["error"] = f"{type(errors[name]).__name__}: {errors[name]}"
            row["state"] = "failed"
        figures = read_metrics(folder / name) if row["state"] == "complete" else {}
        rows.append(row | {key: _plain(value) for key, value in (given | figures).items()})
    return pd.DataFrame(rows)


def run_point(folder, given, profile, notebooks, names):
    """Executes one point in its folder, or goes on with it. What came of it is in the folder's record; only what kept it
    from becoming a run is raised."""
    folder = Path(folder)
    try:
        if (folder / RECORD).exists():
            resume(folder, progress=False)
        else:
            run(
                profile,
                parameters=given,
                output=folder.parent,
                run_id=folder.name,
                notebooks=notebooks,
                names=names,
                progress=False,
            )
    except NotebookFailed:
        pass  # it stands in the record


def _combinations(path, grid):
    """All combinations (list of dict) of the values in a grid."""
    if not isinstance(grid, dict):
        raise ValueError(
            f"{path}: grid: {grid!r}: expected a table of names, or a list of such tables"
        )
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{path}: grid: {name}: {values!r}: expected a list of values")
    return [dict(zip(grid, values)) for values in itertools.product(*grid.values())]


def _draws(path, asked):
    """The points (list of dict) of a random search. Each is drawn by its own number, so that more
    can be asked for."""
    draw, count = asked.get("draw"), asked.get("points")
    if (
        not set(asked) <= {"points", "seed", "draw"}
        or not isinstance(draw, dict)
        or type(count) is not int
        or count < 1
    ):
        raise ValueError(
            f"{path}: random: {asked!r}: expected points (a number), seed, and draw (a table of names)"
        )
    return [
        {
            name: _drawn(
                path, name, said, np.random.default_rng([asked.get("seed", 0), number, place])
            )
            for place, (name, said) in enumerate(sorted(draw.items()))
        }
        for number in range(count)
    ]


def _drawn(path, name, said, random):
    """A value, as `said`: one of a list, or between low and high."""
    if isinstance(said, list) and said:
        return said[random.integers(len(said))]
    if isinstance(said, dict) and {"low", "high"} <= set(said) <= {"low", "high", "scale"}:
        low, high, scale = said["low"], said["high"], said.get("scale", "linear")
        numbers = all(type(number) in (int, float) for number in (low, high))
        if numbers and low <= high and (scale == "linear" or (scale == "log" and low > 0)):
            value = (
                math.exp(random.uniform(math.log(low), math.log(high)))
                if scale == "log"
                else random.uniform(low, high)
            )
            if type(low) is type(high) is int:
                return int(random.integers(low, high + 1)) if scale == "linear" else round(value)
            return float(f"{value:.4g}")
    raise ValueError(
        f"{path}: random: {name}: {said!r}: expected a list of values, or low, high and scale (linear, or log "
        f"of numbers above 0)"
    )


def _point_name(names, given):
    return (
        "point-"
        + hashlib.sha256(json.dumps([names, given], sort_keys=True).encode()).hexdigest()[:10]
    )


def _state(folder):
    """The state (str) of a point; ``'waiting'`` where it has not begun."""
    return read_record(folder)["state"] if (folder / RECORD).exists() else "waiting"


def _plain(value):
    """What a column of a table can hold: lists and tables as JSON."""
    return json.dumps(value) if isinstance(value, (list, dict)) else value


def _write_results(folder, sweep, errors):
    table = results_of(folder, sweep, errors)
    write_atomically(folder / RESULTS, lambda unfinished: table.to_parquet(unfinished, index=False))


def _write_summary(folder, sweep):
    """Writes and executes the notebook that shows what came out."""
    book = new_notebook(
        cells=[
            new_markdown_cell(
                f"# {folder.name}\n\n{len(sweep['points'])} points of the notebooks "
                f"{', '.join(sweep['notebooks'])}, written by `chorale sweep`; `{RESULTS}` has all figures."
            ),
            new_code_cell("import pandas as pd\n\nfrom chorale_utils import plot_sweep"),
            new_code_cell(
                f"varied = {sweep['varied']!r}\nscore = {sweep['score']!r}\n"
                f"results = pd.read_parquet({RESULTS!r})\nresults['state'].value_counts().to_frame('points')"
            ),
            new_code_cell(
                "shown = [column for column in [*varied, score, 'minutes', 'peak_memory_mib'] if column in results]\n"
                "complete = results[results['state'] == 'complete'].set_index('point')\n"
                "complete[shown].sort_values(score if score in results else shown[0])"
            ),
            new_code_cell(
                "if score in complete and varied:\n    plot_sweep(complete, varied, score)"
            ),
            new_code_cell(
                "results.loc[results['state'] != 'complete', ['point', *varied, 'state', 'error']]"
            ),
        ]
    )
    source = folder / f".{SUMMARY}"
    nbformat.write(book, source)
    try:
        execute(source, folder / SUMMARY, {})
    finally:
        source.unlink()


class _Table:
    """What a sweep is doing, on a terminal; elsewhere a line for each point that has ended."""

    def __init__(self, folder, sweep, waiting, progress, client):
        self.folder, self.sweep, self.waiting, self.client = folder, sweep, waiting, client
        self.live = is_shown(progress)
        self.quiet = progress is False
        self.done, self.failed, self.began = [], 0, time.monotonic()

    def __enter__(self):
        if self.live:
            from rich.console import Console
            from rich.live import Live

            self.display = Live(
                get_renderable=self._rendered, console=Console(stderr=True), refresh_per_second=1
            )
            self.display.start()
        elif not self.quiet:
            print(
                f"{len(self.waiting)} of {len(self.sweep['points'])} points to do; dashboard "
                f"{self.client.dashboard_link}",
                file=sys.stderr,
            )
        return self

    def __exit__(self, *error):
        if self.live:
            self.display.stop()

    def ended(self, name, error):
        """Notes that a point has ended."""
        self.done.append(name)
        cells = self._cells(name)
        self.failed += cells[0] != "complete"
        if not self.live and not self.quiet:
            about = f": {type(error).__name__}: {error}" if error is not None else ""
            print(
                f"{len(self.done)} of {len(self.waiting)}  {name}  {'  '.join(cells)}{about}",
                file=sys.stderr,
            )

    def _cells(self, name):
        """State, values of what varies, score (list of str)."""
        given, score = (
            self.sweep["points"][name],
            read_metrics(self.folder / name).get(self.sweep["score"]),
        )
        values = [f"{parameter} {given.get(parameter, '')}" for parameter in self.sweep["varied"]]
        return [
            _state(self.folder / name),
            *values,
            f"{score:.4g}" if isinstance(score, (int, float)) else "",
        ]

    def _rendered(self):
        from rich.table import Table

        left = len(self.waiting) - len(self.done)
        minutes = (time.monotonic() - self.began) / 60
        about = (
            f", about {minutes / len(self.done) * left:.0f} minutes left"
            if self.done and left
            else ""
        )
        table = Table(
            title=f"{len(self.done)} of {len(self.waiting)} points done, {self.failed} failed, {minutes:.0f} minutes "
            f"so far{about}\n{self.client.dashboard_link}",
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
