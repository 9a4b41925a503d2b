"""The exercises of notebook 4: right answers pass, typical mistakes get their hint."""

import numpy as np
import pytest

from chorale_utils import ChoraleModel, check, negative_log_likelihood, score_notes
from chorale_utils.models.backend import keras

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def notes(music21_corpus):
    return score_notes("chord_gru", music21_corpus.valid)


def hint(exercise, answer):
    verdict = check(exercise, answer)
    assert not verdict.right, verdict
    return verdict.says


def test_costliest_piece(notes):
    costs = notes.groupby("piece")["nats"].mean()
    most, least = costs.idxmax(), costs.idxmin()
    assert check("4.1", {"most": most, "least": least})
    assert "costs least" in hint("4.1", {"most": least, "least": most})
    sums = notes.groupby("piece")["nats"].sum()
    assert "sum" in hint("4.1", {"most": sums.idxmax(), "least": least})
    assert "another piece" in hint("4.1", {"most": "bwv66.6", "least": least})
    spelt = {"most": most.replace("bwv", "BWV "), "least": least.removeprefix("bwv")}
    assert check("4.1", spelt)
    assert "not a piece of the corpus" in hint("4.1", {"most": "bwv999", "least": least})


class Again(ChoraleModel):
    """Gives `again` to what `before` makes of the tokens, and spreads the rest over `among`."""

    def __init__(self, before, again=0.78, among=58):
        super().__init__()
        self.before, self.again, self.among = before, again, among

    def log_probs(self, tokens, training=False):
        same = keras.ops.one_hot(self.before(tokens), 59)
        return keras.ops.log(self.again * same + (1 - self.again) / self.among * (1 - same))


def earlier(tokens):
    return keras.ops.pad(tokens[:, :-1], [[0, 0], [1, 0], [0, 0]])


def above(tokens):
    return keras.ops.pad(tokens[:, :, :-1], [[0, 0], [0, 0], [1, 0]])


def test_same_again(music21_corpus):
    model = Again(earlier)
    nats = negative_log_likelihood(model, music21_corpus.valid)
    assert check("4.2", {"model": model, "nats": nats})
    assert "negative_log_likelihood" in hint("4.2", {"model": model, "nats": nats + 0.1})
    assert "sum to" in hint("4.2", {"model": Again(earlier, among=59), "nats": nats})
    assert "future" in hint("4.2", {"model": Again(lambda tokens: tokens), "nats": nats})
    assert "voice above" in hint("4.2", {"model": Again(above), "nats": nats})
    assert "has 0.90" in hint("4.2", {"model": Again(earlier, 0.9), "nats": nats})
    with pytest.raises(TypeError, match="expected a ChoraleModel"):
        check("4.2", {"model": Again, "nats": nats})


def by_distance(notes, corpus, held=False):
    """Mean nats by the steps to the next fermata; `held` takes all of a fermata for its start."""
    sums, counts = np.zeros(700), np.zeros(700)
    for piece in corpus.valid:
        nats = notes[notes["piece"] == piece.name]["nats"].to_numpy().reshape(-1, 4)
        distance = None
        for step in range(len(piece) - 1, -1, -1):
            first = piece.fermatas[step] and not (step and piece.fermatas[step - 1])
            if first or (held and piece.fermatas[step]):
                distance = 0
            elif distance is not None:
                distance += 1
            if distance is not None:
                sums[distance] += nats[step].sum()
                counts[distance] += 4
    return dict(enumerate((sums[:33] / counts[:33]).tolist()))


def test_before_fermatas(notes, music21_corpus):
    means = by_distance(notes, music21_corpus)
    assert check("4.3", {"nats": means, "knows": True})
    assert "compare distance 0" in hint("4.3", {"nats": means, "knows": False})
    assert "first step" in hint(
        "4.3", {"nats": by_distance(notes, music21_corpus, held=True), "knows": True}
    )
    assert "every distance" in hint("4.3", {"nats": {0: means[0]}, "knows": True})
    shifted = {at: means[at + 1] for at in range(20)}
    assert "other figures" in hint("4.3", {"nats": shifted, "knows": True})
    with pytest.raises(TypeError, match="True or False"):
        check("4.3", {"nats": means, "knows": "yes"})
    floats = {float(at): cost for at, cost in means.items()}
    assert check("4.3", {"nats": floats, "knows": True})
    with pytest.raises(TypeError, match="distance: got a str"):
        check("4.3", {"nats": {"0": 0.5}, "knows": True})


def test_recovery():
    random = np.random.default_rng(0)
    plain = random.uniform(0, 0.6, (96, 4))
    extra = 0.8 * np.exp(-np.arange(96) / 6)[:, None] * random.uniform(0.5, 1.5, (96, 4))
    answer = {"as it is": plain, "replaced": plain + extra}
    assert check("4.4", answer | {"recovers": 12})
    assert "still costs" in hint("4.4", answer | {"recovers": 1})
    assert "well before" in hint("4.4", answer | {"recovers": 90})
    assert "cost no more" in hint("4.4", {"as it is": plain, "replaced": plain, "recovers": 8})
    logarithms = {"as it is": -plain, "replaced": -plain - extra, "recovers": 12}
    assert "not negative" in hint("4.4", logarithms)
    assert "expected the same" in hint("4.4", answer | {"as it is": plain[:90], "recovers": 12})
    with pytest.raises(TypeError, match="as it is: got .*: expected a number for each note"):
        check("4.4", {"as it is": 0.5, "replaced": 0.6, "recovers": 12})


def test_own_rule(music21_corpus):
    def rests(piece):
        return int((piece.pitches == 0).any(axis=1).sum())

    def rate(rule, pieces):
        return 1000 * sum(map(rule, pieces)) / sum(map(len, pieces))

    pieces, test = music21_corpus.valid[:6], music21_corpus.test
    answer = {"rule": rests, "pieces": pieces}
    right = answer | {"bach": rate(rests, test), "model": rate(rests, pieces)}
    assert check("4.5", right)
    assert "thousand steps" in hint("4.5", right | {"bach": rate(rests, test) / 1000})
    steps = {"rule": len, "bach": 1000.0, "model": 1000.0}
    assert "held for four beats" in hint("4.5", right | steps)
    never = {"rule": lambda piece: 0, "bach": 0.0, "model": 0.0}
    assert "do not have it once" in hint("4.5", right | never)
    in_c = {"rule": lambda piece: int((piece.pitches % 12 == 1).sum())}
    assert "every key" in hint("4.5", right | in_c)
    with pytest.raises(TypeError, match="expected a function"):
        check("4.5", right | {"rule": 3})
