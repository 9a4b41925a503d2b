"""Which parts are read: by name, by number, or because they are the only ones."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from made_scores import four_parts, hymn, part
from music21 import (
    corpus,
    harmony,
    note,
    stream,
)

from chorale_utils.chorale import VOICES
from chorale_utils.notation.reading import from_melody, from_score

MEN = [[("E4", 4)], [("C3", 4)]]


def test_instruments_beside_the_voices_are_left_out():
    score = corpus.parse("bach/bwv190.7-inst")
    assert len(score.parts) == 15
    with pytest.warns(UserWarning, match="x: left out: Trumpet 1, .*, Timpani, .*Continuo"):
        read = from_score(score, name="x")
    voices = [part for part in score.parts if part.partName.lower() in VOICES]
    np.testing.assert_array_equal(read.pitches, from_score(stream.Score(voices)).pitches)


def test_of_two_sopranos_the_first_is_taken_only_where_that_is_asked():
    score = corpus.parse("bach/bwv227.3")
    with pytest.raises(
        ValueError, match=r"5 parts \(Soprano 1, Soprano 2, .*of which 2 named soprano"
    ):
        from_score(score, name="bwv227.3")
    first = score.parts[0].flatten().notes[0].pitch.midi
    with pytest.warns(UserWarning, match="bwv227.3: left out: Soprano 2"):
        read = from_score(score, name="bwv227.3", strict=False)
    assert read.pitches[0, 0] == first


@pytest.mark.parametrize(
    "parts, message",
    [
        ([], "no parts: expected four"),
        (["Soprano"], r"1 part \(Soprano\): expected four"),
        (["Soprano", "Alto", "Bass"], r"3 parts \(Soprano, Alto, Bass\): expected four"),
        (["Oboe", "Flute", "Horn", "Violin", "Viola"], "5 parts .* of which 0 named soprano"),
        (["Piano", "Piano"], r"2 parts \(Piano, Piano\), and the upper has one voice"),
    ],
)
def test_other_than_four_voices_is_an_error_that_names_the_parts(parts, message):
    with pytest.raises(ValueError, match=message):
        from_score(stream.Score([part(name, ("C4", 4)) for name in parts]))


@pytest.mark.parametrize(
    "names",
    [
        [f"Staff {number}" for number in range(4)],
        ["Soprano", "Alto", "Bass", "Bass"],
        ["Bass", "Tenor", "Alto", "Flute"],
        [None] * 4,
    ],
)
def test_four_parts_that_are_not_named_for_four_voices_are_taken_in_their_order(names):
    score = stream.Score(
        [part(name, (pitch, 4)) for name, pitch in zip(names, ("C5", "G4", "E4", "C3"))]
    )
    assert from_score(score).pitches[0].tolist() == [72, 67, 64, 48]


@given(
    st.permutations([("Soprano", "C5"), ("Alt", "G4"), ("T.", "E4"), ("Basso", "C3")]),
    st.booleans(),
)
@settings(max_examples=24, deadline=None)
def test_four_parts_named_for_four_voices_are_taken_by_their_names(named, strict):
    score = stream.Score([part(name, (pitch, 4)) for name, pitch in named])
    assert from_score(score, strict=strict).pitches[0].tolist() == [72, 67, 64, 48]


def test_a_melody_may_be_a_score_with_one_part_that_sings_or_a_bare_stream():
    tune, rests = part("Melody", ("C5", 2), ("D5", 2)), part("Silent", (None, 4))
    bare = stream.Stream([note.Note("C5", quarterLength=2), note.Note("D5", quarterLength=2)])
    for source in (tune, stream.Score([rests, tune]), bare):
        assert from_melody(source).notes(0).tolist() == [[0, 8, 72], [8, 8, 74]]


@pytest.mark.parametrize("names", [("Women", "Men"), ("Soprano\nAlto", "Tenor\nBass"), ("", "")])
@pytest.mark.parametrize("voice, height", list(zip(VOICES, (72, 67, 64, 48))))
def test_melody_may_be_a_voice_of_a_hymn(names, voice, height):
    score = hymn(([[("C5", 4)], [("G4", 4)]], MEN), names=names)
    assert from_melody(score, part=voice).pitches[0].tolist() == [height, 0, 0, 0]


@pytest.mark.parametrize("chosen", ["Flute", "flute", "flu", 2, "2"])
def test_part_is_chosen_by_its_name_or_number(chosen):
    score = stream.Score([part("Organ", ("C4", 4)), part("Flute", ("C6", 4))])
    assert from_melody(score, part=chosen).pitches[0, 0] == 84


@pytest.mark.parametrize("chosen", ["Oboe", 0, 3, "soprano", ""])
def test_part_that_is_not_there_is_refused_with_those_that_are(chosen):
    score = stream.Score([part("Organ", ("C4", 4)), part("Flute", ("C6", 4))])
    with pytest.raises(ValueError, match=r"Organ.*Flute"):
        from_melody(score, name="mine", part=chosen)


def test_several_melodies_are_refused_with_advice_that_works():
    score = stream.Score(
        [part("Solo", ("C5", 4)), part("Solo", ("E5", 4)), part("Flute", ("G5", 4))]
    )
    with pytest.raises(ValueError, match=r"choose one of 1 \(Solo\), 2 \(Solo\), .* part=1"):
        from_melody(score)
    assert from_melody(score, part=1).pitches[0, 0] == 72
    with pytest.raises(ValueError, match="part 'Solo': 2 parts have this name"):
        from_melody(score, part="Solo")


def test_four_parts_are_chosen_from_among_more():
    choirs = [
        part(f"{name} {choir}", (pitch, 4))
        for choir, octave in ((1, 5), (2, 4))
        for name, pitch in zip(("S", "A", "T", "B"), (f"C{octave}", f"G{octave - 1}", "E3", "C3"))
    ]
    with pytest.raises(ValueError, match="8 parts .* 2 named soprano.* choose four with part="):
        from_score(stream.Score(choirs))
    read = from_score(stream.Score(choirs), part=("S 2", "A 2", "T 2", 8))
    assert read.pitches[0].tolist() == [60, 55, 52, 48]


@pytest.mark.parametrize("name", ["Quinto", "Sextus", "Mezzo-soprano", "Descant", "Vox II"])
def test_fifth_voice_is_refused_by_name_and_left_out_where_that_is_asked(name):
    score = four_parts()
    score.insert(0, part(name, ("D5", 4)))
    with pytest.raises(ValueError, match=f"{name} is sung, too.*part=.*strict=False"):
        from_score(score)
    with pytest.warns(UserWarning, match=f"left out: {name}"):
        assert from_score(score, strict=False).pitches[0].tolist() == [72, 67, 64, 48]


def test_part_with_words_is_sung_whatever_it_is_called():
    score, fifth = four_parts(), part("Staff 5", ("D5", 4))
    fifth.recurse().notes[0].lyric = "la"
    score.insert(0, fifth)
    with pytest.raises(ValueError, match="Staff 5 is sung, too"):
        from_score(score)


def test_part_of_percussion_or_chord_symbols_is_left_out_by_name():
    drums, symbols = part("Drums", (None, 4)), part("Chords", (None, 4))
    bar = drums.getElementsByClass("Measure")[0]
    bar.remove(bar.notesAndRests[0])
    bar.append(note.Unpitched(quarterLength=4))
    symbols.getElementsByClass("Measure")[0].insert(0, harmony.ChordSymbol("C"))
    score = four_parts()
    for one in (drums, symbols, part("Silent", (None, 4))):
        score.insert(0, one)
    with pytest.warns(UserWarning, match="left out: Drums, Chords$"):
        assert from_score(score).pitches[0].tolist() == [72, 67, 64, 48]
