"""The factory: one time, two computers, a broker, conveyors, people; nothing else moves it.

Rules:
1. Time jumps from one thing that is due to the next; between them everything settles first.
2. What happens is decided by the seed alone: neither the speed of this machine nor the order in
   which Python keeps a set may show.
"""

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

from edge_agent.andon.shop_time import calendar_of
from edge_agent.configuration import Configuration
from edge_agent.reactor import NEVER
from edge_agent.simulation.broker import Broker
from edge_agent.simulation.clocks import Time
from edge_agent.simulation.fittings import Answer, Hand, Things
from edge_agent.simulation.judge import Judge
from edge_agent.simulation.layout import AGENTS, SEGMENTS, TAKT_S
from edge_agent.simulation.people import Handler, Leader, Operator
from edge_agent.simulation.pi import Pi

BEGINS_NS: Final = 1_795_410_000_000_000_000
"""When the time of the factory begins: 2026-11-23 06:00 in Berlin, a Monday."""

LAST_WORD_S: Final = 3_600.0
"""How long the end waits until every call is answered and every event has arrived."""

SETTLES_MAX: Final = 10_000
"""Rounds without time passing, after which the factory is said to spin."""

_S: Final = 1_000_000_000


class Line:
    """The segment of one agent, as its people see it (`people.Seen`), and its conveyor."""

    def __init__(self, factory: "Factory", pi: Pi, things: Things) -> None:
        self.pi, self.things = pi, things
        self.stations = AGENTS[pi.name]
        self.name = SEGMENTS[pi.name]
        self._factory = factory
        self._ran_ns = 0
        self._looked_ns = factory.time.now_ns
        self._said: dict[str, Any] = {"stations": [], "segments": []}
        self.pulses = 0
        self.mute_pulses_until_ns = 0
        things.requested = self._requested

    # -- what people see -----------------------------------------------------------------------

    def works(self) -> bool:
        return self._factory.works()

    def shift(self) -> str:
        return self._factory.shift()

    def say(self) -> dict[str, Any]:
        """Give what the agent says of its line; what it said last while it is away."""
        if self.pi.ready:
            self._said = self.pi.line()
        return self._said

    def calls(self, station: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._of(station).get("calls", [])
        return found

    def faults(self, station: str) -> bool:
        return bool(self._of(station).get("faults"))

    def segment(self) -> str:
        said = self.say()["segments"]
        return str(said[0]["state"]) if said else "unknown"

    def moves(self) -> bool:
        """Say whether the conveyor runs: it is working time, and nobody has asked it to stop."""
        return self.works() and not self.things.requests.get(f"stop-{self.name}", False)

    def _of(self, station: str) -> dict[str, Any]:
        return next((one for one in self.say()["stations"] if one["station"] == station), {})

    # -- the conveyor --------------------------------------------------------------------------

    def begin(self) -> None:
        """Run, a cycle a takt."""
        self._factory.later(_S, self._tick)

    def _tick(self) -> None:
        self._factory.later(_S, self._tick)
        if not self.moves():
            return
        self._ran_ns += _S
        self._factory.judge.ran(self, self._ran_ns)
        if self._ran_ns % (TAKT_S * _S):
            return
        name = f"cycle-{self.name}"
        if name in self.things.hands and self._factory.time.now_ns >= self.mute_pulses_until_ns:
            self.pulses += 1
            self._factory.judge.position(self)
            self._touch(name)
        self._touch(f"good-{self.name}")

    def _touch(self, name: str) -> None:
        hand = self.things.hands[name]
        hand.move(pulled=True)
        self._factory.later(60_000_000, lambda: hand.move(pulled=False))

    def _requested(self, _name: str, on: bool) -> None:
        self._factory.judge.requested(self, on)


class Factory:
    """All of it; raises `judge.Broken` with the first thing that must not happen."""

    def __init__(self, folder: Path, seed: int, written: Iterable[Configuration]) -> None:
        self.seed = str(seed)
        self.begins_ns = BEGINS_NS
        self.time = Time(BEGINS_NS)
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._number = count()
        self.broker = Broker(self.later, self._heard)
        self.judge = Judge(self)
        self.lines: list[Line] = []
        self.operators: list[Operator] = []
        self.handlers: list[Handler] = []
        self.leaders: list[Leader] = []
        for number, configuration in enumerate(written):
            things = Things(self.judge.something_changed)
            pi = Pi(configuration, folder, self.time, self.broker, things, self.seed)
            line = Line(self, pi, things)
            self.lines.append(line)
            pi.started = lambda line=line: self.judge.started(line)  # type: ignore[misc]
            for device in configuration.devices:
                if device.kind in ("simulated-cord", "simulated-button"):
                    self._see(line, device.station or "", things.hand(device.name))
            self._hire(line, number)
        calendar = calendar_of(self.lines[0].pi.configuration)
        assert calendar is not None
        self._calendar = calendar

    def _hire(self, line: Line, number: int) -> None:
        things, given = line.things, (line, self.seed, self.later)
        guns = {station: things.gun(f"gun-{station.lower()}") for station in line.stations}
        for place, station in enumerate(line.stations):
            name = station.lower()
            hands = {"cord": things.hand(f"cord-{name}"), "box": things.hand(f"box-{name}")}
            self.operators.append(Operator(station, hands, *given))
            first = 1000 * (2 * number + place + 1)
            handler = Handler(station, first, guns[station], *given)
            guns[station].answered = self._lit(handler, station)
            guns[station].scanned = lambda _, at=f"scan-{name}": self.judge.touched(at)  # type: ignore[misc]
            self.handlers.append(handler)
        self.leaders.append(Leader(line.name, line.stations, things.hands, guns, *given))

    def _see(self, line: Line, station: str, hand: Hand) -> None:
        hand.opened = lambda opened: self.judge.opened(line, station, opened)
        hand.let_go = lambda closed: self.judge.let_go(line, station, closed)

    def _lit(self, handler: Handler, station: str) -> Callable[[Answer], None]:
        def lit(answer: Answer) -> None:
            handler.lit(answer.text)
            self.judge.lit(station, answer)

        return lit

    # -- time ----------------------------------------------------------------------------------

    def later(self, after_ns: int, do: Callable[[], None]) -> None:
        """Have something done so much later."""
        heapq.heappush(self._due, (self.time.now_ns + after_ns, next(self._number), do))

    def works(self) -> bool:
        """Say whether it is working time."""
        return self._calendar.working(self.time.now_ns)

    def shift(self) -> str:
        """Name the shift."""
        found = self._calendar.shift_at(self.time.now_ns)
        return "" if found is None else found.shift

    def clock(self, at_ns: int | None = None) -> str:
        """Give a moment as the clock on the wall shows it."""
        at_ns = self.time.now_ns if at_ns is None else at_ns
        moment = datetime.fromtimestamp(at_ns // _S, self._calendar.zone)
        moment += timedelta(milliseconds=at_ns // 1_000_000 % 1_000)
        return moment.strftime("%a %H:%M:%S.%f")[:-3]

    def run_until(self, end_ns: int) -> None:
        """Let time pass."""
        while True:
            self._settle()
            due_ns = min(self._due[0][0] if self._due else NEVER, *self._computers_due())
            if due_ns > end_ns:
                self.time.now_ns = end_ns
                return
            self.time.now_ns = max(self.time.now_ns, due_ns)
            while self._due and self._due[0][0] <= self.time.now_ns:
                heapq.heappop(self._due)[2]()

    def _computers_due(self) -> list[int]:
        return [line.pi.due_ns() for line in self.lines]

    def _settle(self) -> None:
        for _ in range(SETTLES_MAX):
            moved = [line.pi.settle() for line in self.lines]
            moved.append(self.broker.look())
            if not any(moved):
                self.judge.look()
                return
        raise AssertionError("the factory spins: it never settles")

    def _heard(self, topic: str, payload: bytes) -> None:
        self.judge.heard(topic, payload)

    # -- a shift -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Switch everything on, and have everybody come."""
        for line in self.lines:
            line.pi.boot()
            line.begin()
        for person in (*self.operators, *self.handlers, *self.leaders):
            person.begin()

    def end(self) -> bool:
        """Have operators and handlers go home, and the rest finished; False when it never is."""
        for person in (*self.operators, *self.handlers):
            person.home = True
        end_ns = self.time.now_ns + int(LAST_WORD_S * _S)
        while self.time.now_ns < end_ns:
            if self._finished():
                return True
            self.run_until(self.time.now_ns + 10 * _S)
        return self._finished()

    def close(self) -> None:
        """Give back what the kernel must not keep."""
        for line in self.lines:
            if line.pi.agent is not None:
                line.pi.die()
        self.broker.go()

    def _finished(self) -> bool:
        return all(
            line.pi.ready
            and line.pi.document()["counters"]["events"]["waiting"] == 0
            and line.pi.document()["counters"]["unwritten"] == 0
            and not any(line.calls(one) or line.faults(one) for one in line.stations)
            and line.segment() in ("running", "not-scheduled", "pending")
            for line in self.lines
        )
