"""How much of the quota is in use, whether more may come, and what may go.

Rules:
1. The quota is of the file. Normal events stop at its reserve, urgent ones at the quota itself.
2. When it is reached, settled rows (acknowledged or set aside) go first, whatever the replay
   window; then it is no.
3. Rows of the replay window go when they are too many bytes, or too old by the monotonic clock:
   a restart begins the age of what it finds at zero, so it keeps longer, never shorter.
4. What was salvaged and is acknowledged goes as soon as room is needed, or when it is too old.
"""

from collections import deque
from enum import Enum
from typing import Final, NamedTuple

from edge_agent.records import Kept, Trim

AGE_MARKS_MAX: Final = 256
"""Marks of (number, time) by which rows grow old; the oldest go first. One an hour at most, and so
far apart that they reach back twice as far as the replay window."""

SQUEEZE_EIGHTHS: Final = 7
"""From so many eighths of the quota on, every commit trims and the replay window shrinks."""

_HOUR_NS: Final = 3_600_000_000_000
_ROW_EXTRA_BYTES: Final = 48  # what a row costs in the file beside its payload


class Room(Enum):
    """Whether an event may come: yes; not now, wait; no, and it must be said."""

    YES = "yes"
    WAIT = "wait"
    NO = "no"


class Limits(NamedTuple):
    """How much is kept: quota of the file, its reserve for urgent events, the replay window."""

    quota_bytes: int
    reserve_bytes: int
    replay_bytes: int
    replay_ns: int


class Storage:
    """The books of the journal's file; `trim_wanted` asks the next commit to make room.

    `easy_bytes` may come without asking `room`: so far is the file from being squeezed.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.easy_bytes = 0
        self.trim_wanted = False
        self.recorded_bytes = 0
        self._kept = Kept(0, 0, 0)
        self._since_bytes = 0
        self._since_payload_bytes = 0
        self._trim_upto = 0
        self._fruitless_upto = -1
        self._marks: deque[tuple[int, int]] = deque(maxlen=AGE_MARKS_MAX)
        self._opened_ns = 0

    def opened(self, kept: Kept, high: int, now_ns: int) -> None:
        """Begin with what the journal holds."""
        self._kept = kept
        self._opened_ns = now_ns
        self._marks.append((high, now_ns))
        self._weigh()

    @property
    def limits(self) -> Limits:
        """What may be kept; it may change while the agent runs."""
        return self._limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._limits = limits
        self._weigh()

    def _weigh(self) -> None:
        limits = self._limits
        squeezed_from = (limits.quota_bytes - limits.reserve_bytes) * SQUEEZE_EIGHTHS // 8
        self.easy_bytes = squeezed_from - self.used_bytes

    def room(
        self, size_bytes: int, acked_upto: int, *, urgent: bool, salvaged_upto: int = 0
    ) -> Room:
        """Say whether so many bytes may come; WAIT when a trim will make room."""
        limits = self.limits
        ceiling = limits.quota_bytes - (0 if urgent else limits.reserve_bytes)
        used = self.used_bytes + size_bytes
        if used <= ceiling:
            if used * 8 > ceiling * SQUEEZE_EIGHTHS:
                self.trim_wanted = True
            return Room.YES
        events = self._fruitless_upto < acked_upto and 0 < self._kept.oldest_seq <= acked_upto
        if events or 0 < self._kept.oldest_salvaged <= salvaged_upto:
            self.trim_wanted = True
            return Room.YES if urgent else Room.WAIT
        return Room.NO

    def written(self, payload_bytes: int, rows: int) -> None:
        """Take note of a commit."""
        size_bytes = payload_bytes + _ROW_EXTRA_BYTES * rows
        self._since_bytes += size_bytes
        self._since_payload_bytes += payload_bytes
        self.recorded_bytes += size_bytes
        self._weigh()

    def trimmed(self, kept: Kept) -> None:
        """Take note of what a trim has left; one that frees nothing is not asked for again.

        The rows of its own batch were told by `written` before.
        """
        if kept.payload_bytes >= self._kept.payload_bytes + self._since_payload_bytes:
            self._fruitless_upto = self._trim_upto
        self._kept, self._since_bytes, self._since_payload_bytes = kept, 0, 0
        self._weigh()

    def trim(self, high: int, acked_upto: int, salvaged_upto: int, now_ns: int) -> Trim:
        """Say what the next commit is to delete."""
        self.trim_wanted = False
        self._trim_upto = acked_upto
        limits = self.limits
        apart_ns = max(_HOUR_NS, limits.replay_ns * 2 // AGE_MARKS_MAX)
        if not self._marks or now_ns - self._marks[-1][1] >= apart_ns:
            self._marks.append((high, now_ns))
        aged_upto = 0
        for seq, marked_ns in self._marks:
            if now_ns - marked_ns < limits.replay_ns:
                break
            aged_upto = seq
        squeezed = (
            self.used_bytes * 8 > (limits.quota_bytes - limits.reserve_bytes) * SQUEEZE_EIGHTHS
        )
        old = now_ns - self._opened_ns >= limits.replay_ns
        return Trim(
            acked_upto,
            aged_upto,
            0 if squeezed else limits.replay_bytes,
            salvaged_upto if squeezed or old else 0,
        )

    @property
    def used_bytes(self) -> int:
        """How much of the quota is in use."""
        return self._kept.used_bytes + self._since_bytes

    def waiting_bytes(self, waiting: int, high: int) -> int:
        """Estimate what the events that wait take of the quota: they cannot be trimmed."""
        held = high - max(self._kept.oldest_seq, 1) + 1
        return self.used_bytes * waiting // held if held > 0 else 0
