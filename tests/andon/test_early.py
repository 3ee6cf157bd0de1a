"""What is felt while the journal is not open yet, or cannot be opened at all."""

from pathlib import Path

import pytest

from edge_agent.ports import Purpose
from tests.kit.floor_bench import FloorBench


def without_journal(tmp_path: Path) -> FloorBench:
    """Give a line whose disk does not work from the start."""
    bench = FloorBench(tmp_path / "data")
    bench.fit()
    bench.shut_out()
    return bench


def opens(bench: FloorBench) -> None:
    bench.inline.start()
    bench.turn()


def test_a_button_that_is_held_while_the_journal_opens_has_called(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("held", "A2", Purpose.CALL, "material", hold_s=2.0)
    bench.fit()
    bench.at(1.0).wires["held"].move(False)
    bench.at(1.2)
    opens(bench)
    bench.at(1.5).wires["held"].move(True)
    bench.at(3.0)
    assert bench.stories() == ["andon.raised"]


def test_a_cord_stops_the_line_while_no_journal_can_be_opened(tmp_path: Path) -> None:
    bench = without_journal(tmp_path)
    bench.pull("cord-A2", 10.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    assert not bench.started, "nobody knows whether a stop is open: nothing is let go"
    bench.pulse(60.0)
    assert bench.stop_output.on
    assert bench.started == ["stop-a"]
    assert bench.tower("A2") == "red flash-2hz"
    bench.press("clear-A2", 70.0)
    bench.press("start-a", 80.0)
    assert not bench.stop_output.on
    bench.at(100.0)
    opens(bench)
    assert bench.stories() == [
        "andon.raised",
        "andon.stopped",
        "stop.started",
        "andon.cleared",
        "stop.ended",
    ]
    (ended,) = bench.told("stop.ended")
    assert ended["duration_s"] == 20.0
    raised, _, started, *_ = bench.told("andon.raised", "andon.stopped", "stop.started")
    assert started["calls"] == [raised["call"]]
    assert bench.state("segment/SEG-A/state")["state"] == "running"


def test_a_stop_that_stood_when_the_journal_could_be_opened_stands(tmp_path: Path) -> None:
    bench = without_journal(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pull("cord-A3", 20.0)
    bench.pulse(60.0)
    bench.press("clear-A2", 70.0)
    bench.at(80.0)
    opens(bench)
    assert bench.stop_output.told == [(60.005, True)], "it was never let go"
    assert bench.state("segment/SEG-A/state")["state"] == "stopped"
    bench.press("clear-A3", 90.0)
    bench.at(92.0)
    assert bench.stop_output.on
    bench.press("start-a", 100.0)
    assert not bench.stop_output.on


def test_pulses_and_mutes_take_no_room_from_calls_before_the_journal(tmp_path: Path) -> None:
    bench = without_journal(tmp_path)
    for number in range(1, 400):
        bench.pulse(60.0 * number)
    bench.pull("cord-A2", 60.0 * 400 + 5.0)
    opens(bench)
    assert bench.andon.early.lost == 0
    assert bench.stories() == ["andon.raised"]


def test_what_is_forgotten_before_the_journal_starts_no_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.andon.early.EARLY_MAX", 0)
    bench = without_journal(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pulse(60.0)
    assert bench.stop_output.on
    opens(bench)
    assert bench.andon.early.lost > 0
    assert bench.stop_output.told == [(60.005, True)]
    bench.at(66.0)
    bench.press("start-a", 70.0)
    assert not bench.stop_output.on


def test_a_clear_before_the_journal_opens_warns_people_when_it_is_open(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    after = bench.at(70.0).again()
    after.fit()
    after.pull("clear-A2", 72.0)
    after.pull("start-a", 79.0)  # nobody was warned: what stands was not known yet
    after.at(80.0)
    opens(after)
    assert after.stop_output.on
    assert after.horns["A2"].tune == "restart"
    after.pull("start-a", 84.0)
    assert after.stop_output.on, "and now they are, for as long as was said"
    after.pull("start-a", 85.5)
    assert not after.stop_output.on


def called_before(tmp_path: Path) -> FloorBench:
    """Give the next run, with its contacts felt and its journal shut, of a line with a call."""
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    after = bench.at(30.0).again(boot="feedbeef")
    after.fit()
    return after


def test_a_pull_before_the_journal_opens_does_not_cancel_a_call_that_nobody_was_shown(
    tmp_path: Path,
) -> None:
    after = called_before(tmp_path)
    after.pull("cord-A2", 41.0)
    opens(after)
    assert after.tower("A2") == "yellow flash-2hz"
    assert after.stories() == ["andon.raised", "andon.repeated"]
    after.pull("cord-A2", 45.0)
    assert after.stories()[-1] == "andon.cleared", "who has seen it cancels it"


def test_a_pull_before_the_journal_opens_clears_no_stop(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.pull("cord-A2", 20.0)
    bench.pulse(60.0)
    bench.press("ack-A2", 65.0)
    after = bench.at(70.0).again(boot="feedbeef")
    after.fit()
    after.pull("cord-A2", 81.0)
    opens(after)
    assert after.stop_output.on
    assert after.state("segment/SEG-A/state")["state"] == "stopped"
    assert "andon.repeated" in after.stories()
    assert "andon.cleared" not in after.stories()


def test_what_the_journal_tells_releases_no_stop(tmp_path: Path) -> None:
    after = called_before(tmp_path)
    after.shut_out()
    after.pull("cord-A2", 40.0)
    after.pulse(60.0)
    assert after.stop_output.on
    after.at(70.0)
    opens(after)
    assert after.stop_output.told == [(60.005, True)]
    assert after.state("segment/SEG-A/state")["state"] == "stopped"


def test_a_line_that_waits_for_its_start_does_so_when_the_journal_opens(tmp_path: Path) -> None:
    after = called_before(tmp_path)
    after.shut_out()
    after.pull("cord-A2", 40.0)
    after.pulse(60.0)
    after.press("clear-A2", 65.0)
    opens(after)
    after.at(80.0)
    assert after.stop_output.told == [(60.005, True)]
    after.press("start-a", 85.0)
    assert not after.stop_output.on


def test_a_bypass_that_the_journal_knows_of_releases_no_stop(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    bench.ask("bypass", "A2", category="quality", on=True, for_s=6000.0, reason="x")
    after = bench.at(30.0).again(boot="feedbeef")
    after.fit()
    after.shut_out()
    after.pull("cord-A2", 40.0)
    after.pulse(60.0)
    opens(after)
    after.at(80.0)
    assert after.stop_output.told == [(60.005, True)]
    after.press("start-a", 85.0)
    assert not after.stop_output.on
