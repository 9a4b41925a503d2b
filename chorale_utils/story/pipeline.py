"""One run of the story: papermill executes the notebooks in order and saves them in a new folder.

``chorale run --profile demo`` leaves in ``outputs/runs/<run-id>/`` the executed notebooks, the
files that they wrote, and ``run.json``, which records how they were made. ``chorale resume``
completes a run that failed, was interrupted or was killed. This file decides which notebooks are
executed and with which parameters; the notebooks themselves do the computing.
"""

import os
import secrets
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..corpus.editions import EDITIONS, corpus_fingerprint
from ..files import write_atomically
from .mirror import Mirror
from .notebooks import (
    UNFINISHED,
    NotebookFailed,
    check_error_stream,
    check_plain,
    code_sha256,
    declared_parameters,
    execute,
    notebooks_in,
    page_in_the_book,
    read_notebook,
    seconds_per_cell,
    with_links_to_the_book,
    without_volatile_metadata,
)
from .progress import Progress, is_shown
from .record import (
    LOCK,
    RECORD,
    display_path,
    folder_lock,
    provenance,
    read_record,
    utc_now,
    write_record,
)

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
RUNS = "outputs/runs"

# How each profile changes the notebooks' defaults; `full` has the settings of the shipped weights.
PROFILES: dict[str, dict[str, Any]] = {
    "demo": {},
    "standard": {
        "epochs": 25,
        "second_epochs": 5,
        "chord_epochs": 85,
        "chord_second_epochs": 15,
        "pieces": 8,
        "model_name": "own",
    },
    "full": {
        "corpus": "jsb",
        "epochs": 150,
        "second_epochs": 21,
        "chord_epochs": 140,
        "chord_second_epochs": 64,
        "pieces": 16,
        "model_name": "own",
    },
}


def run(
    profile: str = "demo",
    corpus: str | None = None,
    seed: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    output: str | os.PathLike[str] = RUNS,
    run_id: str | None = None,
    notebooks: str | os.PathLike[str] = NOTEBOOKS,
    names: Sequence[str] | None = None,
    progress: bool | None = None,
) -> Path:
    """Executes the story and returns the run's folder. All parameters are checked before anything
    runs.

    Each notebook gets only the parameters that its cell tagged ``parameters`` declares. Its working
    folder is that of the notebooks, as in JupyterLab; the parameter `run_folder` tells it where to
    write.

    Args:
        profile: a name in `PROFILES`; the other arguments take precedence over it.
        corpus: ``'music21'`` or ``'jsb'``; None leaves the choice to the profile and the notebooks.
        seed: None for the notebooks' own.
        parameters: name -> value of any other notebook parameter: int, float, bool, str, list, dict
            or None.
        output: the folder in which the run's folder is created. It may be an address that fsspec
            knows (``'s3://bucket/runs'``, if s3fs is installed): then the run's folder is created
            in ``outputs/runs``, since the notebooks write to a local disk, and is copied to that
            address each time a notebook ends.
        run_id: name of the run's folder; None for the time and a random suffix.
        notebooks: the folder whose ``0*.ipynb`` are executed, sorted by name.
        names: names of the notebooks to execute (``['03_model_training']``); None for all.
        progress: whether to show a line with the current cell and the time remaining; None shows it
            on a terminal.

    Raises:
        MissingExtra: the packages that execute notebooks are not installed.
        ValueError: the profile, corpus, a notebook or a parameter is unknown, or a value has the
            wrong type.
        FileNotFoundError: there are no notebooks.
        FileExistsError: the run's folder exists and is not empty.
        FolderInUse: another run is using that folder.
        OSError: a file cannot be written, here or at the other address; `resume` can carry on.
        NotebookFailed: a cell failed; later notebooks were not started, and all results so far are
            kept.
    """
    books = notebooks_in(notebooks, names)
    given = overrides(profile, corpus, seed, parameters)
    plan = plan_parameters(books, given)
    edition = _first(plan, "corpus")
    about_corpus = None if edition is None else {"edition": edition} | corpus_fingerprint(edition)

    elsewhere = str(output) if "://" in str(output) else None
    run_id = run_id or _new_run_id(profile)
    if elsewhere:
        Mirror(elsewhere, Path(run_id)).check_empty()
    folder = _make_folder(RUNS if elsewhere else output, run_id)
    with folder_lock(folder) as lock:
        _check_empty(folder)
        record: dict[str, Any] = {
            "run_id": folder.name,
            "state": "running",
            "started": utc_now(),
            "finished": None,
            "profile": profile,
            "given": given,
            "seed": _first(plan, "seed"),
            "corpus": about_corpus,
            "mirror": elsewhere,
            "notebooks_folder": os.path.relpath(books[0].parent, folder),
            "notebooks": [
                {
                    "name": book.stem,
                    "code_sha256": code_sha256(book),
                    "state": "waiting",
                    "seconds": None,
                    "peak_memory_mib": None,
                    "parameters": values,
                }
                for book, values in plan.items()
            ],
            **provenance(),
            "peak_memory_mib": None,
            "resumed": [],
            "error": None,
        }
        _execute_waiting(folder, record, lock, progress)
    return folder


