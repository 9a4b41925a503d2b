"""Sketches are drawn, described, and show what they are given."""

import matplotlib
import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.story.describing import description
from chorale_utils.story.illustrations import illustrate, plot_grid

matplotlib.use("Agg")


pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.mark.parametrize("name", ["note_gru", "chord_gru", "phrase_gru", "particles"])
def test_sketch_is_described_and_nothing_of_it_lies_outside(name):
    ax = illustrate(name)
    assert len(description(ax)) > 100
    ax.figure.canvas.draw()
    whole = ax.figure.bbox
    for text in ax.texts:
        box = text.get_window_extent()
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1, text.get_text()
        assert whole.y0 <= box.y0 and box.y1 <= whole.y1, text.get_text()


def test_sketch_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="'grid': expected one of note_gru, chord_gru"):
        illustrate("grid")


def test_grid_has_every_number_and_struck_notes_are_dark():
    pitches = np.array([[72, 67, 64, 48], [72, 67, 65, 0]])
    ax = plot_grid(Chorale(pitches))
    assert [text.get_text() for text in ax.texts] == [str(pitch) for pitch in pitches.ravel()]
    assert [cell.get_alpha() for cell in ax.patches] == [1, 1, 1, 1, 0.25, 0.25, 1, 0.05]
