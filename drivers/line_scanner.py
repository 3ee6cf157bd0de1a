"""A scanner in line mode behind any file that can be polled: reading, holding, leaving.

Rules:
1. Nothing blocks. One read and at most `SCANS_PER_TURN` frames per turn.
2. A frame that the line has no room for is kept, and so is everything behind it: the file is left
   unread, and the flow control of whatever is at its other end holds the scanner.
3. Who leaves finishes first: the read that has begun, what the line has no room for yet, and the
   answers on their way. Each has its bound, and what is cut off by it is refused and counted.
"""

import io
import logging
import select
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from drivers.framing import Framer
from drivers.reopening import HELD, REOPEN_MIN_NS, Reopening
from edge_agent.ports import Condition, Flaw, Outcome, Read, Tell
from edge_agent.reactor import NEVER, READ, Reactor, Timer

SCANS_PER_TURN: Final = 64
"""So many frames are handed to the line in one turn; the rest follow in the next."""

KEPT_FRAMES_MAX: Final = 64
"""Frames that wait here while the line has no room, where silence ends a frame: a scanner that
is not listened to leaves no silence behind. Beyond it, and always with a suffix, the file waits."""

LINE_BYTES_LIMIT: Final = 7_680
"""Eight times as much, as JSON of the strangest bytes, still fits into one publish (64 KiB)."""

REPEAT_WINDOW_S_LIMIT: Final = 3600.0
"""Longest `repeat_window_s`: who scans the same card an hour later means it."""

FINISH_NS: Final = 500_000_000
"""Who leaves waits so long for the rest of a read that has begun; then it is a dropped partial."""

DRAIN_NS: Final = 500_000_000
"""So long answers may still be on their way to a device that is left; then they are given up."""

DRAIN_STEP_NS: Final = 5_000_000
"""How often it is looked whether they have arrived: nothing here waits in the kernel."""

_log = logging.getLogger(__name__)

_GONE: Final = select.EPOLLHUP | select.EPOLLERR


def check_keys(*, line_bytes_max: int, repeat_window_s: float) -> None:
    """Raise ValueError for keys that all scanners in line mode have and that cannot be meant."""
    if not 1 <= line_bytes_max <= LINE_BYTES_LIMIT:
        raise ValueError(f"line_bytes_max: must be 1 to {LINE_BYTES_LIMIT}; leave it out")
    if not 0 <= repeat_window_s <= REPEAT_WINDOW_S_LIMIT:
        raise ValueError(
            f"repeat_window_s: must be 0 to {REPEAT_WINDOW_S_LIMIT:.0f}; write 2.0, or 0 for none"
        )


def _nothing() -> None:
    """Be told for nobody."""


class Kept(NamedTuple):
    """A frame that waits for room, with the moment of its capture."""

    raw: bytes
    at_mono_ns: int
    at_wall_ns: int
    flaw: Flaw


