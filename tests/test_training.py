"""The schedules, the metrics, the average, and that an interrupted training ends as an
uninterrupted one."""

import os
import subprocess
import sys

import numpy as np
import pytest

from chorale_utils import (
    Chorale,
    chord_batches_per_epoch,
    chord_gru,
    fit,
    fit_chords,
    negative_log_likelihood,
    note_gru,
    whole_pieces,
)
from chorale_utils.models.backend import keras
from chorale_utils.models.checkpoint import CHECKPOINT, HISTORY
from chorale_utils.models.datasets import batches_per_epoch
from chorale_utils.models.optimizers import LogNormAndRate
from chorale_utils.models.training import power_schedule

SMALL = {"window": 64, "batch_size": 4, "tensorboard": False, "verbose": 0}
CHORDS = {
    "steps": 64,
    "batch_size": 4,
    "validate_every": 3,
    "rise": 0.5,
    "average": 0.5,
    "tensorboard": False,
    "verbose": 0,
}


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
    history = fit(
        fresh_model(),
        *pieces,
        epochs=5,
        folder=tmp_path,
        learning_rate=1e-9,
        plateau_patience=1,
        **SMALL,
    )
    plain = 1e-9 / (1 + np.arange(5) / 40)
    ratios = history["learning_rate"] / plain
    assert ratios.iloc[0] == pytest.approx(1, rel=1e-3)
    assert ratios.iloc[-1] < 0.95, "the plateau's reduction stays in force"


@pytest.fixture(scope="module")
def straight_classic(pieces, tmp_path_factory):
    """(model, history) of a training of four epochs that nothing interrupted."""
    model = fresh_model()
    return model, fit(model, *pieces, epochs=4, folder=tmp_path_factory.mktemp("classic"), **SMALL)


