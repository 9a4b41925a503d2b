"""Backend: Keras and TensorFlow, loaded without their start-up messages; sums in a fixed order; one
function that compiles.

While it loads, TensorFlow's C++ code writes messages about processors and missing graphics cards
straight to the process's error stream. In a notebook they would be stored as error output under the
first cell. So they are held back during the import and shown only if it fails. Later messages are
left alone, except the warning about retracing: pieces have many lengths, and after a few of them
TensorFlow compiles for any length by itself, where `compiled` does not do so from the beginning.
"""

import functools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar


@contextmanager
def _error_stream_held_back() -> Iterator[None]:
    """Holds back everything written to file descriptor 2; passes it on only if the block raises."""
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
        f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']}: expected tensorflow, which the models "
        f"need; unset it, or set it to tensorflow"
    )
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _error_stream_held_back():
    import keras
    import tensorflow as tf

tf.get_logger().addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)

Tensor: TypeAlias = Any  # a tensor of Keras' backend, or an array that it accepts as one
Function = TypeVar("Function", bound=Callable[..., Any])


def ordered_sum(terms: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of the same shape (a list, not empty), always in the same order.

    TensorFlow turns a chain of additions (``a + b + c``) into one operation, which begins with
    whichever term's memory is free: the last digit of the sum then depends on which thread came
    first, and so does the whole training.

    Examples:
        >>> keras.ops.convert_to_numpy(ordered_sum([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]]))
        array([111., 222.], dtype=float32)
    """
    return keras.ops.sum(keras.ops.stack(terms), axis=0)


def compiled(function: Function, *examples: Sequence[Tensor]) -> Function:
    """`function`, compiled if Keras runs on TensorFlow. On other backends it is returned unchanged,
    because their compilers would freeze the weights that the function reads.

    Args:
        function: function of tensors or nested structures of them, with loops from keras.ops.
        examples: sequences of arguments. Those axes in which they differ in length may have any
            length from the first call on; without examples, the function is compiled anew for the
            first lengths that differ from those of the first call.

    Examples:
        >>> doubled = compiled(lambda x: 2 * x)
        >>> keras.ops.convert_to_numpy(doubled(keras.ops.arange(3)))
        array([0, 2, 4], dtype=int32)
        >>> made = []
        >>> zeros = keras.ops.zeros
        >>> doubled = compiled(lambda x: made.append(x) or 2 * x, [zeros(2)], [zeros(3)])
        >>> [tuple(doubled(zeros(length)).shape) for length in (4, 5, 6)], len(made)
        ([(4,), (5,), (6,)], 1)
    """
    if keras.backend.backend() != "tensorflow":
        return function
    if not examples:
        return tf.function(function, reduce_retracing=True, autograph=False)

    @functools.wraps(function)
    def explained(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except (TypeError, ValueError) as error:
            error.add_note(
                "This is compiled once for pieces of any number and length. A tensor's .shape is "
                "None along such axes: use keras.ops.shape instead."
            )
            raise

    signature = keras.tree.map_structure(_any_length, *map(list, examples))
    return tf.function(explained, input_signature=signature, autograph=False)


def _any_length(*arrays: Tensor) -> tf.TensorSpec:
    """What the arrays have in common: their type, and the axes in which they do not differ."""
    first, *others = (tf.type_spec_from_value(tf.convert_to_tensor(array)) for array in arrays)
    return first.most_specific_common_supertype(others)
