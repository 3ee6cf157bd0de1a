"""The outbox: numbers events, asks for room before anything moves, hands them to the journal.

Rules:
1. An event has its number before it is written and keeps it for ever: `seq` without gaps for the
   agent, `streamseq` without gaps for its topic.
2. Nothing is handed to the uplink, and nobody is answered, before the journal has committed it.
3. What was admitted is retried, never rolled back. At most one commit is outstanding; what comes
   meanwhile is the next batch.
4. The cursor of what is acknowledged rides in the last row of a batch, which costs nothing.
All of it runs in the reactor's thread.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from edge_agent.dispatch import Asking, Carrier, Dispatch, Pending, Stream, Where
from edge_agent.gaps import Known, Losses
from edge_agent.notes import Notes
from edge_agent.numbering import Numbering, rows
from edge_agent.ports import Clock, Lane
from edge_agent.reactor import Reactor
from edge_agent.records import (
    SALVAGED,
    Batch,
    Broken,
    Cursor,
    DiskTrouble,
    Kept,
    NewerJournal,
    Restored,
    row_crc,
)
from edge_agent.storage import Limits, Room, Storage
from edge_agent.wire import payload as wire

PENDING_EVENTS_MAX: Final = 16_384
PENDING_BYTES_MAX: Final = 8 * 1024 * 1024
"""What may wait in memory while the disk stalls or fails; beyond it scanners are held."""

PENDING_URGENT_EXTRA: Final = 2_048
"""Events by which urgent ones may exceed the bound above; they are few, and not to be refused."""

PAYLOAD_GUESS_BYTES: Final = 160
"""What an event weighs beside its own text or data, when room is asked for."""

SMALL_BYTES: Final = 256
"""An event with more than this of its own is weighed exactly while it waits in memory."""

BATCH_EVENTS_MAX: Final = 1_024
"""Events of one commit; more wait for the next, but for the rest of an act: it is not parted."""

HOUSEKEEPING_EVENTS: Final = 256
"""Every so many events a commit carries a snapshot and a trim."""

CURSOR_IDLE_NS: Final = 60_000_000_000
"""A cursor that no event carries is written alone after so long."""

_COMMIT_TIMES: Final = 256

_YES: Final = Room.YES  # looking up a member of an enumeration makes garbage


class Keeping(Asking, Protocol):
    """What the outbox needs of the journal's writer."""

    def commit(self, batch: Batch) -> None: ...


class Answering(Protocol):
    """Who wants to know what the outbox lives through: the line."""

    def opened(self, restored: Restored) -> None: ...
    def committed(self, upto: int) -> None: ...
    def room_again(self) -> None: ...
    def storage(self, trouble: DiskTrouble | None) -> None: ...
    def gap(self, epoch: str, first: int, last: int, reason: str, where: Where) -> None: ...


