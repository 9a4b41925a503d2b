"""The line that says what is being executed, and how long it may still take."""

import pytest

from chorale_utils.story.progress import Progress, _clock, is_shown

DURATIONS = {"first": [1.0, 3.0], "second": [4.0, 2.0]}


def test_time_left_is_that_of_the_last_time_at_the_pace_of_this_time():
    progress = Progress(DURATIONS, measured=True, shown=False)
    began = progress.began
    assert progress.seconds_left(began) == pytest.approx(10)
    progress.begin_cell("2 of 2  second", "second", 2, 2)
    progress.cell_began = began + 16  # for what took 8 seconds the last time
    assert progress.seconds_left(began + 16) == pytest.approx(2 * 2)
    assert progress.seconds_left(began + 19) == pytest.approx(1)
    assert progress.seconds_left(began + 99) == 0
    assert progress.place == "2 of 2  second, cell 2 of 2"


def test_time_left_is_not_known_before_a_cell_has_ended_if_nothing_was_measured():
    progress = Progress({"first": [1.0, 1.0]}, measured=False, shown=False)
    assert progress.seconds_left(progress.began) is None
    progress.begin_cell("first", "first", 2, 2)
    progress.cell_began = progress.began + 5
    assert progress.seconds_left(progress.cell_began) == pytest.approx(5)


def test_line_is_shown_and_removed_in_the_end(capsys):
    with Progress(DURATIONS, measured=False, shown=True) as progress:
        progress.say("first  4 s")
    assert capsys.readouterr().err == "\r\x1b[Kfirst  4 s\n\r\x1b[K"


@pytest.mark.parametrize("shown, written", [(False, ""), (None, "first  4 s\n")])
def test_lines_that_stay_are_printed_unless_progress_is_not_wanted(capsys, shown, written):
    with Progress(DURATIONS, measured=False, shown=shown) as progress:
        progress.say("first  4 s")
    assert capsys.readouterr().err == written, "pytest's error stream is not a terminal"
    assert not is_shown(None) and is_shown(True)


def test_clock_has_hours_only_where_there_are_any():
    assert [_clock(seconds) for seconds in (0, 61.4, 3723)] == ["0:00", "1:01", "1:02:03"]
