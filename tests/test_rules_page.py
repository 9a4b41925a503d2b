"""Rules page: every rule with its picture, as the code has them."""

import re
from pathlib import Path

import pytest

from chorale_utils import RULES
from chorale_utils.part_writing.examples import EXAMPLES
from chorale_utils.part_writing.rules_page import _page, picture, picture_name

DOCS = Path(__file__).parents[1] / "docs"


def test_the_page_says_of_every_rule_what_the_code_says():
    """`make rules` writes it anew."""
    page = (DOCS / "counterpoint.md").read_text("utf-8")
    assert page == _page()
    headings = re.findall(r"^### (\d+)\. (.+)$", page, re.MULTILINE)
    assert sorted(int(number) for number, _ in headings) == [rule.number for rule in RULES.values()]


@pytest.mark.parametrize("rule", RULES)
def test_every_picture_is_there_and_small(rule):
    path = DOCS / "rules" / f"{picture_name(rule)}.svg"
    assert path.stat().st_size < 30_000


def test_a_picture_marks_the_broken_half_alone():
    svg = picture(EXAMPLES[0])
    assert svg == (DOCS / "rules" / "parallel-fifths.svg").read_text("utf-8")
    assert RULES[EXAMPLES[0].rule].colour in svg.upper()
