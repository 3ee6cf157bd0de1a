"""What must hold for a segment: its stations, its pace, and the devices that stop and start it.

A stop never travels over the broker: what a segment is stopped by, and at, is on this agent.
"""

from typing import Final, NamedTuple

from edge_agent.ports import Part, Purpose
from edge_agent.settings.devices import Placed
from edge_agent.settings.floor import Floor, Said, fixed_position, number, text
from edge_agent.settings.line_tables import FED
from edge_agent.settings.neighbours import known, own_id
from edge_agent.settings.words import listed, nearest, shown
from edge_agent.toml_places import KeyPath
from edge_agent.wire.orders import PRODUCT_MAX

HEARTBEAT: Final = "heartbeat"
"""The purpose of an output that the line watches: it cannot ask for a stop."""


def check_segments(floor: Floor) -> None:
    """Refuse what cannot be of the site, its stations and its segments."""
    document, segments = floor.document, floor.tables("segment")
    known(document, ("site", "calendar"), floor.calendar, floor.calendars, "calendar")
    written = [name for _, said in segments if (name := text(said, "id"))]
    for at, said in floor.tables("station"):
        known(document, (*at, "segment"), said.get("segment"), written, "segment")
    ids: dict[str, KeyPath] = {}
    outputs: dict[str, tuple[KeyPath, str]] = {}
    for at, said in segments:
        own_id(document, (*at, "id"), said.get("id"), ids, "segment")
        _stations(floor, at, said)
        _owner(floor, at, said)
        _neighbours(floor, at, said)
        _pace(floor, at, said)
        _products(floor, at, said)
        _fixed_position(floor, at, said)
        _stop_output(floor, at, said, outputs)
        _start_input(floor, at, said)
        _release(floor, at, said)


def _owner(floor: Floor, at: KeyPath, said: Said) -> None:
    """Refuse what only the agent that speaks for a segment may say."""
    own = (floor.document.values.get("agent") or {}).get("id")
    owner = text(said, "owner")
    if owner is None or owner == own:
        return
    for key in ("stop_output", "start_input", "takt_s", "demand_per_shift"):
        if key in said:
            floor.document.refuse(
                (*at, key),
                f"is said by {shown(owner)}, which owns the segment",
                "remove it here: stations of this agent join it as call-only",
            )
    if (fixed_position(said) or ("call-only",))[0] != "call-only":
        floor.document.refuse(
            (*at, "fixed_position"),
            f"is said by {shown(owner)}, which owns the segment, and a stop never travels over the "
            "broker",
            'write "call-only", or leave it out',
        )


def _neighbours(floor: Floor, at: KeyPath, said: Said) -> None:
    for key in ("upstream", "downstream"):
        if said.get(key) is not None and said.get(key) == said.get("id"):
            floor.document.refuse((*at, key), "is the segment itself", "write the one beside it")


def _stations(floor: Floor, at: KeyPath, said: Said) -> None:
    name = text(said, "id")
    if name is None or any(one.get("segment") == name for _, one in floor.tables("station")):
        return
    floor.document.refuse(
        (*at, "id"),
        "no station of this agent stands in it",
        f"write segment = {shown(name)} in its [[station]], or remove the segment",
    )


# -- its pace ----------------------------------------------------------------------------------


def _pace(floor: Floor, at: KeyPath, said: Said) -> None:
    document = floor.document
    if "takt_s" in said and "demand_per_shift" in said:
        document.refuse(
            (*at, "demand_per_shift"),
            f"contradicts takt_s, at {document.spot((*at, 'takt_s'))}",
            "keep one of them: takt_s is the pace, demand_per_shift makes it of net time",
        )
    elif "demand_per_shift" in said:
        if "calendar" not in (document.values.get("site") or {}):
            document.refuse(
                (*at, "demand_per_shift"),
                "is for a shift, and [site] names no calendar that has shifts",
                'write calendar = "..." in [site], or takt_s in place of it',
            )
    elif "takt_s" in said:
        _within_a_shift(floor, at, number(said, "takt_s"))
    elif why := _paced_by(floor, said):
        document.refuse(
            (*at, "takt_s"),
            f"is missing though {why}",
            "write takt_s = 60.0, or demand_per_shift = 440",
            at=at,
        )


