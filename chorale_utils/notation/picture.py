"""A drawing as a small PNG for a notebook. Every viewer of notebooks shows it, even GitHub, which
removes SVG in HTML and anything else that might contain a script.

Notebook: 05_generation
"""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np

from .engraving import png

_MOST = 256  # maximum number of colours in a PNG with a palette
_GREYS = 8  # including black and white: enough for smooth edges
_SHADES = 3  # of each other colour, with white as the fourth


def small_png(svg: str) -> bytes:
    """A drawing as PNG (bytes) on white, at twice its stated width and height, with few colours:
    about half the size of the SVG.

    Black, white and every colour that the drawing names (as ``#RRGGBB``) are kept exactly; only the
    smoothed edges of lines and letters lose some shades.

    Args:
        svg: the drawing.

    Examples:
        >>> small_png('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')[1:4]
        b'PNG'
    """
    from PIL import Image

    drawn = Image.open(BytesIO(png(svg))).convert("RGB")
    palette = _palette(sorted(set(re.findall(r"#[0-9A-Fa-f]{6}\b", svg))))
    if palette is None:
        reduced = drawn.quantize(_MOST, dither=Image.Dither.NONE)
    else:
        colours = Image.new("P", (1, 1))
        colours.putpalette(palette.ravel().tolist())
        reduced = drawn.quantize(palette=colours, dither=Image.Dither.NONE)
    small = BytesIO()
    reduced.save(small, "PNG", optimize=True)
    return small.getvalue()


def _palette(named):
    """The colours of the picture: uint8 array (n, 3), black and white first; None if too many are
    named to keep them all."""
    shades = min(_SHADES, (_MOST - _GREYS) // max(1, len(named)))
    if not shades:
        return None
    greys = np.linspace(0, 255, _GREYS).repeat(3).reshape(-1, 3)
    full = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in named])
    towards_white = np.arange(shades)[:, None, None] / shades
    tints = full.reshape(-1, 3) * (1 - towards_white) + 255 * towards_white
    return np.concatenate([greys, tints.reshape(-1, 3)]).round().astype(np.uint8)
