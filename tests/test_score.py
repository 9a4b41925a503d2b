"""Scores: what is written can be read again, bars are complete, and a singer who reads the signs
sings the notes."""

import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from made_scores import read_again, real
from music21 import converter, corpus
from music21.key import Key

from chorale_utils import load_chorale
from chorale_utils.chorale import Chorale, steps_per_bar
from chorale_utils.notation.key import find_key
from chorale_utils.notation.page import UNSPELLED, Bar, KeySignature, Notation, Syllable, Tempo
from chorale_utils.notation.score import (
    _note_values,
    to_score,
)
from chorale_utils.notation.score_files import score_svg, write_score
from chorale_utils.notation.spelling import named, spelled

# minor with a pickup; 3/4 with flats; 3/4 with a pickup and ties; flats and held fermatas; 3/2;
# four sharps
REAL = ["bwv66.6", "bwv57.8", "bwv269", "bwv245.40", "bwv123.6", "bwv9.7"]


@st.composite
def chorales(draw):
    """Any chorale at all: rests, crossings, syncopations, repeated notes, pickups, every metre."""
    steps = draw(st.integers(1, 60))
    lengths = draw(st.lists(st.integers(1, 19), min_size=1, max_size=steps))
    rows = np.repeat(np.arange(len(lengths)), lengths)[:steps]
    pitches = draw(
        arrays(
            int,
            (len(lengths), 4),
            elements=st.sampled_from([0, 41, 48, 54, 55, 60, 61, 66, 70, 79]),
        )
    )[rows]
    pitches = np.pad(pitches, ((0, steps - len(pitches)), (0, 0)), mode="edge")
    time_signature = draw(
        st.sampled_from(
            ["4/4", "3/4", "3/2", "2/2", "6/8", "12/8", "9/8", "5/4", "3/8", "7/16", "6/32"]
        )
    )
    return Chorale(
        pitches,
        time_signature=time_signature,
        key=draw(
            st.none() | st.sampled_from(["C major", "f# minor", "B- major", "e- minor", "C# major"])
        ),
        pickup=draw(st.integers(0, steps_per_bar(time_signature) - 1)),
        onsets=draw(st.none() | arrays(bool, (steps, 4))),
    )


def measures_of(score):
    return [measure for part in score.parts for measure in part.getElementsByClass("Measure")]


def notes_of(part):
    """(offset, voice, note) of a staff in order of time."""
    return sorted(
        (
            (measure.offset + note.offset, number, note)
            for measure in part.getElementsByClass("Measure")
            for number, voice in enumerate(list(measure.voices) or [measure])
            for note in voice.notes
        ),
        key=lambda entry: entry[:2],
    )


@pytest.mark.parametrize("staves", [4, 2])
@pytest.mark.parametrize("name", REAL)
def test_musicxml_of_a_real_chorale_is_read_again(name, staves, tmp_path):
    chorale = real(name)
    write_score(chorale, tmp_path / "piece.musicxml", staves=staves)
    again = read_again(tmp_path / "piece.musicxml")
    assert np.array_equal(again.pitches, chorale.pitches)
    assert np.array_equal(again.struck, chorale.struck)
    for field in ("key", "time_signature", "pickup"):
        assert getattr(again, field) == getattr(chorale, field), field

    def ends(piece):
        return np.flatnonzero(piece.fermatas & ~np.append(piece.fermatas[1:], False))

    assert np.array_equal(ends(again), ends(chorale))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chorale=chorales(), staves=st.sampled_from([2, 4]))
def test_any_score_has_complete_bars_and_the_notes_of_the_chorale(chorale, staves):
    score = to_score(chorale, staves)
    bar = steps_per_bar(chorale.time_signature)
    for part in score.parts:
        measures = list(part.getElementsByClass("Measure"))
        lengths = [round(measure.highestTime * 4) for measure in measures]
        assert sum(lengths) == len(chorale)
        assert lengths[0] == min(len(chorale), chorale.pickup or bar)
        assert set(lengths[1:-1]) <= {bar}
        for measure in measures:
            for voice in measure.voices:
                assert (
                    sum(element.quarterLength for element in voice.notesAndRests)
                    == measure.highestTime
                )
    struck = Counter(
        (round(4 * note.getOffsetInHierarchy(score)), note.pitch.midi)
        for note in score.recurse().notes
        if note.tie is None or note.tie.type == "start"
    )
    assert struck == Counter(
        (start, pitch) for voice in range(4) for start, _, pitch in chorale.notes(voice).tolist()
    )


