"""Mass generation: a data set of chorales that a model has written, in shards that Dask workers
write side by side.

``chorale generate --count 100000 --output DIR`` leaves in DIR the ``shards/``, Parquet files with a
row a piece, and at the end ``manifest.json`` with counts and hashes. A shard is determined by the
settings and its number alone, whichever worker writes it and when, and is written under another
name first; so a harvest that was interrupted goes on with the shards that are missing and ends as
it would have.

Notebook: 05_generation
"""

import hashlib
import json
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..files import write_atomically
from ..story.notebooks import is_shown
from ..story.record import folder_lock, provenance, utc_now
from .cluster import dask_client, run_tasks

PLAN, MANIFEST, SHARDS = "plan.json", "manifest.json", "shards"
AT_ONCE = (
    256  # pieces, rejected ones included, that a worker writes side by side: what bounds its memory
)


class ShardsFailed(RuntimeError):
    """Shards that could not be written; those that could be are kept."""


def generate_dataset(
    count,
    output,
    model="chord_gru",
    seed=0,
    temperature=1.0,
    steps=None,
    best_of=1,
    corpus="music21",
    per_shard=None,
    scheduler=None,
    workers=None,
    progress=None,
):
    """The folder (Path) of a data set of generated chorales, complete.

    A row of ``shards/*.parquet`` is a piece: shard and row; pitches (list of MIDI numbers, four a step, soprano to bass)
    and steps; seed (of ``generate(model, seed=..., count=...)``, whose piece number `row` it is); log_likelihood of its
    notes (nats, natural logarithm), grade (see `grade`), copied (share, see `copied`) and sha256 of the pitches. Pieces
    without a note, and of pieces with the same notes all but the first, are left out.

    Args:
        count: int, pieces to be written, those included that will be left out.
        output: str or Path, the folder. All workers must see it.
        model: name of a shipped model, or path of a ``.keras`` file.
        seed, temperature, steps, best_of: as in `generate`; the seed is that of the whole.
        corpus: edition whose training pieces `copied` looks at.
        per_shard: int, pieces in a shard; None for 256 divided by `best_of`.
        scheduler, workers: see `cluster.connected`.
        progress: bool, whether to show a progress bar; None for yes on a terminal.

    Raises:
        ValueError: a number below 1, or the folder holds a harvest with other settings, or a shard that is torn.
        FileNotFoundError: no such model.
        InUse: another is at work in the folder.
        ShardsFailed: some shards could not be written.
    """
    from tqdm import tqdm

    from ..models.saving import weights_hash

    for name, number in dict(count=count, best_of=best_of, per_shard=per_shard or 1).items():
        if number < 1:
            raise ValueError(f"{name} {number}: expected 1 or more")
    per_shard = per_shard or max(1, AT_ONCE // best_of)
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
        _keep_plan(folder, settings)
        numbers = range(-(-count // per_shard))
        waiting = {
            number: (str(folder), number, settings, str(file or model))
            for number in numbers
            if not _shard(folder, number).exists()
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
        _finish(folder, settings, numbers)
    return folder


def write_shard(folder, number, settings, model):
    """Writes one shard of a harvest; nothing where it is there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..corpus.passages import copied
    from ..judging.grading import grade
    from ..models.evaluation import score_notes
    from ..models.saving import weights_hash
    from ..writing.generation import generate

    path = _shard(Path(folder), number)
    if path.exists():
        return
    if (weights := weights_hash(model)) != settings["weights"]:
        raise ValueError(
            f"weights {weights} of {model} on this worker: expected {settings['weights']}, those of the plan"
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
    table = pa.table(
        {
            "shard": pa.array([number] * len(pieces), pa.int32()),
            "row": pa.array(rows, pa.int32()),
            "seed": pa.array([seed] * len(pieces), pa.int64()),
            "steps": pa.array([len(piece) for piece in pieces], pa.int32()),
            "pitches": pa.array(
                [piece.pitches.ravel().astype(np.uint8) for piece in pieces], pa.list_(pa.uint8())
            ),
            "log_likelihood": pa.array(
                [-float(nats[piece.name]) for piece in pieces], pa.float64()
            ),
            "grade": pa.array(grade(pieces).astype(float), pa.float64()),
            "copied": pa.array(copied(pieces, training)["share"].astype(float), pa.float64()),
            "sha256": pa.array([_notes_sha256(piece.pitches) for piece in pieces]),
        }
    ).replace_schema_metadata({"chorale_utils": json.dumps(settings, sort_keys=True)})
    write_atomically(path, lambda unfinished: pq.write_table(table, unfinished))


def shard_seed(seed, number):
    """The seed (int, below 2**63) of a shard, from that of the harvest and the shard's number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


@lru_cache(maxsize=1)
def _model(model):
    from ..models.saving import load_model

    return load_model(model)


@lru_cache(maxsize=1)
def _training(edition):
    from ..corpus.editions import load_corpus

    return load_corpus(edition, progress=False).train


def _shard(folder, number):
    return folder / SHARDS / f"part-{number:06d}.parquet"


def _keep_plan(folder, settings):
    """Notes what is to be done; a ValueError where something else had been begun in that folder."""
    path = folder / PLAN
    if not path.exists():
        _write_json(path, {"settings": settings, "started": utc_now(), **provenance()})
        return
    begun = json.loads(path.read_text(encoding="utf-8"))["settings"]
    if begun != settings:
        differ = {
            name: (begun.get(name), settings.get(name))
            for name in {*begun, *settings}
            if begun.get(name) != settings.get(name)
        }
        raise ValueError(
            f"{folder} holds a harvest with other settings {differ} (there, here): expected the same, to go on "
            f"with it; or give another folder"
        )


def _finish(folder, settings, numbers):
    """Leaves out what is there twice, and writes the manifest. Done again, it changes nothing."""
    import pyarrow.parquet as pq

    seen, shards = set(), []
    for number in numbers:
        path = _shard(folder, number)
        table = _read_shard(path)
        hashes = table["sha256"].to_pylist()
        kept = []
        for row, digest in enumerate(hashes):
            if digest not in seen:
                seen.add(digest)
                kept.append(row)
        if len(kept) < len(hashes):
            write_atomically(path, lambda unfinished: pq.write_table(table.take(kept), unfinished))
        shards.append(
            {
                "file": f"{SHARDS}/{path.name}",
                "pieces": len(kept),
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


def _read_shard(path):
    """A shard's table, after a look at whether its pitches are those of its hashes."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        pitches = table["pitches"].combine_chunks()
        notes, ends = pitches.values.to_numpy(), pitches.offsets.to_numpy()
        if [_notes_sha256(notes[start:end]) for start, end in zip(ends, ends[1:])] != table[
            "sha256"
        ].to_pylist():
            raise ValueError("its pitches are not those of its hashes")
    except (FileNotFoundError, PermissionError, MemoryError):
        raise
    except Exception as error:  # what is no whole Parquet file makes Arrow fail in many ways
        raise ValueError(
            f"{path} is no shard of a harvest, or is torn ({type(error).__name__}: {error}): remove it, and the "
            f"same command writes it again"
        ) from error
    return table


def _notes_sha256(pitches):
    return hashlib.sha256(pitches.astype(np.uint8).tobytes()).hexdigest()


def _write_json(path, content):
    text = json.dumps(content, indent=2) + "\n"
    write_atomically(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
