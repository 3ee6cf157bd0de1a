"""A pull that finds 100,000 events waiting for the broker: when it tries, and when it is heard.

A whole agent whose broker is away and that waits a minute between two attempts; between the two a
proxy that says when somebody knocked and when the CONNACK came. The subscriber hears everything
that the agent says, scans included. In each round a cord is pulled in vain, the broker comes back
unnoticed, a cord is pulled, and others are while the backlog drains; then the broker goes again
and scans fill up.

What a subscriber hears was on the disk before, so how long this disk lets a flush wait, on a
machine with other work, is measured beside it.
"""

import re
import select
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.contenders import PRODUCT
from tests.bench.gauges import Flushes
from tests.bench.light import FILTER_MS, STATIONS, Cord, floor
from tests.bench.report import Figure, Goal, at_least, at_most
from tests.bench.speed import Run
from tests.bench.stand import Down
from tests.bench.subscriber import Subscriber
from tests.kit.agents import BASE, Agent
from tests.kit.brokers import Mosquitto
from tests.kit.proxy import Proxy

WAITING = 100_000
WAITING_QUICK = 10_000
ROUNDS = 20
ROUNDS_QUICK = 5
DRAINING_PULLS = 5
"""Pulls of a round while its backlog drains."""

BACKOFF_S: Final = 60
LONG_S: Final = 10
"""An attempt within this of a pull may have come by itself; a round begins with more before it."""

LIMITS_MS: Final = {
    "away: pull to attempt": 100,
    "away: pull to subscriber": 0,
    "CONNACK to pull before it": 250,
    "CONNACK to pull that made it": 250,
    "draining: pull to subscriber": 250,
}
"""What the worst of each may take; 0 where nothing was promised."""

_FILTER_NS: Final = FILTER_MS * 1_000_000
_PAUSE_S = 1.2  # an attempt for a pull comes at most once a second
_BETWEEN_S = 0.1
_LAST_S = 0.3  # a call that was cancelled is closed a little later, and that is urgent too
_LOOK_S = 0.02
_WAIT_S = 60
_SAYS = re.compile(rb'"type": ?"andon\.(raised|cleared)"')


class Ear:
    """A subscriber to everything, in a thread of its own; knows the calls it has heard of."""

    def __init__(self, port: int) -> None:
        self._subscriber = Subscriber(port, qos=1, topic=f"{BASE}/#")
        self._subscriber.connect()
        self._done = False
        self._heard = threading.Condition()
        self._calls: list[tuple[int, str]] = []
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        subscriber = self._subscriber
        while not self._done:
            if not select.select([subscriber], [], [], _LOOK_S)[0]:
                continue
            subscriber.pump()
            arrivals, subscriber.arrivals = subscriber.arrivals, []
            for at_ns, _, body in arrivals:
                topic = body[2 : 2 + (body[0] << 8 | body[1])].decode()
                if topic.endswith("/andon") and "/state/" not in topic and _SAYS.search(body):
                    with self._heard:
                        self._calls.append((at_ns, topic))
                        self._heard.notify_all()

    def first_ns(self, station: str, after_ns: int) -> int:
        """Wait for the first that is heard of a station's cord after a moment."""

        def found() -> int:
            topic = f"{BASE}/{station}/andon"
            heard = [at_ns for at_ns, of in self._calls if of == topic and at_ns > after_ns]
            return heard[0] if heard else 0

        with self._heard:
            self._heard.wait_for(found, _WAIT_S)
            at_ns = found()
        if not at_ns:
            raise Down(f"a pull at {station} was never heard of")
        return at_ns

    def close(self) -> None:
        self._done = True
        self._thread.join()
        self._subscriber.close()


class Pull(NamedTuple):
    """Where a cord was pulled, and when its edge was settled."""

    station: str
    settled_ns: int


