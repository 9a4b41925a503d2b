"""Plots for the notebooks. Each function draws one picture with its title, and returns the axes.

Voices have the same colours everywhere (`VOICE_COLOURS`). Colour-blind readers can tell them apart,
and each has a contrast of at least 4.5 to 1 on white, so that text in it is legible. Each picture
has a description for readers who cannot see it (see `describe`).

Notebook: all five
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from numpy.typing import ArrayLike

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, as_chorale, as_chorales
from ..deprecation import renamed_argument
from .describing import describe

if TYPE_CHECKING:
    import pandas as pd

VOICE_COLOURS = dict(zip(VOICES, ("#C44601", "#7B1E7A", "#007A5E", "#0072B2")))
_MODEL_COLOURS = ("#808080", "#3D9BD6", "#004A75", "#000000")
FIGURE_DPI = 80
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
    ax = _axes(ax, (9, 3.2))
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
    ax = _axes(ax, (9, 3.4))
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

    Notebook: 04_evaluation
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


def plot_voice_ranges(
    chorales: Sequence[Chorale] | Chorale,
    ax: Axes | None = None,
    title: str = "Each voice keeps to its own range",
) -> Axes:
    """Draws how often each voice sings each pitch, as a share of the voice's steps.

    Args:
        chorales: the pieces whose notes are counted.
        ax: see `plot_piano_roll`.
        title: title of the picture.

    Examples:
        >>> chorale = Chorale(np.tile([72, 67, 64, 48], (16, 1)))
        >>> ax = plot_voice_ranges([chorale])

    Notebook: 01_data_exploration
    """
    made, ax = ax is None, _axes(ax, (9, 3))
    pitches = np.concatenate([chorale.pitches for chorale in as_chorales(chorales)])
    usual = []  # of each voice, where nine in ten of its notes lie
    for voice, (name, colour) in enumerate(VOICE_COLOURS.items()):
        sung = pitches[:, voice][pitches[:, voice] != SILENCE]
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
    return _tidy(ax)


def plot_history(histories: Mapping[str, "pd.DataFrame"]) -> np.ndarray:
    """Draws learning curves, learning rate and gradient norm, side by side, of one training or
    several consecutive ones.

    Args:
        histories: label -> history from `fit`; each training starts where the one before ended.

    Returns:
        array of three matplotlib Axes.

    Raises:
        ValueError: there is no epoch in any of the histories.

    Examples:
        >>> import pandas as pd
        >>> history = pd.DataFrame({"nats": [2.0, 1.5], "val_nats": [1.9, 1.6]})
        >>> history = history.assign(learning_rate=0.01, gradient_norm=1.0)
        >>> len(plot_history({"classic": history}))
        3

    Notebook: 03_model_training
    """
    if not any(map(len, histories.values())):
        raise ValueError(f"no epoch in {list(histories)}: expected a training of at least one")
    _, axes = plt.subplots(1, 3, figsize=(11, 3.2), dpi=FIGURE_DPI, layout="constrained")
    begin = 0
    for (label, history), style in zip(histories.items(), ("-", "--", ":", "-.")):
        epochs = begin + np.arange(1, len(history) + 1)
        nats, val_nats = history["nats"].to_numpy(), history["val_nats"].to_numpy()
        marker = "o" if len(history) == 1 else None
        axes[0].plot(
            epochs,
            nats,
            style,
            marker=marker,
            color="#777777",
            label=f"training, {label}",
        )
        validated = ~np.isnan(val_nats)
        axes[0].plot(
            epochs[validated],
            val_nats[validated],
            style,
            marker=marker,
            color="#0072B2",
            label=f"validation, {label}",
        )
        axes[1].plot(epochs, history["learning_rate"], style, marker=marker, color="#009E73")
        axes[2].plot(epochs, history["gradient_norm"], style, marker=marker, color="#D55E00")
        begin += len(history)
    if begin > 20:  # in a long training, the first epochs would flatten the rest of the curve
        axes[0].set_ylim(None, 2 * min(history["nats"].min() for history in histories.values()))
    axes[0].legend(fontsize=8)
    axes[0].set(title="Predictions get better", xlabel="epoch", ylabel="nats per note")
    axes[1].set(title="Steps get smaller", xlabel="epoch", ylabel="learning rate", yscale="log")
    axes[2].set(
        title="How steep the loss is", xlabel="epoch", ylabel="gradient norm before clipping"
    )
    for ax in axes:
        _tidy(ax)
    *_, last = (history["nats"].iloc[-1] for history in histories.values() if len(history))
    describe(
        axes,
        f"Three curves over {begin} epochs. Left, nats per note fall, in training to "
        f"{last:.2f}; middle, the learning rate on a logarithmic scale; right, "
        f"the gradient norm.",
    )
    return axes


def plot_sweep(results: "pd.DataFrame", varied: Sequence[str], score: str) -> np.ndarray:
    """Draws how a score depends on the parameters of a sweep: one panel per parameter, one dot per
    point, the best point marked.

    Args:
        results: one row per point, as in a sweep's ``results.parquet``.
        varied: columns of the parameters that differ between points; the first six are drawn.
        score: column of the score; smaller is better.

    Returns:
        array of matplotlib Axes, one for each parameter.

    Examples:
        >>> import pandas as pd
        >>> results = pd.DataFrame({"learning_rate": [0.01, 0.1], "val_nats": [0.6, 0.5]})
        >>> print(plot_sweep(results, ["learning_rate"], "val_nats")[0].get_title())
        best at learning_rate =
        0.1

    Notebook: 03_model_training
    """
    varied, best = list(varied)[:6], int(np.nanargmin(results[score]))
    shown = {
        name: results[name].map(_shortened, na_action="ignore").astype(object).fillna("default")
        for name in varied
    }
    numbers = {
        name for name in varied if results[name].dtype.kind in "if" and results[name].notna().all()
    }
    longest = max(
        [len(text) for name in varied if name not in numbers for text in shown[name]], default=0
    )
    figure, axes = plt.subplots(
        1,
        len(varied),
        figsize=(1 + 3 * len(varied), 3.2 + longest / 14),
        dpi=FIGURE_DPI,
        layout="constrained",
        sharey=True,
        squeeze=False,
    )
    for ax, name in zip(axes[0], varied):
        x = results[name].astype(float) if name in numbers else shown[name]
        ax.plot(x, results[score], "o", color="#777777")
        ax.plot([x.iloc[best]], [results[score].iloc[best]], "o", color="#D55E00", label="best")
        if name in numbers and x.min() > 0 and x.max() / x.min() >= 20:
            ax.set_xscale("log")
        elif name not in numbers and longest > 8:
            ax.tick_params(axis="x", labelrotation=90)
        ax.set_title(f"best at {name} =\n{shown[name].iloc[best]}", fontsize="medium")
        ax.set_xlabel(name)
        _tidy(ax)
    axes[0, 0].set_ylabel(score)
    describe(axes, f"Dots: {score} by {', '.join(varied)}; the best is {results[score].min():.4g}.")
    return axes[0]


def _shortened(value: Any, length: int = 28) -> str:
    """A value as text of at most `length` characters."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


