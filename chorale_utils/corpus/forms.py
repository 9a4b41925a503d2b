"""Forms: the forms of Bach's training pieces, and new ones drawn from them.

    python -m chorale_utils.corpus.forms

rewrites ``forms.csv`` with one row for each training piece of the music21 edition whose phrases are
known: key (the sounding one), time_signature, pickup, and phrases, fermatas and repeats as in
`Form`, their numbers separated by spaces. The forms are those that are sung, with what repeat signs
repeat. Pieces with rests in all voices are left out.

Notebook: 05_generation
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from ..chorale import Chorale
from ..files import write_atomically
from ..form import MODES, Form
from ..notation.page import expand_repeats

FORMS = Path(__file__).with_name("forms.csv")
_LISTS = ("phrases", "fermatas", "repeats")


def draw_form(
    seed: int | None = None,
    key: str | None = None,
    mode: str | None = None,
    time_signature: str | None = None,
) -> Form:
    """A form like those of Bach's chorales: metre, upbeat, phrases, fermatas and repeats from one
    of his training pieces, as it is sung, and the key from another.

    Args:
        seed: int; the same seed gives the same form. None draws one.
        key: such as ``'g minor'``; None draws one.
        mode: ``'major'``, ``'minor'`` or ``'phrygian'``; None for major or minor.
        time_signature: such as ``'3/4'``; None for any.

    Raises:
        ValueError: no training piece has this mode or time signature.

    Examples:
        >>> draw_form(seed=1, key="g minor") == draw_form(seed=1, key="g minor")
        True

    Notebook: 05_generation
    """
    random = np.random.default_rng(seed)
    wanted = MODES[:2] if mode is None else (mode,)
    metres = [form for form in _bachs() if time_signature in (None, form.time_signature)]
    keys = [form.key for form in _bachs() if form.mode in wanted]
    if not metres or not keys:
        raise ValueError(
            f"mode {mode!r} and time signature {time_signature!r}: expected a mode among "
            f"{', '.join(MODES)}, and a time signature among "
            f"{', '.join(sorted({form.time_signature for form in _bachs()}))}"
        )
    form, drawn = metres[random.integers(len(metres))], keys[random.integers(len(keys))]
    return Form(
        form.phrases,
        form.fermatas,
        drawn if key is None else key,
        form.time_signature,
        form.pickup,
        form.repeats,
    )


def write_forms(chorales: Sequence[Chorale], path: Path = FORMS) -> Path:
    """Writes the forms of these chorales into a CSV (see the top of this module); returns its path.

    Args:
        chorales: those without fermatas, without a final fermata, or with rests in all voices are
            skipped.
        path: file to write; it is written completely or not at all.
    """
    import pandas as pd

    rows = []
    for chorale in chorales:
        form = Form.of(expand_repeats(chorale))
        if form.fermatas and form.fermatas[-1] and chorale.pitches.any(axis=1).all():
            lists = {name: " ".join(map(str, getattr(form, name))) for name in _LISTS}
            rows.append(
                {
                    "key": form.key,
                    "time_signature": form.time_signature,
                    "pickup": form.pickup,
                    **lists,
                }
            )
    table = pd.DataFrame(rows)
    return write_atomically(path, lambda unfinished: table.to_csv(unfinished, index=False))


@lru_cache(maxsize=1)
def _bachs():
    """The forms of forms.csv."""
    with open(FORMS, encoding="utf-8", newline="") as file:
        return [
            Form(
                **{name: tuple(map(int, row[name].split())) for name in _LISTS},
                key=row["key"],
                time_signature=row["time_signature"],
                pickup=int(row["pickup"]),
            )
            for row in csv.DictReader(file)
        ]


if __name__ == "__main__":
    from .editions import load_corpus

    print(write_forms(load_corpus("music21").train))
