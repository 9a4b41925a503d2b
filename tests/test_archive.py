"""Chorales in a file of the package's own come back as they were, with all that their page says."""

import json

import numpy as np
import pandas as pd
import pytest

from chorale_utils import Chorale, Pieces, load_chorales, save_chorales
from chorale_utils.notation.page import Bar, KeySignature, Notation, Syllable, Tempo, regular_bars

PIECES = [
    Chorale(np.tile([[67, 60, 55, 48]], (5, 1)), name="bare"),
    Chorale(
        np.tile([[67, 60, 55, 0]], (3, 1)),
        name="full",
        bwv="66.6",
        title="Ö",
        key="f# minor",
        time_signature="3/4",
        pickup=4,
        onsets=np.eye(3, 4, dtype=bool),
        fermatas=np.array([False, False, True]),
    ),
    Chorale(np.zeros((0, 4), int), name="empty"),
    Chorale(
        np.tile([[67, 60, 55, 48]], (20, 1)),
        name="page",
        time_signature="4/4",
        pickup=4,
        notation=Notation(
            (
                Bar(0, 4, "4/4", offset=12, number=0, repeat_begin=True, marks=("segno",)),
                Bar(4, 16, "4/4", 0, 1, repeat_end=3, endings=(1, 2), barline="double"),
            ),
            (KeySignature(0, -2, "dorian"), KeySignature(4, 1)),
            (Tempo(0, 104.5, "Lento"), Tempo(8, None, "rit.")),
            (Syllable(0, 0, 1, "Hö", "begin", True), Syllable(4, 3, 2, "re", "end")),
            np.arange(80).reshape(20, 4) % 12 - 4,
            composer="J. Crüger",
            lyricist="P. Gerhardt",
            arranger="N. N.",
            copyright="free",
        ),
    ),
    Chorale(
        np.tile([[67, 60, 55, 48]], (12, 1)),
        name="bars alone",
        time_signature="3/4",
        notation=Notation(regular_bars(12, "3/4")),
    ),
]


@pytest.mark.parametrize(
    "pieces", [PIECES, PIECES[:1], PIECES[2:], []], ids=["all", "one", "empty", "none"]
)
def test_chorales_come_back_as_they_were(tmp_path, pieces):
    for name in ("pieces.npz", "pieces"):
        save_chorales(pieces, tmp_path / name)
        assert load_chorales(tmp_path / name) == pieces
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pieces", "pieces.npz"]


def test_report_of_pieces_comes_back_with_them(tmp_path):
    report = pd.DataFrame(
        {"log_likelihood": [-1 / 3, -1e-9, np.nan, 0, 1], "resamplings": [0, 7, 2, 1, 0]},
        index=pd.Index(["bare", "full", "empty", "page", "bars alone"], name="piece"),
    )
    save_chorales(Pieces(PIECES, report), tmp_path / "pieces.npz")
    again = load_chorales(tmp_path / "pieces.npz")
    assert isinstance(again, Pieces) and list(again) == PIECES
    pd.testing.assert_frame_equal(again.report, report, check_exact=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[:-30],
        lambda whole: b"PK nothing",
        lambda whole: whole.replace(b"about.npy", b"aboot.npy"),
    ],
)
def test_torn_file_is_refused_by_name(tmp_path, damage):
    path = tmp_path / "pieces.npz"
    save_chorales(PIECES, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="pieces.npz holds no chorales, or is damaged"):
        load_chorales(path)


def test_file_with_a_pickle_in_it_is_refused_and_not_executed(tmp_path):
    np.savez(tmp_path / "pieces.npz", about=np.array([print], object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_chorales(tmp_path / "pieces.npz")


def test_no_file_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_chorales(tmp_path / "pieces.npz")


def test_one_chorale_is_saved_as_a_list_of_one_and_an_iterator_is_read_once(tmp_path):
    assert load_chorales(save_chorales(PIECES[1], tmp_path / "one.npz")) == PIECES[1:2]
    assert load_chorales(save_chorales(iter(PIECES), tmp_path / "all.npz")) == PIECES


@pytest.mark.parametrize("given", ["bwv66.6", None, [PIECES[0], "bwv66.6"]])
def test_what_are_no_chorales_is_refused_and_leaves_no_file(given, tmp_path):
    with pytest.raises(TypeError, match="expected a"):
        save_chorales(given, tmp_path / "pieces.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", [None, 7, PIECES[0]])
def test_what_is_no_file_name_is_refused_in_words(path):
    for function in (lambda: save_chorales(PIECES, path), lambda: load_chorales(path)):
        with pytest.raises(TypeError, match="got a.*: expected the name of a file"):
            function()


def test_file_from_before_there_was_a_notation_is_still_read(tmp_path):
    save_chorales(PIECES, tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as arrays:
        old = {name: arrays[name] for name in arrays if name != "spelling"}
    about = json.loads(str(old["about"]))
    for one in about:
        del one["notation"]
        one["known"] = [name for name in one["known"] if name != "spelling"]
    np.savez(tmp_path / "old.npz", **old | {"about": np.array(json.dumps(about))})
    read = load_chorales(tmp_path / "old.npz")
    assert [chorale.notation for chorale in read] == [None] * len(PIECES)
    assert read[:3] == PIECES[:3]
