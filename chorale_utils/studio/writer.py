"""The writer: a page's connection to the process that holds the model.

TensorFlow takes seconds to start and most of a gigabyte, and blocks Python while it compiles. So no
page computes with it: the model lives in a separate process (see process.py), which a kernel starts
for itself, or `chorale studio` for all its visitors. Requests are served one after another, each
with all cores; a waiting page is told how many requests are before its own.

Requests and answers are JSON, one message each, over a local socket that requires a key. A request
is a dict with its number (`job`) and what to `do`:

    write     the result of `as_asked` for a session's request; answers `chorale`
    look      `chorale`; answers `nats`, the model's surprise at each note, and `odds`, what each
              step adds to the critic's log-odds that the piece is Bach's
    hymn      `name` of a chorale of the corpus; answers `chorale`
    stop      no answer: the request with this number is dropped

An answer has the number of its request and ``"state"``: ``"waiting"`` (with the number of requests
`before` it), ``"starting"`` (the model is being loaded or compiled), ``"working"`` (`done` of
`total`), ``"done"``, ``"stopped"`` or ``"failed"`` (with a `message`).

Notebook: 06_studio
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Client
from pathlib import Path
from typing import Any

from .moments import Request

ADDRESS, KEY = "CHORALE_WRITER_ADDRESS", "CHORALE_WRITER_KEY"  # environment variables
MODEL = "phrase_gru"

Answer = dict[str, Any]


class Writer:
    """A connection to the process that holds the model, which is started if necessary.

    Answers arrive in a separate thread.

    Args:
        model: name of a shipped model, or path of a ``.keras`` file.
        address, key: address and key (str) of a running process; by default those in the
            environment, or else those of a new process.

    Raises:
        OSError: there is no process at the address.

    Notebook: 06_studio
    """

    def __init__(
        self, model: str = MODEL, address: str | None = None, key: str | None = None
    ) -> None:
        address, key = address or os.environ.get(ADDRESS), key or os.environ.get(KEY)
        self._process: subprocess.Popen[bytes] | None = None
        if address is None or key is None:
            self._process, address, key = start(model)
        self._waiting: dict[int, Callable[[Answer], object]] = {}
        self._jobs = 0
        self._lock = threading.Lock()
        self._connection = Client(address, authkey=bytes.fromhex(key))
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ask(self, request: dict[str, Any], tell: Callable[[Answer], object]) -> int:
        """Sends a request and returns its number (int).

        Args:
            request: see the top of this file.
            tell: function called with each answer (dict), from another thread.

        Raises:
            OSError: the process has ended.
        """
        with self._lock:
            self._jobs += 1
            job = self._jobs
            self._waiting[job] = tell
            self._connection.send_bytes(json.dumps(request | {"job": job}).encode())
        return job

    def stop(self, job: int) -> None:
        """Drops a request, without an answer."""
        with self._lock:
            if self._waiting.pop(job, None):
                self._connection.send_bytes(json.dumps({"do": "stop", "job": job}).encode())

    def close(self) -> None:
        """Ends the connection, and the process if it was started for this connection."""
        with self._lock, suppress(OSError):  # raised if the process has already ended
            with socket.socket(fileno=os.dup(self._connection.fileno())) as wire:
                wire.shutdown(socket.SHUT_RDWR)
        self._listener.join()
        if self._process is not None:
            end(self._process)

    def _listen(self) -> None:
        while True:
            try:
                answer = json.loads(self._connection.recv_bytes())
            except (EOFError, OSError):
                break
            with self._lock:
                tell = self._waiting.get(answer["job"])
                if answer["state"] in ("done", "stopped", "failed"):
                    self._waiting.pop(answer["job"], None)
            if tell is not None:
                tell(answer)
        with self._lock:
            self._connection.close()
            orphans, self._waiting = self._waiting, {}
        for job, tell in orphans.items():
            tell({"job": job, "state": "failed", "message": "The model's process has ended."})


_sharing = threading.Lock()


def shared_writer(model: str) -> Writer:
    """The writer of this process, made only once even if two threads ask for it.

    Args:
        model: as in `Writer`.

    Raises:
        OSError: as in `Writer`.
    """
    with _sharing:
        return _made_once(model)


def forget_writer() -> None:
    """Makes `shared_writer` start a new one, after its process has ended."""
    _made_once.cache_clear()


@lru_cache(maxsize=1)
def _made_once(model: str) -> Writer:
    return Writer(model)


def as_asked(request: Request) -> dict[str, Any]:
    """A session's request as a writer's request (dict)."""
    told = {"do": "write", "seed": request.seed, "form": vars(request.form)}
    for name in ("given", "onsets", "pitch_classes", "syllables"):
        value = getattr(request, name)
        told[name] = None if value is None else value.tolist()
    return told | {"tonic_ending": request.work == "write"} | vars(request.settings)


def start(model: str = MODEL) -> tuple[subprocess.Popen[bytes], str, str]:
    """Starts a process that holds a model: (process, its address, its key).

    It ends when the process that started it ends.

    Args:
        model: name of a shipped model, or path of a ``.keras`` file.

    Raises:
        OSError: it does not start.

    Notebook: 06_studio
    """
    key = secrets.token_hex(32)
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-m", "chorale_utils.studio.process", model],
        env=os.environ
        | {KEY: key, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        | {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3")},
        stdin=subprocess.PIPE,  # closed when this process ends, for whatever reason
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    address = process.stdout.readline().decode().strip()
    if not address:
        raise OSError(f"the process that holds {model} did not start: see its output above")
    return process, address, key


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that `start` has started."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
