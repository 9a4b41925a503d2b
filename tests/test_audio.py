"""Sound: as long as the music, at the right pitch and time, without clicks; sung by a SoundFont
where one is given."""

import struct
import sys
import time

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, example, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from music21 import corpus

from chorale_utils.chorale import Chorale
from chorale_utils.notation.midi import CHOIR_AAHS, TEMPO
from chorale_utils.notation.page import Bar, Notation, Tempo
from chorale_utils.notation.reading import from_score
from chorale_utils.sound.audio import PEAK, TAIL, step_times, synthesize, write_sound

RATE = 22_050
_read = {}


def real(name="bwv66.6"):
    if name not in _read:
        _read[name] = from_score(corpus.parse(f"bach/{name}"), name, bwv=name.removeprefix("bwv"))
    return _read[name]


def held(*pitches, steps=16, **about):
    return Chorale(np.tile(pitches, (steps, 1)), **about)


def loudest_frequency(sound, rate):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2**18))
    return np.argmax(spectrum) * rate / 2**18


def test_the_sound_lasts_as_long_as_the_music_and_the_room():
    chorale = real()
    sound = synthesize(chorale, RATE, tempo=90, fermata=1)
    assert sound.dtype == np.float32 and sound.shape[1] == 2
    assert len(sound) / RATE == pytest.approx(chorale.quarters * 60 / 90 + TAIL, abs=1e-3)


def test_fermatas_are_held_and_nothing_else():
    chorale = real()
    quick, held_out = step_times(chorale, 60, 1), step_times(chorale, 60, 2)
    assert np.array_equal(np.diff(held_out) / np.diff(quick), np.where(chorale.fermatas, 2, 1))
    assert len(synthesize(chorale, RATE, 60, 2)) - len(
        synthesize(chorale, RATE, 60, 1)
    ) == pytest.approx(chorale.fermatas.sum() / 4 * RATE, abs=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    pitches=arrays(
        int,
        st.tuples(st.integers(0, 24), st.just(4)),
        elements=st.sampled_from([0, 1, 36, 60, 81, 127]),
    ),
    tempo=st.integers(20, 400),
    rate=st.sampled_from([8000, 22_050, 44_100]),
)
@example(
    pitches=np.full((24, 4), 127), tempo=20, rate=8000
)  # more places of the wave table than an int32 can count
def test_any_chorale_sounds_below_the_peak_and_from_silence_to_silence(pitches, tempo, rate):
    sound = synthesize(Chorale(pitches), rate, tempo)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max(initial=0) <= PEAK + 1e-6
    assert np.abs(sound[[0, -1]]).max() < 1e-3
    if pitches.any():
        assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-6)


def clicks(sound, rate):
    """The strength above 7 kHz, where no voice sings, at its worst moment, against the loudest
    sample (dB)."""
    spectrum = np.fft.rfft(sound[:, 0])
    spectrum[np.fft.rfftfreq(len(sound), 1 / rate) < 7000] = 0
    return 20 * np.log10(np.abs(np.fft.irfft(spectrum, len(sound))).max() / np.abs(sound).max())


def test_nothing_clicks():
    assert clicks(synthesize(real(), 44_100), 44_100) < -60


def test_the_measure_of_clicks_hears_a_click():
    sound = synthesize(real(), 44_100).copy()
    sound[100_000:] = np.roll(sound, 200, axis=0)[100_000:]
    assert clicks(sound, 44_100) > -50


def test_samples_do_not_jump_in_a_repeated_note():
    onsets = np.zeros((16, 4), bool)
    onsets[::2] = True
    sound = synthesize(held(60, 60, 60, 60, onsets=onsets), 44_100)
    assert np.abs(np.diff(sound, axis=0)).max() < 0.2


@pytest.mark.parametrize("pitch", [45, 57, 69, 76])
def test_a_note_sounds_at_its_pitch(pitch):
    sound = synthesize(held(pitch, 0, 0, 0), RATE)[:, 0]
    cents = 1200 * np.log2(loudest_frequency(sound, RATE) / (440 * 2 ** ((pitch - 69) / 12)))
    harmonic = 1200 * np.log2(max(1, round(2 ** (cents / 1200))))
    assert abs(cents - harmonic) < 15


