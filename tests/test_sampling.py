"""The loop that writes: pieces side by side, each with random numbers and an end of its own."""

import numpy as np
import pytest

from chorale_utils import generate
from chorale_utils.form import Form
from chorale_utils.models.backend import keras
from chorale_utils.models.critic import Critic
from chorale_utils.writing import generation, particles as particle_filter
from chorale_utils.writing.wishes import Wishes


def test_same_seed_same_piece_whatever_is_written_beside_it(small_note_gru):
    alone = generate(small_note_gru, steps=40, seed=7)[0]
    beside = generate(small_note_gru, count=3, steps=40, seed=7)
    np.testing.assert_array_equal(alone.pitches, beside[0].pitches)
    assert not np.array_equal(beside[0].pitches, beside[1].pitches)
    assert not np.array_equal(alone.pitches, generate(small_note_gru, steps=40, seed=8)[0].pitches)
    assert [piece.name for piece in beside] == [
        "generated-0000",
        "generated-0001",
        "generated-0002",
    ]


@pytest.fixture
def ending(new_chord_gru):
    """A function that returns a new chord_gru, whose end is as likely as a number added to its
    logit says."""

    def ending(added):
        keras.utils.set_random_seed(3)
        model = new_chord_gru()
        for writer in model.writers:
            bias = np.array(writer.bias)
            bias[0] += added
            writer.bias.assign(bias)
        return model

    return ending


def test_chord_gru_ends_its_pieces_of_itself_each_at_a_time_of_its_own(ending):
    pieces = generate(ending(2), count=8, seed=2)
    assert len({len(piece) for piece in pieces}) > 2 and max(map(len, pieces)) < 640
    assert all(len(piece) == 0 or (piece.pitches >= 0).all() for piece in pieces)


