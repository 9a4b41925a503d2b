"""A mirror: a copy of a run's folder in another place that fsspec reaches, such as object storage.

The notebooks of a run write to a local disk. Each time one of them ends, its files are copied to
the mirror. `pipeline` decides which files they write.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ..extras import require
from .record import LOCK, RECORD


class Mirror:
    """A copy of a run's folder elsewhere, kept up to date.

    Args:
        url: the folder in which the mirror is created, an address that fsspec knows, such as
            ``'s3://bucket/runs'``.
        folder: the run's folder; the mirror has the same name.

    Raises:
        MissingExtra: fsspec is not installed.
        ValueError: fsspec does not know this kind of address; or it needs a package that is not
            installed, which the message names; or the address contains a password, which would end
            up in the run's record.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     folder = Path(place) / "run-1"
        ...     folder.mkdir()
        ...     _ = (folder / "run.json").write_text("{}")
        ...     Mirror(f"file://{place}/copies", folder).renew()
        ...     (Path(place) / "copies" / "run-1" / "run.json").read_text()
        '{}'
    """

    def __init__(self, url: str, folder: Path) -> None:
        require("notebooks", f"output {url}")
        import fsspec

        if urlsplit(url).password is not None:
            raise ValueError(
                "output: the address contains a password: expected one without; fsspec finds "
                "passwords in its own configuration files, or in the environment"
            )
        try:
            self.files, place = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ValueError(
                f"output {url}: {error}: expected a folder on this machine, or an address that "
                f"fsspec knows; install the package that fsspec asks for, such as s3fs for s3://"
            ) from error
        self.folder, self.place = folder, f"{place.rstrip('/')}/{folder.name}"
        self._copied: dict[Path, tuple[int, int]] = {}  # time and size of the files copied so far

    def check_empty(self) -> None:
        """Makes sure that the mirror's folder is empty or does not exist yet.

        Raises:
            FileExistsError: the folder is not empty.
            OSError: the folder cannot be read.
        """
        with self._as_oserror():
            if self.files.exists(self.place) and self.files.ls(self.place):
                raise FileExistsError(
                    f"{self.place} exists and is not empty: choose another --run-id"
                )

    def renew(self) -> None:
        """Copies every file that is new or has changed since the last time.

        The run's record is copied last, so that it never names a file that is not there yet.

        Raises:
            OSError: the mirror cannot be written.
        """
        paths = [path for path in self.folder.rglob("*") if path.is_file() and path.name != LOCK]
        for path in sorted(paths, key=lambda path: (path.name == RECORD, path)):
            about = path.stat()
            state = (about.st_mtime_ns, about.st_size)
            if self._copied.get(path) != state:
                target = f"{self.place}/{path.relative_to(self.folder).as_posix()}"
                with self._as_oserror():
                    self.files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
                    self.files.put_file(str(path), target)
                self._copied[path] = state

    @contextmanager
    def _as_oserror(self) -> Iterator[None]:
        """Raises every error of fsspec as OSError, since each kind of storage has its own."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{self.place}: {type(error).__name__}: {error}") from error
