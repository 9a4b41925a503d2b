"""One run of the story, on small stand-in notebooks that papermill really executes."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version

import nbformat
import pytest
from conftest import write_notebook

from chorale_utils.story import notebooks, pipeline
from chorale_utils.story.notebooks import NotebookFailed, notebooks_in
from chorale_utils.story.pipeline import overrides, plan_parameters, refresh, run

NASTY = 'a "quoted" \'word\'\nimport os; os.remove("x") \\ \\" {epochs} ü %s'


@pytest.fixture(scope="module")
def done(story, tmp_path_factory):
    """The folder of a run with parameters of every type."""
    return run(
        seed=7,
        parameters={
            "epochs": 5,
            "rate": 2,
            "shuffle": False,
            "key": NASTY,
            "voices": ["alto"],
            "limit": -3,
            "pieces": 4,
        },
        output=tmp_path_factory.mktemp("runs"),
        run_id="mine",
        notebooks=story,
    )


def record_of(folder):
    return json.loads((folder / "run.json").read_text())


def test_notebooks_run_in_order_and_are_kept_executed(done):
    assert sorted(path.name for path in done.glob("*.ipynb")) == [
        "01_first.ipynb",
        "02_second.ipynb",
    ]
    for path in done.glob("*.ipynb"):
        counts = [
            cell.execution_count
            for cell in nbformat.read(path, 4).cells
            if cell.cell_type == "code"
        ]
        assert counts == list(range(1, len(counts) + 1))
    assert json.loads((done / "told.json").read_text())["at"] < float(
        (done / "late.json").read_text()
    )


def test_parameters_arrive_as_data_of_the_declared_type(done):
    told = json.loads((done / "told.json").read_text())
    expected = {
        "seed": 7,
        "epochs": 5,
        "rate": 2.0,
        "shuffle": False,
        "key": NASTY,
        "voices": ["alto"],
        "limit": -3,
    }
    assert {name: told[name] for name in expected} == expected
    assert type(told["rate"]) is float


def test_kernel_is_of_this_environment_and_works_in_the_notebooks_folder(done):
    told = json.loads((done / "told.json").read_text())
    assert (told["prefix"], told["folder"]) == (sys.prefix, "notebooks")


def test_executed_notebooks_name_no_absolute_path(done, story):
    for path in done.glob("*.ipynb"):
        for folder in (done, story):  # "../.." before it makes it a relative one
            assert not re.search(r"(?<!\.\.)" + re.escape(str(folder)), path.read_text())


def test_record_tells_how_the_run_came_about(done):
    record = record_of(done)
    assert (record["state"], record["profile"], record["seed"], record["error"]) == (
        "complete",
        "demo",
        7,
        None,
    )
    first, second = record["notebooks"]
    assert (first["name"], second["name"]) == ("01_first", "02_second")
    assert first["parameters"]["epochs"] == 5 and first["parameters"]["key"] == NASTY
    assert (
        set(second["parameters"]) == {"run_folder", "pieces"}
        and second["parameters"]["pieces"] == 4
    )
    assert all(
        one["state"] == "complete" and 0 < one["seconds"] < 60 for one in record["notebooks"]
    )
    assert record["versions"]["papermill"] == version("papermill")
    assert record["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert record["started"] <= record["finished"] and record["started"].endswith("+00:00")
    assert record["cores"] >= 1 and record["peak_memory_mib"] > 10 and record["processor"]
    assert record["corpus"] is None  # no notebook here has one


def test_nothing_is_left_under_a_temporary_name(done):
    assert not [path for path in done.rglob("*") if path.name.startswith(".")]


def test_defaults_of_the_notebook_hold_where_nothing_is_given_and_runs_get_folders_of_their_own(
    story, tmp_path
):
    folders = [run(output=tmp_path, notebooks=story) for _ in range(2)]
    assert folders[0] != folders[1]
    for folder in folders:
        told = json.loads((folder / "told.json").read_text())
        assert (told["seed"], told["rate"], told["key"], told["limit"]) == (
            42,
            0.01,
            "f# minor",
            None,
        )
        assert record_of(folder)["seed"] == 42


@pytest.mark.parametrize(
    "wrong, message",
    [
        (
            {"parameters": {"epoch": 3}},
            "no notebook declares a parameter 'epoch': expected one of epochs, ",
        ),
        ({"parameters": {"epochs": "3"}}, "epochs = '3': expected int"),
        ({"parameters": {"epochs": True}}, "epochs = True: expected int"),
        ({"parameters": {"epochs": 2.5}}, "epochs = 2.5: expected int"),
        ({"parameters": {"rate": "fast"}}, "rate = 'fast': expected float"),
        ({"parameters": {"shuffle": 1}}, "shuffle = 1: expected bool"),
        ({"parameters": {"voices": ("alto",)}}, "expected list"),
        ({"parameters": {"voices": [("alto",)]}}, "expected list"),
        ({"parameters": {"limit": object}}, "expected a plain value"),
        ({"parameters": {"key": None}}, "key = None: expected str"),
        ({"parameters": {"run_folder": "x"}}, "--output"),
        ({"parameters": {"seed": 1}, "seed": 2}, "given twice"),
        ({"profile": "fast"}, "profile 'fast': expected one of demo, standard, full"),
        ({"corpus": "mozart"}, "no notebook declares a parameter 'corpus'"),
        ({"run_id": "../elsewhere"}, "run id '../elsewhere'"),
    ],
)
def test_what_is_not_understood_is_refused_before_anything_runs(story, tmp_path, wrong, message):
    with pytest.raises(ValueError) as error:
        run(output=tmp_path / "runs", notebooks=story, **wrong)
    assert message in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def story_with_corpus(tmp_path):
    write_notebook(tmp_path / "notebooks", "01_first", 'corpus = "music21"', "corpus")
    return tmp_path / "notebooks"


@pytest.mark.parametrize("given", [{"corpus": "mozart"}, {"parameters": {"corpus": "mozart"}}])
def test_unknown_corpus_is_refused_before_anything_runs(story_with_corpus, tmp_path, given):
    with pytest.raises(ValueError, match="corpus 'mozart': expected one of music21, jsb"):
        run(output=tmp_path / "runs", notebooks=story_with_corpus, **given)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("edition", ["music21", "jsb"])
def test_record_says_which_corpus_it_was(story_with_corpus, tmp_path, edition):
    record = record_of(run(corpus=edition, output=tmp_path, notebooks=story_with_corpus))
    assert record["corpus"]["edition"] == edition
    assert any(len(str(value)) == 64 for value in record["corpus"].values()), "a SHA-256"


def test_profiles_set_only_what_the_notebooks_declare(monkeypatch, story):
    monkeypatch.setitem(pipeline.PROFILES, "full", {"epochs": 9, "pieces": 8})
    plan = plan_parameters(notebooks_in(story), overrides("full", parameters={"pieces": 1}))
    assert [values.get("epochs") for values in plan.values()] == [9, None]
    assert [values.get("pieces") for values in plan.values()] == [None, 1]


def test_profiles_fit_the_notebooks_of_the_project():
    for profile in pipeline.PROFILES:
        assert len(plan_parameters(notebooks_in(pipeline.NOTEBOOKS), overrides(profile))) == 6


def test_folder_that_holds_something_is_refused_and_left_alone(story, done):
    before = record_of(done)
    with pytest.raises(FileExistsError, match="choose another --run-id"):
        run(output=done.parent, run_id="mine", notebooks=story)
    assert record_of(done) == before


def test_first_failing_notebook_ends_the_run_and_what_was_done_is_kept(failing_story, tmp_path):
    with pytest.raises(NotebookFailed) as error:
        run(output=tmp_path, run_id="r", notebooks=failing_story)
    assert error.value.place == "notebook 02_second, cell In [4]"
    assert (error.value.ename, error.value.evalue) == ("ValueError", "note 30")
    assert "raise ValueError(f'note {notes[1]}')" in error.value.source
    assert "\x1b" not in error.value.traceback and "Traceback" in error.value.traceback
    folder, record = tmp_path / "r", record_of(tmp_path / "r")
    assert (folder / "kept").exists() and not (folder / "never").exists()
    assert sorted(path.stem for path in folder.glob("*.ipynb")) == ["01_first", "02_second"]
    assert record["state"] == "failed" and record["finished"]
    assert (record["error"]["ename"], record["error"]["evalue"]) == ("ValueError", "note 30")
    assert [one["state"] for one in record["notebooks"]] == ["complete", "failed", "waiting"]


def test_kernel_that_dies_ends_the_run(tmp_path):
    write_notebook(tmp_path / "notebooks", "01_first", "", "import os\nos._exit(9)")
    with pytest.raises(NotebookFailed, match=r"notebook 01_first, cell In \[1\]: DeadKernelError"):
        run(output=tmp_path, run_id="r", notebooks=tmp_path / "notebooks")
    assert record_of(tmp_path / "r")["state"] == "failed"


def test_refreshing_changes_outputs_and_nothing_else_and_can_be_repeated(tmp_path):
    write_notebook(
        tmp_path, "01_first", "seed = 1", "print('10 %', end='\\r')\nprint('done')", "seed + 1"
    )
    refresh(notebooks=tmp_path)
    once = (tmp_path / "01_first.ipynb").read_bytes()
    refresh(names=["01_first"], notebooks=tmp_path)
    assert (tmp_path / "01_first.ipynb").read_bytes() == once
    book = nbformat.reads(once.decode(), 4)
    assert book.metadata == notebooks.NOTEBOOK_METADATA
    assert [cell.metadata for cell in book.cells] == [{}, {"tags": ["parameters"]}, {}, {}]
    assert [output.text for output in book.cells[2].outputs] == [
        "done\n"
    ]  # of a progress bar, its last state
    assert book.cells[3].outputs[0].data["text/plain"] == "2"
    assert os.listdir(tmp_path) == ["01_first.ipynb"]


def test_refreshing_leaves_no_widget_that_would_be_dead(tmp_path):
    write_notebook(
        tmp_path,
        "01_first",
        "seed = 1",
        "from ipywidgets import Label\nprint('beside it')\nLabel('alive')",
    )
    refresh(notebooks=tmp_path)
    outputs = nbformat.read(tmp_path / "01_first.ipynb", 4).cells[-1].outputs
    assert [output.get("text") for output in outputs] == ["beside it\n"]


@pytest.mark.parametrize(
    "cell, message",
    [("import warnings\nwarnings.warn('old')", "UserWarning: old"), ("1 / 0", "ZeroDivisionError")],
)
def test_refreshing_leaves_a_notebook_that_fails_or_warns_as_it_was(tmp_path, cell, message):
    write_notebook(tmp_path, "01_first", "", cell)
    before = (tmp_path / "01_first.ipynb").read_bytes()
    with pytest.raises(NotebookFailed, match=message):
        refresh(notebooks=tmp_path)
    assert (tmp_path / "01_first.ipynb").read_bytes() == before


def test_refreshing_an_unknown_notebook_is_refused(story):
    with pytest.raises(ValueError, match="expected one of 01_first, 02_second"):
        refresh(names=["09_ninth"], notebooks=story)


def test_the_process_that_runs_the_story_does_not_load_tensorflow(story, tmp_path):
    code = (
        "import sys; from chorale_utils.command import main; "
        f"main(['run', '--notebooks', {str(story)!r}, '--output', {str(tmp_path)!r}]); "
        "assert not {'tensorflow', 'keras', 'music21'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)
