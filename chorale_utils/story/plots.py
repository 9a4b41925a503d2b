"""Plots: the pictures that the notebooks show. Each function draws one, with its title, and returns
the axes.

Voices have the same colours everywhere (VOICE_COLOURS), readable for the colour-blind (Okabe and
Ito 2008).

Notebook: all five
"""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES

VOICE_COLOURS = dict(zip(VOICES, ("#D55E00", "#E69F00", "#009E73", "#0072B2")))
FAULT_COLOUR = "#DC143C"  # crimson
_MODEL_COLOURS = ("#999999", "#56B4E9", "#0072B2", "#000000")
FIGURE_DPI = 80
_BRIGHTEST = 0.75  # of the colour map: what is brighter would vanish on white paper
_NOTE_NAMES = ("C", "C#", "D", "E-", "E", "F", "F#", "G", "A-", "A", "B-", "B")


def note_name(pitch):
    """Name of a MIDI number, such as ``C4`` for 60 (flats written ``-``, as music21 does)."""
    return f"{_NOTE_NAMES[int(pitch) % 12]}{int(pitch) // 12 - 1}"


def plot_piano_roll(chorale, ax=None, title=None):
    """The notes of a chorale as lines in pitch and time, a colour a voice, bar lines where the
    metre is known.

    Args:
        chorale: a Chorale.
        ax: matplotlib Axes to draw on; None makes a figure.
        title: None takes the name of the piece.

    Returns:
        matplotlib Axes.

    Notebook: 01_data_exploration
    """
    ax = _axes(ax, (9, 3.2))
    for voice, colour in enumerate(VOICE_COLOURS.values()):
        lines = _note_lines(chorale, voice)
        ax.add_collection(LineCollection(lines, colors=colour, linewidths=5, capstyle="butt"))
        if lines:
            ax.text(
                chorale.quarters + 0.2, lines[-1][0][1], VOICES[voice], color=colour, va="center"
            )
    _finish_roll(ax, chorale, title or chorale.name)
    return ax


def plot_surprise(chorale, nats, ax=None, title=None, most=4.0):
    """Where a model is surprised in a piece: every note as in a piano roll, darker the less it was
    foreseen.

    Args:
        chorale: a Chorale.
        nats: float array (steps, 4), -ln p of every note.
        ax, title: see `plot_piano_roll`.
        most: nats at which the darkest colour is reached.

    Returns:
        matplotlib Axes.

    Notebook: 04_evaluation
    """
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
        lines,
        array=np.asarray(nats)[steps, voices],
        cmap="inferno_r",
        linewidths=5,
        capstyle="butt",
    )
    notes.set_clim(0, most)
    ax.add_collection(notes)
    ax.figure.colorbar(notes, ax=ax, label="nats", pad=0.01)
    _finish_roll(ax, chorale, title or f"{chorale.name}: what the model did not foresee")
    return ax


def fault_colours(chorale, faults):
    """Colours for `show_score` that mark faults of voice leading: str array (steps, 4), the notes of the voices at
    fault and those that they come from, crimson; all others ``''``, black.

    Args:
        chorale: a Chorale.
        faults: DataFrame with the columns step (that of arrival) and voices (tuple of 0..3), as `faults` returns it.

    Raises:
        ValueError: a step outside the chorale.

    Notebook: 04_evaluation
    """
    colours = np.full(chorale.pitches.shape, "", f"<U{len(FAULT_COLOUR)}")
    for step, voices in zip(faults["step"], faults["voices"]):
        if not 0 <= step < len(chorale):
            raise ValueError(
                f"{chorale.name}: fault at step {step}: expected 0..{len(chorale) - 1}"
            )
        for voice in voices:
            starts = chorale.notes(voice)[:, 0]
            at = np.searchsorted(starts, step, side="right") - 1
            colours[starts[max(0, at - 1) : at + 1], voice] = FAULT_COLOUR
    return colours


def surprise_colours(chorale, nats, most=4.0):
    """Colours for `show_score` that tell how little a model foresaw each note: str array (steps, 4), from black (sure)
    through purple and red to orange (`most` nats and more).

    Each note has the colour of the step on which it begins: where it moves there, that is the
        surprise of the move.

    Args:
        chorale: a Chorale.
        nats: float array (steps, 4), -ln p of every note, such as ``-note_log_probs(model, chorale.pitches)``.
        most: nats at which the brightest colour is reached.

    Raises:
        ValueError: `nats` does not fit the chorale, or `most` is not positive.

    Notebook: 04_evaluation
    """
    nats = np.asarray(nats, float)
    if nats.shape != chorale.pitches.shape:
        raise ValueError(
            f"{chorale.name}: nats of shape {nats.shape}: expected {chorale.pitches.shape}, to fit the pitches"
        )
    if not most > 0:
        raise ValueError(f"most {most!r}: expected a positive number of nats")
    shades = [to_hex(shade) for shade in plt.get_cmap("inferno")(np.linspace(0, _BRIGHTEST, 64))]
    colours = np.array(shades)[np.clip(nats / most * 63, 0, 63).round().astype(int)]
    return np.where(chorale.struck, colours, "")


