"""Checks of arguments, so that an error names the argument before anything is computed.

Notebook: 03_model_training
"""

from typing import Any

import numpy as np


def check_whole_numbers(least: int, **numbers: Any) -> None:
    """Makes sure that every number is whole and at least `least`.

    Args:
        least: the smallest number allowed.
        **numbers: the arguments by name.

    Raises:
        ValueError: one is something else; the message names it.

    Examples:
        >>> check_whole_numbers(1, count=4, steps=np.int64(16))
        >>> check_whole_numbers(1, count="four")
        Traceback (most recent call last):
        ValueError: count 'four': expected 1 or more, a whole number
    """
    for name, number in numbers.items():
        whole = isinstance(number, (int, np.integer)) and not isinstance(number, bool)
        if not whole or number < least:
            raise ValueError(f"{name} {number!r}: expected {least} or more, a whole number")
