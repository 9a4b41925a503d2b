"""What readers see of notebooks where nothing runs: GitHub displays one form of each output, HTML
before pictures, and strips from HTML all that could carry a script. And what they see and hear
where scripts run: the score once, and a cursor on it."""

import base64
import re
import tomllib
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import bleach
import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image
from studio_browser import Visitor, chromium  # noqa: F401 (a fixture)

from chorale_utils.story.notebooks import BOOK, with_links_to_the_book

PROJECT = Path(__file__).resolve().parents[1]
STORED = sorted((PROJECT / "notebooks").rglob("*.ipynb"))
STORY = [path for path in STORED if path.parent.name == "notebooks"]

# As https://github.com/gjtorikian/html-pipeline, the sanitiser that GitHub published, lists them.
TAGS = set(
    "h1 h2 h3 h4 h5 h6 br b i strong em a pre code img tt div ins del sup sub p ol ul li table "
    "thead tbody tfoot tr td th blockquote dl dt dd kbd q samp var hr ruby rt rp s strike summary "
    "details caption figure figcaption abbr bdo cite dfn mark small span time wbr".split()
)
ATTRIBUTES = {
    "a": ["href"],
    "img": ["src", "longdesc", "alt", "width", "height"],
    "*": ["align", "border", "colspan", "rowspan", "title", "valign", "width", "height"],
}


def sanitised(html):
    """HTML as GitHub leaves it: no scripts, no styles, no sound, no data in URIs."""
    html = re.sub(r"(?s)<(script|style)\b.*?</\1>", "", html)
    return bleach.clean(html, TAGS, ATTRIBUTES, {"http", "https", "mailto"}, strip=True)


class Seen(HTMLParser):
    """What a page shows: pictures (content) and links (address), in their order."""

    def __init__(self, html):
        super().__init__()
        self.pictures, self.links = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "img" and attrs.get("src"):
            self.pictures.append(attrs["src"])
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])


def on_github(cell):
    """What GitHub's page shows below a code cell (Seen)."""
    outputs = nbformat.from_dict(cell.get("outputs", []))
    for output in outputs:
        for kind in ("text/html", "text/markdown", "image/svg+xml"):
            if kind in output.get("data", {}):
                output.data[kind] = sanitised(output.data[kind])
    book = new_notebook(cells=[new_code_cell("", outputs=outputs)])
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(book)
    return Seen(html)


def players(cell):
    """The HTML of the players (list of str) in a cell's outputs."""
    outputs = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
    return [html for html in outputs if '<div class="chorale-player"' in html]


def drawn(source):
    """The picture (Image) that an address of an <img> holds."""
    kind, _, content = source.partition(",")
    assert kind == "data:image/png;base64"
    return Image.open(BytesIO(base64.b64decode(content)))


def check_that_scores_are_seen(cell):
    """Each player's score is a picture on GitHub's page, and no score has been left out."""
    pictures = [drawn(source) for source in on_github(cell).pictures]
    sizes = ["{}x{}".format(*picture.size) for picture in pictures]
    for player in players(cell):
        assert player.split('data-picture="')[1].split('"')[0] in sizes
    said = [output.get("data", {}).get("text/plain", "") for output in cell.get("outputs", [])]
    scores = sum(text.startswith("ScorePicture(") for text in said)
    assert len(pictures) >= scores >= len(players(cell))
    for picture in pictures[:scores]:
        assert np.array(picture.convert("L")).std() > 10  # not empty


SMALL = """
import numpy as np
from chorale_utils import Chorale, play, show, show_score
from chorale_utils.chorale import Pieces
notes = np.repeat([[72, 67, 64, 48], [74, 67, 59, 55], [72, 67, 64, 48], [71, 67, 62, 43]], 8, 0)
piece = Chorale(notes, name="small", key="C major", time_signature="4/4")
""".strip()
EACH = {
    "show(piece)": 1,
    "show([piece, piece[:16]])": 2,
    "show(piece, staves=4, analysis=True, caption='with analysis')": 1,
    "piece": 1,
    "Pieces([piece, piece])": 2,
    "display(show(piece[16:]))": 1,
}


@pytest.fixture(scope="module")
def small():
    """A notebook that shows chorales in all ways, executed in a kernel."""
    cells = [new_code_cell(source) for source in (SMALL, *EACH, "show_score(piece)")]
    book = new_notebook(cells=cells)
    NotebookClient(book, timeout=300, kernel_name="python3").execute()
    return with_links_to_the_book(book, "notebooks/small")


def test_github_shows_a_picture_of_every_score(small):
    for cell, count in zip(small.cells[1:], [*EACH.values(), 1]):
        assert len(on_github(cell).pictures) == count, cell.source
        check_that_scores_are_seen(cell)


def test_github_shows_a_link_to_the_sound_of_every_player(small):
    links = [link for cell in small.cells for link in on_github(cell).links]
    count = sum(EACH.values())
    assert links == [f"{BOOK}notebooks/small.html#listen-{n + 1}" for n in range(count)]
    html = "".join(html for cell in small.cells for html in players(cell))
    assert re.findall(r' id="(.*?)"', html) == [f"listen-{n + 1}" for n in range(count)]


