"""A file that is opened again for ever: its condition, its back-off, and its place in the loop.

Rules:
1. No file is a state with a back-off, for ever; never an exception.
2. A condition is told when it changes, and only then.
"""

import io
from abc import ABC, abstractmethod
from typing import Final

from edge_agent.ports import Condition
from edge_agent.reactor import READ, Reactor

REOPEN_MIN_NS: Final = 100_000_000
REOPEN_MAX_NS: Final = 2_000_000_000
"""First and longest wait before a file is opened again; it doubles until bytes come."""

HELD: Final = 0
"""What is awaited of a file that is left unread: nothing, but that it hangs up."""


class Trouble(Exception):
    """A file cannot be opened, or is lost: what is wrong, and what to do about it."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


class Reopening(ABC):
    """The part of a device that is its file; `_timer` is due when it is to be opened again.

    A kind says how the file is opened, closed and read.
    """

    def __init__(self, name: str, reactor: Reactor) -> None:
        self.name = name
        self.condition = Condition.STARTING
        self.why = "not opened yet"
        self.remedy = ""
        self._reactor = reactor
        self._clock = reactor.clock
        self._timer = reactor.timer(self._ring)
        self._backoff_ns = REOPEN_MIN_NS
        self._file: io.FileIO | None = None
        self._watched = False
        self._held = False
        self._asked_turn = -1
        self._opens = 0

    # -- what a kind says ----------------------------------------------------------------------

    @abstractmethod
    def _open(self) -> int:
        """Give the descriptor of the file, non-blocking, or raise `Trouble`."""

    @abstractmethod
    def _close(self) -> None:
        """Close what `_open` has opened; must not wait, must not fail."""

    def _opened(self) -> str:
        """Give advice on a file that was opened without trouble; none by default."""
        return ""

    @abstractmethod
    def _read_nothing(self) -> None:
        """Take note that the file was ready and had nothing: somebody else was faster."""

    @abstractmethod
    def _ready(self, events: int) -> None:
        """Read: the file has something, or has hung up."""

    @abstractmethod
    def _ring(self, now_ns: int) -> int:
        """Do what the timer was set for; returns when it is due next."""

    @abstractmethod
    def _lost(self) -> None:
        """Bring into safety what came of a file that is no more."""

    @abstractmethod
    def _changed(self, condition: Condition, why: str, remedy: str) -> None:
        """Tell of a condition that has changed."""

    # -- opening and losing --------------------------------------------------------------------

    def start(self) -> None:
        self._try_open(self._clock.mono_ns())

    def _try_open(self, now_ns: int) -> None:
        try:
            fd = self._open()
        except Trouble as trouble:
            self._say(Condition.TROUBLE, trouble.why, trouble.remedy)
            self._back_off(now_ns)
            return
        self._file = io.FileIO(fd, "rb", closefd=False)
        self._opens += 1
        self._asked_turn = self._reactor.turns
        self._reactor.watch(fd, self._ready, HELD if self._held else READ)
        self._watched = True
        self._say(Condition.OK, "", self._opened())

    def _lose(self, why: str, remedy: str) -> None:
        """Close a file that is of no use any more, and open it again later."""
        self._let_go()
        self._lost()
        self._say(Condition.TROUBLE, why, remedy)
        self._back_off(self._clock.mono_ns())

    def _let_go(self) -> None:
        self._unwatch()
        if self._file is not None:
            self._file.close()
            self._file = None
            self._close()

    def _unwatch(self) -> None:
        if self._watched and self._file is not None:
            self._watched = False
            self._reactor.unwatch(self._file.fileno())

    def _watch_for(self, events: int) -> None:
        if self._watched and self._file is not None:
            self._reactor.rewatch(self._file.fileno(), events)

    def _back_off(self, now_ns: int) -> None:
        self._timer.due_ns = now_ns + self._backoff_ns
        self._backoff_ns = min(2 * self._backoff_ns, REOPEN_MAX_NS)

    def _say(self, condition: Condition, why: str, remedy: str) -> None:
        if (condition, why, remedy) != (self.condition, self.why, self.remedy):
            self.condition, self.why, self.remedy = condition, why, remedy
            self._changed(condition, why, remedy)