class Backlog:
    """The agent, its broker behind the proxy, and the cords."""

    def __init__(self, agent: Agent, proxy: Proxy, ear: Ear, cords: list[Cord]) -> None:
        self.agent, self.proxy, self.ear, self.cords = agent, proxy, ear, cords
        self._scanned = 0
        self._next = 0

    def fill(self, waiting: int) -> int:
        """Scan until so many events wait; returns how many do."""
        while (there := self.waiting()) < waiting:
            short = waiting - there
            texts = (f"W-{self._scanned + n:09d}\n" for n in range(short))
            self.agent.gun.write("".join(texts).encode())
            self._scanned += short
            wanted = there + short
            self.agent.until(lambda: self.waiting() >= wanted, "the scans wait")  # noqa: B023
        return there

    def waiting(self) -> int:
        """Count what is committed and not acknowledged."""
        events = self.agent.status()["counters"]["events"]
        waiting: int = events["waiting"]
        return waiting

    def pull(self) -> Pull:
        """Pull the next cord."""
        number, self._next = self._next, (self._next + 1) % len(self.cords)
        pulled_ns, _ = self.cords[number].pull()
        return Pull(STATIONS[number], pulled_ns + _FILTER_NS)

    def heard_ns(self, pull: Pull) -> int:
        """Wait until the subscriber has heard of a pull; gives the moment."""
        return self.ear.first_ns(pull.station, pull.settled_ns)

    def patient(self) -> None:
        """Wait until the next attempt is far, and none was made for a while."""
        time.sleep(_LAST_S)
        self.agent.until_status(
            lambda said: said["broker"]["counters"]["next_try_s"] > LONG_S, "a long back-off"
        )
        time.sleep(_PAUSE_S)


@contextmanager
def _standing(folder: Path) -> Iterator[Backlog]:
    environ = {
        "EDGE_AGENT__BROKER__BACKOFF_MIN_S": str(BACKOFF_S),
        "EDGE_AGENT__BROKER__BACKOFF_MAX_S": str(BACKOFF_S),
    }
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "broker"))
        proxy = stack.enter_context(Proxy(broker.port))
        proxy.refuse()
        ear = Ear(broker.port)
        stack.callback(ear.close)
        url = f"mqtt://127.0.0.1:{proxy.port}"
        agent = Agent(folder / "a", url=url, more=floor(FILTER_MS), environ=environ)
        stack.enter_context(agent)
        cords = [stack.enter_context(Cord(agent.folder, one)) for one in STATIONS]
        yield Backlog(agent, proxy, ear, cords)


def urgent(run: Run) -> list[Figure]:
    """Pull while a backlog waits: disconnected, with the broker back, and while it drains."""
    count = run.pick(WAITING, WAITING_QUICK)
    rows = {name: Figure(f"{name}, median", "ms", ratio=False) for name in LIMITS_MS}
    waited: list[int] = []
    left: list[int] = []

    def took(row: str, from_ns: int, to_ns: int) -> None:
        rows[row].add(PRODUCT.key, (to_ns - from_ns) / 1e6)

    with Flushes(run.folder) as flushes, _standing(run.folder / "urgent") as stand:
        for _ in range(run.pick(ROUNDS, ROUNDS_QUICK)):
            waited.append(stand.fill(count))
            before = stand.pull()
            stand.patient()
            stand.proxy.listen()
            now = stand.pull()
            heard_ns = stand.heard_ns(now)
            connack_ns = stand.proxy.connack_ns[-1]
            took("away: pull to attempt", now.settled_ns, stand.proxy.accepted_ns[-1])
            took("away: pull to subscriber", now.settled_ns, heard_ns)
            took("CONNACK to pull before it", connack_ns, stand.heard_ns(before))
            took("CONNACK to pull that made it", connack_ns, heard_ns)
            for _ in range(DRAINING_PULLS):
                time.sleep(_BETWEEN_S)
                draining = stand.pull()
                took("draining: pull to subscriber", draining.settled_ns, stand.heard_ns(draining))
            left.append(stand.waiting())
            time.sleep(_LAST_S)
            stand.proxy.refuse()
    return [
        *(one for name, limit_ms in LIMITS_MS.items() for one in _with_worst(rows[name], limit_ms)),
        _single("  events that waited, fewest", min(waited), at_least(count)),
        _single("  left behind the last pull, fewest", min(left)),
        _single("  slowest flush of this disk, ms", flushes.slowest_ms),
    ]


def _with_worst(figure: Figure, limit_ms: float) -> Iterator[Figure]:
    yield figure
    worst = figure.name.replace("median", "worst, ms")
    goals = (at_most(limit_ms),) if limit_ms else ()
    yield _single(worst, max(figure.samples[PRODUCT.key]), *goals)


def _single(name: str, value: float, *goals: Goal) -> Figure:
    figure = Figure(name, "", goals, ratio=False)
    figure.add(PRODUCT.key, value)
    return figure
