"""What is bolted to the line, and the devices of an agent that are wired to it.

Rules:
1. Things outlive agents: a cord that is held stays held while a computer is dark, a PLC that was
   asked to stop stays stopped. A lamp without an agent is dark.
2. Contacts are those of the twins, filter and faults included; only their file is not.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, cast

import drivers
from drivers.simulated import SimulatedScanner
from drivers.simulated_inputs import SimulatedButton, SimulatedContact, SimulatedCord
from drivers.simulated_outputs import SimulatedHorn, SimulatedLamp, SimulatedOutput
from edge_agent.ports import (
    Clock,
    Condition,
    Device,
    Flaw,
    Look,
    Outcome,
    Part,
    Pattern,
    Read,
    Tell,
)
from edge_agent.reactor import Reactor

READS_MAX: Final = 64
"""Scans that a gun keeps while the line takes none; a handler scans no more before."""


@dataclass(slots=True)
class Hand:
    """A contact: closed at rest, open while somebody pulls it or its wire is broken."""

    name: str
    pulled: bool = False
    broken: bool = False
    fitted: "Wired | None" = None
    opened: Callable[["Hand"], None] = lambda _: None
    let_go: Callable[["Hand"], None] = lambda _: None

    @property
    def closed(self) -> bool:
        """Whether current flows."""
        return not (self.pulled or self.broken)

    def move(self, *, pulled: bool | None = None, broken: bool | None = None) -> None:
        """Pull it or let it go, break its wire or mend it."""
        before = self.closed
        self.pulled = self.pulled if pulled is None else pulled
        self.broken = self.broken if broken is None else broken
        if self.closed is before:
            return
        tell = self.opened if before else self.let_go
        tell(self)
        if self.fitted is not None:
            self.fitted.move(self.closed)


@dataclass(slots=True)
class Tower:
    """What a tower light shows, and what the horn beside it plays."""

    lights: dict[str, Pattern] = field(default_factory=dict)
    tune: str = ""

    def words(self) -> str:
        """Say it for people."""
        lit = [f"{light} {pattern}" for light, pattern in sorted(self.lights.items())]
        return ", ".join(lit) or "dark"


@dataclass(slots=True)
class Answer:
    """What a scan was answered."""

    text: str
    outcome: Outcome
    event_id: str | None


@dataclass(slots=True)
class Gun:
    """A scanner, and what its answers were."""

    name: str
    fitted: "Scanner | None" = None
    answered: Callable[[Answer], None] = lambda _: None
    scanned: Callable[[str], None] = lambda _: None

    def scan(self, text: str) -> None:
        """Read a label; nobody may be there to notice."""
        if self.fitted is not None:
            self.scanned(text)
            self.fitted.scan(text)


class Things:
    """Everything that is bolted to the line of one agent, by the name of its device."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.hands: dict[str, Hand] = {}
        self.guns: dict[str, Gun] = {}
        self.towers: dict[str, Tower] = {}
        self.requests: dict[str, bool] = {}
        self.changed = changed
        self.requested: Callable[[str, bool], None] = lambda _name, _on: None

    def hand(self, name: str) -> Hand:
        """Give a contact."""
        return self.hands.setdefault(name, Hand(name))

    def gun(self, name: str) -> Gun:
        """Give a scanner."""
        return self.guns.setdefault(name, Gun(name))

    def tower(self, station: str) -> Tower:
        """Give the tower light of a station."""
        return self.towers.setdefault(station, Tower())

    def dark(self) -> None:
        """Be without an agent: nothing is felt, nothing is lit; requests are the PLC's to keep."""
        for hand in self.hands.values():
            hand.fitted = None
        for gun in self.guns.values():
            gun.fitted = None
        for tower in self.towers.values():
            tower.lights, tower.tune = {}, ""
        self.changed()

    def kind(self, name: str) -> drivers.Driver:
        """Give the class of a kind of device, wired to these things."""
        return cast(drivers.Driver, _Kind(self, name))


class _Kind:
    """A driver: its keys are those of the twin, what it makes is wired to the things."""

    stationless = True

    def __init__(self, things: Things, name: str) -> None:
        self._things = things
        self._made, twin = _KINDS[name]
        self.Keys = twin.Keys
        self.part = Part(getattr(twin, "part", Part.SOURCE))

    def __call__(self, *given: Any) -> Device:
        return cast(Device, self._made(self._things, *given))


