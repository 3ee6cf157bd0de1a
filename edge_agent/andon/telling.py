"""What happened on the floor, as events: the `data` of andon and stop events, and their journal.

Rules:
1. The light was first: nothing here can refuse, wait or fail. An andon event is numbered whether
   or not the journal has room for scans, up to `UNWRITTEN_MAX` that no disk has taken yet.
2. A call is the id of the event that told its pull; a stop that of its `stop.started`.
3. Durations are monotonic, `unobserved_s` says for how much of one nobody watched.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from edge_agent.dispatch import Stream
from edge_agent.domain.call import Call
from edge_agent.domain.segment import Stop
from edge_agent.domain.told import ENDED, STARTED, Told
from edge_agent.outbox import PAYLOAD_GUESS_BYTES, PENDING_EVENTS_MAX, PENDING_URGENT_EXTRA, Outbox
from edge_agent.ports import Lane
from edge_agent.wire import messages
from edge_agent.wire import payload as wire
from edge_agent.wire.payload import NORMAL, TRAINING, URGENT, Envelope
from edge_agent.wire.topics import Topics

UNWRITTEN_MAX: Final = PENDING_EVENTS_MAX + PENDING_URGENT_EXTRA + 4_096
"""Events that may wait for the disk, andon's among them; beyond it one is lost, and counted. Its
light and its stop were not."""

_log = logging.getLogger(__name__)


class Telling:
    """Writes events of stations and segments; `due(segment)` is the expected fixed position."""

    def __init__(self, *, topics: Topics, agent: str, outbox: Outbox) -> None:
        self._topics = topics
        self._agent = agent
        self._outbox = outbox
        self._clock = outbox.clock
        self._made: dict[tuple[str, str, str, bool], tuple[Stream, Envelope]] = {}
        self.due: Callable[[str], int | None] = lambda _: None
        self.training: Callable[[str, str], bool] = lambda _station, _segment: False
        self.shift: Callable[[int], str | None] = lambda _wall_ns: None
        self.split: Callable[[int, int], list[tuple[str, int]]] = lambda _from, _to: []
        self.net_ns: Callable[[int, int], int] = lambda start_ns, end_ns: end_ns - start_ns
        self.notified: Callable[[Told], dict[str, object]] = lambda _: {}
        self.gap_unknown: Callable[[int], bool] = lambda _since_ns: False
        self.on_duty: Callable[[str], list[str]] = lambda _role: []
        self.clock_is_set: Callable[[], bool] = lambda: True
        self.may_stop: Callable[[tuple[str, str]], bool] = lambda _: False
        self.lost = 0
        self._first = 0
        self._unwritten = 0

    def next_id(self, behind: int = 0) -> str:
        """Say which id the event behind so many others will have; of no event where none can be."""
        if not self._takes():
            self._unwritten += 1
            return f"unwritten-{self._unwritten}"
        return self._outbox.event_id(self._outbox.high + 1 + behind)

    def _takes(self) -> bool:
        """Say whether an event can be written now."""
        outbox = self._outbox
        return outbox.open and outbox.lost is None and outbox.pending() < UNWRITTEN_MAX

    def tell(self, told: Told, at_ns: int) -> None:
        """Write one happening down, with its moment of capture."""
        if told.says in (STARTED, ENDED):
            self._tell_stop(told, at_ns)
            return
        data = self._call_said(told, at_ns) if told.call is not None else self._said(told)
        self.write("andon", told.station, told.says, data, at_ns, segment=told.segment)

    def write(
        self,
        subject: str,
        place: str,
        kind: str,
        plain: dict[str, Any],
        at_ns: int,
        *,
        segment: str = "",
        lane: Lane = Lane.URGENT,
    ) -> None:
        """Write an event of a station (`andon`, `takt`, `kpi`) or of a segment (`stop`)."""
        outbox = self._outbox
        if not outbox.open or outbox.lost is not None:
            return
        data = messages.rendered(plain)
        outbox.room(lane, len(data) + PAYLOAD_GUESS_BYTES)  # tells it the size; it is not asked
        if outbox.pending() >= UNWRITTEN_MAX:
            self.lost += 1
            _log.error("no disk takes it, and memory is full: %s %s", kind, data.decode())
            return
        stream, envelope = self._made_of(subject, place, kind, segment)
        at_wall_ns = self._clock.wall_ns() - (self._clock.mono_ns() - at_ns)
        seq = outbox.record(stream, lane, envelope, at_wall_ns, at_ns, data)
        self._first = self._first or seq

    def noted(self) -> int:
        """Give the first event that was written since this was asked last; 0 for none."""
        first, self._first = self._first, 0
        return first

    def _made_of(
        self, subject: str, place: str, kind: str, segment: str
    ) -> tuple[Stream, Envelope]:
        training = self.training("" if subject == "stop" else place, segment)
        made = self._made.get((subject, place, kind, training))
        if made is not None:
            return made
        topics = self._topics
        if subject == "stop":
            source, topic = topics.source_of_segment(place), topics.stop(place)
        else:
            source = topics.source_of_station(place)
            topic = getattr(topics, subject)(place)
        lane = URGENT if subject in ("andon", "stop") else NORMAL
        envelope = Envelope(
            source=source,
            kind=kind,
            lane=lane + TRAINING if training else lane,
            agent=self._agent,
            epoch=self._outbox.epoch,
        )
        made = self._outbox.stream(topic), envelope
        self._made[subject, place, kind, training] = made
        return made

    # -- data ----------------------------------------------------------------------------------

    def _said(self, told: Told) -> dict[str, Any]:
        """Say what is about no call: a fault, a bypass, a refusal."""
        plain: dict[str, Any] = {
            "call": None,
            "category": told.category or None,
            "station": told.station,
            "segment": told.segment or None,
            "actor": told.actor,
            "device": told.device,
        }
        if told.says.startswith("andon.fault"):
            plain["fault"] = told.why
        if told.says == "andon.rejected":
            plain |= {"trigger": told.why.partition(":")[0], "why": told.why}
        if told.warns:
            plain |= {"notify": told.warns, "people": self.on_duty(told.warns)}
        if told.says.startswith("andon.bypass") and told.why:
            plain["reason"] = told.why
        if told.until_ns is not None:
            plain["for_s"] = seconds(told.until_ns - self._clock.mono_ns())
            if self.clock_is_set():
                plain["until"] = self.stamp(told.until_ns)
        return plain

    def _call_said(self, told: Told, at_ns: int) -> dict[str, Any]:
        call, post = told.call, told.post
        assert call is not None, "it is about a call"
        assert post is not None, "a call has a post"
        plain = self._said(told) | {
            "call": call.id,
            "level": told.level or call.level,
            "stops": self.may_stop((told.station, told.category)),
            "due": self._due(told),
        }
        if told.says == "andon.raised":
            return plain
        plain |= lasted(call, at_ns)
        if self.gap_unknown(call.raised_ns):
            plain["unobserved_s"] = None
        if told.says == "andon.closed":
            plain["reason"] = call.reason
        if told.says == "andon.escalated":
            plain |= self.notified(told)
        return plain

    def _due(self, told: Told) -> str | None:
        due_ns = self.due(told.segment) if told.segment else None
        known = due_ns is not None and self.clock_is_set()
        return self.stamp(due_ns) if known and due_ns is not None else None

    def stamp(self, at_ns: int) -> str:
        """Give a moment of the monotonic clock as people write it."""
        ahead_ns = at_ns - self._clock.mono_ns()
        return wire.rfc3339(self._clock.wall_ns() + ahead_ns).decode()

    # -- stops ---------------------------------------------------------------------------------

    def _tell_stop(self, told: Told, at_ns: int) -> None:
        stop = told.stop
        assert stop is not None, "it is about a stop"
        if told.says == STARTED:
            stop.id = self.next_id()
        plain = self._stop_said(told.segment, stop)
        if told.says == ENDED:
            plain |= self._stop_lasted(stop)
        self.write("stop", told.segment, told.says, plain, at_ns, segment=told.segment)

    def _stop_said(self, segment: str, stop: Stop) -> dict[str, Any]:
        return {
            "stop": stop.id,
            "segment": segment,
            "calls": stop.calls,
            "primary": stop.primary,
            "category": stop.category or None,
            "station": stop.station or None,
            "shift": self.shift(self._wall(stop.began_ns)),
        }

    def _stop_lasted(self, stop: Stop) -> dict[str, Any]:
        assert stop.ended_ns is not None, "it is over"
        began_ns, ended_ns = self._wall(stop.began_ns), self._wall(stop.ended_ns)
        by_shift, at_ns = [], began_ns
        for shift, part_ns in self.split(began_ns, ended_ns):
            worked_ns = self.net_ns(at_ns, at_ns + part_ns)
            at_ns += part_ns
            if shift or worked_ns:
                by_shift.append({"shift": shift or None, "stop_s": seconds(worked_ns)})
        return {
            "duration_s": seconds(stop.ended_ns - stop.began_ns),
            "unobserved_s": None
            if self.gap_unknown(stop.began_ns)
            else seconds(stop.unobserved_ns),
            "by_shift": by_shift,
            "scheduled_s": seconds(self.net_ns(began_ns, ended_ns)),
        }

    def _wall(self, at_ns: int) -> int:
        return self._clock.wall_ns() - (self._clock.mono_ns() - at_ns)


def lasted(call: Call, at_ns: int) -> dict[str, Any]:
    """Say how old a call is, and what became of it so far; seconds."""
    plain: dict[str, Any] = {
        "age_s": seconds(at_ns - call.raised_ns),
        "stopped": call.stopped_ns is not None,
        "ack_implied": call.ack_implied,
        "repeat_count": call.repeats,
    }
    if call.acked_ns is not None:
        plain["tta_s"] = seconds(call.acked_ns - call.raised_ns)
    if call.cleared_ns is not None:
        plain["ttr_s"] = seconds(call.cleared_ns - call.raised_ns)
    if call.unobserved_ns:
        plain["unobserved_s"] = seconds(call.unobserved_ns)
    return plain


def seconds(ns: int) -> float:
    """Give a duration in seconds, to the millisecond; never less than none."""
    return round(max(ns, 0) / 1e9, 3)
