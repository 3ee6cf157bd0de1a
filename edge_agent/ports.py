"""What the parts ask of each other, as Protocols and closed vocabularies; no code."""

from collections.abc import Callable, Mapping
from enum import Enum, StrEnum
from typing import Final, Protocol

from edge_agent.domain import contact, looks


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

    def __call__(self, source: "Device", condition: Condition, why: str, remedy: str) -> None: ...


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


# -- contacts: cords, buttons, inputs of the line ------------------------------------------------


class Part(StrEnum):
    """What a device is to the line; `part` of a driver's class, a source where it says nothing."""

    SOURCE = "source"
    CONTACT = "contact"
    LAMP = "lamp"
    HORN = "horn"
    OUTPUT = "output"


class Purpose(StrEnum):
    """What a contact is for."""

    CALL = "call"
    ACK = "ack"
    CLEAR = "clear"
    CONFIRM_STOP = "confirm-stop"
    MUTE = "mute"
    COUNT = "count"
    START = "start"
    FIXED_POSITION = "fixed-position"
    LINE_MOVING = "line-moving"
    STARVED = "starved"
    BLOCKED = "blocked"
    CHANGEOVER = "changeover"
    LAMP_TEST = "lamp-test"
    REASON = "reason"
    ESTOP = "estop-observed"


Feel = contact.Feel
Fault = contact.Fault

GPIO: Final = "gpio"
"""Key of the metadata of a driver's key that names a GPIO line: no two devices may share one."""


class Felt(Protocol):
    """Where a contact says what it felt: the line. Reactor's thread only.

    Called with the contact and the moment, on both clocks, at which it left what it was before:
    of capture, not of belief. For `HELD` that of the actuation it belongs to.
    """

    def __call__(
        self, contact: "Contact", feel: Feel, at_mono_ns: int, at_wall_ns: int
    ) -> None: ...


class Contact(Protocol):
    """A cord, a button or an input of the line: gpio or a twin of one.

    `on` is the settled level, actuated or not, None while it is not known; the level that is
    found at a start is no feel. `fault` says why it is not to be trusted. `hold_ns` is how long
    it must be held for a `HELD`, 0 where that means nothing. `latching` says that it stays
    actuated by itself. `unsettled_ns` is the moment at which a change began that has not
    settled yet, None when there is none. `settled_ns` is when the last feel was believed.
    `believed_ns` is how long a change has to last to be believed. `settle` believes what has
    lasted long enough at a moment up to which all edges were read. `start` tries the device
    once; trouble is a state with a back-off, and `fault` is LOST.
    """

    name: str
    station: str | None
    purpose: Purpose
    category: str | None
    reason: str | None
    latching: bool
    hold_ns: int
    believed_ns: int
    on: bool | None
    fault: Fault
    unsettled_ns: int | None
    settled_ns: int
    condition: Condition
    why: str
    remedy: str

    def start(self) -> None: ...
    def settle(self, at_ns: int) -> None: ...
    def stop(self, then: Callable[[], None]) -> None: ...
    def counters(self) -> dict[str, int]: ...


# -- outputs: lamps, horns, requests to the line -------------------------------------------------


Pattern = looks.Pattern

Look = Mapping[str, Pattern]
"""Light -> its rhythm; a light that is not named is off, one that the tower has not is ignored."""


class Lamp(Protocol):
    """A tower light, or a feedback lamp apart from it (`feedback`); gpio or a twin.

    `lights` are its lights by colour; one that it has not is ignored. `show` is in force when it
    returns; rhythms begin, lit, at `phase_ns` (monotonic), so that lamps that are told the same
    moment flash together. `signal` plays a rhythm once, over what is shown.
    """

    name: str
    station: str | None
    feedback: bool
    lights: tuple[str, ...]
    condition: Condition
    why: str
    remedy: str

    def start(self) -> None: ...
    def show(self, look: Look, phase_ns: int) -> None: ...
    def signal(self, light: str, pattern: Pattern) -> None: ...
    def stop(self, then: Callable[[], None]) -> None: ...
    def counters(self) -> dict[str, int]: ...


class Horn(Protocol):
    """A horn; gpio or a twin.

    `sound` plays a tune until it is told another, "" for silence; `loud` uses its second line for
    volume, where it has one.
    """

    name: str
    station: str | None
    condition: Condition
    why: str
    remedy: str

    def start(self) -> None: ...
    def sound(self, tune: str, *, loud: bool) -> None: ...
    def stop(self, then: Callable[[], None]) -> None: ...
    def counters(self) -> dict[str, int]: ...


class Output(Protocol):
    """A request to the line, or the heartbeat that it watches (`heartbeat`); gpio or a twin.

    `on` is the request, never the level of the line; a heartbeat beats by itself while it is on.
    """

    name: str
    station: str | None
    heartbeat: bool
    on: bool
    condition: Condition
    why: str
    remedy: str

    def start(self) -> None: ...
    def request(self, *, on: bool) -> None: ...
    def stop(self, then: Callable[[], None]) -> None: ...
    def counters(self) -> dict[str, int]: ...


Device = Source | Contact | Lamp | Horn | Output


# -- looked at, while no agent runs --------------------------------------------------------------


class Verdict(StrEnum):
    """How bad it is, for `edge-agent doctor`: works; works, but; does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


Examined = tuple[Verdict, str, str]
"""What was found out about a device before it is opened: how bad, what, and what to do about it."""
