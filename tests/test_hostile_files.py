"""Files of strangers: damaged, or made to harm. Each is refused with a ValueError, in seconds and
in little memory."""

import subprocess
import sys
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from chorale_utils import load_chorale, write_midi, write_score

NAMES = ("Soprano", "Alto", "Tenor", "Bass")


def musicxml(duration="4", before="", name="Soprano"):
    """Four voices with one note each."""
    parts = "".join(
        f'<score-part id="P{part}"><part-name>{name if part == 0 else NAMES[part]}</part-name>'
        "</score-part>"
        for part in range(4)
    )
    pitch = "<pitch><step>C</step><octave>4</octave></pitch>"
    note = f"<note>{pitch}<duration>{duration}</duration></note>"
    body = "".join(
        f'<part id="P{part}"><measure '
        f'number="1"><attributes><divisions>4</divisions></attributes>{note}'
        f"</measure></part>"
        for part in range(4)
    )
    return (
        f'<?xml version="1.0"?>{before}<score-partwise version="3.1">'
        f"<part-list>{parts}</part-list>{body}</score-partwise>"
    )


LAUGHS = "".join(f'<!ENTITY l{level} "{f"&l{level - 1};" * 10}">' for level in range(1, 10))
HOSTILE = {
    "a billion laughs": (
        "x.musicxml",
        musicxml(before=f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>', name="&l9;"),
    ),
    "one long entity, many times": (
        "x.xml",
        musicxml(before=f'<!DOCTYPE x [<!ENTITY a "{"a" * 100_000}">]>', name="&a;" * 20_000),
    ),
    "a file of this machine": (
        "x.musicxml",
        musicxml(before='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>', name="&a;"),
    ),
    "a note without end": ("x.musicxml", musicxml(duration="4000000000000")),
    "not a number": ("x.musicxml", musicxml(duration="nan")),
    "more than a lifetime of rests": ("x.csv", "0,0,0,0\n" * 1_000_001),
    "a number of a million digits": ("x.csv", "60,55,52," + "9" * 1_000_000),
    "no archive": ("x.mxl", "PK\x03\x04 nothing"),
    "a score too large": ("x.musicxml", musicxml(before=f"<!--{' ' * 8_000_000}-->")),
    "endless kern": ("x.krn", "**kern\t**kern\t**kern\t**kern\n" + "4c\t4c\t4c\t4c\n" * 700_000),
}

READ = """\
import resource, sys
from chorale_utils import load_chorale
limit = 1_500 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    load_chorale(sys.argv[1])
except ValueError as error:
    print("refused", error)
"""


def refused(path, seconds=60):
    """What the reader says, in a process that has little memory and time."""
    ended = subprocess.run(
        [sys.executable, "-c", READ, path], capture_output=True, text=True, timeout=seconds
    )
    assert ended.returncode == 0 and ended.stdout.startswith("refused"), ended.stderr[-1000:]
    return ended.stdout


@pytest.mark.parametrize("what", HOSTILE)
def test_file_that_is_made_to_harm_is_refused(tmp_path, what):
    name, text = HOSTILE[what]
    (tmp_path / name).write_text(text)
    said = refused(tmp_path / name)
    assert name.split(".")[0] in said and "root:" not in said


def test_archive_that_unpacks_to_gigabytes_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>',
        )
        with archive.open("a.xml", "w") as file:
            for _ in range(60):
                file.write(b" " * 1_000_000)
    assert (tmp_path / "bomb.mxl").stat().st_size < 100_000
    assert "60,000,0" in refused(tmp_path / "bomb.mxl", seconds=30)


@pytest.fixture(scope="module")
def whole_files(music21_corpus, tmp_path_factory):
    """{suffix: bytes} of a short piece in each of the formats."""
    folder, piece = tmp_path_factory.mktemp("whole"), music21_corpus.train[0].excerpt(0, 16)
    write_midi(piece, folder / "x.mid")
    for suffix in (".musicxml", ".mxl"):
        write_score(piece, folder / f"x{suffix}")
    (folder / "x.csv").write_text("\n".join(",".join(map(str, row)) for row in piece.pitches))
    (folder / "x.krn").write_text(
        "**kern\t**kern\t**kern\t**kern\n" + "4C\t4E\t4g\t4cc\n" * 4 + "*-\t*-\t*-\t*-\n"
    )
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.filterwarnings("ignore::UserWarning")  # a damaged file is read with a warning, too
@pytest.mark.parametrize(
    "suffix, examples",
    [(".mid", 150), (".csv", 150), (".mxl", 40), (".musicxml", 25), (".krn", 25)],
)
def test_damaged_file_is_read_or_refused_and_nothing_else(
    whole_files, tmp_path_factory, suffix, examples
):
    whole, path = whole_files[suffix], tmp_path_factory.mktemp("damaged") / f"x{suffix}"

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(
            st.tuples(st.integers(0, len(whole) - 1), st.binary(max_size=4), st.integers(0, 8)),
            max_size=6,
        ),
        st.integers(0, len(whole)),
    )
    def damage(changes, end):
        damaged = bytearray(whole)
        for place, new, removed in changes:
            damaged[place : place + removed] = new
        path.write_bytes(bytes(damaged if end % 3 else damaged[:end]))
        try:
            assert len(load_chorale(path)) >= 0
        except ValueError as error:
            assert str(error)

    damage()
