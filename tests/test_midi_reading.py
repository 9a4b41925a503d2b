"""What MIDI files say is read: metre, tempo, keys, words; voices among other instruments; notes
held too long or too short."""

import mido
import numpy as np
import pytest

from chorale_utils import KeySignature, Syllable, Tempo, load_chorale, load_melody

TICKS = 480  # in a quarter


def midi(path, tracks, metas=(), kind=1):
    """A file of (name, channel, [(start, stop, pitch)], [(step, meta message)]) for each track,
    after a conductor's track of (step, meta message)."""
    made = mido.MidiFile(type=kind, ticks_per_beat=TICKS, charset="utf-8")
    conductor = mido.MidiTrack()
    made.tracks.append(conductor)
    fill(conductor, list(metas))
    for name, channel, notes, *events in tracks:
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        messages = [event for more in events for event in more]
        for start, stop, pitch in notes:
            messages.append((start, mido.Message("note_on", channel=channel, note=pitch)))
            messages.append((stop, mido.Message("note_off", channel=channel, note=pitch)))
        fill(track, messages)
        made.tracks.append(track)
    if kind == 0:
        made.tracks[:] = [mido.merge_tracks(made.tracks)]
    made.save(path)
    return path


def fill(track, events):
    now = 0
    order = {"note_off": 0}
    for step, message in sorted(events, key=lambda event: (event[0], order.get(event[1].type, 1))):
        tick = round(step * TICKS / 4)
        track.append(message.copy(time=tick - now))
        now = tick


def metre(step, text):
    count, unit = map(int, text.split("/"))
    return step, mido.MetaMessage("time_signature", numerator=count, denominator=unit)


def sung(text):
    return mido.MetaMessage("lyrics", text=text)


QUARTERS = [(step, step + 4, 60 + step // 4) for step in range(0, 64, 4)]
FOUR = [("Soprano", 0, [(0, 16, 72)]), ("Alto", 1, [(0, 16, 67)])] + [
    ("Tenor", 2, [(0, 16, 60)]),
    ("Bass", 3, [(0, 16, 48)]),
]


def bars_of(chorale):
    return [(b.number, b.steps, b.time_signature, b.offset) for b in chorale.notation.bars]


@pytest.mark.parametrize(
    "metas, expected",
    [
        ([(0, "4/4"), (16, "3/4"), (40, "4/4")], [(1, 16, "4/4", 0), (2, 12, "3/4", 0)]),
        ([(0, "1/4"), (4, "4/4")], [(0, 4, "4/4", 12), (1, 16, "4/4", 0)]),
        ([(0, "3/4"), (24, "4/4")], [(1, 12, "3/4", 0), (2, 12, "3/4", 0), (3, 16, "4/4", 0)]),
        ([(0, "2/4"), (8, "4/4"), (24, "2/4"), (32, "4/4")], [(1, 8, "2/4", 0), (2, 16, "4/4", 0)]),
    ],
)
def test_metre_changes_where_the_file_says_so_and_no_pickup_is_invented(tmp_path, metas, expected):
    path = midi(tmp_path / "x.mid", [("", 0, QUARTERS)], [metre(*meta) for meta in metas])
    read = load_melody(path)
    assert bars_of(read)[: len(expected)] == expected
    assert read.pickup == (expected[0][1] if expected[0][3] else 0)
    assert sum(bar[1] for bar in bars_of(read)) == 64


def test_three_beats_before_the_first_bar_line_are_a_pickup_where_the_last_bar_completes_them(
    tmp_path,
):
    path = midi(tmp_path / "x.mid", [("", 0, QUARTERS)], [metre(0, "3/4"), metre(12, "4/4")])
    assert load_melody(path).pickup == 12
    path = midi(tmp_path / "y.mid", [("", 0, QUARTERS[:15])], [metre(0, "3/4"), metre(12, "4/4")])
    read = load_melody(path)
    assert bars_of(read)[:2] == [(1, 12, "3/4", 0), (2, 16, "4/4", 0)] and read.pickup == 0


def test_bar_in_two_halves_and_a_last_one_that_completes_the_pickup_are_no_new_metres(tmp_path):
    metres = [(0, "1/4"), (4, "4/4"), (20, "3/4"), (32, "1/4"), (36, "4/4"), (52, "3/4")]
    path = midi(tmp_path / "x.mid", [("", 0, QUARTERS)], [metre(*one) for one in metres])
    assert bars_of(load_melody(path)) == [
        (0, 4, "4/4", 12),
        (1, 16, "4/4", 0),
        (2, 12, "4/4", 0),
        (2, 4, "4/4", 12),
        (3, 16, "4/4", 0),
        (4, 12, "4/4", 0),
    ]


def test_keys_and_tempos_are_kept_and_a_fermata_that_is_played_is_none(tmp_path):
    metas = [
        metre(0, "4/4"),
        (0, mido.MetaMessage("key_signature", key="Bb")),
        (32, mido.MetaMessage("key_signature", key="Em")),
        (0, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(96))),
        (12, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(48))),
        (16, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(96))),
        (48, mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60))),
    ]
    read = load_melody(midi(tmp_path / "x.mid", [("", 0, QUARTERS)], metas))
    assert read.key == "B- major"
    assert read.notation.keys == (KeySignature(0, -2, "major"), KeySignature(32, 1, "minor"))
    assert read.notation.tempos == (Tempo(0, 96.0), Tempo(48, 60.0))


