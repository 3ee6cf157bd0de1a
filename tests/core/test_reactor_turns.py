"""The loop's timers, files and its report of late turns."""

import os
import select
import time

import pytest

from edge_agent.reactor import LATE_TURN_NS, NEVER, READ, Reactor
from tests.kit.scanners import HandClock

PATIENCE_S = 20.0


# -- timers ------------------------------------------------------------------------------------


def test_a_timer_rings_when_due_and_as_it_says(reactor: Reactor, clock: HandClock) -> None:
    rung: list[int] = []

    def ring(now_ns: int) -> int:
        rung.append(now_ns)
        return now_ns + 10

    timer = reactor.timer(ring)
    reactor.turn(wait=False)
    assert rung == []
    assert reactor.next_due_ns() == NEVER
    start_ns = clock.now_ns
    timer.due_ns = start_ns + 5
    assert reactor.next_due_ns() == start_ns + 5
    clock.now_ns += 4
    reactor.turn(wait=False)
    assert rung == []
    clock.now_ns += 1
    reactor.turn(wait=False)
    assert rung == [start_ns + 5]
    clock.now_ns += 100  # ten dues later it rings once
    reactor.turn(wait=False)
    assert rung == [start_ns + 5, start_ns + 105]


def test_a_timer_moved_by_its_own_callback_rings_at_the_sooner(
    reactor: Reactor, clock: HandClock
) -> None:
    def ring(now_ns: int) -> int:
        timer.due_ns = now_ns + 3
        return now_ns + 1_000

    timer = reactor.timer(ring, clock.now_ns)
    reactor.turn(wait=False)
    assert timer.due_ns == clock.now_ns + 3


def test_forgetting_while_ringing_rings_every_other_timer_and_none_that_is_gone(
    reactor: Reactor, clock: HandClock
) -> None:
    rung: list[str] = []

    def named(name: str, *then: str) -> None:
        def ring(_now_ns: int) -> int:
            rung.append(name)
            for other in then:
                reactor.forget(timers[other])
            return NEVER

        timers[name] = reactor.timer(ring, clock.now_ns)

    timers: dict[str, object] = {}  # type: ignore[assignment]
    named("a")
    named("b", "a", "b", "d")
    named("c")
    named("d")
    named("e")
    reactor.turn(wait=False)
    assert rung == ["a", "b", "c", "e"]
    reactor.forget(timers["a"])  # type: ignore[arg-type] - a second time is no error
    clock.now_ns += 10
    reactor.turn(wait=False)
    assert rung == ["a", "b", "c", "e"]


def test_the_loop_sleeps_until_the_next_timer_and_no_longer() -> None:
    class Running(HandClock):
        def mono_ns(self) -> int:
            return time.monotonic_ns()

    clock = Running()
    reactor = Reactor(clock)
    rung: list[int] = []
    due_ns = clock.mono_ns() + 5_000_000

    def ring(now_ns: int) -> int:
        rung.append(now_ns)
        return NEVER

    reactor.timer(ring, due_ns)
    turns = 0
    while not rung:
        reactor.turn()
        turns += 1
    assert rung[0] >= due_ns
    assert turns <= 3, "the last millisecond is spent spinning"
    reactor.close()


# -- files -------------------------------------------------------------------------------------


def test_a_turn_serves_a_bounded_number_of_files_and_the_others_next(reactor: Reactor) -> None:
    served: list[int] = []
    pairs = [os.pipe2(os.O_NONBLOCK) for _ in range(20)]

    def serve(reading: int) -> None:
        def readable(_events: int) -> None:
            os.read(reading, 1)
            served.append(reading)

        reactor.watch(reading, readable)

    for reading, writing in pairs:
        serve(reading)
        os.write(writing, b"x")
    before = 0
    while len(served) < 20:
        reactor.turn(wait=False)
        assert 0 < len(served) - before <= 8
        before = len(served)
    assert sorted(served) == sorted(reading for reading, _ in pairs)
    for pair in pairs:
        for end in pair:
            os.close(end)


