"""The Python that does again what was done on the page, so that learners find their way to the
notebook.

What was last entered by hand is written down as notes; what the model did after that is asked of it
again, with the same seed and the same words. It gives the same notes.

Notebook: 06_studio
"""

from __future__ import annotations

import numpy as np

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale
from .session import FREE, Moment, Request, Session, Settings

_WIDTH = 88


def script(session: Session) -> str:
    """The Python (str) that makes the piece of a session.

    Examples:
        >>> session = Session(Chorale(np.tile([72, 0, 0, 0], (16, 1)), key="C major"))
        >>> print(script(session).splitlines()[0])
        import numpy as np
    """
    moments = [*session.past, session.moment]
    asked: list[tuple[Moment, Request]] = []
    while moments and (request := moments[-1].request) is not None:
        while len(moments) > 1 and moments[-2].request is request:
            moments.pop()  # only locks, words or the title have changed since
        if len(moments) == 1:
            break
        moments.pop()
        asked.append((moments[-1], request))
    begun = (asked[-1][0] if asked else session.moment).chorale
    lines = [_imports(bool(asked)), "", "# (MIDI number, quarters) of each note; 0 is a rest"]
    lines += [_notes(begun), _chorale(begun)]
    if asked:
        lines += ["", 'model = load_model("chord_gru")']
    for before, request in reversed(asked):
        lines += ["", *_asked(before.chorale, request)]
    lines += ["", "show(piece)"]
    return "\n".join(lines) + "\n"


def _imports(asked: bool) -> str:
    first = ["import numpy as np", ""]
    if asked:
        first = ["from dataclasses import replace", "", *first]
        return "\n".join([*first, "from chorale_utils import VOICE_RANGES, Chorale, generate, load_model, show"])
    return "\n".join([*first, "from chorale_utils import Chorale, show"])


def _notes(chorale: Chorale) -> str:
    """The notes of all voices as Python, such as ``soprano = [(67, 1), (69, 1)]``."""
    written = []
    for voice, name in enumerate(VOICES):
        pairs, now = [], 0
        for start, length, pitch in chorale.notes(voice).tolist():
            if start > now:
                pairs.append((0, start - now))
            pairs.append((pitch, length))
            now = start + length
        if now < len(chorale):
            pairs.append((0, len(chorale) - now))
        texts = [f"({pitch}, {length / STEPS_PER_QUARTER:g})" for pitch, length in pairs]
        written.append(f"{name} = [\n{_wrapped(texts)}\n]")
    return "\n".join(written)


def _wrapped(texts: list[str]) -> str:
    lines, line = [], "   "
    for text in texts:
        if len(line) + len(text) + 2 > _WIDTH:
            lines, line = [*lines, line], "   "
        line += f" {text},"
    return "\n".join([*lines, line])


def _chorale(chorale: Chorale) -> str:
    about = {
        "name": chorale.name,
        "title": chorale.title,
        "key": chorale.key,
        "time_signature": chorale.time_signature,
        "pickup": chorale.pickup or None,
    }
    told = "".join(f"    {name}={value!r},\n" for name, value in about.items() if value is not None)
    held = ""
    if chorale.fermatas is not None and chorale.fermatas.any():
        steps = np.flatnonzero(chorale.fermatas).tolist()
        held = f"    fermatas=np.isin(np.arange({len(chorale)}), {steps}),\n"
    return (
        "voices = [soprano, alto, tenor, bass]\n"
        "steps = [[(pitch, int(4 * quarters)) for pitch, quarters in voice] for voice in voices]\n"
        "piece = Chorale(\n"
        "    np.stack([np.repeat(*zip(*voice)) for voice in steps], axis=1),\n"
        "    onsets=np.stack(\n"
        "        [np.concatenate([np.arange(n) == 0 for _, n in voice]) for voice in steps], axis=1\n"
        f"    ),\n{told}{held})"
    )


def _asked(before: Chorale, request: Request) -> list[str]:
    """One piece of the model's work as lines of Python."""
    free = request.free
    lines = [f"# {request.work}"]
    if request.work == "write":
        lines += [f"given = np.full({free.shape}, {FREE})"]
        lines += _regions("given", request.given, ~free)
    else:
        lines += [f"given = np.full(({len(free)}, 4), {FREE})"]
        lines += [f"given[:{min(len(before), len(free))}] = piece.pitches[:{len(free)}]"]
        lines += _free_regions(free, len(before))
    told = {"seed": request.seed, **_told(request.settings)}
    arguments = ", ".join(f"{name}={value}" for name, value in told.items())
    lines += ["written = generate(", "    model,", "    given=given,", f"    {arguments},", ")[0]"]
    return lines + _taken_up(before, request)


def _told(settings: Settings) -> dict[str, str]:
    told = {
        "temperature": f"{settings.temperature:g}",
        "particles": str(settings.particles),
        "parallels": str(settings.parallels),
    }
    if not settings.crossing:
        told["crossing"] = "False"
    if settings.ranges:
        told["ranges"] = "VOICE_RANGES"
    if settings.movement:
        sign = "-" if settings.movement == "calm" else ""
        told["best_of"] = "4"
        told["judge"] = f"lambda pieces: [{sign}each.struck.sum() / len(each) for each in pieces]"
    return told


def _free_regions(free: np.ndarray, known: int) -> list[str]:
    """Lines that free what the model writes."""
    lines = []
    for voice in range(len(VOICES)):
        column = np.concatenate([[False], free[: min(known, len(free)), voice], [False]])
        edges = np.flatnonzero(np.diff(column.astype(int)))
        for start, stop in zip(edges[::2], edges[1::2]):
            lines.append(f"given[{start}:{stop}, {voice}] = {FREE}  # {VOICES[voice]}")
    return lines


def _regions(name: str, given: np.ndarray, fixed: np.ndarray) -> list[str]:
    lines = []
    for voice in range(len(VOICES)):
        step = 0
        while step < len(given):
            if not fixed[step, voice]:
                step += 1
                continue
            stop = step
            while stop < len(given) and fixed[stop, voice] and given[stop, voice] == given[step, voice]:
                stop += 1
            lines.append(f"{name}[{step}:{stop}, {voice}] = {given[step, voice]}  # {VOICES[voice]}")
            step = stop
    return lines


def _taken_up(before: Chorale, request: Request) -> list[str]:
    if request.work == "write":
        about = f"key={before.key!r}, time_signature={before.time_signature!r}, pickup={before.pickup}"
        return [f"piece = replace(written, name='written', {about})"]
    more = len(request.given) - len(before)
    struck = [
        f"struck = np.zeros(({len(request.given)}, 4), bool)",
        f"struck[:{min(len(before), len(request.given))}] = piece.struck[:{len(request.given)}]",
        "struck = np.where(given == -1, written.struck, struck | written.struck)",
    ]
    fermatas = []
    if before.fermatas is not None and more:
        fermatas = [
            f"held = np.zeros({len(request.given)}, bool)",
            f"held[:{min(len(before), len(request.given))}] = piece.fermatas[:{len(request.given)}]",
            "piece = replace(piece, pitches=written.pitches, onsets=struck, fermatas=held)",
        ]
    return [*struck, *(fermatas or ["piece = replace(piece, pitches=written.pitches, onsets=struck)"])]
