"""Models that predict chorales: what each must offer, the two there are, training, evaluation,
weights.

Read `model` first (what a model is), then `note_gru` and `chord_gru`, which is built of `layers`.
To train: `datasets`, `training` with its `optimizers`, and `checkpoint`. To judge: `evaluation`. To
save, load and ship: `saving` and `model_card`. All of them reach Keras through `backend`.
"""

from typing import Any

from ..deprecation import public_name


def __getattr__(name: str) -> Any:
    """Public names that were in the module `models` in 0.1."""
    try:
        return public_name(name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
