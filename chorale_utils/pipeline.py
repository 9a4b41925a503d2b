"""One run of the story: the five notebooks in order, executed by papermill into a folder of their own.

``chorale run --profile demo`` (or ``python -m chorale_utils.pipeline run``) leaves in ``outputs/runs/<run-id>/``
the executed notebooks, what they wrote, and ``run.json``, which tells how all of it came about. This file
decides what is executed with which parameters and keeps the record; what is computed is told in the notebooks.
"""

import argparse
import ast
import json
import logging
import os
import platform
import re
import secrets
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import contextmanager
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import nbformat

from .corpus import EDITIONS
from .files import write_whole

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"

# What a profile changes in the notebooks' own defaults; `full` has the settings of the shipped weights.
PROFILES = {
    "demo": {},
    "standard": {"epochs": 25, "second_epochs": 5, "chord_epochs": 85, "chord_second_epochs": 15, "pieces": 8,
                 "model_name": "own"},
    "full": {"corpus": "jsb", "epochs": 150, "second_epochs": 21, "chord_epochs": 140, "chord_second_epochs": 64, "pieces": 16,
             "model_name": "own"},
}

# The packages whose versions may change a result.
PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "matplotlib", "music21", "mido", "verovio", "soundfile",
            "papermill", "nbclient", "ipykernel")

# How every committed notebook describes its kernel, whichever Python executed it last.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python",
                      "pygments_lexer": "ipython3"},
}


class NotebookFailed(RuntimeError):
    """A notebook that did not run to its end.

    Args:
        place: str, which notebook and cell, such as ``'notebook 03_model_training, cell In [4]'``.
        ename, evalue: str, name and text of the error.
        source: str, the cell's code; empty where no cell is to blame.
        traceback: str, without colours; empty where there is none.
    """

    def __init__(self, place, ename, evalue, source="", traceback=""):
        self.place, self.ename, self.evalue, self.source, self.traceback = place, ename, evalue, source, traceback
        super().__init__(place, ename, evalue, source, traceback)

    def __str__(self):
        parts = [f"{self.place}: {self.ename}: {self.evalue}", _indented(self.source), self.traceback]
        return "\n\n".join(part for part in parts if part)


def run(profile="demo", corpus=None, seed=None, parameters=None, output="outputs/runs", run_id=None,
        notebooks=NOTEBOOKS, progress=None):
    """The folder (Path) that a run of the story has filled; nothing in it where a parameter is not understood.

    Each notebook gets the parameters that its cell tagged ``parameters`` declares, and no others. Its working
    folder is that of the notebooks, as in JupyterLab; `run_folder` tells it where to write.

    Args:
        profile: name in `PROFILES`; what else is given here goes before what the profile says.
        corpus: ``'music21'`` or ``'jsb'``; None leaves it to the profile and the notebooks.
        seed: int, or None for that of the notebooks.
        parameters: dict, any other notebook parameter: int, float, bool, str, list, dict or None.
        output: str or Path, the folder in which the run's own folder is made.
        run_id: str, name of the run's folder; None for the time and something unique.
        notebooks: str or Path, the folder whose ``0*.ipynb`` are executed in the order of their names.
        progress: bool, whether a bar is shown while a notebook runs; None for yes on a terminal.

    Raises:
        ValueError: an unknown profile, corpus or parameter, or a value of the wrong type.
        FileNotFoundError: no notebooks there.
        FileExistsError: the run's folder is there and not empty.
        NotebookFailed: a cell failed; later notebooks were not started, and all that was done is kept.
    """
    books = _notebooks_in(notebooks)
    plan = _plan(books, _overrides(profile, corpus, seed, parameters))
    edition = next((values["corpus"] for values in plan.values() if "corpus" in values), None)
    if edition is not None and edition not in EDITIONS:
        raise ValueError(f"corpus {edition!r}: expected one of {', '.join(EDITIONS)}")
    about_corpus = None if edition is None else _corpus(edition)

    folder = _new_folder(output, run_id or _new_run_id(profile))
    to_run_folder = os.path.relpath(folder, books[0].parent)
    for values in plan.values():
        if "run_folder" in values:
            values["run_folder"] = to_run_folder
    commit, clean = _commit()
    record = {
        "run_id": folder.name, "state": "running", "started": _now(), "finished": None,
        "profile": profile, "seed": next((values["seed"] for values in plan.values() if "seed" in values), None),
        "corpus": about_corpus,
        "notebooks": [{"name": book.stem, "state": "waiting", "seconds": None, "parameters": values}
                      for book, values in plan.items()],
        "versions": _versions(), "commit": commit, "checkout_clean": clean,
        "processor": _processor(), "cores": os.cpu_count(), "peak_memory_mib": None, "error": None,
    }
    _write_json(folder / "run.json", record)
    try:
        for number, (book, values) in enumerate(plan.items(), start=1):
            _run_one(book, folder / book.name, values, f"{number} of {len(plan)}  {book.stem}",
                     record["notebooks"][number - 1], progress)
            _write_json(folder / "run.json", record)
        record["state"] = "complete"
    except NotebookFailed as error:
        record["state"] = "failed"
        record["error"] = {"place": error.place, "ename": error.ename, "evalue": error.evalue,
                           "source": error.source, "traceback": error.traceback}
        raise
    except BaseException as error:
        record["state"] = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        record["error"] = {"ename": type(error).__name__, "evalue": str(error)}
        raise
    finally:
        record["finished"], record["peak_memory_mib"] = _now(), _peak_memory_mib()
        _write_json(folder / "run.json", record)
    return folder


