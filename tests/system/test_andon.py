"""Andon in whole processes: cords and lamps as files, a real broker, kill -9 at every colour."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.wire.topics import Topics
from tests.kit.agents import BASE, Agent, Gun, command
from tests.kit.brokers import Mosquitto
from tests.kit.oracle import checked
from tests.kit.small_disks import fill, on_disk
from tests.uplink.rig import Audience

LINE = """
[[station]]
id = "A3"
segment = "SEG-A"

[[segment]]
id = "SEG-A"
takt_s = 3600.0
fixed_position = "pulse:pulse"
restart_warning_s = 0.2
stop_output = "stop-a"
start_input = "start-a"

[[andon]]
station = "*"
category = "quality"
stops = true
cancel = "second-pull"
min_cancel_s = 0.1

[[device]]
name = "cord"
kind = "simulated-cord"
station = "A3"
category = "quality"
fifo = "cord"

[[device]]
name = "tower"
kind = "simulated-lamp"
station = "A3"
file = "tower"

[[device]]
name = "horn"
kind = "simulated-horn"
station = "A3"
file = "horn"

[[device]]
name = "stop-a"
kind = "simulated-output"
file = "stop"
""" + "".join(
    f"""
[[device]]
name = "{name}"
kind = "simulated-button"
station = "A3"
purpose = "{purpose}"
fifo = "{name}"
"""
    for name, purpose in (
        ("pulse", "fixed-position"),
        ("ack", "ack"),
        ("clear", "clear"),
        ("start-a", "start"),
    )
)
GREEN = {"green": "steady"}
YELLOW = {"yellow": "flash-2hz"}
RED = {"red": "flash-2hz"}


class Floor:
    """An agent with a line, the hands at its files, and the eyes on them."""

    def __init__(self, folder: Path, url: str) -> None:
        self.agent = Agent(folder, url=url, guns=(), more=LINE)

    def pull(self, name: str) -> None:
        fd = os.open(self.agent.folder / name, os.O_WRONLY | os.O_NONBLOCK)
        os.write(fd, b"pull\n")
        os.close(fd)

    def lines(self, name: str) -> list[dict[str, Any]]:
        path = self.agent.folder / name
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def lit(self) -> dict[str, str]:
        shown = {line["light"]: line["pattern"] for line in self.lines("tower")}
        return {light: pattern for light, pattern in shown.items() if pattern != "off"}

    def asked(self) -> bool:
        lines = self.lines("stop")
        return bool(lines and lines[-1]["on"])

    def until_lit(self, look: dict[str, str]) -> None:
        self.agent.until(lambda: self.lit() == look, f"the tower shows {look}, not {self.lit()}")

    def until_warned(self) -> None:
        """Wait until the restart warning was heard and is over."""
        self.agent.until(
            lambda: [line["tune"] for line in self.lines("horn")][-2:] == ["restart", "off"],
            "a restart warning, and its end",
        )

    def calls(self) -> list[str]:
        said = self.agent.status()["stations"]["stations"]
        return [call["call"] for station in said for call in station["calls"]]


@pytest.fixture
def floor(tmp_path: Path, broker: Mosquitto) -> Iterator[Floor]:
    made = Floor(tmp_path / "a", f"mqtt://127.0.0.1:{broker.port}")
    with made.agent:
        made.until_lit(GREEN)
        yield made


def cut(floor: Floor) -> None:
    """Kill -9, and start again; the lamps stay as they were until somebody says otherwise."""
    floor.agent.kill()
    floor.agent.start()


def test_a_whole_stop_with_the_power_cut_at_every_colour(floor: Floor, broker: Mosquitto) -> None:
    with Audience(broker.port) as audience:
        cut(floor)
        floor.until_lit(GREEN)
        floor.pull("cord")
        floor.until_lit(YELLOW)
        floor.agent.until(floor.calls, "a call")
        call = floor.calls()
        floor.agent.until_empty()
        cut(floor)
        floor.until_lit(YELLOW)
        assert floor.calls() == call
        assert not floor.asked()
        floor.pull("pulse")
        floor.until_lit(RED)
        floor.agent.until(floor.asked, "the stop is asked for")
        floor.agent.until_empty()
        cut(floor)
        floor.until_lit(RED)
        floor.agent.until(floor.asked, "the stop is asked for again")
        assert floor.calls() == call
        floor.pull("ack")
        floor.until_lit({"red": "steady"})
        floor.pull("clear")
        floor.until_warned()
        assert floor.asked(), "nothing starts by itself"
        floor.pull("start-a")
        floor.until_lit(GREEN)
        assert not floor.asked()
        floor.agent.until_empty()
        wanted = ["andon.raised", "andon.stopped", "stop.started", "andon.acked"]
        wanted += ["andon.cleared", "stop.ended"]

        def told() -> list[str]:
            found = {}
            for one in audience.messages:
                said = json.loads(one.payload) if one.payload else {}
                if str(said.get("type")).startswith(("andon.", "stop.")):
                    checked(one.payload, one.topic, Topics(BASE))
                    found[said["id"]] = said["type"]
            return [found[one] for one in sorted(found)]

        audience.until(lambda: told() == wanted, f"{wanted}, not {told()}")
        state = f"{BASE}/A3/state/andon"
        kept = [one for one in audience.messages if one.topic == state]
        assert json.loads(kept[-1].payload)["calls"] == []


def test_lights_and_stops_need_no_broker_and_what_happened_arrives_later(
    floor: Floor, broker: Mosquitto
) -> None:
    broker.stop()
    floor.pull("cord")
    floor.until_lit(YELLOW)
    floor.pull("pulse")
    floor.until_lit(RED)
    floor.pull("clear")
    floor.agent.until(lambda: "green" not in floor.lit(), "a warning is never green")
    floor.until_warned()
    floor.pull("start-a")
    floor.until_lit(GREEN)
    broker.start()
    with Audience(broker.port):
        said = floor.agent.until_empty()
    assert said["counters"]["press_to_light_ms_max"] is not None


def test_a_reload_changes_the_rules_and_keeps_what_is_open(floor: Floor) -> None:
    floor.pull("cord")
    floor.until_lit(YELLOW)
    call = floor.calls()
    floor.agent.more = LINE.replace("stops = true", "stops = false")
    floor.agent.write()
    floor.agent.signal(1)
    floor.agent.until(lambda: any("reloaded" in line for line in floor.agent.lines()), "a reload")
    floor.pull("pulse")
    floor.pull("ack")
    floor.until_lit({"yellow": "steady"})
    assert floor.calls() == call
    assert not floor.asked()


def test_an_end_leaves_the_tower_dark_and_a_start_finds_what_was_open(floor: Floor) -> None:
    floor.pull("cord")
    floor.until_lit(YELLOW)
    call = floor.calls()
    assert floor.agent.stop() == 0
    assert floor.lit() == {}
    floor.agent.start()
    floor.until_lit(YELLOW)
    assert floor.calls() == call


def test_a_cord_stops_the_line_while_the_disk_has_no_room_for_a_journal(
    tmp_path: Path, broker: Mosquitto, small_disk: Path
) -> None:
    floor = Floor(tmp_path / "a", f"mqtt://127.0.0.1:{broker.port}")
    agent = floor.agent
    on_disk(agent, small_disk)
    (small_disk / "d").mkdir()
    fill(small_disk / "ballast")
    agent.begin("full")
    try:
        floor.until_lit({"yellow": "flash-0.5hz"})
        floor.pull("cord")
        floor.until_lit(YELLOW)
        assert not floor.lines("stop")
        floor.pull("pulse")
        floor.until_lit(RED)
        agent.until(floor.asked, "the stop is asked for")
        (small_disk / "ballast").unlink()
        agent.process.wait_for("ready: ")
        with Audience(broker.port) as audience:
            agent.until_empty()
            assert [line["on"] for line in floor.lines("stop")] == [True]
            floor.pull("clear")
            floor.until_warned()
            floor.pull("start-a")
            floor.until_lit(GREEN)
            assert not floor.asked()
            ended = lambda: [m for m in audience.messages if b'"stop.ended"' in m.payload]  # noqa: E731
            audience.until(ended, "the stop is told, once")
    finally:
        agent.end(signal.SIGKILL)


def test_a_feedback_lamp_says_what_a_scan_was_answered(tmp_path: Path, broker: Mosquitto) -> None:
    lamp = """
