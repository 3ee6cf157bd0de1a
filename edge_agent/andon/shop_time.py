"""The time of the shop: shifts, working time and takt, on the wall clock of the site.

Rules:
1. The calendar governs timers, measures and stops, never whether a person is heard.
2. A clock that nobody has set knows no shift: then it is working time, and no shift is named.
3. A line that is seen to move works, whatever the calendar says.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Final

from edge_agent.andon.plan import zone_of
from edge_agent.configuration import Configuration, Segment
from edge_agent.domain.calendar import Calendar, Shift, Span
from edge_agent.domain.takt import Takt
from edge_agent.ports import Clock

LOOK_NS: Final = 5_000_000_000
"""How often it is looked whether working time has begun or ended, where there is a calendar."""


class ShopTime:
    """Says which shift runs and whether it is working time; `moving` that a line is seen to."""

    def __init__(self, clock: Clock, synced: Callable[[], bool]) -> None:
        self._clock = clock
        self._synced = synced
        self.calendar: Calendar | None = None
        self.moving: Callable[[], bool] = lambda: False

    def has_calendar(self) -> bool:
        """Say whether anybody ever is off shift."""
        return self.calendar is not None

    def known(self) -> Calendar | None:
        """Give the calendar as far as its clock may be believed."""
        return self.calendar if self._synced() else None

    def working(self) -> bool:
        """Say whether it is working time now."""
        known = self.known()
        return known is None or self.moving() or known.working(self._clock.wall_ns())

    def shift(self, at_wall_ns: int) -> str | None:
        """Name the shift of a moment; None outside of any, or where nobody knows."""
        known = self.known()
        found = None if known is None else known.shift_at(at_wall_ns)
        return None if found is None else found.shift

    def split(self, start_ns: int, end_ns: int) -> list[tuple[str, int]]:
        """Part a stretch of the wall clock at the boundaries of shifts: (shift or "", ns)."""
        known = self.known()
        if end_ns <= start_ns:
            return []
        return [("", end_ns - start_ns)] if known is None else known.split(start_ns, end_ns)

    def net_ns(self, start_ns: int, end_ns: int) -> int:
        """Say how much of a stretch of the wall clock is working time."""
        known = self.known()
        return max(end_ns - start_ns, 0) if known is None else known.net_ns(start_ns, end_ns)

    def shift_and_day(self, at_wall_ns: int) -> tuple[str | None, str]:
        """Name the shift of a moment and the day on which it began, or else that of the moment."""
        known = self.known()
        found = None if known is None else known.shift_at(at_wall_ns)
        if found is not None:
            return found.shift, found.day.isoformat()
        zone = UTC if self.calendar is None else self.calendar.zone
        return None, datetime.fromtimestamp(at_wall_ns // 10**9, zone).date().isoformat()

    def planned(self, takt_ns: int | None) -> float | None:
        """Say how many parts are due by now in this shift; None without takt or calendar."""
        known = self.known()
        if known is None or not takt_ns:
            return None
        now_ns = self._clock.wall_ns()
        shift = known.shift_at(now_ns)
        if shift is None:
            return None
        return float(known.net_ns(shift.span.start_ns, now_ns) // takt_ns)

    def work_until(self, until_ns: int | None) -> None:
        """Work through breaks and after hours until then (wall clock); None ends that now."""
        if self.calendar is not None:
            now_ns = self._clock.wall_ns()
            spans = () if until_ns is None else (Span(now_ns, until_ns),)
            self.calendar = replace(self.calendar, worked=spans)

    def takt_ns(self, segment: Segment) -> int | None:
        """Say how long a takt of a segment is now; None where nothing says so."""
        if segment.takt_s:
            return round(segment.takt_s * 1e9)
        known = self.known()
        if known is None or not segment.demand_per_shift:
            return None
        shift = known.shift_at(self._clock.wall_ns())
        if shift is None:
            return None
        net_ns = sum(span.end_ns - span.start_ns for span in shift.working)
        return Takt(net_ns, segment.demand_per_shift).takt_ns if net_ns else None

    def stopping_takt_ns(self, segment: Segment) -> int | None:
        """Say after how long a segment without an input is at its fixed position.

        Where nobody knows the takt of now (the clock is not set, it is no shift, overtime was
        asked for) that of the shortest shift: the line must not run on because of a clock.
        """
        takt_ns = self.takt_ns(segment)
        if takt_ns is not None or self.calendar is None or not segment.demand_per_shift:
            return takt_ns
        net_ns = self.calendar.shortest_net_ns()
        return Takt(net_ns, segment.demand_per_shift).takt_ns if net_ns else None


def calendar_of(configuration: Configuration) -> Calendar | None:
    """Make the calendar that the site works by; None is always on shift."""
    named = configuration.site.calendar
    said = next((one for one in configuration.calendars if one.id == named), None)
    if said is None:
        return None
    shifts = tuple(
        Shift(
            one.id,
            frozenset(one.days),
            time.fromisoformat(one.start),
            time.fromisoformat(one.end),
            tuple((_time(rest, 0), _time(rest, 2)) for rest in one.breaks),
        )
        for one in said.shifts
    )
    days_off = frozenset(date.fromisoformat(day) for day in said.days_off)
    return Calendar(zone_of(configuration), shifts, days_off)


def _time(written: str, part: int) -> time:
    return time.fromisoformat(written.partition("-")[part])
