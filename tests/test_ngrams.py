"""N-grams: what completes a pattern, and that neither the future nor the key counts."""

import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.form import Form, transpose_features
from chorale_utils.models.backend import keras
from chorale_utils.models.datasets import form_rows, score_with_ends
from chorale_utils.models.ngrams import KINDS, NONE, begin_reading, read_pieces, read_step


def codes(chords, form):
    """(steps, kinds) of chords (steps, 4) with a form (steps, 8), read one after the other."""
    memory, found = begin_reading(1), []
    for step in range(len(chords)):
        code, memory = read_step(memory, chords[step : step + 1], form[step : step + 1])
        found.append(keras.ops.convert_to_numpy(code)[0])
    return np.array(found)


@pytest.fixture(scope="module")
def passage(music21_corpus):
    chorale = music21_corpus.valid[0]
    chords = score_with_ends(chorale)[1:49].astype(np.int32)
    return chords, form_rows(chorale)[1:49].astype(np.int32)


def test_every_kind_of_pattern_is_found_somewhere(passage):
    found = codes(*passage)
    assert found.shape == (48, KINDS) and (found != NONE).any(axis=0).all()
    assert {code % KINDS for code in found[found != NONE]} == set(range(KINDS))


def test_no_pattern_knows_what_comes_later(passage):
    chords, form = passage
    changed = chords.copy()
    changed[30, 1] = 33  # the alto strikes another note
    before, after = codes(chords, form), codes(changed, form)
    np.testing.assert_array_equal(before[:30], after[:30])
    assert (before[30] != after[30]).sum() > 10


def test_patterns_are_the_same_in_every_key(passage):
    chords, form = passage
    moved = np.where(chords > 1, chords + 3, chords)
    np.testing.assert_array_equal(codes(moved, transpose_features(form, 3)), codes(chords, form))


def test_a_note_that_goes_on_begins_no_pattern_and_one_struck_again_does():
    chord, form = [72, 67, 64, 48], Form((8,), (4,), "C major", "4/4")
    onsets = np.zeros((8, 4), bool)
    onsets[0] = True
    held = Chorale([chord] * 8, onsets=onsets, key="C major", time_signature="4/4")
    onsets = onsets.copy()
    onsets[4] = True
    again = Chorale([chord] * 8, onsets=onsets, key="C major", time_signature="4/4")
    both = [read_pieces([piece]) for piece in (held, again)]
    assert [(each.step == 2).sum() for each in both][0] == [
        (each.step == 2).sum() for each in both
    ][1]
    assert (both[1].step == 4).sum() > (both[0].step == 4).sum() + 12
    assert len(form) == 8


def test_pieces_side_by_side_are_read_as_one_by_one(music21_corpus):
    pieces = [piece for piece in music21_corpus.valid if len(piece) < 260][:3]
    together = read_pieces(pieces)
    assert together.lengths.tolist() == [len(piece) for piece in pieces]
    for number, piece in enumerate(pieces):
        alone = read_pieces([piece])
        mine = together.piece == number
        assert sorted(zip(together.step[mine], together.code[mine])) == sorted(
            zip(alone.step, alone.code)
        )
