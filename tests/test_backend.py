"""The backend: no chatter where learners would read it."""

import os
import subprocess
import sys

COMPILES = """\
from chorale_utils.models.backend import compiled, tf
for number in range(12):
    compiled(lambda x: x + 1)(tf.zeros(number))
tf.get_logger().warning("something else")
"""


def test_advice_against_compiling_anew_is_held_back_and_nothing_else():
    ended = subprocess.run(
        [sys.executable, "-c", COMPILES], capture_output=True, text=True, check=True, timeout=120
    )
    assert "retracing" not in ended.stdout + ended.stderr
    assert "something else" in ended.stdout + ended.stderr


def test_another_backend_of_keras_is_refused_with_advice():
    ended = subprocess.run(
        [sys.executable, "-c", "import chorale_utils.models.backend"],
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "KERAS_BACKEND is numpy: expected tensorflow" in ended.stderr
    assert "unset it" in ended.stderr