def test_notes_begin_when_their_steps_do():
    pitches = np.zeros((32, 4), int)
    pitches[8:12, 0] = 72
    sound = np.abs(synthesize(Chorale(pitches), RATE, tempo=60)).max(axis=1)
    first = np.flatnonzero(sound > 0.02 * PEAK)[0] / RATE
    assert 2 <= first < 2.03
    assert sound[int(3.3 * RATE) :].max() < 0.3


def test_a_repeated_note_is_heard_anew():
    once = synthesize(held(60, 0, 0, 0), RATE, 60)[:, 0]
    onsets = np.zeros((16, 4), bool)
    onsets[[0, 8]] = True
    twice = synthesize(held(60, 0, 0, 0, onsets=onsets), RATE, 60)[:, 0]
    assert np.abs(once - twice)[int(1.9 * RATE) : int(2.2 * RATE)].max() > 0.1


def test_the_voices_stand_left_and_right():
    for voice, louder_left in ((0, True), (1, False), (2, True), (3, False)):
        pitches = np.zeros((8, 4), int)
        pitches[:, voice] = 60
        left, right = np.sqrt(np.mean(synthesize(Chorale(pitches), RATE) ** 2, axis=0))
        assert (left > right) == louder_left
        assert 0.3 < left / right < 3


def test_silence_is_silent():
    assert not synthesize(held(0, 0, 0, 0), RATE).any()


def test_a_minute_of_music_takes_little_time():
    chorale = real("bwv245.40")
    began = time.process_time()
    sound = synthesize(chorale, tempo=80)
    assert len(sound) > 80 * 44_100
    assert time.process_time() - began < 10  # some 1.4 s on an idle core


@pytest.mark.parametrize(
    "suffix, format, off", [("flac", "FLAC", 1e-3), ("ogg", "OGG", 0.2), ("MP3", "MP3", None)]
)
def test_a_file_has_the_format_of_its_suffix_and_holds_the_sound(suffix, format, off, tmp_path):
    path = write_sound(real(), tmp_path / f"piece.{suffix}", sample_rate=RATE, tempo=120)
    assert soundfile.info(path).format == format
    read, rate = soundfile.read(path)
    sound = synthesize(real(), RATE, 120)
    assert rate == RATE and len(read) == pytest.approx(len(sound), abs=0.1 * RATE)
    loud = np.sqrt(np.mean(sound[RATE:-RATE] ** 2))
    assert np.sqrt(np.mean(read[RATE:-RATE] ** 2)) == pytest.approx(loud, rel=0.05)
    if off is not None:  # in an MP3 the sound begins a little later
        assert np.sqrt(np.mean((read - sound) ** 2)) < off * loud


def test_a_note_sounds_at_its_pitch_at_the_highest_sample_rate():
    sound = synthesize(held(57, 0, 0, 0), 96_000)
    assert len(sound) == pytest.approx((4 * 60 / TEMPO + TAIL) * 96_000, abs=1)
    harmonic = loudest_frequency(sound[: 2 * 96_000, 0], 96_000) / 220
    assert harmonic == pytest.approx(round(harmonic), rel=0.01)


def test_ten_minutes_can_be_written_as_ogg(tmp_path):
    long = held(60, 0, 0, 0, steps=4 * 400)
    path = write_sound(long, tmp_path / "long.ogg", sample_rate=16_000, tempo=40)
    assert soundfile.info(path).duration > 600


