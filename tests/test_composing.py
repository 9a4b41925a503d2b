"""compose: whole chorales in a form, within the rules, steered by the shipped critic."""

import numpy as np
import pytest

from chorale_utils import (
    VOICE_RANGES,
    Form,
    compose,
    draw_form,
    ends_on_tonic,
    expand_repeats,
    load_chorale,
    load_critic,
    write_midi,
    write_score,
)
from chorale_utils.encoding import SCORE_VOCABULARY
from chorale_utils.sound.audio import step_times

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


BAR_FORM = {
    "phrases": (16, 16, 16, 16, 32),
    "fermatas": (4, 8, 4, 8, 4),
    "key": "g minor",
    "time_signature": "4/4",
    "repeats": (0, 1, 0, 1, 4),
}


@pytest.fixture(scope="module")
def write(small_phrase_gru):
    def written(form, **how):
        how = {"particles": 1, "critic": False, "seed": 1} | how
        return compose(form, model=small_phrase_gru, **how)[0]

    return written


def signs(piece):
    return {bar.stop: bar.repeat_end for bar in piece.notation.bars if bar.repeat_end}


@pytest.mark.parametrize("pickup", [0, 4])
def test_a_bar_form_is_written_with_a_repeat_sign_and_sung_twice(write, pickup):
    form = Form(**BAR_FORM, pickup=pickup)
    piece = write(form)
    assert len(piece) == 64 and signs(piece) == {32: 2}
    assert not any(bar.repeat_begin for bar in piece.notation.bars)  # as in Bach's chorales
    assert piece.fermatas.tolist() == form.written().under_fermata().tolist()
    lengths = [bar.steps for bar in piece.notation.bars]
    assert lengths == ([4, 16, 12, 4, 16, 12] if pickup else [16, 16, 16, 16])
    sung = expand_repeats(piece)
    assert len(sung) == len(form)
    np.testing.assert_array_equal(sung.pitches[:32], sung.pitches[32:64])  # A A B
    np.testing.assert_array_equal(sung.pitches[64:], piece.pitches[32:])
    assert sung.fermatas.tolist() == form.under_fermata().tolist()


def test_a_divided_bar_keeps_its_number_and_its_place_in_the_metre(write):
    before, after = write(Form(**BAR_FORM, pickup=4)).notation.bars[2:4]
    assert (before.number, before.offset, before.stop) == (2, 0, 32)
    assert (after.number, after.offset, after.steps) == (2, 12, 4)


def test_a_piece_in_bar_form_keeps_its_sign_in_a_file(write, tmp_path):
    piece = write(Form(**BAR_FORM, pickup=4))
    read = load_chorale(write_score(piece, tmp_path / "piece.musicxml"))
    assert read.notation.bars == piece.notation.bars
    np.testing.assert_array_equal(read.pitches, piece.pitches)
    assert len(load_chorale(write_midi(piece, tmp_path / "p.mid", repeats="played"))) == 96


def test_a_piece_in_bar_form_sounds_as_long_as_it_is_sung(write):
    piece = write(Form(**BAR_FORM))
    assert step_times(piece, 60)[-1] == step_times(expand_repeats(piece), 60)[-1] > 24


def test_words_of_both_stollen_are_two_verses_under_the_same_notes(write):
    words = (("Nun", "dan-", "ket"), ("al-", "le", "Gott"))
    other = (("der", "gro-", "ße"), ("Din-", "ge", "tut"))
    last = (("hal-", "le-", "lu-", "ja"),)
    form = Form(**BAR_FORM, words=words + other + last)
    piece = write(form)
    assert signs(piece) == {32: 2}
    told = [(word.step, word.verse, word.text, word.syllabic) for word in piece.notation.words]
    assert told[:4] == [
        (0, 1, "Nun", "single"),
        (0, 2, "der", "single"),
        (4, 1, "dan", "begin"),
        (4, 2, "gro", "begin"),
    ]
    assert told[10:14] == [
        (24, 1, "Gott", "single"),
        (24, 2, "tut", "single"),
        (32, 1, "hal", "begin"),
        (36, 1, "le", "middle"),
    ]
    assert np.flatnonzero(piece.onsets[:, 0]).tolist() == sorted({word[0] for word in told})
    out = write(Form(**BAR_FORM, words=words + (("o",), ("du",)) + last))
    assert len(out) == 96 and not out.notation.has_repeats
    assert {word.verse for word in out.notation.words} == {1}


def test_a_stollen_that_is_not_whole_bars_is_written_out(write):
    piece = write(Form(**BAR_FORM | {"phrases": (16, 20, 16, 20, 32)}))
    assert len(piece) == 104 and piece.notation is None
    np.testing.assert_array_equal(piece.pitches[:36], piece.pitches[36:72])


@pytest.mark.parametrize(
    "what",
    [
        {"given": np.full((96, 4), -1)},
        {"allowed": np.ones((96, 4, SCORE_VOCABULARY), bool)},
        {"pitch_classes": np.ones((96, 4, 12), bool)},
    ],
    ids=lambda what: next(iter(what)),
)
def test_a_stollen_is_written_out_where_something_is_given_by_step(write, what):
    piece = write(Form(**BAR_FORM), **what)
    assert len(piece) == 96 and piece.notation is None


def test_pieces_of_drawn_forms_have_repeat_signs_and_fit_their_forms(small_phrase_gru):
    forms = [draw_form(seed=seed) for seed in range(8)]
    pieces = compose(forms, 8, seed=1, model=small_phrase_gru, particles=1, critic=False)
    repeated = [piece.notation is not None and piece.notation.has_repeats for piece in pieces]
    assert repeated == [form.stollen > 0 for form in forms] and len(set(repeated)) == 2
    assert [len(expand_repeats(piece)) for piece in pieces] == list(map(len, forms))


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
