"""Mass generation: a data set of chorales written by a model, in shards that Dask workers write in
parallel.

``chorale generate --count 100000 --output DIR`` leaves in DIR the ``shards/``, Parquet files with
one row per piece, and at the end ``manifest.json`` with counts and hashes. A shard depends only on
the settings and its number, not on the worker or the time, and is written completely or not at all.
So an interrupted generation resumes with the missing shards, and the final data set is the same.

Notebook: 05_generation
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..extras import require
from ..files import write_atomically
from ..story.progress import is_shown
from ..story.record import folder_lock, provenance, utc_now
from .cluster import dask_client, run_tasks

if TYPE_CHECKING:
    from ..chorale import Chorale
    from ..models.model import ChoraleModel

PLAN, MANIFEST, SHARDS = "plan.json", "manifest.json", "shards"
# Pieces, including rejected ones, that a worker writes side by side: this limits its memory.
BATCH = 256


class ShardsFailed(RuntimeError):
    """Some shards could not be written; the others are kept."""


def generate_dataset(
    count: int,
    output: str | os.PathLike[str],
    model: str | os.PathLike[str] = "chord_gru",
    seed: int = 0,
    temperature: float = 1.0,
    steps: int | None = None,
    best_of: int = 1,
    corpus: str = "music21",
    per_shard: int | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    progress: bool | None = None,
) -> Path:
    """Writes a data set of generated chorales, or completes one, and returns its folder.

    A row of ``shards/*.parquet`` is a piece: shard and row; pitches (list of MIDI numbers, four for
    each step, soprano to bass) and steps; seed (this is piece number `row` of ``generate(model,
    seed=..., count=...)``); log_likelihood of its notes (natural logarithm), grade (see `grade`),
    copied (share of passages, see `copied`) and sha256 of the pitches. Pieces without notes and
    duplicates are left out.

    Args:
        count: number of pieces to write, including those that will be left out.
        output: the folder, which all workers must be able to access.
        model: name of a shipped model, or path of a ``.keras`` file.
        seed: determines the whole data set.
        temperature: see `generate`.
        steps: see `generate`.
        best_of: see `generate`.
        corpus: edition whose training pieces `copied` compares with.
        per_shard: pieces in a shard; None for 256 divided by `best_of`.
        scheduler: see `cluster.dask_client`.
        workers: see `cluster.dask_client`.
        progress: whether to show a progress bar; None shows it on a terminal.

    Raises:
        MissingExtra: Dask is not installed.
        ValueError: a number is below 1, the folder holds a data set with other settings, or a shard
            is damaged.
        FileNotFoundError: there is no such model.
        FolderInUse: another process is using the folder.
        ShardsFailed: some shards could not be written.
    """
    require("scale", "a generated data set")
    from tqdm import tqdm

    from ..models.saving import weights_hash

    numbers_given = {"count": count, "best_of": best_of, "per_shard": per_shard or 1}
    for name, number in numbers_given.items():
        if number < 1:
            raise ValueError(f"{name} {number}: expected 1 or more")
    per_shard = per_shard or max(1, BATCH // best_of)
    file = Path(model).resolve() if str(model).endswith(".keras") else None
    settings = {
        "count": count,
        "model": Path(model).stem,
        "weights": weights_hash(model),
        "seed": seed,
        "temperature": temperature,
        "steps": steps,
        "best_of": best_of,
        "corpus": corpus,
        "per_shard": per_shard,
    }
    folder = Path(output).resolve()
    (folder / SHARDS).mkdir(parents=True, exist_ok=True)
    with folder_lock(folder):
        _check_plan(folder, settings)
        numbers = range(-(-count // per_shard))
        waiting = {
            number: (str(folder), number, settings, str(file or model))
            for number in numbers
            if not _shard_path(folder, number).exists()
        }
        errors = {}
        if waiting:
            with (
                dask_client(scheduler, workers) as client,
                tqdm(
                    total=len(numbers),
                    initial=len(numbers) - len(waiting),
                    unit="shard",
                    file=sys.stderr,
                    disable=not is_shown(progress),
                ) as bar,
            ):
                for number, error in run_tasks(client, write_shard, waiting):
                    if error is not None:
                        errors[number] = error
                    bar.update()
        if errors:
            number, error = min(errors.items())
            raise ShardsFailed(
                f"{len(errors)} of {len(numbers)} shards were not written; number {number}: "
                f"{type(error).__name__}: {error}"
            ) from error
        _write_manifest(folder, settings, numbers)
    return folder


def _check_plan(folder: Path, settings: dict[str, Any]) -> None:
    """Writes the plan; raises a ValueError if the folder has a plan with other settings."""
    path = folder / PLAN
    if not path.exists():
        _write_json(path, {"settings": settings, "started": utc_now(), **provenance()})
        return
    planned = json.loads(path.read_text(encoding="utf-8"))["settings"]
    if planned != settings:
        differing = {
            name: (planned.get(name), settings.get(name))
            for name in {*planned, *settings}
            if planned.get(name) != settings.get(name)
        }
        raise ValueError(
            f"{folder} holds a data set with other settings {differing} (there, here): expected "
            f"the same settings, to complete it; or choose another folder"
        )


def _write_manifest(folder: Path, settings: dict[str, Any], numbers: Iterable[int]) -> None:
    """Removes duplicate pieces and writes the manifest. Repeating it changes nothing."""
    import pyarrow.parquet as pq

    seen, shards = set(), []
    for number in numbers:
        path = _shard_path(folder, number)
        table = _read_shard(path)
        hashes = table["sha256"].to_pylist()
        new = []
        for row, digest in enumerate(hashes):
            if digest not in seen:
                seen.add(digest)
                new.append(row)
        if len(new) < len(hashes):
            table = table.take(new)
            write_atomically(path, partial(pq.write_table, table))
        shards.append(
            {
                "file": f"{SHARDS}/{path.name}",
                "pieces": len(new),
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
        )
    plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    _write_json(
        folder / MANIFEST,
        plan
        | {
            "finished": utc_now(),
            "pieces": len(seen),
            "left_out": settings["count"] - len(seen),
            "shards": shards,
        },
    )


def _read_shard(path: Path) -> Any:
    """A shard as a pyarrow Table whose pitches match its hashes."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        pitches = table["pitches"].combine_chunks()
        notes, ends = pitches.values.to_numpy(), pitches.offsets.to_numpy()
        found = [_notes_sha256(notes[start:end]) for start, end in zip(ends, ends[1:])]
        if found != table["sha256"].to_pylist():
            raise ValueError("its pitches do not match its hashes")
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes Arrow fail in many ways
        raise ValueError(
            f"{path} is not a shard of a data set, or is damaged ({type(error).__name__}: "
            f"{error}): remove it, and run the same command again"
        ) from error
    return table


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2) + "\n"
    write_atomically(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))


def write_shard(folder: str, number: int, settings: dict[str, Any], model: str) -> None:
    """Writes one shard of a data set, unless it exists.

    Args:
        folder: the data set's folder.
        number: the shard's number, from 0.
        settings: settings of the data set, as in its ``plan.json``.
        model: name of a shipped model, or path of a ``.keras`` file on this worker.

    Raises:
        ValueError: the model has other weights on this worker.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..corpus.passages import copied
    from ..judging.grading import grade
    from ..models.evaluation import score_notes
    from ..models.saving import weights_hash
    from ..writing.generation import generate

    path = _shard_path(Path(folder), number)
    if path.exists():
        return
    if (weights := weights_hash(model)) != settings["weights"]:
        raise ValueError(
            f"weights {weights} of {model} on this worker: expected {settings['weights']}, as in "
            f"the plan"
        )
    writer, training = _model(model), _training(settings["corpus"])
    seed = shard_seed(settings["seed"], number)
    size = min(settings["per_shard"], settings["count"] - number * settings["per_shard"])
    pieces = list(
        generate(
            writer,
            size,
            settings["steps"],
            settings["temperature"],
            seed,
            best_of=settings["best_of"],
        )
    )
    rows = [row for row, piece in enumerate(pieces) if len(piece)]
    pieces = [pieces[row] for row in rows]
    nats = score_notes(writer, pieces).groupby("piece")["nats"].sum()
    shares = copied(pieces, training)["share"].astype(float)
    columns = {
        "shard": pa.array([number] * len(pieces), pa.int32()),
        "row": pa.array(rows, pa.int32()),
        "seed": pa.array([seed] * len(pieces), pa.int64()),
        "steps": pa.array([len(piece) for piece in pieces], pa.int32()),
        "pitches": pa.array(
            [piece.pitches.ravel().astype(np.uint8) for piece in pieces], pa.list_(pa.uint8())
        ),
        "log_likelihood": pa.array([-float(nats[piece.name]) for piece in pieces], pa.float64()),
        "grade": pa.array(grade(pieces).astype(float), pa.float64()),
        "copied": pa.array(shares, pa.float64()),
        "sha256": pa.array([_notes_sha256(piece.pitches) for piece in pieces]),
    }
    about = {"chorale_utils": json.dumps(settings, sort_keys=True)}
    table = pa.table(columns).replace_schema_metadata(about)
    write_atomically(path, partial(pq.write_table, table))


def shard_seed(seed: int, number: int) -> int:
    """The seed of a shard, below 2**63, from the data set's seed and the shard's number.

    Examples:
        >>> shard_seed(0, 1) == shard_seed(0, 2)
        False
    """
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


@lru_cache(maxsize=1)
def _model(model: str) -> "ChoraleModel":
    from ..models.saving import load_model

    return load_model(model)


@lru_cache(maxsize=1)
def _training(edition: str) -> "list[Chorale]":
    from ..corpus.editions import load_corpus

    return load_corpus(edition, progress=False).train


def _shard_path(folder: Path, number: int) -> Path:
    return folder / SHARDS / f"part-{number:06d}.parquet"


def _notes_sha256(pitches: np.ndarray) -> str:
    return hashlib.sha256(pitches.astype(np.uint8).tobytes()).hexdigest()
