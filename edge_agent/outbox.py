"""The outbox: numbers events, keeps room for them, hands them to the journal and to the uplink.

Rules:
1. An event has its number before it is written and keeps it for ever: `seq` without gaps for the
   agent, `streamseq` without gaps for its topic.
2. Nothing is handed to the uplink, and nobody is answered, before the journal has committed it.
3. Room is asked for before anything moves: what was admitted is retried, never rolled back.
4. An acknowledgement is kept as a watermark per lane, and as a set beyond it; the watermark is
   written in the last row of the next batch, which costs nothing.
All of it runs in the reactor's thread.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, NamedTuple, Protocol

from edge_agent.ports import Clock, Lane
from edge_agent.reactor import Reactor
from edge_agent.records import (
    NORMAL,
    PAGE_ROWS,
    SALVAGED,
    URGENT,
    Batch,
    Broken,
    Cursor,
    DiskTrouble,
    Kept,
    NewerJournal,
    Restored,
    StoredRow,
    Trim,
    row_crc,
)
from edge_agent.wire import payload as wire

PENDING_EVENTS_MAX: Final = 16_384
PENDING_BYTES_MAX: Final = 8 * 1024 * 1024
"""What may wait in memory while the disk stalls or fails; beyond it scanners are held."""

PENDING_URGENT_EXTRA: Final = 2_048
"""Events by which urgent ones may exceed the bound above; they are few, and not to be refused."""

HOUSEKEEPING_EVENTS: Final = 256
"""Every so many events a commit carries a snapshot and a trim."""

CURSOR_ACKS_MAX: Final = 1_024
CURSOR_IDLE_NS: Final = 60_000_000_000
"""A cursor that no event carries is written alone after so many acknowledgements, or so long."""

AGE_MARKS_MAX: Final = 256
"""Marks of (number, time) by which rows grow old; one an hour at most, the oldest go first."""

_HOUR_NS: Final = 3_600_000_000_000
_DAY_NS: Final = 24 * _HOUR_NS
_ROW_EXTRA_BYTES: Final = 48  # what a row costs in the file beside its payload
_COMMIT_TIMES: Final = 256


class Room(Enum):
    """Whether an event may come: yes; not now, wait; no, and it must be said."""

    YES = "yes"
    WAIT = "wait"
    NO = "no"


class Entry(NamedTuple):
    """One event on its way to the broker.

    `seq` counts in its lane's own space (salvaged rows have numbers of their own); `captured_ns`
    is the monotonic clock of this boot, estimated for what an earlier boot captured.
    """

    seq: int
    topic: bytes
    payload: bytes
    captured_ns: int


class Stream:
    """One topic and its own numbers."""

    __slots__ = ("id", "n", "topic", "topic_bytes")

    def __init__(self, number: int, topic: str, n: int) -> None:
        self.id = number
        self.n = n
        self.topic = topic
        self.topic_bytes = topic.encode()


class Keeping(Protocol):
    """What the outbox needs of the journal's writer."""

    def commit(self, batch: Batch) -> None: ...
    def ask(self, job: Callable[[Any], Any], reply: Callable[[Any], None]) -> None: ...


class Carrier(Protocol):
    """What the outbox needs of the uplink."""

    def committed(self, lane: int, entries: list[Entry]) -> None: ...
    def hurry(self) -> None: ...
    def reread(self) -> None: ...


Where = tuple[str, int] | None


class Answering(Protocol):
    """Who wants to know what the outbox lives through: the line."""

    def opened(self, restored: Restored) -> None: ...
    def committed(self, upto: int) -> None: ...
    def room_again(self) -> None: ...
    def storage(self, trouble: DiskTrouble | None) -> None: ...
    def gap(self, epoch: str, first: int, last: int, reason: str, where: Where) -> None: ...


class Limits(NamedTuple):
    """How much is kept: quota of the file, its reserve for urgent events, the replay window."""

    quota_bytes: int
    reserve_bytes: int
    replay_bytes: int
    replay_ns: int


class _LaneBook:
    """What is known of one lane."""

    __slots__ = ("acked", "done", "first_captured_ns", "handed", "tip", "waiting")

    def __init__(self) -> None:
        self.acked = 0
        self.waiting = 0
        self.first_captured_ns = 0
        self.tip = False
        self.handed: deque[Entry] = deque()
        self.done: set[int] = set()


_Pending = tuple[int, int, Stream, int, bytes, int]


