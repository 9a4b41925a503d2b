"""Which tracks of a MIDI file are voices."""

import pytest
from hypothesis import given, settings, strategies as st
from made_midi import FOUR, midi

from chorale_utils import load_chorale, load_melody


@pytest.mark.parametrize(
    "other, named",
    [
        (("Drums", 9, [(0, 1, 42)]), "track 6 ('Drums'), drums on channel 10"),
        (("Piano", 4, [(0, 4, 60), (0, 4, 64)]), "track 6 ('Piano')"),
        (("", 5, [(0, 4, 60)]), "track 6"),
    ],
)
def test_four_named_voices_are_taken_from_among_others_and_these_are_named(tmp_path, other, named):
    path = midi(tmp_path / "x.mid", [*FOUR, other])
    with pytest.warns(UserWarning) as warned:
        read = load_chorale(path)
    assert [str(one.message) for one in warned] == [f"{path}: left out: {named}"]
    assert read.pitches.tolist() == [[72, 67, 60, 48]] * 16


def test_drums_beside_four_unnamed_channels_or_a_melody_are_left_out(tmp_path):
    drums = ("", 9, [(0, 1, 42), (1, 2, 42)])
    tracks = [("", channel, notes) for _, channel, notes in FOUR]
    for kind in (0, 1):
        with pytest.warns(UserWarning, match="drums on channel 10"):
            read = load_chorale(midi(tmp_path / "x.mid", [*tracks, drums], kind=kind))
        assert read.pitches.tolist() == [[72, 67, 60, 48]] * 16
    with pytest.warns(UserWarning, match="drums on channel 10"):
        assert load_melody(midi(tmp_path / "y.mid", [tracks[0], drums])).pitches[0, 0] == 72


@pytest.mark.parametrize("name", ["Soprano 2", "Quinto", "Descant", "Tenor II"])
def test_fifth_voice_is_refused_by_name_and_left_out_where_that_is_asked(tmp_path, name):
    path = midi(tmp_path / "x.mid", [*FOUR, (name, 4, [(0, 16, 65)])])
    with pytest.raises(ValueError, match=rf"track 6 \('{name}'\) besides four named voices"):
        load_chorale(path)
    with pytest.warns(UserWarning, match=f"left out: track 6 ..{name}"):
        assert load_chorale(path, strict=False).pitches[0].tolist() == [72, 67, 60, 48]


@pytest.mark.parametrize("part", ["Alto", "alto", "alt", 3, "3"])
def test_part_is_chosen_by_name_or_number(tmp_path, part):
    path = midi(tmp_path / "x.mid", FOUR)
    assert load_melody(path, part=part).pitches[0].tolist() == [67, 0, 0, 0]


def test_four_parts_are_chosen_and_a_wrong_one_is_named(tmp_path):
    tracks = [("Choir", 0, [(0, 16, 70)]), *((f"V{n}", *t[1:]) for n, t in enumerate(FOUR))]
    path = midi(tmp_path / "x.mid", tracks)
    assert load_chorale(path, part=[3, 4, 5, 6]).pitches[0].tolist() == [72, 67, 60, 48]
    with pytest.raises(ValueError, match=r"part 'Oboe': expected one of .*: track 2 \('Choir'\)"):
        load_melody(path, part="Oboe")
    with pytest.raises(ValueError, match="expected a melody, .*; part= chooses a track"):
        load_melody(path)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.booleans()), min_size=2))
@settings(max_examples=40, deadline=None)
def test_two_tracks_with_two_voices_each_are_opened(tmp_path_factory, halves):
    """Each half note: how high the two voices stand, and whether the lower one moves in quarters.
    The upper voice is always above the lower one."""
    path, tracks, expected = tmp_path_factory.mktemp("midi") / "x.mid", [], []
    for name, base in (("Left", 48), ("Right", 64)):
        upper = [(8 * at, 8 * at + 8, base + 7 + up) for at, (up, _, _) in enumerate(halves)]
        lower = []
        for at, (_, down, moves) in enumerate(halves):
            start, pitch = 8 * at, base + down
            lower += [(start, start + 4, pitch), (start + 4, start + 8, pitch + 1)] * moves
            lower += [(start, start + 8, pitch)] * (not moves)
        tracks.append((name, 0, upper + lower))
        expected = [upper, lower, *expected]
    read = load_chorale(midi(path, tracks))
    for voice, notes in enumerate(expected):
        assert [(a, a + n, pitch) for a, n, pitch in read.notes(voice).tolist()] == notes


def test_note_that_sounds_alone_in_a_track_of_two_voices_is_sung_by_both(tmp_path):
    right = [(0, 8, 72), (0, 8, 67), (8, 16, 69)]
    left = [(0, 16, 60), (0, 16, 48)]
    read = load_chorale(midi(tmp_path / "x.mid", [("", 0, right), ("", 1, left)]))
    assert read.pitches[[0, 8]].tolist() == [[72, 67, 60, 48], [69, 69, 60, 48]]


@pytest.mark.parametrize(
    "right, complaint",
    [
        ([(0, 8, 72), (0, 8, 67), (4, 8, 64)], "bar 1, beat 2, track 2 .* 3 notes at a time"),
        ([(0, 8, 72), (8, 16, 74)], "track 2 .* has one voice: expected four tracks"),
    ],
)
def test_track_with_other_than_two_voices_is_refused_by_name(tmp_path, right, complaint):
    left = [(0, 16, 60), (0, 16, 48)]
    with pytest.raises(ValueError, match=complaint):
        load_chorale(midi(tmp_path / "x.mid", [("Right", 0, right), ("Left", 1, left)]))
