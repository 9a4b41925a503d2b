"""Progress: one line on the terminal that shows which notebook and cell is running, and how much
time is left for all of them."""

import sys
import threading
import time
from collections.abc import Mapping, Sequence


class Progress:
    """The progress of notebooks that are executed one after another; a context manager.

    Args:
        durations: notebook's name -> the seconds that each of its cells took last time, or 1 for
            each if that is not known.
        measured: whether the durations are seconds.
        shown: whether to show the line; None shows it on a terminal. False suppresses the lines of
            `say`, too.

    Examples:
        >>> with Progress({"01_first": [1.0, 3.0]}, measured=True, shown=False) as progress:
        ...     progress.begin_cell("1 of 1  01_first", "01_first", cell=2, cells=2)
        ...     progress.place
        '1 of 1  01_first, cell 2 of 2'
    """

    def __init__(
        self, durations: Mapping[str, Sequence[float]], measured: bool, shown: bool | None = None
    ) -> None:
        self.durations, self.measured = durations, measured
        self.shown, self.silent = is_shown(shown), shown is False
        self.began = self.cell_began = time.monotonic()
        self.done, self.place = 0.0, ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, daemon=True)

    def __enter__(self) -> "Progress":
        if self.shown:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        if self.shown:
            self._thread.join()
            self._write("")

    def begin_cell(self, label: str, name: str, cell: int, cells: int) -> None:
        """Shows that a cell begins.

        Args:
            label: the notebook's name in the line.
            name: the notebook's name in `durations`.
            cell: the cell's number, from 1.
            cells: number of cells of the notebook.
        """
        names = list(self.durations)
        before = sum(sum(self.durations[earlier]) for earlier in names[: names.index(name)])
        self.done = before + sum(self.durations[name][: cell - 1])
        self.cell_began = time.monotonic()
        self.place = f"{label}, cell {cell} of {cells}"

    def seconds_left(self, now: float) -> float | None:
        """Estimated seconds until the last notebook ends; None if nothing is known yet.

        Args:
            now: the time, from `time.monotonic`.
        """
        whole = sum(map(sum, self.durations.values()))
        if self.done:
            pace = (self.cell_began - self.began) / self.done
        elif self.measured:
            pace = 1.0
        else:
            return None
        return max(0.0, (whole - self.done) * pace - (now - self.cell_began))

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        if self.shown:
            self._write("")
        if not self.silent:
            print(line, file=sys.stderr)

    def _refresh(self) -> None:
        while not self._ended.wait(0.5):
            now = time.monotonic()
            left = self.seconds_left(now)
            about = "" if left is None else f", about {_clock(left)} left"
            self._write(f"{self.place}, {_clock(now - self.began)} so far{about}")

    @staticmethod
    def _write(line: str) -> None:
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()


def is_shown(progress: bool | None) -> bool:
    """Whether to show progress: as `progress` says; if it is None, only on a terminal.

    Examples:
        >>> is_shown(True)
        True
    """
    return sys.stderr.isatty() if progress is None else progress


def _clock(seconds: float) -> str:
    """A duration as text, such as ``'1:02:03'`` or ``'2:03'``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
