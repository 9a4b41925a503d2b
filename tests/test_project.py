"""The project as a newcomer meets it: what is declared, what is pinned, what is committed, what
README promises."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import chorale_utils
from chorale_utils.deprecation import RENAMED

PROJECT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
CHANGES = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((PROJECT / "notebooks" / "solutions").glob("*.ipynb"))
STORY = [
    "01_data_exploration",
    "02_encoding_and_transposition",
    "03_model_training",
    "04_evaluation",
    "05_generation",
    "06_studio",
]

each_notebook = pytest.mark.parametrize(
    "path", NOTEBOOKS + SOLUTIONS, ids=lambda path: f"{path.parent.name}/{path.stem}"
)


def declared():
    """What pyproject.toml asks for, with all extras: list of Requirement."""
    project = PYPROJECT["project"]
    texts = project["dependencies"] + sum(project["optional-dependencies"].values(), [])
    found = map(Requirement, texts)
    return [requirement for requirement in found if requirement.name != project["name"]]


def pins():
    """What constraints.txt holds: dict of canonical name to Requirement."""
    lines = (PROJECT / "constraints.txt").read_text().splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in found}


def pinned_version(pin):
    return re.fullmatch(r"==([\w.!+-]+)", str(pin.specifier)).group(1)


def code_cells(path):
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


# The three files that describe the environment


def test_constraints_are_names_and_exact_versions_only_sorted_and_unique():
    lines = [
        line
        for line in (PROJECT / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert all(
        re.fullmatch(r"[a-z0-9-]+==[\w.]+( *; *python_version [<>=!]+ \"3\.1\d\")?", line)
        for line in lines
    )
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names))


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_declared_dependency_is_pinned_to_a_version_that_its_declaration_admits(requirement):
    assert pinned_version(pins()[canonicalize_name(requirement.name)]) in requirement.specifier


def test_environment_has_every_needed_package_in_its_pinned_version():
    pinned = {name: pinned_version(pin) for name, pin in pins().items()}
    differing = {
        name: (installed, pinned.get(name))
        for name, installed in needed().items()
        if installed != pinned.get(name)
    }
    assert not differing, "installed and pinned; renew the environment with `make clean test`"


def needed():
    """Everything that the declared dependencies need in turn: dict of canonical name to installed
    version."""
    found, waiting = {}, [(requirement.name, requirement.extras) for requirement in declared()]
    asked = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, frozenset(extras)) in asked:
            continue
        asked.add((name, frozenset(extras)))
        package = distribution(name)
        found[canonicalize_name(name)] = package.version
        for further in map(Requirement, package.requires or []):
            if further.marker is None or any(
                further.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                waiting.append((further.name, further.extras))
    return found


def test_conda_environment_installs_the_project_under_the_same_constraints():
    environment = yaml.safe_load((PROJECT / "environment.yml").read_text())
    *from_conda, pip = environment["dependencies"]
    assert pip == {"pip": ["-c constraints.txt", "-e .[all]"]}
    python, installer = from_conda
    assert installer == "pip"
    assert python.removeprefix("python=") in SpecifierSet(PYPROJECT["project"]["requires-python"])


def test_devcontainer_sets_up_with_make_and_opens_jupyterlab_on_a_python_that_is_supported():
    container = json.loads((PROJECT / ".devcontainer" / "devcontainer.json").read_text())
    name, version = container["image"].rsplit(":", 1)
    assert name == "mcr.microsoft.com/devcontainers/python"
    assert version in SpecifierSet(PYPROJECT["project"]["requires-python"])
    for key, target in (("postCreateCommand", ".venv/ready"), ("postAttachCommand", "lab")):
        command = shlex.split(container[key])
        assert command[:2] == ["make", target]
        shown = make("--dry-run", *command[1:])
        assert shown.returncode == 0, shown.stderr
    assert "jupyter-lab " in shown.stdout and "--no-browser" in shown.stdout
    assert container["forwardPorts"] == [8888] and "8888" in container["portsAttributes"]
    python = container["customizations"]["vscode"]["settings"]["python.defaultInterpreterPath"]
    assert f"{python} -m pip install" in make("--dry-run", "--always-make", ".venv/ready").stdout


def make(*arguments):
    """make in the project, ended, as if it were not called by another make."""
    surroundings = {name: value for name, value in os.environ.items() if name[:4] != "MAKE"}
    command = ["make", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=surroundings)


def test_binder_installs_everything_on_a_python_that_is_supported():
    binder = PROJECT / ".binder"
    constraints, project = (binder / "requirements.txt").read_text().splitlines()
    assert (binder / constraints.removeprefix("-c ")).samefile(PROJECT / "constraints.txt")
    assert project == "-e .[all]" and "all" in PYPROJECT["project"]["optional-dependencies"]
    python = (binder / "runtime.txt").read_text().strip().removeprefix("python-")
    assert python in SpecifierSet(PYPROJECT["project"]["requires-python"])


def test_what_binder_does_after_the_build_can_be_done():
    script = PROJECT / ".binder" / "postBuild"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", script], check=True)
    jupyter, python = script.read_text().splitlines()[-2:]
    programs = Path(sys.executable).parent
    assert jupyter == "jupyter trust notebooks/*.ipynb" and (programs / "jupyter-trust").exists()
    name, option, code = shlex.split(python)
    assert (name, option) == ("python", "-c")
    ast.parse(code)
    imports = code.partition(";")[0]
    subprocess.run([sys.executable, "-c", imports], check=True)


def test_every_package_that_is_imported_is_declared():
    names = {canonicalize_name(requirement.name) for requirement in declared()}
    providers = packages_distributions()
    ours = {path.stem for path in (PROJECT / "tests").rglob("*.py")} | {"chorale_utils"}
    for path, source in _sources():
        for module in _imported(source) - set(sys.stdlib_module_names) - ours - OPTIONAL:
            assert names & {canonicalize_name(one) for one in providers.get(module, [])}, (
                f"{path} imports {module}"
            )


OPTIONAL = {
    "jax",
    "tinysoundfont",
}  # another backend of Keras, and a reader of SoundFonts, for those who have them


def _sources():
    for path in [*(PROJECT / "chorale_utils").rglob("*.py"), *(PROJECT / "tests").rglob("*.py")]:
        yield path.relative_to(PROJECT), path.read_text(encoding="utf-8")
    for path in NOTEBOOKS + SOLUTIONS:
        lines = "\n".join(cell.source for cell in code_cells(path)).splitlines()
        yield (
            path.relative_to(PROJECT),
            "\n".join(line for line in lines if not line.lstrip().startswith(("%", "!"))),
        )


def _imported(source):
    """Top-level names of the modules that Python code imports, wherever in it; set of str."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module.partition(".")[0])
    return modules


