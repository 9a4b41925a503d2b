"""The list of runs, and the summary of one."""

import json

import pytest

from chorale_utils.command import main
from chorale_utils.story.record import record_metrics
from chorale_utils.story.runs import runs_in, summary


def write_run(folder, **changes):
    """A run's folder with a record as `pipeline.run` writes it."""
    entry = {"name": "01_first", "state": "complete", "seconds": 90.0, "peak_memory_mib": 1200}
    record = {
        "run_id": folder.name,
        "state": "complete",
        "started": "2026-01-31T12:00:00+00:00",
        "profile": "demo",
        "given": {"epochs": 3},
        "seed": 7,
        "commit": "0123456789abcdef",
        "checkout_clean": False,
        "mirror": None,
        "notebooks": [entry, {**entry, "name": "02_second", "peak_memory_mib": None}],
        "resumed": [{"at": "2026-01-31T13:00:00+00:00"}],
        "error": None,
    } | changes
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record))
    return folder


def test_list_has_the_latest_run_first_with_its_time_and_scores(tmp_path):
    write_run(tmp_path / "old")
    new = write_run(tmp_path / "new", started="2026-02-01T12:00:00+00:00", state="failed")
    record_metrics(new, "training", note_gru={"val_nats": 0.5})
    (tmp_path / "no run").mkdir()
    table = runs_in(tmp_path)
    assert list(table["run"]) == ["new", "old"] and list(table["state"]) == ["failed", "complete"]
    assert list(table["minutes"]) == [3.0, 3.0] and set(table["given"]) == {"epochs=3"}
    assert table["note_gru"][0] == 0.5
    assert table[["note_gru", "chord_gru"]].isna().sum().sum() == 3


def test_summary_names_state_parameters_notebooks_files_and_figures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = write_run(tmp_path / "r", mirror="s3://bucket/runs")
    (folder / "generated").mkdir()
    (folder / "generated" / "one.mid").touch()
    (folder / "run.lock").touch()
    record_metrics(folder, "valid", nats=0.54321, notes=7)
    assert summary(folder).splitlines() == [
        "Run r: complete",
        "  started 2026-01-31T12:00:00+00:00, profile demo, seed 7, "
        "commit 0123456789ab and changes",
        "  epochs = 3",
        "  resumed 2026-01-31T13:00:00+00:00",
        "  01_first                          complete          90 s   1,200 MiB",
        "  02_second                         complete          90 s",
        "",
        "Everything is in r, and a copy of it in s3://bucket/runs/r:",
        "  generated/                              1 file",
        "  metrics.json",
        "  run.json",
        "",
        "metrics.json:",
        "  valid.nats   0.5432",
        "  valid.notes  7",
    ]


@pytest.mark.parametrize(
    "error, line",
    [
        ({"place": "notebook 01_first", "ename": "E", "evalue": "x"}, "  notebook 01_first: E: x"),
        ({"ename": "KeyboardInterrupt", "evalue": ""}, "  KeyboardInterrupt: "),
    ],
)
def test_summary_of_a_run_that_failed_says_where_and_why(tmp_path, error, line):
    assert line in summary(write_run(tmp_path / "r", error=error)).splitlines()


def test_commands_list_and_show_the_runs_of_a_folder(tmp_path, capsys):
    write_run(tmp_path / "r")
    assert main(["list", "--output", str(tmp_path)]) == 0
    assert "2026-01-31" in capsys.readouterr().out
    assert main(["show", "r", "--output", str(tmp_path)]) == 0
    assert "Run r: complete" in capsys.readouterr().out


def test_folder_without_runs_is_named(tmp_path, capsys):
    assert main(["list", "--output", str(tmp_path)]) == 2
    assert "no runs here; start one with `chorale run`" in capsys.readouterr().err
    assert main(["show", "r", "--output", str(tmp_path)]) == 2
    assert "no run here" in capsys.readouterr().err
