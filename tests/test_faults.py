"""Faults, tried and not only thought of: each ends in a whole result, or in a clear message and a
state from which `chorale resume` completes; nothing is half-written under its final name."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from conftest import write_notebook

from chorale_utils.corpus.editions import MANIFEST
from chorale_utils.story.notebooks import NotebookFailed
from chorale_utils.story.pipeline import resume, run
from chorale_utils.story.record import FolderInUse, folder_lock, read_record

TESTS = Path(__file__).parent
PARAMETERS = 'run_folder = "../outputs/runs/notebooks"\nseed = 1\nepochs = 3'
TRAINING = """\
import json, os, random, time
from pathlib import Path
state = Path(run_folder, "state.json")
rows = json.loads(state.read_text()) if state.exists() else []
while len(rows) < epochs:
    time.sleep(0.04)
    while len(rows) > 4 and Path(run_folder, "hold").exists():
        time.sleep(0.02)
    rows.append(random.Random(f"{seed} {rows}").random())
    Path(run_folder, ".state.json").write_text(json.dumps(rows))
    Path(run_folder, ".state.json").replace(state)"""
OUTCOME = """\
import json
from pathlib import Path
rows = json.loads(Path(run_folder, "state.json").read_text())
Path(run_folder, "outcome.json").write_text(json.dumps([len(rows), sum(rows)]))"""


@pytest.fixture(scope="module")
def training_story(tmp_path_factory):
    """A folder of two notebooks: one trains and can go on after its last epoch, the other tells the
    outcome."""
    folder = tmp_path_factory.mktemp("project") / "notebooks"
    write_notebook(folder, "01_train", PARAMETERS, "before = seed", TRAINING, "len(rows)")
    write_notebook(folder, "02_tell", 'run_folder = "."', OUTCOME)
    return folder


def chorale(*arguments, **options):
    """The command in a process of its own, ended."""
    return subprocess.run(
        [sys.executable, "-m", "chorale_utils", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=600,
        **options,
    )


def wait_for(condition, seconds=120):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
def test_runs_killed_at_random_moments_and_resumed_end_like_one_that_was_not(
    training_story, tmp_path
):
    ended = subprocess.run(
        [sys.executable, TESTS / "killing.py", training_story, tmp_path, "20", "1"],
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["killed"] == 20 and told["runs"] >= 1
    assert {"01_train", "02_tell"} <= set(told["at"]), "killed in each of the notebooks"
    expected = (tmp_path / "never-killed" / "outcome.json").read_text()
    for number in range(1, told["runs"] + 1):
        folder = tmp_path / f"killed-{number}"
        assert (folder / "outcome.json").read_text() == expected
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            path.name for path in (tmp_path / "never-killed").iterdir()
        )
        record = read_record(folder)
        assert record["state"] == "complete" and {one["state"] for one in record["notebooks"]} == {
            "complete"
        }


MENDABLE = """\
from pathlib import Path
if not Path(run_folder, "mended").exists():
    {fault}
