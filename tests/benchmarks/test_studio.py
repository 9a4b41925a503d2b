"""How long somebody waits who composes on the page that Voilà serves, and what ten of them need.

Driven in Chromium; skipped where there is none. What TensorFlow compiles is compiled before, as it
is a minute after `chorale studio` has been started; only the first page is opened cold."""

import re
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the browser of the tests is

from studio_browser import TOKEN, Visitor, chromium, free_port, model, server  # noqa: F401

from chorale_utils import Session
from chorale_utils.studio.writer import ADDRESS, KEY, Writer, as_asked

TUNE = "gabcbagfgabagfga"
VISITORS = 10


@pytest.fixture(scope="module")
def voila(tmp_path_factory, chromium, model):  # noqa: F811  # the fixture of that name
    """(address of a running `chorale studio`, its process); nobody has opened the page yet, and the
    model is warm."""
    pytest.importorskip("voila", reason="Voilà is not installed")
    writer, warm = Writer("", model[ADDRESS], model[KEY]), threading.Event()
    session = Session()
    session.put(0, 0, 16, 67)
    writer.ask(
        as_asked(session.ask("harmonise")),
        lambda answer: warm.set() if answer["state"] == "done" else None,
    )
    assert warm.wait(600)
    writer.close()
    folder, port = tmp_path_factory.mktemp("voila"), free_port()
    command = ["-m", "chorale_utils", "studio", "--no-browser", f"--port={port}"]
    command += [f"--token={TOKEN}", f"--folder={folder}/kept"]
    url = f"http://127.0.0.1:{port}/"
    with server(command, f"{url}login", folder, folder / "log", model) as process:
        yield f"{url}?token={TOKEN}", process


@pytest.fixture(scope="module")
def page(chromium, voila, table):  # noqa: F811
    """The first page that is opened, after it has been timed."""
    visitor = Visitor(chromium)
    begin = time.perf_counter()
    visitor.page.goto(voila[0])
    stage = visitor.page.locator(".cs-score")
    stage.locator(".cs-drawing svg").first.wait_for()
    stage.focus()
    visitor.page.keyboard.press("g")
    has_notes(visitor.page, 1)
    table["studio: the page opened cold, up to the first note that is typed and engraved"] = (
        None,
        time.perf_counter() - begin,
        "",
    )
    yield visitor.page
    visitor.close()


def has_notes(page, many):
    page.wait_for_function(f"document.querySelectorAll('.cs-score .note').length >= {many}")


def type_tune(page, tune=TUNE):
    page.get_by_role("button", name="An empty piece").click()
    page.locator(".cs-score").focus()
    page.wait_for_function("document.querySelectorAll('.cs-score .note').length === 0")
    for many, letter in enumerate(tune, 1):
        page.keyboard.press(letter)
        has_notes(page, many)


def megabytes():
    """The memory of Voilà, its kernels and the process that holds the model; what they share is
    counted once."""
    ours = [
        process
        for process in psutil.Process().children(recursive=True)
        if any("chorale_utils" in word or "ipykernel" in word for word in process.cmdline())
    ]
    assert len(ours) > VISITORS
    return sum(process.memory_full_info().pss for process in ours) / 1e6


def seconds_until_drawn(page, does):
    """How long it takes from doing something until another score is on the page."""
    page.evaluate("""() => {
      window.drawn = new Promise((resolve) => {
        const watch = new MutationObserver(() => { watch.disconnect(); resolve(); });
        watch.observe(document.querySelector(".cs-score .cs-drawing"), { childList: true });
      });
    }""")
    begin = time.perf_counter()
    does()
    page.evaluate("window.drawn")
    return time.perf_counter() - begin


def press(page, name):
    return lambda: page.get_by_role("button", name=re.compile(name)).first.click()


def selected(page, first, last):
    page.get_by_label("Bars", exact=True).fill(str(first))
    page.get_by_label("to", exact=True).fill(str(last))
    page.get_by_label("to", exact=True).dispatch_event("change")


def test_a_tune_is_harmonised_and_two_bars_are_written_again(page, table):
    type_tune(page)
    harmonise = press(page, "Have the other three voices")
    seconds = [seconds_until_drawn(page, harmonise) for _ in range(5)]
    table["studio: a tune of 16 quarters harmonised, from the click to the score"] = (
        None,
        float(np.median(seconds)),
        "",
    )
    selected(page, 2, 3)
    rewrite = press(page, "Have the selected bars")
    seconds = [seconds_until_drawn(page, rewrite) for _ in range(5)]
    table["studio: two of these bars written again"] = (None, float(np.median(seconds)), "")


def test_a_note_is_edited(page, table):
    selected(page, 2, 2)
    page.locator(".cs-score").focus()
    seconds = [
        seconds_until_drawn(page, partial(page.keyboard.press, key))
        for key in ("ArrowUp", "ArrowDown") * 5
    ]
    label = "studio: a note of four voices in four bars edited, up to where it is engraved"
    table[label] = (None, float(np.median(seconds)), "")


def test_ten_visitors_at_once(chromium, voila, page, table):  # noqa: F811
    """All are served, each sees his own piece, and memory is told."""
    visitors = [Visitor(chromium) for _ in range(VISITORS)]
    begin = time.perf_counter()
    for visitor in visitors:
        visitor.page.goto(voila[0], wait_until="commit")
    for visitor in visitors:
        visitor.page.locator(".cs-score .cs-drawing svg").first.wait_for(timeout=180_000)
    opened = time.perf_counter() - begin
    tunes = [TUNE[number:] + TUNE[:number] for number in range(VISITORS)]
    for visitor, tune in zip(visitors, tunes):
        type_tune(visitor.page, tune)
    begin = time.perf_counter()
    for visitor in visitors:
        press(visitor.page, "Have the other three voices")()
    for visitor in visitors:
        has_notes(visitor.page, 2 * len(TUNE))
    served = time.perf_counter() - begin
    for visitor, tune in zip(visitors, tunes):
        visitor.page.locator(".cs-score").focus()
        visitor.page.keyboard.press("Home")
        first = re.compile(rf"soprano; {tune[0].upper()}\d, quarter")
        visitor.page.locator(".cs-told", has_text=first).wait_for()
    table["studio: ten pages opened at once, up to the last score"] = (None, opened, "")
    table["studio: ten visitors ask for 16 quarters at once, up to the last answer"] = (
        None,
        served,
        "",
    )
    table["studio: memory of Voilà, ten kernels and the model"] = (None, megabytes(), "MB")
    for visitor in visitors:
        visitor.close()
