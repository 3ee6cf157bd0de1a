"""Operators who pull, the leader who answers, and the visitor in his place."""

from dataclasses import dataclass, field
from typing import Any

from edge_agent.demo.inquiry import Standing
from edge_agent.demo.leading import Floor, Leader, Operator

S = 10**9


@dataclass
class PaperStation:
    id: str
    pressed: list[str] = field(default_factory=list)

    def press(self, button: str) -> bool:
        self.pressed.append(button)
        return True


@dataclass
class PaperAgent:
    standing: Standing | None = None


@dataclass
class PaperLine:
    stations: list[PaperStation] = field(default_factory=lambda: [PaperStation("A1")])
    agents: list[PaperAgent] = field(default_factory=lambda: [PaperAgent()])
    started: list[str] = field(default_factory=list)

    def start_segment(self, segment: str) -> None:
        self.started.append(segment)

    def say(self, *calls: str, segment: str = "running", restart_from: str | None = None) -> None:
        said: dict[str, Any] = {
            "station": "A1",
            "calls": [{"raised": "2026-11-21T06:12:03.417Z", "state": state} for state in calls],
        }
        one = {"segment": "SEG-A", "state": segment, "restart_from": restart_from}
        self.agents[0].standing = Standing(True, 0, "ok", (said,), (one,))


def test_the_same_seed_pulls_at_the_same_times() -> None:
    first, second = (Operator("A1", 1.0, 7, 0) for _ in range(2))
    assert first.due_ns == second.due_ns > 0
    assert not first.act(first.due_ns - 1)
    assert first.act(first.due_ns)
    first.go_home()
    assert not first.act(10**18)


def test_the_leader_does_one_thing_after_the_other() -> None:
    leader = Leader(1.0, 7)
    leader.see("A1", "called", 0)
    leader.see("A2", "called", 0)
    errand = leader.act(1000 * S)
    assert errand is not None
    assert (errand.station, errand.what) == ("A1", "ack")
    assert leader.act(1000 * S) is None
    leader.see("A1", "acked", 1000 * S)
    cleared = leader.act(2000 * S)
    assert cleared is not None
    assert cleared.what == "clear"


def test_nobody_pulls_who_has_somebody_coming_and_the_line_is_started() -> None:
    line = PaperLine()
    floor = Floor(line, 1.0, 7, 0)  # type: ignore[arg-type]
    line.say("acked")
    floor.act(100 * S)
    floor.act(1000 * S)
    assert line.stations[0].pressed == ["clear"]
    line.say(segment="restarting", restart_from="2026-11-21T06:12:08.417Z")
    floor.go_home()
    floor.act(2000 * S)
    floor.act(3000 * S)
    assert line.started == [], "the announcement is not over"
    line.say(segment="restarting")
    floor.act(4000 * S)
    floor.act(5000 * S)
    assert line.started == ["SEG-A"]


def test_a_visitor_answers_where_it_is_wanted_most() -> None:
    line = PaperLine()
    floor = Floor(line, 1.0, 7, 0)  # type: ignore[arg-type]
    for what in ("ack", "clear", "start"):
        floor.do(what)
    assert line.stations[0].pressed == line.started == []
    line.say("acked")
    floor.do("ack")
    assert line.stations[0].pressed == [], "it is acknowledged already"
    floor.do("confirm")
    floor.do("clear")
    assert line.stations[0].pressed == ["confirm", "clear"]
    line.say(segment="restarting")
    floor.do("start")
    assert line.started == ["SEG-A"]