class Wired(SimulatedContact):
    """A cord or a button whose wire is a `Hand`."""

    hand: Hand

    def start(self) -> None:
        self._level = self.hand.closed
        self.condition, self.why = Condition.OK, ""
        self.hand.fitted = self
        self._found([self._level])

    def move(self, level: bool) -> None:
        """Feel an edge, now."""
        self._move(level, self._clock.mono_ns())


class Cord(Wired, SimulatedCord):
    """A cord."""

    def __init__(self, things: Things, name: str, *given: Any) -> None:
        self.hand = things.hand(name)
        SimulatedCord.__init__(self, name, *given)


class Button(Wired, SimulatedButton):
    """A button, or an input of the line."""

    def __init__(self, things: Things, name: str, *given: Any) -> None:
        self.hand = things.hand(name)
        SimulatedButton.__init__(self, name, *given)


class _Fitted:
    """What the others have in common: they never fail."""

    def __init__(self, things: Things, name: str, station: str | None) -> None:
        self.things, self.name, self.station = things, name, station
        self.condition, self.why, self.remedy = Condition.OK, "", ""

    def start(self) -> None:
        return

    def stop(self, then: Callable[[], None]) -> None:
        then()

    def counters(self) -> dict[str, int]:
        return {}


class Lamp(_Fitted):
    """A tower light."""

    feedback = False

    def __init__(
        self, things: Things, name: str, station: str, keys: Any, _reactor: Reactor, _tell: Tell
    ) -> None:
        super().__init__(things, name, station)
        self.lights: tuple[str, ...] = keys.lights

    def show(self, look: Look, _phase_ns: int) -> None:
        lit = {one: look[one] for one in self.lights if look.get(one, Pattern.OFF) != Pattern.OFF}
        self.things.tower(self.station or "").lights = lit
        self.things.changed()

    def signal(self, _light: str, _pattern: Pattern) -> None:
        return


class Horn(_Fitted):
    """A horn."""

    def __init__(
        self, things: Things, name: str, station: str, _keys: Any, _reactor: Reactor, _tell: Tell
    ) -> None:
        super().__init__(things, name, station)

    def sound(self, tune: str, *, loud: bool) -> None:
        del loud
        self.things.tower(self.station or "").tune = tune
        self.things.changed()


class Output(_Fitted):
    """The request to the PLC of a segment."""

    heartbeat = False

    def __init__(
        self, things: Things, name: str, station: None, _keys: Any, _reactor: Reactor, _tell: Tell
    ) -> None:
        super().__init__(things, name, station)
        self.on = False
        self._started = False

    def start(self) -> None:
        self._started = True
        self._say()

    def request(self, *, on: bool) -> None:
        self.on = on
        if self._started:
            self._say()

    def _say(self) -> None:
        if self.things.requests.get(self.name, False) is not self.on:
            self.things.requests[self.name] = self.on
            self.things.requested(self.name, self.on)


class Scanner(_Fitted):
    """A scanner that keeps what the line has no room for."""

    station: str

    def __init__(
        self,
        things: Things,
        name: str,
        station: str,
        keys: Any,
        reactor: Reactor,
        read: Read,
        _tell: Tell,
    ) -> None:
        super().__init__(things, name, station)
        self.repeat_window_ns = round(keys.repeat_window_s * 1e9)
        self._gun = things.gun(name)
        self._clock: Clock = reactor.clock
        self._read = read
        self._waiting: deque[tuple[bytes, int, int]] = deque(maxlen=READS_MAX)

    def start(self) -> None:
        self._gun.fitted = self

    def scan(self, text: str) -> None:
        """Read a label, now."""
        self._waiting.append((text.encode(), self._clock.mono_ns(), self._clock.wall_ns()))
        if len(self._waiting) == 1:
            self.resume()

    def resume(self) -> None:
        while self._waiting:
            raw, mono_ns, wall_ns = self._waiting[0]
            if not self._read(self, raw, mono_ns, wall_ns, Flaw.NONE):
                return
            self._waiting.popleft()

    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, _reason: str | None
    ) -> None:
        self._gun.answered(Answer(raw.decode(), outcome, event_id))

    def quiet(self, then: Callable[[], None]) -> None:
        then()


_KINDS: Final[dict[str, tuple[Any, Any]]] = {
    "simulated-cord": (Cord, SimulatedCord),
    "simulated-button": (Button, SimulatedButton),
    "simulated-lamp": (Lamp, SimulatedLamp),
    "simulated-horn": (Horn, SimulatedHorn),
    "simulated-output": (Output, SimulatedOutput),
    "simulated-scanner": (Scanner, SimulatedScanner),
}
