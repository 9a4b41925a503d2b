"""The manifest: complete, without doubles, and what its script would make again."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils.chorale import Chorale
from chorale_utils.corpus.editions import PARTITIONS, load_corpus, read_manifest
from chorale_utils.corpus.jsb_split import COLUMNS, MATCH_THRESHOLD, align, match_pieces


@pytest.fixture(scope="module")
def manifest():
    return read_manifest()


def test_manifest_has_every_piece_of_the_archive_once(manifest):
    assert tuple(manifest.columns) == COLUMNS
    assert manifest["number"].tolist() == list(range(382))
    assert manifest["partition"].tolist() == ["train"] * 229 + ["valid"] * 76 + ["test"] * 77
    assert [
        manifest["jsb_steps"][manifest["partition"] == partition].sum() for partition in PARTITIONS
    ] == [55_228, 18_408, 18_900]


def test_at_least_364_pieces_are_matched_and_the_others_say_why_not(manifest):
    found = manifest["file"].notna()
    assert found.sum() >= 364
    assert (manifest["notes_agree"][found] >= MATCH_THRESHOLD).all()
    assert manifest["remark"][~found].str.contains("agrees in").all()
    assert (
        manifest.loc[~found, ["bwv", "title", "repeats", "notes_agree", "file_steps"]]
        .isna()
        .all(axis=None)
    )


def test_no_file_is_used_twice_and_so_none_in_two_partitions(manifest):
    assert not manifest["file"].dropna().duplicated().any()


def test_editions_agree_in_at_least_96_percent_of_all_notes(manifest):
    found = manifest.dropna(subset=["file"])
    assert np.average(found["notes_agree"], weights=found["jsb_steps"]) > 0.96
    assert np.average(found["steps_agree"], weights=found["jsb_steps"]) > 0.93
    assert (found["notes_agree"] > 0.9).mean() > 0.95


def test_every_file_of_the_manifest_is_in_music21(manifest):
    from music21.common import getCorpusFilePath

    assert all((getCorpusFilePath() / file).is_file() for file in manifest["file"].dropna())


def test_manifest_tells_the_near_copies_of_the_exact_edition_without_the_archive(manifest):
    assert manifest["likest_share"][:229].isna().all()
    copies = manifest[manifest["likest_share"] > 0.5]
    assert copies["partition"].tolist() == ["valid", "valid"]
    assert copies["likest"].str.startswith("jsb/train/").all()


def test_manifest_agrees_with_the_archive(manifest, jsb_corpus):
    as_in_the_files = load_corpus("music21", progress=False, errata=False)
    pieces = jsb_corpus.train + jsb_corpus.valid + jsb_corpus.test
    assert manifest["jsb_steps"].tolist() == [len(piece) for piece in pieces]
    for voices, column in (("all", "likest"), ("soprano", "likest_soprano")):
        for near in jsb_corpus.near_copies(voices).itertuples():
            row = manifest.iloc[int(near.name[-3:])]
            assert row[f"{column}_share"] == pytest.approx(near.share, abs=0.0006)
            assert near.share == 0 or row[column] == near.nearest
    for row in manifest.dropna(subset=["file"])[::10].itertuples():
        fit = align(
            pieces[row.number], as_in_the_files[row.file.removeprefix("bach/").rsplit(".", 1)[0]]
        )
        assert fit["notes_agree"] == pytest.approx(row.notes_agree, abs=0.0001)
        assert fit["steps_agree"] == pytest.approx(row.steps_agree, abs=0.0001)
        assert fit["transposition"] == row.transposition


PIECES = arrays(
    np.int64,
    st.tuples(st.integers(12, 40), st.just(4)),
    elements=st.integers(50, 70),
    fill=st.nothing(),
).map(Chorale)


@settings(deadline=None, max_examples=50)
@given(PIECES, st.integers(-7, 7))
def test_a_piece_agrees_with_itself_in_any_key(piece, semitones):
    fit = align(piece.transpose(semitones), piece)
    assert fit == {"transposition": semitones, "fit": 1, "notes_agree": 1, "steps_agree": 1}


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(12, 40), st.integers(1, 8))
def test_what_an_edition_lacks_counts_and_what_it_has_more_does_not(seed, steps, more):
    longer = Chorale(np.random.default_rng(seed).integers(36, 82, (steps + more, 4)))
    shorter = longer.excerpt(more, steps + more)
    assert align(shorter, longer)["notes_agree"] == 1
    assert align(shorter, longer)["fit"] == pytest.approx(1 - more / (4 * steps))
    assert align(longer, shorter)["steps_agree"] == pytest.approx(steps / (steps + more))


def test_a_repeat_in_the_middle_is_passed_over(music21_corpus):
    piece = music21_corpus["bwv66.6"]
    repeated = Chorale(np.vstack([piece.pitches[:68], piece.pitches[4:]]))
    assert align(piece, repeated)["notes_agree"] == 1


def test_a_file_goes_to_the_piece_that_it_fits_best_and_to_that_one_only():
    rng = np.random.default_rng(2)
    music, other = rng.integers(50, 70, (2, 60, 4))
    nearly = music.copy()
    nearly[30:34] += 1
    pieces = [
        Chorale(nearly, name="nearly"),
        Chorale(music, name="exactly"),
        Chorale(other, name="other"),
    ]
    readings = [
        ("once", Chorale(music, name="a.mxl")),
        ("taken", Chorale(np.vstack([music[:32], music]), name="a.mxl")),
    ]
    nearly, exactly, neither = match_pieces(pieces, readings)
    assert (exactly["file"], exactly["repeats"], exactly["notes_agree"]) == ("a.mxl", "once", 1)
    assert nearly == {"remark": "a.mxl agrees in 93% of the notes and is exactly"}
    assert "file" not in neither


def test_the_reading_is_chosen_whose_repeats_are_the_pieces():
    music = np.random.default_rng(3).integers(50, 70, (64, 4))
    taken = np.vstack([music[:32], music])
    readings = [("once", Chorale(music, name="a.mxl")), ("taken", Chorale(taken, name="a.mxl"))]
    assert match_pieces([Chorale(music)], readings)[0]["repeats"] == "once"
    assert match_pieces([Chorale(taken)], readings)[0]["repeats"] == "taken"
