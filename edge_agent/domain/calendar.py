"""The factory calendar: shifts, their breaks, days off and worked time, as spans of real time.

Rules:
1. People write local times; spans are real time, so a shift over the change to summer time is an
   hour shorter and one over the change back an hour longer.
2. A shift belongs to the day on which it begins; one whose end is not after its start ends on the
   next day. A day off takes the shifts that begin on it.
3. Working time is the shift without its breaks, and what was ordered to be worked (`worked`):
   overtime, or a break that is worked through.
Moments are nanoseconds of the wall clock since 1970 (`_ns`); nothing here asks a clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, NamedTuple

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DAYS_KEPT: Final = 32
"""Days whose shifts are remembered: whether it is working time is asked before every light."""

LOOK_AHEAD_DAYS: Final = 400
"""A due time further away than this is none: nobody works on that calendar."""

LOOK_BACK_DAYS: Final = 31
"""A shift that began longer ago is no longer the one before."""

TURN_DAYS: Final = 2
"""How far ahead is looked for the next moment at which anything begins or ends."""

_S: Final = 1_000_000_000
_ANY_DAY: Final = date(2026, 1, 7)  # no clock is changed in this night or the next
_DAY: Final = timedelta(days=1)


class Span(NamedTuple):
    """A stretch of real time, its end not included."""

    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift as it is written down; `breaks` are (start, end) in local time."""

    id: str
    days: frozenset[str]
    start: time
    end: time
    breaks: tuple[tuple[time, time], ...] = ()


