"""The commands for musicians: `chorale harmonize`, `realize`, `check`, `analyse`, `write`,
`convert` and `play`.

Each reads a file, calls the function of the package that does the work, writes files in the
formats of their suffixes, and returns one closing line that says what was made and how. `command`
parses the command line; this file only gets values.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .chorale import (
    VOICES,
    Chorale,
    Pieces,
)
from .keys import (
    key_signature,
)
from .notation.loading import load_chorale, load_melody
from .notation.midi import write_midi
from .notation.page import KeySignature
from .notation.score_files import write_score
from .sound.audio import write_sound

if TYPE_CHECKING:
    import pandas as pd

SCORES = (".musicxml", ".xml", ".mxl", ".pdf", ".svg", ".png")
MIDI = (".mid", ".midi")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
WRITTEN = (".pdf", ".musicxml", ".mid")  # the default formats of `chorale write`
PLAYERS = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("paplay",),
    ("aplay", "-q"),
    ("afplay",),
    ("play", "-q"),
)


def harmonize_file(
    tune: str | os.PathLike[str],
    outputs: Sequence[str],
    count: int = 1,
    seed: int | None = None,
    model: str = "phrase_gru",
    part: str | int | None = None,
    voice: str = "soprano",
    transpose: str | int | None = None,
    key: str | None = None,
    metre: str | None = None,
    strict: bool = True,
    repeats: str = "written",
    **how: Any,
) -> str:
    """Harmonises the tune in a file and writes the settings; returns the closing line.

    Args:
        tune: MIDI, MusicXML or kern file.
        outputs: files to write, each in the format of its suffix. If there are several settings,
            they are numbered: ``setting.pdf`` becomes ``setting-1.pdf``, ``setting-2.pdf``.
        count: number of settings.
        seed: None draws one, which the closing line states.
        model: name of a shipped model, or path of a model.
        part, strict, repeats: see `load_melody`.
        voice: the voice that sings the tune.
        transpose: semitones by which to move the tune first, or ``'range'`` for as few as bring it
            into the range of its voice.
        key, metre: replace those of the file.
        how: more arguments of `harmonize`.

    Raises:
        ValueError, OSError: a file cannot be read or written, or the tune cannot be harmonised.
    """
    from .writing.harmonising import harmonize

    _check_suffixes(outputs, (*SCORES, *MIDI, *SOUNDS))
    seed = _drawn_seed() if seed is None else seed
    melody = load_melody(tune, strict=strict, part=part, repeats=repeats)
    melody = _as_told(melody, key, metre, 0 if transpose in (None, "range") else int(transpose))
    settings = harmonize(
        model, melody, count, voice=voice, transpose=transpose == "range", seed=seed, **how
    )
    return _write_settings(settings, melody, outputs, _about(model, seed))


def realize_file(
    bass: str | os.PathLike[str],
    outputs: Sequence[str],
    count: int = 1,
    seed: int | None = None,
    model: str = "phrase_gru",
    part: str | int | None = None,
    key: str | None = None,
    metre: str | None = None,
    strict: bool = True,
    repeats: str = "written",
    **how: Any,
) -> str:
    """Sets the figured bass in a file for four voices and writes the settings; returns the closing
    line.

    Args:
        bass: MusicXML file with a figured bass, or with the figures as words, see `realize`.
        outputs, count, seed, model, part, key, metre, strict, repeats: as in `harmonize_file`.
        how: more arguments of `realize`.

    Raises:
        ValueError, OSError: a file cannot be read or written, or the bass cannot be set.
    """
    from .writing.melody import as_melody
    from .writing.realizing import figures_below, realize

    _check_suffixes(outputs, (*SCORES, *MIDI, *SOUNDS))
    seed = _drawn_seed() if seed is None else seed
    tune = as_melody(bass, VOICES.index("bass"), part=part, strict=strict, repeats=repeats)
    tune = _as_told(tune, key, metre, 0)
    figures = figures_below(tune, bass, repeats)
    settings = realize(tune, figures, count, model, seed=seed, **how)
    return _write_settings(settings, tune, outputs, _about(model, seed))


def write_chorales(
    output: str | os.PathLike[str],
    count: int = 1,
    steps: int | None = None,
    seed: int | None = None,
    model: str = "phrase_gru",
    suffixes: Sequence[str] = WRITTEN,
    **how: Any,
) -> str:
    """Writes new chorales into a folder, each in several formats; returns the closing line.

    Args:
        output: the folder; created if missing.
        count, steps: see `compose`.
        seed: as in `harmonize_file`.
        model: name of a shipped model, or path of a model; one that takes no form is passed to
            `generate` instead of `compose`.
        suffixes: formats, such as ``('.pdf', '.mp3')``.
        how: see `compose`, or `generate`.

    Raises:
        ValueError, OSError: an argument is invalid, or a file cannot be read or written.
    """
    from .models.saving import as_model
    from .writing.composing import compose
    from .writing.generation import generate

    suffixes = [suffix if suffix.startswith(".") else f".{suffix}" for suffix in suffixes]
    _check_suffixes([f"chorale{suffix}" for suffix in suffixes], (*SCORES, *MIDI, *SOUNDS))
    if Path(output).exists() and not Path(output).is_dir():
        raise ValueError(f"{output} is a file: expected a folder, or a new name")
    seed = _drawn_seed() if seed is None else seed
    if as_model(model).takes_form:
        pieces = compose(None, count, steps, seed, model, **how)
    else:
        pieces = generate(model, count, steps, seed=seed, **how)
    about = _about(model, seed)
    files = [
        _write(piece, Path(output) / f"chorale-{number}{suffix}", about)
        for number, piece in enumerate(pieces, start=1)
        for suffix in suffixes
        if len(piece)
    ]
    return _closing(pieces, f"new chorale{'s' * (count > 1)}", about, files)


def check_file(
    exercise: str | os.PathLike[str],
    output: str | None = None,
    form: str = "table",
    key: str | None = None,
    strict: bool = True,
    rules: str | Sequence[str] = "class",
) -> tuple[str, bool]:
    """Looks for faults in the four voices of a file; returns the text to print, and whether there
    are any faults.

    Args:
        exercise: MIDI, MusicXML, kern or CSV file with four voices.
        output: score to write, in which each fault is coloured and numbered, and explained below
            the music; None for no score.
        form: ``'table'``, ``'json'`` or ``'csv'``.
        key: replaces that of the file.
        strict: see `load_chorale`.
        rules: see `faults`.

    Raises:
        ValueError, OSError: the file cannot be read, or the score cannot be written.
    """
    from .harmony.analysis import analyse
    from .part_writing.checking import faults
    from .part_writing.marking import mark_faults

    if output is not None:
        _check_suffixes([output], SCORES)
    chorale = _as_told(load_chorale(exercise, strict=strict), key, None, 0)
    found = faults(chorale, rules, None if key is None else analyse(chorale, key=key))
    if output is not None:
        write_score(chorale, output, marks=mark_faults(chorale, found))
    table = fault_table(found)
    if form == "json":
        return json.dumps(table.to_dict("records"), indent=2, ensure_ascii=False), len(table) > 0
    if form == "csv":
        return table.to_csv(index=False).rstrip("\n"), len(table) > 0
    if not len(table):
        return f"{_named(chorale)}: no faults", False
    count = f"{len(table)} fault{'s' * (len(table) > 1)}"
    aligned = table.to_string(index=False, justify="left", formatters=_left_aligned(table))
    return f"{aligned}\n{_named(chorale)}: {count}", True


def fault_table(found: pd.DataFrame) -> pd.DataFrame:
    """The faults in a musician's terms: pandas DataFrame with the columns bar, beat, voices,
    number, rule, severity and explanation.

    Args:
        found: the result of `faults` for a chorale.

    Examples:
        >>> from chorale_utils import faults
        >>> fifths = np.repeat([[67, 60, 55, 48], [69, 62, 53, 45]], 4, axis=0)
        >>> print(*fault_table(faults(Chorale(fifths, time_signature="4/4"))).iloc[0, :6], sep="; ")
        1; 2.0; soprano, alto; 1; parallel fifths; error
    """
    from .part_writing.rules import RULES

    names = [", ".join(VOICES[voice] for voice in voices) for voices in found["voices"]]
    table = found[["bar", "beat", "fault", "severity", "explanation"]]
    table = table.rename(columns={"fault": "rule"})
    table.insert(2, "voices", names)
    table.insert(3, "number", [RULES[rule].number for rule in table["rule"]])
    return table


def _left_aligned(table):
    """Formatters with which pandas left-aligns the columns of text."""
    words = ("voices", "rule", "severity", "explanation")
    widths = {column: int(table[column].str.len().max()) for column in words}
    return {column: f"{{:<{width}}}".format for column, width in widths.items()}


def analyse_file(
    source: str | os.PathLike[str],
    output: str | None = None,
    kind: str = "numerals",
    key: str | None = None,
    strict: bool = True,
) -> str:
    """Names the chords of the four voices of a file; returns the table, or, if it is written to a
    file, the closing line.

    Args:
        source: MIDI, MusicXML, kern or CSV file with four voices.
        output: file for the analysis: a score, .rntxt or .csv; None for no file.
        kind: kind of marks in the score, see `chord_marks`.
        key: replaces that of the file.
        strict: see `load_chorale`.

    Raises:
        ValueError, OSError: the file cannot be read, or the output cannot be written.
    """
    from .harmony.analysis import analyse
    from .harmony.marks import chord_marks
    from .harmony.romantext import write_romantext

    if output is not None:
        _check_suffixes([output], (*SCORES, ".rntxt", ".csv"))
    chorale = _as_told(load_chorale(source, strict=strict), key, None, 0)
    analysis = analyse(chorale)
    if output is None:
        table = analysis[["bar", "beat", "key", "numeral", "cadence"]].fillna("")
        return table.to_string(index=False)
    suffix = Path(output).suffix.lower()
    if suffix == ".rntxt":
        write_romantext(chorale, output, analysis)
    elif suffix == ".csv":
        analysis.to_csv(output, index=False)
    else:
        write_score(chorale, output, analysis=chord_marks(chorale, kind, analysis))
    chords, ends = len(analysis), analysis["cadence"].notna().sum()
    return f"{_named(chorale)}: {chords} chords, {ends} cadences: {output}"


def convert_file(
    source: str | os.PathLike[str],
    target: str,
    melody: bool = False,
    part: str | int | None = None,
    transpose: int = 0,
    key: str | None = None,
    metre: str | None = None,
    strict: bool = True,
    repeats: str = "written",
) -> str:
    """Reads a file and writes it in another format; returns the closing line.

    Args:
        source: file with four voices, or with one.
        target: file to write.
        melody: whether the file holds a tune instead of four voices.
        part, strict, repeats: see `load_melody`.
        transpose: semitones.
        key, metre: replace those of the file.

    Raises:
        ValueError, OSError: a file cannot be read or written.
    """
    _check_suffixes([target], (*SCORES, *MIDI, *SOUNDS))
    if melody or part is not None:
        chorale = load_melody(source, strict=strict, part=part, repeats=repeats)
    else:
        chorale = load_chorale(source, strict=strict, repeats=repeats)
    chorale = _as_told(chorale, key, metre, transpose)
    _write(chorale, Path(target), None)
    return f"{_named(chorale)}, {chorale.quarters:g} quarters: {target}"


def play_file(source: str | os.PathLike[str], melody: bool = False, strict: bool = True) -> str:
    """Plays a file through the loudspeakers, with a program installed on this machine; returns the
    closing line.

    Args:
        source: file with four voices, or with one.
        melody: whether the file holds a tune instead of four voices.
        strict: see `load_chorale`.

    Raises:
        ValueError, OSError: the file cannot be read, or no program that plays sound is installed.
    """
    chorale = load_melody(source, strict=strict) if melody else load_chorale(source, strict=strict)
    player = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if player is None:
        raise FileNotFoundError(
            f"no program that plays sound is installed: expected one of "
            f"{', '.join(command[0] for command in PLAYERS)}; or `chorale convert {source} "
            f"song.mp3` writes a file that any player opens"
        )
    with tempfile.TemporaryDirectory() as folder:
        sound = write_sound(chorale, Path(folder) / "chorale.wav")
        subprocess.run([*player, str(sound)], check=True)
    return f"{_named(chorale)}, {chorale.quarters:g} quarters"


def _as_told(chorale: Chorale, key: str | None, metre: str | None, semitones: int) -> Chorale:
    """The chorale with its key or metre replaced, moved by some semitones."""
    if key is not None:
        chorale = replace(chorale, key=key)
        signature = KeySignature(0, key_signature(chorale.key or key), key.split()[1])
        page = chorale.notation and replace(chorale.notation, keys=(signature,))
        chorale = replace(chorale, notation=page)
    if metre is not None:
        page = chorale.notation and replace(chorale.notation, bars=())
        chorale = replace(chorale, time_signature=metre, pickup=0, notation=page)
    return chorale.transpose(semitones) if semitones else chorale


def _write(chorale: Chorale, path: Path, about: dict[str, Any] | None) -> Path:
    """Writes a chorale in the format of the suffix."""
    suffix = path.suffix.lower()
    if suffix in SCORES:
        return write_score(chorale, path, about=about)
    return write_midi(chorale, path, about=about) if suffix in MIDI else write_sound(chorale, path)


def _write_settings(
    settings: Pieces, tune: Chorale, outputs: Sequence[str], about: dict[str, Any]
) -> str:
    """Writes each setting of a tune into each file, numbered if there are several; returns the
    closing line."""
    files = [
        _write(setting, _numbered(output, number, len(settings)), about)
        for number, setting in enumerate(settings, start=1)
        for output in outputs
    ]
    what = f"setting{'s' * (len(settings) > 1)} of {_named(tune)}"
    return _closing(settings, what, about, files)


def _check_suffixes(paths: Sequence[str], suffixes: Sequence[str]) -> None:
    """Raises a ValueError if a file's format cannot be written, before any work is done."""
    for path in paths:
        if Path(path).suffix.lower() not in suffixes:
            raise ValueError(
                f"{path}: {Path(path).suffix or 'no suffix'}: expected one of {', '.join(suffixes)}"
            )


def _numbered(path: str, number: int, count: int) -> Path:
    place = Path(path)
    return place if count == 1 else place.with_name(f"{place.stem}-{number}{place.suffix}")


def _drawn_seed() -> int:
    return int(np.random.SeedSequence().generate_state(1)[0])


def _about(model: str, seed: int) -> dict[str, Any]:
    """How a piece was made, as stored in every file."""
    from .models.saving import weights_hash

    return {"model": Path(model).stem, "weights": weights_hash(model), "seed": seed}


def _named(chorale: Chorale) -> str:
    return repr(chorale.title) if chorale.title else chorale.name


def _closing(pieces: Pieces, what: str, about: dict[str, Any], files: Sequence[Path]) -> str:
    """One line that says what was made, how, and how good it is."""
    from .judging.grading import grade
    from .part_writing.checking import faults

    counts = " ".join(str(len(faults(piece))) for piece in pieces)
    grades = " ".join(f"{points:.1f}" for points in grade(pieces))
    return (
        f"{len(pieces)} {what}: {about['model']} {about['weights']}, seed {about['seed']}; "
        f"faults {counts}; grade {grades}; {', '.join(map(str, files))}"
    )