def _products(floor: Floor, at: KeyPath, said: Said) -> None:
    products = said.get("products")
    named: dict[str, KeyPath] = {}
    for index, one in enumerate(products if isinstance(products, list) else ()):
        if not isinstance(one, dict):
            continue
        where = (*at, "products", index, "name")
        name = text(one, "name")
        if name is None:
            continue
        if len(name) > PRODUCT_MAX:
            floor.document.refuse(
                where,
                f"has {len(name)} characters, and cmd.changeover names none of more than "
                f"{PRODUCT_MAX}",
                "write the name that people give it",
            )
        elif name in named:
            spot = floor.document.spot(named[name])
            floor.document.refuse(where, f"{shown(name)} is said already, at {spot}", "keep one")
        named.setdefault(name, where)


def _within_a_shift(floor: Floor, at: KeyPath, takt_s: float | None) -> None:
    shifts = floor.calendars.get(floor.calendar or "")
    if takt_s is None or not shifts:
        return
    longest = max(shifts, key=lambda one: one.net_s)
    if takt_s > longest.net_s > 0:
        floor.document.refuse(
            (*at, "takt_s"),
            f"{takt_s:.15g} seconds are longer than the longest shift, {shown(longest.id)}, "
            f"which works {longest.net_s}",
            "write the seconds from one piece to the next",
        )


def _paced_by(floor: Floor, said: Said) -> str | None:
    """Say what of a segment needs a takt; None when nothing does."""
    how, name = fixed_position(said) or (None, None)
    if how == "takt":
        return 'fixed_position is "takt"'
    for one in floor.devices.values():
        at_home = one.station and floor.segment_of(one.station) == text(said, "id")
        if one.purpose == Purpose.COUNT and at_home:
            spot = floor.document.spot((*one.at, "purpose"))
            return f"device {shown(one.name)} counts its cycles, at {spot}"
    if how in FED:
        return f"fixed_position is {how}:{name}, and only a takt shows that it is silent"
    return None


# -- its devices -------------------------------------------------------------------------------


_RELEASING: Final = (Purpose.START, Purpose.LINE_MOVING, None)
"""What a contact may be for that releases a stop; None: nobody knows what it is for."""


class _Wanted(NamedTuple):
    """What a key of a segment asks of the device that it names, and how that is said."""

    part: Part
    purpose: Purpose | None
    why: str
    if_absent: str
    otherwise: str
    prefix: str = ""


def _fixed_position(floor: Floor, at: KeyPath, said: Said) -> None:
    found = fixed_position(said)
    if found is None:
        return
    how, name = found
    if how not in FED and (number(said, "stop_without_pulse_s") or 0) > 0:
        floor.document.refuse(
            (*at, "stop_without_pulse_s"),
            f"is only used with pulses, and fixed_position is {shown(how)}",
            'write fixed_position = "pulse:DEVICE", or remove it',
        )
    if name is None:
        return
    wanted = _Wanted(
        Part.CONTACT,
        Purpose.FIXED_POSITION,
        "a fixed position is felt by a contact",
        "a stop never travels over the broker",
        'add a [[device]] with purpose = "fixed-position" at a station of this segment',
        f"{how}:",
    )
    device = _device(floor, (*at, "fixed_position"), name, wanted)
    if device is None or device.station is None or device.station not in floor.stations:
        return
    segment = floor.segment_of(device.station)
    if segment != text(said, "id"):
        where = f"segment {shown(segment)}" if segment else "no segment"
        floor.document.refuse(
            (*at, "fixed_position"),
            f"{shown(name)} stands at {shown(device.station)}, which is in {where}",
            "write a device that stands at a station of this segment",
        )


