"""Players: small, whole without scripts, and with a cursor that is where the sound is."""

import json
import xml.etree.ElementTree as ET
from base64 import b64decode, b64encode
from dataclasses import replace
from html import unescape
from io import BytesIO

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings, strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from music21 import corpus
from PIL import Image

from chorale_utils.chorale import Chorale, Pieces
from chorale_utils.notation import engraving
from chorale_utils.notation.page import Bar, Notation, Tempo, expand_repeats
from chorale_utils.notation.reading import from_score
from chorale_utils.notation.score_files import show_score
from chorale_utils.sound.audio import TAIL, step_times
from chorale_utils.sound.player import cursor_path, play, show, sung_steps

# a pickup and ties; 3/4 with a rest in all voices; held fermatas
REAL = ["bwv66.6", "bwv57.8", "bwv269", "bwv245.40"]
_read = {}


def real(name="bwv66.6"):
    if name not in _read:
        _read[name] = from_score(corpus.parse(f"bach/{name}"), name, bwv=name.removeprefix("bwv"))
    return _read[name]


def onsets(chorale):
    return sorted({start for voice in range(4) for start, _, _ in chorale.notes(voice).tolist()})


@pytest.mark.parametrize("staves", [2, 4])
@pytest.mark.parametrize("name", REAL)
def test_the_cursor_reaches_each_note_when_it_is_struck(name, staves):
    chorale = real(name)
    times = step_times(chorale, tempo=72, fermata=2)
    path = cursor_path(show_score(chorale, staves).systems, times, sung_steps(chorale))
    reached = np.array([time for system in path for time, _ in system["points"][:-1]])
    struck = times[onsets(expand_repeats(chorale))]
    assert np.allclose(reached[np.searchsorted(reached, struck - 1e-3)], struck, rtol=0, atol=1e-3)
    assert path[-1]["points"][-1][0] == pytest.approx(times[-1], abs=1e-3)


def test_the_cursor_goes_back_where_a_repeat_is_sung():
    """Two bars that are sung twice, the second time with another ending."""
    bars = (
        Bar(0, 16, "4/4", repeat_begin=True),
        Bar(16, 16, "4/4", number=2, endings=(1,), repeat_end=2),
        Bar(32, 16, "4/4", number=3, endings=(2,)),
    )
    pitches = np.repeat(60 + np.arange(12), 4)[:, None] + np.array([12, 7, 4, 0])
    chorale = Chorale(pitches, time_signature="4/4", notation=Notation(bars))
    times = step_times(chorale, tempo=60)
    assert times[-1] == 16 and sung_steps(chorale)[32] == 0
    path = cursor_path(show_score(chorale).systems, times, sung_steps(chorale))
    assert [part["points"][0][0] for part in path] == [0, 8, 12]
    assert [part["points"][-1][0] for part in path] == [8, 12, 16]
    first, again, ending = (part["points"] for part in path)
    assert [x for _, x in again][:4] == [x for _, x in first][:4]
    assert ending[0][1] == first[-1][1] > again[-1][1]


def test_the_cursor_follows_tempo_marks_and_fermatas():
    page = Notation(tempos=(Tempo(0, 60), Tempo(8, 120, "Andante"), Tempo(12, None, "Adagio")))
    chorale = Chorale(
        [[72, 67, 64, 48]] * 16,
        time_signature="4/4",
        fermatas=np.arange(16) >= 14,
        notation=page,
    )
    lengths = np.diff(step_times(chorale, fermata=2))
    adagio = 60 / 56 / 4
    wanted = [0.25] * 8 + [0.125] * 4 + [adagio] * 2 + [2 * adagio] * 2
    assert np.allclose(lengths, wanted)
    assert np.allclose(np.diff(step_times(chorale, tempo=60, fermata=1)), 0.25)


def test_verovios_own_clock_agrees_with_that_of_the_sound():
    chorale = real("bwv269")
    chorale = replace(chorale, notation=replace(chorale.notation, tempos=()))
    show_score(chorale)
    timemap = engraving._verovio().renderToTimemap({})
    begins = {
        round(4 * moment["qstamp"]): moment["tstamp"] / 1000
        for moment in timemap
        if moment.get("on")
    }
    assert set(onsets(chorale)) <= set(begins)  # Verovio counts the second of two tied notes, too
    # its tempo, where none is written; it holds no fermata and repeats nothing
    times = step_times(chorale, tempo=120, fermata=1, repeats="written")
    assert np.allclose(list(begins.values()), times[list(begins)], rtol=0, atol=1e-3)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40), notes=st.data())
