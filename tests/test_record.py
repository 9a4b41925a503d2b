"""The record of a run, its figures, and the lock on its folder."""

import json
import subprocess
from pathlib import Path

import pytest

from chorale_utils.story import record
from chorale_utils.story.record import record_metrics


def test_commit_is_that_of_the_checkout_and_none_outside_one(tmp_path, monkeypatch):
    git = ["git", "-C", tmp_path, "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (tmp_path / "chorale_utils").mkdir()
    monkeypatch.setattr(record, "__file__", str(tmp_path / "chorale_utils" / "story" / "record.py"))
    assert record._commit() == (None, None)
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert record._commit() == (head, True)
    Path(tmp_path, "new").touch()
    assert record._commit() == (head, False)


def test_metrics_of_one_section_do_not_disturb_another(tmp_path):
    record_metrics(tmp_path, "training", val_nats=0.6)
    record_metrics(tmp_path, "generation", pieces=4)
    record_metrics(tmp_path, "training", val_nats=0.5)
    assert json.loads((tmp_path / "metrics.json").read_text()) == {
        "training": {"val_nats": 0.5},
        "generation": {"pieces": 4},
    }


@pytest.mark.parametrize("torn", ["{", "[1]", "3"])
def test_a_torn_metrics_file_is_an_error_that_names_it(tmp_path, torn):
    (tmp_path / "metrics.json").write_text(torn)
    with pytest.raises(ValueError, match="metrics.json is not a JSON object"):
        record_metrics(tmp_path, "training", val_nats=0.5)
    assert (tmp_path / "metrics.json").read_text() == torn


def test_a_figure_that_json_cannot_hold_is_refused_and_what_is_there_stays(tmp_path):
    record_metrics(tmp_path, "training", nats=0.5)
    with pytest.raises(ValueError, match="nan"):
        record_metrics(tmp_path, "training", nats=float("nan"))
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"training": {"nats": 0.5}}
