"""What several test files share: the two editions of the corpus, loaded once, small models, and
small notebooks that stand in for those of the story; and how the tests are divided among several
workers."""

import os
from pathlib import Path, PurePosixPath

import nbformat
import numpy as np
import pytest
from hypothesis import settings
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from chorale_utils import VOCABULARY, VOICES, Chorale, chord_gru, note_gru, phrase_gru
from chorale_utils.corpus.editions import cache_folder, load_corpus
from chorale_utils.models.backend import keras
from chorale_utils.models.model import ChoraleModel

# A property holds or fails; how long an example may take is no matter of tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# What takes longest, longest first. It is begun first, so that no worker has it alone at the end.
LONGEST = (
    "notebooks",
    "solutions",
    "test_training.py",
    "test_particles.py",
    "test_generation.py",
    "test_composing_card.py",
    "test_critic.py",
    "test_critic_training.py",
    "test_mass_generation.py",
    "test_model_card.py",
    "test_composing.py",
    "test_phrase_gru.py",
    "test_book.py",
    "test_faults.py",
    "test_studio_page.py",
    "test_studio_widget.py",
    "test_sweep.py",
    "test_pipeline.py",
    "test_static.py",
    "test_wheel.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several workers (`-n 2`), a worker is given a whole file of tests, because they share
    costly fixtures; or a whole folder of notebooks, because each goes on from the one before."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return _what_stays_together(nodeid)

    config.option.loadscopereorder = False  # the order is that of `pytest_collection_modifyitems`
    return ByFile(config, log)


def pytest_collection_modifyitems(config, items):
    """With several workers, what takes longest comes first; otherwise nothing is moved."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _turn(_what_stays_together(item.nodeid)))


def pytest_sessionstart(session):
    """Before several workers begin, the corpus is in its cache: only one process parses it."""
    if getattr(session.config.option, "numprocesses", None):
        load_corpus(progress=False)


def _what_stays_together(nodeid):
    place = PurePosixPath(nodeid.partition("::")[0])
    return str(place.parent if place.suffix == ".ipynb" else place)


def _turn(place):
    """The place in `LONGEST`; all that is not there comes after it."""
    name = PurePosixPath(place).name
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data" / "jsb_chorales.tgz"


def archive_places():
    """Where the exact archive may lie (Paths), in the order in which they are looked at."""
    said = os.environ.get("JSB_CHORALES")
    return [
        *([Path(said).expanduser()] if said else []),
        BESIDE_THE_CHECKOUT,
        cache_folder() / "jsb_chorales.tgz",
    ]


@pytest.fixture(scope="session")
def jsb_archive():
    """The exact archive (Path), which is not downloaded for it; the test is skipped without it."""
    places = archive_places()
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip(
            f"the exact JSB archive is at none of {', '.join(map(str, places))}; JSB_CHORALES may "
            f"name its place"
        )
    return found


@pytest.fixture(scope="session")
def jsb_corpus(jsb_archive):
    """The exact JSB edition (Corpus)."""
    return load_corpus("jsb", path=jsb_archive)


@pytest.fixture(scope="session")
def music21_corpus():
    """The music21 edition (Corpus), from the user's cache or parsed now."""
    return load_corpus("music21", progress=False)


SMALL_CHORD_GRU = {"width": 12, "embedding": 4, "heads": 2, "head_width": 4, "hidden": 8}


def shaken(model, by=0.3, seed=1):
    """The model, with noise on all its weights: those that begin at zero would hide what they
    do."""
    random = np.random.default_rng(seed)
    model.set_weights(
        [
            weight + by * random.standard_normal(weight.shape).astype(weight.dtype)
            if weight.dtype == np.float32
            else weight
            for weight in model.get_weights()
        ]
    )
    return model


@pytest.fixture
def new_chord_gru():
    """A function that makes a small ChordGRU, none of whose weights is zero."""
    return lambda **sizes: shaken(chord_gru(**(SMALL_CHORD_GRU | sizes)))


@pytest.fixture
def new_phrase_gru():
    """A function that makes a small PhraseGRU, none of whose weights is zero."""
    return lambda: shaken(phrase_gru(**SMALL_CHORD_GRU))


@pytest.fixture(scope="session")
def small_chord_gru():
    """A small ChordGRU, none of whose weights is zero; not to be trained or changed."""
    keras.utils.set_random_seed(1)
    return shaken(chord_gru(**SMALL_CHORD_GRU))


@pytest.fixture(scope="session")
def small_phrase_gru():
    """A small PhraseGRU, none of whose weights is zero; not to be trained or changed."""
    keras.utils.set_random_seed(1)
    return shaken(phrase_gru(**SMALL_CHORD_GRU))


def piece(name, steps):
    """Pitches (steps, 4) of a piece that is unusual: 'varied' ever another chord, 'silent', or
    'held' one chord."""
    if name == "varied":
        random = np.random.default_rng(steps)
        return np.stack([random.integers(low, low + 15, steps) for low in (60, 55, 48, 40)], axis=1)
    return np.tile({"silent": [0, 0, 0, 0], "held": [72, 67, 64, 48]}[name], (steps, 1))


@pytest.fixture(scope="session")
def unusual_pieces():
    """Pitches by name: pieces of one step, of two, of 640, nothing but silence, nothing but one
    chord."""
    return {
        f"{name} {steps}": piece(name, steps)
        for name in ("varied", "silent", "held")
        for steps in (1, 2, 40)
    } | {"varied 640": piece("varied", 640), "held 640": piece("held", 640)}


@pytest.fixture(scope="session")
def small_note_gru():
    """A small NoteGRU, as decided as a trained one; not to be trained or changed."""
    keras.utils.set_random_seed(2)
    model = note_gru(width=12, layers=2)
    model.set_weights([3 * weight for weight in model.get_weights()])
    return model


@pytest.fixture(scope="session")
def small_models(small_note_gru, small_chord_gru):
    """Both small models by name."""
    return {"note_gru": small_note_gru, "chord_gru": small_chord_gru}


@pytest.fixture(scope="session", params=["note_gru", "chord_gru"])
def each_model(request, small_chord_gru):
    """Each model in turn, small and untrained, the classic with layer normalisation."""
    if request.param == "chord_gru":
        return small_chord_gru
    keras.utils.set_random_seed(1)
    return note_gru(width=10, layers=2, layer_norm=True)


class Die(ChoraleModel):
    """A die instead of a mind: each voice has its own probabilities, whatever was before."""

    def __init__(self, probs):
        super().__init__()
        self.logits = np.log(np.maximum(np.asarray(probs, np.float32), 1e-30))  # (4, 59)

    def begin(self, count, steps):
        return keras.ops.zeros((count, 1))

    def next_note(self, state, voice, previous):
        return keras.ops.zeros((keras.ops.shape(previous)[0], 1)) + self.logits[voice], state + 1


@pytest.fixture(scope="session")
def die():
    """A function that makes a model whose notes are thrown with a die, from probabilities by token
    (``t10=0.5``), the same for each voice, or those of single voices (``alto=dict(t10=1)``)."""

    def new_die(alto=None, **tokens):
        probs = np.tile(_row(tokens), (len(VOICES), 1))
        if alto is not None:
            probs[VOICES.index("alto")] = _row(alto)
        return Die(probs)

    def _row(tokens):
        row = np.zeros(VOCABULARY)
        for token, probability in tokens.items():
            row[int(token[1:])] = probability
        return row

    return new_die


@pytest.fixture
def closed_figures():
    """Closes the figures that a test has drawn."""
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def tune():
    """A tune (Chorale whose soprano sings alone) with repeated notes, an upbeat and a rest."""
    pitches, onsets = np.zeros((28, 4), int), np.zeros((28, 4), bool)
    pitches[:24, 0] = np.repeat([67, 72, 72, 74, 76, 71], 4)
    onsets[:24:4, 0] = True
    return Chorale(
        pitches, name="tune", key="C major", time_signature="3/4", pickup=4, onsets=onsets
    )


def write_notebook(folder, name, parameters, *sources):
    """Writes a notebook with a parameters cell and further code cells, for another kernel."""
    folder.mkdir(exist_ok=True)
    cells = [
        new_markdown_cell(f"# {name}"),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
    ]
    book = new_notebook(cells=cells + [new_code_cell(source) for source in sources])
    book.metadata["kernelspec"] = {
        "name": "somewhere-else",
        "display_name": "not here",
        "language": "python",
    }
    nbformat.write(book, folder / f"{name}.ipynb")


STORY_PARAMETERS = """\
run_folder = "../outputs/runs/notebooks"
seed = 42
epochs = 3       # passes over the training pieces
rate = 0.01
shuffle = True
key = "f# minor"  # spelled with a sharp
voices = ["soprano", "bass"]
limit = None
"""

_TELL = """\
import json, os, sys, time
from pathlib import Path
Path(run_folder).mkdir(parents=True, exist_ok=True)
names = "seed epochs rate shuffle key voices limit".split()
told = {name: globals()[name] for name in names}
told |= dict(prefix=sys.prefix, folder=os.path.basename(os.getcwd()), at=time.time())
Path(run_folder, "told.json").write_text(json.dumps(told))
"""

_LATE = """\
import time
from pathlib import Path
Path(run_folder, "late.json").write_text(str(time.time()))
"""
_METRICS = """\
import json
from pathlib import Path
metrics = {"valid": {"nats_per_note": 0.5432109}, "notes": 7}
Path(run_folder, "metrics.json").write_text(json.dumps(metrics))
Path(run_folder, "generated").mkdir()
Path(run_folder, "generated", "one.mid").write_text("x")
"""


@pytest.fixture(scope="session")
def story(tmp_path_factory):
    """A folder of two notebooks that work, and of one that does not belong to the story."""
    folder = tmp_path_factory.mktemp("project {x}") / "notebooks"
    write_notebook(folder, "01_first", STORY_PARAMETERS, _TELL)
    write_notebook(
        folder, "02_second", 'run_folder = "../outputs/runs/notebooks"\npieces = 2', _LATE, _METRICS
    )
    write_notebook(folder, "scratch", "", "1 / 0")  # no part of the story
    return folder


@pytest.fixture
def failing_story(tmp_path):
    """A folder of three notebooks, the second of which fails."""
    folder = tmp_path / "notebooks"
    declared = 'run_folder = "."'
    write_notebook(
        folder, "01_first", declared, "from pathlib import Path\nPath(run_folder, 'kept').touch()"
    )
    write_notebook(
        folder, "02_second", declared, "notes = [62, 30]", "raise ValueError(f'note {notes[1]}')"
    )
    write_notebook(
        folder, "03_third", declared, "from pathlib import Path\nPath(run_folder, 'never').touch()"
    )
    return folder
