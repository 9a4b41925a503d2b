"""What MIDI files say is read: metre, tempo, keys, words; voices among other instruments; notes
held too long or too short."""

import mido
import pytest
from made_midi import FOUR, QUARTERS, metre, midi, sung

from chorale_utils import KeySignature, Syllable, Tempo, load_chorale, load_melody


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


def test_words_with_hyphens_are_read_by_them_even_where_one_has_a_space(tmp_path):
    texts = ["Lo-", "be", "den ", "Her-", "ren"]
    words = [(4 * number, sung(text)) for number, text in enumerate(texts)]
    read = load_melody(midi(tmp_path / "x.mid", [("Tune", 0, QUARTERS, words)]))
    assert [(word.text, word.syllabic) for word in read.notation.words] == [
        ("Lo", "begin"),
        ("be", "end"),
        ("den", "single"),
        ("Her", "begin"),
        ("ren", "end"),
    ]
