"""What every source keeps, real or twin: one suite over a pty and over a FIFO."""

import gc
import itertools
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from drivers import load
from drivers.framing import SHOWN_BYTES_MAX
from drivers.line_scanner import SCANS_PER_TURN
from drivers.reopening import REOPEN_MAX_NS, REOPEN_MIN_NS
from edge_agent.ports import Condition, Flaw, Outcome, Source
from edge_agent.reactor import Reactor
from tests.kit.scanners import Desk, HandClock, Pty, settle, turn_until

OPEN_FILES = Path("/proc/self/fd")
KINDS = ["serial-scanner", "simulated-scanner"]


@dataclass
class Rig:
    """A source, what is in front of it and what is behind it."""

    source: Source
    reactor: Reactor
    clock: HandClock
    desk: Desk
    suffix: bytes
    write: Callable[[bytes], int]
    appear: Callable[[], None]

    def scan(self, stream: bytes) -> None:
        """Send all of a stream, turning the reactor while the file is full."""
        while stream:
            n = self.write(stream)
            stream = stream[n:]
            if stream:
                self.reactor.turn(wait=False)

    def lines(self, *bodies: bytes) -> bytes:
        return b"".join(body + self.suffix for body in bodies)

    def turn_until_read(self, count: int) -> None:
        turn_until(self.reactor, lambda: len(self.desk.reads) >= count)


def rigged(kind: str, folder: Path, *, there: bool = True, **extra: object) -> Iterator[Rig]:
    reactor = Reactor(clock := HandClock())
    desk = Desk()
    driver: Any = load(kind)
    opened: list[Pty] = []
    if kind == "serial-scanner":
        path = folder / "port"
        keys = driver.Keys(port=path, suffix="\r", **extra)
        suffix = b"\r"

        def appear() -> None:
            opened.append(Pty(path))

        def write(stream: bytes) -> int:
            return opened[0].scan(stream)
    else:
        path = folder / "twin" / "fifo"
        keys = driver.Keys(fifo=path, answers=folder / "answers", **extra)
        suffix = b"\n"

        def appear() -> None:
            path.parent.mkdir()

        def write(stream: bytes) -> int:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            try:
                return os.write(fd, stream)
            except BlockingIOError:
                return 0
            finally:
                os.close(fd)

    if there:
        appear()
    source = driver("gun-1", "A2", keys, reactor, desk.read, desk.tell)
    source.start()
    yield Rig(source, reactor, clock, desk, suffix, write, appear)
    source.stop()
    for pty in opened:
        pty.unplug()
    reactor.close()


