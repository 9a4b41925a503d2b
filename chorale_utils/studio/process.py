"""The process that holds the model and serves all pages.

    python -m chorale_utils.studio.process MODEL

`writer` starts it, documents its protocol, and connects pages to it. The pages are served in turn,
so that a page with many requests does not keep the others waiting.

Notebook: 06_studio
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..chorale import STEPS_PER_QUARTER, VOICES, Chorale
from ..encoding import SCORE_VOCABULARY, VOCABULARY
from ..form import Form
from ..judging.counterpoint import RANGES
from .keeping import chorale_from_json, chorale_to_json
from .moments import FREE, MOVEMENTS, Settings
from .pieces import tune_of
from .writer import KEY, Answer

COMPILED_BY = ("particles", "parallels", "crossing")  # each combination is compiled
MOST_WAITING = 8  # unanswered requests of one page


class Stopped(Exception):
    """The page no longer wants the answer."""


class _Desk:
    """The requests of all pages, and the model that answers them."""

    def __init__(self, model: str) -> None:
        self.model_name = model
        self.model: Any = None
        self.critic: Any = None
        self.trouble = ""  # the reason if there is no model
        self.compiled: set[tuple[Any, ...]] = set()
        self.waiting: list[_Job] = []  # including the one being served
        self.served: _Job | None = None
        self.turns = count()
        self.asked = threading.Condition()  # guards what is waiting

    def receive(self, connection: Connection) -> None:
        """Receives the requests of one page, until it disconnects."""
        page = _Page(connection, next(self.turns))
        jobs: dict[int, _Job] = {}
        while True:
            try:
                request = json.loads(connection.recv_bytes())
                if not {"do", "job"} <= set(request):
                    break
            except (EOFError, OSError, ValueError, TypeError):  # disconnected, or not a request
                break
            if request["do"] == "stop":
                if request["job"] in jobs:
                    jobs[request["job"]].stopped.set()
                continue
            job = _Job(request, page)
            jobs = {number: one for number, one in jobs.items() if not one.ended}
            if len(jobs) >= MOST_WAITING:
                job.tell("failed", message="too many requests at once: wait for the answers")
                continue
            jobs[request["job"]] = job
            with self.asked:
                self.waiting.append(job)
                before = self.in_turn().index(job)
                self.asked.notify()
            job.tell("waiting", before=before)
        for job in jobs.values():
            job.stopped.set()
        with page.sending:  # or an answer might go to the next page with the same descriptor
            connection.close()

    def in_turn(self) -> list[_Job]:
        """The waiting jobs in the order in which they will be served: one from each page, starting
        with the page served longest ago, then the second from each."""
        rounds: dict[_Page, int] = {}
        order = list[tuple[int, int, int, _Job]]()
        for job in self.waiting:
            first = job is self.served
            round_ = -1 if first else rounds.get(job.page, 0)
            order.append((round_, job.page.turn, len(order), job))
            rounds[job.page] = rounds.get(job.page, 0) + (not first)
        return [job for *_, job in sorted(order, key=lambda one: one[:3])]

    def next_job(self) -> _Job:
        """The next job in turn; waits until there is one."""
        with self.asked:
            self.asked.wait_for(lambda: self.waiting)
            self.served = self.in_turn()[0]
            self.served.page.turn = next(self.turns)
            return self.served

    def work(self) -> None:
        """Serves one request after another, for ever."""
        try:
            self.warm_up()
        except (OSError, ValueError) as error:  # no such model: all pages get this message
            self.trouble = str(error)
        while True:
            job = self.next_job()
            try:
                job.check()
                job.tell("done", **self._answer(job))
            except Stopped:
                job.tell("stopped")
            except Exception as error:  # any error is reported to the page
                job.tell("failed", message=str(error) or type(error).__name__)
            job.ended = True
            with self.asked:
                self.waiting.remove(job)
                self.served = None
                rest = self.in_turn()
            for before, one in enumerate(rest):
                one.tell("waiting", before=before)

    def _answer(self, job: _Job) -> Answer:
        does = {"write": self._write, "look": self._look, "hymn": self._hymn}
        if job.request["do"] not in does:
            raise ValueError(f"{job.request['do']!r}: expected one of {', '.join(does)}")
        if self.trouble and job.request["do"] != "hymn":
            raise ValueError(self.trouble)
        return does[job.request["do"]](job)

    def warm_up(self) -> None:
        """Loads model and critic, and compiles them for the most common requests.

        Raises:
            OSError, ValueError: no such model, or one that takes no form.
        """
        from ..models.saving import load_critic, load_model

        model, critic = load_model(self.model_name), load_critic()
        if not model.takes_form:
            raise ValueError(
                f"{self.model_name} takes no form: expected a model such as phrase_gru, which "
                f"writes bars, phrases and struck notes"
            )
        self.model, self.critic = model, critic
        self._compile(vars(Settings()))
        self._looked_at(Chorale(_given().clip(0), key="C major"))

    def _compile(self, how: dict[str, Any]) -> None:
        """Compiles the model for one combination of settings, unless it has been compiled."""
        how = {name: how[name] for name in COMPILED_BY}
        if tuple(how.values()) in self.compiled:
            return
        given = _given()
        form = Form((len(given),), (0,), "C major", "4/4")
        onsets = np.zeros(given.shape, bool)  # without them, given bars would not be read
        onsets[0] = True
        request = {"given": given, "onsets": onsets, "form": vars(form), "seed": 0}
        self._written(vars(Settings()) | how | request, lambda done, total: None)
        self.compiled.add(tuple(how.values()))

    def _write(self, job: _Job) -> Answer:
        job.tell("starting", done=0, total=1)
        self._compile(job.request)
        request = {name: value for name, value in job.request.items() if name not in ("do", "job")}
        return {"chorale": chorale_to_json(self._written(request, job.progress))}

    def _written(self, request: dict[str, Any], progress: Callable[[int, int], object]) -> Chorale:
        from ..writing.generation import generate

        names = ("seed", "temperature", "particles", "parallels", "crossing")
        how = {name: request[name] for name in names}
        given = np.array(request["given"], int).reshape(-1, len(VOICES))
        return generate(
            self.model,
            given=given,
            form=Form(**request["form"]),
            onsets=request.get("onsets"),
            allowed=struck_on(request.get("syllables"), given),
            pitch_classes=_as_bool(request.get("pitch_classes")),
            ranges=RANGES if request["ranges"] else {},
            movement=MOVEMENTS[request["movement"]],
            critic=self.critic,
            rests=False,
            tonic_ending=request.get("tonic_ending", False),
            progress=progress,
            **how,
        )[0]

    def _look(self, job: _Job) -> Answer:
        job.tell("working", done=0, total=1)
        nats, odds = self._looked_at(chorale_from_json(job.request["chorale"]))
        return {"nats": nats.round(2).tolist(), "odds": odds.round(2).tolist()}

    def _looked_at(self, chorale: Chorale) -> tuple[np.ndarray, np.ndarray]:
        """(the model's surprise at each note (steps, 4), what each step (steps,) adds to the
        critic's log-odds that the piece is Bach's)."""
        from ..models.evaluation import note_log_probs
        from ..writing.melody import melody_form

        form = melody_form(chorale, tune_of(chorale))  # with phrases, as when the model writes
        heard = replace(chorale, key=form.key, fermatas=form.under_fermata())
        return -note_log_probs(self.model, heard), self.critic.step_shares([heard])[0]

    def _hymn(self, job: _Job) -> Answer:
        from ..corpus.editions import load_corpus

        job.tell("starting", done=0, total=1)
        return {"chorale": chorale_to_json(load_corpus(progress=False)[job.request["name"]])}


class _Page:
    """A connected page, and when it was last served."""

    def __init__(self, connection: Connection, turn: int) -> None:
        self.connection, self.turn = connection, turn
        self.sending = threading.Lock()


class _Job:
    """A request, and the page that waits for it."""

    def __init__(self, request: dict[str, Any], page: _Page) -> None:
        self.request, self.page = request, page
        self.stopped = threading.Event()
        self.ended = False

    def tell(self, state: str, **about: Any) -> None:
        """Sends an answer, unless the page has disconnected."""
        answer = json.dumps({"job": self.request["job"], "state": state, **about}).encode()
        try:
            with self.page.sending:
                self.page.connection.send_bytes(answer)
        except OSError:
            self.stopped.set()

    def progress(self, done: int, total: int) -> None:
        """Reports progress, and ends the work if nobody waits for it any more."""
        self.check()
        self.tell("working", done=done, total=total)

    def check(self) -> None:
        """Raises `Stopped` if nobody waits for the answer any more."""
        if self.stopped.is_set():
            raise Stopped


def struck_on(syllables: ArrayLike | None, given: np.ndarray) -> np.ndarray | None:
    """`allowed` for `generate`, in a score's tokens: where a syllable begins, the voices that the
    model writes strike a note or rest. None without words.

    Args:
        syllables: bool array (steps,), or None.
        given: int array (steps, 4), `FREE` where the model writes.
    """
    if syllables is None:
        return None
    allowed = np.ones((*given.shape, SCORE_VOCABULARY), bool)
    allowed[(given == FREE) & np.asarray(syllables)[:, None], VOCABULARY:] = False
    return allowed


def _given() -> np.ndarray:
    """A `given` of four quarters in which the soprano holds C5. In the first half the other voices
    are given, too, so that reading is compiled as well; in the second the model writes."""
    given = np.tile([72, 67, 64, 48], (4 * STEPS_PER_QUARTER, 1))
    given[len(given) // 2 :, 1:] = FREE
    return given


def _as_bool(given: ArrayLike | None) -> np.ndarray | None:
    return None if given is None else np.asarray(given, bool)


def main(arguments: list[str]) -> None:
    """The process: holds the model named by the first argument, and serves all who know the key."""
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
        except Exception:  # a wrong key, or a client that disconnected: accept the next one
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