def plot_learning_curves(
    histories: Mapping[str, "pd.DataFrame | Sequence[pd.DataFrame]"], goal: float | None = None
) -> Axes:
    """Draws the validation scores of several trainings against training time.

    Args:
        histories: label -> history from `fit` or `fit_chords`, or a list of consecutive ones.
        goal: nats per note at which to draw a line, or None.

    Examples:
        >>> import pandas as pd
        >>> history = pd.DataFrame({"val_nats": [1.9, 1.6], "seconds": [10.0, 10.0]})
        >>> plot_learning_curves({"the classic": history}, goal=0.6).get_title()
        'Which learns faster?'

    Notebook: 03_model_training
    """
    import pandas as pd

    ax = _axes(None, (7, 3.6))
    for number, (label, history) in enumerate(histories.items()):
        loops = [history] if isinstance(history, pd.DataFrame) else history
        seconds = np.cumsum(np.concatenate([loop["seconds"] for loop in loops]))
        nats = np.concatenate([loop["val_nats"] for loop in loops])
        validated = ~np.isnan(nats)
        ax.plot(
            seconds[validated],
            nats[validated],
            marker="o",
            markersize=3,
            color=_model_colour(number),
            label=label,
        )
    if goal is not None:
        ax.axhline(goal, color="#777777", linestyle="--", linewidth=1)
    ax.legend()
    ax.set(
        title="Which learns faster?",
        xlabel="seconds of training",
        ylabel="validation, nats per note",
        ylim=(0, None),
    )
    describe(ax, f"Validation scores over time, one curve each: {', '.join(histories)}.")
    return _tidy(ax)


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
    ax = _axes(ax, (6, 5.4))
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


