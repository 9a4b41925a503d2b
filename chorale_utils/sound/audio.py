"""A Chorale as sound: a small choir synthesised with numpy, or the choir of a SoundFont; and sound
files.

Each voice of the small choir sings one vowel, "ah". A note is a sum of harmonics, louder near the
vowel's resonances, sung by a few slightly different singers at once, with the reverberation of a
room. No other program and no sound library is needed. If tinysoundfont is installed, it can play a
SoundFont, a file of recorded voices, instead.

Notebook: 05_generation
"""

from __future__ import annotations

import os
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale, as_chorale
from ..files import as_path, write_atomically
from ..notation.midi import CHOIR_AAHS, VELOCITIES
from ..notation.performance import FERMATA, in_order, step_seconds

SAMPLE_RATE = 44_100  # samples per second, in files
TAIL = 1.0  # seconds of reverberation after the last note
PEAK = 0.9  # the loudest sample

# soundfile's names for the format of each suffix.
_FORMATS = {
    ".wav": {"format": "WAV", "subtype": "PCM_16"},
    ".flac": {"format": "FLAC", "subtype": "PCM_16"},
    ".ogg": {"format": "OGG", "subtype": "VORBIS"},
    ".mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
}
_BLOCK = 2**14  # samples: libsndfile crashes if a long OGG file is written all at once

# The vowel "ah": frequency (Hz), bandwidth (Hz) and strength of its resonances, close to the
# measurements of Peterson and Barney (Control methods used in a study of the vowels, 1952); the
# highest gives the ring of trained voices.
_RESONANCES = ((750, 130, 1.0), (1150, 160, 0.5), (2700, 300, 0.16))
_HIGHEST = 5000.0  # Hz; no harmonic above it
_TABLE = 2**15  # samples of one wave: fine enough to be read without interpolation
_PLACES = (-0.35, 0.4, -0.5, 0.25)  # soprano, alto, tenor, bass: -1 is left, 1 is right
_LEVELS = (1.0, 0.75, 0.85, 1.0)
# detuning in cents, vibrato in Hz
_SINGERS = ((-5.0, 4.9), (0.0, 5.4), (6.0, 5.1))
_VIBRATO = 9.0  # cents to either side
_ATTACK, _RELEASE = 0.045, 0.11  # seconds
_BREATH = 0.14  # seconds by which a note ends early before the same note is struck again
# for a SoundFont: the MIDI controller for panning, and the gain in dB that avoids clipping
_PAN, _GAIN = 10, -12.0
_REVERBERATION = 0.44  # level of the reverberation relative to the singers


def synthesize(
    chorale: Chorale,
    sample_rate: int = SAMPLE_RATE,
    tempo: float | None = None,
    fermata: float = FERMATA,
    soundfont: str | os.PathLike[str] | None = None,
    repeats: str = "played",
) -> np.ndarray:
    """The sound of a chorale: float32 array (samples, 2), left and right, between -0.9 and 0.9.

    It lasts as long as the piece plus one second of reverberation. Before a note is struck again,
    the voice takes a short breath. The same chorale always gives the same sound.

    Args:
        chorale: Chorale.
        sample_rate: samples per second, 8000..96000.
        tempo: quarter notes per minute throughout, 4..1000; None follows the page's tempo marks, or
            takes 80 if it has none.
        fermata: how many times longer a step lasts under a fermata, at least 1 (not held at all).
        soundfont: a file (.sf2 or .sf3) whose voices sing: its Choir Aahs, or, failing that, the
            first of its sounds; None for the built-in small choir.
        repeats: ``'played'`` sings the repeats, endings and jumps of the page; ``'written'`` sings
            each bar once.

    Raises:
        ValueError: an argument is outside its range, or the file is not a SoundFont.
        FileNotFoundError: no such file.
        ModuleNotFoundError: a SoundFont is given and tinysoundfont is not installed.
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> sound = synthesize(Chorale([[72, 67, 64, 48]] * 4), sample_rate=8000, tempo=60)
        >>> sound.shape, sound.dtype.name
        ((16000, 2), 'float32')

    Notebook: 05_generation
    """
    chorale = in_order(as_chorale(chorale), repeats)
    if not isinstance(sample_rate, (int, np.integer)) or not 8000 <= sample_rate <= 96_000:
        raise ValueError(f"sample rate {sample_rate!r}: expected samples per second, 8000..96000")
    times = step_times(chorale, tempo, fermata, "written")
    samples = int(round((times[-1] + TAIL) * sample_rate))
    if soundfont is None:
        choir = _sung(chorale, times, samples, sample_rate)
    else:
        choir = _played(chorale, times, samples, sample_rate, soundfont)
    choir += _room_answer(choir, sample_rate)
    loudest = np.abs(choir).max(initial=0)
    return choir * np.float32(PEAK / loudest) if loudest > 0 else choir


