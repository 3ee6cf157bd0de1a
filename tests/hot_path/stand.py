"""The hot path in one process and one thread of the test: real parts, turned by the test.

`Bench` is everything from a device to the committed row, with a carrier that has each row
acknowledged at once; `Whole` is the agent as `edge_agent.app` composes it.
"""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Final, Self, cast

from drivers.serial_scanner import SerialScanner
from drivers.simulated import SimulatedScanner
from edge_agent.app import Agent, limits_of
from edge_agent.clock import SystemClock
from edge_agent.configuration import Address, Broker, Configuration, Device, Journal, Site, Station
from edge_agent.configuration import Agent as This
from edge_agent.dispatch import Dispatch
from edge_agent.edges import GC_THRESHOLD
from edge_agent.journal.opening import open_store
from edge_agent.journal.store import Store
from edge_agent.journal.writer import Writer
from edge_agent.line import ANSWERS_MAX, Line
from edge_agent.outbox import Outbox
from edge_agent.ports import Outcome, Source
from edge_agent.reactor import Reactor
from edge_agent.records import (
    NORMAL,
    URGENT,
    Broken,
    DiskTrouble,
    Entry,
    Kept,
    NewerJournal,
    Restored,
)
from edge_agent.wire.topics import Topics
from tests.kit.scanners import Pty

PATIENCE_S = 60.0
"""A condition that does not come within this fails the test loudly; nothing ever waits it out."""

BASE: Final = "acme/leipzig/assembly/line-4"
TEXTS: Final = 8 * ANSWERS_MAX
"""Distinct texts, so many that each is long forgotten as an answer when it comes again."""

_MB = 1024 * 1024


def line_of(number: int) -> bytes:
    return b"K-0417-%08d\n" % number


def chunks(lines: int) -> Iterator[bytes]:
    """Give `TEXTS` distinct lines, so many to a write, over and over; made beforehand."""
    return cycle(
        [
            b"".join(line_of(start + number) for number in range(lines))
            for start in range(0, TEXTS, lines)
        ]
    )


def turn_until(reactor: Reactor, done: Callable[[], object], what: str) -> None:
    """Turn as `Reactor.run` does until `done()`; a spare timer ends a wait for nothing."""
    end_ns = time.monotonic_ns() + int(PATIENCE_S * 1e9)
    waker = reactor.timer(lambda now_ns: now_ns + 100_000_000, time.monotonic_ns())
    while not done():
        assert time.monotonic_ns() < end_ns, f"waited in vain: {what}"
        reactor.turn()
    reactor.forget(waker)


@contextmanager
def frozen() -> Iterator[None]:
    """Set the collector as a running agent has it, and put it back."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


class AtOnce:
    """Carries rows to nobody: each is acknowledged the moment it is handed over."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self.carried = 0

    def begin(self) -> None:
        for lane in (NORMAL, URGENT):
            self._page(lane, self._dispatch.acknowledged_upto(lane))

    def committed(self, lane: int, entries: list[Entry]) -> None:
        for entry in entries:
            self._dispatch.acknowledged(lane, entry.seq)
        self.carried += len(entries)

    def hurry(self) -> None:
        pass

    def reread(self) -> None:
        pass

    def _page(self, lane: int, after: int) -> None:
        self._dispatch.page(lane, after, partial(self._paged, lane))

    def _paged(self, lane: int, entries: list[Entry], at_tip: bool) -> None:
        if entries:
            self.committed(lane, entries)
        if not at_tip:
            self._page(lane, entries[-1].seq)


