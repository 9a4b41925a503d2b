"""Keys are named as in music21, have the signatures that it gives them, and move by fifths."""

import pytest
from hypothesis import given, strategies as st
from music21.key import Key

from chorale_utils.keys import MODES, checked_key, key_moved, key_signature, tonic_and_mode

TONICS = [letter + sign for letter in "ABCDEFG" for sign in ("", "#", "-")]
KEYS = [checked_key(f"{tonic} {mode}", "a key") for tonic in TONICS for mode in MODES]

USUAL = [key for key in KEYS if abs(key_signature(key)) <= 7]


@pytest.mark.parametrize("key", KEYS)
def test_signature_and_tonic_are_those_of_music21(key):
    theirs = Key(*key.split())
    assert key_signature(key) == theirs.sharps
    pitch_class, minor = tonic_and_mode(key)
    assert pitch_class == theirs.tonic.pitchClass
    assert minor == (theirs.pitches[2].midi - theirs.tonic.midi == 3)


@given(key=st.sampled_from(USUAL), signature=st.integers(-7, 7))
def test_moving_there_and_back_is_identity_and_moves_the_signature(key, signature):
    fifths = signature - key_signature(key)
    moved = key_moved(key, fifths)
    assert key_moved(moved, -fifths) == key
    assert key_signature(moved) == signature


def test_a_minor_third_is_written_with_a_small_letter():
    assert checked_key("F# minor", "piece") == "f# minor"
    assert checked_key("g mixolydian", "piece") == "G mixolydian"


@pytest.mark.parametrize("wrong", ["H dur", "c", "C Major", "", None, 3])
def test_what_is_no_key_is_refused_by_the_name_of_the_piece(wrong):
    with pytest.raises(ValueError, match="piece: key .*expected tonic and mode, such as"):
        checked_key(wrong, "piece")
