"""The Python that does what was done in the studio makes the same piece, page and all."""

import numpy as np
import pytest
from test_studio import hymn, typed

from chorale_utils import Chorale, Critic, Selection, Session
from chorale_utils.studio.process import _Desk
from chorale_utils.studio.script import script
from chorale_utils.studio.writer import as_asked


@pytest.fixture(scope="module")
def desk(small_phrase_gru):
    """What the process does with a request, of a small model and a critic of chance opinions."""
    desk = _Desk("small")
    opinions = 0.2 * np.random.default_rng(0).normal(size=50_000)
    desk.model, desk.critic = small_phrase_gru, Critic.of(np.arange(50_000), opinions, 0.0)
    return desk


def answered(session, desk, work, selection=None, **asked):
    """Has the model write what is asked, and takes it up."""
    request = session.ask(work, selection, **asked)
    session.accept(request, desk._written(as_asked(request), lambda done, total: None))


def made_by(text, desk, monkeypatch):
    """The piece that a script makes."""
    assert max(map(len, text.splitlines())) <= 100
    monkeypatch.setattr("chorale_utils.load_model", lambda name: desk.model)
    monkeypatch.setattr("chorale_utils.load_critic", lambda: desk.critic)
    names = {}
    exec(compile(text.replace("show(piece)", ""), "script", "exec"), names)
    return names["piece"]


def check_same(made, wanted):
    assert np.array_equal(made.pitches, wanted.pitches)
    assert np.array_equal(made.struck, wanted.struck)
    held = [() if one.fermatas is None else np.flatnonzero(one.fermatas) for one in (made, wanted)]
    assert list(held[0]) == list(held[1])
    assert (made.key, made.time_signature) == (wanted.key, wanted.time_signature)
    assert made.pickup == wanted.pickup
    assert made.notation == wanted.notation


def with_words():
    session = typed([67, 69, 71, 71, 72, 74, 71, 67])
    for step in (0, 4, 8):
        session.say(step, "Lo-")
    return session


def in_g_minor():
    session = Session()
    session.new("3/4", 4, "g minor")
    return session


def with_a_rest():
    session = typed([67, 69, 0, 72])
    session.put(0, 16, 4, 74)
    return session


def with_a_locked_tune():
    session = typed([67, 69, 0, 72, 74, 72, 71, 72])
    session.put(3, 4, 12, 48)  # sings where the tune rests
    session.lock(Selection(0, 32, (0,)))
    return session


@pytest.mark.parametrize(
    "begin",
    [typed, with_words, with_a_rest, with_a_locked_tune, hymn],
    ids=["a tune", "a tune with words", "a tune with a rest", "a locked tune", "a page"],
)
def test_the_script_writes_the_same_piece(desk, monkeypatch, begin):
    session = begin()
    session.set(particles=8)
    answered(session, desk, "harmonise")
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)
    assert ("harmonize(\n" in script(session)) == (begin not in (hymn, with_a_locked_tune))
    session.lock(Selection(0, 32, (3,)))
    session.hold(Selection(16, 20))
    answered(session, desk, "rewrite", Selection(8, 24, (0, 1)), seed=5)
    answered(session, desk, "continue", bars=1)
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)


def test_a_chorale_that_was_written_is_written_again(desk, monkeypatch):
    session = in_g_minor()
    session.set(particles=8, movement="calm", ranges=False)
    answered(session, desk, "write", bars=2)
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)


def test_a_chorale_in_the_form_of_another_is_written_again(desk, monkeypatch):
    session = hymn()
    session.hold(Selection(20, 22))
    session.set(particles=8)
    answered(session, desk, "write", bars=None)
    assert np.flatnonzero(session.chorale.fermatas).tolist() == [20, 21]
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)


def test_the_script_names_the_model_that_has_written(desk):
    session = typed()
    answered(session, desk, "harmonise")
    assert "load_model('mine.keras')" in script(session, "mine.keras")


def test_locked_notes_are_in_the_script(desk, monkeypatch):
    session = typed([67, 69, 71, 72])
    session.put(3, 8, 4, 55)
    session.lock(Selection(8, 12, (3,)))
    session.set(particles=8)
    answered(session, desk, "harmonise")
    assert session.chorale.pitches[8, 3] == 55
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)


def test_the_script_of_a_piece_by_hand_needs_no_model(desk, monkeypatch):
    session = typed()
    session.put(3, 0, 16, 48)
    session.say(0, "Lo-")
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)
    assert "load_model" not in script(session)


def test_an_opened_file_keeps_its_page_in_the_script(monkeypatch):
    session = hymn()
    check_same(made_by(script(session), desk, monkeypatch), session.chorale)
    assert isinstance(session.chorale, Chorale)


def test_the_script_is_the_same_after_undoing_and_after_closing_the_page(desk, monkeypatch):
    session = typed()
    session.set(temperature=0.9)
    answered(session, desk, "harmonise")
    session.lock(Selection(0, 8, (3,)))
    written = script(session)
    assert written.count("harmonize(\n") == 1 and "temperature=0.9" in written
    session.set(movement="calm")
    answered(session, desk, "rewrite", Selection(0, 8, (1,)))
    again = Session.from_json(session.to_json())
    assert script(again) == script(session)
    for one in (session, again):
        one.undo()
        one.undo()
        assert script(one) == written
    check_same(made_by(written, desk, monkeypatch), session.chorale)
