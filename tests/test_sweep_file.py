"""What a sweep's file says, and what is refused before anything starts."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import write_notebook

from chorale_utils import PRETRAINED
from chorale_utils.scale.sweep import run_sweep
from chorale_utils.scale.sweep_file import read_sweep

PROJECT = Path(__file__).resolve().parent.parent


PARAMETERS = 'run_folder = "."\nseed = 0\nrate = 0.1\nkind = "a"\nsizes = [1]\nsecret = "nothing"'


@pytest.fixture(scope="module")
def books(tmp_path_factory):
    """A folder of two notebooks, of which the first is asked for."""
    folder = tmp_path_factory.mktemp("project") / "notebooks"
    write_notebook(folder, "01_work", PARAMETERS)
    write_notebook(folder, "02_other", 'run_folder = "."\npieces = 2')
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


@pytest.mark.parametrize(
    "sweep, results",
    [("ablation.yml", "ablation.parquet"), ("composer.yml", "composer_ablation.parquet")],
)
def test_an_ablation_of_notebook_four_has_the_points_of_the_committed_sweep(sweep, results):
    points = read_sweep(PROJECT / "sweeps" / sweep)["points"]
    table = pd.read_parquet(PRETRAINED / results)
    assert sorted(table["point"]) == sorted(points) and set(table["state"]) == {"complete"}
    for row in table.to_dict("records"):
        for name, value in points[row["point"]].items():
            cell = json.dumps(value) if isinstance(value, (list, dict)) else value
            assert row[name] == cell, (row["point"], name)


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
        ("grid: {speed: [1]}", "no notebook declares a parameter 'speed'"),
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
        ("grid: [", "not YAML"),
        ("grid: {rate: [!!python/object/apply:os.getpid []]}", "not YAML"),
    ],
)
def test_what_is_not_understood_is_refused_before_anything_starts(books, tmp_path, text, message):
    with pytest.raises(ValueError) as error:
        run_sweep(written(tmp_path, text), tmp_path / "sweeps", notebooks=books)
    assert message in str(error.value)
    assert not (tmp_path / "sweeps").exists()
