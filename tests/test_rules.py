"""Rules: what is said of each of them, and the sets that one can choose."""

import re

import pytest

from chorale_utils import RULE_SETS, RULES
from chorale_utils.part_writing.rules import SEVERITIES, chosen_rules


def _luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("name", RULES)
def test_every_colour_can_be_read_on_white(name):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1."""
    assert 1.05 / (_luminance(RULES[name].colour) + 0.05) >= 4.5


def test_every_rule_has_a_number_and_a_colour_of_its_own_and_says_what_and_why():
    assert [rule.number for rule in RULES.values()] == list(range(1, len(RULES) + 1))
    assert len({rule.colour for rule in RULES.values()}) == len(RULES)
    for rule in RULES.values():
        assert re.fullmatch("#[0-9A-F]{6}", rule.colour) and rule.severity in SEVERITIES
        assert rule.what and rule.why and rule.chances and rule.source


def test_the_strict_know_all_rules_and_each_other_set_is_part_of_them():
    assert RULE_SETS["strict"] == tuple(RULES)
    assert set(RULE_SETS["bach"]) < set(RULE_SETS["strict"]) > set(RULE_SETS["class"])
    assert all(RULES[name].severity != "error" for name in set(RULES) - set(RULE_SETS["class"]))


def test_rules_are_chosen_by_set_or_by_name_and_others_are_refused():
    assert chosen_rules("class") == RULE_SETS["class"]
    assert chosen_rules(["leap", "seventh"]) == ("leap", "seventh")
    with pytest.raises(ValueError, match="rules 'klass': expected one of 'class', 'strict', 'bach"):
        chosen_rules("klass")
    with pytest.raises(ValueError, match="rule 'sevenths': .* did you mean 'seventh'"):
        chosen_rules(["sevenths"])


def test_the_old_name_of_a_rules_chances_still_works_and_says_the_new_one():
    with pytest.warns(DeprecationWarning, match="Rule.of is now called Rule.chances") as caught:
        assert RULES["leap"].of == RULES["leap"].chances == "notes that move"
    assert caught[0].filename == __file__
