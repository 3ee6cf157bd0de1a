"""The demo's hands and eyes: FIFO, answers file and status socket, also when nobody is there."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.demo.floor import Tower
from edge_agent.demo.inquiry import ANSWER_BYTES_MAX, Inquiry, Standing, understand
from edge_agent.demo.line import Life, Line, Station
from edge_agent.reactor import Reactor

STATUS = {
    "ready": True,
    "counters": {"events": {"stored": 9, "waiting": 4}},
    "broker": {"condition": "ok"},
    "stations": {"stations": [{"station": "A1"}], "segments": [{"segment": "SEG-A"}]},
}
SAID = Standing(
    ready=True,
    waiting=4,
    broker="ok",
    stations=({"station": "A1"},),
    segments=({"segment": "SEG-A"},),
)


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    loop = Reactor(SystemClock())
    yield loop
    loop.close()


@pytest.fixture
def station(tmp_path: Path) -> Station:
    tower = Tower(tmp_path / "tower")
    return Station("A1", "1", "pi-a", tmp_path / "gun", tmp_path / "answers", "SEG-A", tower)


def answer(text: str, outcome: str = "accepted") -> bytes:
    told = {"text": text, "outcome": outcome, "id": "e-1", "reason": None, "mono_ns": 3_000_000}
    return json.dumps(told).encode() + b"\n"


def test_a_trigger_is_pulled_even_when_no_agent_is_there(station: Station) -> None:
    station.scan("K-1", 0)
    os.mkfifo(station.fifo)
    station.scan("K-2", 0)
    assert [scan.text for scan in station.scans] == ["K-2", "K-1"]


def test_a_scan_is_one_line_for_whoever_reads(station: Station) -> None:
    os.mkfifo(station.fifo)
    reader = os.open(station.fifo, os.O_RDONLY | os.O_NONBLOCK)
    station.scan("K-1", 0)
    assert os.read(reader, 100) == b"K-1\n"
    os.close(reader)


def test_a_full_pipe_is_no_light_and_no_wait(station: Station) -> None:
    os.mkfifo(station.fifo)
    reader = os.open(station.fifo, os.O_RDWR | os.O_NONBLOCK)
    for _ in range(1000):
        station.scan("K" * 200, 0)
    os.close(reader)


def test_answers_are_read_once_and_only_whole(station: Station) -> None:
    station.scan("K-1", 1_000_000)
    station.scan("K-2", 2_000_000)
    assert station.look() == []
    with station.answers.open("ab", buffering=0) as file:
        file.write(answer("K-1") + answer("K-2", "suppressed")[:10])
        assert [each.text for each in station.look()] == ["K-1"]
        file.write(answer("K-2", "suppressed")[10:])
        assert [each.outcome for each in station.look()] == ["suppressed"]
    assert station.look() == []
    assert [(scan.outcome, scan.light_ms) for scan in station.scans] == [
        ("suppressed", 1.0),
        ("accepted", 2.0),
    ]


def test_an_answer_cut_short_by_a_kill_is_passed_over(station: Station) -> None:
    station.answers.write_bytes(answer("K-1")[:20] + b"\n" + answer("K-1"))
    assert len(station.look()) == 1


def test_what_arrived_is_marked_where_it_was_scanned(station: Station) -> None:
    for _ in range(2):
        station.scan("K-1", 0)
    station.scans[1].outcome = "accepted"
    station.arrived("K-1")
    assert [scan.arrived for scan in station.scans] == [False, True]


@pytest.mark.parametrize("said", [b"", b"{", b"[]", b"null", b"{}", b'{"counters": 1}'])
def test_half_a_status_is_none(said: bytes) -> None:
    assert understand(said) is None


def test_an_agent_is_asked_and_answers_in_pieces(reactor: Reactor, tmp_path: Path) -> None:
    heard: list[Standing | None] = []
    inquiry = Inquiry(reactor, tmp_path, heard.append)
    inquiry.ask()
    assert heard == [None]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "agent.sock"))
        server.listen()
        inquiry.ask()
        inquiry.ask()  # while an answer is awaited: nothing
        caller, _ = server.accept()
        assert caller.recv(100) == b"status\n"
        said = json.dumps(STATUS).encode()
        caller.sendall(said[:10])
        reactor.turn()
        caller.sendall(said[10:])
        caller.close()
        while len(heard) < 2:
            reactor.turn()
        assert heard[1] == SAID


def test_an_endless_answer_is_dropped(reactor: Reactor, tmp_path: Path) -> None:
    heard: list[Standing | None] = []
    inquiry = Inquiry(reactor, tmp_path, heard.append)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "agent.sock"))
        server.listen()
        inquiry.ask()
        caller, _ = server.accept()
        caller.setblocking(False)
        sent = 0
        while not heard:
            try:
                sent += caller.send(b"x" * 4096)
            except (BlockingIOError, BrokenPipeError):
                reactor.turn()
                continue
            reactor.turn(wait=False)
        caller.close()
    assert heard == [None]
    assert sent <= 2 * ANSWER_BYTES_MAX


# -- the floor ---------------------------------------------------------------------------------


def test_a_tower_is_what_its_lamp_has_written_last(tmp_path: Path) -> None:
    tower = Tower(tmp_path / "lamp")
    tower.look()
    assert tower.lit() == {}
    with tower.file.open("w") as file:
        file.write('{"mono_ns": 1, "light": "green", "pattern": "steady"}\n')
        file.write('{"mono_ns": 2, "light": "yellow", "pattern": "off"}\n{"mono_')
        file.flush()
        tower.look()
        assert tower.lit() == {"green": "steady"}
        file.write('ns": 3, "light": "green", "pattern": "off"}\n')
    tower.look()
    assert tower.lit() == {}


def test_a_tower_without_an_agent_is_dark(reactor: Reactor, tmp_path: Path) -> None:
    line = Line(
        reactor,
        tmp_path,
        "mqtt://127.0.0.1:1",
        answered=lambda _: None,
        changed=lambda _: None,
    )
    station, agent = line.stations[0], line.agents[0]
    station.tower.file.write_text('{"mono_ns": 1, "light": "green", "pattern": "steady"}\n')
    agent.life = Life.RUNNING
    line.look()
    assert station.tower.lit() == {"green": "steady"}
    agent.life = Life.KILLED
    line.look()
    assert station.tower.lit() == {}


def test_a_cord_is_pulled_by_a_word_and_nobody_may_be_there(tmp_path: Path) -> None:
    tower = Tower(tmp_path / "tower")
    files = tmp_path / "gun-a1", tmp_path / "answers"
    one = Station("A1", "1", "pi-a", *files, "SEG-A", tower)
    assert one.cord_key == "5"
    assert not one.press("cord")
    os.mkfifo(tmp_path / "cord-a1")
    reader = os.open(tmp_path / "cord-a1", os.O_RDONLY | os.O_NONBLOCK)
    assert one.press("cord")
    assert os.read(reader, 100) == b"pull\n"
    os.close(reader)
