"""The exercises of notebooks 1 and 2: right answers pass, typical mistakes get their hint.

Answers are counted here anew, in another way than in the solutions where there is one.
"""

from collections import Counter

import numpy as np
import pytest

from chorale_utils import Chorale, check, encode


@pytest.fixture(scope="module")
def every(music21_corpus):
    return [*music21_corpus.train, *music21_corpus.valid, *music21_corpus.test]


def hint(exercise, answer):
    verdict = check(exercise, answer)
    assert not verdict.right, verdict
    return verdict.says


def last_voices(piece):
    """The voices that reach their last pitch latest."""
    ends = {}
    for voice, line in zip(("soprano", "alto", "tenor", "bass"), piece.pitches.T):
        step = len(line) - 1
        while step and line[step - 1] == line[-1]:
            step -= 1
        ends[voice] = step
    return [voice for voice in ends if ends[voice] == max(ends.values())]


def test_last_moves(music21_corpus):
    right = {piece.name: last_voices(piece) for piece in music21_corpus.valid[:6]}
    assert check("1.1", right)
    assert check("1.1", {name: voices[0] for name, voices in right.items()})
    assert "look at 5" in hint("1.1", dict(list(right.items())[:4]))
    assert "not a piece of the corpus" in hint("1.1", right | {"bwv9999": "bass"})
    piece = next(piece for piece in music21_corpus.train if 0 < len(last_voices(piece)) < 4)
    still = next(v for v in ("alto", "soprano", "tenor", "bass") if v not in last_voices(piece))
    said = hint("1.1", right | {piece.name: still})
    assert piece.name in said and still in said and ("holds" in said or "strikes" in said)


def test_crossings(every):
    counts = Counter()
    for piece in every:
        for row in piece.pitches[piece.pitches.min(axis=1) > 0].tolist():
            counts.update((a, b) for a in range(4) for b in range(a + 1, 4) if row[b] > row[a])
    names = ("soprano", "alto", "tenor", "bass")
    most = [names[voice] for voice in max(counts, key=counts.get)]
    silent = sum(
        int(((p.pitches[:, 1] > p.pitches[:, 0]) & (p.pitches[:, :2] > 0).all(axis=1)).sum())
        for p in every
    )
    assert check("1.2", {"steps": silent, "most": most})
    zeros = sum(int((piece.pitches[:, 1] > piece.pitches[:, 0]).sum()) for piece in every)
    assert "silence is 0" in hint("1.2", {"steps": zeros, "most": most})
    assert "another number" in hint("1.2", {"steps": silent + 1, "most": most})
    assert "no crossing" in hint("1.2", {"steps": silent, "most": ("tenor", "bass")})
    assert "name both" in hint("1.2", {"steps": silent, "most": "alto"})
    with pytest.raises(TypeError, match="steps: got a float"):
        check("1.2", {"steps": silent / 90396, "most": most})


def test_chord_sets(every):
    counts = Counter()
    for piece in every:
        for row in piece.pitches[piece.pitches[:, 3] > 0].tolist():
            counts[tuple(sorted({(note - row[3]) % 12 for note in row if note}))] += 1
    ten = [each for each, _ in counts.most_common(10)]
    assert check("1.3", ten) and check("1.3", [set(each) for each in ten])
    assert check("1.3", dict.fromkeys(ten, "a chord"))
    assert "the most frequent comes first" in hint("1.3", ten[::-1])
    assert "Not among the ten: [0, 11]" in hint("1.3", [*ten[:9], (0, 11)])
    assert "has a 0" in hint("1.3", [*ten[:9], (1, 2)])
    assert "expected ten" in hint("1.3", ten[:9])
    flat = next(each for each in ten if each == (0, 3, 8))
    assert "thirds" in hint("1.3", {each: "minor" if each == flat else "?" for each in ten})


def test_near_copy(music21_corpus):
    nearest = music21_corpus.near_copies().iloc[0]
    assert check("1.4", {"nearest": nearest["nearest"], "threshold": 0.3})
    assert "validation piece itself" in hint("1.4", {"nearest": nearest["name"], "threshold": 0.3})
    assert "between 0 and 1" in hint("1.4", {"nearest": nearest["nearest"], "threshold": 50})


def test_own_chords():
    mine = Chorale(np.repeat([[72, 67, 64, 48], [71, 67, 62, 55]], 4, axis=0))
    assert check("2.1", {"chorale": mine, "tokens": encode(mine.pitches)})
    assert "MIDI numbers" in hint("2.1", {"chorale": mine, "tokens": mine.pitches.ravel()})
    assert "four ends" in hint("2.1", {"chorale": mine, "tokens": encode(mine.pitches)[:-4]})
    one = mine[:4]
    assert "not a progression" in hint("2.1", {"chorale": one, "tokens": encode(one.pitches)})
    turned = Chorale(mine.pitches[:, ::-1])
    assert "soprano, alto" in hint("2.1", {"chorale": turned, "tokens": encode(turned.pitches)})
    with pytest.raises(TypeError, match="expected a Chorale"):
        check("2.1", {"chorale": mine.pitches, "tokens": []})


def test_voice_order(music21_corpus):
    piece = music21_corpus.train[0].pitches
    yours = {"order": ["bass", "soprano", "alto", "tenor"], "why": "the outer voices frame it all"}
    assert check("2.2", yours | {"tokens": encode(piece[:, ::-1])})
    assert "soprano still" in hint("2.2", yours | {"tokens": encode(piece)})
    assert "time" in hint("2.2", yours | {"tokens": encode(piece)[::-1]})
    assert "time" in hint("2.2", yours | {"tokens": encode(piece[::-1, ::-1])})
    assert "ends are missing" in hint("2.2", yours | {"tokens": encode(piece[:, ::-1])[:-4]})
    right = yours | {"tokens": encode(piece[:, ::-1])}
    assert "each of the four" in hint("2.2", right | {"order": ["bass"]})
    for nonsense in (None, "bass first", music21_corpus.train[0], []):
        with pytest.raises(TypeError, match="tokens: got .*: expected what encode returns"):
            check("2.2", right | {"tokens": nonsense})
    with pytest.raises(TypeError, match="order: got .*: expected names of voices"):
        check("2.2", right | {"order": None})


def test_transpositions(every):
    low = [min(note for note in piece.pitches.ravel() if note) for piece in every]
    high = [piece.pitches.max() for piece in every]
    pieces = sum(a - 5 >= 36 and b + 6 <= 81 for a, b in zip(low, high))
    assert check("2.3", {"transpositions": {0}, "pieces": pieces})
    assert "31 to 87" in hint("2.3", {"transpositions": range(-5, 7), "pieces": pieces})
    assert "not moving at all" in hint("2.3", {"transpositions": {1}, "pieces": pieces})
    zeros = sum(p.pitches.min() - 5 >= 36 and p.pitches.max() + 6 <= 81 for p in every)
    assert "silence is 0" in hint("2.3", {"transpositions": {0}, "pieces": zeros})
    assert "31 to 87" in hint("2.3", {"transpositions": {0}, "pieces": len(every)})


def test_windows():
    right = (
        "After the end of a piece the model sees the beginning of another one, so it learns "
        "to close and to open; otherwise the rests would be lost."
    )
    assert check("2.4", right)
    assert "20 words" in hint("2.4", "It learns a lot.")
    assert "comes between" in hint("2.4", "It learns that " + "music is nice and good " * 6)
