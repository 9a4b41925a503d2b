"""Evidence: features of a chorale that speak for a chord, a key, or a change of chord.

The chorale is cut into frames of an eighth. Each frame is described by counts and shares: which
pitch classes sound and how their notes are reached and left (a note left by leap can hardly be a
passing note, for example), what sounds around the frame, and its place in bar and phrase. `search`
weighs these features; this file decides nothing.

Notebook: 04_evaluation
"""

from dataclasses import replace

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICES, Chorale, steps_per_bar
from ..notation.metre import find_metre
from ..notation.page import bars_of
from .phrases import phrase_closings

FRAME = 2  # steps; chords change on eighths

# how a note is reached (times 4) and left: 0 by leap or not at all, 1 by step up, 2 by step down,
# 3 by repetition
MOTIONS = 16
ONSETS = 4  # a note is struck on the beat, struck off it, held into a beat, held into an off-beat
PLACES = 4  # of a frame in the bar: on the first beat, another strong beat, a weak beat, off beat
_DURATIONS = 3  # a sixteenth, an eighth, longer
_WINDOWS = (4, 8, 16, 32)  # steps on either side that count as evidence for a key
_STEP = 2  # semitones


class Frames:
    """A chorale as input for the search: T frames.

    Args:
        chorale: Chorale of at least one step; an unknown metre is estimated.

    Attributes:
        starts, ends: int (T,), the first step of each frame and the step after its last.
        notes: float (T, F, 12), by pitch class: the sounding notes, grouped by how they move.
        absent: float (T, 5, 12): the notes that do not sound, by place in the bar, and in the whole
            beat.
        bass: float (T, F, 12): the lowest notes.
        keys: float (T, F, 12): the notes around the frame, in windows up to the whole piece.
        places: float (T, F): the frame's place in bar, phrase and piece.
        changes: float (T, F): the evidence for or against a new chord in this frame.

    Notebook: 04_evaluation
    """

    def __init__(self, chorale: Chorale) -> None:
        chorale = with_metre(chorale)
        steps = len(chorale)
        pitches = chorale.pitches.astype(int)
        self.starts = frame_starts(chorale)
        self.ends = np.append(self.starts[1:], steps)
        self._count = len(self.starts)
        self._frame = np.repeat(np.arange(self._count), self.ends - self.starts)  # per step
        self._sounding = pitches != SILENCE
        self._classes = pitches % 12
        bar, within, full = _places_in_bars(chorale, self.starts)
        strong = (full == 16) & (within == 8)
        beats = np.column_stack([bar, within // STEPS_PER_QUARTER])
        self._beat = np.unique(beats, axis=0, return_inverse=True)[1].ravel()  # counted through
        self._place = np.select([within == 0, within % STEPS_PER_QUARTER > 0, strong], [0, 3, 1], 2)
        motion, begins, lengths, leading = _melody(chorale)
        lowest = np.where(self._sounding, pitches, 999).argmin(axis=1)
        self._lowest = (np.arange(len(VOICES)) == lowest[:, None]) & self._sounding
        self._begun = begins == np.arange(steps)[:, None]  # (steps, 4)
        self._look_at_phrases(chorale)
        self._look_at_notes(motion, begins, lengths)
        self._look_for_keys(leading)
        self._look_for_changes(pitches)

    def _histogram(self, category, size, chosen):
        """float (T, size, 12): the number of the chosen notes, weighted by the share of the frame
        in which they sound, by category and pitch class."""
        frame = self._frame[:, None]
        index = (frame * size + category) * 12 + self._classes
        chosen = chosen & self._sounding
        weight = np.broadcast_to(1 / (self.ends - self.starts)[frame], index.shape)[chosen]
        counted = np.bincount(index[chosen], weight, minlength=self._count * size * 12)
        return counted.reshape(self._count, size, 12)

    def _look_at_phrases(self, chorale):
        self._under = phrase_closings(chorale)[self.starts]
        before = np.append(False, self._under[:-1])
        self._phrase_begins = before & ~self._under
        begun = self._begun.any(axis=1)
        last = self._frame[np.flatnonzero(begun)[-1]] if begun.any() else self._count - 1
        frames = np.arange(self._count)
        self.places = np.stack(
            [
                np.ones(self._count),
                *(self._place == place for place in range(PLACES)),
                self._under,
                self._under & ~before,
                self._phrase_begins,
                (frames >= last) & (last > 0),
                frames == 0,
            ],
            axis=1,
        ).astype(float)

    def _look_at_notes(self, motion, begins, lengths):
        frame = self._frame[:, None]
        off_beat = (self._place == 3)[frame]
        held = begins < self.starts[frame]
        on_beat = (begins == self.starts[frame]) & ~off_beat
        onset = np.select([held & off_beat, held, on_beat], [3, 2, 0], 1)
        category = motion * ONSETS + onset
        duration = np.digitize(lengths, [2, 3])
        everything = self._histogram(np.zeros_like(motion), 1, True)
        self._sung = everything[:, 0]
        present = self._sung > 0
        silence = np.zeros((1, 12), bool)
        beat = self._beat
        in_beat = np.zeros((beat[-1] + 1, 12), bool)
        np.logical_or.at(in_beat, beat, present)
        bass_voice = np.arange(len(VOICES)) == len(VOICES) - 1
        self.notes = np.concatenate(
            [
                self._histogram(category, MOTIONS * ONSETS, True),
                self._histogram(category, MOTIONS * ONSETS, bass_voice),
                self._histogram(
                    self._place[frame] * _DURATIONS + duration, PLACES * _DURATIONS, True
                ),
                (self._sung >= 1.5)[:, None],
                np.vstack([silence, present[:-1]])[:, None],
                np.vstack([present[1:], silence])[:, None],
                present[:, None],
            ],
            axis=1,
        )
        self.absent = np.zeros((self._count, PLACES + 1, 12))
        self.absent[np.arange(self._count), self._place] = ~present
        self.absent[:, PLACES] = ~in_beat[beat]
        at_start = self._lowest & (np.arange(len(frame)) == self.starts[self._frame])[:, None]
        place = np.broadcast_to(self._place[frame], motion.shape)
        self.bass = np.concatenate(
            [
                self._histogram(category, MOTIONS * ONSETS, self._lowest),
                self._histogram(place, PLACES, at_start) * (self.ends - self.starts)[:, None, None],
            ],
            axis=1,
        )

    def _look_for_keys(self, leading):
        one = np.zeros(leading.shape, int)
        bass = self._histogram(one, 1, self._lowest)[:, 0]
        frames = np.arange(self._count)
        seen = [self._sung]
        for each in (self._sung, self._histogram(one, 1, leading)[:, 0], bass):
            total = np.vstack([np.zeros((1, 12)), np.cumsum(each, axis=0)])
            for steps in _WINDOWS:
                low = np.maximum(frames - steps // FRAME, 0)
                high = np.minimum(frames + steps // FRAME + 1, self._count)
                seen.append(_shares(total[high] - total[low]))
        whole = self._sung.sum(axis=0, keepdims=True)
        seen.append(np.broadcast_to(_shares(whole), self._sung.shape))
        phrase = np.cumsum(self._phrase_begins)
        in_phrase = np.zeros((phrase[-1] + 1, 12))
        np.add.at(in_phrase, phrase, self._sung)
        seen.append(_shares(in_phrase)[phrase])
        last = np.append(phrase[1:] != phrase[:-1], True)
        closing = (bass[last] > 0).astype(float)  # the bass notes at the ends of phrases
        seen.append(closing[phrase])
        seen.append(np.broadcast_to(closing[-1], self._sung.shape))
        self.keys = np.stack(seen, axis=1)

    def _look_for_changes(self, pitches):
        struck = np.zeros((self._count, len(VOICES)), bool)
        np.logical_or.at(struck, self._frame, self._begun)
        lowest = np.where(self._sounding, pitches, 999).min(axis=1)[self.starts]
        moved = np.append(True, lowest[1:] != lowest[:-1])
        before = np.append(False, self._under[:-1])
        several = PLACES * (len(VOICES) + 1)
        self.changes = np.zeros((self._count, several + 5))
        index = self._place * (len(VOICES) + 1) + struck.sum(axis=1)
        self.changes[np.arange(self._count), index] = 1
        self.changes[:, several:] = np.stack(
            [
                struck[:, -1],
                moved,
                moved & (self._place == 3),
                self._phrase_begins,
                self._under & before,
            ],
            axis=1,
        )


def with_metre(chorale: Chorale) -> Chorale:
    """The same chorale; if its metre is unknown, with an estimated one (`find_metre`).

    Notebook: 04_evaluation
    """
    if chorale.time_signature is not None:
        return chorale
    metre, pickup = find_metre(chorale)
    return replace(chorale, time_signature=metre, pickup=pickup)


def frame_starts(chorale: Chorale) -> np.ndarray:
    """int (T,): the first step of each frame; frames begin on the bar lines.

    Notebook: 04_evaluation
    """
    starts = [
        step
        for bar in bars_of(chorale)
        for step in (bar.start, *range(bar.start + bar.offset % FRAME, bar.stop, FRAME))
    ]
    return np.unique(starts)


def _places_in_bars(chorale, steps):
    """Three int arrays for each step: the number of its bar from the beginning, the sixteenths of
    the metre that have passed in the bar, and the number of sixteenths in the metre."""
    bars = bars_of(chorale)
    bar = np.searchsorted([each.stop for each in bars], steps, side="right")
    begins = np.array([each.start - each.offset for each in bars])
    full = np.array([steps_per_bar(each.time_signature) for each in bars])
    return bar, steps - begins[bar], full[bar]


def _shares(counts):
    return 2 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _melody(chorale):
    """Arrays (steps, 4) about the note in each voice at each step: how it is reached and left (int,
    0..15), the step on which it begins, its length in steps, and whether it rises by a semitone to
    the next note."""
    shape = chorale.pitches.shape
    motion, begins, lengths = (np.zeros(shape, int) for _ in range(3))
    leading = np.zeros(shape, bool)
    for voice in range(shape[1]):
        notes = chorale.notes(voice)
        if not len(notes):
            continue
        start, length, pitch = notes.T
        interval = pitch[1:] - pitch[:-1]
        size = np.abs(interval)
        sort = np.select(
            [interval == 0, (size <= _STEP) & (interval > 0), size <= _STEP], [3, 1, 2], 0
        )
        joined = start[1:] == start[:-1] + length[:-1]
        sort = np.where(joined, sort, 0)
        note = np.repeat(np.arange(len(notes)), length)
        step = np.arange(len(note)) + (start - np.append(0, np.cumsum(length)[:-1]))[note]
        motion[step, voice] = (np.append(0, sort) * 4 + np.append(sort, 0))[note]
        begins[step, voice], lengths[step, voice] = start[note], length[note]
        leading[step, voice] = np.append(joined & (interval == 1), False)[note]
    return motion, begins, lengths, leading
