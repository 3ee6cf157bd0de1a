"""The people of the line: they pull, forget, answer late, pull twice, and start the line too early.

Rules:
1. A person only does what hands can do: move a contact, scan a label; and knows what can be seen.
2. Choices are seeded, one stream of chance for each person.
3. Nobody works in a break or after hours; what has begun is finished.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol

from edge_agent.demo.people import CARDS_MAX
from edge_agent.simulation.fittings import Gun, Hand
from edge_agent.simulation.layout import LEADERS, REASONS

PULLS_S: Final = 900.0
"""Mean time between two pulls of one operator."""

BOX_S: Final = 2_400.0
"""Mean time between two calls for material at one station."""

SCANS_S: Final = 45.0
"""Mean time between two scans of one handler."""

COMES_S: Final = 25.0
FIXES_S: Final = 40.0
"""Mean time until the leader is there, and until it is mended."""

LOOKS_S: Final = 1.5
"""How often the leader looks around."""

CONFIRMS: Final = 0.1
BADGES: Final = 0.15
PRESSES: Final = 0.6
"""How many of the leader's answers are a confirmed stop, a badge, a button; the rest is a pull."""

_S: Final = 1_000_000_000

Later = Callable[[int, Callable[[], None]], None]


class Seen(Protocol):
    """What people see of the line of one agent."""

    def works(self) -> bool: ...
    def shift(self) -> str: ...
    def calls(self, station: str) -> list[dict[str, Any]]: ...
    def faults(self, station: str) -> bool: ...
    def segment(self) -> str: ...
    def moves(self) -> bool: ...


class Body:
    """What all people have: a stream of chance, and hands that take their time."""

    def __init__(self, who: str, seed: str, later: Later) -> None:
        self.random = Random(f"{seed} {who}")
        self.later = later
        self.home = False

    def begin(self) -> None:
        """Come to work."""

    def after(self, mean_s: float, do: Callable[[], None], *, least_s: float = 0.5) -> None:
        """Do something after a while."""
        wait_s = max(self.random.expovariate(1 / mean_s), least_s)
        self.later(int(wait_s * _S), do)

    def press(self, hand: Hand, then: Callable[[], None] = lambda: None) -> None:
        """Pull or press, and let go."""
        held_ns = int((0.08 + self.random.random() * 0.4) * _S)

        def let_go() -> None:
            hand.move(pulled=False)
            then()

        hand.move(pulled=True)
        self.later(held_ns, let_go)

    def chance(self, part: float) -> bool:
        """Toss a coin that falls so for this part of its tosses."""
        return self.random.random() < part


class Operator(Body):
    """Somebody at a station: pulls, sometimes twice; mends it himself; forgets."""

    def __init__(
        self, station: str, hands: dict[str, Hand], seen: Seen, seed: str, later: Later
    ) -> None:
        super().__init__(f"operator {station}", seed, later)
        self._station, self._seen = station, seen
        self._cord, self._box = hands["cord"], hands["box"]
        self.pulls = 0

    def begin(self) -> None:
        """Come to work."""
        self.after(PULLS_S, self._pull, least_s=5.0)
        self.after(BOX_S, self._call_material, least_s=5.0)

    def _pull(self) -> None:
        if self.home:
            return
        self.after(PULLS_S, self._pull, least_s=5.0)
        if not self._seen.works() or self._seen.calls(self._station):
            return
        self.pulls += 1
        if self.chance(0.12):  # a nervous hand
            self.press(self._cord, self._again_at_once)
        else:
            self.press(self._cord)
        if self.chance(0.25):  # mended at once, by himself
            self.later(int((3.0 + self.random.random() * 40.0) * _S), self._cancel)

    def _again_at_once(self) -> None:
        self.later(int((0.12 + self.random.random() * 0.3) * _S), lambda: self.press(self._cord))

    def _cancel(self) -> None:
        if any(call["state"] == "called" for call in self._seen.calls(self._station)):
            self.pulls += 1
            self.press(self._cord)

    def _call_material(self) -> None:
        if self.home:
            return
        self.after(BOX_S, self._call_material, least_s=5.0)
        if self._seen.works():
            self.press(self._box)


