"""Files are written whole or not at all."""

import pytest

from chorale_utils.files import write_atomically


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
