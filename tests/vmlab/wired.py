"""Two segments wired to the lines of the device, their towers, their people and their PLCs.

SEG-A stops at a pulse; its PLC reads a lost agent as a stop, and its lamps are lit by a high level.
SEG-B stops at once; its PLC reads a lost agent as nothing, and its lamps are lit by a low level.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tests.vmlab.lab import CONFIGURATION, PATIENCE_S, Stand

CORDS: Final = {"A2": "GPIO17", "B2": "GPIO18"}
ACK, CLEARS, STARTS = "GPIO23", ("GPIO24", "GPIO11"), ("GPIO22", "GPIO10")
PULSE: Final = "GPIO25"
STOP_A, STOP_B, HEARTBEAT, HORN = "GPIO26", "GPIO19", "GPIO21", "GPIO20"
TOWERS: Final = {"A2": ("GPIO5", "GPIO6", "GPIO13"), "B2": ("GPIO7", "GPIO8", "GPIO9")}
LAMPS_HIGH: Final = TOWERS["A2"]
LAMPS_LOW: Final = TOWERS["B2"]

NORMAL: Final = ("off", "off", "steady")
CALLED: Final = ("off", "fast", "off")
STOPPED: Final = ("fast", "off", "off")
STOPPED_ACKED: Final = ("steady", "off", "off")
"""What a tower shows: red, yellow, green."""

WINDOW_NS: Final = 1_500_000_000
WARNING_NS: Final = 1_200_000_000
"""`restart_warning_s` of both segments, and the filter of the button that ended the stop."""

FAST_MIN: Final = 3
"""Changes in that window of a light that flashes at 2 Hz; on an idle device there are six."""

LINES: Final = f"""
[[segment]]
id = "SEG-A"
takt_s = 3600.0
fixed_position = "pulse:cycle-end"
restart_warning_s = 1.0
stop_output = "stop-a"
start_input = "start-a"

[[segment]]
id = "SEG-B"
takt_s = 3600.0
fixed_position = "immediate"
restart_warning_s = 1.0
stop_output = "stop-b"
start_input = "start-b"

[[station]]
id = "B2"
segment = "SEG-B"

[[andon]]
station = "*"
category = "quality"
stops = true
cancel = "leader"

[[device]]
name = "cord-a"
kind = "gpio-cord"
station = "A2"
category = "quality"
pin = "{CORDS["A2"]}"

[[device]]
name = "cord-b"
kind = "gpio-cord"
station = "B2"
category = "quality"
pin = "{CORDS["B2"]}"

[[device]]
name = "ack-a"
kind = "gpio-button"
station = "A2"
purpose = "ack"
pin = "{ACK}"

[[device]]
name = "clear-a"
kind = "gpio-button"
station = "A2"
purpose = "clear"
pin = "{CLEARS[0]}"

[[device]]
name = "clear-b"
kind = "gpio-button"
station = "B2"
purpose = "clear"
pin = "{CLEARS[1]}"

[[device]]
name = "start-a"
kind = "gpio-button"
station = "A2"
purpose = "start"
pin = "{STARTS[0]}"

[[device]]
name = "start-b"
kind = "gpio-button"
station = "B2"
purpose = "start"
pin = "{STARTS[1]}"

[[device]]
name = "cycle-end"
kind = "gpio-button"
station = "A2"
purpose = "fixed-position"
pin = "{PULSE}"

[[device]]
name = "tower-a"
kind = "gpio-lamp"
station = "A2"
red = "GPIO5"
yellow = "GPIO6"
green = "GPIO13"

[[device]]
name = "tower-b"
kind = "gpio-lamp"
station = "B2"
red = "GPIO7"
yellow = "GPIO8"
green = "GPIO9"
active_high = false

[[device]]
name = "horn-a"
kind = "gpio-horn"
station = "A2"
pin = "{HORN}"

[[device]]
name = "stop-a"
kind = "gpio-output"
pin = "{STOP_A}"
on_agent_loss = "stop"

[[device]]
name = "stop-b"
kind = "gpio-output"
pin = "{STOP_B}"
on_agent_loss = "run"

