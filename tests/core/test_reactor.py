"""The loop: bounded turns, timers, files that go away meanwhile, and threads that wake it."""

import os
import select
import threading
import time
from collections.abc import Iterator

import pytest

from edge_agent.reactor import INBOX_MAX, LATE_TURN_NS, NEVER, READ, Reactor
from tests.kit.scanners import HandClock

PATIENCE_S = 20.0


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def reactor(clock: HandClock) -> Iterator[Reactor]:
    made = Reactor(clock)
    yield made
    made.close()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe2(os.O_NONBLOCK)
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue


# -- the inbox ---------------------------------------------------------------------------------


def test_messages_come_in_order_and_a_post_meanwhile_waits_for_the_next_look(
    reactor: Reactor,
) -> None:
    heard: list[object] = []

    def hear(what: object) -> None:
        heard.append(what)
        if what == "first":
            assert reactor.post(hear, "posted meanwhile")

    assert reactor.post(hear, "first")
    assert reactor.post(hear, "second")
    reactor.turn(wait=False)
    assert heard == ["first", "second"], "a turn does what was there when it looked, no more"
    reactor.turn(wait=False)
    assert heard == ["first", "second", "posted meanwhile"]


def test_a_full_inbox_refuses_and_counts_and_has_room_again_after_a_turn(
    reactor: Reactor,
) -> None:
    heard: list[int] = []
    assert all(reactor.post(heard.append, number) for number in range(INBOX_MAX))
    assert not reactor.post(heard.append, -1)
    assert not reactor.post(heard.append, -2)
    assert reactor.inbox_refused == 2
    reactor.turn(wait=False)
    assert heard == list(range(INBOX_MAX))
    assert reactor.post(heard.append, 7)


def test_the_inbox_is_looked_at_between_files(reactor: Reactor) -> None:
    order: list[str] = []
    pairs = [os.pipe2(os.O_NONBLOCK) for _ in range(3)]

    def readable(_events: int) -> None:
        order.append("file")
        reactor.post(order.append, "edge")

    for reading, writing in pairs:
        reactor.watch(reading, readable)
        os.write(writing, b"x")
    reactor.turn(wait=False)
    assert order == ["file", "edge"] * 3
    for pair in pairs:
        for end in pair:
            os.close(end)


def test_the_inbox_is_looked_at_between_pieces_of_cut_work(reactor: Reactor) -> None:
    order: list[str] = []

    def work() -> None:
        order.append("work")
        reactor.post(order.append, "edge")

    reactor.again(work)
    reactor.again(work)
    reactor.turn(wait=False)
    assert order == ["work", "edge", "work", "edge"]


# -- waking ------------------------------------------------------------------------------------


def test_a_thread_wakes_a_loop_that_sleeps(reactor: Reactor) -> None:
    heard: list[str] = []
    thread = threading.Thread(target=reactor.post, args=(heard.append, "woken"))
    thread.start()
    began = time.monotonic()
    while not heard:
        reactor.turn()  # nothing is due: only the post can end this before a minute is over
        assert time.monotonic() - began < PATIENCE_S
    thread.join()


def test_no_wake_up_is_lost_between_two_threads(reactor: Reactor) -> None:
    rounds, heard = 4_000, [0, 0]
    turned = [threading.Semaphore(0), threading.Semaphore(0)]

    def hear(who: int) -> None:
        heard[who] += 1
        turned[who].release()

    def knock(who: int) -> None:
        for _ in range(rounds):
            assert reactor.post(hear, who)
            assert turned[who].acquire(timeout=PATIENCE_S), "the wake-up was lost"

    threads = [threading.Thread(target=knock, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    while sum(heard) < 2 * rounds:
        reactor.turn()
        assert time.monotonic() - began < PATIENCE_S
    for thread in threads:
        thread.join()


def test_a_wake_up_that_comes_after_its_message_was_taken_neither_spins_nor_is_lost(
    reactor: Reactor,
) -> None:
    heard: list[str] = []
    # a poster has put its message and raised the flag, and is held up before it writes
    reactor._inbox.append((heard.append, "early"))
    reactor._awake = True
    reactor.turn(wait=False)
    assert heard == ["early"]
    os.eventfd_write(reactor._wake, 1)
    reactor.turn(wait=False)
    assert reactor._epoll.poll(0, 8) == [], "the late wake-up is left behind: the loop runs hot"
    # and the next post wakes as ever
    reactor.post(heard.append, "next")
    assert reactor._epoll.poll(0, 8), "nobody is woken any more"


def test_a_wake_up_between_the_flag_and_the_messages_is_kept(reactor: Reactor) -> None:
    heard: list[str] = []

    def meanwhile(_: object) -> None:
        reactor.post(heard.append, "second")  # while the inbox is being read
        reactor._read_inbox()

    reactor.post(meanwhile, None)
    reactor.turn(wait=False)
    assert heard == ["second"]
    reactor.post(heard.append, "third")
    assert reactor._epoll.poll(0, 8), "nobody is woken any more"


def test_a_signal_handler_may_post_in_the_middle_of_a_post(reactor: Reactor) -> None:
    import signal

    heard: list[object] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: reactor.post(heard.append, "signal"))
    try:
        for number in range(50):
            reactor.post(heard.append, number)
            os.kill(os.getpid(), signal.SIGUSR1)
        began = time.monotonic()
        while len(heard) < 100:
            reactor.turn(wait=False)
            assert time.monotonic() - began < PATIENCE_S
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert [what for what in heard if what != "signal"] == list(range(50))


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


# -- cut work ----------------------------------------------------------------------------------


def test_again_goes_on_in_the_next_turn_and_does_not_sleep_before(reactor: Reactor) -> None:
    done: list[int] = []

    def work() -> None:
        done.append(len(done))
        if len(done) < 3:
            reactor.again(work)

    reactor.again(work)
    for expected in (1, 2, 3):
        reactor.turn()  # would sleep a minute if it forgot that there is work
        assert len(done) == expected


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
