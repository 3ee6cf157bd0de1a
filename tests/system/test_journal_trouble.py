"""Disks that are full, read-only or broken: the agent stays up, says so, and keeps its word."""

import os
import select
import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.kit.agents import Agent, command
from tests.kit.arrivals import Arrivals, judge
from tests.kit.brokers import Mosquitto
from tests.kit.small_disks import fill, on_disk

pytestmark = pytest.mark.broker

NOWHERE = "mqtt://127.0.0.1:9"


def refused(agent: Agent) -> bool:
    """Load the gun until a scan is refused for want of storage."""
    agent.gun.load("D")
    if agent.status()["journal"]["condition"] == "trouble":
        agent.gun.scan("one more")  # what the gun waits for may wait in memory as long as the disk
    return any(answer["reason"] == "storage" for answer in agent.gun.answers)


def reads_balance(agent: Agent) -> None:
    reads = agent.status()["counters"]["reads"]
    assert reads["received"] == sum(
        reads[k] for k in ("accepted", "rejected", "suppressed", "pending")
    )


# -- full --------------------------------------------------------------------------------------


def test_at_the_quota_scans_are_refused_until_there_is_room_again(
    tmp_path: Path, broker: Mosquitto, arrivals: Arrivals
) -> None:
    quota = "quota_mb = 4\nreserve_mb = 3\n"
    broker.stop()
    url = f"mqtt://127.0.0.1:{broker.port}"
    with Agent(tmp_path / "a", url=url, journal=quota) as agent:
        agent.until(lambda: refused(agent), "a scan is refused as `storage`")
        accepted = len(agent.gun.outcomes("accepted"))
        assert accepted > 500
        reads_balance(agent)
        agent.kill()  # at the quota: it must find its way from there too
        agent.start()
        broker.start()
        arrivals.connect()
        agent.until_empty()
        agent.gun.scan("room again")
        agent.until(
            lambda: any(a["text"] == "room again" for a in agent.gun.hear()), "it is answered"
        )
        assert agent.gun.answers[-1]["outcome"] == "accepted"
        arrivals.until_texts(a["text"] for a in agent.gun.outcomes("accepted"))
        agent.until_empty()
        judge(arrivals, agent.guns)


def test_a_disk_that_fills_up_and_gets_room_again(
    tmp_path: Path, broker: Mosquitto, arrivals: Arrivals, small_disk: Path
) -> None:
    agent = Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}")
    on_disk(agent, small_disk)
    with agent:
        agent.gun.scan("before")
        agent.until_answered()
        fill(small_disk / "ballast")
        agent.until(lambda: refused(agent), "a scan is refused as `storage`")
        said = agent.status()
        assert said["journal"]["condition"] == "trouble"
        assert "full" in said["journal"]["why"]
        assert said["journal"]["remedy"]
        reads_balance(agent)
        (small_disk / "ballast").unlink()
        agent.until_status(lambda said: said["journal"]["condition"] == "ok", "it is kept again")
        agent.gun.scan("after")
        agent.until(lambda: any(a["text"] == "after" for a in agent.gun.hear()), "it is answered")
        assert agent.gun.answers[-1]["outcome"] == "accepted"
        arrivals.until_texts(a["text"] for a in agent.gun.outcomes("accepted"))
        agent.until_empty()
        judge(arrivals, agent.guns)
        alarms = [e for e in arrivals.events() if e["type"].startswith("alarm.")]
        storage = [e["type"] for e in alarms if e["data"]["kind"] == "storage"]
        # a batch that is small enough may still find room: trouble then comes twice, told twice
        assert storage == ["alarm.raised", "alarm.cleared"] * (len(storage) // 2)
        assert storage
        told = [line for line in agent.lines() if "the journal is not being kept" in line]
        assert len(told) == len(storage) // 2
        assert agent.stop() == 0


def test_a_disk_that_becomes_read_only_and_writable_again(
    tmp_path: Path, broker: Mosquitto, arrivals: Arrivals, small_disk: Path
) -> None:
    """It starts on it, says so, accepts nothing, and goes on by itself."""
    agent = Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}")
    on_disk(agent, small_disk)
    with agent:
        agent.gun.scan("before")
        agent.until_answered()
        assert agent.stop() == 0
        _remount(small_disk, "ro")
        agent.start(ready="read-only")
        agent.gun.scan("meanwhile")
        _remount(small_disk, "rw")
        agent.process.wait_for("ready: ")
        agent.until_answered()
        arrivals.until_texts(["before", *(a["text"] for a in agent.gun.outcomes("accepted"))])
        judge(arrivals, agent.guns)


def _remount(folder: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", os.fspath(folder)], check=True)


# -- broken ------------------------------------------------------------------------------------


def test_a_journal_with_its_header_overwritten_is_set_apart_and_the_agent_starts(
    tmp_path: Path, broker: Mosquitto, arrivals: Arrivals
) -> None:
    with Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}") as agent:
        agent.gun.scan("old")
        agent.until_answered()
        agent.until_empty()
        agent.stop()
        file = _alone(agent)
        with file.open("r+b") as broken:
            broken.write(b"not a database any more")
        agent.start()
        assert any("set apart" in line for line in agent.lines())
        assert (agent.data_dir / "corrupt-1" / "events.db").read_bytes().startswith(b"not a data")
        agent.gun.scan("new")
        agent.until_answered()
        agent.until_empty()
        arrivals.until_texts(["old", "new"])
        arrivals.until_heard(
            lambda _, said: said.get("type") == "alarm.cleared" and said["data"]["alarm"] != "line",
            "nothing is left to wait for",
        )
        said = {
            event["type"]: event["data"]
            for event in arrivals.events()
            if event["data"].get("alarm") != "line"
        }
        assert said["journal.quarantined"]["folder"] == "corrupt-1"
        assert said["journal.quarantined"]["why"] in said["alarm.raised"]["message"]
        assert said["agent.started"]["previous_end"] == "quarantined"
        judge(arrivals, agent.guns)


