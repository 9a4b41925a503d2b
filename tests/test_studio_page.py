"""The studio's page, driven in Chromium the way a person would, in Voilà and in JupyterLab.

Most tests share one page, on which each begins anew: it takes seconds to open one.
"""

import json
import re
import urllib.error
import urllib.request
import uuid

import numpy as np
import pytest
from studio_browser import TOKEN, Visitor, chromium, free_port, model, server  # noqa: F401

from chorale_utils import Chorale, load_chorale, load_melody, write_midi, write_score
from chorale_utils.notation.page import Bar, Notation, Tempo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chromium")]
TUNE = "gabcbagfgabagfga"  # typed from G4 on: each letter nearest to the one before
PITCHES = [67, 69, 71, 72, 71, 69, 67, 65, 67, 69, 71, 69, 67, 65, 67, 69]


@pytest.fixture(scope="module")
def voila(tmp_path_factory, chromium, model):  # noqa: F811  # the fixture of that name
    """The address of a running `chorale studio`."""
    pytest.importorskip("voila", reason="Voilà is not installed")
    folder, port = tmp_path_factory.mktemp("voila"), free_port()
    command = ["-m", "chorale_utils", "studio", "--no-browser", f"--port={port}"]
    command += [f"--token={TOKEN}", f"--folder={folder}/kept"]
    url = f"http://127.0.0.1:{port}/"
    with server(command, f"{url}login", folder, folder / "log", model):
        yield f"{url}?token={TOKEN}"


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory, chromium, model):  # noqa: F811
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
    command += ["--LabApp.news_url=None", f"--LabApp.user_settings_dir={folder}/settings"]
    url = f"http://127.0.0.1:{port}"
    with server(command, f"{url}/login", folder, folder / "log", model):
        yield f"{url}/lab/tree/studio.ipynb?token={TOKEN}"


@pytest.fixture
def visitor(chromium):  # noqa: F811
    """Somebody at a browser; at the end, nothing on the page may have gone wrong."""
    one = Visitor(chromium)
    yield one
    one.close()
    assert not one.wrong, "\n".join(one.wrong)


@pytest.fixture(scope="module")
def shared(chromium, voila):  # noqa: F811
    """Somebody on a page that several tests use."""
    one = Visitor(chromium)
    opened(one.page, voila)
    yield one
    one.close()


@pytest.fixture
def page(shared):
    """The page that several tests use, with an empty piece, quarters to be entered."""
    shared.wrong.clear()
    for name, usual in (("Key", "C major"), ("Metre", "4/4")):
        shared.page.get_by_role("combobox", name=name, exact=True).select_option(usual)
    shared.page.get_by_label("Pickup").fill("0")
    shared.page.get_by_role("button", name="An empty piece").click()
    shared.page.get_by_role("radio", name="Quarter").click()
    has_notes(shared.page, 0)
    yield shared.page
    assert not shared.wrong, "\n".join(shared.wrong)


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


def has_notes(page, many, more=False):
    sign = ">=" if more else "==="
    page.wait_for_function(
        f"document.querySelectorAll('.cs-score .note').length {sign} {many}", timeout=120_000
    )


def type_tune(page, tune=TUNE):
    page.locator(".cs-score").focus()
    for many, letter in enumerate(tune, 1):
        page.keyboard.press(letter)
        has_notes(page, many, more=True)


def press(page, name):
    page.get_by_role("button", name=re.compile(name)).first.click()


def said(page, pattern, seconds=180):
    page.locator(".cs-said", has_text=re.compile(pattern)).wait_for(timeout=1000 * seconds)