@pytest.mark.parametrize("epoch_of_the_interruption", [1, 3])
def test_interrupted_and_resumed_is_the_same_as_uninterrupted(
    pieces, straight_classic, tmp_path, monkeypatch, epoch_of_the_interruption
):
    straight, whole = straight_classic
    broken = fresh_model()
    batches = batches_per_epoch(pieces[0], SMALL["window"], SMALL["batch_size"])
    press_in(monkeypatch, (epoch_of_the_interruption - 1) * batches + batches // 2)
    with pytest.raises(KeyboardInterrupt):
        fit(broken, *pieces, epochs=4, folder=tmp_path / "broken", **SMALL)
    monkeypatch.undo()
    for resumed in (
        broken,
        note_gru(width=8, layers=1),
    ):  # the half-trained model itself, or a new one
        history = fit(resumed, *pieces, epochs=4, folder=tmp_path / "broken", **SMALL)
        np.testing.assert_array_equal(
            history.drop(columns="seconds"), whole.drop(columns="seconds")
        )
        for one, other in zip(resumed.get_weights(), straight.get_weights()):
            np.testing.assert_array_equal(one, other)


def press_in(monkeypatch, batch):
    """Ctrl-C when the first of the callbacks sees that batch end."""
    seen = []

    def on_train_batch_end(self, number, logs=None):
        seen.append(number)
        if len(seen) == batch:
            raise KeyboardInterrupt

    monkeypatch.setattr(LogNormAndRate, "on_train_batch_end", on_train_batch_end)


def test_training_leaves_the_best_weights_and_an_honest_validation_figure(pieces, tmp_path):
    model = fresh_model()
    history = fit(model, *pieces, epochs=3, folder=tmp_path, learning_rate=0.05, **SMALL)
    assert negative_log_likelihood(model, pieces[1]) == pytest.approx(
        history["val_nats"].min(), abs=1e-4
    )
    assert history["nats"].iloc[-1] < history["nats"].iloc[0]
    assert (history["gradient_norm"] > 0).all()


def test_validation_figure_does_not_depend_on_how_pieces_are_batched(pieces, tmp_path):
    model = fresh_model()
    fit(model, *pieces, epochs=1, folder=tmp_path, **SMALL)
    one, other = (
        model.evaluate(whole_pieces(pieces[1], batch_size=size), verbose=0, return_dict=True)
        for size in (1, 5)
    )
    assert one["nats"] == pytest.approx(other["nats"], rel=1e-5)
    assert one["accuracy"] == pytest.approx(other["accuracy"], rel=1e-5)


def test_early_stopping_ends_training_and_a_finished_training_is_not_done_again(pieces, tmp_path):
    history = fit(
        fresh_model(),
        *pieces,
        epochs=50,
        folder=tmp_path,
        learning_rate=1e-12,
        stop_patience=2,
        **SMALL,
    )
    assert len(history) < 50
    again = fit(
        note_gru(width=8, layers=1),
        *pieces,
        epochs=50,
        folder=tmp_path,
        learning_rate=1e-12,
        stop_patience=2,
        **SMALL,
    )
    np.testing.assert_array_equal(again.to_numpy(), history.to_numpy())


def test_history_and_tensorboard_logs_are_on_disk(pieces, tmp_path):
    history = fit(
        fresh_model(), *pieces, epochs=2, folder=tmp_path, **(SMALL | {"tensorboard": True})
    )
    lines = (tmp_path / HISTORY).read_text().splitlines()
    assert lines[0].split(",") == ["epoch", *history.columns] and len(lines) == 3
    assert list((tmp_path / "tensorboard").rglob("events.out.tfevents*"))


def fresh_chord_gru():
    """A small ChordGRU as it begins, with every kind of dropout there is."""
    keras.utils.set_random_seed(5)
    return chord_gru(
        width=12, embedding=4, heads=2, head_width=4, hidden=8, voice_dropout=0.1, weight_drop=0.3
    )


@pytest.fixture(scope="module")
def straight(pieces, tmp_path_factory):
    """(model, history, folder) of a training of four epochs that nothing interrupted."""
    model, folder = fresh_chord_gru(), tmp_path_factory.mktemp("straight")
    return model, fit_chords(model, *pieces, epochs=4, folder=folder, **CHORDS), folder


def test_chord_gru_interrupted_and_resumed_is_the_same_as_uninterrupted(
    pieces, straight, tmp_path, monkeypatch
):
    model = fresh_chord_gru()
    batches = chord_batches_per_epoch(pieces[0], CHORDS["steps"], CHORDS["batch_size"])
    assert batches > 2
    press_in(monkeypatch, batches + batches // 2)
    with pytest.raises(KeyboardInterrupt):
        fit_chords(model, *pieces, epochs=4, folder=tmp_path, **CHORDS)
    monkeypatch.undo()
    history = fit_chords(model, *pieces, epochs=4, folder=tmp_path, **CHORDS)
    np.testing.assert_array_equal(
        history.drop(columns="seconds"), straight[1].drop(columns="seconds")
    )
    for one, other in zip(model.get_weights(), straight[0].get_weights()):
        np.testing.assert_array_equal(one, other)


def test_chord_gru_interrupted_while_it_is_judged_and_resumed_by_a_new_model_ends_the_same(
    pieces, straight, tmp_path, monkeypatch
):
    def on_test_batch_end(self, batch, logs=None):
        raise KeyboardInterrupt  # while the model holds its averaged weights

    monkeypatch.setattr(LogNormAndRate, "on_test_batch_end", on_test_batch_end)
    with pytest.raises(KeyboardInterrupt):
        fit_chords(fresh_chord_gru(), *pieces, epochs=4, folder=tmp_path, **CHORDS)
    monkeypatch.undo()
    model = chord_gru(**straight[0].sizes)
    fit_chords(model, *pieces, epochs=4, folder=tmp_path, **CHORDS)
    for one, other in zip(model.get_weights(), straight[0].get_weights()):
        np.testing.assert_array_equal(one, other)


def test_chord_gru_is_left_with_averaged_weights_and_an_honest_validation_figure(pieces, straight):
    model, history, folder = straight
    assert negative_log_likelihood(model, pieces[1]) == pytest.approx(
        history["val_nats"].iloc[-1], abs=1e-4
    )
    with np.load(folder / CHECKPOINT) as checkpoint:
        trained = [checkpoint[f"model/{number}"] for number in range(len(model.weights))]
    assert any(not np.array_equal(one, other) for one, other in zip(trained, model.get_weights()))
    assert history["nats"].iloc[-1] < history["nats"].iloc[0]
    assert (history["gradient_norm"] > 0).all()


def test_validation_pieces_are_looked_at_every_so_often_and_at_the_end(straight):
    _, history, folder = straight
    for column in ("val_nats", "val_accuracy"):
        assert np.isnan(history[column]).tolist() == [True, True, False, False], (
            "every third time, and the last"
        )
    lines = (folder / HISTORY).read_text().splitlines()
    assert lines[0].split(",") == ["epoch", *history.columns] and len(lines) == 5


def test_rate_rises_to_its_highest_and_falls_to_a_thousandth_of_it(straight):
    rates = straight[1]["learning_rate"].to_numpy()
    assert 0.003 / 25 < rates[0] < rates[1] > rates[2] > rates[3]
    assert rates[1] == pytest.approx(0.003, rel=0.05)
    assert rates[2] == pytest.approx(0.0015, rel=0.05)
    assert rates[3] == pytest.approx(0.003 / 1000, rel=0.05)


def test_a_finished_cycle_is_not_done_again_nor_gone_on_from_with_other_settings(pieces, straight):
    model, history, folder = straight
    again = chord_gru(**model.sizes)
    np.testing.assert_array_equal(
        fit_chords(again, *pieces, epochs=4, folder=folder, **CHORDS), history
    )
    for one, other in zip(again.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(one, other)
    for changed in (
        {"epochs": 5},
        {"transpositions": [0]},
        {"average": 0.9},
        {"validate_every": 1},
        {"seed": 1},
    ):
        with pytest.raises(ValueError, match=f"other settings .*'{next(iter(changed))}'"):
            fit_chords(again, *pieces, folder=folder, **({"epochs": 4} | CHORDS | changed))


def test_a_second_cycle_begins_with_the_outcome_of_the_first_and_knows_when_it_changed(
    pieces, straight, tmp_path
):
    model, history, first = straight
    untouched = fresh_chord_gru()
    none = fit_chords(
        untouched, *pieces, epochs=0, folder=tmp_path / "second", after=first, **CHORDS
    )
    assert none.empty and list(none.columns) == list(history.columns)
    for one, other in zip(untouched.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(ValueError, match="other settings .*'after'"):
        fit_chords(untouched, *pieces, epochs=0, folder=tmp_path / "second", **CHORDS)
    with pytest.raises(FileNotFoundError, match="no checkpoint here"):
        fit_chords(
            untouched,
            *pieces,
            epochs=1,
            folder=tmp_path / "third",
            after=tmp_path / "nowhere",
            **CHORDS,
        )


def test_chord_gru_is_trained_and_judged_on_unusual_pieces_too(unusual_pieces, tmp_path):
    chorales = [Chorale(pitches, name=name) for name, pitches in unusual_pieces.items()]
    model = fresh_chord_gru()
    history = fit_chords(model, chorales, chorales, epochs=1, folder=tmp_path, **CHORDS)
    assert np.isfinite(history.to_numpy()).all()
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert negative_log_likelihood(model, chorales) == pytest.approx(
        history["val_nats"].iloc[-1], abs=1e-4
    )


@pytest.mark.parametrize(
    "train, fresh, options", [(fit, fresh_model, SMALL), (fit_chords, fresh_chord_gru, CHORDS)]
)
def test_callbacks_of_ones_own_see_an_epoch_that_is_already_safe_on_disk(
    pieces, tmp_path, train, fresh, options
):
    class Stops(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(fresh(), *pieces, epochs=2, folder=tmp_path, callbacks=[Stops()], **options)
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 2
    history = train(fresh(), *pieces, epochs=2, folder=tmp_path, **options)
    assert len(history) == 2, "and a callback is no other setting"


@pytest.mark.parametrize(
    "train, model, options, complaint",
    [
        (fit, fresh_chord_gru, SMALL, "model ChordGRU: fit trains a NoteGRU"),
        (fit_chords, fresh_model, CHORDS, "model NoteGRU: fit_chords trains a ChordGRU"),
        (fit_chords, fresh_chord_gru, CHORDS | {"rise": 2}, "rise 2: expected a share"),
        (fit_chords, fresh_chord_gru, CHORDS | {"validate_every": 0}, "validate_every 0: expected"),
        (fit, lambda: "note_gru", SMALL, r"model 'note_gru': .*load_model\('note_gru'\)"),
        (fit_chords, lambda: "chord_gru", CHORDS, r"load_model\('chord_gru'\)"),
        (fit, fresh_model, SMALL | {"epochs": "two"}, "epochs 'two': expected 0 or more"),
        (fit_chords, fresh_chord_gru, CHORDS | {"epochs": -1}, "epochs -1: expected 0 or more"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    pieces, tmp_path, train, model, options, complaint
):
    with pytest.raises(ValueError, match=complaint):
        train(model(), *pieces, folder=tmp_path / "new", **({"epochs": 1} | options))
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "train, fresh, options", [(fit, fresh_model, SMALL), (fit_chords, fresh_chord_gru, CHORDS)]
)
def test_one_chorale_is_a_list_of_one(pieces, tmp_path, train, fresh, options):
    one, other = pieces[0][0], pieces[1][0]
    first = train(fresh(), one, other, epochs=1, folder=tmp_path, **options)
    again = train(fresh(), iter([one]), [other], epochs=1, folder=tmp_path, **options)
    np.testing.assert_array_equal(again, first)


# Three steps of the strong model at its full size, again and again from the same state. Which
# thread comes first may differ; the weights may not. (It showed without oneDNN most of the time,
# with it now and then, and never in small models.)
TRAINS_AGAIN_AND_AGAIN = """\
import numpy as np
from chorale_utils import chord_crops, chord_gru, load_corpus
from chorale_utils.models.backend import keras
from chorale_utils.models.optimizers import AveragingAdamW

keras.utils.set_random_seed(1)
model = chord_gru(voice_dropout=0.05, weight_drop=0.15)
crops = chord_crops(load_corpus(progress=False).train, seed=0)
batches = [batch for batch, _ in zip(crops, range(3))]
optimizer = AveragingAdamW(1e-3, weight_decay=0.5, beta_2=0.99, global_clipnorm=1.0, average=0.998)
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(optimizer=optimizer, loss=loss, jit_compile=False)
optimizer.build(model.trainable_variables)
variables = [*model.variables, *optimizer.variables]
start, outcomes = [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables], set()
for _ in range(8):
    for variable, value in zip(variables, start):
        variable.assign(value)
    for batch in batches:
        model.train_on_batch(*batch)
    outcomes.add(b"".join(keras.ops.convert_to_numpy(variable).tobytes() for variable in variables))
print(len(outcomes))
"""


THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


@pytest.mark.slow
def test_training_does_not_depend_on_which_thread_comes_first(music21_corpus):
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", TRAINS_AGAIN_AND_AGAIN],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"TF_ENABLE_ONEDNN_OPTS": "0"} | dict.fromkeys(THREADS, "2"),
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == "1", "the outcomes differ"
