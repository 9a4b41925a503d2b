"""Slides: made from the notebooks as they are stored, shown in Chromium without any network."""

import re
from pathlib import Path

import nbformat
import pytest
from studio_browser import chromium  # noqa: F401  # a fixture

from chorale_utils.teaching.slides import lecture_notebook, make_slides

PROJECT = Path(__file__).resolve().parents[1]
LECTURE, NOTEBOOKS = PROJECT / "slides" / "lecture.md", PROJECT / "notebooks"


@pytest.fixture(scope="module")
def slides(tmp_path_factory):
    """The page of the committed lecture."""
    return make_slides(LECTURE, NOTEBOOKS, tmp_path_factory.mktemp("slides"))


@pytest.fixture
def shown(tmp_path):
    """A folder with one notebook: a cell that shows something, and one that does not."""
    code = nbformat.v4.new_code_cell("1 + 1", id="sum")
    code.outputs = [nbformat.v4.new_output("display_data", {"text/html": "<b>two</b>"})]
    silent = nbformat.v4.new_code_cell("x = 1", id="silent")
    book = nbformat.v4.new_notebook(cells=[code, silent])
    nbformat.write(book, tmp_path / "01_first.ipynb")
    return tmp_path


def test_a_cell_is_shown_with_its_code_or_without(shown):
    lecture = "# One\n\n{{01_first sum}}\n\n---\n\n# Two\n\n{{01_first sum code}}\n\nafter"
    book = lecture_notebook(lecture, shown)
    assert [cell.source for cell in book.cells] == ["# One", "", "# Two", "1 + 1", "after"]
    kinds = [cell.metadata.slideshow.slide_type for cell in book.cells]
    assert kinds == ["slide", "-", "slide", "-", "-"]
    assert len({cell.id for cell in book.cells}) == len(book.cells)


def test_a_cell_that_is_not_there_and_one_that_shows_nothing_are_named(shown):
    with pytest.raises(ValueError, match="01_first.ipynb has no cell 'product'"):
        lecture_notebook("{{01_first product}}", shown)
    with pytest.raises(ValueError, match="cell silent: no output"):
        lecture_notebook("{{01_first silent}}", shown)
    with pytest.raises(FileNotFoundError):
        lecture_notebook("{{02_second sum}}", shown)


def test_every_slide_of_the_lecture_is_a_section_and_its_notes_are_kept(slides):
    page = slides.read_text(encoding="utf-8")
    lecture = LECTURE.read_text(encoding="utf-8")
    assert page.count('<aside class="notes">') == lecture.count("\nNote: ")
    assert page.count("<audio controls") >= 8
    assert (slides.parent / "reveal.js" / "LICENSE").is_file()


def test_the_page_asks_for_nothing_from_elsewhere(slides):
    page = slides.read_text(encoding="utf-8")
    page_without_links = re.sub(r"<a\b[^>]*>", "", page)
    asked = re.findall(r'(?:src|href)="([^"]+)"', page_without_links)
    assert not [one for one in asked if re.match(r"(https?:)?//", one)]
    assert "import mermaid" not in page and "MathJax" not in page
    for sheet in slides.parent.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


@pytest.mark.slow
@pytest.mark.xdist_group("chromium")
def test_the_lecture_can_be_given_without_a_network(slides, chromium):  # noqa: F811
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, offline=True)
    page = context.new_page()
    page.set_default_timeout(60_000)
    wrong, asked = [], []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda one: wrong.append(one.text) if one.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(slides.as_uri())
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    count = page.evaluate("Reveal.getTotalSlides()")
    assert count == LECTURE.read_text(encoding="utf-8").count("\n---\n") + 1
    page.keyboard.press("ArrowRight")
    audio = page.locator("section.present audio").first
    audio.evaluate("one => one.play()")
    page.wait_for_function(
        "[...document.querySelectorAll('section.present audio')].some(one => one.currentTime > 0.3)"
    )
    for at in range(2, count):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(f"Reveal.getIndices().h === {at}")
        page.wait_for_function("[...document.querySelectorAll('audio')].every(one => one.paused)")
        assert page.locator("section.present").last.inner_text().strip()
    assert page.evaluate("Reveal.isLastSlide()")
    context.close()
    assert not wrong, wrong
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked), asked
