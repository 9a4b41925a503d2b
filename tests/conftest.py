"""What several test files share: the two editions of the corpus, loaded once."""

import os
from pathlib import Path

import pytest

from chorale_utils.corpus import load_corpus

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data" / "jsb_chorales.tgz"


@pytest.fixture(scope="session")
def jsb_archive():
    """The exact archive (Path), from JSB_CHORALES or beside the checkout; the test is skipped without it."""
    path = Path(os.environ.get("JSB_CHORALES") or BESIDE_THE_CHECKOUT)
    if not path.exists():
        pytest.skip("the exact JSB archive is neither where JSB_CHORALES says nor at ../shared/data/jsb_chorales.tgz")
    return path


@pytest.fixture(scope="session")
def jsb_corpus(jsb_archive):
    """The exact JSB edition (Corpus)."""
    return load_corpus("jsb", path=jsb_archive)


@pytest.fixture(scope="session")
def music21_corpus():
    """The music21 edition (Corpus), from the user's cache or parsed now."""
    return load_corpus("music21", progress=False)
