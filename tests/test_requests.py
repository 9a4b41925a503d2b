"""Chords that are asked for are heard: whole, in the inversion, on their step, in every setting."""

import numpy as np
import pytest

from chorale_utils import Chorale, harmonize
from chorale_utils.writing.requests import figured_chords, plan_voicings, requested_chords

TUNE = ["C5", "B4", "C5", "D5", "C5", "B4", "C5", "C5"]


def classes(piece, step):
    return {int(pitch) % 12 for pitch in piece.pitches[step]}


def heard(piece, request):
    """Whether a requested chord sounds on its step, whole and in its inversion."""
    sounding = classes(piece, request.step)
    bass = piece.pitches[request.step, 3] % 12
    return request.needed <= sounding <= request.tones and bass == request.bass


def as_tune(notes, key="C major", **more):
    line = np.repeat(notes, 4)
    return Chorale(np.where(np.arange(4) == 0, line[:, None], 0), key=key, **more)


@pytest.mark.parametrize("model", ["chord_gru", "phrase_gru", "untrained"])
def test_requested_numerals_are_heard_in_every_setting(model, small_note_gru):
    numerals = "C: I V6 vi ii65 I64 V7 | I ."
    pieces = harmonize(
        small_note_gru if model == "untrained" else model,
        TUNE,
        4,
        quarters=1,
        numerals=numerals,
        particles=4,
        seed=3,
    )
    requests = requested_chords(pieces[0], numerals)
    assert [request.step for request in requests] == [0, 4, 8, 12, 16, 20, 24]
    for piece in pieces:
        assert all(heard(piece, request) for request in requests)
        assert classes(piece, 12) >= {0, 5}, "seventh and third of ii65"
        assert classes(piece, 20) >= {11, 5}, "third and seventh of V7"
        assert classes(piece, 28) <= {0, 4, 7}, "I goes on"


def test_a_melody_in_another_voice_and_moved_into_its_range():
    piece = harmonize(
        "chord_gru",
        ["C5", "B4", "C5"],
        voice="tenor",
        transpose=True,
        quarters=1,
        key="C major",
        numerals={0: "I", 4: "V65", 8: "I"},
        particles=4,
        seed=1,
    )
    moved = int(piece.report["transposed"].iloc[0])
    requests = requested_chords(
        Chorale(piece[0].pitches, key="C major"), {0: "I", 4: "V65", 8: "I"}
    )
    assert moved and all(heard(piece[0], request.moved(moved)) for request in requests)


@pytest.mark.parametrize(
    "numerals, tones, bass",
    [
        ("C: V65/V", {2, 6, 9, 0}, 6),
        ("c: viio7", {11, 2, 5, 8}, 11),
        ("c: N6", {1, 5, 8}, 5),
        ("c: Ger65", {8, 0, 3, 6}, 8),
        ("f#: V", {1, 5, 8}, 1),
        ("Bb: IV", {3, 7, 10}, 3),
        ("C: viiø7", {11, 2, 5, 9}, 11),
    ],
)
def test_numerals_mean_what_a_musician_means(numerals, tones, bass):
    (request,) = requested_chords(as_tune([72]), numerals)
    assert (request.tones, request.bass) == (tones, bass)


def test_the_key_changes_where_the_numerals_say_so():
    requests = requested_chords(as_tune([72] * 4, key="C major"), "I G: V e:V i")
    assert [request.bass for request in requests] == [0, 2, 11, 4]


@pytest.mark.parametrize(
    "symbol, tones, bass",
    [
        ("C", {0, 4, 7}, 0),
        ("G/B", {7, 11, 2}, 11),
        ("Bb", {10, 2, 5}, 10),
        ("Ebmaj7/Bb", {3, 7, 10, 2}, 10),
        ("F#m7b5", {6, 9, 0, 4}, 6),
        ("Cdim7", {0, 3, 6, 9}, 0),
    ],
)
def test_chord_symbols_mean_what_a_musician_means(symbol, tones, bass):
    (request,) = requested_chords(as_tune([72]), symbols=symbol)
    assert (request.tones, request.bass) == (tones, bass)


