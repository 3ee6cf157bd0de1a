"""What is wrong at a line: a clear message, a state, and the rest keeps working.

The lines of a board that are busy or absent are mock pins here, under a whole agent: what only a
kernel shows (who holds a line) is in `tests/vmlab/line.py` and in the words of
`drivers/gpio_pins.py`.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from drivers.gpio_lines_info import chip_paths
from edge_agent.wire.topics import Topics
from tests.kit.agents import BASE, Agent, command
from tests.kit.brokers import Mosquitto
from tests.kit.oracle import checked
from tests.uplink.rig import Audience

TOPICS = Topics(BASE)

MISTAKES = """
[agent]
id = "pi-a"
data_dir = "data"
[broker]
url = "mqtt://127.0.0.1:9"
[site]
base = "acme/plant1"
calendar = "week"
[[calendar]]
id = "week"
[[calendar.shift]]
id = "early"
days = ["mon"]
start = "06:00"
end = "14:00"
breaks = ["14:30-15:00"]
[[calendar.shift]]
id = "day"
days = ["mon"]
start = "13:00"
end = "17:00"
[[station]]
id = "A1"
segment = "SEG-A"
[[station]]
id = "A2"
segment = "SEG-B"
[[segment]]
id = "SEG-A"
demand_per_shift = 0
fixed_position = "pulse:cycle-end"
stop_output = "stop-of-pi-b"
start_input = "start-a"
[[segment]]
id = "SEG-B"
takt_s = 60.0
fixed_position = "takt"
stop_output = "stop-b"
[[andon]]
station = "*"
category = "quality"
stops = true
cancel = "leader"
[[look]]
condition = "bypass"
lights = { red = "flash-2hz" }
[[device]]
name = "cord-1"
kind = "gpio-cord"
station = "A1"
category = "quality"
pin = "GPIO17"
[[device]]
name = "cord-2"
kind = "gpio-cord"
station = "A2"
category = "quality"
pin = "GPIO17"
[[device]]
name = "cord-3"
kind = "gpio-cord"
station = "A2"
category = "quality"
pin = "17"
[[device]]
name = "start-a"
kind = "gpio-button"
station = "A1"
purpose = "start"
pin = "GPIO22"
[[device]]
name = "horn-1"
kind = "gpio-horn"
station = "A1"
[[device]]
name = "stop-b"
kind = "gpio-output"
pin = "GPIO26"
"""
"""Every mistake that a person can make at a line and that a file can show."""

SAID = [
    ("calendar.shift.breaks", '"14:30-15:00" is not within its shift, 06:00 to 14:00'),
    ("calendar.shift.start", 'overlaps the shift "early"'),
    ("segment.demand_per_shift", "0 is out of range"),
    ("segment.fixed_position", '"cycle-end" is not a device of this agent'),
    ("segment.stop_output", '"stop-of-pi-b" is not a device of this agent, and a stop never'),
    ("segment.start_input", 'is missing though "stop-b" asks the line to stop'),
    ("look.lights", '"stopped" and "bypass" look the same'),
    ("device.pin", 'the pin of device "cord-2" is GPIO17 too'),
    ("device.pin", 'the pin of device "cord-1" is GPIO17 too'),
    ("device.pin", "'17' is no GPIO line"),
    ("device.pin", 'the pin of device "cord-1" is GPIO17 too'),
    ("device.pin", "is missing"),
    ("device.on_agent_loss", "must be said"),
]


def test_check_says_everything_that_is_wrong_at_a_line_at_once(tmp_path: Path) -> None:
    file = tmp_path / "line.toml"
    file.write_text(MISTAKES)
    ran, told = command("run", file), command("check", file)
    assert (ran.code, told.code) == (78, 2)
    assert ran.err.splitlines() == told.out.splitlines()
    lines = told.out.splitlines()
    assert len(lines) == len(SAID)
    for line, (key, wrong) in zip(lines, SAID, strict=True):
        form = rf"{re.escape(str(file))}:\d+:\d+: {key}: {re.escape(wrong)}.*; .+"
        assert re.fullmatch(form, line), (line, form)


LINE = """
[[station]]
id = "A1"
[[device]]
name = "cord-1"
kind = "gpio-cord"
station = "A1"
category = "quality"
pin = "GPIO17"
[[device]]
name = "ack-1"
kind = "gpio-button"
station = "A1"
purpose = "ack"
pin = "GPIO77"
[[device]]
name = "tower-1"
kind = "simulated-lamp"
station = "A1"
file = "tower-1"
[[device]]
name = "cord-2"
kind = "simulated-cord"
station = "A2"
category = "quality"
fifo = "cord-2"
[[device]]
name = "tower-2"
kind = "simulated-lamp"
station = "A2"
file = "tower-2"
"""
BUSY = """
from drivers.gpio_pins import use_pins
from tests.kit.boards import Board
board = Board()
board.busy.add("GPIO17")
use_pins(board)
from edge_agent.cli import entry
entry()
"""
"""The agent on a board of mock pins, of which another program holds one."""

FAULT = {"red": "flash-0.5hz", "yellow": "steady"}
NO_GPIO = "this board has no GPIO: no /dev/gpiochip* is there"
WHYS = {
    "busy": {"cord-1": "GPIO17 is held by another program", "ack-1": "this board has no GPIO77"},
    "none": {"cord-1": NO_GPIO, "ack-1": NO_GPIO},
}


def lit(file: Path) -> dict[str, str]:
    said = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    shown = {one["light"]: one["pattern"] for one in said}
    return {light: pattern for light, pattern in shown.items() if pattern != "off"}


def pull(fifo: Path) -> None:
    fd = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, b"pull\n")
    os.close(fd)


def heard(audience: Audience, topic: str, count: int) -> list[dict[str, Any]]:
    """Wait for so many events on a topic, each as its model says."""

    def events() -> list[mqtt.MQTTMessage]:
        return [one for one in audience.messages if one.topic == topic]

    audience.until(lambda: len(events()) >= count, f"{count} events on {topic}")
    return [checked(one.payload, one.topic, TOPICS) for one in events()]


@pytest.mark.parametrize("board", WHYS)
def test_lines_that_cannot_be_had_are_a_state_and_the_rest_keeps_working(
    tmp_path: Path, broker: Mosquitto, board: str
) -> None:
    if board == "none" and chip_paths():
        pytest.skip("this board has GPIO")
    agent = Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}", more=LINE)
    if board == "busy":
        agent.command = [sys.executable, "-c", BUSY, "run"]
        agent.environ = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with Audience(broker.port) as audience, agent:
        agent.gun.scan("works")
        agent.until_answered()
        assert len(agent.gun.outcomes("accepted")) == 1
        folder = agent.folder
        agent.until(lambda: lit(folder / "tower-1") == FAULT, "a fault, and no green")
        agent.until(lambda: lit(folder / "tower-2") == {"green": "steady"}, "green")
        pull(folder / "cord-2")
        agent.until(lambda: lit(folder / "tower-2") == {"yellow": "flash-2hz"}, "a call")
        devices = {one["name"]: one for one in agent.status()["devices"]}
        alarms = heard(audience, TOPICS.alarm("A1"), 2)
    told = {one["data"]["device"]: one for one in alarms}
    for name, why in WHYS[board].items():
        assert devices[name]["condition"] == "trouble"
        assert devices[name]["why"] == why
        assert devices[name]["remedy"]
        assert (told[name]["type"], told[name]["data"]["message"]) == ("alarm.raised", why)
    assert devices["cord-2"]["condition"] == "ok"


SILENT = """
[[station]]
id = "A1"
segment = "SEG-A"
[[segment]]
id = "SEG-A"
takt_s = 0.2
fixed_position = "pulse:cycle-end"
stop_output = "stop-a"
start_input = "start-a"
[[andon]]
station = "*"
category = "quality"
stops = true
cancel = "leader"
[[device]]
name = "cord-1"
kind = "simulated-cord"
station = "A1"
category = "quality"
fifo = "cord-1"
[[device]]
name = "cycle-end"
kind = "simulated-button"
station = "A1"
purpose = "fixed-position"
fifo = "cycle-end"
[[device]]
name = "start-a"
kind = "simulated-button"
station = "A1"
purpose = "start"
fifo = "start-a"
[[device]]
name = "stop-a"
kind = "simulated-output"
file = "stop-a"
"""


def test_a_pulse_input_that_never_pulses_calls_maintenance_and_stops_nothing(
    tmp_path: Path, broker: Mosquitto
) -> None:
    agent = Agent(tmp_path / "a", url=f"mqtt://127.0.0.1:{broker.port}", more=SILENT)
    with Audience(broker.port) as audience, agent:
        pull(agent.folder / "cord-1")

        def calls() -> set[str]:
            stations = agent.status()["stations"]["stations"]
            return {call["category"] for one in stations for call in one["calls"]}

        agent.until(lambda: calls() == {"quality", "maintenance"}, "both calls are open")
        (silent,) = heard(audience, TOPICS.takt("A1"), 1)
        assert agent.status()["stations"]["segments"][0]["state"] == "stop-pending"
        (asked,) = (agent.folder / "stop-a").read_text().splitlines()
    assert (silent["type"], silent["data"]["device"]) == ("takt.no_pulse", "cycle-end")
    assert json.loads(asked)["on"] is False, "nothing stops at a place nobody chose"
