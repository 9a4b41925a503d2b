"""Logistic regression with few examples and many features.

Both classes weigh the same, features are brought to one spread, and the squares of their weights
are penalised. Because the penalty makes the solution a sum over the examples, it is found among
these (the dual problem), however many features there are.

References:
    Jaakkola and Haussler (1999), "Probabilistic Kernel Regression Models": the dual.

Notebook: 04_evaluation
"""

from __future__ import annotations

import numpy as np

NEWTON_STEPS = 12
_LEAST_SPREAD = 1e-6  # of a feature; one that is always the same gets no weight


class LogisticRegression:
    """Log-odds that an example is positive, a linear function of its features.

    Attributes:
        weights: float array (features,).
        bias: float.

    Args:
        rows: float array (examples, features).
        positive: bool array (examples,), true for at least one and false for at least one.
        penalty: on the squares of the weights, relative to one example's loss.

    Examples:
        >>> rows = np.array([[0.0, 5.0], [1.0, 4.0], [4.0, 4.0], [5.0, 5.0]])
        >>> judge = LogisticRegression(rows, np.array([False, False, True, True]))
        >>> (judge.log_odds(rows) > 0).tolist()
        [False, False, True, True]

    Notebook: 04_evaluation
    """

    weights: np.ndarray
    bias: float

    def __init__(self, rows: np.ndarray, positive: np.ndarray, penalty: float = 1.0) -> None:
        mean, spread = rows.mean(axis=0), rows.std(axis=0)
        scale = 1 / np.maximum(spread, _LEAST_SPREAD) / np.sqrt(rows.shape[1])
        rows = (rows - mean) * scale
        kernel = (rows @ rows.T).astype(float) + 1.0
        target = np.where(positive, 1.0, -1.0)
        share = np.where(positive, 1 / positive.sum(), 1 / (~positive).sum()) * len(target) / 2
        dual = np.zeros(len(target))
        for _ in range(NEWTON_STEPS):  # iteratively reweighted least squares
            margin = kernel @ dual
            p = 1 / (1 + np.exp(-margin))
            curvature = share * np.maximum(p * (1 - p), 1e-9)
            working = margin - share * (p - (target + 1) / 2) / curvature
            dual = np.linalg.solve(kernel + np.diag(penalty / curvature), working)
        self.weights = scale * (rows.T @ dual)
        self.bias = float(dual.sum() - mean @ self.weights)

    def log_odds(self, rows: np.ndarray) -> np.ndarray:
        """Float array (examples,) of `rows` (examples, features)."""
        result: np.ndarray = rows @ self.weights + self.bias
        return result