def ask(page, name):
    """Asks the model, and waits for what it writes."""
    page.locator(".cs-said").evaluate("said => { said.textContent = '' }")
    press(page, name)
    said(page, "Written with seed")


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
    ask(page, "Have the other three voices")
    first = load_chorale(saved(page, "musicxml", folder))
    select_bars(page, 1, 4, "B")
    press(page, "^Lock what is selected")
    page.locator(".cs-locked").first.wait_for()
    select_bars(page, 2, 3)
    ask(page, "Have the selected bars")
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
    page.locator(".cs-cursor").wait_for(state="detached")
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
    cells = page.locator(".jp-CodeCell").count()
    for place in (".cs-score", "[data-export=midi]"):  # which has shortcuts of its own
        page.locator(place).focus()
        for key in "xdd":
            page.keyboard.press(key)
    page.wait_for_timeout(1000)
    assert page.locator(".jp-CodeCell").count() == cells
    page.locator(".cs-score .cs-drawing svg").first.wait_for()


def test_colours_follow_the_theme_of_jupyterlab(jupyterlab, visitor):
    page = in_lab(visitor.page, jupyterlab)
    for theme in ("Dark", "Light"):
        page.get_by_role("menuitem", name="Settings").click()
        page.locator(".lm-Menu-item", has_text="Theme").first.hover()
        page.locator(".lm-Menu-item", has_text=f"JupyterLab {theme}").first.click()
        page.locator(f".chorale-studio[data-theme={theme.lower()}]").wait_for()


# More of the page, in Voilà


def test_a_tune_is_entered_with_the_mouse_on_the_staff_and_on_the_piano(page, tmp_path):
    lines = page.locator(".cs-score .staff").first.locator("> path")
    top, bottom = (lines.nth(number).bounding_box()["y"] for number in (0, 4))
    box = page.locator(".cs-score .measure").first.bounding_box()
    page.mouse.click(box["x"] + 0.5 * box["width"], bottom - (bottom - top) / 4)
    has_notes(page, 1)
    page.get_by_role("button", name="C4", exact=True).click()
    has_notes(page, 2)
    piece = load_melody(saved(page, "musicxml", tmp_path))
    assert piece.notes(0)[:, 2].tolist() == [67, 60]


def test_rests_lengths_and_accidentals_are_typed(page, tmp_path):
    type_tune(page, "g")
    for key in ("6", "0", "4", ".", "a", "ArrowUp", "."):
        page.keyboard.press(key)
    has_notes(page, 2)
    page.wait_for_timeout(500)
    piece = load_melody(saved(page, "musicxml", tmp_path))
    assert piece.notes(0).tolist() == [[0, 4, 67], [12, 3, 70]]


def test_a_midi_keyboard_is_heard(page, tmp_path):
    page.evaluate(
        """() => {
      const input = { name: "Keys" };
      window.keyDown = (pitch) => input.onmidimessage({ data: [0x90, pitch, 64] });
      navigator.requestMIDIAccess = async () => ({ inputs: new Map([["1", input]]) });
    }"""
    )
    press(page, "Play on a MIDI keyboard")
    said(page, "Listening to Keys")
    for pitch in (67, 71):
        page.evaluate(f"keyDown({pitch})")
    has_notes(page, 2)
    piece = load_melody(saved(page, "musicxml", tmp_path))
    assert piece.notes(0)[:, 2].tolist() == [67, 71]


def test_words_are_typed_under_the_tune_and_taken_away_with_it(page, tmp_path):
    type_tune(page, "gabc")
    page.keyboard.press("Home")
    words = page.get_by_label("Syllable")
    words.focus()
    page.keyboard.type("Ky-ri-e hör ")
    page.locator(".cs-score .verse", has_text="hör").wait_for()
    piece = load_melody(saved(page, "musicxml", tmp_path))
    sung = [(word.step, word.text, word.syllabic) for word in piece.notation.words]
    assert sung == [(0, "Ky", "begin"), (4, "ri", "middle"), (8, "e", "end"), (12, "hör", "single")]
    ask(page, "Have the other three voices")
    piece = load_chorale(saved(page, "musicxml", tmp_path))
    assert [word.text for word in piece.notation.words if word.voice == 0] == [
        text for _, text, _ in sung
    ]