def plot_voice_motion(table: np.ndarray, title: str) -> np.ndarray:
    """Draws what a model has learnt about voice motion: how much it adds to a note's logit when two
    voices both move.

    Intervals have their usual abbreviations (P perfect, m minor, M major, TT the tritone); P8
    stands for both unison and octave.

    Args:
        table: float array (3, 3, 13, 13), one pair of voices of `ChordGRU.motion_table`.
        title: title of the picture.

    Returns:
        array of two matplotlib Axes: both voices in the same direction, in opposite directions.

    Examples:
        >>> same, contrary = plot_voice_motion(np.ones((3, 3, 13, 13)), "Soprano and bass")
        >>> contrary.get_title()
        'in opposite directions'

    Notebook: 04_evaluation
    """
    down, up = 0, 2
    motions = {
        "in the same direction": (table[down, down] + table[up, up]) / 2,
        "in opposite directions": (table[down, up] + table[up, down]) / 2,
    }
    names = (
        "P8",
        "m2",
        "M2",
        "m3",
        "M3",
        "P4",
        "TT",
        "P5",
        "m6",
        "M6",
        "m7",
        "M7",
    )  # P8: unison and octave
    figure, axes = plt.subplots(
        1, 2, figsize=(9.5, 4.2), dpi=FIGURE_DPI, layout="constrained", sharey=True
    )
    most = max(abs(scores[:12, :12]).max() for scores in motions.values())
    for ax, (name, scores) in zip(axes, motions.items()):
        image = ax.imshow(scores[:12, :12], cmap="RdBu", vmin=-most, vmax=most)
        ax.set_xticks(range(12), names)
        ax.set_yticks(range(12), names)
        ax.set(title=name, xlabel="interval after")
    axes[0].set_ylabel("interval before")
    figure.colorbar(image, ax=axes, label="added to the logit", shrink=0.8)
    figure.suptitle(title)
    fifths, octaves = motions["in the same direction"][[7, 0], [7, 0]]
    describe(
        axes,
        f"{title}: two tables of colours, interval before by interval after, both voices in the "
        f"same direction and in opposite ones. In the same direction, fifth to fifth "
        f"has {fifths:.1f}, octave to octave {octaves:.1f}.",
    )
    return axes


def plot_breakdown(
    tables: Mapping[str, "pd.Series[Any] | pd.DataFrame"], title: str, ylabel: str = "nats per note"
) -> np.ndarray:
    """Draws a small bar chart for each table, side by side on the same scale.

    Args:
        tables: title -> Series (label -> number), or DataFrame with one column per model.
        title: title of the whole picture.
        ylabel: label of the vertical axis.

    Returns:
        array of matplotlib Axes.

    Examples:
        >>> import pandas as pd
        >>> by_voice = pd.Series({"soprano": 0.7, "alto": 0.5, "tenor": 0.5, "bass": 0.6})
        >>> len(plot_breakdown({"voice": by_voice}, "The soprano is hardest to predict"))
        1

    Notebook: 04_evaluation
    """
    figure, axes = plt.subplots(
        1,
        len(tables),
        figsize=(10, 3),
        dpi=FIGURE_DPI,
        sharey=True,
        layout="constrained",
        width_ratios=[len(table) + 1 for table in tables.values()],
        squeeze=False,
    )
    for ax, (name, table) in zip(axes[0], tables.items()):
        labels = [str(label) for label in table.index]
        models = list(table.items()) if table.ndim == 2 else [(None, table)]
        width = 0.8 / len(models)
        for number, (model, figures) in enumerate(models):
            places = np.arange(len(labels)) + (number - (len(models) - 1) / 2) * width
            colours = (
                _model_colour(number)
                if model is not None
                else [VOICE_COLOURS.get(label, "#777777") for label in labels]
            )
            bars = ax.bar(places, figures, width, color=colours, label=model)
            if model is None:
                ax.bar_label(bars, fmt="%.2f", fontsize=8)
        ax.set_xticks(range(len(labels)), labels)
        ax.set_title(name, fontsize=10)
        ax.margins(y=0.15)
        _tidy(ax)
    if any(table.ndim == 2 for table in tables.values()):
        axes[0, -1].legend(fontsize=8)
    axes[0, 0].set_ylabel(ylabel)
    figure.suptitle(title)
    describe(axes, f"{title}. Bars, {ylabel}: {', '.join(tables)}.")
    return axes[0]


