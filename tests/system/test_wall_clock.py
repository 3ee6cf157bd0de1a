"""The wall clock of a running agent is set, forward and back: real agent, journal, port, broker."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.kit import wall_clock
from tests.kit.agents import Agent, command
from tests.kit.arrivals import Arrivals, judge
from tests.kit.brokers import Mosquitto
from tests.kit.scanners import Pty
from tests.kit.wall_clock import Wall

pytestmark = pytest.mark.broker

HOUR_S = 3_600.0
DAY_S = 86_400.0
GOOD = b"\x06"


class Line:
    """An agent with a serial scanner, whose wall clock is in hand, and what was scanned."""

    def __init__(self, folder: Path, port: Pty, broker: Mosquitto) -> None:
        self.port = port
        more = (
            '[[device]]\nname = "gun"\nkind = "serial-scanner"\nstation = "A2"\n'
            f'port = "{port.path}"\ngood_read = "\\u0006"\n'
        )
        url = f"mqtt://127.0.0.1:{broker.port}"
        self.agent = Agent(folder, url=url, guns=(), more=more)
        self.agent.command = wall_clock.COMMAND
        self.wall = Wall(folder)
        self.made: list[str] = []

    def scan(self, *texts: str) -> None:
        """Scan, and wait until each has beeped."""
        heard = bytearray()

        def beeped() -> bool:
            heard.extend(self.port.heard())
            return len(heard) == len(texts)

        self.made += texts
        assert self.port.scan("".join(f"{text}\r" for text in texts).encode())
        self.agent.until(beeped, f"{texts} beep")
        assert heard == GOOD * len(texts)

    def exported(self) -> dict[str, dict[str, Any]]:
        lines = command("outbox", self.agent.config, "export").out.splitlines()
        return {said["event"]["id"]: said["event"] for said in map(json.loads, lines)}


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Pty]:
    made = Pty(tmp_path / "ttyGUN")
    yield made
    made.unplug()


@pytest.fixture
def line(tmp_path: Path, port: Pty, broker: Mosquitto) -> Line:
    return Line(tmp_path / "a", port, broker)


def until_steps(line: Line, steps: int) -> None:
    """Wait until the log has told of so many steps."""
    told = "the wall clock was set by"
    line.agent.until(
        lambda: sum(told in said for said in line.agent.lines()) == steps, f"{steps} steps are told"
    )


def test_a_clock_that_jumps_while_events_wait_changes_no_order_no_duration_and_no_id(
    line: Line, broker: Mosquitto, arrivals: Arrivals
) -> None:
    """Half of it before the broker, half while it hangs; a repeat stays one across a jump."""
    with line.agent as agent:
        agent.until_connected()
        line.scan("K-01", "K-02")
        arrivals.until_texts(line.made)
        broker.pause()
        line.scan("K-03", "K-04")
        line.wall.put(-HOUR_S)
        line.scan("K-05")
        until_steps(line, 1)
        line.scan("K-06", "K-07")
        line.wall.put(DAY_S)
        line.scan("K-08")
        until_steps(line, 2)
        line.scan("K-09", "K-10")
        line.scan("K-10")  # suppressed, and beeps: it is kept already
        line.made.pop()
        said = agent.status()
        assert said["counters"]["reads"]["suppressed"] == 1
        assert 0 <= said["counters"]["oldest_waiting_s"] < 60
        assert said["counters"]["commit_ms_p99"] < 60_000
        before = line.exported()
        assert sum(event["type"] == "scan.read" for event in before.values()) == 10
        line.port.unplug()
        agent.until_status(lambda said: said["devices"][0]["condition"] == "trouble", "unplugged")
        line.wall.put(0)
        until_steps(line, 3)
        line.port = Pty(line.port.path)
        agent.until_status(lambda said: said["devices"][0]["condition"] == "ok", "plugged again")
        broker.resume()
        arrivals.until_texts(line.made)
        agent.until_empty()
        assert agent.stop() == 0
        after = line.exported()
        line.port.unplug()
    assert {number: after[number] for number in before} == before, "a stored event has changed"
    judge(arrivals, agent.guns)
    _untouched(first_of_each(arrivals.events()), line.made)


def _untouched(arrived: list[dict[str, Any]], made: list[str]) -> None:
    """Assert that nothing but the wall clock's own readings shows that it has jumped."""
    scans = [event for event in arrived if event["type"] == "scan.read"]
    assert [event["data"]["text"] for event in scans] == made
    for order in ("sequence", "monons"):
        numbers = [int(event[order]) for event in scans]
        assert numbers == sorted(numbers), order
    assert {event["clock"] for event in arrived} == {"synced"}
    assert not [event for event in arrived if event["type"] == "clock.corrected"]
    walls = [event["time"] for event in scans]
    assert walls != sorted(walls), "the clock has not jumped: nothing is tested"
    (cleared,) = [event["data"] for event in arrived if event["type"] == "alarm.cleared"]
    assert 0 < cleared["lasted_s"] < 60
    for event in arrived:
        for key, value in event["data"].items():
            assert not key.endswith("_s") or 0 <= value < 60, (key, value)


def first_of_each(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return list({event["id"]: event for event in reversed(events)}.values())[::-1]


def test_a_clock_that_is_set_at_last_corrects_what_waits_and_tells_what_is_out(
    line: Line, broker: Mosquitto, arrivals: Arrivals
) -> None:
    line.wall.put(-40 * 365 * DAY_S, is_set=False)
    with line.agent as agent:
        agent.until_connected()
        line.scan("out-1", "out-2")
        arrivals.until_texts(line.made)
        agent.until_empty()
        broker.stop()
        agent.until_status(lambda said: said["broker"]["condition"] == "trouble", "no broker")
        line.scan("waits-1", "waits-2")
        before = line.exported()
        assert {event["clock"] for event in before.values()} == {"unsynced"}
        line.wall.put(0)
        agent.process.wait_for("the wall clock is set")
        line.scan("after-1")
        line.wall.put(-HOUR_S)
        agent.process.wait_for(r"set by -3[56]\d\d\.")
        line.scan("after-2")
        broker.start()
        arrivals.connect()
        arrivals.until_texts(line.made)
        agent.until_empty()
        assert agent.stop() == 0
    arrived = first_of_each(arrivals.events())
    scans = [event for event in arrived if event["type"] == "scan.read"]
    assert [(event["data"]["text"], event["clock"]) for event in scans] == [
        ("out-1", "unsynced"),
        ("out-2", "unsynced"),
        ("waits-1", "corrected"),
        ("waits-2", "corrected"),
        ("after-1", "synced"),
        ("after-2", "synced"),
    ]
    assert {event["id"] for event in scans[:4]} <= before.keys(), "a correction has changed an id"
    for event in scans[2:4]:
        stored = before[event["id"]]
        assert (stored["time"][:2], event["time"][:2]) == ("19", "20")
        assert stored["monons"] == event["monons"]
    (told,) = [event["data"] for event in arrived if event["type"] == "clock.corrected"]
    sequences = [int(event["sequence"]) for event in scans]
    assert (told["epoch"], told["boot"]) == (scans[0]["epoch"], scans[0]["bootid"])
    assert int(told["first"]) <= sequences[0] < sequences[3] <= int(told["last"]) < sequences[4]
    for event in scans[2:4]:  # what the agent has done with these, a subscriber does with the rest
        by_offset_s = int(event["monons"]) / 1e9 + told["offset_s"]
        assert abs(datetime.fromisoformat(event["time"]).timestamp() - by_offset_s) < 0.1
