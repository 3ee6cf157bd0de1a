"""What is committed and on its way: lanes, watermarks, what is acknowledged and what set aside.

Rules:
1. Each lane has a watermark: everything up to it is acknowledged or set aside. What is settled
   beyond it, out of turn, is a small set; after a cut it is sent again with the same id.
2. Rows are handed to the uplink in order; one that was handed over and not settled stays known
   here until it is, or until the uplink forgets it and reads it again.
3. A row that cannot be published is set aside with its reason, kept as long as acknowledged ones
   are, and its number is explained by an event; one that explains numbers is not explained itself.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Protocol

from edge_agent.ports import Clock
from edge_agent.records import (
    NORMAL,
    PAGE_ROWS,
    SALVAGED,
    URGENT,
    Cursor,
    Entry,
    Restored,
    StoredRow,
)
from edge_agent.wire import payload as wire

CURSOR_ACKS_MAX: Final = 1_024
"""A cursor that no event carries is written alone after so many acknowledgements."""

Where = tuple[str, int] | None
Pending = tuple[int, int, "Stream", int, bytearray, int, wire.Envelope]
"""A numbered event: seq, lane, stream, streamseq, body, monotonic capture time, envelope."""


class Stream:
    """One topic and its own numbers."""

    __slots__ = ("id", "n", "topic", "topic_bytes")

    def __init__(self, number: int, topic: str, n: int) -> None:
        self.id = number
        self.n = n
        self.topic = topic
        self.topic_bytes = topic.encode()


class Carrier(Protocol):
    """What is needed of the uplink."""

    def committed(self, lane: int, entries: list[Entry]) -> None: ...
    def hurry(self) -> None: ...
    def reread(self) -> None: ...


class Asking(Protocol):
    """How the journal is read."""

    def ask(self, job: Callable[[Any], Any], reply: Callable[[Any], None]) -> None: ...


class Owner(Protocol):
    """Who is told: the outbox."""

    def put_aside(self, lane: int, seq: int, reason: str) -> None: ...
    def explain(self, epoch: str, number: int, reason: str, where: Where) -> None: ...
    def cursor_due(self) -> None: ...


class _LaneBook:
    """What is known of one lane."""

    __slots__ = (
        "acked",
        "done",
        "first_captured_ns",
        "handed",
        "leaving",
        "reading",
        "tip",
        "waiting",
    )

    def __init__(self) -> None:
        self.acked = 0
        self.waiting = 0
        self.first_captured_ns = 0
        self.tip = False
        self.reading = 0
        self.handed: deque[Entry] = deque()
        self.done: set[int] = set()
        self.leaving: set[int] = set()


class Dispatch:
    """The lanes, as the uplink sees them. All calls on the reactor's thread."""

    carrier: Carrier
    journal: Asking

    def __init__(self, clock: Clock, owner: Owner) -> None:
        self._clock = clock
        self._owner = owner
        self._lanes = (_LaneBook(), _LaneBook(), _LaneBook())
        self._boots: dict[str, int] = {}
        self._offset_ns: int | None = None
        self._committed_upto = 0
        self.acks_unwritten = 0
        self.acknowledged_count = 0
        self.set_aside_count = 0
        self.dropped_count = 0
        self.unsound_count = 0
        self.gap_topic = ""

    def opened(self, restored: Restored, lost: int) -> None:
        """Take up what the journal has kept; so many numbers are lost and will never come."""
        self._boots = restored.boots
        self._offset_ns = restored.boots.get(self._clock.boot)
        self._committed_upto = restored.high
        oldest = restored.oldest_waiting
        since_ns = self._captured_ns(self._right(oldest)) if oldest else self._clock.mono_ns()
        for book, acked, waiting in zip(
            self._lanes, restored.cursor, restored.waiting, strict=True
        ):
            book.acked, book.waiting, book.first_captured_ns = acked, waiting, since_ns
        self.set_aside_count = restored.set_aside
        self.dropped_count = lost
        gone = sum(restored.waiting[:SALVAGED]) + restored.set_aside + self.dropped_count
        self.acknowledged_count = restored.high - gone

    # -- from the journal ----------------------------------------------------------------------

    def hurry(self) -> None:
        """Have a connection made for an urgent event while it is on its way to the disk."""
        if not self._lanes[URGENT].tip:
            self.carrier.hurry()

    def committed(self, pending: list[Pending]) -> None:
        """Take events that are on the disk now; those of a lane at its tip go to the uplink."""
        self._committed_upto = pending[-1][0]
        lanes = self._lanes
        urgent: list[Entry] = []
        normal: list[Entry] = []
        for seq, lane, stream, n, body, at_ns, envelope in pending:
            book = lanes[lane]
            if not book.waiting:
                self._begin(book, seq, at_ns)
            book.waiting += 1
            if book.tip:
                payload = envelope.whole(seq, n, body)
                right = payload if self._offset_ns is None else self._right(payload)
                entry = Entry(seq, stream.topic_bytes, right, at_ns)
                book.handed.append(entry)
                (urgent if lane else normal).append(entry)
        if urgent:
            self.carrier.committed(URGENT, urgent)
        if normal:
            self.carrier.committed(NORMAL, normal)

    @staticmethod
    def _begin(book: _LaneBook, seq: int, at_ns: int) -> None:
        """Begin a lane's list anew: nothing of it waited, so all before this one is settled."""
        book.first_captured_ns = at_ns
        book.acked = max(book.acked, seq - 1)
        book.done.clear()

    def know_boot(self, boot: str, offset_ns: int) -> None:
        """Take note of what the wall clock of a boot was: what waits is read again, put right."""
        self._boots[boot] = offset_ns
        self._offset_ns = self._boots.get(self._clock.boot)
        self.carrier.reread()

    def entry(self, row: StoredRow) -> Entry:
        """Make a stored row ready to be published: its times put right when they can be."""
        payload = self._right(row.payload)
        return Entry(row.seq, row.topic.encode(), payload, self._captured_ns(payload))

    def _right(self, payload: bytes) -> bytes:
        """Put the times of a payload right, when they are wrong and its boot's clock is known."""
        if payload.startswith(wire.UNSYNCED, wire.CLOCK_AT):
            offset_ns = self._boots.get(wire.captured(payload)[0])
            if offset_ns is not None:
                return wire.corrected(payload, offset_ns)
        return payload

    def _captured_ns(self, payload: bytes) -> int:
        boot, at_mono_ns = wire.captured(payload)
        if boot == self._clock.boot:
            return at_mono_ns
        stamp = payload[wire.TIME_AT : wire.TIME_END]
        return self._clock.mono_ns() - max(self._clock.wall_ns() - wire.wall_ns(stamp), 0)

    # -- what the uplink asks ------------------------------------------------------------------

    def page(self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]) -> None:
        """Read committed rows of a lane above a number, and say whether they reach its tip.

        From a reply that reaches the tip on, new rows come by `carrier.committed`. A page that
        was asked for before another one, or before `leave_tip`, is not answered any more.
        """
        book = self._lanes[lane]
        self.leave_tip(lane)
        reading = book.reading
        while book.handed and book.handed[-1].seq > after_seq:
            book.handed.pop()  # it was handed over before and forgotten: it is read again

        def read(store: Any) -> list[StoredRow]:  # noqa: ANN401 - the store is the journal's own
            rows: list[StoredRow] = store.page(lane, after_seq)
            return rows

        self.journal.ask(read, lambda rows: self._give(lane, reading, rows, reply))

    def _give(
        self,
        lane: int,
        reading: int,
        rows: list[StoredRow],
        reply: Callable[[list[Entry], bool], None],
    ) -> None:
        book = self._lanes[lane]
        if reading != book.reading:
            return
        fresh: list[Entry] = []
        for row in rows:
            if row.seq <= book.acked:
                continue
            if not row.sound:
                book.handed.append(_unsound(row))
                self.set_aside(lane, row.seq, "unsound")
                continue
            entry = self.entry(row)
            book.handed.append(entry)
            if row.seq not in book.done and row.seq not in book.leaving:
                fresh.append(entry)
        _sweep(book)
        at_tip = len(rows) < PAGE_ROWS
        if not fresh and not at_tip:
            self.page(lane, rows[-1].seq, reply)  # no news: the uplink would ask for it again
            return
        book.tip = at_tip and lane != SALVAGED
        reply(fresh, at_tip)

    def leave_tip(self, lane: int) -> None:
        """Stop handing new rows of a lane over: the uplink has no room and will page again."""
        book = self._lanes[lane]
        book.tip = False
        book.reading += 1

    def acknowledged_upto(self, lane: int) -> int:
        """Say up to which number everything of a lane is acknowledged or set aside."""
        return self._lanes[lane].acked

    def acknowledged(self, lane: int, seq: int) -> None:
        """Take the broker's word for one event of a lane; a second word for it changes nothing."""
        if not self._settle(lane, seq):
            return
        if lane != SALVAGED:
            self.acknowledged_count += 1
        self.acks_unwritten += 1
        if self.acks_unwritten >= CURSOR_ACKS_MAX:
            self._owner.cursor_due()

    def set_aside(self, lane: int, seq: int, reason: str) -> None:
        """Put an event that will never be taken out of the way, and explain its number.

        It is settled when its row was read again, together with its explanation: a cut between
        would leave a number that nobody explains.
        """
        book = self._lanes[lane]
        if seq <= book.acked or seq in book.done or seq in book.leaving:
            return
        book.leaving.add(seq)
        self.unsound_count += reason == "unsound"

        def read(store: Any) -> list[StoredRow]:  # noqa: ANN401
            rows: list[StoredRow] = store.page(lane, seq - 1, 1, aside_too=True)
            return rows

        self.journal.ask(read, lambda rows: self._explain(lane, seq, rows, reason))

    def _explain(self, lane: int, seq: int, rows: list[StoredRow], reason: str) -> None:
        self._lanes[lane].leaving.discard(seq)
        if not self._settle(lane, seq):
            return
        if lane != SALVAGED:
            self.set_aside_count += 1
        self._owner.put_aside(lane, seq, reason)
        for row in rows:
            if row.topic == self.gap_topic or row.seq != seq:
                continue
            if lane == SALVAGED and not row.sound:
                continue  # its number was in what is not sound
            epoch, number = "", row.seq
            if lane == SALVAGED and row.sound:
                epoch, _, digits = wire.event_id(row.payload).partition("-")
                number = int(digits)
            self._owner.explain(epoch, number, reason, (row.topic, row.n) if row.topic else None)

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

    # -- figures -------------------------------------------------------------------------------

    def upto(self, lane: int) -> int:
        """Say up to which number nothing of a lane waits."""
        book = self._lanes[lane]
        return self._committed_upto if book.waiting == 0 and lane != SALVAGED else book.acked

    def cursor(self) -> Cursor:
        """Say up to where each lane is settled."""
        return Cursor(self.upto(NORMAL), self.upto(URGENT), self._lanes[SALVAGED].acked)

    def settled_upto(self) -> int:
        """Say up to which number nothing of any lane waits."""
        return min(self.upto(NORMAL), self.upto(URGENT))

    def waiting(self) -> int:
        """Count what is committed and not settled, salvaged events apart."""
        return self._lanes[NORMAL].waiting + self._lanes[URGENT].waiting

    def salvaged_waiting(self) -> int:
        """Count salvaged events that are not settled yet."""
        return self._lanes[SALVAGED].waiting

    def oldest_waiting_ns(self, now_ns: int) -> int:
        """Say how long the oldest waiting event has waited."""
        oldest_ns = now_ns
        for book in self._lanes:
            if book.waiting:
                since_ns = book.handed[0].captured_ns if book.handed else book.first_captured_ns
                oldest_ns = min(oldest_ns, since_ns)
        return now_ns - oldest_ns


def _unsound(row: StoredRow) -> Entry:
    """Stand for a row that will not go out, so that its lane's watermark can pass it."""
    return Entry(row.seq, b"", b"", 0)


def _sweep(book: _LaneBook) -> None:
    """Move the watermark over what was settled out of turn."""
    handed, done = book.handed, book.done
    while handed and handed[0].seq in done:
        book.acked = handed.popleft().seq
        done.remove(book.acked)
