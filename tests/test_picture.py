"""Pictures for notebooks: small, sharp, and in the colours of the drawing."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from chorale_utils.notation.engraving import png
from chorale_utils.notation.picture import small_png


def drawing(*colours):
    """A white page, 30 pixels high, with a black disc and one of each colour."""
    discs = "".join(
        f'<circle cx="{30 * place + 15}" cy="15" r="11" fill="{colour}"/>'
        for place, colour in enumerate(["black", *colours])
    )
    width = 30 * (len(colours) + 1)
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}px" height="30px">{discs}</svg>'


def pixels(data):
    return np.array(Image.open(BytesIO(data)).convert("RGB")).astype(int)


def test_it_is_twice_as_large_as_the_drawing_states_and_looks_like_it():
    svg = drawing("#D55E00", "#0072B2")
    small, exact = small_png(svg), png(svg)
    assert pixels(small).shape == pixels(exact).shape == (60, 180, 3)
    assert np.abs(pixels(small) - pixels(exact)).mean() < 1.5
    assert Image.open(BytesIO(small)).mode == "P"


def test_it_keeps_every_colour_that_the_drawing_names_however_rare():
    colours = ["#D55E00", "#0072B2", "#009E73", "#CC79A7", "#F0E442"]
    found = pixels(small_png(drawing(*colours)))
    for place, colour in enumerate(["#000000", *colours]):
        centre = found[30, 60 * place + 30]
        assert "#" + bytes(centre.tolist()).hex().upper() == colour
    assert found[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("count", [60, 249, 300])
def test_many_colours_come_as_near_as_a_palette_lets_them(count):
    colours = [f"#{200 - count // 3 + place // 3:02X}{place % 250:02X}60" for place in range(count)]
    svg = drawing(*colours)
    assert np.abs(pixels(small_png(svg)) - pixels(png(svg))).mean() < 4