@settings(max_examples=300, deadline=None)
@given(
    metre=st.sampled_from(["4/4", "3/4", "3/2", "2/2", "6/8", "12/8", "5/16", "6/32"]),
    place=st.data(),
)
def test_note_values_fill_the_note_and_can_be_written(metre, place):
    bar = steps_per_bar(metre)
    at = place.draw(st.integers(0, bar - 1))
    length = place.draw(st.integers(1, bar - at))
    values = _note_values(at, length, metre)
    assert sum(values) == length
    assert set(values) <= {1, 2, 3, 4, 6, 8, 12, 16, 24}


@pytest.mark.parametrize(
    "metre, at, length, values",
    [
        ("4/4", 0, 16, [16]),
        ("4/4", 0, 5, [4, 1]),
        ("4/4", 3, 5, [1, 4]),
        ("4/4", 0, 6, [6]),
        ("4/4", 2, 4, [4]),
        ("4/4", 2, 6, [6]),
        ("4/4", 6, 6, [2, 4]),
        ("4/4", 0, 7, [4, 3]),
        ("4/4", 4, 8, [8]),
        ("4/4", 4, 12, [12]),
        ("3/4", 0, 12, [12]),
        ("3/4", 2, 10, [2, 8]),
        ("6/8", 0, 12, [12]),
        ("6/8", 4, 4, [2, 2]),
        ("6/8", 0, 4, [4]),
        ("12/8", 0, 24, [24]),
        ("3/2", 0, 24, [24]),
    ],
)
def test_note_values_show_the_beat(metre, at, length, values):
    assert _note_values(at, length, metre) == values


def test_note_values_are_those_of_the_edition():
    same = total = 0
    for name in REAL:
        edition, ours = corpus.parse(f"bach/{name}"), to_score(real(name))
        for theirs, part in zip(edition.parts, ours.parts):
            written = {
                (note.getOffsetInHierarchy(part), note.quarterLength)
                for note in part.recurse().notes
            }
            wanted = {
                (note.getOffsetInHierarchy(theirs), note.quarterLength)
                for note in theirs.recurse().notes
            }
            same, total = same + len(written & wanted), total + len(wanted)
    assert same / total > 0.995


def test_notes_have_the_names_that_bach_gave_them():
    right = total = 0
    for name in [*REAL, "bwv244.17", "bwv3.6", "bwv339", "bwv384", "bwv430"]:
        chorale = real(name)
        bare = replace(chorale, notation=None)
        fifths = spelled(bare, np.full(len(bare), Key(*bare.key.split()).sharps))
        for voice, part in enumerate(corpus.parse(f"bach/{name}").parts):
            for note in part.flatten().notes:
                ours = named(note.pitch.midi, fifths[round(note.offset * 4), voice])
                right, total = right + (ours.nameWithOctave == note.pitch.nameWithOctave), total + 1
    assert total > 2000
    assert right / total > 0.999


@pytest.mark.parametrize(
    "pitches, names",
    [
        (range(60, 73), "C C# D D# E F F# G G# A A# B C"),
        (range(72, 59, -1), "C B B- A A- G G- F E E- D D- C"),
    ],
)
def test_chromatic_passing_notes_of_a_melody_are_sharp_rising_and_flat_falling(pitches, names):
    melody = np.zeros((4 * len(pitches), 4), int)
    melody[:, 0] = np.repeat(pitches, 4)
    score = to_score(Chorale(melody, key="C major", time_signature="4/4"))
    written = [note.name for note in score.parts[0].recurse().notes]
    assert written == names.split()


def test_given_notes_keep_their_names_and_the_others_agree_with_them():
    """A flat and G sharp on the same key of the piano, as the page has them; a third below."""
    pitches = np.array([[68, 64, 0, 0]] * 16)
    for fifths, name in ((8, "G#"), (-4, "A-")):
        spelling = np.full((16, 4), UNSPELLED)
        spelling[:, 0] = fifths
        chorale = Chorale(
            pitches, key="C major", time_signature="4/4", notation=Notation(spelling=spelling)
        )
        assert {note.name for note in to_score(chorale).parts[0].recurse().notes} == {name}
    stale = replace(chorale, pitches=pitches + 1)  # the page speaks of other notes
    assert {note.name for note in to_score(stale).parts[0].recurse().notes} == {"A"}