[[device]]
name = "answer"
kind = "simulated-lamp"
station = "A2"
file = "answer"
feedback = true
"""
    with Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}", more=lamp) as agent:

        def signals() -> list[tuple[str, str]]:
            lines = [json.loads(one) for one in (agent.folder / "answer").read_text().splitlines()]
            return [(one["light"], one["pattern"]) for one in lines if one["pattern"] != "off"]

        agent.gun.scan("K-1")
        agent.until(lambda: signals() == [("green", "pulse-150ms")], "a green pulse")
        agent.gun.scan("x" * 5_000)
        agent.until(lambda: signals()[1:] == [("red", "blink-3")], "three red ones")


def test_a_reload_exchanges_every_kind_of_line_device_and_a_stop_goes_on(floor: Floor) -> None:
    floor.pull("cord")
    floor.pull("pulse")
    floor.until_lit(RED)
    floor.agent.until(floor.asked, "the stop is asked for")
    before = floor.agent.config.read_text()
    said = before.replace('fifo = "cord"', 'fifo = "cord"\nfilter_ms = 40')
    said = said.replace('file = "tower"', 'file = "tower-2"')
    said = said.replace('file = "horn"', 'file = "horn-2"')
    assert said.count("-2") == 2
    floor.agent.config.write_text(said.replace('file = "stop"', 'file = "stop-2"'))
    floor.agent.signal(signal.SIGHUP)
    floor.agent.until(
        lambda: any("start the line first" in line for line in floor.agent.lines()), "refused"
    )
    assert floor.asked()
    floor.agent.config.write_text(said)
    floor.agent.signal(signal.SIGHUP)

    def shown() -> dict[str, str]:
        return {line["light"]: line["pattern"] for line in floor.lines("tower-2")}

    floor.agent.until(lambda: shown().get("red") == "flash-2hz", "the new tower shows the stop")
    kept = command("outbox", floor.agent.config, "export").out
    assert "agent.reloaded" in kept, "who listens is told of it"
    floor.agent.until(
        lambda: [line["tune"] for line in floor.lines("horn-2")][-1:] == ["B"], "the new horn too"
    )
    floor.pull("ack")
    floor.agent.until(lambda: shown().get("red") == "steady", "the buttons are felt as before")
    floor.pull("clear")
    floor.agent.until(
        lambda: [line["tune"] for line in floor.lines("horn-2")][-2:] == ["restart", "off"],
        "warned",
    )
    floor.pull("start-a")
    floor.agent.until(lambda: not floor.asked(), "the line is released")
    floor.agent.config.write_text(said.replace('file = "stop"', 'file = "stop-2"'))
    floor.agent.signal(signal.SIGHUP)
    floor.agent.until(lambda: bool(floor.lines("stop-2")), "the new output has begun")
    assert floor.lines("stop-2")[0]["on"] is False


PEOPLE = """
[[person]]
badge = "E:1007"
name = "L. Weber"
roles = ["leader"]
[[reason]]
code = "FIT"
text = "Does not fit"
"""


def test_a_badge_a_word_and_a_reason_at_a_scanner_are_heard(
    tmp_path: Path, broker: Mosquitto
) -> None:
    url = f"mqtt://127.0.0.1:{broker.port}"
    made = Floor(tmp_path / "a", url)
    gun = Gun("gun-1", "A3", made.agent.folder)
    made.agent = Agent(tmp_path / "a", url=url, guns=(), more=LINE + PEOPLE + gun.block())
    with made.agent:
        made.until_lit(GREEN)
        gun.open()
        made.pull("cord")
        made.until_lit(YELLOW)
        gun.scan("E:1007")
        made.until_lit({"yellow": "steady"})
        gun.scan("X:CLEAR", "R:FIT")
        made.until_lit(GREEN)
        made.agent.until(
            lambda: "andon.closed" in command("outbox", made.agent.config, "export").out,
            "the reason is told",
        )
    gun.close()
