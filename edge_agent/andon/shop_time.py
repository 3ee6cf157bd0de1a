"""The time of the shop: shifts, working time and takt, on the wall clock of the site.

Rules:
1. The calendar governs timers, measures and stops, never whether a person is heard.
2. A clock that nobody has set knows no shift: then it is working time, and no shift is named.
3. A line that is seen to move works, whatever the calendar says.
4. What was ordered to be worked stays worked: another order, a reload or a restart takes none of it
   back that is past.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any, Final, NamedTuple
from zlib import crc32

from edge_agent.andon.plan import zone_of
from edge_agent.configuration import Configuration, Product, Segment
from edge_agent.domain.calendar import Calendar, Shift, Span
from edge_agent.domain.takt import Takt
from edge_agent.ports import Clock

LOOK_NS: Final = 5_000_000_000
"""How often it is looked whether working time has begun or ended, where there is a calendar: the
wall clock may have been put right. Where it was not, the moment itself is waited for."""

WORKED_NS: Final = 2 * 86_400_000_000_000
"""For how long it is remembered what was worked beside the shifts: a shift, and its measures."""

WORKED_MAX: Final = 64
"""Orders to work that are remembered; the oldest beyond are not."""

_HALF_DAY_NS: Final = 43_200_000_000_000


class Stretch(NamedTuple):
    """A shift, or outside of any what is left of the day: its name, day, and end (wall clock)."""

    shift: str | None
    day: str
    ends_ns: int


class ShopTime:
    """Says which shift runs and whether it is working time; `moving` that a line is seen to.

    `making` has the product of each segment of which somebody has said it.
    """

    def __init__(self, clock: Clock, synced: Callable[[], bool]) -> None:
        self._clock = clock
        self._synced = synced
        self.calendar: Calendar | None = None
        self.version: str | None = None
        self.worked: tuple[Span, ...] = ()
        self.making: dict[str, str] = {}
        self.moving: Callable[[], bool] = lambda: False
        self._turns: tuple[Calendar, int, int] | None = None

    def plan_by(self, configuration: Configuration) -> None:
        """Go by the calendar of the site, and by what was ordered to be worked."""
        self._go_by(calendar_of(configuration))
        self.version = version_of(configuration)

    def _go_by(self, calendar: Calendar | None) -> None:
        self.calendar = None if calendar is None else replace(calendar, worked=self.worked)

    def wall_of(self, at_mono_ns: int) -> int:
        """Say which moment of the wall clock one of the monotonic clock is, as it goes now."""
        return self._clock.wall_ns() - (self._clock.mono_ns() - at_mono_ns)

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

    def stretch_at(self, at_wall_ns: int) -> Stretch:
        """Say which shift a moment is in, the day on which it began, and when it ends.

        Outside of any it is the day of the moment, up to the next shift or the next day.
        """
        known = self.known()
        found = None if known is None else known.shift_at(at_wall_ns)
        if found is not None:
            return Stretch(found.shift, found.day.isoformat(), found.span.end_ns)
        zone = UTC if self.calendar is None else self.calendar.zone
        days = known or Calendar(zone)
        day = datetime.fromtimestamp(at_wall_ns // 10**9, zone).date().isoformat()
        return Stretch(None, day, days.until_ns(at_wall_ns, days.midnight_ns(at_wall_ns)))

    def shift_span(self, at_wall_ns: int) -> Span | None:
        """Say from when to when the shift of a moment is; None outside of any."""
        known = self.known()
        found = None if known is None else known.shift_at(at_wall_ns)
        return None if found is None else found.span

    def after_ns(self, start_ns: int, net_ns: int) -> int | None:
        """Say when so much working time after a moment of the wall clock is over; None: never."""
        known = self.known()
        return None if known is None else known.due_ns(start_ns, net_ns)

    def turn_ns(self, now_ns: int) -> int | None:
        """Say when, on the monotonic clock, anything of the calendar begins or ends next."""
        known, wall_ns = self.known(), self._clock.wall_ns()
        if known is None:
            return None
        turns = self._turns
        if turns is None or turns[0] is not known or not turns[1] <= wall_ns < turns[2]:
            turn_ns = known.turn_ns(wall_ns) or wall_ns + _HALF_DAY_NS
            turns = self._turns = known, wall_ns, turn_ns
        return now_ns + turns[2] - wall_ns

    # -- what is worked beside the shifts --------------------------------------------------------

    def work_until(self, until_ns: int | None) -> None:
        """Work through breaks and after hours until then (wall clock); None ends that now."""
        now_ns = self._clock.wall_ns()
        worked = [
            Span(start_ns, min(end_ns, now_ns))
            for start_ns, end_ns in self.worked
            if start_ns < now_ns and end_ns > now_ns - WORKED_NS
        ]
        if until_ns is not None and until_ns > now_ns:
            worked.append(Span(now_ns, until_ns))
        self.worked = tuple(worked[-WORKED_MAX:])
        self._go_by(self.calendar)

    def plain(self) -> dict[str, Any]:
        """Write down what has to survive; JSON values only."""
        return {"worked": [list(span) for span in self.worked], "making": dict(self.making)}

    def restore(self, kept: dict[str, Any]) -> None:
        """Read that back."""
        self.worked = tuple(Span(*span) for span in kept.get("worked", ()))
        self.making = dict(kept.get("making", {}))
        self._go_by(self.calendar)

    # -- takt --------------------------------------------------------------------------------------

    def _product(self, segment: Segment) -> Product | None:
        made = self.making.get(segment.id)
        return next((one for one in segment.products if one.name == made), None)

    def pack(self, segment: Segment) -> int | None:
        """Say how many parts of what a segment makes are in a pack; None where nobody says so."""
        product = self._product(segment)
        own = None if product is None else product.pack_quantity
        return own or segment.pack_quantity

    def takt_ns(self, segment: Segment, at_wall_ns: int | None = None) -> int | None:
        """Say how long a takt of a segment is now, or at a moment; None where nothing says so.

        That of its product, if it has one of its own. After a shift its takt goes on, for overtime.
        """
        product = self._product(segment)
        takt_s = (None if product is None else product.takt_s) or segment.takt_s
        if takt_s:
            return round(takt_s * 1e9)
        known = self.known()
        if known is None or not segment.demand_per_shift:
            return None
        shift = known.latest(self._clock.wall_ns() if at_wall_ns is None else at_wall_ns)
        if shift is None:
            return None
        net_ns = sum(span.end_ns - span.start_ns for span in shift.working)
        return Takt(net_ns, segment.demand_per_shift).takt_ns if net_ns else None

    def stopping_takt_ns(self, segment: Segment) -> int | None:
        """Say after how long a segment without an input is at its fixed position.

        Where nobody knows the takt of now (the clock is not set, no shift was for weeks) that of
        the shortest shift: the line must not run on because of a clock.
        """
        takt_ns = self.takt_ns(segment)
        if takt_ns is not None or self.calendar is None or not segment.demand_per_shift:
            return takt_ns
        net_ns = self.calendar.shortest_net_ns()
        return Takt(net_ns, segment.demand_per_shift).takt_ns if net_ns else None


def version_of(configuration: Configuration) -> str | None:
    """Name the calendar that the site works by, and what is written in it; None for none."""
    named, zone = configuration.site.calendar, configuration.site.time_zone
    said = next((one for one in configuration.calendars if one.id == named), None)
    return None if said is None else f"{named}@{crc32(repr((said, zone)).encode()):08x}"


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
