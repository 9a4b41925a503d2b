"""Models that predict chorales: their common interface, the models, training, evaluation, weights.

Read `model` first (the interface), then `note_gru`, `chord_gru` and `phrase_gru`, which are built
from `layers`. For training: `datasets`, `training` with its `optimizers`, and `checkpoint`. For
evaluation: `evaluation`. For saving, loading and shipping: `saving` and `model_card`. All of them
import Keras through `backend`.
"""

from typing import Any

from ..deprecation import public_name


def __getattr__(name: str) -> Any:
    """Public names that were in the module `models` in 0.1."""
    try:
        return public_name(name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
