"""A figured bass is realised: the bass exact, every figure heard, no parallels."""

import pytest
from music21 import note, stream
from test_requests import heard

from chorale_utils import analyse, figured_bass, load_corpus, realize
from chorale_utils.chorale import SILENCE
from chorale_utils.judging.counterpoint import counted_faults
from chorale_utils.notation.musicxml import figured_basses
from chorale_utils.writing import realizing
from chorale_utils.writing.melody import as_melody
from chorale_utils.writing.requests import figured_chords

BASSES = {  # key: notes, their lengths in quarters, a figure for each
    "C major": (
        "C3 D3 E3 F3 G3 G3 A3 F3 G3 C3",
        [1] * 9 + [3],
        ["", "6,4", "6", "6,5", "6,4", "7", "", "6", "7", ""],
    ),
    "d minor": (
        "D3 C#3 D3 E3 F3 G3 A3 A2 D3",
        [1] * 8 + [4],
        ["", "6", "", "6", "6", "6,5", "6,4", "#", ""],
    ),
    "g minor": ("G3 F3 E-3 D3", [2, 2, 2, 2], ["", "6", "6", "#"]),  # parallels are near
    "E- major": ("E-3 F3 G3 A-3 B-3 C4 D4 E-4", [1] * 8, [""] * 8),  # root after root, by step
}


def realized(key, count=1, **how):
    names, quarters, figures = BASSES[key]
    bass = as_melody(names.split(), 3, quarters)
    starts = [int(4 * sum(quarters[:number])) for number in range(len(quarters))]
    pairs = list(zip(starts, figures))
    return bass, pairs, realize(bass, pairs, count, key=key, particles=4, seed=1, **how)


def check(piece, bass, pairs, key):
    assert (piece.pitches[:, 3] == bass.pitches[:, 3]).all()
    assert all(heard(piece, request) for request in figured_chords(bass, pairs, key))
    assert not [fault for fault in counted_faults(piece) if fault[2] in realizing.PARALLELS]


@pytest.mark.parametrize("key", BASSES)
def test_bass_exact_figures_heard_no_parallels(key):
    bass, pairs, pieces = realized(key, count=2)
    assert [piece.name for piece in pieces] == ["harmonised-0000", "harmonised-0001"]
    assert list(pieces.report.index) == ["harmonised-0000", "harmonised-0001"]
    for piece in pieces:
        check(piece, bass, pairs, key)


def test_the_plan_itself_is_sung_where_the_model_finds_no_way(monkeypatch):
    monkeypatch.setattr(realizing, "PLANS", 0)
    bass, pairs, pieces = realized("E- major")
    check(pieces[0], bass, pairs, "E- major")


def test_chorale_basses_with_the_figures_of_the_analysis():
    for original in load_corpus("music21", progress=False).test[:6]:
        analysis = analyse(original)
        pairs = [
            (start, figures)
            for start, figures in zip(analysis["start"], figured_bass(analysis, original.key))
            if original.pitches[start, 3] != SILENCE  # where it rests there is nothing to figure
        ]
        piece = realize(original, pairs, particles=4, seed=1)[0]
        check(piece, original, pairs, original.key)


def figured_part(*notes):
    part = stream.Part()
    for name, quarters, *figures in notes:
        one = note.Note(name, quarterLength=quarters)
        for line, figure in enumerate(figures, start=1):
            one.addLyric(figure, line)
        part.append(one)
    return part


def test_figures_are_read_as_words_below_a_part():
    part = figured_part(("B2", 1, "6", "5"), ("C3", 0.5), ("D3", 0.5), ("E3", 2, "6"), ("G2", 4))
    piece = realize(part, key="C major", particles=4, seed=1)[0]
    sounding = [{int(pitch) % 12 for pitch in piece.pitches[step]} for step in (0, 8, 16)]
    assert sounding[0] >= {11, 5, 7} and sounding[1] == {4, 7, 0}
    assert {7, 11} <= sounding[2] <= {7, 11, 2}, "a long note without figures has a plain triad"


def test_upper_voices_hold_where_the_bass_moves_between_beats():
    part = figured_part(("C3", 0.5, "5"), ("D3", 0.5), ("E3", 1, "6"), ("C3", 2, "5"))
    piece = realize(part, key="C major", particles=4, seed=1)[0]
    held = piece.pitches[2, :3] == piece.pitches[1, :3]
    assert not piece.struck[2, :3][held].any() and piece.struck[4].all()


def test_no_figures_are_refused():
    with pytest.raises(
        ValueError, match="no figures: expected a figured bass in a MusicXML file, words"
    ):
        realize(["C3", "G2"], quarters=1)
    with pytest.raises(ValueError, match="no figures: expected at least one"):
        realize(["C3", "G2"], [], quarters=1)


def test_figures_over_a_rest_are_refused():
    with pytest.raises(ValueError, match="step 4 .bar 1, beat 2.: expected a bass note"):
        realize(["C3", "R"], [(4, "6")], quarters=1)


FIGURED = """\
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>Bass</part-name>
</score-part></part-list><part id="P1"><measure number="1"><attributes><divisions>2</divisions>
<key><fifths>0</fifths></key><time><beats>4</beats><beat-type>4</beat-type></time>
<clef><sign>F</sign><line>4</line></clef></attributes>
{notes}</measure></part></score-partwise>
"""
NOTE = (
    "<note><pitch><step>{step}</step><octave>3</octave></pitch><duration>{duration}</duration>"
    "<voice>1</voice><type>{type}</type></note>"
)
FIGURE = "<figured-bass>{}</figured-bass>"
NUMBER = "<figure><figure-number>{}</figure-number></figure>"


def figured_file(path, sign="<figure><prefix>sharp</prefix></figure>"):
    notes = [
        NOTE.format(step="A", duration=2, type="quarter"),
        FIGURE.format(NUMBER.format(6)),
        NOTE.format(step="G", duration=2, type="quarter"),
        FIGURE.format(NUMBER.format(6) + "<duration>2</duration>"),
        FIGURE.format(sign + "<duration>2</duration>"),
        NOTE.format(step="E", duration=4, type="half"),
    ]
    path.write_text(FIGURED.format(notes="".join(notes)), encoding="utf-8")
    return path


def test_the_figured_bass_of_a_file_is_read_and_kept(tmp_path):
    path = figured_file(tmp_path / "figured.musicxml")
    assert figured_basses(path) == [(4, "6"), (8, "6"), (12, "#")]
    piece = realize(path, key="a minor", particles=4, seed=1)[0]
    sung = [sorted(set((piece.pitches[step] % 12).tolist())) for step in (0, 4, 8, 12)]
    assert {0, 9} <= set(sung[0]) and set(sung[0]) <= {0, 4, 9}
    assert 4 in sung[1] and set(sung[1]) <= {4, 7, 11} and piece.pitches[4, 3] % 12 == 7
    assert 0 in sung[2] and 8 in sung[3] and 7 not in sung[3]


def test_figures_that_are_not_understood_are_named(tmp_path):
    odd = "<figure><prefix>wiggle</prefix><figure-number>6</figure-number></figure>"
    with pytest.raises(ValueError, match="figure '6' with wiggle: expected one of sharp, flat"):
        realize(figured_file(tmp_path / "odd.musicxml", odd))
    with pytest.raises(ValueError, match="a figured bass with repeats='played'"):
        realize(figured_file(tmp_path / "figured.musicxml"), repeats="played")
