"""Kills runs with SIGKILL at random moments, and resumes each; a script of `test_faults`, since it
forks.

``python killing.py NOTEBOOKS FOLDER KILLS SEED`` prints as JSON what became of the runs.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import nbformat
import papermill  # noqa: F401  here once, and not in every process that is to be killed

from chorale_utils.story.pipeline import resume, run
from chorale_utils.story.record import read_record


def begun(folder, notebooks):
    """The id of a new process in which a run begins or goes on."""
    child = os.fork()
    if child:
        return child
    os.setsid()
    code = 1
    try:
        sys.stderr = open(os.devnull, "w")
        if (folder / "run.json").exists():
            resume(folder)
        else:
            run(
                output=folder.parent,
                run_id=folder.name,
                notebooks=notebooks,
                parameters={"epochs": 6},
            )
        code = 0
    finally:
        os._exit(code)


def ended_within(child, seconds):
    """Whether a process ends by itself within so many seconds; it can still be waited for."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return True
        time.sleep(0.01)
    return False


def what_is_finished(folder):
    """Of a run that was killed, everything that must never change again: notebooks that are
    complete, as they are, and how many epochs are done. Fails where a file is half-written under
    its final name."""
    finished = {}
    for path in folder.glob("0*.ipynb"):
        if not path.name.endswith(".unfinished.ipynb"):
            nbformat.read(path, as_version=4)
            finished[path.name] = path.read_text()
    record = read_record(folder)
    assert record["state"] in ("interrupted", "complete", "running"), record["state"]
    complete = {
        f"{entry['name']}.ipynb" for entry in record["notebooks"] if entry["state"] == "complete"
    }
    state = folder / "state.json"
    return {name: finished[name] for name in complete}, len(
        json.loads(state.read_text())
    ) if state.exists() else 0


def main(notebooks, output, kills, seed):
    notebooks, output, chance = Path(notebooks), Path(output), random.Random(int(seed))
    began = time.monotonic()
    assert os.waitpid(begun(output / "never-killed", notebooks), 0)[1] == 0
    whole = time.monotonic() - began
    killed, runs, at = 0, 0, []
    while killed < int(kills):
        runs += 1
        folder = output / f"killed-{runs}"
        finished, epochs, code = {}, 0, None
        while code != 0:
            fresh, began = not folder.exists(), time.monotonic()
            child = begun(folder, notebooks)
            if killed < int(kills):
                if not ended_within(child, chance.uniform(0, whole)):
                    os.kill(child, signal.SIGKILL)
                elif (
                    fresh
                ):  # the machine has become faster: kill sooner, or nothing would be killed
                    whole = time.monotonic() - began
            code = os.waitpid(child, 0)[1]
            if code == signal.SIGKILL:
                killed += 1
            else:
                assert code == 0, f"run {runs}: exit status {code}"
            if (folder / "run.json").exists():
                at.append(
                    next(
                        (
                            entry["name"]
                            for entry in read_record(folder)["notebooks"]
                            if entry["state"] != "complete"
                        ),
                        "the end",
                    )
                )
                now_finished, now_epochs = what_is_finished(folder)
                assert finished.items() <= now_finished.items(), (
                    "a finished notebook was executed again"
                )
                assert now_epochs >= epochs, "an epoch was lost that was done"
                finished, epochs = now_finished, now_epochs
            else:
                at.append("the beginning")
    print(json.dumps({"runs": runs, "killed": killed, "at": at}))


if __name__ == "__main__":
    main(*sys.argv[1:])
