"""Backend: Keras and TensorFlow, loaded without their start-up chatter; sums in a fixed order; one
word for "compile this".

TensorFlow's C++ part writes notes on processors and missing graphics cards straight to the process'
error stream while it loads. In a notebook they would be stored as error output under the first
cell. Here they are held back during the import and shown only if the import fails. What TensorFlow
says later is not touched, except its advice against compiling anew: pieces have many lengths, and
after a few of them it compiles for any length by itself.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar


@contextmanager
def _error_stream_held_back() -> Iterator[None]:
    """Keeps what is written to file descriptor 2; passes it on only where the block raises."""
    with tempfile.TemporaryFile() as held:
        sys.stderr.flush()
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(original, held.read())
            raise
        finally:
            os.dup2(original, 2)
            os.close(original)


if os.environ.get("KERAS_BACKEND", "tensorflow") != "tensorflow":
    raise ImportError(
        f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']}: expected tensorflow, with which the "
        f"models compute; unset it, or set it to tensorflow"
    )
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _error_stream_held_back():
    import keras
    import tensorflow as tf

tf.get_logger().addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)

Tensor: TypeAlias = Any  # of whichever backend Keras runs on, or an array that it takes for one
Function = TypeVar("Function", bound=Callable[..., Any])


def ordered_sum(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape (a list of them, not empty), always in the same order.

    TensorFlow makes one operation of a chain of additions (``a + b + c``), and begins it with
    whichever term's memory is free at that moment: the last digit of the sum then depends on which
    thread came first, and with it a training.

    Examples:
        >>> keras.ops.convert_to_numpy(ordered_sum([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]]))
        array([111., 222.], dtype=float32)
    """
    return keras.ops.sum(keras.ops.stack(terms), axis=0)


def compiled(function: Function) -> Function:
    """`function`, compiled where Keras runs on TensorFlow. It stays as it is on another backend,
    whose compiler would freeze the weights that the function reads.

    Args:
        function: function of tensors, or of nests of them, whose loops are written with keras.ops.

    Examples:
        >>> doubled = compiled(lambda x: 2 * x)
        >>> keras.ops.convert_to_numpy(doubled(keras.ops.arange(3)))
        array([0, 2, 4], dtype=int32)
    """
    if keras.backend.backend() == "tensorflow":
        return tf.function(function, reduce_retracing=True, autograph=False)
    return function