def _first(plan: dict[Path, dict[str, Any]], name: str) -> Any:
    """The value of a parameter in the first notebook that declares it; None if no notebook does."""
    return next((values[name] for values in plan.values() if name in values), None)


def _new_run_id(profile: str) -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{profile}-{secrets.token_hex(2)}"


def _make_folder(output: str | os.PathLike[str], run_id: str) -> Path:
    if Path(run_id).name != run_id or run_id in ("", ".", ".."):
        raise ValueError(
            f"run id {run_id!r}: expected a folder name, not a path; choose its place with --output"
        )
    folder = Path(output).resolve() / run_id
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / LOCK).exists():
        _check_empty(folder)
    return folder


def _check_empty(folder: Path) -> None:
    if any(path.name != LOCK for path in folder.iterdir()):
        raise FileExistsError(
            f"{display_path(folder)} exists and is not empty: choose another --run-id, or complete "
            f"that run with `chorale resume {display_path(folder)}`"
        )


def resume(folder: str | os.PathLike[str], progress: bool | None = None) -> Path:
    """Completes a run and returns its folder, which then holds the same results as an uninterrupted
    run. If the run was complete, nothing is executed.

    Finished notebooks are not executed again. The notebook that failed or was interrupted is
    executed from its first cell, but a training resumes after its last finished epoch, and results
    saved by `cached` are read from the run's folder. Parameters are those with which the run
    started; notebooks are read as they are now, since one that failed may have been corrected.

    Args:
        folder: the run's folder.
        progress: see `run`.

    Raises:
        MissingExtra: the packages that execute notebooks are not installed.
        FileNotFoundError: there is no run in this folder, or its notebooks are gone.
        FolderInUse: the run, or its last kernel, is still running.
        ValueError: the corpus has changed, or a notebook now declares other parameters.
        NotebookFailed: see `run`.
    """
    folder = Path(folder).resolve()
    read_record(folder)  # raises if there is no run
    with folder_lock(folder) as lock:
        record = read_record(folder)
        if record["state"] == "complete":
            # the mirror may be incomplete, since copying is the last thing that a run does
            if record.get("mirror"):
                Mirror(record["mirror"], folder).renew()
            return folder
        _check_same_corpus(record["corpus"])
        for entry, book in zip(record["notebooks"], _books_of(folder, record)):
            if entry["state"] != "complete":
                if (names := set(declared_parameters(book))) != set(entry["parameters"]):
                    raise ValueError(
                        f"{book.name} now has the parameters {', '.join(sorted(names))}: expected "
                        f"those that the run started with, "
                        f"{', '.join(sorted(entry['parameters']))}; start a new run"
                    )
                entry["code_sha256"] = code_sha256(book)
                entry["state"] = "waiting"
        about = provenance()
        changed = {name: about[name] for name in about if about[name] != record[name]}
        record["resumed"].append({"at": utc_now(), **changed})
        record |= {"state": "running", "finished": None, "error": None}
        # the notebook that was being written when the run ended
        for path in [*folder.glob(f"*{UNFINISHED}"), *folder.rglob(".*")]:
            if path.is_file():
                path.unlink()
        _execute_waiting(folder, record, lock, progress)
    return folder


def _check_same_corpus(before: dict[str, Any] | None) -> None:
    if before is None:
        return
    today = {"edition": before["edition"]} | corpus_fingerprint(before["edition"])
    if today != before:
        raise ValueError(
            f"the corpus is now {today}: expected the one that the run started with, {before}; "
            f"start a new run"
        )


