"""Shifts, breaks and takt on the virtual clock: they govern timers, and never a light."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.configuration import Calendar, Configuration, Shift, Site
from edge_agent.ports import Purpose
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
