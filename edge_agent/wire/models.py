"""What every message must be, as pydantic models: the oracle of the tests, the schemas of others.

Rules:
1. A model forbids what it does not know, so that a test sees a key that nobody has published.
   The published schemas allow it: consumers ignore what they do not know.
2. A key that may be missing is missing, never null; null is a value ("nobody knows").
3. Every field says what it is, with its unit where it has one.
Examples are in `examples.py`. The running agent never imports this: only `schema` and tests do.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from edge_agent.wire.command import TOPIC_MAX, Wrong
from edge_agent.wire.messages import AlarmKind, GapReason, Outcome, PreviousEnd, Refusal
from edge_agent.wire.model_parts import (
    Count,
    Epoch,
    Level,
    Model,
    Name,
    NormalEvent,
    Number,
    Seconds,
    Stamp,
    UrgentEvent,
    maybe,
)

# -- events ------------------------------------------------------------------------------------


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
    ids: dict[str, str] = maybe(description="What of it identifies something, by its name.")
    warnings: list[str] = maybe(
        description="What was odd about it; one that begins with `recovered` says what was mended."
    )
    error: str = maybe(description="Why it is not what it claims to be; there are no fields then.")


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
        description="How the run before ended: by itself (`clean`), cut off (`cut`), or nobody "
        "knows, because its journal was found broken and set apart (`quarantined`) or because "
        "there was none (`none`)."
    )
    unobserved_s: Seconds = maybe(
        description="How long nobody watched; missing when the device was booted in between."
    )


class AgentStarted(UrgentEvent):
    """An agent began to run."""

    type: Literal["agent.started"]
    data: AgentStartedSaid


class AgentReloadedSaid(Model):
    """What is another one now."""

    message: str = Field(description="What has changed, for people.")
    after_restart: list[str] = Field(description="Keys that wait for a restart.")


class AgentReloaded(UrgentEvent):
    """An agent goes by another configuration."""

    type: Literal["agent.reloaded"]
    data: AgentReloadedSaid


class JournalQuarantinedSaid(Model):
    """What was set apart, what came out of it, and what did not."""

    folder: Level = Field(description="Folder in `data_dir` where it stands; never written to.")
    epoch: Epoch = maybe(description="Its epoch, that no new event has; missing if unreadable.")
    rows: Count = Field(description="Events salvaged from it; they keep their ids.")
    waiting: Count = Field(
        description="How many of those were not known to be acknowledged: they are published "
        "before anything new, some perhaps for the second time."
    )
    last: Count = Field(description="Highest `sequence` known to have been given; 0: none is.")
    lost: Count = Field(
        description="How many numbers up to `last` will never come; an `outbox.gap` tells each "
        "stretch. Beyond `last` nobody knows of any."
    )
    unread_bytes: Count = Field(description="Bytes that the disk did not read.")
    why: Annotated[str, Field(min_length=1)] = maybe(
        description="Why it counts as broken, for people; missing if nobody knows."
    )


class JournalQuarantined(UrgentEvent):
    """The journal was found broken and set apart; a new one, with a new epoch, has begun.

    Said once by the new journal, and beside it an alarm `quarantine:FOLDER` of kind `storage`,
    which is cleared when the broker has taken all that was salvaged. A folder that is still there
    when the new journal breaks too is salvaged and told once more.
    """

    type: Literal["journal.quarantined"]
    data: JournalQuarantinedSaid


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
    reason: Literal["expired", "unknown"] | GapReason = Field(
        description="`expired`: sent, and gone with the replay window; `unknown`: this agent knows "
        "of no such number, or of no such epoch; else the word of the `outbox.gap` that told it."
    )


class ReplaySaid(Model):
    """What was sent again, and what could not be."""

    epoch: Epoch
    topic: str | None
    first: Number
    last: Number
    sent: Count
    missing: list[MissingSaid]


class Doctor(Model):
    """What `edge-agent doctor` says to hear whether it arrives; it means nothing."""

    doctor: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$", description="By chance, each time.")]


class Result(Model):
    """What became of a command."""

    id: Name | None = Field(description="The command's; null when it had none that can be read.")
    type: Name | None
    outcome: Outcome
    reason: Wrong | Refusal | None
    message: str = Field(description="The same for people.")
    agent: Level
    asof: Stamp
    replay: ReplaySaid = maybe(description="Of a `cmd.replay` that was carried out.")
    call: Name = maybe(description="The call that it was about, where it named one.")


MODELS: Final[dict[str, type[Model]]] = {
    "scan.read": ScanRead,
    "scan.rejected": ScanRejected,
    "alarm.raised": AlarmRaised,
    "alarm.cleared": AlarmCleared,
    "outbox.gap": OutboxGap,
    "clock.corrected": ClockCorrected,
    "agent.started": AgentStarted,
    "agent.reloaded": AgentReloaded,
    "journal.quarantined": JournalQuarantined,
    "status": Status,
    "health": Health,
    "doctor": Doctor,
    "state.info": Info,
    "cmd.replay": CommandReplay,
    "result": Result,
}
"""Type of an event or command, or name of a plain message -> its model."""