def test_a_journal_with_a_page_overwritten_gives_up_what_can_be_read(
    tmp_path: Path, broker: Mosquitto, arrivals: Arrivals
) -> None:
    """What waited in sound pages arrives with its old id; what did not is told by number."""
    broker.stop()
    with Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}") as agent:
        texts = [f"W-{n:06d}" for n in range(2000)]
        for at in range(0, len(texts), 100):
            agent.gun.scan(*texts[at : at + 100])
        agent.until_answered()
        agent.stop()
        file = _alone(agent)
        page = _a_leaf_of_events(file)
        with file.open("r+b") as broken:
            broken.seek(page * 4096)
            broken.write(os.urandom(4096))
        agent.start()
        broker.start()
        arrivals.connect()
        agent.until_empty()
        agent.gun.scan("the last")  # what was acknowledged before it arrives before it
        arrivals.until_texts(["the last"])
        lost = _told_missing(arrivals)
        arrived = {e["data"]["text"] for e in arrivals.events() if e["type"] == "scan.read"}
        never = [a for a in agent.gun.outcomes("accepted") if a["text"] not in arrived]
        assert never, "no page of events was hit: nothing is tested"
        assert len(never) < 50
        for answer in never:
            assert answer["id"] in lost, f"not a word of {answer}"


def _alone(agent: Agent) -> Path:
    """Give the database without its WAL, which would heal it: all of it is in the file by now."""
    file = agent.data_dir / "journal" / "events.db"
    file.with_name(file.name + "-wal").unlink()
    return file


def _a_leaf_of_events(file: Path) -> int:
    """Find a page in the middle that has scans on it."""
    stored = file.read_bytes()
    full = [n for n in range(len(stored) // 4096) if stored[n * 4096 :][:4096].count(b"W-") > 3]
    return full[len(full) // 2]


def _told_missing(arrivals: Arrivals) -> set[str]:
    told: set[str] = set()
    for event in arrivals.events():
        if event["type"] == "outbox.gap":
            gap = event["data"]
            numbers = range(int(gap["first"]), int(gap["last"]) + 1)
            told.update(f"{gap['epoch']}-{number:012d}" for number in numbers)
    return told


def test_a_journal_of_a_newer_release_is_left_alone(tmp_path: Path) -> None:
    with Agent(tmp_path / "a", url=NOWHERE) as agent:
        agent.stop()
        file = agent.data_dir / "journal" / "events.db"
        connection = sqlite3.connect(file)
        connection.execute("PRAGMA user_version = 999")
        connection.close()
        before = file.read_bytes()
        ended = command("run", agent.config)
        assert ended.code == 78
        assert "newer release" in ended.err
        assert "999" in ended.err
        assert file.read_bytes() == before
        status = command("status", agent.config)
        assert status.code == 3
        assert "newer release" in status.out


def test_a_disk_without_room_at_the_start_is_waited_for(tmp_path: Path, small_disk: Path) -> None:
    """And the service manager is told why, and asked for more time as long as it takes."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(os.fspath(tmp_path / "notify"))
    heard: list[str] = []

    def told(word: str) -> bool:
        while select.select([manager], [], [], 0)[0]:
            heard.extend(manager.recv(65_536).decode().splitlines())
        return any(said.startswith(word) for said in heard)

    environ = {"NOTIFY_SOCKET": os.fspath(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
    agent = Agent(tmp_path / "a", url=NOWHERE, environ=environ)
    on_disk(agent, small_disk)
    (small_disk / "d").mkdir()
    fill(small_disk / "ballast")
    agent.gun.open()
    agent.begin("full")
    try:
        assert agent.status()["journal"]["condition"] == "trouble"
        agent.until(lambda: told("STATUS=journal: full: "), "the manager knows why")
        heard.clear()
        agent.until(lambda: told("EXTEND_TIMEOUT_USEC="), "more time is asked for, in trouble too")
        assert not told("READY=1")
        (small_disk / "ballast").unlink()
        agent.process.wait_for("ready: ")
        agent.until(lambda: told("READY=1"), "the manager knows that it is ready")
        agent.gun.scan("here")
        agent.until_answered()
    finally:
        agent.end(signal.SIGKILL)
        agent.gun.close()
        manager.close()


def test_a_disk_that_takes_no_folder_is_no_bad_configuration(
    tmp_path: Path, small_disk: Path
) -> None:
    """The service manager does not start again after 78; a disk may be well again in a second."""
    agent = Agent(tmp_path / "a", url=NOWHERE)
    on_disk(agent, small_disk)
    remount = ["mount", "-o", "remount,ro", os.fspath(small_disk)]
    subprocess.run(remount, check=True)
    ended = command("run", agent.config)
    assert ended.code == 74
    assert "agent.data_dir" in ended.err
    assert "Read-only file system; " in ended.err
    assert len(ended.err.splitlines()) == 1
