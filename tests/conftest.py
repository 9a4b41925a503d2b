"""What several test files share: the two editions of the corpus, loaded once, and small models."""

import os
from pathlib import Path

import numpy as np
import pytest

from chorale_utils import chord_gru
from chorale_utils.corpus.editions import cache_folder, load_corpus

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
    return lambda **sizes: shaken(chord_gru(**(SMALL_CHORD_GRU | sizes)))


@pytest.fixture(scope="session")
def small_chord_gru():
    """A small ChordGRU, none of whose weights is zero; not to be trained or changed."""
    return shaken(chord_gru(**SMALL_CHORD_GRU))


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
