"""The book: chapters, pages, cards and reference, built by `make book` into outputs/book.

Nothing is executed, and nothing is fetched: notebooks are shown with the outputs that they store,
cards are read where the package keeps them, and the reference is made from docstrings. Its folder
is that of the project, so that a link from one document to another is the same here and on GitHub.
"""

import base64
import functools
import hashlib
import inspect
import re
import shutil
import sys
import tomllib
import types
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import signature as sphinx_signature, stringify_signature

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))  # these docstrings, whichever checkout is installed

with open(PROJECT / "pyproject.toml", "rb") as _file:
    html_baseurl = tomllib.load(_file)["project"]["urls"]["Documentation"]

project = "Chorales"
author = "The chorale-utils authors"
html_title = "Chorales"
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/**",
    "outputs/gallery/README.md",
    "chorale_utils/**.md",
]
exclude_patterns = ["**/.ipynb_checkpoints", "**/_*"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]

# Pages

html_theme = "furo"
html_static_path = ["_static"]
html_favicon = "_static/note.svg"
html_css_files = ["book.css"]
templates_path = ["_templates"]
html_additional_pages = {"index": "start.html"}  # leads to docs/index.html
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False
smartquotes_action = "qD"  # but x.x..... stays a rhythm
html_show_search_summary = False  # it would read pages, which file:// does not allow
html_scaled_image_link = False  # a click on a score moves the cursor
html_use_index = True
html_domain_indices = False
pygments_style, pygments_dark_style = "default", "github-dark"
copybutton_exclude = ".linenos, .gp, .go"

nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # CommonMark, the default, has no tables
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3  # README and pages link to headings as GitHub names them
myst_links_external_new_tab = False

# The reference

default_role = "py:obj"  # `name` in a docstring
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"ArrayLike": "ArrayLike"}
napoleon_numpy_docstring = False
napoleon_use_param = False  # `low, high: both percentiles` stays one entry
napoleon_use_rtype = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
python_display_short_literal_types = True

GALLERY = "outputs/gallery/README"

_CHAPTER = re.compile(r"^ *Notebook: (.+)$")
_ARRAY_LIKE = re.compile(  # what numpy's ArrayLike stands for where an annotation is evaluated
    r"TypeAliasForwardRef\('ArrayLike'\)"
    r"|~[\w.]+\._Buffer \| .*?_NestedSequence\[complex \| bytes \| str\]"
)
# methods that only a framework or a base class calls
_FOR_FRAMEWORKS = {"build", "call", "get_config", "from_config", "set_state", "heard"}


class Public(SphinxDirective):
    """Public names of the package, one a line: a table of them, and then each with what it says of
    itself. A value cannot say anything: after its name and two hyphens stands what it is, and after
    two more its chapter."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Puts a table and the directives of autodoc in its place."""
        import chorale_utils

        table = [".. list-table::", "   :widths: auto", "   :class: names", ""]
        entries = []
        for line in filter(str.strip, self.content):
            name, *told = line.strip().split(" -- ")
            value = getattr(chorale_utils, name)
            if told:
                about, chapter = told
                shown = repr(value)
                entries += [f".. data:: {name}"]
                entries += [f"   :value: {shown}"] * (len(shown) < 80 and "Path" not in shown)
                entries += ["", f"   {about}", "", f"   {chapter_link(chapter)}", ""]
            else:
                about = " ".join(inspect.getdoc(value).split("\n\n")[0].split())
                kind = "class" if inspect.isclass(value) else "function"
                entries += [f".. auto{kind}:: {name}"]
                if kind == "class":
                    entries += [f"   :members: {', '.join(members(value))}"]
                entries += [""]
            table += [f"   * - `{name}`", f"     - {about}"]
        return self.parse_text_to_nodes("\n".join([*table, "", *entries]), offset=0)


def members(kind):
    """Names of what a user calls of a class (list of str), also where it comes from a base class of
    the package that has no entry of its own, but not where a method only refers to the one it
    overrides."""
    import chorale_utils

    ours = [
        one
        for one in kind.__mro__
        if one.__module__.startswith("chorale_utils.")
        and (one is kind or one.__name__ not in chorale_utils.__all__)
    ]
    names = dict.fromkeys(name for one in ours for name in vars(one))
    named = [name for name in names if name[0] != "_" and name not in _FOR_FRAMEWORKS]
    callable_ = (property, functools.cached_property, classmethod, types.FunctionType)
    found = {name: inspect.getattr_static(kind, name) for name in named}
    found = {name: member for name, member in found.items() if isinstance(member, callable_)}
    return [name for name in found if not inspect.getdoc(found[name]).startswith("See `Cho")]