@pytest.mark.parametrize(
    "how", [{}, {"particles": 6, "parallels": False, "transpositions": (0, 2)}]
)
def test_pieces_beside_it_that_end_sooner_or_later_change_nothing(ending, how):
    model = ending(-2)
    alone = generate(model, count=6, seed=2, **how)
    beside = generate(
        model, count=6, seed=2, best_of=2, judge=lambda pieces: -np.arange(len(pieces)), **how
    )  # the first
    assert len({-(-len(piece) // 32) for piece in alone}) > 2  # numbers of chunks
    for one, same in zip(alone, beside):
        np.testing.assert_array_equal(one.pitches, same.pitches)
    np.testing.assert_allclose(alone.report, beside.report.drop(columns="grade"), rtol=1e-4)


def test_a_piece_ends_where_the_model_ends_it_cut_to_whole_chords(die):
    ends_in_the_alto = die(t10=1.0, alto={"t10": 0.9, "t0": 0.1})
    lengths = [len(piece) for piece in generate(ends_in_the_alto, count=300, seed=3)]
    assert np.mean(lengths) == pytest.approx(
        9, abs=1.5
    )  # geometric: (1 - p) / p whole chords before the end
    assert min(lengths) == 0


def test_a_piece_that_finds_no_end_is_640_steps_long(die):
    assert len(generate(die(t10=1.0))[0]) == 640


def test_progress_is_shown_where_asked_for_and_on_a_terminal_where_it_takes_long(
    small_chord_gru, capsys, monkeypatch
):
    generate(small_chord_gru, steps=4, seed=1)
    generate(small_chord_gru, steps=4, seed=1, progress=False)
    assert capsys.readouterr().out == ""
    generate(small_chord_gru, steps=4, seed=1, progress=True)
    assert "4/4" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    generate(small_chord_gru, steps=4, seed=1)
    assert capsys.readouterr().out == "", "it takes less than some seconds"
    monkeypatch.setattr("chorale_utils.writing.sampling.PATIENCE", 1e-9)
    generate(small_chord_gru, steps=4, seed=1)
    assert "4/4" in capsys.readouterr().out


@pytest.mark.parametrize("particles", [1, 4])
def test_any_number_of_pieces_of_any_length_is_written_after_compiling_once(
    new_phrase_gru, monkeypatch, particles
):
    model, traced, trace = new_phrase_gru(), [], particle_filter._write_chunk
    monkeypatch.setattr(
        particle_filter, "_write_chunk", lambda *chunk: traced.append(1) or trace(*chunk)
    )
    for count, phrases in ((1, 1), (3, 1), (2, 3)):
        form = Form((16,) * phrases, (4,) * phrases, "g minor", "4/4", 4)
        written = generate(model, count, form=form, particles=particles, seed=1, progress=False)
        assert [len(piece) for piece in written] == [16 * phrases] * count
    assert len(traced) == 1


def test_given_bars_before_and_after_change_nothing_for_the_free_ones(small_phrase_gru):
    piece = generate(small_phrase_gru, form=Form((64, 64, 64), (8, 8, 8), "g minor", "4/4"), seed=1)
    given, struck = piece[0].pitches.astype(int), piece[0].struck.copy()
    given[96:100, 1:] = -1
    # Were a voice held into step 100, every candidate would have to come upon this very note at
    # step 99, and where none did, the likelihood would say so.
    struck[100] = True
    how = {"given": given, "onsets": struck, "particles": 16, "progress": False}
    how["form"] = Form((64, 64, 64), (8, 8, 8), "g minor", "4/4")
    found = [generate(small_phrase_gru, seed=seed, **how) for seed in range(12)]
    for each in found:
        free = given == -1
        assert (each[0].pitches[~free] == given[~free]).all()
    written = {each[0].pitches[96:100].tobytes() for each in found}
    assert len(written) > 6, "twelve seeds write different bars"
    # the likelihood of all given notes is estimated, whichever were read with one candidate
    estimates = np.array([each.report["log_likelihood"].iloc[0] for each in found])
    assert estimates.std() < 0.02 * abs(estimates.mean())


@pytest.fixture(scope="module")
def critic():
    """A critic with an opinion of 200 patterns, by chance."""
    random = np.random.default_rng(0)
    return Critic.of(np.sort(random.choice(10_000, 200, replace=False)), random.normal(size=200), 0)


@pytest.mark.parametrize("free", [slice(96, 104), slice(0, 8), slice(184, 192), slice(21, 23)])
def test_under_a_critic_what_is_given_is_read_at_once_or_not_at_all_to_the_same_effect(
    small_phrase_gru, critic, monkeypatch, free
):
    form = Form((64, 64, 64), (8, 8, 8), "g minor", "4/4")
    given = np.resize([[70, 67, 62, 43], [72, 66, 62, 50], [74, 67, 58, 55]], (192, 4)).astype(int)
    onsets = np.ones(given.shape, bool)
    given[free, 1:] = -1
    how = {"form": form, "given": given, "onsets": onsets, "particles": 8, "critic": critic}
    how |= {"count": 3, "seed": 1, "progress": False}
    told = []
    written = generate(small_phrase_gru, **how | {"progress": lambda *steps: told.append(steps)})
    assert told[-1] == (193, 193)  # the end counts as a step
    monkeypatch.setattr(Wishes, "known", lambda *_: None)
    note_by_note = generate(small_phrase_gru, **how)
    assert written == note_by_note
    assert len({piece.pitches.tobytes() for piece in written}) > 1
    for piece in written:
        assert (piece.pitches[given != -1] == given[given != -1]).all()
    for column in ("log_likelihood", "effective_sample_size"):
        np.testing.assert_allclose(written.report[column], note_by_note.report[column], rtol=1e-3)
    assert (written.report["effective_sample_size"] > 1).any()
    if free.stop + 40 < 192:
        later = given.copy()
        later[free.stop + 40 :, 0] += 2  # so far away that nothing of it is heard
        again = generate(small_phrase_gru, **how | {"given": later})
        np.testing.assert_array_equal(again[0].pitches[free], written[0].pitches[free])


def test_the_smallest_number_of_candidates_that_counted_is_told_wherever_it_was(small_phrase_gru):
    form = Form((64, 64, 64), (8, 8, 8), "g minor", "4/4")
    given = np.resize([[70, 67, 62, 43], [72, 66, 62, 50], [74, 67, 58, 55]], (192, 4)).astype(int)
    how = {"form": form, "onsets": np.ones(given.shape, bool), "particles": 8, "seed": 1}
    smallest = []
    for places in ([slice(8, 24)], [slice(8, 24), slice(128, 130)]):
        asked = given.copy()
        for free in places:
            asked[free, 1:] = -1
        smallest.append(generate(small_phrase_gru, given=asked, **how).report)
    assert (
        smallest[1]["effective_sample_size"].iloc[0] <= smallest[0]["effective_sample_size"].iloc[0]
    )
    assert smallest[0]["effective_sample_size"].iloc[0] < 8


def test_a_piece_beside_a_much_shorter_one_keeps_its_candidates_to_the_end(small_phrase_gru):
    short, long = (Form((32,) * phrases, (0,) * phrases, "C major", "4/4") for phrases in (1, 4))
    beside, alone = (
        generate(small_phrase_gru, 2, form=forms, particles=4, seed=1)
        for forms in ([short, long], [long, long])
    )
    np.testing.assert_array_equal(beside[1].pitches, alone[1].pitches)
    assert beside.report["log_likelihood"].iloc[1] == pytest.approx(
        alone.report["log_likelihood"].iloc[1], rel=1e-4
    )


def test_more_pieces_than_fit_side_by_side_are_the_same_and_progress_is_told_of_all(
    small_chord_gru, monkeypatch
):
    told = []
    how = {"steps": 40, "seed": 1, "particles": 4}
    together = generate(small_chord_gru, 5, progress=lambda *steps: told.append(steps), **how)
    assert told[-1][0] == told[-1][1]
    monkeypatch.setattr(generation, "SIDE_BY_SIDE", 8)
    told_in_groups = []
    apart = generate(small_chord_gru, 5, progress=lambda *so: told_in_groups.append(so), **how)
    assert [one.pitches.tobytes() for one in together] == [one.pitches.tobytes() for one in apart]
    assert told_in_groups[-1][0] == told_in_groups[-1][1] == 3 * told[-1][1]
    assert len(told_in_groups) > len(told)
