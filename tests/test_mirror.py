"""A run's files in another place: all of them in the end, none that is half-written, and never over
something else."""

import json

import fsspec
import pytest
from conftest import write_notebook

from chorale_utils.story.notebooks import NotebookFailed
from chorale_utils.story.pipeline import resume, run
from chorale_utils.story.record import read_record
from chorale_utils.story.runs import summary

WRITE = """\
from pathlib import Path
Path(run_folder, "made").mkdir(exist_ok=True)
Path(run_folder, "made", "{0}").write_text("{0}")
"""


@pytest.fixture
def books(tmp_path, monkeypatch):
    """A folder of two notebooks, and the current folder, in which runs are made."""
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "notebooks", "01_first", 'run_folder = "."', WRITE.format("one"))
    write_notebook(tmp_path / "notebooks", "02_second", 'run_folder = "."', WRITE.format("two"))
    return tmp_path / "notebooks"


def files_in(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("scheme", ["file", "memory"])
def test_mirror_is_the_run_in_the_end(books, tmp_path, scheme):
    url = f"file://{tmp_path / 'there'}" if scheme == "file" else f"memory://{tmp_path.name}"
    folder = run(output=url, run_id="r", notebooks=books, progress=False)
    assert folder == tmp_path / "outputs" / "runs" / "r"
    files, place = fsspec.core.url_to_fs(f"{url}/r")
    mirrored = {path.removeprefix(f"{place}/"): files.cat_file(path) for path in files.find(place)}
    assert mirrored == {
        name: content for name, content in files_in(folder).items() if name != "run.lock"
    }
    assert {"01_first.ipynb", "made/one", "made/two"} <= set(mirrored)
    assert json.loads(mirrored["run.json"])[
        "state"
    ] == "complete" and f"a copy of it in {url}/r" in summary(folder)


def test_record_comes_last_and_nothing_is_copied_twice(books, tmp_path, monkeypatch):
    copied, put = [], fsspec.filesystem("memory").put_file
    monkeypatch.setattr(
        "fsspec.implementations.memory.MemoryFileSystem.put_file",
        lambda self, source, target, **how: (
            copied.append(target.split("/r/")[1]),
            put(source, target, **how),
        ),
    )
    run(output=f"memory://{tmp_path.name}", run_id="r", notebooks=books, progress=False)
    assert copied == [
        "01_first.ipynb",
        "made/one",
        "run.json",
        "02_second.ipynb",
        "made/two",
        "run.json",
        "run.json",
    ]


def test_what_is_there_already_is_left_alone(books, tmp_path):
    (tmp_path / "there" / "r").mkdir(parents=True)
    (tmp_path / "there" / "r" / "mine").touch()
    with pytest.raises(FileExistsError, match="r exists and is not empty"):
        run(output=f"file://{tmp_path / 'there'}", run_id="r", notebooks=books)
    assert not (tmp_path / "outputs").exists() and list(files_in(tmp_path / "there")) == ["r/mine"]


@pytest.mark.parametrize("url", ["nowhere://x", "s3://bucket/runs"])
def test_address_that_cannot_be_reached_is_refused_before_anything_runs(books, tmp_path, url):
    if url.startswith("s3"):
        try:
            fsspec.core.url_to_fs(url)
            pytest.skip("s3fs is installed here")
        except ImportError:
            pass
    with pytest.raises(
        ValueError, match=f"output {url}: .*expected a folder on this machine, or an address"
    ):
        run(output=url, notebooks=books)
    assert not (tmp_path / "outputs").exists()


def test_run_whose_mirror_failed_is_resumed_without_executing_anything_again(books, tmp_path):
    (tmp_path / "there").write_text("no folder")
    with pytest.raises(OSError):
        run(output=f"file://{tmp_path / 'there'}", run_id="r", notebooks=books, progress=False)
    folder = tmp_path / "outputs" / "runs" / "r"
    assert read_record(folder)["state"] == "failed"
    first = (folder / "01_first.ipynb").read_bytes()
    (tmp_path / "there").unlink()
    resume(folder, progress=False)
    assert read_record(folder)["state"] == "complete"
    mirrored = files_in(tmp_path / "there" / "r")
    assert mirrored["01_first.ipynb"] == first == (folder / "01_first.ipynb").read_bytes()
    assert mirrored == {
        name: content for name, content in files_in(folder).items() if name != "run.lock"
    }


def test_mirror_has_the_notebook_that_failed_and_the_record_that_says_so(books, tmp_path):
    write_notebook(books, "03_third", 'run_folder = "."', "1 / 0")
    with pytest.raises(NotebookFailed, match="ZeroDivisionError"):
        run(output=f"file://{tmp_path / 'there'}", run_id="r", notebooks=books, progress=False)
    assert (tmp_path / "there" / "r" / "03_third.ipynb").exists()
    record = json.loads((tmp_path / "there" / "r" / "run.json").read_text())
    assert record["state"] == "failed" and record["error"]["ename"] == "ZeroDivisionError"


def test_resuming_what_is_complete_completes_the_mirror(books, tmp_path):
    folder = run(output=f"file://{tmp_path / 'there'}", run_id="r", notebooks=books, progress=False)
    mirrored = files_in(tmp_path / "there")
    (tmp_path / "there" / "r" / "run.json").write_text(
        '{"state": "running"}'
    )  # as a kill in the midst of it leaves it
    (tmp_path / "there" / "r" / "made" / "two").unlink()
    resume(folder, progress=False)
    assert files_in(tmp_path / "there") == mirrored


def test_password_is_never_written_down(books, tmp_path):
    with pytest.raises(ValueError, match="password") as error:
        run(output="ftp://me:secret@host/runs", notebooks=books)
    assert "secret" not in str(error.value) and not (tmp_path / "outputs").exists()


def test_errors_of_a_storage_of_its_own_kind_are_told_as_such(books, tmp_path, monkeypatch):
    def put_file(*args, **options):
        raise RuntimeError("no credentials")

    monkeypatch.setattr("fsspec.implementations.memory.MemoryFileSystem.put_file", put_file)
    with pytest.raises(OSError, match="RuntimeError: no credentials"):
        run(output=f"memory://{tmp_path.name}", run_id="r", notebooks=books, progress=False)
    assert read_record(tmp_path / "outputs" / "runs" / "r")["state"] == "failed"
