"""Writing chorales: what is asked for is kept, chance is honest, and the same seed is the same
piece."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from music21 import converter

from chorale_utils import (
    VOICE_RANGES,
    Chorale,
    generate,
    harmonize,
    load_model,
    note_probs,
    notes_per_second,
)
from chorale_utils.chorale import tonic_and_mode
from chorale_utils.encoding import END, VOCABULARY, tokens_to_notes
from chorale_utils.form import Form
from chorale_utils.models.backend import keras
from chorale_utils.models.critic import Critic
from chorale_utils.models.saving import PRETRAINED
from chorale_utils.notation.page import Notation, Syllable, regular_bars
from chorale_utils.writing import generation, particles as particle_filter


def test_same_seed_same_piece_whatever_is_written_beside_it(small_note_gru):
    alone = generate(small_note_gru, steps=40, seed=7)[0]
    beside = generate(small_note_gru, count=3, steps=40, seed=7)
    np.testing.assert_array_equal(alone.pitches, beside[0].pitches)
    assert not np.array_equal(beside[0].pitches, beside[1].pitches)
    assert not np.array_equal(alone.pitches, generate(small_note_gru, steps=40, seed=8)[0].pitches)
    assert [piece.name for piece in beside] == [
        "generated-0000",
        "generated-0001",
        "generated-0002",
    ]


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


@pytest.fixture
def ending(new_chord_gru):
    """A function that returns a new chord_gru, whose end is as likely as a number added to its
    logit says."""

    def ending(added):
        keras.utils.set_random_seed(3)
        model = new_chord_gru()
        for writer in model.writers:
            bias = np.array(writer.bias)
            bias[0] += added
            writer.bias.assign(bias)
        return model

    return ending


def test_chord_gru_ends_its_pieces_of_itself_each_at_a_time_of_its_own(ending):
    pieces = generate(ending(2), count=8, seed=2)
    assert len({len(piece) for piece in pieces}) > 2 and max(map(len, pieces)) < 640
    assert all(len(piece) == 0 or (piece.pitches >= 0).all() for piece in pieces)


@pytest.mark.parametrize(
    "how", [{}, {"particles": 6, "parallels": False, "transpositions": (0, 2)}]
)
def test_pieces_beside_it_that_end_sooner_or_later_change_nothing(ending, how):
    model = ending(-2)
    alone = generate(model, count=6, seed=2, **how)
    beside = generate(
        model, count=6, seed=2, best_of=2, judge=lambda pieces: -np.arange(len(pieces)), **how
    )  # the first
    assert len({-(-len(piece) // 32) for piece in alone}) > 2  # numbers of chunks
    for one, same in zip(alone, beside):
        np.testing.assert_array_equal(one.pitches, same.pitches)
    np.testing.assert_allclose(alone.report, beside.report.drop(columns="grade"), rtol=1e-4)


def test_a_piece_ends_where_the_model_ends_it_cut_to_whole_chords(die):
    ends_in_the_alto = die(t10=1.0, alto={"t10": 0.9, "t0": 0.1})
    lengths = [len(piece) for piece in generate(ends_in_the_alto, count=300, seed=3)]
    assert np.mean(lengths) == pytest.approx(
        9, abs=1.5
    )  # geometric: (1 - p) / p whole chords before the end
    assert min(lengths) == 0


def test_a_piece_that_finds_no_end_is_640_steps_long(die):
    assert len(generate(die(t10=1.0))[0]) == 640


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 200])
def test_a_length_asked_for_is_the_length(die, steps):
    assert [len(piece) for piece in generate(die(t10=0.5, t0=0.5), 2, steps=steps)] == [
        steps,
        steps,
    ]


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


def test_minus_one_in_given_is_free_and_not_the_end(small_note_gru):
    assert END == -1
    assert len(generate(small_note_gru, given=np.full((8, 4), -1), seed=0)[0]) == 8


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


def test_a_melody_harmonised_is_kept_with_all_that_is_known_of_it(small_chord_gru, music21_corpus):
    bach = music21_corpus["bwv66.6"]
    settings_ = harmonize(small_chord_gru, bach, count=2, particles=4, seed=1, temperature=0.9)
    assert (
        [setting.name for setting in settings_]
        == list(settings_.report.index)
        == ["harmonised-0000", "harmonised-0001"]
    )
    assert (settings_.report["transposed"] == 0).all()
    for setting in settings_:
        np.testing.assert_array_equal(setting.notes(0), bach.notes(0))
        np.testing.assert_array_equal(setting.fermatas, bach.fermatas)
        assert (setting.key, setting.time_signature, setting.pickup, setting.title) == (
            bach.key,
            bach.time_signature,
            bach.pickup,
            bach.title,
        )
        assert setting.bwv is None and not np.array_equal(setting.pitches[:, 3], bach.pitches[:, 3])


def test_a_voice_that_there_is_none_of_is_refused(small_note_gru):
    with pytest.raises(
        ValueError, match="voice 'treble': expected one of soprano, alto, tenor, bass"
    ):
        harmonize(small_note_gru, np.full(8, 70), voice="treble")


def test_a_judge_of_settings_sees_metre_and_key(small_note_gru, tune):
    def judge(settings_):
        assert all(setting.key == "C major" and setting.pickup == 4 for setting in settings_)
        return np.arange(len(settings_))

    assert harmonize(
        small_note_gru, tune, count=2, particles=2, best_of=2, judge=judge, seed=1
    ).report["grade"].tolist() == [1, 3]


def test_progress_is_shown_where_asked_for_and_on_a_terminal_where_it_takes_long(
    small_chord_gru, capsys, monkeypatch
):
    generate(small_chord_gru, steps=4, seed=1)
    generate(small_chord_gru, steps=4, seed=1, progress=False)
    assert capsys.readouterr().out == ""
    generate(small_chord_gru, steps=4, seed=1, progress=True)
    assert "4/4" in capsys.readouterr().out
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    generate(small_chord_gru, steps=4, seed=1)
    assert capsys.readouterr().out == "", "it takes less than some seconds"
    monkeypatch.setattr("chorale_utils.writing.generation.PATIENCE", 1e-9)
    generate(small_chord_gru, steps=4, seed=1)
    assert "4/4" in capsys.readouterr().out


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


@pytest.mark.parametrize("particles", [1, 4])
def test_any_number_of_pieces_of_any_length_is_written_after_compiling_once(
    new_phrase_gru, monkeypatch, particles
):
    model, traced, trace = new_phrase_gru(), [], particle_filter._write_chunk
    monkeypatch.setattr(
        particle_filter, "_write_chunk", lambda *chunk: traced.append(1) or trace(*chunk)
    )
    for count, phrases in ((1, 1), (3, 1), (2, 3)):
        form = Form((16,) * phrases, (4,) * phrases, "g minor", "4/4", 4)
        written = generate(model, count, form=form, particles=particles, seed=1, progress=False)
        assert [len(piece) for piece in written] == [16 * phrases] * count
    assert len(traced) == 1


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


def test_a_judge_of_continuations_sees_their_bars(small_note_gru, tune):
    def judge(pieces):
        assert all(piece.key == "C major" and piece.pickup == 4 for piece in pieces)
        return np.zeros(len(pieces))

    generate(small_note_gru, given=tune, steps=40, best_of=2, judge=judge, seed=1)


def test_ranges_may_be_named(small_note_gru):
    numbers = {"soprano": (60, 81), "bass": (38, 58)}
    names = {"soprano": ("C4", "A5"), "bass": ("D2", "B♭3")}
    by_number, by_name = (
        generate(small_note_gru, steps=16, seed=1, ranges=ranges)[0] for ranges in (numbers, names)
    )
    assert by_number == by_name


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


def test_options_that_harmonize_does_not_have_are_refused(small_note_gru):
    for option in ("steps", "given", "temprature"):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'"):
            harmonize(small_note_gru, TUNE, **{option: 8})


# Settings that a choir can sing


def syllables(*steps, melisma=False):
    return tuple(Syllable(step, 0, 1, "la", melisma=melisma) for step in steps)


@pytest.mark.parametrize("words, struck", [((), [0, 4, 8, 12]), (syllables(0, 8), [0, 8])])
def test_all_voices_are_struck_where_the_melody_has_a_new_syllable(small_chord_gru, words, struck):
    line, onsets = np.repeat([72, 72, 74, 72], 4), np.zeros((16, 4), bool)
    onsets[::4, 0] = True
    tune = Chorale(
        np.where(np.arange(4) == 0, line[:, None], 0), onsets=onsets, notation=Notation(words=words)
    )
    setting = harmonize(small_chord_gru, tune, particles=2, seed=1)[0]
    assert setting.struck[:, 0].nonzero()[0].tolist() == [0, 4, 8, 12]
    moved = np.vstack([np.ones((1, 4), bool), setting.pitches[1:] != setting.pitches[:-1]])
    for voice in (1, 2, 3):
        expected = set(struck) | set(moved[:, voice].nonzero()[0].tolist())
        sung = setting.pitches[:, voice] > 0
        assert setting.struck[:, voice].nonzero()[0].tolist() == [
            step for step in sorted(expected) if sung[step]
        ]


@pytest.mark.parametrize(
    "key, last, chord",
    [
        ("C major", 72, {0, 4, 7}),
        ("C major", 76, {0, 4, 7}),
        ("a minor", 69, {9, 1, 4}),  # Bach ends nine in ten so
        ("a minor", 72, {9, 0, 4}),
        ("a minor", 73, {9, 1, 4}),
        ("d dorian", 69, {2, 6, 9}),
    ],
)
def test_a_setting_ends_on_the_tonic_in_root_position(small_chord_gru, key, last, chord):
    line = np.repeat([72, 71, 74, last], 4)
    tune = Chorale(np.where(np.arange(4) == 0, line[:, None], 0), key=key)
    tonic = tonic_and_mode(key)[0]
    rules = {"crossing": True, "parallels": True}  # with them there may be no note left
    for setting in harmonize(small_chord_gru, tune, 3, particles=4, seed=1, **rules):
        assert {pitch % 12 for pitch in setting.pitches[-1] if pitch} <= chord
        assert setting.pitches[-1, 3] % 12 == tonic or setting.pitches[-1, 3] == 0
    free = harmonize(small_chord_gru, tune, 8, seed=1, tonic_ending=False, **rules)
    assert any(setting.pitches[-1, 3] % 12 != tonic for setting in free)


def test_a_piece_in_minor_ends_with_either_third_but_never_with_both(small_phrase_gru):
    form = Form((16,), (4,), "a minor", "4/4")
    pieces = generate(small_phrase_gru, 40, form=form, seed=1, particles=1, tonic_ending=True)
    chords = [{int(pitch) % 12 for pitch in piece.pitches[-1] if pitch} for piece in pieces]
    assert all(chord <= {9, 0, 1, 4} for chord in chords)
    assert any(0 in chord for chord in chords) and any(1 in chord for chord in chords)
    assert not any({0, 1} <= chord for chord in chords)


def test_a_melody_that_ends_on_no_note_of_the_tonic_is_left_its_own_ending(small_chord_gru):
    line = np.repeat([72, 74], 4)
    tune = Chorale(np.where(np.arange(4) == 0, line[:, None], 0), key="C major")
    settings = [
        harmonize(small_chord_gru, tune, particles=4, seed=1, tonic_ending=asked)[0]
        for asked in (True, False)
    ]
    np.testing.assert_array_equal(settings[0].pitches, settings[1].pitches)


def test_pitch_classes_hold_where_they_are_asked_for_and_nowhere_else(small_note_gru):
    classes = np.ones((40, 4, 12), bool)
    classes[8:12] = np.isin(np.arange(12), [2, 9])
    pieces = generate(small_note_gru, 4, steps=48, seed=3, pitch_classes=classes)
    heard = np.stack([piece.pitches for piece in pieces])
    within = heard[:, 8:12]
    assert np.isin(within[within > 0] % 12, [2, 9]).all()
    assert not np.isin(heard[:, 12:][heard[:, 12:] > 0] % 12, [2, 9]).all()
    for wrong in (classes[:, :3], classes.astype(int)):
        with pytest.raises(ValueError, match=r"pitch_classes of shape .*: expected bool"):
            generate(small_note_gru, steps=48, pitch_classes=wrong)


def test_what_does_not_fit_the_grid_is_refused_with_advice_that_harmonize_takes(
    small_note_gru, tmp_path
):
    triplets = converter.parse("tinynotation: 3/4 trip{c'8 d' e'} f'4 g'")
    with pytest.raises(ValueError, match="strict=False"):
        harmonize(small_note_gru, triplets, particles=1)
    setting = harmonize(small_note_gru, triplets, particles=1, strict=False)[0]
    assert len(setting) == 12


@pytest.mark.parametrize("voice", ["soprano", "bass"])
def test_all_voices_rest_where_the_melody_rests(small_chord_gru, voice):
    tune = [0, 60, 62, 60, 0, 64, 0, 60]
    lengths = [0.5, 1, 0.5, 1, 1, 1, 0.25, 1]
    setting = harmonize(
        small_chord_gru, tune, quarters=lengths, voice=voice, particles=4, seed=3, progress=False
    )[0]
    silent = np.repeat(tune, [int(4 * length) for length in lengths]) == 0
    np.testing.assert_array_equal(setting.pitches == 0, np.repeat(silent[:, None], 4, axis=1))
    again = np.flatnonzero(np.diff(silent.astype(int)) == -1) + 1
    assert setting.struck[again].all(), "they come in together"


def test_given_bars_before_and_after_change_nothing_for_the_free_ones(small_phrase_gru):
    piece = generate(small_phrase_gru, form=Form((64, 64, 64), (8, 8, 8), "g minor", "4/4"), seed=1)
    given, struck = piece[0].pitches.astype(int), piece[0].struck.copy()
    given[96:100, 1:] = -1
    # Were a voice held into step 100, every candidate would have to come upon this very note at
    # step 99, and where none did, the likelihood would say so.
    struck[100] = True
    how = {"given": given, "onsets": struck, "particles": 16, "progress": False}
    how["form"] = Form((64, 64, 64), (8, 8, 8), "g minor", "4/4")
    found = [generate(small_phrase_gru, seed=seed, **how) for seed in range(12)]
    for each in found:
        free = given == -1
        assert (each[0].pitches[~free] == given[~free]).all()
    written = {each[0].pitches[96:100].tobytes() for each in found}
    assert len(written) > 6, "twelve seeds write different bars"
    # the likelihood of all given notes is estimated, whichever were read with one candidate
    estimates = np.array([each.report["log_likelihood"].iloc[0] for each in found])
    assert estimates.std() < 0.02 * abs(estimates.mean())


@pytest.fixture(scope="module")
def critic():
    """A critic with an opinion of 200 patterns, by chance."""
    random = np.random.default_rng(0)
    return Critic.of(np.sort(random.choice(10_000, 200, replace=False)), random.normal(size=200), 0)


@pytest.mark.parametrize("free", [slice(96, 104), slice(0, 8), slice(184, 192), slice(21, 23)])
def test_under_a_critic_what_is_given_is_read_at_once_or_not_at_all_to_the_same_effect(
    small_phrase_gru, critic, monkeypatch, free
):
    form = Form((64, 64, 64), (8, 8, 8), "g minor", "4/4")
    given = np.resize([[70, 67, 62, 43], [72, 66, 62, 50], [74, 67, 58, 55]], (192, 4)).astype(int)
    onsets = np.ones(given.shape, bool)
    given[free, 1:] = -1
    how = {"form": form, "given": given, "onsets": onsets, "particles": 8, "critic": critic}
    how |= {"count": 3, "seed": 1, "progress": False}
    told = []
    written = generate(small_phrase_gru, **how | {"progress": lambda *steps: told.append(steps)})
    assert told[-1] == (193, 193)  # the end counts as a step
    monkeypatch.setattr(generation._Wishes, "known", lambda *_: None)
    note_by_note = generate(small_phrase_gru, **how)
    assert written == note_by_note
    assert len({piece.pitches.tobytes() for piece in written}) > 1
    for piece in written:
        assert (piece.pitches[given != -1] == given[given != -1]).all()
    for column in ("log_likelihood", "effective_sample_size"):
        np.testing.assert_allclose(written.report[column], note_by_note.report[column], rtol=1e-3)
    assert (written.report["effective_sample_size"] > 1).any()
    if free.stop + 40 < 192:
        later = given.copy()
        later[free.stop + 40 :, 0] += 2  # so far away that nothing of it is heard
        again = generate(small_phrase_gru, **how | {"given": later})
        np.testing.assert_array_equal(again[0].pitches[free], written[0].pitches[free])


def test_the_smallest_number_of_candidates_that_counted_is_told_wherever_it_was(small_phrase_gru):
    form = Form((64, 64, 64), (8, 8, 8), "g minor", "4/4")
    given = np.resize([[70, 67, 62, 43], [72, 66, 62, 50], [74, 67, 58, 55]], (192, 4)).astype(int)
    how = {"form": form, "onsets": np.ones(given.shape, bool), "particles": 8, "seed": 1}
    smallest = []
    for places in ([slice(8, 24)], [slice(8, 24), slice(128, 130)]):
        asked = given.copy()
        for free in places:
            asked[free, 1:] = -1
        smallest.append(generate(small_phrase_gru, given=asked, **how).report)
    assert (
        smallest[1]["effective_sample_size"].iloc[0] <= smallest[0]["effective_sample_size"].iloc[0]
    )
    assert smallest[0]["effective_sample_size"].iloc[0] < 8


def test_a_piece_beside_a_much_shorter_one_keeps_its_candidates_to_the_end(small_phrase_gru):
    short, long = (Form((32,) * phrases, (0,) * phrases, "C major", "4/4") for phrases in (1, 4))
    beside, alone = (
        generate(small_phrase_gru, 2, form=forms, particles=4, seed=1)
        for forms in ([short, long], [long, long])
    )
    np.testing.assert_array_equal(beside[1].pitches, alone[1].pitches)
    assert beside.report["log_likelihood"].iloc[1] == pytest.approx(
        alone.report["log_likelihood"].iloc[1], rel=1e-4
    )


def test_more_pieces_than_fit_side_by_side_are_the_same_and_progress_is_told_of_all(
    small_chord_gru, monkeypatch
):
    told = []
    how = {"steps": 40, "seed": 1, "particles": 4}
    together = generate(small_chord_gru, 5, progress=lambda *steps: told.append(steps), **how)
    assert told[-1][0] == told[-1][1]
    monkeypatch.setattr(generation, "SIDE_BY_SIDE", 8)
    told_in_groups = []
    apart = generate(small_chord_gru, 5, progress=lambda *so: told_in_groups.append(so), **how)
    assert [one.pitches.tobytes() for one in together] == [one.pitches.tobytes() for one in apart]
    assert told_in_groups[-1][0] == told_in_groups[-1][1] == 3 * told[-1][1]
    assert len(told_in_groups) > len(told)


def augmented_seconds(piece, tonic):
    """How many voices go between the sixth degree and the raised seventh."""
    pitches = piece.pitches.astype(int)
    before, after = pitches[:-1], pitches[1:]
    both = (before > 0) & (after > 0)
    low, high = np.minimum(before, after), np.maximum(before, after)
    return int((both & (high - low == 3) & ((low - tonic) % 12 == 8)).sum())


def leaping_sevenths(piece):
    """How often the seventh of a dominant seventh chord in root position leaps or rises."""
    count = 0
    for before, after in zip(piece.pitches[:-1].astype(int), piece.pitches[1:].astype(int)):
        above = (before - before[before > 0].min()) % 12 if before.any() else before
        chord = set(above[before > 0])
        if {4, 10} <= chord <= {0, 4, 7, 10}:
            falls = (before - after)[(before > 0) & (above == 10) & (after > 0)]
            count += int(((falls < 0) | (falls > 2)).sum())
    return count


def test_sevenths_fall_and_minor_has_no_augmented_seconds_where_that_is_asked(small_phrase_gru):
    form = Form((128,) * 4, (8,) * 4, "g minor", "4/4")
    how = {"count": 12, "form": form, "seed": 1, "progress": False}
    free = generate(small_phrase_gru, **how)
    kept = generate(small_phrase_gru, sevenths=False, augmented=False, **how)
    assert sum(augmented_seconds(piece, 7) for piece in free) > 20
    assert sum(leaping_sevenths(piece) for piece in free) > 3
    assert sum(augmented_seconds(piece, 7) for piece in kept) == 0
    assert sum(leaping_sevenths(piece) for piece in kept) == 0
