"""The demo's line: stations with simulated scanners, and the real agents that serve them.

Everything lives in one folder: a configuration, a log and a `data_dir` per agent, a FIFO and an
`answers` file per scanner. The line only does what hardware and people can do: write into a FIFO,
read what the scanner was answered, start a process and kill it.
"""

import json
import os
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from edge_agent.demo.child import Child
from edge_agent.demo.floor import DEVICES_TOML, SEGMENT_TOML, TAKT_S, Tower, word
from edge_agent.demo.inquiry import Inquiry, Standing
from edge_agent.reactor import Reactor

BASE: Final = "demo/plant1/assembly/line3"
"""`site.base` of the demo: what a curious subscriber follows with `/#` behind it."""

AGENTS: Final = {"pi-a": ("A1", "A2"), "pi-b": ("A3", "A4")}
"""Agent -> the stations that it serves."""

SEGMENTS: Final = {"pi-a": "SEG-A", "pi-b": "SEG-B"}
"""Agent -> the segment that its stations are: a stop never travels over the broker."""

LAST_SCANS_MAX: Final = 16
"""How many scans of a station are remembered for the screen; older ones are forgotten."""

ANSWERS_CHUNK_BYTES: Final = 65_536
"""How much of an `answers` file is read at a time; the rest waits for the next look."""

_LOOK_NS: Final = 40_000_000
_ASK_NS: Final = 400_000_000

AGENT_TOML: Final = """\
[agent]
id = "{agent}"
data_dir = "data"

[broker]
url = "{address}"

[site]
base = "{base}"
"""

STATION_TOML: Final = """
[[station]]
id = "{station}"
segment = "{segment}"

[[device]]
name = "gun-{name}"
kind = "simulated-scanner"
station = "{station}"
fifo = "gun-{name}"
answers = "gun-{name}.answers"
"""


class Life(StrEnum):
    """What became of an agent's process."""

    RUNNING = "running"
    KILLED = "killed"
    DIED = "died"
    LEFT = "left"


