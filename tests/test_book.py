"""The book: built without a warning, complete, whole by itself wherever it lies, and heard."""

import functools
import http.server
import inspect
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from studio_browser import chromium  # noqa: F401 (a fixture)

import chorale_utils
from chorale_utils.command import _parser

PROJECT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted(path.stem for path in (PROJECT / "notebooks").glob("0*.ipynb"))
CARDS = sorted((PROJECT / "chorale_utils").rglob("*.md"))
HOW_TO = ["harmonise", "check", "compose", "train", "sweep", "cluster"]
PUBLIC = [
    name for name in chorale_utils.__all__ if not inspect.ismodule(getattr(chorale_utils, name))
]
MOST_SECONDS = 180
# An address where nobody answers: whatever asks the network fails.
OFFLINE = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """The book's folder, built once for all tests, as `make book` builds it."""
    for module in ("sphinx", "myst_nb", "furo", "sphinx_copybutton"):
        pytest.importorskip(module, reason="the extra 'book' is not installed")
    folder = tmp_path_factory.mktemp("site")
    recipe = (PROJECT / "Makefile").read_text().partition("\nbook:")[2].partition("\n\n")[0]
    (options,) = re.findall(r"\$\(BIN\)/sphinx-build (.*)", recipe)
    options = options.replace("$(BOOK)/html", str(folder / "book"))
    options = options.replace("$(BOOK)", str(folder))
    began = time.monotonic()
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *shlex.split(options)],
        cwd=PROJECT,
        env=os.environ | OFFLINE | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert time.monotonic() - began < MOST_SECONDS
    return folder / "book"


class Read(HTMLParser):
    """What a page has: ids (set); addresses of other pages and of what it loads, and what is said
    of its pictures (lists); and the number of its pictures and players."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.loaded, self.described = set(), [], [], []
        self.pictures = self.players = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.ids.add(attrs.get("id"))
        self.pictures += tag == "img"
        self.described += [attrs.get("alt")] * (tag == "img")
        self.players += tag == "audio"
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        elif tag == "link" and attrs.get("rel") in ("stylesheet", "icon", "search", "preload"):
            self.loaded.append(attrs["href"])
        elif tag in ("script", "img", "audio", "video", "source", "iframe") and attrs.get("src"):
            self.loaded.append(attrs["src"])


@pytest.fixture(scope="session")
def pages(book):
    """Every page as it was read: dict of path to `Read`."""
    return {path: Read(path) for path in sorted(book.rglob("*.html"))}


def test_every_internal_link_leads_somewhere(book, pages):
    wrong = []
    for path, page in pages.items():
        for link in page.links + page.loaded:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or not target.is_relative_to(book):
                wrong.append((str(path.relative_to(book)), link))
            elif parts.fragment and target in pages:
                if unquote(parts.fragment) not in pages[target].ids:
                    wrong.append((str(path.relative_to(book)), link))
    assert not wrong


def test_no_page_loads_anything_from_another_host(book, pages):
    for path, page in pages.items():
        assert all(urlsplit(one).scheme in ("", "data") for one in page.loaded), path
    for style in book.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"@import|url\(['\"]?(https?:)?//", text), style


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_keeps_its_scores_and_players(book, pages, chapter):
    cells = nbformat.read(PROJECT / "notebooks" / f"{chapter}.ipynb", as_version=4).cells
    stored = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    page = pages[book / "notebooks" / f"{chapter}.html"]
    assert page.players == sum("<audio controls" in data.get("text/html", "") for data in stored)
    assert page.pictures >= sum("image/png" in data for data in stored)
    assert all(page.described)


def test_every_table_of_a_chapter_is_a_table(book, pages):
    for chapter in CHAPTERS:
        path = book / "notebooks" / f"{chapter}.html"
        text = re.sub(r"<[^>]*>", " ", path.read_text(encoding="utf-8"))
        assert not re.search(r"\|\s*(-{3,}|–|—)\s*\|", text), chapter


def test_every_card_and_every_how_to_is_a_page(book, pages):
    for card in CARDS:
        assert book / card.relative_to(PROJECT).with_suffix(".html") in pages
    for page in [*HOW_TO, "counterpoint"]:
        assert book / "docs" / f"{page}.html" in pages


def test_every_rule_has_its_example(book, pages):
    page = pages[book / "docs" / "counterpoint.html"]
    assert page.pictures == len(list((PROJECT / "docs" / "rules").glob("*.svg"))) >= 38


def test_every_piece_of_the_gallery_is_seen_and_heard(book, pages):
    page = pages[book / "outputs" / "gallery" / "README.html"]
    assert page.pictures == page.players == 10


def test_no_sentence_on_a_property_is_torn_apart_at_its_colon(book, pages):
    """What stands before a colon would be taken for the property's type."""
    for path in (book / "docs" / "reference").glob("*.html"):
        fields = re.findall(r'<dt class="field-[a-z]+">(\w+)<', path.read_text(encoding="utf-8"))
        assert fields and "Type" not in fields, path.name


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_in_the_reference_with_its_chapter(book, pages, name):
    place = f"chorale_utils.{name}"
    (path,) = [path for path, page in pages.items() if place in page.ids]
    assert path.parent == book / "docs" / "reference"
    about = path.read_text(encoding="utf-8").partition(f'id="{place}"')[2]
    about = about.partition('<dt class="sig sig-object py" id="chorale_utils.')[0]
    chapters = re.findall(r'href="\.\./\.\./notebooks/(\w+)\.html"', about)
    assert set(chapters) & set(CHAPTERS)
    thing = getattr(chorale_utils, name)
    if inspect.isroutine(thing) or inspect.isclass(thing):
        told = re.findall(r"^Notebook: (\w+)$", inspect.getdoc(thing), re.MULTILINE)
        assert set(told) <= set(chapters)


