"""The wheel, installed where there is nothing but what it asks for: everything works that needs no
extra, and what needs one says which."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from email.parser import HeaderParser
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from chorale_utils import __version__
from chorale_utils.extras import MODULES

pytestmark = pytest.mark.slow
PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel (Path), built of a copy: what an earlier build left must not get into it."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, source)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "chorale_utils", source / "chorale_utils", ignore=ignored)
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", built, source]
    pip(*build)
    (path,) = built.iterdir()
    return path


def pip(*arguments):
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def metadata(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return HeaderParser().parsestr(archive.read(name).decode())


def needed(requirements):
    """Canonical names of the packages that requirements bring, their own requirements included."""
    found, waiting, asked = set(), list(map(Requirement, requirements)), set()
    while waiting:
        requirement = waiting.pop()
        extras = ("", *sorted(requirement.extras))
        if (requirement.name, extras) in asked:
            continue
        asked.add((requirement.name, extras))
        found.add(canonicalize_name(requirement.name))
        for further in map(Requirement, distribution(requirement.name).requires or []):
            marker = further.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(further)
    return found


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The Python of a new environment with the wheel in it, and with those packages alone that it
    asks for. They are not downloaded again: the environment is shown where they lie."""
    place = tmp_path_factory.mktemp("clean")
    requirements = metadata(wheel).get_all("Requires-Dist")
    core = needed(text for text in requirements if "extra ==" not in text)
    (place / "packages").mkdir()
    for package in distributions():
        name = canonicalize_name(package.metadata["Name"])
        tops = {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}
        for top in tops:
            link, target = place / "packages" / top, package.locate_file(top)
            if name in core:
                link.symlink_to(target)
            else:
                assert not link.exists(), f"{top} is of {name}, too, which the core does not need"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    python = place / "venv" / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    (site,) = (place / "venv").glob("lib/python*/site-packages")
    (site / "packages.pth").write_text(f"{place / 'packages'}\n")
    return python


