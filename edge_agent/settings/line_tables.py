"""The tables of a line: its segments, how its calls behave, its people, reasons and looks.

The defaults are those of `edge_agent.configuration`; here is what people may write instead.
"""

import re
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from edge_agent.configuration import Andon, Segment
from edge_agent.settings.tables import Id, Name, Role, Several, StationId, Table, limits
from edge_agent.settings.values import ID, station_id
from edge_agent.settings.words import Wrong, listed, nearest, shown

PLACES: Final = ("takt", "immediate", "call-only")
"""Fixed positions that need no device."""

FED: Final = ("pulse", "input")
"""Fixed positions that a device tells: `pulse:DEVICE`."""

EVERYWHERE: Final = "*"
"""The station of an [[andon]] that holds for all of them."""


def place(said: object) -> tuple[str, str | None] | None:
    """Read a fixed position: how it is known, and by which device; None when it is none."""
    if said in PLACES:
        return str(said), None
    how, colon, device = said.partition(":") if isinstance(said, str) else ("", "", "")
    if how in FED and colon and re.fullmatch(ID, device):
        return how, device
    return None


def _fixed_position(text: str) -> str:
    if place(text) is not None:
        return text
    how = text.partition(":")[0]
    near = nearest(how, (*PLACES, *FED))
    if near in FED:
        wrong, remedy = f"{shown(text)} names no device", f'write it like "{near}:DEVICE"'
    elif near and near != how:
        wrong, remedy = f"{shown(text)} is not known here", f"did you mean {shown(near)}?"
    else:
        words = listed(shown(one) for one in (*PLACES, *(f"{one}:DEVICE" for one in FED)))
        wrong, remedy = f"{shown(text)} is not known here", f"write {words}"
    raise Wrong((wrong, remedy))


def _anywhere(text: str) -> str:
    return text if text == EVERYWHERE else station_id(text)


FixedPosition = Annotated[
    str,
    AfterValidator(_fixed_position),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(PLACES)}|({'|'.join(FED)}):{ID})$"}),
]
AnyStation = Annotated[
    str, AfterValidator(_anywhere), WithJsonSchema({"type": "string", "pattern": rf"^(\*|{ID})$"})
]

Cancel = Literal["second-pull", "leader"]
Clear = Literal["button", "button+badge"]

_SEGMENT = Segment("")
_ANDON = Andon("", "")
_DAY_S: Final = 86_400


PACK_MAX: Final = 1_000_000


class ProductTable(Table):
    """One product of a segment, as far as it is another than the others."""

    called: ClassVar = "a product of products"
    sample: ClassVar = 'products = [{ name = "P2", takt_s = 45.0, pack_quantity = 12 }]'
    name: Name = Field(description="What cmd.changeover calls it", examples=["P2"])
    takt_s: Annotated[float | None, limits(0.1, 864_000, "seconds", "Its pace")] = None
    pack_quantity: Annotated[int | None, limits(1, PACK_MAX, "parts", "In a pack of it")] = None


class SegmentTable(Table):
    """One segment of the line: what stops and starts as one."""

    id: StationId = Field(description="Its level in the topics", examples=["SEG-A"])
    takt_s: Annotated[float | None, limits(0.1, 864_000, "seconds", "Pace of the segment")] = (
        _SEGMENT.takt_s
    )
    demand_per_shift: Annotated[
        int | None, limits(1, 1_000_000, "pieces", "Takt follows from it and net time")
    ] = _SEGMENT.demand_per_shift
    fixed_position: FixedPosition = Field(
        _SEGMENT.fixed_position,
        description="Where it may stop: takt, pulse:DEVICE, input:DEVICE, immediate, call-only",
    )
    restart_warning_s: Annotated[
        float, limits(0, 600, "seconds", "Announcement before a start is obeyed")
    ] = _SEGMENT.restart_warning_s
    stop_output: Id | None = Field(
        None, description="The output that asks the line to stop; none: lamps and events only"
    )
    start_input: Id | None = Field(None, description="The button of the local human start")
    min_window_s: Annotated[
        float, limits(0, _DAY_S, "seconds", "Time before the fixed position that a stop needs")
    ] = _SEGMENT.min_window_s
    stop_without_pulse_s: Annotated[
        float, limits(0, _DAY_S, "seconds", "Wait for a pulse, then stop; 0: for ever")
    ] = _SEGMENT.stop_without_pulse_s
    overrun: Annotated[float, limits(0, 10, "takts", "What a cycle may take beyond its takt")] = (
        _SEGMENT.overrun
    )
    small_stop_s: Annotated[
        float, limits(1, _DAY_S, "seconds", "Up to so long a late cycle is a small stop, then down")
    ] = _SEGMENT.small_stop_s
    pm_cycles: Annotated[
        int | None, limits(1, 1_000_000_000, "cycles", "Cycles between maintenances")
    ] = _SEGMENT.pm_cycles
    pack_quantity: Annotated[
        int | None, limits(1, PACK_MAX, "parts", "In a pack: takt times it is the pitch")
    ] = _SEGMENT.pack_quantity
    products: Several[ProductTable] = Field((), description="What is not the same for all of them")
    upstream: StationId | None = Field(
        None, description="The segment that feeds it: its stop is why this one is starved"
    )
    downstream: StationId | None = Field(
        None, description="The segment that it feeds: its stop is why this one is blocked"
    )
    owner: StationId | None = Field(
        None, description="The agent that speaks for it, where that is another one: call-only here"
    )