def step_times(
    chorale: Chorale,
    tempo: float | None = None,
    fermata: float = FERMATA,
    repeats: str = "played",
) -> np.ndarray:
    """When each step begins in the sound of `synthesize`, in seconds.

    Args:
        chorale, tempo, fermata, repeats: as in `synthesize`.

    Returns:
        float array (steps + 1,), for all steps in the order in which they are sung (see
        `expand_repeats`); the last number is the end.

    Raises:
        ValueError: `tempo` or `fermata` is outside its range, or `repeats` is unknown.
        TypeError: `chorale` is not a Chorale.

    Examples:
        >>> step_times(Chorale([[72, 67, 64, 48]] * 4), tempo=60).tolist()
        [0.0, 0.25, 0.5, 0.75, 1.0]

    Notebook: 05_generation
    """
    sung = in_order(as_chorale(chorale), repeats)
    return np.append(0.0, np.cumsum(step_seconds(sung, tempo, fermata)))


def write_sound(
    chorale: Chorale,
    path: str | os.PathLike[str],
    sample_rate: int = SAMPLE_RATE,
    tempo: float | None = None,
    fermata: float = FERMATA,
    soundfont: str | os.PathLike[str] | None = None,
    repeats: str = "played",
) -> Path:
    """Writes the sound of a chorale in stereo, in the format of the suffix.

    Args:
        chorale: Chorale.
        path: file to write, ``.wav`` or ``.flac`` (16 bits), ``.ogg`` (Vorbis) or ``.mp3``. It is
            written completely or not at all; its folder is created if missing.
        sample_rate, tempo, fermata, soundfont, repeats: as in `synthesize`. An MP3 has 8000, 11025,
            12000, 16000, 22050, 24000, 32000, 44100 or 48000 samples per second.

    Returns:
        Path: `path`.

    Raises:
        ValueError: another suffix, or a sample rate that the format does not support.
        ValueError, TypeError, OSError, ModuleNotFoundError: as in `synthesize`.

    Examples:
        >>> from tempfile import mkdtemp
        >>> chorale = Chorale([[72, 67, 64, 48]] * 4)
        >>> write_sound(chorale, f"{mkdtemp()}/mine.mp3", sample_rate=16_000).name
        'mine.mp3'

    Notebook: 05_generation
    """
    as_chorale(chorale)
    path = as_path(path)
    how = _FORMATS.get(path.suffix.lower())
    if how is None:
        raise ValueError(
            f"{path}: {path.suffix or 'no suffix'}: expected one of {', '.join(_FORMATS)}"
        )
    content = encode_audio(
        synthesize(chorale, sample_rate, tempo, fermata, soundfont, repeats), sample_rate, **how
    )
    return write_atomically(path, lambda unfinished: unfinished.write_bytes(content))


# Singing


def _sung(chorale, times, samples, sample_rate):
    """All voices together (float32 array (samples, 2)), each panned to its place."""
    choir = np.zeros((samples, 2), np.float32)
    trembling = _trembling_time(samples, sample_rate)
    for voice in range(len(VOICES)):
        line = _line(chorale.notes(voice), times, trembling, sample_rate) * np.float32(
            _LEVELS[voice]
        )
        angle = (_PLACES[voice] + 1) * np.pi / 4  # equal loudness at every place
        choir[:, 0] += line * np.float32(np.cos(angle))
        choir[:, 1] += line * np.float32(np.sin(angle))
    return choir


