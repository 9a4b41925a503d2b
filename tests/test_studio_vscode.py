"""The studio's page in a notebook of VS Code, as far as it can be tried without VS Code.

VS Code shows widgets in a frame of its own. Its sources (`webview/browser/pre/index.html`,
`notebook/browser/view/renderers/backLayerWebView.ts`) tell what that means, and the page below does
the same: a sandboxed frame as tall as the whole notebook, a policy that lets scripts come from
nowhere else, the classes and data of a theme, and a host that hears every key which a page lets
through. Into it goes anywidget's own script, as VS Code loads it, with the smallest possible base
of a widget; commands are carried out by a real `Studio` in this process.
"""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from studio_browser import Visitor, chromium  # noqa: F401

from chorale_utils import load_melody

pytest.importorskip("anywidget", reason="the studio extra is not installed")

import anywidget

from chorale_utils.studio import widget
from chorale_utils.studio.widget import Studio

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("chromium")]
ADDRESS = "http://127.0.0.1:9"  # where nobody listens: the test answers itself
SANDBOX = "allow-same-origin allow-pointer-lock allow-scripts allow-downloads allow-forms"
ANYWIDGET = Path(anywidget.__file__).with_name("nbextension") / "index.js"
TALL = 6000  # pixels: the frame is as tall as all outputs of the notebook together
HOST = f"""<!doctype html><title>Code</title><body style="margin: 0; height: 100vh; overflow: auto">
<iframe id="active-frame" sandbox="SANDBOX" src="/fake.html" frameborder="0"
  allow="cross-origin-isolated; autoplay; clipboard-read; clipboard-write;"
  style="display: block; width: 100%; height: {TALL}px"></iframe></body>"""
FRAME = """<!doctype html><html><head>
<meta http-equiv="Content-Security-Policy" content="default-src 'none';
  script-src 'unsafe-inline' 'unsafe-eval' blob:; style-src 'unsafe-inline';
  img-src https: http: data:; font-src https:; connect-src https:; child-src https: data:;">
<style>@layer vscode-default { body { color: #cccccc; background: transparent; padding: 0 20px; }
  input:focus { outline: 1px solid -webkit-focus-ring-color; } }</style></head>
<body class="vscode-dark" data-vscode-theme-kind="vscode-dark" style="overflow: hidden">
<div id="output" style="margin-top: 2000px"></div>
<script>
  window.heard = []; // keys that reach VS Code, which has commands of its own for them
  window.addEventListener("keydown", (event) => heard.push(event.key));
  window.caught = []; // keys that Notebook 7 takes for its own, before the page hears them
  document.addEventListener("keydown", (event) => {
    if (!event.target.hasAttribute("data-lm-suppress-shortcuts")) caught.push(event.key);
  }, true);
  const define = (_, make) => { window.made = make({ DOMWidgetModel, DOMWidgetView }); };
  class DOMWidgetModel {
    constructor(state) { this.state = state; this.calls = []; this.initialize(); }
    initialize() {}
    once() {}
    get(name) { return this.state[name]; }
    set(name, value) { this.state[name] = value; }
    save_changes() {}
    on(name, call, of) { this.calls.push({ name, call, of }); }
    off(name, call, of) {
      this.calls = this.calls.filter((one) =>
        (name && one.name !== name) || (call && one.call !== call) || (of && one.of !== of));
    }
    fire(name, ...about) {
      for (const one of [...this.calls]) if (one.name === name) one.call(...about);
    }
    async send(command, _, buffers) {
      const { state, told } = await window.toPython(command);
      Object.assign(this.state, state);
      for (const name of Object.keys(state)) this.fire(`change:${name}`);
      for (const [message, file] of told)
        this.fire("msg:custom", message, file === null ? [] : [new TextEncoder().encode(file)]);
    }
  }
  class DOMWidgetView {
    constructor(model, el) {
      Object.assign(this, { model, el, $el: { empty: () => el.replaceChildren() } });
    }
    remove() {}
  }
  async function show() {
    const model = new window.made.AnyModel(await window.begin());
    await new window.made.AnyView(model, document.getElementById("output")).render();
  }
</script>
<script>ANYWIDGET</script><script>show();</script></body></html>"""


def frame():
    """The page in the frame, with anywidget's script in it."""
    return FRAME.replace("ANYWIDGET", ANYWIDGET.read_text(encoding="utf-8"))


class Code:
    """A notebook in VS Code with a studio, and somebody at it."""

    def __init__(self, browser, studio, sandbox=SANDBOX):
        self.studio, self.told = studio, []
        studio.send = lambda message, buffers=None: self.told.append((message, buffers))
        self.visitor = Visitor(browser)
        self.page = self.visitor.page
        self.page.expose_function("begin", self.state)
        self.page.expose_function("toPython", self.obey)
        self.pages = {"/": HOST.replace("SANDBOX", sandbox), "/fake.html": frame()}
        self.page.route(f"{ADDRESS}/**", self.answer)
        self.page.goto(ADDRESS + "/")
        self.inside = self.page.frame_locator("#active-frame")
        self.inside.locator(".cs-score .cs-drawing svg").first.wait_for()
        self.page.wait_for_timeout(300)

    def answer(self, route):
        text = self.pages[route.request.url.removeprefix(ADDRESS)]
        route.fulfill(body=text, content_type="text/html; charset=utf-8")

    def state(self):
        """The traits of the studio, as they are sent to a page."""
        names = self.studio.traits(sync=True)
        values = {name: getattr(self.studio, name) for name in names if name != "layout"}
        return json.loads(json.dumps(values, default=str))

    def obey(self, command):
        """Carries out a command, and returns what the page is told."""
        before = self.state()
        self.studio._hear(None, command, [])
        while self.studio._sending:
            time.sleep(0.02)
        self.studio._saving = None  # nothing is to be kept
        state = {name: new for name, new in self.state().items() if new != before[name]}
        told = [[message, files[0].decode() if files else None] for message, files in self.told]
        self.told.clear()
        return {"state": state, "told": told}

    def evaluate(self, script):
        return self.page.frames[1].evaluate(script)

    def has_notes(self, many):
        self.page.frames[1].wait_for_function(
            f"document.querySelectorAll('.cs-score .note').length === {many}"
        )

    def theme(self):
        return self.inside.locator(".chorale-studio").get_attribute("data-theme")

    def close(self):
        self.visitor.close()
        assert not self.visitor.wrong, "\n".join(self.visitor.wrong)


