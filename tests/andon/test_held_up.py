"""A process that was held up: what it hears all at once happens in the order of the hands."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.ports import Purpose
from tests.kit.floor_bench import LINE, SEGMENT, FloorBench

BY_TAKT = replace(LINE, segments=(replace(SEGMENT, fixed_position="takt", fixed_device=None),))

Edge = tuple[str, bool, float]


def held_up(bench: FloorBench, until_s: float, *edges: Edge) -> FloorBench:
    """Stand still until then, and find these edges waiting with their moments."""
    bench.clock.now_ns = bench.began_ns + round(until_s * 1e9)
    for name, level, at_s in edges:
        bench.wires[name].level = level
        bench.wires[name]._edge(0, level, bench.began_ns + round(at_s * 1e9))
    bench.turn()
    return bench.at(until_s + 0.5)


@pytest.mark.parametrize("until_s", [60.04, 60.08, 60.1, 60.2, 62.0])
def test_a_cord_that_was_pulled_before_the_pulse_stops_at_it(
    tmp_path: Path, until_s: float
) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.at(59.94)
    pulse = ("pulse", False, 60.0), ("pulse", True, 60.02)
    held_up(bench, until_s, ("cord-A2", False, 59.96), *pulse)
    assert bench.stop_output.on


@pytest.mark.parametrize("until_s", [60.02, 60.2, 62.0])
def test_a_cord_that_was_pulled_before_the_takt_is_over_stops_at_its_end(
    tmp_path: Path, until_s: float
) -> None:
    bench = FloorBench(tmp_path / "data", line=BY_TAKT).start()
    bench.at(59.9)
    held_up(bench, until_s, ("cord-A2", False, 59.95))
    bench.at(until_s + 1)
    assert bench.stop_output.on


@pytest.mark.parametrize("pulse_s", [0.02, 0.2])
def test_who_cancels_after_the_pulse_cancels_too_late(tmp_path: Path, pulse_s: float) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.at(59.8)
    edges = [
        ("pulse", False, 60.0),
        ("cord-A2", False, 60.01),
        ("pulse", True, 60.0 + pulse_s),
        ("cord-A2", True, 60.11),
    ]
    held_up(bench, 60.5, *sorted(edges, key=lambda one: one[2]))
    assert bench.stop_output.on
    assert "andon.cleared" not in bench.stories()


def test_who_cancels_after_the_takt_is_over_cancels_too_late(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=BY_TAKT).start()
    bench.pull("cord-A2", 20.0)
    bench.at(59.8)
    held_up(bench, 60.5, ("cord-A2", False, 60.01), ("cord-A2", True, 60.11))
    assert bench.stop_output.on


@pytest.mark.parametrize("line", [LINE, BY_TAKT])
def test_who_cancels_before_it_has_cancelled(tmp_path: Path, line: object) -> None:
    bench = FloorBench(tmp_path / "data", line=line).start()  # type: ignore[arg-type]
    bench.pull("cord-A2", 20.0)
    bench.at(59.8)
    edges = ("cord-A2", False, 59.9), ("pulse", False, 60.0), ("cord-A2", True, 60.01)
    held_up(bench, 60.5, *edges, ("pulse", True, 60.02))
    assert not bench.stop_output.on
    assert bench.tower("A2") == "green steady"


def test_a_clear_button_that_bounces_clears_no_call_that_came_after_it(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.at(10.0)
    bounces = [("clear-A2", number % 2 == 1, 10.0 + 0.004 * number) for number in range(7)]
    edges: list[Edge] = [*bounces, ("cord-A2", False, 10.01), ("cord-A2", True, 10.15)]
    held_up(bench, 10.2, *sorted(edges, key=lambda one: one[2]))
    assert bench.tower("A2") == "yellow flash-2hz"


@pytest.mark.parametrize("filter_ms", [50, 120, 200, 500])
@pytest.mark.parametrize("called", [False, True])
def test_the_moment_of_the_hand_decides_however_slow_the_filter(
    tmp_path: Path, filter_ms: int, called: bool
) -> None:
    bench = FloorBench(tmp_path / "data")
    cord = bench.wire("slow", "A2", Purpose.CALL, "quality", filter_ms=filter_ms)
    bench.start()
    if called:
        bench.pull("slow", 20.0, 1.0)
    bench.at(59.9).wires["slow"].move(False)
    bench.pulse(60.0)
    bench.at(61.0)
    assert cord.on
    assert bench.stop_output.on is not called, "a first pull stops, a second has cancelled in time"


@pytest.mark.parametrize("filter_ms", [50, 500])
def test_who_cancels_after_the_position_is_too_late_however_slow_the_filter(
    tmp_path: Path, filter_ms: int
) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("slow", "A2", Purpose.CALL, "quality", filter_ms=filter_ms)
    bench.start()
    bench.pull("slow", 20.0, 1.0)
    bench.pulse(60.0)
    bench.pull("slow", 60.03, 1.0)
    bench.at(62.0)
    assert bench.stop_output.on
