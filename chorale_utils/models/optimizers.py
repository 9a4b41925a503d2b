"""Optimizers that record their gradient norms, one of which also averages the weights; and their
callbacks.

Notebook: 03_model_training
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .backend import Tensor, keras, ordered_sum


class GradientNormMixin:
    """Makes a Keras optimizer sum up the global norms of its gradients before clipping.

    `norm_sum` and `norm_count` are variables; `LogNormAndRate` reads and resets them.
    """

    built: bool
    norm_sum: Tensor
    norm_count: Tensor
    add_variable: Any

    def build(self, variables: Sequence[Tensor]) -> None:
        """Creates the optimizer's variables."""
        if not self.built:
            super().build(variables)  # type: ignore[misc]  # the optimizer's
            self.norm_sum = self.add_variable((), initializer="zeros", name="norm_sum")
            self.norm_count = self.add_variable((), initializer="zeros", name="norm_count")

    def apply(
        self, grads: Iterable[Tensor | None], trainable_variables: Iterable[Tensor] | None = None
    ) -> Tensor:
        """Adds the norm to the sum, and updates the variables."""
        grads = list(grads)
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            self.build(trainable_variables)
        ops = keras.ops
        squares = [
            ops.sum(ops.square(ops.convert_to_tensor(grad))) for grad in grads if grad is not None
        ]
        self.norm_sum.assign_add(ops.sqrt(ordered_sum(squares)))
        self.norm_count.assign_add(1.0)
        return super().apply(grads, trainable_variables)  # type: ignore[misc]  # the optimizer's


@keras.saving.register_keras_serializable("chorale_utils")
class NormAdam(GradientNormMixin, keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015) that sums up the global norms of its gradients.

    Examples:
        >>> variable, adam = keras.Variable(np.zeros(2, np.float32)), NormAdam(0.1)
        >>> adam.apply([np.array([3, 4], np.float32)], [variable])
        >>> float(adam.norm_sum)
        5.0

    Notebook: 03_model_training
    """


@keras.saving.register_keras_serializable("chorale_utils")
class AveragingAdamW(GradientNormMixin, keras.optimizers.AdamW):
    """AdamW that keeps a moving average of the weights in `averages` (list of variables, in the
    weights' order).

    Keras' own `use_ema` has a constant momentum, which would keep the untrained weights in the
    average for hundreds of steps; here it grows from 0.

    Args:
        average: final momentum of the average.

    Examples:
        >>> variable, adam = keras.Variable(np.zeros(2, np.float32)), AveragingAdamW(0.1)
        >>> adam.apply([np.array([3, 4], np.float32)], [variable])
        >>> np.array_equal(adam.averages[0], variable)  # after one step
        True

    Notebook: 03_model_training
    """

    def __init__(self, *args: Any, average: float = 0.998, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.average = average

    def build(self, variables: Sequence[Tensor]) -> None:
        """Creates the optimizer's variables, including the averages."""
        if not self.built:
            super().build(variables)
            self.averaged = list(variables)
            self.averages = [
                self.add_variable_from_reference(variable, name="average") for variable in variables
            ]

    def apply(
        self, grads: Iterable[Tensor | None], trainable_variables: Iterable[Tensor] | None = None
    ) -> Tensor:
        """Updates the variables, and then their averages."""
        done = super().apply(grads, trainable_variables)
        ops = keras.ops
        steps = ops.cast(self.iterations, "float32")  # 1 after the first
        momentum = ops.minimum(self.average, (steps - 1) / (steps + 9))
        for average, variable in zip(self.averages, self.averaged):
            average.assign(momentum * average + (1 - momentum) * variable)
        return done

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to rebuild the optimizer."""
        return {**super().get_config(), "average": self.average}


class AveragedWeights(keras.callbacks.Callback):
    """Uses the averaged weights of `AveragingAdamW` for validation."""

    def averaged_weights(self, model: keras.Model) -> list[np.ndarray]:
        """The averaged weights, in the order of `model.get_weights()`."""
        self._exchange(model)
        weights = model.get_weights()
        self._exchange(model)
        return weights

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Gives the model its averaged weights."""
        self._exchange(self.model)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Restores the model's own weights."""
        self._exchange(self.model)

    @staticmethod
    def _exchange(model: keras.Model) -> None:
        for variable, average in zip(model.trainable_variables, model.optimizer.averages):
            held = keras.ops.convert_to_numpy(variable)
            variable.assign(average)
            average.assign(held)


class LogNormAndRate(keras.callbacks.Callback):
    """Logs the mean gradient norm and the learning rate of each epoch. It must be the first
    callback, so that all others see them."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Adds both to `logs`, and resets the optimizer's sums."""
        assert logs is not None, "Keras always passes one"
        optimizer = self.model.optimizer
        logs["gradient_norm"] = float(optimizer.norm_sum) / max(float(optimizer.norm_count), 1.0)
        logs["learning_rate"] = float(optimizer.learning_rate)
        optimizer.norm_sum.assign(0.0)
        optimizer.norm_count.assign(0.0)
