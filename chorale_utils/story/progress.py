"""Progress: one line of a terminal that says which notebook and cell is being executed, and how
long all of them may still take."""

import sys
import threading
import time
from collections.abc import Mapping, Sequence


class Progress:
    """The progress of notebooks that are executed one after the other; a context manager.

    Args:
        durations: notebook's name -> for each of its cells the seconds that it took the last time,
            or 1 where that is not known.
        measured: whether the durations are seconds.
        shown: whether the line is shown; None for yes on a terminal. False suppresses the lines of
            `say` too.

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
        """Notes that a cell begins.

        Args:
            label: what the line calls the notebook.
            name: the notebook's name, one of those in `durations`.
            cell: the cell's number, from 1.
            cells: how many cells the notebook has.
        """
        names = list(self.durations)
        before = sum(sum(self.durations[earlier]) for earlier in names[: names.index(name)])
        self.done = before + sum(self.durations[name][: cell - 1])
        self.cell_began = time.monotonic()
        self.place = f"{label}, cell {cell} of {cells}"

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the last notebook may end; None where nothing is known yet.

        Args:
            now: the time, of `time.monotonic`.
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
    """Whether progress is shown: as `progress` says; where that is None, on a terminal only.

    Examples:
        >>> is_shown(True)
        True
    """
    return sys.stderr.isatty() if progress is None else progress


def _clock(seconds: float) -> str:
    """Such as ``'1:02:03'`` or ``'2:03'``."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
