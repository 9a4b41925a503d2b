"""MIDI out and back: what is written is read again, and what cannot be four voices is refused by
name and place."""

from io import BytesIO

import mido
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from music21 import converter, corpus

from chorale_utils.chorale import VOICES, Chorale, steps_per_bar
from chorale_utils.notation.midi import (
    CHOIR_AAHS,
    TICKS_PER_QUARTER,
    read_midi,
    read_midi_melody,
    write_midi,
)
from chorale_utils.notation.page import (
    Bar,
    KeySignature,
    Notation,
    Syllable,
    Tempo,
    expand_repeats,
)
from chorale_utils.notation.reading import from_score

REAL = [
    "bwv66.6",
    "bwv269",
    "bwv57.8",
    "bwv123.6",
    "bwv245.40",
]  # pickup, 3/4 with and without, 3/2, flats
KEYS = [
    f"{tonic}{accidental} {mode}"
    for mode, tonics in (("major", "CDEFGAB"), ("minor", "cdefgab"))
    for tonic in tonics
    for accidental in ("", "#", "-")
]
NAMEABLE = {
    key
    for key in KEYS
    if key
    not in (
        "D# major",
        "E# major",
        "G# major",
        "A# major",
        "B# major",
        "F- major",
        "e# minor",
        "b# minor",
        "c- minor",
        "d- minor",
        "f- minor",
        "g- minor",
    )
}


def real(name):
    return from_score(
        corpus.parse(f"bach/{name}"), name, bwv=name.removeprefix("bwv"), title="Ach, wie schön"
    )


@st.composite
def chorales(draw):
    """Any chorale at all: rests, crossings, repeated notes, pickups, odd names."""
    steps = draw(st.integers(0, 40))
    lengths = draw(st.lists(st.integers(1, 9), min_size=1, max_size=steps + 1))
    rows = np.repeat(np.arange(len(lengths)), lengths)[:steps]
    pitches = draw(
        arrays(int, (len(lengths), 4), elements=st.sampled_from([0, 1, 43, 55, 60, 61, 72, 127]))
    )[rows]
    pitches = np.pad(pitches, ((0, steps - len(pitches)), (0, 0)))
    onsets = draw(st.none() | arrays(bool, (steps, 4)))
    time_signature = draw(
        st.none() | st.sampled_from(["4/4", "3/4", "3/2", "2/2", "6/8", "12/8", "5/16"])
    )
    text = st.text(max_size=12)
    return Chorale(
        pitches,
        name=draw(text),
        bwv=draw(st.none() | text),
        title=draw(st.none() | text),
        key=draw(st.none() | st.sampled_from(sorted(NAMEABLE))),
        time_signature=time_signature,
        onsets=onsets,
        pickup=draw(st.integers(0, steps_per_bar(time_signature) - 1)) if time_signature else 0,
    )


def there_and_back(chorale, path):
    write_midi(chorale, path)
    return read_midi(path)


def assert_same_music(one, other):
    assert np.array_equal(one.pitches, other.pitches)
    for voice in range(4):
        assert np.array_equal(one.notes(voice), other.notes(voice))
    for field in ("name", "bwv", "title", "key", "time_signature", "pickup"):
        assert getattr(one, field) == getattr(other, field), field


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(chorale=chorales())
def test_what_is_written_is_read_again(chorale, tmp_path):
    assert_same_music(chorale, there_and_back(chorale, tmp_path / "piece.mid"))


@pytest.mark.parametrize("name", REAL)
def test_real_chorales_are_read_again(name, tmp_path):
    chorale = real(name)
    back = there_and_back(chorale, tmp_path / "piece.mid")
    assert_same_music(chorale, back)
    assert np.array_equal(back.onsets, chorale.struck)


@pytest.mark.parametrize("key", KEYS)
def test_a_key_is_read_again_and_told_to_others_where_midi_has_a_name_for_it(key, tmp_path):
    back = there_and_back(Chorale(np.full((4, 4), 60), key=key), tmp_path / "piece.mid")
    assert back.key == key
    told = list(mido.MidiFile(tmp_path / "piece.mid").tracks[0])
    assert any(message.type == "key_signature" for message in told) == (key in NAMEABLE)


