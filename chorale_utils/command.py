"""The command line, ``chorale``: reads what a user types and calls the module that does it.

Each command imports what only it needs, so that ``chorale`` works with a core install.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from .chorale import VOICES
from .corpus.editions import EDITIONS
from .extras import MissingExtra
from .judging.counterpoint import RANGES
from .notation.chord_marks import KINDS
from .story.notebooks import NotebookFailed, declared_parameters, notebooks_in, value_from_text
from .story.pipeline import NOTEBOOKS, PROFILES, RUNS, refresh, resume, run
from .story.record import RECORD, display_path
from .story.runs import runs_in, summary


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code: 0 for success, 1 if a notebook failed or `check`
    found faults, 2 if the input was refused, 130 if interrupted.

    Args:
        argv: the arguments without the program's name; None takes those of the process.

    Examples:
        >>> main(["run", "--profile", "tiny"])
        2
    """
    options = _parser().parse_args(argv)
    try:
        return options.do(options) or 0
    except (ValueError, OSError, MissingExtra) as error:
        print(f"chorale: {_as_options(str(error))}", file=sys.stderr)
        return 2
    except NotebookFailed as error:
        print(
            f"\nchorale: {error}\n\nThe results so far are kept.{_how_to_go_on(options)}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            f"\nchorale: interrupted; the results so far are kept.{_how_to_go_on(options)}",
            file=sys.stderr,
        )
        return 130


def _as_options(message: str) -> str:
    """An error message in which arguments of Python functions become command-line options."""
    for argument, option in (
        ("strict=False", "--no-strict"),
        ("transpose=True", "--transpose range"),
        ("load_melody", "--melody"),
        ("part=", "--part "),
    ):
        message = message.replace(argument, option)
    return re.sub(r"--part (?=[\s:;,]|chooses|$)", "--part", message)


def _how_to_go_on(options: argparse.Namespace) -> str:
    """A hint at the command that resumes the work, if there is one."""
    if options.command in ("run", "resume"):
        return " Resume with `chorale resume`; `chorale list` shows the run's name."
    return " The same command resumes it." if options.command in ("sweep", "generate") else ""


def _harmonize(options: argparse.Namespace) -> None:
    from .musician import harmonize_file

    print(
        harmonize_file(
            options.tune,
            options.output,
            options.count,
            options.seed,
            options.model,
            voice=options.voice,
            transpose=options.transpose,
            numerals=options.numerals,
            symbols=options.symbols,
            **_setting(options),
        )
    )


def _realize(options: argparse.Namespace) -> None:
    from .musician import realize_file

    print(
        realize_file(
            options.bass,
            options.output,
            options.count,
            options.seed,
            options.model,
            **_setting(options),
        )
    )


def _check(options: argparse.Namespace) -> int:
    from .musician import check_file

    text, faulty = check_file(
        options.exercise,
        options.output,
        options.format,
        options.key,
        options.strict,
        _rules(options.rules),
    )
    print(text)
    return 1 if faulty else 0


def _analyse(options: argparse.Namespace) -> None:
    from .musician import analyse_file

    print(analyse_file(options.source, options.output, options.show, options.key, options.strict))


def _rules(text: str) -> str | list[str]:
    """A set of rules, or a list of rules, from the text typed."""
    from .part_writing.rules import RULE_SETS

    return text if text in RULE_SETS else [name.strip() for name in text.split(",")]


def _write(options: argparse.Namespace) -> None:
    from .musician import write_chorales

    print(
        write_chorales(
            options.output,
            options.count,
            options.steps,
            options.seed,
            options.model,
            options.format,
            **_writing(options),
        )
    )


def _convert(options: argparse.Namespace) -> None:
    from .musician import convert_file

    print(
        convert_file(
            options.source,
            options.target,
            options.melody,
            options.part,
            options.transpose,
            options.key,
            options.metre,
            options.strict,
            options.repeats,
        )
    )


def _play(options: argparse.Namespace) -> None:
    from .musician import play_file

    print(play_file(options.file, options.melody, options.strict))


def _setting(options: argparse.Namespace) -> dict[str, Any]:
    """How a tune or a bass is read from its file, and how voices are written to it."""
    names = ("part", "key", "metre", "strict", "repeats", "particles")
    return {name: getattr(options, name) for name in names} | _writing(options)


