"""Files: written whole or not at all."""

import os
from pathlib import Path


def write_whole(path, write):
    """Calls `write` with a temporary path beside `path` and then renames it, so that `path` is either whole or
    as it was before, whatever happens in between. The folder is made where it is missing.

    Args:
        path: where the file is to be (str or Path).
        write: function of one Path that writes the file there; the suffix is that of `path`.

    Returns:
        Path: `path`.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return path
