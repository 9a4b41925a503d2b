"""What all pictures share can be read by everyone."""

import matplotlib
import numpy as np
import pytest

from chorale_utils.story.axes import VOICE_COLOURS, new_axes, tidy

matplotlib.use("Agg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.mark.parametrize("colour", [*VOICE_COLOURS.values()])
def test_words_in_the_colour_of_a_voice_can_be_read_on_white(colour):
    shares = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, "WCAG 2.1, 1.4.3"


def test_axes_that_are_given_are_drawn_on_and_others_are_made():
    figure, ax = plt.subplots()
    assert new_axes(ax, (1, 1)) is ax
    made = new_axes(None, (4, 3))
    assert made.figure is not figure and made.figure.get_size_inches().tolist() == [4, 3]


def test_tidy_axes_have_no_line_at_the_top_or_on_the_right():
    ax = tidy(new_axes(None, (4, 3)))
    shown = {side for side, spine in ax.spines.items() if spine.get_visible()}
    assert shown == {"left", "bottom"}
