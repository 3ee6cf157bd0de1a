"""What the judge can only know when everything has arrived: books, causes, durations, stories."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from edge_agent.simulation.judge import FILTER_NS, LIGHT_NS, Judge
from edge_agent.simulation.layout import BASE, LADDER
from edge_agent.simulation.seen import Event, Pull

if TYPE_CHECKING:
    from edge_agent.simulation.factory import Factory

SLACK_NS: Final = 2_000_000

_OF_PULLS: Final = ("andon.raised", "andon.repeated", "andon.cleared", "andon.rejected")
MIN_CANCEL_S: Final = 1.99
BYPASS_NS: Final = 95_000_000_000


def _around(told: dict[tuple[str, int], int], station: str, at_ns: int) -> int:
    """Count what is told of a station at about a moment."""
    return sum(told[station, at_ns // SLACK_NS + shift] for shift in (-1, 0, 1))


def _hands(event: Event) -> list[str]:
    """List the hands that can have caused an event; none where it comes by itself."""
    name = event.place.lower()
    pulled = [f"cord-{name}", f"box-{name}"]
    match event.kind:
        case "andon.raised" | "andon.repeated":
            by_itself = event.said["data"]["category"] == "maintenance"  # pulses and faults call
            return [] if by_itself else pulled
        case "andon.acked":
            return [f"ack-{name}", f"confirm-{name}", f"scan-{name}"]
        case "andon.cleared":
            return [*pulled, f"clear-{name}"]
        case "stop.ended":
            return [f"start-{event.place}"]
        case _:
            return []


class LastWord:
    """Says it of a `Factory`; raises `judge.Broken`."""

    def __init__(self, factory: "Factory") -> None:
        self._factory = factory
        self._judge: Judge = factory.judge

    def say(self) -> None:
        """Try every rule that is left."""
        self._books()
        self._causes()
        self._durations()
        self._ladders()
        self._stories()

    def _books(self) -> None:
        for line in self._factory.lines:
            said = line.pi.document()["counters"]
            assert isinstance(said, dict)
            reads, events = said["reads"], said["events"]
            parts = sum(reads[one] for one in ("accepted", "rejected", "suppressed", "pending"))
            self._judge.holds("balance", reads["received"] == parts, f"{line.pi.name}: {reads}")
            fates = ("acknowledged", "waiting", "set_aside", "dropped")
            parts = sum(events[one] for one in fates)
            self._judge.holds("balance", events["stored"] == parts, f"{line.pi.name}: {events}")
            assert line.pi.agent is not None
            epoch, high = line.pi.agent.outbox.epoch, line.pi.agent.outbox.committed_upto
            heard = self._judge.numbers.get((line.pi.name, epoch), set())
            missing = sorted(set(range(1, high + 1)) - heard)
            self._judge.holds("whole", not missing, f"{line.pi.name} lacks {missing[:8]} of {high}")
            epochs = {one for agent, one in self._judge.numbers if agent == line.pi.name}
            self._judge.holds("whole", epochs == {epoch}, f"{line.pi.name} has the epochs {epochs}")
        for event_id, station in self._judge.accepted.items():
            arrived = event_id in self._judge.known
            self._judge.holds(
                "scan", arrived, f"{event_id} was accepted at {station}, and is nowhere"
            )

    def _causes(self) -> None:
        self._pulls_told()
        for event in self._judge.events:
            places = _hands(event)
            what = f"{event.kind} of {event.place}, {self._factory.clock(event.at_ns)}"
            if places:
                self._judge.holds("invented", self._touched(places, event), f"{what}: nobody")
            if event.kind == "andon.cleared":
                self._cancelled(event, what)

    def _pulls_told(self) -> None:
        told: dict[tuple[str, int], int] = Counter()
        broken: dict[tuple[str, int], int] = Counter()
        for event in self._judge.events:
            at = event.place, event.at_ns // SLACK_NS
            broken[at] += event.kind == "andon.fault"
            told[at] += event.kind in _OF_PULLS and event.said["data"]["category"] != "maintenance"
        for pull in self._judge.pulls:
            if pull.doubtful or self._may_be_lost(pull):
                continue
            if _around(broken, pull.station, pull.at_ns):
                continue  # that was no hand, and is told as what it is
            times = _around(told, pull.station, pull.at_ns)
            if not times and pull.stopped:
                if pull.let_go_ns is None:
                    continue  # it would have cleared a stop, and nobody felt the end of it
                times = _around(told, pull.station, pull.let_go_ns)
            what = f"{pull.device}, pulled {self._factory.clock(pull.at_ns)}, is told {times} times"
            self._judge.holds("told", times == 1, what)

    def _touched(self, places: Iterable[str], event: Event) -> bool:
        """Say whether one of these was touched at the moment of an event."""
        from_ns, to_ns = event.at_ns - SLACK_NS, event.at_ns + SLACK_NS
        return any(self._judge.touched_within(one, from_ns, to_ns) for one in places)

    def _cancelled(self, event: Event, what: str) -> None:
        """Look at what a pull has cleared: old enough, not confirmed, answered where it stopped."""
        data, name = event.said["data"], event.place.lower()
        cord = "cord" if data["category"] == "quality" else "box"
        if data["category"] == "maintenance" or self._touched([f"clear-{name}"], event):
            return
        if not self._touched([f"{cord}-{name}"], event) or data.get("unobserved_s", 0) != 0:
            return
        self._judge.holds("cancel", data["ttr_s"] >= MIN_CANCEL_S, f"{what}: too soon")
        answered = not (data["stopped"] and data["ack_implied"])
        self._judge.holds("cancel", answered, f"{what}: it had stopped, and nobody had come")
        began_ns = event.at_ns - int(data["ttr_s"] * 1e9)
        confirmed = self._judge.touched_within(f"confirm-{name}", began_ns, event.at_ns)
        bypassed = any(  # what stopped nothing for a while could not be confirmed
            one.kind.startswith("andon.bypass") and one.place == event.place
            for one in self._judge.events
            if began_ns - BYPASS_NS <= one.at_ns <= event.at_ns + BYPASS_NS
        )
        fair = data["stopped"] or not (data["stops"] and confirmed) or bypassed
        self._judge.holds("cancel", fair, f"{what}: its stop was confirmed")

    def _may_be_lost(self, pull: Pull) -> bool:
        line = next(one for one in self._factory.lines if pull.station in one.stations)
        return any(
            pull.at_ns <= cut_ns and safe_ns < pull.at_ns + FILTER_NS + LIGHT_NS
            for cut_ns, safe_ns in self._judge.watch(line).cuts
        )

    def _durations(self) -> None:
        raised = {e.said["id"]: e for e in self._judge.events if e.kind == "andon.raised"}
        began = {e.said["id"]: e for e in self._judge.events if e.kind == "stop.started"}
        for event in self._judge.events:
            data = event.said["data"]
            if event.kind == "stop.ended" and data["stop"] in began:
                self._lasted(event, began[data["stop"]], data["duration_s"], data)
            elif event.kind == "andon.cleared" and data["call"] in raised:
                self._lasted(event, raised[data["call"]], data["ttr_s"], data)
                fair = 0 <= data["tta_s"] <= data["ttr_s"]
                self._judge.holds("time", fair, f"tta {data['tta_s']}, ttr {data['ttr_s']}")

    def _lasted(self, event: Event, first: Event, said_s: float, data: dict[str, Any]) -> None:
        if data.get("unobserved_s", 0) is None:
            return  # nobody knows, and it says so
        slack_s = 0.1 if not data.get("unobserved_s") else 1.0
        lasted_s = (event.at_ns - first.at_ns) / 1e9
        what = f"{event.kind} of {event.place} says {said_s} s, it was {lasted_s:.3f} s"
        self._judge.holds("time", abs(said_s - lasted_s) <= slack_s, what)

    def _ladders(self) -> None:
        raised = {e.said["id"]: e for e in self._judge.events if e.kind == "andon.raised"}
        reached: Counter[tuple[str, int]] = Counter()
        for event in self._judge.events:
            if event.kind != "andon.escalated":
                continue
            data = event.said["data"]
            reached[data["call"], data["level"]] += 1
            times = reached[data["call"], data["level"]]
            self._judge.holds(
                "ladder", times == 1, f"{data['call']} reaches level {data['level']} again"
            )
            if data["category"] == "quality" and not data.get("unobserved_s", 0):
                after_s = dict(LADDER)[data["level"]]
                age_s = (event.at_ns - raised[data["call"]].at_ns) / 1e9
                what = f"{data['call']} reaches level {data['level']} after {age_s:.1f} s"
                self._judge.holds("ladder", age_s >= after_s - 0.1, what)

    def _stories(self) -> None:
        calls = {
            e.said["data"]["call"]: e.place for e in self._judge.events if e.kind == "andon.raised"
        }
        for event in self._judge.events:
            if event.kind == "andon.cleared":
                calls.pop(event.said["data"]["call"], None)
        for line in self._factory.lines:
            told = {call for call, station in calls.items() if station in line.stations}
            there = set(self._judge.open_calls(line))
            what = (
                f"{line.name}: by the events {sorted(told)} are open, by the agent {sorted(there)}"
            )
            self._judge.holds("fold", told == there, what)
            for station in line.stations:
                topic = f"{BASE}/{station}/state/andon"
                said = json.loads(self._factory.broker.retained.get(topic, b"{}"))
                retained = {call["call"] for call in said.get("calls", [])}
                here = {call["call"] for call in line.calls(station)}
                what = f"{topic} says {sorted(retained)}, the agent {sorted(here)}"
                self._judge.holds("retained", retained == here, what)
