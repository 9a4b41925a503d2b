"""One notebook: what it declares, and what executing it leaves."""

import nbformat
import pytest
from conftest import write_notebook

from chorale_utils.story.notebooks import (
    NotebookFailed,
    check_plain,
    code_sha256,
    declared_parameters,
    execute,
    notebooks_in,
    page_in_the_book,
    value_from_text,
)


def test_default_that_is_no_plain_value_is_named(tmp_path):
    write_notebook(tmp_path, "01_first", "epochs = 3\nrates = (0.1, 0.2)")
    with pytest.raises(
        ValueError, match=r"01_first.ipynb: parameter rates = \(0.1, 0.2\): expected a plain value"
    ):
        declared_parameters(tmp_path / "01_first.ipynb")


def test_declared_parameters_are_read_with_their_types(story):
    assert declared_parameters(story / "01_first.ipynb") == {
        "run_folder": "../outputs/runs/notebooks",
        "seed": 42,
        "epochs": 3,
        "rate": 0.01,
        "shuffle": True,
        "key": "f# minor",
        "voices": ["soprano", "bass"],
        "limit": None,
    }


def test_folder_without_notebooks_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}: expected notebooks named"):
        notebooks_in(tmp_path)


def test_notebooks_come_in_the_order_of_their_names_whatever_order_is_asked_for(story):
    names = ["02_second", "01_first"]
    assert [book.stem for book in notebooks_in(story)] == ["01_first", "02_second"]
    assert [book.stem for book in notebooks_in(story, names)] == ["01_first", "02_second"]
    assert [book.stem for book in notebooks_in(story, names[:1])] == ["02_second"]
    with pytest.raises(ValueError, match="'scratch': expected one of 01_first, 02_second"):
        notebooks_in(story, ["scratch"])


@pytest.mark.parametrize(
    "text, default, value",
    [
        ("5", 3, 5),
        ("5", "3", "5"),
        ("true", False, True),
        ("[1, 'a']", [], [1, "a"]),
        ("None", None, None),
        ("many", 3, "many"),
        ("1 +", 3, "1 +"),
    ],
)
def test_text_stands_for_what_the_parameter_may_be(text, default, value):
    found = value_from_text(text, default)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize("value", [[1, {"a": [None, True, 0.5]}], {}, "", None])
def test_plain_values_are_those_that_a_notebook_gets_as_they_are(value):
    check_plain(value)


@pytest.mark.parametrize("value", [(1,), [(1,)], {"a": {1}}, {(1, 2): 1}, object()])
def test_values_that_are_not_plain_all_the_way_down_are_refused(value):
    with pytest.raises(TypeError, match="expected int, float, bool, str, list, dict or None"):
        check_plain(value)


def test_hash_is_of_the_code_alone(tmp_path):
    write_notebook(tmp_path, "01_first", "seed = 1", "seed")
    path = tmp_path / "01_first.ipynb"
    before = code_sha256(path)
    book = nbformat.read(path, as_version=4)
    book.cells[0].source = "# Other prose"
    book.cells[2].outputs = [nbformat.v4.new_output("stream", text="1")]
    nbformat.write(book, path)
    assert code_sha256(path) == before
    book.cells[2].source = "seed + 1"
    nbformat.write(book, path)
    assert code_sha256(path) != before


def test_executing_says_which_cell_begins_and_leaves_what_was_executed_when_one_fails(tmp_path):
    write_notebook(tmp_path, "01_first", "seed = 1", "print(seed)", "1 / 0", "'never'")
    begun, executed = [], tmp_path / "executed.ipynb"
    with pytest.raises(NotebookFailed, match="ZeroDivisionError") as error:
        execute(tmp_path / "01_first.ipynb", executed, {"seed": 2}, lambda *at: begun.append(at))
    assert begun == [(number, 6) for number in (1, 2, 3, 4, 5)]  # with a cell for the parameters
    assert "    1 / 0" in str(error.value)
    outputs = {cell.source: cell.get("outputs") for cell in nbformat.read(executed, 4).cells}
    assert outputs["print(seed)"][0].text == "2\n" and outputs["'never'"] == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01_first.ipynb", executed.name]


@pytest.mark.parametrize(
    "path, page",
    [
        ("/x/notebooks/05_generation.ipynb", "notebooks/05_generation"),
        ("/notebooks/x/notebooks/solutions/01.ipynb", "notebooks/solutions/01"),
        ("notebooks/notebooks.ipynb", "notebooks/notebooks"),
        ("/x/mine/05_generation.ipynb", None),
        ("/x/notebooks.ipynb", None),
    ],
)
def test_a_notebook_of_the_project_has_a_page_in_the_book_and_no_other_has(path, page):
    assert page_in_the_book(path) == page
