"""Describing: alternative text for pictures, for readers who cannot see them; and sharp pictures.

Every picture in the notebooks has a description. The notebook stores it with the picture (``alt``
in the output's metadata), and screen readers read it aloud on pages made from the notebook.

Notebook: all five
"""

from io import BytesIO
from types import MethodType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_SHARPNESS = 2  # pixels of the stored picture per pixel on the page
_COLOURS = 256  # size of the palette, enough for the edges of lines and letters


def describe(picture: Axes | Figure | np.ndarray, words: str) -> None:
    """Gives a picture a description for readers who cannot see it; a notebook stores both.

    Args:
        picture: the figure; or one of its axes, or an array of them, as returned by the plots.
        words: what the picture shows, in a sentence or two.

    Raises:
        TypeError: `picture` is not a matplotlib picture.
        ValueError: `words` is empty.

    Examples:
        >>> import matplotlib.pyplot as plt
        >>> figure, ax = plt.subplots()
        >>> describe(ax, "An empty frame.")
        >>> description(figure)
        'An empty frame.'

    Notebook: 01_data_exploration
    """
    if not words.strip():
        raise ValueError("words of a picture: expected a sentence, got none")
    figure = _figure_of(picture)
    figure.set_gid(words)
    # a notebook tries this method first to display the figure
    figure._ipython_display_ = MethodType(_display, figure)  # type: ignore[attr-defined]


def description(picture: Axes | Figure | np.ndarray) -> str | None:
    """The description of a picture (see `describe`), or None.

    Examples:
        >>> description(Figure()) is None
        True
    """
    return _figure_of(picture).get_gid()


def _figure_of(picture: Axes | Figure | np.ndarray) -> Figure:
    one = picture.flat[0] if isinstance(picture, np.ndarray) and picture.size else picture
    figure = one.figure if isinstance(one, Axes) else one
    if not isinstance(figure, Figure):
        raise TypeError(
            f"picture of type {type(picture).__name__}: expected a figure, axes, or an array of "
            f"axes, such as the plots return"
        )
    return figure


def _display(figure: Figure) -> None:
    """Displays a figure with its description, equally sharp everywhere."""
    from IPython.display import display

    image, size = sharp_png(figure)
    about = {**size, "alt": description(figure)}
    display(
        {"image/png": image, "text/plain": repr(figure)}, metadata={"image/png": about}, raw=True
    )


def sharp_png(figure: Figure) -> tuple[bytes, dict[str, Any]]:
    """A figure as PNG (bytes) with a palette, and its size on the page in pixels (``width`` and
    ``height``).

    Examples:
        >>> import matplotlib.pyplot as plt
        >>> image, size = sharp_png(plt.subplots(figsize=(2, 1), dpi=80)[0])
        >>> image[1:4], size["width"] < 200
        (b'PNG', True)
    """
    from PIL import Image

    drawn = BytesIO()
    figure.savefig(drawn, format="png", dpi=_SHARPNESS * figure.dpi, bbox_inches="tight")
    picture = Image.open(drawn).convert("RGB")
    small = BytesIO()
    picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    width, height = picture.size
    return small.getvalue(), {"width": width // _SHARPNESS, "height": height // _SHARPNESS}
