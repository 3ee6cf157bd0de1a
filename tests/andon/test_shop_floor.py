"""Reasons by button, cycles by scan, causes, ladders by shift, handover, emergency stops seen."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.configuration import Level, Reason, Segment, Station
from edge_agent.domain.people import Person
from edge_agent.ports import Purpose
from edge_agent.wire.messages import Refusal
from tests.andon.test_people import PEOPLE, scan
from tests.andon.test_shop_time import ON_SHIFTS, line_at
from tests.kit.floor_bench import LINE, MATERIAL, QUALITY, SEGMENT, STATIONS, FloorBench


def test_a_button_says_the_reason(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=PEOPLE)
    bench.wire("fits-not", "A2", Purpose.REASON, reason="FIT")
    bench.start()
    bench.pull("cord-A2", 10.0)
    bench.press("fits-not", 15.0)
    assert bench.told("andon.closed") == [], "it is said once the call is cleared"
    bench.press("clear-A2", 20.0)
    bench.press("fits-not", 25.0)
    (closed,) = bench.told("andon.closed")
    assert (closed["reason"], closed["age_s"]) == ("FIT", 15.0)


def test_a_scan_is_a_part_where_it_is_said_so_and_a_badge_is_none(tmp_path: Path) -> None:
    counting = tuple(Station(one, "SEG-A", count_scans=one == "A4") for one in STATIONS)
    bench = FloorBench(tmp_path / "data", line=replace(PEOPLE, stations=counting)).start()
    assert not scan(bench, "SN-1", 10.0, "A4")
    scan(bench, "E:1007", 20.0, "A4")
    scan(bench, "X:ACK", 21.0, "A4")
    scan(bench, "R:FIT", 22.0, "A4")
    scan(bench, "SN-2", 70.0, "A4")
    scan(bench, "SN-3", 80.0, "A1")
    cycles = bench.told("takt.cycle")
    assert [(one["count"], one["cycle_s"]) for one in cycles] == [(1, None), (1, 60.0)]
    assert {one["station"] for one in cycles} == {"A4"}


def test_a_line_that_starves_names_the_stop_that_it_waits_for(tmp_path: Path) -> None:
    fed = Segment("SEG-B", upstream="SEG-A", stop_output="stop-b")
    homes = tuple(Station(one, "SEG-B" if one == "A4" else "SEG-A") for one in STATIONS)
    before = replace(SEGMENT, downstream="SEG-B")
    bench = FloorBench(
        tmp_path / "data", line=replace(LINE, segments=(before, fed), stations=homes)
    )
    bench.wire("starved", "A4", Purpose.STARVED)
    bench.wire("blocked", "A1", Purpose.BLOCKED)
    bench.start()
    bench.at(10.0).wires["starved"].move(False)
    bench.at(15.0).wires["starved"].move(True)
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.at(70.0).wires["starved"].move(False)
    bench.at(80.0).wires["blocked"].move(False)
    bench.at(81.0)
    (stop,) = bench.told("stop.started")
    assert [one["cause"] for one in bench.told("takt.starved")] == [None, stop["stop"]]
    assert bench.told("takt.blocked")[0]["cause"] is None, "what it feeds stands not"


@pytest.mark.parametrize(
    ("when", "levels"), [("07:00:00", [2, 3]), ("15:00:00", [2]), ("13:59:30", [2])]
)
def test_each_shift_has_its_ladder(tmp_path: Path, when: str, levels: list[int]) -> None:
    ladder = (
        Level(2, 60.0, "group-leader"),
        Level(3, 120.0, "manager", ("early",)),
        Level(3, 900.0, "manager", ("late",)),
    )
    line = replace(ON_SHIFTS, andons=(replace(QUALITY, escalate=ladder), MATERIAL))
    bench = line_at(tmp_path, when, line)
    bench.pull("cord-A2", 10.0)
    bench.at(600.0)
    assert [one["level"] for one in bench.told("andon.escalated")] == levels
    bench.at(1000.0)
    last = bench.told("andon.escalated")[-1]
    assert (last["level"], last["after_s"]) == (3, 120.0 if when < "08" else 900.0)


def test_the_ladder_of_the_shift_counts_after_a_restart_too(tmp_path: Path) -> None:
    ladder = (Level(2, 120.0, "manager", ("late",)),)
    line = replace(ON_SHIFTS, andons=(replace(QUALITY, escalate=ladder), MATERIAL))
    bench = line_at(tmp_path, "15:00:00", line)
    bench.pull("cord-A2", 10.0)
    after = bench.at(60.0).again().start()
    after.at(200.0)
    assert [one["level"] for one in after.told("andon.escalated")] == [2]


def test_a_safety_call_is_of_level_2_at_once(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("safety", "A2", Purpose.CALL, "safety")
    bench.start()
    bench.pull("safety", 10.0)
    bench.at(11.0)
    (said,) = bench.told("andon.escalated")
    assert (said["level"], said["category"]) == (2, "safety")
    assert not bench.stop_output.on


def test_who_comes_takes_over_once_and_who_does_not_work_then_never(tmp_path: Path) -> None:
    people = (
        Person("E:1", "L. Weber", ("leader",), shifts=("early",)),
        Person("E:2", "M. Roth", ("leader",), shifts=("late",)),
    )
    bench = line_at(tmp_path, "13:50:00", replace(ON_SHIFTS, people=people))
    assert bench.ask("handover", "A1").refused is None, "nobody has yet"
    assert bench.ask("handover", "A2").refused is Refusal.ILLEGAL
    scan(bench, "E:1", 700.0, "A1")
    scan(bench, "X:HANDOVER", 701.0, "A1")
    assert "L. Weber does not work in late" in bench.told("andon.rejected")[-1]["why"]
    scan(bench, "E:2", 710.0, "A1")
    scan(bench, "X:HANDOVER", 711.0, "A1")
    handed = bench.told("andon.handover")
    assert [(one["shift_from"], one["shift_to"]) for one in handed] == [
        *((None, "early"), ("early", "late"))
    ]
    assert handed[-1]["actor"] == "M. Roth"
    scan(bench, "X:HANDOVER", 720.0, "A1")
    assert "late has taken over already" in bench.told("andon.rejected")[-1]["why"]


def test_the_same_shift_of_the_next_day_takes_over_again(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:00:00", ON_SHIFTS)
    bench.ask("handover", "A1")
    bench.leap(86_400.0)
    assert bench.ask("handover", "A1").refused is None


def test_a_badge_without_the_skill_warns_the_leader_by_name(tmp_path: Path) -> None:
    skilled = tuple(Station(one, "SEG-A", skills=("welding",)) for one in STATIONS)
    bench = FloorBench(tmp_path / "data", line=replace(PEOPLE, stations=skilled)).start()
    scan(bench, "4711", 10.0)
    (said,) = bench.told("andon.rejected")
    assert (said["notify"], said["people"]) == ("leader", ["L. Weber"])


def test_an_emergency_stop_is_seen_told_and_changes_nothing(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("estop", "A3", Purpose.ESTOP)
    bench.start()
    before = bench.tower("A3"), bench.stop_output.on
    bench.at(10.0).wires["estop"].move(False)
    bench.press("clear-A3", 20.0)
    bench.at(30.0).wires["estop"].move(True)
    bench.at(31.0)
    told = bench.told("andon.estop")
    assert [one["type"] for one in told] == [
        *("andon.estop_observed", "andon.estop_reset_observed")
    ]
    assert (bench.tower("A3"), bench.stop_output.on) == before
    assert bench.told("andon.raised", "stop.") == []


@pytest.mark.parametrize("part", ["ack", "clear", "confirm", "start"])
def test_a_button_that_is_to_be_held_counts_when_it_was_held(tmp_path: Path, part: str) -> None:
    purposes = {
        "ack": Purpose.ACK,
        "clear": Purpose.CLEAR,
        "confirm": Purpose.CONFIRM_STOP,
        "start": Purpose.START,
    }
    bench = FloorBench(tmp_path / "data", line=replace(PEOPLE, reasons=(Reason("X", "x"),)))
    bench.wire("held", "A2", purposes[part], hold_s=2.0)
    bench.start()
    bench.pull("cord-A2", 10.0)
    if part == "start":
        bench.pulse(60.0)
        bench.press("clear-A2", 61.0)
    before = bench.at(69.0).stories()
    bench.press("held", 70.0, 0.5)
    assert bench.stories().count("andon.rejected") == 0
    assert not {"andon.acked", "stop.ended"} & {*bench.stories()} - {*before}
    bench.press("held", 80.0, 2.5)
    new = {"ack": "andon.acked", "clear": "andon.cleared", "confirm": "andon.acked"}
    assert new.get(part, "stop.ended") in bench.stories()


def test_another_agents_segment_is_joined_and_not_spoken_for(tmp_path: Path) -> None:
    joined = Segment("SEG-A", owner="pi-other")
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(joined,))).start()
    bench.pull("cord-A2", 10.0)
    states = bench.andon.states
    said = [topic for topic, _ in states.true_now(bench.andon.floor, bench.clock.now_ns)]
    assert not [one for one in [*said, *states.topics(bench.andon.floor)] if "/segment/" in one]
    assert bench.tower("A2") == "yellow flash-2hz"
    bench.at(200.0)
    assert not bench.stop_output.on
