"""A user's own file as a `Chorale`: MIDI, MusicXML, kern or CSV, told apart by its suffix.

Notebook: 05_generation
"""

import zipfile
from pathlib import Path

import numpy as np

from ..chorale import SILENCE, VOICES, Chorale
from .reading import from_melody, from_score

LARGEST_FILE = 8_000_000  # bytes, unpacked: no chorale, and no hour of music, has as much to say
MIDI_SUFFIXES, SCORE_SUFFIXES = (".mid", ".midi"), (".musicxml", ".xml", ".mxl", ".krn")


def load_chorale(path, strict=True):
    """The `Chorale` in a file of the user's own: MIDI, MusicXML, kern or CSV with four voices.

    Args:
        path: file name, ending in .mid, .midi, .musicxml, .xml, .mxl, .krn or .csv; the chorale is named after
            it. A CSV has a row a sixteenth and four columns of MIDI numbers, soprano to bass, 0 for
            silence, with or without a header row.
        strict: as in `reading.from_score`, for scores.

    Raises:
        ValueError: another kind of file, or not four voices with one note at a time, on the grid of
            sixteenths; the message says where.
        FileNotFoundError: there is no such file.

    Notebook: 01_data_exploration
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: expected MIDI, MusicXML, kern or CSV")
    if suffix in MIDI_SUFFIXES:
        from .midi import read_midi

        return read_midi(path)
    if suffix in SCORE_SUFFIXES:
        score = parse_score(path)
        return from_score(score, name=path.stem, title=score_title(score, path), strict=strict)
    if suffix == ".csv":
        check_size(path, path.stat().st_size)
        return Chorale(read_rows(path.read_bytes(), str(path), 1, 127), name=path.stem)
    raise ValueError(
        f"{path}: {suffix or 'no suffix'}: expected .mid, .midi, .musicxml, .xml, .mxl, .krn or .csv"
    )


def load_melody(path, strict=True):
    """The melody in a file of the user's own, as a `Chorale` whose soprano sings alone: MIDI,
    MusicXML or kern.

    Args:
        path: file name, ending in .mid, .midi, .musicxml, .xml, .mxl or .krn; the melody is named after it.
        strict: as in `reading.from_score`, for scores.

    Raises:
        ValueError: another kind of file, or not one part with one note at a time, on the grid of sixteenths; the
            message says where.
        FileNotFoundError: there is no such file.

    Notebook: 05_generation
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file: expected MIDI, MusicXML or kern")
    if suffix in MIDI_SUFFIXES:
        from .midi import read_midi_melody

        return read_midi_melody(path)
    if suffix in SCORE_SUFFIXES:
        score = parse_score(path)
        return from_melody(score, name=path.stem, title=score_title(score, path), strict=strict)
    raise ValueError(
        f"{path}: {suffix or 'no suffix'}: expected {', '.join(MIDI_SUFFIXES + SCORE_SUFFIXES)}"
    )


def read_rows(text, source, lowest, highest):
    """int array (steps, 4) from the bytes of a CSV with four columns, with or without a header
    row."""
    try:
        lines = text.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{source}: not a text file ({error}): expected a CSV with four integers a row"
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
                f"{source}, line {number}: {line!r}: expected four integers, one a voice "
                f"({', '.join(VOICES)}), separated by commas"
            )
    if not rows:
        raise ValueError(f"{source}: no notes: expected a row of four integers for each sixteenth")
    pitches = np.array(rows)
    wrong = np.argwhere((pitches != SILENCE) & ((pitches < lowest) | (pitches > highest)))
    if len(wrong):
        step, voice = wrong[0]
        raise ValueError(
            f"{source}, line {step + 1 + header}: note {pitches[step, voice]}, {VOICES[voice]}: expected "
            f"0 (silence) or {lowest}..{highest}"
        )
    return pitches


def _is_integer(cell):
    try:
        int(cell)
    except ValueError:
        return False
    return True


def parse_score(path):
    """The music21 Score in a file. Without music21's own cache, which leaves pickles in a temporary
    folder."""
    from music21.converter import Converter

    check_size(path, _unpacked_size(path))
    converter = Converter()
    try:
        converter.parseFile(path, forceSource=True, storePickle=False)
    except Exception as error:  # a damaged file makes music21 fail in any way there is
        raise ValueError(
            f"{path}: music21 cannot read it ({type(error).__name__}: {error}): expected a whole MusicXML "
            f"or kern file"
        ) from error
    return converter.stream


def _unpacked_size(path):
    """Bytes (int) that a file would fill in memory: of a zip archive (.mxl), all that is in it."""
    if path.suffix.lower() != ".mxl":
        return path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(
                member.file_size for member in archive.infolist()
            )  # no more than this is ever unpacked
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{path}: music21 cannot read it, it is no whole .mxl file ({error}): expected a zip archive with "
            f"MusicXML in it"
        ) from error


def check_size(source, size):
    """A ValueError where a file of a user's is too large to be a chorale, before it fills the
    memory."""
    if size > LARGEST_FILE:
        raise ValueError(
            f"{source}: {size:,} bytes: expected at most {LARGEST_FILE:,}, which is far more than a chorale "
            f"needs"
        )


def score_title(score, path):
    """The title of a music21 Score, of the work or else of the movement; None where it has none, or only what is
    written where there is none: the name of the file (see `score.to_score`), or music21's own words."""
    from music21 import defaults

    title = score.metadata.bestTitle if score.metadata else None
    return None if title in (path.stem, defaults.title) else title
