"""What `check` says, and what it refuses."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from chorale_utils import check
from chorale_utils.teaching.checking import EXERCISES, Verdict

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
NUMBERS = [
    f"{book}.{n}" for book, many in enumerate((4, 4, 5, 5, 5), 1) for n in range(1, many + 1)
]


def chapters():
    return sorted(NOTEBOOKS.glob("0[1-5]_*.ipynb"))


def test_there_is_a_judge_for_every_exercise_of_the_notebooks():
    assert list(EXERCISES) == sorted(EXERCISES) and set(EXERCISES) == set(NUMBERS)
    numbered = []
    for path in chapters():
        for cell in nbformat.read(path, 4).cells:
            numbered += re.findall(r"^\*\*(\d\.\d)\*\* ", cell.source, re.MULTILINE)
    assert numbered == NUMBERS


def test_every_exercise_ends_with_the_line_that_checks_it():
    for path in chapters():
        for cell in nbformat.read(path, 4).cells:
            for number in re.findall(r"^\*\*(\d\.\d)\*\* ", cell.source):
                (code,) = re.findall(r"```python\n(.*?)\n```$", cell.source, re.DOTALL)
                assert code.startswith(f'check("{number}", ')
                parts = re.findall(r'"([\w ]+)": ', code)
                form = EXERCISES[number].form
                assert parts == re.findall(r'"([\w ]+)": ', form), (parts, form)


def test_every_exercise_has_a_solution_that_passes_its_check():
    for path in chapters():
        solution = nbformat.read(path.parent / "solutions" / path.name, 4)
        number = path.name[1]
        said = "".join(
            json.dumps(cell.outputs) for cell in solution.cells if cell.cell_type == "code"
        )
        wanted = [one for one in NUMBERS if one.startswith(f"{number}.")]
        assert re.findall(r"(\d\.\d): right\.", said) == wanted
        assert "not yet" not in said
        headings = re.findall(
            r"^## (\d\.\d) ", "\n".join(cell.source for cell in solution.cells), re.MULTILINE
        )
        assert headings == wanted


@pytest.mark.parametrize("wrong", ["1.9", "6.1", "", "one"])
def test_unknown_exercise_lists_those_that_there_are(wrong):
    with pytest.raises(
        ValueError, match=f"exercise {wrong!r}: expected one of {', '.join(NUMBERS)}"
    ):
        check(wrong, 1)


def test_number_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match=r"exercise a float \(1.2\): .*as text, one of 1.1"):
        check(1.2, 1)


@pytest.mark.parametrize("exercise", NUMBERS)
def test_answer_of_the_wrong_kind_is_shown_the_form_and_the_exercises(exercise):
    with pytest.raises(TypeError) as error:
        check(exercise, object())
    assert f'expected check("{exercise}", {EXERCISES[exercise].form})' in str(error.value)
    assert str(error.value).endswith(NUMBERS[-1])


def test_a_verdict_is_true_where_it_is_right_and_says_what_was_looked_at():
    right = Verdict("2.4", True, "well argued", "three words")
    assert right and "2.4: right." in repr(right) and "(Looked at: three words.)" in repr(right)
    wrong = Verdict("2.4", False, "say more", "three words")
    assert not wrong and repr(wrong) == "2.4: not yet.\nsay more"
