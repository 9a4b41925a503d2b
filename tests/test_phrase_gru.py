"""phrase_gru: what it may know, that it is the same step by step, and that it writes what it is
asked for."""

import numpy as np
import pytest
from conftest import SMALL_CHORD_GRU, shaken

from chorale_utils import (
    VOICE_RANGES,
    Chorale,
    Notation,
    Syllable,
    generate,
    harmonize,
    note_probs,
)
from chorale_utils.encoding import (
    END_TOKEN,
    GOES_ON,
    LOWEST_NOTE,
    SCORE_VOCABULARY,
    VOCABULARY,
    score_to_tokens,
    tokens_to_score,
)
from chorale_utils.form import Form, transpose_features
from chorale_utils.models.backend import keras
from chorale_utils.models.datasets import phrase_crops, whole_scores
from chorale_utils.models.evaluation import (
    negative_log_likelihood,
    score_negative_log_likelihood,
)
from chorale_utils.models.phrase_gru import phrase_gru
from chorale_utils.models.saving import load_model, save_model
from chorale_utils.models.training import fit_phrases

# What is repeated is not whole bars, so that it is written out.
FORM = Form((16, 36, 16, 36), (4, 8, 4, 8), "g minor", "4/4", 4, (0, 1, 0, 1))


@pytest.fixture(scope="module")
def small(small_phrase_gru):
    return small_phrase_gru


@pytest.fixture(scope="module")
def chorale(music21_corpus):
    return music21_corpus.valid[0].excerpt(0, 40)


@pytest.fixture(scope="module")
def read(chorale):
    tokens = score_to_tokens(chorale.pitches, chorale.struck).astype(np.int32)
    return tokens[None], Form.of(chorale).features(len(chorale))[None].astype(np.int32)


def test_tokens_of_a_score_come_back_as_notes_and_strikes(music21_corpus):
    for chorale in music21_corpus.valid:
        tokens = score_to_tokens(chorale.pitches, chorale.struck)
        pitches, struck = tokens_to_score(tokens)
        np.testing.assert_array_equal(pitches, chorale.pitches)
        np.testing.assert_array_equal(struck, chorale.struck)
        goes_on = tokens >= VOCABULARY
        np.testing.assert_array_equal(
            (tokens[1:] - GOES_ON)[goes_on[1:]] + LOWEST_NOTE - 2, chorale.pitches[:-1][goes_on[1:]]
        )


def test_probabilities_sum_to_one_and_only_the_last_note_can_go_on(small, read):
    tokens, form = read
    probs = np.exp(small.log_probs(tokens, form))
    assert probs.shape == (1, 40, 4, SCORE_VOCABULARY)
    np.testing.assert_allclose(probs.sum(axis=-1), 1, atol=1e-5)
    going_on = probs[0, 1:, :, VOCABULARY:] > 0
    assert (going_on.sum(axis=-1) <= 1).all()
    sounding = np.where(tokens >= VOCABULARY, tokens - GOES_ON, tokens)[0]
    step, voice, note = np.nonzero(going_on)
    np.testing.assert_array_equal(note + 2, sounding[step, voice])
    assert not probs[0, 0, :, VOCABULARY:].any()


def test_no_note_knows_itself_or_what_comes_later(small, read):
    tokens, form = read
    known = np.array(small.log_probs(tokens, form))
    for step, voice in ((0, 0), (3, 1), (20, 2), (38, 3)):
        changed = tokens.copy()
        changed[0, step, voice] = 30
        later = np.array(small.log_probs(changed, form))
        np.testing.assert_allclose(later[:, :step], known[:, :step], atol=1e-5)
        np.testing.assert_allclose(
            later[:, step, : voice + 1], known[:, step, : voice + 1], atol=1e-5
        )
        assert not np.allclose(later[:, step + 1 :], known[:, step + 1 :], atol=1e-5)


@pytest.mark.parametrize("told", [True, False])
def test_one_note_at_a_time_is_the_same_as_all_at_once(small, read, told):
    tokens, form = read
    form = form if told else None
    whole = np.array(small.log_probs(tokens, form))
    state, previous = small.begin(1, tokens.shape[1], form), np.zeros(1, np.int32)
    for step in range(tokens.shape[1]):
        for voice in range(4):
            logits, state = small.next_note(state, voice, keras.ops.convert_to_tensor(previous))
            here = np.array(keras.ops.log_softmax(logits))
            np.testing.assert_allclose(
                np.maximum(here, -50), np.maximum(whole[:, step, voice], -50), atol=2e-5
            )
            previous = tokens[:, step, voice]


