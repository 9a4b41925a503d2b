"""An analysis is laid onto a chorale as a person meant it, and compared with another."""

import numpy as np
import pandas as pd
import pytest

from chorale_utils import Chorale
from chorale_utils.harmony.agreement import agreement, align, key_number
from chorale_utils.harmony.romantext import Reading

BARS = [[72, 67, 64, 48], [72, 69, 65, 53], [74, 71, 67, 43], [72, 64, 60, 45]]
READINGS = [
    Reading(1 + bar, 16 * bar, "C major", figure)
    for bar, figure in enumerate(["I", "IVmaj7", "V", "vi"])
]


@pytest.fixture
def page():
    """A Chorale of four bars, a chord each."""
    return Chorale(np.repeat(BARS, 16, axis=0), time_signature="4/4")


def an_analysis(keys, numerals, roots):
    return pd.DataFrame({"steps": 16, "key": keys, "numeral": numerals, "root": roots})


def test_bars_that_agree_stay_where_they_are(page):
    heard = align(READINGS, page)
    assert heard.which.tolist() == np.repeat([0, 1, 2, 3], 16).tolist()
    assert (heard.transposed, heard.fit) == (0, 1.0)


def test_a_repeat_written_out_is_skipped_and_another_key_is_found(page):
    twice = Chorale(np.vstack([page.pitches[:32], page.pitches]) + 2, time_signature="4/4")
    heard = align(READINGS, twice)
    assert heard.transposed == 2
    assert heard.which[-64:].tolist() == np.repeat([0, 1, 2, 3], 16).tolist()


def test_the_fit_says_how_many_notes_are_in_the_chords(page):
    other = np.array(page.pitches)
    other[:16, :2] += 1
    heard = align(READINGS, Chorale(other, time_signature="4/4"))
    assert heard.fit == pytest.approx(1 - 2 / 16)


def test_agreement_counts_steps(page):
    heard = align(READINGS, page)
    right = an_analysis("C major", ["I", "IV7", "V", "vi"], [0, 5, 7, 9])
    assert agreement(right, heard) == {"key": 64, "root": 64, "reading": 64, "steps": 64}
    partly = an_analysis(
        ["C major", "C major", "G major", "C major"], ["I", "ii65", "V", "vi6"], [0, 2, 7, 9]
    )
    assert agreement(partly, heard) == {"key": 48, "root": 48, "reading": 16, "steps": 64}


def test_agreement_of_a_transposed_edition_is_that_of_the_original(page):
    heard = align(READINGS, page.transpose(3))
    moved = an_analysis("E- major", ["I", "IV7", "V", "vi"], [3, 8, 10, 0])
    assert agreement(moved, heard) == {"key": 64, "root": 64, "reading": 64, "steps": 64}


def test_keys_that_sound_the_same_have_one_number():
    assert key_number("c# minor") == key_number("d- minor") == key_number("b minor", 2) == 3
    assert len({key_number(f"{tonic} major") for tonic in ("C", "D-", "D", "E-", "E", "F")}) == 6
