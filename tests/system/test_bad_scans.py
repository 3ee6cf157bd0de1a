"""Scans that no scanner should send, and ports that are not what they should be."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.agents import Agent
from tests.kit.arrivals import Arrivals, judge
from tests.kit.brokers import Mosquitto
from tests.kit.scanners import Pty

pytestmark = pytest.mark.broker


def test_scans_of_every_size_and_of_any_bytes(arrivals: Arrivals, agent: Agent) -> None:
    """Each line is answered once, and what follows is read as if nothing had been."""
    gun = agent.gun
    odd = b"\xff\xfe caf\xe9"
    lines = {
        b"": ("rejected", "empty"),
        b"1": ("accepted", None),
        b"4" * 4096: ("accepted", None),
        b"M" * 1_000_000: ("rejected", "too_long"),
        b"nul\0nul": ("accepted", None),
        odd: ("accepted", None),
        b'quote"back\\slash%b%s': ("accepted", None),
        b"\x1b[2J\x07\x01": ("accepted", None),
        "Schlüssel-鍵".encode(): ("accepted", None),
        b"last": ("accepted", None),
    }
    for line in lines:
        gun.write(line + b"\n")
    agent.until_answered(count=len(lines))
    said = [(answer["outcome"], answer["reason"]) for answer in gun.answers]
    assert said == list(lines.values())
    gun.made += [answer["text"] for answer in gun.outcomes("accepted")]
    arrivals.until_texts(gun.made)
    agent.until_empty()
    judge(arrivals, agent.guns)
    by_id = {event["id"]: event for event in arrivals.events()}
    for line, answer in zip(lines, gun.answers, strict=True):
        event = by_id[answer["id"]]
        assert event["type"] == (
            "scan.read" if answer["outcome"] == "accepted" else "scan.rejected"
        )
        if answer["outcome"] == "accepted":
            data = event["data"]
            exact = bytes.fromhex(data["hex"]) if "hex" in data else data["text"].encode()
            assert exact == line
            assert ("hex" in data) == (line == odd)
    assert sum(agent.status()["counters"]["reads"].values()) == 2 * len(lines)


def test_a_fifo_path_with_a_file_on_it_is_said_and_waited_for(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "a", url="mqtt://127.0.0.1:9")
    agent.gun.fifo.write_text("mine")
    with agent:
        (device,) = agent.status()["devices"]
        assert device["condition"] == "trouble"
        assert "is no FIFO" in device["why"]
        assert device["remedy"]
        assert agent.gun.fifo.read_text() == "mine"
        agent.gun.fifo.unlink()
        agent.until_status(lambda said: said["devices"][0]["condition"] == "ok", "it is made")
        agent.gun.scan("now")
        agent.until_answered()
        waiting = agent.status()["counters"]["events"]["waiting"]
        assert waiting == 4  # started, alarm raised, alarm cleared, the scan


# -- serial ports ------------------------------------------------------------------------------


def serial(port: Path) -> str:
    return (
        f'[[device]]\nname = "gun"\nkind = "serial-scanner"\nstation = "A2"\nport = "{port}"\n'
        'good_read = "\\u0006"\n'
    )


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Pty]:
    made = Pty(tmp_path / "ttyGUN")
    yield made
    made.unplug()


def test_a_port_that_is_not_there_and_comes(
    tmp_path: Path, broker: Mosquitto, arrivals: Arrivals
) -> None:
    path = tmp_path / "ttyGUN"
    url = f"mqtt://127.0.0.1:{broker.port}"
    with Agent(tmp_path / "a", url=url, guns=(), more=serial(path)) as agent:
        (device,) = agent.status()["devices"]
        assert device["condition"] == "trouble"
        assert f"{path} is not there" in device["why"]
        raised = arrivals.until_heard(lambda _, said: said.get("type") == "alarm.raised", "alarm")
        assert raised.read()["data"]["device"] == "gun"
        port = Pty(path)
        try:
            agent.until_status(lambda said: said["devices"][0]["condition"] == "ok", "it is open")
            assert port.scan(b"K-1\rK-2\r") == 8
            heard = bytearray()

            def beeped() -> bool:
                heard.extend(port.heard())
                return heard == b"\x06\x06"

            agent.until(beeped, "two good reads")
            arrivals.until_texts(["K-1", "K-2"])
            arrivals.until_heard(lambda _, said: said.get("type") == "alarm.cleared", "cleared")
        finally:
            port.unplug()


def test_a_port_that_somebody_else_holds_is_named_and_taken_when_free(
    tmp_path: Path, port: Pty
) -> None:
    hold = (
        "import fcntl,os,sys; fd=os.open(sys.argv[1], os.O_RDWR|os.O_NOCTTY);"
        "fcntl.flock(fd, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, os.fspath(port.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        url = "mqtt://127.0.0.1:9"
        with Agent(tmp_path / "a", url=url, guns=(), more=serial(port.path)) as agent:
            said = agent.until_status(
                lambda said: f"pid {other.pid}" in said["devices"][0]["why"], "the holder is named"
            )
            assert said["devices"][0]["condition"] == "trouble"
            other.stdin.close()
            other.wait()
            agent.until_status(lambda said: said["devices"][0]["condition"] == "ok", "it is ours")
            port.scan(b"K-1\r")
            agent.until_status(lambda said: said["counters"]["reads"]["accepted"] == 1, "accepted")


def test_scans_of_every_size_and_of_any_bytes_through_a_port(
    tmp_path: Path, port: Pty, broker: Mosquitto, arrivals: Arrivals
) -> None:
    lines = [b"first", b"", b"1", b"4" * 4096, b"nul\0nul", b"\xff\xfe caf\xe9", b"M" * 1_000_000]
    url = f"mqtt://127.0.0.1:{broker.port}"
    with Agent(tmp_path / "a", url=url, guns=(), more=serial(port.path)) as agent:
        stream = b"".join(line + b"\r" for line in (*lines, b"last"))

        def sent() -> bool:
            nonlocal stream
            stream = stream[port.scan(stream[:4096]) :]
            return not stream

        agent.until(sent, "all is sent")
        arrivals.until_texts(["first", "last"])
        agent.until_empty()
        reads = agent.status()["counters"]["reads"]
        assert (reads["accepted"], reads["rejected"], reads["pending"]) == (6, 2, 0)
    scans = [event for event in arrivals.events() if event["type"].startswith("scan.")]
    assert [event["data"].get("reason", "") for event in scans] == (
        ["", "empty", "", "", "", "", "too_long", ""]
    )
    read = [event["data"] for event in scans if event["type"] == "scan.read"]
    exact = [
        bytes.fromhex(data["hex"]) if "hex" in data else data["text"].encode() for data in read
    ]
    assert exact == [line for line in (*lines[:-1], b"last") if line]


def test_a_port_that_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ttyFILE"
    file.write_text("no port")
    url = "mqtt://127.0.0.1:9"
    with Agent(tmp_path / "a", url=url, guns=(), more=serial(file)) as agent:
        (device,) = agent.status()["devices"]
        assert device["condition"] == "trouble"
        assert "is not a serial port" in device["why"]
    assert stat.S_ISREG(file.stat().st_mode)
