"""A scanner that is left, for a reload or for good: nothing scanned is dropped without a word."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from drivers.line_scanner import (
    DRAIN_NS,
    DRAIN_STEP_NS,
    FINISH_NS,
    KEPT_FRAMES_MAX,
    SCANS_PER_TURN,
)
from drivers.serial_scanner import SerialScanner
from edge_agent.ports import Condition, Outcome
from edge_agent.reactor import NEVER, Reactor
from tests.kit.scanners import PATIENCE_S, Desk, HandClock, Pty, settle, turn_until

IDLE_MS = 300


def until(done: Callable[[], object]) -> None:
    """Let the kernel's own workers carry bytes through a pty, without a turn."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, "waited in vain"
        os.sched_yield()


class SlowLine(SerialScanner):
    """A scanner on a line that says of itself how much is still to be sent: no pty does."""

    unsent = 0

    def _unsent(self) -> int:
        return self.unsent if self._port is not None else 0


class Bench:
    """One scanner on one port, and what was told when it left."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.reactor = Reactor(self.clock)
        self.desk = Desk()
        self.pty = Pty()
        self.told: list[str] = []
        self.scanner: SlowLine

    def start(self, **keys: object) -> SlowLine:
        made = SlowLine.Keys(port=self.pty.path, good_read="\x06", bad_read="\x15", **keys)
        self.scanner = SlowLine("gun-1", "A2", made, self.reactor, self.desk.read, self.desk.tell)
        self.scanner.start()
        settle(self.reactor)
        return self.scanner

    def arrived(self, count: int) -> None:
        turn_until(self.reactor, lambda: self.scanner.counters()["bytes"] >= count)

    def quiet(self) -> None:
        self.scanner.quiet(lambda: self.told.append("quiet"))
        settle(self.reactor)

    def stop(self) -> None:
        self.scanner.stop(lambda: self.told.append("gone"))
        settle(self.reactor)

    def pass_time(self, ns: int) -> None:
        self.clock.now_ns += ns
        settle(self.reactor)

    def heard(self, count: int) -> bytes:
        heard = bytearray()

        def enough() -> bool:
            heard.extend(self.pty.heard())
            return len(heard) >= count

        turn_until(self.reactor, enough)
        return bytes(heard)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.scanner.unsent = 0
    bench.scanner.stop()
    bench.pty.unplug()
    bench.reactor.close()


# -- what was read -----------------------------------------------------------------------------


def test_what_was_framed_is_handed_over_before_it_is_quiet(bench: Bench) -> None:
    scanner = bench.start()
    bodies = [b"K-%04d" % number for number in range(3 * SCANS_PER_TURN + 7)]
    bench.pty.scan(b"".join(body + b"\r" for body in bodies))
    turn_until(bench.reactor, lambda: bench.desk.reads)
    scanner.quiet(lambda: bench.told.append("quiet"))
    assert bench.told == []
    assert len(bench.desk.reads) <= SCANS_PER_TURN
    turn_until(bench.reactor, lambda: bench.told)
    assert bench.desk.texts == bodies
    bench.stop()
    assert bench.told == ["quiet", "gone"]
    counters = scanner.counters()
    assert (counters["refused"], counters["dropped_partials"]) == (0, 0)


def test_what_lies_in_the_port_when_it_is_left_was_scanned_before(bench: Bench) -> None:
    bench.start()
    bench.pty.scan(b"K-0417\r")
    until(bench.pty.arrived)
    bench.quiet()
    assert (bench.desk.texts, bench.told) == ([b"K-0417"], ["quiet"])


def test_a_read_that_has_begun_is_finished_and_none_is_begun_behind_it(bench: Bench) -> None:
    bench.start()
    bench.pty.scan(b"K-04")
    bench.arrived(4)
    bench.quiet()
    assert bench.told == []
    bench.pty.scan(b"17\r")
    turn_until(bench.reactor, lambda: bench.told)
    assert bench.desk.texts == [b"K-0417"]
    bench.pty.scan(b"K-0418\r")
    settle(bench.reactor)
    assert bench.desk.texts == [b"K-0417"]


def test_a_read_that_never_ends_is_waited_for_so_long_and_counted(bench: Bench) -> None:
    scanner = bench.start()
    bench.pty.scan(b"K-04")
    bench.arrived(4)
    bench.quiet()
    bench.pass_time(FINISH_NS - 1)
    assert bench.told == []
    bench.pass_time(1)
    assert bench.told == ["quiet"]
    bench.stop()
    assert scanner.counters()["dropped_partials"] == 1
    assert bench.reactor.next_due_ns() == NEVER


def test_silence_still_ends_a_read_of_one_who_leaves(bench: Bench) -> None:
    bench.start(suffix="", idle_ms=IDLE_MS)
    bench.pty.scan(b"K-0417")
    bench.arrived(6)
    bench.quiet()
    bench.pass_time(IDLE_MS * 1_000_000)
    assert (bench.desk.texts, bench.told) == ([b"K-0417"], ["quiet"])


@pytest.mark.parametrize("idle_ms", [0, IDLE_MS])
def test_what_there_is_no_room_for_is_waited_for_and_then_refused(
    bench: Bench, idle_ms: int
) -> None:
    """The last read is one that has begun: silence ends it, where silence is an end."""
    scanner = bench.start(idle_ms=idle_ms)
    begun = bool(idle_ms)
    bench.desk.room = 2
    bodies = [b"K-%d" % number for number in range(9)]
    bench.pty.scan(b"".join(body + b"\r" for body in bodies) + b"K-to")
    turn_until(bench.reactor, lambda: scanner.counters()["holds"])
    bench.quiet()
    bench.pass_time(FINISH_NS)
    assert bench.told == []
    bench.desk.room = 3
    scanner.resume()
    settle(bench.reactor)
    assert (bench.desk.texts, bench.told) == (bodies[:5], [])
    bench.stop()
    assert bench.told == ["gone"]
    assert bench.heard(4 + begun) == b"\x15" * (4 + begun), "each one who waits is told no"
    counters = scanner.counters()
    assert (counters["refused"], counters["dropped_partials"]) == (4 + begun, not begun)
    assert len(bodies) <= KEPT_FRAMES_MAX


def test_an_unplugged_one_is_quiet_too_and_is_not_opened_again(bench: Bench) -> None:
    scanner = bench.start()
    bench.pty.scan(b"K-04")
    bench.arrived(4)
    bench.quiet()
    bench.pty.unplug()
    turn_until(bench.reactor, lambda: bench.told)
    assert scanner.condition is Condition.TROUBLE
    told = len(bench.desk.told)
    bench.pass_time(20 * FINISH_NS)
    assert len(bench.desk.told) == told, "it was opened again"


def test_everybody_who_asks_is_told(bench: Bench) -> None:
    bench.start()
    bench.pty.scan(b"K-04")
    bench.arrived(4)
    bench.quiet()
    bench.quiet()
    bench.pass_time(FINISH_NS)
    bench.scanner.unsent = 1
    bench.stop()
    bench.stop()
    bench.scanner.unsent = 0
    bench.pass_time(DRAIN_STEP_NS)
    bench.quiet()
    bench.stop()
    assert bench.told == ["quiet", "quiet", "gone", "gone", "quiet", "gone"]


# -- what was answered -------------------------------------------------------------------------


def test_an_answer_given_just_before_it_is_left_is_heard(bench: Bench) -> None:
    for _ in range(20):
        scanner = bench.start()
        scanner.answer(b"K-1", Outcome.ACCEPTED, "0-1", None)
        scanner.stop(lambda: bench.told.append("gone"))
        assert bench.told == ["gone"], "nothing is on its way, and it is waited for"
        bench.told.clear()
        assert bench.heard(1) == b"\x06"


def test_answers_on_their_way_are_waited_for_in_steps(bench: Bench) -> None:
    scanner = bench.start()
    scanner.unsent = 40
    bench.stop()
    for _ in range(10):
        assert (bench.told, scanner._port is None) == ([], False)
        assert bench.reactor.next_due_ns() == bench.clock.now_ns + DRAIN_STEP_NS
        bench.pass_time(DRAIN_STEP_NS)
    scanner.unsent = 0
    bench.pass_time(DRAIN_STEP_NS)
    assert (bench.told, scanner._port) == (["gone"], None)
    assert scanner.counters()["unanswered"] == 0
    assert bench.reactor.next_due_ns() == NEVER


def test_answers_that_a_scanner_does_not_take_are_given_up_and_counted(bench: Bench) -> None:
    scanner = bench.start()
    scanner.unsent = 40
    bench.stop()
    bench.pass_time(DRAIN_NS - 1)
    assert bench.told == []
    bench.pass_time(1)
    assert (bench.told, scanner._port) == (["gone"], None)
    assert scanner.counters()["unanswered"] == 1
