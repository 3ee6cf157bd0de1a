"""A wire that breaks looks like a pull: it calls, and it neither clears a stop nor ends a call."""

from pathlib import Path

from tests.kit.floor_bench import FloorBench


def state(bench: FloorBench) -> str:
    said: str = bench.state("segment/SEG-A/state")["state"]
    return said


def test_a_wire_that_breaks_clears_no_stop(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("ack-A2", 65.0)
    bench.at(70.0).wires["cord-A2"].move(False)
    bench.at(76.5)
    bench.press("start-a", 77.0)
    assert bench.stop_output.on
    bench.at(81.0)
    assert state(bench) == "stopped"
    assert "andon.cleared" not in bench.stories()
    assert "andon.fault" in bench.stories()


def test_a_pull_that_clears_a_stop_does_so_when_the_cord_is_let_go(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("ack-A2", 65.0)
    bench.at(70.0).wires["cord-A2"].move(False)
    bench.at(70.5)
    assert state(bench) == "stopped"
    bench.wires["cord-A2"].move(True)
    bench.at(71.0)
    assert state(bench) == "restarting"
    assert "andon.cleared" in bench.stories()
    bench.press("start-a", 74.0)
    assert bench.stop_output.on, "people are warned from when it was let go"
    bench.press("start-a", 76.0)
    assert not bench.stop_output.on


def test_a_call_that_a_broken_wire_has_cancelled_goes_on(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.at(50.0).wires["cord-A2"].move(False)
    bench.at(61.0)
    told = [one for one in bench.told("andon.") if one["category"] == "quality"]
    assert [one["type"].removeprefix("andon.") for one in told] == [
        *("raised", "cleared", "raised", "fault")
    ]
    assert told[2]["call"] == told[3]["call"] != told[0]["call"]
    bench.wires["cord-A2"].move(True)
    bench.at(70.0)
    bench.ask("reset-fault", "A2", category="quality")
    bench.at(71.0)
    assert bench.tower("A2") == "yellow flash-2hz", "somebody has asked for help, and nobody came"
    bench.pulse(120.0)
    assert bench.stop_output.on


def test_a_fault_after_a_hand_has_cancelled_raises_nothing(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pull("cord-A2", 30.0)
    bench.at(40.0).wires["cord-A2"].lose()
    bench.at(41.0)
    told = [one for one in bench.told("andon.raised") if one["category"] == "quality"]
    assert len(told) == 1
