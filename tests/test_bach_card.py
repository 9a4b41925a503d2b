"""Bach card: how often Bach does what is forbidden."""

from chorale_utils import RULE_SETS, RULES
from chorale_utils.part_writing.bach_card import CARD, count_by_rule
from chorale_utils.part_writing.rules_page import _bachs_figures


def test_the_card_has_every_rule_and_bachs_set_is_what_he_hardly_does():
    figures = _bachs_figures()
    assert list(figures) == list(RULES), CARD
    for name in RULE_SETS["class"]:
        assert (float(figures[name][1]) < 10) == (name in RULE_SETS["bach"]), name


def test_the_card_is_about_as_a_few_chorales_are(music21_corpus):
    counted = count_by_rule(music21_corpus.valid[:8])
    assert list(counted.index) == list(RULES) and (counted["chorales"] <= 100).all()
    assert counted.loc["crossing", "faults"] >= counted.loc["crossing", "chorales"]
    assert counted.loc["parallel octaves", "chorales"] <= 25
