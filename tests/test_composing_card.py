"""The composing card says what it measured, for every writer."""

from chorale_utils.writing import composing_card


def test_every_writer_has_its_figures(tmp_path):
    text = composing_card.ship(tmp_path, pieces=4, particles=2).read_text(encoding="utf-8")
    told = text.split("## Can a machine tell?")[1].split("##")[0]
    rows = [line.split("|") for line in told.splitlines() if line.startswith("| ")][1:]
    names = [row[1].strip() for row in rows]
    assert names == [
        "Bach",
        "chord_gru, under the rules",
        "phrase_gru, under the rules",
        "`compose`: critic, 2 candidates",
    ]
    aucs = [float(row[2].split()[0]) for row in rows]
    assert 0.35 < aucs[0] < 0.65 < min(aucs[1:])
    figures = text.split("## Phrasing")[1]
    assert [line.split("|")[1].strip() for line in figures.splitlines() if "|" in line][2:] == names
