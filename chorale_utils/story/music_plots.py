"""Plots of music: a piece in time and pitch, what surprises a model in it, what a model attends to,
and how high the voices sing. Each function draws one picture with its title, and returns the axes.

Each picture has a description for readers who cannot see it (see `describe`). Curves and bars are
in `plots`.

Notebook: all five
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from numpy.typing import ArrayLike

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, as_chorale, as_chorales
from ..deprecation import renamed_argument
from .axes import VOICE_COLOURS, new_axes, tidy
from .describing import describe

_BRIGHTEST = 0.75  # of the colour map: brighter colours would vanish on white paper
_NOTE_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")


def note_name(pitch: int | np.integer) -> str:
    """Name of a MIDI number: ``C4``, middle C, for 60.

    Args:
        pitch: MIDI number.

    Examples:
        >>> note_name(60), note_name(70), note_name(66)
        ('C4', 'B♭4', 'F♯4')

    Notebook: 01_data_exploration
    """
    return f"{_NOTE_NAMES[int(pitch) % 12]}{int(pitch) // 12 - 1}"


def plot_piano_roll(chorale: Chorale, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Draws the notes of a chorale as lines in pitch and time: one colour for each voice, and bar
    lines where the metre is known.

    Args:
        chorale: the piece to draw.
        ax: axes to draw on; None makes a new figure.
        title: title; None takes the name of the piece.

    Raises:
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)), name="one chord")
        >>> plot_piano_roll(chorale).get_title()
        'one chord'

    Notebook: 01_data_exploration
    """
    chorale, made = as_chorale(chorale), ax is None
    ax = new_axes(ax, (9, 3.2))
    for voice, colour in enumerate(VOICE_COLOURS.values()):
        lines = _note_lines(chorale, voice)
        ax.add_collection(LineCollection(list(lines), colors=colour, linewidths=5, capstyle="butt"))
        if len(lines):
            _, last_pitch = lines[-1][0]
            ax.text(chorale.quarters + 0.2, last_pitch, VOICES[voice], color=colour, va="center")
    _finish_roll(ax, chorale, title or chorale.name)
    if made:
        describe(
            ax,
            f"{ax.get_title()}: time runs to the right for {chorale.quarters:g} quarter notes, "
            f"pitch upwards; each voice is a row of short lines in its own colour.",
        )
    return ax


def _note_lines(chorale: Chorale, voice: int) -> np.ndarray:
    """float array (notes, 2, 2): where the line of each note of a voice begins and ends (quarters,
    pitch), with a small gap before the next note."""
    gap = 0.15  # steps
    start, length, pitch = chorale.notes(voice).T
    quarters = np.stack([start, start + length - gap]) / STEPS_PER_QUARTER
    return np.stack([quarters, np.stack([pitch, pitch])]).T


def _finish_roll(ax: Axes, chorale: Chorale, title: str) -> None:
    sung = chorale.pitches[chorale.pitches != SILENCE]
    low, high = (sung.min(), sung.max()) if len(sung) else (48, 72)
    bar = chorale.steps_per_bar
    if bar:
        for step in range(chorale.pickup, len(chorale), bar):
            ax.axvline(step / STEPS_PER_QUARTER, color="#dddddd", linewidth=0.8, zorder=0)
    ticks = [pitch for pitch in range(24, 97, 12) if low - 3 <= pitch <= high + 3]
    ax.set_yticks(ticks, [note_name(pitch) for pitch in ticks])
    ax.set(
        title=title,
        xlabel="quarter notes",
        ylabel="pitch",
        ylim=(low - 3, high + 3),
        xlim=(0, chorale.quarters),
    )
    tidy(ax)


