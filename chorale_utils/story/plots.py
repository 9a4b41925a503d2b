"""Plots of figures: curves, bars and tables of colours. Each function draws one picture with its
title, and returns the axes.

Each picture has a description for readers who cannot see it (see `describe`). Pictures of pieces
are in `music_plots`.

Notebook: 03_model_training
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from ..deprecation import public_name
from .axes import FIGURE_DPI, VOICE_COLOURS, new_axes, tidy
from .describing import describe

if TYPE_CHECKING:
    import pandas as pd

_MODEL_COLOURS = ("#808080", "#3D9BD6", "#004A75", "#000000")


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
        tidy(ax)
    *_, last = (history["nats"].iloc[-1] for history in histories.values() if len(history))
    describe(
        axes,
        f"Three curves over {begin} epochs. Left, nats per note fall, in training to "
        f"{last:.2f}; middle, the learning rate on a logarithmic scale; right, "
        f"the gradient norm.",
    )
    return axes


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

    ax = new_axes(None, (7, 3.6))
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
    return tidy(ax)


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
        tidy(ax)
    axes[0, 0].set_ylabel(score)
    describe(axes, f"Dots: {score} by {', '.join(varied)}; the best is {results[score].min():.4g}.")
    return axes[0]


def _shortened(value: Any, length: int = 28) -> str:
    """A value as text of at most `length` characters."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= length else text[: length - 1] + "…"


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
        tidy(ax)
    if any(table.ndim == 2 for table in tables.values()):
        axes[0, -1].legend(fontsize=8)
    axes[0, 0].set_ylabel(ylabel)
    figure.suptitle(title)
    describe(axes, f"{title}. Bars, {ylabel}: {', '.join(tables)}.")
    return axes[0]


def _model_colour(number: int) -> str:
    return _MODEL_COLOURS[number % len(_MODEL_COLOURS)]


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
    made, ax = ax is None, new_axes(ax, (9, 0.6 * len(grades) + 1.2))
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
    return tidy(ax)


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
    made, ax = ax is None, new_axes(ax, (4, 4))
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
    return tidy(ax)


def __getattr__(name: str) -> Any:
    """Public names that were in the module `plots` in 0.1."""
    try:
        return public_name(name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