def test_on_any_score_the_cursor_goes_from_left_to_right_and_from_system_to_system(lengths, notes):
    chords = notes.draw(
        st.lists(
            st.lists(st.sampled_from([0, 48, 60, 61, 67]), min_size=4, max_size=4),
            min_size=len(lengths),
            max_size=len(lengths),
        )
    )
    chorale = Chorale(np.repeat(chords, lengths, axis=0), time_signature="4/4")
    systems = show_score(chorale, width=500).systems
    steps = [step for system in systems for step, _ in system.points[:-1]]
    assert steps == sorted(set(steps)) and set(onsets(chorale)) <= set(steps)
    for above, below in zip(systems, systems[1:]):
        assert above.points[-1][0] == below.points[0][0] and above.top + above.height < below.top
    for system in systems:
        assert 0 <= system.top < system.top + system.height <= 1
        places = [x for _, x in system.points]
        assert places == sorted(places) and 0 < places[0] and places[-1] < 1


def test_the_cursor_stands_on_the_note_heads():
    """A bar of four quarters, whose heads are found in the drawing by where they stand: left edges,
    middle to middle."""
    score = show_score(
        Chorale(
            np.repeat([[60] * 4, [62] * 4, [64] * 4, [65] * 4], 4, axis=0), time_signature="4/4"
        )
    )
    drawing = ET.fromstring(score.svg)
    scale = drawing.find("{*}svg")
    width, left = float(scale.get("viewBox").split()[2]), 500  # Verovio's margin
    heads = sorted(
        {
            float(use.get("transform").split("(")[1].split(",")[0])
            for group in scale.findall(".//{*}g")
            if group.get("class") == "notehead"
            for use in group.findall(".//{*}use")
        }
    )
    within = [x * width - left - head for (_, x), head in zip(score.systems[0].points, heads)]
    assert 90 < min(within) and max(within) < 125  # a head is 212 wide


def test_a_piece_of_silence_has_no_cursor_and_can_be_shown():
    shown = show(Chorale(np.zeros((16, 4), int)))
    assert shown.path == []
    assert "data-systems" in shown._repr_html_()


def displayed(*shown):
    """What a notebook stores of the values at the ends of its cells: list of (MIME type, content),
    the type that a page prefers, HTML before PNG before plain text."""
    with InteractiveShell.instance().display_trap, capture_output() as captured:
        for value in shown:
            value._ipython_display_()
    kinds = ("text/html", "image/png", "text/plain")
    seen = [
        next((kind, output.data[kind]) for kind in kinds if kind in output.data)
        for output in captured.outputs
    ]
    return seen + [("text/plain", captured.stdout)] * bool(captured.stdout)


def test_a_notebook_stores_name_score_and_player_as_outputs_of_their_own():
    shown = show(real().excerpt(0, 36))
    (first, name), (second, score), (third, player) = displayed(shown)
    assert [first, second, third] == ["text/html", "image/png", "text/html"]
    assert name == "<p><b>bwv66.6, f♯ minor</b></p>"
    assert b64decode(score) == shown.score.png if isinstance(score, str) else shown.score.png
    html, _, script = player.partition("<script>")
    assert script.endswith("</script>") and "</" not in script.removesuffix("</script>")
    assert shown.player._repr_html_() in html
    assert json.loads(unescape(html.split('data-systems="')[1].split('"')[0])) == shown.path
    for hidden in ("<img", "<svg", "chorale-cursor", "display: none", "hidden"):
        assert hidden not in html


def test_a_player_tells_its_script_the_size_of_its_score():
    shown = show(real().excerpt(0, 36))
    width, height = Image.open(BytesIO(shown.score.png)).size
    assert f'data-picture="{width}x{height}"' in shown._repr_html_()


def test_without_a_caption_there_is_no_line_above_the_score():
    assert [kind for kind, _ in displayed(show(real()[:16], caption=""))] == [
        "image/png",
        "text/html",
    ]


def test_nothing_is_fetched():
    html = show(real().excerpt(0, 36))._repr_html_()
    assert html.count("src=") == html.count('src="data:') == 2  # a picture and a sound
    assert "http" not in html


def test_a_player_is_small_and_holds_an_mp3_of_the_whole_piece():
    excerpt = real().excerpt(0, 6 * 16)
    player = play(excerpt)
    seconds = step_times(excerpt)[-1] + TAIL
    assert seconds > 17
    assert len(player.data) < 7_000 * seconds
    sound, rate = soundfile.read(BytesIO(player.data))
    assert len(sound) / rate == pytest.approx(seconds, abs=0.1)
    assert np.sqrt(np.mean(sound**2)) > 0.05