def test_the_file_is_of_type_1_with_a_track_and_a_channel_for_each_voice_of_the_choir(tmp_path):
    write_midi(real("bwv66.6"), tmp_path / "piece.mid", tempo=90, fermata=1)
    midi = mido.MidiFile(tmp_path / "piece.mid")
    conductor, *voices = midi.tracks
    assert (midi.type, len(voices)) == (1, 4)
    assert [mido.tempo2bpm(m.tempo) for m in conductor if m.type == "set_tempo"] == [
        pytest.approx(90)
    ]
    assert [track.name for track in voices] == [voice.capitalize() for voice in VOICES]
    for channel, track in enumerate(voices):
        assert {m.channel for m in track if not m.is_meta} == {channel}
        assert [m.program for m in track if m.type == "program_change"] == [CHOIR_AAHS]
    assert len({m.velocity for track in voices for m in track if m.type == "note_on"}) == 4


def test_every_note_is_let_go_before_the_next_is_struck(tmp_path):
    chorale = real("bwv66.6")
    write_midi(chorale, tmp_path / "piece.mid")
    for voice, track in enumerate(mido.MidiFile(tmp_path / "piece.mid").tracks[1:]):
        sounding, struck = set(), 0
        for message in track:
            if message.type == "note_on":
                assert not sounding
                sounding.add(message.note)
                struck += 1
            elif message.type == "note_off":
                sounding.remove(message.note)
        assert not sounding
        assert struck == chorale.struck[:, voice].sum()


def test_every_track_lasts_as_long_as_the_piece_even_into_silence(tmp_path):
    chorale = Chorale(np.pad(np.full((8, 4), 60), ((0, 5), (0, 0))))
    write_midi(chorale, tmp_path / "piece.mid")
    for track in mido.MidiFile(tmp_path / "piece.mid").tracks:
        assert sum(message.time for message in track) == 13 * TICKS_PER_QUARTER // 4
    assert len(read_midi(tmp_path / "piece.mid")) == 13


def test_bar_lines_fall_after_the_pickup_for_another_program(tmp_path):
    chorale = real("bwv66.6")
    write_midi(chorale, tmp_path / "piece.mid")
    ours = [
        (m.numerator, m.denominator, m.time)
        for m in mido.MidiFile(tmp_path / "piece.mid").tracks[0]
        if m.type == "time_signature"
    ]
    assert ours == [(1, 4, 0), (4, 4, TICKS_PER_QUARTER)]
    score = converter.parse(tmp_path / "piece.mid", forceSource=True)
    downbeats = [measure.offset for measure in score.parts[0].getElementsByClass("Measure")]
    assert downbeats[:3] == [0, 1, 5]


def test_a_file_of_another_program_is_read(tmp_path):
    chorale = real("bwv66.6")
    corpus.parse("bach/bwv66.6").write("midi", tmp_path / "other.mid")
    back = read_midi(tmp_path / "other.mid")
    assert np.array_equal(back.pitches, chorale.pitches)
    assert np.array_equal(back.struck, chorale.struck)
    assert (back.key, back.time_signature, back.name) == ("f# minor", "4/4", "other")


def midi_file(path, tracks, ticks=480, names=None, before=()):
    """A file of type 1 from lists of (start, stop, pitch) in sixteenths."""
    midi = mido.MidiFile(type=1, ticks_per_beat=ticks)
    for number, notes in enumerate(tracks):
        events = [(0, message) for message in (before if number == 0 else ())]
        for start, stop, pitch in notes:
            for when, kind in ((start, "note_on"), (stop, "note_off")):
                events.append(
                    (round(when * ticks / 4), mido.Message(kind, channel=number % 16, note=pitch))
                )
        track, now = mido.MidiTrack(), 0
        if names:
            track.name = names[number]
        for tick, message in sorted(
            events, key=lambda event: (event[0], event[1].type == "note_on")
        ):
            track.append(message.copy(time=tick - now))
            now = tick
        midi.tracks.append(track)
    midi.save(path)
    return path


