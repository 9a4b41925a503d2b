"""Forms drawn from those of Bach's training pieces."""

import numpy as np
import pytest

from chorale_utils import Bar, Chorale, Notation, expand_repeats
from chorale_utils.corpus.forms import FORMS, draw_form, write_forms
from chorale_utils.form import Form


def test_the_shipped_forms_are_those_of_the_training_pieces(music21_corpus, tmp_path):
    path = write_forms(music21_corpus.train, tmp_path / "forms.csv")
    assert path.read_text() == FORMS.read_text()


def test_the_same_seed_draws_the_same_form_and_others_others():
    assert draw_form(seed=3) == draw_form(seed=3)
    assert len({draw_form(seed=seed) for seed in range(20)}) > 10


def test_a_drawn_form_has_what_was_asked_for():
    for seed in range(20):
        form = draw_form(seed=seed, key="g minor", time_signature="3/4")
        assert form.key == "g minor" and form.time_signature == "3/4" and form.fermatas[-1] > 0
        assert draw_form(seed=seed).mode in ("major", "minor")
        assert draw_form(seed=seed, mode="phrygian").mode == "phrygian"


def test_structures_are_bachs_own(music21_corpus):
    known = {
        (form.phrases, form.fermatas, form.pickup, form.repeats)
        for form in (Form.of(expand_repeats(chorale)) for chorale in music21_corpus.train)
    }
    for seed in range(20):
        form = draw_form(seed=seed)
        assert (form.phrases, form.fermatas, form.pickup, form.repeats) in known


def test_drawn_chorales_are_in_bar_form_about_as_often_as_bachs(music21_corpus):
    bachs = [Form.of(expand_repeats(chorale)) for chorale in music21_corpus.train]
    bachs = [form for form in bachs if form.fermatas]
    drawn = [draw_form(seed=seed) for seed in range(400)]
    shares = [np.mean([form.stollen > 0 for form in forms]) for forms in (bachs, drawn)]
    assert 0.4 < shares[0] < 0.6 and abs(shares[1] - shares[0]) < 0.08


def test_repeat_signs_of_a_piece_are_in_its_form_as_repeats(tmp_path):
    bars = (Bar(0, 32, "4/2", repeat_end=2), Bar(32, 32, "4/2", number=2))
    tune = np.array([[72, 67, 64, 48], [74, 67, 62, 55]]).repeat(32, axis=0)
    held = np.arange(64) % 32 >= 24
    piece = Chorale(tune, fermatas=held, time_signature="4/2", notation=Notation(bars))
    rows = write_forms([piece], tmp_path / "forms.csv").read_text().splitlines()
    assert rows[1].split(",")[-3:] == ["32 32 32", "8 8 8", "0 0 2"]


def test_what_no_piece_has_is_refused():
    with pytest.raises(ValueError, match="5/4"):
        draw_form(time_signature="5/4")
    with pytest.raises(ValueError, match="lydian"):
        draw_form(mode="lydian")
