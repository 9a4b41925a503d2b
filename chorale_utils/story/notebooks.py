"""One notebook: the parameters that it declares, and its execution by papermill in its own kernel.

`pipeline` and `sweep` decide which notebooks are executed, in which order and with which values.
"""

import ast
import hashlib
import itertools
import logging
import os
import re
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..extras import require

# The kernel's description in every committed notebook, whichever Python executed it last.
NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "name": "python",
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "pygments_lexer": "ipython3",
    },
}
# The address at which the book of `make book` is published; also in pyproject.toml and README.
BOOK = "https://chorale-utils.github.io/chorale-utils/"
UNFINISHED = ".unfinished.ipynb"  # ends a notebook's name while it is being executed

# papermill changes the working folder, of which a process has only one
_ONE_AT_A_TIME = threading.Lock()


class NotebookFailed(RuntimeError):
    """A notebook that did not run to its end.

    Args:
        place: the notebook and cell, such as ``'notebook 03_model_training, cell In [4]'``.
        ename: name of the error.
        evalue: text of the error.
        source: the cell's code; empty if the error is not in a cell.
        traceback: without colours; may be empty.
    """

    def __init__(
        self, place: str, ename: str, evalue: str, source: str = "", traceback: str = ""
    ) -> None:
        self.place, self.ename, self.evalue = place, ename, evalue
        self.source, self.traceback = source, traceback
        super().__init__(place, ename, evalue, source, traceback)

    def __str__(self) -> str:
        source = "\n".join(f"    {line}" for line in self.source.splitlines())
        parts = [f"{self.place}: {self.ename}: {self.evalue}", source, self.traceback]
        return "\n\n".join(part for part in parts if part)


def notebooks_in(folder: str | os.PathLike[str], names: Sequence[str] | None = None) -> list[Path]:
    """The notebooks of the story in a folder, ``0*.ipynb``, sorted by name.

    Args:
        folder: where the notebooks are.
        names: names of the notebooks to return (``['04_evaluation']``); None for all.

    Raises:
        MissingExtra: the packages that read and execute notebooks are not installed.
        FileNotFoundError: there are no notebooks in the folder.
        ValueError: there is no notebook of this name.
    """
    require("notebooks", "executing notebooks")
    books = {book.stem: book for book in sorted(Path(folder).resolve().glob("0*.ipynb"))}
    if not books:
        raise FileNotFoundError(
            f"{folder}: expected notebooks named 0*.ipynb; run this in a checkout of the project, "
            f"or name their folder with --notebooks"
        )
    unknown = [name for name in names or () if name not in books]
    if unknown:
        raise ValueError(f"notebook {unknown[0]!r}: expected one of {', '.join(books)}")
    return [book for name, book in books.items() if names is None or name in names]


def read_notebook(path: str | os.PathLike[str]) -> Any:
    """A notebook's file, as nbformat's NotebookNode.

    Raises:
        MissingExtra: nbformat is not installed.
        FileNotFoundError: there is no such file.
    """
    require("notebooks", "reading notebooks")
    import nbformat

    return nbformat.read(path, as_version=4)


