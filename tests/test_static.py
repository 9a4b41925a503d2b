"""What is checked without running anything: format, lint, types, and which module imports which."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "chorale_utils"


def program(name, *arguments):
    """A program of this environment, ended, that has been called in the project."""
    command = [Path(sys.executable).with_name(name), *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [["ruff", "format", "--check", "."], ["ruff", "check", "."], ["lint-imports"]],
    ids=" ".join,
)
def test_project_is_clean_in_the_eyes_of(command):
    ended = program(*command)
    assert ended.returncode == 0, ended.stdout + ended.stderr


USE = """\
import numpy as np

from chorale_utils import (
    Chorale, cached, copied, faults, generate, grade, harmonize, load_chorale, load_corpus,
    load_model, negative_log_likelihood, plot_piano_roll, show, write_midi, write_score,
    write_sound,
)

corpus = load_corpus()
model = load_model("chord_gru")
pieces = generate(model, count=2, steps=64, seed=1, temperature=0.9)
first: Chorale = pieces[0]
setting = harmonize(model, corpus.test[0], seed=1)[0]
points: np.ndarray = grade([first, setting])
nats: float = negative_log_likelihood(model, corpus.test[:5])
print(faults(first)["fault"].value_counts(), copied([first], corpus.train)["share"].max(), nats)
again = cached(generate, "cache")(model, steps=16)[0]
chorale = load_chorale("piece.mid").transpose(2)
write_midi(chorale, "piece.mid")
write_score(chorale, "piece.pdf")
write_sound(chorale, "piece.wav")
show(chorale)
print(plot_piano_roll(chorale).get_title(), Chorale(np.tile([72, 67, 64, 48], (16, 1))), again)
"""


WRONG = """\
from chorale_utils import generate, load_model

model = load_model("chord_gru")
generate(model, steps="four", cuont=3)
"""


@pytest.fixture(scope="module")
def type_errors(tmp_path_factory):
    """What mypy finds in the package and in two scripts of a user: of each file, by its name,
    [(line, text)]."""
    folder = tmp_path_factory.mktemp("user")
    for name, script in (("right", USE), ("wrong", WRONG)):
        (folder / f"{name}.py").write_text(script)
    ended = program("mypy", PACKAGE, folder / "right.py", folder / "wrong.py")
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    found = {}
    for path, line, text in re.findall(r"(?m)^(.+?):(\d+): error: (.*)", ended.stdout):
        found.setdefault(Path(path).name, []).append((int(line), text))
    assert re.search(r"checked \d{2,} source files", ended.stdout), ended.stdout
    return found


def test_package_has_no_type_error(type_errors):
    assert not set(type_errors) - {"right.py", "wrong.py"}, type_errors


def test_script_that_is_right_has_no_type_error(type_errors):
    assert "right.py" not in type_errors, type_errors["right.py"]


def test_script_with_a_wrong_value_and_a_wrong_name_has_two_type_errors(type_errors):
    lines, texts = zip(*type_errors["wrong.py"])
    assert lines == (4, 4)
    assert any('Unexpected keyword argument "cuont"' in text for text in texts), texts
    assert any('Argument "steps"' in text and '"str"' in text for text in texts), texts


def public_functions():
    """(name, node) of every function and method of the package that has no underscore before it."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            owned = node.body if isinstance(node, ast.ClassDef) else [node]
            if getattr(node, "name", "_").startswith("_"):
                continue
            for function in owned:
                if isinstance(function, ast.FunctionDef) and not function.name.startswith("_"):
                    yield f"{path.relative_to(PACKAGE)}: {function.name}", function


def test_every_public_function_has_types():
    bare = []
    for name, function in public_functions():
        arguments = function.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [more for more in (arguments.vararg, arguments.kwarg) if more]
        untyped = [
            one.arg for one in every if not one.annotation and one.arg not in ("self", "cls")
        ]
        if untyped or function.returns is None:
            bare.append(f"{name}({', '.join(untyped)})")
    assert not bare, "\n".join(bare)