@pytest.mark.parametrize("name", ["song", "song.mp4", "song.mid"])
def test_another_suffix_is_refused_with_those_that_there_are(name, tmp_path):
    with pytest.raises(ValueError, match=rf"{name}: .*expected one of \.wav, \.flac, \.ogg, \.mp3"):
        write_sound(real(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_write_wav_is_the_old_name_of_write_sound():
    import chorale_utils

    with pytest.warns(DeprecationWarning, match="write_wav is now called .*write_sound"):
        assert chorale_utils.write_wav is write_sound


@pytest.mark.parametrize("given", ["bwv66.6", None, [Chorale([[60] * 4])]])
def test_what_is_no_chorale_is_refused_in_words_and_nothing_is_written(given, tmp_path):
    for function in (synthesize, step_times, lambda it: write_sound(it, tmp_path / "song.wav")):
        with pytest.raises(TypeError, match="got a .*: expected (a Chorale|one)"):
            function(given)
    assert list(tmp_path.iterdir()) == []


def test_a_wav_file_holds_the_sound(tmp_path):
    write_sound(real(), tmp_path / "piece.wav", sample_rate=RATE, tempo=120)
    read, rate = soundfile.read(tmp_path / "piece.wav")
    assert rate == RATE
    assert np.allclose(read, synthesize(real(), RATE, 120), atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["piece.wav"]


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ({"tempo": 0}, "quarter notes per minute"),
        ({"tempo": "fast"}, "tempo 'fast': expected quarter notes per minute"),
        ({"sample_rate": "CD"}, "sample rate 'CD': expected samples per second"),
        ({"fermata": "long"}, "fermata 'long': expected a factor of 1 or more"),
        ({"fermata": float("inf")}, "fermata inf"),
        ({"sample_rate": 100}, "8000..96000"),
        ({"fermata": 0.5}, "fermata 0.5: expected a factor of 1"),
    ],
)
def test_impossible_arguments_are_refused_and_leave_no_file(arguments, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        write_sound(real(), tmp_path / "piece.wav", **arguments)
    assert list(tmp_path.iterdir()) == []


# SoundFonts


def chunk(name, content):
    return name + struct.pack("<I", len(content)) + content


def small_soundfont(path, programme):
    """Writes a SoundFont with one sound: a sine of 441 Hz at A4, one period of it, looped.

    The records of its nine tables are as SoundFont Technical Specification 2.01, chapter 7, has
    them.
    """
    period = (12_000 * np.sin(2 * np.pi * np.arange(100) / 100)).astype("<i2")
    samples = np.concatenate([np.tile(period, 3), np.zeros(46, "<i2")]).tobytes()
    loops, instrument, sample = 54, 41, 53  # generators
    tables = [
        (
            b"phdr",
            struct.pack("<20sHHHIII", b"Choir", programme, 0, 0, 0, 0, 0)
            + struct.pack("<20sHHHIII", b"EOP", 0, 0, 1, 0, 0, 0),
        ),
        (b"pbag", struct.pack("<4H", 0, 0, 1, 0)),
        (b"pmod", bytes(10)),
        (b"pgen", struct.pack("<4H", instrument, 0, 0, 0)),
        (b"inst", struct.pack("<20sH20sH", b"Sine", 0, b"EOI", 1)),
        (b"ibag", struct.pack("<4H", 0, 0, 2, 0)),
        (b"imod", bytes(10)),
        (b"igen", struct.pack("<6H", loops, 1, sample, 0, 0, 0)),
        (
            b"shdr",
            struct.pack("<20s5IBbHH", b"Sine", 0, 300, 100, 200, 44_100, 69, 0, 0, 1)
            + struct.pack("<20s5IBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
        ),
    ]
    about = (
        chunk(b"ifil", struct.pack("<HH", 2, 1))
        + chunk(b"isng", b"EMU8000\0")
        + chunk(b"INAM", b"Small\0")
    )
    lists = (
        chunk(b"LIST", b"INFO" + about)
        + chunk(b"LIST", b"sdta" + chunk(b"smpl", samples))
        + chunk(b"LIST", b"pdta" + b"".join(chunk(*table) for table in tables))
    )
    path.write_bytes(chunk(b"RIFF", b"sfbk" + lists))
    return path


def test_a_sample_rate_that_mp3_does_not_have_is_refused_with_those_that_it_has(tmp_path):
    with pytest.raises(ValueError, match="MP3 with 96000 samples per second: .*44100, and 48000"):
        write_sound(held(60, 0, 0, 0), tmp_path / "song.mp3", sample_rate=96_000)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=[CHOIR_AAHS, 0], ids=["choir", "another sound"])
def soundfont(request, tmp_path):
    pytest.importorskip(
        "tinysoundfont",
        reason="tinysoundfont is not installed; `pip install --no-deps tinysoundfont`",
    )
    return small_soundfont(tmp_path / "small.sf2", request.param)


def test_a_soundfont_sings_at_the_right_pitch_and_time(soundfont):
    pitches = np.zeros((32, 4), int)
    pitches[8:12, 0] = 69
    sound = synthesize(Chorale(pitches), RATE, tempo=60, soundfont=soundfont)
    assert (
        sound.dtype == np.float32
        and sound.shape == synthesize(Chorale(pitches), RATE, tempo=60).shape
    )
    first = np.flatnonzero(np.abs(sound).max(axis=1) > 0.02 * PEAK)[0] / RATE
    assert 2 <= first < 2.03
    assert loudest_frequency(sound[2 * RATE : 3 * RATE, 0], RATE) == pytest.approx(441, abs=2)
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-6) and np.abs(sound[-1]).max() < 1e-3


def test_a_soundfont_holds_fermatas_and_sounds_alike_every_time(soundfont):
    chorale = held(0, 0, 60, 0, steps=8, fermatas=np.arange(8) >= 4)
    sound = synthesize(chorale, RATE, tempo=60, fermata=3, soundfont=soundfont)
    assert len(sound) == pytest.approx((1 + 3 + TAIL) * RATE, abs=1)
    assert np.sqrt(np.mean(sound[3 * RATE : 4 * RATE] ** 2)) > 0.1
    assert np.array_equal(sound, synthesize(chorale, RATE, 60, 3, soundfont))


def test_the_voices_of_a_soundfont_stand_left_and_right(soundfont):
    for voice, louder_left in ((0, True), (1, False), (2, True), (3, False)):
        pitches = np.zeros((24, 4), int)
        pitches[:, voice] = 50 + np.arange(
            24
        )  # at a single pitch the room may answer louder from the other side
        left, right = np.sqrt(
            np.mean(synthesize(Chorale(pitches), RATE, soundfont=soundfont) ** 2, axis=0)
        )
        assert (left > right) == louder_left


def test_what_is_no_soundfont_is_refused(soundfont):
    with pytest.raises(FileNotFoundError, match="nothing.sf2: no such SoundFont"):
        synthesize(real(), RATE, soundfont=soundfont.with_name("nothing.sf2"))
    soundfont.write_bytes(b"RIFF and no more")
    with pytest.raises(ValueError, match="small.sf2: not a SoundFont, or a damaged one"):
        synthesize(real(), RATE, soundfont=soundfont)


def test_without_tinysoundfont_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tinysoundfont", None)
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps tinysoundfont"):
        synthesize(real(), RATE, soundfont=small_soundfont(tmp_path / "small.sf2", CHOIR_AAHS))


def level(sound, rate, at, seconds=0.02):
    """How loud a moment is (root mean square of its samples)."""
    moment = sound[int((at - seconds / 2) * rate) : int((at + seconds / 2) * rate)]
    return np.sqrt(np.mean(moment**2))


def test_a_note_that_is_struck_again_is_parted_from_the_one_before():
    """A chord that is struck twice: a gap of 7 dB and more; a chord that goes on has none, and the
    first of the two sounds until shortly before."""
    onsets = np.zeros((16, 4), bool)
    onsets[[0, 8]] = True
    chord = (60, 57, 53, 41)
    twice = synthesize(held(*chord, onsets=onsets), RATE, 60)
    onsets[8] = False
    once = synthesize(held(*chord, onsets=onsets), RATE, 60)
    assert level(twice, RATE, 2) < 0.45 * level(twice, RATE, 2.06)
    assert level(once, RATE, 2) > 0.6 * level(once, RATE, 2.06)
    assert level(twice, RATE, 1.84) > 0.8 * level(once, RATE, 1.84)


def test_repeats_are_sung_or_each_bar_once():
    page = Notation((Bar(0, 16, "4/4", repeat_end=2),))
    chorale = held(60, 0, 0, 0, time_signature="4/4", notation=page)
    assert step_times(chorale, 60)[-1] == 8 and len(step_times(chorale, 60)) == 33
    assert step_times(chorale, 60, repeats="written")[-1] == 4
    assert len(synthesize(chorale, RATE, 60)) == (8 + TAIL) * RATE
    assert len(synthesize(chorale, RATE, 60, repeats="written")) == (4 + TAIL) * RATE
    with pytest.raises(ValueError, match="repeats 'twice': expected one of 'written', 'played'"):
        synthesize(chorale, RATE, 60, repeats="twice")


def test_the_tempo_is_that_of_the_page_unless_another_is_asked_for():
    chorale = held(60, 0, 0, 0, notation=Notation(tempos=(Tempo(8, 120),)))
    assert np.allclose(np.diff(step_times(chorale)), [60 / 80 / 4] * 8 + [0.125] * 8)
    assert np.allclose(np.diff(step_times(chorale, 60)), 0.25)
    assert len(synthesize(chorale, RATE)) == pytest.approx((2.5 + TAIL) * RATE, abs=1)
