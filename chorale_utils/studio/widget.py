"""Studio: the widget for composing with the model, in Jupyter, VS Code or Voilà.

It connects three things: a `Session`, which holds the piece; a `Writer`, which asks the model; and
the page (`static/`), which draws and sings. The page sends commands, each a dict with what to `do`;
only those in `_COMMANDS` are obeyed. Information for the page is in the widget's traits; values
that the page sends for them are ignored. A command that cannot be carried out changes nothing, and
the page is told why.

Notebook: 06_studio
"""

from __future__ import annotations

import atexit
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..chorale import VOICES, Chorale
from ..extras import require
from . import drawing
from .exchange import KINDS, as_piece, exported, read_file, tune_alone
from .keeping import chorale_from_json, chorale_to_json
from .moments import Request, Selection
from .script import script
from .session import ERASED, WRITTEN, Session
from .shelf import Shelf
from .writer import MODEL, Answer, as_asked, forget_writer, shared_writer

require("studio", "the studio")
import anywidget  # noqa: E402  (the line above may raise)
import traitlets  # noqa: E402

FOLDER = "CHORALE_STUDIO_FOLDER"  # environment variable: where work is kept
VARIANTS = 3
ACROSS, BESIDE = 310, 22  # pixels: a variant with its frame, at least, and the frame alone
SAVED_AFTER, LOOKED_AT_AFTER = 0.4, 0.2  # seconds without another change
_STATIC = Path(__file__).with_name("static")
_SCRIPTS = (  # one module, divided into readable parts
    "sound.js",
    "score.js",
    "panels.js",
    "desk.js",
    "beginning.js",
    "entering.js",
    "asking.js",
    "hearing.js",
    "seeing.js",
    "taking.js",
    "keys.js",
    "studio.js",
)