@dataclass(slots=True)
class Scan:
    """One scan on the screen; `outcome` is empty until the light answers."""

    text: str
    at_ns: int
    outcome: str = ""
    light_ms: float | None = None
    arrived: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of an `answers` file."""

    station: str
    text: str
    outcome: str
    event_id: str | None
    reason: str | None
    at_ns: int


@dataclass(slots=True)
class Station:
    """One station, its scanner, cord and tower, and what was scanned last (newest first)."""

    id: str
    key: str
    agent: str
    fifo: Path
    answers: Path
    segment: str
    tower: Tower
    scans: deque[Scan] = field(default_factory=lambda: deque(maxlen=LAST_SCANS_MAX))
    _read_bytes: int = 0
    _rest: bytes = b""

    @property
    def cord_key(self) -> str:
        """The key that pulls its cord: four to the right of the one that scans."""
        return str(int(self.key) + len(AGENTS) * 2)

    def scan(self, text: str, now_ns: int) -> None:
        """Pull the trigger; nobody may be there to notice."""
        self.scans.appendleft(Scan(text, now_ns))
        try:
            fd = os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # the agent is gone, and with it the reader's end
            return
        try:
            os.write(fd, text.encode() + b"\n")
        except OSError:  # it has just died, or has not read for a whole pipe: no light either
            return
        finally:
            os.close(fd)

    def press(self, button: str) -> bool:
        """Pull the cord, or press a button; False when nobody is there to feel it."""
        return word(self.fifo.with_name(f"{button}-{self.id.lower()}"), "pull")

    def look(self) -> list[Answer]:
        """Read what the scanner was answered, and what the tower shows, since the last look."""
        self.tower.look()
        if not self.answers.exists():
            return []
        with self.answers.open("rb") as file:
            file.seek(self._read_bytes)
            chunk = file.read(ANSWERS_CHUNK_BYTES)
        self._read_bytes += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [answer for line in lines if (answer := self._answer(line))]

    def arrived(self, text: str) -> None:
        """Mark the scan that has come out at the other end."""
        scan = self._scan_of(text, answered=True) or self._scan_of(text, answered=False)
        if scan is not None:
            scan.arrived = True

    def _answer(self, line: bytes) -> Answer | None:
        try:
            told = json.loads(line)
        except ValueError:  # cut short by a kill
            return None
        answer = Answer(
            self.id, told["text"], told["outcome"], told["id"], told["reason"], told["mono_ns"]
        )
        scan = self._scan_of(answer.text, answered=False)
        if scan is not None:
            scan.outcome = answer.outcome
            scan.light_ms = (answer.at_ns - scan.at_ns) / 1e6
        return answer

    def _scan_of(self, text: str, *, answered: bool) -> Scan | None:
        for scan in self.scans:
            if scan.text == text and bool(scan.outcome) is answered and not scan.arrived:
                return scan
        return None


class AgentProcess:
    """One real agent: `edge-agent run` in a process of its own, and what it says of itself."""

    def __init__(
        self, reactor: Reactor, agent: str, folder: Path, changed: Callable[["AgentProcess"], None]
    ) -> None:
        self.id = agent
        self.key = agent[-1]
        self.life = Life.LEFT
        self.kills = 0
        self.code = 0
        self.standing: Standing | None = None
        self._changed = changed
        self._leaving = False
        argv = [sys.executable, "-m", "edge_agent", "run", str(folder / "agent.toml")]
        self._child = Child(reactor, argv, folder / "agent.log", self._ended)
        self._inquiry = Inquiry(reactor, folder / "data", self._told)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def start(self) -> None:
        """Start it, unless it runs."""
        self._child.start()
        self._leaving = False
        self._say(Life.RUNNING)

    def kill(self) -> None:
        """`kill -9`: what was not on disk is gone."""
        self.kills += 1
        self._leaving = True
        self._say(Life.KILLED)
        self._child.kill()

    def leave(self) -> None:
        """Ask it to finish and go."""
        self._leaving = True
        self._child.terminate()

    def stop(self) -> None:
        """End it for good, at once."""
        self._leaving = True
        self._child.kill()
        self._inquiry.close()

    def ask(self) -> None:
        """Ask how it is, if it is."""
        if self.life is Life.RUNNING:
            self._inquiry.ask()

    def last_words(self) -> str:
        """Give the end of its log."""
        return self._child.last_words()

    def _told(self, standing: Standing | None) -> None:
        if self.life is Life.RUNNING:
            self.standing = standing

    def _ended(self, code: int) -> None:
        self.code = code
        if self.life is Life.RUNNING:
            self._say(Life.LEFT if self._leaving else Life.DIED)

    def _say(self, life: Life) -> None:
        if life is not self.life:
            self.life = life
            self.standing = None
            self._changed(self)


class Line:
    """All stations and agents of the demo.

    `answered` gets every answer of a scanner, `changed` every agent whose life has changed.
    """

    def __init__(
        self,
        reactor: Reactor,
        folder: Path,
        address: str,
        *,
        answered: Callable[[Answer], None],
        changed: Callable[[AgentProcess], None],
    ) -> None:
        self._reactor = reactor
        self._answered = answered
        self.agents: list[AgentProcess] = []
        self.stations: list[Station] = []
        for agent, stations in AGENTS.items():
            home = folder / agent
            home.mkdir()
            segment = SEGMENTS[agent]
            text = AGENT_TOML.format(agent=agent, address=address, base=BASE)
            text += SEGMENT_TOML.format(segment=segment, station=stations[0], takt=float(TAKT_S))
            for station in stations:
                name = station.lower()
                text += STATION_TOML.format(station=station, name=name, segment=segment)
                text += DEVICES_TOML.format(station=station, name=name)
                files = home / f"gun-{name}", home / f"gun-{name}.answers"
                tower = Tower(home / f"tower-{name}.lamp")
                self.stations.append(Station(station, station[-1], agent, *files, segment, tower))
            (home / "agent.toml").write_text(text)
            self.agents.append(AgentProcess(reactor, agent, home, changed))
        self._timers = [reactor.timer(self._look), reactor.timer(self._ask)]

    def start(self) -> None:
        """Start every agent, and begin to look at what they do."""
        for agent in self.agents:
            agent.start()
        for timer in self._timers:
            timer.due_ns = self._reactor.clock.mono_ns()

    def stop(self) -> None:
        """End every agent at once and look at the last answers."""
        for agent in self.agents:
            agent.stop()
        for timer in self._timers:
            self._reactor.forget(timer)

    def look(self) -> None:
        """Read what the scanners were answered since the last look."""
        lit = {agent.id for agent in self.agents if agent.life is Life.RUNNING}
        for station in self.stations:
            for answer in station.look():
                self._answered(answer)
            if station.agent not in lit:
                station.tower.lights.clear()  # a file keeps what no real lamp does

    def start_segment(self, segment: str) -> None:
        """Press the start of a segment."""
        for station in self.stations:
            if station.segment == segment:
                word(station.fifo.with_name(f"start-{segment}"), "pull")
                return

    def _look(self, now_ns: int) -> int:
        self.look()
        return now_ns + _LOOK_NS

    def _ask(self, now_ns: int) -> int:
        for agent in self.agents:
            agent.ask()
        return now_ns + _ASK_NS
