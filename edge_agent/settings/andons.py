"""What must hold for the calls of a line: who may stop what, who cancels, and who is asked next.

1. What stops a segment says who may cancel, has its cord on this agent, and a segment to stop.
2. A category called safety is a call for the safety people and stops nothing: a safety chain does.
3. A ladder goes up: later levels are higher.
"""

from edge_agent.domain.call import SAFETY
from edge_agent.settings.floor import Floor, Said, fixed_position, number, text
from edge_agent.settings.line_tables import EVERYWHERE
from edge_agent.settings.neighbours import known, known_station
from edge_agent.settings.words import shown
from edge_agent.toml_places import KeyPath


def check_andons(floor: Floor) -> None:
    """Refuse what cannot be of the calls."""
    said_already: dict[tuple[str, str], KeyPath] = {}
    for at, said in floor.tables("andon"):
        station, category = text(said, "station"), text(said, "category")
        if station != EVERYWHERE:
            known_station(
                floor.document, (*at, "station"), station, floor.stations, f", {shown('*')} for all"
            )
        if station is not None and category is not None:
            _once(floor, at, (station, category), said_already)
        if said.get("stops") is True:
            _stopping(floor, at, said, station, category)
        _ladder(floor, at, said)


def _once(
    floor: Floor, at: KeyPath, which: tuple[str, str], known: dict[tuple[str, str], KeyPath]
) -> None:
    if which in known:
        station, category = which
        place = "every station" if station == EVERYWHERE else shown(station)
        floor.document.refuse(
            (*at, "category"),
            f"{shown(category)} at {place} is said already, at {floor.document.spot(known[which])}",
            "keep one of the two [[andon]] and remove the other",
        )
    known.setdefault(which, at)


def _stopping(
    floor: Floor, at: KeyPath, said: Said, station: str | None, category: str | None
) -> None:
    if category is not None and category.lower() == SAFETY:
        floor.document.refuse(
            (*at, "stops"),
            "a safety call never stops the line through this agent, which is no part of a safety "
            "chain",
            "write stops = false; an emergency stop is wired into the safety chain of the machine",
        )
        return
    if "cancel" not in said:
        floor.document.refuse(
            (*at, "cancel"),
            "is missing though it stops the line",
            'write cancel = "second-pull" (who pulls again clears it) or "leader"',
            at=at,
        )
    if category is None or station is None or floor.unreadable_devices():
        return
    for one in _concerned(floor, at, station, category):
        _can_stop(floor, at, one, category, everywhere=station == EVERYWHERE)


def _concerned(floor: Floor, at: KeyPath, station: str, category: str) -> list[str]:
    """Say which stations have a call that stops; refuses a call that nothing here makes."""
    calling = [one.station for one in floor.callers(category)]
    if station != EVERYWHERE:
        if station in floor.stations and not {station, None} & {*calling}:
            _no_cord(floor, at, category, f"at {shown(station)}")
        return [station] if station in floor.stations else []
    if not calling:
        _no_cord(floor, at, category, "at any station")
    return [
        one for one in floor.stations if one in calling and not floor.has_its_own(one, category)
    ]


def _no_cord(floor: Floor, at: KeyPath, category: str, where: str) -> None:
    floor.document.refuse(
        (*at, "stops"),
        f"no cord or button of this agent calls {shown(category)} {where}, and a stop never "
        "travels over the broker",
        f"add a [[device]] with category = {shown(category)} there, or write stops = false",
    )


def _can_stop(floor: Floor, at: KeyPath, station: str, category: str, *, everywhere: bool) -> None:
    name = floor.segment_of(station)
    segment = floor.segment(name)
    own = f"an [[andon]] of its own for {shown(category)} without stops" if everywhere else ""
    otherwise = f", or {own or 'stops = false'}"
    if name is None:
        floor.document.refuse(
            (*at, "stops"),
            f"station {shown(station)} stands in no segment that could stop",
            f'write segment = "..." in its [[station]]{otherwise}',
        )
    elif segment is not None and fixed_position(segment) == ("call-only", None):
        floor.document.refuse(
            (*at, "stops"),
            f"segment {shown(name)} of station {shown(station)} is call-only: nothing stops it",
            f"write another fixed_position in its [[segment]]{otherwise}",
        )


def _ladder(floor: Floor, at: KeyPath, said: Said) -> None:
    steps = said.get("escalate")
    last: dict[str, Said] = {}  # by shift; "" for those of every shift
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, dict):
            continue
        shifts = _shifts(floor, (*at, "escalate", index), step)
        before = [one for name, one in last.items() if not shifts or name in ("", *shifts)]
        for key in ("level", "after_s"):
            low = max(
                (value for one in before if (value := number(one, key)) is not None), default=None
            )
            high = number(step, key)
            if low is not None and high is not None and high <= low:
                floor.document.refuse(
                    (*at, "escalate", index, key),
                    f"{high:.15g} is not more than the {low:.15g} of the level before it",
                    "write the levels in order, each higher and later than the one before",
                )
        last |= dict.fromkeys(shifts or ("",), step)


def _shifts(floor: Floor, at: KeyPath, step: Said) -> list[str]:
    """Give the shifts that a level is for; refuses those that are not written down."""
    said = step.get("shifts")
    shifts = [one for one in said if isinstance(one, str)] if isinstance(said, list) else []
    for index, shift in enumerate(shifts):
        known(floor.document, (*at, "shifts", index), shift, floor.shifts(), "calendar.shift")
    return shifts
