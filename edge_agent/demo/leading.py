"""Who pulls and who answers: operators at their cords, the team leader, and a visitor in his place.

Rules:
1. An operator pulls now and then, unless somebody is already called to his station.
2. The leader does one thing after the other: he comes, acknowledges, clears, and starts the line.
3. Times are monotonic, choices are seeded.
"""

import random
from dataclasses import dataclass
from typing import Any, Final

from edge_agent.demo.line import Line
from edge_agent.reactor import NEVER

PULL_S: Final = 45.0
"""Mean time between the pulls of one operator, at speed 1."""

COMES_S: Final = 9.0
"""Mean time until the leader is there; now and then the fixed position is sooner."""

STAYS_S: Final = 5.0
"""Mean time until he has dealt with it."""

STARTS_NS: Final = 4_000_000_000
"""How long he looks around before he starts a line."""

FLOOR_KEYS: Final = {"k": "ack", "o": "confirm", "l": "clear", "s": "start"}
"""Keys of the visitor who is the team leader for a moment -> what he does."""


class Operator:
    """Somebody at a station who pulls the cord now and then; a seeded choice."""

    def __init__(self, station: str, speed: float, seed: int, now_ns: int) -> None:
        self.station = station
        self._random = random.Random(f"{seed} cord {station}")
        self._mean_s = PULL_S / speed
        self.due_ns = now_ns + self._after_ns()

    def act(self, now_ns: int) -> bool:
        """Say whether he pulls now."""
        if now_ns < self.due_ns:
            return False
        self.due_ns = now_ns + self._after_ns()
        return True

    def go_home(self) -> None:
        """Pull no more."""
        self.due_ns = NEVER

    def _after_ns(self) -> int:
        return int(max(self._random.expovariate(1 / self._mean_s), 2.0) * 1e9)


@dataclass(slots=True)
class Errand:
    """What the leader does next, and where."""

    station: str
    what: str
    due_ns: int


class Leader:
    """The team leader: he comes, acknowledges, clears and starts, one station after the other."""

    def __init__(self, speed: float, seed: int) -> None:
        self._random = random.Random(f"{seed} leader")
        self._speed = speed
        self.errand: Errand | None = None

    def see(self, station: str, state: str, now_ns: int) -> None:
        """Take up what is to be done at a station, unless he is busy."""
        if self.errand is not None:
            return
        wanted = {"called": ("ack", COMES_S), "stopped": ("ack", COMES_S)}
        what, mean_s = wanted.get(state, ("clear", STAYS_S))
        self.errand = Errand(station, what, now_ns + self._after_ns(mean_s))

    def see_waiting(self, segment: str, now_ns: int) -> None:
        """Take up that a segment waits to be started."""
        if self.errand is None:
            self.errand = Errand(segment, "start", now_ns + STARTS_NS)

    def act(self, now_ns: int) -> Errand | None:
        """Give what he does now."""
        if self.errand is None or now_ns < self.errand.due_ns:
            return None
        done, self.errand = self.errand, None
        return done

    def _after_ns(self, mean_s: float) -> int:
        return int(max(self._random.expovariate(self._speed / mean_s), 1.0) * 1e9)


class Floor:
    """Everybody on the floor of a `Line`, and what the agents say of it."""

    def __init__(self, line: Line, speed: float, seed: int, now_ns: int) -> None:
        self._line = line
        self._operators = [Operator(one.id, speed, seed, now_ns) for one in line.stations]
        self._leader = Leader(speed, seed)

    def act(self, now_ns: int) -> None:
        """Let everybody do what it is time for."""
        for operator, station in zip(self._operators, self._line.stations, strict=True):
            if operator.act(now_ns) and not self._calls_of(station.id):
                station.press("cord")
        self._look_around(now_ns)
        errand = self._leader.act(now_ns)
        if errand is None:
            return
        if errand.what == "start":
            self._line.start_segment(errand.station)
        elif self._wanted(errand):
            self._press(errand.station, errand.what)

    def _wanted(self, errand: Errand) -> bool:
        """Say whether it is still to be done: somebody may have been faster."""
        calls = self._calls_of(errand.station)
        unanswered = any(call["state"] in ("called", "stopped") for call in calls)
        return unanswered if errand.what == "ack" else bool(calls)

    def do(self, what: str) -> None:
        """Do what a visitor wants as the leader: where it is wanted most, at the oldest call."""
        if what == "start":
            for segment in self.segments():
                if segment["state"] == "restarting":
                    self._line.start_segment(segment["segment"])
            return
        calls = [
            (call["raised"], said["station"])
            for said in self._stations()
            for call in said["calls"]
            if what != "ack" or call["state"] in ("called", "stopped")
        ]
        if calls:
            self._press(min(calls)[1], what)

    def go_home(self) -> None:
        """Pull no more."""
        for operator in self._operators:
            operator.go_home()

    def segments(self) -> list[dict[str, Any]]:
        """Give what the agents say of their segments."""
        return [
            segment
            for agent in self._line.agents
            for segment in (agent.standing.segments if agent.standing else ())
        ]

    def _stations(self) -> list[dict[str, Any]]:
        return [
            said
            for agent in self._line.agents
            for said in (agent.standing.stations if agent.standing else ())
        ]

    def _look_around(self, now_ns: int) -> None:
        for segment in self.segments():
            if segment["state"] == "restarting" and segment["restart_from"] is None:
                self._leader.see_waiting(segment["segment"], now_ns)
        for said in self._stations():
            for call in said["calls"]:
                self._leader.see(said["station"], call["state"], now_ns)

    def _calls_of(self, station: str) -> list[dict[str, Any]]:
        return [
            call
            for said in self._stations()
            if said["station"] == station
            for call in said["calls"]
        ]

    def _press(self, where: str, button: str) -> None:
        for station in self._line.stations:
            if station.id == where:
                station.press(button)
