"""What several test files share: the two editions of the corpus, loaded once, and small models; and
how the tests are divided among several workers."""

import os
from pathlib import Path, PurePosixPath

import numpy as np
import pytest

import chorale_utils
from chorale_utils.corpus.editions import cache_folder, load_corpus

# What takes longest, longest first. It is begun first, so that no worker has it alone at the end.
LONGEST = (
    "notebooks",
    "test_training.py",
    "test_generation.py",
    "test_mass_generation.py",
    "test_model_card.py",
    "test_faults.py",
    "test_sweep.py",
    "test_pipeline.py",
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
    """Before several workers begin, the corpus is in its cache, so that only one process parses it."""
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
            f"the exact JSB archive is at none of {', '.join(map(str, places))}; JSB_CHORALES may name its place"
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


SMALL_CHORD_GRU = dict(width=12, embedding=4, heads=2, head_width=4, hidden=8)


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
    return lambda **sizes: shaken(chorale_utils.chord_gru(**(SMALL_CHORD_GRU | sizes)))


@pytest.fixture(scope="session")
def small_chord_gru():
    """A small ChordGRU, none of whose weights is zero; not to be trained or changed."""
    return shaken(chorale_utils.chord_gru(**SMALL_CHORD_GRU))


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