def test_the_leading_note_of_a_minor_key_is_raised():
    names = {note.pitch.name for note in to_score(real("bwv66.6")).recurse().notes}
    assert "E#" in names and "A#" in names
    assert not names & {"F", "B-", "D-", "G-"}


@settings(max_examples=300, deadline=None)
@given(pitch=st.integers(1, 127), octaves=st.integers(-1, 1))
def test_a_named_pitch_sounds_as_its_midi_number(pitch, octaves):
    assert named(pitch, pitch * 7 % 12 + 12 * octaves).midi == pitch


@pytest.mark.parametrize("staves", [2, 4])
@pytest.mark.parametrize("name", REAL)
def test_a_singer_who_reads_the_printed_signs_sings_the_right_notes(name, staves):
    assert_signs_suffice(to_score(real(name), staves))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chorale=chorales(), staves=st.sampled_from([2, 4]))
def test_signs_suffice_in_any_score(chorale, staves):
    assert_signs_suffice(to_score(chorale, staves))


def assert_signs_suffice(score):
    """Reads each staff twice: as one reader of all that stands on it, and as a singer who looks at
    one voice only (and at the note head that both voices share where they sing the same note)."""
    for part in score.parts:
        key = part.recurse().getElementsByClass("KeySignature").first()
        notes = notes_of(part)
        printed = {
            (offset, note.pitch.midi, note.pitch.step)
            for offset, _, note in notes
            if note.pitch.accidental is not None and note.pitch.accidental.displayStatus
        }
        for whole_staff in (True, False):
            valid, bar, ties = {}, None, {}
            for offset, voice, note in notes:
                if note.measureNumber != bar:
                    valid, bar = {}, note.measureNumber
                line = (note.pitch.step, note.pitch.octave, None if whole_staff else voice)
                signature = key.accidentalByStep(note.pitch.step)
                if note.tie is not None and note.tie.type != "start":
                    assert (note.pitch.midi, note.pitch.step) == ties[voice]
                    assert note.pitch.accidental is None or not note.pitch.accidental.displayStatus
                else:
                    if (offset, note.pitch.midi, note.pitch.step) in printed:
                        valid[line] = note.pitch.alter
                    read = valid.get(line, signature.alter if signature else 0)
                    assert note.pitch.alter == read, f"bar {bar}: {note.pitch.nameWithOctave}"
                ties[voice] = (note.pitch.midi, note.pitch.step)


def test_signs_are_not_printed_where_the_key_says_so():
    score = to_score(Chorale(np.full((16, 4), 66), key="G major", time_signature="4/4"))
    assert not any(note.pitch.accidental.displayStatus for note in score.recurse().notes)


def soprano_signs(*pitches):
    """Whether a sign is printed at each note of a soprano in C major, 4/4: (MIDI number, steps,
    struck)."""
    column = np.concatenate([[pitch] * steps for pitch, steps, _ in pitches])
    onsets = np.concatenate([[struck] + [False] * (steps - 1) for _, steps, struck in pitches])
    chorale = Chorale(
        np.stack([column] + [np.full(len(column), 48)] * 3, axis=1),
        key="C major",
        time_signature="4/4",
        onsets=np.stack([onsets] * 4, axis=1),
    )
    return [
        bool(note.pitch.accidental and note.pitch.accidental.displayStatus)
        for note in to_score(chorale).parts[0].recurse().notes
    ]


def test_the_first_return_to_the_key_in_the_next_bar_has_a_natural():
    assert soprano_signs(
        (72, 8, True), (66, 8, True), (65, 4, True), (65, 4, True), (72, 8, True)
    ) == [False, True, True, False, False]


def test_a_note_tied_over_the_bar_needs_no_sign_but_the_next_one_does():
    tied_twice = soprano_signs((72, 8, True), (66, 18, True), (66, 6, True))
    assert tied_twice == [False, True, False, False, True]


def test_eighths_are_beamed_by_the_beat():
    pitches = np.repeat(60 + np.arange(8) % 3, 2)[:, None] + np.zeros(4, int)
    score = to_score(Chorale(pitches, time_signature="4/4", key="C major"))
    beams = [note.beams.getTypes() for note in score.parts[0].recurse().notes]
    assert beams == [["start"], ["stop"]] * 4


