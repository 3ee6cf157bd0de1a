"""The messages of andon, as pydantic models: calls, stops, what is true of stations and segments.

Rules as in `models.py`. A call is named by the id of the event that told its first pull, a stop by
that of its `stop.started`. This is no emergency stop: nothing here belongs to a safety chain.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from edge_agent.wire.model_parts import (
    Count,
    Level,
    Model,
    Name,
    Seconds,
    Stamp,
    UrgentEvent,
    maybe,
)

FaultWord = Literal["wire-break", "stuck", "discrepancy", "lost"]


class AndonSaid(Model):
    """What every andon event says."""

    call: Name | None = Field(description="Id of the event of its first pull; null: of no call.")
    category: Level | None
    station: Level
    segment: Level | None
    actor: str | None = Field(description="Who did it, where that is known.")
    device: Level | None = Field(description="The cord or button that was pulled.")


class CallSaid(AndonSaid):
    """What an event of a call says."""

    call: Name
    category: Level
    level: Annotated[int, Field(ge=1)] = Field(description="1: the pull; higher: escalated.")
    stops: bool = Field(description="Whether it may stop its segment.")
    due: Stamp | None = Field(
        description="When the fixed position is expected; null where nobody can know."
    )


class LaterSaid(CallSaid):
    """What an event of a call says that is not its first."""

    age_s: Seconds = Field(description="Since the pull, monotonic.")
    stopped: bool = Field(description="Whether it has stopped its segment.")
    ack_implied: bool = Field(
        description="Whether the only evidence of an acknowledgement is that it was cleared."
    )
    repeat_count: Count = Field(description="Pulls while it was open that did not clear it.")
    tta_s: Seconds = maybe(description="Pull to acknowledgement; missing until then.")
    ttr_s: Seconds = maybe(description="Pull to clearing; missing until then.")
    unobserved_s: Seconds | None = maybe(
        description="For how much of it no agent watched; null: for some, and nobody knows how "
        "long; missing: for none."
    )


class ClosedSaid(LaterSaid):
    """Why there was a call."""

    reason: str = Field(description="A reason code, or `unassigned` once its grace was over.")


class EscalatedSaid(LaterSaid):
    """Whose help is asked for now."""

    notify: str | None = Field(description="The role that is asked for.")
    people: list[str] = Field(description="Who has it and is on shift at this moment.")
    after_s: Seconds = maybe(description="After how long this level is asked for, by its rule.")


class FaultSaid(AndonSaid):
    """Which input is not to be trusted, and why."""

    fault: FaultWord
    level: Annotated[int, Field(ge=1)] = maybe()
    stops: bool = maybe()
    due: Stamp | None = maybe()
    age_s: Seconds = maybe()
    stopped: bool = maybe()
    ack_implied: bool = maybe()
    repeat_count: Count = maybe()
    tta_s: Seconds = maybe()
    ttr_s: Seconds = maybe()
    unobserved_s: Seconds | None = maybe()


class RejectedSaid(FaultSaid):
    """What was not done, and why."""

    fault: FaultWord = maybe()
    trigger: str = Field(description="What somebody wanted.")
    why: str = Field(description="Why it was not done, for people.")
    notify: str = maybe(description="The role that is warned of it, where one is.")
    people: list[str] = maybe(description="Who has it and is on shift at this moment.")


class BypassSaid(AndonSaid):
    """Whose calls stop nothing for a while."""

    until: Stamp = maybe(description="When it ends by itself, by a clock that is set.")
    for_s: Seconds = maybe(description="In how long it ends by itself.")
    reason: str = maybe(description="Why, where somebody said so.")


class AndonRaised(UrgentEvent):
    """Somebody has pulled: a request for help, not a stop."""

    type: Literal["andon.raised"]
    data: CallSaid


class AndonTaken(UrgentEvent):
    """Somebody is on the way; said from afar, it changes nothing at the station."""

    type: Literal["andon.taken"]
    data: LaterSaid


class AndonAcked(UrgentEvent):
    """Somebody has come: the sound ends, the light stays."""

    type: Literal["andon.acked"]
    data: LaterSaid


class AndonEscalated(UrgentEvent):
    """Nobody's answer was soon enough: the next level is asked for."""

    type: Literal["andon.escalated"]
    data: EscalatedSaid


class AndonStopped(UrgentEvent):
    """The fixed position was reached, and the call was open."""

    type: Literal["andon.stopped"]
    data: LaterSaid


class AndonCleared(UrgentEvent):
    """The condition is gone; a reason may still be missing."""

    type: Literal["andon.cleared"]
    data: LaterSaid


class AndonClosed(UrgentEvent):
    """The call is over, with its reason."""

    type: Literal["andon.closed"]
    data: ClosedSaid


class AndonRepeated(UrgentEvent):
    """A pull while the call was open, that did not clear it."""

    type: Literal["andon.repeated"]
    data: LaterSaid


