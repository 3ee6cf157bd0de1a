"""Where the line may stop: by a pulse, an input, the takt timer, or at once.

Rules:
1. A fixed position counts with its moment of capture. While a contact of its segment is bouncing
   that began to move before it, the decision waits until that contact has settled: a cord that was
   pulled again in time has cancelled in time, however slow its filter is.
2. It never waits longer than `WAIT_NS`, or than the slowest of these contacts takes to be believed,
   from when it was told: a process that was held up decides by the same moments.
3. What a hand did after a fixed position finds it decided (`before`).
4. Missing pulses stop nothing: the call goes on, and the stop happens at the next pulse.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from edge_agent.ports import Contact, Purpose
from edge_agent.reactor import NEVER, Reactor

WAIT_NS: Final = 90_000_000
"""So long a decision waits for contacts that are still bouncing; a stop may take 100 ms, unless a
plant has wired cords that are believed later than that."""

BOUNCE_NS: Final = 40_000_000
"""So long a slow contact may bounce beyond the time in which it is believed."""

OF_PEOPLE: Final = frozenset({Purpose.CALL, Purpose.ACK, Purpose.CLEAR, Purpose.CONFIRM_STOP})
"""Contacts whose moments decide whether a line stops."""


class Positions:
    """Decisions that wait for contacts to settle; `reached(segment, at_ns)` is told each."""

    def __init__(self, reactor: Reactor, reached: Callable[[str, int], None]) -> None:
        self._clock = reactor.clock
        self._reached = reached
        self._waiting: list[tuple[int, str, int]] = []  # captured, where, told
        self._timer = reactor.timer(self._ring)
        self.contacts: Mapping[str, Contact] = {}
        self.stations_of: Callable[[str], Iterable[str]] = lambda _: ()

    def at(self, segment: str, at_ns: int) -> None:
        """Take a fixed position that was captured at this moment."""
        now_ns = self._clock.mono_ns()
        self._waiting.append((at_ns, segment, now_ns))
        self.look(now_ns)

    def before(self, contact: Contact, at_ns: int) -> None:
        """Have what came before what a hand did at this moment be decided, as far as it can be."""
        for one in [*self.contacts.values()]:
            moving_ns = at_ns if one.unsettled_ns is None else one.unsettled_ns
            if one.purpose is Purpose.FIXED_POSITION and moving_ns < at_ns:
                one.settle(contact.settled_ns)
        self.look(self._clock.mono_ns(), before_ns=at_ns)

    def look(self, now_ns: int, *, before_ns: int = NEVER) -> None:
        """Decide what can be decided, in the order of capture; called after every feel."""
        waiting = sorted(self._waiting)
        self._waiting = []
        for at_ns, segment, told_ns in waiting:
            over = now_ns >= told_ns + self._wait_ns(segment)
            later = at_ns >= before_ns
            if later or not (over or not self._moving_since_before(segment, at_ns)):
                self._waiting.append((at_ns, segment, told_ns))
            else:
                self._reached(segment, at_ns)
        due = [told_ns + self._wait_ns(one) for _, one, told_ns in self._waiting]
        self._timer.due_ns = min(due, default=NEVER)

    def _wait_ns(self, segment: str) -> int:
        slow = [one.believed_ns + BOUNCE_NS for one in self._of_people(segment)]
        return max(WAIT_NS, *slow) if slow else WAIT_NS

    def _moving_since_before(self, segment: str, at_ns: int) -> bool:
        return any(
            contact.unsettled_ns is not None and contact.unsettled_ns <= at_ns
            for contact in self._of_people(segment)
        )

    def _of_people(self, segment: str) -> Iterator[Contact]:
        ours = set(self.stations_of(segment))
        return (
            contact
            for contact in self.contacts.values()
            if contact.station in ours and contact.purpose in OF_PEOPLE
        )

    def _ring(self, now_ns: int) -> int:
        self.look(now_ns)
        return self._timer.due_ns
