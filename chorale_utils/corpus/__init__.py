"""Bach's chorales: two editions of the canonical split, how they were matched, and passages shared
between pieces."""

from typing import Any

from ..deprecation import public_name


def __getattr__(name: str) -> Any:
    """Public names that were in the module `corpus` in 0.1."""
    try:
        return public_name(name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
