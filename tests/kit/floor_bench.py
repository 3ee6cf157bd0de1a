"""A line of four stations on a bench: rules, journal and glue are real; lamps are paper.

Cords and buttons are the real rule behind lines in hand. Fixed position: a pulse a minute.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from drivers.touching import ButtonKeys, CordKeys, Touching
from edge_agent.andon import Andon
from edge_agent.configuration import (
    Address,
    Agent,
    Broker,
    Configuration,
    Level,
    Segment,
    Site,
    Station,
)
from edge_agent.configuration import Andon as Said
from edge_agent.domain.contact import Wiring
from edge_agent.ports import Condition, Look, Pattern, Purpose
from edge_agent.records import Restored
from edge_agent.wire.orders import LineOrder
from tests.kit.line_bench import AGENT, LIMITS, TOPICS, Bench, WallClock
from tests.kit.oracle import checked

S = 1_000_000_000
STATIONS = ("A1", "A2", "A3", "A4")
LADDER = (Level(2, 60.0, "group-leader"), Level(3, 300.0, "manager"))
QUALITY = Said("*", "quality", stops=True, escalate=LADDER)
MATERIAL = Said("*", "material")
SEGMENT = Segment(
    "SEG-A",
    takt_s=60.0,
    fixed_position="pulse",
    fixed_device="pulse",
    stop_output="stop-a",
    start_input="start-a",
)
LINE = Configuration(
    agent=Agent(AGENT, Path("data")),
    broker=Broker((Address("127.0.0.1", 1883, False),)),
    site=Site(TOPICS.base),
    folder=Path(),
    stations=tuple(Station(one, segment="SEG-A") for one in STATIONS),
    segments=(SEGMENT,),
    andons=(QUALITY, MATERIAL),
)


class Wire(Touching):
    """A contact of which the test holds the wire; normally closed."""

    def __init__(
        self,
        bench: "FloorBench",
        name: str,
        station: str,
        purpose: Purpose,
        category: str | None = None,
        *,
        latching: bool = False,
        **said: Any,  # noqa: ANN401 - any key of a contact
    ) -> None:
        keys: CordKeys | ButtonKeys
        if category is None:
            keys = ButtonKeys(purpose=purpose, filter_ms=5, **said)
        else:
            actuator = "latching" if latching else "momentary"
            keys = CordKeys(category=category, actuator=actuator, **said)
        reactor, felt = bench.reactor, bench.andon.felt
        super().__init__(station, keys, Wiring.NORMALLY_CLOSED, reactor=reactor, felt=felt)
        self.name = name
        self.condition, self.why, self.remedy = Condition.OK, "", ""
        self.level = True

    def start(self) -> None:
        self._found([self.level])

    def stop(self, then: Callable[[], None]) -> None:
        then()

    def counters(self) -> dict[str, int]:
        return self._touch_counters()

    def move(self, level: bool) -> None:
        self.level = level
        self._edge(0, level, self._clock_of_touch.mono_ns())

    def lose(self) -> None:
        self._vanished()


class Paper:
    """A lamp, a horn and an output that write down what they are told, with the moment."""

    def __init__(self, bench: "FloorBench", name: str, station: str | None) -> None:
        self.name, self.station = name, station
        self.feedback = self.heartbeat = False
        self.lights = ("red", "yellow", "green")
        self.condition, self.why, self.remedy = Condition.OK, "", ""
        self._bench = bench
        self.look: Look = {}
        self.tune = ""
        self.loud = False
        self.on = False
        self.told: list[tuple[float, Any]] = []
        self.signals: list[tuple[str, Pattern]] = []

    def start(self) -> None:
        return

    def show(self, look: Look, phase_ns: int) -> None:
        assert phase_ns <= self._bench.clock.now_ns
        lit = {light: one for light, one in look.items() if one is not Pattern.OFF}
        self.look = {light: one for light, one in lit.items() if light in self.lights}
        self._write(self.words())

    def sound(self, tune: str, *, loud: bool) -> None:
        self.tune, self.loud = tune, loud
        self._write(tune)

    def request(self, *, on: bool) -> None:
        assert on is not self.on, "it is told only what is new"
        self.on = on
        self._write(on)

    def signal(self, light: str, pattern: Pattern) -> None:
        self.signals.append((light, pattern))

    def stop(self, then: Callable[[], None]) -> None:
        then()

    def counters(self) -> dict[str, int]:
        return {}

    def words(self) -> str:
        return " ".join(f"{light} {self.look[light]}" for light in sorted(self.look))

    def _write(self, what: object) -> None:
        self.told.append((self._bench.at_s(), what))


class FloorBench(Bench):
    """One run of the line; `at` moves the clock to a second of the story and lets things happen."""

    def __init__(
        self,
        data_dir: Path,
        clock: WallClock | None = None,
        limits: Any = LIMITS,  # noqa: ANN401
        *,
        line: Configuration = LINE,
        began_ns: int | None = None,
    ) -> None:
        super().__init__(data_dir, clock, limits)
        self.configuration = line
        self.began_ns = self.clock.now_ns if began_ns is None else began_ns
        self.andon = Andon(
            reactor=self.reactor,
            configuration=line,
            topics=TOPICS,
            outbox=self.outbox,
            synced=lambda: self.synchrony.synced,
        )
        self.synchrony.heard = self.andon.clock_set
        self.andon.unsure = self.line.unsure
        self.line.in_training = self.line.urgent.in_training = self.andon.in_training
        self.wires: dict[str, Wire] = {}
        self.towers = {station: Paper(self, f"tower-{station}", station) for station in STATIONS}
        self.horns = {station: Paper(self, f"horn-{station}", station) for station in STATIONS}
        self.stop_output = Paper(self, "stop-a", None)
        self.started: list[str] = []
        for station in STATIONS:
            self.wire(f"cord-{station}", station, Purpose.CALL, "quality")
            self.wire(f"box-{station}", station, Purpose.CALL, "material")
            self.wire(f"ack-{station}", station, Purpose.ACK)
            self.wire(f"clear-{station}", station, Purpose.CLEAR)
            self.wire(f"confirm-{station}", station, Purpose.CONFIRM_STOP)
        self.wire("pulse", "A4", Purpose.FIXED_POSITION)
        self.wire("start-a", "A4", Purpose.START)

    def wire(self, name: str, station: str, purpose: Purpose, *more: Any, **keys: Any) -> Wire:  # noqa: ANN401
        wire = self.wires[name] = Wire(self, name, station, purpose, *more, **keys)
        return wire

    # -- a run ---------------------------------------------------------------------------------

    def take_up(self, restored: Restored) -> None:
        self.andon.opened(restored)
        self._fit_output()
        self.andon.looked()

    def shut_out(self) -> None:
        """Say that the journal cannot be opened."""
        self._fit_output()
        self.andon.shut_out(self.started.append)

    def _fit_output(self) -> None:
        if self.stop_output.name not in self.andon.outputs:
            self.andon.add_output(self.stop_output)  # type: ignore[arg-type]

    def start(self) -> "FloorBench":
        self.fit()
        super().start()
        return self

    def fit(self) -> None:
        """Fit the devices, as is done before the journal is open."""
        for tower, horn in zip(self.towers.values(), self.horns.values(), strict=True):
            self.andon.towers.add_lamp(tower)  # type: ignore[arg-type]
            self.andon.towers.add_horn(horn)  # type: ignore[arg-type]
        for wire in self.wires.values():
            self.andon.add_contact(wire)  # type: ignore[arg-type]
            wire.start()
        self.andon.looked()

    def again(self, *, boot: str | None = None) -> "FloorBench":
        levels = {name: wire.level for name, wire in self.wires.items()}
        plain = Bench.again(self, boot=boot)
        plain.close()
        next_one = FloorBench(
            plain.data_dir,
            self.clock,
            self.limits,
            line=self.configuration,
            began_ns=self.began_ns,
        )
        for name, level in levels.items():
            if name in next_one.wires:
                next_one.wires[name].level = level
        return next_one

    # -- the story -----------------------------------------------------------------------------

    def at_s(self) -> float:
        return round((self.clock.now_ns - self.began_ns) / 1e9, 3)

    def at(self, second: float) -> "FloorBench":
        """Go on to this second of the story, with every timer in its turn."""
        until_ns = self.began_ns + round(second * 1e9)
        assert until_ns >= self.clock.now_ns, "a story goes forward"
        while (due_ns := self.reactor.next_due_ns()) <= until_ns:
            self.clock.now_ns = max(self.clock.now_ns, due_ns)
            self.turn(4)
        self.clock.now_ns = until_ns
        self.turn(4)
        return self

    def leap(self, second: float) -> "FloorBench":
        """Go on to this second at once: whatever was due meanwhile is only looked at now."""
        self.clock.now_ns = self.began_ns + round(second * 1e9)
        return self.at(second)

    def pull(self, name: str, at_s: float, for_s: float = 0.1) -> None:
        """Pull a cord, or press a button, at this second."""
        self.at(at_s).wires[name].move(False)
        self.at(at_s + for_s).wires[name].move(True)

    press = pull

    def pulse(self, at_s: float) -> None:
        self.pull("pulse", at_s, 0.02)

    # -- what is seen --------------------------------------------------------------------------

    def tower(self, station: str) -> str:
        return self.towers[station].words()

    def told(self, *kinds: str) -> list[dict[str, Any]]:
        """Give type and data of the events of these kinds (all of a prefix) on the disk."""
        self.turn()
        found = [event for event in self.events() if event["type"].startswith(kinds)]
        return [{"type": event["type"], **checked(event)["data"]} for event in found]

    def state(self, topic: str) -> dict[str, Any]:
        """Give what is said to be true, as it would be published, checked against its model."""
        for name, said in self.andon.states.true_now(self.andon.floor, self.clock.now_ns):
            if name == f"{TOPICS.base}/{topic}":
                return checked(self.andon.states.whole(said), name, TOPICS)
        raise AssertionError(f"nothing is said of {topic}")

    def ask(self, name: str, station: str, role: str = "leader", **order: Any) -> Any:  # noqa: ANN401
        """Ask something of the line from afar; gives message and reason of the refusal."""
        made = LineOrder(f"cmd.{name}", station, role, "L. Weber", **order)
        answer = self.andon.orders.obey(made, self.clock.now_ns)
        self.turn()
        return answer

    def stories(self) -> list[str]:
        return [event["type"] for event in self.told("andon.", "stop.")]


def with_quality(**changes: Any) -> Configuration:  # noqa: ANN401
    """Give the line with its quality calls changed."""
    return replace(LINE, andons=(replace(QUALITY, **changes), MATERIAL))
