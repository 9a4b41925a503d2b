"""The command line, ``chorale``: what a user types, read and handed on to the modules that do
it."""

import argparse
import json
import sys
from pathlib import Path

from .corpus.editions import EDITIONS
from .story.notebooks import NotebookFailed, declared_parameters, notebooks_in, value_from_text
from .story.pipeline import NOTEBOOKS, PROFILES, RUNS, refresh, resume, run, runs_in, summary
from .story.record import RECORD, display_path


def main(argv=None):
    """The command line; returns the exit code: 0 done, 1 a notebook failed, 2 refused, 130
    interrupted.

    Args:
        argv: list of str, the arguments without the program's name; None for those of the process.
    """
    options = _parser().parse_args(argv)
    try:
        return options.do(options) or 0
    except (ValueError, OSError) as error:
        print(f"chorale: {error}", file=sys.stderr)
        return 2
    except NotebookFailed as error:
        print(
            f"\nchorale: {error}\n\nWhat was done until then is kept.{_how_to_go_on(options)}",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print(
            f"\nchorale: interrupted; what was done until then is kept.{_how_to_go_on(options)}",
            file=sys.stderr,
        )
        return 130


def _how_to_go_on(options):
    """A hint at `chorale resume` where it is of use."""
    if options.command in ("run", "resume"):
        return " Go on with `chorale resume`; `chorale list` names the run."
    return " The same command goes on with it." if options.command in ("sweep", "generate") else ""


def _run(options):
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


def _resume(options):
    print(summary(resume(_folder_of(options))))


def _list(options):
    table = runs_in(options.output)
    if table.empty:
        raise FileNotFoundError(
            f"{options.output}: no runs there; `chorale run` makes one, --output says where to look"
        )
    print(table.to_string(index=False, na_rep=""))


def _show(options):
    print(summary(_folder_of(options)))


def _refresh(options):
    refresh(options.names, options.notebooks)


def _sweep(options):
    from .scale.sweep import RESULTS, SUMMARY, read_sweep, results_of, run_sweep

    folder = run_sweep(
        options.sweep, options.output, options.scheduler, options.workers, options.notebooks
    )
    states = results_of(folder, read_sweep(options.sweep, options.notebooks))[
        "state"
    ].value_counts()
    print(
        f"{', '.join(f'{count} {state}' for state, count in states.items())}; {RESULTS} and {SUMMARY} are in "
        f"{display_path(folder)}"
    )
    return 0 if set(states.index) == {"complete"} else 1


def _generate(options):
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
            f"chorale: {error}\nThe others are kept. {_how_to_go_on(options).strip()}",
            file=sys.stderr,
        )
        return 1
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    print(
        f"{manifest['pieces']:,} pieces in {len(manifest['shards']):,} shards, {manifest['left_out']:,} left out; "
        f"{display_path(folder / MANIFEST)} tells all"
    )


def _gallery(options):
    from .writing.gallery import make_gallery

    print(display_path(make_gallery(options.output, options.model, options.seed)))


def _folder_of(options):
    """The folder (Path) of the run that is asked for, by its path or by its name below --output."""
    given = Path(options.run)
    return given if (given / RECORD).is_file() else Path(options.output) / given


def _parser():
    parser = argparse.ArgumentParser(
        prog="chorale", description="Four-part chorales in the manner of J. S. Bach."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, do, text):
        added = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        added.set_defaults(do=do)
        return added

    to_run = command("run", _run, "execute the notebooks in order, into a folder of their own")
    to_run.add_argument("--profile", default="demo", help=f"{', '.join(PROFILES)} (default: demo)")
    to_run.add_argument(
        "--corpus", help=f"{' or '.join(EDITIONS)} (default: what the notebooks say)"
    )
    to_run.add_argument("--seed", type=int, help="(default: what the notebooks say)")
    to_run.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="any parameter of a notebook; may be repeated",
    )
    to_run.add_argument(
        "--run-id", help="name of the run's folder (default: the time and something unique)"
    )
    to_resume = command(
        "resume", _resume, "go on with a run that was interrupted, was killed, or failed"
    )
    to_list = command("list", _list, "the runs there are: state, time, parameters, scores")
    to_show = command("show", _show, "all that there is to say of one run")
    for one in (to_resume, to_show):
        one.add_argument("run", metavar="RUN", help="the run's folder, or its name")
    for one in (to_run, to_resume, to_list, to_show):
        also = (
            ", or an address that fsspec knows, to which they are copied" if one is to_run else ""
        )
        one.add_argument(
            "--output",
            default=RUNS,
            help=f"where the runs' folders are{also} (default: %(default)s)",
        )
    to_renew = command(
        "refresh", _refresh, "execute the notebooks in place: renews their stored outputs"
    )
    to_renew.add_argument(
        "names", nargs="*", metavar="NOTEBOOK", help="such as 04_evaluation (default: all)"
    )
    to_sweep = command(
        "sweep", _sweep, "execute notebooks for each point of a grid or a random search"
    )
    to_sweep.add_argument("sweep", metavar="SWEEP.yml", help="what is varied, and how")
    to_sweep.add_argument(
        "--output", default="outputs/sweeps", help="where its folder is made (default: %(default)s)"
    )
    to_write = command("generate", _generate, "write a data set of chorales, in shards")
    to_write.add_argument("--count", type=int, required=True, help="pieces to write")
    to_write.add_argument("--output", required=True, metavar="DIR", help="the data set's folder")
    to_write.add_argument(
        "--model", default="chord_gru", help="shipped model or .keras file (default: %(default)s)"
    )
    to_write.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    to_write.add_argument("--temperature", type=float, default=1.0, help="(default: %(default)s)")
    to_write.add_argument(
        "--steps", type=int, help="length in sixteenths (default: until the model ends)"
    )
    to_write.add_argument(
        "--best-of", type=int, default=1, help="write so many for each that is kept (default: 1)"
    )
    to_write.add_argument(
        "--corpus", default="music21", choices=EDITIONS, help="whose training pieces may be copied"
    )
    for one in (to_sweep, to_write):
        one.add_argument(
            "--scheduler",
            metavar="ADDRESS",
            help="of a Dask cluster (default: processes of this machine)",
        )
        one.add_argument(
            "--workers",
            type=int,
            help="processes of this machine (default: as many as it has cores)",
        )
    to_draw = command("gallery", _gallery, "write a hundred chorales and show the ten best")
    to_draw.add_argument(
        "--model", default="chord_gru", help="shipped model or .keras file (default: %(default)s)"
    )
    to_draw.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    to_draw.add_argument(
        "--output", default="outputs/gallery", help="folder that is replaced (default: %(default)s)"
    )
    for one in (to_run, to_renew, to_sweep):
        one.add_argument(
            "--notebooks", type=Path, default=NOTEBOOKS, help="folder of the notebooks"
        )
    return parser


def _from_texts(pairs, notebooks):
    """Parameters given as text, read as the type that a notebook declares for them; dict.

    Args:
        pairs: of name and text.
        notebooks: folder of the notebooks.

    Raises:
        ValueError: a name that is given twice.
    """
    texts = {}
    for name, text in pairs:
        if name in texts:
            raise ValueError(f"parameter {name} is given twice: {texts[name]!r} and {text!r}")
        texts[name] = text
    defaults = {}
    for book in notebooks_in(notebooks):
        defaults = declared_parameters(book) | defaults
    return {name: value_from_text(text, defaults.get(name)) for name, text in texts.items()}