@pytest.mark.parametrize("steps", [1, 2, 9])
def test_a_beginning_read_at_once_leaves_the_state_that_notes_leave(small, read, steps):
    tokens, form = read
    state, previous = small.begin(1, tokens.shape[1], form), np.zeros(1, np.int32)
    for step in range(steps):
        for voice in range(4):
            _, state = small.next_note(state, voice, keras.ops.convert_to_tensor(previous))
            previous = tokens[:, step, voice]
    at_once = small.read(small.begin(1, tokens.shape[1], form), tokens[:, :steps])
    both = [small.next_note(each, 0, previous) for each in (state, at_once)]
    np.testing.assert_allclose(*(np.array(logits) for logits, _ in both), atol=1e-5)
    for name, part in both[0][1].items():
        np.testing.assert_allclose(np.array(part), np.array(both[1][1][name]), atol=1e-5)


def test_each_part_of_the_form_is_heard(small, read):
    tokens, form = read
    told = np.array(small.log_probs(tokens, form))
    for column in range(form.shape[-1]):
        other = form.copy()
        other[..., column] = np.where(other[..., column] == 1, 2, 1)
        assert not np.allclose(np.array(small.log_probs(tokens, other)), told, atol=1e-4), column


def test_without_absolute_notes_a_transposed_piece_is_the_same_to_it(read):
    """With the weights of absolute notes left out, and of the tonic, only degrees remain."""
    model = shaken(phrase_gru(**SMALL_CHORD_GRU))
    for weight in model.weights:
        if weight.path.split("/")[-1] in ("own", "any", "pitch_class", "note"):
            weight.assign(0 * weight)
        if "tonic" in weight.path:
            weight.assign(0 * weight)
        if weight.path.endswith("bias") and weight.shape[0] == VOCABULARY + 27:
            weight.assign(keras.ops.concatenate([0 * weight[:VOCABULARY], weight[VOCABULARY:]]))
    tokens, form = read
    moved = tokens + 2 * (tokens > 1)
    probs = np.exp(model.log_probs(tokens, form))
    again = np.exp(model.log_probs(moved, transpose_features(form, 2)))
    struck = probs[..., 10:50] / probs[..., 10:50].sum(-1, keepdims=True)
    np.testing.assert_allclose(
        again[..., 12:52] / again[..., 12:52].sum(-1, keepdims=True), struck, atol=1e-4
    )


def test_note_probs_add_up_struck_and_held(small, chorale, read):
    probs = np.exp(small.log_probs(*read))[0]
    notes = note_probs(small, chorale)
    np.testing.assert_allclose(notes[..., :2], probs[..., :2], atol=1e-5)
    np.testing.assert_allclose(
        notes[..., 2:], probs[..., 2:VOCABULARY] + probs[..., VOCABULARY:], atol=1e-5
    )
    assert note_probs(small, chorale.pitches).shape == (40, 4, 59)


def test_a_score_costs_what_its_notes_cost_and_its_strikes_on_top(small, chorale):
    notes = negative_log_likelihood(small, [chorale])
    assert score_negative_log_likelihood(small, [chorale]) > notes


def test_crops_carry_the_form_of_their_place_and_transposition(music21_corpus):
    chorales = music21_corpus.train[:12]
    (chords, form), targets, weights = next(iter(phrase_crops(chorales, 64, 16, unknown={})))
    chords, form, targets = (np.array(each) for each in (chords, form, targets))
    known = {}
    for chorale in chorales:
        for shift in range(-5, 7):
            tokens = score_to_tokens(chorale.pitches, chorale.struck).astype(int)
            tokens += shift * (tokens > 1)
            rows = transpose_features(Form.of(chorale).features(len(chorale)), shift)
            for start in range(len(tokens) - 15):
                here = known.setdefault(tokens[start : start + 16].tobytes(), [])
                here.append(rows[start : start + 16])  # a phrase that is repeated comes twice
    for passage, told in zip(chords, form):
        rows = known[passage[1:17].astype(int).tobytes()]
        assert any(np.array_equal(told[:16], each) for each in rows)
    np.testing.assert_array_equal(targets, np.minimum(chords[:, 1:], VOCABULARY))


