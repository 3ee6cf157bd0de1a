"""What every message must be, as pydantic models: the oracle of the tests, the schemas of others.

Rules:
1. A model forbids what it does not know, so that a test sees a key that nobody has published.
   The published schemas allow it: consumers ignore what they do not know.
2. A key that may be missing is missing, never null; null is a value ("nobody knows").
3. Every field says what it is, with its unit where it has one.
Examples are in `examples.py`. The running agent never imports this: only `schema` and tests do.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.wire.command import ID_MAX, TOPIC_MAX, Wrong
from edge_agent.wire.messages import AlarmKind, GapReason, Outcome, PreviousEnd
from edge_agent.wire.payload import EPOCH_LENGTH, SEQUENCE_DIGITS, SEQUENCE_MAX

_STAMP: Final = (
    r"^(19[7-9]\d|20\d\d|21\d\d|2200)-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$"
)
_LEVEL: Final = r"^[A-Za-z0-9_-]+$"

Stamp = Annotated[str, Field(pattern=_STAMP, json_schema_extra={"format": "date-time"})]
Level = Annotated[str, Field(pattern=_LEVEL)]
Epoch = Annotated[
    str,
    Field(
        pattern=rf"^[0-9a-f]{{{EPOCH_LENGTH}}}$",
        description="Which journal: a new file has a new epoch, and numbers begin with 1 again.",
    ),
]
Digits = Annotated[str, Field(pattern=rf"^\d{{{SEQUENCE_DIGITS}}}$")]
Number = Annotated[int, Field(ge=1, le=SEQUENCE_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=ID_MAX)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """One JSON object."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def maybe(**said: Any) -> Any:  # noqa: ANN401 - what pydantic's Field gives
    """Make a key that may be missing."""
    return Field(default=None, **said)


# -- events ------------------------------------------------------------------------------------


class Event(Model):
    """A CloudEvents 1.0 message with the extensions of this site."""

    specversion: Literal["1.0"]
    id: Annotated[
        str,
        Field(
            pattern=rf"^[0-9a-f]{{{EPOCH_LENGTH}}}-\d{{{SEQUENCE_DIGITS}}}$",
            description="Epoch and sequence; the same over every redelivery, unique for ever.",
        ),
    ]
    time: Stamp = Field(description="The physical moment of capture, UTC.")
    recordedtime: Stamp = Field(description="When its commit began, UTC.")
    clock: Literal["synced", "unsynced", "corrected"] = Field(
        description="Whether `time` is to be trusted: not while `unsynced`; `corrected` was "
        "unsynced and has been put right before publishing."
    )
    monons: Annotated[
        str,
        Field(
            pattern=r"^\d+$",
            description="Capture on the monotonic clock of `bootid`, in nanoseconds.",
        ),
    ]
    bootid: Name = Field(description="Which boot of the device `monons` counts from.")
    source: Annotated[str, Field(pattern=r"^/[A-Za-z0-9_/-]+$")]
    epoch: Epoch
    agent: Level = Field(description="The agent that recorded it.")
    sequence: Digits = Field(description="Counts without gaps per agent and epoch.")
    streamseq: Digits = Field(description="Counts without gaps per agent, epoch and topic.")


class NormalEvent(Event):
    """An event that may wait behind urgent ones."""

    lane: Literal["normal"]


class UrgentEvent(Event):
    """An event that may overtake normal ones of lower number."""

    lane: Literal["urgent"]


class ReadSaid(Model):
    """What a reader sent."""

    device: Level = Field(description="Name of the device in the configuration.")
    text: str = Field(description="What the reader sent; bytes that are not UTF-8 are U+FFFD.")
    hex: Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")] = maybe(
        description="The exact bytes, whenever `text` is not all of the truth."
    )
    symbology: str = maybe(description="AIM symbology identifier, when the reader sent one.")


