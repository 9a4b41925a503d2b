"""Where chorales come from: the JSB archive, music21's own corpus, or a file of the user's.

Both editions hold the canonical split of 382 chorales (229 train, 76 valid, 77 test;
Boulanger-Lewandowski et al. 2012, "Modeling temporal dependencies in high-dimensional sequences").
This module finds files, checks them and keeps a cache; how a score is laid onto the grid is told in
`reading`, and how the two editions were matched in `jsb_split`.

Notebook: 01_data_exploration
"""

import csv
import hashlib
import lzma
import os
import sys
import tarfile
import warnings
import zlib
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from types import ModuleType

from ..chorale import HIGHEST_PITCH, LOWEST_PITCH, Chorale
from ..files import load_chorales, save_chorales
from ..notation.loading import check_size, parse_score, read_rows
from ..notation.reading import from_score
from .passages import pairwise_containment

PARTITIONS = ("train", "valid", "test")
EDITIONS = ("music21", "jsb")
JSB_URL = "https://raw.githubusercontent.com/ageron/handson-ml2/master/datasets/jsb_chorales/jsb_chorales.tgz"
JSB_SHA256 = "594e5e25a3ff8af64687c378628970c6435fddd3093d96df2fa8ca9505ce30fe"
MANIFEST = Path(__file__).with_name("jsb_split.csv")
PASSAGE_STEPS = {
    True: 16,
    False: 24,
}  # how long passages are that tell near-copies: of all voices, of one voice
CACHE_FORMAT = 3  # to be counted up when what `reading` makes of a score changes
# of files that state the relative major, though the bass ends on this tonic and `find_key` finds it
MINOR_KEYS = {
    "bwv33.6": "a minor",
    "bwv65.2": "a minor",
    "bwv166.6": "g minor",
    "bwv245.3": "g minor",
    "bwv274": "g minor",
    "bwv384": "c minor",
}


@dataclass(frozen=True)
class Corpus:
    """The chorales of one edition, in the three partitions of the canonical split.

    Args:
        train, valid, test: lists of Chorale.
        edition: ``'music21'`` or ``'jsb'``; ``'own'`` for a corpus that someone put together.

    Notebook: 01_data_exploration
    """

    train: list = field(repr=False)
    valid: list = field(repr=False)
    test: list = field(repr=False)
    edition: str = "own"

    def __getitem__(self, name):
        """The chorale of that name, such as ``'bwv66.6'`` or ``'jsb/test/chorale_305'``, in any
        partition.

        Raises:
            KeyError: there is none.
        """
        for partition in PARTITIONS:
            for chorale in getattr(self, partition):
                if chorale.name == name:
                    return chorale
        raise KeyError(f"no chorale named {name!r} in the {self.edition!r} edition")

    def near_copies(self, voices="all", steps=None):
        """For each validation and test piece the training piece most like it, in any transposition, as a
        pandas DataFrame with columns partition, name, nearest and share, the likest first; share (0 to 1)
        is how many of the piece's passages stand in that training piece.

        Args:
            voices: ``'all'`` (passages of four voices), or one voice, such as ``'soprano'``.
            steps: length of a passage in sixteenths; 16 for all voices and 24 for one unless given.

        Raises:
            ValueError: there are no training pieces.

        Notebook: 01_data_exploration
        """
        if not self.train:
            raise ValueError(
                f"{self!r} has no training pieces: expected at least one, for the others to be copies of"
            )
        import pandas

        tables = []
        for partition in PARTITIONS[1:]:
            chorales = getattr(self, partition)
            shares = pairwise_containment(
                chorales, self.train, steps or PASSAGE_STEPS[voices == "all"], voices
            )
            tables.append(
                pandas.DataFrame(
                    {
                        "partition": partition,
                        "name": [chorale.name for chorale in chorales],
                        "nearest": [self.train[place].name for place in shares.argmax(axis=1)],
                        "share": shares.max(axis=1),
                    }
                )
            )
        table = pandas.concat(tables).sort_values(
            "share", ascending=False, kind="stable", ignore_index=True
        )
        return table.assign(nearest=table["nearest"].where(table["share"] > 0))

    def without_near_copies(self, voices="all", steps=None, more_than=0.5):
        """The same `Corpus` less the validation and test pieces that are near-copies of a training
        piece.

        Args:
            voices, steps: as in `near_copies`.
            more_than: share of a piece's passages (0 to 1) above which it counts as a near-copy.

        Notebook: 01_data_exploration
        """
        table = self.near_copies(voices, steps)
        copies = set(table["name"][table["share"] > more_than])
        kept = {
            partition: [
                chorale for chorale in getattr(self, partition) if chorale.name not in copies
            ]
            for partition in PARTITIONS[1:]
        }
        return replace(self, **kept)

    def __repr__(self):
        counts = ", ".join(
            f"{len(getattr(self, partition))} {partition}" for partition in PARTITIONS
        )
        return f"Corpus({self.edition!r}: {counts})"