class Worked(NamedTuple):
    """A shift of a certain day: when it is, and the spans of it that are worked."""

    shift: str
    day: date
    span: Span
    working: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Shifts of a site; without any, everybody is always on shift."""

    zone: tzinfo
    shifts: tuple[Shift, ...] = ()
    days_off: frozenset[date] = frozenset()
    worked: tuple[Span, ...] = ()
    _days: dict[date, list[Worked]] = field(default_factory=dict, init=False, compare=False)

    def shift_at(self, at_ns: int) -> Worked | None:
        """Say which shift a moment is in, breaks included; None outside, or without shifts."""
        return next(
            (one for one in self._around(at_ns) if one.span.start_ns <= at_ns < one.span.end_ns),
            None,
        )

    def latest(self, at_ns: int) -> Worked | None:
        """Say which shift a moment is in or, outside of any, which was the last before it."""
        found, day = self.shift_at(at_ns), self._day_of(at_ns)
        for back in range(LOOK_BACK_DAYS if found is None and self.shifts else 0):
            begun = [one for one in self.of_day(day - back * _DAY) if one.span.start_ns <= at_ns]
            if begun:
                return begun[-1]
        return found

    def turn_ns(self, at_ns: int) -> int | None:
        """Say when a shift, a break or what is worked beside begins or ends next.

        None where nothing does within `TURN_DAYS`.
        """
        day = self._day_of(at_ns)
        edges = {edge for span in self.worked for edge in span}
        for ahead in range(-1, TURN_DAYS + 1):
            for one in self.of_day(day + ahead * _DAY):
                edges.update(edge for span in (one.span, *one.working) for edge in span)
        return min((edge for edge in edges if edge > at_ns), default=None)

    def midnight_ns(self, at_ns: int) -> int:
        """Say when the day of a moment ends, in local time."""
        return self._moment(self._day_of(at_ns) + _DAY, time(0))

    def until_ns(self, at_ns: int, end_ns: int) -> int:
        """Say when the shift of a moment ends or the next begins; `end_ns` at the latest."""
        shift = self.shift_at(at_ns)
        until_ns = self._next_start(at_ns, end_ns) if shift is None else shift.span.end_ns
        return min(until_ns, end_ns)

    def working(self, at_ns: int) -> bool:
        """Say whether a moment is working time."""
        if not self.shifts:
            return True
        return any(span.start_ns <= at_ns < span.end_ns for span in self._spans_around(at_ns))

    def net_ns(self, start_ns: int, end_ns: int) -> int:
        """Say how much of a stretch is working time."""
        if end_ns <= start_ns:
            return 0
        if not self.shifts:
            return end_ns - start_ns
        return sum(
            max(min(span.end_ns, end_ns) - max(span.start_ns, start_ns), 0)
            for span in self._between(start_ns, end_ns)
        )

    def due_ns(self, start_ns: int, net_ns: int) -> int | None:
        """Say when so much working time after a moment is over; None when that never comes."""
        if not self.shifts:
            return start_ns + net_ns
        left_ns = net_ns
        for span in self._from(start_ns):
            begin_ns = max(span.start_ns, start_ns)
            if span.end_ns - begin_ns >= left_ns:
                return begin_ns + left_ns
            left_ns -= span.end_ns - begin_ns
        return None

    def split(self, start_ns: int, end_ns: int) -> list[tuple[str, int]]:
        """Part a stretch at the boundaries of shifts: (shift, ns) in order, "" outside of any."""
        parts: list[tuple[str, int]] = []
        at_ns = start_ns
        while at_ns < end_ns:
            worked, until_ns = self.shift_at(at_ns), self.until_ns(at_ns, end_ns)
            parts.append(("" if worked is None else worked.shift, until_ns - at_ns))
            at_ns = until_ns
        return parts

    def shortest_net_ns(self) -> int:
        """Say how much working time the shortest shift has, on a day like any other; 0: none."""
        nets = [
            sum(span.end_ns - span.start_ns for span in self._on(shift, _ANY_DAY).working)
            for shift in self.shifts
        ]
        return min(nets, default=0)

    # -- days ----------------------------------------------------------------------------------

    def of_day(self, day: date) -> list[Worked]:
        """Give the shifts that begin on a day, in order."""
        known = self._days.get(day)
        if known is None:
            if len(self._days) >= DAYS_KEPT:
                self._days.clear()
            name = "" if day in self.days_off else DAYS[day.weekday()]
            found = [self._on(shift, day) for shift in self.shifts if name in shift.days]
            known = self._days[day] = sorted(found, key=lambda one: one.span)
        return known

    def _on(self, shift: Shift, day: date) -> Worked:
        span = self._span(day, shift.start, shift.end)
        breaks: list[Span] = []
        for start, end in shift.breaks:
            begins = day if start >= shift.start else day + _DAY  # past midnight, of a night shift
            breaks.append(self._span(begins, start, end))
        return Worked(shift.id, day, span, tuple(_without(span, sorted(breaks))))

    def _span(self, day: date, start: time, end: time) -> Span:
        last = day if end > start else day + _DAY
        return Span(self._moment(day, start), self._moment(last, end))

    def _moment(self, day: date, at: time) -> int:
        moment = datetime.combine(day, at, self.zone).astimezone(UTC)
        return int(moment.timestamp()) * _S

    def _day_of(self, at_ns: int) -> date:
        return datetime.fromtimestamp(at_ns // _S, self.zone).date()

    def _around(self, at_ns: int) -> Iterator[Worked]:
        day = self._day_of(at_ns)
        for one in (day - _DAY, day):
            yield from self.of_day(one)

    def _spans_around(self, at_ns: int) -> Iterator[Span]:
        for one in self._around(at_ns):
            yield from one.working
        yield from self.worked

    def _between(self, start_ns: int, end_ns: int) -> list[Span]:
        day, last = self._day_of(start_ns) - _DAY, self._day_of(end_ns)
        spans: list[Span] = [*self.worked]
        while day <= last:
            for one in self.of_day(day):
                spans += one.working
            day += _DAY
        return _joined(spans)

    def _from(self, start_ns: int) -> Iterator[Span]:
        """Give working spans that end after a moment, in order, week by week."""
        day, done_ns = self._day_of(start_ns), start_ns
        for _ in range(LOOK_AHEAD_DAYS // 7):
            until_ns = self._moment(day + 7 * _DAY, time(0))
            for span in self._between(done_ns, until_ns):
                clipped = Span(max(span.start_ns, done_ns), min(span.end_ns, until_ns))
                if clipped.start_ns < clipped.end_ns:
                    yield clipped
            day, done_ns = day + 7 * _DAY, until_ns

    def _next_start(self, at_ns: int, end_ns: int) -> int:
        day, last = self._day_of(at_ns), self._day_of(end_ns)
        while day <= last:
            starts = [one.span.start_ns for one in self.of_day(day) if one.span.start_ns > at_ns]
            if starts:
                return min(starts)
            day += _DAY
        return end_ns


def _without(span: Span, breaks: list[Span]) -> Iterator[Span]:
    at_ns = span.start_ns
    for rest in breaks:
        if rest.start_ns > at_ns:
            yield Span(at_ns, min(rest.start_ns, span.end_ns))
        at_ns = max(at_ns, rest.end_ns)
    if at_ns < span.end_ns:
        yield Span(at_ns, span.end_ns)


def _joined(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start_ns <= joined[-1].end_ns:
            joined[-1] = Span(joined[-1].start_ns, max(joined[-1].end_ns, span.end_ns))
        else:
            joined.append(span)
    return joined
