"""The studio's widget and the process in which its model writes, without a browser."""

import json
import threading
import time
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client

import numpy as np
import pytest

from chorale_utils import Chorale, Session, save_model, write_midi
from chorale_utils.notation.page import Bar, Notation

pytest.importorskip("anywidget", reason="the studio extra is not installed")

from chorale_utils.studio import widget
from chorale_utils.studio.exchange import exported
from chorale_utils.studio.keeping import chorale_from_json, chorale_to_json
from chorale_utils.studio.process import _Desk, _Job, _Page
from chorale_utils.studio.shelf import Shelf
from chorale_utils.studio.widget import Studio
from chorale_utils.studio.writer import Writer, as_asked, end, start

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


@pytest.mark.parametrize("command", ["undo", "redo"])
def test_undoing_that_fails_half_way_loses_nothing(page, monkeypatch, command):
    session = page.studio.session
    for pitch in (60, 62):
        page.do("put", voice=3, step=0, length=4, pitch=pitch)
    page.do("undo")
    before = [*session.past, session.moment, *session.future]

    def fail(*_):
        raise ValueError("nothing can be drawn")

    with monkeypatch.context() as broken:
        broken.setattr(widget.drawing, "piece", fail)
        page.do(command)
    assert page.heard[-1]["wrong"]
    after = [*session.past, session.moment, *session.future]
    assert len(after) == 3 and all(one is two for one, two in zip(before, after))


@pytest.mark.parametrize("message", [None, [], "put", 7])
def test_what_is_no_command_is_refused(page, message):
    page.studio._hear(None, message, [])
    assert page.heard[-1]["wrong"]


def test_what_the_page_sets_is_not_read(page):
    page.studio.set_state({"piece": {"title": "theirs"}, "busy": {"work": "write"}, "_esm": "1"})
    assert not page.studio.busy and page.studio._esm != "1"
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


@pytest.mark.parametrize("public", [False, True])
def test_without_a_secret_work_comes_back_in_a_notebook_but_not_on_a_public_page(page, public):
    studios = page.studio, Studio(TUNE)
    for studio in studios:
        studio._public = public
        studio._hear(None, {"do": "hello", "visitor": None, "width": 700}, [])
        if studio is page.studio:
            page.do("put", voice=0, step=0, length=4, pitch=60)
            page.studio._save()
    assert studios[1].chorale.pitches[0, 0] == (67 if public else 60)


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
    (theirs,) = Shelf(folder, f"two\n{other._begun_with}").names()
    assert Session.from_json((folder / theirs).read_text()).chorale.pitches[0, 0] == 61


def test_torn_work_is_said_to_be_torn_and_a_new_piece_begins(page, folder):
    Shelf(folder, f"one\n{page.studio._begun_with}").save(Session())
    (kept,) = folder.iterdir()
    kept.write_text("{torn")
    page.do("hello", visitor="one", width=700)
    (file,) = folder.glob("*.unreadable")
    assert file.read_text() == "{torn" and page.studio.chorale.pitches[0, 0] == 67
    assert "cannot be read" in page.heard[-1]["text"] and str(file) in page.heard[-1]["text"]
    assert "This is a new piece" in page.heard[-1]["text"]


def test_on_a_public_page_torn_work_is_named_without_its_folder(page, folder):
    shelf = Shelf(folder, f"one\n{page.studio._begun_with}")
    shelf.save(Session(Chorale([[60, 0, 0, 0]] * 16)))
    Shelf(folder, f"one\n{page.studio._begun_with}").save(Session())
    for name in shelf.names():  # the newer one of the two
        (folder / name).write_text("{torn")
    page.studio._public = True
    page.do("hello", visitor="one", width=700)
    (file,) = folder.glob("*.unreadable")
    text = page.heard[-1]["text"]
    assert file.name in text and str(folder) not in text and "This is an earlier version" in text
    assert page.studio.chorale.pitches[0, 0] == 60


