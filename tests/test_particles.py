"""The particle filter: it follows the model's own distribution, given what is fixed and allowed."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given as drawn, settings, strategies as st

from chorale_utils import VOICE_RANGES, VOICES, generate, note_gru, note_probs
from chorale_utils.encoding import VOCABULARY, encode, notes_to_tokens, tokens_to_notes
from chorale_utils.models.backend import keras
from chorale_utils.models.model import ChoraleModel
from chorale_utils.writing.particles import _busier, _sounding, _systematic_resampling

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
        """(pieces (n, notes), ln p (n, notes)) of all pieces of tokens that the lists `choices`
        allow, one for each note; notes that are not `fixed` have their probability at the
        temperature."""
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


NOTE, NOTE_A_FIFTH_UP, NOTE_AN_OCTAVE_UP = (int(note) for note in tokens_to_notes(FIFTH))


def fixed_at(*places, steps=2, note=NOTE_A_FIFTH_UP):
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
        {"transpositions": (0, 5)},
    ),
    "a melody, cautiously": (fixed_at((0, 0), (1, 0)), {"temperature": 0.6}),
    "no crossing": (fixed_at((1, 0), note=NOTE_AN_OCTAVE_UP), {"crossing": False}),
    "no parallels": (fixed_at((1, 0)), {"parallels": False}),
    "ranges": (
        fixed_at((1, 0)),
        {"ranges": {"alto": tokens_to_notes([10, 17]), "bass": tokens_to_notes([10, 21])}},
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


def test_the_probability_of_a_beginning_is_the_models_own(small_note_gru, music21_corpus):
    beginning = music21_corpus.valid[0].pitches[:20].astype(int)
    probs = note_probs(small_note_gru, beginning)
    expected = np.log(
        np.take_along_axis(probs, notes_to_tokens(beginning)[..., None].astype(int), axis=-1)
    ).sum()
    for particles in (1, 4):
        report = generate(small_note_gru, given=beginning, particles=particles, seed=1).report
        assert report["log_likelihood"].iloc[0] == pytest.approx(expected, abs=1e-3)
        assert report["resamplings"].iloc[0] == 0


@settings(max_examples=50, deadline=None)
@drawn(
    st.lists(st.floats(0, 1), min_size=1, max_size=40).filter(lambda shares: sum(shares) > 0.01),
    st.floats(0, 0.999),
)
def test_candidates_go_on_as_often_as_their_shares_say_rounded_up_or_down(shares, lot):
    shares = np.array(shares, np.float32) / np.float32(sum(shares))
    chosen = keras.ops.convert_to_numpy(
        _systematic_resampling(shares[None], np.array([lot], np.float32))
    )[0]
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
def test_candidates_drawn_anew_carry_on_their_own_state(small_models, name, music21_corpus):
    """What is likeliest while writing is what is likeliest to the model that reads the piece
    again."""
    melody = np.full((70, 4), -1)
    melody[:, 0] = music21_corpus.valid[0].pitches[:70, 0]
    written = generate(ColdLater(small_models[name]), given=melody, steps=90, particles=6, seed=2)
    assert written.report["resamplings"].iloc[0] > 3
    guesses = tokens_to_notes(
        note_probs(small_models[name], written[0].pitches)[..., 1:].argmax(axis=-1) + 1
    )
    np.testing.assert_array_equal(written[0].pitches[70:], guesses[70:])


@pytest.mark.parametrize(
    "how",
    [{"particles": 5}, {"particles": 3, "best_of": 2, "judge": lambda some: np.zeros(len(some))}],
)
def test_same_seed_same_piece_whatever_is_written_beside_it_with_candidates_too(
    small_note_gru, how
):
    melody = np.full((40, 4), -1)
    melody[:, 0] = np.repeat([72, 74, 76, 74, 72], 8)
    alone, beside = (
        generate(small_note_gru, count=count, given=melody, seed=7, **how) for count in (1, 3)
    )
    np.testing.assert_array_equal(alone[0].pitches, beside[0].pitches)
    assert alone.report["resamplings"].iloc[0] == beside.report["resamplings"].iloc[0] > 0
    assert not np.array_equal(beside[1].pitches, beside[2].pitches)
    assert list(beside.report.index) == [piece.name for piece in beside]


def test_as_many_particles_in_all_may_be_those_of_few_pieces_or_of_many():
    model, free = note_gru(width=4, layers=1), np.full((8, 4), -1)
    for count, particles in ((2, 8), (1, 16), (4, 4)):
        pieces = generate(model, count, given=free, particles=particles, seed=1)
        assert [len(piece) for piece in pieces] == [8] * count


def test_voices_are_busier_under_a_note_that_goes_on_and_not_under_a_rest():
    before = np.array([[1, 20, 15, 10], [30, 20, 15, 10], [30, 20, 15, 10]], np.int32)
    soprano = np.array([1, 30, 31], np.int32)  # rests on, holds, moves
    more = keras.ops.convert_to_numpy(
        _busier(np.float32(2), soprano, before, voice=1, sounding=_sounding(VOCABULARY))
    )
    assert not more[[0, 2]].any()
    np.testing.assert_allclose(more[1, [1, 20, 22]], [0, 0, np.log(2)], rtol=1e-6)


def test_a_region_written_anew_keeps_every_other_note(small_chord_gru, music21_corpus):
    given = music21_corpus.valid[0].pitches[:48].astype(int)
    given[16:32, 1:] = -1
    for piece in generate(small_chord_gru, count=2, given=given, particles=8, seed=1):
        assert len(piece) == 48
        np.testing.assert_array_equal(piece.pitches[given != -1], given[given != -1])


def test_a_piece_that_may_end_ends_where_its_candidate_does(die):
    lengths = [
        len(piece) for piece in generate(die(t10=0.9, t0=0.1), count=200, particles=4, seed=3)
    ]
    assert np.mean(lengths) == pytest.approx(1.9, abs=0.4)


@pytest.mark.parametrize(
    "rules",
    [
        {"ranges": VOICE_RANGES},
        {"crossing": False},
        {"parallels": False},
        {"ranges": {"tenor": (50, 60)}, "crossing": False, "parallels": False},
    ],
)
@pytest.mark.parametrize("particles", [1, 4])
def test_notes_that_break_a_rule_are_never_drawn_and_given_ones_are_kept(
    small_note_gru, music21_corpus, rules, particles
):
    given = np.full((64, 4), -1)
    given[:, 1] = music21_corpus.valid[0].pitches[:64, 1]
    given[::2, 2] = 80  # where a tenor never is
    if not rules.get("crossing", True):
        given[:, 2] = -1  # an alto below it has no notes left
    ranges = rules.get("ranges", {})
    ranges = ranges if isinstance(ranges, dict) else dict(zip(VOICES, ranges))
    for piece in generate(
        small_note_gru, count=4, given=given, seed=1, particles=particles, **rules
    ):
        np.testing.assert_array_equal(piece.pitches[given != -1], given[given != -1])
        pitches = piece.pitches.astype(int)
        silent = np.where(pitches == 0, -1, given)  # silence breaks no rule
        if not (pitches == 0).any():
            assert keeps_the_rules(pitches, silent, **{**rules, "ranges": ranges})


def test_without_rules_they_are_broken(small_note_gru):
    free = np.full((64, 4), -1)
    pieces = [
        piece.pitches.astype(int) for piece in generate(small_note_gru, count=4, steps=64, seed=1)
    ]
    for rules in (
        {"crossing": False},
        {"parallels": False},
        {"ranges": dict(zip(VOICES, VOICE_RANGES))},
    ):
        assert not all(keeps_the_rules(piece, free, **rules) for piece in pieces), (
            "or the test above would see nothing"
        )


def test_where_a_rule_leaves_no_note_one_is_drawn_that_breaks_it(die):
    given = np.tile([-1, 50, -1, -1], (8, 1))  # an alto so low that no tenor fits below
    piece = generate(die(t40=1.0), given=given, ranges={"tenor": (60, 70)}, crossing=False, seed=0)[
        0
    ]
    assert (piece.pitches[:, 2] == tokens_to_notes([40])[0]).all()


def test_memory_that_follows_resampling_once_a_step_is_that_of_each_note(new_chord_gru):
    model, given = new_chord_gru(), np.full((24, 4), -1)
    given[:, 0] = np.resize([72, 74, 76, 74], 24)
    often = new_chord_gru()
    often.set_weights(model.get_weights())
    often.memory = ()
    assert model.memory
    written = [generate(each, 3, given=given, particles=8, seed=2) for each in (model, often)]
    assert (written[0].report["resamplings"] > 3).all(), "or nothing would have to follow"
    assert written[0] == written[1]
    np.testing.assert_allclose(*(pieces.report["log_likelihood"] for pieces in written))
