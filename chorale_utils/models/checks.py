"""Checks of what somebody asks a model for, so that an error names it before anything is computed.

Notebook: 03_model_training
"""

from typing import Any

import numpy as np


def check_whole_numbers(least: int, **numbers: Any) -> None:
    """Passes where every number is whole and `least` or more.

    Args:
        least: the smallest number that is allowed.
        **numbers: what was given, by the name under which it was given.

    Raises:
        ValueError: one is something else; the message gives its name.

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
