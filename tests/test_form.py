"""Forms: what they say of chorales and words, and what a model reads of them."""

import numpy as np
import pytest

from chorale_utils import Chorale
from chorale_utils.form import (
    FEATURES,
    GROUPS,
    TONIC,
    Form,
    heard_key,
    syllables,
    transpose_features,
)

BAR_FORM = Form((16, 32, 16, 32, 20), (4, 8, 4, 8, 4), "g minor", "4/4", 4, (0, 1, 0, 1, 4))


def column(form, name, steps=None):
    return form.features(steps or len(form) + 2)[:, list(FEATURES).index(name)]


def test_features_stay_within_their_sizes_in_all_training_pieces(music21_corpus):
    rows = np.concatenate(
        [Form.of(chorale).features(len(chorale) + 1) for chorale in music21_corpus.train]
    )
    assert (rows.max(axis=0) < list(FEATURES.values())).all()
    assert sum(len(names) for names in GROUPS.values()) == len(FEATURES)


def test_a_form_of_which_nothing_is_known_is_zeros():
    assert not Form().features(7).any() and len(Form()) == 0


def test_distances_count_down_to_the_fermata_and_up_from_the_last_one():
    form = Form((8, 8), (4, 2))
    assert column(form, "before_fermata").tolist()[:8] == [5, 4, 3, 2, 1, 1, 1, 1]
    assert column(form, "left").tolist() == [8, 7, 6, 5, 4, 3, 2, 1] * 2 + [0, 0]
    assert column(form, "since").tolist()[8:12] == [1, 2, 3, 4]
    assert column(form, "phrases_left").tolist() == [2] * 8 + [1] * 8 + [4, 4]
    assert column(form, "phrase").tolist() == [1] * 8 + [2] * 8 + [0, 0]


def test_a_phrase_without_a_fermata_is_told_by_its_end_alone():
    form = Form((8, 8), (0, 4))
    assert not column(form, "before_fermata")[:8].any() and column(form, "left")[:8].all()


def test_places_agree_in_bars_that_begin_with_and_without_an_upbeat():
    with_upbeat, without = (Form(time_signature="4/4", pickup=pickup) for pickup in (4, 0))
    np.testing.assert_array_equal(
        column(with_upbeat, "place", 36)[4:], column(without, "place", 32)
    )
    three, four, six = (
        column(Form(time_signature=metre), "place", 48) for metre in ("3/4", "4/4", "6/8")
    )
    assert len(np.unique(four)) == 16 and len(np.unique(three)) == 12 and len(np.unique(six)) == 4
    assert not set(three) & set(four)


def test_transposing_features_moves_the_tonic_and_nothing_else():
    rows = BAR_FORM.features(10)
    for semitones in range(-5, 7):
        moved = transpose_features(rows, semitones)
        assert (moved[:, TONIC] == 1 + (7 + semitones) % 12).all()
        np.testing.assert_array_equal(
            np.delete(moved, TONIC, axis=1), np.delete(rows, TONIC, axis=1)
        )
    assert not transpose_features(Form().features(4), 3).any()


def test_form_of_a_chorale_has_its_length_fermatas_and_bars(music21_corpus):
    for chorale in music21_corpus.valid:
        form = Form.of(chorale)
        if form.phrases is not None:
            assert len(form) == len(chorale)
            np.testing.assert_array_equal(form.under_fermata(), chorale.fermatas)
        assert (form.pickup, form.time_signature) == (chorale.pickup, chorale.time_signature)


def test_repeated_phrases_of_a_chorale_are_found_and_no_others(music21_corpus):
    found = 0
    for chorale in music21_corpus.train:
        form = Form.of(chorale)
        source = form.copied_from()
        again = np.flatnonzero(source >= 0)
        np.testing.assert_array_equal(chorale.pitches[again], chorale.pitches[source[again]])
        found += len(again) > 0
    assert found > 50


def test_steps_that_are_repeated_name_their_source():
    source = BAR_FORM.copied_from()
    assert (source[:48] == -1).all() and (source[96:] == -1).all()
    assert source[48:96].tolist() == list(range(48))