def test_an_upbeat_shorter_than_a_quarter_comes_before_the_first_chord():
    tune = Chorale([[72, 0, 0, 0]] * 10, key="C major", time_signature="4/4", pickup=2)
    assert [request.step for request in requested_chords(tune, "I IV")] == [2, 6]


@pytest.mark.parametrize(
    "numerals, message",
    [
        ("I V", r"bar 1, beat 2: the soprano has F5, but V needs D G B"),
        ("I I6 I I", "4 chords for 2 quarters"),
        ("I VIII", "bar 1, beat 2: 'VIII' in C major: expected a Roman numeral"),
        ("I hello", "'hello'"),
        (". I", "has no chord to hold"),
        ({99: "I"}, "step 99"),
        ([(0, "I"), (0, "V")], "two chords"),
    ],
)
def test_what_cannot_be_heard_is_refused_by_name(numerals, message):
    with pytest.raises(ValueError, match=message):
        harmonize("chord_gru", ["C5", "F5"], quarters=1, key="C major", numerals=numerals)


def test_numerals_and_symbols_at_once_are_refused():
    with pytest.raises(ValueError, match="expected one or the other"):
        harmonize("chord_gru", ["C5"], quarters=1, numerals="I", symbols="C")


@pytest.mark.parametrize(
    "figures, key, note, tones, needed",
    [
        ("", "C major", 48, {0, 4, 7}, {4}),
        ("6", "C major", 52, {4, 7, 0}, {0, 4}),
        ("65", "C major", 47, {11, 2, 5, 7}, {7, 5, 11}),
        ("6, 4", "C major", 55, {7, 0, 4}, {0, 4}),
        ("#", "d minor", 57, {9, 1, 4}, {1}),
        ("n", "c minor", 55, {7, 11, 2}, {11}),
        ("#4,2", "C major", 48, {0, 2, 6, 9}, {0, 2, 6}),
        ("7,b5", "a minor", 50, {2, 5, 8, 0}, {5, 8, 0}),
        ("7,#", "e minor", 47, {11, 3, 6, 9}, {3, 9}),
        ("4", "C major", 55, {7, 0, 2}, {0}),
        ("4,3", "C major", 50, {2, 5, 7, 11}, {5, 7, 11}),
        ("#4,3", "C major", 48, {0, 4, 6, 9}, {4, 6, 9}),
        ("9", "C major", 48, {0, 2, 4, 7}, {2, 4}),
        ("5", "C major", 48, {0, 4, 7}, {4, 7}),
    ],
)
def test_figures_mean_what_a_continuo_player_means(figures, key, note, tones, needed):
    (request,) = figured_chords(Chorale([[0, 0, 0, note]] * 4), [(0, figures)], key)
    assert request.tones == tones and request.needed == needed


@pytest.mark.parametrize("figures", ["x", "6+", "IV"])
def test_figures_that_are_none_are_refused(figures):
    with pytest.raises(ValueError, match="bar 1, beat 1: figures"):
        figured_chords(Chorale([[0, 0, 0, 48]] * 4), [(0, figures)], "C major")


def test_a_plan_has_no_parallels_and_small_steps():
    tune = as_tune([72, 74, 76, 74, 72])
    requests = requested_chords(tune, "I V I V I")
    plan = plan_voicings(requests, tune, 0, np.random.default_rng(0))
    for before, after in zip(plan, plan[1:]):
        for upper in range(4):
            for lower in range(upper + 1, 4):
                interval = (before[upper] - before[lower]) % 12, (after[upper] - after[lower]) % 12
                moves = before[upper] != after[upper] and before[lower] != after[lower]
                assert not moves or interval not in ((0, 0), (7, 7))
    assert np.abs(np.diff(plan[:, 1:3], axis=0)).max() <= 5
