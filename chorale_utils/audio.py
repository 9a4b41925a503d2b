"""A Chorale as sound: a small choir made with numpy, WAV files, and players for the notebook.

Each voice sings one vowel, "ah". A note is a sum of harmonics, stronger where the vowel resonates, sung by
a few slightly different singers at once; a room answers. No other program and no sound library is needed.

Notebook: 05_generation
"""

import base64
from functools import lru_cache
from html import escape
from io import BytesIO

import numpy as np

from .chorale import STEPS_PER_QUARTER, VOICES
from .files import write_whole
from .midi import TEMPO, check_tempo
from .score import PAGE_WIDTH, show_score

SAMPLE_RATE = 44_100         # samples a second, in files
PLAYER_SAMPLE_RATE = 24_000  # in a notebook, where every byte is stored; the choir reaches up to 5 kHz
FERMATA = 1.5                # how many times longer a step lasts under a fermata
TAIL = 1.0                   # seconds in which the room dies away after the last note
PEAK = 0.9                   # the loudest sample

# The vowel "ah": frequency (Hz), bandwidth (Hz) and strength of its resonances, near those that Peterson and Barney
# (Control methods used in a study of the vowels, 1952) measured; the highest lends the ring of trained voices.
_RESONANCES = ((750, 130, 1.0), (1150, 160, 0.5), (2700, 300, 0.16))
_HIGHEST = 5000.0            # Hz; no harmonic above it
_TABLE = 2 ** 15             # samples of one wave: fine enough to be read without interpolation
_PLACES = (-0.35, 0.4, -0.5, 0.25)  # soprano, alto, tenor, bass: -1 is left, 1 is right
_LEVELS = (1.0, 0.75, 0.85, 1.0)
_SINGERS = ((-5.0, 4.9), (0.0, 5.4), (6.0, 5.1))  # out of tune by so many cents, vibrato so many times a second
_VIBRATO = 9.0               # cents to either side
_ATTACK, _RELEASE = 0.045, 0.11  # seconds
_REVERBERATION = 0.44        # the strength of the room beside the singers


def synthesize(chorale, sample_rate=SAMPLE_RATE, tempo=TEMPO, fermata=FERMATA):
    """The sound of a chorale: float32 array (samples, 2), left and right, between -0.9 and 0.9.

    It lasts as long as the piece and one second more, in which the room dies away. Same chorale, same sound.

    Args:
        chorale: Chorale.
        sample_rate: samples a second, 8000..96000.
        tempo: quarter notes a minute, 4..1000.
        fermata: how many times longer a step lasts under a fermata, at least 1 (1 holds nothing).

    Raises:
        ValueError: an argument is outside its range.

    Notebook: 05_generation
    """
    check_tempo(tempo)
    if not 8000 <= sample_rate <= 96_000:
        raise ValueError(f"sample rate {sample_rate!r}: expected samples a second, 8000..96000")
    times = step_times(chorale, tempo, fermata)
    choir = np.zeros((int(round((times[-1] + TAIL) * sample_rate)), 2), np.float32)
    trembling = _trembling_time(len(choir), sample_rate)
    for voice in range(len(VOICES)):
        sung = _sung(chorale.notes(voice), times, trembling, sample_rate) * np.float32(_LEVELS[voice])
        angle = (_PLACES[voice] + 1) * np.pi / 4  # equal loudness wherever it stands
        choir[:, 0] += sung * np.float32(np.cos(angle))
        choir[:, 1] += sung * np.float32(np.sin(angle))
    choir += _room_answer(choir, sample_rate)
    loudest = np.abs(choir).max(initial=0)
    return choir * np.float32(PEAK / loudest) if loudest > 0 else choir


def step_times(chorale, tempo=TEMPO, fermata=FERMATA):
    """When each step begins in the sound of `synthesize`: float array (steps + 1,), seconds; the last is the end.

    Args:
        chorale, tempo, fermata: as in `synthesize`.

    Raises:
        ValueError: `fermata` is less than 1.

    Notebook: 05_generation
    """
    if not fermata >= 1:
        raise ValueError(f"fermata {fermata!r}: expected how many times longer a step lasts, at least 1")
    lengths = np.full(len(chorale), 60 / tempo / STEPS_PER_QUARTER)
    if chorale.fermatas is not None:
        lengths[chorale.fermatas] *= fermata
    return np.append(0.0, np.cumsum(lengths))