class Studio(anywidget.AnyWidget):
    """A page for composing with the model: enter a tune, have it harmonised, keep what you like,
    and have the rest rewritten.

    Work is saved on this machine, for each browser and each initial piece, and restored when the
    page is opened again. Tabs that change the same piece do not overwrite each other's work.

    Args:
        chorale: the initial piece: a Chorale; a melody as an int array (steps,) of MIDI numbers, a
            sixteenth each, 0 being silence; the path of a MIDI, MusicXML, kern or CSV file; None
            for empty bars.
        model: the model that writes: name of a shipped one, or path of a ``.keras`` file.

    Raises:
        ValueError: the piece is empty or longer than 640 sixteenths, or the file cannot be read.
        FileNotFoundError: there is no such file.

    Examples:
        >>> studio = Studio(np.repeat([67, 69], 16))  # two whole notes, G4 and A4
        >>> studio.chorale.notes(0).tolist()
        [[0, 16, 67], [16, 16, 69]]

        At the end of a cell, ``studio`` displays the page.

    Notebook: 06_studio
    """

    _esm = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    _css = (_STATIC / "studio.css").read_text(encoding="utf-8")

    score = traitlets.Dict().tag(sync=True)
    piece = traitlets.Dict().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)  # harmony, faults, opinion, surprise, odds
    variants: traitlets.List = traitlets.List().tag(sync=True)
    busy = traitlets.Dict().tag(sync=True)  # {} if nothing is being done
    versions: traitlets.List = traitlets.List().tag(sync=True)  # other ones of this visitor's work

    def __init__(
        self,
        chorale: Chorale | np.ndarray | str | os.PathLike[str] | None = None,
        model: str = MODEL,
    ) -> None:
        self.session = Session(None if chorale is None else as_piece(chorale))
        self._begun_with = "" if chorale is None else self.session.to_json()
        self._shelf: Shelf | None = None  # where work is kept, once the page has said who it is
        self._lock = threading.RLock()
        self._saving: threading.Timer | None = None
        self._job: int | None = None
        self._stopped = threading.Event()
        self._public = False  # whether the page is served to several people
        self._sending = False  # whether a file is being written for the page
        self._width, self._staves, self._wants_look = 900, 2, False
        self._drawn: tuple[Any, ...] = ()
        self._offered: tuple[Any, ...] = ((), self._width)  # variants on the page
        self._model = model
        super().__init__()
        self.on_msg(self._hear)
        atexit.register(self._save_now)
        self._show()

    @property
    def chorale(self) -> Chorale:
        """The current piece (Chorale).

        Examples:
            >>> Studio().chorale
            Chorale('my-chorale', 64 steps, C major, 4/4)
        """
        return self.session.chorale

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Does nothing: values that a page sends for the traits are ignored."""

    def script(self) -> str:
        """Python code (str) that repeats what was done on the page.

        Examples:
            >>> Studio().script().splitlines()[-1]
            'show(piece)'
        """
        return script(self.session, self._model)

    def close(self) -> None:
        """Saves the work and closes the page.

        Examples:
            >>> studio = Studio()
            >>> studio.close()
        """
        self._save_now()
        super().close()

    # Hearing and answering the page

    def _hear(self, _: object, message: Any, buffers: list[memoryview]) -> None:
        with self._lock:
            session, before = self.session, dict(vars(self.session))
            try:
                do = _COMMANDS.get(message["do"]) if isinstance(message, dict) else None
                if do is None:
                    raise ValueError("unknown command")
                told = {name: value for name, value in message.items() if name != "do"}
                if do is _open_file:
                    told["content"] = bytes(buffers[0]) if buffers else b""
                do(self, **told)
            except Exception as error:  # input from outside may fail in any way
                self.session = session
                vars(session).update(before)
                self._say(_plain(error), wrong=True)

    def _say(self, text: str, wrong: bool = False) -> None:
        self.send({"kind": "said", "text": text, "wrong": wrong})

    def _show(self) -> None:
        """Sends the current state of the session to the page."""
        chorale = self.session.chorale
        looks = (chorale, self._width, self._staves)
        with self.hold_sync():
            if not self._drawn or any(a is not b and a != b for a, b in zip(looks, self._drawn)):
                self.score = drawing.score(chorale, self._width, self._staves)
            self.piece = drawing.piece(self.session)
            if self._drawn and self._drawn[0] is not chorale:
                self.about = {}
            offered = (self.session.variants, self._width)
            if offered != self._offered:  # a variant is equal to itself alone
                columns = min(max(self._width // ACROSS, 1), VARIANTS)
                self.variants = drawing.variants(self.session, self._width // columns - BESIDE)
                self._offered = offered
        if not self._drawn or self._drawn[0] is not chorale:
            self._drawn = looks
            self._look_closer()
        self._drawn = looks

    def _look_closer(self) -> None:
        """Analyses the piece in the background, and asks model and critic for their opinions."""
        chorale, bars = self.session.chorale, self.session.bars

        def tell(about: dict[str, Any]) -> None:
            with self._lock:
                if self.session.chorale is chorale:
                    self.about = self.about | about

        def looked(answer: Answer) -> None:
            if answer["state"] == "done":
                odds = [sum(answer["odds"][bar.start : bar.stop]) for bar in bars]
                tell({"surprise": answer["nats"], "odds": np.round(odds, 1).tolist()})
            elif answer["state"] == "failed":
                self._say(answer["message"], wrong=True)

        def look() -> None:
            time.sleep(LOOKED_AT_AFTER)
            if self.session.chorale is not chorale:
                return
            if self._wants_look and chorale.pitches.any():
                request = {"do": "look", "chorale": chorale_to_json(chorale)}
                try:
                    shared_writer(self._model).ask(request, looked)
                except OSError as error:
                    self._lost_model(error)
            tell(drawing.closer_look(chorale) | {"opinion": drawing.opinion(chorale)})

        threading.Thread(target=look, daemon=True).start()

    def _open(self, chorale: Chorale) -> None:
        self.session.open(chorale)
        self._changed()
        self.send({"kind": "opened"})

    def _begun_by(self, request: Request | None) -> None:
        """Tells the page that the model has begun another piece, in which nothing is selected."""
        if request is not None and request.work == "write":
            self.send({"kind": "opened"})

    def _changed(self) -> None:
        """Shows the result of a command, and saves it soon."""
        self._show()
        if self._shelf is not None:
            if self._saving is not None:
                self._saving.cancel()
            self._saving = threading.Timer(SAVED_AFTER, self._save)
            self._saving.daemon = True
            self._saving.start()

    def _save_now(self) -> None:
        """Saves the latest work before the kernel ends or the page closes."""
        if self._saving is not None:
            self._saving.cancel()
            self._save()

    def _save(self) -> None:
        with self._lock:
            self._saving = None
            if self._shelf is None:
                return
            try:
                parted = self._shelf.save(self.session)
            except OSError as error:
                self._say(f"This work could not be saved: {error.strerror}", wrong=True)
                return
            if parted:
                self.versions = self._shelf.others()
                self._say(
                    "This piece has also been changed in another tab or window. Every version is "
                    "kept: see Other versions."
                )

    # The model

    def _prepare(self) -> None:
        try:
            shared_writer(self._model)
        except OSError as error:
            self._lost_model(error)

    def _lost_model(self, error: OSError) -> None:
        forget_writer()
        self._say(f"The model does not answer ({error}): ask again to restart it.", True)

    def _write(self, requests: list[Request], done: Callable[[list[Chorale]], None]) -> None:
        """Lets the model answer requests, one after another, and then calls `done` with the
        results."""
        if self.busy:
            raise ValueError("the model is still writing: wait for it, or stop it")
        answers = list[Chorale]()
        told = {"work": requests[0].work, "turns": len(requests)}
        stopped = self._stopped = threading.Event()  # set by `_stop`, for this work only

        def ask() -> None:
            try:
                writer = shared_writer(self._model)
                job = writer.ask(as_asked(requests[len(answers)]), hear)
            except OSError as error:
                self.busy = {}
                self._lost_model(error)
                return
            with self._lock:
                self._job = job
                if stopped.is_set():  # while the model was being started
                    writer.stop(job)

        def hear(answer: Answer) -> None:
            with self._lock:
                state = answer["state"]
                if stopped.is_set():
                    return
                if state in ("waiting", "starting", "working"):
                    about = {name: value for name, value in answer.items() if name != "job"}
                    self.busy = told | {"turn": len(answers)} | about
                    return
                if state == "done":
                    answers.append(chorale_from_json(answer["chorale"]))
                    if len(answers) < len(requests):
                        ask()
                        return
                self.busy, self._job = {}, None
                if state == "failed":
                    if "process has ended" in answer["message"]:
                        forget_writer()
                    self._say(answer["message"], wrong=True)
                elif not all(self.session.fits(request) for request in requests):
                    self._say("The piece has changed since the model was asked: ask again.", True)
                elif state == "done":
                    done(answers)
                    self._changed()

        self.busy = told | {"state": "starting", "done": 0, "total": 1, "turn": 0}
        threading.Thread(target=ask, daemon=True).start()


# Commands of the page. Their arguments come from outside: Session checks them.


def _hello(studio: Studio, visitor: str | None, width: int) -> None:
    """The page has opened: restores this visitor's earlier work. Where a browser keeps no secret,
    the visitor is whoever has this notebook open; on a public page, nobody known."""
    if visitor is None:
        visitor = secrets.token_hex() if studio._public else "the notebook's own"
    studio._width = int(width)
    if studio._shelf is None:  # later visitors see this piece only
        shelf = studio._shelf = Shelf(_folder(), f"{visitor}\n{studio._begun_with}")
        if studio.session.past:
            studio._changed()  # what was done before the page was shown is saved, too
        else:
            _take_up(studio, shelf)
        studio.versions = shelf.others()
    studio._show()
    threading.Thread(target=studio._prepare, daemon=True).start()


def _take_up(studio: Studio, shelf: Shelf) -> None:
    """Opens the newest version of a visitor's work that can be read, if there is one."""
    aside, opened = list[Path](), False
    for name in shelf.names():
        try:
            studio.session, opened = shelf.open(name), True
            break
        except ValueError:
            aside.append(shelf.set_aside(name))
    told = []
    if aside:
        told += [
            "Work that was saved here cannot be read: perhaps a newer release has written it. It "
            "is kept, and tried again whenever this page is opened.",
            f"The file: {', '.join(file.name if studio._public else str(file) for file in aside)}.",
            "This is an earlier version." if opened else "This is a new piece.",
        ]
    elif opened:
        told += ["Here is your piece, as you left it."]
    if opened and shelf.others():
        told += ["There is more than one version: see Other versions."]
    if told:
        studio._say(" ".join(told), wrong=bool(aside))


