"""The commands for musicians, as they are typed."""

import json
import os
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from music21 import converter, note, stream

from chorale_utils import (
    RULES,
    Chorale,
    Notation,
    Syllable,
    load_chorale,
    load_melody,
    save_model,
    write_midi,
    write_score,
)
from chorale_utils.command import main
from chorale_utils.judging.counterpoint import RANGES
from chorale_utils.part_writing.examples import read_voices

TUNE = [72, 74, 76, 77, 79, 77, 76, 74, 72, 71, 72, 72]
SCALE = np.repeat(TUNE, 4)
FIFTHS = np.repeat([[72, 67, 64, 48], [74, 69, 62, 50]], 4, axis=0)
CLEAN = np.repeat([[72, 67, 64, 48], [71, 67, 62, 55], [72, 67, 64, 48]], 4, axis=0)


@pytest.fixture(scope="module")
def model(small_chord_gru, tmp_path_factory):
    """The path (str) of a small model, which writes as fast as it has learnt nothing."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    save_model(small_chord_gru, path)
    return str(path)


@pytest.fixture
def tune(tmp_path):
    """A MusicXML file with a tune in 3/4, words under it, and three silent voices."""
    pitches = np.zeros((len(SCALE), 4), int)
    pitches[:, 0] = SCALE
    onsets = np.zeros(pitches.shape, bool)
    onsets[::4, 0] = True
    words = tuple(Syllable(4 * number, 0, 1, "la") for number in range(len(TUNE)))
    chorale = Chorale(
        pitches,
        title="A scale",
        key="C major",
        time_signature="3/4",
        onsets=onsets,
        notation=Notation(words=words),
    )
    return str(write_score(chorale, tmp_path / "tune.musicxml"))


def chorale(*arguments):
    """Exit code of a command."""
    return main([str(argument) for argument in arguments])


def test_harmonize_writes_every_setting_in_every_format_and_says_how(tune, model, tmp_path, capsys):
    outputs = [tmp_path / f"out{suffix}" for suffix in (".musicxml", ".pdf", ".mid", ".mp3")]
    options = ["--count", 2, "--seed", 5, "--model", model, "--best-of", 1, "--particles", 4]
    assert chorale("harmonize", tune, *options, *[x for o in outputs for x in ("-o", o)]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 1
    assert re.search(r"2 settings of 'A scale': small [0-9a-f]{12}, seed 5; faults \d+ \d+;", said)
    for output in outputs:
        for number in (1, 2):
            assert output.with_stem(f"out-{number}").stat().st_size > 100
            assert f"out-{number}{output.suffix}" in said
    setting = load_chorale(tmp_path / "out-1.musicxml")
    np.testing.assert_array_equal(setting.pitches[:, 0], SCALE)
    np.testing.assert_array_equal(setting.struck[:, 0], np.arange(len(SCALE)) % 4 == 0)
    assert (setting.title, setting.key, setting.time_signature) == ("A scale", "C major", "3/4")
    assert [word.text for word in setting.notation.words if word.voice == 0] == ["la"] * len(TUNE)
    for voice, (low, high) in zip((1, 2, 3), RANGES[1:], strict=True):
        sung = setting.pitches[:, voice][setting.pitches[:, voice] > 0]
        assert low <= sung.min() and sung.max() <= high, "what a choir sings"
    again = tmp_path / "again.mid"
    assert chorale("harmonize", tune, "-o", again, *options[2:]) == 0
    np.testing.assert_array_equal(load_chorale(again).pitches, setting.pitches)


def test_harmonize_sets_the_chords_that_are_asked_for(tune, model, tmp_path):
    setting = tmp_path / "setting.musicxml"
    numerals = "I V I IV . . . V I V I ."
    chorale("harmonize", tune, "-o", setting, "--model", model, "--numerals", numerals)
    bass = load_chorale(setting).pitches[::4, 3] % 12
    assert bass[[0, 1, 2, 3, 7, 8, 9, 10]].tolist() == [0, 7, 0, 5, 7, 0, 7, 0]


def test_realize_sets_a_figured_bass(model, tmp_path):
    part = stream.Part()
    for name, figures in (
        ("C3", ""),
        ("B2", "65"),
        ("C3", ""),
        ("F3", "6"),
        ("G3", "7"),
        ("C3", ""),
    ):
        part.append(note.Note(name, quarterLength=1))
        if figures:
            part[-1].addLyric(figures)
    source, setting = tmp_path / "bass.musicxml", tmp_path / "setting.musicxml"
    part.write("musicxml", source)
    assert (
        chorale("realize", source, "-o", setting, "--model", model, "--key", "C major", "--seed", 1)
        == 0
    )
    pitches = load_chorale(setting).pitches
    assert pitches[::4, 3].tolist() == [48, 47, 48, 53, 55, 48]
    assert set(pitches[4] % 12) == {11, 2, 5, 7} or set(pitches[4] % 12) == {11, 5, 7}
    assert {5, 11} <= set(pitches[16] % 12)


def test_harmonize_moves_the_tune_to_another_voice_key_and_metre(tune, model, tmp_path, capsys):
    output = tmp_path / "out.musicxml"
    told = ["--voice", "tenor", "--transpose", -12, "--key", "a minor", "--metre", "4/4"]
    how = ["--model", model, "--best-of", 1, "--particles", 2, "--range", "bass=E2-C4"]
    assert chorale("harmonize", tune, "-o", output, *told, *how) == 0
    setting = load_chorale(output)
    np.testing.assert_array_equal(setting.pitches[:, 2], SCALE - 12)
    assert (setting.key, setting.time_signature) == ("a minor", "4/4")
    seed = int(re.search(r"seed (\d+)", capsys.readouterr().out).group(1))
    same = tmp_path / "same.musicxml"
    assert chorale("harmonize", tune, "-o", same, *told, *how, "--seed", seed) == 0
    assert load_chorale(same).pitches.tolist() == setting.pitches.tolist()


@pytest.mark.parametrize(
    "wrong, complaint",
    [
        (["-o", "out.docx"], r"out.docx: .docx: expected one of .musicxml"),
        (["-o", "out.pdf", "--key", "H dur"], "key 'H dur': expected tonic and mode"),
        (["-o", "out.pdf", "--metre", "4/x"], "time signature '4/x': expected"),
        (["-o", "out.pdf", "--model", "chord_gruu"], "model 'chord_gruu': expected"),
        (["-o", "out.pdf", "--part", "Oboe"], "Oboe"),
    ],
)
def test_harmonize_refuses_what_cannot_be_done_and_writes_nothing(
    tune, tmp_path, monkeypatch, capsys, wrong, complaint
):
    monkeypatch.chdir(tmp_path)
    assert chorale("harmonize", tune, *wrong) == 2
    assert re.search(complaint, capsys.readouterr().err)
    assert [path.name for path in tmp_path.iterdir()] == ["tune.musicxml"]


def test_a_range_that_is_none_is_refused_with_an_example(tune, capsys):
    with pytest.raises(SystemExit):
        chorale("harmonize", tune, "-o", "out.pdf", "--range", "soprano=high")
    assert "expected a voice and its lowest and highest note" in capsys.readouterr().err


def test_check_tells_place_voices_rule_and_why_and_marks_the_score(tmp_path, capsys):
    fifths = Chorale(FIFTHS, "exercise", key="C major", time_signature="4/4")
    exercise = write_midi(fifths, tmp_path / "exercise.mid")
    marked = tmp_path / "marked.svg"
    assert chorale("check", exercise, "--format", "json", "-o", marked) == 1
    rows = json.loads(capsys.readouterr().out)
    parallel = [row for row in rows if row["rule"] == "parallel fifths"]
    assert [(row["bar"], row["beat"], row["voices"]) for row in parallel] == [(1, 2, "alto, bass")]
    assert parallel[0]["explanation"].startswith("Alto and bass move from the fifth ")
    assert RULES["parallel fifths"].colour in marked.read_text().upper()
    assert parallel[0]["explanation"] in "".join(ElementTree.parse(marked).getroot().itertext())
    assert chorale("check", exercise) == 1
    columns = ["bar", "beat", "voices", "number", "rule", "severity", "explanation"]
    table = capsys.readouterr().out
    assert table.splitlines()[0].split() == columns
    assert table.splitlines()[-1] == f"exercise: {len(rows)} fault{'s' * (len(rows) > 1)}"
    assert chorale("check", exercise, "--format", "csv") == 1
    assert capsys.readouterr().out.startswith(",".join(columns) + "\n")


def test_check_looks_for_the_rules_that_are_asked_for(tmp_path, capsys):
    exercise = write_midi(Chorale(FIFTHS, "exercise", key="C major"), tmp_path / "exercise.mid")
    assert chorale("check", exercise, "--rules", "leap, range") == 0
    assert chorale("check", exercise, "--rules", "parallel fifths") == 1
    assert chorale("check", exercise, "--rules", "fifths") == 2
    assert "rule 'fifths': expected names from RULES; did you mean" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".pdf", ".musicxml"])
def test_a_students_page_is_marked_with_its_own_spelling(tmp_path, capsys, suffix):
    voices = ("Ab4 A4", "D4 C4", "B3 A3", "E3 A2")
    page = write_score(read_voices(voices, "a minor", "misspelt"), tmp_path / "page.musicxml")
    marked = tmp_path / f"marked{suffix}"
    assert chorale("check", page, "-o", marked) == 1
    assert "The soprano's A\u266d should be G\u266f" in capsys.readouterr().out
    if suffix == ".musicxml":
        first = next(ElementTree.parse(marked).getroot().iter("note"))
        assert (first.findtext("pitch/step"), first.findtext("pitch/alter")) == ("A", "-1")
        assert first.get("color") == RULES["spelling"].colour


def test_check_of_a_clean_exercise_exits_with_0_and_of_no_file_with_2(tmp_path, capsys):
    clean = write_midi(Chorale(CLEAN, "clean", key="C major"), tmp_path / "clean.mid")
    assert chorale("check", clean) == 0
    assert capsys.readouterr().out == "clean: no faults\n"
    assert chorale("check", tmp_path / "none.mid") == 2
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    assert chorale("check", tmp_path / "broken.mid") == 2


def test_write_makes_each_piece_in_each_format(model, tmp_path, capsys):
    how = ["--count", 2, "--steps", 16, "--seed", 1, "--model", model, "--best-of", 1]
    assert chorale("write", "-o", tmp_path / "new", *how, "--format", "mid", ".musicxml") == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "chorale-1.mid",
        "chorale-1.musicxml",
        "chorale-2.mid",
        "chorale-2.musicxml",
    ]
    assert len(load_chorale(tmp_path / "new" / "chorale-2.mid")) == 16
    assert "2 new chorales: small" in capsys.readouterr().out


def test_convert_keeps_the_notes_and_reads_a_tune_as_a_tune(tune, tmp_path):
    source = write_midi(Chorale(CLEAN, key="C major", time_signature="4/4"), tmp_path / "in.mid")
    assert chorale("convert", source, tmp_path / "out.musicxml", "--transpose", 2) == 0
    converted = load_chorale(tmp_path / "out.musicxml")
    np.testing.assert_array_equal(converted.pitches, CLEAN + 2)
    assert converted.key == "D major"
    assert chorale("convert", tune, tmp_path / "tune.mid", "--part", "Soprano") == 0
    np.testing.assert_array_equal(load_melody(tmp_path / "tune.mid").pitches[:, 0], SCALE)


def test_analyse_names_the_chords_and_writes_them_into_files(tmp_path, capsys):
    source = write_midi(Chorale(CLEAN, key="C major", time_signature="3/4"), tmp_path / "in.mid")
    assert chorale("analyse", source) == 0
    table = capsys.readouterr().out
    assert [line.split()[:4] for line in table.splitlines()[1:3]] == [
        ["1", "1.0", "C", "major"],
        ["1", "2.0", "C", "major"],
    ]
    for suffix in (".pdf", ".musicxml", ".rntxt", ".csv"):
        assert chorale("analyse", source, "-o", tmp_path / f"out{suffix}", "--show", "figures") == 0
        assert "3 chords, 1 cadences" in capsys.readouterr().out
    assert "m1 C: I b2 V b3 I ||" in (tmp_path / "out.rntxt").read_text()
    assert (tmp_path / "out.csv").read_text().startswith("start,steps,bar,beat,key,numeral")
    np.testing.assert_array_equal(load_chorale(tmp_path / "out.musicxml").pitches, CLEAN)
    assert chorale("analyse", source, "-o", tmp_path / "out.mid") == 2
    assert "expected one of .musicxml" in capsys.readouterr().err


def test_play_hands_the_sound_to_a_program_of_the_machine_or_says_that_there_is_none(
    tmp_path, monkeypatch, capsys
):
    source = write_midi(Chorale(CLEAN), tmp_path / "in.mid")
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    assert chorale("play", source) == 2
    assert (
        "no program that plays sound is installed: expected one of ffplay"
        in capsys.readouterr().err
    )
    player = programs / "aplay"
    player.write_text(f'#!/bin/sh\n/bin/cp "$2" "{tmp_path}/heard.wav"\n')
    player.chmod(0o755)
    assert chorale("play", source) == 0
    assert (tmp_path / "heard.wav").read_bytes()[:4] == b"RIFF"
    assert os.listdir(programs) == ["aplay"]


def test_advice_is_given_in_options_of_the_command_line_and_works(tune, model, tmp_path, capsys):
    two = stream.Score([converter.parse(f"tinynotation: 4/4 {notes}") for notes in ("c'1", "d'1")])
    for part, name in zip(two.parts, ("Oboe", "Tune"), strict=True):
        part.partName = name
    source, how = tmp_path / "two.musicxml", ["--model", model, "--best-of", 1, "--particles", 2]
    two.write("musicxml", source)
    out = tmp_path / "out.musicxml"
    assert chorale("harmonize", source, "-o", out, *how) == 2
    assert "with --part, such as --part 'Oboe'" in capsys.readouterr().err
    assert chorale("harmonize", source, "-o", out, "--part", "tune", *how) == 0
    triplets = tmp_path / "triplets.musicxml"
    converter.parse("tinynotation: 2/4 trip{c'8 d' e'} f'4").write("musicxml", triplets)
    assert chorale("harmonize", triplets, "-o", out, *how) == 2
    assert "with --no-strict each step" in capsys.readouterr().err
    assert chorale("harmonize", triplets, "-o", out, "--no-strict", *how) == 0
    low = write_midi(Chorale([[48, 0, 0, 0]] * 16), tmp_path / "low.mid")
    assert chorale("harmonize", low, "-o", out, *how) == 2
    assert "--transpose range moves the melody" in capsys.readouterr().err
    assert chorale("harmonize", low, "-o", out, "--transpose", "range", *how) == 0
    assert chorale("convert", triplets, tmp_path / "out.mid") == 2
    assert "--melody reads one voice" in capsys.readouterr().err
    assert chorale("convert", triplets, tmp_path / "out.mid", "--melody", "--no-strict") == 0
