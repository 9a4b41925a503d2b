"""Examples: each rule is shown broken, and nothing else is; and then kept."""

import pytest
from exercises import marked

from chorale_utils import RULES
from chorale_utils.part_writing.examples import EXAMPLES, read_voices


def test_every_rule_has_an_example():
    assert [example.rule for example in EXAMPLES] == list(RULES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.rule)
def test_an_example_breaks_its_rule_and_no_other_and_is_mended(example):
    broken = marked(read_voices(example.broken, example.key), "strict")
    assert {rule for rule, *_ in broken} == {example.rule}
    assert not marked(read_voices(example.mended, example.key), "strict")


def test_voices_are_read_with_rests_spelling_struck_notes_and_fermatas():
    chorale = read_voices(("Bb4/2 Bb4/2!", "r", "Db4", "F##3"), "B- major")
    assert chorale.pitches[[0, 2]].tolist() == [[70, 0, 61, 55]] * 2
    assert chorale.onsets[:, 0].tolist() == [True, False, True, False]
    assert chorale.fermatas.tolist() == [False, False, True, True]
    assert chorale.notation.spelling[0].tolist() == [-2, -128, -5, 13]


@pytest.mark.parametrize(
    "voices, complaint",
    [
        (("C4", "C4", "C4", "C4 D4"), "expected four equally long"),
        (("C4", "C4", "C4"), "expected four equally long"),
        (("H4", "C4", "C4", "C4"), "'H4' in 'H4': expected a note such as"),
    ],
)
def test_what_cannot_be_read_is_named(voices, complaint):
    with pytest.raises(ValueError, match=complaint):
        read_voices(voices, "C major")