def plot_grades(
    grades: Mapping[str, np.ndarray],
    ax: Axes | None = None,
    title: str = "The closer to Bach, the higher the grade",
) -> Axes:
    """Draws the distribution of grades in groups of pieces: a violin for each group, with a line at
    the median.

    Args:
        grades: group -> float array (pieces,), as `grade` returns it.
        ax: see `plot_piano_roll`.
        title: title of the picture.

    Examples:
        >>> ax = plot_grades({"Bach": np.array([-1.0, 0.0, 3.0]), "model": np.array([-9.0, -5.0])})
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['Bach', 'model']

    Notebook: 04_evaluation
    """
    made, ax = ax is None, _axes(ax, (9, 0.6 * len(grades) + 1.2))
    rows = np.arange(len(grades))[::-1]
    shapes = ax.violinplot(
        list(grades.values()),
        rows,
        orientation="horizontal",
        widths=0.9,
        showextrema=False,
        showmedians=True,
    )
    shapes["cmedians"].set_color("black")
    for shape in shapes["bodies"]:  # type: ignore[attr-defined]  # a list, against the stub
        shape.set(facecolor="#0072B2", alpha=0.5)
    ax.set_yticks(rows, list(grades))
    ax.set(title=title, xlabel="grade (points)")
    if made:
        middle = ", ".join(f"{name} {np.median(points):.1f}" for name, points in grades.items())
        describe(ax, f"{title}: a violin for each group; the medians are {middle}.")
    return _tidy(ax)


def plot_calibration(
    table: "pd.DataFrame",
    ax: Axes | None = None,
    title: str = "Is it right as often as it expects?",
) -> Axes:
    """Draws accuracy against confidence; on the diagonal, a model is right as often as it expects.

    Args:
        table: the result of `calibration`.
        ax: see `plot_piano_roll`.
        title: title of the picture.

    Examples:
        >>> import pandas as pd
        >>> bins = {"confidence": [0.2, 0.9], "accuracy": [0.25, 0.85], "notes": [10, 100]}
        >>> plot_calibration(pd.DataFrame(bins)).get_ylabel()
        'share of guesses that are right'

    Notebook: 04_evaluation
    """
    made, ax = ax is None, _axes(ax, (4, 4))
    ax.plot([0, 1], [0, 1], color="#777777", linestyle="--", linewidth=1)
    ax.plot(table["confidence"], table["accuracy"], color="#0072B2")
    ax.scatter(
        table["confidence"],
        table["accuracy"],
        s=200 * table["notes"] / table["notes"].max() + 5,
        color="#0072B2",
        alpha=0.6,
        clip_on=False,  # the largest dot is in a corner
    )
    ax.set(
        title=title,
        xlabel="confidence (probability of the guess)",
        ylabel="share of guesses that are right",
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
    )
    if made:
        gap = abs(table["confidence"] - table["accuracy"]).max()
        describe(
            ax,
            f"{title} Accuracy against confidence, a dot for each tenth, near the dashed diagonal; "
            f"the largest gap is {gap:.2f}.",
        )
    return _tidy(ax)


def _model_colour(number: int) -> str:
    return _MODEL_COLOURS[number % len(_MODEL_COLOURS)]


def _axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """The given axes, or those of a new figure of this size (inches)."""
    if ax is not None:
        return ax
    return plt.subplots(figsize=size, dpi=FIGURE_DPI, layout="constrained")[1]


def _tidy(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
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
    _tidy(ax)
