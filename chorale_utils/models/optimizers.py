"""Optimizers that log the norm of their gradients, one of which averages the weights; and the
callbacks that go with them.

Notebook: 03_model_training
"""

from .backend import keras, ordered_sum


class AddsUpNorms:
    """A Keras optimizer that adds up the global norm of its gradients, as they come, before
    clipping.

    `norm_sum` and `norm_count` are variables; `EpochNumbers` reads and empties them.
    """

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.norm_sum = self.add_variable((), initializer="zeros", name="norm_sum")
            self.norm_count = self.add_variable((), initializer="zeros", name="norm_count")

    def apply(self, grads, trainable_variables=None):
        grads = list(grads)
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        ops = keras.ops
        norm = ops.sqrt(
            ordered_sum(
                [
                    ops.sum(ops.square(ops.convert_to_tensor(grad)))
                    for grad in grads
                    if grad is not None
                ]
            )
        )
        self.norm_sum.assign_add(norm)
        self.norm_count.assign_add(1.0)
        return super().apply(grads, trainable_variables)


@keras.saving.register_keras_serializable("chorale_utils")
class NormAdam(AddsUpNorms, keras.optimizers.Adam):
    """Adam (Kingma and Ba 2015) that adds up the global norm of its gradients.

    Notebook: 03_model_training
    """


@keras.saving.register_keras_serializable("chorale_utils")
class AveragingAdamW(AddsUpNorms, keras.optimizers.AdamW):
    """AdamW that keeps a moving average of the weights in `averages` (list of variables, in the
    weights' order).

    Keras' own `use_ema` has one momentum from the first step on, which would keep the untrained weights in the
    average for hundreds of steps; here it grows from 0.

    Args:
        average: the momentum that it reaches.

    Notebook: 03_model_training
    """

    def __init__(self, *args, average=0.998, **kwargs):
        super().__init__(*args, **kwargs)
        self.average = average

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.averaged = list(variables)
            self.averages = [
                self.add_variable_from_reference(variable, name="average") for variable in variables
            ]

    def apply(self, grads, trainable_variables=None):
        done = super().apply(grads, trainable_variables)
        ops = keras.ops
        steps = ops.cast(self.iterations, "float32")  # 1 after the first
        kept = ops.minimum(self.average, (steps - 1) / (steps + 9))
        for average, variable in zip(self.averages, self.averaged):
            average.assign(kept * average + (1 - kept) * variable)
        return done

    def get_config(self):
        return {**super().get_config(), "average": self.average}


class AveragedWeights(keras.callbacks.Callback):
    """Lets a model that is trained with `AveragingAdamW` be judged by its averaged weights."""

    def of(self, model):
        """The averaged weights, in the order of `model.get_weights()`."""
        self._exchange(model)
        weights = model.get_weights()
        self._exchange(model)
        return weights

    def on_test_begin(self, logs=None):
        self._exchange(self.model)

    def on_test_end(self, logs=None):
        self._exchange(self.model)

    @staticmethod
    def _exchange(model):
        for variable, average in zip(model.trainable_variables, model.optimizer.averages):
            held = keras.ops.convert_to_numpy(variable)
            variable.assign(average)
            average.assign(held)


class EpochNumbers(keras.callbacks.Callback):
    """Logs the epoch's mean gradient norm and learning rate. First among callbacks, so that all see
    them."""

    def on_epoch_end(self, epoch, logs=None):
        optimizer = self.model.optimizer
        logs["gradient_norm"] = float(optimizer.norm_sum) / max(float(optimizer.norm_count), 1.0)
        logs["learning_rate"] = float(optimizer.learning_rate)
        optimizer.norm_sum.assign(0.0)
        optimizer.norm_count.assign(0.0)