# The package


@pytest.mark.parametrize(
    "module",
    [
        "chorale_utils",
        "chorale_utils.corpus.editions",
        "chorale_utils.notation.midi",
        "chorale_utils.encoding",
        "chorale_utils.story.pipeline",
        "chorale_utils.command",
    ],
)
def test_importing_loads_neither_tensorflow_nor_music21(module):
    code = (
        f"import sys, {module}; "
        "print([name for name in ('tensorflow', 'keras', 'music21') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_what_the_notebooks_use_is_public_and_can_be_imported_from_the_package():
    for path in NOTEBOOKS + SOLUTIONS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                imports = [
                    node
                    for node in ast.walk(ast.parse(cell.source))
                    if isinstance(node, ast.ImportFrom)
                ]
                for node in imports:
                    if node.module == "chorale_utils":
                        assert {alias.name for alias in node.names} <= set(chorale_utils.__all__)
                    else:
                        assert (
                            not node.module.startswith("chorale_utils")
                            or node.module == "chorale_utils.models.backend"
                        )
    for name in chorale_utils.__all__:
        assert getattr(chorale_utils, name) is not None


def test_files_that_the_package_reads_are_installed_with_it():
    patterns = PYPROJECT["tool"]["setuptools"]["package-data"]["chorale_utils"]
    for pattern in patterns:
        assert list((PROJECT / "chorale_utils").glob(pattern)), pattern


# What README promises


def test_readme_names_the_commands_and_only_commands_that_exist():
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", _commands_in_readme()))
    assert {"run", "test", "lab"} <= named <= targets


def _commands_in_readme():
    """The code of README.md, fenced or inline; str."""
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", readme, re.DOTALL))


def test_help_names_every_target():
    makefile = (PROJECT / "Makefile").read_text()
    shown = make("help")
    for target in re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split():
        assert target == "help" or f"make {target} " in shown.stdout


def test_version_is_the_same_everywhere():
    citation = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    latest = re.search(r"^## (\S+)", CHANGES, re.MULTILINE).group(1)
    assert citation["version"] == latest == chorale_utils.__version__
    assert citation["license"] == PYPROJECT["project"]["license"] == "MIT"
    assert citation["authors"] == PYPROJECT["project"]["authors"]


def test_changelog_names_every_old_name_and_its_successor():
    for old, new in RENAMED.items():
        assert re.search(rf"`{old}`.*\| `{new}`", CHANGES), old


@pytest.mark.parametrize(
    "document", ["CONTRIBUTING.md", "CHANGELOG.md", "docs/cluster.md", "docs/teaching.md"]
)
def test_links_of_a_document_lead_somewhere(document):
    path = PROJECT / document
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if not link.startswith("http"):
            assert (path.parent / link.partition("#")[0]).exists(), link


def test_files_and_programs_of_the_guide_for_contributors_are_there():
    guide = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", guide, re.DOTALL)
    code = "\n".join(map("".join, code))
    for path in re.findall(r"\b(?:tests|chorale_utils)/[\w/]+\.\w+", code):
        assert (PROJECT / path).exists(), path
    for module in re.findall(r"python -m (chorale_utils\S+)", code):
        assert find_spec(module), module
    for program in ("pytest", "ruff", "mypy", "lint-imports", "chorale"):
        assert program in code and Path(sys.executable).with_name(program).exists()


# The committed notebooks


def test_story_is_complete():
    assert [path.stem for path in NOTEBOOKS] == STORY
    assert [path.stem for path in SOLUTIONS] == STORY[:5]


@each_notebook
def test_notebook_is_executed_from_top_to_bottom(path):
    counts = [cell.execution_count for cell in code_cells(path) if cell.source.strip()]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_notebook_stores_no_error_and_nothing_from_the_error_stream(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error", output.ename
            assert output.get("name") != "stderr", output.text
            assert not output.get("text", "").startswith("WARNING"), (
                output.text
            )  # TensorFlow's go to either stream


@each_notebook
def test_notebook_names_no_absolute_path(path):
    text = re.sub(
        r";base64,[A-Za-z0-9+/=\s]+", "", json.dumps(nbformat.read(path, 4), ensure_ascii=False)
    )
    text = text.replace(r"\n", "\n")
    unix = r"(?<![\w.:/<\\)])/(?:home|root|tmp|usr|var|opt|mnt|srv|etc|Users|private)/\S*"
    windows = r"\b[A-Z]:\\\\\S*"
    assert not re.findall(f"{unix}|{windows}", text)


@each_notebook
def test_notebook_holds_nothing_of_the_machine_that_executed_it(path):
    book = nbformat.read(path, 4)
    assert (
        set(book.metadata) == {"kernelspec", "language_info"}
        and book.metadata.kernelspec.name == "python3"
    )
    for cell in book.cells:
        assert not {"papermill", "execution"} & set(cell.metadata)


@each_notebook
def test_notebook_is_under_two_megabytes(path):
    assert path.stat().st_size < 2_000_000


@each_notebook
def test_notebook_has_one_parameters_cell_and_no_cell_longer_than_a_screen(path):
    cells = code_cells(path)
    assert sum("parameters" in cell.metadata.get("tags", []) for cell in cells) == 1
    for cell in cells:
        assert len(cell.source.splitlines()) <= 30, cell.source