def test_a_score_has_its_signs_and_names():
    score = to_score(real("bwv66.6"))
    assert [part.partName for part in score.parts] == ["Soprano", "Alto", "Tenor", "Bass"]
    clefs = [part.recurse().getElementsByClass("Clef").first().name for part in score.parts]
    assert clefs == ["treble", "treble", "treble8vb", "bass"]
    assert score.metadata.title == "Ach, wie schön"
    assert score.metadata.composer == "Johann Sebastian Bach"
    assert all(
        part.getElementsByClass("Measure").last().rightBarline.type == "final"
        for part in score.parts
    )


def test_on_two_staves_the_upper_voice_has_its_stems_up():
    for part in to_score(real("bwv66.6"), staves=2).parts:
        for _, voice, note in notes_of(part):
            assert note.stemDirection == ("up", "down")[voice]


def test_a_generated_chorale_names_no_composer(tmp_path):
    write_score(Chorale(np.full((16, 4), 60), name="generated-0001"), tmp_path / "piece.musicxml")
    text = (tmp_path / "piece.musicxml").read_text()
    assert "Bach" not in text and "<creator" not in text and "Fragment" not in text
    assert "generated-0001" not in text and "title>" not in text  # a name is no title


@pytest.mark.parametrize("name", ["bwv245.40", "bwv269", "bwv66.6"])
def test_a_chorale_without_key_and_metre_is_written_with_those_that_are_found(name, tmp_path):
    chorale = real(name)
    bare = Chorale(chorale.pitches, name="bare")
    write_score(bare, tmp_path / "bare.musicxml")
    again = read_again(tmp_path / "bare.musicxml")
    assert (again.key, again.time_signature, again.pickup) == (
        chorale.key,
        chorale.time_signature,
        chorale.pickup,
    )
    assert find_key(bare) == chorale.key


def test_a_silent_voice_rests_for_whole_bars():
    pitches = np.full((32, 4), 60)
    pitches[:, 1] = 0
    rests = list(to_score(Chorale(pitches, time_signature="4/4")).parts[1].recurse().notesAndRests)
    assert [(rest.isRest, rest.quarterLength) for rest in rests] == [(True, 4.0)] * 2


def test_the_composer_is_bach_where_there_is_a_bwv_number_but_for_settings_known_to_be_anothers():
    for bwv, composer in (
        ("66.6", "Johann Sebastian Bach"),
        ("27.6", "Johann Rosenmüller"),
        (None, None),
    ):
        assert to_score(Chorale([[60, 57, 52, 45]], bwv=bwv)).metadata.composer == composer


# Colours and facts


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chorale=chorales(), staves=st.sampled_from([2, 4]), drawn=st.data())
def test_each_note_has_the_colour_of_its_first_step_and_so_have_the_pieces_tied_to_it(
    chorale, staves, drawn
):
    colours = drawn.draw(
        arrays("<U7", (len(chorale), 4), elements=st.sampled_from(["", "#D55E00", "crimson"]))
    )
    wanted = {"": None, "#D55E00": "#D55E00", "crimson": "#DC143C"}
    expected = Counter(
        (start, pitch, wanted[colours[start, voice]])
        for voice in range(4)
        for start, _, pitch in chorale.notes(voice).tolist()
    )
    written, sounding = Counter(), {}
    for number, part in enumerate(to_score(chorale, staves, colours).parts):
        for offset, voice, note in notes_of(part):
            if note.tie is None or note.tie.type == "start":
                written[round(4 * offset), note.pitch.midi, note.style.color] += 1
                sounding[number, voice] = note.style.color
            assert note.style.color == sounding[number, voice]
    assert written == expected


# The page


def on_a_page(pitches, bars, **about):
    """A chorale with a page; every note is struck where the pitch changes."""
    return Chorale(
        pitches,
        time_signature=bars[0].time_signature,
        pickup=bars[0].steps if bars[0].offset else 0,
        notation=Notation(bars, **about),
    )


def held(steps):
    return np.tile([72, 67, 64, 48], (steps, 1))


