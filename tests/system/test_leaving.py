"""Whole agents that end, or take a scanner away: whoever scanned has an answer, and hears it."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import stalling_disk
from tests.kit.agents import Agent, command
from tests.kit.scanners import Pty

NOWHERE = "mqtt://127.0.0.1:9"
GOOD = b"\x06"
BURST = 300
"""Scans in one go: more than a turn takes, and less than a terminal holds."""


def serial(port: Path, window_s: float = 2.0) -> str:
    return (
        f'[[device]]\nname = "gun"\nkind = "serial-scanner"\nstation = "A2"\nport = "{port}"\n'
        f'good_read = "\\u0006"\nbad_read = "\\u0015"\nrepeat_window_s = {window_s}\n'
    )


@pytest.fixture
def port() -> Iterator[Pty]:
    made = Pty()
    yield made
    made.unplug()


def stored(agent: Agent) -> list[str]:
    out = command("outbox", agent.config, "export").out
    events = [json.loads(line)["event"] for line in out.splitlines()]
    return [event["data"]["text"] for event in events if event["type"] == "scan.read"]


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGHUP])
def test_a_burst_that_came_before_an_end_or_a_reload_is_read_and_its_beeps_are_heard(
    tmp_path: Path, port: Pty, what: signal.Signals
) -> None:
    """The agent stands still while the scans and the signal come, and finds both at once."""
    agent = Agent(tmp_path / "a", url=NOWHERE, guns=(), more=serial(port.path))
    heard = bytearray()
    made: list[str] = []
    with agent:
        for life in range(3):
            if life:
                agent.start()
            if what is signal.SIGHUP:
                agent.more = serial(port.path, 3.0 + life)
                agent.write()
                agent.signal(signal.SIGHUP)
                agent.until(lambda: children(agent), "the validator runs")
            agent.signal(signal.SIGSTOP)
            if what is signal.SIGHUP:
                agent.until(lambda: set(children(agent)) <= {"Z"}, "the validator is done")
            burst = [f"K-{life}-{number:06d}" for number in range(BURST)]
            stream = "".join(f"{text}\r" for text in burst).encode()
            assert port.scan(stream) == len(stream)
            agent.until(lambda sent=stream: port.arrived() == len(sent), "all lies in the port")
            made += burst
            if what is signal.SIGTERM:
                agent.signal(signal.SIGTERM)
            agent.signal(signal.SIGCONT)
            if what is signal.SIGHUP:
                agent.process.wait_for("gun replaced")
            # a second SIGTERM would cut the end short, and 0 is no signal at all
            assert agent.end(0 if what is signal.SIGTERM else signal.SIGTERM) == 0
            while more := port.heard():
                heard += more
        kept = stored(agent)
    assert kept == made
    assert bytes(heard) == GOOD * len(made)


def children(agent: Agent) -> list[str]:
    """Give the states of the processes that the agent has started."""
    pid = agent.process.pid
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[0] for one in numbers]


@pytest.mark.parametrize("second", [False, True])
def test_on_a_disk_that_stands_still_an_end_refuses_what_waits(
    tmp_path: Path, second: bool
) -> None:
    environ = {} if second else {"STOP_S": "0.5"}
    agent = Agent(tmp_path / "a", url=NOWHERE, environ=environ)
    agent.command = stalling_disk.COMMAND
    with agent:
        agent.gun.scan("kept")
        agent.until_answered()
        agent.signal(signal.SIGUSR1)
        agent.gun.scan("K-1", "K-2", "K-1", "K-3")
        agent.process.wait_for(stalling_disk.STALLED)
        agent.until_status(
            lambda said: said["counters"]["reads"]["pending"] == 4, "they wait for the disk"
        )
        if second:
            agent.signal(signal.SIGTERM)
            agent.process.wait_for("stopping")
        assert agent.stop() == 0
        said = [(a["text"], a["outcome"], a["reason"]) for a in agent.gun.answers]
        assert said[0] == ("kept", "accepted", None)
        refused = [(text, "rejected", "storage") for text in ("K-1", "K-1", "K-2", "K-3")]
        assert sorted(said[1:]) == refused
        words = "\n".join(agent.lines())
        assert "4 scans that waited for the disk were refused" in words
        assert "Traceback" not in words
        assert os.path.lexists(agent.data_dir / "journal")
        assert "kept" in stored(agent)


def test_a_disk_that_goes_on_in_time_makes_it_an_end_in_order(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "a", url=NOWHERE)
    agent.command = stalling_disk.COMMAND
    with agent:
        agent.signal(signal.SIGUSR1)
        agent.gun.scan("K-1", "K-2")
        agent.process.wait_for(stalling_disk.STALLED)
        agent.signal(signal.SIGTERM)
        agent.process.wait_for("stopping")
        agent.signal(signal.SIGUSR2)
        agent.until(lambda: len(agent.gun.hear()) == 2, "both are answered")
        assert [a["outcome"] for a in agent.gun.answers] == ["accepted"] * 2
