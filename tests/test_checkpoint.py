"""A training's checkpoint: whose it is, whether it is whole, and what comes after it."""

import numpy as np
import pytest

from chorale_utils import fit, note_gru
from chorale_utils.models.backend import keras
from chorale_utils.models.checkpoint import CHECKPOINT

SMALL = {"window": 64, "batch_size": 4, "tensorboard": False, "verbose": 0}


def fresh_model():
    keras.utils.set_random_seed(5)
    return note_gru(width=8, layers=1)


@pytest.fixture(scope="module")
def pieces(music21_corpus):
    return music21_corpus.train[:4], music21_corpus.valid[:5]


def test_another_trainings_folder_and_a_torn_checkpoint_are_refused(pieces, tmp_path):
    fit(fresh_model(), *pieces, epochs=1, folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'seed'"):
        fit(fresh_model(), *pieces, epochs=2, folder=tmp_path, seed=9, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'model'"):
        fit(note_gru(width=8, layers=1, dropout=0), *pieces, epochs=2, folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'valid'"):
        fit(fresh_model(), pieces[0], pieces[1][1:], epochs=2, folder=tmp_path, **SMALL)
    with pytest.raises(ValueError, match="other settings .*'train'"):
        fit(
            fresh_model(),
            [piece.transpose(1) for piece in pieces[0]],
            pieces[1],
            epochs=2,
            folder=tmp_path,
            **SMALL,
        )
    whole = (tmp_path / CHECKPOINT).read_bytes()
    (tmp_path / CHECKPOINT).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        fit(fresh_model(), *pieces, epochs=2, folder=tmp_path, **SMALL)


def test_a_second_loop_begins_with_the_best_weights_of_the_first_and_knows_when_they_changed(
    pieces, tmp_path
):
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
    with pytest.raises(FileNotFoundError, match="no checkpoint here"):
        fit(fresh_model(), *pieces, epochs=1, folder=second, after=tmp_path / "nowhere", **SMALL)