class ScanReadSaid(ReadSaid):
    """A read that was accepted: it is on the disk."""

    format: Annotated[str, Field(description="What kind of label this is; `plain`: just text.")]
    fields: dict[str, str | list[str]] = Field(description="What the label says, by its format.")


class ScanRejectedSaid(ReadSaid):
    """A read that was refused."""

    reason: Literal[
        "unknown",
        "repeat",
        "wrong_place",
        "held",
        "not_active",
        "illegal",
        "over_quantity",
        "empty",
        "too_long",
    ]
    message: str = Field(description="The same for people.")


class ScanRead(NormalEvent):
    """Something was scanned at a station, and accepted."""

    type: Literal["scan.read"]
    data: ScanReadSaid


class ScanRejected(NormalEvent):
    """Something was scanned at a station, and refused."""

    type: Literal["scan.rejected"]
    data: ScanRejectedSaid


class AlarmSaid(Model):
    """What is in trouble."""

    alarm: Annotated[
        str,
        Field(
            pattern=r"^[a-z]+(:[A-Za-z0-9_-]+)?$",
            description="Name of the condition; the same when it is cleared.",
        ),
    ]
    kind: AlarmKind
    device: Level = maybe(description="Name of the device, if it is one.")
    message: str = Field(description="What is wrong, for people.")


class AlarmRaisedSaid(AlarmSaid):
    """What is wrong, and what to do about it."""

    remedy: str = Field(description="What to do about it.")


class AlarmClearedSaid(AlarmSaid):
    """What is well again."""

    lasted_s: Seconds = maybe(description="Monotonic; missing when this run did not see it begin.")


class AlarmRaised(UrgentEvent):
    """A device, the storage, the process, the broker or the clock is in trouble."""

    type: Literal["alarm.raised"]
    data: AlarmRaisedSaid


class AlarmCleared(UrgentEvent):
    """What was raised under the same `alarm` is over."""

    type: Literal["alarm.cleared"]
    data: AlarmClearedSaid


class StretchSaid(Model):
    """Numbers of one topic, both ends included."""

    topic: str
    first: Number
    last: Number


class OutboxGapSaid(Model):
    """Which numbers will never come, both ends included, and why."""

    epoch: Epoch
    first: Number = Field(description="First missing `sequence`.")
    last: Number = Field(description="Last missing `sequence`.")
    reason: GapReason
    streams: list[StretchSaid] = maybe(
        description="Which `streamseq` of which topics they were, where that is known."
    )


class OutboxGap(UrgentEvent):
    """Some numbers will never come."""

    type: Literal["outbox.gap"]
    data: OutboxGapSaid


class ClockCorrectedSaid(Model):
    """What the clock should have read."""

    epoch: Epoch
    boot: Name = Field(description="The `bootid` of the events that this is about.")
    offset_s: float = Field(
        description="Wall minus monotonic clock of that boot: the true `time` of its events is "
        "`monons` / 1e9 + `offset_s`, in seconds since 1970."
    )
    first: Number = Field(description="First `sequence` published with the clock unsynced.")
    last: Number = Field(description="Last `sequence` published with the clock unsynced.")


class ClockCorrected(UrgentEvent):
    """The clock was set after events had left with `clock` `unsynced`."""

    type: Literal["clock.corrected"]
    data: ClockCorrectedSaid


class AgentStartedSaid(Model):
    """How this run begins."""

    version: str
    previous_end: PreviousEnd = Field(
        description="How the run before ended: by itself, cut off, or there was none."
    )
    unobserved_s: Seconds = maybe(
        description="How long nobody watched; missing when the device was booted in between."
    )


class AgentStarted(UrgentEvent):
    """An agent began to run."""

    type: Literal["agent.started"]
    data: AgentStartedSaid


# -- states, status, health --------------------------------------------------------------------


class Standing(Model):
    """What is true now: not numbered, not kept."""

    agent: Level
    asof: Stamp = Field(description="When this was true.")
    valid_s: Annotated[
        int, Field(gt=0, description="Not to be believed longer than this after `asof`.")
    ]


