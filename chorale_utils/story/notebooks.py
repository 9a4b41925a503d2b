"""One notebook: what it lets others set, and how it is executed by papermill in a kernel of its
own.

Which notebooks are executed, in which order and with which values, is decided in `pipeline` and
`sweep`."""

import ast
import hashlib
import logging
import os
import re
import sys
import tempfile
import threading
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import nbformat

# How every committed notebook describes its kernel, whichever Python executed it last.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "pygments_lexer": "ipython3",
    },
}
UNFINISHED = ".unfinished.ipynb"  # how the name of a notebook ends as long as it is being executed

_PAPERMILL = (
    threading.Lock()
)  # papermill changes the working folder, of which a process has only one


class NotebookFailed(RuntimeError):
    """A notebook that did not run to its end.

    Args:
        place: str, which notebook and cell, such as ``'notebook 03_model_training, cell In [4]'``.
        ename, evalue: str, name and text of the error.
        source: str, the cell's code; empty where no cell is to blame.
        traceback: str, without colours; empty where there is none.
    """

    def __init__(self, place, ename, evalue, source="", traceback=""):
        self.place, self.ename, self.evalue, self.source, self.traceback = (
            place,
            ename,
            evalue,
            source,
            traceback,
        )
        super().__init__(place, ename, evalue, source, traceback)

    def __str__(self):
        parts = [
            f"{self.place}: {self.ename}: {self.evalue}",
            _indented(self.source),
            self.traceback,
        ]
        return "\n\n".join(part for part in parts if part)


def notebooks_in(folder, names=None):
    """The notebooks (list of Path) of a folder that belong to its story, ``0*.ipynb``, in the order
    of their names.

    Args:
        folder: str or Path.
        names: names of those that are wanted (``'04_evaluation'``); None for all.

    Raises:
        FileNotFoundError: no notebooks there.
        ValueError: no notebook of such a name.
    """
    books = {book.stem: book for book in sorted(Path(folder).resolve().glob("0*.ipynb"))}
    if not books:
        raise FileNotFoundError(
            f"{folder}: expected notebooks named 0*.ipynb; run this from a checkout of the "
            f"project, or say where they are with --notebooks"
        )
    unknown = [name for name in names or () if name not in books]
    if unknown:
        raise ValueError(f"notebook {unknown[0]!r}: expected one of {', '.join(books)}")
    return [book for name, book in books.items() if names is None or name in names]


def declared_parameters(notebook):
    """What a notebook lets others set: dict of name to default, from its cell tagged
    ``parameters``.

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
            check_plain(defaults[name])
        except (ValueError, TypeError):
            raise ValueError(
                f"{Path(notebook).name}: parameter {name} = {ast.unparse(value)}: expected a plain "
                f"value (int, float, bool, str, list, dict or None)"
            ) from None
    return defaults


def check_plain(value):
    """A TypeError unless papermill hands `value` to a notebook as it is."""
    if type(value) not in (bool, int, float, str, list, dict, type(None)):
        raise TypeError
    for part in (
        [*value, *value.values()] if type(value) is dict else value if type(value) is list else ()
    ):
        check_plain(part)


def value_from_text(text, default):
    """`text` itself where a string is declared; otherwise the value it spells, if it spells one."""
    if isinstance(default, str):
        return text
    try:
        return ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        return text


def code_sha256(notebook):
    """SHA-256 (hexadecimal) of a notebook's code, whatever outputs and text stand beside it."""
    cells = nbformat.read(notebook, as_version=4).cells
    sources = "\0".join(cell.source for cell in cells if cell.cell_type == "code")
    return hashlib.sha256(sources.encode()).hexdigest()


def seconds_per_cell(executed):
    """Seconds (list of float) that each cell of an executed notebook took; 0 where it does not
    say."""
    cells = nbformat.read(executed, as_version=4).cells
    return [cell.metadata.get("papermill", {}).get("duration") or 0.0 for cell in cells]


def execute(book, executed, values, on_cell=None, held=()):
    """Executes a notebook in a kernel of the Python that runs this; returns the most memory that it held, in MiB
    (int; None where the system does not tell).

    `executed` is there whole, once the notebook has come to its end, be it by an error. Until then, what has been
    executed lies beside it under a name that ends in `UNFINISHED`. The kernel is talked to through Unix sockets, so
    that it listens at no port. Parameters are written into the notebook as Python literals: data, never code.

    Args:
        book, executed: Path, from and to.
        values: dict, the parameters.
        on_cell: function (number of the cell from 1, of cells), called when a cell begins.
        held: file descriptors that the kernel inherits: a lock on one of them lasts as long as the kernel does,
            even if this process is killed before it.

    Raises:
        NotebookFailed: a cell failed, or the kernel died, or what was executed could not be written.
    """
    from papermill import PapermillExecutionError, execute_notebook
    from papermill.exceptions import strip_color

    begun = []

    def note(cell, cell_index):
        begun.append(cell.cell_type == "code" and bool(cell.source.strip()))
        if on_cell:
            on_cell(cell_index + 1, cells)

    cells = len(nbformat.read(book, as_version=4).cells) + bool(
        values
    )  # papermill adds one for the values
    unfinished = executed.with_name(executed.stem + UNFINISHED)
    memory = {}
    try:
        with _PAPERMILL, tempfile.TemporaryDirectory(prefix="chorale-") as sockets, _quiet():
            execute_notebook(
                _for_papermill(book),
                _for_papermill(unfinished),
                values,
                cwd=book.parent,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                on_cell_start=note,
                kernel_manager_class=_kernel(sockets, held, memory),
                coalesce_streams=True,
                record_timing=False,
                extra_arguments=["--log-level=CRITICAL"],
            )  # what the kernel logs, not what cells print
    except PapermillExecutionError as error:
        raise NotebookFailed(
            f"notebook {book.stem}, cell In [{error.exec_count}]",
            error.ename,
            error.evalue,
            error.source,
            strip_color("\n".join(error.traceback)),
        ) from None
    # a kernel that died or could not start, a full disk: papermill passes on many kinds
    except Exception as error:
        place = f"notebook {book.stem}" + (f", cell In [{sum(begun)}]" if any(begun) else "")
        hint = " (killed for want of memory?)" if type(error).__name__ == "DeadKernelError" else ""
        raise NotebookFailed(place, type(error).__name__, f"{error}{hint}") from error
    finally:
        if unfinished.exists():
            unfinished.replace(executed)
    return memory.get("mib")


