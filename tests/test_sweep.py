"""Sweeps of small stand-in notebooks, which Dask workers really execute, each in a kernel of its
own."""

import os
import signal
import subprocess
import sys
import time

import nbformat
import pandas as pd
import pytest
from conftest import write_notebook

from chorale_utils.story.record import read_record

PARAMETERS = 'run_folder = "."\nseed = 0\nrate = 0.1\nkind = "a"\nsizes = [1]\nsecret = "nothing"'


WORK = """\
import json, os, time
from pathlib import Path
loss = rate * (1 + seed)
Path(run_folder, f"worker-{os.getppid()}").touch()
while Path(run_folder, "..", "wait").exists():
    time.sleep(0.05)
if kind == "bad":
    raise ValueError(f"no {kind} kind")
metrics = {"training": {"loss": loss}, "sizes": sizes}
Path(run_folder, "metrics.json").write_text(json.dumps(metrics))"""


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """A folder of notebooks, the first of which works, and the second is not asked for."""
    folder = tmp_path_factory.mktemp("project") / "notebooks"
    write_notebook(folder, "01_work", PARAMETERS, WORK)
    write_notebook(folder, "02_other", 'run_folder = "."\npieces = 2', "1 / 0")
    return folder


def written(folder, text, name="search.yml"):
    (folder / name).write_text(f"notebooks: [01_work]\nscore: training.loss\n{text}")
    return folder / name


def sweep_command(place, books):
    return [
        sys.executable,
        "-m",
        "chorale_utils",
        "sweep",
        place / "search.yml",
        "--workers",
        "2",
        "--output",
        place / "out",
        "--notebooks",
        books,
    ]


@pytest.fixture(scope="module")
def swept(books, tmp_path_factory):
    """The folder of a sweep of two points that work and two that fail, one of whose workers was
    killed with kill -9 in the middle of a point; that point; and the command, ended."""
    place = tmp_path_factory.mktemp("sweeps")
    written(place, "grid: {rate: [0.5, 0.25], kind: [a, bad]}\nparameters: {sizes: [2, 3]}")
    folder = place / "out" / "search"
    folder.mkdir(parents=True)
    (folder / "wait").touch()
    process = subprocess.Popen(
        sweep_command(place, books), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 120
    while not (workers := list(folder.glob("point-*/worker-*"))) and time.monotonic() < until:
        time.sleep(0.05)
    os.kill(int(workers[0].name.removeprefix("worker-")), signal.SIGKILL)
    (folder / "wait").unlink()
    output, error = process.communicate(timeout=600)
    return (
        place,
        workers[0].parent.name,
        subprocess.CompletedProcess(process.args, process.returncode, output, error),
    )


@pytest.mark.slow
def test_lost_worker_costs_no_point(swept):
    place, lost, ended = swept
    record = read_record(place / "out" / "search" / lost)
    assert record["state"] in ("complete", "failed") and len(record["resumed"]) == 1, (
        "it was gone on with elsewhere"
    )
    assert "2 complete" in ended.stdout and "2 failed" in ended.stdout, ended.stderr


@pytest.mark.slow
def test_point_that_fails_keeps_its_error_and_does_not_stop_the_others(swept):
    place, _, ended = swept
    assert ended.returncode == 1
    assert "dashboard http://127.0.0.1:" in ended.stderr and "4 of 4" in ended.stderr
    results = pd.read_parquet(place / "out" / "search" / "results.parquet").set_index("kind")
    assert results.loc["bad", "error"].str.contains("cell In .* ValueError: no bad kind").all()
    assert dict(zip(results.loc["a", "rate"], results.loc["a", "training.loss"])) == {
        0.5: 0.5,
        0.25: 0.25,
    }
    assert (
        set(results.loc["a", "sizes"]) == {"[2, 3]"}
        and (results["peak_memory_mib"].loc["a"] > 10).all()
    )
    assert {path.name for path in (place / "out" / "search").iterdir()} == {
        "results.parquet",
        "summary.ipynb",
        "sweep.yml",
        "run.lock",
        *results["point"],
    }


@pytest.mark.slow
def test_summary_shows_table_and_plot(swept):
    cells = nbformat.read(swept[0] / "out" / "search" / "summary.ipynb", as_version=4).cells
    outputs = [output for cell in cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type in ("error", "stream")]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    tables = " ".join(output["data"]["text/plain"] for output in outputs if "data" in output)
    assert "ValueError: no b" in tables and "training.loss" in tables


@pytest.mark.slow
def test_finished_points_are_not_repeated_when_there_are_more(swept, books):
    place = swept[0]
    points = [path.parent for path in (place / "out" / "search").glob("point-*/metrics.json")]
    before = {point: (point / "01_work.ipynb").read_bytes() for point in points}
    written(place, "grid: {rate: [0.5, 0.25, 1], kind: [a]}\nparameters: {sizes: [2, 3]}")
    ended = subprocess.run(sweep_command(place, books), capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0 and "1 of 3 points to do" in ended.stderr, ended.stderr
    assert (
        len(before) == 2
        and {point: (point / "01_work.ipynb").read_bytes() for point in points} == before
    )
    assert sorted(
        pd.read_parquet(place / "out" / "search" / "results.parquet")["training.loss"]
    ) == [0.25, 0.5, 1]
