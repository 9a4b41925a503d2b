"""Writing chorales: what is asked for is kept, chance is honest, and the same seed is the same
piece."""

from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from music21 import corpus

from chorale_utils import (
    VOICE_RANGES,
    VOICES,
    Chorale,
    generate,
    harmonize,
    note_gru,
    note_probs,
    notes_per_second,
    write_midi,
    write_score,
)
from chorale_utils.encoding import END, VOCABULARY, encode, notes_to_tokens, tokens_to_notes
from chorale_utils.models.backend import keras
from chorale_utils.models.model import ChoraleModel
from chorale_utils.writing import generation
from chorale_utils.writing.particles import _systematic


class Throws(ChoraleModel):
    """A die instead of a mind: each voice has its own probabilities, whatever was before."""

    def __init__(self, probs):
        super().__init__()
        self.logits = np.log(np.maximum(np.asarray(probs, np.float32), 1e-30))  # (4, 59)

    def begin(self, count, steps):
        return keras.ops.zeros((count, 1))

    def next_note(self, state, voice, previous):
        return keras.ops.zeros((keras.ops.shape(previous)[0], 1)) + self.logits[voice], state + 1


def chances(**tokens):
    """(4, 59) probabilities, the same for each voice, from token number -> probability."""
    row = np.zeros(59)
    for token, probability in tokens.items():
        row[int(token[1:])] = probability
    return np.tile(row, (4, 1))


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(2)
    model = note_gru(width=12, layers=2)
    model.set_weights([3 * weight for weight in model.get_weights()])  # as decided as a trained one
    return model


@pytest.fixture(scope="module")
def either(small, small_chord_gru):
    """Both small models by name."""
    return {"note_gru": small, "chord_gru": small_chord_gru}


def test_same_seed_same_piece_whatever_is_written_beside_it(small):
    alone = generate(small, steps=40, seed=7)[0]
    beside = generate(small, count=3, steps=40, seed=7)
    np.testing.assert_array_equal(alone.pitches, beside[0].pitches)
    assert not np.array_equal(beside[0].pitches, beside[1].pitches)
    assert not np.array_equal(alone.pitches, generate(small, steps=40, seed=8)[0].pitches)
    assert [piece.name for piece in beside] == [
        "generated-0000",
        "generated-0001",
        "generated-0002",
    ]


def test_notes_are_drawn_with_the_models_own_probabilities():
    model = Throws(chances(t10=0.5, t20=0.3, t30=0.15, t1=0.05))
    pitches = np.stack([piece.pitches for piece in generate(model, count=40, steps=50, seed=1)])
    values, counts = np.unique(pitches, return_counts=True)
    assert values.tolist() == [0, *tokens_to_notes([10, 20, 30])]
    expected = pitches.size * np.array([0.05, 0.5, 0.3, 0.15])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3, (
        "chi-square of 3 degrees, one in a thousand"
    )


@pytest.mark.parametrize("temperature, expected", [(0.5, 0.8), (1.0, 2 / 3), (2.0, 0.586)])
def test_temperature_divides_the_logits(temperature, expected):
    model = Throws(chances(t10=2 / 3, t20=1 / 3))
    pitches = np.stack(
        [piece.pitches for piece in generate(model, 40, steps=50, temperature=temperature, seed=1)]
    )
    assert (pitches == tokens_to_notes([10])[0]).mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
@pytest.mark.parametrize("transpositions", [(0,), (-2, 0, 1)])
def test_coldest_writing_is_the_likeliest_note_of_the_model_that_re_reads_everything(
    either, name, transpositions
):
    model, low, high = either[name], -min(transpositions), max(transpositions)
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
def test_the_same_transposition_twice_is_that_transposition_once(either, name):
    twice, once = (
        generate(either[name], count=2, steps=20, seed=5, transpositions=transpositions)
        for transpositions in [(0, 0), (0,)]
    )
    for one, other in zip(twice, once):
        np.testing.assert_array_equal(one.pitches, other.pitches)


