"""The weights are learnt from what people heard, and lead the search to it."""

import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.harmony import fitting
from chorale_utils.harmony.agreement import agreement, align
from chorale_utils.harmony.analysis import tabulate
from chorale_utils.harmony.chords import numerals
from chorale_utils.harmony.evidence import Frames
from chorale_utils.harmony.fitting import Example, fitted
from chorale_utils.harmony.romantext import Reading
from chorale_utils.harmony.search import best_path, blank, pair_table

BARS = [[72, 67, 64, 48], [72, 69, 65, 53], [74, 71, 67, 43], [72, 67, 64, 48]]
FIGURES = ("I", "IV", "V", "I")


@pytest.fixture(scope="module")
def learnt(piece):
    """What `fitted` learns from that piece, and the lines that it reports."""
    lines = []
    return fitted([Example(*piece)], epochs=10, report=lines.append), lines


@pytest.fixture(scope="module")
def piece():
    """A small chorale with an analysis of it."""
    chorale = Chorale(np.repeat(BARS, 4, axis=0), time_signature="4/4", key="C major")
    readings = [Reading(1, 4 * beat, "C major", each) for beat, each in enumerate(FIGURES)]
    return chorale, align(readings, chorale)


def test_the_truth_is_what_the_analyst_heard(piece):
    example = Example(*piece)
    tonics, figures = np.divmod(example.truth, len(numerals()))
    assert set(tonics) == {0}
    assert [numerals()[each].figure for each in figures] == np.repeat(FIGURES, 2).tolist()
    assert {numerals()[each].mode for each in figures} == {"major"}


def test_the_slope_is_that_of_the_likelihood(piece):
    example, weights = Example(*piece), blank()
    random = np.random.default_rng(0)
    for value in weights.values():  # sharp, so that states beyond the candidates hardly count
        value += 3 * value + random.normal(0, 0.1, value.shape)

    table = pair_table(weights)

    def likelihood(slopes, in_table, table=table):
        return fitting._climb(example, weights, table, slopes, in_table)

    slopes = {name: np.zeros_like(value) for name, value in weights.items()}
    in_table = np.zeros(table.size)
    likelihood(slopes, in_table)
    for name, of_pair in fitting.maps().pairs.items():
        slopes[f"pair_{name}"] += np.bincount(
            of_pair.ravel(), in_table, len(slopes[f"pair_{name}"])
        )
        slopes[f"pair_{name}"][0] = 0
    for name, value in weights.items():
        place = np.unravel_index(np.abs(slopes[name]).argmax(), value.shape)
        values = []
        for change in (0.01, -0.01):
            value[place] += change
            changed = pair_table(weights) if name.startswith("pair") else table
            unused = {each: np.zeros_like(zero) for each, zero in slopes.items()}
            values.append(likelihood(unused, np.zeros_like(in_table), changed))
            value[place] -= change
        measured = (values[0] - values[1]) / 0.02
        assert measured == pytest.approx(slopes[name][place], rel=0.05, abs=0.05), name


def test_what_was_learnt_finds_the_truth_again(piece, learnt):
    (chorale, heard), (weights, lines) = piece, learnt
    path = best_path(Frames(chorale), None, weights, pair_table(weights))
    analysis = tabulate(chorale, path)
    assert analysis["numeral"].tolist() == list(FIGURES)
    assert agreement(analysis, heard) == {"key": 16, "root": 16, "reading": 16, "steps": 16}
    likelihoods = [float(line.split()[-3]) for line in lines]
    assert len(likelihoods) == 10
    assert likelihoods[-1] > likelihoods[0]
