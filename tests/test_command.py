"""The command line: what it says, what it refuses, and its exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import write_notebook

from chorale_utils.command import main


def chorale(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "chorale_utils", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )


def test_command_shows_the_cell_that_failed(failing_story, tmp_path):
    ended = chorale("run", "--notebooks", failing_story, "--output", tmp_path, "--run-id", "r")
    assert ended.returncode == 1
    assert "notebook 02_second, cell In [4]: ValueError: note 30" in ended.stderr
    assert "raise ValueError(f'note {notes[1]}')" in ended.stderr and "are kept" in ended.stderr


def test_command_reads_parameters_as_the_notebooks_declare_them_whatever_environment_is_active(
    story, tmp_path
):
    other = tmp_path / "other"
    (other / "kernels" / "python3").mkdir(parents=True)
    (other / "kernels" / "python3" / "kernel.json").write_text(
        '{"argv": ["/nowhere/python"], "display_name": "Python 3", "language": "python"}'
    )
    surroundings = {
        "JUPYTER_PATH": str(other),
        "JUPYTER_DATA_DIR": str(other),
        "JUPYTER_PREFER_ENV_PATH": "0",
    }
    ended = chorale(
        "run",
        "--notebooks",
        story,
        "--output",
        "runs",
        "--run-id",
        "r",
        "--seed",
        "11",
        "-p",
        "key",
        "5",
        "-p",
        "shuffle",
        "false",
        "-p",
        "limit",
        "-2",
        "-p",
        "voices",
        "['tenor']",
        "-p",
        "rate",
        "1e-3",
        cwd=tmp_path,
        env=os.environ | surroundings,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads((tmp_path / "runs" / "r" / "told.json").read_text())
    assert [told[name] for name in ("seed", "key", "shuffle", "limit", "voices", "rate")] == [
        11,
        "5",
        False,
        -2,
        ["tenor"],
        0.001,
    ]
    assert told["prefix"] == sys.prefix
    assert "Everything is in runs/r:" in ended.stdout
    assert "generated/" in ended.stdout and "1 file" in ended.stdout
    assert "valid.nats_per_note" in ended.stdout and "0.5432" in ended.stdout
    assert "1 of 2  01_first" in ended.stderr and "warn" not in ended.stderr.lower()


@pytest.mark.parametrize(
    "arguments", [["--profile", "fast"], ["-p", "epochs", "many"], ["--corpus", "mozart"]]
)
def test_command_refuses_in_one_line(story, tmp_path, capsys, arguments):
    assert (
        main(["run", "--notebooks", str(story), "--output", str(tmp_path / "runs"), *arguments])
        == 2
    )
    error = capsys.readouterr().err
    assert error.startswith("chorale: ") and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_interrupted_run_says_so_and_leaves_no_kernel(tmp_path):
    wait = """import os, time
from pathlib import Path
Path(run_folder, 'pid').write_text(str(os.getpid()))
time.sleep(60)"""
    write_notebook(tmp_path / "notebooks", "01_first", 'run_folder = "."', wait)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "chorale_utils",
            "run",
            "--notebooks",
            tmp_path / "notebooks",
            "--output",
            tmp_path,
            "--run-id",
            "r",
        ],
        stderr=subprocess.PIPE,
        text=True,  # in the background Ctrl-C may be ignored: not here
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    pid = tmp_path / "r" / "pid"
    deadline = time.monotonic() + 120
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    kernel = int(pid.read_text())
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=600)
    assert process.returncode == 130 and "interrupted" in error and "Traceback" not in error
    record = json.loads((tmp_path / "r" / "run.json").read_text())
    assert record["state"] == "interrupted" and record["notebooks"][0]["state"] == "interrupted"
    with pytest.raises(ProcessLookupError):
        os.kill(kernel, 0)


def test_commands_are_those_of_the_program_and_of_the_module():
    program = subprocess.run(
        [Path(sys.executable).with_name("chorale"), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = [
        "harmonize",
        "realize",
        "check",
        "analyse",
        "write",
        "convert",
        "play",
        "run",
        "resume",
        "list",
        "show",
        "refresh",
        "sweep",
        "generate",
        "gallery",
        "studio",
    ]
    assert f"{{{','.join(names)}}}" in program.stdout
    assert chorale("--help").stdout == program.stdout


@pytest.mark.parametrize("arguments", [[], ["perform"], ["run", "--speed", "9"]])
def test_what_is_no_command_is_refused_with_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and capsys.readouterr().err.startswith("usage: chorale")


def test_parameter_that_is_given_twice_is_refused(story, tmp_path, capsys):
    arguments = ["run", "--notebooks", str(story), "--output", str(tmp_path / "runs")]
    assert main([*arguments, "-p", "epochs", "1", "-p", "epochs", "2"]) == 2
    assert "parameter epochs is given twice: '1' and '2'" in capsys.readouterr().err
