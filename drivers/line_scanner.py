"""A scanner in line mode behind any file that can be polled: reading, holding, reopening.

Rules:
1. Nothing blocks. One read and at most `SCANS_PER_TURN` frames per turn.
2. A frame that the line has no room for is kept, and so is everything behind it: the file is left
   unread, and the flow control of whatever is at its other end holds the scanner.
3. No file is a state with a back-off, for ever; never an exception.
4. A condition is told when it changes, and only then.
"""

import io
import select
from abc import ABC, abstractmethod
from collections import deque
from typing import Final, NamedTuple

from drivers.framing import Framer
from edge_agent.ports import Condition, Flaw, Outcome, Read, Tell
from edge_agent.reactor import READ, Reactor

SCANS_PER_TURN: Final = 64
"""So many frames are handed to the line in one turn; the rest follow in the next."""

REOPEN_MIN_NS: Final = 100_000_000
REOPEN_MAX_NS: Final = 2_000_000_000
"""First and longest wait before a file is opened again; it doubles until bytes come."""

KEPT_FRAMES_MAX: Final = 64
"""Frames that wait here while the line has no room, where silence ends a frame: a scanner that
is not listened to leaves no silence behind. Beyond it, and always with a suffix, the file waits."""

LINE_BYTES_LIMIT: Final = 7_680
"""Eight times as much, as JSON of the strangest bytes, still fits into one publish (64 KiB)."""

REPEAT_WINDOW_S_LIMIT: Final = 3600.0
"""Longest `repeat_window_s`: who scans the same card an hour later means it."""

_GONE: Final = select.EPOLLHUP | select.EPOLLERR
_HELD: Final = 0


class Trouble(Exception):
    """A file cannot be opened, or is lost: what is wrong, and what to do about it."""

    def __init__(self, why: str, remedy: str) -> None:
        super().__init__(why)
        self.why = why
        self.remedy = remedy


def check_keys(*, line_bytes_max: int, repeat_window_s: float) -> None:
    """Raise ValueError for keys that all scanners in line mode have and that cannot be meant."""
    if not 1 <= line_bytes_max <= LINE_BYTES_LIMIT:
        raise ValueError(f"line_bytes_max: must be 1 to {LINE_BYTES_LIMIT}; leave it out")
    if not 0 <= repeat_window_s <= REPEAT_WINDOW_S_LIMIT:
        raise ValueError(
            f"repeat_window_s: must be 0 to {REPEAT_WINDOW_S_LIMIT:.0f}; write 2.0, or 0 for none"
        )


class Kept(NamedTuple):
    """A frame that waits for room, with the moment of its capture."""

    raw: bytes
    at_mono_ns: int
    at_wall_ns: int
    flaw: Flaw