def test_what_is_to_be_unknown_is_zero_and_nothing_else(music21_corpus):
    crops = phrase_crops(music21_corpus.train[:12], 64, 16, unknown={"key": 1.0, "metre": 0.0})
    (_, form), _, _ = next(iter(crops))
    form = np.array(form)
    assert not form[..., -2:].any() and form[:, 0, 0].all()
    with pytest.raises(ValueError, match="metre, phrases, key"):
        phrase_crops(music21_corpus.train[:12], unknown={"words": 0.5})


def test_whole_scores_count_each_note_once(music21_corpus):
    chorales = music21_corpus.valid[:5]
    total = sum(float(np.sum(weights)) for _, _, weights in whole_scores(chorales, 2))
    assert total == 4 * sum(map(len, chorales))


def test_interrupted_training_ends_with_the_same_weights(music21_corpus, tmp_path):
    train, valid = music21_corpus.train[:6], music21_corpus.valid[:2]

    def trained(folder, *stops):
        for epochs in stops:
            keras.utils.set_random_seed(1)
            model = phrase_gru(**SMALL_CHORD_GRU)
            callback = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, last=epochs: _stop(epoch + 1 == last)
            )
            try:
                history = fit_phrases(
                    model,
                    train,
                    valid,
                    3,
                    folder,
                    steps=32,
                    batch_size=8,
                    tensorboard=False,
                    verbose=0,
                    callbacks=[callback],
                )
            except KeyboardInterrupt:
                continue
        return model.get_weights(), history

    def _stop(now):
        if now:
            raise KeyboardInterrupt

    whole, history = trained(tmp_path / "whole", None)
    again, _ = trained(tmp_path / "again", 2, None)
    assert history["nats"].iloc[-1] < history["nats"].iloc[0]
    for one, other in zip(whole, again):
        np.testing.assert_array_equal(one, other)


def test_a_saved_model_comes_back_the_same(small, read, tmp_path):
    save_model(small, tmp_path / "small.keras")
    np.testing.assert_array_equal(
        load_model(tmp_path / "small.keras").log_probs(*read), small.log_probs(*read)
    )


def test_free_pieces_have_the_form_that_they_were_given(small):
    pieces = generate(small, count=3, form=FORM, seed=1, progress=False)
    for piece in pieces:
        assert len(piece) == len(FORM) and piece.key == "g minor" and piece.pickup == 4
        np.testing.assert_array_equal(piece.fermatas, FORM.under_fermata())


@pytest.mark.parametrize("particles", [1, 6])
def test_repeated_phrases_are_repeated(small, particles):
    for piece in generate(small, 2, form=FORM, particles=particles, seed=1, progress=False):
        np.testing.assert_array_equal(piece.pitches[52:], piece.pitches[:52])
        np.testing.assert_array_equal(piece.struck[53:], piece.struck[1:52])


def test_pieces_of_different_forms_are_the_same_alone_and_side_by_side(small):
    forms = [FORM, Form((24, 40), (4, 4), "D major", "3/4"), Form((40,), (4,))]
    together = generate(small, 3, form=forms, seed=4, particles=3, progress=False)
    assert [len(piece) for piece in together] == [104, 64, 40]
    alone = generate(small, 1, form=FORM, seed=4, particles=3, progress=False)
    np.testing.assert_array_equal(alone[0].pitches, together[0].pitches)


def test_without_a_form_one_is_drawn_and_without_a_length_it_is_the_forms(small):
    first, second = generate(small, 2, seed=2, progress=False)
    again = generate(small, 2, seed=2, progress=False)
    assert first.key and first.fermatas[-1] and len(first) != len(second)
    assert [first, second] == list(again)
    assert len(generate(small, steps=48, seed=2, progress=False)[0]) == 48


def test_words_say_where_the_soprano_strikes(small):
    form = Form.from_words("Nun dan-ket al-le Gott\nmit Her-zen, Mund und Hän-den", "G major")
    piece = generate(small, form=form, seed=3, progress=False)[0]
    np.testing.assert_array_equal(piece.struck[:, 0], form.onsets())
    words = piece.notation.words
    assert [each.text for each in words][:4] == ["Nun", "dan", "ket", "al"]
    assert [each.syllabic for each in words][:3] == ["single", "begin", "end"]
    assert [each.step for each in words] == np.flatnonzero(form.onsets()).tolist()


