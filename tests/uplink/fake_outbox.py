"""A small real outbox in memory: committed rows, watermarks, pages; cruel about the order of calls.

It keeps every row for ever, so that a test can compare what was committed with what arrived.
Replies to `page` come by the reactor's inbox, as the journal's do.
"""

from collections.abc import Callable

from edge_agent.reactor import Reactor
from edge_agent.records import NORMAL, SALVAGED, URGENT, Entry

PAGE_ROWS = 256


class FakeOutbox:
    """Rows by lane; `uplink` gets what is committed once a lane is at its tip."""

    def __init__(self, reactor: Reactor) -> None:
        self.reactor = reactor
        self.rows: dict[int, list[Entry]] = {NORMAL: [], URGENT: [], SALVAGED: []}
        self.done: dict[int, set[int]] = {NORMAL: set(), URGENT: set(), SALVAGED: set()}
        self.aside: list[tuple[int, int, str]] = []
        self.acknowledged_order: list[tuple[int, int]] = []
        self.tip: dict[int, bool] = {}
        self.pages = 0
        self.high = 0
        self.carrier: object = None

    # -- the test's side -----------------------------------------------------------------------

    def commit(
        self, *rows: tuple[int, bytes, bytes], captured_ns: int | None = None
    ) -> list[Entry]:
        """Commit rows (lane, topic, payload) in one batch; urgent ones are handed over first."""
        at_ns = self.reactor.clock.mono_ns() if captured_ns is None else captured_ns
        handed: dict[int, list[Entry]] = {URGENT: [], NORMAL: []}
        entries = []
        for lane, topic, payload in rows:
            self.high += 1
            entry = Entry(self.high, topic, payload, at_ns)
            entries.append(entry)
            self.rows[lane].append(entry)
            if self.tip.get(lane):
                handed[lane].append(entry)
        for lane, batch in handed.items():
            if batch:
                self.carrier.committed(lane, batch)  # type: ignore[attr-defined]
        return entries

    def salvage(self, *rows: tuple[bytes, bytes]) -> None:
        for topic, payload in rows:
            number = len(self.rows[SALVAGED]) + 1
            self.rows[SALVAGED].append(Entry(number, topic, payload, 0))

    def settled(self, lane: int | None = None) -> bool:
        """Whether everything committed is acknowledged or set aside."""
        lanes = (NORMAL, URGENT, SALVAGED) if lane is None else (lane,)
        return all(len(self.done[one]) == len(self.rows[one]) for one in lanes)

    # -- what the uplink asks ------------------------------------------------------------------

    def page(self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]) -> None:
        self.tip[lane] = False
        self.pages += 1

        def read(_: object) -> None:
            rows = [entry for entry in self.rows[lane] if entry.seq > after_seq][:PAGE_ROWS]
            at_tip = len(rows) < PAGE_ROWS
            self.tip[lane] = at_tip and lane != SALVAGED
            reply([entry for entry in rows if entry.seq not in self.done[lane]], at_tip)

        assert self.reactor.post(read, None)

    def leave_tip(self, lane: int) -> None:
        self.tip[lane] = False

    def acknowledged_upto(self, lane: int) -> int:
        upto = 0
        for entry in self.rows[lane]:
            if entry.seq not in self.done[lane]:
                break
            upto = entry.seq
        return upto

    def acknowledged(self, lane: int, seq: int) -> None:
        self.acknowledged_order.append((lane, seq))
        self.done[lane].add(seq)

    def set_aside(self, lane: int, seq: int, reason: str) -> None:
        assert seq not in self.done[lane], "set aside what is settled"
        self.aside.append((lane, seq, reason))
        self.done[lane].add(seq)
