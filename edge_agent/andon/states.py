"""What is true now of stations and segments: who drives a lamp or a screen drives it from this."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any, Final

from edge_agent.andon.ladder import Asked
from edge_agent.andon.telling import Telling
from edge_agent.domain import segment as seg
from edge_agent.domain.call import Call, State
from edge_agent.domain.floor import Floor
from edge_agent.domain.looks import Showing
from edge_agent.domain.standing import still_warned
from edge_agent.ports import Clock
from edge_agent.wire import messages
from edge_agent.wire import payload as wire
from edge_agent.wire.topics import Topics

LINES_MAX: Final = 8
"""Lines on a display; what is more is summed up in the last."""

_OF_STATION: Final = ("andon", "display", "takt")
"""What may be said of a station; a takt only of one that counts, and nobody knows when it will."""

_RANK: Final = {one: rank for rank, one in enumerate(Showing)}
_STATES: Final = {
    State.CALLED: "called",
    State.ACKED: "answered",
    State.STOPPED: "has stopped the line",
    State.STOPPED_ACKED: "has stopped the line, answered",
}


class States:
    """Says what is true of every station and segment of this agent, as its retained states."""

    def __init__(
        self,
        *,
        topics: Topics,
        agent: str,
        telling: Telling,
        showing: Callable[[str], frozenset[Showing]],
        zone: tzinfo,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._topics = topics
        self._agent = agent
        self._telling = telling
        self._showing = showing
        self.zone = zone
        self.scheduled: Callable[[], bool] = lambda: True
        self.asked: Callable[[str, str, int], Asked] = lambda *_: Asked((), [])
        self.ours: Callable[[str], bool] = lambda _: True
        self.pace: Callable[[str, int], dict[str, Any] | None] = lambda _station, _now_ns: None

    def true_now(self, floor: Floor, now_ns: int) -> list[tuple[str, dict[str, Any]]]:
        """Give topic and content of every state that is ours."""
        found: list[tuple[str, dict[str, Any]]] = []
        for station in floor.homes:
            pace = self.pace(station, now_ns)
            display = self._display(floor, station, pace or {})
            found.append((self._topics.state(station, "andon"), self.andon(floor, station)))
            found.append((self._topics.state(station, "display"), display))
            if pace is not None:
                found.append((self._topics.state(station, "takt"), pace))
        for name, one in floor.segments.items():
            if not self.ours(name):
                continue  # its owner speaks for it
            said = self.segment(floor, name, one, now_ns)
            found.append((self._topics.segment_state(name), said))
        return found

    def whole(self, said: dict[str, Any]) -> bytes:
        """Render a state with what all of them say beside it: who says so, when, for how long."""
        asof = wire.rfc3339(self._clock.wall_ns()).decode()
        standing = {"agent": self._agent, "asof": asof, "valid_s": messages.VALID_S}
        return messages.rendered(said | standing)

    def topics(self, floor: Floor) -> list[str]:
        """List the topics of all of them, those on which nothing is said yet among them."""
        return [
            *(self._topics.state(one, what) for one in floor.homes for what in _OF_STATION),
            *(self._topics.segment_state(name) for name in floor.segments if self.ours(name)),
        ]

    def document(self, floor: Floor, now_ns: int) -> dict[str, Any]:
        """Say what is true of every station and segment, for `status`."""
        return {
            "stations": [self.andon(floor, one) for one in floor.homes],
            "segments": [
                self.segment(floor, name, one, now_ns) for name, one in floor.segments.items()
            ],
        }

    # -- one state -----------------------------------------------------------------------------

    def andon(self, floor: Floor, station: str) -> dict[str, Any]:
        posts = [*floor.posts_at((station,))]
        return {
            "station": station,
            "segment": floor.homes[station] or None,
            "calls": [self._call(floor, station, *one) for one in floor.open_calls(station)],
            "faults": [
                {"category": key[1], "fault": post.fault} for key, post in posts if post.faulty
            ],
            "bypass": [
                {"category": key[1], "until": self._telling.stamp(until_ns)}
                for key, until_ns in floor.bypasses.items()
                if key[0] == station
            ],
            "training": floor.in_training(station),
            "showing": sorted(self._showing(station), key=_RANK.__getitem__),
        }

    def _call(self, floor: Floor, station: str, category: str, call: Call) -> dict[str, Any]:
        due_ns = self._telling.due(floor.homes[station]) if call.stopped_ns is None else None
        stops = floor.may_stop((station, category))
        return {
            "call": call.id,
            "category": category,
            "state": call.state,
            "level": call.level,
            "raised": self._telling.stamp(call.raised_ns),
            "due": self._telling.stamp(due_ns) if due_ns is not None and stops else None,
            "stops": stops,
            "taken_by": call.taken_by,
            "repeat_count": call.repeats,
            "asked": self.asked(station, category, call.level).people,
        }

    def segment(self, floor: Floor, name: str, one: seg.Segment, now_ns: int) -> dict[str, Any]:
        due_ns = self._telling.due(name)
        stop = None
        if one.stop is not None:
            stop = {
                "stop": one.stop.id,
                "since": self._telling.stamp(one.stop.began_ns),
                "calls": one.stop.calls,
                "primary": one.stop.primary,
            }
        warned = one.warned_from_ns
        return {
            "segment": name,
            "state": one.state,
            "scheduled": self.scheduled(),
            "stop": stop,
            "due": None if due_ns is None else self._telling.stamp(due_ns),
            "restart_from": None
            if warned is None or not still_warned(one, now_ns)
            else self._telling.stamp(warned + one.warning_ns),
            "training": name in floor.training,
        }

    # -- words for the person at the station -----------------------------------------------------

    def _display(self, floor: Floor, station: str, pace: dict[str, Any]) -> dict[str, Any]:
        lines, severity = [], "ok"
        one = floor.segment_of(station)
        if one is not None and one.state is seg.State.RESTARTING:
            lines.append("the line is about to start: press start when the warning is over")
            severity = "stop"
        for key, post in floor.posts_at((station,)):
            if post.faulty:
                lines.append(f"{key[1]}: the input is not to be trusted ({post.fault}); reset it")
                severity = "fault"
        for category, call in floor.open_calls(station):
            lines.append(self._words(floor, station, category, call))
            stopped = call.state in (State.STOPPED, State.STOPPED_ACKED)
            severity = "stop" if stopped else "call" if severity == "ok" else severity
        lines += [
            f"{key[1]}: cleared; say why (reason code)"
            for key, post in floor.posts_at((station,))
            if post.closing
        ]
        lines += _pace_words(pace)
        if floor.in_training(station):
            lines.append("training: nothing but lights and horns moves")
        if lines and severity == "ok":
            severity = "info"
        if len(lines) > LINES_MAX:
            lines = [*lines[: LINES_MAX - 1], f"and {len(lines) - LINES_MAX + 1} more"]
        text = lines[0] if lines else "all is well"
        return {"station": station, "text": text, "lines": lines, "severity": severity}

    def _words(self, floor: Floor, station: str, category: str, call: Call) -> str:
        said = f"{category} {_STATES[call.state]}"
        due_ns = self._telling.due(floor.homes[station])
        waits = call.stopped_ns is None and floor.may_stop((station, category))
        if waits and due_ns is not None:
            said += f"; the line stops at {self._local(due_ns)}"
        elif waits:
            said += "; the line stops at its fixed position"
        if call.taken_by is not None:
            said += f"; {call.taken_by} is on the way"
        return said

    def _local(self, at_ns: int) -> str:
        moment = datetime.fromisoformat(self._telling.stamp(at_ns)).astimezone(self.zone)
        return moment.strftime("%H:%M:%S")


def _pace_words(pace: dict[str, Any]) -> list[str]:
    """Say what the person at the station should know of his pace."""
    lines = []
    if pace.get("late"):
        advice = ": pull if you need help" if pace["suggest_call"] else ""
        lines.append(f"this cycle takes longer than its {pace['cycle_takt_s']:g} s{advice}")
    if pace.get("pitches_behind"):
        behind = pace["pitches_behind"]
        lines.append(f"{behind} {'pack' if behind == 1 else 'packs'} behind the plan")
    if pace.get("pm_in") is not None and pace["pm_in"] <= 0:
        lines.append("maintenance is due")
    return lines