@pytest.fixture
def code(chromium, tmp_path, monkeypatch):  # noqa: F811
    """Opens notebooks in VS Code; at the end nothing may have gone wrong in any of them."""
    monkeypatch.setenv(widget.FOLDER, str(tmp_path / "kept"))
    monkeypatch.setattr(Studio, "_prepare", lambda studio: None)
    opened = []

    def make(**how):
        opened.append(Code(chromium, Studio(), **how))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    "sandbox", [SANDBOX, SANDBOX.replace("allow-same-origin ", "")], ids=["usual", "no storage"]
)
def test_a_tune_is_typed_played_and_undone_in_the_frame_of_vs_code(code, sandbox):
    one = code(sandbox=sandbox)
    one.inside.locator(".cs-score").focus()
    for many, letter in enumerate("gab", 1):
        one.page.keyboard.press(letter)
        one.has_notes(many)
    one.page.keyboard.press("Control+z")
    one.has_notes(2)
    one.inside.get_by_role("button", name="Play from the selection").click()
    cursor = one.inside.locator(".cs-cursor")
    cursor.wait_for()
    before = cursor.get_attribute("x")
    one.page.wait_for_timeout(700)
    assert cursor.get_attribute("x") != before
    one.inside.get_by_role("button", name="Play from the selection").click()
    cursor.wait_for(state="detached")
    assert np.flatnonzero(one.studio.chorale.pitches[:, 0]).tolist() == list(range(8))


@pytest.mark.parametrize(
    "kind, theme",
    [
        ("vscode-dark", "dark"),
        ("vscode-light", "light"),
        ("vscode-high-contrast", "dark"),
        ("vscode-high-contrast-light", "light"),
    ],
)
@pytest.mark.parametrize("system", ["light", "dark"])
def test_colours_follow_the_theme_of_vs_code_whatever_the_system_has(code, kind, theme, system):
    one = code()
    one.page.emulate_media(color_scheme=system)
    for now, wanted in (("vscode-dark", "dark"), ("vscode-light", "light"), (kind, theme)):
        more = "vscode-high-contrast" if "contrast" in now else ""  # of both kinds
        one.evaluate(
            f"""() => {{
          document.body.className = "{now} {more}";
          document.body.dataset.vscodeThemeKind = "{now}";
        }}"""
        )
        one.inside.locator(f".chorale-studio[data-theme={wanted}]").wait_for()
    ink = one.evaluate("getComputedStyle(document.querySelector('.chorale-studio')).color")
    assert ink == ("rgb(237, 237, 240)" if theme == "dark" else "rgb(28, 28, 30)")


def test_vs_code_and_notebook_7_hear_none_of_the_studios_keys_and_all_others(code):
    one = code()
    for place in (".cs-score", "[data-export=midi]"):
        one.inside.locator(place).focus()
        for key in ("a", "b", "x", "d", "ArrowDown", "Control+z", "Control+y", "Escape"):
            one.page.keyboard.press(key)
    one.inside.locator(".cs-score").focus()
    one.page.keyboard.press("Control+a")
    for host in ("heard", "caught"):
        assert set(one.evaluate(host)) <= {"Control"}
    one.page.keyboard.press("Control+s")
    for host in ("heard", "caught"):
        assert "s" in one.evaluate(host)


def test_a_dialog_opens_where_it_is_seen_in_a_frame_that_is_taller_than_the_window(code):
    one = code()
    one.inside.locator(".cs-score").focus()
    one.page.keyboard.press("?")
    dialog = one.inside.locator(".cs-dialog")
    dialog.wait_for()
    window = one.page.viewport_size["height"]
    box = dialog.bounding_box()
    assert 0 <= box["y"] and box["y"] + box["height"] <= window
    one.page.keyboard.press("Escape")
    dialog.wait_for(state="detached")


def test_a_file_is_taken_away_from_the_frame_of_vs_code(code, tmp_path):
    one = code()
    one.inside.locator(".cs-score").focus()
    one.page.keyboard.press("g")
    one.has_notes(1)
    with one.page.expect_download() as download:
        one.inside.locator("[data-export=musicxml]").click()
    download.value.save_as(tmp_path / "mine.musicxml")
    assert load_melody(tmp_path / "mine.musicxml").notes(0).tolist() == [[0, 4, 67]]
    one.inside.locator("[data-export=python]").click()
    one.inside.locator(".cs-dialog pre", has_text="soprano = [").wait_for()
