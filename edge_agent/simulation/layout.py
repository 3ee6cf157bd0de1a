"""The factory as it is written down: two agents, four stations, two segments, two shifts.

SEG-A stops at the boundary of its takt, SEG-B at the end of the PLC's cycle, by a pulse.
"""

from pathlib import Path
from typing import Final

from edge_agent.configuration import Configuration
from edge_agent.demo.floor import DEVICES_TOML
from edge_agent.demo.line import AGENT_TOML, STATION_TOML
from edge_agent.validation import validated

BASE: Final = "demo/plant1/assembly/line3"
TAKT_S: Final = 60
AGENTS: Final = {"pi-a": ("A1", "A2"), "pi-b": ("A3", "A4")}
SEGMENTS: Final = {"pi-a": "SEG-A", "pi-b": "SEG-B"}
POSITIONS: Final = {"SEG-A": "takt", "SEG-B": "pulse:cycle-SEG-B"}
WARNING_S: Final = 5.0
LADDER: Final = ((2, 60.0), (3, 300.0))
"""Level and seconds after the pull."""

REASONS: Final = ("FIT", "TOOL", "BEHIND")
LEADERS: Final = {"early": ("E:1007", "L. Weber"), "late": ("E:1012", "M. Roth")}

_SITE: Final = """\
time_zone = "Europe/Berlin"
calendar = "two-shift"

[[calendar]]
id = "two-shift"
[[calendar.shift]]
id = "early"
days = ["mon", "tue", "wed", "thu", "fri"]
start = "06:00"
end = "14:00"
breaks = ["09:00-09:10", "11:30-12:00"]
[[calendar.shift]]
id = "late"
days = ["mon", "tue", "wed", "thu", "fri"]
start = "14:00"
end = "22:00"
breaks = ["17:00-17:10", "19:00-19:30"]

[[reason]]
code = "FIT"
text = "Part does not fit"
[[reason]]
code = "TOOL"
text = "Tool or fixture"
[[reason]]
code = "BEHIND"
text = "Behind standard work"

[[person]]
badge = "E:1007"
name = "L. Weber"
roles = ["leader"]
shifts = ["early"]
[[person]]
badge = "E:1012"
name = "M. Roth"
roles = ["leader"]
shifts = ["late"]
[[person]]
badge = "E:1001"
name = "S. Adler"
roles = ["group-leader"]
"""

_SEGMENT: Final = """
[[segment]]
id = "{segment}"
takt_s = {takt}
fixed_position = "{position}"
restart_warning_s = {warning}
stop_output = "stop-{segment}"
start_input = "start-{segment}"

[[andon]]
station = "*"
category = "quality"
stops = true
cancel = "second-pull"
reason_grace_s = 120.0
responders = ["leader"]
escalate = [
  {{ level = 2, after_s = 60.0, notify = "group-leader" }},
  {{ level = 3, after_s = 300.0, notify = "manager" }},
]

[[andon]]
station = "*"
category = "material"
reason_grace_s = 120.0
escalate = [{{ level = 2, after_s = 900.0, notify = "group-leader" }}]

[[device]]
name = "start-{segment}"
kind = "simulated-button"
station = "{last}"
purpose = "start"
fifo = "start-{segment}"

[[device]]
name = "good-{segment}"
kind = "simulated-button"
station = "{last}"
purpose = "count"
fifo = "good-{segment}"

[[device]]
name = "stop-{segment}"
kind = "simulated-output"
file = "stop-{segment}.output"
"""

_CYCLE: Final = """
[[device]]
name = "cycle-{segment}"
kind = "simulated-button"
station = "{last}"
purpose = "fixed-position"
filter_ms = 5
fifo = "cycle-{segment}"
"""

_STATION: Final = """
[[device]]
name = "box-{name}"
kind = "simulated-button"
station = "{station}"
purpose = "call"
category = "material"
fifo = "box-{name}"

[[device]]
name = "horn-{name}"
kind = "simulated-horn"
station = "{station}"
file = "horn-{name}.horn"
"""


def written(agent: str) -> str:
    """Give the configuration of an agent as a plant engineer would write it."""
    segment, stations = SEGMENTS[agent], AGENTS[agent]
    text = AGENT_TOML.format(agent=agent, address="mqtt://127.0.0.1:1883", base=BASE) + _SITE
    text += _SEGMENT.format(
        segment=segment,
        takt=float(TAKT_S),
        position=POSITIONS[segment],
        warning=WARNING_S,
        last=stations[-1],
    )
    if POSITIONS[segment] != "takt":
        text += _CYCLE.format(segment=segment, last=stations[-1])
    for station in stations:
        name = station.lower()
        text += STATION_TOML.format(station=station, name=name, segment=segment)
        text += DEVICES_TOML.format(station=station, name=name)
        text += _STATION.format(station=station, name=name)
    return text


def configured(folder: Path) -> list[Configuration]:
    """Write down all agents of the factory, and have it checked as every configuration is."""
    found = []
    for agent in AGENTS:
        path = folder / f"{agent}.toml"
        path.write_text(written(agent))
        found.append(validated(path, {}))
    return found
