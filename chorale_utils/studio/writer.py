"""The writer: one process that holds the model, and what a page asks of it.

TensorFlow takes seconds to start, most of a gigabyte, and Python's attention while it compiles. So
no page computes with it: the model lives in a process of its own, which a kernel starts for itself
or which `chorale studio` starts for all its visitors. Requests are served one after the other, each
with both cores; whoever waits is told how many are before him.

Requests and answers are JSON, one message each, over a local socket that asks for a key. A request
is a dict with its number (`job`) and what to `do`:

    write     `given` and what else `writing.generation.generate` takes; answers `pitches`
    surprise  `pitches`; answers `nats`, the model's surprise at each note
    hymn      `name` of a chorale of the corpus; answers `chorale`
    stop      no answer: the request with this number is dropped

An answer has the number of its request and ``"state"``: ``"waiting"`` (with how many are `before`
it), ``"starting"`` (the model is being loaded or compiled), ``"working"`` (`done` of `total`),
``"done"``, ``"stopped"`` or ``"failed"`` (with a `message`).

Notebook: 06_studio
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from queue import Queue
from typing import Any

import numpy as np

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale
from .moments import Request, Settings

ADDRESS, KEY = "CHORALE_WRITER_ADDRESS", "CHORALE_WRITER_KEY"  # environment variables
MODEL = "chord_gru"
LIVELY, CALM = "lively", "calm"
MOST_WAITING = 8  # requests of one page that are not answered yet
CANDIDATES_FOR_MOVEMENT = 4  # pieces written for each that is kept, where movement is asked for

Answer = dict[str, Any]


class Stopped(Exception):
    """Whoever asked wants it no more."""


# Asking: what a page's kernel does


class Writer:
    """A connection to the process that holds the model, which is started unless there is one.

    Answers come from a thread of their own.

    Args:
        model: name of a shipped model, or path of a ``.keras`` file.
        address, key: of a process that runs already (str); by default what the environment says,
            and without that a process of this one's own.

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
            tell: function of each answer (dict), called from another thread.

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
        """Drops a request; nothing more is heard of it."""
        with self._lock:
            if self._waiting.pop(job, None):
                self._connection.send_bytes(json.dumps({"do": "stop", "job": job}).encode())

    def close(self) -> None:
        """Ends the connection, and the process if it was started for it."""
        with self._lock, suppress(OSError):  # which has it that the process is gone already
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
    """The writer of this process, made once even where two threads ask for it.

    Args:
        model: as in `Writer`.

    Raises:
        OSError: as in `Writer`.
    """
    with _sharing:
        return _made_once(model)


def forget_writer() -> None:
    """Has `shared_writer` make the next one anew, after its process has ended."""
    _made_once.cache_clear()


@lru_cache(maxsize=1)
def _made_once(model: str) -> Writer:
    return Writer(model)


def as_asked(request: Request) -> dict[str, Any]:
    """What a writer is asked, for a session's request (dict)."""
    classes = request.pitch_classes
    told = {"do": "write", "given": request.given.tolist(), "seed": request.seed}
    told |= {} if classes is None else {"pitch_classes": classes.tolist()}
    return told | vars(request.settings)