def _version(studio: Studio, name: str, delete: bool = False) -> None:
    """Opens another version of this visitor's work, or deletes it."""
    if studio._shelf is None:
        raise ValueError("the page has not said who it is")
    if delete:
        studio._shelf.delete(name)
    else:
        if studio.busy:
            raise ValueError("the model is still writing: wait for it, or stop it")
        studio._save_now()
        studio.session = studio._shelf.open(name)
        studio._show()
        studio.send({"kind": "opened"})
        studio._say("This is the version that you chose. The one before it is kept, too.")
    studio.versions = studio._shelf.others()


def _resize(studio: Studio, width: int, staves: int = 2) -> None:
    studio._width, studio._staves = int(width), 4 if staves == 4 else 2
    studio._show()


def _edit(name: str) -> Callable[..., None]:
    """A command of the session, with its selection assembled."""

    def do(studio: Studio, **told: Any) -> None:
        if name in _SELECTING:
            told["selection"] = _selection(studio, told)
        getattr(studio.session, name)(**told)
        studio._changed()

    return do


_SESSIONS = ("new", "describe", "put", "move", "clear", "hold", "say", "lock")
_SELECTING = ("move", "clear", "hold", "lock")


def _selection(studio: Studio, told: dict[str, Any]) -> Selection:
    """The page's selection, or else the last note of a voice before a step."""
    if "before" in told:
        return studio.session.last_note(int(told.pop("voice")), int(told.pop("before")))
    voices = tuple(int(voice) for voice in told.pop("voices", range(len(VOICES))))
    return Selection(int(told.pop("start")), int(told.pop("stop")), voices)


