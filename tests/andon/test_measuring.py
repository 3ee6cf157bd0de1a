"""Measures per hour and per shift, told when they are over; a clock that is not set has none."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent.configuration import Shift
from tests.andon.test_shop_time import BY_TAKT, DAYS, ON_SHIFTS, TWO_SHIFTS, line_at
from tests.kit.floor_bench import LINE, FloorBench

PACED = replace(ON_SHIFTS, segments=(BY_TAKT,))
HOUR = 3600.0


def told(bench: FloorBench, kind: str, station: str = "A2") -> list[dict[str, Any]]:
    return [one for one in bench.told(f"kpi.{kind}") if one["station"] == station]


def times(measures: list[dict[str, Any]]) -> list[str]:
    return [f"{one['from'][11:19]} {one['to'][11:19]}" for one in measures]


def test_a_stop_over_a_shift_change_is_split_and_the_call_counts_where_it_began(
    tmp_path: Path,
) -> None:
    bench = line_at(tmp_path, "13:58:00", ON_SHIFTS)
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.press("ack-A2", 330.0)
    bench.press("clear-A2", 470.0)
    bench.press("start-a", 480.0)
    bench.leap(8 * 3600.0 + 130)
    early, late = [one for one in bench.told("kpi.shift") if one["station"] == "A2"]
    assert (early["shift"], early["pulls"], early["stop_s"]) == ("early", 1, 60.0)
    assert early["tta_s"]["never"] == 1, "it was still open when the shift ended"
    assert (late["shift"], late["pulls"], late["stop_s"]) == ("late", 0, 360.0)
    assert late["tta_s"]["mean"] == 300.0
    assert (late["ttr_s"]["n"], late["without_stop"]) == (1, 0)


def test_an_hour_is_told_when_it_is_over_also_after_a_restart(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00")
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 50.0)
    bench.at(100.0)
    after = bench.again().start()
    after.pull("cord-A2", 200.0)
    after.pull("cord-A2", 240.0)
    after.at(605.0)
    (hour,) = [one for one in after.told("kpi.hour") if one["station"] == "A2"]
    assert (hour["pulls"], hour["ttr_s"]["mean"]) == (2, 30.0)
    assert hour["to"] == "2026-11-23T08:00:00.000Z"
    after.at(605.0 + 3600)
    assert len([one for one in after.told("kpi.hour") if one["station"] == "A2"]) == 1, (
        "nothing happened since: nothing is told"
    )


def test_a_stop_over_an_hour_and_a_restart_is_charged_once(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00")
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)  # it stands from 07:51
    bench.at(900.0)
    after = bench.again().start()
    after.press("clear-A2", 1200.0)
    after.press("start-a", 1260.0)  # and runs again at 08:11
    after.at(600.0 + 3605.0)
    hours = [one["stop_s"] for one in after.told("kpi.hour") if one["station"] == "A2"]
    assert hours == [540.0, 660.0]
    after.leap(7 * HOUR)
    assert [one["stop_s"] for one in told(after, "shift")] == [1200.0]


def test_a_clock_that_nobody_has_set_measures_nothing(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.clock.is_set = False
    bench.start()
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 50.0)
    bench.leap(7300.0)
    assert bench.told("kpi.") == []


# -- whoever looks late, or was dead ---------------------------------------------------------------


def test_hours_that_end_while_the_agent_is_dead_end_on_the_hour(tmp_path: Path) -> None:
    """It stands from 07:51 to 10:26, and nobody watches from 07:55 to 10:20."""
    bench = line_at(tmp_path, "07:50:00", replace(ON_SHIFTS, segments=LINE.segments))
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.at(300.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns = after.began_ns + 9000 * 10**9
    after.start()
    after.press("clear-A2", 9300.0)
    after.press("start-a", 9360.0)
    after.leap(9000.0 + HOUR)
    hours = told(after, "hour")
    assert times(hours) == [
        "07:50:00 08:00:00",
        "08:00:00 09:00:00",
        "09:00:00 10:00:00",
        "10:00:00 11:00:00",
    ]
    assert [one["stop_s"] for one in hours] == [540.0, 3600.0, 3000.0, 1560.0], "the break is none"
    assert [one["pulls"] for one in hours] == [1, 0, 0, 0]
    assert hours[3]["ttr_s"]["mean"] == 9270.0
    assert hours[0]["calendar"].startswith("two-shift@")
    after.leap(7 * HOUR)
    assert [one["stop_s"] for one in told(after, "shift")] == [8700.0]


def test_24_the_shift_changes_while_the_agent_is_dead(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "13:58:00", ON_SHIFTS)
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.at(90.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns = after.began_ns + 300 * 10**9
    after.start()
    after.press("clear-A2", 470.0)
    after.press("start-a", 480.0)
    after.leap(8 * HOUR + 130)
    early, late = told(after, "shift")
    assert times([early, late]) == ["13:58:00 14:00:00", "14:00:00 22:00:00"]
    assert (early["stop_s"], late["stop_s"]) == (60.0, 360.0)
    assert (early["pulls"], late["pulls"]) == (1, 0)
    (ended,) = after.told("stop.ended")
    assert [one["stop_s"] for one in ended["by_shift"]] == [60.0, 360.0]
    assert ended["scheduled_s"] == 420.0


def test_a_stretch_that_is_looked_at_late_ends_in_time(tmp_path: Path) -> None:
    """A part that was made after the hour counts in the next one, whoever has looked meanwhile."""
    bench = line_at(tmp_path, "07:30:00", PACED)
    for second, parts in ((60.0, 20), (1803.0, 5), (5403.0, 1)):
        bench.clock.now_ns = bench.began_ns + round(second * 1e9)
        bench.ask("count", "A4", "counter", count=parts)
    hours = told(bench, "hour", "A4")
    assert times(hours) == ["07:30:00 08:00:00", "08:00:00 09:00:00"]
    assert [(one["actual"], one["plan"], one["expected"]) for one in hours] == [
        (20, 30, 30),
        (5, 60, 60),
    ]


def test_an_hour_goes_on_after_a_restart_with_what_was_counted_in_it(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:30:00", PACED)
    bench.ask("count", "A4", "counter", count=30)
    bench.leap(1800.0 + 600)
    bench.ask("count", "A4", "counter", count=10)
    bench.at(1800.0 + 601)
    after = bench.again().start()
    after.leap(1800.0 + 1200)
    after.ask("count", "A4", "counter", count=2)
    after.leap(1800.0 + HOUR)
    first, second = told(after, "hour", "A4")
    assert (first["actual"], second["actual"]) == (30, 12)
    assert times([second]) == ["08:00:00 09:00:00"]


def test_an_hour_in_which_shifts_change_is_two(tmp_path: Path) -> None:
    shifts = (Shift("early", DAYS, "06:00", "14:30"), Shift("late", DAYS, "14:30", "22:00"))
    line = replace(PACED, calendars=(replace(TWO_SHIFTS, shifts=shifts),))
    bench = line_at(tmp_path, "14:10:00", line)
    bench.ask("count", "A4", "counter", count=7)
    bench.leap(1500.0)
    bench.ask("count", "A4", "counter", count=3)
    bench.leap(3000.0)
    hours = told(bench, "hour", "A4")
    assert times(hours) == ["14:10:00 14:30:00", "14:30:00 15:00:00"]
    assert [(one["shift"], one["actual"], one["plan"]) for one in hours] == [
        ("early", 7, 20),
        ("late", 3, 30),
    ]


def test_a_weekend_is_not_told_and_monday_begins_anew(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "21:30:00", PACED)
    bench.ask("count", "A4", "counter", count=20)
    bench.leap(60.0)
    bench.clock.now_ns += 3 * 86_400 * 10**9  # from Monday, over three nights
    bench.at(3 * 86_400.0 + 61)
    assert [(one["day"], one["shift"]) for one in told(bench, "shift", "A4")] == [
        ("2026-11-23", "late"),
        *((f"2026-11-{day}", shift) for day in (24, 25, 26) for shift in ("early", "late")),
    ][:-1]
    assert len(told(bench, "hour", "A4")) == 1 + 2 * 16 + 15, "sixteen hours a day are worked"


def test_who_was_dead_for_weeks_tells_the_hour_of_his_death_and_goes_on(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:30:00", PACED)
    bench.ask("count", "A4", "counter", count=20)
    bench.pull("cord-A4", 30.0)
    bench.at(61.0)
    bench.leap(21 * 86_400.0)
    (hour,) = told(bench, "hour", "A4")
    assert times([hour]) == ["07:30:00 08:00:00"]
    assert hour["stop_s"] == 29 * 60.0, "it stood from 07:31"
    bench.ask("count", "A4", "counter", count=4)
    bench.leap(21 * 86_400.0 + 1800)
    assert told(bench, "hour", "A4")[-1]["actual"] == 4
    assert bench.state("A4/state/takt")["actual"] == 4


def test_a_clock_that_was_ahead_takes_what_was_measured_along(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "12:10:00", ON_SHIFTS)
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 50.0)
    bench.clock.wall_lead_ns -= int(4 * HOUR) * 10**9
    bench.at(100.0)
    bench.leap(3100.0)
    (hour,) = told(bench, "hour")
    assert (hour["pulls"], hour["to"][11:19]) == (1, "09:00:00")


def test_a_stop_is_charged_as_long_as_it_stood_whatever_the_clock_does_in_it(
    tmp_path: Path,
) -> None:
    """It stands from 07:51 to 08:06; 08:01 the clock goes on by 20 minutes, then back by 10."""
    bench = line_at(tmp_path, "07:50:00")
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.at(660.0)
    bench.clock.wall_lead_ns += 1_200 * 10**9
    bench.at(780.0)
    bench.clock.wall_lead_ns -= 600 * 10**9
    bench.press("clear-A2", 950.0)
    bench.press("start-a", 960.0)
    bench.leap(HOUR)
    assert [one["stop_s"] for one in told(bench, "hour")] == [540.0, 360.0]


def test_a_clock_that_was_ahead_within_a_shift_leaves_its_beginning(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "06:10:00", ON_SHIFTS)
    bench.pull("cord-A2", 30.0)
    bench.pull("cord-A2", 50.0)
    bench.leap(4 * HOUR)
    bench.clock.wall_lead_ns -= int(2 * HOUR) * 10**9
    bench.at(4 * HOUR + 10)
    bench.leap(10 * HOUR)
    (shift,) = told(bench, "shift")
    assert (shift["pulls"], times([shift])) == (1, ["06:10:00 14:00:00"])


# -- until the clock is set ------------------------------------------------------------------------


def test_what_happens_before_the_clock_is_set_counts_where_it_belongs(tmp_path: Path) -> None:
    """The power goes at 21:50 and comes back at 06:05; until 06:07 nobody knows what time it is."""
    bench = line_at(tmp_path, "21:40:00", PACED)
    bench.ask("count", "A4", "counter", count=9)
    bench.at(600.0)
    after = bench.again(boot="feedbeef")
    after.clock.is_set = False
    after.clock.now_ns = after.began_ns + (8 * 3600 + 1500) * 10**9
    after.clock.wall_lead_ns -= 10**18
    after.start()
    booted_s = after.at_s()
    after.pull("cord-A2", booted_s + 30)
    after.pull("cord-A2", booted_s + 50)
    after.ask("count", "A4", "counter", count=2)
    after.at(booted_s + 120)
    after.clock.wall_lead_ns += 10**18
    after.clock.is_set = True
    after.at(booted_s + 130)
    assert after.state("A4/state/takt")["actual"] == 2
    after.leap(booted_s + HOUR)
    assert [(one["shift"], one["pulls"]) for one in told(after, "hour")] == [("early", 1)]
    made = [(one["day"][-2:], one["shift"], one["actual"]) for one in told(after, "hour", "A4")]
    assert made == [("23", "late", 9), ("24", "early", 2)]


def test_a_reload_that_changes_the_shifts_ends_the_one_that_is_none_any_more(
    tmp_path: Path,
) -> None:
    bench = line_at(tmp_path, "10:20:00", PACED)
    bench.ask("count", "A4", "counter", count=5)
    bench.at(600.0)
    shifts = (Shift("a", DAYS, "06:00", "10:00"), Shift("b", DAYS, "10:00", "16:00"))
    line = replace(PACED, calendars=(replace(TWO_SHIFTS, shifts=shifts),))
    bench.andon.replan(line)
    bench.ask("count", "A4", "counter", count=1)
    (shift,) = told(bench, "shift", "A4")
    assert (shift["shift"], shift["actual"], times([shift])) == (
        "early",
        5,
        ["10:20:00 10:30:00"],
    )
    assert bench.state("A4/state/takt")["actual"] == 1
    bench.leap(2400.0)
    assert told(bench, "hour", "A4")[-1]["shift"] == "b"


def test_a_station_that_comes_with_a_reload_is_measured_from_then_on(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00", replace(ON_SHIFTS, stations=LINE.stations[1:]))
    bench.at(60.0)
    bench.andon.replan(ON_SHIFTS)
    bench.pull("cord-A1", 90.0)
    bench.pull("cord-A1", 100.0)
    bench.at(600.0)
    assert [one["pulls"] for one in told(bench, "hour", "A1")] == [1]


def test_what_is_training_is_measured_nowhere(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00")
    assert bench.ask("training", "A2", on=True).refused is None
    bench.pull("cord-A2", 30.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 90.0)
    bench.press("start-a", 100.0)
    assert bench.ask("training", "A2", on=False).refused is None
    bench.pull("cord-A2", 120.0)
    bench.pull("cord-A2", 130.0)
    bench.at(605.0)
    (hour,) = told(bench, "hour")
    assert (hour["pulls"], hour["stop_s"]) == (1, 0.0)


# -- what belongs where ----------------------------------------------------------------------------


def test_an_acknowledgement_counts_in_its_own_hour_alone(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:58:00")
    bench.pull("cord-A2", 30.0)
    bench.press("ack-A2", 60.0)
    bench.press("clear-A2", 300.0)
    bench.leap(2 * HOUR)
    first, second = told(bench, "hour")
    assert [one["tta_s"]["n"] for one in (first, second)] == [1, 0]
    assert [one["ttr_s"]["n"] for one in (first, second)] == [0, 1]
    assert second["repair_s"] == {"mean": 240.0, "p50": 240.0, "p90": 240.0, "n": 1, "never": 0}


def test_a_call_over_a_shift_change_is_in_no_share_of_the_second_shift(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "13:59:00", ON_SHIFTS)
    bench.pull("cord-A2", 50.0)
    bench.pull("cord-A2", 75.0)
    bench.pull("cord-A1", 55.0 + 40.0)
    bench.at(8 * HOUR + 130)
    early, late = told(bench, "shift")
    assert (early["stopping"], early["without_stop"]) == (1, 0)
    assert (late["stopping"], late["without_stop"], late["pulls"]) == (0, 0, 0)
    assert (late["escalated"], late["by_level"]) == (0, {})


def test_first_and_last_stops_bypasses_and_causes_are_told(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:10:00")
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    bench.ask("reason", "A2", reason="FIT")
    bench.press("start-a", 80.0)
    bench.pull("cord-A2", 100.0)
    bench.press("ack-A2", 140.0)
    bench.press("clear-A2", 150.0)
    bench.ask("reason", "A2", reason="FIT")
    bench.ask("bypass", "A2", category="quality", on=True, for_s=60.0, reason="x")
    bench.leap(HOUR)
    (hour,) = told(bench, "hour")
    assert (hour["stops"], hour["bypasses"], hour["again"], hour["overdue"]) == (1, 1, 1, 2)
    assert [hour[name] for name in ("first_pull", "last_pull")] == [
        *("2026-11-23T07:10:20.000Z", "2026-11-23T07:11:40.000Z")
    ]
    assert hour["first_part"] is None


def test_the_hours_in_which_nobody_watched_say_so(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00", PACED)
    bench.ask("count", "A4", "counter", count=3)
    bench.pull("cord-A4", 200.0)
    bench.at(300.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns += int(8700 * 1e9)
    after.start()
    after.leap(9000.0 + HOUR)
    hours = [one["unobserved_s"] for one in told(after, "hour", "A4")]
    assert 295.0 <= hours[0] <= 305.0
    assert hours[1:3] == [3600.0, 3600.0]
    assert 1190.0 <= hours[3] <= 1210.0
    assert sum(hours) == 8700.0 or abs(sum(hours) - 8700.0) < 6.0


def test_where_nothing_was_open_nobody_knows_when_a_run_ended(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:50:00", PACED)
    bench.ask("count", "A4", "counter", count=3)
    bench.at(300.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns += int(60 * 1e9)
    after.start()
    after.leap(2 * HOUR)
    first, second, *_ = [one["unobserved_s"] for one in told(after, "hour", "A4")]
    assert (first, second) == (None, 0.0)
