"""Cycles, flow and missing pulses, as they are seen, told, asked for and kept."""

from dataclasses import replace
from pathlib import Path

from edge_agent.configuration import Andon as Said
from edge_agent.configuration import Condition
from edge_agent.ports import Purpose
from edge_agent.wire.messages import Refusal
from tests.andon.test_shop_time import BY_TAKT, ON_SHIFTS, line_at
from tests.kit.floor_bench import LINE, SEGMENT, FloorBench, Paper

COUNTING = replace(LINE, segments=(replace(BY_TAKT, pm_cycles=3),))


def counting(tmp_path: Path) -> FloorBench:
    bench = FloorBench(tmp_path / "data", line=COUNTING)
    bench.wire("count-A4", "A4", Purpose.COUNT)
    bench.start()
    return bench


def test_cycles_are_told_with_their_class_and_a_late_one_is_seen(tmp_path: Path) -> None:
    bench = counting(tmp_path)
    for at_s in (10.0, 70.0, 160.0):
        bench.press("count-A4", at_s)
    cycles = bench.told("takt.cycle")
    assert [(one["class"], one["cycle_s"]) for one in cycles] == [
        ("first", None),
        ("normal", 60.0),
        ("small_stop", 90.0),
    ]
    overruns = [(one["elapsed_s"], one["suggest_call"]) for one in bench.told("takt.overrun")]
    assert overruns == [(63.0, False), (90.0, True)]
    assert bench.told("takt.pm_due")[0]["cycles"] == 3
    bench.at(160.0 + 64)
    assert bench.tower("A4") == "green steady yellow flash-0.5hz"
    bench.press("count-A4", 230.0)
    assert bench.tower("A4") == "green steady"
    said = bench.state("A4/state/takt")
    assert (said["actual"], said["takt_s"], said["pm_in"]) == (4, 60.0, -1)


def test_a_cycle_is_no_longer_while_the_line_stands(tmp_path: Path) -> None:
    bench = counting(tmp_path)
    bench.press("count-A4", 10.0)
    bench.pull("cord-A2", 20.0)
    bench.at(60.5)
    assert bench.stop_output.on
    bench.press("clear-A2", 100.0)
    bench.press("start-a", 160.0)
    bench.press("count-A4", 170.0)
    slack_s = 0.05  # the stand ends when the press of the start button is believed
    assert abs(bench.told("takt.cycle")[1]["cycle_s"] - 60.0) <= slack_s + 0.005
    assert bench.told("takt.overrun") == []


def test_counting_from_afar_and_over_a_restart(tmp_path: Path) -> None:
    bench = counting(tmp_path)
    assert bench.ask("count", "A4", "counter", count=5).refused is None
    assert bench.ask("count", "A4", "quality").refused is Refusal.NOT_ALLOWED
    bench.at(30.0)
    after = bench.again().start()
    after.ask("count", "A4", "operator")
    cycle = after.told("takt.cycle")[-1]
    assert (cycle["count"], cycle["actor"], cycle["cycle_s"]) == (1, "L. Weber", 30.0)
    assert after.state("A4/state/takt")["actual"] == 6


def test_missing_pulses_call_maintenance_and_stop_nothing(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(SEGMENT,))).start()
    bench.pulse(30.0)
    bench.pull("cord-A2", 40.0)
    bench.at(119.0)
    assert bench.told("takt.no_pulse") == []
    bench.at(121.0)
    (silent,) = bench.told("takt.no_pulse")
    assert (silent["device"], silent["silent_s"]) == ("pulse", 90.0)
    assert bench.tower("A4") == "green flash-0.5hz yellow flash-2hz", "maintenance is called"
    assert not bench.stop_output.on
    bench.pulse(200.0)
    assert bench.stop_output.on, "the stop happens at the next pulse that comes"
    assert len(bench.told("takt.no_pulse")) == 1


