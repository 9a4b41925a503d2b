"""Which music21 file holds which piece of the JSB archive: makes the manifest ``jsb_split.csv``.

    python -m chorale_utils.corpus.jsb_split

The archive numbers its 382 chorales and names none. This script finds them by their music. Passages
of all four voices, whatever their key, point to the files that hold most of a piece, each read with
its repeats taken and not; then piece and file are aligned step by step and the equal notes counted.
A file goes to the piece that it fits best, and to that one only, so that no file is in two
partitions. A piece that fits no file stays in the manifest without one.

The columns of the manifest, one row a piece of the archive:

    partition, number       where it is in the archive: ``train,3`` is train/chorale_003.csv
    bwv, title, file        what it is and where music21 has it; empty where it was not found
    repeats                 how the archive has it: ``taken`` or ``once``; empty where the file has none
    transposition           semitones from the music21 edition up to the archive
    jsb_steps, file_steps   length in sixteenths, in each edition
    notes_agree             share of the archive's notes that are the same in the file, once aligned
    steps_agree             share of its steps at which all four voices are
    remark                  for pieces without a file, what the best one is like
    likest, likest_share    validation and test pieces: the training piece that holds most of its 16-step
                            passages of four voices, and the share of them (0 to 1) that it holds
    likest_soprano, likest_soprano_share    the same for 24-step passages of the soprano alone

Notebook: 01_data_exploration
"""

import csv
import re
from functools import cache
from pathlib import PurePosixPath

import numpy as np

from ..chorale import SILENCE, VOICES
from .editions import MANIFEST, PARTITIONS, load_corpus, parse_music21
from .passages import pairwise_containment, passages

SHORT = 8  # sixteenths in the passages that point from a piece to files: two beats
CANDIDATES = 6  # how many readings of files are aligned with a piece
SKIPPED_STEP = 1  # what it costs, in equal notes, to pass over a step of one edition
# share of equal notes from which a file holds the piece; the best of those that do not: 0.63
CLEAR_MATCH = 0.65
NOT_CHORALES = {"bach/bwv846.mxl"}  # in music21's Bach folder, for piano
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