HELD = [[(0, 16, 72)], [(0, 16, 67)], [(0, 16, 60)], [(0, 16, 48)]]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(shift=st.floats(-0.12, 0.12), released=st.floats(0.8, 1.0))
def test_a_human_hand_is_forgiven(shift, released, tmp_path):
    tracks = [
        [
            (max(0, start + shift), start + 4 * released, pitch + start // 8)
            for start in range(0, 32, 4)
        ]
        for pitch in (72, 67, 60, 48)
    ]
    read = read_midi(midi_file(tmp_path / "played.mid", tracks))
    assert np.array_equal(read.struck[:, 0], np.arange(32) % 4 == 0)
    assert np.array_equal(read.pitches[:28, 1], 67 + np.arange(28) // 8)


def test_voices_without_names_are_told_apart_by_height(tmp_path):
    read = read_midi(midi_file(tmp_path / "piece.mid", HELD[::-1]))
    assert read.pitches[0].tolist() == [72, 67, 60, 48]


def test_voices_with_names_are_told_apart_by_them(tmp_path):
    read = read_midi(
        midi_file(tmp_path / "piece.mid", HELD, names=["Bass", "Tenor", "Alt", "Sopran"])
    )
    assert read.pitches[0].tolist() == [48, 60, 67, 72]


def test_four_channels_of_one_track_are_four_voices(tmp_path):
    write_midi(real("bwv66.6"), tmp_path / "piece.mid")
    tracks = mido.MidiFile(tmp_path / "piece.mid").tracks
    one = mido.MidiFile(
        type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[mido.merge_tracks(tracks)]
    )
    one.save(tmp_path / "one.mid")
    assert np.array_equal(read_midi(tmp_path / "one.mid").pitches, real("bwv66.6").pitches)


@pytest.mark.parametrize(
    "tracks, complaint",
    [
        (
            HELD[:3],
            r"notes in 3 tracks \(track 1, track 2, track 3\) and 3 channels: expected four voices",
        ),
        ([], r"notes in 0 tracks \(no track\)"),
        (
            HELD[:3] + [[(0, 16, 48), (8, 16, 50)]],
            r"bar 1, beat 3, track 4: note 50 begins while note 48 sounds",
        ),
        (
            HELD[:3] + [[(0, 16, 48), (17.5, 20, 50)]],
            r"bar 2, beat 1.38, track 4: note 50 begins 0.50 of a sixteenth after",
        ),
        (
            HELD[:3] + [[(0, 8, 48), (8, 8.05, 50), (8.05, 16, 52)]],
            r"bar 1, beat 3, track 4: note 50 lasts 0.05 sixteenths",
        ),
        (HELD[:3] + [[(0, 8, 0)]], r"bar 1, beat 1, track 4: note 0: expected 1..127"),
        (HELD[:3] + [[(0, 400_004, 48)]], r"400,004 sixteenths long"),
    ],
)
def test_what_is_not_four_voices_on_the_grid_is_refused_with_its_place(tracks, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint) as raised:
        read_midi(midi_file(tmp_path / "wrong.mid", tracks))
    assert "wrong.mid" in str(raised.value)


def test_places_are_counted_in_the_files_own_metre_and_after_its_pickup(tmp_path):
    metre = [
        mido.MetaMessage("time_signature", numerator=1, denominator=4),
        mido.MetaMessage("time_signature", numerator=3, denominator=4, time=480),
    ]
    path = midi_file(
        tmp_path / "waltz.mid", HELD[:3] + [[(4, 12, 48), (8, 16, 50)]], before=metre[:1]
    )
    midi = mido.MidiFile(path)
    midi.tracks.insert(0, mido.MidiTrack(metre))
    midi.save(path)
    with pytest.raises(ValueError, match="waltz.mid: bar 1, beat 2, track 5"):
        read_midi(path)


def test_a_melody_is_the_only_voice_and_several_are_refused_with_their_tracks(tmp_path):
    whole = real("bwv66.6")
    voices = np.arange(len(VOICES))
    alone = Chorale(
        whole.pitches * (voices == 2),
        onsets=whole.onsets & (voices == 2),
        key=whole.key,
        time_signature=whole.time_signature,
        pickup=whole.pickup,
    )
    melody = read_midi_melody(write_midi(alone, tmp_path / "tenor.mid"))
    assert melody.notes(0).tolist() == whole.notes(2).tolist() and not melody.pitches[:, 1:].any()
    assert (melody.key, melody.time_signature, melody.pickup) == ("f# minor", "4/4", 4)
    with pytest.raises(
        ValueError,
        match=r"notes in track 2 \('Soprano'\), channel 1, track 3 .*: expected a melody",
    ):
        read_midi_melody(write_midi(whole, tmp_path / "four.mid"))
    with pytest.raises(ValueError, match="notes in no track: expected a melody"):
        read_midi_melody(write_midi(Chorale(np.zeros((4, 4), int)), tmp_path / "none.mid"))


def test_a_note_that_is_never_let_go_is_refused(tmp_path):
    midi = mido.MidiFile(midi_file(tmp_path / "hangs.mid", HELD))
    midi.tracks[2] = mido.MidiTrack(
        message for message in midi.tracks[2] if message.type != "note_off"
    )
    midi.save(tmp_path / "hangs.mid")
    with pytest.raises(
        ValueError,
        match="hangs.mid: note 60 in track 3, channel 3, struck at quarter 1, is never released",
    ):
        read_midi(tmp_path / "hangs.mid")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(choice=st.data())
def test_a_damaged_file_is_refused_with_a_value_error_or_read(choice, tmp_path):
    content = BytesIO()
    whole = tmp_path / "whole.mid"
    write_midi(Chorale(np.full((16, 4), 60), key="C major", time_signature="4/4", pickup=4), whole)
    content = bytearray(whole.read_bytes())
    for place, value in choice.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=4)
    ):
        content[place] = value
    damaged = tmp_path / "damaged.mid"
    damaged.write_bytes(content[: choice.draw(st.integers(0, len(content)))])
    try:
        assert isinstance(read_midi(damaged), Chorale)
    except ValueError as error:
        assert "damaged.mid" in str(error)