@pytest.mark.parametrize(
    "texts, expected",
    [
        (
            ["Lo-", "be", "den", "Herrn"],
            [("Lo", "begin"), ("be", "end"), ("den", "single"), ("Herrn", "single")],
        ),
        (
            ["Lo", "be ", "den ", "Herrn"],
            [("Lo", "begin"), ("be", "end"), ("den", "single"), ("Herrn", "single")],
        ),
        (
            ["\\Hal", "le", "lu", "/ja"],
            [("Hal", "begin"), ("le", "middle"), ("lu", "end"), ("ja", "single")],
        ),
        (["Lob", "", "\r", "Gott"], [("Lob", "single"), None, None, ("Gott", "single")]),
        (
            ["Größ-", "_", "-ter", "Gott"],
            [("Größ", "begin"), None, ("ter", "end"), ("Gott", "single")],
        ),
    ],
)
@pytest.mark.parametrize("own_track", [False, True])
def test_lyric_events_are_words_under_their_notes(tmp_path, texts, expected, own_track):
    events = [(4 * place, sung(text)) for place, text in enumerate(texts)]
    tracks = [("Melody", 0, QUARTERS[:4], [] if own_track else events)]
    tracks += [("Words", 0, [], events)] if own_track else []
    read = load_melody(midi(tmp_path / "x.mid", tracks))
    assert read.notation.words == tuple(
        Syllable(4 * place, 0, 1, *told) for place, told in enumerate(expected) if told
    )


def test_several_lyric_events_at_one_note_are_verses_and_each_track_has_its_own(tmp_path):
    tracks = [
        (*FOUR[0], [(0, sung("one")), (0, sung("two"))]),
        *FOUR[1:3],
        (*FOUR[3], [(0, sung("low"))]),
    ]
    read = load_chorale(midi(tmp_path / "x.mid", tracks))
    assert [(word.voice, word.verse, word.text) for word in read.notation.words] == [
        (0, 1, "one"),
        (0, 2, "two"),
        (3, 1, "low"),
    ]


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
    with pytest.raises(ValueError, match=rf"track 6 \('{name}'\) beside four named voices"):
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


@pytest.mark.parametrize("over", [0.2, 1 / 3, 0.6])
def test_legato_is_cut_and_the_last_note_ends_when_it_ends(tmp_path, over):
    tune = [(0, 4, 67), (4, 8, 71), (8, 12, 71), (12, 20, 69), (24, 26, 67), (26, 38, 67)]
    played = [(start, stop + over, pitch) for start, stop, pitch in tune]
    tracks = [(name, channel, played) for name, channel, _ in FOUR]
    read = load_chorale(midi(tmp_path / "x.mid", tracks))
    for voice in range(4):
        assert read.notes(voice).tolist() == [[a, b - a, pitch] for a, b, pitch in tune]


def test_notes_off_the_grid_are_refused_with_advice_that_works(tmp_path):
    triplet = [(0, 4 / 3, 60), (4 / 3, 8 / 3, 62), (8 / 3, 4, 64), (4, 8, 65)]
    path = midi(tmp_path / "x.mid", [("", 0, triplet)])
    with pytest.raises(ValueError, match="with strict=False what sounds at the beginning"):
        load_melody(path)
    assert load_melody(path, strict=False).pitches[:, 0].tolist() == [60, 60, 62, 64] + [65] * 4


def test_two_voices_in_one_track_are_still_refused(tmp_path):
    path = midi(tmp_path / "x.mid", [("", 0, [(0, 8, 60), (0, 8, 64), (8, 16, 62)])])
    for strict in (True, False):
        with pytest.raises(ValueError, match="note 64 begins while note 60 sounds"):
            load_melody(path, strict=strict)


def test_places_are_told_by_the_bars_of_the_file(tmp_path):
    tune = [(0, 16, 60), (16, 28, 62), (28, 30.5, 64), (30.5, 44, 65)]
    metas = [metre(0, "4/4"), metre(16, "3/4"), metre(28, "4/4")]
    with pytest.raises(ValueError, match="bar 3, beat 1.62, melody"):
        load_melody(midi(tmp_path / "x.mid", [("", 0, tune)], metas))


def test_copyright_and_title_are_read(tmp_path):
    metas = [
        (0, mido.MetaMessage("track_name", name="Grüß Gott")),
        (0, mido.MetaMessage("copyright", text="© me")),
    ]
    read = load_melody(midi(tmp_path / "x.mid", [("", 0, QUARTERS)], metas))
    assert (read.title, read.notation.copyright) == ("Grüß Gott", "© me")
    assert read.notation.spelling is None and np.all(read.pitches[:4, 0] == 60)