def test_the_reference_has_the_public_names_each_once_and_no_other():
    named = []
    for path in (PROJECT / "docs" / "reference").glob("*.rst"):
        lists = path.read_text(encoding="utf-8").split(".. public::")[1:]
        for one in lists:
            named += re.findall(r"^   (\w+)(?: -- .*)?$", one, re.MULTILINE)
    assert sorted(named) == sorted(PUBLIC)


def test_every_name_of_the_package_in_a_table_of_the_reference_is_a_link(book):
    for path in sorted((book / "docs" / "reference").glob("*.html")):
        table = path.read_text(encoding="utf-8").partition("<table")[2].partition("</table>")[0]
        plain = re.sub(r"<a [^>]*>.*?</a>", "", table, flags=re.DOTALL)
        named = re.findall(r'<code class="xref[^>]*>(?:<[^>]*>)*(\w+)<', plain)
        assert table and not set(named) & set(PUBLIC), path.name


def test_the_reference_has_what_a_public_class_takes_from_the_package(pages):
    ids = set().union(*(page.ids for page in pages.values()))
    for method in ("ChordGRU.motion_table", "PhraseGRU.motion_table", "Session.ask"):
        assert f"chorale_utils.{method}" in ids
    assert "chorale_utils.ChordGRU.fit" not in ids  # it is Keras'


def test_the_index_does_not_repeat_the_name_of_the_package(book):
    index = re.sub(r"<[^>]*>", "", (book / "genindex.html").read_text(encoding="utf-8"))
    assert "analyse()" in index and "accept() (Session method)" in index
    assert "chorale_utils" not in index


def test_signatures_name_only_types_that_a_reader_knows(book):
    for path in (book / "docs" / "reference").glob("*.html"):
        for signature in re.findall(r'<dt class="sig .*?</dt>', path.read_text("utf-8"), re.DOTALL):
            plain = re.sub(r"<[^>]+>", "", signature)
            assert not re.search(r"ForwardRef|PosixPath|\b_[A-Z]|\*args", plain), plain


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_explains_only_arguments_that_exist(name):
    thing = getattr(chorale_utils, name)
    about = inspect.getdoc(thing) or ""
    if inspect.isfunction(thing) and "\nArgs:\n" in about:
        section = re.split(r"\n(?=\S)", about.partition("\nArgs:\n")[2])[0]
        told = re.findall(r"^ {4}(?! )(.*?)(?::|$)", section, re.MULTILINE)
        assert {one for each in told for one in each.split(", ")} <= {
            *inspect.signature(thing).parameters
        }