def test_notes_are_drawn_with_the_mean_of_the_probabilities_in_all_transpositions():
    model = Throws(
        chances(t10=0.6, t20=0.4)
    )  # five semitones lower, these stand for the tokens 15 and 25
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


@pytest.mark.parametrize("how", [{}, dict(particles=6, parallels=False, transpositions=(0, 2))])
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


def test_a_piece_ends_where_the_model_ends_it_cut_to_whole_chords():
    ends_in_the_alto = chances(t10=1.0)
    ends_in_the_alto[1] = chances(t10=0.9, t0=0.1)[1]
    lengths = [len(piece) for piece in generate(Throws(ends_in_the_alto), count=300, seed=3)]
    assert np.mean(lengths) == pytest.approx(
        9, abs=1.5
    )  # geometric: (1 - p) / p whole chords before the end
    assert min(lengths) == 0


def test_a_piece_that_finds_no_end_is_640_steps_long():
    assert len(generate(Throws(chances(t10=1.0)))[0]) == 640


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 200])
def test_a_length_asked_for_is_the_length(steps):
    assert [len(piece) for piece in generate(Throws(chances(t10=0.5, t0=0.5)), 2, steps=steps)] == [
        steps,
        steps,
    ]


def test_fixed_notes_are_kept_and_a_beginning_is_gone_on_from(small, music21_corpus):
    given = music21_corpus.valid[0].pitches[:40].astype(int)
    soprano_only = given.copy()
    soprano_only[:, 1:] = -1
    harmonised = generate(small, given=soprano_only, seed=1)[0]
    np.testing.assert_array_equal(harmonised.pitches[:, 0], given[:, 0])
    assert len(harmonised) == 40
    continued = generate(small, given=given, steps=60, seed=1)[0]
    np.testing.assert_array_equal(continued.pitches[:40], given)
    assert len(continued) == 60


def test_what_is_written_depends_on_the_beginning(small, music21_corpus):
    one, other = (
        generate(small, given=music21_corpus.valid[k].pitches[:16].astype(int), steps=32, seed=1)[0]
        for k in (0, 1)
    )
    assert not np.array_equal(one.pitches[16:], other.pitches[16:])


