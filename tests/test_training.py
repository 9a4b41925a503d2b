"""The schedule, the metrics, and that an interrupted training ends as an uninterrupted one."""

import numpy as np
import pytest

from chorale_utils import fit, negative_log_likelihood, note_gru, whole_pieces
from chorale_utils.backend import keras
from chorale_utils.datasets import batches_per_epoch
from chorale_utils.training import CHECKPOINT, HISTORY, GradientNorm, power_schedule

SMALL = dict(window=64, batch_size=4, tensorboard=False, verbose=0)


def fresh_model():
    keras.utils.set_random_seed(5)
    return note_gru(width=8, layers=1)


@pytest.fixture(scope="module")
def pieces(music21_corpus):
    return music21_corpus.train[:4], music21_corpus.valid[:5]


def test_power_schedule_is_the_power_law_when_nothing_else_touches_the_rate():
    schedule, rate = power_schedule(40), 0.01
    for epoch in range(100):
        rate = schedule(epoch, rate)
        assert rate == pytest.approx(0.01 / (1 + epoch / 40))


def test_power_schedule_multiplies_with_a_reduction_on_a_plateau():
    schedule, rate = power_schedule(40), 0.01
    for epoch in range(60):
        rate = schedule(epoch, rate) * (0.3 if epoch == 20 else 1)
    assert rate == pytest.approx(0.3 * 0.01 / (1 + 59 / 40))


def test_rate_falls_by_both_in_a_real_training(pieces, tmp_path):
    history = fit(fresh_model(), *pieces, epochs=5, folder=tmp_path, learning_rate=1e-9, plateau_patience=1, **SMALL)
    plain = 1e-9 / (1 + np.arange(5) / 40)
    ratios = history["learning_rate"] / plain
    assert ratios.iloc[0] == pytest.approx(1, rel=1e-3)
    assert ratios.iloc[-1] < 0.95, "the plateau's reduction stays in force"


@pytest.mark.parametrize("epoch_of_the_interruption", [1, 3])
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(pieces, tmp_path, monkeypatch, epoch_of_the_interruption):
    straight = fresh_model()
    whole = fit(straight, *pieces, epochs=4, folder=tmp_path / "straight", **SMALL)

    broken = fresh_model()
    batches = batches_per_epoch(pieces[0], SMALL["window"], SMALL["batch_size"])
    press_in(monkeypatch, (epoch_of_the_interruption - 1) * batches + batches // 2)
    with pytest.raises(KeyboardInterrupt):
        fit(broken, *pieces, epochs=4, folder=tmp_path / "broken", **SMALL)
    monkeypatch.undo()
    for resumed in (broken, note_gru(width=8, layers=1)):  # the half-trained model itself, or a new one
        history = fit(resumed, *pieces, epochs=4, folder=tmp_path / "broken", **SMALL)
        np.testing.assert_array_equal(history.drop(columns="seconds"), whole.drop(columns="seconds"))
        for one, other in zip(resumed.get_weights(), straight.get_weights()):
            np.testing.assert_array_equal(one, other)


def press_in(monkeypatch, batch):
    """Ctrl-C when the gradient norm's callback sees that batch end."""
    seen = []

    def on_train_batch_end(self, number, logs=None):
        seen.append(number)
        if len(seen) == batch:
            raise KeyboardInterrupt
    monkeypatch.setattr(GradientNorm, "on_train_batch_end", on_train_batch_end)


def test_training_leaves_the_best_weights_and_an_honest_validation_figure(pieces, tmp_path):
    model = fresh_model()
    history = fit(model, *pieces, epochs=3, folder=tmp_path, learning_rate=0.05, **SMALL)
    assert negative_log_likelihood(model, pieces[1]) == pytest.approx(history["val_nats"].min(), abs=1e-4)
    assert history["nats"].iloc[-1] < history["nats"].iloc[0]
    assert (history["gradient_norm"] > 0).all()


def test_validation_figure_does_not_depend_on_how_pieces_are_batched(pieces, tmp_path):
    model = fresh_model()
    fit(model, *pieces, epochs=1, folder=tmp_path, **SMALL)
    one, other = (model.evaluate(whole_pieces(pieces[1], batch_size=size), verbose=0, return_dict=True)
                  for size in (1, 5))
    assert one["nats"] == pytest.approx(other["nats"], rel=1e-5)
    assert one["accuracy"] == pytest.approx(other["accuracy"], rel=1e-5)


def test_early_stopping_ends_training_and_a_finished_training_is_not_done_again(pieces, tmp_path):
    history = fit(fresh_model(), *pieces, epochs=50, folder=tmp_path, learning_rate=1e-12, stop_patience=2, **SMALL)
    assert len(history) < 50
    again = fit(note_gru(width=8, layers=1), *pieces, epochs=50, folder=tmp_path, learning_rate=1e-12,
                stop_patience=2, **SMALL)
    np.testing.assert_array_equal(again.to_numpy(), history.to_numpy())


def test_history_and_tensorboard_logs_are_on_disk(pieces, tmp_path):
    history = fit(fresh_model(), *pieces, epochs=2, folder=tmp_path, **(SMALL | dict(tensorboard=True)))
    lines = (tmp_path / HISTORY).read_text().splitlines()
    assert lines[0].split(",") == ["epoch", *history.columns] and len(lines) == 3
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents*"))


def test_another_trainings_folder_and_a_torn_checkpoint_are_refused(pieces, tmp_path):
    fit(fresh_model(), *pieces, epochs=1, folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'seed'"):
        fit(fresh_model(), *pieces, epochs=2, folder=tmp_path, seed=9, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'model'"):
        fit(note_gru(width=8, layers=1, dropout=0), *pieces, epochs=2, folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'valid'"):
        fit(fresh_model(), pieces[0], pieces[1][1:], epochs=2, folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'train'"):
        fit(fresh_model(), [piece.transpose(1) for piece in pieces[0]], pieces[1], epochs=2, folder=tmp_path, **SMALL)
    whole = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(whole[:len(whole) // 2])
    with pytest.raises(ValueError, match="no readable checkpoint"):
        fit(fresh_model(), *pieces, epochs=2, folder=tmp_path, **SMALL)


def test_a_second_loop_begins_with_the_best_weights_of_the_first_and_knows_when_they_changed(pieces, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    best = fresh_model()
    fit(best, *pieces, epochs=2, folder=first, **SMALL)
    untouched = fresh_model()
    assert fit(untouched, *pieces, epochs=0, folder=second, after=first, **SMALL).empty
    for one, other in zip(untouched.get_weights(), best.get_weights()):
        np.testing.assert_array_equal(one, other)
    fit(fresh_model(), *pieces, epochs=1, folder=second, after=first, **SMALL)
    fit(fresh_model(), *pieces, epochs=4, folder=first, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'after'"):
        fit(fresh_model(), *pieces, epochs=1, folder=second, after=first, **SMALL)
    with pytest.raises(FileNotFoundError, match="no checkpoint there"):
        fit(fresh_model(), *pieces, epochs=1, folder=second, after=tmp_path / "nowhere", **SMALL)
