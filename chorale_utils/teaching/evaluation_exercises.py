"""The exercises of notebook 4: what notes cost, and what pieces are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..chorale import Chorale, described
from ..corpus.editions import load_corpus
from ..encoding import VOCABULARY, encode
from .answers import Exercise, NotYet, WrongKind, array, chorales, number, parts, piece_named, whole
from .sealing import recognise

AGAIN = 0.78  # probability of "the same again" in 4.2
LINE = 8  # steps before a fermata that 4.3 looks at


def costliest_piece(answer: Any) -> str:
    """4.1: the validation pieces that cost the strong model most and least."""
    for part, name in zip(("most", "least"), parts(answer, "most", "least")):
        hint = recognise("4.1", part, piece_named(name, part).name)
        if hint is None:
            hint = (
                "another piece. Take the mean of its notes' nats in the shipped strong model, one "
                "pass, among the 73 validation pieces."
            )
        if hint:
            raise NotYet(f"{part}: {hint}")
    return "Listen to both: is the costly one strange, or only restless? Is the cheap one plain?"


def same_again(answer: Any) -> str:
    """4.2: a model that repeats the last note."""
    from ..models.backend import keras
    from ..models.evaluation import negative_log_likelihood
    from ..models.model import ChoraleModel

    model, nats = parts(answer, "model", "nats")
    if isinstance(model, type) or not isinstance(model, ChoraleModel):
        raise WrongKind(
            f"model: got {described(model)}: expected a ChoraleModel, such as SameAgain()"
        )
    piece = np.array([[72, 67, 64, 48], [74, 67, 62, 59], [74, 65, 62, 55], [72, 64, 60, 48]])
    tokens = encode(piece)[: piece.size].reshape(piece.shape)
    logarithms = model.log_probs(keras.ops.convert_to_tensor(tokens[None], "int32"))
    probs = np.exp(
        keras.ops.convert_to_numpy(logarithms)[0].astype(float)
    )  # as the student made them
    total = probs.sum(axis=-1)
    if abs(total - 1).max() > 1e-3:
        raise NotYet(
            f"model: its probabilities sum to {total[-1, -1]:.4f}. How many tokens are the rest, "
            f"of {VOCABULARY}? And log_probs returns logarithms."
        )
    again = np.take_along_axis(probs[1:], tokens[:-1, :, None], axis=-1)[..., 0]
    if abs(again - AGAIN).max() > 1e-3:
        above = probs[1:, 1:][np.arange(3)[:, None], np.arange(3), tokens[1:, :-1]]
        now = np.take_along_axis(probs[1:], tokens[1:, :, None], axis=-1)[..., 0]
        if abs(now - AGAIN).max() < 1e-3:
            raise NotYet(
                "model: it repeats the note that it should predict: it looks into the future."
            )
        if abs(above - AGAIN).max() < 1e-3:
            raise NotYet("model: it repeats the voice above. The note before is one step earlier.")
        raise NotYet(
            f"model: the note that the voice sang before has {again[0, 0]:.2f}, not {AGAIN}."
        )
    rest = np.sort(probs[1:], axis=-1)[..., :-1]
    if np.ptp(rest) > 1e-3:
        raise NotYet("model: the rest is not spread evenly.")
    expected, told = (
        negative_log_likelihood(model, load_corpus(progress=False).valid),
        number(nats, "nats"),
    )
    if abs(told - expected) > 0.01:
        raise NotYet(f"nats: got {told:g}. What is negative_log_likelihood(model, chorales.valid)?")
    return (
        f"{expected:.2f} nats from a model that has learnt only one number. Any serious model has "
        "to do better than that."
    )


def before_fermatas(answer: Any) -> str:
    """4.3: what a note costs, by the distance to the next fermata."""
    table, cheap = parts(answer, "nats", "knows")
    if not isinstance(cheap, (bool, np.bool_)):
        raise WrongKind(f"knows: got {described(cheap)}: expected True or False")
    if not isinstance(table, Mapping) and not hasattr(table, "to_dict"):
        raise WrongKind(
            f"nats: got {described(table)}: expected a Series or dict, by distance in steps"
        )
    costs = table if isinstance(table, Mapping) else table.to_dict()
    found = {}
    for at, cost in costs.items():
        step = number(at, "distance")
        found[int(step) if step == int(step) else -1] = number(cost, "nats")
    if not set(range(LINE + 1)) <= set(found):
        raise NotYet(
            f"nats: expected a figure for every distance from 0 to {LINE} steps, at least."
        )
    if max(found[at] for at in range(LINE + 1)) > 5:
        raise NotYet("nats: use means over single notes; sums of several notes are too large.")
    hints = [
        recognise("4.3", f"{at} steps", *(round(found[at], 2) + by for by in (0.0, 0.01, -0.01)))
        for at in (0, 4, LINE)
    ]
    if any(hints[1:]) != all(hints[1:]):
        hints = [None]
    if any(hint != "" for hint in hints):
        raise NotYet(
            f"nats: {hints[0]}"
            if hints[0] and None not in hints
            else "nats: other figures. Distance 0 is the first step under the fermata, all four "
            "voices count, and steps after the last fermata are left out: the shipped strong "
            "model, validation pieces. Does each note meet the distance of its own piece and step?"
        )
    if not cheap:
        raise NotYet("knows: compare distance 0 with other places on the beat, at 4 and 8 steps.")
    return "Nobody told it about fermatas: it hears the cadence coming, as a congregation does."


def recovery(answer: Any) -> str:
    """4.4: how long the second half needs to recover from another first half."""
    plain, replaced, after = parts(answer, "as it is", "replaced", "recovers")
    first, second = (array(a, what) for a, what in ((plain, "as it is"), (replaced, "replaced")))
    if not first.ndim:
        raise WrongKind(f"as it is: got {described(plain)}: expected a number for each note")
    if first.shape != second.shape:
        raise NotYet(
            f"The halves have the shapes {first.shape} and {second.shape}: expected the same."
        )
    extra = (second - first).reshape(len(first), -1).mean(axis=1)
    after = whole(after, "recovers")
    if len(extra) < 48:
        raise NotYet(f"{len(extra)} steps: take a piece whose second half has 48 or more.")
    if (first < 0).any() or (second < 0).any():
        raise NotYet("Nats are not negative: they are minus the logarithm of a probability.")
    seam = extra[:8].mean()
    if seam <= 0:
        raise NotYet(
            "The first two beats of the second half cost no more than before. Was the first half "
            "replaced? Or does the other piece happen to lead into it? Try another one."
        )
    if not 0 < after < len(extra):
        raise NotYet(f"recovers: got {after}: a number of steps, counted from the middle.")
    rest = max(extra[after:].mean(), extra[after : after + 8].mean())
    if rest > seam / 4:
        raise NotYet(
            f"recovers: after {after} steps a note still costs {rest:.2f} nats more, on average; "
            f"at the seam it was {seam:.2f}. Smooth the curve, then look again."
        )
    if after > 8 and extra[after // 2 : after].mean() < seam / 8:
        raise NotYet(f"recovers: it has recovered well before step {after}.")
    return (
        f"At the seam a note costs {seam:.2f} nats more, after {after} steps {rest:.2f}. If it "
        "never quite vanishes, that is memory: the second half quotes the first."
    )


def own_rule(answer: Any) -> str:
    """4.5: the student's own rule, counted in Bach's pieces and in the model's."""
    rule, pieces, bach, model = parts(answer, "rule", "pieces", "bach", "model")
    if not callable(rule):
        raise WrongKind(f"rule: got {described(rule)}: expected a function of a Chorale")
    written = chorales(pieces, "pieces", 5)
    test = load_corpus(progress=False).test
    still = Chorale([[72, 67, 64, 48]] * 16, name="one chord, held")
    if whole(rule(still), "rule(chorale)"):
        raise NotYet(
            "rule: it finds something in a chord that is held for four beats. Do unmoved voices "
            "count?"
        )
    counts = [whole(rule(piece), "rule(chorale)") for piece in test]
    if not any(counts):
        raise NotYet("rule: Bach's test pieces do not have it once. Is it too strict, or broken?")
    here = next(place for place, count in enumerate(counts) if count)
    if whole(rule(test[here].transpose(-1)), "rule(chorale)") != counts[here]:
        raise NotYet(
            f"rule: in {test[here].name}, a semitone lower, it finds another number. A rule of "
            "part-writing is the same in every key; is a silence (0) taken for a note?"
        )
    for told, name, expected in (
        (number(bach, "bach"), "bach", 1000 * sum(counts) / sum(map(len, test))),
        (
            number(model, "model"),
            "model",
            1000
            * sum(whole(rule(piece), "rule(chorale)") for piece in written)
            / sum(map(len, written)),
        ),
    ):
        if abs(told - expected) > 0.01 * expected + 0.05:
            raise NotYet(
                f"{name}: got {told:g}: expected so many in a thousand steps of all its pieces."
            )
    return (
        f"Bach {bach:.1f}, the model {model:.1f} in a thousand steps. Before you say that Bach "
        "avoids it: how often would chance produce it? Shuffled voices would tell."
    )


EXERCISES = (
    Exercise(
        "4.1",
        '{"most": "bwv...", "least": "bwv..."}',
        "the two pieces",
        costliest_piece,
    ),
    Exercise(
        "4.2",
        '{"model": SameAgain(), "nats": 0.0}',
        "that the model's probabilities are right, and its nats on the validation pieces",
        same_again,
    ),
    Exercise(
        "4.3",
        '{"nats": Series by distance in steps, "knows": True or False}',
        "the means at 0, 4 and 8 steps before a fermata, to two decimals",
        before_fermatas,
    ),
    Exercise(
        "4.4",
        '{"as it is": nats, "replaced": nats, "recovers": steps}',
        "whether from that step on the second half costs about as much as before",
        recovery,
    ),
    Exercise(
        "4.5",
        '{"rule": function, "pieces": pieces, "bach": rate, "model": rate}',
        "that the rule finds nothing in a held chord and the same in every key, and both rates, "
        "in a thousand steps of chorales.test and of your pieces",
        own_rule,
    ),
)
