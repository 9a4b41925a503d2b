"""The pictures show the figures that they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from chorale_utils.story.describing import description
from chorale_utils.story.plots import (
    plot_breakdown,
    plot_calibration,
    plot_grades,
    plot_history,
    plot_learning_curves,
    plot_sweep,
    plot_voice_motion,
)

matplotlib.use("Agg")
from matplotlib.collections import LineCollection

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_pictures_are_described():
    for drawn in (
        plot_voice_motion(np.zeros((3, 3, 13, 13)), "a pair"),
        plot_grades({"Bach": np.array([0.0, 1.0])}),
    ):
        assert len(description(drawn)) > 20


def test_history_of_two_loops_is_drawn_one_after_the_other():
    loop = pd.DataFrame(
        {
            "nats": [3.0, 2.0, 1.0],
            "val_nats": [2.5, 1.5, 1.0],
            "learning_rate": 0.01,
            "gradient_norm": 0.5,
        }
    )
    axes = plot_history({"first": loop, "second": loop})
    assert [list(line.get_xdata()) for line in axes[1].lines] == [[1, 2, 3], [4, 5, 6]]
    assert list(axes[0].lines[1].get_ydata()) == [2.5, 1.5, 1.0]


def test_a_loop_without_epochs_adds_nothing_to_the_curves():
    loop = pd.DataFrame({"nats": [2.0, 1.5], "val_nats": [1.9, 1.6]})
    loop = loop.assign(learning_rate=0.01, gradient_norm=1.0)
    axes = plot_history({"first": loop, "second": loop[:0]})
    assert axes[0].get_lines()[0].get_ydata().tolist() == [2.0, 1.5]
    with pytest.raises(ValueError, match="no epoch in .*first"):
        plot_history({"first": loop[:0]})


def test_history_joins_the_epochs_that_had_a_look_at_the_validation_pieces():
    loop = pd.DataFrame(
        {
            "nats": [3.0, 2.0, 1.0],
            "val_nats": [2.5, np.nan, 1.0],
            "learning_rate": 0.01,
            "gradient_norm": 0.5,
        }
    )
    axes = plot_history({"cycle": loop})
    assert axes[0].lines[1].get_xydata().tolist() == [[1, 2.5], [3, 1.0]]


def test_race_runs_over_the_time_of_all_loops():
    loop = pd.DataFrame({"val_nats": [2.0, np.nan, 1.0], "seconds": [3.0, 2.0, 2.0]})
    ax = plot_learning_curves({"classic": [loop, loop], "strong": loop}, goal=0.6)
    assert ax.lines[0].get_xydata().tolist() == [[3, 2], [7, 1], [10, 2], [14, 1]]
    assert ax.lines[1].get_xydata().tolist() == [[3, 2], [7, 1]] and list(
        ax.lines[2].get_ydata()
    ) == [0.6, 0.6]


def test_motion_tells_the_same_direction_from_the_contrary():
    table = np.zeros((3, 3, 13, 13))
    table[0, 0, 7, 7] = table[2, 2, 7, 7] = -3  # fifth to fifth, both down or both up
    table[0, 2, 0, 4] = 2  # octave to third, apart
    same, contrary = plot_voice_motion(table, "a pair")
    assert same.images[0].get_array()[7, 7] == -3 and same.images[0].get_array()[0, 4] == 0
    assert contrary.images[0].get_array()[0, 4] == 1 and contrary.images[0].get_array()[7, 7] == 0


def test_breakdown_has_a_bar_for_each_model_in_each_place():
    table = pd.DataFrame({"classic": [1.0, 2.0], "strong": [0.5, 0.25]}, index=["held", "moved"])
    (ax,) = plot_breakdown({"notes": table}, "title")
    assert sorted(bar.get_height() for bar in ax.patches) == [0.25, 0.5, 1.0, 2.0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["classic", "strong"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["held", "moved"]


def test_breakdown_has_a_bar_for_each_figure():
    axes = plot_breakdown(
        {
            "voice": pd.Series({"soprano": 0.7, "bass": 0.6}),
            "place": pd.Series([1.0, 0.1, 0.2, 0.1]),
        },
        "title",
    )
    assert [[bar.get_height() for bar in ax.patches] for ax in axes] == [
        [0.7, 0.6],
        [1.0, 0.1, 0.2, 0.1],
    ]


def test_calibration_shows_accuracy_over_confidence():
    table = pd.DataFrame({"confidence": [0.2, 0.9], "accuracy": [0.25, 0.85], "notes": [10, 100]})
    line = plot_calibration(table).lines[1]
    assert list(line.get_xdata()) == [0.2, 0.9] and list(line.get_ydata()) == [0.25, 0.85]


def test_grades_of_each_group_lie_where_they_are_with_a_line_at_the_middle_one():
    ax = plot_grades(
        {"Bach": np.array([-1.0, 0.0, 3.0]), "others": np.array([-9.0, -7.0, -6.0, -5.0])}
    )
    first, second = (shape.get_paths()[0].vertices for shape in ax.collections[:2])
    assert (first[:, 0].min(), first[:, 0].max()) == (-1, 3) and (
        second[:, 0].min(),
        second[:, 0].max(),
    ) == (-9, -5)
    assert first[:, 1].mean() > second[:, 1].mean(), "the first group stands at the top"
    (medians,) = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
    assert [segment[0, 0] for segment in medians.get_segments()] == [0, -6.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Bach", "others"]


def test_sweep_is_drawn_where_points_leave_parameters_at_their_defaults():
    results = pd.DataFrame(
        {
            "rate": [np.nan, 0.1, 0.2, np.nan],
            "sizes": [None, None, None, '{"width": 128, "heads": 1}'],
            "nats": [0.4, 0.5, 0.6, 0.7],
        },
        index=list("abcd"),
    )
    axes = plot_sweep(results, ["rate", "sizes"], "nats")
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["default", "0.1", "0.2"]
    assert (
        all(len(ax.lines[0].get_xdata()) == 4 for ax in axes)
        and axes[0].get_title() == "best at rate =\ndefault"
    )
    axes[0].figure.canvas.draw()  # with no warning that there is no room
