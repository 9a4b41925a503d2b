"""Extras: packages that only some commands need, and the error that says which extra brings them.

A core install has what the corpus, models, writing, judging, notation and sound need. Whatever
needs more calls `require` first.
"""

from importlib.util import find_spec

# Of each extra in pyproject.toml, the modules of it that this package imports.
MODULES = {
    "notebooks": (
        "fsspec",
        "ipykernel",
        "jupyter_client",
        "nbformat",
        "papermill",
        "traitlets",
    ),
    "scale": ("distributed", "rich", "yaml"),
    "studio": ("anywidget", "comm", "voila"),
}


class MissingExtra(ModuleNotFoundError):
    """Packages of an extra are not installed."""


def require(extra: str, user: str) -> None:
    """Makes sure that the packages of an extra are installed.

    Args:
        extra: ``'notebooks'``, ``'scale'`` or ``'studio'``.
        user: what needs them, the beginning of the error's message.

    Raises:
        MissingExtra: some are missing; the message says which, and how to install them.

    Examples:
        >>> require("notebooks", "executing notebooks")
    """
    missing = [module for module in MODULES[extra] if find_spec(module) is None]
    if missing:
        raise MissingExtra(
            f"{user} needs the {extra} extra: pip install 'chorale-utils[{extra}]' "
            f"(not installed: {', '.join(missing)})"
        )
