"""The exercises of notebook 5: pieces that a model wrote, and settings of a melody."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..chorale import VOICE_RANGES, VOICES, Chorale, described
from ..judging.grading import grade
from ..judging.phrasing import ends_on_tonic
from ..notation.loading import load_melody
from ..part_writing.checking import faults
from .answers import (
    Exercise,
    NotYet,
    WrongKind,
    array,
    chorale,
    chorales,
    number,
    parts,
    reported,
    voices,
    whole,
)

PIECES = 10  # to write in 5.1
SEEDS = 20  # for each number of particles in 5.4
BARS = 8  # of the melody in 5.5


def best_of_ten(answer: Any) -> str:
    """5.1: ten pieces, and the one with the best grade."""
    pieces, best = parts(answer, "pieces", "best")
    pieces, best = chorales(pieces, "pieces", PIECES), whole(best, "best")
    if not 0 <= best < len(pieces):
        raise NotYet(f"best: got {best}: the pieces are numbered from 0 to {len(pieces) - 1}.")
    if len({piece.pitches.tobytes() for piece in pieces}) < len(pieces):
        raise NotYet(
            "Two of the pieces are the same. generate(model, count=10) writes ten at once."
        )
    grades = grade(pieces)
    top = int(grades.argmax())
    if best == top + 1:
        raise NotYet("best: Python counts from 0, and you counted from 1.")
    if best == int(grades.argmin()):
        raise NotYet(
            "best: that is the worst one. A grade is negative where a piece is unlike Bach."
        )
    if best != top:
        raise NotYet(f"best: its grade is {grades[best]:.1f}; another piece has {grades[top]:.1f}.")
    return (
        f"Its grade is {grades[top]:.1f}; the median of the ten is {np.median(grades):.1f}. "
        "Let your ears decide whether you agree: the grade cannot hear whether a phrase leads "
        "anywhere."
    )


def soprano_or_bass(answer: Any) -> str:
    """5.2: Bach's soprano given, and Bach's bass."""
    soprano, bass, easier = parts(answer, "soprano", "bass", "easier")
    given = {"soprano": reported(soprano, "soprano", 2), "bass": reported(bass, "bass", 2)}
    for voice, (settings, _) in given.items():
        line = [setting.pitches[:, VOICES.index(voice)] for setting in settings]
        if any(len(one) != len(line[0]) or (one != line[0]).any() for one in line):
            raise NotYet(f"{voice}: the settings differ in their {voice}. Was it given?")
        if all((s.pitches == settings[0].pitches).all() for s in settings):
            raise NotYet(f"{voice}: all settings are the same.")
    if len(given["soprano"][0][0]) != len(given["bass"][0][0]):
        raise NotYet("The two melodies differ in length. Take soprano and bass of the same phrase.")
    told = voices(easier, "easier")
    costs = {voice: mean for voice, (_, mean) in given.items()}
    cheaper = max(costs, key=costs.__getitem__)
    if told != {cheaper}:
        raise NotYet(
            "easier: compare the means of log_likelihood. The nearer to 0, the more the model "
            "expected the voice that it was given."
        )
    grades = {voice: float(np.mean(grade(s))) for voice, (s, _) in given.items()}
    return (
        f"The {cheaper} costs {abs(costs['soprano'] - costs['bass']):.0f} nats less. The grades "
        f"are {grades['soprano']:.1f} with the soprano given and {grades['bass']:.1f} with the "
        "bass: do your ears agree with either figure?"
    )


def price_of_rules(answer: Any) -> str:
    """5.3: settings without rules, with rules, and with ranges as well."""
    names = ("without", "rules", "ranges")
    *settings, cost = parts(answer, *names, "cost")
    read = {name: reported(one, name, 4) for name, one in zip(names, settings)}
    groups = {name: group for name, (group, _) in read.items()}
    means = {name: mean for name, (_, mean) in read.items()}
    if len({piece.pitches[:, 0].tobytes() for group in groups.values() for piece in group}) > 1:
        raise NotYet("The melodies differ: set the same one three times.")
    ruled = [piece.pitches for name in ("rules", "ranges") for piece in groups[name]]
    if any(_crosses(pitches) for pitches in ruled):
        raise NotYet("Voices cross in a setting with rules. Are the groups in the right places?")
    low, high = np.array(list(VOICE_RANGES)).T
    for pitches in (piece.pitches[:, 1:] for piece in groups["ranges"]):
        if ((pitches > 0) & ((pitches < low[1:]) | (pitches > high[1:]))).any():
            raise NotYet("ranges: a voice leaves its range. Did you give ranges=VOICE_RANGES?")
    expected, told = means["without"] - means["rules"], number(cost, "cost")
    if abs(told + expected) < 0.06 < abs(expected):
        raise NotYet("cost: the sign: what the rules take away is without minus rules.")
    if abs(told - expected) >= 0.06:
        raise NotYet(
            f"cost: got {told:g}: the mean log_likelihood of 'without' minus that of 'rules', to "
            "one decimal."
        )
    points = {name: float(np.mean(grade(group))) for name, group in groups.items()}
    return (
        f"The rules cost {expected:.1f} nats and bring "
        f"{points['rules'] - points['without']:+.1f} points; "
        f"the ranges cost {means['rules'] - means['ranges']:.1f} more and bring "
        f"{points['ranges'] - points['rules']:+.1f}."
    )


def _crosses(pitches):
    upper, lower = pitches[:, :-1], pitches[:, 1:]
    return ((upper > 0) & (lower > upper)).any()


def how_many_particles(answer: Any) -> str:
    """5.4: the spread of log_likelihood over seeds, by the number of particles."""
    if not isinstance(answer, Mapping):
        raise WrongKind(f"got {described(answer)}")
    found = {
        whole(n, "particles"): array(values, f"{n} particles").ravel()
        for n, values in answer.items()
    }
    if len(found) < 3:
        raise NotYet(f"{len(found)} numbers of particles: try three or more, such as 4, 16 and 64.")
    for n, values in found.items():
        if len(values) < SEEDS:
            raise NotYet(f"{n} particles: {len(values)} seeds: a spread needs {SEEDS}.")
        if len(np.unique(values)) < len(values) // 2:
            raise NotYet(f"{n} particles: most figures are the same. Did the seed change?")
    few, many = found[min(found)], found[max(found)]
    if few.std() <= many.std():
        raise NotYet(
            f"The spread with {max(found)} particles is {many.std():.2f}, with {min(found)} "
            f"{few.std():.2f}: more candidates should agree better. Are the keys the right ones?"
        )
    return (
        f"The spread falls from {few.std():.2f} to {many.std():.2f} nats, and the mean rises by "
        f"{many.mean() - few.mean():.2f}: with few candidates the logarithm of the estimate is "
        "too low."
    )


def own_melody(answer: Any) -> str:
    """5.5: the student's own melody, harmonised, and one bar of the setting rewritten."""
    tune, setting, mended = parts(answer, "tune", "setting", "mended")
    if isinstance(tune, (str, os.PathLike)):
        tune = load_melody(tune)
    line = chorale(tune, "tune").pitches[:, 0]
    first, second = chorale(setting, "setting"), chorale(mended, "mended")
    bar = first.steps_per_bar or 16
    bars = len(first) / bar
    if bars < BARS - 0.5:
        raise NotYet(f"{bars:.1f} bars: write {BARS}, two phrases that answer each other.")
    for name, piece in (("setting", first), ("mended", second)):
        kept = piece.pitches[:, 0]
        if len(kept) != len(line) or len(set((kept - line)[line > 0])) > 1:
            raise NotYet(f"{name}: its soprano is not your tune.")
        silent = [voice for voice, line in zip(VOICES, piece.pitches.T) if not line.any()]
        if silent:
            raise NotYet(f"{name}: there are no notes for {' and '.join(silent)}.")
    changed = np.flatnonzero((first.pitches != second.pitches).any(axis=1))
    if not len(changed):
        raise NotYet("mended: nothing has changed. Correct a chord, and free the bar around it.")
    if changed[-1] - changed[0] >= 2 * bar:
        raise NotYet(
            f"mended: it differs from step {changed[0]} to step {changed[-1]}, more than the bar "
            "around a chord. Fix the other notes: -1 only where the model may write."
        )
    if not _ends_well(first):
        raise NotYet("setting: it does not end on the tonic. Does your tune end on a note of it?")
    before, after = len(faults(first)), len(faults(second))
    return f"A harmony class would mark {before} places before and {after} after your correction."


def _ends_well(piece: Chorale) -> bool:
    return bool(ends_on_tonic([piece])[0])


EXERCISES = (
    Exercise(
        "5.1",
        '{"pieces": pieces, "best": 0}',
        "that the piece with that number, counted from 0, has the best grade",
        best_of_ten,
    ),
    Exercise(
        "5.2",
        '{"soprano": settings, "bass": settings, "easier": "..."}',
        "that soprano and bass were given, and which of them the model expected more",
        soprano_or_bass,
    ),
    Exercise(
        "5.3",
        '{"without": settings, "rules": settings, "ranges": settings, "cost": nats}',
        "that each group obeys its rules, and the difference of the mean log_likelihood",
        price_of_rules,
    ),
    Exercise(
        "5.4",
        "{4: log_likelihoods, 16: log_likelihoods, ...}",
        "twenty figures for each number of particles, with a shrinking spread",
        how_many_particles,
    ),
    Exercise(
        "5.5",
        '{"tune": file, "setting": chorale, "mended": chorale}',
        "your tune in both, eight bars, an end on the tonic, and that one bar has changed",
        own_melody,
    ),
)