@pytest.mark.parametrize(
    "options, complaint",
    [
        (dict(count=0), "count 0"),
        (dict(temperature=0), "temperature 0: expected a number from 0.0001 up"),
        (dict(temperature=1e-40), "temperature 1e-40"),
        (dict(temperature=float("inf")), "temperature inf"),
        (dict(temperature=float("nan")), "temperature nan"),
        (dict(steps=0), "steps 0"),
        (dict(given=np.zeros((4, 3), int)), r"given of shape \(4, 3\)"),
        (dict(given=np.full((4, 4), 60.0)), "type float64"),
        (dict(given=np.full((4, 4), 90)), "note 90 at step 0, soprano"),
        (dict(given=np.full((9, 4), 60), steps=8), "given has 9 steps"),
        (dict(transpositions=()), "no transpositions"),
    ],
)
def test_what_cannot_be_written_is_refused_in_words(small, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate(small, **options)


def test_minus_one_in_given_is_free_and_not_the_end(small):
    assert END == -1
    assert len(generate(small, given=np.full((8, 4), -1), seed=0)[0]) == 8


# Candidates: the distribution that they follow, against one that is counted out

FIFTH = (10, 17, 22)  # tokens of a note, its fifth and its octave


class Rhymes(ChoraleModel):
    """A mind for few notes: what comes depends on the note before, and on the one before in the
    same voice."""

    def __init__(self, tokens=FIFTH, seed=0):
        super().__init__()
        random = np.random.default_rng(seed)
        self.table = np.full(
            (4, 59, 59, 59), -60, np.float32
        )  # voice, note before, its own note before, note
        offered = [0, *tokens]
        self.table[..., offered] = 1.5 * random.standard_normal((4, 59, 59, len(offered)))
        self.table[..., 0] -= 1.5

    def begin(self, count, steps):
        return {"step": keras.ops.zeros((), "int32"), "own": keras.ops.zeros((count, 4), "int32")}

    def next_note(self, state, voice, previous):
        ops, last = keras.ops, (voice - 1) % 4
        own = ops.concatenate(
            [state["own"][:, :last], previous[:, None], state["own"][:, last + 1 :]], axis=1
        )
        flat = ops.reshape(ops.convert_to_tensor(self.table[voice]), (-1, VOCABULARY))
        return ops.take(flat, previous * VOCABULARY + own[:, voice], axis=0), {
            "step": state["step"] + 1,
            "own": own,
        }

    def counted_out(self, choices, shifts=(0,), temperature=1.0, fixed=None):
        """(pieces (n, notes), ln p (n, notes)) of all pieces of tokens that the lists `choices` allow, one for each note;
        notes that are not `fixed` have their probability at the temperature."""
        pieces = np.array(list(product(*choices)))
        log_probs = np.zeros(pieces.shape)
        for place in range(pieces.shape[1]):
            before = pieces[:, place - 1] if place else np.zeros(len(pieces), int)
            own = pieces[:, place - 4] if place >= 4 else np.zeros(len(pieces), int)
            total = 0
            for shift in shifts:
                heard = [np.where(note > 1, note + shift, note) for note in (before, own)]
                logits = self.table[place % 4, heard[0], heard[1]].astype(float)
                probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
                moved = np.roll(probs, -shift, axis=1)
                moved[:, :2] = probs[:, :2]
                moved[:, 57 - max(shifts) + 1 :] = 0
                total = total + moved
            if not (fixed is not None and fixed[place]):
                total = total ** (1 / temperature)
            log_probs[:, place] = np.log(
                (total / total.sum(axis=1, keepdims=True))[np.arange(len(pieces)), pieces[:, place]]
            )
        return pieces, log_probs


@pytest.fixture(scope="module")
def rhymes():
    """A model that is compiled once for each way of writing, and not once for each test."""
    return Rhymes()


def choices_of(given, tokens=FIFTH):
    """Lists of tokens that each note of `given` may have, and the end after them."""
    notes = [
        list(tokens) if note == -1 else notes_to_tokens([note]).tolist() for note in given.ravel()
    ]
    return [*notes, [0]]


def surprise(pieces, shares, written):
    """By how many standard deviations chi-square of the written pieces (list of Chorale) is more
    than it should be."""
    number = {tuple(piece): place for place, piece in enumerate(pieces[:, :-1].tolist())}
    seen = np.bincount(
        [number[tuple(encode(piece.pitches, end=False).tolist())] for piece in written],
        minlength=len(pieces),
    )
    order = np.argsort(-shares)
    cells = np.minimum(
        (np.cumsum(shares[order]) * len(written) / 8).astype(int), len(written) // 8 - 1
    )
    seen, expected = (
        np.bincount(cells, weights=amount[order], minlength=cells.max() + 1)
        for amount in (seen, len(written) * shares)
    )  # the rarer ones together, by eights
    seen, expected = seen[expected > 0], expected[expected > 0]
    return (((seen - expected) ** 2 / expected).sum() - len(seen)) / np.sqrt(2 * len(seen))


def fixed_at(*places, steps=2, note=tokens_to_notes(FIFTH)[1]):
    given = np.full((steps, 4), -1)
    for place in places:
        given[place] = note
    return given


SITUATIONS = {
    "a melody": (fixed_at((0, 0), (1, 0)), {}),
    "a bass": (fixed_at((0, 3), (1, 3)), {}),
    "the last chord": (fixed_at((1, slice(None))), {}),
    "nothing but the end": (fixed_at(), {}),
    "a melody, heard in two transpositions": (
        fixed_at((0, 0), (1, 0)),
        dict(transpositions=(0, 5)),
    ),
    "a melody, cautiously": (fixed_at((0, 0), (1, 0)), dict(temperature=0.6)),
    "no crossing": (fixed_at((1, 0), note=tokens_to_notes(FIFTH)[2]), dict(crossing=False)),
    "no parallels": (fixed_at((1, 0)), dict(parallels=False)),
    "ranges": (
        fixed_at((1, 0)),
        dict(ranges={"alto": tokens_to_notes([10, 17]), "bass": tokens_to_notes([10, 21])}),
    ),
}


def keeps_the_rules(piece, given, crossing=True, parallels=True, ranges=None, **_):
    """Whether a piece's notes (steps, 4), but for those given, keep the rules; said in another way
    than the code says it."""
    chords, free = piece.tolist(), given == -1
    for step, voice in zip(*np.nonzero(free)):
        note = chords[step][voice]
        if (
            ranges
            and VOICES[voice] in ranges
            and not ranges[VOICES[voice]][0] <= note <= ranges[VOICES[voice]][1]
        ):
            return False
        for other in {*range(4)} - {voice}:
            theirs = chords[step][other]
            known = other < voice or not free[step, other]
            if not crossing and known and (theirs < note if other < voice else theirs > note):
                return False
            if not parallels and known and step:
                mine_before, theirs_before = chords[step - 1][voice], chords[step - 1][other]
                both_up = note > mine_before and theirs > theirs_before
                both_down = note < mine_before and theirs < theirs_before
                intervals = {abs(mine_before - theirs_before) % 12, abs(note - theirs) % 12}
                if (both_up or both_down) and intervals in ({0}, {7}):
                    return False
    return True


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_is_written_around_what_is_given_follows_the_models_own_distribution(
    rhymes, situation
):
    given, how = SITUATIONS[situation]
    model = rhymes
    tokens = FIFTH if "transpositions" not in how else (5, 10, 12, 17, 22)
    pieces, log_probs = model.counted_out(
        choices_of(given, tokens),
        how.get("transpositions", (0,)),
        how.get("temperature", 1.0),
        np.append(given.ravel() != -1, True),
    )
    kept = np.array(
        [
            keeps_the_rules(tokens_to_notes(piece[:-1]).reshape(-1, 4), given, **how)
            for piece in pieces
        ]
    )
    exact = np.where(kept, np.exp(log_probs.sum(axis=1)), 0)
    written = generate(model, count=300, given=given, particles=64, seed=1, **how)
    assert surprise(pieces, exact / exact.sum(), written) < 4
    estimates = np.exp(written.report["log_likelihood"])
    assert abs(estimates.mean() - exact.sum()) < 4 * estimates.std() / np.sqrt(len(written))
    assert written.report["effective_sample_size"].between(1, 64).all()


def test_one_candidate_follows_another_distribution(rhymes):
    given = SITUATIONS["the last chord"][0]
    pieces, log_probs = rhymes.counted_out(choices_of(given))
    exact = np.exp(log_probs.sum(axis=1))
    alone = generate(rhymes, count=300, given=given, seed=1)
    assert surprise(pieces, exact / exact.sum(), alone) > 20, "or the test above would see nothing"
    assert (alone.report["resamplings"] == 0).all() and (
        alone.report["effective_sample_size"] == 1
    ).all()


def test_the_probability_of_a_beginning_is_the_models_own(small, music21_corpus):
    beginning = music21_corpus.valid[0].pitches[:20].astype(int)
    probs = note_probs(small, beginning)
    expected = np.log(
        np.take_along_axis(probs, notes_to_tokens(beginning)[..., None].astype(int), axis=-1)
    ).sum()
    for particles in (1, 4):
        report = generate(small, given=beginning, particles=particles, seed=1).report
        assert report["log_likelihood"].iloc[0] == pytest.approx(expected, abs=1e-3)
        assert report["resamplings"].iloc[0] == 0


@settings(max_examples=50, deadline=None)
@drawn(
    st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda shares: sum(shares) > 0.01),
    st.floats(0, 0.999),
)
def test_candidates_go_on_as_often_as_their_shares_say_rounded_up_or_down(shares, lot):
    shares = np.array(shares, np.float32) / np.float32(sum(shares))
    chosen = keras.ops.convert_to_numpy(_systematic(shares[None], np.array([lot], np.float32)))[0]
    times = np.bincount(chosen, minlength=len(shares))
    assert (np.diff(chosen) >= 0).all() and np.abs(times - len(shares) * shares).max() < 1.001


