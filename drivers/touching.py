"""A contact behind levels: the rule of `domain/contact.py` on one timer, whoever brings the levels.

Rules:
1. Nothing blocks and nothing is decided here: edges go in with their moments, feels come out.
2. A contact whose device is in trouble is LOST: not known, not trusted; when it is back its level
   is found anew, and what it is then is no feel.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from edge_agent.domain.contact import Fault, Feel, Felt, Times, Touch, Wiring
from edge_agent.domain.debounce import FILTER_MAX_MS, FILTER_MIN_MS
from edge_agent.ports import Felt as Tells
from edge_agent.ports import Part, Purpose
from edge_agent.reactor import NEVER, Reactor

REARM_MS: Final = 75
"""How long a contact must be let go until it can be pulled again: two pulls 180 ms apart, each of
100 ms, are two; what is shorter is the same pull."""

MIN_ACTUATION_MS: Final = 50
"""How long a hand pulls or presses at the least, where nobody says otherwise."""

BY_HAND: Final = frozenset(
    {
        Purpose.CALL,
        Purpose.ACK,
        Purpose.CLEAR,
        Purpose.CONFIRM_STOP,
        Purpose.MUTE,
        Purpose.START,
        Purpose.LAMP_TEST,
        Purpose.REASON,
    }
)
"""What is pressed by a hand; an input of the line may be as short as its filter lets through."""

MIN_ACTUATION_MAX_MS: Final = 1_000
HOLD_S_MAX: Final = 30.0
STUCK_S: Final = 10.0
"""A cord or a call button that stays pulled for longer is broken, where nobody says otherwise."""

STUCK_S_MAX: Final = 3_600.0
HEAL_S_MAX: Final = 600.0
"""Bounds of what may be configured."""

_MS: Final = 1_000_000
_S: Final = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class ContactKeys:
    """The keys that every contact has: how long it takes to be believed, held, faulty and well."""

    filter_ms: int = 50
    min_actuation_ms: int | None = None
    hold_s: float = 0.0
    stuck_s: float | None = None
    heal_s: float = 5.0

    def __post_init__(self) -> None:
        """Raise ValueError for times that no contact can have."""
        if not FILTER_MIN_MS <= self.filter_ms <= FILTER_MAX_MS:
            raise ValueError(
                f"filter_ms: must be {FILTER_MIN_MS} to {FILTER_MAX_MS}; leave it out, or write 50"
            )
        if not 0 <= (self.min_actuation_ms or 0) <= MIN_ACTUATION_MAX_MS:
            raise ValueError(
                f"min_actuation_ms: must be 0 to {MIN_ACTUATION_MAX_MS}; leave it out, or write "
                f"{MIN_ACTUATION_MS}"
            )
        for key, most in (("hold_s", HOLD_S_MAX), ("stuck_s", STUCK_S_MAX), ("heal_s", HEAL_S_MAX)):
            if not 0 <= (getattr(self, key) or 0) <= most:
                raise ValueError(f"{key}: must be 0 to {most:.0f} seconds; 0 is never")

    @property
    def latching(self) -> bool:
        """Whether it stays out when it is pulled."""
        return False

    @property
    def by_hand(self) -> bool:
        """Whether it is pulled or pressed by a hand."""
        return True

    @property
    def calls(self) -> bool:
        """Whether it calls."""
        return True

    @property
    def times(self) -> Times:
        """The same in nanoseconds."""
        least_ms = self.min_actuation_ms
        if least_ms is None:
            least_ms = MIN_ACTUATION_MS if self.by_hand else 0
        stuck_s = self.stuck_s
        if stuck_s is None:
            stuck_s = STUCK_S if self.calls else 0
        return Times(
            filter_ns=self.filter_ms * _MS,
            min_actuation_ns=least_ms * _MS,
            rearm_ns=max(self.filter_ms, REARM_MS) * _MS,
            hold_ns=round(self.hold_s * _S),
            stuck_ns=0 if self.latching else round(stuck_s * _S),
            heal_ns=round(self.heal_s * _S),
        )


@dataclass(frozen=True, kw_only=True)
class CordKeys(ContactKeys):
    """The keys of a cord, whatever brings its levels."""

    category: str
    actuator: str = "momentary"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.actuator not in ("momentary", "latching"):
            raise ValueError(
                f'actuator: {self.actuator!r} is not known; write "momentary" (it comes back by'
                ' itself) or "latching" (it stays out)'
            )

    @property
    def purpose(self) -> str:
        """A cord is pulled to call."""
        return Purpose.CALL

    @property
    def latching(self) -> bool:
        """Whether it stays out when it is pulled."""
        return self.actuator == "latching"


@dataclass(frozen=True, kw_only=True)
class ButtonKeys(ContactKeys):
    """The keys of a button, or of an input of the line, whatever brings its levels."""

    purpose: str
    category: str | None = None
    reason: str | None = None
    filter_ms: int = 30

    @property
    def by_hand(self) -> bool:
        """Whether it is pressed by a hand."""
        return self.purpose in BY_HAND

    @property
    def calls(self) -> bool:
        """Whether it calls."""
        return self.purpose == Purpose.CALL

    def __post_init__(self) -> None:
        super().__post_init__()
        known = [one.value for one in Purpose]
        if self.purpose not in known:
            raise ValueError(
                f"purpose: {self.purpose!r} is not known; write one of {', '.join(known)}"
            )
        if self.hold_s and not self.by_hand:
            raise ValueError(
                f"hold_s: no hand holds a button of purpose {self.purpose!r}; remove it"
            )
        if self.purpose == Purpose.CALL and not self.category:
            raise ValueError('category: is missing; a call needs one: write category = "quality"')
        if (self.purpose == Purpose.REASON) != (self.reason is not None):
            wanted = self.purpose == Purpose.REASON
            need = "is missing; write its code" if wanted else "is for a button of reasons only"
            raise ValueError(f'reason: {need}: reason = "FIT" beside purpose = "reason"')
        if self.purpose != Purpose.CALL and self.category:
            raise ValueError(
                f"category: a button of purpose {self.purpose!r} has none; remove it, or write"
                ' purpose = "call"'
            )


class Touching:
    """What all contacts have in common; a kind gives levels and says when its device is lost."""

    part: ClassVar = Part.CONTACT

    def __init__(
        self,
        station: str | None,
        keys: CordKeys | ButtonKeys,
        wiring: Wiring,
        *,
        reactor: Reactor,
        felt: Tells,
    ) -> None:
        times = keys.times
        self.station = station
        self.purpose = Purpose(keys.purpose)
        self.category = keys.category
        self.reason = keys.reason if isinstance(keys, ButtonKeys) else None
        self.latching = keys.latching
        self.hold_ns = times.hold_ns
        self.believed_ns = max(times.filter_ns, times.min_actuation_ns)
        self.on: bool | None = None
        self.fault = Fault.LOST
        self.settled_ns = 0
        self._times = times
        self._wiring = wiring
        self._felt = felt
        self._touch: Touch | None = None
        self._counted = (0, 0, 0, 0)  # by the touches before a loss
        self._clock_of_touch = reactor.clock
        self._touch_timer = reactor.timer(self._on_touch)
        self._feels = 0

    @property
    def unsettled_ns(self) -> int | None:
        return None if self._touch is None else self._touch.unsettled_ns

    # -- what a kind brings --------------------------------------------------------------------

    def _found(self, levels: Sequence[bool]) -> None:
        """Begin with the levels that the device has now; a fault that was LOST is over."""
        now_ns = self._clock_of_touch.mono_ns()
        self._touch = Touch(self._wiring, self._times, levels, now_ns)
        self.on, self.fault = self._touch.on, Fault.NONE
        self._tell(Feel.HEALED, now_ns)
        self._touch_timer.due_ns = self._touch.due_ns

    def _vanished(self) -> None:
        """Know nothing any more: the device is lost."""
        if self._touch is None and self.on is None and self.fault is Fault.LOST and self._feels:
            return
        self._counted, self._touch = self._counts(), None
        self.on, self.fault = None, Fault.LOST
        self._touch_timer.due_ns = NEVER
        self._tell(Feel.FAULT, self._clock_of_touch.mono_ns())

    def _edge(self, line: int, level: bool, at_ns: int) -> None:
        """Take a raw level of one line, with the moment of its edge."""
        if self._touch is not None:
            self._pass_on(self._touch.edge(line, level, at_ns))

    def _look(self, levels: Sequence[bool]) -> None:
        """Take what the lines are now."""
        if self._touch is not None:
            self._pass_on(self._touch.look(levels, self._clock_of_touch.mono_ns()))

    def settle(self, at_ns: int) -> None:
        """Believe what has lasted long enough at this moment."""
        if self._touch is not None:
            self._pass_on(self._touch.settle(at_ns))

    def _on_touch(self, now_ns: int) -> int:
        self.settle(now_ns)
        return self._touch_timer.due_ns

    def _pass_on(self, felt: list[Felt]) -> None:
        touch = self._touch
        assert touch is not None, "who felt something is there"
        self._touch_timer.due_ns = touch.due_ns
        for feel, at_ns, settled_ns in felt:
            if feel in (Feel.ON, Feel.OFF):
                self.on = feel is Feel.ON
            self.fault = touch.fault
            self.settled_ns = settled_ns
            self._tell(feel, at_ns)

    def _tell(self, feel: Feel, at_ns: int) -> None:
        self._feels += 1
        clock = self._clock_of_touch
        at_wall_ns = clock.wall_ns() - (clock.mono_ns() - at_ns)
        self._felt(self, feel, at_ns, at_wall_ns)  # type: ignore[arg-type]

    def _touch_counters(self) -> dict[str, int]:
        glitches, bounces, missed, faults = self._counts()
        return {
            "feels": self._feels,
            "glitches": glitches,
            "bounces": bounces,
            "edges_missed": missed,
            "faults": faults,
        }

    def _counts(self) -> tuple[int, int, int, int]:
        """Count what this touch and those before it have seen."""
        glitches, bounces, missed, faults = self._counted
        if (touch := self._touch) is None:
            return self._counted
        return (
            glitches + touch.glitches,
            bounces + touch.bounces,
            missed + touch.missed,
            faults + touch.faults,
        )