def run(command, folder):
    """A command that is outside of the checkout and does not see it, ended."""
    surroundings = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "VIRTUAL_ENV", "JSB_"))
    }
    surroundings |= {"PYTHONNOUSERSITE": "1", "CHORALE_UTILS_CACHE": str(folder / "cache")}
    return subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_wheel_has_every_file_of_the_package_and_no_other(wheel):
    with zipfile.ZipFile(wheel) as archive:
        there = {name for name in archive.namelist() if not re.match(r"[^/]+\.dist-info/", name)}
        licence = archive.read(f"chorale_utils-{__version__}.dist-info/licenses/LICENSE")
    listed = subprocess.run(
        ["git", "-C", PROJECT, "ls-files", "chorale_utils"], capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip(f"git does not list the checkout's files: {listed.stderr.strip()}")
    assert there == set(listed.stdout.split())
    assert licence == (PROJECT / "LICENSE").read_bytes() and licence.startswith(b"MIT License")


def test_wheel_says_what_it_is(wheel):
    about = metadata(wheel)
    assert (about["Name"], about["Version"]) == ("chorale-utils", __version__)
    assert about["License-Expression"] == "MIT" and about["License-File"] == "LICENSE"
    assert about["Author"] == "The chorale-utils authors" and about["Summary"] and about["Keywords"]
    assert "Typing :: Typed" in about.get_all("Classifier")
    assert set(about.get_all("Provides-Extra")) == {
        "notebooks",
        "scale",
        "slides",
        "studio",
        "book",
        "test",
        "all",
    }
    assert about["Description-Content-Type"] == "text/markdown"
    text = " ".join(about.get_payload().split())
    assert "the encodings are music21's own, under its terms" in text


def test_core_brings_no_notebook_server_and_no_cluster(wheel):
    requirements = metadata(wheel).get_all("Requires-Dist")
    core = needed(text for text in requirements if "extra ==" not in text)
    unwanted = "jupyterlab papermill nbval dask distributed bokeh tensorboard ipython pytest ruff"
    assert not core & {*unwanted.split(), "anywidget", "voila"}


WORK = """\
import importlib, importlib.util, pkgutil, sys
from pathlib import Path

import chorale_utils

assert "site-packages" in chorale_utils.__file__, chorale_utils.__file__
for module in sys.argv[1:]:
    assert importlib.util.find_spec(module) is None, f"{module} is here"

# a small corpus, parsed by music21 and cached
from chorale_utils.corpus import editions

header, *lines = editions.MANIFEST.read_text(encoding="utf-8").splitlines()
pieces = [line for line in lines if ".mxl" in line]
chosen = [next(line for line in pieces if line.startswith(part)) for part in editions.PARTITIONS]
editions.MANIFEST = Path("few.csv")
editions.MANIFEST.write_text("\\n".join([header, *chosen]), encoding="utf-8")
corpus = chorale_utils.load_corpus(progress=False)
assert len(corpus.train) == len(corpus.valid) == len(corpus.test) == 1

from chorale_utils import (
    faults, generate, grade, harmonize, load_chorale, load_model, negative_log_likelihood,
    read_card, write_midi, write_score,
)

piece = corpus.test[0].excerpt(0, 32)
model = load_model("chord_gru")
written = generate(model, steps=16, seed=1)[0]
setting = harmonize(model, piece, seed=1)[0]
assert len(written) == 16 and (setting.pitches[:, 0] == piece.pitches[:, 0]).all()
assert 0 < negative_log_likelihood(model, [piece]) < 2
assert len(grade([written, setting])) == 2 and faults(setting) is not None
assert read_card("chord_gru").startswith("# chord_gru")
for name in ("piece.pdf", "piece.musicxml", "piece.svg"):
    write_score(setting, name)
write_midi(setting, "piece.mid")
chorale_utils.write_sound(setting, "piece.wav")
for name in ("piece.mid", "piece.musicxml"):
    assert (load_chorale(name).pitches == setting.pitches).all(), name

from chorale_utils.extras import MissingExtra

def needs_the_studio_extra(get):
    try:
        assert get() is not None
    except MissingExtra as error:
        assert "pip install 'chorale-utils[studio]'" in str(error)
        return True

for found in pkgutil.walk_packages(chorale_utils.__path__, "chorale_utils."):
    refused = needs_the_studio_extra(lambda: importlib.import_module(found.name))
    assert bool(refused) == (found.name in
        ("chorale_utils.studio.widget", "chorale_utils.studio.serving")), found.name
for name in chorale_utils.__all__:
    refused = needs_the_studio_extra(lambda: getattr(chorale_utils, name))
    assert bool(refused) == (name == "Studio"), name
assert "<audio" in chorale_utils.show(setting)._repr_html_()
"""
BEGIN = {"pdf": b"%PDF-", "musicxml": b"<?xml", "svg": b"<", "mid": b"MThd", "wav": b"RIFF"}


def test_everything_works_that_needs_no_extra(python, tmp_path):
    modules = [module for names in MODULES.values() for module in names if module != "rich"]
    (tmp_path / "work.py").write_text(WORK)
    ended = run(
        [python, "-W", "error::DeprecationWarning:chorale_utils", "work.py", *modules], tmp_path
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for suffix, content in BEGIN.items():
        assert (tmp_path / f"piece.{suffix}").read_bytes().startswith(content)


@pytest.mark.parametrize("program", [["chorale"], ["python", "-m", "chorale_utils"]], ids=" ".join)
def test_program_works_and_says_which_extra_a_command_needs(python, tmp_path, program):
    program = [python.with_name(program[0]), *program[1:]]
    assert "usage: chorale" in run([*program, "--help"], tmp_path).stdout
    for command, extra in (
        (["run"], "notebooks"),
        (["refresh"], "notebooks"),
        (["sweep", "sweep.yml"], "scale"),
        (["generate", "--count", "1", "--output", "set"], "scale"),
    ):
        ended = run([*program, *command], tmp_path)
        assert ended.returncode == 2 and ended.stderr.count("\n") == 1, ended.stderr
        assert f"needs the {extra} extra: pip install 'chorale-utils[{extra}]'" in ended.stderr
    ended = run([*program, "list"], tmp_path)
    assert ended.returncode == 2 and "no runs here" in ended.stderr
