"""Nats per note, and where they are lost."""

import re

import numpy as np
import pytest

from chorale_utils import (
    Chorale,
    load_model,
    negative_log_likelihood,
    note_gru,
    note_log_probs,
    note_probs,
    transpose_probs,
)
from chorale_utils.models.backend import keras
from chorale_utils.models.evaluation import calibration, end_negative_log_likelihood, score_notes
from chorale_utils.models.model import ChoraleModel
from chorale_utils.models.saving import PRETRAINED


class KnowsNothing(ChoraleModel):
    """Every token is as likely as any other."""

    def log_probs(self, tokens, training=False):
        return keras.ops.zeros((*keras.ops.shape(tokens), 59)) - np.log(59.0)


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    return note_gru(width=10, layers=1)


def test_pieces_of_any_length_are_read_after_compiling_once():
    traced = []

    class Counts(KnowsNothing):
        def log_probs(self, tokens, training=False):
            traced.append(tokens)
            return super().log_probs(tokens, training)

    model = Counts()
    for steps in (4, 7, 12):
        assert note_probs(model, np.tile([72, 67, 64, 48], (steps, 1))).shape == (steps, 4, 59)
    assert len(traced) == 1


def test_a_model_that_wants_to_know_the_length_beforehand_is_told_how_to_ask_for_it():
    class Counts(KnowsNothing):
        def log_probs(self, tokens, training=False):
            return keras.ops.zeros((*tokens.shape, 59))

    with pytest.raises((TypeError, ValueError)) as refused:
        note_probs(Counts(), np.tile([72, 67, 64, 48], (4, 1)))
    assert "use keras.ops.shape" in "".join(refused.value.__notes__)


def test_whoever_knows_nothing_needs_ln_59_nats_a_note_and_for_the_end(music21_corpus):
    model = KnowsNothing()
    assert negative_log_likelihood(model, music21_corpus.valid[:5]) == pytest.approx(
        np.log(59), abs=1e-5
    )
    assert end_negative_log_likelihood(model, music21_corpus.valid[:5]) == pytest.approx(
        np.log(59), abs=1e-5
    )


def test_figure_is_the_mean_over_all_notes_of_all_pieces_however_they_are_batched(
    small, music21_corpus
):
    pieces = music21_corpus.valid[:5]
    by_piece = [note_log_probs(small, piece.pitches) for piece in pieces]
    expected = -sum(row.sum() for row in by_piece) / sum(row.size for row in by_piece)
    for batch_size in (1, 2, 5):
        assert negative_log_likelihood(small, pieces, batch_size=batch_size) == pytest.approx(
            expected, rel=1e-5
        )


