"""The studio's page, driven in Chromium the way a person would, in Voilà and in JupyterLab."""

import json
import re
import urllib.error
import urllib.request
import uuid

import numpy as np
import pytest
from studio_browser import ROOT, TOKEN, Visitor, chromium, free_port, server  # noqa: F401

from chorale_utils import Chorale, load_chorale, write_midi

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


# More of the page, in Voilà


def test_a_tune_is_entered_with_the_mouse_on_the_staff_and_on_the_piano(voila, visitor, tmp_path):
    page = opened(visitor.page, voila)
    lines = page.locator(".cs-score .staff").first.locator("> path")
    top, bottom = (lines.nth(number).bounding_box()["y"] for number in (0, 4))
    left = page.locator(".cs-score .mRest, .cs-score .measure").first.bounding_box()
    box = page.locator(".cs-score .measure").first.bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], bottom - (bottom - top) / 4)
    page.wait_for_function("document.querySelectorAll('.cs-score .note').length >= 1")
    page.get_by_role("button", name="C4", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.cs-score .note').length >= 2")
    assert left is not None
    piece = load_chorale_of_one(page, tmp_path)
    assert piece.notes(0)[:, 2].tolist() == [67, 60]


def load_chorale_of_one(page, folder):
    """The piece on the page, of which perhaps one voice sings."""
    from music21 import converter

    parts = converter.parse(saved(page, "musicxml", folder)).parts
    pitches = np.zeros((int(4 * parts[0].highestTime), 4), int)
    for voice, part in enumerate(parts):
        for note in part.flatten().notes:
            begin, length = int(4 * note.offset), int(4 * note.quarterLength)
            pitches[begin : begin + length, voice] = note.pitch.midi
    return Chorale(pitches)


def test_work_is_saved_and_comes_back_and_nobody_else_sees_it(voila, visitor, chromium):  # noqa: F811
    page = opened(visitor.page, voila)
    type_tune(page, "gabc")
    page.wait_for_timeout(1500)
    page.close()
    again = opened(visitor.open(), voila)
    said(again, "as you left it")
    again.wait_for_function("document.querySelectorAll('.cs-score .note').length === 4")
    other = Visitor(chromium)
    assert notes(opened(other.page, voila)) == 0
    other.close()


def test_a_file_and_a_hymn_are_opened(voila, visitor, tmp_path):
    page = opened(visitor.page, voila)
    pitches = np.repeat([[67, 62, 59, 43], [69, 62, 57, 50]], 8, axis=0)
    path = tmp_path / "..evil name.mid"
    write_midi(Chorale(pitches, time_signature="4/4"), path)
    page.locator("input[type=file]").set_input_files(path)
    said(page, "evil name.mid: 1 bar")
    assert notes(page) == 7  # the alto holds its note
    path = tmp_path / "nonsense.mid"
    path.write_bytes(b"nothing that MIDI knows")
    page.locator("input[type=file]").set_input_files(path)
    said(page, "nonsense.mid")
    assert str(tmp_path) not in page.locator(".cs-said").inner_text()
    assert "/tmp" not in page.locator(".cs-said").inner_text()
    hymn = page.get_by_label("Hymn")
    hymn.focus()
    page.wait_for_function("document.querySelectorAll('datalist option').length > 300")
    hymn.fill(page.locator("datalist option").first.get_attribute("value"))
    hymn.press("Enter")
    page.wait_for_function("document.querySelectorAll('.cs-score .note').length > 20")


def test_three_variants_stand_side_by_side_and_one_is_taken(voila, visitor):
    page = opened(visitor.page, voila)
    type_tune(page, TUNE[:8])
    page.get_by_label("three variants").check()
    press(page, "^Have the other three voices")
    page.locator(".cs-variant").nth(2).wait_for(timeout=120_000)
    assert page.locator(".cs-variant .cs-differs").count() > 0
    press(page, "^Take variant 2")
    page.locator(".cs-variants").wait_for(state="hidden")
    assert notes(page) > 24


def test_long_work_can_be_stopped_and_the_page_goes_on_meanwhile(voila, visitor):
    page = opened(visitor.page, voila)
    type_tune(page, "gabc")
    page.get_by_label("New bars").fill("30")
    press(page, "^Have a whole chorale written")
    page.get_by_role("button", name="Stop the model").click()
    said(page, "Stopped")
    type_tune_from = notes(page)
    page.locator(".cs-score").focus()
    page.keyboard.press("g")
    page.wait_for_function(
        f"document.querySelectorAll('.cs-score .note').length > {type_tune_from}"
    )


def test_everything_can_be_saved(voila, visitor, tmp_path):
    page = opened(visitor.page, voila)
    type_tune(page, TUNE[:8])
    begins = {"musicxml": b"<?xml", "midi": b"MThd", "pdf": b"%PDF-", "mp3": None}
    for kind, begin in begins.items():
        content = saved(page, kind, tmp_path).read_bytes()
        assert len(content) > 200 and content.startswith(begin or content[:1])
    press(page, "^The Python that does the same")
    assert "soprano = [" in page.locator(".cs-dialog pre").inner_text()


# Seen by anyone, anywhere


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 560, 360])
def test_it_fits_and_can_be_read(voila, chromium, scheme, width):  # noqa: F811
    one = Visitor(chromium, color_scheme=scheme)
    page = one.page
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, voila)
    type_tune(page, "gabc")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert [text for text, ratio in contrasts if ratio < 4.5] == []
    assert page.evaluate(UNNAMED) == []
    assert not one.wrong, one.wrong
    one.close()


CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (colour) => rgba(colour).slice(0, 3).map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const ground = (element) => {
    const own = (one) => getComputedStyle(one).backgroundColor;
    while (element && rgba(own(element))[3] < 255) element = element.parentElement;
    return element ? own(element) : "white";
  };
  const seen = [];
  for (const element of document.querySelectorAll(".chorale-studio *")) {
    const box = element.getBoundingClientRect();
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3);
    const text = texts.map((node) => node.data.trim()).join("");
    if (!box.width || element.closest("option, datalist")) continue;
    const drawn = element.closest(".note, .staff");
    if (!text && !(drawn && element === drawn)) continue;
    const colour = drawn ? getComputedStyle(element).fill : getComputedStyle(element).color;
    const [dark, bright] = [light(colour), light(ground(element))].sort((a, b) => a - b);
    seen.push([text || element.getAttribute("class"), (bright + 0.05) / (dark + 0.05)]);
  }
  return seen;
}"""

UNNAMED = """() => [...document.querySelectorAll(
  ".chorale-studio button, .chorale-studio input, .chorale-studio select, .chorale-studio [role]")]
  .filter((element) => element.getAttribute("aria-hidden") !== "true")
  .filter((element) => !element.getAttribute("aria-label") && !element.labels?.length &&
    !["status", "alert"].includes(element.getAttribute("role")))
  .map((element) => element.outerHTML.slice(0, 120))"""


def test_everything_is_reached_with_the_keyboard(voila, visitor):
    page = opened(visitor.page, voila)
    page.locator(".chorale-studio button").first.focus()
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "document.activeElement.getAttribute('aria-label')"
            " || document.activeElement.labels?.[0]?.innerText"
        )
        reached.add(name)
    wanted = ["An empty piece", "Quarter", "Score", "Have the other three", "Play from", "Save as"]
    assert [text for text in wanted if not any(text in (name or "") for name in reached)] == []


# Security


def test_without_the_token_nobody_comes_in(voila):
    for path in ("", "api/kernels", "voila/files/studio.ipynb"):
        bare = voila.partition("?")[0] + path
        try:
            answer = urllib.request.urlopen(bare, timeout=20)
            assert "login" in answer.url
        except urllib.error.HTTPError as error:
            assert error.code in (401, 403, 404)


def test_a_visitor_runs_no_code_and_makes_no_widgets(voila, visitor):
    websocket = pytest.importorskip("websocket")
    page = visitor.page
    sockets = []
    page.on("websocket", lambda one: sockets.append(one.url))
    opened(page, voila)
    channel = next(url for url in sockets if "/channels" in url)
    channel = re.sub(r"session_id=[^&]*", f"session_id={uuid.uuid4().hex}", channel)
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in visitor.context.cookies())
    own = websocket.create_connection(
        channel, cookie=cookies, timeout=5, origin=voila.partition("/?")[0]
    )

    def send(kind, content):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "username": "u"}
        header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        own.send(json.dumps(message | {"channel": "shell", "buffers": []}))
        return header["msg_id"]

    def answers(number, seconds=4):
        heard = []
        own.settimeout(seconds)
        try:
            while True:
                text = own.recv()
                message = json.loads(text) if isinstance(text, str) else {}
                if message.get("parent_header", {}).get("msg_id") == number:
                    heard.append(message)
        except (websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException):
            return heard

    code = {"code": "print('in')", "silent": False, "store_history": False, "allow_stdin": False}
    ran = answers(send("execute_request", code | {"user_expressions": {}, "stop_on_error": True}))
    assert not any(one["msg_type"] in ("execute_reply", "stream") for one in ran)
    alive = answers(send("kernel_info_request", {}))
    assert any(one["msg_type"] == "kernel_info_reply" for one in alive), "the channel is open"
    own.close()


def test_the_page_serves_no_files(voila):
    token = voila.partition("?")[2]
    for path in ("voila/files/studio.ipynb", "voila/files/../log", "voila/tree", "api/contents"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{voila.partition('?')[0]}{path}?{token}", timeout=20)
        assert refused.value.code in (403, 404)
