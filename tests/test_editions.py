"""The two editions: the facts about them, and what must be refused on the way in."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import BESIDE_THE_CHECKOUT, archive_places

from chorale_utils.chorale import Chorale
from chorale_utils.corpus import editions
from chorale_utils.corpus.editions import (
    JSB_SHA256,
    PARTITIONS,
    Corpus,
    cache_folder,
    corpus_fingerprint,
    load_corpus,
    parse_music21,
    read_manifest,
)
from chorale_utils.notation.reading import from_score

GOOD = "note0,note1,note2,note3\n74,70,65,58\n74,70,65,58\n75,70,58,55\n"
LINES = 4


def write_folder(folder, **texts):
    """An archive's folder with one good chorale in each partition, but for those given by name."""
    for partition in PARTITIONS:
        (folder / partition).mkdir(parents=True)
        (folder / partition / "chorale_000.csv").write_bytes(texts.get(partition, GOOD).encode())
    return folder


def write_archive(path, members):
    """A tar archive of (name or TarInfo, text) pairs."""
    with tarfile.open(path, "w:gz") as tar:
        for name, text in members:
            member = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return path


def good_members():
    return [(f"{partition}/chorale_000.csv", GOOD) for partition in PARTITIONS]


# The exact edition


def test_exact_edition_has_its_pieces_steps_and_names(jsb_corpus):
    assert [len(getattr(jsb_corpus, partition)) for partition in PARTITIONS] == [229, 76, 77]
    assert [sum(map(len, getattr(jsb_corpus, partition))) for partition in PARTITIONS] == [
        55_228,
        18_408,
        18_900,
    ]
    assert [
        piece.name for piece in (jsb_corpus.train[3], jsb_corpus.valid[0], jsb_corpus.test[0])
    ] == ["jsb/train/chorale_003", "jsb/valid/chorale_229", "jsb/test/chorale_305"]
    assert repr(jsb_corpus) == "Corpus('jsb': 229 train, 76 valid, 77 test)"


def test_exact_edition_keeps_within_its_range_and_lengths(jsb_corpus):
    pieces = jsb_corpus.train + jsb_corpus.valid + jsb_corpus.test
    notes = np.concatenate([piece.pitches for piece in pieces])
    assert (notes[notes > 0].min(), notes.max()) == (36, 81)
    assert (min(map(len, pieces)), max(map(len, pieces))) == (100, 640)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_exact_edition_repeats_the_note_before_in_77_to_79_percent(jsb_corpus, partition):
    pieces = getattr(jsb_corpus, partition)
    repeated = np.concatenate(
        [(piece.pitches[1:] == piece.pitches[:-1]).ravel() for piece in pieces]
    )
    assert 0.77 <= repeated.mean() <= 0.79


@pytest.mark.parametrize("voices, valid, test", [("all", 2, 0), ("soprano", 20, 31)])
def test_exact_edition_has_its_near_copies_and_can_leave_them_out(jsb_corpus, voices, valid, test):
    table = jsb_corpus.near_copies(voices)
    copies = table[table["share"] > 0.5].groupby("partition").size().to_dict()
    assert (copies.get("valid", 0), copies.get("test", 0)) == (valid, test)
    without = jsb_corpus.without_near_copies(voices)
    assert (len(without.train), len(without.valid), len(without.test)) == (
        229,
        76 - valid,
        77 - test,
    )
    assert (without.near_copies(voices)["share"] <= 0.5).all()


def test_archive_is_found_where_the_environment_says(jsb_archive, jsb_corpus, monkeypatch):
    monkeypatch.setenv("JSB_CHORALES", str(jsb_archive))
    assert load_corpus("jsb").test == jsb_corpus.test


def test_archive_is_found_in_the_cache_without_a_download(
    jsb_archive, jsb_corpus, monkeypatch, tmp_path
):
    monkeypatch.delenv("JSB_CHORALES", raising=False)
    monkeypatch.setenv("CHORALE_UTILS_CACHE", str(tmp_path))
    (tmp_path / "jsb_chorales.tgz").write_bytes(jsb_archive.read_bytes())
    monkeypatch.setattr("pooch.retrieve", None)
    assert load_corpus("jsb").valid == jsb_corpus.valid