def test_a_file_and_a_hymn_are_opened(page, tmp_path):
    page.get_by_label("tune only").uncheck()
    pitches = np.repeat([[67, 62, 59, 43], [69, 62, 57, 50]], 8, axis=0)
    path = tmp_path / "..evil name.mid"
    write_midi(Chorale(pitches, time_signature="4/4"), path)
    page.locator("input[type=file]").set_input_files(path)
    said(page, "evil name: 1 bar")
    has_notes(page, 7)  # the alto holds its note
    path = tmp_path / "nonsense.mid"
    path.write_bytes(b"nothing that MIDI knows")
    page.locator("input[type=file]").set_input_files(path)
    said(page, "nonsense.mid")
    assert str(tmp_path) not in page.locator(".cs-said").inner_text()
    assert "/tmp" not in page.locator(".cs-said").inner_text()
    drop(page, "dropped.mid", write_midi(Chorale(pitches + 2), tmp_path / "x.mid").read_bytes())
    said(page, "dropped: 1 bar")
    hymn = page.get_by_label("Hymn")
    hymn.focus()
    page.wait_for_function("document.querySelectorAll('datalist option').length > 300")
    hymn.fill(page.locator("datalist option").first.get_attribute("value"))
    hymn.press("Enter")
    has_notes(page, 20, more=True)
    page.locator(".cs-numeral").first.wait_for()
    page.locator(".cs-told", has_text=re.compile("[IiVv].* in .* (major|minor)")).wait_for()
    page.get_by_label("tune only").check()


def drop(page, name, content):
    """Drops a file on the page."""
    page.evaluate(
        """([name, content]) => {
      const data = new DataTransfer();
      data.items.add(new File([new Uint8Array(content)], name));
      const on = document.querySelector(".cs-score");
      on.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));
    }""",
        [name, list(content)],
    )


def test_three_variants_stand_side_by_side_and_one_is_taken(page):
    type_tune(page, TUNE[:8])
    page.get_by_label("three variants").check()
    ask(page, "Have the other three voices")
    page.locator(".cs-variant").nth(2).wait_for()
    page.locator(".cs-variant .cs-differs").first.wait_for()
    press(page, "^Play variant 2")
    page.locator(".cs-variant .cs-cursor").wait_for()
    press(page, "Take variant 2")
    page.locator(".cs-variants").wait_for(state="hidden")
    has_notes(page, 24, more=True)
    press(page, "^Undo: harmonising")
    page.locator(".cs-variant").nth(2).wait_for()
    press(page, "Keep the piece as it is")
    page.locator(".cs-variants").wait_for(state="hidden")
    press(page, "^Undo: putting variants away")
    press(page, "Take variant 1")
    has_notes(page, 24, more=True)
    page.get_by_label("three variants").uncheck()


def test_undo_says_what_it_undoes_and_covers_settings_and_the_caret(page, tmp_path):
    type_tune(page, "ga")
    page.locator("summary", has_text="How it writes").click()
    movement = page.get_by_role("combobox", name="Movement")
    movement.select_option("calm")
    temperature = page.get_by_role("slider", name="Temperature")
    temperature.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Undo: temperature (Ctrl+Z)").wait_for()
    page.keyboard.press("Control+z")
    said(page, "Undone: temperature")
    assert temperature.input_value() == "1"
    press(page, "^Undo: movement")
    page.get_by_role("button", name="Undo: a note").wait_for()
    assert movement.input_value() == "" and notes(page) == 2
    press(page, "^Undo: a note")
    has_notes(page, 1)
    page.locator(".cs-score").focus()
    page.keyboard.press("b")
    has_notes(page, 2)
    piece = load_melody(saved(page, "musicxml", tmp_path))
    assert piece.notes(0).tolist() == [[0, 4, 67], [4, 4, 71]], "the caret went back, too"
    assert page.get_by_role("button", name="Nothing to redo").get_attribute("aria-disabled")
    page.locator("summary", has_text="How it writes").click()


