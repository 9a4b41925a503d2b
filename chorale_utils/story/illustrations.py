"""Illustrations: sketches for what is hard to explain in words alone. They show no data, except
`plot_grid`, which shows a piece.

Notebook: all five
"""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, as_chorale
from .axes import FIGURE_DPI, VOICE_COLOURS
from .describing import describe

_COLOURS = list(VOICE_COLOURS.values())
_GREY, _INK = "#eeeeee", "#333333"


def plot_grid(chorale: Chorale, title: str = "Dark: a note is struck. Light: it is held.") -> Axes:
    """Draws the grid of a short passage: a column for each sixteenth, a row for each voice, and the
    MIDI number in each cell; cells in which a note is struck are darker.

    Args:
        chorale: the passage, at most about twenty steps.
        title: title of the picture.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> plot_grid(Chorale([[72, 67, 64, 48]] * 4)).get_xlabel()
        'step (a sixteenth note)'

    Notebook: 01_data_exploration
    """
    chorale = as_chorale(chorale)
    steps = len(chorale)
    ax = _canvas(0.55 * steps + 1.5, 2.6, (0, steps), (4, -0.02))
    ax.axis("on")
    for step, voice in np.ndindex(steps, len(VOICES)):
        struck, pitch = chorale.struck[step, voice], chorale.pitches[step, voice]
        ax.add_patch(
            plt.Rectangle(
                (step + 0.02, voice + 0.06),
                0.98,
                0.88,
                color=_COLOURS[voice],
                alpha=(1.0 if struck else 0.25) if pitch != SILENCE else 0.05,
                linewidth=0,
            )
        )
        colour = "white" if struck and pitch != SILENCE else "black"
        ax.text(step + 0.5, voice + 0.5, str(pitch), color=colour, ha="center", va="center")
    for beat in range(0, steps + 1, STEPS_PER_QUARTER):
        ax.axvline(beat, color=_INK, linewidth=1)
    ax.set_yticks(np.arange(4) + 0.5, VOICES)
    ax.set_xticks(np.arange(steps) + 0.5, [str(step) for step in range(steps)])
    ax.tick_params(length=0)
    ax.set(title=title, xlabel="step (a sixteenth note)")
    ax.spines[:].set_visible(False)
    describe(
        ax,
        f"A table with a row for each voice and a column for each of {steps} sixteenths. Dark "
        "cells are struck notes, light cells the same notes held; a line marks each quarter.",
    )
    return ax


def illustrate(name: str) -> Axes:
    """A sketch of how a model, or the particle filter, works.

    Args:
        name: ``'note_gru'``, ``'chord_gru'`` or ``'phrase_gru'``, how this model reads and writes;
            or ``'particles'``, how candidates are weighted and resampled.

    Raises:
        ValueError: there is no such sketch.

    Examples:
        >>> illustrate("note_gru").get_title()
        'note_gru reads one note at a time and predicts the next'

    Notebook: 03_model_training
    """
    if name not in _SKETCHES:
        raise ValueError(f"sketch {name!r}: expected one of {', '.join(_SKETCHES)}")
    draw, words = _SKETCHES[name]
    ax = draw()
    describe(ax, words)
    return ax


def _note_gru() -> Axes:
    notes = ("C5", "G4", "E4", "C3", "C5")
    ax = _canvas(8, 3.6, (-1.7, 10.2), (-0.5, 5.5))
    ax.set_title("note_gru reads one note at a time and predicts the next")
    for column, (note, following) in enumerate(zip(notes, notes[1:] + ("G4",))):
        x, voice = 2 * column, column % 4
        _box(ax, x, 0, note, _COLOURS[voice], "white")
        for row in (1, 2, 3):
            _box(ax, x, row, "GRU")
            _arrow(ax, (x, row - 0.7), (x, row - 0.3))
            _arrow(ax, (x + 0.55, row), (x + 1.45, row))
        _box(ax, x, 4, "softmax", "white")
        _arrow(ax, (x, 3.3), (x, 3.7))
        _arrow(ax, (x, 4.3), (x, 4.7))
        ax.text(x, 4.95, f"{following}?", ha="center", color=_COLOURS[(voice + 1) % 4])
    for row, text in enumerate(("hears", "state", "state", "state", "expects")):
        ax.text(-1.0, row, text, ha="right", va="center", color=_INK)
    return ax


def _chord_gru() -> Axes:
    ax = _canvas(8, 4.6, (-1.9, 8.6), (-1.35, 6.2))
    ax.set_title("chord_gru reads chords, looks back, and writes four voices in turn")
    _chord_columns(ax, ("C5", "G4", "E4", "C3"), "place in the beat,\nhow long held")
    return ax


def _phrase_gru() -> Axes:
    ax = _canvas(8, 4.6, (-1.9, 8.6), (-1.35, 6.2))
    ax.set_title("phrase_gru is given the form, and strikes, holds or rests")
    _chord_columns(
        ax, ("strike C5", "hold", "strike E4", "hold"), "bar, fermata, phrase,\nkey, how long held"
    )
    return ax