class Handler(Body):
    """A material handler: scans a card, waits for the light, scans again if none comes."""

    def __init__(
        self, station: str, first: int, gun: Gun, seen: Seen, seed: str, later: Later
    ) -> None:
        super().__init__(f"handler {station}", seed, later)
        self._gun, self._seen = gun, seen
        self._cards = [f"K-{first + number:04}" for number in range(CARDS_MAX)]
        self._holds = ""
        self.made = 0

    def begin(self) -> None:
        """Come to work."""
        self.after(SCANS_S, self._scan)

    def _scan(self) -> None:
        if self.home:
            return
        self.after(SCANS_S, self._scan)
        if self._seen.works() and not self._holds:
            self._holds = self._cards[self.made % CARDS_MAX]
            self.made += 1
            self._try()

    def _try(self) -> None:
        """Pull the trigger, and once more as long as no light comes."""
        card = self._holds
        if not card:
            return
        self._gun.scan(card)
        self.later(3 * _S, self._try)

    def lit(self, text: str) -> None:
        """See the light."""
        if text == self._holds:
            self._holds = ""


@dataclass(slots=True)
class Errand:
    """What the leader is about."""

    station: str
    call: str
    came: bool = False


class Leader(Body):
    """The team leader of one segment: one call after the other, and then the start."""

    def __init__(
        self,
        segment: str,
        stations: tuple[str, ...],
        hands: dict[str, Hand],
        guns: dict[str, Gun],
        seen: Seen,
        seed: str,
        later: Later,
    ) -> None:
        super().__init__(f"leader {segment}", seed, later)
        self._segment, self._stations, self._seen = segment, stations, seen
        self._hands, self._guns = hands, guns
        self._errand: Errand | None = None
        self._starting = False
        self.starts = 0

    def begin(self) -> None:
        """Come to work, and look around from now on; the last call is answered after hours too."""
        self.later(int(LOOKS_S * _S), self._look)

    def _look(self) -> None:
        self.later(int(LOOKS_S * _S), self._look)
        if self._errand is not None or self._starting:
            return
        for station in self._stations:
            for call in self._seen.calls(station):
                self._errand = Errand(station, call["call"])
                late = self.chance(0.1)
                self.after(220.0 if late else COMES_S, self._come, least_s=2.0)
                return
            if self._seen.faults(station):
                self._errand = Errand(station, "")
                self.after(FIXES_S, self._mend, least_s=8.0)
                return
        if self._seen.segment() == "restarting":
            self._starting = True
            self.later(int((1.0 + self.random.random() * 9.0) * _S), self._start)

    def _start(self) -> None:
        """Press start; who is too early sees nothing happen, and presses again."""
        self._starting = False
        if self._seen.segment() in ("restarting", "stopped"):
            self.starts += 1
            self.press(self._hands[f"start-{self._segment}"])

    def _call(self) -> dict[str, Any] | None:
        errand = self._errand
        if errand is None:
            return None
        calls = self._seen.calls(errand.station)
        return next((call for call in calls if call["call"] == errand.call), None)

    def _come(self) -> None:
        errand, call = self._errand, self._call()
        if errand is None or call is None:
            self._errand = None
            return
        name = errand.station.lower()
        badge, _ = LEADERS.get(self._seen.shift(), LEADERS["early"])
        dice = self.random.random()
        if dice < CONFIRMS:
            self.press(self._hands[f"confirm-{name}"])
        elif dice < CONFIRMS + BADGES:
            self._guns[errand.station].scan(badge)
        elif dice < CONFIRMS + BADGES + PRESSES:  # else he pulls the cord, when it is mended
            self.press(self._hands[f"ack-{name}"])
        if self.chance(0.05):  # he tries to start before it is mended
            self.later(2 * _S, lambda: self.press(self._hands[f"start-{self._segment}"]))
        self.after(FIXES_S, self._clear, least_s=3.0)

    def _clear(self) -> None:
        errand, call = self._errand, self._call()
        self._errand = None
        if errand is None or call is None:
            return
        name = errand.station.lower()
        by_cord = call["category"] == "quality" and self.chance(0.4)
        self.press(self._hands[f"cord-{name}" if by_cord else f"clear-{name}"])
        if self.chance(0.6):
            self.later(int(self.random.random() * 100 * _S), lambda: self._say_why(errand.station))

    def _say_why(self, station: str) -> None:
        self._guns[station].scan(f"R:{self.random.choice(REASONS)}")

    def _mend(self) -> None:
        """Look at an input that is not to be trusted, and reset it."""
        errand, self._errand = self._errand, None
        if errand is not None:
            self.press(self._hands[f"clear-{errand.station.lower()}"])
