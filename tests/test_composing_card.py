"""The composing card says what it measured, for every writer."""

from chorale_utils import compose, copied, draw_form, load_corpus
from chorale_utils.writing import composing_card


def test_every_writer_has_its_figures(tmp_path):
    text = composing_card.ship(tmp_path, pieces=4, particles=2).read_text(encoding="utf-8")
    told = text.split("## Can a machine tell?")[1].split("##")[0]
    rows = [line.split("|") for line in told.splitlines() if line.startswith("| ")][1:]
    names = [row[1].strip() for row in rows]
    assert names == [
        "Bach",
        "note_gru, under the rules",
        "chord_gru, under the rules",
        "phrase_gru, under the rules",
        "`compose`: critic, 2 candidates",
    ]
    aucs = [float(row[2].split()[0]) for row in rows]
    assert 0.35 < aucs[0] < 0.65  # Bach against Bach; four pieces by the others tell little
    assert all(0 <= auc <= 1 for auc in aucs)
    forms = sorted((draw_form(number) for number in range(4)), key=lambda form: len(form.written()))
    with_critic = compose(forms, 4, seed=0, particles=2)
    share = copied(list(with_critic), load_corpus("music21").train)["share"].mean()
    assert rows[-1][5].strip() == f"{share:.3f}"
    figures = text.split("## Phrasing")[1].split("##")[0]
    assert [line.split("|")[1].strip() for line in figures.splitlines() if "|" in line][2:] == names
    rules = text.split("## By the rules")[1]
    assert [line.split("|")[1].strip() for line in rules.splitlines() if "|" in line][2:] == names
    giveaways = text.split("## What gives them away")[1].split("##")[0]
    assert {line.split("|")[1].strip() for line in giveaways.splitlines() if "| " in line} == {
        "writer",
        *names[1:],
    }
