"""Players for the notebook: a chorale to listen to, and its score with a cursor that follows the
sound.

`show` leaves three outputs: the caption, the score as PNG, and the player. So the score appears
exactly once wherever the notebook is read, even on GitHub, which strips sound and scripts. Nothing
is fetched, and several players on one page do not disturb each other. Where scripts do not run (in
an untrusted notebook), only the cursor is missing.

Notebook: 05_generation
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from ..chorale import Chorale, as_chorales, leave_terminals_alone
from ..notation.chord_marks import ChordMark
from ..notation.engraving import System
from ..notation.fault_marks import Marks
from ..notation.page import bars_of
from ..notation.performance import FERMATA
from ..notation.score_files import PAGE_WIDTH, ScorePicture, show_score
from .audio import encode_audio, step_times, synthesize

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# A low rate, since a notebook stores every byte; the choir's harmonics end at 5 kHz.
PLAYER_SAMPLE_RATE = 24_000

# Gives a cursor to every player on the page that has none yet, so that the script may be on a page
# any number of times. The score is the last picture of the right size before the player: another
# output of the same cell, wherever the page puts it. A click on the score plays from there.
_FOLLOW = """
for (const player of document.querySelectorAll(".chorale-player:not([data-follows])")) {
  player.dataset.follows = "";
  const systems = JSON.parse(player.dataset.systems), {picture, about} = player.dataset;
  const audio = player.querySelector("audio"), cursor = document.createElement("div");
  cursor.className = "chorale-cursor";
  cursor.style.cssText = "position: absolute; width: 3px; margin-left: -1.5px; " +
    "background: #D55E00; opacity: 0.6; pointer-events: none; visibility: hidden";
  const before = image => image.compareDocumentPosition(player) & 4 &&
    `${image.naturalWidth}x${image.naturalHeight}` === picture;
  let score;
  const find = () => {
    if (score?.isConnected || !player.isConnected) return score;
    score = [...document.images].findLast(before);
    if (!score) return;
    score.alt = about;
    score.parentElement.style.position = "relative";
    score.after(cursor);
    return score;
  };
  const show = () => {
    if (!find()) return;
    const now = audio.currentTime;
    const system = systems.findLast(system => system.points[0][0] <= now) ?? systems[0];
    const next = system.points.findIndex(([time]) => time > now);
    const [[from, left], [to, right]] =
      next < 1 ? Array(2).fill(system.points.at(next)) : system.points.slice(next - 1);
    const x = left + (right - left) * (to > from ? (now - from) / (to - from) : 0);
    cursor.style.left = score.offsetLeft + x * score.offsetWidth + "px";
    cursor.style.top = score.offsetTop + system.top * score.offsetHeight + "px";
    cursor.style.height = system.height * score.offsetHeight + "px";
    cursor.style.visibility = audio.paused && !now || audio.ended ? "hidden" : "visible";
    if (!audio.paused) requestAnimationFrame(show);
  };
  for (const event of ["play", "pause", "seeked", "ended"]) audio.addEventListener(event, show);
  document.addEventListener("click", ({target, offsetX, offsetY}) => {
    if (target.tagName !== "IMG" || target !== find()) return;
    const x = offsetX / score.offsetWidth, y = offsetY / score.offsetHeight;
    const {top} = systems.find(({top, height}) => y < top + height) ?? systems.at(-1);
    const there = systems.filter(system => system.top === top);
    const system = there.find(({points}) => x < points.at(-1)[1]) ?? there.at(-1);
    const reached = system.points.findLast(([, place]) => place <= x + 0.005);
    audio.currentTime = (reached ?? system.points[0])[0];
  });
  setTimeout(find, 500);
  const link = player.querySelector(".chorale-link");
  if (link) link.hidden = true;
}
"""


def play(
    chorale: Chorale,
    tempo: float | None = None,
    fermata: float = FERMATA,
    soundfont: str | os.PathLike[str] | None = None,
) -> Player:
    """A player for the notebook that contains the sound of a chorale as MP3, 5 kB per second.

    It also plays in an untrusted notebook.

    Args:
        chorale: Chorale.
        tempo, fermata, soundfont: as in `synthesize`; repeats are sung.

    Raises:
        ValueError, TypeError, OSError, ModuleNotFoundError: as in `synthesize`.

    Examples:
        >>> play(Chorale([[72, 67, 64, 48]] * 4))
        Player(9 kB)

    Notebook: 05_generation
    """
    return Player(mp3(chorale, tempo, fermata, soundfont))


def mp3(
    chorale: Chorale,
    tempo: float | None = None,
    fermata: float = FERMATA,
    soundfont: str | os.PathLike[str] | None = None,
) -> bytes:
    """The sound of a chorale as the content (bytes) of an MP3 file, 40 kbit per second.

    In an MP3 the sound begins 46 ms late, too little to notice in the cursor.

    Args:
        chorale, tempo, fermata, soundfont: as in `synthesize`.

    Raises:
        ValueError, TypeError, OSError, ModuleNotFoundError: as in `synthesize`.

    Examples:
        >>> len(mp3(Chorale([[72, 67, 64, 48]] * 4))) // 1000
        9
    """
    sound = synthesize(chorale, PLAYER_SAMPLE_RATE, tempo, fermata, soundfont)
    return encode_audio(
        sound,
        PLAYER_SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.8,
    )


@overload
def show(
    chorale: Chorale,
    staves: int = 2,
    tempo: float | None = None,
    fermata: float = FERMATA,
    width: int = PAGE_WIDTH,
    caption: str | None = None,
    colours: ArrayLike | None = None,
    soundfont: str | os.PathLike[str] | None = None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Marks | None = None,
) -> ShownChorale: ...
@overload
def show(
    chorale: Iterable[Chorale],
    staves: int = 2,
    tempo: float | None = None,
    fermata: float = FERMATA,
    width: int = PAGE_WIDTH,
    caption: Sequence[str | None] | None = None,
    colours: Sequence[ArrayLike | None] | None = None,
    soundfont: str | os.PathLike[str] | None = None,
    analysis: bool | str = False,
    marks: Sequence[Marks | None] | None = None,
) -> ShownChorales: ...
def show(
    chorale: Chorale | Iterable[Chorale],
    staves: int = 2,
    tempo: float | None = None,
    fermata: float = FERMATA,
    width: int = PAGE_WIDTH,
    caption: Any = None,
    colours: Any = None,
    soundfont: str | os.PathLike[str] | None = None,
    analysis: bool | str | Sequence[ChordMark] = False,
    marks: Any = None,
) -> ShownChorale | ShownChorales:
    """A chorale to see and hear in the notebook: caption, score and player.

    In a trusted notebook, a cursor in the score follows the sound. Several chorales are shown one
    below another.

    Args:
        chorale: Chorale, at least one step; or a list of them, such as `generate` returns.
        staves, width: as in `show_score`.
        tempo, fermata, soundfont: as in `synthesize`; repeats are sung.
        caption: text of the first line; None gives title, name and key, as far as they are known.
            For several chorales None, or a list with one for each.
        colours, marks: as in `show_score`. For several chorales None, or a list with one for each.
        analysis: as in `to_score`; with several chorales, not a list of marks.

    Raises:
        ValueError: an argument is outside its range, or the number of captions or colours differs
            from the number of chorales.
        TypeError: `chorale` is neither a Chorale nor a list of them.
        OSError, ModuleNotFoundError: as in `synthesize`.

    Examples:
        >>> chorale = Chorale([[72, 67, 64, 48]] * 16, name="mine", key="C major")
        >>> show(chorale)
        ShownChorale('mine, C major')
        >>> len(show([chorale, chorale]))
        2

    Notebook: 05_generation
    """
    chorales = as_chorales(chorale)
    if not isinstance(chorale, Chorale) and not isinstance(analysis, (bool, str)):
        raise ValueError(
            f"chord marks with {len(chorales)} chorales: expected True or 'numerals', 'figures' or "
            "'symbols', since marks belong to one chorale"
        )
    if isinstance(chorale, Chorale):
        captions, coloured, marked = [caption], [colours], [marks]
    else:
        captions = _for_each(caption, chorales, "caption")
        coloured = _for_each(colours, chorales, "colours")
        marked = _for_each(marks, chorales, "marks")
    shown = []
    for one, text, painted, pencil in zip(chorales, captions, coloured, marked):
        score = show_score(one, staves, width, colours=painted, analysis=analysis, marks=pencil)
        score.caption = text or ""
        times = step_times(one, tempo, fermata)
        player = play(one, tempo, fermata, soundfont)
        path = cursor_path(score.systems, times, sung_steps(one))
        shown.append(ShownChorale(_caption(one) if text is None else text, score, player, path))
    return shown[0] if isinstance(chorale, Chorale) else ShownChorales(shown)


def _for_each(given, chorales, what):
    """An argument of `show` as a list with one item per chorale."""
    if given is None:
        return [None] * len(chorales)
    if isinstance(given, str) or len(given) != len(chorales):
        raise ValueError(f"{what} of {len(chorales)} chorales: expected a list with one for each")
    return given


def cursor_path(
    systems: Sequence[System], times: np.ndarray, steps: np.ndarray | None = None
) -> list[dict[str, Any]]:
    """The path of the cursor: a list of dicts, one for each system each time that it is sung.

    `top` and `height` are shares of the page's height; `points` are pairs (seconds, x as a share of
    the page's width), between which the cursor moves evenly.

    Args:
        systems: list of `engraving.System`.
        times: float array (steps + 1,), when each step begins, in seconds (see `step_times`).
        steps: int array (steps,), the step of the page for each step sung (see `sung_steps`); None
            for a page without repeats.

    Examples:
        >>> cursor_path([System(0.1, 0.2, [(0, 0.1), (2, 0.9)])], np.array([0.0, 0.25, 0.5]))
        [{'top': 0.1, 'height': 0.2, 'points': [[0.0, 0.1], [0.5, 0.9]]}]
    """
    steps = np.arange(len(times) - 1) if steps is None else steps
    leaps = np.flatnonzero(np.diff(steps) != 1) + 1
    path = []
    for first, last in zip([0, *leaps], [*leaps, len(steps)]):
        start, stop = steps[first], steps[first] + last - first
        for system in systems:
            points = _points_within(system.points, start, stop)
            path += [
                {
                    "top": round(system.top, 4),
                    "height": round(system.height, 4),
                    "points": [
                        [round(float(times[first + step - start]), 4), round(x, 4)]
                        for step, x in points
                    ],
                }
            ] * bool(points)
    return path


def _points_within(points, start, stop):
    """The points of a system between two steps; may be empty."""
    (begin, _), (end, _) = points[0], points[-1]
    if stop <= begin or start >= end:
        return []
    places, at = zip(*points)
    within = [(step, x) for step, x in points if start < step < stop]
    edges = [
        (step, float(np.interp(step, places, at))) for step in (max(start, begin), min(stop, end))
    ]
    return [edges[0], *(point for point in within if point not in edges), edges[1]]


def sung_steps(chorale: Chorale) -> np.ndarray:
    """The steps of the page in the order in which they are sung (see `expand_repeats`): int array
    (steps,).

    Args:
        chorale: Chorale.

    Examples:
        >>> sung_steps(Chorale([[72, 67, 64, 48]] * 3)).tolist()
        [0, 1, 2]
    """
    page = chorale.notation
    if page is None or not page.has_repeats:
        return np.arange(len(chorale))
    bars = bars_of(chorale)
    sung = [np.arange(bars[place].start, bars[place].stop) for place in page.playing_order()]
    return np.concatenate(sung)


@dataclass(frozen=True, repr=False)
class Player:
    """An MP3 (bytes) that displays itself as a player in a notebook.

    The sound is in the audio tag itself, not in a source tag as with IPython's Audio: JupyterLab
    strips source tags in an untrusted notebook.
    """

    data: bytes

    def __repr__(self) -> str:
        return f"Player({len(self.data) // 1000} kB)"

    def _repr_html_(self) -> str:
        sound = base64.b64encode(self.data).decode()
        return f'<audio controls src="data:audio/mpeg;base64,{sound}"></audio>'


class ShownChorale:
    """What `show` returns for a chorale: caption, score and player, one below another.

    `caption` is a str, `score` a ScorePicture, `player` a Player, and `path` the path of the cursor
    (see `cursor_path`).
    """

    def __init__(
        self, caption: str, score: ScorePicture, player: Player, path: list[dict[str, Any]]
    ) -> None:
        self.caption, self.score, self.player, self.path = caption, score, player, path

    def __repr__(self) -> str:
        return f"ShownChorale({self.caption!r})"

    def _ipython_display_(self) -> None:
        """Displays the three as separate outputs."""
        leave_terminals_alone()
        from IPython.display import display

        if self.caption:
            display({"text/html": self._heading(), "text/plain": repr(self)}, raw=True)
        display(self.score)
        display({"text/html": self._player(), "text/plain": repr(self.player)}, raw=True)

    def _repr_html_(self) -> str:
        """The three as one piece of HTML, for pages other than notebooks."""
        image = base64.b64encode(self.score.png).decode()
        picture = (
            f'<img alt="{escape(self.score.alt)}" width="{self.score.size[0] // 2}" '
            f'style="max-width: 100%" src="data:image/png;base64,{image}">'
        )
        return f"{self._heading()}<div>{picture}</div>{self._player()}"

    def _heading(self):
        return f"<p><b>{escape(self.caption)}</b></p>" if self.caption else ""

    def _player(self):
        path = escape(json.dumps(self.path, separators=(",", ":")))
        width, height = self.score.size
        return (
            f'<div class="chorale-player" data-picture="{width}x{height}" '
            f'data-about="{escape(self.score.alt)}" data-systems="{path}">'
            f"<p>{self.player._repr_html_()}</p></div><script>{_FOLLOW}</script>"
        )


class ShownChorales(tuple[ShownChorale, ...]):
    """What `show` returns for several chorales: a ShownChorale for each, one below another."""

    def _ipython_display_(self) -> None:
        leave_terminals_alone()
        for shown in self:
            shown._ipython_display_()

    def _repr_html_(self) -> str:
        return "".join(shown._repr_html_() for shown in self)


def _caption(chorale):
    titled = chorale.title and chorale.title != chorale.name
    about = [chorale.title, chorale.name] if titled else [chorale.name]
    if chorale.key:
        about.append(chorale.key.replace("-", "♭").replace("#", "♯"))
    return ", ".join(about)
