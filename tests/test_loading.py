"""A user's own files: MIDI, MusicXML, kern and CSV, read by their suffix, or refused by name."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from chorale_utils.chorale import Chorale
from chorale_utils.notation.loading import load_chorale, load_melody
from chorale_utils.notation.midi import write_midi
from chorale_utils.notation.reading import from_score
from chorale_utils.notation.score_files import write_score

ROWS = arrays(
    np.int64,
    st.tuples(st.integers(1, 30), st.just(4)),
    elements=st.one_of(st.just(0), st.integers(1, 127)),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.booleans(), st.sampled_from(["\n", "\r\n"]), st.sampled_from([",", ", "]))
def test_csv_of_four_columns_is_read_with_and_without_a_header(
    tmp_path, rows, header, ending, comma
):
    lines = ["soprano,alto,tenor,bass"] * header + [comma.join(map(str, row)) for row in rows]
    path = tmp_path / "mine.csv"
    path.write_bytes(ending.join(lines).encode())
    assert load_chorale(path) == Chorale(rows, name="mine")


def test_csv_with_a_wrong_note_is_an_error_that_names_line_and_voice(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("60,55,52,48\n60,55,128,48\n")
    with pytest.raises(
        ValueError, match=r"mine\.csv, line 2: note 128, tenor: expected 0 .silence. or 1..127"
    ):
        load_chorale(path)


@pytest.mark.parametrize("name", ["bwv66.6", "bwv269", "bwv123.6"])  # the first has no title
@pytest.mark.parametrize("suffix", [".musicxml", ".mid"])
def test_a_real_chorale_written_to_a_file_is_read_back(name, suffix, music21_corpus, tmp_path):
    wanted = music21_corpus[name]
    path = tmp_path / f"{name}{suffix}"
    (write_midi if suffix == ".mid" else write_score)(wanted, path)
    chorale = load_chorale(path)
    for grid in ("pitches", "struck"):
        np.testing.assert_array_equal(getattr(chorale, grid), getattr(wanted, grid))
    assert (chorale.time_signature, chorale.pickup) == (wanted.time_signature, wanted.pickup)
    if suffix == ".musicxml":
        assert chorale.title == wanted.title


@pytest.mark.parametrize("staves", [2, 4])
@pytest.mark.parametrize("sung", [(), (0, 2)])
@pytest.mark.parametrize("steps, pickup", [(1, 0), (16, 0), (30, 0), (36, 4)])
def test_silence_written_to_musicxml_is_read_back(staves, sung, steps, pickup, tmp_path):
    pitches = np.zeros((steps, 4), int)
    pitches[:, list(sung)] = 60
    wanted = Chorale(pitches, name="silence", title="Rests", time_signature="4/4", pickup=pickup)
    chorale = load_chorale(write_score(wanted, tmp_path / "silence.musicxml", staves=staves))
    np.testing.assert_array_equal(chorale.pitches, wanted.pitches)
    np.testing.assert_array_equal(chorale.struck, wanted.struck)
    assert (chorale.title, chorale.time_signature) == ("Rests", "4/4")
    assert steps < 16 or chorale.pickup == pickup


def test_the_title_is_that_of_the_work_or_else_of_the_movement_and_none_where_music21_filled_it_in(
    tmp_path,
):
    from music21 import metadata, note, stream

    for titles, expected in (
        ({"title": "Work", "movementName": "Movement"}, "Work"),
        ({"movementName": "Movement"}, "Movement"),
        ({}, None),
    ):
        score = stream.Score([stream.Part([note.Note(60, quarterLength=4)]) for _ in range(4)])
        score.metadata = metadata.Metadata(**titles)
        score.write("musicxml", tmp_path / "mine.musicxml")
        assert load_chorale(tmp_path / "mine.musicxml").title == expected


def test_musicxml_is_read_as_music21_reads_it(tmp_path):
    from music21 import corpus

    corpus.parse("bach/bwv66.6").write("musicxml", tmp_path / "mine.musicxml")
    chorale = load_chorale(tmp_path / "mine.musicxml")
    wanted = from_score(corpus.parse("bach/bwv66.6"), name="mine")
    np.testing.assert_array_equal(chorale.pitches[: len(wanted)], wanted.pitches)
    assert not chorale.pitches[len(wanted) :].any()  # music21 fills the last bar with a rest
    assert (chorale.name, chorale.key, chorale.pickup) == ("mine", "f# minor", 4)


def test_kern_is_read():
    from music21.common import getCorpusFilePath

    chorale = load_chorale(getCorpusFilePath() / "bach" / "bwv277.krn")
    assert (chorale.name, chorale.key, chorale.time_signature) == ("bwv277", "a minor", "4/4")
    assert chorale.pitches[:, 0].max() < 82 and (chorale.pitches[0] > 0).all()


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("mine.pdf", b"", r"mine\.pdf: \.pdf: expected \.mid"),
        ("mine", b"", "no suffix: expected"),
        ("mine.musicxml", b"<score-partwise><part", r"mine\.musicxml: music21 cannot read it"),
        ("mine.mxl", b"PK no zip", r"mine\.mxl: music21 cannot read it"),
        ("mine.csv", b"\xff\xfe\x00", r"mine\.csv: not a text file"),
    ],
)
def test_other_and_damaged_files_are_errors_that_name_the_file(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_chorale(tmp_path / name)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mine\.mid: no such file"):
        load_chorale(tmp_path / "mine.mid")


@pytest.mark.parametrize("suffix", [".mid", ".musicxml", ".mxl"])
def test_a_melody_written_to_a_file_is_read_back(suffix, tmp_path):
    tune = Chorale([[67, 0, 0, 0]] * 8 + [[69, 0, 0, 0]] * 8, name="tune", time_signature="4/4")
    if suffix == ".mid":
        path = write_midi(tune, tmp_path / "tune.mid")
    else:
        from music21 import note, stream

        path = tmp_path / f"tune{suffix}"
        stream.Part([note.Note(67, quarterLength=2), note.Note(69, quarterLength=2)]).write(
            suffix[1:], path
        )
    melody = load_melody(path)
    np.testing.assert_array_equal(melody.pitches, tune.pitches)
    assert melody.name == "tune"


@pytest.mark.parametrize("load", [load_chorale, load_melody])
@pytest.mark.parametrize("given", [None, 7, Chorale([[72, 67, 64, 48]]), ["C5", "D5"]])
def test_what_is_no_file_name_is_refused_in_words(load, given):
    with pytest.raises(TypeError, match="got an? .*: expected the name of a file with MIDI"):
        load(given)


def test_a_chorale_of_the_corpus_is_not_a_file_and_the_error_says_where_it_is():
    with pytest.raises(FileNotFoundError, match=r"load_corpus\(\)\['bwv66.6'\] finds"):
        load_chorale("bwv66.6")


def test_a_melody_of_another_kind_is_an_error_that_names_the_kinds(tmp_path):
    (tmp_path / "tune.csv").write_text("67,0,0,0\n")
    with pytest.raises(ValueError, match=r"tune\.csv: \.csv: expected \.mid, .*\.krn"):
        load_melody(tmp_path / "tune.csv")


def test_part_and_repeats_are_chosen_where_the_file_has_them(tmp_path):
    from music21 import bar, note, stream

    bars = [stream.Measure([note.Note(name, quarterLength=4)]) for name in ("C5", "D5")]
    bars[1].rightBarline = bar.Repeat(direction="end")
    other = stream.Part([stream.Measure([note.Note("E4", quarterLength=4)]) for _ in range(2)])
    score = stream.Score([stream.Part(bars), other])
    for number, one in enumerate(score.parts):
        one.partName = ("Tune", "Organ")[number]
    score.write("musicxml", tmp_path / "x.musicxml")
    assert load_melody(tmp_path / "x.musicxml", part=2).pitches[0, 0] == 64
    read = load_melody(tmp_path / "x.musicxml", part="Tune", repeats="played")
    assert read.pitches[::16, 0].tolist() == [72, 74, 72, 74]


@pytest.mark.parametrize("load", [load_chorale, load_melody])
def test_repeats_that_are_neither_written_nor_played_are_refused(load, tmp_path):
    with pytest.raises(ValueError, match="repeats 'all': expected one of 'written', 'played'"):
        load(tmp_path / "x.mid", repeats="all")


def test_csv_has_no_parts(tmp_path):
    (tmp_path / "x.csv").write_text("72,67,64,48\n")
    with pytest.raises(ValueError, match="part 2: a CSV has no parts to choose from"):
        load_chorale(tmp_path / "x.csv", part=2)


def test_title_that_is_also_the_name_of_the_file_is_a_title(tmp_path):
    from music21 import metadata, note, stream

    score = stream.Score([stream.Part([note.Note("C5")])])
    for title, expected in (("Amazing Grace", "Amazing Grace"), ("tune_07", None)):
        score.metadata = metadata.Metadata(title=title)
        score.write("musicxml", tmp_path / f"{title}.musicxml")
        assert load_melody(tmp_path / f"{title}.musicxml").title == expected


@pytest.mark.parametrize("load", [load_chorale, load_melody])
def test_suffix_of_another_format_is_named_and_so_is_an_empty_file(tmp_path, load):
    chorale = Chorale([[72, 67, 64, 48]] * 16)
    midi = write_midi(chorale, tmp_path / "a.mid").read_bytes()
    score = write_score(chorale, tmp_path / "a.musicxml").read_bytes()
    packed = write_score(chorale, tmp_path / "a.mxl").read_bytes()
    for content, kind, wrong, right in (
        (midi, "MIDI", "musicxml", "mid"),
        (score, "MusicXML", "mid", "musicxml"),
        (score, "MusicXML", "krn", "musicxml"),
        (packed, "packed MusicXML", "xml", "mxl"),
        (b"!!!OTL: x\n**kern\n*-\n", "kern", "mxl", "krn"),
    ):
        file = tmp_path / f"tune.{wrong}"
        file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"tune.{wrong}: it looks like {kind}: .* \.{right}$"):
            load(file)
        file.write_bytes(b"")
        with pytest.raises(ValueError, match=rf"tune.{wrong}: the file is empty"):
            load(file)