class Outbox:
    """Numbers, admission and batches; `dispatch` has what is committed, `storage` the quota.

    The composition root calls `connect` before the journal opens.
    """

    answering: Answering
    writer: Keeping

    def __init__(self, reactor: Reactor, clock: Clock, limits: Limits) -> None:
        self.reactor = reactor
        self.clock = clock
        self.storage = Storage(limits)
        self.dispatch = Dispatch(clock, self)
        self.epoch = ""
        self.clock_word = wire.UNSYNCED
        self.high = 0
        self.committed_upto = 0
        self.open = False
        self.trouble: DiskTrouble | None = None
        self.lost: NewerJournal | Broken | None = None
        self.known = Known()
        self._numbering = Numbering()
        self._body = wire.BodyTemplate(clock.boot)
        self._gathering: list[Pending] = []
        self._batch = Batch()
        self._running: list[Pending] = []
        self._running_batch: Batch | None = None
        self._notes = Notes()
        self._running_heeding: list[Callable[[], None]] = []
        self._began_ns = 0
        self._seal_asked = False
        self._pending_bytes = self._asked_bytes = self._running_bytes = 0
        self._since_housekeeping = 0
        self._cursor_written = Cursor()
        self._anyone_waits = False
        self.commits = 0
        self.commit_times_ns: deque[int] = deque(maxlen=_COMMIT_TIMES)
        self._idle = reactor.timer(self._write_cursor)

    def connect(self, answering: Answering, writer: Keeping, carrier: Carrier) -> None:
        """Make known whom to answer, who writes, and who carries away."""
        self.answering = answering
        self.writer = self.dispatch.journal = writer
        self.dispatch.carrier = carrier

    def opened(self, restored: Restored) -> None:
        """Take up what the journal has kept."""
        self.epoch = restored.epoch
        self.high = self.committed_upto = restored.high
        self._numbering.opened(restored)
        now_ns = self.clock.mono_ns()
        losses = Losses.of(restored)
        self.known.opened(restored, losses)
        if losses.fresh:
            self.note_meta(losses.key, losses.books)
        self.dispatch.opened(restored, losses.total)
        self.storage.opened(restored.kept, restored.high, now_ns)
        self._cursor_written = restored.cursor
        self.open = True
        self._idle.due_ns = now_ns + CURSOR_IDLE_NS
        self.answering.opened(replace(restored, missing=losses.fresh))

    # -- recording -----------------------------------------------------------------------------

    def room(self, lane: Lane, size_bytes: int) -> Room:
        """Say whether an event of about this size may come now."""
        if not self.open or self.lost is not None:
            return Room.NO
        if self.trouble is not None and not lane and self.trouble.kind in ("full", "read-only"):
            return Room.NO
        pending_bytes = self._asked_bytes = self._pending_bytes + size_bytes
        waiting = len(self._gathering) + len(self._running)
        bound = PENDING_EVENTS_MAX if not lane else PENDING_EVENTS_MAX + PENDING_URGENT_EXTRA
        if waiting >= bound or (not lane and pending_bytes > PENDING_BYTES_MAX):
            self._anyone_waits = True
            return Room.WAIT
        if pending_bytes <= self.storage.easy_bytes:
            return _YES
        upto, salvaged = self.dispatch.settled_upto(), self.dispatch.acknowledged_upto(SALVAGED)
        room = self.storage.room(pending_bytes, upto, urgent=bool(lane), salvaged_upto=salvaged)
        if room is Room.WAIT:
            self._anyone_waits = True
            self._ask_seal()
        return room

    def stream(self, topic: str) -> Stream:
        """Give the numbers of a topic; one seen for the first time is journalled as well."""
        return self._numbering.stream(topic, self._batch)

    def record(
        self,
        stream: Stream,
        lane: int,
        envelope: wire.Envelope,
        at_wall_ns: int,
        at_mono_ns: int,
        data: bytes,
    ) -> int:
        """Give an event its number and have it written; returns `seq`. Room was asked for."""
        seq = self.high = self.high + 1
        n = stream.n = stream.n + 1
        if not envelope.number:
            self._numbering.enrol(envelope, self.epoch, self._batch)
        body = self._body.render(at_wall_ns, at_mono_ns, self.clock_word, data)
        # what room was asked for is near enough, and adding up makes garbage; not so for long texts
        small = len(data) <= SMALL_BYTES
        self._pending_bytes = self._asked_bytes if small else self._pending_bytes + len(body)
        self._gathering.append((seq, lane, stream, n, body, at_mono_ns, envelope))
        if lane:
            self.dispatch.hurry()
        if not self._seal_asked:
            self._ask_seal()
        return seq

    def event_id(self, seq: int) -> str:
        """Give the id of an event of this epoch."""
        return f"{self.epoch}-{seq:012d}"

    def note_command(
        self, command_id: str, result: str, then: Callable[[], None], *, since: int = 0
    ) -> None:
        """Have it remembered that a command was executed; `then` is called once it is.

        `since` is the first event that it has made; 0 for none.
        """
        self._notes.command(command_id, since or self.high + 1, self.high, result, then)
        self._ask_seal()

    def note_boot(self, boot: str, offset_ns: int) -> None:
        """Have it remembered what the wall clock of a boot was, once it is known."""
        self._batch.boots.append((boot, offset_ns))
        self._ask_seal()
        self.dispatch.know_boot(boot, offset_ns)

    def note_meta(self, key: str, value: str) -> None:
        """Have a small fact remembered, in place of what was to be written under its key."""
        self._batch.meta = [*(pair for pair in self._batch.meta if pair[0] != key), (key, value)]
        self._ask_seal()

    def note_snapshot(self, name: str, body: bytes, *, since: int = 0) -> None:
        """Have a state written in the commit of the events that it is the fold of.

        `since` is the first event that changed it since it was noted last; 0 for none.
        """
        self._notes.state(name, since or self.high + 1, self.high, body)
        self._ask_seal()

    # -- batches -------------------------------------------------------------------------------

    def _ask_seal(self) -> None:
        """Seal when this turn is over, so that a burst shares a commit."""
        if not self._seal_asked and self._running_batch is None and self.open:
            self._seal_asked = True
            self.reactor.again(self._seal)

    def _seal(self) -> None:
        self._seal_asked = False
        if self._running_batch is not None:
            return
        count = min(len(self._gathering), BATCH_EVENTS_MAX)
        if count < len(self._gathering):
            first = self._gathering[0][0]
            count = self._notes.end_of(first + count - 1) - first + 1
        pending, self._gathering = self._gathering[:count], self._gathering[count:]
        self._since_housekeeping += len(pending)
        batch = self._part_of_batch(pending) if self._gathering else self._whole_batch()
        if not pending and batch.empty():
            return
        if pending:
            self._stamp(pending)
            self._running_bytes = (
                sum([len(item[4]) for item in pending]) if self._gathering else self._pending_bytes
            )
            batch.rows = rows(pending)
            self._put_cursor(batch)
        elif batch.trim is not None:
            self._put_cursor_beside(batch)  # the row that has it may go
        self._running, self._running_batch = pending, batch
        self._began_ns = self.clock.mono_ns()
        self.writer.commit(batch)

    def _part_of_batch(self, pending: list[Pending]) -> Batch:
        """Take what these events need, and what belongs to them; the rest waits."""
        batch = Batch(streams=self._batch.streams, envelopes=self._batch.envelopes)
        self._batch.streams, self._batch.envelopes = [], []
        self._running_heeding = self._notes.take(batch, pending[-1][0])
        return batch

    def _whole_batch(self) -> Batch:
        """Take everything, the notes and who waits for them; now and then keep house as well."""
        batch, self._batch = self._batch, Batch()
        self._running_heeding = self._notes.take(batch, self.high)
        if self._since_housekeeping >= HOUSEKEEPING_EVENTS or self.storage.trim_wanted:
            self._keep_house(batch)  # the snapshot is of all that is numbered
        return batch

    def _stamp(self, pending: list[Pending]) -> None:
        """Write into each body, in its place, when its commit begins: now."""
        stamp = bytearray(wire.rfc3339(self.clock.wall_ns()))  # of bytes a copy would be made
        at, end = wire.BODY_RECORDED_AT, wire.BODY_RECORDED_END
        for _, _, _, _, body, _, _ in pending:
            body[at:end] = stamp

    def _put_cursor(self, batch: Batch) -> None:
        cursor = self.dispatch.cursor()
        if cursor == self._cursor_written:
            return
        seq, lane, stream, n, _, _, body, envelope = batch.rows[-1]
        text = cursor.text()
        crc = row_crc(seq, lane, stream, text, body, envelope)
        batch.rows[-1] = (seq, lane, stream, n, text, crc, body, envelope)
        self._cursor_written = cursor
        self.dispatch.acks_unwritten = 0

    def _keep_house(self, batch: Batch) -> None:
        """Add the snapshot and the trim; the snapshot is of the moment after this batch's rows."""
        self._since_housekeeping = 0
        batch.snapshots.append(("streams", self.high, self._numbering.snapshot()))
        cursor = self.dispatch.cursor()
        batch.trim = self.storage.trim(
            self.high, self.dispatch.settled_upto(), cursor.salvaged, self.clock.mono_ns()
        )

    def committed(self, answer: tuple[Kept | None, int]) -> None:
        """Take the journal's word for the running batch: answer, hand over, seal the next."""
        kept, took_ns = answer
        pending, self._running, self._running_batch = self._running, [], None
        heeding, self._running_heeding = self._running_heeding, []
        self.commits += 1
        self.commit_times_ns.append(took_ns)
        if pending:
            payload_bytes = sum([len(item[4]) for item in pending])
            self._pending_bytes -= self._running_bytes
            self._asked_bytes = self._pending_bytes
            self.storage.written(payload_bytes, len(pending))
            self.committed_upto = pending[-1][0]
        if kept is not None:
            self.storage.trimmed(kept)
            self.known.trimmed(kept)
        if self._gathering or not (self._batch.empty() and self._notes.empty()):
            self._seal()  # before the answers: the disk is the slowest of all
        if pending:
            self.answering.committed(self.committed_upto)
            self.dispatch.committed(pending)
        for then in heeding:
            then()
        self._let_go_on()

    def _let_go_on(self) -> None:
        if self._anyone_waits:
            self._anyone_waits = False
            self.answering.room_again()

    def troubled(self, trouble: DiskTrouble | None) -> None:
        """Take the journal's word that the disk is in trouble, or well again."""
        self.trouble = trouble
        self.answering.storage(trouble)
        self._let_go_on()

    def lost_file(self, why: NewerJournal | Broken) -> None:
        """Take the journal's word that there is no going on with this file."""
        self.lost = why

    # -- what the dispatch tells ---------------------------------------------------------------

    def put_aside(self, lane: int, seq: int, reason: str) -> None:
        """Have it written that an event is set aside."""
        self._batch.aside.append((lane, seq, reason))
        self._ask_seal()

    def explain(self, epoch: str, number: int, reason: str, where: Where) -> None:
        """Have an event say that a number will not come; no epoch means this one."""
        self.answering.gap(epoch or self.epoch, number, number, reason, where)

    def cursor_due(self) -> None:
        """Write the cursor alone: many acknowledgements came and no event."""
        if self._running_batch is None:
            self._write_cursor(self.clock.mono_ns())

    def _write_cursor(self, now_ns: int) -> int:
        if self.open and self._running_batch is None and self._put_cursor_beside(self._batch):
            self._ask_seal()
        return now_ns + CURSOR_IDLE_NS

    def _put_cursor_beside(self, batch: Batch) -> bool:
        """Put the cursor into a batch that has no row to carry it; False when it is known."""
        cursor = self.dispatch.cursor()
        if cursor == self._cursor_written:
            return False
        batch.meta.append(("cursor", cursor.text_with_crc()))
        self._cursor_written = cursor
        self.dispatch.acks_unwritten = 0
        return True

    def last_words(self) -> None:
        """Have the cursor written: the agent is about to leave."""
        self._write_cursor(self.clock.mono_ns())

    # -- figures -------------------------------------------------------------------------------

    def settled(self) -> bool:
        """Say whether nothing waits for the journal."""
        idle = self._running_batch is None and not self._gathering
        return idle and self._batch.empty() and self._notes.empty()

    def stalled_ns(self, now_ns: int) -> int:
        """Say how long the running commit has been running; 0 when none is."""
        return now_ns - self._began_ns if self._running_batch is not None else 0

    def last_numbers(self) -> dict[str, int]:
        """Give the last number of every topic of this epoch that is on the disk."""
        numbers = self._numbering.counted()
        for _, _, stream, n, _, _, _ in (*self._running, *self._gathering):
            numbers[stream.topic] = min(numbers[stream.topic], n - 1)
        return numbers

    def pending(self) -> int:
        """Count events that are numbered and not yet on the disk."""
        return len(self._gathering) + len(self._running)
