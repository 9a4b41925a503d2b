"""The studio as a page for people who do not program: `chorale studio`.

Voilà serves it, on this machine alone unless another address is asked for, to whoever knows the
token. Each visitor has a kernel, in which nothing but the widget runs; the model is held once, by
one writer for all of them (see writer.py): a kernel with TensorFlow takes almost a gigabyte, one
without a fifth of that.

What a visitor can reach: Voilà passes on messages to widgets and no code, and of the widgets there
is one, which obeys a list of commands. No folder is served, no file of the visitor's is named by
him, and no traceback is shown.

Notebook: 06_studio
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import tempfile
from pathlib import Path

from .widget import FOLDER, Studio
from .writer import ADDRESS, KEY, MODEL, end, start

PORT = 8866
HERE = "127.0.0.1"
MODEL_NAME = "CHORALE_STUDIO_MODEL"  # environment variable, by which the kernels know it
_WIDGETS = "jupyter.widget"  # the name under which a page can ask for widgets to be made
_EXTENSIONS = (  # what the page loads besides Voilà's own scripts
    "anywidget",
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
)
_IDLE = 120  # seconds after which the kernel of a page that has gone away is ended


def serve(
    port: int = PORT,
    address: str = HERE,
    token: str | None = None,
    model: str = MODEL,
    folder: str | os.PathLike[str] | None = None,
    browser: bool = True,
) -> None:
    """Serves the page until it is interrupted.

    Args:
        port: 0 for any that is free.
        address: of this machine; another than 127.0.0.1 lets other machines in.
        token: what a visitor must know (str); None draws one.
        model: the model that writes: name of a shipped one, or path of a ``.keras`` file.
        folder: where visitors' work is kept; None for the user's data folder.
        browser: whether a browser is opened.

    Raises:
        MissingExtra: Voilà is not installed.
        ValueError: an empty token.
        OSError: the port is taken.

    Notebook: 06_studio
    """
    if token is not None and not token:
        raise ValueError("token '': expected some letters, which a visitor must know")
    from voila.app import Voila

    if address not in (HERE, "localhost", "::1"):
        print(
            f"chorale: listening on {address}: whoever reaches this machine over the network and "
            "knows the token can use the studio, and with it this machine's processor and memory. "
            "What is sent is not encrypted: where that matters, put a server with TLS before it.",
            file=sys.stderr,
        )
    port, token = port or _free_port(address), token or secrets.token_hex(24)
    shown = f"[{address}]" if ":" in address else address
    place = f"http://{shown}:{port}/?token={token}"
    print(f"The studio is at {place} until you press Ctrl-C.", flush=True)
    process = None
    if not {ADDRESS, KEY} <= set(os.environ):  # or else a model is in memory already
        process, os.environ[ADDRESS], os.environ[KEY] = start(model)
    os.environ |= {
        MODEL_NAME: model,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    if folder is not None:
        os.environ[FOLDER] = str(Path(folder).absolute())
    try:
        with tempfile.TemporaryDirectory(prefix="chorale-") as page:
            _write_page(Path(page))
            Voila.launch_instance(argv=_arguments(Path(page), port, address, token, browser))
    finally:
        if process is not None:
            end(process)
            del os.environ[ADDRESS], os.environ[KEY]


def page() -> Studio:
    """The studio in a kernel that a visitor reaches: what the page's one cell shows.

    Notebook: 06_studio
    """
    from comm import get_comm_manager

    get_comm_manager().targets.pop(_WIDGETS, None)  # a visitor makes no widgets of his own
    return Studio(model=os.environ.get(MODEL_NAME, MODEL))


def _write_page(folder: Path) -> None:
    """Writes the notebook that Voilà shows, of one cell, and the template by which it does."""
    import nbformat

    cell = nbformat.v4.new_code_cell("from chorale_utils.studio.serving import page\n\npage()")
    book = nbformat.v4.new_notebook(cells=[cell])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    book.metadata["title"] = "Studio"
    nbformat.write(book, folder / "studio.ipynb")
    template = folder / "voila" / "templates" / "studio"
    template.mkdir(parents=True)
    (template / "conf.json").write_text('{"base_template": "lab"}', "utf-8")
    (template / "index.html.j2").write_text(_TEMPLATE, "utf-8")
    paths = [str(folder), os.environ.get("JUPYTER_PATH", "")]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, paths))


# Voilà's own template asks other servers for a font of icons; this one asks nobody for anything.
_TEMPLATE = """
{%- extends 'voila/templates/lab/index.html.j2' -%}
{%- block notebook_css -%}
{{ spinner.css() }}
<style>
  .jp-mod-noOutputs.jp-mod-noInput { display: none; }
  body { margin: 0; }
  #main, #jp-main-content-panel, #rendered_cells {
    position: static !important; contain: none !important; overflow: visible !important;
    width: auto !important; height: auto !important; min-height: 0 !important;
  }
  @media (prefers-color-scheme: dark) { body { background: #16171a; color: #ededf0; } }
</style>
{%- endblock notebook_css -%}
"""


def _free_port(address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family) as one:
        return int(one.getsockname()[1])


def _arguments(folder: Path, port: int, address: str, token: str, browser: bool) -> list[str]:
    options = {
        "Voila.ip": address,
        "Voila.port": port,
        "Voila.token": token,
        "Voila.open_browser": browser,
        "Voila.root_dir": folder,
        "VoilaConfiguration.template": "studio",
        "VoilaConfiguration.theme": "light",
        "VoilaConfiguration.allow_template_override": "NO",
        "VoilaConfiguration.allow_theme_override": "NO",
        "VoilaConfiguration.show_tracebacks": False,
        "VoilaConfiguration.file_denylist": ".*",
        "MappingKernelManager.cull_idle_timeout": _IDLE,
        "MappingKernelManager.cull_interval": _IDLE // 4,
        "MappingKernelManager.cull_connected": False,
    }
    extensions = [f"--VoilaConfiguration.extension_allowlist={name}" for name in _EXTENSIONS]
    told = [f"--{name}={value}" for name, value in options.items()]
    return [str(folder / "studio.ipynb"), *told, *extensions]