def test_two_tabs_keep_a_version_each_and_the_other_one_is_opened_or_deleted(page, folder):
    page.do("hello", visitor="one", width=700)
    other = Studio(TUNE)
    other._hear(None, {"do": "hello", "visitor": "one", "width": 700}, [])
    for studio, pitch in ((other, 60), (page.studio, 62)):
        studio._hear(None, {"do": "put", "voice": 0, "step": 0, "length": 4, "pitch": pitch}, [])
        studio._save_now()
    (kept,) = [about["name"] for about in page.studio.versions]
    assert any("another tab" in told.get("text", "") for told in page.heard)
    page.do("version", name="../" + kept)
    assert page.studio.chorale.pitches[0, 0] == 62
    page.do("version", name=kept)
    assert page.studio.chorale.pitches[0, 0] == 60
    (first,) = [about["name"] for about in page.studio.versions]
    page.do("version", name=first, delete=True)
    assert page.studio.versions == [] and (folder / kept).exists()


def test_what_was_done_before_the_page_was_shown_is_saved_and_kept(page, folder):
    Shelf(folder, f"one\n{page.studio._begun_with}").save(Session())
    page.studio.session.put(0, 0, 4, 62)
    page.do("hello", visitor="one", width=700)
    (kept,) = [about["name"] for about in page.studio.versions]
    page.do("version", name=kept)
    (first,) = [about["name"] for about in page.studio.versions]
    page.do("version", name=first)
    assert page.studio.chorale.pitches[0, 0] == 62


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


def test_what_was_done_a_moment_ago_is_saved_when_the_kernel_ends(page, folder):
    page.do("hello", visitor="one", width=700)
    page.do("put", voice=0, step=0, length=4, pitch=60)
    page.studio._save_now()
    (kept,) = folder.glob("*.json")
    assert Session.from_json(kept.read_text()).chorale.pitches[0, 0] == 60
    kept.unlink()
    page.studio._save_now()
    assert not kept.exists(), "nothing has changed since"


def test_a_sound_file_repeats_what_is_repeated_and_has_an_end(page):
    bars = (Bar(0, 16, "4/4", repeat_end=2),)
    piece = Chorale([[67, 62, 59, 43]] * 16, time_signature="4/4", notation=Notation(bars))
    sizes = [
        len(exported(Session(one), "mp3", 120, 2, "phrase_gru").content)
        for one in (replace(piece, notation=None), piece)
    ]
    assert sizes[1] > 1.4 * sizes[0]
    often = replace(piece, notation=Notation((replace(bars[0], repeat_end=3000),)))
    with pytest.raises(ValueError, match="minutes of sound: expected at most 20"):
        exported(Session(often), "mp3", 40, 2, "phrase_gru")


# The process that holds the model


@pytest.fixture(scope="module")
def process(tmp_path_factory, small_phrase_gru):
    """A process with a small model: (its address, its key, the model's path)."""
    path = tmp_path_factory.mktemp("model") / "small.keras"
    save_model(small_phrase_gru, path)
    running, address, key = start(str(path))
    yield address, key, str(path)
    end(running)


def asked(writer, request, seconds=400):  # the first one waits for the model
    """The last answer to a request, and the states on the way."""
    answers, ended = [], threading.Event()

    def tell(answer):
        answers.append(answer)
        if answer["state"] in ("done", "failed", "stopped"):
            ended.set()

    writer.ask(request, tell)
    assert ended.wait(seconds)
    return answers[-1], [answer["state"] for answer in answers]


def forty_bars():
    """A request for forty bars, which take a while."""
    return as_asked(Session().ask("write", bars=40))


def held(steps=8):
    """A chord that stays, as it is sent."""
    return {"do": "look", "chorale": chorale_to_json(Chorale([[67, 62, 59, 43]] * steps))}


def test_the_process_harmonises_as_harmonize_does(process, small_phrase_gru):
    from chorale_utils import harmonize, load_critic
    from chorale_utils.judging.counterpoint import RANGES

    address, key, path = process
    writer = Writer(path, address, key)
    session = Session(Chorale(np.pad(TUNE[:, None], [(0, 0), (0, 3)]), key="G major"))
    answer, states = asked(writer, as_asked(session.ask("harmonise", seed=3)))
    how = {"particles": 32, "temperature": session.settings.temperature, "ranges": RANGES}
    how |= {"critic": load_critic(), "seed": 3}
    wanted = harmonize(small_phrase_gru, session.chorale, **how)[0]
    made = chorale_from_json(answer["chorale"])
    assert answer["state"] == "done" and "working" in states
    assert np.array_equal(made.pitches, wanted.pitches)
    assert np.array_equal(made.struck[:, 1:], wanted.struck[:, 1:])
    writer.close()


