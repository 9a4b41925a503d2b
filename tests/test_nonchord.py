"""Each kind of non-chord tone, made by hand, and all of Bach's."""

import numpy as np
import pandas as pd
import pytest

from chorale_utils import Chorale, analyse, load_corpus, nonchord_tones
from chorale_utils.harmony.chords import QUALITIES
from chorale_utils.harmony.nonchord import KINDS

I_CHORD, V_CHORD, IV_CHORD = (0, "I", "major"), (7, "V", "major"), (5, "IV", "major")


def read(soprano, chords):
    """The non-chord tones, as a list of (start, steps, voice, kind), of a soprano in eighths (0
    holds the note before) over given chords, a quarter each."""
    pitches, onsets = [], []
    for note in soprano:
        pitches += [note or pitches[-1]] * 2
        onsets += [bool(note), False]
    low = np.zeros((len(pitches), 3), int)
    for number, (root, _, quality) in enumerate(chords):  # below the soprano only chord tones
        members = [(root + above) % 12 for above in QUALITIES[quality]]
        low[4 * number : 4 * number + 4] = [60 + members[1], 48 + members[2], 36 + members[0]]
    struck = np.zeros((len(pitches), 4), bool)
    struck[:, 0] = onsets
    struck[::4, 1:] = True
    chorale = Chorale(
        np.column_stack([pitches, low]), time_signature="4/4", onsets=struck, key="C major"
    )
    analysis = pd.DataFrame(
        {
            "start": 4 * np.arange(len(chords)),
            "steps": 4,
            "bar": 1,
            "beat": 1.0 + np.arange(len(chords)),
            "key": "C major",
            "numeral": [each[1] for each in chords],
            "root": [each[0] for each in chords],
            "quality": [each[2] for each in chords],
            "inversion": 0,
            "cadence": None,
        }
    )
    found = nonchord_tones(chorale, analysis)
    return list(found[["start", "steps", "voice", "kind"]].itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("kind", "start", "soprano", "chords"),
    [
        ("passing", 2, [76, 74, 72, 0], [I_CHORD, I_CHORD]),
        ("passing", 2, [72, 74, 76, 0], [I_CHORD, I_CHORD]),
        ("neighbour", 2, [76, 77, 76, 0], [I_CHORD, I_CHORD]),
        ("suspension", 4, [72, 0, 0, 71], [I_CHORD, V_CHORD]),
        ("suspension", 4, [72, 0, 72, 71], [I_CHORD, V_CHORD]),
        ("anticipation", 2, [74, 72, 72, 0], [V_CHORD, I_CHORD]),
        ("anticipation", 2, [74, 72, 0, 0], [V_CHORD, I_CHORD]),
        ("appoggiatura", 4, [67, 0, 77, 76], [I_CHORD, I_CHORD]),
        ("escape", 2, [76, 77, 72, 0], [I_CHORD, I_CHORD]),
        ("pedal", 4, [72, 0, 0, 0, 0, 0], [I_CHORD, V_CHORD, IV_CHORD]),
        ("leapt", 2, [72, 77, 72, 0], [I_CHORD, I_CHORD]),
    ],
)
def test_a_non_chord_tone_made_by_hand_is_named(kind, start, soprano, chords):
    found = read(soprano, chords)
    assert [(each[0], each[2], each[3]) for each in found] == [(start, 0, kind)]


def test_a_note_is_listed_for_the_part_that_is_outside_its_chord():
    assert read([72, 0, 0, 71], [I_CHORD, V_CHORD]) == [(4, 2, 0, "suspension")]


def test_a_rest_before_a_note_is_no_step():
    pitches = np.repeat(
        [[72, 64, 55, 48], [0, 64, 55, 48], [74, 64, 55, 48], [72, 64, 55, 48]], 4, 0
    )
    found = nonchord_tones(Chorale(pitches, time_signature="4/4"))
    assert found[["start", "voice", "kind"]].values.tolist() == [[8, 0, "appoggiatura"]]


def test_exactly_the_notes_outside_their_chords_are_listed():
    for chorale in load_corpus("music21", progress=False).test[:5]:
        analysis = analyse(chorale)
        outside = np.zeros(chorale.pitches.shape, bool)
        for row in analysis.itertuples():
            steps = slice(row.start, row.start + row.steps)
            members = [(row.root + above) % 12 for above in QUALITIES[row.quality]]
            outside[steps] = ~np.isin(chorale.pitches[steps] % 12, members)
        outside &= chorale.pitches > 0
        listed = np.zeros_like(outside)
        found = nonchord_tones(chorale, analysis)
        for row in found.itertuples():
            steps = slice(row.start, row.start + row.steps)
            assert (chorale.pitches[steps, row.voice] == row.pitch).all()
            listed[steps, row.voice] = True
        assert (listed == outside).all()
        assert set(found["kind"]) <= set(KINDS)
        assert found.equals(nonchord_tones(chorale))


def test_bachs_non_chord_tones_are_hardly_ever_leapt():
    kinds = pd.concat(
        nonchord_tones(each) for each in load_corpus("music21", progress=False).test[:12]
    )["kind"].value_counts(normalize=True)
    assert kinds["passing"] > 0.4
    assert kinds["leapt"] < 0.06
