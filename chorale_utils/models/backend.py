"""Backend: Keras and TensorFlow, loaded without their start-up chatter; sums in a fixed order; one
word for "compile this".

TensorFlow's C++ part writes notes on processors and missing graphics cards straight to the process'
error stream while it loads. In a notebook they would be stored as error output under the first
cell. Here they are held back during the import and shown only if the import fails. What TensorFlow
says later is not touched, except its advice against compiling anew: pieces have many lengths, and
after a few of them it compiles for any length by itself."""

import os
import sys
import tempfile
from contextlib import contextmanager


@contextmanager
def _error_stream_held_back():
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


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with _error_stream_held_back():
    import keras
    import tensorflow as tf  # noqa: F401  (imported from here by the others)

tf.get_logger().addFilter(
    lambda record: "triggered tf.function retracing" not in record.getMessage()
)


def ordered_sum(terms):
    """The sum of tensors of one shape (a list of them, not empty), always in the same order.

    TensorFlow makes one operation of a chain of additions (``a + b + c``), and begins it with whichever term's memory is
    free at that moment: the last digit of the sum then depends on which thread came first, and with it a training.
    """
    return keras.ops.sum(keras.ops.stack(terms), axis=0)


def compiled(function):
    """`function`, compiled where Keras runs on TensorFlow; as it is on another backend, whose compilers would freeze
    the weights that the function reads."""
    if keras.backend.backend() == "tensorflow":
        return tf.function(
            function, reduce_retracing=True, autograph=False
        )  # the code says its loops with keras.ops
    return function