def test_a_file_unwatched_by_an_earlier_callback_of_the_turn_is_not_called(
    reactor: Reactor,
) -> None:
    first, second = os.pipe2(os.O_NONBLOCK), os.pipe2(os.O_NONBLOCK)
    called: list[int] = []

    def one_of(mine: int, other: int) -> None:
        def readable(_events: int) -> None:
            called.append(mine)
            reactor.unwatch(other)
            reactor.unwatch(mine)
            os.close(other)
            os.close(mine)

        reactor.watch(mine, readable)

    one_of(first[0], second[0])
    one_of(second[0], first[0])
    os.write(first[1], b"x")
    os.write(second[1], b"x")
    reactor.turn(wait=False)
    assert len(called) == 1
    reactor.turn(wait=False)
    assert len(called) == 1
    os.close(first[1])
    os.close(second[1])


def test_unwatching_what_is_closed_or_was_never_watched_is_no_error(
    reactor: Reactor, pipe: tuple[int, int]
) -> None:
    reactor.watch(pipe[0], lambda _: None)
    os.close(pipe[0])
    reactor.unwatch(pipe[0])
    reactor.unwatch(pipe[0])
    reactor.unwatch(pipe[1])


def test_a_held_file_is_silent_until_it_is_let_go(reactor: Reactor, pipe: tuple[int, int]) -> None:
    called: list[int] = []
    reactor.watch(pipe[0], called.append)
    reactor.rewatch(pipe[0], 0)
    os.write(pipe[1], b"x")
    reactor.turn(wait=False)
    assert called == []
    reactor.rewatch(pipe[0], READ)
    reactor.turn(wait=False)
    assert called == [select.EPOLLIN]


# -- late turns --------------------------------------------------------------------------------


class Slow:
    """Callbacks that take their time, on a clock in hand."""

    def __init__(self, clock: HandClock) -> None:
        self._clock = clock

    def by(self, ns: int) -> None:
        self._clock.now_ns += ns

    def file(self, _events: int) -> None:
        self.by(LATE_TURN_NS + 1)

    def quick_file(self, _events: int) -> None:
        self.by(1)


def test_a_late_turn_is_counted_and_its_slowest_file_named(
    reactor: Reactor, clock: HandClock, pipe: tuple[int, int]
) -> None:
    reactor.watch(pipe[0], Slow(clock).file)
    os.write(pipe[1], b"x")
    reactor.turn(wait=False)
    assert reactor.late_turns == 1
    assert reactor.late_max_ns == LATE_TURN_NS + 1
    assert reactor.slowest == "Slow.file"


@pytest.mark.parametrize("who", ["inbox", "timer", "again", "inbox between files"])
def test_a_quick_file_is_not_named_for_what_others_took(
    reactor: Reactor, clock: HandClock, pipe: tuple[int, int], who: str
) -> None:
    slow = Slow(clock)

    def late(_: object = None) -> int:
        slow.by(LATE_TURN_NS)
        return NEVER

    def quick_and_posts(events: int) -> None:
        slow.quick_file(events)
        if who == "inbox between files":
            reactor.post(late, None)

    reactor.watch(pipe[0], quick_and_posts)
    os.write(pipe[1], b"x")
    if who == "inbox":
        reactor.post(late, None)
    elif who == "timer":
        reactor.timer(late, clock.now_ns)
    elif who == "again":
        reactor.again(late)  # type: ignore[arg-type]
    reactor.turn(wait=False)
    assert reactor.late_turns == 1
    assert reactor.slowest == "timer or inbox"


def test_a_turn_in_time_is_not_late(reactor: Reactor, clock: HandClock) -> None:
    reactor.post(lambda _: Slow(clock).by(LATE_TURN_NS), None)
    reactor.turn(wait=False)
    assert reactor.late_turns == 0


def test_stop_ends_the_run_after_the_present_turn(reactor: Reactor) -> None:
    done: list[str] = []

    def end(_: object) -> None:
        reactor.stop()
        done.append("stopping")

    reactor.post(end, None)
    reactor.post(done.append, "the rest of the turn")
    reactor.run()
    assert done == ["stopping", "the rest of the turn"]