def test_a_piece_goes_on_and_whole_ones_are_written(page, tmp_path):
    type_tune(page, "gabc")
    page.get_by_label("New bars", exact=True).fill("1")
    ask(page, "Have more bars written")
    piece = load_chorale(saved(page, "musicxml", tmp_path))
    assert len(piece) == 32 and piece.notes(0)[:4, 2].tolist() == PITCHES[:4]
    page.get_by_label("New bars", exact=True).fill("2")
    ask(page, "Have a whole chorale written")
    piece = load_chorale(saved(page, "musicxml", tmp_path))
    assert len(piece) == 32 and piece.pitches[-1, 3] % 12 == 0, "it ends on C"
    assert piece.fermatas[-1]
    form = page.get_by_label("Form")
    form.select_option("phrases of this piece")
    ask(page, "Have a whole chorale written")
    again = load_chorale(saved(page, "musicxml", tmp_path))
    form.select_option("new phrases")
    assert np.array_equal(again.fermatas, piece.fermatas)
    assert not np.array_equal(again.pitches, piece.pitches)


def test_the_critic_says_of_each_bar_what_it_thinks(page):
    type_tune(page, TUNE[:8])
    ask(page, "Have the other three voices")
    press(page, "Show for each bar how much it sounds like Bach")
    page.locator("text.cs-odds").nth(1).wait_for(timeout=180_000)
    told = page.locator("text.cs-odds").all_text_contents()
    assert len(told) == 2 and all(re.fullmatch(r"[+−]\d+\.\d", one) for one in told)
    page.locator(".cs-opinion", has_text="Critic").wait_for()
    page.locator(".cs-score").focus()
    page.keyboard.press("Home")
    page.locator(".cs-told", has_text=f"critic {told[0]} in this bar").wait_for()
    press(page, "Show for each bar how much it sounds like Bach")
    page.locator("text.cs-odds").first.wait_for(state="detached")


def test_repeats_are_sung_and_the_cursor_follows_them(page, tmp_path):
    pitches = np.repeat(
        [[67, 62, 59, 43], [69, 62, 57, 50], [67, 64, 60, 48], [66, 62, 57, 50]], 4, 0
    )
    notation = Notation((Bar(0, 16, "4/4", repeat_end=2),), tempos=(Tempo(0, 144.0),))
    piece = Chorale(pitches, time_signature="4/4", notation=notation)
    page.get_by_label("tune only").uncheck()
    path = write_score(piece, tmp_path / "twice.musicxml")
    page.locator("input[type=file]").set_input_files(path)
    said(page, "twice: 1 bar")
    page.locator("output", has_text="144").wait_for()
    page.evaluate("""() => {
      window.places = [];
      const look = () => {
        const cursor = document.querySelector(".cs-cursor");
        if (cursor) window.places.push(Number(cursor.getAttribute("x")));
        requestAnimationFrame(look);
      };
      look();
    }""")
    press(page, "^Play from the selection")
    page.locator(".cs-cursor").wait_for()
    page.locator(".cs-cursor").wait_for(state="detached")
    places = page.evaluate("window.places")
    assert sum(later < earlier for earlier, later in zip(places, places[1:])) == 1
    page.get_by_label("tune only").check()


def test_long_work_can_be_stopped_and_the_page_goes_on_meanwhile(page):
    type_tune(page, "gabc")
    page.get_by_label("New bars", exact=True).fill("38")
    press(page, "Have a whole chorale written")
    page.set_viewport_size({"width": 360, "height": 900})
    stop = page.get_by_role("button", name="Stop the model")
    assert stop.evaluate("button => button.scrollWidth <= button.clientWidth"), "its name is cut"
    stop.click()
    page.set_viewport_size({"width": 1200, "height": 900})
    said(page, "Stopped")
    page.locator(".cs-score").focus()
    for _ in range(2):
        page.keyboard.press("g")
    has_notes(page, 6)
    page.locator(".cs-working").wait_for(state="hidden")


