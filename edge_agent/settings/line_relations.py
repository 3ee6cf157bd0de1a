"""The tables of a line checked together, and what they come to as plain values."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from edge_agent.configuration import (
    Andon,
    Calendar,
    Condition,
    Level,
    Product,
    Reason,
    Segment,
)
from edge_agent.domain.people import Person
from edge_agent.labels.layout import Layout
from edge_agent.settings.andons import check_andons
from edge_agent.settings.devices import Placed
from edge_agent.settings.floor import Floor
from edge_agent.settings.layouts import check_layouts
from edge_agent.settings.line_tables import TABLES, place
from edge_agent.settings.neighbours import known, own_id
from edge_agent.settings.reading import Document
from edge_agent.settings.sections import check
from edge_agent.settings.segments import check_segments
from edge_agent.settings.shop_time import check_calendars
from edge_agent.settings.tower import check_looks
from edge_agent.toml_places import KeyPath


class LineTables(NamedTuple):
    """What is right of the tables of a line."""

    calendars: tuple[Calendar, ...]
    segments: tuple[Segment, ...]
    andons: tuple[Andon, ...]
    people: tuple[Person, ...]
    reasons: tuple[Reason, ...]
    looks: tuple[Condition, ...]
    layouts: tuple[Layout, ...]


def check_line(
    document: Document, stations: Mapping[str, bool], devices: Mapping[str, Placed]
) -> LineTables:
    """Check every table of the line and what must hold between them; notes every fault."""
    calendars, shifts = check_calendars(document)
    floor = Floor(document, stations, devices, shifts)
    right = {name: _right(floor, name) for name in TABLES}
    check_segments(floor)
    check_andons(floor)
    _people(floor)
    _reasons(floor)
    looks = check_looks(floor)
    return LineTables(
        calendars=tuple(calendars),
        segments=tuple(_segment(one) for one in right["segment"]),
        andons=tuple(_andon(one) for one in right["andon"]),
        people=tuple(Person(**one) for one in right["person"]),
        reasons=tuple(Reason(**one) for one in right["reason"]),
        looks=looks,
        layouts=check_layouts(floor),
    )


def _right(floor: Floor, name: str) -> list[dict[str, Any]]:
    model, called = TABLES[name]
    checked = [check(floor.document, at, model, called).values for at, _ in floor.tables(name)]
    return [one for one in checked if one is not None]


def _segment(said: dict[str, Any]) -> Segment:
    how, device = place(said.pop("fixed_position")) or ("call-only", None)
    products = tuple(Product(**dict(one)) for one in said.pop("products"))
    return Segment(**said, fixed_position=how, fixed_device=device, products=products)


def _andon(said: dict[str, Any]) -> Andon:
    escalate = tuple(Level(**dict(one)) for one in said.pop("escalate"))
    return Andon(**said, escalate=escalate)


def _people(floor: Floor) -> None:
    badges: dict[str, KeyPath] = {}
    shifts = floor.shifts()
    for at, said in floor.tables("person"):
        own_id(floor.document, (*at, "badge"), said.get("badge"), badges, "person")
        works = said.get("shifts")
        for index, shift in enumerate(works if isinstance(works, list) else ()):
            known(floor.document, (*at, "shifts", index), shift, shifts, "calendar.shift")


def _reasons(floor: Floor) -> None:
    codes: dict[str, KeyPath] = {}
    for at, said in floor.tables("reason"):
        own_id(floor.document, (*at, "code"), said.get("code"), codes, "reason")
    for at, said in floor.tables("device"):
        if codes and isinstance(said.get("reason"), str):
            known(floor.document, (*at, "reason"), said["reason"], codes, "reason")
