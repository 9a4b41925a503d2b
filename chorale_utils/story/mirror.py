"""A mirror of a run's folder in another place, such as object storage, which fsspec reaches.

The notebooks of a run write on a disk of this machine; the mirror gets what they have written
whenever one of them has come to its end. What is to be written is decided in `pipeline`."""

from contextlib import contextmanager
from urllib.parse import urlsplit

from .record import LOCK, RECORD


class Mirror:
    """A folder that is to look like a run's.

    Args:
        url: str, the folder in which the mirror is made (``'s3://bucket/runs'``), anything that fsspec knows.
        folder: Path, the run's folder; the mirror has its name.

    Raises:
        ValueError: nothing that fsspec knows, or a package is missing, the message says which; or there is a password in it,
            which would be written into the run's record.
    """

    def __init__(self, url, folder):
        import fsspec

        if urlsplit(url).password is not None:
            raise ValueError(
                "output: there is a password in the address: expected one without; fsspec finds passwords in "
                "its own configuration files, or in the environment"
            )
        try:
            self.files, place = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise ValueError(
                f"output {url}: {error}: expected a folder of this machine, or an address that fsspec knows; "
                f"install what it names, such as s3fs for s3://"
            ) from error
        self.folder, self.place = folder, f"{place.rstrip('/')}/{folder.name}"
        self._there = {}

    def refuse_what_is_there(self):
        """Makes sure that nothing is in the mirror's place.

        Raises:
            FileExistsError: something is.
            OSError: the place cannot be looked at.
        """
        with self._errors():
            if self.files.exists(self.place) and self.files.ls(self.place):
                raise FileExistsError(
                    f"{self.place} is there and not empty: choose another --run-id"
                )

    def renew(self):
        """Copies what is new since the last time; the run's record comes last, so that it promises
        nothing that is not there.

        Raises:
            OSError: the place cannot be written.
        """
        paths = [path for path in self.folder.rglob("*") if path.is_file() and path.name != LOCK]
        for path in sorted(paths, key=lambda path: (path.name == RECORD, path)):
            about = path.stat()
            state = (about.st_mtime_ns, about.st_size)
            if self._there.get(path) != state:
                target = f"{self.place}/{path.relative_to(self.folder).as_posix()}"
                with self._errors():
                    self.files.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
                    self.files.put_file(str(path), target)
                self._there[path] = state

    @contextmanager
    def _errors(self):
        """Each kind of storage has errors of its own: here they are OSError, all of them."""
        try:
            yield
        except OSError:
            raise
        except Exception as error:
            raise OSError(f"{self.place}: {type(error).__name__}: {error}") from error
