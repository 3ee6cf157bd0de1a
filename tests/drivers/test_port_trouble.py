"""A port that cannot be had: each case a clear message and a remedy, never an exception."""

import os
import pwd
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import serial

from drivers import port_holder, serial_scanner
from drivers.reopening import REOPEN_MAX_NS, REOPEN_MIN_NS
from drivers.serial_scanner import SerialScanner
from edge_agent.ports import Condition
from edge_agent.reactor import NEVER, Reactor
from tests.kit.scanners import PATIENCE_S, Desk, HandClock, Pty, settle, turn_until

HOLD = """
import serial, sys
port = serial.Serial(sys.argv[1], exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""

OPEN = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
print("held", flush=True)
sys.stdin.read()
"""

MANY_LINKS = 4 * port_holder.LINKS_PER_STEP
MANY = f"""
import sys
files = [open(sys.argv[1]) for _ in range({MANY_LINKS})]
print("held", flush=True)
sys.stdin.read()
"""


class Bench:
    """One scanner and everything that a port may be."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.desk = Desk()
        self.scanners: list[SerialScanner] = []

    def start(self, port: Path) -> SerialScanner:
        keys = SerialScanner.Keys(port=port)
        scanner = SerialScanner("gun-1", "A2", keys, self.reactor, self.desk.read, self.desk.tell)
        self.scanners.append(scanner)
        scanner.start()
        settle(self.reactor)
        return scanner


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    for scanner in bench.scanners:
        scanner.stop()
    bench.reactor.close()


@pytest.fixture
def pty() -> Iterator[Pty]:
    pty = Pty()
    yield pty
    pty.unplug()


@contextmanager
def held(program: str, port: Path) -> Iterator[int]:
    """Let another process run `program` on the port; give its pid."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        try:
            yield other.pid
        finally:
            other.communicate()  # closes its input, which ends it


def test_a_port_that_another_process_holds_is_named_with_its_process(
    bench: Bench, pty: Pty
) -> None:
    with held(HOLD, pty.path) as pid:
        scanner = bench.start(pty.path)
        turn_until(bench.reactor, lambda: f"pid {pid} (" in scanner.why)
        assert scanner.condition is Condition.TROUBLE
        assert Path(sys.executable).name in scanner.why
        assert "stop" in scanner.remedy
        told = len(bench.desk.told)
        bench.clock.now_ns += REOPEN_MAX_NS
        settle(bench.reactor)
        assert len(bench.desk.told) == told, "nothing has changed, and it is told again"
    bench.clock.now_ns += REOPEN_MAX_NS
    settle(bench.reactor)
    assert scanner.condition is Condition.OK
    pty.scan(b"K-0417\r")
    turn_until(bench.reactor, lambda: bench.desk.texts == [b"K-0417"])


def test_our_port_is_not_to_be_had_by_another_user_of_pyserial(bench: Bench, pty: Pty) -> None:
    bench.start(pty.path)
    other = subprocess.run(
        [sys.executable, "-c", HOLD, str(pty.path)], capture_output=True, check=False
    )
    assert other.returncode
    assert b"exclusively lock" in other.stderr


def test_two_devices_of_this_agent_on_one_port(bench: Bench, pty: Pty) -> None:
    bench.start(pty.path)
    second = bench.start(pty.path)
    assert second.condition is Condition.TROUBLE
    assert second.why == f"{pty.path} is held by another device of this agent"


def test_a_port_that_somebody_has_open_too_is_read_with_a_warning(bench: Bench, pty: Pty) -> None:
    with held(OPEN, pty.path) as pid:
        scanner = bench.start(pty.path)
        turn_until(bench.reactor, lambda: f"pid {pid} (" in scanner.remedy)
        assert scanner.condition is Condition.OK
        pty.scan(b"K-0417\r")
        turn_until(bench.reactor, lambda: bench.desk.texts == [b"K-0417"])


