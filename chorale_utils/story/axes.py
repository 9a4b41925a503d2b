"""What all pictures share: the colours of the voices, the resolution, empty axes.

Voices have the same colours everywhere (`VOICE_COLOURS`). Colour-blind readers can tell them apart,
and each has a contrast of at least 4.5 to 1 on white, so that text in it is legible.

Notebook: all five
"""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from ..chorale import VOICES

VOICE_COLOURS = dict(zip(VOICES, ("#C44601", "#7B1E7A", "#007A5E", "#0072B2")))
FIGURE_DPI = 80


def new_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given axes, or those of a new figure.

    Args:
        ax: axes to draw on, or None.
        size: width and height of a new figure in inches.

    Examples:
        >>> new_axes(None, (9, 3)).figure.get_size_inches().tolist()
        [9.0, 3.0]
    """
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, dpi=FIGURE_DPI, layout="constrained")[1]


def tidy(ax: Axes) -> Axes:
    """The axes, without the lines at the top and on the right.

    Examples:
        >>> bool(tidy(new_axes(None, (9, 3))).spines["top"].get_visible())
        False
    """
    ax.spines[["top", "right"]].set_visible(False)
    return ax