@pytest.fixture(params=KINDS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    yield from rigged(request.param, tmp_path)


@pytest.fixture(params=KINDS)
def absent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    yield from rigged(request.param, tmp_path, there=False)


def test_it_starts_and_says_so_once(rig: Rig) -> None:
    settle(rig.reactor)
    assert (rig.source.name, rig.source.station) == ("gun-1", "A2")
    assert rig.source.repeat_window_ns == 2_000_000_000
    assert (rig.source.condition, rig.source.why) == (Condition.OK, "")
    assert rig.desk.told == [(Condition.OK, "", "")]


def test_bytes_are_exact_and_captured_on_both_clocks(rig: Rig) -> None:
    bodies = [bytes(set(range(256)) - set(b"\r\n")), b"\0", b"K-0417", b" K-0417 ", b"\xff\xfe"]
    gc.collect()
    rig.scan(rig.lines(*bodies))
    rig.turn_until_read(len(bodies))
    assert rig.desk.reads == [(body, Flaw.NONE) for body in bodies]
    assert set(rig.desk.moments) == {(rig.clock.mono_ns(), rig.clock.wall_ns())}


def test_one_byte_at_a_time_is_the_same_scan(rig: Rig) -> None:
    for byte in rig.lines(b"K-0417", b"K-0418"):
        rig.clock.now_ns += 1_000_000
        rig.scan(bytes([byte]))
        settle(rig.reactor)
    rig.turn_until_read(2)
    assert rig.desk.texts == [b"K-0417", b"K-0418"]
    assert rig.desk.moments[-1] == (rig.clock.mono_ns(), rig.clock.wall_ns())


def test_any_cutting_of_the_stream_is_the_same_scans(rig: Rig) -> None:
    seed = 417
    print(f"seed {seed}")
    dice = random.Random(seed)
    bodies = [dice.randbytes(dice.randrange(1, 60)) for _ in range(300)]
    bodies = [body.replace(b"\r", b"x").replace(b"\n", b"y") for body in bodies]
    stream = rig.lines(*bodies)
    while stream:
        n = dice.randrange(1, 90)
        rig.scan(stream[:n])
        stream = stream[n:]
        rig.reactor.turn(wait=False)
    rig.turn_until_read(len(bodies))
    assert rig.desk.texts == bodies


@pytest.mark.parametrize(
    ("size", "flaw"),
    [
        (0, Flaw.EMPTY),
        (1, Flaw.NONE),
        (4_096, Flaw.NONE),
        (4_097, Flaw.TOO_LONG),
        (1_000_000, Flaw.TOO_LONG),
    ],
)
def test_what_cannot_be_a_scan_is_flawed_and_the_next_one_is_whole(
    rig: Rig, size: int, flaw: Flaw
) -> None:
    body = b"0123456789" * (size // 10) + b"x" * (size % 10)
    rig.scan(rig.lines(body, b"K-0417"))
    rig.turn_until_read(2)
    shown = body[:SHOWN_BYTES_MAX] if flaw is Flaw.TOO_LONG else body
    assert rig.desk.reads == [(shown, flaw), (b"K-0417", Flaw.NONE)]
    counters = rig.source.counters()
    assert counters["frames"] == 2
    assert counters["too_long"] == (flaw is Flaw.TOO_LONG)
    assert counters["dropped_bytes"] == size - len(shown)
    assert counters["bytes"] == size + 6 + 2


def test_a_turn_takes_so_many_scans_and_no_more(rig: Rig) -> None:
    # more than one read takes: neither the rest of a read nor the next one comes on top
    bodies = [b"K-%030d" % number for number in range(16 * SCANS_PER_TURN)]
    rig.scan(rig.lines(*bodies[: 4 * SCANS_PER_TURN]))
    turns = []
    rest = rig.lines(*bodies[4 * SCANS_PER_TURN :])
    while len(rig.desk.reads) < len(bodies):
        if rest:
            rest = rest[rig.write(rest) :]
        before = len(rig.desk.reads)
        turn_until(rig.reactor, lambda before=before: len(rig.desk.reads) > before)
        turns.append(len(rig.desk.reads) - before)
    assert max(turns) == SCANS_PER_TURN
    assert rig.desk.texts == bodies


@pytest.mark.parametrize("first", [0, 1, SCANS_PER_TURN - 1, SCANS_PER_TURN, SCANS_PER_TURN + 1])
def test_without_room_nothing_is_lost_doubled_or_reordered(rig: Rig, first: int) -> None:
    bodies = [b"K-%030d" % number for number in range(8 * SCANS_PER_TURN)]
    rig.desk.room = first
    rest = rig.lines(*bodies)
    rest = rest[rig.write(rest) :]
    turn_until(rig.reactor, lambda: rig.source.counters()["holds"])
    assert rig.desk.texts == bodies[:first]
    calls = rig.desk.calls
    settle(rig.reactor)
    assert rig.desk.calls == calls, "held, and asked all the same"
    for step in itertools.cycle((0, 1, SCANS_PER_TURN, 2 * SCANS_PER_TURN)):
        if len(rig.desk.reads) == len(bodies):
            break
        rest = rest[rig.write(rest) :] if rest else rest
        rig.desk.room = step
        holds = rig.source.counters()["holds"]
        rig.source.resume()
        turn_until(
            rig.reactor,
            lambda holds=holds: (
                rig.source.counters()["holds"] > holds or len(rig.desk.reads) == len(bodies)
            ),
        )
        assert rig.desk.texts == bodies[: len(rig.desk.reads)]
    rig.desk.room = 1
    rig.scan(rig.lines(b"after"))
    rig.turn_until_read(len(bodies) + 1)
    assert rig.desk.texts == [*bodies, b"after"]


def test_what_is_held_leaves_the_rest_in_the_file(rig: Rig) -> None:
    rig.desk.room = 0
    rig.scan(rig.lines(b"first"))
    turn_until(rig.reactor, lambda: rig.desk.calls)
    taken = rig.source.counters()["bytes"]
    rig.write(rig.lines(*[b"x" * 20] * 50))
    settle(rig.reactor)
    assert rig.source.counters()["bytes"] == taken
    assert rig.reactor._epoll.poll(0, 8) == [], "held, and the reactor runs hot"


def test_the_moment_of_capture_survives_the_wait_for_room(rig: Rig) -> None:
    rig.desk.room = 0
    rig.scan(rig.lines(b"first", b"second"))
    turn_until(rig.reactor, lambda: rig.desk.calls)
    captured = (rig.clock.mono_ns(), rig.clock.wall_ns())
    rig.clock.now_ns += 60_000_000_000
    rig.desk.room = 2
    rig.source.resume()
    rig.turn_until_read(2)
    assert rig.desk.moments == [captured, captured]


def test_resume_without_need_does_nothing(rig: Rig) -> None:
    rig.source.resume()
    rig.scan(rig.lines(b"K-0417"))
    rig.source.resume()
    rig.turn_until_read(1)
    assert rig.desk.calls == 1


def test_a_file_that_is_not_there_is_a_state_and_is_tried_for_ever(absent: Rig) -> None:
    assert absent.source.condition is Condition.TROUBLE
    assert "not there" in absent.source.why
    [(condition, why, remedy)] = absent.desk.told
    assert (condition, why) == (Condition.TROUBLE, absent.source.why)
    assert remedy
    waited: list[int] = []
    for _ in range(8):
        due_ns = absent.reactor.next_due_ns()
        waited.append(due_ns - absent.clock.now_ns)
        absent.clock.now_ns = due_ns
        absent.reactor.turn(wait=False)
    doubled = [min(REOPEN_MIN_NS << step, REOPEN_MAX_NS) for step in range(8)]
    assert waited == doubled
    assert len(absent.desk.told) == 1, "told again, though nothing has changed"
    absent.appear()
    absent.clock.now_ns = absent.reactor.next_due_ns()
    absent.reactor.turn(wait=False)
    assert absent.desk.told[1:] == [(Condition.OK, "", "")]
    absent.scan(absent.lines(b"K-0417"))
    absent.turn_until_read(1)


def test_what_is_stopped_is_silent_and_gives_everything_back(rig: Rig) -> None:
    opened = len(list(OPEN_FILES.iterdir()))
    rig.desk.room = SCANS_PER_TURN // 2
    rig.scan(rig.lines(*[b"x"] * 3 * SCANS_PER_TURN))
    turn_until(rig.reactor, lambda: rig.source.counters()["holds"])
    calls = rig.desk.calls
    rig.source.stop()
    rig.source.stop()
    rig.source.resume()
    settle(rig.reactor)
    rig.clock.now_ns += 10 * REOPEN_MAX_NS
    settle(rig.reactor)
    assert rig.desk.calls == calls
    assert len(rig.desk.told) == 1
    assert len(list(OPEN_FILES.iterdir())) < opened


def test_what_is_quiet_reads_no_more_and_can_still_be_answered(rig: Rig) -> None:
    rig.scan(rig.lines(b"K-1"))
    rig.turn_until_read(1)
    rig.source.quiet()
    rig.source.quiet()
    rig.write(rig.lines(b"K-2"))
    rig.source.resume()
    settle(rig.reactor)
    rig.clock.now_ns += 10 * REOPEN_MAX_NS
    settle(rig.reactor)
    assert rig.desk.texts == [b"K-1"]
    rig.source.answer(b"K-1", Outcome.ACCEPTED, "7f-1", None)
    settle(rig.reactor)
    assert rig.source.counters()["unanswered"] == 0
    rig.source.stop()
    rig.source.answer(b"K-1", Outcome.ACCEPTED, "7f-1", None)
    settle(rig.reactor)
    assert len(rig.desk.told) == 1


def test_what_is_stopped_between_two_lots_hands_over_no_more(rig: Rig) -> None:
    rest = rig.lines(*[b"K-%030d" % number for number in range(8 * SCANS_PER_TURN)])
    while not rig.source._slicing:
        rest = rest[rig.write(rest) :] if rest else rest
        turn_until(rig.reactor, lambda calls=rig.desk.calls: rig.desk.calls > calls)
    calls = rig.desk.calls
    rig.source.stop()
    settle(rig.reactor)
    assert rig.desk.calls == calls


def test_what_is_stopped_is_not_opened_any_more(absent: Rig) -> None:
    absent.source.stop()
    absent.appear()
    absent.clock.now_ns += 10 * REOPEN_MAX_NS
    settle(absent.reactor)
    assert [condition for condition, _, _ in absent.desk.told] == [Condition.TROUBLE]


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_answer_never_fails_open_or_closed(absent: Rig, outcome: Outcome) -> None:
    absent.source.answer(b"K-\xff", outcome, None, "unknown")
    settle(absent.reactor)
    absent.appear()
    absent.clock.now_ns = absent.reactor.next_due_ns()
    absent.reactor.turn(wait=False)
    absent.source.answer(b"K-\xff", outcome, "0-1", None)
    settle(absent.reactor)
    assert absent.source.condition is Condition.OK
