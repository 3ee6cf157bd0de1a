"""The messages of pace, as pydantic models: cycles, changeovers, measures per hour and shift.

Rules as in `models.py`. Nothing here stops or lights anything by itself, and none of it is OEE:
takt is the pace of demand, not what a machine could do.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from edge_agent.wire.model_parts import (
    Count,
    Level,
    Model,
    Name,
    NormalEvent,
    Seconds,
    Stamp,
    maybe,
)
from edge_agent.wire.models import Standing

Product = Annotated[str, Field(min_length=1, max_length=64)]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$", json_schema_extra={"format": "date"})]

# -- cycles and pace ---------------------------------------------------------------------------


class PaceSaid(Model):
    """Where it is."""

    station: Level
    segment: Level | None


class CycleSaid(PaceSaid):
    """One cycle: from the count before to this one."""

    count: Annotated[int, Field(ge=1)] = Field(description="Good parts that this cycle counts.")
    cycle_s: Seconds | None = Field(
        description="Since the count before, in working time; null for the first of a run."
    )
    takt_s: Seconds | None = Field(description="What it should have taken; null without a takt.")
    kind: Literal["normal", "small_stop", "down", "first"] = Field(
        alias="class",
        description="By its length: up to 1.2 takt `normal`, up to five minutes `small_stop`, "
        "beyond that `down`; `first`: nobody saw the count before.",
    )
    product: Product | None
    actor: str = maybe(description="Who counted, where a person did.")


class TaktCycle(NormalEvent):
    """A part was finished at the counting station."""

    type: Literal["takt.cycle"]
    data: CycleSaid


class OverrunSaid(PaceSaid):
    """How far over."""

    elapsed_s: Seconds = Field(description="Since the cycle began, in working time.")
    takt_s: Seconds
    suggest_call: bool = Field(description="Whether it is time to call: over 1.5 takt.")


class TaktOverrun(NormalEvent):
    """A cycle takes longer than takt allows: said once per cycle, once more to suggest a call."""

    type: Literal["takt.overrun"]
    data: OverrunSaid


class ChangeoverSaid(PaceSaid):
    """From what to what."""

    before: Product | None = Field(alias="from", description="The product that ends.")
    after: Product | None = Field(alias="to", description="The product that comes.")
    actor: str = maybe(description="Who said so, where that is known.")


class ChangeoverOverSaid(ChangeoverSaid):
    """How long it took."""

    duration_s: Seconds = Field(description="From its start to its end, monotonic.")
    last_good_s: Seconds = maybe(
        description="From the last good part before to the first good one after: the measure of "
        "a changeover; missing when one of the two was not seen."
    )


class TaktChangeoverStarted(NormalEvent):
    """A changeover begins: none of it is stop time."""

    type: Literal["takt.changeover_started"]
    data: ChangeoverSaid


class TaktChangeoverEnded(NormalEvent):
    """The next product is running."""

    type: Literal["takt.changeover_ended"]
    data: ChangeoverOverSaid


class MaintenanceDueSaid(PaceSaid):
    """After how many cycles."""

    cycles: Count = Field(description="Since the last maintenance.")
    limit: Annotated[int, Field(ge=1)] = Field(description="After how many it is due.")


class TaktMaintenanceDue(NormalEvent):
    """So many cycles have run that preventive maintenance is due; nothing stops for it."""

    type: Literal["takt.pm_due"]
    data: MaintenanceDueSaid


class FlowSaid(PaceSaid):
    """Whose doing it is."""

    cause: Name | None = Field(
        description="Id of the stop elsewhere that caused it, where that is known."
    )


class FlowingSaid(FlowSaid):
    """How long it did not flow."""

    lasted_s: Seconds


class TaktStarved(NormalEvent):
    """Nothing comes from upstream: waiting, and not this segment's stop."""

    type: Literal["takt.starved"]
    data: FlowSaid


class TaktBlocked(NormalEvent):
    """Nothing can be handed on downstream: waiting, and not this segment's stop."""

    type: Literal["takt.blocked"]
    data: FlowSaid


class TaktFlowing(NormalEvent):
    """It flows again."""

    type: Literal["takt.flowing"]
    data: FlowingSaid


