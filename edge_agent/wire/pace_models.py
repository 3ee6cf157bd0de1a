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
    last_good_s: Seconds = maybe(
        description="The first good part after a changeover that somebody had ended: from the last "
        "good part before. Where this part has ended it, the end says so, and this does not."
    )
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
        "a changeover. Missing when the one before was not seen, or when somebody has ended it "
        "before the first good part came: then the `takt.cycle` of that part has it."
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


class MaintainedSaid(PaceSaid):
    """After how many cycles it was done."""

    cycles: Count = Field(description="Since the maintenance before; counted anew from now on.")
    limit: Annotated[int, Field(ge=1)] | None = Field(description="After how many it is due.")
    actor: str = Field(description="Who said so.")


class TaktMaintained(NormalEvent):
    """Preventive maintenance was done."""

    type: Literal["takt.pm_done"]
    data: MaintainedSaid


class PitchSaid(PaceSaid):
    """How many packs are missing."""

    pitch_s: Seconds = Field(description="Takt times `pack_quantity`.")
    pack_quantity: Annotated[int, Field(ge=1)] = Field(description="Good parts in a pack.")
    pitch_due: Count = Field(description="Whole packs that are planned by now in this shift.")
    pitch_done: Count = Field(description="Whole packs of good parts so far.")
    pitches_behind: Annotated[int, Field(ge=1)]
    product: Product | None


class TaktPitchOverdue(NormalEvent):
    """A pack is due and not finished: said once for every pack that a station falls behind."""

    type: Literal["takt.pitch_overdue"]
    data: PitchSaid


class WorkedSaid(PaceSaid):
    """Until when."""

    until: Stamp | None = Field(description="Until when work goes on; null: it ends now.")
    actor: str = Field(description="Who has ordered it.")


class TaktWorked(NormalEvent):
    """A break, an evening or a holiday is worked: plan, timers and stop minutes go on in it.

    The whole site works; it is told at the station at which it was ordered.
    """

    type: Literal["takt.worked"]
    data: WorkedSaid


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
    repair_s: Spread = maybe(description="Acknowledgement, where somebody came, to clearing.")
    overdue: Count = maybe(description="Acknowledgements that took longer than `ack_s`.")
    stop_s: Seconds = Field(
        description="Working time that stops of the segment lasted, split where shifts change; "
        "charged to the station of the primary call."
    )
    stops: Count = maybe(description="Stops of the segment that began here, charged likewise.")
    stopping: Count = maybe(description="Calls that may stop: `without_stop` is of these.")
    without_stop: Count = Field(description="Of those that may stop, cleared in time.")
    escalated: Count = Field(description="Calls that reached level 2.")
    by_level: dict[Annotated[str, Field(pattern=r"^[1-9]\d*$")], Count] = Field(
        description="Calls by the highest level that they reached."
    )
    actual: Count | None = Field(description="Good parts; null where nobody counts.")
    plan: Count | None = Field(description="Parts by takt and calendar; null without a takt.")
    expected: Count | None = Field(
        description="The same less what excused time cost: stood, starved, blocked, changed over."
    )
    cycles: dict[Literal["normal", "small_stop", "down", "first"], Count] = Field(
        description="Cycles by their class; those of which there was none are missing."
    )
    changeovers: Count = Field(description="Changeovers whose first good part was counted here.")
    last_good_s: Seconds = Field(
        description="Last good part to first good part, of all of them together."
    )
    repeats: Count = Field(description="Pulls while a call was open that did not clear it.")
    again: Count = maybe(description="Calls whose cause this station has had within a day.")
    bypasses: Count = maybe(description="Bypasses that began.")
    first_pull: Stamp | None = maybe(description="The first call that was raised.")
    last_pull: Stamp | None = maybe()
    first_part: Stamp | None = maybe(description="The first part that was counted.")
    last_part: Stamp | None = maybe()
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
    plan_now: float | None = Field(
        description="Whole parts due by now in this shift, by takt and calendar: what stood in the "
        "way is not taken off. Each stretch of a shift has its own takt, where products change."
    )
    expected_now: float | None = Field(
        description="The same less what excused time cost: stood, starved, blocked, changed over."
    )
    plan_shift: float | None = Field(description="Parts due when this shift ends.")
    actual: Count | None = Field(description="Good parts of this shift.")
    difference: float | None = Field(description="`actual` less `plan_now`.")
    efficiency: Annotated[float, Field(ge=0)] | None = Field(
        description="`actual` by `plan_now`, 1 is on plan; null while nothing is planned. No OEE."
    )
    down_s: Seconds | None = Field(
        description="Working time of this shift that is excused: what `expected_now` leaves out."
    )
    cycle_elapsed_s: Seconds | None = Field(
        description="Since the cycle began, at `asof`, in working time; null while none runs."
    )
    cycle_takt_s: Seconds | None = Field(description="What this cycle should take.")
    cycle_runs: bool = Field(
        description="Whether it goes on: not before the first part, nor while nobody works or the "
        "segment stands, waits or is changed over."
    )
    last_cycle_s: Seconds | None = Field(description="What the cycle before took; null: unknown.")
    late: bool = Field(description="Whether this cycle takes longer than takt and tolerance.")
    suggest_call: bool = Field(description="Whether it is time to call: over 1.5 takt.")
    pack_quantity: Annotated[int, Field(ge=1)] | None = Field(
        description="Good parts in a pack; null where nobody says so, and so are the next four."
    )
    pitch_s: Seconds | None = Field(description="Takt times `pack_quantity`.")
    pitch_due: Count | None = Field(description="Whole packs planned by now in this shift.")
    pitch_done: Count | None = Field(description="Whole packs of good parts in this shift.")
    pitches_behind: Count | None = Field(description="Packs that are due and not done.")
    shift: str | None = Field(description="The shift that counts: the last one, outside of any.")
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
    "takt.pm_done": TaktMaintained,
    "takt.pitch_overdue": TaktPitchOverdue,
    "takt.worked": TaktWorked,
    "takt.starved": TaktStarved,
    "takt.blocked": TaktBlocked,
    "takt.flowing": TaktFlowing,
    "takt.no_pulse": TaktNoPulse,
    "kpi.hour": KpiHour,
    "kpi.shift": KpiShift,
    "state.takt": StateTakt,
}
"""Type of an event of pace, or name of its state -> its model."""
