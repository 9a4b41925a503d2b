"""The critic: tells Bach's passages from a writer's, step by step, and so steers the writer.

A model that is trained to predict Bach is slightly wrong everywhere. A critic learns where: it is
trained to tell his passages from the writer's. What it then says of a passage, the logarithm of the
odds that it is Bach's, estimates log p(passage) - log q(passage), Bach's probability less the
writer's (noise-contrastive estimation). Candidates that are weighted by it follow the product of
writer and critic.

This critic is linear. It counts small patterns (see `ngrams`), and each pattern has a share in the
log-odds. A pattern is counted at the step that completes it, so a candidate can be weighted as soon
as a step is written. There are only some 230 real pieces to learn from, for which weights with a
penalty are enough.

One round is not enough. Steered by a first critic, the writer makes other mistakes; a second critic
learns these from what it then writes, and their weights are added (`Critic.plus`). Where no critic
finds anything more, the patterns come as often as in Bach, and the product is the distribution
closest to the writer's of which this holds (maximum entropy).

References:
    Gutmann and Hyvärinen (2010), "Noise-Contrastive Estimation": learning a ratio by telling apart.
    Deng et al. (2020), "Residual Energy-Based Models for Text Generation": the product of both.
    Della Pietra, Della Pietra and Lafferty (1997), "Inducing Features of Random Fields": weights
        for patterns until they come as often as they should.
    Whiteley and Lee (2014), "Twisted Particle Filters": weights that look further than the next
        step.

Notebook: 03_model_training
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..chorale import Chorale
from ..judging.logistic import LogisticRegression
from .backend import Tensor, keras
from .ngrams import Patterns, begin_reading, read_pieces, read_step, read_steps

PASSAGE = 64  # steps of the passages that the critic is trained on
RARE = 3  # patterns in fewer pieces than this are not counted
PENALTY = 0.01  # on the squares of the weights, relative to one passage's loss
STRENGTH = 1.6  # the penalty makes the weights too small


@keras.saving.register_keras_serializable("chorale_utils")
class Critic(keras.Model):
    """A judge of single steps: how much more like Bach than like the writer each of them is.

    `fit_critic` trains one, and `load_critic` loads the shipped one. The idea is noise-contrastive
    estimation (Gutmann and Hyvärinen 2010, "Noise-Contrastive Estimation").

    Args:
        patterns: how many patterns have a share in the log-odds.

    Attributes:
        code: int64 variable (patterns,), the numbers of the patterns, in ascending order.
        share: float32 variable (patterns,), what each adds to the log-odds.
        bias: float32 variable (), what every step adds.

    Examples:
        >>> from chorale_utils import load_critic
        >>> still = Chorale([[72, 67, 64, 48]] * 64, key="C major", time_signature="4/4")
        >>> bool(load_critic().opinions([still])[0] < 0)  # four bars of one chord: not by Bach
        True

    Notebook: 03_model_training
    """

    def __init__(self, patterns: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.patterns = patterns
        self.code, self.share, self.bias = (
            self.add_weight(
                shape=shape, dtype=dtype, initializer="zeros", trainable=False, name=name
            )
            for name, shape, dtype in (
                ("code", (patterns,), "int64"),
                ("share", (patterns,), "float32"),
                ("bias", (), "float32"),
            )
        )
        self.built = True

    @classmethod
    def of(cls, code: np.ndarray, share: np.ndarray, bias: float) -> Critic:
        """The critic with these patterns, shares and bias.

        Args:
            code: int64 array (patterns,), numbers of patterns, in ascending order.
            share: float array (patterns,), what each adds to the log-odds.
            bias: what every step adds to the log-odds.

        Examples:
            >>> Critic.of(np.array([3, 5]), np.array([0.5, -1.0]), bias=0.25).patterns
            2
        """
        critic = cls(len(code))
        critic.code.assign(code)
        critic.share.assign(share)
        critic.bias.assign(bias)
        return critic

    def plus(self, other: Critic) -> Critic:
        """The critic whose log-odds are the sum of both.

        Args:
            other: `Critic`, such as one trained on what the first made the model write.

        Examples:
            >>> first = Critic.of(np.array([3, 5]), np.array([0.5, -1.0]), bias=0.0)
            >>> second = Critic.of(np.array([5]), np.array([0.25]), bias=0.0)
            >>> first.plus(second).share.numpy().tolist()
            [0.5, -0.75]
        """
        convert = keras.ops.convert_to_numpy
        code = np.concatenate([convert(self.code), convert(other.code)])
        share = np.concatenate([convert(self.share), convert(other.share)])
        every, place = np.unique(code, return_inverse=True)
        bias = float(convert(self.bias)) + float(convert(other.bias))
        return Critic.of(every, np.bincount(place, share, len(every)), bias)

    def begin(self, count: int) -> dict[str, Tensor]:
        """The state before the first step: a dict of tensors, the first axis of each being the
        piece.

        Args:
            count: number of pieces that are judged side by side.

        Examples:
            >>> state = Critic(patterns=1).begin(count=3)
            >>> {int(part.shape[0]) for part in state.values()}
            {3}
        """
        return begin_reading(count)

    def next_step(
        self, state: dict[str, Tensor], chord: Tensor, form: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the next step adds to the log-odds, as a float tensor (B,), and the new state.

        Args:
            state: the result of `begin` or the last call.
            chord: int tensor (B, 4), a score's tokens, see `score_to_tokens`.
            form: int tensor (B, 8), the form's features at this step, see `Form.features`.

        Examples:
            >>> critic = Critic(patterns=1)
            >>> chord, unknown = np.full((3, 4), 40), np.zeros((3, 8), int)
            >>> share, state = critic.next_step(critic.begin(count=3), chord, unknown)
            >>> share.shape
            TensorShape([3])
        """
        ops = keras.ops
        codes, state = read_step(state, chord, form)  # (B, kinds)
        flat = ops.reshape(codes, (-1,))
        place = ops.minimum(ops.searchsorted(self.code, flat), self.patterns - 1)
        known = ops.take(self.code, place) == flat
        shares = ops.where(known, ops.take(self.share, place), 0.0)
        return ops.sum(ops.reshape(shares, ops.shape(codes)), axis=1) + self.bias, state

    def read(self, state: dict[str, Tensor], chords: Tensor, forms: Tensor) -> dict[str, Tensor]:
        """The state after several steps whose notes are known, as after `next_step` for each.

        Args:
            state: the result of `begin` or the last call.
            chords: int tensor (B, steps, 4), a score's tokens, at least one step.
            forms: int tensor (B, steps, 8), the form's features at these steps.

        Examples:
            >>> critic = Critic(patterns=1)
            >>> chords, unknown = np.full((3, 2, 4), 40), np.zeros((3, 2, 8), int)
            >>> state = critic.read(critic.begin(count=3), chords, unknown)
            >>> share, state = critic.next_step(state, chords[:, 0], unknown[:, 0])
            >>> share.shape
            TensorShape([3])
        """
        return read_steps(state, chords, forms)

    def step_shares(self, chorales: Sequence[Chorale]) -> list[np.ndarray]:
        """What each step adds to the log-odds: for each chorale, a float array (steps,).

        Args:
            chorales: list of Chorale; it may be empty.

        Examples:
            >>> critic = Critic.of(np.array([3]), np.array([1.0]), bias=0.5)
            >>> critic.step_shares([Chorale([[72, 67, 64, 48]] * 3)])[0].tolist()
            [0.5, 0.5, 0.5]
        """
        if not len(chorales):
            return []
        convert, read = keras.ops.convert_to_numpy, read_pieces(chorales)
        place, known = _find(convert(self.code), read.code)
        first = np.cumsum(read.lengths) - read.lengths
        shares = np.bincount(
            first[read.piece[known]] + read.step[known],
            convert(self.share)[place[known]],
            minlength=int(read.lengths.sum()),
        )
        return np.split(shares + float(convert(self.bias)), first[1:])

    def opinions(self, chorales: Sequence[Chorale]) -> np.ndarray:
        """The log-odds of each chorale as a whole: float array (chorales,).

        Args:
            chorales: list of Chorale.

        Examples:
            >>> critic = Critic.of(np.array([3]), np.array([1.0]), bias=0.5)
            >>> critic.opinions([Chorale([[72, 67, 64, 48]] * 4)]).tolist()
            [2.0]
        """
        return np.array([shares.sum() for shares in self.step_shares(chorales)], float)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the critic anew."""
        return {**super().get_config(), "patterns": self.patterns}


def fit_critic(
    bach: Sequence[Chorale],
    written: Sequence[Chorale],
    penalty: float = PENALTY,
    steps: int = PASSAGE,
    rare: int = RARE,
    strength: float = STRENGTH,
) -> Critic:
    """A critic that has learnt to tell passages by Bach from a writer's (logistic regression on how
    often each pattern occurs).

    What it learns is the ratio of two probabilities (Gutmann and Hyvärinen 2010, "Noise-Contrastive
    Estimation").

    Args:
        bach, written: lists of Chorale; their forms are read, too (see `Form.of`).
        penalty: on the squares of the weights; the greater, the more careful it is.
        steps: length of the passages in sixteenths; they follow each other without a gap.
        rare: patterns that occur in fewer pieces than this are left out.
        strength: what the log-odds are multiplied by in the end.

    Raises:
        ValueError: one of the sides has no passage of this length, or no pattern occurs in that
            many pieces.

    Examples:
        >>> still = Chorale([[72, 67, 64, 48]] * 64)
        >>> lively = Chorale([[72, 67, 64, 48], [74, 67, 65, 47]] * 32)
        >>> critic = fit_critic(bach=[lively] * 3, written=[still] * 3)
        >>> (critic.opinions([lively, still]) > 0).tolist()
        [True, False]

    Notebook: 03_model_training
    """
    sides = [read_pieces(chorales) for chorales in (bach, written)]
    code = _common(sides, rare)
    for whose, side in zip(("Bach", "the writer"), sides):
        if not (side.lengths >= steps).any():
            raise ValueError(
                f"{len(side.lengths)} pieces by {whose}: expected at least one of {steps} steps or "
                f"more"
            )
    if not len(code):
        raise ValueError(
            f"no pattern occurs in {rare} pieces: expected more pieces, or a smaller rare"
        )
    rows = [_counts(side, code, steps) for side in sides]
    positive = np.arange(sum(map(len, rows))) < len(rows[0])
    fitted = LogisticRegression(np.concatenate(rows), positive, penalty)
    return Critic.of(code, strength * fitted.weights, strength * fitted.bias / steps)


def critic_log_odds(
    model: Critic, chorales: Sequence[Chorale], steps: int | None = None
) -> list[np.ndarray]:
    """The log-odds that passages, or whole pieces, are by Bach: for each chorale, a float array
    (passages,).

    Args:
        model: a `Critic`.
        chorales: list of Chorale.
        steps: length of the passages, which follow each other from the first bar line on. None for
            whole pieces.

    Examples:
        >>> critic = Critic.of(np.array([3]), np.array([1.0]), bias=0.5)
        >>> chorale = Chorale([[72, 67, 64, 48]] * 20)
        >>> [odds.tolist() for odds in critic_log_odds(critic, [chorale], steps=8)]
        [[4.0, 4.0]]
        >>> [odds.tolist() for odds in critic_log_odds(critic, [chorale])]
        [[10.0]]

    Notebook: 03_model_training
    """
    odds = []
    for chorale, shares in zip(chorales, model.step_shares(chorales)):
        if steps is None:
            odds.append(shares.sum(keepdims=True))
            continue
        starts = range(chorale.pickup, len(chorale) - steps + 1, steps)
        odds.append(np.array([shares[start : start + steps].sum() for start in starts]))
    return odds


def _common(sides: Sequence[Patterns], rare: int) -> np.ndarray:
    """Patterns (int64 array, ascending) that are in at least so many pieces of both sides
    together."""
    found = [np.unique(np.stack([side.code, side.piece], axis=1), axis=0)[:, 0] for side in sides]
    code, pieces = np.unique(np.concatenate(found), return_counts=True)
    return code[pieces >= rare]


def _counts(side: Patterns, code: np.ndarray, steps: int) -> np.ndarray:
    """How often each pattern occurs in each passage: float32 array (passages, patterns)."""
    passages = side.lengths // steps
    first = np.cumsum(passages) - passages
    place, known = _find(code, side.code)
    number = side.step // steps
    inside = known & (number < passages[side.piece])
    counts = np.zeros((int(passages.sum()), len(code)), np.float32)
    row = first[side.piece[inside]] + number[inside]
    np.add.at(counts, (row, place[inside]), 1)
    return counts


def _find(code: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(places (n,) of the wanted codes among these, bool (n,), whether each is there)."""
    place = np.minimum(np.searchsorted(code, wanted), len(code) - 1)
    return place, code[place] == wanted
