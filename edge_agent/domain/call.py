"""One call: from the pull to the reason, as a table with a row for every state and every trigger.

Rules:
1. A pull is a request, not a stop. What stops is a call that nobody cleared when its segment has
   reached the fixed position.
2. There is one open call for a station and a category; a pull while it is open repeats it or, if
   its cancelling says so, clears it. One that is cleared and waits for its reason is not open.
3. A call never closes by itself. Only the reason may be waived, after its grace; escalation is a
   level beside the state and never one of the states.
4. Times are moments of capture on the monotonic clock: `_ns`.
Source: the field's published behaviour, gathered in the decisions this product is built on.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

UNASSIGNED: Final = "unassigned"
"""The reason of a call whose grace was over before anybody said one."""


SAFETY: Final = "safety"
"""The category that never stops a line through this agent."""

SAFETY_LEVELS: Final = ((2, 0),)
"""It is of level 2 from its pull on, where nobody has written another ladder for it."""


class State(StrEnum):
    """Where a call stands; `FAULT` remembers where it stood before its input went wrong."""

    IDLE = "idle"
    CALLED = "called"
    ACKED = "acked"
    STOPPED = "stopped"
    STOPPED_ACKED = "stopped-acked"
    CLEARED = "cleared"
    CLOSED = "closed"
    FAULT = "fault"


OPEN: Final = frozenset({State.CALLED, State.ACKED, State.STOPPED, State.STOPPED_ACKED})


class Trigger(StrEnum):
    """What may happen to a call; who may do it is settled before."""

    PULL = "pull"
    CANCEL = "pull that clears"
    REPEAT = "pull that repeats"
    TAKE = "taken from afar"
    ACK = "acknowledged at the station"
    CONFIRM = "stop confirmed"
    WANT = "stop confirmed from afar"
    FIXED = "fixed position"
    CLEAR = "cleared at the station"
    REASON = "reason said"
    GRACE = "grace over"
    FAULT = "input fault"
    HEAL = "fault reset"
    STARTED = "line started"


class Row(NamedTuple):
    """What a trigger does in a state: the next state and the event that says so; "" for none."""

    to: State
    says: str


REFUSED: Final = "andon.rejected"

_S, _T = State, Trigger


def _rows(state: State, **said: tuple[State, str]) -> dict[Trigger, Row]:
    """Give a state a row for every trigger: those not said are refused and change nothing."""
    rows = {trigger: Row(state, REFUSED) for trigger in Trigger}
    rows.update({Trigger[name]: Row(*row) for name, row in said.items()})
    return rows


TABLE: Final[dict[State, dict[Trigger, Row]]] = {
    _S.IDLE: _rows(
        _S.IDLE,
        PULL=(_S.CALLED, "andon.raised"),
        FIXED=(_S.IDLE, ""),
        FAULT=(_S.FAULT, "andon.fault"),
    ),
    _S.CALLED: _rows(
        _S.CALLED,
        CANCEL=(_S.CLEARED, "andon.cleared"),
        REPEAT=(_S.CALLED, "andon.repeated"),
        TAKE=(_S.CALLED, "andon.taken"),
        ACK=(_S.ACKED, "andon.acked"),
        CONFIRM=(_S.ACKED, "andon.acked"),
        WANT=(_S.CALLED, "andon.taken"),
        FIXED=(_S.STOPPED, "andon.stopped"),
        CLEAR=(_S.CLEARED, "andon.cleared"),
        FAULT=(_S.FAULT, "andon.fault"),
    ),
    _S.ACKED: _rows(
        _S.ACKED,
        CANCEL=(_S.CLEARED, "andon.cleared"),
        REPEAT=(_S.ACKED, "andon.repeated"),
        TAKE=(_S.ACKED, "andon.taken"),
        CONFIRM=(_S.ACKED, ""),
        WANT=(_S.ACKED, "andon.taken"),
        FIXED=(_S.STOPPED_ACKED, "andon.stopped"),
        CLEAR=(_S.CLEARED, "andon.cleared"),
        FAULT=(_S.FAULT, "andon.fault"),
    ),
    _S.STOPPED: _rows(
        _S.STOPPED,
        CANCEL=(_S.CLEARED, "andon.cleared"),
        REPEAT=(_S.STOPPED, "andon.repeated"),
        TAKE=(_S.STOPPED, "andon.taken"),
        ACK=(_S.STOPPED_ACKED, "andon.acked"),
        FIXED=(_S.STOPPED, ""),
        CLEAR=(_S.CLEARED, "andon.cleared"),
        FAULT=(_S.FAULT, "andon.fault"),
        STARTED=(_S.CALLED, ""),
    ),
    _S.STOPPED_ACKED: _rows(
        _S.STOPPED_ACKED,
        CANCEL=(_S.CLEARED, "andon.cleared"),
        REPEAT=(_S.STOPPED_ACKED, "andon.repeated"),
        TAKE=(_S.STOPPED_ACKED, "andon.taken"),
        FIXED=(_S.STOPPED_ACKED, ""),
        CLEAR=(_S.CLEARED, "andon.cleared"),
        FAULT=(_S.FAULT, "andon.fault"),
        STARTED=(_S.ACKED, ""),
    ),
    _S.CLEARED: _rows(
        _S.CLEARED,
        FIXED=(_S.CLEARED, ""),
        REASON=(_S.CLOSED, "andon.closed"),
        GRACE=(_S.CLOSED, "andon.closed"),
    ),
    _S.CLOSED: _rows(_S.CLOSED),
    _S.FAULT: _rows(
        _S.FAULT,
        PULL=(_S.FAULT, "andon.raised"),
        REPEAT=(_S.FAULT, "andon.repeated"),
        TAKE=(_S.FAULT, "andon.taken"),
        FIXED=(_S.FAULT, ""),
        HEAL=(_S.IDLE, "andon.fault_cleared"),
    ),
}
"""Healing goes back to where the call stood: `Post` puts that in place of the row's state. A line
is started under a call that stopped it only while that call is bypassed: it goes on as a call."""

_OF_LINE: Final = (Trigger.FIXED, Trigger.STARTED)


@dataclass(frozen=True, slots=True)
class Category:
    """How calls of one category behave; durations in nanoseconds.

    `cancel_by_pull` lets a second pull clear, not sooner than `min_cancel_ns` after the first;
    without it only once somebody has acknowledged, who is there to pull. `clear_by_pull` says the
    same of a call that has stopped its segment, and `badge_to_clear` that it takes a badge. A stop
    that was confirmed is not cancelled by a pull. `levels` are the moments,
    after the pull, at which nobody's help is asked for one level higher. `stop_now` does not wait
    for the fixed position when the stop is confirmed. A call that nobody has acknowledged within
    `ack_ns` of the pull is overdue. With `rests` the levels wait outside of working time.
    """

    name: str
    stops: bool = False
    cancel_by_pull: bool = True
    clear_by_pull: bool = False
    badge_to_clear: bool = False
    min_cancel_ns: int = 2_000_000_000
    grace_ns: int = 300_000_000_000
    levels: tuple[tuple[int, int], ...] = ()
    stop_now: bool = False
    ack_ns: int = 30_000_000_000
    rests: bool = False


@dataclass(slots=True)
class Call:
    """One call; `id` is the event of its first pull. Moments are None until they come."""

    id: str
    raised_ns: int
    state: State = State.CALLED
    level: int = 1
    repeats: int = 0
    confirmed: bool = False
    taken_by: str | None = None
    acked_ns: int | None = None
    ack_implied: bool = False
    stopped_ns: int | None = None
    cleared_ns: int | None = None
    reason: str | None = None
    device: str | None = None
    unobserved_ns: int = 0
    overdue: bool = False
    rested_ns: int = 0


class Said(NamedTuple):
    """What came of a trigger: the event's type, "" where there is nothing to say, and its call.

    `level` is the one that was reached, where that is what is said.
    """

    says: str
    call: Call | None
    level: int = 0


@dataclass(slots=True)
class Post:
    """All calls of one station and category: the open one, and those that wait for a reason."""

    category: Category
    open: Call | None = None
    closing: list[Call] = field(default_factory=list)
    faulty: bool = False
    fault_id: str = ""
    fault: str = ""
    fault_since_ns: int = 0
    healthy: bool = True
    resting_ns: int | None = None

    @property
    def state(self) -> State:
        """Say where it stands: a faulty input hides the call, which goes on all the same."""
        if self.faulty:
            return State.FAULT
        return State.IDLE if self.open is None else self.open.state

    def pull(self, call_id: str, at_ns: int) -> Said:
        """Take a pull that was captured at `at_ns`; `call_id` names the call it may begin."""
        return self.take(self._kind_of_pull(at_ns), at_ns, call_id=call_id)

    def _kind_of_pull(self, at_ns: int) -> Trigger:
        call, category = self.open, self.category
        if call is None:
            return Trigger.PULL
        if self.faulty:
            return Trigger.REPEAT
        old_enough = at_ns - call.raised_ns >= category.min_cancel_ns
        return Trigger.CANCEL if old_enough and self._pull_clears(call) else Trigger.REPEAT

    def clears_a_stop(self, at_ns: int) -> bool:
        """Say whether a pull now would clear a call for which its segment stands."""
        stands = self.open is not None and self.open.state in (State.STOPPED, State.STOPPED_ACKED)
        return stands and self._kind_of_pull(at_ns) is Trigger.CANCEL

    def cancelled_at(self, at_ns: int) -> bool:
        """Say whether a pull of this very moment has cleared a call."""
        return self.open is None and any(one.cleared_ns == at_ns for one in self.closing)

    def _pull_clears(self, call: Call) -> bool:
        """Say whether a pull clears: anybody's, or that of who has come."""
        acked = call.state in (State.ACKED, State.STOPPED_ACKED)
        if call.stopped_ns is None:
            return (self.category.cancel_by_pull or acked) and not call.confirmed
        return self.category.clear_by_pull or (acked and not self.category.badge_to_clear)

    def take(
        self, trigger: Trigger, at_ns: int, *, call_id: str = "", actor: str | None = None
    ) -> Said:
        """Do what the table says of a trigger that was captured at `at_ns`."""
        if trigger is Trigger.FIXED and not self.category.stops:
            return Said("", None)
        state = self.state
        if trigger in _OF_LINE and self.open is not None:
            state = self.open.state  # the call behind a faulty input goes on, and stops
        row = TABLE[state][trigger]
        if row.says == REFUSED:
            return Said(REFUSED, self.open)
        if trigger in (Trigger.FAULT, Trigger.HEAL):
            self.faulty = trigger is Trigger.FAULT
        elif trigger is Trigger.PULL:
            self.open = Call(call_id, at_ns)
        elif self.open is not None:
            return self._go_on(self.open, row, trigger, at_ns, actor)
        return Said(row.says, self.open)

    def _go_on(self, call: Call, row: Row, trigger: Trigger, at_ns: int, actor: str | None) -> Said:
        self._note(call, trigger, at_ns, actor)
        if not self.faulty or trigger in _OF_LINE:
            call.state = row.to
        if call.state is State.CLEARED:
            self.open = None
            self.closing.append(call)
        return Said(row.says, call)

    def _note(self, call: Call, trigger: Trigger, at_ns: int, actor: str | None) -> None:
        if trigger is Trigger.REPEAT:
            call.repeats += 1
        elif trigger in (Trigger.TAKE, Trigger.WANT):
            call.taken_by = actor
            call.confirmed |= trigger is Trigger.WANT
        elif trigger in (Trigger.ACK, Trigger.CONFIRM):
            call.confirmed |= trigger is Trigger.CONFIRM
            call.acked_ns = at_ns if call.acked_ns is None else call.acked_ns
        elif trigger is Trigger.FIXED and call.stopped_ns is None:
            call.stopped_ns = at_ns
        elif trigger in (Trigger.CANCEL, Trigger.CLEAR):
            call.cleared_ns = at_ns
            if call.acked_ns is None:
                call.acked_ns, call.ack_implied = at_ns, True

    def close(self, call_id: str, reason: str | None) -> Said:
        """Close a cleared call with its reason; None waives it, once its grace is over."""
        call = next((one for one in self.closing if one.id == call_id), None)
        if call is None:
            return Said(REFUSED, None)
        trigger = Trigger.GRACE if reason is None else Trigger.REASON
        row = TABLE[call.state][trigger]
        call.state, call.reason = row.to, reason or UNASSIGNED
        self.closing.remove(call)
        return Said(row.says, call)

    def rest(self, at_ns: int) -> None:
        """Let the levels wait: it is no working time any more."""
        if self.category.rests and self.resting_ns is None:
            self.resting_ns = at_ns

    def work(self, at_ns: int) -> None:
        """Let the levels go on from where they waited."""
        if self.resting_ns is not None and self.open is not None:
            self.open.rested_ns += at_ns - max(self.resting_ns, self.open.raised_ns)
        self.resting_ns = None

    def due_ns(self) -> int | None:
        """Say when an acknowledgement, a level or the end of a grace is due; None for nothing."""
        moments = [self._closes_ns(call) for call in self.closing]
        call = self.open
        if call is not None:
            if not call.overdue and call.acked_ns is None:
                moments.append(call.raised_ns + self.category.ack_ns)
            if self.resting_ns is None and (level := self._next_level(call)):
                moments.append(call.raised_ns + call.rested_ns + level[1])
        return min(moments, default=None)

    def ring(self, now_ns: int) -> list[Said]:
        """Do what is due: levels that were not reached before, each once; graces that are over."""
        said: list[Said] = []
        call = self.open
        if call is not None and call.acked_ns is None:
            call.overdue |= now_ns - call.raised_ns >= self.category.ack_ns
        while call is not None and self.resting_ns is None and (level := self._next_level(call)):
            if now_ns - call.raised_ns - call.rested_ns < level[1]:
                break
            call.level = level[0]
            said.append(Said("andon.escalated", call, call.level))
        over = [call for call in self.closing if self._closes_ns(call) <= now_ns]
        return said + [self.close(call.id, None) for call in over]

    def _closes_ns(self, call: Call) -> int:
        assert call.cleared_ns is not None, "what waits for its reason is cleared"
        return call.cleared_ns + self.category.grace_ns

    def _next_level(self, call: Call) -> tuple[int, int] | None:
        higher = [level for level in self.category.levels if level[0] > call.level]
        return min(higher, default=None)

    def holds(self) -> bool:
        """Say whether it holds its segment: an open call that stops, or a faulty input of one."""
        return self.category.stops and (self.faulty or self.open is not None)
