"""Writing chorales: what is asked for is kept, chance is honest, and the same seed is the same
piece."""

from types import SimpleNamespace

import numpy as np
import pytest

from chorale_utils import (
    VOICE_RANGES,
    generate,
    harmonize,
    load_model,
    note_probs,
    notes_per_second,
)
from chorale_utils.encoding import VOCABULARY, tokens_to_notes
from chorale_utils.models.saving import PRETRAINED
from chorale_utils.writing import generation


def test_notes_are_drawn_with_the_models_own_probabilities(die):
    model = die(t10=0.5, t20=0.3, t30=0.15, t1=0.05)
    pitches = np.stack([piece.pitches for piece in generate(model, count=40, steps=50, seed=1)])
    values, counts = np.unique(pitches, return_counts=True)
    assert values.tolist() == [0, *tokens_to_notes([10, 20, 30])]
    expected = pitches.size * np.array([0.05, 0.5, 0.3, 0.15])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3, (
        "chi-square of 3 degrees, one in a thousand"
    )


@pytest.mark.parametrize("temperature, expected", [(0.5, 0.8), (1.0, 2 / 3), (2.0, 0.586)])
def test_temperature_divides_the_logits(die, temperature, expected):
    model = die(t10=2 / 3, t20=1 / 3)
    pitches = np.stack(
        [piece.pitches for piece in generate(model, 40, steps=50, temperature=temperature, seed=1)]
    )
    assert (pitches == tokens_to_notes([10])[0]).mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
@pytest.mark.parametrize("transpositions", [(0,), (-2, 0, 1)])
def test_coldest_writing_is_the_likeliest_note_of_the_model_that_re_reads_everything(
    small_models, name, transpositions
):
    model, low, high = small_models[name], -min(transpositions), max(transpositions)
    beginning = np.array([[72, 67, 64, 48], [71, 67, 62, 43]])
    for given in (None, beginning):
        piece = generate(
            model, steps=12, temperature=1e-4, seed=0, given=given, transpositions=transpositions
        )[0]
        probs = note_probs(model, piece.pitches, transpositions=transpositions)
        probs[..., 0] = 0  # the end is not offered where a length is asked for,
        probs[..., 2 : 2 + low] = 0  # nor is a note that cannot be heard in all transpositions
        probs[..., VOCABULARY - high :] = 0
        written = slice(0 if given is None else 2, None)
        np.testing.assert_array_equal(
            tokens_to_notes(probs.argmax(axis=-1))[written], piece.pitches[written]
        )


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
def test_the_same_transposition_twice_is_that_transposition_once(small_models, name):
    twice, once = (
        generate(small_models[name], count=2, steps=20, seed=5, transpositions=transpositions)
        for transpositions in [(0, 0), (0,)]
    )
    for one, other in zip(twice, once):
        np.testing.assert_array_equal(one.pitches, other.pitches)


def test_notes_are_drawn_with_the_mean_of_the_probabilities_in_all_transpositions(die):
    model = die(t10=0.6, t20=0.4)  # five semitones lower, these stand for the tokens 15 and 25
    pitches = np.stack(
        [
            piece.pitches
            for piece in generate(model, count=40, steps=50, seed=1, transpositions=(0, -5))
        ]
    )
    values, counts = np.unique(pitches, return_counts=True)
    assert values.tolist() == tokens_to_notes([10, 15, 20, 25]).tolist()
    expected = pitches.size * np.array([0.3, 0.3, 0.2, 0.2])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3, (
        "chi-square of 3 degrees, one in a thousand"
    )


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 70])
def test_a_length_asked_for_changes_nothing_but_where_chord_gru_stops(small_chord_gru, steps):
    longer = generate(small_chord_gru, count=2, steps=100, seed=3)
    for piece, beginning in zip(generate(small_chord_gru, count=2, steps=steps, seed=3), longer):
        np.testing.assert_array_equal(piece.pitches, beginning.pitches[:steps])


