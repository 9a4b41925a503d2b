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
        Syllable(28, 0, 1, "Gott", melisma=True),
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


def sections(order, *names, metre="*M1/4"):
    """A kern file in which each section is a bar of one note, a step higher than the last."""
    lines = ["**kern", f"*>[{order}]", "*>norep[A]", "*k[]", metre]
    for number, name in enumerate(names):
        lines += [f"*>{name}", f"={number + 1}", f"4{'cdefgab'[number]}"]
    return "\n".join([*lines, "==", "*-", ""])


@pytest.mark.parametrize(
    "order, written",
    [
        ("A,A,B", "A,B"),
        ("A,A,A,B,B", "A,B"),
        ("A,B,A,B,C", "A,B,C"),
        ("A,A1,A,A2,B", "A,A1,A2,B"),
        ("A,A1,A,A2,A,A3", "A,A1,A2,A3"),
        ("A,B,B1,B,B2,C", "A,B,B1,B2,C"),
        ("A,B,A", "A,B"),
        ("A,A,B,A", "A,B"),
        ("A,B", "A,B"),
    ],
)
def test_sections_are_sung_in_the_order_that_the_file_tells(kern, order, written):
    names = written.split(",")
    text = sections(order, *names)
    sung = [[60, 62, 64, 65, 67][names.index(name)] for name in order.split(",")]
    if order == "A,A,B,A":
        sung = [60, 60, 62, 60]
    assert kern(text, repeats="played").notes(0)[:, 2].tolist() == sung
    assert kern(text).notes(0)[:, 2].tolist() == [60, 62, 64, 65, 67][: len(names)]


@pytest.mark.parametrize("order", ["A,B,B,A,C", "B,A", "A,C"])
def test_order_of_sections_that_no_signs_tell_is_named(kern, order):
    with pytest.warns(UserWarning, match=f"the order of the sections, {order}, cannot be"):
        kern(sections(order, "A", "B", "C"))


def test_order_of_sections_adds_nothing_to_repeat_signs(kern):
    text = sections("A,A,B", "A", "B").replace("=2", "=2:|!")
    assert kern(text, repeats="played").notes(0)[:, 2].tolist() == [60, 60, 62]


def test_metre_that_stands_before_its_bar_line_holds_from_there(kern):
    text = "**kern\n*M2/4\n=1\n4c\n4d\n*M3/4\n=2\n2.e\n==\n*-\n"
    bars = kern(text).notation.bars
    assert [(bar.steps, bar.time_signature) for bar in bars] == [(8, "2/4"), (12, "3/4")]


@pytest.mark.parametrize("line", ["==", "=", "=||"])
def test_line_at_the_end_of_a_kern_file_is_the_usual_one(kern, line):
    (bar,) = kern(f"**kern\n*M2/4\n=1\n4c\n4d\n{line}\n*-\n").notation.bars
    assert bar.barline is None


def test_cue_notes_of_a_kern_file_are_left_out(kern):
    text = "**kern\n*M2/4\n=1\n4c\n4d\n=2\n*cue\n4a\n4b\n*Xcue\n=3\n2e\n==\n*-\n"
    assert kern(text).notes(0).tolist() == [[0, 4, 60], [4, 4, 62], [16, 8, 64]]
