"""The one loop: watched files, an inbox, long-lived timers, and a turn that is bounded.

Rules:
1. One thread turns the reactor. Every other thread may only call `post`.
2. A turn takes the inbox first, then due timers, then readable files, and looks at the inbox
   again between files: an edge never waits behind a burst of scans.
3. A callback does a bounded piece of work; one that has more asks for `again`.
4. A timer callback takes the time and returns when it wants to be called next.
5. After `close` nobody listens: whoever still posts, from whichever thread, is not bothered.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from edge_agent.ports import Clock

NEVER: Final = 1 << 62
"""A due time that never comes, in nanoseconds."""

INBOX_MAX: Final = 4096
"""Messages that may wait for the next turn; `post` refuses beyond it and counts."""

LATE_TURN_NS: Final = 20_000_000
"""A turn that works longer than this is counted as late and its slowest callback is named."""

_EVENTS_MAX = 8
_WAIT_MAX_MS = 60_000

READ: Final = select.EPOLLIN
WRITE: Final = select.EPOLLOUT


class Timer:
    """One long-lived timer; `due_ns` is monotonic, `NEVER` while idle."""

    __slots__ = ("callback", "due_ns")

    def __init__(self, callback: Callable[[int], int], due_ns: int) -> None:
        self.callback = callback
        self.due_ns = due_ns


class Reactor:
    """Turns files, messages and timers into calls, in one thread.

    `wait` of `turn` says whether it may sleep until something happens; a test with a virtual
    clock never waits. `late_turns` and `slowest` report turns that worked longer than
    `LATE_TURN_NS`.
    """

    def __init__(self, clock: Clock, *, inbox_max: int = INBOX_MAX) -> None:
        self.clock = clock
        self._now = clock.mono_ns
        self._epoll = select.epoll()
        self._files: dict[int, Callable[[int], None]] = {}
        self._timers: list[Timer] = []
        self._inbox: deque[tuple[Callable[[Any], None], Any]] = deque()
        self._inbox_max = inbox_max
        self._again: deque[Callable[[], None]] = deque()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        # between waking and closing: else a late thread could write into whatever file has the
        # number next. Reentrant, since a signal handler that posts may interrupt either
        self._waking = threading.RLock()
        self._closed = False
        self._awake = False
        # edge-triggered: each write wakes once and none is ever read, so that no order of the
        # threads can swallow a wake-up or leave one behind that spins
        self._epoll.register(self._wake, READ | select.EPOLLET)
        self._running = False
        self.turns = 0
        self.inbox_refused = 0
        self.posted_late = 0
        self.late_turns = 0
        self.late_max_ns = 0
        self.slowest = ""

    # -- other threads -------------------------------------------------------------------------

    def post(self, callback: Callable[[Any], None], message: object) -> bool:
        """Ask for `callback(message)` in the reactor's thread; False when the inbox is full.

        The only call that another thread, or a signal handler, may make. After `close` it is
        dropped and counted in `posted_late`: there is nothing to be tried again.
        """
        inbox = self._inbox
        if len(inbox) >= self._inbox_max:
            if self._closed:
                self.posted_late += 1
                return True
            self.inbox_refused += 1
            return False
        inbox.append((callback, message))
        if not self._awake:
            self._awake = True
            with self._waking:
                if not self._closed:
                    os.eventfd_write(self._wake, 1)
        return True

    # -- the reactor's thread ------------------------------------------------------------------

    def watch(self, fd: int, callback: Callable[[int], None], events: int = READ) -> None:
        """Call `callback(events)` whenever `fd` is ready, until `unwatch`."""
        self._files[fd] = callback
        self._epoll.register(fd, events)

    def rewatch(self, fd: int, events: int) -> None:
        """Change what is awaited of a watched file; 0 holds it."""
        self._epoll.modify(fd, events)

    def unwatch(self, fd: int) -> None:
        """Forget a file; one that is closed already, or was never watched, is no error."""
        if self._files.pop(fd, None) is not None:
            try:
                self._epoll.unregister(fd)
            except OSError:  # the file was closed before us: the kernel forgot it then
                return

    def timer(self, callback: Callable[[int], int], due_ns: int = NEVER) -> Timer:
        """Make a timer that lives as long as the reactor; set `due_ns` to move it."""
        timer = Timer(callback, due_ns)
        self._timers.append(timer)
        return timer

    def forget(self, timer: Timer) -> None:
        """Drop a timer whose owner is gone; it rings no more, whoever forgets it and when."""
        timer.due_ns = NEVER
        # a new list: the present one may just be rung through, and none may be passed over
        self._timers = [kept for kept in self._timers if kept is not timer]

    def again(self, callback: Callable[[], None]) -> None:
        """Call once more in the next turn, without waiting: for work cut at its bound."""
        self._again.append(callback)

    def next_due_ns(self) -> int:
        """Say when the earliest timer is due, `NEVER` when none is."""
        due = NEVER
        for timer in self._timers:
            if timer.due_ns < due:  # noqa: PLR1730 - min() costs a call per timer and turn
                due = timer.due_ns
        return due

    def turn(self, *, wait: bool = True) -> None:
        """Do one bounded round: inbox, due timers, ready files."""
        ready = self._epoll.poll(self._timeout_s() if wait else 0, _EVENTS_MAX)
        began_ns = self._now()
        self.turns += 1
        self._read_inbox()
        self._ring(self._now())
        for _ in range(len(self._again)):
            self._again.popleft()()
            if self._inbox:
                self._read_inbox()
        before_ns = self._now()
        slow_ns, slow = before_ns - began_ns, None
        for fd, events in ready:
            if fd == self._wake:
                continue
            callback = self._files.get(fd)
            if callback is None:  # unwatched by a callback earlier in this turn
                continue
            callback(events)
            after_ns = self._now()
            if after_ns - before_ns > slow_ns:
                slow_ns, slow = after_ns - before_ns, callback
            before_ns = after_ns
            if self._inbox:
                self._read_inbox()
                before_ns = self._now()
                if before_ns - after_ns > slow_ns:
                    slow_ns, slow = before_ns - after_ns, None
        if before_ns - began_ns > LATE_TURN_NS:
            self._was_late(before_ns - began_ns, slow)

    def busy(self) -> bool:
        """Say whether something waits for the next turn, timers apart; for who turns it himself."""
        return bool(self._inbox or self._again or self._epoll.poll(0, 1))

    def run(self) -> None:
        """Turn until `stop`."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        """Let `run` return after the present turn."""
        self._running = False

    def close(self) -> None:
        """Turn no more, and give the kernel's objects back."""
        with self._waking:
            if not self._closed:
                self._closed = True
                self._inbox_max = 0
                self._epoll.close()
                os.close(self._wake)
        self._inbox.clear()

    # -- inside --------------------------------------------------------------------------------

    def _timeout_s(self) -> float:
        if self._again or self._inbox:
            return 0
        due_ns = self.next_due_ns()
        if due_ns == NEVER:
            return _WAIT_MAX_MS / 1000
        left_ns = due_ns - self._now()
        # epoll counts whole milliseconds: round up, or the last one is spent spinning
        return min(max(left_ns + 999_999, 0) // 1_000_000, _WAIT_MAX_MS) / 1000

    def _read_inbox(self) -> None:
        self._awake = False  # before the first message is taken: what comes behind it wakes us
        inbox = self._inbox
        for _ in range(len(inbox)):
            callback, message = inbox.popleft()
            callback(message)

    def _was_late(self, took_ns: int, slow: Callable[[int], None] | None) -> None:
        self.late_turns += 1
        if took_ns > self.late_max_ns:
            self.late_max_ns = took_ns
            self.slowest = getattr(slow, "__qualname__", "timer or inbox")

    def _ring(self, now_ns: int) -> None:
        for timer in self._timers:
            if timer.due_ns <= now_ns:
                timer.due_ns = NEVER
                due_ns = timer.callback(now_ns)
                # a callback that moved its own timer meanwhile is believed if that is sooner
                timer.due_ns = min(due_ns, timer.due_ns)