def load_corpus(edition="music21", path=None, progress=True, known_hash=JSB_SHA256):
    """The `Corpus` of an edition: 229 training, 76 validation and 77 test chorales, or as many as
    it has.

    Args:
        edition: ``'music21'`` or ``'jsb'``.
        path: for ``'jsb'``: an archive (``.tgz``, ``.tar``) or a folder that holds train/, valid/ and test/
            with one CSV a chorale. Without it the archive is looked for in the environment variable
            JSB_CHORALES, then in the cache folder, then downloaded.
        progress: whether work that takes seconds shows a progress bar.
        known_hash: SHA-256 that an archive must have (hexadecimal); None accepts any, for an archive of
            one's own. A folder is read as it is.

    Raises:
        ValueError: the edition is not known, the archive is not the exact one, or a chorale in it is not
            well formed; the message names file and line.
        FileNotFoundError: `path` or JSB_CHORALES does not exist.
        ConnectionError: there is no archive on this machine and none could be downloaded.

    Notebook: 01_data_exploration
    """
    if edition not in EDITIONS:
        raise ValueError(f"edition {edition!r}: expected one of {', '.join(map(repr, EDITIONS))}")
    if edition == "jsb":
        return _load_jsb(path, known_hash, progress)
    if path is not None:
        raise ValueError(
            f"path={str(path)!r} with edition 'music21': the music21 edition lies inside the music21 "
            f"package; expected a path with edition 'jsb' only"
        )
    return _load_music21(progress)


def read_manifest():
    """The manifest of the split as a pandas DataFrame: a row for each of the 382 JSB pieces, with its music21
    file, how well the two editions agree, and its likest training piece. `jsb_split` tells the columns.

    Notebook: 01_data_exploration
    """
    import pandas

    return pandas.read_csv(
        MANIFEST, dtype={"bwv": str, "transposition": "Int64", "file_steps": "Int64"}
    )


def corpus_fingerprint(edition):
    """What tells the contents that ``load_corpus(edition)`` would read from any other's, as a dict
    for JSON.

    Args:
        edition: ``'jsb'``: sha256, of the archive that is found, or of the one that would be downloaded; or
            folder_sha256, of the names and contents of the CSV files, where JSB_CHORALES names a folder.
            ``'music21'``: music21, its version, and manifest_sha256. Nothing is downloaded.

    Raises:
        ValueError: no such edition.
        FileNotFoundError: JSB_CHORALES does not exist.
    """
    if edition == "jsb":
        given = _given_jsb(None)
        if given is None:
            return {"sha256": JSB_SHA256}  # a cached archive that is another is downloaded anew
        return (
            {"folder_sha256": _folder_sha256(given)}
            if given.is_dir()
            else {"sha256": _sha256(given)}
        )
    if edition == "music21":
        return {"music21": version("music21"), "manifest_sha256": _sha256(MANIFEST)}
    raise ValueError(f"edition {edition!r}: expected one of {', '.join(EDITIONS)}")


def cache_folder():
    """The folder (Path) for what is downloaded or computed once: the environment variable
    CHORALE_UTILS_CACHE, or else the operating system's cache folder for this package."""
    if os.environ.get("CHORALE_UTILS_CACHE"):
        return Path(os.environ["CHORALE_UTILS_CACHE"])
    from platformdirs import user_cache_dir  # what pooch.os_cache asks, a tenth of a second sooner

    return Path(user_cache_dir("chorale_utils"))


def _load_jsb(path, known_hash, progress):
    path = _find_jsb(path, progress)
    texts = _texts_in_folder(path) if path.is_dir() else _texts_in_archive(path, known_hash)
    partitions = {partition: [] for partition in PARTITIONS}
    for (partition, stem), (source, text) in sorted(texts.items()):
        pitches = read_rows(text, source, LOWEST_PITCH, HIGHEST_PITCH)
        partitions[partition].append(Chorale(pitches, name=f"jsb/{partition}/{stem}"))
    for partition, chorales in partitions.items():
        if not chorales:
            raise ValueError(
                f"{path}: no CSV in {partition}/: expected train/, valid/ and test/ with one CSV a "
                f"chorale"
            )
    return Corpus(**partitions, edition="jsb")


