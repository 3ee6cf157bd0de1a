"""How soon a broker that returns is found: as a distribution, on a virtual clock.

Delays by themselves over outages of seconds to days; a plant's agents together; and whole uplinks,
their dials refused, unanswered by a host that is off, or stuck in a mute name server.
"""

import queue
import statistics
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from random import Random

import pytest

from edge_agent.configuration import Address, Broker
from edge_agent.reactor import Reactor
from edge_agent.uplink import Hooks, Uplink
from edge_agent.uplink.backoff import NS, Backoff
from edge_agent.uplink.dial import Dialled
from edge_agent.uplink.uplink import DIAL_ALONE_NS, HURRY_NS, Phase
from tests.kit.scanners import HandClock
from tests.uplink.fake_outbox import FakeOutbox

ATTEMPT_S = 0.2
"""What it takes from the beginning of an attempt to the first event: look-up, TLS, CONNACK."""

HALF_WITHIN_S = 1.7
ALL_WITHIN_S = 4.5
DAY_S = 86_400
AGENTS = 200


def judge(found_s: Sequence[float], seed: int) -> None:
    half, most = statistics.median(found_s), max(found_s)
    print(f"seed {seed}: {len(found_s)} returns, half within {half:.2f} s, all {most:.2f} s")
    assert half <= HALF_WITHIN_S
    assert most <= ALL_WITHIN_S


def attempts(random: Random, upto_s: float) -> list[float]:
    """Give when an agent that is refused at once tries, from the loss of its broker on."""
    backoff, tries, now_s = Backoff(0.2, 5.0, random), [0.0], 0.0
    while now_s <= upto_s:
        now_s += backoff.next_ns() / NS
        tries.append(now_s)
    return tries


@pytest.mark.parametrize("outage_s", [5, 7.5, 30, 300, 3600, 3 * DAY_S])
def test_half_of_all_returns_are_found_soon_and_all_in_time(outage_s: float) -> None:
    found_s: list[float] = []
    for seed in range(400 if outage_s < 600 else 4 if outage_s < DAY_S else 1):
        random = Random(seed)
        spread_s = min(outage_s, 600)  # one long life holds many returns
        tries = attempts(random, outage_s + spread_s)
        for _ in range(1 if outage_s < 600 else 200):
            returned_s = outage_s + random.uniform(0, 0.01 if outage_s < 600 else spread_s)
            found_s.append(tries[bisect_left(tries, returned_s)] - returned_s)
    judge([one + ATTEMPT_S for one in found_s], seed)


@pytest.mark.parametrize(
    ("outage_s", "share"), [(0.3, 0.3), (1.0, 0.2), (5.0, 0.12), (60.0, 0.12), (3600.0, 0.12)]
)
def test_the_agents_of_a_plant_do_not_come_as_a_herd(outage_s: float, share: float) -> None:
    """They lost the broker in one moment; of all only so many come within a tenth of a second."""
    for seed in range(5):
        random = Random(seed)
        came_s = sorted(
            next(at for at in attempts(random, outage_s) if at >= outage_s) for _ in range(AGENTS)
        )
        most = max(sum(at <= other < at + 0.1 for other in came_s) for at in came_s)
        print(f"seed {seed}: at most {most} of {AGENTS} within 0.1 s")
        assert most <= AGENTS * share


# -- whole uplinks -----------------------------------------------------------------------------

SYN_S = (0.0, 1.0, 3.0)
"""When the kernel asks a host that does not answer; `connect_timeout_s` ends it at 5."""

LOOK_UP_S = (0.0, 5.0, 10.0, 15.0)
"""When a resolver asks a name server that does not answer; it gives up after 20 s."""