def declared_parameters(notebook):
    """What a notebook lets others set: dict of name to default, from its cell tagged ``parameters``.

    Args:
        notebook: str or Path, the notebook's file.

    Raises:
        ValueError: a default that is not a plain value, so that neither its type nor its text is certain.
    """
    cells = nbformat.read(notebook, as_version=4).cells
    sources = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    defaults = {}
    for statement in ast.parse(sources[0]).body if sources else []:
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        if not isinstance(targets[0], ast.Name) or getattr(statement, "value", None) is None:
            continue
        name, value = targets[0].id, statement.value
        try:
            defaults[name] = ast.literal_eval(value)
            _check_plain(defaults[name])
        except (ValueError, TypeError):
            raise ValueError(f"{Path(notebook).name}: parameter {name} = {ast.unparse(value)}: expected a plain "
                             f"value (int, float, bool, str, list, dict or None)") from None
    return defaults


def refresh(names=(), notebooks=NOTEBOOKS, progress=None):
    """Executes committed notebooks with their own defaults and puts the results in their place.

    Of what papermill and the kernel add, nothing that differs from one machine or day to another stays. A
    notebook that fails, or that stores something on the error stream (a warning), is left as it was.

    Args:
        names: names of notebooks (``'04_evaluation'``); none for all of them.
        notebooks, progress: as for `run`.

    Raises:
        ValueError: no notebook of such a name.
        FileNotFoundError: no notebooks there.
        NotebookFailed: a cell failed or wrote to the error stream; earlier notebooks are already renewed.
    """
    books = {book.stem: book for book in _notebooks_in(notebooks)}
    unknown = set(names) - set(books)
    if unknown:
        raise ValueError(f"notebook {sorted(unknown)[0]!r}: expected one of {', '.join(books)}")
    chosen = [book for name, book in books.items() if not names or name in names]
    for number, book in enumerate(chosen, start=1):
        with tempfile.TemporaryDirectory() as place:
            executed = Path(place) / book.name
            _run_one(book, executed, {}, f"{number} of {len(chosen)}  {book.stem}", {}, progress)
            renewed = _cleaned(nbformat.read(executed, as_version=4))
        _check_error_stream(renewed, book.stem)
        write_whole(book, lambda unfinished: nbformat.write(renewed, unfinished))


def summary(folder):
    """What a run left, as text: its folder, the files in it, and the figures of ``metrics.json``.

    Args:
        folder: str or Path, the run's folder.
    """
    folder = Path(folder)
    lines = [f"Everything is in {_shown(folder)}:"]
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            lines.append(f"  {entry.name + '/':40}{sum(path.is_file() for path in entry.rglob('*'))} files")
        else:
            lines.append(f"  {entry.name}")
    metrics = folder / "metrics.json"
    if metrics.exists():
        figures = _flattened(json.loads(metrics.read_text(encoding="utf-8")))
        lines += ["", "metrics.json:"]
        lines += [f"  {name:40}{value:.4g}" if isinstance(value, float) else f"  {name:40}{value}"
                  for name, value in figures.items()]
    return "\n".join(lines)


