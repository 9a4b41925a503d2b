"""Sealed answers: recognised, and not told."""

import csv
import re
import time
from pathlib import Path

import chorale_utils.teaching
from chorale_utils.teaching.sealing import SEALED, canonical, recognise, seal

PLACE = Path(chorale_utils.teaching.__file__).parent


def rows():
    with SEALED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_one_answer_has_one_form_however_it_is_written():
    assert canonical({"tenor", "alto"}) == canonical(["Alto", "tenor"]) == "alto,tenor"
    assert canonical(206) == "206" and canonical(round(0.391, 2)) == "0.39"


def test_the_exercise_and_the_part_are_the_salt():
    digests = {seal(exercise, part, 1) for exercise in ("1.1", "1.2") for part in ("a", "b")}
    assert len(digests) == 4


def test_guessing_takes_time():
    begin = time.process_time()
    seal("0.0", "steps", 1)
    assert time.process_time() - begin > 0.002  # a plain hash takes a thousandth of that


def test_every_row_is_a_hash_and_every_exercise_that_is_sealed_has_a_right_answer():
    right = {(row["exercise"], row["part"]) for row in rows() if not row["hint"]}
    for row in rows():
        assert re.fullmatch("[0-9a-f]{32}", row["hash"])
        assert (row["exercise"], row["part"]) in right


def test_right_answers_say_nothing_wrong_ones_give_their_hint_and_others_are_not_known():
    assert recognise("2.3", "transpositions", {0}) == ""
    assert "31 to 87" in recognise("2.3", "transpositions", set(range(-5, 7)))
    assert recognise("2.3", "transpositions", {3}) is None


def test_the_package_does_not_hold_the_answers_in_plain_text():
    sources = [path for path in PLACE.iterdir() if path.suffix in (".py", ".csv")]
    assert len(sources) > 6
    for path in sources:
        text = path.read_text(encoding="utf-8")
        for answer in (
            "206",
            "bwv414",
            "bwv8.6",
            "bwv79.3",
            "59 pieces",
            "1.4547",
            "alto and tenor",
        ):
            assert answer not in text, (path.name, answer)
        assert not re.search(r'alto", "tenor|0, 3, 6, 8|0, 4, 7, 9', text), path.name
