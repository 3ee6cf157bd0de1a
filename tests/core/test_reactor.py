"""The loop: bounded turns, timers, files that go away meanwhile, and threads that wake it."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from edge_agent.clock import SystemClock
from edge_agent.reactor import INBOX_MAX, Reactor

PATIENCE_S = 20.0


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


# -- after the end -----------------------------------------------------------------------------


def test_a_post_after_close_is_dropped_and_writes_into_no_file(
    reactor: Reactor, tmp_path: Path
) -> None:
    called: list[object] = []
    with (tmp_path / "other").open("w+b") as other:
        reactor.close()
        taken = [os.dup(other.fileno()) for _ in range(16)]  # whatever numbers have become free
        assert reactor.post(called.append, "late")
        assert reactor.post(called.append, "later")
        other.seek(0)
        assert other.read() == b"", "a wake-up was written into a file of somebody else"
        for fd in taken:
            os.close(fd)
    assert (called, reactor.posted_late, reactor.inbox_refused) == ([], 2, 0)


def test_threads_that_post_while_it_is_closed_are_not_bothered(tmp_path: Path) -> None:
    def post(reactor: Reactor, over: threading.Event) -> None:
        while not over.is_set():
            reactor.post(lambda _: None, None)
        reactor.post(lambda _: None, None)

    for _ in range(20):
        reactor, over = Reactor(SystemClock()), threading.Event()
        with ThreadPoolExecutor(2) as threads, (tmp_path / "other").open("w+b") as other:
            posting = [threads.submit(post, reactor, over) for _ in range(2)]
            while not reactor.inbox_refused:
                os.sched_yield()
            reactor.turn(wait=False)
            reactor.close()
            taken = [os.dup(other.fileno()) for _ in range(16)]
            over.set()
            for one in posting:
                one.result(PATIENCE_S)
            assert other.read() == b""
            for fd in taken:
                os.close(fd)
        assert reactor.posted_late >= 2
