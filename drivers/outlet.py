"""A lamp, a horn or an output, whatever it drives: what is asked of it, its trouble, its one timer.

Rules:
1. What is asked is in force when the call returns. Trouble is a state with a back-off, never an
   exception; once the device works, it does what was asked last.
2. What is asked before the start is only kept: the device begins with it.
3. One timer of the reactor does it all; nothing here makes a thread.
4. Who leaves makes the device safe, and then does nothing that is still asked.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from drivers.reopening import Trouble
from edge_agent.ports import Condition, Device, Tell
from edge_agent.reactor import NEVER, Reactor

RETRY_MIN_NS: Final = 100_000_000
RETRY_MAX_NS: Final = 2_000_000_000
"""First and longest wait before a device is tried again; it doubles until the device works."""


def _nothing() -> None:
    """Be told for nobody."""


class Outlet(ABC):
    """What all lamps, horns and outputs have in common.

    A kind keeps what it is asked, and calls `_now`; it says how that is put on its device.
    """

    def __init__(self, name: str, station: str | None, reactor: Reactor, tell: Tell) -> None:
        self.name = name
        self.station = station
        self.condition = Condition.STARTING
        self.why = "not started yet"
        self.remedy = ""
        self._clock = reactor.clock
        self._reactor = reactor
        self._tell = tell
        self._timer = reactor.timer(self._ring)
        self._started = False
        self._stopped = False
        self._retry_ns = NEVER
        self._backoff_ns = RETRY_MIN_NS
        self._asked = 0
        self._changes = 0
        self._troubles = 0

    # -- what a kind says ----------------------------------------------------------------------

    @abstractmethod
    def _put(self, now_ns: int, *, anew: bool) -> tuple[int, Trouble | None]:
        """Put on the device what is true at `now_ns`: when that changes next, and what is wrong.

        `anew` says whether what is in trouble may be tried; the rest is to work meanwhile.
        """

    @abstractmethod
    def _leave(self) -> None:
        """Make the device safe and give it back; must not wait, must not fail."""

    def _device(self) -> Device:
        """Give itself as what it is."""
        return self  # type: ignore[return-value] # a kind is a lamp, a horn or an output

    # -- every outlet --------------------------------------------------------------------------

    def start(self) -> None:
        self._started = True
        self._now()

    def stop(self, then: Callable[[], None] = _nothing) -> None:
        if not self._stopped:
            self._stopped = True
            self._reactor.forget(self._timer)
            if self._started:
                self._leave()
        then()

    def counters(self) -> dict[str, int]:
        return {"asked": self._asked, "changes": self._changes, "troubles": self._troubles}

    def _now(self) -> None:
        """Put what was asked on the device, and set the timer for what comes after it."""
        self._ring(self._clock.mono_ns())

    def _ring(self, now_ns: int) -> int:
        if not self._started or self._stopped:
            return NEVER
        anew = self._retry_ns == NEVER or now_ns >= self._retry_ns
        due_ns, trouble = self._put(now_ns, anew=anew)
        if trouble is None:
            self._retry_ns = NEVER
            self._backoff_ns = RETRY_MIN_NS
        elif anew:
            self._retry_ns = now_ns + self._backoff_ns
            self._backoff_ns = min(2 * self._backoff_ns, RETRY_MAX_NS)
        self._timer.due_ns = min(due_ns, self._retry_ns)
        # last: who is told may ask something else of this very device
        if trouble is None:
            self._say(Condition.OK, "", "")
        elif anew:
            self._say(Condition.TROUBLE, trouble.why, trouble.remedy)
        return self._timer.due_ns

    def _say(self, condition: Condition, why: str, remedy: str) -> None:
        if (condition, why, remedy) != (self.condition, self.why, self.remedy):
            if condition is Condition.TROUBLE and self.condition is not Condition.TROUBLE:
                self._troubles += 1
            self.condition, self.why, self.remedy = condition, why, remedy
            self._tell(self._device(), condition, why, remedy)
