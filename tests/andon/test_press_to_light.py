"""How long the slowest light took, as `status` tells it."""

from pathlib import Path
from typing import Any

from tests.kit.floor_bench import FloorBench


def test_the_slowest_light_is_counted_from_the_settled_edge_to_the_light(tmp_path: Path) -> None:
    """The filter before it is not the agent's, nor what is written once the light is on."""
    bench = FloorBench(tmp_path / "data").start()
    slowest_ms = lambda: bench.andon.counters()["press_to_light_ms_max"]  # noqa: E731
    tell = bench.andon.telling.tell

    def told_slowly(*what: Any) -> None:  # noqa: ANN401
        bench.clock.now_ns += 9_000_000
        tell(*what)

    bench.andon.telling.tell = told_slowly  # type: ignore[method-assign]
    bench.at(10.0)
    assert slowest_ms() is None, "nobody has pulled"
    bench.pull("cord-A2", 10.0)
    assert slowest_ms() == 0.0
    bench.at(20.0).wires["cord-A3"].move(False)
    bench.clock.now_ns += 50_000_000 + 7_000_000  # the loop is late, by seven
    bench.turn()
    assert bench.tower("A3") == "yellow flash-2hz"
    assert slowest_ms() == 7.0
    bench.pull("cord-A4", 30.0)
    assert slowest_ms() == 7.0, "the slowest of all"
