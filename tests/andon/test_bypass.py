"""Cords that stop nothing for a time, and lines in training."""

from dataclasses import replace
from pathlib import Path

from edge_agent.configuration import Reason
from edge_agent.domain.people import Person
from edge_agent.ports import Condition, Flaw
from edge_agent.wire.messages import Refusal
from tests.kit.floor_bench import LINE, STATIONS, FloorBench
from tests.kit.line_bench import Gun

WEBER = Person("E:1007", "L. Weber", ("leader",), ("welding",))
SATO = Person("E:1008", "M. Sato", ("group-leader",), shifts=("early",))
OPERATOR = Person("4711", "A. Kim", ("operator",))
PEOPLE = replace(
    LINE,
    people=(WEBER, SATO, OPERATOR),
    reasons=(Reason("FIT", "fit problem"), Reason("PART", "wrong part")),
)


def line(tmp_path: Path, **changes: object) -> FloorBench:
    return FloorBench(tmp_path / "data", line=replace(PEOPLE, **changes)).start()  # type: ignore[arg-type]


def scan(bench: FloorBench, text: str, at_s: float, station: str = "A2") -> bool:
    heard = bench.at(at_s).andon.orders.scanned(station, text, bench.clock.now_ns)
    bench.turn()
    return heard


def test_a_bypassed_cord_still_lights_and_stops_nothing_for_its_time(tmp_path: Path) -> None:
    bench = line(tmp_path)
    assert bench.ask("bypass", "A2", category="quality", for_s=100.0, reason="TOOL").refused is None
    assert bench.tower("A2") == "green steady red flash-0.5hz"
    bench.pull("cord-A2", 10.0)
    assert bench.tower("A2") == "yellow flash-2hz"
    bench.pulse(60.0)
    assert not bench.stop_output.on
    bench.at(101.0)
    bench.pulse(120.0)
    assert bench.stop_output.on, "the bypass is over and the call is open"
    (bypassed,) = bench.told("andon.bypassed")
    assert (bypassed["actor"], bypassed["reason"]) == ("L. Weber", "TOOL")
    assert len(bench.told("andon.bypass_ended")) == 1


def test_a_bypass_in_a_stop_lets_the_line_be_started(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pulse(60.0)
    bench.ask("bypass", "A2", category="quality", for_s=3600.0)
    assert bench.stop_output.on
    bench.press("start-a", 70.0)
    assert not bench.stop_output.on


def test_training_marks_every_event_and_moves_no_output(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.ask("training", "A1", on=True)
    assert all(bench.tower(one) == "green flash-2hz yellow flash-0.5hz" for one in STATIONS)
    bench.pull("cord-A2", 10.0)
    bench.pulse(60.0)
    assert bench.tower("A2") == "red flash-2hz"
    assert bench.stop_output.told == []
    assert bench.ask("training", "A1", on=False).refused is Refusal.ILLEGAL
    after = bench.again().start()
    assert after.stop_output.told == [], "training survives a restart"
    after.press("clear-A2", 70.0)
    after.press("start-a", 80.0)
    assert after.ask("training", "A1", on=False).refused is None
    after.pull("cord-A2", 90.0)
    after.turn()
    marks = [event.get("training") for event in after.events() if "andon." in event["type"]]
    assert marks == [True] * (len(marks) - 2) + [None, None]
    assert after.told("andon.training_ended")


def test_whatever_happens_at_a_station_in_training_says_so(tmp_path: Path) -> None:
    segments = tuple(replace(one, segment=None) for one in LINE.stations)
    bench = line(tmp_path, stations=segments, segments=())
    other = Gun("gun-2", "A3")
    bench.line.add(other)
    bench.ask("training", "A2", on=True)
    bench.line.read(bench.gun, b"K-0417", 0, 0, Flaw.NONE)
    bench.line.read(bench.gun, b"", 0, 0, Flaw.EMPTY)
    bench.line.read(other, b"K-0418", 0, 0, Flaw.NONE)
    for gun in (bench.gun, other):
        bench.line.tell(gun, Condition.TROUBLE, "it is gone", "plug it in")
    bench.line.agent_event("agent.started", b'{"version":"0","previous_end":"none"}')
    bench.ask("training", "A2", on=False)
    bench.line.read(bench.gun, b"K-0419", 0, 0, Flaw.NONE)
    bench.line.tell(bench.gun, Condition.OK, "", "")
    bench.turn()
    bench.ask("training", "A3", on=True)
    bench.turn()
    after = bench.again()
    after.line.add(other)
    for gun in (after.gun, other):
        after.line.tell(gun, Condition.TROUBLE, "it is still gone", "plug it in")
    after.start()
    after.line.read(after.gun, b"K-0420", 0, 0, Flaw.NONE)
    after.turn()
    found = [
        (event["type"], event["source"].rpartition("/")[2], event.get("training"))
        for event in after.events()
        if not event["type"].startswith("agent.")
    ]
    assert found == [
        ("andon.training_started", "A2", True),
        ("scan.read", "A2", True),
        ("scan.rejected", "A2", True),
        ("scan.read", "A3", None),
        ("alarm.raised", "A2", True),
        ("alarm.raised", "A3", None),
        ("andon.training_ended", "A2", None),
        ("scan.read", "A2", None),
        ("alarm.cleared", "A2", None),
        ("andon.training_started", "A3", True),
        ("alarm.raised", "A2", None),
        ("alarm.raised", "A3", True),
        ("scan.read", "A2", None),
    ]
    of_agent = [event for event in after.events() if event["type"].startswith("agent.")]
    assert of_agent
    assert all("training" not in event for event in of_agent)
    assert {event["lane"] for event in after.events()} == {"normal", "urgent"}


def test_a_bypass_of_calls_that_there_are_not_is_refused(tmp_path: Path) -> None:
    bench = line(tmp_path)
    answer = bench.ask("bypass", "A2", category="qualty", for_s=60.0)
    assert answer.refused is Refusal.UNKNOWN
    assert "qualty" in answer.message


def test_a_line_that_runs_under_a_bypass_shows_no_stop(tmp_path: Path) -> None:
    bench = line(tmp_path)
    bench.pull("cord-A2", 10.0)
    bench.pulse(60.0)
    bench.ask("bypass", "A2", category="quality", for_s=600.0)
    bench.press("start-a", 70.0)
    assert not bench.stop_output.on
    (call,) = bench.state("A2/state/andon")["calls"]
    assert call["state"] == "called"
    assert bench.tower("A2") == "yellow flash-2hz"
