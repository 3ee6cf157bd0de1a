"""From the configuration to the rules of the floor; durations become nanoseconds once, here."""

from datetime import UTC, tzinfo
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from edge_agent.configuration import Andon as Said
from edge_agent.configuration import Configuration, Level
from edge_agent.domain.call import SAFETY, SAFETY_LEVELS, Category
from edge_agent.domain.floor import Floor, Key, Rule
from edge_agent.domain.people import People

_S: Final = 1e9


class Plan(NamedTuple):
    """What a floor is made of."""

    homes: dict[str, str]
    rules: dict[str, Rule]
    categories: dict[Key, Category]
    notify: dict[tuple[str, str, int], tuple[str, ...]]
    counting: frozenset[str]

    def floor(self) -> Floor:
        """Make the floor, with nothing open."""
        return Floor(self.homes, self.rules, self.categories)


def plan_of(configuration: Configuration, shift: str | None = None) -> Plan:
    """Say which station belongs where, and how its calls and segments behave in a shift."""
    return Plan(
        {station.id: station.segment or "" for station in configuration.stations},
        {
            one.id: Rule(
                stops=one.fixed_position != "call-only",
                at_once=one.fixed_position == "immediate",
                warning_ns=int(one.restart_warning_s * _S),
                window_ns=int(one.min_window_s * _S),
            )
            for one in configuration.segments
        },
        {(one.station, one.category): category_of(one, shift) for one in configuration.andons},
        {
            (one.station, one.category, level): roles
            for one in configuration.andons
            for level, roles in (
                (1, one.responders),
                *((step.level, (step.notify,)) for step in steps_of(one, shift)),
            )
        },
        frozenset(one.id for one in configuration.stations if one.count_scans),
    )


def steps_of(said: Said, shift: str | None) -> list[Level]:
    """Give the ladder of calls in a shift; where none runs, that of no shift in particular."""
    return [one for one in said.escalate if not one.shifts or shift in one.shifts]


def objection(floor: Floor, running: Configuration, wanted: Configuration) -> str:
    """Say why a floor cannot take other rules now: they would take away what is open, or stands."""
    homes = {one.id for one in wanted.stations}
    for station in floor.homes:
        if station not in homes and floor.open_calls(station):
            return f"{station} has an open call and is not in the file; clear it, then reload"
    for name in floor.segments:
        if floor.stands(name) and (why := _taken_from(name, floor, running, wanted)):
            return why
    return ""


def _taken_from(name: str, floor: Floor, running: Configuration, wanted: Configuration) -> str:
    """Say what would be taken from a segment that stands; nothing where it keeps all."""
    now, then = ({one.id: one for one in said.segments} for said in (running, wanted))
    if name not in then:
        return f"{name} stands and is not in the file; start the line first, then reload"
    output = now[name].stop_output
    devices, others = ({one.name: one for one in said.devices} for said in (running, wanted))
    kept = then[name].stop_output == output and devices.get(output or "") == others.get(
        output or ""
    )
    if not kept and output is not None:
        return f"{name} stands, and {output} asks it to; start the line first, then reload"
    return _let_go(name, floor, wanted)


def _let_go(name: str, floor: Floor, wanted: Configuration) -> str:
    """Say which post would hold a segment that stands no more: a file clears no call."""
    ours = {one.id for one in wanted.stations if one.segment == name}
    other = plan_of(wanted).floor()
    for station in floor.stations_of(name):
        for key, post in floor.posts_at((station,)):
            held = post.faulty or post.open is not None
            if held and station not in ours:
                return (
                    f"{station} holds {name}, which stands; clear its calls and faults, then reload"
                )
            if held and floor.may_stop(key) and not other.may_stop(key):
                return (
                    f"{key[1]} of {station} holds {name}, which stands, and would stop nothing by "
                    "the file; clear it, then reload"
                )
    return ""


def zone_of(configuration: Configuration) -> tzinfo:
    """Give the time zone of the site; UTC needs no zones on the machine."""
    name = configuration.site.time_zone
    return UTC if name == "UTC" else ZoneInfo(name)


def people_of(configuration: Configuration) -> People:
    """Say who has which badge, which reasons there are, and which skills the stations ask for."""
    return People(
        {one.badge: one for one in configuration.people},
        frozenset(one.code for one in configuration.reasons),
        {station.id: station.skills for station in configuration.stations},
    )


def category_of(said: Said, shift: str | None) -> Category:
    """Turn one `[[andon]]` into the rules of its calls in a shift.

    A safety call is one of level 2 from its pull on, whoever wrote no ladder for it.
    """
    levels = tuple((one.level, int(one.after_s * _S)) for one in steps_of(said, shift))
    if said.category.lower() == SAFETY and not levels:
        levels = SAFETY_LEVELS
    return Category(
        said.category,
        stops=said.stops,
        cancel_by_pull=said.cancel == "second-pull",
        badge_to_clear=said.clear == "button+badge",
        min_cancel_ns=int(said.min_cancel_s * _S),
        grace_ns=int(said.reason_grace_s * _S),
        levels=levels,
        stop_now=said.stop_now,
        ack_ns=int(said.ack_s * _S),
        rests=said.pause,
    )