class LineScanner(ABC):
    """What all scanners in line mode have in common; a `Source`.

    A kind says how its file is opened and closed, and how a read is answered.
    """

    def __init__(
        self,
        name: str,
        station: str,
        framer: Framer,
        repeat_window_s: float,
        *,
        reactor: Reactor,
        read: Read,
        tell: Tell,
    ) -> None:
        self.name = name
        self.station = station
        self.repeat_window_ns = round(repeat_window_s * 1e9)
        self.condition = Condition.STARTING
        self.why = "not opened yet"
        self.remedy = ""
        self._framer = framer
        self._reactor = reactor
        self._clock = reactor.clock
        self._read = read
        self._tell = tell
        self._timer = reactor.timer(self._ring)
        self._backoff_ns = REOPEN_MIN_NS
        self._file: io.FileIO | None = None
        self._at_mono_ns = 0
        self._at_wall_ns = 0
        self._kept: deque[Kept] = deque()
        self._held = False
        self._slicing = False
        self._quieted = False
        self._sliced_turn = -1
        self._asked_turn = -1
        self._opens = 0
        self._holds = 0
        self._unanswered = 0

    # -- what a kind says ----------------------------------------------------------------------

    @abstractmethod
    def _open(self) -> int:
        """Give the descriptor of the file, non-blocking, or raise `Trouble`."""

    @abstractmethod
    def _close(self) -> None:
        """Close what `_open` has opened; must not wait, must not fail."""

    @abstractmethod
    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, reason: str | None
    ) -> None:
        """Tell the one who scanned; the line calls it once a read is committed or refused."""

    def _opened(self) -> str:
        """Give advice on a file that was opened without trouble; none by default."""
        return ""

    @abstractmethod
    def _read_nothing(self) -> None:
        """Take note that the file was ready and had nothing: somebody else was faster."""

    # -- Source --------------------------------------------------------------------------------

    def start(self) -> None:
        self._try_open(self._clock.mono_ns())

    def quiet(self) -> None:
        if not self._quieted:
            self._quieted = True
            if self._file is not None:
                self._reactor.unwatch(self._file.fileno())
            self._reactor.forget(self._timer)

    def stop(self) -> None:
        self.quiet()
        self._let_go()

    def resume(self) -> None:
        if self._held and not self._quieted:
            self._held = False
            if self._file is not None:
                self._reactor.rewatch(self._file.fileno(), READ)
            self._slice()

    def counters(self) -> dict[str, int]:
        framer = self._framer
        return {
            "bytes": framer.bytes,
            "frames": framer.frames,
            "dropped_bytes": framer.dropped_bytes,
            "dropped_partials": framer.dropped_partials,
            "too_long": framer.too_long,
            "reopens": max(self._opens - 1, 0),
            "holds": self._holds,
            "unanswered": self._unanswered,
        }

    # -- opening and losing --------------------------------------------------------------------

    def _try_open(self, now_ns: int) -> None:
        try:
            fd = self._open()
        except Trouble as trouble:
            self._say(Condition.TROUBLE, trouble.why, trouble.remedy)
            self._back_off(now_ns)
            return
        self._file = io.FileIO(fd, "rb", closefd=False)
        self._opens += 1
        self._asked_turn = self._reactor.turns
        self._reactor.watch(fd, self._ready, _HELD if self._held else READ)
        self._say(Condition.OK, "", self._opened())

    def _lose(self, why: str, remedy: str) -> None:
        """Close a file that is of no use any more, and open it again later."""
        self._let_go()
        self._keep_frames()
        self._framer.drop_partial()
        self._say(Condition.TROUBLE, why, remedy)
        self._back_off(self._clock.mono_ns())

    def _let_go(self) -> None:
        if self._file is not None:
            self._reactor.unwatch(self._file.fileno())
            self._file.close()
            self._file = None
            self._close()

    def _back_off(self, now_ns: int) -> None:
        self._timer.due_ns = now_ns + self._backoff_ns
        self._backoff_ns = min(2 * self._backoff_ns, REOPEN_MAX_NS)

    def _say(self, condition: Condition, why: str, remedy: str) -> None:
        if (condition, why, remedy) != (self.condition, self.why, self.remedy):
            self.condition, self.why, self.remedy = condition, why, remedy
            self._tell(self, condition, why, remedy)

    def _ring(self, now_ns: int) -> int:
        """Open again, or end a frame by silence: the one timer is due for one of the two."""
        if self._file is None:
            self._try_open(now_ns)
        elif not self._slicing and len(self._kept) < KEPT_FRAMES_MAX:
            if now_ns < self._framer.due_ns:
                return self._framer.due_ns
            self._asked_turn = self._reactor.turns
            if self._take(self._file) is None:  # silence is believed when the file agrees
                self._framer.silent(now_ns)
            self._frames_may_be_there()
        return self._timer.due_ns

    # -- reading -------------------------------------------------------------------------------

    def _ready(self, events: int) -> None:
        file = self._file
        turn = self._reactor.turns
        if file is None or self._slicing or self._sliced_turn == turn:  # this turn has had its lot
            return
        if self._held and (events & _GONE or not self._keeps_reading()):
            if events & _GONE:
                self._lose_hung_up()
            return
        if self._take(file) is not None:
            self._frames_may_be_there()
        elif self._asked_turn != turn:  # else: ready before we asked out of turn
            self._read_nothing()

    def _take(self, file: io.FileIO) -> int | None:
        """Read once into the framer; None when there is nothing, 0 when the file is lost."""
        try:
            n = file.readinto(self._framer.room())
        except OSError as error:
            self._lose(f"reading failed: {error.strerror}", "plug the scanner out and in again")
            return 0
        if n is None:
            return None
        if not n:
            self._lose_hung_up()
            return 0
        clock = self._clock
        self._at_mono_ns = clock.mono_ns()
        self._at_wall_ns = clock.wall_ns()
        self._framer.took(n, self._at_mono_ns)
        self._backoff_ns = REOPEN_MIN_NS
        return n

    def _lose_hung_up(self) -> None:
        self._lose(
            "hung up: the scanner was unplugged, or its port went away",
            "plug the scanner in again; it is opened as soon as it is there",
        )

    def _frames_may_be_there(self) -> None:
        if self._file is None:
            return
        if self._held:
            self._keep_frames()
            self._timer.due_ns = self._framer.due_ns
            if not self._keeps_reading():
                self._reactor.rewatch(self._file.fileno(), _HELD)
        else:
            self._deliver()

    # -- handing over --------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Hand what has been read to the line, so much as a turn may take."""
        framer = self._framer
        read = self._read
        for _ in range(SCANS_PER_TURN):
            raw = framer.next()
            if raw is None:
                if self._file is not None:
                    self._timer.due_ns = framer.due_ns
                return
            if not read(self, raw, self._at_mono_ns, self._at_wall_ns, framer.flaw):
                self._kept.append(Kept(raw, self._at_mono_ns, self._at_wall_ns, framer.flaw))
                self._hold()
                return
        self._slice()

    def _deliver_kept(self) -> bool:
        """Hand over what has waited; False when that was a turn's lot, or there is no room."""
        kept = self._kept
        if not kept:
            return True
        for _ in range(min(len(kept), SCANS_PER_TURN)):
            if not self._read(self, *kept[0]):
                self._hold()
                return False
            kept.popleft()
        self._slice()
        return False

    def _slice(self) -> None:
        if not self._slicing:
            self._slicing = True
            self._reactor.again(self._go_on)

    def _go_on(self) -> None:
        self._slicing = False
        self._sliced_turn = self._reactor.turns
        if not self._quieted and self._deliver_kept():
            self._deliver()

    def _hold(self) -> None:
        """Stop taking bytes until `resume`."""
        self._held = True
        self._holds += 1
        if self._file is not None:
            if self._framer.idle_ns:
                self._keep_frames()
                self._timer.due_ns = self._framer.due_ns
            if not self._keeps_reading():
                self._reactor.rewatch(self._file.fileno(), _HELD)

    def _keeps_reading(self) -> bool:
        return self._framer.idle_ns > 0 and len(self._kept) < KEPT_FRAMES_MAX

    def _keep_frames(self) -> None:
        """Take every whole frame out of the framer, so that it has room or can be emptied."""
        framer = self._framer
        while (raw := framer.next()) is not None:
            self._kept.append(Kept(raw, self._at_mono_ns, self._at_wall_ns, framer.flaw))