def _writing(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments for `generate` and `harmonize`: by default, voices stay within a choir's ranges."""
    return {
        "temperature": options.temperature,
        "best_of": options.best_of,
        "ranges": dict(zip(VOICES, RANGES, strict=True)) | dict(options.range),
    }


def _semitones_or_range(text: str) -> int | str:
    """A number of semitones, or ``'range'``."""
    return text if text == "range" else int(text)


def _part(text: str) -> int | str:
    """A part's number, or its name."""
    return int(text) if text.isdecimal() else text


def _voice_range(text: str) -> tuple[str, tuple[int, int]]:
    """A voice and its lowest and highest note, from text such as ``'soprano=C4-G5'``."""
    from .writing.melody import note_number

    voice, _, notes = text.partition("=")
    match = re.fullmatch(r"([A-Ga-g][#b]?\d)-([A-Ga-g][#b]?\d)", notes)
    if voice not in VOICES or match is None:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected a voice and its lowest and highest note, such as soprano=C4-G5"
        )
    return voice, (note_number(match.group(1)), note_number(match.group(2)))


def _run(options: argparse.Namespace) -> None:
    folder = run(
        options.profile,
        options.corpus,
        options.seed,
        _from_texts(options.parameter, options.notebooks),
        options.output,
        options.run_id,
        options.notebooks,
    )
    print(summary(folder))


def _from_texts(
    pairs: Iterable[tuple[str, str]], notebooks: str | os.PathLike[str]
) -> dict[str, Any]:
    """Parameters given as text, converted to the types that the notebooks declare for them.

    Raises:
        ValueError: a name is given twice.
    """
    texts: dict[str, str] = {}
    for name, text in pairs:
        if name in texts:
            raise ValueError(f"parameter {name} is given twice: {texts[name]!r} and {text!r}")
        texts[name] = text
    defaults: dict[str, Any] = {}
    for book in notebooks_in(notebooks):
        defaults = declared_parameters(book) | defaults
    return {name: value_from_text(text, defaults.get(name)) for name, text in texts.items()}


def _resume(options: argparse.Namespace) -> None:
    print(summary(resume(_folder_of(options))))


def _show(options: argparse.Namespace) -> None:
    print(summary(_folder_of(options)))


def _folder_of(options: argparse.Namespace) -> Path:
    """The run's folder, given by its path or by its name below --output."""
    given = Path(options.run)
    return given if (given / RECORD).is_file() else Path(options.output) / given


def _list(options: argparse.Namespace) -> None:
    table = runs_in(options.output)
    if table.empty:
        raise FileNotFoundError(
            f"{options.output}: no runs here; start one with `chorale run`, or name the folder "
            f"with --output"
        )
    print(table.to_string(index=False, na_rep=""))


def _refresh(options: argparse.Namespace) -> None:
    refresh(options.names, options.notebooks)


def _sweep(options: argparse.Namespace) -> int:
    from .scale.sweep import RESULTS, SUMMARY, collect_results, run_sweep
    from .scale.sweep_file import read_sweep

    folder = run_sweep(
        options.sweep, options.output, options.scheduler, options.workers, options.notebooks
    )
    results = collect_results(folder, read_sweep(options.sweep, options.notebooks))
    states = results["state"].value_counts()
    counts = ", ".join(f"{count} {state}" for state, count in states.items())
    print(f"{counts}; {RESULTS} and {SUMMARY} are in {display_path(folder)}")
    return 0 if set(states.index) == {"complete"} else 1


def _generate(options: argparse.Namespace) -> int:
    from .scale.mass_generation import MANIFEST, ShardsFailed, generate_dataset

    try:
        folder = generate_dataset(
            options.count,
            options.output,
            options.model,
            options.seed,
            options.temperature,
            options.steps,
            options.best_of,
            options.corpus,
            scheduler=options.scheduler,
            workers=options.workers,
        )
    except ShardsFailed as error:
        print(
            f"chorale: {error}\nThe other shards are kept. {_how_to_go_on(options).strip()}",
            file=sys.stderr,
        )
        return 1
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    print(
        f"{manifest['pieces']:,} pieces in {len(manifest['shards']):,} shards, "
        f"{manifest['left_out']:,} left out; the manifest is {display_path(folder / MANIFEST)}"
    )
    return 0


def _gallery(options: argparse.Namespace) -> None:
    from .writing.gallery import make_gallery

    print(display_path(make_gallery(options.output, options.model, options.seed)))


