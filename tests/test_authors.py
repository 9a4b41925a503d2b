"""Title and authors as a score names them."""

from made_scores import four_parts
from music21 import metadata

from chorale_utils.notation.reading import from_melody, from_score


def test_title_and_composer_of_a_score_are_kept():
    score = four_parts()
    score.metadata = metadata.Metadata(title="Ach Gott", composer="Anon.")
    for read in (from_score(score), from_melody(score, part="alto"), from_melody(score.parts[0])):
        assert (read.title, read.notation.composer) == ("Ach Gott", "Anon.")
    assert from_score(score, title="Mine").title == "Mine"