def _erase(studio: Studio, voice: int, step: int) -> None:
    begins = studio.session.erase(int(voice), int(step))
    studio._changed()
    studio.send({"kind": "cursor", "step": begins})


def _undo(studio: Studio) -> None:
    """Undoes a step, and leads the page's caret to where it was before it."""
    before, what = studio.session.chorale, studio.session.moment.what
    studio.session.undo()
    _lead_back(studio, what, before, wrote=what == ERASED)
    studio._changed()
    studio._say(f"Undone: {what}.")


def _redo(studio: Studio) -> None:
    before = studio.session.chorale
    studio.session.redo()
    what = studio.session.moment.what
    _lead_back(studio, what, before, wrote=what != ERASED)
    studio._changed()
    studio._say(f"Redone: {what}.")


def _lead_back(studio: Studio, what: str, before: Chorale, wrote: bool) -> None:
    """Tells the page where the caret is after a typed note has come or gone, behind it or where it
    began, before the page sees the note come or go: the next one may be typed at once."""
    now = studio.session.chorale
    if what not in (*WRITTEN, ERASED):
        return
    steps = min(len(before), len(now))
    changed = (before.pitches[:steps] != now.pitches[:steps]) | (
        before.struck[:steps] != now.struck[:steps]
    )
    places = np.argwhere(changed).tolist()
    if places:
        step, voice = places[0]
        after = places[-1][0] + 1
        for start, length, _ in now.notes(voice).tolist():
            if start == step:
                after = start + length
        told = {"step": after if wrote else step, "voice": voice}
        studio.send({"kind": "back", **told})


def _settings(studio: Studio, **told: Any) -> None:
    studio.session.set(**told)
    studio._changed()


def _ask(studio: Studio, work: str, **told: Any) -> None:
    """Lets the model write, as the session's choices have it."""
    session, choices = studio.session, studio.session.choices
    selection = _selection(studio, told) if told else None
    seeds = [session.seed + number for number in range(VARIANTS if choices.several else 1)]
    bars = None if work == "write" and choices.form == "piece" else choices.bars
    requests = [session.ask(work, selection, bars, seed) for seed in seeds]

    def done(answers: list[Chorale]) -> None:
        if choices.several:
            session.offer(list(zip(requests, answers)))
        else:
            session.accept(requests[0], answers[0])
            studio._begun_by(requests[0])
        if not choices.keep_seed:
            session.seed = seeds[-1] + 1
        heard = ", ".join(map(str, seeds))
        more = "s" if choices.several else ""
        then = " Take one of the variants." if choices.several else ""
        studio._say(f"Written with seed{more} {heard}.{then}")

    studio._write(requests, done)


def _stop(studio: Studio) -> None:
    studio._stopped.set()
    job, studio._job, studio.busy = studio._job, None, {}
    if job is not None:
        shared_writer(studio._model).stop(job)
    studio._say("Stopped.")


