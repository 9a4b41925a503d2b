"""The optimizers: the average of the weights, and the norm of the gradients."""

import numpy as np
import pytest

from chorale_utils.models.backend import keras
from chorale_utils.models.optimizers import AveragingAdamW


def test_average_is_the_weights_after_one_step_and_then_keeps_up_with_them():
    variables = [keras.Variable(np.full((2, 3), 1.0, np.float32)), keras.Variable(np.float32(2.0))]
    optimizer, random = (
        AveragingAdamW(0.1, average=0.25, weight_decay=0.1),
        np.random.default_rng(0),
    )
    expected = None
    for step in range(1, 9):
        optimizer.apply(
            [random.standard_normal(variable.shape).astype(np.float32) for variable in variables],
            variables,
        )
        weights = [np.array(variable) for variable in variables]
        kept = min(0.25, (step - 1) / (step + 9))
        expected = (
            weights
            if step == 1
            else [kept * one + (1 - kept) * other for one, other in zip(expected, weights)]
        )
        for average, one in zip(optimizer.averages, expected):
            np.testing.assert_allclose(np.array(average), one, rtol=1e-5)
    assert not np.allclose(np.array(optimizer.averages[0]), weights[0], atol=1e-3)
    assert AveragingAdamW.from_config(optimizer.get_config()).average == 0.25


def test_norm_of_the_gradients_is_added_up_as_they_come():
    variables = [keras.Variable(np.zeros(2, np.float32))]
    optimizer = AveragingAdamW(0.1, global_clipnorm=1.0)
    optimizer.apply([np.array([3, 4], np.float32)], variables)
    optimizer.apply([np.array([0, 7], np.float32)], variables)
    assert float(optimizer.norm_sum) == pytest.approx(12) and float(optimizer.norm_count) == 2
