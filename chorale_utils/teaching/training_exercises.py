"""The exercises of notebook 3: trainings, judged by the tables that `fit` and `fit_chords` return.

Whether a training is long enough to show anything is for the student to decide; judged is only
whether the tables can be compared, and whether they support the student's answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..chorale import described
from .answers import Exercise, NotYet, WrongKind, history, number, parts, text, whole

if TYPE_CHECKING:
    import pandas as pd

SHORT = 10  # epochs; fewer show little


def without_dropout(answer: Any) -> str:
    """3.1: with dropout and without; from which epoch on validation is worse without it."""
    *tables, begins = parts(answer, "with", "without", "from")
    kept, without = _comparable({"with": tables[0], "without": tables[1]}).values()
    if without["nats"].iloc[-1] >= kept["nats"].iloc[-1]:
        raise NotYet(
            "Without dropout nothing disturbs the model, and its training figure should end lower. "
            "Are the two tables the other way round, or is a dropout left (there are three)?"
        )
    worse = (without["val_nats"] > kept["val_nats"]).to_numpy()
    first = _from_then_on(worse, without.index)
    _epoch(begins, first, "from", "without dropout the validation figure is worse from there on")
    gap = without["val_nats"].iloc[-1] - without["nats"].iloc[-1]
    said = (
        f"Without dropout, new pieces cost {gap:.2f} nats more than the training pieces at the end."
    )
    if first is None:
        said += " So far dropout only slows learning down; it pays off in a long training."
    return said + _short(kept)


def regularisers(answer: Any) -> str:
    """3.2: an L2 penalty and layer normalisation beside the plain model."""
    names = ("plain", "l2", "layer_norm")
    *given, best = parts(answer, *names, "best")
    tables = _comparable(dict(zip(names, given)))
    if best not in names:
        raise NotYet(f"best: got {described(best)}: expected one of {', '.join(names)}.")
    lowest = {name: float(table["val_nats"].min()) for name, table in tables.items()}
    winner = min(lowest, key=lowest.__getitem__)
    if best != winner:
        trained = min(tables, key=lambda name: tables[name]["nats"].min())
        hint = f"The lowest val_nats of {best} is {lowest[best]:.3f}; look at the other two."
        if best == trained:
            hint += " Did you compare nats? That is the score on the pieces that it learns from."
        raise NotYet(hint)
    margin = sorted(lowest.values())[1] - lowest[winner]
    return (
        f"{winner} is ahead by {margin:.3f} nats. Another seed moves such a figure by some "
        "thousandths in a long training, and by far more in a short one." + _short(tables["plain"])
    )


def window_sizes(answer: Any) -> str:
    """3.3: short and long windows, with equally many notes in a batch."""
    short, long, sizes, why = parts(answer, "short", "long", "batch sizes", "why")
    tables = _comparable({"short": short, "long": long})
    try:
        (small, many), (large, few) = sorted(
            (whole(w, "window"), whole(b, "batch size")) for w, b in dict(sizes).items()
        )
    except (TypeError, ValueError):
        raise WrongKind(
            f"batch sizes: got {described(sizes)}: expected a dict of two windows and their "
            "batch sizes"
        ) from None
    if small * many != large * few:
        raise NotYet(
            f"{small} × {many} is {small * many} notes in a batch, {large} × {few} is "
            f"{large * few}: with unequal batches you compare two things at once."
        )
    text(why, "why")
    nats = [float(table["val_nats"].min()) for table in tables.values()]
    return (
        f"The long windows ended {abs(nats[0] - nats[1]):.3f} nats "
        f"{'better' if nats[1] < nats[0] else 'worse'}. Does your reason name something that "
        "reaches beyond a short window? And what did the column seconds say?"
        + _short(tables["short"])
    )


def taken_away(answer: Any) -> str:
    """3.4: the strong model with something taken away."""
    whole_model, changed, cost = parts(answer, "as it is", "changed", "cost")
    tables = _comparable({"as it is": whole_model, "changed": changed})
    last = {name: float(table["val_nats"].dropna().iloc[-1]) for name, table in tables.items()}
    expected, told = last["changed"] - last["as it is"], number(cost, "cost")
    if abs(told + expected) < 0.006 < abs(expected):
        raise NotYet("cost: the sign: what costs more nats is worse.")
    if abs(told - expected) >= 0.006:
        best = tables["changed"]["val_nats"].min() - tables["as it is"]["val_nats"].min()
        if abs(told - best) < 0.006:
            raise NotYet(
                "cost: you took each table's minimum. fit_chords keeps the weights of its last "
                "epoch."
            )
        raise NotYet(f"cost: got {told:g}: the difference between the last val_nats, please.")
    verdict = "worse" if expected > 0 else "no worse"
    return (
        f"It is {verdict}, by {abs(expected):.3f} nats. A model that is ahead in training (nats) "
        "but behind on new pieces has learnt by heart: look at both columns."
        + _short(tables["changed"], 8)
    )


def own_keys(answer: Any) -> str:
    """3.5: every piece in its own key; from which epoch on the model overfits."""
    moved, own, overfits = parts(answer, "all keys", "own key", "overfits")
    tables = _comparable({"all keys": moved, "own key": own})
    table = tables["own key"]
    if table["nats"].iloc[-1] >= tables["all keys"]["nats"].iloc[-1]:
        raise NotYet(
            "The task in one key is easier, so its training figure should end lower. Are the two "
            "tables the other way round?"
        )
    at = int(table["val_nats"].to_numpy().argmin())
    found = None if at == len(table) - 1 else table.index[at + 1]
    near = () if found is None else (table.index[at],)
    says = "val_nats in the pieces' own keys never gets lower again"
    _epoch(overfits, found, "overfits", says, near)
    by = table["val_nats"].iloc[-1] - tables["all keys"]["val_nats"].iloc[-1]
    return (
        f"At the end the model of the pieces' own keys is {abs(by):.2f} nats "
        f"{'worse' if by > 0 else 'better'} on new pieces"
        f"{'' if by > 0 else ': in a short training the easier task is ahead'}." + _short(table)
    )


def _comparable(tables: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """Histories of trainings, after checking that they have equally many epochs."""
    tables = {name: history(table, name) for name, table in tables.items()}
    lengths = {name: len(table) for name, table in tables.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise NotYet(f"Epochs: {told}. Compare trainings that had the same chance.")
    first, *others = tables.values()
    if any(first["nats"].equals(other["nats"]) for other in others):
        raise NotYet(
            "Two of the tables are the same. Give each attempt its own folder: in the same folder, "
            "fit restores the first one."
        )
    return tables


def _from_then_on(worse, index):
    """The epoch from which `worse` is true up to the end; None if it is false at the end."""
    if not worse[-1]:
        return None
    at = len(worse)
    while at and worse[at - 1]:
        at -= 1
    return index[at]


def _epoch(told, found, part, meaning, near=()):
    """Makes sure that a student's epoch agrees with the tables; None means not so far."""
    if told is not None:
        told = whole(told, part)
    if told == found or told in near:
        return
    if found is None:
        raise NotYet(f"{part}: this does not happen in these tables; then the answer is None.")
    told = "None" if told is None else f"epoch {told}"
    raise NotYet(f"{part}: got {told}: expected the first epoch such that {meaning}.")


def _short(table, enough=SHORT):
    """A remark on a short training."""
    return (
        "" if len(table) >= enough else f" ({len(table)} epochs show little; try {enough} or more.)"
    )


EXERCISES = (
    Exercise(
        "3.1",
        '{"with": history, "without": history, "from": epoch or None}',
        "that the tables fit together, and the epoch from which on val_nats is worse without "
        "dropout",
        without_dropout,
    ),
    Exercise(
        "3.2",
        '{"plain": history, "l2": history, "layer_norm": history, "best": "..."}',
        "that the trainings are equally long, and which one has the lowest val_nats",
        regularisers,
    ),
    Exercise(
        "3.3",
        '{"short": history, "long": history, "batch sizes": {64: ..., 1024: ...}, "why": "..."}',
        "that the batches have equally many notes; the reason is yours",
        window_sizes,
    ),
    Exercise(
        "3.4",
        '{"as it is": history, "changed": history, "cost": nats}',
        "the difference of the last val_nats, to two decimals",
        taken_away,
    ),
    Exercise(
        "3.5",
        '{"all keys": history, "own key": history, "overfits": epoch or None}',
        "the epoch after which val_nats in the pieces' own keys gets no lower",
        own_keys,
    ),
)
