"""The promise of the page: what is read, written and read again is the same: bars, repeats, keys,
tempos, words, spelling, authors, fermatas and notes. Over generated pages, over the corpus, and
over what MuseScore makes of our files."""

import os
import shutil
import subprocess
import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from music21 import corpus

from chorale_utils.chorale import (
    SILENCE,
    Chorale,
    steps_per_bar,
)
from chorale_utils.keys import (
    MODES,
)
from chorale_utils.notation.loading import load_chorale
from chorale_utils.notation.midi import write_midi
from chorale_utils.notation.page import (
    UNSPELLED,
    Bar,
    KeySignature,
    Notation,
    Syllable,
    Tempo,
    expand_repeats,
)
from chorale_utils.notation.reading import from_score
from chorale_utils.notation.score_files import write_score

# 3/4 with a repeat inside a bar; a pickup and many verses of harmony; endings are in none of Bach's
REAL = ["bwv269", "bwv66.6", "bwv57.8", "bwv227.1", "bwv123.6", "bwv371", "bwv253"]
MUSESCORE = shutil.which("musescore3") or shutil.which("mscore3") or shutil.which("mscore")
METRES = ["4/4", "3/4", "3/2", "2/2", "6/8", "9/8", "5/4", "7/8", "2/4"]


@st.composite
def bars_of_a_page(draw):
    """Bars with changes of metre, a pickup, a section that is repeated (perhaps from inside a bar),
    endings, and jumps."""
    count = draw(st.integers(2, 6))
    metre = draw(st.sampled_from(METRES))
    full = steps_per_bar(metre)
    bars, at = [], 0
    pickup = draw(st.sampled_from([0, 0, 1, 2, 4]))
    if pickup and pickup < full:
        bars.append(Bar(0, pickup, metre, full - pickup, 0))
        at = pickup
    divided = draw(st.none() | st.integers(2, count))
    for number in range(1, count + 1):
        if draw(st.integers(0, 3)) == 0:
            metre = draw(st.sampled_from(METRES))
        full = steps_per_bar(metre)
        line = "final" if number == count else draw(st.sampled_from(["regular"] * 3 + ["double"]))
        cut = full // 2 if number == divided else full
        bars.append(Bar(at, cut, metre, 0, number, barline=line))
        if cut < full:
            bars[-1] = replace(bars[-1], barline=None, repeat_end=2)
            bars.append(Bar(at + cut, full - cut, metre, cut, number, barline=line))
        at += full
    if divided is None:
        begin = draw(st.integers(0, len(bars) - 2))
        bars[begin] = replace(bars[begin], repeat_begin=begin > 0 or draw(st.booleans()))
        end = draw(st.integers(begin, len(bars) - 2))
        times = draw(st.sampled_from([2, 2, 3]))
        bars[end] = replace(bars[end], repeat_end=times, barline=None)
        if end > begin and draw(st.booleans()):
            bars[end] = replace(bars[end], endings=tuple(range(1, times)))
            bars[end + 1] = replace(bars[end + 1], endings=(times,))
    return with_jumps(bars, draw)


def with_jumps(bars, draw):
    def mark(place, sign):
        bars[place] = replace(bars[place], marks=(*bars[place].marks, sign))

    kind = draw(st.sampled_from(["", "", "da capo", "al fine", "dal segno", "al coda"]))
    last = len(bars) - 1
    if kind == "da capo":
        mark(last, "da capo")
    if kind == "al fine":
        mark(draw(st.integers(0, last - 1)), "fine")
        mark(last, "da capo al fine")
    if kind == "dal segno":
        mark(draw(st.integers(0, last - 1)), "segno")
        mark(last, "dal segno")
    if kind == "al coda" and last >= 2:
        mark(0, "to coda")
        mark(last, "coda")
        mark(last - 1, "da capo al coda")
    return tuple(bars)


texts = st.text("abcdefghijäößñœéアве,.!’'", min_size=1, max_size=6)