def _take(studio: Studio, number: int) -> None:
    studio.session.take(int(number))
    studio._changed()
    studio._say(f"Variant {int(number) + 1} is taken.")
    studio._begun_by(studio.session.moment.request)


def _drop_variants(studio: Studio) -> None:
    studio.session.decline()
    studio._changed()


def _look(studio: Studio, wanted: bool) -> None:
    """Sets whether the page shows the opinions of model and critic."""
    studio._wants_look = bool(wanted)
    if wanted:
        studio._look_closer()


def _hymns(studio: Studio) -> None:
    """Sends the list of hymns to begin with."""
    from ..corpus.editions import read_manifest

    table = read_manifest()
    table = table[table["file"].notna() & (table["file"] != "")]
    hymns = [
        (Path(file).stem, title if isinstance(title, str) and title else Path(file).stem)
        for file, title in zip(table["file"], table["title"])
    ]
    studio.send({"kind": "hymns", "hymns": sorted(set(hymns), key=lambda hymn: hymn[1])})


def _open_hymn(studio: Studio, name: str, tune_only: bool = True) -> None:
    """Opens a chorale of the corpus, or its tune."""
    if studio.busy:
        raise ValueError("the model is still writing: wait for it, or stop it")

    def hear(answer: Answer) -> None:
        with studio._lock:
            if answer["state"] in ("done", "failed", "stopped"):
                studio.busy = {}
            if answer["state"] == "done":
                hymn = chorale_from_json(answer["chorale"])
                studio._open(tune_alone(hymn) if tune_only else hymn)
            elif answer["state"] == "failed":
                studio._say(answer["message"], wrong=True)

    studio.busy = {"work": "open", "state": "starting", "done": 0, "total": 1}
    ask = lambda: shared_writer(studio._model).ask({"do": "hymn", "name": str(name)}, hear)  # noqa: E731
    threading.Thread(target=ask, daemon=True).start()


def _open_file(studio: Studio, name: str, content: bytes, tune_only: bool = False) -> None:
    """Opens a file that the visitor has chosen."""
    read = read_file(name, content)
    studio._open(tune_alone(read) if tune_only else read)
    many = len(studio.session.bars)
    studio._say(f"{read.title}: {many} bar{'s' if many > 1 else ''}.")


def _export(studio: Studio, kind: str, tempo: float = 80) -> None:
    """Sends the piece to the page as a file: musicxml, midi, pdf, mp3 or python."""
    if studio._sending:
        raise ValueError("the last file is still being written: wait for it")
    if kind not in KINDS:
        raise ValueError(f"{kind!r}: expected one of {', '.join(KINDS)}")
    session, staves, model = studio.session, studio._staves, studio._model
    tempo = float(tempo)

    def send() -> None:
        try:
            file = exported(session, kind, tempo, staves, model)
            about = {"kind": "file", "name": file.name, "type": file.media, "of": kind}
            studio.send(about, [file.content])
        except (ValueError, OSError) as error:
            studio._say(_plain(error), wrong=True)
        finally:
            studio._sending = False

    studio._sending = True
    threading.Thread(target=send, daemon=True).start()


_COMMANDS: dict[str, Callable[..., None]] = {
    "hello": _hello,
    "version": _version,
    "resize": _resize,
    **{name: _edit(name) for name in _SESSIONS},
    "undo": _undo,
    "redo": _redo,
    "erase": _erase,
    "settings": _settings,
    "ask": _ask,
    "stop": _stop,
    "take": _take,
    "drop variants": _drop_variants,
    "look": _look,
    "hymns": _hymns,
    "hymn": _open_hymn,
    "file": _open_file,
    "export": _export,
}


def _folder() -> Path:
    """Where work is saved: the folder set in the environment, or else the user's data folder."""
    if os.environ.get(FOLDER):
        return Path(os.environ[FOLDER])
    from platformdirs import user_data_dir

    return Path(user_data_dir("chorale_utils"), "studio")


def _plain(error: BaseException) -> str:
    """The message of an error, as a sentence for the page."""
    text = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    first = text.split(" ")[0]
    if first.strip(",;:").isalpha():  # and not a file name
        text = text[:1].upper() + text[1:]
    return text + ("" if text.endswith(".") else ".")