def test_only_what_is_allowed_is_written(small):
    allowed = np.ones((len(FORM), 4, SCORE_VOCABULARY), bool)
    allowed[:, 3, 2:] = False
    allowed[:, 3, [19, 31, 19 + GOES_ON, 31 + GOES_ON]] = True  # the bass: C and no other note
    allowed[8, :, 59:] = False  # in step 8 nothing goes on
    piece = generate(small, form=FORM, allowed=allowed, seed=5, progress=False)[0]
    assert set(np.unique(piece.pitches[:, 3])) <= {0, 48, 60}
    assert (piece.struck[8] | (piece.pitches[8] == 0)).all()
    allowed[3, 2] = False
    with pytest.raises(ValueError, match="step 3, tenor: no token is allowed"):
        generate(small, form=FORM, allowed=allowed, progress=False)


def test_given_notes_are_kept_struck_or_held_as_they_are(small, chorale):
    given = np.full((40, 4), -1)
    given[:, 1] = chorale.pitches[:, 1]
    piece = generate(
        small, given=given, onsets=chorale.struck, particles=4, seed=1, progress=False
    )[0]
    np.testing.assert_array_equal(piece.pitches[:, 1], chorale.pitches[:, 1])
    np.testing.assert_array_equal(piece.struck[:, 1], chorale.struck[:, 1])


def test_a_melody_is_harmonised_in_its_own_form(small, music21_corpus):
    melody = music21_corpus.valid[0]
    setting = harmonize(small, melody, particles=3, seed=1, progress=False)[0]
    np.testing.assert_array_equal(setting.pitches[:, 0], melody.pitches[:, 0])
    np.testing.assert_array_equal(setting.struck[:, 0], melody.struck[:, 0])
    np.testing.assert_array_equal(setting.fermatas, melody.fermatas)


def melody_of(line, **about):
    """A Chorale in which only the soprano sings, a quarter for each note of the line."""
    pitches = np.zeros((4 * len(line), 4), int)
    pitches[:, 0] = np.repeat(line, 4)
    onsets = np.zeros(pitches.shape, bool)
    onsets[::4, 0] = True
    return Chorale(pitches, onsets=onsets, **about)


def test_the_other_voices_strike_where_the_melody_has_a_new_syllable():
    holding = shaken(phrase_gru(**SMALL_CHORD_GRU))
    for writer in holding.writers:  # notes go on wherever they may
        writer.bias.assign(
            writer.bias + 9 * (np.arange(writer.bias.shape[0]) == writer.bias.shape[0] - 1)
        )
    line, words = [72, 72, 74, 76, 74, 72], tuple(Syllable(step, 0, 1, "la") for step in (0, 8, 16))
    told, untold = (
        harmonize(holding, melody_of(line, notation=notation), particles=4, seed=1)[0]
        for notation in (Notation(words=words), None)
    )
    assert (told.struck | (told.pitches == 0))[[0, 8, 16]].all()
    assert not (untold.struck | (untold.pitches == 0))[[8, 16]].all()
    for setting in (told, untold):
        assert setting.struck[:, 0].nonzero()[0].tolist() == list(range(0, 24, 4))
    assert told.notation.words == words


def test_a_setting_ends_on_the_tonic_whatever_the_phrase_had_that_the_last_one_repeats(small):
    fermatas = np.zeros(48, bool)
    fermatas[[12, 13, 14, 15, 28, 29, 30, 31, 44, 45, 46, 47]] = True
    tune = melody_of([74, 76, 74, 72] * 3, key="C major", time_signature="4/4", fermatas=fermatas)
    assert Form.of(tune).repeats == (0, 0, 0)
    rules = {"crossing": True, "particles": 4, "progress": False}
    tonics = 0
    for seed in range(3):
        setting = harmonize(small, tune, seed=seed, **rules)[0]
        assert setting.pitches[-1, 3] % 12 == 0 and {*setting.pitches[-1] % 12} <= {0, 4, 7}
        np.testing.assert_array_equal(setting.pitches[16:32], setting.pitches[:16])
        np.testing.assert_array_equal(setting.pitches[32:44], setting.pitches[:12])
        tonics += setting.pitches[15, 3] % 12 == 0
    assert tonics < 3, "or there would have been nothing to change at the end"