def _books_of(folder: Path, record: dict[str, Any]) -> list[Path]:
    """The notebooks of a run, in the order of its record."""
    return notebooks_in(
        folder / record["notebooks_folder"], [entry["name"] for entry in record["notebooks"]]
    )


def _execute_waiting(
    folder: Path, record: dict[str, Any], lock: int, progress: bool | None
) -> None:
    """Executes the incomplete notebooks of a record, and keeps the record up to date."""
    books = _books_of(folder, record)
    waiting = {
        entry["name"]: book
        for entry, book in zip(record["notebooks"], books)
        if entry["state"] != "complete"
    }
    mirror = Mirror(record["mirror"], folder) if record.get("mirror") else None
    write_record(folder, record)
    try:
        earlier = folder if is_shown(progress) else None
        durations = _cell_durations(waiting, earlier, record["profile"])
        with Progress(*durations, shown=progress) as line:
            for number, (entry, book) in enumerate(zip(record["notebooks"], books), start=1):
                if book.stem in waiting:
                    label = f"{number} of {len(books)}  {book.stem}"
                    _execute_one(folder, record, entry, book, label, lock, line)
                    if mirror:
                        mirror.renew()
        record["state"] = "complete"
        _write_end(folder, record)
        if mirror:
            mirror.renew()
    except BaseException as error:
        record["state"] = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        record["error"] = {"ename": type(error).__name__, "evalue": str(error)}
        if isinstance(error, NotebookFailed):
            record["error"] = {
                "place": error.place,
                "ename": error.ename,
                "evalue": error.evalue,
                "source": error.source,
                "traceback": error.traceback,
            }
        # if the disk is full, the old record stays and will read as an interrupted run
        with suppress(OSError):
            _write_end(folder, record)
        if mirror and isinstance(error, NotebookFailed):
            # report the notebook's error, not the mirror's: resuming copies everything
            with suppress(OSError):
                mirror.renew()
        raise


def _write_end(folder: Path, record: dict[str, Any]) -> None:
    record["finished"] = utc_now()
    peaks = [entry["peak_memory_mib"] or 0 for entry in record["notebooks"]]
    record["peak_memory_mib"] = max(peaks, default=0) or None
    write_record(folder, record)


def _execute_one(
    folder: Path,
    record: dict[str, Any],
    entry: dict[str, Any],
    book: Path,
    label: str,
    lock: int,
    line: Progress,
) -> None:
    """Executes one notebook and writes the outcome into its `entry` of the record."""
    began = time.monotonic()
    if "run_folder" in entry["parameters"]:
        entry["parameters"]["run_folder"] = os.path.relpath(folder, book.parent)
    entry["state"] = "running"
    write_record(folder, record)
    try:
        entry["peak_memory_mib"] = execute(
            book,
            folder / book.name,
            entry["parameters"],
            on_cell=lambda cell, cells: line.begin_cell(label, book.stem, cell, cells),
            inherited_fds=[lock],
        )
        entry["state"] = "complete"
    except BaseException as error:
        entry["state"] = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        raise
    finally:
        entry["seconds"] = round(time.monotonic() - began, 2)
    write_record(folder, record)
    line.say(f"{label}  {entry['seconds']:.0f} s")


def _cell_durations(
    books: Mapping[str, Path], folder: Path | None = None, profile: str | None = None
) -> tuple[dict[str, list[float]], bool]:
    """(dict: notebook's name -> how long each cell may take, for `Progress`; whether these are
    seconds): measured in the last complete run of the same profile beside `folder`, or else 1 for
    each cell."""
    records = list(folder.parent.glob(f"*/{RECORD}")) if folder else []
    for path in sorted(records, key=os.path.getmtime, reverse=True):
        try:
            record = read_record(path.parent)
            if record["state"] == "complete" and record["profile"] == profile:
                return {
                    name: seconds_per_cell(path.with_name(book.name))
                    for name, book in books.items()
                }, True
        except (ValueError, OSError):
            continue  # the run cannot be read
    return {
        name: [1.0] * (1 + len(read_notebook(book).cells)) for name, book in books.items()
    }, False


