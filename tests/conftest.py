"""What several test files share: the two editions of the corpus, loaded once."""

import os
from pathlib import Path

import pytest

from chorale_utils.corpus import cache_folder, load_corpus

BESIDE_THE_CHECKOUT = Path(__file__).resolve().parents[2] / "shared" / "data" / "jsb_chorales.tgz"


def archive_places():
    """Where the exact archive may lie (Paths), in the order in which they are looked at."""
    said = os.environ.get("JSB_CHORALES")
    return [*([Path(said).expanduser()] if said else []), BESIDE_THE_CHECKOUT, cache_folder() / "jsb_chorales.tgz"]


@pytest.fixture(scope="session")
def jsb_archive():
    """The exact archive (Path), which is not downloaded for it; the test is skipped without it."""
    places = archive_places()
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.skip(f"the exact JSB archive is at none of {', '.join(map(str, places))}; JSB_CHORALES may name its place")
    return found


@pytest.fixture(scope="session")
def jsb_corpus(jsb_archive):
    """The exact JSB edition (Corpus)."""
    return load_corpus("jsb", path=jsb_archive)


@pytest.fixture(scope="session")
def music21_corpus():
    """The music21 edition (Corpus), from the user's cache or parsed now."""
    return load_corpus("music21", progress=False)