def test_a_call_that_waits_for_a_missing_pulse_gets_louder(tmp_path: Path) -> None:
    slow = Said("*", "quality", stops=True, ack_s=3600.0)
    bench = FloorBench(tmp_path / "data", line=replace(LINE, andons=(slow,))).start()
    bench.pull("cord-A2", 40.0)
    for at_s, loud in ((89.0, []), (91.0, ["A2"])):
        bench.at(at_s)
        assert [name for name, horn in bench.horns.items() if horn.loud] == loud
    bench.pulse(95.0)
    bench.at(96.0)
    assert (bench.stop_output.on, bench.horns["A2"].loud) == (True, False)


def patient(tmp_path: Path, **said: float) -> FloorBench:
    segment = replace(SEGMENT, stop_without_pulse_s=20.0, **said)
    return FloorBench(tmp_path / "data", line=replace(LINE, segments=(segment,)))


def test_a_plant_may_have_missing_pulses_stop_the_line_after_a_time(tmp_path: Path) -> None:
    bench = patient(tmp_path).start()
    bench.pulse(30.0)
    bench.pull("cord-A2", 40.0)
    bench.pull("cord-A2", 59.0)
    bench.at(80.0)
    assert not bench.stop_output.on, "who has cancelled is not stopped"
    bench.pull("cord-A2", 90.0)
    bench.at(109.9)
    assert not bench.stop_output.on
    bench.at(110.1)
    assert bench.stop_output.on, "so long after the call that waits, for no pulse came"
    assert bench.told("andon.stopped")[-1]["age_s"] == 20.0
    bench.press("clear-A2", 120.0)
    bench.press("start-a", 130.0)
    bench.pull("cord-A3", 140.0)
    bench.pulse(150.0)
    assert bench.stop_output.on, "a pulse that comes stops it as ever"


def test_a_stop_without_a_pulse_needs_no_journal_and_its_window(tmp_path: Path) -> None:
    bench = patient(tmp_path, min_window_s=5.0)
    bench.fit()
    bench.shut_out()
    bench.pull("cord-A2", 40.0)
    bench.at(64.9)
    assert not bench.stop_output.on
    bench.at(65.1)
    assert bench.stop_output.on


def test_starved_blocked_and_changeover_have_their_looks_and_are_no_stop_time(
    tmp_path: Path,
) -> None:
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(BY_TAKT,)))
    for name, purpose in (("starve", Purpose.STARVED), ("block", Purpose.BLOCKED)):
        bench.wire(name, "A1", purpose)
    bench.start()
    bench.pull("starve", 10.0, 5.0)
    bench.at(16.0)
    assert bench.tower("A2") == "green steady"
    bench.at(40.0).wires["block"].move(False)
    bench.at(41.0)
    assert bench.tower("A2") == "green flash-2hz"
    assert bench.state("segment/SEG-A/state")["state"] == "blocked"
    bench.at(50.0).wires["block"].move(True)
    bench.at(51.0)
    assert bench.ask("changeover", "A2", on=True, product="P2").refused is None
    assert bench.tower("A2") == "green flash-0.5hz yellow flash-0.5hz"
    assert bench.ask("changeover", "A2", on=True).refused is Refusal.ILLEGAL
    bench.at(171.0)
    assert bench.ask("changeover", "A2", on=False).refused is None
    kinds = [one["type"] for one in bench.told("takt.")]
    assert kinds == [
        *("takt.starved", "takt.flowing", "takt.blocked", "takt.flowing"),
        *("takt.changeover_started", "takt.changeover_ended"),
    ]
    ended = bench.told("takt.changeover_ended")[0]
    assert (ended["to"], ended["duration_s"]) == ("P2", 120.0)
    assert bench.told("stop.") == []