def test_bars_are_those_of_the_page_and_have_its_numbers():
    bars = (
        Bar(0, 4, "4/4", 12, 0),
        Bar(4, 16, "4/4"),
        Bar(20, 12, "4/4", 0, 2, repeat_end=2),
        Bar(32, 4, "4/4", 12, 2, repeat_begin=True),
        Bar(36, 12, "3/4", 0, 3, barline="double"),
        Bar(48, 6, "3/4", 0, 4, repeat_end=3),
    )
    for part in to_score(on_a_page(held(54), bars)).parts:
        measures = list(part.getElementsByClass("Measure"))
        assert [4 * measure.highestTime for measure in measures] == [bar.steps for bar in bars]
        assert [measure.number for measure in measures] == [0, 1, 2, 2, 3, 4]
        assert [measure.timeSignature is not None for measure in measures] == [
            place in (0, 4) for place in range(6)
        ]
        assert measures[2].rightBarline.direction == "end"
        assert measures[3].leftBarline.direction == "start"
        assert measures[4].rightBarline.type == "double"
        assert measures[5].rightBarline.times == 3


def test_words_stand_under_the_voice_that_sings_them_and_only_there(tmp_path):
    words = (
        Syllable(0, 0, 1, "Freu", "begin"),
        Syllable(0, 0, 2, "Gott"),
        Syllable(8, 0, 1, "et", "end", melisma=True),
        Syllable(8, 3, 1, "Bass"),
    )
    pitches = np.concatenate([held(8), held(8) - 2])
    chorale = on_a_page(pitches, (Bar(0, 16, "4/4"),), words=words)
    parts = to_score(chorale).parts
    sung = [[[lyric.text for lyric in n.lyrics] for n in part.recurse().notes] for part in parts]
    assert sung == [[["Freu", "Gott"], ["et"]], [[], []], [[], []], [[], ["Bass"]]]
    root = ET.parse(write_score(chorale, tmp_path / "piece.musicxml")).getroot()
    written = [
        (lyric.get("number"), lyric.findtext("syllabic"), lyric.findtext("text"))
        for lyric in root.iter("lyric")
    ]
    assert written[:3] == [
        ("1", "begin", "Freu"),
        ("2", "single", "Gott"),
        ("1", "end", "et"),
    ]
    assert [lyric.find("extend") is not None for lyric in root.iter("lyric")][:3] == [0, 0, 1]


def test_a_syllable_within_a_held_note_parts_it():
    words = (Syllable(0, 0, 1, "O"), Syllable(8, 0, 1, "Gott"))
    score = to_score(on_a_page(held(16), (Bar(0, 16, "4/4"),), words=words))
    notes = list(score.parts[0].recurse().notes)
    assert [(note.quarterLength, note.lyric) for note in notes] == [(2, "O"), (2, "Gott")]
    assert [note.tie.type for note in notes] == ["start", "stop"]


def test_words_where_nothing_is_sung_are_named():
    pitches = held(16)
    pitches[:8, 0] = 0
    chorale = on_a_page(pitches, (Bar(0, 16, "4/4"),), words=(Syllable(4, 0, 1, "still"),))
    with pytest.warns(UserWarning, match="1 of 1 syllables .* 'still', soprano, step 4"):
        to_score(chorale)


def test_on_two_staves_voices_share_the_words_that_both_sing_and_part_those_that_differ():
    bars = (Bar(0, 16, "4/4"),)
    both = (Syllable(0, 0, 1, "Freu"), Syllable(0, 1, 1, "Freu"))
    other = (Syllable(0, 0, 1, "Freu"), Syllable(0, 1, 1, "Gott"))
    assert score_svg(on_a_page(held(16), bars, words=both)).count("Freu") == 1
    assert score_svg(on_a_page(held(16), bars, words=both), staves=4).count("Freu") == 2
    drawing = ET.fromstring(score_svg(on_a_page(held(16), bars, words=other), title=False))
    places = {
        syllable.findtext(".//{*}tspan/{*}tspan"): float(syllable.find("{*}text").get("y"))
        for syllable in drawing.findall(".//{*}g")
        if syllable.get("class") == "syl"
    }
    assert places["Freu"] < places["Gott"]


def test_signs_and_tempos_tell_other_programs_what_they_mean(tmp_path):
    bars = (
        Bar(0, 16, "4/4", marks=("to coda",)),
        Bar(16, 16, "4/4", 0, 2, marks=("segno", "dal segno al coda")),
        Bar(32, 16, "4/4", 0, 3, marks=("coda", "fine", "da capo al fine")),
    )
    tempos = (Tempo(0, 80, "Andante"), Tempo(16, None, "Etwas langsamer"))
    chorale = on_a_page(held(48), bars, tempos=tempos)
    root = ET.parse(write_score(chorale, tmp_path / "piece.musicxml")).getroot()
    sounds = [(name, told) for sound in root.iter("sound") for name, told in sound.items()]
    assert sorted(sounds) == [
        ("coda", "coda"),
        ("dacapo", "yes"),
        ("dalsegno", "segno"),
        ("fine", "yes"),
        ("segno", "segno"),
        ("tempo", "80"),
        ("tocoda", "coda"),
    ]
    words = [words.text.strip() for words in root.iter("words")]
    assert words == [
        "Andante",
        "To Coda",
        "Etwas langsamer",
        "D.S. al Coda",
        "Fine",
        "D.C. al Fine",
    ]
    first = next(root.iter("direction"))
    assert [kind[0].tag for kind in first.findall("direction-type")] == ["words", "metronome"]


