"""Starved, blocked, changed over: the line flows as its inputs say, whenever they are read."""

from pathlib import Path

import pytest

from edge_agent.ports import Purpose
from tests.kit.floor_bench import FloorBench


def flow(bench: FloorBench) -> str:
    state: str = bench.state("segment/SEG-A/state")["state"]
    return state


def wired(bench: FloorBench, *purposes: Purpose) -> FloorBench:
    for purpose in purposes:
        bench.wire(str(purpose), "A1", purpose)
    return bench


def test_of_two_that_overlap_the_one_that_is_left_counts(tmp_path: Path) -> None:
    bench = wired(FloorBench(tmp_path / "data"), Purpose.STARVED, Purpose.BLOCKED).start()
    bench.at(10.0).wires["starved"].move(False)
    bench.at(20.0).wires["blocked"].move(False)
    bench.at(21.0)
    assert flow(bench) == "blocked"
    bench.at(30.0).wires["starved"].move(True)
    bench.at(31.0)
    assert flow(bench) == "blocked"
    bench.at(40.0).wires["starved"].move(False)
    bench.at(50.0).wires["blocked"].move(True)
    bench.at(51.0)
    assert flow(bench) == "starved"
    bench.at(60.0).wires["starved"].move(True)
    bench.at(61.0)
    assert flow(bench) == "running"
    kinds = [one["type"] for one in bench.told("takt.starved", "takt.blocked")]
    assert kinds == ["takt.starved", "takt.blocked", "takt.starved"]


@pytest.mark.parametrize("out", [False, True])
@pytest.mark.parametrize("call", [False, True])
def test_it_is_read_anew_at_a_start_also_beneath_a_call(
    tmp_path: Path, out: bool, call: bool
) -> None:
    bench = wired(FloorBench(tmp_path / "data"), Purpose.STARVED)
    bench.wires["starved"].level = out  # closed at rest
    bench.start()
    if call:
        bench.pull("cord-A2", 20.0)
    after = bench.at(25.0).again(boot="feedbeef")
    wired(after, Purpose.STARVED).wires["starved"].level = not out
    after.start()
    if call:
        after.pull("cord-A2", 30.0)
    after.at(31.0)
    assert flow(after) == ("running" if not out else "starved")


@pytest.mark.parametrize("on", [False, True])
def test_an_input_that_was_lost_says_what_it_said_until_it_is_back(
    tmp_path: Path, on: bool
) -> None:
    bench = wired(FloorBench(tmp_path / "data"), Purpose.BLOCKED)
    bench.wires["blocked"].level = not on
    bench.start()
    bench.at(10.0).wires["blocked"].lose()
    bench.at(11.0)
    assert flow(bench) == ("blocked" if on else "running")
    bench.wires["blocked"].level = on
    bench.wires["blocked"].start()
    bench.at(12.0)
    assert flow(bench) == ("running" if on else "blocked")


def test_an_input_that_comes_or_goes_by_a_reload_counts(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    wired(bench, Purpose.STARVED)
    bench.at(10.0).wires["starved"].level = False
    bench.andon.add_contact(bench.wires["starved"])  # type: ignore[arg-type]
    bench.wires["starved"].start()
    bench.andon.looked()
    assert flow(bench) == "starved"
    bench.andon.remove("starved")
    bench.andon.looked()
    assert flow(bench) == "running"


def test_a_changeover_hides_what_is_beneath_it_until_it_is_over(tmp_path: Path) -> None:
    bench = wired(FloorBench(tmp_path / "data"), Purpose.STARVED, Purpose.CHANGEOVER).start()
    bench.at(10.0).wires["starved"].move(False)
    bench.at(20.0).wires["changeover"].move(False)
    bench.at(21.0)
    assert flow(bench) == "changeover"
    bench.at(30.0).wires["changeover"].move(True)
    bench.at(31.0)
    assert flow(bench) == "starved"
    bench.ask("changeover", "A1", on=True, product="P2")
    bench.at(32.0).wires["starved"].move(True)
    bench.at(33.0).wires["starved"].move(False)
    bench.at(34.0)
    bench.ask("changeover", "A1", on=False)
    assert flow(bench) == "starved"
