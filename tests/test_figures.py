"""Figured bass and chord symbols are those that music21 reads back."""

import pytest
from music21.figuredBass.realizerScale import FiguredBassScale
from music21.harmony import ChordSymbol

from chorale_utils import Chorale, analyse, chord_symbols, figured_bass, load_corpus
from chorale_utils.harmony.chords import note_spelt, numeral, numerals, spelt_notes
from chorale_utils.keys import (
    key_signature,
)


@pytest.fixture(scope="module")
def every_numeral():
    """An analysis (DataFrame) that has every numeral, in two keys of each mode."""
    import pandas as pd

    rows = [
        {"numeral": each.figure, "key": f"{tonic} {each.mode}"}
        for each in numerals()
        for tonic in (("D", "E-") if each.mode == "major" else ("b", "c"))
    ]
    return pd.DataFrame(rows)


def spelt(figure, key):
    return [note_spelt(place) for place in spelt_notes(figure, key)]


@pytest.mark.parametrize(
    ("signature", "keys"),
    [
        ("C major", ["D major", "b minor", "E- major", "c minor"]),
        ("D major", ["D major", "b minor"]),
        ("E- major", ["E- major", "c minor"]),
    ],
)
def test_music21_finds_the_notes_of_each_chord_from_bass_and_figures(
    every_numeral, signature, keys
):
    every_numeral = every_numeral[every_numeral["key"].isin(keys)]
    scale = FiguredBassScale(signature.split()[0], "major")
    scale_notes = {note_spelt(key_signature(signature) + place) for place in range(-1, 6)}
    for figure, key, figures in zip(
        every_numeral["numeral"], every_numeral["key"], figured_bass(every_numeral, signature)
    ):
        notes = spelt(figure, key)
        if any(note.count("#") > 1 or note.count("-") > 1 for note in notes):
            continue  # figures have no sign for those
        bass = notes[numeral(figure, key.split()[1]).inversion]
        found = set(scale.getPitchNames(f"{bass}3", figures))
        # where a third or fifth is altered, music21 leaves the other out unless a figure names it
        missing = set(notes) - found
        assert found <= set(notes), (figure, key, figures)
        assert len(missing) <= 1 and missing <= scale_notes, (figure, key, figures)


def test_a_chord_symbol_has_the_notes_and_the_bass_of_its_chord(every_numeral):
    for figure, key, symbol in zip(
        every_numeral["numeral"], every_numeral["key"], chord_symbols(every_numeral)
    ):
        found = numeral(figure, key.split()[1])
        if found.quality in ("Italian", "German", "French", "augmented-seventh"):
            continue
        notes = spelt(figure, key)
        root, _, bass = symbol.partition("/")
        flat = root[1:2] == "b"
        chord = ChordSymbol(
            root[0]
            + ("-" + root[2:] if flat else root[1:])
            + (f"/{bass.replace('b', '-')}" if bass else "")
        )
        assert {pitch.pitchClass for pitch in chord.pitches} == {
            place * 7 % 12 for place in spelt_notes(figure, key)
        }, symbol
        assert chord.bass().name == notes[found.inversion], symbol


def test_an_augmented_sixth_is_named_as_a_seventh_chord_on_its_bass():
    import pandas as pd

    sixths = pd.DataFrame({"numeral": ["It6", "Ger65", "Fr43"], "key": "a minor"})
    assert chord_symbols(sixths) == ["F7", "F7", "B7b5/F"]
    assert figured_bass(sixths) == ["#6", "#6,5", "#6,4,3"]


def test_a_row_of_the_analysis_has_a_symbol_and_figures():
    chorale = load_corpus("music21", progress=False)["bwv66.6"]
    analysis = analyse(chorale)
    assert len(chord_symbols(analysis)) == len(figured_bass(analysis)) == len(analysis)
    assert isinstance(chorale, Chorale)
    assert chord_symbols(analysis)[:4] == ["A", "F#m", "E/G#", "A"]
    assert figured_bass(analysis, "f# minor")[:4] == ["", "", "6", ""]
