"""The Python that does again what was done on the page, so that learners find their way to the
notebook.

What was last entered by hand is written down as notes; what the model did after that is asked of it
again, with the same seed and the same words. It gives the same notes.

Notebook: 06_studio
"""

from __future__ import annotations

import numpy as np

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale
from .session import FREE, Request, Session, Settings

_WIDTH = 88


def script(session: Session) -> str:
    """The Python (str) that makes the piece of a session.

    Examples:
        >>> session = Session(Chorale(np.tile([72, 0, 0, 0], (16, 1)), key="C major"))
        >>> print(script(session).splitlines()[0])
        import numpy as np
    """
    moments = [*session.past, session.moment]
    last, first = moments[-1], len(moments) - 1  # of the moments that are written down
    while first > 0 and moments[first].request is not None:
        first -= 1
    begun = moments[first].chorale
    asked = [
        (before, after)
        for before, after in zip(moments[first:], moments[first + 1 :])
        if after.request is not before.request
    ]
    lines = [_imports(bool(asked)), "", "# (MIDI number, quarters) of each note; 0 is a rest"]
    lines += [_notes(begun), _chorale(begun)]
    if asked:
        lines += ["", 'model = load_model("chord_gru")']
    known = begun
    for before, after in asked:
        assert after.request is not None
        lines += [*_described(known, before.chorale), "", *_asked(before.chorale, after.request)]
        known = after.chorale
    lines += [*_described(known, last.chorale), "", "show(piece)"]
    return "\n".join(lines) + "\n"


def _described(known: Chorale, now: Chorale) -> list[str]:
    """What has been changed by hand that is no note, as lines of Python."""
    told = [
        f"{name}={getattr(now, name)!r}"
        for name in ("title", "key", "time_signature", "pickup")
        if getattr(now, name) != getattr(known, name)
    ]
    held = [
        () if each.fermatas is None else np.flatnonzero(each.fermatas).tolist()
        for each in (known, now)
    ]
    if list(held[0]) != list(held[1]):
        told.append(f"fermatas=np.isin(np.arange({len(now)}), {held[1]})")
    return [f"piece = replace(piece, {', '.join(told)})"] if told else []


def _imports(asked: bool) -> str:
    first = ["import numpy as np", ""]
    if asked:
        first = ["from dataclasses import replace", "", *first]
        names = "VOICE_RANGES, Chorale, generate, harmonize, load_model, show"
        return "\n".join([*first, f"from chorale_utils import {names}"])
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
    line, lines = "   ", list[str]()
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
        "        [np.concatenate([np.arange(n) == 0 for _, n in voice]) for voice in steps],\n"
        "        axis=1,\n"
        f"    ),\n{told}{held})"
    )


def _asked(before: Chorale, request: Request) -> list[str]:
    """One piece of the model's work as lines of Python."""
    free, told = request.free, {"seed": str(request.seed), **_told(request.settings)}
    arguments = ", ".join(f"{name}={value}" for name, value in told.items())
    sings = np.flatnonzero(before.pitches.any(axis=0))
    tune_alone = np.ones(free.shape, bool)
    tune_alone[:, sings[:1]] = False
    lines = [f"# {request.work}"]
    if request.work == "harmonise" and len(sings) == 1 and np.array_equal(free, tune_alone):
        cut = f"piece[:{len(free)}]" if len(free) < len(before) else "piece"
        voice = "" if sings[0] == 0 else f"voice={VOICES[sings[0]]!r}, "
        return [*lines, f"piece = harmonize(model, {cut}, {voice}{arguments})[0]"]
    if request.work == "write":
        lines += [f"given = np.full({free.shape}, {FREE})"]
        lines += _regions("given", request.given, ~free)
    else:
        lines += [f"given = np.full(({len(free)}, 4), {FREE})"]
        lines += [f"given[:{min(len(before), len(free))}] = piece.pitches[:{len(free)}]"]
        lines += _free_regions(free, len(before))
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
            while (
                stop < len(given)
                and fixed[stop, voice]
                and given[stop, voice] == given[step, voice]
            ):
                stop += 1
            lines.append(
                f"{name}[{step}:{stop}, {voice}] = {given[step, voice]}  # {VOICES[voice]}"
            )
            step = stop
    return lines


def _taken_up(before: Chorale, request: Request) -> list[str]:
    if request.work == "write":
        about = (
            f"key={before.key!r}, time_signature={before.time_signature!r}, pickup={before.pickup}"
        )
        return [f"piece = replace(written, name='written', {about})"]
    more = len(request.given) - len(before)
    shared = min(len(before), len(request.given))
    struck = [
        f"struck = np.zeros(({len(request.given)}, 4), bool)",
        f"struck[:{shared}] = piece.struck[:{shared}]",
        "struck = np.where(given == -1, written.struck, struck | written.struck)",
    ]
    fermatas = []
    if before.fermatas is not None and more:
        fermatas = [
            f"held = np.zeros({len(request.given)}, bool)",
            f"held[:{shared}] = piece.fermatas[:{shared}]",
            "piece = replace(piece, pitches=written.pitches, onsets=struck, fermatas=held)",
        ]
    return [
        *struck,
        *(fermatas or ["piece = replace(piece, pitches=written.pitches, onsets=struck)"]),
    ]
