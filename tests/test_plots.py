"""The pictures show what they are given."""

import matplotlib
import numpy as np
import pandas as pd
import pytest

from chorale_utils import Chorale
from chorale_utils.story.describing import description
from chorale_utils.story.plots import (
    VOICE_COLOURS,
    note_name,
    plot_attention,
    plot_breakdown,
    plot_calibration,
    plot_grades,
    plot_history,
    plot_learning_curves,
    plot_piano_roll,
    plot_surprise,
    plot_sweep,
    plot_voice_motion,
    plot_voice_ranges,
    surprise_colours,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.collections import LineCollection


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def piece(music21_corpus):
    return music21_corpus.train[0].excerpt(0, 48)


def test_notes_have_names():
    assert [note_name(pitch) for pitch in (60, 61, 70, 36, 81)] == ["C4", "C♯4", "B♭4", "C2", "A5"]


@pytest.mark.parametrize("colour", [*VOICE_COLOURS.values()])
def test_words_in_the_colour_of_a_voice_can_be_read_on_white(colour):
    shares = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5, "WCAG 2.1, 1.4.3"


@pytest.mark.parametrize(
    "draw",
    [
        plot_piano_roll,
        lambda piece: plot_surprise(piece, np.ones((48, 4))),
        lambda piece: plot_attention(piece, np.ones((48, 48))),
        lambda piece: plot_voice_ranges([piece]),
        lambda piece: plot_voice_motion(np.zeros((3, 3, 13, 13)), "a pair"),
        lambda piece: plot_grades({"Bach": np.array([0.0, 1.0])}),
    ],
)
def test_pictures_are_described_unless_they_are_part_of_another(draw, piece):
    assert len(description(draw(piece))) > 20
    figure, ax = plt.subplots()
    plot_piano_roll(piece, ax)
    assert description(figure) is None


def test_piano_roll_draws_every_note_of_every_voice_in_its_colour(piece):
    ax = plot_piano_roll(piece)
    assert [len(lines.get_segments()) for lines in ax.collections] == [
        len(piece.notes(voice)) for voice in range(4)
    ]
    assert [
        matplotlib.colors.to_hex(lines.get_color()[0]).upper() for lines in ax.collections
    ] == list(VOICE_COLOURS.values())
    assert len(ax.lines) == 3, "a bar line for each bar"
    assert ax.get_title() == piece.name


def test_surprise_tints_each_step_of_each_voice_with_its_nats(piece):
    nats = np.arange(48 * 4).reshape(48, 4) / 50
    ax = plot_surprise(piece, nats)
    np.testing.assert_allclose(
        np.sort(ax.collections[0].get_array()), np.sort(nats[piece.pitches > 0])
    )


def test_voice_ranges_are_shares_of_what_each_voice_sings(music21_corpus):
    ax = plot_voice_ranges(music21_corpus.train[:20])
    for line, column in zip(ax.lines, range(4)):
        assert sum(line.get_ydata()) == pytest.approx(1)
        sung = np.concatenate([piece.pitches[:, column] for piece in music21_corpus.train[:20]])
        assert set(line.get_xdata()) == set(sung[sung > 0])


def test_history_of_two_loops_is_drawn_one_after_the_other():
    loop = pd.DataFrame(
        {
            "nats": [3.0, 2.0, 1.0],
            "val_nats": [2.5, 1.5, 1.0],
            "learning_rate": 0.01,
            "gradient_norm": 0.5,
        }
    )
    axes = plot_history({"first": loop, "second": loop})
    assert [list(line.get_xdata()) for line in axes[1].lines] == [[1, 2, 3], [4, 5, 6]]
    assert list(axes[0].lines[1].get_ydata()) == [2.5, 1.5, 1.0]


def test_a_loop_without_epochs_adds_nothing_to_the_curves():
    loop = pd.DataFrame({"nats": [2.0, 1.5], "val_nats": [1.9, 1.6]})
    loop = loop.assign(learning_rate=0.01, gradient_norm=1.0)
    axes = plot_history({"first": loop, "second": loop[:0]})
    assert axes[0].get_lines()[0].get_ydata().tolist() == [2.0, 1.5]
    with pytest.raises(ValueError, match="no epoch in .*first"):
        plot_history({"first": loop[:0]})


def test_history_joins_the_epochs_that_had_a_look_at_the_validation_pieces():
    loop = pd.DataFrame(
        {
            "nats": [3.0, 2.0, 1.0],
            "val_nats": [2.5, np.nan, 1.0],
            "learning_rate": 0.01,
            "gradient_norm": 0.5,
        }
    )
    axes = plot_history({"cycle": loop})
    assert axes[0].lines[1].get_xydata().tolist() == [[1, 2.5], [3, 1.0]]


def test_race_runs_over_the_time_of_all_loops():
    loop = pd.DataFrame({"val_nats": [2.0, np.nan, 1.0], "seconds": [3.0, 2.0, 2.0]})
    ax = plot_learning_curves({"classic": [loop, loop], "strong": loop}, goal=0.6)
    assert ax.lines[0].get_xydata().tolist() == [[3, 2], [7, 1], [10, 2], [14, 1]]
    assert ax.lines[1].get_xydata().tolist() == [[3, 2], [7, 1]] and list(
        ax.lines[2].get_ydata()
    ) == [0.6, 0.6]


def test_attention_shows_steps_without_the_slot_for_nothing(piece):
    weights = np.tril(np.arange(48 * 48).reshape(48, 48))
    ax = plot_attention(piece, weights)
    np.testing.assert_array_equal(ax.images[0].get_array(), weights[:, 1:])
    assert len(ax.get_xticks()) == len(range(piece.pickup, 48, piece.steps_per_bar))


def test_motion_tells_the_same_direction_from_the_contrary():
    table = np.zeros((3, 3, 13, 13))
    table[0, 0, 7, 7] = table[2, 2, 7, 7] = -3  # fifth to fifth, both down or both up
    table[0, 2, 0, 4] = 2  # octave to third, apart
    same, contrary = plot_voice_motion(table, "a pair")
    assert same.images[0].get_array()[7, 7] == -3 and same.images[0].get_array()[0, 4] == 0
    assert contrary.images[0].get_array()[0, 4] == 1 and contrary.images[0].get_array()[7, 7] == 0


def test_breakdown_has_a_bar_for_each_model_in_each_place():
    table = pd.DataFrame({"classic": [1.0, 2.0], "strong": [0.5, 0.25]}, index=["held", "moved"])
    (ax,) = plot_breakdown({"notes": table}, "title")
    assert sorted(bar.get_height() for bar in ax.patches) == [0.25, 0.5, 1.0, 2.0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["classic", "strong"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["held", "moved"]


def test_breakdown_has_a_bar_for_each_figure():
    axes = plot_breakdown(
        {
            "voice": pd.Series({"soprano": 0.7, "bass": 0.6}),
            "place": pd.Series([1.0, 0.1, 0.2, 0.1]),
        },
        "title",
    )
    assert [[bar.get_height() for bar in ax.patches] for ax in axes] == [
        [0.7, 0.6],
        [1.0, 0.1, 0.2, 0.1],
    ]


def test_calibration_shows_accuracy_over_confidence():
    table = pd.DataFrame({"confidence": [0.2, 0.9], "accuracy": [0.25, 0.85], "notes": [10, 100]})
    line = plot_calibration(table).lines[1]
    assert list(line.get_xdata()) == [0.2, 0.9] and list(line.get_ydata()) == [0.25, 0.85]


def test_grades_of_each_group_lie_where_they_are_with_a_line_at_the_middle_one():
    ax = plot_grades(
        {"Bach": np.array([-1.0, 0.0, 3.0]), "others": np.array([-9.0, -7.0, -6.0, -5.0])}
    )
    first, second = (shape.get_paths()[0].vertices for shape in ax.collections[:2])
    assert (first[:, 0].min(), first[:, 0].max()) == (-1, 3) and (
        second[:, 0].min(),
        second[:, 0].max(),
    ) == (-9, -5)
    assert first[:, 1].mean() > second[:, 1].mean(), "the first group stands at the top"
    (medians,) = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
    assert [segment[0, 0] for segment in medians.get_segments()] == [0, -6.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["Bach", "others"]


def test_silence_and_single_steps_can_be_drawn():
    for pitches in (np.zeros((4, 4), int), np.full((1, 4), 60)):
        assert plot_piano_roll(Chorale(pitches)).get_xlim() == (0, len(pitches) / 4)
        assert plot_surprise(Chorale(pitches), np.ones((len(pitches), 4))) is not None


def test_the_more_surprising_a_note_the_brighter_its_colour_and_only_notes_that_begin_have_one(
    piece,
):
    nats = np.linspace(0, 5, 48 * 4).reshape(48, 4)
    colours = surprise_colours(piece, nats)
    assert np.array_equal(colours != "", piece.struck)
    red = [int(colour[1:3], 16) for colour in colours[piece.struck]]
    assert red == sorted(red) and red[0] < 10 and red[-1] > 200
    with pytest.raises(ValueError, match="nats of shape"):
        surprise_colours(piece, nats[:5])
    with pytest.raises(ValueError, match="positive number of nats"):
        surprise_colours(piece, nats, vmax=0)


def test_sweep_is_drawn_where_points_leave_parameters_at_their_defaults():
    results = pd.DataFrame(
        {
            "rate": [np.nan, 0.1, 0.2, np.nan],
            "sizes": [None, None, None, '{"width": 128, "heads": 1}'],
            "nats": [0.4, 0.5, 0.6, 0.7],
        },
        index=list("abcd"),
    )
    axes = plot_sweep(results, ["rate", "sizes"], "nats")
    assert [label.get_text() for label in axes[0].get_xticklabels()] == ["default", "0.1", "0.2"]
    assert (
        all(len(ax.lines[0].get_xdata()) == 4 for ax in axes)
        and axes[0].get_title() == "best at rate =\ndefault"
    )
    axes[0].figure.canvas.draw()  # with no warning that there is no room


@pytest.mark.parametrize(
    "draw",
    [
        plot_piano_roll,
        lambda piece: plot_surprise(piece, np.ones((48, 4))),
        lambda piece: plot_attention(piece, np.ones((48, 48))),
        lambda piece: surprise_colours(piece, np.ones((48, 4))),
    ],
)
def test_several_pieces_are_refused_where_one_is_drawn(piece, draw):
    draw(piece)
    with pytest.raises(TypeError, match=r"got a list of 2 Chorale: expected one; .*chorales\[0\]"):
        draw([piece, piece])


def test_one_piece_will_do_where_ranges_of_several_are_drawn(piece):
    assert len(plot_voice_ranges(piece).lines) == 4


@pytest.mark.parametrize("draw", [plot_surprise, surprise_colours, plot_attention])
def test_numbers_that_do_not_fit_the_piece_are_refused(piece, draw):
    with pytest.raises(ValueError, match=r"of shape \(47, 4\): expected \(48, .*its 48 steps"):
        draw(piece, np.ones((47, 4)))
