"""Setting: what the rules look at."""

from dataclasses import replace

import numpy as np
from exercises import marked

from chorale_utils import analyse
from chorale_utils.part_writing.examples import read_voices
from chorale_utils.part_writing.setting import Setting, spoken, told_key


def setting(voices, key="C major"):
    chorale = read_voices(voices, key)
    return Setting(chorale, analyse(chorale, key=told_key(chorale)))


def test_notes_are_named_by_their_chords_and_repeated_notes_are_one():
    found = setting(("G#4 A4", "D4 C4", "B3 A3", "E3 A2"), "a minor")
    assert [spoken(note.name) for note in found.lines[0]] == ["G\u266f", "A"]
    repeated = setting(("C5 C5", "G4 G4", "E4 E4", "C3 C3"))
    assert [(note.start, note.stop) for note in repeated.lines[0]] == [(0, 8)]


def test_a_chord_has_the_inversion_in_which_it_sounds():
    found = setting(("B4 C5 A4 B4", "G4 G4 F#4 G4", "D4 E4 D4 D4", "G3 C3 D3 D3"), "G major")
    assert [chord.inversion for chord in found.chords] == [0, 0, 0, 2]


def test_dominants_have_a_leading_tone_and_the_seventh_that_they_might_have():
    found = setting(("B4 C5", "D4 E4", "G3 G3", "G2 C3"))
    assert (found.chords[0].leading, found.chords[0].seventh) == (11, 5)
    assert (found.chords[1].leading, found.chords[1].seventh) == (None, None)


def test_a_short_exercise_is_in_the_key_that_it_states_and_a_long_piece_says_it_itself():
    short = read_voices(("G4 A4", "E4 E4", "B3 C4", "E3 A2"), "a minor")
    assert told_key(short) == "a minor"
    assert told_key(replace(short, key=None)) is None
    assert told_key(replace(short, key="a dorian")) is None
    longer = replace(short, pitches=np.tile(short.pitches, (5, 1)), onsets=None, notation=None)
    assert told_key(longer) is None


def test_a_piece_that_is_written_on_the_other_enharmonic_side_is_not_misspelt():
    voices = ("C#5 D#5 B#4 C#5", "G#4 F#4 G#4 G#4", "E#4 D#4 D#4 E#4", "C#3 B#2 G#2 C#3")
    chorale = read_voices(voices, "C# major")
    assert not marked(replace(chorale, key="D- major"), ["spelling"])


def test_phrases_begin_after_fermatas():
    found = setting(("C5! C5", "G4! G4", "E4! E4", "C3! C3"))
    assert np.flatnonzero(found.phrase_begins).tolist() == [4]