def test_a_file_that_is_not_there_is_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.mid"):
        read_midi(tmp_path / "nowhere.mid")


@pytest.mark.parametrize("tempo", [0, 3, 1001, -60, float("nan")])
def test_an_impossible_tempo_is_refused_and_nothing_is_written(tempo, tmp_path):
    with pytest.raises(ValueError, match="quarter notes per minute"):
        write_midi(Chorale(np.full((4, 4), 60)), tmp_path / "piece.mid", tempo=tempo)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "piece.mid"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", lambda *paths: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_midi(Chorale(np.full((4, 4), 60)), path)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [
        ("piece.mid", b"old")
    ]


@pytest.mark.parametrize("name", ["xx", "piece.wav", "piece.mid.txt"])
def test_another_suffix_is_refused_and_nothing_is_written(name, tmp_path):
    with pytest.raises(ValueError, match=rf"{name}: .*: expected one of \.mid, \.midi"):
        write_midi(Chorale([[60] * 4]), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["piece.midi", "PIECE.MID"])
def test_either_suffix_is_written_in_any_case(name, tmp_path):
    assert len(read_midi(write_midi(Chorale([[60] * 4]), tmp_path / name))) == 1


@pytest.mark.parametrize("given", ["bwv66.6", None, [Chorale([[60] * 4])]])
def test_what_is_no_chorale_is_refused_in_words_and_nothing_is_written(given, tmp_path):
    with pytest.raises(TypeError, match="got a .*: expected (a Chorale|one)"):
        write_midi(given, tmp_path / "piece.mid")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("read", [read_midi, read_midi_melody])