class World:
    """One uplink on a virtual clock; its dials end when the clock has come to their time."""

    def __init__(
        self,
        random: Random,
        asks_s: Sequence[float],
        gives_up_s: float,
        **settings: float,
    ) -> None:
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.asks_s, self.gives_up_s = asks_s, gives_up_s
        self.returned_ns = 1 << 62
        self.found_ns: int | None = None
        self.tries_ns: list[int] = []
        self.registered: queue.Queue[tuple[int, bool, threading.Event]] = queue.Queue()
        self.under_way: list[tuple[int, bool, threading.Event]] = []
        address = Address("broker.plant", 1883, tls=False)
        hooks = Hooks(
            client_id="pi-a2",
            status_topic="b/agent/pi-a2/status",
            status=lambda _state, _connection: b"{}",
            next_connection=lambda: 1,
        )
        self.uplink = Uplink(
            self.reactor,
            Broker((address,), **settings),  # type: ignore[arg-type]
            FakeOutbox(self.reactor),
            hooks,
            opening=self._opening,
            random=random,
        )

    def _opening(
        self, _address: Address, _broker: Broker, _stage: Callable[[str], None]
    ) -> Dialled:
        """Register when this dial will end, and how; wait for that moment."""
        began_ns, ended = self.clock.now_ns, threading.Event()
        self.tries_ns.append(began_ns)
        answered = [
            began_ns + int(ask * NS)
            for ask in self.asks_s
            if began_ns + int(ask * NS) >= self.returned_ns
        ]
        ends_ns = answered[0] if answered else began_ns + int(self.gives_up_s * NS)
        self.registered.put((ends_ns, bool(answered), ended))
        assert ended.wait(20)
        raise TimeoutError

    def _dials(self) -> list[object]:
        return [dial for target in self.uplink._targets._all for dial in target.dials]

    def settle(self) -> None:
        """Let the uplink act on what has happened, and know all dials that it has begun."""
        while True:
            self.reactor.turn(wait=False)
            fresh = len(self._dials()) - len(self.under_way)
            if not fresh and self.reactor.next_due_ns() > self.clock.now_ns:
                return
            for _ in range(fresh):
                self.under_way.append(self.registered.get(timeout=20))

    def next_ns(self) -> int:
        """Say when something happens next."""
        return min([self.reactor.next_due_ns(), *(one[0] for one in self.under_way)])

    def step(self) -> None:
        """Go to the next moment at which something happens."""
        self.settle()
        self.clock.now_ns = max(self.next_ns(), self.clock.now_ns)
        for one in [one for one in self.under_way if one[0] <= self.clock.now_ns]:
            if one[1]:
                self.found_ns = one[0]
                return
            self.under_way.remove(one)
            before = len(self._dials())
            one[2].set()
            while len(self._dials()) == before:
                self.reactor.turn()

    def live(self, outage_ns: int) -> float:
        """Lose the broker, have it return, and say how long it took to be found, in seconds."""
        self.uplink.start()
        self.returned_ns = self.clock.now_ns + outage_ns
        while self.found_ns is None:
            self.step()
        return (self.found_ns - self.returned_ns) / NS

    def pass_s(self, seconds: float) -> None:
        """Let so much time go by, with all that happens in it."""
        self.settle()
        until_ns = self.clock.now_ns + int(seconds * NS)
        while self.next_ns() <= until_ns:
            self.step()
            self.settle()
        self.clock.now_ns = until_ns

    def pull(self) -> int:
        """Have an urgent event wait now; returns how often was tried before."""
        before = len(self.tries_ns)
        self.uplink.hurry()
        self.settle()
        return before

    def close(self) -> None:
        for _, _, ended in self.under_way:
            ended.set()
        self.uplink._targets.leave_behind()
        self.reactor.close()


@pytest.mark.parametrize(
    ("asks_s", "gives_up_s"),
    [((0.0,), 0.0), (SYN_S, 5.0), (SYN_S[:1], 1.0), (LOOK_UP_S[:2], 10.0), (LOOK_UP_S, 20.0)],
    ids=["refused", "no answer", "short time-out", "mute name server", "two mute name servers"],
)
def test_what_a_dial_waits_for_does_not_stretch_the_retry(
    asks_s: Sequence[float], gives_up_s: float
) -> None:
    found_s = []
    for seed in range(60):
        random = Random(seed)
        world = World(random, asks_s, gives_up_s)
        found_s.append(world.live(int(random.uniform(5, 60) * NS)) + ATTEMPT_S)
        world.close()
    judge(found_s, seed)


# -- somebody pulls a cord ---------------------------------------------------------------------

LONG = {"backoff_min_s": 60.0, "backoff_max_s": 60.0}
REFUSED = ((0.0,), 0.0)


@pytest.fixture
def away() -> Iterator[Callable[..., World]]:
    """Give uplinks that wait a minute between attempts, and whose broker never returns."""
    made: list[World] = []

    def begun(asks_s: Sequence[float], gives_up_s: float) -> World:
        made.append(World(Random(1), asks_s, gives_up_s, **LONG))
        made[-1].uplink.start()
        made[-1].pass_s(10)
        return made[-1]

    yield begun
    for world in made:
        world.close()


def test_a_pull_tries_at_once_however_long_the_wait(away: Callable[..., World]) -> None:
    world = away(*REFUSED)
    assert world.pull() == 1
    assert world.tries_ns[1:] == [world.clock.now_ns]
    world.pass_s(59)
    assert len(world.tries_ns) == 2, "one attempt for one pull"


def test_pulls_that_repeat_are_no_storm_and_the_last_is_not_forgotten(
    away: Callable[..., World],
) -> None:
    world = away(*REFUSED)
    began_ns = world.clock.now_ns
    for _ in range(205):
        world.pull()
        world.pass_s(0.05)
    last_ns = world.clock.now_ns
    world.pass_s(30)
    tries_ns = world.tries_ns[1:]
    assert tries_ns == [began_ns + n * HURRY_NS for n in range(12)]
    assert last_ns < tries_ns[-1] < last_ns + HURRY_NS, "the last pull was tried too"


def test_a_pull_during_an_attempt_that_fails_has_one_of_its_own(
    away: Callable[..., World],
) -> None:
    """It was begun before somebody needed it, and nobody waits a minute for the next one."""
    world = away(SYN_S, 5.0)
    world.pass_s(53)
    assert world.pull() == 2
    assert world.uplink.phase is Phase.DIALING
    world.pass_s(59)
    assert [at_ns - world.tries_ns[1] for at_ns in world.tries_ns[2:]] == [DIAL_ALONE_NS]