[[device]]
name = "heartbeat"
kind = "gpio-output"
pin = "{HEARTBEAT}"
purpose = "heartbeat"
on_agent_loss = "stop"
"""

WIRED: Final = CONFIGURATION.replace('id = "A2"', 'id = "A2"\nsegment = "SEG-A"') + LINES

OPEN, CLOSED = "pull-up", "pull-down"
"""A contact between the line and 0 V; the pull-up of the line is above it."""

AT_REST: Final = (
    dict.fromkeys(CORDS.values(), CLOSED)
    | dict.fromkeys((ACK, *CLEARS, *STARTS, PULSE), OPEN)
    | dict.fromkeys((*LAMPS_HIGH, HORN, STOP_A, STOP_B, HEARTBEAT), "pull-down")
    | dict.fromkeys(LAMPS_LOW, "pull-up")
)
"""How the world holds each line; of an output its resistor, which is towards off."""

UNIT: Final = """
[Unit]
DefaultDependencies=no
After=gpio-sim.service
Requires=gpio-sim.service
Before=edge-agent.service
[Service]
ExecStart=/usr/bin/python3 -u /opt/floor/floor.py
Nice=-20
[Install]
WantedBy=multi-user.target
"""


class Seen(NamedTuple):
    """What happened to a line: a hand (`pull-up`, `pull-down`), or a level (`0`, `1`)."""

    after_ns: int
    before_ns: int
    line: str
    what: str


class Floor:
    """Hands at the lines of the device, and eyes on them; moments are the device's monotonic."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self.seen: list[Seen] = []
        self.now_ns = 0

    def install(self) -> None:
        rest = "".join(f"echo {pull} >/opt/floor/wires/{line};" for line, pull in AT_REST.items())
        self._stand.sh(f"mkdir -p /opt/floor/wires && {rest}")
        self._stand.write("/opt/floor/floor.py", (Path(__file__).parent / "floor.py").read_text())
        self._stand.write("/etc/systemd/system/floor.service", UNIT)
        lab = Path(os.environ["VMLAB"], "lab.conf").read_text()  # the board's name, in the sandbox
        drop_in = f"{lab}\n[Service]\nTimeoutStopSec=3min\n"  # for safe-outputs, emulated
        self._stand.write("/etc/systemd/system/edge-agent.service.d/lab.conf", drop_in)
        self._stand.sh("systemctl daemon-reload && systemctl enable --now floor && sync")
        self.booted()

    def move(self, line: str, pull: str) -> None:
        """Hold a line like this from now on."""
        self._stand.sh(f"echo {pull} >/opt/floor/wires/{line}")

    def touch(self, *lines: str) -> None:
        """Move lines out of their rest and, a good while later, back: pulls, presses, pulses."""
        away = {OPEN: CLOSED, CLOSED: OPEN}
        out = [f"echo {away[AT_REST[line]]} >/opt/floor/wires/{line}" for line in lines]
        back = [f"echo {AT_REST[line]} >/opt/floor/wires/{line}" for line in lines]
        self._stand.sh("; ".join([*out, "sleep 0.3", *back]))

    def look(self) -> None:
        """Take in what was seen since the last look."""
        read = f"tail -n +{len(self.seen) + 1} /run/floor/seen; cut -d' ' -f1 /proc/uptime"
        *lines, uptime = self._stand.sh(read).splitlines()
        for line in lines:
            after, before, name, what = line.split()
            self.seen.append(Seen(int(after), int(before), name, what))
        self.now_ns = int(float(uptime) * 1e9)

    def booted(self) -> None:
        """Forget what was seen before: a boot has a clock of its own."""
        self.seen = []
        self._stand.until("test -s /run/floor/seen")
        self.look()

    def since(self, since_ns: int, *lines: str) -> list[Seen]:
        """List the levels of lines that changed since a moment."""
        return [
            one
            for one in self.seen
            if one.before_ns >= since_ns and one.line in lines and one.what in ("0", "1")
        ]

    def hand(self, line: str, since_ns: int) -> Seen:
        """Give the first move of a line since a moment."""
        moves = (one for one in self.seen if one.line == line and one.what.startswith("pull"))
        return next(one for one in moves if one.after_ns >= since_ns)

    def level(self, line: str) -> bool:
        """Give what a meter showed at the last look."""
        return (
            next(one.what for one in reversed(self.seen) if one.line == line and one.what in "01")
            == "1"
        )

    def tower(self, station: str) -> tuple[str, ...]:
        """Say what the lights of a tower did in the window before the last look."""
        return tuple(self._light(line) for line in TOWERS[station])

    def _light(self, line: str) -> str:
        changes = len(self.since(self.now_ns - WINDOW_NS, line))
        if changes:
            return "fast" if changes >= FAST_MIN else "slow"
        return "steady" if lit(line, self.level(line)) else "off"

    def until(self, what: str, true: Callable[[], object]) -> None:
        """Look until something is true."""
        end = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < end, f"never seen: {what}\n{self.told()}\n{self._stand.log()}"
            self.look()

    def shows(self, station: str, look: tuple[str, ...]) -> None:
        """Wait until a tower shows this."""
        self.until(f"{look} at {station}", lambda: self.tower(station) == look)

    def warned(self, since_ns: int) -> None:
        """Wait until the restart warning was seen, yellow beside red, and is over.

        A start that is pressed in it is not obeyed.
        """
        yellow = LAMPS_HIGH[1]

        def over() -> bool:
            lit = [o.before_ns for o in self.since(since_ns, yellow) if o.what == "1"]
            return bool(lit) and self.now_ns > lit[0] + WARNING_NS

        self.until("the warning", over)

    def told(self) -> str:
        towers = {station: self.tower(station) for station in TOWERS}
        levels = {line: self.level(line) for line in AT_REST}
        last = "\n".join(" ".join(map(str, one)) for one in self.seen[-20:])
        return f"{towers}\n{levels}\n{last}"

    def calm(self) -> None:
        """Have nobody call and every segment run, by what people do at the station."""
        end = time.monotonic() + PATIENCE_S
        self.look()
        while not all(self.tower(station) == NORMAL for station in TOWERS):
            assert time.monotonic() < end, f"never calm\n{self.told()}\n{self._stand.log()}"
            self.touch(*CLEARS)
            self.touch(*STARTS)
            self._stand.sh("sleep 2")  # a light is known once it has been looked at for a while
            self.look()


def lit(line: str, level: bool) -> bool:
    """Say whether an output is energised at a level."""
    return level is not (line in LAMPS_LOW)
