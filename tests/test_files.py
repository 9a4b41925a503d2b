"""Written whole or not at all; and metrics.json."""

import json

import pytest

from chorale_utils.files import write_atomically
from chorale_utils.story.record import record_metrics


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    def half(path):
        path.write_text("half")
        raise OSError("disk full")

    file = write_atomically(tmp_path / "deep" / "file.txt", lambda path: path.write_text("old"))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(file, half)
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_the_temporary_name_has_the_suffix_that_writers_go_by(tmp_path):
    seen = []
    write_atomically(tmp_path / "piece.musicxml", lambda path: (seen.append(path), path.touch()))
    assert seen[0].suffix == ".musicxml" and seen[0] != tmp_path / "piece.musicxml"


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
    with pytest.raises(ValueError, match="metrics.json is no JSON object"):
        record_metrics(tmp_path, "training", val_nats=0.5)
    assert (tmp_path / "metrics.json").read_text() == torn


def test_a_figure_that_json_cannot_hold_is_refused_and_what_is_there_stays(tmp_path):
    record_metrics(tmp_path, "training", nats=0.5)
    with pytest.raises(ValueError, match="nan"):
        record_metrics(tmp_path, "training", nats=float("nan"))
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"training": {"nats": 0.5}}