class NoPulseSaid(Model):
    """Which input is silent."""

    segment: Level
    station: Level | None
    device: Level = Field(description="The input that tells the fixed position.")
    silent_s: Seconds


class TaktNoPulse(NormalEvent):
    """The fixed position is not told any more, and the line should move: nothing stops by it."""

    type: Literal["takt.no_pulse"]
    data: NoPulseSaid


# -- measures ----------------------------------------------------------------------------------


class Spread(Model):
    """A duration over many calls; of none of them the three are null."""

    mean: Seconds | None
    p50: Seconds | None
    p90: Seconds | None
    n: Count = Field(description="Of how many calls.")
    never: Count = Field(description="Calls that never came so far: they are in no average.")


class MeasuresSaid(PaceSaid):
    """What a station did in a stretch of time. A call counts once, where it was pulled."""

    shift: str | None = Field(description="Null outside of any shift.")
    day: Day = Field(description="The day on which the shift began, at the site.")
    begins: Stamp = Field(alias="from")
    ends: Stamp = Field(alias="to")
    pulls: Count = Field(description="Calls that were raised, test pulls and false ones too.")
    tta_s: Spread = Field(description="Pull to acknowledgement, implied ones among them.")
    tta_acked_s: Spread = maybe(description="The same without those that are only implied.")
    ttr_s: Spread = Field(description="Pull to clearing.")
    stop_s: Seconds = Field(
        description="Working time that stops of the segment lasted, split where shifts change; "
        "charged to the station of the primary call."
    )
    stopping: Count = maybe(description="Calls that may stop: `without_stop` is of these.")
    without_stop: Count = Field(description="Of those that may stop, cleared in time.")
    escalated: Count = Field(description="Calls that reached level 2.")
    by_level: dict[Annotated[str, Field(pattern=r"^[1-9]\d*$")], Count] = Field(
        description="Calls by the highest level that they reached."
    )
    actual: Count | None = Field(description="Good parts; null where nobody counts.")
    plan: Count | None = Field(description="Parts by takt and calendar; null without a takt.")
    repeats: Count = Field(description="Pulls while a call was open that did not clear it.")
    test_pulls: Count = Field(description="Pulls with the reason of a test: in no average.")
    unobserved_s: Seconds | None = Field(
        description="For how much of it no agent watched; null: nobody knows."
    )
    calendar: str | None = Field(description="Version of the calendar that it was counted by.")


class KpiHour(NormalEvent):
    """Measures of an hour, or of what of it lies in one shift."""

    type: Literal["kpi.hour"]
    data: MeasuresSaid


class KpiShift(NormalEvent):
    """Measures of a shift."""

    type: Literal["kpi.shift"]
    data: MeasuresSaid


# -- what is true now --------------------------------------------------------------------------


class StateTakt(Standing):
    """How a station keeps pace."""

    station: Level
    segment: Level | None
    takt_s: Seconds | None
    plan_now: float | None = Field(description="Parts due by now by takt and calendar.")
    expected_now: float | None = Field(description="The same less what excused stops cost.")
    actual: Count | None = Field(description="Good parts of this shift.")
    difference: float | None = Field(description="`actual` less `plan_now`.")
    cycle_elapsed_s: Seconds | None = Field(
        description="Since the cycle began, at `asof`, in working time; null while none runs."
    )
    cycle_takt_s: Seconds | None = Field(description="What this cycle should take.")
    shift: str | None
    product: Product | None
    pm_in: int | None = Field(
        description="Cycles until preventive maintenance is due; below 0: overdue; null: not said."
    )


PACE_MODELS: Final[dict[str, type[Model]]] = {
    "takt.cycle": TaktCycle,
    "takt.overrun": TaktOverrun,
    "takt.changeover_started": TaktChangeoverStarted,
    "takt.changeover_ended": TaktChangeoverEnded,
    "takt.pm_due": TaktMaintenanceDue,
    "takt.starved": TaktStarved,
    "takt.blocked": TaktBlocked,
    "takt.flowing": TaktFlowing,
    "takt.no_pulse": TaktNoPulse,
    "kpi.hour": KpiHour,
    "kpi.shift": KpiShift,
    "state.takt": StateTakt,
}
"""Type of an event of pace, or name of its state -> its model."""