@st.composite
def pieces(draw):
    """A chorale with everything on its page that can be."""
    bars = draw(bars_of_a_page())
    steps = bars[-1].stop
    pitches = np.zeros((steps, 4), int)
    onsets = np.zeros((steps, 4), bool)
    spelling = np.full((steps, 4), UNSPELLED)
    for voice, middle in enumerate((72, 66, 58, 48)):
        at = 0
        while at < steps:
            length = min(draw(st.sampled_from([1, 2, 3, 4, 4, 6, 8])), steps - at)
            pitch = draw(st.sampled_from([SILENCE, *range(middle - 4, middle + 5)]))
            pitches[at : at + length, voice] = pitch
            if pitch != SILENCE:
                onsets[at, voice] = True
                low = draw(st.integers(-8, 2))
                spelling[at : at + length, voice] = low + (pitch * 7 - low) % 12
            at += length
    if not pitches[:, 0].any():
        pitches[0, 0], onsets[0, 0], spelling[0, 0] = 72, True, 0
    fermatas = np.zeros(steps, bool)
    chorale = Chorale(pitches, time_signature=bars[0].time_signature, onsets=onsets)
    for start, length, _ in chorale.notes(0).tolist():
        fermatas[start : start + length] = draw(st.integers(0, 5)) == 0
    singing = draw(st.sampled_from([(0,), (0,), (0, 3), (0, 1, 2, 3)]))
    words = [
        Syllable(
            step,
            voice,
            verse,
            draw(texts),
            draw(st.sampled_from(["single", "begin", "middle", "end"])),
            draw(st.booleans()),
        )
        for step, voice in np.argwhere(onsets).tolist()
        if voice in singing
        for verse in range(1, draw(st.integers(0, 3)) + 1)
    ]
    starts = [bar.start for bar in bars]
    keys = [KeySignature(0, draw(st.integers(-5, 5)), draw(st.sampled_from([None, *MODES])))]
    within = draw(st.sets(st.sampled_from(np.flatnonzero(onsets[:, 0]).tolist()), max_size=1))
    for start in sorted({*starts[1:], *within} - {0}):
        if draw(st.integers(0, 4)) == 0:
            fifths = draw(st.integers(-5, 5).filter(lambda fifths: fifths != keys[-1].fifths))
            keys.append(KeySignature(start, fifths, draw(st.sampled_from([None, "major"]))))
    tempos = [
        Tempo(step, draw(st.sampled_from([60.0, 90.0, 104.0, 72.5])), draw(st.sampled_from(MARKS)))
        for step in draw(st.lists(st.integers(0, steps - 1), unique=True, max_size=2).map(sorted))
    ]
    if draw(st.booleans()):
        tempos = [replace(tempo, quarters_per_minute=None, text="Ruhig") for tempo in tempos]
    notation = Notation(
        bars,
        tuple(keys),
        tuple(tempos),
        tuple(words),
        spelling,
        **{role: draw(st.none() | NAMES) for role in ("composer", "lyricist", "arranger")},
    )
    first = bars[0]
    return replace(
        chorale,
        name="again",
        title=draw(st.none() | NAMES),
        pickup=first.steps if first.offset else 0,
        fermatas=fermatas,
        notation=notation,
    )


NAMES = st.sampled_from(["Höre, Ō Welt", "J. S. Bach & Söhne", "主よ", "<Слава>"])
MARKS = ["", "Andante", "Nicht schleppend", "Langsam, ruhig"]


def assert_same(again, chorale, without=()):
    """Everything but the name, and the key where the page itself names no mode."""
    for field in ("title", "time_signature", "pickup"):
        assert getattr(again, field) == getattr(chorale, field), field
    for field in ("pitches", "struck", "fermatas"):
        assert np.array_equal(getattr(again, field), getattr(chorale, field)), field
    for field in fields(Notation):
        if field.name not in without:
            told, wanted = (
                getattr(again.notation, field.name),
                getattr(chorale.notation, field.name),
            )
            same = np.array_equal if field.name == "spelling" else lambda a, b: a == b
            assert same(told, wanted), f"{field.name}: {told} instead of {wanted}"


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(chorale=pieces(), staves=st.sampled_from([4, 4, 2]), packed=st.booleans())
def test_a_page_that_is_written_as_musicxml_is_read_as_it_was(chorale, staves, packed, tmp_path):
    path = write_score(chorale, tmp_path / f"again.{'mxl' if packed else 'musicxml'}", staves)
    assert_same(load_chorale(path), chorale)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(chorale=pieces())
def test_a_page_that_is_written_as_midi_is_read_as_it_was(chorale, tmp_path):
    again = load_chorale(write_midi(chorale, tmp_path / "again.mid"))
    assert again == chorale


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(chorale=pieces())
def test_a_midi_file_with_its_repeats_played_out_holds_what_is_sung(chorale, tmp_path):
    again = load_chorale(write_midi(chorale, tmp_path / "again.mid", repeats="played"))
    assert again == expand_repeats(chorale)


def read(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bars that the edition leaves incomplete
        return from_score(corpus.parse(f"bach/{name}"), name, title="Ach, wie schön")


@pytest.mark.parametrize("suffix", ["musicxml", "mid"])
@pytest.mark.parametrize("name", REAL)
def test_a_chorale_of_the_corpus_is_read_as_it_was(name, suffix, tmp_path):
    chorale = read(name)
    write = write_midi if suffix == "mid" else write_score
    assert_same(load_chorale(write(chorale, tmp_path / f"again.{suffix}")), chorale)


@pytest.mark.skipif(MUSESCORE is None, reason="MuseScore is not installed")
@pytest.mark.parametrize("name", REAL[:3])
def test_a_file_that_musescore_opens_and_writes_is_read_as_it_was(name, tmp_path):
    chorale = read(name)
    start = np.flatnonzero(chorale.struck[:, 0])[:4].tolist()
    words = [Syllable(step, 0, 1, text) for step, text in zip(start, ("Freu", "dich", "sehr", "o"))]
    page = replace(chorale.notation, words=tuple(words), lyricist="Somebody", composer="Bach")
    chorale = replace(chorale, notation=page)
    write_score(chorale, tmp_path / "ours.musicxml")
    assert_same(through_musescore(tmp_path / "ours.musicxml"), chorale)


def through_musescore(path):
    theirs = path.with_name("theirs.musicxml")
    subprocess.run(
        [MUSESCORE, "-o", str(theirs), str(path)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        check=True,
        capture_output=True,
        timeout=120,
    )
    return load_chorale(theirs)
