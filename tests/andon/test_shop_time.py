"""Shifts, breaks and takt on the virtual clock: they govern timers, and never a light."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge_agent.configuration import Calendar, Configuration, Person, Shift, Site
from edge_agent.ports import Purpose
from edge_agent.wire.messages import Refusal
from tests.kit.floor_bench import LADDER, LINE, MATERIAL, QUALITY, SEGMENT, TOPICS, FloorBench
from tests.kit.line_bench import WallClock

DAYS = ("mon", "tue", "wed", "thu", "fri")
TWO_SHIFTS = Calendar(
    "two-shift",
    (
        Shift("early", DAYS, "06:00", "14:00", ("09:00-09:10", "11:30-12:00")),
        Shift("late", DAYS, "14:00", "22:00"),
    ),
)
ON_SHIFTS = replace(LINE, calendars=(TWO_SHIFTS,), site=Site(TOPICS.base, "UTC", "two-shift"))
BY_TAKT = replace(SEGMENT, fixed_position="takt", fixed_device=None)


def line_at(tmp_path: Path, when: str, line: Configuration = ON_SHIFTS) -> FloorBench:
    """Begin a story at this moment of Monday, 23 November 2026."""
    clock = WallClock()
    moment = datetime.fromisoformat(f"2026-11-23T{when}").replace(tzinfo=UTC)
    clock.wall_lead_ns = int(moment.timestamp()) * 10**9 - clock.now_ns
    return FloorBench(tmp_path / "data", clock, line=line).start()


def test_24_a_shift_change_in_the_middle_of_a_call(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "13:58:00")
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.press("ack-A2", 330.0)
    bench.press("clear-A2", 470.0)
    bench.press("start-a", 480.0)
    (cleared,) = bench.told("andon.cleared")
    assert cleared["tta_s"] == 300.0
    (ended,) = bench.told("stop.ended")
    assert (ended["duration_s"], ended["shift"]) == (420.0, "early")
    assert ended["by_shift"] == [
        {"shift": "early", "stop_s": 60.0},
        {"shift": "late", "stop_s": 360.0},
    ]
    levels = [(one["level"], one["age_s"]) for one in bench.told("andon.escalated")]
    assert levels == [(2, 60.0), (3, 300.0)], "timers are not reset by a shift change"


EARLY_AND_LATE = (
    Person("E:1", "L. Weber", ("leader",), shifts=("early",)),
    Person("E:2", "M. Sato", ("group-leader",), shifts=("early",)),
    Person("E:3", "P. Rossi", ("manager",), shifts=("early",)),
    Person("E:4", "J. Novak", ("leader",), shifts=("late",)),
    Person("E:5", "A. Diaz", ("group-leader",), shifts=("late",)),
    Person("E:6", "K. Ito", ("manager",), shifts=("late",)),
)


def test_24_who_is_asked_is_of_the_shift_that_runs_when_he_is_asked(tmp_path: Path) -> None:
    """A2 is pulled at 13:58:30: level 2 asks the early shift at 13:59:30, level 3 the late one."""
    asks = replace(QUALITY, responders=("leader",))
    line = replace(ON_SHIFTS, people=EARLY_AND_LATE, andons=(asks, MATERIAL))
    bench = line_at(tmp_path, "13:58:00", line)

    def asked() -> list[str]:
        (call,) = bench.state("A2/state/andon")["calls"]
        return list(call["asked"])

    bench.pull("cord-A2", 30.0)
    assert asked() == ["L. Weber"]
    bench.pulse(60.0)
    bench.at(119.0)
    assert asked() == ["M. Sato"]
    bench.at(120.0)
    assert asked() == ["A. Diaz"], "at 14:00, with the same timers"
    bench.at(330.0)
    assert asked() == ["K. Ito"]
    told = [
        (one["level"], one["age_s"], one["after_s"], one["notify"], one["people"])
        for one in bench.told("andon.escalated")
    ]
    assert told == [
        (2, 60.0, 60.0, "group-leader", ["M. Sato"]),
        (3, 300.0, 300.0, "manager", ["K. Ito"]),
    ]


def test_a_board_hears_of_the_shift_change(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "13:59:50", ON_SHIFTS)
    heard: list[float] = []
    bench.andon.changed = lambda: heard.append(bench.at_s())
    bench.at(14.0)
    assert heard == [10.0]


@pytest.mark.parametrize(
    ("when", "before", "after"),
    [("11:29:57", "green steady", ""), ("09:09:57", "", "green steady")],
)
def test_a_break_begins_and_ends_to_the_second(
    tmp_path: Path, when: str, before: str, after: str
) -> None:
    bench = line_at(tmp_path, when)
    bench.at(2.9)
    assert bench.tower("A1") == before
    bench.at(3.0)
    assert bench.tower("A1") == after


# -- what the leader has ordered -------------------------------------------------------------------


def test_overtime_and_a_worked_break_survive_a_restart_and_a_reload(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "09:01:00")

    def until(clock: str) -> int:
        moment = datetime.fromisoformat(f"2026-11-23T{clock}").replace(tzinfo=UTC)
        return int(moment.timestamp()) * 10**9

    assert bench.ask("worked", "A1", until_ns=until("09:10:00")).refused is None
    assert bench.tower("A1") == "green steady"
    bench.at(60.0)
    after = bench.again(boot="feedbeef").start()
    assert after.tower("A1") == "green steady", "the break is worked after a restart too"
    after.andon.replan(replace(after.configuration, people=EARLY_AND_LATE))
    assert after.tower("A1") == "green steady", "and after a reload"
    after.at(540.0)
    assert after.ask("worked", "A1", until_ns=until("22:30:00")).refused is None
    nine = until("09:00:00")
    assert after.andon.shop.net_ns(nine, until("09:10:00")) == 540 * 10**9, (
        "an order for the evening takes nothing of the morning back"
    )
    again = after.again().start()
    assert again.andon.shop.net_ns(nine, until("09:10:00")) == 540 * 10**9
    assert again.andon.shop.net_ns(until("22:00:00"), until("23:00:00")) == 1800 * 10**9


def test_an_order_to_work_is_told_and_can_be_taken_back(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "09:01:00")
    until_ns = bench.clock.wall_ns() + 300 * 10**9
    bench.ask("worked", "A1", until_ns=until_ns)
    bench.at(60.0)
    bench.ask("worked", "A1", on=False)
    assert bench.tower("A1") == ""
    assert [(one["until"], one["actor"]) for one in bench.told("takt.worked")] == [
        ("2026-11-23T09:06:00.000Z", "L. Weber"),
        (None, "L. Weber"),
    ]
    after = bench.again().start()
    assert after.tower("A1") == ""
    assert len(after.andon.shop.worked) == 1, "a minute of the break was worked"
    for second in (4 * 86_400.0, 4 * 86_400.0 + 1):
        after.leap(second)
        after.ask("worked", "A1", until_ns=after.clock.wall_ns() + 10**12)
    assert len(after.andon.shop.worked) == 2, "what is days old is forgotten"


def test_nobody_orders_overtime_on_a_clock_that_is_not_set(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=ON_SHIFTS)
    bench.clock.is_set = False
    bench.start()
    answer = bench.ask("worked", "A1", until_ns=bench.clock.wall_ns() + 10**12)
    assert (answer.refused, answer.message) == (
        Refusal.ILLEGAL,
        "until the clock is set it is working time",
    )


def test_who_has_taken_the_shift_over_is_known_after_a_restart(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "13:50:00", ON_SHIFTS)
    bench.ask("handover", "A1")
    after = bench.again(boot="feedbeef").start()
    after.leap(660.0)
    after.ask("handover", "A1")
    first, second = after.told("andon.handover")
    assert (first["shift_from"], first["shift_to"]) == (None, "early")
    assert (second["shift_from"], second["shift_to"]) == ("early", "late")


def test_a_pull_in_a_break_is_seen_and_heard(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "09:05:00")
    assert bench.tower("A2") == ""
    assert bench.state("segment/SEG-A/state")["scheduled"] is False
    bench.pull("cord-A2", 10.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    assert bench.horns["A2"].tune == "A"
    bench.at(310.0)
    assert bench.tower("A1") == "green steady", "the break is over"


def test_a_line_that_moves_works_whatever_the_calendar_says(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=ON_SHIFTS)
    moment = datetime.fromisoformat("2026-11-22T10:00:00+00:00")  # a Sunday
    bench.clock.wall_lead_ns = int(moment.timestamp()) * 10**9 - bench.clock.now_ns
    bench.wire("moving", "A1", Purpose.LINE_MOVING)
    bench.start()
    assert bench.tower("A1") == ""
    bench.at(1.0).wires["moving"].move(False)
    bench.at(10.0)
    assert bench.tower("A1") == "green steady"


def test_a_clock_that_nobody_has_set_knows_no_break(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=ON_SHIFTS)
    bench.clock.is_set = False
    bench.start()
    assert bench.tower("A2") == "green steady"
    bench.pull("cord-A2", 10.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    (ended,) = bench.told("stop.ended")
    assert ended["shift"] is None


def test_the_takt_timer_stops_one_takt_after_the_segment_began_to_run(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:00:00", replace(LINE, segments=(BY_TAKT,)))
    bench.pull("cord-A2", 70.0)
    assert bench.told("andon.raised")[0]["due"].endswith("07:02:00.000Z")
    bench.at(119.9)
    assert not bench.stop_output.on
    bench.at(120.1)
    assert bench.stop_output.on
    bench.press("clear-A2", 130.0)
    bench.press("start-a", 140.0)
    bench.pull("cord-A2", 150.0)
    bench.at(199.0)
    assert not bench.stop_output.on, "the line goes on from where it stood: one takt after it"
    bench.at(200.5)
    assert bench.stop_output.on


def test_the_takt_timer_rests_in_a_break_and_goes_on(tmp_path: Path) -> None:
    line = replace(ON_SHIFTS, segments=(BY_TAKT,))
    bench = line_at(tmp_path, "08:59:30", line)
    bench.pull("cord-A2", 10.0)
    bench.at(40.0 + 600)
    assert not bench.stop_output.on
    bench.at(29.0 + 600 + 36)
    assert bench.stop_output.on


def test_the_takt_follows_from_demand_and_net_time(tmp_path: Path) -> None:
    by_demand = replace(BY_TAKT, takt_s=None, demand_per_shift=440)
    bench = line_at(tmp_path, "07:00:00", replace(ON_SHIFTS, segments=(by_demand,)))
    assert bench.andon.takts.due_ns("SEG-A") == bench.began_ns + 60 * 10**9
    bench.pull("cord-A2", 10.0)
    bench.at(61.0)
    assert bench.stop_output.on


def test_a_restart_goes_on_with_the_same_boundaries(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:00:00", replace(LINE, segments=(BY_TAKT,)))
    bench.pull("cord-A2", 70.0)
    bench.at(80.0)
    after = bench.again().start()
    assert after.tower("A2") == "yellow flash-2hz"
    after.at(119.0)
    assert not after.stop_output.on
    after.at(120.5)
    assert after.stop_output.on


def test_who_is_asked_for_rests_outside_of_working_time_where_it_is_said(tmp_path: Path) -> None:
    rests = replace(QUALITY, pause=True, escalate=LADDER)
    bench = line_at(tmp_path, "08:59:30", replace(ON_SHIFTS, andons=(rests, MATERIAL)))
    bench.pull("cord-A2", 10.0)
    bench.at(600.0)
    assert bench.told("andon.escalated") == []
    bench.at(680.0)
    assert [one["level"] for one in bench.told("andon.escalated")] == [2]


def test_a_ladder_that_rests_does_so_over_a_restart_and_from_the_first_moment(
    tmp_path: Path,
) -> None:
    rests = replace(QUALITY, pause=True, escalate=LADDER)
    line = replace(ON_SHIFTS, andons=(rests, MATERIAL))
    bench = line_at(tmp_path, "08:59:30", line)
    bench.pull("cord-A2", 25.0)  # the break begins at 30 s and ends at 630 s
    bench.at(300.0)
    after = bench.again().start()
    after.pull("cord-A3", 400.0)  # in the break: its ladder begins after it
    after.at(684.0)
    assert after.told("andon.escalated") == []
    after.at(686.0)
    assert [one["station"] for one in after.told("andon.escalated")] == ["A2"]
    after.at(691.0)
    assert [one["station"] for one in after.told("andon.escalated")] == ["A2", "A3"]


def test_a_call_that_nobody_acknowledges_in_time_is_louder(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 10.0)
    bench.at(39.0)
    assert not bench.horns["A2"].loud
    bench.at(40.5)
    assert bench.horns["A2"].loud
    bench.press("ack-A2", 50.0)
    assert bench.horns["A2"].tune == ""


def test_a_line_by_demand_stops_without_a_clock_too(tmp_path: Path) -> None:
    by_demand = replace(BY_TAKT, takt_s=None, demand_per_shift=440)
    bench = FloorBench(tmp_path / "data", line=replace(ON_SHIFTS, segments=(by_demand,)))
    bench.clock.is_set = False
    bench.start()
    bench.pull("cord-A2", 10.0)
    bench.at(59.0)
    assert not bench.stop_output.on
    bench.at(61.0)
    assert bench.stop_output.on, "440 minutes of the early shift, by 440: the takt is a minute"


def test_overtime_has_a_fixed_position(tmp_path: Path) -> None:
    by_demand = replace(BY_TAKT, takt_s=None, demand_per_shift=440)
    bench = line_at(tmp_path, "22:30:00", replace(ON_SHIFTS, segments=(by_demand,)))
    until_ns = bench.clock.wall_ns() + 3_600 * 10**9
    assert bench.ask("worked", "A2", until_ns=until_ns).refused is None
    bench.at(1.0)
    bench.pull("cord-A2", 10.0)
    bench.at(70.0)
    assert bench.stop_output.on


def test_stop_minutes_of_a_shift_are_working_time(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "08:54:00")
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 1250.0)
    bench.press("start-a", 1260.0)
    (ended,) = bench.told("stop.ended")
    assert (ended["duration_s"], ended["scheduled_s"]) == (1200.0, 600.0)
    assert ended["by_shift"] == [{"shift": "early", "stop_s": 600.0}]
