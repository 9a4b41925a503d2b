"""A sweep's YAML file: the points that it describes, checked before anything is executed.

`sweep` executes the points.
"""

import hashlib
import itertools
import json
import math
import os
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from ..extras import require
from ..story.notebooks import declared_parameters, notebooks_in, value_from_text
from ..story.pipeline import NOTEBOOKS, overrides, plan_parameters

KEYS = ("notebooks", "profile", "corpus", "parameters", "grid", "random", "seeds", "score")
DEFAULT_NOTEBOOKS = ["03_model_training", "04_evaluation"]
DEFAULT_SCORE = "training.chord_gru.val_nats"


class Sweep(TypedDict):
    """The content of a sweep's file: names of notebooks; profile; the score by which points are
    compared; the parameters that differ between points; and the parameters set in each point, by
    its name."""

    notebooks: list[str]
    profile: str
    score: str
    varied: list[str]
    points: dict[str, dict[str, Any]]


def read_sweep(
    path: str | os.PathLike[str], notebooks: str | os.PathLike[str] = NOTEBOOKS
) -> Sweep:
    """The content of a sweep's YAML file, checked.

    ``notebooks``: names; by default 03_model_training and 04_evaluation. ``profile``, ``corpus``
    and ``parameters``: as for a run, the same for all points. ``grid``: a list of values for each
    parameter; all combinations are points. A list of such tables has the points of each (as in
    scikit-learn's ParameterGrid; ``{}`` is one point with the defaults). Instead of a grid,
    ``random``: ``points``, ``seed``, and in ``draw``, for each parameter, a list to choose from, or
    ``low``, ``high`` and ``scale`` (linear or log). ``seeds``: every point is run once with each.
    ``score``: a figure of metrics.json by which the summary is sorted; smaller is better.

    A point is named after its parameters, so that points can be added to the file later.

    Args:
        path: the file.
        notebooks: the folder of the notebooks.

    Raises:
        MissingExtra: the packages that sweeps need are not installed.
        ValueError: the file is not YAML, has an unknown key, or a parameter that no notebook
            accepts.
        FileNotFoundError: there is no such file, or there are no notebooks.
    """
    require("scale", "a sweep")
    said = _read_yaml(path)
    names = said.get("notebooks", DEFAULT_NOTEBOOKS)
    books = notebooks_in(notebooks, names)
    defaults: dict[str, Any] = {}
    for book in books:
        defaults = declared_parameters(book) | defaults
    if "grid" in said:
        grids = said["grid"] if isinstance(said["grid"], list) else [said["grid"]]
        drawn = [values for grid in grids for values in _combinations(path, grid)]
    else:
        drawn = _draws(path, said["random"]) if "random" in said else [{}]
    profile = said.get("profile", "demo")
    points = {}
    for values, seed in itertools.product(drawn, said.get("seeds") or [None]):
        values = {
            name: value_from_text(value, defaults.get(name)) if isinstance(value, str) else value
            for name, value in (said.get("parameters", {}) | values).items()
        }
        given = overrides(profile, said.get("corpus"), seed, values)
        plan_parameters(books, given)
        points[_point_name(names, given)] = given
    if not points:
        raise ValueError(f"{path}: grid: {said['grid']!r}: expected at least one table")
    parameters = dict.fromkeys(name for given in points.values() for name in given)
    varied = [
        name for name in parameters if len({repr(given.get(name)) for given in points.values()}) > 1
    ]
    return {
        "notebooks": names,
        "profile": profile,
        "score": said.get("score", DEFAULT_SCORE),
        "varied": varied,
        "points": points,
    }


def _read_yaml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The file's table, after checking its keys and the types of their values."""
    import yaml

    try:
        said = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML ({error})") from error
    if not isinstance(said, dict) or not set(said) <= set(KEYS):
        wrong = sorted(map(str, set(said) - set(KEYS))) if isinstance(said, dict) else [repr(said)]
        raise ValueError(f"{path}: {', '.join(wrong)}: expected some of the keys {', '.join(KEYS)}")
    if ("grid" in said) == ("random" in said) and "seeds" not in said:
        raise ValueError(f"{path}: expected a grid or a random search (not both), or seeds")
    kinds = {"parameters": dict, "random": dict, "seeds": list, "notebooks": list}
    for key, kind in kinds.items():
        if not isinstance(said.get(key, kind()), kind):
            expected = "list" if kind is list else "table of names"
            raise ValueError(f"{path}: {key}: {said[key]!r}: expected a {expected}")
    return said


def _combinations(path: str | os.PathLike[str], grid: Any) -> list[dict[str, Any]]:
    """All combinations of the values in a grid."""
    if not isinstance(grid, dict):
        raise ValueError(
            f"{path}: grid: {grid!r}: expected a table of names, or a list of such tables"
        )
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise ValueError(f"{path}: grid: {name}: {values!r}: expected a list of values")
    return [dict(zip(grid, values)) for values in itertools.product(*grid.values())]


def _draws(path: str | os.PathLike[str], asked: dict[str, Any]) -> list[dict[str, Any]]:
    """The points of a random search. Each has its own seed, so that more points can be added
    later."""
    draw, count = asked.get("draw"), asked.get("points")
    if (
        not set(asked) <= {"points", "seed", "draw"}
        or not isinstance(draw, dict)
        or type(count) is not int
        or count < 1
    ):
        raise ValueError(
            f"{path}: random: {asked!r}: expected points (a number), seed, and draw (a table of "
            f"names)"
        )
    seed = asked.get("seed", 0)
    return [
        {
            name: _drawn(path, name, said, np.random.default_rng([seed, number, place]))
            for place, (name, said) in enumerate(sorted(draw.items()))
        }
        for number in range(count)
    ]


def _drawn(path: str | os.PathLike[str], name: str, said: Any, random: np.random.Generator) -> Any:
    """A value drawn from a list, or between low and high."""
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
        f"{path}: random: {name}: {said!r}: expected a list of values, or low, high and scale "
        f"(linear, or log of numbers above 0)"
    )


def _point_name(names: list[str], given: dict[str, Any]) -> str:
    text = json.dumps([names, given], sort_keys=True)
    return f"point-{hashlib.sha256(text.encode()).hexdigest()[:10]}"
