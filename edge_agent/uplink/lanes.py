"""One lane of the outbox on its way to the broker, for the life of one connection.

Rules:
1. A lane begins at the outbox's watermark and reads pages until it is at the tip; from there new
   rows are handed over as they are committed.
2. What is queued here is a copy: a connection that ends forgets it, and the next one reads again.
3. Rows leave in the order of their numbers.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from edge_agent.records import Entry

LANE_QUEUE_MAX: Final = 1024
"""Rows waiting here for the window; with more the lane leaves the tip and reads pages again.

A batch in the hand is taken whole: it is in memory anyway.
"""

PAGE_AHEAD: Final = 256
"""The next page is asked for when no more than this is left, so that the window never waits."""


class Waiting(Protocol):
    """What the uplink needs of the outbox; all of it on the reactor's thread."""

    def page(
        self, lane: int, after_seq: int, reply: Callable[[list[Entry], bool], None]
    ) -> None: ...
    def leave_tip(self, lane: int) -> None: ...
    def acknowledged_upto(self, lane: int) -> int: ...
    def acknowledged(self, lane: int, seq: int) -> None: ...
    def set_aside(self, lane: int, seq: int, reason: str) -> None: ...


class LaneQueue:
    """What of one lane is read and not yet sent; `more` is called when rows have come."""

    __slots__ = (
        "_after_seq",
        "_asked",
        "_more",
        "_open",
        "_returned_seq",
        "_stale",
        "_waiting",
        "at_tip",
        "lane",
        "queue",
    )

    def __init__(self, lane: int, waiting: Waiting, more: Callable[[], None]) -> None:
        self.lane = lane
        self.queue: deque[Entry] = deque()
        self.at_tip = False
        self._waiting = waiting
        self._more = more
        self._after_seq = waiting.acknowledged_upto(lane)
        self._returned_seq = 0
        self._asked = False
        self._stale = False
        self._open = True

    @property
    def exhausted(self) -> bool:
        """Whether nothing that is committed waits in this lane."""
        return self.at_tip and not self.queue

    def hand(self, entries: list[Entry]) -> None:
        """Take rows that were just committed; a lane that is not at the tip will read them."""
        if not self.at_tip:
            return
        self.queue.extend(entries)
        self._after_seq = entries[-1].seq
        if len(self.queue) > LANE_QUEUE_MAX:
            self.at_tip = False
            self._waiting.leave_tip(self.lane)

    def top_up(self) -> None:
        """Ask for the next page when the queue runs low and the tip is not reached."""
        if self.at_tip or self._asked or len(self.queue) > PAGE_AHEAD:
            return
        self._asked = True
        self._waiting.page(self.lane, self._after_seq, self._read)

    def reread(self) -> None:
        """Forget the payloads that wait here: they will be read again as they are to be now.

        What was sent before stays as it was: reading it again would send its neighbours twice.
        """
        before = [entry for entry in self.queue if entry.seq <= self._returned_seq]
        if len(before) < len(self.queue):
            self._after_seq = self.queue[len(before)].seq - 1
            self.queue = deque(before)
            if self.at_tip:
                self.at_tip = False
                self._waiting.leave_tip(self.lane)
        self._stale = self._asked
        self.top_up()

    def put_back(self, entry: Entry) -> None:
        """Queue a row again that the broker would not take now, in its place."""
        queue, place = self.queue, 0
        while place < len(queue) and queue[place].seq < entry.seq:
            place += 1
        queue.insert(place, entry)
        self._returned_seq = max(self._returned_seq, entry.seq)

    def close(self) -> None:
        """Forget everything: the connection is gone."""
        self._open = False
        self.queue.clear()
        self.at_tip = False
        self._waiting.leave_tip(self.lane)  # also when a page is on its way: nobody reads it

    def _read(self, entries: list[Entry], at_tip: bool) -> None:
        if not self._open:
            return
        self._asked = False
        if self._stale:
            self._stale = False
            self.top_up()
            return
        if entries:
            self.queue.extend(entries)
            self._after_seq = entries[-1].seq
        self.at_tip = at_tip
        self.top_up()
        self._more()