class LineScanner(Reopening):
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
        super().__init__(name, reactor)
        self.station = station
        self.repeat_window_ns = round(repeat_window_s * 1e9)
        self._framer = framer
        self._read = read
        self._tell = tell
        self._at_mono_ns = 0
        self._at_wall_ns = 0
        self._kept: deque[Kept] = deque()
        self._slicing = False
        self._quieted = False
        self._stopped = False
        self._leaving: Timer | None = None
        self._drained_ns = 0
        self._when_quiet: list[Callable[[], None]] = []
        self._when_gone: list[Callable[[], None]] = []
        self._sliced_turn = -1
        self._holds = 0
        self._refused = 0
        self._unanswered = 0

    # -- what a kind says ----------------------------------------------------------------------

    @abstractmethod
    def answer(
        self, raw: bytes, outcome: Outcome, event_id: str | None, reason: str | None
    ) -> None:
        """Tell the one who scanned; the line calls it once a read is committed or refused."""

    def _unsent(self) -> int:
        """Say how many bytes of answers are still on their way; none where nobody can know."""
        return 0

    # -- Source --------------------------------------------------------------------------------

    def quiet(self, then: Callable[[], None] = _nothing) -> None:
        if self._stopped:
            then()
            return
        self._when_quiet.append(then)
        if not self._quieted:
            if self._watched and not self._held and not self._slicing:
                assert self._file is not None
                self._take(self._file)  # what has arrived was scanned before we leave
            self._quieted = True
            leave_ns = self._clock.mono_ns() + FINISH_NS
            self._leaving = self._reactor.timer(self._leave, leave_ns)
            if not self._framer.begun:
                self._unwatch()
        if not self._held:
            self._slice()

    def stop(self, then: Callable[[], None] = _nothing) -> None:
        self._when_gone.append(then)
        if not self._stopped:
            self._quieted = self._stopped = True
            self._unwatch()
            self._refuse_rest()
            self._reactor.forget(self._timer)
            self._drained_ns = self._clock.mono_ns() + DRAIN_NS
            if self._leaving is None:
                self._leaving = self._reactor.timer(self._leave)
        assert self._leaving is not None
        self._leaving.due_ns = self._leave(self._clock.mono_ns())

    def resume(self) -> None:
        if self._held and not self._stopped:
            self._held = False
            self._watch_for(READ)
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
            "refused": self._refused,
            "unanswered": self._unanswered,
        }

    # -- the file ------------------------------------------------------------------------------

    def _lost(self) -> None:
        self._keep_frames()
        self._framer.drop_partial()
        if self._quieted and not self._held:
            self._slice()

    def _changed(self, condition: Condition, why: str, remedy: str) -> None:
        self._tell(self, condition, why, remedy)

    def _ring(self, now_ns: int) -> int:
        """Open again, or end a frame by silence: the one timer is due for one of the two."""
        if self._file is None:
            if not self._quieted:
                self._try_open(now_ns)
        elif self._watched and not self._slicing and len(self._kept) < KEPT_FRAMES_MAX:
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
                self._watch_for(HELD)
        else:
            self._deliver()
            if self._quieted:
                self._see_quiet()

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
        if not self._stopped and self._deliver_kept():
            self._deliver()
        if self._quieted:
            self._see_quiet()

    def _hold(self) -> None:
        """Stop taking bytes until `resume`."""
        self._held = True
        self._holds += 1
        if self._file is not None:
            if self._framer.idle_ns:
                self._keep_frames()
                self._timer.due_ns = self._framer.due_ns
            if not self._keeps_reading():
                self._watch_for(HELD)

    def _keeps_reading(self) -> bool:
        return self._framer.idle_ns > 0 and len(self._kept) < KEPT_FRAMES_MAX

    def _keep_frames(self) -> None:
        """Take every whole frame out of the framer, so that it has room or can be emptied."""
        framer = self._framer
        while (raw := framer.next()) is not None:
            self._kept.append(Kept(raw, self._at_mono_ns, self._at_wall_ns, framer.flaw))

    # -- leaving -------------------------------------------------------------------------------

    def _see_quiet(self) -> None:
        """Tell when nothing more comes, and all that came is handed over."""
        if self._stopped or self._slicing or self._held:
            return
        if self._framer.begun and self._watched:
            return
        self._unwatch()
        told, self._when_quiet = self._when_quiet, []
        for then in told:
            then()

    def _leave(self, now_ns: int) -> int:
        """Wait no more for the rest of a read; or look whether the last answers have arrived."""
        if not self._stopped:
            self._unwatch()
            self._see_quiet()
            return NEVER
        assert self._leaving is not None
        left = 0 if self._file is None else self._unsent()
        if left and now_ns < self._drained_ns:
            return min(now_ns + DRAIN_STEP_NS, self._drained_ns)
        if left:
            self._unanswered += 1
            _log.warning("%s: %d bytes of answers did not reach it", self.name, left)
        self._let_go()
        self._reactor.forget(self._leaving)
        told, self._when_gone = self._when_gone, []
        for then in told:
            then()
        return NEVER

    def _refuse_rest(self) -> None:
        """Refuse what was read and nobody took, so that no light stays undecided."""
        self._keep_frames()
        for kept in self._kept:
            self.answer(kept.raw, Outcome.REJECTED, None, "storage")
        self._refused += len(self._kept)
        torn = self._framer.begun
        self._framer.drop_partial()
        if self._kept or torn:
            _log.warning(
                "%s: left with %d reads refused and %d dropped unfinished",
                *(self.name, len(self._kept), torn),
            )
        self._kept.clear()
