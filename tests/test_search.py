"""The search finds the best path, and nothing else."""

from itertools import product

import numpy as np
import pytest

from chorale_utils import Chorale, load_corpus
from chorale_utils.harmony.chords import numerals, tables
from chorale_utils.harmony.evidence import Frames
from chorale_utils.harmony.search import (
    MODULATE,
    MOVE,
    REREAD,
    STAY,
    TURN,
    VARY,
    Scores,
    best_path,
    blank,
    load_weights,
    maps,
    pair_table,
)


@pytest.fixture(scope="module")
def rough():
    """Weights that no one has learnt, and their pair table."""
    weights, random = blank(), np.random.default_rng(1)
    for value in weights.values():
        value += random.normal(0, 0.5, value.shape)
    return weights, pair_table(weights)


def number(figure, mode="major"):
    return [(each.figure, each.mode) for each in numerals()].index((figure, mode))


def test_no_path_is_better_than_the_one_that_is_found(rough):
    weights, table = rough
    pitches = np.repeat([[72, 67, 64, 48], [71, 67, 62, 55], [69, 64, 60, 57]], 2, axis=0)
    frames = Frames(Chorale(pitches, time_signature="4/4"))
    scores = Scores(frames, weights, table, candidates=60)
    totals = {}
    few = np.argsort(-scores.fits, axis=1)[:, :25]
    for path in product(*few):
        total = scores.fits[np.arange(3), path].sum()
        totals[path] = total + scores.moves[np.arange(2), path[:-1], path[1:]].sum()
    found = best_path(frames, None, weights, table)
    at = tuple((scores.states == found[:, None]).argmax(axis=1))
    value = scores.fits[np.arange(3), at].sum()
    value += scores.moves[np.arange(2), at[:-1], at[1:]].sum()
    assert value >= max(totals.values()) - 1e-4


def test_a_score_is_the_sum_of_the_weights_of_what_is_seen(rough):
    weights, table = rough
    frames = Frames(Chorale(np.repeat([[72, 67, 64, 48], [71, 67, 62, 55]], 2, axis=0)))
    scores, index, chord = Scores(frames, weights, table), maps(), tables()
    frame, candidate = 1, 7
    tonic, figure = scores.tonics[frame, candidate], scores.figures[frame, candidate]
    root, sonority = (tonic + chord.root[figure]) % 12, chord.sonority[figure]
    expected = 0.0
    for name, role in index.roles.items():
        for feature, row in enumerate(getattr(frames, name)[frame]):
            for pitch_class, amount in enumerate(row):
                column = role[sonority, (pitch_class - root) % 12]
                expected += amount * weights[name][feature, column]
    for feature, row in enumerate(frames.keys[frame]):
        for pitch_class, amount in enumerate(row):
            column = 12 * chord.minor[figure] + (pitch_class - tonic) % 12
            expected += amount * weights["keys"][feature, column]
    for name, of_numeral in index.classes.items():
        expected += frames.places[frame] @ weights[f"stand_{name}"][:, of_numeral[figure]]
    assert scores.fits[frame, candidate] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    ("before", "after", "up", "change"),
    [
        (("V", "major"), ("V", "major"), 0, STAY),
        (("V", "major"), ("V6", "major"), 0, TURN),
        (("V", "major"), ("V7", "major"), 0, VARY),
        (("V", "major"), ("I", "major"), 0, MOVE),
        (("V", "major"), ("I", "major"), 7, REREAD),
        (("vi", "major"), ("i", "minor"), 9, REREAD),
        (("I", "major"), ("I", "major"), 7, MODULATE),
        (("V", "major"), ("V", "minor"), 0, REREAD),
        (("V", "major"), ("i", "minor"), 0, MODULATE),
    ],
)
def test_what_happens_from_one_numeral_to_the_next_is_named(before, after, up, change):
    assert maps().change[number(*before), number(*after), up] == change


def test_a_pivot_chord_is_read_in_both_keys():
    index, up = maps(), 7  # from C to G
    old, new = number("I"), number("V7")  # C: I, then G: V7, which is V7/V in C
    in_c = number("V7/V")
    assert index.pairs["in_old_key"][old, new, up] == index.pairs["degrees"][old, in_c, 0]
    assert index.pairs["in_new_key"][old, new, up] == index.pairs["degrees"][number("IV"), new, 0]
    assert index.pairs["keys"][old, new, 0] == 0
    assert index.pairs["keys"][old, new, up] > 0


def test_sixty_candidates_lose_next_to_nothing():
    frames = [Frames(each) for each in load_corpus("music21", progress=False).valid[:5]]
    weights = load_weights()
    table = pair_table(weights)
    same = total = 0
    for each in frames:
        scores = Scores(each, weights, table, candidates=150)
        value = scores.fits[0]
        for fits, moves in zip(scores.fits[1:], scores.moves):
            value = (value[:, None] + moves).max(axis=0) + fits
        found = best_path(each)
        at = (scores.states == found[:, None]).argmax(axis=1)
        steps = np.arange(len(found))
        reached = scores.fits[steps, at].sum()
        reached += scores.moves[steps[:-1], at[:-1], at[1:]].sum()
        same, total = same + (reached > value.max() - 0.05), total + 1
    assert same == total


def test_a_path_begins_and_ends_in_the_key_that_is_asked_for():
    chorale = load_corpus("music21", progress=False)["bwv66.6"]
    for key in ((9, False), (6, True), (1, False)):
        path = best_path(Frames(chorale), key)
        for state in (path[0], path[-1]):
            tonic, figure = divmod(int(state), len(numerals()))
            assert (tonic, numerals()[figure].mode == "minor") == key