class Status(Standing):
    """Whether an agent is there. The will of a connection carries its boot and number."""

    state: Literal["online", "offline"]
    connection: Count = Field(description="Number of the connection within `boot`: it only grows.")
    boot: Name
    nonce: Name = Field(description="For commands without `expires`; new with every run.")
    version: str


class Info(Standing):
    """Who serves a station, and what the station is for."""

    station: Level
    segment: Level | None
    parts: list[str]
    loops: list[Level]


class LastNumbers(Model):
    """The last numbers of an epoch that are on the disk: sent, or waiting to be sent."""

    sequence: Count
    topics: dict[str, Count] = Field(description="`streamseq` by topic.")


class Health(Standing):
    """Counters that balance, ages and temperatures."""

    boot: Name
    version: str
    last_seq: dict[Epoch, LastNumbers]
    counters: dict[str, int | float | dict[str, int | float | None] | None] = Field(
        description="As `status --json` has them: `reads` since start (received = accepted + "
        "rejected + suppressed + pending), `events` of this epoch (stored = acknowledged + "
        "waiting + set_aside + dropped), and single figures with their unit at the end."
    )
    conditions: dict[str, Literal["ok", "starting", "trouble"]] = Field(
        description="By name: `journal`, `broker`, `clock`, `device:NAME`."
    )
    temperature_c: float | None = Field(description="Of the processor; null where unknown.")


# -- commands and results ----------------------------------------------------------------------


class ReplayOrder(Model):
    """What to send again, both ends included: by `epoch`, or by `topic` (and `epoch`)."""

    actor: Name = Field(description="Who asks.")
    epoch: Epoch = maybe(description="Missing: the present one.")
    topic: Annotated[str, Field(max_length=TOPIC_MAX)] = maybe(
        description="With it, `first` and `last` are `streamseq` of this topic."
    )
    first: Number | Annotated[str, Field(pattern=r"^\d{1,12}$")]
    last: Number | Annotated[str, Field(pattern=r"^\d{1,12}$")]


class CommandReplay(Model):
    """Asks an agent to publish events again, with the ids they had."""

    specversion: Literal["1.0"]
    id: Name = Field(description="Executed once by it; a repeat is answered `repeated`.")
    source: Name
    type: Literal["cmd.replay"]
    expires: str = maybe(
        description="RFC 3339; or `nonce`.", json_schema_extra={"format": "date-time"}
    )
    nonce: Name = maybe(description="The one in the agent's status; or `expires`.")
    data: ReplayOrder


class MissingSaid(Model):
    """Numbers that could not be sent again, both ends included."""

    first: Number
    last: Number
    reason: Literal["expired", "unknown"] | GapReason


class ReplaySaid(Model):
    """What was sent again, and what could not be."""

    epoch: Epoch
    topic: str | None
    first: Number
    last: Number
    sent: Count
    missing: list[MissingSaid]


class Result(Model):
    """What became of a command."""

    id: Name | None = Field(description="The command's; null when it had none that can be read.")
    type: Name | None
    outcome: Outcome
    reason: Wrong | Literal["busy", "unknown"] | None
    message: str = Field(description="The same for people.")
    agent: Level
    asof: Stamp
    replay: ReplaySaid = maybe(description="Of a `cmd.replay` that was carried out.")


MODELS: Final[dict[str, type[Model]]] = {
    "scan.read": ScanRead,
    "scan.rejected": ScanRejected,
    "alarm.raised": AlarmRaised,
    "alarm.cleared": AlarmCleared,
    "outbox.gap": OutboxGap,
    "clock.corrected": ClockCorrected,
    "agent.started": AgentStarted,
    "status": Status,
    "health": Health,
    "state.info": Info,
    "cmd.replay": CommandReplay,
    "result": Result,
}
"""Type of an event or command, or name of a plain message -> its model."""
