"""Cards are read whole or by section."""

from pathlib import Path

import pytest

import chorale_utils
from chorale_utils.story.cards import CARDS, read_card


@pytest.mark.parametrize("name", CARDS)
def test_every_card_is_there_and_its_sections_are_parts_of_it(name):
    card = read_card(name)
    assert card.startswith("# ")
    headings = [line[3:] for line in card.splitlines() if line.startswith("## ")]
    for heading in headings:
        section = read_card(name, heading)
        assert section and section in card and "\n## " not in section


def test_every_card_that_the_package_has_can_be_read():
    package = Path(chorale_utils.__file__).parent
    assert sorted(CARDS.values()) == sorted(package.rglob("*.md"))


def test_unknown_card_or_section_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="card 'mozart': expected one of note_gru, chord_gru"):
        read_card("mozart")
    with pytest.raises(ValueError, match="card 'note_gru', section 'Nothing': expected one of"):
        read_card("note_gru", "Nothing")
