"""Sound: as long as the music, at the right pitch and time, without clicks, and small in a notebook."""

import time
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, HealthCheck, settings, strategies as st
from hypothesis.extra.numpy import arrays
from music21 import corpus

from chorale_utils.audio import PEAK, TAIL, play, show, step_times, synthesize, write_wav
from chorale_utils.chorale import Chorale
from chorale_utils.reading import from_score

RATE = 22_050
_read = {}


def real(name="bwv66.6"):
    if name not in _read:
        _read[name] = from_score(corpus.parse(f"bach/{name}"), name, bwv=name.removeprefix("bwv"))
    return _read[name]


def held(*pitches, steps=16, **about):
    return Chorale(np.tile(pitches, (steps, 1)), **about)


def loudest_frequency(sound, rate):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 2 ** 18))
    return np.argmax(spectrum) * rate / 2 ** 18


def test_the_sound_lasts_as_long_as_the_music_and_the_room():
    chorale = real()
    sound = synthesize(chorale, RATE, tempo=90, fermata=1)
    assert sound.dtype == np.float32 and sound.shape[1] == 2
    assert len(sound) / RATE == pytest.approx(chorale.quarters * 60 / 90 + TAIL, abs=1e-3)


def test_fermatas_are_held_and_nothing_else():
    chorale = real()
    quick, held_out = step_times(chorale, 60, 1), step_times(chorale, 60, 2)
    assert np.array_equal(np.diff(held_out) / np.diff(quick), np.where(chorale.fermatas, 2, 1))
    assert len(synthesize(chorale, RATE, 60, 2)) - len(synthesize(chorale, RATE, 60, 1)) == pytest.approx(
        chorale.fermatas.sum() / 4 * RATE, abs=1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pitches=arrays(int, st.tuples(st.integers(0, 24), st.just(4)), elements=st.sampled_from([0, 1, 36, 60, 81, 127])),
       tempo=st.integers(20, 400), rate=st.sampled_from([8000, 22_050, 44_100]))
@example(pitches=np.full((24, 4), 127), tempo=20, rate=8000)  # more places of the wave table than an int32 can count
def test_any_chorale_sounds_below_the_peak_and_from_silence_to_silence(pitches, tempo, rate):
    sound = synthesize(Chorale(pitches), rate, tempo)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max(initial=0) <= PEAK + 1e-6
    assert np.abs(sound[[0, -1]]).max() < 1e-3
    if pitches.any():
        assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-6)


def clicks(sound, rate):
    """The strength above 7 kHz, where no voice sings, at its worst moment, against the loudest sample (dB)."""
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
    assert sound[int(3.3 * RATE):].max() < 0.3


def test_a_repeated_note_is_heard_anew():
    once = synthesize(held(60, 0, 0, 0), RATE, 60)[:, 0]
    onsets = np.zeros((16, 4), bool)
    onsets[[0, 8]] = True
    twice = synthesize(held(60, 0, 0, 0, onsets=onsets), RATE, 60)[:, 0]
    assert np.abs(once - twice)[int(1.9 * RATE):int(2.2 * RATE)].max() > 0.1


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


def test_a_wav_file_holds_the_sound(tmp_path):
    write_wav(real(), tmp_path / "piece.wav", sample_rate=RATE, tempo=120)
    read, rate = soundfile.read(tmp_path / "piece.wav")
    assert rate == RATE
    assert np.allclose(read, synthesize(real(), RATE, 120), atol=1e-4)
    assert [path.name for path in tmp_path.iterdir()] == ["piece.wav"]


@pytest.mark.parametrize("arguments, complaint", [
    ({"tempo": 0}, "quarter notes a minute"), ({"sample_rate": 100}, "8000..96000"), ({"fermata": 0.5}, "at least 1")])
def test_impossible_arguments_are_refused_and_leave_no_file(arguments, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        write_wav(real(), tmp_path / "piece.wav", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_player_is_small_and_holds_an_mp3_of_the_whole_piece():
    excerpt = real().excerpt(0, 6 * 16)
    player = play(excerpt)
    seconds = step_times(excerpt)[-1] + TAIL
    assert seconds > 18
    assert len(player.data) < 7_000 * seconds
    sound, rate = soundfile.read(BytesIO(player.data))
    assert len(sound) / rate == pytest.approx(seconds, abs=0.1)
    assert np.sqrt(np.mean(sound ** 2)) > 0.05


def test_a_player_is_the_same_every_time():
    excerpt = real().excerpt(0, 36)
    assert play(excerpt)._repr_html_() == play(excerpt)._repr_html_()


def test_a_player_keeps_its_sound_where_a_notebook_strips_source_tags():
    player = play(real().excerpt(0, 20))
    html = player._repr_html_()
    assert "<source" not in html and "<script" not in html
    kind, _, sound = html.split('src="')[1].split('"')[0].partition(",")
    assert kind == "data:audio/mpeg;base64" and b64decode(sound) == player.data


def test_show_puts_name_score_and_player_together():
    excerpt = real().excerpt(0, 36)
    shown = show(excerpt)
    html = shown._repr_html_()
    assert html.index("bwv66.6, f♯ minor") < html.index(shown.score._repr_html_()) < html.index(shown.player._repr_html_())
    assert len(html) < 150_000
    assert "&lt;b&gt;" in show(excerpt, caption="<b>")._repr_html_()
