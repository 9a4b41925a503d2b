"""Sweeps of small stand-in notebooks, which Dask workers really execute, each in a kernel of its
own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from test_pipeline import write_notebook

from chorale_utils import PRETRAINED
from chorale_utils.scale.cluster import dask_client
from chorale_utils.scale.sweep import read_sweep, run_sweep
from chorale_utils.story.record import read_record

PROJECT = Path(__file__).resolve().parent.parent
PARAMETERS = 'run_folder = "."\nseed = 0\nrate = 0.1\nkind = "a"\nsizes = [1]\nsecret = "nothing"'
WORK = """\
import json, os, time
from pathlib import Path
Path(run_folder, f"worker-{os.getppid()}").touch()
while Path(run_folder, "..", "wait").exists():
    time.sleep(0.05)
if kind == "bad":
    raise ValueError(f"no {kind} kind")
Path(run_folder, "metrics.json").write_text(json.dumps({"training": {"loss": rate * (1 + seed)}, "sizes": sizes}))"""


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


def test_grid_has_all_combinations_with_all_seeds(books, tmp_path):
    sweep = read_sweep(
        written(tmp_path, "grid: {rate: [0.1, 1, 1e-2], kind: [a, b]}\nseeds: [3, 4]"), books
    )
    points = [(given["rate"], given["kind"], given["seed"]) for given in sweep["points"].values()]
    assert sorted(points) == sorted(
        (rate, kind, seed) for rate in (0.1, 1, 0.01) for kind in "ab" for seed in (3, 4)
    )
    assert sweep["varied"] == ["rate", "kind", "seed"]


def test_list_of_grids_has_the_points_of_each(books, tmp_path):
    sweep = read_sweep(
        written(
            tmp_path,
            "grid:\n  - {}\n  - rate: [1, 2]\n  - {kind: [b], sizes: [[3], [4]]}\nseeds: [3, 4]",
        ),
        books,
    )
    points = [
        {name: value for name, value in given.items() if name != "seed"}
        for given in sweep["points"].values()
    ]
    assert points[::2] == [
        {},
        {"rate": 1},
        {"rate": 2},
        {"kind": "b", "sizes": [3]},
        {"kind": "b", "sizes": [4]},
    ]
    assert points[::2] == points[1::2] and sweep["varied"] == ["seed", "rate", "kind", "sizes"]


def test_ablation_of_notebook_four_has_the_points_of_the_committed_sweep():
    sweep, results = (
        read_sweep(PROJECT / "sweeps" / "ablation.yml"),
        pd.read_parquet(PRETRAINED / "ablation.parquet"),
    )
    assert sorted(results["point"]) == sorted(sweep["points"]) and set(results["state"]) == {
        "complete"
    }
    for row in results.to_dict("records"):
        given = sweep["points"][row["point"]]
        assert row["seed"] == given["seed"] and row["chord_epochs"] == given["chord_epochs"]


def test_points_that_are_added_leave_the_names_of_the_others(books, tmp_path):
    few = read_sweep(
        written(tmp_path, "random: {points: 3, draw: {rate: {low: 0.01, high: 1, scale: log}}}"),
        books,
    )
    many = read_sweep(
        written(tmp_path, "random: {points: 9, draw: {rate: {low: 0.01, high: 1, scale: log}}}"),
        books,
    )
    assert few["points"].items() <= many["points"].items() and len(many["points"]) == 9


def test_random_search_draws_what_is_asked_for(books, tmp_path):
    path = written(
        tmp_path,
        "random:\n  points: 300\n  draw:\n    rate: {low: 0.01, high: 1, scale: log}\n"
        "    kind: [a, b]\n    seed: {low: 1, high: 3}",
    )
    given = pd.DataFrame(read_sweep(path, books)["points"].values())
    assert (
        given["rate"].between(0.01, 1).all()
        and set(given["seed"]) == {1, 2, 3}
        and set(given["kind"]) == {"a", "b"}
    )
    assert abs(np.log10(given["rate"]).mean() + 1) < 0.1  # half of them below 0.1
    other = pd.DataFrame(
        read_sweep(
            written(
                tmp_path,
                path.read_text().split("\n", 2)[2].replace("points: 300", "points: 300\n  seed: 1"),
            ),
            books,
        )["points"].values()
    )
    assert list(other["rate"])[:9] != list(given["rate"])[:9], "another seed"


@pytest.mark.parametrize(
    "text, message",
    [
        ("grid: {speed: [1]}", "'speed' is declared by no notebook"),
        ("grid: {rate: [fast]}", "rate = 'fast': expected float"),
        ("grid: {rate: 0.1}", "grid: rate: 0.1: expected a list of values"),
        (
            "grid: [{rate: [1]}, rate]",
            "grid: 'rate': expected a table of names, or a list of such tables",
        ),
        ("grid: fast", "grid: 'fast': expected a table of names, or a list of such tables"),
        ("grid: []", "expected at least one table"),
        ("grid: {run_folder: [x]}", "run_folder"),
        ("grid: {seed: [1]}\nseeds: [2]", "seed is given twice"),
        ("grit: {rate: [1]}", "grit: expected some of the keys notebooks, profile"),
        ("", "expected a grid or a random search"),
        ("grid: {rate: [1]}\nrandom: {points: 1, draw: {}}", "expected a grid or a random search"),
        ("random: {points: 0, draw: {rate: [1]}}", "expected points (a number)"),
        (
            "random: {points: 2, draw: {rate: {low: 0, high: 1, scale: log}}}",
            "log of numbers above 0",
        ),
        ("grid: {rate: [1]}\nprofile: fast", "profile 'fast'"),
        ("grid: [", "no YAML"),
        ("grid: {rate: [!!python/object/apply:os.getpid []]}", "no YAML"),
    ],
)
def test_what_is_not_understood_is_refused_before_anything_starts(books, tmp_path, text, message):
    with pytest.raises(ValueError) as error:
        run_sweep(written(tmp_path, text), tmp_path / "sweeps", notebooks=books)
    assert message in str(error.value)
    assert not (tmp_path / "sweeps").exists()


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
    """Where a sweep was made of three points that work and one that fails, one of whose workers was killed with kill -9
    in the middle of a point; and the command, ended."""
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


@pytest.mark.slow
def test_cluster_of_this_machine_listens_on_no_outside_address(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = _listening()
    with dask_client(workers=1) as client:
        new = _listening() - before
        assert new and {address for address, _ in new} == {"0100007F"}, "127.0.0.1, little-endian"
        assert client.dashboard_link.startswith("http://127.0.0.1:")
        assert client.submit(os.getenv, "OMP_NUM_THREADS").result() == str(os.cpu_count()), (
            "all cores are its own"
        )
        assert client.submit(os.getenv, "TF_NUM_INTRAOP_THREADS").result() == "7", (
            "unless somebody has said otherwise"
        )


def _listening():
    """{(address, port)} of the sockets that listen on this machine, as the kernel writes them."""
    if not Path("/proc/net/tcp").exists():
        pytest.skip("only Linux tells in /proc what listens")
    lines = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path("/proc/net", table).read_text().splitlines()[1:]
    ]
    return {tuple(cells[1].split(":")) for cells in lines if cells[3] == "0A"}


@pytest.mark.parametrize(
    "wrong", [{"workers": 0}, {"workers": 2, "scheduler": "tcp://127.0.0.1:1"}]
)
def test_cluster_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="expected"), dask_client(**wrong):
        pass