@pytest.mark.parametrize("page", HOW_TO)
def test_a_how_to_names_only_what_exists(page):
    text = (PROJECT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for command in re.findall(r"^ *chorale (.+)$", block.replace("\\\n", " "), re.MULTILINE):
            arguments = shlex.split(command, comments=True)
            known, unknown = _parser().parse_known_args(arguments)
            assert not unknown, command
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        compile(block, page, "exec")
        for names in re.findall(r"^from chorale_utils import (.+)$", block, re.MULTILINE):
            for name in names.split(", "):
                assert hasattr(chorale_utils, name)


def test_one_workflow_publishes_the_book_and_one_runs_the_tests():
    folder = PROJECT / ".github" / "workflows"
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yml")}
    assert set(texts) == {"book", "test"}
    steps = {
        name: [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
        for name, text in texts.items()
    }
    assert {"run": "make test"}.items() <= next(
        step for step in steps["test"] if "make" in step.get("run", "")
    ).items()
    assert any(step.get("run") == "make book" for step in steps["book"])
    (upload,) = [step for step in steps["book"] if "upload-pages" in step.get("uses", "")]
    assert upload["with"]["path"] == "outputs/book"


# In a browser


@pytest.fixture
def reader(chromium):  # noqa: F811
    """A page of a browser that notes what it asks for and what it complains about."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.asked, page.wrong = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    # a page that is left breaks off what it was loading
    page.on(
        "requestfailed",
        lambda one: "ERR_ABORTED" in one.failure or page.wrong.append(f"failed: {one.url}"),
    )
    page.on("pageerror", lambda error: page.wrong.append(f"error: {error}"))
    page.on("console", lambda one: one.type == "error" and page.wrong.append(one.text))
    page.on("response", lambda one: one.ok or one.status < 400 or page.wrong.append(one.url))
    yield page
    context.close()


@pytest.fixture
def served(book):
    """The address of the book on a web server, in a sub-path."""
    handler = functools.partial(QuietHandler, directory=book.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/book/"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *about):
        pass


def test_from_a_folder_no_page_asks_for_anything_outside_and_none_is_wider_than_its_window(
    book, pages, reader
):
    for path in pages.keys() - {book / "index.html"}:  # which only leads to another
        reader.goto(path.as_uri(), wait_until="load")
        for width in (1280, 400):
            reader.set_viewport_size({"width": width, "height": 800})
            assert reader.evaluate("document.documentElement.scrollWidth") <= width, path
    root = book.as_uri() + "/"
    assert not [url for url in reader.asked if not url.startswith((root, "data:"))]
    assert not reader.wrong


def check_that_it_plays(page, number=0):
    """A player of the page plays, and a cursor, if there is one, is seen in its score."""
    audio = page.locator("audio").nth(number)
    audio.evaluate("audio => { audio.muted = true; return audio.play() }")
    page.wait_for_function(
        "n => document.querySelectorAll('audio')[n].currentTime > 0.5", arg=number
    )
    audio.evaluate("audio => audio.pause()")


def test_from_a_folder_a_chapter_plays_with_its_cursor(book, reader):
    reader.goto((book / "index.html").as_uri())
    reader.wait_for_url("**/docs/index.html")
    reader.get_by_role("link", name="5 · Generation").first.click()
    check_that_it_plays(reader)
    cursor = reader.locator(".chorale-cursor").first
    assert cursor.is_visible()
    place = cursor.bounding_box()
    scores = [image.bounding_box() for image in reader.locator("article img").all()]
    assert any(
        score["x"] < place["x"] < score["x"] + score["width"]
        and score["y"] < place["y"] < score["y"] + score["height"]
        for score in scores
        if score
    )
    assert not any(link.is_visible() for link in reader.locator(".chorale-link").all())
    assert not reader.wrong


def test_from_a_sub_path_the_book_is_read_and_the_gallery_plays(served, reader):
    reader.goto(served)
    reader.wait_for_url(f"{served}docs/index.html")
    check_that_it_plays(reader)
    reader.get_by_role("link", name="Ten chorales").first.click()
    reader.wait_for_url(f"{served}outputs/gallery/README.html")
    check_that_it_plays(reader, 3)
    assert all(url.startswith((served, "data:")) for url in reader.asked)
    assert not reader.wrong


def test_the_search_finds_a_function_a_rule_and_a_chapter_from_a_folder(book, reader):
    for words, found in {
        "harmonize": "docs/reference/writing.html",
        "parallel fifths": "docs/counterpoint.html",
        "temperature": "notebooks/05_generation.html",
    }.items():
        reader.goto((book / "search.html").as_uri() + f"?q={words.replace(' ', '+')}")
        reader.locator("ul.search li").first.wait_for()
        reader.wait_for_timeout(500)
        links = reader.locator("ul.search li a").evaluate_all("all => all.map(one => one.href)")
        assert any(found in link for link in links), words
    assert not reader.wrong
