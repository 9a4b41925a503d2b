"""Old names: each still works for one release, with a `DeprecationWarning` that gives the new name.

This file lists the names that were moved or renamed; it does nothing else. Remove an entry one
release after it was added."""

import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

PACKAGE = __name__.partition(".")[0]

P = ParamSpec("P")
R = TypeVar("R")

# Public names: the name in 0.1 and the name now.
RENAMED = {
    "share_found": "passage_containment",
    "shares_found": "pairwise_containment",
    "kept": "cached",
    "measure": "compute_measures",
    "measures": "describe_measures",
    "with_intervals": "format_report_card",
    "plot_race": "plot_learning_curves",
    "plot_motion": "plot_voice_motion",
    "write_wav": "write_sound",
}

# Modules: their place in 0.1, all in one folder, and their place now.
MOVED = {
    "audio": "sound.audio",
    "backend": "models.backend",
    "cluster": "scale.cluster",
    "counterpoint": "judging.counterpoint",
    "datasets": "models.datasets",
    "engraving": "notation.engraving",
    "evaluation": "models.evaluation",
    "gallery": "writing.gallery",
    "generation": "writing.generation",
    "grade_card": "writing.grade_card",
    "grading": "judging.grading",
    "grid": "judging.grid",
    "harmonising_card": "writing.harmonising_card",
    "harvest": "scale.mass_generation",
    "jsb_split": "corpus.jsb_split",
    "keeping": "story.cache",
    "metre": "notation.metre",
    "midi": "notation.midi",
    "mirror": "story.mirror",
    "model_card": "models.model_card",
    "notebooks": "story.notebooks",
    "particles": "writing.particles",
    "passages": "corpus.passages",
    "pipeline": "story.pipeline",
    "player": "sound.player",
    "plots": "story.plots",
    "reading": "notation.reading",
    "record": "story.record",
    "score": "notation.score",
    "style": "judging.style",
    "sweep": "scale.sweep",
    "training": "models.training",
}


def renamed(old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warns the caller's caller that `old` is now called `new`.

    Examples:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     renamed("kept", "cached")
        >>> str(caught[0].message)
        'kept is now called cached; the old name will be removed in the next release'
    """
    message = f"{old} is now called {new}; the old name will be removed in the next release"
    warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)


def renamed_argument(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorates a function so that it accepts keyword arguments under their old names, too.

    Args:
        names: old name -> new name.

    Examples:
        >>> @renamed_argument(most="vmax")
        ... def brightest(vmax):
        ...     return vmax
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     brightest(most=4)
        4
        >>> str(caught[0].message).partition(";")[0]
        'brightest(most=...) is now called brightest(vmax=...)'
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def with_old_names(*args: P.args, **options: P.kwargs) -> R:
            for old, new in names.items():
                if old in options:
                    if new in options:
                        raise TypeError(
                            f"{function.__name__}: {new} is given twice, once under its old name "
                            f"{old}: expected {new} alone"
                        )
                    renamed(f"{function.__name__}({old}=...)", f"{function.__name__}({new}=...)")
                    options[new] = options.pop(old)
            return function(*args, **options)

        return with_old_names

    return decorate


def public_name(name: str) -> Any:
    """The public object with this name in `chorale_utils`, or with this old name.

    Raises:
        AttributeError: there is no such public name, old or new.
    """
    package = sys.modules[PACKAGE]
    if name in RENAMED:
        renamed(f"{PACKAGE}.{name}", f"{PACKAGE}.{RENAMED[name]}", stacklevel=4)
    elif name not in package.__all__:
        raise AttributeError(name)
    return getattr(package, RENAMED.get(name, name))


class MovedModules(MetaPathFinder, Loader):
    """Finds a module by the name that it had before it moved into a sub-package."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """The spec of a moved module in its new place; None for every other module."""
        package, _, old = fullname.partition(".")
        if package != PACKAGE or old not in MOVED:
            return None
        return ModuleSpec(fullname, self, origin=f"{PACKAGE}.{MOVED[old]}")

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module in its new place, with a warning."""
        assert spec.origin is not None
        renamed(spec.name, spec.origin)
        module = importlib.import_module(spec.origin)
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Gives the module, which has already been executed, its own name and spec back."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state
