"""The stations of this agent: reads come in, events and answers go out.

Rules:
1. A read is answered once: accepted when its event is on the disk, rejected with a reason,
   suppressed when it repeats one that is pending or was answered a moment ago.
2. A repeat shares the answer of its first. The window is that of the device, counted from the
   later of capture and answer; it does not slide, and a refusal clears it.
3. Only ids are repeats of each other: two labels without a serial are two containers.
4. Room in the outbox is asked for before anything moves. No room now: the device is held. No room
   for long: the read is refused as `storage`, which is answered and counted and makes no event.
5. What happens at a station in training says so, whatever it is.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from edge_agent.device_alarms import DeviceAlarms
from edge_agent.dispatch import Stream, Where
from edge_agent.gaps import Gap
from edge_agent.labels import aim
from edge_agent.labels.decoder import Decoder
from edge_agent.labels.label import PLAIN
from edge_agent.outbox import PAYLOAD_GUESS_BYTES, Outbox
from edge_agent.ports import Flaw, Lane, Outcome, Source
from edge_agent.quarantine import Quarantines
from edge_agent.records import DiskTrouble, Restored
from edge_agent.storage import Room
from edge_agent.urgent import Urgent, nobody_trains
from edge_agent.wire import messages
from edge_agent.wire.messages import AlarmKind, GapReason, PreviousEnd, Stretch
from edge_agent.wire.payload import NORMAL, TRAINING, Envelope, ScanTemplate, labelled
from edge_agent.wire.topics import Topics

ANSWERS_MAX: Final = 256
"""Answers remembered per device, by which a repeat is known; the oldest is forgotten first."""

# looking up a member of an enumeration makes garbage, and these are for every scan
_NORMAL: Final = Lane.NORMAL
_YES: Final = Room.YES
_ACCEPTED: Final = Outcome.ACCEPTED

_log = logging.getLogger(__name__)

_MESSAGES: Final = {
    Flaw.EMPTY: "the reader sent nothing; scan again",
    Flaw.TOO_LONG: "the code is longer than this reader may send; see line_bytes_max",
}


class _Heard:
    """What was answered to one text of one device."""

    __slots__ = ("answered_ns", "captured_ns", "event_id", "sharing")

    def __init__(self, captured_ns: int) -> None:
        self.captured_ns = captured_ns
        self.answered_ns = -1
        self.event_id = ""
        self.sharing = 0


class _Reader:
    """One source and what its events are made of."""

    __slots__ = (
        "heard",
        "oldest",
        "read",
        "rejected",
        "source",
        "stream",
        "template",
        "trained_read",
        "trained_rejected",
    )

    def __init__(self, source: Source) -> None:
        self.source = source
        self.template = ScanTemplate(source.name)
        self.heard: dict[bytes, _Heard] = {}
        self.oldest: deque[bytes] = deque()  # the texts of `heard`, in the order they came
        self.read: Envelope
        self.rejected: Envelope
        self.trained_read: Envelope
        self.trained_rejected: Envelope
        self.stream: Stream


_Pending = tuple[int, _Reader, bytes, "_Heard | None", str]


class Line:
    """Routes reads to the outbox and answers to the sources; tells of the storage."""

    def __init__(self, *, topics: Topics, agent: str, version: str, outbox: Outbox) -> None:
        self._topics = topics
        self._agent = agent
        self._version = version
        self._outbox = outbox
        self._clock = outbox.clock
        self._readers: dict[str, _Reader] = {}
        self._pending: deque[_Pending] = deque()
        self._awaiting: list[tuple[Source, Callable[[], None]]] = []
        self._storage_since_ns = -1
        self.urgent = Urgent(topics=topics, agent=agent, outbox=outbox)
        self.devices = DeviceAlarms(outbox.clock, self.urgent)
        self.tell = self.devices.tell
        self._quarantines = Quarantines(outbox, self.urgent, self._lost)
        self.received = 0
        self.accepted = 0
        self.rejected = 0
        self.suppressed = 0
        self.refused_storage = 0
        self.decoder = Decoder()
        self.scanned: Callable[[str, str, int], bool] | None = None
        self.heard: Callable[[str, str, int], bool] | None = None
        """Who is told of a scan that is refused: who answers a call is heard nevertheless."""
        self.answered: Callable[[str, bool], None] | None = None
        """What shows an answer at its station beside the reader: where there is something."""
        self.in_training: Callable[[str], bool] = nobody_trains
        outbox.dispatch.gap_topic = topics.agent_alarm(agent)

    # -- devices -------------------------------------------------------------------------------

    def add(self, source: Source) -> None:
        """Take a source in; it may read as soon as the journal is open."""
        reader = self._readers[source.name] = _Reader(source)
        if self._outbox.open:
            self._equip(reader)

    def remove(self, source: Source) -> None:
        """Let a source go; what it still waits for is answered to it all the same."""
        del self._readers[source.name]
        self.devices.removed(source)

    def when_answered(self, source: Source, then: Callable[[], None]) -> None:
        """Call `then` once no read of the source waits for its answer; at once when none does."""
        if any(reader.source is source for _, reader, *_ in self._pending):
            self._awaiting.append((source, then))
        else:
            then()

    def sources(self) -> list[Source]:
        """Give the sources, in the order they came."""
        return [reader.source for reader in self._readers.values()]

    def _equip(self, reader: _Reader) -> None:
        station = reader.source.station
        source = self._topics.source_of_station(station)
        reader.read = self._envelope(source, "scan.read", NORMAL)
        reader.rejected = self._envelope(source, "scan.rejected", NORMAL)
        reader.trained_read = self._envelope(source, "scan.read", NORMAL + TRAINING)
        reader.trained_rejected = self._envelope(source, "scan.rejected", NORMAL + TRAINING)
        reader.stream = self._outbox.stream(self._topics.scan(station))

    def _envelope(self, source: str, kind: str, lane: str) -> Envelope:
        return Envelope(
            source=source,
            kind=kind,
            lane=lane,
            agent=self._agent,
            epoch=self._outbox.epoch,
        )

    # -- reads ---------------------------------------------------------------------------------

    def read(
        self, source: Source, raw: bytes, at_mono_ns: int, at_wall_ns: int, flaw: Flaw
    ) -> bool:
        """Take one read; False when the source is to hold it and everything behind it."""
        reader = self._readers[source.name]
        window_ns = source.repeat_window_ns
        heard = None
        if window_ns and not flaw:
            heard = reader.heard.get(raw)
            if heard is not None:
                if heard.answered_ns < 0:
                    self.received += 1
                    heard.sharing += 1
                    return True
                if at_mono_ns - heard.answered_ns <= window_ns:
                    self.received += 1
                    self._suppress(reader, raw, heard)
                    return True
                del reader.heard[raw]
                reader.oldest.remove(raw)
                heard = None
        outbox = self._outbox
        room = outbox.room(_NORMAL, len(raw) + PAYLOAD_GUESS_BYTES)
        if room is not _YES:
            return self._no_room(reader, raw, room)
        self.received += 1
        if flaw:
            self._reject(reader, raw, at_mono_ns, at_wall_ns, flaw)
            return True
        symbology, text = aim.split(raw)
        if window_ns and aim.is_one_of_a_kind(symbology, text):
            heard = _Heard(at_mono_ns)
            remembered = reader.heard
            if len(remembered) >= ANSWERS_MAX:
                del remembered[reader.oldest.popleft()]
            remembered[raw] = heard
            reader.oldest.append(raw)
        if self.scanned is not None:
            self.scanned(source.station, text.decode("utf-8", "replace"), at_mono_ns)
            outbox.room(_NORMAL, len(raw) + PAYLOAD_GUESS_BYTES)
        data = self._decoded(reader.template, text, symbology)
        said = reader.trained_read if self.in_training(source.station) else reader.read
        seq = outbox.record(reader.stream, _NORMAL, said, at_wall_ns, at_mono_ns, data)
        self._pending.append((seq, reader, raw, heard, ""))
        return True

    def _decoded(self, template: ScanTemplate, text: bytes, symbology: str | None) -> bytes:
        if symbology is None and self.decoder.is_opaque(text):
            return template.read(text)
        words = text.decode("utf-8", "replace")
        kind, _, ids, fields, warnings, error = self.decoder.text(words, symbology)
        if kind is PLAIN and not ids and error is None:
            return template.read(text, symbology)
        return template.read(text, symbology, labelled(kind, fields, ids, warnings, error))

    def _no_room(self, reader: _Reader, raw: bytes, room: Room) -> bool:
        if room is Room.WAIT:
            return False
        self.received += 1
        if self.heard is not None:
            text = aim.split(raw)[1].decode("utf-8", "replace")
            self.heard(reader.source.station, text, self._clock.mono_ns())
        _log.warning("%s: a scan was refused: the journal has no room", reader.source.name)
        self._refuse(reader, raw)
        return True

    def _refuse(self, reader: _Reader, raw: bytes) -> None:
        self.rejected += 1
        self.refused_storage += 1
        self._answer(reader, raw, Outcome.REJECTED, None, "storage")

    def refuse_pending(self) -> None:
        """Refuse every read that still waits for the disk: the agent ends."""
        while self._pending:
            _, reader, raw, heard, _ = self._pending.popleft()
            for _ in range(1 if heard is None else 1 + heard.sharing):
                self._refuse(reader, raw)

    def _reject(
        self, reader: _Reader, raw: bytes, at_mono_ns: int, at_wall_ns: int, flaw: Flaw
    ) -> None:
        data = reader.template.rejected(raw, None, flaw.value, _MESSAGES[flaw])
        trained = self.in_training(reader.source.station)
        said = reader.trained_rejected if trained else reader.rejected
        seq = self._outbox.record(reader.stream, _NORMAL, said, at_wall_ns, at_mono_ns, data)
        self._pending.append((seq, reader, raw, None, flaw.value))

    def _suppress(self, reader: _Reader, raw: bytes, heard: _Heard) -> None:
        self.suppressed += 1
        self._answer(reader, raw, Outcome.SUPPRESSED, heard.event_id, None)

    def _answer(
        self,
        reader: _Reader,
        raw: bytes,
        outcome: Outcome,
        event_id: str | None,
        reason: str | None,
    ) -> None:
        reader.source.answer(raw, outcome, event_id, reason)
        if self.answered is not None:
            self.answered(reader.source.station, reason is None)

    # -- what the outbox says ------------------------------------------------------------------

    def committed(self, upto: int) -> None:
        """Answer every read whose event is on the disk now."""
        pending = self._pending
        outbox = self._outbox
        now_ns = self._clock.mono_ns()
        while pending and pending[0][0] <= upto:
            seq, reader, raw, heard, reason = pending.popleft()
            event_id = outbox.event_id(seq)
            if reason:
                self.rejected += 1
                self._answer(reader, raw, Outcome.REJECTED, event_id, reason)
                continue
            self.accepted += 1
            self._answer(reader, raw, _ACCEPTED, event_id, None)
            if heard is not None:
                heard.event_id = event_id
                heard.answered_ns = now_ns
                while heard.sharing:
                    heard.sharing -= 1
                    self._suppress(reader, raw, heard)
        awaiting = self._awaiting
        for _ in range(len(awaiting)):
            self.when_answered(*awaiting.pop(0))
        self.urgent.retry()

    def room_again(self) -> None:
        """Let the held devices go on, after the alarms that wait."""
        self.urgent.retry()
        for reader in self._readers.values():
            reader.source.resume()

    def opened(self, restored: Restored) -> None:
        """Prepare what events are made of, and say what the boot found."""
        outbox = self._outbox
        for reader in self._readers.values():
            self._equip(reader)
        unknown = PreviousEnd.QUARANTINED if restored.quarantined else PreviousEnd.NONE
        end = {"clean": PreviousEnd.CLEAN, "running": PreviousEnd.CUT}.get(
            restored.meta.get("run", ""), unknown
        )
        self.agent_event(messages.AGENT_STARTED, messages.agent_started(self._version, end, None))
        self.urgent.opened(restored)
        if outbox.trouble is not None:  # it began before anything could be written
            self._raise_storage(outbox.trouble)
        for first, last in restored.missing:
            self._lost(restored.epoch, first, last)
        self._quarantines.opened(restored)

    def storage(self, trouble: DiskTrouble | None) -> None:
        """Say that the disk is in trouble, or well again; the alarm itself waits for the disk."""
        now_ns = self._clock.mono_ns()
        if trouble is not None:
            _log.error(
                "the journal is not being kept: %s: %s; %s",
                *(trouble.kind, trouble.why, trouble.remedy),
            )
            if self._storage_since_ns < 0:
                self._storage_since_ns = now_ns
                self._raise_storage(trouble)
        elif self._storage_since_ns >= 0:
            lasted_s = (now_ns - self._storage_since_ns) / 1e9
            self._storage_since_ns = -1
            _log.warning("the journal is being kept again after %.1f s", lasted_s)
            data = messages.alarm_cleared(
                "storage", AlarmKind.STORAGE, "the journal is being kept again", lasted_s
            )
            self.urgent.of_agent(messages.ALARM_CLEARED, data, "storage")
            self.urgent.retry()

    def unsure(self, unsure: bool) -> None:
        """Say that it is not known what was open on the line, or that hands have started it."""
        if unsure:
            why = "the journal is damaged: it is not known which calls and stops were open"
            remedy = "look at every station, then press start at every line that stands"
            _log.error("%s; %s", why, remedy)
            data = messages.alarm_raised("line", AlarmKind.PROCESS, why, remedy)
            self.urgent.of_agent(messages.ALARM_RAISED, data, "line")
        else:
            why = "every line was looked at, and started"
            data = messages.alarm_cleared("line", AlarmKind.PROCESS, why, None)
            self.urgent.of_agent(messages.ALARM_CLEARED, data, "line")

    def _raise_storage(self, trouble: DiskTrouble) -> None:
        data = messages.alarm_raised(
            "storage", AlarmKind.STORAGE, f"{trouble.kind}: {trouble.why}", trouble.remedy
        )
        self.urgent.of_agent(messages.ALARM_RAISED, data, "storage")

    def gap(self, epoch: str, first: int, last: int, reason: str, where: Where) -> None:
        """Say that numbers will never come, and why."""
        why = messages.GAP_REASONS.get(reason, GapReason.REFUSED)
        streams = () if where is None else (Stretch(where[0], where[1], where[1]),)
        _log.error("events %s-%d to %d will never be published: %s", epoch, first, last, reason)
        self.urgent.gap(Gap(epoch, first, last, why, streams))

    def _lost(self, epoch: str, first: int, last: int) -> None:
        self.gap(epoch, first, last, "unsound", None)

    # -- alarms --------------------------------------------------------------------------------

    def agent_event(self, kind: str, data: bytes) -> None:
        """Record an urgent event of the agent itself; dropped before the journal is open."""
        self.urgent.of_agent(kind, data)

    # -- figures -------------------------------------------------------------------------------

    def reads(self) -> dict[str, int]:
        """Give the counters that balance: received = accepted + rejected + suppressed + pending."""
        answered = self.accepted + self.rejected + self.suppressed
        return {
            "received": self.received,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "suppressed": self.suppressed,
            "pending": self.received - answered,
            "refused_storage": self.refused_storage,
        }