@renamed_argument(most="vmax")
def plot_surprise(
    chorale: Chorale,
    nats: ArrayLike,
    ax: Axes | None = None,
    title: str | None = None,
    vmax: float = 4.0,
) -> Axes:
    """Draws what surprises a model: a piano roll in which a note is the darker, the less the model
    expected it.

    Args:
        chorale: the piece to draw.
        nats: float array (steps, 4), -ln p of every note.
        ax: see `plot_piano_roll`.
        title: title; None takes the name of the piece.
        vmax: nats at which the darkest colour is reached.

    Raises:
        TypeError: `chorale` is not a Chorale.
        ValueError: `nats` does not fit the chorale.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)), name="one chord")
        >>> nats = np.full((16, 4), 0.5)
        >>> plot_surprise(chorale, nats).get_title()
        'one chord: what the model did not expect'

    Notebook: 04_evaluation
    """
    chorale, made = as_chorale(chorale), ax is None
    nats = _checked(chorale, "nats", nats, chorale.pitches.shape)
    ax = new_axes(ax, (9, 3.4))
    steps, voices = np.nonzero(chorale.pitches != SILENCE)
    pitches = chorale.pitches[steps, voices]
    quarters = steps / STEPS_PER_QUARTER
    lines = np.stack(
        [
            np.column_stack([quarters, pitches]),
            np.column_stack([quarters + 1 / STEPS_PER_QUARTER, pitches]),
        ],
        axis=1,
    )
    notes = LineCollection(
        list(lines),
        array=nats[steps, voices],
        cmap="inferno_r",
        linewidths=5,
        capstyle="butt",
    )
    notes.set_clim(0, vmax)
    ax.add_collection(notes)
    plt.colorbar(notes, ax=ax, label="nats", pad=0.01)
    _finish_roll(ax, chorale, title or f"{chorale.name}: what the model did not expect")
    if made:
        describe(
            ax,
            f"{ax.get_title()}: the notes of four voices in time and pitch. Held notes are pale; "
            f"the mean is {nats.mean():.2f} nats, and {(nats > 2).mean():.0%} of the notes are "
            f"dark, at more than 2 nats.",
        )
    return ax


@renamed_argument(most="vmax")
def surprise_colours(chorale: Chorale, nats: ArrayLike, vmax: float = 4.0) -> np.ndarray:
    """Colours for `show_score` that show how little a model expected each note.

    Each note has the colour of the step on which it begins: where a voice moves, the colour shows
    how surprising the move is.

    Args:
        chorale: the piece.
        nats: float array (steps, 4), -ln p of every note, such as
            ``-note_log_probs(model, chorale.pitches)``.
        vmax: nats at which the brightest colour is reached.

    Returns:
        str array (steps, 4): a colour from black (expected) through purple and red to orange
        (`vmax` nats or more) where a note begins, ``''`` elsewhere.

    Raises:
        TypeError: `chorale` is not a Chorale.
        ValueError: `nats` does not fit the chorale, or `vmax` is not positive.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (4, 1)))
        >>> nats = np.tile([0.1, 1.0, 2.0, 4.0], (4, 1))
        >>> surprise_colours(chorale, nats)[0].tolist()
        ['#02020e', '#3d0965', '#8c2369', '#f98e09']

    Notebook: 05_generation
    """
    chorale = as_chorale(chorale)
    nats = _checked(chorale, "nats", nats, chorale.pitches.shape)
    if not vmax > 0:
        raise ValueError(f"vmax {vmax!r}: expected a positive number of nats")
    shades = [to_hex(shade) for shade in plt.get_cmap("inferno")(np.linspace(0, _BRIGHTEST, 64))]
    colours = np.array(shades)[np.clip(nats / vmax * 63, 0, 63).round().astype(int)]
    return np.where(chorale.struck, colours, "")


