"""What a page says beyond the notes: bars, the order in which they are sung, words, spelling."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from chorale_utils.notation.page import (
    UNSPELLED,
    Bar,
    KeySignature,
    Notation,
    Syllable,
    Tempo,
    regular_bars,
)


def bars(*told):
    """Bars of 4/4, one for each dict of what is special about it."""
    return tuple(
        Bar(16 * number, 16, "4/4", number=number + 1, **about) for number, about in enumerate(told)
    )


@pytest.mark.parametrize(
    "told, order",
    [
        ([{}, {}], [0, 1]),
        ([{}, {"repeat_end": 2}, {}], [0, 1, 0, 1, 2]),
        ([{}, {"repeat_begin": True, "repeat_end": 3}, {}], [0, 1, 1, 1, 2]),
        (
            [{"repeat_begin": True}, {"endings": (1,), "repeat_end": 2}, {"endings": (2,)}, {}],
            [0, 1, 0, 2, 3],
        ),
        ([{}, {"endings": (1, 2), "repeat_end": 2}, {"endings": (3,)}], [0, 1, 0, 1, 0, 2]),
        ([{}, {"marks": ("fine",)}, {"marks": ("da capo al fine",)}], [0, 1, 2, 0, 1]),
        ([{"repeat_end": 2, "marks": ("fine",)}, {"marks": ("da capo al fine",)}], [0, 0, 1, 0]),
        (
            [{}, {"marks": ("segno",)}, {"marks": ("to coda",)}, {"marks": ("dal segno al coda",)}]
            + [{"marks": ("coda",)}, {}],
            [0, 1, 2, 3, 1, 2, 4, 5],
        ),
        (
            [{"repeat_begin": True}, {"endings": (1,), "repeat_end": 2}]
            + [{"endings": (2,), "marks": ("da capo",)}],
            [0, 1, 0, 2, 0, 2],
        ),
        ([{"repeat_end": 2}, {"repeat_end": 2}], [0, 0, 1, 1]),
    ],
)
def test_bars_are_sung_in_the_order_that_the_signs_ask_for(told, order):
    assert Notation(bars(*told)).playing_order() == order


def test_jump_to_a_sign_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="bar 2 jumps to a segno: expected one on the page"):
        Notation(bars({}, {"marks": ("dal segno",)})).playing_order()


def test_page_that_is_played_out_sings_each_syllable_as_often_as_its_bar():
    page = Notation(
        bars({"repeat_end": 2}, {}),
        words=(Syllable(0, 0, 1, "Lo", "begin"), Syllable(20, 0, 1, "be", "end")),
        keys=(KeySignature(0, 1, "major"),),
        spelling=np.arange(128).reshape(32, 4) % 20,
    )
    played = page.played(page.playing_order())
    assert [(bar.start, bar.number, bar.repeat_end) for bar in played.bars] == [
        (0, 1, 0),
        (16, 2, 0),
        (32, 3, 0),
    ]
    assert [(syllable.step, syllable.text) for syllable in played.words] == [
        (0, "Lo"),
        (16, "Lo"),
        (36, "be"),
    ]
    assert played.keys == page.keys
    expected = np.concatenate([page.spelling[:16], page.spelling])
    np.testing.assert_array_equal(played.spelling, expected)


@given(st.integers(1, 200), st.sampled_from(["4/4", "3/4", "6/8", "3/2"]), st.data())
def test_excerpts_that_are_laid_end_to_end_are_the_page(steps, metre, data):
    full = {"4/4": 16, "3/4": 12, "6/8": 12, "3/2": 24}[metre]
    page = Notation(
        regular_bars(steps, metre, data.draw(st.integers(0, full - 1))),
        words=tuple(Syllable(step, 0, 1, f"s{step}") for step in range(0, steps, 5)),
        spelling=np.arange(4 * steps).reshape(steps, 4) % 30 - 10,
    )
    cut = data.draw(st.integers(0, steps))
    parts = [(0, page.excerpt(0, cut)), (cut, page.excerpt(cut, steps))]
    words = [(at + word.step, word.text) for at, part in parts for word in part.words]
    assert words == [(word.step, word.text) for word in page.words]
    covered = [
        (at + bar.start + place, bar.number, bar.offset + place)
        for at, part in parts
        for bar in part.bars
        for place in range(bar.steps)
    ]
    assert covered == [
        (bar.start + place, bar.number, bar.offset + place)
        for bar in page.bars
        for place in range(bar.steps)
    ]
    together = np.concatenate([part.spelling for _, part in parts])
    np.testing.assert_array_equal(together, page.spelling)


def test_repeat_that_is_cut_in_two_leaves_no_sign_behind():
    page = Notation(bars({"repeat_begin": True}, {"repeat_end": 2}, {"marks": ("da capo",)}))
    assert not page.excerpt(8, 48).has_repeats
    assert not page.excerpt(16, 32).has_repeats
    assert page.excerpt(0, 32).playing_order() == [0, 1, 0, 1]


def test_signature_and_tempo_before_an_excerpt_hold_in_it():
    page = Notation(
        bars({}, {}, {}),
        keys=(KeySignature(0, 2, "major"), KeySignature(16, -1, "minor")),
        tempos=(Tempo(0, 80.0), Tempo(40, 60.0, "slower")),
    )
    assert page.excerpt(20, 48).keys == (KeySignature(0, -1, "minor"),)
    assert page.excerpt(20, 48).tempos == (Tempo(0, 80.0), Tempo(20, 60.0, "slower"))


@given(st.integers(-11, 11))
def test_transposing_there_and_back_is_identity_while_signatures_have_at_most_seven_signs(fifths):
    page = Notation(
        bars({}),
        keys=(KeySignature(0, 0, "dorian"),),
        spelling=np.where(np.arange(64).reshape(16, 4) % 3, 4, UNSPELLED),
    )
    moved = page.transpose(fifths)
    assert abs(moved.keys[0].fifths) <= 7
    np.testing.assert_array_equal(moved.spelling == UNSPELLED, page.spelling == UNSPELLED)
    back = moved.transpose(-fifths)
    np.testing.assert_array_equal(back.spelling, page.spelling)
    assert back.keys[0].fifths % 12 == 0


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: Bar(0, 20, "4/4"), "expected at most the 16 of a bar of 4/4"),
        (lambda: Bar(0, 16, "4/4", repeat_end=1), "sung 1 times: expected 2 or more"),
        (lambda: Bar(0, 16, "4/4", marks=("D.C.",)), "mark 'D.C.': expected one of segno"),
        (lambda: Bar(0, 16, "4/4", barline="thick"), "bar line 'thick': expected one of regular"),
        (lambda: Notation((Bar(0, 16, "4/4"), Bar(20, 16, "4/4"))), "expected 16, where the bar"),
        (lambda: Notation(bars({}), spelling=np.zeros((3, 4))), "spelling of 3 steps: expected 16"),
        (lambda: Syllable(0, 4, 1, "la"), "expected a voice 0..3"),
        (lambda: Notation(bars({})).bar_at(16), "step 16: expected 0..15"),
    ],
)
def test_nonsense_is_refused_by_name(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_pages_are_equal_where_all_that_they_say_is():
    page = Notation(bars({}), spelling=np.zeros((16, 4)), composer="J. Crüger")
    assert page == Notation(bars({}), spelling=np.zeros((16, 4)), composer="J. Crüger")
    assert page != Notation(bars({}), spelling=np.ones((16, 4)), composer="J. Crüger")
    assert page != Notation(bars({}), spelling=np.zeros((16, 4)))


@given(
    st.integers(1, 70),
    st.integers(0, 70),
    st.sampled_from(["4/4", "3/4", "6/8"]),
    st.integers(0, 5),
)
def test_a_page_that_goes_on_has_the_bars_of_the_longer_piece(steps, more, metre, pickup):
    page = Notation(regular_bars(steps, metre, pickup), spelling=np.ones((steps, 4), int))
    longer = page.extended(steps + more)
    assert longer.bars == regular_bars(steps + more, metre, pickup)
    assert (longer.spelling[:steps] == 1).all() and (longer.spelling[steps:] == UNSPELLED).all()
    assert page.extended(steps) == page


def test_a_page_that_goes_on_keeps_its_signs_where_they_stand():
    page = Notation((Bar(0, 16, "4/4", barline="final"), Bar(16, 12, "4/4", 0, 2, repeat_end=2)))
    first, divided, rest, third = page.extended(40).bars
    assert (first, divided) == page.bars
    assert (rest.start, rest.steps, rest.offset, rest.number) == (28, 4, 12, 2)
    assert (third.start, third.steps, third.number) == (32, 8, 3)
    (last,) = Notation((Bar(0, 12, "4/4", barline="final"),)).extended(16).bars
    assert (last.steps, last.barline) == (16, None)
    assert Notation(composer="Bach").extended(99) == Notation(composer="Bach")


def test_the_page_of_a_voice_has_no_words_or_spelling_of_others():
    words = [Syllable(step, voice, 1, "la") for step in (0, 8) for voice in range(4)]
    page = Notation(bars({}), words=words, spelling=np.zeros((16, 4), int), composer="Bach")
    alto = page.of_voice(1)
    assert alto.words == (words[1], words[5]) and alto.composer == "Bach" and alto.bars == page.bars
    assert (alto.spelling == [UNSPELLED, 0, UNSPELLED, UNSPELLED]).all()


@given(st.data())
def test_page_with_steps_cut_out_has_bars_words_and_spelling_of_what_is_left(data):
    metre = data.draw(st.sampled_from(["4/4", "3/4"]))
    full = {"4/4": 16, "3/4": 12}[metre]
    steps = data.draw(st.integers(full, 100))
    cut = data.draw(st.integers(0, steps))
    until = min(steps, cut + full * data.draw(st.integers(0, 4)))
    kept = (np.arange(steps) < cut) | (np.arange(steps) >= until)
    page = Notation(
        regular_bars(steps, metre),
        keys=(KeySignature(0, 1, "major"),),
        words=tuple(Syllable(step, 0, 1, f"s{step}") for step in range(steps)),
        spelling=np.arange(4 * steps).reshape(steps, 4) % 30 - 10,
    )
    left = page.keep(kept)
    assert left.steps == kept.sum()
    assert [word.text for word in left.words] == [f"s{step}" for step in np.flatnonzero(kept)]
    assert [word.step for word in left.words] == list(range(left.steps))
    np.testing.assert_array_equal(left.spelling, page.spelling[kept])
    if (until - cut) % full == 0:  # whole bars went, so that all bar lines stay in step
        assert [(bar.start, bar.offset, bar.steps) for bar in left.bars] == [
            (bar.start, bar.offset, bar.steps) for bar in regular_bars(left.steps, metre)
        ]


def test_repeat_around_a_cut_stays():
    page = Notation(bars({}, {"repeat_begin": True}, {}, {"repeat_end": 2}, {}))
    left = page.keep(~np.isin(np.arange(80) // 16, [1, 3]))
    assert left.playing_order() == [0, 1, 1, 2]


def test_bar_line_that_is_usual_at_its_place_has_no_name():
    lines = ("regular", "final", "double", "final")
    bars = [Bar(16 * n, 16, "4/4", 0, n + 1, barline=line) for n, line in enumerate(lines)]
    page = Notation(tuple(bars))
    assert [bar.barline for bar in page.bars] == [None, "final", "double", None]
    assert [bar.barline for bar in page.excerpt(0, 20).bars] == [None, "regular"], "it goes on"
    assert [bar.barline for bar in page.played([1, 0]).bars] == [None, None]
    plain = replace(bars[0], barline="regular")
    assert Notation((plain,)).bars[0].barline == "regular"