Path(run_folder, "outcome.json").write_text("[1]")"""


@pytest.mark.parametrize(
    "fault, message",
    [
        ("import os; os._exit(9)", "DeadKernelError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "DeadKernelError"),
        ("raise MemoryError('too much')", "MemoryError: too much"),
    ],
)
def test_notebook_that_failed_is_executed_again_and_finished_ones_are_not(tmp_path, fault, message):
    write_notebook(
        tmp_path / "notebooks", "01_first", 'run_folder = "."', "import time; time.time()"
    )
    write_notebook(
        tmp_path / "notebooks", "02_second", 'run_folder = "."', MENDABLE.format(fault=fault)
    )
    with pytest.raises(NotebookFailed, match=rf"notebook 02_second, cell In \[3\]: {message}"):
        run(output=tmp_path, run_id="r", notebooks=tmp_path / "notebooks")
    folder = tmp_path / "r"
    first = (folder / "01_first.ipynb").read_bytes()
    assert read_record(folder)["state"] == "failed" and not (folder / "outcome.json").exists()
    nbformat.read(folder / "02_second.ipynb", as_version=4)  # whole, to look at what went wrong
    (folder / "mended").touch()
    assert resume(folder) == folder
    assert (folder / "01_first.ipynb").read_bytes() == first
    record = read_record(folder)
    assert record["state"] == "complete" and record["error"] is None and len(record["resumed"]) == 1
    assert (folder / "outcome.json").exists()


def test_interrupted_training_goes_on_after_its_last_epoch(training_story, tmp_path):
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "chorale_utils",
            "run",
            "--notebooks",
            training_story,
            "--output",
            tmp_path,
            "--run-id",
            "r",
            "-p",
            "epochs",
            "9",
        ],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    state, hold = tmp_path / "r" / "state.json", tmp_path / "r" / "hold"
    wait_for((tmp_path / "r" / "run.json").exists)
    # however slow this machine is, the training is not at its end when it is interrupted
    hold.touch()
    wait_for(lambda: state.exists() and len(json.loads(state.read_text())) > 3)
    listed = chorale("list", "--output", tmp_path)
    assert "running" in listed.stdout
    with (
        pytest.raises(FolderInUse, match=f"r is in use by process {process.pid}"),
        folder_lock(tmp_path / "r", timeout=0),
    ):
        pass
    process.send_signal(signal.SIGINT)
    assert "chorale resume" in process.communicate(timeout=120)[1] and process.returncode == 130
    before = json.loads(state.read_text())
    assert 3 < len(before) < 9
    assert read_record(tmp_path / "r")["state"] == "interrupted"
    hold.unlink()
    resumed = chorale("resume", "r", "--output", tmp_path)
    assert resumed.returncode == 0 and "complete" in resumed.stdout, resumed.stderr
    assert (
        json.loads(state.read_text())[: len(before)] == before
        and len(json.loads(state.read_text())) == 9
    )


def test_run_in_use_is_refused_and_left_alone(training_story, tmp_path):
    with folder_lock(tmp_path):
        with pytest.raises(FolderInUse, match="in use by process"):
            with folder_lock(tmp_path, timeout=0.2):
                pass
    with folder_lock(tmp_path, timeout=0):
        pass


def test_lock_outlives_the_killed_run_as_long_as_its_kernel(tmp_path):
    write_notebook(
        tmp_path / "notebooks",
        "01_first",
        'run_folder = "."',
        "from pathlib import Path; import time; Path(run_folder, 'here').touch(); time.sleep(30)",
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "chorale_utils",
            "run",
            "--output",
            tmp_path,
            "--run-id",
            "r",
            "--notebooks",
            tmp_path / "notebooks",
        ],
        stderr=subprocess.DEVNULL,
    )
    wait_for((tmp_path / "r" / "here").exists)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(
        lambda: read_record(tmp_path / "r")["state"] == "interrupted"
    )  # the kernel notices within a second or two
    with folder_lock(tmp_path / "r", timeout=0):
        pass


@pytest.mark.parametrize(
    "cell",
    [
        "from pathlib import Path; Path(run_folder, 'big').write_bytes(bytes(300_000))",
        "print('a line of some length\\n' * 15_000)",
    ],
    ids=["what a cell writes", "the notebook itself"],
)
def test_limit_of_file_size_ends_in_a_message_and_resume_completes(tmp_path, cell):
    write_notebook(tmp_path / "notebooks", "01_first", 'run_folder = "."', "'small'")
    write_notebook(tmp_path / "notebooks", "02_second", 'run_folder = "."', cell)
    ended = chorale(
        "run",
        "--notebooks",
        tmp_path / "notebooks",
        "--output",
        tmp_path,
        "--run-id",
        "r",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert ended.returncode == 1
    assert (
        "02_second" in ended.stderr
        and "File too large" in ended.stderr
        and "chorale resume" in ended.stderr
    )
    assert read_record(tmp_path / "r")["state"] == "failed"
    assert chorale("resume", tmp_path / "r").returncode == 0
    assert read_record(tmp_path / "r")["state"] == "complete"


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 128 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small file system can be mounted by root alone: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", place], check=True)


def test_full_disk_ends_in_a_message_and_resume_completes_once_there_is_room(small_disk, tmp_path):
    fill = (
        "from pathlib import Path\nwith open(Path(run_folder, '..', 'ballast'), 'ab') as file:\n"
        "    for _ in range(1000 * (not Path(run_folder, '..', 'room').exists())):\n"
        "        file.write(bytes(1000)), file.flush()"
    )
    write_notebook(tmp_path / "notebooks", "01_first", 'run_folder = "."', fill)
    ended = chorale(
        "run", "--notebooks", tmp_path / "notebooks", "--output", small_disk, "--run-id", "r"
    )
    assert ended.returncode in (1, 2) and "No space left on device" in ended.stderr
    assert read_record(small_disk / "r")["state"] in ("failed", "interrupted")
    (small_disk / "ballast").unlink()
    (small_disk / "room").touch()
    resumed = chorale("resume", small_disk / "r")
    assert resumed.returncode == 0, resumed.stderr
    assert read_record(small_disk / "r")["state"] == "complete"


@pytest.fixture
def read_only(tmp_path):
    """A folder in which nobody can write; permissions alone would not stop root."""
    place = tmp_path / "read-only"
    place.mkdir()
    if os.getuid():
        place.chmod(0o555)
        yield place
        return
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(
            "nothing keeps root from writing, and nothing can be mounted here: "
            f"{mounted.stderr.strip()}"
        )
    yield place
    subprocess.run(["umount", place], check=True)


def test_output_that_cannot_be_written_is_refused_before_anything_runs(training_story, read_only):
    ended = chorale("run", "--notebooks", training_story, "--output", read_only / "runs")
    assert ended.returncode == 2 and not list(read_only.iterdir())
    assert ended.stderr.startswith("chorale: ") and ended.stderr.count("\n") == 1
    assert "Read-only file system" in ended.stderr or "Permission denied" in ended.stderr


BUILD = """\
import sys
from pathlib import Path
from chorale_utils.corpus import editions as corpus
if __name__ == "__main__":
    corpus.MANIFEST = Path(sys.argv[1])
    loaded = corpus.load_corpus("music21", progress=False)
    print(*[(piece.name, len(piece)) for piece in loaded.train + loaded.valid + loaded.test])
"""


@pytest.mark.slow
def test_two_processes_that_build_the_corpus_cache_at_once_both_have_it_whole(tmp_path):
    lines = MANIFEST.read_text(encoding="utf-8").splitlines()
    (tmp_path / "few.csv").write_text(
        "\n".join(lines[:1] + [line for line in lines[1:] if ".mxl" in line][:3]) + "\n"
    )
    environment = os.environ | {"CHORALE_UTILS_CACHE": str(tmp_path / "cache")}
    builders = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", BUILD, tmp_path / "few.csv"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=300) for process in builders]
    assert [process.returncode for process in builders] == [0, 0], told
    assert told[0][0] == told[1][0] and told[0][0].count("(") == 3
    assert len(list((tmp_path / "cache").iterdir())) == 1, (
        "one cache, and nothing under another name"
    )
    again = subprocess.run(
        [sys.executable, "-W", "error", "-c", BUILD, tmp_path / "few.csv"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert again.stdout == told[0][0] and not again.stderr