def _studio(options: argparse.Namespace) -> None:
    from .studio.serving import serve

    serve(
        options.port,
        options.address,
        options.token,
        options.model,
        options.folder,
        options.browser,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chorale", description="Four-part chorales in the manner of J. S. Bach."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(
        name: str, do: Callable[[argparse.Namespace], int | None], text: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(do=do)
        return added

    _add_musicians_commands(command)
    to_run = command("run", _run, "execute the notebooks in order, in a new folder")
    to_run.add_argument("--profile", default="demo", help=f"{', '.join(PROFILES)} (default: demo)")
    to_run.add_argument(
        "--corpus", help=f"{' or '.join(EDITIONS)} (default: set by the profile or the notebooks)"
    )
    to_run.add_argument("--seed", type=int, help="(default: the notebooks' own)")
    to_run.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set any notebook parameter; may be repeated",
    )
    to_run.add_argument(
        "--run-id", help="name of the run's folder (default: the time and a random suffix)"
    )
    to_resume = command("resume", _resume, "complete a run that failed or was interrupted")
    to_list = command("list", _list, "list all runs: state, time, parameters, scores")
    to_show = command("show", _show, "show everything about one run")
    for one in (to_resume, to_show):
        one.add_argument("run", metavar="RUN", help="the run's folder, or its name")
    for one in (to_run, to_resume, to_list, to_show):
        also = ", or an address that fsspec knows, to which runs are copied"
        one.add_argument(
            "--output",
            default=RUNS,
            help=f"folder that holds the runs{also * (one is to_run)} (default: %(default)s)",
        )
    to_refresh = command(
        "refresh", _refresh, "execute the notebooks in place, to update their stored outputs"
    )
    to_refresh.add_argument(
        "names", nargs="*", metavar="NOTEBOOK", help="such as 04_evaluation (default: all)"
    )
    to_sweep = command(
        "sweep", _sweep, "execute notebooks for each point of a grid or a random search"
    )
    to_sweep.add_argument("sweep", metavar="SWEEP.yml", help="which parameters to vary, and how")
    to_sweep.add_argument(
        "--output",
        default="outputs/sweeps",
        help="where to create the sweep's folder (default: %(default)s)",
    )
    to_generate = command("generate", _generate, "write a data set of chorales, in shards")
    to_generate.add_argument("--count", type=int, required=True, help="number of pieces")
    to_generate.add_argument("--output", required=True, metavar="DIR", help="the data set's folder")
    to_generate.add_argument(
        "--model", default="chord_gru", help="shipped model or .keras file (default: %(default)s)"
    )
    to_generate.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    to_generate.add_argument(
        "--temperature", type=float, default=1.0, help="(default: %(default)s)"
    )
    to_generate.add_argument(
        "--steps", type=int, help="length in sixteenths (default: until the model ends the piece)"
    )
    to_generate.add_argument(
        "--best-of",
        type=int,
        default=1,
        help="pieces to write for each one kept; the best grade wins (default: 1)",
    )
    to_generate.add_argument(
        "--corpus",
        default="music21",
        choices=EDITIONS,
        help="edition whose training pieces they are compared with (default: %(default)s)",
    )
    for one in (to_sweep, to_generate):
        one.add_argument(
            "--scheduler",
            metavar="ADDRESS",
            help="of a Dask cluster (default: processes on this machine)",
        )
        one.add_argument(
            "--workers",
            type=int,
            help="processes on this machine (default: one per core)",
        )
    to_gallery = command("gallery", _gallery, "write a hundred chorales and show the ten best")
    to_gallery.add_argument(
        "--model", default="phrase_gru", help="shipped model or .keras file (default: %(default)s)"
    )
    to_gallery.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    to_gallery.add_argument(
        "--output", default="outputs/gallery", help="folder to replace (default: %(default)s)"
    )
    to_studio = command("studio", _studio, "serve the studio, a page to compose on")
    to_studio.add_argument(
        "--port", type=int, default=8866, help="0 for any free port (default: %(default)s)"
    )
    to_studio.add_argument(
        "--address",
        default="127.0.0.1",
        help="where to listen; any other than %(default)s, the default, lets other machines in",
    )
    to_studio.add_argument("--token", help="password for visitors (default: a new random one)")
    to_studio.add_argument(
        "--model", default="phrase_gru", help="shipped model or .keras file (default: %(default)s)"
    )
    to_studio.add_argument(
        "--folder", metavar="DIR", help="where work is kept (default: the user's data folder)"
    )
    to_studio.add_argument(
        "--no-browser", dest="browser", action="store_false", help="do not open a browser"
    )
    for one in (to_run, to_refresh, to_sweep):
        one.add_argument(
            "--notebooks", type=Path, default=NOTEBOOKS, help="folder of the notebooks"
        )
    return parser


