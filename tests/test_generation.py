"""Writing chorales: what is asked for is kept, chance is honest, and the same seed is the same piece."""

import numpy as np
import pytest

from chorale_utils import generate, note_gru, note_probs
from chorale_utils.backend import keras
from chorale_utils.encoding import END, VOCABULARY, tokens_to_notes
from chorale_utils.models import ChoraleModel


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
    assert [piece.name for piece in beside] == ["generated-0000", "generated-0001", "generated-0002"]


def test_notes_are_drawn_with_the_models_own_probabilities():
    model = Throws(chances(t10=0.5, t20=0.3, t30=0.15, t1=0.05))
    pitches = np.stack([piece.pitches for piece in generate(model, count=40, steps=50, seed=1)])
    values, counts = np.unique(pitches, return_counts=True)
    assert values.tolist() == [0, *tokens_to_notes([10, 20, 30])]
    expected = pitches.size * np.array([0.05, 0.5, 0.3, 0.15])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3, "chi-square of 3 degrees, one in a thousand"


@pytest.mark.parametrize("temperature, expected", [(0.5, 0.8), (1.0, 2 / 3), (2.0, 0.586)])
def test_temperature_divides_the_logits(temperature, expected):
    model = Throws(chances(t10=2 / 3, t20=1 / 3))
    pitches = np.stack([piece.pitches for piece in generate(model, 40, steps=50, temperature=temperature, seed=1)])
    assert (pitches == tokens_to_notes([10])[0]).mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
@pytest.mark.parametrize("transpositions", [(0,), (-2, 0, 1)])
def test_coldest_writing_is_the_likeliest_note_of_the_model_that_re_reads_everything(either, name, transpositions):
    model, low, high = either[name], -min(transpositions), max(transpositions)
    beginning = np.array([[72, 67, 64, 48], [71, 67, 62, 43]])
    for given in (None, beginning):
        piece = generate(model, steps=12, temperature=1e-4, seed=0, given=given, transpositions=transpositions)[0]
        probs = note_probs(model, piece.pitches, transpositions=transpositions)
        probs[..., 0] = 0                       # the end is not offered where a length is asked for,
        probs[..., 2:2 + low] = 0               # nor is a note that cannot be heard in all transpositions
        probs[..., VOCABULARY - high:] = 0
        written = slice(0 if given is None else 2, None)
        np.testing.assert_array_equal(tokens_to_notes(probs.argmax(axis=-1))[written], piece.pitches[written])


@pytest.mark.parametrize("name", ["note_gru", "chord_gru"])
def test_the_same_transposition_twice_is_that_transposition_once(either, name):
    twice, once = (generate(either[name], count=2, steps=20, seed=5, transpositions=transpositions)
                   for transpositions in [(0, 0), (0,)])
    for one, other in zip(twice, once):
        np.testing.assert_array_equal(one.pitches, other.pitches)


def test_notes_are_drawn_with_the_mean_of_the_probabilities_in_all_transpositions():
    model = Throws(chances(t10=0.6, t20=0.4))   # five semitones lower, these stand for the tokens 15 and 25
    pitches = np.stack([piece.pitches for piece in generate(model, count=40, steps=50, seed=1,
                                                            transpositions=(0, -5))])
    values, counts = np.unique(pitches, return_counts=True)
    assert values.tolist() == tokens_to_notes([10, 15, 20, 25]).tolist()
    expected = pitches.size * np.array([0.3, 0.3, 0.2, 0.2])
    assert ((counts - expected) ** 2 / expected).sum() < 16.3, "chi-square of 3 degrees, one in a thousand"


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 70])
def test_a_length_asked_for_changes_nothing_but_where_chord_gru_stops(small_chord_gru, steps):
    longer = generate(small_chord_gru, count=2, steps=100, seed=3)
    for piece, beginning in zip(generate(small_chord_gru, count=2, steps=steps, seed=3), longer):
        np.testing.assert_array_equal(piece.pitches, beginning.pitches[:steps])


def test_chord_gru_goes_on_from_unusual_beginnings(small_chord_gru, unusual_pieces):
    for name, given in unusual_pieces.items():
        piece = generate(small_chord_gru, given=given, steps=max(64, len(given)), seed=1)[0]
        assert len(piece) == max(64, len(given)), name
        np.testing.assert_array_equal(piece.pitches[:len(given)], given, err_msg=name)


def test_chord_gru_ends_its_pieces_of_itself_each_at_a_time_of_its_own(new_chord_gru):
    model = new_chord_gru()
    bias = np.array(model.writers[0].bias)
    bias[0] += 4                                # the soprano ends sooner
    model.writers[0].bias.assign(bias)
    pieces = generate(model, count=8, seed=2)
    assert len({len(piece) for piece in pieces}) > 2 and max(map(len, pieces)) < 640
    assert all(len(piece) == 0 or (piece.pitches >= 0).all() for piece in pieces)


def test_a_piece_ends_where_the_model_ends_it_cut_to_whole_chords():
    ends_in_the_alto = chances(t10=1.0)
    ends_in_the_alto[1] = chances(t10=0.9, t0=0.1)[1]
    lengths = [len(piece) for piece in generate(Throws(ends_in_the_alto), count=300, seed=3)]
    assert np.mean(lengths) == pytest.approx(9, abs=1.5)  # geometric: (1 - p) / p whole chords before the end
    assert min(lengths) == 0


def test_a_piece_that_finds_no_end_is_640_steps_long():
    assert len(generate(Throws(chances(t10=1.0)))[0]) == 640


@pytest.mark.parametrize("steps", [1, 31, 32, 33, 200])
def test_a_length_asked_for_is_the_length(steps):
    assert [len(piece) for piece in generate(Throws(chances(t10=0.5, t0=0.5)), 2, steps=steps)] == [steps, steps]


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
    one, other = (generate(small, given=music21_corpus.valid[k].pitches[:16].astype(int), steps=32, seed=1)[0]
                  for k in (0, 1))
    assert not np.array_equal(one.pitches[16:], other.pitches[16:])


@pytest.mark.parametrize("options, complaint", [
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
])
def test_what_cannot_be_written_is_refused_in_words(small, options, complaint):
    with pytest.raises(ValueError, match=complaint):
        generate(small, **options)


def test_minus_one_in_given_is_free_and_not_the_end(small):
    assert END == -1
    assert len(generate(small, given=np.full((8, 4), -1), seed=0)[0]) == 8
