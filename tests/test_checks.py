"""Checks: which numbers pass, and how the others are named."""

import numpy as np
import pytest

from chorale_utils.models.checks import check_whole_numbers


def test_whole_numbers_of_any_kind_pass():
    check_whole_numbers(1, count=1, steps=np.int64(7), size=np.uint8(200))
    check_whole_numbers(0, epochs=0)


@pytest.mark.parametrize("number", [0, -1, 2.0, "four", None, True, np.float32(3), [4]])
def test_anything_else_is_refused_by_its_name(number):
    with pytest.raises(ValueError, match=r"^count .*: expected 1 or more, a whole number$"):
        check_whole_numbers(1, steps=3, count=number)