def _stop_output(
    floor: Floor, at: KeyPath, said: Said, outputs: dict[str, tuple[KeyPath, str]]
) -> None:
    name, where = text(said, "stop_output"), (*at, "stop_output")
    if name is None:
        return
    wanted = _Wanted(
        Part.OUTPUT,
        None,
        "a stop is asked for by an output",
        "a stop never travels over the broker",
        "add the output as a [[device]], or leave stop_output out: lamps and events only",
    )
    device = _device(floor, where, name, wanted)
    if device is not None and device.purpose == HEARTBEAT:
        floor.document.refuse(
            where,
            f"{shown(name)} is a heartbeat, at {floor.document.spot((*device.at, 'purpose'))}",
            "write an output of its own: the line watches a heartbeat, and a stop is a request",
        )
    if name in outputs:
        other, segment = outputs[name]
        floor.document.refuse(
            where,
            f"{shown(name)} stops segment {shown(segment)} already, at "
            f"{floor.document.spot(other)}",
            "write an output of its own: the start of one segment would release the other",
        )
    outputs.setdefault(name, (where, str(said.get("id"))))


def _start_input(floor: Floor, at: KeyPath, said: Said) -> None:
    name = text(said, "start_input")
    if name is not None:
        wanted = _Wanted(
            Part.CONTACT,
            Purpose.START,
            "a line is started by a button",
            "a line is started by a hand at the line",
            'add a [[device]] with purpose = "start"',
        )
        _device(floor, (*at, "start_input"), name, wanted)
    for other_at, other in floor.tables("segment"):
        if other is said:
            return
        if name is not None and text(other, "start_input") == name:
            floor.document.refuse(
                (*at, "start_input"),
                f"{shown(name)} starts segment {shown(other.get('id'))} already, at "
                f"{floor.document.spot((*other_at, 'start_input'))}",
                "write a button of its own: who starts a line has looked at that line",
            )
            return


def _release(floor: Floor, at: KeyPath, said: Said) -> None:
    """Refuse a stop that nothing at the line could release: a start, or the line seen moving."""
    document, output = floor.document, text(said, "stop_output")
    if output is None or "start_input" in said or floor.unreadable_devices():
        return
    others = [one for _, one in floor.tables("segment") if one.get("id") != said.get("id")]
    spoken_for = [text(one, "start_input") for one in others]
    free = [
        one
        for one in floor.devices.values()
        if one.part is Part.CONTACT and one.purpose in _RELEASING and one.name not in spoken_for
    ]
    if any(one.station and floor.segment_of(one.station) == text(said, "id") for one in free):
        return
    starts = [shown(one.name) for one in free if one.purpose == Purpose.START]
    document.refuse(
        (*at, "start_input"),
        f"is missing though {shown(output)} asks the line to stop, at "
        f"{document.spot((*at, 'stop_output'))}: nothing at the line could release it",
        f"write start_input = {listed(starts)}"
        if starts
        else 'add a [[device]] with purpose = "start" at a station of this segment, or with '
        'purpose = "line-moving"',
        at=at,
    )


def _device(floor: Floor, at: KeyPath, name: str, wanted: _Wanted) -> Placed | None:
    """Find the device that a key names; refuses one that is not what is wanted."""
    device = floor.devices.get(name)
    if device is None:
        floor.document.refuse(
            at,
            f"{shown(name)} is not a device of this agent, and {wanted.if_absent}",
            _instead(floor, name, wanted),
        )
    elif device.part not in (wanted.part, None):
        floor.document.refuse(
            at, f"{shown(name)} is {_a(device.part)}, and {wanted.why}", _instead(floor, "", wanted)
        )
    elif wanted.purpose and device.purpose not in (wanted.purpose, None):
        floor.document.refuse(
            at,
            f"{shown(name)} has the purpose {shown(str(device.purpose))}, at "
            f"{floor.document.spot((*device.at, 'purpose'))}",
            f"write purpose = {shown(str(wanted.purpose))} there, or another device here",
        )
    else:
        return device
    return None


def _instead(floor: Floor, name: str, wanted: _Wanted) -> str:
    fitting = [
        one.name
        for one in floor.devices.values()
        if one.part is wanted.part
        and one.purpose != HEARTBEAT
        and wanted.purpose in (None, one.purpose)
    ]
    near = nearest(name, fitting) if name else None
    if near:
        return f"did you mean {shown(wanted.prefix + near)}?"
    if fitting:
        return f"write {listed(shown(wanted.prefix + one) for one in fitting)}"
    return wanted.otherwise


def _a(part: Part | None) -> str:
    return f"an {part}" if part is Part.OUTPUT else f"a {part}"
