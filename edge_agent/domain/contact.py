"""One contact, of one or two lines, from raw edges to what it feels: pulled, let go, held, broken.

Rules:
1. Each line is debounced by itself; what the contact is follows from the settled levels. A level is
   True while current flows.
2. A pull counts once it has lasted for `min_actuation_ns` in all: a shorter one is a glitch,
   however soon its level was settled. A release counts once it has stood for `rearm_ns`: a shorter
   one is the same pull.
3. The level that is found first is known and is no feel.
4. A normally-closed cord that stays open longer than a pull lasts is a broken wire; a pair whose
   two lines contradict each other longer than `DISCREPANCY_NS` is faulty at once.
5. A line that does not settle within `CHATTER_NS` is a loose wire, and as good as a broken one: no
   hand moves so long, and what never settles would be taken for what it was before.
6. A fault heals when the contact has been at rest for `heal_ns` and no line has moved meanwhile.
The electrical reasons are those of supervised inputs: open is fail-safe, two lines tell four states
apart.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from edge_agent.domain.debounce import Debounce

DISCREPANCY_NS: Final = 100_000_000
"""How long the two lines of a pair may contradict each other."""

CHATTER_NS: Final = 2_000_000_000
"""How long a line may move without settling; twice the longest filter."""

NEVER: Final = 1 << 62


class Wiring(StrEnum):
    """How a contact is wired: what it is at rest."""

    NORMALLY_CLOSED = "normally-closed"
    NORMALLY_OPEN = "normally-open"
    PAIR = "pair"


class Feel(StrEnum):
    """What a contact felt: settled, never raw."""

    ON = "on"
    OFF = "off"
    HELD = "held"
    FAULT = "fault"
    HEALED = "healed"


class Fault(StrEnum):
    """Why a contact is not to be trusted; `NONE` while it is."""

    NONE = ""
    WIRE_BREAK = "wire-break"
    STUCK = "stuck"
    DISCREPANCY = "discrepancy"
    LOST = "lost"


class Felt(NamedTuple):
    """A feel, the moment at which the contact left what it was, and when it could be believed.

    The moment of `HELD` is that at which it had been held for long enough.
    """

    feel: Feel
    at_ns: int
    settled_ns: int


class Times(NamedTuple):
    """How long things last; a 0 means that it never comes to that."""

    filter_ns: int = 50_000_000
    min_actuation_ns: int = 50_000_000
    rearm_ns: int = 75_000_000
    hold_ns: int = 0
    stuck_ns: int = 10_000_000_000
    heal_ns: int = 5_000_000_000


class _Deadline(NamedTuple):
    """When a feel or a fault is due, which, and since when it is so."""

    due_ns: int
    what: str
    since_ns: int


class _Kind(StrEnum):
    REST = "rest"
    PULLED = "pulled"
    BREAK = "break"
    BOTH = "both"


_OF_PAIR: Final = {
    (True, False): _Kind.REST,
    (False, True): _Kind.PULLED,
    (False, False): _Kind.BREAK,
    (True, True): _Kind.BOTH,
}
_FAULTS: Final = {_Kind.BREAK: Fault.WIRE_BREAK, _Kind.BOTH: Fault.DISCREPANCY}


class Touch:
    """One contact; `levels` are those of its lines at this moment, of a pair first the closed one.

    `on` is what it is, as far as it was told; `fault` why it is not to be trusted.
    """

    __slots__ = (
        "_held_told",
        "_kind",
        "_kind_ns",
        "_lines",
        "_now_ns",
        "_pressed_ns",
        "_pressing",
        "_released_ns",
        "_settled_ns",
        "_short",
        "_times",
        "_wiring",
        "fault",
        "faults",
        "on",
    )

    def __init__(self, wiring: Wiring, times: Times, levels: Sequence[bool], now_ns: int) -> None:
        self._wiring = wiring
        self._times = times
        self._lines = [Debounce(times.filter_ns, level) for level in levels]
        self._kind = self._read()
        self._kind_ns = now_ns
        self._now_ns = now_ns
        self.on = self._kind is _Kind.PULLED
        self.fault = Fault.NONE
        self.faults = 0
        self._pressed_ns = now_ns
        self._pressing = False  # for too short a time to be a pull yet
        self._short = 0
        self._settled_ns = now_ns
        self._released_ns = NEVER
        self._held_told = True  # a level that is found is no hold either

    # -- what is told to it ----------------------------------------------------------------------

    def edge(self, line: int, level: bool, at_ns: int) -> list[Felt]:
        """Take a raw level of one line with its moment; returns what is settled by then."""
        at_ns = self._now_ns = max(at_ns, self._now_ns)
        felt = self.settle(at_ns)
        self._lines[line].edge(level, at_ns)
        return felt

    def look(self, levels: Sequence[bool], now_ns: int) -> list[Felt]:
        """Take what the lines read now, for edges that never came."""
        felt = self.settle(now_ns)
        for line, level in zip(self._lines, levels, strict=True):
            line.look(level, max(now_ns, self._now_ns))
        return felt

    def settle(self, now_ns: int) -> list[Felt]:
        """Believe what has stood long enough; returns what was felt, in order."""
        now_ns = self._now_ns = max(now_ns, self._now_ns)
        felt: list[Felt] = []
        while (line := self._first_due(now_ns)) is not None:
            due_ns = line.due_ns
            assert due_ns is not None, "it is due"
            self._lasting(due_ns, felt)
            settled = line.settle(due_ns)
            self._settled_ns = due_ns
            if settled is not None:
                self._became(self._read(), settled.at_ns)
        self._lasting(now_ns, felt)
        return felt

    # -- what it tells ---------------------------------------------------------------------------

    @property
    def due_ns(self) -> int:
        """Say when `settle` has to be called; NEVER while nothing is on its way."""
        moments = [self._pulled_ns(), self._let_go_ns()]
        moments += [line.due_ns for line in self._lines if line.due_ns is not None]
        moments += [one.due_ns for one in self._deadlines()]
        return min(moments)

    @property
    def unsettled_ns(self) -> int | None:
        """Say since when it is undecided; None while it is known to rest, pulled or not."""
        moving_ns = self._moving_ns
        if not self._pressing:
            return moving_ns
        return self._pressed_ns if moving_ns is None else min(moving_ns, self._pressed_ns)

    @property
    def glitches(self) -> int:
        """Count changes that did not last, and pulls that were too short."""
        return self._short + sum(line.glitches for line in self._lines)

    @property
    def bounces(self) -> int:
        """Count changes beyond the first of those that did."""
        return sum(line.bounces for line in self._lines)

    @property
    def missed(self) -> int:
        """Count levels that were seen by a look before their edge came, or without one."""
        return sum(line.missed for line in self._lines)

    # -- inside ----------------------------------------------------------------------------------

    @property
    def _leaving(self) -> bool:
        return self._released_ns != NEVER

    @property
    def _moving_ns(self) -> int | None:
        """Say since when a line moves; None while all have settled."""
        moving = [line.left_ns for line in self._lines if line.due_ns is not None]
        return min(moving, default=None)

    def _pulled_ns(self) -> int:
        """Say when a pull has lasted long enough; NEVER while it may yet prove too short."""
        if not self._pressing:
            return NEVER
        due_ns, moving_ns = self._pressed_ns + self._times.min_actuation_ns, self._moving_ns
        too_soon = moving_ns is not None and moving_ns < due_ns
        return NEVER if too_soon else max(due_ns, self._settled_ns)

    def _let_go_ns(self) -> int:
        """Say when a release has stood long enough; NEVER while it may yet prove too short."""
        if not self._leaving:
            return NEVER
        due_ns, moving_ns = self._released_ns + self._times.rearm_ns, self._moving_ns
        return NEVER if moving_ns is not None and moving_ns < due_ns else due_ns

    def _first_due(self, now_ns: int) -> Debounce | None:
        due = [line for line in self._lines if line.due_ns is not None and line.due_ns <= now_ns]
        return min(due, key=lambda line: line.due_ns or 0, default=None)

    def _read(self) -> _Kind:
        levels = tuple(line.level for line in self._lines)
        if self._wiring is Wiring.PAIR:
            return _OF_PAIR[levels[0], levels[1]]
        pulled = levels[0] is (self._wiring is Wiring.NORMALLY_OPEN)
        return _Kind.PULLED if pulled else _Kind.REST

    def _became(self, kind: _Kind, at_ns: int) -> None:
        if kind is self._kind:
            return
        self._kind, self._kind_ns = kind, at_ns
        self._short += self._pressing
        self._pressing = kind is _Kind.PULLED and not self.on
        if self._pressing:
            self._pressed_ns = at_ns
        if kind is _Kind.PULLED:
            self._released_ns = NEVER
        elif self.on and not self._leaving and kind is _Kind.REST:
            self._released_ns = at_ns

    def _lasting(self, now_ns: int, felt: list[Felt]) -> None:
        """Tell what has lasted long enough by now, in the order in which it became so."""
        if now_ns >= (settled_ns := self._pulled_ns()):
            self._pressing, self.on, self._held_told = False, True, False
            felt.append(Felt(Feel.ON, self._pressed_ns, settled_ns))
        if now_ns >= self._let_go_ns():
            at_ns, self._released_ns, self.on = self._released_ns, NEVER, False
            felt.append(Felt(Feel.OFF, at_ns, at_ns + self._times.rearm_ns))
        for due_ns, what, since_ns in sorted(self._deadlines()):
            if due_ns > now_ns:
                continue
            feel = Feel.FAULT
            if what == Feel.HELD:
                feel, self._held_told = Feel.HELD, True
            elif what == Feel.HEALED:
                feel, self.fault = Feel.HEALED, Fault.NONE
            else:
                self.fault = Fault(what)
                self.faults += 1
            felt.append(Felt(feel, since_ns, due_ns))

    def _deadlines(self) -> list[_Deadline]:
        times, kind = self._times, self._kind
        found: list[_Deadline] = []
        if kind is _Kind.PULLED and self.on and not self._held_told and times.hold_ns:
            held_ns = self._pressed_ns + times.hold_ns
            found.append(_Deadline(held_ns, Feel.HELD, held_ns))  # it counts when it was held
        if not self.fault:
            found += sorted(self._distrusted())[:1]
        elif kind is _Kind.REST and not self._leaving and self._moving_ns is None:
            quiet_ns = max(self._kind_ns, *(line.moved_ns for line in self._lines))
            found.append(_Deadline(quiet_ns + times.heal_ns, Feel.HEALED, quiet_ns))
        return found

    def _distrusted(self) -> list[_Deadline]:
        """Say when it will not be trusted any more if it goes on like this, and why."""
        kind, since_ns, stuck_ns = self._kind, self._kind_ns, self._times.stuck_ns
        found: list[_Deadline] = []
        if kind in _FAULTS:
            found.append(_Deadline(since_ns + DISCREPANCY_NS, _FAULTS[kind], since_ns))
        elif kind is _Kind.PULLED and stuck_ns:
            closed = self._wiring is Wiring.NORMALLY_CLOSED
            fault = Fault.WIRE_BREAK if closed else Fault.STUCK
            found.append(_Deadline(since_ns + stuck_ns, fault, since_ns))
        if (moving_ns := self._moving_ns) is not None:
            found.append(_Deadline(moving_ns + CHATTER_NS, Fault.WIRE_BREAK, moving_ns))
        return found