def refresh(
    names: Sequence[str] = (),
    notebooks: str | os.PathLike[str] = NOTEBOOKS,
    progress: bool | None = None,
) -> None:
    """Executes committed notebooks with their own defaults and replaces them with the results.

    Metadata of papermill and the kernel that change from machine to machine or day to day are
    removed. A notebook that fails, or that writes to the error stream (a warning), is left
    unchanged.

    Args:
        names: names of notebooks (``['04_evaluation']``); an empty list for all.
        notebooks: see `run`.
        progress: see `run`.

    Raises:
        MissingExtra: the packages that execute notebooks are not installed.
        ValueError: there is no notebook of this name.
        FileNotFoundError: there are no notebooks.
        NotebookFailed: a cell failed or wrote to the error stream; earlier notebooks have already
            been replaced.
    """
    chosen = notebooks_in(notebooks, list(names) or None)
    durations = _cell_durations({book.stem: book for book in chosen})
    with Progress(*durations, shown=progress) as line:
        for number, book in enumerate(chosen, start=1):
            _refresh_one(book, f"{number} of {len(chosen)}  {book.stem}", line)


def _refresh_one(book: Path, label: str, line: Progress) -> None:
    import nbformat

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        executed = Path(place) / book.name
        execute(
            book,
            executed,
            {},
            on_cell=lambda cell, cells: line.begin_cell(label, book.stem, cell, cells),
        )
        line.say(f"{label}  {time.monotonic() - began:.0f} s")
        renewed = without_volatile_metadata(read_notebook(executed))
    page = page_in_the_book(book)
    if page is not None:
        with_links_to_the_book(renewed, page)
    check_error_stream(renewed, book.stem)
    write_atomically(book, lambda unfinished: nbformat.write(renewed, unfinished))


def overrides(
    profile: str,
    corpus: str | None = None,
    seed: int | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The parameters to set in the notebooks, name -> value: the profile's settings, overridden by
    the other arguments.

    Raises:
        ValueError: the profile is unknown, or a parameter is given twice.

    Examples:
        >>> overrides("demo", seed=7, parameters={"temperature": 0.9})
        {'temperature': 0.9, 'seed': 7}
    """
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r}: expected one of {', '.join(PROFILES)}")
    given = dict(parameters or {})
    if "run_folder" in given:
        raise ValueError(
            "parameter run_folder: the run sets it itself; choose its place with --output and "
            "--run-id"
        )
    for name, value in (("corpus", corpus), ("seed", seed)):
        if value is None:
            continue
        if name in given:
            raise ValueError(f"parameter {name} is given twice: {value!r} and {given[name]!r}")
        given[name] = value
    return PROFILES[profile] | given


def plan_parameters(books: Sequence[Path], given: Mapping[str, Any]) -> dict[Path, dict[str, Any]]:
    """All parameters of each notebook in this run: notebook -> {name: value}.

    Args:
        books: the notebooks.
        given: the values that differ from the notebooks' defaults.

    Raises:
        ValueError: no notebook declares this parameter, its value has the wrong type, or the corpus
            is unknown.
    """
    declared = {book: declared_parameters(book) for book in books}
    known = {name for defaults in declared.values() for name in defaults}
    elsewhere = _declared_elsewhere(books)
    for name in given:
        if name not in known | elsewhere:
            raise ValueError(
                f"no notebook declares a parameter {name!r}: expected one of "
                f"{', '.join(sorted(known))}"
            )
    plan = {
        book: {
            name: _fitting(name, given[name], default) if name in given else default
            for name, default in defaults.items()
        }
        for book, defaults in declared.items()
    }
    for values in plan.values():
        if values.get("corpus", EDITIONS[0]) not in EDITIONS:
            raise ValueError(f"corpus {values['corpus']!r}: expected one of {', '.join(EDITIONS)}")
    return plan


def _declared_elsewhere(books: Sequence[Path]) -> set[str]:
    """Parameters that a profile may set although only other notebooks of the folder declare
    them."""
    others = set(notebooks_in(books[0].parent)) - set(books)
    return {name for book in others for name in declared_parameters(book)}


def _fitting(name: str, value: Any, default: Any) -> Any:
    """`value`, if it has the type of `default` (any type if that is None); an int will do for a
    float."""
    kind = type(default)
    if kind is float and type(value) is int:
        return float(value)
    try:
        check_plain(value)
        if default is not None and type(value) is not kind:
            raise TypeError
    except TypeError:
        expected = "a plain value" if default is None else kind.__name__
        raise ValueError(
            f"parameter {name} = {value!r}: expected {expected}, like its default {default!r}"
        ) from None
    return value
