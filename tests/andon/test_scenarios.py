"""The stories a team leader would tell, on the virtual clock: what is seen, heard and told."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.ports import Purpose
from tests.kit.floor_bench import LINE, SEGMENT, FloorBench, with_quality

YELLOW = "yellow flash-2hz"
GREEN = "green steady"
RED = "red flash-2hz"


def line(tmp_path: Path, **keys: object) -> FloorBench:
    bench = FloorBench(tmp_path / "data", **keys)  # type: ignore[arg-type]
    bench.start()
    assert bench.tower("A2") == GREEN
    return bench


def test_1_a_call_cancelled_in_time_stops_nothing(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 20.0)
    assert bench.tower("A2") == YELLOW
    assert bench.towers["A2"].told[-1][0] <= 20.1, "the light came within 100 ms of the contact"
    assert bench.horns["A2"].tune == "A"
    assert bench.tower("A1") == GREEN
    bench.pull("cord-A2", 45.0)
    assert bench.tower("A2") == GREEN
    assert bench.horns["A2"].tune == ""
    bench.pulse(60.0)
    assert bench.stop_output.told == []
    raised, cleared = bench.told("andon.raised", "andon.cleared")
    assert cleared["call"] == raised["call"]
    assert cleared["ttr_s"] == 25.0
    assert (cleared["stopped"], cleared["ack_implied"]) == (False, True)
    assert bench.told("stop.") == []


def test_2_nobody_comes_and_the_line_stops_at_the_fixed_position(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 20.0)
    bench.at(59.99)
    assert bench.stop_output.told == []
    bench.pulse(60.0)
    ((at_s, on),) = bench.stop_output.told
    assert on is True
    assert at_s <= 60.1
    assert bench.tower("A2") == RED
    assert bench.horns["A2"].tune == "B"
    bench.press("ack-A2", 90.0)
    assert bench.tower("A2") == "red steady"
    assert bench.horns["A2"].tune == ""
    bench.press("clear-A2", 255.0)
    assert bench.horns["A2"].tune == "restart"
    assert all("green" not in bench.tower(station) for station in bench.towers)
    assert bench.stop_output.on
    bench.press("start-a", 260.0)
    assert not bench.stop_output.on
    assert bench.tower("A2") == GREEN
    (cleared,) = bench.told("andon.cleared")
    assert (cleared["tta_s"], cleared["ttr_s"]) == (70.0, 235.0)
    started, ended = bench.told("stop.")
    assert started["calls"] == [cleared["call"]]
    assert (ended["duration_s"], ended["primary"]) == (200.0, cleared["call"])
    assert (ended["station"], ended["category"]) == ("A2", "quality")
    assert [one["level"] for one in bench.told("andon.escalated")] == [2]


def test_3_two_calls_are_one_stop(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pull("cord-A4", 30.0)
    bench.pull("cord-A2", 40.0)
    bench.pulse(60.0)
    assert bench.stop_output.on
    assert (bench.tower("A2"), bench.tower("A4")) == (GREEN, RED)
    bench.press("clear-A4", 90.0)
    bench.press("start-a", 95.1)
    started, ended = bench.told("stop.")
    assert ended["stop"] == started["stop"]
    assert ended["duration_s"] == 35.1
    assert ended["station"] == "A4"
    assert len(ended["calls"]) == 1


def test_3_both_open_and_the_first_cleared_starts_nothing(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pull("cord-A4", 30.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    assert bench.stop_output.on
    assert bench.horns["A2"].tune == ""
    bench.press("clear-A4", 90.0)
    bench.press("start-a", 96.0)
    (_, ended) = bench.told("stop.")
    first = bench.told("andon.raised")[0]
    assert ended["primary"] == first["call"]
    assert len(ended["calls"]) == 2
    assert ended["duration_s"] == 36.0


def test_4_a_nervous_double_pull_is_one_call_and_a_third_cancels(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 20.0)
    bench.pull("cord-A2", 20.18)
    assert bench.tower("A2") == YELLOW
    bench.pull("cord-A2", 23.0)
    assert bench.tower("A2") == GREEN
    assert bench.stories() == ["andon.raised", "andon.repeated", "andon.cleared"]
    assert bench.told("andon.repeated")[0]["repeat_count"] == 1


def test_4_bounces_are_one_pull_and_a_spike_is_none(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.at(20.0)
    for number in range(14):
        bench.at(20.0 + number * 0.012 / 14).wires["cord-A2"].move(number % 2 == 1)
    bench.wires["cord-A2"].move(False)
    bench.at(20.2).wires["cord-A2"].move(True)
    assert bench.stories() == ["andon.raised"]
    bench.pull("cord-A3", 30.0, 0.004)
    bench.at(31.0)
    assert bench.tower("A3") == GREEN
    assert bench.wires["cord-A3"].counters()["glitches"] == 1


def test_6_a_leader_who_wants_the_stop_gets_it_at_the_fixed_position(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A1", 5.0)
    bench.press("ack-A1", 20.0)
    bench.press("confirm-A1", 25.0)
    bench.at(59.0)
    assert not bench.stop_output.on
    bench.pulse(60.0)
    assert bench.stop_output.on
    assert bench.tower("A1") == "red steady"


def test_6_with_stop_now_it_stops_where_it_is(tmp_path: Path) -> None:
    bench = line(tmp_path, line=with_quality(stop_now=True))
    bench.pull("cord-A1", 5.0)
    bench.press("confirm-A1", 25.0)
    assert bench.stop_output.on
    assert bench.tower("A1") == "red steady"


def test_8_a_power_cut_in_the_middle_of_a_stop(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    (raised,) = bench.told("andon.raised")
    bench.at(300.0)
    after = bench.again(boot="feedbeef")
    after.clock.now_ns += int(370 * 1e9)
    after.start()
    began_s = after.at_s()
    assert began_s == 670.0
    assert after.tower("A2") == RED
    assert after.horns["A2"].tune == "B"
    assert after.stop_output.on
    after.pulse(690.0)
    after.press("clear-A2", 770.0)
    after.press("start-a", 780.0)
    assert [one["call"] for one in after.told("andon.raised")] == [raised["call"]]
    ended = after.told("stop.ended")[0]
    assert ended["duration_s"] == 720.0
    assert 370.0 <= ended["unobserved_s"] <= 375.0
    ends = [one["data"]["previous_end"] for one in after.events() if one["type"] == "agent.started"]
    assert ends == ["none", "cut"], "the power cut is told, once"


def test_10_a_clock_that_is_wrong_after_boot_changes_no_duration(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.clock.is_set = False
    bench.start()
    bench.pull("cord-A2", 40.0)
    bench.pull("cord-A2", 70.0)
    bench.at(93.0)
    bench.clock.wall_lead_ns += int(8 * 3_600 * 1e9)
    bench.clock.is_set = True
    bench.at(95.0)
    (cleared,) = bench.told("andon.cleared")
    assert cleared["ttr_s"] == 30.0
    events = [event for event in bench.events() if event["type"].startswith("andon.")]
    assert {event["clock"] for event in events} == {"unsynced"}
    assert "clock.corrected" in bench.kinds()


# -- beside the scenarios --------------------------------------------------------------------------


@pytest.mark.parametrize(("pulled_s", "stops"), [(54.9, True), (55.1, False)])
def test_a_pull_too_close_before_the_fixed_position_waits_for_the_next(
    tmp_path: Path, pulled_s: float, stops: bool
) -> None:
    line = replace(LINE, segments=(replace(SEGMENT, min_window_s=5.0),))
    bench = FloorBench(tmp_path / "data", line=line).start()
    bench.pull("cord-A2", pulled_s)
    bench.pulse(60.0)
    assert bench.stop_output.on is stops
    bench.pulse(120.0)
    assert bench.stop_output.on


def test_an_acknowledgement_ends_no_ladder(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 10.0)
    bench.press("ack-A2", 20.0)
    bench.at(400.0)
    assert [one["level"] for one in bench.told("andon.escalated")] == [2, 3]


def test_a_mute_button_silences_what_is_heard_and_no_light(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("mute", "A2", Purpose.MUTE)
    bench.start()
    bench.pull("cord-A2", 10.0)
    assert bench.horns["A2"].tune == "A"
    bench.press("mute", 20.0)
    assert bench.horns["A2"].tune == ""
    assert bench.tower("A2") == YELLOW


def test_a_lamp_test_button_lights_every_lamp_for_a_while(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("test", "A2", Purpose.LAMP_TEST)
    bench.start()
    bench.press("test", 10.0)
    assert {"red", "yellow"} <= {*bench.towers["A2"].look}
    bench.at(30.0)
    assert bench.tower("A2") == "green steady"