class Outbox:
    """Numbers, admission, batches, acknowledgements.

    `answering` and `carrier` are set by the composition root before the journal opens.
    """

    answering: Answering
    carrier: Carrier
    writer: Keeping
    clock_word: bytes = wire.UNSYNCED
    gap_topic: str = ""
    """Where gaps are told; a refusal of that very topic is not told, or it would never end."""

    def __init__(self, reactor: Reactor, clock: Clock, limits: Limits) -> None:
        self._reactor = reactor
        self.clock = clock
        self.limits = limits
        self.epoch = ""
        self.high = 0
        self.committed_upto = 0
        self.open = False
        self.trouble: DiskTrouble | None = None
        self.lost: NewerJournal | Broken | None = None
        self.on_lost: Callable[[NewerJournal | Broken], None] | None = None
        self._streams: dict[str, Stream] = {}
        self._lanes = (_LaneBook(), _LaneBook(), _LaneBook())
        self._gathering: list[_Pending] = []
        self._batch = Batch()
        self._running: list[_Pending] | None = None
        self._running_batch: Batch | None = None
        self._began_ns = 0
        self._seal_asked = False
        self._pending_bytes = 0
        self._since_housekeeping = 0
        self._acks_unwritten = 0
        self._cursor_written = Cursor()
        self._kept = Kept(0, 0, 0)
        self._kept_since_bytes = 0
        self._marks: deque[tuple[int, int]] = deque(maxlen=AGE_MARKS_MAX)
        self._boots: dict[str, int] = {}
        self._trim_wanted = False
        self._fruitless_upto = -1
        self._anyone_waits = False
        self.acknowledged_count = 0
        self.set_aside_count = 0
        self.dropped_count = 0
        self.unsound_count = 0
        self.commits = 0
        self.recorded_bytes = 0
        self.commit_times_ns: deque[int] = deque(maxlen=_COMMIT_TIMES)
        self._idle = reactor.timer(self._write_cursor)

    # -- opening -------------------------------------------------------------------------------

    def opened(self, restored: Restored) -> None:
        """Take up what the journal has kept."""
        self.epoch = restored.epoch
        self.high = self.committed_upto = restored.high
        self._boots = restored.boots
        self._streams = {
            topic: Stream(number, topic, n) for topic, (number, n) in restored.streams.items()
        }
        now_ns = self.clock.mono_ns()
        age_ns = self._captured_ns(restored.oldest_waiting) if restored.oldest_waiting else now_ns
        for book, acked, waiting in zip(
            self._lanes, restored.cursor, restored.waiting, strict=True
        ):
            book.acked, book.waiting, book.first_captured_ns = acked, waiting, age_ns
        self._cursor_written = restored.cursor
        self._kept = restored.kept
        self._marks.append((restored.high, now_ns))
        self.set_aside_count = restored.set_aside
        self.dropped_count = sum(last - first + 1 for first, last in restored.missing)
        self.acknowledged_count = (
            restored.high
            - sum(restored.waiting[:SALVAGED])
            - restored.set_aside
            - self.dropped_count
        )
        self.open = True
        self._idle.due_ns = now_ns + CURSOR_IDLE_NS
        self.answering.opened(restored)

    # -- recording -----------------------------------------------------------------------------

    def room(self, lane: Lane, size_bytes: int) -> Room:
        """Say whether an event of about this size may come now."""
        if not self.open or self.lost is not None:
            return Room.NO
        waiting = len(self._gathering) + (len(self._running) if self._running else 0)
        bound = PENDING_EVENTS_MAX + (PENDING_URGENT_EXTRA if lane else 0)
        full = self.trouble is not None and self.trouble.kind in ("full", "read-only")
        if full and not lane:
            return Room.NO
        if waiting >= bound or (not lane and self._pending_bytes + size_bytes > PENDING_BYTES_MAX):
            self._anyone_waits = True
            return Room.WAIT
        limits = self.limits
        ceiling = limits.quota_bytes - (0 if lane else limits.reserve_bytes)
        used = self._kept.used_bytes + self._kept_since_bytes + size_bytes
        if used > ceiling:
            return self._make_room(lane)
        if used * 8 > ceiling * 7:
            self._trim_wanted = True
        return Room.YES

    def _make_room(self, lane: Lane) -> Room:
        """At the quota: acknowledged rows go first, whatever the replay window; then it is no."""
        acked_upto = self._acked_upto()
        if self._fruitless_upto < acked_upto and 0 < self._kept.oldest_seq <= acked_upto:
            self._trim_wanted = True
            self._ask_seal()
            if not lane:
                self._anyone_waits = True
                return Room.WAIT
            return Room.YES
        return Room.NO

    def stream(self, topic: str) -> Stream:
        """Give the numbers of a topic; one seen for the first time is journalled with its event."""
        found = self._streams.get(topic)
        if found is None:
            number = 1 + max((stream.id for stream in self._streams.values()), default=0)
            found = self._streams[topic] = Stream(number, topic, 0)
            self._batch.streams.append((number, topic))
        return found

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
        payload = envelope.render(seq, n, at_wall_ns, at_mono_ns, self.clock_word, data)
        self._pending_bytes += len(payload)
        self._gathering.append((seq, lane, stream, n, payload, at_mono_ns))
        if not self._seal_asked:
            self._ask_seal()
        return seq

    def event_id(self, seq: int) -> str:
        """Give the id of an event of this epoch."""
        return f"{self.epoch}-{seq:012d}"

    def note_command(self, command_id: str, result: str) -> None:
        """Have it remembered that a command was executed."""
        self._batch.commands.append((command_id, self.high, result))
        self._ask_seal()

    def note_boot(self, boot: str, offset_ns: int) -> None:
        """Have it remembered what the wall clock of a boot was, once it is known."""
        self._boots[boot] = offset_ns
        self._batch.boots.append((boot, offset_ns))
        self._ask_seal()
        self.carrier.reread()

    def note_meta(self, key: str, value: str) -> None:
        """Have a small fact remembered."""
        self._batch.meta.append((key, value))
        self._ask_seal()

    # -- batches -------------------------------------------------------------------------------

    def _ask_seal(self) -> None:
        """Seal when this turn is over, so that a burst shares a commit."""
        if not self._seal_asked and self._running_batch is None and self.open:
            self._seal_asked = True
            self._reactor.again(self._seal)

    def _seal(self) -> None:
        self._seal_asked = False
        if self._running_batch is not None:
            return
        pending, batch = self._gathering, self._batch
        self._since_housekeeping += len(pending)
        if self._since_housekeeping >= HOUSEKEEPING_EVENTS or self._trim_wanted:
            self._keep_house(batch)
        if not pending and batch.empty():
            return
        if pending:
            stamp = wire.rfc3339(self.clock.wall_ns())
            at, end = wire.RECORDED_AT, wire.RECORDED_END
            pending = [
                (seq, lane, stream, n, payload[:at] + stamp + payload[end:], at_ns)
                for seq, lane, stream, n, payload, at_ns in pending
            ]
            batch.rows = [
                (
                    seq,
                    lane,
                    stream.id,
                    n,
                    None,
                    row_crc(seq, lane, stream.id, None, payload),
                    payload,
                )
                for seq, lane, stream, n, payload, _ in pending
            ]
            self._put_cursor(batch)
            self._gathering = []
        self._running, self._running_batch = pending, batch
        self._batch = Batch()
        self._began_ns = self.clock.mono_ns()
        self.writer.commit(batch)

    def _put_cursor(self, batch: Batch) -> None:
        """Let the cursor ride in the batch's last row."""
        cursor = self.cursor()
        if cursor == self._cursor_written:
            return
        seq, lane, stream, n, _, _, payload = batch.rows[-1]
        text = cursor.text()
        crc = row_crc(seq, lane, stream, text, payload)
        batch.rows[-1] = (seq, lane, stream, n, text, crc, payload)
        self._cursor_written = cursor
        self._acks_unwritten = 0

    def _keep_house(self, batch: Batch) -> None:
        """Add the snapshot and the trim; the snapshot is of the moment after this batch's rows."""
        self._since_housekeeping = 0
        now_ns = self.clock.mono_ns()
        body = b"\n".join(b"%d %d" % (stream.id, stream.n) for stream in self._streams.values())
        batch.snapshots.append(("streams", self.high, body))
        if not self._marks or now_ns - self._marks[-1][1] >= _HOUR_NS:
            self._marks.append((self.high, now_ns))
        limits = self.limits
        aged_upto = 0
        for seq, marked_ns in self._marks:
            if now_ns - marked_ns < limits.replay_ns:
                break
            aged_upto = seq
        used = self._kept.used_bytes + self._kept_since_bytes
        squeezed = used * 8 > (limits.quota_bytes - limits.reserve_bytes) * 7
        batch.trim = Trim(
            self._acked_upto(),
            aged_upto,
            0 if squeezed else limits.replay_bytes,
            self._lanes[SALVAGED].acked,
        )
        self._trim_wanted = False

    def committed(self, answer: tuple[Kept | None, int]) -> None:
        """Take the journal's word for the running batch: answer, hand over, seal the next."""
        kept, took_ns = answer
        pending, self._running, self._running_batch = self._running, None, None
        self.commits += 1
        self.commit_times_ns.append(took_ns)
        if pending:
            size_bytes = sum(len(item[4]) for item in pending)
            self._pending_bytes -= size_bytes
            size_bytes += _ROW_EXTRA_BYTES * len(pending)
            self._kept_since_bytes += size_bytes
            self.recorded_bytes += size_bytes
            self.committed_upto = pending[-1][0]
        if kept is not None:
            if kept.payload_bytes >= self._kept.payload_bytes and not pending:
                self._fruitless_upto = self._acked_upto()  # nothing was left to trim
            self._kept, self._kept_since_bytes = kept, 0
        if self._gathering or not self._batch.empty() or self._trim_wanted:
            self._seal()  # before the answers: the disk is the slowest of all
        if pending:
            self.answering.committed(self.committed_upto)
            self._hand_over(pending)
        if self._anyone_waits:
            self._anyone_waits = False
            self.answering.room_again()

    def _hand_over(self, pending: list[_Pending]) -> None:
        lanes = self._lanes
        urgent: list[Entry] = []
        normal: list[Entry] = []
        for seq, lane, stream, _, payload, at_ns in pending:
            book = lanes[lane]
            if not book.waiting:
                book.first_captured_ns = at_ns
            book.waiting += 1
            if book.tip:
                entry = Entry(seq, stream.topic_bytes, payload, at_ns)
                book.handed.append(entry)
                (urgent if lane else normal).append(entry)
            elif lane:
                self.carrier.hurry()
        if urgent:
            self.carrier.committed(URGENT, urgent)
        if normal:
            self.carrier.committed(NORMAL, normal)

    def troubled(self, trouble: DiskTrouble | None) -> None:
        """Take the journal's word that the disk is in trouble, or well again."""
        self.trouble = trouble
        self.answering.storage(trouble)
        if trouble is None and self._anyone_waits:
            self._anyone_waits = False
            self.answering.room_again()

    def lost_file(self, why: NewerJournal | Broken) -> None:
        """Take the journal's word that there is no going on with this file."""
        self.lost = why
        if self.on_lost is not None:
            self.on_lost(why)

    # -- what the uplink asks ------------------------------------------------------------------

    def page(self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]) -> None:
        """Read committed rows of a lane above a number, and say whether they reach its tip.

        From a reply that reaches the tip on, new rows come by `carrier.committed`.
        """
        book = self._lanes[lane]
        book.tip = False
        while book.handed and book.handed[-1].seq > after_seq:
            book.handed.pop()  # it was handed over before and forgotten: it is read again

        def read(store: Any) -> list[StoredRow]:  # noqa: ANN401 - the store is the journal's own
            rows: list[StoredRow] = store.page(lane, after_seq)
            return rows

        def give(rows: list[StoredRow]) -> None:
            entries = [self.entry(row) for row in rows]
            book.handed.extend(entries)
            for row in rows:
                if not row.sound:
                    self.unsound_count += 1
                    self.set_aside(lane, row.seq, "unsound")
            fresh = [entry for entry in entries if entry.seq not in book.done]
            _sweep(book)
            at_tip = len(rows) < PAGE_ROWS
            book.tip = at_tip and lane != SALVAGED
            reply(fresh, at_tip)

        self.writer.ask(read, give)

    def entry(self, row: StoredRow) -> Entry:
        """Make a stored row ready to be published: its times put right when they can be."""
        payload = row.payload
        if payload.startswith(wire.UNSYNCED, wire.CLOCK_AT):
            boot, _ = wire.captured(payload)
            offset_ns = self._boots.get(boot)
            if offset_ns is not None:
                payload = wire.corrected(payload, offset_ns)
        return Entry(row.seq, row.topic.encode(), payload, self._captured_ns(payload))

    def _captured_ns(self, payload: bytes) -> int:
        boot, at_mono_ns = wire.captured(payload)
        if boot == self.clock.boot:
            return at_mono_ns
        age_ns = self.clock.wall_ns() - wire.wall_ns(payload[wire.TIME_AT : wire.TIME_END])
        return self.clock.mono_ns() - max(age_ns, 0)

    def leave_tip(self, lane: int) -> None:
        """Stop handing new rows of a lane over: the uplink has no room and will page again."""
        self._lanes[lane].tip = False

    def acknowledged_upto(self, lane: int) -> int:
        """Say up to which number everything of a lane is acknowledged or set aside."""
        return self._lanes[lane].acked

    def acknowledged(self, lane: int, seq: int) -> None:
        """Take the broker's word for one event of a lane; a second word for it changes nothing."""
        if self._settle(lane, seq):
            if lane != SALVAGED:
                self.acknowledged_count += 1
            self._acks_unwritten += 1
            if self._acks_unwritten >= CURSOR_ACKS_MAX and self._running_batch is None:
                self._write_cursor(self.clock.mono_ns())

    def set_aside(self, lane: int, seq: int, reason: str) -> None:
        """Put an event that will never be taken out of the way, and explain its number."""
        if not self._settle(lane, seq):
            return
        if lane != SALVAGED:
            self.set_aside_count += 1
        self._batch.aside.append((lane, seq, reason))
        self._ask_seal()

        def read(store: Any) -> list[StoredRow]:  # noqa: ANN401
            rows: list[StoredRow] = store.page(lane, seq - 1, 1, aside_too=True)
            return rows

        def explain(rows: list[StoredRow]) -> None:
            for row in rows:
                epoch, _, number = wire.event_id(row.payload).partition("-")
                if row.topic != self.gap_topic and number.isdecimal():
                    where = (row.topic, row.n)
                    self.answering.gap(epoch, int(number), int(number), reason, where)

        self.writer.ask(read, explain)

    def _settle(self, lane: int, seq: int) -> bool:
        """Strike one event off its lane's list; False when it was struck off before."""
        book = self._lanes[lane]
        if seq <= book.acked or seq in book.done:
            return False
        book.waiting -= 1
        handed = book.handed
        if handed and handed[0].seq == seq:
            handed.popleft()
            book.acked = seq
            if book.done:
                _sweep(book)
        else:
            book.done.add(seq)
        return True

    # -- cursor --------------------------------------------------------------------------------

    def _upto(self, lane: int) -> int:
        book = self._lanes[lane]
        return self.committed_upto if book.waiting == 0 and lane != SALVAGED else book.acked

    def cursor(self) -> Cursor:
        """Say up to where each lane is acknowledged."""
        return Cursor(self._upto(NORMAL), self._upto(URGENT), self._lanes[SALVAGED].acked)

    def _acked_upto(self) -> int:
        return min(self._upto(NORMAL), self._upto(URGENT))

    def _write_cursor(self, now_ns: int) -> int:
        cursor = self.cursor()
        if self.open and cursor != self._cursor_written and self._running_batch is None:
            self._batch.meta.append(("cursor", cursor.text()))
            self._cursor_written = cursor
            self._acks_unwritten = 0
            self._ask_seal()
        return now_ns + CURSOR_IDLE_NS

    def last_words(self) -> None:
        """Have the cursor and the counters written: the agent is about to leave."""
        self._write_cursor(self.clock.mono_ns())

    def settled(self) -> bool:
        """Say whether nothing waits for the journal."""
        return self._running_batch is None and not self._gathering and self._batch.empty()

    # -- figures -------------------------------------------------------------------------------

    def waiting(self) -> int:
        """Count what is committed and not acknowledged, salvaged events apart."""
        return self._lanes[NORMAL].waiting + self._lanes[URGENT].waiting

    def salvaged_waiting(self) -> int:
        """Count salvaged events that are not acknowledged yet."""
        return self._lanes[SALVAGED].waiting

    def oldest_waiting_ns(self, now_ns: int) -> int:
        """Say how long the oldest waiting event has waited."""
        oldest_ns = now_ns
        for book in self._lanes:
            if book.waiting:
                since_ns = book.handed[0].captured_ns if book.handed else book.first_captured_ns
                oldest_ns = min(oldest_ns, since_ns)
        return now_ns - oldest_ns

    def used_bytes(self) -> int:
        """Say how much of the quota is in use."""
        return self._kept.used_bytes + self._kept_since_bytes

    def waiting_bytes(self) -> int:
        """Estimate what the events that wait take of the quota: they cannot be trimmed."""
        held = self.committed_upto - max(self._kept.oldest_seq, 1) + 1
        return self.used_bytes() * self.waiting() // held if held > 0 else 0

    def stalled_ns(self, now_ns: int) -> int:
        """Say how long the running commit has been running; 0 when none is."""
        return now_ns - self._began_ns if self._running_batch is not None else 0

    def last_numbers(self) -> dict[str, int]:
        """Give the last number of every topic of this epoch."""
        return {stream.topic: stream.n for stream in self._streams.values()}

    def pending(self) -> int:
        """Count events that are numbered and not yet on the disk."""
        return len(self._gathering) + (len(self._running) if self._running else 0)


def _sweep(book: _LaneBook) -> None:
    """Move the watermark over what was settled out of turn."""
    handed, done = book.handed, book.done
    while handed and handed[0].seq in done:
        book.acked = handed.popleft().seq
        done.remove(book.acked)
