"""The Roman numerals that the analysis knows are music21's."""

import numpy as np
import pytest
from music21 import key as keys, roman

from chorale_utils.harmony.chords import (
    QUALITIES,
    key_spelt,
    note_spelt,
    numeral,
    numerals,
    parse_key,
    spelt_notes,
    tables,
)
from chorale_utils.keys import (
    key_signature,
)


@pytest.mark.parametrize("tonic", ["C", "F#", "B-"])
def test_music21_gives_every_numeral_the_same_notes_names_root_and_bass(tonic):
    for each in numerals():
        name = tonic if each.mode == "major" else tonic.lower()
        chord = roman.RomanNumeral(each.figure, name)
        spelt = [note_spelt(place) for place in spelt_notes(each.figure, f"{name} {each.mode}")]
        assert sorted(pitch.name for pitch in chord.pitches) == sorted(spelt), each
        assert chord.root().name == spelt[0], each
        assert chord.bass().name == spelt[each.inversion], each
        assert chord.inversion() == each.inversion, each
        above = (chord.root().pitchClass - keys.Key(name).tonic.pitchClass) % 12
        assert above == each.root, each


def test_a_figure_stands_once_in_each_mode():
    listed = [(each.mode, each.figure) for each in numerals()]
    assert len(listed) == len(set(listed))
    assert all(numeral(figure, mode).figure == figure for mode, figure in listed)


def test_tables_say_of_each_numeral_what_its_quality_says():
    chord = tables()
    for number, each in enumerate(numerals()):
        role = chord.role[chord.sonority[number]]
        assert tuple(np.flatnonzero(role < 4)) == tuple(sorted(QUALITIES[each.quality]))
        above_root = (chord.bass[number] - chord.root[number]) % 12
        assert role[above_root] == each.inversion == chord.inversion[number]
        assert chord.bass_role[chord.sonority[number], above_root] == 0


def test_keys_are_spelt_as_music21_spells_them():
    for tonic in range(12):
        for minor in (False, True):
            for near in (-6, 0, 6):
                named = key_spelt(tonic, minor, near)
                key = keys.Key(named.split()[0])
                assert str(key) == named
                assert key.tonic.pitchClass == tonic == parse_key(named)[0] * 7 % 12
                assert key.sharps == key_signature(named)
                assert abs(key.sharps) <= 7


def test_what_is_no_key_or_numeral_is_refused_by_name():
    for wrong in ("H major", "c", "C Major", "", "cis minor"):
        with pytest.raises(ValueError, match="expected tonic and mode"):
            parse_key(wrong)
    with pytest.raises(ValueError, match="'Q7' in 'major'"):
        numeral("Q7", "major")