def _find_jsb(path, progress):
    """The archive or folder to read: what was asked for, else the cached archive, else a fresh
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
            f"{JSB_URL} could not be downloaded ({error}): give path= or the environment variable "
            f"JSB_CHORALES the place of jsb_chorales.tgz, or use load_corpus('music21'), which "
            f"needs no network"
        ) from error


def _given_jsb(path):
    """The archive or folder (Path) that `path` names, or else JSB_CHORALES; None where neither is
    given."""
    for origin, wanted in (
        ("path", path),
        ("JSB_CHORALES", os.environ.get("JSB_CHORALES") or None),
    ):
        if wanted is not None:
            found = Path(wanted).expanduser()
            if not str(wanted) or not found.exists():  # Path("") would be the working folder
                raise FileNotFoundError(
                    f"{origin}={str(wanted)!r} does not exist: expected jsb_chorales.tgz, or a "
                    f"folder that holds train/, valid/ and test/"
                )
            return found
    return None


def _folder_sha256(folder):
    """SHA-256 (hexadecimal) over the CSVs in a folder's train/, valid/ and test/, wherever the
    folder lies."""
    whole = hashlib.sha256()
    for (partition, stem), (_, text) in sorted(_texts_in_folder(folder).items()):
        whole.update(f"{partition}/{stem}.csv {len(text)}\n".encode() + text)
    return whole.hexdigest()


def _texts_in_folder(folder):
    """{(partition, stem): (source, bytes)} of the CSVs in a folder's train/, valid/ and test/."""
    return {
        (partition, file.stem): (str(file), file.read_bytes())
        for partition in PARTITIONS
        for file in sorted((folder / partition).glob("*.csv"))
    }


def _texts_in_archive(archive, known_hash):
    """{(partition, stem): (source, bytes)} of the CSVs in a tar archive, read in memory: nothing is extracted
    to disk, so nothing half-extracted can stay behind."""
    if known_hash is not None and (found := _sha256(archive)) != known_hash.lower():
        raise ValueError(
            f"{archive}: SHA-256 {found}: expected {known_hash}; fetch jsb_chorales.tgz anew, or give "
            f"known_hash=None to read an archive of your own"
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
                        f"{source}: expected plain files and folders inside the archive, no links, "
                        f"no absolute names and no '..'"
                    )
                if member.isfile() and name.suffix == ".csv" and name.parent.name in PARTITIONS:
                    check_size(source, member.size)
                    texts[name.parent.name, name.stem] = (source, tar.extractfile(member).read())
            while tar.fileobj.read(1 << 16):
                pass  # on to the end, where gzip compares its checksum
    except (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(
            f"{archive}: not a whole tar archive ({error}): expected one like jsb_chorales.tgz"
        ) from error
    return texts


def _load_music21(progress):
    """The music21 edition from its cache, which is made first where it is missing or torn."""
    rows = list(csv.DictReader(MANIFEST.read_text(encoding="utf-8").splitlines()))
    rows = [row for row in rows if row["file"]]
    tasks = [
        {
            "file": row["file"],
            "name": PurePosixPath(row["file"]).stem,
            "bwv": row["bwv"],
            "title": row["title"] or None,
            "expand_repeats": row["repeats"] == "taken",
        }
        for row in rows
    ]
    cache = _cache_file()
    chorales = _read_cache(cache) if cache.exists() else None
    if chorales is None:
        chorales = parse_music21(tasks, progress)
        _write_cache(cache, chorales)
    partitions = {partition: [] for partition in PARTITIONS}
    for row, chorale in zip(rows, chorales, strict=True):
        partitions[row["partition"]].append(
            replace(chorale, key=MINOR_KEYS.get(chorale.name, chorale.key))
        )
    return Corpus(**partitions, edition="music21")


def parse_music21(tasks, progress=True, workers=2):
    """The chorales (list of Chorale) in files of music21's corpus, parsed side by side.

    Args:
        tasks: list of dicts with file, such as ``'bach/bwv66.6.mxl'``, and what `reading.from_score` takes
            besides the score.
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
        return [
            replace(chorale) for chorale in bar
        ]  # made anew, because arrays from a process are writable


def _parse_task(task):
    from music21.common import getCorpusFilePath

    about = dict(task)
    return from_score(
        parse_score(Path(getCorpusFilePath(), about.pop("file"))), strict=False, **about
    )


@contextmanager
def _no_main_module():
    """Hides the caller's script from new processes, which would otherwise run it again from its beginning
    unless it says ``if __name__ == '__main__'``, as few notebooks' and learners' scripts do."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _cache_file():
    """Where the parsed edition is kept: another file for another music21, manifest or format."""
    music21_version = version("music21")
    key = hashlib.sha256(
        f"{CACHE_FORMAT} {music21_version} ".encode() + MANIFEST.read_bytes()
    ).hexdigest()
    return cache_folder() / f"music21-{music21_version}-{key[:16]}.npz"


def _write_cache(file, chorales):
    """Writes the chorales into a cache file; warns where the folder does not let it."""
    try:
        save_chorales(chorales, file)
    except OSError as error:
        warnings.warn(
            f"{file} could not be written ({error}), so the corpus will be parsed again next time: set "
            f"CHORALE_UTILS_CACHE to a folder that can be written",
            stacklevel=4,
        )


def _read_cache(file):
    """The chorales in a cache file, or None, with a warning, where the file is torn."""
    try:
        return load_chorales(file)
    except ValueError as error:
        warnings.warn(
            f"{file} is torn ({error}): parsing the corpus again to replace it", stacklevel=4
        )
        return None


def _sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
