"""What the live view draws, and that it is cheap."""

import io
import time

import pytest
from rich.console import Console

from kgenesis.cli import screen
from kgenesis.cli.help import cells, wrapped
from kgenesis.cli.live import Panel, Progress, sparkline


def test_a_sparkline_rises_with_the_curve():
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5, 5]) == ""
    assert sparkline([float("nan"), 1]) == ""
    assert sparkline(list(range(500)))[-1] == "█"
    assert len(sparkline(list(range(500)))) == 24


class Drawing(Progress):
    """Takes long to draw."""

    def __init__(self):
        self.n = 0

    def drawn(self, state, told, console):
        self.n += 1
        time.sleep(0.02)
        return told


def test_redrawing_takes_at_most_a_twentieth_of_the_time_and_four_redraws_a_second():
    drawing = Drawing()
    view = Panel(Console(file=io.StringIO(), force_terminal=True, width=80), drawing)
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        view.watch(None)
    view.close(None)
    assert 1 <= drawing.n <= 4


def test_a_sentence_is_shown_at_the_next_look():
    drawing = Drawing()
    view = Panel(Console(file=io.StringIO(), force_terminal=True, width=80), drawing)
    view.watch(None)
    view.tell("Finishing what runs")
    view.watch(None)
    view.close(None)
    assert drawing.n == 2


def test_a_terminal_that_is_gone_does_not_end_the_campaign():
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(5, "Input/output error")

    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    view = Panel(console, Drawing())
    console.file = Gone()
    view.watch(None)
    view.watch(None)
    view.close(None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (3, "3"),
        (3.0, "3"),
        (1.23456, "1.235"),
        (1e-9, "1e-09"),
        ("A", "A"),
        (True, "True"),
    ],
)
def test_numbers_are_short(value, shown):
    assert screen.number(value) == shown


def test_times_and_sizes_are_for_people(monkeypatch):
    monkeypatch.setenv("KGENESIS_LANG", "en")
    assert [screen.duration(s) for s in (None, 8, 200, 7500)] == ["–", "8 s", "3 min 20 s", "2 h 5 min"]
    assert [screen.size(n) for n in (None, 12, 2048, 5 * 1024**3)] == ["–", "12 B", "2.0 KiB", "5.0 GiB"]


def test_json_has_no_numbers_that_are_none(capsys):
    screen.print_json({"a": float("nan"), "b": [float("inf"), 1.5]})
    assert capsys.readouterr().out.split() == ["{", '"a":', "null,", '"b":', "[", "null,", "1.5", "]", "}"]


def test_korean_letters_count_twice_when_lines_are_wrapped():
    assert cells("가a") == 3
    assert wrapped("가나다 라마", 7) == ["가나다", "라마"]
    assert wrapped("abc de", 7) == ["abc de"]
