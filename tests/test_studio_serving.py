"""How the studio is served, without serving it."""

import urllib.parse

import pytest

pytest.importorskip("anywidget", reason="the studio extra is not installed")
pytest.importorskip("voila", reason="Voilà is not installed")

from chorale_utils.studio import serving
from chorale_utils.studio.serving import page, serve


@pytest.fixture
def serve_nothing(monkeypatch):
    """`serve` that says what it has to say and stops before any process is started."""

    class Told(Exception):
        pass

    def stop(model):
        raise Told

    monkeypatch.setattr(serving, "start", stop)

    def told(capsys, **how):
        with pytest.raises(Told):
            serve(browser=False, **how)
        return capsys.readouterr()

    return told


def test_another_address_is_served_only_when_asked_and_what_it_means_is_said(serve_nothing, capsys):
    assert "knows the token" not in serve_nothing(capsys).err
    told = serve_nothing(capsys, address="0.0.0.0").err
    assert "0.0.0.0" in told and "knows the token" in told and "not encrypted" in told


def test_the_place_is_said_with_its_port_and_token(serve_nothing, capsys):
    told = serve_nothing(capsys, port=0).out
    place = urllib.parse.urlparse(told.split()[4])
    assert place.hostname == "127.0.0.1" and place.port
    assert len(urllib.parse.parse_qs(place.query)["token"][0]) == 48


def test_two_tokens_are_never_the_same(serve_nothing, capsys):
    assert serve_nothing(capsys).out != serve_nothing(capsys).out


def test_an_empty_token_is_refused():
    with pytest.raises(ValueError, match="token"):
        serve(token="", browser=False)


def test_the_page_has_one_cell_and_asks_no_other_machine(tmp_path, monkeypatch):
    import nbformat

    monkeypatch.setenv("JUPYTER_PATH", "")
    serving._write_page(tmp_path)
    book = nbformat.read(tmp_path / "studio.ipynb", as_version=4)
    assert [cell.source.splitlines()[-1] for cell in book.cells] == ["page()"]
    template = (tmp_path / "voila" / "templates" / "studio" / "index.html.j2").read_text()
    assert "http" not in template


def test_the_scripts_ask_no_other_machine():
    from chorale_utils import Studio

    for text in (Studio._esm.replace("http://www.w3.org/2000/svg", ""), Studio._css):
        assert "http:" not in text and "https:" not in text and "@import" not in text


def test_in_a_served_kernel_no_page_makes_widgets_of_its_own(monkeypatch, tmp_path):
    from comm import get_comm_manager

    monkeypatch.setenv("CHORALE_STUDIO_FOLDER", str(tmp_path))
    targets = get_comm_manager().targets
    monkeypatch.setitem(targets, "jupyter.widget", print)
    assert page().chorale.title is None
    assert "jupyter.widget" not in targets
