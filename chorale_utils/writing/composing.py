"""Composing: the best whole chorales that the project can write, with phrases, fermatas and an
ending.

`compose` combines what the other modules offer: a form to fill, the model that writes scores, its
critic, many candidates, and the rules that a choir cares about.

Notebook: 05_generation
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ..chorale import Pieces
from ..corpus.forms import draw_form
from ..form import Form
from ..judging.counterpoint import RANGES
from ..models.checks import check_whole_numbers
from ..models.critic import Critic
from ..models.saving import COMPOSER, ModelLike
from .generation import CANDIDATES, generate, phrases_of

RULES: dict[str, Any] = {
    "ranges": RANGES,
    "crossing": False,
    "parallels": False,
    "sevenths": False,
    "augmented": False,
}
FERMATA = 8  # steps under the fermata of a phrase, if only the length of the piece is given


def compose(
    form: Form | Sequence[Form] | None = None,
    count: int = 1,
    steps: int | None = None,
    seed: int | None = None,
    model: ModelLike = COMPOSER,
    critic: Critic | Literal[False] | None = None,
    particles: int = CANDIDATES,
    best_of: int = 1,
    **how: Any,
) -> Pieces:
    """New chorales (named generated-0000 and so on) with bars, phrases, fermatas and struck notes.

    Args:
        form: a `Form`, such as ``Form.from_words(text, key="G major")``, or a list with one for
            each piece; None draws one for each piece, see `draw_form`. In a bar form (A A B), the
            second Stollen is not written out: the notation has a repeat sign, and
            `expand_repeats` gives the piece as it is sung.
        count: number of pieces.
        steps: length in sixteenths, in place of a form. The phrases are then two bars of 4/4 long,
            and a key is drawn for each piece.
        seed: int from 0 up; the same seed gives the same pieces. None draws one.
        model: a model that takes a form; or the name or path of one.
        critic: as in `generate`.
        particles: number of candidates for each piece, among which the critic and the rules choose.
        best_of: number of pieces written for each one returned; the critic picks the best.
        how: any other argument of `generate`. By default, voices keep to the usual
            ranges of a choir, do not cross, and do not move in parallel fifths or octaves or
            by augmented seconds; sevenths stay or fall; and the end is the tonic in root position.

    Returns:
        `Pieces`, a list of Chorale with a report.

    Raises:
        ValueError: both `form` and `steps` are given; or as in `generate`.
        FileNotFoundError: as in `generate`.

    Examples:
        >>> from chorale_utils import Form, phrase_gru
        >>> untrained = phrase_gru(width=4, embedding=2, heads=1, head_width=2, hidden=4)
        >>> form = Form((16, 16), (4, 8), "g minor", "4/4")
        >>> piece = compose(form, seed=1, particles=2, model=untrained)[0]  # or the default model
        >>> len(piece), piece.key, piece.fermatas.nonzero()[0].tolist()
        (32, 'g minor', [12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31])

    Notebook: 05_generation
    """
    if steps is not None:
        if form is not None:
            raise ValueError(f"a form and steps {steps}: expected one or the other, not both")
        check_whole_numbers(1, steps=steps, count=count)
        seeds = np.random.SeedSequence(seed).generate_state(count)
        form = [_form_of_length(steps, draw_form(int(each))) for each in seeds]
    return generate(
        model,
        count,
        seed=seed,
        form=form,
        particles=particles,
        critic=critic,
        best_of=best_of,
        **({**RULES, "tonic_ending": True} | how),
    )


def _form_of_length(steps: int, drawn: Form) -> Form:
    """Phrases of two bars, each ending under a fermata of a half note; the last one takes any steps
    left over. The key is that of `drawn`."""
    form = phrases_of(Form(key=drawn.key, time_signature="4/4"), steps)
    return replace(form, fermatas=tuple(min(FERMATA, length) for length in form.phrases or ()))