def _line(notes, times, trembling, sample_rate):
    """One voice (float32 array (samples,)): its notes in turn, each sung by all its singers."""
    line = np.zeros(trembling.shape[1], np.float32)
    for (start, length, pitch), breath in zip(notes.tolist(), _breaths(notes, times)):
        first = int(round(times[start] * sample_rate))
        seconds = times[start + length] - times[start] - breath
        note = slice(first, first + int(round((seconds + _RELEASE) * sample_rate)))
        envelope = _envelope(note.stop - note.start, seconds, sample_rate)
        wave = _wave(pitch, sample_rate)
        for singer, (cents, _) in enumerate(_SINGERS):
            per_second = _frequency(pitch) * 2 ** (cents / 1200) * _TABLE
            place = ((trembling[singer, note] - trembling[singer, first]) * per_second).astype(
                np.int64
            )
            line[note] += wave[place & (_TABLE - 1)] * envelope
    return line


def _breaths(notes, times):
    """By how many seconds (float array) each note of a voice ends early, because the same note is
    struck again."""
    start, length, pitch = notes.T
    again = np.append((start[1:] == (start + length)[:-1]) & (pitch[1:] == pitch[:-1]), False)
    seconds = times[start + length] - times[start]
    return np.where(again, np.minimum(_BREATH, seconds / 2), 0.0)


def _trembling_time(samples, sample_rate):
    """float array (singers, samples): the time in seconds, shifted back and forth by each singer's
    vibrato."""
    time = np.arange(samples) / sample_rate
    depth = 2 ** (_VIBRATO / 1200) - 1
    return np.stack(
        [
            time + depth / (2 * np.pi * rate) * np.sin(2 * np.pi * rate * time + singer)
            for singer, (_, rate) in enumerate(_SINGERS)
        ]
    )


def _envelope(samples, seconds, sample_rate):
    """A fade in and out (float32 array), each half a cosine wave, so that nothing clicks."""
    envelope = np.ones(samples, np.float32)
    attack = int(min(_ATTACK, seconds / 2) * sample_rate)
    release = int(_RELEASE * sample_rate)
    envelope[:attack] = 0.5 - 0.5 * np.cos(np.pi * np.arange(attack) / attack)
    envelope[-release:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, release + 1) / release)
    return envelope


@lru_cache(maxsize=128)
def _wave(pitch, sample_rate):
    """One period (float32 array) of the vowel at this pitch: harmonics that fall off as in a voice,
    raised near the vowel's resonances."""
    frequency = _frequency(pitch)
    count = max(1, int(min(_HIGHEST, 0.45 * sample_rate) / frequency))
    harmonics = np.arange(1, count + 1)
    lifted = sum(
        strength / (1 + ((harmonics * frequency - centre) / width) ** 2)
        for centre, width, strength in _RESONANCES
    )
    strengths = (0.25 + lifted) / harmonics**1.1
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[1 : count + 1] = strengths * np.exp(
        2j * np.pi * harmonics**2 / 7
    )  # spread the phases, to avoid sharp peaks
    wave = np.fft.irfft(spectrum)
    return (wave / np.sqrt(np.mean(wave**2))).astype(np.float32)


