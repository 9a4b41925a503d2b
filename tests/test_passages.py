"""Passages: equal where the music is the same in any key, and only there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils.chorale import SILENCE, VOICES, Chorale
from chorale_utils.corpus.passages import (
    MINIMUM_CHANGES,
    copied,
    pairwise_containment,
    passage_containment,
    passages,
)

NOTES = st.one_of(st.just(SILENCE), st.integers(50, 62))


@st.composite
def chorales(draw, longest=40):
    steps = draw(st.integers(1, longest))
    return Chorale(draw(arrays(np.int64, (steps, 4), elements=NOTES)))


VOICE_CHOICES = st.sampled_from(("all", *VOICES))


@given(chorales(), st.integers(-40, 40), st.integers(1, 8), VOICE_CHOICES)
def test_transposing_changes_no_passage(chorale, semitones, steps, voices):
    moved = chorale.transpose(semitones)
    np.testing.assert_array_equal(passages(moved, steps, voices), passages(chorale, steps, voices))


@given(chorales(), st.integers(1, 8))
def test_there_is_one_passage_for_each_step_at_which_one_fits(chorale, steps):
    assert len(passages(chorale, steps)) == max(0, len(chorale) - steps + 1)


@given(st.lists(chorales(6), min_size=2, max_size=6), st.integers(1, 3), VOICE_CHOICES)
def test_passages_are_equal_exactly_where_their_intervals_and_rests_are(pieces, steps, voices):
    columns = range(4) if voices == "all" else [VOICES.index(voices)]
    written, numbers = [], []
    for piece in pieces:
        numbers += passages(piece, steps, voices).tolist()
        for start in range(len(piece) - steps + 1):
            notes = [
                int(note)
                for row in piece.pitches[start : start + steps]
                for note in row[list(columns)]
            ]
            first = next((note for note in notes if note), 0)
            written.append(tuple(note - first if note else None for note in notes))
    by_writing = {
        one: {number for other, number in zip(written, numbers) if other == one} for one in written
    }
    assert all(len(equal) == 1 for equal in by_writing.values())
    assert len(set(numbers)) == len(set(written))


@given(chorales(30), st.data())
def test_another_note_changes_exactly_the_passages_that_hold_it(chorale, data):
    steps = data.draw(st.integers(2, 5))
    step, voice = data.draw(st.integers(0, len(chorale) - 1)), data.draw(st.integers(0, 3))
    pitches = chorale.pitches.copy()
    pitches[step, voice] = 70  # outside of NOTES
    changed = np.flatnonzero(passages(Chorale(pitches), steps) != passages(chorale, steps))
    holding = [start for start in range(len(chorale) - steps + 1) if start <= step < start + steps]
    alone = [
        start
        for start in holding
        if np.count_nonzero(
            np.delete(chorale.pitches[start : start + steps].ravel(), (step - start) * 4 + voice)
        )
        == 0
    ]
    assert set(holding) - set(alone) <= set(changed) <= set(holding)


@given(chorales(), st.lists(chorales(), min_size=1, max_size=4), st.integers(1, 4), VOICE_CHOICES)
def test_shares_are_those_counted_one_by_one(chorale, others, steps, voices):
    mine = passages(chorale, steps, voices).tolist()
    theirs = [set(passages(other, steps, voices).tolist()) for other in others]
    expected = [np.mean([number in known for number in mine]) if mine else 0 for known in theirs]
    np.testing.assert_allclose(pairwise_containment([chorale], others, steps, voices), [expected])
    anywhere = np.mean([number in set.union(*theirs) for number in mine]) if mine else 0
    assert passage_containment(chorale, others, steps, voices) == pytest.approx(anywhere)


def test_a_real_chorale_is_found_whole_in_itself_in_another_key_and_hardly_in_another(
    music21_corpus,
):
    one, other = music21_corpus["bwv66.6"], music21_corpus["bwv269"]
    assert passage_containment(one, [other, one.transpose(5)], 16) == 1
    assert passage_containment(one, [other], 16) == 0


def test_nothing_is_found_where_there_are_no_others_or_the_piece_is_short():
    short = Chorale(np.full((3, 4), 60))
    assert passage_containment(short, [], 2) == 0
    assert passage_containment(short, [short], 4) == 0
    assert pairwise_containment([short], [], 2).shape == (1, 0)


def test_the_errors_name_what_was_given():
    chorale = Chorale(np.full((3, 4), 60))
    with pytest.raises(ValueError, match="voices 'sopran': expected 'all' or one of soprano"):
        passages(chorale, 2, "sopran")
    with pytest.raises(ValueError, match="passages of 0 steps"):
        passages(chorale, 0)


# What is copied


def longest_by_hand(chorale, others):
    """The longest shared passage with enough movement, by looking at all of them: (steps, names of
    its sources)."""
    best, sources = 0, set()
    for other in others:
        for steps in range(1, len(chorale) + 1):
            theirs = set(passages(other, steps).tolist())
            for start, number in enumerate(passages(chorale, steps).tolist()):
                rows = chorale.pitches[start : start + steps]
                if (
                    number in theirs
                    and (rows[1:] != rows[:-1]).any(axis=1).sum() >= MINIMUM_CHANGES
                    and steps >= best
                ):
                    best, sources = steps, {other.name} | (sources if steps == best else set())
    return best, sources


@given(
    st.lists(
        arrays(
            np.int64,
            st.tuples(st.integers(0, 12), st.just(4)),
            elements=st.sampled_from((0, 60, 62)),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 6),
)
def test_the_longest_shared_passage_is_the_one_found_by_looking_at_all(pitches, cut):
    one, *others = [Chorale(notes, name=str(number)) for number, notes in enumerate(pitches)]
    others += [
        Chorale(np.vstack([one.pitches[cut:], one.pitches[:cut]]), name="turned").transpose(3)
    ]
    table = copied([one], others)
    steps, sources = longest_by_hand(one, others)
    assert table.loc["0", "longest"] == steps
    assert table.loc["0", "source"] in sources if steps else table["source"].isna().all()


def test_a_real_chorale_is_copied_whole_from_itself_and_hardly_from_others(music21_corpus):
    chorale = music21_corpus["bwv66.6"]
    others = [piece for piece in music21_corpus.train if piece.name != "bwv66.6"]
    table = copied([chorale, chorale.transpose(2)], [*others[:40], chorale.transpose(-3)])
    assert table["longest"].tolist() == [len(chorale)] * 2 and table["share"].tolist() == [1, 1]
    assert table["source"].tolist() == ["bwv66.6"] * 2
    assert copied([chorale], others[:40])["share"].max() < 0.2


def test_held_notes_are_no_copy_and_what_comes_again_is_repeated():
    held = Chorale(np.full((64, 4), 60))
    assert copied([held], [held])[["longest", "share", "repeated"]].to_numpy().tolist() == [
        [0, 0, 0]
    ]
    random = np.random.default_rng(0)
    phrase = random.integers(50, 70, (16, 4))
    table = copied([Chorale(np.vstack([phrase, phrase + 2]))], [])
    assert table["repeated"].tolist() == [pytest.approx(1 / 17)] and table["longest"].tolist() == [
        0
    ]


def test_nothing_is_copied_where_there_is_nothing(music21_corpus):
    empty = Chorale(np.zeros((0, 4), int))
    assert copied([], music21_corpus.train[:2]).empty
    assert copied([empty], [empty])["longest"].tolist() == [0]


# First calls


def test_one_chorale_is_a_list_of_one(music21_corpus):
    one, other = music21_corpus["bwv66.6"], music21_corpus["bwv269"]
    pd.testing.assert_frame_equal(copied(one, other), copied([one], [other]))
    np.testing.assert_array_equal(
        pairwise_containment(one, other, 4), pairwise_containment([one], [other], 4)
    )
    assert passage_containment(one, one, 16) == passage_containment(one, [one], 16) == 1


@pytest.mark.parametrize("voices, steps", [("all", 16), ("soprano", 24)])
def test_a_passage_has_16_steps_in_all_voices_and_24_in_one_unless_said(
    voices, steps, music21_corpus
):
    one, others = music21_corpus.test[0], music21_corpus.train[:40]
    for containment in (pairwise_containment, passage_containment):
        expected = containment(one, others, steps, voices)
        np.testing.assert_array_equal(containment(one, others, voices=voices), expected)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "16", True])
def test_a_length_that_is_no_whole_number_of_steps_is_refused(steps):
    chorale = Chorale(np.full((30, 4), 60))
    for ask in (
        lambda: passages(chorale, steps),
        lambda: passage_containment(chorale, chorale, steps),
        lambda: pairwise_containment(chorale, chorale, steps),
        lambda: copied(chorale, chorale, steps),
    ):
        with pytest.raises(ValueError, match=f"passages of {steps!r} steps: expected a whole"):
            ask()


@pytest.mark.parametrize("wrong", ["bwv66.6", Path("mine.mid"), None, pd.DataFrame({"a": [1]})])
def test_what_is_no_chorale_is_refused_in_words(wrong):
    chorale = Chorale(np.full((30, 4), 60))
    for ask in (
        lambda: copied(wrong, chorale),
        lambda: copied(chorale, wrong),
        lambda: pairwise_containment(wrong, chorale),
        lambda: passage_containment(wrong, chorale),
        lambda: passage_containment(chorale, wrong),
        lambda: passages(wrong, 4),
    ):
        with pytest.raises(TypeError, match="got a .*: expected a (Chorale|list of Chorale)"):
            ask()
    with pytest.raises(TypeError, match="got a list of 2 Chorale: expected one"):
        passage_containment([chorale, chorale], chorale)
