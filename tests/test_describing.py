"""A picture is stored with words for those who do not see it, as sharp as any other."""

from io import BytesIO

import matplotlib
import pytest
from PIL import Image

from chorale_utils.story.describing import describe, description, sharp_png

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture
def figure():
    yield plt.subplots(1, 2, figsize=(3, 2), dpi=80)[0]
    plt.close("all")


def test_words_belong_to_the_figure_whichever_of_its_axes_they_are_given_with(figure):
    describe(figure.axes[1], "Two empty frames.")
    assert description(figure) == description(figure.axes[0]) == "Two empty frames."


def test_notebook_is_given_the_words_beside_the_picture(figure, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda *what, **how: shown.append((what, how)))
    describe(figure, "Two empty frames.")
    figure._ipython_display_()
    ((data,), how) = shown[0]
    assert set(data) == {"image/png", "text/plain"} and how["raw"]
    about = how["metadata"]["image/png"]
    assert about["alt"] == "Two empty frames." and about["width"] > about["height"] > 100


def test_stored_picture_has_two_dots_for_each_pixel_that_it_takes_on_the_page(figure):
    image, size = sharp_png(figure)
    picture = Image.open(BytesIO(image))
    assert picture.size == pytest.approx((2 * size["width"], 2 * size["height"]), abs=1)
    assert picture.mode == "P"


@pytest.mark.parametrize("words", ["", "  \n"])
def test_no_words_are_refused(figure, words):
    with pytest.raises(ValueError, match="expected a sentence, got none"):
        describe(figure, words)


def test_what_is_no_picture_is_refused():
    with pytest.raises(TypeError, match="type str: expected a figure, axes"):
        describe("a picture", "Words.")
