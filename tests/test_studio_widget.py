"""The studio's widget and the process in which its model writes, without a browser."""

import json
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import numpy as np
import pytest

from chorale_utils import Chorale, save_model, write_midi
from chorale_utils.judging.counterpoint import RANGES

pytest.importorskip("anywidget", reason="the studio extra is not installed")

from chorale_utils.studio import widget
from chorale_utils.studio.widget import Studio
from chorale_utils.studio.writer import Writer, end, start

TUNE = np.repeat([67, 69, 71, 72], 4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where work is kept, for this test."""
    monkeypatch.setenv(widget.FOLDER, str(tmp_path / "kept"))
    return tmp_path / "kept"


@pytest.fixture
def page(folder, monkeypatch):
    """A studio, and all that its page is told: `page.do(...)` sends a command."""

    class Page:
        def __init__(self, studio):
            self.studio, self.heard = studio, []
            monkeypatch.setattr(studio, "send", lambda told, *_: self.heard.append(told))

        def do(self, do, *buffers, **told):
            self.studio._hear(None, {"do": do, **told}, [memoryview(one) for one in buffers])
            return self.heard[-1] if self.heard else {}

        def until(self, holds, seconds=120):
            end = time.monotonic() + seconds
            while not holds():
                assert time.monotonic() < end, self.heard
                time.sleep(0.02)

    monkeypatch.setattr(Studio, "_prepare", lambda studio: None)
    return Page(Studio(TUNE))


def test_a_command_changes_the_piece_and_the_page_is_told(page):
    page.do("put", voice=3, step=0, length=16, pitch=48)
    assert page.studio.chorale.notes(3).tolist() == [[0, 16, 48]]
    assert page.studio.piece["voices"][3] == [(0, 16, 48, False)]
    page.do("undo")
    assert not page.studio.chorale.pitches[:, 3].any()


@pytest.mark.parametrize(
    "command",
    [
        {"do": "__init__"},
        {"do": "close"},
        {"do": "from_json", "text": "{}"},
        {"do": "put"},
        {"do": "put", "voice": 0, "step": "x", "length": 4, "pitch": 60},
        {"do": "lock", "start": 3, "stop": 1},
        {"do": "undo", "studio": 1},
        {"do": ["put"]},
        {"do": "settings", "temperature": "hot"},
        {"do": "ask", "work": "eval"},
        {"do": "export", "kind": "../x"},
    ],
    ids=str,
)
def test_a_command_that_makes_no_sense_is_answered_and_changes_nothing(page, command):
    before = page.studio.session.moment
    page.do(**command)
    assert page.heard[-1]["wrong"] and page.studio.session.moment is before


@pytest.mark.parametrize("message", [None, [], "put", 7])
def test_what_is_no_command_is_refused(page, message):
    page.studio._hear(None, message, [])
    assert page.heard[-1]["wrong"]


def test_what_the_page_sets_is_not_read(page):
    page.studio.set_state({"piece": {"title": "theirs"}})
    page.do("put", voice=0, step=0, length=4, pitch=60)
    assert page.studio.chorale.title is None and page.studio.piece["title"] == ""


@pytest.mark.parametrize("visitor", ["../../escaped", "/etc/passwd", "a" * 5000, "ünï\0code"])
def test_work_is_kept_in_its_folder_whatever_a_visitor_calls_himself(page, folder, visitor):
    page.do("hello", visitor=visitor, width=700)
    page.do("put", voice=0, step=0, length=4, pitch=60)
    page.until(lambda: folder.is_dir() and len(list(folder.glob("[!.]*"))) == 1, 10)
    (kept,) = folder.glob("[!.]*")
    assert kept.suffix == ".json" and kept.stem.isalnum()


def test_work_comes_back_to_the_same_visitor_alone(page, folder, monkeypatch):
    page.do("hello", visitor="one", width=700)
    page.do("put", voice=0, step=0, length=4, pitch=60)
    page.studio._save()
    again, other, another_piece = Studio(TUNE), Studio(TUNE), Studio(TUNE + 1)
    for studio, who in ((again, "one"), (other, "two"), (another_piece, "one")):
        studio._hear(None, {"do": "hello", "visitor": who, "width": 700}, [])
    assert again.chorale.pitches[0, 0] == 60
    assert other.chorale.pitches[0, 0] == 67
    assert another_piece.chorale.pitches[0, 0] == 68


def test_whoever_comes_later_sees_the_piece_but_not_the_work_of_another(page, folder):
    other = Studio(TUNE)
    other._hear(None, {"do": "hello", "visitor": "two", "width": 700}, [])
    other._hear(None, {"do": "put", "voice": 0, "step": 0, "length": 4, "pitch": 61}, [])
    other._save()
    page.do("hello", visitor="one", width=700)
    page.do("hello", visitor="two", width=700)
    assert page.studio.chorale.pitches[0, 0] == 67
    page.do("put", voice=0, step=0, length=4, pitch=62)
    page.studio._save()
    assert other.session.from_json(other._file.read_text()).chorale.pitches[0, 0] == 61


def test_torn_work_is_said_to_be_torn_and_a_new_piece_begins(page, folder):
    page.do("hello", visitor="one", width=700)
    folder.mkdir(exist_ok=True)
    page.studio._file.write_text("{torn")
    page.studio._file = None
    page.do("hello", visitor="one", width=700)
    assert any("cannot be read" in told.get("text", "") for told in page.heard)
    assert page.studio.chorale.pitches[0, 0] == 67


def test_a_file_is_read_and_its_name_is_only_a_title(page, tmp_path):
    pitches = np.repeat([[67, 62, 59, 43], [69, 62, 57, 50]], 8, axis=0)
    path = write_midi(Chorale(pitches, time_signature="4/4"), tmp_path / "x.mid")
    page.do("file", path.read_bytes(), name="../../etc/My hymn<script>.mid")
    assert np.array_equal(page.studio.chorale.pitches, pitches)
    assert page.studio.chorale.title == "My hymnscript"


@pytest.mark.parametrize(
    "name, content",
    [
        ("x.exe", b"MZ"),
        ("x", b"abc"),
        ("x.mid", b""),
        ("x.mid", b"no midi"),
        ("x.xml", b"<?xml version='1.0'?><a>"),
        ("x.mxl", b"PK\x03\x04 torn"),
        ("x.mid", bytes(8_000_001)),
    ],
    ids=["suffix", "no suffix", "empty", "nonsense", "torn", "zip", "large"],
)
def test_a_file_that_is_no_music_is_refused_without_naming_a_path(page, name, content):
    before = page.studio.session.moment
    page.do("file", content, name=name)
    assert page.heard[-1]["wrong"] and name in page.heard[-1]["text"]
    assert "/tmp" not in page.heard[-1]["text"]
    assert page.studio.session.moment is before


# The process that holds the model


@pytest.fixture(scope="module")
def process(tmp_path_factory, small_chord_gru):
    """A process with a small model: (its address, its key, the model's path)."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    save_model(small_chord_gru, path)
    running, address, key = start(str(path))
    yield address, key, str(path)
    end(running)


def asked(writer, request, seconds=180):  # the first one waits for the model
    """The last answer to a request, and the states on the way."""
    answers, ended = [], threading.Event()

    def tell(answer):
        answers.append(answer)
        if answer["state"] in ("done", "failed", "stopped"):
            ended.set()

    writer.ask(request, tell)
    assert ended.wait(seconds)
    return answers[-1], [answer["state"] for answer in answers]


def test_the_process_writes_as_generate_does_and_keeps_what_is_given(process, small_chord_gru):
    from chorale_utils import generate

    address, key, path = process
    writer = Writer(path, address, key)
    given = np.full((16, 4), -1)
    given[:, 0] = TUNE
    request = {"do": "write", "given": given.tolist(), "seed": 3, "temperature": 0.8}
    answer, states = asked(writer, request)
    how = {"particles": 32, "temperature": 0.8, "parallels": False, "crossing": False}
    how |= {"ranges": RANGES, "rests": False}
    wanted = generate(small_chord_gru, given=given, seed=3, **how)[0]
    assert answer["state"] == "done" and "working" in states
    assert np.array_equal(answer["pitches"], wanted.pitches)
    writer.close()


def test_a_wrong_request_fails_alone_and_the_next_one_is_served(process):
    address, key, path = process
    writer = Writer(path, address, key)
    wrong, _ = asked(writer, {"do": "write", "given": [[1, 2]], "seed": 0})
    assert wrong["state"] == "failed" and wrong["message"]
    unknown, _ = asked(writer, {"do": "import os"})
    assert unknown["state"] == "failed"
    right, _ = asked(writer, {"do": "surprise", "pitches": [[67, 62, 59, 43]] * 8})
    assert np.array(right["nats"]).shape == (8, 4)
    writer.close()


def test_what_is_stopped_is_not_heard_of_again(process):
    address, key, path = process
    writer, heard = Writer(path, address, key), []
    given = [[-1] * 4] * 320
    job = writer.ask({"do": "write", "given": given, "seed": 0}, heard.append)
    writer.stop(job)
    many = len(heard)
    answer, _ = asked(writer, {"do": "surprise", "pitches": [[67, 62, 59, 43]] * 8})
    assert answer["state"] == "done" and len(heard) == many
    writer.close()


def test_whoever_leaves_does_not_get_in_the_way_of_the_others(process):
    address, key, path = process
    surprise = {"do": "surprise", "pitches": [[67, 62, 59, 43]] * 64}
    for _ in range(30):
        hasty = Writer(path, address, key)
        for _ in range(3):
            hasty.ask(surprise, lambda answer: None)
        hasty.close()
        writer = Writer(path, address, key)
        writer.close()
    writer = Writer(path, address, key)
    assert asked(writer, surprise)[0]["state"] == "done"
    writer.close()


def test_without_the_key_the_process_does_not_listen(process):
    address, _, _ = process
    with pytest.raises(AuthenticationError):
        Client(address, authkey=b"guessed")


def test_messages_are_json_and_nothing_is_unpickled(process):
    address, key, path = process
    stranger = Client(address, authkey=bytes.fromhex(key))
    stranger.send({"do": "surprise"})  # pickled
    with pytest.raises(EOFError):
        stranger.recv_bytes()
    writer = Writer(path, address, key)
    assert asked(writer, {"do": "surprise", "pitches": [[60] * 4] * 4})[0]["state"] == "done"
    writer.close()


def test_who_asks_for_too_much_at_once_waits_and_the_others_are_served(process):
    address, key, path = process
    greedy, other, heard = Writer(path, address, key), Writer(path, address, key), []
    given = [[-1] * 4] * 320
    jobs = [greedy.ask({"do": "write", "given": given, "seed": 0}, heard.append) for _ in range(20)]
    surprise = {"do": "surprise", "pitches": [[67, 62, 59, 43]] * 8}
    begin = time.monotonic()
    while not any(answer["state"] == "failed" for answer in heard):
        assert time.monotonic() < begin + 20
        time.sleep(0.02)
    for job in jobs:
        greedy.stop(job)
    assert asked(other, surprise)[0]["state"] == "done"
    refused = [answer for answer in heard if answer["state"] == "failed"]
    assert refused and all("at once" in answer["message"] for answer in refused)
    greedy.close()
    other.close()


def test_a_person_asks_and_the_answer_stands_on_the_page(process, page, monkeypatch):
    address, key, path = process
    writer = Writer(path, address, key)
    monkeypatch.setattr(widget, "shared_writer", lambda model: writer)
    page.do("ask", work="harmonise")
    assert page.studio.busy
    page.until(lambda: not page.studio.busy)
    assert page.studio.chorale.pitches.all()
    assert np.array_equal(page.studio.chorale.pitches[:, 0], TUNE)
    assert any("seed 1" in told.get("text", "") for told in page.heard)
    page.do("ask", work="rewrite", start=0, stop=16, voices=[1], several=True)
    page.until(lambda: len(page.studio.variants) == 3)
    json.dumps(page.studio.variants)
    writer.close()
