"""The studio as a page for people who do not program: `chorale studio`.

Voilà serves it to everybody who knows the token, only on this machine unless another address is
given. Each visitor has a kernel that runs only the widget; one writer holds the model for all of
them (see writer.py): a kernel with TensorFlow takes almost a gigabyte, one without it a fifth of
that.

What a visitor can reach: Voilà passes on messages to widgets but no code, and the only widget obeys
a fixed list of commands. No folder is served, visitors cannot name files on this machine, and no
traceback is shown.

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
MODEL_NAME = "CHORALE_STUDIO_MODEL"  # environment variable that tells the kernels
_WIDGETS = "jupyter.widget"  # the target through which a page can create widgets
_EXTENSIONS = (  # loaded by the page besides Voilà's own scripts
    "anywidget",
    "@jupyter-widgets/jupyterlab-manager",
    "@voila-dashboards/widgets-manager8",
)
_IDLE = 120  # seconds after which the kernel of a closed page is ended


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
        port: 0 for any free port.
        address: address of this machine; any other than 127.0.0.1 lets other machines in.
        token: password for visitors (str); None draws a random one.
        model: the model that writes: name of a shipped one, or path of a ``.keras`` file.
        folder: where visitors' work is kept; None for the user's data folder.
        browser: whether to open a browser.

    Raises:
        MissingExtra: Voilà is not installed.
        ValueError: an empty token.
        OSError: the port is in use.

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
    if not {ADDRESS, KEY} <= set(os.environ):  # otherwise a process already holds a model
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
    """The studio in a visitor's kernel, shown by the page's only cell.

    Notebook: 06_studio
    """
    from comm import get_comm_manager

    get_comm_manager().targets.pop(_WIDGETS, None)  # visitors cannot create widgets
    studio = Studio(model=os.environ.get(MODEL_NAME, MODEL))
    studio._public = True
    return studio


def _write_page(folder: Path) -> None:
    """Writes the one-cell notebook that Voilà shows, and its template."""
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


# Voilà's own template loads an icon font from another server; this one loads nothing.
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