def test_a_call_is_the_event_of_its_pull_whatever_else_its_pull_changes(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(BY_TAKT,)))
    bench.wire("starve", "A1", Purpose.STARVED)
    bench.start()
    bench.at(10.0).wires["starve"].move(False)
    bench.pull("cord-A2", 20.0)  # the line has its own trouble now
    assert bench.told("takt.flowing") == [], "it is as starved as before"
    (raised,) = (one for one in bench.events() if one["type"] == "andon.raised")
    assert raised["data"]["call"] == raised["id"]


def test_a_line_that_is_starved_or_changed_over_is_so_after_a_restart(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data")
    bench.wire("starve", "A1", Purpose.STARVED)
    bench.start()
    bench.at(10.0).wires["starve"].move(False)
    bench.at(20.0)
    after = bench.again()
    after.wire("starve", "A1", Purpose.STARVED).level = False
    after.start()
    assert after.state("segment/SEG-A/state")["state"] == "starved"
    after.at(30.0).wires["starve"].move(True)
    after.at(40.0)
    assert after.state("segment/SEG-A/state")["state"] == "running"
    assert after.ask("changeover", "A2", on=True).refused is None
    after.at(50.0)
    again = after.again().start()
    assert again.state("segment/SEG-A/state")["state"] == "changeover"
    again.at(60.0)
    assert again.ask("changeover", "A2", on=False).refused is None
    assert again.told("takt.changeover_ended")[0]["duration_s"] == 20.0


def test_overtime_is_one_action_of_the_leader(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "22:30:00", ON_SHIFTS)
    assert bench.tower("A1") == ""
    until_ns = bench.clock.wall_ns() + 600 * 10**9
    assert bench.ask("worked", "A1", "operator", until_ns=until_ns).refused is Refusal.NOT_ALLOWED
    assert bench.ask("worked", "A1", until_ns=until_ns).refused is None
    assert bench.tower("A1") == "green steady"
    bench.at(606.0)
    assert bench.tower("A1") == ""
    free = FloorBench(tmp_path / "free").start()
    assert free.ask("worked", "A1", until_ns=until_ns).refused is Refusal.ILLEGAL


def test_what_is_open_is_handed_over_and_nothing_closes(tmp_path: Path) -> None:
    bench = line_at(tmp_path, "13:59:00", ON_SHIFTS)
    bench.pull("cord-A2", 10.0)
    bench.at(100.0)
    assert bench.ask("handover", "A1").refused is None
    (said,) = bench.told("andon.handover")
    assert (said["shift_to"], said["actor"]) == ("late", "L. Weber")
    assert bench.told("andon.raised")[0]["call"] in said["calls"]
    assert bench.tower("A2") == "yellow flash-2hz"


def test_looks_are_those_of_the_plant_where_it_says_so(tmp_path: Path) -> None:
    blue = Condition("called", (("red", "flash-0.5hz"), ("green", "flash-0.5hz")), "D")
    bench = FloorBench(tmp_path / "data", line=replace(LINE, looks=(blue,))).start()
    bench.pull("cord-A2", 10.0)
    assert bench.tower("A2") == "green flash-0.5hz red flash-0.5hz"
    assert bench.horns["A2"].tune == "D"


def test_a_heartbeat_beats_as_soon_as_there_is_one(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data").start()
    beat = Paper(bench, "beat", None)
    beat.heartbeat = True
    bench.andon.add_output(beat)  # type: ignore[arg-type]
    assert beat.on


def test_missing_pulses_do_not_cancel_the_call_that_somebody_made(tmp_path: Path) -> None:
    bench = FloorBench(tmp_path / "data", line=replace(LINE, segments=(SEGMENT,)))
    bench.wire("wrench", "A4", Purpose.CALL, "maintenance")
    bench.start()
    bench.pulse(30.0)
    bench.pull("wrench", 40.0)
    bench.at(300.0)
    assert len(bench.told("takt.no_pulse")) == 1
    assert bench.told("andon.cleared") == []
    assert len(bench.state("A4/state/andon")["calls"]) == 1