def test_a_player_is_the_same_every_time():
    excerpt = real().excerpt(0, 36)
    assert play(excerpt)._repr_html_() == play(excerpt)._repr_html_()


def test_a_player_keeps_its_sound_where_a_notebook_strips_source_tags():
    player = play(real().excerpt(0, 20))
    html = player._repr_html_()
    assert "<source" not in html and "<script" not in html
    kind, _, sound = html.split('src="')[1].split('"')[0].partition(",")
    assert kind == "data:audio/mpeg;base64" and b64decode(sound) == player.data


def test_show_puts_name_score_and_player_together():
    excerpt = real().excerpt(0, 36)
    shown = show(excerpt)
    html = shown._repr_html_()
    assert (
        html.index("bwv66.6, f♯ minor")
        < html.index(b64encode(shown.score.png).decode())
        < html.index(shown.player._repr_html_())
    )
    assert len(html) < 120_000
    assert "&lt;b&gt;" in show(excerpt, caption="<b>")._repr_html_()


def test_a_caption_is_read_to_those_who_do_not_see_the_score():
    excerpt = real()[:16]
    plain, told = show(excerpt).score.alt, show(excerpt, caption="four beats").score.alt
    assert told == f"{plain}: four beats"


def test_a_chorale_at_the_end_of_a_cell_shows_itself_as_show_does():
    excerpt = real()[:16]
    assert displayed(excerpt) == displayed(show(excerpt))


def test_a_chorale_without_steps_is_a_line_of_text_at_the_end_of_a_cell():
    empty = Chorale(np.zeros((0, 4), int), name="<nothing>")
    assert displayed(empty) == [("text/plain", "<nothing>: a chorale of 0 steps\n")]
    assert displayed(Pieces()) == [("text/plain", "no chorales\n")]


@pytest.mark.parametrize("of", ["real()[:16]", "Pieces([real()[:16]])", "show(real()[:16])"])
def test_in_a_terminal_a_chorale_is_a_line_of_text(of):
    value = eval(of)
    formatter = InteractiveShell.instance().display_formatter
    types = formatter.active_types
    try:
        formatter.active_types = ["text/plain"]
        assert formatter.format(value) == ({"text/plain": repr(value)}, {})
    finally:
        formatter.active_types = types


def test_several_are_shown_one_under_the_other():
    one, other = real()[:8], real("bwv269")[:8]
    for several in ([one, other], Pieces([one, other]), iter([one, other])):
        shown = show(several)
        assert [type(each).__name__ for each in shown] == ["ShownChorale"] * 2
        assert displayed(shown) == displayed(show(one), show(other))
        assert shown._repr_html_() == show(one)._repr_html_() + show(other)._repr_html_()
    assert show([one])._repr_html_() == show(one)._repr_html_()


def test_pieces_at_the_end_of_a_cell_show_the_first_eight_and_say_how_many_more_there_are():
    silence = Chorale(np.zeros((1, 4), int))
    *outputs, (_, more) = displayed(Pieces([silence] * 10))
    assert len(outputs) == 8 * 3
    assert more == "and 2 more: show(pieces[8:]) displays them\n"
    assert len(displayed(Pieces([silence] * 8))) == 8 * 3


def test_each_of_several_has_its_own_caption_and_colours():
    one, other = real()[:8], real("bwv269")[:8]
    red = np.full((8, 4), "#ff0000")
    shown = show([one, other], caption=["first", None], colours=[None, red])
    assert shown[0].caption == "first" and shown[1].caption.startswith("bwv269")
    assert shown[1].score.svg == show_score(other, colours=red).svg != show_score(other).svg
    for wrong in ({"caption": "ab"}, {"caption": ["one"]}, {"colours": [red]}):
        with pytest.raises(ValueError, match="of 2 chorales: expected a list with one for each"):
            show([one, other], **wrong)


@pytest.mark.parametrize("given", ["song.mid", None, 7, [real, real]])
def test_what_is_no_chorale_is_refused_in_words(given):
    for function in (show, play):
        with pytest.raises(TypeError, match="got a.*: expected"):
            function(given)


@pytest.mark.parametrize(
    "wrong, complaint",
    [
        ({"staves": 3}, "staves 3: expected 2"),
        ({"tempo": "fast"}, "tempo 'fast': expected quarter notes"),
        ({"width": None}, "width None: expected pixels"),
    ],
)
def test_impossible_arguments_are_refused_in_words(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        show(real()[:8], **wrong)