def start(model: str = MODEL) -> tuple[subprocess.Popen[bytes], str, str]:
    """Starts a process that holds a model: (process, its address, the key it asks for).

    It ends with the process that started it.

    Args:
        model: name of a shipped model, or path of a ``.keras`` file.

    Raises:
        OSError: it does not start.

    Notebook: 06_studio
    """
    key = secrets.token_hex(32)
    paths = [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-m", "chorale_utils.studio.writer", model],
        env=os.environ
        | {KEY: key, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        | {"TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3")},
        stdin=subprocess.PIPE,  # closed when this process ends, however it ends
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    address = process.stdout.readline().decode().strip()
    if not address:
        raise OSError(f"the process that holds {model} did not start: see what it said above")
    return process, address, key


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process that `start` has started."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


# Serving: the process itself


class _Desk:
    """The requests of all pages, in the order in which they came, and who waits for them."""

    def __init__(self, model: str) -> None:
        self.model_name = model
        self.queue: Queue[_Job] = Queue()
        self.waiting: list[_Job] = []
        self.lock = threading.Lock()
        self.model: Any = None
        self.compiled: set[tuple[Any, ...]] = set()

    def receive(self, connection: Connection) -> None:
        """Takes in what one page sends, until it goes away."""
        jobs: dict[int, _Job] = {}
        sending = threading.Lock()
        while True:
            try:
                request = json.loads(connection.recv_bytes())
                if not {"do", "job"} <= set(request):
                    break
            except (EOFError, OSError, ValueError, TypeError):  # gone, or none of ours
                break
            if request["do"] == "stop":
                if request["job"] in jobs:
                    jobs[request["job"]].stopped.set()
                continue
            job = _Job(request, connection, sending)
            jobs = {number: one for number, one in jobs.items() if not one.ended} | {
                request["job"]: job
            }
            if len(jobs) > MOST_WAITING:
                job.tell("failed", message="too much is asked at once: wait for the answers")
                job.ended = True
                continue
            with self.lock:
                self.waiting.append(job)
                before = len(self.waiting) - 1
            job.tell("waiting", before=before)
            self.queue.put(job)
        for job in jobs.values():
            job.stopped.set()
        with sending:  # or an answer might go to whoever is given the same descriptor next
            connection.close()

    def work(self) -> None:
        """Serves one request after the other, for ever."""
        self.warm_up()
        while True:
            job = self.queue.get()
            try:
                job.check()
                job.tell("done", **self._answer(job))
            except Stopped:
                job.tell("stopped")
            except Exception as error:  # whatever goes wrong is the asker's to hear
                job.tell("failed", message=str(error) or type(error).__name__)
            job.ended = True
            with self.lock:
                self.waiting.remove(job)
                rest = list(self.waiting)
            for before, one in enumerate(rest):
                one.tell("waiting", before=before)

    def _answer(self, job: _Job) -> Answer:
        does = {"write": self._write, "surprise": self._surprise, "hymn": self._hymn}
        if job.request["do"] not in does:
            raise ValueError(f"{job.request['do']!r}: expected one of {', '.join(does)}")
        return does[job.request["do"]](job)

    def warm_up(self) -> None:
        """Loads the model and has it compiled for what is asked for most."""
        from ..models.saving import load_model

        self.model = load_model(self.model_name)
        self._compile(_compiled_by(vars(Settings())))
        self._nats(np.full((4 * STEPS_PER_QUARTER, len(VOICES)), 60))

    def _compile(self, how: dict[str, Any]) -> None:
        """Has the model compiled for one way of writing, unless it is."""
        if tuple(how.items()) in self.compiled:
            return
        for quarters in (4, 6):  # TensorFlow compiles for any length when it meets the second one
            given = {"given": _free(quarters * STEPS_PER_QUARTER), "seed": 0}
            self._generated(given | how, lambda done, total: None)
        self.compiled.add(tuple(how.items()))

    def _write(self, job: _Job) -> Answer:
        request = {name: value for name, value in job.request.items() if name not in ("do", "job")}
        job.tell("starting", done=0, total=1)
        self._compile(_compiled_by(request))
        return {"pitches": self._generated(request, job.progress).tolist()}

    def _generated(
        self, request: dict[str, Any], progress: Callable[[int, int], object]
    ) -> np.ndarray:
        from ..judging.counterpoint import RANGES
        from ..writing.generation import generate

        how = vars(Settings()) | request
        how["given"] = np.array(how["given"], int).reshape(-1, len(VOICES))
        how["ranges"] = RANGES if how["ranges"] else None
        judge = {LIVELY: liveliness, CALM: calmness}.get(how.pop("movement"))
        if judge is not None:
            how |= {"best_of": CANDIDATES_FOR_MOVEMENT, "judge": judge}
        return generate(self.model, rests=False, progress=progress, **how)[0].pitches

    def _surprise(self, job: _Job) -> Answer:
        job.tell("working", done=0, total=1)
        return {"nats": self._nats(np.array(job.request["pitches"], int)).round(2).tolist()}

    def _nats(self, pitches: np.ndarray) -> np.ndarray:
        from ..models.evaluation import note_log_probs

        return -note_log_probs(self.model, pitches)

    def _hymn(self, job: _Job) -> Answer:
        from ..corpus.editions import load_corpus
        from .keeping import chorale_to_json

        job.tell("starting", done=0, total=1)
        return {"chorale": chorale_to_json(load_corpus(progress=False)[job.request["name"]])}


class _Job:
    """A request, and the page that waits for it."""

    def __init__(
        self, request: dict[str, Any], connection: Connection, sending: threading.Lock
    ) -> None:
        self.request, self.connection, self.sending = request, connection, sending
        self.stopped = threading.Event()
        self.ended = False

    def tell(self, state: str, **about: Any) -> None:
        """Sends an answer; a page that has gone away is not told anything."""
        answer = json.dumps({"job": self.request["job"], "state": state, **about}).encode()
        try:
            with self.sending:
                self.connection.send_bytes(answer)
        except OSError:
            self.stopped.set()

    def progress(self, done: int, total: int) -> None:
        """Tells how far the work has come, and ends it where nobody waits for it any more."""
        self.check()
        self.tell("working", done=done, total=total)

    def check(self) -> None:
        """Raises `Stopped` where nobody waits any more."""
        if self.stopped.is_set():
            raise Stopped


def _compiled_by(how: dict[str, Any]) -> dict[str, Any]:
    """What of a way of writing decides which program TensorFlow compiles."""
    return {
        name: how.get(name, usual)
        for name, usual in vars(Settings()).items()
        if name in ("particles", "parallels", "crossing", "movement")
    }


def liveliness(pieces: list[Chorale]) -> list[float]:
    """How many notes are struck in each step of each piece: the judge of who wants movement."""
    return [float(piece.struck.sum() / len(piece)) for piece in pieces]


def calmness(pieces: list[Chorale]) -> list[float]:
    """The judge of who wants little movement: the fewer notes, the better."""
    return [-many for many in liveliness(pieces)]


def _free(steps: int) -> list[list[int]]:
    """A `given` of so many steps in which the model writes all but the soprano, which holds C5."""
    return [[72, -1, -1, -1]] * steps


def main(arguments: list[str]) -> None:
    """The process: holds the model named by the first argument, and serves who knows the key."""
    key = bytes.fromhex(os.environ.pop(KEY))
    with tempfile.TemporaryDirectory(prefix="chorale-") as folder:
        address = None if sys.platform == "win32" else str(Path(folder, "writer"))
        listener = Listener(address, authkey=key)
        print(listener.address, flush=True)
        sys.stdout = sys.stderr  # nobody reads it any more
        desk = _Desk(*arguments)
        threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
        threading.Thread(target=_accept, args=(listener, desk), daemon=True).start()
        desk.work()


def _accept(listener: Listener, desk: _Desk) -> None:
    while True:
        try:
            connection = listener.accept()
        except Exception:  # a wrong key, or a client that went away: the next one, please
            continue
        threading.Thread(target=desk.receive, args=(connection,), daemon=True).start()


def _end_with_parent(folder: str) -> None:
    sys.stdin.read()
    for name in os.listdir(folder):
        Path(folder, name).unlink()
    os.rmdir(folder)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
