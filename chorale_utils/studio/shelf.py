"""The shelf: where a visitor's work on a piece is kept between visits.

One visitor may have the same piece open in several tabs, each with a kernel of its own. So every
page saves to a file of its own, and none ever overwrites what another has saved. When a page first
saves, it removes the file that it began with, which its own undo history contains. If that file has
changed or gone since, another page has gone on from it: both versions stay, and the visitor is told
so.

What cannot be read is renamed, never deleted at once: a later release may read it, and so it is
tried again whenever the page is opened.

Notebook: 06_studio
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Any

from ..files import write_atomically
from .session import Session

MOST_TOLD = 8  # other versions that the page offers
MOST_UNREADABLE = 8  # of one visitor's piece: beyond that, the oldest are deleted
ABANDONED = 60  # seconds after which a file moved aside is no longer in anybody's hands
_UNREADABLE = ".unreadable"


class Shelf:
    """The versions of one visitor's work on one piece.

    Args:
        folder: where all work is kept; created if missing.
        secret: what only this visitor knows of this piece; file names are made from its hash.

    Examples:
        >>> from tempfile import mkdtemp
        >>> shelf, session = Shelf(mkdtemp(), "one visitor"), Session()
        >>> session.put(0, 0, 4, 67)
        >>> shelf.save(session)
        False
        >>> later = Shelf(shelf.folder, "one visitor")
        >>> later.open(later.names()[0]).chorale.notes(0).tolist()
        [[0, 4, 67]]

    Notebook: 06_studio
    """

    def __init__(self, folder: str | os.PathLike[str], secret: str) -> None:
        self.folder = Path(folder)
        self._begins = hashlib.sha256(secret.encode()).hexdigest()[:40]
        self._recover()
        self._own = self._new_file()
        self._saved = False  # whether this page has saved to its own file
        self._begun: tuple[Path, bytes] | None = None  # the file that this page began with
        self._seen = set(self.names())  # the versions that were there then

    def names(self) -> list[str]:
        """The names (list of str) of all versions but this page's own, the newest first."""
        return [file.name for file in self._files(".json") if file.name != self._own.name]

    def open(self, name: str) -> Session:
        """The session of a version. The page goes on from it in a file of its own.

        Args:
            name: one of `names`.

        Raises:
            ValueError: there is no such version any more, or it cannot be read.
        """
        file = self._file(name)
        try:
            content = file.read_bytes()
        except FileNotFoundError:
            raise ValueError("this version is no longer there: choose another one") from None
        session = Session.from_json(content.decode("utf-8"))
        self._own, self._saved, self._begun = self._new_file(), False, (file, content)
        self._seen = set(self.names())
        return session

    def save(self, session: Session) -> bool:
        """Saves this page's work, and returns whether another page has meanwhile gone on from the
        same version, or begun a new one (bool): then there are two.

        Raises:
            OSError: it cannot be written.
        """
        text = session.to_json()
        parted = not self._own.exists() if self._saved else not self._seen.issuperset(self.names())
        write_atomically(self._own, lambda unfinished: unfinished.write_text(text, "utf-8"))
        self._saved = True
        if self._begun is not None:
            parted |= not self._remove_if_unchanged(*self._begun)
            self._begun = None
        return parted

    def set_aside(self, name: str) -> Path:
        """Renames a version that cannot be read, and returns its new path (Path)."""
        file = self._file(name)
        aside = file.replace(file.with_suffix(_UNREADABLE))
        for old in self._files(_UNREADABLE)[MOST_UNREADABLE:]:
            old.unlink(missing_ok=True)
        return aside

    def delete(self, name: str) -> None:
        """Deletes a version for good.

        Raises:
            ValueError: there is no such version.
        """
        self._file(name).unlink(missing_ok=True)

    def others(self) -> list[dict[str, Any]]:
        """About the other versions, the newest first, `MOST_TOLD` at most (list of dict): `name`,
        `title`, number of `bars` and `notes`, and the time when it was `saved`, in seconds since
        1970. The one that this page shows as it was saved, and those that cannot be read, are left
        out."""
        shown = self._begun and self._begun[0].name
        told = []
        for name in self.names():
            if name == shown:
                continue
            file = self.folder / name
            try:
                saved, session = file.stat().st_mtime, Session.from_json(file.read_text("utf-8"))
            except (ValueError, FileNotFoundError):
                continue
            piece = session.chorale
            notes = sum(len(piece.notes(voice)) for voice in range(piece.pitches.shape[1]))
            about = {"title": piece.title or "", "bars": len(session.bars), "notes": notes}
            told.append({"name": name, "saved": saved, **about})
        return told[:MOST_TOLD]

    def _recover(self) -> None:
        """Makes versions again of files that another page had moved aside when it was killed, and
        of those that can be read now."""
        for file in self._files(".aside"):
            if time.time() - file.stat().st_ctime > ABANDONED:
                file.replace(self._new_file())
        for file in self._files(_UNREADABLE):
            try:
                Session.from_json(file.read_text("utf-8"))
            except ValueError:
                continue
            file.replace(self._new_file())

    def _files(self, suffix: str) -> list[Path]:
        """This visitor's files with a suffix, the newest first."""
        found = list[tuple[int, Path]]()
        for file in self.folder.glob(f"{self._begins}*{suffix}") if self.folder.is_dir() else ():
            try:
                found.append((-file.stat().st_mtime_ns, file))
            except FileNotFoundError:  # another page has just gone on from it
                continue
        return [file for _, file in sorted(found)]

    def _new_file(self) -> Path:
        return self.folder / f"{self._begins}{secrets.token_hex(8)}.json"

    def _file(self, name: str) -> Path:
        """The file of a version; a name from outside is looked up, never used as a path."""
        if name not in self.names():
            raise ValueError("this version is no longer there: choose another one")
        return self.folder / name

    def _remove_if_unchanged(self, file: Path, content: bytes) -> bool:
        """Removes a file if this is its content, and returns whether it was. It is moved away
        first, so that nothing that another page writes in the meantime is lost."""
        aside = file.with_suffix(".aside")
        try:
            file.replace(aside)
        except FileNotFoundError:
            return False
        if aside.read_bytes() == content:
            aside.unlink()
            return True
        try:
            os.link(aside, file)  # unless its page has saved again
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            aside.replace(file)
            return False
        aside.unlink()
        return False
