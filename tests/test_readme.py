"""What README.md says is so."""

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
    card = (PROJECT / "chorale_utils" / "models" / "pretrained" / f"{model}.md").read_text(
        encoding="utf-8"
    )
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
    """The modules as the map lists them: dict of sub-package ('' for the package) to names."""
    listed = re.search(r"^chorale_utils/\n(.*?)^docs/", README, re.DOTALL | re.MULTILINE).group(1)
    found, place = {"": []}, ""
    for line in listed.splitlines():
        entry, text = line[2:19].strip(), line[19:]
        if entry.endswith(".py"):
            found[""].append(entry.removesuffix(".py"))
            continue
        place = entry.removesuffix("/") or place
        names = text.rpartition(": ")[2].partition(",")[0]
        found.setdefault(place, []).extend(names.split())
    return found


def test_its_map_is_the_tree():
    package = PROJECT / "chorale_utils"
    folders = {path.parent.name for path in package.glob("*/__init__.py")}
    there = {"": {path.stem for path in package.glob("*.py")} - {"__init__", "__main__"}}
    there |= {
        folder: {path.stem for path in (package / folder).glob("*.py")} - {"__init__"}
        for folder in folders
    }
    assert {place: sorted(names) for place, names in listed_modules().items()} == {
        place: sorted(names) for place, names in there.items()
    }


@pytest.mark.parametrize("partition, pieces", [("train", 225), ("valid", 73), ("test", 77)])
def test_its_corpus_has_375_pieces(music21_corpus, partition, pieces):
    assert len(getattr(music21_corpus, partition)) == pieces
    assert "375 of them" in README


def test_its_speeds_are_those_of_the_benchmarks_table():
    table = (PROJECT / "tests" / "benchmarks" / "table.md").read_text(encoding="utf-8")
    speeds = re.findall(r"([\d,]+ times) faster", " ".join(README.split()))
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


def test_the_figures_of_the_composer_are_those_of_its_card():
    card = (PROJECT / "chorale_utils/writing/composing.md").read_text(encoding="utf-8")
    text = " ".join(README.split())
    for name in ("phrase_gru", "chord_gru"):
        valid, test = re.search(rf"^\| {name} \| (\S+) \| (\S+) \|$", card, re.MULTILINE).groups()
        assert re.search(rf"{valid}\D.*?{test}\D", text), name
    for writer, sentence in (
        ("`compose`", r"in (\d+) pairs of a hundred"),
        ("chord_gru, under", r"against `chord_gru` it is (\d+)"),
    ):
        auc = re.search(rf"^\| {re.escape(writer)}[^|]*\| (\S+)", card, re.MULTILINE).group(1)
        assert re.search(sentence, text).group(1) == f"{100 * float(auc):.0f}", writer
