"""Files are written whole or not at all; chorales come back as they were."""

import numpy as np
import pandas as pd
import pytest

from chorale_utils import Chorale, Pieces, load_chorales, save_chorales
from chorale_utils.files import write_atomically

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
]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    def half(path):
        path.write_text("half")
        raise OSError("disk full")

    file = write_atomically(tmp_path / "deep" / "file.txt", lambda path: path.write_text("old"))
    with pytest.raises(OSError, match="disk full"):
        write_atomically(file, half)
    assert file.read_text() == "old"
    assert list(file.parent.iterdir()) == [file]


def test_the_temporary_name_has_the_suffix_that_writers_go_by(tmp_path):
    seen = []
    write_atomically(tmp_path / "piece.musicxml", lambda path: (seen.append(path), path.touch()))
    assert seen[0].suffix == ".musicxml" and seen[0] != tmp_path / "piece.musicxml"


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
        {"log_likelihood": [-1 / 3, -1e-9, np.nan], "resamplings": [0, 7, 2]},
        index=pd.Index(["bare", "full", "empty"], name="piece"),
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
    with pytest.raises(ValueError, match="pieces.npz holds no chorales, or is torn"):
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
