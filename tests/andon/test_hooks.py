"""Cords that stay out, and buttons that are held: whose press is it, and of which call."""

from pathlib import Path

import pytest

from edge_agent.ports import Purpose
from tests.andon.test_inputs import bench_of
from tests.kit.floor_bench import FloorBench


def test_a_latching_cord_calls_when_it_comes_out_and_clears_when_it_is_put_back(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path)
    bench.wire("latch-A1", "A1", Purpose.CALL, "help", latching=True)
    bench.start()
    bench.at(10.0).wires["latch-A1"].move(False)
    bench.at(100.0)
    assert bench.tower("A1") == "yellow flash-2hz", "it may stay out: that is no fault"
    after = bench.again()
    after.wire("latch-A1", "A1", Purpose.CALL, "help", latching=True).level = False
    after.start()
    raised = [one for one in after.told("andon.raised") if one["category"] == "help"]
    assert len(raised) == 1, "the level at a boot is the call that is open"
    after.at(120.0).wires["latch-A1"].move(True)
    after.at(121.0)
    assert after.tower("A1") == "green steady"


def test_a_latching_cord_that_was_pulled_while_nobody_watched_is_a_call(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    bench.wire("latch-A1", "A1", Purpose.CALL, "help", latching=True).level = False
    bench.start()
    assert bench.tower("A1") == "yellow flash-2hz"
    assert len(bench.told("andon.raised")) == 1


def test_a_box_that_can_be_held_calls_cancels_and_acknowledges(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    bench.wire("box-A1h", "A1", Purpose.CALL, "help", hold_s=2.0)
    bench.start()
    bench.pull("box-A1h", 10.0, 3.0)
    assert bench.tower("A1") == "yellow flash-2hz", "the press that called acknowledges nothing"
    bench.pull("box-A1h", 20.0, 2.5)
    assert bench.tower("A1") == "yellow steady", "held by who has come"
    bench.at(25.0)
    assert bench.tower("A1") == "yellow steady"
    bench.pull("box-A1h", 30.0, 0.3)
    bench.at(31.0)
    assert bench.tower("A1") == "green steady"
    assert bench.stories() == ["andon.raised", "andon.acked", "andon.cleared"]


def latching(tmp_path: Path) -> FloorBench:
    bench = bench_of(tmp_path)
    bench.wire("hook", "A2", Purpose.CALL, "quality", latching=True)
    return bench


def test_a_cord_that_stays_out_never_cancels_by_being_pulled_out(tmp_path: Path) -> None:
    bench = latching(tmp_path).start()
    bench.at(10.0).wires["hook"].move(False)
    bench.at(11.0).wires["hook"].move(True)  # too soon to cancel
    bench.at(21.0).wires["hook"].move(False)
    bench.at(22.0)
    assert bench.tower("A2") == "yellow flash-2hz", "it hangs out: that is no cancelling"
    bench.at(30.0).wires["hook"].move(True)
    bench.at(31.0)
    assert bench.tower("A2") == "green steady"
    assert len(bench.told("andon.raised")) == 1


def test_a_cord_that_stays_out_and_was_answered_calls_no_more_after_a_restart(
    tmp_path: Path,
) -> None:
    bench = latching(tmp_path).start()
    bench.at(10.0).wires["hook"].move(False)
    bench.press("clear-A2", 20.0)
    after = bench.at(25.0).again()
    after.wire("hook", "A2", Purpose.CALL, "quality", latching=True).level = False
    after.start()
    after.at(30.0)
    assert len(after.told("andon.raised")) == 1
    after.at(40.0).wires["hook"].move(True)
    after.at(41.0).wires["hook"].move(False)
    after.at(42.0)
    assert len(after.told("andon.raised")) == 2


def test_a_hook_that_was_put_back_and_pulled_unseen_is_a_call_again(tmp_path: Path) -> None:
    bench = latching(tmp_path).start()
    bench.at(10.0).wires["hook"].move(False)
    put_back = bench.at(20.0).again()
    put_back.wire("hook", "A2", Purpose.CALL, "quality", latching=True).level = True
    put_back.start()
    put_back.press("clear-A2", 30.0)
    out = put_back.at(40.0).again()
    out.wire("hook", "A2", Purpose.CALL, "quality", latching=True).level = False
    out.start()
    out.at(41.0)
    assert out.tower("A2") == "yellow flash-2hz"
    assert len(out.told("andon.raised")) == 2


def test_a_hook_that_is_put_back_cancels_its_own_call_alone(tmp_path: Path) -> None:
    bench = latching(tmp_path).start()
    bench.at(10.0).wires["hook"].move(False)
    bench.press("clear-A2", 20.0)
    bench.pull("cord-A2", 30.0)
    bench.at(35.0).wires["hook"].move(True)
    bench.at(36.0)
    assert bench.tower("A2") == "yellow flash-2hz"


def test_of_two_hooks_the_last_that_is_put_back_cancels(tmp_path: Path) -> None:
    bench = latching(tmp_path)
    bench.wire("other", "A2", Purpose.CALL, "quality", latching=True)
    bench.start()
    bench.at(10.0).wires["hook"].move(False)
    bench.at(11.0).wires["other"].move(False)
    bench.at(20.0).wires["hook"].move(True)
    bench.at(21.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    bench.at(30.0).wires["other"].move(True)
    bench.at(31.0)
    assert bench.tower("A2") == "green steady"


@pytest.mark.parametrize("still_down", [False, True])
def test_a_button_that_was_lost_while_it_was_held_calls_with_its_next_press(
    tmp_path: Path, still_down: bool
) -> None:
    bench = bench_of(tmp_path)
    held = bench.wire("held", "A2", Purpose.CALL, "help", hold_s=2.0)
    bench.start()
    bench.at(10.0).wires["held"].move(False)
    bench.at(11.0)
    held.lose()
    held.level = not still_down
    bench.at(12.0)
    held.start()
    bench.ask("reset-fault", "A2", category="help")
    bench.at(13.0)
    if still_down:
        held.move(True)
        bench.at(13.5)
        assert "andon.cleared" not in bench.stories(), "the end of an old press means nothing"
    bench.press("clear-A2", 15.0)
    bench.at(18.0)
    bench.press("held", 20.0)
    assert [one["category"] for one in bench.told("andon.raised")].count("help") == 2