def main():
    """Writes the manifest anew, from the archive and the installed music21."""
    jsb = load_corpus("jsb")
    pieces = [piece for partition in PARTITIONS for piece in getattr(jsb, partition)]
    readings = read_files()
    rows = [
        _row(piece, match)
        for piece, match in zip(pieces, match_pieces(pieces, readings), strict=True)
    ]
    likest = {}
    for voices, column in (("all", "likest"), ("soprano", "likest_soprano")):
        for near in jsb.near_copies(voices).itertuples():
            likest.setdefault(near.name, {}).update(
                {column: near.nearest if near.share else "", f"{column}_share": f"{near.share:.3f}"}
            )
    with open(MANIFEST, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(row | likest.get(piece.name, {}) for piece, row in zip(pieces, rows))
    found = [float(row["notes_agree"]) for row in rows if "file" in row]
    print(
        f"{MANIFEST}: {len(found)} of {len(rows)} pieces found; the median one agrees in {np.median(found):.1%} "
        f"of its notes, the least in {min(found):.1%}"
    )


def read_files():
    """Every chorale file of music21's Bach folder, as pairs of whether repeats are taken (``'taken'``,
    ``'once'``, or ``''`` where there are none) and a Chorale named after the file."""
    from music21.corpus import getComposer

    files = sorted(
        f"bach/{path.name}" for path in getComposer("bach") if path.suffix in (".mxl", ".xml")
    )
    tasks = [
        {"file": file, "name": file, "expand_repeats": expand}
        for file in files
        if file not in NOT_CHORALES
        for expand in (False, True)
    ]
    chorales = parse_music21(tasks)
    readings = []
    for once, taken in zip(chorales[::2], chorales[1::2]):
        same = len(once) == len(taken)
        readings += [("", once)] if same else [("once", once), ("taken", taken)]
    return readings


def match_pieces(pieces, readings):
    """For each piece a dict with file, repeats and file_steps of the reading that holds it and what `align`
    says of the two, or with remark alone where none holds it.

    Args:
        pieces: list of Chorale.
        readings: as from `read_files`.
    """
    shares = pairwise_containment(pieces, [chorale for _, chorale in readings], SHORT)
    pairs = []
    for place, piece in enumerate(pieces):
        fits = {}  # of each file, the reading whose repeats are the piece's
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
    matches, owners = {}, {}
    for place, match in pairs:  # the best fit first: who comes later finds the file taken
        if (
            match["notes_agree"] >= CLEAR_MATCH
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


def align(piece, other):
    """How well two editions of a piece agree, as a dict: transposition (semitones from `other` up to `piece`);
    notes_agree and steps_agree, the shares (0 to 1) of the piece's notes and steps that are the same in the
    other where the two are aligned best; and fit, which is notes_agree less the cost of steps passed over.

    Steps are aligned in order; either edition may have steps that the other lacks (a repeat, an upbeat, a
    last beat), at a small cost each (Needleman and Wunsch 1970).

    Args:
        piece, other: Chorales.

    Notebook: 01_data_exploration
    """
    ours, theirs = piece.pitches.astype(int), other.pitches.astype(int)
    semitones = _transposition(piece, other)
    theirs = np.where(theirs == SILENCE, SILENCE, theirs + semitones)
    equal = (ours[:, None, :] == theirs[None, :, :]).sum(
        axis=2
    )  # (our steps, their steps), 0 to 4 voices
    ramp = SKIPPED_STEP * np.arange(len(theirs) + 1)
    best = [-ramp]  # best[i][j]: the most notes that our first i steps share with their first j
    for row in equal:
        paired = np.concatenate([[-ours.size], best[-1][:-1] + row])
        best.append(
            np.maximum.accumulate(np.maximum(paired, best[-1] - SKIPPED_STEP) + ramp) - ramp
        )
    notes = steps = 0
    i, j = len(ours), len(theirs)
    while i and j:  # back along the best way
        if best[i][j] == best[i - 1][j - 1] + equal[i - 1, j - 1]:
            i, j = i - 1, j - 1
            notes, steps = notes + equal[i, j], steps + (equal[i, j] == len(VOICES))
        elif best[i][j] == best[i - 1][j] - SKIPPED_STEP:
            i -= 1
        else:
            j -= 1
    return {
        "transposition": semitones,
        "fit": float(best[-1][-1] / ours.size),
        "notes_agree": float(notes / ours.size),
        "steps_agree": float(steps / len(ours)),
    }


def _transposition(piece, other):
    """Semitones from `other` up to `piece`: the most common one among the passages that they
    share."""
    _, ours, theirs = np.intersect1d(
        passages(piece, SHORT), passages(other, SHORT), return_indices=True
    )
    up, down = piece.pitches[ours].astype(int), other.pitches[theirs].astype(int)
    semitones, counts = np.unique(
        (up - down)[(up != SILENCE) & (down != SILENCE)], return_counts=True
    )
    return int(semitones[counts.argmax()]) if len(counts) else 0


def _row(piece, match):
    """A row of the manifest (dict), numbers written out."""
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


def _bwv(file):
    """``'66.6'`` from ``'bach/bwv66.6.mxl'``, without the marks of who edited the file (``-sc``,
    ``-lpz``...)."""
    return re.sub(r"-(inst|lpz|lz|sc|s|w)$", "", PurePosixPath(file).stem.removeprefix("bwv"))


@cache
def _titles():
    """{BWV number: title}, as far as music21 knows them."""
    from music21.corpus.chorales import ChoraleList, ChoraleListRKBWV

    titles = {}
    for known in (*ChoraleListRKBWV().byBWV.values(), *ChoraleList().byBWV.values()):
        titles.setdefault(str(known["bwv"]), known["title"].strip())
    return titles


if __name__ == "__main__":
    main()
