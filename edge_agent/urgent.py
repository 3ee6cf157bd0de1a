"""Urgent events of the line and of the agent: written at once, or as soon as there is room.

Rules:
1. What finds no room in the journal waits here, with the moment at which it happened; what comes
   behind it waits as well, so that the order is kept.
2. It is tried again with every commit, and every second.
3. Gaps that wait are in the journal's books, in the commit that sets their numbers aside: a cut
   does not leave a number unexplained. Alarms are not: who restarts looks at its devices anew.
"""

import logging
from collections.abc import Callable
from typing import Final, NamedTuple

from edge_agent.dispatch import Stream
from edge_agent.gaps import Gap, Unsaid
from edge_agent.outbox import PAYLOAD_GUESS_BYTES, Outbox
from edge_agent.ports import Lane
from edge_agent.reactor import NEVER
from edge_agent.records import Restored
from edge_agent.storage import Room
from edge_agent.wire import messages
from edge_agent.wire.payload import TRAINING, URGENT, Envelope
from edge_agent.wire.topics import Topics

HELD_MAX: Final = 256
"""Urgent events that wait for room, gaps apart (`gaps.UNSAID_MAX`). At one more, only the latest
of each alarm stays, for what is true now is what counts; if that makes no room the oldest goes.
Both are counted."""

RETRY_NS: Final = 1_000_000_000
"""How often it is looked for room while something waits for it and nothing is written."""

_log = logging.getLogger(__name__)


def nobody_trains(_station: str) -> bool:
    """Say of every station that it is not in training."""
    return False


class _Held(NamedTuple):
    station: str | None
    kind: str
    alarm: str
    at_mono_ns: int
    data: bytes
    training: bool = False


class Urgent:
    """Records urgent events; `alarm` names the condition that one raises or clears."""

    def __init__(self, *, topics: Topics, agent: str, outbox: Outbox) -> None:
        self._topics = topics
        self._agent = agent
        self._outbox = outbox
        self._clock = outbox.clock
        self._made: dict[tuple[str | None, str, bool], tuple[Stream, Envelope]] = {}
        self.in_training: Callable[[str], bool] = nobody_trains
        self._held: list[_Held] = []
        self._unsaid = Unsaid()
        self._noted = False
        self.thinned = 0
        self.lost = 0
        self._again = outbox.reactor.timer(self._on_again)

    def opened(self, restored: Restored) -> None:
        """Take up the gaps that the last run could not say."""
        self._unsaid.restore(restored.meta)
        self._noted = bool(self._unsaid.gaps)
        self.retry()

    def of_agent(self, kind: str, data: bytes, alarm: str = "") -> None:
        """Record an urgent event of the agent itself; dropped before the journal is open."""
        self._event(_Held(None, kind, alarm, self._clock.mono_ns(), data))

    def of_station(self, station: str, kind: str, data: bytes, alarm: str = "") -> None:
        """Record an urgent event of a station; dropped before the journal is open."""
        training = self.in_training(station)
        self._event(_Held(station, kind, alarm, self._clock.mono_ns(), data, training))

    def gap(self, gap: Gap) -> None:
        """Say that numbers will never come, once."""
        if not self._outbox.open:
            return
        if self.waits() or not self._say(gap):
            self._unsaid.add(gap)
            self._wait()

    def counters(self) -> dict[str, int]:
        """Say how many wait for room, and what became of those that found none for long."""
        return {
            "urgent_unwritten": len(self._held) + len(self._unsaid.gaps),
            "urgent_thinned": self.thinned,
            "urgent_lost": self.lost,
            "gaps_widened": self._unsaid.widened,
        }

    # -- room, or none -------------------------------------------------------------------------

    def _event(self, event: _Held) -> None:
        if not self._outbox.open:
            return
        if self.waits() or not self._record(event):
            self._held.append(event)
            if len(self._held) > HELD_MAX:
                self._thin()
            self._wait()

    def retry(self) -> None:
        """Write what waits, in order, as far as there is room; gaps come after the rest."""
        if not self.waits():
            return
        held, gaps = self._held, self._unsaid.gaps
        while held and self._record(held[0]):
            held.pop(0)
        while gaps and not held and self._say(gaps[0]):
            gaps.pop(0)
        if not self.waits():
            _log.warning("the alarms that waited for room are in the journal")
        self._note()

    def waits(self) -> bool:
        """Say whether something found no room and is not in the journal yet."""
        return bool(self._held or self._unsaid.gaps)

    def _wait(self) -> None:
        if self._again.due_ns == NEVER:
            _log.error("alarms find no room in the journal; they wait in memory")
            self._again.due_ns = self._clock.mono_ns() + RETRY_NS
        self._note()

    def _on_again(self, now_ns: int) -> int:
        self.retry()
        return now_ns + RETRY_NS if self.waits() else NEVER

    def _note(self) -> None:
        """Have the gaps that wait remembered, or that none waits any more."""
        if self._unsaid.gaps or self._noted:
            self._noted = bool(self._unsaid.gaps)
            self._outbox.note_meta(*self._unsaid.books())

    def _thin(self) -> None:
        latest = {(event.station, event.alarm): event for event in self._held if event.alarm}
        kept = [
            event
            for event in self._held
            if not event.alarm or latest[event.station, event.alarm] is event
        ]
        self.thinned += len(self._held) - len(kept)
        if len(kept) > HELD_MAX:
            self.lost += 1
            _log.error("an alarm found no room for too long: %s", kept[0].data.decode())
            del kept[0]
        self._held = kept

    # -- writing -------------------------------------------------------------------------------

    def _say(self, gap: Gap) -> bool:
        reason = messages.GapReason(gap.reason)
        data = messages.outbox_gap(gap.epoch, gap.first, gap.last, reason, gap.streams)
        now_ns = self._clock.mono_ns()
        return self._record(_Held(None, messages.OUTBOX_GAP, "", now_ns, data))

    def _record(self, event: _Held) -> bool:
        if self._outbox.room(Lane.URGENT, len(event.data) + PAYLOAD_GUESS_BYTES) is not Room.YES:
            return False
        stream, envelope = self._made_of(event)
        ago_ns = self._clock.mono_ns() - event.at_mono_ns
        at_wall_ns = self._clock.wall_ns() - ago_ns
        self._outbox.record(stream, Lane.URGENT, envelope, at_wall_ns, event.at_mono_ns, event.data)
        return True

    def _made_of(self, event: _Held) -> tuple[Stream, Envelope]:
        station, kind = event.station, event.kind
        made = self._made.get((station, kind, event.training))
        if made is not None:
            return made
        topics, agent = self._topics, self._agent
        if station is None:
            source, topic = topics.source_of_agent(agent), topics.agent_alarm(agent)
        else:
            source, topic = topics.source_of_station(station), topics.alarm(station)
        envelope = Envelope(
            source=source,
            kind=kind,
            lane=URGENT + TRAINING if event.training else URGENT,
            agent=agent,
            epoch=self._outbox.epoch,
        )
        made = self._made[station, kind, event.training] = (self._outbox.stream(topic), envelope)
        return made