def _chord_columns(ax: Axes, written: tuple[str, ...], told: str) -> None:
    """Four steps of a model that reads chords; the last one is being written."""
    for column in range(4):
        x = 1.6 * column
        for voice, colour in enumerate(_COLOURS):
            ax.add_patch(plt.Rectangle((x - 0.4, 0.45 - 0.28 * voice), 0.8, 0.24, color=colour))
        _arrow(ax, (x, 0.75), (x, 1.1))
        _box(ax, x, 1.4, "GRU")
        if column < 3:
            _arrow(ax, (x + 0.55, 1.4), (x + 1.05, 1.4))
    ax.text(-0.75, 0.1, "chords\nbefore", ha="right", va="center", color=_INK)
    ax.text(2.4, -0.95, f"and with each chord: {told}", ha="center", va="center", color=_INK)
    for column, bend in ((1, -0.45), (0, -0.4)):
        ax.annotate(
            "",
            (1.6 * column, 1.75),
            (3.95, 2.5),
            arrowprops={
                "arrowstyle": "->",
                "color": "#7a7a7a",
                "linestyle": "--",
                "connectionstyle": f"arc3,rad={-bend}",
            },
        )
    ax.text(
        -0.4,
        4.2,
        "attention: when was it like this\nbefore, and what came next?",
        color=_INK,
        va="center",
    )
    _arrow(ax, (4.8, 1.75), (4.8, 2.2))
    _box(ax, 4.8, 2.5, "state and memory", width=1.7)
    for voice, (name, note) in enumerate(zip(VOICES, written)):
        y = 5.55 - 0.8 * voice
        _box(ax, 6.55, y, name, _COLOURS[voice], "white", width=1.1)
        _arrow(ax, (5.35, 2.83), (5.98, y))
        ax.text(7.25, y, note, va="center", color=_COLOURS[voice])
        if voice < 3:
            _arrow(ax, (6.55, y - 0.3), (6.55, y - 0.5))


def _particles() -> Axes:
    """A small filter of six candidates, drawn step by step."""
    random = np.random.default_rng(5)
    lanes, columns = 6, 4
    ax = _canvas(8, 3.6, (-2.0, 9.6), (-1.1, 6.2))
    ax.set_title("Candidates that did not expect the melody die out, the others multiply")
    for column in range(columns):
        x = 2.7 * column
        weights = random.dirichlet(np.full(lanes, 0.7))
        ax.text(x, 5.75, "♪", ha="center", fontsize=16, color=_COLOURS[0])
        ax.scatter(
            np.full(lanes, x), np.arange(lanes), s=900 * weights + 8, color=_COLOURS[3], zorder=3
        )
        if column == columns - 1:
            continue
        drawn = np.searchsorted(weights.cumsum(), (np.arange(lanes) + 0.5) / lanes)
        for lane, parent in enumerate(drawn):
            ax.plot([x, x + 2.7], [parent, lane], color="#7a7a7a", linewidth=1, zorder=1)
        for lane in set(range(lanes)) - set(drawn.tolist()):
            ax.plot(x + 0.35, lane, marker="x", color=_COLOURS[0], markersize=7)
    ax.text(-0.5, 5.75, "the melody", ha="right", va="center", color=_COLOURS[0])
    ax.text(-0.5, 2.5, "six\nsettings", ha="right", va="center", color=_COLOURS[3])
    ax.text(
        4.05,
        -0.95,
        "the larger the dot, the more that candidate expected the melody's note;\n"
        "lines lead from each survivor to its copies, a cross marks a dropped candidate",
        ha="center",
        va="center",
        color=_INK,
        fontsize=9,
    )
    return ax


_SKETCHES: dict[str, tuple[Callable[[], Axes], str]] = {
    "note_gru": (
        _note_gru,
        "A sketch of note_gru: five notes in a row, soprano to bass and soprano again. Above each "
        "are three GRUs, which pass their states on to the right, and a softmax that gives the "
        "probabilities of the next note.",
    ),
    "chord_gru": (
        _chord_gru,
        "A sketch of chord_gru: a GRU reads four chords, one after another. Dashed arrows lead "
        "from the last one back to earlier ones: attention. State and memory feed four heads, "
        "soprano, alto, tenor and bass, and each head knows what the ones above have chosen.",
    ),
    "phrase_gru": (
        _phrase_gru,
        "A sketch of phrase_gru: built like chord_gru, but with each chord it is given the bar, "
        "the fermata, the phrase and the key, and each head says strike, hold or rest.",
    ),
    "particles": (
        _particles,
        "A sketch of a particle filter: six candidates as dots in a column under each of four "
        "notes of a melody. Large dots have several lines to the next column, small ones end in "
        "a cross.",
    ),
}


def _canvas(width: float, height: float, x: tuple[float, float], y: tuple[float, float]) -> Axes:
    ax = plt.subplots(figsize=(width, height), dpi=FIGURE_DPI, layout="constrained")[1]
    ax.set(xlim=x, ylim=y)
    ax.axis("off")
    return ax


def _box(
    ax: Axes,
    x: float,
    y: float,
    text: str,
    colour: str = _GREY,
    ink: str = "black",
    width: float = 1.0,
) -> None:
    ax.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - 0.25),
            width,
            0.5,
            boxstyle="round,pad=0.04",
            facecolor=colour,
            edgecolor=_INK,
            linewidth=0.8,
        )
    )
    ax.text(x, y, text, ha="center", va="center", color=ink, fontsize=9)


def _arrow(ax: Axes, begin: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, begin, arrowprops={"arrowstyle": "->", "color": _INK})
