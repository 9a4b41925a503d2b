"""Chorales made of what was written: what is known of a beginning goes on."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import Chorale, generate
from chorale_utils.notation.page import Notation, Syllable, regular_bars


@pytest.mark.parametrize("options", [{}, {"best_of": 2, "judge": lambda some: range(len(some))}])
def test_a_chorale_is_gone_on_from_in_its_own_bars(small_note_gru, music21_corpus, options):
    bach = music21_corpus["bwv66.6"].excerpt(0, 20)
    assert bach.fermatas.any() and bach.pickup
    by_chorale = generate(small_note_gru, given=bach, count=2, steps=40, seed=1, **options)
    by_notes = generate(small_note_gru, given=bach.pitches, count=2, steps=40, seed=1, **options)
    for piece, notes in zip(by_chorale, by_notes, strict=True):
        np.testing.assert_array_equal(piece.pitches, notes.pitches)
        for known in ("title", "key", "time_signature", "pickup"):
            assert getattr(piece, known) == getattr(bach, known), known
        assert (piece.name, piece.bwv) == (notes.name, None), "it is not Bach's any more"
        np.testing.assert_array_equal(piece.fermatas[:20], bach.fermatas)
        assert not piece.fermatas[20:].any()
        np.testing.assert_array_equal(piece.struck[:20], bach.struck)
        np.testing.assert_array_equal(piece.struck[20:], notes.struck[20:])
    assert by_chorale.report.equals(by_notes.report)


def test_the_page_of_a_chorale_goes_on_with_it(small_note_gru, tune):
    page = Notation(regular_bars(28, "3/4", 4), words=(Syllable(0, 0, 1, "Ach"),))
    given = replace(tune, notation=page)
    piece = generate(small_note_gru, given=given, steps=50, seed=1)[0]
    assert piece.notation.bars == regular_bars(50, "3/4", 4) and piece.notation.words == page.words


def test_a_chorale_of_which_little_is_known_is_gone_on_from_too(small_note_gru):
    beginning = Chorale(np.tile([72, 67, 64, 48], (4, 1)))
    for given in (beginning, [beginning]):
        piece = generate(small_note_gru, given=given, steps=8, seed=1)[0]
        assert len(piece) == 8 and piece.onsets is None and piece.fermatas is None
        np.testing.assert_array_equal(piece.pitches[:4], beginning.pitches)
