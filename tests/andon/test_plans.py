"""Plan and count of a shift as a board shows them, on the virtual clock.

The rig: shift early 06:00 to 14:00 with breaks 09:00 to 09:10 and 11:30 to 12:00, takt 60 s, so
440 parts; product P2 has a takt of 45 s and 12 in a pack, everything else 10.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent.configuration import Configuration, Product
from edge_agent.ports import Purpose
from edge_agent.wire.messages import Refusal
from tests.andon.test_shop_time import BY_TAKT, ON_SHIFTS, line_at
from tests.kit.floor_bench import LINE, FloorBench

P2 = Product("P2", takt_s=45.0, pack_quantity=12)
PACED = replace(ON_SHIFTS, segments=(replace(BY_TAKT, pack_quantity=10, products=(P2,)),))
MIN = 60.0


def began(tmp_path: Path, line: Configuration = PACED) -> FloorBench:
    """Begin at six, with the shift; A4 counts, for the first time with its first part."""
    bench = line_at(tmp_path, "06:00:00", line)
    counted(bench, 1)
    return bench


def counted(bench: FloorBench, parts: int) -> None:
    assert bench.ask("count", "A4", "counter", count=parts).refused is None


def board(bench: FloorBench, *keys: str) -> tuple[Any, ...]:
    said = bench.state("A4/state/takt")
    return tuple(said[key] for key in keys)


def test_a_board_shows_target_actual_efficiency_and_down_time(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.leap(100 * MIN)
    counted(bench, 79)
    shown = ("plan_now", "expected_now", "actual", "difference", "efficiency", "down_s")
    assert board(bench, *shown) == (100, 100, 80, -20, 0.8, 0.0)
    assert board(bench, "plan_shift", "shift", "last_cycle_s") == (440, "early", 6000.0)


def test_the_plan_rests_in_a_break_and_never_for_a_stop(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.leap(169 * MIN)
    bench.pull("cord-A2", 170 * MIN - 30)
    bench.at(170.5 * MIN)  # it stands from 08:50 on: takts began at six
    assert bench.stop_output.on
    bench.leap(180 * MIN)
    assert board(bench, "plan_now", "expected_now", "down_s") == (180, 170, 600.0)
    bench.leap(190 * MIN)
    assert board(bench, "plan_now", "expected_now", "down_s") == (180, 170, 600.0), "the break"
    bench.leap(199 * MIN)
    bench.press("clear-A2", 200 * MIN - 10)
    bench.press("start-a", 200 * MIN)  # ten minutes after the break
    bench.leap(250 * MIN)
    plan, expected, down_s = board(bench, "plan_now", "expected_now", "down_s")
    assert (plan, expected, round(down_s)) == (240, 219, 1200)


def test_a_product_change_inside_a_shift_is_planned_stretch_by_stretch(tmp_path: Path) -> None:
    """Two hours of P1 are 120; half an hour of changeover costs 30 of them; then P2, 80 an hour."""
    bench = began(tmp_path)
    bench.leap(120 * MIN)
    assert board(bench, "plan_now", "takt_s", "product") == (120, 60.0, None)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.leap(150 * MIN)
    bench.ask("changeover", "A1", on=False)
    assert board(bench, "plan_now", "expected_now", "takt_s") == (150, 120, 45.0)
    bench.leap(180 * MIN)
    assert board(bench, "plan_now", "expected_now", "product") == (190, 160, "P2")
    bench.leap(250 * MIN)  # 10:10: an hour of work since the break
    assert board(bench, "plan_now", "expected_now", "down_s") == (270, 240, 1800.0)
    after = bench.again().start()
    counted(after, 1)
    assert board(after, "plan_now", "expected_now", "takt_s", "product") == (270, 240, 45.0, "P2")


def test_what_was_planned_stays_when_a_reload_changes_takt_or_breaks(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.leap(60 * MIN)
    faster = replace(PACED, segments=(replace(PACED.segments[0], takt_s=30.0),))
    bench.andon.replan(faster)
    assert board(bench, "plan_now", "takt_s") == (60, 30.0)
    bench.leap(90 * MIN)
    assert board(bench, "plan_now") == (120,)
    shift = replace(PACED.calendars[0].shifts[0], breaks=("07:05-07:25",))
    breaks = replace(PACED.calendars[0], shifts=(shift, PACED.calendars[0].shifts[1]))
    bench.andon.replan(replace(faster, calendars=(breaks,)))
    assert board(bench, "plan_now") == (120,), "nobody takes back what was worked"


def test_the_fixed_position_goes_by_the_takt_of_the_product(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.at(50.0)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.at(70.0)
    bench.ask("changeover", "A1", on=False)
    bench.pull("cord-A2", 80.0)
    bench.at(104.9)
    assert not bench.stop_output.on
    bench.at(105.1)
    assert bench.stop_output.on, "the boundary at 60 s, and a takt of 45 s"


def test_the_takt_of_the_product_holds_after_a_restart(tmp_path: Path) -> None:
    always = replace(LINE, segments=PACED.segments)
    bench = line_at(tmp_path, "06:00:00", always)
    bench.at(50.0)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.ask("changeover", "A1", on=False)
    bench.pull("cord-A2", 60.0)
    bench.at(70.0)
    after = bench.again(boot="feedbeef").start()
    after.at(89.9)
    assert not after.stop_output.on
    after.at(90.1)
    assert after.stop_output.on, "a takt of 45 s since the line began to run"


def test_every_shift_is_counted_anew_also_where_there_is_one(tmp_path: Path) -> None:
    one = replace(PACED.calendars[0], shifts=PACED.calendars[0].shifts[:1])
    bench = began(tmp_path, replace(PACED, calendars=(one,)))
    bench.leap(470 * MIN)
    counted(bench, 399)
    bench.leap(15 * 60 * MIN)  # 21:00: what was made stays on the board over night
    assert board(bench, "plan_now", "actual", "shift", "cycle_runs") == (440, 400, "early", False)
    bench.leap(24 * 60 * MIN + 30 * MIN)
    assert board(bench, "plan_now", "actual") == (30, 0)


def test_overtime_belongs_to_the_shift_before_it(tmp_path: Path) -> None:
    one = replace(PACED.calendars[0], shifts=PACED.calendars[0].shifts[:1])
    bench = began(tmp_path, replace(PACED, calendars=(one,)))
    bench.leap(481 * MIN)
    until_ns = bench.clock.wall_ns() + int(60 * MIN) * 10**9
    assert bench.ask("worked", "A1", until_ns=until_ns).refused is None
    bench.leap(501 * MIN)
    counted(bench, 10)
    assert board(bench, "plan_now", "actual", "shift") == (460, 11, "early")


def test_a_shift_by_demand_keeps_its_takt_in_overtime(tmp_path: Path) -> None:
    by_demand = replace(PACED.segments[0], takt_s=None, demand_per_shift=440)
    one = replace(PACED.calendars[0], shifts=PACED.calendars[0].shifts[:1])
    line = replace(PACED, calendars=(one,), segments=(by_demand,))
    bench = began(tmp_path, line)
    bench.leap(481 * MIN)
    bench.ask("worked", "A1", until_ns=bench.clock.wall_ns() + int(60 * MIN) * 10**9)
    bench.leap(484 * MIN)
    assert board(bench, "takt_s", "plan_now") == (60.0, 443)
    assert bench.andon.takts.due_ns("SEG-A") is not None, "a pull in overtime stops somewhere"


# -- pitch -----------------------------------------------------------------------------------------


def test_a_pitch_is_a_takt_for_every_part_of_a_pack_and_is_told_when_it_is_missed(
    tmp_path: Path,
) -> None:
    bench = began(tmp_path)
    pitch = ("pitch_s", "pack_quantity", "pitch_due", "pitch_done", "pitches_behind")
    bench.at(9 * MIN)
    assert board(bench, *pitch) == (600.0, 10, 0, 0, 0)
    assert bench.told("takt.pitch_overdue") == []
    bench.at(10 * MIN)
    (overdue,) = bench.told("takt.pitch_overdue")
    assert [overdue[key] for key in pitch] == [600.0, 10, 1, 0, 1]
    bench.at(19 * MIN)
    assert len(bench.told("takt.pitch_overdue")) == 1, "once for every pack"
    assert "1 pack behind the plan" in bench.state("A4/state/display")["lines"]
    counted(bench, 19)
    bench.at(21 * MIN)
    assert board(bench, *pitch) == (600.0, 10, 2, 2, 0)
    assert len(bench.told("takt.pitch_overdue")) == 1


def test_another_product_has_another_pitch_and_an_open_pack_is_none(tmp_path: Path) -> None:
    bench = began(tmp_path)
    counted(bench, 24)
    bench.leap(25 * MIN)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.ask("changeover", "A1", on=False)
    pitch = ("pitch_s", "pitch_due", "pitch_done")
    assert board(bench, *pitch) == (540.0, 2, 2)
    counted(bench, 11)
    bench.leap(34 * MIN)
    assert board(bench, *pitch) == (540.0, 3, 2)
    after = bench.again().start()
    counted(after, 1)
    assert board(after, *pitch) == (540.0, 3, 3)


# -- changeover ------------------------------------------------------------------------------------


def test_a_changeover_ends_with_its_first_good_part_over_a_restart_too(tmp_path: Path) -> None:
    bench = began(tmp_path)  # the last good part of P1, at 0 s
    bench.at(60.0)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.at(300.0)
    after = bench.again().start()
    after.at(700.0)
    counted(after, 1)
    (ended,) = after.told("takt.changeover_ended")
    assert (ended["to"], ended["duration_s"], ended["last_good_s"]) == ("P2", 640.0, 700.0)
    first = after.told("takt.cycle")[-1]
    assert (first["product"], "last_good_s" in first) == ("P2", False), "it is told once"
    assert after.state("segment/SEG-A/state")["state"] == "running"


def test_where_somebody_ends_it_the_first_good_part_tells_how_long_it_was(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.at(60.0)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.at(400.0)
    bench.ask("changeover", "A1", on=False)
    after = bench.again(boot="feedbeef").start()
    after.at(500.0)
    counted(after, 1)
    assert "last_good_s" not in after.told("takt.changeover_ended")[0]
    assert after.told("takt.cycle")[-1]["last_good_s"] == 500.0
    counted(after, 1)
    assert "last_good_s" not in after.told("takt.cycle")[-1]
    after.leap(60 * MIN)
    (hour,) = [one for one in after.told("kpi.hour") if one["station"] == "A4"]
    assert (hour["changeovers"], hour["last_good_s"]) == (1, 500.0)
    assert hour["cycles"] == {"first": 1, "normal": 1, "small_stop": 1}


def test_a_power_cut_in_a_changeover_is_counted_once_the_clock_is_set(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.at(60.0)
    bench.ask("changeover", "A1", on=True)
    bench.at(100.0)
    after = bench.again(boot="feedbeef")
    after.clock.is_set = False
    after.clock.now_ns += 400 * 10**9
    after.clock.wall_lead_ns -= 10**18
    after.start()
    after.clock.wall_lead_ns += 10**18
    after.clock.is_set = True
    after.at(600.0)
    counted(after, 1)
    (ended,) = after.told("takt.changeover_ended")
    assert (round(ended["duration_s"]), round(ended["last_good_s"])) == (540, 600)


def test_while_the_line_says_that_it_is_changed_over_no_part_ends_that(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "06:00:00", PACED)
    switch = bench.wire("switch", "A1", Purpose.CHANGEOVER)
    bench.andon.add_contact(switch)  # type: ignore[arg-type]
    switch.start()
    counted(bench, 1)
    bench.at(60.0).wires["switch"].move(False)
    bench.at(100.0)
    counted(bench, 1)  # one that was still on the line
    assert bench.state("segment/SEG-A/state")["state"] == "changeover"
    bench.at(300.0).wires["switch"].move(True)
    bench.at(340.0)
    counted(bench, 1)
    assert bench.told("takt.cycle")[-1]["last_good_s"] == 240.0


def test_a_stop_in_a_changeover_ends_it_not_and_its_time_is_left_out_once(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.leap(10 * MIN)
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.pull("cord-A2", 10 * MIN + 10)
    bench.at(11.5 * MIN)
    assert bench.stop_output.on
    bench.press("clear-A2", 14 * MIN - 10)
    bench.press("start-a", 14 * MIN)
    assert board(bench, "product", "cycle_runs") == (None, False)
    bench.leap(20 * MIN)
    counted(bench, 1)
    assert board(bench, "plan_now", "expected_now", "down_s", "product") == (20, 10, 600.0, "P2")
    (ended,) = bench.told("takt.changeover_ended")
    assert (ended["duration_s"], ended["last_good_s"]) == (600.0, 1200.0)


def test_time_in_which_it_stood_is_left_out_over_a_restart_too(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.pull("cord-A2", 30.0)
    bench.at(70.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns = after.began_ns + int(10 * MIN) * 10**9
    after.start()
    after.leap(21 * MIN)
    assert after.stop_output.on
    assert board(after, "plan_now", "expected_now", "down_s") == (21, 1, 1200.0)


def test_a_changeover_that_is_refused_changes_no_product(tmp_path: Path) -> None:
    bench = began(tmp_path)
    assert bench.ask("changeover", "A1", on=False, product="P9").refused is Refusal.ILLEGAL
    bench.ask("changeover", "A1", on=True, product="P2")
    assert bench.told("takt.changeover_started")[0]["to"] == "P2"
    bench.ask("changeover", "A1", on=False)
    bench.ask("changeover", "A1", on=True)
    bench.ask("changeover", "A1", on=False)
    assert [one["to"] for one in bench.told("takt.changeover_ended")] == ["P2", None]
    assert board(bench, "product") == ("P2",), "nobody has said another"


# -- cycles ----------------------------------------------------------------------------------------


def test_a_late_cycle_is_seen_and_read_and_rests_in_a_break(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "08:58:50", PACED)
    counted(bench, 1)
    bench.at(64.0)
    assert bench.tower("A4") == "green steady yellow flash-0.5hz"
    assert board(bench, "late", "suggest_call", "cycle_runs") == (True, False, True)
    bench.at(70.0)
    assert board(bench, "late", "suggest_call", "cycle_runs") == (False, False, False)
    assert bench.tower("A4") == "", "it is a break: nobody is late"
    bench.at(70.0 + 600)
    assert bench.tower("A4") == "green steady yellow flash-0.5hz"
    assert bench.told("takt.overrun")[1:] == []
    bench.at(90.0 + 600)
    assert board(bench, "late", "suggest_call") == (True, True)
    line = bench.state("A4/state/display")["lines"][0]
    assert line == "this cycle takes longer than its 60 s: pull if you need help"
    counted(bench, 1)
    cycle = bench.told("takt.cycle")[-1]
    assert (cycle["cycle_s"], cycle["class"]) == (90.0, "small_stop")


def test_cycles_to_the_next_maintenance_are_kept_and_begin_anew_when_it_was_done(
    tmp_path: Path,
) -> None:
    line = replace(PACED, segments=(replace(PACED.segments[0], pm_cycles=5),))
    bench = line_at(tmp_path, "06:00:00", line)
    assert bench.ask("maintained", "A4", "maintenance").refused is Refusal.ILLEGAL, "none counts"
    counted(bench, 3)
    after = bench.again().start()
    counted(after, 1)
    assert board(after, "pm_in") == (1,)
    counted(after, 2)
    assert after.told("takt.pm_due")[0]["cycles"] == 6
    assert "maintenance is due" in after.state("A4/state/display")["lines"]
    assert after.ask("maintained", "A4", "operator").refused is Refusal.NOT_ALLOWED
    assert after.ask("maintained", "A4", "maintenance").refused is None
    (done,) = after.told("takt.pm_done")
    assert (done["cycles"], done["limit"], done["actor"]) == (6, 5, "L. Weber")
    assert board(after, "pm_in", "actual") == (5, 6)
    counted(after, 5)
    assert len(after.told("takt.pm_due")) == 2


def test_a_board_hears_of_a_part_and_of_the_plan_without_being_asked(tmp_path: Path) -> None:
    bench = began(tmp_path)
    bench.at(6.0)
    heard: list[tuple[Any, ...]] = []
    bench.andon.changed = lambda: heard.append(board(bench, "plan_now", "actual"))
    bench.at(30.0)
    assert heard == []
    counted(bench, 1)
    assert heard.pop() == (0, 2)
    bench.at(66.0)
    assert heard[-1] == (1, 2)