def plot_voice_ranges(chorales, ax=None, title="Each voice keeps to its own range"):
    """How often each voice sings each pitch, in share of the voice's steps.

    Args:
        chorales: list of Chorale.
        ax, title: see `plot_piano_roll`.

    Returns:
        matplotlib Axes.

    Notebook: 01_data_exploration
    """
    ax = _axes(ax, (9, 3))
    pitches = np.concatenate([chorale.pitches for chorale in chorales])
    for voice, (name, colour) in enumerate(VOICE_COLOURS.items()):
        sung = pitches[:, voice][pitches[:, voice] != SILENCE]
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
    return _tidy(ax)


def plot_history(histories):
    """Learning curves, learning rate and gradient norm, side by side, of one training or of several
    in a row.

    Args:
        histories: dict of label -> DataFrame as `fit` returns it; each begins where the one before ended.

    Returns:
        array of three matplotlib Axes.

    Notebook: 03_model_training
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.2), dpi=FIGURE_DPI, layout="constrained")
    begin = 0
    for (label, history), style in zip(histories.items(), ("-", "--", ":", "-.")):
        epochs = begin + np.arange(1, len(history) + 1)
        marker = "o" if len(history) == 1 else None
        axes[0].plot(
            epochs,
            history["nats"],
            style,
            marker=marker,
            color="#999999",
            label=f"training, {label}",
        )
        looked = history["val_nats"].notna()
        axes[0].plot(
            epochs[looked],
            history["val_nats"][looked],
            style,
            marker=marker,
            color="#0072B2",
            label=f"validation, {label}",
        )
        axes[1].plot(epochs, history["learning_rate"], style, marker=marker, color="#009E73")
        axes[2].plot(epochs, history["gradient_norm"], style, marker=marker, color="#D55E00")
        begin += len(history)
    if begin > 20:  # a long training: its very beginning would flatten all the rest
        axes[0].set_ylim(None, 2 * min(history["nats"].min() for history in histories.values()))
    axes[0].legend(fontsize=8)
    axes[0].set(title="The notes become foreseeable", xlabel="epoch", ylabel="nats per note")
    axes[1].set(
        title="The steps become shorter", xlabel="epoch", ylabel="learning rate", yscale="log"
    )
    axes[2].set(
        title="How steep the loss is", xlabel="epoch", ylabel="gradient norm before clipping"
    )
    for ax in axes:
        _tidy(ax)
    return axes


def plot_sweep(results, varied, score):
    """What a figure depends on: a panel for each parameter of a sweep, a dot for each point, the
    best one marked.

    Args:
        results: DataFrame with a row a point, as in a sweep's ``results.parquet``.
        varied: list of str, the columns of parameters that differ between points; the first six are drawn.
        score: str, the column of the figure; smaller is better.

    Returns:
        array of matplotlib Axes, one a parameter.

    Notebook: the summary of a sweep
    """
    varied, best = list(varied)[:6], results[score].idxmin()
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
        ax.plot(x, results[score], "o", color="#999999")
        ax.plot([x[best]], [results.loc[best, score]], "o", color="#D55E00", label="best")
        if name in numbers and x.min() > 0 and x.max() / x.min() >= 20:
            ax.set_xscale("log")
        elif name not in numbers and longest > 8:
            ax.tick_params(axis="x", labelrotation=90)
        ax.set_title(f"best at {name} =\n{shown[name][best]}", fontsize="medium")
        ax.set_xlabel(name)
        _tidy(ax)
    axes[0, 0].set_ylabel(score)
    return axes[0]


def _shortened(value, most=28):
    """A value as text of at most so many characters."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def plot_learning_curves(histories, goal=None):
    """Validation figures of several trainings against the time that each has taken.

    Args:
        histories: dict of label -> DataFrame as `fit` or `fit_chords` returns it, or a list of such, one after the other.
        goal: nats per note at which a line is drawn, or None.

    Returns:
        matplotlib Axes.

    Notebook: 03_model_training
    """
    ax = _axes(None, (7, 3.6))
    for number, (label, history) in enumerate(histories.items()):
        loops = history if isinstance(history, list) else [history]
        seconds = np.cumsum(np.concatenate([loop["seconds"] for loop in loops]))
        nats = np.concatenate([loop["val_nats"] for loop in loops])
        looked = ~np.isnan(nats)
        ax.plot(
            seconds[looked],
            nats[looked],
            marker="o",
            markersize=3,
            color=_model_colour(number),
            label=label,
        )
    if goal is not None:
        ax.axhline(goal, color="#999999", linestyle="--", linewidth=1)
    ax.legend()
    ax.set(
        title="Which learns faster?",
        xlabel="seconds of training",
        ylabel="validation, nats per note",
        ylim=(0, None),
    )
    return _tidy(ax)


