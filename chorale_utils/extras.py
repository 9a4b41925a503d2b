"""Extras: packages that only some commands need, and the error that says which extra to install.

A core install is enough for corpus, models, writing, judging, notation and sound. A function that
needs more calls `require` first.
"""

from importlib.util import find_spec

# For each extra in pyproject.toml, the modules that this package imports from it.
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
    "slides": ("nbconvert", "sphinx_revealjs"),
    "studio": ("anywidget", "comm", "voila"),
}


class MissingExtra(ModuleNotFoundError):
    """Packages of an extra are not installed."""


def require(extra: str, user: str) -> None:
    """Makes sure that the packages of an extra are installed.

    Args:
        extra: ``'notebooks'``, ``'scale'``, ``'slides'`` or ``'studio'``.
        user: the feature that needs them, as the beginning of the error message.

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
