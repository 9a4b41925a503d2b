"""The Python that does what was done in the studio makes the same piece, page and all."""

import numpy as np
import pytest
from test_studio import hymn, typed

from chorale_utils import Chorale, Selection, Session, generate
from chorale_utils.judging.counterpoint import RANGES
from chorale_utils.studio.script import script
from chorale_utils.studio.writer import calmness


def answered(session, model, work, selection=None, **asked):
    """Has a model do what the writer does, and takes it up."""
    request = session.ask(work, selection, **asked)
    how = {name: value for name, value in vars(request.settings).items() if name != "movement"}
    how["ranges"] = RANGES if how["ranges"] else None
    if request.settings.movement == "calm":
        how |= {"best_of": 4, "judge": calmness}
    how |= {
        "rests": False,
        "given": request.given,
        "pitch_classes": request.pitch_classes,
        "seed": request.seed,
    }
    session.accept(request, generate(model, **how)[0].pitches)


def made_by(text, model, monkeypatch):
    """The piece that a script makes."""
    assert max(map(len, text.splitlines())) <= 100
    monkeypatch.setattr("chorale_utils.load_model", lambda name: model)
    names = {}
    exec(compile(text.replace("show(piece)", ""), "script", "exec"), names)
    return names["piece"]


def check_same(made, wanted):
    assert np.array_equal(made.pitches, wanted.pitches)
    assert np.array_equal(made.struck, wanted.struck)
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


@pytest.mark.parametrize(
    "begin",
    [typed, with_words, with_a_rest, hymn],
    ids=["a tune", "a tune with words", "a tune with a rest", "a page"],
)
def test_the_script_writes_the_same_piece(small_chord_gru, monkeypatch, begin):
    session = begin()
    session.set(particles=2)
    answered(session, small_chord_gru, "harmonise")
    check_same(made_by(script(session), small_chord_gru, monkeypatch), session.chorale)
    assert ("harmonize(\n" in script(session)) == (begin is not hymn)
    session.lock(Selection(0, 32, (3,)))
    session.hold(Selection(16, 20))
    answered(session, small_chord_gru, "rewrite", Selection(8, 24, (0, 1)), seed=5)
    answered(session, small_chord_gru, "continue", bars=1)
    check_same(made_by(script(session), small_chord_gru, monkeypatch), session.chorale)


def test_a_chorale_that_was_written_is_written_again(small_chord_gru, monkeypatch):
    session = in_g_minor()
    session.set(particles=2, movement="calm", ranges=False)
    answered(session, small_chord_gru, "write", bars=2)
    check_same(made_by(script(session), small_chord_gru, monkeypatch), session.chorale)


def test_locked_notes_are_in_the_script(small_chord_gru, monkeypatch):
    session = typed([67, 69, 71, 72])
    session.put(3, 8, 4, 55)
    session.lock(Selection(8, 12, (3,)))
    session.set(particles=2)
    answered(session, small_chord_gru, "harmonise")
    assert session.chorale.pitches[8, 3] == 55
    check_same(made_by(script(session), small_chord_gru, monkeypatch), session.chorale)


def test_the_script_of_a_piece_by_hand_needs_no_model(small_chord_gru, monkeypatch):
    session = typed()
    session.put(3, 0, 16, 48)
    session.say(0, "Lo-")
    check_same(made_by(script(session), None, monkeypatch), session.chorale)
    assert "load_model" not in script(session)


def test_an_opened_file_keeps_its_page_in_the_script(monkeypatch):
    session = hymn()
    check_same(made_by(script(session), None, monkeypatch), session.chorale)
    assert isinstance(session.chorale, Chorale)