class ColdLater(ChoraleModel):
    """Another model, which from step 70 on writes only what is likeliest."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def begin(self, count, steps):
        return {"notes": keras.ops.zeros((), "int32"), "model": self.model.begin(count, steps)}

    def next_note(self, state, voice, previous):
        logits, within = self.model.next_note(state["model"], voice, previous)
        sharper = keras.ops.where(state["notes"] < 4 * 70, 1.0, 1e4)
        return logits * sharper, {"notes": state["notes"] + 1, "model": within}


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
def test_candidates_drawn_anew_carry_on_their_own_state(either, name, music21_corpus):
    """What is likeliest while writing is what is likeliest to the model that reads the piece
    again."""
    melody = np.full((70, 4), -1)
    melody[:, 0] = music21_corpus.valid[0].pitches[:70, 0]
    written = generate(ColdLater(either[name]), given=melody, steps=90, particles=6, seed=2)
    assert written.report["resamplings"].iloc[0] > 3
    guesses = tokens_to_notes(
        note_probs(either[name], written[0].pitches)[..., 1:].argmax(axis=-1) + 1
    )
    np.testing.assert_array_equal(written[0].pitches[70:], guesses[70:])


@pytest.mark.parametrize(
    "how", [dict(particles=5), dict(particles=3, best_of=2, judge=lambda some: np.zeros(len(some)))]
)
def test_same_seed_same_piece_whatever_is_written_beside_it_with_candidates_too(small, how):
    melody = np.full((40, 4), -1)
    melody[:, 0] = np.repeat([72, 74, 76, 74, 72], 8)
    alone, beside = (generate(small, count=count, given=melody, seed=7, **how) for count in (1, 3))
    np.testing.assert_array_equal(alone[0].pitches, beside[0].pitches)
    assert alone.report["resamplings"].iloc[0] == beside.report["resamplings"].iloc[0] > 0
    assert not np.array_equal(beside[1].pitches, beside[2].pitches)
    assert list(beside.report.index) == [piece.name for piece in beside]


def test_a_region_written_anew_keeps_every_other_note(small_chord_gru, music21_corpus):
    given = music21_corpus.valid[0].pitches[:48].astype(int)
    given[16:32, 1:] = -1
    for piece in generate(small_chord_gru, count=2, given=given, particles=8, seed=1):
        assert len(piece) == 48
        np.testing.assert_array_equal(piece.pitches[given != -1], given[given != -1])


def test_a_piece_that_may_end_ends_where_its_candidate_does():
    lengths = [
        len(piece)
        for piece in generate(Throws(chances(t10=0.9, t0=0.1)), count=200, particles=4, seed=3)
    ]
    assert np.mean(lengths) == pytest.approx(1.9, abs=0.4)


# Rules


@pytest.mark.parametrize(
    "rules",
    [
        dict(ranges=VOICE_RANGES),
        dict(crossing=False),
        dict(parallels=False),
        dict(ranges={"tenor": (50, 60)}, crossing=False, parallels=False),
    ],
)
@pytest.mark.parametrize("particles", [1, 4])
def test_notes_that_break_a_rule_are_never_drawn_and_given_ones_are_kept(
    small, music21_corpus, rules, particles
):
    given = np.full((64, 4), -1)
    given[:, 1] = music21_corpus.valid[0].pitches[:64, 1]
    given[::2, 2] = 80  # where a tenor never is
    if not rules.get("crossing", True):
        given[:, 2] = -1  # an alto below it has no notes left
    ranges = rules.get("ranges", {})
    ranges = ranges if isinstance(ranges, dict) else dict(zip(VOICES, ranges))
    for piece in generate(small, count=4, given=given, seed=1, particles=particles, **rules):
        np.testing.assert_array_equal(piece.pitches[given != -1], given[given != -1])
        pitches = piece.pitches.astype(int)
        silent = np.where(pitches == 0, -1, given)  # silence breaks no rule
        if not (pitches == 0).any():
            assert keeps_the_rules(pitches, silent, **{**rules, "ranges": ranges})


def test_without_rules_they_are_broken(small):
    free = np.full((64, 4), -1)
    pieces = [piece.pitches.astype(int) for piece in generate(small, count=4, steps=64, seed=1)]
    for rules in (
        dict(crossing=False),
        dict(parallels=False),
        dict(ranges=dict(zip(VOICES, VOICE_RANGES))),
    ):
        assert not all(keeps_the_rules(piece, free, **rules) for piece in pieces), (
            "or the test above would see nothing"
        )


def test_where_a_rule_leaves_no_note_one_is_drawn_that_breaks_it():
    given = np.tile([-1, 50, -1, -1], (8, 1))  # an alto so low that no tenor fits below
    piece = generate(
        Throws(chances(t40=1.0)), given=given, ranges={"tenor": (60, 70)}, crossing=False, seed=0
    )[0]
    assert (piece.pitches[:, 2] == tokens_to_notes([40])[0]).all()


def test_the_best_of_several_is_kept_and_the_first_of_them_is_the_only_one_otherwise(small):
    seen = []

    def brightest(chorales):
        seen.append([piece.pitches.tolist() for piece in chorales])
        return np.array([piece.pitches[:, 0].mean() for piece in chorales])

    once = generate(small, count=2, steps=20, seed=4)
    best = generate(small, count=2, steps=20, seed=4, best_of=3, judge=brightest)
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
        (dict(particles=0), "particles 0: expected 1 or more"),
        (dict(best_of=0), "best_of 0: expected 1 or more"),
        (
            dict(best_of=2, judge=lambda chorales: np.zeros(1)),
            r"grades of shape \(1,\): expected one number for each of 2",
        ),
        (dict(ranges=[(60, 81)]), r"ranges of shape \(1, 2\): expected \(4, 2\)"),
        (
            dict(ranges={"treble": (60, 81)}),
            r"ranges\['treble'\] \(60, 81\): expected names among soprano",
        ),
        (
            dict(ranges={"alto": (74, 52)}),
            "range 74..52 of the alto: expected the lowest note first",
        ),
        (dict(ranges={"bass": (0, 20)}), "range 0..20 of the bass: .* some of the notes 31..87"),
    ],
)
def test_rules_that_are_none_are_refused_in_words(small, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate(small, steps=4, **options)


def test_voice_ranges_are_bachs_extremes(jsb_corpus):
    notes = np.concatenate(
        [
            piece.pitches
            for part in (jsb_corpus.train, jsb_corpus.valid, jsb_corpus.test)
            for piece in part
        ]
    )
    assert VOICE_RANGES == tuple((voice[voice > 0].min(), voice.max()) for voice in notes.T)


# Melodies


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


@pytest.fixture
def tune():
    """A tune (Chorale whose soprano sings alone) with repeated notes, an upbeat and a rest."""
    pitches, onsets = np.zeros((28, 4), int), np.zeros((28, 4), bool)
    pitches[:24, 0] = np.repeat([67, 72, 72, 74, 76, 71], 4)
    onsets[:24:4, 0] = True
    return Chorale(
        pitches, name="tune", key="C major", time_signature="3/4", pickup=4, onsets=onsets
    )


@pytest.mark.parametrize("form", ["pitches", "score", "part", "mid", "musicxml", "chorale"])
def test_a_melody_may_come_in_many_forms(small, tune, form, tmp_path):
    from chorale_utils import to_score

    alone = to_score(tune).parts[0]
    source = {
        "pitches": tune.pitches[:, 0],
        "part": alone,
        "score": to_score(tune),
        "chorale": tune,
    }.get(form)
    if form == "mid":
        source = write_midi(tune, tmp_path / "tune.mid")
    elif form == "musicxml":
        source = write_score(tune, tmp_path / "tune.musicxml")
    setting = harmonize(small, source, particles=2, seed=1)[0]
    np.testing.assert_array_equal(setting.pitches[:, 0], tune.pitches[:, 0])
    if form != "pitches":
        assert setting.notes(0).tolist() == tune.notes(0).tolist()
        assert (setting.key, setting.time_signature, setting.pickup) == ("C major", "3/4", 4)


def test_any_voice_may_have_the_melody(small, music21_corpus):
    bach = music21_corpus.valid[0].excerpt(0, 32)
    for number, voice in enumerate(VOICES):
        setting = harmonize(small, bach, voice=voice, particles=2, seed=1)[0]
        np.testing.assert_array_equal(setting.pitches[:, number], bach.pitches[:, number])
    bass_alone = Chorale(bach.pitches * np.array([0, 0, 0, 1]))
    setting = harmonize(
        small,
        bass_alone.pitches[:, 3] + 12 * 2,
        voice="soprano",
        transpose=True,
        particles=2,
        seed=1,
    )
    assert setting[0].pitches[:, 0].min() >= 60


@settings(max_examples=8, deadline=None)
@drawn(st.integers(-30, 8))
def test_a_melody_out_of_range_is_moved_there_only_where_asked(small, by):
    line = np.repeat([67, 72, 74, 81], 4) + by
    if by in range(-7, 1):
        assert harmonize(small, line, particles=2, seed=1).report["transposed"].item() == 0
        return
    with pytest.raises(
        ValueError,
        match="melody: bar 1, beat .: note .*: expected 60..81, the range of the soprano; with "
        "transpose=True",
    ):
        harmonize(small, line, particles=2)
    moved = harmonize(small, line, transpose=True, particles=2, seed=1)
    shift = moved.report["transposed"].item()
    assert shift in (-by, -7 - by) and abs(shift) == min(abs(by), abs(7 + by))
    np.testing.assert_array_equal(moved[0].pitches[:, 0], line + shift)


def test_a_key_is_moved_with_its_melody(small, tune):
    low = Chorale(
        np.where(tune.pitches > 0, tune.pitches - 10, 0), key="C major", time_signature="3/4"
    )
    setting = harmonize(small, low, transpose=True, particles=1, seed=1)
    assert (setting.report["transposed"].item(), setting[0].key) == (3, "E- major")


@pytest.mark.parametrize(
    "melody, complaint",
    [
        (np.zeros((8, 2), int), r"melody of shape \(8, 2\): expected \(steps,\)"),
        (np.zeros(8, int), "melody: the soprano has no notes"),
        (
            np.repeat([60, 90, 50], 4),
            "notes from 50 to 90: expected no more than the 21 semitones of a soprano, 60..81",
        ),
        (
            corpus.parse("bach/bwv66.6"),
            r"melody: 4 parts \(Soprano, Alto, Tenor, Bass\) with notes: expected one melody",
        ),
        ("no such tune.mid", "no such file"),
    ],
)
def test_what_is_no_melody_is_refused_in_words(small, melody, complaint):
    with pytest.raises((ValueError, FileNotFoundError), match=complaint):
        harmonize(small, melody)


def test_a_voice_that_there_is_none_of_is_refused(small):
    with pytest.raises(
        ValueError, match="voice 'treble': expected one of soprano, alto, tenor, bass"
    ):
        harmonize(small, np.full(8, 70), voice="treble")


def test_a_judge_of_settings_sees_metre_and_key(small, tune):
    def judge(settings_):
        assert all(setting.key == "C major" and setting.pickup == 4 for setting in settings_)
        return np.arange(len(settings_))

    assert harmonize(small, tune, count=2, particles=2, best_of=2, judge=judge, seed=1).report[
        "grade"
    ].tolist() == [1, 3]


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


def test_notes_of_all_voices_and_pieces_are_counted_and_the_first_time_is_not(small, monkeypatch):
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
    assert notes_per_second(small, count=3, steps=5) == 4 * 3 * 5 / 2
    assert len(written) == 2 and written[0] == written[1]
