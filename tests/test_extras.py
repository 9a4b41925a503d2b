"""Extras: what is declared, what is imported, and what is said where one is missing."""

import ast
import functools
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chorale_utils import extras
from chorale_utils.command import main
from chorale_utils.extras import MODULES, MissingExtra, require
from chorale_utils.scale.cluster import dask_client
from chorale_utils.scale.mass_generation import generate_dataset
from chorale_utils.scale.sweep_file import read_sweep
from chorale_utils.story.mirror import Mirror
from chorale_utils.story.notebooks import execute, read_notebook
from chorale_utils.story.pipeline import refresh, resume, run

PACKAGE = Path(extras.__file__).parent
PROJECT = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]
WITH_THEM = {
    "tinysoundfont",
    "IPython",
}  # a reader of SoundFonts, for those who have it; the caller


def declared(requirements):
    return {canonicalize_name(Requirement(text).name) for text in requirements}


providers = functools.cache(packages_distributions)  # which reads a file of every package


def provided(module):
    """The packages that provide a module."""
    return {canonicalize_name(name) for name in providers().get(module, [])}


def imports(path):
    """(module, whether importing the file imports it before anything is checked) of what a file
    imports from elsewhere."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checks = [ast.unparse(node).startswith("require(") for node in tree.body]
    unchecked = tree.body[: checks.index(True)] if any(checks) else tree.body
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module]
        for name in {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names):
            yield name, node in unchecked


@pytest.mark.parametrize("extra", MODULES)
def test_modules_of_an_extra_come_with_it_and_not_with_the_core(extra):
    for module in MODULES[extra]:
        assert provided(module) & declared(PROJECT["optional-dependencies"][extra]), module
        if module != "rich":  # which Keras brings
            assert not provided(module) & declared(PROJECT["dependencies"]), module


def test_what_is_imported_comes_with_the_core_or_is_checked_first():
    core = declared(PROJECT["dependencies"])
    checked = {module for modules in MODULES.values() for module in modules}
    for path in PACKAGE.rglob("*.py"):
        for module, at_once in imports(path):
            if not provided(module) & core:
                assert module in checked | WITH_THEM and not at_once, f"{path}: {module}"


def test_installed_extra_is_found():
    for extra in MODULES:
        require(extra, "this test")


@pytest.fixture
def nothing_installed(monkeypatch):
    """As if no package of an extra were installed."""
    missing = {extra: (f"no_{extra}",) for extra in MODULES}
    monkeypatch.setattr(extras, "MODULES", missing)


@pytest.mark.parametrize(
    "extra, call",
    [
        ("notebooks", lambda place: run(output=place)),
        ("notebooks", lambda place: refresh()),
        ("notebooks", lambda place: read_notebook(place / "01.ipynb")),
        ("notebooks", lambda place: execute(place / "01.ipynb", place / "02.ipynb", {})),
        ("notebooks", lambda place: Mirror("memory://there", place)),
        ("scale", lambda place: read_sweep(place / "sweep.yml")),
        ("scale", lambda place: dask_client(workers=1).__enter__()),
        ("scale", lambda place: generate_dataset(1, place / "set")),
    ],
)
def test_function_says_which_extra_it_needs(nothing_installed, tmp_path, extra, call):
    with pytest.raises(MissingExtra) as error:
        call(tmp_path)
    assert f"needs the {extra} extra: pip install 'chorale-utils[{extra}]'" in str(error.value)
    assert f"not installed: no_{extra}" in str(error.value) and not list(tmp_path.iterdir())


def test_resuming_says_which_extra_it_needs(nothing_installed, tmp_path):
    (tmp_path / "run.json").write_text(
        '{"state": "failed", "corpus": null, "notebooks": [], "notebooks_folder": "."}'
    )
    with pytest.raises(MissingExtra, match="executing notebooks needs the notebooks extra"):
        resume(tmp_path)


@pytest.mark.parametrize(
    "command, extra",
    [
        (["run"], "notebooks"),
        (["refresh"], "notebooks"),
        (["sweep", "sweep.yml"], "scale"),
        (["generate", "--count", "1", "--output", "set"], "scale"),
    ],
    ids=lambda command: command[0],
)
def test_command_says_in_one_line_which_extra_it_needs(
    nothing_installed, tmp_path, monkeypatch, capsys, command, extra
):
    monkeypatch.chdir(tmp_path)
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith("chorale: ") and error.count("\n") == 1
    assert f"pip install 'chorale-utils[{extra}]'" in error and not list(tmp_path.iterdir())
