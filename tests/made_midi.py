"""MIDI files that tests make: tracks from starts, stops and pitches."""

import mido

TICKS = 480  # in a quarter

QUARTERS = [(step, step + 4, 60 + step // 4) for step in range(0, 64, 4)]
FOUR = [("Soprano", 0, [(0, 16, 72)]), ("Alto", 1, [(0, 16, 67)])] + [
    ("Tenor", 2, [(0, 16, 60)]),
    ("Bass", 3, [(0, 16, 48)]),
]


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


def bars_of(chorale):
    return [(b.number, b.steps, b.time_signature, b.offset) for b in chorale.notation.bars]