class Bench:
    """Device, line, outbox, dispatch and the journal's thread on a real file.

    `made` makes the source: `twin` or `gun`.
    """

    def __init__(
        self, folder: Path, made: Callable[["Bench"], Source], *, replay_mb: int = 1
    ) -> None:
        self.clock = SystemClock()
        self.reactor = Reactor(self.clock)
        limits = limits_of(Journal(replay_mb=replay_mb))
        self.outbox = Outbox(self.reactor, self.clock, limits)
        self.line = Line(topics=Topics(BASE), agent="pi-7", version="0", outbox=self.outbox)
        self.carrier = AtOnce(self.outbox.dispatch)
        self.troubles: list[object] = []
        self.store: Store | None = None

        def opener() -> Store:
            self.store = open_store(folder, quota_bytes=limits.quota_bytes)
            return self.store

        self.writer = Writer(opener, self.reactor.post, self, self.clock.mono_ns)
        self.outbox.connect(self.line, self.writer, self.carrier)
        self.source = made(self)
        self.line.add(self.source)

    def __enter__(self) -> Self:
        self.writer.start()
        self.until(lambda: self.outbox.open, "the journal is open")
        self.source.start()
        self.carrier.begin()
        self.until(self.outbox.settled, "the start is committed")
        return self

    def __exit__(self, *_: object) -> None:
        self.source.stop()
        ended = threading.Event()
        self.writer.stop(lambda _: ended.set())
        self.until(ended.is_set, "the writer has ended")
        self.writer.join(PATIENCE_S)
        assert self.store is not None
        self.store.close()
        self.reactor.close()
        assert not self.troubles

    def until(self, done: Callable[[], object], what: str) -> None:
        turn_until(self.reactor, done, what)

    # what the writer tells

    def opened(self, restored: Restored) -> None:
        self.outbox.opened(restored)

    def committed(self, answer: tuple[Kept | None, int]) -> None:
        self.outbox.committed(answer)

    def troubled(self, trouble: DiskTrouble | None) -> None:
        self.troubles.append(trouble)

    def lost(self, why: NewerJournal | Broken) -> None:
        self.troubles.append(why)


def twin(fifo: Path) -> Callable[[Bench], Source]:
    """Make the simulated scanner on a FIFO; its answers are thrown away by the kernel."""
    keys = SimulatedScanner.Keys(fifo=fifo, answers=Path(os.devnull))
    return lambda bench: SimulatedScanner(
        "gun-1", "A2", keys, bench.reactor, bench.line.read, bench.line.tell
    )


class Asked(SerialScanner):
    """The real scanner, with its answers noted, and each held against what is on the disk."""

    def __init__(self, bench: Bench, keys: SerialScanner.Keys) -> None:
        line = bench.line
        super().__init__("gun-1", "A2", keys, bench.reactor, line.read, line.tell)
        self.heard: list[tuple[bytes, Outcome]] = []
        self._bench = bench

    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, reason: str | None
    ) -> None:
        assert self._bench.store is not None
        assert event_id is not None
        sequence = int(event_id.partition("-")[2])
        assert sequence <= self._bench.store.high, "called accepted before it was committed"
        self.heard.append((raw, outcome))
        super().answer(raw, outcome, event_id, reason)


def gun(pty: Pty) -> Callable[[Bench], Source]:
    """Make the real scanner on a pseudo-terminal."""
    keys = SerialScanner.Keys(port=pty.slave, suffix="\n")
    return lambda bench: Asked(bench, keys)


class Whole:
    """An agent with one real scanner, composed by `edge_agent.app`, turned by the test."""

    def __init__(self, folder: Path, device: Device, broker_port: int, reactor: Reactor) -> None:
        self.reactor = reactor
        clock = cast("SystemClock", reactor.clock)
        configuration = Configuration(
            agent=This("pi-7", folder),
            broker=Broker((Address("127.0.0.1", broker_port, tls=False),)),
            site=Site(BASE),
            folder=folder,
            stations=(Station("A2"),),
            devices=(device,),
            journal=Journal(replay_mb=1),
        )
        self.agent = Agent(configuration, folder / "none.toml", {}, clock, reactor)
        self._collector = gc.get_threshold()

    def __enter__(self) -> Self:
        self.agent.start()
        self.until(lambda: self.agent.ready and self.agent.uplink.connected, "it is connected")
        return self

    def __exit__(self, *_: object) -> None:
        gc.set_threshold(*self._collector)
        gc.unfreeze()
        self.agent.stop()
        self.reactor.run()
        self.agent.close()
        self.reactor.close()

    def until(self, done: Callable[[], object], what: str) -> None:
        turn_until(self.reactor, done, what)
