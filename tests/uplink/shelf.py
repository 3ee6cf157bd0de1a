"""The outbox as the window sees it, its pages turned by the test; and a reader of what was sent."""

from collections import deque
from collections.abc import Callable

from edge_agent.records import NORMAL, SALVAGED, URGENT, Entry
from edge_agent.uplink import packets
from edge_agent.uplink.packets import Version

PAGE_ROWS = 4
LANES = (NORMAL, URGENT, SALVAGED)
TOPIC = {NORMAL: b"n", URGENT: b"u", SALVAGED: b"s"}


def read_all(out: bytearray, version: Version) -> list[tuple[int, bytes, int, bytes]]:
    """Read and remove the PUBLISHes of an output buffer: first byte, topic, packet id, payload."""
    found, at = [], 0
    while at < len(out):
        body, stop = packets.length_at(out, at, len(out))
        size = out[body] << 8 | out[body + 1]
        topic, rest = bytes(out[body + 2 : body + 2 + size]), body + 2 + size
        packet_id = out[rest] << 8 | out[rest + 1]
        skip = 1 + out[rest + 2] if version is Version.V5 else 0
        found.append((out[at], topic, packet_id, bytes(out[rest + 2 + skip : stop])))
        at = stop
    out.clear()
    return found


class Shelf:
    """The outbox's side, with pages that come when the test says so."""

    def __init__(self) -> None:
        self.rows: dict[int, list[Entry]] = {lane: [] for lane in LANES}
        self.done: dict[int, set[int]] = {lane: set() for lane in LANES}
        self.tip = dict.fromkeys(LANES, False)
        self.asked: deque[tuple[int, int, Callable[[list[Entry], bool], None]]] = deque()
        self.acknowledged_twice = 0

    def page(self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]) -> None:
        self.tip[lane] = False
        self.asked.append((lane, after_seq, reply))

    def turn_page(self) -> None:
        lane, after_seq, reply = self.asked.popleft()
        rows = [entry for entry in self.rows[lane] if entry.seq > after_seq][:PAGE_ROWS]
        while len(rows) == PAGE_ROWS and {entry.seq for entry in rows} <= self.done[lane]:
            after_seq = rows[-1].seq  # no news: it would be asked for again
            rows = [entry for entry in self.rows[lane] if entry.seq > after_seq][:PAGE_ROWS]
        at_tip = len(rows) < PAGE_ROWS
        self.tip[lane] = at_tip and lane != SALVAGED
        reply([entry for entry in rows if entry.seq not in self.done[lane]], at_tip)

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
        self.acknowledged_twice += seq in self.done[lane]
        self.done[lane].add(seq)

    def set_aside(self, lane: int, seq: int, _reason: str) -> None:
        assert seq not in self.done[lane]
        self.done[lane].add(seq)


class Deaf:
    """A listener of the window that does not care."""

    def status_answered(self, code: int) -> None: ...
    def publish_refused(self, reason: str, topic: bytes) -> None: ...
    def publish_taken(self, topic: bytes) -> None: ...
    def replay_settled(self, seq: int, reason: str) -> None: ...