def main(argv=None):
    """The command line; returns the exit code: 0 done, 1 a notebook failed, 2 refused, 130 interrupted.

    Args:
        argv: list of str, the arguments without the program's name; None for those of the process.
    """
    options = _parser().parse_args(argv)
    try:
        if options.command == "run":
            texts = dict(options.parameter)
            folder = run(options.profile, options.corpus, options.seed, _from_texts(texts, options.notebooks),
                         options.output, options.run_id, options.notebooks)
            print(summary(folder))
        elif options.command == "gallery":
            from .gallery import make_gallery

            print(_shown(make_gallery(options.output, options.model, options.seed)))
        else:
            refresh(options.names, options.notebooks)
    except (ValueError, OSError) as error:
        print(f"chorale: {error}", file=sys.stderr)
        return 2
    except NotebookFailed as error:
        print(f"\nchorale: {error}\n\nWhat was done until then is kept.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nchorale: interrupted; what was done until then is kept.", file=sys.stderr)
        return 130
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="chorale", description="Four-part chorales in the manner of J. S. Bach.")
    commands = parser.add_subparsers(dest="command", required=True)
    to_run = commands.add_parser("run", help="execute the notebooks in order, into a folder of their own")
    to_run.add_argument("--profile", default="demo", help=f"{', '.join(PROFILES)} (default: demo)")
    to_run.add_argument("--corpus", help=f"{' or '.join(EDITIONS)} (default: what the notebooks say)")
    to_run.add_argument("--seed", type=int, help="(default: what the notebooks say)")
    to_run.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"),
                        help="any parameter of a notebook; may be repeated")
    to_run.add_argument("--output", default="outputs/runs",
                        help="where the run's folder is made (default: %(default)s)")
    to_run.add_argument("--run-id", help="name of the run's folder (default: the time and something unique)")
    to_renew = commands.add_parser("refresh", help="execute the notebooks in place: renews their stored outputs")
    to_renew.add_argument("names", nargs="*", metavar="NOTEBOOK", help="such as 04_evaluation (default: all)")
    to_show = commands.add_parser("gallery", help="write a hundred chorales and show the ten best")
    to_show.add_argument("--model", default="chord_gru", help="shipped model or .keras file (default: %(default)s)")
    to_show.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    to_show.add_argument("--output", default=os.path.join("outputs", "gallery"),
                         help="folder that is replaced (default: %(default)s)")
    for command in (to_run, to_renew):
        command.add_argument("--notebooks", type=Path, default=NOTEBOOKS, help="folder of the notebooks")
    return parser


def _from_texts(texts, notebooks):
    """Parameters given as text, read as the type that a notebook declares for them; dict."""
    defaults = {}
    for book in _notebooks_in(notebooks):
        defaults = declared_parameters(book) | defaults
    return {name: _from_text(text, defaults.get(name)) for name, text in texts.items()}


def _from_text(text, default):
    """`text` itself where a string is declared; otherwise the value it spells, if it spells one."""
    if isinstance(default, str):
        return text
    try:
        return ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        return text


def _notebooks_in(folder):
    books = sorted(Path(folder).resolve().glob("0*.ipynb"))
    if not books:
        raise FileNotFoundError(f"{folder}: expected notebooks named 0*.ipynb; run this from a checkout of the "
                                f"project, or say where they are with --notebooks")
    return books


def _overrides(profile, corpus, seed, parameters):
    """What is to be set in the notebooks, dict of name to value: the profile's, and over it what is given."""
    if profile not in PROFILES:
        raise ValueError(f"profile {profile!r}: expected one of {', '.join(PROFILES)}")
    given = dict(parameters or {})
    if "run_folder" in given:
        raise ValueError("parameter run_folder: is set by the run itself; choose its place with --output and --run-id")
    for name, value in (("corpus", corpus), ("seed", seed)):
        if value is None:
            continue
        if name in given:
            raise ValueError(f"parameter {name} is given twice: {value!r} and {given[name]!r}")
        given[name] = value
    return PROFILES[profile] | given


def _plan(books, overrides):
    """For each notebook all of its parameters with the values of this run; dict of Path to dict."""
    declared = {book: declared_parameters(book) for book in books}
    known = sorted(set().union(*declared.values()))
    for name in overrides:
        if name not in known:
            raise ValueError(f"parameter {name!r} is declared by no notebook: expected one of {', '.join(known)}")
    return {book: {name: _fitting(name, overrides[name], default) if name in overrides else default
                   for name, default in defaults.items()} for book, defaults in declared.items()}


def _fitting(name, value, default):
    """`value`, if it is of the type of `default` (any type where that is None); an int will do for a float."""
    kind = type(default)
    if kind is float and type(value) is int:
        return float(value)
    try:
        _check_plain(value)
        if default is not None and type(value) is not kind:
            raise TypeError
    except TypeError:
        expected = "a plain value" if default is None else kind.__name__
        raise ValueError(f"parameter {name} = {value!r}: expected {expected}, like its default {default!r}") from None
    return value


