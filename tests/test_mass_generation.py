"""Mass generation with a small model, by Dask workers, one of which is killed."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from io import BytesIO

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import SMALL_CHORD_GRU, shaken

from chorale_utils import chord_gru, copied, generate, grade, load_model, note_log_probs, save_model
from chorale_utils.corpus.editions import load_corpus
from chorale_utils.scale.mass_generation import generate_dataset, write_shard

COUNT, PER_SHARD = 20, 256 // 64  # --best-of 64 makes shards small


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A file of a small model whose weights are noise."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    save_model(shaken(chord_gru(**SMALL_CHORD_GRU)), path)
    return path


@pytest.fixture(scope="module")
def generated(weights, music21_corpus, tmp_path_factory):
    """The folder of a data set one of whose two workers was killed with kill -9, and the command,
    ended. The corpus is in its cache by then."""
    folder = tmp_path_factory.mktemp("generated") / "set"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "chorale_utils",
            "generate",
            "--count",
            str(COUNT),
            "--output",
            folder,
            "--model",
            weights,
            "--steps",
            "4",
            "--best-of",
            "64",
            "--seed",
            "3",
            "--workers",
            "2",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 300
    while (
        not list(folder.glob("shards/part-*"))
        and time.monotonic() < until
        and process.poll() is None
    ):
        time.sleep(0.02)
    children = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True
    )
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    output, error = process.communicate(timeout=600)
    return folder, subprocess.CompletedProcess(process.args, process.returncode, output, error)


def settings_of(folder):
    return json.loads((folder / "plan.json").read_text())["settings"]


@pytest.mark.slow
def test_data_set_is_complete_though_a_worker_was_killed(generated):
    folder, ended = generated
    assert ended.returncode == 0, ended.stderr
    manifest = json.loads((folder / "manifest.json").read_text())
    shards = sorted((folder / "shards").iterdir())
    assert [shard.name for shard in shards] == [
        f"part-{number:06d}.parquet" for number in range(COUNT // PER_SHARD)
    ]
    rows = [row for shard in shards for row in pq.read_table(shard).to_pylist()]
    assert manifest["pieces"] == len(rows) == len({row["sha256"] for row in rows})
    assert manifest["pieces"] + manifest["left_out"] == COUNT
    for shard, said in zip(shards, manifest["shards"]):
        assert hashlib.sha256(shard.read_bytes()).hexdigest() == said["sha256"]
        assert pq.read_metadata(shard).num_rows == said["pieces"]
    assert manifest["settings"]["weights"] and manifest["versions"]["keras"] and manifest["commit"]


@pytest.mark.slow
def test_shard_is_determined_by_its_number_alone(generated, weights, tmp_path):
    folder, _ = generated
    (tmp_path / "shards").mkdir()
    write_shard(str(tmp_path), 2, settings_of(folder), str(weights))
    here = pq.read_table(tmp_path / "shards" / "part-000002.parquet").to_pylist()
    there = pq.read_table(folder / "shards" / "part-000002.parquet").to_pylist()
    assert [row["sha256"] for row in there] == [
        row["sha256"] for row in here if row["row"] in {one["row"] for one in there}
    ]


@pytest.mark.slow
def test_row_says_how_its_piece_is_made_and_what_it_is_worth(generated, weights):
    folder, _ = generated
    row = pq.read_table(folder / "shards" / "part-000001.parquet").to_pylist()[0]
    model = load_model(weights)
    piece = generate(model, PER_SHARD, steps=4, seed=row["seed"], best_of=64)[row["row"]]
    assert (
        np.array_equal(np.reshape(row["pitches"], (-1, 4)), piece.pitches)
        and row["steps"] == len(piece) == 4
    )
    assert row["log_likelihood"] == pytest.approx(
        note_log_probs(model, piece.pitches).sum(), abs=1e-3
    )
    assert row["grade"] == pytest.approx(grade([piece])[0])
    assert row["copied"] == copied([piece], load_corpus(progress=False).train)["share"].iloc[0]


@pytest.mark.slow
def test_complete_data_set_is_not_written_again_and_a_missing_shard_is(generated, weights):
    folder, _ = generated
    how = settings_of(folder)
    missing = folder / "shards" / "part-000004.parquet"
    before, others = (
        missing.read_bytes(),
        {path: path.stat().st_mtime_ns for path in missing.parent.iterdir()},
    )
    manifest = json.loads((folder / "manifest.json").read_text())
    missing.unlink()
    generate_dataset(COUNT, folder, weights, seed=3, steps=4, best_of=64, workers=1, progress=False)
    assert pq.read_table(missing).equals(pq.read_table(BytesIO(before)))
    assert all(
        path.stat().st_mtime_ns == changed for path, changed in others.items() if path != missing
    )
    again = json.loads((folder / "manifest.json").read_text())
    assert again["shards"] == manifest["shards"] and how == settings_of(folder)


def with_a_wrong_bit(whole, column):
    """The content of a Parquet file, with one bit changed in a column: the first from its middle on
    that makes a difference."""
    group = pq.read_metadata(BytesIO(whole)).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    (chunk,) = [chunk for chunk in chunks if chunk.path_in_schema.startswith(column)]
    stop = chunk.data_page_offset + chunk.total_compressed_size
    for place in range(stop - chunk.total_compressed_size // 2, stop):
        damaged = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        try:
            if pq.read_table(BytesIO(damaged))[column] != pq.read_table(BytesIO(whole))[column]:
                return damaged
        except (OSError, ValueError):  # Arrow's own errors are these
            return damaged
    raise AssertionError(f"no bit of {column} matters")


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-40],
        lambda whole: b"PAR1",
        lambda whole: b"",
        lambda whole: with_a_wrong_bit(whole, "pitches"),
    ],
)
def test_damaged_shard_is_refused_by_name_and_stays_for_the_user_to_remove(
    generated, weights, damage
):
    folder, _ = generated
    shard = folder / "shards" / "part-000001.parquet"
    whole, manifest = shard.read_bytes(), (folder / "manifest.json").read_text()
    shard.write_bytes(damage(whole))
    try:
        with pytest.raises(
            ValueError,
            match="part-000001.parquet is not a shard of a data set, or is damaged .*: remove it",
        ):
            generate_dataset(COUNT, folder, weights, seed=3, steps=4, best_of=64, progress=False)
        assert (
            shard.read_bytes() == damage(whole)
            and (folder / "manifest.json").read_text() == manifest
        )
    finally:
        shard.write_bytes(whole)


@pytest.mark.slow
def test_other_settings_in_the_same_folder_are_refused(generated, weights):
    with pytest.raises(ValueError, match="other settings .*seed"):
        generate_dataset(COUNT, generated[0], weights, seed=4, steps=4, best_of=64)


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"count": 1, "best_of": 0}, {"count": 1, "per_shard": -1}]
)
def test_numbers_below_one_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="expected 1 or more"):
        generate_dataset(**wrong, output=tmp_path / "set")
    assert not (tmp_path / "set").exists()