def take_chapter(app, what, name, thing, options, lines):
    """Takes the last line of a docstring, which names its notebook, before napoleon reads it."""
    found = [_CHAPTER.match(line) for line in lines]
    lines[:] = [line for line, names in zip(lines, found) if not names]
    app.env.temp_data["chapters"] = [names[1] for names in found if names]


def add_chapter(app, what, name, thing, options, lines):
    """Ends a docstring with a link to the chapter that tells about it."""
    for chapter in app.env.temp_data.pop("chapters", []):
        lines += ["", chapter_link(chapter), ""]


def chapter_link(chapter):
    """A line that leads to a notebook, such as 05_generation."""
    return f"*Chapter:* :doc:`/notebooks/{chapter}`"


def plain_signature(app, what, name, thing, options, signature, returns):
    """A signature with the names of types that a reader knows; that of a class is its
    constructor's, even if a framework hides it."""
    if what == "class" and (signature or "").startswith("(*args"):
        whole = stringify_signature(
            sphinx_signature(thing.__init__, bound_method=True), unqualified_typehints=True
        )
        signature = re.sub(r"(, )?\*\*kwargs: [^,)]*|\*args, \*\*kwargs", "", whole)
        signature = signature.removesuffix(" -> None")
    plain = []
    for part in (signature, returns):
        part = part and _ARRAY_LIKE.sub("ArrayLike", part)
        plain.append(part and re.sub(r"PosixPath\(('.*?')\)", r"\1", part))
    return tuple(plain)


class ShortIndex(SphinxTransform):
    """Leaves the package's name out of the index, where it would stand beside every entry."""

    default_priority = 800  # before entries are collected, at 850

    def apply(self, **options):
        """Changes the text of the entries."""
        name = re.compile(r" \(in module chorale_utils\)| in chorale_utils(?=\))|chorale_utils\.")
        for node in self.document.findall(addnodes.index):
            node["entries"] = [
                (kind, name.sub("", text), *rest) for kind, text, *rest in node["entries"]
            ]


# Notebooks and the gallery


def adapt_source(app, docname, source):
    """Gives documents what GitHub adds to them, or could not show."""
    path = app.env.doc2path(docname)
    if path.suffix == ".ipynb":
        source[0] = with_attachments(source[0])
    if docname == GALLERY:
        # each score is followed by its sound
        image = r"(!\[[^\]]*\]\((.*?)\.svg\))"
        source[0] = re.sub(
            image, r'\1\n\n<audio controls preload="metadata" src="\2.mp3"></audio>', source[0]
        )


def with_attachments(notebook):
    """A notebook (JSON) whose attached pictures stand in the text itself."""
    book = nbformat.reads(notebook, as_version=4)
    for cell in book.cells:
        for name, content in cell.get("attachments", {}).items():
            (kind, data), *_ = content.items()
            cell.source = cell.source.replace(
                f"(attachment:{name})", f"(data:{kind};base64,{data})"
            )
    return nbformat.writes(book)


def describe_pictures(app, tree):
    """Gives each picture of a notebook the alternative text that its output or cell has."""
    path = app.env.doc2path(app.env.current_document.docname)
    if path.suffix != ".ipynb":
        return
    told = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {}).get("image/png")
            if data:
                about = output.metadata.get("image/png", {}).get("alt") or cell.metadata.get("alt")
                told[hashlib.sha256(base64.b64decode(data)).hexdigest()] = about
    for image in tree.findall(nodes.image):
        if not image.get("alt"):
            title = image.parent
            while not isinstance(title, nodes.section):
                title = title.parent
            heading = title.next_node(nodes.title).astext()
            image["alt"] = told.get(Path(image["uri"]).stem) or f"Picture for “{heading}”"


def copy_gallery(app, error):
    """Puts the gallery's sound beside its page."""
    if error is None and app.builder.format == "html":
        there = Path(app.outdir) / "outputs" / "gallery"
        for sound in (PROJECT / "outputs" / "gallery").glob("*.mp3"):
            shutil.copy(sound, there)


def setup(app):
    """Connects what is above to Sphinx."""
    app.add_directive("public", Public)
    app.add_transform(ShortIndex)
    app.connect("autodoc-process-docstring", take_chapter, priority=100)
    app.connect("autodoc-process-docstring", add_chapter, priority=900)
    app.connect("autodoc-process-signature", plain_signature)
    app.connect("source-read", adapt_source)
    app.connect("doctree-read", describe_pictures)
    app.connect("build-finished", copy_gallery)
    return {"parallel_read_safe": True}
