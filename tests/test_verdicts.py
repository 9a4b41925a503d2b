"""Verdicts: what somebody else has marked, beside what is found."""

import json

from chorale_utils.part_writing.verdicts import differences, main

VOICES = {"soprano": "B4 C5", "alto": "F4 G4", "tenor": "D4 C4", "bass": "G3 C3"}
SEVENTH = {"fault": "seventh", "step": 4, "voices": [1]}
RISING = {"name": "rising", "key": "C major", **VOICES, "faults": [SEVENTH]}


def test_what_is_missed_and_what_is_marked_besides_is_told_apart():
    assert differences(RISING) == (set(), set())
    other = RISING | {"faults": [SEVENTH | {"voices": [2]}]}
    assert differences(other) == ({(4, (2,), "seventh")}, {(4, (1,), "seventh")})


def test_a_case_of_a_rule_stands_for_the_rule():
    voices = {
        "soprano": "F4/2 r/2 G4",
        "alto": "D4 Eb4",
        "tenor": "Bb3 G3",
        "bass": "Bb2/2 r/2 C3",
    }
    fifths = {"fault": "parallel fifths", "step": 4, "voices": [0, 3]}
    exercise = {"name": "rest", "key": "Bb major", **voices, "faults": [fifths]}
    assert differences(exercise) == (set(), set())


def test_a_file_is_told_exercise_by_exercise_with_the_share_that_is_right(tmp_path, capsys):
    path = tmp_path / "exercises.json"
    path.write_text(json.dumps([RISING, RISING | {"name": "clean", "faults": []}]))
    main(str(path))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "clean: missed [], wrongly marked [(4, (1,), 'seventh')]"
    assert lines[-1] == "1 of 2 fully right, 50.0%"
