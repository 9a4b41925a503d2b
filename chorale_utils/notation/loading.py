"""A user's own file as a `Chorale`: MIDI, MusicXML, kern or CSV, recognised by its suffix.

Notebook: 05_generation
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..chorale import SILENCE, VOICES, Chorale
from ..files import as_path
from .kern import parse_kern
from .midi import SUFFIXES as MIDI_SUFFIXES, read_midi, read_midi_melody
from .musicxml import parse_musicxml
from .page import check_repeats
from .parts import Part
from .reading import from_melody, from_score

if TYPE_CHECKING:
    from music21.stream import Stream

LARGEST_FILE = 8_000_000  # bytes, uncompressed: far more than an hour of music needs
SCORE_SUFFIXES = (".musicxml", ".xml", ".mxl", ".krn")


def load_chorale(
    path: str | os.PathLike[str],
    strict: bool = True,
    part: Part = None,
    repeats: str = "written",
) -> Chorale:
    """The `Chorale` in a user's own file: MIDI, MusicXML, kern or CSV with four voices.

    Its `notation` has everything on the page besides the notes: bars, repeats, keys, tempos, words,
    spelling and authors, as far as the format supports them (see `from_score` and `read_midi`).

    Args:
        path: file name, ending in .mid, .midi, .musicxml, .xml, .mxl, .krn or .csv; the chorale is
            named after it. A CSV has one row per sixteenth and four columns of MIDI numbers,
            soprano to bass, 0 for silence, with or without a header row.
        strict: whether music that does not fit the grid, or a fifth voice, is an error. Otherwise
            each step has what sounds at its beginning, and a fifth voice is left out.
        part: the parts or tracks to read, each by its name or its number from 1: four voices, or
            two staves with two voices each. None takes those named for the voices, or else all.
        repeats: ``'written'``: each bar appears once, and `notation` has the repeat signs;
            ``'played'``: repeats, endings and jumps are written out.

    Raises:
        ValueError: another kind of file, or not four voices with one note at a time, on the grid of
            sixteenths; the message says where.
        FileNotFoundError: there is no such file.
        TypeError: `path` is not a file name.

    Examples:
        >>> from tempfile import mkdtemp
        >>> file = Path(mkdtemp(), "mine.csv")
        >>> _ = file.write_text("soprano,alto,tenor,bass\\n72,67,64,48\\n72,65,64,48\\n")
        >>> load_chorale(file)
        Chorale('mine', 2 steps)

    Notebook: 05_generation
    """
    path = as_path(path, "the name of a file with MIDI, MusicXML, kern or CSV")
    check_repeats(repeats)
    suffix = path.suffix.lower()
    if not path.is_file():
        corpus = path.name.startswith("bwv")
        advice = f"; load_corpus()[{path.name!r}] finds a chorale of the corpus" if corpus else ""
        raise FileNotFoundError(
            f"{path}: no such file: expected MIDI, MusicXML, kern or CSV{advice}"
        )
    if suffix in (*MIDI_SUFFIXES, *SCORE_SUFFIXES, ".csv"):
        check_content(path)
    if suffix in MIDI_SUFFIXES:
        return read_midi(path, strict, part)
    if suffix in SCORE_SUFFIXES:
        return from_score(
            parse_score(path), name=path.stem, strict=strict, repeats=repeats, part=part
        )
    if suffix == ".csv":
        check_size(path, path.stat().st_size)
        if part is not None:
            raise ValueError(f"{path}: part {part!r}: a CSV has no parts to choose from")
        return Chorale(read_rows(path.read_bytes(), str(path), 1, 127), name=path.stem)
    raise ValueError(
        f"{path}: {suffix or 'no suffix'}: expected .mid, .midi, .musicxml, .xml, .mxl, .krn or "
        ".csv"
    )


def load_melody(
    path: str | os.PathLike[str],
    strict: bool = True,
    part: str | int | None = None,
    repeats: str = "written",
) -> Chorale:
    """The melody in a user's own file (MIDI, MusicXML or kern), as a `Chorale` whose soprano sings
    alone.

    Args:
        path: file name, ending in .mid, .midi, .musicxml, .xml, .mxl or .krn; the melody is named
            after it.
        strict, repeats: as in `load_chorale`.
        part: the part or track with the melody, by its name or its number from 1, if there are
            several; or the name of a voice, such as ``'tenor'``.

    Raises:
        ValueError: another kind of file, or not one part with one note at a time, on the grid of
            sixteenths; the message says where.
        FileNotFoundError: there is no such file.
        TypeError: `path` is not a file name.

    Examples:
        >>> from tempfile import mkdtemp
        >>> from chorale_utils import write_midi
        >>> tune = Chorale([[67, 0, 0, 0]] * 4, name="tune")
        >>> load_melody(write_midi(tune, f"{mkdtemp()}/tune.mid"))
        Chorale('tune', 4 steps)

    Notebook: 05_generation
    """
    path = as_path(path, "the name of a file with MIDI, MusicXML or kern")
    check_repeats(repeats)
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: expected MIDI, MusicXML or kern")
    if suffix in (*MIDI_SUFFIXES, *SCORE_SUFFIXES, ".csv"):
        check_content(path)
    if suffix in MIDI_SUFFIXES:
        return read_midi_melody(path, strict, part)
    if suffix in SCORE_SUFFIXES:
        return from_melody(
            parse_score(path), name=path.stem, strict=strict, repeats=repeats, part=part
        )
    raise ValueError(
        f"{path}: {suffix or 'no suffix'}: expected {', '.join(MIDI_SUFFIXES + SCORE_SUFFIXES)}"
    )


def read_rows(text: bytes, source: str, lowest: int, highest: int) -> np.ndarray:
    """int array (steps, 4) from a CSV with four columns, with or without a header row.

    Args:
        text: bytes, the content of the file.
        source: name of the file, for error messages.
        lowest, highest: range of the MIDI numbers allowed besides 0, silence.

    Raises:
        ValueError: not text, not four integers in a row, or a number out of range; the message
            names the line.

    Examples:
        >>> read_rows(b"72,67,64,48", "mine", 1, 127).tolist()
        [[72, 67, 64, 48]]
    """
    try:
        lines = text.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{source}: not a text file ({error}): expected a CSV with four integers in each row"
        ) from None
    header = bool(lines) and not any(_is_integer(cell) for cell in lines[0].split(","))
    rows = []
    for number, line in enumerate(lines[header:], start=1 + header):
        cells = line.split(",")
        try:
            rows.append([int(cell) for cell in cells])
        except ValueError:
            cells = []
        if len(cells) != len(VOICES):
            raise ValueError(
                f"{source}, line {number}: {line!r}: expected four integers, one for each voice "
                f"({', '.join(VOICES)}), separated by commas"
            )
    if not rows:
        raise ValueError(f"{source}: no notes: expected a row of four integers for each sixteenth")
    pitches = np.array(rows)
    wrong = np.argwhere((pitches != SILENCE) & ((pitches < lowest) | (pitches > highest)))
    if len(wrong):
        step, voice = wrong[0]
        raise ValueError(
            f"{source}, line {step + 1 + header}: note {pitches[step, voice]}, {VOICES[voice]}: "
            f"expected 0 (silence) or {lowest}..{highest}"
        )
    return pitches


def _is_integer(cell):
    try:
        int(cell)
    except ValueError:
        return False
    return True


def parse_score(path: Path) -> Stream:
    """The music21 Score in a file.

    music21's cache is not used, because it leaves pickles in a temporary folder.

    Raises:
        ValueError: the file is damaged or too large.
    """
    check_size(path, _unpacked_size(path))
    parse = parse_kern if path.suffix.lower() == ".krn" else parse_musicxml
    try:
        return parse(path)
    except Exception as error:  # a damaged file makes music21 fail in every possible way
        raise ValueError(
            f"{path}: music21 cannot read it ({type(error).__name__}: {error}): expected an "
            "undamaged MusicXML or kern file"
        ) from error


def check_content(path: Path) -> None:
    """Refuses a file that is empty, or whose suffix does not fit its content.

    Raises:
        ValueError: the file is refused; the message says what it seems to contain.

    Examples:
        >>> from tempfile import mkdtemp
        >>> file = Path(mkdtemp(), "tune.musicxml")
        >>> _ = file.write_bytes(b"MThd")
        >>> check_content(file)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: ...tune.musicxml: it looks like MIDI: expected a name that ends in .mid
    """
    with open(path, "rb") as file:
        beginning = file.read(2000).lstrip(b"\xef\xbb\xbf \r\n\t")
    if not beginning:
        raise ValueError(f"{path}: the file is empty: expected music in it")
    for kind, suffixes, holds in (
        ("MIDI", MIDI_SUFFIXES, beginning.startswith(b"MThd")),
        ("packed MusicXML", (".mxl",), beginning.startswith(b"PK\x03\x04")),
        ("MusicXML", (".musicxml", ".xml"), b"<score-" in beginning),
        ("kern", (".krn",), b"**kern" in beginning),
    ):
        if holds and path.suffix.lower() not in suffixes:
            raise ValueError(
                f"{path}: it looks like {kind}: expected a name that ends in {suffixes[0]}"
            )
        if holds:
            return


def _unpacked_size(path):
    """Bytes (int) of a file in memory; of a zip archive (.mxl), of its uncompressed content."""
    if path.suffix.lower() != ".mxl":
        return path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(
                member.file_size for member in archive.infolist()
            )  # no more than this is ever unpacked
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{path}: music21 cannot read it, because the .mxl file is damaged ({error}): expected "
            "a zip archive with MusicXML in it"
        ) from error


def check_size(source: str | Path, size: int) -> None:
    """Refuses a user's file that is too large to be a chorale, before it fills the memory.

    Raises:
        ValueError: `size` exceeds LARGEST_FILE.

    Examples:
        >>> check_size("x.csv", 10**7)
        Traceback (most recent call last):
        ValueError: x.csv: 10,000,000 bytes: expected at most 8,000,000: a chorale needs far less
    """
    if size > LARGEST_FILE:
        raise ValueError(
            f"{source}: {size:,} bytes: expected at most {LARGEST_FILE:,}: a chorale needs far less"
        )