@pytest.mark.parametrize(
    "name, key",
    [
        ("bwv297", "d minor"),  # the file says a minor, and it ends on D: Dorian
        ("bwv135.6", "e phrygian"),
        ("bwv2.6", "d phrygian"),
        ("bwv370", "G major"),  # Mixolydian, with the signature of C major
    ],
)
def test_the_key_of_a_modal_piece_is_the_one_that_it_ends_in(music21_corpus, name, key):
    assert heard_key(music21_corpus[name]) == key


def test_most_keys_are_those_that_the_file_states(music21_corpus):
    agree = np.mean([heard_key(each) == each.key for each in music21_corpus.train])
    assert 0.7 < agree < 0.85


def test_without_a_last_triad_the_stated_key_is_heard():
    silent = Chorale(np.zeros((4, 4), int), key="A major")
    assert heard_key(silent) == "A major"
    assert heard_key(Chorale([[72, 62, 61, 48]], key="A major")) == "A major"
    assert heard_key(Chorale([[72, 62, 61, 48]])) is None


@pytest.mark.parametrize(
    "key, tonic, mode",
    [
        ("f# minor", 6, "minor"),
        ("d dorian", 2, "minor"),
        ("G mixolydian", 7, "major"),
        ("e phrygian", 4, "phrygian"),
        ("b- minor", 10, "minor"),
    ],
)
def test_church_modes_are_heard_by_their_third_or_as_phrygian(key, tonic, mode):
    form = Form(key=key)
    assert (form.tonic, form.mode) == (tonic, mode)


def test_lines_of_words_become_phrases_of_whole_bars():
    form = Form.from_words(
        "O Haupt voll Blut und Wun-den,\n\nvoll Schmerz und vol-ler Hohn,", key="e phrygian"
    )
    assert form.pickup == 4 and form.phrases == (32, 32) and form.fermatas == (8, 12)
    assert form.words[0][-2:] == ("Wun-", "den,")
    assert np.flatnonzero(form.onsets()).tolist() == [
        *range(0, 28, 4),
        *range(32, 32 + 24, 4),
    ]


def test_lines_that_begin_with_a_stress_have_no_upbeat():
    assert Form.from_words("Je-su, mei-ne Freu-de").pickup == 0
    assert Form.from_words("Je-su, mei-ne Freu-de", upbeat=True).pickup == 4


def test_words_in_three_beats_fill_bars_of_three():
    form = Form.from_words("Lo-be den Her-ren, den mäch-ti-gen Kö-nig der Eh-ren", "F major", "3/4")
    assert form.phrases == (60,) and form.fermatas == (8,)


def test_syllables_are_parted_by_hyphens_and_marks_alone_are_none():
    assert syllables("Wa-chet auf - ruft") == ["Wa-", "chet", "auf", "ruft"]


@pytest.mark.parametrize(
    "wrong, what",
    [
        ({"phrases": (8, 0)}, "1 or more"),
        ({"phrases": (8,), "fermatas": (9,)}, "expected at most the length"),
        ({"phrases": (8,), "fermatas": (1, 1)}, "one for each of 1"),
        ({"phrases": (8, 4), "repeats": (0, 0)}, "same length"),
        ({"phrases": (8, 8), "repeats": (1, 1)}, "earlier phrase of the same length"),
        ({"key": "H major"}, "tonic and mode"),
        ({"time_signature": "4/4", "pickup": 16}, "less than a bar"),
    ],
)
def test_parts_that_do_not_fit_are_named(wrong, what):
    with pytest.raises(ValueError, match=what):
        Form(**wrong)


IN_BAR_FORM = {
    "phrases": (32, 16, 32, 16, 64),
    "fermatas": (4, 8, 4, 8, 4),
    "key": "g minor",
    "time_signature": "4/4",
    "pickup": 4,
    "repeats": (0, 1, 0, 1, 4),
}


def test_the_stollen_is_written_once():
    form = Form(**IN_BAR_FORM, cadences=("half", None, "half", None, "perfect authentic"))
    assert form.stollen == 2
    written = form.written()
    assert written.phrases == (32, 16, 64) and written.fermatas == (4, 8, 4)
    assert written.cadences == ("half", None, "perfect authentic")
    assert (written.key, written.time_signature, written.pickup) == ("g minor", "4/4", 4)
    assert written.repeats == (0, 1, 2) and written.written() == written