def write_wav(chorale, path, sample_rate=SAMPLE_RATE, tempo=TEMPO, fermata=FERMATA):
    """Writes the sound of a chorale as a WAV file, 16 bits, stereo.

    Args:
        chorale: Chorale.
        path: file to write; there whole or not at all, its folder made where missing.
        sample_rate, tempo, fermata: as in `synthesize`.

    Returns:
        Path: `path`.

    Raises:
        ValueError: an argument is outside its range.

    Notebook: 05_generation
    """
    content = _encoded(synthesize(chorale, sample_rate, tempo, fermata), sample_rate, format="WAV", subtype="PCM_16")
    return write_whole(path, lambda unfinished: unfinished.write_bytes(content))


def play(chorale, tempo=TEMPO, fermata=FERMATA):
    """A player for the notebook: IPython's Audio with the sound of a chorale in it, as MP3 of 5 kB a second.

    It plays in an untrusted notebook too.

    Args:
        chorale: Chorale.
        tempo, fermata: as in `synthesize`.

    Raises:
        ValueError: an argument is outside its range.

    Notebook: 05_generation
    """
    sound = synthesize(chorale, PLAYER_SAMPLE_RATE, tempo, fermata)
    return _player_class()(data=_encoded(
        sound, PLAYER_SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="CONSTANT",
        compression_level=0.8))  # 40 kbit a second


def show(chorale, staves=2, tempo=TEMPO, fermata=FERMATA, width=PAGE_WIDTH, caption=None):
    """A chorale to see and to hear, for the notebook: a line that names it, its score, and a player.

    Args:
        chorale: Chorale, at least one step.
        staves, width: as in `show_score`.
        tempo, fermata: as in `synthesize`.
        caption: text for the first line; None tells title, name and key, as far as they are known.

    Raises:
        ValueError: an argument is outside its range.

    Notebook: 05_generation
    """
    return ShownChorale(_caption(chorale) if caption is None else caption,
                        show_score(chorale, staves=staves, width=width), play(chorale, tempo, fermata))


class ShownChorale:
    """What `show` gives: `caption` (str), `score` (ScorePicture) and `player` (IPython Audio), one under the other."""

    def __init__(self, caption, score, player):
        self.caption, self.score, self.player = caption, score, player

    def __repr__(self):
        return f"ShownChorale({self.caption!r})"

    def _repr_html_(self):
        return (f"<div><p><b>{escape(self.caption)}</b></p>{self.score._repr_html_()}"
                f"<p>{self.player._repr_html_()}</p></div>")


def _caption(chorale):
    about = [chorale.title, chorale.name] if chorale.title and chorale.title != chorale.name else [chorale.name]
    return ", ".join([*about, *([chorale.key.replace("-", "♭").replace("#", "♯")] if chorale.key else [])])


# Singing

def _sung(notes, times, trembling, sample_rate):
    """One voice (float32 array (samples,)): its notes one after the other, each sung by all its singers."""
    line = np.zeros(trembling.shape[1], np.float32)
    for start, length, pitch in notes.tolist():
        first = int(round(times[start] * sample_rate))
        seconds = times[start + length] - times[start]
        note = slice(first, first + int(round((seconds + _RELEASE) * sample_rate)))
        envelope = _envelope(note.stop - note.start, seconds, sample_rate)
        wave = _wave(pitch, sample_rate)
        for singer, (cents, _) in enumerate(_SINGERS):
            per_second = _frequency(pitch) * 2 ** (cents / 1200) * _TABLE
            place = ((trembling[singer, note] - trembling[singer, first]) * per_second).astype(np.int64)
            line[note] += wave[place & (_TABLE - 1)] * envelope
    return line


def _trembling_time(samples, sample_rate):
    """float array (singers, samples): the time in seconds, now ahead and now behind by each singer's vibrato."""
    time = np.arange(samples) / sample_rate
    depth = 2 ** (_VIBRATO / 1200) - 1
    return np.stack([time + depth / (2 * np.pi * rate) * np.sin(2 * np.pi * rate * time + singer)
                     for singer, (_, rate) in enumerate(_SINGERS)])


