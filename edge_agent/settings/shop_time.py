"""The calendars of a document: shifts that follow each other, breaks that lie within them.

Times are minutes since midnight where they are compared. A shift whose end is before its start ends
on the next day, and so does a break of it that begins before the shift does.
"""

import datetime as dt
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple

from pydantic import BeforeValidator, Field, WithJsonSchema

from edge_agent.configuration import Calendar, Shift
from edge_agent.domain.calendar import DAYS
from edge_agent.settings.neighbours import own_id
from edge_agent.settings.reading import Document
from edge_agent.settings.sections import check
from edge_agent.settings.tables import Id, Several, Table
from edge_agent.settings.words import Wrong, shown
from edge_agent.toml_places import KeyPath

_DAY: Final = 1440
_WEEK: Final = 7 * _DAY
_TIME: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"


def _minutes(said: object) -> int | None:
    """Read `HH:MM`; None when it is none."""
    if not isinstance(said, str) or not re.fullmatch(_TIME, said):
        return None
    return int(said[:2]) * 60 + int(said[3:])


def _clock(minutes: int) -> str:
    return f"{minutes % _DAY // 60:02}:{minutes % 60:02}"


def _better(said: str) -> str | None:
    """Guess the time that was meant: `6:00`, `06.00`, `24:00`, `6`."""
    found = re.fullmatch(r"\s*([0-9]{1,2})(?:[:.h ]?([0-5][0-9]))?(?::00)?\s*h?", said)
    if found is None or int(found[1]) > 24:  # noqa: PLR2004 - 24:00 is midnight
        return None
    return _clock(int(found[1]) * 60 + int(found[2] or 0))


def _time(value: object) -> object:
    if isinstance(value, dt.time):
        raise Wrong(("must be text, not a time", f"write it in quotes: {shown(_of(value))}"))
    if isinstance(value, str) and _minutes(value) is None:
        better = _better(value) or "06:00"
        raise Wrong((f"{shown(value)} is not a time of day", f"write HH:MM, as in {shown(better)}"))
    return value


def _of(value: dt.time) -> str:
    return f"{value:%H:%M}"


def _break(value: object) -> object:
    if isinstance(value, str) and _span(value) is None:
        ends = [_better(one) for one in re.split(r"\s*(?:-|\u2013|to)\s*", value.strip())]
        better = "-".join(one or "" for one in ends)
        better = better if _span(better) else "09:00-09:10"
        raise Wrong((f"{shown(value)} is not a break", f"write HH:MM-HH:MM, as in {shown(better)}"))
    return value


def _span(said: object) -> tuple[int, int] | None:
    """Read `HH:MM-HH:MM`; None when it is none."""
    start, dash, end = said.partition("-") if isinstance(said, str) else ("", "", "")
    ends = _minutes(start), _minutes(end)
    return (ends[0], ends[1]) if dash and None not in ends else None  # type: ignore[return-value]


def _date(value: object) -> object:
    if isinstance(value, dt.date):
        wanted = shown(value.isoformat()[:10])
        raise Wrong(("must be text, not a date", f"write it in quotes: {wanted}"))
    if isinstance(value, str):
        try:
            right = dt.date.fromisoformat(value).isoformat() == value
        except ValueError:
            right = False
        if not right:
            raise Wrong((f"{shown(value)} is not a date", 'write it as in "2026-12-25"'))
    return value


# -- tables ------------------------------------------------------------------------------------

