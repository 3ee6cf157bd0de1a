"""Of 100,000 scans nothing stays in memory, and the collector never runs: the agent as shipped."""

import gc
import os
import sys
import threading
from pathlib import Path

import pytest

from drivers.serial_scanner import SerialScanner
from edge_agent.clock import SystemClock
from edge_agent.configuration import Device
from edge_agent.reactor import Reactor
from tests.hot_path.stand import Whole, chunks
from tests.kit.brokers import any_broker
from tests.kit.scanners import Pty

ROUNDS_MAX = 3
SCANS = 100_000
WARM = 20_000
LINES = 64


@pytest.mark.broker
def test_nothing_stays_of_a_scan_and_the_collector_never_runs(tmp_path: Path) -> None:
    pty = Pty()
    device = Device("gun-1", "serial-scanner", "A2", SerialScanner.Keys(pty.slave, suffix="\n"))
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    os.set_blocking(pty.master, True)
    with (
        any_broker(tmp_path / "broker") as broker,
        Whole(data_dir, device, broker.port, Reactor(SystemClock())) as whole,
    ):
        line, dispatch, outbox = whole.agent.line, whole.agent.outbox.dispatch, whole.agent.outbox
        said = chunks(LINES)

        def under_way() -> int:
            return dispatch.waiting() + outbox.pending()

        def scan(count: int) -> None:
            goal = line.accepted
            for _ in range(0, count, LINES):
                chunk = next(said)
                assert os.write(pty.master, chunk) == len(chunk)
                goal += LINES
                while line.received < goal:
                    whole.reactor.turn()
                if under_way() > 512:  # as fast as disk and broker: what waits is kept, and must be
                    whole.until(lambda: under_way() < 64, "disk and broker keep up")
            whole.until(lambda: line.accepted == goal, "all are committed")
            whole.until(lambda: not dispatch.waiting() and outbox.settled(), "all are out")

        collected: list[str] = []

        def note(phase: str, info: dict[str, int]) -> None:
            collected.append(f"{phase} {info}, {threading.current_thread().name}")

        scan(WARM)
        gc.callbacks.append(note)
        try:
            for _ in range(ROUNDS_MAX):  # what stays for ever stays in every round
                before = sys.getallocatedblocks()
                scan(SCANS)
                kept = sys.getallocatedblocks() - before
                if kept <= 0.01 * SCANS:
                    break
        finally:
            gc.callbacks.remove(note)
        print(f"{kept / SCANS:+.4f} blocks per scan stay; collector: {collected}")
        assert kept <= 0.01 * SCANS
        assert not collected
        assert line.suppressed == line.rejected == 0
    pty.unplug()
