"""What is true of stations and segments now, and what may be asked of them, as pydantic models."""

from typing import Annotated, Final, Literal

from pydantic import Field

from edge_agent.domain.looks import Showing
from edge_agent.wire.line_models import FaultWord
from edge_agent.wire.model_parts import Count, Level, Model, Name, Stamp, maybe
from edge_agent.wire.models import Standing
from edge_agent.wire.orders import BYPASS_S_MAX, COUNT_MAX, PRODUCT_MAX

# -- what is true now --------------------------------------------------------------------------


class OpenCall(Model):
    """A call that is open."""

    call: Name
    category: Level
    state: Literal["called", "acked", "stopped", "stopped-acked"]
    level: Annotated[int, Field(ge=1)]
    raised: Stamp
    due: Stamp | None
    stops: bool
    taken_by: str | None
    repeat_count: Count
    asked: list[str] = Field(
        description="Whom its level asks for, of the shift that runs now; empty: nobody is named."
    )


class FaultyInput(Model):
    """An input that is not to be trusted."""

    category: Level
    fault: FaultWord


class Bypass(Model):
    """Calls that stop nothing for a while."""

    category: Level
    until: Stamp


class StateAndon(Standing):
    """What is open at a station, and what its tower shows."""

    station: Level
    segment: Level | None
    calls: list[OpenCall] = Field(description="Open calls, the earliest first.")
    faults: list[FaultyInput]
    bypass: list[Bypass]
    training: bool
    showing: list[Showing] = Field(description="Every condition that is true, the highest first.")


class StateDisplay(Standing):
    """What the person at the station needs to read."""

    station: Level
    text: str
    lines: list[str]
    severity: Literal["ok", "info", "call", "stop", "fault"]


class OpenStop(Model):
    """A stop that is not over."""

    stop: Name
    since: Stamp
    calls: list[Name]
    primary: Name


class StateSegment(Standing):
    """What a segment does."""

    segment: Level
    state: Literal[
        "unknown",
        "running",
        "stop-pending",
        "stopped",
        "restarting",
        "starved",
        "blocked",
        "changeover",
    ]
    scheduled: bool = Field(description="Whether it is working time by the calendar.")
    stop: OpenStop | None
    due: Stamp | None = Field(description="When the fixed position is expected.")
    restart_from: Stamp | None = Field(
        description="From when on a hand at the start is obeyed, while a restart is announced."
    )
    training: bool


# -- commands ------------------------------------------------------------------------------------


class LineOrderSaid(Model):
    """What is asked of a station; what a command has no use for it passes over."""

    actor: Name = Field(description="Who asks.")
    call: Name = maybe(description="Only this call; missing: all that fit.")
    category: Level = maybe(description="Only calls of this category.")
    for_s: Annotated[float, Field(ge=0, le=BYPASS_S_MAX)] = maybe(
        description="`mute`, `bypass`, `lamp-test`: for how long, in seconds; 600, 28800 and 60 "
        "at most."
    )
    on: bool = maybe(
        description="`training`, `bypass`, `changeover`: begin or end; `worked`: false ends it."
    )
    reason: Level = maybe(description="`reason`: a reason code; `bypass`: why.")
    count: Annotated[int, Field(ge=1, le=COUNT_MAX)] = maybe(
        description="`count`: how many good parts; missing: one."
    )
    product: Annotated[str, Field(min_length=1, max_length=PRODUCT_MAX)] = maybe(
        description="`changeover`: the product that comes."
    )
    until: str = maybe(
        description="`worked`: until when work goes on, RFC 3339.",
        json_schema_extra={"format": "date-time"},
    )


class LineCommand(Model):
    """Asks something of a station. The role is the topic's; `docs/andon.md` says who may what."""

    specversion: Literal["1.0"]
    id: Name = Field(description="Executed once by it; a repeat is answered `repeated`.")
    source: Name
    type: Name
    expires: str = maybe(
        description="RFC 3339; or `nonce`.", json_schema_extra={"format": "date-time"}
    )
    nonce: Name = maybe(description="The one in the agent's status; or `expires`.")
    data: LineOrderSaid


class CommandAck(LineCommand):
    """Taken: somebody is on the way. From afar nobody can acknowledge."""

    type: Literal["cmd.ack"]


class CommandClear(LineCommand):
    """Closes a call that stops nothing and was acknowledged at the station."""

    type: Literal["cmd.clear"]


class CommandConfirmStop(LineCommand):
    """Wants the stop: the line stops at its fixed position, whoever comes."""

    type: Literal["cmd.confirm-stop"]


class CommandResetFault(LineCommand):
    """Trusts inputs again that work again; a fault that is still there stays."""

    type: Literal["cmd.reset-fault"]


class CommandMute(LineCommand):
    """Silences a station until its next call; never a restart warning."""

    type: Literal["cmd.mute"]


class CommandLampTest(LineCommand):
    """Lights every lamp of a station for a moment."""

    type: Literal["cmd.lamp-test"]


class CommandBypass(LineCommand):
    """Lets calls of a category stop nothing for a while; they still light."""

    type: Literal["cmd.bypass"]


class CommandTraining(LineCommand):
    """Begins or ends training of a station's segment."""

    type: Literal["cmd.training"]


class CommandReason(LineCommand):
    """Says why there was the call that has waited longest for its reason."""

    type: Literal["cmd.reason"]


class CommandCount(LineCommand):
    """Counts good parts at a station where no input does."""

    type: Literal["cmd.count"]


class CommandChangeover(LineCommand):
    """Begins or ends the changeover of a station's segment."""

    type: Literal["cmd.changeover"]


class CommandWorked(LineCommand):
    """Says that a break, an evening or a holiday is worked, until when: overtime."""

    type: Literal["cmd.worked"]


class CommandHandover(LineCommand):
    """Confirms what is open, by whoever takes the shift over."""

    type: Literal["cmd.handover"]


class CommandMaintained(LineCommand):
    """Says that preventive maintenance was done: its cycles are counted anew."""

    type: Literal["cmd.maintained"]


ORDER_MODELS: Final[dict[str, type[Model]]] = {
    "state.andon": StateAndon,
    "state.display": StateDisplay,
    "state.segment": StateSegment,
    "cmd.ack": CommandAck,
    "cmd.clear": CommandClear,
    "cmd.confirm-stop": CommandConfirmStop,
    "cmd.reset-fault": CommandResetFault,
    "cmd.mute": CommandMute,
    "cmd.lamp-test": CommandLampTest,
    "cmd.bypass": CommandBypass,
    "cmd.training": CommandTraining,
    "cmd.reason": CommandReason,
    "cmd.count": CommandCount,
    "cmd.changeover": CommandChangeover,
    "cmd.worked": CommandWorked,
    "cmd.handover": CommandHandover,
    "cmd.maintained": CommandMaintained,
}
"""Name of a state, or type of a command to the line -> its model."""
