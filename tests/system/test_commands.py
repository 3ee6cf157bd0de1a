"""What a person asks the agent, running or not, and what they tell it by signals."""

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kit.agents import COMMAND, PATIENCE_S, Agent, command
from tests.kit.arrivals import Arrivals, judge
from tests.kit.brokers import Mosquitto
from tests.kit.proxy import Proxy

NOWHERE = "mqtt://127.0.0.1:9"


def balance(counters: dict[str, Any]) -> None:
    events = dict(counters["events"])
    assert events.pop("stored") == sum(events.values())
    if "reads" in counters:
        reads = counters["reads"]
        parts = ("accepted", "rejected", "suppressed", "pending")
        assert reads["received"] == sum(reads[part] for part in parts)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_what_can_be_asked_of_a_running_agent_can_be_asked_of_its_journal(tmp_path: Path) -> None:
    with Agent(tmp_path / "a", url=NOWHERE) as agent:
        agent.gun.scan("K-1", "K-2", "K-1")
        agent.gun.write(b"\n")
        agent.until_answered(count=4)
        outcomes = sorted(answer["outcome"] for answer in agent.gun.answers)
        assert outcomes == ["accepted", "accepted", "rejected", "suppressed"]
        running = _asked(agent, 0)
        assert agent.stop() == 0
        resting = _asked(agent, 3)
    assert running["list"] == resting["list"]
    assert running["export"] == resting["export"]
    assert running["show"] == resting["show"]
    assert [line["state"] for line in running["list"]] == ["waiting"] * 4
    assert [line["seq"] for line in running["export"]] == [1, 2, 3, 4]
    assert running["show"][0]["event"]["data"]["text"] == "K-1"
    for status in (running["status"], resting["status"]):
        balance(status["counters"])
        assert status["counters"]["events"]["waiting"] == 4
    assert running["status"]["counters"]["reads"]["suppressed"] == 1


def _asked(agent: Agent, code: int) -> dict[str, Any]:
    status = command("status", agent.config, "--json")
    assert status.code == code
    readable = command("status", agent.config)
    assert readable.code == code
    assert ("not running" in readable.out) == (code == 3)
    found: dict[str, Any] = {"status": json.loads(status.out)}
    for words in (["list"], ["export"], ["show", "2"]):
        ended = command("outbox", agent.config, *words)
        assert (ended.code, ended.err) == (0, "")
        found[words[0]] = lines(ended.out)
    nothing = command("outbox", agent.config, "show", "999")
    assert "no event 999" in lines(nothing.out)[0]["error"]
    return found


def test_there_is_nothing_yet(tmp_path: Path) -> None:
    agent = Agent(tmp_path / "a", url=NOWHERE)
    assert command("status", agent.config).code == 3
    ended = command("outbox", agent.config, "export")
    assert (ended.code, ended.out) == (0, "")
    assert not agent.data_dir.exists()


def test_the_schemas_are_json() -> None:
    document = json.loads(command("schema").out)
    assert document["asyncapi"].startswith("3.")
    configuration = json.loads(command("schema", "--config").out)
    assert "agent" in configuration["properties"]


