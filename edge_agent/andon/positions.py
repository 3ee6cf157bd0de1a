"""Where the line may stop: by a pulse, an input, the takt timer, or at once.

Rules:
1. A fixed position counts with its moment of capture. While a contact of its segment is bouncing
   that began to move before it, the decision waits until that contact has settled: a cord that was
   pulled again in time has cancelled in time, however slow its filter is.
2. It never waits longer than `WAIT_NS`.
3. Missing pulses stop nothing: the call goes on, and the stop happens at the next pulse.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from edge_agent.ports import Contact, Purpose
from edge_agent.reactor import NEVER, Reactor

WAIT_NS: Final = 90_000_000
"""So long a decision waits for contacts that are still bouncing; a stop may take 100 ms."""

_OF_PEOPLE: Final = frozenset({Purpose.CALL, Purpose.ACK, Purpose.CLEAR, Purpose.CONFIRM_STOP})


class Positions:
    """Decisions that wait for contacts to settle; `reached(segment, at_ns)` is told each."""

    def __init__(self, reactor: Reactor, reached: Callable[[str, int], None]) -> None:
        self._clock = reactor.clock
        self._reached = reached
        self._waiting: list[tuple[int, str]] = []
        self._timer = reactor.timer(self._ring)
        self.contacts: Mapping[str, Contact] = {}
        self.stations_of: Callable[[str], Iterable[str]] = lambda _: ()

    def at(self, segment: str, at_ns: int) -> None:
        """Take a fixed position that was captured at this moment."""
        self._waiting.append((at_ns, segment))
        self.look(self._clock.mono_ns())

    def look(self, now_ns: int) -> None:
        """Decide what can be decided, in the order of capture; called after every feel."""
        waiting = sorted(self._waiting)
        self._waiting = []
        for at_ns, segment in waiting:
            if now_ns - at_ns < WAIT_NS and self._moving_since_before(segment, at_ns):
                self._waiting.append((at_ns, segment))
            else:
                self._reached(segment, at_ns)
        due_ns = min((at_ns + WAIT_NS for at_ns, _ in self._waiting), default=NEVER)
        self._timer.due_ns = due_ns

    def _moving_since_before(self, segment: str, at_ns: int) -> bool:
        ours = set(self.stations_of(segment))
        return any(
            contact.unsettled_ns is not None and contact.unsettled_ns <= at_ns
            for contact in self.contacts.values()
            if contact.station in ours and contact.purpose in _OF_PEOPLE
        )

    def _ring(self, now_ns: int) -> int:
        self.look(now_ns)
        return self._timer.due_ns