def test_whoever_reads_our_scans_is_noticed_and_waited_for(bench: Bench, pty: Pty) -> None:
    thief = os.open(pty.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    with held(OPEN, pty.path) as pid:
        scanner = bench.start(pty.path)

        def steal(_now_ns: int) -> int:
            os.read(thief, 4_096)
            return NEVER

        pty.scan(b"K-0417\r")
        assert select.select([thief], [], [], PATIENCE_S)[0]
        # between the reactor's look at the port and our read: timers go before files
        bench.reactor.timer(steal, bench.clock.now_ns)
        bench.reactor.turn(wait=False)
        assert scanner.condition is Condition.TROUBLE
        os.close(thief)
        turn_until(bench.reactor, lambda: f"pid {pid} (" in scanner.why)
        bench.clock.now_ns += REOPEN_MAX_NS
        settle(bench.reactor)
        assert scanner.condition is Condition.TROUBLE, "opened, and scans torn apart"
    bench.clock.now_ns += REOPEN_MAX_NS
    settle(bench.reactor)
    assert scanner.condition is Condition.OK


def test_a_file_a_folder_and_a_device_that_are_no_port(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "file", tmp_path / "fifo", tmp_path, Path("/dev/null")):
        scanner = bench.start(path)
        assert scanner.condition is Condition.TROUBLE
        assert scanner.why == f"{path} is not a serial port"
        assert "devices" in scanner.remedy


def test_a_path_through_a_file_is_not_there(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    scanner = bench.start(tmp_path / "file" / "port")
    assert scanner.why.endswith("is not there")


def test_a_port_that_may_not_be_opened_tells_the_group(bench: Bench, pty: Pty) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    mode = pty.slave.stat().st_mode
    as_root = os.geteuid() == 0
    pty.slave.chmod(0)
    if as_root:  # whom no mode keeps out
        os.seteuid(nobody)
    try:
        scanner = bench.start(pty.path)
    finally:
        if as_root:
            os.seteuid(0)
        pty.slave.chmod(mode & 0o777)
    assert scanner.why == f"no permission to open {pty.path}"
    assert "usermod -aG" in scanner.remedy
    bench.clock.now_ns += REOPEN_MIN_NS
    settle(bench.reactor)
    assert scanner.condition is Condition.OK


def test_exclusive_mode_is_claimed_once_and_asked_for_even_by_root(pty: Pty) -> None:
    first = os.open(pty.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    assert serial_scanner.is_pty_slave(first)
    second = os.open(pty.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    assert serial_scanner.claim(first)
    assert not serial_scanner.claim(second)
    os.close(first)
    os.close(second)
    if os.geteuid():
        with pytest.raises(OSError, match="busy"):
            os.open(pty.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def test_a_port_in_exclusive_mode_is_left_alone_and_its_mode_kept(
    bench: Bench, pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a pty is never claimed; a real port is, so let this one pass for real
    monkeypatch.setattr(serial_scanner, "is_pty_slave", lambda _fd: False)
    other = os.open(pty.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    assert serial_scanner.claim(other)
    scanner = bench.start(pty.path)
    assert scanner.condition is Condition.TROUBLE
    assert "is held by" in scanner.why
    assert not serial_scanner.claim(other), "the mode of the other one was cleared"
    os.close(other)


def test_a_claimed_port_is_given_back(
    bench: Bench, pty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_scanner, "is_pty_slave", lambda _fd: False)
    scanner = bench.start(pty.path)
    assert scanner.condition is Condition.OK
    scanner.stop()
    port = serial.Serial(str(pty.path), exclusive=True)
    assert serial_scanner.claim(port.fileno())
    port.close()


def test_the_search_for_a_holder_is_cut_into_steps(pty: Pty, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.touch()
    with held(MANY, nothing):
        steps = list(port_holder.search(pty.path))
    assert set(steps) == {None}
    assert len(steps) >= MANY_LINKS // port_holder.LINKS_PER_STEP
