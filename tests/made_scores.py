"""Scores that tests make: music21 parts and staves from pitches and lengths; and real ones."""

from music21 import chord, converter, corpus, meter, note, stream

from chorale_utils.notation.reading import from_score


def part(name, *notes, metre="4/4"):
    """A music21 Part in bars from (pitch, quarters) pairs; a pitch None is a rest."""
    made = stream.Part()
    made.append(meter.TimeSignature(metre))
    for pitch, quarters in notes:
        made.append(
            note.Rest(quarterLength=quarters)
            if pitch is None
            else note.Note(pitch, quarterLength=quarters)
        )
    made = made.makeMeasures().makeTies()
    made.partName = name
    return made


def four_parts(**others):
    """A score of four parts that hold a whole note each, but for the parts given by name."""
    notes = {"soprano": "C5", "alto": "G4", "tenor": "E4", "bass": "C3"}
    return stream.Score(
        [others.get(name) or part(name.title(), (pitch, 4)) for name, pitch in notes.items()]
    )


def hymn(*bars, names=("Women", "Men")):
    """Two staves; each bar is two tuples, of the upper and the lower staff, of voices: lists of
    (pitch or chord or None, quarters), or of one list of such."""
    staves = []
    for which, called in enumerate(names):
        staff = stream.Part()
        staff.partName = called
        for number, contents in enumerate(bars, 1):
            made = stream.Measure(number=number)
            if number == 1:
                made.insert(0, meter.TimeSignature("4/4"))
            for voice, notes in enumerate(contents[which], 1):
                line = [element(*one) for one in notes]
                if len(contents[which]) == 1:
                    made.append(line)
                else:
                    line_of = stream.Voice(id=str(voice))
                    line_of.append(line)
                    made.insert(0, line_of)
            staff.append(made)
        staves.append(staff)
    return stream.Score(staves)


def element(pitch, quarters):
    """A music21 note, chord or rest."""
    if pitch is None:
        return note.Rest(quarterLength=quarters)
    if isinstance(pitch, tuple):
        return chord.Chord(pitch, quarterLength=quarters)
    return note.Note(pitch, quarterLength=quarters)


_read = {}


def real(name):
    """A chorale as music21 has it (Chorale), with a title; read once."""
    if name not in _read:
        _read[name] = from_score(
            corpus.parse(f"bach/{name}"), name, bwv=name.removeprefix("bwv"), title="Ach, wie schön"
        )
    return _read[name]


def read_again(path):
    """The chorale in a score that was written."""
    return from_score(converter.parse(path, forceSource=True), "again")
