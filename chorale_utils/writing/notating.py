"""From the tokens of a finished piece to a Chorale that a choir can sing: its key, bars, fermatas,
repeat signs and words, which come from its form, or from the piece that it continues.

Notebook: 05_generation
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ..chorale import VOICES, Chorale
from ..encoding import END, VOCABULARY, decode, tokens_to_score
from ..form import Form
from ..models.model import ChoraleModel
from ..notation.page import Bar, Notation, Syllable, regular_bars


def as_chorale(
    tokens: np.ndarray, model: ChoraleModel, number: int, form: Form | None, sung: Form | None
) -> Chorale:
    """The Chorale of a piece's tokens (4 * steps,), up to the end token; `form` is that which was
    written, and `sung` the same with what repeat signs repeat."""
    name = f"generated-{number:04d}"
    if model.tokens == VOCABULARY:
        return Chorale(decode(tokens), name=name)
    pitches, struck = tokens_to_score(tokens.reshape(-1, len(VOICES)))
    over = np.flatnonzero((pitches == END).any(axis=1))
    steps = over[0] if len(over) else len(pitches)
    piece = Chorale(pitches[:steps], name=name, onsets=struck[:steps])
    if form is None or sung is None:
        return piece
    return replace(
        piece,
        key=form.key,
        time_signature=form.time_signature,
        pickup=form.pickup,
        fermatas=form.under_fermata(),
        notation=_notation(form, sung),
    )


def going_on_from(beginning: Chorale, piece: Chorale) -> Chorale:
    """The piece with the title, key, metre and pickup of its beginning, and the beginning's
    fermatas, repeated notes and words at their steps. It is no longer Bach's: no BWV."""
    steps, notation = len(beginning), beginning.notation
    onsets = fermatas = None
    if beginning.onsets is not None or piece.onsets is not None:
        onsets = piece.struck.copy()
        onsets[:steps] = beginning.struck
    if beginning.fermatas is not None:
        fermatas = np.zeros(len(piece), bool)
        fermatas[:steps] = beginning.fermatas
    return replace(
        beginning,
        pitches=piece.pitches,
        name=piece.name,
        bwv=None,
        onsets=onsets,
        fermatas=fermatas,
        notation=None if notation is None else notation.extended(len(piece)),
    )


def _notation(form: Form, sung: Form) -> Notation | None:
    """The words, and bars with a repeat sign if the form was written without the second Stollen;
    None if there is neither."""
    words = list(_words(form))
    bars: tuple[Bar, ...] = ()
    if len(form) < len(sung):
        stollen = sung.stollen
        bars = _repeated_bars(form, stollen)
        if sung.words is not None:
            words += _words(form, sung.words[stollen : 2 * stollen], verse=2)
    if not words and not bars:
        return None
    words.sort(key=lambda syllable: (syllable.step, syllable.verse))
    return Notation(bars, words=tuple(words))


def _repeated_bars(form: Form, stollen: int) -> tuple[Bar, ...]:
    """The bars of a form with a repeat sign after so many phrases, which divides a bar if there is
    an upbeat. The repetition is from the beginning, where no sign is needed."""
    assert form.time_signature is not None, "a Stollen is whole bars"
    end = sum((form.phrases or ())[:stollen])
    bars = []
    for bar in regular_bars(len(form), form.time_signature, form.pickup):
        if bar.start < end <= bar.stop:
            before, after = end - bar.start, bar.stop - end
            bars.append(replace(bar, steps=before, repeat_end=2))
            if after:
                bars.append(replace(bar, start=end, steps=after, offset=bar.offset + before))
        else:
            bars.append(bar)
    return tuple(bars)


def _words(
    form: Form, lines: Sequence[Sequence[str]] | None = None, verse: int = 1
) -> Iterator[Syllable]:
    """Lines of words, those of the form if None, under the soprano's notes from the beginning."""
    struck = form.onsets()
    if struck is None:
        return
    texts = [syllable for line in lines or form.words or () for syllable in line]
    begins = True
    for step, text in zip(np.flatnonzero(struck), texts):
        ends = not text.endswith("-")
        place = ("middle", "end", "begin", "single")[2 * begins + ends]
        yield Syllable(int(step), 0, verse, text.removesuffix("-"), place)
        begins = ends
