"""A mixture: several trained models that predict as one, by the mean of their probabilities.

Models that are trained alike from different beginnings make different mistakes, so the mean of two
predicts better than either of them (notebook 3 shows by how much).

References:
    Hansen and Salamon (1990), "Neural Network Ensembles".

Notebook: 03_model_training
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .backend import Tensor, keras
from .model import ChoraleModel


@keras.saving.register_keras_serializable("chorale_utils")
class Mixture(ChoraleModel):
    """A model that gives every note the mean of the probabilities that its members give.

    The idea is that of Hansen and Salamon (1990), "Neural Network Ensembles".

    Args:
        members: models that know the same tokens, all of which take a form, or none.

    Raises:
        ValueError: no members, or members that differ in this.

    Examples:
        >>> from chorale_utils import generate, note_gru
        >>> both = Mixture([note_gru(width=4, layers=1), note_gru(width=4, layers=1)])
        >>> generate(both, steps=8, seed=1)[0]
        Chorale('generated-0000', 8 steps)

    Notebook: 03_model_training
    """

    def __init__(self, members: Sequence[ChoraleModel], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        kinds = {(member.tokens, member.takes_form) for member in members}
        if len(kinds) != 1:
            raise ValueError(
                f"{len(members)} members with (tokens, takes_form) {sorted(kinds)}: expected one "
                f"or more models of one kind, such as two of phrase_gru"
            )
        self.members = list(members)
        ((self.tokens, self.takes_form),) = kinds
        self.memory = tuple(
            _named(name, number) for number, member in enumerate(members) for name in member.memory
        )
        self.built = all(member.built for member in members)

    @property
    def sizes(self) -> dict[str, Any]:
        """The sizes of its first member, and how many members there are (dict).

        Examples:
            >>> from chorale_utils import note_gru
            >>> Mixture([note_gru(width=4), note_gru(width=4)]).sizes["members"]
            2
        """
        return {"members": len(self.members), **self.members[0].sizes}

    def build(self, input_shape: Any = None) -> None:
        """Makes the weights of all members."""
        for member in self.members:
            if not member.built:
                member.build(input_shape)
        self.built = True

    def log_probs(  # type: ignore[override]  # takes a form, see ChoraleModel.takes_form
        self, tokens: Tensor, form: Tensor | None = None, training: bool = False
    ) -> Tensor:
        """See `ChoraleModel.log_probs`."""
        told = {"form": form} if self.takes_form else {}
        return _mean(
            [member.log_probs(tokens, training=training, **told) for member in self.members]
        )

    def begin(self, count: int, steps: int, form: Any = None) -> dict[str, Any]:
        """See `ChoraleModel.begin`."""
        told = {"form": form} if self.takes_form else {}
        return {
            _named(name, number): part
            for number, member in enumerate(self.members)
            for name, part in _as_dict(member.begin(count, steps, **told)).items()
        }

    def next_note(
        self, state: dict[str, Any], voice: int, previous: Tensor
    ) -> tuple[Tensor, dict[str, Any]]:
        """See `ChoraleModel.next_note`."""
        told: list[Tensor] = []
        later: dict[str, Any] = {}
        for number, member in enumerate(self.members):
            logits, new = member.next_note(_of_member(state, number), voice, previous)
            told.append(keras.ops.log_softmax(logits))
            later |= {_named(name, number): part for name, part in _as_dict(new).items()}
        return _mean(told), later

    def read(self, state: dict[str, Any], chords: Tensor) -> dict[str, Any]:
        """See `ChoraleModel.read`."""
        later: dict[str, Any] = {}
        for number, member in enumerate(self.members):
            new = member.read(_of_member(state, number), chords)
            later |= {_named(name, number): part for name, part in _as_dict(new).items()}
        return later

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the mixture anew: its members."""
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        return {**super().get_config(), "members": members}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Mixture:
        """The mixture that `get_config` describes, with members that are untrained."""
        members = [
            keras.saving.deserialize_keras_object(member, custom_objects=custom_objects)
            for member in config["members"]
        ]
        return cls(**{**config, "members": members})


_WHOLE = "whole"  # the only part of a state that is not a dict


def _named(name: str, number: int) -> str:
    """The name of a part of a member's state."""
    return f"{name}_of_{number}"


def _of_member(state: dict[str, Any], number: int) -> Any:
    """The state of one member, out of that of all."""
    ending = _named("", number)
    own = {name.removesuffix(ending): part for name, part in state.items() if name.endswith(ending)}
    return own[_WHOLE] if set(own) == {_WHOLE} else own


def _as_dict(state: Any) -> dict[str, Any]:
    return state if isinstance(state, dict) else {_WHOLE: state}


def _mean(log_probs: Sequence[Tensor]) -> Tensor:
    """The logarithm of the mean of probabilities, of which the logarithms are given."""
    ops = keras.ops
    return ops.logsumexp(ops.stack(log_probs), axis=0) - ops.log(float(len(log_probs)))