def test_everything_can_be_saved(page, tmp_path):
    type_tune(page, TUNE[:4])
    begins = {"musicxml": b"<?xml", "midi": b"MThd", "pdf": b"%PDF-", "mp3": None}
    for kind, begin in begins.items():
        content = saved(page, kind, tmp_path).read_bytes()
        assert len(content) > 200 and content.startswith(begin or content[:1])
    press(page, "The Python that does the same")
    assert "soprano = [" in page.locator(".cs-dialog pre").inner_text()
    press(page, "^Close")


def test_work_is_saved_and_comes_back_and_nobody_else_sees_it(voila, visitor, shared):
    page = opened(visitor.page, voila)
    type_tune(page, "gabc")
    page.wait_for_timeout(1500)
    page.close()
    again = opened(visitor.open(), voila)
    said(again, "as you left it")
    has_notes(again, 4)
    shared.page.get_by_role("button", name="An empty piece").click()
    has_notes(shared.page, 0)
    again.locator(".cs-score").focus()
    again.keyboard.press("End")
    again.keyboard.press("g")
    has_notes(again, 5)
    assert notes(shared.page) == 0


def test_two_tabs_keep_a_version_each_and_offer_the_other(voila, visitor):
    first = opened(visitor.page, voila)
    second = opened(visitor.open(), voila)
    type_tune(first, "gab")
    first.wait_for_timeout(1500)
    type_tune(second, "fg")
    said(second, "also been changed in another tab")
    other = second.get_by_role("listitem").filter(has_text="3 notes")
    other.get_by_role("button", name="Open: Untitled, 4 bars, 3 notes").click()
    has_notes(second, 3)
    mine = second.get_by_role("listitem").filter(has_text="2 notes")
    mine.get_by_role("button", name="Delete: ").click()
    mine.get_by_role("button", name="Delete for good: ").click()
    second.get_by_role("region", name="Other versions").wait_for(state="hidden")
    assert notes(first) == 3


# Seen by anyone, anywhere


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 560, 360])
def test_it_fits_and_can_be_read(page, scheme, width):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    type_tune(page, "gabc")
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 50
    assert [text for text, ratio in contrasts if ratio < 4.5] == []
    assert page.evaluate(UNNAMED) == []
    page.set_viewport_size({"width": 1200, "height": 1000})


def test_numerals_stand_under_the_line_that_they_belong_to_on_a_phone_too(page, tmp_path):
    page.set_viewport_size({"width": 360, "height": 900})
    page.get_by_label("tune only").uncheck()
    tonic, dominant = [[67, 62, 59, 43], [71, 62, 55, 43]], [[69, 62, 57, 50], [66, 62, 57, 54]]
    pitches = np.repeat([*(3 * tonic), *dominant] * 4, 2, axis=0)  # eighths: a line to each bar
    path = write_midi(Chorale(pitches, time_signature="4/4"), tmp_path / "four bars.mid")
    page.locator("input[type=file]").set_input_files(path)
    said(page, "four bars: 4 bars")
    page.locator(".cs-numeral").first.wait_for()
    places = "all => all.map(one => one.getBoundingClientRect().y)"
    lines = page.locator(".cs-score .system").evaluate_all(places)
    numerals = page.locator(".cs-numeral").evaluate_all(places)
    assert len(lines) == 4
    for top, below in zip(lines, [*lines[1:], np.inf]):
        assert sum(top < place < below for place in numerals) >= 2
    page.set_viewport_size({"width": 1200, "height": 1000})


def test_everything_is_reached_with_the_keyboard(page):
    type_tune(page, "g")
    page.locator(".chorale-studio button").first.focus()
    reached = set()
    for _ in range(90):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "document.activeElement.getAttribute('aria-label')"
            " || document.activeElement.labels?.[0]?.innerText"
        )
        reached.add(name)
    wanted = ["An empty piece", "Quarter", "Syllable", "Score", "Lock what", "Select everything"]
    wanted += ["Have the other three", "Play from", "Mute the bass", "Show Roman", "Save as PDF"]
    page.locator(".cs-score").focus()
    page.keyboard.press("?")
    page.locator(".cs-dialog").wait_for()
    page.keyboard.press("Escape")
    page.locator(".cs-dialog").wait_for(state="detached")
    missing = [text for text in wanted if not any(text in (name or "") for name in reached)]
    assert missing in ([], ["Lock what"]), "what is disabled is passed over"