def _check_plain(value):
    """A TypeError unless papermill hands `value` to a notebook as it is."""
    if type(value) not in (bool, int, float, str, list, dict, type(None)):
        raise TypeError
    for part in [*value, *value.values()] if type(value) is dict else value if type(value) is list else ():
        _check_plain(part)


def _new_run_id(profile):
    return f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S}-{profile}-{secrets.token_hex(2)}"


def _new_folder(output, run_id):
    if Path(run_id).name != run_id or run_id in ("", ".", ".."):
        raise ValueError(f"run id {run_id!r}: expected the name of a folder; say where it is made with --output")
    folder = Path(output).resolve() / run_id
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{_shown(folder)} is there and not empty: choose another --run-id")
    return folder


def _run_one(book, executed, values, label, entry, progress):
    """Executes one notebook and notes in `entry` how it went."""
    began = time.monotonic()
    entry["state"] = "running"
    try:
        _execute(book, executed, values, label, progress)
        entry["state"] = "complete"
    except BaseException as error:
        entry["state"] = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        raise
    finally:
        entry["seconds"] = round(time.monotonic() - began, 2)
    print(f"{label}  {entry['seconds']:.0f} s", file=sys.stderr)


def _execute(book, executed, values, label, progress):
    """Executes `book` into the file `executed`, in a kernel of the Python that runs this."""
    from papermill import PapermillExecutionError, execute_notebook
    from papermill.exceptions import strip_color

    shown = sys.stderr.isatty() if progress is None else progress
    bar = {"desc": label, "leave": False} if shown else False
    try:
        with _own_kernel(), _quiet():
            execute_notebook(_for_papermill(book), _for_papermill(executed), values, cwd=book.parent,
                             kernel_name="python3", language="python", progress_bar=bar,
                             coalesce_streams=True, record_timing=False,
                             extra_arguments=["--log-level=CRITICAL"])  # what the kernel logs, not what cells print
    except PapermillExecutionError as error:
        raise NotebookFailed(f"notebook {book.stem}, cell In [{error.exec_count}]", error.ename, error.evalue,
                             error.source, strip_color("\n".join(error.traceback))) from None
    except Exception as error:  # a kernel that died or could not start: papermill passes on many kinds
        raise NotebookFailed(f"notebook {book.stem}", type(error).__name__, str(error)) from error


def _for_papermill(path):
    """The path as papermill is to note it in the notebook, relative; it replaces {names} in a path, so not here."""
    return os.path.relpath(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _own_kernel():
    """Whatever other kernels the user has, the kernel ``python3`` is that of this Python."""
    before = dict(os.environ)
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ.pop("JUPYTER_PATH", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _quiet():
    """Papermill's log and the warnings of its parts are not the reader's."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _cleaned(book):
    """`book` without the times, paths and versions that executing it left in its metadata."""
    book.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in book.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    return book


def _check_error_stream(book, name):
    for cell in book.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise NotebookFailed(f"notebook {name}, cell In [{cell.execution_count}]", "output on the error stream",
                                     output.text.strip(), cell.source)


def _write_json(path, record):
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    write_whole(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def _now():
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _corpus(edition):
    """What the record says of the corpus: its edition and what tells its contents from any other's; dict."""
    from .corpus import corpus_fingerprint

    return {"edition": edition} | corpus_fingerprint(edition)


def _versions():
    """Versions by name: Python, the system, this package, and every package of `PACKAGES` that is installed."""
    from . import __version__

    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
             "chorale_utils": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def _commit():
    """The commit of the checkout that this package is in (str) and whether nothing in it was changed (bool);
    None and None where it is in no checkout."""
    checkout = Path(__file__).resolve().parent.parent

    def git(*arguments):
        command = ["git", "-C", checkout, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        top, commit = git("rev-parse", "--show-toplevel"), git("rev-parse", "HEAD")
        changes = git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return (commit, not changes) if Path(top).resolve() == checkout else (None, None)


def _processor():
    try:
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or platform.machine()


def _peak_memory_mib():
    """Largest memory that one of the kernels so far has held, in MiB (int)."""
    import resource

    unit = 1 if platform.system() == "Darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit // 2**20


def _flattened(values, prefix=""):
    """Nested dicts as one, names joined by dots."""
    flat = {}
    for name, value in values.items():
        flat |= _flattened(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return flat


def _shown(path):
    """A path as it is shown: relative where it is below the current folder."""
    path, here = Path(path).resolve(), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _indented(text):
    return "\n".join(f"    {line}" for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(main())
