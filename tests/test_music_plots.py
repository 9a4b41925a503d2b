"""The pictures show the music that they are given."""

import matplotlib
import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.story.axes import VOICE_COLOURS
from chorale_utils.story.describing import description
from chorale_utils.story.music_plots import (
    note_name,
    plot_attention,
    plot_piano_roll,
    plot_surprise,
    plot_voice_ranges,
    surprise_colours,
)

matplotlib.use("Agg")
import matplotlib.pyplot as plt

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def piece(music21_corpus):
    return music21_corpus.train[0].excerpt(0, 48)


def test_notes_have_names():
    assert [note_name(pitch) for pitch in (60, 61, 70, 36, 81)] == ["C4", "C♯4", "B♭4", "C2", "A5"]


@pytest.mark.parametrize(
    "draw",
    [
        plot_piano_roll,
        lambda piece: plot_surprise(piece, np.ones((48, 4))),
        lambda piece: plot_attention(piece, np.ones((48, 48))),
        lambda piece: plot_voice_ranges([piece]),
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


def test_attention_shows_steps_without_the_slot_for_nothing(piece):
    weights = np.tril(np.arange(48 * 48).reshape(48, 48))
    ax = plot_attention(piece, weights)
    np.testing.assert_array_equal(ax.images[0].get_array(), weights[:, 1:])
    assert len(ax.get_xticks()) == len(range(piece.pickup, 48, piece.steps_per_bar))


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
