"""Old names still work, and say what the new ones are."""

import importlib
import sys
import warnings

import numpy as np
import pytest

import chorale_utils
from chorale_utils import Chorale, surprise_colours
from chorale_utils.deprecation import MOVED, RENAMED, renamed_argument


@pytest.mark.parametrize("old, new", RENAMED.items())
def test_old_public_name_is_the_new_one_and_warns(old, new):
    with pytest.warns(DeprecationWarning, match=f"chorale_utils.{old} is now called .*{new};"):
        assert getattr(chorale_utils, old) is getattr(chorale_utils, new)
    assert old not in chorale_utils.__all__


@pytest.mark.parametrize("old, new", MOVED.items())
def test_moved_module_is_found_under_its_old_name_and_warns(old, new):
    there = importlib.import_module(f"chorale_utils.{new}")
    name, spec = there.__name__, there.__spec__
    sys.modules.pop(f"chorale_utils.{old}", None)
    with pytest.warns(DeprecationWarning, match=f"chorale_utils.{old} is now called .*{new};"):
        assert importlib.import_module(f"chorale_utils.{old}") is there
    assert there.__name__ == name and there.__spec__ is spec


def test_module_that_never_was_is_not_found():
    with pytest.raises(ModuleNotFoundError, match="chorale_utils.harvester"):
        importlib.import_module("chorale_utils.harvester")


def test_warning_points_at_the_line_that_uses_the_old_name():
    chorale = Chorale([[72, 67, 64, 48]])
    for use in (
        lambda: chorale_utils.kept,
        lambda: surprise_colours(chorale, np.ones((1, 4)), most=2),
    ):
        with pytest.warns(DeprecationWarning) as warned:
            use()
        assert [warning.filename for warning in warned] == [__file__]


def test_renamed_argument_is_handed_on_and_not_given_twice():
    @renamed_argument(most="vmax")
    def brightest(vmax=1):
        """The brightest."""
        return vmax

    with pytest.warns(DeprecationWarning, match=r"brightest\(most=...\) is now called"):
        assert brightest(most=3) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert brightest(2) == brightest(vmax=2) == 2 and brightest() == 1
    with pytest.raises(TypeError, match="vmax is given twice"):
        brightest(vmax=1, most=2)
    assert brightest.__doc__ == "The brightest."


def test_plots_that_moved_once_more_are_found_where_they_were():
    plots = importlib.import_module("chorale_utils.story.plots")
    assert plots.plot_piano_roll is chorale_utils.plot_piano_roll
    with pytest.raises(AttributeError, match=r"story.plots' has no attribute 'plot_nothing'"):
        plots.plot_nothing  # noqa: B018