def _checked(chorale: Chorale, name: str, values: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """The values as an array; raises if it does not have this shape."""
    array = np.asarray(values, float)
    if array.shape != shape:
        raise ValueError(
            f"{chorale.name}: {name} of shape {array.shape}: expected {shape}, to fit its "
            f"{len(chorale)} steps"
        )
    return array


def plot_attention(
    chorale: Chorale, weights: ArrayLike, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Draws a model's attention while it writes a piece: for each step, the weights of the earlier
    steps whose chords it looks up.

    Args:
        chorale: the piece.
        weights: float array (steps, steps): row t, column s is the weight at step t of the chord at
            step s - 1; column 0, the weight of no chord at all, is not drawn.
        ax: see `plot_piano_roll`.
        title: title; None takes the name of the piece.

    Raises:
        TypeError: `chorale` is not a Chorale.
        ValueError: `weights` does not fit the chorale.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)), time_signature="4/4")
        >>> plot_attention(chorale, np.tril(np.ones((16, 16)) / 16)).get_xlabel()
        'bar attended to'

    Notebook: 04_evaluation
    """
    chorale, made = as_chorale(chorale), ax is None
    weights = _checked(chorale, "weights", weights, (len(chorale), len(chorale)))
    ax = new_axes(ax, (6, 5.4))
    image = ax.imshow(weights[:, 1:], cmap="Blues", vmin=0, aspect="equal", interpolation="nearest")
    plt.colorbar(image, ax=ax, label="weight", shrink=0.8)
    bar = chorale.steps_per_bar
    if bar:
        bars = np.arange(chorale.pickup, len(chorale), bar)
        numbers = [str(number) for number in range(1, len(bars) + 1)]
        for place in bars:
            ax.axhline(place - 0.5, color="#dddddd", linewidth=0.6)
            ax.axvline(place - 0.5, color="#dddddd", linewidth=0.6)
        ax.set_xticks(bars - 0.5, numbers)
        ax.set_yticks(bars - 0.5, numbers)
    ax.set(
        title=title or chorale.name,
        xlabel="bar attended to" if bar else "step attended to",
        ylabel="bar being written" if bar else "step being written",
    )
    if made:
        describe(
            ax,
            f"{ax.get_title()}: a square with a row for each step written and a column for each "
            f"step attended to. Dark lines parallel to the diagonal are passages followed note by "
            f"note.",
        )
    return ax


def plot_voice_ranges(
    chorales: Sequence[Chorale] | Chorale,
    ax: Axes | None = None,
    title: str = "Each voice keeps to its own range",
) -> Axes:
    """Draws how often each voice sings each pitch, as a share of its steps; a voice that is silent
    throughout is left out.

    Args:
        chorales: the pieces whose notes are counted.
        ax: see `plot_piano_roll`.
        title: title of the picture.

    Raises:
        TypeError: something other than chorales.
        ValueError: no voice sings in any of them.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> plot_voice_ranges([chorale]).get_xlabel()
        'pitch (name and MIDI number)'

    Notebook: 01_data_exploration
    """
    chorales = as_chorales(chorales)
    if not any(chorale.pitches.any() for chorale in chorales):
        raise ValueError("no notes to count: expected chorales in which a voice sings")
    made, ax = ax is None, new_axes(ax, (9, 3))
    pitches = np.concatenate([chorale.pitches for chorale in chorales])
    usual = []  # of each voice, where nine in ten of its notes lie
    for voice, (name, colour) in enumerate(VOICE_COLOURS.items()):
        sung = pitches[:, voice][pitches[:, voice] != SILENCE]
        if not len(sung):
            continue
        low, high = np.percentile(sung, [5, 95], method="nearest")
        usual.append(f"{name} {note_name(low)} to {note_name(high)}")
        values, counts = np.unique(sung, return_counts=True)
        ax.fill_between(values, counts / counts.sum(), color=colour, alpha=0.35, step="mid")
        ax.step(values, counts / counts.sum(), color=colour, where="mid")
        ax.text(
            sung.mean(), counts.max() / counts.sum(), name, color=colour, ha="center", va="bottom"
        )
    octaves = np.arange(36, 85, 12)
    ax.set_xticks(octaves, [f"{note_name(pitch)}\n{pitch}" for pitch in octaves])
    ax.set(title=title, xlabel="pitch (name and MIDI number)", ylabel="share of steps")
    ax.margins(y=0.15)
    if made:
        words = (
            f"{title}: four overlapping hills. Nine in ten notes lie between: {', '.join(usual)}."
        )
        describe(ax, words)
    return tidy(ax)
