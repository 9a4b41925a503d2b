"""Python code that repeats what was done on the page, so that learners find their way to the
notebook.

The last state entered by hand is written as notes; the model's later work is requested again, with
the same seed and the same words. The result is the same notes.

Notebook: 06_studio
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from itertools import pairwise
from typing import Any

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICE_RANGES, VOICES, Chorale
from ..judging.counterpoint import RANGES
from ..notation.page import Notation
from .moments import FREE, MOVEMENTS, Request, Settings
from .pieces import tune_of
from .session import Session
from .writer import MODEL

_WIDTH = 88
_PAGE = ("bars", "keys", "tempos", "words")


def script(session: Session, model: str = MODEL) -> str:
    """Python code (str) that makes the piece of a session.

    Args:
        session: Session.
        model: the model that wrote: name of a shipped model, or path of a ``.keras`` file.

    Examples:
        >>> session = Session(Chorale(np.tile([72, 0, 0, 0], (16, 1)), key="C major"))
        >>> print(script(session).splitlines()[0])
        import numpy as np
    """
    moments = [*session.past, session.moment]
    last, first = moments[-1], len(moments) - 1  # the last and first moments to write down
    while first > 0 and moments[first].request is not None:
        first -= 1
    begun = moments[first].chorale
    asked = [
        (before, after)
        for before, after in zip(moments[first:], moments[first + 1 :])
        if after.request is not before.request
    ]
    lines = ["# (MIDI number, quarters) of each note; 0 is a rest", _notes(begun)]
    if begun.notation is not None:
        lines += ["", "# everything on the page besides the notes", *_page(begun.notation)]
    lines += [_chorale(begun)]
    if asked:
        lines += ["", f"model, critic = load_model({model!r}), load_critic()"]
    if any(after.request is not None and after.request.settings.ranges for _, after in asked):
        sung = [f"    {voice!r}: {tuple(bounds)}," for voice, bounds in zip(VOICES, RANGES)]
        lines += ["ranges = {", *sung, "}"]
    known, page = begun, begun.notation
    for before, after in asked:
        assert after.request is not None
        lines += [*_described(known, before.chorale), "", *_asked(before.chorale, after.request)]
        known = after.chorale
        if page is not None:  # `harmonize` keeps the tune's notation
            tune_alone = _is_harmonize(before.chorale, after.request)
            kept = page.excerpt(0, len(known)).of_voice(tune_of(before.chorale))
            page = kept if tune_alone else None
    lines += _described(known, last.chorale)
    if last.chorale.notation is not None and last.chorale.notation != page:
        lines += ["", "# the page, fitted to the current notes"]
        lines += [*_page(last.chorale.notation), "piece = replace(piece, notation=page)"]
    has_page = any(line.startswith("page = ") for line in lines)
    lines += ["", "show(piece)"]
    return "\n".join([*_imports("\n".join(lines), has_page), "", *lines]) + "\n"


def _described(known: Chorale, now: Chorale) -> list[str]:
    """Changes by hand other than notes, as lines of Python."""
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
        told.append(_held(now))
    return (
        ["piece = replace(", "    piece,", *(f"    {each}," for each in told), ")"] if told else []
    )


def _held(chorale: Chorale) -> str:
    """The steps under a fermata, as an argument."""
    fermatas = np.zeros(1, bool) if chorale.fermatas is None else chorale.fermatas
    edges = np.flatnonzero(np.diff(np.pad(fermatas, 1).astype(int)))
    spans = [f"range({start}, {stop})" for start, stop in zip(edges[::2], edges[1::2])]
    told = f"[\n{_wrapped([f'*{span}' for span in spans], 8)}\n    ]" if spans else "[]"
    return f"fermatas=np.isin(np.arange({len(chorale)}), {told})"


def _imports(text: str, page: bool) -> list[str]:
    """The imports that lines of Python need, as lines of Python."""
    known = ("Chorale", "Form", "compose", "generate", "harmonize", "load_critic", "load_model")
    names = [*(name for name in known if f"{name}(" in text), "show"]
    lines = ["from dataclasses import replace", ""] if "replace(" in text else []
    lines += ["import numpy as np", ""]
    told = f"from chorale_utils import {', '.join(names)}"
    if len(told) > _WIDTH:
        told = f"from chorale_utils import (\n{_wrapped(names)}\n)"
    lines += [told]
    if "VOCABULARY" in text:
        lines += ["from chorale_utils.encoding import SCORE_VOCABULARY, VOCABULARY"]
    if page:
        kinds = "Bar, KeySignature, Notation, Syllable, Tempo"
        lines += [f"from chorale_utils.notation.page import {kinds}"]
    return lines


def _page(page: Notation) -> list[str]:
    """A page as Python code that assigns it to `page`."""
    lines = ["page = Notation("]
    for name in _PAGE:
        if getattr(page, name):
            lines += [f"    {name}=(", *(f"        {_call(each)}," for each in getattr(page, name))]
            lines += ["    ),"]
    for name in ("composer", "lyricist", "arranger", "copyright"):
        if getattr(page, name) is not None:
            lines += [f"    {name}={getattr(page, name)!r},"]
    if page.spelling is not None:
        lines += ["    # places of the notes on the line of fifths, C being 0; run by run"]
        lines += ["    spelling=np.stack(", "        ["]
        for column in page.spelling.T.astype(int):
            starts = np.flatnonzero(np.append(True, column[1:] != column[:-1]))
            runs = np.diff(np.append(starts, len(column))).tolist()
            line = f"            np.repeat({column[starts].tolist()}, {runs}),"
            if len(line) > _WIDTH:
                told = f"{_list(column[starts])},\n{_list(runs)},"
                line = f"            np.repeat(\n{told}\n            ),"
            lines += [line]
        lines += ["        ],", "        axis=1,", "    ),"]
    return [*lines, ")"]


def _call(mark: Any) -> str:
    """A bar, key, tempo or syllable as Python code, without default arguments."""
    told = [
        f"{each.name}={getattr(mark, each.name)!r}"
        for each in fields(mark)
        if getattr(mark, each.name) != each.default
    ]
    return f"{type(mark).__name__}({', '.join(told)})"


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


def _list(numbers: Iterable[int]) -> str:
    """A list of numbers as Python code, on several lines."""
    inner = _wrapped([str(number) for number in numbers], 20)
    return f"                [\n{inner}\n                ]"


def _wrapped(texts: list[str], indent: int = 4) -> str:
    line, lines = " " * (indent - 1), list[str]()
    for text in texts:
        if len(line) + len(text) + 2 > _WIDTH:
            lines, line = [*lines, line], " " * (indent - 1)
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
        held = f"    {_held(chorale)},\n"
    return (
        "voices = [soprano, alto, tenor, bass]\n"
        "steps = [[(pitch, int(4 * quarters)) for pitch, quarters in voice] for voice in voices]\n"
        "piece = Chorale(\n"
        "    np.stack([np.repeat(*zip(*voice)) for voice in steps], axis=1),\n"
        "    onsets=np.stack(\n"
        "        [np.concatenate([np.arange(n) == 0 for _, n in voice]) for voice in steps],\n"
        "        axis=1,\n"
        f"    ),\n{told}{held}{'' if chorale.notation is None else '    notation=page,' + chr(10)})"
    )


def _asked(before: Chorale, request: Request) -> list[str]:
    """One request to the model as lines of Python."""
    steps = len(request.given)
    told = {"seed": str(request.seed), **_told(request.settings), "critic": "critic"}
    lines = [f"# {request.work}"]
    if _is_harmonize(before, request):
        cut = f"piece[:{steps}]" if steps < len(before) else "piece"
        voice = tune_of(before)
        if voice:
            told["voice"] = repr(VOICES[voice])
        return [*lines, "piece = harmonize(", f"    model, {cut},", *_arguments(told), ")[0]"]
    lines += [f"form = {_form(request)}"]
    told["rests"] = "False"
    if request.work == "write":
        told = {"model": "model", **told}
        lines += ["written = compose(", "    form,", *_arguments(told), ")[0]"]
        return [*lines, "piece = replace(written, name='written')"]
    told["tonic_ending"] = "False"
    shared = min(len(before), steps)
    lines += [f"given = np.full(({steps}, 4), {FREE})"]
    lines += [f"given[:{shared}] = piece.pitches[:{shared}]"]
    lines += _changed_regions(before.pitches[:shared], request.given[:shared])
    lines += [f"struck = np.zeros(({steps}, 4), bool)"]
    lines += [f"struck[:{shared}] = piece.struck[:{shared}]"]
    lines += [f"struck[1:] |= given[:-1] == {FREE}  # the rest of a cut note is struck"]
    if request.pitch_classes is not None:
        lines += _pitch_classes(request.pitch_classes)
        told["pitch_classes"] = "classes"
    if request.syllables is not None:
        begins = [str(step) for step in np.flatnonzero(request.syllables)]
        lines += ["# the new voices sing the syllables of the tune, too"]
        lines += ["begins = [", _wrapped(begins), "]"]
        lines += [f"sung = np.isin(np.arange({steps}), begins)[:, None] & (given == {FREE})"]
        lines += [f"allowed = np.ones(({steps}, 4, SCORE_VOCABULARY), bool)"]
        lines += ["allowed[sung, VOCABULARY:] = False"]
        told["allowed"] = "allowed"
    lines += ["written = generate("]
    lines += ["    model, given=given, form=form, onsets=struck,", *_arguments(told), ")[0]"]
    return [*lines, *_taken_up(before, request)]


def _arguments(told: dict[str, str]) -> list[str]:
    """Arguments as lines of Python."""
    return [_wrapped([f"{name}={value}" for name, value in told.items()])]


def _form(request: Request) -> str:
    """A form as Python code, without default arguments."""
    told = "".join(
        f"    {each.name}={getattr(request.form, each.name)!r},\n"
        for each in fields(request.form)
        if getattr(request.form, each.name) != each.default
    )
    return f"Form(\n{told})"


def _is_harmonize(before: Chorale, request: Request) -> bool:
    """Whether `harmonize` can repeat the request: only a tune is fixed, in the range of its
    voice."""
    free, sings = request.free, np.flatnonzero(before.pitches.any(axis=0))
    if request.work != "harmonise" or len(sings) != 1:
        return False
    line, (low, high) = before.pitches[:, sings[0]], VOICE_RANGES[sings[0]]
    tune_alone = np.tile(line[: len(free), None] != SILENCE, (1, len(VOICES)))
    tune_alone[:, sings] = False
    in_range = ((line == SILENCE) | ((low <= line) & (line <= high))).all()
    return bool(in_range) and np.array_equal(free, tune_alone)


def _pitch_classes(classes: np.ndarray) -> list[str]:
    """Lines that set the pitch classes that the voices may sing, where not all are allowed."""
    lines = [f"classes = np.ones({classes.shape}, bool)"]
    for voice, name in enumerate(VOICES):
        told = classes[:, voice]
        changes = np.flatnonzero(np.append(True, (told[1:] != told[:-1]).any(axis=1)))
        for start, stop in zip(changes, [*changes[1:], len(told)]):
            if not told[start].all():
                sung = np.flatnonzero(told[start]).tolist()
                what = f"np.isin(np.arange(12), {sung})  # {name}"
                lines.append(f"classes[{start}:{stop}, {voice}] = {what}")
    return lines


def _told(settings: Settings) -> dict[str, str]:
    told = {
        "temperature": f"{settings.temperature:g}",
        "particles": str(settings.particles),
        "parallels": str(settings.parallels),
        "crossing": str(settings.crossing),
    }
    told["ranges"] = "ranges" if settings.ranges else "{}"
    if settings.movement:
        told["movement"] = f"{MOVEMENTS[settings.movement]:g}"
    return told


def _changed_regions(before: np.ndarray, given: np.ndarray) -> list[str]:
    """Lines that turn the notes (steps, 4) of a piece into those given to the model."""
    lines = []
    for voice, (name, was, now) in enumerate(zip(VOICES, before.T, given.T)):
        kind = np.where(was == now, 0, np.where(now == FREE, 1, 2))
        edges = np.flatnonzero(np.diff(kind, prepend=0, append=0))
        for start, stop in pairwise(edges.tolist()):
            if kind[start]:
                lines.append(f"given[{start}:{stop}, {voice}] = {now[start]}  # {name}")
    return lines


def _taken_up(before: Chorale, request: Request) -> list[str]:
    """Lines that make the piece from the model's answer."""
    steps = len(request.given)
    lines = [f"struck = np.where(given == {FREE}, written.struck, struck & (given > 0))"]
    changed = ["pitches=written.pitches", "onsets=struck"]
    if request.work == "continue":
        begun = min(steps, len(before))
        lines += [f"held = written.fermatas & (given == {FREE}).any(axis=1)"]
        if before.fermatas is not None:
            lines += [f"held[:{begun}] |= piece.fermatas[:{begun}]"]
        changed += ["fermatas=held"]
    elif before.fermatas is not None and len(before) != steps:
        changed += [f"fermatas=piece.fermatas[:{steps}]"]
    if before.notation is not None:
        changed += ["notation=None"]
    return [*lines, f"piece = replace(piece, {', '.join(changed)})"]
