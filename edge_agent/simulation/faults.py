"""What goes wrong in plants, at moments that the seed chooses.

Each fault begins by itself and ends by itself; `Faults.over` ends all of them for the last word.
"""

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Final

from edge_agent.simulation.fittings import Hand
from edge_agent.simulation.office import Office

if TYPE_CHECKING:
    from edge_agent.simulation.factory import Factory, Line

FAULTS: Final = {
    "power": "a computer loses its power, for seconds or for twenty minutes",
    "kill": "an agent is killed, and started again within three seconds",
    "broker": "the broker goes away, for seconds or for half an hour",
    "disk": "a card hangs for up to twenty seconds; at a boot it may not answer",
    "clock": "after a power cut the wall clock is wrong until somebody sets it",
    "wire": "the wire of a cord breaks, and is mended",
    "bounce": "contacts bounce, and there are spikes that are no pull",
    "pulses": "the PLC's pulses stay away for some minutes",
    "commands": "commands that are late, repeated, malformed, retained, or of a role that may not",
}
"""Name of each fault, and what it is."""

MEANS_S: Final = {
    "power": 5_400.0,
    "kill": 3_600.0,
    "broker": 5_400.0,
    "disk": 1_800.0,
    "wire": 7_200.0,
    "bounce": 90.0,
    "pulses": 7_200.0,
    "commands": 300.0,
}
"""Mean time between two of a kind; `clock` comes with the power."""

_MS: Final = 1_000_000
_S: Final = 1_000_000_000


class Faults:
    """Has the wanted faults happen to a factory; `happened` counts them.

    With `haste` they come so many times as often.
    """

    def __init__(self, factory: "Factory", wanted: tuple[str, ...], haste: float = 1.0) -> None:
        self._factory = factory
        self._wanted = wanted
        self._haste = haste
        self._over = False
        self._random = {name: Random(f"{factory.seed} fault {name}") for name in FAULTS}
        self.office = Office(factory, self._random["commands"])
        self.happened: Counter[str] = Counter()
        self.away_ns = 0
        self.dark_ns = 0

    def begin(self) -> None:
        """Have the first of each kind happen after a while."""
        for name, mean_s in MEANS_S.items():
            if name in self._wanted:
                self._again(name, mean_s / self._haste)

    def over(self) -> None:
        """Have no more of them begin; what has begun ends by itself."""
        self._over = True

    def _again(self, name: str, mean_s: float) -> None:
        do: Callable[[], None] = getattr(self, f"_{name}")

        def happen() -> None:
            if self._over:
                return
            self._again(name, mean_s)
            do()

        wait_s = self._random[name].expovariate(1 / mean_s)
        self._factory.later(int(wait_s * _S) + _S, happen)

    def _line(self, random: Random) -> "Line":
        return random.choice(self._factory.lines)

    def _for_s(self, random: Random, short: tuple[float, float], long: tuple[float, float]) -> int:
        low, high = short if random.random() < 0.6 else long  # noqa: PLR2004
        return int(random.uniform(low, high) * _S)

    # -- each of them --------------------------------------------------------------------------

    def _power(self) -> None:
        random = self._random["power"]
        line, for_ns = self._line(random), self._for_s(random, (3, 60), (60, 1_200))
        late_s = random.uniform(20, 150)
        if line.pi.agent is None:
            return
        self.happened["power"] += 1
        self.dark_ns += for_ns
        self._factory.judge.dies(line)
        line.pi.die()

        def back() -> None:
            wrong = "clock" in self._wanted and random.random() < 0.5  # noqa: PLR2004
            if "disk" in self._wanted and random.random() < 0.3:  # noqa: PLR2004
                self.happened["disk"] += 1
                bad_ns = int(random.uniform(2, 30) * _S)
                line.pi.bad_card_until_ns = self._factory.time.now_ns + bad_ns
            line.pi.boot(clock_set=not wrong)
            if wrong:
                self.happened["clock"] += 1
                self._factory.later(int(late_s * _S), line.pi.clock.set_right)

        self._factory.later(for_ns, back)

    def _kill(self) -> None:
        random = self._random["kill"]
        line, for_ns = self._line(random), int(random.uniform(0.4, 3.0) * _S)
        if line.pi.agent is None:
            return
        self.happened["kill"] += 1
        self._factory.judge.dies(line)
        line.pi.die()
        self._factory.later(for_ns, line.pi.live)

    def _broker(self) -> None:
        random, broker = self._random["broker"], self._factory.broker
        for_ns = self._for_s(random, (1, 60), (60, 1_800))
        if broker.up:
            self.happened["broker"] += 1
            self.away_ns += for_ns
            broker.go()
            self._factory.later(for_ns, broker.come)

    def _disk(self) -> None:
        random = self._random["disk"]
        line, for_ns = self._line(random), int(random.uniform(0.5, 20.0) * _S)
        if line.pi.disk is not None and line.pi.agent is not None:
            self.happened["disk"] += 1
            line.pi.disk.hang_until_ns = line.pi.clock.mono_ns() + for_ns

    def _wire(self) -> None:
        random = self._random["wire"]
        line = self._line(random)
        station, for_s = random.choice(line.stations), random.uniform(20, 180)
        hand = line.things.hands[f"cord-{station.lower()}"]
        if hand.broken or hand.pulled:
            return
        self.happened["wire"] += 1
        hand.move(broken=True)
        lives = line.pi.lives

        def look() -> None:
            if line.pi.lives == lives and hand.broken:
                self._factory.judge.broken_wire(line, station)

        self._factory.later(12 * _S, look)
        self._factory.later(int(for_s * _S), lambda: hand.move(broken=False))

    def _bounce(self) -> None:
        """Have noise on a contact at rest: shorter than any filter, so that it means nothing."""
        random = self._random["bounce"]
        line = self._line(random)
        hand = line.things.hands[random.choice(sorted(line.things.hands))]
        self.happened["bounce"] += 1
        at_ns = 0
        for _ in range(random.randint(1, 7)):
            at_ns += int(random.uniform(0.1, 0.9) * _MS)
            self._factory.later(at_ns, lambda: self._noise(hand, closed=False))
            at_ns += int(random.uniform(0.1, 0.9) * _MS)
            self._factory.later(at_ns, lambda: self._noise(hand, closed=True))

    @staticmethod
    def _noise(hand: Hand, *, closed: bool) -> None:
        if hand.fitted is not None:
            hand.fitted.move(closed and hand.closed)

    def _pulses(self) -> None:
        random = self._random["pulses"]
        line, for_s = self._factory.lines[-1], random.uniform(90, 400)
        self.happened["pulses"] += 1
        line.mute_pulses_until_ns = self._factory.time.now_ns + int(for_s * _S)

    def _commands(self) -> None:
        self.happened["commands"] += 1
        self.office.send()
