"""The gallery: ten chorales to see and hear, written by a model and chosen by a rule, not by hand.

``chorale gallery`` writes a hundred pieces, leaves out those that copy too much, and saves the rest
with the best grades in ``outputs/gallery``, each as MIDI, MusicXML, SVG and MP3. Every file names
its model and seed, and the same model and seed give the same gallery.

Notebook: 05_generation
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..chorale import VOICE_RANGES, Chorale
from ..corpus.editions import load_corpus
from ..files import write_atomically
from ..notation.key import find_key
from ..notation.metre import find_metre
from ..notation.midi import write_midi
from ..notation.score_files import write_score
from ..sound.audio import encode_audio, synthesize

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path("outputs") / "gallery"
WRITTEN = 100  # pieces from which the gallery is chosen
SHOWN = 10
SHORTEST = 64  # steps: four bars
MOST_COPIED = 0.25  # largest share of a piece's one-bar passages that may be in a training piece
SUFFIXES = (".mid", ".mxl", ".svg", ".mp3")
_SAMPLE_RATE = 16_000


def make_gallery(
    folder: str | os.PathLike[str] = FOLDER,
    model: str | os.PathLike[str] = "phrase_gru",
    seed: int = 0,
    written: int = WRITTEN,
    progress: bool = True,
) -> Path:
    """Writes pieces, chooses the best and saves them; returns the folder, which is replaced only
    once the gallery is complete.

    Args:
        folder: its old content is replaced.
        model: name of a shipped model, or path of a ``.keras`` file.
        seed: int for all pieces. They are written at temperature 1, within the ranges of the
            voices; by `compose`, if the model takes a form.
        written: number of pieces to choose from.
        progress: whether to show a progress bar.

    Raises:
        ValueError: fewer than ten of the pieces satisfy the rule, which the gallery's page states.
        FileNotFoundError: no such model.

    Examples:
        Writing and drawing takes minutes, so this example is not run:

        >>> make_gallery("outputs/mine", "note_gru", seed=7)  # doctest: +SKIP
        PosixPath('outputs/mine')

    Notebook: 05_generation
    """
    from ..corpus.passages import copied
    from ..judging.grading import grade
    from ..models.saving import as_model, weights_hash
    from .composing import compose
    from .generation import generate

    if as_model(model).takes_form:
        pieces = list(compose(count=written, seed=seed, model=model, progress=progress))
    else:
        pieces = list(generate(model, written, seed=seed, ranges=VOICE_RANGES, progress=progress))
    table = copied(pieces, load_corpus(progress=progress).train)[["longest", "source", "share"]]
    table.insert(0, "steps", [len(piece) for piece in pieces])
    table.insert(1, "grade", grade(pieces))
    chosen = choose(table)
    by_name = {piece.name: piece for piece in pieces}
    about = {
        "model": Path(model).stem,
        "weights": weights_hash(model),
        "seed": seed,
        "temperature": 1.0,
    }
    return write_gallery([by_name[name] for name in chosen.index], chosen, about, folder, written)


def choose(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the ten pieces with the best grades, best first, among those that are at least 64
    steps long, that the model brought to an end by itself, and that have at most a quarter of their
    16-step passages in common with a training piece.

    Args:
        table: pandas DataFrame with one row per piece and the columns steps, grade and share.

    Raises:
        ValueError: fewer than ten pieces are left.

    Examples:
        >>> import pandas as pd
        >>> pieces = pd.DataFrame({"steps": range(60, 80), "grade": range(20), "share": 0.1})
        >>> choose(pieces)["steps"].tolist()
        [79, 78, 77, 76, 75, 74, 73, 72, 71, 70]
    """
    from .wishes import LONGEST

    kept = table[
        (table["steps"] >= SHORTEST) & (table["steps"] < LONGEST) & (table["share"] <= MOST_COPIED)
    ]
    if len(kept) < SHOWN:
        raise ValueError(
            f"{len(kept)} of {len(table)} pieces satisfy the rule: expected at least {SHOWN}; "
            f"write more pieces"
        )
    return kept.sort_values("grade", ascending=False, kind="stable").head(SHOWN)


