"""Forms drawn from those of Bach's training pieces."""

import pytest

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
        (form.phrases, form.fermatas, form.pickup) for form in map(Form.of, music21_corpus.train)
    }
    for seed in range(20):
        form = draw_form(seed=seed)
        assert (form.phrases, form.fermatas, form.pickup) in known


def test_what_no_piece_has_is_refused():
    with pytest.raises(ValueError, match="5/4"):
        draw_form(time_signature="5/4")
    with pytest.raises(ValueError, match="lydian"):
        draw_form(mode="lydian")
