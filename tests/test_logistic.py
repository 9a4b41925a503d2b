"""Logistic regression: it separates what can be separated, and weighs both classes alike."""

import numpy as np
import pytest

from chorale_utils.judging.logistic import LogisticRegression


def drawn(many, few, seed=0):
    random = np.random.default_rng(seed)
    rows = random.normal(size=(many + few, 40))
    positive = np.arange(many + few) < few
    rows[positive, 3] += 2
    return rows, positive


def test_the_feature_that_tells_gets_the_greatest_weight_and_holds_on_new_examples():
    judge = LogisticRegression(*drawn(100, 100))
    assert np.abs(judge.weights).argmax() == 3 and judge.weights[3] > 0
    rows, positive = drawn(100, 100, seed=1)
    assert ((judge.log_odds(rows) > 0) == positive).mean() > 0.75


def test_the_smaller_class_weighs_as_much_as_the_larger():
    judge = LogisticRegression(*drawn(400, 20))
    rows, positive = drawn(200, 200, seed=1)
    odds = judge.log_odds(rows)
    assert abs(odds[positive].mean() + odds[~positive].mean()) < 1.5
    assert (odds[positive] > 0).mean() > 0.6


def test_it_is_at_the_minimum_of_its_loss():
    rows, positive = drawn(30, 30)
    judge = LogisticRegression(rows, positive, penalty=2.0)
    scale = np.sqrt(rows.shape[1]) * rows.std(axis=0)

    def loss(weights, bias):
        odds = rows @ weights + bias
        fit = np.log1p(np.exp(np.where(positive, -odds, odds))).sum()
        shift = bias + rows.mean(axis=0) @ weights
        return fit + ((weights * scale) ** 2).sum() + shift**2

    least, random = loss(judge.weights, judge.bias), np.random.default_rng(0)
    for _ in range(20):
        other = judge.weights + 0.01 * random.normal(size=40)
        assert loss(other, judge.bias) > least
    assert loss(judge.weights, judge.bias + 0.05) > least


def test_a_greater_penalty_makes_it_more_careful():
    rows, positive = drawn(30, 30)
    bold, careful = (LogisticRegression(rows, positive, penalty) for penalty in (0.1, 10.0))
    assert np.abs(careful.log_odds(rows)).mean() < 0.5 * np.abs(bold.log_odds(rows)).mean()


def test_a_feature_that_never_changes_gets_no_weight():
    rows, positive = drawn(30, 30)
    rows[:, 5] = 7.0
    assert LogisticRegression(rows, positive).weights[5] == pytest.approx(0, abs=1e-6)
