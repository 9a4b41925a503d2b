"""The studio's page, driven in Chromium the way a person would, in Voilà and in JupyterLab."""

import re

import numpy as np
import pytest
from studio_browser import ROOT, TOKEN, Visitor, chromium, free_port, server  # noqa: F401

from chorale_utils import load_chorale

pytestmark = pytest.mark.slow
TUNE = "gabcbagfgabagfga"  # typed from G4 on: each letter nearest to the one before
PITCHES = [67, 69, 71, 72, 71, 69, 67, 65, 67, 69, 71, 69, 67, 65, 67, 69]


@pytest.fixture(scope="module")
def voila(tmp_path_factory, chromium):  # noqa: F811  # the fixture of that name
    """The address of a running `chorale studio`."""
    pytest.importorskip("voila", reason="Voilà is not installed")
    folder, port = tmp_path_factory.mktemp("voila"), free_port()
    code = (
        "from chorale_utils.studio.serving import serve; "
        f"serve(port={port}, token={TOKEN!r}, folder={str(folder)!r}, browser=False)"
    )
    url = f"http://127.0.0.1:{port}/"
    with server(["-c", code], f"{url}login", folder, folder / "log"):
        yield f"{url}?token={TOKEN}"


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory, chromium):  # noqa: F811
    """The address of a notebook with a studio, in a running JupyterLab."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    folder, port = tmp_path_factory.mktemp("jupyterlab"), free_port()
    import nbformat

    cells = [
        nbformat.v4.new_code_cell("from chorale_utils import Studio\n\nstudio = Studio()\nstudio"),
        nbformat.v4.new_code_cell("studio.chorale.pitches[:, 0][::4].tolist()"),
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (folder / "notebooks").mkdir()
    nbformat.write(book, folder / "notebooks" / "studio.ipynb")
    command = ["-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}/notebooks"]
    command += ["--LabApp.news_url=None"]
    url = f"http://127.0.0.1:{port}"
    with server(command, f"{url}/login", folder, folder / "log"):
        yield f"{url}/lab/tree/studio.ipynb?token={TOKEN}"


@pytest.fixture
def visitor(chromium):  # noqa: F811
    """Somebody at a browser; at the end, nothing on the page may have gone wrong."""
    one = Visitor(chromium)
    yield one
    wrong = one.wrong
    one.close()
    assert not wrong, "\n".join(wrong)


def opened(page, url):
    """Opens the page and waits until it can be used."""
    page.goto(url)
    page.locator(".cs-score .cs-drawing svg").first.wait_for()
    page.wait_for_timeout(300)
    return page


def in_lab(page, url):
    """Opens the notebook and runs its first cell."""
    page.goto(url)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    page.locator("#jp-main-statusbar", has_text="| Idle").wait_for()
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    page.locator(".cs-score .cs-drawing svg").first.wait_for()
    page.wait_for_timeout(300)
    return page


def notes(page):
    """How many notes are engraved."""
    return page.locator(".cs-score .note").count()


def type_tune(page, tune=TUNE):
    page.locator(".cs-score").focus()
    for many, letter in enumerate(tune, 1):
        page.keyboard.press(letter)
        page.wait_for_function(f"document.querySelectorAll('.cs-score .note').length >= {many}")


def press(page, name):
    page.get_by_role("button", name=re.compile(name)).first.click()


def said(page, pattern, seconds=120):
    page.locator(".cs-said", has_text=re.compile(pattern)).wait_for(timeout=1000 * seconds)


def saved(page, kind, folder):
    """Saves the piece as the page does, and returns the file."""
    with page.expect_download() as download:
        page.locator(f"[data-export={kind}]").click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def select_bars(page, first, last, voices="SATB"):
    page.get_by_label("Bars", exact=True).fill(str(first))
    page.get_by_label("to", exact=True).fill(str(last))
    for voice in ("soprano", "alto", "tenor", "bass"):
        page.get_by_role("checkbox", name=voice).set_checked(voice[0].upper() in voices)
    page.get_by_label("to", exact=True).dispatch_event("change")


def compose(page, folder):
    """What a person does: enters a tune, harmonises it, locks the bass, has bars 2 and 3 written
    again, undoes and redoes that, plays, and saves; returns the pieces on the way."""
    type_tune(page)
    press(page, "^Have the other three voices")
    said(page, "Written with seed")
    first = load_chorale(saved(page, "musicxml", folder))
    select_bars(page, 1, 4, "B")
    press(page, "^Lock what is selected")
    page.locator(".cs-locked").first.wait_for()
    select_bars(page, 2, 3)
    page.locator(".cs-said").evaluate("said => { said.textContent = '' }")
    press(page, "^Have the selected bars")
    said(page, "Written with seed")
    second = load_chorale(saved(page, "musicxml", folder))
    press(page, "^Undo")
    page.wait_for_timeout(500)
    undone = load_chorale(saved(page, "musicxml", folder))
    press(page, "^Redo")
    page.wait_for_timeout(500)
    redone = load_chorale(saved(page, "musicxml", folder))
    press(page, "^Play from the selection")
    page.locator(".cs-cursor").wait_for()
    before = page.locator(".cs-cursor").get_attribute("x")
    page.wait_for_timeout(1200)
    assert page.locator(".cs-cursor").get_attribute("x") != before
    press(page, "^Play from the selection")
    return first, second, undone, redone


def check_composed(first, second, undone, redone):
    assert first.pitches[::4, 0].tolist() == PITCHES
    assert first.pitches.all()
    assert np.array_equal(second.pitches[:, 3], first.pitches[:, 3]), "the locked bass changed"
    assert np.array_equal(second.struck[:, 3], first.struck[:, 3]), "the locked bass is struck anew"
    assert np.array_equal(second.pitches[:16], first.pitches[:16])
    assert np.array_equal(second.pitches[48:], first.pitches[48:])
    assert not np.array_equal(second.pitches[16:48], first.pitches[16:48])
    assert np.array_equal(undone.pitches, first.pitches)
    assert np.array_equal(redone.pitches, second.pitches)


def test_a_person_composes_on_the_page_of_voila(voila, visitor, tmp_path):
    check_composed(*compose(opened(visitor.page, voila), tmp_path))


def test_a_person_composes_in_jupyterlab(jupyterlab, visitor, tmp_path):
    page = in_lab(visitor.page, jupyterlab)
    first, *others = compose(page, tmp_path)
    check_composed(first, *others)
    cell = page.locator(".jp-CodeCell").nth(1)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    cell.locator(".jp-OutputArea-executeResult", has_text=str(others[-1].pitches[0, 0])).wait_for()
