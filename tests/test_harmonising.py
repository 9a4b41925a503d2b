"""Harmonising: the melody is kept with all that is known of it, and a choir can sing the
setting."""

import numpy as np
import pytest
from music21 import converter

from chorale_utils import Chorale, harmonize
from chorale_utils.keys import (
    tonic_and_mode,
)
from chorale_utils.notation.page import Notation, Syllable

TUNE = np.repeat([72, 74, 76, 72], 4)


def test_a_melody_harmonised_is_kept_with_all_that_is_known_of_it(small_chord_gru, music21_corpus):
    bach = music21_corpus["bwv66.6"]
    settings_ = harmonize(small_chord_gru, bach, count=2, particles=4, seed=1, temperature=0.9)
    assert (
        [setting.name for setting in settings_]
        == list(settings_.report.index)
        == ["harmonised-0000", "harmonised-0001"]
    )
    assert (settings_.report["transposed"] == 0).all()
    for setting in settings_:
        np.testing.assert_array_equal(setting.notes(0), bach.notes(0))
        np.testing.assert_array_equal(setting.fermatas, bach.fermatas)
        assert (setting.key, setting.time_signature, setting.pickup, setting.title) == (
            bach.key,
            bach.time_signature,
            bach.pickup,
            bach.title,
        )
        assert setting.bwv is None and not np.array_equal(setting.pitches[:, 3], bach.pitches[:, 3])


def test_a_voice_that_there_is_none_of_is_refused(small_note_gru):
    with pytest.raises(
        ValueError, match="voice 'treble': expected one of soprano, alto, tenor, bass"
    ):
        harmonize(small_note_gru, np.full(8, 70), voice="treble")


def test_a_judge_of_settings_sees_metre_and_key(small_note_gru, tune):
    def judge(settings_):
        assert all(setting.key == "C major" and setting.pickup == 4 for setting in settings_)
        return np.arange(len(settings_))

    assert harmonize(
        small_note_gru, tune, count=2, particles=2, best_of=2, judge=judge, seed=1
    ).report["grade"].tolist() == [1, 3]


def test_options_that_harmonize_does_not_have_are_refused(small_note_gru):
    for option in ("steps", "given", "temprature"):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'"):
            harmonize(small_note_gru, TUNE, **{option: 8})


def syllables(*steps, melisma=False):
    return tuple(Syllable(step, 0, 1, "la", melisma=melisma) for step in steps)


@pytest.mark.parametrize("words, struck", [((), [0, 4, 8, 12]), (syllables(0, 8), [0, 8])])
def test_all_voices_are_struck_where_the_melody_has_a_new_syllable(small_chord_gru, words, struck):
    line, onsets = np.repeat([72, 72, 74, 72], 4), np.zeros((16, 4), bool)
    onsets[::4, 0] = True
    tune = Chorale(
        np.where(np.arange(4) == 0, line[:, None], 0), onsets=onsets, notation=Notation(words=words)
    )
    setting = harmonize(small_chord_gru, tune, particles=2, seed=1)[0]
    assert setting.struck[:, 0].nonzero()[0].tolist() == [0, 4, 8, 12]
    moved = np.vstack([np.ones((1, 4), bool), setting.pitches[1:] != setting.pitches[:-1]])
    for voice in (1, 2, 3):
        expected = set(struck) | set(moved[:, voice].nonzero()[0].tolist())
        sung = setting.pitches[:, voice] > 0
        assert setting.struck[:, voice].nonzero()[0].tolist() == [
            step for step in sorted(expected) if sung[step]
        ]


@pytest.mark.parametrize(
    "key, last, chord",
    [
        ("C major", 72, {0, 4, 7}),
        ("C major", 76, {0, 4, 7}),
        ("a minor", 69, {9, 1, 4}),  # Bach ends nine in ten so
        ("a minor", 72, {9, 0, 4}),
        ("a minor", 73, {9, 1, 4}),
        ("d dorian", 69, {2, 6, 9}),
    ],
)
def test_a_setting_ends_on_the_tonic_in_root_position(small_chord_gru, key, last, chord):
    line = np.repeat([72, 71, 74, last], 4)
    tune = Chorale(np.where(np.arange(4) == 0, line[:, None], 0), key=key)
    tonic = tonic_and_mode(key)[0]
    rules = {"crossing": True, "parallels": True}  # with them there may be no note left
    for setting in harmonize(small_chord_gru, tune, 3, particles=4, seed=1, **rules):
        assert {pitch % 12 for pitch in setting.pitches[-1] if pitch} <= chord
        assert setting.pitches[-1, 3] % 12 == tonic or setting.pitches[-1, 3] == 0
    free = harmonize(small_chord_gru, tune, 8, seed=1, tonic_ending=False, **rules)
    assert any(setting.pitches[-1, 3] % 12 != tonic for setting in free)


def test_a_melody_that_ends_on_no_note_of_the_tonic_is_left_its_own_ending(small_chord_gru):
    line = np.repeat([72, 74], 4)
    tune = Chorale(np.where(np.arange(4) == 0, line[:, None], 0), key="C major")
    settings = [
        harmonize(small_chord_gru, tune, particles=4, seed=1, tonic_ending=asked)[0]
        for asked in (True, False)
    ]
    np.testing.assert_array_equal(settings[0].pitches, settings[1].pitches)


def test_what_does_not_fit_the_grid_is_refused_with_advice_that_harmonize_takes(
    small_note_gru, tmp_path
):
    triplets = converter.parse("tinynotation: 3/4 trip{c'8 d' e'} f'4 g'")
    with pytest.raises(ValueError, match="strict=False"):
        harmonize(small_note_gru, triplets, particles=1)
    setting = harmonize(small_note_gru, triplets, particles=1, strict=False)[0]
    assert len(setting) == 12


@pytest.mark.parametrize("voice", ["soprano", "bass"])
def test_all_voices_rest_where_the_melody_rests(small_chord_gru, voice):
    tune = [0, 60, 62, 60, 0, 64, 0, 60]
    lengths = [0.5, 1, 0.5, 1, 1, 1, 0.25, 1]
    setting = harmonize(
        small_chord_gru, tune, quarters=lengths, voice=voice, particles=4, seed=3, progress=False
    )[0]
    silent = np.repeat(tune, [int(4 * length) for length in lengths]) == 0
    np.testing.assert_array_equal(setting.pitches == 0, np.repeat(silent[:, None], 4, axis=1))
    again = np.flatnonzero(np.diff(silent.astype(int)) == -1) + 1
    assert setting.struck[again].all(), "they come in together"
