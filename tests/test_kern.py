"""Kern files: words of all verses, church modes, repeats and bars."""

import pytest

from chorale_utils import KeySignature, Syllable, Tempo, load_chorale, load_melody

TUNE = """\
!!!COM: Crüger, Johann
!!!OTL: Nun danket
**kern\t**text\t**text
*M4/4\t*\t*
*k[]\t*\t*
*D:dor\t*\t*
*MM72\t*\t*
4d\tNun\tMit
=1\t=1\t=1
4d\tdan-\tHer-
4e\t-ket\t-zen,
4f#\t.\t.
4g\tal-\tund
=2:|!\t=2:|!\t=2:|!
2g-\t-le\tMund
[4a\tGott\t.
4a]\t_\t.
=3\t=3\t=3
*M3/4\t*\t*
2.d;\t.\t.
==\t==\t==
*-\t*-\t*-
"""


@pytest.fixture
def kern(tmp_path):
    def read(text, load=load_melody, **options):
        path = tmp_path / "tune.krn"
        path.write_text(text, encoding="utf-8")
        return load(path, **options)

    return read


def test_words_of_all_verses_stand_under_their_notes(kern):
    words = kern(TUNE).notation.words
    assert [word for word in words if word.verse == 1] == [
        Syllable(0, 0, 1, "Nun"),
        Syllable(4, 0, 1, "dan", "begin"),
        Syllable(8, 0, 1, "ket", "end"),
        Syllable(16, 0, 1, "al", "begin"),
        Syllable(20, 0, 1, "le", "end"),
        Syllable(28, 0, 1, "Gott"),
    ]
    assert [word.text for word in words if word.verse == 2] == ["Mit", "Her", "zen,", "und", "Mund"]


def test_page_of_a_kern_file_is_kept(kern):
    read = kern(TUNE)
    page = read.notation
    assert (read.title, read.key, page.composer) == ("Nun danket", "d dorian", "Crüger, Johann")
    assert page.keys == (KeySignature(0, 0, "dorian"),)
    assert page.tempos == (Tempo(0, 72.0),)
    assert [(b.start, b.steps, b.time_signature, b.repeat_end) for b in page.bars] == [
        (0, 4, "4/4", 0),
        (4, 16, "4/4", 2),
        (20, 16, "4/4", 0),
        (36, 12, "3/4", 0),
    ]
    assert page.spelling[[12, 20], 0].tolist() == [6, -6]


@pytest.mark.parametrize(
    "mode, key, fifths",
    [
        ("*k[]\t*\t*\n*D:dor", "d dorian", 0),
        ("*k[]\t*\t*\n*d:", "d dorian", 0),  # as minor was written before it had its signature
        ("*k[b-]\t*\t*\n*g:", "g dorian", -1),
        ("*k[b-]\t*\t*\n*d:dor", "d minor", -1),
        ("*k[]\t*\t*\n*e:phr", "e phrygian", 0),
        ("*k[]\t*\t*\n*G:mix", "G mixolydian", 0),
        ("*k[]\t*\t*\n*F:lyd", "F lydian", 0),
        ("*k[b-]\t*\t*\n*d:", "d minor", -1),
    ],
)
def test_church_modes_are_modes(kern, mode, key, fifths):
    read = kern(TUNE.replace("*k[]\t*\t*\n*D:dor", mode))
    assert read.key == key
    assert read.notation.keys == (KeySignature(0, fifths, key.split()[1]),)


def test_key_that_changes_inside_begins_there(kern):
    changed = TUNE.replace("*M3/4\t*\t*", "*M3/4\t*\t*\n*k[f#]\t*\t*\n*G:\t*\t*")
    assert kern(changed).notation.keys == (
        KeySignature(0, 0, "dorian"),
        KeySignature(36, 1, "major"),
    )


def test_words_beside_two_of_four_parts_are_those_parts(kern):
    read = kern(
        "**kern\t**text\t**kern\t**kern\t**kern\t**text\n"
        "*M4/4\t*\t*M4/4\t*M4/4\t*M4/4\t*\n"
        "1C\tunten\t1e\t1g\t1cc\toben\n"
        "*-\t*-\t*-\t*-\t*-\t*-\n",
        load_chorale,
    )
    assert read.pitches[0].tolist() == [72, 67, 64, 48]
    assert [(word.voice, word.text) for word in read.notation.words] == [(0, "oben"), (3, "unten")]


def test_words_after_a_spine_that_splits_and_joins_are_found(kern):
    read = kern(
        "**kern\t**text\n*M4/4\t*\n2c\ta\n*^\t*\n4d\t4d\tb\n4e\t4e\t.\n*v\t*v\t*\n=\t=\n1f\tc\n*-\t*-\n"
    )
    assert [(word.step, word.text) for word in read.notation.words] == [
        (0, "a"),
        (8, "b"),
        (16, "c"),
    ]
