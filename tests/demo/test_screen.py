"""The picture: it fits, says everything in words, and says what to do when it cannot."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from edge_agent.clock import SystemClock
from edge_agent.demo.broker import Link, find_mosquitto
from edge_agent.demo.inquiry import Standing
from edge_agent.demo.line import Life
from edge_agent.demo.screen import ASCII, UNICODE, Screen, hint, short, sparkline
from edge_agent.demo.show import Show, Wish
from edge_agent.reactor import Reactor


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    clock = SystemClock()
    reactor = Reactor(clock)
    playing = Show(reactor, clock, tmp_path, Wish(), lambda _: None, mosquitto=find_mosquitto())
    for agent in playing.line.agents:
        agent.life = Life.RUNNING
        agent.standing = Standing(ready=True, waiting=7, broker="ok")
    for number in range(20):
        playing.line.stations[0].scan(f"K-{1000 + number}", 0)
    playing.line.stations[0].scans[0].outcome = "accepted"
    yield playing
    reactor.close()


def picture(show: Show, width: int, height: int, encoding: str = "utf-8") -> list[str]:
    sheet = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(
        file=sheet, width=width, height=height, force_terminal=True, color_system=None
    )
    console.print(Screen(show))
    sheet.seek(0)
    return sheet.read().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 30), (120, 40), (200, 60)])
def test_it_fills_the_terminal_and_no_more(show: Show, width: int, height: int) -> None:
    lines = picture(show, width, height)
    assert len(lines) == height
    assert all(len(line.rstrip()) <= width for line in lines)
    assert "…" not in "\n".join(lines)


@pytest.mark.parametrize("height", [24, 40])
def test_it_says_in_words_what_it_says_in_colours(show: Show, height: int) -> None:
    show.ledger.scan_made("A1", "K-1")
    show.ledger.light_seen("accepted", "e-1")
    text = "\n".join(picture(show, 80, height))
    for words in (
        show.broker.address,
        "made 1",
        "accepted 1",
        "arrived 0",
        "waiting 1",
        "no light",
        "K-1019",
        "waiting     7",
        "connected",
        "cut",
        "on disk",
    ):
        assert words in text


def test_without_unicode_everything_is_plain(show: Show) -> None:
    text = "\n".join(picture(show, 80, 24, "ascii"))
    assert text.isascii()
    assert f"{ASCII.green} K-1019" in text


@pytest.mark.parametrize(("width", "height"), [(79, 24), (80, 21), (20, 5)])
def test_a_small_window_is_told_what_to_do(show: Show, width: int, height: int) -> None:
    lines = picture(show, width, height)
    assert "Make it larger" in " ".join(lines).replace("  ", " ")
    assert len(lines) <= max(height, 12)


def test_the_keys_fit_whatever_they_say(show: Show) -> None:
    for agent in show.line.agents:
        agent.life = Life.KILLED
    last = picture(show, 80, 24)[-1]
    assert last.rstrip().endswith("quit")
    assert last.count("restart") == 2


def test_the_hint_says_what_is_being_seen(show: Show) -> None:
    assert "starting" in hint(show)
    show.begun = True
    assert "No broker" in hint(show)
    show.broker.link = Link.UP
    assert "Try it" in hint(show)
    show.line.agents[1].standing = Standing(ready=True, waiting=7, broker="trouble")
    assert "pi-b knocks" in hint(show)
    show.line.agents[1].life = Life.KILLED
    assert "pi-b is gone" in hint(show)
    show.finishing = True
    assert "Going home" in hint(show)


def test_the_curve_has_its_highest_bar_full_and_the_newest_last() -> None:
    assert sparkline([0, 0], UNICODE.bars, 10) == "▁▁"
    assert sparkline([0, 1, 100], UNICODE.bars, 10) == "▁▂█"
    assert sparkline([100, 1, 0], UNICODE.bars, 2) == "█▁"
    assert sparkline([], UNICODE.bars, 10) == ""


def test_a_time_to_the_light_has_four_characters_at_most() -> None:
    assert [short(ms) for ms in (0.2, 12.4, 99.4, 99.6, 2500)] == [
        "0ms",
        "12ms",
        "99ms",
        "0.1s",
        "2.5s",
    ]
