"""What the parts ask of each other, as Protocols and closed vocabularies; no code."""

from collections.abc import Callable
from enum import Enum, StrEnum
from typing import Protocol


class Lane(int, Enum):
    """Which queue an event waits in; the value is what the journal stores."""

    NORMAL = 0
    URGENT = 1


class Flaw(StrEnum):
    """Why a read cannot be a scan, seen before anyone looked at what it says."""

    NONE = ""
    EMPTY = "empty"
    TOO_LONG = "too_long"


class Outcome(StrEnum):
    """What a read was answered; the words of `answers` and of the counters."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPPRESSED = "suppressed"


class Clock(Protocol):
    """Time as an argument: monotonic for durations, wall for people."""

    boot: str

    @property
    def mono_ns(self) -> Callable[[], int]: ...
    @property
    def wall_ns(self) -> Callable[[], int]: ...
    def synced(self) -> bool: ...


class Condition(StrEnum):
    """The state of a device, the journal or the broker; each but `OK` has a reason and a remedy."""

    OK = "ok"
    STARTING = "starting"
    TROUBLE = "trouble"


class Read(Protocol):
    """Where a source hands its reads: the line. Reactor's thread only.

    Called with the source, the exact bytes of the read (no prefix, no suffix), the moment of
    capture on both clocks and its flaw. Returns False when there is no room now: the source
    keeps the read and everything behind it, stops taking bytes from its device, and offers the
    same read again when the line calls its `resume`.
    """

    def __call__(
        self, source: "Source", raw: bytes, at_mono_ns: int, at_wall_ns: int, flaw: Flaw
    ) -> bool: ...


class Tell(Protocol):
    """Where a device says that its condition has changed (what is wrong; what to do about it)."""

    def __call__(self, source: "Source", condition: Condition, why: str, remedy: str) -> None: ...


class Source(Protocol):
    """A device that reads: scanner, reader, or a twin of one.

    `start` tries the device once and returns; from then on trouble is a state with a back-off and
    the source reopens for ever by its own timer. Nothing of a source blocks.

    An end has two steps. `quiet` begins no new read: what has been read, and what has begun, is
    still handed over, then it calls `then`; answers are given all the while. `stop` refuses what
    nobody took, lets the last answers reach the device, gives everything back and calls `then`;
    it waits for nobody but the device, and not for long. Each may be called again.
    """

    name: str
    station: str
    repeat_window_ns: int
    condition: Condition
    why: str
    remedy: str

    def start(self) -> None: ...
    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, reason: str | None
    ) -> None: ...
    def resume(self) -> None: ...
    def quiet(self, then: Callable[[], None]) -> None: ...
    def stop(self, then: Callable[[], None]) -> None: ...
    def counters(self) -> dict[str, int]: ...