def test_ranges_and_pitch_classes_hold_for_struck_and_held_notes(small):
    classes = np.ones((len(FORM), 4, 12), bool)
    classes[8:24, 3] = np.arange(12) == 2
    piece = generate(
        small, form=FORM, pitch_classes=classes, ranges=VOICE_RANGES, seed=3, progress=False
    )[0]
    within = piece.pitches[8:24, 3]
    assert np.isin(within[within > 0] % 12, [2]).all() and (within > 0).any()
    for voice, (low, high) in enumerate(VOICE_RANGES):
        notes = piece.pitches[:, voice]
        assert ((notes[notes > 0] >= low) & (notes[notes > 0] <= high)).all()


def test_a_beginning_is_gone_on_from_in_its_own_key_and_metre(small, chorale):
    for steps, length in ((64, 64), (None, None)):
        piece = generate(small, given=chorale, steps=steps, seed=1, progress=False)[0]
        assert len(piece) == length if length else len(piece) >= len(chorale) + 32
        np.testing.assert_array_equal(piece.pitches[: len(chorale)], chorale.pitches)
        np.testing.assert_array_equal(piece.struck[: len(chorale)], chorale.struck)
        assert (piece.key, piece.pickup) == (chorale.key, chorale.pickup)


def test_a_piece_that_outgrows_the_memory_is_read_alike_note_by_note_and_whole(
    small, read, monkeypatch
):
    tokens, form = read
    unlimited = np.array(small.log_probs(tokens, form))
    monkeypatch.setattr("chorale_utils.models.chord_reader.MEMORY", 12)
    whole = np.array(small.log_probs(tokens, form))
    state, previous = small.begin(1, tokens.shape[1], form), np.zeros(1, np.int32)
    assert state["keys"].shape[2] == 12
    for step in range(tokens.shape[1]):
        for voice in range(4):
            logits, state = small.next_note(state, voice, keras.ops.convert_to_tensor(previous))
            here = np.array(keras.ops.log_softmax(logits))
            np.testing.assert_allclose(
                np.maximum(here, -50), np.maximum(whole[:, step, voice], -50), atol=2e-5
            )
            previous = tokens[:, step, voice]
    assert not np.allclose(whole, unlimited, atol=1e-4), "or the memory would have no limit"


def test_memory_that_follows_resampling_once_a_step_is_that_of_each_note(small):
    often = phrase_gru(**SMALL_CHORD_GRU)
    often.set_weights(small.get_weights())
    often.memory = ()
    assert small.memory
    tune = melody_of([72, 74, 76, 74, 72, 71], key="C major")
    written = [
        harmonize(each, tune, 2, particles=8, seed=2, progress=False) for each in (small, often)
    ]
    assert (written[0].report["resamplings"] > 3).all(), "or nothing would have to follow"
    assert written[0] == written[1]


def test_what_does_not_fit_is_refused(small, small_chord_gru):
    with pytest.raises(ValueError, match="takes no form"):
        generate(small_chord_gru, form=FORM, progress=False)
    with pytest.raises(ValueError, match="one for each of 3"):
        generate(small, 3, form=[FORM, FORM], progress=False)
    with pytest.raises(ValueError, match="phrases are known"):
        generate(small, form=Form(key="C major"), progress=False)
    with pytest.raises(ValueError, match="a form sets the length"):
        generate(small, form=FORM, steps=12, progress=False)
    with pytest.raises(ValueError, match="a form of 104 steps and a melody of 8"):
        harmonize(small, np.full(8, 67), form=FORM, progress=False)
    with pytest.raises(ValueError, match="trains a PhraseGRU"):
        fit_phrases(small_chord_gru, [], [], 1, "nowhere")
    with pytest.raises(ValueError, match="writes no scores"):
        score_negative_log_likelihood(small_chord_gru, [])


@pytest.mark.parametrize("reads_form", [True, False])
def test_a_model_that_does_not_read_the_form_writes_alike_to_all(reads_form, tmp_path):
    shaken(phrase_gru(**SMALL_CHORD_GRU, reads_form=reads_form)).save(tmp_path / "model.keras")
    model = load_model(tmp_path / "model.keras")
    forms = [
        Form((16,), (held,), key, "4/4").features(16)[None].astype(int)
        for held, key in ((4, "a minor"), (8, "F major"))
    ]
    tokens = np.random.default_rng(0).integers(20, 40, (1, 16, 4))
    read = [np.array(model.log_probs(tokens, form)) for form in forms]
    assert np.allclose(*read) != reads_form
    first = [
        np.array(model.next_note(model.begin(1, 16, form), 0, np.array([END_TOKEN], np.int32))[0])
        for form in forms
    ]
    assert np.allclose(*first) != reads_form
