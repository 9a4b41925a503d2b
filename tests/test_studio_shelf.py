"""The shelf of the studio: work that comes back, and tabs that do not overwrite each other's."""

import pytest

from chorale_utils import Session
from chorale_utils.studio.shelf import Shelf


@pytest.fixture
def shelf(tmp_path):
    """Makes the shelf of a new page of the same visitor, or of another one."""
    return lambda secret="one": Shelf(tmp_path / "kept", secret)


def with_note(session, pitch):
    """The session, with one more note of this pitch."""
    session.put(0, 4 * len(session.past), 4, pitch)
    return session


def pitches(session):
    return session.chorale.notes(0)[:, 2].tolist()


def opened(shelf):
    return shelf.open(shelf.names()[0])


def test_work_comes_back_to_the_same_visitor_alone_and_only_one_file_is_kept(shelf, tmp_path):
    session = Session()
    for pitch in (60, 62, 64):
        page = shelf()
        session = opened(page) if page.names() else session
        assert page.save(with_note(session, pitch)) is False
        assert len(list((tmp_path / "kept").iterdir())) == 1
    assert pitches(opened(shelf())) == [60, 62, 64]
    assert shelf("two").names() == []


def test_two_tabs_that_began_alike_keep_a_version_each_and_the_second_is_told(shelf):
    shelf().save(with_note(Session(), 60))
    tabs = [shelf(), shelf()]
    sessions = [opened(tab) for tab in tabs]
    assert [tab.others() for tab in tabs] == [[], []]
    assert tabs[0].save(with_note(sessions[0], 62)) is False
    assert tabs[1].save(with_note(sessions[1], 64)) is True
    for tab, session, pitch in zip(tabs, sessions, (65, 67)):
        assert tab.save(with_note(session, pitch)) is False
    kept = {tuple(pitches(shelf().open(name))) for name in shelf().names()}
    assert kept == {(60, 62, 65), (60, 64, 67)}
    (other,) = tabs[0].others()
    assert (other["notes"], other["bars"], other["title"]) == (3, 4, "")


def test_two_tabs_that_began_with_nothing_keep_a_version_each_and_the_second_is_told(shelf):
    tabs = [shelf(), shelf()]
    assert [tab.save(with_note(Session(), 60)) for tab in tabs] == [False, True]
    assert [tab.save(with_note(Session(), 62)) for tab in tabs] == [False, False]
    assert len(shelf().names()) == 2


def test_a_tab_that_goes_on_after_another_has_opened_its_work_loses_nothing(shelf):
    first, session = shelf(), with_note(Session(), 60)
    first.save(session)
    second = shelf()
    theirs = opened(second)
    first.save(with_note(session, 62))  # the second tab does not know of this
    assert second.save(with_note(theirs, 64)) is True
    kept = {tuple(pitches(shelf().open(name))) for name in shelf().names()}
    assert kept == {(60, 62), (60, 64)}


def test_nothing_is_lost_where_files_cannot_be_linked(shelf, monkeypatch):
    def refused(*_):
        raise PermissionError("this file system has no hard links")

    monkeypatch.setattr("os.link", refused)
    test_a_tab_that_goes_on_after_another_has_opened_its_work_loses_nothing(shelf)


def test_a_tab_whose_work_another_has_gone_on_from_is_told_when_it_saves(shelf):
    first, session = shelf(), with_note(Session(), 60)
    first.save(session)
    second = shelf()
    assert second.save(with_note(opened(second), 64)) is False
    assert first.save(with_note(session, 62)) is True
    assert len(shelf().names()) == 2


def test_another_version_is_opened_and_gone_on_from_while_the_first_stays(shelf):
    for pitch in (60, 62):
        shelf().save(with_note(Session(), pitch))
    page = shelf()
    session = page.open(page.names()[0])
    page.save(with_note(session, 65))
    (other,) = page.others()
    page.save(with_note(page.open(other["name"]), 67))
    kept = {tuple(pitches(shelf().open(name))) for name in shelf().names()}
    assert kept == {(62, 65), (60, 67)}


@pytest.mark.parametrize("name", ["../x.json", "/etc/passwd", "", "a.json"])
def test_a_name_that_is_no_version_of_this_visitor_is_refused(shelf, tmp_path, name):
    shelf("two").save(with_note(Session(), 60))
    (theirs,) = shelf("two").names()
    for one in (name, theirs):
        with pytest.raises(ValueError, match="no longer there"):
            shelf().open(one)
        with pytest.raises(ValueError, match="no longer there"):
            shelf().delete(one)
    assert shelf("two").names() == [theirs]


def test_a_version_is_deleted_and_one_that_cannot_be_read_is_set_aside(shelf, tmp_path):
    for pitch in (60, 62):
        shelf().save(with_note(Session(), pitch))
    first, second = shelf().names()
    shelf().delete(first)
    assert shelf().names() == [second]
    (tmp_path / "kept" / second).write_text("{torn")
    with pytest.raises(ValueError):
        shelf().open(second)
    assert shelf().others() == []
    aside = shelf().set_aside(second)
    assert shelf().names() == [] and aside.read_text() == "{torn"


def test_what_could_not_be_read_is_a_version_again_once_it_can(shelf):
    shelf().save(with_note(Session(), 60))
    page = shelf()
    aside = page.set_aside(page.names()[0])
    assert page.names() == [] and aside.exists()
    assert pitches(opened(shelf())) == [60] and not aside.exists()


def test_of_what_cannot_be_read_only_the_latest_is_kept(shelf, monkeypatch):
    monkeypatch.setattr("chorale_utils.studio.shelf.MOST_UNREADABLE", 2)
    for number in range(4):
        page = shelf()
        page.save(Session())
        page = shelf()
        (page.folder / page.names()[0]).write_text(f"torn {number}")
        page.set_aside(page.names()[0])
    kept = sorted(file.read_text() for file in page.folder.glob("*.unreadable"))
    assert kept == ["torn 2", "torn 3"]


def test_work_of_a_page_that_was_killed_while_it_saved_is_a_version_again(shelf, monkeypatch):
    page = shelf()
    page.save(with_note(Session(), 60))
    (file,) = page.folder.iterdir()
    file.replace(file.with_suffix(".aside"))
    assert shelf().names() == [], "another page may just be saving"
    monkeypatch.setattr("chorale_utils.studio.shelf.ABANDONED", -1)
    assert pitches(opened(shelf())) == [60]
    assert list(page.folder.glob("*.aside")) == []