# Security


def test_without_the_token_nobody_comes_in(voila):
    for path in ("", "api/kernels", "voila/files/studio.ipynb"):
        bare = voila.partition("?")[0] + path
        try:
            with urllib.request.urlopen(bare, timeout=20) as answer:
                assert "login" in answer.url
        except urllib.error.HTTPError as error:
            with error:
                assert error.code in (401, 403, 404)


def test_a_visitor_runs_no_code_and_makes_no_widgets(voila, shared):
    websocket = pytest.importorskip("websocket")
    channel = next(url for url in shared.sockets if "/channels" in url)
    channel = re.sub(r"session_id=[^&]*", f"session_id={uuid.uuid4().hex}", channel)
    cookies = "; ".join(f"{one['name']}={one['value']}" for one in shared.context.cookies())
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(channel, cookie=cookies, timeout=5, origin="http://elsewhere")
    own = websocket.create_connection(
        channel, cookie=cookies, timeout=5, origin=voila.partition("/?")[0]
    )

    def send(kind, content, channel="shell"):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "s", "username": "u"}
        header |= {"version": "5.3", "date": "2026-01-01T00:00:00Z"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        own.send(json.dumps(message | {"channel": channel, "buffers": []}))
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
                    if message["msg_type"].endswith("_reply"):
                        return heard
        except (websocket.WebSocketTimeoutException, websocket.WebSocketConnectionClosedException):
            return heard

    def widgets():
        replies = answers(send("comm_info_request", {}))
        return next(one["content"]["comms"] for one in replies if "comms" in one["content"])

    before = widgets()
    code = {"code": "print('in')", "silent": False, "store_history": False, "allow_stdin": False}
    code |= {"user_expressions": {}, "stop_on_error": True, "cursor_pos": 3, "detail_level": 0}
    code |= {"command": "evaluate", "arguments": {"expression": "1"}}
    asked = [
        send(kind, code, channel)
        for kind in ("execute_request", "inspect_request", "complete_request", "history_request")
        for channel in ("shell", "control")
    ]
    asked += [send("debug_request", code, "control"), send("input_reply", {"value": "x"}, "stdin")]
    data = {"state": {"_model_name": "TextModel"}, "buffer_paths": []}
    new = {"comm_id": uuid.uuid4().hex, "target_name": "jupyter.widget", "data": data}
    asked.append(send("comm_open", new))
    assert not any(answers(number, seconds=1) for number in asked)
    assert widgets() == before
    alive = answers(send("kernel_info_request", {}))
    assert any(one["msg_type"] == "kernel_info_reply" for one in alive), "the channel is open"
    own.close()


def test_the_page_serves_no_files_and_does_not_tell_who_else_is_there(voila):
    token = voila.partition("?")[2]
    paths = ["voila/files/studio.ipynb", "voila/files/../log", "voila/tree", "api/contents"]
    paths += ["voila/static/../../../voila/app.py", "voila/templates/../static/conf.json"]
    paths += ["voila/templates/studio/static/..%2f..%2f..%2f..%2fetc/passwd"]
    paths += ["voila/labextensions/..%2f..%2f..%2fpyvenv.cfg", "voila/files/%2fetc%2fpasswd"]
    paths += ["voila/api/themes/..%2f..%2f..%2fpyvenv.cfg", "voila/render/studio.ipynb"]
    paths += ["api/kernels", "api/sessions", "api/terminals", "files/studio.ipynb", "tree", "lab"]
    for path in paths:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{voila.partition('?')[0]}{path}?{token}", timeout=20)
        with refused.value as error:
            assert error.code in (403, 404, 405, 500), path
