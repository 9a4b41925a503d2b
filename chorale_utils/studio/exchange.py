"""Exchange: files that the studio reads and writes.

The readers of `notation` read the files, and check them. The name of a file from outside is used as
a title, never as a path.

Notebook: 06_studio
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..chorale import SILENCE, VOICES, Chorale, as_chorale
from ..notation.loading import (
    LARGEST_FILE,
    MIDI_SUFFIXES,
    SCORE_SUFFIXES,
    load_chorale,
    load_melody,
)
from ..notation.midi import write_midi
from ..notation.page import expand_repeats
from ..notation.performance import step_seconds
from ..notation.score_files import write_score
from .drawing import ENGRAVING
from .pieces import tune_of
from .script import script
from .session import Session

SUFFIXES = (*MIDI_SUFFIXES, *SCORE_SUFFIXES, ".csv")
MOST_MINUTES = 20  # of sound in one file
KINDS = ("musicxml", "midi", "pdf", "mp3", "python")


class File(NamedTuple):
    """A file that leaves the studio: its `name`, its `media` type, its `content`."""

    name: str
    media: str
    content: bytes


def as_piece(given: Chorale | np.ndarray | str | os.PathLike[str]) -> Chorale:
    """The piece to begin with, as a Chorale; a file with one part is a tune.

    Args:
        given: a Chorale; a melody as an int array (steps,) of MIDI numbers, a sixteenth each, 0
            being silence; the path of a MIDI, MusicXML, kern or CSV file.

    Raises:
        ValueError: the piece cannot be read; the message says why.
        FileNotFoundError: there is no such file.

    Examples:
        >>> as_piece(np.array([67, 67, 69, 69])).pitches[:, 0].tolist()
        [67, 67, 69, 69]
    """
    if isinstance(given, (str, os.PathLike)):
        try:
            return load_chorale(given)
        except ValueError as error:
            if Path(given).suffix.lower() == ".csv":
                raise
            try:
                return load_melody(given)
            except ValueError:
                raise error from None
    if isinstance(given, Chorale):
        return given
    line = np.asarray(given)
    if line.ndim == 1 and np.issubdtype(line.dtype, np.integer):
        pitches = np.zeros((len(line), len(VOICES)), int)
        pitches[:, 0] = line
        return Chorale(pitches, name="my-tune")
    return as_chorale(given)  # type: ignore[arg-type]  # raises an error that says what is wrong


def tune_alone(chorale: Chorale) -> Chorale:
    """The tune of a chorale, with its notation.

    Examples:
        >>> tune_alone(Chorale([[72, 67, 64, 48]])).pitches.tolist()
        [[72, 0, 0, 0]]
    """
    tune = tune_of(chorale)
    others = np.arange(len(VOICES)) != tune
    pitches, onsets = chorale.pitches.copy(), chorale.struck.copy()
    pitches[:, others], onsets[:, others] = SILENCE, False
    page = None if chorale.notation is None else chorale.notation.of_voice(tune)
    return replace(chorale, pitches=pitches, onsets=onsets, bwv=None, notation=page)


def read_file(name: str, content: bytes) -> Chorale:
    """A file that a visitor has sent, as a Chorale.

    Args:
        name: the visitor's name for it.
        content: its content, at most 8,000,000 bytes.

    Raises:
        ValueError: it is too large, or not music; the message contains no path of this machine.
    """
    called = re.sub(r"[^\w .,()-]", "", Path(str(name)).name)[:80] or "a file"
    suffix = Path(called).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{called}: expected a file ending in {', '.join(SUFFIXES)}")
    if not 0 < len(content) <= LARGEST_FILE:
        raise ValueError(
            f"{called}: {len(content):,} bytes: expected 1 to {LARGEST_FILE:,} bytes of music"
        )
    with tempfile.TemporaryDirectory(prefix="chorale-") as folder:
        path = Path(folder, f"file{suffix}")
        path.write_bytes(content)
        try:
            read = as_piece(path)
        except ValueError as error:
            raise ValueError(str(error).replace(str(path), called)) from None
    return replace(read, name=Path(called).stem, title=read.title or Path(called).stem)


def exported(session: Session, kind: str, tempo: float, staves: int, model: str) -> File:
    """The piece of a session as a file.

    Args:
        session: Session.
        kind: one of `KINDS`.
        tempo: quarters per minute, for MIDI and MP3.
        staves: 2 or 4, for PDF.
        model: the model that has written it.

    Raises:
        ValueError: an invalid tempo, or sound that lasts longer than `MOST_MINUTES`.
        OSError: it cannot be written.
    """
    from ..sound.player import mp3

    chorale = session.chorale
    about = {"model": model, "seed": session.moment.request.seed} if session.moment.request else {}

    def written(write: Callable[[Path], object], suffix: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="chorale-") as folder:
            path = Path(folder, f"chorale{suffix}")
            write(path)
            return path.read_bytes()

    def as_score(suffix: str, **how: Any) -> bytes:
        with ENGRAVING:
            return written(lambda path: write_score(chorale, path, **how), suffix)

    def sound() -> bytes:
        played = expand_repeats(chorale)
        minutes = step_seconds(played, tempo).sum() / 60
        if minutes > MOST_MINUTES:
            raise ValueError(
                f"{minutes:,.0f} minutes of sound: expected at most {MOST_MINUTES}; take a faster "
                "tempo or fewer repeats"
            )
        return mp3(played, tempo)

    writers: dict[str, tuple[str, str, Callable[[], bytes]]] = {
        "musicxml": (
            ".musicxml",
            "application/vnd.recordare.musicxml+xml",
            lambda: as_score(".musicxml", about=about),
        ),
        "midi": (
            ".mid",
            "audio/midi",
            lambda: written(lambda path: write_midi(chorale, path, tempo, about), ".mid"),
        ),
        "pdf": (".pdf", "application/pdf", lambda: as_score(".pdf", staves=staves)),
        "mp3": (".mp3", "audio/mpeg", sound),
        "python": (".py", "text/x-python", lambda: script(session, model).encode()),
    }
    suffix, media, make = writers[kind]
    title = re.sub(r"[^\w-]+", "-", chorale.title or chorale.name).strip("-") or "chorale"
    return File(title + suffix, media, make())