@pytest.mark.parametrize(
    "sung, written",
    [
        ((0, 0, 0), (0, 0)),  # the third is still a copy
        ((0, 1, 0, 1, 0), (0, 1, 0)),  # the Abgesang ends with the first phrase
        ((0, 1, 0, 1, 4, 5, 4), (0, 1, 2, 3, 2)),
        ((0, 1, 1, 0, 1, 1, 6), (0, 1, 1, 3)),
        ((0, 0), (0,)),
    ],
)
def test_later_phrases_still_repeat_what_they_did(sung, written):
    form = Form((16,) * len(sung), time_signature="4/4", repeats=sung)
    once = form.written()
    assert once.repeats == written and len(form) - len(once) == 16 * form.stollen > 0


@pytest.mark.parametrize(
    "changed",
    [
        {"repeats": None},
        {"repeats": (0, 1, 0, 3, 4)},
        {"repeats": (0, 1, 2, 1, 4)},
        {"time_signature": None},
        {"time_signature": "5/4", "pickup": 0},  # 48 sixteenths are no whole bars of 20
        {"phrases": (32, 20, 32, 20, 64)},
        {"fermatas": (4, 8, 4, 4, 4)},
        {"cadences": ("half", None, "plagal", None, None)},
        {"words": (("a", "b"), ("c",), ("d",), ("e",), ("f",))},
    ],
)
def test_what_a_repeat_sign_cannot_say_is_written_out(changed):
    form = Form(**IN_BAR_FORM | changed)
    assert form.stollen == 0 and form.written() is form


def test_words_that_cannot_be_set_are_refused():
    with pytest.raises(ValueError, match="no words"):
        Form.from_words("\n - \n")
    with pytest.raises(ValueError, match="whole quarters"):
        Form.from_words("A-men", time_signature="3/8")


def test_words_without_hyphens_are_parted_in_their_language():
    assert syllables("Nun danket alle Gott", "de_DE") == ["Nun", "dan-", "ket", "al-", "le", "Gott"]
    form = Form.from_words("Now thank we all our God\nwith heart and hands and voices", "F major")
    parted = Form.from_words("wonderful grace", "F major", language="en_GB")
    assert [len(line) for line in form.words] == [6, 6]
    assert len(parted.words[0]) == 4
    with pytest.raises(ValueError, match="language 'xx': expected one that pyphen knows"):
        syllables("Nun danket", "xx")


def test_cadences_say_which_chords_close_the_phrases():
    form = Form((16, 16), (4, 8), "D major", cadences=("half", "perfect authentic"))
    classes = form.cadence_classes()
    assert classes[:12].all() and classes[16:22].all()
    assert [np.flatnonzero(voice).tolist() for voice in classes[12]] == [[1, 4, 9]] * 3 + [[9]]
    assert [np.flatnonzero(voice).tolist() for voice in classes[22]] == [[1, 4, 7, 9]] * 3 + [[9]]
    assert [np.flatnonzero(voice).tolist() for voice in classes[31]] == [
        [2],
        [2, 6, 9],
        [2, 6, 9],
        [2],
    ]
    assert Form((16,), (4,), "D major").cadence_classes() is None


def test_a_deceptive_cadence_ends_on_the_sixth_degree_of_the_mode():
    for key, sixth in (("C major", 9), ("c minor", 8)):
        classes = Form((16,), (4,), key, cadences=("deceptive",)).cadence_classes()
        assert np.flatnonzero(classes[15, 3]).tolist() == [sixth]
        assert np.flatnonzero(classes[11, 3]).tolist() == [7]


@pytest.mark.parametrize(
    ("key", "cadence", "message"),
    [
        ("C major", "perfect", "cadence 'perfect': expected one of perfect authentic"),
        (None, "half", "a half cadence without a key"),
        ("C major", "Phrygian", "a Phrygian cadence in C major: expected a minor key"),
    ],
)
def test_cadences_that_there_are_not_are_refused(key, cadence, message):
    with pytest.raises(ValueError, match=message):
        Form((16,), (4,), key, cadences=(cadence,))


def test_lines_without_letters_are_no_phrases():
    form = Form.from_words("1.\nNun dan-ket\n\n-\nal-le Gott", "G major")
    assert form.words == (("Nun", "dan-", "ket"), ("al-", "le", "Gott"))
    with pytest.raises(ValueError, match="no words"):
        Form.from_words("1.\n--")
