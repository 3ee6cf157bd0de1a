"""Working time as a planner writes it: shifts, breaks, days off, nights and the two odd Sundays."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.domain.calendar import DAYS, Calendar, Shift, Span
from edge_agent.domain.takt import Takt

BERLIN = ZoneInfo("Europe/Berlin")
S = 1_000_000_000
MIN = 60 * S
WEEK = frozenset(DAYS[:5])
EARLY = Shift("early", WEEK, time(6), time(14), ((time(9), time(9, 10)), (time(11, 30), time(12))))
LATE = Shift("late", WEEK, time(14), time(22))
NIGHT = Shift("night", frozenset(DAYS), time(22), time(6), ((time(1), time(1, 30)),))
TWO = Calendar(BERLIN, (EARLY, LATE))


def at(day: int, hour: int, minute: int = 0, *, month: int = 11) -> int:
    moment = datetime(2026, month, day, hour, minute, tzinfo=BERLIN)
    return int(moment.astimezone(UTC).timestamp()) * S


def test_a_shift_of_eight_hours_with_its_breaks_is_440_minutes_and_the_takt_a_minute() -> None:
    net_ns = TWO.net_ns(at(23, 6), at(23, 14))
    assert net_ns == 440 * MIN
    assert Takt(net_ns, 440).takt_ns == MIN


def test_takt_of_the_textbook() -> None:
    assert Takt(820 * MIN, 80).takt_ns == 10.25 * MIN


@pytest.mark.parametrize(("net_ns", "demand"), [(440 * MIN, 0), (0, 10), (MIN, -1)])
def test_no_demand_has_no_takt(net_ns: int, demand: int) -> None:
    with pytest.raises(ValueError, match="takt"):
        Takt(net_ns, demand)


def test_due_times_pass_over_breaks() -> None:
    """Emptied at 08:30 with 120 working minutes: due at 10:40, and half as late again at 12:10."""
    assert TWO.due_ns(at(23, 8, 30), 120 * MIN) == at(23, 10, 40)
    assert TWO.due_ns(at(23, 8, 30), 180 * MIN) == at(23, 12, 10)
    assert TWO.net_ns(at(23, 8, 30), at(23, 12, 30)) == 200 * MIN


def test_due_times_pass_over_the_weekend_and_days_off() -> None:
    assert TWO.due_ns(at(27, 21), 120 * MIN) == at(30, 7)
    holiday = Calendar(BERLIN, (EARLY, LATE), frozenset({date(2026, 11, 30)}))
    assert holiday.due_ns(at(27, 21), 120 * MIN) == at(1, 7, month=12)


def test_nobody_ever_works_there() -> None:
    never = Calendar(BERLIN, (Shift("x", frozenset(), time(6), time(14)),))
    assert never.due_ns(at(23, 6), MIN) is None
    assert not never.working(at(23, 6))


def test_without_a_calendar_it_is_always_working_time() -> None:
    always = Calendar(BERLIN)
    assert always.working(at(29, 3))
    assert always.net_ns(5, 9) == 4
    assert always.due_ns(5, 4) == 9
    assert always.shift_at(at(29, 3)) is None


def test_a_night_shift_belongs_to_the_day_on_which_it_begins() -> None:
    nights = Calendar(BERLIN, (NIGHT,))
    worked = nights.shift_at(at(24, 2))
    assert worked is not None
    assert worked.day == date(2026, 11, 23)
    assert worked.span == Span(at(23, 22), at(24, 6))
    assert not nights.working(at(24, 1, 10)), "the break is past midnight"
    assert nights.net_ns(at(23, 22), at(24, 6)) == 450 * MIN


def test_the_two_nights_on_which_the_clock_is_changed() -> None:
    nights = Calendar(BERLIN, (Shift("night", frozenset(DAYS), time(22), time(6)),))
    spring = nights.shift_at(at(29, 4, month=3))
    autumn = nights.shift_at(at(25, 4, month=10))
    assert spring is not None
    assert autumn is not None
    assert spring.span.end_ns - spring.span.start_ns == 7 * 60 * MIN
    assert autumn.span.end_ns - autumn.span.start_ns == 9 * 60 * MIN


def test_a_stop_over_the_end_of_a_shift_is_parted_there() -> None:
    stop = TWO.split(at(23, 13, 59), at(23, 14, 6))
    assert stop == [("early", MIN), ("late", 6 * MIN)]
    assert TWO.split(at(23, 21, 50), at(24, 6, 10)) == [
        ("late", 10 * MIN),
        ("", 8 * 60 * MIN),
        ("early", 10 * MIN),
    ]


def test_overtime_and_a_worked_break_are_working_time() -> None:
    more = Calendar(
        BERLIN,
        (EARLY,),
        worked=(Span(at(23, 14), at(23, 15)), Span(at(23, 9), at(23, 9, 10))),
    )
    assert more.net_ns(at(23, 6), at(23, 16)) == 510 * MIN
    assert more.working(at(23, 9, 5))
    assert more.due_ns(at(23, 13, 30), 60 * MIN) == at(23, 14, 30)


def test_the_shift_that_a_moment_outside_of_any_belongs_to_is_the_one_before() -> None:
    def latest(*moment: int) -> tuple[str, int] | None:
        found = TWO.latest(at(*moment))
        return None if found is None else (found.shift, found.day.day)

    assert latest(23, 5, 59) == ("late", 20), "on Monday before six it is Friday's"
    assert [latest(23, 6), latest(23, 14), latest(23, 23)] == [
        ("early", 23),
        ("late", 23),
        ("late", 23),
    ]
    assert Calendar(BERLIN).latest(at(23, 6)) is None
    never = Calendar(BERLIN, (Shift("x", frozenset(), time(6), time(14)),))
    assert never.latest(at(23, 6)) is None


def test_the_next_moment_at_which_anything_begins_or_ends() -> None:
    day = [at(23, 6), at(23, 9), at(23, 9, 10), at(23, 11, 30), at(23, 12), at(23, 14), at(23, 22)]
    assert [TWO.turn_ns(one - 1) for one in day] == day
    assert TWO.turn_ns(day[-1]) == at(24, 6)
    assert TWO.turn_ns(at(27, 22)) is None, "nothing does within two days"
    more = Calendar(BERLIN, (EARLY,), worked=(Span(at(23, 14), at(23, 15)),))
    assert more.turn_ns(at(23, 14)) == at(23, 15)


moments = st.integers(at(20, 0), at(20, 0, month=12))


@given(moments, moments, moments)
def test_net_time_adds_up_and_is_never_more_than_time(a: int, b: int, c: int) -> None:
    a, b, c = sorted((a, b, c))
    both = Calendar(BERLIN, (EARLY, LATE, NIGHT))
    assert both.net_ns(a, b) + both.net_ns(b, c) == both.net_ns(a, c)
    assert 0 <= both.net_ns(a, c) <= c - a
    assert sum(ns for _, ns in both.split(a, c)) == c - a


@given(moments, st.integers(0, 30_000 * MIN))
def test_a_due_time_has_so_much_net_time_before_it(start_ns: int, net_ns: int) -> None:
    due_ns = TWO.due_ns(start_ns, net_ns)
    assert due_ns is not None
    assert TWO.net_ns(start_ns, due_ns) == net_ns
