"""Which music21 file holds which piece of the JSB archive: makes the manifest ``jsb_split.csv``.

    python -m chorale_utils.corpus.jsb_split

The archive numbers its 382 chorales but does not name them. This script identifies them by their
music. Every file is read with and without its repeats. Passages of four voices, in any key, lead
from a piece to the files that share most of them; then piece and file are aligned step by step, and
the equal notes are counted. Each file is assigned only to the piece that it fits best, so that no
file is in two partitions. A piece that fits no file stays in the manifest without one.

The columns of the manifest, which has one row for each piece of the archive:

    partition, number       its place in the archive: ``train,3`` is train/chorale_003.csv
    bwv, title, file        its identity and its music21 file; empty if none was found
    repeats                 ``taken`` or ``once`` in the archive; empty if the file has none
    transposition           semitones from the music21 edition up to the archive
    jsb_steps, file_steps   length in sixteenths, in each edition
    notes_agree             share of the archive's notes that are the same in the aligned file
    steps_agree             share of its steps at which all four voices are the same
    remark                  for pieces without a file: how well the best file fits
    likest, likest_share    for validation and test pieces: the most similar training piece, the one
                            with most of the piece's 16-step passages of four voices, and the share
                            (0 to 1) of them that it has
    likest_soprano, likest_soprano_share    the same for 24-step passages of the soprano alone

Notebook: 01_data_exploration
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from ..chorale import SILENCE, VOICES, Chorale
from ..notation.page import REPEATS
from .editions import MANIFEST, load_corpus, parse_music21
from .passages import pairwise_containment, passages

INDEX_STEPS = 8  # sixteenths in the passages that lead from a piece to files: two beats
CANDIDATES = 6  # number of readings of files that are aligned with a piece
GAP_PENALTY = 1  # cost of skipping a step of one edition, in equal notes
# Smallest share of equal notes for a match. The best file that is not the piece has 0.63.
MATCH_THRESHOLD = 0.65
NOT_CHORALES = {"bach/bwv846.mxl"}  # keyboard music in music21's Bach folder
COLUMNS = (
    "partition",
    "number",
    "bwv",
    "title",
    "file",
    "repeats",
    "transposition",
    "jsb_steps",
    "file_steps",
    "notes_agree",
    "steps_agree",
    "remark",
    "likest",
    "likest_share",
    "likest_soprano",
    "likest_soprano_share",
)


def main() -> None:
    """Rewrites the manifest from the archive and the installed music21."""
    jsb = load_corpus("jsb")
    pieces = list(jsb)
    readings = read_files()
    rows = [
        _row(piece, match)
        for piece, match in zip(pieces, match_pieces(pieces, readings), strict=True)
    ]
    similar: dict[str, dict[str, str]] = {}
    for voices, column in (("all", "likest"), ("soprano", "likest_soprano")):
        for near in jsb.near_copies(voices).to_dict("records"):
            share = near["share"]
            similar.setdefault(near["name"], {}).update(
                {column: near["nearest"] if share else "", f"{column}_share": f"{share:.3f}"}
            )
    with open(MANIFEST, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | similar.get(piece.name, {}) for piece, row in zip(pieces, rows))
    found = [float(row["notes_agree"]) for row in rows if "file" in row]
    print(
        f"{MANIFEST}: {len(found)} of {len(rows)} pieces found; they agree in "
        f"{np.median(found):.1%} of their notes (median), and in {min(found):.1%} or more"
    )


def read_files() -> list[tuple[str, Chorale]]:
    """Every chorale file in music21's Bach folder, as pairs: how repeats are read (``'taken'`` or
    ``'once'``; ``''`` without repeats), and a Chorale named after the file."""
    from music21.corpus import getComposer

    files = sorted(
        f"bach/{path.name}" for path in getComposer("bach") if path.suffix in (".mxl", ".xml")
    )
    tasks: list[dict[str, Any]] = [
        {"file": file, "name": file, "repeats": repeats}
        for file in files
        if file not in NOT_CHORALES
        for repeats in REPEATS
    ]
    chorales = parse_music21(tasks)
    readings = []
    for once, taken in zip(chorales[::2], chorales[1::2]):
        same = len(once) == len(taken)
        readings += [("", once)] if same else [("once", once), ("taken", taken)]
    return readings


def match_pieces(
    pieces: list[Chorale], readings: list[tuple[str, Chorale]]
) -> list[dict[str, Any]]:
    """The file of each piece: a dict for each piece with file, repeats and file_steps of the
    matching reading, and the results of `align`; or with only a remark if none matches.

    Args:
        pieces: list of Chorale.
        readings: as from `read_files`.

    Examples:
        >>> notes = np.random.default_rng(0).integers(50, 70, (32, 4))
        >>> piece, reading = Chorale(notes, name="mine"), Chorale(notes + 2, name="a.mxl")
        >>> match_pieces([piece], [("", reading)])[0]["file"]
        'a.mxl'
    """
    shares = pairwise_containment(pieces, [chorale for _, chorale in readings], INDEX_STEPS)
    pairs: list[tuple[int, dict[str, Any]]] = []
    for place, piece in enumerate(pieces):
        fits: dict[str, dict[str, Any]] = {}  # the better reading of each file
        for candidate in np.argsort(-shares[place], kind="stable")[:CANDIDATES]:
            repeats, chorale = readings[candidate]
            match = {
                "file": chorale.name,
                "repeats": repeats,
                "file_steps": len(chorale),
                **align(piece, chorale),
            }
            if chorale.name not in fits or match["fit"] > fits[chorale.name]["fit"]:
                fits[chorale.name] = match
        pairs += [(place, match) for match in fits.values()]
    pairs.sort(
        key=lambda pair: (-pair[1]["notes_agree"], len(pair[1]["file"]), pair[1]["file"], pair[0])
    )
    matches: dict[int, dict[str, Any]] = {}  # by the number of the piece
    owners: dict[str, int] = {}  # the piece to which each file is assigned
    for place, match in pairs:  # the best fit first; for later pieces the file is taken
        if (
            match["notes_agree"] >= MATCH_THRESHOLD
            and place not in matches
            and match["file"] not in owners
        ):
            matches[place], owners[match["file"]] = match, place
    for place, match in pairs:
        if place not in matches:
            taken = owners.get(match["file"])
            matches[place] = {
                "remark": f"{match['file']} agrees in {match['notes_agree']:.0%} of the notes"
                + ("" if taken is None else f" and is {pieces[taken].name}")
            }
    return [matches[place] for place in range(len(pieces))]


def align(piece: Chorale, other: Chorale) -> dict[str, float]:
    """How well two editions of a piece agree, once aligned.

    Steps are aligned in order. Either edition may have steps that the other lacks (a repeat, an
    upbeat, a last beat); each such step costs `GAP_PENALTY` (Needleman and Wunsch 1970).

    Args:
        piece, other: Chorales.

    Returns:
        dict with transposition (semitones from `other` up to `piece`), notes_agree and steps_agree
        (shares, 0 to 1, of the piece's notes and steps that are the same in the other), and fit
        (notes_agree less the cost of skipped steps).

    Examples:
        >>> notes = np.random.default_rng(0).integers(50, 70, (16, 4))
        >>> align(Chorale(notes), Chorale(notes - 2))
        {'transposition': 2, 'fit': 1.0, 'notes_agree': 1.0, 'steps_agree': 1.0}

    Notebook: 01_data_exploration
    """
    ours, theirs = piece.pitches.astype(int), other.pitches.astype(int)
    semitones = _transposition(piece, other)
    theirs = np.where(theirs == SILENCE, SILENCE, theirs + semitones)
    # how many voices agree, 0 to 4: (our steps, their steps)
    equal = (ours[:, None, :] == theirs[None, :, :]).sum(axis=2)
    ramp = GAP_PENALTY * np.arange(len(theirs) + 1)
    # score[i][j]: the highest score of an alignment of our first i steps with their first j
    score = [-ramp]
    for row in equal:
        paired = np.concatenate([[-ours.size], score[-1][:-1] + row])
        score.append(
            np.maximum.accumulate(np.maximum(paired, score[-1] - GAP_PENALTY) + ramp) - ramp
        )
    notes = steps = 0
    i, j = len(ours), len(theirs)
    while i and j:  # trace back the best alignment
        if score[i][j] == score[i - 1][j - 1] + equal[i - 1, j - 1]:
            i, j = i - 1, j - 1
            notes, steps = notes + equal[i, j], steps + (equal[i, j] == len(VOICES))
        elif score[i][j] == score[i - 1][j] - GAP_PENALTY:
            i -= 1
        else:
            j -= 1
    return {
        "transposition": semitones,
        "fit": float(score[-1][-1] / ours.size),
        "notes_agree": float(notes / ours.size),
        "steps_agree": float(steps / len(ours)),
    }


def _transposition(piece: Chorale, other: Chorale) -> int:
    """Semitones from `other` up to `piece`: the most common value among their shared passages."""
    _, ours, theirs = np.intersect1d(
        passages(piece, INDEX_STEPS), passages(other, INDEX_STEPS), return_indices=True
    )
    up, down = piece.pitches[ours].astype(int), other.pitches[theirs].astype(int)
    semitones, counts = np.unique(
        (up - down)[(up != SILENCE) & (down != SILENCE)], return_counts=True
    )
    return int(semitones[counts.argmax()]) if len(counts) else 0


def _row(piece: Chorale, match: dict[str, Any]) -> dict[str, Any]:
    """A row of the manifest (dict), with shares as text with four decimals."""
    _, partition, stem = piece.name.split("/")
    row = {
        "partition": partition,
        "number": int(stem.split("_")[1]),
        "jsb_steps": len(piece),
        **match,
    }
    if "file" in match:
        del row["fit"]
        row["bwv"] = _bwv(match["file"])
        row["title"] = _titles().get(row["bwv"], "")
        row |= {share: f"{match[share]:.4f}" for share in ("notes_agree", "steps_agree")}
    return row


def _bwv(file: str) -> str:
    """``'66.6'`` from ``'bach/bwv66.6.mxl'``, without the suffixes that name an editor
    (``-sc``, ``-lpz``...)."""
    return re.sub(r"-(inst|lpz|lz|sc|s|w)$", "", PurePosixPath(file).stem.removeprefix("bwv"))


@cache
def _titles() -> dict[str, str]:
    """{BWV number: title}, as far as music21 knows them."""
    from music21.corpus.chorales import ChoraleList, ChoraleListRKBWV

    titles: dict[str, str] = {}
    for known in (*ChoraleListRKBWV().byBWV.values(), *ChoraleList().byBWV.values()):
        titles.setdefault(str(known["bwv"]), known["title"].strip())
    return titles


if __name__ == "__main__":
    main()