_TIME_SCHEMA: Final = {"type": "string", "pattern": f"^{_TIME}$"}
Time = Annotated[str, BeforeValidator(_time), WithJsonSchema(_TIME_SCHEMA)]
Break = Annotated[
    str,
    BeforeValidator(_break),
    WithJsonSchema({"type": "string", "pattern": f"^{_TIME}-{_TIME}$"}),
]
Date = Annotated[str, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class ShiftTable(Table):
    """One shift, in local time."""

    called: ClassVar = "a [[calendar.shift]]"
    sample: ClassVar = '[[calendar.shift]], below it id = "early", days, start and end'
    id: Id = Field(description="Its name in events and measures", examples=["early"])
    days: Several[Day] = Field(
        description="Days on which it begins", min_length=1, examples=[["mon", "fri"]]
    )
    start: Time = Field(description="When it begins, HH:MM", examples=["06:00"])
    end: Time = Field(
        description="When it ends, HH:MM; before its start: on the next day", examples=["14:00"]
    )
    breaks: Several[Break] = Field(
        (), description="What is not worked of it, HH:MM-HH:MM", examples=[["09:00-09:10"]]
    )


class CalendarTable(Table):
    """The shifts of a site."""

    id: Id = Field(description="Its name in [site]", examples=["two-shift"])
    days_off: Several[Date] = Field(
        (), description="Dates on which no shift begins", examples=[["2026-12-25"]]
    )
    shift: Several[ShiftTable] = Field(description="Its shifts", min_length=1)


# -- what must hold between them ---------------------------------------------------------------


class Stretch(NamedTuple):
    """When a shift is, as far as it is written rightly; `breaks` counted from its start."""

    at: KeyPath
    id: str
    days: tuple[str, ...]
    start: int
    length: int
    breaks: tuple[tuple[int, int, str, int], ...]

    @property
    def net_s(self) -> int:
        """Say how much of it is worked, in seconds."""
        return 60 * (self.length - sum(length for _, length, _, _ in self.breaks))


def check_calendars(document: Document) -> tuple[list[Calendar], dict[str, list[Stretch]]]:
    """Check all calendars; gives those that are right, and the shifts that each id has."""
    made: list[Calendar] = []
    found: dict[str, list[Stretch]] = {}
    ids: dict[str, KeyPath] = {}
    for index, said in enumerate(document.values.get("calendar") or ()):
        path: KeyPath = ("calendar", index)
        values = check(document, path, CalendarTable, "a [[calendar]]").values
        own_id(document, (*path, "id"), said.get("id"), ids, "calendar")
        stretches = _stretches(document, path, said.get("shift"))
        _one_after_another(document, stretches)
        if isinstance(said.get("id"), str):
            found.setdefault(said["id"], stretches)
        if values is not None:
            shifts = tuple(Shift(**dict(one)) for one in values["shift"])
            made.append(Calendar(values["id"], shifts, values["days_off"]))
    return made, found


def _stretches(document: Document, path: KeyPath, shifts: object) -> list[Stretch]:
    """Read every shift that can be read, and check its breaks."""
    found = []
    ids: dict[str, KeyPath] = {}
    for index, said in enumerate(shifts if isinstance(shifts, list) else ()):
        if not isinstance(said, dict):
            continue
        at: KeyPath = (*path, "shift", index)
        own_id(document, (*at, "id"), said.get("id"), ids, "shift of this calendar")
        stretch = _stretch(document, at, said)
        if stretch is not None:
            found.append(stretch)
    return found


def _stretch(document: Document, at: KeyPath, said: dict[str, Any]) -> Stretch | None:
    start, end = _minutes(said.get("start")), _minutes(said.get("end"))
    if start is None or end is None:
        return None
    if start == end:
        document.refuse(
            (*at, "end"),
            f"is its start, {_clock(start)}: a shift of no time, or of a whole day",
            "write when it ends; who works around the clock has two shifts or more",
        )
        return None
    length = (end - start) % _DAY
    days = said.get("days")
    breaks = _breaks(document, at, said, start, length)
    stretch = Stretch(
        at,
        str(said.get("id")),
        tuple(day for day in DAYS if isinstance(days, list) and day in days),
        start,
        length,
        tuple(breaks),
    )
    if stretch.net_s <= 0:
        document.refuse(
            (*at, "breaks"), "leave nothing of the shift to be worked", "remove or shorten one"
        )
    return stretch


def _breaks(
    document: Document, at: KeyPath, said: dict[str, Any], start: int, length: int
) -> Iterator[tuple[int, int, str, int]]:
    """Give the breaks that are right, in the order of time: from the start, how long, which."""
    breaks = []
    for index, text in enumerate(said["breaks"] if isinstance(said.get("breaks"), list) else ()):
        span, where = _span(text), (*at, "breaks", index)
        if span is None:
            continue
        begins, takes = (span[0] - start) % _DAY, (span[1] - span[0]) % _DAY
        if takes == 0:
            document.refuse(where, f"{shown(text)} takes no time", "write when it ends")
        elif begins + takes > length:
            hours = f"{_clock(start)} to {_clock(start + length)}"
            document.refuse(
                where,
                f"{shown(text)} is not within its shift, {hours}",
                "write a break that begins and ends within the shift, or remove it",
            )
        else:
            breaks.append((begins, takes, str(text), index))
    breaks.sort()
    for one, after in pairwise(breaks):
        if one[0] + one[1] > after[0]:
            document.refuse(
                (*at, "breaks", max(one[3], after[3])),
                f"{shown(after[2])} begins before the break {shown(one[2])} is over",
                "write breaks that follow each other, or one for both",
            )
    yield from breaks


def _one_after_another(document: Document, stretches: list[Stretch]) -> None:
    """Refuse a shift that begins before another of the same calendar is over."""
    for index, late in enumerate(stretches):
        for early in stretches[:index]:
            day = _overlap(early, late)
            if day is not None:
                document.refuse(
                    (*late.at, "start"),
                    f"overlaps the shift {shown(early.id)}, at "
                    f"{document.spot((*early.at, 'start'))}, on {day}",
                    "write start, end and days so that one is over when the other begins",
                )


def _overlap(early: Stretch, late: Stretch) -> str | None:
    """Say on which day of the later one two shifts are at the same time; None: never."""
    for day in late.days:
        begins = DAYS.index(day) * _DAY + late.start
        for other in early.days:
            apart = (begins - DAYS.index(other) * _DAY - early.start) % _WEEK
            if apart < early.length or _WEEK - apart < late.length:
                return day
    return None
