"""The exercises of notebook 5: right answers pass, typical mistakes get their hint."""

from dataclasses import replace

import numpy as np
import pytest

from chorale_utils import (
    VOICE_RANGES,
    Chorale,
    check,
    generate,
    grade,
    harmonize,
    write_score,
)

pytestmark = pytest.mark.slow
TUNE = [67, 67, 69, 71, 72, 71, 69, 67] * 3 + [67, 69, 71, 72, 69, 69, 67, 67]


def hint(exercise, answer):
    verdict = check(exercise, answer)
    assert not verdict.right, verdict
    return verdict.says


@pytest.fixture(scope="module")
def phrase(music21_corpus):
    bach = music21_corpus.test[0]
    return bach.excerpt(0, bach.pickup + 32)


def settings(phrase, **how):
    return harmonize("chord_gru", phrase, particles=8, seed=0, **({"count": 4} | how))


def test_best_of_ten(small_chord_gru):
    pieces = list(generate(small_chord_gru, count=10, steps=32, seed=0))
    order = np.argsort(grade(pieces))
    best = int(order[-1])
    assert check("5.1", {"pieces": pieces, "best": best})
    assert "worst" in hint("5.1", {"pieces": pieces, "best": int(order[0])})
    assert "expected at least 10" in hint("5.1", {"pieces": pieces[:9], "best": 0})
    assert "the same" in hint("5.1", {"pieces": [pieces[0]] * 10, "best": 0})
    assert "from 0 to 9" in hint("5.1", {"pieces": pieces, "best": 10})
    swapped = [*pieces[:8], pieces[8], pieces[9]]
    swapped[8], swapped[best] = swapped[best], swapped[8]
    assert "from 0, and you counted from 1" in hint("5.1", {"pieces": swapped, "best": 9})


def test_soprano_or_bass(phrase):
    given = {voice: settings(phrase, voice=voice) for voice in ("soprano", "bass")}
    costs = {voice: group.report["log_likelihood"].mean() for voice, group in given.items()}
    easier = max(costs, key=costs.get)
    assert check("5.2", given | {"easier": easier})
    assert "log_likelihood" in hint("5.2", given | {"easier": min(costs, key=costs.get)})
    swapped = {"soprano": given["bass"], "bass": given["soprano"], "easier": easier}
    assert "Was it given" in hint("5.2", swapped)
    with pytest.raises(TypeError, match="with its report"):
        check("5.2", given | {"bass": list(given["bass"]), "easier": easier})


def test_price_of_rules(phrase):
    groups = {
        "without": settings(phrase, crossing=True, parallels=True),
        "rules": settings(phrase),
        "ranges": settings(phrase, ranges=VOICE_RANGES),
    }
    means = {name: group.report["log_likelihood"].mean() for name, group in groups.items()}
    cost = means["without"] - means["rules"]
    assert check("5.3", groups | {"cost": cost})
    assert "to one decimal" in hint("5.3", groups | {"cost": cost + 1})
    if abs(cost) > 0.06:
        assert "the sign" in hint("5.3", groups | {"cost": -cost})
    assert "count=4" in hint("5.3", groups | {"rules": groups["rules"][:2], "cost": cost})
    lower = settings(phrase.transpose(-1))
    assert "melodies differ" in hint("5.3", groups | {"rules": lower, "cost": cost})


def test_how_many_particles():
    random = np.random.default_rng(0)
    spread = {n: -40 - 3 / n + random.normal(0, 4 / n**0.5, 20) for n in (4, 16, 64)}
    assert check("5.4", spread)
    assert "a spread needs 20" in hint("5.4", spread | {4: spread[4][:5]})
    assert "three or more" in hint("5.4", {4: spread[4], 64: spread[64]})
    assert "seed change" in hint("5.4", spread | {4: np.full(20, -40.0)})
    assert "keys the right ones" in hint("5.4", {4: spread[64], 16: spread[16], 64: spread[4]})


def test_own_melody(tmp_path):
    line = np.zeros((128, 4), int)
    line[:, 0] = np.repeat(TUNE, 4)
    melody = Chorale(line, name="mine", key="G major", time_signature="4/4")
    file = tmp_path / "mine.musicxml"
    write_score(melody, file)
    setting = harmonize("chord_gru", file, particles=16, seed=0)[0]
    pitches = setting.pitches.copy()
    pitches[20:24, 2] += 1
    mended = replace(setting, pitches=pitches, onsets=None, notation=None)
    answer = {"tune": file, "setting": setting, "mended": mended}
    assert check("5.5", answer) and check("5.5", answer | {"tune": melody})
    assert "nothing has changed" in hint("5.5", answer | {"mended": setting})
    pitches = setting.pitches.copy()
    pitches[8:80, 2] += 1
    assert "more than the bar" in hint(
        "5.5", answer | {"mended": replace(setting, pitches=pitches, onsets=None, notation=None)}
    )
    assert "not your tune" in hint("5.5", answer | {"tune": melody.excerpt(0, 64)})
    assert "there are no notes for" in hint("5.5", answer | {"setting": melody})
    half = {"tune": melody[:64], "setting": setting[:64], "mended": mended[:64]}
    assert "4.0 bars" in hint("5.5", half)