def _kernel(sockets, held, memory):
    """The class of kernel managers whose kernel is of this Python, whatever other kernels the user has, talks through
    Unix sockets in the folder `sockets`, inherits the descriptors `held`, and leaves in the dict `memory` how much it
    held at most."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec
    from traitlets import default

    class OwnKernel(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name=NOTEBOOK_METADATA["kernelspec"]["display_name"],
            language="python",
        )

        @default("transport")
        def _transport_is_ipc(self):
            return "ipc"

        @default("connection_file")
        def _connection_file_in_sockets(self):
            return os.path.join(sockets, "kernel.json")

        async def start_kernel(self, **options):
            await super().start_kernel(pass_fds=tuple(held), **options)

        async def shutdown_kernel(self, *args, **options):
            memory["mib"] = _most_memory_mib(getattr(self.provisioner, "pid", None))
            await super().shutdown_kernel(*args, **options)

    return OwnKernel


def _most_memory_mib(pid):
    """The most memory that a running process has held, in MiB (int); None where the system does not
    tell."""
    try:
        held = re.search(
            r"^VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
        )
    except OSError:
        return None
    return int(held.group(1)) // 1024 if held else None


def _for_papermill(path):
    """The path as papermill is to note it in the notebook, relative; it replaces {names} in a path,
    so not here."""
    return os.path.relpath(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _quiet():
    """Papermill's log and the warnings of its parts are not the reader's: what matters comes as an
    error."""
    logger = logging.getLogger("papermill")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (
        KeyboardInterrupt
    ):  # then asyncio complains at the very end that nobody asked how the cell went on
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise
    finally:
        logger.setLevel(before)


_WIDGET = "application/vnd.jupyter.widget-view+json"


def without_volatile_metadata(book):
    """A notebook (NotebookNode) without the times, paths and versions that executing it left in its metadata, and without
    widgets, which are dead without the kernel that made them."""
    book.metadata = nbformat.from_dict(NOTEBOOK_METADATA)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                output for output in cell.outputs if _WIDGET not in output.get("data", {})
            ]
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
    return book


def check_error_stream(book, name):
    """A `NotebookFailed` where a cell of the executed notebook `book` has written to the error
    stream."""
    for cell in book.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise NotebookFailed(
                    f"notebook {name}, cell In [{cell.execution_count}]",
                    "output on the error stream",
                    output.text.strip(),
                    cell.source,
                )


class Progress:
    """One line of a terminal that says which notebook and cell is at work, and how long all of it
    may still take.

    Args:
        weights: dict of notebook's name to list, for each of its cells the seconds that it took the last time, or 1 for
            each where that is not known.
        known: bool, whether the weights are seconds.
        shown: bool; None for yes on a terminal. False keeps the lines that stay away, too.
    """

    def __init__(self, weights, known, shown=None):
        self.weights, self.known = weights, known
        self.shown, self.silent = is_shown(shown), shown is False
        self.began = self.cell_began = time.monotonic()
        self.done, self.place = 0.0, ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, daemon=True)

    def __enter__(self):
        if self.shown:
            self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        if self.shown:
            self._thread.join()
            self._write("")

    def at(self, label, name, cell, cells):
        """Notes that cell number `cell` (from 1) of the notebook `name` begins, which `label`
        stands for."""
        names = list(self.weights)
        before = sum(sum(self.weights[earlier]) for earlier in names[: names.index(name)])
        self.done = before + sum(self.weights[name][: cell - 1])
        self.cell_began = time.monotonic()
        self.place = f"{label}, cell {cell} of {cells}"

    def seconds_left(self, now):
        """Seconds (float) until the last notebook may have ended; None where nothing is known
        yet."""
        whole = sum(map(sum, self.weights.values()))
        if self.done:
            pace = (self.cell_began - self.began) / self.done
        elif self.known:
            pace = 1.0
        else:
            return None
        return max(0.0, (whole - self.done) * pace - (now - self.cell_began))

    def say(self, line):
        """Prints a line that stays."""
        if self.shown:
            self._write("")
        if not self.silent:
            print(line, file=sys.stderr)

    def _refresh(self):
        while not self._ended.wait(0.5):
            now = time.monotonic()
            left = self.seconds_left(now)
            about = "" if left is None else f", about {_clock(left)} left"
            self._write(f"{self.place}, {_clock(now - self.began)} so far{about}")

    @staticmethod
    def _write(line):
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def is_shown(progress):
    """Whether progress is shown: as `progress` (bool) says, or where that is None, on a
    terminal."""
    return sys.stderr.isatty() if progress is None else progress


def _clock(seconds):
    """Such as ``'1:02:03'`` or ``'2:03'``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _indented(text):
    return "\n".join(f"    {line}" for line in text.splitlines())