def _add_musicians_commands(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the commands for people who sing or teach."""
    to_harmonize = command("harmonize", _harmonize, "set a tune for four voices")
    to_harmonize.add_argument("tune", metavar="TUNE", help="MIDI, MusicXML or kern file")
    to_realize = command("realize", _realize, "set a figured bass for four voices")
    to_realize.add_argument(
        "bass", metavar="FILE", help="MusicXML file with figures, or words, under the bass"
    )
    to_check = command("check", _check, "find the faults in a four-part setting")
    to_check.add_argument("exercise", metavar="EXERCISE", help="MIDI, MusicXML, kern or CSV file")
    to_analyse = command("analyse", _analyse, "name the chords of a four-part setting")
    to_analyse.add_argument("source", metavar="FILE", help="MIDI, MusicXML, kern or CSV file")
    to_write = command("write", _write, "write new chorales")
    to_convert = command("convert", _convert, "read a file and write it in another format")
    to_convert.add_argument("source", metavar="IN", help="MIDI, MusicXML, kern or CSV file")
    to_convert.add_argument("target", metavar="OUT", help="file to write; the suffix is the format")
    to_play = command("play", _play, "play a file through the loudspeakers")
    to_play.add_argument("file", metavar="FILE", help="MIDI, MusicXML, kern or CSV file")

    for one in (to_harmonize, to_realize):
        one.add_argument(
            "-o",
            "--output",
            action="append",
            required=True,
            metavar="FILE",
            help=".pdf, .musicxml, .mxl, .svg, .png, .mid, .wav, .flac, .ogg or .mp3; "
            "may be repeated",
        )
    to_check.add_argument("-o", "--output", metavar="FILE", help="score with the faults marked")
    to_analyse.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="score with the analysis (.pdf, .musicxml, .svg, .png), .rntxt (RomanText) or .csv",
    )
    to_analyse.add_argument(
        "--show", choices=KINDS, default="numerals", help="marks in a score (default: numerals)"
    )
    to_write.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write to")
    to_check.add_argument(
        "--rules",
        default="class",
        help="class, strict, bach, or rules separated by commas (default: %(default)s)",
    )
    to_check.add_argument(
        "--format", choices=("table", "json", "csv"), default="table", help="(default: table)"
    )
    to_write.add_argument(
        "--format",
        nargs="+",
        default=(".pdf", ".musicxml", ".mid"),
        metavar="SUFFIX",
        help="formats of each piece (default: pdf musicxml mid)",
    )
    to_write.add_argument(
        "--steps", type=int, help="length in sixteenths (default: that of a randomly drawn form)"
    )
    for one, model, temperature, best_of, by in (
        (to_harmonize, "phrase_gru", 1.0, 2, "the critic picks the best"),
        (to_realize, "phrase_gru", 1.0, 2, "the critic picks the best"),
        (to_write, "phrase_gru", 1.0, 2, "the critic picks the best"),
    ):
        one.add_argument("--count", type=int, default=1, help="how many (default: 1)")
        one.add_argument("--seed", type=int, help="(default: a random one, which is printed)")
        one.add_argument(
            "--model", default=model, help="shipped model or .keras file (default: %(default)s)"
        )
        one.add_argument(
            "--temperature",
            type=float,
            default=temperature,
            help="below 1 is more cautious, above 1 more daring (default: %(default)s)",
        )
        one.add_argument(
            "--best-of",
            type=int,
            default=best_of,
            help=f"pieces to write for each one kept; {by} (default: {best_of})",
        )
        one.add_argument(
            "--range",
            type=_voice_range,
            action="append",
            default=[],
            metavar="VOICE=LOW-HIGH",
            help="range of a voice; may be repeated (default: soprano=C4-G5 alto=G3-D5 "
            "tenor=C3-G4 bass=E2-D4)",
        )
    for one in (to_harmonize, to_realize):
        one.add_argument(
            "--particles", type=int, default=32, help="candidates for each setting (default: 32)"
        )
    to_harmonize.add_argument(
        "--numerals",
        metavar="'I V6 ...'",
        help="chords to use, as Roman numerals, one for each quarter; . holds a chord",
    )
    to_harmonize.add_argument("--symbols", metavar="'C G/B ...'", help="the same as chord symbols")
    to_harmonize.add_argument(
        "--voice", choices=VOICES, default="soprano", help="voice with the tune (default: soprano)"
    )
    to_harmonize.add_argument(
        "--transpose",
        type=_semitones_or_range,
        help="semitones up or down, or `range`: as few as needed to fit the voice's range",
    )
    to_convert.add_argument("--transpose", type=int, default=0, help="semitones up or down")
    for one in (to_convert, to_play):
        one.add_argument("--melody", action="store_true", help="the file holds a single tune")
    for one in (to_harmonize, to_realize, to_convert):
        one.add_argument(
            "--part", type=_part, help="number or name of the part to read as the tune, or the bass"
        )
        one.add_argument("--metre", help="such as 3/4 (default: as in the file)")
        one.add_argument(
            "--repeats",
            choices=("written", "played"),
            default="written",
            help="keep repeat signs (written) or write repeats out (default: written)",
        )
    for one in (to_harmonize, to_realize, to_check, to_analyse, to_convert):
        one.add_argument("--key", help="such as 'g minor' or 'B- major' (default: as in the file)")
    for one in (to_harmonize, to_realize, to_check, to_analyse, to_convert, to_play):
        one.add_argument(
            "--strict",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="refuse notes off the grid of sixteenths (the default), or take what sounds on "
            "each step",
        )
