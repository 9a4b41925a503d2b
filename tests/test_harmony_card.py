"""The card is made from the analyses that music21 brings, and says what was measured."""

from pathlib import Path

import numpy as np
import pytest

from chorale_utils.harmony import harmony_card
from chorale_utils.harmony.harmony_card import (
    CARD,
    LEAST_FIT,
    TWENTY,
    measured,
    read_analyses,
    save_weights,
)
from chorale_utils.harmony.search import blank, load_weights


@pytest.fixture(scope="module")
def pieces():
    """Three of the twenty with their analyses."""
    return read_analyses(harmony_card._shipped_analyses(), [4, 15, 17])


def test_each_of_the_twenty_has_an_analysis():
    folder = harmony_card._shipped_analyses()
    for number in TWENTY:
        assert len(list(folder.glob(f"*{number:03d}.rntxt"))) == 1


def test_chorales_and_analyses_of_a_number_belong_together(pieces):
    assert [chorale.name for chorale, _ in pieces] == [
        f"Riemenschneider {number}" for number in (4, 15, 17)
    ]
    for _, heard in pieces:
        assert heard.fit > 0.9 > LEAST_FIT
    assert [heard.transposed for _, heard in pieces] == [0, 0, 2]  # 17 is in another key here


def test_an_analysis_of_another_piece_is_left_out(tmp_path, capsys):
    other = harmony_card._shipped_analyses() / "riemenschneider007.rntxt"
    (tmp_path / "004.rntxt").write_bytes(other.read_bytes())
    assert read_analyses(tmp_path, [4]) == []
    assert "Riemenschneider 4: left out" in capsys.readouterr().out


def test_what_was_learnt_agrees_with_what_it_was_learnt_from(pieces):
    table = measured(pieces)
    shares = table[["key", "root", "reading"]].sum() / table["steps"].sum()
    assert shares["key"] > 0.85
    assert shares["root"] > 0.93
    assert shares["reading"] > 0.8
    assert table["main_key"].all()
    nothing_learnt = measured(pieces, blank())
    assert nothing_learnt["reading"].sum() < table["reading"].sum() / 2


def test_weights_are_kept_to_three_decimals(tmp_path):
    weights = {name: np.zeros(value.shape) for name, value in blank().items()}
    weights["keys"][0, :2] = weights["changes"][-1, -2:] = 0.12345, -2.0
    path = tmp_path / "weights.csv"
    save_weights(path, weights)
    stored = load_weights(path)
    assert stored["keys"][0, :3] == pytest.approx([0.123, -2.0, 0])
    assert stored["changes"][-1, -2:] == pytest.approx([0.123, -2.0])
    assert stored["keys"].dtype == np.float32
    assert len(path.read_text(encoding="utf-8").splitlines()) == 5


def test_the_weights_that_are_shipped_are_those_that_the_search_expects():
    stored = load_weights()
    assert all(value.any() for value in stored.values())
    assert {name: value.shape for name, value in stored.items()} == {
        name: value.shape for name, value in blank().items()
    }


def test_the_card_says_how_far_the_analysis_agrees_with_people():
    text = Path(CARD).read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| the twenty, in 5 folds |"))
    key, root, reading = (float(cell.strip(" %")) for cell in row.split("|")[3:6])
    assert key > 82 and root > 88 and reading > 60
    assert len(text.splitlines()) < 40
