"""What a musician's commands do: `chorale harmonize`, `check`, `analyse`, `write`,
`convert` and `play`.

Each reads a file, calls the function of the package that does the work, writes files in the
formats that their suffixes name, and says in one closing line what was made and how. `command`
reads what is typed; this file knows no options beyond the values that it is given.
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

from .chorale import VOICES, Chorale, Pieces, key_signature
from .notation.loading import load_chorale, load_melody
from .notation.midi import write_midi
from .notation.page import KeySignature, bars_of
from .notation.score import write_score
from .sound.audio import write_sound

if TYPE_CHECKING:
    import pandas as pd

SCORES = (".musicxml", ".xml", ".mxl", ".pdf", ".svg", ".png")
MIDI = (".mid", ".midi")
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
WRITTEN = (".pdf", ".musicxml", ".mid")  # what `chorale write` makes of each piece unless asked
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
    model: str = "chord_gru",
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
        outputs: files to write, each in the format of its suffix. Of several settings each gets a
            number: ``setting.pdf`` becomes ``setting-1.pdf``, ``setting-2.pdf``.
        count: number of settings.
        seed: of the first note on; None draws one, which the closing line names.
        model: shipped model, or path of one.
        part, strict, repeats: see `load_melody`.
        voice: which voice sings the tune.
        transpose: semitones by which the tune is moved first, or ``'range'`` for as few as bring it
            into the range of its voice.
        key, metre: other than the file says.
        how: more arguments of `harmonize`.

    Raises:
        ValueError, OSError: what is given cannot be read, harmonised or written.
    """
    from .writing.generation import harmonize

    _check_suffixes(outputs, (*SCORES, *MIDI, *SOUNDS))
    seed = _drawn_seed() if seed is None else seed
    melody = load_melody(tune, strict=strict, part=part, repeats=repeats)
    melody = _as_told(melody, key, metre, 0 if transpose in (None, "range") else int(transpose))
    settings = harmonize(
        model, melody, count, voice=voice, transpose=transpose == "range", seed=seed, **how
    )
    about = _about(model, seed)
    files = [
        _write(setting, _numbered(output, number, count), about)
        for number, setting in enumerate(settings, start=1)
        for output in outputs
    ]
    return _closing(settings, f"setting{'s' * (count > 1)} of {_named(melody)}", about, files)


def write_chorales(
    output: str | os.PathLike[str],
    count: int = 1,
    steps: int | None = None,
    seed: int | None = None,
    model: str = "chord_gru",
    suffixes: Sequence[str] = WRITTEN,
    **how: Any,
) -> str:
    """Writes new chorales into a folder, each in several formats; returns the closing line.

    Args:
        output: the folder, made where it is missing.
        count, steps, how: see `generate`.
        seed: as in `harmonize_file`.
        model: shipped model, or path of one.
        suffixes: formats, such as ``('.pdf', '.mp3')``.

    Raises:
        ValueError, OSError: something cannot be done as it was asked for.
    """
    from .writing.generation import generate

    suffixes = [suffix if suffix.startswith(".") else f".{suffix}" for suffix in suffixes]
    _check_suffixes([f"chorale{suffix}" for suffix in suffixes], (*SCORES, *MIDI, *SOUNDS))
    seed = _drawn_seed() if seed is None else seed
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
) -> tuple[str, bool]:
    """Looks for faults in the four voices of a file; returns what to print, and whether there are
    any.

    Args:
        exercise: MIDI, MusicXML, kern or CSV file with four voices.
        output: score to write, the notes at fault in red; None for none.
        form: ``'table'``, ``'json'`` or ``'csv'``.
        key: other than the file says.
        strict: see `load_chorale`.

    Raises:
        ValueError, OSError: the file cannot be read, or the score not be written.
    """
    from .judging.counterpoint import faults
    from .story.plots import fault_colours

    if output is not None:
        _check_suffixes([output], SCORES)
    chorale = _as_told(load_chorale(exercise, strict=strict), key, None, 0)
    found = faults(chorale)
    if output is not None:
        write_score(chorale, output, colours=fault_colours(chorale, found))
    table = fault_table(chorale, found)
    if form == "json":
        return json.dumps(table.to_dict("records"), indent=2, ensure_ascii=False), len(table) > 0
    if form == "csv":
        return table.to_csv(index=False).rstrip("\n"), len(table) > 0
    if not len(table):
        return f"{_named(chorale)}: no faults", False
    count = f"{len(table)} fault{'s' * (len(table) > 1)}"
    return f"{table.to_string(index=False)}\n{_named(chorale)}: {count}", True


