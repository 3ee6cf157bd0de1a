"""What a scan costs from the file to the line: nothing that stays, and no collector run."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.serial_scanner import SerialScanner
from drivers.simulated import SimulatedScanner
from edge_agent.clock import SystemClock
from edge_agent.ports import Flaw, Outcome, Source
from edge_agent.reactor import Reactor
from tests.kit.scanners import Pty

SCANS = 100_000
BATCH = 100


class Counter:
    """A line that counts, and answers everything at once."""

    def __init__(self) -> None:
        self.reads = 0

    def read(self, source: Source, raw: bytes, at_mono: int, at_wall: int, flaw: Flaw) -> bool:  # noqa: ARG002 - a port
        self.reads += 1
        source.answer(raw, Outcome.ACCEPTED, "0badcafe0000-000000000001", None)
        return True

    def tell(self, *_told: object) -> None:
        pass


@pytest.fixture(params=["pty", "fifo"])
def feed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int], None]]:
    reactor = Reactor(SystemClock())
    line = Counter()
    pty = Pty()
    source: Source
    if request.param == "pty":
        keys = SerialScanner.Keys(port=pty.slave)
        source = SerialScanner("gun-1", "A2", keys, reactor, line.read, line.tell)
        source.start()
        fd, stream = pty.master, b"K-0417-0123456789-\r\n" * BATCH
    else:
        twin = SimulatedScanner.Keys(fifo=tmp_path / "fifo", answers=Path("/dev/null"))
        source = SimulatedScanner("gun-1", "A2", twin, reactor, line.read, line.tell)
        source.start()
        fd, stream = os.open(tmp_path / "fifo", os.O_RDWR), b"K-0417-0123456789-\r\n" * BATCH

    def scan(count: int) -> None:
        goal = line.reads
        for _ in range(count // BATCH):
            assert os.write(fd, stream) == len(stream)
            goal += BATCH
            while line.reads < goal:
                reactor.turn()

    yield scan
    source.stop()
    if request.param == "fifo":
        os.close(fd)
    pty.unplug()
    reactor.close()


def test_nothing_stays_of_a_scan_and_the_collector_never_runs(feed: Callable[[int], None]) -> None:
    feed(1_000)
    gc.collect()
    gc.freeze()
    try:
        runs = [generation["collections"] for generation in gc.get_stats()]
        before = sys.getallocatedblocks()
        feed(SCANS)
        kept = sys.getallocatedblocks() - before
        ran = [generation["collections"] for generation in gc.get_stats()]
    finally:
        gc.unfreeze()
    assert kept <= 0.01 * SCANS
    assert ran == runs