def _envelope(samples, seconds, sample_rate):
    """From silence to full and back (float32 array), in half waves of a cosine, so that nothing clicks."""
    envelope = np.ones(samples, np.float32)
    attack = int(min(_ATTACK, seconds / 2) * sample_rate)
    release = int(_RELEASE * sample_rate)
    envelope[:attack] = 0.5 - 0.5 * np.cos(np.pi * np.arange(attack) / attack)
    envelope[-release:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, release + 1) / release)
    return envelope


@lru_cache(maxsize=128)
def _wave(pitch, sample_rate):
    """One period (float32 array) of the vowel at this pitch: harmonics that fall off as a voice's do, lifted where
    the vowel resonates."""
    frequency = _frequency(pitch)
    count = max(1, int(min(_HIGHEST, 0.45 * sample_rate) / frequency))
    harmonics = np.arange(1, count + 1)
    lifted = sum(strength / (1 + ((harmonics * frequency - centre) / width) ** 2)
                 for centre, width, strength in _RESONANCES)
    strengths = (0.25 + lifted) / harmonics ** 1.1
    spectrum = np.zeros(_TABLE // 2 + 1, complex)
    spectrum[1:count + 1] = strengths * np.exp(2j * np.pi * harmonics ** 2 / 7)  # spread phases: no sharp peaks
    wave = np.fft.irfft(spectrum)
    return (wave / np.sqrt(np.mean(wave ** 2))).astype(np.float32)


def _frequency(pitch):
    """Hz of a MIDI number, in equal temperament on A4 = 440 Hz."""
    return 440.0 * 2 ** ((pitch - 69) / 12)


def _room_answer(choir, sample_rate):
    """What a room gives back (float32 array like `choir`): noise that dies away in a second, another for each ear
    (Moorer, About this reverberation business, 1979)."""
    samples = int(TAIL * sample_rate)
    time = np.arange(samples) / sample_rate
    noise = np.random.default_rng(1685).standard_normal((2, samples))
    dying = np.exp(-time * 6.9 / 1.1) * np.clip(time / 0.012, 0, 1) * np.clip((TAIL - time) / 0.2, 0, 1)
    response = noise * dying
    softer = np.fft.rfft(response) / (1 + np.fft.rfftfreq(samples, 1 / sample_rate) / 2500)  # walls swallow the treble
    response = np.fft.irfft(softer, samples)
    response *= _REVERBERATION / np.sqrt(np.sum(response ** 2, axis=1, keepdims=True))
    return np.stack([_convolved(choir[:, ear], response[ear].astype(np.float32)) for ear in (0, 1)], axis=1)


def _convolved(sound, response):
    """`sound` as long as it is, convolved with `response`, block by block (overlap-add)."""
    size = 2 ** 16
    step = size - len(response) + 1
    blocks = -(-len(sound) // step)
    padded = np.zeros((blocks, size), np.float32)
    padded[:, :step] = np.pad(sound, (0, blocks * step - len(sound))).reshape(blocks, step)
    answers = np.fft.irfft(np.fft.rfft(padded) * np.fft.rfft(response, size), size)
    convolved = np.zeros(blocks * step + size, np.float32)
    for block, answer in enumerate(answers):
        convolved[block * step:block * step + size] += answer
    return convolved[:len(sound)]


# Files and players

def _encoded(sound, sample_rate, **how):
    """The sound as the content (bytes) of a file; `how` it is written is told in soundfile's words."""
    import soundfile

    content = BytesIO()
    soundfile.write(content, sound, sample_rate, **how)
    return content.getvalue()


@lru_cache(maxsize=1)
def _player_class():
    from IPython.display import Audio

    class Player(Audio):
        """IPython's Audio, its sound in the audio tag: JupyterLab strips a source tag's in an untrusted notebook."""

        def _repr_html_(self):
            sound = base64.b64encode(self.data).decode()
            return f'<audio controls src="data:audio/mpeg;base64,{sound}"></audio>'

    return Player
