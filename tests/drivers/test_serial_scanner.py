"""A serial scanner over a real pty: unplugged, replaced, silent, answered."""

import gc
import os
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drivers.line_scanner import KEPT_FRAMES_MAX, SCANS_PER_TURN
from drivers.reopening import REOPEN_MAX_NS, REOPEN_MIN_NS
from drivers.serial_scanner import SerialScanner
from edge_agent.ports import Condition, Flaw, Outcome
from edge_agent.reactor import Reactor
from tests.kit.scanners import Desk, HandClock, Pty, settle, turn_until

IDLE_MS = 300
IDLE_NS = IDLE_MS * 1_000_000


class Bench:
    """One scanner on one port, and hands that plug and unplug."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "by-id" / "usb-Zebra_DS3678-if00"
        self.path.parent.mkdir()
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.desk = Desk()
        self.pty = Pty(self.path)
        self.scanner: SerialScanner | None = None

    def start(self, **keys: object) -> SerialScanner:
        made = SerialScanner.Keys(port=self.path, **keys)
        self.scanner = SerialScanner(
            "gun-1", "A2", made, self.reactor, self.desk.read, self.desk.tell
        )
        self.scanner.start()
        settle(self.reactor)
        return self.scanner

    def turn_until(self, done: Callable[[], object]) -> None:
        turn_until(self.reactor, done)

    def turn_until_read(self, count: int) -> None:
        self.turn_until(lambda: len(self.desk.reads) >= count)

    def turn_until_taken(self, count: int) -> None:
        """Wait until so many bytes have been read, whatever has become of them."""
        self.turn_until(lambda: self.counters()["bytes"] >= count)

    def counters(self) -> dict[str, int]:
        assert self.scanner is not None
        return self.scanner.counters()

    def replug(self) -> None:
        self.pty.unplug()
        self.pty = Pty(self.path)

    def pass_time(self, ns: int) -> None:
        self.clock.now_ns += ns
        settle(self.reactor)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    if bench.scanner is not None:
        bench.scanner.stop()
    bench.pty.unplug()
    bench.reactor.close()


def test_unplugged_in_the_middle_of_a_scan_and_plugged_in_again(bench: Bench) -> None:
    scanner = bench.start()
    bench.pty.scan(b"K-0417\rK-04")
    bench.turn_until_taken(11)
    bench.replug()
    bench.turn_until(lambda: scanner.condition is Condition.TROUBLE)
    assert "unplugged" in scanner.why
    bench.pass_time(REOPEN_MIN_NS)
    assert scanner.condition is Condition.OK
    bench.pty.scan(b"K-0419\r")
    bench.turn_until_read(2)
    assert bench.desk.texts == [b"K-0417", b"K-0419"]
    counters = scanner.counters()
    assert (counters["dropped_partials"], counters["reopens"]) == (1, 1)
    assert [condition for condition, _, _ in bench.desk.told] == ["ok", "trouble", "ok"]


def test_it_comes_back_for_ever_and_leaks_nothing(bench: Bench) -> None:
    scanner = bench.start()
    opened = None
    for number in range(30):
        bench.pty.scan(b"K-%d\r" % number)
        bench.turn_until_read(number + 1)
        bench.replug()
        bench.turn_until(lambda: scanner.condition is Condition.TROUBLE)
        bench.pass_time(REOPEN_MIN_NS)  # bytes have come: the wait is the shortest again
        assert scanner.condition is Condition.OK
        if opened is None:
            gc.collect()  # what other tests have left behind
            opened = len(list(Path("/proc/self/fd").iterdir()))
    assert len(list(Path("/proc/self/fd").iterdir())) == opened
    assert scanner.counters()["reopens"] == 30


def test_a_port_that_opens_and_dies_at_once_is_not_hammered(bench: Bench) -> None:
    scanner = bench.start()
    waits = []
    for _ in range(7):
        bench.replug()
        bench.turn_until(lambda: scanner.condition is Condition.TROUBLE)
        waits.append(bench.reactor.next_due_ns() - bench.clock.now_ns)
        bench.pass_time(waits[-1])
        assert scanner.condition is Condition.OK
    assert waits == [min(REOPEN_MIN_NS << step, REOPEN_MAX_NS) for step in range(7)]


def test_a_port_that_is_gone_says_which_ports_are_there(bench: Bench) -> None:
    bench.path.unlink()
    (bench.path.parent / "usb-Other-if00").symlink_to(bench.pty.slave)
    SerialScanner.by_id, by_id = bench.path.parent, SerialScanner.by_id
    try:
        scanner = bench.start()
    finally:
        SerialScanner.by_id = by_id
    assert scanner.why == f"{bench.path} is not there"
    assert str(bench.path.parent / "usb-Other-if00") in bench.desk.told[0][2]


@pytest.mark.parametrize("name", ["ttyUSB0", "ttyACM3", "serial0"])
def test_a_name_that_changes_is_taken_and_the_stable_one_told(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    stable, bench.path = bench.path, tmp_path / name
    bench.path.symlink_to(bench.pty.slave)
    SerialScanner.by_id, by_id = stable.parent, SerialScanner.by_id
    try:
        bench.start()
    finally:
        SerialScanner.by_id = by_id
    [(condition, why, advice)] = bench.desk.told
    assert (condition, why) == (Condition.OK, "")
    assert (str(stable) in advice) == name.startswith("tty")


def test_held_while_unplugged_nothing_read_is_lost(bench: Bench) -> None:
    scanner = bench.start()
    bench.desk.room = 1
    bodies = [b"%d" % number for number in range(2 * SCANS_PER_TURN)]
    stream = b"".join(body + b"\r" for body in bodies) + b"K-04"
    bench.pty.scan(stream)
    bench.turn_until(lambda: bench.desk.calls == 2)
    taken = scanner.counters()["bytes"]
    bench.replug()
    bench.turn_until(lambda: scanner.condition is Condition.TROUBLE)
    bench.pass_time(REOPEN_MIN_NS)
    assert scanner.condition is Condition.OK
    bench.pty.scan(b"after\r")
    settle(bench.reactor)
    assert scanner.counters()["bytes"] == taken, "read on, though there is no room"
    assert bench.reactor._epoll.poll(0, 8) == [], "held, and the reactor runs hot"
    bench.desk.room = 1_000
    scanner.resume()
    bench.reactor.turn(wait=False)
    assert len(bench.desk.reads) == 1 + SCANS_PER_TURN
    bench.turn_until(lambda: b"after" in bench.desk.texts)
    assert bench.desk.texts == [*stream[:taken].split(b"\r")[:-1], b"after"]


def test_silence_ends_a_scan_without_suffix(bench: Bench) -> None:
    bench.start(suffix="", idle_ms=IDLE_MS)
    bench.pty.scan(b"K-0417\r")
    bench.turn_until_taken(7)
    captured = bench.clock.mono_ns()
    bench.pass_time(IDLE_NS - 1)
    assert bench.desk.reads == []
    bench.pass_time(1)
    assert bench.desk.reads == [(b"K-0417\r", Flaw.NONE)]
    assert bench.desk.moments[0][0] == captured, "captured when it came, not when it was believed"
    assert bench.reactor.next_due_ns() > bench.clock.now_ns + 10 * REOPEN_MAX_NS


def test_silence_is_not_believed_while_bytes_lie_unread(bench: Bench) -> None:
    bench.start(suffix="", idle_ms=IDLE_MS)
    bench.pty.scan(b"K-04")
    bench.turn_until_taken(4)
    bench.pty.scan(b"17")
    end = time.monotonic() + 20
    while not bench.pty.arrived():
        assert time.monotonic() < end
        os.sched_yield()
    bench.clock.now_ns += IDLE_NS  # the reactor comes late
    settle(bench.reactor)
    assert bench.desk.reads == []
    bench.pass_time(IDLE_NS)
    assert bench.desk.texts == [b"K-0417"]


def test_silence_ends_scans_while_there_is_no_room(bench: Bench) -> None:
    scanner = bench.start(suffix="", idle_ms=IDLE_MS)
    bench.desk.room = 0
    bodies = [b"K-%04d" % number for number in range(KEPT_FRAMES_MAX)]
    for number, body in enumerate(bodies, 1):
        bench.pty.scan(body)
        bench.turn_until_taken(6 * number)
        bench.pass_time(IDLE_NS)
    bench.pty.scan(b"too much")
    settle(bench.reactor)
    assert scanner.counters()["bytes"] == 6 * KEPT_FRAMES_MAX, "the bound is the bound"
    bench.desk.room = 1_000
    scanner.resume()
    bench.turn_until_taken(6 * KEPT_FRAMES_MAX + 8)
    bench.pass_time(IDLE_NS)
    assert bench.desk.texts == [*bodies, b"too much"]


def test_an_answer_is_a_byte_to_the_scanner(bench: Bench) -> None:
    scanner = bench.start(good_read="\x06", bad_read="\x15\xff")
    scanner.answer(b"K-1", Outcome.ACCEPTED, "0-1", None)
    scanner.answer(b"K-1", Outcome.SUPPRESSED, "0-1", "repeat")
    scanner.answer(b"K-2", Outcome.REJECTED, "0-2", "unknown")
    scanner.answer(b"K-3", Outcome.REJECTED, None, "storage")
    heard = bytearray()

    def all_heard() -> bool:
        heard.extend(bench.pty.heard())
        return len(heard) >= 6

    bench.turn_until(all_heard)
    assert heard == b"\x06\x06\x15\xff\x15\xff"
    assert scanner.counters()["unanswered"] == 0


def test_a_full_output_is_counted_and_given_up_when_the_port_is_lost(bench: Bench) -> None:
    scanner = bench.start(good_read="\x06" * 100)
    scanner._unsent = lambda: 1  # type: ignore[method-assign] - a pty says always 0
    for _ in range(2_000):
        scanner.answer(b"K-1", Outcome.ACCEPTED, "0-1", None)
    unanswered = scanner.counters()["unanswered"]
    assert 0 < unanswered < 2_000
    assert scanner.condition is Condition.OK
    scanner._close()
    heard = 0
    while more := len(bench.pty.heard()):
        heard += more
    assert heard < 100 * (2_000 - unanswered), "what is not given up, close(2) may wait for"
    scanner.answer(b"K-1", Outcome.ACCEPTED, "0-1", None)
    assert scanner.counters()["unanswered"] == unanswered + 1


@pytest.mark.parametrize(
    ("keys", "flags"),
    [
        ({}, (termios.B9600, termios.CS8)),
        (
            {"baud": 115_200, "bits": 7, "parity": "even", "stop_bits": 2},
            (termios.B115200, termios.CS7 | termios.PARENB | termios.CSTOPB),
        ),
    ],
)
def test_the_port_is_set_as_configured(
    bench: Bench, keys: dict[str, object], flags: tuple[int, int]
) -> None:
    bench.start(**keys)
    fd = os.open(bench.pty.slave, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    _, _, cflag, lflag, speed, _, cc = termios.tcgetattr(fd)
    os.close(fd)
    wanted, shape = flags
    assert speed == wanted
    # the kernel keeps a pty at eight bits without parity, whatever it is told
    assert cflag & termios.CSTOPB == shape & termios.CSTOPB
    assert not lflag & (termios.ICANON | termios.ECHO)
    assert cc[termios.VMIN] in {1, b"\x01"}


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"suffix": ""}, "suffix"),
        ({"suffix": "€"}, "suffix"),
        ({"good_read": "€"}, "good_read"),
        ({"prefix": "\r\x02"}, "prefix"),
        ({"baud": 0}, "baud"),
        ({"baud": 5_000_000}, "baud"),
        ({"idle_ms": -1}, "idle_ms"),
        ({"idle_ms": 60_001}, "idle_ms"),
        ({"line_bytes_max": 0}, "line_bytes_max"),
        ({"line_bytes_max": 65_537}, "line_bytes_max"),
        ({"repeat_window_s": -1.0}, "repeat_window_s"),
        ({"repeat_window_s": float("nan")}, "repeat_window_s"),
        ({"repeat_window_s": 3_601.0}, "repeat_window_s"),
    ],
)
def test_keys_that_cannot_be_meant_are_refused_with_a_remedy(
    keys: dict[str, object], key: str
) -> None:
    with pytest.raises(ValueError, match=f"^{key}: .*; "):
        SerialScanner.Keys(port=Path("/dev/ttyUSB0"), **keys)