class LevelTable(Table):
    """One step of a ladder."""

    called: ClassVar = "a level of escalate"
    sample: ClassVar = 'escalate = [{ level = 2, after_s = 60.0, notify = "group-leader" }]'
    level: Annotated[int, limits(2, 9, "", "The level that is reached")]
    after_s: Annotated[float, limits(0, 7 * _DAY_S, "seconds", "Time since the pull")] = Field(
        examples=[60.0]
    )
    notify: Role = Field(description="The role that is asked", examples=["group-leader"])
    shifts: Several[Id] = Field((), description="Shifts in which this is so; none: all")


class AndonTable(Table):
    """How the calls of a category behave, at one station or at all of them."""

    station: AnyStation = Field(description="A station, or * for all", examples=["A3"])
    category: Id = Field(description="Category of the calls", examples=["quality"])
    stops: bool = Field(
        _ANDON.stops, description="Whether an open call stops the segment at its fixed position"
    )
    cancel: Cancel = Field(
        "second-pull", description="Who clears a call; must be said where it stops"
    )
    clear: Clear = Field("button", description="What clearing takes at the station")
    min_cancel_s: Annotated[
        float, limits(0, 600, "seconds", "Age before a second pull clears a call")
    ] = _ANDON.min_cancel_s
    ack_s: Annotated[float, limits(1, _DAY_S, "seconds", "Wanted time to acknowledge")] = (
        _ANDON.ack_s
    )
    reason_grace_s: Annotated[
        float, limits(0, 7 * _DAY_S, "seconds", "Wait for a reason before it is unassigned")
    ] = _ANDON.reason_grace_s
    stop_now: bool = Field(
        _ANDON.stop_now, description="A confirmed stop does not wait for the fixed position"
    )
    pause: bool = Field(
        _ANDON.pause, description="Whether its ladder rests outside of working time"
    )
    responders: Several[Role] = Field((), description="Roles that are asked first")
    escalate: Several[LevelTable] = Field((), description="Who is asked when nobody answers")


class PersonTable(Table):
    """Who a badge belongs to."""

    badge: Name = Field(description="What the badge says when it is read", examples=["E:1007"])
    name: Name = Field(description="Name of the person", examples=["L. Weber"])
    roles: Several[Role] = Field((), description="What this person may do")
    skills: Several[Name] = Field((), description="What this person has learnt")
    shifts: Several[Id] = Field((), description="Shifts that this person works; none: all")


class ReasonTable(Table):
    """Why there was a call."""

    code: Id = Field(description="Its code, unique", examples=["FIT"])
    text: Name = Field(description="What people read", examples=["Does not fit"])
    categories: Several[Id] = Field((), description="Calls that it is for; none: all")


TABLES: Final[dict[str, tuple[type[Table], str]]] = {
    "segment": (SegmentTable, "a [[segment]]"),
    "andon": (AndonTable, "an [[andon]]"),
    "person": (PersonTable, "a [[person]]"),
    "reason": (ReasonTable, "a [[reason]]"),
}
"""Name in the file -> its model, and what people call one of them."""
