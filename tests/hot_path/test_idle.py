"""An idle agent wakes up seldom, and no timer of it spins: one minute of its own clock."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns

import pytest

from drivers.simulated import SimulatedScanner
from edge_agent.clock import SystemClock
from edge_agent.configuration import Device
from edge_agent.reactor import NEVER, Reactor, Timer
from tests.hot_path.stand import Whole
from tests.kit.brokers import any_broker
from tests.kit.scanners import HandClock

MINUTE_NS = 60_000_000_000

TURNS_MAX = 240
"""Three parts look once a second (what has changed, the kernel's clock, the connection), the
three may fall apart, and a minute has one health, two states, four pings."""

RINGS_MAX = 61
"""No timer of an idle agent rings more often than once a second."""


class MinuteClock(HandClock):
    """A clock that stands still until it is let go: then it runs on as the real one does."""

    def __init__(self) -> None:
        super().__init__()
        self._gone_ns = 0

    def mono_ns(self) -> int:
        return self.now_ns + (monotonic_ns() - self._gone_ns if self._gone_ns else 0)

    def let_go(self) -> None:
        self._gone_ns = monotonic_ns()


class Noting(Reactor):
    """Notes which timers ring, and how often."""

    def __init__(self, clock: HandClock) -> None:
        super().__init__(clock)
        self.rings: Counter[str] = Counter()

    def timer(self, callback: Callable[[int], int], due_ns: int = NEVER) -> Timer:
        def ring(now_ns: int) -> int:
            self.rings[callback.__qualname__] += 1
            return callback(now_ns)

        return super().timer(ring, due_ns)

    def has_work(self) -> bool:
        """Say whether a turn would do anything: the kernel wakes a waiting reactor for it."""
        return bool(self._again or self._inbox or self._epoll.poll(0, 1))


@pytest.mark.broker
def test_an_idle_minute_has_few_turns(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    keys = SimulatedScanner.Keys(fifo=tmp_path / "fifo", answers=tmp_path / "answers")
    clock = MinuteClock()
    reactor = Noting(clock)
    device = Device("gun-1", "simulated-scanner", "A2", keys)
    with (
        any_broker(tmp_path / "broker") as broker,
        Whole(data_dir, device, broker.port, reactor) as whole,
    ):
        uplink, outbox = whole.agent.uplink, whole.agent.outbox

        def quiet() -> bool:
            """Say whether nothing is under way that the world would answer in a moment."""
            return not uplink.counters()["in_flight"] and outbox.settled()

        def minute() -> int:
            end_ns, turns = clock.now_ns + MINUTE_NS, 0
            while (due_ns := reactor.next_due_ns()) <= end_ns:
                clock.now_ns = max(due_ns, clock.now_ns)
                reactor.turn(wait=False)
                turns += 1
                while reactor.has_work() or not quiet():
                    turns += reactor.has_work()
                    reactor.turn(wait=False)
            clock.now_ns = end_ns
            return turns

        try:
            whole.until(quiet, "the start is over")
            minute()
            reactor.rings.clear()
            turns = minute()
            assert uplink.connected
        finally:
            clock.let_go()
    print(f"{turns} turns in an idle minute; {dict(reactor.rings)}")
    assert turns <= TURNS_MAX
    assert max(reactor.rings.values()) <= RINGS_MAX


def test_a_wait_for_a_timer_is_one_turn_and_not_many_short_ones() -> None:
    clock = SystemClock()
    reactor = Reactor(clock)
    rung: list[int] = []

    def ring(now_ns: int) -> int:
        rung.append(now_ns)
        return NEVER

    reactor.timer(ring, clock.mono_ns() + 30_500_000)
    while not rung:
        reactor.turn()
    turns = reactor.turns
    reactor.close()
    assert turns <= 2, "the last fraction of a millisecond is spent spinning"
