"""Errors of the files are corrected where they are beyond doubt, each for its reason."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import VOICES, Chorale, faults, load_corpus, read_errata
from chorale_utils.corpus.errata import Erratum, corrected, errata
from chorale_utils.keys import (
    key_signature,
    tonic_and_mode,
)

NOTES = [row for row in errata() if row.voice != "key"]
KEYS = [row for row in errata() if row.voice == "key"]


@pytest.fixture(scope="module")
def as_filed():
    return load_corpus("music21", progress=False, errata=False)


@pytest.fixture(scope="module")
def right():
    return load_corpus("music21", progress=False)


def parallels(chorale):
    return faults(chorale)["fault"].isin(["parallel fifths", "parallel octaves"]).sum()


def test_only_what_the_table_names_is_changed(as_filed, right):
    listed = {(row.name, row.voice) for row in errata()}
    for old, new in zip(as_filed, right, strict=True):
        assert (old.key != new.key) == ((old.name, "key") in listed)
        for number, voice in enumerate(VOICES):
            changed = (old.pitches[:, number] != new.pitches[:, number]).any()
            assert changed == ((old.name, voice) in listed), (old.name, voice)
        assert np.array_equal(old.fermatas, new.fermatas)
        assert (old.name, old.bwv, old.title, len(old)) == (new.name, new.bwv, new.title, len(new))


@pytest.mark.parametrize("row", NOTES, ids=[f"{row.name} {row.bar}.{row.beat}" for row in NOTES])
def test_every_correction_fits_the_file_as_it_is(row, as_filed, right):
    before, after = as_filed[row.name], right[row.name]
    again = corrected(before, [row])  # a warning would be an error here
    changed = np.argwhere(again.pitches != before.pitches)
    assert len(changed)
    assert set(changed[:, 1]) == {VOICES.index(row.voice)}
    assert corrected(after) == after
    assert row.reason.endswith(".")


@pytest.mark.parametrize("name", sorted({row.name for row in NOTES}))
def test_parallels_and_impossible_notes_vanish_and_none_come(name, as_filed, right):
    before, after = as_filed[name], right[name]
    assert parallels(after) <= parallels(before)
    wrong = ["parallel fifths", "parallel octaves", "range", "leap"]
    found = [faults(piece)["fault"].isin(wrong).sum() for piece in (before, after)]
    # the alto of BWV 159.5, bar 15, is the one that breaks another rule: a seventh that leaps
    assert found[1] < found[0]


def test_bwv_268_has_the_bass_that_everybody_else_prints(right):
    piece = right["bwv268"]
    notes = [tuple(note) for note in piece.notes(3).tolist() if 52 <= note[0] < 60]
    assert notes == [(52, 2, 55), (54, 2, 54), (56, 4, 52)]
    assert piece.notation.spelling[52:60, 3].tolist() == [1, 1, 6, 6, 4, 4, 4, 4]
    assert parallels(piece) == 0


def test_the_tune_of_bwv_39_7_is_that_of_bachs_other_settings(right):
    def phrase(name, number):
        piece = right[name]
        ends = np.flatnonzero(piece.fermatas & ~np.append(piece.fermatas[1:], False)) + 1
        notes = piece.notes(0)
        within = notes[(notes[:, 0] >= ends[number - 1]) & (notes[:, 0] < ends[number]), 2]
        return (within - within[-1]).tolist()

    assert phrase("bwv39.7", 4) == phrase("bwv32.6", 4) == phrase("bwv25.6", 4)


def test_exchanged_voices_keep_their_notes_and_their_onsets(as_filed, right):
    before, after = as_filed["bwv330"], right["bwv330"]
    where = slice(12, 16)
    assert np.array_equal(before.pitches[where, [1]], after.pitches[where, [2]])
    assert np.array_equal(before.onsets[where, 1], after.onsets[where, 2])
    assert np.array_equal(before.onsets[where, 2], after.onsets[where, 1])
    assert np.array_equal(before.notation.spelling[where, 1], after.notation.spelling[where, 2])


def test_a_corrected_key_has_the_signature_of_the_page_and_the_last_bass_note_for_its_tonic(right):
    for row in KEYS:
        piece = right[row.name]
        assert piece.key == row.right
        assert key_signature(row.right) == piece.notation.keys[0].fifths
        assert piece.notes(3)[-1, 2] % 12 == tonic_and_mode(row.right)[0]


def test_the_exact_edition_is_left_alone(jsb_corpus, jsb_archive):
    assert load_corpus("jsb", path=jsb_archive, errata=True) == jsb_corpus
    assert load_corpus("jsb", path=jsb_archive, errata=False) == jsb_corpus


def test_the_table_is_for_reading():
    table = read_errata()
    assert len(table) == len(errata())
    assert table["reason"].str.len().min() > 10


HELD = Chorale([[72, 67, 64, 48]] * 8, name="mine", time_signature="4/4")


def row(**changes):
    return Erratum("mine", "1", "2", "alto", "G4:4", "F4:2 E4:2", "an example")._replace(**changes)


def test_notes_are_replaced_with_their_onsets():
    struck = replace(HELD, onsets=np.arange(8)[:, None] % 4 == np.zeros(4))
    new = corrected(struck, [row()])
    assert new.pitches[:, 1].tolist() == [67, 67, 67, 67, 65, 65, 64, 64]
    assert np.flatnonzero(new.onsets[:, 1]).tolist() == [0, 4, 6]
    assert corrected(HELD, [row()]).onsets is None


def test_a_file_that_is_right_already_stays_and_another_one_is_left_with_a_warning():
    once = corrected(HELD, [row()])
    assert corrected(once, [row()]) == once
    with pytest.warns(UserWarning, match="mine, bar 1, beat 2, alto: not corrected"):
        assert corrected(HELD, [row(has="A4:4")]) == HELD


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voice": "oboe"}, "voice 'oboe': expected one of soprano"),
        ({"bar": "9"}, "mine has no bar 9"),
        ({"right": "F4:2"}, "expected equal lengths"),
        ({"has": "H4:4"}, "note 'H4:4': expected name, octave and sixteenths"),
    ],
)
def test_a_row_that_makes_no_sense_is_an_error(changes, message):
    with pytest.raises(ValueError, match=message):
        corrected(HELD, [row(**changes)])