def _frequency(pitch):
    """The frequency in Hz of a MIDI number, in equal temperament with A4 = 440 Hz."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _room_answer(choir, sample_rate):
    """The reverberation (float32 array like `choir`): the choir convolved with noise that dies away
    in a second, different for each ear (Moorer, About this reverberation business, 1979)."""
    samples = int(TAIL * sample_rate)
    time = np.arange(samples) / sample_rate
    noise = np.random.default_rng(1685).standard_normal((2, samples))
    dying = (
        np.exp(-time * 6.9 / 1.1) * np.clip(time / 0.012, 0, 1) * np.clip((TAIL - time) / 0.2, 0, 1)
    )
    response = noise * dying
    softer = np.fft.rfft(response) / (
        1 + np.fft.rfftfreq(samples, 1 / sample_rate) / 2500
    )  # walls absorb the treble
    response = np.fft.irfft(softer, samples)
    response *= _REVERBERATION / np.sqrt(np.sum(response**2, axis=1, keepdims=True))
    return np.stack(
        [_convolved(choir[:, ear], response[ear].astype(np.float32)) for ear in (0, 1)], axis=1
    )


def _convolved(sound, response):
    """`sound` convolved with `response`, block by block (overlap-add), cut to its own length."""
    # a block must be longer than the response
    size = max(2**16, 2 ** int(1.4 * len(response)).bit_length())
    step = size - len(response) + 1
    blocks = -(-len(sound) // step)
    padded = np.zeros((blocks, size), np.float32)
    padded[:, :step] = np.pad(sound, (0, blocks * step - len(sound))).reshape(blocks, step)
    answers = np.fft.irfft(np.fft.rfft(padded) * np.fft.rfft(response, size), size)
    convolved = np.zeros(blocks * step + size, np.float32)
    for block, answer in enumerate(answers):
        convolved[block * step : block * step + size] += answer
    return convolved[: len(sound)]


# SoundFonts


def _played(chorale, times, samples, sample_rate, soundfont):
    """All voices together (float32 array (samples, 2)), sung by the SoundFont's choir, each panned
    to its place."""
    synth, file = _loaded(soundfont, sample_rate)
    programme = next(
        (number for number in (CHOIR_AAHS, *range(128)) if synth.sfpreset_name(file, 0, number)),
        None,
    )
    if programme is None:
        raise ValueError(
            f"{soundfont}: a SoundFont without any sound in bank 0: expected a choir or another "
            "instrument"
        )
    events = []
    for voice in range(len(VOICES)):
        synth.program_select(voice, file, 0, programme)
        synth.control_change(voice, _PAN, round(64 + 63 * _PLACES[voice]))
        notes = chorale.notes(voice)
        for (start, length, pitch), breath in zip(notes.tolist(), _breaths(notes, times)):
            stop = times[start + length] - breath
            events.append((int(round(times[start] * sample_rate)), True, voice, pitch))
            events.append((int(round(stop * sample_rate)), False, voice, pitch))
    sound, now = np.zeros((samples, 2), np.float32), 0
    for at, begins, voice, pitch in [
        *sorted(events),
        (samples, False, 0, 0),
    ]:  # note off before the next note on
        if at > now:
            synth.generate(at - now, memoryview(sound[now:at]).cast("B"))
            now = at
        if begins:
            synth.noteon(voice, pitch, VELOCITIES[voice])
        else:
            synth.noteoff(voice, pitch)
    fading = int(0.3 * sample_rate)
    sound[-fading:] *= np.linspace(1, 0, fading, dtype=np.float32)[:, None]
    return sound


def _loaded(soundfont, sample_rate):
    """tinysoundfont's Synth, and the number of the SoundFont in it."""
    path = as_path(soundfont, "the name of a SoundFont")
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such SoundFont; expected a file that ends in .sf2 or .sf3"
        )
    try:
        from tinysoundfont import Synth
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "reading a SoundFont needs tinysoundfont, which is not installed: "
            "`pip install --no-deps tinysoundfont` (its dependency PyAudio is not needed here)"
        ) from error
    synth = Synth(gain=_GAIN, samplerate=sample_rate)
    try:
        return synth, synth.sfload(str(path))
    except Exception as error:  # its parser raises errors of many kinds
        raise ValueError(
            f"{path}: not a SoundFont, or a damaged one ({error}): expected a .sf2 or .sf3 file"
        ) from error


# Files


def encode_audio(sound: np.ndarray, sample_rate: int, **how: Any) -> bytes:
    """The sound as the content (bytes) of a file.

    Args:
        sound: float array (samples, channels), -1..1.
        sample_rate: samples per second.
        how: format, subtype and other options of soundfile's SoundFile.

    Raises:
        ValueError: the format does not support this sample rate.

    Examples:
        >>> encode_audio(np.zeros((8, 2)), 8000, format="WAV", subtype="PCM_16")[:4]
        b'RIFF'
    """
    import soundfile

    content = BytesIO()
    channels = sound.shape[1]
    try:
        with soundfile.SoundFile(
            content, "w", samplerate=int(sample_rate), channels=channels, **how
        ) as file:
            for start in range(0, len(sound), _BLOCK):
                file.write(sound[start : start + _BLOCK])
    except soundfile.LibsndfileError as error:
        raise ValueError(
            f"{how['format']} with {sample_rate} samples per second: {error.error_string}"
        ) from error
    return content.getvalue()
