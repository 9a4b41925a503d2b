"""compose: whole chorales in a form, within the rules, steered by the shipped critic."""

import numpy as np
import pytest

from chorale_utils import VOICE_RANGES, Form, compose, ends_on_tonic, load_critic

FORM = Form((16, 16), (4, 8), "g minor", "4/4")


@pytest.fixture(scope="module")
def pieces():
    return compose(FORM, count=3, seed=1, particles=8)


def test_pieces_have_the_form_that_was_asked_for(pieces):
    for piece in pieces:
        assert (len(piece), piece.key, piece.time_signature) == (32, "g minor", "4/4")
        assert piece.fermatas.nonzero()[0].tolist() == [*range(12, 16), *range(24, 32)]
        assert piece.onsets is not None


def test_pieces_end_on_the_tonic_and_keep_ranges_and_order_of_voices(pieces):
    assert ends_on_tonic(pieces).all()
    low, high = np.array(VOICE_RANGES).T
    for piece in pieces:
        sung = np.where(piece.pitches > 0, piece.pitches, low)
        assert (sung >= low).all() and (sung <= high).all()
        assert (np.diff(piece.pitches.astype(int), axis=1) <= 0).all()


def test_the_critic_decides_which_candidates_go_on(pieces):
    class Indifferent(type(load_critic())):
        def next_step(self, state, chord, form):
            share, state = super().next_step(state, chord, form)
            return 0 * share, state

    shrug = Indifferent(load_critic().patterns)
    others = compose(FORM, count=3, seed=1, particles=8, critic=shrug)
    assert any((one.pitches != other.pitches).any() for one, other in zip(pieces, others))


def test_a_length_makes_phrases_of_two_bars():
    piece = compose(steps=40, seed=2, particles=2)[0]
    assert len(piece) == 40
    assert piece.fermatas.nonzero()[0].tolist() == [*range(32, 40)]
    assert piece.key is not None
    with pytest.raises(ValueError, match="a form and steps 40: expected one or the other"):
        compose(FORM, steps=40)


def test_words_are_sung():
    form = Form.from_words("Nun dan-ket al-le Gott\nmit Her-zen, Mund und Hän-den", "G major")
    piece = compose(form, seed=3, particles=2)[0]
    texts = [word.text for word in piece.notation.words]
    assert texts[:3] == ["Nun", "dan", "ket"] and len(texts) == 13
    struck = np.flatnonzero(piece.onsets[:, 0])
    assert [word.step for word in piece.notation.words] == struck.tolist()


def test_no_critic_is_shipped_for_other_models():
    with pytest.raises(FileNotFoundError, match="no critic is shipped for 'chord_gru': expected"):
        load_critic("chord_gru")


def test_phrases_end_with_the_cadences_that_were_asked_for():
    cadences = ("half", "deceptive", "plagal", "perfect authentic")
    form = Form((16,) * 4, (4,) * 4, "F major", "4/4", cadences=cadences)
    classes = form.cadence_classes()
    for piece in compose(form, count=3, seed=5, particles=8):
        assert [int(piece.pitches[end - 1, 3]) % 12 for end in (16, 32, 48, 64)] == [0, 2, 5, 5]
        step, voice = np.nonzero(~classes.all(axis=-1))
        assert classes[step, voice, piece.pitches[step, voice] % 12].all()
        assert (piece.pitches[step, voice] > 0).all()
    given = np.full((64, 4), -1)
    given[15, 0] = 65  # F over the dominant
    with pytest.raises(ValueError, match="does not fit the cadence"):
        compose(form, seed=5, particles=2, given=given)
