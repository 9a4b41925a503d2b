"""Figured bass: a bass with figures -> four voices that sing the chords of the figures.

The model writes over the bass within the requested chords (see `requests`). The result is checked:
a setting with parallels is discarded, and another plan is tried. If all of them fail, the voices
sing the last plan itself, which avoids parallels.

Notebook: 05_generation
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..chorale import SILENCE, STEPS_PER_QUARTER, VOICE_RANGES, VOICES, Chorale, Pieces
from ..judging.counterpoint import counted_faults
from ..models.checks import check_whole_numbers
from ..models.saving import COMPOSER, ModelLike, as_model
from ..notation.key import find_key
from ..notation.musicxml import figured_basses
from .harmonising import harmonize
from .melody import as_melody
from .requests import allowed_notes, figured_chords, plan_voicings

if TYPE_CHECKING:
    from .melody import MelodyLike

BASS = len(VOICES) - 1
PLANS = 4  # number of plans that the model may follow freely before one is sung note for note
PARALLELS = ("parallel fifths", "parallel octaves")


def realize(
    bass: MelodyLike,
    figures: Mapping[int, str] | Iterable[tuple[int, str]] | None = None,
    count: int = 1,
    model: ModelLike = COMPOSER,
    key: str | None = None,
    particles: int = 16,
    *,
    seed: int | None = None,
    **how: Any,
) -> Pieces:
    """A figured bass with three voices above it (named harmonised-0000 and so on): the bass is
    exact, every figure is realised, and there are no parallel fifths or octaves.

    Args:
        bass: a melody in any form that `harmonize` accepts; from a Chorale, its bass.
        figures: pairs (step in sixteenths, figures) or a dict, with figures such as ``'6'``,
            ``'6,5'`` or ``'65'``, ``'#'``, ``'#4,2'``, or ``''`` for a plain triad. Other steps are
            free. None takes the figures in the MusicXML file, or the words under the notes, one
            line per number; a note of a quarter or more without figures gets a plain triad.
        count: number of settings.
        model: `ChoraleModel`; or the name or path of one, see `load_model`.
        key: key of the signature, such as ``'g minor'``; None takes that of the bass, or the one
            that `find_key` finds.
        particles, seed: as in `harmonize`.
        how: more arguments of `harmonize`.

    Returns:
        `Pieces`, a list of Chorale with a report.

    Raises:
        ValueError: there are no figures, they cannot be read, are where the bass rests, or ask for
            chords that cannot be connected without parallels; the message says where. Also as in
            `harmonize`.
        FileNotFoundError: no such model, or no such file.

    Examples:
        >>> from chorale_utils import note_gru
        >>> untrained = note_gru(width=4, layers=1)  # or "chord_gru", which has learnt from Bach
        >>> bass = as_melody(["C3", "B2", "C3"], BASS, quarters=1)
        >>> piece = realize(bass, [(0, ""), (4, "65"), (8, "")], model=untrained, seed=1)[0]
        >>> sorted(set((piece.pitches[4] % 12).tolist()))
        [5, 7, 11]

    Notebook: 05_generation
    """
    check_whole_numbers(1, count=count)
    reading = {
        name: how.pop(name) for name in ("part", "strict", "repeats", "quarters") if name in how
    }
    tune = as_melody(bass, BASS, **reading)
    model = as_model(model)
    if figures is None:
        figures = figures_below(tune, bass, reading.get("repeats", "written"))
    placed = figures
    pairs = placed.items() if isinstance(placed, Mapping) else placed
    requests = figured_chords(tune, pairs, key or tune.key or find_key(tune))
    if not requests:
        raise ValueError(f"{tune.name}: no figures: expected at least one, such as (0, '6')")
    sequence = np.random.SeedSequence(seed)
    rng = np.random.default_rng(sequence)
    kept: list[Chorale] = []
    reports = []
    for attempt in range(PLANS + 1):
        plan = plan_voicings(requests, tune, BASS, rng)
        pieces = harmonize(
            model,
            tune,
            count - len(kept),
            "bass",
            particles=particles,
            seed=int(rng.integers(2**31)),
            tonic_ending=False,
            allowed=allowed_notes(requests, plan, tune, BASS, model.tokens, exact=attempt == PLANS),
            **{"ranges": VOICE_RANGES, **how},
        )
        clean = [number for number, piece in enumerate(pieces) if not _parallels(piece)]
        kept += [_struck_on_beats(pieces[number]) for number in clean]
        assert pieces.report is not None, "harmonize always returns one"
        reports.append(pieces.report.iloc[clean])
        if len(kept) == count:
            return _named(kept, reports)
    step, voices, rule = _parallels(pieces[0])[0]
    raise ValueError(
        f"{tune.name}: {rule} at step {step} between {' and '.join(VOICES[one] for one in voices)} "
        f"in all of {PLANS + 1} settings: expected other figures there, or fewer figures"
    )


def _struck_on_beats(piece: Chorale) -> Chorale:
    """The piece with upper voices that strike a note where it changes, and on the beats with the
    bass, but hold it where the bass moves between beats."""
    struck = piece.struck.copy()
    sung = piece.pitches[:, :BASS] != SILENCE
    changes = np.ones_like(sung)
    changes[1:] = piece.pitches[1:, :BASS] != piece.pitches[:-1, :BASS]
    on_beat = (np.arange(len(piece)) - piece.pickup) % STEPS_PER_QUARTER == 0
    struck[:, :BASS] = sung & (changes | (struck[:, BASS] & on_beat)[:, None])
    return replace(piece, onsets=struck)


def _parallels(piece: Chorale) -> list[tuple[int, tuple[int, ...], str]]:
    return [fault for fault in counted_faults(piece) if fault[2] in PARALLELS]


def _named(pieces: list[Chorale], reports: list[Any]) -> Pieces:
    """The settings of several tries, renumbered, with their report."""
    import pandas as pd

    names = [f"harmonised-{number:04d}" for number in range(len(pieces))]
    report = pd.concat(reports).set_axis(names).rename_axis("piece")
    return Pieces([replace(piece, name=name) for piece, name in zip(pieces, names)], report)


def figures_below(bass: Chorale, source: Any, repeats: str = "written") -> list[tuple[int, str]]:
    """The figures of a bass, pairs (step, figures): those in its MusicXML file, or else the words
    below it; and a plain triad over every other note of a quarter or more.

    Args:
        bass: Chorale.
        source: path of its file, or anything else that `realize` accepts.
        repeats: how the file was read; figures are only available as written.

    Raises:
        ValueError: there are no figures; a file with a figured bass was read with its repeats
            written out; or as in `figured_basses`.
    """
    found = dict(_figures_in_file(source, repeats) or _words_below(bass))
    for start, length, pitch in bass.notes(BASS).tolist():
        if length >= STEPS_PER_QUARTER and pitch != SILENCE:
            found.setdefault(start, "")
    return sorted(found.items())


def _figures_in_file(bass: Any, repeats: str) -> list[tuple[int, str]]:
    """The figured bass of a MusicXML file; empty if it has none, or this is another kind of
    file."""
    named = isinstance(bass, (str, os.PathLike))
    if not named or Path(bass).suffix.lower() not in (".musicxml", ".xml", ".mxl"):
        return []
    found = figured_basses(Path(bass))
    if found and repeats != "written":
        raise ValueError(
            f"{Path(bass).name}: a figured bass with repeats={repeats!r}: expected 'written'"
        )
    return found


def _words_below(bass: Chorale) -> list[tuple[int, str]]:
    """The figures given as words below a bass."""
    words = () if bass.notation is None else bass.notation.words
    lines: dict[int, list[tuple[int, str]]] = {}
    for word in words:
        if word.voice == BASS:
            lines.setdefault(word.step, []).append((word.verse, word.text))
    if not lines:
        raise ValueError(
            f"{bass.name}: no figures: expected a figured bass in a MusicXML file, words under the "
            f"bass, or figures=, pairs of step and figures such as (4, '6')"
        )
    return [(step, ",".join(text for _, text in sorted(texts))) for step, texts in lines.items()]
