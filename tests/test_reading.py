"""Scores onto the grid: real chorales against music21's own account of them, then what must be
refused."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from made_scores import four_parts, part
from music21 import (
    chord,
    converter,
    corpus,
    expressions,
    instrument,
    interval,
    key,
    note,
    stream,
    tie,
)

from chorale_utils.chorale import VOICES, Chorale
from chorale_utils.notation.page import KeySignature
from chorale_utils.notation.reading import from_melody, from_score

REAL = [
    "bwv66.6",
    "bwv269",
    "bwv123.6",
    "bwv248.23-2",
    "bwv1.6",
    "bwv190.7-inst",
    "bwv171.6",
    "bwv299",
]


@pytest.fixture(scope="module")
def real():
    """{name: music21 Score}."""
    return {name: corpus.parse(f"bach/{name}") for name in REAL}


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("name", REAL)
def test_notes_are_those_that_music21_finds_with_ties_joined(real, name):
    chorale = from_score(real[name], name=name)
    parts = {part.partName.split()[0].lower(): part for part in real[name].parts}
    for voice, voice_name in enumerate(VOICES):
        expected = [
            (int(4 * one.offset), int(4 * one.quarterLength), one.pitch.midi)
            for one in parts[voice_name].stripTies().flatten().notes
            if not one.duration.isGrace
        ]
        assert chorale.notes(voice).tolist() == [list(one) for one in expected], voice_name


def test_key_metre_pickup_and_fermatas_are_read(real):
    chorale = from_score(real["bwv66.6"], name="bwv66.6", bwv="66.6", title="Christ ist erstanden")
    assert (chorale.key, chorale.time_signature, chorale.pickup) == ("f# minor", "4/4", 4)
    assert (chorale.name, chorale.bwv, chorale.title) == ("bwv66.6", "66.6", "Christ ist erstanden")
    under = np.flatnonzero(np.diff(np.concatenate([[0], chorale.fermatas])) == 1)
    marked = [
        one
        for one in real["bwv66.6"].parts[0].flatten().notes
        if any(isinstance(mark, expressions.Fermata) for mark in one.expressions)
    ]
    assert under.tolist() == [int(4 * one.offset) for one in marked]
    assert chorale.fermatas.sum() == sum(4 * one.quarterLength for one in marked)
    waltz = from_score(real["bwv269"])
    assert (waltz.key, waltz.time_signature, waltz.pickup) == ("G major", "3/4", 4)
    assert from_score(real["bwv123.6"]).pickup == 0


@pytest.mark.parametrize(
    "bass, signature, expected",
    [
        ("A2", key.KeySignature(0), "a minor"),
        ("A3", key.KeySignature(0), "a minor"),
        ("C3", key.KeySignature(0), "C major"),
        ("E3", key.KeySignature(0), "C major"),
        ("G2", key.KeySignature(-2), "g minor"),
        ("B-2", key.KeySignature(-2), "B- major"),
        ("G#2", key.KeySignature(5), "g# minor"),
        ("A2", key.Key("C"), "C major"),
        ("C3", key.Key("a"), "a minor"),
        (None, key.KeySignature(0), "C major"),
        ("A2", None, None),
    ],
)
def test_a_signature_without_a_mode_is_in_minor_where_the_bass_ends_on_its_tonic(
    bass, signature, expected
):
    notes = {"soprano": ("E5", 4), "alto": ("C5", 4), "tenor": ("G4", 4), "bass": (bass, 4)}
    score = stream.Score([part(name.title(), one) for name, one in notes.items()])
    for one in score.parts if signature else ():
        one.getElementsByClass("Measure")[0].insert(
            0,
            key.KeySignature(signature.sharps)
            if type(signature) is key.KeySignature
            else key.Key(signature.tonic, signature.mode),
        )
    assert from_score(score).key == expected


@pytest.mark.parametrize(
    "name, expected",
    [("bwv384", "c minor"), ("bwv33.6", "a minor"), ("bwv66.6", "f# minor"), ("bwv269", "G major")],
)
def test_a_real_chorale_without_its_mode_is_in_the_key_that_it_ends_in(name, expected):
    score = corpus.parse(f"bach/{name}")
    for stated in list(score.recurse().getElementsByClass("Key")):
        stated.activeSite.replace(stated, key.KeySignature(stated.sharps))
    assert from_score(score).key == expected


def test_fermatas_are_the_sopranos_and_those_of_any_voice_where_it_has_none():
    for marked, expected in (
        (("soprano", "alto"), [0] * 8 + [1] * 8),
        (("alto",), [0] * 12 + [1] * 4),
    ):
        score = four_parts(
            soprano=part("Soprano", ("C5", 2), ("D5", 2)), alto=part("Alto", ("G4", 3), ("F4", 1))
        )
        for place, name in enumerate(("soprano", "alto")):
            if name in marked:
                score.parts[place].flatten().notes[-1].expressions.append(expressions.Fermata())
        assert from_score(score).fermatas.tolist() == expected


def test_a_fermata_on_one_of_tied_notes_holds_for_all_of_them():
    score = four_parts(
        soprano=part("Soprano", ("C5", 2), ("D5", 4), ("E5", 2)),
        alto=part("Alto", ("G4", 8)),
        tenor=part("Tenor", ("E4", 8)),
        bass=part("Bass", ("C3", 8)),
    )
    tied = [one for one in score.parts[0].flatten().notes if one.pitch.name == "D"]
    assert [one.tie.type for one in tied] == ["start", "stop"]
    tied[1].expressions.append(expressions.Fermata())
    assert np.flatnonzero(from_score(score).fermatas).tolist() == list(range(8, 24))


def test_repeated_notes_are_struck_and_tied_ones_are_not():
    soprano = part("Soprano", *[("C5", 0.5)] * 8)
    for one, kind in zip(soprano.flatten().notes[4:], ("start", "continue", "continue", "stop")):
        one.tie = tie.Tie(kind)
    chorale = from_score(four_parts(soprano=soprano))
    assert np.flatnonzero(chorale.onsets[:, 0]).tolist() == [0, 2, 4, 6, 8]
    assert chorale.notes(0)[-1].tolist() == [8, 8, 72]


def test_an_end_of_a_tie_that_began_nowhere_is_struck():
    soprano = part("Soprano", ("C5", 2), ("C5", 2))
    soprano.flatten().notes[1].tie = tie.Tie("stop")
    assert np.flatnonzero(from_score(four_parts(soprano=soprano)).onsets[:, 0]).tolist() == [0, 8]


def test_interludes_go_in_whole_bars_and_only_where_that_is_asked():
    rest = part("Soprano", ("C5", 4), (None, 12), ("D5", 4))
    score = stream.Score(
        [rest]
        + [
            part(name, (pitch, 4), (None, 10), (pitch, 6))
            for name, pitch in (("Alto", "G4"), ("Tenor", "E4"), ("Bass", "C3"))
        ]
    )
    assert len(from_score(score)) == 80
    shorter = from_score(
        score, strict=False
    )  # ten quarters of rest in all voices: two bars, and two quarters stay
    assert len(shorter) == 48
    assert (shorter.pitches[16:24] == 0).all() and (shorter.pitches[24:32, 1:] != 0).all()


def test_repeats_are_read_once_unless_asked():
    score = corpus.parse("bach/bwv360")
    once, taken = from_score(score), from_score(score, repeats="played")
    again = len(taken) - len(once)
    assert again > 0
    np.testing.assert_array_equal(taken.pitches[:again], taken.pitches[again : 2 * again])
    np.testing.assert_array_equal(taken.pitches[again:], once.pitches)


def test_parts_for_transposing_instruments_are_read_as_they_sound():
    tenor = part("Tenor", ("D5", 4))
    tenor.insert(0, instrument.Instrument("Tenor"))
    tenor.getInstrument().transposition = interval.Interval("P-8")
    tenor.atSoundingPitch = False
    assert from_score(four_parts(tenor=tenor)).pitches[0, 2] == 62


def test_a_piece_without_music_is_an_error_and_a_silent_one_is_not():
    rests = [part(name.title(), (None, 4)) for name in VOICES]
    assert from_score(stream.Score(rests)).pitches.tolist() == [[0] * 4] * 16
    with pytest.raises(ValueError, match="mine: no notes: expected four voices that sing"):
        from_score(stream.Score(rests), name="mine", strict=False)
    with pytest.raises(ValueError, match="mine: no notes"):
        from_score(stream.Score([part(name.title()) for name in VOICES]), name="mine")


@pytest.mark.parametrize("quarters", [1 / 8, 1 / 3, 3 / 8])
def test_a_note_off_the_grid_is_an_error_that_says_where(quarters):
    short = part("Bass", ("C3", 2), ("D3", quarters), ("E3", 2 - quarters))
    with pytest.raises(
        ValueError, match="mine: bass, bar 1, beat 3: a note of .* quarters begins or ends between"
    ):
        from_score(four_parts(bass=short), name="mine")


def test_off_the_grid_each_step_has_what_sounds_at_its_beginning_where_that_is_asked():
    short = part(
        "Bass", ("C3", 1 / 8), ("D3", 1 / 8), ("E3", 3 / 8), ("F3", 1 / 8), ("G3", 1 / 4), ("A3", 3)
    )
    chorale = from_score(four_parts(bass=short), strict=False)
    assert chorale.pitches[:5, 3].tolist() == [48, 52, 52, 55, 57]
    assert chorale.onsets[:5, 3].tolist() == [True, True, False, True, True]


LENGTHS = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(48, 70)), st.integers(1, 9)), min_size=1, max_size=12
)


@pytest.mark.filterwarnings("ignore:.*the bar is silent")
@settings(max_examples=25, deadline=None)
@given(LENGTHS)
def test_whatever_lies_on_the_grid_is_read_as_it_was_written(notes):
    soprano = part("Soprano", ("C5", 0.25), *((pitch, steps / 4) for pitch, steps in notes))
    chorale = from_score(four_parts(soprano=soprano))
    written, start = [[0, 1, 72]], 1
    for pitch, steps in notes:
        if pitch is not None:
            written.append([start, steps, pitch])
        start += steps
    assert chorale.notes(0).tolist() == written
    assert len(chorale) == max(start, 16)


# Melodies


@pytest.mark.filterwarnings("ignore:.*left out")
@pytest.mark.parametrize("name", REAL[:4])
def test_a_melody_is_read_as_the_soprano_of_the_whole_piece_is(real, name):
    whole = from_score(real[name], name=name)
    soprano = next(part for part in real[name].parts if part.partName.startswith("Soprano"))
    alone = from_melody(soprano, name=name)
    assert len(alone) == len(whole) or not whole.pitches[len(alone) :, 0].any()
    assert alone.notes(0).tolist() == whole.notes(0).tolist()
    assert not alone.pitches[:, 1:].any() and not alone.onsets[:, 1:].any()
    assert (alone.time_signature, alone.pickup) == (whole.time_signature, whole.pickup)
    np.testing.assert_array_equal(alone.fermatas, whole.fermatas[: len(alone)])


@pytest.mark.parametrize("last, expected", [("A4", "a minor"), ("C5", "C major")])
def test_a_melodys_signature_is_in_minor_where_it_ends_on_its_tonic(last, expected):
    tune = part("Melody", ("E5", 2), (last, 2))
    tune.getElementsByClass("Measure")[0].insert(0, key.KeySignature(0))
    assert from_melody(tune).key == expected


@pytest.mark.parametrize(
    "source, complaint",
    [
        (
            lambda: stream.Score([part("One", ("C5", 4)), part("Other", ("E4", 4))]),
            r"mine: 2 parts \(One, Other\) with notes: expected one melody",
        ),
        (lambda: part("Silent", (None, 4)), "mine: no parts with notes"),
        (
            lambda: part("Short", ("C5", 2), ("D5", 1 / 3), ("E5", 5 / 3)),
            "mine: melody, bar 1, beat 3: a note of 1/3 quarters begins or ends between",
        ),
        (
            lambda: stream.Part([chord.Chord(["C5", "E5"], quarterLength=4)]),
            "mine: melody, quarter 0: 2 notes at a time",
        ),
    ],
)
def test_what_is_no_melody_is_an_error_that_says_where(source, complaint):
    with pytest.raises(ValueError, match=complaint):
        from_melody(source(), name="mine")


@pytest.mark.parametrize(
    "given", ["tune.musicxml", None, ["C5", "D5"], [72, 74], Chorale([[60] * 4])]
)
def test_what_is_nothing_of_music21s_is_refused_with_what_to_do(given):
    with pytest.raises(TypeError, match="mine: got a.*: expected a music21 stream; load_chorale"):
        from_score(given, name="mine")
    with pytest.raises(TypeError, match="mine: got a.*; load_melody reads a file, harmonize takes"):
        from_melody(given, name="mine")


@pytest.mark.parametrize("last", ["d", "a"])
def test_a_signature_in_a_church_mode_is_read_as_that_mode(last):
    melody = converter.parse(f"tinynotation: 4/4 d4 e f {last}")
    melody.insert(0, key.Key("d", "dorian"))
    read = from_melody(melody)
    assert read.key == "d dorian"
    assert read.notation.keys == (KeySignature(0, 0, "dorian"),)


def test_old_name_of_repeats_still_works_and_says_the_new_one():
    score = corpus.parse("bach/bwv360")
    with pytest.warns(DeprecationWarning, match="expand_repeats is now called repeats='played'"):
        old = from_score(score, expand_repeats=True)
    assert old == from_score(score, repeats="played")
    with pytest.raises(ValueError, match="repeats 'twice': expected one of 'written', 'played'"):
        from_score(score, repeats="twice")


def test_interludes_that_are_cut_out_leave_a_page_that_fits():
    notes = [("C5", 6), (None, 12), ("D5", 6)]
    score = stream.Score([part(name, *notes) for name in ("Soprano", "Alto", "Tenor", "Bass")])
    read = from_score(score, strict=False)
    assert [(bar.start, bar.steps, bar.offset) for bar in read.notation.bars] == [
        (0, 16, 0),
        (16, 16, 0),
        (32, 16, 0),
    ]
    assert len(read) == 48 and (read.notation.spelling[read.pitches == 0] == -128).all()


@given(st.lists(st.sampled_from(["C5", "C#5", "D-5", "F##5", "B-4", "E#5", "G5"]), min_size=1))
@settings(max_examples=25, deadline=None)
def test_every_note_keeps_its_spelling(names):
    read = from_melody(part("Melody", *((name, 1) for name in names)))
    spelled = read.notation.spelling[::4, 0][: len(names)]
    letters = [note.Note(name).pitch for name in names]
    assert spelled.tolist() == [
        "FCGDAEB".index(one.step) - 1 + 7 * int(one.alter) for one in letters
    ]
    assert ((7 * spelled.astype(int)) % 12 == read.pitches[::4, 0][: len(names)] % 12).all()
