"""The corpus: two editions of Bach's chorales, in the three partitions of the canonical split.

The split has 382 chorales (229 train, 76 valid, 77 test; Boulanger-Lewandowski et al. 2012,
"Modeling temporal dependencies in high-dimensional sequences"). One edition is the JSB archive, the
other is read from music21's own corpus. This module finds files, checks them and keeps a cache;
`notation.reading` puts scores on the grid, and `jsb_split` matched the two editions.

Notebook: 01_data_exploration
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import lzma
import os
import re
import sys
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..chorale import HIGHEST_PITCH, LOWEST_PITCH, Chorale, as_chorales
from ..notation.archive import load_chorales, save_chorales
from ..notation.loading import check_size, parse_score, read_rows
from ..notation.reading import from_score
from .errata import ERRATA, corrected
from .passages import pairwise_containment

if TYPE_CHECKING:
    import pandas as pd

PARTITIONS = ("train", "valid", "test")
EDITIONS = ("music21", "jsb")
JSB_URL = (
    "https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/jsb_chorales/"
    "jsb_chorales.tgz"
)
JSB_SHA256 = "594e5e25a3ff8af64687c378628970c6435fddd3093d96df2fa8ca9505ce30fe"
MANIFEST = Path(__file__).with_name("jsb_split.csv")
CACHE_FORMAT = 5  # increase it when `notation.reading` reads scores differently


@dataclass(frozen=True)
class Corpus:
    """The chorales of one edition, in the three partitions of the split that the literature uses.

    The split is that of Boulanger-Lewandowski et al. (2012), "Modeling Temporal Dependencies in
    High-Dimensional Sequences".

    Each partition is a list. The whole corpus also has a length and can be iterated over: first the
    training pieces, then validation, then test. A chorale is looked up by its name, or by its
    number in the Bach-Werke-Verzeichnis.

    Args:
        train, valid, test: lists of Chorale; a single Chorale counts as a list of one.
        edition: ``'music21'`` or ``'jsb'``; ``'own'`` for your own corpus.

    Raises:
        TypeError: a partition holds something other than chorales.

    Examples:
        >>> held = [[72, 67, 64, 48]] * 16
        >>> one, two, three = (Chorale(held, name=f"bwv{n}", bwv=str(n)) for n in (1, 2, 3))
        >>> corpus = Corpus(train=[one], valid=[two], test=[three])
        >>> corpus
        Corpus('own': 1 train, 1 valid, 1 test)
        >>> len(corpus), len(corpus.train)
        (3, 1)
        >>> [chorale.name for chorale in corpus]
        ['bwv1', 'bwv2', 'bwv3']
        >>> corpus["bwv2"] is corpus["2"] is corpus["BWV 2"]
        True
        >>> "bwv4" in corpus
        False

    Notebook: 01_data_exploration
    """

    train: list[Chorale] = field(repr=False)
    valid: list[Chorale] = field(repr=False)
    test: list[Chorale] = field(repr=False)
    edition: str = "own"

    def __post_init__(self) -> None:
        for partition in PARTITIONS:
            try:
                chorales = as_chorales(getattr(self, partition))
            except TypeError as error:
                raise TypeError(f"{partition}: {error}") from None
            object.__setattr__(self, partition, chorales)

    def __len__(self) -> int:
        """Number of chorales in all three partitions together."""
        return sum(len(getattr(self, partition)) for partition in PARTITIONS)

    def __iter__(self) -> Iterator[Chorale]:
        """All chorales: those of train first, then those of valid, then those of test."""
        for partition in PARTITIONS:
            yield from getattr(self, partition)

    def __contains__(self, chorale: object) -> bool:
        """Whether the corpus has an equal chorale, or one with this name or BWV number."""
        if isinstance(chorale, str):
            return bool(self._named(chorale))
        return any(chorale == one for one in self)

    def __getitem__(self, name: str) -> Chorale:
        """The chorale with this name or BWV number, from any partition.

        Args:
            name: such as ``'bwv66.6'`` or ``'jsb/test/chorale_305'``; or the number in the
                Bach-Werke-Verzeichnis, such as ``'66.6'`` or ``'BWV 66.6'``.

        Raises:
            KeyError: no chorale has this name or number, or several have this number; the message
                suggests names.
            TypeError: `name` is not a str.
        """
        if not isinstance(name, str):
            raise TypeError(
                f"corpus[{name!r}]: expected a chorale's name or BWV number, such as 'bwv66.6' or "
                f"'66.6'; the partitions are lists: corpus.train[0]"
            )
        found = self._named(name)
        if not found:
            wanted = name if _bwv_number(name) is None else f"bwv{_bwv_number(name)}"
            near = difflib.get_close_matches(wanted, [chorale.name for chorale in self])
            hint = f": did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise KeyError(f"no chorale named {name!r} in the {self.edition!r} edition{hint}")
        if found[0].name != name and len(found) > 1:
            names = ", ".join(repr(chorale.name) for chorale in found)
            raise KeyError(f"{name!r} is the number of {names}: expected one of their names")
        return found[0]

    def _named(self, name: str) -> list[Chorale]:
        """The chorales with this name, or else those with this BWV number."""
        named = [chorale for chorale in self if chorale.name == name]
        number = _bwv_number(name)
        if named or number is None:
            return named
        return [chorale for chorale in self if chorale.bwv == number]

    def near_copies(self, voices: str = "all", steps: int | None = None) -> pd.DataFrame:
        """The most similar training piece for each validation and test piece, in any transposition:
        a pandas DataFrame with columns partition, name, nearest and share, the closest copies
        first. The share (0 to 1) is the part of the piece's passages that also occur in that
        training piece.

        Args:
            voices: ``'all'`` (passages of four voices), or one voice, such as ``'soprano'``.
            steps: length of a passage in sixteenths; if None, 16 for all voices and 24 for one.

        Raises:
            ValueError: there are no training pieces, or `voices` or `steps` is invalid.

        Examples:
            >>> scale = Chorale([[60 + step, 55, 52, 48] for step in range(20)], name="scale")
            >>> corpus = Corpus(train=scale, valid=scale.transpose(2), test=[])
            >>> corpus.near_copies().values.tolist()
            [['valid', 'scale', 'scale', 1.0]]

        Notebook: 01_data_exploration
        """
        if not self.train:
            raise ValueError(
                f"{self!r} has no training pieces: expected at least one to compare the others with"
            )
        import pandas as pd

        tables = []
        for partition in PARTITIONS[1:]:
            chorales = getattr(self, partition)
            shares = pairwise_containment(chorales, self.train, steps, voices)
            tables.append(
                pd.DataFrame(
                    {
                        "partition": partition,
                        "name": [chorale.name for chorale in chorales],
                        "nearest": [self.train[place].name for place in shares.argmax(axis=1)],
                        "share": shares.max(axis=1),
                    }
                )
            )
        table = pd.concat(tables).sort_values(
            "share", ascending=False, kind="stable", ignore_index=True
        )
        return table.assign(nearest=table["nearest"].where(table["share"] > 0))

    def without_near_copies(
        self, voices: str = "all", steps: int | None = None, more_than: float = 0.5
    ) -> Corpus:
        """The same `Corpus` without the validation and test pieces that are near-copies of a
        training piece.

        Args:
            voices, steps: as in `near_copies`.
            more_than: share of a piece's passages (0 to 1) above which it counts as a near-copy.

        Raises:
            ValueError: as in `near_copies`.

        Examples:
            >>> scale = Chorale([[60 + step, 55, 52, 48] for step in range(20)], name="scale")
            >>> held = Chorale([[72, 67, 64, 48]] * 20, name="held")
            >>> Corpus(scale, valid=scale, test=held).without_near_copies()
            Corpus('own': 1 train, 0 valid, 1 test)

        Notebook: 01_data_exploration
        """
        table = self.near_copies(voices, steps)
        copies = set(table["name"][table["share"] > more_than])
        valid, test = (
            [chorale for chorale in partition if chorale.name not in copies]
            for partition in (self.valid, self.test)
        )
        return replace(self, valid=valid, test=test)

    def __repr__(self) -> str:
        counts = ", ".join(
            f"{len(getattr(self, partition))} {partition}" for partition in PARTITIONS
        )
        return f"Corpus({self.edition!r}: {counts})"


def load_corpus(
    edition: str = "music21",
    path: str | os.PathLike[str] | None = None,
    progress: bool = True,
    known_hash: str | None = JSB_SHA256,
    errata: bool = True,
) -> Corpus:
    """The `Corpus` of an edition: 229 training, 76 validation and 77 test chorales in ``'jsb'``;
    225, 73 and 77 of these in ``'music21'``.

    The first call for ``'music21'`` parses its files, which takes about a minute; later ones read a
    cache.

    In the music21 edition a repeated bar appears once, as it is written, and the chorale's
    `notation` has the repeat signs. But in the few pieces whose repeats are written out in the
    archive (see the column repeats of `read_manifest`), they are written out here, too. Undoubted
    errors in the files are corrected (see `read_errata`).

    Args:
        edition: ``'music21'`` or ``'jsb'``.
        path: for ``'jsb'``: an archive (``.tgz``, ``.tar``), or a folder with train/, valid/ and
            test/ and one CSV for each chorale. None takes the archive named by the environment
            variable JSB_CHORALES, or else the one in the cache folder, or else downloads it.
        progress: whether to show a progress bar for work that takes seconds.
        known_hash: expected SHA-256 of the archive (hexadecimal); None accepts any, for your own
            archive. A folder is not checked.
        errata: whether to correct the errors of the music21 edition; the archive is never changed.

    Raises:
        ValueError: the edition is unknown, the archive is not the expected one, or a chorale in it
            is malformed; the message names file and line.
        FileNotFoundError: `path` or JSB_CHORALES does not exist.
        ConnectionError: there is no archive on this machine and none could be downloaded.

    Examples:
        >>> corpus = load_corpus(progress=False)
        >>> corpus
        Corpus('music21': 225 train, 73 valid, 77 test)
        >>> corpus["66.6"]
        Chorale('bwv66.6', 144 steps, f# minor, 4/4)

    Notebook: 01_data_exploration
    """
    _check_edition(edition)
    if edition == "jsb":
        return _load_jsb(path, known_hash, progress)
    if path is not None:
        raise ValueError(
            f"path={str(path)!r} with edition 'music21': the music21 edition is part of the "
            f"music21 package; expected a path only with edition 'jsb'"
        )
    return _load_music21(progress, errata)


def read_manifest() -> pd.DataFrame:
    """The manifest of the split as a pandas DataFrame: one row for each of the 382 JSB pieces, with
    its music21 file, how well the two editions agree, and the most similar training piece.
    The module ``chorale_utils.corpus.jsb_split`` explains the columns.

    Examples:
        >>> manifest = read_manifest()
        >>> len(manifest), manifest.loc[0, "file"], manifest.loc[0, "title"]
        (382, 'bach/bwv360.mxl', 'Jesu, meiner Seelen Wonne')

    Notebook: 01_data_exploration
    """
    import pandas as pd

    kinds = {"bwv": "str", "transposition": "Int64", "file_steps": "Int64"}
    return pd.read_csv(MANIFEST, dtype=kinds)


def corpus_fingerprint(edition: str) -> dict[str, str]:
    """Hashes that identify the data that ``load_corpus(edition)`` would read, as a dict for JSON.
    Nothing is downloaded.

    Args:
        edition: ``'music21'`` or ``'jsb'``.

    Returns:
        dict. For ``'jsb'``: sha256 of the archive found, or else of the one to download; or, if
        JSB_CHORALES names a folder, folder_sha256 of the names and contents of its CSV files. For
        ``'music21'``: music21 (its version), manifest_sha256 and errata_sha256.

    Raises:
        ValueError: unknown edition.
        FileNotFoundError: JSB_CHORALES does not exist.

    Examples:
        >>> sorted(corpus_fingerprint("music21"))
        ['errata_sha256', 'manifest_sha256', 'music21']
    """
    _check_edition(edition)
    if edition == "music21":
        return {
            "music21": version("music21"),
            "manifest_sha256": _sha256(MANIFEST),
            "errata_sha256": _sha256(ERRATA),
        }
    given = _given_jsb(None)
    if given is None:
        return {"sha256": JSB_SHA256}  # any other archive in the cache is downloaded again
    if given.is_dir():
        return {"folder_sha256": _folder_sha256(given)}
    return {"sha256": _sha256(given)}


def cache_folder() -> Path:
    """The folder (Path) for downloads and cached results: the environment variable
    CHORALE_UTILS_CACHE, or else the operating system's cache folder for this package."""
    if os.environ.get("CHORALE_UTILS_CACHE"):
        return Path(os.environ["CHORALE_UTILS_CACHE"])
    from platformdirs import user_cache_dir  # like pooch.os_cache, but a tenth of a second faster

    return Path(user_cache_dir("chorale_utils"))


def _bwv_number(name: str) -> str | None:
    """``'66.6'`` from ``'66.6'``, ``'BWV 66.6'`` or ``'bwv66.6'``; None if it is no BWV number."""
    match = re.fullmatch(r"\s*(?:bwv)?\s*(\d\S*)\s*", name, re.IGNORECASE)
    return match and match[1].lower()


def _check_edition(edition: str) -> None:
    if isinstance(edition, str) and edition in EDITIONS:
        return
    expected = f"expected one of {', '.join(map(repr, EDITIONS))}"
    near = difflib.get_close_matches(str(edition).lower(), EDITIONS, n=1)
    if near:
        expected += f": did you mean {near[0]!r}?"
    elif isinstance(edition, os.PathLike) or re.search(r"[./\\]", str(edition)):
        expected += f"; to read an archive or a folder: load_corpus('jsb', path={str(edition)!r})"
    raise ValueError(f"edition {edition!r}: {expected}")


def _load_jsb(
    path: str | os.PathLike[str] | None, known_hash: str | None, progress: bool
) -> Corpus:
    found = _find_jsb(path, progress)
    texts = _texts_in_folder(found) if found.is_dir() else _texts_in_archive(found, known_hash)
    partitions: dict[str, list[Chorale]] = {partition: [] for partition in PARTITIONS}
    for (partition, stem), (source, text) in sorted(texts.items()):
        pitches = read_rows(text, source, LOWEST_PITCH, HIGHEST_PITCH)
        partitions[partition].append(Chorale(pitches, name=f"jsb/{partition}/{stem}"))
    for partition, chorales in partitions.items():
        if not chorales:
            raise ValueError(
                f"{found}: no CSV in {partition}/: expected train/, valid/ and test/ with one CSV "
                f"for each chorale"
            )
    return Corpus(**partitions, edition="jsb")


def _find_jsb(path: str | os.PathLike[str] | None, progress: bool) -> Path:
    """The archive or folder to read: the one given, or else the cached archive, or else a new
    download."""
    given = _given_jsb(path)
    if given is not None:
        return given
    archive = cache_folder() / "jsb_chorales.tgz"
    if archive.exists() and _sha256(archive) == JSB_SHA256:
        return archive
    import pooch

    try:
        return Path(
            pooch.retrieve(
                JSB_URL, JSB_SHA256, fname=archive.name, path=archive.parent, progressbar=progress
            )
        )
    except OSError as error:
        raise ConnectionError(
            f"{JSB_URL} could not be downloaded ({error}): set path= or the environment variable "
            f"JSB_CHORALES to the path of jsb_chorales.tgz, or use load_corpus('music21'), which "
            f"needs no network"
        ) from error


def _given_jsb(path: str | os.PathLike[str] | None) -> Path | None:
    """The archive or folder (Path) named by `path`, or else by JSB_CHORALES; None if neither is
    given."""
    for origin, wanted in (
        ("path", path),
        ("JSB_CHORALES", os.environ.get("JSB_CHORALES") or None),
    ):
        if wanted is not None:
            found = Path(wanted).expanduser()
            if not str(wanted) or not found.exists():  # Path("") would mean the working folder
                raise FileNotFoundError(
                    f"{origin}={str(wanted)!r} does not exist: expected jsb_chorales.tgz, or a "
                    f"folder with train/, valid/ and test/"
                )
            return found
    return None


def _folder_sha256(folder: Path) -> str:
    """SHA-256 (hexadecimal) of the CSVs in a folder's train/, valid/ and test/, independent of the
    folder's path."""
    whole = hashlib.sha256()
    for (partition, stem), (_, text) in sorted(_texts_in_folder(folder).items()):
        whole.update(f"{partition}/{stem}.csv {len(text)}\n".encode() + text)
    return whole.hexdigest()


def _texts_in_folder(folder: Path) -> dict[tuple[str, str], tuple[str, bytes]]:
    """{(partition, stem): (source, bytes)} of the CSVs in a folder's train/, valid/ and test/."""
    return {
        (partition, file.stem): (str(file), file.read_bytes())
        for partition in PARTITIONS
        for file in sorted((folder / partition).glob("*.csv"))
    }


def _texts_in_archive(
    archive: Path, known_hash: str | None
) -> dict[tuple[str, str], tuple[str, bytes]]:
    """{(partition, stem): (source, bytes)} of the CSVs in a tar archive. They are read in memory,
    so that no half-extracted files can be left on disk."""
    if known_hash is not None and (found := _sha256(archive)) != known_hash.lower():
        raise ValueError(
            f"{archive}: SHA-256 {found}: expected {known_hash}; fetch jsb_chorales.tgz again, or "
            f"pass known_hash=None to read your own archive"
        )
    texts = {}
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                source = f"{archive}:{member.name}"
                if (
                    name.is_absolute()
                    or ".." in name.parts
                    or not (member.isfile() or member.isdir())
                ):
                    raise ValueError(
                        f"{source}: expected plain files and folders in the archive, and no "
                        f"links, absolute names or '..'"
                    )
                if member.isfile() and name.suffix == ".csv" and name.parent.name in PARTITIONS:
                    check_size(source, member.size)
                    content = tar.extractfile(member)
                    assert content is not None  # as of every plain file
                    texts[name.parent.name, name.stem] = (source, content.read())
            while tar.fileobj.read(1 << 16):
                pass  # read to the end, where gzip compares its checksum
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(
            f"{archive}: not a tar archive, or a damaged one ({error}): expected one like "
            f"jsb_chorales.tgz"
        ) from error
    return texts


def _load_music21(progress: bool, errata: bool) -> Corpus:
    """The music21 edition from its cache of the uncorrected files, which is built first if it is
    missing or damaged."""
    rows = list(csv.DictReader(MANIFEST.read_text(encoding="utf-8").splitlines()))
    rows = [row for row in rows if row["file"]]
    tasks = [
        {
            "file": row["file"],
            "name": PurePosixPath(row["file"]).stem,
            "bwv": row["bwv"],
            "title": row["title"] or None,
            "repeats": "played" if row["repeats"] == "taken" else "written",
        }
        for row in rows
    ]
    cache = _cache_file()
    chorales = _read_cache(cache) if cache.exists() else None
    if chorales is None:
        chorales = parse_music21(tasks, progress)
        _write_cache(cache, chorales)
    partitions: dict[str, list[Chorale]] = {partition: [] for partition in PARTITIONS}
    for row, chorale in zip(rows, chorales, strict=True):
        partitions[row["partition"]].append(corrected(chorale) if errata else chorale)
    return Corpus(**partitions, edition="music21")


def parse_music21(
    tasks: list[dict[str, Any]], progress: bool = True, workers: int = 2
) -> list[Chorale]:
    """The chorales (list of Chorale) in files of music21's corpus, parsed in parallel.

    Args:
        tasks: list of dicts with file, such as ``'bach/bwv66.6.mxl'``, and the arguments of
            `from_score` besides the score.
        progress: whether to show a progress bar, on standard output.
        workers: number of processes.
    """
    from tqdm import tqdm

    with (
        _no_main_module(),
        ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as executor,
    ):
        results = executor.map(_parse_task, tasks, chunksize=4)
        bar = tqdm(
            results,
            "Parsing music21's Bach chorales",
            len(tasks),
            unit=" chorales",
            mininterval=1,
            file=sys.stdout,
            disable=not progress,
        )
        # rebuilt here, because arrays from another process are writable
        return [replace(chorale, notation=replace(chorale.notation)) for chorale in bar]


def _parse_task(task: dict[str, Any]) -> Chorale:
    from music21.common import getCorpusFilePath

    about = dict(task)
    score = parse_score(Path(getCorpusFilePath(), about.pop("file")))
    with warnings.catch_warnings():  # it is expected that instruments are left out
        warnings.filterwarnings("ignore", ".*: (left out|bar )", UserWarning)
        return from_score(score, strict=False, **about)


@contextmanager
def _no_main_module() -> Iterator[None]:
    """Hides the caller's script from new processes, which would otherwise run it again, unless it
    says ``if __name__ == '__main__'``, as few learners' scripts do."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _cache_file() -> Path:
    """The cache file of the parsed edition: one for each version of music21, manifest and
    format."""
    music21_version = version("music21")
    key = hashlib.sha256(
        f"{CACHE_FORMAT} {music21_version} ".encode() + MANIFEST.read_bytes()
    ).hexdigest()
    return cache_folder() / f"music21-{music21_version}-{key[:16]}.npz"


def _write_cache(file: Path, chorales: list[Chorale]) -> None:
    """Writes the chorales into a cache file, or warns if that fails."""
    try:
        save_chorales(chorales, file)
    except OSError as error:
        warnings.warn(
            f"{file} could not be written ({error}), so the corpus will be parsed again next "
            f"time: set CHORALE_UTILS_CACHE to a writable folder",
            stacklevel=4,
        )


def _read_cache(file: Path) -> list[Chorale] | None:
    """The chorales in a cache file; None, with a warning, if the file is damaged."""
    try:
        return load_chorales(file)
    except ValueError as error:
        warnings.warn(
            f"{file} is damaged ({error}): parsing the corpus again to replace it", stacklevel=4
        )
        return None


def _sha256(path: str | os.PathLike[str]) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
