"""What a reload may take away, and what it must leave: faults, stops and calls end by hands."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.configuration import Configuration, Device, Station
from edge_agent.ports import Purpose
from tests.kit.floor_bench import LINE, MATERIAL, QUALITY, SEGMENT, FloorBench

STOP = Device("stop-a", "simulated-output", None, ("stop-a",))
WIRED = replace(LINE, devices=(STOP,))


def standing(tmp_path: Path) -> FloorBench:
    bench = FloorBench(tmp_path / "data", line=WIRED).start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    assert bench.stop_output.on
    return bench


def segment(**changes: Any) -> Configuration:  # noqa: ANN401
    return replace(WIRED, segments=(replace(SEGMENT, **changes),))


@pytest.mark.parametrize(
    "wanted",
    [
        segment(stop_output="stop-b"),
        segment(stop_output=None, fixed_position="call-only"),
        replace(WIRED, devices=()),
        replace(WIRED, devices=(replace(STOP, keys=("elsewhere",)),)),
    ],
    ids=["another", "none", "its device", "its keys"],
)
def test_the_output_of_a_line_that_stands_is_not_taken_away(
    tmp_path: Path, wanted: Configuration
) -> None:
    bench = standing(tmp_path)
    objection = bench.andon.objection(wanted)
    assert "stop-a" in objection
    assert "start the line first" in objection
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    assert bench.andon.objection(wanted) == ""


def without_a2() -> Configuration:
    return replace(WIRED, stations=tuple(one for one in LINE.stations if one.id != "A2"))


def test_a_station_whose_call_or_fault_is_open_is_not_taken_away(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=WIRED).start()
    bench.pull("cord-A2", 20.0)
    assert "A2" in bench.andon.objection(without_a2())
    bench.press("clear-A2", 30.0)
    assert bench.andon.objection(without_a2()) == ""
    bench.at(40.0).wires["cord-A2"].lose()
    bench.press("clear-A2", 41.0)  # maintenance has come, and the fault is still there
    bench.pulse(60.0)
    assert "A2" in bench.andon.objection(without_a2())


def test_a_fault_whose_input_is_gone_can_be_reset(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.at(10.0).wires["cord-A2"].lose()
    bench.pulse(60.0)
    assert bench.stop_output.on
    bench.andon.remove("cord-A2")
    bench.andon.replan(LINE)
    bench.press("clear-A2", 70.0)
    assert bench.told("andon.fault_cleared")
    bench.press("start-a", 80.0)
    assert not bench.stop_output.on


def test_a_fault_whose_input_is_gone_can_be_reset_after_a_restart_too(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.at(10.0).wires["cord-A2"].lose()
    after = bench.at(20.0).again()
    del after.wires["cord-A2"]
    after.start()
    assert after.ask("reset-fault", "A2", "maintenance").refused is None
    assert after.told("andon.fault_cleared")


def test_a_ladder_that_is_to_rest_from_now_on_rests(tmp_path: Path) -> None:
    from tests.andon.test_shop_time import ON_SHIFTS, line_at

    bench = line_at(tmp_path, "08:59:30", ON_SHIFTS)
    bench.pull("cord-A2", 25.0)
    bench.at(50.0)
    rests = replace(QUALITY, pause=True)
    bench.andon.replan(replace(ON_SHIFTS, andons=(rests,)))
    bench.at(600.0)
    assert bench.told("andon.escalated") == []


def test_a_cord_that_stays_out_calls_when_its_input_comes_back(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("hook", "A2", Purpose.CALL, "help", latching=True)
    bench.start()
    hook = bench.at(10.0).wires["hook"]
    hook.lose()
    hook.level = False
    bench.at(20.0)
    hook.start()
    bench.at(21.0)
    raised = [one for one in bench.told("andon.raised") if one["category"] == "help"]
    assert [one["device"] for one in raised] == ["hook"]


def test_lamps_only_without_a_warning_go_on_at_once(tmp_path: Path) -> None:
    said = replace(SEGMENT, stop_output=None, start_input=None, restart_warning_s=0.0)
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(said,)))
    del bench.wires["start-a"]
    bench.start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    assert bench.tower("A2") == "green steady"


def test_boundaries_of_the_takt_are_the_same_after_a_restart_of_a_line_that_runs(
    tmp_path: Path,
) -> None:
    takt = replace(LINE, segments=(replace(SEGMENT, fixed_position="takt", fixed_device=None),))
    bench = FloorBench(tmp_path / "data", line=takt).start()
    bench.pull("cord-A2", 70.0)
    bench.pull("cord-A2", 75.0)
    after = bench.at(80.0).again().start()
    assert after.andon.takts.due_ns("SEG-A") == after.began_ns + 120 * 10**9


def test_what_a_damaged_journal_left_unsure_stays_so_over_a_restart(tmp_path: Path) -> None:
    from tests.kit.journals import spoilt

    first = standing(tmp_path).again()
    spoilt(first.data_dir, "UPDATE snapshot SET crc = crc + 1 WHERE name = 'andon'")
    first.start()
    after = first.at(62.0).again().start()
    after.at(75.0)
    after.press("start-a", 76.0)
    assert [one["alarm"] for one in after.told("alarm.cleared")] == ["line"]


def test_a_station_of_another_segment_may_go(tmp_path: Path) -> None:
    bench = standing(tmp_path)
    stations = (*LINE.stations, Station("B1"))
    assert bench.andon.objection(replace(WIRED, stations=stations)) == ""


@pytest.mark.parametrize(
    "changed",
    [
        replace(WIRED, andons=(replace(QUALITY, stops=False), MATERIAL)),
        replace(WIRED, andons=(MATERIAL,)),
        replace(WIRED, segments=(replace(SEGMENT, fixed_position="call-only", fixed_device=None),)),
    ],
)
def test_no_reload_takes_a_stop_from_under_the_call_that_holds_it(
    tmp_path: Path, changed: Configuration
) -> None:
    bench = FloorBench(tmp_path / "data", line=WIRED).start()
    assert bench.andon.objection(changed) == ""
    bench.pull("cord-A2", 20.0)
    assert bench.andon.objection(changed) == "", "the line runs: the call goes on and stops nothing"
    bench.pulse(60.0)
    assert "quality of A2 holds SEG-A" in bench.andon.objection(changed)
    bench.press("clear-A2", 70.0)
    assert bench.andon.objection(changed) == ""


def test_what_waits_at_a_station_that_is_taken_away_is_told(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=WIRED).start()
    bench.pull("cord-A2", 20.0)
    bench.pull("cord-A2", 30.0)
    bench.ask("bypass", "A2", category="material", on=True, for_s=600.0, reason="x")
    bench.andon.replan(without_a2())
    (closed,) = bench.told("andon.closed")
    assert (closed["station"], closed["reason"]) == ("A2", "unassigned")
    assert [one["category"] for one in bench.told("andon.bypass_ended")] == ["material"]
    bench.leap(1000.0)
    assert len(bench.told("andon.closed", "andon.bypass_ended")) == 2


def test_a_restart_without_a_station_tells_what_becomes_of_its_calls(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=WIRED).start()
    bench.ask("bypass", "A2", category="material", on=True, for_s=600.0, reason="x")
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.at(70.0).configuration = without_a2()
    after = bench.again(boot="feedbeef")
    for name in [one for one in after.wires if one.endswith("A2")]:
        del after.wires[name]
    after.start()
    (closed,) = after.told("andon.closed")
    assert (closed["station"], closed["call"]) == ("A2", after.told("andon.raised")[0]["call"])
    assert len(after.told("andon.bypass_ended")) == 1
    assert after.stop_output.on, "and the line stands until a hand starts it"
    after.at(80.0)
    after.press("start-a", 85.0)
    assert not after.stop_output.on