def test_the_process_says_what_model_and_critic_think_of_a_piece(process, small_phrase_gru):
    from chorale_utils import critic_log_odds, load_critic

    address, key, path = process
    writer = Writer(path, address, key)
    fermatas = np.arange(32) >= 28
    chorale = Chorale([[67, 62, 59, 43]] * 32, key="G major", fermatas=fermatas)
    answer, _ = asked(writer, {"do": "look", "chorale": chorale_to_json(chorale)})
    assert np.array(answer["nats"]).shape == (32, 4)
    (whole,) = critic_log_odds(load_critic(), [chorale])
    assert sum(answer["odds"]) == pytest.approx(whole[0], abs=0.2), "each is rounded"
    writer.close()


def test_a_model_that_writes_no_scores_is_refused_to_whoever_asks(tmp_path, small_chord_gru):
    save_model(small_chord_gru, tmp_path / "chords.keras")
    for model, message in (("chords.keras", "takes no form"), ("none.keras", "none.keras")):
        running, address, key = start(str(tmp_path / model))
        writer = Writer("", address, key)
        answer, _ = asked(writer, held())
        assert answer["state"] == "failed" and message in answer["message"]
        writer.close()
        end(running)


def test_pages_are_served_in_turn():
    desk = _Desk("none")
    greedy, other, third = (_Page(None, turn) for turn in range(3))
    asked_for = [(greedy, 1), (greedy, 2), (greedy, 3), (other, 4), (third, 5), (other, 6)]
    desk.waiting = [_Job({"job": number}, page) for page, number in asked_for]
    desk.turns = iter(range(3, 99))
    served = []
    while desk.waiting:
        job = desk.next_job()
        assert desk.in_turn()[0] is job
        desk.waiting.remove(job)
        desk.served = None
        served.append(job.request["job"])
    assert served == [1, 4, 5, 2, 6, 3]


def test_a_wrong_request_fails_alone_and_the_next_one_is_served(process):
    address, key, path = process
    writer = Writer(path, address, key)
    wrong, _ = asked(writer, as_asked(Session().ask("write", bars=1)) | {"given": [[1, 2]]})
    assert wrong["state"] == "failed" and wrong["message"]
    unknown, _ = asked(writer, {"do": "import os"})
    assert unknown["state"] == "failed"
    right, _ = asked(writer, held())
    assert np.array(right["nats"]).shape == (8, 4)
    writer.close()


def test_what_is_stopped_is_not_heard_of_again(process):
    address, key, path = process
    writer, heard = Writer(path, address, key), []
    job = writer.ask(forty_bars(), heard.append)
    writer.stop(job)
    many = len(heard)
    answer, _ = asked(writer, held())
    assert answer["state"] == "done" and len(heard) == many
    writer.close()


def test_whoever_leaves_does_not_get_in_the_way_of_the_others(process):
    address, key, path = process
    surprise = held(64)
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
    stranger.send({"do": "look"})  # pickled
    with pytest.raises(EOFError):
        stranger.recv_bytes()
    writer = Writer(path, address, key)
    assert asked(writer, held())[0]["state"] == "done"
    writer.close()


def test_who_asks_for_too_much_at_once_waits_and_the_others_are_served(process):
    address, key, path = process
    greedy, other, heard = Writer(path, address, key), Writer(path, address, key), []
    jobs = [greedy.ask(forty_bars(), heard.append) for _ in range(20)]
    begin = time.monotonic()
    while not any(answer["state"] == "failed" for answer in heard):
        assert time.monotonic() < begin + 20
        time.sleep(0.02)
    for job in jobs:
        greedy.stop(job)
    assert asked(other, held())[0]["state"] == "done"
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
    page.do("settings", several=True)
    page.do("ask", work="rewrite", start=0, stop=16, voices=[1])
    page.until(lambda: len(page.studio.variants) == 3)
    json.dumps(page.studio.variants)
    writer.close()