def test_chord_gru_goes_on_from_unusual_beginnings(small_chord_gru, unusual_pieces):
    for name, given in unusual_pieces.items():
        piece = generate(small_chord_gru, given=given, steps=max(64, len(given)), seed=1)[0]
        assert len(piece) == max(64, len(given)), name
        np.testing.assert_array_equal(piece.pitches[: len(given)], given, err_msg=name)


def test_fixed_notes_are_kept_and_a_beginning_is_gone_on_from(small_note_gru, music21_corpus):
    given = music21_corpus.valid[0].pitches[:40].astype(int)
    soprano_only = given.copy()
    soprano_only[:, 1:] = -1
    harmonised = generate(small_note_gru, given=soprano_only, seed=1)[0]
    np.testing.assert_array_equal(harmonised.pitches[:, 0], given[:, 0])
    assert len(harmonised) == 40
    continued = generate(small_note_gru, given=given, steps=60, seed=1)[0]
    np.testing.assert_array_equal(continued.pitches[:40], given)
    assert len(continued) == 60


def test_what_is_written_depends_on_the_beginning(small_note_gru, music21_corpus):
    one, other = (
        generate(
            small_note_gru, given=music21_corpus.valid[k].pitches[:16].astype(int), steps=32, seed=1
        )[0]
        for k in (0, 1)
    )
    assert not np.array_equal(one.pitches[16:], other.pitches[16:])


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"count": 0}, "count 0"),
        ({"temperature": 0}, "temperature 0: expected a number from 0.0001 up"),
        ({"temperature": 1e-40}, "temperature 1e-40"),
        ({"temperature": float("inf")}, "temperature inf"),
        ({"temperature": float("nan")}, "temperature nan"),
        ({"steps": 0}, "steps 0"),
        ({"given": np.zeros((4, 3), int)}, r"given of shape \(4, 3\)"),
        ({"given": np.full((4, 4), 60.0)}, "type float64"),
        ({"given": np.full((4, 4), 90)}, "note 90 at step 0, soprano"),
        ({"given": np.full((9, 4), 60), "steps": 8}, "given has 9 steps"),
        ({"transpositions": ()}, "no transpositions"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(small_note_gru, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate(small_note_gru, **options)


def test_the_best_of_several_is_kept_and_the_first_of_them_is_the_only_one_otherwise(
    small_note_gru,
):
    seen = []

    def brightest(chorales):
        seen.append([piece.pitches.tolist() for piece in chorales])
        return np.array([piece.pitches[:, 0].mean() for piece in chorales])

    once = generate(small_note_gru, count=2, steps=20, seed=4)
    best = generate(small_note_gru, count=2, steps=20, seed=4, best_of=3, judge=brightest)
    assert [len(written) for written in seen] == [6]
    for number in range(2):
        three = seen[0][3 * number : 3 * number + 3]
        assert once[number].pitches.tolist() == three[0] and len(set(map(str, three))) == 3
        assert best[number].pitches.tolist() == max(
            three, key=lambda piece: np.mean([chord[0] for chord in piece])
        )
    assert best.report["grade"].tolist() == [piece.pitches[:, 0].mean() for piece in best]
    assert (
        [piece.name for piece in best]
        == list(best.report.index)
        == ["generated-0000", "generated-0001"]
    )


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"particles": 0}, "particles 0: expected 1 or more"),
        ({"best_of": 0}, "best_of 0: expected 1 or more"),
        (
            {"best_of": 2, "judge": lambda chorales: np.zeros(1)},
            r"grades of shape \(1,\): expected the judge to return one number",
        ),
        ({"ranges": [(60, 81)]}, r"ranges of shape \(1, 2\): expected \(4, 2\)"),
        (
            {"ranges": {"treble": (60, 81)}},
            r"ranges\['treble'\] \(60, 81\): expected keys among soprano",
        ),
        (
            {"ranges": {"alto": (74, 52)}},
            "range 74..52 of the alto: expected the lowest note first",
        ),
        (
            {"ranges": {"bass": (0, 20)}},
            "range 0..20 of the bass: .* at least one of the notes 31..87",
        ),
    ],
)
def test_rules_that_are_none_are_refused_in_words(small_note_gru, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate(small_note_gru, steps=4, **options)


def test_voice_ranges_are_bachs_extremes(jsb_corpus):
    notes = np.concatenate(
        [
            piece.pitches
            for part in (jsb_corpus.train, jsb_corpus.valid, jsb_corpus.test)
            for piece in part
        ]
    )
    assert VOICE_RANGES == tuple((voice[voice > 0].min(), voice.max()) for voice in notes.T)


def test_notes_of_all_voices_and_pieces_are_counted_and_the_first_time_is_not(
    small_note_gru, monkeypatch
):
    written, clock = [], iter([10.0, 12.0])
    monkeypatch.setattr(
        generation, "generate", lambda *args, **how: written.append(generate(*args, **how))
    )
    monkeypatch.setattr(
        generation,
        "time",
        SimpleNamespace(
            perf_counter=lambda: next(clock) if written else pytest.fail("compiling is timed")
        ),
    )
    assert notes_per_second(small_note_gru, count=3, steps=5) == 4 * 3 * 5 / 2
    assert len(written) == 2 and written[0] == written[1]


# First calls


TUNE = np.repeat([72, 74, 76, 72], 4)


def test_a_model_may_be_given_by_its_name_or_path(tune):
    model = load_model("note_gru")
    written = generate(model, steps=8, seed=1)[0]
    setting = harmonize(model, tune, particles=2, seed=1)[0]
    for name in ("note_gru", PRETRAINED / "note_gru.keras"):
        assert generate(name, steps=8, seed=1)[0] == written
        assert harmonize(name, tune, particles=2, seed=1)[0] == setting
    assert notes_per_second("note_gru", steps=2) > 0


def test_a_judge_of_continuations_sees_their_bars(small_note_gru, tune):
    def judge(pieces):
        assert all(piece.key == "C major" and piece.pickup == 4 for piece in pieces)
        return np.zeros(len(pieces))

    generate(small_note_gru, given=tune, steps=40, best_of=2, judge=judge, seed=1)


@pytest.mark.parametrize("write", [generate, lambda model, **how: harmonize(model, TUNE, **how)])
@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"count": 0}, "count 0: expected 1 or more"),
        ({"count": "four"}, "count 'four': expected 1 or more, a whole number"),
        ({"count": 2.5}, "count 2.5: expected 1 or more, a whole number"),
        ({"particles": "8"}, "particles '8': expected 1 or more"),
        ({"best_of": None}, "best_of None: expected 1 or more"),
        ({"temperature": "hot"}, "temperature 'hot': expected a number from 0.0001 up"),
        ({"temperature": None}, "temperature None: expected a number"),
        ({"seed": 1.5}, "seed 1.5: expected a whole number from 0 up, or None"),
        ({"seed": -1}, "seed -1: expected a whole number from 0 up"),
        ({"seed": "1"}, "seed '1': expected a whole number"),
        ({"transpositions": 3}, "transpositions 3: expected a list of whole numbers"),
        ({"transpositions": [0.5]}, "transpositions of type float64: expected whole numbers"),
        ({"judge": "grade"}, "judge 'grade': expected a function"),
        ({"ranges": {"alto": ("E3", "high")}}, "note 'high': expected a MIDI number, or a name"),
    ],
)
def test_what_is_no_number_is_refused_in_words(small_note_gru, write, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        write(small_note_gru, **options)


@pytest.mark.parametrize("steps", ["64", 64.5, -3, [64]])
def test_a_length_that_is_none_is_refused_in_words(small_note_gru, steps):
    with pytest.raises(ValueError, match=r"steps .*: expected 1 or more, a whole number"):
        generate(small_note_gru, steps=steps)


def test_what_is_no_model_is_refused_in_words():
    with pytest.raises(FileNotFoundError, match="'chord-gru': expected one of the shipped models"):
        generate("chord-gru")
    with pytest.raises(TypeError, match="expected a ChoraleModel"):
        harmonize(None, TUNE)