def test_torn_archive_in_the_cache_is_fetched_again_and_checked(jsb_archive, monkeypatch, tmp_path):
    monkeypatch.delenv("JSB_CHORALES", raising=False)
    monkeypatch.setenv("CHORALE_UTILS_CACHE", str(tmp_path))
    (tmp_path / "jsb_chorales.tgz").write_bytes(jsb_archive.read_bytes()[:-100])

    def retrieve(url, known_hash, fname, path, progressbar):
        assert (known_hash, fname, path) == (JSB_SHA256, "jsb_chorales.tgz", tmp_path)
        (path / fname).write_bytes(jsb_archive.read_bytes())
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    assert len(load_corpus("jsb", progress=False).train) == 229


def test_tests_look_for_the_archive_where_the_environment_says_beside_the_checkout_and_in_the_cache(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("CHORALE_UTILS_CACHE", str(tmp_path))
    monkeypatch.setenv("JSB_CHORALES", str(tmp_path / "said.tgz"))
    usual = [BESIDE_THE_CHECKOUT, tmp_path / "jsb_chorales.tgz"]
    assert archive_places() == [tmp_path / "said.tgz", *usual]
    monkeypatch.delenv("JSB_CHORALES")
    assert archive_places() == usual


# What tells an edition from any other


def test_fingerprint_is_that_of_the_archive_or_folder_that_would_be_read(tmp_path, monkeypatch):
    archive = write_archive(tmp_path / "own.tgz", good_members())
    monkeypatch.setenv("JSB_CHORALES", str(archive))
    assert corpus_fingerprint("jsb") == {"sha256": hashlib.sha256(archive.read_bytes()).hexdigest()}
    found = {}
    longer = {"valid": GOOD + "75,70,58,55\n"}
    for name, texts in {"one": {}, "same": {}, "other": longer}.items():
        monkeypatch.setenv("JSB_CHORALES", str(write_folder(tmp_path / name, **texts)))
        (found[name],) = corpus_fingerprint("jsb").items()
    assert found["one"] == found["same"] != found["other"]
    assert found["one"][0] == "folder_sha256" and found["one"][1] != JSB_SHA256
    (tmp_path / "one" / "test" / "chorale_000.csv").rename(
        tmp_path / "one" / "test" / "chorale_001.csv"
    )
    monkeypatch.setenv("JSB_CHORALES", str(tmp_path / "one"))
    assert corpus_fingerprint("jsb") != dict([found["one"]])


def test_fingerprint_of_what_a_download_would_bring_is_known_without_it(tmp_path, monkeypatch):
    monkeypatch.delenv("JSB_CHORALES", raising=False)
    monkeypatch.setenv("CHORALE_UTILS_CACHE", str(tmp_path))
    monkeypatch.setattr("pooch.retrieve", None)
    assert corpus_fingerprint("jsb") == {"sha256": JSB_SHA256}
    (tmp_path / "jsb_chorales.tgz").write_bytes(b"torn")  # load_corpus fetches it again
    assert corpus_fingerprint("jsb") == {"sha256": JSB_SHA256}


def test_fingerprint_of_the_exact_archive_is_the_known_one(jsb_archive, monkeypatch):
    monkeypatch.setenv("JSB_CHORALES", str(jsb_archive))
    assert corpus_fingerprint("jsb") == {"sha256": JSB_SHA256}


def test_fingerprint_of_what_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("JSB_CHORALES", str(tmp_path / "no.tgz"))
    with pytest.raises(FileNotFoundError, match=r"JSB_CHORALES=.*no\.tgz' does not exist"):
        corpus_fingerprint("jsb")
    with pytest.raises(ValueError, match="edition 'bach'"):
        corpus_fingerprint("bach")


# Archives and folders of one's own


def test_own_folder_and_own_archive_are_read_alike(tmp_path):
    folder = write_folder(tmp_path / "own")
    archive = write_archive(tmp_path / "own.tgz", good_members())
    from_folder, from_archive = (
        load_corpus("jsb", path=folder),
        load_corpus("jsb", path=archive, known_hash=None),
    )
    assert from_folder == from_archive
    assert from_folder.test[0] == Chorale(
        [[74, 70, 65, 58], [74, 70, 65, 58], [75, 70, 58, 55]], name="jsb/test/chorale_000"
    )


def test_reading_an_archive_leaves_nothing_on_disk(tmp_path):
    archive = write_archive(tmp_path / "own.tgz", good_members())
    load_corpus("jsb", path=archive, known_hash=None)
    assert list(tmp_path.iterdir()) == [archive]


def test_another_hash_is_an_error_that_names_file_and_both_hashes(tmp_path):
    archive = write_archive(tmp_path / "own.tgz", good_members())
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(ValueError, match=rf"own\.tgz: SHA-256 {found}: expected {JSB_SHA256}"):
        load_corpus("jsb", path=archive)
    assert len(load_corpus("jsb", path=archive, known_hash=found).test) == 1


def test_hash_is_checked_where_the_environment_gives_the_archive(tmp_path, monkeypatch):
    monkeypatch.setenv("JSB_CHORALES", str(write_archive(tmp_path / "own.tgz", good_members())))
    with pytest.raises(ValueError, match="SHA-256"):
        load_corpus("jsb")


@pytest.mark.parametrize("said", [True, False])
def test_an_empty_path_is_an_error_and_no_fall_through(said, tmp_path, monkeypatch):
    monkeypatch.setattr("pooch.retrieve", None)
    monkeypatch.setenv("JSB_CHORALES", str(write_folder(tmp_path / "own")) if said else "")
    with pytest.raises(FileNotFoundError, match="path='' does not exist: expected jsb_chorales"):
        load_corpus("jsb", path="")


@pytest.mark.parametrize("origin", ["path", "JSB_CHORALES"])
def test_a_named_place_that_does_not_exist_is_an_error_and_no_fall_through(
    origin, tmp_path, monkeypatch
):
    missing = str(tmp_path / "no" / "such.tgz")
    monkeypatch.setattr("pooch.retrieve", None)
    monkeypatch.setenv("JSB_CHORALES", missing if origin == "JSB_CHORALES" else "")
    with pytest.raises(FileNotFoundError, match=rf"{origin}=.*such\.tgz' does not exist"):
        load_corpus("jsb", path=missing if origin == "path" else None)


def test_without_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("JSB_CHORALES", raising=False)
    monkeypatch.setenv("CHORALE_UTILS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(editions, "JSB_URL", "http://127.0.0.1:9/jsb_chorales.tgz")
    with pytest.raises(
        ConnectionError, match="could not be downloaded .*JSB_CHORALES.*load_corpus\\('music21'\\)"
    ):
        load_corpus("jsb", progress=False)
    assert not list(tmp_path.rglob("*.tgz"))


def link(name, kind):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member, ""


@pytest.mark.parametrize(
    "member",
    [
        ("../train/chorale_001.csv", GOOD),
        ("train/../../chorale_001.csv", GOOD),
        ("/train/chorale_001.csv", GOOD),
        link("train/chorale_001.csv", tarfile.SYMTYPE),
        link("train/chorale_001.csv", tarfile.LNKTYPE),
    ],
    ids=["up", "up within", "absolute", "symbolic link", "hard link"],
)
def test_members_outside_the_archive_are_refused(member, tmp_path):
    archive = write_archive(tmp_path / "bad.tgz", [*good_members(), member])
    with pytest.raises(ValueError, match=r"bad\.tgz:.*chorale_001\.csv: expected plain files"):
        load_corpus("jsb", path=archive, known_hash=None)


@pytest.mark.parametrize("keep", [0, 1, 60, -10])
def test_torn_archive_is_an_error_that_names_it(keep, tmp_path):
    archive = write_archive(tmp_path / "own.tgz", good_members())
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"own\.tgz: (not a tar archive|no CSV in)"):
        load_corpus("jsb", path=archive, known_hash=None)


@pytest.mark.parametrize("partition", PARTITIONS)
def test_missing_partition_is_an_error_that_names_it(partition, tmp_path):
    archive = write_archive(
        tmp_path / "own.tgz", [pair for pair in good_members() if not pair[0].startswith(partition)]
    )
    with pytest.raises(
        ValueError, match=rf"own\.tgz: no CSV in {partition}/: expected train/, valid/ and test/"
    ):
        load_corpus("jsb", path=archive, known_hash=None)


@pytest.mark.parametrize(
    "row, message",
    [
        ("74,70,65", "'74,70,65': expected four integers"),
        ("74,70,65,58,50", ".*: expected four integers"),
        ("74,70,x,58", ".*: expected four integers"),
        ("74,70,65.0,58", ".*: expected four integers"),
        ("", "'': expected four integers"),
        ("74,70,65,35", "note 35, bass: expected 0 .silence. or 36..81"),
        ("82,70,65,58", "note 82, soprano: expected"),
        ("74,-1,65,58", "note -1, alto: expected"),
    ],
)
@pytest.mark.parametrize("header", [True, False])
def test_bad_row_is_an_error_that_names_file_and_line(row, message, header, tmp_path):
    lines = GOOD.splitlines()[not header :]
    lines.insert(3, row)
    folder = write_folder(tmp_path / "own", valid="\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=rf"valid/chorale_000\.csv, line 4: {message}"):
        load_corpus("jsb", path=folder)


@pytest.mark.parametrize("text", ["", "note0,note1,note2,note3\n"])
def test_empty_file_is_an_error_that_names_it(text, tmp_path):
    with pytest.raises(ValueError, match=r"test/chorale_000\.csv: no notes"):
        load_corpus("jsb", path=write_folder(tmp_path / "own", test=text))


@pytest.mark.parametrize(
    "edition, message",
    [
        ("bach", "edition 'bach': expected one of 'music21', 'jsb'$"),
        ("muisc21", "edition 'muisc21': expected one of .*: did you mean 'music21'"),
        ("JSB", "edition 'JSB': expected one of .*: did you mean 'jsb'"),
        (None, "edition None: expected one of"),
        ("mine.tgz", r"load_corpus\('jsb', path='mine.tgz'\)"),
        (Path("mine"), r"load_corpus\('jsb', path='mine'\)"),
    ],
)
def test_an_unknown_edition_is_an_error_that_says_what_is_expected(edition, message):
    for ask in (load_corpus, corpus_fingerprint):
        with pytest.raises(ValueError, match=message):
            ask(edition)


def test_a_path_to_the_music21_edition_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="the music21 edition is part of the music21 package"):
        load_corpus(path=tmp_path)


# The music21 edition


def test_music21_edition_follows_the_manifest(music21_corpus):
    manifest = read_manifest().dropna(subset=["file"])
    for partition in PARTITIONS:
        expected = manifest[manifest["partition"] == partition]
        pieces = getattr(music21_corpus, partition)
        assert [f"bach/{piece.name}" for piece in pieces] == [
            Path(file).with_suffix("").as_posix() for file in expected["file"]
        ]
        assert [piece.bwv for piece in pieces] == expected["bwv"].tolist()
        assert [len(piece) for piece in pieces] == expected["file_steps"].tolist()
    assert (
        min(
            len(music21_corpus.train) / 229,
            len(music21_corpus.valid) / 76,
            len(music21_corpus.test) / 77,
        )
        > 0.95
    )


def test_music21_edition_knows_what_the_exact_one_does_not(music21_corpus):
    piece = music21_corpus["bwv66.6"]
    assert (piece.bwv, piece.key, piece.time_signature, piece.pickup) == (
        "66.6",
        "f# minor",
        "4/4",
        4,
    )
    pieces = music21_corpus.train + music21_corpus.valid + music21_corpus.test
    assert all(piece.key and piece.time_signature and piece.onsets is not None for piece in pieces)
    assert sum(piece.fermatas.any() for piece in pieces) >= 0.98 * len(pieces)
    assert sum(piece.title is not None for piece in pieces) >= 300


def test_pieces_that_end_on_the_relative_minor_of_the_major_that_their_file_states_are_in_minor(
    music21_corpus,
):
    from music21 import corpus, key

    from chorale_utils.notation.key import find_key

    keys = {
        "bwv245.3": "g minor",
        "bwv384": "c minor",
        "bwv274": "g minor",
        "bwv65.2": "a minor",
        "bwv33.6": "a minor",
        "bwv166.6": "g minor",
    }
    assert {name: music21_corpus[name].key for name in keys} == keys
    for name, minor in keys.items():
        tonic = key.Key(*minor.split()).tonic.pitchClass
        assert (
            music21_corpus[name].pitches[-1, 3] % 12 == tonic
            and find_key(music21_corpus[name]) == minor
        )
    assert (
        from_score(corpus.parse("bach/bwv384")).key == "E- major"
    )  # what a file states is otherwise believed
    ends_in_minor = [
        piece.name
        for partition in PARTITIONS
        for piece in getattr(music21_corpus, partition)
        if piece.key.endswith("major")
        and piece.notes(3)[-1, 2] % 12 == key.Key(*piece.key.split()).relative.tonic.pitchClass
    ]
    assert ends_in_minor == []


def test_music21_edition_keeps_within_the_range_of_the_exact_one(music21_corpus):
    notes = np.concatenate(
        [
            piece.pitches
            for piece in music21_corpus.train + music21_corpus.valid + music21_corpus.test
        ]
    )
    assert (notes[notes > 0].min(), notes.max()) == (36, 81)


def test_every_chorale_is_found_by_its_name_and_by_its_bwv_number(music21_corpus):
    for chorale in music21_corpus:
        assert music21_corpus[chorale.name] is chorale
        for number in (chorale.bwv, f"BWV {chorale.bwv}", f"bwv{chorale.bwv}"):
            assert music21_corpus[number] is chorale and number in music21_corpus
    assert "9999" not in music21_corpus and "jsb/test/chorale_305" not in music21_corpus


@pytest.mark.parametrize("name", ["bwv66.7", "66.7", "BWV 66.7"])
def test_an_unknown_name_is_an_error_that_suggests_near_ones(name, music21_corpus):
    with pytest.raises(
        KeyError, match=f"no chorale named '{name}' in the 'music21' edition: did .*'bwv66.6'"
    ):
        music21_corpus[name]


def test_a_bwv_number_that_several_have_is_an_error_that_names_them():
    held = np.full((8, 4), 60)
    one, other = (Chorale(held, name=name, bwv="1.6") for name in ("first", "second"))
    corpus = Corpus(train=[one], valid=[other], test=[Chorale(held, name="1.7", bwv="1.8")])
    with pytest.raises(KeyError, match="'1.6' is the number of 'first', 'second': expected one"):
        corpus["1.6"]
    assert corpus["second"] is other and "1.6" in corpus
    assert corpus["1.7"] is corpus["1.8"], "a name goes before a number"
    assert "untitled" not in corpus


@pytest.mark.parametrize("wrong", [0, 66.6, None, slice(3)])
def test_a_place_in_a_corpus_is_an_error_that_says_where_places_are(wrong, music21_corpus):
    with pytest.raises(TypeError, match="expected a chorale's name or BWV number.*corpus.train"):
        music21_corpus[wrong]


def test_a_corpus_is_its_partitions_in_order(music21_corpus):
    pieces = music21_corpus.train + music21_corpus.valid + music21_corpus.test
    assert list(music21_corpus) == pieces and len(music21_corpus) == len(pieces)
    assert pieces[-1] in music21_corpus and Chorale(np.full((8, 4), 60)) not in music21_corpus


def test_a_partition_may_be_one_chorale_or_any_iterable_but_nothing_else():
    one = Chorale(np.full((8, 4), 60))
    corpus = Corpus(train=one, valid=(piece for piece in [one]), test=[])
    assert (corpus.train, corpus.valid, corpus.test) == ([one], [one], [])
    with pytest.raises(TypeError, match=r"valid: got a str \('mine'\): expected a Chorale"):
        Corpus(train=one, valid="mine", test=[])


@pytest.fixture
def small_edition(tmp_path, monkeypatch):
    """A manifest of three files, and an empty cache folder (Path)."""
    lines = editions.MANIFEST.read_text(encoding="utf-8").splitlines()
    chosen = [
        next(line for line in lines if line.startswith(f"{partition},") and "/bwv" in line)
        for partition in PARTITIONS
    ]
    manifest = tmp_path / "split.csv"
    manifest.write_text("\n".join([lines[0], *chosen]) + "\n", encoding="utf-8")
    monkeypatch.setattr(editions, "MANIFEST", manifest)
    monkeypatch.setenv("CHORALE_UTILS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def parsed_here(monkeypatch):
    """Parsing in this process: sooner, for three files."""
    monkeypatch.setattr(
        editions,
        "parse_music21",
        lambda tasks, progress: [editions._parse_task(task) for task in tasks],
    )


def test_second_load_comes_from_the_cache_and_is_the_same(small_edition, monkeypatch, capsys):
    first = load_corpus()
    assert "Parsing" in capsys.readouterr().out
    assert [file.suffix for file in small_edition.iterdir()] == [".npz"]
    monkeypatch.setattr(editions, "parse_music21", None)
    assert load_corpus() == first
    assert capsys.readouterr().out == ""
    assert not any(
        array.flags.writeable
        for array in (first.test[0].pitches, first.test[0].onsets, first.test[0].fermatas)
    )


@pytest.mark.parametrize(
    "tear",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"",
        lambda whole: whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
    ],
)
def test_torn_cache_is_noticed_and_made_anew(tear, small_edition, parsed_here):
    first = load_corpus(progress=False)
    (file,) = small_edition.iterdir()
    file.write_bytes(tear(file.read_bytes()))
    with pytest.warns(UserWarning, match=r"\.npz is damaged .*: parsing the corpus again"):
        assert load_corpus(progress=False) == first
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_corpus(progress=False) == first


def test_cache_is_for_one_manifest_and_one_music21(small_edition, monkeypatch):
    before = editions._cache_file()
    monkeypatch.setattr(editions, "version", lambda package: "99.0")
    another_music21 = editions._cache_file()
    monkeypatch.undo()
    assert len({before, another_music21, cache_folder() / editions._cache_file().name}) == 3


def test_interrupted_writing_leaves_no_cache_behind(small_edition, parsed_here, monkeypatch):
    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.warns(UserWarning, match="could not be written .disk full."):
        assert len(load_corpus(progress=False).train) == 1
    assert list(small_edition.iterdir()) == []


def test_a_script_without_a_main_guard_can_load_the_corpus(small_edition, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "print('begins')\nfrom chorale_utils.corpus import editions\nfrom pathlib import Path\n"
        f"editions.MANIFEST = Path({str(tmp_path / 'split.csv')!r})\n"
        "print(editions.load_corpus(progress=False))\n"
    )
    run = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert run.stdout.splitlines() == ["begins", "Corpus('music21': 1 train, 1 valid, 1 test)"]
    assert run.stderr == ""


# What it costs


def test_the_cached_edition_is_loaded_without_music21_pandas_pooch_or_tensorflow(music21_corpus):
    heavy = ("music21", "pandas", "pooch", "tensorflow", "keras", "matplotlib")
    code = (
        "import sys, chorale_utils; chorale_utils.load_corpus(); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert run.stdout.strip() == "[]"


def test_parsed_chorales_are_named_as_asked_and_read_only():
    (chorale,) = parse_music21(
        [{"file": "bach/bwv66.6.mxl", "name": "mine", "bwv": "66.6"}], progress=False, workers=1
    )
    assert (chorale.name, chorale.bwv) == ("mine", "66.6")
    assert not chorale.pitches.flags.writeable


def test_near_copies_are_found_in_any_key_and_left_out():
    rng = np.random.default_rng(1)
    one, two, new = (
        Chorale(rng.integers(50, 70, (64, 4)), name=name) for name in ("one", "two", "new")
    )
    copy = Chorale(np.vstack([two.transpose(3).pitches[:40], new.pitches[:20]]), name="copy")
    corpus = Corpus(train=[one, two], valid=[copy], test=[new])
    table = corpus.near_copies()
    assert table[["partition", "name"]].values.tolist() == [["valid", "copy"], ["test", "new"]]
    assert table["nearest"][0] == "two" and table["share"].tolist() == [25 / 45, 0]
    assert table["nearest"].isna().tolist() == [False, True]
    without = corpus.without_near_copies()
    assert (without.train, without.valid, without.test) == ([one, two], [], [new])
    assert corpus.without_near_copies(more_than=0.6).valid == [copy]


def test_near_copies_of_no_training_pieces_are_an_error_in_words():
    corpus = Corpus(train=[], valid=[Chorale(np.full((32, 4), 60))], test=[])
    for ask in (corpus.near_copies, corpus.without_near_copies):
        with pytest.raises(
            ValueError,
            match=r"Corpus\('own': 0 train, 1 valid, 0 test\) has no training pieces: expected",
        ):
            ask()


@pytest.mark.parametrize("steps", [0, 1.5])
def test_near_copies_of_no_length_are_an_error(steps, music21_corpus):
    with pytest.raises(ValueError, match=f"passages of {steps} steps: expected a whole number"):
        music21_corpus.near_copies(steps=steps)


def test_a_corpus_that_someone_put_together_is_neither_edition():
    assert Corpus(train=[], valid=[], test=[]).edition not in editions.EDITIONS
