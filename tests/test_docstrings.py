"""What the docstrings of public names hold: an example that runs, every argument, what is raised,
and the chapter that tells about the name."""

import doctest
import inspect
import re
import textwrap
from functools import cached_property
from pathlib import Path

import nbformat
import numpy as np
import pytest

import chorale_utils
from chorale_utils import Session

# What a user never calls: Keras, Jupyter or a base class does.
FOR_FRAMEWORKS = {"build", "call", "get_config", "from_config", "set_state", "heard"}
# Examples that are read, not run, and why.
NOT_RUN = {
    "fit_chords": "a training takes many minutes",
    "fit_phrases": "a training takes many minutes",
    "train_member": "a training takes many minutes",
    "make_gallery": "ten pieces are drawn and sung, in a minute",
}


def _described():
    """Yields (name, its docstring, the function or None) of every public function and class, and of
    every public method and property of a public class. A method that says no more than which one it
    overrides is left out."""
    for name in chorale_utils.__all__:
        thing = getattr(chorale_utils, name)
        if inspect.isclass(thing):
            yield name, inspect.getdoc(thing), None
            for member, method in _members(thing):
                about = inspect.getdoc(method) or ""
                if not about.startswith(("See `ChoraleModel.", "See `ChordReader`")):
                    yield f"{name}.{member}", about, getattr(method, "fget", method)
        elif inspect.isroutine(thing):
            yield name, inspect.getdoc(thing), thing


def _members(kind):
    """Yields (name, method or property) of a class and of those above it in the package that are
    not public themselves."""
    ours = [one for one in kind.__mro__ if one.__module__.startswith("chorale_utils.")]
    ours = [one for one in ours if one is kind or one.__name__ not in chorale_utils.__all__]
    for name in dict.fromkeys(name for one in ours for name in vars(one)):
        member = next(vars(one)[name] for one in ours if name in vars(one))
        member = getattr(member, "__func__", member)  # of a class method
        public = not name.startswith("_") and name not in FOR_FRAMEWORKS
        if public and (
            inspect.isfunction(member) or isinstance(member, (property, cached_property))
        ):
            yield name, member


DESCRIBED = {name: (about, function) for name, about, function in _described()}
each = pytest.mark.parametrize("name", DESCRIBED)
FUNCTIONS = [name for name, (_, function) in DESCRIBED.items() if function is not None]
each_function = pytest.mark.parametrize("name", FUNCTIONS)


def section(about, title):
    """The lines of one section of a docstring (str), without their indentation; '' if there is
    none."""
    found = re.search(rf"^{title}:\n((?: .*\n|\n)+)", about + "\n", re.MULTILINE)
    return textwrap.dedent(found[1]).strip() if found else ""


@each
def test_every_public_function_class_and_method_has_an_example_that_runs(name):
    about, _ = DESCRIBED[name]
    examples = doctest.DocTestParser().get_examples(section(about, "Examples"))
    assert examples, "no example"
    runs = not any(each.options.get(doctest.SKIP) for each in examples)
    assert runs == (name not in NOT_RUN)


@each_function
def test_every_argument_is_explained_and_no_other(name):
    about, function = DESCRIBED[name]
    told = re.findall(r"^(\w+(?:, \w+)*):", section(about, "Args"), re.MULTILINE)
    told = [one for several in told for one in several.split(", ")]
    named = [one for one in inspect.signature(function).parameters if one not in ("self", "cls")]
    assert sorted(told) == sorted(named)


@each_function
def test_what_a_function_raises_by_itself_is_said(name):
    about, function = DESCRIBED[name]
    raised = set(re.findall(r"^ +raise (\w+)\(", inspect.getsource(function), re.MULTILINE))
    told = section(about, "Raises")
    assert all(error in told for error in raised)


@pytest.mark.parametrize("name", [name for name in DESCRIBED if "." not in name])
def test_every_public_function_and_class_names_its_chapter(name):
    about, _ = DESCRIBED[name]
    assert re.search(r"^Notebook: 0\w+$", about, re.MULTILINE)


@each
def test_a_name_in_backticks_can_be_looked_up(name):
    about, function = DESCRIBED[name]
    owner = getattr(chorale_utils, name.partition(".")[0])
    fields = chorale_utils.Chorale.__dataclass_fields__
    known = {*chorale_utils.__all__, *DESCRIBED, *dir(owner), *fields}
    known |= {f"Chorale.{field}" for field in fields}
    for callable_ in (owner, function or owner):
        known |= {*inspect.signature(callable_).parameters}
    named = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", about)
    assert not [one for one in named if one not in known]


# what a function needs besides its chorales
OTHERS = {
    "nats": np.zeros((8, 4)),
    "weights": np.zeros((8, 8)),
    "path": "never-written.mid",
    "faults": None,
    "found": None,
    "others": [],
    "reference": [],
    "training": [],
    "train": [],
    "test": [],
    "model": "note_gru",
    "step": 0,
    "epochs": 1,
}
TAKE_CHORALES = [
    name
    for name in FUNCTIONS
    if "." not in name
    and list(inspect.signature(getattr(chorale_utils, name)).parameters)[0:1]
    in ([["chorale"], ["chorales"], ["melody"]])
    and name != "harmonize"
]


@pytest.mark.parametrize("name", TAKE_CHORALES)
@pytest.mark.parametrize("given", ["bwv66.6", None, 7])
def test_what_is_no_chorale_is_refused_in_words_that_the_docstring_announces(name, given):
    about, function = DESCRIBED[name]
    needed = list(inspect.signature(function).parameters.values())[1:]
    others = [OTHERS[one.name] for one in needed if one.default is one.empty]
    with pytest.raises(TypeError, match=r"^got .*: expected (a|one|the)"):
        function(given, *others)
    told = section(about, "Raises")
    assert "TypeError" in told


CHAPTERS = sorted((Path(__file__).parents[1] / "notebooks").glob("0*.ipynb"))
# A chorale is explained before any is made by hand; `Pieces` is a word of prose, too, and exercises
# are in all chapters.
EXPLAINED_ELSEWHERE = {"Chorale", "Pieces", "check"}


def test_the_chapter_that_is_named_uses_the_name_if_any_chapter_does():
    code = {
        path.stem: "\n".join(
            cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"
        )
        for path in CHAPTERS
    }
    wrong = {}
    for name in [name for name in DESCRIBED if "." not in name]:
        users = {stem for stem, text in code.items() if re.search(rf"\b{name}\b", text)}
        (named,) = re.findall(r"^Notebook: (\w+)$", DESCRIBED[name][0], re.MULTILINE)
        assert named in code
        if users and named not in users:
            wrong[name] = users
    assert set(wrong) <= EXPLAINED_ELSEWHERE, wrong


def test_a_section_ends_where_the_next_begins():
    about = inspect.getdoc(Session.put)
    assert section(about, "Args").startswith("voice: 0..3")
    assert section(about, "Args").splitlines()[-1].startswith("pitch: ")
    assert section(about, "Nothing") == ""
