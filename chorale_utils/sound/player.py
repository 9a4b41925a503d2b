"""Players for the notebook: a chorale to hear, and its score with a cursor that goes along with the
sound.

Everything stands in the HTML itself: nothing is fetched, and several players on one page do not
disturb each other. Where scripts do not run (an untrusted notebook, a page that strips them), score
and player are there all the same; only the cursor is not.

Notebook: 05_generation
"""

import base64
import json
from functools import lru_cache
from html import escape

from ..notation.midi import TEMPO
from ..notation.score import PAGE_WIDTH, show_score
from .audio import FERMATA, encode_audio, step_times, synthesize

PLAYER_SAMPLE_RATE = (
    24_000  # in a notebook, where every byte is stored; the choir reaches up to 5 kHz
)

# Takes every player on the page that has no cursor yet, so that it does not matter how often it is
# on a page. A click on the score goes on from there.
_FOLLOW = """
for (const player of document.querySelectorAll(".chorale-player:not([data-follows])")) {
  player.dataset.follows = "";
  const systems = JSON.parse(player.dataset.systems);
  const audio = player.querySelector("audio"), score = player.querySelector("img");
  const cursor = document.createElement("div");
  player.style.position = "relative";
  cursor.className = "chorale-cursor";
  cursor.style.cssText = "position: absolute; width: 3px; margin-left: -1.5px; background: #D55E00; opacity: 0.6; " +
    "pointer-events: none; visibility: hidden";
  player.append(cursor);
  const show = () => {
    const now = audio.currentTime;
    const system = systems.findLast(system => system.points[0][0] <= now) ?? systems[0];
    const next = system.points.findIndex(([time]) => time > now);
    const [[from, left], [to, right]] = next < 1 ? Array(2).fill(system.points.at(next)) : system.points.slice(next - 1);
    const x = left + (right - left) * (to > from ? (now - from) / (to - from) : 0);
    cursor.style.left = score.offsetLeft + x * score.offsetWidth + "px";
    cursor.style.top = score.offsetTop + system.top * score.offsetHeight + "px";
    cursor.style.height = system.height * score.offsetHeight + "px";
    cursor.style.visibility = audio.paused && !now || audio.ended ? "hidden" : "visible";
    if (!audio.paused && player.isConnected) requestAnimationFrame(show);
  };
  for (const event of ["play", "pause", "seeked", "ended"]) audio.addEventListener(event, show);
  score.addEventListener("click", ({offsetX, offsetY}) => {
    const x = offsetX / score.offsetWidth, y = offsetY / score.offsetHeight;
    const system = systems.find(({top, height}) => y < top + height) ?? systems.at(-1);
    audio.currentTime = (system.points.findLast(([, place]) => place <= x + 0.005) ?? system.points[0])[0];
  });
}
"""


def play(chorale, tempo=TEMPO, fermata=FERMATA, soundfont=None):
    """A player for the notebook: IPython's Audio with the sound of a chorale in it, as MP3 of 5 kB
    a second.

    It plays in an untrusted notebook too.

    Args:
        chorale: Chorale.
        tempo, fermata, soundfont: as in `synthesize`.

    Raises:
        ValueError, OSError, ModuleNotFoundError: as in `synthesize`.

    Notebook: 05_generation
    """
    return _player_class()(data=mp3(chorale, tempo, fermata, soundfont))


def mp3(chorale, tempo=TEMPO, fermata=FERMATA, soundfont=None):
    """The sound of a chorale as the content (bytes) of an MP3 file, 40 kbit a second.

    In it, as MP3 has it, the sound begins 46 ms late; no eye sees that of a cursor.

    Args:
        chorale, tempo, fermata, soundfont: as in `synthesize`.

    Raises:
        ValueError, OSError, ModuleNotFoundError: as in `synthesize`.
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


def show(
    chorale,
    staves=2,
    tempo=TEMPO,
    fermata=FERMATA,
    width=PAGE_WIDTH,
    caption=None,
    colours=None,
    soundfont=None,
):
    """A chorale to see and to hear, for the notebook: a line that names it, its score, and a player, whose sound a
    cursor follows in the score where the notebook is trusted.

    Args:
        chorale: Chorale, at least one step.
        staves, width, colours: as in `show_score`.
        tempo, fermata, soundfont: as in `synthesize`.
        caption: text for the first line; None tells title, name and key, as far as they are known.

    Raises:
        ValueError: an argument is outside its range.
        OSError, ModuleNotFoundError: as in `synthesize`.

    Notebook: 05_generation
    """
    score = show_score(chorale, staves=staves, width=width, colours=colours)
    return ShownChorale(
        _caption(chorale) if caption is None else caption,
        score,
        play(chorale, tempo, fermata, soundfont),
        cursor_path(score.systems, step_times(chorale, tempo, fermata)),
    )


def cursor_path(systems, times):
    """Where the cursor is when: a list of dict, one for each system, with its `top` and `height`, as shares of the
    page's height, and `points` (seconds, x as share of the page's width), between which the cursor goes evenly.

    Args:
        systems: list of `engraving.System`.
        times: float array (steps + 1,), when each step begins, in seconds (see `step_times`).
    """
    return [
        {
            "top": round(system.top, 4),
            "height": round(system.height, 4),
            "points": [[round(float(times[step]), 4), round(x, 4)] for step, x in system.points],
        }
        for system in systems
    ]


class ShownChorale:
    """What `show` gives: `caption` (str), `score` (ScorePicture) and `player` (IPython Audio), one under the other, and
    `path` (see `cursor_path`), on which the cursor goes."""

    def __init__(self, caption, score, player, path):
        self.caption, self.score, self.player, self.path = caption, score, player, path

    def __repr__(self):
        return f"ShownChorale({self.caption!r})"

    def _repr_html_(self):
        path = escape(json.dumps(self.path, separators=(",", ":")))
        return (
            f'<div class="chorale-player" data-systems="{path}"><p><b>{escape(self.caption)}</b></p>'
            f"{self.score._repr_html_()}<p>{self.player._repr_html_()}</p></div>"
            f"<script>{_FOLLOW}</script>"
        )


def _caption(chorale):
    about = (
        [chorale.title, chorale.name]
        if chorale.title and chorale.title != chorale.name
        else [chorale.name]
    )
    return ", ".join(
        [*about, *([chorale.key.replace("-", "♭").replace("#", "♯")] if chorale.key else [])]
    )


@lru_cache(maxsize=1)
def _player_class():
    from IPython.display import Audio

    class Player(Audio):
        """IPython's Audio, its sound in the audio tag: JupyterLab strips a source tag's in an
        untrusted notebook."""

        def _repr_html_(self):
            sound = base64.b64encode(self.data).decode()
            return f'<audio controls src="data:audio/mpeg;base64,{sound}"></audio>'

    return Player