def test_a_tempo_in_six_eight_counts_dotted_quarters():
    chorale = on_a_page(held(12), (Bar(0, 12, "6/8"),), tempos=(Tempo(0, 90),))
    mark = to_score(chorale).recurse().getElementsByClass("MetronomeMark").first()
    assert (mark.number, mark.referent.quarterLength, mark.getQuarterBPM()) == (60, 1.5, 90)


def test_keys_change_where_the_page_says_and_signs_follow_them():
    bars = (Bar(0, 16, "4/4"), Bar(16, 16, "4/4", 0, 2))
    keys = (KeySignature(0, 0, "major"), KeySignature(16, 1, "major"))
    score = to_score(on_a_page(np.full((32, 4), 66), bars, keys=keys))
    found = list(score.parts[0].recurse().getElementsByClass("KeySignature"))
    assert [key.sharps for key in found] == [0, 1]
    shown = [bool(n.pitch.accidental.displayStatus) for n in score.parts[0].recurse().notes]
    assert shown == [True, False]
    modal = to_score(Chorale(held(16), key="d dorian", time_signature="4/4"))
    key = modal.recurse().getElementsByClass("KeySignature").first()
    assert (key.tonic.name, key.mode, key.sharps) == ("D", "dorian", 0)


@pytest.mark.parametrize(
    "metre, whole", [("5/4", [8, 12]), ("7/8", [8, 6]), ("5/8", [4, 6]), ("7/4", [16, 12])]
)
def test_a_whole_bar_of_five_or_seven_is_parted_as_it_is_counted(metre, whole):
    assert _note_values(0, sum(whole), metre) == whole


def test_authors_are_those_of_the_page():
    about = {"composer": "Trad.", "lyricist": "P. Gerhardt", "arranger": "arr. X"}
    chorale = on_a_page(held(16), (Bar(0, 16, "4/4"),), **about)
    metadata = to_score(replace(chorale, bwv="66.6")).metadata
    assert (metadata.composer, metadata.lyricist, metadata.arranger) == tuple(about.values())


def test_each_note_under_a_fermata_has_its_sign():
    """Two notes of the soprano, one after the other, the first of them shorter than the bass's."""
    pitches = np.concatenate([held(8), held(4) - [2, 0, 0, 0], held(4)])
    fermatas = np.arange(16) >= 8
    score = to_score(Chorale(pitches, time_signature="4/4", key="C major", fermatas=fermatas))
    signs = [[bool(n.expressions) for n in part.recurse().notes] for part in score.parts]
    assert signs[0] == [False, True, True]


def test_a_fermata_of_the_lower_voices_alone_stands_there():
    pitches = held(16)
    pitches[8:, 1] -= 2
    fermatas = np.arange(16) >= 8
    score = to_score(Chorale(pitches, time_signature="4/4", key="C major", fermatas=fermatas))
    signs = [[bool(n.expressions) for n in part.recurse().notes] for part in score.parts]
    assert signs == [[False], [False, True], [False], [False]]


@pytest.mark.parametrize("line, expected", [(None, "final"), ("regular", "regular")])
@pytest.mark.parametrize("staves", [2, 4])
def test_last_bar_line_is_written_in_every_part_and_is_final_unless_the_page_says_otherwise(
    tmp_path, line, expected, staves
):
    page = Notation((Bar(0, 16, "4/4"), Bar(16, 16, "4/4", 0, 2, barline=line)))
    mine = Chorale([[72, 67, 64, 48]] * 32, time_signature="4/4", notation=page)
    written = write_score(mine, tmp_path / "mine.musicxml", staves=staves)
    for part in converter.parse(written).parts:
        assert part.getElementsByClass("Measure").last().rightBarline.type == expected
    assert load_chorale(written).notation.bars == page.bars
