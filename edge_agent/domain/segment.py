"""One line segment: what its calls, its fixed position and the people at its start make of it.

Rules:
1. It stops at the fixed position and only with an open call that stops, and is released only when
   the last such call is cleared. However many calls hold it, it is one stop.
2. Nothing starts by itself: after the last call come the warning, and then a hand at the start (or
   the line is seen to move).
3. A stop belongs to the calls that held it, its primary to the one that was raised first.
4. Not being scheduled is laid over it and changes none of its states.
5. After a boot nothing is known until the inputs were read; a stop that was open is open.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple


class State(StrEnum):
    """What a segment does, as far as its own calls and neighbours know."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    PENDING = "stop-pending"
    STOPPED = "stopped"
    RESTARTING = "restarting"
    STARVED = "starved"
    BLOCKED = "blocked"
    CHANGEOVER = "changeover"


class Trigger(StrEnum):
    """What may happen to a segment."""

    SEEN = "inputs read"
    HELD = "a stopping call is open"
    FREE = "no stopping call is open"
    FIXED = "fixed position"
    WARNED = "restart warning over"
    START = "start at the line"
    MOVES = "line seen moving"
    STARVE = "nothing comes"
    BLOCK = "nothing leaves"
    FLOW = "flows again"
    CHANGE = "changeover begins"
    GOOD = "first good part"


class Row(NamedTuple):
    """What a trigger does in a state: the next state, and what is asked of the outputs."""

    to: State
    asks: str = ""


STOP: Final = "request stop"
RELEASE: Final = "release stop"
WARN: Final = "sound restart warning"
SILENCE: Final = "end restart warning"

_S, _T = State, Trigger


def _rows(state: State, **said: tuple[State, str] | tuple[State]) -> dict[Trigger, Row]:
    """Give a state a row for every trigger: those not said change nothing."""
    rows = {trigger: Row(state) for trigger in Trigger}
    rows.update({Trigger[name]: Row(*row) for name, row in said.items()})
    return rows


_IDLE: Final = {
    "STARVE": (_S.STARVED,),
    "BLOCK": (_S.BLOCKED,),
    "CHANGE": (_S.CHANGEOVER,),
}

TABLE: Final[dict[State, dict[Trigger, Row]]] = {
    _S.UNKNOWN: _rows(_S.UNKNOWN, SEEN=(_S.RUNNING,), HELD=(_S.PENDING,)),
    _S.RUNNING: _rows(_S.RUNNING, HELD=(_S.PENDING,), **_IDLE),
    _S.PENDING: _rows(_S.PENDING, FREE=(_S.RUNNING,), FIXED=(_S.STOPPED, STOP)),
    _S.STOPPED: _rows(_S.STOPPED, FREE=(_S.RESTARTING, WARN)),
    _S.RESTARTING: _rows(
        _S.RESTARTING,
        HELD=(_S.STOPPED, SILENCE),
        START=(_S.RUNNING, RELEASE),
        MOVES=(_S.RUNNING, RELEASE),
    ),
    _S.STARVED: _rows(_S.STARVED, HELD=(_S.PENDING,), FLOW=(_S.RUNNING,), MOVES=(_S.RUNNING,)),
    _S.BLOCKED: _rows(_S.BLOCKED, HELD=(_S.PENDING,), FLOW=(_S.RUNNING,), MOVES=(_S.RUNNING,)),
    _S.CHANGEOVER: _rows(_S.CHANGEOVER, HELD=(_S.PENDING,), GOOD=(_S.RUNNING,)),
}


_OF_FLOW: Final = frozenset(
    {*(Trigger.STARVE, Trigger.BLOCK, Trigger.FLOW, Trigger.CHANGE, Trigger.GOOD, Trigger.MOVES)}
)


@dataclass(slots=True)
class Stop:
    """One stop of a segment, with every call that held it."""

    began_ns: int
    calls: list[str] = field(default_factory=list)
    primary: str = ""
    ended_ns: int | None = None
    id: str = ""
    category: str = ""
    station: str = ""
    unobserved_ns: int = 0


@dataclass(slots=True)
class Segment:
    """One segment. `warning_ns` is how long the restart is announced before a start is obeyed.

    `flow` is how it runs when it runs: running, starved, blocked or in changeover. It goes on
    underneath while the segment is about to stop, stands, or is about to start.
    """

    warning_ns: int = 5_000_000_000
    state: State = State.UNKNOWN
    stop: Stop | None = None
    warned_from_ns: int | None = None
    holding: dict[str, int] = field(default_factory=dict)
    flow: State = State.RUNNING

    def hold(self, call: str, raised_ns: int, at_ns: int) -> str:
        """Take note of a call that stops, raised at `raised_ns`; returns what the outputs do."""
        self.holding[call] = raised_ns
        asked = self.take(Trigger.HELD, at_ns)
        if self.stop is not None:
            self._charge()
        return asked

    def let_go(self, call: str, at_ns: int) -> str:
        """Take note that a call holds it no more; the last one lets it be started again."""
        self.holding.pop(call, None)
        return "" if self.holding else self.take(Trigger.FREE, at_ns)

    def take(self, trigger: Trigger, at_ns: int) -> str:
        """Do what the table says of a trigger captured at `at_ns`; returns what the outputs do."""
        if trigger in (Trigger.START, Trigger.MOVES) and self._still_warned(at_ns):
            return ""
        if trigger in _OF_FLOW:
            self.flow = TABLE[self.flow][trigger].to
        before, row = self.state, TABLE[self.state][trigger]
        self.state = self.flow if row.to is State.RUNNING else row.to
        if before is not State.STOPPED and row.to is State.STOPPED and self.stop is None:
            self.stop = Stop(at_ns)
            self._charge()
        if row.to is State.RESTARTING and before is not State.RESTARTING:
            self.warned_from_ns = at_ns
        elif row.to is not State.RESTARTING:
            self.warned_from_ns = None
        if row.asks == RELEASE and self.stop is not None:
            self.stop.ended_ns = at_ns
        return row.asks

    def warn_anew(self, at_ns: int) -> None:
        """Begin the announcement of a start again: people have not heard it."""
        if self.state is State.RESTARTING:
            self.warned_from_ns = at_ns

    def ended(self) -> Stop | None:
        """Give the stop that is over, once."""
        if self.stop is None or self.stop.ended_ns is None:
            return None
        stop, self.stop = self.stop, None
        return stop

    def _still_warned(self, at_ns: int) -> bool:
        """Say whether a start comes too early, or a line moves that people are warned of."""
        if self.warned_from_ns is None:
            return False
        return at_ns - self.warned_from_ns < self.warning_ns

    def _charge(self) -> None:
        assert self.stop is not None, "there is a stop to charge"
        known = self.stop.calls
        known += [call for call in self.holding if call not in known]
        if not self.stop.primary and self.holding:
            self.stop.primary = min(self.holding, key=lambda call: self.holding[call])