def write_gallery(
    pieces: Sequence[Chorale],
    table: pd.DataFrame,
    about: Mapping[str, Any],
    folder: str | os.PathLike[str],
    written: int = WRITTEN,
) -> Path:
    """Saves pieces as a gallery: four files for each, ``pieces.csv`` and a ``README.md`` with the
    same table; returns the folder, which is replaced only once the gallery is complete.

    Args:
        pieces: list of Chorale, best first. Unknown keys, metres and pickups are estimated.
        table: pandas DataFrame with one row per piece and the columns steps, grade, longest, source
            and share.
        about: dict of what all pieces share: model, weights, seed, temperature.
        folder: its old content is replaced.
        written: number of pieces from which these were chosen.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as place:
        unfinished = Path(place, "new")
        unfinished.mkdir()
        table = table.assign(
            key=[piece.key or find_key(piece) for piece in pieces], piece=table.index, **about
        )
        table.index = [f"chorale-{number:02d}" for number in range(1, len(pieces) + 1)]
        for name, piece in zip(table.index, pieces):
            facts = {"piece": piece.name, **about}
            _write_piece(_complete(piece, name), unfinished / name, facts)
        table.to_csv(unfinished / "pieces.csv", index_label="name", float_format="%.4g")
        _write_text(unfinished / "README.md", _readme(table, about, written))
        if folder.exists():
            folder.rename(Path(place, "old"))
        unfinished.rename(folder)
    return folder


def _complete(piece: Chorale, name: str) -> Chorale:
    """The piece with a key, a metre, and its name in the gallery."""
    time_signature, pickup = (
        (piece.time_signature, piece.pickup) if piece.time_signature else find_metre(piece)
    )
    return replace(
        piece,
        name=name,
        title=name.replace("-", " ").capitalize(),
        key=piece.key or find_key(piece),
        time_signature=time_signature,
        pickup=pickup,
    )


def _write_piece(piece: Chorale, path: Path, about: Mapping[str, Any]) -> None:
    write_midi(piece, path.with_suffix(".mid"), about=about)
    write_score(piece, path.with_suffix(".mxl"), about=about)
    write_score(piece, path.with_suffix(".svg"), staves=2)
    sound = encode_audio(
        synthesize(piece, _SAMPLE_RATE),
        _SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        bitrate_mode="CONSTANT",
        compression_level=0.95,
    )  # 16 kbit per second
    write_atomically(path.with_suffix(".mp3"), lambda unfinished: unfinished.write_bytes(sound))


def _readme(table: pd.DataFrame, about: Mapping[str, Any], written: int) -> str:
    """The gallery's page, in Markdown: the rule, the table, and the scores."""
    rows = [
        f"| [{name}](#{name}) | {row['key'].replace('-', '♭').replace('#', '♯')} | "
        f"{row['steps'] / 4:g} | {row['grade']:.2f} | {row['share']:.0%} | "
        f"{row['longest'] / 4:g} | "
        + ", ".join(f"[{suffix[1:]}]({name}{suffix})" for suffix in SUFFIXES)
        + " |"
        for name, row in table.iterrows()
    ]
    lines = [
        "# Ten chorales",
        "",
        f"Written by `{about['model']}` (weights {about['weights']}) from seed {about['seed']}, at "
        f"temperature {about['temperature']:g}, within the ranges of the voices. They were "
        f"chosen by a rule, not by hand. Of {written} pieces we keep those that are at least "
        f"{SHORTEST} sixteenths long, that the model brought to an end by itself, and that have "
        f"at most {MOST_COPIED:.0%} of their 16-step passages in common with any one training "
        f"piece, in any transposition. These are the {SHOWN} of them with the best grade. "
        "`chorale gallery` makes them again.",
        "",
        'The grade is that of `chorale_utils.grade`. "Copied" is the share of the 16-step passages '
        'that also occur in a training piece, and "longest" the longest passage that does, in '
        "quarters; what a repeat sign repeats is counted once. Key and metre are those of the "
        "form, or found from the notes if there was none. Each MIDI and "
        "MusicXML file names model, weights, seed and piece.",
        "",
        "| | key | quarters | grade | copied | longest | files |",
        "|---|---|---|---|---|---|---|",
        *rows,
        "",
    ]
    for name in table.index:
        lines += [f"## {name}", "", f"![Score of {name}]({name}.svg)", ""]
    return "\n".join(lines)


def _write_text(path: Path, text: str) -> None:
    write_atomically(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