def plot_attention(chorale, weights, ax=None, title=None):
    """What a model recalls while it writes a piece: for each step, the earlier steps whose chords
    it looks up.

    Args:
        chorale: a Chorale.
        weights: float array (steps, steps): row t, column s is the weight at step t of the chord that came at step
            s - 1; column 0 is "nothing of the kind" and is left out.
        ax, title: see `plot_piano_roll`.

    Returns:
        matplotlib Axes.

    Notebook: 04_evaluation
    """
    ax = _axes(ax, (6, 5.4))
    image = ax.imshow(weights[:, 1:], cmap="Blues", vmin=0, aspect="equal", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax, label="weight", shrink=0.8)
    bar = chorale.steps_per_bar
    if bar:
        bars = np.arange(chorale.pickup, len(chorale), bar)
        for place in bars:
            ax.axhline(place - 0.5, color="#dddddd", linewidth=0.6)
            ax.axvline(place - 0.5, color="#dddddd", linewidth=0.6)
        ax.set_xticks(bars - 0.5, range(1, len(bars) + 1))
        ax.set_yticks(bars - 0.5, range(1, len(bars) + 1))
    ax.set(
        title=title or chorale.name,
        xlabel="bar that is recalled" if bar else "step that is recalled",
        ylabel="bar being written" if bar else "step being written",
    )
    return ax


def plot_voice_motion(table, title):
    """Voice motion as a model has learnt it: what it adds to a note's logit, for two voices that
    both move.

    Args:
        table: float array (3, 3, 13, 13), one pair of voices of `ChordGRU.motion_table()`.
        title: of the picture.

    Returns:
        array of two matplotlib Axes: both voices in the same direction, in contrary directions. Intervals are named
        as musicians do: perfect, minor, major, tritone; P8 is unison and octave.

    Notebook: 04_evaluation
    """
    down, up = 0, 2
    motions = {
        "in the same direction": (table[down, down] + table[up, up]) / 2,
        "against each other": (table[down, up] + table[up, down]) / 2,
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
    return axes


def plot_breakdown(tables, title, ylabel="nats per note"):
    """A small bar chart for each table, side by side on one scale.

    Args:
        tables: dict of title -> pandas Series (label -> number), or DataFrame with a column for each of several models.
        title: of the whole picture.
        ylabel: what the numbers are.

    Returns:
        array of matplotlib Axes.

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
    return axes[0]


def plot_grades(grades, ax=None, title="Bach is told from the others, from the best of them least"):
    """How the grades of groups of pieces are spread: one shape a group, as wide as there are pieces with such a grade, a
    line at the middle piece.

    Args:
        grades: dict of group -> float array (pieces,), as `grading.grade` returns them.
        ax, title: see `plot_piano_roll`.

    Returns:
        matplotlib Axes.

    Notebook: 04_evaluation
    """
    ax = _axes(ax, (9, 0.6 * len(grades) + 1.2))
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
    for shape in shapes["bodies"]:
        shape.set(facecolor="#0072B2", alpha=0.5)
    ax.set_yticks(rows, list(grades))
    ax.set(title=title, xlabel="grade (points)")
    return _tidy(ax)


def plot_calibration(table, ax=None, title="Is a guess as often right as the model believes?"):
    """Accuracy against confidence; on the diagonal the model knows exactly how much it knows.

    Args:
        table: what `calibration` returned.
        ax, title: see `plot_piano_roll`.

    Returns:
        matplotlib Axes.

    Notebook: 04_evaluation
    """
    ax = _axes(ax, (4, 4))
    ax.plot([0, 1], [0, 1], color="#999999", linestyle="--", linewidth=1)
    ax.plot(table["confidence"], table["accuracy"], color="#0072B2")
    ax.scatter(
        table["confidence"],
        table["accuracy"],
        s=200 * table["notes"] / table["notes"].max() + 5,
        color="#0072B2",
        alpha=0.6,
    )
    ax.set(
        title=title,
        xlabel="confidence (probability of the guess)",
        ylabel="share of guesses that are right",
        xlim=(0, 1),
        ylim=(0, 1),
        aspect="equal",
    )
    return _tidy(ax)


def _model_colour(number):
    return _MODEL_COLOURS[number % len(_MODEL_COLOURS)]


def _axes(ax, size):
    return (
        ax
        if ax is not None
        else plt.subplots(figsize=size, dpi=FIGURE_DPI, layout="constrained")[1]
    )


def _tidy(ax):
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _note_lines(chorale, voice):
    """[((start, pitch), (end, pitch)), ...] in quarters, a small gap left where the next note is
    struck."""
    gap = 0.15
    return [
        ((start / STEPS_PER_QUARTER, pitch), ((start + length - gap) / STEPS_PER_QUARTER, pitch))
        for start, length, pitch in chorale.notes(voice)
    ]


def _finish_roll(ax, chorale, title):
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