@pytest.mark.broker
def test_watch_shows_what_arrives_and_asks_for_what_a_broker_has_forgotten(
    tmp_path: Path, broker: Mosquitto, proxy: Proxy
) -> None:
    """The agent's acknowledged events are lost with the broker's memory; `watch` gets them."""
    url = f"mqtt://127.0.0.1:{broker.port}"
    watched = Agent(tmp_path / "w", url=f"mqtt://127.0.0.1:{proxy.port}")
    with Agent(tmp_path / "a", url=url) as agent:
        words = [*COMMAND, "watch", os.fspath(watched.config), "--json"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as watch:
            try:
                said = _until(watch, lambda one: one.get("state") == "online")
                agent.gun.scan("seen")
                said = _until(watch, lambda one: one.get("data", {}).get("text") == "seen")
                assert said["topic"].endswith("/A2/scan")
                proxy.refuse()  # the watcher hears nothing of what comes now
                agent.gun.scan("missed-1", "missed-2")
                agent.until_answered()
                agent.until_empty()
                broker.kill()
                broker.start()
                proxy.listen()
                agent.until_connected()
                _until(watch, lambda one: one.get("broker", {}).get("condition") == "ok")
                agent.gun.scan("seen again")
                texts = set()
                while not {"missed-1", "missed-2"} <= texts:
                    said = _until(watch, lambda one: "text" in one.get("data", {}))
                    texts.add(said["data"]["text"])
                assert "seen again" in texts
                _until(watch, lambda one: one.get("gap", {}).get("word") == "arrived")
                watch.send_signal(signal.SIGINT)
                summary = _until(watch, lambda one: "summary" in one)["summary"]
                assert summary["missing"] == 0
                assert summary["replays"] >= 1
                assert watch.wait(PATIENCE_S) == 0
            finally:
                watch.kill()


def _until(
    watch: "subprocess.Popen[str]", true: Callable[[dict[str, Any]], object]
) -> dict[str, Any]:
    assert watch.stdout is not None
    while True:
        ready, _, _ = select.select([watch.stdout], [], [], PATIENCE_S)
        assert ready, "watch says nothing"
        line = watch.stdout.readline()
        assert line, "watch has ended"
        said: dict[str, Any] = json.loads(line)
        if true(said):
            return said


# -- signals -----------------------------------------------------------------------------------


@pytest.mark.broker
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_under_load_loses_nothing_and_says_offline(
    arrivals: Arrivals, agent: Agent, number: signal.Signals
) -> None:
    def loaded() -> bool:
        for gun in agent.guns:
            gun.load("T")
        return sum(len(gun.answers) for gun in agent.guns) > 300

    agent.until(loaded, "it is under load")
    assert agent.end(number) == 0
    for gun in agent.guns:
        gun.forgive()
    offline = arrivals.until_heard(
        lambda topic, said: topic.endswith("/status") and said.get("state") == "offline", "offline"
    )
    assert offline.read()["agent"] == agent.id
    agent.start()
    agent.until_empty()
    arrivals.until_texts(a["text"] for gun in agent.guns for a in gun.outcomes("accepted"))
    arrivals.until_heard(
        lambda _, said: said.get("data", {}).get("previous_end") == "clean", "it knows how it ended"
    )
    judge(arrivals, agent.guns)


def test_whatever_was_committed_is_answered_before_an_end_and_before_a_reload(
    tmp_path: Path,
) -> None:
    with Agent(tmp_path / "a", url=NOWHERE) as agent:
        gun = agent.gun
        for life in range(3):
            if life:
                agent.start()
            gun.more = f"repeat_window_s = {1 + life}.0"
            agent.write()
            agent.signal(signal.SIGHUP)

            def reloaded() -> bool:
                gun.load("R")
                return any("gun-1 replaced" in line for line in agent.process.lines)

            agent.until(reloaded, "the scanner is replaced under load")
            gun.forgive()
            before = len(gun.answers)
            gun.scan(*(f"F-{life}-{n:06d}" for n in range(1500)))
            agent.until(lambda before=before: len(gun.hear()) > before, "the first is answered")
            assert agent.stop() == 0
            gun.forgive()
        kept = [event["event"] for event in lines(command("outbox", agent.config, "export").out)]
    scanned = {event["id"] for event in kept if event["type"].endswith("scan.read")}
    assert len(scanned) > 100
    assert scanned == {answer["id"] for answer in gun.outcomes("accepted")}


@pytest.mark.broker
def test_a_second_signal_ends_it_at_once(tmp_path: Path, broker: Mosquitto) -> None:
    """The broker hangs, so the first one waits for it; what was accepted is on the disk."""
    with Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}") as agent:
        agent.until_connected()
        broker.pause()
        agent.gun.scan("kept")
        agent.until_answered()
        agent.signal(signal.SIGTERM)
        agent.process.wait_for("stopping")
        agent.signal(signal.SIGTERM)
        assert agent.stop() == 0
        broker.resume()
        agent.start()
        agent.until_empty()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_end_before_it_has_begun_is_a_quiet_one(tmp_path: Path, number: signal.Signals) -> None:
    agent = Agent(tmp_path / "a", url=NOWHERE)
    with subprocess.Popen(
        [*COMMAND, "run", os.fspath(agent.config)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            deadline = time.monotonic() + PATIENCE_S
            said = b""
            while b"edge_agent.settings" not in said:  # executed, not only forked
                if validator := children.read_text():
                    said = Path(f"/proc/{int(validator)}/cmdline").read_bytes()
                assert time.monotonic() < deadline, "it validates nothing"
            os.kill(int(validator), signal.SIGSTOP)  # so that it cannot be done before
            os.killpg(process.pid, signal.SIGHUP)
            os.killpg(process.pid, number)
            assert process.stderr is not None
            assert select.select([process.stderr], [], [], PATIENCE_S)[0]
            assert process.stderr.read() == b""
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()


def test_an_end_in_the_middle_of_a_reload_is_a_quiet_one(tmp_path: Path) -> None:
    with Agent(tmp_path / "a", url=NOWHERE) as agent:
        agent.signal(signal.SIGHUP)
        assert agent.stop() == 0
    assert "Traceback" not in "\n".join(agent.lines())


@pytest.mark.broker
def test_a_reload_takes_what_is_good_and_keeps_the_last_good_one(
    arrivals: Arrivals, agent: Agent
) -> None:
    good = agent.config.read_text("utf-8")
    agent.config.write_text(good.replace("fifo", "fiof"), "utf-8")
    agent.signal(signal.SIGHUP)
    line = agent.process.wait_for("did you mean fifo")
    assert f"{agent.config}:" in line
    agent.until_status(lambda said: said["reloads_refused"] == 1, "it is counted")
    agent.gun.scan("the last good one goes on")
    agent.until_answered()

    gun = agent.guns.pop()
    added = type(gun)("gun-3", "A4", agent.folder)
    agent.guns.append(added)
    agent.write()
    added.open()
    agent.signal(signal.SIGHUP)
    agent.process.wait_for("gun-2 removed")
    said = agent.status()
    assert [device["name"] for device in said["devices"]] == ["gun-1", "gun-3"]
    added.scan("of a new device at a new station")
    agent.until_answered(added)
    gun.close()

    agent.gun.more = "repeat_window_s = 0.0"
    agent.write()
    agent.signal(signal.SIGHUP)
    agent.process.wait_for("gun-1 replaced")
    agent.gun.write(b"twice\ntwice\n")
    agent.until_answered(count=len(agent.gun.answers) + 2)
    assert [a["outcome"] for a in agent.gun.answers[-2:]] == ["accepted", "accepted"]

    agent.data_dir, other = agent.folder / "elsewhere", agent.data_dir
    agent.config.write_text(agent.config.read_text().replace('"data"', '"elsewhere"'), "utf-8")
    agent.signal(signal.SIGHUP)
    agent.process.wait_for("agent.data_dir.*after a restart")
    assert not agent.data_dir.exists()
    agent.data_dir = other
    agent.until_empty()
    arrivals.until_texts(["of a new device at a new station", "twice"])


@pytest.mark.broker
def test_a_reload_to_another_broker_takes_what_waits_along(
    tmp_path: Path, broker: Mosquitto, agent: Agent
) -> None:
    broker.pause()
    agent.gun.scan("for whom it may concern")
    agent.until_answered()
    with Mosquitto(tmp_path / "other") as other, Arrivals(other.port) as arrivals:
        agent.url = [f"mqtt://127.0.0.1:{other.port}", f"mqtt://127.0.0.1:{broker.port}"]
        agent.write()
        agent.signal(signal.SIGHUP)
        arrivals.until_texts(agent.gun.made)
        agent.until_empty()
        assert agent.stop() == 0
