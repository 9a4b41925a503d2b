"""What README.md says is so."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from chorale_utils import load_chorale
from chorale_utils.command import main
from chorale_utils.scale.sweep import read_sweep

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")


def test_its_example_runs_and_leaves_the_files_it_names(tmp_path, monkeypatch, music21_corpus):
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(example, names)
    for name in ("chorale.mid", "chorale.musicxml"):
        assert (load_chorale(name).pitches == names["chorale"].pitches).all()


@pytest.mark.parametrize(
    "model, how, column",
    [
        ("note_gru", "one pass", 0),
        ("chord_gru", "one pass", 0),
        ("chord_gru", "averaged over five transpositions", 1),
    ],
)
def test_its_figures_are_those_of_the_model_cards(model, how, column):
    card = (PROJECT / "chorale_utils" / "pretrained" / f"{model}.md").read_text(encoding="utf-8")
    (row,) = re.findall(rf"`{model}`, shipped, {how} \| ([\d.]+) \| ([\d.]+) \|", README)
    rows = [
        re.search(rf"^\| {partition} \| (.+) \|$", card, re.MULTILINE).group(1)
        for partition in ("valid", "test")
    ]
    assert list(row) == [cells.split(" | ")[column] for cells in rows]


def test_its_command_is_understood_and_refused_only_for_its_folder(tmp_path):
    (command,) = re.findall(r"^chorale (run .*)$", README, re.MULTILINE)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    assert main([*command.split(), "--output", str(tmp_path), "--run-id", "taken"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_its_links_lead_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) >= 6
    for link in links:
        assert (PROJECT / link).exists(), link


def listed_modules():
    """The package's modules in the order of the list."""
    listed = re.search(r"chorale_utils/  (.*?)tests/", README, re.DOTALL).group(1)
    cells = " ".join(line[36:] for line in (" " * 18 + listed).splitlines())
    return re.findall(r"[a-z_0-9]+\b(?!/)", cells.replace("pretrained/", ""))


def test_its_modules_are_those_there_are():
    there = {path.stem for path in (PROJECT / "chorale_utils").glob("*.py")} - {"__init__"}
    assert sorted(listed_modules()) == sorted(there)


def test_a_module_imports_only_modules_that_stand_before_it():
    order = listed_modules()
    for path in (PROJECT / "chorale_utils").glob("*.py"):
        for node in ast.walk(
            ast.parse(path.read_text(encoding="utf-8").split('\nif __name__ == "__main__":')[0])
        ):
            if isinstance(node, ast.ImportFrom) and node.level == 1 and path.stem != "__init__":
                modules = (
                    [node.module]
                    if node.module
                    else [alias.name for alias in node.names if alias.name in order]
                )
                for module in modules:
                    assert order.index(module) < order.index(path.stem), (
                        f"{path.stem} imports {module}"
                    )


@pytest.mark.parametrize("partition, pieces", [("train", 225), ("valid", 73), ("test", 77)])
def test_its_corpus_has_375_pieces(music21_corpus, partition, pieces):
    assert len(getattr(music21_corpus, partition)) == pieces
    assert "375 of them" in README


def test_its_speeds_are_those_of_the_benchmarks_table():
    table = (PROJECT / "tests" / "benchmarks" / "table.md").read_text(encoding="utf-8")
    speeds = re.findall(r"([\d,]+ times)\s+faster", README)
    assert len(speeds) == 2
    for speed in speeds:
        assert f"| {speed} |" in table


def test_its_sweep_is_the_committed_one_and_is_understood():
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    file = PROJECT / re.search(r"chorale sweep (\S+)", README).group(1)
    assert yaml.safe_load(shown) == yaml.safe_load(file.read_text(encoding="utf-8"))
    assert len(read_sweep(file)["points"]) == 6


def test_its_options_are_those_of_the_commands(capsys):
    for command in ("sweep", "generate"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        for line in re.findall(rf"^chorale {command} (.*)$", README, re.MULTILINE):
            assert set(re.findall(r"--[a-z-]+", line)) <= known
