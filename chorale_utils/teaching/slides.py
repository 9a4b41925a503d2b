"""Slides with sound for a lecture, made from the stored notebooks.

`slides/lecture.md` has their content: Markdown, with a line of three hyphens between slides, and
outputs of notebooks in double braces: the notebook's name and the cell's id, and ``code`` to show
the code as well. Text after ``Note:`` is for the lecturer. nbconvert turns it into reveal.js
slides. reveal.js comes with the package sphinx-revealjs and is copied beside them, so that nothing
is downloaded, neither when the slides are made nor when they are shown.

Run as ``python -m chorale_utils.teaching.slides``, which `make slides` does.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..extras import require
from ..files import write_atomically
from ..story.notebooks import read_notebook

LECTURE = Path("slides") / "lecture.md"
NOTEBOOKS = Path("notebooks")
SLIDES = Path("outputs") / "slides"
REVEAL = "reveal.js"  # the folder beside the slides
_THEME = "white"  # includes its font; most other themes load theirs from Google
_PARTS = (
    "LICENSE",
    "dist/reveal.css",
    "dist/reveal.js",
    f"dist/theme/{_THEME}.css",
    "dist/theme/fonts/source-sans-pro",
    "plugin/notes",
)
_NO_CODE = "no-code"  # tag of a cell that only shows its output

_SHOWN = re.compile(r"^\{\{(\S+) (\S+?)( code)?\}\}$", re.MULTILINE)

# nbconvert's template without scripts from other servers: jQuery, RequireJS, Mermaid, MathJax.
_TEMPLATE = """\
{%- extends 'reveal/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
.reveal .slides { text-align: left; }
.reveal h1, .reveal h2 { font-size: 44px; margin: 0 0 12px; }
.reveal .jp-RenderedHTMLCommon { font-size: 27px; padding: 0; }
.reveal .jp-RenderedHTMLCommon table { font-size: 25px; margin: 0; }
.reveal .jp-OutputArea-output img { width: 85%; height: auto; margin: 0; }
.reveal .jp-OutputPrompt, .reveal .jp-InputPrompt { display: none; }
.reveal audio { height: 36px; }
</style>
{%- endblock -%}
{%- block footer_js -%}
<script src="{{ resources.reveal.url_prefix }}/dist/reveal.js"></script>
<script src="{{ resources.reveal.url_prefix }}/plugin/notes/notes.js"></script>
<script>
Reveal.initialize({
  controls: true, progress: true, hash: true, slideNumber: true, center: false,
  transition: "none", width: 1100, height: 760, plugins: [RevealNotes],
});
Reveal.on("slidechanged", () => document.querySelectorAll("audio").forEach(one => one.pause()));
</script>
{%- endblock -%}
"""


def make_slides(
    lecture: str | os.PathLike[str] = LECTURE,
    notebooks: str | os.PathLike[str] = NOTEBOOKS,
    output: str | os.PathLike[str] = SLIDES,
) -> Path:
    """Writes slides, and returns the page (Path) that shows them in a browser.

    Args:
        lecture: the Markdown file with their content.
        notebooks: folder of the executed notebooks.
        output: folder for ``index.html`` and reveal.js; created if missing.

    Raises:
        MissingExtra: the packages that make slides are not installed.
        FileNotFoundError: there is no such lecture or notebook.
        ValueError: a notebook has no such cell, or the cell shows nothing.
    """
    require("slides", "making slides")
    from nbconvert import SlidesExporter
    from traitlets.config import Config

    book = lecture_notebook(Path(lecture).read_text(encoding="utf-8"), Path(notebooks))
    exporter = SlidesExporter(
        config=Config(TagRemovePreprocessor={"enabled": True, "remove_input_tags": [_NO_CODE]}),
        raw_template=_TEMPLATE,
        reveal_url_prefix=REVEAL,
        reveal_theme=_THEME,
        exclude_anchor_links=True,
    )
    page, _ = exporter.from_notebook_node(book)
    output = Path(output)
    for part in _PARTS:
        source, target = _reveal() / part, output / REVEAL / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, target)
    written = output / "index.html"
    write_atomically(written, lambda unfinished: unfinished.write_text(page, encoding="utf-8"))
    return written


def _reveal() -> Path:
    """The folder of reveal.js in the package that contains it."""
    spec = find_spec("sphinx_revealjs")
    if spec is None or spec.origin is None:
        raise FileNotFoundError(
            "reveal.js was not found: expected it in sphinx-revealjs, which comes with "
            "pip install 'chorale-utils[slides]'"
        )
    return Path(spec.origin).parent / "_static" / "revealjs"


def lecture_notebook(lecture: str, notebooks: Path) -> Any:
    """A lecture as a notebook (NotebookNode), with a slide for each part between lines of hyphens.

    Args:
        lecture: Markdown, as in ``slides/lecture.md``.
        notebooks: folder of the executed notebooks.

    Raises:
        FileNotFoundError, ValueError: as in `make_slides`.

    Examples:
        >>> book = lecture_notebook("# One\\n\\nNote: slowly\\n\\n---\\n\\n# Two", Path())
        >>> [cell.metadata.slideshow.slide_type for cell in book.cells]
        ['slide', 'notes', 'slide']
    """
    from nbformat.v4 import new_markdown_cell, new_notebook

    cells: list[Any] = []
    for slide in re.split(r"^---$", lecture, flags=re.MULTILINE):
        text, _, note = slide.partition("\nNote: ")
        kind, at = "slide", 0
        for shown in [*_SHOWN.finditer(text), None]:
            words = text[at : shown.start() if shown else None].strip()
            found = [new_markdown_cell(words)] if words else []
            if shown:
                at = shown.end()
                found.append(_cell(notebooks / f"{shown[1]}.ipynb", shown[2], bool(shown[3])))
            for cell in found:
                cell.id = f"shown-{len(cells)}"  # two notebooks may give a cell the same name
                cell.metadata["slideshow"] = {"slide_type": kind}
                cells.append(cell)
                kind = "-"
        if note:
            said = new_markdown_cell(note.strip())
            said.metadata["slideshow"] = {"slide_type": "notes"}
            cells.append(said)
    return new_notebook(cells=cells, metadata={"title": lecture.split("\n")[0].lstrip("# ")})


def _cell(path: Path, name: str, code: bool) -> Any:
    """A copy of a notebook's cell with its outputs, and with its code if `code`."""
    cell = next((cell for cell in read_notebook(path).cells if cell.get("id") == name), None)
    if cell is None:
        raise ValueError(
            f"{path.name} has no cell {name!r}: expected a cell's id from the notebook's file"
        )
    outputs = [
        one for one in cell.get("outputs", []) if code or set(one.get("data", {})) - {"text/plain"}
    ]
    if not outputs:
        raise ValueError(f"{path.name}, cell {name}: no output; execute the notebook first")
    cell.outputs = outputs
    cell.metadata = {}
    if not code:
        cell.source, cell.metadata["tags"] = "", [_NO_CODE]
    return cell


if __name__ == "__main__":
    print(make_slides(*sys.argv[1:]))