def test_mc_dropout_is_a_mean_of_distributions_and_not_the_model_without_dropout(
    small, music21_corpus
):
    pitches = music21_corpus.valid[0].pitches[:16]
    probs = note_probs(small, pitches, mc_samples=4)
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5)
    assert not np.allclose(probs, note_probs(small, pitches), atol=1e-6)


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
def test_transpositions_give_the_mean_of_what_the_model_says_in_each_of_them(
    small, small_chord_gru, music21_corpus, name
):
    model, pitches = (
        {"note_gru": small, "chord_gru": small_chord_gru}[name],
        music21_corpus.valid[0].pitches[:16],
    )
    total = np.zeros((16, 4, 59))
    for semitones in (-2, 0, 5):
        total += transpose_probs(note_probs(model, pitches + semitones), -semitones)
    probs = note_probs(model, pitches, transpositions=(-2, 0, 5))
    np.testing.assert_allclose(probs, total / total.sum(axis=-1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5)
    assert not np.allclose(probs, note_probs(model, pitches), atol=1e-3)
    np.testing.assert_allclose(
        note_probs(model, pitches, transpositions=(0, 0)), note_probs(model, pitches), atol=1e-6
    )


def test_figure_and_table_in_transpositions_are_those_of_the_mean(small_chord_gru, music21_corpus):
    pieces = [Chorale(piece.pitches[:20], name=piece.name) for piece in music21_corpus.valid[:2]]
    transpositions = range(-1, 2)
    by_note = [
        note_log_probs(small_chord_gru, piece.pitches, transpositions=transpositions)
        for piece in pieces
    ]
    expected = -np.mean(by_note)
    assert negative_log_likelihood(
        small_chord_gru, pieces, transpositions=transpositions
    ) == pytest.approx(expected)
    table = score_notes(small_chord_gru, pieces, transpositions=transpositions)
    assert table["nats"].mean() == pytest.approx(expected)
    assert negative_log_likelihood(small_chord_gru, pieces) != pytest.approx(expected, abs=1e-4)


def test_table_of_notes_adds_up_to_the_figure_and_tells_moved_notes_and_places(
    small, music21_corpus
):
    pieces = music21_corpus.valid[:3]
    table = score_notes(small, pieces)
    assert len(table) == sum(4 * len(piece) for piece in pieces)
    assert table["nats"].mean() == pytest.approx(negative_log_likelihood(small, pieces), rel=1e-5)
    piece = pieces[0]
    rows = table[(table["piece"] == piece.name) & (table["voice"] == "tenor")]
    np.testing.assert_array_equal(rows["pitch"], piece.pitches[:, 2])
    np.testing.assert_array_equal(rows["moved"][1:], np.diff(piece.pitches[:, 2]) != 0)
    first_bar = rows["step"] == piece.pickup
    assert (rows["place"][first_bar] == 0).all()
    np.testing.assert_array_equal(table["correct"], table["guess"] == table["pitch"])


def test_calibration_counts_every_note_once(small, music21_corpus):
    table = score_notes(small, music21_corpus.valid[:2])
    bins = calibration(table)
    assert bins["notes"].sum() == len(table)
    assert (bins["accuracy"] * bins["notes"]).sum() == pytest.approx(table["correct"].sum())


@pytest.mark.parametrize(
    "broken, complaint",
    [
        (lambda model: negative_log_likelihood(model, []), "no chorales"),
        (
            lambda model: negative_log_likelihood(model, [Chorale(np.zeros((0, 4), int))]),
            "only empty ones",
        ),
        (lambda model: note_probs(model, np.full((3, 4), 60), mc_samples=-3), "mc_samples -3"),
        (lambda model: note_probs(model, np.full((3, 4), 90)), "note 90 at step 0, soprano"),
        (lambda model: note_probs(model, np.full((3, 3), 60)), r"expected \(steps, 4\)"),
        (lambda model: note_probs(model, np.full((3, 4), -1)), "note -1"),
        (
            lambda model: note_probs(model, np.full((3, 4), 60), transpositions=[]),
            "no transpositions",
        ),
        (
            lambda model: note_probs(model, np.full((3, 4), 86), transpositions=[0, 2]),
            r"note 86 .*\+2 semitones",
        ),
        (
            lambda model: note_log_probs(model, np.full((3, 4), 33), transpositions=[-3]),
            r"note 33 .*-3 semitones",
        ),
        (
            lambda model: negative_log_likelihood(
                model, [Chorale(np.full((3, 4), 60))], transpositions=[40]
            ),
            r"\+40 semitones",
        ),
        (
            lambda model: score_notes(model, [Chorale(np.full((3, 4), 60))], transpositions=[]),
            "no transpositions",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_in_words(small, broken, complaint):
    with pytest.raises(ValueError, match=complaint):
        broken(small)


def test_shipped_classic_reaches_058_on_the_exact_edition(jsb_corpus):
    model = load_model("note_gru")
    assert negative_log_likelihood(model, jsb_corpus.valid) <= 0.58
    assert negative_log_likelihood(model, jsb_corpus.test) <= 0.58


@pytest.mark.parametrize(
    "transpositions, column, must", [([0], 0, 0.340), (range(-2, 3), 1, 0.318)]
)
def test_shipped_strong_model_reaches_what_its_card_says_on_the_exact_edition(
    jsb_corpus, transpositions, column, must
):
    card = (PRETRAINED / "chord_gru.md").read_text(encoding="utf-8")
    said = float(
        re.search(r"^\| valid \| (.+) \|$", card, re.MULTILINE).group(1).split(" | ")[column]
    )
    figure = negative_log_likelihood(
        load_model("chord_gru"), jsb_corpus.valid, transpositions=transpositions
    )
    assert figure == pytest.approx(said, abs=5e-4) and figure <= must


def test_silence_and_single_steps_can_be_judged(small):
    for pitches in (np.zeros((1, 4), int), np.full((1, 4), 60), np.full((640, 4), 60)):
        assert np.isfinite(negative_log_likelihood(small, [Chorale(pitches)]))


def test_one_chorale_is_a_list_of_one(small, music21_corpus):
    piece = music21_corpus.valid[0]
    for judge in (negative_log_likelihood, end_negative_log_likelihood):
        assert judge(small, piece) == judge(small, [piece]) == judge(small, iter([piece]))
    assert score_notes(small, piece).equals(score_notes(small, [piece]))
    for look in (note_probs, note_log_probs):
        np.testing.assert_array_equal(look(small, piece), look(small, piece.pitches))


def test_a_model_may_be_given_by_its_name_or_path(music21_corpus):
    piece = music21_corpus.valid[0].excerpt(0, 16)
    model = load_model("note_gru")
    expected = negative_log_likelihood(model, piece), end_negative_log_likelihood(model, piece)
    for name in ("note_gru", PRETRAINED / "note_gru.keras"):
        assert negative_log_likelihood(name, piece) == expected[0]
        assert end_negative_log_likelihood(name, piece) == expected[1]
        np.testing.assert_array_equal(note_probs(name, piece), note_probs(model, piece))
        np.testing.assert_array_equal(note_log_probs(name, piece), note_log_probs(model, piece))
        assert score_notes(name, piece).equals(score_notes(model, piece))


def test_transpositions_may_be_read_only_once(small, music21_corpus):
    pieces = [piece.excerpt(0, 8) for piece in music21_corpus.valid[:3]]
    assert negative_log_likelihood(
        small, pieces, transpositions=iter((0, 1)), batch_size=1
    ) == negative_log_likelihood(small, pieces, transpositions=(0, 1), batch_size=1)


@pytest.mark.parametrize(
    "broken, error, complaint",
    [
        (
            lambda model, piece: negative_log_likelihood(model, piece, batch_size=0),
            ValueError,
            "batch_size 0: expected 1 or more",
        ),
        (
            lambda model, piece: note_probs(model, piece, mc_samples="4"),
            ValueError,
            "mc_samples '4': expected 0",
        ),
        (
            lambda model, piece: calibration(score_notes(model, piece), bins=0),
            ValueError,
            "bins 0: expected 1 or more",
        ),
        (
            lambda model, piece: negative_log_likelihood(model, piece.pitches),
            TypeError,
            "expected a Chorale, or a list of them",
        ),
        (lambda model, piece: note_probs(3, piece), TypeError, "model 3: expected a ChoraleModel"),
        (
            lambda model, piece: score_notes("bach", piece),
            FileNotFoundError,
            "'bach': expected",
        ),
        (lambda model, piece: note_probs(model, 60), ValueError, r"of shape \(\)"),
    ],
)
def test_what_cannot_be_asked_of_a_model_is_refused_in_words(small, broken, error, complaint):
    with pytest.raises(error, match=complaint):
        broken(small, Chorale(np.full((3, 4), 60)))
