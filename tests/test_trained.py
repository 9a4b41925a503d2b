"""What notebook 3 trained is what the next notebooks load; where it has not run, they say so."""

import numpy as np
import pytest

from chorale_utils import load_model, note_gru, save_model
from chorale_utils.story.trained import trained_model


def test_model_of_the_run_is_taken_where_there_is_one(tmp_path, capsys):
    mine = note_gru(width=4, layers=1)
    save_model(mine, tmp_path / "note_gru.keras")
    found = trained_model("note_gru", tmp_path)
    assert all(map(np.array_equal, found.get_weights(), mine.get_weights()))
    assert capsys.readouterr().out == "note_gru: as notebook 3 trained it\n"


def test_shipped_model_stands_in_and_a_line_says_so(tmp_path, capsys):
    found, shipped = trained_model("note_gru", tmp_path), load_model("note_gru")
    assert all(map(np.array_equal, found.get_weights(), shipped.get_weights()))
    assert "note_gru: not trained in this run" in capsys.readouterr().out


def test_damaged_model_of_the_run_is_refused_rather_than_replaced(tmp_path):
    (tmp_path / "note_gru.keras").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"note_gru\.keras: cannot read a model from this file"):
        trained_model("note_gru", tmp_path)