def declared_parameters(notebook: str | os.PathLike[str]) -> dict[str, Any]:
    """The parameters that a notebook declares in its cell tagged ``parameters``: name -> default.

    Raises:
        ValueError: a default is not a plain value (see `check_plain`), so that its type is unknown.
    """
    cells = read_notebook(notebook).cells
    sources = [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    defaults = {}
    for statement in ast.parse(sources[0]).body if sources else []:
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if not isinstance(targets[0], ast.Name) or value is None:
            continue
        name = targets[0].id
        try:
            defaults[name] = ast.literal_eval(value)
            check_plain(defaults[name])
        except (ValueError, TypeError):
            raise ValueError(
                f"{Path(notebook).name}: parameter {name} = {ast.unparse(value)}: expected a plain "
                f"value (int, float, bool, str, list, dict or None)"
            ) from None
    return defaults


def check_plain(value: Any) -> None:
    """Makes sure that papermill can pass a value to a notebook unchanged.

    Raises:
        TypeError: it is not an int, float, bool, str, list, dict or None, or contains something
            else.

    Examples:
        >>> check_plain({"rates": [0.1, 0.2]})
        >>> check_plain((0.1, 0.2))
        Traceback (most recent call last):
            ...
        TypeError: tuple: expected int, float, bool, str, list, dict or None
    """
    if type(value) not in (bool, int, float, str, list, dict, type(None)):
        raise TypeError(
            f"{type(value).__name__}: expected int, float, bool, str, list, dict or None"
        )
    if type(value) is dict:
        value = [*value, *value.values()]
    for part in value if type(value) is list else ():
        check_plain(part)


def value_from_text(text: str, default: Any) -> Any:
    """The value of a text from the command line: the text itself if the parameter's default is a
    string; otherwise the Python literal that it spells, or the text if it spells none.

    Examples:
        >>> value_from_text("1e-3", 0.01), value_from_text("true", False), value_from_text("5", "a")
        (0.001, True, '5')
    """
    if isinstance(default, str):
        return text
    try:
        return ast.literal_eval({"true": "True", "false": "False"}.get(text, text))
    except (ValueError, SyntaxError):
        return text


def code_sha256(notebook: str | os.PathLike[str]) -> str:
    """SHA-256 (hexadecimal) of a notebook's code, without its outputs and prose."""
    cells = read_notebook(notebook).cells
    sources = "\0".join(cell.source for cell in cells if cell.cell_type == "code")
    return hashlib.sha256(sources.encode()).hexdigest()


def seconds_per_cell(executed: str | os.PathLike[str]) -> list[float]:
    """Seconds that each cell of an executed notebook took; 0 if the notebook does not say."""
    cells = read_notebook(executed).cells
    return [cell.metadata.get("papermill", {}).get("duration") or 0.0 for cell in cells]


def execute(
    book: Path,
    executed: Path,
    parameters: dict[str, Any],
    on_cell: Callable[[int, int], None] | None = None,
    inherited_fds: Sequence[int] = (),
) -> int | None:
    """Executes a notebook in a kernel of the current Python, and returns the peak memory of the
    kernel in MiB, or None if the system does not report it.

    `executed` is written in one go when the notebook has ended, even if it ended with an error.
    Until then, the cells executed so far are saved beside it under a name that ends in
    `UNFINISHED`. The kernel communicates through Unix sockets, so that it opens no port. Parameters
    are written into the notebook as Python literals: data, never code.

    Args:
        book: the notebook.
        executed: path of the executed notebook.
        parameters: name -> plain value (see `check_plain`).
        on_cell: called when a cell begins, with its number from 1 and the number of cells.
        inherited_fds: file descriptors that the kernel inherits: a lock on one of them lasts as
            long as the kernel, even if this process is killed first.

    Raises:
        MissingExtra: papermill is not installed.
        NotebookFailed: a cell failed, the kernel died, or `executed` could not be written.
    """
    require("notebooks", "executing notebooks")
    from papermill import PapermillExecutionError, execute_notebook
    from papermill.exceptions import strip_color

    # papermill adds a cell for the parameters
    cells = len(read_notebook(book).cells) + bool(parameters)
    has_code = []  # of each cell that has begun

    def note(cell: Any, cell_index: int) -> None:
        has_code.append(cell.cell_type == "code" and bool(cell.source.strip()))
        if on_cell:
            on_cell(cell_index + 1, cells)

    unfinished = executed.with_name(executed.stem + UNFINISHED)
    memory: dict[str, int | None] = {}
    try:
        with (
            _ONE_AT_A_TIME,
            tempfile.TemporaryDirectory(prefix="chorale-") as sockets,
            _without_papermill_log(),
        ):
            execute_notebook(
                _path_for_papermill(book),
                _path_for_papermill(unfinished),
                parameters,
                cwd=book.parent,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                on_cell_start=note,
                kernel_manager_class=_kernel_manager(sockets, inherited_fds, memory),
                coalesce_streams=True,
                record_timing=False,
                # what the kernel logs, not what cells print
                extra_arguments=["--log-level=CRITICAL"],
            )
    except PapermillExecutionError as error:
        raise NotebookFailed(
            f"notebook {book.stem}, cell In [{error.exec_count}]",
            error.ename,
            error.evalue,
            error.source,
            strip_color("\n".join(error.traceback)),
        ) from None
    # a kernel that died or could not start, a full disk: papermill raises errors of many kinds
    except Exception as error:
        cell = f", cell In [{sum(has_code)}]" if any(has_code) else ""
        hint = " (out of memory?)" if type(error).__name__ == "DeadKernelError" else ""
        raise NotebookFailed(
            f"notebook {book.stem}{cell}", type(error).__name__, f"{error}{hint}"
        ) from error
    finally:
        if unfinished.exists():
            unfinished.replace(executed)
    return memory.get("mib")


def _kernel_manager(
    sockets: str, inherited_fds: Sequence[int], memory: dict[str, int | None]
) -> type:
    """A class of kernel managers that start the current Python, whatever kernels the user has.

    Args:
        sockets: folder of the Unix sockets through which the kernel communicates.
        inherited_fds: file descriptors that the kernel inherits.
        memory: dict in which the manager stores the kernel's peak memory under ``'mib'``.
    """
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
        def _transport_is_ipc(self) -> str:
            return "ipc"

        @default("connection_file")
        def _connection_file_in_sockets(self) -> str:
            return os.path.join(sockets, "kernel.json")

        # type: ignore, since jupyter_client derives its asynchronous manager from the synchronous
        async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]
            await super().start_kernel(pass_fds=tuple(inherited_fds), **options)

        async def shutdown_kernel(  # type: ignore[override]
            self, *args: Any, **options: Any
        ) -> None:
            memory["mib"] = _peak_memory_mib(getattr(self.provisioner, "pid", None))
            await super().shutdown_kernel(*args, **options)

    return OwnKernel