def test_what_is_no_file_name_is_refused_in_words(read):
    with pytest.raises(TypeError, match="got a NoneType .*: expected the name of a MIDI file"):
        read(None)


# What is written of the page


def a_page():
    """A pickup, a bar divided by a repeat, a change of metre and key, words, tempos, a fermata."""
    bars = (
        Bar(0, 4, "4/4", 12, 0),
        Bar(4, 12, "4/4", 0, 1, repeat_end=2),
        Bar(16, 4, "4/4", 12, 1),
        Bar(20, 12, "3/4", 0, 2),
    )
    words = (
        Syllable(0, 0, 1, "Freu", "begin"),
        Syllable(0, 0, 2, "Gott"),
        Syllable(4, 0, 1, "et", "end", melisma=True),
    )
    page = Notation(
        bars,
        (KeySignature(0, 0, "dorian"), KeySignature(20, -3, "minor")),
        (Tempo(0, 104, "Andante"), Tempo(20, 60)),
        words,
    )
    onsets = np.zeros((32, 4), bool)
    onsets[::4] = True
    return Chorale(
        np.tile([72, 67, 64, 48], (32, 1)),
        name="mine",
        key="d dorian",
        time_signature="4/4",
        pickup=4,
        onsets=onsets,
        fermatas=np.arange(32) >= 28,
        notation=page,
    )


def events(path, track, kind):
    """[(step, message)] of one kind in a track."""
    found, tick = [], 0
    for message in mido.MidiFile(path).tracks[track]:
        tick += message.time
        if message.type == kind:
            found.append((tick / 120, message))
    return found


def test_metre_key_tempo_and_words_are_there_for_other_programs(tmp_path):
    path = write_midi(a_page(), tmp_path / "piece.mid")
    metres = [
        (step, f"{m.numerator}/{m.denominator}") for step, m in events(path, 0, "time_signature")
    ]
    assert metres == [(0, "1/4"), (4, "3/4"), (16, "1/4"), (20, "3/4")]
    assert [(step, m.key) for step, m in events(path, 0, "key_signature")] == [(0, "C"), (20, "Cm")]
    tempos = [(step, round(mido.tempo2bpm(m.tempo), 2)) for step, m in events(path, 0, "set_tempo")]
    assert tempos == [(0, 104), (20, 60), (28, 40)]  # the fermata lingers
    assert [(step, m.text) for step, m in events(path, 1, "lyrics")] == [(0, "Freu-"), (4, "et_")]
    assert read_midi(path) == a_page()


def test_a_note_that_is_struck_again_is_let_go_a_moment_before(tmp_path):
    path = write_midi(a_page(), tmp_path / "piece.mid")
    off = [step for step, _ in events(path, 1, "note_off")]
    assert all(0 < np.ceil(step) - step < 1 / 8 for step in off[:-1]) and off[-1] == 32


def test_repeats_are_written_with_their_signs_or_played_out(tmp_path):
    path = write_midi(a_page(), tmp_path / "piece.mid", repeats="played")
    assert read_midi(path) == expand_repeats(a_page()) and len(read_midi(path)) == 48
    with pytest.raises(ValueError, match="repeats 'both': expected one of"):
        write_midi(a_page(), tmp_path / "other.mid", repeats="both")


def test_one_voice_of_our_file_has_its_own_words_and_no_others(tmp_path):
    path = write_midi(a_page(), tmp_path / "piece.mid")
    soprano, bass = (read_midi_melody(path, part=part) for part in ("soprano", "bass"))
    assert soprano.notation == a_page().notation
    assert bass.pitches[0].tolist() == [48, 0, 0, 0] and not bass.notation.words


def test_a_slow_tempo_under_a_long_fermata_is_as_slow_as_midi_can_say(tmp_path):
    path = write_midi(a_page(), tmp_path / "piece.mid", tempo=4, fermata=3)
    assert [m.tempo for _, m in events(path, 0, "set_tempo")] == [15_000_000, 0xFFFFFF]
