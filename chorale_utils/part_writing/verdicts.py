"""Verdicts: how many exercises are marked exactly as a person has marked them.

``python -m chorale_utils.part_writing.verdicts EXERCISES.json`` prints the differences and the
share of exercises that are fully right. The file is a list of objects with ``name``, ``key``,
``soprano``, ``alto``, ``tenor``, ``bass`` (in the notation of `read_voices`) and ``faults``, each
with ``fault``, ``step`` and ``voices``.

Conventions: an exercise is fully right if every fault is found at its step and in its voices, and
nothing else is marked. A rule that is a special case of another, such as parallel fifths across a
rest, counts as the general one.

Notebook: 04_evaluation
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..chorale import VOICES
from .checking import faults
from .examples import read_voices

Place = tuple[int, tuple[int, ...], str]


def differences(exercise: Mapping[str, Any]) -> tuple[set[Place], set[Place]]:
    """(missed faults, wrongly marked faults), each a set of (step, voices, fault).

    Args:
        exercise: one of the objects of the file.

    Examples:
        >>> voices = {"soprano": "B4 C5", "alto": "F4 G4", "tenor": "D4 C4", "bass": "G3 C3"}
        >>> fault = {"fault": "seventh", "step": 4, "voices": [1]}
        >>> differences({"name": "mine", "key": "C major", **voices, "faults": [fault]})
        (set(), set())

    Notebook: 04_evaluation
    """
    tonic, mode = exercise["key"].split()
    tonic = tonic[0] + tonic[1:].replace("b", "-")
    key = f"{tonic.lower() if mode == 'minor' else tonic} {mode}"
    chorale = read_voices([exercise[voice] for voice in VOICES], key, exercise["name"])
    table = faults(chorale)
    found = set(zip(table["step"], table["voices"], table["fault"]))
    expected = {(each["step"], tuple(each["voices"]), each["fault"]) for each in exercise["faults"]}
    missed = {place for place in expected if not any(_is(one, place) for one in found)}
    extra = {one for one in found if not any(_is(one, place) for place in expected)}
    return missed, extra


def _is(found, expected):
    return found[:2] == expected[:2] and found[2].startswith(expected[2])


def main(path: str) -> None:
    """Prints the differences in a file of exercises, and the share that is fully right.

    Args:
        path: path of the file.

    Notebook: 04_evaluation
    """
    exercises = json.loads(Path(path).read_text("utf-8"))
    right = 0
    for exercise in exercises:
        missed, extra = differences(exercise)
        right += not missed and not extra
        if missed or extra:
            print(f"{exercise['name']}: missed {sorted(missed)}, wrongly marked {sorted(extra)}")
    print(f"{right} of {len(exercises)} fully right, {right / len(exercises):.1%}")


if __name__ == "__main__":
    main(sys.argv[1])