class AndonFault(UrgentEvent):
    """An input is not to be trusted any more."""

    type: Literal["andon.fault"]
    data: FaultSaid


class AndonFaultCleared(UrgentEvent):
    """An input works again and was reset."""

    type: Literal["andon.fault_cleared"]
    data: FaultSaid


class AndonRejected(UrgentEvent):
    """Somebody wanted what cannot be done now; nothing has changed."""

    type: Literal["andon.rejected"]
    data: RejectedSaid


class AndonBypassed(UrgentEvent):
    """Calls of a station and category stop nothing for a while; they still light."""

    type: Literal["andon.bypassed"]
    data: BypassSaid


class AndonBypassEnded(UrgentEvent):
    """They stop again."""

    type: Literal["andon.bypass_ended"]
    data: BypassSaid


class HandoverSaid(Model):
    """What one shift leaves to the next."""

    station: Level = Field(description="Where it was confirmed.")
    segment: Level | None
    shift_from: str | None
    shift_to: str | None
    calls: list[Name] = Field(description="Calls that are open: nothing closes with a shift.")
    actor: str = Field(description="Who takes over, and has confirmed it.")


class AndonHandover(UrgentEvent):
    """Whoever comes has confirmed what is open; from now on he is asked."""

    type: Literal["andon.handover"]
    data: HandoverSaid


class TrainingSaid(Model):
    """Whose training it is."""

    station: Level
    segment: Level | None
    actor: str | None


class AndonTrainingStarted(UrgentEvent):
    """From now on everything here is marked, and outputs other than lamps and horns stay still."""

    type: Literal["andon.training_started"]
    data: TrainingSaid


class AndonTrainingEnded(UrgentEvent):
    """What happens from now on is meant."""

    type: Literal["andon.training_ended"]
    data: TrainingSaid


class EstopSaid(Model):
    """What an auxiliary contact of an emergency stop shows."""

    station: Level
    segment: Level | None
    device: Level


class AndonEstopObserved(UrgentEvent):
    """An emergency stop was seen to be actuated: no andon stop, and nothing here acts on it."""

    type: Literal["andon.estop_observed"]
    data: EstopSaid


class AndonEstopResetObserved(UrgentEvent):
    """It was seen to be reset, by whoever may: this agent cannot."""

    type: Literal["andon.estop_reset_observed"]
    data: EstopSaid


class StopSaid(Model):
    """One stop of a segment."""

    stop: Name = Field(description="Id of its `stop.started`.")
    segment: Level
    calls: list[Name] = Field(description="Every call, or fault, that held it.")
    primary: Name = Field(description="That of them which was raised first: it is charged.")
    category: Level | None = Field(description="Of the primary.")
    station: Level | None = Field(description="Of the primary.")
    shift: str | None = Field(description="The shift in which it began; null outside of any.")


class StopStarted(UrgentEvent):
    """A segment has reached its fixed position with an open call: the stop is asked of the PLC."""

    type: Literal["stop.started"]
    data: StopSaid


class ShiftShare(Model):
    """How much of a stop is working time of one shift: its stop minutes."""

    shift: str | None
    stop_s: Seconds


class StopEndedSaid(StopSaid):
    """How long it lasted."""

    duration_s: Seconds = Field(description="From the fixed position to the start, monotonic.")
    unobserved_s: Seconds | None = Field(
        description="For how much of it no agent watched; null: nobody knows."
    )
    by_shift: list[ShiftShare] = Field(
        description="Split where shifts change, in order; together they are `scheduled_s`."
    )
    scheduled_s: Seconds = maybe(
        description="How much of it was working time by the calendar: stop minutes are of this."
    )


class StopEnded(UrgentEvent):
    """A hand has started the segment again, or it was seen to move."""

    type: Literal["stop.ended"]
    data: StopEndedSaid


LINE_MODELS: Final[dict[str, type[Model]]] = {
    "andon.raised": AndonRaised,
    "andon.taken": AndonTaken,
    "andon.acked": AndonAcked,
    "andon.escalated": AndonEscalated,
    "andon.stopped": AndonStopped,
    "andon.cleared": AndonCleared,
    "andon.closed": AndonClosed,
    "andon.repeated": AndonRepeated,
    "andon.fault": AndonFault,
    "andon.fault_cleared": AndonFaultCleared,
    "andon.rejected": AndonRejected,
    "andon.handover": AndonHandover,
    "andon.estop_observed": AndonEstopObserved,
    "andon.estop_reset_observed": AndonEstopResetObserved,
    "andon.bypassed": AndonBypassed,
    "andon.bypass_ended": AndonBypassEnded,
    "andon.training_started": AndonTrainingStarted,
    "andon.training_ended": AndonTrainingEnded,
    "stop.started": StopStarted,
    "stop.ended": StopEnded,
}
"""Type of an event of the line -> its model."""
