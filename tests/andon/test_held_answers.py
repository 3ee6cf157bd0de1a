"""Answers that are held or seldom: when they count, whom they ask, and where they are counted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import edge_agent.andon.kept as kept_module
from edge_agent.andon.andon import Andon as AndonOfAgent
from edge_agent.configuration import Andon as Said
from edge_agent.domain.people import Person
from edge_agent.ports import Purpose
from tests.andon.test_measuring import told
from tests.andon.test_shop_time import ON_SHIFTS, line_at
from tests.kit.floor_bench import LINE, FloorBench


def test_a_clear_that_is_held_counts_when_it_was_and_the_restart_is_announced(
    tmp_path: Path,
) -> None:
    bench = FloorBench(tmp_path)
    bench.wire("held-clear", "A2", Purpose.CLEAR, hold_s=6.0)
    bench.start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.at(70.0).wires["held-clear"].move(False)
    bench.at(76.1)
    assert bench.horns["A1"].tune == "restart"
    bench.press("start-a", 76.2)
    assert bench.at(76.5).stop_output.on, "in the announcement no start is obeyed"
    bench.at(81.5)
    bench.press("start-a", 82.0)
    assert not bench.at(82.5).stop_output.on


def test_a_safety_call_that_nobody_wrote_a_ladder_for_asks_its_responders(tmp_path: Path) -> None:
    safety = Said("*", "safety", responders=("leader", "group-leader"))
    people = (Person("E:1", "L. Weber", ("leader",)),)
    bench = FloorBench(tmp_path, line=replace(LINE, andons=(*LINE.andons, safety), people=people))
    bench.wire("safe", "A1", Purpose.CALL, "safety")
    bench.start()
    bench.pull("safe", 10.0)
    bench.at(11.0)
    (escalated,) = bench.told("andon.escalated")
    assert (escalated["level"], escalated["notify"]) == (2, "leader")
    assert escalated["people"] == ["L. Weber"]


def test_an_hour_in_which_somebody_only_answered_is_told(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:58:00", ON_SHIFTS)
    bench.pull("box-A2", 30.0)
    bench.press("ack-A2", 600.0)
    bench.press("clear-A2", 4200.0)
    bench.at(3 * 3600.0)
    answered = {one["from"][11:16]: one["tta_acked_s"]["n"] for one in told(bench, "hour")}
    assert answered["08:00"] == 1


def test_a_cord_that_an_older_version_knew_to_be_out_cancels_its_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = kept_module.kept

    def as_of_old(andon: AndonOfAgent) -> dict[str, Any]:
        said = now(andon)
        return said | {"latched": sorted(said["latched"])}

    line = replace(LINE, andons=LINE.andons)
    bench = FloorBench(tmp_path, line=line)
    bench.wire("latch-A1", "A1", Purpose.CALL, "material", latching=True)
    bench.start()
    with monkeypatch.context() as old:
        old.setattr("edge_agent.andon.andon.kept", as_of_old)
        bench.at(10.0).wires["latch-A1"].move(False)
        bench.at(30.0)
    after = bench.again()
    after.wire("latch-A1", "A1", Purpose.CALL, "material", latching=True).level = False
    after.start()
    after.at(40.0).wires["latch-A1"].move(True)
    after.at(41.0)
    assert len(after.told("andon.raised")) == len(after.told("andon.cleared")) == 1


def test_a_scan_that_is_refused_is_no_part(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "07:58:00", ON_SHIFTS)
    orders = bench.andon.orders
    assert not orders.heard("A2", "K-1", bench.clock.now_ns)
    counted: list[str] = []
    bench.andon.plan = bench.andon.plan._replace(counting=frozenset({"A2"}))
    bench.andon.pacing.count = lambda station, *_: counted.append(station)  # type: ignore[method-assign]
    orders.heard("A2", "K-1", bench.clock.now_ns)
    assert not counted
    orders.scanned("A2", "K-1", bench.clock.now_ns)
    assert counted == ["A2"]