def _peak_memory_mib(pid: int | None) -> int | None:
    """The peak memory of a running process in MiB; None if the system does not report it."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)
    return int(found.group(1)) // 1024 if found else None


def _path_for_papermill(path: Path) -> str:
    """The path for papermill to store in the notebook: relative, with braces doubled, since
    papermill would replace {names} in it."""
    return os.path.relpath(path).replace("{", "{{").replace("}", "}}")


@contextmanager
def _without_papermill_log() -> Iterator[None]:
    """Suppresses papermill's log and its packages' warnings: what matters is raised as an error."""
    logger = logging.getLogger("papermill")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except KeyboardInterrupt:
        # otherwise asyncio complains at exit that the result of the cell was never retrieved
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise
    finally:
        logger.setLevel(level)


_WIDGET = "application/vnd.jupyter.widget-view+json"


def without_volatile_metadata(book: Any) -> Any:
    """A notebook (NotebookNode) without the times, paths and versions that its execution left in
    the metadata, and without widgets, which are dead without their kernel."""
    import nbformat

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


_PLAYER = re.compile(r'(<div class="chorale-player")(.*?)(</div>)', re.DOTALL)


def with_links_to_the_book(book: Any, page: str) -> Any:
    """A notebook (NotebookNode) whose players each have a link to the same player in the book, for
    readers whose page plays nothing, such as GitHub's. Where a player works it hides its link.

    Args:
        book: NotebookNode, executed.
        page: its place in the book without a suffix, such as ``'notebooks/05_generation'``.

    Examples:
        >>> from nbformat.v4 import new_code_cell, new_notebook, new_output
        >>> shown = new_output("display_data", {"text/html": '<div class="chorale-player"></div>'})
        >>> book = new_notebook(cells=[new_code_cell(outputs=[shown])])
        >>> html = with_links_to_the_book(book, "mine").cells[0].outputs[0].data["text/html"]
        >>> 'id="listen-1"' in html and f'href="{BOOK}mine.html#listen-1"' in html
        True
    """
    players = itertools.count(1)

    def linked(player):
        place = f"listen-{next(players)}"
        return (
            f'{player[1]} id="{place}"{player[2]}<p class="chorale-link">'
            f'<a href="{BOOK}{page}.html#{place}">Hear it in the book</a></p>{player[3]}'
        )

    for cell in book.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html")
            if html is not None:
                output.data["text/html"] = _PLAYER.sub(linked, html)
    return book


def page_in_the_book(path: str | os.PathLike[str]) -> str | None:
    """The place in the book, without a suffix, of a notebook in the project's folder ``notebooks``
    or below it; None for any other notebook.

    Examples:
        >>> page_in_the_book("/my/checkout/notebooks/solutions/05_generation.ipynb")
        'notebooks/solutions/05_generation'
    """
    parts = Path(path).with_suffix("").parts
    if "notebooks" not in parts[:-1]:
        return None
    first = len(parts) - 1 - parts[::-1].index("notebooks", 1)
    return "/".join(parts[first:])


def check_error_stream(book: Any, name: str) -> None:
    """Makes sure that no cell of an executed notebook has written to the error stream.

    Args:
        book: NotebookNode.
        name: the notebook's name, for the error message.

    Raises:
        NotebookFailed: a cell has written to it, for example a warning.
    """
    for cell in book.cells:
        for output in cell.get("outputs", []):
            if output.get("name") == "stderr":
                raise NotebookFailed(
                    f"notebook {name}, cell In [{cell.execution_count}]",
                    "output on the error stream",
                    output.text.strip(),
                    cell.source,
                )