def test_the_address_of_the_book_is_the_declared_one():
    with open(PROJECT / "pyproject.toml", "rb") as file:
        assert tomllib.load(file)["project"]["urls"]["Documentation"] == BOOK


def test_the_sanitiser_leaves_nothing_that_github_would_not():
    html = (
        '<p style="color: red">a</p><script>alert(1)</script><audio src="data:audio/mpeg;base64,A">'
        '</audio><img src="data:image/png;base64,AA"><img src="https://example.org/a.png">'
    )
    assert sanitised(html) == '<p>a</p><img><img src="https://example.org/a.png">'


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_github_shows_every_score_of_a_stored_notebook(path):
    for cell in nbformat.read(path, 4).cells:
        check_that_scores_are_seen(cell)


def undescribed(cell):
    """What pictures of a cell (list of str) are not described to those who cannot see them."""
    found = [
        f"picture {alt!r}" for alt in re.findall(r"!\[(.*?)\]", cell.source) if not alt.strip()
    ]
    for output in cell.get("outputs", []):
        data, about = output.get("data", {}), output.get("metadata", {})
        for kind in data:
            if kind.startswith("image/") and not about.get(kind, {}).get("alt", "").strip():
                found.append(kind)
        html = "".join(data.get("text/html", ""))
        found += [
            tag for tag in re.findall(r"<img\b[^>]*>", html) if not re.search(r'alt="[^"]', tag)
        ]
    return found


@pytest.mark.parametrize("path", STORED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_picture_of_a_stored_notebook_is_described(path):
    assert not {
        cell.id: undescribed(cell) for cell in nbformat.read(path, 4).cells if undescribed(cell)
    }


@pytest.mark.parametrize("path", STORY, ids=lambda path: path.stem)
def test_every_player_of_a_stored_chapter_has_a_link_to_the_book(path):
    cells = nbformat.read(path, 4).cells
    links = [link for cell in cells if players(cell) for link in on_github(cell).links]
    count = sum(len(players(cell)) for cell in cells)
    assert links == [f"{BOOK}notebooks/{path.stem}.html#listen-{n + 1}" for n in range(count)]


@pytest.fixture(scope="module")
def visitor(small, chromium, tmp_path_factory):  # noqa: F811
    """Somebody who reads the small notebook on a page where scripts run."""
    page = tmp_path_factory.mktemp("page") / "small.html"
    html, _ = HTMLExporter(template_name="basic").from_notebook_node(small)
    page.write_text(f"<!DOCTYPE html><meta charset='utf-8'><body>{html}</body>", encoding="utf-8")
    visitor = Visitor(chromium)
    visitor.page.goto(page.as_uri())
    yield visitor
    visitor.close()


def test_where_scripts_run_every_score_is_seen_once_and_no_link(visitor):
    page = visitor.page
    assert page.locator("img").count() == sum(EACH.values()) + 1
    assert page.locator("svg").count() == 0
    assert page.locator(".chorale-player").count() == sum(EACH.values())
    links = page.locator(".chorale-link")
    assert links.count() == sum(EACH.values())
    assert not any(link.is_visible() for link in links.all())


def test_the_cursor_goes_along_in_the_score_above_its_player(visitor):
    """Each cursor is within its own score, and further right as the sound goes on."""
    page = visitor.page
    for number, player in enumerate(page.locator(".chorale-player").all()):
        player.locator("audio").evaluate("audio => { audio.muted = true; return audio.play() }")
        page.wait_for_function(
            "n => document.querySelectorAll('.chorale-player audio')[n].currentTime > 0.6",
            arg=number,
        )
        player.locator("audio").evaluate("audio => audio.pause()")
        score = page.locator("img").nth(number).bounding_box()
        cursor = page.locator(".chorale-cursor").nth(number)
        assert cursor.is_visible()
        box = cursor.bounding_box()
        assert score["x"] + 0.1 * score["width"] < box["x"] < score["x"] + score["width"]
        assert score["y"] < box["y"] and box["height"] > 30
        assert box["y"] + box["height"] < score["y"] + score["height"]


def test_a_click_on_a_score_goes_on_from_there(visitor):
    page = visitor.page
    audio = page.locator("audio").first
    times = []
    for share in (0.3, 0.7):
        image = page.locator("img").first
        box = image.bounding_box()
        image.click(position={"x": share * box["width"], "y": 0.5 * box["height"]})
        times.append(audio.evaluate("audio => audio.currentTime"))
    assert times == sorted(set(times)) and times[-1] > 3  # from one chord to a later one
    untouched = page.locator("audio").nth(1).evaluate("audio => audio.currentTime")
    assert untouched < 2


def test_the_score_is_read_to_those_who_do_not_see_it(visitor):
    visitor.page.wait_for_function("document.images[0].alt == 'Score of small'")
