"""A browser for the studio's tests: Chromium where it is installed, and pages that complain."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from chorale_utils.studio.writer import ADDRESS, KEY, end, start

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a-token-for-tests"
# no sandbox: tests may run as root in a container; the rest keeps Chromium from calling home
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
# Voilà 0.5 brings JupyterLab 4.2's modules, and says so of every newer one; favicons are no matter
HARMLESS = re.compile(r"Unsatisfied version|No satisfying version|favicon")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def server(command, url, folder, log, more, seconds=90):
    """A server's process, while it is wanted: ready when it answers at `url`. `more` is added to
    its environment."""
    env = (
        os.environ
        | more
        | {
            "CHORALE_STUDIO_FOLDER": str(folder),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            "JUPYTER_PREFER_ENV_PATH": "1",
        }
    )
    with open(log, "w") as output:
        process = subprocess.Popen(
            [sys.executable, *command], env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        until = time.monotonic() + seconds
        while True:
            assert process.poll() is None, Path(log).read_text()
            assert time.monotonic() < until, Path(log).read_text()
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.3)
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def model():
    """The environment in which studios find a model that is in memory: one for all tests."""
    process, address, key = start()
    yield {ADDRESS: address, KEY: key}
    end(process)


@pytest.fixture(scope="module")
def chromium():
    """A running Chromium; tests are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed; CHROMIUM may name its place")
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visitor:
    """Somebody at a browser of their own: a page, and all that it complained about."""

    def __init__(self, browser, **context):
        self.context = browser.new_context(
            viewport={"width": 1200, "height": 1000}, accept_downloads=True, **context
        )
        self.context.set_default_timeout(60_000)
        self.wrong, self.sockets = [], []
        self.page = self.open()

    def open(self):
        page = self.context.new_page()
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))
        page.on("request", self._check_local)
        page.on("websocket", lambda one: self.sockets.append(one.url))
        return page

    def _listen(self, message):
        if message.type == "error" and not HARMLESS.search(message.text):
            self.wrong.append(f"console: {message.text}")

    def _check_local(self, request):
        if not request.url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.wrong.append(f"asks another machine: {request.url}")

    def close(self):
        self.context.close()
