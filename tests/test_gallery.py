"""The gallery: the rule is kept, every file tells where it came from, and a gallery is there whole
or as it was."""

import re
import xml.etree.ElementTree as ET
import zipfile

import mido
import numpy as np
import pandas as pd
import pytest
import soundfile

from chorale_utils import load_chorale
from chorale_utils.chorale import Chorale
from chorale_utils.writing.gallery import MOST_COPIED, SUFFIXES, choose, write_gallery

ABOUT = {"model": "chord_gru", "weights": "0123456789ab", "seed": 7, "temperature": 1.0}


@pytest.fixture(scope="module")
def pieces(music21_corpus):
    """Two short pieces of which, as of those that a model writes, nothing is known but the
    notes."""
    return [
        Chorale(chorale.pitches[:68], name=f"generated-{number:04d}")
        for number, chorale in enumerate(music21_corpus.test[:2])
    ]


def table_of(pieces):
    return pd.DataFrame(
        {
            "steps": [len(piece) for piece in pieces],
            "grade": -0.5,
            "longest": 10,
            "source": "bwv1.6",
            "share": 0.125,
        },
        index=[piece.name for piece in pieces],
    )


@pytest.fixture(scope="module")
def folder(pieces, tmp_path_factory):
    return write_gallery(
        pieces, table_of(pieces), ABOUT, tmp_path_factory.mktemp("outputs") / "gallery"
    )


def test_the_best_are_chosen_of_those_that_are_long_enough_ended_and_the_models_own():
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "steps": random.integers(1, 641, 200),
            "grade": random.standard_normal(200),
            "share": random.random(200),
        }
    )
    chosen = choose(table)
    kept = table[(table.steps >= 64) & (table.steps < 640) & (table.share <= MOST_COPIED)]
    assert len(chosen) == 10 and set(chosen.index) <= set(kept.index)
    assert chosen.grade.is_monotonic_decreasing
    assert chosen.grade.min() >= kept.drop(chosen.index).grade.max()


def test_too_few_pieces_are_refused():
    with pytest.raises(ValueError, match="9 of 20 pieces satisfy the rule: expected at least 10"):
        choose(pd.DataFrame({"steps": 100, "grade": 0.0, "share": [0.0] * 9 + [1.0] * 11}))


def test_each_piece_is_there_in_every_format_and_tells_how_it_came_about(folder, pieces):
    assert {path.name for path in folder.iterdir()} == {"README.md", "pieces.csv"} | {
        f"chorale-{number:02d}{suffix}" for number in (1, 2) for suffix in SUFFIXES
    }
    for number, piece in enumerate(pieces, 1):
        path = folder / f"chorale-{number:02d}"
        facts = {"piece": piece.name} | {name: str(value) for name, value in ABOUT.items()}
        for suffix in (".mid", ".mxl"):
            assert np.array_equal(load_chorale(path.with_suffix(suffix)).pitches, piece.pitches)
        told = [
            message.text
            for message in mido.MidiFile(path.with_suffix(".mid"), charset="utf-8").tracks[0]
            if message.type == "text"
        ]
        assert told == [f"{name}: {value}" for name, value in facts.items()]
        with zipfile.ZipFile(path.with_suffix(".mxl")) as packed:
            fields = ET.fromstring(packed.read("score.musicxml")).iter("miscellaneous-field")
            assert {field.get("name"): field.text for field in fields} == facts
        assert soundfile.info(path.with_suffix(".mp3")).duration > 10


def test_ten_pieces_of_a_minute_take_less_than_three_megabytes(folder):
    a_minute = 4.5  # times 17 quarters at 80 a minute
    sizes = sum(path.stat().st_size for path in folder.glob("chorale-*"))
    assert sizes / 2 * a_minute * 10 < 3_000_000


def test_its_page_has_the_table_and_its_links_lead_somewhere(folder):
    page = (folder / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page) if not link.startswith("#")]
    assert len(links) == 2 * (len(SUFFIXES) + 1) and all(
        (folder / link).is_file() for link in links
    )
    table = pd.read_csv(folder / "pieces.csv", index_col="name")
    assert list(table.piece) == ["generated-0000", "generated-0001"]
    assert set(table) == {"steps", "grade", "longest", "source", "share", "key", "piece", *ABOUT}
    for name in table.index:
        assert f"| [{name}](#{name}) |" in page and "-0.50 | 12% | 2.5 |" in page


def test_the_same_pieces_give_the_same_files(folder, pieces, tmp_path):
    again = write_gallery(pieces, table_of(pieces), ABOUT, tmp_path / "gallery")
    for path in folder.iterdir():
        assert path.read_bytes() == (again / path.name).read_bytes(), path.name


def test_a_gallery_is_replaced_whole_or_left_as_it_was(pieces, tmp_path):
    folder = tmp_path / "gallery"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    with pytest.raises(ValueError, match="chorale-02: no steps"):
        write_gallery(
            [pieces[0], Chorale(np.zeros((0, 4), int), name="nothing", time_signature="4/4")],
            table_of(pieces),
            ABOUT,
            folder,
        )
    assert [path.name for path in tmp_path.rglob("*")] == ["gallery", "old.txt"]
    write_gallery(pieces, table_of(pieces), ABOUT, folder)
    assert not (folder / "old.txt").exists() and (folder / "chorale-02.mid").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["gallery"]