def fault_table(chorale: Chorale, found: pd.DataFrame) -> pd.DataFrame:
    """The faults as a musician reads them: pandas DataFrame with the columns bar, beat, voices,
    rule and explanation.

    Args:
        chorale: Chorale.
        found: what `faults` says of it.

    Examples:
        >>> from chorale_utils import faults
        >>> fifths = Chorale([[67, 60, 55, 48], [69, 62, 53, 45]], key="a minor")
        >>> print(*fault_table(fifths, faults(fifths)).iloc[0, :4], sep="; ")
        1; 1.25; soprano, alto; parallel fifths
    """
    import pandas as pd

    from .judging.counterpoint import RULES

    rows = []
    for step, voices, rule in found.itertuples(index=False):
        bar, beat = _place(chorale, step)
        names = ", ".join(VOICES[voice] for voice in voices)
        rows.append((bar, beat, names, rule, RULES[rule].what))
    return pd.DataFrame(rows, columns=["bar", "beat", "voices", "rule", "explanation"])


def analyse_file(
    source: str | os.PathLike[str],
    output: str | None = None,
    kind: str = "numerals",
    key: str | None = None,
    strict: bool = True,
) -> str:
    """Names the chords of the four voices of a file; returns the table, or, where it is written
    into a file, the closing line.

    Args:
        source: MIDI, MusicXML, kern or CSV file with four voices.
        output: score to write the analysis into, or .rntxt or .csv; None for none.
        kind: what stands in the score, see `chord_marks`.
        key: other than the file says.
        strict: see `load_chorale`.

    Raises:
        ValueError, OSError: the file cannot be read, or the other one not be written.
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
        key, metre: other than the file says.

    Raises:
        ValueError, OSError: it cannot be read, or not be written.
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
    """Plays a file through the loudspeaker, by a program of this machine; returns the closing line.

    Args:
        source: file with four voices, or with one.
        melody: whether the file holds a tune instead of four voices.
        strict: see `load_chorale`.

    Raises:
        ValueError, OSError: it cannot be read, or there is no program that plays sound.
    """
    chorale = load_melody(source, strict=strict) if melody else load_chorale(source, strict=strict)
    player = next((command for command in PLAYERS if shutil.which(command[0])), None)
    if player is None:
        raise FileNotFoundError(
            f"no program that plays sound: expected one of "
            f"{', '.join(command[0] for command in PLAYERS)}; `chorale convert {source} song.mp3` "
            "writes a file that any player opens"
        )
    with tempfile.TemporaryDirectory() as folder:
        sound = write_sound(chorale, Path(folder) / "chorale.wav")
        subprocess.run([*player, str(sound)], check=True)
    return f"{_named(chorale)}, {chorale.quarters:g} quarters"


def _as_told(chorale: Chorale, key: str | None, metre: str | None, semitones: int) -> Chorale:
    """The chorale with another key or metre than its file says, moved by some semitones."""
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
    """Writes a chorale in the format that the suffix names."""
    suffix = path.suffix.lower()
    if suffix in SCORES:
        return write_score(chorale, path, about=about)
    return write_midi(chorale, path, about=about) if suffix in MIDI else write_sound(chorale, path)


def _check_suffixes(paths: Sequence[str], suffixes: Sequence[str]) -> None:
    """A ValueError where a file cannot be written, before any work is done for it."""
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
    """How a piece came about, as every file tells it."""
    from .models.saving import weights_hash

    return {"model": Path(model).stem, "weights": weights_hash(model), "seed": seed}


def _named(chorale: Chorale) -> str:
    return repr(chorale.title) if chorale.title else chorale.name


def _closing(pieces: Pieces, what: str, about: dict[str, Any], files: Sequence[Path]) -> str:
    """One line: what was made, how, and how good it is."""
    from .judging.counterpoint import faults
    from .judging.grading import grade

    counts = " ".join(str(len(faults(piece))) for piece in pieces)
    grades = " ".join(f"{points:.1f}" for points in grade(pieces))
    return (
        f"{len(pieces)} {what}: {about['model']} {about['weights']}, seed {about['seed']}; "
        f"faults {counts}; grade {grades}; {', '.join(map(str, files))}"
    )


def _place(chorale: Chorale, step: int) -> tuple[int, float]:
    """(number of the bar, beat) of a step, as they are counted on the page; in bars of 4/4 where
    the metre is not known."""
    known = replace(chorale, time_signature=chorale.time_signature or "4/4")
    for bar in bars_of(known):
        if bar.start <= step < bar.stop:
            beat = 16 / int(bar.time_signature.split("/")[1])
            return bar.number, round((bar.offset + step - bar.start) / beat + 1, 2)
    raise ValueError(f"step {step}: expected 0..{len(chorale) - 1}")
