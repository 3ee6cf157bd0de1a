"""Inputs that break, stay out, are held, or are pulled before anybody could write it down."""

from pathlib import Path

from edge_agent.domain.contact import Fault
from edge_agent.ports import Purpose
from tests.kit.floor_bench import FloorBench

FAULT = "red flash-0.5hz yellow steady"


def bench_of(tmp_path: Path) -> FloorBench:
    return FloorBench(tmp_path / "data")


# -- faults ------------------------------------------------------------------------------------


def test_a_broken_wire_calls_then_is_a_fault_and_stops_at_the_fixed_position(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(20.0).wires["cord-A2"].move(False)
    bench.at(29.0)
    assert bench.tower("A2") == "yellow flash-2hz", "it looks like a pull: fail-safe"
    bench.at(31.0)
    assert bench.tower("A2") == FAULT
    (fault,) = bench.told("andon.fault")
    assert (fault["fault"], fault["device"]) == ("wire-break", "cord-A2")
    bench.pulse(60.0)
    assert bench.stop_output.on
    bench.press("clear-A2", 70.0)
    assert bench.tower("A2") == FAULT, "nobody clears a fault that is still there"
    assert "still there" in bench.told("andon.rejected")[-1]["why"]
    bench.at(80.0).wires["cord-A2"].move(True)
    bench.at(90.0)
    assert bench.tower("A2") == FAULT, "nor does it clear itself"
    bench.press("clear-A2", 100.0)
    assert bench.told("andon.fault_cleared")
    assert bench.stop_output.on, "the start is a hand's"
    bench.press("start-a", 110.0)
    assert not bench.stop_output.on


def test_a_fault_without_a_call_holds_the_line_until_it_is_bypassed(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["cord-A2"].lose()
    assert bench.tower("A2") == FAULT
    bench.pulse(60.0)
    assert bench.stop_output.on
    (started,) = bench.told("stop.started")
    (fault,) = bench.told("andon.fault")
    assert fault["call"] is None
    assert started["calls"] == [started["primary"]]
    bench.ask("bypass", "A2", "maintenance", category="quality", for_s=3_600.0)
    bench.press("start-a", 70.0)
    assert not bench.stop_output.on
    bench.press("clear-A2", 80.0)  # maintenance has come
    assert bench.tower("A2") == "red flash-0.5hz", "the bypass is seen, and nothing is green"


def test_an_input_that_is_not_known_takes_the_green_and_nothing_else(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["ack-A3"].lose()
    assert bench.tower("A3") == "yellow flash-0.5hz"
    assert bench.tower("A2") == "green steady"
    bench.pull("cord-A3", 20.0)
    assert bench.tower("A3") == "yellow flash-2hz"
    bench.wires["ack-A3"].start()
    bench.pull("cord-A3", 30.0)
    assert bench.tower("A3") == "green steady"


def test_a_fault_survives_a_restart_and_a_wire_that_healed_meanwhile(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["cord-A2"].lose()
    after = bench.at(11.0).again().start()
    assert after.tower("A2") == FAULT
    assert after.told("andon.fault_cleared") == []
    after.press("clear-A2", 20.0)
    assert after.tower("A2") == "green steady"
    assert after.wires["cord-A2"].fault is Fault.NONE


def test_a_pull_during_a_fault_repeats_it_and_cancels_nothing(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.pull("cord-A2", 10.0)
    bench.at(15.0).wires["cord-A2"].lose()
    bench.at(16.0).wires["cord-A2"].start()
    bench.pull("cord-A2", 20.0)
    assert bench.tower("A2") == FAULT
    bench.press("clear-A2", 30.0)
    assert bench.tower("A2") == "green steady"
    assert [one["call"] for one in bench.told("andon.cleared")] == [
        one["call"] for one in bench.told("andon.raised")
    ]


# -- at a boot ------------------------------------------------------------------------------------


def test_a_momentary_cord_that_is_out_at_a_boot_is_no_pull_but_soon_a_fault(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path)
    bench.wires["cord-A2"].level = False
    bench.start()
    assert bench.told("andon.raised") == []
    bench.at(11.0)
    assert bench.tower("A2") == FAULT


# -- order -------------------------------------------------------------------------------------


def test_a_cord_pulled_again_just_before_the_fixed_position_has_cancelled_in_time(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path).start()
    bench.pull("cord-A2", 20.0)
    bench.at(59.98).wires["cord-A2"].move(False)  # believed only at 60.03
    bench.pulse(60.0)
    bench.at(60.2).wires["cord-A2"].move(True)
    bench.at(61.0)
    assert bench.stop_output.told == []
    assert bench.tower("A2") == "green steady"


def test_a_cord_pulled_just_before_the_fixed_position_stops_there(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(59.98).wires["cord-A2"].move(False)
    bench.pulse(60.0)
    bench.at(60.2).wires["cord-A2"].move(True)
    ((at_s, on),) = bench.stop_output.told
    assert on
    assert at_s <= 60.1


def test_a_cord_pulled_just_after_it_waits_for_the_next(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(60.0).wires["pulse"].move(False)
    bench.at(60.002).wires["cord-A2"].move(False)
    bench.at(60.02).wires["pulse"].move(True)
    bench.at(60.2).wires["cord-A2"].move(True)
    bench.at(119.0)
    assert bench.stop_output.told == []
    bench.pulse(120.0)
    assert bench.stop_output.on


# -- before the journal ------------------------------------------------------------------------


def test_a_pull_before_the_journal_is_open_lights_at_once_and_is_told_later(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path)
    bench.fit()
    assert bench.tower("A2") == "yellow flash-0.5hz", "nobody knows yet what is open"
    bench.pull("cord-A2", 5.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    assert bench.horns["A2"].tune == "A"
    bench.at(10.0)
    bench.inline.start()
    bench.turn()
    assert bench.tower("A2") == "yellow flash-2hz"
    (raised,) = (one for one in bench.events() if one["type"] == "andon.raised")
    assert int(raised["monons"]) == bench.began_ns + 5_000_000_000


def test_a_disk_that_takes_nothing_keeps_no_light_and_no_stop_waiting(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.gate.shut = True
    bench.pull("cord-A2", 20.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    bench.pulse(60.0)
    assert bench.stop_output.on
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    assert not bench.stop_output.on
    bench.gate.open()
    bench.turn(40)
    assert bench.stories() == [
        "andon.raised",
        "andon.stopped",
        "stop.started",
        "andon.cleared",
        "stop.ended",
    ]


# -- a pull is always heard ------------------------------------------------------------------------


def test_a_pull_at_an_input_that_healed_and_was_not_reset_is_a_call(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["cord-A2"].lose()
    bench.at(20.0).wires["cord-A2"].start()
    bench.pull("cord-A2", 30.0)
    assert bench.told("andon.raised")[0]["device"] == "cord-A2"
    assert bench.horns["A2"].tune == "A"
    bench.pull("cord-A2", 40.0)
    assert bench.told("andon.repeated"), "and no pull clears it while the input is not trusted"
    bench.press("clear-A2", 50.0)
    assert bench.tower("A2") == "green steady"


def test_an_input_of_two_is_not_well_for_the_other(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    bench.wire("cord-2", "A2", Purpose.CALL, "quality")
    bench.start()
    bench.at(10.0).wires["cord-A2"].move(False)
    bench.pull("cord-2", 25.0, 12.0)  # stuck for a while, then well again
    bench.at(60.0)
    bench.press("clear-A2", 61.0)
    assert bench.tower("A2") == FAULT
    assert "still there" in bench.told("andon.rejected")[-1]["why"]


def test_a_wire_that_is_broken_over_a_restart_is_not_reset(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["cord-A2"].move(False)
    after = bench.at(25.0).again().start()
    after.press("clear-A2", 26.0)
    assert after.tower("A2") == FAULT
    after.at(50.0).wires["cord-A2"].move(True)
    after.press("clear-A2", 60.0)
    assert after.tower("A2") == "green steady"


# -- what lies beneath a call --------------------------------------------------------------------


def test_a_pull_ends_no_changeover_and_fills_no_line(tmp_path: Path) -> None:
    bench = bench_of(tmp_path)
    bench.wire("starve", "A1", Purpose.STARVED)
    bench.start()
    bench.at(10.0).wires["starve"].move(False)
    bench.pull("cord-A2", 20.0)
    bench.pull("cord-A2", 30.0)
    assert bench.state("segment/SEG-A/state")["state"] == "starved"
    bench.at(40.0).wires["starve"].move(True)
    bench.at(41.0)
    assert bench.ask("changeover", "A2", on=True).refused is None
    bench.pull("cord-A2", 50.0)
    bench.pulse(60.0)
    assert bench.stop_output.on
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    assert bench.state("segment/SEG-A/state")["state"] == "changeover"
    assert bench.told("takt.changeover_ended") == []
    assert bench.ask("changeover", "A2", on=False).refused is None


def test_only_a_line_that_begins_to_move_after_the_warning_is_believed_to_run(
    tmp_path: Path,
) -> None:
    bench = bench_of(tmp_path)
    bench.wire("moving", "A1", Purpose.LINE_MOVING)
    bench.start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    bench.pull("moving", 71.0)
    assert bench.stop_output.on
    bench.at(73.0).wires["moving"].move(False)
    bench.at(74.9)
    assert bench.stop_output.on, "people are still being warned"
    bench.at(90.0)
    assert bench.stop_output.on, "an input that stays on may be stuck: no hand has started it"
    bench.wires["moving"].move(True)
    bench.at(91.0).wires["moving"].move(False)
    bench.at(92.0)
    assert not bench.stop_output.on


def test_a_lamp_test_shows_no_green_where_none_may_be(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["cord-A2"].lose()
    bench.ask("lamp-test", "A2", for_s=5.0)
    assert bench.tower("A2") == "red steady yellow steady"
    bench.pull("cord-A3", 20.0)
    bench.pulse(60.0)
    bench.wires["cord-A2"].start()
    bench.press("clear-A2", 70.0)
    bench.press("clear-A3", 71.0)
    warned = bench.tower("A3")
    bench.ask("lamp-test", "A3", for_s=5.0)
    assert bench.tower("A3") == warned


def test_an_input_that_is_not_to_be_trusted_calls_maintenance_and_is_heard(tmp_path: Path) -> None:
    bench = bench_of(tmp_path).start()
    bench.at(10.0).wires["cord-A2"].lose()
    bench.at(31.0)
    assert bench.horns["A2"].tune == "D"
    fault, raised = bench.told("andon.fault", "andon.raised")
    assert (fault["category"], raised["category"]) == ("quality", "maintenance")
    (event,) = (one for one in bench.events() if one["data"].get("category") == "maintenance")
    assert event["data"]["call"] == event["id"]
    assert event["data"]["device"] == "cord-A2"
    bench.at(40.0).wires["cord-A2"].start()
    bench.press("clear-A2", 60.0)
    assert bench.tower("A2") == "green steady"
